// SPDX-License-Identifier: GPL-2.0
/*
 * What rings of both formats have in common: where they begin and go on, errors
 * at any place, memory that changes while it is looked at, and the dirty log.
 */
#include "suite.h"

/* Each format, with each access. */
static const struct ring_kind {
	bool packed;
	enum drv_access access;
	const char *name;
} ring_kinds[] = {
	{ false, DRV_MAPPED, "split-mapped" }, { false, DRV_ENTERED, "split-entered" },
	{ false, DRV_COPIED, "split-copied" }, { true, DRV_MAPPED, "packed-mapped" },
	{ true, DRV_ENTERED, "packed-entered" }, { true, DRV_COPIED, "packed-copied" },
};

static void ring_kind_name(const struct ring_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, ring_kinds, ring_kind_name);

/* As drv_start(), with the format and the access of the case. */
static struct drv *start(struct kunit *test, struct weft_ring_config cfg, u64 at)
{
	const struct ring_kind *kind = test->param_value;
	struct drv_case *k = test->priv;

	cfg.packed = kind->packed;
	drv_free(&k->d);
	KUNIT_ASSERT_EQ(test, drv_init(&k->d, &cfg, kind->access, at), 0);
	return &k->d;
}

static const struct weft_ring_config small = { .size = 8, .little = true };

static void ring_setup_refuses(struct kunit *test)
{
	static const struct { u32 size; bool packed; u16 avail, used; bool good; } runs[] = {
		{ 0, false, 0, 0, false }, { 1, false, 9, 9, true }, { 3, false, 0, 0, false },
		{ 32768, false, 65535, 65535, true }, { 65536, false, 0, 0, false },
		{ 49152, false, 0, 0, false }, { 0x80000000, false, 0, 0, false },
		{ 0, true, 0, 0, false }, { 1, true, 0, 0, true }, { 3, true, 2, 2, true },
		{ 3, true, 3, 0, false }, { 3, true, 0, 3, false }, { 32768, true, 32767, 0, true },
		{ 32769, true, 0, 0, false }, { 1, true, 1, 0, false },
	};
	struct weft_ring r = {};
	u32 i;

	KUNIT_ASSERT_EQ(test, weft_ring_alloc(&r, WEFT_RING_BATCH), 0);
	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		struct weft_ring_config cfg = { .size = runs[i].size, .packed = runs[i].packed };
		struct weft_ring_place place = { .avail = runs[i].avail, .used = runs[i].used };

		r.cfg.size = 4242;
		r.fault = WEFT_RING_LOOP;
		r.nused = 1;
		KUNIT_EXPECT_EQ(test, weft_ring_setup(&r, &cfg, &place),
				runs[i].good ? 0 : -EINVAL);
		KUNIT_EXPECT_EQ(test, r.cfg.size, runs[i].good ? runs[i].size : 4242);
		KUNIT_EXPECT_EQ(test, r.fault, runs[i].good ? WEFT_RING_OK : WEFT_RING_LOOP);
		KUNIT_EXPECT_EQ(test, r.nused, !runs[i].good);
	}
	weft_ring_free(&r);
	/* Twice does no harm. */
	weft_ring_free(&r);
}

#ifdef __KERNEL__
static void ring_without_memory(struct kunit *test)
{
	kunit_skip(test, "allocations cannot be made to fail");
}
#else
/* Each of its allocations fails once, and what it got before is not lost. */
static void ring_without_memory(struct kunit *test)
{
	struct weft_ring r = {};
	int budget, ret;

	for (budget = 0; budget < 4; budget++) {
		kunit_alloc_budget = budget;
		ret = weft_ring_alloc(&r, WEFT_RING_BATCH);
		kunit_alloc_budget = -1;
		KUNIT_EXPECT_EQ(test, ret, budget < 3 ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, r.descs && r.heads && r.used, !ret);
		KUNIT_EXPECT_EQ(test, !r.descs && !r.heads && !r.used, !!ret);
	}
	weft_ring_free(&r);
}
#endif

