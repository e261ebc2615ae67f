// SPDX-License-Identifier: GPL-2.0-only
/*
 * parent - who owns which slice of an adapter's VRAM
 *
 * Slices are powers of two and aligned to their own size, because each
 * becomes a PCI BAR of the instance (PCI 3.0 §6.2.5.1: a BAR's size is a power
 * of two and its address a multiple of it), and because aligned halves are
 * what keeps a mix of types from cutting the VRAM into holes nobody can use.
 */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "parent.h"

/**
 * weft_parent_init - start with all of the VRAM free
 * @parent: filled in
 * @bytes: VRAM in bytes
 *
 * Context: may sleep.
 * Return: 0; -EINVAL when @bytes is no power of two between WEFT_SLICE_UNIT
 * and WEFT_VRAM_MAX; -ENOMEM.
 */
int weft_parent_init(struct weft_parent *parent, u64 bytes)
{
	memset(parent, 0, sizeof(*parent));
	if (!is_power_of_2(bytes) || bytes < WEFT_SLICE_UNIT ||
	    bytes > WEFT_VRAM_MAX)
		return -EINVAL;

	parent->bytes = bytes;
	parent->units = bytes / WEFT_SLICE_UNIT;
	parent->map = bitmap_zalloc(parent->units, GFP_KERNEL);
	return parent->map ? 0 : -ENOMEM;
}

/**
 * weft_parent_destroy - free the map
 * @parent: initialised, or zeroed
 */
void weft_parent_destroy(struct weft_parent *parent)
{
	bitmap_free(parent->map);
	memset(parent, 0, sizeof(*parent));
}

/* The units of a slice of @bytes, or 0 when this VRAM can have no such slice. */
static unsigned int slice_units(const struct weft_parent *parent, u64 bytes)
{
	if (!is_power_of_2(bytes) || bytes < WEFT_SLICE_UNIT ||
	    bytes > parent->bytes)
		return 0;
	return bytes / WEFT_SLICE_UNIT;
}

static bool range_is_free(const struct weft_parent *parent, unsigned int start,
			  unsigned int nr)
{
	return find_next_bit(parent->map, start + nr, start) >= start + nr;
}

/* Units of the largest aligned free block that holds the free slice @start. */
static unsigned int enclosing_hole(const struct weft_parent *parent,
				   unsigned int start, unsigned int nr)
{
	while (nr < parent->units &&
	       range_is_free(parent, round_down(start, nr * 2), nr * 2))
		nr *= 2;
	return nr;
}

/**
 * weft_parent_alloc_slice - take a slice
 * @parent: the VRAM
 * @bytes: size, a power of two from WEFT_SLICE_UNIT to the whole VRAM
 * @offset: where the slice begins, in bytes, a multiple of @bytes
 *
 * Takes the slice out of the smallest hole that holds it, so that large holes
 * stay whole for large types.
 *
 * Context: the caller serialises calls on one @parent.
 * Return: 0; -EINVAL when no such slice can exist here; -ENOSPC when no hole
 * fits, with nothing changed.
 */
int weft_parent_alloc_slice(struct weft_parent *parent, u64 bytes, u64 *offset)
{
	unsigned int nr = slice_units(parent, bytes);
	unsigned int best = 0, best_hole = 0, start;

	if (!nr)
		return -EINVAL;

	for (start = 0; start < parent->units; start += nr) {
		unsigned int hole;

		if (!range_is_free(parent, start, nr))
			continue;
		hole = enclosing_hole(parent, start, nr);
		if (!best_hole || hole < best_hole) {
			best = start;
			best_hole = hole;
		}
		if (best_hole == nr)
			break;
	}
	if (!best_hole)
		return -ENOSPC;

	bitmap_set(parent->map, best, nr);
	parent->used += nr;
	*offset = (u64)best * WEFT_SLICE_UNIT;
	return 0;
}

/**
 * weft_parent_free_slice - give a slice back
 * @parent: the VRAM
 * @offset: as weft_parent_alloc_slice() said
 * @bytes: as given to weft_parent_alloc_slice()
 *
 * Context: the caller serialises calls on one @parent.
 * Return: 0; -EINVAL when this is not wholly taken, with nothing changed.
 */
int weft_parent_free_slice(struct weft_parent *parent, u64 offset, u64 bytes)
{
	unsigned int nr = slice_units(parent, bytes);
	unsigned int start;

	if (!nr || offset & (bytes - 1) || offset >= parent->bytes)
		return -EINVAL;

	start = offset / WEFT_SLICE_UNIT;
	if (find_next_zero_bit(parent->map, start + nr, start) < start + nr)
		return -EINVAL;

	bitmap_clear(parent->map, start, nr);
	parent->used -= nr;
	return 0;
}

/**
 * weft_parent_available - how many slices of a size could be taken now
 * @parent: the VRAM
 * @bytes: size of the slice
 *
 * Counts the aligned holes that really fit, not free bytes: after frees out of
 * order the two differ, and the holes are what the next create will find.
 *
 * Context: the caller serialises against changes of @parent.
 * Return: the number of slices.
 */
unsigned int weft_parent_available(const struct weft_parent *parent, u64 bytes)
{
	unsigned int nr = slice_units(parent, bytes);
	unsigned int count = 0, start;

	if (!nr)
		return 0;
	for (start = 0; start < parent->units; start += nr)
		if (range_is_free(parent, start, nr))
			count++;
	return count;
}

/**
 * weft_parent_free_bytes - VRAM that belongs to no slice
 * @parent: the VRAM
 *
 * Return: bytes.
 */
u64 weft_parent_free_bytes(const struct weft_parent *parent)
{
	return (u64)(parent->units - parent->used) * WEFT_SLICE_UNIT;
}
