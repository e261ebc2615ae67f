/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor - the monitor that a VMM plugs into an instance
 *
 * Holds the EDID, and speaks the layout of VFIO's EDID region
 * (struct vfio_region_gfx_edid). A logic room; the caller serialises.
 */
#ifndef WEFT_MDEV_MONITOR_H
#define WEFT_MDEV_MONITOR_H

#include <linux/types.h>

#include "edid.h"

#define WEFT_MONITOR_EDID_MAX		512
#define WEFT_MONITOR_EDID_OFFSET	0x100
#define WEFT_MONITOR_REGION_SIZE	\
	(WEFT_MONITOR_EDID_OFFSET + WEFT_MONITOR_EDID_MAX)

/**
 * struct weft_monitor - the monitor
 * @vram_bytes: what every announced mode must fit in
 * @max: largest resolution
 * @connected: link state; the guest sees the EDID only while it is up
 * @size: bytes of @edid that are valid
 * @edid: the EDID, zero after @size
 */
struct weft_monitor {
	u64 vram_bytes;
	struct weft_mode max;
	bool connected;
	u32 size;
	u8 edid[WEFT_MONITOR_EDID_MAX];
};

int weft_monitor_init(struct weft_monitor *monitor, u64 vram_bytes,
		      const struct weft_mode *max);
int weft_monitor_region_read(const struct weft_monitor *monitor, u32 offset,
			     u8 *buf, size_t len);
int weft_monitor_region_write(struct weft_monitor *monitor, u32 offset,
			      const u8 *buf, size_t len, const char **why);
void weft_monitor_guest_read(const struct weft_monitor *monitor, u32 offset,
			     u8 *buf, size_t len);

#endif
