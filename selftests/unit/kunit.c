// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites of one program and tells the results as KTAP.
 *
 *   PROGRAM [--number N] [--filter TEXT] [--no-fork] [--timeout SECONDS] [PARAM=VALUE...]
 *
 * With --number only the suites' own lines are printed, counted from N, for a
 * document that others began. PARAM is a module parameter of the suite.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <kunit/test.h>
#include <linux/bug.h>
#include <linux/string.h>

extern struct kunit_suite *kunit_program_suites[];

long kunit_alloc_budget = -1;

/* What a case's own process tells the runner. */
struct outcome {
	bool done;
	bool failed;
	bool skipped;
	char reason[256];
};

struct cleanup {
	struct cleanup *next;
	void (*action)(void *ctx);
	void *ctx;
};

static struct {
	const char *name;
	void *value;
	size_t size;
} params[16];
static int n_params;

static struct {
	int number;
	const char *filter;
	bool no_fork;
	int timeout;
} opt = { .timeout = 120 };

static struct kunit *running;
static jmp_buf leave;
static const char *indent = "    ";

/* ---- what test cases and rooms call ---- */

void kunit_register_param(const char *name, void *value, size_t size)
{
	if (n_params == (int)ARRAY_SIZE(params))
		return;
	params[n_params].name = name;
	params[n_params].value = value;
	params[n_params++].size = size;
}

static void vsay(const char *prefix, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	printf("%s%s%s\n", indent, prefix, text);
	fflush(stdout);
}

void kunit_info(struct kunit *test, const char *fmt, ...)
{
	char prefix[160];
	va_list args;

	snprintf(prefix, sizeof(prefix), "# %s: ", test->name);
	va_start(args, fmt);
	vsay(prefix, fmt, args);
	va_end(args);
}

void kunit_add_note(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay("# note:", fmt, args);
	va_end(args);
}

void kunit_failed(struct kunit *test, const char *file, int line, bool fatal,
		  const char *fmt, ...)
{
	char prefix[512];
	va_list args;

	test->failed = true;
	snprintf(prefix, sizeof(prefix), "# %s: FAILED at %s:%d: ",
		 test->name, file, line);
	va_start(args, fmt);
	vsay(prefix, fmt, args);
	va_end(args);
	if (fatal)
		kunit_abort(test);
}

void kunit_room_warned(const char *file, int line, const char *cond)
{
	if (running)
		kunit_failed(running, file, line, false, "a room warns: %s", cond);
}

void kunit_mark_skipped(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	test->skipped = true;
	va_start(args, fmt);
	vsnprintf(test->reason, sizeof(test->reason), fmt, args);
	va_end(args);
}

void kunit_abort(struct kunit *test)
{
	longjmp(leave, 1);
}

int kunit_add_action(struct kunit *test, void (*action)(void *), void *ctx)
{
	struct cleanup *c = malloc(sizeof(*c));

	if (!c)
		abort();
	c->next = test->cleanup;
	c->action = action;
	c->ctx = ctx;
	test->cleanup = c;
	return 0;
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *p = malloc(size);

	if (!p)
		abort();
	memset(p, 0xa5, size);
	kunit_add_action(test, free, p);
	return p;
}

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return memset(kunit_kmalloc(test, size, gfp), 0, size);
}

void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		abort();
	return kunit_kzalloc(test, bytes, gfp);
}

void kunit_kfree(struct kunit *test, const void *ptr)
{
	struct cleanup *c;

	for (c = test->cleanup; c; c = c->next) {
		if (c->action != free || c->ctx != ptr)
			continue;
		free(c->ctx);
		c->ctx = NULL;
		return;
	}
}

/* ---- the runner ---- */

static void clean_up(struct kunit *test)
{
	while (test->cleanup) {
		struct cleanup *c = test->cleanup;

		test->cleanup = c->next;
		c->action(c->ctx);
		free(c);
	}
}

static void run_once(struct kunit_suite *suite, struct kunit_case *tc,
		     struct kunit *test)
{
	running = test;
	kunit_alloc_budget = -1;
	if (!setjmp(leave)) {
		int ret = suite->init ? suite->init(test) : 0;

		if (ret)
			kunit_failed(test, suite->name, 0, true,
				     "the suite's init returned %d", ret);
		tc->run_case(test);
	}
	kunit_alloc_budget = -1;
	if (suite->exit && !setjmp(leave))
		suite->exit(test);
	clean_up(test);
	running = NULL;
}

static void print_result(const char *in, bool failed, bool skipped, int number,
			 const char *name, const char *reason)
{
	printf("%s%s %d %s", in, failed ? "not ok" : "ok", number, name);
	if (skipped && !failed)
		printf(" # SKIP %s", reason);
	putchar('\n');
	fflush(stdout);
}

static int count_params(struct kunit_case *tc)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	const void *p = NULL;
	int n = 0;

	while ((p = tc->generate_params(p, desc)))
		n++;
	return n;
}

static void run_params(struct kunit_suite *suite, struct kunit_case *tc,
		       struct outcome *out)
{
	int n = 0, skipped = 0;
	const void *p = NULL;

