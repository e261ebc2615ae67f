// SPDX-License-Identifier: GPL-2.0
/* Translation of a driver's addresses, while its owner changes the tables. */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vhost_iotlb.h>
#include <weft/mem.h>
#include "../../mdev/tests/rng.h"

#define RO	VHOST_MAP_RO
#define WO	VHOST_MAP_WO
#define RW	VHOST_MAP_RW
#define TOP	U64_MAX

/* Where user memory is said to be; nobody looks there. */
#define USER	0x10000000ULL

#define PIECES	16

/**
 * struct fixture - what a case works with
 * @m: the translation
 * @t: its table; in the role of a table or of an IOTLB
 * @iov: what was found
 * @total: see weft_mem_translate_segs()
 */
struct fixture {
	struct weft_mem m;
	struct vhost_iotlb *t;
	struct iovec iov[PIECES];
	u64 total;
};

static int mem_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	test->priv = f;
	f->t = vhost_iotlb_alloc(1024, 0);
	weft_mem_set(&f->m, f->t, NULL);
	return f->t ? 0 : -ENOMEM;
}

static void mem_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f)
		vhost_iotlb_free(f->t);
}

static void map(struct kunit *test, u64 start, u64 size, u64 uaddr, u32 perm)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, weft_mem_map(f->t, start, size, uaddr, perm), 0);
	weft_mem_forget(&f->m);
}

static int find(struct kunit *test, u64 addr, u64 len, u32 perm)
{
	struct fixture *f = test->priv;

	memset(f->iov, 0xa5, sizeof(f->iov));
	return weft_mem_translate(&f->m, addr, len, perm, f->iov, PIECES);
}

static void expect_piece(struct kunit *test, int i, u64 uaddr, u64 len)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, (u64)(uintptr_t)f->iov[i].iov_base, uaddr);
	KUNIT_EXPECT_EQ(test, (u64)f->iov[i].iov_len, len);
}

static void mem_one_region(struct kunit *test)
{
	struct fixture *f = test->priv;

	map(test, 0x1000, 0x1000, USER, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 0x1000, RO), 1);
	expect_piece(test, 0, USER, 0x1000);
	KUNIT_EXPECT_EQ(test, find(test, 0x1fff, 1, WO), 1);
	expect_piece(test, 0, USER + 0xfff, 1);
	KUNIT_EXPECT_EQ(test, find(test, 0x1234, 0x100, RO), 1);
	expect_piece(test, 0, USER + 0x234, 0x100);
	KUNIT_EXPECT_EQ(test, find(test, 0xfff, 1, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0xfff);
	KUNIT_EXPECT_EQ(test, find(test, 0x2000, 1, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0x1fff, 2, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0xfff, 2, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, TOP, RO), -EFAULT);
}

static void mem_across_regions(struct kunit *test)
{
	struct fixture *f = test->priv;

	/* Adjacent for the driver, not for the user; and one behind a hole. */
	map(test, 0x1000, 0x1000, USER + 0x50000, RW);
	map(test, 0x2000, 0x1000, USER, RO);
	map(test, 0x3000, 0x10, USER + 0x9000, RW);
	map(test, 0x4000, 0x1000, USER + 0x20000, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0x1ffe, 0x1007, RO), 3);
	expect_piece(test, 0, USER + 0x50ffe, 2);
	expect_piece(test, 1, USER, 0x1000);
	expect_piece(test, 2, USER + 0x9000, 5);
	/* To the last byte of a region, the next one is not needed. */
	KUNIT_EXPECT_EQ(test, find(test, 0x1800, 0x800, RO), 1);
	KUNIT_EXPECT_EQ(test, find(test, 0x1800, 0x801, RO), 2);
	KUNIT_EXPECT_EQ(test, find(test, 0x1800, 0x801, WO), -EPERM);
	KUNIT_EXPECT_EQ(test, find(test, 0x3000, 0x11, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0x3010);
	/* As many pieces as there is room for. */
	KUNIT_EXPECT_EQ(test, weft_mem_translate(&f->m, 0x1fff, 0x1002, RO, f->iov, 3), 3);
	memset(f->iov, 0xa5, sizeof(f->iov));
	KUNIT_EXPECT_EQ(test, weft_mem_translate(&f->m, 0x1fff, 0x1002, RO, f->iov, 2), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, (u64)f->iov[2].iov_len, 0xa5a5a5a5a5a5a5a5ULL);
	KUNIT_EXPECT_EQ(test, weft_mem_translate(&f->m, 0x1000, 1, RO, f->iov, 0), -ENOBUFS);
}

