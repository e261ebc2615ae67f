/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_ERRNO_H
#define WEFT_UNIT_LINUX_ERRNO_H

#include_next <linux/errno.h>

#endif
