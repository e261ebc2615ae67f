/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_COMPILER_H
#define WEFT_UNIT_LINUX_COMPILER_H

#include <linux/types.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define barrier()	__asm__ __volatile__("" : : : "memory")
#define READ_ONCE(x)	(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#ifndef noinline
#define noinline	__attribute__((noinline))
#endif
#ifndef __always_unused
#define __always_unused	__attribute__((unused))
#endif
#ifndef __maybe_unused
#define __maybe_unused	__attribute__((unused))
#endif
#ifndef __packed
#define __packed	__attribute__((packed))
#endif
#ifndef __aligned
#define __aligned(n)	__attribute__((aligned(n)))
#endif
#ifndef fallthrough
#define fallthrough	__attribute__((fallthrough))
#endif

#endif
