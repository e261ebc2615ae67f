/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parent - who owns which slice of an adapter's VRAM
 *
 * A logic room: plain data in, plain data out. The caller serialises.
 */
#ifndef WEFT_MDEV_PARENT_H
#define WEFT_MDEV_PARENT_H

#include <linux/sizes.h>
#include <linux/types.h>

/* Smallest slice, and the grain of the map, in bytes. */
#define WEFT_SLICE_UNIT		SZ_4M
/* 128 GiB: far above any adapter this drives, and a 4 KiB map. */
#define WEFT_VRAM_MAX		((u64)WEFT_SLICE_UNIT << 15)

/**
 * struct weft_parent - the slices of one adapter's VRAM
 * @bytes: VRAM in bytes, a power of two, at least one unit
 * @units: @bytes in units of WEFT_SLICE_UNIT
 * @used: units taken
 * @map: one bit a unit, set while the unit belongs to a slice
 */
struct weft_parent {
	u64 bytes;
	unsigned int units;
	unsigned int used;
	unsigned long *map;
};

int weft_parent_init(struct weft_parent *parent, u64 bytes);
void weft_parent_destroy(struct weft_parent *parent);
int weft_parent_alloc_slice(struct weft_parent *parent, u64 bytes,
			    u64 *offset);
int weft_parent_free_slice(struct weft_parent *parent, u64 offset, u64 bytes);
unsigned int weft_parent_available(const struct weft_parent *parent, u64 bytes);
u64 weft_parent_free_bytes(const struct weft_parent *parent);

#endif
