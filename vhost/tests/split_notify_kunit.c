// SPDX-License-Identifier: GPL-2.0
/* Split rings: who is told of what, and when (virtio 1.3 §2.7.7, §2.7.10). */
#include "suite.h"

KUNIT_ARRAY_PARAM(access, drv_accesses, drv_access_name);

static const struct weft_ring_config plain = { .size = 8, .little = true };

static const struct weft_ring_config with_event = {
	.size = 8, .little = true, .event_idx = true,
};

static void split_event_index(struct kunit *test)
{
	/* The index that the driver wants to hear of, from that of the first entry on. */
	static const struct { int event; bool call; } runs[] = {
		{ -2, false }, { -1, false }, { 0, true }, { 1, true }, { 2, true }, { 3, false },
		{ 4, false }, { 0x7fff, false }, { -0x8000, false },
	};
	static const u16 starts[] = { 0, 65533, 65535, 32767 };
	struct drv *d;
	u32 i, s;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		for (i = 0; i < ARRAY_SIZE(runs); i++) {
			d = drv_start(test, &with_event, starts[s] - 1);
			drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), starts[s] + 500);
			drv_fill(test, 1, false);
			drv_serve(test, 1, 0);
			/* Nobody knows what the driver has heard before. */
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
			drv_collect(test, 1);
			drv_fill(test, 3, false);
			drv_serve(test, 3, 0);
			drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d),
				  starts[s] + runs[i].event);
			KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), runs[i].call);
		}
	}
}

/* The whole ring at once, at each place of the event. */
static void split_event_whole_ring(struct kunit *test)
{
	struct drv *d = drv_start(test, &with_event, 65535);
	int i;

	drv_fill(test, 1, false);
	drv_serve(test, 1, 0);
	weft_ring_publish(&d->ring);
	drv_collect(test, 1);
	for (i = -1; i <= 8; i++) {
		drv_fill(test, 8, false);
		drv_serve(test, 8, 0);
		drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), d->used + i);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), i >= 0 && i < 8);
		drv_collect(test, 8);
	}
}

static void split_no_interrupt(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 0);
	int i;

	for (i = 0; i < 4; i++) {
		drv_put16(d, WEFT_AREA_DRIVER, 0, i);
		drv_fill(test, 1, false);
		drv_serve(test, 1, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), !(i & 1));
	}
	/* With event indices the flag has no meaning. */
	d = drv_start(test, &with_event, 0);
	drv_put16(d, WEFT_AREA_DRIVER, 0, VRING_AVAIL_F_NO_INTERRUPT);
	for (i = 0; i < 2; i++) {
		drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), d->added);
		drv_fill(test, 1, false);
		drv_serve(test, 1, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
	}
}

static void split_notify_on_empty(struct kunit *test)
{
	struct weft_ring_config cfg = plain;
	struct drv *d;
	int event;

	cfg.notify_on_empty = true;
	for (event = 0; event < 2; event++) {
		cfg.event_idx = event;
		d = drv_start(test, &cfg, 0);
		drv_fill(test, 1, false);
		drv_serve(test, 1, 0);
		weft_ring_publish(&d->ring);
		drv_put16(d, WEFT_AREA_DRIVER, 0, VRING_AVAIL_F_NO_INTERRUPT);
		if (event)
			drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), 1000);
		/* One is left, so that it is not empty. */
		drv_fill(test, 3, false);
		drv_serve(test, 2, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 0);
		drv_serve(test, 1, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 1);
		cfg.notify_on_empty = false;
		d = drv_start(test, &cfg, 0);
		drv_fill(test, 2, false);
		drv_serve(test, 1, 0);
		weft_ring_publish(&d->ring);
		drv_put16(d, WEFT_AREA_DRIVER, 0, VRING_AVAIL_F_NO_INTERRUPT);
		if (event)
			drv_put16(d, WEFT_AREA_DRIVER, drv_used_event(d), 1000);
		drv_serve(test, 1, 0);
		KUNIT_EXPECT_EQ(test, weft_ring_publish(&d->ring), 0);
		cfg.notify_on_empty = true;
	}
}

static void split_kicks(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 65535);

	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_TRUE(test, d->ring.kicks_off);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), VRING_USED_F_NO_NOTIFY);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	KUNIT_EXPECT_FALSE(test, d->ring.kicks_off);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), 0);
	drv_fill(test, 1, false);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 1);
	drv_serve(test, 1, 0);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);

	d = drv_start(test, &with_event, 65534);
	weft_ring_kicks_off(&d->ring);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), 0);
	drv_fill(test, 3, false);
	drv_serve(test, 3, 0);
	KUNIT_EXPECT_EQ(test, drv_kicks_on(d), 0);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, drv_avail_event(d)), 1);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 0), 0);
}

static void split_used_index_is_read(struct kunit *test)
{
	struct drv *d = drv_start(test, &plain, 7);
	struct drv_case *k = test->priv;

	drv_put16(d, WEFT_AREA_DEVICE, 2, 65535);
	KUNIT_EXPECT_EQ(test, weft_ring_read_used(&d->ring), 0);
	KUNIT_EXPECT_EQ(test, d->ring.place.used, 65535);
	KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&d->ring), 7);
	drv_show(d, 2);
	KUNIT_ASSERT_EQ(test, drv_get(test), 1);
	weft_ring_put(&d->ring, &k->chain, 5);
	weft_ring_publish(&d->ring);
	KUNIT_EXPECT_EQ(test, drv_get16(d, WEFT_AREA_DEVICE, 2), 0);
	KUNIT_EXPECT_EQ(test, drv_get32(d, WEFT_AREA_DEVICE, 4 + 7 * 8), 2);
	if (d->access != DRV_COPIED)
		return;
	d->fail_after = 0;
	KUNIT_EXPECT_EQ(test, weft_ring_read_used(&d->ring), -EAGAIN);
	KUNIT_EXPECT_EQ(test, d->ring.fault, WEFT_RING_OK);
	d->fail_after = 0;
	d->fail_with = -EFAULT;
	KUNIT_EXPECT_EQ(test, weft_ring_read_used(&d->ring), -EINVAL);
	drv_broken(test, WEFT_RING_UNREADABLE);
}

static struct kunit_case split_notify_cases[] = {
	KUNIT_CASE_PARAM(split_event_index, access_gen_params),
	KUNIT_CASE_PARAM(split_event_whole_ring, access_gen_params),
	KUNIT_CASE_PARAM(split_no_interrupt, access_gen_params),
	KUNIT_CASE_PARAM(split_notify_on_empty, access_gen_params),
	KUNIT_CASE_PARAM(split_kicks, access_gen_params),
	KUNIT_CASE_PARAM(split_used_index_is_read, access_gen_params),
	{}
};

static struct kunit_suite split_notify_suite = {
	.name = "weft_split_notify",
	.init = drv_case_init,
	.exit = drv_case_exit,
	.test_cases = split_notify_cases,
};

kunit_test_suite(split_notify_suite);

MODULE_DESCRIPTION("weft: tests of notifications of split virtqueues");
MODULE_LICENSE("GPL");
