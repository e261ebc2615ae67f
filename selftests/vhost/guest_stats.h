/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What weft_vhost tells of a device in debugfs, where the files "device", "rx"
 * and "tx" have lines of a key and a value.
 */
#ifndef WEFT_GUEST_STATS_H
#define WEFT_GUEST_STATS_H

#include <stdbool.h>
#include <stddef.h>

#define GUEST_STATS	"/sys/kernel/debug/weft_vhost"

/* The folder of this process's n-th device that is open (0: the oldest). */
bool guest_stats_dir(char *path, size_t size, unsigned int n);

/* A value as text, "" when there is none, in one of 4 static buffers. */
const char *guest_stats_text(const char *dir, const char *file, const char *key);
/* As a number, -1 when there is none. */
long long guest_stats(const char *dir, const char *file, const char *key);

#endif
