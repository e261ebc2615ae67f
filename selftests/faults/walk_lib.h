/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A systematic walk through what can fail. A life is a list of calls in the
 * order in which a program makes them. Each call in turn is made with the first
 * of the kernel's own allocations and copies failing, then with the second, and
 * so on until none is left to fail; after each,
 *
 *	what the call says is an errno, if it does not succeed all the same,
 *	it works when it is made again,
 *	and so does all that comes after it, to the end of the life.
 *
 * It needs /proc/self/fail-nth (CONFIG_FAULT_INJECTION_DEBUG_FS), which counts
 * what the calling thread does itself, and nobody else.
 */
#ifndef WEFT_WALK_LIB_H
#define WEFT_WALK_LIB_H

#include <stdbool.h>

#define WALK_CALLS	96

struct walk_call {
	const char *name;
	int (*make)(void);	/* 0, or -1 with errno */
	bool sure;		/* nothing is made to fail in it: it only looks whether all works */
	/* What is to be before it is made again; it may have been done in spite of its answer. */
	int (*before_again)(void);
	/* Does the same up to what is walked, and fails by itself; NULL: all of it is walked. */
	int (*before)(void);
};

struct walk_life {
	void (*begin)(void);	/* what the kernel does not know of */
	void (*end)(void);	/* from any state */
	struct walk_call calls[WALK_CALLS];
	unsigned int n;
};

#define WALK(_f)		{ #_f, _f }
#define WALK_AGAIN(_f, _before)	{ #_f, _f, .before_again = _before }
#define SURE(_f)		{ #_f, _f, .sure = true }

void walk_put(struct walk_life *life, const struct walk_call *calls, unsigned int n);
#define WALK_PUT(_life, _calls)	walk_put(_life, _calls, sizeof(_calls) / sizeof((_calls)[0]))

/* NULL, or why it cannot be walked here. */
const char *walk_missing(void);

/*
 * Each point that is walked is in one of the lines that it prints. What does not
 * hold is said, and counted in walk_failures; so is a walk of fewer points than
 * least: it has ended early, or the kernel makes less fail than it is asked to.
 * Half of the points that there are leaves kernels and configurations room.
 */
void walk(const struct walk_life *life, unsigned int least);
extern unsigned int walk_failures;

/* Makes the call that is being walked: from begin to end of what may fail. */
void walk_arm(void);
void walk_disarm(void);
/* Whether something is to fail in the call that is made now. */
bool walk_armed(void);
/* What is wrong with the call that is being walked, which no answer of it tells. */
void walk_wrong(const char *what);

/*
 * The same with a thread of the kernel that works for us, which tid() tells: a
 * round is what it does, from the first to the last of it, and again() tells whether it works as
 * before. Both are 0, or -1 with errno.
 */
void walk_thread(const char *name, unsigned int least, int (*tid)(void), int (*round)(void),
		 int (*again)(void));

/* An ioctl of a life, and those that most of vhost's are: 0, or -1 with errno. */
int walk_ioctl(int fd, unsigned long request, void *arg);
int walk_vring(int fd, unsigned long request, unsigned int index, unsigned int num);
int walk_file(int fd, unsigned long request, unsigned int index, int file);

/* Pages that were pinned and never let go. */
long long walk_pinned(void);

#endif
