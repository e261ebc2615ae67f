// SPDX-License-Identifier: GPL-2.0
/* process_lib - processes that act on a word, and touch what may be gone, see the header */
#include "process_lib.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system_lib.h"

/* Faults */

static sigjmp_buf touch_env;

static void touch_signal(int sig)
{
	siglongjmp(touch_env, sig);
}

static int touch_do(volatile uint8_t *p, int write)
{
	struct sigaction sa = { .sa_handler = touch_signal }, bus, segv;
	int ret, sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(touch_env, 1);
	if (sig) {
		ret = sig == SIGBUS ? TOUCH_SIGBUS : TOUCH_SIGSEGV;
	} else if (write >= 0) {
		*p = write;
		ret = write;
	} else {
		ret = *p;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return ret;
}

int touch(const volatile void *p)
{
	return touch_do((volatile uint8_t *)p, -1);
}

int touch_write(volatile void *p, uint8_t val)
{
	return touch_do(p, val);
}

/* Processes */

int helper_start(struct helper *h, int (*fn)(int sock, void *arg), void *arg)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -1;
	fflush(NULL);
	h->pid = fork();
	if (h->pid < 0) {
		close_keep_errno(socks[0]);
		close_keep_errno(socks[1]);
		return -1;
	}
	if (!h->pid) {
		int status;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[0]);
		status = fn(socks[1], arg);
		fflush(NULL);
		_exit(status);
	}
	close(socks[1]);
	h->sock = socks[0];
	return 0;
}

int helper_say(int sock, long val)
{
	return send(sock, &val, sizeof(val), MSG_NOSIGNAL) == sizeof(val) ?
	       0 : -1;
}

long helper_hear(int sock, int ms)
{
	long val;

	if (!event_wait(sock, ms) || read(sock, &val, sizeof(val)) != sizeof(val))
		return LONG_MIN;
	return val;
}

int helper_end(struct helper *h, int ms)
{
	int status;

	if (!wait_child(h->pid, &status, ms))
		return -1000;
	close(h->sock);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
