// SPDX-License-Identifier: GPL-2.0
/* Split rings: what drivers do, and whatever else they may write (virtio 1.3 §2.7). */
#include "suite.h"

#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT

KUNIT_ARRAY_PARAM(access, drv_accesses, drv_access_name);

static const struct weft_ring_config plain = { .size = 8, .little = true };

static const struct weft_ring_config with_indirect = {
	.size = 8, .little = true, .indirect = true,
};

static const struct weft_ring_config with_order = {
	.size = 8, .little = true, .in_order = true,
};

static void split_chain_of_all_kinds(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);

	drv_split_desc(d, 3, 0x1000, 10, F_NEXT, 7);
	drv_split_desc(d, 7, 0x2000, 20, F_NEXT, 0);
	drv_split_desc(d, 0, 0x3000, 30, F_NEXT | F_WRITE, 1);
	drv_split_desc(d, 1, 0xfffffffffffff000, 0xffffffff, F_WRITE, 99);
	KUNIT_EXPECT_EQ(test, drv_get(test), 0);
	KUNIT_EXPECT_FALSE(test, drv_more(d));
	drv_show(d, 3);
	KUNIT_EXPECT_TRUE(test, drv_more(d));
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 3);
	KUNIT_EXPECT_EQ(test, k->chain.out, 2);
	KUNIT_EXPECT_EQ(test, k->chain.in, 2);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x1000);
	KUNIT_EXPECT_EQ(test, k->seg[0].len, 10);
	KUNIT_EXPECT_EQ(test, k->seg[1].addr, 0x2000);
	KUNIT_EXPECT_EQ(test, k->seg[2].addr, 0x3000);
	KUNIT_EXPECT_EQ(test, k->seg[3].addr, 0xfffffffffffff000);
	KUNIT_EXPECT_EQ(test, k->seg[3].len, 0xffffffff);
	KUNIT_EXPECT_EQ(test, drv_get(test), 0);
	KUNIT_EXPECT_FALSE(test, drv_more(d));
}

/* Bytes, not words: a big-endian guest's, as they are in its memory. */
static void split_big_endian(struct kunit *test)
{
	static const u8 desc[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1, 0, 0, 2, 0, 0 };
	static const u8 used[12] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x42 };
	struct weft_ring_config cfg = plain;
	struct drv_case *k = test->priv;
	struct drv *d;

	cfg.little = false;
	d = drv_start(test, &cfg, 0);
	memcpy(d->area[WEFT_AREA_DESC] + 16, desc, 16);
	d->area[WEFT_AREA_DRIVER][3] = 1;
	d->area[WEFT_AREA_DRIVER][5] = 1;
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 1);
	KUNIT_EXPECT_EQ(test, k->chain.in, 1);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x0102030405060708);
	KUNIT_EXPECT_EQ(test, k->seg[0].len, 0x100);
	weft_ring_put(&d->ring, &k->chain, 0x42);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_MEMEQ(test, d->area[WEFT_AREA_DEVICE], used, 12);
}

static void split_index_wraps(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 65530);
	int i;

	for (i = 0; i < 4; i++) {
		drv_fill(test, 5, false);
		drv_serve(test, 5, 0);
		KUNIT_EXPECT_EQ(test, drv_get(test), 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
		drv_collect(test, 5);
	}
	KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&d->ring), (65530 + 20) & 0xffff);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), (65530 + 20) & 0xffff);
}

/* As many as the ring holds, and one more; also where the index wraps. */
static void split_avail_jump(struct kunit *test)
{
	static const u16 starts[] = { 0, 65532, 40000 };
	struct drv *d;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		d = drv_start(test, &plain, starts[i]);
		drv_split_idx(d, starts[i] + 8);
		KUNIT_EXPECT_EQ(test, drv_get(test), 1);
		d = drv_start(test, &plain, starts[i]);
		drv_split_idx(d, starts[i] + 9);
		drv_breaks(test, WEFT_RING_AVAIL_JUMP);
		d = drv_start(test, &plain, starts[i]);
		drv_split_idx(d, starts[i] - 1);
		drv_breaks(test, WEFT_RING_AVAIL_JUMP);
		d = drv_start(test, &plain, starts[i]);
		drv_split_idx(d, starts[i] - 1);
		KUNIT_EXPECT_TRUE(test, drv_more(d));
		drv_broken(test, WEFT_RING_AVAIL_JUMP);
		d = drv_start(test, &plain, starts[i]);
		drv_split_idx(d, starts[i] - 1);
		KUNIT_EXPECT_EQ(test, drv_kicks_on(d), -EINVAL);
		drv_broken(test, WEFT_RING_AVAIL_JUMP);
	}
}

