/* SPDX-License-Identifier: GPL-2.0 */
/* A screen through kernel mode setting: one connector, one dumb buffer. */
#ifndef WEFT_GUEST_SCREEN_H
#define WEFT_GUEST_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#define SCREEN_MAX_MODES 64

struct screen_mode {
	unsigned int width;
	unsigned int height;
	int preferred;
};

struct screen {
	int fd;
	uint32_t connector;
	uint32_t crtc;
	unsigned int nmodes;
	struct drm_mode_modeinfo *modes;

	/* since screen_show() */
	uint32_t buffer;
	uint32_t framebuffer;
	unsigned int width;
	unsigned int height;
	unsigned int stride;
	size_t size;
	unsigned char *pixels;
};

/* These return NULL, or what went wrong. */
const char *screen_open(struct screen *screen, const char *node);
/* A mode of that size, or the preferred one for 0 by 0. */
const char *screen_show(struct screen *screen, unsigned int width,
			unsigned int height);

struct screen_mode screen_mode(const struct screen *screen, unsigned int n);
void screen_flush(struct screen *screen);
void screen_close(struct screen *screen);

#endif
