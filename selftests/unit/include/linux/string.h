/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_STRING_H
#define WEFT_UNIT_LINUX_STRING_H

#include_next <linux/string.h>
#include <string.h>
#include <strings.h>
#include <linux/errno.h>
#include <linux/types.h>

/* Copies what fits, always ends the string; -E2BIG where it was cut. */
static inline ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	for (n = 0; n < size; n++) {
		dst[n] = src[n];
		if (!src[n])
			return n;
	}
	dst[size - 1] = '\0';
	return -E2BIG;
}

static inline void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n > 0; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

#endif
