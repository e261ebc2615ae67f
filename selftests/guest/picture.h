/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pictures a guest paints and a host expects: each pixel is computed
 * from the picture's name, its label and its size, in integers only, so that
 * both ends agree to the last bit.
 */
#ifndef WEFT_GUEST_PICTURE_H
#define WEFT_GUEST_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#define PICTURE_MAX_WIDTH	4096
#define PICTURE_MAX_HEIGHT	4096

struct picture;

/* NULL when there is no such picture, or not at that size. */
struct picture *picture_open(const char *name, const char *label,
			     unsigned int width, unsigned int height);

/* One row of pixels, 0x00RRGGBB each. */
void picture_row(const struct picture *pic, unsigned int y, uint32_t *row);

void picture_close(struct picture *pic);

/* The name of the n-th picture, NULL past the last. */
const char *picture_name(unsigned int n);

#endif
