// SPDX-License-Identifier: GPL-2.0
#include "warn_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "must.h"
#include "walk_lib.h"

unsigned int warn_met;

static int kmsg = -1;

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	MUST(fd < 0);
	MUST(write(fd, value, strlen(value)) < 0);
	close(fd);
}

/* What ends this kernel all the same is still told to the console. */
static void bear(bool it)
{
	set("/proc/sys/kernel/panic_on_warn", it ? "0" : "1");
	set("/proc/sys/kernel/printk", it ? "1" : "5");
}

void warn_begin(void)
{
	if (!walk_armed())
		return;
	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	MUST(kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0);
	bear(true);
}

static bool trouble(const char *line)
{
	static const char *const words[] = {
		"BUG: ", "KASAN: ", "UBSAN: ", "ODEBUG: ", "refcount_t: ", "WARNING: ",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* A warning is a line that says where it is, and a stack, up to the end of its trace. */
void warn_end(const struct warn_known *known, unsigned int n)
{
	const struct warn_known *k, *at = NULL;
	char line[2048], first[200] = "";
	int err = errno;
	ssize_t len;

	if (!walk_armed())
		return;
	bear(false);
	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		MUST(len < 0);
		line[len] = 0;
		if (!*first && trouble(line)) {
			snprintf(first, sizeof(first), "%.180s", strchr(line, ';') ?: line);
			for (k = known; k < known + n; k++)
				if (strstr(line, "WARNING: ") && strstr(line, k->at))
					at = k;
		} else if (at && strstr(line, at->below)) {
			*first = 0;
			at = NULL;
			warn_met++;
		}
	}
	errno = err;
	if (*first)
		walk_wrong(first);
}
