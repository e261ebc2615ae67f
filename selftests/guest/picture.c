// SPDX-License-Identifier: GPL-2.0
/*
 * Two pictures, as unlike each other as two pictures with the same words can
 * be: "loom" is a piece of cloth with the words woven in, "waves" is the sea
 * in the evening.
 *
 * Both lay a mask over the picture, one byte a cell of the words: the name
 * of the product in large letters and the guest's label below.
 */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

#include "font.h"

#define TITLE		"WEFT"
#define MAX_LABEL	24

struct picture {
	const struct kind *kind;
	unsigned int width;
	unsigned int height;
	unsigned int unit;		/* pixels a cell of the mask */
	unsigned int columns;		/* cells */
	unsigned int rows;
	unsigned char *mask;		/* columns * rows */
	int *crests;			/* waves only: LAYERS * width */
};

struct kind {
	const char *name;
	void (*prepare)(struct picture *pic);	/* may be NULL */
	void (*row)(const struct picture *pic, unsigned int y, uint32_t *row);
};

/* From a (at = 0) to b (at = of). */
static uint32_t blend(uint32_t a, uint32_t b, unsigned int at, unsigned int of)
{
	uint32_t out = 0;

	for (unsigned int shift = 0; shift <= 16; shift += 8) {
		unsigned int from = a >> shift & 0xff, to = b >> shift & 0xff;

		out |= (from * (of - at) + to * at) / of << shift;
	}
	return out;
}

static uint32_t shade(uint32_t colour, unsigned int of256)
{
	return blend(0, colour, of256, 256);
}

/* sin(2 * pi * turn / 256) * 1024, from a quarter of a wave in 16 steps. */
static int sine(unsigned int turn)
{
	static const int quarter[17] = {
		0, 100, 200, 297, 392, 483, 569, 650, 724,
		792, 851, 903, 946, 980, 1004, 1019, 1024,
	};
	unsigned int part = turn & 127, step, rest;
	int value;

	if (part > 64)
		part = 128 - part;
	step = part / 4;
	rest = part % 4;
	value = quarter[step];
	if (rest)
		value += (quarter[step + 1] - value) * (int)rest / 4;
	return turn & 128 ? -value : value;
}

/*
 * Words
 */

static unsigned int words_width(const char *text, unsigned int scale)
{
	return (strlen(text) * FONT_ADVANCE - 1) * scale;
}

static void put_words(struct picture *pic, const char *text,
		      unsigned int top, unsigned int scale)
{
	unsigned int wide = words_width(text, scale);
	unsigned int left = (pic->columns - wide) / 2;

	if (wide > pic->columns)
		return;
	for (unsigned int y = 0; y < FONT_HEIGHT * scale; y++) {
		if (top + y >= pic->rows)
			return;
		for (unsigned int x = 0; x < wide; x++) {
			unsigned int dot = x / scale;
			unsigned int bits = font_row(text[dot / FONT_ADVANCE],
						     y / scale);

			if (dot % FONT_ADVANCE < FONT_WIDTH &&
			    bits >> (FONT_WIDTH - 1 - dot % FONT_ADVANCE) & 1)
				pic->mask[(top + y) * pic->columns + left + x] = 1;
		}
	}
}

/* The title at three quarters of the width, the label as large as it fits. */
static void put_all_words(struct picture *pic, const char *label,
			  unsigned int top)
{
	unsigned int scale = pic->columns * 3 / 4 / words_width(TITLE, 1);
	unsigned int below;

	if (!scale)
		return;
	put_words(pic, TITLE, top, scale);
	below = top + (FONT_HEIGHT + 2) * scale;
	if (!*label)
		return;
	scale = (scale + 1) / 2;
	while (scale > 1 && words_width(label, scale) > pic->columns * 9 / 10)
		scale--;
	put_words(pic, label, below, scale);
}

static bool in_words(const struct picture *pic, unsigned int x, unsigned int y)
{
	return x < pic->columns && y < pic->rows &&
	       pic->mask[y * pic->columns + x];
}

/*
 * loom: warp threads run down, weft threads across, each crossing is one
 * cell. In plain weave they take turns on top; in the words the weft stays on
 * top and is of gold, as in brocade.
 */

#define SELVEDGE	3	/* cells of twill along both sides */

static void loom_row(const struct picture *pic, unsigned int y, uint32_t *row)
{
	static const uint32_t bands[] = {
		0x6a2c70, 0xb83b5e, 0xf08a5d, 0xb83b5e, 0x3a506b, 0x1c7c7d,
	};
	const unsigned int unit = pic->unit, cy = y / unit, ty = y % unit;
	const unsigned int nbands = sizeof(bands) / sizeof(bands[0]);
	const unsigned int band = cy * nbands * 2 / pic->rows;
	const uint32_t warp = 0x22223b, gold = 0xffd166, side = 0xe8e4d8;
	/* how round a thread looks, and where it dips under the next one */
	unsigned int round_y = 256 - 110 * abs(2 * (int)ty + 1 - (int)unit) / unit;

	for (unsigned int x = 0; x < pic->width; x++) {
		const unsigned int cx = x / unit, tx = x % unit;
		unsigned int round_x = 256 - 110 * abs(2 * (int)tx + 1 - (int)unit) / unit;
		bool words = in_words(pic, cx, cy), weft_up = (cx + cy) & 1;
		uint32_t weft = bands[band % nbands];

		if (cx < SELVEDGE || cx + SELVEDGE >= pic->columns) {
			weft_up = (cx + cy) & 2;
			weft = side;
		}
		if (words)
			row[x] = shade(gold, round_y);
		else if (weft_up)
			row[x] = shade(weft, round_y * (round_x + 256) / 512);
		else
			row[x] = shade(warp, round_x * (round_y + 256) / 512);
	}
}

