/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for property tests. Each case tells its seed; the module
 * parameter "seed" repeats a run.
 */
#ifndef WEFT_TESTS_RNG_H
#define WEFT_TESTS_RNG_H

#include <kunit/test.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/types.h>

struct weft_rng {
	u64 state;
};

static unsigned long long weft_seed;
module_param_named(seed, weft_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random tests, 0 for another each time");

static inline void weft_rng_start(struct kunit *test, struct weft_rng *rng)
{
	u64 seed = weft_seed ? weft_seed : get_random_u32();

	kunit_info(test, "seed=%llu\n", (unsigned long long)seed);
	/* Never zero, and the low bits of a small seed are spread. */
	rng->state = (seed + 1) * 0x9e3779b97f4a7c15ULL | 1;
}

static inline u64 weft_rng_u64(struct weft_rng *rng)
{
	u64 x = rng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	rng->state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

/* From 0 to @n - 1. */
static inline u32 weft_rng_below(struct weft_rng *rng, u32 n)
{
	return (weft_rng_u64(rng) >> 32) * n >> 32;
}

static inline bool weft_rng_one_in(struct weft_rng *rng, u32 n)
{
	return weft_rng_below(rng, n) == 0;
}

#endif /* WEFT_TESTS_RNG_H */