static void ring_area_sizes(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 256 };

	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DESC), 4096);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DRIVER), 4 + 512);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DEVICE), 4 + 2048);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREAS), 0);
	cfg.event_idx = true;
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DRIVER), 6 + 512);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DEVICE), 6 + 2048);
	cfg.packed = true;
	cfg.size = 32768;
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DESC), 524288);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DRIVER), 4);
	KUNIT_EXPECT_EQ(test, weft_ring_area_size(&cfg, WEFT_AREA_DEVICE), 4);
}

/* Each fault has a word of its own, which people and counters use. */
static void ring_fault_names(struct kunit *test)
{
	const char *name;
	int i, j;

	for (i = 0; i < WEFT_RING_FAULTS; i++) {
		name = weft_ring_fault_name(i);
		KUNIT_ASSERT_NOT_NULL(test, name);
		KUNIT_EXPECT_TRUE(test, !strpbrk(name, " \t\n"));
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, strcmp(name, weft_ring_fault_name(j)), 0);
	}
	KUNIT_EXPECT_STREQ(test, weft_ring_fault_name(WEFT_RING_FAULTS), "unknown");
	KUNIT_EXPECT_STREQ(test, weft_ring_fault_name(-1), "unknown");
}

/* The first reason stays, until the ring is set up anew. */
static void ring_first_fault_stays(struct kunit *test)
{
	struct drv *d = start(test, small, 0);

	drv_fill(test, 3, false);
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_break(&d->ring, WEFT_RING_SHORT), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_ring_break(&d->ring, WEFT_RING_MEMORY), -EINVAL);
	drv_broken(test, WEFT_RING_SHORT);
	KUNIT_EXPECT_EQ(test, drv_begin(d), 0);
	KUNIT_EXPECT_EQ(test, d->ring.nused, 0);
}

/* What one device says of its place, another one begins with. */
static void ring_handed_over(struct kunit *test)
{
	struct drv *d = start(test, small, 65530);
	struct weft_ring_config cfg = d->ring.cfg;
	struct weft_ring_place place = {};
	u32 state;
	int i;

	for (i = 0; i < 20; i++) {
		drv_fill(test, 5, false);
		/* Fetched, but not handed out: the next device has to find them. */
		drv_serve(test, 3, 0);
		weft_ring_publish(&d->ring);
		state = weft_ring_state_pack(&d->ring);
		if (cfg.packed) {
			place.avail = state & 0x7fff;
			place.avail_wrap = state >> 15 & 1;
			place.used = state >> 16 & 0x7fff;
			place.used_wrap = state >> 31;
		} else {
			KUNIT_EXPECT_LE(test, state, 0xffff);
			place.avail = state;
		}
		KUNIT_ASSERT_EQ(test, weft_ring_setup(&d->ring, &cfg, &place), 0);
		KUNIT_ASSERT_EQ(test, weft_ring_read_used(&d->ring), 0);
		drv_serve(test, 2, 0);
		weft_ring_publish(&d->ring);
		drv_collect(test, 5);
	}
}

/* ---- taking and giving back ---- */

