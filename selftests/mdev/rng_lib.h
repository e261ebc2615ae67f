/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_RNG_LIB_H
#define WEFT_RNG_LIB_H

#include <stdint.h>

/* Numbers that look random and are the same for the same seed. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);
/* $WEFT_SEED, or one that differs each time; say it in the output */
uint64_t rng_seed(void);

#endif
