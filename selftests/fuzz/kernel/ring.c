// SPDX-License-Identifier: GPL-2.0
#include "ring.h"

#include <linux/virtio_ring.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "must.h"

#define PAGE_BYTES	4096U
#define DESCS		16		/* at once */
#define TABLE		0x20000U	/* indirect tables */
#define BURST		8		/* frames */
#define ROOMY		0x89		/* 4096 bytes, for length() */
#define TRIES		4		/* to have the worker run, which comes next mostly */
#define WAIT		0.002		/* seconds for it, where it runs beside this thread */

static struct vring_desc *desc(unsigned int n)
{
	return (void *)(mem + RING_DESC(n));
}

static struct vring_packed_desc *pdesc(unsigned int n)
{
	return (void *)(mem + RING_DESC(n));
}

static struct vring_avail *avail(unsigned int n)
{
	return (void *)(mem + RING_DRIVER(n));
}

static struct vring_used *used(unsigned int n)
{
	return (void *)(mem + RING_DEVICE(n));
}

uint32_t ring_base(const struct rings *rs, const struct ring *r)
{
	uint32_t base = r->base % r->size | 0x8000;

	return rs->packed ? base << 16 | base : r->base;
}

/* As a driver has a ring that it begins with. */
void ring_reset(const struct rings *rs, unsigned int n, struct ring *r)
{
	memset(mem + RING_DESC(n), 0, r->size * sizeof(struct vring_desc));
	if (rs->packed) {
		memset(mem + RING_DRIVER(n), 0, 4);
		r->avail = r->base % r->size;
		r->wrap = true;
		return;
	}
	r->avail = r->base;
	avail(n)->flags = 0;
	avail(n)->idx = r->base;
	used(n)->idx = r->base;
	avail(n)->ring[r->size] = r->base;
}

/* Anything, anywhere in the areas of a ring. */
void ring_words(const struct rings *rs, unsigned int n, struct bytes *in)
{
	static const uint32_t areas[] = { 0, 0x2000, 0x4000 };
	uint32_t at = RING_DESC(n) + areas[get8(in) % 3] + get16(in) % 4096;
	unsigned int len = get8(in) % 32;

	while (len--)
		mem[at++] = get8(in);
}

static uint64_t address(const struct rings *rs, unsigned int n, uint8_t sel)
{
	const uint64_t special[] = {
		GPA + RING_DESC(n), GPA + RING_DRIVER(n), GPA + RING_DEVICE(n), GPA + TABLE,
		GPA + MEM_RO, GPA + MEM_HOLE, GPA + MEM_BORDER - 6, GPA + MEM_BORDER2 - 12,
		GPA + MEM_SIZE - 1, GPA + MEM_SIZE, GPA - 1, 0,
		~0ULL, ~0ULL - 4095, 1ULL << 63, GPA + (1ULL << 32),
	};
	static const uint16_t within[] = { 0, 0, 1, 0xff0, 0xffe };

	if (sel >= 0xa0 && rs->places && (sel & 12) == 4)
		return rs->places[sel & 3] + (sel >> 4) * 8;
	if (sel >= 0xa0)
		return special[sel & 15];
	return GPA + MEM_BORDER + (sel & 31) * PAGE_BYTES + within[sel >> 5];
}

static uint32_t length(uint8_t sel)
{
	static const uint32_t special[] = {
		0, 1, 10, 11, 12, 13, 14, 26, 60, 4096, 65535, 65536, 65550, 1u << 31,
		~0u, ~0u - 12,
	};

	return sel < 128 ? sel * 12 : special[sel & 15];
}

/* The next of a chain, of which a byte says how wrong it is. */
static uint16_t flags(const struct ring *r, uint8_t f, uint8_t x, bool last)
{
	uint16_t flags = r->write != !!(f & 0x20) ? VRING_DESC_F_WRITE : 0;

	if ((f & 0x1e) == 0x1e)
		return x << 8 | f;
	if (f & 1 && (!last || f & 0x10))
		flags |= VRING_DESC_F_NEXT;
	if ((f & 0xc0) == 0xc0)
		flags |= VRING_DESC_F_INDIRECT;
	return flags;
}

