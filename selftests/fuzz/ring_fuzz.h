/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring under a driver that does what the input says, good or bad. Two devices
 * with a copy each of the same memory do the same, one on memory that is mapped
 * and one by copies, of which some fail: whatever the driver does, both say the
 * same and write the same, stay inside their areas, and come to an end.
 */
#ifndef WEFT_FUZZ_RING_FUZZ_H
#define WEFT_FUZZ_RING_FUZZ_H

#include "../../vhost/tests/flow.h"
#include "input.h"

#define MAX_SEGS	16
#define TABLE_SEGS	40

/* Sizes of rings */
#define KINDS		8

long kunit_alloc_budget = -1;

void kunit_room_warned(const char *file, int line, const char *cond)
{
	fprintf(stderr, "%s:%d: a room warns: %s\n", file, line, cond);
	abort();
}

/**
 * struct fuzz - two devices, and what was taken of both
 * @in: what comes next
 * @d: two: mapped, and copied
 * @mark: a place to go back to, with as many buffers held and put then
 * @mark_ok: there is one, and nothing was put since
 * @held: chains that were taken and not put
 * @nheld: how many
 * @uneven: one failed in the middle of what the other did
 */
struct fuzz {
	struct input in;
	struct drv *d;
	struct weft_ring_place mark;
	bool mark_ok;
	u32 mark_held;
	struct weft_chain held[DRV_MAX_USED];
	u32 nheld;
	bool uneven;
};

static void check_same(struct fuzz *f)
{
	const struct weft_ring *a = &f->d[0].ring, *b = &f->d[1].ring;

	CHECK(!f->d[0].misuse, "%s", f->d[0].misuse);
	CHECK(!f->d[1].misuse, "%s", f->d[1].misuse);
	CHECK(!f->d[0].entered);
	CHECK(!memcmp(&a->place, &b->place, sizeof(a->place)), "%u %u, %u %u", a->place.avail,
	      a->place.used, b->place.avail, b->place.used);
	CHECK(a->fault == b->fault, "%s, %s", weft_ring_fault_name(a->fault),
	      weft_ring_fault_name(b->fault));
	CHECK(a->fault < WEFT_RING_FAULTS);
	CHECK(a->nused == b->nused);
	CHECK(a->kicks_off == b->kicks_off);
	if (a->cfg.packed)
		CHECK(a->place.avail < a->cfg.size && a->place.used < a->cfg.size);
}

/* After what may have written to it. */
static void check_memory(struct fuzz *f)
{
	int i;

	for (i = 0; i < WEFT_AREAS; i++)
		CHECK(!memcmp(f->d[0].area[i], f->d[1].area[i], f->d[0].area_size[i]),
		      "area %d", i);
}

/* A byte of both memories. */
static void poke(struct fuzz *f, enum weft_ring_area area, u32 off, u8 v)
{
	f->d[0].area[area][off] = v;
	f->d[1].area[area][off] = v;
}

/* Whether the one that copies has to do it again, and this time without failing. */
static bool again(struct fuzz *f, int ret)
{
	if (ret == -EAGAIN)
		CHECK(f->d[1].failed);
	f->uneven |= f->d[1].failed;
	f->d[1].fail_after = -1;
	f->d[1].failed = false;
	return ret == -EAGAIN;
}

static void get(struct fuzz *f)
{
	struct weft_seg seg[2][TABLE_SEGS];
	struct weft_chain c[2] = {};
	u32 max = input_u8(&f->in) & 1 ? MAX_SEGS : TABLE_SEGS, i;
	struct weft_ring_place before = f->d[1].ring.place;
	struct weft_ring *r = &f->d[0].ring;
	int ret[2];

	if (f->nheld + r->nused >= DRV_MAX_USED)
		return;
	ret[1] = weft_ring_get(&f->d[1].ring, &c[1], seg[1], max);
	if (ret[1] == -EAGAIN)
		CHECK(!memcmp(&f->d[1].ring.place, &before, sizeof(before)));
	if (again(f, ret[1])) {
		/* What it has to read anew may be another by now, for both. */
		if (!f->d[1].ring.cached)
			weft_ring_forget(r);
		ret[1] = weft_ring_get(&f->d[1].ring, &c[1], seg[1], max);
	}
	ret[0] = weft_ring_get(r, &c[0], seg[0], max);
	CHECK(ret[0] == ret[1], "%d, %d", ret[0], ret[1]);
	if (ret[0] != 1) {
		CHECK(ret[0] == 0 || (ret[0] == -EINVAL && r->fault != WEFT_RING_OK));
		return;
	}
	CHECK(r->fault == WEFT_RING_OK);
	CHECK(!memcmp(&c[0], &c[1], sizeof(c[0])));
	CHECK(c[0].id < r->cfg.size && c[0].slots && c[0].slots <= r->cfg.size);
	CHECK(c[0].out + c[0].in <= max);
	for (i = 0; i < c[0].out + c[0].in; i++) {
		CHECK(seg[0][i].len);
		CHECK(seg[0][i].addr == seg[1][i].addr && seg[0][i].len == seg[1][i].len);
	}
	f->held[f->nheld++] = c[0];
}

