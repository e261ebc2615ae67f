/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysfs - attributes of adapters and instances, see Documentation/ABI/testing/
 */
#ifndef WEFT_MDEV_SYSFS_H
#define WEFT_MDEV_SYSFS_H

struct attribute_group;
struct weft_adapter;

extern const struct attribute_group *weft_adapter_groups[];
extern const struct attribute_group *weft_instance_groups[];

void weft_sysfs_watch_creates(struct weft_adapter *adapter);

#endif
