// SPDX-License-Identifier: GPL-2.0
/*
 * EDID 1.4 with a CTA-861 extension, written for a slice of VRAM.
 *
 * A logic room: plain data in and out, nothing allocated, no device touched.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "edid.h"
#include "edid_format.h"

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

static void weft_edid_seal(u8 *block)
{
	block[EDID_CHECKSUM] = 0;
	block[EDID_CHECKSUM] = -weft_edid_sum(block);
}

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
