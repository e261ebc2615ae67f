// SPDX-License-Identifier: GPL-2.0
/* A queue: its life, its ring, and how the driver is called. */
#include <linux/bottom_half.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/virtio_ring.h>
#include <linux/vmalloc.h>
#include "dev.h"
#include "trace.h"

/* A frame of 64 KiB in the smallest buffers that make sense, and a batch. */
#define MAX_USED	(WEFT_RING_MAX_SEGS + WEFT_RING_BATCH)

static struct weft_vdpa_vq *of(const struct weft_ring *r)
{
	return r->owner;
}

/*
 * All areas are mapped whenever the ring runs, so they are never copied. The
 * engine asks for copies only where there is no mapping.
 */
static bool ring_enter(struct weft_ring *r)
{
	return of(r)->running;
}

static void ring_leave(struct weft_ring *r)
{
}

static int ring_read(struct weft_ring *r, enum weft_ring_area area, u32 off, void *to, u32 len)
{
	return -EFAULT;
}

static int ring_write(struct weft_ring *r, enum weft_ring_area area, u32 off, const void *from,
		      u32 len)
{
	return -EFAULT;
}

static int ring_read_guest(struct weft_ring *r, u64 addr, void *to, u32 len)
{
	struct weft_vdpa_vq *vq = of(r);
	struct iovec iov;
	int ret;

	while (len) {
		ret = weft_mem_translate(&vq->mem, addr, len, VHOST_MAP_RO, &iov, 1);
		if (ret < 0 && ret != -ENOBUFS)
			return ret;
		memcpy(to, (__force const void *)iov.iov_base, iov.iov_len);
		to += iov.iov_len;
		addr += iov.iov_len;
		len -= iov.iov_len;
	}
	return 0;
}

static const struct weft_ring_ops ring_ops = {
	.enter = ring_enter,
	.leave = ring_leave,
	.read = ring_read,
	.write = ring_write,
	.read_guest = ring_read_guest,
};

static void serve(struct weft_work *work)
{
	struct weft_vdpa_vq *vq = container_of(work, struct weft_vdpa_vq, work);

	mutex_lock(&vq->lock);
	if (likely(vq->running && !vq->ring.fault && !READ_ONCE(vq->fault.stalled))) {
		vq->stats.runs++;
		trace_weft_vdpa_kick(vq->dev->vdpa.index, vq->index, vq->ring.place.avail);
		if (vq->index & 1)
			weft_vdpa_transmit(vq);
		else if (weft_vdpa_is_ctrl(vq))
			weft_vdpa_control(vq);
		else
			weft_vdpa_receive(vq);
	} else if (vq->index / 2 >= READ_ONCE(vq->dev->active)) {
		/* Of a pair that is not used, see weft_vdpa_receive() */
		weft_vdpa_vq_drain(vq);
	}
	mutex_unlock(&vq->lock);
}

/**
 * weft_vdpa_vq_init() - makes a queue
 * @dev: device
 * @index: which of its queues
 *
 * Return: 0; -ENOMEM. Undone by weft_vdpa_vq_exit().
 */
int weft_vdpa_vq_init(struct weft_vdpa *dev, u16 index)
{
	struct weft_vdpa_vq *vq = &dev->vqs[index];
	int ret;

	vq->dev = dev;
	vq->index = index;
	mutex_init(&vq->lock);
	vq->ring.ops = &ring_ops;
	vq->ring.owner = vq;
	weft_work_init(&vq->work, serve);
	weft_fault_init_vq(vq);
	vq->segs = kvcalloc(WEFT_RING_MAX_SEGS, sizeof(*vq->segs), GFP_KERNEL_ACCOUNT);
	vq->iov = kvcalloc(WEFT_RING_MAX_SEGS, sizeof(*vq->iov), GFP_KERNEL_ACCOUNT);
	ret = vq->segs && vq->iov ? weft_ring_alloc(&vq->ring, MAX_USED) : -ENOMEM;
	if (!ret && !(index & 1))
		ret = ptr_ring_init(&vq->line, WEFT_VDPA_LINE, GFP_KERNEL_ACCOUNT);
	mutex_lock(&vq->lock);
	weft_vdpa_vq_reset(vq);
	mutex_unlock(&vq->lock);
	return ret;
}

static void free_frame(void *entry)
{
	struct xdp_frame *frame = weft_line_xdp(entry);

	if (frame)
		xdp_return_frame(frame);
	else
		kfree_skb(entry);
}

