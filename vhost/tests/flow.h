/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a driver that keeps to virtio 1.3 does with its ring: makes buffers
 * available, takes them back, and says when it wants to be called. It counts in
 * 64 bits where the ring wraps, so that it is not wrong in the way the ring is.
 */
#ifndef WEFT_TESTS_FLOW_H
#define WEFT_TESTS_FLOW_H

#include "driver.h"

/* ---- buffers ---- */

static inline u16 drv_take_desc(struct drv *d)
{
	u16 i = d->next_desc;

	d->nfree--;
	if (d->ring.cfg.packed || !d->ring.cfg.in_order)
		return d->free[d->nfree];
	/* §2.7.5: in order of the ring, from offset 0 on */
	d->next_desc = (i + 1) & (d->ring.cfg.size - 1);
	return i;
}

static inline void drv_fill_table(struct drv *d, u16 id, const struct weft_seg *seg, u32 n,
				  u32 out)
{
	u32 base = id * DRV_SEGS, i, at, next;

	for (i = 0; i < n; i++) {
		u16 flags = i >= out ? VRING_DESC_F_WRITE : 0;

		/* A split table goes from its first entry to the last, and backwards. */
		at = d->ring.cfg.packed || !i ? i : n - i;
		next = n - i - 1;
		if (i + 1 < n && !d->ring.cfg.packed)
			flags |= VRING_DESC_F_NEXT;
		drv_table_desc(d, base + at, seg[i].addr, seg[i].len, flags, next);
	}
}

/* Makes what begins at @head of a split ring available, whatever that is. */
static inline void drv_show(struct drv *d, u16 head)
{
	drv_split_heads(d, d->avail, head);
	d->avail++;
	drv_split_idx(d, d->avail);
}

static inline void drv_add_split(struct drv *d, u16 id, u32 direct, u32 n)
{
	struct drv_buf *b = &d->buf[id];
	u32 i;

	for (i = 0; i < b->slots; i++) {
		u16 flags = i + 1 < b->slots ? VRING_DESC_F_NEXT : 0;
		u16 next = i + 1 < b->slots ? b->desc[i + 1] : 0x5555;

		if (i < direct)
			drv_split_desc(d, b->desc[i], b->seg[i].addr, b->seg[i].len,
				       flags | (i >= b->out ? VRING_DESC_F_WRITE : 0), next);
		else
			drv_split_desc(d, b->desc[i], drv_table_addr(id), (n - i) * 16,
				       VRING_DESC_F_INDIRECT, next);
	}
	if (direct < n)
		drv_fill_table(d, id, b->seg + direct, n - direct,
			       b->out > direct ? b->out - direct : 0);
	drv_show(d, id);
}

static inline void drv_add_packed(struct drv *d, u16 id, u32 direct, u32 n)
{
	struct drv_buf *b = &d->buf[id];
	u32 size = d->ring.cfg.size, i;

	if (direct < n)
		drv_fill_table(d, id, b->seg, n, b->out);
	/* The first one, which lets go of all, comes last (§2.8.21). */
	for (i = b->slots; i--; ) {
		u64 slot = d->avail + i;
		u16 flags = drv_packed_flags(d, slot);

		if (i + 1 < b->slots)
			flags |= VRING_DESC_F_NEXT;
		if (direct < n)
			drv_packed_desc(d, slot % size, drv_table_addr(id), n * 16, id,
					flags | VRING_DESC_F_INDIRECT);
		else
			drv_packed_desc(d, slot % size, b->seg[i].addr, b->seg[i].len,
					i + 1 < b->slots ? 0x5555 : id,
					flags | (i >= b->out ? VRING_DESC_F_WRITE : 0));
	}
	d->avail += b->slots;
}

/*
 * Makes a buffer available, of @out segments to be read and then @in to be
 * written; returns its id, or -ENOSPC.
 */
static inline int drv_add(struct drv *d, const struct weft_seg *seg, u32 out, u32 in,
			  enum drv_shape shape)
{
	bool packed = d->ring.cfg.packed;
	u32 n = out + in, direct = n, slots, i;
	u16 first, id;