static void fill_split(const struct rings *rs, struct ring *r, unsigned int n,
		       unsigned int count, unsigned int how, struct bytes *in)
{
	struct vring_desc *to = desc(n);
	unsigned int first = r->avail % r->size;
	bool head = true;

	if (how == 3)	/* a table, of which the ring has an entry below */
		to = (void *)(mem + TABLE);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t a = get8(in), l = get8(in), f = get8(in), x = get8(in);
		unsigned int at = how == 3 ? i : (first + i) % r->size;
		struct vring_desc *d = &to[at];

		d->addr = address(rs, n, a);
		d->len = length(l);
		d->flags = flags(r, f, x, i == count - 1);
		d->next = x & 0x80 ? x << 8 | x : how == 3 ? i + 1 : (at + 1) % r->size;
		if (head && how != 3)
			avail(n)->ring[r->avail++ % r->size] = x & 0x40 ? x : at;
		head = !(d->flags & VRING_DESC_F_NEXT);
	}
	if (how == 3) {
		desc(n)[first] = (struct vring_desc){ GPA + TABLE, count * sizeof(*to),
						      VRING_DESC_F_INDIRECT, 0 };
		avail(n)->ring[r->avail++ % r->size] = first;
	}
	if (how == 1)
		r->avail += get8(in);
	if (how == 2) {
		avail(n)->flags = get8(in);
		avail(n)->ring[r->size] = r->avail - get8(in) % 8;
	}
	__atomic_store_n(&avail(n)->idx, r->avail, __ATOMIC_RELEASE);
}

static uint16_t as_available(const struct ring *r)
{
	return 1 << (r->wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED);
}

static void step(struct ring *r)
{
	if (++r->avail < r->size)
		return;
	r->avail = 0;
	r->wrap = !r->wrap;
}

static void fill_packed(const struct rings *rs, struct ring *r, unsigned int n,
			unsigned int count, unsigned int how, struct bytes *in)
{
	struct vring_packed_desc *to = pdesc(n), *table = (void *)(mem + TABLE), *start = NULL;
	uint16_t first = 0;

	/* Behind the ring there is memory of somebody else. */
	MUST(r->avail >= r->size);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t a = get8(in), l = get8(in), f = get8(in), x = get8(in);
		struct vring_packed_desc d = {
			.addr = address(rs, n, a), .len = length(l), .id = x & 0x80 ? x << 8 : i,
			.flags = flags(r, f, x, i == count - 1),
		};

		if (how == 3) {
			table[i] = d;
			continue;
		}
		if ((f & 0x1e) != 0x1e)
			d.flags |= as_available(r);
		/* The first comes last, so that all are there when it is. */
		if (!start) {
			start = &to[r->avail];
			first = d.flags;
			d.flags = start->flags;
		}
		to[r->avail] = d;
		step(r);
	}
	if (how == 3) {
		start = &to[r->avail];
		start->addr = GPA + TABLE;
		start->len = count * sizeof(*table);
		start->id = 0;
		first = VRING_DESC_F_INDIRECT | as_available(r);
		step(r);
	}
	if (how == 2)
		for (unsigned int i = 0; i < 4; i++)
			mem[RING_DRIVER(n) + i] = get8(in);
	if (how == 1)
		for (unsigned int i = get8(in) % 8; i--; )
			step(r);
	if (start)
		__atomic_store_n(&start->flags, first, __ATOMIC_RELEASE);
}

/**
 * struct before - where a ring stood
 * @first: descriptor of a packed one
 * @wrap: of a packed one
 * @used: index of a split one
 */
struct before {
	const struct vring_packed_desc *first;
	bool wrap;
	uint16_t used;
};

/* Whether the device has come to the end of what there is, or got on with frames to it. */
static bool done(const struct rings *rs, unsigned int n, const struct before *b)
{
	const uint16_t both = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	uint16_t idx;

	if (rs->packed)
		return (__atomic_load_n(&b->first->flags, __ATOMIC_ACQUIRE) & both) ==
		       (b->wrap ? both : 0);
	idx = __atomic_load_n(&used(n)->idx, __ATOMIC_ACQUIRE);
	return rs->ring[n].write ? idx != b->used : idx == rs->ring[n].avail;
}

/*
 * Has the worker run: with one CPU it comes next mostly, with several it does so by
 * itself. One that has nothing to do, or is gone, does not.
 */