static void split_head_out_of_range(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);

	drv_show(d, 7);
	drv_show(d, 8);
	drv_show(d, 1);
	/* The good one before it is handed out. */
	KUNIT_EXPECT_EQ(test, drv_get(test), 1);
	drv_breaks(test, WEFT_RING_HEAD);
	d = drv_start(test, &plain, 0);
	drv_show(d, 0xffff);
	drv_breaks(test, WEFT_RING_HEAD);
}

static void split_next_out_of_range(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);

	drv_split_desc(d, 0, 0x1000, 1, F_NEXT, 8);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_NEXT);
	d = drv_start(test, &plain, 0);
	drv_split_desc(d, 0, 0x1000, 1, F_NEXT, 7);
	drv_split_desc(d, 7, 0x1000, 1, F_NEXT, 0xffff);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_NEXT);
}

/* All descriptors of the table in one chain, and one that goes round. */
static void split_loop(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);
	int i;

	for (i = 0; i < 8; i++)
		drv_split_desc(d, i, 0x1000, 1, i < 7 ? F_NEXT : 0, i + 1);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 8);
	drv_split_desc(d, 7, 0x1000, 1, F_NEXT, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_LOOP);
	d = drv_start(test, &plain, 0);
	drv_split_desc(d, 5, 0, 0, F_NEXT, 5);
	drv_show(d, 5);
	drv_breaks(test, WEFT_RING_LOOP);
}

static void split_segments_limit(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);
	int i;

	for (i = 0; i < 8; i++)
		drv_split_desc(d, i, 0x1000, 1, i < 4 ? F_NEXT : 0, i + 1);
	drv_show(d, 0);
	drv_show(d, 0);
	k->seg[5].addr = 0x5a5a;
	KUNIT_EXPECT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 5), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 5);
	KUNIT_EXPECT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 4), -EINVAL);
	drv_broken(test, WEFT_RING_SEGS);
	KUNIT_EXPECT_EQ(test, k->seg[5].addr, 0x5a5a);
}

static void split_read_after_write(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);

	drv_split_desc(d, 0, 0x1000, 1, F_NEXT | F_WRITE, 1);
	drv_split_desc(d, 1, 0x1000, 1, 0, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_ORDER);
}

/* They are left out, take no room, and may be read after what is written. */
static void split_empty_segments(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);

	drv_split_desc(d, 0, 0x1000, 0, F_NEXT, 1);
	drv_split_desc(d, 1, 0x2000, 5, F_NEXT, 2);
	drv_split_desc(d, 2, 0x3000, 0, F_NEXT | F_WRITE, 3);
	drv_split_desc(d, 3, 0x4000, 6, F_NEXT, 4);
	drv_split_desc(d, 4, 0x5000, 7, F_NEXT | F_WRITE, 5);
	drv_split_desc(d, 5, 0x6000, 0, F_WRITE, 6);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 3), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 2);
	KUNIT_EXPECT_EQ(test, k->chain.in, 1);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x2000);
	KUNIT_EXPECT_EQ(test, k->seg[1].addr, 0x4000);
	KUNIT_EXPECT_EQ(test, k->seg[2].addr, 0x5000);
	drv_split_desc(d, 6, 0x1000, 0, 0, 0);
	drv_show(d, 6);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out + k->chain.in, 0);
}

/* ---- indirect tables ---- */

