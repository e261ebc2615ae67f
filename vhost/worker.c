// SPDX-License-Identifier: GPL-2.0
/* Threads that do the work of queues. */
#include <linux/cgroup.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/vhost_task.h>
#include <linux/slab.h>
#include <weft/worker.h>

#define QUEUED	0

/**
 * struct weft_worker - one thread
 * @todo: works in the reverse of the order in which they were queued
 * @task: a WEFT_WORKER_TASK
 * @kthread: or a WEFT_WORKER_KTHREAD
 * @mm: the address space a kernel thread takes on, or NULL
 * @killed: called in the thread when the owner's end takes it along
 * @arg: for @killed
 * @lock: serialises the last run of the works with flushes
 * @dead: no more works are done; @lock
 * @kcov: of whoever created it, for coverage
 */
struct weft_worker {
	struct llist_head todo;
	struct vhost_task *task;
	struct task_struct *kthread;
	struct mm_struct *mm;
	void (*killed)(struct weft_worker *w, void *arg);
	void *arg;
	struct mutex lock;	/* of the last run and flushes */
	bool dead;

	typeof(kcov_common_handle()) kcov;
};

struct flush {
	struct weft_work work;
	struct completion done;
};

struct attach {
	struct weft_work work;
	struct task_struct *owner;
	int ret;
};

/* Does what waits, in order; false if nothing did. */
static bool run(struct weft_worker *w)
{
	struct llist_node *node = llist_del_all(&w->todo);
	struct weft_work *work, *next;

	if (!node)
		return false;
	node = llist_reverse_order(node);
	/* Off the list before it may be queued again; pairs with test_and_set_bit(). */
	smp_wmb();
	llist_for_each_entry_safe(work, next, node, node) {
		clear_bit(QUEUED, &work->flags);
		/* Before what it looks for; pairs with test_and_set_bit(). */
		smp_mb__after_atomic();
		kcov_remote_start_common(w->kcov);
		work->fn(work);
		kcov_remote_stop();
		cond_resched();
	}
	return true;
}

static int kthread_main(void *data)
{
	struct weft_worker *w = data;

	if (w->mm)
		kthread_use_mm(w->mm);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			break;
		}
		if (llist_empty(&w->todo)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		run(w);
	}
	if (w->mm)
		kthread_unuse_mm(w->mm);
	return 0;
}

#ifdef WEFT_HAVE_VHOST_TASK
/* vhost_task sets the task's state to sleep before it calls this. */
static bool task_main(void *data)
{
	struct weft_worker *w = data;

	if (llist_empty(&w->todo))
		return false;
	__set_current_state(TASK_RUNNING);
	return run(w);
}

/* The owner was killed, and its threads with it. */
static void task_killed(void *data)
{
	struct weft_worker *w = data;

	mutex_lock(&w->lock);
	w->dead = true;
	mutex_unlock(&w->lock);
	/* It takes the worker from all who might queue works, and waits for those
	 * who are at it; then nothing is added any more.
	 */
	w->killed(w, w->arg);
	run(w);
}

static int start_task(struct weft_worker *w, const char *name)
{
	struct vhost_task *task = vhost_task_create(task_main, task_killed, w, name);

	if (IS_ERR_OR_NULL(task))
		return task ? PTR_ERR(task) : -ENOMEM;
	w->task = task;
	vhost_task_start(task);
	return 0;
}

static void wake(struct weft_worker *w)
{
	if (w->task)
		vhost_task_wake(w->task);
	else
		wake_up_process(w->kthread);
}

static void stop(struct weft_worker *w)
{
	if (w->task)
		vhost_task_stop(w->task);
	else
		kthread_stop(w->kthread);
}
#else
static int start_task(struct weft_worker *w, const char *name)
{
	return -EOPNOTSUPP;
}

static void wake(struct weft_worker *w)
{
	wake_up_process(w->kthread);
}

static void stop(struct weft_worker *w)
{
	kthread_stop(w->kthread);
}
#endif

static void attach_cgroups(struct weft_work *work)
{
	struct attach *a = container_of(work, struct attach, work);

	a->ret = cgroup_attach_task_all(a->owner, current);
}

static int start_kthread(struct weft_worker *w, const char *name, bool attach)
{
	struct task_struct *t = kthread_create(kthread_main, w, "%s", name);
	struct attach a = { .owner = current };

	if (IS_ERR(t))
		return PTR_ERR(t);
	w->kthread = t;
	wake_up_process(t);
	if (!attach)
		return 0;
	weft_work_init(&a.work, attach_cgroups);
	weft_worker_queue(w, &a.work);
	weft_worker_flush(w);
	if (a.ret)
		kthread_stop(t);
	return a.ret;
}

