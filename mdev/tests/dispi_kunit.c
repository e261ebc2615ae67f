// SPDX-License-Identifier: GPL-2.0
/*
 * The display registers: what drivers do to them, and whatever else a guest
 * may write. However it gets there, what is on the screen lies in the slice.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rng.h"

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../dispi.h"
#else
#include "../dispi.c"
#endif

static u16 get(const struct weft_dispi *dispi, int reg)
{
	u8 buf[2];

	weft_dispi_read(dispi, 0x500 + 2 * reg, buf, 2);
	return buf[0] | buf[1] << 8;
}

static void put(struct weft_dispi *dispi, int reg, u16 val)
{
	u8 buf[2] = { val & 0xff, val >> 8 };

	weft_dispi_write(dispi, 0x500 + 2 * reg, buf, 2);
}

static u32 get32(const struct weft_dispi *dispi, u32 offset)
{
	u8 b[4];

	weft_dispi_read(dispi, offset, b, 4);
	return b[0] | b[1] << 8 | b[2] << 16 | (u32)b[3] << 24;
}

static void put32(struct weft_dispi *dispi, u32 offset, u32 val)
{
	u8 b[4] = { val, val >> 8, val >> 16, val >> 24 };

	weft_dispi_write(dispi, offset, b, 4);
}

/* As bochs-drm sets a mode: off, everything, on. */
static void set_mode(struct weft_dispi *dispi, u16 xres, u16 yres, u16 bpp,
		     u16 virt_width, u16 xoff, u16 yoff)
{
	put(dispi, WEFT_DISPI_ENABLE, 0);
	put(dispi, WEFT_DISPI_BPP, bpp);
	put(dispi, WEFT_DISPI_XRES, xres);
	put(dispi, WEFT_DISPI_YRES, yres);
	put(dispi, WEFT_DISPI_BANK, 0);
	put(dispi, WEFT_DISPI_VIRT_WIDTH, virt_width);
	put(dispi, WEFT_DISPI_VIRT_HEIGHT, 4096);
	put(dispi, WEFT_DISPI_X_OFFSET, xoff);
	put(dispi, WEFT_DISPI_Y_OFFSET, yoff);
	put(dispi, WEFT_DISPI_ENABLE, 0x41);	/* on, linear framebuffer */
}

static void dispi_after_reset(struct kunit *test)
{
	struct weft_scanout s;
	struct weft_dispi d;
	int reg;

	memset(&d, 0xa5, sizeof(d));
	weft_dispi_init(&d, SZ_16M);
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_ID), 0xb0c5);
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_VIDEO_MEMORY_64K), 256);
	for (reg = WEFT_DISPI_XRES; reg < WEFT_DISPI_VIDEO_MEMORY_64K; reg++)
		KUNIT_EXPECT_EQ(test, get(&d, reg), 0);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x600), 8);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0x1e1e1e1e);
	memset(&s, 0xa5, sizeof(s));
	KUNIT_EXPECT_FALSE(test, weft_dispi_scanout(&d, &s));
	KUNIT_EXPECT_EQ(test, s.size, 0);
	KUNIT_EXPECT_EQ(test, s.width, 0);

	/* After use, the same again. */
	set_mode(&d, 640, 480, 32, 640, 0, 0);
	put32(&d, 0x604, 0xbebebebe);
	d.vga_att = 0x20;
	KUNIT_EXPECT_TRUE(test, weft_dispi_scanout(&d, &s));
	weft_dispi_reset(&d);
	KUNIT_EXPECT_FALSE(test, weft_dispi_scanout(&d, &s));
	for (reg = WEFT_DISPI_XRES; reg < WEFT_DISPI_VIDEO_MEMORY_64K; reg++)
		KUNIT_EXPECT_EQ(test, get(&d, reg), 0);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0x1e1e1e1e);
	KUNIT_EXPECT_EQ(test, d.vga_att, 0);
	KUNIT_EXPECT_EQ(test, d.vram_bytes, SZ_16M);
}

