// SPDX-License-Identifier: GPL-2.0
/*
 * planted - does on purpose what a sanitizer has to tell of, one thing a load.
 * A lane in which nothing is found should be one that can find something.
 */
#include <linux/debugobjects.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *bug = "none";
module_param(bug, charp, 0);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static struct timer_list timer;

static void use_after_free(void)
{
	char *p = kmalloc(32, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	if (p)
		WRITE_ONCE(p[3], 1);
}

static void beyond_vmalloc(void)
{
	char *p = vmalloc(SZ_4K - 8);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[SZ_4K - 8], 1);
	vfree(p);
}

static void lock_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleeps_in_atomic(void)
{
	spin_lock(&spin);
	mutex_lock(&first);
	mutex_unlock(&first);
	spin_unlock(&spin);
}

static void shift_too_far(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	WRITE_ONCE(by, 1 << by);
}

/* Some may be found on stacks of old, but not that many. */
static void forgets_memory(void)
{
	void *p;
	int i;

	for (i = 0; i < 64; i++) {
		p = kzalloc(192, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(p);
	}
}

static void never(struct timer_list *t)
{
}

static void init_of_active_timer(void)
{
	timer_setup(&timer, never, 0);
	mod_timer(&timer, jiffies + HZ * 1000);
	timer_setup(&timer, never, 0);
	del_timer_sync(&timer);
}

static unsigned int raced;

/* Named as ours are: races of others are of no interest. */
static noinline void weft_planted_race(void)
{
	unsigned int i;

	for (i = 0; i < 2000000; i++) {
		raced++;
		barrier();
		if (!(i % 1024))
			cond_resched();
	}
}

static int race_along(void *unused)
{
	weft_planted_race();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void count_at_once(void)
{
	struct task_struct *other = kthread_run(race_along, NULL, "planted");

	if (IS_ERR(other))
		return;
	weft_planted_race();
	kthread_stop(other);
}

static const struct {
	const char *name;
	void (*plant)(void);
} bugs[] = {
	{ "use_after_free", use_after_free },
	{ "beyond_vmalloc", beyond_vmalloc },
	{ "lock_order", lock_order },
	{ "sleeps_in_atomic", sleeps_in_atomic },
	{ "shift_too_far", shift_too_far },
	{ "forgets_memory", forgets_memory },
	{ "init_of_active_timer", init_of_active_timer },
	{ "data_race", count_at_once },
};

static int __init planted_init(void)
{
	unsigned int i;

	if (!strcmp(bug, "none"))
		return 0;
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name)) {
			bugs[i].plant();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("weft developers");
MODULE_DESCRIPTION("bugs for sanitizers to find");
