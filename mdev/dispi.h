/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dispi - the registers of an instance: VBE dispi, VGA attribute, byte order
 *
 * A logic room: plain data in, plain data out. The caller serialises.
 */
#ifndef WEFT_MDEV_DISPI_H
#define WEFT_MDEV_DISPI_H

#include <linux/types.h>

/* Where QEMU's bochs-display has its registers in BAR 2. */
#define WEFT_DISPI_VGA		0x400	/* I/O ports 3c0 to 3df */
#define WEFT_DISPI_VGA_END	0x420
#define WEFT_DISPI_VBE		0x500	/* 16 bits each */
#define WEFT_DISPI_VBE_END	0x516
#define WEFT_DISPI_QEXT		0x600	/* u32 size, u32 byte order */
#define WEFT_DISPI_QEXT_END	0x608

#define WEFT_DISPI_LITTLE	0x1e1e1e1e
#define WEFT_DISPI_BIG		0xbebebebe

/* VBE dispi register numbers and the bits of ENABLE (Bochs VBE extensions). */
enum weft_dispi_index {
	WEFT_DISPI_ID,
	WEFT_DISPI_XRES,
	WEFT_DISPI_YRES,
	WEFT_DISPI_BPP,
	WEFT_DISPI_ENABLE,
	WEFT_DISPI_BANK,
	WEFT_DISPI_VIRT_WIDTH,
	WEFT_DISPI_VIRT_HEIGHT,
	WEFT_DISPI_X_OFFSET,
	WEFT_DISPI_Y_OFFSET,
	WEFT_DISPI_VIDEO_MEMORY_64K,
	WEFT_DISPI_REGS,
};

#define WEFT_DISPI_ID5		0xb0c5
#define WEFT_DISPI_ENABLED	0x01
#define WEFT_DISPI_XRES_MAX	16000
#define WEFT_DISPI_YRES_MAX	12000

/**
 * struct weft_dispi - the registers
 * @vram_bytes: the slice that every mode must lie in
 * @regs: as written by the guest
 * @endian: WEFT_DISPI_LITTLE or WEFT_DISPI_BIG
 * @vga_att: VGA attribute index; bit 5 is "screen on" for bochs-drm
 */
struct weft_dispi {
	u64 vram_bytes;
	u16 regs[WEFT_DISPI_REGS];
	u32 endian;
	u8 vga_att;
};

/**
 * struct weft_scanout - what the registers put on the screen
 * @width: pixels
 * @height: lines
 * @bpp: bits a pixel, 16 or 32
 * @stride: bytes from one line to the next
 * @offset: first byte, from the start of the slice
 * @size: bytes from @offset to the end of the last line
 * @big_endian: byte order of a pixel
 */
struct weft_scanout {
	u32 width;
	u32 height;
	u32 bpp;
	u32 stride;
	u64 offset;
	u64 size;
	bool big_endian;
};

void weft_dispi_init(struct weft_dispi *dispi, u64 vram_bytes);
void weft_dispi_reset(struct weft_dispi *dispi);
void weft_dispi_read(const struct weft_dispi *dispi, u32 offset, u8 *buf,
		     size_t len);
bool weft_dispi_write(struct weft_dispi *dispi, u32 offset, const u8 *buf,
		      size_t len);
bool weft_dispi_scanout(const struct weft_dispi *dispi,
			struct weft_scanout *scanout);

#endif
