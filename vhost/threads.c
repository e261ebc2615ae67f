// SPDX-License-Identifier: GPL-2.0
/* Which worker serves which queue. */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "dev.h"

/* As many as could ever serve something at the same time, and some to change to. */
#define MAX_WORKERS	16

/* Runs in the thread: its owner was killed. Nobody may queue to it any more. */
static void killed(struct weft_worker *worker, void *arg)
{
	struct weft_dev *dev = arg;
	struct weft_dev_worker *w;
	int i;

	for (i = 0; i < WEFT_VQS; i++) {
		struct weft_vq *vq = &dev->vqs[i];

		mutex_lock(&vq->lock);
		w = rcu_dereference_protected(vq->worker, lockdep_is_held(&vq->lock));
		if (w && w->worker == worker)
			rcu_assign_pointer(vq->worker, NULL);
		mutex_unlock(&vq->lock);
	}
	synchronize_rcu();
}

static struct weft_dev_worker *create(struct weft_dev *dev)
{
	struct weft_dev_worker *w;
	char name[TASK_COMM_LEN];
	unsigned long id;
	u32 n = 0;
	int ret;

	lockdep_assert_held(&dev->lock);
	xa_for_each(&dev->workers, id, w)
		n++;
	if (n >= MAX_WORKERS)
		return ERR_PTR(-ENOSPC);
	w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return ERR_PTR(-ENOMEM);
	ret = xa_alloc(&dev->workers, &w->id, w, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		kfree(w);
		return ERR_PTR(ret);
	}
	/* Operators know them by this name. */
	snprintf(name, sizeof(name), "vhost-%d", current->pid);
	w->worker = weft_worker_create(name, dev->kind, dev->mm, killed, dev);
	if (IS_ERR(w->worker)) {
		ret = PTR_ERR(w->worker);
		xa_erase(&dev->workers, w->id);
		kfree(w);
		return ERR_PTR(ret);
	}
	return w;
}

static void destroy(struct weft_dev *dev, struct weft_dev_worker *w)
{
	xa_erase(&dev->workers, w->id);
	weft_worker_destroy(w->worker);
	kfree(w);
}

/* Has @vq served by @w from now on, if that is alive. */
static int attach(struct weft_vq *vq, struct weft_dev_worker *w)
{
	struct weft_dev_worker *old;

	weft_vq_lock(vq);
	/* One that dies after this takes itself away from the queue; see killed(). */
	if (weft_worker_dead(w->worker)) {
		mutex_unlock(&vq->lock);
		return -ENODEV;
	}
	old = rcu_dereference_protected(vq->worker, lockdep_is_held(&vq->lock));
	rcu_assign_pointer(vq->worker, w);
	mutex_unlock(&vq->lock);
	if (old) {
		/* Whoever saw the old one queues to it; then what is there is done. */
		synchronize_rcu();
		weft_worker_flush(old->worker);
	} else {
		/* Nobody served the queue, whatever it was told. */
		weft_vq_queue(vq);
	}
	return 0;
}

/**
 * weft_threads_attached() - how many queues a worker serves
 * @dev: device, locked
 * @w: worker
 *
 * Return: a number, which gets less when the worker dies
 */
unsigned int weft_threads_attached(struct weft_dev *dev, const struct weft_dev_worker *w)
{
	unsigned int i, n = 0;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < WEFT_VQS; i++)
		n += rcu_access_pointer(dev->vqs[i].worker) == w;
	return n;
}

/**
 * weft_threads_begin() - starts the worker that serves all queues at first
 * @dev: device, locked, called by its owner
 *
 * Return: 0 or as weft_worker_create()
 */
int weft_threads_begin(struct weft_dev *dev)
{
	struct weft_dev_worker *w = create(dev);
	int i, ret = 0;

	if (IS_ERR(w))
		return PTR_ERR(w);
	for (i = 0; !ret && i < WEFT_VQS; i++)
		ret = attach(&dev->vqs[i], w);
	if (ret)
		weft_threads_end(dev);
	return ret;
}

/**
 * weft_threads_flush() - waits for all that was queued
 * @dev: device, locked; no queue is
 */
void weft_threads_flush(struct weft_dev *dev)
{
	struct weft_dev_worker *w;
	unsigned long id;

	lockdep_assert_held(&dev->lock);
	xa_for_each(&dev->workers, id, w)
		weft_worker_flush(w->worker);
}