static void mem_permissions(struct kunit *test)
{
	static const u32 perms[] = { RO, WO, RW };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(perms); i++)
		map(test, i * 0x1000, 0x1000, USER, perms[i]);
	for (i = 0; i < ARRAY_SIZE(perms); i++) {
		KUNIT_EXPECT_EQ(test, find(test, i * 0x1000, 8, RO), perms[i] & RO ? 1 : -EPERM);
		KUNIT_EXPECT_EQ(test, find(test, i * 0x1000, 8, WO), perms[i] & WO ? 1 : -EPERM);
		/* Nor if it was found before, with another one. */
		KUNIT_EXPECT_EQ(test, find(test, i * 0x1000, 8, RO), perms[i] & RO ? 1 : -EPERM);
	}
}

/* The driver's address space ends at 2^64. */
static void mem_ends_of_space(struct kunit *test)
{
	struct fixture *f = test->priv;

	map(test, 0, 1, USER, RW);
	map(test, TOP - 0xfff, 0x1000, USER + 0x1000, RW);
	KUNIT_EXPECT_EQ(test, find(test, TOP, 1, RO), 1);
	expect_piece(test, 0, USER + 0x1fff, 1);
	KUNIT_EXPECT_EQ(test, find(test, TOP - 0xfff, 0x1000, RO), 1);
	KUNIT_EXPECT_EQ(test, find(test, TOP, 2, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, TOP - 0xfff, 0x1001, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 1, TOP, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 2, TOP, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0, 1, RO), 1);
	KUNIT_EXPECT_EQ(test, find(test, 0, TOP, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, f->m.miss, 1);
}

/* Regions of a table that overlap: the lower one as far as it goes. */
static void mem_overlapping_regions(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, vhost_iotlb_add_range(f->t, 0x2000, 0x4fff, USER + 0x20000, RW), 0);
	KUNIT_ASSERT_EQ(test, vhost_iotlb_add_range(f->t, 0x1000, 0x2fff, USER + 0x10000, RW), 0);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 0x4000, RO), 2);
	expect_piece(test, 0, USER + 0x10000, 0x2000);
	expect_piece(test, 1, USER + 0x21000, 0x2000);
}

static void mem_iotlb_first(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vhost_iotlb *iotlb = vhost_iotlb_alloc(4, 0);

	KUNIT_ASSERT_NOT_NULL(test, iotlb);
	map(test, 0x1000, 0x1000, USER, RW);
	KUNIT_ASSERT_EQ(test, weft_mem_map(iotlb, 0x3000, 0x1000, USER + 0x5000, RO), 0);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 1, RO), 1);
	/* What was found in the table is not in the IOTLB. */
	weft_mem_set(&f->m, f->t, iotlb);
	KUNIT_EXPECT_EQ(test, find(test, 0x1234, 1, WO), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0x1234);
	KUNIT_EXPECT_EQ(test, f->m.miss_perm, WO);
	KUNIT_EXPECT_EQ(test, find(test, 0x3f00, 0x101, RO), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0x4000);
	KUNIT_EXPECT_EQ(test, f->m.miss_perm, RO);
	KUNIT_EXPECT_EQ(test, find(test, 0x3000, 1, RO), 1);
	expect_piece(test, 0, USER + 0x5000, 1);
	KUNIT_EXPECT_EQ(test, find(test, 0x3000, 1, WO), -EPERM);
	/* Nor is there a table without one. */
	weft_mem_set(&f->m, NULL, NULL);
	KUNIT_EXPECT_EQ(test, find(test, 0x3000, 1, RO), -EFAULT);
	vhost_iotlb_free(iotlb);
}

