// SPDX-License-Identifier: GPL-2.0-only
/*
 * types - what sizes of instance an adapter offers
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "parent.h"
#include "types.h"

/**
 * weft_types_compute - the type table of an adapter
 * @vram_bytes: VRAM of the adapter, a power of two
 * @types: filled in, largest first
 * @size: entries in @types
 *
 * Return: the number of types; -EINVAL when the VRAM is no power of two
 * between WEFT_SLICE_UNIT and WEFT_VRAM_MAX; -ENOSPC when @size is too small.
 */
int weft_types_compute(u64 vram_bytes, struct weft_type *types,
		       unsigned int size)
{
	unsigned int nr = 0;
	u64 bytes;

	if (!is_power_of_2(vram_bytes) || vram_bytes < WEFT_SLICE_UNIT ||
	    vram_bytes > WEFT_VRAM_MAX)
		return -EINVAL;

	for (bytes = vram_bytes; bytes >= WEFT_SLICE_UNIT; bytes >>= 1) {
		struct weft_type *type = &types[nr];
		unsigned int mib = bytes / SZ_1M;

		if (nr++ == size)
			return -ENOSPC;
		memset(type, 0, sizeof(*type));
		if (bytes == vram_bytes)
			strscpy(type->id, "full", sizeof(type->id));
		else
			snprintf(type->id, sizeof(type->id), "%um", mib);
		snprintf(type->name, sizeof(type->name), "weft vGPU %uM", mib);
		type->bytes = bytes;
		type->max_instance = vram_bytes / bytes;
		if (!weft_mode_largest(bytes, &type->max))
			return -EINVAL;
	}
	return nr;
}

/**
 * weft_type_describe - the text of a type's description attribute
 * @type: the type
 * @buf: filled in, NUL-terminated
 * @size: bytes in @buf
 *
 * The pairs are those that mdevctl, Incus and KubeVirt look for. frl_config
 * is the rate of the instance's vblank in Hz.
 *
 * Return: bytes written, as scnprintf().
 */
int weft_type_describe(const struct weft_type *type, char *buf, size_t size)
{
	return scnprintf(buf, size,
			 "num_heads=1, frl_config=60, framebuffer=%uM, max_resolution=%ux%u, max_instance=%u",
			 (unsigned int)(type->bytes / SZ_1M), type->max.xres,
			 type->max.yres, type->max_instance);
}
