/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_PATIENCE_H
#define WEFT_PATIENCE_H

#include <stdlib.h>

/* The runner's factor for all time limits, on a machine that is busy, or a kernel that is slow. */
static inline double ksft_patience(void)
{
	const char *factor = getenv("WEFT_PATIENCE");

	return factor && atof(factor) > 1 ? atof(factor) : 1;
}

#endif