/* Two regions are remembered; and none, once they are forgotten. */
static void mem_remembers_two(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < 3; i++)
		map(test, i * 0x1000, 0x1000, USER + i * 0x10000, RW);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, find(test, i * 0x1000, 1, RO), 1);
	f->m.table = NULL;
	KUNIT_EXPECT_EQ(test, find(test, 0x0000, 1, RO), -EFAULT);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, find(test, 0x1000, 1, RO), 1);
		expect_piece(test, 0, USER + 0x10000, 1);
		KUNIT_EXPECT_EQ(test, find(test, 0x2000, 1, RO), 1);
		expect_piece(test, 0, USER + 0x20000, 1);
		/* From one to the other, too. */
		KUNIT_EXPECT_EQ(test, find(test, 0x1fff, 2, RO), 2);
	}
	weft_mem_forget(&f->m);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 1, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0x2000, 1, RO), -EFAULT);
}

static void mem_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	const struct weft_seg segs[] = {
		{ 0x1000, 0x10 }, { 0x1fff, 2 }, { 0x1800, 0x800 }, { 0x2000, 0x1000 },
		{ 0x2fff, 2 },
	};
	const struct weft_seg near[] = { { 0x1000, 0x10 }, { 0x1020, 0x10 } };

	map(test, 0x1000, 0x1000, USER, RW);
	map(test, 0x2000, 0x1000, USER + 0x10000, RW);
	f->total = 5;
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 4, RO, f->iov, 5, &f->total), 5);
	KUNIT_EXPECT_EQ(test, f->total, 5 + 0x10 + 2 + 0x800 + 0x1000);
	expect_piece(test, 0, USER, 0x10);
	expect_piece(test, 1, USER + 0xfff, 1);
	expect_piece(test, 2, USER + 0x10000, 1);
	expect_piece(test, 3, USER + 0x800, 0x800);
	expect_piece(test, 4, USER + 0x10000, 0x1000);
	f->iov[4].iov_len = 0x5a5a;
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 4, RO, f->iov, 4, &f->total),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, (u64)f->iov[4].iov_len, 0x5a5a);
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 5, RO, f->iov, 9, &f->total),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0x3000);
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 0, RO, f->iov, 0, &f->total), 0);
	/* No room is no room, also for what is in the map that was found last. */
	f->iov[1].iov_len = 0x5a5a;
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, near, 2, RO, f->iov, 1, &f->total),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, (u64)f->iov[1].iov_len, 0x5a5a);
	/* A map that was found last, and may not be used so, or is too short. */
	map(test, 0x1000, 0x1000, USER, RO);
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 1, RO, f->iov, 1, &f->total), 1);
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs, 1, WO, f->iov, 1, &f->total),
			-EPERM);
	KUNIT_EXPECT_EQ(test, weft_mem_translate_segs(&f->m, segs + 1, 1, RO, f->iov, 1, &f->total),
			-ENOBUFS);
}

/* ---- tables that change ---- */

