// SPDX-License-Identifier: GPL-2.0
#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void give_up(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void must_be(const char *file, int line, const char *what, const char *is, const char *want)
{
	if (strcmp(is, want))
		give_up(file, line, "%s is %s, and should be %s", what, is, want);
}

void must_be_number(const char *file, int line, const char *what, long long is, long long want)
{
	if (is != want)
		give_up(file, line, "%s is %lld, and should be %lld", what, is, want);
}
