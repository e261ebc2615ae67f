// SPDX-License-Identifier: GPL-2.0
/* system_lib - what tests ask the machine for, see the header */
#include "system_lib.h"
#include "patience.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_OF(path, fmt)						\
	do {								\
		va_list _args;						\
		va_start(_args, fmt);					\
		vsnprintf(path, sizeof(path), fmt, _args);		\
		va_end(_args);						\
	} while (0)

void close_keep_errno(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
}

/* Files */

static ssize_t read_path(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -1;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0) {
			buf[0] = 0;
			close_keep_errno(fd);
			return -1;
		}
		if (!n)
			break;
		len += n;
	}
	close(fd);
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = 0;
	return len;
}

ssize_t file_read(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return read_path(path, buf, size);
}

static char *static_buffer(void)
{
	static char buffers[8][4096];
	static unsigned int n;

	return buffers[n++ % 8];
}

const char *file_text(const char *fmt, ...)
{
	char path[PATH_MAX], *buf = static_buffer();

	PATH_OF(path, fmt);
	read_path(path, buf, 4096);
	return buf;
}

long long file_number(const char *fmt, ...)
{
	char path[PATH_MAX], buf[64], *end;
	long long val;

	PATH_OF(path, fmt);
	if (read_path(path, buf, sizeof(buf)) < 1)
		return -1;
	val = strtoll(buf, &end, 0);
	return *end ? -1 : val;
}

static int write_path(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, data, len);
	close_keep_errno(fd);
	return n < 0 ? -1 : 0;
}

int file_write(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return write_path(path, text, strlen(text));
}

int file_write_bytes(const void *data, size_t len, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return write_path(path, data, len);
}

bool file_exists(const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return !access(path, F_OK);
}

int command(const char *fmt, ...)
{
	char text[PATH_MAX];
	int status;

	PATH_OF(text, fmt);
	status = system(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Modules */

bool module_loaded(const char *name)
{
	return file_exists("/sys/module/%s", name);
}

int module_load(const char *name, const char *parameters)
{
	const char *dir = getenv("WEFT_MODULES");
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.ko", dir ?: ".", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, parameters ?: "", 0);
	close_keep_errno(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

/* Events */

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int event_new(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* What is waited for that long has to happen; that nothing does is seen sooner. */
static int stretched(int ms)
{
	return ms < WAIT_MS ? ms : ms * ksft_patience();
}

bool event_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	ms = stretched(ms);
	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n == 1 && p.revents & POLLIN;
}

uint64_t event_count(int fd)
{
	uint64_t val = 0;

	return read(fd, &val, sizeof(val)) == sizeof(val) ? val : 0;
}

/* A sysfs attribute tells by POLLPRI that it changed, if its owner does so. */
static void wait_attribute(const char *path, int ms)
{
	struct pollfd p = { .fd = open(path, O_RDONLY | O_CLOEXEC),
			    .events = POLLPRI };
	char buf[256];

	if (p.fd >= 0 && read(p.fd, buf, sizeof(buf)) < 0)
		buf[0] = 0;
	poll(&p, 1, ms);
	close_keep_errno(p.fd);
}

bool wait_text(const char *want, int ms, const char *fmt, ...)
{
	char path[PATH_MAX], buf[4096];
	double end = now() + ms / 1000.0;

	PATH_OF(path, fmt);
	for (;;) {
		if (read_path(path, buf, sizeof(buf)) >= 0 && !strcmp(buf, want))
			return true;
		if (now() > end)
			return false;
		wait_attribute(path, 20);
	}
}

static bool wait_path(const char *path, bool there, int ms)
{
	double end = now() + ms / 1000.0;

	while (!access(path, F_OK) != there) {
		if (now() > end)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

bool wait_gone(int ms, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return wait_path(path, false, ms);
}

bool wait_there(int ms, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return wait_path(path, true, ms);
}

bool wait_child(pid_t pid, int *status, int ms)
{
	double end = now() + stretched(ms) / 1000.0;
	pid_t got;

	while (!(got = waitpid(pid, status, WNOHANG))) {
		if (now() > end)
			return false;
		poll(NULL, 0, 10);
	}
	return got == pid;
}

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next line; false when there is none now. */
static bool kmsg_line(int fd, char *buf, size_t size)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buf, size - 1);
		if (n >= 0) {
			buf[n] = 0;
			return true;
		}
		/* EPIPE: some were overwritten before we came */
		if (errno != EPIPE && errno != EINTR)
			return false;
	}
}

bool kmsg_wait(int fd, const char *part, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double end = now() + ms / 1000.0;
	char line[8192];

	for (;;) {
		double left;

		while (kmsg_line(fd, line, sizeof(line)))
			if (strstr(line, part))
				return true;
		left = end - now();
		if (left <= 0)
			return false;
		poll(&p, 1, left * 1000 + 1);
	}
}

int kmsg_count(int fd, const char *part)
{
	char line[8192];
	int n = 0;

	while (kmsg_line(fd, line, sizeof(line)))
		n += !!strstr(line, part);
	return n;
}