static void mem_range_ok(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, weft_mem_range_ok(0, 1, USER));
	KUNIT_EXPECT_TRUE(test, weft_mem_range_ok(0, SZ_1G, 0));
	KUNIT_EXPECT_TRUE(test, weft_mem_range_ok(TOP, 1, USER));
	KUNIT_EXPECT_TRUE(test, weft_mem_range_ok(TOP - 0xfff, 0x1000, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 0, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(TOP, 0, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(TOP, 2, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(TOP - 0xfff, 0x1001, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, TOP, USER));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 0x1000, TOP - 0xffe));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 0x1000, TOP - 0xfff));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 0x1000, 1ULL << 63));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 1, (unsigned long)TASK_SIZE_MAX));
	/* access_ok() of UML leaves the last byte out. */
	KUNIT_EXPECT_TRUE(test, weft_mem_range_ok(0, 1, (unsigned long)TASK_SIZE_MAX - 2));
	KUNIT_EXPECT_FALSE(test, weft_mem_range_ok(0, 2, (unsigned long)TASK_SIZE_MAX - 1));
}

static void mem_map_refuses(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, 0, USER, RW), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, TOP, 2, USER, RW), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, TOP, USER, RW), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, 0x1000, TOP - 0xfff, RW), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, 0x1000, USER, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, 0x1000, USER, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_map(f->t, 0, 0x1000, USER, RW | 0x80), -EINVAL);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 0);
}

/* A map in, over, and across others: each address has the newest translation. */
static void mem_map_replaces(struct kunit *test)
{
	struct fixture *f = test->priv;

	map(test, 0x1000, 0x4000, USER, RO);
	/* In the middle: both ends stay. */
	map(test, 0x2000, 0x1000, USER + 0x80000, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 0x4000, RO), 3);
	expect_piece(test, 0, USER, 0x1000);
	expect_piece(test, 1, USER + 0x80000, 0x1000);
	expect_piece(test, 2, USER + 0x2000, 0x2000);
	KUNIT_EXPECT_EQ(test, find(test, 0x2000, 0x1000, WO), 1);
	KUNIT_EXPECT_EQ(test, find(test, 0x1fff, 1, WO), -EPERM);
	KUNIT_EXPECT_EQ(test, find(test, 0x3000, 1, WO), -EPERM);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 3);
	/* Across two, and beyond one end. */
	map(test, 0x2fff, 0x3000, USER + 0x90000, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 0x4fff, RO), 3);
	expect_piece(test, 1, USER + 0x80000, 0xfff);
	expect_piece(test, 2, USER + 0x90000, 0x3000);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 3);
	/* The same again is no other map, and one over all is the only one. */
	map(test, 0x2fff, 0x3000, USER + 0x90000, RW);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 3);
	map(test, 0, 0x10000, USER, RW);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 1);
	/* One byte at either end. */
	map(test, 0, 1, USER + 0x70000, RW);
	map(test, 0xffff, 1, USER + 0x70001, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0, 0x10000, RO), 3);
	expect_piece(test, 0, USER + 0x70000, 1);
	expect_piece(test, 1, USER + 1, 0xfffe);
	expect_piece(test, 2, USER + 0x70001, 1);
	/* At the end of all addresses. */
	map(test, TOP - 0xfff, 0x1000, USER, RW);
	map(test, TOP, 1, USER + 0x70000, RW);
	KUNIT_EXPECT_EQ(test, find(test, TOP - 1, 2, RO), 2);
	expect_piece(test, 0, USER + 0xffe, 1);
	expect_piece(test, 1, USER + 0x70000, 1);
}

static void mem_unmap(struct kunit *test)
{
	struct fixture *f = test->priv;

	map(test, 0x1000, 0x1000, USER, RW);
	map(test, 0x2000, 0x1000, USER + 0x10000, RW);
	map(test, 0x5000, 0x1000, USER + 0x20000, RW);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 0x2000, RO), 2);
	KUNIT_EXPECT_EQ(test, weft_mem_unmap(f->t, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_unmap(f->t, TOP, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, weft_mem_unmap(f->t, 0x3000, 0x2000), 0);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 3);
	/* One byte of a map is all of it. */
	KUNIT_EXPECT_EQ(test, weft_mem_unmap(f->t, 0x1fff, 1), 0);
	weft_mem_forget(&f->m);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 2);
	KUNIT_EXPECT_EQ(test, find(test, 0x1000, 1, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0x2000, 0x1000, RO), 1);
	KUNIT_EXPECT_EQ(test, weft_mem_unmap(f->t, 1, TOP), 0);
	weft_mem_forget(&f->m);
	KUNIT_EXPECT_EQ(test, f->t->nmaps, 0);
	KUNIT_EXPECT_EQ(test, find(test, 0x2000, 0x1000, RO), -EFAULT);
	KUNIT_EXPECT_EQ(test, find(test, 0x5000, 1, RO), -EFAULT);
}

