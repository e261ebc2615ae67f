// SPDX-License-Identifier: GPL-2.0
/* Packed rings: what drivers do, and whatever else they may write (virtio 1.3 §2.8). */
#include "suite.h"

#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT
#define F_AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		BIT(VRING_PACKED_DESC_F_USED)

KUNIT_ARRAY_PARAM(access, drv_accesses, drv_access_name);

/* Not a power of two: a packed ring need not be one. */
static const struct weft_ring_config plain = { .size = 7, .packed = true, .little = true };

static const struct weft_ring_config with_indirect = {
	.size = 7, .packed = true, .little = true, .indirect = true,
};

static const struct weft_ring_config with_event = {
	.size = 7, .packed = true, .little = true, .event_idx = true,
};

static const struct weft_ring_config with_order = {
	.size = 7, .packed = true, .little = true, .in_order = true,
};

static u16 flags_at(const struct drv *d, u16 slot)
{
	return drv_get16(d, WEFT_AREA_DESC, slot * 16 + 14);
}

static void packed_chain_of_all_kinds(struct kunit *test)
{
	struct drv_case *k = test->priv;
	/* Two slots before the end of the first round. */
	struct drv *d = drv_start(test, &plain, 5);

	KUNIT_EXPECT_FALSE(test, drv_more(d));
	KUNIT_EXPECT_EQ(test, drv_get(test), 0);
	drv_packed_desc(d, 6, 0x2000, 20, 0xffff, F_AVAIL | F_NEXT);
	drv_packed_desc(d, 0, 0x3000, 30, 0xffff, F_USED | F_NEXT | F_WRITE);
	drv_packed_desc(d, 1, 0xfffffffffffff000, 0xffffffff, 6, F_USED | F_WRITE);
	drv_packed_desc(d, 5, 0x1000, 10, 0xffff, F_AVAIL | F_NEXT);
	KUNIT_EXPECT_TRUE(test, drv_more(d));
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 6);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 4);
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
	/* Available at slot 2 in round 1, used at slot 5 in round 0. */
	KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&d->ring), 2 | 5 << 16 | 1U << 31);
}

/* Neither what is of another round, nor what is used. */
static void packed_available_or_not(struct kunit *test)
{
	static const u16 flags[] = { 0, F_AVAIL, F_USED, F_AVAIL | F_USED };
	struct drv *d;
	int round, i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 4; i++) {
			bool is = flags[i] == (round ? F_USED : F_AVAIL);

			d = drv_start(test, &plain, round * 7 + 3);
			drv_packed_desc(d, 3, 0x1000, 1, 0, flags[i]);
			KUNIT_EXPECT_EQ(test, drv_more(d), is);
			KUNIT_EXPECT_EQ(test, drv_get(test), is);
			d = drv_start(test, &plain, round * 7 + 3);
			drv_packed_desc(d, 3, 0x1000, 1, 0, flags[i]);
			KUNIT_EXPECT_EQ(test, drv_kicks_on(d), is);
		}
	}
}

static void packed_used_is_written(struct kunit *test)
{
	static const u8 first[16] = { 0, 0x10, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0x82, 0x80 };
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 6);

	drv_packed_desc(d, 6, 0x1000, 100, 2, F_AVAIL | F_WRITE);
	drv_packed_desc(d, 0, 0x1000, 100, 3, F_USED);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	weft_ring_put(&d->ring, &k->chain, 5);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	weft_ring_put(&d->ring, &k->chain, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_MEMEQ(test, d->area[WEFT_AREA_DESC] + 6 * 16, first, 16);
	KUNIT_EXPECT_EQ(test, flags_at(d, 0), 0);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DESC, 8), 0);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DESC, 12), 3);
	KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&d->ring), 1 | 1 << 16);
}

