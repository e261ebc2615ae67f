// SPDX-License-Identifier: GPL-2.0
/*
 * The EDID that is generated, read back by a decoder of the test's own, and
 * the check of others: for each way to announce a mode, an EDID that has only
 * that mode is accepted by limits it just fits and refused by any less.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "rng.h"

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../edid.h"
#else
#include "../edid.c"
#include "../edid_check.c"
#endif

/* ---- reading back ---- */

struct decoded {
	int n;
	struct weft_mode mode[64];
};

static void decoded_add(struct decoded *dec, u32 xres, u32 yres)
{
	if (dec->n == ARRAY_SIZE(dec->mode))
		return;
	dec->mode[dec->n].xres = xres;
	dec->mode[dec->n++].yres = yres;
}

static bool decoded_has(const struct decoded *dec, u32 xres, u32 yres)
{
	int i;

	for (i = 0; i < dec->n; i++)
		if (dec->mode[i].xres == xres && dec->mode[i].yres == yres)
			return true;
	return false;
}

static u32 dtd_clock(const u8 *d)
{
	return d[0] + 256 * d[1];
}

static u32 dtd_field(const u8 *d, int low, int high, int shift)
{
	return d[low] + 256 * (d[high] >> shift & 15);
}

/* Only what the generator uses; the first mode is the preferred one. */
static void decode(const u8 *e, int len, struct decoded *dec)
{
	static const u8 tall[4][2] = { { 16, 10 }, { 4, 3 }, { 5, 4 }, { 16, 9 } };
	const u8 *d;
	int i;

	dec->n = 0;
	for (i = 0; i < 4; i++) {
		d = e + 54 + 18 * i;
		if (dtd_clock(d))
			decoded_add(dec, dtd_field(d, 2, 4, 4),
				    dtd_field(d, 5, 7, 4));
	}
	if (e[35] & 0x20)
		decoded_add(dec, 640, 480);
	if (e[35] & 0x01)
		decoded_add(dec, 800, 600);
	if (e[36] & 0x08)
		decoded_add(dec, 1024, 768);
	for (i = 38; i < 54; i += 2) {
		u32 x = 8 * e[i] + 248;

		if (e[i] == 1 && e[i + 1] == 1)
			continue;
		decoded_add(dec, x, x * tall[e[i + 1] >> 6][1] /
				    tall[e[i + 1] >> 6][0]);
	}
	if (len < 256)
		return;
	for (d = e + 128 + e[130]; d + 18 < e + 256 && dtd_clock(d); d += 18)
		decoded_add(dec, dtd_field(d, 2, 4, 4), dtd_field(d, 5, 7, 4));
}

/* Bytes 0 to 127 of each block add up to nothing, modulo 256. */
static bool sums_to_zero(const u8 *e, int len)
{
	u32 sum = 0;
	int i;

	for (i = 0; i < len; i++) {
		sum += e[i];
		if (i % 128 == 127 && sum % 256)
			return false;
	}
	return true;
}

static u64 need(u32 xres, u32 yres)
{
	return 4ULL * xres * yres;
}

/* ---- the table ---- */

static const struct weft_mode asked_for[] = {
	{ 640, 480 }, { 800, 600 }, { 1024, 768 }, { 1280, 720 },
	{ 1280, 800 }, { 1280, 1024 }, { 1440, 900 }, { 1600, 900 },
	{ 1680, 1050 }, { 1920, 1080 }, { 1920, 1200 }, { 2048, 1152 },
	{ 2560, 1440 }, { 2560, 1600 }, { 3840, 2160 },
};

static void edid_largest_is_exact(struct kunit *test)
{
	struct weft_mode mode, less;
	int i;

	for (i = 0; i < ARRAY_SIZE(asked_for); i++) {
		u64 bytes = need(asked_for[i].xres, asked_for[i].yres);

		KUNIT_ASSERT_TRUE(test, weft_mode_largest(bytes, &mode));
		KUNIT_EXPECT_EQ(test, mode.xres, asked_for[i].xres);
		KUNIT_EXPECT_EQ(test, mode.yres, asked_for[i].yres);
		if (weft_mode_largest(bytes - 1, &less))
			KUNIT_EXPECT_LT(test, need(less.xres, less.yres), bytes);
		else
			KUNIT_EXPECT_EQ(test, i, 0);
	}
}

static void edid_largest_of_types(struct kunit *test)
{
	static const struct {
		u64 bytes;
		struct weft_mode mode;
	} want[] = {
		{ SZ_2M, { 800, 600 } }, { SZ_4M, { 1280, 800 } },
		{ SZ_8M, { 1920, 1080 } }, { SZ_16M, { 2560, 1600 } },
		{ SZ_32M, { 3840, 2160 } }, { SZ_64M, { 3840, 2160 } },
		{ SZ_512M, { 3840, 2160 } }, { U64_MAX, { 3840, 2160 } },
	};
	struct weft_mode mode;
	int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_ASSERT_TRUE(test, weft_mode_largest(want[i].bytes, &mode));
		KUNIT_EXPECT_EQ(test, mode.xres, want[i].mode.xres);
		KUNIT_EXPECT_EQ(test, mode.yres, want[i].mode.yres);
	}
	KUNIT_EXPECT_FALSE(test, weft_mode_largest(0, &mode));
	KUNIT_EXPECT_FALSE(test, weft_mode_largest(SZ_1M, &mode));
}

/* ---- timings ---- */

/*
 * From VESA's lists (DMT and CVT with reduced blanking), in 10 kHz; and one so low
 * that the least porches are longer than the least time.
 */
