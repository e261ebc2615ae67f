/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_FUZZ_LINUX_MUTEX_H
#define WEFT_FUZZ_LINUX_MUTEX_H

/* There is one thread. */
struct mutex {
	int nothing;
};

#endif
