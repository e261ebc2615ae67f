// SPDX-License-Identifier: GPL-2.0
/*
 * The monitor and the EDID region: the protocol as QEMU speaks it, and as it
 * shouldn't be spoken. A guest never sees an EDID that wasn't checked.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rng.h"

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../edid.h"
#include "../monitor.h"
#else
#include "../edid.c"
#include "../edid_check.c"
#include "../monitor.c"
#endif

/* Offsets of struct vfio_region_gfx_edid, which is ABI. */
#define EDID_OFFSET	0
#define EDID_MAX_SIZE	4
#define EDID_SIZE	8
#define MAX_XRES	12
#define MAX_YRES	16
#define LINK_STATE	20
#define UP		1
#define DOWN		2

#define GUEST_WINDOW	1024

static const struct weft_mode max_8m = { 1920, 1080 };

static u32 field(struct kunit *test, const struct weft_monitor *m, u32 offset)
{
	u32 val = 0x77777777;

	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(m, offset, (u8 *)&val, 4), 0);
	return val;
}

static int set_field(struct weft_monitor *m, u32 offset, u32 val,
		     const char **why)
{
	return weft_monitor_region_write(m, offset, (u8 *)&val, 4, why);
}

static void start(struct kunit *test, struct weft_monitor *m)
{
	memset(m, 0xa5, sizeof(*m));
	KUNIT_ASSERT_EQ(test, weft_monitor_init(m, SZ_8M, &max_8m), 0);
}

static void monitor_starts_connected(struct kunit *test)
{
	/* the largest that fits twice: a guest flips between two buffers */
	const struct weft_mode twice = { 1280, 800 };
	u8 want[WEFT_EDID_SIZE], *have;
	struct weft_monitor m;
	int len;

	start(test, &m);
	KUNIT_EXPECT_EQ(test, field(test, &m, EDID_OFFSET), 0x100);
	KUNIT_EXPECT_EQ(test, field(test, &m, EDID_MAX_SIZE),
			WEFT_MONITOR_EDID_MAX);
	KUNIT_EXPECT_EQ(test, field(test, &m, MAX_XRES), 1920);
	KUNIT_EXPECT_EQ(test, field(test, &m, MAX_YRES), 1080);
	KUNIT_EXPECT_EQ(test, field(test, &m, LINK_STATE), UP);

	len = weft_edid_generate(want, sizeof(want), SZ_8M, &twice, 0);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_EXPECT_EQ(test, field(test, &m, EDID_SIZE), len);
	have = kunit_kzalloc(test, WEFT_MONITOR_REGION_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, have);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, 0, have,
						       WEFT_MONITOR_REGION_SIZE),
			0);
	KUNIT_EXPECT_MEMEQ(test, have + 0x100, want, len);
	weft_monitor_guest_read(&m, 0, have, len);
	KUNIT_EXPECT_MEMEQ(test, have, want, len);
}

static void monitor_needs_a_mode(struct kunit *test)
{
	/* 640x480, which has to fit twice */
	static const u32 least = 2 * 640 * 480 * 4;
	static const u32 few[] = { SZ_1M, SZ_2M, least - 1 };
	struct weft_monitor m;
	int i;

	for (i = 0; i < ARRAY_SIZE(few); i++) {
		KUNIT_EXPECT_EQ(test, weft_monitor_init(&m, least, &max_8m), 0);
		KUNIT_EXPECT_TRUE(test, m.connected);
		KUNIT_EXPECT_EQ(test, weft_monitor_init(&m, few[i], &max_8m), -EINVAL);
		KUNIT_EXPECT_FALSE(test, m.connected);
	}
}

