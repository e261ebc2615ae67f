// SPDX-License-Identifier: GPL-2.0
/* An instance as a VMM and a guest's driver find it. */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "kselftest.h"
#include "vfio_lib.h"

static struct vgpu v;

static const char *parent(void)
{
	const char *bdf = parent_fresh();

	if (!bdf[0])
		SKIP("no adapter to test on (%s)", getenv("WEFT_PARENT") ?: "soft");
	return bdf;
}

static void open_new(const char *type)
{
	ASSERT_EQ(vgpu_new(&v, parent(), type, 1), 0);
}

/* What a VMM asks first */

TEST(device_info)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	open_new("4m");
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT_EQ(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	EXPECT_EQ(info.num_regions, NUM_REGIONS);
	EXPECT_EQ(info.num_irqs, VFIO_PCI_NUM_IRQS);

	info.argsz = offsetof(struct vfio_device_info, num_irqs);
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_GET_INFO, NULL));
	EXPECT_ERRNO(ENOTTY, ioctl(v.fd, _IO(VFIO_TYPE, VFIO_BASE + 99), NULL));
}

TEST(region_infos)
{
	const uint32_t rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	const struct {
		uint64_t size;
		uint32_t flags;
	} want[NUM_REGIONS] = {
		[REGION_BAR0] = { 8 * MIB, rw | VFIO_REGION_INFO_FLAG_MMAP },
		[REGION_BAR2] = { PAGE, rw },
		[REGION_CONFIG] = { 256, rw },
		[REGION_EDID] = { 0x300, rw | VFIO_REGION_INFO_FLAG_CAPS },
		[REGION_SCANOUT] = { 8 * MIB, rw | VFIO_REGION_INFO_FLAG_MMAP |
					      VFIO_REGION_INFO_FLAG_CAPS },
	};
	struct vfio_region_info info[NUM_REGIONS];
	unsigned int i, j;

	open_new("8m");
	for (i = 0; i < NUM_REGIONS; i++) {
		ASSERT_EQ(region_info(v.fd, i, &info[i]), 0);
		EXPECT_EQ(info[i].size, want[i].size);
		EXPECT_EQ(info[i].flags, want[i].flags);
		EXPECT_EQ(info[i].offset % PAGE, 0);
		EXPECT_LT(info[i].offset, (uint64_t)LLONG_MAX - info[i].size);
		for (j = 0; j < i; j++)
			if (info[i].size && info[j].size)
				EXPECT_TRUE(info[i].offset >= info[j].offset + info[j].size ||
					    info[j].offset >= info[i].offset + info[i].size);
	}
}

static void check_type_cap(unsigned int region, uint32_t type, uint32_t subtype)
{
	struct vfio_region_info *info = region_info_caps(v.fd, region);
	struct vfio_region_info_cap_type *cap;

	ASSERT_NE(info, NULL);
	ASSERT_EQ(info->cap_offset, sizeof(*info));
	ASSERT_GE(info->argsz, info->cap_offset + sizeof(*cap));
	cap = (void *)((char *)info + info->cap_offset);
	EXPECT_EQ(cap->header.id, VFIO_REGION_INFO_CAP_TYPE);
	EXPECT_EQ(cap->header.version, 1);
	EXPECT_EQ(cap->header.next, 0);
	EXPECT_EQ(cap->type, type);
	EXPECT_EQ(cap->subtype, subtype);
	free(info);
}

TEST(region_capabilities_name_the_extra_regions)
{
	struct vfio_region_info info;

	open_new("8m");
	check_type_cap(REGION_EDID, VFIO_REGION_TYPE_GFX, VFIO_REGION_SUBTYPE_GFX_EDID);
	check_type_cap(REGION_SCANOUT, WEFT_REGION_TYPE, WEFT_REGION_SUBTYPE_SCANOUT);

	/* no room: the size it takes, and nothing written there */
	ASSERT_EQ(region_info(v.fd, REGION_EDID, &info), 0);
	EXPECT_EQ(info.argsz, sizeof(info) + sizeof(struct vfio_region_info_cap_type));
	EXPECT_EQ(info.cap_offset, 0);

	info.argsz = offsetof(struct vfio_region_info, offset);
	info.index = REGION_EDID;
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_GET_REGION_INFO, &info));
}

TEST(irq_infos)
{
	struct vfio_irq_info info;
	unsigned int i;

	open_new("4m");
	ASSERT_EQ(irq_info(v.fd, VFIO_PCI_INTX_IRQ_INDEX, &info), 0);
	EXPECT_EQ(info.count, 0);
	for (i = VFIO_PCI_MSI_IRQ_INDEX; i < VFIO_PCI_NUM_IRQS; i++) {
		ASSERT_EQ(irq_info(v.fd, i, &info), 0);
		EXPECT_EQ(info.count, 1);
		EXPECT_TRUE(info.flags & VFIO_IRQ_INFO_EVENTFD);
		EXPECT_FALSE(info.flags & VFIO_IRQ_INFO_MASKABLE);
		EXPECT_TRUE(info.flags & VFIO_IRQ_INFO_NORESIZE);
	}
	info.argsz = offsetof(struct vfio_irq_info, count);
	info.index = 1;
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_GET_IRQ_INFO, &info));
}

/* Config space, as lspci reads it */

TEST(config_header)
{
	open_new("4m");
	EXPECT_EQ(config_get(v.fd, 0x00, 2), 0x1234);
	EXPECT_EQ(config_get(v.fd, 0x02, 2), 0x1111);
	EXPECT_EQ(config_get(v.fd, 0x04, 2), 0);		/* command: all off */
	EXPECT_EQ(config_get(v.fd, 0x06, 2), 0x0010);		/* capability list */
	EXPECT_EQ(config_get(v.fd, 0x08, 1), 2);
	EXPECT_EQ(config_get(v.fd, 0x08, 4) >> 8, 0x038000);	/* display, other */
	EXPECT_EQ(config_get(v.fd, 0x0e, 1), 0);		/* one function */
	EXPECT_EQ(config_get(v.fd, 0x2c, 4), 0x11001af4);
	EXPECT_EQ(config_get(v.fd, 0x3d, 1), 0);		/* no INTx pin */
}

