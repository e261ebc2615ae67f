/* SPDX-License-Identifier: GPL-2.0 */
/* Buffers that are none, written to a ring as they are. */
#ifndef WEFT_GUEST_BAD_H
#define WEFT_GUEST_BAD_H

#include "guest_ring.h"

struct guest_bad_desc {
	uint32_t len;
	uint16_t flags;
	uint16_t next;			/* of a packed ring: id */
	uint64_t addr;			/* 0: the buffer; or one of these: */
};

#define GUEST_BAD_TABLE	1	/* the table */
#define GUEST_BAD_END	2	/* the last 32 bytes of all memory */

/* Descriptors of one chain, in the ring or, at most one, in a table. */
struct guest_bad {
	const char *fault;		/* that it is found out by */
	int queue;
	unsigned int n;
	struct guest_bad_desc d[4], t[4];
	unsigned int table;		/* entries in t */
	uint16_t head;
	bool no_indirect;		/* without the feature */
};

/*
 * A raw descriptor: next is that of a split one, and the id of a packed one,
 * which is available as soon as it is written: those that follow the first one
 * of a chain are to be written before it.
 */
void guest_raw_desc(struct guest_ring *r, unsigned int i, uint64_t addr, uint32_t len,
		    uint16_t flags, uint16_t next);
/* Split: makes n available; both: kicks. */
void guest_raw_show(struct guest_ring *r, unsigned int n);

/* The chain, as the first one of a new ring, with a table of up to 64 bytes; kicks. */
void guest_bad_show(struct guest_ring *r, const struct guest_bad *b, uint64_t buffer,
		    uint64_t table);

/*
 * The n-th of things without sense somewhere in the ring: some of its addresses
 * are that of a buffer.
 */
void guest_scribble(struct guest_ring *r, uint64_t n, uint64_t buffer);

#endif