/* However much VRAM there is, no guest starts with more pixels than a usual screen has. */
static void monitor_prefers_no_more(struct kunit *test)
{
	static const struct weft_mode most = { 3840, 2160 };
	u8 timing[18];
	struct weft_monitor m;
	u64 bytes;

	for (bytes = SZ_16M; bytes <= SZ_1G; bytes *= 2) {
		KUNIT_ASSERT_EQ(test, weft_monitor_init(&m, bytes, &most), 0);
		weft_monitor_guest_read(&m, 54, timing, sizeof(timing));
		KUNIT_EXPECT_EQ(test, timing[2] | (timing[4] & 0xf0) << 4, 1920);
		KUNIT_EXPECT_EQ(test, timing[5] | (timing[7] & 0xf0) << 4, 1080);
	}
}

/* Each access to the region, or the guest's window, is so many single bytes. */
static void monitor_each_read(struct kunit *test)
{
	u8 *all = kunit_kzalloc(test, WEFT_MONITOR_REGION_SIZE, GFP_KERNEL);
	u8 *guest = kunit_kzalloc(test, GUEST_WINDOW, GFP_KERNEL), *buf;
	struct weft_monitor m;
	size_t len, i;
	u32 at;

	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_ASSERT_NOT_NULL(test, guest);
	start(test, &m);
	for (at = 0; at < WEFT_MONITOR_REGION_SIZE; at++)
		KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, at, all + at, 1),
				0);
	for (at = 0; at < GUEST_WINDOW; at++)
		weft_monitor_guest_read(&m, at, guest + at, 1);
	KUNIT_EXPECT_MEMEQ(test, guest, all + 0x100, m.size);
	for (i = m.size; i < GUEST_WINDOW; i++)
		KUNIT_EXPECT_EQ(test, guest[i], 0);

	for (len = 0; len <= 9; len++) {
		buf = kmalloc(max_t(size_t, len, 1), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, buf);
		for (at = 0; at <= WEFT_MONITOR_REGION_SIZE + 4; at++) {
			bool inside = at + len <= WEFT_MONITOR_REGION_SIZE;

			memset(buf, 0x77, max_t(size_t, len, 1));
			KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, at, buf, len),
					inside ? 0 : -EINVAL);
			for (i = 0; i < len; i++)
				KUNIT_EXPECT_EQ(test, buf[i],
						inside ? all[at + i] : 0x77);
		}
		for (at = 0; at + len <= GUEST_WINDOW; at++) {
			weft_monitor_guest_read(&m, at, buf, len);
			for (i = 0; i < len; i++)
				KUNIT_EXPECT_EQ(test, buf[i], guest[at + i]);
		}
		kfree(buf);
	}
	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, U32_MAX, all, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, 0, all, SIZE_MAX),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, 1, all, SIZE_MAX),
			-EINVAL);
}

/* Link down, size, EDID, link up: then the guest has the new one. */
static void monitor_update(struct kunit *test)
{
	static const struct weft_mode pref = { 1024, 768 };
	const char *why = NULL;
	struct weft_monitor m;
	u8 e[WEFT_EDID_SIZE], seen[WEFT_EDID_SIZE] = {};
	int len;

	start(test, &m);
	len = weft_edid_generate(e, sizeof(e), SZ_8M, &pref, 99);
	KUNIT_ASSERT_EQ(test, len, 128);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
	KUNIT_EXPECT_EQ(test, field(test, &m, LINK_STATE), DOWN);
	/* Nobody there, as the guest sees it. */
	weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
	KUNIT_EXPECT_EQ(test, seen[1], 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, len, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, e, len, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), 0);
	KUNIT_EXPECT_EQ(test, field(test, &m, LINK_STATE), UP);
	KUNIT_EXPECT_EQ(test, field(test, &m, EDID_SIZE), len);
	weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
	KUNIT_EXPECT_MEMEQ(test, seen, e, len);
	/* Up again is no error. */
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), 0);
}

