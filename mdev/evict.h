/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evict - ends the processes that keep an instance from going
 */
#ifndef WEFT_MDEV_EVICT_H
#define WEFT_MDEV_EVICT_H

struct weft_instance;

unsigned int weft_evict_holders(struct weft_instance *inst);

#endif
