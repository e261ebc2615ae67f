// SPDX-License-Identifier: GPL-2.0
/* Which buffers a frame goes into, and when it is not worth to wait for more. */
#include <kunit/test.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vhost_iotlb.h>
#include <weft/room.h>
#include "flow.h"

/* Where the driver's memory is, and where that is said to be. */
#define GUEST	0x1000ULL
#define USER	0x10000000ULL
#define SIZE	8

struct room_case {
	struct drv d;
	struct weft_mem mem;
	struct vhost_iotlb *table;
	struct weft_room room;
	struct weft_seg segs[WEFT_RING_MAX_SEGS];
	struct iovec iov[WEFT_RING_MAX_SEGS];
};

static const bool formats[] = { false, true };

static void format_name(const bool *packed, char *desc)
{
	strscpy(desc, *packed ? "packed" : "split", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_name);

static int room_init(struct kunit *test)
{
	struct weft_ring_config cfg = {
		.size = SIZE, .packed = *(const bool *)test->param_value, .little = true,
	};
	struct room_case *k = kvzalloc(sizeof(*k), GFP_KERNEL);
	int ret;

	test->priv = k;
	if (!k)
		return -ENOMEM;
	ret = drv_init(&k->d, &cfg, DRV_COPIED, 0);
	k->table = vhost_iotlb_alloc(16, 0);
	if (!ret)
		ret = k->table ? vhost_iotlb_add_range(k->table, GUEST, GUEST + SZ_1M - 1, USER,
						       VHOST_MAP_RW) : -ENOMEM;
	weft_mem_set(&k->mem, k->table, NULL);
	k->room = (struct weft_room) {
		.ring = &k->d.ring, .mem = &k->mem, .segs = k->segs, .iov = k->iov,
		.max_walked = 1000, .mergeable = true,
	};
	return ret;
}

static void room_exit(struct kunit *test)
{
	struct room_case *k = test->priv;

	if (!k)
		return;
	drv_free(&k->d);
	if (k->table)
		vhost_iotlb_free(k->table);
	kvfree(k);
}

/* Makes @n buffers of @len bytes available, each behind the other in memory. */
static void offer(struct kunit *test, u32 n, u32 len)
{
	struct room_case *k = test->priv;
	struct weft_seg seg = { .len = len };

	while (n--) {
		seg.addr = GUEST + k->d.added * len;
		KUNIT_ASSERT_GE(test, drv_add(&k->d, &seg, 0, 1, DRV_DIRECT), 0);
	}
}

/* Nothing is taken: the next one is the one before which the ring stood. */
static void expect_untouched(struct kunit *test, struct weft_ring_place before, u16 nused)
{
	struct room_case *k = test->priv;
	struct weft_ring_place now = weft_ring_mark(&k->d.ring);

	KUNIT_EXPECT_EQ(test, now.avail, before.avail);
	KUNIT_EXPECT_EQ(test, now.avail_wrap, before.avail_wrap);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, nused);
}

static void room_of_one_buffer(struct kunit *test)
{
	struct room_case *k = test->priv;

	offer(test, 2, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 60), 1);
	KUNIT_EXPECT_EQ(test, k->room.buffers, 1);
	KUNIT_EXPECT_EQ(test, k->room.iovs, 1u);
	KUNIT_EXPECT_EQ(test, (u64)(uintptr_t)k->iov[0].iov_base, USER);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 1);
	KUNIT_EXPECT_EQ(test, k->d.ring.used[0].len, 60u);
	/* The next one is another. */
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 100), 1);
	KUNIT_EXPECT_EQ(test, (u64)(uintptr_t)k->iov[0].iov_base, USER + 100);
	KUNIT_EXPECT_EQ(test, k->room.put, 1);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 2);
}

static void room_of_many_buffers(struct kunit *test)
{
	struct room_case *k = test->priv;

	offer(test, 4, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 350), 4);
	KUNIT_EXPECT_EQ(test, k->room.iovs, 4u);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 4);
	KUNIT_EXPECT_EQ(test, k->d.ring.used[0].len, 100u);
	KUNIT_EXPECT_EQ(test, k->d.ring.used[3].len, 50u);
	/* And back, as if they had not been found. */
	weft_room_leave(&k->room);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 0);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 400), 4);
	KUNIT_EXPECT_EQ(test, (u64)(uintptr_t)k->iov[0].iov_base, USER);
	KUNIT_EXPECT_EQ(test, k->d.ring.used[3].len, 100u);
}

/* Too few now: more may come, and then all of them are used. */
static void room_to_come(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_ring_place before = weft_ring_mark(&k->d.ring);

	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 60), 0);
	offer(test, SIZE - 1, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), 0);
	expect_untouched(test, before, 0);
	KUNIT_EXPECT_NE(test, k->room.seen.avail, before.avail);
	offer(test, 1, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), SIZE);
}

/* All of the ring is not enough: the driver has no place for one more. */
static void room_that_never_comes(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_ring_place before = weft_ring_mark(&k->d.ring);

	offer(test, SIZE, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100 + 1), -ENOSPC);
	expect_untouched(test, before, 0);
	/* One that fits has all of it. */
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), SIZE);
}