static void ring_rewinds(struct kunit *test)
{
	static const u32 sizes[] = { 1, 2, 8, 64, 128, 256 };
	struct drv_case *k = test->priv;
	struct weft_ring_config cfg = small;
	struct weft_ring_place mark;
	u32 i, n, lap;
	struct drv *d;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		cfg.size = sizes[i];
		d = start(test, cfg, 65535);
		/* From none to all; all of it is also what a batch goes beyond. */
		for (lap = 0; lap < 3; lap++) {
			for (n = 0; n <= sizes[i]; n += 1 + sizes[i] / 16) {
				u64 taken;

				drv_fill(test, sizes[i], false);
				drv_serve(test, (sizes[i] - n) / 2, 0);
				mark = weft_ring_mark(&d->ring);
				taken = d->taken;
				drv_serve(test, n, 0);
				weft_ring_unput(&d->ring, n);
				weft_ring_rewind(&d->ring, mark);
				d->taken = taken;
				if (n & 1)
					weft_ring_forget(&d->ring);
				drv_serve(test, d->added - d->taken, 0);
				KUNIT_EXPECT_EQ(test, drv_get(test), 0);
				KUNIT_EXPECT_EQ(test, k->d.ring.nused, sizes[i]);
				weft_ring_publish(&d->ring);
				drv_collect(test, sizes[i]);
			}
		}
	}
	/* More than there are to be taken back is all of them. */
	d = start(test, small, 0);
	drv_fill(test, 2, false);
	drv_serve(test, 2, 0);
	weft_ring_unput(&d->ring, 3);
	KUNIT_EXPECT_EQ(test, d->ring.nused, 0);
	KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 0);
}

/* What was fetched is of the old memory, when the ring moves to another. */
static void ring_forgets(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = start(test, small, 0);
	struct weft_seg seg = { 0x7000, 77 };

	drv_fill(test, 2, false);
	drv_serve(test, 1, 0);
	weft_ring_forget(&d->ring);
	if (d->ring.cfg.packed)
		drv_packed_desc(d, 1, seg.addr, seg.len, 0, drv_packed_flags(d, 1));
	else
		drv_split_desc(d, 1, seg.addr, seg.len, 0, 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x7000);
}

/* Nor is it of any use when the ring begins anew, where it stood. */
static void ring_begins_anew(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = start(test, small, 0);
	struct weft_ring_config cfg = d->ring.cfg;
	struct weft_ring_place place;
	unsigned long before;

	drv_fill(test, 2, false);
	weft_ring_kicks_off(&d->ring);
	drv_serve(test, 1, 0);
	weft_ring_publish(&d->ring);
	place = weft_ring_mark(&d->ring);
	if (cfg.packed)
		drv_packed_desc(d, 1, 0x7000, 77, 0, drv_packed_flags(d, 1));
	else
		drv_split_desc(d, 1, 0x7000, 77, 0, 0);
	KUNIT_ASSERT_EQ(test, weft_ring_setup(&d->ring, &cfg, &place), 0);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	KUNIT_EXPECT_EQ(test, k->seg[0].addr, 0x7000);
	/* The driver of before was asked not to kick, this one has to be. */
	before = d->accesses;
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, d->accesses, before + (d->access == DRV_COPIED));
}

/* Buffers that are known of, and too few, are no reason to be kicked or to wake. */
static void ring_more_than_seen(struct kunit *test)
{
	struct weft_ring_config cfg = small;
	struct weft_ring_place mark, seen;
	struct drv *d;
	int event;

	for (event = 0; event < 2; event++) {
		cfg.event_idx = event;
		d = start(test, cfg, 65534);
		drv_fill(test, 3, true);
		mark = weft_ring_mark(&d->ring);
		drv_serve(test, 3, 1);
		seen = weft_ring_mark(&d->ring);
		KUNIT_EXPECT_EQ(test, drv_get(test), 0);
		weft_ring_unput(&d->ring, 3);
		weft_ring_rewind(&d->ring, mark);
		d->taken = 0;
		KUNIT_EXPECT_FALSE(test, weft_ring_more(&d->ring, seen));
		KUNIT_EXPECT_TRUE(test, weft_ring_more(&d->ring, mark));
		KUNIT_EXPECT_EQ(test, weft_ring_kicks_on(&d->ring, seen), 0);
		drv_fill(test, 1, true);
		KUNIT_EXPECT_TRUE(test, drv_kicks(d, d->avail - 1));
		KUNIT_EXPECT_TRUE(test, weft_ring_more(&d->ring, seen));
		KUNIT_EXPECT_EQ(test, weft_ring_kicks_on(&d->ring, seen), 1);
		drv_serve(test, 4, 1);
	}
}