/*
 * waves: a sky, a low sun, and waves in front of waves.
 */

#define LAYERS	6

static const struct layer {
	uint32_t colour;
	unsigned int length;	/* waves across the picture, in quarters */
	unsigned int phase;	/* of 256 */
} layers[LAYERS] = {		/* far to near */
	{ 0x3f88a5, 13, 40 },
	{ 0x2f7796, 10, 170 },
	{ 0x246a8a, 8, 90 },
	{ 0x1a587a, 7, 220 },
	{ 0x124567, 5, 10 },
	{ 0x0b2f4e, 4, 130 },
};

static void waves_prepare(struct picture *pic)
{
	int *crest = pic->crests;

	for (unsigned int i = 0; i < LAYERS; i++) {
		int rest = pic->height * (55 + 7 * i) / 100;
		int swell = pic->height * (6 + 2 * i) / 400;

		for (unsigned int x = 0; x < pic->width; x++) {
			unsigned int turn = x * 64 * layers[i].length / pic->width +
					    layers[i].phase;
			int height = sine(turn) * 3 + sine(turn * 2 + i * 31);

			*crest++ = rest - height * swell / 4096;
		}
	}
}

static void waves_row(const struct picture *pic, unsigned int y, uint32_t *row)
{
	const int sun_x = pic->width * 3 / 4, sun_y = pic->height * 11 / 20;
	const int sun = pic->height / 5, foam = pic->height / 256 + 1;
	const int dy = (int)y - sun_y;
	const unsigned int high = pic->height * 3 / 5;
	const uint32_t sky = y < high ? blend(0x2b1b4d, 0xffb26b, y, high)
				      : 0xffb26b;
	const uint32_t ink = 0xfff4e0, shadow = shade(sky, 150);

	for (unsigned int x = 0; x < pic->width; x++) {
		const int dx = (int)x - sun_x, distance = dx * dx + dy * dy;
		const unsigned int cx = x / pic->unit, cy = y / pic->unit;
		uint32_t colour = sky;
		int layer;

		for (layer = LAYERS - 1; layer >= 0; layer--) {
			int below = (int)y - pic->crests[layer * pic->width + x];

			if (below < 0)
				continue;
			colour = layers[layer].colour;
			if (below < foam)
				colour = blend(colour, 0xffffff, 2, 3);
			break;
		}
		if (layer < 0) {
			if (distance < sun * sun)
				colour = 0xffe9a8;
			else if (distance < sun * sun * 3 / 2)
				colour = blend(colour, 0xffe9a8, 1, 3);
		}
		if (in_words(pic, cx, cy))
			colour = ink;
		else if (cx && cy && in_words(pic, cx - 1, cy - 1))
			colour = layer < 0 ? shadow : shade(colour, 150);
		row[x] = colour;
	}
}

static const struct kind kinds[] = {
	{ "loom", NULL, loom_row },
	{ "waves", waves_prepare, waves_row },
};

const char *picture_name(unsigned int n)
{
	return n < sizeof(kinds) / sizeof(kinds[0]) ? kinds[n].name : NULL;
}

struct picture *picture_open(const char *name, const char *label,
			     unsigned int width, unsigned int height)
{
	const struct kind *kind = NULL;
	struct picture *pic;

	for (unsigned int i = 0; picture_name(i); i++)
		if (!strcmp(picture_name(i), name))
			kind = &kinds[i];
	if (!kind || !width || width > PICTURE_MAX_WIDTH ||
	    !height || height > PICTURE_MAX_HEIGHT || strlen(label) > MAX_LABEL)
		return NULL;

	pic = calloc(1, sizeof(*pic));
	if (!pic)
		return NULL;
	pic->kind = kind;
	pic->width = width;
	pic->height = height;
	pic->unit = width / 128 ? width / 128 : 1;
	pic->columns = (width + pic->unit - 1) / pic->unit;
	pic->rows = (height + pic->unit - 1) / pic->unit;
	pic->mask = calloc(pic->columns, pic->rows);
	pic->crests = calloc((size_t)width * LAYERS, sizeof(*pic->crests));
	if (!pic->mask || !pic->crests) {
		picture_close(pic);
		return NULL;
	}
	put_all_words(pic, label, pic->rows / 8);
	if (kind->prepare)
		kind->prepare(pic);
	return pic;
}

void picture_row(const struct picture *pic, unsigned int y, uint32_t *row)
{
	pic->kind->row(pic, y, row);
}

void picture_close(struct picture *pic)
{
	if (!pic)
		return;
	free(pic->crests);
	free(pic->mask);
	free(pic);
}