	if (shape != DRV_DIRECT && d->ring.cfg.indirect)
		direct = shape == DRV_TAIL && !packed ? 1 : 0;
	slots = direct < n ? direct + 1 : n;
	if (packed ? !d->nfree || d->avail + slots > d->used + d->ring.cfg.size
		   : d->nfree < slots)
		return -ENOSPC;

	first = drv_take_desc(d);
	id = first;
	d->buf[id] = (struct drv_buf) {
		.busy = true,
		.out = out,
		.in = in,
		.slots = slots,
		.desc = { first },
	};
	for (i = 1; i < slots && !packed; i++)
		d->buf[id].desc[i] = drv_take_desc(d);
	memcpy(d->buf[id].seg, seg, n * sizeof(*seg));
	d->fifo[d->added++ % d->ring.cfg.size] = id;
	if (packed)
		drv_add_packed(d, id, direct, n);
	else
		drv_add_split(d, id, direct, n);
	return id;
}

/* What is wrong with a chain that the ring handed out as the next, or NULL. */
static inline const char *drv_check(struct drv *d, const struct weft_chain *c,
				    const struct weft_seg *seg)
{
	const struct drv_buf *b;
	u32 i, out = 0, in = 0;

	if (d->taken == d->added)
		return "nothing was available";
	b = &d->buf[d->fifo[d->taken % d->ring.cfg.size]];
	if (c->id != d->fifo[d->taken % d->ring.cfg.size])
		return "id";
	if (d->ring.cfg.packed && c->slots != b->slots)
		return "slots";
	for (i = 0; i < b->out + b->in; i++) {
		if (!b->seg[i].len)
			continue;
		if (seg[out + in].addr != b->seg[i].addr || seg[out + in].len != b->seg[i].len)
			return "segment";
		if (i < b->out)
			out++;
		else
			in++;
	}
	if (out != c->out || in != c->in)
		return "number of segments";
	d->taken++;
	return NULL;
}

/* Bytes of a buffer that the device may write. */
static inline u32 drv_room(const struct drv *d, u16 id)
{
	const struct drv_buf *b = &d->buf[id];
	u32 i, room = 0;

	for (i = b->out; i < b->out + b->in; i++)
		room += b->seg[i].len;
	return room;
}

static inline void drv_release(struct drv *d, u16 id)
{
	struct drv_buf *b = &d->buf[id];
	u32 i;

	b->busy = false;
	for (i = 0; i < (d->ring.cfg.packed ? 1 : b->slots); i++)
		d->free[d->nfree++] = b->desc[i];
	d->used += d->ring.cfg.packed ? b->slots : 1;
	d->back++;
}

/* Whether there is a used entry, and what it says. */
static inline bool drv_peek(struct drv *d, u32 *id, u32 *len)
{
	u32 size = d->ring.cfg.size, off;
	u16 flags;

	if (!d->ring.cfg.packed) {
		off = 4 + (d->used & (size - 1)) * 8;
		if (drv_get16(d, WEFT_AREA_DEVICE, 2) == (u16)d->used)
			return false;
		*id = drv_get32(d, WEFT_AREA_DEVICE, off);
		*len = drv_get32(d, WEFT_AREA_DEVICE, off + 4);
		return true;
	}
	off = d->used % size * 16;
	flags = drv_get16(d, WEFT_AREA_DESC, off + 14);
	/* Both bits are as the driver's wrap counter (§2.8.1). */
	if ((flags & (BIT(VRING_PACKED_DESC_F_AVAIL) | BIT(VRING_PACKED_DESC_F_USED))) !=
	    (d->used / size & 1 ? 0 : BIT(VRING_PACKED_DESC_F_AVAIL) |
				      BIT(VRING_PACKED_DESC_F_USED)))
		return false;
	*id = drv_get16(d, WEFT_AREA_DESC, off + 12);
	/* §2.8.5: without the flag, the length has no meaning */
	*len = flags & VRING_DESC_F_WRITE ? drv_get32(d, WEFT_AREA_DESC, off + 8) : 0;
	return true;
}

