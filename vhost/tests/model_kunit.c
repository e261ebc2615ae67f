// SPDX-License-Identifier: GPL-2.0
/*
 * Rings under drivers that do whatever virtio 1.3 lets them, at random: each
 * buffer is handed out once, in order, as it was made; comes back once, with its
 * length; and both sides hear of what they asked to hear of, neither less nor,
 * where that can be told, more.
 */
#include <linux/moduleparam.h>
#include "../../mdev/tests/rng.h"
#include "suite.h"

/* Laps of the whole test, each with a driver of its own, and steps of a lap. */
static unsigned int laps = 60;
module_param(laps, uint, 0444);
MODULE_PARM_DESC(laps, "Drivers that are tried with each kind of access");

#define STEPS	400

KUNIT_ARRAY_PARAM(access, drv_accesses, drv_access_name);

/**
 * struct model - a device in the middle of its work
 * @test: the case
 * @d: the ring
 * @rng: what comes next
 * @held: chains that were taken and not put yet
 * @nheld: how many
 * @len: by id, the length that was put; ~0: not put
 * @first: nothing was published since the set-up
 * @said: where the driver was last asked whether it wants to be called
 */
struct model {
	struct kunit *test;
	struct drv *d;
	struct weft_rng rng;
	struct weft_chain held[DRV_MAX_USED];
	u32 nheld;
	u32 *len;
	bool first;
	u64 said;
};

static u32 below(struct model *m, u32 n)
{
	return weft_rng_below(&m->rng, n);
}

static bool one_in(struct model *m, u32 n)
{
	return weft_rng_one_in(&m->rng, n);
}

/* Sometimes one of the next few accesses fails; not where all are mapped. */
static void maybe_fail(struct model *m)
{
	m->d->failed = false;
	m->d->fail_after = one_in(m, 4) ? below(m, 12) : -1;
}

static void add(struct model *m)
{
	struct weft_seg seg[DRV_SEGS];
	u32 out = below(m, 5), in = below(m, 4), i;

	if (!(out + in))
		out = 1;
	for (i = 0; i < out + in; i++) {
		seg[i].addr = weft_rng_u64(&m->rng);
		seg[i].len = one_in(m, 9) ? 0 : 1 + below(m, one_in(m, 5) ? 0xfffffffe : 2000);
	}
	drv_add(m->d, seg, out, in, below(m, DRV_SHAPES));
}

static void take(struct model *m)
{
	struct drv_case *k = m->test->priv;
	const char *wrong;
	int ret;

	if (m->nheld + m->d->ring.nused >= DRV_MAX_USED)
		return;
	maybe_fail(m);
	ret = drv_get(m->test);
	if (ret == -EAGAIN) {
		KUNIT_EXPECT_TRUE(m->test, m->d->failed);
		return;
	}
	KUNIT_ASSERT_EQ(m->test, ret, m->d->taken != m->d->added);
	if (!ret)
		return;
	wrong = drv_check(m->d, &k->chain, k->seg);
	KUNIT_ASSERT_STREQ(m->test, wrong ? wrong : "", "");
	m->held[m->nheld++] = k->chain;
}

/* In order, a buffer with room for something was written to. */
static void put(struct model *m)
{
	u32 i, len, room;
	u16 id;

	if (!m->nheld)
		return;
	i = m->d->ring.cfg.in_order ? 0 : below(m, m->nheld);
	id = m->held[i].id;
	room = drv_room(m->d, id);
	len = !room || (!m->d->ring.cfg.in_order && one_in(m, 4)) ? 0 : 1 + below(m, room);
	weft_ring_put(&m->d->ring, &m->held[i], len);
	m->len[id] = len;
	memmove(m->held + i, m->held + i + 1, (--m->nheld - i) * sizeof(*m->held));
}

