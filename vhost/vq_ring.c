// SPDX-License-Identifier: GPL-2.0
/* The ring of a queue: where its memory is, and how it is set up. */
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include "dev.h"

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
	/* With an IOTLB it is the physical address of nothing: what is written to the
	 * ring is logged by where the IOTLB has it.
	 */
	return !used || cfg->packed || vq->dev->iotlb ||
	       weft_log_ok(base, addr, weft_ring_area_size(cfg, WEFT_AREA_DEVICE));
}

static void set_ops(struct weft_vq *vq)
{
	bool logged = weft_dev_has(vq->dev, VHOST_F_LOG_ALL) && vq->log_used;

	vq->ring.ops = logged ? &ring_ops_logged : &ring_ops;
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
	struct weft_ring_place place = weft_ring_state_unpack(cfg.packed, vq->base);
	int ret;

	lockdep_assert_held(&vq->lock);
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

	lockdep_assert_held(&vq->lock);
	/* Whatever comes of the rest: the tables of before may be gone. */
	weft_mem_set(&vq->mem, vq->dev->table, vq->dev->iotlb);
	weft_vq_changed(vq);
	if (!vq->backend || vq->ring.fault)
		return 0;
	set_ops(vq);
	if (same_config(&cfg, &vq->ring.cfg))
		return 0;
	if (cfg.packed != vq->ring.cfg.packed)
		place = weft_ring_state_unpack(cfg.packed, weft_ring_state_pack(&vq->ring));
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
	lockdep_assert_held(&vq->lock);
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
	/* Descriptors are loaded as words of 8 bytes, the rest as those of 2 and, of a
	 * used ring, 4. An IOTLB may have them anywhere, whatever virtio says.
	 */
	return whole && !(ranges[WEFT_AREA_DESC].uaddr & 7) &&
	       !(ranges[WEFT_AREA_DRIVER].uaddr & 1) &&
	       !(ranges[WEFT_AREA_DEVICE].uaddr & 3) ? 0 : -EINVAL;
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

	lockdep_assert_held(&vq->lock);
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
 * weft_vq_move() - tells where the ring is
 * @vq: queue, locked
 * @addr: of its areas
 * @log_used: whether writes to the used ring are logged
 * @log_addr: physical address of the used ring, for the log
 *
 * Without a backend, they are checked when it comes.
 *
 * Return: 0; -EINVAL, without a change, if they are where no memory is
 */
int weft_vq_move(struct weft_vq *vq, const u64 *addr, bool log_used, u64 log_addr)
{
	struct weft_ring_config cfg = config_of(vq);
	u64 old[WEFT_AREAS];

	lockdep_assert_held(&vq->lock);
	memcpy(old, vq->addr, sizeof(old));
	memcpy(vq->addr, addr, sizeof(old));
	if (vq->backend && (!addresses_ok(vq, &cfg) ||
			    !log_ok(vq, &cfg, vq->log_base, log_used, log_addr))) {
		memcpy(vq->addr, old, sizeof(old));
		return -EINVAL;
	}
	vq->log_used = log_used;
	vq->log_addr = log_addr;
	set_ops(vq);
	/* What was fetched is of the old place. */
	weft_ring_forget(&vq->ring);
	return 0;
}
