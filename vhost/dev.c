// SPDX-License-Identifier: GPL-2.0
/* The device: its owner, and the ioctls that concern it as a whole. */
#include <linux/eventfd.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include "dev.h"
#include "net.h"

static bool fork_from_owner_default = true;
module_param(fork_from_owner_default, bool, 0444);
MODULE_PARM_DESC(fork_from_owner_default,
		 "Workers are threads of the device's owner, where the kernel has that (Y), or kernel threads (N)");

static atomic64_t devices = ATOMIC64_INIT(0);

/**
 * weft_dev_lock_vqs() - locks all queues
 * @dev: device, locked
 */
void weft_dev_lock_vqs(struct weft_dev *dev)
{
	int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < WEFT_VQS; i++)
		weft_vq_lock(&dev->vqs[i]);
}

/**
 * weft_dev_unlock_vqs() - unlocks them
 * @dev: device
 */
void weft_dev_unlock_vqs(struct weft_dev *dev)
{
	int i;

	for (i = WEFT_VQS; i--; )
		mutex_unlock(&dev->vqs[i].lock);
}

/**
 * weft_dev_check_owner() - whether the caller is the owner
 * @dev: device, locked
 *
 * Return: 0 or -EPERM, also when there is none
 */
int weft_dev_check_owner(struct weft_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	return dev->mm && dev->mm == current->mm ? 0 : -EPERM;
}

/**
 * weft_dev_create() - a device without an owner
 *
 * Return: device or ERR_PTR(-ENOMEM)
 */
struct weft_dev *weft_dev_create(void)
{
	struct weft_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);

	if (!dev)
		return ERR_PTR(-ENOMEM);
	mutex_init(&dev->lock);
	spin_lock_init(&dev->msg_lock);
	INIT_LIST_HEAD(&dev->unread);
	INIT_LIST_HEAD(&dev->unanswered);
	init_waitqueue_head(&dev->msg_wait);
	xa_init_flags(&dev->workers, XA_FLAGS_ALLOC1);
	dev->kind = fork_from_owner_default && weft_worker_can(WEFT_WORKER_TASK) ?
		    WEFT_WORKER_TASK : WEFT_WORKER_KTHREAD;
	dev->creator = task_tgid_nr(current);
	dev->number = atomic64_inc_return(&devices);
	weft_vq_init(dev, WEFT_VQ_RX, weft_rx_work);
	weft_vq_init(dev, WEFT_VQ_TX, weft_tx_work);
	weft_stats_show(dev);
	return dev;
}

/* Without backends, kicks and works: nothing of the owner's is used any more. */
static void quiesce(struct weft_dev *dev)
{
	int i;

	for (i = 0; i < WEFT_VQS; i++) {
		struct weft_vq *vq = &dev->vqs[i];

		weft_net_detach(vq);
		weft_vq_lock(vq);
		weft_poll_stop(&vq->kick_poll);
		mutex_unlock(&vq->lock);
	}
	weft_threads_flush(dev);
}

/* Gives up the owner, and all that is the owner's. */
static void disown(struct weft_dev *dev)
{
	int i;

	if (!dev->mm)
		return;
	quiesce(dev);
	weft_threads_end(dev);
	for (i = 0; i < WEFT_VQS; i++)
		weft_vq_end(&dev->vqs[i]);
	mmput(dev->mm);
	dev->mm = NULL;
	dev->owner = 0;
}

/* What may have been set without an owner as well. */
static void forget(struct weft_dev *dev)
{
	int i;

	weft_dev_lock_vqs(dev);
	for (i = 0; i < WEFT_VQS; i++)
		weft_vq_reset(&dev->vqs[i]);
	weft_iotlb_set(dev, false);
	vhost_iotlb_free(dev->table);
	dev->table = NULL;
	if (dev->log_ctx)
		eventfd_ctx_put(dev->log_ctx);
	dev->log_ctx = NULL;
	memset(&dev->features, 0, sizeof(dev->features));
	dev->backend_features = 0;
	weft_dev_unlock_vqs(dev);
}

/**
 * weft_dev_destroy() - ends a device, whatever state it is in
 * @dev: device that nobody has open
 */
void weft_dev_destroy(struct weft_dev *dev)
{
	weft_stats_hide(dev);
	mutex_lock(&dev->lock);
	disown(dev);
	forget(dev);
	mutex_unlock(&dev->lock);
	xa_destroy(&dev->workers);
	kfree(dev);
}

