/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_EXPORT_H
#define WEFT_UNIT_LINUX_EXPORT_H

#define EXPORT_SYMBOL_GPL(sym)		struct weft_unit_export_##sym
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	struct weft_unit_export_##sym

#endif