static void packed_counters_wrap(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);
	int i;

	for (i = 1; i <= 12; i++) {
		drv_fill(test, 5, i & 1);
		drv_serve(test, 5, i & 1);
		KUNIT_EXPECT_EQ(test, drv_get(test), 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
		drv_collect(test, 5);
		KUNIT_EXPECT_EQ(test, d->ring.place.avail, i * 5 % 7);
		KUNIT_EXPECT_EQ(test, d->ring.place.avail_wrap, !(i * 5 / 7 & 1));
		KUNIT_EXPECT_EQ(test, d->ring.place.used, i * 5 % 7);
		KUNIT_EXPECT_EQ(test, d->ring.place.used_wrap, !(i * 5 / 7 & 1));
	}
}

/* Nothing is used before all is: the first flags come last. */
static struct kunit *watching;
static int (*write_before)(struct weft_ring *r, enum weft_ring_area area, u32 off,
			   const void *from, u32 len);

static int write_watched(struct weft_ring *r, enum weft_ring_area area, u32 off, const void *from,
			 u32 len)
{
	struct drv *d = drv_of(r);
	u32 id, used;

	KUNIT_EXPECT_FALSE(watching, area == WEFT_AREA_DESC && drv_peek(d, &id, &used));
	return write_before(r, area, off, from, len);
}

static void packed_used_all_at_once(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 5);
	u32 id, len;

	watching = test;
	write_before = d->ops.write;
	d->ops.write = write_watched;
	drv_fill(test, 4, true);
	drv_serve(test, 4, 9);
	KUNIT_EXPECT_FALSE(test, drv_peek(d, &id, &len));
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_TRUE(test, drv_peek(d, &id, &len));
	drv_collect(test, 4);
}

static void packed_id_out_of_range(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);

	drv_packed_desc(d, 0, 0x1000, 1, 6, F_AVAIL);
	drv_packed_desc(d, 1, 0x1000, 1, 7, F_AVAIL);
	KUNIT_EXPECT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 6);
	drv_breaks(test, WEFT_RING_PACKED_ID);
}

/* A chain of the whole ring is one; longer, or broken off, it is none. */
static void packed_chain_unfinished(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d;
	u32 i;

	for (i = 0; i < 8; i++) {
		u32 n;

		d = drv_start(test, &plain, 4);
		for (n = 0; n < 7; n++)
			drv_packed_desc(d, (4 + n) % 7, 0x1000, 1, 3,
					n >= i ? 0 : drv_packed_flags(d, 4 + n) | F_NEXT);
		if (i)
			drv_breaks(test, WEFT_RING_PACKED_CHAIN);
		else
			KUNIT_EXPECT_EQ(test, drv_get(test), 0);
	}
	d = drv_start(test, &plain, 4);
	for (i = 0; i < 7; i++)
		drv_packed_desc(d, (4 + i) % 7, 0x1000, 1, 3,
				drv_packed_flags(d, 4 + i) | (i < 6 ? F_NEXT : 0));
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 7);
	KUNIT_EXPECT_EQ(test, k->chain.out, 7);
	weft_ring_put(&d->ring, &k->chain, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&d->ring), 4 | 4 << 16);
}

/* One that makes its slots available again while the ring reads them. */
static unsigned int laps;

static void all_available(struct drv *d)
{
	u32 i;

	laps++;
	for (i = 0; i < d->ring.cfg.size; i++)
		drv_packed_desc(d, i, 0, 0, 0, drv_packed_flags(d, i + 7 * laps) |
				(laps < 100 ? F_NEXT : 0));
}

static void packed_chain_goes_round(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);
	u32 i;

	laps = 0;
	for (i = 0; i < 7; i++)
		drv_packed_desc(d, i, 0, 0, 0, F_AVAIL | F_NEXT);
	if (d->access == DRV_ENTERED)
		d->hook = all_available;
	drv_breaks(test, WEFT_RING_PACKED_CHAIN);
	/* It does not take part in that. */
	KUNIT_EXPECT_LE(test, laps, 1);
}