static void let_run(const struct rings *rs, unsigned int n, const struct before *b)
{
	static long cpus;
	double until;

	cpus = cpus ?: sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus == 1) {
		for (unsigned int i = 0; i < (cover_tells() ? TRIES : 2) && !cover_workers(); i++)
			sched_yield();
		return;
	}
	until = now() + WAIT;
	while (!cover_workers() && (cover_tells() || (b && !done(rs, n, b))) && now() < until)
		sched_yield();
}

/* Tells the device, and lets its worker run; false if none has, as far as can be known. */
static bool kick(struct rings *rs, unsigned int n, const struct before *b)
{
	cover_mark();
	if (rs->kick) {
		rs->kick(n);
	} else {
		counts.calls++;
		if (eventfd_write(rs->ring[n].kick, 1))
			return false;
	}
	let_run(rs, n, b);
	return cover_workers();
}

bool ring_kick(struct rings *rs, unsigned int n)
{
	return kick(rs, n, NULL);
}

/* What became of a ring. */
enum fate {
	NOBODY,		/* has looked at it */
	STUCK,		/* somebody has, and does not get on */
	WENT,
};

/* frames: that the device is given first */
static enum fate offer(struct rings *rs, unsigned int n, unsigned int frames, struct bytes *in)
{
	struct ring *r = &rs->ring[n];
	const struct before before = { &pdesc(n)[r->avail % r->size], r->wrap, used(n)->idx };
	bool ran, end;
	uint8_t head = get8(in);
	unsigned int count = 1 + head % DESCS, how = head >> 6;

	if (count > r->size && !(head & 0x20))
		count = r->size;
	/* Its size or format may have changed since it got there. */
	if (rs->packed)
		r->avail %= r->size;
	if (rs->packed)
		fill_packed(rs, r, n, count, how, in);
	else
		fill_split(rs, r, n, count, how, in);
	if (frames && r->write)
		rs->feed(frames, in);
	ran = kick(rs, n, &before);
	end = done(rs, n, &before);
	/* It may only lack something to write. */
	if (ran && !end && !frames && r->write && rs->feed) {
		cover_mark();
		rs->feed(BURST, in);
		let_run(rs, n, &before);
		end = done(rs, n, &before);
	}
	if (ran || (end && !cover_tells()))
		counts.rings++;
	/* Broken, in most cases, or it waits for what never comes. */
	if (end)
		return WENT;
	ring_reset(rs, n, r);
	rs->restart(n);
	return ran || !cover_tells() ? STUCK : NOBODY;
}

/*
 * One ring: a batch of descriptors that are made available at once. False if
 * nobody looks at it.
 */
bool ring_offer(struct rings *rs, unsigned int n, struct bytes *in)
{
	return offer(rs, n, rs->feed ? 1 : 0, in) != NOBODY;
}

/*
 * Many of them from a few bytes: a seed, and how often something is wrong.
 * These are numbers of this program alone, so that the same come again.
 */
void ring_storm(struct rings *rs, unsigned int n, struct bytes *in)
{
	unsigned int count = 4 * (1 + get8(in) % 64);
	uint8_t wrong = get8(in), buf[2 + 4 * DESCS + 4];
	struct rng r = { get16(in) + 1 };

	rng_next(&r);
	/* A device that nothing goes well with is left soon. */
	for (unsigned int idle = 0, stuck = 0; count-- && idle < 2 && stuck < 4; ) {
		struct bytes b = { buf, buf + sizeof(buf) };
		uint64_t x = rng_next(&r);
		enum fate fate;

		buf[0] = x % (wrong & 0x80 ? 16 : 4) | (x & 0x70000 ? 0 : x & wrong & 0xc0);
		for (unsigned int i = 1; i < sizeof(buf); i += 4) {
			uint64_t y = rng_next(&r);
			bool bad = (y >> 52) < (wrong & 63U);

			/* An address, a length, flags, the next */
			buf[i] = bad ? y : (y & 0xff) % 0x40;
			if (i + 3 >= sizeof(buf))
				break;
			/* Where the device writes, most have room for a frame. */
			buf[i + 1] = bad ? y >> 8 : rs->ring[n].write && y & 0x3c000 ? ROOMY :
				     y >> 8 & 0x7f;
			buf[i + 2] = y >> 16 & (bad ? 0xff : 1);
			buf[i + 3] = bad ? y >> 24 : 0;
		}
		fate = offer(rs, n, 0, &b);
		idle += fate == NOBODY;
		stuck = fate == STUCK ? stuck + 1 : 0;
	}
}
