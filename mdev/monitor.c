// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor - the monitor that a VMM plugs into an instance
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/vfio.h>

#include "monitor.h"

/**
 * weft_monitor_init - connect a monitor with a generated EDID
 * @monitor: filled in
 * @vram_bytes: VRAM of the instance
 * @max: largest resolution of the instance's type
 *
 * Return: 0, or what weft_edid_generate() refused with.
 */
int weft_monitor_init(struct weft_monitor *monitor, u64 vram_bytes,
		      const struct weft_mode *max)
{
	struct weft_mode pref;
	int ret;

	memset(monitor, 0, sizeof(*monitor));
	/*
	 * Preferred is what a guest can flip between two buffers of: bochs-drm
	 * drops all that needs more than half of the VRAM, and a monitor whose
	 * preferred mode it dropped would have none. At most 1920x1080.
	 */
	if (!weft_mode_largest(min_t(u64, vram_bytes / 2, SZ_8M), &pref))
		return -EINVAL;

	monitor->vram_bytes = vram_bytes;
	monitor->max = *max;
	ret = weft_edid_generate(monitor->edid, sizeof(monitor->edid),
				 vram_bytes, &pref, 0);
	if (ret < 0)
		return ret;
	monitor->size = ret;
	monitor->connected = true;
	return 0;
}

static struct vfio_region_gfx_edid header_of(const struct weft_monitor *monitor)
{
	return (struct vfio_region_gfx_edid) {
		.edid_offset = WEFT_MONITOR_EDID_OFFSET,
		.edid_max_size = WEFT_MONITOR_EDID_MAX,
		.edid_size = monitor->size,
		.max_xres = monitor->max.xres,
		.max_yres = monitor->max.yres,
		.link_state = monitor->connected ?
			      VFIO_DEVICE_GFX_LINK_STATE_UP :
			      VFIO_DEVICE_GFX_LINK_STATE_DOWN,
	};
}

/* Copy what [offset, offset + len) shares with @src, which begins at @start. */
static void overlay(u8 *buf, u32 offset, size_t len, const void *src, u32 start,
		    u32 size)
{
	u32 from = max(offset, start);
	u32 to = min_t(u32, offset + len, start + size);

	if (from < to)
		memcpy(buf + (from - offset), src + (from - start), to - from);
}

/**
 * weft_monitor_region_read - the VMM reads the EDID region
 * @monitor: the monitor
 * @offset: in the region
 * @buf: filled in
 * @len: bytes; any size, any alignment
 *
 * Return: 0; -EINVAL when the range does not lie in the region.
 */
int weft_monitor_region_read(const struct weft_monitor *monitor, u32 offset,
			     u8 *buf, size_t len)
{
	struct vfio_region_gfx_edid header = header_of(monitor);

	if (offset > WEFT_MONITOR_REGION_SIZE ||
	    len > WEFT_MONITOR_REGION_SIZE - offset)
		return -EINVAL;
	memset(buf, 0, len);
	overlay(buf, offset, len, &header, 0, sizeof(header));
	overlay(buf, offset, len, monitor->edid, WEFT_MONITOR_EDID_OFFSET,
		WEFT_MONITOR_EDID_MAX);
	return 0;
}

static int set_link(struct weft_monitor *monitor, u32 state, const char **why)
{
	int ret;

	switch (state) {
	case VFIO_DEVICE_GFX_LINK_STATE_DOWN:
		monitor->connected = false;
		return 0;
	case VFIO_DEVICE_GFX_LINK_STATE_UP:
		ret = weft_edid_check(monitor->edid, monitor->size,
				      monitor->vram_bytes, monitor->max.xres,
				      monitor->max.yres, why);
		if (!ret)
			monitor->connected = true;
		return ret;
	default:
		*why = "link_state is neither up (1) nor down (2)";
		return -EINVAL;
	}
}

static int set_size(struct weft_monitor *monitor, u32 size, const char **why)
{
	if (monitor->connected) {
		*why = "the EDID changes only while link_state is down";
		return -EBUSY;
	}
	if (size > WEFT_MONITOR_EDID_MAX) {
		*why = "edid_size is above edid_max_size";
		return -EINVAL;
	}
	monitor->size = size;
	memset(monitor->edid + size, 0, sizeof(monitor->edid) - size);
	return 0;
}

/**
 * weft_monitor_region_write - the VMM writes the EDID region
 * @monitor: the monitor
 * @offset: in the region
 * @buf: what to write
 * @len: bytes; 4 for a field of the header, any for the EDID itself
 * @why: set to a reason when the write is refused
 *
 * Follows the update protocol of <linux/vfio.h>: link down, EDID and size,
 * link up; the EDID is checked when the link goes up.
 *
 * Return: 0; -EINVAL or -EBUSY with nothing changed.
 */
int weft_monitor_region_write(struct weft_monitor *monitor, u32 offset,
			      const u8 *buf, size_t len, const char **why)
{
	u32 val;

	if (offset > WEFT_MONITOR_REGION_SIZE ||
	    len > WEFT_MONITOR_REGION_SIZE - offset) {
		*why = "the write does not lie in the EDID region";
		return -EINVAL;
	}
	if (offset >= WEFT_MONITOR_EDID_OFFSET) {
		if (monitor->connected) {
			*why = "the EDID changes only while link_state is down";
			return -EBUSY;
		}
		memcpy(monitor->edid + (offset - WEFT_MONITOR_EDID_OFFSET), buf,
		       len);
		return 0;
	}

	if (len != sizeof(val)) {
		*why = "a field of the EDID region is 4 bytes";
		return -EINVAL;
	}
	memcpy(&val, buf, sizeof(val));
	switch (offset) {
	case offsetof(struct vfio_region_gfx_edid, edid_size):
		return set_size(monitor, val, why);
	case offsetof(struct vfio_region_gfx_edid, link_state):
		return set_link(monitor, val, why);
	default:
		*why = "this field of the EDID region is read-only";
		return -EINVAL;
	}
}

/**
 * weft_monitor_guest_read - the guest reads the EDID from BAR 2
 * @monitor: the monitor
 * @offset: in the EDID window, from its first byte
 * @buf: filled in; zero where there is no EDID, or no monitor
 * @len: bytes; any size, any alignment
 */
void weft_monitor_guest_read(const struct weft_monitor *monitor, u32 offset,
			     u8 *buf, size_t len)
{
	memset(buf, 0, len);
	if (monitor->connected)
		overlay(buf, offset, len, monitor->edid, 0, monitor->size);
}