static void mem_table_full(struct kunit *test)
{
	struct vhost_iotlb *t = vhost_iotlb_alloc(2, 0);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x0000, 0x1000, USER, RW), 0);
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x1000, 0x1000, USER, RW), 0);
	KUNIT_EXPECT_LT(test, weft_mem_map(t, 0x2000, 0x1000, USER, RW), 0);
	/* Two ends do not fit beside the middle; what is left is right. */
	KUNIT_EXPECT_LT(test, weft_mem_map(t, 0x1400, 0x100, USER, RW), 0);
	KUNIT_EXPECT_LE(test, t->nmaps, 2);
	/* In place of another one, there is room. */
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x0000, 0x1000, USER + 0x1000, RW), 0);
	vhost_iotlb_free(t);

	t = vhost_iotlb_alloc(2, VHOST_IOTLB_FLAG_RETIRE);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x0000, 0x1000, USER, RW), 0);
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x1000, 0x1000, USER, RW), 0);
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x2000, 0x1000, USER, RW), 0);
	KUNIT_EXPECT_EQ(test, t->nmaps, 2);
	KUNIT_EXPECT_NULL(test, vhost_iotlb_itree_first(t, 0, 0xfff));
	/* The oldest went, which may have been an end of the very map. */
	KUNIT_EXPECT_EQ(test, weft_mem_map(t, 0x2400, 0x100, USER, RW), 0);
	KUNIT_EXPECT_EQ(test, t->nmaps, 2);
	KUNIT_EXPECT_NOT_NULL(test, vhost_iotlb_itree_first(t, 0x2400, 0x2400));
	vhost_iotlb_free(t);
}

/* ---- at random, against one entry for each address ---- */

#define BYTES	96

struct byte {
	u64 uaddr;
	u32 perm;
};

static void random_translate(struct kunit *test, struct weft_rng *rng, const struct byte *byte,
			     u64 base)
{
	struct fixture *f = test->priv;
	u32 at = weft_rng_below(rng, BYTES), len = 1 + weft_rng_below(rng, BYTES - at);
	u32 perm = weft_rng_one_in(rng, 2) ? RO : WO, max = weft_rng_below(rng, PIECES + 1);
	u32 i, got = at;
	int ret, n;

	memset(f->iov, 0xa5, sizeof(f->iov));
	ret = weft_mem_translate(&f->m, base + at, len, perm, f->iov, max);
	if (ret == -ENOBUFS)
		ret = max;
	for (n = 0; n < ret; n++)
		for (i = 0; i < f->iov[n].iov_len; i++, got++) {
			KUNIT_ASSERT_LT(test, got, at + len);
			KUNIT_EXPECT_EQ(test, (u64)(uintptr_t)f->iov[n].iov_base + i,
					byte[got].uaddr);
			KUNIT_EXPECT_NE(test, byte[got].perm & perm, 0);
		}
	if (ret >= 0 && (u32)ret <= max && got == at + len)
		return;
	if (ret >= 0) {
		KUNIT_EXPECT_EQ(test, ret, (int)max);
		return;
	}
	/* The first that is not there, or may not be used. */
	for (got = at; got < at + len && byte[got].perm & perm; got++)
		;
	KUNIT_ASSERT_LT(test, got, at + len);
	KUNIT_EXPECT_EQ(test, ret, byte[got].perm ? -EPERM : f->m.iotlb ? -EAGAIN : -EFAULT);
	if (!byte[got].perm) {
		KUNIT_EXPECT_EQ(test, f->m.miss, base + got);
		KUNIT_EXPECT_EQ(test, f->m.miss_perm, perm);
	}
}