/**
 * weft_vdpa_vq_exit() - frees what weft_vdpa_vq_init() got, also half of it
 * @vq: queue that is stopped, and has no worker
 */
void weft_vdpa_vq_exit(struct weft_vdpa_vq *vq)
{
	if (vq->line.queue)
		ptr_ring_cleanup(&vq->line, free_frame);
	weft_ring_free(&vq->ring);
	kvfree(vq->segs);
	kvfree(vq->iov);
}

/**
 * weft_vdpa_vq_drain() - drops the frames that wait for the driver
 * @vq: queue, locked
 */
void weft_vdpa_vq_drain(struct weft_vdpa_vq *vq)
{
	void *entry;

	lockdep_assert_held(&vq->lock);
	while (vq->line.queue && (entry = ptr_ring_consume_bh(&vq->line))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_DOWN);
		free_frame(entry);
	}
}

/**
 * weft_vdpa_vq_reset() - back to how it was at first
 * @vq: queue, locked, stopped
 */
void weft_vdpa_vq_reset(struct weft_vdpa_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	memset(vq->addr, 0, sizeof(vq->addr));
	memset(&vq->cb, 0, sizeof(vq->cb));
	vq->num = WEFT_VDPA_RING_MAX;
	vq->ready = false;
	vq->told = false;
	vq->state = 0;
	vq->state_set = false;
	vq->ring.fault = WEFT_RING_OK;
	/* What one driver did not receive is no business of the next one. */
	weft_vdpa_vq_drain(vq);
}

static struct weft_ring_config config_of(const struct weft_vdpa_vq *vq)
{
	return (struct weft_ring_config) {
		.size = vq->num,
		.packed = weft_vdpa_has(vq->dev, VIRTIO_F_RING_PACKED),
		.event_idx = weft_vdpa_has(vq->dev, VIRTIO_RING_F_EVENT_IDX),
		.indirect = weft_vdpa_has(vq->dev, VIRTIO_RING_F_INDIRECT_DESC),
		.in_order = weft_vdpa_has(vq->dev, VIRTIO_F_IN_ORDER),
		.little = true,
	};
}

/**
 * weft_vdpa_vq_state() - where a queue's ring stands, or is to begin
 * @vq: queue, locked
 *
 * Return: as weft_ring_state_pack()
 */
u32 weft_vdpa_vq_state(const struct weft_vdpa_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	if (vq->running)
		return weft_ring_state_pack(&vq->ring);
	/* A new packed ring begins with both wrap counters at 1 (virtio 1.3 §2.8.1). */
	return vq->state_set || !weft_vdpa_has(vq->dev, VIRTIO_F_RING_PACKED) ? vq->state :
	       0x80008000;
}

static void unmap_areas(struct weft_vdpa_vq *vq)
{
	int i;

	for (i = 0; i < WEFT_AREAS; i++) {
		if (vq->area[i])
			vunmap(vq->area[i]);
		vq->area[i] = NULL;
		vq->ring.va[i] = NULL;
	}
}

/* Puts pieces of an area, which are whole pages but at its ends, side by side. */
static void *join(const struct iovec *iov, unsigned int n, u32 len)
{
	unsigned long first = (uintptr_t)iov[0].iov_base;
	unsigned int i, nr = PFN_UP(offset_in_page(first) + len), k = 0;
	struct page **pages;
	unsigned long at;
	void *va = NULL;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return NULL;
	for (i = 0; i < n; i++) {
		unsigned long from = (uintptr_t)iov[i].iov_base, to = from + iov[i].iov_len;

		if ((i && offset_in_page(from)) || (i < n - 1 && offset_in_page(to)))
			goto out;
		for (at = from & PAGE_MASK; at < to; at += PAGE_SIZE)
			pages[k++] = virt_to_page((void *)at);
	}
	if (k == nr)
		va = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
out:
	kvfree(pages);
	return va;
}

