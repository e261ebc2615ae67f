// SPDX-License-Identifier: GPL-2.0-only
/*
 * irq - the interrupts of an instance: eventfds, and the vblank that fires them
 *
 * Five VFIO indexes: no INTx, one MSI or one MSI-X vector (never both, as PCI
 * 3.0 §6.8 demands), ERR for an adapter that vanished, REQ to ask the VMM to
 * let go.
 */
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "irq.h"

static bool is_message(unsigned int index)
{
	return index == VFIO_PCI_MSI_IRQ_INDEX ||
	       index == VFIO_PCI_MSIX_IRQ_INDEX;
}

static bool vblank_wanted(const struct weft_irq *irq)
{
	return irq->scanning && (irq->trigger[VFIO_PCI_MSI_IRQ_INDEX] ||
				 irq->trigger[VFIO_PCI_MSIX_IRQ_INDEX]);
}

/* Counted from the epoch, so that a tick's rounding does not add up. */
static void arm_vblank(struct weft_irq *irq)
{
	irq->armed = true;
	mod_timer(&irq->timer, irq->epoch +
		  div_u64((irq->vblanks + 1) * HZ, WEFT_IRQ_VBLANK_HZ));
}

static void weft_irq_vblank(struct timer_list *timer)
{
	struct weft_irq *irq = container_of(timer, struct weft_irq, timer);
	unsigned long flags;

	spin_lock_irqsave(&irq->lock, flags);
	if (vblank_wanted(irq)) {
		if (irq->trigger[VFIO_PCI_MSI_IRQ_INDEX])
			eventfd_signal(irq->trigger[VFIO_PCI_MSI_IRQ_INDEX]);
		if (irq->trigger[VFIO_PCI_MSIX_IRQ_INDEX])
			eventfd_signal(irq->trigger[VFIO_PCI_MSIX_IRQ_INDEX]);
		irq->vblanks++;
		arm_vblank(irq);
	}
	spin_unlock_irqrestore(&irq->lock, flags);
}

/* Caller holds @irq's lock and has changed what vblank_wanted() looks at. */
static void update_vblank(struct weft_irq *irq, bool before)
{
	lockdep_assert_held(&irq->lock);
	if (before || !vblank_wanted(irq))
		return;
	irq->epoch = jiffies;
	irq->vblanks = 0;
	arm_vblank(irq);
}

/**
 * weft_irq_init - no interrupt is on
 * @irq: filled in
 */
void weft_irq_init(struct weft_irq *irq)
{
	memset(irq, 0, sizeof(*irq));
	spin_lock_init(&irq->lock);
	timer_setup(&irq->timer, weft_irq_vblank, 0);
}

static void replace(struct weft_irq *irq, unsigned int index,
		    struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old;
	unsigned long flags;
	bool before;

	spin_lock_irqsave(&irq->lock, flags);
	before = vblank_wanted(irq);
	old = irq->trigger[index];
	irq->trigger[index] = ctx;
	update_vblank(irq, before);
	spin_unlock_irqrestore(&irq->lock, flags);
	if (old)
		eventfd_ctx_put(old);
}

/**
 * weft_irq_release - turn all interrupts off and let their eventfds go
 * @irq: initialised; nobody else calls into it any more
 *
 * Context: may sleep.
 */
void weft_irq_release(struct weft_irq *irq)
{
	unsigned int index;

	/* nobody else calls, so this needs no lock; most were never turned on */
	for (index = 0; index < VFIO_PCI_NUM_IRQS; index++)
		if (irq->trigger[index])
			replace(irq, index, NULL);
	/* without a trigger the timer does not arm itself again */
	if (irq->armed)
		timer_delete_sync(&irq->timer);
	irq->armed = false;
}

/**
 * weft_irq_scan - a mode came on the screen, or left it
 * @irq: interrupts
 * @scanning: whether one is on now
 */
void weft_irq_scan(struct weft_irq *irq, bool scanning)
{
	unsigned long flags;
	bool before;

	spin_lock_irqsave(&irq->lock, flags);
	before = vblank_wanted(irq);
	irq->scanning = scanning;
	update_vblank(irq, before);
	spin_unlock_irqrestore(&irq->lock, flags);
}