static void random_map(struct kunit *test, struct weft_rng *rng, struct byte *byte, u64 base)
{
	struct fixture *f = test->priv;
	u32 at = weft_rng_below(rng, BYTES), len = 1 + weft_rng_below(rng, BYTES - at), i;
	u64 uaddr = USER + weft_rng_below(rng, 1 << 20);
	u32 perm = 1 + weft_rng_below(rng, 3);

	if (weft_rng_one_in(rng, 2))
		len = 1 + len / 8;
	KUNIT_ASSERT_EQ(test, weft_mem_map(f->t, base + at, len, uaddr, perm), 0);
	weft_mem_forget(&f->m);
	for (i = 0; i < len; i++)
		byte[at + i] = (struct byte) { uaddr + i, perm };
}

/* Whole maps go: as they are in the table, whatever they were entered as. */
static void random_unmap(struct kunit *test, struct weft_rng *rng, struct byte *byte, u64 base)
{
	struct fixture *f = test->priv;
	u32 at = weft_rng_below(rng, BYTES), len = 1 + weft_rng_below(rng, (BYTES - at + 7) / 8);
	struct vhost_iotlb_map *old;
	bool gone[BYTES] = {};
	u32 i, j;

	for (i = 0; i < len; i++) {
		old = vhost_iotlb_itree_first(f->t, base + at + i, base + at + i);
		KUNIT_ASSERT_EQ(test, !!old, !!byte[at + i].perm);
		for (j = 0; old && j < BYTES; j++)
			gone[j] |= base + j >= old->start && base + j <= old->last;
	}
	KUNIT_ASSERT_EQ(test, weft_mem_unmap(f->t, base + at, len), 0);
	weft_mem_forget(&f->m);
	for (i = 0; i < BYTES; i++)
		if (gone[i])
			byte[i].perm = 0;
}

static void mem_random(struct kunit *test)
{
	static const u64 bases[] = { 0, 0xfffff000, TOP - BYTES + 1 };
	struct fixture *f = test->priv;
	struct byte byte[BYTES];
	struct weft_rng rng;
	u32 b, i, lap;

	weft_rng_start(test, &rng);
	for (b = 0; b < ARRAY_SIZE(bases); b++) {
		for (lap = 0; lap < 40; lap++) {
			memset(byte, 0, sizeof(byte));
			vhost_iotlb_reset(f->t);
			weft_mem_set(&f->m, lap & 1 ? f->t : NULL, lap & 1 ? NULL : f->t);
			for (i = 0; i < 200; i++) {
				if (weft_rng_one_in(&rng, 5))
					random_map(test, &rng, byte, bases[b]);
				else if (weft_rng_one_in(&rng, 9))
					random_unmap(test, &rng, byte, bases[b]);
				else
					random_translate(test, &rng, byte, bases[b]);
			}
		}
	}
}

/* ---- copies; a kernel's test has no user memory ---- */

#ifdef __KERNEL__
static void mem_copies(struct kunit *test)
{
	kunit_skip(test, "there is no user memory");
}