TEST(config_capability_list)
{
	unsigned int at, seen = 0, msi = 0, msix = 0;

	open_new("4m");
	for (at = config_get(v.fd, 0x34, 1); at; at = config_get(v.fd, at + 1, 1)) {
		ASSERT_GE(at, 0x40);
		ASSERT_EQ(at % 4, 0);
		ASSERT_LT(seen++, 48);
		switch (config_get(v.fd, at, 1)) {
		case 0x05:
			msi = at;
			break;
		case 0x11:
			msix = at;
			break;
		default:
			EXPECT_EQ(config_get(v.fd, at, 1), 0x05);
		}
	}
	ASSERT_NE(msi, 0);
	ASSERT_NE(msix, 0);
	/* 64-bit address, one vector, no masking, off */
	EXPECT_EQ(config_get(v.fd, msi + 2, 2), 0x0080);
	/* one entry, off; its table and pending bits in BAR 2 */
	EXPECT_EQ(config_get(v.fd, msix + 2, 2), 0);
	EXPECT_EQ(config_get(v.fd, msix + 4, 4) & 7, 2);
	EXPECT_EQ(config_get(v.fd, msix + 4, 4) & ~7u, REG_MSIX_TABLE);
	EXPECT_EQ(config_get(v.fd, msix + 8, 4) & 7, 2);
	EXPECT_LE((config_get(v.fd, msix + 8, 4) & ~7u) + 8, PAGE);
	EXPECT_GE(config_get(v.fd, msix + 8, 4) & ~7u, REG_MSIX_TABLE + 16);
}

TEST(bar_sizing)
{
	static const struct {
		const char *type;
		uint32_t size;
	} types[] = { { "4m", 4 << 20 }, { "16m", 16 << 20 }, { "full", 64 << 20 } };
	const char *bdf = parent();
	unsigned int i, bar;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(vgpu_new(&v, bdf, types[i].type, 1), 0);
		for (bar = 0x10; bar <= 0x30; bar += bar == 0x24 ? 12 : 4)
			ASSERT_EQ(config_set(v.fd, bar, 4, ~0u), 0);
		/* memory, 32 bits, prefetchable; not so the registers */
		EXPECT_EQ(config_get(v.fd, 0x10, 4), ~(types[i].size - 1) | 8);
		EXPECT_EQ(config_get(v.fd, 0x14, 4), 0);
		EXPECT_EQ(config_get(v.fd, 0x18, 4), ~(uint32_t)0xfff);
		EXPECT_EQ(config_get(v.fd, 0x1c, 4), 0);
		EXPECT_EQ(config_get(v.fd, 0x20, 4), 0);
		EXPECT_EQ(config_get(v.fd, 0x24, 4), 0);
		EXPECT_EQ(config_get(v.fd, 0x30, 4), 0);
		EXPECT_EQ(region_size(v.fd, REGION_BAR0), types[i].size);

		/* an address is kept, as far as the size lets it */
		ASSERT_EQ(config_set(v.fd, 0x10, 4, 0xf4001008), 0);
		EXPECT_EQ(config_get(v.fd, 0x10, 4), (0xf4001008 & ~(types[i].size - 1)) | 8);
		ASSERT_EQ(config_set(v.fd, 0x18, 4, 0xfebf1fff), 0);
		EXPECT_EQ(config_get(v.fd, 0x18, 4), 0xfebf1000);
		vgpu_close(&v);
		ASSERT_EQ(mdev_remove(uuid_of(1)), 0);
	}
}

/* The bits that PCI lets a driver write; all others must stay. */
static void writable_mask(uint8_t *mask, uint32_t vram)
{
	unsigned int msi = 0x40, msix = 0x60;

	memset(mask, 0, 256);
	mask[0x04] = 0x46;	/* memory, master, parity */
	mask[0x05] = 0x05;	/* SERR, INTx disable */
	mask[0x0c] = 0xff;	/* cache line size */
	mask[0x3c] = 0xff;	/* interrupt line */
	mask[0x12] = ~(vram - 1) >> 16;
	mask[0x13] = ~(vram - 1) >> 24;
	mask[0x19] = 0xf0;
	mask[0x1a] = mask[0x1b] = 0xff;
	mask[msi + 2] = 0x01;
	mask[msi + 4] = 0xfc;
	memset(mask + msi + 5, 0xff, 9);
	mask[msix + 3] = 0xc0;
}

TEST(config_read_only_bits)
{
	uint8_t mask[256], before[256], after[256], ones[256], zeros[256] = { 0 };
	unsigned int i;

	open_new("8m");
	writable_mask(mask, 8 << 20);
	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, before, 256), 256);
	ASSERT_EQ(region_write(v.fd, REGION_CONFIG, 0, ones, 256), 256);
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, after, 256), 256);
	for (i = 0; i < 256; i++)
		if (after[i] != (before[i] | mask[i])) {
			ksft_note("byte %#x: was %#x, is %#x after 0xff", i, before[i], after[i]);
			EXPECT_EQ(after[i], before[i] | mask[i]);
		}
	ASSERT_EQ(region_write(v.fd, REGION_CONFIG, 0, zeros, 256), 256);
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, after, 256), 256);
	for (i = 0; i < 256; i++)
		if (after[i] != (before[i] & ~mask[i])) {
			ksft_note("byte %#x: was %#x, is %#x after 0", i, before[i], after[i]);
			EXPECT_EQ(after[i], before[i] & ~mask[i]);
		}
}

/* Registers in BAR 2, as bochs-drm reads them */

TEST(dispi_registers)
{
	unsigned int i;

	open_new("8m");
	EXPECT_EQ(vbe_get(v.fd, VBE_ID), 0xb0c5);
	EXPECT_EQ(vbe_get(v.fd, VBE_MEMORY), 8 * MIB / 65536);
	for (i = VBE_XRES; i < VBE_MEMORY; i++)
		EXPECT_EQ(vbe_get(v.fd, i), 0);

	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	EXPECT_EQ(vbe_get(v.fd, VBE_XRES), 1024);
	EXPECT_EQ(vbe_get(v.fd, VBE_YRES), 768);
	EXPECT_EQ(vbe_get(v.fd, VBE_BPP), 32);
	EXPECT_EQ(vbe_get(v.fd, VBE_ENABLE) & 1, 1);
	EXPECT_EQ(vbe_get(v.fd, VBE_VIRT_WIDTH), 1024);
	/* follows from the memory, whatever is written */
	EXPECT_EQ(vbe_get(v.fd, VBE_VIRT_HEIGHT), 8 * MIB / 4096);
	ASSERT_EQ(vbe_set(v.fd, VBE_VIRT_HEIGHT, 0xffff), 0);
	EXPECT_EQ(vbe_get(v.fd, VBE_VIRT_HEIGHT), 8 * MIB / 4096);
	ASSERT_EQ(vbe_set(v.fd, VBE_ID, 0xb0c0), 0);
	EXPECT_EQ(vbe_get(v.fd, VBE_ID), 0xb0c5);
	ASSERT_EQ(vbe_set(v.fd, VBE_MEMORY, 0xffff), 0);
	EXPECT_EQ(vbe_get(v.fd, VBE_MEMORY), 8 * MIB / 65536);
	EXPECT_STREQ(mdev_attr(v.uuid, "mode"), "1024x768x32");
}