/* The same, with a place of which indices have gone round. */
static void room_that_never_comes_later(struct kunit *test)
{
	struct room_case *k = test->priv;

	offer(test, 3, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 300), 3);
	k->d.taken = 3;
	/* Those are not back yet, and make room when they are. */
	offer(test, SIZE - 3, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), 0);
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 3);
	KUNIT_EXPECT_GE(test, weft_ring_publish(&k->d.ring), 0);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, drv_reap(&k->d, (u16[1]) {}, (u32[1]) {}, 1), 1);
	offer(test, 3, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100 + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), SIZE);
}

static void room_of_one_buffer_only(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_ring_place before = weft_ring_mark(&k->d.ring);

	k->room.mergeable = false;
	offer(test, 2, 100);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 101), -ENOSPC);
	expect_untouched(test, before, 0);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 100), 1);
}

/* Who looks at many buffers in vain stops, whatever the driver has. */
static void room_is_looked_for_in_bounds(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_ring_place before = weft_ring_mark(&k->d.ring);

	offer(test, SIZE, 100);
	k->room.max_walked = 3;
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, SIZE * 100), -ENOSPC);
	KUNIT_EXPECT_EQ(test, k->d.ring.walked, 3u);
	expect_untouched(test, before, 0);
}

static void room_to_be_read(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_seg seg = { GUEST, 100 };

	offer(test, 1, 100);
	KUNIT_ASSERT_GE(test, drv_add(&k->d, &seg, 1, 0, DRV_DIRECT), 0);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 150), -EINVAL);
	KUNIT_EXPECT_STREQ(test, weft_ring_fault_name(k->d.ring.fault),
			   "buffer-direction");
	KUNIT_EXPECT_EQ(test, k->d.ring.nused, 0);
}

static void room_where_no_memory_is(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_seg seg = { GUEST + SZ_1M, 100 };

	KUNIT_ASSERT_GE(test, drv_add(&k->d, &seg, 0, 1, DRV_DIRECT), 0);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 50), -EINVAL);
	KUNIT_EXPECT_STREQ(test, weft_ring_fault_name(k->d.ring.fault),
			   "buffer-no-memory");
}

/* With an IOTLB, it may only be not there yet. */
static void room_where_memory_is_missing(struct kunit *test)
{
	struct room_case *k = test->priv;
	struct weft_ring_place before = weft_ring_mark(&k->d.ring);
	struct weft_seg seg = { GUEST + SZ_1M, 100 };

	weft_mem_set(&k->mem, NULL, k->table);
	offer(test, 1, 100);
	KUNIT_ASSERT_GE(test, drv_add(&k->d, &seg, 0, 1, DRV_DIRECT), 0);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 150), -EAGAIN);
	expect_untouched(test, before, 0);
	KUNIT_EXPECT_EQ(test, k->mem.miss, GUEST + SZ_1M);
	KUNIT_ASSERT_EQ(test, vhost_iotlb_add_range(k->table, GUEST + SZ_1M, GUEST + SZ_2M - 1,
						    USER, VHOST_MAP_WO), 0);
	weft_mem_forget(&k->mem);
	KUNIT_EXPECT_EQ(test, weft_room_find(&k->room, 150), 2);
}

/* Where a ring stood is where it goes on; what cannot be is put right. */
static void room_state_there_and_back(struct kunit *test)
{
	static const struct { bool packed; u32 state, back; } runs[] = {
		{ false, 0, 0 }, { false, 65535, 65535 }, { true, 0x80008000, 0x80008000 },
		{ true, 0x80038005, 0x80038005 }, { true, 0x80070002, 0x80070002 },
		/* The lower half only, from who knows of no more */
		{ true, 0x00008000, 0x80008000 }, { true, 0x80050005, 0x00050005 },
	};
	struct weft_ring_place place;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		struct weft_ring r = { .cfg.packed = runs[i].packed };

		place = weft_ring_state_unpack(runs[i].packed, runs[i].state);
		r.place = place;
		KUNIT_EXPECT_EQ(test, weft_ring_state_pack(&r), runs[i].back);
		KUNIT_EXPECT_EQ(test, runs[i].packed || place.used == place.avail, true);
	}
}

static struct kunit_case room_cases[] = {
	KUNIT_CASE_PARAM(room_of_one_buffer, format_gen_params),
	KUNIT_CASE_PARAM(room_of_many_buffers, format_gen_params),
	KUNIT_CASE_PARAM(room_to_come, format_gen_params),
	KUNIT_CASE_PARAM(room_that_never_comes, format_gen_params),
	KUNIT_CASE_PARAM(room_that_never_comes_later, format_gen_params),
	KUNIT_CASE_PARAM(room_of_one_buffer_only, format_gen_params),
	KUNIT_CASE_PARAM(room_is_looked_for_in_bounds, format_gen_params),
	KUNIT_CASE_PARAM(room_to_be_read, format_gen_params),
	KUNIT_CASE_PARAM(room_where_no_memory_is, format_gen_params),
	KUNIT_CASE_PARAM(room_where_memory_is_missing, format_gen_params),
	KUNIT_CASE_PARAM(room_state_there_and_back, format_gen_params),
	{}
};

static struct kunit_suite room_suite = {
	.name = "weft_room",
	.init = room_init,
	.exit = room_exit,
	.test_cases = room_cases,
};

kunit_test_suite(room_suite);

MODULE_DESCRIPTION("weft: tests of room for frames");
MODULE_LICENSE("GPL");
