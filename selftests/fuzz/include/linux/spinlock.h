/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_FUZZ_LINUX_SPINLOCK_H
#define WEFT_FUZZ_LINUX_SPINLOCK_H

/* There is one thread. */
typedef struct {
	int nothing;
} spinlock_t;

#endif
