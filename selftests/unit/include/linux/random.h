/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_RANDOM_H
#define WEFT_UNIT_LINUX_RANDOM_H

#include <sys/random.h>
#include <linux/types.h>

static inline u64 get_random_u64(void)
{
	u64 v = 0;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		v = 1;
	return v;
}

static inline u32 get_random_u32(void)
{
	return get_random_u64();
}

#endif
