/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of rings have in common: each case is run with each access. */
#ifndef WEFT_TESTS_SUITE_H
#define WEFT_TESTS_SUITE_H

#include <kunit/test.h>
#include "flow.h"

/**
 * struct drv_case - what a case works with
 * @d: the ring and its driver
 * @chain: what was taken last
 * @seg: its segments
 */
struct drv_case {
	struct drv d;
	struct weft_chain chain;
	struct weft_seg seg[WEFT_RING_MAX_SEGS];
};

static const enum drv_access drv_accesses[] __maybe_unused = {
	DRV_MAPPED, DRV_ENTERED, DRV_COPIED
};

static inline void drv_access_name(const enum drv_access *access, char *desc)
{
	static const char * const names[DRV_ACCESSES] = {
		[DRV_MAPPED] = "mapped",
		[DRV_ENTERED] = "entered",
		[DRV_COPIED] = "copied",
	};

	strscpy(desc, names[*access], KUNIT_PARAM_DESC_SIZE);
}

static inline int drv_case_init(struct kunit *test)
{
	struct drv_case *k = kvzalloc(sizeof(*k), GFP_KERNEL);

	test->priv = k;
	return k ? 0 : -ENOMEM;
}

static inline void drv_case_exit(struct kunit *test)
{
	struct drv_case *k = test->priv;

	if (!k)
		return;
	KUNIT_EXPECT_STREQ(test, k->d.misuse ? k->d.misuse : "", "");
	KUNIT_EXPECT_FALSE(test, k->d.entered);
	drv_free(&k->d);
	kvfree(k);
}

/* Begins with a ring, or with another one. */
static inline struct drv *drv_start(struct kunit *test, const struct weft_ring_config *cfg,
				    u64 start)
{
	enum drv_access access = test->param_value ? *(const enum drv_access *)test->param_value
						   : DRV_COPIED;
	struct drv_case *k = test->priv;

	drv_free(&k->d);
	KUNIT_ASSERT_EQ(test, drv_init(&k->d, cfg, access, start), 0);
	return &k->d;
}

/* Nothing was given back: what is known of ends where the next one is taken. */
static inline bool drv_more(struct drv *d)
{
	return weft_ring_more(&d->ring, weft_ring_mark(&d->ring));
}

static inline int drv_kicks_on(struct drv *d)
{
	return weft_ring_kicks_on(&d->ring, weft_ring_mark(&d->ring));
}

static inline int drv_get(struct kunit *test)
{
	struct drv_case *k = test->priv;

	memset(&k->chain, 0xa5, sizeof(k->chain));
	return weft_ring_get(&k->d.ring, &k->chain, k->seg, WEFT_RING_MAX_SEGS);
}

/* Takes @n buffers, which have to be the driver's next ones, and returns them. */
static inline void drv_serve(struct kunit *test, u32 n, u32 len)
{
	struct drv_case *k = test->priv;
	const char *wrong;

	while (n--) {
		KUNIT_ASSERT_EQ(test, drv_get(test), 1);
		wrong = drv_check(&k->d, &k->chain, k->seg);
		KUNIT_ASSERT_STREQ(test, wrong ? wrong : "", "");
		weft_ring_put(&k->d.ring, &k->chain, len);
	}
}

/* Makes @n buffers of one segment available. */
static inline void drv_fill(struct kunit *test, u32 n, bool write)
{
	struct drv_case *k = test->priv;
	struct weft_seg seg = { 0, 100 };

	while (n--) {
		seg.addr = 0x1000 * (k->d.added + 1);
		KUNIT_ASSERT_GE(test, drv_add(&k->d, &seg, !write, write, DRV_DIRECT), 0);
	}
}

/* Takes @n buffers back, in the order in which they were made available. */
static inline void drv_collect(struct kunit *test, u32 n)
{
	struct drv_case *k = test->priv;
	u16 ids[DRV_MAX_USED];
	u32 lens[DRV_MAX_USED];
	int got, i;

	while (n) {
		u64 first = k->d.back;

		got = drv_reap(&k->d, ids, lens, DRV_MAX_USED);
		KUNIT_ASSERT_GT(test, got, 0);
		KUNIT_ASSERT_LE(test, got, (int)n);
		for (i = 0; i < got; i++)
			KUNIT_EXPECT_EQ(test, ids[i], k->d.fifo[(first + i) % k->d.ring.cfg.size]);
		n -= got;
	}
	KUNIT_EXPECT_EQ(test, drv_reap(&k->d, ids, lens, DRV_MAX_USED), 0);
}

/* The ring broke for this reason, and stays broken. */
static inline void drv_broken(struct kunit *test, enum weft_ring_fault why)
{
	struct drv_case *k = test->priv;

	KUNIT_EXPECT_STREQ(test, weft_ring_fault_name(k->d.ring.fault), weft_ring_fault_name(why));
	KUNIT_EXPECT_EQ(test, drv_get(test), -EINVAL);
	KUNIT_EXPECT_TRUE(test, drv_more(&k->d));
	KUNIT_EXPECT_EQ(test, drv_kicks_on(&k->d), -EINVAL);
}

/* The next chain breaks the ring for this reason. */
static inline void drv_breaks(struct kunit *test, enum weft_ring_fault why)
{
	KUNIT_EXPECT_EQ(test, drv_get(test), -EINVAL);
	drv_broken(test, why);
}

#endif /* WEFT_TESTS_SUITE_H */
