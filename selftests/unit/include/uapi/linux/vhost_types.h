/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_UAPI_LINUX_VHOST_TYPES_H
#define WEFT_UNIT_UAPI_LINUX_VHOST_TYPES_H

/* A program has the kernel's own by its plain name. */
#include <linux/vhost_types.h>

#endif
