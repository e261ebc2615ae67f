/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_BITMAP_H
#define WEFT_UNIT_LINUX_BITMAP_H

#include <string.h>
#include <linux/bitops.h>
#include <linux/slab.h>

#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

static inline unsigned long *bitmap_alloc(unsigned int bits, gfp_t gfp)
{
	return kmalloc_array(BITS_TO_LONGS(bits), sizeof(long), gfp);
}

static inline unsigned long *bitmap_zalloc(unsigned int bits, gfp_t gfp)
{
	return kcalloc(BITS_TO_LONGS(bits), sizeof(long), gfp);
}

static inline void bitmap_free(const unsigned long *map)
{
	kfree(map);
}

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_fill(unsigned long *map, unsigned int bits)
{
	memset(map, 0xff, BITS_TO_LONGS(bits) * sizeof(long));
}

static inline void bitmap_set(unsigned long *map, unsigned int start,
			      unsigned int n)
{
	for (; n > 0; n--)
		__set_bit(start++, map);
}

static inline void bitmap_clear(unsigned long *map, unsigned int start,
				unsigned int n)
{
	for (; n > 0; n--)
		__clear_bit(start++, map);
}

static inline unsigned int bitmap_weight(const unsigned long *map,
					 unsigned int bits)
{
	unsigned int i, n = 0;

	for (i = 0; i < bits; i++)
		n += test_bit(i, map);
	return n;
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int bits)
{
	return find_first_bit(map, bits) >= bits;
}

static inline bool bitmap_full(const unsigned long *map, unsigned int bits)
{
	return find_first_zero_bit(map, bits) >= bits;
}

/* The first free area of @n bits, aligned by @mask; past @bits where none is. */
static inline unsigned long
bitmap_find_next_zero_area(unsigned long *map, unsigned long bits,
			   unsigned long start, unsigned int n,
			   unsigned long mask)
{
	unsigned long at = start, set;

	for (;;) {
		at = find_next_zero_bit(map, bits, at);
		at = (at + mask) & ~mask;
		if (at + n > bits)
			return at + n;
		set = find_next_bit(map, at + n, at);
		if (set >= at + n)
			return at;
		at = set + 1;
	}
}

#endif