static void dispi_memory_register(struct kunit *test)
{
	static const struct {
		u64 bytes;
		u16 reg;
	} want[] = {
		{ SZ_4M, 64 }, { SZ_64M, 1024 }, { SZ_2G, 32768 },
		{ SZ_4G - SZ_64K, 65535 },
		/* More than the register can say: not less than there is of it. */
		{ SZ_4G, 65535 }, { 2 * SZ_4G, 65535 }, { (u64)SZ_1G << 7, 65535 },
	};
	struct weft_dispi d;
	int i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		weft_dispi_init(&d, want[i].bytes);
		KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_VIDEO_MEMORY_64K),
				want[i].reg);
	}
}

static const struct mode_case {
	const char *name;
	u64 vram;
	u16 xres, yres, bpp, virt_width, xoff, yoff;
	bool shown;
	u32 stride;
	u64 offset;
} modes[] = {
	{ "what bochs-drm sets", SZ_16M, 1024, 768, 32, 1024, 0, 0, true, 4096, 0 },
	{ "no virtual width", SZ_16M, 800, 600, 32, 0, 0, 0, true, 3200, 0 },
	{ "virtual width below the width", SZ_16M, 800, 600, 32, 640, 0, 0,
	  true, 3200, 0 },
	{ "wider canvas", SZ_16M, 800, 600, 32, 1024, 0, 0, true, 4096, 0 },
	{ "16 bits", SZ_16M, 1024, 768, 16, 1024, 0, 0, true, 2048, 0 },
	{ "second page", SZ_16M, 1024, 768, 32, 1024, 0, 768, true, 4096,
	  768 * 4096 },
	{ "panned", SZ_16M, 800, 600, 32, 1024, 100, 50, true, 4096,
	  50 * 4096 + 400 },
	{ "panned, 16 bits", SZ_16M, 800, 600, 16, 1024, 100, 50, true, 2048,
	  50 * 2048 + 200 },
	{ "fits to the byte", SZ_4M, 1024, 1024, 32, 0, 0, 0, true, 4096, 0 },
	{ "a line too many", SZ_4M, 1024, 1025, 32, 0, 0, 0, false, 0, 0 },
	{ "a column too many", SZ_4M, 1025, 1024, 32, 0, 0, 0, false, 0, 0 },
	{ "a pixel down", SZ_4M, 1024, 1024, 32, 0, 0, 1, false, 0, 0 },
	{ "a pixel right", SZ_4M, 1024, 1024, 32, 0, 1, 0, false, 0, 0 },
	{ "last page", SZ_4M, 1024, 512, 32, 0, 0, 512, true, 4096, SZ_2M },
	{ "a line past the last page", SZ_4M, 1024, 512, 32, 0, 0, 513, false, 0, 0 },
	{ "canvas too wide", SZ_4M, 640, 480, 32, 2185, 0, 0, false, 0, 0 },
	{ "canvas as wide as fits", SZ_4M, 640, 480, 32, 2184, 0, 0, true, 8736, 0 },
	{ "widest", SZ_2G, 16000, 12000, 32, 0, 0, 0, true, 64000, 0 },
	{ "too wide", SZ_2G, 16001, 480, 32, 0, 0, 0, false, 0, 0 },
	{ "too tall", SZ_2G, 640, 12001, 32, 0, 0, 0, false, 0, 0 },
	{ "everything at its most", SZ_4G, 65535, 65535, 32, 65535, 65535, 65535,
	  false, 0, 0 },
	{ "offset past 32 bits", SZ_4G, 640, 480, 32, 65535, 0, 16385, false, 0, 0 },
	{ "narrow, and many lines", SZ_4G, 16, 480, 16, 0, 0, 0, true, 32, 0 },
	{ "no width", SZ_16M, 0, 480, 32, 640, 0, 0, false, 0, 0 },
	{ "no height", SZ_16M, 640, 0, 32, 640, 0, 0, false, 0, 0 },
	{ "no depth", SZ_16M, 640, 480, 0, 640, 0, 0, false, 0, 0 },
	{ "8 bits", SZ_16M, 640, 480, 8, 640, 0, 0, false, 0, 0 },
	{ "15 bits", SZ_16M, 640, 480, 15, 640, 0, 0, false, 0, 0 },
	{ "24 bits", SZ_16M, 640, 480, 24, 640, 0, 0, false, 0, 0 },
	{ "33 bits", SZ_16M, 640, 480, 33, 640, 0, 0, false, 0, 0 },
};

