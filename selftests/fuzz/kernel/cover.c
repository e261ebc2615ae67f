// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage by kcov: of the thread that makes the calls, and of the workers that
 * it has made, which know it by a handle that threads inherit.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/kcov.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "must.h"

#define NODE		"/sys/kernel/debug/kcov"
#define WORDS		(256UL << 10)
#define WORKER_WORDS	(64U << 10)
#define MAP		0x40000	/* bits of a hash below */

/* The kernel counts in the first word, and writes behind it. */
struct area {
	int fd;
	uint64_t *words;
	uint64_t read;
	uint64_t last;
};

static struct area calls, workers;
static uint8_t seen[MAP];
static unsigned int edges, fresh;
static uint64_t cost;
static uint64_t mark;
static bool works;

static bool open_area(struct area *a)
{
	a->fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (a->fd < 0)
		return false;
	MUST(ioctl(a->fd, KCOV_INIT_TRACE, WORDS));
	a->words = mmap(NULL, WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	MUST(a->words == MAP_FAILED);
	return true;
}

/* A thread has either its own or that of others: this one has the latter. */
bool cover_open(void)
{
	struct kcov_remote_arg arg = {
		.trace_mode = KCOV_TRACE_PC,
		.area_size = WORKER_WORDS,
		.common_handle = kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, 1),
	};

	works = open_area(&calls) && open_area(&workers);
	if (works)
		MUST(ioctl(workers.fd, KCOV_REMOTE_ENABLE, &arg));
	return works;
}

void cover_join(void)
{
	if (works)
		MUST(ioctl(calls.fd, KCOV_ENABLE, KCOV_TRACE_PC));
}

static uint64_t count(const struct area *a)
{
	return __atomic_load_n(&a->words[0], __ATOMIC_ACQUIRE);
}

static void fold(struct area *a)
{
	uint64_t n = count(a);

	cost += n - a->read;
	for (; a->read < n; a->read++) {
		uint64_t pc = a->words[a->read + 1];
		uint64_t h = (pc ^ a->last << 1) * 0x9e3779b97f4a7c15ULL >> 46;

		a->last = pc;
		if (!seen[h]) {
			seen[h] = 1;
			edges++;
			fresh++;
		}
	}
	if (n < WORDS / 2)
		return;
	/* Nobody writes: calls are this thread's, and what workers do comes at
	 * the end of each of their works; one that is lost does no harm.
	 */
	__atomic_store_n(&a->words[0], 0, __ATOMIC_RELEASE);
	a->read = 0;
}

void cover_begin(void)
{
	fresh = 0;
	cost = 0;
	if (!works)
		return;
	calls.last = 0;
	workers.last = 0;
}

unsigned int cover_new(void)
{
	if (works) {
		fold(&calls);
		fold(&workers);
	}
	return fresh;
}

uint64_t cover_cost(void)
{
	return cost;
}

unsigned int cover_edges(void)
{
	return edges;
}

/* The kernel may be able to, and the modules not built for it. */
bool cover_tells(void)
{
	if (!edges)
		cover_new();
	return edges > 0;
}

void cover_mark(void)
{
	if (!works)
		return;
	/* Before they are full; not each time, as most of it is nothing new. */
	if (count(&calls) >= WORDS / 2)
		fold(&calls);
	if (count(&workers) >= WORDS / 2)
		fold(&workers);
	mark = count(&workers);
}

bool cover_workers(void)
{
	return works && count(&workers) != mark;
}