TEST(registers_at_any_width)
{
	uint8_t bytes[8] = { 0 };
	uint32_t word = 0;

	open_new("8m");
	ASSERT_EQ(mode_set(v.fd, 0x320, 0x258, 32), 0);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, REG_VBE(0), bytes, 8), 8);
	EXPECT_EQ(memcmp(bytes, "\xc5\xb0\x20\x03\x58\x02\x20\x00", 8), 0);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, REG_VBE(VBE_XRES) + 1, bytes, 1), 1);
	EXPECT_EQ(bytes[0], 0x03);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, REG_VBE(VBE_YRES), &word, 4), 4);
	EXPECT_EQ(word, 0x00200258);
	/* what lies between the blocks of registers is nothing */
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0x516, bytes, 8), 8);
	EXPECT_EQ(find_other(bytes, 0, 8), 8);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0xff8, bytes, 8), 8);
	EXPECT_EQ(find_other(bytes, 0, 8), 8);
}

static uint32_t reg32(unsigned int offset)
{
	uint32_t val = 0;

	return region_read(v.fd, REGION_BAR2, offset, &val, 4) == 4 ? val : 0xdeadbeef;
}

static int reg32_set(unsigned int offset, uint32_t val)
{
	return region_write(v.fd, REGION_BAR2, offset, &val, 4) == 4 ? 0 : -1;
}

TEST(byte_order)
{
	open_new("4m");
	EXPECT_EQ(reg32(REG_QEXT_SIZE), 8);
	EXPECT_EQ(reg32(REG_QEXT_ENDIAN), ENDIAN_LITTLE);
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, ENDIAN_BIG), 0);
	EXPECT_EQ(reg32(REG_QEXT_ENDIAN), ENDIAN_BIG);
	/* neither the one nor the other */
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, 0x12345678), 0);
	EXPECT_EQ(reg32(REG_QEXT_ENDIAN), ENDIAN_BIG);
	ASSERT_EQ(reg32_set(REG_QEXT_SIZE, 4096), 0);
	EXPECT_EQ(reg32(REG_QEXT_SIZE), 8);
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, ENDIAN_LITTLE), 0);
	EXPECT_EQ(reg32(REG_QEXT_ENDIAN), ENDIAN_LITTLE);
}

TEST(modes_stay_in_the_slice)
{
	const struct {
		unsigned int reg, val;
		const char *mode;
	} step[] = {
		{ VBE_VIRT_WIDTH, 1365, "1024x768x32" },	/* 768 lines just fit */
		{ VBE_VIRT_WIDTH, 1366, "off" },
		{ VBE_VIRT_WIDTH, 0xffff, "off" },
		{ VBE_VIRT_WIDTH, 1024, "1024x768x32" },
		{ VBE_Y_OFFSET, 256, "1024x768x32" },
		{ VBE_Y_OFFSET, 257, "off" },
		{ VBE_X_OFFSET, 1, "off" },
		{ VBE_Y_OFFSET, 0xffff, "off" },
		{ VBE_X_OFFSET, 0, "off" },
		{ VBE_Y_OFFSET, 255, "1024x768x32" },
		{ VBE_X_OFFSET, 1024, "1024x768x32" },
		{ VBE_X_OFFSET, 1025, "off" },
		{ VBE_X_OFFSET, 0, "1024x768x32" },
		{ VBE_Y_OFFSET, 0, "1024x768x32" },
		{ VBE_BPP, 8, "off" },
		{ VBE_BPP, 24, "off" },
		{ VBE_BPP, 16, "1024x768x16" },
		{ VBE_YRES, 1025, "1024x1025x16" },
		{ VBE_YRES, 2049, "off" },
		{ VBE_YRES, 0, "off" },
		{ VBE_YRES, 768, "1024x768x16" },
		{ VBE_XRES, 0xffff, "off" },
		{ VBE_XRES, 640, "640x768x16" },
		{ VBE_ENABLE, 0, "off" },
	};
	unsigned int i;

	open_new("4m");
	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		ASSERT_EQ(vbe_set(v.fd, step[i].reg, step[i].val), 0);
		if (strcmp(mdev_attr(v.uuid, "mode"), step[i].mode))
			ksft_note("register %u = %u", step[i].reg, step[i].val);
		EXPECT_STREQ(mdev_attr(v.uuid, "mode"), step[i].mode);
	}
}

static const uint8_t edid_head[8] = { 0, 255, 255, 255, 255, 255, 255, 0 };

static unsigned int sum(const uint8_t *p, unsigned int len)
{
	unsigned int s = 0;

	while (len--)
		s += *p++;
	return s & 0xff;
}

TEST(guest_reads_an_edid_whose_mode_fits)
{
	static const struct {
		const char *type;
		uint64_t bytes;
	} types[] = { { "4m", 4 * MIB }, { "8m", 8 * MIB }, { "full", 64 * MIB } };
	const char *bdf = parent();
	uint8_t edid[0x400];
	unsigned int i, j, x, y;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(vgpu_new(&v, bdf, types[i].type, 1), 0);
		ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, edid, 0x400), 0x400);
		EXPECT_EQ(memcmp(edid, edid_head, 8), 0);
		ASSERT_LE(edid[126], 3);
		for (j = 0; j <= edid[126]; j++)
			EXPECT_EQ(sum(edid + 128 * j, 128), 0);
		EXPECT_EQ(find_other(edid + 128 * j, 0, 0x400 - 128 * j), 0x400 - 128 * j);
		/* the preferred timing */
		x = edid[56] | (edid[58] & 0xf0) << 4;
		y = edid[59] | (edid[61] & 0xf0) << 4;
		EXPECT_GE(x, 640);
		EXPECT_GE(y, 480);
		EXPECT_LE((uint64_t)x * y * 4, types[i].bytes);
		/* the guest cannot write it */
		ASSERT_EQ(region_write(v.fd, REGION_BAR2, 8, "\xff\xff\xff\xff", 4), 4);
		EXPECT_EQ(memcmp(edid + 8, "\xff\xff\xff\xff", 4) == 0, 0);
		ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, edid, 128), 128);
		EXPECT_EQ(sum(edid, 128), 0);
		vgpu_close(&v);
		ASSERT_EQ(mdev_remove(uuid_of(1)), 0);
	}
}

/* Reset */

struct picture {
	uint8_t config[256];
	uint8_t regs[0xc00];	/* all but the EDID */
};

static void take_picture(struct picture *p)
{
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, p->config, sizeof(p->config)), 256);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0x400, p->regs, sizeof(p->regs)), 0xc00);
}

static void expect_picture(const struct picture *want)
{
	struct picture now;
	unsigned int i;

	take_picture(&now);
	for (i = 0; i < sizeof(now.config); i++)
		if (now.config[i] != want->config[i]) {
			ksft_note("config byte %#x", i);
			EXPECT_EQ(now.config[i], want->config[i]);
		}
	for (i = 0; i < sizeof(now.regs); i++)
		if (now.regs[i] != want->regs[i]) {
			ksft_note("BAR 2 byte %#x", 0x400 + i);
			EXPECT_EQ(now.regs[i], want->regs[i]);
		}
}