/* What was said once need not be written again. */
static void ring_kicks_off_once(struct kunit *test)
{
	struct weft_ring_config cfg = small;
	struct drv *d = start(test, cfg, 0);
	unsigned long before;

	weft_ring_kicks_off(&d->ring);
	before = d->accesses;
	KUNIT_EXPECT_EQ(test, before, d->access == DRV_COPIED);
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, d->accesses, before);
	drv_kicks_on(d);
	before = d->accesses;
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, d->accesses, before + (d->access == DRV_COPIED));
	/* Where the event index says it, it is said already. */
	cfg.event_idx = true;
	d = start(test, cfg, 0);
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, d->accesses, 0);
}

static void ring_no_room(struct kunit *test)
{
	struct drv_case *k = test->priv;
	struct drv *d = start(test, small, 0);

	drv_fill(test, 1, false);
	KUNIT_EXPECT_EQ(test, weft_ring_get(&d->ring, &k->chain, k->seg, 0), -EINVAL);
	drv_broken(test, WEFT_RING_SEGS);
}

/* ---- errors ---- */

static const struct weft_seg mixed[4] = {
	{ 0x1000, 10 }, { 0x2000, 20 }, { 0x3000, 30 }, { 0x4000, 40 },
};

/* Does the next step; returns whether it has to be done again. */
static bool step(struct kunit *test, int *at)
{
	struct drv_case *k = test->priv;
	struct drv *d = &k->d;
	struct weft_ring_place before = d->ring.place;
	u16 waiting = d->ring.nused;
	bool failing = d->fail_after >= 0;
	const char *wrong;
	int ret;

	switch (*at % 8) {
	case 0:
		drv_add(d, mixed, 2, 2, DRV_DIRECT);
		drv_add(d, mixed, 3, 1, DRV_INDIRECT);
		drv_add(d, mixed, 4, 0, DRV_TAIL);
		break;
	case 1:
	case 2:
	case 3:
		ret = drv_get(test);
		if (ret == -EAGAIN) {
			KUNIT_EXPECT_MEMEQ(test, &d->ring.place, &before, sizeof(before));
			return true;
		}
		KUNIT_ASSERT_EQ(test, ret, 1);
		wrong = drv_check(d, &k->chain, k->seg);
		KUNIT_ASSERT_STREQ(test, wrong ? wrong : "", "");
		weft_ring_put(&d->ring, &k->chain, *at % 8);
		break;
	case 4:
		ret = drv_get(test);
		if (ret == -EAGAIN)
			return true;
		KUNIT_EXPECT_EQ(test, ret, 0);
		break;
	case 5:
		drv_set_calls(d, DRV_CALLS_EVENT, 1);
		ret = weft_ring_publish(&d->ring);
		if (ret == -EAGAIN) {
			KUNIT_EXPECT_EQ(test, d->ring.nused, waiting);
			KUNIT_EXPECT_EQ(test, d->ring.place.used, before.used);
			return true;
		}
		/* Called, lest it waits for ever, also if its wish cannot be told. */
		KUNIT_EXPECT_EQ(test, ret, 1);
		break;
	case 6:
		weft_ring_kicks_off(&d->ring);
		KUNIT_EXPECT_TRUE(test, d->ring.kicks_off || (failing && d->fail_after < 0));
		break;
	case 7:
		ret = drv_kicks_on(d);
		if (ret == -EAGAIN)
			return true;
		KUNIT_EXPECT_EQ(test, ret, 0);
		drv_collect(test, 3);
		break;
	}
	++*at;
	return false;
}

/*
 * A translation that is missing at any place, and comes later: nothing is lost,
 * nothing is there twice. Each access of three laps fails once.
 */
