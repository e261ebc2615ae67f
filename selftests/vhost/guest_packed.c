// SPDX-License-Identifier: GPL-2.0
/* The driver's side of a packed virtqueue (virtio 1.2, 2.8). */
#include "guest_ring.h"

#include <string.h>

#define AVAIL		F(VRING_PACKED_DESC_F_AVAIL)
#define USED		F(VRING_PACKED_DESC_F_USED)
#define WRAP		F(VRING_PACKED_EVENT_F_WRAP_CTR)

static int packed_init(struct guest_ring *r)
{
	struct guest_mem *m = r->mem;

	/* On pages of its own, so that a dirty log tells what the device wrote. */
	r->desc_addr = guest_mem_alloc_ring(m, 16 * r->size, GUEST_PAGE);
	r->avail_addr = guest_mem_alloc_ring(m, 4, GUEST_PAGE);
	r->used_addr = guest_mem_alloc_ring(m, 4, GUEST_PAGE);
	if (!r->desc_addr || !r->avail_addr || !r->used_addr)
		return -1;
	r->pdesc = guest_mem_ptr(m, r->desc_addr);
	r->driver = guest_mem_ptr(m, r->avail_addr);
	r->device = guest_mem_ptr(m, r->used_addr);
	return 0;
}

static void packed_reset(struct guest_ring *r)
{
	uint16_t avail = r->base, used = r->base >> 16;

	r->avail_idx = avail & ~WRAP;
	r->avail_wrap = avail & WRAP;
	r->used_idx = used & ~WRAP;
	r->used_wrap = used & WRAP;
	r->free_head = r->in_order ? r->avail_idx : 0;
	r->oldest = r->used_idx;
	r->pending_flags = 0;
	memset(r->driver, 0, sizeof(*r->driver));
	memset(r->device, 0, sizeof(*r->device));
	/* As if each had been used in the round before. */
	memset(r->pdesc, 0, 16 * r->size);
	for (unsigned int i = 0; i < r->size; i++) {
		bool wrap = i < r->avail_idx ? r->avail_wrap : !r->avail_wrap;

		r->pdesc[i].flags = htole16(wrap ? AVAIL | USED : 0);
	}
}

static void fill(struct vring_packed_desc *d, const struct guest_buf *buf, uint16_t id)
{
	d->addr = htole64(buf->addr);
	d->len = htole32(buf->len);
	d->id = htole16(id);
}

static void fill_table(struct guest_ring *r, uint64_t table, const struct guest_buf *buf,
		       unsigned int first, unsigned int out, unsigned int n)
{
	for (unsigned int i = first; i < n; i++) {
		/* An entry is aligned, so it is on one page. */
		struct vring_packed_desc *d = guest_mem_ptr(r->mem, table + 16 * (i - first));

		fill(d, &buf[i], 0);
		d->flags = htole16(i >= out ? VRING_DESC_F_WRITE : 0);
	}
}

/*
 * The device goes along the ring until there is a descriptor that is not
 * available, so the flags of the first one that was added since are the last
 * to be written.
 */
static void make_available(struct guest_ring *r, uint16_t flags)
{
	struct vring_packed_desc *d = &r->pdesc[r->avail_idx];

	flags |= r->avail_wrap ? AVAIL : USED;
	if (r->pending_flags) {
		d->flags = htole16(flags);
	} else {
		r->pending = r->avail_idx;
		r->pending_flags = flags;
	}
	r->fresh++;
	if (++r->avail_idx == r->size) {
		r->avail_idx = 0;
		r->avail_wrap = !r->avail_wrap;
	}
}

static void packed_add(struct guest_ring *r, const struct guest_buf *buf, unsigned int out,
		       unsigned int in, unsigned int direct, void *token)
{
	unsigned int n = out + in, i;
	uint16_t id = r->free_head;
	struct guest_slot *slot = &r->slot[id];

	slot->token = token;
	slot->writable = 0;
	for (unsigned int w = out; w < n; w++)
		slot->writable += buf[w].len;
	for (i = 0; i < n && i < direct; i++) {
		bool last = i + 1 == n;

		/* The id counts in the last one only. */
		fill(&r->pdesc[r->avail_idx], &buf[i], last ? id : ~id);
		make_available(r, (i >= out ? VRING_DESC_F_WRITE : 0) |
				  (last ? 0 : VRING_DESC_F_NEXT));
	}
	if (i < n) {
		uint64_t table = r->table_addr + 16ULL * r->table * id;
		struct guest_buf whole = { table, 16 * (n - i) };

		fill_table(r, table, buf, i, out, n);
		fill(&r->pdesc[r->avail_idx], &whole, id);
		make_available(r, VRING_DESC_F_INDIRECT);
		i++;
	}
	slot->descs = i;
	r->free_head = r->in_order ? r->avail_idx : slot->next;
}

