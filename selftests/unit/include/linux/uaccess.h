/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User memory is the program's own, so that a copy which reaches beyond what
 * was mapped is found by the address sanitizer. Below kunit_user_low no page
 * is: what is there cannot be copied.
 */
#ifndef WEFT_UNIT_LINUX_UACCESS_H
#define WEFT_UNIT_LINUX_UACCESS_H

#include <string.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* As on x86-64 with 48-bit addresses: the last page is not the user's. */
#define TASK_SIZE_MAX	((1UL << 47) - 4096)
#define kunit_user_low	65536UL

static inline bool access_ok(const void *addr, unsigned long size)
{
	return size <= TASK_SIZE_MAX && (unsigned long)addr <= TASK_SIZE_MAX - size;
}

static inline unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	if (!access_ok(from, n) || (unsigned long)from < kunit_user_low)
		return n;
	memcpy(to, from, n);
	return 0;
}

static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	if (!access_ok(to, n) || (unsigned long)to < kunit_user_low)
		return n;
	memcpy(to, from, n);
	return 0;
}

#endif
