/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fault - what a device does wrong on demand, for tests of others' software
 *
 * While no device is to, a frame costs one instruction that does nothing.
 * Locks: &weft_fault.lock is of those who write to debugfs; no other lock is
 * taken around it. &weft_fault_vq.lock is of frames, in any context, and goes
 * inside of all.
 */
#ifndef WEFT_VDPA_FAULT_H
#define WEFT_VDPA_FAULT_H

#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

/**
 * enum weft_fault_kind - what happens to frames and calls
 * @WEFT_FAULT_DROP: one in so many is dropped
 * @WEFT_FAULT_DUPLICATE: one in so many comes twice
 * @WEFT_FAULT_REORDER: one in so many comes after the next one
 * @WEFT_FAULT_DELAY: all are so many milliseconds late
 * @WEFT_FAULT_LOSE_CALL: one call of the driver in so many is lost
 * @WEFT_FAULTS: how many
 */
enum weft_fault_kind {
	WEFT_FAULT_DROP,
	WEFT_FAULT_DUPLICATE,
	WEFT_FAULT_REORDER,
	WEFT_FAULT_DELAY,
	WEFT_FAULT_LOSE_CALL,
	WEFT_FAULTS
};

#define WEFT_FAULT_DELAY_MAX	60000	/* milliseconds */
#define WEFT_FAULT_LATE_MAX	4096	/* frames that are late at a time */

struct weft_vdpa;
struct weft_vdpa_vq;

/**
 * struct weft_fault_vq - of a queue
 * @lock: of all below
 * @seen: frames, or calls, since the last one that it happened to
 * @held: comes after the next one
 * @late: frames until they are due; the time is in &sk_buff.cb
 * @work: takes those that are due from @late
 * @done: how often it happened
 * @stalled: the queue is not served
 */
struct weft_fault_vq {
	spinlock_t lock;	/* see above */
	u32 seen[WEFT_FAULTS];
	struct sk_buff *held;
	struct sk_buff_head late;
	struct delayed_work work;
	u64 done[WEFT_FAULTS];
	bool stalled;
};

/**
 * struct weft_fault_knob - a file of debugfs
 * @dev: device
 * @tx: of queues that the driver transmits by, or receives
 * @kind: what it sets
 */
struct weft_fault_knob {
	struct weft_vdpa *dev;
	bool tx;
	enum weft_fault_kind kind;
};

/**
 * struct weft_fault - of a device
 * @lock: see above
 * @every: one in how many; 0 for none. For WEFT_FAULT_DELAY, milliseconds. By
 *	whether the driver transmits.
 * @on: any of @every is not 0
 * @knobs: what the files are of
 */
struct weft_fault {
	struct mutex lock;	/* see above */
	u32 every[2][WEFT_FAULTS];
	bool on;
	struct weft_fault_knob knobs[2][WEFT_FAULTS];
};

DECLARE_STATIC_KEY_FALSE(weft_fault_key);

bool weft_fault_line(struct weft_vdpa_vq *vq, struct sk_buff *skb);
void weft_fault_frames(struct weft_vdpa_vq *vq, struct list_head *frames);
bool weft_fault_call(struct weft_vdpa_vq *vq);

/**
 * weft_fault_takes() - whether a frame on its way to the driver is taken care of
 * @vq: receive queue that it is for
 * @skb: frame
 *
 * Return: true if it is not to be put into the line by the caller
 */
static __always_inline bool weft_fault_takes(struct weft_vdpa_vq *vq, struct sk_buff *skb)
{
	return static_branch_unlikely(&weft_fault_key) && weft_fault_line(vq, skb);
}

/**
 * weft_fault_disturbs() - changes what the host receives
 * @vq: transmit queue that it is from
 * @frames: linked by &sk_buff.list; may be empty afterwards
 */
static __always_inline void weft_fault_disturbs(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	if (static_branch_unlikely(&weft_fault_key))
		weft_fault_frames(vq, frames);
}

/**
 * weft_fault_loses() - whether a call of the driver is lost
 * @vq: queue, locked
 *
 * Return: true if it is
 */
static __always_inline bool weft_fault_loses(struct weft_vdpa_vq *vq)
{
	return static_branch_unlikely(&weft_fault_key) && weft_fault_call(vq);
}

void weft_fault_init(struct weft_vdpa *dev);
void weft_fault_init_vq(struct weft_vdpa_vq *vq);
void weft_fault_show(struct weft_vdpa *dev);
void weft_fault_reset(struct weft_vdpa *dev);
void weft_fault_exit(struct weft_vdpa *dev);
const char *weft_fault_name(enum weft_fault_kind kind);

#endif /* WEFT_VDPA_FAULT_H */