static void scribble_everywhere(uint8_t *map)
{
	uint8_t ones[0xc00];

	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(region_write(v.fd, REGION_CONFIG, 0, ones, 256), 256);
	ASSERT_EQ(region_write(v.fd, REGION_BAR2, 0x400, ones, sizeof(ones)), sizeof(ones));
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, ENDIAN_BIG), 0);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	memset(map, 0xa5, 8 * MIB);
}

TEST(reset_puts_everything_back)
{
	struct picture fresh;
	int ev = event_new();
	uint8_t *map;

	open_new("8m");
	take_picture(&fresh);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 8 * MIB);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	EXPECT_EQ(find_other(map, 0, 8 * MIB), 8 * MIB);
	scribble_everywhere(map);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0xa5), 8 * MIB);
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev), 0);

	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	expect_picture(&fresh);
	EXPECT_STREQ(mdev_attr(v.uuid, "mode"), "off");
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 8 * MIB);
	/* the mapping of before is still one of the slice */
	EXPECT_EQ(find_other(map, 0, 8 * MIB), 8 * MIB);
	map[4096] = 7;
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 4096);
	/* eventfds are the VMM's, not the guest's */
	event_count(ev);
	EXPECT_EQ(irq_trigger(v.fd, VFIO_PCI_MSI_IRQ_INDEX), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));
}

TEST(reopen_finds_nothing_of_before)
{
	struct picture fresh;
	uint8_t *map, edid[128], other[128];
	uint32_t state = VFIO_DEVICE_GFX_LINK_STATE_DOWN;
	int ev = event_new();

	open_new("8m");
	take_picture(&fresh);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, edid, 128), 128);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	scribble_everywhere(map);
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev), 0);
	ASSERT_EQ(region_write(v.fd, REGION_EDID,
			       offsetof(struct vfio_region_gfx_edid, link_state),
			       &state, 4), 4);
	munmap(map, 8 * MIB);
	vgpu_close(&v);
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "ready");
	EXPECT_STREQ(mdev_attr(v.uuid, "mode"), "off");

	ASSERT_EQ(vgpu_open(&v, uuid_of(1)), 0);
	expect_picture(&fresh);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 8 * MIB);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	EXPECT_EQ(find_other(map, 0, 8 * MIB), 8 * MIB);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, other, 128), 128);
	EXPECT_EQ(memcmp(edid, other, 128), 0);
	/* nor is the interrupt of before still connected */
	EXPECT_ERRNO(EINVAL, irq_trigger(v.fd, VFIO_PCI_MSI_IRQ_INDEX));
}

TEST(the_mapping_and_the_region_are_one)
{
	uint8_t buf[300], *map, *scan;
	unsigned int i;

	open_new("8m");
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	for (i = 0; i < 8 * MIB; i += 4096)
		*(uint32_t *)(map + i) = i ^ 0x5a5a5a5a;
	for (i = 0; i < 8 * MIB; i += 4096) {
		uint32_t val = 0;

		ASSERT_EQ(region_read(v.fd, REGION_BAR0, i, &val, 4), 4);
		if (val != (i ^ 0x5a5a5a5a))
			ASSERT_EQ(val, i ^ 0x5a5a5a5a);
	}
	/* across pages, unaligned */
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7;
	ASSERT_EQ(region_write(v.fd, REGION_BAR0, 4096 - 101, buf, sizeof(buf)), sizeof(buf));
	EXPECT_EQ(memcmp(map + 4096 - 101, buf, sizeof(buf)), 0);
	/* with no flip, the scanout region begins where BAR 0 does */
	scan = region_map(v.fd, REGION_SCANOUT, 0, 0);
	ASSERT_NE(scan, MAP_FAILED);
	EXPECT_EQ(memcmp(scan, map, 65536), 0);
	/* a read into its own mapping, and a write out of it */
	EXPECT_EQ(region_read(v.fd, REGION_BAR0, 0, map + 1 * MIB, 65536), 65536);
	EXPECT_EQ(memcmp(map, map + 1 * MIB, 65536), 0);
	EXPECT_EQ(region_write(v.fd, REGION_BAR0, 2 * MIB, map, 65536), 65536);
	EXPECT_EQ(memcmp(map, map + 2 * MIB, 65536), 0);
}

/* Interrupts */

static void check_message_irq(unsigned int index)
{
	int ev = event_new(), other = event_new();
	uint8_t on = 1, off = 0;

	open_new("4m");
	/* nothing to fire yet */
	EXPECT_ERRNO(EINVAL, irq_trigger(v.fd, index));
	ASSERT_EQ(irq_eventfd(v.fd, index, ev), 0);
	EXPECT_FALSE(event_wait(ev, 0));

	ASSERT_EQ(irq_trigger(v.fd, index), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));
	EXPECT_EQ(event_count(ev), 1);
	ASSERT_EQ(irq_set(v.fd, index, 0, 1, VFIO_IRQ_SET_DATA_BOOL |
			  VFIO_IRQ_SET_ACTION_TRIGGER, &on, 1), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));
	EXPECT_EQ(event_count(ev), 1);
	ASSERT_EQ(irq_set(v.fd, index, 0, 1, VFIO_IRQ_SET_DATA_BOOL |
			  VFIO_IRQ_SET_ACTION_TRIGGER, &off, 1), 0);
	EXPECT_FALSE(event_wait(ev, 0));

	/* another eventfd takes its place */
	ASSERT_EQ(irq_eventfd(v.fd, index, other), 0);
	ASSERT_EQ(irq_trigger(v.fd, index), 0);
	EXPECT_TRUE(event_wait(other, WAIT_MS));
	EXPECT_FALSE(event_wait(ev, 0));

	/* -1 takes it away, and so does a count of 0; twice does no harm */
	ASSERT_EQ(irq_eventfd(v.fd, index, -1), 0);
	EXPECT_ERRNO(EINVAL, irq_trigger(v.fd, index));
	ASSERT_EQ(irq_eventfd(v.fd, index, ev), 0);
	ASSERT_EQ(irq_disable(v.fd, index), 0);
	ASSERT_EQ(irq_disable(v.fd, index), 0);
	EXPECT_ERRNO(EINVAL, irq_trigger(v.fd, index));
	EXPECT_FALSE(event_wait(ev, 0));
}

TEST(msi)
{
	check_message_irq(VFIO_PCI_MSI_IRQ_INDEX);
}

TEST(msix)
{
	check_message_irq(VFIO_PCI_MSIX_IRQ_INDEX);
}