static long set_owner(struct weft_dev *dev)
{
	int i, ret = 0;

	if (dev->mm)
		return -EBUSY;
	dev->mm = get_task_mm(current);
	if (!dev->mm)
		return -EPERM;
	for (i = 0; !ret && i < WEFT_VQS; i++)
		ret = weft_vq_begin(&dev->vqs[i], dev->mm);
	if (!ret)
		ret = weft_threads_begin(dev);
	if (!ret) {
		dev->owner = task_tgid_nr(current);
		return 0;
	}
	while (i--)
		weft_vq_end(&dev->vqs[i]);
	mmput(dev->mm);
	dev->mm = NULL;
	return ret;
}

static long reset_owner(struct weft_dev *dev)
{
	long ret = weft_dev_check_owner(dev);

	if (ret)
		return ret;
	disown(dev);
	forget(dev);
	return 0;
}

static long set_features(struct weft_dev *dev, const struct weft_features *f)
{
	struct weft_features offered = weft_features_offered();
	bool log, iotlb;
	int i, ret = 0;

	if (!weft_features_within(f, &offered))
		return -EOPNOTSUPP;
	mutex_lock(&dev->lock);
	log = weft_features_test(f, VHOST_F_LOG_ALL);
	iotlb = weft_features_test(f, VIRTIO_F_ACCESS_PLATFORM);
	weft_dev_lock_vqs(dev);
	for (i = 0; log && i < WEFT_VQS; i++)
		if (dev->vqs[i].backend &&
		    !weft_log_table_ok(dev->vqs[i].log_base, dev->table))
			ret = -EFAULT;
	if (!ret)
		ret = weft_iotlb_set(dev, iotlb);
	if (!ret) {
		dev->features = *f;
		for (i = 0; i < WEFT_VQS; i++) {
			weft_net_features(&dev->vqs[i]);
			if (weft_vq_refeature(&dev->vqs[i]))
				ret = -EFAULT;
			/* What it asked the owner was forgotten with the IOTLB, so
			 * that no answer would have it go on.
			 */
			weft_vq_queue(&dev->vqs[i]);
		}
	}
	weft_dev_unlock_vqs(dev);
	mutex_unlock(&dev->lock);
	return ret;
}

static long features_ioctl(struct weft_dev *dev, unsigned int cmd, u64 __user *argp)
{
	struct weft_features f = weft_features_offered();

	if (cmd == VHOST_GET_FEATURES)
		return put_user(f.word[0], argp);
	memset(&f, 0, sizeof(f));
	if (get_user(f.word[0], argp))
		return -EFAULT;
	return set_features(dev, &f);
}

/* A client may know of fewer words than there are, or of more. */
static long features_array_ioctl(struct weft_dev *dev, unsigned int cmd,
				 struct vhost_features_array __user *argp)
{
	u64 __user *words = (u64 __user *)((void __user *)argp + sizeof(*argp));
	struct weft_features f = weft_features_offered();
	u64 count, word, i;

	if (copy_from_user(&count, &argp->count, sizeof(count)))
		return -EFAULT;
	if (cmd == VHOST_GET_FEATURES_ARRAY) {
		u32 n = min_t(u64, count, WEFT_FEATURE_WORDS);

		if (copy_to_user(words, f.word, n * sizeof(u64)) ||
		    clear_user(words + n, size_mul(count - n, sizeof(u64))))
			return -EFAULT;
		return 0;
	}
	memset(&f, 0, sizeof(f));
	if (copy_from_user(f.word, words, min_t(u64, count, WEFT_FEATURE_WORDS) * sizeof(u64)))
		return -EFAULT;
	/* Words beyond those that are known have to be empty. */
	for (i = WEFT_FEATURE_WORDS; i < count; i++) {
		if (get_user(word, words + i))
			return -EFAULT;
		if (word)
			return -EOPNOTSUPP;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return set_features(dev, &f);
}

static long backend_features_ioctl(struct weft_dev *dev, unsigned int cmd, u64 __user *argp)
{
	u64 f;

	if (cmd == VHOST_GET_BACKEND_FEATURES)
		return put_user(weft_features_backend(), argp);
	if (get_user(f, argp))
		return -EFAULT;
	if (f & ~weft_features_backend())
		return -EOPNOTSUPP;
	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->backend_features, f);
	mutex_unlock(&dev->lock);
	return 0;
}

static long fork_ioctl(struct weft_dev *dev, unsigned int cmd, u8 __user *argp)
{
	u8 v = dev->kind == WEFT_WORKER_TASK ? VHOST_FORK_OWNER_TASK : VHOST_FORK_OWNER_KTHREAD;

	if (cmd == VHOST_GET_FORK_FROM_OWNER)
		return put_user(v, argp);
	if (dev->mm)
		return -EBUSY;
	if (get_user(v, argp))
		return -EFAULT;
	if (v != VHOST_FORK_OWNER_TASK && v != VHOST_FORK_OWNER_KTHREAD)
		return -EINVAL;
	if (v == VHOST_FORK_OWNER_TASK && !weft_worker_can(WEFT_WORKER_TASK))
		return -EOPNOTSUPP;
	dev->kind = v == VHOST_FORK_OWNER_TASK ? WEFT_WORKER_TASK : WEFT_WORKER_KTHREAD;
	return 0;
}

