/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel says meanwhile. */
#ifndef WEFT_KERNEL_LOG_H
#define WEFT_KERNEL_LOG_H

/* From now on */
void kernel_log_begin(void);
/* Nothing worse than a notice was said since, or the test ends. */
void kernel_log_quiet(void);

double monotonic_now(void);

#endif