TEST(err)
{
	check_message_irq(VFIO_PCI_ERR_IRQ_INDEX);
}

TEST(req)
{
	check_message_irq(VFIO_PCI_REQ_IRQ_INDEX);
}

TEST(msi_and_msix_exclude_each_other)
{
	int ev = event_new();

	open_new("4m");
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev), 0);
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSIX_IRQ_INDEX, ev));
	ASSERT_EQ(irq_trigger(v.fd, VFIO_PCI_MSI_IRQ_INDEX), 0);
	EXPECT_EQ(event_count(ev), 1);
	ASSERT_EQ(irq_disable(v.fd, VFIO_PCI_MSI_IRQ_INDEX), 0);
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSIX_IRQ_INDEX, ev), 0);
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev));
}

/* No event within this time counts as none: some twenty frames. */
#define QUIET_MS 350

static void check_vblank(unsigned int index)
{
	int ev = event_new();
	double start;
	uint64_t n = 0;

	open_new("8m");
	ASSERT_EQ(irq_eventfd(v.fd, index, ev), 0);
	EXPECT_FALSE(event_wait(ev, QUIET_MS));
	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	start = now();
	while (n < 30 && event_wait(ev, WAIT_MS))
		n += event_count(ev);
	EXPECT_GE(n, 30);
	/* sixty a second, and never more */
	EXPECT_GT((now() - start) * 60, n * 0.9 - 2);
	ksft_note("%llu vblanks in %.3f s", (unsigned long long)n, now() - start);

	ASSERT_EQ(mode_off(v.fd), 0);
	event_count(ev);
	event_wait(ev, 40);	/* one may have been on its way */
	event_count(ev);
	EXPECT_FALSE(event_wait(ev, QUIET_MS));

	/* a mode that does not fit is none */
	ASSERT_EQ(mode_set(v.fd, 4096, 4096, 32), 0);
	EXPECT_FALSE(event_wait(ev, QUIET_MS));
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));

	/* off and on again by SET_IRQS, with the mode on all along */
	ASSERT_EQ(irq_disable(v.fd, index), 0);
	event_count(ev);
	EXPECT_FALSE(event_wait(ev, QUIET_MS));
	ASSERT_EQ(irq_eventfd(v.fd, index, ev), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));

	/* a reset puts the mode out */
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	event_wait(ev, 40);
	event_count(ev);
	EXPECT_FALSE(event_wait(ev, QUIET_MS));
}

TEST(vblank_by_msi_while_a_mode_is_on)
{
	check_vblank(VFIO_PCI_MSI_IRQ_INDEX);
}

TEST(vblank_by_msix_while_a_mode_is_on)
{
	check_vblank(VFIO_PCI_MSIX_IRQ_INDEX);
}

/* The monitor */

#define EDID_FIELD(f) offsetof(struct vfio_region_gfx_edid, f)

static uint32_t edid_get(unsigned int field)
{
	uint32_t val = 0xdeadbeef;

	region_read(v.fd, REGION_EDID, field, &val, 4);
	return val;
}

static int edid_set(unsigned int field, uint32_t val)
{
	return region_write(v.fd, REGION_EDID, field, &val, 4) == 4 ? 0 : -1;
}

static int edid_link(bool up)
{
	return edid_set(EDID_FIELD(link_state), up ? VFIO_DEVICE_GFX_LINK_STATE_UP :
						     VFIO_DEVICE_GFX_LINK_STATE_DOWN);
}

static int edid_plug(const uint8_t *edid, unsigned int size)
{
	if (edid_link(false))
		return -1;
	if (region_write(v.fd, REGION_EDID, edid_get(EDID_FIELD(edid_offset)), edid, size) != size)
		return -1;
	return edid_set(EDID_FIELD(edid_size), size) ?: edid_link(true);
}

static void edid_fix(uint8_t *edid)
{
	edid[127] = 0;
	edid[127] = -sum(edid, 127);
}

static unsigned int guest_edid(uint8_t *edid)
{
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, edid, 512), 512);
	return memcmp(edid, edid_head, 8) ? 0 : 128 * (edid[126] + 1);
}

TEST(edid_region)
{
	uint8_t first[512], edid[512], seen[512];
	unsigned int size, offset;

	open_new("8m");
	offset = edid_get(EDID_FIELD(edid_offset));
	size = edid_get(EDID_FIELD(edid_size));
	EXPECT_GE(offset, sizeof(struct vfio_region_gfx_edid));
	EXPECT_GE(edid_get(EDID_FIELD(edid_max_size)), 512);
	EXPECT_LE(offset + edid_get(EDID_FIELD(edid_max_size)), region_size(v.fd, REGION_EDID));
	EXPECT_GE(edid_get(EDID_FIELD(max_xres)), 1024);
	EXPECT_LE((uint64_t)edid_get(EDID_FIELD(max_xres)) *
		  edid_get(EDID_FIELD(max_yres)) * 4, 8 * MIB);
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_UP);
	ASSERT_TRUE(size == 128 || size == 256);
	ASSERT_EQ(region_read(v.fd, REGION_EDID, offset, first, sizeof(first)), 512);
	ASSERT_EQ(guest_edid(seen), size);
	EXPECT_EQ(memcmp(first, seen, size), 0);

	/* while a monitor is plugged in it cannot change */
	EXPECT_ERRNO(EBUSY, region_write(v.fd, REGION_EDID, offset, edid_head, 8));
	EXPECT_ERRNO(EBUSY, edid_set(EDID_FIELD(edid_size), 128));
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "link_state"));
	/* nor can what describes it ever */
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(edid_offset), 0));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(edid_max_size), 1 << 30));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(max_xres), 9999));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(max_yres), 9999));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(link_state), 0));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(link_state), 3));
	EXPECT_ERRNO(EINVAL, region_write(v.fd, REGION_EDID, EDID_FIELD(link_state), "\2", 1));
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_UP);
	ASSERT_EQ(guest_edid(seen), size);
	EXPECT_EQ(memcmp(first, seen, size), 0);

	/* unplugged, the guest sees none */
	ASSERT_EQ(edid_link(false), 0);
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_DOWN);
	EXPECT_EQ(guest_edid(seen), 0);
	EXPECT_EQ(find_other(seen, 0, 512), 512);

	/* another monitor: the base block alone, with a serial number */
	memcpy(edid, first, 128);
	memcpy(edid + 12, "weft", 4);
	edid[126] = 0;
	edid_fix(edid);
	ASSERT_EQ(edid_plug(edid, 128), 0);
	EXPECT_EQ(edid_get(EDID_FIELD(edid_size)), 128);
	ASSERT_EQ(guest_edid(seen), 128);
	EXPECT_EQ(memcmp(edid, seen, 128), 0);
	EXPECT_EQ(find_other(seen + 128, 0, 384), 384);

	/* a reset is the guest's; the monitor stays */
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	ASSERT_EQ(guest_edid(seen), 128);
	EXPECT_EQ(memcmp(edid, seen, 128), 0);
}

