// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that reads and writes the display's registers in all widths, beside a
 * second set of them that knows bytes only. Whatever it writes, what is on the
 * screen lies in the slice, to its last pixel.
 */
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "../../mdev/dispi.h"
#include "input.h"

#define BEGIN	0x400u
#define END	0x800u

struct fuzz {
	struct input in;
	struct weft_dispi d;
	u64 vram;
	u16 regs[11];
	bool big;
	u8 att;
};

enum { ID, XRES, YRES, BPP, ENABLE, BANK, WIDTH, HEIGHT, X, Y, MEMORY };

static u64 line(const struct fuzz *f)
{
	return (u64)max(f->regs[XRES], f->regs[WIDTH]) * (f->regs[BPP] == 16 ? 2 : 4);
}

static u16 reg(const struct fuzz *f, u32 i)
{
	switch (i) {
	case ID:
		return 0xb0c5;
	case MEMORY:
		return min(f->vram / SZ_64K, 0xffffull);
	case HEIGHT:
		return line(f) ? min(f->vram / line(f), 0xffffull) : 0;
	}
	return f->regs[i];
}

static u8 byte(const struct fuzz *f, u32 at)
{
	static const u8 size[] = { 8, 0, 0, 0 };

	if (at == 0x400)
		return f->att;
	if (at >= 0x500 && at < 0x516)
		return reg(f, (at - 0x500) / 2) >> 8 * (at & 1);
	if (at >= 0x600 && at < 0x604)
		return size[at - 0x600];
	if (at >= 0x604 && at < 0x608)
		return f->big ? 0xbe : 0x1e;
	return 0;
}

/* What a write of these bytes does. */
static void expect(struct fuzz *f, u32 at, const u8 *buf, u32 len)
{
	u32 i, r;

	if (at == 0x604 && len == 4) {
		if (buf[0] == buf[1] && buf[0] == buf[2] && buf[0] == buf[3] &&
		    (buf[0] == 0x1e || buf[0] == 0xbe))
			f->big = buf[0] == 0xbe;
		return;
	}
	for (i = 0; i < len; i++, at++) {
		if (at == 0x400)
			f->att = buf[i];
		if (at < 0x500 || at >= 0x516)
			continue;
		r = (at - 0x500) / 2;
		if (r == ID || r == HEIGHT || r == MEMORY)
			continue;
		f->regs[r] = at & 1 ? (f->regs[r] & 0xff) | buf[i] << 8 :
				      (f->regs[r] & 0xff00) | buf[i];
	}
}

/* Where the guest's registers are, mostly; the VMM sees to it that it is inside. */
static u32 place(struct fuzz *f, u32 *len)
{
	static const u16 from[] = { 0x500, 0x500, 0x500, 0x500, 0x600, 0x3fe + 2, 0x4f8, 0x5f8 };
	u8 how = input_u8(&f->in);
	u32 at = from[how & 7] + (how >> 3);

	*len = 1 + input_u8(&f->in) % 16;
	if (how >= 0xf0)
		at = BEGIN + input_u16(&f->in) % (END - BEGIN);
	*len = min(*len, END - at);
	return at;
}

static void read_some(struct fuzz *f)
{
	u32 len, at = place(f, &len), i;
	/* A byte more would be seen: the array ends here. */
	u8 buf[len];

	memset(buf, 0x5a, len);
	weft_dispi_read(&f->d, at, buf, len);
	for (i = 0; i < len; i++)
		CHECK(buf[i] == byte(f, at + i), "at 0x%x: %02x, not %02x", at + i, buf[i],
		      byte(f, at + i));
}

static void check_screen(struct fuzz *f, struct weft_scanout *s)
{
	u32 pixel = f->regs[BPP] / 8;
	bool on = weft_dispi_scanout(&f->d, s), want;
	u64 first, end;

	first = f->regs[Y] * line(f) + (u64)f->regs[X] * pixel;
	end = first + line(f) * f->regs[YRES];
	want = f->regs[ENABLE] & 1 && (pixel * 8 == 16 || pixel * 8 == 32) &&
	       f->regs[BPP] == pixel * 8 && f->regs[XRES] && f->regs[XRES] <= 16000 &&
	       f->regs[YRES] && f->regs[YRES] <= 12000 && end <= f->vram;
	CHECK(on == want, "%d", on);
	if (!on) {
		CHECK(!s->width && !s->height && !s->size && !s->stride && !s->bpp && !s->offset);
		return;
	}
	CHECK(s->width == f->regs[XRES] && s->height == f->regs[YRES] && s->bpp == f->regs[BPP]);
	CHECK(s->stride == line(f) && s->offset == first && s->big_endian == f->big);
	CHECK(s->stride >= (u64)s->width * pixel);
	CHECK(s->size >= (s->height - 1) * (u64)s->stride + s->width * pixel);
	CHECK(s->offset <= f->vram && s->size <= f->vram - s->offset);
}

static void write_some(struct fuzz *f, u32 at, const u8 *from, u32 len)
{
	struct weft_scanout before, after;
	u8 buf[len];
	bool said;

	memcpy(buf, from, len);
	check_screen(f, &before);
	said = weft_dispi_write(&f->d, at, buf, len);
	expect(f, at, buf, len);
	check_screen(f, &after);
	/* Otherwise nobody would look again. */
	CHECK(said || !memcmp(&before, &after, sizeof(after)), "a mode changed in silence");
	CHECK(said == (at < 0x608 && at + len > 0x500));
}

static void set_mode(struct fuzz *f)
{
	static const u16 sizes[] = { 640, 480, 1920, 1080, 16000, 12000, 1, 65535 };
	u8 how = input_u8(&f->in), bits = input_u8(&f->in);
	u16 vals[] = { 0, sizes[how & 7], sizes[how >> 3 & 7], bits & 1 ? 32 : 16, 1 };
	u8 buf[2];
	u32 i;

	for (i = XRES; i <= ENABLE; i++) {
		buf[0] = vals[i];
		buf[1] = vals[i] >> 8;
		write_some(f, 0x500 + 2 * i, buf, 2);
	}
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz f = { .in = { data, data + size } };
	u8 buf[16];
	u32 at, len, i;

	f.vram = (u64)SZ_1M << input_u8(&f.in) % 20;
	memset(&f.d, 0xa5, sizeof(f.d));
	weft_dispi_init(&f.d, f.vram);
	while (input_left(&f.in)) {
		switch (input_u8(&f.in) % 8) {
		case 0:
		case 1:
			read_some(&f);
			break;
		case 2:
			set_mode(&f);
			break;
		case 3:
			if (input_u8(&f.in) & 7)
				break;
			weft_dispi_reset(&f.d);
			memset(f.regs, 0, sizeof(f.regs));
			f.big = false;
			f.att = 0;
			break;
		default:
			at = place(&f, &len);
			for (i = 0; i < len; i++)
				buf[i] = input_u8(&f.in);
			write_some(&f, at, buf, len);
		}
	}
	for (i = 0; i < 11; i++)
		CHECK(f.d.regs[i] == (i == ID || i == HEIGHT || i == MEMORY ? 0 : f.regs[i]));
	CHECK(f.d.vram_bytes == f.vram);
	return 0;
}