static void packed_segments(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &plain, 0);
	int i;

	for (i = 0; i < 7; i++)
		drv_packed_desc(d, i, 0x1000 + i, i & 1, 0, F_AVAIL | (i < 6 ? F_NEXT : 0));
	k->seg[3].addr = 0x5a5a;
	/* Three of seven are not empty. */
	KUNIT_EXPECT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 3), 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 3);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 7);
	KUNIT_EXPECT_EQ(test, k->seg[2].addr, 0x1005);
	d = drv_start(test, &plain, 0);
	for (i = 0; i < 7; i++)
		drv_packed_desc(d, i, 0x1000 + i, i & 1, 0, F_AVAIL | (i < 6 ? F_NEXT : 0));
	k->seg[2].addr = 0x5a5a;
	KUNIT_EXPECT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 2), -EINVAL);
	drv_broken(test, WEFT_RING_SEGS);
	KUNIT_EXPECT_EQ(test, k->seg[2].addr, 0x5a5a);

	d = drv_start(test, &plain, 0);
	drv_packed_desc(d, 1, 0x1000, 1, 0, F_AVAIL);
	drv_packed_desc(d, 0, 0x1000, 1, 0, F_AVAIL | F_NEXT | F_WRITE);
	drv_breaks(test, WEFT_RING_ORDER);
}

/* ---- indirect tables ---- */

static void packed_table(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &with_indirect, 0);
	int i;

	/* Of the flags only F_WRITE has a meaning; all entries are of the chain. */
	for (i = 0; i < 50; i++)
		drv_table_desc(d, i, 0x2000 + i, i + 1, (i & 1 ? F_NEXT | F_AVAIL : F_USED) |
			       (i < 20 ? 0 : F_WRITE), 0);
	drv_packed_desc(d, 0, DRV_TABLES, 50 * 16, 4, F_AVAIL | F_INDIRECT | F_WRITE);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.id, 4);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 1);
	KUNIT_EXPECT_EQ(test, k->chain.out, 20);
	KUNIT_EXPECT_EQ(test, k->chain.in, 30);
	for (i = 0; i < 50; i++) {
		KUNIT_EXPECT_EQ(test, k->seg[i].addr, 0x2000 + i);
		KUNIT_EXPECT_EQ(test, k->seg[i].len, i + 1);
	}
}

/* What is read beside the first descriptor of a buffer is counted. */
static void packed_walked(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_indirect, 0);
	int i;

	for (i = 0; i < 4; i++)
		drv_packed_desc(d, i, 0x1000, i == 3, 0, F_AVAIL | (i < 3 ? F_NEXT : 0));
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 3);
	drv_packed_desc(d, 4, 0x1000, 1, 0, F_AVAIL);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 3);
	for (i = 0; i < 50; i++)
		drv_table_desc(d, i, 0x1000, i == 49, 0, 0);
	drv_packed_desc(d, 5, DRV_TABLES, 50 * 16, 0, F_AVAIL | F_INDIRECT);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, d->ring.walked, 3 + 50);
}

/* Tables do not go on at address 0, whatever is there. */
static int read_anywhere(struct weft_ring *r, u64 addr, void *to, u32 len)
{
	memset(to, 0, len);
	return 0;
}

static void packed_table_wraps(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_indirect, 0);

	d->ops.read_guest = read_anywhere;
	drv_packed_desc(d, 0, (u64)-512, 1024, 0, F_AVAIL | F_INDIRECT);
	drv_breaks(test, WEFT_RING_INDIRECT_MEMORY);
}