/* The same the other way round, and by bytes. */
static void monitor_update_by_pieces(struct kunit *test)
{
	const char *why = NULL;
	struct weft_monitor m;
	u8 e[WEFT_EDID_SIZE], seen[WEFT_EDID_SIZE];
	int len, i;

	start(test, &m);
	len = weft_edid_generate(e, sizeof(e), SZ_8M, NULL, 7);
	KUNIT_ASSERT_EQ(test, len, 128);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, len, &why), 0);
	for (i = len - 1; i >= 0; i--)
		KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100 + i, e + i,
								1, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), 0);
	weft_monitor_guest_read(&m, 0, seen, len);
	KUNIT_EXPECT_MEMEQ(test, seen, e, len);
}

static void monitor_up_is_locked(struct kunit *test)
{
	struct weft_monitor m, before;
	const char *why = NULL;
	u8 byte = 1;

	start(test, &m);
	before = m;
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, &byte, 1, &why),
			-EBUSY);
	KUNIT_EXPECT_NOT_NULL(test, why);
	why = NULL;
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, 256, &why), -EBUSY);
	KUNIT_EXPECT_NOT_NULL(test, why);
	KUNIT_EXPECT_MEMEQ(test, &m, &before, sizeof(m));
}

static void monitor_refuses_writes(struct kunit *test)
{
	static const struct {
		u32 offset;
		size_t len;
	} bad[] = {
		{ EDID_OFFSET, 4 }, { EDID_MAX_SIZE, 4 }, { MAX_XRES, 4 },
		{ MAX_YRES, 4 }, { 24, 4 }, { 0xfc, 4 },	/* not for writing */
		{ EDID_SIZE, 1 }, { EDID_SIZE, 8 }, { LINK_STATE, 2 },
		{ LINK_STATE, 0 }, { EDID_SIZE + 1, 4 }, { LINK_STATE - 2, 4 },
		{ 0xfe, 4 }, { 0xff, 8 },			/* into the EDID */
		{ WEFT_MONITOR_REGION_SIZE, 1 },
		{ WEFT_MONITOR_REGION_SIZE - 1, 2 },
		{ WEFT_MONITOR_REGION_SIZE + 1, 0 },
		{ U32_MAX, 1 }, { U32_MAX, 4 }, { 0, SIZE_MAX }, { 0x100, SIZE_MAX },
	};
	struct weft_monitor m, before;
	u8 buf[8] = { 1 };
	const char *why;
	int i;

	start(test, &m);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
	before = m;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		KUNIT_EXPECT_EQ_MSG(test,
				    weft_monitor_region_write(&m, bad[i].offset, buf,
							      bad[i].len, &why),
				    -EINVAL, "case %d", i);
		KUNIT_EXPECT_TRUE_MSG(test, why && why[0], "case %d", i);
	}
	why = NULL;
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, WEFT_MONITOR_EDID_MAX + 1,
					&why), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, why);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, U32_MAX, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, 0, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, 3, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, U32_MAX, &why), -EINVAL);
	KUNIT_EXPECT_MEMEQ(test, &m, &before, sizeof(m));
	/* The largest size and the last byte there are may be written. */
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, WEFT_MONITOR_EDID_MAX,
					&why), 0);
	KUNIT_EXPECT_EQ(test,
			weft_monitor_region_write(&m, WEFT_MONITOR_REGION_SIZE - 1,
						  buf, 1, &why), 0);
	/* Nothing at all, up to where the region ends. */
	before = m;
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, WEFT_MONITOR_REGION_SIZE, buf, 0,
							&why), 0);
	KUNIT_EXPECT_MEMEQ(test, &m, &before, sizeof(m));
}

