// SPDX-License-Identifier: GPL-2.0
#include "walk_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "must.h"

#define FAIL_NTH	"/proc/self/fail-nth"
#define MOST		1000	/* points of a call */
#define BEYOND		65536	/* more than any call has */
#define ERRNOS		133	/* and what is above is the kernel's own */
#define WORD		24

unsigned int walk_failures;

static int nth_fd = -1;
static unsigned int nth;	/* of the call that is made next; 0: none */
static bool injected;
static unsigned int left;	/* that many before the one that was to fail */
static const char *walked;	/* which call that is */

static int set(const char *dir, const char *name, const char *value)
{
	char path[120];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, value, strlen(value));
	close(fd);
	return n < 0 ? -1 : 0;
}

const char *walk_missing(void)
{
	static const char *const dirs[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

	nth_fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return "this kernel makes nothing fail: no " FAIL_NTH;
	/* Each would be a stack on the console, which is for what nobody asked for. */
	for (unsigned int i = 0; i < 3; i++)
		if (set(dirs[i], "verbose", "0"))
			return "this kernel does not make allocations and copies fail";
	/* Most of ours may wait for memory. */
	if (set("failslab", "ignore-gfp-wait", "N") ||
	    set("fail_page_alloc", "ignore-gfp-wait", "N") ||
	    set("fail_page_alloc", "min-order", "0"))
		return "this kernel only makes allocations fail that do not wait";
	/* What the program touches for the first time would fail as well. */
	MUST(mlockall(MCL_CURRENT));
	return NULL;
}

void walk_arm(void)
{
	char text[16];
	int len;

	if (!nth)
		return;
	len = snprintf(text, sizeof(text), "%u", nth);
	MUST(write(nth_fd, text, len) != len);
}

bool walk_armed(void)
{
	return nth;
}

/* Whether it came to the one that was to fail; reading may be what fails, too. */
void walk_disarm(void)
{
	int err = errno, tries = 3;
	char text[16] = "";
	ssize_t n;

	if (!nth)
		return;
	n = pread(nth_fd, text, sizeof(text) - 1, 0);
	left = n > 0 ? atoi(text) : 0;
	injected = n > 0 && !left;
	while (write(nth_fd, "0", 1) != 1 && --tries)
		;
	MUST(!tries);
	errno = err;
}

int walk_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	walk_arm();
	ret = ioctl(fd, request, arg);
	walk_disarm();
	return ret < 0 ? -1 : 0;
}

int walk_vring(int fd, unsigned long request, unsigned int index, unsigned int num)
{
	struct vhost_vring_state s = { index, num };

	return walk_ioctl(fd, request, &s);
}

int walk_file(int fd, unsigned long request, unsigned int index, int file)
{
	struct vhost_vring_file f = { index, file };

	return walk_ioctl(fd, request, &f);
}

long long walk_pinned(void)
{
	long long taken = 0, given = 0;
	char line[120];
	FILE *f = fopen("/proc/vmstat", "re");

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "nr_foll_pin_acquired %lld", &taken);
		sscanf(line, "nr_foll_pin_released %lld", &given);
	}
	if (f)
		fclose(f);
	return taken - given;
}

void walk_put(struct walk_life *life, const struct walk_call *calls, unsigned int n)
{
	MUST(life->n + n > WALK_CALLS);
	memcpy(life->calls + life->n, calls, n * sizeof(*calls));
	life->n += n;
}

static void wrong(const char *name, unsigned int point, const char *what, int err)
{
	walk_failures++;
	printf("# %s, point %u: %s: %s\n", name, point, what,
	       err ? strerror(err) : "no errno");
	fflush(stdout);
}

void walk_wrong(const char *what)
{
	wrong(walked, nth, what, errno);
}

/* All other calls of a life have to work. */
static bool rest(const struct walk_life *life, unsigned int from, unsigned int to,
		 unsigned int point)
{
	for (unsigned int i = from; i < to; i++) {
		errno = 0;
		if (!life->calls[i].make())
			continue;
		wrong(walked, point, life->calls[i].name, errno);
		return false;
	}
	return true;
}

