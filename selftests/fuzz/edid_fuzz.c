// SPDX-License-Identifier: GPL-2.0
/*
 * EDIDs from anybody: one that is accepted announces nothing that is too large,
 * as a second reading of the plainest parts of it says; more room never makes it
 * refused, and one bit that is wrong does. Then those of our own, for any
 * amount of memory and any wish.
 */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "../../mdev/edid.h"
#include "input.h"

#define BLOCK	128
#define MOST	512

struct limits {
	u64 bytes;
	u16 xres;
	u16 yres;
};

static int check(const u8 *edid, size_t len, const struct limits *l)
{
	const char *why = "unset";
	int ret = weft_edid_check(edid, len, l->bytes, l->xres, l->yres, &why);

	CHECK(ret == 0 || ret == -EINVAL, "%d", ret);
	CHECK(!ret == !why);
	CHECK(!why || (strcmp(why, "unset") && strlen(why) > 10 && strlen(why) < 100));
	return ret;
}

static void fits(const struct limits *l, u32 x, u32 y, const char *what)
{
	CHECK(x && y && x <= l->xres && y <= l->yres && 4ull * x * y <= l->bytes,
	      "%s: %u x %u", what, x, y);
}

static void timing(const struct limits *l, const u8 *d, const char *what)
{
	fits(l, d[2] | d[4] >> 4 << 8, (d[5] | d[7] >> 4 << 8) << (d[17] >> 7), what);
}

/* What of an accepted EDID nobody could read in another way. */
static void read_plain(const u8 *e, size_t len, const struct limits *l)
{
	u32 i, at, sum;

	CHECK(len && len % BLOCK == 0 && e[126] == len / BLOCK - 1);
	for (at = 0; at < len; at += BLOCK) {
		for (sum = 0, i = 0; i < BLOCK; i++)
			sum += e[at + i];
		CHECK(sum % 256 == 0);
	}
	CHECK(e[0] == 0 && e[7] == 0 && e[1] == 0xff && e[18] == 1 && e[19] <= 4);
	for (i = 0; i < 4; i++)
		if (e[54 + 18 * i] || e[55 + 18 * i])
			timing(l, e + 54 + 18 * i, "a timing");
	for (i = 38; i < 54; i += 2)
		if (e[i] != 1 || e[i + 1] != 1)
			CHECK(e[i] && (e[i] + 31u) * 8 <= l->xres, "standard timing");
	if (e[35] & 0x20)
		fits(l, 640, 480, "established");
	if (e[36] & 0x01)
		fits(l, 1280, 1024, "established");
	if (e[37] & 0x80)
		fits(l, 1152, 870, "established");
	for (at = BLOCK; at < len; at += BLOCK) {
		const u8 *c = e + at;

		CHECK(c[0] == 2 || c[0] == 0x70 || c[0] == 0xf0, "block 0x%x", c[0]);
		if (c[0] != 2 || !c[2])
			continue;
		CHECK(c[2] >= 4 && c[2] <= 127);
		for (i = c[2]; i + 18 <= 127 && (c[i] || c[i + 1]); i += 18)
			timing(l, c + i, "a timing of CTA");
		for (i = 4; c[1] >= 3 && i < c[2]; i += 1 + (c[i] & 31)) {
			u32 k, n = c[i] & 31;

			CHECK(i + 1 + n <= c[2]);
			for (k = 1; c[i] >> 5 == 2 && k <= n; k++) {
				CHECK(c[i + k], "format 0");
				if ((c[i + k] & 0x7f) == 16)
					fits(l, 1920, 1080, "format 16");
				if (c[i + k] == 97)
					fits(l, 3840, 2160, "format 97");
				if (c[i + k] >= 194 && c[i + k] <= 209)
					fits(l, 7680, 4320, "format 194 and on");
			}
		}
	}
}