static void collect(struct model *m)
{
	u16 ids[DRV_MAX_USED];
	u32 lens[DRV_MAX_USED];
	int n, i;

	while ((n = drv_reap(m->d, ids, lens, DRV_MAX_USED)) != 0) {
		KUNIT_ASSERT_GT(m->test, n, 0);
		for (i = 0; i < n; i++) {
			KUNIT_ASSERT_NE(m->test, m->len[ids[i]], U32_MAX);
			KUNIT_EXPECT_EQ(m->test, lens[i], m->len[ids[i]]);
			m->len[ids[i]] = U32_MAX;
		}
	}
}

static void publish(struct model *m)
{
	u16 n = m->d->ring.nused;
	u64 old = m->said;
	u32 i, slots = 0;
	int ret;

	/* How far the used place gets: by slots, as the driver counted them. */
	for (i = 0; i < n; i++)
		slots += m->d->ring.cfg.packed ? m->d->ring.used[i].slots : 1;
	maybe_fail(m);
	ret = weft_ring_publish(&m->d->ring);
	if (ret == -EAGAIN) {
		KUNIT_EXPECT_TRUE(m->test, m->d->failed);
		/* A batch in order may be one by now. */
		KUNIT_EXPECT_TRUE(m->test, m->d->ring.nused);
		return;
	}
	if (!n) {
		KUNIT_EXPECT_EQ(m->test, ret, 0);
		return;
	}
	m->said += slots;
	/* Nobody knows what the driver wants, or what it was told before. */
	if (m->d->failed)
		KUNIT_EXPECT_EQ(m->test, ret, 1);
	else if (m->first)
		KUNIT_EXPECT_EQ(m->test, ret, m->d->calls != DRV_CALLS_OFF);
	else
		KUNIT_EXPECT_EQ(m->test, ret, drv_wants(m->d, old, m->said));
	m->first = false;
	if (one_in(m, 3))
		return;
	collect(m);
}

/* What was taken last goes back, and comes again. */
static void give_back(struct model *m)
{
	struct weft_ring_place mark = weft_ring_mark(&m->d->ring);
	u64 taken = m->d->taken;
	u32 held = m->nheld, n = below(m, 6);

	while (n--)
		take(m);
	weft_ring_rewind(&m->d->ring, mark);
	m->d->taken = taken;
	m->nheld = held;
}

/* So does what was put last. */
static void unput(struct model *m)
{
	struct weft_ring_place mark = weft_ring_mark(&m->d->ring);
	struct weft_ring *r = &m->d->ring;
	struct drv_case *k = m->test->priv;
	u64 taken = m->d->taken;
	u32 n = 0, want = below(m, 6);

	if (m->d->ring.cfg.in_order && m->nheld)
		return;
	while (n < want && r->nused < DRV_MAX_USED && drv_get(m->test) == 1) {
		weft_ring_put(r, &k->chain, 0x99);
		n++;
	}
	weft_ring_unput(r, n);
	weft_ring_rewind(r, mark);
	m->d->taken = taken;
}

static void ask_for_kicks(struct model *m)
{
	u64 at = m->d->avail;
	int ret;

	if (one_in(m, 2)) {
		maybe_fail(m);
		weft_ring_kicks_off(&m->d->ring);
		/* With events, that the last one is over has to do. */
		if (!m->d->failed && !m->d->ring.cfg.event_idx) {
			add(m);
			KUNIT_EXPECT_FALSE(m->test, m->d->avail != at && drv_kicks(m->d, at));
		}
		return;
	}
	maybe_fail(m);
	ret = drv_kicks_on(m->d);
	if (ret == -EAGAIN) {
		KUNIT_EXPECT_TRUE(m->test, m->d->failed);
		return;
	}
	KUNIT_EXPECT_EQ(m->test, ret, m->d->taken != m->d->added);
	if (ret)
		return;
	/* Nothing is there: the next one is kicked for. */
	add(m);
	if (m->d->avail != at)
		KUNIT_EXPECT_TRUE(m->test, drv_kicks(m->d, at));
}

