/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The monitor behind a vGPU: which modes fit a slice of VRAM, the EDID which
 * says so to the guest, and the check of an EDID somebody else wrote.
 */
#ifndef WEFT_EDID_H
#define WEFT_EDID_H

#include <linux/types.h>

#define WEFT_EDID_BLOCK	128
#define WEFT_EDID_SIZE	256	/* the base block and one CTA-861 extension */

struct weft_mode {
	u16 xres;
	u16 yres;
};

/*
 * The largest mode we know, at 32 bits per pixel, in @bytes of VRAM.  All the
 * modes weft_edid_generate() announces are inside this rectangle, but for @pref.
 */
bool weft_mode_largest(u64 bytes, struct weft_mode *mode);

/*
 * Write the EDID of a monitor all of whose modes fit in @bytes of VRAM.  @pref
 * may be NULL: the largest mode up to 1920x1080 is preferred then.
 *
 * Returns the length (128 or 256), -ENOSPC where @size is too small for it, or
 * -EINVAL where no mode fits or @pref doesn't fit or cannot be described.
 */
int weft_edid_generate(u8 *buf, size_t size, u64 bytes,
		       const struct weft_mode *pref, u32 serial);

/*
 * Is this EDID well formed, and does each mode it announces fit in @bytes of
 * VRAM and in @max_xres x @max_yres?  Returns 0, or -EINVAL with the reason
 * in *@why, which is a constant string.
 */
int weft_edid_check(const u8 *buf, size_t len, u64 bytes,
		    u16 max_xres, u16 max_yres, const char **why);

#endif /* WEFT_EDID_H */
