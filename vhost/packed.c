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

/* What these flags are of a descriptor made available, and not used, in the
 * round that @wrap tells (§2.8.1).
 */
static __always_inline u16 available_round(bool wrap)
{
	return wrap ? FLAG_AVAIL : FLAG_USED;
}

static __always_inline int read_flags(struct weft_ring *r, bool mapped, u16 slot, u16 *flags)
{
	u32 off = slot * DESC_SIZE + DESC_FLAGS;
	__le16 raw;
	int ret;

	if (mapped) {
		/* The rest of the descriptor is read after them, see fetch(). */
		*flags = le16_to_cpu(smp_load_acquire((__le16 *)(r->va[WEFT_AREA_DESC] + off)));
		return 0;
	}
	ret = r->ops->read(r, WEFT_AREA_DESC, off, &raw, sizeof(raw));
	*flags = ret ? 0 : le16_to_cpu(raw);
	/* As above. */
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
	u16 round = available_round(r->place.avail_wrap);
	struct vring_packed_desc raw;
	u16 flags;
	int ret = 0;

	for (i = 0; i < max; i++) {
		struct weft_ring_desc *d = &r->descs[i];

		ret = read_flags(r, mapped, slot, &flags);
		if (unlikely(ret))
			break;
		if ((flags & FLAGS_ROUND) != round)
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
			round ^= FLAGS_ROUND;
		}
	}
	/* Nothing was overwritten, so that a rewind finds what was there. */
	if (unlikely(ret) && !i)
		return area_failed(r, ret);
	r->next = 0;
	r->cached = i;
	return i;
}

/* Apart from what is done for each descriptor, which is shorter for it. */
static noinline int refill(struct weft_ring *r)
{
	bool mapped = weft_ring_enter(r);
	int ret = mapped ? fetch(r, true) : fetch(r, false);

	if (mapped)
		weft_ring_leave(r);
	return ret;
}

/* Takes the next one of the descriptors that were fetched. */
static __always_inline struct weft_ring_desc *take(struct weft_ring *r)
{
	struct weft_ring_desc *d = &r->descs[r->next++];

	if (unlikely(++r->place.avail == r->cfg.size)) {
		r->place.avail = 0;
		r->place.avail_wrap = !r->place.avail_wrap;
	}
	return d;
}

/* The rest of a chain that begins with @d, or the table that it is. */
static int get_rest(struct weft_ring *r, struct weft_walk *w, struct weft_ring_desc *d)
{
	struct weft_chain *c = w->chain;
	int ret;

	if (d->flags & VRING_DESC_F_INDIRECT) {
		/* §2.8.7: a table is a chain of its own */
		if (unlikely(d->flags & VRING_DESC_F_NEXT))
			return weft_ring_break(r, WEFT_RING_INDIRECT_NEXT);
		/* The id is of the ring's descriptor. */
		c->id = d->next;
		return weft_ring_indirect(r, w, d->addr, d->len);
	}
	do {
		if (unlikely(c->slots == r->cfg.size))
			return weft_ring_break(r, WEFT_RING_PACKED_CHAIN);
		/* The driver finishes a chain before it lets go of its first
		 * descriptor (§2.8.21), so that the rest is there.
		 */
		if (unlikely(r->next == r->cached)) {
			ret = refill(r);
			if (ret <= 0)
				return ret ?: weft_ring_break(r, WEFT_RING_PACKED_CHAIN);
		}
		d = take(r);
		c->slots++;
		r->walked++;
		if (unlikely(d->flags & VRING_DESC_F_INDIRECT))
			return weft_ring_break(r, WEFT_RING_INDIRECT_NEXT);
		ret = weft_walk_add(r, w, d);
		if (unlikely(ret))
			return ret;
	} while (d->flags & VRING_DESC_F_NEXT);
	/* The id is that of the last descriptor (§2.8.6). */
	c->id = d->next;
	return 0;
}

