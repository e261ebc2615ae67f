/* SPDX-License-Identifier: GPL-2.0 */
/* The threads that serve a device, and what CPU time they took. */
#ifndef WEFT_WORKERS_LIB_H
#define WEFT_WORKERS_LIB_H

#include <stdint.h>

#define WORKERS_MAX	8

struct workers {
	char path[WORKERS_MAX][64];
	int n;
};

/*
 * Adds all threads of this name: this process's own, or kernel threads where it
 * has none of that name. What fails, or if there is none, ends the process.
 */
void workers_find(struct workers *w, const char *name);

/* In nanoseconds, of those that sleep: a thread's time is counted when it does. */
uint64_t workers_ns(const struct workers *w);

#endif
