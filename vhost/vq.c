// SPDX-License-Identifier: GPL-2.0
/* One queue: its ring's memory, its eventfds, and the ioctls about them. */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_config.h>
#include "dev.h"
#include "net.h"
#include "trace.h"

/* A frame of 64 KiB in buffers of the least size that makes sense, and a batch. */
#define MAX_USED	(WEFT_RING_MAX_SEGS + WEFT_RING_BATCH)

static struct weft_vq *of(const struct weft_ring *r)
{
	return r->owner;
}

static bool ring_enter(struct weft_ring *r)
{
	struct weft_vq *vq = of(r);

	if (likely(vq->map) && likely(weft_map_enter(vq->map, r->va)))
		return true;
	vq->stats.copies++;
	return false;
}

static void ring_leave(struct weft_ring *r)
{
	weft_map_leave(of(r)->map);
}

static int ring_read(struct weft_ring *r, enum weft_ring_area area, u32 off, void *to, u32 len)
{
	struct weft_vq *vq = of(r);
	u64 addr = vq->addr[area] + off;

	if (vq->mem.iotlb)
		return weft_mem_read(&vq->mem, addr, to, len);
	return copy_from_user(to, (void __user *)(uintptr_t)addr, len) ? -EFAULT : 0;
}

static int ring_write(struct weft_ring *r, enum weft_ring_area area, u32 off, const void *from,
		      u32 len)
{
	struct weft_vq *vq = of(r);
	u64 addr = vq->addr[area] + off;

	if (vq->mem.iotlb)
		return weft_mem_write(&vq->mem, addr, from, len);
	return copy_to_user((void __user *)(uintptr_t)addr, from, len) ? -EFAULT : 0;
}

static int ring_read_guest(struct weft_ring *r, u64 addr, void *to, u32 len)
{
	return weft_mem_read(&of(r)->mem, addr, to, len);
}

/* A client gives the physical address of the used ring only. */
static void ring_wrote(struct weft_ring *r, enum weft_ring_area area, u32 off, u32 len)
{
	struct weft_vq *vq = of(r);
	struct iovec iov[4];
	int n, i;

	if (!vq->mem.iotlb && !r->cfg.packed) {
		weft_log_phys(vq, vq->log_addr + off, len);
	} else if (!vq->mem.iotlb) {
		weft_log_user(vq, vq->addr[area] + off, len);
	} else {
		n = weft_mem_translate(&vq->mem, vq->addr[area] + off, len, VHOST_MAP_WO, iov,
				       ARRAY_SIZE(iov));
		if (n < 0)
			vq->stats.log_failures++;
		for (i = 0; i < n; i++)
			weft_log_user(vq, (uintptr_t)iov[i].iov_base, iov[i].iov_len);
	}
}

static const struct weft_ring_ops ring_ops = {
	.enter = ring_enter,
	.leave = ring_leave,
	.read = ring_read,
	.write = ring_write,
	.read_guest = ring_read_guest,
};

static const struct weft_ring_ops ring_ops_logged = {
	.enter = ring_enter,
	.leave = ring_leave,
	.read = ring_read,
	.write = ring_write,
	.read_guest = ring_read_guest,
	.wrote = ring_wrote,
};

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
	weft_work_init(&vq->work, work);
	weft_poll_init(&vq->kick_poll, vq, EPOLLIN);
	weft_poll_init(&vq->sock_poll, vq, index == WEFT_VQ_RX ? EPOLLIN : EPOLLOUT);
	vq->ring.owner = vq;
	vq->ring.ops = &ring_ops;
	weft_vq_reset(vq);
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
 * @vq: queue without a backend
 */
void weft_vq_reset(struct weft_vq *vq)
{
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
	mutex_lock(&vq->lock);
	atomic_dec(&vq->wanted);
}

/**
 * weft_vq_changed() - drops what is remembered of memory and features that change
 * @vq: queue, locked
 */