static void put(struct fuzz *f)
{
	u32 i = f->nheld ? input_below(&f->in, f->nheld) : 0, len = input_u8(&f->in) & 3;
	int n;

	if (!f->nheld)
		return;
	if (f->d[0].ring.cfg.in_order)
		i = 0;
	for (n = 0; n < 2; n++)
		weft_ring_put(&f->d[n].ring, &f->held[i], len);
	memmove(f->held + i, f->held + i + 1, (--f->nheld - i) * sizeof(*f->held));
	f->mark_ok = false;
}

static void publish(struct fuzz *f)
{
	u16 n = f->d[1].ring.nused;
	int ret[2];
	bool failed;

	ret[1] = weft_ring_publish(&f->d[1].ring);
	failed = f->d[1].failed;
	if (ret[1] == -EAGAIN)
		CHECK(f->d[1].ring.nused && f->d[1].ring.nused <= n);
	if (again(f, ret[1])) {
		ret[1] = weft_ring_publish(&f->d[1].ring);
		failed = false;
	}
	ret[0] = weft_ring_publish(&f->d[0].ring);
	CHECK(ret[1] == ret[0] || (failed && ret[1] == 1), "%d, %d", ret[0], ret[1]);
	CHECK(!f->d[0].ring.nused);
	check_memory(f);
}

static void kicks(struct fuzz *f)
{
	bool on = input_u8(&f->in) & 1;
	struct weft_ring_place seen[2];
	int ret[2] = {}, i;

	for (i = 1; i >= 0; i--) {
		seen[i] = weft_ring_mark(&f->d[i].ring);
		if (on)
			ret[i] = weft_ring_kicks_on(&f->d[i].ring, seen[i]);
		else
			weft_ring_kicks_off(&f->d[i].ring);
		if (!i)
			continue;
		if (again(f, ret[i]))
			ret[i] = weft_ring_kicks_on(&f->d[i].ring, seen[i]);
		else if (!on)
			weft_ring_kicks_off(&f->d[i].ring);
	}
	CHECK(ret[0] == ret[1], "%d, %d", ret[0], ret[1]);
	check_memory(f);
}

/* One that cannot tell says that there may be. */
static void more(struct fuzz *f)
{
	struct weft_ring_place seen = weft_ring_mark(&f->d[0].ring);
	bool is[2], failed;

	is[1] = weft_ring_more(&f->d[1].ring, seen);
	failed = f->d[1].failed;
	again(f, 0);
	is[0] = weft_ring_more(&f->d[0].ring, seen);
	CHECK(is[0] == is[1] || (failed && is[1]));
	if (failed)
		weft_ring_more(&f->d[1].ring, seen);
}

/* From here on both are where the driver is, or where the input says. */
static void set_up(struct fuzz *f)
{
	struct weft_ring_config cfg = f->d[0].ring.cfg;
	struct weft_ring_place place = {
		.avail = input_u16(&f->in),
		.used = input_u16(&f->in),
	};
	int ret[2], i;

	if (cfg.packed) {
		place.avail_wrap = place.avail >> 15;
		place.used_wrap = place.used >> 15;
		place.avail &= 0x7fff;
		place.used &= 0x7fff;
	}
	for (i = 0; i < 2; i++)
		ret[i] = weft_ring_setup(&f->d[i].ring, &cfg, &place);
	CHECK(ret[0] == ret[1]);
	if (ret[0])
		return;
	f->nheld = 0;
	f->mark_ok = false;
	ret[1] = weft_ring_read_used(&f->d[1].ring);
	if (again(f, ret[1]))
		ret[1] = weft_ring_read_used(&f->d[1].ring);
	ret[0] = weft_ring_read_used(&f->d[0].ring);
	CHECK(ret[0] == ret[1]);
}

