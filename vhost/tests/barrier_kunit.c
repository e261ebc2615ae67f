// SPDX-License-Identifier: GPL-2.0
/*
 * Barriers of rings: each is there, and what it orders is on its two sides. The
 * driver acts at the barrier, as if another CPU did. For the build in user space
 * alone: a kernel's barriers call nobody.
 */
#include <asm/barrier.h>
#include "suite.h"

KUNIT_ARRAY_PARAM(access, drv_accesses, drv_access_name);

static const struct weft_ring_config split = { .size = 8, .little = true };
static const struct weft_ring_config packed = { .size = 8, .little = true, .packed = true };

/* Who acts at the first barrier of a kind, and whether all was as it should be then */
static struct {
	struct drv *d;
	char kind;
	bool (*act)(struct drv *d);
	bool reached;
	bool good;
} watch;

static void at_barrier(char kind)
{
	if (kind != watch.kind || watch.reached)
		return;
	watch.reached = true;
	watch.good = watch.act(watch.d);
}

static void begin(struct drv *d, char kind, bool (*act)(struct drv *d))
{
	watch.d = d;
	watch.kind = kind;
	watch.act = act;
	watch.reached = false;
	watch.good = false;
	unit_barrier = at_barrier;
}

static void end(struct kunit *test)
{
	unit_barrier = NULL;
	KUNIT_EXPECT_TRUE(test, watch.reached);
	KUNIT_EXPECT_TRUE(test, watch.good);
}

/* ---- split ---- */

/* Another buffer is at the head than before the index was read. */
static bool other_head(struct drv *d)
{
	drv_split_heads(d, 0, 5);
	drv_split_desc(d, 5, 0x5000, 50, 0, 0);
	return true;
}

static void barrier_split_index_then_head(struct kunit *test)
{
	struct drv *d = drv_start(test, &split, 0);
	struct drv_case *k = test->priv;

	drv_split_desc(d, 3, 0x3000, 30, 0, 0);
	drv_split_heads(d, 0, 3);
	drv_split_idx(d, 1);
	begin(d, 'r', other_head);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	end(test);
	KUNIT_EXPECT_EQ(test, k->chain.id, 5);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x5000);
}

/* Three entries are there, and the index does not say so yet. */
static bool entries_alone(struct drv *d)
{
	u32 i;

	for (i = 0; i < 3; i++)
		if (drv_get32(d, WEFT_AREA_DEVICE, 4 + 8 * i + 4) != 77)
			return false;
	return drv_get16(d, WEFT_AREA_DEVICE, 2) == 0;
}

static void barrier_split_entries_then_index(struct kunit *test)
{
	struct drv *d = drv_start(test, &split, 0);

	drv_fill(test, 3, true);
	drv_serve(test, 3, 77);
	begin(d, 'w', entries_alone);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	end(test);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), 3);
}

/* Now that the index is there, the driver wants to be called. */
static bool split_calls_on(struct drv *d)
{
	drv_put16(d, WEFT_AREA_DRIVER, 0, 0);
	return drv_get16(d, WEFT_AREA_DEVICE, 2) == 1;
}

static void barrier_split_index_then_wish(struct kunit *test)
{
	struct drv *d = drv_start(test, &split, 0);

	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	drv_put16(d, WEFT_AREA_DRIVER, 0, VRING_AVAIL_F_NO_INTERRUPT);
	begin(d, 'm', split_calls_on);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	end(test);
}

/* Kicks are on again, and there is another buffer. */
static bool split_one_more(struct drv *d)
{
	drv_split_idx(d, 1);
	return drv_get16(d, WEFT_AREA_DEVICE, 0) == 0;
}

static void barrier_split_kicks_then_index(struct kunit *test)
{
	struct drv *d = drv_start(test, &split, 0);

	weft_ring_kicks_off(&d->ring);
	KUNIT_ASSERT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), VRING_USED_F_NO_NOTIFY);
	begin(d, 'm', split_one_more);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 1);
	end(test);
}

/* ---- packed ---- */

static u16 packed_flags(const struct drv *d, u32 slot)
{
	return drv_get16(d, WEFT_AREA_DESC, 16 * slot + 14);
}

static bool is_used(const struct drv *d, u32 slot)
{
	u16 both = BIT(VRING_PACKED_DESC_F_AVAIL) | BIT(VRING_PACKED_DESC_F_USED);

	return (packed_flags(d, slot) & both) == both;
}

/* The rest of the descriptor is another one than before its flags were read. */
static bool other_desc(struct drv *d)
{
	drv_packed_desc(d, 0, 0x5000, 50, 5, packed_flags(d, 0));
	return true;
}

static void barrier_packed_flags_then_rest(struct kunit *test)
{
	struct drv *d = drv_start(test, &packed, 0);
	struct drv_case *k = test->priv;

	drv_packed_desc(d, 0, 0x3000, 30, 3, drv_packed_flags(d, 0));
	begin(d, 'r', other_desc);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	end(test);
	KUNIT_EXPECT_EQ(test, k->chain.id, 5);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x5000);
}