static int map_area(struct weft_vdpa_vq *vq, enum weft_ring_area area, u32 align)
{
	bool packed = vq->ring.cfg.packed;
	u32 perm = area == WEFT_AREA_DRIVER || (area == WEFT_AREA_DESC && !packed) ?
		   VHOST_MAP_RO : VHOST_MAP_RW;
	u32 len = weft_ring_area_size(&vq->ring.cfg, area);
	void *va;
	int n;

	/* virtio 1.3 §2.7, §2.8.10.1 */
	if (vq->addr[area] & (align - 1))
		return -EINVAL;
	/* Both ways of access, where the device does both. */
	n = weft_mem_translate(&vq->mem, vq->addr[area], len, perm & VHOST_MAP_RO ?: perm,
			       vq->iov, WEFT_RING_MAX_SEGS);
	if (n > 0 && perm & VHOST_MAP_WO)
		n = weft_mem_translate(&vq->mem, vq->addr[area], len, VHOST_MAP_WO, vq->iov,
				       WEFT_RING_MAX_SEGS);
	if (n < 0)
		return n;
	va = (__force void *)vq->iov[0].iov_base;
	/* Of user addresses, a map need not begin where a page does. */
	if ((uintptr_t)va & (align - 1))
		return -EINVAL;
	if (n > 1) {
		vq->area[area] = join(vq->iov, n, len);
		if (!vq->area[area])
			return -ENOMEM;
		va = vq->area[area] + offset_in_page(va);
	}
	vq->ring.va[area] = va;
	return 0;
}

static int map_areas(struct weft_vdpa_vq *vq)
{
	static const u32 split[] = { 16, 2, 4 }, packed[] = { 16, 4, 4 };
	int i, ret = 0;

	for (i = 0; !ret && i < WEFT_AREAS; i++)
		ret = map_area(vq, i, (vq->ring.cfg.packed ? packed : split)[i]);
	if (ret)
		unmap_areas(vq);
	return ret;
}

static void look_up(struct weft_vdpa_vq *vq)
{
	struct weft_vdpa *dev = vq->dev;
	struct weft_space *space;

	space = dev->spaces[dev->asid[weft_vdpa_is_ctrl(vq) ? WEFT_GROUP_CTRL : WEFT_GROUP_DATA]];
	weft_mem_set(&vq->mem, space ? space->table : NULL, NULL);
}

/**
 * weft_vdpa_vq_start() - begins with the ring that the driver described
 * @vq: queue, locked; of a locked device
 *
 * Return: 0; an error if the ring cannot be used, which was told
 */
int weft_vdpa_vq_start(struct weft_vdpa_vq *vq)
{
	struct weft_ring_config cfg = config_of(vq);
	struct weft_ring_place place;
	int ret;

	lockdep_assert_held(&vq->dev->lock);
	lockdep_assert_held(&vq->lock);
	if (vq->running)
		return 0;
	vq->told = false;
	look_up(vq);
	place = weft_ring_state_unpack(cfg.packed, weft_vdpa_vq_state(vq));
	ret = weft_ring_setup(&vq->ring, &cfg, &place);
	if (!ret)
		ret = map_areas(vq);
	if (ret) {
		weft_ring_break(&vq->ring, WEFT_RING_UNREADABLE);
		weft_vdpa_vq_broken(vq);
		return ret;
	}
	vq->running = true;
	/* The state of a split ring says of available buffers only. */
	return weft_ring_read_used(&vq->ring);
}

/**
 * weft_vdpa_vq_stop() - keeps where the ring stands, and lets go of it
 * @vq: queue, locked
 */
void weft_vdpa_vq_stop(struct weft_vdpa_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	if (!vq->running)
		return;
	vq->state = weft_ring_state_pack(&vq->ring);
	vq->state_set = true;
	vq->running = false;
	unmap_areas(vq);
	weft_mem_set(&vq->mem, NULL, NULL);
}

/**
 * weft_vdpa_vq_remap() - goes on in another address space
 * @vq: queue, locked; of a locked device
 *
 * A ring that is not in it stops, and says so.
 */
void weft_vdpa_vq_remap(struct weft_vdpa_vq *vq)
{
	lockdep_assert_held(&vq->dev->lock);
	lockdep_assert_held(&vq->lock);
	look_up(vq);
	if (!vq->running)
		return;
	unmap_areas(vq);
	/* What was fetched may name memory of before, and is fetched again. */
	weft_ring_forget(&vq->ring);
	if (map_areas(vq)) {
		vq->state = weft_ring_state_pack(&vq->ring);
		vq->state_set = true;
		vq->running = false;
		weft_ring_break(&vq->ring, WEFT_RING_UNREADABLE);
		weft_vdpa_vq_broken(vq);
	}
}

