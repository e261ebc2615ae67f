/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_FUZZ_LINUX_VDPA_H
#define WEFT_FUZZ_LINUX_VDPA_H

#include <linux/pci.h>

/* Of the bus, what a device is made with; nothing of it is used. */
struct vdpa_callback {
	int nothing;
};

struct vdpa_device {
	struct device dev;
};

struct vdpa_mgmt_dev {
	int nothing;
};

struct virtio_device_id {
	u32 device;
};

#endif
