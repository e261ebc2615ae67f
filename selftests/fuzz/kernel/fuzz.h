/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of the modules in a running kernel: what its parts share.
 *
 * An input is a string of bytes that a target reads as calls; where it ends,
 * zeroes follow. Inputs are run in sessions: one open device for some of them,
 * as opening it costs more than what is tried with it. A session can be run
 * again, as its inputs are kept where they outlive the kernel.
 */
#ifndef WEFT_FUZZ_KERNEL_H
#define WEFT_FUZZ_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vfio_lib.h"	/* struct rng, and what is made in sysfs */

#define INPUT_MAX	256

struct bytes {
	const uint8_t *at, *end;
};

static inline bool bytes_left(const struct bytes *b)
{
	return b->at < b->end;
}

static inline uint8_t get8(struct bytes *b)
{
	return bytes_left(b) ? *b->at++ : 0;
}

static inline uint16_t get16(struct bytes *b)
{
	uint16_t low = get8(b);

	return low | get8(b) << 8;
}

static inline uint32_t get32(struct bytes *b)
{
	uint32_t low = get16(b);

	return low | (uint32_t)get16(b) << 16;
}

static inline uint64_t get64(struct bytes *b)
{
	uint64_t low = get32(b);

	return low | (uint64_t)get32(b) << 32;
}

/* A number that may matter, of one byte or two. */
uint64_t get_number(struct bytes *b);

/**
 * struct target - one interface
 * @name: of it
 * @elsewhere: another thread makes the calls, and has called cover_join()
 * @begin: once; ends the program with a reason if it cannot be tried
 * @open: at the begin of a session
 * @run: one input
 * @close: at the end of a session
 * @end: at the end of all, if not NULL
 */
struct target {
	const char *name;
	bool elsewhere;
	void (*begin)(void);
	void (*open)(void);
	void (*run)(struct bytes *in);
	void (*close)(void);
	void (*end)(void);
};

extern const struct target target_vhost, target_vdpa, target_netlink, target_mdev, target_vgpu,
	target_guest;

/**
 * struct counts - what was done
 * @executions: inputs
 * @calls: of the kernel, by inputs
 * @rings: rings with something new in them that a worker has looked at
 */
struct counts {
	uint64_t executions, calls, rings;
};

extern struct counts counts;

/* cover.c: which edges of the modules were taken, by this thread and by workers */
bool cover_open(void);		/* false: this kernel does not tell */
void cover_join(void);		/* in the thread that calls the kernel */
void cover_begin(void);		/* forgets what was before an input */
unsigned int cover_new(void);	/* edges that nobody took before, so far */
uint64_t cover_cost(void);	/* what an input has taken so far, in steps of the modules */
unsigned int cover_edges(void);
bool cover_workers(void);	/* has a worker done something since cover_mark()? */
void cover_mark(void);
bool cover_tells(void);

/* corpus.c: inputs, as lines of hexadecimal digits in files */
struct input {
	unsigned int len;
	uint8_t data[INPUT_MAX];
};

void corpus_add(const struct input *in);
unsigned int corpus_size(void);
const struct input *corpus_at(unsigned int n);
void corpus_mutate(struct rng *r, struct input *in);
void inputs_write(FILE *f, const struct input *in, unsigned int n);
unsigned int inputs_read(const char *path, void (*each)(const struct input *in));

#endif
