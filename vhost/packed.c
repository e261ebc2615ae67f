// SPDX-License-Identifier: GPL-2.0
/* Packed virtqueues (virtio 1.3 §2.8). */
#include "ring_inner.h"

#define DESC_LEN	offsetof(struct vring_packed_desc, len)
#define DESC_FLAGS	offsetof(struct vring_packed_desc, flags)
#define EVENT_OFF_WRAP	offsetof(struct vring_packed_desc_event, off_wrap)
#define EVENT_FLAGS	offsetof(struct vring_packed_desc_event, flags)

#define FLAG_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define FLAG_USED	BIT(VRING_PACKED_DESC_F_USED)
#define WRAP_BIT	VRING_PACKED_EVENT_F_WRAP_CTR

#define FLAGS_ROUND	(FLAG_AVAIL | FLAG_USED)

/* Made available, and not used, in the round that @wrap tells (§2.8.1). */
static __always_inline bool is_available(u16 flags, bool wrap)
{
	return (flags & FLAGS_ROUND) == (wrap ? FLAG_AVAIL : FLAG_USED);
}

/* Moves a slot on, by less than a round. */
static __always_inline void advance(const struct weft_ring *r, u16 *slot, bool *wrap, u32 by)
{
	u32 to = *slot + by;

	if (to >= r->cfg.size) {
		to -= r->cfg.size;
		*wrap = !*wrap;
	}
	*slot = to;
}

static __always_inline int read_flags(struct weft_ring *r, bool mapped, u16 slot, u16 *flags)
{
	u32 off = slot * DESC_SIZE + DESC_FLAGS;
	__le16 raw;
	int ret;

	if (mapped) {
		*flags = le16_to_cpu(smp_load_acquire((__le16 *)(r->va[WEFT_AREA_DESC] + off)));
		return 0;
	}
	ret = r->ops->read(r, WEFT_AREA_DESC, off, &raw, sizeof(raw));
	*flags = ret ? 0 : le16_to_cpu(raw);
	smp_rmb();
	return ret;
}

/*
 * Reads the descriptors that are available from the next slot on, and returns
 * how many. A descriptor's flags are read before, and never with, the rest of
 * it; pairs with the driver's barrier before it writes the flags (§2.8.21).
 */
static __always_inline int fetch(struct weft_ring *r, bool mapped)
{
	u32 max = min_t(u32, WEFT_RING_BATCH, r->cfg.size), i;
	u16 slot = r->place.avail;
	bool wrap = r->place.avail_wrap;
	struct vring_packed_desc raw;
	u16 flags;
	int ret = 0;

	for (i = 0; i < max; i++) {
		struct weft_ring_desc *d = &r->descs[i];

		ret = read_flags(r, mapped, slot, &flags);
		if (unlikely(ret))
			break;
		if (!is_available(flags, wrap))
			break;
		if (mapped) {
			const struct vring_packed_desc *s =
				r->va[WEFT_AREA_DESC] + slot * DESC_SIZE;

			raw.addr = READ_ONCE(s->addr);
			raw.len = READ_ONCE(s->len);
			raw.id = READ_ONCE(s->id);
		} else {
			ret = r->ops->read(r, WEFT_AREA_DESC, slot * DESC_SIZE, &raw, DESC_FLAGS);
			if (unlikely(ret))
				break;
		}
		d->addr = le64_to_cpu(raw.addr);
		d->len = le32_to_cpu(raw.len);
		d->next = le16_to_cpu(raw.id);
		d->flags = flags;
		if (unlikely(++slot == r->cfg.size)) {
			slot = 0;
			wrap = !wrap;
		}
	}
	if (unlikely(ret) && !i) {
		/* What a rewind would find again was overwritten. */
		weft_ring_forget(r);
		return area_failed(r, ret);
	}
	r->next = 0;
	r->cached = i;
	return i;
}

static int refill(struct weft_ring *r)
{
	bool mapped = weft_ring_enter(r);
	int ret = mapped ? fetch(r, true) : fetch(r, false);

	if (mapped)
		weft_ring_leave(r);
	return ret;
}

