// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that plugs monitors in and out as the input says, and a guest that
 * reads: what is refused changes nothing, and while the link is up the guest
 * has an EDID that was checked, all of it, and nobody writes to it.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vfio.h>
#include "../../mdev/monitor.h"
#include "input.h"

#define REGION	(0x100 + 512)

struct fuzz {
	struct input in;
	struct weft_monitor m;
	u64 vram;
	struct weft_mode max;
	u8 edid[512];
	u32 size;
	bool up;
};

static bool good(const struct fuzz *f)
{
	const char *why;

	return !weft_edid_check(f->edid, f->size, f->vram, f->max.xres, f->max.yres, &why);
}

/* The region, and what the guest sees, as they have to be. */
static void check_all(struct fuzz *f)
{
	u32 head[] = { 0x100, 512, f->size, f->max.xres, f->max.yres, f->up ? 1 : 2 };
	u8 want[REGION] = {}, got[REGION];

	memcpy(want, head, sizeof(head));
	memcpy(want + 0x100, f->edid, 512);
	CHECK(!weft_monitor_region_read(&f->m, 0, got, REGION));
	CHECK(!memcmp(want, got, REGION));
	CHECK(f->size <= 512);
	memset(want, 0, REGION);
	if (f->up) {
		CHECK(good(f), "up, with an EDID that is none");
		memcpy(want, f->edid, f->size);
	}
	memset(got, 0x5a, REGION);
	weft_monitor_guest_read(&f->m, 0, got, 0x400 - 0x100);
	CHECK(!memcmp(want, got, 512));
}

static void read_some(struct fuzz *f)
{
	u32 at = input_u16(&f->in) % (REGION + 4), len = input_u8(&f->in), i;
	u8 all[REGION], buf[len + 1];
	int ret;

	weft_monitor_region_read(&f->m, 0, all, REGION);
	buf[len] = 0x5a;
	ret = weft_monitor_region_read(&f->m, at, buf, len);
	CHECK(ret == (at + len > REGION ? -EINVAL : 0), "%d", ret);
	CHECK(buf[len] == 0x5a);
	if (!ret)
		CHECK(!memcmp(buf, all + at, len));
	/* The guest's window is 1 KiB, and none of it is the header. */
	at %= 0x400;
	len = min(len, 0x400 - at);
	weft_monitor_guest_read(&f->m, at, buf, len);
	for (i = 0; i < len; i++)
		CHECK(buf[i] == (f->up && at + i < f->size ? f->edid[at + i] : 0), "%u", at + i);
}

static int tell(struct fuzz *f, u32 at, const u8 *buf, u32 len)
{
	const char *why = NULL;
	int ret = weft_monitor_region_write(&f->m, at, buf, len, &why);

	CHECK(!ret == !why, "%d", ret);
	return ret;
}

static void field(struct fuzz *f, u32 at, u32 v)
{
	int want = -EINVAL, ret = tell(f, at, (const u8 *)&v, 4);

	if (at == offsetof(struct vfio_region_gfx_edid, edid_size)) {
		want = f->up ? -EBUSY : v > 512 ? -EINVAL : 0;
		if (!want) {
			f->size = v;
			memset(f->edid + v, 0, 512 - v);
		}
	} else if (at == offsetof(struct vfio_region_gfx_edid, link_state)) {
		if (v == VFIO_DEVICE_GFX_LINK_STATE_DOWN)
			want = 0;
		else if (v == VFIO_DEVICE_GFX_LINK_STATE_UP && good(f))
			want = 0;
		if (!want)
			f->up = v == VFIO_DEVICE_GFX_LINK_STATE_UP;
	}
	CHECK(ret == want, "%d, %d", ret, want);
}

static void write_some(struct fuzz *f)
{
	u32 at = input_u16(&f->in) % (REGION + 4), len = input_u8(&f->in) % 32, i;
	u8 buf[len + 1];
	int ret;

	for (i = 0; i < len; i++)
		buf[i] = input_u8(&f->in);
	if (len == 4 && at < 0x100) {
		field(f, at, buf[0] | buf[1] << 8 | buf[2] << 16 | (u32)buf[3] << 24);
		return;
	}
	ret = tell(f, at, buf, len);
	if (at < 0x100 || at + len > REGION) {
		CHECK(ret == -EINVAL, "%d", ret);
		return;
	}
	CHECK(ret == (f->up ? -EBUSY : 0), "%d", ret);
	if (!ret)
		memcpy(f->edid + (at - 0x100), buf, len);
}

/* One that is often good, so that the link goes up. */
static void bring(struct fuzz *f)
{
	u8 how = input_u8(&f->in), e[WEFT_EDID_SIZE] = {};
	int len = weft_edid_generate(e, sizeof(e), f->vram >> (how & 1), NULL, how), ret;

	if (len < 0)
		return;
	if (how & 2)
		e[input_u8(&f->in)] ^= 1;
	ret = tell(f, 0x100, e, len);
	CHECK(ret == (f->up ? -EBUSY : 0));
	if (!ret)
		memcpy(f->edid, e, len);
	field(f, 8, len);
	field(f, 20, 1);
}

int fuzz_one(const u8 *data, size_t size)
{
	static struct fuzz fuzz;
	struct fuzz *f = &fuzz;

	memset(f, 0, sizeof(*f));
	f->in = (struct input) { data, data + size };
	f->vram = (u64)SZ_4M << input_u8(&f->in) % 8;
	CHECK(weft_mode_largest(f->vram, &f->max));
	memset(&f->m, 0xa5, sizeof(f->m));
	CHECK(!weft_monitor_init(&f->m, f->vram, &f->max));
	CHECK(f->m.connected && f->m.size <= sizeof(f->m.edid));
	memcpy(f->edid, f->m.edid, 512);
	f->size = f->m.size;
	f->up = true;
	check_all(f);
	while (input_left(&f->in)) {
		switch (input_u8(&f->in) % 8) {
		case 0:
			read_some(f);
			continue;
		case 1:
			bring(f);
			break;
		case 2:
			field(f, 20, 1 + input_u8(&f->in) % 3);
			break;
		case 3:
			field(f, 8, input_u16(&f->in) % 520);
			break;
		default:
			write_some(f);
		}
		check_all(f);
	}
	return 0;
}
