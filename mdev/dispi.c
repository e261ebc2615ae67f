// SPDX-License-Identifier: GPL-2.0-only
/*
 * dispi - the registers of an instance: VBE dispi, VGA attribute, byte order
 *
 * As on QEMU's bochs-display, a register keeps what was written and the *mode*
 * is judged as a whole each time it is used: one that does not lie wholly in
 * the slice puts nothing on the screen. No order of writes can so leave a mode
 * behind that was never checked.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "dispi.h"

/* Attribute index, I/O port 3c0. */
#define VGA_ATT		(WEFT_DISPI_VGA + 0x00)

/**
 * weft_dispi_reset - registers as after power-on: no mode, little-endian
 * @dispi: initialised
 */
void weft_dispi_reset(struct weft_dispi *dispi)
{
	memset(dispi->regs, 0, sizeof(dispi->regs));
	dispi->endian = WEFT_DISPI_LITTLE;
	dispi->vga_att = 0;
}

/**
 * weft_dispi_init - registers of an instance
 * @dispi: filled in
 * @vram_bytes: size of the slice
 */
void weft_dispi_init(struct weft_dispi *dispi, u64 vram_bytes)
{
	dispi->vram_bytes = vram_bytes;
	weft_dispi_reset(dispi);
}

/* Bytes from one line to the next; the wider of the screen and its canvas. */
static u32 stride_of(const struct weft_dispi *dispi)
{
	u32 width = max(dispi->regs[WEFT_DISPI_XRES],
			dispi->regs[WEFT_DISPI_VIRT_WIDTH]);

	return width * (dispi->regs[WEFT_DISPI_BPP] == 16 ? 2 : 4);
}

static u16 read_reg(const struct weft_dispi *dispi, unsigned int index)
{
	u32 stride;

	switch (index) {
	case WEFT_DISPI_ID:
		return WEFT_DISPI_ID5;
	case WEFT_DISPI_VIDEO_MEMORY_64K:
		return min_t(u64, dispi->vram_bytes >> 16, U16_MAX);
	case WEFT_DISPI_VIRT_HEIGHT:
		stride = stride_of(dispi);
		if (!stride)
			return 0;
		return min_t(u64, dispi->vram_bytes / stride, U16_MAX);
	default:
		return dispi->regs[index];
	}
}

static void write_reg(struct weft_dispi *dispi, unsigned int index, u16 val)
{
	switch (index) {
	case WEFT_DISPI_ID:
	case WEFT_DISPI_VIRT_HEIGHT:
	case WEFT_DISPI_VIDEO_MEMORY_64K:
		break;
	default:
		dispi->regs[index] = val;
	}
}

/* One byte of the register window; what no register backs reads as zero. */
static u8 read_byte(const struct weft_dispi *dispi, u32 offset)
{
	if (offset == VGA_ATT)
		return dispi->vga_att;
	if (offset >= WEFT_DISPI_VBE && offset < WEFT_DISPI_VBE_END) {
		u16 val = read_reg(dispi, (offset - WEFT_DISPI_VBE) / 2);

		return offset & 1 ? val >> 8 : val;
	}
	if (offset >= WEFT_DISPI_QEXT && offset < WEFT_DISPI_QEXT_END) {
		u32 val = offset & 4 ? dispi->endian :
				       WEFT_DISPI_QEXT_END - WEFT_DISPI_QEXT;

		return val >> (offset & 3) * 8;
	}
	return 0;
}

/**
 * weft_dispi_read - read from the register window
 * @dispi: registers
 * @offset: in BAR 2
 * @buf: filled in; bytes that no register backs read as zero
 * @len: bytes; any size, any alignment
 */
void weft_dispi_read(const struct weft_dispi *dispi, u32 offset, u8 *buf,
		     size_t len)
{
	/* what every stock driver does: one whole register */
	if (len == 2 && !(offset & 1) && offset >= WEFT_DISPI_VBE &&
	    offset < WEFT_DISPI_VBE_END) {
		u16 val = read_reg(dispi, (offset - WEFT_DISPI_VBE) / 2);

		buf[0] = val;
		buf[1] = val >> 8;
		return;
	}
	while (len--)
		*buf++ = read_byte(dispi, offset++);
}