void weft_vq_changed(struct weft_vq *vq)
{
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

static struct weft_ring_config config_of(const struct weft_vq *vq)
{
	const struct weft_dev *dev = vq->dev;

	return (struct weft_ring_config) {
		.size = vq->num,
		.packed = weft_dev_has(dev, VIRTIO_F_RING_PACKED),
		.event_idx = weft_dev_has(dev, VIRTIO_RING_F_EVENT_IDX),
		.indirect = weft_dev_has(dev, VIRTIO_RING_F_INDIRECT_DESC),
		.in_order = weft_dev_has(dev, VIRTIO_F_IN_ORDER),
		.notify_on_empty = weft_dev_has(dev, VIRTIO_F_NOTIFY_ON_EMPTY),
		/* A legacy ring is in the byte order of the guest. */
		.little = weft_dev_has(dev, VIRTIO_F_VERSION_1) || !vq->big_endian,
	};
}

static bool addresses_ok(const struct weft_vq *vq, const struct weft_ring_config *cfg)
{
	int i;

	/* Those are checked when the IOTLB has them. */
	if (vq->dev->iotlb)
		return true;
	for (i = 0; i < WEFT_AREAS; i++)
		if (!access_ok((void __user *)(uintptr_t)vq->addr[i], weft_ring_area_size(cfg, i)))
			return false;
	return true;
}

static bool log_ok(const struct weft_vq *vq, const struct weft_ring_config *cfg,
		   void __user *base, bool used, u64 addr)
{
	if (!weft_dev_has(vq->dev, VHOST_F_LOG_ALL))
		return true;
	if (!weft_log_table_ok(base, vq->dev->table))
		return false;
	return !used || cfg->packed ||
	       weft_log_ok(base, addr, weft_ring_area_size(cfg, WEFT_AREA_DEVICE));
}

static void set_ops(struct weft_vq *vq)
{
	bool logged = weft_dev_has(vq->dev, VHOST_F_LOG_ALL) && vq->log_used;

	vq->ring.ops = logged ? &ring_ops_logged : &ring_ops;
}

static struct weft_ring_place place_of(const struct weft_ring_config *cfg, u32 base)
{
	struct weft_ring_place place = { .avail = base, .used = base };

	if (cfg->packed) {
		place.avail = base & 0x7fff;
		place.avail_wrap = base >> 15 & 1;
		place.used = base >> 16 & 0x7fff;
		place.used_wrap = base >> 31;
		/* Different wrap counters at the same slot would mean that the
		 * whole ring is in flight, and nobody knows with which ids. It
		 * means a client that knows of the lower half only.
		 */
		if (place.used == place.avail)
			place.used_wrap = place.avail_wrap;
	}
	return place;
}

static int set_up(struct weft_vq *vq, const struct weft_ring_config *cfg,
		  const struct weft_ring_place *place)
{
	int ret;

	if (!addresses_ok(vq, cfg) ||
	    !log_ok(vq, cfg, vq->log_base, vq->log_used, vq->log_addr))
		return -EFAULT;
	ret = weft_ring_setup(&vq->ring, cfg, place);
	if (!ret)
		vq->told = false;
	return ret;
}

/**
 * weft_vq_start() - sets the ring up as the client described it
 * @vq: queue, locked, with a backend
 *
 * Return: 0; -EFAULT if the ring is where no memory is; -EINVAL if it cannot
 * stand where VHOST_SET_VRING_BASE says
 */
int weft_vq_start(struct weft_vq *vq)
{
	struct weft_ring_config cfg = config_of(vq);
	struct weft_ring_place place = place_of(&cfg, vq->base);
	int ret;

	weft_mem_set(&vq->mem, vq->dev->table, vq->dev->iotlb);
	weft_vq_changed(vq);
	ret = set_up(vq, &cfg, &place);
	if (ret)
		return ret;
	set_ops(vq);
	weft_vq_prepare(vq);
	return weft_ring_read_used(&vq->ring) ? -EFAULT : 0;
}

static bool same_config(const struct weft_ring_config *a, const struct weft_ring_config *b)
{
	return a->size == b->size && a->packed == b->packed && a->event_idx == b->event_idx &&
	       a->indirect == b->indirect && a->in_order == b->in_order &&
	       a->notify_on_empty == b->notify_on_empty &&
	       /* A packed one is little-endian, whatever is said of it. */
	       (a->packed || a->little == b->little);
}

/**
 * weft_vq_refeature() - takes account of other features
 * @vq: queue, locked
 *
 * A ring that is in use goes on where it stands. What concerns its format is
 * not meant to change meanwhile, but a client may do it; a ring that cannot
 * follow stops.
 *
 * Return: 0; as weft_vq_start() if the ring stopped
 */
int weft_vq_refeature(struct weft_vq *vq)
{
	struct weft_ring_config cfg = config_of(vq);
	struct weft_ring_place place = vq->ring.place;
	int ret;

	/* Whatever comes of the rest: the tables of before may be gone. */
	weft_mem_set(&vq->mem, vq->dev->table, vq->dev->iotlb);
	weft_vq_changed(vq);
	if (!vq->backend || vq->ring.fault)
		return 0;
	set_ops(vq);
	if (same_config(&cfg, &vq->ring.cfg))
		return 0;
	if (cfg.packed != vq->ring.cfg.packed)
		place = place_of(&cfg, weft_ring_state_pack(&vq->ring));
	ret = set_up(vq, &cfg, &place);
	if (ret) {
		weft_ring_break(&vq->ring, WEFT_RING_UNREADABLE);
		weft_vq_broken(vq);
	}
	return ret;
}

/**
 * weft_vq_stop() - keeps where the ring stands, and lets go of its memory
 * @vq: queue, locked, whose backend goes
 */
void weft_vq_stop(struct weft_vq *vq)
{
	vq->base = weft_ring_state_pack(&vq->ring);
	weft_map_set(vq->map, NULL);
	weft_vq_changed(vq);
}

/* The user addresses of the ring, which the IOTLB may not have. */
static int resolve(struct weft_vq *vq, struct weft_map_range *ranges)
{
	bool packed = vq->ring.cfg.packed, whole = true;
	struct iovec iov[8];
	int i, n;

	for (i = 0; i < WEFT_AREAS; i++) {
		struct weft_map_range *r = &ranges[i];
		u32 perm = i == WEFT_AREA_DRIVER || (i == WEFT_AREA_DESC && !packed) ?
			   VHOST_MAP_RO : VHOST_MAP_WO;

		r->uaddr = vq->addr[i];
		r->len = weft_ring_area_size(&vq->ring.cfg, i);
		r->write = perm == VHOST_MAP_WO;
		if (!vq->mem.iotlb)
			continue;
		n = weft_mem_translate(&vq->mem, vq->addr[i], r->len, perm, iov, ARRAY_SIZE(iov));
		if (n == -EAGAIN)
			return n;
		/* In pieces, it is copied; without permission, that will fail too. */
		whole = whole && n == 1;
		if (n > 0)
			r->uaddr = (uintptr_t)iov[0].iov_base;
	}
	/* Descriptors are loaded as words. */
	return whole && !(ranges[WEFT_AREA_DESC].uaddr & 7) ? 0 : -EINVAL;
}

/**
 * weft_vq_prepare() - sees to it that the ring's memory can be reached
 * @vq: queue, locked, with its ring set up
 *
 * Return: false if a translation is missing, and was asked for: the queue is
 * served again when it comes
 */
bool weft_vq_prepare(struct weft_vq *vq)
{
	struct weft_map_range ranges[WEFT_AREAS];
	int ret;

	if (likely(vq->prepared))
		return true;
	ret = resolve(vq, ranges);
	if (ret == -EAGAIN) {
		weft_vq_miss(vq);
		return false;
	}
	weft_map_set(vq->map, ret ? NULL : ranges);
	vq->prepared = true;
	return true;
}

/**
 * weft_vq_miss() - asks the owner for the translation that was not there
 * @vq: queue, locked; it is served again when the answer comes
 */
void weft_vq_miss(struct weft_vq *vq)
{
	if (vq->missing)
		return;
	vq->missing = true;
	vq->stats.misses++;
	if (weft_iotlb_miss(vq, vq->mem.miss, vq->mem.miss_perm))
		vq->missing = false;
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
	bool log_used = a->flags & BIT(VHOST_VRING_F_LOG);
	u64 old[WEFT_AREAS];
	struct weft_ring_config cfg = config_of(vq);

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

	memcpy(old, vq->addr, sizeof(old));
	vq->addr[WEFT_AREA_DESC] = a->desc_user_addr;
	vq->addr[WEFT_AREA_DRIVER] = a->avail_user_addr;
	vq->addr[WEFT_AREA_DEVICE] = a->used_user_addr;
	/* Without a backend, they are checked when it comes. */
	if (vq->backend && (!addresses_ok(vq, &cfg) ||
			    !log_ok(vq, &cfg, vq->log_base, log_used, a->log_guest_addr))) {
		memcpy(vq->addr, old, sizeof(old));
		return -EINVAL;
	}
	vq->log_used = log_used;
	vq->log_addr = a->log_guest_addr;
	set_ops(vq);
	/* What was fetched is of the old place. */
	weft_ring_forget(&vq->ring);
	return 0;
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
