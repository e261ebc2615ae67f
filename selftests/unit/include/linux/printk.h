/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_PRINTK_H
#define WEFT_UNIT_LINUX_PRINTK_H

#include <stdio.h>

#define weft_unit_log(...)	fprintf(stderr, __VA_ARGS__)
#define pr_err(...)		weft_unit_log(__VA_ARGS__)
#define pr_warn(...)		weft_unit_log(__VA_ARGS__)
#define pr_notice(...)		weft_unit_log(__VA_ARGS__)
#define pr_info(...)		weft_unit_log(__VA_ARGS__)
#define pr_debug(...)		do { if (0) weft_unit_log(__VA_ARGS__); } while (0)

#endif