int weft_packed_get(struct weft_ring *r, struct weft_walk *w)
{
	struct weft_chain *c = w->chain;
	struct weft_ring_desc *d;
	u16 flags, slots = 0;
	int ret;

	do {
		if (unlikely(slots == r->cfg.size))
			return weft_ring_break(r, WEFT_RING_PACKED_CHAIN);
		if (r->next == r->cached) {
			/* The driver finishes a chain before it lets go of its
			 * first descriptor (§2.8.21), so that the rest is there.
			 */
			ret = refill(r);
			if (!ret && unlikely(slots))
				return weft_ring_break(r, WEFT_RING_PACKED_CHAIN);
			if (ret <= 0)
				return ret;
		}
		d = &r->descs[r->next++];
		advance(r, &r->place.avail, &r->place.avail_wrap, 1);
		slots++;
		flags = d->flags;
		if (unlikely(flags & VRING_DESC_F_INDIRECT)) {
			/* §2.8.7: a table is a chain of its own */
			if (unlikely(flags & VRING_DESC_F_NEXT || slots > 1))
				return weft_ring_break(r, WEFT_RING_INDIRECT_NEXT);
			ret = weft_ring_indirect(r, w, d->addr, d->len);
		} else {
			ret = weft_walk_add(r, w, d);
		}
		if (unlikely(ret))
			return ret;
	} while (flags & VRING_DESC_F_NEXT);

	/* The id is that of the last descriptor (§2.8.6). */
	c->id = d->next;
	c->slots = slots;
	if (unlikely(c->id >= r->cfg.size))
		return weft_ring_break(r, WEFT_RING_PACKED_ID);
	return 1;
}

/*
 * Whether the slot beyond what was seen is available. With a ring that was seen
 * to its end that is the first one again, which then is not.
 */
static __always_inline int beyond(struct weft_ring *r, bool mapped,
				  const struct weft_ring_place *seen)
{
	u16 flags;
	int ret = read_flags(r, mapped, seen->avail, &flags);

	if (unlikely(ret))
		return area_failed(r, ret);
	return is_available(flags, seen->avail_wrap);
}

int weft_packed_more(struct weft_ring *r, struct weft_ring_place seen)
{
	bool mapped = weft_ring_enter(r);
	int ret = beyond(r, mapped, &seen);

	if (mapped)
		weft_ring_leave(r);
	return ret;
}

/* Whether the driver wants to hear of the last @slots used slots. */
static __always_inline int wants_call(struct weft_ring *r, bool mapped, u32 slots)
{
	bool valid = r->signalled_valid;
	u16 flags, at, event;
	int ret;

	r->signalled_valid = true;
	/* Used flags before the driver's wish; pairs with the driver's barrier
	 * between enabling calls and looking for used descriptors again.
	 */
	smp_mb();
	ret = area_read16(r, mapped, WEFT_AREA_DRIVER, EVENT_FLAGS, &flags);
	if (unlikely(ret))
		return wish_unknown(ret);
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return 0;
	if (!r->cfg.event_idx || flags != VRING_PACKED_EVENT_FLAG_DESC || unlikely(!valid))
		return 1;
	/* Flags before the place; pairs with the driver's barrier between
	 * writing the place and the flags.
	 */
	smp_rmb();
	ret = area_read16(r, mapped, WEFT_AREA_DRIVER, EVENT_OFF_WRAP, &at);
	if (unlikely(ret))
		return wish_unknown(ret);
	event = at & ~BIT(WRAP_BIT);
	/* Counted in the round that the used place is in. */
	if (!!(at & BIT(WRAP_BIT)) != r->place.used_wrap)
		event -= r->cfg.size;
	return (u16)(r->place.used - event - 1) < slots;
}

static __always_inline u16 used_flags(const struct weft_ring_used *u, bool wrap)
{
	return (wrap ? FLAGS_ROUND : 0) | (u->len ? VRING_DESC_F_WRITE : 0);
}

/* Length, id and flags are one word, but for the descriptor whose flags come last. */
static __always_inline int write_used(struct weft_ring *r, bool mapped, u16 slot, bool wrap,
				      const struct weft_ring_used *u, bool with_flags)
{
	u32 off = slot * DESC_SIZE + DESC_LEN;
	struct {
		__le32 len;
		__le16 id;
		__le16 flags;
	} v = {
		.len = cpu_to_le32(u->len),
		.id = cpu_to_le16(u->id),
		.flags = cpu_to_le16(used_flags(u, wrap)),
	};

	if (!mapped)
		return r->ops->write(r, WEFT_AREA_DESC, off, &v,
				     with_flags ? sizeof(v) : offsetof(typeof(v), flags));
	if (with_flags) {
		BUILD_BUG_ON(sizeof(v) != sizeof(u64));
		WRITE_ONCE(*(u64 *)(r->va[WEFT_AREA_DESC] + off), *(u64 *)&v);
	} else {
		struct vring_packed_desc *d = r->va[WEFT_AREA_DESC] + slot * DESC_SIZE;

		WRITE_ONCE(d->len, v.len);
		WRITE_ONCE(d->id, v.id);
	}
	return 0;
}