/**
 * weft_vdpa_vq_queue() - has a queue served, soon
 * @vq: queue
 *
 * Any context, also with interrupts off. Without a worker, nothing happens.
 */
void weft_vdpa_vq_queue(struct weft_vdpa_vq *vq)
{
	struct weft_worker *w;

	rcu_read_lock();
	w = rcu_dereference(vq->worker);
	if (w)
		weft_worker_queue(w, &vq->work);
	rcu_read_unlock();
}

/**
 * weft_vdpa_vq_yield() - whether a run is to end, to be gone on with after others
 * @vq: queue, locked; is queued again
 * @packets: frames of the run
 * @bytes: of them
 *
 * All that is done counts, also what leads to nothing.
 *
 * Return: whether it did its share
 */
bool weft_vdpa_vq_yield(struct weft_vdpa_vq *vq, u32 packets, u64 bytes)
{
	lockdep_assert_held(&vq->lock);
	if (likely(packets < WEFT_VDPA_PACKETS && bytes < WEFT_VDPA_BYTES &&
		   vq->ring.walked < WEFT_VDPA_DESCS))
		return false;
	vq->ring.walked = 0;
	weft_vdpa_vq_queue(vq);
	return true;
}

/**
 * weft_vdpa_vq_broken() - tells once that the ring broke, and why
 * @vq: queue, locked; &weft_ring.fault is set
 *
 * Return: -EINVAL, for the caller to return
 */
int weft_vdpa_vq_broken(struct weft_vdpa_vq *vq)
{
	enum weft_ring_fault fault = vq->ring.fault;

	lockdep_assert_held(&vq->lock);
	if (vq->told)
		return -EINVAL;
	vq->told = true;
	vq->stats.faults[fault]++;
	trace_weft_vdpa_error(vq->dev->vdpa.index, vq->index, fault, vq->ring.place.avail);
	if (__ratelimit(&vq->dev->limit))
		dev_notice(&vq->dev->vdpa.dev, "queue %u stopped: %s at index %u; it goes on when its driver resets the device, or its VMM the queue\n",
			   vq->index, weft_ring_fault_name(fault), vq->ring.place.avail);
	return -EINVAL;
}

/*
 * Not by the eventfd in &vdpa_callback.trigger: vhost-vdpa drops its reference
 * of the old one before it tells us of the new one.
 */
static void call(struct weft_vdpa_vq *vq)
{
	if (weft_fault_loses(vq)) {
		trace_weft_vdpa_lost(vq->dev->vdpa.index, vq->index, vq->ring.place.used);
		return;
	}
	vq->stats.calls++;
	trace_weft_vdpa_signal(vq->dev->vdpa.index, vq->index, vq->ring.place.used);
	/* virtio_net's has NAPI scheduled, which begins when these are enabled. */
	local_bh_disable();
	if (vq->cb.callback)
		vq->cb.callback(vq->cb.private);
	local_bh_enable();
}

/**
 * weft_vdpa_vq_publish() - returns buffers to the driver, and calls it if it wants
 * @vq: queue, locked
 */
void weft_vdpa_vq_publish(struct weft_vdpa_vq *vq)
{
	unsigned int n = vq->ring.nused;
	int ret;

	lockdep_assert_held(&vq->lock);
	if (!n)
		return;
	ret = weft_ring_publish(&vq->ring);
	trace_weft_vdpa_batch(vq->dev->vdpa.index, vq->index, n, vq->ring.place.used);
	if (ret > 0)
		call(vq);
	else if (!ret)
		vq->stats.calls_suppressed++;
	else
		weft_vdpa_vq_broken(vq);
}

/**
 * weft_vdpa_translate() - kernel addresses of segments
 * @vq: queue, locked
 * @segs: segments
 * @n: how many
 * @perm: VHOST_MAP_RO if they are read, VHOST_MAP_WO if they are written
 * @at: entry of &weft_vdpa_vq.iov to begin with
 * @total: their bytes are added to it
 *
 * Return: entries filled in; -ENOBUFS if there are too many. Other errors mean
 * that there is no such memory.
 */
int weft_vdpa_translate(struct weft_vdpa_vq *vq, const struct weft_seg *segs, unsigned int n,
			u32 perm, unsigned int at, u64 *total)
{
	lockdep_assert_held(&vq->lock);
	return weft_mem_translate_segs(&vq->mem, segs, n, perm, vq->iov + at,
				       WEFT_RING_MAX_SEGS - at, total);
}
