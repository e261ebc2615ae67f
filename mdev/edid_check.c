// SPDX-License-Identifier: GPL-2.0
/*
 * The check of an EDID that QEMU or a user brings.
 *
 * A logic room: plain data in and out, nothing allocated, no device touched.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "edid.h"
#include "edid_format.h"

/* The bits of bytes 35 to 37, the high bit of the first byte first. */
static const struct weft_mode weft_established[] = {
	{  720, 400 }, {  720, 400 }, { 640, 480 }, {  640, 480 },
	{  640, 480 }, {  640, 480 }, { 800, 600 }, {  800, 600 },
	{  800, 600 }, {  800, 600 }, { 832, 624 }, { 1024, 768 },
	{ 1024, 768 }, { 1024, 768 }, { 1024, 768 }, { 1280, 1024 },
	{ 1152, 870 },
};

/* The same for the six bytes of an "established timings III" descriptor. */
static const struct weft_mode weft_established3[] = {
	{  640,  350 }, {  640,  400 }, {  720,  400 }, {  640,  480 },
	{  848,  480 }, {  800,  600 }, { 1024,  768 }, { 1152,  864 },
	{ 1280,  768 }, { 1280,  768 }, { 1280,  768 }, { 1280,  768 },
	{ 1280,  960 }, { 1280,  960 }, { 1280, 1024 }, { 1280, 1024 },
	{ 1360,  768 }, { 1440,  900 }, { 1440,  900 }, { 1440,  900 },
	{ 1440,  900 }, { 1400, 1050 }, { 1400, 1050 }, { 1400, 1050 },
	{ 1400, 1050 }, { 1680, 1050 }, { 1680, 1050 }, { 1680, 1050 },
	{ 1680, 1050 }, { 1600, 1200 }, { 1600, 1200 }, { 1600, 1200 },
	{ 1600, 1200 }, { 1600, 1200 }, { 1792, 1344 }, { 1792, 1344 },
	{ 1856, 1392 }, { 1856, 1392 }, { 1920, 1200 }, { 1920, 1200 },
	{ 1920, 1200 }, { 1920, 1200 }, { 1920, 1440 }, { 1920, 1440 },
};

/* CTA-861 video formats up to and including @last; a zero mode is reserved. */
static const struct {
	u8 last;
	struct weft_mode mode;
} weft_vics[] = {
	{   1, {  640,  480 } }, {   3, {  720,  480 } },
	{   4, { 1280,  720 } }, {   5, { 1920, 1080 } },
	{   7, {  720,  480 } }, {   9, {  720,  240 } },
	{  11, { 2880,  480 } }, {  13, { 2880,  240 } },
	{  15, { 1440,  480 } }, {  16, { 1920, 1080 } },
	{  18, {  720,  576 } }, {  19, { 1280,  720 } },
	{  20, { 1920, 1080 } }, {  22, {  720,  576 } },
	{  24, {  720,  288 } }, {  26, { 2880,  576 } },
	{  28, { 2880,  288 } }, {  30, { 1440,  576 } },
	{  34, { 1920, 1080 } }, {  36, { 2880,  480 } },
	{  38, { 2880,  576 } }, {  40, { 1920, 1080 } },
	{  41, { 1280,  720 } }, {  45, {  720,  576 } },
	{  46, { 1920, 1080 } }, {  47, { 1280,  720 } },
	{  51, {  720,  480 } }, {  55, {  720,  576 } },
	{  59, {  720,  480 } }, {  62, { 1280,  720 } },
	{  64, { 1920, 1080 } }, {  71, { 1280,  720 } },
	{  78, { 1920, 1080 } }, {  85, { 1680,  720 } },
	{  92, { 2560, 1080 } }, {  97, { 3840, 2160 } },
	{ 102, { 4096, 2160 } }, { 107, { 3840, 2160 } },
	{ 109, { 1280,  720 } }, { 110, { 1680,  720 } },
	{ 112, { 1920, 1080 } }, { 113, { 2560, 1080 } },
	{ 114, { 3840, 2160 } }, { 115, { 4096, 2160 } },
	{ 120, { 3840, 2160 } }, { 127, { 5120, 2160 } },
	{ 192, {    0,    0 } }, { 193, { 5120, 2160 } },
	{ 209, { 7680, 4320 } }, { 217, { 10240, 4320 } },
	{ 219, { 4096, 2160 } },
};

/*
 * Each function of this part returns NULL, or why the EDID is refused.
 *
 * The EDID may be QEMU's own: it announces whatever it knows that isn't wider
 * or taller than the limits we told it, whether or not that fits in the VRAM.
 * So what we tell has to be a rectangle that fits itself, as a type's largest
 * mode does; then QEMU is never refused.
 */
struct weft_edid_limits {
	u64 bytes;
	u16 max_xres;
	u16 max_yres;
};

static const char *weft_edid_check_mode(const struct weft_edid_limits *lim,
					u32 xres, u32 yres)
{
	if (xres > lim->max_xres || yres > lim->max_yres)
		return "a mode is larger than the type's maximum resolution";
	if (!weft_mode_fits(xres, yres, lim->bytes))
		return "a mode takes more VRAM than the instance has";
	return NULL;
}

/* A bitmap of modes, the high bit of the first byte first. */
static const char *weft_edid_check_bits(const struct weft_edid_limits *lim,
					const u8 *bits,
					const struct weft_mode *modes, size_t n)
{
	const char *why;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!(bits[i / 8] & 0x80 >> i % 8))
			continue;
		why = weft_edid_check_mode(lim, modes[i].xres, modes[i].yres);
		if (why)
			return why;
	}
	return NULL;
}

static const char *weft_edid_check_standard(const struct weft_edid_limits *lim,
					    const u8 *d, size_t n, u8 revision)
{
	const char *why;
	u32 xres, yres;

	for (; n > 0; n--, d += 2) {
		if (d[0] == 0x01 && d[1] == 0x01)
			continue;
		if (d[0] == 0x00)
			return "a standard timing is malformed";
		xres = (d[0] + 31) * 8;
		switch (d[1] >> 6) {
		case 0:	/* square until EDID 1.3 gave it another meaning */
			yres = revision < 3 ? xres : xres * 10 / 16;
			break;
		case 1:
			yres = xres * 3 / 4;
			break;
		case 2:
			yres = xres * 4 / 5;
			break;
		default:
			yres = xres * 9 / 16;
			break;
		}
		why = weft_edid_check_mode(lim, xres, yres);
		if (why)
			return why;
	}
	return NULL;
}

static const char *weft_edid_check_cvt(const struct weft_edid_limits *lim,
				       const u8 *d)
{
	static const u8 ratio[4][2] = {
		{ 4, 3 }, { 16, 9 }, { 16, 10 }, { 15, 9 }
	};
	const char *why;
	u32 xres, yres;
	int i, r;

	for (i = 0; i < 4; i++, d += 3) {
		if (!d[0] && !d[1] && !d[2])
			continue;
		r = d[1] >> 2 & 3;
		yres = ((d[0] | (d[1] & 0xf0) << 4) + 1) * 2;
		xres = yres * ratio[r][0] / ratio[r][1] / 8 * 8;
		why = weft_edid_check_mode(lim, xres, yres);
		if (why)
			return why;
	}
	return NULL;
}

static const char *weft_edid_check_detailed(const struct weft_edid_limits *lim,
					    const u8 *d)
{
	u32 xres = d[2] | (d[4] & 0xf0) << 4;
	u32 yres = d[5] | (d[7] & 0xf0) << 4;

	if (!xres || !yres)
		return "a detailed timing is malformed";
	if (d[17] & 0x80)		/* interlaced: lines of one field */
		yres *= 2;
	return weft_edid_check_mode(lim, xres, yres);
}

static const char *weft_edid_check_base(const struct weft_edid_limits *lim,
					const u8 *base)
{
	const u8 *d = base + EDID_DESCRIPTORS;
	const char *why;
	int i;

	why = weft_edid_check_bits(lim, base + EDID_ESTABLISHED,
				   weft_established,
				   ARRAY_SIZE(weft_established));
	if (!why)
		why = weft_edid_check_standard(lim, base + EDID_STANDARD,
					       EDID_N_STANDARD,
					       base[EDID_REVISION]);
	for (i = 0; !why && i < EDID_N_DESCRIPTORS; i++, d += EDID_DESC_SIZE) {
		if (weft_edid_le16(d))
			why = weft_edid_check_detailed(lim, d);
		else if (d[3] == EDID_TAG_STANDARD)
			why = weft_edid_check_standard(lim, d + 5, 6,
						       base[EDID_REVISION]);
		else if (d[3] == EDID_TAG_CVT)
			why = weft_edid_check_cvt(lim, d + 6);
		else if (d[3] == EDID_TAG_ESTABLISHED3)
			why = weft_edid_check_bits(lim, d + 6, weft_established3,
						   ARRAY_SIZE(weft_established3));
	}
	return why;
}

static const char *weft_edid_check_vics(const struct weft_edid_limits *lim,
					const u8 *svd, size_t n)
{
	const char *why;
	size_t i;
	u8 vic;

	for (; n > 0; n--, svd++) {
		/* Up to 64 the high bit says "native", above it is a number. */
		vic = *svd > 128 && *svd <= 192 ? *svd & 0x7f : *svd;
		for (i = 0; i < ARRAY_SIZE(weft_vics); i++)
			if (vic <= weft_vics[i].last)
				break;
		if (!vic || i == ARRAY_SIZE(weft_vics) ||
		    !weft_vics[i].mode.xres)
			return "a video data block has a reserved format";
		why = weft_edid_check_mode(lim, weft_vics[i].mode.xres,
					   weft_vics[i].mode.yres);
		if (why)
			return why;
	}
	return NULL;
}

/*
 * The detailed timings and the video data blocks.  Modes which vendors put in
 * blocks of their own aren't looked for: what a guest chooses from those is
 * held to its slice by the display registers, as any other mode is.
 */
static const char *weft_edid_check_cta(const struct weft_edid_limits *lim,
				       const u8 *cta)
{
	u32 end = cta[CTA_DTD_OFFSET];
	const char *why = NULL;
	u32 at, n;

	if (!end)
		return NULL;	/* neither data blocks nor timings */
	if (end < CTA_BLOCKS || end > EDID_CHECKSUM)
		return "a CTA extension's timings are outside the block";

	/* Before revision 3 there were no data blocks. */
	for (at = CTA_BLOCKS; cta[CTA_REVISION] >= 3 && at < end; at += 1 + n) {
		n = cta[at] & 0x1f;
		if (at + 1 + n > end)
			return "a CTA extension's data blocks are malformed";
		if (cta[at] >> 5 == CTA_TAG_VIDEO)
			why = weft_edid_check_vics(lim, cta + at + 1, n);
		else if (cta[at] >> 5 == CTA_TAG_EXTENDED && n > 0 &&
			 cta[at + 1] == CTA_EXT_VIDEO_420)
			why = weft_edid_check_vics(lim, cta + at + 2, n - 1);
		if (why)
			return why;
	}

	for (at = end; at + EDID_DESC_SIZE <= EDID_CHECKSUM; at += EDID_DESC_SIZE) {
		if (!weft_edid_le16(cta + at))
			break;
		why = weft_edid_check_detailed(lim, cta + at);
		if (why)
			return why;
	}
	return NULL;
}

/*
 * The detailed timings of DisplayID 1.3 (type I) and 2.0 (type VII), which have
 * sizes in the same places. QEMU puts there what has too high a clock for an
 * EDID's own.
 */
static const char *weft_edid_check_displayid(const struct weft_edid_limits *lim,
					     const u8 *ext)
{
	u32 end = DISPLAYID_BLOCKS + ext[DISPLAYID_LENGTH];
	const char *why;
	u32 at, n, i;

	if (end >= EDID_CHECKSUM)
		return "a DisplayID extension is longer than its block";
	for (at = DISPLAYID_BLOCKS; at < end; at += 3 + n) {
		if (at + 3 > end)
			return ext[at] ? "a DisplayID block is malformed" : NULL;
		n = ext[at + 2];
		if (at + 3 + n > end)
			return "a DisplayID block is malformed";
		if (ext[at] != DISPLAYID_TAG_TYPE1 &&
		    ext[at] != DISPLAYID_TAG_TYPE7)
			continue;
		for (i = 0; i + DISPLAYID_TIMING_SIZE <= n;
		     i += DISPLAYID_TIMING_SIZE) {
			const u8 *d = ext + at + 3 + i;
			u32 xres = weft_edid_le16(d + 4) + 1;
			u32 yres = weft_edid_le16(d + 12) + 1;

			why = weft_edid_check_mode(lim, xres, yres);
			if (why)
				return why;
		}
	}
	return NULL;
}

static const char *weft_edid_check_all(const struct weft_edid_limits *lim,
				       const u8 *buf, size_t len)
{
	const char *why;
	size_t at;

	if (len < WEFT_EDID_BLOCK || len % WEFT_EDID_BLOCK)
		return "the length is not a multiple of 128";
	if (memcmp(buf, weft_edid_header, sizeof(weft_edid_header)))
		return "the header is not that of an EDID";
	if (buf[EDID_VERSION] != 1 || buf[EDID_REVISION] > 4)
		return "the version is not 1.0 to 1.4";
	if (len != (buf[EDID_EXTENSIONS] + 1) * (size_t)WEFT_EDID_BLOCK)
		return "the length does not match the number of extensions";
	for (at = 0; at < len; at += WEFT_EDID_BLOCK)
		if (weft_edid_sum(buf + at))
			return "a checksum is wrong";

	why = weft_edid_check_base(lim, buf);
	for (at = WEFT_EDID_BLOCK; !why && at < len; at += WEFT_EDID_BLOCK) {
		switch (buf[at]) {
		case EDID_EXT_CTA:
			why = weft_edid_check_cta(lim, buf + at);
			break;
		case EDID_EXT_DISPLAYID:
			why = weft_edid_check_displayid(lim, buf + at);
			break;
		case EDID_EXT_MAP:
			break;
		default:
			why = "an extension block is of an unknown kind";
			break;
		}
	}
	return why;
}

int weft_edid_check(const u8 *buf, size_t len, u64 bytes,
		    u16 max_xres, u16 max_yres, const char **why)
{
	const struct weft_edid_limits lim = {
		.bytes = bytes,
		.max_xres = max_xres,
		.max_yres = max_yres,
	};

	*why = weft_edid_check_all(&lim, buf, len);
	return *why ? -EINVAL : 0;
}
