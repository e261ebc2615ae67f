/* SPDX-License-Identifier: GPL-2.0 */
/* What the two formats of a ring and their common part know of each other. */
#ifndef WEFT_RING_INNER_H
#define WEFT_RING_INNER_H

#include <asm/byteorder.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_byteorder.h>
#include <linux/bits.h>
#include <asm/barrier.h>
#include <weft/ring.h>

#define DESC_SIZE	16
/* Entries of an indirect table that are read at once */
#define TABLE_BATCH	32

static inline u16 ring16(const struct weft_ring *r, __virtio16 v)
{
	return __virtio16_to_cpu(r->cfg.little, v);
}

static inline __virtio16 to_ring16(const struct weft_ring *r, u16 v)
{
	return __cpu_to_virtio16(r->cfg.little, v);
}

static inline __virtio32 to_ring32(const struct weft_ring *r, u32 v)
{
	return __cpu_to_virtio32(r->cfg.little, v);
}

/* Whether the areas are at r->va until weft_ring_leave(). */
static inline bool weft_ring_enter(struct weft_ring *r)
{
	return !r->ops->enter || r->ops->enter(r);
}

static inline void weft_ring_leave(struct weft_ring *r)
{
	if (r->ops->leave)
		r->ops->leave(r);
}

/*
 * One word or a descriptor of an area; with @mapped known at compile time, the
 * one half is loads and stores, and the other calls. Only the copying half can
 * fail.
 */
static __always_inline int area_read16(struct weft_ring *r, bool mapped, enum weft_ring_area area,
				       u32 off, u16 *v)
{
	__virtio16 raw;
	int ret = 0;

	if (mapped)
		raw = READ_ONCE(*(__virtio16 *)(r->va[area] + off));
	else
		ret = r->ops->read(r, area, off, &raw, sizeof(raw));
	if (!ret)
		*v = ring16(r, raw);
	return ret;
}

static __always_inline int area_write16(struct weft_ring *r, bool mapped, enum weft_ring_area area,
					u32 off, u16 v)
{
	__virtio16 raw = to_ring16(r, v);

	if (!mapped)
		return r->ops->write(r, area, off, &raw, sizeof(raw));
	WRITE_ONCE(*(__virtio16 *)(r->va[area] + off), raw);
	return 0;
}

static inline void wrote(struct weft_ring *r, enum weft_ring_area area, u32 off, u32 len)
{
	if (unlikely(r->ops->wrote))
		r->ops->wrote(r, area, off, len);
}

/* What remains of an error: -EAGAIN is none, all others break the ring. */
static inline int area_failed(struct weft_ring *r, int ret)
{
	return ret == -EAGAIN ? ret : weft_ring_break(r, WEFT_RING_UNREADABLE);
}

/*
 * The same where it was the driver's wish for a call that could not be read. The
 * buffers are the driver's already, so nobody would ask again: it is called.
 */
static inline int wish_unknown(int ret)
{
	return ret == -EAGAIN ? 1 : ret;
}

/* Chains as they are taken apart. */
struct weft_walk {
	struct weft_chain *chain;
	struct weft_seg *segs;
	u32 max;
};

/* Adds a segment to the chain in hand. */
static __always_inline int weft_walk_add(struct weft_ring *r, struct weft_walk *w,
					 const struct weft_ring_desc *d)
{
	struct weft_chain *c = w->chain;
	u32 n = c->out + c->in;
	bool write = d->flags & VRING_DESC_F_WRITE;

	if (unlikely(!write && c->in))
		return weft_ring_break(r, WEFT_RING_ORDER);
	/* An empty one says nothing, but may come in any number. */
	if (unlikely(!d->len))
		return 0;
	if (unlikely(n == w->max))
		return weft_ring_break(r, WEFT_RING_SEGS);
	w->segs[n].addr = d->addr;
	w->segs[n].len = d->len;
	if (write)
		c->in++;
	else
		c->out++;
	return 0;
}

int weft_ring_indirect(struct weft_ring *r, struct weft_walk *w, u64 addr, u32 len);

int weft_split_get(struct weft_ring *r, struct weft_walk *w);
int weft_split_more(struct weft_ring *r, struct weft_ring_place seen);
int weft_split_publish(struct weft_ring *r);
void weft_split_kicks_off(struct weft_ring *r);
int weft_split_kicks_on(struct weft_ring *r, struct weft_ring_place seen);

int weft_packed_get(struct weft_ring *r, struct weft_walk *w);
int weft_packed_more(struct weft_ring *r, struct weft_ring_place seen);
int weft_packed_publish(struct weft_ring *r);
void weft_packed_kicks_off(struct weft_ring *r);
int weft_packed_kicks_on(struct weft_ring *r, struct weft_ring_place seen);

#endif /* WEFT_RING_INNER_H */
