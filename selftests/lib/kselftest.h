/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests in C, with results in KTAP. One file is one program:
 *
 *	#include "kselftest.h"
 *
 *	TEST(region_info_has_nine_regions)
 *	{
 *		int fd = open_instance();
 *
 *		ASSERT_GE(fd, 0);
 *		EXPECT_EQ(nr_regions(fd), 9);
 *		EXPECT_ERRNO(EINVAL, ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bad));
 *	}
 *
 * Each test runs in a process of its own, so that what it leaves open is
 * closed and what it crashes is only itself. EXPECT notes a failure and goes
 * on, ASSERT ends the test; SKIP ends it as one that could not be tried.
 * TEST_TIMEOUT(name, seconds) is for those that take more than 90 s.
 *
 * The program takes names of tests to run (default: all), or -l for a list.
 * It exits with 0, 1 if a test failed, 4 if there was nothing but skips.
 */
#ifndef WEFT_KSELFTEST_H
#define WEFT_KSELFTEST_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"

#define KSFT_PASS 0
#define KSFT_FAIL 1
#define KSFT_SKIP 4
#define KSFT_SECONDS 90
#define KSFT_WHY 256

struct ksft_test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;
	struct ksft_test *next;
};

static struct ksft_test *ksft_tests;
static struct ksft_test **ksft_last = &ksft_tests;
static int ksft_failures;
static char *ksft_why;

static inline void ksft_register(struct ksft_test *t)
{
	*ksft_last = t;
	ksft_last = &t->next;
}

