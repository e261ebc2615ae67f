/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_WEFT_VGPU_H
#define _UAPI_LINUX_WEFT_VGPU_H

#include <linux/vfio.h>

/*
 * The scanout region of an instance: its VRAM from where the guest's screen
 * begins. QUERY_GFX_PLANE names it while that is not the start of BAR 0. What
 * lies behind its beginning changes with a page flip; a mapping follows.
 */
#define WEFT_REGION_TYPE		(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x1234)
#define WEFT_REGION_SUBTYPE_SCANOUT	1

#endif
