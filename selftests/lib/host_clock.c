// SPDX-License-Identifier: GPL-2.0
#include "host_clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The time stamp it gives a file on the results share that is written to. */
double host_clock(void)
{
	static int fd = -1;
	struct stat st;
	char path[256];

	if (fd < 0) {
		snprintf(path, sizeof(path), "%s/clock-%d", getenv("WEFT_RESULTS") ?: "/results",
			 getpid());
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		unlink(path);
	}
	if (pwrite(fd, "x", 1, 0) != 1 || fsync(fd) || fstat(fd, &st)) {
		perror("the host's clock");
		exit(1);
	}
	return st.st_mtim.tv_sec + st.st_mtim.tv_nsec / 1e9;
}