static void mode_name(const struct mode_case *m, char *desc)
{
	strscpy(desc, m->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mode, modes, mode_name);

static void dispi_modes(struct kunit *test)
{
	const struct mode_case *m = test->param_value;
	struct weft_scanout s;
	struct weft_dispi d;

	weft_dispi_init(&d, m->vram);
	set_mode(&d, m->xres, m->yres, m->bpp, m->virt_width, m->xoff, m->yoff);
	memset(&s, 0xa5, sizeof(s));
	KUNIT_ASSERT_EQ(test, weft_dispi_scanout(&d, &s), m->shown);
	/* The registers say what was written, whether it is shown or not. */
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_XRES), m->xres);
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_YRES), m->yres);
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_ENABLE), 0x41);
	if (!m->shown) {
		static const struct weft_scanout nothing;

		KUNIT_EXPECT_MEMEQ(test, &s, &nothing, sizeof(s));
		return;
	}
	KUNIT_EXPECT_EQ(test, s.width, m->xres);
	KUNIT_EXPECT_EQ(test, s.height, m->yres);
	KUNIT_EXPECT_EQ(test, s.bpp, m->bpp);
	KUNIT_EXPECT_EQ(test, s.stride, m->stride);
	KUNIT_EXPECT_EQ(test, s.offset, m->offset);
	KUNIT_EXPECT_EQ(test, s.size, (u64)m->stride * m->yres);
	KUNIT_EXPECT_FALSE(test, s.big_endian);
	/* A driver asks how many lines its canvas may have. */
	KUNIT_EXPECT_EQ(test, get(&d, WEFT_DISPI_VIRT_HEIGHT),
			min_t(u64, m->vram / m->stride, U16_MAX));
	/* Blanked and back. */
	put(&d, WEFT_DISPI_ENABLE, 0x40);
	KUNIT_EXPECT_FALSE(test, weft_dispi_scanout(&d, &s));
	put(&d, WEFT_DISPI_ENABLE, 0x01);
	KUNIT_EXPECT_TRUE(test, weft_dispi_scanout(&d, &s));
}

static void dispi_read_only(struct kunit *test)
{
	static const int regs[] = {
		WEFT_DISPI_ID, WEFT_DISPI_VIRT_HEIGHT,
		WEFT_DISPI_VIDEO_MEMORY_64K,
	};
	struct weft_dispi d;
	int i, val, half;

	weft_dispi_init(&d, SZ_16M);
	set_mode(&d, 640, 480, 32, 640, 0, 0);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		u16 was = get(&d, regs[i]);

		for (val = 0; val <= 0xffff; val += 257) {
			u8 byte = val;

			put(&d, regs[i], val);
			KUNIT_EXPECT_EQ(test, get(&d, regs[i]), was);
			for (half = 0; half < 2; half++)
				weft_dispi_write(&d, 0x500 + 2 * regs[i] + half,
						 &byte, 1);
			KUNIT_EXPECT_EQ(test, get(&d, regs[i]), was);
		}
	}
}

static void dispi_byte_order(struct kunit *test)
{
	static const u32 bad[] = {
		0, 1, U32_MAX, 0x1e1e1ebe, 0xbebebe1e, 0x1e1e1e1f, 0xbebebe3e,
	};
	struct weft_scanout s;
	struct weft_dispi d;
	u8 byte = 0xbe;
	int i;

	weft_dispi_init(&d, SZ_16M);
	set_mode(&d, 640, 480, 32, 640, 0, 0);
	put32(&d, 0x604, 0xbebebebe);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0xbebebebe);
	KUNIT_EXPECT_TRUE(test, weft_dispi_scanout(&d, &s));
	KUNIT_EXPECT_TRUE(test, s.big_endian);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put32(&d, 0x604, bad[i]);
		KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0xbebebebe);
	}
	put32(&d, 0x604, 0x1e1e1e1e);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0x1e1e1e1e);
	KUNIT_EXPECT_TRUE(test, weft_dispi_scanout(&d, &s));
	KUNIT_EXPECT_FALSE(test, s.big_endian);
	/* Not by pieces, and the size not at all. */
	for (i = 0; i < 4; i++)
		weft_dispi_write(&d, 0x604 + i, &byte, 1);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x604), 0x1e1e1e1e);
	put32(&d, 0x600, 0xbebebebe);
	KUNIT_EXPECT_EQ(test, get32(&d, 0x600), 8);
}

