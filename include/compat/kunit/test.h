/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WEFT_COMPAT_KUNIT_TEST_H
#define WEFT_COMPAT_KUNIT_TEST_H

#include_next <kunit/test.h>

/* v6.3: memory is compared by an expectation of its own */
#ifndef KUNIT_EXPECT_MEMEQ
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_EQ(test, memcmp(left, right, size), 0)
#endif

#endif