static const struct timing_case {
	u16 xres, yres;
	u32 clock, htotal, vtotal, vsync;
} timings[] = {
	{  320,  240,   725,  480,  253,  4 },
	{  640,  480,  2350,  800,  494,  4 },
	{  800,  600,  3550,  960,  618,  4 },
	{ 1024,  768,  5600, 1184,  790,  4 },
	{ 1280,  768,  6825, 1440,  790,  7 },
	{ 1280,  800,  7100, 1440,  823,  6 },
	{ 1440,  900,  8875, 1600,  926,  6 },
	{ 1680, 1050, 11900, 1840, 1080,  6 },
	{ 1920, 1080, 13850, 2080, 1111,  5 },
	{ 1920, 1200, 15400, 2080, 1235,  6 },
	{ 2560, 1440, 24150, 2720, 1481,  5 },
	{ 2560, 1600, 26850, 2720, 1646,  6 },
	{ 3840, 2160, 53325, 4000, 2222,  5 },
};

static void timing_name(const struct timing_case *t, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%ux%u", t->xres, t->yres);
}

KUNIT_ARRAY_PARAM(timing, timings, timing_name);

static void edid_detailed_is_cvt(struct kunit *test)
{
	const struct timing_case *t = test->param_value;
	const struct weft_mode mode = { t->xres, t->yres };
	u8 e[WEFT_EDID_SIZE];
	const u8 *d = e + 54;

	KUNIT_ASSERT_GT(test, weft_edid_generate(e, sizeof(e), SZ_64M, &mode, 0),
			0);
	KUNIT_EXPECT_EQ(test, dtd_clock(d), t->clock);
	KUNIT_EXPECT_EQ(test, dtd_field(d, 2, 4, 4), t->xres);
	KUNIT_EXPECT_EQ(test, dtd_field(d, 5, 7, 4), t->yres);
	KUNIT_EXPECT_EQ(test, t->xres + dtd_field(d, 3, 4, 0), t->htotal);
	KUNIT_EXPECT_EQ(test, t->yres + dtd_field(d, 6, 7, 0), t->vtotal);
	/* Front porch 48 and sync 32 pixels; 3 and some lines. */
	KUNIT_EXPECT_EQ(test, d[8], 48);
	KUNIT_EXPECT_EQ(test, d[9], 32);
	KUNIT_EXPECT_EQ(test, d[10], 3 * 16 + t->vsync);
	KUNIT_EXPECT_EQ(test, d[11], 0);
	/* 96 dots per inch, within a millimetre. */
	KUNIT_EXPECT_EQ(test, dtd_field(d, 12, 14, 4), t->xres * 254 / 960);
	KUNIT_EXPECT_EQ(test, dtd_field(d, 13, 14, 0), t->yres * 254 / 960);
	/* Not interlaced, no stereo, separate syncs, + horizontal, - vertical. */
	KUNIT_EXPECT_EQ(test, d[17], 0x1a);
}

/* ---- generating ---- */

static const u32 vram_mib[] = { 2, 4, 8, 16, 32, 64, 128, 256, 512 };

static void vram_name(const u32 *mib, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%uM", *mib);
}

KUNIT_ARRAY_PARAM(vram, vram_mib, vram_name);

static void edid_announces_what_fits(struct kunit *test)
{
	u64 bytes = *(const u32 *)test->param_value * (u64)SZ_1M;
	struct weft_mode most, pref = {};
	struct decoded dec;
	u8 e[WEFT_EDID_SIZE];
	const char *why;
	int len, i, first = 0;

	len = weft_edid_generate(e, sizeof(e), bytes, NULL, 0);
	KUNIT_ASSERT_TRUE(test, len == 128 || len == 256);
	KUNIT_EXPECT_EQ(test, e[126], len / 128 - 1);
	KUNIT_EXPECT_TRUE(test, sums_to_zero(e, len));
	KUNIT_EXPECT_EQ(test, e[18], 1);
	KUNIT_EXPECT_EQ(test, e[19], 4);

	decode(e, len, &dec);
	for (i = 0; i < dec.n; i++)
		KUNIT_EXPECT_LE(test, need(dec.mode[i].xres, dec.mode[i].yres),
				bytes);
	for (i = 0; i < ARRAY_SIZE(asked_for); i++) {
		u32 x = asked_for[i].xres, y = asked_for[i].yres;

		KUNIT_EXPECT_EQ_MSG(test, decoded_has(&dec, x, y),
				    need(x, y) <= bytes, "%ux%u", x, y);
		if (x <= 1920 && y <= 1080 && need(x, y) <= bytes &&
		    need(x, y) > need(pref.xres, pref.yres))
			pref = asked_for[i];
	}
	KUNIT_EXPECT_EQ(test, dec.mode[0].xres, pref.xres);
	KUNIT_EXPECT_EQ(test, dec.mode[0].yres, pref.yres);
	/* Once, unless it is one of the three oldest, which have a bit. */
	for (i = 0; i < dec.n; i++)
		first += dec.mode[i].xres == pref.xres && dec.mode[i].yres == pref.yres;
	KUNIT_EXPECT_EQ(test, first, need(pref.xres, pref.yres) > need(1024, 768) ? 1 : 2);

	KUNIT_ASSERT_TRUE(test, weft_mode_largest(bytes, &most));
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, bytes, most.xres,
					      most.yres, &why), 0);
	KUNIT_EXPECT_NULL(test, why);
}

