/* SPDX-License-Identifier: GPL-2.0 */
/* Threads of a process that run in the kernel: from 6.4, killed in good order from 6.10. */
#ifndef WEFT_COMPAT_LINUX_SCHED_VHOST_TASK_H
#define WEFT_COMPAT_LINUX_SCHED_VHOST_TASK_H

#if !IS_ENABLED(CONFIG_VHOST_TASK)
#undef WEFT_HAVE_VHOST_TASK
#endif

#ifdef WEFT_HAVE_VHOST_TASK
#include_next <linux/sched/vhost_task.h>
#else
struct vhost_task;
#endif

#endif /* WEFT_COMPAT_LINUX_SCHED_VHOST_TASK_H */