static void split_table(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &with_indirect, 0);
	int i;

	/* A chain of two, a table of 60 that begins behind, and goes backwards. */
	drv_split_desc(d, 0, 0x1000, 1, F_NEXT, 4);
	drv_split_desc(d, 4, DRV_TABLES, 60 * 16, F_INDIRECT | F_WRITE, 99);
	for (i = 0; i < 60; i++)
		drv_table_desc(d, i, 0x2000 + i, i + 1,
			       (i != 1 ? F_NEXT : 0) | (i < 50 ? F_WRITE : 0),
			       i ? i - 1 : 59);
	drv_table_desc(d, 0, 0x2000, 1, F_NEXT, 59);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 0);
	KUNIT_EXPECT_EQ(test, k->chain.out, 1 + 1 + 10);
	KUNIT_EXPECT_EQ(test, k->chain.in, 49);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x1000);
	KUNIT_EXPECT_EQ(test, k->seg[1].addr, 0x2000);
	for (i = 2; i < 61; i++)
		KUNIT_EXPECT_EQ(test, k->seg[i].addr, 0x2000 + 61 - i);
}

static void split_table_sizes(struct kunit *test)
{
	static const u32 bad[] = { 0, 1, 15, 17, 16 * 65536 + 16, 0xfffffff0, 0xffffffff };
	struct drv_case *k = test->priv;
	struct drv *d;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		d = drv_start(test, &with_indirect, 0);
		drv_split_desc(d, 0, DRV_TABLES, bad[i], F_INDIRECT, 0);
		drv_show(d, 0);
		drv_breaks(test, WEFT_RING_INDIRECT_SIZE);
	}
	/* The largest there can be: as far as its first entries go, it is there. */
	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, DRV_TABLES, 16 * 65536, F_INDIRECT, 0);
	drv_table_desc(d, 0, 0x1000, 1, 0, 0);
	drv_show(d, 0);
	KUNIT_EXPECT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 1);
}

static void split_table_malformed(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_indirect, 0);

	drv_split_desc(d, 0, DRV_TABLES, 32, F_INDIRECT | F_NEXT, 1);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_INDIRECT_NEXT);

	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, 0x1000, 1, F_NEXT, 1);
	drv_split_desc(d, 1, DRV_TABLES, 32, F_INDIRECT | F_NEXT, 2);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_INDIRECT_NEXT);

	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, DRV_TABLES, 32, F_INDIRECT, 0);
	drv_table_desc(d, 0, DRV_TABLES, 32, F_INDIRECT, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_INDIRECT_NESTED);

	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, DRV_TABLES, 32, F_INDIRECT, 0);
	drv_table_desc(d, 0, 0x1000, 1, F_NEXT, 2);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_NEXT);

	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, 0x1000, 1, F_NEXT | F_WRITE, 1);
	drv_split_desc(d, 1, DRV_TABLES, 16, F_INDIRECT, 0);
	drv_table_desc(d, 0, 0x1000, 1, 0, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_ORDER);

	d = drv_start(test, &plain, 0);
	drv_split_desc(d, 0, DRV_TABLES, 32, F_INDIRECT, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_INDIRECT_OFF);
}

/* All entries once is a chain; round and round, also without a segment, is none. */
static void split_table_loop(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &with_indirect, 0);
	int i;

	drv_split_desc(d, 0, DRV_TABLES, 40 * 16, F_INDIRECT, 0);
	for (i = 0; i < 40; i++)
		drv_table_desc(d, i, 0x1000, 1, i < 39 ? F_NEXT : 0, i + 1);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 40);
	drv_table_desc(d, 39, 0x1000, 1, F_NEXT, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_LOOP);

	d = drv_start(test, &with_indirect, 0);
	drv_split_desc(d, 0, DRV_TABLES, 40 * 16, F_INDIRECT, 0);
	drv_table_desc(d, 0, 0, 0, F_NEXT, 39);
	drv_table_desc(d, 39, 0, 0, F_NEXT, 0);
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_LOOP);
	/* Each entry is read once, but in pieces. */
	KUNIT_EXPECT_LE(test, d->accesses, 40 + 8);
}

