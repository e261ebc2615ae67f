/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_BITS_H
#define WEFT_UNIT_LINUX_BITS_H

#ifndef BITS_PER_LONG
#define BITS_PER_LONG	((int)(8 * sizeof(long)))
#endif
#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))
#define GENMASK(h, l)	((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))

#endif