/* Another device goes on, when all that was taken is back. */
static void hand_over(struct model *m)
{
	struct weft_ring_config cfg = m->d->ring.cfg;
	struct weft_ring_place place = {};
	u32 state;

	if (m->nheld || m->d->ring.nused)
		return;
	m->d->fail_after = -1;
	state = weft_ring_state_pack(&m->d->ring);
	place.avail = cfg.packed ? state & 0x7fff : state;
	place.avail_wrap = state >> 15 & 1;
	place.used = state >> 16 & 0x7fff;
	place.used_wrap = state >> 31;
	KUNIT_ASSERT_EQ(m->test, weft_ring_setup(&m->d->ring, &cfg, &place), 0);
	KUNIT_ASSERT_EQ(m->test, weft_ring_read_used(&m->d->ring), 0);
	m->first = true;
}

static void step(struct model *m)
{
	switch (below(m, 16)) {
	case 0 ... 3:
		add(m);
		break;
	case 4 ... 6:
		take(m);
		break;
	case 7 ... 9:
		put(m);
		break;
	case 10:
		publish(m);
		break;
	case 11:
		collect(m);
		drv_set_calls(m->d, below(m, 3), below(m, m->d->ring.cfg.size));
		break;
	case 12:
		give_back(m);
		break;
	case 13:
		unput(m);
		break;
	case 14:
		ask_for_kicks(m);
		break;
	default:
		if (one_in(m, 4))
			hand_over(m);
		else if (one_in(m, 2))
			weft_ring_forget(&m->d->ring);
	}
	KUNIT_ASSERT_STREQ(m->test, weft_ring_fault_name(m->d->ring.fault), "none");
}

static void model_run(struct kunit *test, struct model *m, bool packed)
{
	static const u32 sizes[] = { 1, 2, 4, 8, 16, 64, 128, 256 };
	struct weft_ring_config cfg = {
		.size = sizes[below(m, ARRAY_SIZE(sizes))],
		.packed = packed,
		.event_idx = one_in(m, 2),
		.indirect = one_in(m, 2),
		.in_order = one_in(m, 3),
		.little = packed || one_in(m, 2),
	};
	u64 start = one_in(m, 2) ? 65536 - below(m, 300) : below(m, 70000);
	u32 i;

	if (packed && one_in(m, 2))
		cfg.size = 1 + below(m, 200);
	/* The first descriptor of a ring in order is 0. */
	if (cfg.in_order && !packed)
		start -= start % cfg.size;
	m->test = test;
	m->d = drv_start(test, &cfg, start);
	m->nheld = 0;
	m->first = true;
	m->said = start;
	m->len = kvmalloc_array(cfg.size, sizeof(*m->len), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->len);
	memset(m->len, 0xff, cfg.size * sizeof(*m->len));
	drv_set_calls(m->d, below(m, 3), below(m, cfg.size));

	for (i = 0; i < STEPS; i++)
		step(m);
	/* And all of it to the end. */
	m->d->fail_after = -1;
	while (m->d->back != m->d->added && i++ < 100000) {
		take(m);
		put(m);
		publish(m);
		collect(m);
	}
	KUNIT_EXPECT_EQ(test, m->d->back, m->d->added);
	for (i = 0; i < cfg.size; i++)
		KUNIT_EXPECT_EQ(test, m->len[i], U32_MAX);
	kvfree(m->len);
}

static void model_runs(struct kunit *test, bool packed)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	weft_rng_start(test, &m->rng);
	for (i = 0; i < laps; i++)
		model_run(test, m, packed);
}

static void model_split(struct kunit *test)
{
	model_runs(test, false);
}

static void model_packed(struct kunit *test)
{
	model_runs(test, true);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE_PARAM(model_split, access_gen_params),
	KUNIT_CASE_PARAM(model_packed, access_gen_params),
	{}
};

static struct kunit_suite model_suite = {
	.name = "weft_model",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = model_cases,
};

kunit_test_suite(model_suite);

MODULE_DESCRIPTION("weft: virtqueues under random drivers");
MODULE_LICENSE("GPL");
