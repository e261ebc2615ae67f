// SPDX-License-Identifier: GPL-2.0
/* The driver's side of a split virtqueue (virtio 1.2, 2.7). */
#include "guest_ring.h"

#include <string.h>

/* To the ring's byte order, or from it */
static uint16_t order16(const struct guest_ring *r, uint16_t val)
{
	return r->big ? htobe16(val) : htole16(val);
}

static uint32_t order32(const struct guest_ring *r, uint32_t val)
{
	return r->big ? htobe32(val) : htole32(val);
}

static uint64_t order64(const struct guest_ring *r, uint64_t val)
{
	return r->big ? htobe64(val) : htole64(val);
}

static uint16_t load(const struct guest_ring *r, const uint16_t *p)
{
	return order16(r, htole16(guest_ring_load(p)));
}

static void store(const struct guest_ring *r, uint16_t *p, uint16_t val)
{
	guest_ring_store(p, le16toh(order16(r, val)));
}

/* Which index the driver, and the device, wants to hear of: behind the rings. */
static uint16_t *used_event(const struct guest_ring *r)
{
	return &r->avail->ring[r->size];
}

static uint16_t *avail_event(const struct guest_ring *r)
{
	return (void *)&r->used->ring[r->size];
}

static int split_init(struct guest_ring *r)
{
	struct guest_mem *m = r->mem;

	r->desc_addr = guest_mem_alloc_ring(m, 16 * r->size, 16);
	r->avail_addr = guest_mem_alloc_ring(m, 6 + 2 * r->size, 2);
	/* On pages of its own, so that a dirty log tells what the device wrote. */
	r->used_addr = guest_mem_alloc_ring(m, 6 + 8 * r->size, GUEST_PAGE);
	if (!r->desc_addr || !r->avail_addr || !r->used_addr)
		return -1;
	r->desc = guest_mem_ptr(m, r->desc_addr);
	r->avail = guest_mem_ptr(m, r->avail_addr);
	r->used = guest_mem_ptr(m, r->used_addr);
	return 0;
}

static void split_reset(struct guest_ring *r)
{
	uint16_t at = r->base;

	memset(r->desc, 0, 16 * r->size);
	memset(r->avail, 0, 6 + 2 * r->size);
	memset(r->used, 0, 6 + 8 * r->size);
	r->avail_idx = at;
	r->shown_idx = at;
	r->used_idx = at;
	r->avail->idx = order16(r, at);
	r->used->idx = order16(r, at);
	*used_event(r) = order16(r, at);
	*avail_event(r) = order16(r, at);
}

static void fill(const struct guest_ring *r, struct vring_desc *d, const struct guest_buf *buf,
		 bool write)
{
	d->addr = order64(r, buf->addr);
	d->len = order32(r, buf->len);
	d->flags = order16(r, write ? VRING_DESC_F_WRITE : 0);
}

/* The table's entries follow each other, and end with one that has no NEXT. */
static void fill_table(struct guest_ring *r, uint64_t table, const struct guest_buf *buf,
		       unsigned int first, unsigned int out, unsigned int n)
{
	for (unsigned int i = first; i < n; i++) {
		/* An entry is aligned, so it is on one page. */
		struct vring_desc *d = guest_mem_ptr(r->mem, table + 16 * (i - first));

		fill(r, d, &buf[i], i >= out);
		d->next = 0;
		if (i + 1 < n) {
			d->flags |= order16(r, VRING_DESC_F_NEXT);
			d->next = order16(r, i - first + 1);
		}
	}
}

