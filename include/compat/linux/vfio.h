/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WEFT_COMPAT_LINUX_VFIO_H
#define WEFT_COMPAT_LINUX_VFIO_H

#include_next <linux/vfio.h>

/* v6.2: the core frees a device after .release, before it .release had to */
#ifndef WEFT_HAVE_VFIO_FREE_DEVICE
static inline void vfio_free_device(struct vfio_device *device)
{
}
#endif

#endif