/* Whether the device wants to be told when what is available goes from old to idx. */
static bool asks_of(const struct guest_ring *r, uint16_t old, uint16_t idx)
{
	uint16_t flags = guest_ring_load(&r->device->flags), off, event;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	off = guest_ring_load(&r->device->off_wrap);
	event = off & ~WRAP;
	if (!!(off & WRAP) != r->avail_wrap)
		event -= r->size;
	return vring_need_event(event, idx, old);
}

static bool packed_asks(const struct guest_ring *r)
{
	return asks_of(r, r->avail_idx, r->avail_idx + 1);
}

static bool packed_show(struct guest_ring *r)
{
	unsigned int fresh = r->fresh;

	if (r->pending_flags)
		guest_ring_store(&r->pdesc[r->pending].flags, r->pending_flags);
	r->pending_flags = 0;
	r->fresh = 0;
	/* Pairs with the device's, between what it asks for and its look at the ring. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return asks_of(r, r->avail_idx - fresh, r->avail_idx);
}

static bool packed_has_used(const struct guest_ring *r)
{
	uint16_t flags = guest_ring_load(&r->pdesc[r->used_idx].flags);

	return r->in_batch ||
	       (!!(flags & AVAIL) == r->used_wrap && !!(flags & USED) == r->used_wrap);
}

static void packed_calls_off(struct guest_ring *r)
{
	guest_ring_store(&r->driver->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

/* Here `after` counts descriptors: right where each buffer has one. */
static void packed_calls_on(struct guest_ring *r, unsigned int after)
{
	unsigned int off = r->used_idx + after - 1;
	bool wrap = r->used_wrap;

	if (!r->event_idx) {
		guest_ring_store(&r->driver->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
		return;
	}
	if (off >= r->size) {
		off -= r->size;
		wrap = !wrap;
	}
	guest_ring_store(&r->driver->off_wrap, off | (wrap ? WRAP : 0));
	guest_ring_store(&r->driver->flags, VRING_PACKED_EVENT_FLAG_DESC);
}

static void release(struct guest_ring *r, uint16_t id)
{
	struct guest_slot *slot = &r->slot[id];

	r->used_idx += slot->descs;
	if (r->used_idx >= r->size) {
		r->used_idx -= r->size;
		r->used_wrap = !r->used_wrap;
	}
	r->free += slot->descs;
	r->added--;
	slot->descs = 0;
	if (!r->in_order) {
		slot->next = r->free_head;
		r->free_head = id;
	}
}

/*
 * In order, one descriptor may stand for many buffers: it has the id of the
 * last of them, and the others were used whole. Here, the id of a buffer is
 * the place of its first descriptor then.
 */
static uint16_t next_of_batch(struct guest_ring *r, uint32_t *len)
{
	uint16_t id = r->oldest;

	r->oldest = (id + r->slot[id].descs) % r->size;
	r->in_batch = id != r->batch_end;
	*len = r->in_batch ? r->slot[id].writable : r->batch_len;
	return id;
}

static bool packed_get(struct guest_ring *r, uint32_t *len, void **token)
{
	const struct vring_packed_desc *d;
	uint16_t id = r->oldest;

	if (!packed_has_used(r))
		return false;
	if (!r->in_batch) {
		d = &r->pdesc[r->used_idx];
		id = guest_ring_load(&d->id);
		*len = le32toh(__atomic_load_n(&d->len, __ATOMIC_RELAXED));
		if (id >= r->size || !r->slot[id].descs)
			return guest_ring_nonsense("used id %u was not available", id);
		/* The length has a meaning only where something was written. */
		if (!(guest_ring_load(&d->flags) & VRING_DESC_F_WRITE))
			*len = 0;
		if (*len > r->slot[id].writable)
			return guest_ring_nonsense("%u bytes written to a buffer of %u", *len,
						   r->slot[id].writable);
		r->batch_end = id;
		r->batch_len = *len;
	}
	if (r->in_order) {
		id = next_of_batch(r, len);
		if (!r->slot[id].descs)
			return guest_ring_nonsense("id %u was used out of order", r->batch_end);
	}
	*token = r->slot[id].token;
	release(r, id);
	return true;
}

const struct guest_ring_ops guest_packed_ops = {
	.init = packed_init,
	.reset = packed_reset,
	.add = packed_add,
	.show = packed_show,
	.asks = packed_asks,
	.get = packed_get,
	.has_used = packed_has_used,
	.calls_on = packed_calls_on,
	.calls_off = packed_calls_off,
};
