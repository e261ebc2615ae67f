// SPDX-License-Identifier: GPL-2.0
/*
 * What a screen shows against what a guest was told to paint.
 *
 *   check-picture check SHOT.ppm NAME LABEL	exit 1 at the first wrong pixel
 *   check-picture draw NAME LABEL WIDTHxHEIGHT	writes the expected PPM
 *   check-picture show COLUMNS SHOT.ppm...	in colour, two pixels a character
 *
 * PPM is what QEMU's screendump writes: binary, 8 bits a channel.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

struct image {
	unsigned int width;
	unsigned int height;
	unsigned char *pixels;	/* three bytes each */
};

/* The next number of a PPM header; comments may stand before it. */
static bool read_number(FILE *file, unsigned int *value)
{
	int c = fgetc(file);

	while (isspace(c) || c == '#') {
		if (c == '#')
			while (c != '\n' && c != EOF)
				c = fgetc(file);
		c = fgetc(file);
	}
	for (*value = 0; isdigit(c); c = fgetc(file)) {
		*value = *value * 10 + c - '0';
		if (*value > PICTURE_MAX_WIDTH)
			return false;
	}
	return isspace(c);
}

static bool read_ppm(const char *path, struct image *image)
{
	FILE *file = fopen(path, "rb");
	const char *why = "not a binary PPM of 8 bits a channel";
	unsigned int depth;
	size_t size;

	if (!file) {
		perror(path);
		return false;
	}
	if (fgetc(file) != 'P' || fgetc(file) != '6' ||
	    !read_number(file, &image->width) ||
	    !read_number(file, &image->height) ||
	    !read_number(file, &depth) || depth != 255)
		goto bad;
	size = (size_t)image->width * image->height * 3;
	image->pixels = malloc(size + 1);
	why = "not as long as its header says";
	if (!image->pixels || fread(image->pixels, 1, size + 1, file) != size)
		goto bad;
	fclose(file);
	return true;
bad:
	fprintf(stderr, "%s: %s\n", path, why);
	fclose(file);
	return false;
}

static uint32_t pixel(const struct image *image, unsigned int x, unsigned int y)
{
	const unsigned char *p = image->pixels + 3 * ((size_t)y * image->width + x);

	return p[0] << 16 | p[1] << 8 | p[2];
}

static int check(const char *path, const char *name, const char *label)
{
	static uint32_t row[PICTURE_MAX_WIDTH];
	unsigned long wrong = 0, total;
	struct image shot = { 0 };
	struct picture *pic;

	if (!read_ppm(path, &shot))
		return 2;
	pic = picture_open(name, label, shot.width, shot.height);
	if (!pic) {
		fprintf(stderr, "no picture '%s' of %ux%u\n", name, shot.width,
			shot.height);
		return 2;
	}
	for (unsigned int y = 0; y < shot.height; y++) {
		picture_row(pic, y, row);
		for (unsigned int x = 0; x < shot.width; x++) {
			if (row[x] == pixel(&shot, x, y))
				continue;
			if (!wrong++)
				printf("%s: pixel %u,%u is %06x, should be %06x\n",
				       path, x, y, pixel(&shot, x, y), row[x]);
		}
	}
	picture_close(pic);
	free(shot.pixels);
	total = (unsigned long)shot.width * shot.height;
	if (wrong) {
		printf("%s: %lu of %lu pixels wrong\n", path, wrong, total);
		return 1;
	}
	printf("%s: %ux%u, all %lu pixels as '%s' should be\n", path,
	       shot.width, shot.height, total, name);
	return 0;
}

static int draw(const char *name, const char *label, const char *size)
{
	static uint32_t row[PICTURE_MAX_WIDTH];
	unsigned int width, height;
	struct picture *pic = NULL;

	if (sscanf(size, "%ux%u", &width, &height) == 2)
		pic = picture_open(name, label, width, height);
	if (!pic) {
		fprintf(stderr, "no picture '%s' of %s\n", name, size);
		return 2;
	}
	printf("P6\n%u %u\n255\n", width, height);
	for (unsigned int y = 0; y < height; y++) {
		picture_row(pic, y, row);
		for (unsigned int x = 0; x < width; x++) {
			putchar(row[x] >> 16);
			putchar(row[x] >> 8);
			putchar(row[x]);
		}
	}
	picture_close(pic);
	return 0;
}

/* The mean colour of the part of the image one half of a character shows. */
static uint32_t mean(const struct image *image, unsigned int column,
		     unsigned int columns, unsigned int line, unsigned int lines)
{
	const unsigned int right = image->width * (column + 1) / columns;
	const unsigned int bottom = image->height * (line + 1) / lines;
	unsigned long r = 0, g = 0, b = 0, n = 0;

	for (unsigned int y = image->height * line / lines; y < bottom; y++) {
		for (unsigned int x = image->width * column / columns; x < right; x++) {
			uint32_t p = pixel(image, x, y);

			r += p >> 16;
			g += p >> 8 & 0xff;
			b += p & 0xff;
			n++;
		}
	}
	return n ? (r / n) << 16 | (g / n) << 8 | b / n : 0;
}

static void show_line(const struct image *shot, unsigned int columns,
		      unsigned int line, unsigned int lines)
{
	for (unsigned int column = 0; column < columns; column++) {
		uint32_t up = mean(shot, column, columns, line, lines);
		uint32_t low = mean(shot, column, columns, line + 1, lines);

		printf("\033[38;2;%u;%u;%u;48;2;%u;%u;%um\u2580",
		       up >> 16, up >> 8 & 0xff, up & 0xff,
		       low >> 16, low >> 8 & 0xff, low & 0xff);
	}
	printf("\033[0m");
}

/* One beside the other, as high as the first. */
static int show(unsigned int columns, char **paths, unsigned int count)
{
	struct image shots[4] = { 0 };
	unsigned int lines;

	if (count > sizeof(shots) / sizeof(shots[0]))
		count = sizeof(shots) / sizeof(shots[0]);
	for (unsigned int i = 0; i < count; i++) {
		if (!read_ppm(paths[i], &shots[i]))
			return 2;
		if (columns > shots[i].width)
			columns = shots[i].width;
	}
	lines = columns * shots[0].height / shots[0].width & ~1u;
	for (unsigned int line = 0; line < lines; line += 2) {
		for (unsigned int i = 0; i < count; i++) {
			if (i)
				printf("  ");
			show_line(&shots[i], columns, line, lines);
		}
		printf("\n");
	}
	for (unsigned int i = 0; i < count; i++)
		free(shots[i].pixels);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "check") && argc == 5)
		return check(argv[2], argv[3], argv[4]);
	if (!strcmp(verb, "draw") && argc == 5)
		return draw(argv[2], argv[3], argv[4]);
	if (!strcmp(verb, "show") && argc > 3 && atoi(argv[2]) > 1)
		return show(atoi(argv[2]), argv + 3, argc - 3);
	fprintf(stderr, "usage: check-picture check SHOT.ppm NAME LABEL\n"
			"       check-picture draw NAME LABEL WIDTHxHEIGHT\n"
			"       check-picture show COLUMNS SHOT.ppm...\n");
	return 2;
}
