// SPDX-License-Identifier: GPL-2.0
/* Waits for files to be ready, and has a queue's work done then. */
#include <linux/file.h>
#include <linux/poll.h>
#include "dev.h"

static void on_poll(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct weft_poll *p = container_of(table, struct weft_poll, table);

	/* A file with several wait queues: the first is the one for data. */
	if (p->head)
		return;
	p->head = head;
	add_wait_queue(head, &p->wait);
}

/* Runs in whoever made the file ready, with interrupts off. */
static int on_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct weft_poll *p = container_of(wait, struct weft_poll, wait);

	if (!(key_to_poll(key) & p->mask) || !READ_ONCE(p->armed))
		return 0;
	if (p == &p->vq->kick_poll)
		p->vq->stats.kicks++;
	weft_vq_queue(p->vq);
	return 0;
}

/**
 * weft_poll_init() - prepares to wait for something
 * @p: what waits
 * @vq: queue whose work is to be done
 * @mask: EPOLLIN or EPOLLOUT
 */
void weft_poll_init(struct weft_poll *p, struct weft_vq *vq, __poll_t mask)
{
	init_waitqueue_func_entry(&p->wait, on_wake);
	init_poll_funcptr(&p->table, on_poll);
	p->mask = mask;
	p->vq = vq;
}

/**
 * weft_poll_start() - waits for a file, and has the work done if it is ready
 * @p: of a queue that is locked; not waiting, or waiting for the same file
 * @file: kept open by the caller until weft_poll_stop()
 *
 * Return: 0; -EINVAL if the file is one that never gets ready.
 */
int weft_poll_start(struct weft_poll *p, struct file *file)
{
	__poll_t mask;

	lockdep_assert_held(&p->vq->lock);
	WRITE_ONCE(p->armed, true);
	if (p->head)
		return 0;
	mask = vfs_poll(file, &p->table);
	if (mask & EPOLLERR) {
		weft_poll_stop(p);
		return -EINVAL;
	}
	if (mask & p->mask)
		weft_vq_queue(p->vq);
	return 0;
}

/**
 * weft_poll_stop() - waits no more
 * @p: of a queue that is locked; what waits, or not
 *
 * On return nothing is queued any more; what was, may still be done.
 */
void weft_poll_stop(struct weft_poll *p)
{
	lockdep_assert_held(&p->vq->lock);
	WRITE_ONCE(p->armed, false);
	if (!p->head)
		return;
	remove_wait_queue(p->head, &p->wait);
	p->head = NULL;
}