static void add(struct fuzz *f)
{
	u8 how = input_u8(&f->in), lens = input_u8(&f->in), i;
	u32 out = how & 3, in = how >> 2 & 3;
	struct weft_seg seg[DRV_SEGS];

	for (i = 0; i < out + in; i++) {
		seg[i].addr = 0x1000 * (i + 1) + lens;
		seg[i].len = lens >> i & 1 ? 0x100 + i : 0;
	}
	if (out + in)
		for (i = 0; i < 2; i++)
			drv_add(&f->d[i], seg, out, in, (how >> 4) % DRV_SHAPES);
}

/* A descriptor, in the ring or in a table, of fields that often have a meaning. */
static void forge(struct fuzz *f)
{
	u8 where = input_u8(&f->in), flags = input_u8(&f->in), what = input_u8(&f->in);
	u32 size = f->d[0].ring.cfg.size, n, i, len = what;
	u64 addr = DRV_TABLES + (what & 0xf0);
	u16 bits = flags & 7;

	if (flags & 8)
		len *= 16;
	for (n = 0; n < 2; n++) {
		struct drv *d = &f->d[n];

		i = where % size;
		if (flags & 0x10)
			drv_table_desc(d, where % (size * DRV_SEGS), addr, len, bits, what);
		else if (!d->ring.cfg.packed)
			drv_split_desc(d, i, addr, len, bits, what & 0x80 ? what : what % size);
		else
			drv_packed_desc(d, i, addr, len, what % (size + 1), bits |
					(flags & 0x20 ? BIT(VRING_PACKED_DESC_F_AVAIL) : 0) |
					(flags & 0x40 ? BIT(VRING_PACKED_DESC_F_USED) : 0));
	}
}

/* Makes what is there available, whatever it is. */
static void show(struct fuzz *f)
{
	u16 head = input_u8(&f->in), ahead = input_u8(&f->in) & 7, n;

	for (n = 0; n < 2; n++) {
		struct drv *d = &f->d[n];
		const struct weft_ring_place *at = &d->ring.place;

		if (d->ring.cfg.packed) {
			u16 slot = (at->avail + ahead) % d->ring.cfg.size;
			bool wrap = at->avail_wrap ^ (at->avail + ahead >= d->ring.cfg.size);
			u16 flags = drv_get16(d, WEFT_AREA_DESC, slot * 16 + 14) & 0x7f7f;

			drv_put16(d, WEFT_AREA_DESC, slot * 16 + 14,
				  flags | (wrap ? 0x80 : 0x8000));
		} else {
			drv_split_heads(d, at->avail + ahead, head);
			drv_split_idx(d, at->avail + ahead + 1);
		}
	}
}

static void give_back(struct fuzz *f)
{
	int i;

	if (!f->mark_ok || input_u8(&f->in) & 1) {
		f->mark = weft_ring_mark(&f->d[0].ring);
		f->mark_held = f->nheld;
		f->mark_ok = true;
		return;
	}
	for (i = 0; i < 2; i++)
		weft_ring_rewind(&f->d[i].ring, f->mark);
	f->nheld = f->mark_held;
}

/* The driver takes back what it finds. */
static void reap(struct fuzz *f)
{
	u16 ids[DRV_MAX_USED];
	u32 lens[DRV_MAX_USED];
	int n, ret[2];

	for (n = 0; n < 2; n++) {
		f->d[n].taken = f->d[n].added;
		ret[n] = drv_reap(&f->d[n], ids, lens, DRV_MAX_USED);
	}
	CHECK(ret[0] == ret[1]);
}