/*
 * With VIRTIO_F_IN_ORDER one used descriptor, with the id of the last buffer of
 * a batch, stands for all of them, at the slot of the first (§2.8.9), if those
 * before the last were used completely; that is known of buffers in which
 * nothing is written.
 */
static void merge_in_order(struct weft_ring *r)
{
	u32 slots = 0;
	u16 i;

	if (!r->cfg.in_order || r->nused < 2)
		return;
	for (i = 0; i < r->nused; i++) {
		if (r->used[i].len)
			return;
		slots += r->used[i].slots;
	}
	/* More than the ring has, if the driver cheats: one by one they are less. */
	if (unlikely(slots > r->cfg.size))
		return;
	r->used[0].id = r->used[r->nused - 1].id;
	r->used[0].slots = slots;
	r->nused = 1;
}

/*
 * Writes all used descriptors, the flags of the first one last, so that the
 * driver sees none before all are there.
 */
static __always_inline int publish(struct weft_ring *r, bool mapped)
{
	u16 old = r->place.used, slot = old, i;
	bool wrap = r->place.used_wrap, first_wrap = wrap;
	u32 slots = 0;
	int ret;

	for (i = 0; i < r->nused; i++) {
		ret = write_used(r, mapped, slot, wrap, &r->used[i], i);
		if (unlikely(ret))
			return ret;
		advance(r, &slot, &wrap, r->used[i].slots);
		slots += r->used[i].slots;
	}
	smp_wmb();
	ret = area_write16(r, mapped, WEFT_AREA_DESC, old * DESC_SIZE + DESC_FLAGS,
			   used_flags(&r->used[0], first_wrap));
	if (unlikely(ret))
		return ret;
	r->place.used = slot;
	r->place.used_wrap = wrap;
	r->nused = 0;
	return wants_call(r, mapped, slots);
}

int weft_packed_publish(struct weft_ring *r)
{
	u16 slot = r->place.used, i, n;
	bool mapped, wrap = false;
	int ret;

	merge_in_order(r);
	n = r->nused;
	mapped = weft_ring_enter(r);
	ret = mapped ? publish(r, true) : publish(r, false);
	if (mapped)
		weft_ring_leave(r);
	if (unlikely(ret < 0))
		return area_failed(r, ret);
	if (unlikely(r->ops->wrote)) {
		for (i = 0; i < n; i++) {
			wrote(r, WEFT_AREA_DESC, slot * DESC_SIZE + DESC_LEN, DESC_SIZE - DESC_LEN);
			advance(r, &slot, &wrap, r->used[i].slots);
		}
	}
	return ret;
}

void weft_packed_kicks_off(struct weft_ring *r)
{
	bool mapped = weft_ring_enter(r);

	if (area_write16(r, mapped, WEFT_AREA_DEVICE, EVENT_FLAGS,
			 VRING_PACKED_EVENT_FLAG_DISABLE))
		r->kicks_off = false;
	if (mapped)
		weft_ring_leave(r);
	wrote(r, WEFT_AREA_DEVICE, EVENT_FLAGS, sizeof(__le16));
}

static __always_inline int kicks_on(struct weft_ring *r, bool mapped,
				    const struct weft_ring_place *seen)
{
	u16 how = VRING_PACKED_EVENT_FLAG_ENABLE;
	int ret;

	if (r->cfg.event_idx) {
		how = VRING_PACKED_EVENT_FLAG_DESC;
		ret = area_write16(r, mapped, WEFT_AREA_DEVICE, EVENT_OFF_WRAP,
				   seen->avail | (u16)seen->avail_wrap << WRAP_BIT);
		if (unlikely(ret))
			return area_failed(r, ret);
		/* The place before the flags that point to it. */
		smp_wmb();
	}
	ret = area_write16(r, mapped, WEFT_AREA_DEVICE, EVENT_FLAGS, how);
	if (unlikely(ret))
		return area_failed(r, ret);
	/* The wish before the driver's flags; pairs with the driver's barrier
	 * between making a descriptor available and looking at the wish.
	 */
	smp_mb();
	return beyond(r, mapped, seen);
}

int weft_packed_kicks_on(struct weft_ring *r, struct weft_ring_place seen)
{
	bool mapped = weft_ring_enter(r);
	int ret;

	ret = mapped ? kicks_on(r, true, &seen) : kicks_on(r, false, &seen);
	if (mapped)
		weft_ring_leave(r);
	wrote(r, WEFT_AREA_DEVICE, 0, sizeof(struct vring_packed_desc_event));
	return ret;
}