static void write_byte(struct weft_dispi *dispi, u32 offset, u8 val)
{
	if (offset == VGA_ATT) {
		dispi->vga_att = val;
	} else if (offset >= WEFT_DISPI_VBE && offset < WEFT_DISPI_VBE_END) {
		unsigned int index = (offset - WEFT_DISPI_VBE) / 2;
		u16 old = dispi->regs[index];

		write_reg(dispi, index, offset & 1 ? (old & 0xff) | val << 8 :
						     (old & 0xff00) | val);
	}
}

/* The byte order changes only by a whole write of one of its two words. */
static bool write_endian(struct weft_dispi *dispi, u32 offset, const u8 *buf,
			 size_t len)
{
	u32 val;

	if (offset != WEFT_DISPI_QEXT + 4 || len != 4)
		return false;
	val = buf[0] | buf[1] << 8 | buf[2] << 16 | (u32)buf[3] << 24;
	if (val == WEFT_DISPI_LITTLE || val == WEFT_DISPI_BIG)
		dispi->endian = val;
	return true;
}

/**
 * weft_dispi_write - write to the register window
 * @dispi: registers
 * @offset: in BAR 2
 * @buf: what to write; bytes that no writable register backs are dropped
 * @len: bytes; any size, any alignment
 *
 * Return: whether the write touched a register that a mode is made of.
 */
bool weft_dispi_write(struct weft_dispi *dispi, u32 offset, const u8 *buf,
		      size_t len)
{
	bool mode = offset < WEFT_DISPI_QEXT_END &&
		    offset + len > WEFT_DISPI_VBE;

	if (len == 2 && !(offset & 1) && offset >= WEFT_DISPI_VBE &&
	    offset < WEFT_DISPI_VBE_END) {
		write_reg(dispi, (offset - WEFT_DISPI_VBE) / 2,
			  buf[0] | buf[1] << 8);
		return true;
	}
	if (write_endian(dispi, offset, buf, len))
		return true;
	while (len--)
		write_byte(dispi, offset++, *buf++);
	return mode;
}

/**
 * weft_dispi_scanout - what is on the screen
 * @dispi: registers
 * @scanout: filled in, or zeroed when nothing is shown
 *
 * Return: true when the registers hold an enabled mode that lies wholly in the
 * slice.
 */
bool weft_dispi_scanout(const struct weft_dispi *dispi,
			struct weft_scanout *scanout)
{
	const u16 *regs = dispi->regs;
	u32 bpp = regs[WEFT_DISPI_BPP];
	u64 stride, offset, size;

	memset(scanout, 0, sizeof(*scanout));
	if (!(regs[WEFT_DISPI_ENABLE] & WEFT_DISPI_ENABLED))
		return false;
	if (bpp != 16 && bpp != 32)
		return false;
	if (!regs[WEFT_DISPI_XRES] ||
	    regs[WEFT_DISPI_XRES] > WEFT_DISPI_XRES_MAX ||
	    !regs[WEFT_DISPI_YRES] ||
	    regs[WEFT_DISPI_YRES] > WEFT_DISPI_YRES_MAX)
		return false;

	stride = stride_of(dispi);
	offset = regs[WEFT_DISPI_Y_OFFSET] * stride +
		 regs[WEFT_DISPI_X_OFFSET] * (bpp / 8);
	size = stride * regs[WEFT_DISPI_YRES];
	if (offset + size > dispi->vram_bytes)
		return false;

	scanout->width = regs[WEFT_DISPI_XRES];
	scanout->height = regs[WEFT_DISPI_YRES];
	scanout->bpp = bpp;
	scanout->stride = stride;
	scanout->offset = offset;
	scanout->size = size;
	scanout->big_endian = dispi->endian == WEFT_DISPI_BIG;
	return true;
}