/**
 * weft_worker_can() - whether this kernel has workers of a kind
 * @kind: which
 *
 * Return: whether it has.
 */
bool weft_worker_can(enum weft_worker_kind kind)
{
#ifdef WEFT_HAVE_VHOST_TASK
	return true;
#else
	return kind != WEFT_WORKER_TASK;
#endif
}
EXPORT_SYMBOL_GPL(weft_worker_can);

/**
 * weft_worker_create() - starts a thread
 * @name: what it is called
 * @kind: what it is
 * @mm: the owner's address space, of which the caller keeps a user; NULL for a
 *	kernel thread that needs none
 * @killed: called in the thread if the owner is killed, which ends a
 *	WEFT_WORKER_TASK: on return nobody queues works to it any more
 * @arg: for @killed
 *
 * To be called by the owner, whose cgroups the thread joins, if it is to.
 *
 * Return: worker or ERR_PTR(): -ENOMEM, -EAGAIN (the owner may have no more
 * threads), -EOPNOTSUPP, what the cgroups say.
 */
struct weft_worker *weft_worker_create(const char *name, enum weft_worker_kind kind,
				       struct mm_struct *mm,
				       void (*killed)(struct weft_worker *w, void *arg), void *arg)
{
	struct weft_worker *w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!w)
		return ERR_PTR(-ENOMEM);
	init_llist_head(&w->todo);
	mutex_init(&w->lock);
	w->mm = mm;
	w->killed = killed;
	w->arg = arg;
	w->kcov = kcov_common_handle();
	ret = kind == WEFT_WORKER_TASK ? start_task(w, name) :
	      start_kthread(w, name, kind == WEFT_WORKER_KTHREAD);
	if (ret) {
		kfree(w);
		return ERR_PTR(ret);
	}
	return w;
}
EXPORT_SYMBOL_GPL(weft_worker_create);

/**
 * weft_worker_destroy() - ends a thread
 * @w: worker, to which nobody queues works any more; or NULL
 *
 * What was queued before is not sure to be done: flush first.
 */
void weft_worker_destroy(struct weft_worker *w)
{
	if (!w)
		return;
	stop(w);
	kfree(w);
}
EXPORT_SYMBOL_GPL(weft_worker_destroy);

/**
 * weft_worker_queue() - has something done, soon
 * @w: worker, kept from going away by the caller (RCU, or a lock)
 * @work: what; if it waits already it is done once
 *
 * Any context.
 */
void weft_worker_queue(struct weft_worker *w, struct weft_work *work)
{
	/* Whoever queued it first wakes the thread. */
	if (test_and_set_bit(QUEUED, &work->flags))
		return;
	if (llist_add(&work->node, &w->todo))
		wake(w);
}
EXPORT_SYMBOL_GPL(weft_worker_queue);

static void flushed(struct weft_work *work)
{
	complete(&container_of(work, struct flush, work)->done);
}

/**
 * weft_worker_flush() - waits until all that was queued before is done
 * @w: worker
 *
 * Process context; sleeps. Not from the worker itself, nor with a lock that
 * works take.
 */
void weft_worker_flush(struct weft_worker *w)
{
	struct flush f;

	weft_work_init(&f.work, flushed);
	init_completion(&f.done);
	mutex_lock(&w->lock);
	if (w->dead) {
		mutex_unlock(&w->lock);
		return;
	}
	weft_worker_queue(w, &f.work);
	/* Not until it is done: the thread takes the lock when it is killed, and
	 * does this work after that.
	 */
	mutex_unlock(&w->lock);
	wait_for_completion(&f.done);
}
EXPORT_SYMBOL_GPL(weft_worker_flush);

/**
 * weft_worker_busy() - whether works wait
 * @w: worker
 *
 * Return: whether a work that polls should make room for others.
 */
bool weft_worker_busy(const struct weft_worker *w)
{
	return !llist_empty(&w->todo);
}
EXPORT_SYMBOL_GPL(weft_worker_busy);

/**
 * weft_worker_dead() - whether its owner's end took the thread along
 * @w: worker
 *
 * Return: true for good, once it is.
 */
bool weft_worker_dead(const struct weft_worker *w)
{
	return READ_ONCE(w->dead);
}
EXPORT_SYMBOL_GPL(weft_worker_dead);

/**
 * weft_worker_bytes() - what one worker costs, besides its thread
 *
 * Return: bytes.
 */
size_t weft_worker_bytes(void)
{
	return sizeof(struct weft_worker);
}
EXPORT_SYMBOL_GPL(weft_worker_bytes);
