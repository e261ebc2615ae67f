/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irq - the interrupts of an instance: eventfds, and the vblank that fires them
 */
#ifndef WEFT_MDEV_IRQ_H
#define WEFT_MDEV_IRQ_H

#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/vfio.h>

struct eventfd_ctx;

/* vblanks a second, and what a type's frl_config says */
#define WEFT_IRQ_VBLANK_HZ	60

/**
 * struct weft_irq - the interrupts of an instance
 * @lock: guards all below; taken by the timer too
 * @trigger: the eventfd of each VFIO index, one vector each; NULL when off
 * @scanning: a mode is on the screen
 * @timer: fires at vblank while @scanning and MSI or MSI-X is on
 * @armed: @timer was ever armed since the last weft_irq_release()
 * @epoch: jiffies at the first vblank of this run
 * @vblanks: vblanks since @epoch
 */
struct weft_irq {
	spinlock_t lock;	/* all below */
	struct eventfd_ctx *trigger[VFIO_PCI_NUM_IRQS];
	bool scanning;
	struct timer_list timer;
	bool armed;
	unsigned long epoch;
	u64 vblanks;
};

void weft_irq_init(struct weft_irq *irq);
void weft_irq_release(struct weft_irq *irq);
void weft_irq_scan(struct weft_irq *irq, bool scanning);
bool weft_irq_signal(struct weft_irq *irq, unsigned int index);
int weft_irq_info(struct vfio_irq_info *info);
int weft_irq_set(struct weft_irq *irq, const struct vfio_irq_set *hdr,
		 const void *data, const char **why);

#endif