static void mem_out_of_memory(struct kunit *test)
{
	kunit_skip(test, "allocations cannot be made to fail");
}
#else
static void mem_copies(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 user[2][32], buf[64], back[64];
	int i;

	for (i = 0; i < 64; i++)
		buf[i] = i;
	memset(user, 0, sizeof(user));
	map(test, 0x1000, 16, (uintptr_t)user[1] + 16, RW);
	map(test, 0x1010, 16, (uintptr_t)user[0], RW);
	map(test, 0x1020, 16, (uintptr_t)user[1], RW);
	map(test, 0x1030, 16, (uintptr_t)user[0] + 16, RO);
	KUNIT_EXPECT_EQ(test, weft_mem_write(&f->m, 0x1004, buf, 40), 0);
	KUNIT_EXPECT_MEMEQ(test, user[1] + 20, buf, 12);
	KUNIT_EXPECT_MEMEQ(test, user[0], buf + 12, 16);
	KUNIT_EXPECT_MEMEQ(test, user[1], buf + 28, 12);
	KUNIT_EXPECT_EQ(test, user[1][12], 0);
	KUNIT_EXPECT_EQ(test, user[1][19], 0);
	memset(back, 0, sizeof(back));
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x1004, back, 40), 0);
	KUNIT_EXPECT_MEMEQ(test, back, buf, 40);
	KUNIT_EXPECT_EQ(test, back[40], 0);
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x1000, back, 64), 0);
	KUNIT_EXPECT_EQ(test, weft_mem_write(&f->m, 0x1000, buf, 64), -EPERM);
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x1000, back, 0), 0);
	/* What is not there, not mapped, or no memory at all. */
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x1030, back, 17), -EFAULT);
	weft_mem_set(&f->m, NULL, f->t);
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x1030, back, 17), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->m.miss, 0x1040);
	KUNIT_EXPECT_EQ(test, f->m.miss_perm, RO);
	KUNIT_EXPECT_EQ(test, weft_mem_write(&f->m, 0x1040, back, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->m.miss_perm, WO);
	map(test, 0x2000, 16, 4096, RW);
	KUNIT_EXPECT_EQ(test, weft_mem_read(&f->m, 0x2000, back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, weft_mem_write(&f->m, 0x2000, back, 1), -EFAULT);
}

/* Less may be mapped than before, but nothing wrong. */
static void mem_out_of_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	int budget, ret;

	for (budget = 0; budget < 4; budget++) {
		vhost_iotlb_reset(f->t);
		map(test, 0x1000, 0x3000, USER, RW);
		kunit_alloc_budget = budget;
		ret = weft_mem_map(f->t, 0x2000, 0x1000, USER + 0x10000, RW);
		kunit_alloc_budget = -1;
		weft_mem_forget(&f->m);
		KUNIT_EXPECT_EQ(test, ret, budget < 3 ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, find(test, 0x2000, 0x1000, RO), budget < 3 ? -EFAULT : 1);
		if (find(test, 0x1000, 0x1000, RO) == 1)
			expect_piece(test, 0, USER, 0x1000);
		if (find(test, 0x3000, 0x1000, RO) == 1)
			expect_piece(test, 0, USER + 0x2000, 0x1000);
	}
}
#endif

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(mem_one_region),
	KUNIT_CASE(mem_across_regions),
	KUNIT_CASE(mem_permissions),
	KUNIT_CASE(mem_ends_of_space),
	KUNIT_CASE(mem_overlapping_regions),
	KUNIT_CASE(mem_iotlb_first),
	KUNIT_CASE(mem_remembers_two),
	KUNIT_CASE(mem_segments),
	KUNIT_CASE(mem_range_ok),
	KUNIT_CASE(mem_map_refuses),
	KUNIT_CASE(mem_map_replaces),
	KUNIT_CASE(mem_unmap),
	KUNIT_CASE(mem_table_full),
	KUNIT_CASE(mem_random),
	KUNIT_CASE(mem_copies),
	KUNIT_CASE(mem_out_of_memory),
	{}
};

static struct kunit_suite mem_suite = {
	.name = "weft_mem",
	.init = mem_init,
	.exit = mem_exit,
	.test_cases = mem_cases,
};

kunit_test_suite(mem_suite);

MODULE_DESCRIPTION("weft: tests of guest memory");
MODULE_LICENSE("GPL");
