/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types - what sizes of instance an adapter offers
 *
 * A logic room: plain data in, plain data out.
 */
#ifndef WEFT_MDEV_TYPES_H
#define WEFT_MDEV_TYPES_H

#include <linux/types.h>

#include "edid.h"

/* full, then halves from WEFT_VRAM_MAX down to one unit */
#define WEFT_TYPES_MAX		16

/**
 * struct weft_type - one size of instance
 * @id: what follows "weft_vgpu-" in sysfs: "full", "32m", …
 * @name: for people
 * @bytes: VRAM of one instance
 * @max_instance: how many fit on an empty adapter
 * @max: the largest mode of the EDID that fits in @bytes
 */
struct weft_type {
	char id[16];
	char name[32];
	u64 bytes;
	unsigned int max_instance;
	struct weft_mode max;
};

int weft_types_compute(u64 vram_bytes, struct weft_type *types,
		       unsigned int size);
int weft_type_describe(const struct weft_type *type, char *buf, size_t size);

#endif
