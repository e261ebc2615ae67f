/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings with contents that make no sense, or almost, in a memory that has some
 * of all kinds.
 */
#ifndef WEFT_FUZZ_RING_H
#define WEFT_FUZZ_RING_H

#include "fuzz.h"

#define RINGS		3
#define GPA		mem_gpa		/* of the memory's first byte, for the device */
#define MEM_SIZE	0x100000U
#define MEM_BORDER	0x50000U	/* between regions that are elsewhere here */
#define MEM_BORDER2	0x80000U
#define MEM_RO		0x80000U	/* 64 KiB that cannot be written to */
#define MEM_HOLE	0x90000U	/* 64 KiB of nothing */
#define MEM_AFTER	0xa0000U
#define MEM_LOG		0x40000U	/* where the bits of the log are */

/* Areas of ring n */
#define RING_DESC(n)	((n) * 0x8000U)
#define RING_DRIVER(n)	(RING_DESC(n) + 0x2000U)
#define RING_DEVICE(n)	(RING_DESC(n) + 0x4000U)

/**
 * struct ring - one of them
 * @size: descriptors, at most 256
 * @base: where it begins, an index or an offset
 * @avail: where it stands
 * @wrap: of a packed one
 * @write: buffers are the device's to write
 * @kick: eventfd
 */
struct ring {
	unsigned int size, base;
	uint16_t avail;
	bool wrap, write;
	int kick;
};

/**
 * struct rings - of a device
 * @ring: each
 * @packed: their format
 * @places: four addresses that are no plain memory, if not NULL
 * @kick: tells the device, if not NULL; or else the eventfd does
 * @feed: gives the device frames to write, if not NULL
 * @restart: has the device begin anew with a ring whose memory was reset
 */
struct rings {
	struct ring ring[RINGS];
	bool packed;
	const uint64_t *places;
	void (*kick)(unsigned int n);
	void (*feed)(unsigned int frames, struct bytes *in);
	void (*restart)(unsigned int n);
};

/* memory: as the fuzzer sees it; where the device's owner has it may change */
extern uint8_t *mem;
extern uint64_t mem_gpa;

void mem_begin(void);
void mem_fill(void);
void mem_reset(void);
void mem_change(struct bytes *in);
uint64_t mem_user(uint32_t offset);	/* the owner's address */
void mem_write(struct bytes *in);

void ring_reset(const struct rings *rs, unsigned int n, struct ring *r);
uint32_t ring_base(const struct rings *rs, const struct ring *r);
void ring_words(const struct rings *rs, unsigned int n, struct bytes *in);
bool ring_offer(struct rings *rs, unsigned int n, struct bytes *in);
void ring_storm(struct rings *rs, unsigned int n, struct bytes *in);
/* From outside, by a packet socket */
void feed_frames(int far, unsigned int n, struct bytes *in);

bool ring_kick(struct rings *rs, unsigned int n);

#endif
