/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * adapter - a PCI function that is a parent of instances
 */
#ifndef WEFT_MDEV_ADAPTER_H
#define WEFT_MDEV_ADAPTER_H

#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "parent.h"
#include "refuse.h"
#include "types.h"
#include "vram.h"

struct module;
struct pci_dev;

/**
 * struct weft_mdev_type - a type as the mdev core knows it
 * @mdev: the core's part
 * @type: ours
 */
struct weft_mdev_type {
	struct mdev_type mdev;
	struct weft_type type;
};

/**
 * struct weft_adapter - a PCI function that is a parent of instances
 * @pdev: the function
 * @owner: module that made the function, held while an instance is open; NULL
 *	for hardware
 * @bar: BAR that is the VRAM, -1 when it is pages of our own
 * @vram: the VRAM
 * @mdev_parent: the mdev core's part
 * @types: what instances may be made
 * @type_ptrs: the same, as the mdev core wants them
 * @nr_types: entries in @types
 * @reason: the latest refusal
 * @lock: guards all below
 * @slices: who owns which slice
 * @instances: struct weft_instance, by @node
 * @enabled: the administrator's switch
 * @removing: the function is being unbound or is gone
 * @evict: ends the processes that keep a function from going
 */
struct weft_adapter {
	struct pci_dev *pdev;
	struct module *owner;
	int bar;
	struct weft_vram vram;
	struct mdev_parent mdev_parent;
	struct weft_mdev_type types[WEFT_TYPES_MAX];
	struct mdev_type *type_ptrs[WEFT_TYPES_MAX];
	unsigned int nr_types;
	struct weft_reason reason;

	struct mutex lock;	/* all below */
	struct weft_parent slices;
	struct list_head instances;
	bool enabled;
	bool removing;
	struct delayed_work evict;
};

static inline struct weft_mdev_type *to_weft_mdev_type(struct mdev_type *mdev)
{
	return container_of(mdev, struct weft_mdev_type, mdev);
}

static inline struct weft_adapter *weft_type_adapter(struct mdev_type *mdev)
{
	return container_of(mdev->parent, struct weft_adapter, mdev_parent);
}

bool weft_adapter_ready(struct weft_adapter *adapter, char *why, size_t size);

#endif
