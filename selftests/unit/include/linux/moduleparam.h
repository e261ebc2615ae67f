/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_MODULEPARAM_H
#define WEFT_UNIT_LINUX_MODULEPARAM_H

/*
 * Parameters are given to the test program as they are to insmod: NAME=VALUE.
 * Only numbers: each is kept in the size its variable has.
 */
#include <linux/types.h>

void kunit_register_param(const char *name, void *value, size_t size);

#define module_param_named(name, value, type, perm)			\
	static void __attribute__((constructor))			\
	kunit_register_param_##name(void)				\
	{								\
		kunit_register_param(#name, &(value), sizeof(value));	\
	}								\
	struct weft_unit_param_##name
#define module_param(name, type, perm)	\
	module_param_named(name, name, type, perm)
#define MODULE_PARM_DESC(name, desc)	struct weft_unit_param_##name

#endif
