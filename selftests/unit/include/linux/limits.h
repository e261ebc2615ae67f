/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_LIMITS_H
#define WEFT_UNIT_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <limits.h>

#define U8_MAX	0xff
#define U16_MAX	0xffff
#define U32_MAX	0xffffffffU
#define U64_MAX	0xffffffffffffffffULL
#define S16_MAX	0x7fff
#define S32_MAX	0x7fffffff
#define S64_MAX	0x7fffffffffffffffLL

#endif