static void ring_again_anywhere(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 16, .little = true, .indirect = true };
	unsigned long place, all = 1;
	struct drv *d;
	int at, event, again;

	for (event = 0; event < 2; event++) {
		cfg.event_idx = event;
		for (place = 0; place < all; place++) {
			d = start(test, cfg, 65530);
			if (place)
				d->fail_after = place - 1;
			for (at = 0, again = 0; at < 24; )
				again += step(test, &at);
			KUNIT_EXPECT_EQ(test, d->ring.fault, WEFT_RING_OK);
			KUNIT_EXPECT_LE(test, again, !!place);
			if (!place)
				all = d->accesses + 1;
			else
				KUNIT_EXPECT_EQ(test, d->fail_after, -1);
		}
	}
}

/* Whether something came cannot be told: it may have, and is asked for again. */
static void ring_in_doubt(struct kunit *test)
{
	struct weft_ring_config cfg = small;
	struct drv *d;
	int event, fail, with;

	for (with = 0; with < 2; with++) {
		for (event = 0; event < 2; event++) {
			cfg.event_idx = event;
			for (fail = 0; ; fail++) {
				d = start(test, cfg, 5);
				d->fail_with = with ? -EFAULT : -EAGAIN;
				d->fail_after = fail;
				weft_ring_kicks_on(&d->ring, weft_ring_mark(&d->ring));
				if (!d->failed)
					break;
				d = start(test, cfg, 5);
				d->fail_with = with ? -EFAULT : -EAGAIN;
				d->fail_after = fail;
				KUNIT_EXPECT_EQ(test, drv_kicks_on(d), with ? -EINVAL : -EAGAIN);
				KUNIT_EXPECT_EQ(test, d->ring.fault,
						with ? WEFT_RING_UNREADABLE : WEFT_RING_OK);
				if (!with)
					KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
			}
			/* Two or three words, where they are copied. */
			KUNIT_EXPECT_EQ(test, fail, d->access != DRV_COPIED ? 0 :
					d->ring.cfg.packed && event ? 3 : 2);
		}
		d = start(test, small, 5);
		d->fail_with = with ? -EFAULT : -EAGAIN;
		d->fail_after = 0;
		KUNIT_EXPECT_EQ(test, drv_more(d), d->access == DRV_COPIED);
		KUNIT_EXPECT_EQ(test, d->ring.fault, d->access == DRV_COPIED && with ?
				WEFT_RING_UNREADABLE : WEFT_RING_OK);
	}
}

/* An error that is no missing translation breaks the ring, wherever it comes. */
static void ring_fails_anywhere(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 16, .little = true, .indirect = true };
	struct drv_case *k = test->priv;
	unsigned long place;
	struct drv *d;
	int i, ret;

	for (place = 0; place < 100; place++) {
		d = start(test, cfg, 65530);
		d->fail_after = place;
		d->fail_with = -EFAULT;
		drv_add(d, mixed, 2, 2, DRV_DIRECT);
		drv_add(d, mixed, 3, 1, DRV_INDIRECT);
		for (i = 0, ret = 0; i < 2 && ret >= 0; i++) {
			ret = drv_get(test);
			if (ret > 0)
				weft_ring_put(&d->ring, &k->chain, 1);
		}
		if (ret >= 0)
			ret = weft_ring_publish(&d->ring);
		if (ret >= 0)
			ret = drv_kicks_on(d);
		if (!d->failed)
			break;
		KUNIT_EXPECT_EQ(test, ret, -EINVAL);
		KUNIT_EXPECT_TRUE(test, d->ring.fault == WEFT_RING_UNREADABLE ||
				  d->ring.fault == WEFT_RING_INDIRECT_MEMORY);
	}
	KUNIT_EXPECT_LT(test, place, 100);
	KUNIT_EXPECT_GT(test, place, 0);
}

