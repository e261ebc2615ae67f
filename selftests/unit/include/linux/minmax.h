/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_MINMAX_H
#define WEFT_UNIT_LINUX_MINMAX_H

/* Both sides must have one type, as in the kernel (a comparison of pointers). */
#define weft_unit_pick(a, op, b) ({					\
	typeof(a) pick_a_ = (a);					\
	typeof(b) pick_b_ = (b);					\
	(void)(&pick_a_ == &pick_b_);					\
	pick_a_ op pick_b_ ? pick_a_ : pick_b_;				\
})
#define min(a, b)		weft_unit_pick(a, <, b)
#define max(a, b)		weft_unit_pick(a, >, b)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(type, v, lo, hi) clamp((type)(v), (type)(lo), (type)(hi))
#define clamp_val(v, lo, hi)	clamp_t(typeof(v), v, lo, hi)
#define swap(a, b) do {							\
	typeof(a) swap_ = (a);						\
	(a) = (b);							\
	(b) = swap_;							\
} while (0)

#endif