static void packed_table_malformed(struct kunit *test)
{
	static const u32 bad[] = { 0, 1, 15, 17, 16 * 65536 + 16, 0xfffffff0, 0xffffffff };
	struct drv *d;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		d = drv_start(test, &with_indirect, 0);
		drv_packed_desc(d, 0, DRV_TABLES, bad[i], 0, F_AVAIL | F_INDIRECT);
		drv_breaks(test, WEFT_RING_INDIRECT_SIZE);
	}
	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, DRV_TABLES, 32, 0, F_AVAIL | F_INDIRECT | F_NEXT);
	drv_breaks(test, WEFT_RING_INDIRECT_NEXT);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 1, DRV_TABLES, 32, 0, F_AVAIL | F_INDIRECT);
	drv_packed_desc(d, 0, 0x1000, 1, 0, F_AVAIL | F_NEXT);
	drv_breaks(test, WEFT_RING_INDIRECT_NEXT);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, DRV_TABLES, 32, 0, F_AVAIL | F_INDIRECT);
	drv_table_desc(d, 1, DRV_TABLES, 16, F_INDIRECT, 0);
	drv_breaks(test, WEFT_RING_INDIRECT_NESTED);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, DRV_TABLES, 32, 0, F_AVAIL | F_INDIRECT);
	drv_table_desc(d, 0, 0x1000, 1, F_WRITE, 0);
	drv_table_desc(d, 1, 0x1000, 1, 0, 0);
	drv_breaks(test, WEFT_RING_ORDER);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, DRV_TABLES, 32, 7, F_AVAIL | F_INDIRECT);
	drv_breaks(test, WEFT_RING_PACKED_ID);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, DRV_TABLES + d->tables_size - 16, 32, 0, F_AVAIL | F_INDIRECT);
	drv_breaks(test, WEFT_RING_INDIRECT_MEMORY);

	d = drv_start(test, &with_indirect, 0);
	drv_packed_desc(d, 0, (u64)-16, 32, 0, F_AVAIL | F_INDIRECT);
	drv_breaks(test, WEFT_RING_INDIRECT_MEMORY);

	d = drv_start(test, &plain, 0);
	drv_packed_desc(d, 0, DRV_TABLES, 32, 0, F_AVAIL | F_INDIRECT);
	drv_breaks(test, WEFT_RING_INDIRECT_OFF);
}

/* ---- batches ---- */

static void packed_batch_edges(struct kunit *test)
{
	static const struct { u32 size, n; } runs[] = {
		{ 1, 1 }, { 2, 1 }, { 2, 2 }, { 63, 63 }, { 64, 64 }, { 65, 65 }, { 128, 63 },
		{ 128, 64 }, { 128, 65 }, { 130, 130 }, { 256, 200 }, { 32768, 130 },
	};
	struct weft_ring_config cfg = plain;
	struct drv *d;
	u32 i, lap;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		cfg.size = runs[i].size;
		d = drv_start(test, &cfg, 3 * cfg.size - 1);
		for (lap = 0; lap < 4; lap++) {
			drv_fill(test, runs[i].n, lap & 1);
			drv_serve(test, runs[i].n, lap & 1);
			KUNIT_EXPECT_EQ(test, drv_get(test), 0);
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 0);
			drv_collect(test, runs[i].n);
		}
	}
}

/* A chain that begins in one batch, and ends two later. */
static void packed_chain_across_batches(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 200, .packed = true, .little = true };
	struct drv_case *k = test->priv;
	struct drv *d = drv_start(test, &cfg, 150);
	int i;

	for (i = 0; i < 190; i++)
		drv_packed_desc(d, (150 + i) % 200, 0x1000 + i, 1, 9,
				drv_packed_flags(d, 150 + i) | (i == 10 || i == 189 ? 0 : F_NEXT));
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 11);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->chain.slots, 179);
	KUNIT_EXPECT_EQ(test, k->chain.out, 179);
	for (i = 0; i < 179; i++)
		KUNIT_EXPECT_EQ(test, k->seg[i].addr, 0x1000 + 11 + i);
}

/* ---- in order ---- */

