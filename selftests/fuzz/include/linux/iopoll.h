/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_FUZZ_LINUX_IOPOLL_H
#define WEFT_FUZZ_LINUX_IOPOLL_H

#include <linux/errno.h>

/* Time is told in tries, of which there are so few that inputs have bytes for all. */
#define WEFT_FUZZ_TRIES	4
#define read_poll_timeout(op, val, cond, sleep_us, timeout_us, before, args...) ({	\
	int tries_ = (timeout_us) >= (sleep_us) ? WEFT_FUZZ_TRIES : 1;		\
										\
	do {									\
		(val) = op(args);						\
	} while (!(cond) && --tries_);						\
	(cond) ? 0 : -ETIMEDOUT;						\
})

#endif
