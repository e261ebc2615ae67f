/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * softpci - what weft_softpci tells the driver of one of its functions
 */
#ifndef WEFT_SOFTPCI_H
#define WEFT_SOFTPCI_H

#include <linux/types.h>

struct module;

/*
 * 1234 is the vendor number that QEMU's own devices use without being
 * assigned one; no driver in the kernel claims 1234:7765 ("we") or 1234:776e
 * ("wn").
 */
#define WEFT_SOFTPCI_VENDOR	0x1234
#define WEFT_SOFTPCI_DISPLAY	0x7765
#define WEFT_SOFTPCI_NETWORK	0x776e

#define WEFT_SOFTPCI_MAGIC	0x77656674u

/**
 * struct weft_softpci_function - platform data of a synthetic PCI function
 * @magic: WEFT_SOFTPCI_MAGIC
 * @index: number of the function among those of its kind, from 0
 * @vram_bytes: VRAM that the driver may back with memory of its own; 0 if it is
 *	no display function
 * @owner: to be held while somebody depends on the function staying
 */
struct weft_softpci_function {
	u32 magic;
	u32 index;
	u64 vram_bytes;
	struct module *owner;
};

#endif
