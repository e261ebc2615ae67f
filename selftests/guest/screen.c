// SPDX-License-Identifier: GPL-2.0
#include "screen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm_mode.h>
#include <drm.h>

#define POINTER(p)	((uint64_t)(uintptr_t)(p))

const char *screen_open(struct screen *screen, const char *node)
{
	struct drm_mode_card_res card = { 0 };
	struct drm_mode_get_connector connector = { 0 };
	uint32_t crtcs[8], connectors[8];

	memset(screen, 0, sizeof(*screen));
	screen->fd = open(node, O_RDWR | O_CLOEXEC);
	if (screen->fd < 0)
		return "cannot open the card";

	card.crtc_id_ptr = POINTER(crtcs);
	card.count_crtcs = 8;
	card.connector_id_ptr = POINTER(connectors);
	card.count_connectors = 8;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_GETRESOURCES, &card) ||
	    !card.count_crtcs || !card.count_connectors)
		return "the card has no CRTC or no connector";
	screen->crtc = crtcs[0];
	screen->connector = connectors[0];

	/* With no room for modes the kernel probes the connector anew. */
	connector.connector_id = screen->connector;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector) ||
	    !connector.count_modes)
		return "the connector has no modes";
	screen->nmodes = connector.count_modes;
	screen->modes = calloc(screen->nmodes, sizeof(*screen->modes));
	if (!screen->modes)
		return "no memory";
	memset(&connector, 0, sizeof(connector));
	connector.connector_id = screen->connector;
	connector.modes_ptr = POINTER(screen->modes);
	connector.count_modes = screen->nmodes;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector))
		return "cannot read the connector's modes";
	if (connector.count_modes < screen->nmodes)
		screen->nmodes = connector.count_modes;
	return NULL;
}

struct screen_mode screen_mode(const struct screen *screen, unsigned int n)
{
	const struct drm_mode_modeinfo *mode = &screen->modes[n];

	return (struct screen_mode) {
		.width = mode->hdisplay,
		.height = mode->vdisplay,
		.preferred = !!(mode->type & DRM_MODE_TYPE_PREFERRED),
	};
}

static const struct drm_mode_modeinfo *
screen_find_mode(const struct screen *screen, unsigned int width,
		 unsigned int height)
{
	for (unsigned int i = 0; i < screen->nmodes; i++) {
		const struct drm_mode_modeinfo *mode = &screen->modes[i];

		if (width ? mode->hdisplay == width && mode->vdisplay == height :
			    mode->type & DRM_MODE_TYPE_PREFERRED)
			return mode;
	}
	return width ? NULL : screen->modes;
}

const char *screen_show(struct screen *screen, unsigned int width,
			unsigned int height)
{
	const struct drm_mode_modeinfo *mode;
	struct drm_mode_create_dumb dumb = { .bpp = 32 };
	struct drm_mode_map_dumb map = { 0 };
	struct drm_mode_fb_cmd fb = { .bpp = 32, .depth = 24 };
	struct drm_mode_crtc crtc = { 0 };

	mode = screen_find_mode(screen, width, height);
	if (!mode)
		return "no such mode";
	dumb.width = mode->hdisplay;
	dumb.height = mode->vdisplay;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return "cannot create a buffer";
	screen->buffer = dumb.handle;

	fb.width = dumb.width;
	fb.height = dumb.height;
	fb.pitch = dumb.pitch;
	fb.handle = dumb.handle;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_ADDFB, &fb))
		return "cannot make the buffer a framebuffer";
	screen->framebuffer = fb.fb_id;

	crtc.crtc_id = screen->crtc;
	crtc.fb_id = fb.fb_id;
	crtc.set_connectors_ptr = POINTER(&screen->connector);
	crtc.count_connectors = 1;
	crtc.mode = *mode;
	crtc.mode_valid = 1;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_SETCRTC, &crtc))
		return "cannot set the mode";

	map.handle = dumb.handle;
	if (ioctl(screen->fd, DRM_IOCTL_MODE_MAP_DUMB, &map))
		return "cannot prepare to map the buffer";
	screen->width = dumb.width;
	screen->height = dumb.height;
	screen->stride = dumb.pitch;
	screen->size = dumb.size;
	screen->pixels = mmap(NULL, dumb.size, PROT_READ | PROT_WRITE,
			      MAP_SHARED, screen->fd, map.offset);
	if (screen->pixels == MAP_FAILED) {
		screen->pixels = NULL;
		return "cannot map the buffer";
	}
	return NULL;
}

void screen_flush(struct screen *screen)
{
	struct drm_mode_fb_dirty_cmd dirty = { .fb_id = screen->framebuffer };

	/* Drivers that scan out of the buffer itself have no need of this. */
	ioctl(screen->fd, DRM_IOCTL_MODE_DIRTYFB, &dirty);
}

void screen_close(struct screen *screen)
{
	if (screen->pixels)
		munmap(screen->pixels, screen->size);
	free(screen->modes);
	if (screen->fd >= 0)
		close(screen->fd);	/* takes buffer and framebuffer along */
	memset(screen, 0, sizeof(*screen));
	screen->fd = -1;
}