/**
 * weft_irq_signal - fire an interrupt
 * @irq: interrupts
 * @index: VFIO_PCI_*_IRQ_INDEX
 *
 * Return: whether an eventfd was there to take it.
 */
bool weft_irq_signal(struct weft_irq *irq, unsigned int index)
{
	unsigned long flags;
	bool on;

	spin_lock_irqsave(&irq->lock, flags);
	on = irq->trigger[index];
	if (on)
		eventfd_signal(irq->trigger[index]);
	spin_unlock_irqrestore(&irq->lock, flags);
	return on;
}

/**
 * weft_irq_info - answer VFIO_DEVICE_GET_IRQ_INFO
 * @info: index is given, the rest filled in
 *
 * Return: 0; -EINVAL for an index past the end.
 */
int weft_irq_info(struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info->flags = 0;
	info->count = 0;
	if (info->index != VFIO_PCI_INTX_IRQ_INDEX) {
		info->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
		info->count = 1;
	}
	return 0;
}

/*
 * May this index be turned on now? MSI and MSI-X exclude each other. Triggers
 * change only in here and in weft_irq_release(), which the caller serialises.
 */
static bool may_enable(struct weft_irq *irq, unsigned int index)
{
	unsigned int other = index == VFIO_PCI_MSI_IRQ_INDEX ?
			     VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX;

	return !is_message(index) || !irq->trigger[other];
}

static int set_eventfd(struct weft_irq *irq, unsigned int index, s32 fd,
		       const char **why)
{
	struct eventfd_ctx *ctx = NULL;

	if (fd < -1) {
		*why = "the eventfd is negative and not -1";
		return -EINVAL;
	}
	if (fd >= 0) {
		if (!may_enable(irq, index)) {
			*why = "MSI and MSI-X cannot both be on; turn the other off first";
			return -EINVAL;
		}
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx)) {
			*why = "the file descriptor is no eventfd";
			return PTR_ERR(ctx);
		}
	}
	replace(irq, index, ctx);
	return 0;
}

/**
 * weft_irq_set - answer VFIO_DEVICE_SET_IRQS
 * @irq: interrupts
 * @hdr: checked by vfio_set_irqs_validate_and_prepare()
 * @data: what follows @hdr, of the size its flags and count say
 * @why: set to a reason on error
 *
 * Forms of <linux/vfio.h>: an eventfd (or -1 for none) is put in place, a
 * trigger without data or with a true bool fires the interrupt from within,
 * a trigger without data and with count 0 turns the index off. A vector can
 * be masked only where the index says MASKABLE; none here does.
 *
 * Context: may sleep; the caller serialises calls on one @irq.
 * Return: 0; -EINVAL; -ENOTTY for masking; what eventfd_ctx_fdget() says;
 * nothing changed then.
 */
int weft_irq_set(struct weft_irq *irq, const struct vfio_irq_set *hdr,
		 const void *data, const char **why)
{
	unsigned int index = hdr->index;

	switch (hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		break;
	case VFIO_IRQ_SET_ACTION_MASK:
	case VFIO_IRQ_SET_ACTION_UNMASK:
		*why = "no interrupt of this device can be masked by SET_IRQS";
		return -ENOTTY;
	default:
		*why = "one action, and one only, belongs in the flags";
		return -EINVAL;
	}

	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (!hdr->count) {
			*why = "eventfd data with count 0 names no vector";
			return -EINVAL;
		}
		return set_eventfd(irq, index, *(const s32 *)data, why);
	case VFIO_IRQ_SET_DATA_NONE:
		if (!hdr->count) {
			replace(irq, index, NULL);
			return 0;
		}
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!hdr->count) {
			*why = "bool data with count 0 names no vector";
			return -EINVAL;
		}
		if (!*(const u8 *)data)
			return 0;
		break;
	default:
		*why = "one data type, and one only, belongs in the flags";
		return -EINVAL;
	}

	if (!weft_irq_signal(irq, index)) {
		*why = "this interrupt is off: give it an eventfd first";
		return -EINVAL;
	}
	return 0;
}