/* All is there but the flags of the first. */
static bool rest_alone(struct drv *d)
{
	u32 i;

	for (i = 0; i < 3; i++)
		if (drv_get32(d, WEFT_AREA_DESC, 16 * i + 8) != 77 || is_used(d, i) != !!i)
			return false;
	return true;
}

static void barrier_packed_rest_then_flags(struct kunit *test)
{
	struct drv *d = drv_start(test, &packed, 0);

	drv_fill(test, 3, true);
	drv_serve(test, 3, 77);
	begin(d, 'w', rest_alone);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	end(test);
	KUNIT_EXPECT_TRUE(test, is_used(d, 0));
}

static bool packed_calls_on(struct drv *d)
{
	drv_put16(d, WEFT_AREA_DRIVER, 2, VRING_PACKED_EVENT_FLAG_ENABLE);
	return is_used(d, 0);
}

static void barrier_packed_flags_then_wish(struct kunit *test)
{
	struct drv *d = drv_start(test, &packed, 0);

	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	drv_put16(d, WEFT_AREA_DRIVER, 2, VRING_PACKED_EVENT_FLAG_DISABLE);
	begin(d, 'm', packed_calls_on);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	end(test);
}

/* The driver's flags were read; where it wants to be called is another place now. */
static bool next_place(struct drv *d)
{
	drv_put16(d, WEFT_AREA_DRIVER, 0, 1 | BIT(VRING_PACKED_EVENT_F_WRAP_CTR));
	return true;
}

static void barrier_packed_wish_then_place(struct kunit *test)
{
	struct weft_ring_config cfg = packed;
	struct drv *d;

	cfg.event_idx = true;
	d = drv_start(test, &cfg, 0);
	drv_fill(test, 2, false);
	drv_serve(test, 1, 0);
	/* The first time, it is called in any case. */
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	drv_serve(test, 1, 0);
	drv_put16(d, WEFT_AREA_DRIVER, 0, 6 | BIT(VRING_PACKED_EVENT_F_WRAP_CTR));
	drv_put16(d, WEFT_AREA_DRIVER, 2, VRING_PACKED_EVENT_FLAG_DESC);
	begin(d, 'r', next_place);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	end(test);
}

/* Where a kick is wanted is said, and not yet that one is. */
static bool place_alone(struct drv *d)
{
	return drv_get16(d, WEFT_AREA_DEVICE, 0) == BIT(VRING_PACKED_EVENT_F_WRAP_CTR) &&
	       drv_get16(d, WEFT_AREA_DEVICE, 2) == VRING_PACKED_EVENT_FLAG_DISABLE;
}

static void barrier_packed_place_then_kicks(struct kunit *test)
{
	struct weft_ring_config cfg = packed;
	struct drv *d;

	cfg.event_idx = true;
	d = drv_start(test, &cfg, 0);
	drv_put16(d, WEFT_AREA_DEVICE, 2, VRING_PACKED_EVENT_FLAG_DISABLE);
	begin(d, 'w', place_alone);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	end(test);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), VRING_PACKED_EVENT_FLAG_DESC);
}

static bool packed_one_more(struct drv *d)
{
	drv_packed_desc(d, 0, 0x1000, 10, 0, drv_packed_flags(d, 0));
	return drv_get16(d, WEFT_AREA_DEVICE, 2) == VRING_PACKED_EVENT_FLAG_ENABLE;
}

static void barrier_packed_kicks_then_flags(struct kunit *test)
{
	struct drv *d = drv_start(test, &packed, 0);

	weft_ring_kicks_off(&d->ring);
	KUNIT_ASSERT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), VRING_PACKED_EVENT_FLAG_DISABLE);
	begin(d, 'm', packed_one_more);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 1);
	end(test);
}

static struct kunit_case barrier_cases[] = {
	KUNIT_CASE_PARAM(barrier_split_index_then_head, access_gen_params),
	KUNIT_CASE_PARAM(barrier_split_entries_then_index, access_gen_params),
	KUNIT_CASE_PARAM(barrier_split_index_then_wish, access_gen_params),
	KUNIT_CASE_PARAM(barrier_split_kicks_then_index, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_flags_then_rest, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_rest_then_flags, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_flags_then_wish, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_wish_then_place, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_place_then_kicks, access_gen_params),
	KUNIT_CASE_PARAM(barrier_packed_kicks_then_flags, access_gen_params),
	{}
};

static struct kunit_suite barrier_suite = {
	.name = "weft_barrier",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = barrier_cases,
};

kunit_test_suite(barrier_suite);

MODULE_DESCRIPTION("weft: tests of the order in which rings are read and written");
MODULE_LICENSE("GPL");
