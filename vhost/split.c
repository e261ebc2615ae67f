// SPDX-License-Identifier: GPL-2.0
/* Split virtqueues (virtio 1.3 §2.7). */
#include "ring_inner.h"

#define AVAIL_FLAGS	offsetof(struct vring_avail, flags)
#define AVAIL_IDX	offsetof(struct vring_avail, idx)
#define AVAIL_RING	offsetof(struct vring_avail, ring)
#define USED_FLAGS	offsetof(struct vring_used, flags)
#define USED_IDX	offsetof(struct vring_used, idx)
#define USED_RING	offsetof(struct vring_used, ring)
#define USED_SIZE	sizeof(struct vring_used_elem)

/* Where the other side's event index is: behind the ring. */
static u32 used_event(const struct weft_ring *r)
{
	return AVAIL_RING + r->cfg.size * sizeof(__virtio16);
}

static u32 avail_event(const struct weft_ring *r)
{
	return USED_RING + r->cfg.size * USED_SIZE;
}

/* How many buffers there are from index @from on. */
static __always_inline int available(struct weft_ring *r, bool mapped, u16 from)
{
	u16 n;
	int ret;

	ret = area_read16(r, mapped, WEFT_AREA_DRIVER, AVAIL_IDX, &r->more);
	if (unlikely(ret))
		return area_failed(r, ret);
	n = r->more - r->place.avail;
	if (unlikely(n > r->cfg.size))
		return weft_ring_break(r, WEFT_RING_AVAIL_JUMP);
	return (u16)(r->more - from);
}

static __always_inline int read_heads(struct weft_ring *r, bool mapped, u16 n)
{
	u16 slot = r->place.avail & (r->cfg.size - 1);
	u16 first = min_t(u32, n, r->cfg.size - slot);
	u32 off = AVAIL_RING + slot * sizeof(__virtio16);
	int ret;

	if (mapped) {
		memcpy(r->heads, r->va[WEFT_AREA_DRIVER] + off, first * sizeof(u16));
		if (unlikely(first < n))
			memcpy(r->heads + first, r->va[WEFT_AREA_DRIVER] + AVAIL_RING,
			       (n - first) * sizeof(u16));
		return 0;
	}
	ret = r->ops->read(r, WEFT_AREA_DRIVER, off, r->heads, first * sizeof(u16));
	if (!ret && first < n)
		ret = r->ops->read(r, WEFT_AREA_DRIVER, AVAIL_RING, r->heads + first,
				   (n - first) * sizeof(u16));
	return ret;
}

/*
 * A descriptor, in our byte order. One that is read while the driver cheats may
 * be torn; no word of it is read twice, and that is all that matters.
 */
static __always_inline int read_desc(struct weft_ring *r, bool mapped, u16 i,
				     struct weft_ring_desc *d)
{
	struct vring_desc raw;
	bool little = r->cfg.little;
	int ret;

	if (mapped) {
		const u64 *from = r->va[WEFT_AREA_DESC] + i * DESC_SIZE;
		u64 *to = (u64 *)&raw;

		to[0] = READ_ONCE(from[0]);
		to[1] = READ_ONCE(from[1]);
	} else {
		ret = r->ops->read(r, WEFT_AREA_DESC, i * DESC_SIZE, &raw, DESC_SIZE);
		if (unlikely(ret))
			return ret;
	}
	d->addr = __virtio64_to_cpu(little, raw.addr);
	d->len = __virtio32_to_cpu(little, raw.len);
	d->flags = __virtio16_to_cpu(little, raw.flags);
	d->next = __virtio16_to_cpu(little, raw.next);
	return 0;
}

/* Reads the next buffers' heads and first descriptors; returns how many. */
static __always_inline int fetch(struct weft_ring *r, bool mapped)
{
	int n = available(r, mapped, r->place.avail), i, ret;

	if (n <= 0)
		return n;
	/* The index before what it announces; pairs with the driver's barrier
	 * before it writes the index (§2.7.13.3.1).
	 */
	smp_rmb();
	n = min(n, WEFT_RING_BATCH);
	ret = read_heads(r, mapped, n);
	if (unlikely(ret))
		goto failed;

	for (i = 0; i < n; i++) {
		u16 head = ring16(r, (__force __virtio16)r->heads[i]);

		if (unlikely(head >= r->cfg.size)) {
			/* Those before it are good, and it is found again after them. */
			if (!i)
				return weft_ring_break(r, WEFT_RING_HEAD);
			break;
		}
		r->heads[i] = head;
		ret = read_desc(r, mapped, head, &r->descs[i]);
		if (unlikely(ret)) {
			if (!i)
				goto failed;
			break;
		}
	}
	r->next = 0;
	r->cached = i;
	return i;

failed:
	/* What a rewind would find again was overwritten. */
	weft_ring_forget(r);
	return area_failed(r, ret);
}