static void edid_names_itself(struct kunit *test)
{
	u8 e[WEFT_EDID_SIZE];

	KUNIT_ASSERT_EQ(test, weft_edid_generate(e, sizeof(e), SZ_4M, NULL,
						 0x1234abcd), 128);
	KUNIT_EXPECT_MEMEQ(test, e, "\0\xff\xff\xff\xff\xff\xff\0", 8);
	KUNIT_EXPECT_MEMEQ(test, e + 8, "\x5c\xd4", 2);	/* WFT, five bits each */
	KUNIT_EXPECT_MEMEQ(test, e + 12, "\0\0\0", 4);
	/* 1280x800 at 96 dots per inch, in centimetres */
	KUNIT_EXPECT_EQ(test, e[21], 33);
	KUNIT_EXPECT_EQ(test, e[22], 21);
	KUNIT_EXPECT_MEMEQ(test, e + 72, "\0\0\0\xfd\0", 5);
	KUNIT_EXPECT_MEMEQ(test, e + 90, "\0\0\0\xfc\0weft vGPU\n   ", 18);
	KUNIT_EXPECT_MEMEQ(test, e + 108, "\0\0\0\xff\0001234abcd\n    ", 18);

	KUNIT_ASSERT_EQ(test, weft_edid_generate(e, sizeof(e), SZ_4M, NULL, 0),
			128);
	KUNIT_EXPECT_MEMEQ(test, e + 108, "\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0",
			   18);
}

static void expect_range(struct kunit *test, u64 bytes, const struct weft_mode *wish)
{
	u8 e[WEFT_EDID_SIZE];
	struct decoded dec;
	int len, i;

	len = weft_edid_generate(e, sizeof(e), bytes, wish, 0);
	KUNIT_ASSERT_GT(test, len, 0);
	decode(e, len, &dec);
	for (i = 0; i < dec.n; i++) {
		u32 lines = dec.mode[i].yres;

		/* At 60 Hz, with the 3.5 % of lines that blanking takes at least. */
		KUNIT_EXPECT_LE(test, e[72 + 7] * 1000, lines * 621 / 10);
		KUNIT_EXPECT_GE(test, e[72 + 8] * 1000, lines * 621 / 10);
		KUNIT_EXPECT_GE(test, e[72 + 9] * 10000000ULL,
				60ULL * (dec.mode[i].xres + 160) * lines);
	}
	KUNIT_EXPECT_LE(test, e[72 + 5], 59);
	KUNIT_EXPECT_GE(test, e[72 + 6], 61);
	KUNIT_EXPECT_EQ(test, e[72 + 10], 1);
	/* What is unused is blank. */
	KUNIT_EXPECT_MEMEQ(test, e + 72 + 11, "\n      ", 7);
}

static void edid_range_covers_the_modes(struct kunit *test)
{
	expect_range(test, *(const u32 *)test->param_value * (u64)SZ_1M, NULL);
}

/* What is asked for may be higher, or have more pixels, than all others that fit. */
static void edid_range_covers_what_is_asked(struct kunit *test)
{
	static const struct weft_mode high = { 1280, 1024 }, large = { 2560, 1432 };

	expect_range(test, need(1600, 900), &high);
	expect_range(test, need(2560, 1440) - 1, &large);
}

static void edid_prefers_what_is_asked(struct kunit *test)
{
	u8 e[WEFT_EDID_SIZE];
	struct decoded dec;
	int i, len;

	for (i = 0; i < ARRAY_SIZE(asked_for); i++) {
		len = weft_edid_generate(e, sizeof(e), SZ_64M, &asked_for[i], 0);
		KUNIT_ASSERT_EQ(test, len, 256);
		decode(e, len, &dec);
		KUNIT_EXPECT_EQ(test, dec.mode[0].xres, asked_for[i].xres);
		KUNIT_EXPECT_EQ(test, dec.mode[0].yres, asked_for[i].yres);
		/* All standard timings are used before the extension is. */
		KUNIT_EXPECT_NE(test, e[52], 1);
		/* Whatever is preferred, none of the others is lost. */
		for (len = 0; len < ARRAY_SIZE(asked_for); len++)
			KUNIT_EXPECT_TRUE(test,
					  decoded_has(&dec, asked_for[len].xres,
						      asked_for[len].yres));
	}
}

static const struct refusal {
	const char *name;
	u64 bytes;
	struct weft_mode pref;
	size_t size;
	int ret;
} refusals[] = {
	{ "no VRAM", 0, {}, 256, -EINVAL },
	{ "no mode fits", 4 * 640 * 480 - 1, {}, 256, -EINVAL },
	{ "preferred too large", SZ_4M, { 1920, 1080 }, 256, -EINVAL },
	{ "one byte short", 4 * 1920 * 1080 - 1, { 1920, 1080 }, 256, -EINVAL },
	{ "no width", SZ_16M, { 0, 480 }, 256, -EINVAL },
	{ "no height", SZ_16M, { 640, 0 }, 256, -EINVAL },
	{ "width not of cells", SZ_16M, { 1366, 768 }, 256, -EINVAL },
	{ "wider than 12 bits", SZ_512M, { 4096, 480 }, 256, -EINVAL },
	{ "higher than 12 bits", SZ_512M, { 640, 4096 }, 256, -EINVAL },
	{ "not wide enough", SZ_16M, { 56, 480 }, 256, -EINVAL },
	{ "not high enough", SZ_16M, { 640, 63 }, 256, -EINVAL },
	{ "clock above 16 bits", SZ_512M, { 4088, 4088 }, 256, -EINVAL },
	{ "no room", SZ_4M, {}, 0, -ENOSPC },
	{ "no room for one block", SZ_4M, {}, 127, -ENOSPC },
	{ "no room for the extension", SZ_64M, {}, 255, -ENOSPC },
	{ "just one block", SZ_4M, {}, 128, 128 },
	{ "just two blocks", SZ_64M, {}, 256, 256 },
	{ "as small as may be", SZ_64M, { 64, 64 }, 256, 256 },
	{ "as high as may be", SZ_64M, { 64, 4095 }, 256, 256 },
};

