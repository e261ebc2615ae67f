// SPDX-License-Identifier: GPL-2.0
/* The ioctls about one queue. */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include "dev.h"

static long set_num(struct weft_vq *vq, const struct vhost_vring_state *s)
{
	bool packed = weft_dev_has(vq->dev, VIRTIO_F_RING_PACKED);

	if (vq->backend)
		return -EBUSY;
	if (!s->num || s->num > WEFT_RING_MAX_SIZE || (!packed && s->num & (s->num - 1)))
		return -EINVAL;
	vq->num = s->num;
	return 0;
}

static long set_addr(struct weft_vq *vq, const struct vhost_vring_addr *a)
{
	const u64 addr[WEFT_AREAS] = {
		[WEFT_AREA_DESC] = a->desc_user_addr,
		[WEFT_AREA_DRIVER] = a->avail_user_addr,
		[WEFT_AREA_DEVICE] = a->used_user_addr,
	};

	if (a->flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if ((u64)(uintptr_t)a->desc_user_addr != a->desc_user_addr ||
	    (u64)(uintptr_t)a->avail_user_addr != a->avail_user_addr ||
	    (u64)(uintptr_t)a->used_user_addr != a->used_user_addr)
		return -EFAULT;
	/* virtio 1.3 §2.7: available ring on 2 bytes, used ring on 4 */
	if (a->avail_user_addr & (VRING_AVAIL_ALIGN_SIZE - 1) ||
	    a->used_user_addr & (VRING_USED_ALIGN_SIZE - 1) ||
	    a->log_guest_addr & (VRING_USED_ALIGN_SIZE - 1))
		return -EINVAL;

	return weft_vq_move(vq, addr, a->flags & BIT(VHOST_VRING_F_LOG), a->log_guest_addr);
}

static long set_base(struct weft_vq *vq, const struct vhost_vring_state *s)
{
	if (vq->backend)
		return -EBUSY;
	if (!weft_dev_has(vq->dev, VIRTIO_F_RING_PACKED) && s->num > U16_MAX)
		return -EINVAL;
	vq->base = s->num;
	return 0;
}

static u32 get_base(const struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	return vq->backend ? weft_ring_state_pack(&vq->ring) : vq->base;
}

static long set_endian(struct weft_vq *vq, const struct vhost_vring_state *s)
{
	if (vq->backend)
		return -EBUSY;
	if (s->num != VHOST_VRING_LITTLE_ENDIAN && s->num != VHOST_VRING_BIG_ENDIAN)
		return -EINVAL;
	vq->big_endian = s->num == VHOST_VRING_BIG_ENDIAN;
	return 0;
}

/* What concerns numbers. */
static long state_ioctl(struct weft_vq *vq, unsigned int cmd, void __user *argp)
{
	struct vhost_vring_state s;
	bool get = false;
	long ret = 0;

	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	s.index = vq->index;
	weft_vq_lock(vq);
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
		ret = set_num(vq, &s);
		break;
	case VHOST_SET_VRING_BASE:
		ret = set_base(vq, &s);
		break;
	case VHOST_GET_VRING_BASE:
		s.num = get_base(vq);
		get = true;
		break;
	case VHOST_SET_VRING_ENDIAN:
		ret = set_endian(vq, &s);
		break;
	case VHOST_GET_VRING_ENDIAN:
		s.num = vq->big_endian ? VHOST_VRING_BIG_ENDIAN : VHOST_VRING_LITTLE_ENDIAN;
		get = true;
		break;
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
		vq->busyloop = s.num;
		break;
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		s.num = vq->busyloop;
		get = true;
		break;
	}
	if (!get)
		weft_vq_changed(vq);
	mutex_unlock(&vq->lock);
	/* Not by IOC_OUT, which two of those that get something lack. */
	if (ret || !get)
		return ret;
	return copy_to_user(argp, &s, sizeof(s)) ? -EFAULT : 0;
}

static long addr_ioctl(struct weft_vq *vq, void __user *argp)
{
	struct vhost_vring_addr a;
	long ret;

	if (copy_from_user(&a, argp, sizeof(a)))
		return -EFAULT;
	weft_vq_lock(vq);
	ret = set_addr(vq, &a);
	weft_vq_changed(vq);
	mutex_unlock(&vq->lock);
	return ret;
}

static long set_kick(struct weft_vq *vq, int fd)
{
	struct file *file = fd == VHOST_FILE_UNBIND ? NULL : eventfd_fget(fd), *old;
	long ret = 0;

	if (IS_ERR(file))
		return PTR_ERR(file);
	weft_vq_lock(vq);
	old = vq->kick;
	if (file != old) {
		weft_poll_stop(&vq->kick_poll);
		vq->kick = file;
		if (file)
			ret = weft_poll_start(&vq->kick_poll, file);
	} else {
		/* The reference that was just got. */
		old = file;
	}
	mutex_unlock(&vq->lock);
	if (old)
		fput(old);
	return ret;
}

static long set_event(struct weft_vq *vq, struct eventfd_ctx **place, int fd)
{
	struct eventfd_ctx *ctx = fd == VHOST_FILE_UNBIND ? NULL : eventfd_ctx_fdget(fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	weft_vq_lock(vq);
	swap(*place, ctx);
	mutex_unlock(&vq->lock);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

static long file_ioctl(struct weft_vq *vq, unsigned int cmd, void __user *argp)
{
	struct vhost_vring_file f;

	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;
	switch (cmd) {
	case VHOST_SET_VRING_KICK:
		return set_kick(vq, f.fd);
	case VHOST_SET_VRING_CALL:
		return set_event(vq, &vq->call, f.fd);
	default:
		return set_event(vq, &vq->err, f.fd);
	}
}

/**
 * weft_vq_from_user() - the queue that an ioctl's argument begins with
 * @dev: device
 * @argp: user address of the argument
 *
 * Return: queue; ERR_PTR(-EFAULT); ERR_PTR(-ENOBUFS) if there is no such queue
 */
struct weft_vq *weft_vq_from_user(struct weft_dev *dev, void __user *argp)
{
	u32 index;

	if (get_user(index, (u32 __user *)argp))
		return ERR_PTR(-EFAULT);
	if (index >= WEFT_VQS)
		return ERR_PTR(-ENOBUFS);
	return &dev->vqs[array_index_nospec(index, WEFT_VQS)];
}

/**
 * weft_vq_ioctl() - what concerns one queue
 * @dev: device, locked, called by its owner
 * @cmd: ioctl
 * @argp: its argument
 *
 * Return: 0; -ENOIOCTLCMD if it is none of these; errors as of in-tree vhost
 */
long weft_vq_ioctl(struct weft_dev *dev, unsigned int cmd, void __user *argp)
{
	struct weft_vq *vq = weft_vq_from_user(dev, argp);

	switch (cmd) {
	case VHOST_SET_VRING_NUM:
	case VHOST_SET_VRING_BASE:
	case VHOST_GET_VRING_BASE:
	case VHOST_SET_VRING_ENDIAN:
	case VHOST_GET_VRING_ENDIAN:
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		return IS_ERR(vq) ? PTR_ERR(vq) : state_ioctl(vq, cmd, argp);
	case VHOST_SET_VRING_ADDR:
		return IS_ERR(vq) ? PTR_ERR(vq) : addr_ioctl(vq, argp);
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		return IS_ERR(vq) ? PTR_ERR(vq) : file_ioctl(vq, cmd, argp);
	default:
		return -ENOIOCTLCMD;
	}
}
