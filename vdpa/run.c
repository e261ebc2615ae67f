// SPDX-License-Identifier: GPL-2.0
/* Which queues of a device are served, and the threads that do it. */
#include <linux/rcupdate.h>
#include <uapi/linux/virtio_config.h>
#include "dev.h"

static int start_worker(struct weft_vdpa *dev, unsigned int n)
{
	struct weft_worker *w;
	char name[TASK_COMM_LEN];

	if (WARN_ON_ONCE(n >= ARRAY_SIZE(dev->workers)))
		return -EINVAL;
	if (dev->workers[n])
		return 0;
	snprintf(name, sizeof(name), "vdpa%u-%u", dev->vdpa.index, n);
	/* A driver of the kernel is nobody's, and may hold the rtnl lock, for
	 * which cgroups may wait.
	 */
	w = weft_worker_create(name, dev->identity ? WEFT_WORKER_FREE : WEFT_WORKER_KTHREAD,
			       NULL, NULL, NULL);
	if (IS_ERR(w)) {
		dev_notice(&dev->vdpa.dev, "no thread for queues %u and %u (error %ld): see \"ulimit -u\" and the pids limit of who has the device; the driver is told to reset it\n",
			   2 * n, 2 * n + 1, PTR_ERR(w));
		return PTR_ERR(w);
	}
	dev->workers[n] = w;
	return 0;
}

/**
 * weft_vdpa_stop_workers() - ends the threads, when no queue runs any more
 * @dev: device, locked
 */
void weft_vdpa_stop_workers(struct weft_vdpa *dev)
{
	int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < dev->nvqs; i++)
		rcu_assign_pointer(dev->vqs[i].worker, NULL);
	synchronize_rcu();
	for (i = 0; i < WEFT_VDPA_MAX_PAIRS; i++) {
		if (!dev->workers[i])
			continue;
		weft_worker_flush(dev->workers[i]);
		weft_worker_destroy(dev->workers[i]);
		dev->workers[i] = NULL;
	}
}

/* Starts or stops a queue, as the state says. False if it cannot be served. */
static bool update(struct weft_vdpa_vq *vq)
{
	struct weft_vdpa *dev = vq->dev;
	unsigned int n = weft_vdpa_is_ctrl(vq) ? 0 : vq->index / 2;
	bool run = vq->ready && dev->status & VIRTIO_CONFIG_S_DRIVER_OK && !dev->suspended &&
		   !(dev->status & VIRTIO_CONFIG_S_NEEDS_RESET);

	/* Behind the pairs there is the control queue, or nothing. */
	if (!weft_vdpa_is_ctrl(vq) && vq->index >= 2 * dev->pairs)
		return true;
	/* One that could not start does not, until the driver begins anew. */
	if (run == vq->running || (run && vq->ring.fault))
		return true;
	if (run && start_worker(dev, n))
		return false;
	mutex_lock(&vq->lock);
	if (run)
		weft_vdpa_vq_start(vq);
	else
		weft_vdpa_vq_stop(vq);
	mutex_unlock(&vq->lock);
	if (run) {
		rcu_assign_pointer(vq->worker, dev->workers[n]);
		/* Buffers may have come before there was somebody to kick. */
		weft_vdpa_vq_queue(vq);
	}
	return true;
}

static bool update_queues(struct weft_vdpa *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++)
		if (!update(&dev->vqs[i]))
			return false;
	return true;
}

/**
 * weft_vdpa_update() - starts and stops queues, as the state of a device says
 * @dev: device, locked
 *
 * A queue that nobody can serve fails the device, and stops all of its queues:
 * the driver is told to reset it, and must not see half of it go on meanwhile.
 */
void weft_vdpa_update(struct weft_vdpa *dev)
{
	lockdep_assert_held(&dev->lock);
	if (!update_queues(dev)) {
		WRITE_ONCE(dev->status, dev->status | VIRTIO_CONFIG_S_NEEDS_RESET);
		update_queues(dev);
		weft_vdpa_config_changed(dev);
	}
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		netif_carrier_on(dev->rep);
	else
		netif_carrier_off(dev->rep);
}
