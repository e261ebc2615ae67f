/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For libraries of tests: what has to work, and ends the test when it does
 * not. Counts of failures (EXPECT) are each program's own.
 */
#ifndef WEFT_MUST_H
#define WEFT_MUST_H

#include <errno.h>
#include <string.h>

void give_up(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* Says so with 0. */
#define MUST(call)							\
	do {								\
		errno = 0;						\
		if (call)						\
			give_up(__FILE__, __LINE__, "%s: %s", #call,	\
				errno ? strerror(errno) : "no errno");	\
	} while (0)

void must_be(const char *file, int line, const char *what, const char *is, const char *want);
void must_be_number(const char *file, int line, const char *what, long long is, long long want);

#define MUST_BE(is, want)		must_be(__FILE__, __LINE__, #is, is, want)
#define MUST_BE_NUMBER(is, want)	must_be_number(__FILE__, __LINE__, #is, is, want)

#endif