int weft_packed_get(struct weft_ring *r, struct weft_walk *w)
{
	struct weft_chain *c = w->chain;
	struct weft_ring_desc *d;
	int ret;

	if (unlikely(r->next == r->cached)) {
		ret = refill(r);
		if (ret <= 0)
			return ret;
	}
	d = take(r);
	c->id = d->next;
	c->slots = 1;
	if (!(d->flags & VRING_DESC_F_INDIRECT)) {
		ret = weft_walk_add(r, w, d);
		if (unlikely(ret))
			return ret;
	}
	if (d->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) {
		ret = get_rest(r, w, d);
		if (unlikely(ret))
			return ret;
	}
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
	return (flags & FLAGS_ROUND) == available_round(seen->avail_wrap);
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

static __always_inline u16 used_flags(const struct weft_ring_used *u, u16 round)
{
	return round | (u->len ? VRING_DESC_F_WRITE : 0);
}

/* Length, id and flags of a used descriptor: its second word. */
static __always_inline __le64 used_word(const struct weft_ring_used *u, u16 round)
{
	return cpu_to_le64(u->len | (u64)u->id << 32 | (u64)used_flags(u, round) << 48);
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
	const struct weft_ring_used *u = r->used, *end = u + r->nused;
	void *ring = r->va[WEFT_AREA_DESC] + DESC_LEN;
	u16 round = r->place.used_wrap ? FLAGS_ROUND : 0;
	/* As it will be in the ring, which is written last. */
	struct vring_packed_desc first = {
		.len = cpu_to_le32(u->len),
		.id = cpu_to_le16(u->id),
		.flags = cpu_to_le16(used_flags(u, round)),
	};
	u32 first_off = r->place.used * DESC_SIZE, off;
	u32 slot = r->place.used;
	__le64 word;
	int ret;

	for (;;) {
		slot += u->slots;
		if (unlikely(slot >= r->cfg.size)) {
			slot -= r->cfg.size;
			round ^= FLAGS_ROUND;
		}
		if (++u == end)
			break;
		off = slot * DESC_SIZE;
		word = used_word(u, round);
		if (mapped) {
			WRITE_ONCE(*(__le64 *)(ring + off), word);
			continue;
		}
		ret = r->ops->write(r, WEFT_AREA_DESC, off + DESC_LEN, &word, sizeof(word));
		if (unlikely(ret))
			return ret;
	}

	/* The other descriptors before the first, and of that the flags last;
	 * pairs with the driver's barrier between reading flags and the rest.
	 */
	if (mapped) {
		struct vring_packed_desc *d = r->va[WEFT_AREA_DESC] + first_off;

		WRITE_ONCE(d->len, first.len);
		WRITE_ONCE(d->id, first.id);
		/* As said above. */
		smp_wmb();
		WRITE_ONCE(d->flags, first.flags);
	} else {
		ret = r->ops->write(r, WEFT_AREA_DESC, first_off + DESC_LEN, &first.len,
				    DESC_FLAGS - DESC_LEN);
		if (unlikely(ret))
			return ret;
		/* As said above. */
		smp_wmb();
		ret = r->ops->write(r, WEFT_AREA_DESC, first_off + DESC_FLAGS, &first.flags,
				    sizeof(first.flags));
		if (unlikely(ret))
			return ret;
	}
	/* A ring has no more slots than one round. */
	off = slot - r->place.used;
	if (!!round != r->place.used_wrap)
		off += r->cfg.size;
	r->place.used = slot;
	r->place.used_wrap = !!round;
	r->nused = 0;
	return wants_call(r, mapped, off);
}

int weft_packed_publish(struct weft_ring *r)
{
	u16 slot = r->place.used, i, n;
	bool mapped;
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
			slot += r->used[i].slots;
			if (slot >= r->cfg.size)
				slot -= r->cfg.size;
		}
	}
	return ret;
}

void weft_packed_kicks_off(struct weft_ring *r)
{
	bool mapped;

	/* The place of the last wish is behind, so no kick comes before the ring
	 * went round; one then does no harm, and a write each time would cost more.
	 */
	if (r->cfg.event_idx)
		return;
	mapped = weft_ring_enter(r);
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