static void expect_bad_edid(const char *what, const uint8_t *edid, unsigned int size)
{
	uint8_t seen[512];

	ASSERT_EQ(edid_link(false), 0);
	errno = 0;
	if (!edid_plug(edid, size) || errno != EINVAL) {
		ksft_note("%s: errno %d, last_error: %s", what, errno,
			  mdev_attr(v.uuid, "last_error"));
		EXPECT_STREQ(what, "refused with EINVAL");
	}
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_DOWN);
	EXPECT_EQ(guest_edid(seen), 0);
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "EINVAL"));
	ksft_note("%s: %s", what, mdev_attr(v.uuid, "last_error"));
}

static void set_timing(uint8_t *dtd, unsigned int x, unsigned int y)
{
	dtd[2] = x;
	dtd[4] = (dtd[4] & 0x0f) | (x >> 4 & 0xf0);
	dtd[5] = y;
	dtd[7] = (dtd[7] & 0x0f) | (y >> 4 & 0xf0);
}

TEST(edid_that_is_wrong_or_does_not_fit_is_refused)
{
	uint8_t good[512], bad[512], big[600] = { 0 };
	unsigned int offset;

	open_new("4m");
	offset = edid_get(EDID_FIELD(edid_offset));
	ASSERT_EQ(region_read(v.fd, REGION_EDID, offset, good, 512), 512);
	good[126] = 0;
	edid_fix(good);
	memset(good + 128, 0, 384);

	memcpy(bad, good, 512);
	bad[127] ^= 1;
	expect_bad_edid("checksum", bad, 128);
	memcpy(bad, good, 512);
	bad[0] = 1;
	edid_fix(bad);
	expect_bad_edid("header", bad, 128);
	expect_bad_edid("truncated", good, 127);
	expect_bad_edid("longer than it says", good, 256);
	memcpy(bad, good, 512);
	bad[126] = 1;
	edid_fix(bad);
	expect_bad_edid("extension is missing", bad, 128);
	memcpy(bad, good, 512);
	set_timing(bad + 54, 1920, 1080);
	edid_fix(bad);
	expect_bad_edid("preferred mode is too large for 4 MiB", bad, 128);
	memcpy(bad, good, 512);
	bad[38] = 0xd1;		/* standard timing 1920x1080 */
	bad[39] = 0xc0;
	edid_fix(bad);
	expect_bad_edid("a standard timing is too large for 4 MiB", bad, 128);
	ASSERT_EQ(edid_link(false), 0);
	ASSERT_EQ(edid_set(EDID_FIELD(edid_size), 0), 0);
	EXPECT_ERRNO(EINVAL, edid_link(true));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(edid_size), 513));
	EXPECT_ERRNO(EINVAL, edid_set(EDID_FIELD(edid_size), ~0u));
	/* as any region, cut at its end */
	EXPECT_EQ(region_write(v.fd, REGION_EDID, offset, big, sizeof(big)), 512);
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_DOWN);
	/* and a good one is taken after all */
	ASSERT_EQ(edid_plug(good, 128), 0);
	EXPECT_EQ(edid_get(EDID_FIELD(link_state)), VFIO_DEVICE_GFX_LINK_STATE_UP);
}

/* The screen */

#define PLANE_PRIMARY	1
#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
			    (uint32_t)(d) << 24)
#define XRGB8888	FOURCC('X', 'R', '2', '4')
#define RGB565		FOURCC('R', 'G', '1', '6')
#define BGRX8888	FOURCC('B', 'X', '2', '4')

static int plane(struct vfio_device_gfx_plane_info *info, uint32_t flags)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->flags = flags;
	info->drm_plane_type = PLANE_PRIMARY;
	return ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, info);
}

static int plane_region(struct vfio_device_gfx_plane_info *info)
{
	return plane(info, VFIO_GFX_PLANE_TYPE_REGION);
}

TEST(plane_as_region)
{
	struct vfio_device_gfx_plane_info info;

	open_new("8m");
	EXPECT_EQ(plane(&info, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION), 0);
	EXPECT_ERRNO(EINVAL, plane(&info, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF));
	EXPECT_ERRNO(EINVAL, plane(&info, VFIO_GFX_PLANE_TYPE_DMABUF));
	EXPECT_ERRNO(EINVAL, plane(&info, VFIO_GFX_PLANE_TYPE_REGION | VFIO_GFX_PLANE_TYPE_DMABUF));
	EXPECT_ERRNO(EINVAL, plane(&info, 0));
	EXPECT_ERRNO(EINVAL, plane(&info, 8 | VFIO_GFX_PLANE_TYPE_REGION));
	info.argsz = 8;
	info.flags = VFIO_GFX_PLANE_TYPE_REGION;
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info));

	/* no mode, no picture */
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, 0);
	EXPECT_EQ(info.width, 0);

	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, XRGB8888);
	EXPECT_EQ(info.drm_format_mod, 0);
	EXPECT_EQ(info.width, 1024);
	EXPECT_EQ(info.height, 768);
	EXPECT_EQ(info.stride, 4096);
	EXPECT_EQ(info.size, 4096 * 768);
	EXPECT_EQ(info.x_pos, 0);
	EXPECT_EQ(info.y_pos, 0);
	EXPECT_EQ(info.region_index, REGION_BAR0);

	/* QEMU leaves the plane's type out when it asks for a region */
	memset(&info, 0, sizeof(info));
	info.argsz = sizeof(info);
	info.flags = VFIO_GFX_PLANE_TYPE_REGION;
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info), 0);
	EXPECT_EQ(info.drm_format, XRGB8888);

	/* there is no other plane: no cursor */
	memset(&info, 0, sizeof(info));
	info.argsz = sizeof(info);
	info.flags = VFIO_GFX_PLANE_TYPE_REGION;
	info.drm_plane_type = 2;
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info), 0);
	EXPECT_EQ(info.drm_format, 0);

	ASSERT_EQ(vbe_set(v.fd, VBE_BPP, 16), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, RGB565);
	EXPECT_EQ(info.stride, 2048);
	ASSERT_EQ(vbe_set(v.fd, VBE_BPP, 32), 0);
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, ENDIAN_BIG), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, BGRX8888);
	ASSERT_EQ(reg32_set(REG_QEXT_ENDIAN, ENDIAN_LITTLE), 0);

	/* a mode that leaves the slice puts the picture out */
	ASSERT_EQ(vbe_set(v.fd, VBE_Y_OFFSET, 1281), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, 0);
}

