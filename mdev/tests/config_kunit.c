// SPDX-License-Identifier: GPL-2.0
/*
 * PCI config space. What may be written is listed here a second time, from the
 * PCI specification and not from the room.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rng.h"
#include "../dispi.h"

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../config.h"
#else
#include "../config.c"
#endif

static const u64 vrams[] = {
	SZ_4M, SZ_8M, SZ_64M, SZ_512M, SZ_1G, SZ_2G, SZ_4G, 2 * SZ_4G,
	(u64)SZ_1G << 7,
};

static void vram_name(const u64 *bytes, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lluM",
		 (unsigned long long)*bytes / SZ_1M);
}

KUNIT_ARRAY_PARAM(vram, vrams, vram_name);

static u64 the_vram(struct kunit *test)
{
	return *(const u64 *)test->param_value;
}

/* A value of little-endian bytes, of any size up to 8. */
static u64 get(const struct weft_config *config, u64 offset, size_t len)
{
	u8 buf[8] = {};
	u64 v = 0;

	if (weft_config_read(config, offset, buf, len))
		return U64_MAX;
	while (len--)
		v = v << 8 | buf[len];
	return v;
}

static int put(struct weft_config *config, u64 offset, size_t len, u64 v)
{
	u8 buf[8];
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = v >> 8 * i;
	return weft_config_write(config, offset, buf, len);
}

/* Which bits the guest may change. */
static void allowed(u64 vram, u8 *mask)
{
	u64 address = ~(vram - 1);
	int i;

	memset(mask, 0, 256);
	mask[0x04] = 0x46;	/* memory, bus master, parity response */
	mask[0x05] = 0x05;	/* SERR, INTx disable */
	mask[0x0c] = 0xff;	/* cache line size */
	mask[0x3c] = 0xff;	/* interrupt line */
	for (i = 0; i < (vram > SZ_1G ? 8 : 4); i++)
		mask[0x10 + i] = address >> 8 * i;
	mask[0x19] = 0xf0;	/* BAR 2: 4 KiB */
	mask[0x1a] = 0xff;
	mask[0x1b] = 0xff;
	mask[0x42] = 0x01;	/* MSI: enable, address, data */
	mask[0x44] = 0xfc;
	memset(mask + 0x45, 0xff, 9);
	mask[0x63] = 0xc0;	/* MSI-X: enable, mask all */
}

static void config_identity(struct kunit *test)
{
	static const struct {
		u8 offset, len;
		u32 value;
	} want[] = {
		{ 0x00, 2, 0x1234 }, { 0x02, 2, 0x1111 },
		{ 0x04, 2, 0 },			/* nothing is enabled */
		{ 0x06, 2, 0x0010 },		/* has capabilities */
		{ 0x08, 1, 2 },			/* bochs-drm wants at least 2 */
		{ 0x09, 3, 0x038000 },		/* display controller, other */
		{ 0x0e, 1, 0 },			/* one function, type 0 */
		{ 0x28, 4, 0 },			/* no CardBus */
		{ 0x2c, 2, 0x1af4 }, { 0x2e, 2, 0x1100 },
		{ 0x30, 4, 0 },			/* no ROM */
		{ 0x3d, 1, 0 },			/* no INTx */
		{ 0x18, 4, 0 }, { 0x1c, 4, 0 }, { 0x20, 4, 0 }, { 0x24, 4, 0 },
	};
	struct weft_config config;
	int i;

	weft_config_init(&config, the_vram(test));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_EQ_MSG(test, get(&config, want[i].offset, want[i].len),
				    want[i].value, "at 0x%02x", want[i].offset);
}

static void config_capabilities(struct kunit *test)
{
	u8 seen[256] = {}, cap, id, len;
	int n, msi = 0, msix = 0;
	struct weft_config config;
	u32 table, pba;

	weft_config_init(&config, the_vram(test));
	cap = get(&config, 0x34, 1);
	for (n = 0; cap; n++, cap = get(&config, cap + 1, 1)) {
		KUNIT_ASSERT_LT(test, n, 48);
		KUNIT_ASSERT_GE(test, cap, 0x40);
		KUNIT_ASSERT_EQ(test, cap % 4, 0);
		id = get(&config, cap, 1);
		len = id == 0x11 ? 12 : 14;
		/* None in another's place, or past the end. */
		KUNIT_ASSERT_LE(test, cap + len, 256);
		for (; len > 0; len--)
			KUNIT_EXPECT_EQ(test, seen[cap + len - 1]++, 0);
		if (id == 0x05) {
			msi++;
			/* Off, one vector, 64-bit address, no mask bits. */
			KUNIT_EXPECT_EQ(test, get(&config, cap + 2, 2), 0x0080);
		} else if (id == 0x11) {
			msix++;
			/* Off, one vector, both tables in BAR 2. */
			KUNIT_EXPECT_EQ(test, get(&config, cap + 2, 2), 0);
			table = get(&config, cap + 4, 4);
			pba = get(&config, cap + 8, 4);
			KUNIT_EXPECT_EQ(test, table & 7, 2);
			KUNIT_EXPECT_EQ(test, pba & 7, 2);
			table &= ~7;
			pba &= ~7;
			/* Behind the registers, inside the 4 KiB, apart. */
			KUNIT_EXPECT_GE(test, table, WEFT_DISPI_QEXT_END);
			KUNIT_EXPECT_LE(test, table + 16, pba);
			KUNIT_EXPECT_LE(test, pba + 8, 4096);
		}
	}
	KUNIT_EXPECT_EQ(test, msi, 1);
	KUNIT_EXPECT_EQ(test, msix, 1);
}