static void refusal_name(const struct refusal *r, char *desc)
{
	strscpy(desc, r->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusal, refusals, refusal_name);

static void edid_generate_refuses(struct kunit *test)
{
	const struct refusal *r = test->param_value;
	bool wish = r->pref.xres || r->pref.yres;
	u8 *e = kunit_kmalloc(test, r->size + 1, GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, e);
	memset(e, 0x77, r->size + 1);
	KUNIT_EXPECT_EQ(test, weft_edid_generate(e, r->size, r->bytes,
						 wish ? &r->pref : NULL, 0),
			r->ret);
	KUNIT_EXPECT_EQ(test, e[r->size], 0x77);
	for (i = 0; r->ret < 0 && i < r->size; i++)
		KUNIT_EXPECT_EQ(test, e[i], 0x77);
}

/* Whatever is asked for: an EDID that keeps to the VRAM, or a right refusal. */
static void edid_generate_random(struct kunit *test)
{
	struct weft_rng rng;
	int round;

	weft_rng_start(test, &rng);
	for (round = 0; round < 20000; round++) {
		u64 bytes = weft_rng_u64(&rng) >> (24 + weft_rng_below(&rng, 40));
		struct weft_mode pref, most = {};
		const char *why = NULL;
		u8 e[WEFT_EDID_SIZE];
		struct decoded dec;
		bool wish;
		int len, i;

		pref.xres = 8 * weft_rng_below(&rng, 540);
		pref.yres = weft_rng_below(&rng, 4200);
		if (weft_rng_one_in(&rng, 8))
			pref.xres += weft_rng_below(&rng, 8);
		wish = !weft_rng_one_in(&rng, 4);
		len = weft_edid_generate(e, sizeof(e), bytes,
					 wish ? &pref : NULL, round);
		if (len < 0) {
			bool can = wish ? need(pref.xres, pref.yres) <= bytes &&
					  pref.xres % 8 == 0 &&
					  pref.xres >= 64 && pref.xres < 4096 &&
					  pref.yres >= 64 && pref.yres < 4096 &&
					  60ULL * (pref.xres + 160) * pref.yres *
					  104 / 100 < 655360000 :
					  bytes >= need(640, 480);

			KUNIT_ASSERT_FALSE_MSG(test, can, "%llu bytes, %ux%u, %d",
					       (unsigned long long)bytes,
					       pref.xres, pref.yres, wish);
			continue;
		}
		weft_mode_largest(bytes, &most);
		decode(e, len, &dec);
		if (wish) {
			KUNIT_ASSERT_EQ(test, dec.mode[0].xres, pref.xres);
			KUNIT_ASSERT_EQ(test, dec.mode[0].yres, pref.yres);
		}
		for (i = 0; i < dec.n; i++)
			KUNIT_ASSERT_LE(test, need(dec.mode[i].xres,
						   dec.mode[i].yres), bytes);
		if (wish) {
			most.xres = max(most.xres, pref.xres);
			most.yres = max(most.yres, pref.yres);
		}
		len = weft_edid_check(e, len, bytes, most.xres, most.yres, &why);
		KUNIT_ASSERT_EQ_MSG(test, len, 0, "%llu bytes, %ux%u, %d: %s",
				    (unsigned long long)bytes, pref.xres,
				    pref.yres, wish, why ? why : "");
	}
}

/* ---- checking ---- */

/* An EDID without any mode, of one to four blocks. */
static void blank(u8 *e, int blocks)
{
	int i;

	memset(e, 0, 128 * blocks);
	memset(e + 1, 0xff, 6);
	e[18] = 1;
	e[19] = 4;
	memset(e + 38, 1, 16);
	for (i = 54; i < 126; i += 18)
		e[i + 3] = 0x10;
	e[126] = blocks - 1;
	for (i = 1; i < blocks; i++) {
		e[128 * i] = 2;
		e[128 * i + 1] = 3;
	}
}

static void seal(u8 *e, int blocks)
{
	int i, b;

	for (b = 0; b < blocks; b++, e += 128) {
		e[127] = 0;
		for (i = 0; i < 127; i++)
			e[127] -= e[i];
	}
}

static void put_dtd(u8 *d, u32 xres, u32 yres)
{
	memset(d, 0, 18);
	d[0] = 1;
	d[2] = xres;
	d[4] = xres >> 8 << 4;
	d[5] = yres;
	d[7] = yres >> 8 << 4;
}

/* How an EDID with one mode is made. */
enum how {
	ESTABLISHED, STANDARD, STANDARD_1_2, BASE_DTD, INTERLACED,
	MORE_STANDARD, ESTABLISHED3, CVT, CTA_DTD, CTA_DTD_AFTER_BLOCKS,
	CTA_LAST_DTD, CTA_VIC, CTA_NATIVE_VIC, CTA_VIC_420, SECOND_CTA, DISPLAYID,
};

static const struct announced {
	const char *name;
	enum how how;
	u8 a, b;		/* what the bytes are, by @how */
	u16 xres, yres;
} announcements[] = {
	{ "established 720x400@70", ESTABLISHED, 35, 0x80, 720, 400 },
	{ "established 720x400@88", ESTABLISHED, 35, 0x40, 720, 400 },
	{ "established 640x480@60", ESTABLISHED, 35, 0x20, 640, 480 },
	{ "established 640x480@67", ESTABLISHED, 35, 0x10, 640, 480 },
	{ "established 640x480@72", ESTABLISHED, 35, 0x08, 640, 480 },
	{ "established 640x480@75", ESTABLISHED, 35, 0x04, 640, 480 },
	{ "established 800x600@56", ESTABLISHED, 35, 0x02, 800, 600 },
	{ "established 800x600@60", ESTABLISHED, 35, 0x01, 800, 600 },
	{ "established 800x600@72", ESTABLISHED, 36, 0x80, 800, 600 },
	{ "established 800x600@75", ESTABLISHED, 36, 0x40, 800, 600 },
	{ "established 832x624", ESTABLISHED, 36, 0x20, 832, 624 },
	{ "established 1024x768i", ESTABLISHED, 36, 0x10, 1024, 768 },
	{ "established 1024x768@60", ESTABLISHED, 36, 0x08, 1024, 768 },
	{ "established 1024x768@70", ESTABLISHED, 36, 0x04, 1024, 768 },
	{ "established 1024x768@75", ESTABLISHED, 36, 0x02, 1024, 768 },
	{ "established 1280x1024", ESTABLISHED, 36, 0x01, 1280, 1024 },
	{ "established 1152x870", ESTABLISHED, 37, 0x80, 1152, 870 },
	{ "standard 16:10", STANDARD, 0x81, 0x00, 1280, 800 },
	{ "standard 4:3", STANDARD, 0xa9, 0x40, 1600, 1200 },
	{ "standard 5:4", STANDARD, 0x81, 0x80, 1280, 1024 },
	{ "standard 16:9", STANDARD, 0xd1, 0xc0, 1920, 1080 },
	{ "standard, widest", STANDARD, 0xff, 0x3f, 2288, 1430 },
	{ "standard, half a wildcard", STANDARD, 0x01, 0x41, 256, 192 },
	{ "standard 1:1 before 1.3", STANDARD_1_2, 0x81, 0x00, 1280, 1280 },
	{ "detailed", BASE_DTD, 0, 0, 1366, 768 },
	{ "detailed, second", BASE_DTD, 1, 0, 1280, 800 },
	{ "detailed, third", BASE_DTD, 2, 0, 4095, 4095 },
	{ "detailed, fourth", BASE_DTD, 3, 0, 1, 1 },
	{ "detailed, interlaced", INTERLACED, 0, 0, 1920, 1080 },
	{ "more standard, first", MORE_STANDARD, 0, 0, 1680, 1050 },
	{ "more standard, last", MORE_STANDARD, 5, 0, 1680, 1050 },
	{ "established III 640x350", ESTABLISHED3, 6, 0x80, 640, 350 },
	{ "established III 848x480", ESTABLISHED3, 6, 0x08, 848, 480 },
	{ "established III 1152x864", ESTABLISHED3, 6, 0x01, 1152, 864 },
	{ "established III 1280x768", ESTABLISHED3, 7, 0x80, 1280, 768 },
	{ "established III 1280x960", ESTABLISHED3, 7, 0x08, 1280, 960 },
	{ "established III 1360x768", ESTABLISHED3, 8, 0x80, 1360, 768 },
	{ "established III 1440x900", ESTABLISHED3, 8, 0x20, 1440, 900 },
	{ "established III 1400x1050", ESTABLISHED3, 8, 0x02, 1400, 1050 },
	{ "established III 1680x1050", ESTABLISHED3, 9, 0x20, 1680, 1050 },
	{ "established III 1600x1200", ESTABLISHED3, 9, 0x04, 1600, 1200 },
	{ "established III 1792x1344", ESTABLISHED3, 10, 0x20, 1792, 1344 },
	{ "established III 1856x1392", ESTABLISHED3, 10, 0x08, 1856, 1392 },
	{ "established III 1920x1200", ESTABLISHED3, 10, 0x01, 1920, 1200 },
	{ "established III 1920x1440", ESTABLISHED3, 11, 0x10, 1920, 1440 },
	{ "CVT 4:3", CVT, 0, 0, 1400, 1050 },
	{ "CVT 16:9", CVT, 1, 1, 1920, 1080 },
	{ "CVT 16:10", CVT, 2, 2, 1680, 1050 },
	{ "CVT 15:9", CVT, 3, 3, 1280, 768 },
	{ "CTA detailed", CTA_DTD, 0, 0, 2560, 1600 },
	{ "CTA detailed, behind blocks", CTA_DTD_AFTER_BLOCKS, 0, 0, 3840, 2160 },
	{ "CTA detailed, last", CTA_LAST_DTD, 0, 0, 1920, 1200 },
	{ "CTA format 1", CTA_VIC, 1, 0, 640, 480 },
	{ "CTA format 5, interlaced", CTA_VIC, 5, 0, 1920, 1080 },
	{ "CTA format 16", CTA_VIC, 16, 0, 1920, 1080 },
	{ "CTA format 31", CTA_VIC, 31, 0, 1920, 1080 },
	{ "CTA format 89", CTA_VIC, 89, 0, 2560, 1080 },
	{ "CTA format 96", CTA_VIC, 96, 0, 3840, 2160 },
	{ "CTA format 101", CTA_VIC, 101, 0, 4096, 2160 },
	{ "CTA format 115", CTA_VIC, 115, 0, 4096, 2160 },
	{ "CTA format 116", CTA_VIC, 116, 0, 3840, 2160 },
	{ "CTA format 125", CTA_VIC, 125, 0, 5120, 2160 },
	{ "CTA format 201", CTA_VIC, 201, 0, 7680, 4320 },
	{ "CTA format 219", CTA_VIC, 219, 0, 4096, 2160 },
	{ "CTA format 16, native", CTA_NATIVE_VIC, 16, 0, 1920, 1080 },
	{ "CTA format 64, native", CTA_NATIVE_VIC, 64, 0, 1920, 1080 },
	{ "CTA format 97, 4:2:0 only", CTA_VIC_420, 97, 0, 3840, 2160 },
	{ "DisplayID type I", DISPLAYID, 0x03, 0, 3840, 2160 },
	{ "DisplayID type VII, second", DISPLAYID, 0x22, 20, 7680, 4320 },
	{ "DisplayID, last", DISPLAYID, 0x03, 80, 5120, 2880 },
	{ "in the second extension", SECOND_CTA, 0, 0, 1024, 768 },
};

static void announced_name(const struct announced *a, char *desc)
{
	strscpy(desc, a->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(announced, announcements, announced_name);

static int announce(u8 *e, const struct announced *a)
{
	int blocks = a->how == SECOND_CTA ? 3 : a->how >= CTA_DTD ? 2 : 1;
	u8 *d = e + 54, *cta = e + 128;

	blank(e, blocks);
	switch (a->how) {
	case ESTABLISHED:
		e[a->a] = a->b;
		break;
	case STANDARD_1_2:
		e[19] = 2;
		fallthrough;
	case STANDARD:
		e[38 + 2 * 7] = a->a;
		e[38 + 2 * 7 + 1] = a->b;
		break;
	case BASE_DTD:
		put_dtd(d + 18 * a->a, a->xres, a->yres);
		break;
	case INTERLACED:
		put_dtd(d, a->xres, a->yres / 2);
		d[17] = 0x80;
		break;
	case MORE_STANDARD:
		d[3] = 0xfa;
		memset(d + 5, 1, 12);
		d[5 + 2 * a->a] = 0xb3;
		d[6 + 2 * a->a] = 0;
		break;
	case ESTABLISHED3:
		d[3] = 0xf7;
		d[a->a] = a->b;
		break;
	case CVT:
		d[3] = 0xf8;
		d[6 + 3 * a->a] = a->yres / 2 - 1;
		d[7 + 3 * a->a] = (a->yres / 2 - 1) >> 8 << 4 | a->b << 2;
		break;
	case CTA_DTD:
		cta[2] = 4;
		put_dtd(cta + 4, a->xres, a->yres);
		break;
	case CTA_DTD_AFTER_BLOCKS:
		cta[2] = 9;
		cta[4] = 1 << 5 | 3;		/* audio */
		cta[8] = 2 << 5;		/* video, empty */
		put_dtd(cta + 9, a->xres, a->yres);
		break;
	case CTA_LAST_DTD:
		cta[2] = 109;
		for (d = cta + 4; d < cta + 109; d += 15)
			d[0] = 1 << 5 | 14;
		put_dtd(cta + 109, a->xres, a->yres);
		break;
	case CTA_VIC:
	case CTA_NATIVE_VIC:
		cta[2] = 6;
		cta[4] = 2 << 5 | 1;
		cta[5] = a->a | (a->how == CTA_NATIVE_VIC ? 0x80 : 0);
		break;
	case CTA_VIC_420:
		cta[2] = 7;
		cta[4] = 7 << 5 | 2;
		cta[5] = 14;
		cta[6] = a->a;
		break;
	case DISPLAYID:
		memset(cta, 0, 128);
		cta[0] = 0x70;
		cta[1] = 0x13;
		cta[2] = 13 + 3 + a->b + 20;
		cta[5] = 0x7f;		/* a vendor's, skipped */
		cta[7] = 10;
		memset(cta + 8, 0xff, 10);
		cta[18] = a->a;
		cta[20] = a->b + 20;
		d = cta + 21 + a->b;
		d[4] = (a->xres - 1) & 0xff;
		d[5] = (a->xres - 1) >> 8;
		d[12] = (a->yres - 1) & 0xff;
		d[13] = (a->yres - 1) >> 8;
		break;
	case SECOND_CTA:
		e[256 + 2] = 4;
		put_dtd(e + 256 + 4, a->xres, a->yres);
		break;
	}
	seal(e, blocks);
	return 128 * blocks;
}

static void edid_check_sees_each_mode(struct kunit *test)
{
	const struct announced *a = test->param_value;
	u64 bytes = need(a->xres, a->yres);
	const char *why;
	u8 e[384];
	int len;

	len = announce(e, a);
	KUNIT_EXPECT_EQ_MSG(test, weft_edid_check(e, len, bytes, a->xres, a->yres,
						  &why), 0, "%s", why);
	KUNIT_EXPECT_NULL(test, why);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, bytes, a->xres - 1, a->yres,
					      &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, bytes, a->xres,
					      a->yres - 1, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, bytes - 1, a->xres, a->yres,
					      &why), -EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_STREQ(test, why,
			   "a mode takes more VRAM than the instance has");
}

/* Broken in one place each; @at and @val are a byte of a good EDID. */
static const struct broken {
	const char *name;
	int blocks, len;
	int at[4];
	u8 val[4];
	const char *why;
} broken[] = {
	{ "empty", 1, 0, {}, {}, "the length is not a multiple of 128" },
	{ "one byte short", 1, 127, {}, {},
	  "the length is not a multiple of 128" },
	{ "one byte long", 1, 129, {}, {},
	  "the length is not a multiple of 128" },
	{ "extension missing", 1, 128, { 126 }, { 1 },
	  "the length does not match the number of extensions" },
	{ "extension not told", 2, 256, { 126 }, { 0 },
	  "the length does not match the number of extensions" },
	{ "255 extensions", 2, 256, { 126 }, { 255 },
	  "the length does not match the number of extensions" },
	{ "header's first byte", 1, 128, { 0 }, { 1 },
	  "the header is not that of an EDID" },
	{ "header's last byte", 1, 128, { 7 }, { 1 },
	  "the header is not that of an EDID" },
	{ "version 0", 1, 128, { 18 }, { 0 }, "the version is not 1.0 to 1.4" },
	{ "version 2", 1, 128, { 18 }, { 2 }, "the version is not 1.0 to 1.4" },
	{ "version 1.5", 1, 128, { 19 }, { 5 }, "the version is not 1.0 to 1.4" },
	{ "standard timing 00", 1, 128, { 38 }, { 0 },
	  "a standard timing is malformed" },
	{ "detailed without width", 1, 128, { 54, 59 }, { 1, 100 },
	  "a detailed timing is malformed" },
	{ "detailed without height", 1, 128, { 54, 56 }, { 1, 100 },
	  "a detailed timing is malformed" },
	{ "timings in the CTA header", 2, 256, { 130 }, { 3 },
	  "a CTA extension's timings are outside the block" },
	{ "timings past the CTA block", 2, 256, { 130 }, { 128 },
	  "a CTA extension's timings are outside the block" },
	{ "data block past the timings", 2, 256, { 130, 132 }, { 6, 0x22 },
	  "a CTA extension's data blocks are malformed" },
	{ "data block past the CTA block", 2, 256, { 130, 132, 254 },
	  { 127, 0x3f, 0x1f }, "a CTA extension's data blocks are malformed" },
	{ "format 0", 2, 256, { 130, 132 }, { 6, 0x41 },
	  "a video data block has a reserved format" },
	{ "format 128", 2, 256, { 130, 132, 133 }, { 6, 0x41, 128 },
	  "a video data block has a reserved format" },
	{ "format 220", 2, 256, { 130, 132, 133 }, { 6, 0x41, 220 },
	  "a video data block has a reserved format" },
	{ "format 255", 2, 256, { 130, 132, 133 }, { 6, 0x41, 255 },
	  "a video data block has a reserved format" },
	{ "DisplayID past the block", 2, 256, { 128, 130 }, { 0x70, 122 },
	  "a DisplayID extension is longer than its block" },
	{ "DisplayID block past the end", 2, 256, { 128, 130, 133, 135 },
	  { 0x70, 20, 3, 18 }, "a DisplayID block is malformed" },
	{ "half a DisplayID block", 2, 256, { 128, 130, 133 }, { 0x70, 2, 3 },
	  "a DisplayID block is malformed" },
	{ "extension 0x10", 2, 256, { 128 }, { 0x10 },
	  "an extension block is of an unknown kind" },
};

static void broken_name(const struct broken *b, char *desc)
{
	strscpy(desc, b->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(broken, broken, broken_name);

static void edid_check_refuses(struct kunit *test)
{
	const struct broken *b = test->param_value;
	const char *why = NULL;
	u8 e[256], *exact;
	int i;

	blank(e, b->blocks);
	for (i = 0; i < ARRAY_SIZE(b->at); i++)
		if (b->at[i] || b->val[i])
			e[b->at[i]] = b->val[i];
	seal(e, b->blocks);
	/* Of that length and no more, for the sanitizer. */
	exact = kunit_kzalloc(test, b->len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exact);
	memcpy(exact, e, min(b->len, b->blocks * 128));
	KUNIT_EXPECT_EQ(test, weft_edid_check(exact, b->len, U64_MAX, U16_MAX,
					      U16_MAX, &why), -EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_STREQ(test, why, b->why);
}

static void edid_check_accepts_none_announced(struct kunit *test)
{
	const char *why;
	u8 e[512];
	int n;

	for (n = 1; n <= 4; n++) {
		blank(e, n);
		seal(e, n);
		KUNIT_EXPECT_EQ(test, weft_edid_check(e, 128 * n, 0, 0, 0, &why),
				0);
		KUNIT_EXPECT_NULL(test, why);
	}
	/* Padding in a DisplayID extension, and the map of blocks. */
	blank(e, 3);
	memset(e + 128, 0, 128);
	e[128] = 0x70;
	e[130] = 121;
	e[256] = 0xf0;
	seal(e, 3);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 384, 0, 0, 0, &why), 0);
	/* Of four CVT codes in a descriptor, none is used. */
	blank(e, 1);
	e[54 + 3] = 0xf8;
	seal(e, 1);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 128, 0, 0, 0, &why), 0);
}

/* The descriptor behind one with CVT codes has none. */
static void edid_check_cvt_ends(struct kunit *test)
{
	const char *why;
	u8 e[128];

	blank(e, 1);
	e[54 + 3] = 0xf8;
	put_dtd(e + 72, 800, 600);
	memset(e + 72, 0xff, 2);
	seal(e, 1);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 128, need(800, 600), 800, 600, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 128, need(800, 600), 799, 600, &why), -EINVAL);
}

