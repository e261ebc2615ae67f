// SPDX-License-Identifier: GPL-2.0
/* rng_lib - numbers that look random: splitmix64, see the header */
#include "rng_lib.h"

#include <stdlib.h>
#include <time.h>

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (rng_next(r) >> 32) * n >> 32;
}

uint64_t rng_seed(void)
{
	const char *s = getenv("WEFT_SEED");
	struct timespec ts;

	if (s && *s)
		return strtoull(s, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000007ULL ^ ts.tv_nsec;
}