/**
 * weft_threads_end() - ends all workers
 * @dev: device, locked, whose queues have neither backends nor kicks
 */
void weft_threads_end(struct weft_dev *dev)
{
	struct weft_dev_worker *w;
	unsigned long id;
	int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < WEFT_VQS; i++) {
		struct weft_vq *vq = &dev->vqs[i];

		weft_vq_lock(vq);
		rcu_assign_pointer(vq->worker, NULL);
		mutex_unlock(&vq->lock);
	}
	synchronize_rcu();
	xa_for_each(&dev->workers, id, w) {
		weft_worker_flush(w->worker);
		destroy(dev, w);
	}
}

static long new_worker(struct weft_dev *dev, struct vhost_worker_state __user *argp)
{
	struct vhost_worker_state s = {};
	struct weft_dev_worker *w;

	/* Kernel threads are counted against nobody's limits. */
	if (dev->kind != WEFT_WORKER_TASK)
		return -EFAULT;
	w = create(dev);
	if (IS_ERR(w))
		return PTR_ERR(w);
	s.worker_id = w->id;
	if (!copy_to_user(argp, &s, sizeof(s)))
		return 0;
	destroy(dev, w);
	return -EFAULT;
}

static long free_worker(struct weft_dev *dev, struct vhost_worker_state __user *argp)
{
	struct vhost_worker_state s;
	struct weft_dev_worker *w;

	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	w = xa_load(&dev->workers, s.worker_id);
	if (!w)
		return -ENODEV;
	/* One that was killed stays until the device is closed. */
	if (weft_threads_attached(dev, w) || weft_worker_dead(w->worker))
		return -EBUSY;
	destroy(dev, w);
	return 0;
}

static long attach_worker(struct weft_dev *dev, struct vhost_vring_worker __user *argp)
{
	struct weft_vq *vq = weft_vq_from_user(dev, argp);
	struct vhost_vring_worker v;
	struct weft_dev_worker *w;

	if (IS_ERR(vq))
		return PTR_ERR(vq);
	if (copy_from_user(&v, argp, sizeof(v)))
		return -EFAULT;
	w = xa_load(&dev->workers, v.worker_id);
	if (!w)
		return -ENODEV;
	return w == rcu_access_pointer(vq->worker) ? 0 : attach(vq, w);
}

static long get_worker(struct weft_dev *dev, struct vhost_vring_worker __user *argp)
{
	struct weft_vq *vq = weft_vq_from_user(dev, argp);
	struct vhost_vring_worker v = {};
	struct weft_dev_worker *w;
	long ret = 0;

	if (IS_ERR(vq))
		return PTR_ERR(vq);
	v.index = vq->index;
	/* The pointer goes when the thread does, what it points to stays. */
	weft_vq_lock(vq);
	w = rcu_dereference_protected(vq->worker, lockdep_is_held(&vq->lock));
	if (w)
		v.worker_id = w->id;
	else
		ret = -EINVAL;
	mutex_unlock(&vq->lock);
	if (!ret && copy_to_user(argp, &v, sizeof(v)))
		ret = -EFAULT;
	return ret;
}

/**
 * weft_threads_knows() - whether weft_threads_ioctl() has an ioctl
 * @cmd: ioctl
 *
 * Return: whether it has
 */
bool weft_threads_knows(unsigned int cmd)
{
	return cmd == VHOST_NEW_WORKER || cmd == VHOST_FREE_WORKER ||
	       cmd == VHOST_ATTACH_VRING_WORKER || cmd == VHOST_GET_VRING_WORKER;
}

/**
 * weft_threads_ioctl() - what concerns workers
 * @dev: device, locked, called by its owner
 * @cmd: ioctl
 * @argp: its argument
 *
 * Return: 0; -ENOIOCTLCMD if it is none of these; errors as of in-tree
 * vhost-scsi, but for a thread that cannot be made, which says why
 */
long weft_threads_ioctl(struct weft_dev *dev, unsigned int cmd, void __user *argp)
{
	switch (cmd) {
	case VHOST_NEW_WORKER:
		return new_worker(dev, argp);
	case VHOST_FREE_WORKER:
		return free_worker(dev, argp);
	case VHOST_ATTACH_VRING_WORKER:
		return attach_worker(dev, argp);
	case VHOST_GET_VRING_WORKER:
		return get_worker(dev, argp);
	default:
		return -ENOIOCTLCMD;
	}
}
