/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_SWAB_H
#define WEFT_UNIT_LINUX_SWAB_H

#include_next <linux/swab.h>
#include <asm/byteorder.h>

#endif
