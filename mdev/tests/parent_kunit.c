// SPDX-License-Identifier: GPL-2.0
/*
 * The slice allocator, against a model that knows of each unit which slice has
 * it and counts holes by looking at every one.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rng.h"

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../parent.h"
#else
#include "../parent.c"
#endif

#define MAX_SLICES	512

struct slice {
	u64 offset, bytes;
};

struct model {
	struct weft_parent *parent;
	u16 *owner;		/* of each unit; 0 is nobody */
	u64 units;
	u16 next;
	struct slice slices[MAX_SLICES];
	int n;
};

static bool model_free(const struct model *m, u64 unit, u64 nr)
{
	u64 i;

	for (i = unit; i < unit + nr; i++)
		if (m->owner[i])
			return false;
	return true;
}

static u32 model_available(const struct model *m, u64 bytes)
{
	u64 nr = bytes / SZ_4M, unit;
	u32 n = 0;

	for (unit = 0; unit + nr <= m->units; unit += nr)
		n += model_free(m, unit, nr);
	return n;
}

/* The largest power of two of units, aligned, around @unit that is all free. */
static u64 model_hole(const struct model *m, u64 unit)
{
	u64 nr = 1;

	while (nr < m->units && model_free(m, unit / (2 * nr) * (2 * nr), 2 * nr))
		nr *= 2;
	return nr;
}

static struct model *model_create(struct kunit *test, u64 bytes)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->parent = kunit_kzalloc(test, sizeof(*m->parent), GFP_KERNEL);
	m->units = bytes / SZ_4M;
	m->owner = kunit_kcalloc(test, m->units, sizeof(*m->owner), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->parent);
	KUNIT_ASSERT_NOT_NULL(test, m->owner);
	KUNIT_ASSERT_EQ(test, weft_parent_init(m->parent, bytes), 0);
	return m;
}

/* Nobody's unit is handed out, nor one outside, and it comes from the least hole. */
static int model_alloc(struct kunit *test, struct model *m, u64 bytes)
{
	u64 offset = 0xdead, nr = bytes / SZ_4M, unit, least = U64_MAX, i;
	int ret;

	for (unit = 0; unit + nr <= m->units; unit += nr)
		if (model_free(m, unit, nr))
			least = min(least, model_hole(m, unit));

	ret = weft_parent_alloc_slice(m->parent, bytes, &offset);
	if (ret) {
		KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
		KUNIT_EXPECT_EQ(test, least, U64_MAX);
		KUNIT_EXPECT_EQ(test, offset, 0xdead);
		return ret;
	}
	KUNIT_ASSERT_EQ(test, offset % bytes, 0);
	KUNIT_ASSERT_LE(test, offset + bytes, m->units * SZ_4M);
	unit = offset / SZ_4M;
	KUNIT_ASSERT_TRUE_MSG(test, model_free(m, unit, nr), "at %llu",
			      (unsigned long long)offset);
	KUNIT_EXPECT_EQ(test, model_hole(m, unit), least);

	if (!++m->next)
		m->next = 1;
	for (i = 0; i < nr; i++)
		m->owner[unit + i] = m->next;
	KUNIT_ASSERT_LT(test, m->n, MAX_SLICES);
	m->slices[m->n].offset = offset;
	m->slices[m->n++].bytes = bytes;
	return 0;
}

static void model_release(struct kunit *test, struct model *m, int which)
{
	struct slice s = m->slices[which];
	u64 i;

	KUNIT_ASSERT_EQ(test, weft_parent_free_slice(m->parent, s.offset, s.bytes),
			0);
	for (i = 0; i < s.bytes / SZ_4M; i++)
		m->owner[s.offset / SZ_4M + i] = 0;
	m->slices[which] = m->slices[--m->n];
}

