/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of an EDID (VESA E-EDID 1.4, CTA-861, DisplayID), for those who
 * write and check one.
 */
#ifndef WEFT_EDID_FORMAT_H
#define WEFT_EDID_FORMAT_H

#include <linux/types.h>

#include "edid.h"

/* Offsets in the base block. */
#define EDID_VENDOR		8
#define EDID_PRODUCT		10
#define EDID_WEEK		16
#define EDID_YEAR		17
#define EDID_VERSION		18
#define EDID_REVISION		19
#define EDID_INPUT		20
#define EDID_WIDTH_CM		21
#define EDID_HEIGHT_CM		22
#define EDID_GAMMA		23
#define EDID_FEATURES		24
#define EDID_CHROMA		25
#define EDID_ESTABLISHED	35
#define EDID_STANDARD		38
#define EDID_DESCRIPTORS	54
#define EDID_EXTENSIONS		126
#define EDID_CHECKSUM		127

#define EDID_N_STANDARD		8
#define EDID_N_DESCRIPTORS	4
#define EDID_DESC_SIZE		18

/* Tags of the descriptors that aren't timings. */
#define EDID_TAG_SERIAL		0xff
#define EDID_TAG_RANGE		0xfd
#define EDID_TAG_NAME		0xfc
#define EDID_TAG_STANDARD	0xfa
#define EDID_TAG_CVT		0xf8
#define EDID_TAG_ESTABLISHED3	0xf7
#define EDID_TAG_DUMMY		0x10

/* Extension blocks. */
#define EDID_EXT_CTA		0x02
#define EDID_EXT_DISPLAYID	0x70
#define EDID_EXT_MAP		0xf0

#define CTA_REVISION		1
#define CTA_DTD_OFFSET		2
#define CTA_FLAGS		3
#define CTA_BLOCKS		4
#define CTA_TAG_VIDEO		2
#define CTA_TAG_EXTENDED	7
#define CTA_EXT_VIDEO_420	14

#define DISPLAYID_LENGTH	2
#define DISPLAYID_BLOCKS	5
#define DISPLAYID_TAG_TYPE1	0x03
#define DISPLAYID_TAG_TYPE7	0x22
#define DISPLAYID_TIMING_SIZE	20

static const u8 weft_edid_header[8] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00
};

static inline bool weft_mode_fits(u32 xres, u32 yres, u64 bytes)
{
	return (u64)xres * yres * 4 <= bytes;
}

static inline u16 weft_edid_le16(const u8 *p)
{
	return p[0] | p[1] << 8;
}

static inline u8 weft_edid_sum(const u8 *block)
{
	u8 sum = 0;
	int i;

	for (i = 0; i < WEFT_EDID_BLOCK; i++)
		sum += block[i];
	return sum;
}

#endif /* WEFT_EDID_FORMAT_H */