static void split_add(struct guest_ring *r, const struct guest_buf *buf, unsigned int out,
		      unsigned int in, unsigned int direct, void *token)
{
	uint16_t head = r->free_head, id = head;
	struct vring_desc *d = NULL;
	unsigned int n = out + in, i;
	uint32_t writable = 0;

	for (i = 0; i < n && i < direct; i++) {
		d = &r->desc[id];
		fill(r, d, &buf[i], i >= out);
		id = r->slot[id].next;
		d->next = order16(r, id);
		d->flags |= order16(r, VRING_DESC_F_NEXT);
	}
	if (i < n) {
		uint64_t table = r->table_addr + 16ULL * r->table * head;
		struct guest_buf whole = { table, 16 * (n - i) };

		fill_table(r, table, buf, i, out, n);
		d = &r->desc[id];
		fill(r, d, &whole, false);
		d->flags = order16(r, VRING_DESC_F_INDIRECT);
		id = r->slot[id].next;
		i++;
	}
	d->flags &= order16(r, ~VRING_DESC_F_NEXT);
	r->free_head = id;

	for (unsigned int w = out; w < n; w++)
		writable += buf[w].len;
	r->slot[head].token = token;
	r->slot[head].writable = writable;
	r->slot[head].descs = i;
	r->avail->ring[r->avail_idx++ & (r->size - 1)] = order16(r, head);
}

/* Whether the device wants to be told when what is available goes from old to idx. */
static bool asks_of(const struct guest_ring *r, uint16_t old, uint16_t idx)
{
	if (r->event_idx)
		return vring_need_event(load(r, avail_event(r)), idx, old);
	return !(load(r, &r->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static bool split_asks(const struct guest_ring *r)
{
	return asks_of(r, r->avail_idx, r->avail_idx + 1);
}

static bool split_show(struct guest_ring *r)
{
	uint16_t old = r->shown_idx;

	r->shown_idx = r->avail_idx;
	store(r, &r->avail->idx, r->avail_idx);
	/* Pairs with the device's, between what it asks for and its look at idx. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return asks_of(r, old, r->avail_idx);
}

static bool split_has_used(const struct guest_ring *r)
{
	return r->in_batch || load(r, &r->used->idx) != r->used_idx;
}

/* Far enough away for as long as nobody takes 2^14 back. */
static void split_calls_off(struct guest_ring *r)
{
	if (r->event_idx) {
		r->quiet_idx = r->used_idx;
		store(r, used_event(r), r->used_idx + 0xbfff);
	} else {
		store(r, &r->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
	}
}

static void split_calls_on(struct guest_ring *r, unsigned int after)
{
	if (r->event_idx)
		store(r, used_event(r), r->used_idx + after - 1);
	else
		store(r, &r->avail->flags, 0);
}

/* Gives a chain's descriptors back. In order, they are behind the free ones as it is. */
static void release(struct guest_ring *r, uint16_t head)
{
	unsigned int descs = r->slot[head].descs;
	uint16_t last = head;

	if (!r->in_order) {
		for (unsigned int i = 1; i < descs; i++)
			last = r->slot[last].next;
		r->slot[last].next = r->free_head;
		r->free_head = head;
	}
	r->slot[head].descs = 0;
	r->free += descs;
	r->added--;
}

/*
 * In order, one element may stand for many: it has the id of the last of them,
 * and the others were used whole. The element is where that of the first of
 * them would be. They were made available one behind the other.
 */
static uint16_t next_of_batch(struct guest_ring *r, uint32_t *len)
{
	uint16_t head = r->oldest;

	r->oldest = (head + r->slot[head].descs) & (r->size - 1);
	r->in_batch = head != r->batch_end;
	*len = r->in_batch ? r->slot[head].writable : r->batch_len;
	return head;
}

static bool split_get(struct guest_ring *r, uint32_t *len, void **token)
{
	const struct vring_used_elem *e = &r->used->ring[r->used_idx & (r->size - 1)];
	uint32_t id = r->oldest;

	if (!split_has_used(r))
		return false;
	if (!r->in_batch) {
		id = order32(r, __atomic_load_n(&e->id, __ATOMIC_RELAXED));
		*len = order32(r, __atomic_load_n(&e->len, __ATOMIC_RELAXED));
		if (id >= r->size || !r->slot[id].descs)
			return guest_ring_nonsense("used id %u was not available", id);
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
	r->used_idx++;
	if (r->calls_off && r->event_idx && (uint16_t)(r->used_idx - r->quiet_idx) > 0x3ff)
		split_calls_off(r);
	return true;
}

const struct guest_ring_ops guest_split_ops = {
	.init = split_init,
	.reset = split_reset,
	.add = split_add,
	.show = split_show,
	.asks = split_asks,
	.get = split_get,
	.has_used = split_has_used,
	.calls_on = split_calls_on,
	.calls_off = split_calls_off,
};
