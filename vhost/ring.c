// SPDX-License-Identifier: GPL-2.0
/* What split and packed rings have in common, and the choice between them. */
#include <linux/module.h>
#include <linux/slab.h>
#include "ring_inner.h"

static const char * const fault_names[WEFT_RING_FAULTS] = {
	[WEFT_RING_OK] = "none",
	[WEFT_RING_UNREADABLE] = "ring-unreadable",
	[WEFT_RING_AVAIL_JUMP] = "avail-jump",
	[WEFT_RING_HEAD] = "head-out-of-range",
	[WEFT_RING_NEXT] = "next-out-of-range",
	[WEFT_RING_LOOP] = "chain-loop",
	[WEFT_RING_SEGS] = "chain-too-long",
	[WEFT_RING_ORDER] = "read-after-write",
	[WEFT_RING_INDIRECT_SIZE] = "indirect-size",
	[WEFT_RING_INDIRECT_NESTED] = "indirect-nested",
	[WEFT_RING_INDIRECT_NEXT] = "indirect-next",
	[WEFT_RING_INDIRECT_OFF] = "indirect-not-negotiated",
	[WEFT_RING_INDIRECT_MEMORY] = "indirect-no-memory",
	[WEFT_RING_PACKED_ID] = "id-out-of-range",
	[WEFT_RING_PACKED_CHAIN] = "packed-chain-unfinished",
	[WEFT_RING_MEMORY] = "buffer-no-memory",
	[WEFT_RING_DIRECTION] = "buffer-direction",
	[WEFT_RING_SHORT] = "buffer-too-small",
};

/**
 * weft_ring_fault_name() - a fault in a word, for people and for counters
 * @why: the fault
 *
 * Return: a word without blanks, constant over releases.
 */
const char *weft_ring_fault_name(enum weft_ring_fault why)
{
	return (unsigned int)why < WEFT_RING_FAULTS ? fault_names[why] : "unknown";
}
EXPORT_SYMBOL_GPL(weft_ring_fault_name);

/**
 * weft_ring_break() - stops a ring that cannot be trusted any more
 * @r: ring
 * @why: reason; the first one stays
 *
 * Users break rings too, where they find that a buffer is no good.
 *
 * Return: -EINVAL, for the caller to return.
 */