/* What is in a DisplayID extension, and announces nothing. */
static void edid_check_other_displayid(struct kunit *test)
{
	const char *why;
	u8 e[256], *ext = e + 128;

	blank(e, 2);
	memset(ext, 0, 128);
	ext[0] = 0x70;
	ext[2] = 3 + 20;
	ext[5] = 0x7f;			/* a vendor's, as long as a timing */
	ext[7] = 20;
	memset(ext + 8, 0xff, 20);
	ext[5 + 3 + 20] = 0x5a;		/* behind the end: a checksum */
	seal(e, 2);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 256, 0, 0, 0, &why), 0);
	/* A block without anything in it, up to the end. */
	ext[2] += 3;
	memset(ext + 5 + 3 + 20, 0, 3);
	ext[5 + 3 + 20] = 0x03;
	seal(e, 2);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 256, 0, 0, 0, &why), 0);
}

/* A CTA extension before revision 3 has no data blocks: nothing to parse. */
static void edid_check_old_cta(struct kunit *test)
{
	const char *why;
	u8 e[256];

	blank(e, 2);
	e[129] = 2;
	e[130] = 6;
	memset(e + 132, 0x5f, 2);
	put_dtd(e + 134, 800, 600);
	seal(e, 2);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 256, need(800, 600), 800, 600,
					      &why), 0);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 256, need(800, 600), 799, 600,
					      &why), -EINVAL);
}

