// SPDX-License-Identifier: GPL-2.0-only
/*
 * evict - ends the processes that keep an instance from going
 *
 * The kernel cannot take an open file away from a process. Once an adapter is
 * gone all that a holder's file and mappings still do is to block the unbind,
 * so holders that were asked and stay are ended. The file may have been passed
 * on, or inherited, and a mapping holds it too, so the opener alone will not do.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "evict.h"
#include "instance.h"

/* Is @file the VFIO file of this instance? */
static int is_our_file(const void *data, struct file *file, unsigned int fd)
{
	const struct weft_instance *inst = data;

#ifdef WEFT_HAVE_VFIO_DEVICE_INODE
	return file_inode(file) == inst->vdev.inode;
#else
	/*
	 * Where VFIO files share an inode, this is what tells them apart up to
	 * v6.5. From v6.6 to v6.9 nothing does, and a holder is found by its
	 * mappings alone.
	 */
	return file->private_data == &inst->vdev;
#endif
}

static bool has_file(struct task_struct *task, const struct weft_instance *inst)
{
	bool found;

	task_lock(task);
	found = iterate_fd(task->files, 0, is_our_file, inst);
	task_unlock(task);
	return found;
}

static bool has_mapping(struct task_struct *task,
			const struct weft_instance *inst)
{
	struct mm_struct *mm = get_task_mm(task);
	struct vm_area_struct *vma;
	bool found = false;

	if (!mm)
		return false;
	/* not worth waiting for a process that may be stuck: the next round */
	if (!mmap_read_trylock(mm)) {
		mmput(mm);
		return false;
	}
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma) {
		found = weft_vfio_owns_vma(inst, vma);
		if (found)
			break;
	}
	mmap_read_unlock(mm);
	mmput(mm);
	return found;
}

/* All processes, each held; *nr of them. NULL when there is no memory. */
static struct task_struct **get_processes(unsigned int *nr)
{
	struct task_struct **tasks, *task;
	unsigned int size = 64;

	rcu_read_lock();
	for_each_process(task)
		size++;
	rcu_read_unlock();

	*nr = 0;
	tasks = kvcalloc(size, sizeof(*tasks), GFP_KERNEL);
	if (!tasks)
		return NULL;
	rcu_read_lock();
	for_each_process(task) {
		if (*nr == size)
			break;
		get_task_struct(task);
		tasks[(*nr)++] = task;
	}
	rcu_read_unlock();
	return tasks;
}

/**
 * weft_evict_holders - end every process that has an instance open or mapped
 * @inst: revoked
 *
 * Context: may sleep, but waits for no other process.
 * Return: how many processes were sent SIGKILL.
 */
unsigned int weft_evict_holders(struct weft_instance *inst)
{
	unsigned int nr, ended = 0, i;
	struct task_struct **tasks;

	tasks = get_processes(&nr);
	if (!tasks)
		return 0;
	for (i = 0; i < nr; i++) {
		struct task_struct *task = tasks[i];

		/* init keeps files for services, and the host dies with it */
		if (!is_global_init(task) &&
		    (has_file(task, inst) || has_mapping(task, inst))) {
			dev_warn(&inst->mdev->dev,
				 "the adapter is gone and %s (pid %d) did not let go: ending it\n",
				 task->comm, task_pid_nr(task));
			send_sig(SIGKILL, task, 1);
			ended++;
		}
		put_task_struct(task);
		cond_resched();
	}
	kvfree(tasks);
	return ended;
}