/*
 * Takes back one used entry, which may stand for many buffers: at most @max, of
 * which ids and lengths are told. Returns how many; -EPROTO for nonsense.
 */
static inline int drv_reap(struct drv *d, u16 *ids, u32 *lens, int max)
{
	u32 id, len;
	int n = 0;
	u16 next;

	if (!drv_peek(d, &id, &len))
		return 0;
	if (id >= d->ring.cfg.size || !d->buf[id].busy)
		return -EPROTO;
	do {
		/* §2.7.9, §2.8.9: those before it are used, whole */
		next = d->ring.cfg.in_order ? d->fifo[d->back % d->ring.cfg.size] : id;
		if (n == max || d->back == d->taken)
			return -EPROTO;
		ids[n] = next;
		lens[n++] = next == id ? len : drv_room(d, next);
		drv_release(d, next);
	} while (next != id);
	return n;
}

/* ---- notifications ---- */

/*
 * When the driver wants to be called: @ahead entries (split) or slots (packed)
 * beyond those that came back, if it is to be for one of them.
 */
static inline void drv_set_calls(struct drv *d, enum drv_calls calls, u32 ahead)
{
	u64 at = d->used + ahead;

	if (calls == DRV_CALLS_EVENT && !d->ring.cfg.event_idx)
		calls = DRV_CALLS_ON;
	/* A split ring with event indices has no flag. */
	if (!d->ring.cfg.packed && d->ring.cfg.event_idx && calls != DRV_CALLS_EVENT) {
		at = d->used + (calls == DRV_CALLS_OFF ? 0xbfff : 0);
		calls = DRV_CALLS_EVENT;
	}
	d->calls = calls;
	d->event = at;
	if (!d->ring.cfg.packed) {
		if (calls == DRV_CALLS_EVENT)
			drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), at);
		else
			drv_put16(d, WEFT_AREA_DRIVER, 0,
				  calls == DRV_CALLS_OFF ? VRING_AVAIL_F_NO_INTERRUPT : 0);
		return;
	}
	drv_put16(d, WEFT_AREA_DRIVER, 0, at % d->ring.cfg.size |
		  (at / d->ring.cfg.size & 1 ? 0 : BIT(VRING_PACKED_EVENT_F_WRAP_CTR)));
	drv_put16(d, WEFT_AREA_DRIVER, 2,
		  calls == DRV_CALLS_OFF ? VRING_PACKED_EVENT_FLAG_DISABLE :
		  calls == DRV_CALLS_ON ? VRING_PACKED_EVENT_FLAG_ENABLE :
					  VRING_PACKED_EVENT_FLAG_DESC);
}

/*
 * Whether it wants to hear that what is from @old to before @new is used. What
 * it wrote has 16 bits, and comes true again if nobody changes it.
 */
static inline bool drv_wants(const struct drv *d, u64 old, u64 new)
{
	u64 again = d->ring.cfg.packed ? 2 * d->ring.cfg.size : 65536, at = d->event;

	if (d->calls != DRV_CALLS_EVENT)
		return d->calls == DRV_CALLS_ON;
	while (at < old)
		at += again;
	return at < new;
}

/* Whether the ring wants a kick for what was made available from @old on. */
static inline bool drv_kicks(const struct drv *d, u64 old)
{
	u32 size = d->ring.cfg.size;
	u16 flags, at;
	u64 pos;

	if (!d->ring.cfg.packed) {
		if (!d->ring.cfg.event_idx)
			return !(drv_get16(d, WEFT_AREA_DEVICE, 0) & VRING_USED_F_NO_NOTIFY);
		at = drv_get16(d, WEFT_AREA_DEVICE, drv_avail_event(d));
		return (u16)(at - old) < d->avail - old;
	}
	flags = drv_get16(d, WEFT_AREA_DEVICE, 2);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	at = drv_get16(d, WEFT_AREA_DEVICE, 0);
	/* It names a slot in this round or in the next. */
	for (pos = old; pos < d->avail; pos++)
		if (pos % size == (at & 0x7fff) && (at >> 15) == !(pos / size & 1))
			return true;
	return false;
}

#endif /* WEFT_TESTS_FLOW_H */
