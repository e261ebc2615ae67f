/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that do the work of queues, in the address space of their owner. */
#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include <linux/llist.h>
#include <linux/types.h>

struct mm_struct;
struct weft_worker;

/**
 * struct weft_work - something to be done by a worker
 * @node: the worker's
 * @flags: bit 0 is set while it waits to be done
 * @fn: does it
 */
struct weft_work {
	struct llist_node node;
	unsigned long flags;
	void (*fn)(struct weft_work *work);
};

/**
 * enum weft_worker_kind - what the thread is
 * @WEFT_WORKER_KTHREAD: a kernel thread, attached to the owner's cgroups
 * @WEFT_WORKER_TASK: a thread of the owner, with all its limits
 * @WEFT_WORKER_FREE: a kernel thread of nobody's. Of these alone the creation
 *	does not wait for locks of cgroups.
 */
enum weft_worker_kind {
	WEFT_WORKER_KTHREAD,
	WEFT_WORKER_TASK,
	WEFT_WORKER_FREE
};

bool weft_worker_can(enum weft_worker_kind kind);
struct weft_worker *weft_worker_create(const char *name, enum weft_worker_kind kind,
				       struct mm_struct *mm,
				       void (*killed)(struct weft_worker *w, void *arg), void *arg);
void weft_worker_destroy(struct weft_worker *w);
void weft_worker_queue(struct weft_worker *w, struct weft_work *work);
void weft_worker_flush(struct weft_worker *w);
bool weft_worker_busy(const struct weft_worker *w);
bool weft_worker_dead(const struct weft_worker *w);
size_t weft_worker_bytes(void);

static inline void weft_work_init(struct weft_work *work, void (*fn)(struct weft_work *work))
{
	work->flags = 0;
	work->fn = fn;
}

#endif /* WEFT_WORKER_H */
