/* SPDX-License-Identifier: GPL-2.0 */
/* The display adapter of the guest, as sysfs shows it. */
#ifndef WEFT_GUEST_ADAPTER_H
#define WEFT_GUEST_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct adapter {
	char address[16];	/* 0000:00:04.0 */
	unsigned int vendor;
	unsigned int device;
	size_t vram;		/* bytes of BAR 0 */
	char driver[32];	/* "" when none is bound */
	char card[32];		/* /dev/dri/card0, "" without a driver */
	char connector[64];	/* directory in sysfs, "" without a driver */
};

/* The first display class function; false when there is none. */
bool adapter_find(struct adapter *adapter);
/* Looks for functions that came after boot. */
void adapter_rescan(void);
/* Takes the driver away and maps BAR 0; NULL where that fails. */
uint32_t *adapter_map_vram(struct adapter *adapter);
/* Size of the monitor's EDID as the driver read it, and its first bytes. */
size_t adapter_edid(const struct adapter *adapter, unsigned char *bytes,
		    size_t room);

#endif
