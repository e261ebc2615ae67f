/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse - every refusal says why, in the log and in a last_error attribute
 */
#ifndef WEFT_MDEV_REFUSE_H
#define WEFT_MDEV_REFUSE_H

#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct device;

/**
 * struct weft_reason - the latest refusal
 * @lock: guards @text
 * @text: one line without its newline, empty before the first refusal
 * @limit: how often a line goes to the log
 */
struct weft_reason {
	spinlock_t lock;	/* text */
	struct ratelimit_state limit;
	char text[256];
};

void weft_reason_init(struct weft_reason *reason, bool limited);
void weft_reason_clear(struct weft_reason *reason);
ssize_t weft_reason_show(struct weft_reason *reason, char *buf);
__printf(4, 5)
int weft_refuse(struct device *dev, struct weft_reason *reason, int err,
		const char *fmt, ...);

#endif
