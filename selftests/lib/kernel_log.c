// SPDX-License-Identifier: GPL-2.0
#include "kernel_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

static int kmsg = -1;

void kernel_log_begin(void)
{
	close(kmsg);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	MUST(kmsg < 0);
	MUST(lseek(kmsg, 0, SEEK_END) < 0);
}

/* What an emulated machine says of its clocks when its host is busy. */
static int of_the_machine(const char *line)
{
	static const char *const words[] = {
		"clocksource", "hrtimer:", "perf:", "tsc:", "TSC found", "sched_clock:",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(line, words[i]))
			return 1;
	return 0;
}

/*
 * Part of what a kernel that looks for data races says of one, in many lines; which of
 * them are ours, the runner of the machine knows.
 */
static int of_a_race(const char *line)
{
	const char *text = strchr(line, ';');

	if (access("/sys/kernel/debug/kcsan", F_OK) || !text++)
		return 0;
	return strncmp(text, "weft_", 5) && strncmp(text, "WARNING", 7) &&
	       (strncmp(text, "BUG: ", 5) || strstr(text, "KCSAN"));
}

void kernel_log_quiet(void)
{
	char line[2048];
	unsigned int prio;
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		line[n] = 0;
		/* The kernel's own, at warning or worse */
		if (sscanf(line, "%u,", &prio) == 1 && prio <= 4 && !of_the_machine(line) &&
		    !of_a_race(line))
			give_up(__FILE__, __LINE__, "the kernel says: %s", line);
	}
}

double monotonic_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