/* The byte at an offset, of a window of its own. */
static u8 byte_at(const struct weft_dispi *dispi, u32 offset)
{
	u8 b = 0x77;

	weft_dispi_read(dispi, offset, &b, 1);
	return b;
}

/* Any read is so many single bytes, and where there is no register they are 0. */
static void dispi_each_read(struct kunit *test)
{
	struct weft_dispi d;
	u8 *buf, att = 0x33;
	size_t len, i;
	u32 at;

	weft_dispi_init(&d, SZ_16M);
	set_mode(&d, 0x123, 0x145, 32, 0x167, 0x89, 0xab);
	weft_dispi_write(&d, 0x400, &att, 1);
	KUNIT_EXPECT_EQ(test, byte_at(&d, 0x400), 0x33);
	for (len = 1; len <= 8; len++) {
		buf = kmalloc(len, GFP_KERNEL);	/* exact, for the sanitizer */
		KUNIT_ASSERT_NOT_NULL(test, buf);
		for (at = 0x3f0; at < 0x620; at++) {
			memset(buf, 0x77, len);
			weft_dispi_read(&d, at, buf, len);
			for (i = 0; i < len; i++)
				if (buf[i] != byte_at(&d, at + i))
					KUNIT_FAIL(test,
						   "byte %zu of %zu from 0x%x: 0x%02x, not 0x%02x",
						   i, len, at, buf[i],
						   byte_at(&d, at + i));
		}
		kfree(buf);
	}
	for (at = 0; at < 0x1000; at++)
		if (at != 0x400 && (at < 0x500 || at >= 0x516) &&
		    (at < 0x600 || at >= 0x608))
			KUNIT_EXPECT_EQ_MSG(test, byte_at(&d, at), 0, "at 0x%x", at);
}

/* Registers by halves are registers, whichever half comes first. */
static void dispi_halves(struct kunit *test)
{
	struct weft_dispi d;
	u8 low = 0x34, high = 0x12;
	int reg, first;

	for (first = 0; first < 2; first++) {
		weft_dispi_init(&d, SZ_16M);
		for (reg = WEFT_DISPI_XRES; reg < WEFT_DISPI_VIRT_HEIGHT; reg++) {
			u32 at = 0x500 + 2 * reg;

			weft_dispi_write(&d, first ? at + 1 : at,
					 first ? &high : &low, 1);
			weft_dispi_write(&d, first ? at : at + 1,
					 first ? &low : &high, 1);
			KUNIT_EXPECT_EQ(test, get(&d, reg), 0x1234);
			KUNIT_EXPECT_EQ(test, byte_at(&d, at), 0x34);
			KUNIT_EXPECT_EQ(test, byte_at(&d, at + 1), 0x12);
		}
	}
}

