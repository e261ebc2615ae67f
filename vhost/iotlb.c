// SPDX-License-Identifier: GPL-2.0
/*
 * The device IOTLB: what the owner and the device tell each other of
 * translations, by reading and writing the character device.
 */
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <linux/virtio_config.h>
#include "dev.h"

static struct weft_vq *whose(struct weft_miss *m)
{
	return container_of(m, struct weft_vq, miss);
}

static void drop(struct list_head *list)
{
	struct weft_miss *m, *next;

	list_for_each_entry_safe(m, next, list, link)
		list_del_init(&m->link);
}

/* Forgets all questions. */
static void clear(struct weft_dev *dev)
{
	spin_lock(&dev->msg_lock);
	drop(&dev->unread);
	drop(&dev->unanswered);
	spin_unlock(&dev->msg_lock);
}

/**
 * weft_iotlb_set() - begins with an empty IOTLB, or ends it
 * @dev: device, with all its queues locked or at rest
 * @on: which
 *
 * Return: 0 or -ENOMEM, and then nothing has changed
 */
int weft_iotlb_set(struct weft_dev *dev, bool on)
{
	struct vhost_iotlb *t = NULL;

	if (on) {
		t = vhost_iotlb_alloc(weft_iotlb_limit(), VHOST_IOTLB_FLAG_RETIRE);
		if (!t)
			return -ENOMEM;
	}
	vhost_iotlb_free(dev->iotlb);
	WRITE_ONCE(dev->iotlb, t);
	clear(dev);
	/* Readers that wait find out that nothing will come. */
	wake_up_interruptible_poll(&dev->msg_wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/**
 * weft_iotlb_miss() - asks the owner for a translation
 * @vq: queue that waits for it, locked
 * @iova: of what
 * @perm: VHOST_MAP_RO or VHOST_MAP_WO
 *
 * In place of what the queue asked for before.
 */
void weft_iotlb_miss(struct weft_vq *vq, u64 iova, u32 perm)
{
	struct weft_dev *dev = vq->dev;

	lockdep_assert_held(&vq->lock);
	spin_lock(&dev->msg_lock);
	vq->miss.iova = iova;
	vq->miss.perm = perm;
	list_move_tail(&vq->miss.link, &dev->unread);
	spin_unlock(&dev->msg_lock);
	wake_up_interruptible_poll(&dev->msg_wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * weft_iotlb_unmiss() - takes back what was asked of the owner
 * @vq: queue that does not wait for it any more, locked
 */
void weft_iotlb_unmiss(struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	spin_lock(&vq->dev->msg_lock);
	list_del_init(&vq->miss.link);
	spin_unlock(&vq->dev->msg_lock);
}

/* Has the queues served again that waited for something in a range. */
static void answer(struct list_head *list, u64 start, u64 last)
{
	struct weft_miss *m, *next;

	list_for_each_entry_safe(m, next, list, link) {
		if (m->iova < start || m->iova > last)
			continue;
		whose(m)->missing = false;
		weft_vq_queue(whose(m));
		list_del_init(&m->link);
	}
}

static int update(struct weft_dev *dev, const struct vhost_iotlb_msg *msg)
{
	int ret, i;

	ret = weft_mem_map(dev->iotlb, msg->iova, msg->size, msg->uaddr, msg->perm);
	/* Also when it failed: some of the old ones may be gone. */
	for (i = 0; i < WEFT_VQS; i++) {
		weft_mem_forget(&dev->vqs[i].mem);
		dev->vqs[i].prepared = false;
	}
	if (ret)
		return ret;
	spin_lock(&dev->msg_lock);
	answer(&dev->unread, msg->iova, msg->iova + msg->size - 1);
	answer(&dev->unanswered, msg->iova, msg->iova + msg->size - 1);
	spin_unlock(&dev->msg_lock);
	return 0;
}

static int invalidate(struct weft_dev *dev, const struct vhost_iotlb_msg *msg)
{
	int ret, i;

	ret = weft_mem_unmap(dev->iotlb, msg->iova, msg->size);
	for (i = 0; !ret && i < WEFT_VQS; i++) {
		weft_mem_forget(&dev->vqs[i].mem);
		dev->vqs[i].prepared = false;
	}
	return ret;
}

static int handle(struct weft_dev *dev, const struct vhost_iotlb_msg *msg)
{
	int ret;

	mutex_lock(&dev->lock);
	weft_dev_lock_vqs(dev);
	if (!dev->iotlb) {
		ret = -EFAULT;
	} else {
		switch (msg->type) {
		case VHOST_IOTLB_UPDATE:
			ret = update(dev, msg);
			break;
		case VHOST_IOTLB_INVALIDATE:
			ret = invalidate(dev, msg);
			break;
		case VHOST_IOTLB_BATCH_BEGIN:
		case VHOST_IOTLB_BATCH_END:
			/* Each update is complete in itself. */
			ret = dev->backend_features & BIT_ULL(VHOST_BACKEND_F_IOTLB_BATCH) ?
			      0 : -EINVAL;
			break;
		default:
			ret = -EINVAL;
		}
	}
	weft_dev_unlock_vqs(dev);
	mutex_unlock(&dev->lock);
	return ret;
}

/**
 * weft_iotlb_write() - takes a message from the owner
 * @dev: device
 * @from: struct vhost_msg or struct vhost_msg_v2
 *
 * Return: bytes of the message; -EINVAL if it is none, or if it updates
 * nothing; -EFAULT for all else that is wrong with it, as in-tree vhost has it
 */
ssize_t weft_iotlb_write(struct weft_dev *dev, struct iov_iter *from)
{
	struct vhost_iotlb_msg msg;
	size_t offset, size;
	u32 type;

	if (copy_from_iter(&type, sizeof(type), from) != sizeof(type))
		return -EINVAL;
	switch (type) {
	case VHOST_IOTLB_MSG:
		/* There is a hole between the type and the rest. */
		offset = offsetof(struct vhost_msg, iotlb) - sizeof(type);
		size = sizeof(struct vhost_msg);
		break;
	case VHOST_IOTLB_MSG_V2:
		offset = offsetof(struct vhost_msg_v2, iotlb) - sizeof(type);
		size = sizeof(struct vhost_msg_v2);
		break;
	default:
		return -EINVAL;
	}
	if (iov_iter_count(from) < offset + sizeof(msg))
		return -EINVAL;
	iov_iter_advance(from, offset);
	if (copy_from_iter(&msg, sizeof(msg), from) != sizeof(msg))
		return -EINVAL;
	if (msg.type == VHOST_IOTLB_UPDATE && !msg.size)
		return -EINVAL;
	return handle(dev, &msg) ? -EFAULT : size;
}

/* The question that waits longest; from now on an answer finds it as one that was read. */
static bool take(struct weft_dev *dev, struct weft_vq **vq, struct vhost_iotlb_msg *msg)
{
	struct weft_miss *m;

	spin_lock(&dev->msg_lock);
	m = list_first_entry_or_null(&dev->unread, struct weft_miss, link);
	if (m) {
		*vq = whose(m);
		*msg = (struct vhost_iotlb_msg) {
			.iova = m->iova,
			.perm = m->perm,
			.type = VHOST_IOTLB_MISS,
		};
		list_move_tail(&m->link, &dev->unanswered);
	}
	spin_unlock(&dev->msg_lock);
	return m;
}

/* Back to those that nobody has read, unless it has been answered all the same. */
static void unread(struct weft_dev *dev, struct weft_vq *vq)
{
	spin_lock(&dev->msg_lock);
	if (!list_empty(&vq->miss.link))
		list_move(&vq->miss.link, &dev->unread);
	spin_unlock(&dev->msg_lock);
}

static ssize_t send(struct weft_dev *dev, struct weft_vq *vq, const struct vhost_iotlb_msg *msg,
		    struct iov_iter *to)
{
	bool v2 = READ_ONCE(dev->backend_features) & BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2);
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
	} buf;
	size_t size = v2 ? sizeof(buf.v2) : sizeof(buf.v1);

	/* Holes and padding too: user space gets all of it. */
	memset(&buf, 0, sizeof(buf));
	if (v2) {
		buf.v2.type = VHOST_IOTLB_MSG_V2;
		buf.v2.iotlb.iova = msg->iova;
		buf.v2.iotlb.perm = msg->perm;
		buf.v2.iotlb.type = msg->type;
	} else {
		buf.v1.type = VHOST_IOTLB_MSG;
		buf.v1.iotlb.iova = msg->iova;
		buf.v1.iotlb.perm = msg->perm;
		buf.v1.iotlb.type = msg->type;
	}
	if (copy_to_iter(&buf, size, to) == size)
		return size;
	unread(dev, vq);
	return -EFAULT;
}

/**
 * weft_iotlb_read() - gives the owner a message
 * @dev: device
 * @to: room for a struct vhost_msg
 * @nonblock: do not wait for one
 *
 * Return: bytes of the message; 0 if there is no room for one; -EAGAIN;
 * -ERESTARTSYS; -EBADFD if there is no IOTLB that could miss anything
 */
ssize_t weft_iotlb_read(struct weft_dev *dev, struct iov_iter *to, bool nonblock)
{
	struct vhost_iotlb_msg msg;
	struct weft_vq *vq = NULL;
	int ret;

	if (iov_iter_count(to) < sizeof(struct vhost_msg))
		return 0;
	if (nonblock)
		return take(dev, &vq, &msg) ? send(dev, vq, &msg, to) : -EAGAIN;
	ret = wait_event_interruptible(dev->msg_wait,
				       take(dev, &vq, &msg) || !READ_ONCE(dev->iotlb));
	if (vq)
		return send(dev, vq, &msg, to);
	return ret ?: -EBADFD;
}

/**
 * weft_iotlb_poll() - whether there is a message
 * @dev: device
 * @file: as opened
 * @wait: of who polls
 *
 * Return: EPOLLIN or not
 */
__poll_t weft_iotlb_poll(struct weft_dev *dev, struct file *file, poll_table *wait)
{
	poll_wait(file, &dev->msg_wait, wait);
	return list_empty_careful(&dev->unread) ? 0 : EPOLLIN | EPOLLRDNORM;
}
