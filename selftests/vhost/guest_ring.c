// SPDX-License-Identifier: GPL-2.0
/* What both formats of rings share; see guest_split.c and guest_packed.c. */
#include "guest_ring.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char broken[128];

bool guest_ring_nonsense(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(broken, sizeof(broken), fmt, args);
	va_end(args);
	return false;
}

const char *guest_ring_broken(void)
{
	return *broken ? broken : NULL;
}

static const struct guest_ring_ops *ops(const struct guest_ring *r)
{
	return r->packed ? &guest_packed_ops : &guest_split_ops;
}

int guest_ring_init(struct guest_ring *r, struct guest_mem *mem, unsigned int size,
		    uint64_t features, unsigned int table, uint32_t base)
{
	*r = (struct guest_ring){ .mem = mem, .size = size, .features = features, .table = table };
	r->packed = features & F(VIRTIO_F_RING_PACKED);
	r->event_idx = features & F(VIRTIO_RING_F_EVENT_IDX);
	r->in_order = features & F(VIRTIO_F_IN_ORDER);
	r->big = htole16(1) != 1 && !r->packed && !(features & F(VIRTIO_F_VERSION_1));
	if (table) {
		r->table_addr = guest_mem_alloc(mem, (size_t)size * table * 16, 16);
		if (!r->table_addr)
			return -1;
	}
	r->slot = calloc(size, sizeof(*r->slot));
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r->slot || r->kick < 0 || r->call < 0 || r->err < 0 || ops(r)->init(r)) {
		guest_ring_free(r);
		return -1;
	}
	guest_ring_reset(r, base);
	return 0;
}

void guest_ring_free(struct guest_ring *r)
{
	free(r->slot);
	r->slot = NULL;
	close(r->kick);
	close(r->call);
	close(r->err);
	r->kick = r->call = r->err = -1;
}

void guest_ring_reset(struct guest_ring *r, uint32_t base)
{
	memset(r->slot, 0, r->size * sizeof(*r->slot));
	for (unsigned int i = 0; i < r->size; i++)
		r->slot[i].next = (i + 1) % r->size;
	r->base = base;
	r->free = r->size;
	r->added = 0;
	r->free_head = 0;
	r->oldest = 0;
	r->in_batch = false;
	r->calls_off = false;
	r->fresh = 0;
	ops(r)->reset(r);
}

int guest_ring_add(struct guest_ring *r, const struct guest_buf *buf, unsigned int out,
		   unsigned int in, unsigned int direct, void *token)
{
	unsigned int n = out + in, need = direct < n ? direct + 1 : n;

	if (!n || (direct < n && n - direct > r->table)) {
		errno = EINVAL;
		return -1;
	}
	if (need > r->free) {
		errno = ENOSPC;
		return -1;
	}
	ops(r)->add(r, buf, out, in, direct, token);
	r->free -= need;
	r->added++;
	return 0;
}

bool guest_ring_show(struct guest_ring *r)
{
	return ops(r)->show(r);
}

bool guest_ring_asks(const struct guest_ring *r)
{
	return ops(r)->asks(r);
}

void guest_ring_kick_always(struct guest_ring *r)
{
	ops(r)->show(r);
	eventfd_write(r->kick, 1);
	r->kicks++;
}

void guest_ring_kick(struct guest_ring *r)
{
	if (ops(r)->show(r)) {
		eventfd_write(r->kick, 1);
		r->kicks++;
	} else {
		r->kicks_saved++;
	}
}

bool guest_ring_get(struct guest_ring *r, uint32_t *len, void **token)
{
	return ops(r)->get(r, len, token);
}

bool guest_ring_has_used(const struct guest_ring *r)
{
	return ops(r)->has_used(r);
}

void guest_ring_calls_on(struct guest_ring *r, unsigned int after)
{
	r->calls_off = false;
	ops(r)->calls_on(r, after);
	/* Pairs with the device's barrier between what it used and what it asks here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void guest_ring_calls_off(struct guest_ring *r)
{
	r->calls_off = true;
	ops(r)->calls_off(r);
}

uint64_t guest_event_take(int fd)
{
	eventfd_t n;

	return eventfd_read(fd, &n) ? 0 : n;
}

bool guest_ring_wait(struct guest_ring *r, int ms)
{
	struct pollfd p = { .fd = r->call, .events = POLLIN };

	/* Turned on and looked at first: a call that came before says nothing. */
	r->calls += guest_event_take(r->call);
	guest_ring_calls_on(r, 1);
	while (!guest_ring_has_used(r)) {
		if (poll(&p, 1, ms) <= 0)
			return false;
		r->calls += guest_event_take(r->call);
	}
	return true;
}
