/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_ASM_UNALIGNED_H
#define WEFT_UNIT_ASM_UNALIGNED_H

#include <linux/unaligned.h>

#endif