static void act(struct fuzz *f)
{
	u32 area, off, n;
	u8 what;

	switch (input_u8(&f->in) % 16) {
	case 0:
	case 1:
		add(f);
		break;
	case 2:
	case 3:
		get(f);
		break;
	case 4:
		put(f);
		break;
	case 5:
		publish(f);
		break;
	case 6:
		area = input_below(&f->in, WEFT_AREAS);
		off = input_u16(&f->in) % f->d[0].area_size[area];
		poke(f, area, off, input_u8(&f->in));
		break;
	case 7:
		off = input_u16(&f->in) % f->d[0].tables_size;
		what = input_u8(&f->in);
		f->d[0].tables[off] = what;
		f->d[1].tables[off] = what;
		break;
	case 8:
		forge(f);
		break;
	case 9:
		show(f);
		break;
	case 10:
		give_back(f);
		break;
	case 11:
		kicks(f);
		break;
	case 12:
		more(f);
		break;
	case 13:
		/* The next one of these accesses fails, of the device that copies. */
		f->d[1].fail_after = input_u8(&f->in) & 15;
		return;
	case 14:
		what = input_u8(&f->in);
		for (n = 0; n < 2; n++)
			drv_set_calls(&f->d[n], what % 3, (what >> 2) % f->d[n].ring.cfg.size);
		break;
	default:
		what = input_u8(&f->in);
		if (what & 1) {
			weft_ring_forget(&f->d[0].ring);
			weft_ring_forget(&f->d[1].ring);
		} else if (what & 2) {
			/* All of it in a row, as a device does. */
			for (n = 0; n < 3; n++)
				get(f);
			while (f->nheld)
				put(f);
			publish(f);
			reap(f);
		} else if (what & 4) {
			reap(f);
		} else {
			set_up(f);
		}
	}
	/* They may have looked ahead by different lengths. */
	if (f->uneven) {
		weft_ring_forget(&f->d[0].ring);
		weft_ring_forget(&f->d[1].ring);
		f->uneven = false;
	}
	check_same(f);
}

/*
 * Two devices of this size and kind. They are kept for the next input, as most
 * of the time would go into memory that is got and freed.
 */
static struct drv *devices(const struct weft_ring_config *cfg, u32 which, u16 start, bool logged)
{
	static struct drv kept[2 * KINDS][2];
	struct drv *d = kept[2 * which + cfg->event_idx], *one;
	int i, area;

	for (i = 0; i < 2; i++) {
		struct weft_ring ring;

		one = &d[i];
		if (!one->tables)
			CHECK(!drv_alloc(one, cfg));
		for (area = 0; area < WEFT_AREAS; area++)
			memset(one->area[area], 0, one->area_size[area]);
		memset(one->tables, 0, one->tables_size);
		memset(one->buf, 0, cfg->size * sizeof(*one->buf));
		/* All but the memory is as if it were new. */
		ring = (struct weft_ring) {
			.descs = one->ring.descs,
			.heads = one->ring.heads,
			.used = one->ring.used,
			.max_used = one->ring.max_used,
		};
		one->ring = ring;
		one->misuse = NULL;
		one->entered = false;
		one->failed = false;
		one->added = 0;
		one->taken = 0;
		one->back = 0;
		one->next_desc = 0;
		CHECK(!drv_reset(one, cfg, i ? DRV_COPIED : DRV_ENTERED, start));
		if (logged)
			one->ops.wrote = drv_wrote;
	}
	return d;
}

static int fuzz_ring(const u8 *data, size_t size, bool packed)
{
	static const u16 sizes[2][KINDS] = {
		{ 4, 1, 2, 8, 16, 64, 128, 4 }, { 4, 1, 2, 3, 7, 16, 65, 128 },
	};
	static struct fuzz fuzz;
	struct fuzz *f = &fuzz;
	struct weft_ring_config cfg;
	u8 how, kind;
	u16 start;

	f->in = (struct input) { data, data + size };
	f->nheld = 0;
	f->mark_ok = false;
	f->uneven = false;
	how = input_u8(&f->in);
	kind = input_u8(&f->in) % KINDS;
	start = input_u16(&f->in);
	cfg = (struct weft_ring_config) {
		.size = sizes[packed][kind],
		.packed = packed,
		.event_idx = how & 1,
		.indirect = how & 2,
		.in_order = how & 4,
		.notify_on_empty = how & 8,
		.little = packed || !(how & 16),
	};
	if (cfg.in_order && !packed)
		start &= ~(cfg.size - 1);
	f->d = devices(&cfg, kind, start, how & 32);
	while (input_left(&f->in))
		act(f);
	check_memory(f);
	return 0;
}

#endif /* WEFT_FUZZ_RING_FUZZ_H */