/* Any writes, of any size, anywhere: the model is a register file of bytes. */
static void dispi_random(struct kunit *test)
{
	static const u64 vrams[] = { SZ_4M, SZ_8M, SZ_64M, SZ_1G, SZ_4G };
	static const u16 sizes[] = {
		0, 1, 16, 32, 480, 640, 768, 800, 1024, 1200, 1920, 2160, 3840,
		12000, 12001, 16000, 16001, 32768, 65535,
	};
	int round, step, shown = 0, hidden = 0;
	struct weft_rng rng;

	weft_rng_start(test, &rng);
	for (round = 0; round < 200; round++) {
		u64 vram = vrams[weft_rng_below(&rng, ARRAY_SIZE(vrams))];
		struct weft_scanout s, was = {};
		u16 model[16] = {};
		struct weft_dispi d;

		weft_dispi_init(&d, vram);
		for (step = 0; step < 200; step++) {
			u8 buf[8];
			u32 at = weft_rng_below(&rng, 0x1000), i;
			size_t len = 1 + weft_rng_below(&rng, 8);
			bool touched, on;

			/* Mostly whole registers with likely values. */
			for (i = 0; i < 8; i++)
				buf[i] = weft_rng_u64(&rng);
			if (!weft_rng_one_in(&rng, 4)) {
				u16 val = sizes[weft_rng_below(&rng,
							       ARRAY_SIZE(sizes))];

				at = 0x500 + 2 * weft_rng_below(&rng, 11);
				len = 2;
				if (at == 0x506)
					val = weft_rng_one_in(&rng, 3) ? 16 : 32;
				if (at == 0x508)
					val = weft_rng_below(&rng, 4) ? 0x41 : 0;
				buf[0] = val;
				buf[1] = val >> 8;
			} else if (weft_rng_one_in(&rng, 2)) {
				at = 0x4f8 + weft_rng_below(&rng, 0x28);
			}
			touched = weft_dispi_write(&d, at, buf, len);
			for (i = at; i < at + len; i++) {
				int reg = ((int)i - 0x500) / 2;

				if (i < 0x500 || i >= 0x516 || !reg ||
				    reg == WEFT_DISPI_VIRT_HEIGHT ||
				    reg == WEFT_DISPI_VIDEO_MEMORY_64K)
					continue;
				if (i & 1)
					model[reg] = (model[reg] & 0xff) |
						     buf[i - at] << 8;
				else
					model[reg] = (model[reg] & 0xff00) |
						     buf[i - at];
			}

			for (i = WEFT_DISPI_XRES; i < WEFT_DISPI_VIRT_HEIGHT; i++)
				if (get(&d, i) != model[i])
					KUNIT_FAIL(test,
						   "round %d step %d: register %u is 0x%x, not 0x%x",
						   round, step, i, get(&d, i),
						   model[i]);
			if (get(&d, WEFT_DISPI_ID) != 0xb0c5)
				KUNIT_FAIL(test, "round %d step %d: the id", round,
					   step);

			on = weft_dispi_scanout(&d, &s);
			if (on)
				shown++;
			else
				hidden++;
			if (on && (!s.width || !s.height ||
				   (s.bpp != 16 && s.bpp != 32) ||
				   s.stride < s.width * s.bpp / 8 ||
				   s.width > 16000 || s.height > 12000 ||
				   s.offset > vram || s.size > vram - s.offset ||
				   /* The last pixel of the last line. */
				   s.offset + (u64)s.stride * (s.height - 1) +
				   (u64)s.width * s.bpp / 8 > vram ||
				   s.size < (u64)s.stride * (s.height - 1) +
					    s.width * s.bpp / 8))
				KUNIT_FAIL(test,
					   "round %d step %d: %ux%u, %u bits, stride %u, at %llu, %llu bytes of %llu",
					   round, step, s.width, s.height, s.bpp,
					   s.stride, (unsigned long long)s.offset,
					   (unsigned long long)s.size,
					   (unsigned long long)vram);
			/* Who is told of no change need not look again. */
			if (!touched && memcmp(&s, &was, sizeof(s)))
				KUNIT_FAIL(test, "round %d step %d: changed, and not told",
					   round, step);
			was = s;
		}
	}
	KUNIT_EXPECT_GT(test, shown, 1000);
	KUNIT_EXPECT_GT(test, hidden, 1000);
}

static struct kunit_case dispi_cases[] = {
	KUNIT_CASE(dispi_after_reset),
	KUNIT_CASE(dispi_memory_register),
	KUNIT_CASE_PARAM(dispi_modes, mode_gen_params),
	KUNIT_CASE(dispi_read_only),
	KUNIT_CASE(dispi_byte_order),
	KUNIT_CASE(dispi_each_read),
	KUNIT_CASE(dispi_halves),
	KUNIT_CASE(dispi_random),
	{}
};

static struct kunit_suite dispi_suite = {
	.name = "weft_dispi",
	.test_cases = dispi_cases,
};

kunit_test_suite(dispi_suite);

MODULE_DESCRIPTION("KUnit tests of weft's display registers");
MODULE_LICENSE("GPL");
