/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * instance - one vGPU: its life from create to remove
 */
#ifndef WEFT_MDEV_INSTANCE_H
#define WEFT_MDEV_INSTANCE_H

#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vfio.h>

#include "config.h"
#include "dispi.h"
#include "irq.h"
#include "monitor.h"
#include "refuse.h"

struct address_space;
struct pid;
struct weft_adapter;
struct weft_mdev_type;

/* Regions: VFIO's PCI ones, then ours. */
enum {
	WEFT_REGION_EDID = VFIO_PCI_NUM_REGIONS,
	WEFT_REGION_SCANOUT,
	WEFT_NUM_REGIONS,
};

#define WEFT_REGION_SHIFT	40
#define WEFT_REGION_MASK	((1ULL << WEFT_REGION_SHIFT) - 1)

#define WEFT_MMIO_SIZE		SZ_4K

enum weft_display {
	WEFT_DISPLAY_REGION,
	WEFT_DISPLAY_DMABUF,
};

/**
 * struct weft_instance - one vGPU
 * @vdev: VFIO's part; first, since the VFIO core frees by it
 * @mdev: the mdev core's part
 * @adapter: whose slice it has
 * @type: its type
 * @node: in @adapter's instances, under @adapter's lock
 * @vram_offset: where its slice begins in the VRAM
 * @vram_bytes: size of the slice
 * @created: wall clock, seconds
 * @reason: the latest refusal
 * @open: a VMM has it; under @adapter's lock
 * @opener: the process that opened it, while @open; under @adapter's lock
 * @comm: its command
 * @file_base: added to every offset on the VFIO file, see vfio.c
 * @lock: guards config space, registers, monitor, display and interrupts'
 *	set-up
 * @config: PCI config space
 * @dispi: registers in BAR 2
 * @monitor: EDID
 * @msix: the MSI-X table in BAR 2, which no one but the VMM acts on
 * @regs_dirty: something wrote to config space or BAR 2 since the last reset
 * @monitor_dirty: the VMM wrote to the EDID region since it opened
 * @display: how QUERY_GFX_PLANE describes the screen
 * @irq: interrupts
 * @vram_lock: read by every access to the slice, written by scrubs
 * @revoked: the slice is no longer there; under @vram_lock
 * @mapping: what VMAs of the VFIO file hang in, once there was one
 * @scan_base: first byte of the scanout region in the slice; under @vram_lock
 * @exports: DMA-BUFs of the screen, see plane.c
 * @dmabuf_id: names the scanout that QUERY_GFX_PLANE described last
 * @dmabuf_scanout: that scanout; zeroed when there was none
 */
struct weft_instance {
	struct vfio_device vdev;
	struct mdev_device *mdev;
	struct weft_adapter *adapter;
	struct weft_mdev_type *type;
	struct list_head node;
	u64 vram_offset;
	u64 vram_bytes;
	time64_t created;
	struct weft_reason reason;

	bool open;
	struct pid *opener;
	char comm[TASK_COMM_LEN];

	loff_t file_base;
	struct mutex lock;	/* config to irq's set-up */
	struct weft_config config;
	struct weft_dispi dispi;
	struct weft_monitor monitor;
	u8 msix[16];
	bool regs_dirty;
	bool monitor_dirty;
	enum weft_display display;
	u32 dmabuf_id;
	struct weft_scanout dmabuf_scanout;
	struct weft_irq irq;

	struct rw_semaphore vram_lock;
	bool revoked;
	struct address_space *mapping;
	u64 scan_base;
	struct list_head exports;
};

static inline struct weft_instance *to_weft_instance(struct vfio_device *vdev)
{
	return container_of(vdev, struct weft_instance, vdev);
}

extern struct mdev_driver weft_mdev_driver;

extern const struct vfio_device_ops weft_vfio_ops;

bool weft_vfio_owns_vma(const struct weft_instance *inst,
			const struct vm_area_struct *vma);

int weft_instance_open(struct weft_instance *inst);
void weft_instance_close(struct weft_instance *inst);
int weft_instance_reset(struct weft_instance *inst);
void weft_instance_revoke(struct weft_instance *inst);

#endif
