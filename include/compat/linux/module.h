/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WEFT_COMPAT_LINUX_MODULE_H
#define WEFT_COMPAT_LINUX_MODULE_H

#include_next <linux/module.h>

/* v6.13: MODULE_IMPORT_NS() takes a string, before it a bare token */
#ifdef WEFT_HAVE_IMPORT_NS_STRING
#define WEFT_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#else
#define WEFT_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#endif

#endif
