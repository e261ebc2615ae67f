/* SPDX-License-Identifier: GPL-2.0 */
/* A vhost device under load, and what that cost; see vhost_bench.c. */
#ifndef WEFT_VHOST_LOAD_LIB_H
#define WEFT_VHOST_LOAD_LIB_H

#include <stdbool.h>
#include <stdint.h>

#include "guest_dev.h"

enum load_kind { LOAD_TX, LOAD_RX, LOAD_LATENCY, LOAD_WAKE };

struct load {
	const char *name, *about;
	enum load_kind kind;
	unsigned int len;		/* of a frame */
	bool drop;			/* by an XDP program on the tap */
	unsigned int packets;		/* in a round */
};

/* One way to use one node, or, without one, the vDPA device of a function. */
struct setup {
	const char *node;
	unsigned int function;
	bool packed, in_order;
	unsigned int regions, size;
	enum guest_iotlb iotlb;
};

/* Of one round. */
struct cost {
	double machine, worker;		/* instructions a packet */
	double kicks, calls;		/* a packet */
	double pps;			/* by the clock of the host outside */
};

/* The loads there are, ended by one with no name. */
extern const struct load loads[];
const struct load *load_find(const char *name);

/*
 * Puts a device to use, in a network namespace of its own: for a process that
 * does nothing else. What fails ends the process, with a line on stderr.
 */
void load_open(const struct setup *s);
struct cost load_round(const struct load *l, unsigned int packets);

#endif