#define TEST_TIMEOUT(_name, _seconds)					\
	static void _name(void);					\
	static struct ksft_test ksft_##_name = {			\
		#_name, _name, _seconds, NULL				\
	};								\
	static void __attribute__((constructor)) ksft_add_##_name(void)	\
	{								\
		ksft_register(&ksft_##_name);				\
	}								\
	static void _name(void)

#define TEST(_name) TEST_TIMEOUT(_name, KSFT_SECONDS)

#define ksft_note(_fmt, ...) \
	do { printf("# " _fmt "\n", ##__VA_ARGS__); fflush(stdout); } while (0)

#define SKIP(_fmt, ...)							\
	do {								\
		snprintf(ksft_why, KSFT_WHY, _fmt, ##__VA_ARGS__);	\
		fflush(stdout);						\
		_exit(KSFT_SKIP);					\
	} while (0)

#define KSFT_FAILED(_fatal, _fmt, ...)					\
	do {								\
		ksft_note("%s:%d: " _fmt, __FILE__, __LINE__, ##__VA_ARGS__); \
		ksft_failures++;					\
		if (_fatal)						\
			_exit(KSFT_FAIL);				\
	} while (0)

#define KSFT_CMP(_fatal, _a, _op, _b)					\
	do {								\
		__auto_type _va = (_a);					\
		__auto_type _vb = (_b);					\
		if (!(_va _op _vb))					\
			KSFT_FAILED(_fatal,				\
				    "expected %s " #_op " %s, got "	\
				    "%lld (%#llx) and %lld (%#llx), errno %d", \
				    #_a, #_b,				\
				    (long long)(intptr_t)_va,		\
				    (unsigned long long)(uintptr_t)_va,	\
				    (long long)(intptr_t)_vb,		\
				    (unsigned long long)(uintptr_t)_vb,	\
				    errno);				\
	} while (0)

#define KSFT_TRUE(_fatal, _cond, _want)					\
	do {								\
		bool _got = (_cond);					\
									\
		if (_got != (_want))					\
			KSFT_FAILED(_fatal, "expected %s to be %s, errno %d", \
				    #_cond, (_want) ? "true" : "false", errno); \
	} while (0)

#define KSFT_STREQ(_fatal, _a, _b)					\
	do {								\
		const char *_sa = (_a), *_sb = (_b);			\
		if (strcmp(_sa, _sb))					\
			KSFT_FAILED(_fatal, "expected %s to equal %s, got \"%s\" and \"%s\"", \
				    #_a, #_b, _sa, _sb);		\
	} while (0)

/* The call must return -1 and set errno to what was said. */
#define KSFT_ERRNO(_fatal, _errno, _call)				\
	do {								\
		long long _ret;						\
		errno = 0;						\
		_ret = (long long)(intptr_t)(_call);			\
		if (_ret != -1 || errno != (_errno))			\
			KSFT_FAILED(_fatal,				\
				    "expected %s to fail with %s, got "	\
				    "%lld and errno %d (%s)", #_call,	\
				    strerror(_errno), _ret, errno,	\
				    strerror(errno));			\
	} while (0)

#define EXPECT_EQ(a, b)		KSFT_CMP(0, a, ==, b)
#define EXPECT_NE(a, b)		KSFT_CMP(0, a, !=, b)
#define EXPECT_LT(a, b)		KSFT_CMP(0, a, <, b)
#define EXPECT_LE(a, b)		KSFT_CMP(0, a, <=, b)
#define EXPECT_GT(a, b)		KSFT_CMP(0, a, >, b)
#define EXPECT_GE(a, b)		KSFT_CMP(0, a, >=, b)
#define EXPECT_TRUE(c)		KSFT_TRUE(0, c, true)
#define EXPECT_FALSE(c)		KSFT_TRUE(0, c, false)
#define EXPECT_STREQ(a, b)	KSFT_STREQ(0, a, b)
#define EXPECT_ERRNO(e, call)	KSFT_ERRNO(0, e, call)

#define ASSERT_EQ(a, b)		KSFT_CMP(1, a, ==, b)
#define ASSERT_NE(a, b)		KSFT_CMP(1, a, !=, b)
#define ASSERT_LT(a, b)		KSFT_CMP(1, a, <, b)
#define ASSERT_LE(a, b)		KSFT_CMP(1, a, <=, b)
#define ASSERT_GT(a, b)		KSFT_CMP(1, a, >, b)
#define ASSERT_GE(a, b)		KSFT_CMP(1, a, >=, b)
#define ASSERT_TRUE(c)		KSFT_TRUE(1, c, true)
#define ASSERT_FALSE(c)		KSFT_TRUE(1, c, false)
#define ASSERT_STREQ(a, b)	KSFT_STREQ(1, a, b)
#define ASSERT_ERRNO(e, call)	KSFT_ERRNO(1, e, call)

/*
 * Runs one test in a child, which leads a process group so that nothing that
 * it started outlives it. Returns its wait status.
 */
static inline int ksft_run_one(const struct ksft_test *t)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	ksft_why[0] = 0;
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(t->seconds * ksft_patience());
		t->run();
		fflush(stdout);
		_exit(ksft_failures ? KSFT_FAIL : KSFT_PASS);
	}
	setpgid(pid, pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	return status;
}

static inline bool ksft_wanted(const struct ksft_test *t, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], t->name))
			return true;
	return argc < 2;
}

#ifndef KSELFTEST_NO_MAIN
int main(int argc, char **argv)
{
	int n = 0, failed = 0, skipped = 0, total = 0, status;
	const struct ksft_test *t;

	if (argc == 2 && !strcmp(argv[1], "-l")) {
		for (t = ksft_tests; t; t = t->next)
			puts(t->name);
		return 0;
	}
	ksft_why = mmap(NULL, KSFT_WHY, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ksft_why == MAP_FAILED)
		return KSFT_FAIL;
	for (t = ksft_tests; t; t = t->next)
		total += ksft_wanted(t, argc, argv);
	printf("KTAP version 1\n1..%d\n", total);
	for (t = ksft_tests; t; t = t->next) {
		if (!ksft_wanted(t, argc, argv))
			continue;
		status = ksft_run_one(t);
		n++;
		if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_PASS) {
			printf("ok %d %s\n", n, t->name);
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP) {
			printf("ok %d %s # SKIP %s\n", n, t->name, ksft_why);
			skipped++;
		} else {
			if (WIFSIGNALED(status))
				printf("# ended by signal %d (%s)\n", WTERMSIG(status),
				       WTERMSIG(status) == SIGALRM ? "time is up" :
				       strsignal(WTERMSIG(status)));
			printf("not ok %d %s\n", n, t->name);
			failed++;
		}
		fflush(stdout);
	}
	if (failed)
		return KSFT_FAIL;
	return n && skipped == n ? KSFT_SKIP : KSFT_PASS;
}
#endif
#endif