/* A refill that fails half way leaves buffers that can be given back as they were. */
static void ring_rewinds_behind_a_failure(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 256, .little = true };
	struct weft_ring_place mark;
	struct drv *d;
	u32 fail, n;
	int ret;

	for (n = 1; n <= 64; n += 63) {
		for (fail = 0; fail < 4; fail++) {
			d = start(test, cfg, 0);
			drv_fill(test, 200, false);
			drv_serve(test, 64 - n, 0);
			mark = weft_ring_mark(&d->ring);
			drv_serve(test, n, 0);
			d->fail_after = fail;
			ret = drv_get(test);
			if (d->fail_after >= 0)
				break;
			if (ret == 1)
				weft_ring_put(&d->ring, &((struct drv_case *)test->priv)->chain, 0);
			d->fail_after = -1;
			weft_ring_unput(&d->ring, n + (ret == 1));
			weft_ring_rewind(&d->ring, mark);
			d->taken = 64 - n;
			drv_serve(test, 200 - (64 - n), 0);
			weft_ring_publish(&d->ring);
			drv_collect(test, 200);
		}
	}
}

/* ---- memory that changes ---- */

static void scramble(struct drv *d)
{
	int i;

	for (i = 0; i < WEFT_AREAS; i++)
		memset(d->area[i], 0xff, d->area_size[i]);
	memset(d->tables, 0xff, d->tables_size);
}

/*
 * What was read and found good is used, not what is there by then: after each
 * access to memory all of it changes. No chain may come of half of each.
 */
static void ring_reads_once(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 16, .little = true, .indirect = true };
	struct drv_case *k = test->priv;
	int shape, before, ret;
	const char *wrong;
	struct drv *d;

	for (shape = 0; shape < DRV_SHAPES; shape++) {
		for (before = 0; before < 20; before++) {
			int i;

			d = start(test, cfg, 0);
			for (i = 0; i < WEFT_AREAS; i++) {
				d->reads[i] = kvzalloc(d->area_size[i], GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, d->reads[i]);
			}
			drv_add(d, mixed, 2, 2, shape);
			ret = drv_get(test);
			KUNIT_ASSERT_EQ(test, ret, 1);
			wrong = drv_check(d, &k->chain, k->seg);
			KUNIT_EXPECT_STREQ(test, wrong ? wrong : "", "");
			for (i = 0; i < (int)d->area_size[WEFT_AREA_DESC]; i++)
				/* Flags that said there is nothing may be read again. */
				KUNIT_EXPECT_LE(test, d->reads[WEFT_AREA_DESC][i],
						d->ring.cfg.packed && i % 16 >= 14 ? 2 : 1);
			for (i = 0; i < (int)d->area_size[WEFT_AREA_DRIVER]; i++)
				KUNIT_EXPECT_LE(test, d->reads[WEFT_AREA_DRIVER][i], 1);
		}
	}
}

static unsigned int accesses_to_come;

static void scramble_later(struct drv *d)
{
	if (!accesses_to_come--)
		scramble(d);
}

static void ring_memory_changes(struct kunit *test)
{
	struct weft_ring_config cfg = { .size = 16, .little = true, .indirect = true };
	struct drv_case *k = test->priv;
	unsigned int when, i;
	const char *wrong;
	struct drv *d;
	int shape, ret;

	for (shape = 0; shape < DRV_SHAPES; shape++) {
		for (when = 0; when < 16; when++) {
			d = start(test, cfg, 0);
			for (i = 0; i < 3; i++)
				drv_add(d, mixed, 2, 2, shape);
			accesses_to_come = when;
			d->hook = scramble_later;
			for (i = 0; i < 3; i++) {
				ret = drv_get(test);
				if (ret != 1)
					break;
				/* Whole, as the driver once wrote it; or nothing. */
				wrong = drv_check(d, &k->chain, k->seg);
				KUNIT_EXPECT_STREQ(test, wrong ? wrong : "", "");
			}
			if (ret != 1 && ret != 0)
				KUNIT_EXPECT_NE(test, d->ring.fault, WEFT_RING_OK);
		}
	}
}