/* Empty entries are no segments, but there may be only so many of them. */
static void split_table_of_nothing(struct kunit *test)
{
	static const struct { u32 size, entries; bool good; } runs[] = {
		{ 256, WEFT_RING_MAX_SEGS, true }, { 256, WEFT_RING_MAX_SEGS + 1, false },
		{ 2048, 2048, true }, { 2048, 2049, false },
	};
	struct weft_ring_config cfg = with_indirect;
	struct drv_case *k = test->priv;
	struct drv *d;
	u32 i, e;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		cfg.size = runs[i].size;
		d = drv_start(test, &cfg, 0);
		drv_split_desc(d, 0, DRV_TABLES, runs[i].entries * 16, F_INDIRECT, 0);
		for (e = 0; e < runs[i].entries; e++)
			drv_table_desc(d, e, 0, 0, e + 1 < runs[i].entries ? F_NEXT : 0, e + 1);
		drv_show(d, 0);
		if (!runs[i].good) {
			drv_breaks(test, WEFT_RING_SEGS);
			continue;
		}
		KUNIT_EXPECT_EQ(test, drv_get(test), 1);
		KUNIT_EXPECT_EQ(test, k->chain.out + k->chain.in, 0);
	}
}

static void split_table_without_memory(struct kunit *test)
{
	static const u64 bad[] = { 0, DRV_TABLES - 16, DRV_TABLES + 8 * DRV_TABLE_SIZE - 16,
				   (u64)-16, (u64)-31 };
	struct drv *d;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		d = drv_start(test, &with_indirect, 0);
		drv_split_desc(d, 0, bad[i], 32, F_INDIRECT, 0);
		drv_show(d, 0);
		drv_breaks(test, WEFT_RING_INDIRECT_MEMORY);
	}
}

/* What is read beside the first descriptor of a buffer, also in vain, is counted. */
static void split_walked(struct kunit *test)
{
	static const u8 leaps[] = { 0, 40, 1, 41 };
	struct drv *d = drv_start(test, &with_indirect, 0);
	int i;

	drv_split_desc(d, 0, 0x1000, 1, 0, 0);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 0);
	for (i = 0; i < 8; i++)
		drv_split_desc(d, i, 0x1000, i == 7, i < 7 ? F_NEXT : 0, i + 1);
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 7);

	drv_split_desc(d, 0, DRV_TABLES, 60 * 16, F_INDIRECT, 0);
	for (i = 0; i < 60; i++)
		drv_table_desc(d, i, 0x1000, i == 59, i < 59 ? F_NEXT : 0, i + 1);
	d->ring.walked = 0;
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 60);

	/* 32 at a time, up to the end of the table */
	for (i = 0; i < 4; i++)
		drv_table_desc(d, leaps[i], 0x1000, 1, i < 3 ? F_NEXT : 0, leaps[(i + 1) % 4]);
	d->ring.walked = 0;
	drv_show(d, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 32 + 20 + 32 + 19);

	drv_split_desc(d, 0, 0x1000, 1, F_NEXT, 0);
	d->ring.walked = 0;
	drv_show(d, 0);
	drv_breaks(test, WEFT_RING_LOOP);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 7);
}

/* ---- batches ---- */

static void split_batch_edges(struct kunit *test)
{
	static const struct { u32 size, n; } runs[] = {
		{ 1, 1 }, { 2, 1 }, { 2, 2 }, { 64, 64 }, { 128, 63 }, { 128, 64 }, { 128, 65 },
		{ 128, 128 }, { 256, 200 }, { 32768, 130 },
	};
	struct weft_ring_config cfg = plain;
	struct drv *d;
	u32 i, lap;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		cfg.size = runs[i].size;
		d = drv_start(test, &cfg, 65500);
		for (lap = 0; lap < 3; lap++) {
			drv_fill(test, runs[i].n, lap & 1);
			drv_serve(test, runs[i].n, lap & 1);
			KUNIT_EXPECT_EQ(test, drv_get(test), 0);
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 0);
			drv_collect(test, runs[i].n);
		}
	}
}

/* What was not there yet when a batch was read comes with the next one. */
static void split_batch_grows(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);

	drv_fill(test, 2, false);
	drv_serve(test, 1, 0);
	drv_fill(test, 4, false);
	KUNIT_EXPECT_TRUE(test, drv_more(d));
	drv_serve(test, 5, 0);
	KUNIT_EXPECT_FALSE(test, drv_more(d));
}

