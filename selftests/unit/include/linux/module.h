/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_MODULE_H
#define WEFT_UNIT_LINUX_MODULE_H

#include <linux/export.h>
#include <linux/moduleparam.h>

#define MODULE_LICENSE(x)	struct weft_unit_module
#define MODULE_DESCRIPTION(x)	struct weft_unit_module
#define MODULE_AUTHOR(x)	struct weft_unit_module
#define MODULE_IMPORT_NS(x)	struct weft_unit_module
#define THIS_MODULE		NULL

#endif
