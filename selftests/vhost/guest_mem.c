// SPDX-License-Identifier: GPL-2.0
#include "guest_mem.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Region i + 1 lies in the mapping at the place of this number. */
static size_t place_of(const struct guest_mem *m, size_t i)
{
	size_t n = m->regions - 1;

	/* Backwards: neighbours swap, so none is followed by its own. */
	return n - 1 - i;
}

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static int map_log(struct guest_mem *m)
{
	m->log_bytes = round_up((GUEST_GPA + m->size) / GUEST_PAGE / 8, GUEST_PAGE);
	m->log = mmap(NULL, m->log_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (m->log != MAP_FAILED)
		return 0;
	m->log = NULL;
	return -1;
}

int guest_mem_init(struct guest_mem *m, const struct guest_mem_config *c)
{
	static const struct guest_mem_config none;
	size_t data, each;

	c = c ?: &none;
	*m = (struct guest_mem){ .fd = -1, .regions = c->regions ?: 1, .iova = c->iova };
	m->start = GUEST_GPA + (c->iova ? GUEST_IOVA : 0);
	m->first = round_up(c->ring_bytes ?: 4 << 20, GUEST_PAGE);
	m->shift = 12;
	data = c->data_bytes ?: 16 << 20;
	if (m->regions > 1) {
		each = (data + m->regions - 2) / (m->regions - 1);
		while (1UL << m->shift < each)
			m->shift++;
		m->size = m->first + ((size_t)(m->regions - 1) << m->shift);
	} else {
		m->first = m->size = m->first + round_up(data, GUEST_PAGE);
	}
	m->data_used = m->regions > 1 ? m->first : m->first - round_up(data, GUEST_PAGE);

	if (c->shared) {
		m->fd = memfd_create("guest", MFD_CLOEXEC);
		if (m->fd < 0 || ftruncate(m->fd, m->size))
			goto err;
	}
	m->base = mmap(NULL, m->size, PROT_READ | PROT_WRITE,
		       c->shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       m->fd, 0);
	if (m->base == MAP_FAILED)
		goto err;
	if (!c->log || !map_log(m))
		return 0;
	munmap(m->base, m->size);
err:
	if (m->fd >= 0)
		close(m->fd);
	m->base = NULL;
	m->fd = -1;
	return -1;
}

void guest_mem_free(struct guest_mem *m)
{
	if (m->base)
		munmap(m->base, m->size);
	if (m->log)
		munmap(m->log, m->log_bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct guest_mem){ .fd = -1 };
}

static uint64_t take(const struct guest_mem *m, size_t *used, size_t end, size_t len, size_t align)
{
	size_t at = round_up(*used, align ?: 1);

	if (at > end || len > end - at) {
		errno = ENOMEM;
		return 0;
	}
	*used = at + len;
	return m->start + at;
}

uint64_t guest_mem_alloc_ring(struct guest_mem *m, size_t len, size_t align)
{
	/* A single region is shared: rings from its begin, data from behind them. */
	size_t end = m->regions > 1 ? m->first : m->data_used;

	return take(m, &m->ring_used, end, len, align);
}

uint64_t guest_mem_alloc(struct guest_mem *m, size_t len, size_t align)
{
	return take(m, &m->data_used, m->size, len, align);
}

void *guest_mem_span(const struct guest_mem *m, uint64_t addr, size_t *len)
{
	size_t at = addr - m->start, in;

	*len = 0;
	if (at >= m->size)
		return NULL;
	if (at < m->first) {
		*len = m->first - at;
		return m->base + at;
	}
	at -= m->first;
	in = at & ((1UL << m->shift) - 1);
	*len = (1UL << m->shift) - in;
	return m->base + m->first + (place_of(m, at >> m->shift) << m->shift) + in;
}

void *guest_mem_ptr(const struct guest_mem *m, uint64_t addr)
{
	size_t len;

	return guest_mem_span(m, addr, &len);
}

/* What is contiguous of len bytes at addr; ends the program where nothing is. */
static void *piece(const struct guest_mem *m, uint64_t addr, size_t left, size_t *len)
{
	void *p = guest_mem_span(m, addr, len);

	if (!p)
		abort();
	if (*len > left)
		*len = left;
	return p;
}

void guest_mem_write(const struct guest_mem *m, uint64_t addr, const void *data, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		void *p = piece(m, addr + done, len - done, &n);

		memcpy(p, (const uint8_t *)data + done, n);
	}
}

void guest_mem_read(const struct guest_mem *m, uint64_t addr, void *data, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		void *p = piece(m, addr + done, len - done, &n);

		memcpy((uint8_t *)data + done, p, n);
	}
}

void guest_mem_fill(const struct guest_mem *m, uint64_t addr, uint8_t byte, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		void *p = piece(m, addr + done, len - done, &n);

		memset(p, byte, n);
	}
}

size_t guest_mem_compare(const struct guest_mem *m, uint64_t addr, const void *data, size_t len)
{
	const uint8_t *want = data;

	for (size_t done = 0, n; done < len; done += n) {
		const uint8_t *p = piece(m, addr + done, len - done, &n);

		if (!memcmp(p, want + done, n))
			continue;
		for (size_t i = 0; i < n; i++)
			if (p[i] != want[done + i])
				return done + i;
	}
	return len;
}

bool guest_mem_is_filled(const struct guest_mem *m, uint64_t addr, uint8_t byte, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		const uint8_t *p = piece(m, addr + done, len - done, &n);

		if (p[0] != byte || memcmp(p, p + 1, n - 1))
			return false;
	}
	return true;
}

struct vhost_memory *guest_mem_table(const struct guest_mem *m)
{
	struct vhost_memory *t = calloc(1, sizeof(*t) + m->regions * sizeof(t->regions[0]));
	uint64_t at = 0;

	if (!t)
		return NULL;
	t->nregions = m->regions;
	for (unsigned int i = 0; i < m->regions; i++) {
		struct vhost_memory_region *r = &t->regions[i];

		r->guest_phys_addr = GUEST_GPA + at;
		r->memory_size = i ? 1UL << m->shift : m->first;
		r->userspace_addr = (uintptr_t)guest_mem_ptr(m, m->start + at);
		at += r->memory_size;
	}
	return t;
}

bool guest_mem_dirty(const struct guest_mem *m, uint64_t addr)
{
	uint64_t page = guest_mem_gpa(m, addr) / GUEST_PAGE;

	return le64toh(m->log[page / 64]) >> page % 64 & 1;
}

void guest_mem_clean(struct guest_mem *m)
{
	memset(m->log, 0, m->log_bytes);
}