static void packed_in_order(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_order, 5);
	struct weft_seg seg[3] = { { 0x1000, 1 }, { 0x2000, 2 }, { 0x3000, 3 } };
	int ids[2];

	/* Read only: one descriptor, where the first one's would be, with the last id. */
	ids[0] = drv_add(d, seg, 2, 0, DRV_DIRECT);
	ids[1] = drv_add(d, seg, 3, 0, DRV_DIRECT);
	drv_serve(test, 2, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, flags_at(d, 5), F_AVAIL | F_USED);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DESC, 5 * 16 + 12), ids[1]);
	KUNIT_EXPECT_EQ(test, flags_at(d, 0), F_USED | F_NEXT);
	KUNIT_EXPECT_EQ(test, d->ring.place.used, 3);
	KUNIT_EXPECT_FALSE(test, d->ring.place.used_wrap);
	drv_collect(test, 2);
	/* How much was written has to be told of each. */
	drv_add(d, seg, 1, 1, DRV_DIRECT);
	drv_add(d, seg, 0, 3, DRV_DIRECT);
	drv_serve(test, 2, 2);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, flags_at(d, 3), F_WRITE);
	KUNIT_EXPECT_EQ(test, flags_at(d, 5), F_WRITE);
	drv_collect(test, 2);
	/* So it is if one of them was written to. */
	drv_fill(test, 1, false);
	drv_fill(test, 1, true);
	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	drv_serve(test, 1, 9);
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DESC, 2 * 16 + 8), 9);
	drv_collect(test, 3);
}

/* The whole ring as one batch goes once round. */
static void packed_in_order_whole_ring(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_order, 3);
	int lap;

	for (lap = 0; lap < 3; lap++) {
		drv_fill(test, 7, false);
		drv_serve(test, 7, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
		KUNIT_EXPECT_EQ(test, d->ring.place.used, 3);
		KUNIT_EXPECT_EQ(test, d->ring.place.used_wrap, lap & 1);
		drv_collect(test, 7);
	}
}

/*
 * One that makes its slots available again, without having got them back, so
 * that a batch is of more slots than there are.
 */
static void packed_in_order_more_than_it_holds(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct weft_ring_config cfg = with_order;
	struct drv *d;
	u32 i, n;

	cfg.size = 2;
	for (n = 2; n <= 6; n++) {
		d = drv_start(test, &cfg, 1);
		d->ops.wrote = drv_wrote;
		for (i = 0; i < n; i++) {
			drv_packed_desc(d, (1 + i) % 2, 0x1000, 1, 0, drv_packed_flags(d, 1 + i));
			KUNIT_ASSERT_EQ(test, drv_get(test), 1);
			weft_ring_put(&d->ring, &k->chain, 0);
		}
		weft_ring_publish(&d->ring);
		KUNIT_EXPECT_LT(test, d->ring.place.used, 2);
	}
}

/* ---- notifications ---- */

static void packed_event_flags(struct kunit *test)
{
	static const u16 calls[] = { 1, 0, 1 };
	struct drv *d;
	int event, i;

	for (event = 0; event < 2; event++) {
		d = drv_start(test, event ? &with_event : &plain, 0);
		for (i = 0; i < 3; i++) {
			drv_put16(d, WEFT_AREA_DRIVER, 0, 0x7000);
			drv_put16(d, WEFT_AREA_DRIVER, 2, i);
			drv_fill(test, 1, false);
			drv_serve(test, 1, 0);
			/* DESC means something only if event indices were negotiated. */
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring),
					event && i == 2 ? 0 : calls[i]);
		}
	}
	/* Unless nobody knows what the driver has heard before. */
	d = drv_start(test, &with_event, 0);
	drv_put16(d, WEFT_AREA_DRIVER, 0, 0x7000);
	drv_put16(d, WEFT_AREA_DRIVER, 2, VRING_PACKED_EVENT_FLAG_DESC);
	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
}

/* Each place of the event, and each number of slots used, from each slot on. */
static void packed_event_places(struct kunit *test)
{
	struct drv *d;
	u32 first, n, ahead;

	for (first = 0; first < 14; first++) {
		d = drv_start(test, &with_event, first);
		drv_fill(test, 1, false);
		drv_serve(test, 1, 0);
		weft_ring_publish(&d->ring);
		drv_collect(test, 1);
		for (n = 1; n <= 7; n++) {
			for (ahead = 0; ahead < 7; ahead++) {
				drv_fill(test, n, false);
				drv_serve(test, n, 0);
				drv_set_calls(d, DRV_CALLS_EVENT, ahead);
				KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), ahead < n);
				drv_collect(test, n);
			}
		}
	}
}

