// SPDX-License-Identifier: GPL-2.0
/*
 * A table of maps that changes as the input says, against one entry for each
 * address; and, beside it, ranges of all sizes, of which each that is accepted
 * has to be found as it was entered.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <weft/mem.h>
#include "input.h"

#define BYTES	128
#define PIECES	8

long kunit_alloc_budget = -1;

void kunit_room_warned(const char *file, int line, const char *cond)
{
	abort();
}

/* Room for what 64 bits overflow. */
typedef unsigned __int128 u128;

struct byte {
	u64 uaddr;
	u32 perm;
};

struct fuzz {
	struct input in;
	struct weft_mem m;
	struct vhost_iotlb *t;
	struct weft_mem wide_m;
	struct vhost_iotlb *wide;
	struct byte byte[BYTES];
	u64 base;
};

static void range(struct fuzz *f, u32 *at, u32 *len)
{
	*at = input_below(&f->in, BYTES);
	*len = 1 + input_below(&f->in, BYTES - *at);
}

static void map(struct fuzz *f)
{
	u32 at, len, i, perm = input_u8(&f->in) & 7;
	u64 uaddr = 0x10000 + 0x100 * input_u8(&f->in);
	int ret;

	range(f, &at, &len);
	ret = weft_mem_map(f->t, f->base + at, len, uaddr, perm);
	CHECK(ret == (perm && perm < 4 ? 0 : -EINVAL), "%d", ret);
	if (ret)
		return;
	weft_mem_forget(&f->m);
	for (i = 0; i < len; i++)
		f->byte[at + i] = (struct byte) { uaddr + i, perm };
}

/* Whole maps go: those that have a byte of it, as they are in the table. */
static void unmap(struct fuzz *f)
{
	struct vhost_iotlb_map *old;
	u32 at, len, i, j;
	bool gone[BYTES] = {};

	range(f, &at, &len);
	for (i = at; i < at + len; i++) {
		old = vhost_iotlb_itree_first(f->t, f->base + i, f->base + i);
		CHECK(!old == !f->byte[i].perm);
		for (j = 0; old && j < BYTES; j++)
			gone[j] |= f->base + j >= old->start && f->base + j <= old->last;
	}
	CHECK(!weft_mem_unmap(f->t, f->base + at, len));
	weft_mem_forget(&f->m);
	for (i = 0; i < BYTES; i++)
		if (gone[i])
			f->byte[i].perm = 0;
}

static void translate(struct fuzz *f)
{
	u32 at, len, i, n, got, perm = input_u8(&f->in) & 1 ? VHOST_MAP_RO : VHOST_MAP_WO;
	u32 max = input_u8(&f->in) % (PIECES + 1);
	struct iovec iov[PIECES];
	struct weft_seg seg[2];
	u64 total = 0;
	int ret;

	range(f, &at, &len);
	f->m.miss = 1;
	if (len > 1 && at & 1) {
		/* In two segments, which do not have to be as many pieces. */
		seg[0] = (struct weft_seg) { f->base + at, len / 2 };
		seg[1] = (struct weft_seg) { f->base + at + len / 2, len - len / 2 };
		ret = weft_mem_translate_segs(&f->m, seg, 2, perm, iov, max, &total);
		CHECK(ret < 0 || total == len);
	} else {
		ret = weft_mem_translate(&f->m, f->base + at, len, perm, iov, max);
	}
	CHECK(ret <= (int)max);
	for (n = 0, got = at; ret > 0 && n < (u32)ret; n++)
		for (i = 0; i < iov[n].iov_len; i++, got++) {
			CHECK(got < at + len);
			CHECK((u64)(uintptr_t)iov[n].iov_base + i == f->byte[got].uaddr);
			CHECK(f->byte[got].perm & perm);
		}
	if (ret > 0) {
		CHECK(got == at + len);
		return;
	}
	if (ret == -ENOBUFS)
		return;
	for (got = at; got < at + len && f->byte[got].perm & perm; got++)
		;
	CHECK(got < at + len, "%d", ret);
	CHECK(ret == (f->byte[got].perm ? -EPERM : f->m.iotlb ? -EAGAIN : -EFAULT), "%d", ret);
	CHECK(f->byte[got].perm || (f->m.miss == f->base + got && f->m.miss_perm == perm));
}

/* Any numbers: what a range may be, by arithmetic that has the room for it. */
static void wide(struct fuzz *f)
{
	u64 start = input_u64(&f->in), size = input_u64(&f->in), uaddr = input_u64(&f->in), len;
	u128 end = (u128)start + size;
	u128 uend = (u128)uaddr + size;
	bool good = size && end <= (u128)1 << 64 && uend <= TASK_SIZE_MAX;
	struct iovec iov[4];
	int ret;

	CHECK(weft_mem_range_ok(start, size, uaddr) == good);
	ret = weft_mem_map(f->wide, start, size, uaddr, VHOST_MAP_RW);
	CHECK(ret == (good ? 0 : -EINVAL), "%d", ret);
	weft_mem_forget(&f->wide_m);
	if (!good) {
		ret = weft_mem_unmap(f->wide, start, size);
		CHECK(ret == (size && end <= (u128)1 << 64 ? 0 : -EINVAL));
		weft_mem_forget(&f->wide_m);
		return;
	}
	/* All of it, its ends, and across them. */
	ret = weft_mem_translate(&f->wide_m, start, size, VHOST_MAP_RO, iov, 4);
	CHECK(ret == 1 && (uintptr_t)iov[0].iov_base == uaddr && iov[0].iov_len == size);
	ret = weft_mem_translate(&f->wide_m, start + size - 1, 1, VHOST_MAP_WO, iov, 4);
	CHECK(ret == 1 && (uintptr_t)iov[0].iov_base == uaddr + size - 1 && iov[0].iov_len == 1);
	len = 1 + input_u8(&f->in);
	ret = weft_mem_translate(&f->wide_m, start + size - 1, 1 + len, VHOST_MAP_RO, iov, 4);
	if (end + len > (u128)1 << 64)
		CHECK(ret == -EFAULT);
	else
		CHECK(ret >= 2 || ret == -EFAULT || ret == -ENOBUFS);
}

int fuzz_one(const u8 *data, size_t size)
{
	static const u64 bases[] = { 0, 0xffffffc0, U64_MAX - BYTES + 1, 1ULL << 63 };
	struct fuzz f = { .in = { data, data + size } };
	u8 how = input_u8(&f.in);

	f.base = bases[how & 3];
	f.t = vhost_iotlb_alloc(256, 0);
	f.wide = vhost_iotlb_alloc(256, 0);
	weft_mem_set(&f.m, how & 4 ? f.t : NULL, how & 4 ? NULL : f.t);
	weft_mem_set(&f.wide_m, f.wide, NULL);
	while (input_left(&f.in)) {
		switch (input_u8(&f.in) % 8) {
		case 0:
		case 1:
			map(&f);
			break;
		case 2:
			unmap(&f);
			break;
		case 3:
			wide(&f);
			break;
		default:
			translate(&f);
		}
	}
	vhost_iotlb_free(f.t);
	vhost_iotlb_free(f.wide);
	return 0;
}
