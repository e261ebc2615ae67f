// SPDX-License-Identifier: GPL-2.0
#include "ring_fuzz.h"

int fuzz_one(const u8 *data, size_t size)
{
	return fuzz_ring(data, size, false);
}
