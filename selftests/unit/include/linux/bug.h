/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_BUG_H
#define WEFT_UNIT_LINUX_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <stdio.h>
#include <stdlib.h>

/* A room never warns: where one does, the running test fails. */
void kunit_room_warned(const char *file, int line, const char *cond);

#define WARN_ON(cond) ({						\
	bool warn_on_ = !!(cond);					\
	if (warn_on_)							\
		kunit_room_warned(__FILE__, __LINE__, #cond);		\
	warn_on_;							\
})
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define WARN(cond, ...)		WARN_ON(cond)
#define WARN_ONCE(cond, ...)	WARN_ON(cond)
#define BUG_ON(cond) do {						\
	if (WARN_ON(cond))						\
		abort();						\
} while (0)
#define BUG()			BUG_ON(1)

#endif