static long set_mem_table(struct weft_dev *dev, const struct vhost_memory __user *argp)
{
	struct vhost_iotlb *table;
	int i, ret = weft_table_read(argp, &table);

	if (ret)
		return ret;
	weft_dev_lock_vqs(dev);
	for (i = 0; i < WEFT_VQS; i++)
		if (weft_dev_has(dev, VHOST_F_LOG_ALL) && dev->vqs[i].backend &&
		    !weft_log_table_ok(dev->vqs[i].log_base, table))
			ret = -EFAULT;
	if (!ret)
		swap(dev->table, table);
	for (i = 0; !ret && i < WEFT_VQS; i++) {
		weft_mem_set(&dev->vqs[i].mem, dev->table, dev->iotlb);
		weft_vq_changed(&dev->vqs[i]);
	}
	weft_dev_unlock_vqs(dev);
	vhost_iotlb_free(table);
	return ret;
}

static long set_log_base(struct weft_dev *dev, const u64 __user *argp)
{
	void __user *base;
	long ret = 0;
	u64 p;
	int i;

	if (get_user(p, argp))
		return -EFAULT;
	base = (void __user *)(uintptr_t)p;
	if ((u64)(uintptr_t)p != p)
		return -EFAULT;
	weft_dev_lock_vqs(dev);
	for (i = 0; i < WEFT_VQS; i++)
		if (dev->vqs[i].backend && weft_dev_has(dev, VHOST_F_LOG_ALL) &&
		    !weft_log_table_ok(base, dev->table))
			ret = -EFAULT;
	for (i = 0; !ret && i < WEFT_VQS; i++)
		dev->vqs[i].log_base = base;
	weft_dev_unlock_vqs(dev);
	return ret;
}

static long set_log_fd(struct weft_dev *dev, const int __user *argp)
{
	struct eventfd_ctx *ctx;
	int fd;

	if (get_user(fd, argp))
		return -EFAULT;
	ctx = fd == VHOST_FILE_UNBIND ? NULL : eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	weft_dev_lock_vqs(dev);
	swap(dev->log_ctx, ctx);
	weft_dev_unlock_vqs(dev);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

static long owner_ioctl(struct weft_dev *dev, unsigned int cmd, void __user *argp)
{
	long ret = weft_dev_check_owner(dev);

	if (ret)
		/* Who asks for workers before there is an owner hears something else. */
		return dev->mm || !weft_threads_knows(cmd) ? ret : -EINVAL;
	switch (cmd) {
	case VHOST_SET_MEM_TABLE:
		return set_mem_table(dev, argp);
	case VHOST_SET_LOG_BASE:
		return set_log_base(dev, argp);
	case VHOST_SET_LOG_FD:
		return set_log_fd(dev, argp);
	case VHOST_NET_SET_BACKEND:
		return weft_net_set_backend(dev, argp);
	}
	ret = weft_threads_ioctl(dev, cmd, argp);
	return ret == -ENOIOCTLCMD ? weft_vq_ioctl(dev, cmd, argp) : ret;
}

/**
 * weft_dev_ioctl() - all ioctls
 * @dev: device
 * @cmd: which
 * @arg: its argument
 *
 * Return: as in-tree vhost-net, for what that has
 */
long weft_dev_ioctl(struct weft_dev *dev, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	long ret;

	switch (cmd) {
	case VHOST_GET_FEATURES:
	case VHOST_SET_FEATURES:
		return features_ioctl(dev, cmd, argp);
	case VHOST_GET_FEATURES_ARRAY:
	case VHOST_SET_FEATURES_ARRAY:
		return features_array_ioctl(dev, cmd, argp);
	case VHOST_GET_BACKEND_FEATURES:
	case VHOST_SET_BACKEND_FEATURES:
		return backend_features_ioctl(dev, cmd, argp);
	}

	mutex_lock(&dev->lock);
	switch (cmd) {
	case VHOST_SET_OWNER:
		ret = set_owner(dev);
		break;
	case VHOST_RESET_OWNER:
		ret = reset_owner(dev);
		break;
	case VHOST_GET_FORK_FROM_OWNER:
	case VHOST_SET_FORK_FROM_OWNER:
		ret = fork_ioctl(dev, cmd, argp);
		break;
	default:
		ret = owner_ioctl(dev, cmd, argp);
	}
	mutex_unlock(&dev->lock);
	return ret;
}