/* One point of one call. Returns false if there is no such point, or something is wrong. */
static bool point(const struct walk_life *life, unsigned int at, unsigned int n, char *word)
{
	const struct walk_call *call = &life->calls[at];
	int ret, err;
	bool ok, was;

	walked = call->name;
	life->begin();
	ok = rest(life, 0, at, n);
	nth = n;
	injected = false;
	errno = 0;
	ret = ok ? call->make() : 0;
	err = errno;
	nth = 0;
	was = injected;
	if (ret && (err <= 0 || err > ERRNOS)) {
		wrong(call->name, n, "its answer", err);
		ok = false;
	}
	if (ret && !was) {
		wrong(call->name, n, "it fails by itself", err);
		ok = false;
	}
	if (ok && ret && call->before_again && call->before_again()) {
		wrong(call->name, n, "before it is made again", errno);
		ok = false;
	}
	if (ok && ret && call->make()) {
		wrong(call->name, n, "made again", errno);
		ok = false;
	}
	ok = ok && rest(life, at + 1, life->n, n);
	life->end();
	snprintf(word, WORD, "%s", ret ? strerrorname_np(err) : "through");
	return ok && was;
}

/* The first point that is walked: behind those of what goes before. */
static unsigned int first_point(const struct walk_life *life, unsigned int at)
{
	const struct walk_call *call = &life->calls[at];
	unsigned int first = 1;

	if (!call->before)
		return first;
	walked = call->name;
	life->begin();
	if (rest(life, 0, at, 0)) {
		nth = BEYOND;
		call->before();
		first = BEYOND - left + 1;
	}
	nth = 0;
	life->end();
	return first;
}

/* "open: 12 points: 1-11 ENOMEM, 12-12 through" */
static unsigned int walk_one(const struct walk_life *life, unsigned int at)
{
	unsigned int n, first = first_point(life, at), from = first;
	char word[WORD], last[WORD] = "", text[1500];
	size_t len = 0;

	for (n = first; n < first + MOST && point(life, at, n, word); n++) {
		if (*last && strcmp(last, word) && len < sizeof(text) - 80) {
			len += snprintf(text + len, sizeof(text) - len, " %u-%u %s,", from, n - 1,
					last);
			from = n;
		}
		strcpy(last, word);
	}
	if (n == first + MOST)
		wrong(life->calls[at].name, n, "it never comes to an end", 0);
	if (n > first)
		snprintf(text + len, sizeof(text) - len, " %u-%u %s", from, n - 1, last);
	else
		strcpy(text, " none");
	printf("# %s: %u points:%s\n", life->calls[at].name, n - first, text);
	fflush(stdout);
	return n - first;
}

static void told(unsigned int points, unsigned int least)
{
	if (points < least) {
		walk_failures++;
		printf("# at least %u were to be walked\n", least);
	}
	fflush(stdout);
}

void walk(const struct walk_life *life, unsigned int least)
{
	unsigned int points = 0;

	for (unsigned int i = 0; i < life->n; i++)
		if (!life->calls[i].sure)
			points += walk_one(life, i);
	printf("# %u points in all\n", points);
	told(points, least);
}

void walk_thread(const char *name, unsigned int least, int (*tid)(void), int (*round)(void),
		 int (*again)(void))
{
	char path[40], text[16];
	unsigned int n, points = 0;
	bool was = true;
	int fd;

	for (n = 1; was && n <= MOST; n++) {
		/* It may be another one each time. */
		snprintf(path, sizeof(path), "/proc/%d/fail-nth", tid());
		fd = open(path, O_RDWR | O_CLOEXEC);
		MUST(fd < 0);
		snprintf(text, sizeof(text), "%u", n);
		MUST(pwrite(fd, text, strlen(text), 0) < 0);
		errno = 0;
		if (round())
			wrong(name, n, "the round", errno);
		memset(text, 0, sizeof(text));
		MUST(pread(fd, text, sizeof(text) - 1, 0) < 1);
		was = atoi(text) == 0;
		points += was;
		MUST(pwrite(fd, "0", 1, 0) != 1);
		close(fd);
		errno = 0;
		if (again()) {
			wrong(name, n, "afterwards", errno);
			break;
		}
	}
	if (n > MOST)
		wrong(name, n, "it never comes to an end", 0);
	printf("# %s: %u points\n", name, points);
	told(points, least);
}