/* A bad EDID stays unplugged, and the next one gets its chance. */
static void monitor_checks_on_up(struct kunit *test)
{
	static const struct weft_mode big = { 2560, 1600 };
	u8 e[WEFT_EDID_SIZE], seen[WEFT_EDID_SIZE];
	const char *why = NULL;
	struct weft_monitor m;
	int len, i;

	start(test, &m);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);

	/* No EDID at all. */
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, 0, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, why);
	KUNIT_EXPECT_EQ(test, field(test, &m, LINK_STATE), DOWN);

	/* One of a larger type. */
	len = weft_edid_generate(e, sizeof(e), SZ_16M, &big, 0);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, len, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, e, len, &why), 0);
	why = NULL;
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), -EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, why);
	KUNIT_EXPECT_STREQ(test, why,
			   "a mode is larger than the type's maximum resolution");
	KUNIT_EXPECT_EQ(test, field(test, &m, LINK_STATE), DOWN);
	memset(seen, 0x77, sizeof(seen));
	weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
	for (i = 0; i < sizeof(seen); i++)
		KUNIT_EXPECT_EQ(test, seen[i], 0);

	/* A right one; of the larger one nothing may be left behind it. */
	len = weft_edid_generate(e, sizeof(e), SZ_8M, NULL, 0);
	KUNIT_ASSERT_EQ(test, len, 128);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, len, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, e, len, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), 0);
	memset(seen, 0x77, sizeof(seen));
	weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
	KUNIT_EXPECT_MEMEQ(test, seen, e, len);
	for (i = len; i < sizeof(seen); i++)
		KUNIT_EXPECT_EQ(test, seen[i], 0);
}

/* Of what is behind the EDID the guest sees nothing, nor is it kept. */
static void monitor_size_is_the_end(struct kunit *test)
{
	u8 e[WEFT_EDID_SIZE], seen[WEFT_EDID_SIZE];
	const char *why = NULL;
	struct weft_monitor m;
	int len;

	start(test, &m);
	len = weft_edid_generate(e, sizeof(e), SZ_8M, NULL, 0);
	KUNIT_ASSERT_EQ(test, len, 128);
	memset(e + len, 0x5a, sizeof(e) - len);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, e, sizeof(e),
							&why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, UP, &why), 0);
	weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
	KUNIT_EXPECT_MEMEQ(test, seen, e, len);
	KUNIT_EXPECT_NULL(test, memchr_inv(seen + len, 0, sizeof(seen) - len));

	KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
	KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, 100, &why), 0);
	KUNIT_EXPECT_EQ(test, weft_monitor_region_read(&m, 0x100, seen,
						       sizeof(seen)), 0);
	KUNIT_EXPECT_MEMEQ(test, seen, e, 100);
	KUNIT_EXPECT_NULL(test, memchr_inv(seen + 100, 0, sizeof(seen) - 100));
}

/* Width, height and VRAM are limits each of its own. */
static void monitor_limits(struct kunit *test)
{
	static const struct {
		u64 vram, generated;
		struct weft_mode pref;
		const char *why;
	} limits[] = {
		{ SZ_8M, SZ_8M, { 1920, 1080 }, NULL },
		{ SZ_8M, SZ_8M, { 1928, 800 },
		  "a mode is larger than the type's maximum resolution" },
		{ SZ_8M, SZ_8M, { 1280, 1088 },
		  "a mode is larger than the type's maximum resolution" },
		{ SZ_4M, SZ_8M, { 1920, 1080 },
		  "a mode takes more VRAM than the instance has" },
	};
	const char *why;
	struct weft_monitor m;
	u8 e[WEFT_EDID_SIZE];
	int i, len, ret;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		KUNIT_ASSERT_EQ(test, weft_monitor_init(&m, limits[i].vram, &max_8m),
				0);
		len = weft_edid_generate(e, sizeof(e), limits[i].generated,
					 &limits[i].pref, 0);
		KUNIT_ASSERT_GT(test, len, 0);
		KUNIT_EXPECT_EQ(test, set_field(&m, LINK_STATE, DOWN, &why), 0);
		KUNIT_EXPECT_EQ(test, set_field(&m, EDID_SIZE, len, &why), 0);
		KUNIT_EXPECT_EQ(test, weft_monitor_region_write(&m, 0x100, e, len,
								&why), 0);
		why = NULL;
		ret = set_field(&m, LINK_STATE, UP, &why);
		KUNIT_EXPECT_EQ_MSG(test, ret, limits[i].why ? -EINVAL : 0,
				    "case %d", i);
		if (limits[i].why && why)
			KUNIT_EXPECT_STREQ(test, why, limits[i].why);
	}
}

