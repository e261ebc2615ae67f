// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse - every refusal says why, in the log and in a last_error attribute
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/ratelimit.h>
#include <linux/sysfs.h>

#include "refuse.h"

/**
 * weft_reason_init - nothing was refused yet
 * @reason: filled in
 * @limited: whoever provokes these refusals may do so at will, so limit the
 *	lines in the log; an administrator gets each of theirs
 */
void weft_reason_init(struct weft_reason *reason, bool limited)
{
	spin_lock_init(&reason->lock);
	reason->text[0] = '\0';
	ratelimit_state_init(&reason->limit,
			     limited ? DEFAULT_RATELIMIT_INTERVAL : 0,
			     DEFAULT_RATELIMIT_BURST);
}

/**
 * weft_reason_clear - forget the latest refusal
 * @reason: the latest refusal
 */
void weft_reason_clear(struct weft_reason *reason)
{
	scoped_guard(spinlock, &reason->lock)
		reason->text[0] = '\0';
}

/**
 * weft_reason_show - the text of a last_error attribute
 * @reason: the latest refusal
 * @buf: a page, as in a show method
 *
 * Return: bytes written.
 */
ssize_t weft_reason_show(struct weft_reason *reason, char *buf)
{
	char text[sizeof(reason->text)];

	scoped_guard(spinlock, &reason->lock)
		strscpy(text, reason->text, sizeof(text));
	return sysfs_emit(buf, "%s\n", text);
}

/**
 * weft_refuse - log a refusal and remember it
 * @dev: whose line it is in the log
 * @reason: where it is remembered
 * @err: the errno to refuse with, negative
 * @fmt: why, and what to do about it; no newline
 *
 * What is remembered is never limited, so last_error is always the latest.
 *
 * Context: any but with @reason's lock held or interrupts off.
 * Return: @err.
 */
int weft_refuse(struct device *dev, struct weft_reason *reason, int err,
		const char *fmt, ...)
{
	char text[sizeof(reason->text)];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	scoped_guard(spinlock, &reason->lock)
		scnprintf(reason->text, sizeof(reason->text), "%s (%pe)", text,
			  ERR_PTR(err));
	if (__ratelimit(&reason->limit))
		dev_notice(dev, "%s (%pe)\n", text, ERR_PTR(err));
	return err;
}
