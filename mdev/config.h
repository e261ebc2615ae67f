/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - the PCI config space of an instance
 *
 * A logic room: plain data in, plain data out. The caller serialises.
 */
#ifndef WEFT_MDEV_CONFIG_H
#define WEFT_MDEV_CONFIG_H

#include <linux/sizes.h>
#include <linux/types.h>

/* Conventional PCI: no extended space. */
#define WEFT_CONFIG_SIZE	256

/* What a bochs-display says it is. */
#define WEFT_CONFIG_VENDOR	0x1234
#define WEFT_CONFIG_DEVICE	0x1111
#define WEFT_CONFIG_REVISION	2

/* Where the capabilities stand, and where MSI-X stands in BAR 2. */
#define WEFT_CONFIG_MSI		0x40
#define WEFT_CONFIG_MSIX	0x60
#define WEFT_CONFIG_MSIX_TABLE	0x800
#define WEFT_CONFIG_MSIX_PBA	0xc00
#define WEFT_CONFIG_VECTORS	1

/* Above this, BAR 0 is 64 bits wide and takes BAR 1 as its upper half. */
#define WEFT_CONFIG_BAR32_MAX	SZ_1G

/**
 * struct weft_config - config space
 * @data: what a read returns
 * @wmask: the bits a write changes; all others are read-only
 * @vram_bytes: size of BAR 0, a power of two
 */
struct weft_config {
	u8 data[WEFT_CONFIG_SIZE];
	u8 wmask[WEFT_CONFIG_SIZE];
	u64 vram_bytes;
};

void weft_config_init(struct weft_config *config, u64 vram_bytes);
void weft_config_reset(struct weft_config *config);
int weft_config_read(const struct weft_config *config, u64 offset, void *buf,
		     size_t len);
int weft_config_write(struct weft_config *config, u64 offset, const void *buf,
		      size_t len);

#endif