/* Each byte, from each of four states, with each value. */
static void config_each_byte(struct kunit *test)
{
	static const u8 states[] = { 0x00, 0xff, 0xaa, 0x55 };
	struct weft_config config, before;
	u64 vram = the_vram(test);
	u8 mask[256];
	int s, at, v, i;

	allowed(vram, mask);
	weft_config_init(&config, vram);
	for (s = 0; s < ARRAY_SIZE(states); s++) {
		for (at = 0; at < 256; at++)
			put(&config, at, 1, states[s]);
		before = config;
		for (at = 0; at < 256; at++) {
			for (v = 0; v < 256; v++) {
				u8 want = (before.data[at] & ~mask[at]) |
					  (v & mask[at]);

				KUNIT_EXPECT_EQ(test, put(&config, at, 1, v), 0);
				if (get(&config, at, 1) != want)
					KUNIT_FAIL(test,
						   "0x%02x in byte 0x%02x: 0x%02x, not 0x%02x",
						   v, at,
						   (u8)get(&config, at, 1), want);
			}
			put(&config, at, 1, before.data[at]);
			/* And no other byte. */
			for (i = 0; i < 256; i++)
				if (config.data[i] != before.data[i])
					KUNIT_FAIL(test,
						   "a write of byte 0x%02x changed byte 0x%02x",
						   at, i);
		}
	}
}

/* The sizing protocol of PCI 3.0, section 6.2.5.1. */
static void config_bar_sizing(struct kunit *test)
{
	struct weft_config config;
	u64 vram = the_vram(test), bar, address;
	bool wide = vram > SZ_1G;
	u32 low;

	weft_config_init(&config, vram);
	/* Memory, prefetchable, 64 bits wide or not. */
	low = get(&config, 0x10, 4);
	KUNIT_EXPECT_EQ(test, low & 0xf, wide ? 0xc : 0x8);

	put(&config, 0x10, 4, U32_MAX);
	put(&config, 0x14, 4, U32_MAX);
	low = get(&config, 0x10, 4);
	KUNIT_EXPECT_EQ(test, low & 0xf, wide ? 0xc : 0x8);
	bar = get(&config, 0x14, 4) << 32 | (low & ~0xf);
	if (!wide) {
		KUNIT_EXPECT_EQ(test, get(&config, 0x14, 4), 0);
		bar |= 0xffffffffULL << 32;
	}
	KUNIT_EXPECT_EQ(test, ~bar + 1, vram);

	/* An address sticks, down to the size. */
	address = wide ? 0x123456789abcdef0ULL : 0xfedcba98;
	put(&config, 0x10, 4, address);
	put(&config, 0x14, 4, address >> 32);
	bar = get(&config, 0x14, 4) << 32 | (get(&config, 0x10, 4) & ~0xf);
	KUNIT_EXPECT_EQ(test, bar, address & ~(vram - 1));

	/* BAR 2: 4 KiB, 32 bits, not prefetchable; and there is no other. */
	put(&config, 0x18, 4, U32_MAX);
	KUNIT_EXPECT_EQ(test, get(&config, 0x18, 4), 0xfffff000);
	for (low = 0x1c; low <= 0x24; low += 4) {
		put(&config, low, 4, U32_MAX);
		KUNIT_EXPECT_EQ(test, get(&config, low, 4), 0);
	}
	put(&config, 0x30, 4, U32_MAX);
	KUNIT_EXPECT_EQ(test, get(&config, 0x30, 4), 0);
}