/* What the fuzzer would have to guess: header, number of blocks, sums. */
static void seal(u8 *e, size_t len, u8 how)
{
	size_t at, i;

	if (len < BLOCK)
		return;
	memset(e + 1, 0xff, 6);
	e[0] = 0;
	e[7] = 0;
	e[18] = 1;
	e[19] %= 5;
	e[126] = len / BLOCK - 1;
	for (at = 0; at + BLOCK <= len; at += BLOCK) {
		if (at)
			e[at] = how & 0x10 ? 0x70 : how & 0x20 ? 0xf0 : 2;
		e[at + 127] = 0;
		for (i = 0; i < 127; i++)
			e[at + 127] -= e[at + i];
	}
}

static struct limits limits(struct input *in)
{
	struct limits l;

	l.bytes = (u64)(1 + input_u8(in)) << 18;
	l.xres = input_u16(in);
	l.yres = input_u16(in);
	return l;
}

static void theirs(struct input *in, u8 how)
{
	struct limits l = limits(in), all = { U64_MAX, U16_MAX, U16_MAX }, less;
	size_t len = min_t(size_t, in->end - in->at, MOST), i;
	u8 *e, *copy;
	int ret;

	/* One byte more is somebody else's. */
	if (how & 2)
		len = (size_t)BLOCK << (how >> 2 & 1);
	e = calloc(len ?: 1, 1);
	copy = malloc(len ?: 1);
	if (how & 8 && weft_edid_generate(e, len, l.bytes, NULL, 1) > 0) {
		/* Some of its bytes are others. */
		while (len && input_left(in)) {
			i = input_u16(in) % len;
			e[i] ^= input_u8(in);
		}
	} else {
		for (i = 0; i < len; i++)
			e[i] = input_u8(in);
	}
	if (how & 1)
		seal(e, len, how);
	memcpy(copy, e, len);
	ret = check(e, len, &l);
	CHECK(!memcmp(copy, e, len));
	CHECK(ret == check(e, len, &l));
	if (!ret) {
		read_plain(e, len, &l);
		CHECK(!check(e, len, &all), "more room, and refused");
		/* A sum notices any byte. */
		e[how % len] ^= 1 + (how & 0x7f);
		CHECK(check(e, len, &l));
	} else {
		less = (struct limits) { l.bytes / 2, l.xres / 2, l.yres / 2 };
		CHECK(check(e, len, &less), "less room, and accepted");
	}
	free(copy);
	free(e);
}

static void ours(struct input *in, u8 how)
{
	struct limits l = limits(in), in_type = { l.bytes, U16_MAX, U16_MAX };
	struct weft_mode wish = { input_u16(in), input_u16(in) }, largest;
	size_t room = how & 2 ? input_u16(in) % 300 : WEFT_EDID_SIZE, i;
	u8 *e = malloc(room ?: 1);
	bool any;
	int ret;

	if (how & 4)
		l.bytes = in_type.bytes = input_u32(in) | (u64)(how >> 6) << 32;
	memset(e, 0x5a, room);
	any = weft_mode_largest(l.bytes, &largest);
	CHECK(any == (l.bytes >= 640 * 480 * 4));
	ret = weft_edid_generate(e, room, l.bytes, how & 1 ? NULL : &wish, input_u32(in));
	CHECK(ret == 128 || ret == 256 || ret == -ENOSPC || ret == -EINVAL, "%d", ret);
	CHECK(ret > 0 || ret == -ENOSPC || !(how & 1) || !any);
	CHECK(ret <= (int)room && (ret != -ENOSPC || room < 256));
	for (i = max(ret, 0); i < room; i++)
		CHECK(e[i] == 0x5a, "written beyond its end, at %zu", i);
	if (ret > 0) {
		CHECK(!check(e, ret, &in_type));
		read_plain(e, ret, &in_type);
		if (!(how & 1)) {
			CHECK((e[56] | e[58] >> 4 << 8) == wish.xres);
			CHECK((e[59] | e[61] >> 4 << 8) == wish.yres);
		} else {
			/* All of it is inside the rectangle that is its type's. */
			in_type.xres = largest.xres;
			in_type.yres = largest.yres;
			CHECK(!check(e, ret, &in_type));
		}
	}
	free(e);
}

int fuzz_one(const u8 *data, size_t size)
{
	struct input in = { data, data + size };
	u8 how = input_u8(&in);

	if (how & 0x80)
		ours(&in, how);
	else
		theirs(&in, how);
	return 0;
}
