/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WEFT_COMPAT_LINUX_MM_H
#define WEFT_COMPAT_LINUX_MM_H

#include_next <linux/mm.h>

/* v6.3: vm_flags are changed through helpers, which take the VMA's lock */
#ifndef WEFT_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma,
				unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma,
				  unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif
