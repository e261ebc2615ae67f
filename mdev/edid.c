// SPDX-License-Identifier: GPL-2.0
/*
 * EDID 1.4 with a CTA-861 extension: written for a slice of VRAM, and checked
 * when QEMU or a user brings one.
 *
 * A logic room: plain data in and out, nothing allocated, no device touched.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "edid.h"

/* Offsets in the base block. */
#define EDID_VENDOR		8
#define EDID_PRODUCT		10
#define EDID_WEEK		16
#define EDID_YEAR		17
#define EDID_VERSION		18
#define EDID_REVISION		19
#define EDID_INPUT		20
#define EDID_WIDTH_CM		21
#define EDID_HEIGHT_CM		22
#define EDID_GAMMA		23
#define EDID_FEATURES		24
#define EDID_CHROMA		25
#define EDID_ESTABLISHED	35
#define EDID_STANDARD		38
#define EDID_DESCRIPTORS	54
#define EDID_EXTENSIONS		126
#define EDID_CHECKSUM		127

#define EDID_N_STANDARD		8
#define EDID_N_DESCRIPTORS	4
#define EDID_DESC_SIZE		18

/* Tags of the descriptors that aren't timings. */
#define EDID_TAG_SERIAL		0xff
#define EDID_TAG_RANGE		0xfd
#define EDID_TAG_NAME		0xfc
#define EDID_TAG_STANDARD	0xfa
#define EDID_TAG_CVT		0xf8
#define EDID_TAG_ESTABLISHED3	0xf7
#define EDID_TAG_DUMMY		0x10

/* Extension blocks. */
#define EDID_EXT_CTA		0x02
#define EDID_EXT_DISPLAYID	0x70
#define EDID_EXT_MAP		0xf0

#define CTA_REVISION		1
#define CTA_DTD_OFFSET		2
#define CTA_FLAGS		3
#define CTA_BLOCKS		4
#define CTA_TAG_VIDEO		2
#define CTA_TAG_EXTENDED	7
#define CTA_EXT_VIDEO_420	14

#define DISPLAYID_LENGTH	2
#define DISPLAYID_BLOCKS	5
#define DISPLAYID_TAG_TYPE1	0x03
#define DISPLAYID_TAG_TYPE7	0x22
#define DISPLAYID_TIMING_SIZE	20

static const u8 weft_edid_header[8] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00
};

/* By the VRAM they take, least first. */
static const struct weft_mode weft_modes[] = {
	{  640,  480 },
	{  800,  600 },
	{ 1024,  768 },
	{ 1280,  720 },
	{ 1280,  800 },
	{ 1440,  900 },
	{ 1280, 1024 },
	{ 1600,  900 },
	{ 1680, 1050 },
	{ 1920, 1080 },
	{ 1920, 1200 },
	{ 2048, 1152 },
	{ 2560, 1440 },
	{ 2560, 1600 },
	{ 3840, 2160 },
};

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

static bool weft_mode_fits(u32 xres, u32 yres, u64 bytes)
{
	return (u64)xres * yres * 4 <= bytes;
}

static bool weft_mode_within(u64 bytes, u16 max_xres, u16 max_yres,
			     struct weft_mode *mode)
{
	size_t i;

	for (i = ARRAY_SIZE(weft_modes); i > 0; i--) {
		const struct weft_mode *m = &weft_modes[i - 1];

		if (m->xres > max_xres || m->yres > max_yres ||
		    !weft_mode_fits(m->xres, m->yres, bytes))
			continue;
		*mode = *m;
		return true;
	}
	return false;
}

bool weft_mode_largest(u64 bytes, struct weft_mode *mode)
{
	return weft_mode_within(bytes, U16_MAX, U16_MAX, mode);
}

static u16 weft_edid_le16(const u8 *p)
{
	return p[0] | p[1] << 8;
}

static u8 weft_edid_sum(const u8 *block)
{
	u8 sum = 0;
	int i;

	for (i = 0; i < WEFT_EDID_BLOCK; i++)
		sum += block[i];
	return sum;
}

static void weft_edid_seal(u8 *block)
{
	block[EDID_CHECKSUM] = 0;
	block[EDID_CHECKSUM] = -weft_edid_sum(block);
}

/* ---- writing ---- */

struct weft_timing {
	u32 clock;		/* in units of 10 kHz */
	u32 hblank, hfront, hsync;
	u32 vblank, vfront, vsync;
};

static bool weft_edid_has_aspect(u32 xres, u32 yres, u32 w, u32 h)
{
	return xres * h == yres * w;
}

/*
 * VESA's coordinated video timings 1.1 with reduced blanking, at 60 Hz, section
 * 5 of the standard: at least 460 us of vertical blanking, 160 pixels of
 * horizontal blanking, a front porch of 3 lines, at least 6 lines of back porch
 * and a clock in steps of 250 kHz.
 */
static void weft_edid_cvt(u16 xres, u16 yres, struct weft_timing *t)
{
	u32 lines;

	/* The width of the vertical sync tells the aspect ratio. */
	if (weft_edid_has_aspect(xres, yres, 4, 3))
		t->vsync = 4;
	else if (weft_edid_has_aspect(xres, yres, 16, 9))
		t->vsync = 5;
	else if (weft_edid_has_aspect(xres, yres, 16, 10))
		t->vsync = 6;
	else if (weft_edid_has_aspect(xres, yres, 5, 4) ||
		 weft_edid_has_aspect(xres, yres, 15, 9))
		t->vsync = 7;
	else
		t->vsync = 10;

	t->hblank = 160;
	t->hfront = 48;
	t->hsync = 32;
	t->vfront = 3;

	/* A line lasts (1 s / 60 - 460 us) / yres: how many of them are 460 us? */
	lines = 460 * 60 * (u32)yres / (1000000 - 460 * 60) + 1;
	t->vblank = max(lines, t->vfront + t->vsync + 6);
	t->clock = 60 * (xres + t->hblank) * (yres + t->vblank) / 250000 * 25;
}

/* At 96 dots per inch. */
static u32 weft_edid_mm(u16 pixels)
{
	return pixels * 254u / 960;
}

/* Each has the size of the one screen, which is that of its preferred mode. */
static void weft_edid_put_detailed(u8 *d, const struct weft_mode *mode,
				   const struct weft_mode *pref)
{
	u32 width = weft_edid_mm(pref->xres);
	u32 height = weft_edid_mm(pref->yres);
	struct weft_timing t;

	weft_edid_cvt(mode->xres, mode->yres, &t);
	d[0] = t.clock;
	d[1] = t.clock >> 8;
	d[2] = mode->xres;
	d[3] = t.hblank;
	d[4] = mode->xres >> 8 << 4 | t.hblank >> 8;
	d[5] = mode->yres;
	d[6] = t.vblank;
	d[7] = mode->yres >> 8 << 4 | t.vblank >> 8;
	d[8] = t.hfront;
	d[9] = t.hsync;
	d[10] = t.vfront << 4 | (t.vsync & 0xf);
	d[11] = t.vsync >> 4;
	d[12] = width;
	d[13] = height;
	d[14] = width >> 8 << 4 | height >> 8;
	d[15] = 0;		/* no borders */
	d[16] = 0;
	d[17] = 0x1a;		/* separate syncs, horizontal positive */
}

static void weft_edid_put_text(u8 *d, u8 tag, const char *text)
{
	size_t len = strlen(text);

	memset(d, 0, 5);
	d[3] = tag;
	memset(d + 5, ' ', 13);
	memcpy(d + 5, text, len);
	if (len < 13)
		d[5 + len] = '\n';
}

/*
 * Wide enough for each of the modes with the blanking of any of the VESA
 * standards, and no wider than that needs.
 */
static void weft_edid_put_range(u8 *d, u32 least_yres, u32 most_yres, u32 area)
{
	memset(d, 0, 5);
	d[3] = EDID_TAG_RANGE;
	d[5] = 50;				/* Hz, vertical */
	d[6] = 75;
	d[7] = least_yres * 60 / 1000;		/* kHz, horizontal */
	d[8] = most_yres * 66 / 1000 + 1;
	d[9] = area * 87 / 10000000 + 1;	/* 10 MHz */
	d[10] = 0x01;				/* the limits, and no formula */
	d[11] = '\n';
	memset(d + 12, ' ', 6);
}

/* A standard timing at 60 Hz: two bytes, for some widths and aspect ratios. */
static bool weft_edid_put_standard(u8 *d, const struct weft_mode *mode)
{
	u8 aspect;

	if (mode->xres < 256 || mode->xres > 2288 || mode->xres % 8)
		return false;
	if (weft_edid_has_aspect(mode->xres, mode->yres, 16, 10))
		aspect = 0;
	else if (weft_edid_has_aspect(mode->xres, mode->yres, 4, 3))
		aspect = 1;
	else if (weft_edid_has_aspect(mode->xres, mode->yres, 5, 4))
		aspect = 2;
	else if (weft_edid_has_aspect(mode->xres, mode->yres, 16, 9))
		aspect = 3;
	else
		return false;
	d[0] = mode->xres / 8 - 31;
	d[1] = aspect << 6;
	return true;
}

static bool weft_edid_put_established(u8 *base, const struct weft_mode *mode)
{
	switch (mode->xres << 16 | mode->yres) {
	case 640 << 16 | 480:
		base[EDID_ESTABLISHED] |= 0x20;
		return true;
	case 800 << 16 | 600:
		base[EDID_ESTABLISHED] |= 0x01;
		return true;
	case 1024 << 16 | 768:
		base[EDID_ESTABLISHED + 1] |= 0x08;
		return true;
	}
	return false;
}

static void weft_edid_put_identity(u8 *base, const struct weft_mode *pref)
{
	/* The sRGB primaries and white point, ten bits each. */
	static const u8 chroma[10] = {
		0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54
	};
	u16 vendor = ('W' - '@') << 10 | ('F' - '@') << 5 | ('T' - '@');

	memcpy(base, weft_edid_header, sizeof(weft_edid_header));
	base[EDID_VENDOR] = vendor >> 8;
	base[EDID_VENDOR + 1] = vendor & 0xff;
	base[EDID_PRODUCT] = 1;
	base[EDID_WEEK] = 0xff;			/* the year is the model's */
	base[EDID_YEAR] = 2026 - 1990;
	base[EDID_VERSION] = 1;
	base[EDID_REVISION] = 4;
	base[EDID_INPUT] = 0xa0;		/* digital, 8 bits a colour */
	base[EDID_WIDTH_CM] = max(1u, weft_edid_mm(pref->xres) / 10);
	base[EDID_HEIGHT_CM] = max(1u, weft_edid_mm(pref->yres) / 10);
	base[EDID_GAMMA] = 220 - 100;
	base[EDID_FEATURES] = 0x06;		/* sRGB, preferred is native */
	memcpy(base + EDID_CHROMA, chroma, sizeof(chroma));
}

/* As a text; the binary serial number then stays zero, as CTA-861 wants it. */
static void weft_edid_put_serial(u8 *d, u32 serial)
{
	static const char digits[] = "0123456789abcdef";
	char text[9];
	int i;

	if (!serial) {
		d[3] = EDID_TAG_DUMMY;
		return;
	}
	for (i = 0; i < 8; i++)
		text[i] = digits[serial >> (28 - 4 * i) & 0xf];
	text[8] = '\0';
	weft_edid_put_text(d, EDID_TAG_SERIAL, text);
}

/*
 * The start of a CTA-861 extension: all its pixels are seen (underscan), and of
 * data blocks only the one which says that of the rest, and that the source
 * may choose between full and limited range.
 */
static u8 *weft_edid_put_cta(u8 *cta)
{
	cta[0] = EDID_EXT_CTA;
	cta[CTA_REVISION] = 3;
	cta[CTA_DTD_OFFSET] = CTA_BLOCKS + 3;
	cta[CTA_FLAGS] = 0x80;
	cta[CTA_BLOCKS] = CTA_TAG_EXTENDED << 5 | 2;
	cta[CTA_BLOCKS + 1] = 0;	/* video capabilities */
	cta[CTA_BLOCKS + 2] = 0x4a;
	return cta + CTA_BLOCKS + 3;
}

/* What a detailed timing can hold: 12 bits of size, 16 bits of clock. */
static bool weft_edid_can_detail(const struct weft_mode *mode)
{
	struct weft_timing t;

	if (mode->xres < 64 || mode->xres > 4095 || mode->xres % 8 ||
	    mode->yres < 64 || mode->yres > 4095)
		return false;
	weft_edid_cvt(mode->xres, mode->yres, &t);
	return t.clock <= U16_MAX;
}

static bool weft_edid_choose(u64 bytes, const struct weft_mode *wish,
			     struct weft_mode *pref)
{
	if (!wish)
		return weft_mode_within(bytes, 1920, 1080, pref);
	*pref = *wish;
	return weft_edid_can_detail(pref) &&
	       weft_mode_fits(pref->xres, pref->yres, bytes);
}

int weft_edid_generate(u8 *buf, size_t size, u64 bytes,
		       const struct weft_mode *pref, u32 serial)
{
	struct weft_mode most = {}, first;
	u8 out[WEFT_EDID_SIZE] = {};
	u8 *base = out, *cta = out + WEFT_EDID_BLOCK;
	u8 *standard = base + EDID_STANDARD;
	u8 *detail = weft_edid_put_cta(cta);
	u8 *desc = base + EDID_DESCRIPTORS;
	u32 len = WEFT_EDID_BLOCK;
	u32 least, tallest, area;
	size_t i;

	if (!weft_edid_choose(bytes, pref, &first))
		return -EINVAL;

	weft_edid_put_identity(base, &first);
	memset(standard, 0x01, 2 * EDID_N_STANDARD);
	least = first.yres;
	tallest = first.yres;
	area = first.xres * first.yres;

	/*
	 * Where a mode is announced: the three oldest by a bit, then by a
	 * standard timing as long as there is room, then by a detailed timing
	 * in the extension.  There the table has five modes at most: the three
	 * too wide for a standard timing and what the eight don't hold.
	 */
	weft_mode_largest(bytes, &most);
	for (i = 0; i < ARRAY_SIZE(weft_modes); i++) {
		const struct weft_mode *m = &weft_modes[i];

		if (m->xres > most.xres || m->yres > most.yres)
			continue;	/* all inside the largest fit, too */
		least = min_t(u32, least, m->yres);
		tallest = max_t(u32, tallest, m->yres);
		area = max_t(u32, area, m->xres * m->yres);
		if (weft_edid_put_established(base, m))
			continue;
		if (m->xres == first.xres && m->yres == first.yres)
			continue;
		if (standard < base + EDID_DESCRIPTORS &&
		    weft_edid_put_standard(standard, m)) {
			standard += 2;
			continue;
		}
		weft_edid_put_detailed(detail, m, &first);
		detail += EDID_DESC_SIZE;
		len = WEFT_EDID_SIZE;
	}

	weft_edid_put_detailed(desc, &first, &first);
	weft_edid_put_range(desc + EDID_DESC_SIZE, least, tallest, area);
	weft_edid_put_text(desc + 2 * EDID_DESC_SIZE, EDID_TAG_NAME, "weft vGPU");
	weft_edid_put_serial(desc + 3 * EDID_DESC_SIZE, serial);

	if (size < len)
		return -ENOSPC;
	if (len > WEFT_EDID_BLOCK) {
		base[EDID_EXTENSIONS] = 1;
		weft_edid_seal(cta);
	}
	weft_edid_seal(base);
	memcpy(buf, out, len);
	return len;
}

/* ---- checking ---- */

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
