/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_UIO_H
#define WEFT_UNIT_LINUX_UIO_H

#include <sys/uio.h>
#include <linux/types.h>

#endif
