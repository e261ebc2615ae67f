/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysfs - attributes of adapters and instances, see Documentation/ABI/testing/
 */
#ifndef WEFT_MDEV_SYSFS_H
#define WEFT_MDEV_SYSFS_H

struct weft_adapter;
struct weft_instance;

int weft_sysfs_add_adapter(struct weft_adapter *adapter);
void weft_sysfs_remove_adapter(struct weft_adapter *adapter);
int weft_sysfs_add_instance(struct weft_instance *inst);
void weft_sysfs_remove_instance(struct weft_instance *inst);
void weft_sysfs_watch_creates(struct weft_adapter *adapter);

#endif
