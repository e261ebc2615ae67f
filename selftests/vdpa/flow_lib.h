/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that sends and receives for as long as it is let, in a thread of its
 * own, whichever devices its rings are on meanwhile; and the host beside it.
 *
 *	flow_begin(&f, &g)
 *	flow_host(&f, v, 20)		the host sends 20 on, and takes what has come
 *	...the guest is moved, suspended, mapped anew...
 *	flow_end(&f, v)			it stops, and what it sent has come from v
 *	flow_lost(&f, v, 1)		no more was lost than these devices have counted
 *
 * All that is sent has to arrive once, in order, and byte for byte. What is
 * received too, where what the devices count as dropped may be missing.
 */
#ifndef WEFT_FLOW_LIB_H
#define WEFT_FLOW_LIB_H

#include <stdatomic.h>

#include "vdev_lib.h"

struct flow_buf {
	uint64_t addr;
	uint32_t len;
};

struct flow {
	struct vguest *g;
	pthread_t thread;
	atomic_bool stop;
	unsigned int each;		/* bytes of a receive buffer */
	struct flow_buf *rx, *tx;
	unsigned int tx_free;		/* of tx: a stack of those not in the ring */
	struct flow_buf **spare;
	/* The guest's */
	atomic_uint sent, used, received;
	uint32_t next;			/* no frame before this one is to come */
	unsigned int parts;		/* of the one that is being received */
	size_t have;
	uint8_t *frame;
	/* The host's */
	uint32_t posted, arrived;
	atomic_uint limit;		/* of sent, so that there is always room for what arrives */
	char why[256];
};

void flow_begin(struct flow *f, struct vguest *g, unsigned int each);
void flow_host(struct flow *f, struct vdev *v, unsigned int frames);
/* What has come from v; the rest of it comes before that of another device. */
void flow_take(struct flow *f, struct vdev *v);
/* Until so many more frames have come each way, by v */
void flow_run(struct flow *f, struct vdev *v, unsigned int n);
void flow_end(struct flow *f, struct vdev *v);
/* Frames to the guest that these have counted as dropped, of all that ever came */
long long flow_dropped(const struct vdev *v, unsigned int devices);
/* The same at the end, when nothing is on its way any more */
long long flow_lost(struct flow *f, struct vdev *v, unsigned int devices);

#endif
