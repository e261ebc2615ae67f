// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that reads and writes its PCI config space in any place and width,
 * beside a second one, with a list of its own of what may be written, from the
 * PCI specification: nothing else ever changes.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "../../mdev/config.h"
#include "input.h"

struct fuzz {
	struct input in;
	struct weft_config c;
	u64 vram;
	u8 fresh[256];
	u8 mask[256];
	u8 want[256];
};

static void allow(struct fuzz *f)
{
	u64 address = ~(f->vram - 1);
	u32 i;

	f->mask[0x04] = 0x46;	/* memory, bus master, parity */
	f->mask[0x05] = 0x05;	/* SERR, INTx disable */
	f->mask[0x0c] = 0xff;	/* cache line */
	f->mask[0x3c] = 0xff;	/* interrupt line */
	for (i = 0; i < (f->vram > SZ_1G ? 8 : 4); i++)
		f->mask[0x10 + i] = address >> 8 * i;
	f->mask[0x19] = 0xf0;	/* 4 KiB of registers */
	f->mask[0x1a] = 0xff;
	f->mask[0x1b] = 0xff;
	f->mask[0x42] = 0x01;	/* MSI: on, where, what */
	f->mask[0x44] = 0xfc;
	memset(f->mask + 0x45, 0xff, 9);
	f->mask[0x63] = 0xc0;	/* MSI-X: on, masked */
}

/* Whoever looks for a capability finds the same ones, and comes to an end. */
static void check_list(const struct fuzz *f)
{
	u32 found = 0, steps = 0;
	u8 at, cap[2];

	CHECK(!weft_config_read(&f->c, 0x34, &at, 1));
	while (at) {
		CHECK(at >= 0x40 && !(at & 3) && steps++ < 48, "at 0x%x", at);
		CHECK(!weft_config_read(&f->c, at, cap, 2));
		found |= cap[0] == 5 ? 1 : cap[0] == 0x11 ? 2 : 4;
		at = cap[1];
	}
	CHECK(found == 3, "%x", found);
}

/* What is wanted was made by the masks. */
static void check_bytes(const struct fuzz *f)
{
	u32 i;

	for (i = 0; memcmp(f->c.data, f->want, 256) && i < 256; i++)
		CHECK(f->c.data[i] == f->want[i], "at 0x%x: %02x, not %02x", i, f->c.data[i],
		      f->want[i]);
}

/* A range that is mostly inside; a few begin or end where 64 bits do. */
static u64 place(struct fuzz *f, u32 *len)
{
	u8 how = input_u8(&f->in);
	u64 at = input_u8(&f->in);

	*len = how & 15;
	if (how & 0x40)
		*len = 4;
	if ((how & 0x30) == 0x30)
		at += how & 0x80 ? 0xffffffffffffff00ull : 0x80;
	return at;
}

static bool inside(u64 at, u32 len)
{
	return at <= 256 && len <= 256 - at;
}

static void read_some(struct fuzz *f)
{
	u32 len;
	u64 at = place(f, &len);
	u8 buf[len + 1];
	int ret;

	memset(buf, 0x5a, len + 1);
	ret = weft_config_read(&f->c, at, buf, len);
	CHECK(ret == (inside(at, len) ? 0 : -EINVAL), "%d", ret);
	CHECK(buf[len] == 0x5a);
	if (!ret)
		CHECK(!memcmp(buf, f->want + at, len));
	else
		CHECK(!len || buf[0] == 0x5a);
}

static void write_some(struct fuzz *f)
{
	u32 len, i;
	u64 at = place(f, &len);
	u8 buf[len + 1], fill = input_u8(&f->in);
	int ret;

	/* All ones is how a BAR is sized. */
	for (i = 0; i < len; i++)
		buf[i] = fill & 1 ? 0xff : input_u8(&f->in);
	ret = weft_config_write(&f->c, at, buf, len);
	CHECK(ret == (inside(at, len) ? 0 : -EINVAL), "%d", ret);
	for (i = 0; !ret && i < len; i++)
		f->want[at + i] = (f->fresh[at + i] & ~f->mask[at + i]) |
				  (buf[i] & f->mask[at + i]);
	check_bytes(f);
}

/* PCI 3.0 §6.2.5.1, as firmware does it. */
static void size_bar(struct fuzz *f)
{
	static const u8 ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	bool wide = f->vram > SZ_1G;
	u64 v = 0;
	u8 got[8];
	int i;

	CHECK(!weft_config_write(&f->c, 0x10, ones, wide ? 8 : 4));
	CHECK(!weft_config_read(&f->c, 0x10, got, sizeof(got)));
	for (i = 7; i >= 0; i--)
		v = v << 8 | got[i];
	CHECK((v & 0xf) == (wide ? 0xc : 0x8));
	v &= ~0xfull;
	CHECK((wide ? -v : (u32)-(u32)v) == f->vram);
	for (i = 0; i < (wide ? 8 : 4); i++)
		f->want[0x10 + i] = got[i];
}

int fuzz_one(const u8 *data, size_t size)
{
	static struct fuzz fuzz;
	struct fuzz *f = &fuzz;

	memset(f, 0, sizeof(*f));
	f->in = (struct input) { data, data + size };
	f->vram = (u64)SZ_4M << input_u8(&f->in) % 18;
	memset(&f->c, 0xa5, sizeof(f->c));
	weft_config_init(&f->c, f->vram);
	allow(f);
	memcpy(f->fresh, f->c.data, 256);
	memcpy(f->want, f->c.data, 256);
	while (input_left(&f->in)) {
		switch (input_u8(&f->in) % 8) {
		case 0:
		case 1:
			read_some(f);
			break;
		case 2:
			size_bar(f);
			break;
		case 3:
			check_list(f);
			break;
		case 4:
			if (input_u8(&f->in) & 3)
				break;
			weft_config_reset(&f->c);
			memcpy(f->want, f->fresh, 256);
			check_bytes(f);
			break;
		default:
			write_some(f);
		}
	}
	check_list(f);
	return 0;
}