/* Follows a chain from the descriptor d on, up to an indirect one. */
static __always_inline int follow(struct weft_ring *r, bool mapped, struct weft_walk *w,
				  struct weft_ring_desc *d)
{
	u32 descs = 1;
	int ret;

	while (d->flags & VRING_DESC_F_NEXT) {
		if (unlikely(d->next >= r->cfg.size))
			return weft_ring_break(r, WEFT_RING_NEXT);
		if (unlikely(descs++ >= r->cfg.size))
			return weft_ring_break(r, WEFT_RING_LOOP);
		r->walked++;
		ret = read_desc(r, mapped, d->next, d);
		if (unlikely(ret))
			return area_failed(r, ret);
		if (d->flags & VRING_DESC_F_INDIRECT)
			return 0;
		ret = weft_walk_add(r, w, d);
		if (unlikely(ret))
			return ret;
	}
	return 0;
}

/* What follows the first descriptor, if it is not all. */
static int get_rest(struct weft_ring *r, struct weft_walk *w, struct weft_ring_desc *d)
{
	bool mapped;
	int ret;

	if (!(d->flags & VRING_DESC_F_INDIRECT)) {
		mapped = weft_ring_enter(r);
		ret = mapped ? follow(r, true, w, d) : follow(r, false, w, d);
		if (mapped)
			weft_ring_leave(r);
		if (unlikely(ret))
			return ret;
	}
	/* §2.7.5.3: a table may end a chain, and nothing may follow it. */
	if (d->flags & VRING_DESC_F_INDIRECT) {
		if (unlikely(d->flags & VRING_DESC_F_NEXT))
			return weft_ring_break(r, WEFT_RING_INDIRECT_NEXT);
		return weft_ring_indirect(r, w, d->addr, d->len);
	}
	return 0;
}

static int refill(struct weft_ring *r)
{
	bool mapped = weft_ring_enter(r);
	int ret = mapped ? fetch(r, true) : fetch(r, false);

	if (mapped)
		weft_ring_leave(r);
	return ret;
}

int weft_split_get(struct weft_ring *r, struct weft_walk *w)
{
	struct weft_ring_desc *d;
	int ret;

	if (r->next == r->cached) {
		ret = refill(r);
		if (ret <= 0)
			return ret;
	}
	d = &r->descs[r->next];
	w->chain->id = r->heads[r->next];
	w->chain->slots = 1;
	r->next++;
	r->place.avail++;

	if (!(d->flags & VRING_DESC_F_INDIRECT)) {
		ret = weft_walk_add(r, w, d);
		if (unlikely(ret))
			return ret;
	}
	if (d->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) {
		/* Of its own, as what was fetched has to stay for a rewind. */
		struct weft_ring_desc at = *d;

		ret = get_rest(r, w, &at);
		if (unlikely(ret))
			return ret;
	}
	return 1;
}

int weft_split_more(struct weft_ring *r, struct weft_ring_place seen)
{
	bool mapped = weft_ring_enter(r);
	int ret = available(r, mapped, seen.avail);

	if (mapped)
		weft_ring_leave(r);
	return ret;
}

/* Whether the driver wants to hear of the entries up to place.used. */
static __always_inline int wants_call(struct weft_ring *r, bool mapped)
{
	u16 old = r->signalled, v;
	bool valid = r->signalled_valid;
	int ret;

	r->signalled = r->place.used;
	r->signalled_valid = true;
	/* The index before the driver's wish; pairs with the driver's barrier
	 * between enabling calls and looking at the index again.
	 */
	smp_mb();
	if (r->cfg.notify_on_empty && r->more == r->place.avail)
		return 1;
	if (!r->cfg.event_idx) {
		ret = area_read16(r, mapped, WEFT_AREA_DRIVER, AVAIL_FLAGS, &v);
		return ret ? wish_unknown(ret) : !(v & VRING_AVAIL_F_NO_INTERRUPT);
	}
	if (unlikely(!valid))
		return 1;
	ret = area_read16(r, mapped, WEFT_AREA_DRIVER, used_event(r), &v);
	return ret ? wish_unknown(ret) : vring_need_event(v, r->place.used, old);
}