TEST(plane_follows_flips_without_a_new_mapping)
{
	struct vfio_device_gfx_plane_info info;
	const unsigned int frame = 4096 * 768;
	uint8_t *map, *scan, byte = 0;

	open_new("16m");
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	scan = region_map(v.fd, REGION_SCANOUT, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	ASSERT_NE(scan, MAP_FAILED);
	memset(map, 0x11, frame);
	memset(map + frame, 0x22, frame);
	memset(map + 2 * frame, 0x33, frame);
	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	EXPECT_EQ(scan[0], 0x11);

	ASSERT_EQ(vbe_set(v.fd, VBE_Y_OFFSET, 768), 0);
	ASSERT_EQ(plane_region(&info), 0);
	ASSERT_EQ(info.region_index, REGION_SCANOUT);
	EXPECT_EQ(info.size, frame);
	EXPECT_EQ(find_other(scan, 0x22, frame), frame);
	EXPECT_EQ(scan[frame], 0x33);
	EXPECT_EQ(region_read(v.fd, REGION_SCANOUT, 5, &byte, 1), 1);
	EXPECT_EQ(byte, 0x22);
	EXPECT_EQ(find_other(map, 0x11, frame), frame);

	ASSERT_EQ(vbe_set(v.fd, VBE_Y_OFFSET, 2 * 768), 0);
	ASSERT_EQ(plane_region(&info), 0);
	ASSERT_EQ(info.region_index, REGION_SCANOUT);
	EXPECT_EQ(find_other(scan, 0x33, frame), frame);
	/* it is the same memory, not a copy */
	map[2 * frame + 77] = 0x44;
	EXPECT_EQ(scan[77], 0x44);
	scan[78] = 0x55;
	EXPECT_EQ(map[2 * frame + 78], 0x55);

	/* what lies past the slice is not there */
	EXPECT_EQ(touch(scan + 16 * MIB - 2 * frame - PAGE), 0);
	EXPECT_EQ(touch(scan + 16 * MIB - 2 * frame), TOUCH_SIGBUS);
	EXPECT_EQ(touch(scan + 16 * MIB - 1), TOUCH_SIGBUS);
	EXPECT_ERRNO(EINVAL, region_read(v.fd, REGION_SCANOUT, 16 * MIB - 2 * frame, &byte, 1));

	/* back to the start: BAR 0 shows it, as bochs-drm has it mostly */
	ASSERT_EQ(vbe_set(v.fd, VBE_Y_OFFSET, 0), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.region_index, REGION_BAR0);

	/*
	 * A start that is on no page cannot be shown as a region. It is no
	 * error, which QEMU would log at each refresh, at the guest's will.
	 */
	ASSERT_EQ(vbe_set(v.fd, VBE_X_OFFSET, 1), 0);
	ASSERT_EQ(plane_region(&info), 0);
	EXPECT_EQ(info.drm_format, 0);
	EXPECT_EQ(info.width, 0);
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "page"));
}

/* DMA-BUFs of the screen */

static void open_dmabuf(const char *type)
{
	const char *bdf = parent();

	ASSERT_EQ(mdev_create(bdf, type, uuid_of(1)), 0);
	EXPECT_STREQ(mdev_attr(uuid_of(1), "display"), "region");
	ASSERT_EQ(file_write("dmabuf", MDEVS "/%s/weft/display", uuid_of(1)), 0);
	EXPECT_STREQ(mdev_attr(uuid_of(1), "display"), "dmabuf");
	ASSERT_EQ(vgpu_open(&v, uuid_of(1)), 0);
}

static int plane_dmabuf(struct vfio_device_gfx_plane_info *info)
{
	return plane(info, VFIO_GFX_PLANE_TYPE_DMABUF);
}

static int get_dmabuf(uint32_t id)
{
	return ioctl(v.fd, VFIO_DEVICE_GET_GFX_DMABUF, &id);
}

TEST(display_attribute)
{
	open_dmabuf("8m");
	EXPECT_ERRNO(EBUSY, file_write("region", MDEVS "/%s/weft/display", v.uuid));
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "EBUSY"));
	EXPECT_STREQ(mdev_attr(v.uuid, "display"), "dmabuf");
	vgpu_close(&v);
	EXPECT_ERRNO(EINVAL, file_write("hologram", MDEVS "/%s/weft/display", v.uuid));
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "EINVAL"));
	EXPECT_STREQ(mdev_attr(v.uuid, "display"), "dmabuf");
	ASSERT_EQ(file_write("region\n", MDEVS "/%s/weft/display", v.uuid), 0);
	EXPECT_STREQ(mdev_attr(v.uuid, "display"), "region");
}

