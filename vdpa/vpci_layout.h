/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpci_layout - what lies where in the BARs of a virtio-pci function
 *
 * A logic room: plain data in, plain data or a word out.
 */
#ifndef WEFT_VDPA_VPCI_LAYOUT_H
#define WEFT_VDPA_VPCI_LAYOUT_H

#include <linux/types.h>

#define WEFT_VPCI_BARS		6
/* More than a list of capabilities has room for, with both of MSI-X's */
#define WEFT_VPCI_STRUCTURES	20
/* The longest word that is said of a refusal */
#define WEFT_VPCI_WHY		160

/* Beside VIRTIO_PCI_CAP_..., which are bytes */
#define WEFT_VPCI_MSIX_TABLE	0x100
#define WEFT_VPCI_MSIX_PBA	0x101

/**
 * struct weft_vpci_bar - a BAR
 * @start: its address
 * @length: in bytes, or 0 if there is none
 * @memory: it is of memory, not of I/O ports
 */
struct weft_vpci_bar {
	u64 start;
	u64 length;
	bool memory;
};

/**
 * struct weft_vpci_structure - registers, as a capability has them
 * @type: VIRTIO_PCI_CAP_... or WEFT_VPCI_MSIX_...
 * @bar: number of the BAR that they are in
 * @offset: of the first one
 * @length: in bytes
 */
struct weft_vpci_structure {
	u16 type;
	u8 bar;
	u64 offset;
	u64 length;
};

/**
 * struct weft_vpci_layout - all of a function
 * @bars: BARs
 * @all: structures, in the order of the capabilities
 * @n: how many
 * @multiplier: of the numbers by which queues say where they are kicked
 */
struct weft_vpci_layout {
	struct weft_vpci_bar bars[WEFT_VPCI_BARS];
	struct weft_vpci_structure all[WEFT_VPCI_STRUCTURES];
	unsigned int n;
	u32 multiplier;
};

bool weft_vpci_layout_add(struct weft_vpci_layout *l, const struct weft_vpci_structure *s);
int weft_vpci_layout_check(const struct weft_vpci_layout *l, char why[WEFT_VPCI_WHY]);
bool weft_vpci_layout_kickable(const struct weft_vpci_layout *l, u16 number);
u64 weft_vpci_layout_doorbell(const struct weft_vpci_layout *l, const u16 *numbers, unsigned int n,
			      unsigned int queue, u64 page, char why[WEFT_VPCI_WHY]);

#endif /* WEFT_VDPA_VPCI_LAYOUT_H */