/* Anything written anywhere: what the guest sees was checked, or is nothing. */
static void monitor_random(struct kunit *test)
{
	static const u32 fields[] = {
		EDID_OFFSET, EDID_MAX_SIZE, EDID_SIZE, MAX_XRES, LINK_STATE,
		LINK_STATE, LINK_STATE, EDID_SIZE,
	};
	int step, ups = 0, refused = 0;
	struct weft_monitor m;
	struct weft_rng rng;

	weft_rng_start(test, &rng);
	start(test, &m);
	for (step = 0; step < 50000; step++) {
		u8 buf[WEFT_EDID_SIZE], seen[WEFT_MONITOR_EDID_MAX];
		const char *why = NULL, *no;
		u32 at, val, was;
		size_t len;
		int ret;

		was = m.connected;
		if (weft_rng_one_in(&rng, 2)) {
			at = fields[weft_rng_below(&rng, ARRAY_SIZE(fields))];
			val = at == LINK_STATE ? 1 + weft_rng_below(&rng, 2) :
			      128 * weft_rng_below(&rng, 6);
			ret = set_field(&m, at, val, &why);
		} else if (weft_rng_one_in(&rng, 2)) {
			/* A right one, for some VRAM. */
			ret = weft_edid_generate(buf, sizeof(buf),
						 SZ_4M << weft_rng_below(&rng, 4),
						 NULL, step);
			ret = weft_monitor_region_write(&m, 0x100, buf, ret, &why);
		} else {
			at = weft_rng_below(&rng, WEFT_MONITOR_REGION_SIZE + 8);
			len = weft_rng_below(&rng, 9);
			for (val = 0; val < 8; val++)
				buf[val] = weft_rng_u64(&rng);
			ret = weft_monitor_region_write(&m, at, buf, len, &why);
		}
		if (ret) {
			refused++;
			if ((ret != -EINVAL && ret != -EBUSY) || !why || !why[0])
				KUNIT_FAIL(test, "step %d: %d, %s", step, ret,
					   why ? why : "no reason");
		}
		if (m.size > WEFT_MONITOR_EDID_MAX)
			KUNIT_FAIL(test, "step %d: size %u", step, m.size);

		memset(seen, 0x77, sizeof(seen));
		weft_monitor_guest_read(&m, 0, seen, sizeof(seen));
		if (m.connected) {
			ups += !was;
			if (weft_edid_check(seen, m.size, SZ_8M, 1920, 1080, &no))
				KUNIT_FAIL(test, "step %d: the guest sees what was not checked: %s",
					   step, no);
		} else if (memchr_inv(seen, 0, sizeof(seen))) {
			KUNIT_FAIL(test, "step %d: unplugged, and there is an EDID",
				   step);
		}
	}
	KUNIT_EXPECT_GT(test, ups, 50);
	KUNIT_EXPECT_GT(test, refused, 50);
}

static struct kunit_case monitor_cases[] = {
	KUNIT_CASE(monitor_starts_connected),
	KUNIT_CASE(monitor_needs_a_mode),
	KUNIT_CASE(monitor_prefers_no_more),
	KUNIT_CASE(monitor_each_read),
	KUNIT_CASE(monitor_update),
	KUNIT_CASE(monitor_update_by_pieces),
	KUNIT_CASE(monitor_up_is_locked),
	KUNIT_CASE(monitor_refuses_writes),
	KUNIT_CASE(monitor_checks_on_up),
	KUNIT_CASE(monitor_size_is_the_end),
	KUNIT_CASE(monitor_limits),
	KUNIT_CASE(monitor_random),
	{}
};

static struct kunit_suite monitor_suite = {
	.name = "weft_monitor",
	.test_cases = monitor_cases,
};

kunit_test_suite(monitor_suite);

MODULE_DESCRIPTION("KUnit tests of weft's monitor");
MODULE_LICENSE("GPL");
