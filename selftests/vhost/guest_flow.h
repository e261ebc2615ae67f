/* SPDX-License-Identifier: GPL-2.0 */
/* Between guest_traffic.c and guest_flow.c. */
#ifndef WEFT_GUEST_FLOW_H
#define WEFT_GUEST_FLOW_H

#include "guest_traffic.h"

/* What buffers for receiving are filled with. */
#define TRAFFIC_FILL	0xa5

struct traffic_buf {
	uint64_t addr;
	unsigned int room;		/* before it, nobody's */
	size_t len;
	bool busy;			/* in the ring */
};

/* Whether headers are in the machine's byte order: without VERSION_1. Packed rings have it. */
static inline bool traffic_is_native(const struct traffic *t)
{
	return t->c.legacy && (!t->c.packed || t->c.backend == GUEST_PACKET);
}

int traffic_fail(struct traffic *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void traffic_note(struct traffic *t, uint64_t *map, uint64_t addr, size_t len);

#endif
