// SPDX-License-Identifier: GPL-2.0
#include "guest_bad.h"

#include <sys/eventfd.h>

#include "guest_frame.h"

#define AVAIL		F(VRING_PACKED_DESC_F_AVAIL)

void guest_raw_desc(struct guest_ring *r, unsigned int i, uint64_t addr, uint32_t len,
		    uint16_t flags, uint16_t next)
{
	if (!r->packed) {
		r->desc[i] = (struct vring_desc){ htole64(addr), htole32(len), htole16(flags),
						  htole16(next) };
		return;
	}
	r->pdesc[i].addr = htole64(addr);
	r->pdesc[i].len = htole32(len);
	r->pdesc[i].id = htole16(next);
	guest_ring_store(&r->pdesc[i].flags, flags | AVAIL);
}

void guest_raw_show(struct guest_ring *r, unsigned int n)
{
	if (!r->packed)
		guest_ring_store(&r->avail->idx, n);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	eventfd_write(r->kick, 1);
}

static uint64_t address(const struct guest_ring *r, const struct guest_bad_desc *d,
			uint64_t buffer, uint64_t table)
{
	return !d->addr ? buffer : d->addr == GUEST_BAD_TABLE ? table :
	       d->addr == GUEST_BAD_END ? r->mem->start + r->mem->size - 32 : d->addr;
}

void guest_bad_show(struct guest_ring *r, const struct guest_bad *b, uint64_t buffer,
		    uint64_t table)
{
	for (unsigned int i = 0; i < b->table; i++) {
		const struct guest_bad_desc *t = &b->t[i];
		uint64_t addr = htole64(address(r, t, buffer, table));
		uint32_t len = htole32(t->len);
		uint16_t next = htole16(t->next), flags = htole16(t->flags);
		void *at = guest_mem_ptr(r->mem, table + 16 * i);

		if (r->packed)
			*(struct vring_packed_desc *)at =
				(struct vring_packed_desc){ addr, len, next, flags };
		else
			*(struct vring_desc *)at = (struct vring_desc){ addr, len, flags, next };
	}
	for (unsigned int i = b->n; i--; )
		guest_raw_desc(r, i, address(r, &b->d[i], buffer, table), b->d[i].len,
			       b->d[i].flags, b->d[i].next);
	if (!r->packed)
		r->avail->ring[0] = htole16(b->head);
	guest_raw_show(r, 1);
}

void guest_scribble(struct guest_ring *r, uint64_t n, uint64_t buffer)
{
	uint64_t h = guest_hash(n, 77);
	unsigned int i = h % r->size;
	uint64_t addr = h & 1 << 20 ? buffer : h & 1 << 21 ? 0x1000 : ~0ULL - 40;

	if (r->packed) {
		r->pdesc[i].addr = htole64(addr);
		r->pdesc[i].len = h >> 32;
		r->pdesc[i].id = h >> 40;
		r->pdesc[i].flags = h >> 48;
	} else {
		r->desc[i].addr = htole64(addr);
		r->desc[i].len = h & 1 << 22 ? htole32(64) : h >> 32;
		r->desc[i].flags = htole16(h >> 48 & 7);
		r->desc[i].next = htole16(h >> 40 & 0x7f);
		r->avail->ring[i] = htole16(h >> 24 & 0x7f);
	}
}