/* An extended block without room for its tag has none, whatever comes next. */
static void edid_check_empty_extended_block(struct kunit *test)
{
	const char *why;
	u8 e[256];

	blank(e, 2);
	e[130] = 4 + 1 + 15;
	e[132] = 7 << 5;
	e[133] = 14;
	seal(e, 2);
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, 256, 0, 0, 0, &why), 0);
	KUNIT_EXPECT_NULL(test, why);
}

/* Any byte changed, and the checksum not: refused, in each block. */
static void edid_check_sums(struct kunit *test)
{
	u8 e[WEFT_EDID_SIZE];
	const char *why;
	int len, i, bit;

	len = weft_edid_generate(e, sizeof(e), SZ_64M, NULL, 0);
	KUNIT_ASSERT_EQ(test, len, 256);
	for (i = 0; i < len; i++) {
		for (bit = 0; bit < 8; bit++) {
			e[i] ^= 1 << bit;
			KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, U64_MAX,
							      U16_MAX, U16_MAX,
							      &why), -EINVAL);
			e[i] ^= 1 << bit;
		}
	}
	KUNIT_EXPECT_EQ(test, weft_edid_check(e, len, U64_MAX, U16_MAX, U16_MAX,
					      &why), 0);
}

/*
 * Garbage with good checksums: no access outside (the sanitizer sees to that),
 * a reason with each refusal and only then, and what is accepted has no mode
 * larger than the limits.
 */
