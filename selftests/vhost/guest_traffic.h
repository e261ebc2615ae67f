/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Traffic through a vhost device, both ways at once, of which every frame is
 * checked: that it arrives once, in order, byte for byte, and that nothing else
 * is written to the guest's memory, nor marked in its dirty log.
 *
 *	struct traffic_config c = { .size = 256, .pieces = 4 };
 *
 *	traffic_open(&t, &c, NULL)	in a network namespace of its own
 *	traffic_run(&t, 300)		until 300 more have arrived each way
 *	traffic_close(&t)
 *
 * What fails returns -1 and leaves the reason in t.why.
 */
#ifndef WEFT_GUEST_TRAFFIC_H
#define WEFT_GUEST_TRAFFIC_H

#include "guest_dev.h"
#include "guest_frame.h"
#include "guest_net.h"

enum traffic_layout {
	TRAFFIC_DIRECT,
	TRAFFIC_INDIRECT,
	TRAFFIC_CHAINED,	/* some in the ring, the last of which is indirect: split only */
	TRAFFIC_ANY,		/* now this, now that */
};

struct traffic_config {
	unsigned int size;		/* of a ring; 0: 256 */
	unsigned int regions;		/* 0: 1 */
	enum guest_iotlb iotlb;
	unsigned int flush;		/* forget the IOTLB after so many frames */
	enum traffic_layout layout;
	unsigned int pieces;		/* descriptors of a buffer, at most; 0: 1 */
	unsigned int table;		/* entries in an indirect table; 0: pieces */
	bool packed, in_order, no_event_idx, legacy, mergeable;
	bool log;
	bool polled;			/* no calls from the device; else, when there is no work */
	bool always;			/* calls at all times */
	uint32_t base;			/* 0: the ring's first */
	enum guest_backend backend;
	bool host_header;		/* VHOST_NET_F_VIRTIO_NET_HDR: vhost makes the header */
	size_t min, max;		/* bytes of a frame; 0: 14 and 65226 */
	size_t rx_len;			/* of a receive buffer; 0: as it needs to be */
};

struct traffic {
	struct traffic_config c;
	char why[256];
	int need;			/* feature bit that the device lacks, or -1 */
	uint64_t features;
	unsigned int hdr;		/* bytes of the header before a frame */
	struct guest_mem mem;
	struct guest_ring ring[2];
	struct guest_dev dev;
	struct guest_link link;
	bool dropped;			/* what is transmitted does not arrive */

	/* Transmit */
	struct traffic_buf *tx;
	unsigned int num_tx;
	struct traffic_buf *ready;	/* made, but there was no room */
	uint32_t sent, used, arrived, tx_goal;

	/* Receive */
	struct traffic_buf *rx;
	unsigned int num_rx, posted;
	uint32_t asked, received, rx_goal;
	unsigned int parts;		/* of the frame that is being received */
	size_t have;			/* bytes of it */

	uint64_t moves;			/* of the random numbers */
	unsigned int since_flush;
	uint64_t *must, *may;		/* pages that the log shall, and may, have marked */
};

int traffic_open(struct traffic *t, const struct traffic_config *c, const char *node);
void traffic_close(struct traffic *t);

/* Until n more have arrived each way, and nothing is on its way. */
int traffic_run(struct traffic *t, unsigned int n);
/* Until n more have been sent each way: others are on their way then. */
int traffic_begin(struct traffic *t, unsigned int n);

/* Takes the backends away, and gives them back: to the same device or to another node's. */
int traffic_stop(struct traffic *t);
int traffic_start(struct traffic *t);
int traffic_move(struct traffic *t, const char *node);

/* The dirty log has what it must have, and nothing that it must not. */
int traffic_check_log(struct traffic *t);

#endif
