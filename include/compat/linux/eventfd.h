/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WEFT_COMPAT_LINUX_EVENTFD_H
#define WEFT_COMPAT_LINUX_EVENTFD_H

#include_next <linux/eventfd.h>

/* v6.8: eventfd_signal() always adds one and returns nothing */
#ifndef WEFT_HAVE_EVENTFD_SIGNAL_1ARG
#define eventfd_signal(ctx) ((void)eventfd_signal(ctx, 1))
#endif

#endif