	indent = "        ";
	printf("%sKTAP version 1\n%s# Subtest: %s\n%s1..%d\n", indent, indent,
	       tc->name, indent, count_params(tc));
	for (;;) {
		struct kunit test = { .name = tc->name };
		char desc[KUNIT_PARAM_DESC_SIZE] = "";

		p = tc->generate_params(p, desc);
		if (!p)
			break;
		n++;
		if (!desc[0])
			snprintf(desc, sizeof(desc), "param-%d", n - 1);
		test.param_value = p;
		run_once(suite, tc, &test);
		print_result(indent, test.failed, test.skipped, n, desc,
			     test.reason);
		out->failed |= test.failed;
		skipped += test.skipped;
	}
	out->skipped = n && skipped == n;
	if (out->skipped)
		strscpy(out->reason, "all of them", sizeof(out->reason));
	indent = "    ";
}

static void run_case(struct kunit_suite *suite, struct kunit_case *tc,
		     struct outcome *out)
{
	struct kunit test = { .name = tc->name };

	if (tc->generate_params) {
		run_params(suite, tc, out);
	} else {
		run_once(suite, tc, &test);
		out->failed = test.failed;
		out->skipped = test.skipped;
		strscpy(out->reason, test.reason, sizeof(out->reason));
	}
	out->done = true;
}

static void fork_case(struct kunit_suite *suite, struct kunit_case *tc,
		      struct outcome *out)
{
	pid_t pid;
	int st;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid) {
		alarm(opt.timeout);
		run_case(suite, tc, out);
		fflush(stdout);
		exit(0);	/* and the leak check with it */
	}
	while (waitpid(pid, &st, 0) < 0)
		;
	if (WIFEXITED(st) && !WEXITSTATUS(st) && out->done)
		return;
	if (WIFSIGNALED(st))
		printf("    # %s: died of %s\n", tc->name,
		       strsignal(WTERMSIG(st)));
	else if (out->done)
		printf("    # %s: leaks memory, see stderr\n", tc->name);
	else
		printf("    # %s: stopped with status %d, see stderr\n",
		       tc->name, WEXITSTATUS(st));
	out->failed = true;
}

static bool run_suite(struct kunit_suite *suite, int number)
{
	struct outcome *out;
	struct kunit_case *tc;
	int n = 0, passed = 0, failed = 0, skipped = 0;
	int ret;

	out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (out == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	for (tc = suite->test_cases; tc->run_case; tc++)
		if (!opt.filter || strstr(tc->name, opt.filter))
			n++;
	printf("    KTAP version 1\n    # Subtest: %s\n    1..%d\n",
	       suite->name, n);

	ret = suite->suite_init ? suite->suite_init(suite) : 0;
	n = 0;
	for (tc = suite->test_cases; tc->run_case; tc++) {
		if (opt.filter && !strstr(tc->name, opt.filter))
			continue;
		memset(out, 0, sizeof(*out));
		if (ret)
			out->failed = true;
		else if (opt.no_fork)
			run_case(suite, tc, out);
		else
			fork_case(suite, tc, out);
		print_result("    ", out->failed, out->skipped, ++n, tc->name,
			     out->reason);
		failed += out->failed;
		skipped += !out->failed && out->skipped;
		passed += !out->failed && !out->skipped;
	}
	if (!ret && suite->suite_exit)
		suite->suite_exit(suite);
	munmap(out, sizeof(*out));
	printf("# %s: pass:%d fail:%d skip:%d total:%d\n", suite->name, passed,
	       failed, skipped, n);
	print_result("", failed || ret, n && skipped == n, number, suite->name,
		     "all of them");
	return !failed && !ret;
}

static bool set_param(const char *arg)
{
	const char *eq = strchr(arg, '=');
	u64 v;
	int i;

	if (!eq)
		return false;
	v = strtoull(eq + 1, NULL, 0);
	for (i = 0; i < n_params; i++) {
		if (strncmp(params[i].name, arg, eq - arg) ||
		    params[i].name[eq - arg])
			continue;
		switch (params[i].size) {
		case 1:
			*(u8 *)params[i].value = v;
			return true;
		case 2:
			*(u16 *)params[i].value = v;
			return true;
		case 4:
			*(u32 *)params[i].value = v;
			return true;
		case 8:
			*(u64 *)params[i].value = v;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	bool good = true;
	int i, n = 0;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-fork")) {
			opt.no_fork = true;
		} else if (!strcmp(argv[i], "--number") && i + 1 < argc) {
			opt.number = atoi(argv[++i]);
		} else if (!strcmp(argv[i], "--filter") && i + 1 < argc) {
			opt.filter = argv[++i];
		} else if (!strcmp(argv[i], "--timeout") && i + 1 < argc) {
			opt.timeout = atoi(argv[++i]);
		} else if (!set_param(argv[i])) {
			fprintf(stderr, "%s: what is \"%s\"?\n", argv[0], argv[i]);
			return 2;
		}
	}

	while (kunit_program_suites[n])
		n++;
	if (!opt.number)
		printf("KTAP version 1\n1..%d\n", n);
	for (i = 0; i < n; i++)
		good &= run_suite(kunit_program_suites[i],
				  (opt.number ? opt.number : 1) + i);
	return good ? 0 : 1;
}
