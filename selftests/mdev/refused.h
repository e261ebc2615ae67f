/* SPDX-License-Identifier: GPL-2.0 */
/*
 * EXPECT_REFUSED(errno, call, reason, part): the call fails with that errno,
 * the attribute then tells a reason with that part and the errno's name in it,
 * and the kernel's log has got that very text in one line.
 *
 * Lines are rate-limited, so that a call whose line is missing is made again
 * until one may come.
 */
#ifndef WEFT_REFUSED_H
#define WEFT_REFUSED_H

#include <poll.h>

#include "vfio_lib.h"

#define EXPECT_REFUSED(_errno, _call, _reason, _part)			\
	do {								\
		double _end = now() + 12;				\
		int _before = ksft_failures;				\
		const char *_why;					\
		int _log, _lines;					\
									\
		for (;;) {						\
			_log = kmsg_open();				\
			EXPECT_ERRNO(_errno, _call);			\
			_why = _reason;					\
			_lines = kmsg_count(_log, _why[0] ? _why : "nothing to look for"); \
			close(_log);					\
			if (_lines || now() > _end || ksft_failures > _before) \
				break;					\
			poll(NULL, 0, 250);				\
		}							\
		if (!strstr(_why, _part) || !strstr(_why, "(-" #_errno ")") || \
		    _lines != 1)					\
			ksft_note("the reason: \"%s\", %d lines of it in the log", _why, _lines); \
		EXPECT_TRUE(strstr(_why, _part));			\
		EXPECT_TRUE(strstr(_why, "(-" #_errno ")"));		\
		EXPECT_EQ(_lines, 1);					\
	} while (0)

#endif
