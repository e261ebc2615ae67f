/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device that is to be maltreated, and one beside it that must not notice.
 *
 *	rig_open(&r, &(struct rig_config){ .packed = true })
 *	...does what no driver or VMM should...
 *	rig_stopped(&r, GUEST_TX, "avail-jump")	stopped, counted, told, and only that
 *	rig_unharmed(&r)			or: nothing has stopped at all
 *
 * Both are in one process and in a network namespace of its own, with a tap
 * each. Calls that cannot fail in a test end it when they do.
 */
#ifndef WEFT_RIG_LIB_H
#define WEFT_RIG_LIB_H

#include "guest_dev.h"
#include "guest_net.h"
#include "guest_stats.h"
#include "vhost_new.h"

#define RIG_HDR		12	/* bytes before each frame */
#define RIG_BUF		2048	/* bytes of a buffer */
#define RIG_WAIT	30000	/* milliseconds to wait for what has to come */

struct rig_config {
	unsigned int size;		/* of a ring; 0: 64 */
	unsigned int regions;		/* 0: 1 */
	unsigned int table;		/* entries of an indirect table */
	bool packed, log, mergeable, in_order, no_event_idx, no_indirect, shared;
	enum guest_iotlb iotlb;
	enum guest_backend backend;
	bool idle;			/* set up, without backends */
};

struct rig {
	struct rig_config c;
	uint64_t features;
	struct guest_mem mem;
	struct guest_dev dev;
	struct guest_ring ring[2];
	struct guest_link link;
	uint64_t buf[2];		/* one of RIG_BUF bytes for each ring */
	char dir[128];			/* in debugfs */
	uint32_t seq;
};

/* Of one of the rig's queues, for raw descriptors: a buffer's guest address. */
void rig_open(struct rig *r, const struct rig_config *c);
void rig_close(struct rig *r);

/* A frame each way, with all that it takes; one at a time. 0 or -1 and rig_why(). */
int rig_send(struct rig *r);
int rig_receive(struct rig *r);
const char *rig_why(void);

/* The same through the other device, which is opened with the first rig. */
void rig_witness(void);

/* Counters of a queue, and of the device. */
long long rig_stats(struct rig *r, int queue, const char *key);
const char *rig_text(struct rig *r, int queue, const char *key);
/* Waits until a counter has reached that. */
void rig_reaches(struct rig *r, int queue, const char *key, long long value);

/*
 * The queue has stopped or will, for that reason, which is counted and was
 * told; the other one and the witness serve; it lets go of its backend, and
 * works again when it is set up anew.
 */
void rig_stopped(struct rig *r, int queue, const char *fault);
void rig_unharmed(struct rig *r);
/* Takes a queue's backend, has its ring begin anew, and gives it back. */
void rig_restart(struct rig *r, int queue);

/* The worker answers, by another one that takes its place; and it did no more in one go than
 * it may.
 */
void rig_flush(struct rig *r);

/* Nothing worse than a notice was said by the kernel since rig_open(). */
void rig_quiet(void);

/*
 * A raw descriptor: next is that of a split one, and the id of a packed one,
 * which is available as soon as it is written: those that follow the first one
 * of a chain are to be written before it. Then what makes n of a split ring's
 * available, and a kick.
 */
void rig_desc(struct rig *r, int queue, unsigned int i, uint64_t addr, uint32_t len,
	      uint16_t flags, uint16_t next);
void rig_avail(struct rig *r, int queue, unsigned int i, uint16_t head);
void rig_show(struct rig *r, int queue, unsigned int n);

double rig_now(void);

#endif