/* Each size at each offset is so many single bytes, and outside is refused. */
static void config_each_access(struct kunit *test)
{
	struct weft_config config, bytes, before;
	u64 vram = the_vram(test);
	u8 *exact, src[9];
	struct weft_rng rng;
	size_t len, i;
	u64 at;

	weft_rng_start(test, &rng);
	weft_config_init(&config, vram);
	for (at = 0; at <= 260; at++) {
		for (len = 1; len <= 9; len++) {
			for (i = 0; i < len; i++)
				src[i] = weft_rng_u64(&rng);
			before = config;
			bytes = config;
			if (at + len > 256) {
				exact = kmalloc(len, GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, exact);
				memset(exact, 0x77, len);
				KUNIT_EXPECT_EQ(test, weft_config_write(&config, at, src, len),
						-EINVAL);
				KUNIT_EXPECT_EQ(test, weft_config_read(&config, at, exact, len),
						-EINVAL);
				for (i = 0; i < len; i++)
					KUNIT_EXPECT_EQ(test, exact[i], 0x77);
				kfree(exact);
				KUNIT_EXPECT_MEMEQ(test, &config, &before,
						   sizeof(config));
				continue;
			}
			KUNIT_EXPECT_EQ(test, weft_config_write(&config, at, src, len), 0);
			for (i = 0; i < len; i++)
				put(&bytes, at + i, 1, src[i]);
			KUNIT_EXPECT_MEMEQ(test, config.data, bytes.data, 256);

			exact = kmalloc(len, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, exact);
			KUNIT_EXPECT_EQ(test, weft_config_read(&config, at, exact, len), 0);
			for (i = 0; i < len; i++)
				KUNIT_EXPECT_EQ(test, exact[i], get(&config, at + i, 1));
			kfree(exact);
		}
	}
}

static void config_far_offsets(struct kunit *test)
{
	static const struct {
		u64 offset;
		size_t len;
	} bad[] = {
		{ 256, 1 }, { 255, 2 }, { 0, 257 }, { 257, 0 }, { 1ULL << 32, 4 },
		{ 1ULL << 63, 1 }, { U64_MAX, 1 }, { U64_MAX - 3, 8 },
		{ 0, SIZE_MAX }, { 1, SIZE_MAX }, { 255, SIZE_MAX },
		{ U64_MAX, SIZE_MAX },
	};
	struct weft_config config, before;
	u8 buf[8] = {};
	int i;

	weft_config_init(&config, SZ_16M);
	before = config;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, weft_config_read(&config, bad[i].offset,
							   buf, bad[i].len),
				    -EINVAL, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, weft_config_write(&config, bad[i].offset,
							    buf, bad[i].len),
				    -EINVAL, "case %d", i);
	}
	/* Nothing at all, up to the end, is no mistake. */
	KUNIT_EXPECT_EQ(test, weft_config_read(&config, 256, buf, 0), 0);
	KUNIT_EXPECT_EQ(test, weft_config_write(&config, 256, buf, 0), 0);
	KUNIT_EXPECT_MEMEQ(test, &config, &before, sizeof(config));
}

/* Whatever a guest writes: the read-only bits stay, and a reset forgets it all. */
static void config_random(struct kunit *test)
{
	struct weft_config config, fresh;
	u64 vram = the_vram(test);
	struct weft_rng rng;
	u8 mask[256], src[16];
	int step, i;

	weft_rng_start(test, &rng);
	allowed(vram, mask);
	weft_config_init(&fresh, vram);
	memset(&config, 0xa5, sizeof(config));
	weft_config_init(&config, vram);
	KUNIT_EXPECT_MEMEQ(test, config.data, fresh.data, 256);
	for (step = 0; step < 5000; step++) {
		u64 at = weft_rng_below(&rng, 270);
		size_t len = weft_rng_below(&rng, 17);

		for (i = 0; i < 16; i++)
			src[i] = weft_rng_u64(&rng);
		weft_config_write(&config, at, src, len);
		for (i = 0; i < 256; i++)
			if ((config.data[i] ^ fresh.data[i]) & ~mask[i])
				KUNIT_FAIL(test,
					   "step %d: read-only bits of byte 0x%02x changed",
					   step, i);
		if (weft_rng_one_in(&rng, 500)) {
			weft_config_reset(&config);
			KUNIT_EXPECT_MEMEQ(test, config.data, fresh.data, 256);
			KUNIT_EXPECT_EQ(test, config.vram_bytes, vram);
		}
	}
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE_PARAM(config_identity, vram_gen_params),
	KUNIT_CASE_PARAM(config_capabilities, vram_gen_params),
	KUNIT_CASE_PARAM(config_each_byte, vram_gen_params),
	KUNIT_CASE_PARAM(config_bar_sizing, vram_gen_params),
	KUNIT_CASE_PARAM(config_each_access, vram_gen_params),
	KUNIT_CASE(config_far_offsets),
	KUNIT_CASE_PARAM(config_random, vram_gen_params),
	{}
};

static struct kunit_suite config_suite = {
	.name = "weft_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);

MODULE_DESCRIPTION("KUnit tests of weft's PCI config space");
MODULE_LICENSE("GPL");