/* ---- the dirty log ---- */

/* Each byte that is written is told of, and none beyond what belongs to it. */
static void ring_tells_what_it_wrote(struct kunit *test)
{
	struct weft_ring_config cfg = small;
	bool packed = ((const struct ring_kind *)test->param_value)->packed;
	enum weft_ring_area area;
	u32 at, bytes;
	struct drv *d;
	int i, how;

	for (how = 0; how < 8; how++) {
		cfg.event_idx = how & 1;
		cfg.in_order = how & 2;
		d = start(test, cfg, 6);
		d->ops.wrote = drv_wrote;
		for (i = 0; i < WEFT_AREAS; i++) {
			d->logged[i] = kvzalloc(d->area_size[i], GFP_KERNEL);
			d->written[i] = kvzalloc(d->area_size[i], GFP_KERNEL);
			KUNIT_ASSERT_TRUE(test, d->logged[i] && d->written[i]);
		}
		drv_fill(test, 5, how & 4);
		drv_serve(test, 5, how & 4);
		weft_ring_publish(&d->ring);
		weft_ring_kicks_off(&d->ring);
		drv_kicks_on(d);
		/* A packed ring's event structure is told of as one. */
		for (i = 0; i < WEFT_AREAS; i++)
			for (at = 0; at < d->area_size[i]; at++)
				if (d->access == DRV_COPIED && (!packed || i != WEFT_AREA_DEVICE))
					KUNIT_EXPECT_EQ(test, !!d->logged[i][at],
							!!d->written[i][at]);
		if (packed)
			KUNIT_EXPECT_NE(test, d->logged[WEFT_AREA_DEVICE][2], 0);
		/* How much it was: the same where nobody sees the writes. */
		area = packed ? WEFT_AREA_DESC : WEFT_AREA_DEVICE;
		for (at = 0, bytes = 0; at < d->area_size[area]; at++)
			bytes += !!d->logged[area][at];
		KUNIT_EXPECT_EQ(test, bytes,
				8 * (cfg.in_order && !(how & 4) ? 1 : 5) + (packed ? 0 : 4));
	}
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_setup_refuses),
	KUNIT_CASE(ring_without_memory),
	KUNIT_CASE(ring_area_sizes),
	KUNIT_CASE(ring_fault_names),
	KUNIT_CASE_PARAM(ring_first_fault_stays, kind_gen_params),
	KUNIT_CASE_PARAM(ring_handed_over, kind_gen_params),
	KUNIT_CASE_PARAM(ring_rewinds, kind_gen_params),
	KUNIT_CASE_PARAM(ring_forgets, kind_gen_params),
	KUNIT_CASE_PARAM(ring_begins_anew, kind_gen_params),
	KUNIT_CASE_PARAM(ring_more_than_seen, kind_gen_params),
	KUNIT_CASE_PARAM(ring_kicks_off_once, kind_gen_params),
	KUNIT_CASE_PARAM(ring_no_room, kind_gen_params),
	KUNIT_CASE_PARAM(ring_again_anywhere, kind_gen_params),
	KUNIT_CASE_PARAM(ring_in_doubt, kind_gen_params),
	KUNIT_CASE_PARAM(ring_fails_anywhere, kind_gen_params),
	KUNIT_CASE_PARAM(ring_rewinds_behind_a_failure, kind_gen_params),
	KUNIT_CASE_PARAM(ring_reads_once, kind_gen_params),
	KUNIT_CASE_PARAM(ring_memory_changes, kind_gen_params),
	KUNIT_CASE_PARAM(ring_tells_what_it_wrote, kind_gen_params),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "weft_ring",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);

MODULE_DESCRIPTION("weft: tests of virtqueues of both formats");
MODULE_LICENSE("GPL");
