// SPDX-License-Identifier: GPL-2.0
/*
 * What lies where in the BARs of a virtio-pci function: whether all of it is
 * there, and which pages may be given to user space. Sections are those of
 * virtio 1.3.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <uapi/linux/virtio_pci.h>
#include "vpci_layout.h"

static const char *name_of(u16 type)
{
	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		return "common configuration";
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		return "notification structure";
	case VIRTIO_PCI_CAP_ISR_CFG:
		return "interrupt status";
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		return "device configuration";
	case WEFT_VPCI_MSIX_TABLE:
		return "MSI-X table";
	case WEFT_VPCI_MSIX_PBA:
		return "MSI-X pending bits";
	default:
		return "shared memory";
	}
}

/* The first of several is the one to use, §4.1.4; those without a BAR are none. */
static const struct weft_vpci_structure *find(const struct weft_vpci_layout *l, u16 type)
{
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (l->all[i].type == type && l->bars[l->all[i].bar].length)
			return &l->all[i];
	return NULL;
}

/**
 * weft_vpci_layout_add() - notes a structure
 * @l: layout
 * @s: structure; one of a reserved BAR is left out, §4.1.4
 *
 * Return: whether there was room for it
 */
bool weft_vpci_layout_add(struct weft_vpci_layout *l, const struct weft_vpci_structure *s)
{
	if (s->bar >= WEFT_VPCI_BARS)
		return true;
	if (l->n == WEFT_VPCI_STRUCTURES)
		return false;
	l->all[l->n++] = *s;
	return true;
}

/**
 * weft_vpci_layout_check() - whether all structures are where they are said to be
 * @l: layout
 * @why: filled in if they are not, with a word to the user
 *
 * An access to what is behind the end of a BAR would be one to something else, or
 * to nothing, of which a kernel dies.
 *
 * Return: 0; -ENODEV
 */
int weft_vpci_layout_check(const struct weft_vpci_layout *l, char why[WEFT_VPCI_WHY])
{
	unsigned int i;

	for (i = 0; i < l->n; i++) {
		const struct weft_vpci_structure *s = &l->all[i];
		u64 length = l->bars[s->bar].length;

		/* Where there is no BAR, nothing is accessed. */
		if (!length || (s->length <= length && s->offset <= length - s->length))
			continue;
		scnprintf(why, WEFT_VPCI_WHY,
			  "its %s has 0x%llx bytes at 0x%llx of BAR %u, which has but 0x%llx: it is broken",
			  name_of(s->type), s->length, s->offset, s->bar, length);
		return -ENODEV;
	}
	return 0;
}

/**
 * weft_vpci_layout_kickable() - whether a queue's register is where it may be
 * @l: layout, checked
 * @number: that the queue says
 *
 * Return: whether it is, §4.1.4.4
 */
bool weft_vpci_layout_kickable(const struct weft_vpci_layout *l, u16 number)
{
	const struct weft_vpci_structure *s = find(l, VIRTIO_PCI_CAP_NOTIFY_CFG);

	return s && (u64)number * l->multiplier + 2 <= s->length;
}

/* Of a length that may be anything. */
static bool meets(const struct weft_vpci_structure *s, u64 from, u64 page)
{
	if (s->offset >= from)
		return s->length && s->offset - from < page;
	return s->length > from - s->offset;
}

/**
 * weft_vpci_layout_doorbell() - the page by which a queue is kicked
 * @l: layout, checked
 * @numbers: that queues say of where their registers are
 * @n: how many queues there are, whether the driver sees them or not
 * @queue: which of them
 * @page: how large pages are, a power of two
 * @why: filled in if there is none, with a word to the user
 *
 * A page goes to user space if it has the register of that queue, and nothing
 * else: neither another queue's, nor other structures, nor what is behind the end
 * of the structure or of its BAR.
 *
 * Return: its address; 0 if there is none, and kicks come through the kernel
 */
u64 weft_vpci_layout_doorbell(const struct weft_vpci_layout *l, const u16 *numbers, unsigned int n,
			      unsigned int queue, u64 page, char why[WEFT_VPCI_WHY])
{
	const struct weft_vpci_structure *s = find(l, VIRTIO_PCI_CAP_NOTIFY_CFG);
	u64 at = (u64)numbers[queue] * l->multiplier, from, start;
	unsigned int i;

	if (!s || !l->bars[s->bar].memory) {
		strscpy(why, "its registers are I/O ports", WEFT_VPCI_WHY);
		return 0;
	}
	start = l->bars[s->bar].start;
	from = s->offset + at;
	if ((start + from) & (page - 1)) {
		strscpy(why, "its register is not at the beginning of a page", WEFT_VPCI_WHY);
		return 0;
	}
	if (at + page > s->length || from + page > l->bars[s->bar].length) {
		strscpy(why, "its page ends behind the notification structure", WEFT_VPCI_WHY);
		return 0;
	}
	for (i = 0; i < n; i++) {
		u64 other = (u64)numbers[i] * l->multiplier;

		/* A register has two bytes. */
		if (i != queue && other + 2 > at && other < at + page) {
			scnprintf(why, WEFT_VPCI_WHY, "queue %u has its register in that page, too",
				  i);
			return 0;
		}
	}
	for (i = 0; i < l->n; i++) {
		const struct weft_vpci_structure *other = &l->all[i];

		if (other != s && other->bar == s->bar && meets(other, from, page)) {
			scnprintf(why, WEFT_VPCI_WHY, "its page has a part of the %s, too",
				  name_of(other->type));
			return 0;
		}
	}
	return start + from;
}