static void model_compare(struct kunit *test, struct model *m)
{
	u64 bytes, taken = 0;
	int i;

	for (i = 0; i < m->n; i++)
		taken += m->slices[i].bytes;
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(m->parent),
			m->units * SZ_4M - taken);
	for (bytes = SZ_4M; bytes <= m->units * SZ_4M; bytes *= 2)
		KUNIT_EXPECT_EQ_MSG(test, weft_parent_available(m->parent, bytes),
				    model_available(m, bytes), "of %llu MiB",
				    (unsigned long long)bytes / SZ_1M);
}

/* What "available" promises can be had, and not one more; then all is undone. */
static void model_drain(struct kunit *test, struct model *m, u64 bytes)
{
	u32 promised = weft_parent_available(m->parent, bytes), had = 0;
	int before = m->n;

	if (promised > MAX_SLICES - before)
		return;
	while (!model_alloc(test, m, bytes))
		had++;
	KUNIT_EXPECT_EQ_MSG(test, had, promised, "of %llu MiB",
			    (unsigned long long)bytes / SZ_1M);
	KUNIT_EXPECT_EQ(test, weft_parent_available(m->parent, bytes), 0);
	while (m->n > before)
		model_release(test, m, m->n - 1);
	KUNIT_EXPECT_EQ(test, weft_parent_available(m->parent, bytes), promised);
}

static void model_done(struct kunit *test, struct model *m)
{
	while (m->n)
		model_release(test, m, m->n - 1);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(m->parent), m->units * SZ_4M);
	KUNIT_EXPECT_EQ(test, weft_parent_available(m->parent, m->units * SZ_4M), 1);
	weft_parent_destroy(m->parent);
}

static const u32 vram_mib[] = { 4, 8, 16, 64, 256, 512, 1024 };

static void vram_name(const u32 *mib, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%uM", *mib);
}

KUNIT_ARRAY_PARAM(vram, vram_mib, vram_name);

static void parent_init_sizes(struct kunit *test)
{
	static const u64 bad[] = {
		0, 1, SZ_4M - 1, SZ_4M + 1, SZ_2M, 3ULL * SZ_4M, 48ULL * SZ_1M,
		2 * WEFT_VRAM_MAX, WEFT_VRAM_MAX + SZ_4M, 1ULL << 63, U64_MAX,
	};
	struct weft_parent parent;
	u64 bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&parent, 0x5a, sizeof(parent));
		KUNIT_EXPECT_EQ(test, weft_parent_init(&parent, bad[i]), -EINVAL);
		/* Whatever init said, destroy may follow. */
		weft_parent_destroy(&parent);
	}
	for (bytes = SZ_4M; bytes <= WEFT_VRAM_MAX; bytes *= 2) {
		KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, bytes), 0);
		KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), bytes);
		KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, bytes), 1);
		KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_4M),
				bytes / SZ_4M);
		weft_parent_destroy(&parent);
		KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), 0);
		KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_4M), 0);
		weft_parent_destroy(&parent);
	}
}

#ifdef WEFT_UNIT_LINUX_SLAB_H
static void parent_init_without_memory(struct kunit *test)
{
	struct weft_parent parent;

	kunit_alloc_budget = 0;
	KUNIT_EXPECT_EQ(test, weft_parent_init(&parent, SZ_64M), -ENOMEM);
	kunit_alloc_budget = -1;
	weft_parent_destroy(&parent);
}
#endif

/* What an instance of one type leaves of the others. */
static void parent_types_mix(struct kunit *test)
{
	struct weft_parent parent;
	u64 a, b, c;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, SZ_64M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_16M, &a), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_64M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_32M), 1);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_16M), 3);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_4M), 12);
	/* A small one goes beside the first, not into the whole half. */
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M, &b), 0);
	KUNIT_EXPECT_EQ(test, b / SZ_32M, a / SZ_32M);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_32M), 1);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_16M), 2);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_32M, &c), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_16M, &a),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_16M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_8M), 1);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), 3 * SZ_4M);
	weft_parent_destroy(&parent);
}

