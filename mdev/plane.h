/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plane - what a VMM shows of an instance: a region of it, or a DMA-BUF
 */
#ifndef WEFT_MDEV_PLANE_H
#define WEFT_MDEV_PLANE_H

#include <linux/types.h>

struct vfio_device_gfx_plane_info;
struct weft_instance;

int weft_plane_query(struct weft_instance *inst,
		     struct vfio_device_gfx_plane_info *info);
int weft_plane_get_dmabuf(struct weft_instance *inst, u32 id);
void weft_plane_revoke(struct weft_instance *inst);

#endif