static __always_inline int write_used(struct weft_ring *r, bool mapped, u16 at,
				      const struct weft_ring_used *u)
{
	struct vring_used_elem e = {
		.id = to_ring32(r, u->id),
		.len = to_ring32(r, u->len),
	};
	u32 off = USED_RING + (at & (r->cfg.size - 1)) * USED_SIZE;

	if (!mapped)
		return r->ops->write(r, WEFT_AREA_DEVICE, off, &e, sizeof(e));
	*(struct vring_used_elem *)(r->va[WEFT_AREA_DEVICE] + off) = e;
	return 0;
}

/*
 * Whether one entry stands for all. With VIRTIO_F_IN_ORDER it does, with the id
 * of the last buffer of the batch, at the place of the first, if those before
 * the last were used completely (§2.7.9); that is known of buffers in which
 * nothing is written.
 */
static bool one_for_all(const struct weft_ring *r)
{
	u16 i;

	if (!r->cfg.in_order)
		return false;
	for (i = 0; i < r->nused; i++)
		if (r->used[i].len)
			return false;
	return true;
}

static __always_inline int publish(struct weft_ring *r, bool mapped, u16 entries)
{
	u16 at = r->place.used, n = r->nused, i;
	int ret;

	for (i = 0; i < entries; i++) {
		ret = write_used(r, mapped, at + i, &r->used[n - entries + i]);
		if (unlikely(ret))
			return ret;
	}
	/* Entries before the index; pairs with the driver's barrier between
	 * reading the index and an entry (§2.7.14).
	 */
	smp_wmb();
	ret = area_write16(r, mapped, WEFT_AREA_DEVICE, USED_IDX, at + n);
	if (unlikely(ret))
		return ret;
	r->place.used = at + n;
	r->nused = 0;
	return wants_call(r, mapped);
}

/* Tells of the entries from @at on and of the index, for the dirty log. */
static void log_used(struct weft_ring *r, u16 at, u16 n)
{
	u16 slot = at & (r->cfg.size - 1);
	u16 first = min_t(u32, n, r->cfg.size - slot);

	/* More than the ring holds, if the driver cheats. */
	n = min_t(u32, n, r->cfg.size);
	wrote(r, WEFT_AREA_DEVICE, USED_RING + slot * USED_SIZE, first * USED_SIZE);
	if (first < n)
		wrote(r, WEFT_AREA_DEVICE, USED_RING, (n - first) * USED_SIZE);
	wrote(r, WEFT_AREA_DEVICE, USED_IDX, sizeof(__virtio16));
}

int weft_split_publish(struct weft_ring *r)
{
	u16 at = r->place.used, n = one_for_all(r) ? 1 : r->nused;
	bool mapped = weft_ring_enter(r);
	int ret;

	ret = mapped ? publish(r, true, n) : publish(r, false, n);
	if (mapped)
		weft_ring_leave(r);
	if (unlikely(ret < 0))
		return area_failed(r, ret);
	if (unlikely(r->ops->wrote))
		log_used(r, at, n);
	return ret;
}

void weft_split_kicks_off(struct weft_ring *r)
{
	bool mapped;

	/* The event index is behind already, so no kick comes. */
	if (r->cfg.event_idx)
		return;
	mapped = weft_ring_enter(r);
	if (area_write16(r, mapped, WEFT_AREA_DEVICE, USED_FLAGS, VRING_USED_F_NO_NOTIFY))
		r->kicks_off = false;
	if (mapped)
		weft_ring_leave(r);
	wrote(r, WEFT_AREA_DEVICE, USED_FLAGS, sizeof(__virtio16));
}

static __always_inline int kicks_on(struct weft_ring *r, bool mapped, u16 seen)
{
	int ret;

	if (r->cfg.event_idx)
		ret = area_write16(r, mapped, WEFT_AREA_DEVICE, avail_event(r), seen);
	else
		ret = area_write16(r, mapped, WEFT_AREA_DEVICE, USED_FLAGS, 0);
	if (unlikely(ret))
		return area_failed(r, ret);
	/* The wish before the driver's index; pairs with the driver's barrier
	 * between the index and looking at the wish (§2.7.13.4.1).
	 */
	smp_mb();
	ret = available(r, mapped, seen);
	return ret > 0 ? 1 : ret;
}

int weft_split_kicks_on(struct weft_ring *r, struct weft_ring_place seen)
{
	bool mapped = weft_ring_enter(r);
	int ret;

	ret = mapped ? kicks_on(r, true, seen.avail) : kicks_on(r, false, seen.avail);
	if (mapped)
		weft_ring_leave(r);
	wrote(r, WEFT_AREA_DEVICE, r->cfg.event_idx ? avail_event(r) : USED_FLAGS,
	      sizeof(__virtio16));
	return ret;
}