/* Every second unit freed: half the VRAM is free, and nothing larger fits. */
static void parent_holes_are_not_bytes(struct kunit *test)
{
	struct weft_parent parent;
	u64 offset, i;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, SZ_64M), 0);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M,
							      &offset), 0);
	for (i = 0; i < 16; i += 2)
		KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, i * SZ_4M,
							     SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), SZ_32M);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_4M), 8);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_8M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_8M, &offset),
			-ENOSPC);
	/* Two free units in a row, but across a boundary: still no slice. */
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, SZ_4M, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M, &offset), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, 3 * SZ_4M, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_8M), 1);
	weft_parent_destroy(&parent);
}

static void parent_refuses_sizes(struct kunit *test)
{
	static const u64 bad[] = {
		0, 1, SZ_2M, SZ_4M - 1, SZ_4M + 1, 3 * SZ_4M, SZ_128M, 1ULL << 40,
		1ULL << 63, U64_MAX,
	};
	struct weft_parent parent;
	u64 offset = 7;
	int i;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, SZ_64M), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, bad[i],
							      &offset), -EINVAL);
		KUNIT_EXPECT_EQ(test, offset, 7);
		KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, bad[i]), 0);
		KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, 0, bad[i]),
				-EINVAL);
	}
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), SZ_64M);
	weft_parent_destroy(&parent);
}

static void parent_refuses_frees(struct kunit *test)
{
	static const struct slice bad[] = {
		{ SZ_4M, SZ_4M },		/* free, beside a taken one */
		{ 0, SZ_16M },			/* half taken */
		{ SZ_8M, SZ_8M },		/* free */
		{ 1, SZ_4M },			/* not aligned */
		{ SZ_4M, SZ_8M },
		{ SZ_64M, SZ_4M },		/* outside */
		{ SZ_64M, SZ_64M },
		{ SZ_32M, SZ_64M },
		{ 1ULL << 63, SZ_4M },
		{ 0 - (u64)SZ_4M, SZ_4M },
		{ U64_MAX, SZ_4M },
	};
	struct weft_parent parent;
	u64 offset;
	int i;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, SZ_64M), 0);
	KUNIT_ASSERT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M, &offset), 0);
	KUNIT_ASSERT_EQ(test, offset, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test,
				    weft_parent_free_slice(&parent, bad[i].offset,
							   bad[i].bytes),
				    -EINVAL, "case %d", i);
		KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent),
				SZ_64M - SZ_4M);
	}
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, 0, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, 0, SZ_4M), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), SZ_64M);
	weft_parent_destroy(&parent);
}

/* The map has no bit for what lies behind the VRAM. */
static void parent_refuses_outside(struct kunit *test)
{
	u64 vram = *(const u32 *)test->param_value * (u64)SZ_1M, bytes, offset;
	struct weft_parent parent;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, vram), 0);
	KUNIT_ASSERT_EQ(test, weft_parent_alloc_slice(&parent, vram, &offset), 0);
	KUNIT_EXPECT_EQ(test, offset, 0);
	for (bytes = SZ_4M; bytes <= 2 * vram; bytes *= 2)
		for (offset = vram; offset; offset *= 2)
			KUNIT_EXPECT_EQ(test,
					weft_parent_free_slice(&parent, offset,
							       bytes), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, 0, vram), 0);
	weft_parent_destroy(&parent);
}

/* All of one size can be had, for each size, and their places are all there are. */
static void parent_fills(struct kunit *test)
{
	u64 vram = *(const u32 *)test->param_value * (u64)SZ_1M;
	struct model *m = model_create(test, vram);
	u64 bytes;

	for (bytes = SZ_4M; bytes <= vram; bytes *= 2) {
		KUNIT_EXPECT_EQ(test, weft_parent_available(m->parent, bytes),
				vram / bytes);
		model_drain(test, m, bytes);
	}
	model_done(test, m);
}