static void split_more_than_it_holds(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 2, .little = true };
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &cfg, 0);
	int i;

	d->ops.wrote = drv_wrote;
	/* It made them available again, without having got them back. */
	for (i = 0; i < 64; i++) {
		drv_show(d, i & 1);
		KUNIT_ASSERT_EQ(test, drv_get(test), 1);
		weft_ring_put(&d->ring, &k->chain, 0);
	}
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), 64);
}

/* ---- in order ---- */

static void split_in_order(struct kunit *test)
{
	static const u8 nothing[8];
	struct drv *d = drv_start(test, &with_order, 6);

	/* Read only: one entry, with the last id, where the first one's would be. */
	drv_fill(test, 5, false);
	drv_serve(test, 5, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), 11);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 6 * 8), 4);
	KUNIT_EXPECT_MEMEQ(test, d->area[WEFT_AREA_DEVICE] + 4 + 7 * 8, nothing, 8);
	KUNIT_EXPECT_MEMEQ(test, d->area[WEFT_AREA_DEVICE] + 4 + 2 * 8, nothing, 8);
	drv_collect(test, 5);
	/* How much was written has to be told of each. */
	drv_fill(test, 3, true);
	drv_serve(test, 3, 7);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 3 * 8), 5);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 4 * 8), 6);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 5 * 8), 7);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 5 * 8 + 4), 7);
	drv_collect(test, 3);
	/* That says nothing of those that come after them. */
	drv_fill(test, 2, false);
	drv_serve(test, 2, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_MEMEQ(test, d->area[WEFT_AREA_DEVICE] + 4 + 7 * 8, nothing, 8);
	drv_collect(test, 2);
	/* So it is if one of them was written to. */
	drv_fill(test, 1, false);
	drv_fill(test, 1, true);
	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	drv_serve(test, 1, 9);
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 1 * 8 + 4), 9);
	drv_collect(test, 3);
}

/* Without the feature each has its entry. */
static void split_out_of_order(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 6);
	int i;

	drv_fill(test, 3, false);
	drv_serve(test, 3, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + ((6 + i) & 7) * 8), i);
	drv_collect(test, 3);
}

static struct kunit_case split_cases[] = {
	KUNIT_CASE_PARAM(split_chain_of_all_kinds, access_gen_params),
	KUNIT_CASE_PARAM(split_big_endian, access_gen_params),
	KUNIT_CASE_PARAM(split_index_wraps, access_gen_params),
	KUNIT_CASE_PARAM(split_avail_jump, access_gen_params),
	KUNIT_CASE_PARAM(split_head_out_of_range, access_gen_params),
	KUNIT_CASE_PARAM(split_next_out_of_range, access_gen_params),
	KUNIT_CASE_PARAM(split_loop, access_gen_params),
	KUNIT_CASE_PARAM(split_segments_limit, access_gen_params),
	KUNIT_CASE_PARAM(split_read_after_write, access_gen_params),
	KUNIT_CASE_PARAM(split_empty_segments, access_gen_params),
	KUNIT_CASE_PARAM(split_table, access_gen_params),
	KUNIT_CASE_PARAM(split_table_sizes, access_gen_params),
	KUNIT_CASE_PARAM(split_table_malformed, access_gen_params),
	KUNIT_CASE_PARAM(split_table_loop, access_gen_params),
	KUNIT_CASE_PARAM(split_table_of_nothing, access_gen_params),
	KUNIT_CASE_PARAM(split_table_without_memory, access_gen_params),
	KUNIT_CASE_PARAM(split_walked, access_gen_params),
	KUNIT_CASE_PARAM(split_batch_edges, access_gen_params),
	KUNIT_CASE_PARAM(split_batch_grows, access_gen_params),
	KUNIT_CASE_PARAM(split_more_than_it_holds, access_gen_params),
	KUNIT_CASE_PARAM(split_in_order, access_gen_params),
	KUNIT_CASE_PARAM(split_out_of_order, access_gen_params),
	{}
};

static struct kunit_suite split_suite = {
	.name = "weft_split",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = split_cases,
};

kunit_test_suite(split_suite);

MODULE_DESCRIPTION("weft: tests of split virtqueues");
MODULE_LICENSE("GPL");