static void edid_check_random(struct kunit *test)
{
	int round, accepted = 0, refused = 0;
	struct weft_rng rng;

	weft_rng_start(test, &rng);
	for (round = 0; round < 100000; round++) {
		int blocks = 1 + weft_rng_below(&rng, 4), n, ret;
		u64 bytes = SZ_1M << weft_rng_below(&rng, 6);
		u16 xres = 8 * weft_rng_below(&rng, 512);
		u16 yres = weft_rng_below(&rng, 2400);
		const char *why = "not set";
		struct decoded dec;
		u8 *e;

		/* Of that length and no more, for the sanitizer. */
		e = kmalloc(128 * blocks, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, e);
		if (weft_rng_one_in(&rng, 3) || blocks > 2) {
			blank(e, blocks);
		} else if (weft_edid_generate(e, 128 * blocks, bytes, NULL,
					      round) < 0) {
			kfree(e);
			continue;
		}
		blocks = e[126] + 1;
		for (n = weft_rng_below(&rng, 6); n > 0; n--)
			e[20 + weft_rng_below(&rng, 128 * blocks - 20)] =
				weft_rng_u64(&rng);
		e[126] = blocks - 1;
		if (blocks > 1 && weft_rng_one_in(&rng, 4))
			e[128] = 0x70;
		seal(e, blocks);

		ret = weft_edid_check(e, 128 * blocks, bytes, xres, yres, &why);
		if (ret) {
			refused++;
			if (ret != -EINVAL || !why || !why[0])
				KUNIT_FAIL(test, "round %d: %d, %s", round, ret,
					   why ? why : "no reason");
		} else {
			accepted++;
			decode(e, 128, &dec);
			for (n = 0; n < dec.n; n++)
				if (dec.mode[n].xres > xres ||
				    dec.mode[n].yres > yres ||
				    need(dec.mode[n].xres, dec.mode[n].yres) > bytes)
					KUNIT_FAIL(test, "round %d: %ux%u accepted",
						   round, dec.mode[n].xres,
						   dec.mode[n].yres);
			if (why)
				KUNIT_FAIL(test, "round %d: accepted, and %s",
					   round, why);
		}
		kfree(e);
	}
	/* Neither side of the question may go missing. */
	KUNIT_EXPECT_GT(test, accepted, 1000);
	KUNIT_EXPECT_GT(test, refused, 1000);
}