TEST(plane_as_dmabuf)
{
	struct vfio_device_gfx_plane_info info;
	const unsigned int frame = 4096 * 768;
	uint32_t id;
	uint8_t *map, *buf, *second;
	int fd, fd2;

	open_dmabuf("16m");
	EXPECT_EQ(plane(&info, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF), 0);
	EXPECT_ERRNO(EINVAL, plane(&info, VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION));
	EXPECT_ERRNO(EINVAL, plane_region(&info));
	/* nothing shown yet: no picture, and no DMA-BUF of it */
	ASSERT_EQ(plane_dmabuf(&info), 0);
	EXPECT_EQ(info.drm_format, 0);
	EXPECT_ERRNO(EINVAL, get_dmabuf(info.dmabuf_id));
	EXPECT_ERRNO(EINVAL, get_dmabuf(0));
	EXPECT_ERRNO(EINVAL, get_dmabuf(~0u));

	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	memset(map, 0x11, frame);
	memset(map + frame, 0x22, frame);
	ASSERT_EQ(mode_set(v.fd, 1024, 768, 32), 0);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	EXPECT_EQ(info.drm_format, XRGB8888);
	EXPECT_EQ(info.width, 1024);
	EXPECT_EQ(info.height, 768);
	EXPECT_EQ(info.stride, 4096);
	EXPECT_EQ(info.size, frame);
	id = info.dmabuf_id;
	/* the same as long as the screen is the same */
	ASSERT_EQ(plane_dmabuf(&info), 0);
	EXPECT_EQ(info.dmabuf_id, id);

	fd = get_dmabuf(id);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), frame);
	EXPECT_TRUE(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	buf = mmap(NULL, frame, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(buf, MAP_FAILED);
	EXPECT_EQ(find_other(buf, 0x11, frame), frame);
	map[12345] = 0x77;
	EXPECT_EQ(buf[12345], 0x77);
	buf[12346] = 0x78;
	EXPECT_EQ(map[12346], 0x78);
	EXPECT_ERRNO(EINVAL, mmap(NULL, frame + PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_ERRNO(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, frame));

	/* a flip is another screen */
	ASSERT_EQ(vbe_set(v.fd, VBE_Y_OFFSET, 768), 0);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	EXPECT_NE(info.dmabuf_id, id);
	EXPECT_ERRNO(EINVAL, get_dmabuf(id));
	fd2 = get_dmabuf(info.dmabuf_id);
	ASSERT_GE(fd2, 0);
	second = mmap(NULL, frame, PROT_READ | PROT_WRITE, MAP_SHARED, fd2, 0);
	ASSERT_NE(second, MAP_FAILED);
	EXPECT_EQ(find_other(second, 0x22, frame), frame);
	/* and the first one is still what it was */
	EXPECT_EQ(buf[12345], 0x77);
}

/* With a DMA-BUF of a screen full of 0x5a, mapped and touched. */
static int show_dmabuf(uint8_t **buf, unsigned int *frame)
{
	struct vfio_device_gfx_plane_info info;
	uint8_t *map;
	int fd;

	*frame = 640 * 480 * 4;
	open_dmabuf("4m");
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	memset(map, 0x5a, *frame);
	munmap(map, 4 * MIB);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	fd = get_dmabuf(info.dmabuf_id);
	ASSERT_GE(fd, 0);
	*buf = mmap(NULL, *frame, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(*buf, MAP_FAILED);
	ASSERT_EQ(find_other(*buf, 0x5a, *frame), *frame);
	return fd;
}

static void expect_revoked(int fd, uint8_t *buf, unsigned int frame)
{
	unsigned int i;

	for (i = 0; i < frame; i += 16 * PAGE)
		if (touch(buf + i) != TOUCH_SIGBUS)
			EXPECT_EQ(touch(buf + i), TOUCH_SIGBUS);
	EXPECT_EQ(touch_write(buf, 1), TOUCH_SIGBUS);
	EXPECT_EQ(touch(buf + frame - 1), TOUCH_SIGBUS);
	EXPECT_ERRNO(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
}

TEST(dmabuf_is_revoked_by_a_reset)
{
	struct vfio_device_gfx_plane_info info;
	unsigned int frame;
	uint8_t *buf, *again;
	int fd = show_dmabuf(&buf, &frame);

	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	expect_revoked(fd, buf, frame);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	EXPECT_EQ(info.drm_format, 0);
	EXPECT_ERRNO(EINVAL, get_dmabuf(info.dmabuf_id));

	/* the same mode once more is a new DMA-BUF, and works */
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	close(fd);
	fd = get_dmabuf(info.dmabuf_id);
	ASSERT_GE(fd, 0);
	again = mmap(NULL, frame, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(again, MAP_FAILED);
	EXPECT_EQ(find_other(again, 0, frame), frame);
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
}

TEST(dmabuf_never_shows_the_next_tenant)
{
	unsigned int frame, i;
	uint8_t *buf, *map;
	int fd = show_dmabuf(&buf, &frame);

	vgpu_close(&v);
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "ready");
	expect_revoked(fd, buf, frame);

	/* the same slice, once as the same instance, once as another */
	for (i = 0; i < 2; i++) {
		if (i) {
			ASSERT_EQ(mdev_remove(uuid_of(1)), 0);
			ASSERT_EQ(vgpu_new(&v, parent(), "full", 2), 0);
		} else {
			ASSERT_EQ(vgpu_open(&v, uuid_of(1)), 0);
		}
		map = region_map(v.fd, REGION_BAR0, 0, 4 * MIB);
		ASSERT_NE(map, MAP_FAILED);
		EXPECT_EQ(find_other(map, 0, 4 * MIB), 4 * MIB);
		memset(map, 0xc3, 4 * MIB);
		ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
		expect_revoked(fd, buf, frame);
		munmap(map, 4 * MIB);
		vgpu_close(&v);
	}
	munmap(buf, frame);
	EXPECT_ERRNO(ENODEV, mmap(NULL, frame, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

/* Mappings that nobody asked the DMA-BUF for: they are copies of one. */

static int touch_until_revoked(int sock, void *arg)
{
	uint8_t *buf = arg;

	if (touch(buf) != 0x5a)
		return 10;
	helper_say(sock, 1);
	if (helper_hear(sock, WAIT_MS) != 2)
		return 11;
	return touch(buf) == TOUCH_SIGBUS && touch(buf + PAGE) == TOUCH_SIGBUS ? 0 : 12;
}

static int touch_once(int sock, void *arg)
{
	(void)sock;
	return touch(arg) == 0x5a ? 0 : 10;
}

TEST(dmabuf_mapping_copied_by_fork_is_revoked)
{
	struct helper stays, goes;
	unsigned int frame;
	uint8_t *buf;
	int fd = show_dmabuf(&buf, &frame);

	ASSERT_EQ(helper_start(&stays, touch_until_revoked, buf), 0);
	ASSERT_EQ(helper_hear(stays.sock, WAIT_MS), 1);
	/* One of three goes: had only the first been counted, there would be none left. */
	ASSERT_EQ(helper_start(&goes, touch_once, buf), 0);
	EXPECT_EQ(helper_end(&goes, WAIT_MS), 0);
	EXPECT_EQ(find_other(buf, 0x5a, frame), frame);
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	expect_revoked(fd, buf, frame);
	helper_say(stays.sock, 2);
	EXPECT_EQ(helper_end(&stays, WAIT_MS), 0);
}

TEST(dmabuf_mapping_cut_in_two_is_revoked)
{
	const unsigned int hole = 32 * PAGE;
	unsigned int frame;
	uint8_t *buf;

	show_dmabuf(&buf, &frame);
	/* A piece that goes takes a count with it, and two are left. */
	ASSERT_EQ(munmap(buf + hole, PAGE), 0);
	EXPECT_EQ(find_other(buf, 0x5a, hole), hole);
	EXPECT_EQ(find_other(buf + hole + PAGE, 0x5a, frame - hole - PAGE), frame - hole - PAGE);
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	for (unsigned int i = 0; i < frame; i += 16 * PAGE)
		EXPECT_EQ(touch(buf + i), i == hole ? TOUCH_SIGSEGV : TOUCH_SIGBUS);
}

/* A VMM that has no descriptor left: what was made for it is gone again. */
TEST(dmabuf_without_a_descriptor)
{
	struct vfio_device_gfx_plane_info info;
	struct rlimit limit, none;
	const char *users;
	int next;

	open_dmabuf("4m");
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(plane_dmabuf(&info), 0);
	/* A DMA-BUF is a user of the module, too. */
	users = file_text("/sys/module/weft_vgpu/refcnt");
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(v.fd);
	ASSERT_GE(next, 0);
	close(next);
	none = (struct rlimit){ next, limit.rlim_max };
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
		EXPECT_ERRNO(EMFILE, get_dmabuf(info.dmabuf_id));
		ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	}
	/* The last use ends a moment later. */
	EXPECT_TRUE(wait_text(users, WAIT_MS, "/sys/module/weft_vgpu/refcnt"));
	EXPECT_GE(get_dmabuf(info.dmabuf_id), 0);
}
