// SPDX-License-Identifier: GPL-2.0
/* An instance of weft_vgpu as a guest and its VMM drive it: registers, interrupts. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "must.h"
#include "fuzz.h"

#define REGIONS	16
#define BYTES	64

static struct vgpu vgpu;
static int event;
static const char *bdf;
static uint8_t *edge;

static uint64_t offset_of(struct bytes *in, unsigned int index)
{
	uint64_t at = (uint64_t)index << 40, n;	/* should it have no such region */
	uint8_t how = get8(in);

	if (index < NUM_REGIONS && region_size(vgpu.fd, index))
		at = region_offset(vgpu.fd, index);
	switch (how % 4) {
	case 0:
		n = get8(in);
		break;
	case 1:
		/* Registers of the display */
		n = 0x500 + get8(in) % 0x20;
		break;
	case 2:
		n = get16(in);
		break;
	default:
		n = how & 0x80 ? get_number(in) : region_size(vgpu.fd, index) - get8(in);
	}
	return how >= 0xfc ? get64(in) : at + n;
}

static void reach(struct bytes *in, bool out)
{
	unsigned int index = get8(in) % REGIONS, len = get8(in);
	uint8_t buf[4096] = { };
	uint64_t at;

	/* Config space, and registers, more often than what is only memory. */
	if (index >= NUM_REGIONS)
		index = index & 1 ? REGION_BAR2 : REGION_CONFIG;
	at = offset_of(in, index);
	len = len < 192 ? 1U << len % 4 : len < 250 ? len % BYTES : 4096;
	counts.calls++;
	if (!out) {
		if (pread(vgpu.fd, buf, len, at) < 0)
			return;
	} else {
		for (unsigned int i = 0; i < len && i < BYTES; i++)
			buf[i] = get8(in);
		if (pwrite(vgpu.fd, buf, len, at) < 0)
			return;
	}
}

/* Off, a mode, on: as its driver does it. */
static void set_mode(struct bytes *in)
{
	uint8_t how = get8(in);

	counts.calls += 8;
	if (how & 1)
		mode_set(vgpu.fd, get_number(in), get_number(in), how & 2 ? get8(in) : 32);
	else
		vbe_set(vgpu.fd, get8(in) % 12, get_number(in));
}

static void set_irqs(struct bytes *in)
{
	struct {
		struct vfio_irq_set set;
		int32_t data[8];
	} s = { .set.argsz = sizeof(s) };
	uint8_t how = get8(in);

	s.set.flags = get8(in);
	s.set.index = get8(in) % 8;
	s.set.start = how & 1 ? get_number(in) : get8(in) % 4;
	s.set.count = how & 2 ? get_number(in) : get8(in) % 4;
	for (unsigned int i = 0; i < 8; i++)
		s.data[i] = how >> 4 & 1 ? (int32_t)get_number(in) : how & 8 ? -1 : event;
	if (how & 0x80)
		s.set.argsz = get_number(in);
	counts.calls++;
	ioctl(vgpu.fd, VFIO_DEVICE_SET_IRQS, &s);
}

/* Any of VFIO's, with any argument, of which the first word says how long it is. */
static void any_ioctl(struct bytes *in)
{
	static const uint8_t all[] = { 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 };
	uint8_t which = get8(in), how = get8(in), *arg = edge - 256;
	uint32_t size = how & 0x80 ? get_number(in) : 256 - 8 * (how & 15);
	unsigned int nr = which < 240 ? all[which % sizeof(all)] : get8(in);

	memset(arg, 0, 256);
	for (unsigned int i = 4; i < 64 && bytes_left(in); i++)
		arg[i] = get8(in);
	if (size < 256 && size >= 4) {
		memmove(edge - size, arg, size);
		arg = edge - size;
	}
	memcpy(arg, &size, 4);
	counts.calls++;
	ioctl(vgpu.fd, _IO(VFIO_TYPE, VFIO_BASE + nr), arg);
}

static void map(struct bytes *in)
{
	unsigned int index = get8(in) % NUM_REGIONS;
	uint8_t how = get8(in);
	size_t len = (1 + get8(in) % 16) * PAGE;
	uint64_t at = offset_of(in, index);
	uint8_t *p;

	if (!(how & 0x80))
		at &= ~(PAGE - 1);
	counts.calls += 2;
	p = mmap(NULL, len, how & 1 ? PROT_READ : PROT_READ | PROT_WRITE,
		 how & 2 ? MAP_PRIVATE : MAP_SHARED, vgpu.fd, at);
	if (p == MAP_FAILED)
		return;
	touch(p + get16(in) % len);
	if (!(how & 1))
		touch_write(p + get16(in) % len, how);
	munmap(p, len);
}

static void vgpu_begin(void)
{
	bdf = parent_fresh();
	if (!*bdf)
		give_up(__FILE__, __LINE__, "weft_softpci has no adapter here");
	bdf = strdup(bdf);
	MUST(mdev_create(bdf, "16m", uuid_of(0)));
	event = event_new();
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(edge == MAP_FAILED);
	edge += 4096;
	MUST(munmap(edge, 4096));
}

static void vgpu_start(void)
{
	MUST(vgpu_open(&vgpu, uuid_of(0)));
}

static void vgpu_run(struct bytes *in)
{
	while (bytes_left(in)) {
		uint8_t op = get8(in);

		switch (op % 16) {
		case 0 ... 3:
			reach(in, true);
			break;
		case 4 ... 6:
			reach(in, false);
			break;
		case 7 ... 9:
			set_mode(in);
			break;
		case 10 ... 11:
			set_irqs(in);
			break;
		case 12 ... 13:
			any_ioctl(in);
			break;
		case 14:
			map(in);
			break;
		default:
			if (op < 32) {
				counts.calls++;
				ioctl(vgpu.fd, VFIO_DEVICE_RESET);
			}
		}
	}
}

static void vgpu_end(void)
{
	vgpu_close(&vgpu);
}

const struct target target_vgpu = {
	.name = "vgpu",
	.begin = vgpu_begin,
	.open = vgpu_start,
	.run = vgpu_run,
	.close = vgpu_end,
};
