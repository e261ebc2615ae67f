// SPDX-License-Identifier: GPL-2.0
/* One queue: its life, its lock, and what it tells the driver and its owner. */
#include <asm/byteorder.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>
#include "dev.h"
#include "net.h"
#include "trace.h"

/* A frame of 64 KiB in buffers of the least size that makes sense, and a batch. */
#define MAX_USED	(WEFT_RING_MAX_SEGS + WEFT_RING_BATCH)

/**
 * weft_vq_bytes() - what a queue costs once its device has an owner
 *
 * Return: bytes, without those that are shared by the device's queues
 */
size_t weft_vq_bytes(void)
{
	return weft_map_bytes() +
	       WEFT_RING_MAX_SEGS * (sizeof(struct weft_seg) + sizeof(struct iovec)) +
	       WEFT_RING_BATCH * (sizeof(struct vring_desc) + sizeof(u16)) + MAX_USED * 8 +
	       weft_backend_bytes();
}

/**
 * weft_vq_init() - makes a queue
 * @dev: device
 * @index: which of its queues
 * @work: serves it
 */
void weft_vq_init(struct weft_dev *dev, unsigned int index, void (*work)(struct weft_work *work))
{
	struct weft_vq *vq = &dev->vqs[index];

	mutex_init(&vq->lock);
	vq->dev = dev;
	vq->index = index;
	INIT_LIST_HEAD(&vq->miss.link);
	weft_work_init(&vq->work, work);
	weft_poll_init(&vq->kick_poll, vq, EPOLLIN);
	weft_poll_init(&vq->sock_poll, vq, index == WEFT_VQ_RX ? EPOLLIN : EPOLLOUT);
	vq->ring.owner = vq;
	weft_vq_lock(vq);
	weft_vq_reset(vq);
	mutex_unlock(&vq->lock);
}

/**
 * weft_vq_begin() - gets the memory that a queue needs when it has an owner
 * @vq: queue
 * @mm: the owner's address space
 *
 * Return: 0 or -ENOMEM. Undone by weft_vq_end().
 */
int weft_vq_begin(struct weft_vq *vq, struct mm_struct *mm)
{
	vq->segs = kvcalloc(WEFT_RING_MAX_SEGS, sizeof(*vq->segs), GFP_KERNEL_ACCOUNT);
	vq->iov = kvcalloc(WEFT_RING_MAX_SEGS, sizeof(*vq->iov), GFP_KERNEL_ACCOUNT);
	vq->map = weft_map_alloc(mm);
	if (vq->segs && vq->iov && vq->map && !weft_ring_alloc(&vq->ring, MAX_USED))
		return 0;
	weft_vq_end(vq);
	return -ENOMEM;
}

/**
 * weft_vq_end() - frees what weft_vq_begin() got
 * @vq: queue without a backend, which no worker serves
 */
void weft_vq_end(struct weft_vq *vq)
{
	struct weft_map *map = vq->map;

	/* Whoever reads the counters looks at it. */
	weft_vq_lock(vq);
	vq->map = NULL;
	mutex_unlock(&vq->lock);
	weft_map_free(map);
	weft_ring_free(&vq->ring);
	kvfree(vq->segs);
	kvfree(vq->iov);
	vq->segs = NULL;
	vq->iov = NULL;
}

/**
 * weft_vq_reset() - back to how it was when the device was opened
 * @vq: queue, locked, without a backend
 */
void weft_vq_reset(struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	weft_poll_stop(&vq->kick_poll);
	if (vq->kick)
		fput(vq->kick);
	if (vq->call)
		eventfd_ctx_put(vq->call);
	if (vq->err)
		eventfd_ctx_put(vq->err);
	vq->kick = NULL;
	vq->call = NULL;
	vq->err = NULL;
	memset(vq->addr, 0, sizeof(vq->addr));
	vq->num = 1;
	vq->base = 0;
	vq->log_used = false;
	vq->log_addr = U64_MAX;
	vq->log_base = NULL;
	vq->big_endian = !virtio_legacy_is_little_endian();
	vq->busyloop = 0;
	weft_mem_set(&vq->mem, NULL, NULL);
	weft_vq_changed(vq);
}

/**
 * weft_vq_lock() - has a worker that polls let go of the lock, and takes it
 * @vq: queue; unlock its &weft_vq.lock
 *
 * Without it, who wants to change a queue would wait for as long as the worker
 * was told to poll.
 */
void weft_vq_lock(struct weft_vq *vq)
{
	atomic_inc(&vq->wanted);
	mutex_lock_nested(&vq->lock, vq->index);
	atomic_dec(&vq->wanted);
}

/**
 * weft_vq_changed() - drops what is remembered of memory and features that change
 * @vq: queue, locked
 */
void weft_vq_changed(struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	vq->prepared = false;
	vq->missing = false;
	weft_mem_forget(&vq->mem);
}

/**
 * weft_vq_queue() - has a queue served, soon
 * @vq: queue
 *
 * Any context. Without a worker, as its owner is gone, nothing happens.
 */
void weft_vq_queue(struct weft_vq *vq)
{
	struct weft_dev_worker *w;

	rcu_read_lock();
	w = rcu_dereference(vq->worker);
	if (w)
		weft_worker_queue(w->worker, &vq->work);
	rcu_read_unlock();
}

/**
 * weft_vq_miss() - asks the owner for the translation that was not there
 * @vq: queue, locked; it is served again when the answer comes
 */
void weft_vq_miss(struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	if (vq->missing)
		return;
	vq->missing = true;
	vq->stats.misses++;
	weft_iotlb_miss(vq, vq->mem.miss, vq->mem.miss_perm);
}

/**
 * weft_vq_broken() - tells once that the ring broke, and why
 * @vq: queue, locked; &weft_ring.fault is set
 *
 * Return: -EINVAL, for the caller to return
 */
int weft_vq_broken(struct weft_vq *vq)
{
	enum weft_ring_fault fault = vq->ring.fault;

	lockdep_assert_held(&vq->lock);
	if (vq->told)
		return -EINVAL;
	vq->told = true;
	vq->stats.faults[fault]++;
	trace_weft_vhost_error(vq->dev->number, vq->index, fault, vq->ring.place.avail);
	weft_notice("device %d-%llu: %s queue stopped: %s at index %u\n",
		    vq->dev->creator, vq->dev->number,
		    vq->index == WEFT_VQ_RX ? "rx" : "tx",
		    weft_ring_fault_name(fault), vq->ring.place.avail);
	if (vq->err)
		eventfd_signal(vq->err);
	return -EINVAL;
}

/**
 * weft_vq_publish() - returns buffers to the driver, and calls it if it wants
 * @vq: queue, locked
 */
void weft_vq_publish(struct weft_vq *vq)
{
	unsigned int n = vq->ring.nused;
	int ret;

	lockdep_assert_held(&vq->lock);
	if (!n)
		return;
	ret = weft_ring_publish(&vq->ring);
	trace_weft_vhost_batch(vq->dev->number, vq->index, n, vq->ring.place.used);
	if (unlikely(vq->dev->log_ctx && vq->ring.ops->wrote))
		eventfd_signal(vq->dev->log_ctx);
	if (ret > 0 && vq->call) {
		vq->stats.calls++;
		trace_weft_vhost_signal(vq->dev->number, vq->index, vq->ring.place.used);
		eventfd_signal(vq->call);
	} else if (!ret) {
		vq->stats.calls_suppressed++;
	} else if (ret == -EAGAIN) {
		weft_vq_miss(vq);
	} else if (ret < 0) {
		weft_vq_broken(vq);
	}
}
