/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_ASM_BARRIER_H
#define WEFT_UNIT_ASM_BARRIER_H

/*
 * One thread sees no order of its own loads and stores, so a barrier that is
 * missing does no harm here. A test that wants to know where they are is called
 * at each, with 'm', 'r' or 'w', and can do then what another CPU would.
 */
__attribute__((weak)) void (*unit_barrier)(char kind);

static inline void unit_at_barrier(char kind)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unit_barrier)
		unit_barrier(kind);
}

#define smp_mb()	unit_at_barrier('m')
#define smp_rmb()	unit_at_barrier('r')
#define smp_wmb()	unit_at_barrier('w')
#define smp_load_acquire(p)						\
	({								\
		__auto_type unit_loaded = __atomic_load_n(p, __ATOMIC_ACQUIRE); \
		unit_at_barrier('r');					\
		unit_loaded;						\
	})
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

#endif