static void parent_random(struct kunit *test)
{
	u64 vram = *(const u32 *)test->param_value * (u64)SZ_1M;
	struct model *m = model_create(test, vram);
	int sizes = ilog2(m->units) + 1;
	struct weft_rng rng;
	int step, got = 0, refused = 0;

	weft_rng_start(test, &rng);
	for (step = 0; step < 3000; step++) {
		/* Now it fills, now it empties. */
		bool fill = weft_rng_below(&rng, 100) <
			    (step / 300 % 2 ? 35 : 65);
		u64 bytes = (u64)SZ_4M << weft_rng_below(&rng, sizes);

		/* Small ones mostly, or there is never more than one. */
		if (!weft_rng_one_in(&rng, 4))
			bytes = (u64)SZ_4M << weft_rng_below(&rng, min(sizes, 3));

		if (fill && m->n < MAX_SLICES / 2) {
			if (model_alloc(test, m, bytes))
				refused++;
			else
				got++;
		} else if (m->n) {
			model_release(test, m, weft_rng_below(&rng, m->n));
		}

		/* A free that is none. */
		if (weft_rng_one_in(&rng, 8)) {
			u64 offset = weft_rng_below(&rng, m->units) * (u64)SZ_4M;
			u64 nr = bytes / SZ_4M, i, taken = 0;

			for (i = 0; i < nr && offset / SZ_4M + i < m->units; i++)
				taken += !!m->owner[offset / SZ_4M + i];
			if (offset % bytes || taken < nr)
				KUNIT_EXPECT_EQ(test,
						weft_parent_free_slice(m->parent,
								       offset,
								       bytes),
						-EINVAL);
		}
		model_compare(test, m);
		if (weft_rng_one_in(&rng, 50))
			model_drain(test, m, (u64)SZ_4M <<
						     weft_rng_below(&rng, sizes));
	}
	KUNIT_EXPECT_GT(test, got, 100);
	KUNIT_EXPECT_GT(test, refused, 10);
	model_done(test, m);
}

/* The largest VRAM, by its edges: a model of it would take too long. */
static void parent_largest(struct kunit *test)
{
	struct weft_parent parent;
	u64 a, b;

	KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, WEFT_VRAM_MAX), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, WEFT_VRAM_MAX / 2,
						      &a), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, WEFT_VRAM_MAX / 2,
						      &b), 0);
	KUNIT_EXPECT_EQ(test, a + b, WEFT_VRAM_MAX / 2);
	KUNIT_EXPECT_EQ(test, weft_parent_free_bytes(&parent), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M, &a),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, weft_parent_free_slice(&parent, WEFT_VRAM_MAX / 2,
						     WEFT_VRAM_MAX / 2), 0);
	KUNIT_EXPECT_EQ(test, weft_parent_alloc_slice(&parent, SZ_4M, &a), 0);
	KUNIT_EXPECT_GE(test, a, WEFT_VRAM_MAX / 2);
	KUNIT_EXPECT_EQ(test, weft_parent_available(&parent, SZ_4M),
			WEFT_VRAM_MAX / 2 / SZ_4M - 1);
	weft_parent_destroy(&parent);
}

static struct kunit_case parent_cases[] = {
	KUNIT_CASE(parent_init_sizes),
#ifdef WEFT_UNIT_LINUX_SLAB_H
	KUNIT_CASE(parent_init_without_memory),
#endif
	KUNIT_CASE(parent_types_mix),
	KUNIT_CASE(parent_holes_are_not_bytes),
	KUNIT_CASE(parent_refuses_sizes),
	KUNIT_CASE(parent_refuses_frees),
	KUNIT_CASE_PARAM(parent_refuses_outside, vram_gen_params),
	KUNIT_CASE_PARAM(parent_fills, vram_gen_params),
	KUNIT_CASE_PARAM(parent_random, vram_gen_params),
	KUNIT_CASE(parent_largest),
	{}
};

static struct kunit_suite parent_suite = {
	.name = "weft_parent",
	.test_cases = parent_cases,
};

kunit_test_suite(parent_suite);

MODULE_DESCRIPTION("KUnit tests of weft's slice allocator");
MODULE_LICENSE("GPL");
