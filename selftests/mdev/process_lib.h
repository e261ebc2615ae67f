/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that act on a word, and memory that may be gone when it is touched. */
#ifndef WEFT_PROCESS_LIB_H
#define WEFT_PROCESS_LIB_H

#include <stdint.h>
#include <sys/types.h>

/* Does touching this byte raise SIGBUS? Or else what it reads. */
#define TOUCH_SIGBUS	(-1)
#define TOUCH_SIGSEGV	(-2)
int touch(const volatile void *p);
int touch_write(volatile void *p, uint8_t val);

/* A process that talks with this one in numbers, over a socket. */
struct helper {
	pid_t pid;
	int sock;
};

/* fn runs in the child, with its end of the socket; its value is the status. */
int helper_start(struct helper *h, int (*fn)(int sock, void *arg), void *arg);
int helper_say(int sock, long val);
long helper_hear(int sock, int ms);	/* LONG_MIN when nothing came */
int helper_end(struct helper *h, int ms);	/* exit status, -signal, or -1000 */

#endif
