/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_SLAB_H
#define WEFT_UNIT_LINUX_SLAB_H

#include <stdlib.h>
#include <string.h>
#include <linux/kernel.h>	/* as the kernel's brings most of it */
#include <linux/types.h>

#define GFP_KERNEL		0u
#define GFP_KERNEL_ACCOUNT	0u
#define GFP_ATOMIC		0u

/*
 * The n-th allocation from now fails, and each one after it; negative is never.
 * What kmalloc() gives is filled, so that a forgotten initialisation is seen.
 */
extern long kunit_alloc_budget;

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (kunit_alloc_budget == 0)
		return NULL;
	if (kunit_alloc_budget > 0)
		kunit_alloc_budget--;
	p = malloc(size);
	if (p)
		memset(p, 0xa5, size);
	return p;
}

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	void *p = kmalloc(size, gfp);

	return p ? memset(p, 0, size) : NULL;
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	void *p = kmalloc_array(n, size, gfp);

	return p ? memset(p, 0, n * size) : NULL;
}

static inline void *kmemdup(const void *src, size_t size, gfp_t gfp)
{
	void *p = kmalloc(size, gfp);

	return p ? memcpy(p, src, size) : NULL;
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvfree(p)			kfree(p)

#endif