int weft_ring_break(struct weft_ring *r, enum weft_ring_fault why)
{
	if (r->fault == WEFT_RING_OK)
		r->fault = why;
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(weft_ring_break);

/**
 * weft_ring_alloc() - memory for what a ring keeps to itself
 * @r: ring, zeroed
 * @max_used: buffers that may be put before a publish; at least WEFT_RING_BATCH
 *
 * Return: 0 or -ENOMEM. Undone by weft_ring_free().
 */
int weft_ring_alloc(struct weft_ring *r, u16 max_used)
{
	BUILD_BUG_ON(sizeof(struct vring_desc) != DESC_SIZE);
	BUILD_BUG_ON(sizeof(struct vring_packed_desc) != DESC_SIZE);

	r->max_used = max_used;
	r->descs = kcalloc(WEFT_RING_BATCH, sizeof(*r->descs), GFP_KERNEL_ACCOUNT);
	r->heads = kcalloc(WEFT_RING_BATCH, sizeof(*r->heads), GFP_KERNEL_ACCOUNT);
	r->used = kvcalloc(max_used, sizeof(*r->used), GFP_KERNEL_ACCOUNT);
	if (r->descs && r->heads && r->used)
		return 0;
	weft_ring_free(r);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(weft_ring_alloc);

/**
 * weft_ring_free() - frees what weft_ring_alloc() got
 * @r: ring; may have been freed before
 */
void weft_ring_free(struct weft_ring *r)
{
	kfree(r->descs);
	kfree(r->heads);
	kvfree(r->used);
	r->descs = NULL;
	r->heads = NULL;
	r->used = NULL;
}
EXPORT_SYMBOL_GPL(weft_ring_free);

/**
 * weft_ring_setup() - begins with a ring, or begins again
 * @r: ring
 * @cfg: what it is like
 * @place: where it stands
 *
 * Forgets faults, buffers that were fetched, and buffers to be returned.
 *
 * Return: 0; -EINVAL, without a change, for a size or a place that no ring has.
 */
int weft_ring_setup(struct weft_ring *r, const struct weft_ring_config *cfg,
		    const struct weft_ring_place *place)
{
	if (!cfg->size || cfg->size > WEFT_RING_MAX_SIZE)
		return -EINVAL;
	if (cfg->packed ? place->avail >= cfg->size || place->used >= cfg->size
			: cfg->size & (cfg->size - 1))
		return -EINVAL;

	r->cfg = *cfg;
	r->cfg.little = cfg->little || cfg->packed;
	r->place = *place;
	r->fault = WEFT_RING_OK;
	r->kicks_off = false;
	r->signalled_valid = false;
	r->more = place->avail;
	r->nused = 0;
	weft_ring_forget(r);
	return 0;
}
EXPORT_SYMBOL_GPL(weft_ring_setup);

/**
 * weft_ring_area_size() - bytes of an area (virtio 1.3 §2.7, §2.8)
 * @cfg: what the ring is like
 * @area: which
 *
 * Return: bytes, with the fields for VIRTIO_RING_F_EVENT_IDX if negotiated.
 */
u32 weft_ring_area_size(const struct weft_ring_config *cfg, enum weft_ring_area area)
{
	u32 event = cfg->event_idx ? sizeof(__virtio16) : 0;

	switch (area) {
	case WEFT_AREA_DESC:
		return cfg->size * DESC_SIZE;
	case WEFT_AREA_DRIVER:
		if (cfg->packed)
			return sizeof(struct vring_packed_desc_event);
		return sizeof(struct vring_avail) + cfg->size * sizeof(__virtio16) + event;
	case WEFT_AREA_DEVICE:
		if (cfg->packed)
			return sizeof(struct vring_packed_desc_event);
		return sizeof(struct vring_used) + cfg->size * sizeof(struct vring_used_elem) +
		       event;
	default:
		return 0;
	}
}
EXPORT_SYMBOL_GPL(weft_ring_area_size);

/**
 * weft_ring_read_used() - takes the place of the next used entry from the ring
 * @r: ring, set up
 *
 * A split ring says there where it stands; for a packed one there is nothing
 * to read.
 *
 * Return: 0; -EAGAIN; -EINVAL if it cannot be read.
 */
int weft_ring_read_used(struct weft_ring *r)
{
	bool mapped;
	int ret;

	if (r->cfg.packed)
		return 0;
	mapped = weft_ring_enter(r);
	ret = area_read16(r, mapped, WEFT_AREA_DEVICE, offsetof(struct vring_used, idx),
			  &r->place.used);
	if (mapped)
		weft_ring_leave(r);
	return ret ? area_failed(r, ret) : 0;
}
EXPORT_SYMBOL_GPL(weft_ring_read_used);

/* A descriptor as split rings and all indirect tables have it, in our byte order. */
static struct weft_ring_desc from_table(const struct weft_ring *r, const struct vring_desc *d)
{
	struct weft_ring_desc v = {
		.addr = __virtio64_to_cpu(r->cfg.little, d->addr),
		.len = __virtio32_to_cpu(r->cfg.little, d->len),
	};

	/* In a packed ring's table the flags come last (virtio 1.3 §2.8.13). */
	v.flags = __virtio16_to_cpu(r->cfg.little, r->cfg.packed ? d->next : d->flags);
	v.next = __virtio16_to_cpu(r->cfg.little, r->cfg.packed ? d->flags : d->next);
	return v;
}

/* Appends what an indirect table lists (virtio 1.3 §2.7.5.3, §2.8.7). */
int weft_ring_indirect(struct weft_ring *r, struct weft_walk *w, u64 addr, u32 len)
{
	struct vring_desc table[TABLE_BATCH];
	u32 count = len / DESC_SIZE;
	u32 i = 0, first = 0, have = 0, found = 0;
	struct weft_ring_desc d;
	int ret;

	if (unlikely(!r->cfg.indirect))
		return weft_ring_break(r, WEFT_RING_INDIRECT_OFF);
	/* A next field reaches 65,536 entries. */
	if (unlikely(!len || len % DESC_SIZE || count > U16_MAX + 1))
		return weft_ring_break(r, WEFT_RING_INDIRECT_SIZE);
	if (unlikely(addr + len < addr))
		return weft_ring_break(r, WEFT_RING_INDIRECT_MEMORY);

	for (;;) {
		if (unlikely(found == count))
			return weft_ring_break(r, WEFT_RING_LOOP);
		/* Empty ones do not count as segments, but take their time too. No
		 * driver has more than a ring, or than a frame has pieces.
		 */
		if (unlikely(found++ == max_t(u32, r->cfg.size, WEFT_RING_MAX_SEGS)))
			return weft_ring_break(r, WEFT_RING_SEGS);
		if (i < first || i - first >= have) {
			first = i;
			have = min_t(u32, count - i, TABLE_BATCH);
			/* Those that a table leaps over were read too. */
			r->walked += have;
			ret = r->ops->read_guest(r, addr + (u64)first * DESC_SIZE, table,
						 have * DESC_SIZE);
			if (unlikely(ret))
				return ret == -EAGAIN ? ret :
				       weft_ring_break(r, WEFT_RING_INDIRECT_MEMORY);
		}
		d = from_table(r, &table[i - first]);
		if (unlikely(d.flags & VRING_DESC_F_INDIRECT))
			return weft_ring_break(r, WEFT_RING_INDIRECT_NESTED);
		ret = weft_walk_add(r, w, &d);
		if (unlikely(ret))
			return ret;

		if (r->cfg.packed) {
			/* All entries, in order; only WRITE has a meaning in them. */
			if (++i == count)
				return 0;
			continue;
		}
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
		if (unlikely(i >= count))
			return weft_ring_break(r, WEFT_RING_NEXT);
	}
}

/**
 * weft_ring_get() - takes the next buffer
 * @r: ring
 * @c: filled in
 * @segs: filled in: what the device reads, then what it writes. Empty segments
 *	are left out
 * @max: room in @segs
 *
 * Process context; may sleep.
 *
 * Return: 1; 0 if there is none; -EAGAIN if a translation has to come first,
 * and nothing was taken; -EINVAL if the ring is broken, see &weft_ring.fault.
 */
int weft_ring_get(struct weft_ring *r, struct weft_chain *c, struct weft_seg *segs, u32 max)
{
	struct weft_walk w = { .chain = c, .segs = segs, .max = max };
	struct weft_ring_place from = r->place;
	int ret;

	if (unlikely(r->fault))
		return -EINVAL;
	c->out = 0;
	c->in = 0;
	ret = r->cfg.packed ? weft_packed_get(r, &w) : weft_split_get(r, &w);
	if (unlikely(ret == -EAGAIN))
		weft_ring_rewind(r, from);
	return ret;
}
EXPORT_SYMBOL_GPL(weft_ring_get);

/**
 * weft_ring_more() - whether the driver has made buffers available
 * @r: ring
 * @seen: weft_ring_mark() after the last buffer that is known of, from before
 *	a rewind that gave it back
 *
 * Return: whether there is one beyond @seen; true also if that cannot be told,
 * as weft_ring_get() says why.
 */
bool weft_ring_more(struct weft_ring *r, struct weft_ring_place seen)
{
	if (r->fault)
		return true;
	return (r->cfg.packed ? weft_packed_more(r, seen) : weft_split_more(r, seen)) != 0;
}
EXPORT_SYMBOL_GPL(weft_ring_more);

/**
 * weft_ring_rewind() - gives back, untouched, buffers that were taken
 * @r: ring
 * @to: the place before the first of them; none of them was put
 */
void weft_ring_rewind(struct weft_ring *r, struct weft_ring_place to)
{
	u32 back;

	if (!r->cfg.packed)
		back = (u16)(r->place.avail - to.avail);
	else if (r->place.avail >= to.avail && r->place.avail_wrap == to.avail_wrap)
		back = r->place.avail - to.avail;
	else
		back = r->place.avail + r->cfg.size - to.avail;
	if (back <= r->next)
		r->next -= back;
	else
		weft_ring_forget(r);
	r->place.avail = to.avail;
	r->place.avail_wrap = to.avail_wrap;
}
EXPORT_SYMBOL_GPL(weft_ring_rewind);

/**
 * weft_ring_forget() - drops what was fetched and not handed out
 * @r: ring
 *
 * For when the ring's memory is about to be another.
 */
void weft_ring_forget(struct weft_ring *r)
{
	r->cached = 0;
	r->next = 0;
}
EXPORT_SYMBOL_GPL(weft_ring_forget);

/**
 * weft_ring_publish() - returns all buffers put since the last time
 * @r: ring
 *
 * Process context; may sleep.
 *
 * Return: 1 if the driver wants to be told; 0 if not; -EAGAIN if a translation
 * has to come first, and they still wait; -EINVAL if the ring is broken.
 */
int weft_ring_publish(struct weft_ring *r)
{
	if (!r->nused)
		return 0;
	return r->cfg.packed ? weft_packed_publish(r) : weft_split_publish(r);
}
EXPORT_SYMBOL_GPL(weft_ring_publish);

/**
 * weft_ring_kicks_off() - asks the driver not to kick
 * @r: ring
 *
 * A hint: kicks may come all the same.
 */
void weft_ring_kicks_off(struct weft_ring *r)
{
	if (r->kicks_off)
		return;
	r->kicks_off = true;
	if (r->cfg.packed)
		weft_packed_kicks_off(r);
	else
		weft_split_kicks_off(r);
}
EXPORT_SYMBOL_GPL(weft_ring_kicks_off);

/**
 * weft_ring_kicks_on() - asks the driver to kick for the next buffer
 * @r: ring
 * @seen: as for weft_ring_more(): the kick is for what comes after it. Not
 *	where the next buffer is taken, if buffers were given back because they
 *	were too few: those are there, but nothing can be done about them.
 *
 * Return: 1 if a buffer came meanwhile, for which there may be no kick; 0 if
 * none did; -EAGAIN; -EINVAL if the ring is broken.
 */
int weft_ring_kicks_on(struct weft_ring *r, struct weft_ring_place seen)
{
	if (r->fault)
		return -EINVAL;
	r->kicks_off = false;
	return r->cfg.packed ? weft_packed_kicks_on(r, seen) : weft_split_kicks_on(r, seen);
}
EXPORT_SYMBOL_GPL(weft_ring_kicks_on);

/**
 * weft_ring_state_pack() - where the ring stands, as VHOST_GET_VRING_BASE has it
 * @r: ring
 *
 * Return: split: the index of the next available entry; packed: that slot and
 * its wrap counter (bit 15), and the same of the used one above (bits 16 to 31).
 */
u32 weft_ring_state_pack(const struct weft_ring *r)
{
	const struct weft_ring_place *p = &r->place;

	if (!r->cfg.packed)
		return p->avail;
	return p->avail | (u32)p->avail_wrap << 15 | (u32)p->used << 16 | (u32)p->used_wrap << 31;
}
EXPORT_SYMBOL_GPL(weft_ring_state_pack);

/**
 * weft_ring_state_unpack() - where a ring is to go on, from what weft_ring_state_pack() said
 * @packed: the ring is a packed one
 * @state: what was said, or what a client says
 *
 * Return: a place for weft_ring_setup(), which says whether it can be.
 */
struct weft_ring_place weft_ring_state_unpack(bool packed, u32 state)
{
	struct weft_ring_place place = { .avail = state, .used = state };

	if (packed) {
		place.avail = state & 0x7fff;
		place.avail_wrap = state >> 15 & 1;
		place.used = state >> 16 & 0x7fff;
		place.used_wrap = state >> 31;
		/* Different wrap counters at the same slot would mean that the
		 * whole ring is in flight, and nobody knows with which ids. It
		 * means a client that knows of the lower half only.
		 */
		if (place.used == place.avail)
			place.used_wrap = place.avail_wrap;
	}
	return place;
}
EXPORT_SYMBOL_GPL(weft_ring_state_unpack);

MODULE_DESCRIPTION("weft: virtqueues, guest memory and workers");
MODULE_LICENSE("GPL");