/* The largest ring there is: places are 15 bits, and differences 16. */
static void packed_event_largest_ring(struct kunit *test)
{
	static const u32 aheads[] = { 0, 1, 199, 200, 32566, 32567, 32568, 32767 };
	struct weft_ring_config cfg = with_event;
	struct drv *d;
	u32 i;

	cfg.size = 32768;
	d = drv_start(test, &cfg, 32768 - 101);
	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	weft_ring_publish(&d->ring);
	drv_collect(test, 1);
	for (i = 0; i < ARRAY_SIZE(aheads); i++) {
		drv_fill(test, 200, false);
		drv_serve(test, 200, 0);
		drv_set_calls(d, DRV_CALLS_EVENT, aheads[i]);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), aheads[i] < 200);
		drv_collect(test, 200);
	}
}

static void packed_kicks(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);

	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_TRUE(test, d->ring.kicks_off);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), VRING_PACKED_EVENT_FLAG_DISABLE);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	KUNIT_EXPECT_FALSE(test, d->ring.kicks_off);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), VRING_PACKED_EVENT_FLAG_ENABLE);
	drv_fill(test, 1, false);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 1);

	d = drv_start(test, &with_event, 5);
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), VRING_PACKED_EVENT_FLAG_DESC);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), 5 | 0x8000);
	drv_fill(test, 4, false);
	KUNIT_EXPECT_TRUE(test, drv_kicks(d, 5));
	drv_serve(test, 4, 0);
	/* What was asked for is over: nothing more is kicked for. */
	weft_ring_kicks_off(&d->ring);
	drv_fill(test, 1, false);
	KUNIT_EXPECT_FALSE(test, drv_kicks(d, 9));
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), 3);
	drv_fill(test, 1, false);
	KUNIT_EXPECT_TRUE(test, drv_kicks(d, 10));
}

static struct kunit_case packed_cases[] = {
	KUNIT_CASE_PARAM(packed_chain_of_all_kinds, access_gen_params),
	KUNIT_CASE_PARAM(packed_available_or_not, access_gen_params),
	KUNIT_CASE_PARAM(packed_used_is_written, access_gen_params),
	KUNIT_CASE_PARAM(packed_counters_wrap, access_gen_params),
	KUNIT_CASE_PARAM(packed_used_all_at_once, access_gen_params),
	KUNIT_CASE_PARAM(packed_id_out_of_range, access_gen_params),
	KUNIT_CASE_PARAM(packed_chain_unfinished, access_gen_params),
	KUNIT_CASE_PARAM(packed_chain_goes_round, access_gen_params),
	KUNIT_CASE_PARAM(packed_segments, access_gen_params),
	KUNIT_CASE_PARAM(packed_table, access_gen_params),
	KUNIT_CASE_PARAM(packed_walked, access_gen_params),
	KUNIT_CASE_PARAM(packed_table_wraps, access_gen_params),
	KUNIT_CASE_PARAM(packed_table_malformed, access_gen_params),
	KUNIT_CASE_PARAM(packed_batch_edges, access_gen_params),
	KUNIT_CASE_PARAM(packed_chain_across_batches, access_gen_params),
	KUNIT_CASE_PARAM(packed_in_order, access_gen_params),
	KUNIT_CASE_PARAM(packed_in_order_whole_ring, access_gen_params),
	KUNIT_CASE_PARAM(packed_in_order_more_than_it_holds, access_gen_params),
	KUNIT_CASE_PARAM(packed_event_flags, access_gen_params),
	KUNIT_CASE_PARAM(packed_event_places, access_gen_params),
	KUNIT_CASE_PARAM(packed_event_largest_ring, access_gen_params),
	KUNIT_CASE_PARAM(packed_kicks, access_gen_params),
	{}
};

static struct kunit_suite packed_suite = {
	.name = "weft_packed",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = packed_cases,
};

kunit_test_suite(packed_suite);

MODULE_DESCRIPTION("weft: tests of packed virtqueues");
MODULE_LICENSE("GPL");