static struct kunit_case edid_cases[] = {
	KUNIT_CASE(edid_largest_is_exact),
	KUNIT_CASE(edid_largest_of_types),
	KUNIT_CASE_PARAM(edid_detailed_is_cvt, timing_gen_params),
	KUNIT_CASE_PARAM(edid_announces_what_fits, vram_gen_params),
	KUNIT_CASE(edid_names_itself),
	KUNIT_CASE_PARAM(edid_range_covers_the_modes, vram_gen_params),
	KUNIT_CASE(edid_range_covers_what_is_asked),
	KUNIT_CASE(edid_prefers_what_is_asked),
	KUNIT_CASE_PARAM(edid_generate_refuses, refusal_gen_params),
	KUNIT_CASE(edid_generate_random),
	KUNIT_CASE_PARAM(edid_check_sees_each_mode, announced_gen_params),
	KUNIT_CASE_PARAM(edid_check_refuses, broken_gen_params),
	KUNIT_CASE(edid_check_accepts_none_announced),
	KUNIT_CASE(edid_check_cvt_ends),
	KUNIT_CASE(edid_check_other_displayid),
	KUNIT_CASE(edid_check_old_cta),
	KUNIT_CASE(edid_check_empty_extended_block),
	KUNIT_CASE(edid_check_sums),
	KUNIT_CASE(edid_check_random),
	{}
};

static struct kunit_suite edid_suite = {
	.name = "weft_edid",
	.test_cases = edid_cases,
};

kunit_test_suite(edid_suite);

MODULE_DESCRIPTION("KUnit tests of weft's EDID");
MODULE_LICENSE("GPL");
