/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit's interface for a program of its own: the same suites run here, under
 * the address and undefined-behaviour sanitizers, and in a kernel. Each case
 * runs in a process of its own, so that one which dies, hangs or leaks fails
 * alone. The runner is kunit.c.
 */
#ifndef WEFT_UNIT_KUNIT_TEST_H
#define WEFT_UNIT_KUNIT_TEST_H

#include <stdio.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/types.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	void *priv;
	const void *param_value;
	const char *name;

	/* The runner's own. */
	bool failed;
	bool skipped;
	char reason[256];
	void *cleanup;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)			{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen)	\
	{ .run_case = fn, .name = #fn, .generate_params = gen }

#define KUNIT_ARRAY_PARAM(prefix, array, get_desc)			\
static const void *prefix##_gen_params(const void *prev, char *desc)	\
{									\
	void (*describe)(typeof((array)[0]) *, char *) = (get_desc);	\
	typeof((array)[0]) *next = (array);				\
									\
	if (prev)							\
		next = (typeof(next))prev + 1;				\
	if (next >= (array) + ARRAY_SIZE(array))			\
		return NULL;						\
	if (describe)							\
		describe(next, desc);					\
	return next;							\
}									\
struct kunit_array_param_##prefix

#define kunit_test_suites(...)						\
	struct kunit_suite *kunit_program_suites[] = { __VA_ARGS__, NULL }
#define kunit_test_suite(suite)		kunit_test_suites(&(suite))

void __attribute__((format(printf, 2, 3)))
kunit_info(struct kunit *test, const char *fmt, ...);
#define kunit_warn	kunit_info
#define kunit_err	kunit_info

void __attribute__((format(printf, 2, 3)))
kunit_mark_skipped(struct kunit *test, const char *fmt, ...);
void __attribute__((noreturn)) kunit_abort(struct kunit *test);

#define kunit_skip(test, ...) do {					\
	kunit_mark_skipped(test, __VA_ARGS__);				\
	kunit_abort(test);						\
} while (0)

/* Freed when the case is over. */
void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);
void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp);
void kunit_kfree(struct kunit *test, const void *ptr);
int kunit_add_action(struct kunit *test, void (*action)(void *), void *ctx);
#define kunit_add_action_or_reset kunit_add_action
#define kunit_kmalloc_array(test, n, size, gfp) kunit_kcalloc(test, n, size, gfp)

/* How failures are told. */
void __attribute__((format(printf, 5, 6)))
kunit_failed(struct kunit *test, const char *file, int line, bool fatal,
	     const char *fmt, ...);
void __attribute__((format(printf, 2, 3)))
kunit_add_note(struct kunit *test, const char *fmt, ...);

/* "fmt, ..." may be missing: the space in front is then all there is. */
#define kunit_note(test, fmt, ...) do {					\
	if (sizeof(fmt) > 2)						\
		kunit_add_note(test, fmt, ##__VA_ARGS__);		\
} while (0)

#define kunit_check(test, fatal, cond, text, ...) do {			\
	if (!(cond)) {							\
		kunit_note(test, " " __VA_ARGS__);			\
		kunit_failed(test, __FILE__, __LINE__, fatal, "%s", text); \
	}								\
} while (0)

#define kunit_compare(test, fatal, a, op, b, ...) do {			\
	typeof(a) left_ = (a);						\
	typeof(b) right_ = (b);						\
	if (!(left_ op right_)) {					\
		kunit_note(test, " " __VA_ARGS__);			\
		kunit_failed(test, __FILE__, __LINE__, fatal,		\
			     "expected %s " #op " %s, but they are %lld (0x%llx) and %lld (0x%llx)", \
			     #a, #b, (long long)left_, (long long)left_, \
			     (long long)right_, (long long)right_);	\
	}								\
} while (0)

#define kunit_compare_ptr(test, fatal, a, op, b, ...) do {		\
	const void *left_ = (a);					\
	const void *right_ = (b);					\
	if (!(left_ op right_)) {					\
		kunit_note(test, " " __VA_ARGS__);			\
		kunit_failed(test, __FILE__, __LINE__, fatal,		\
			     "expected %s " #op " %s, but they are %p and %p", \
			     #a, #b, left_, right_);			\
	}								\
} while (0)

#define kunit_compare_str(test, fatal, a, op, b, ...) do {		\
	const char *left_ = (a);					\
	const char *right_ = (b);					\
	if (!(strcmp(left_, right_) op 0)) {				\
		kunit_note(test, " " __VA_ARGS__);			\
		kunit_failed(test, __FILE__, __LINE__, fatal,		\
			     "expected %s " #op " %s, but they are \"%s\" and \"%s\"", \
			     #a, #b, left_, right_);			\
	}								\
} while (0)

#define kunit_compare_mem(test, fatal, a, op, b, size, ...) do {	\
	const u8 *left_ = (const void *)(a);				\
	const u8 *right_ = (const void *)(b);				\
	size_t at_ = 0, size_ = (size);					\
									\
	while (at_ < size_ && left_[at_] == right_[at_])		\
		at_++;							\
	if (!((at_ < size_) op 0)) {					\
		kunit_note(test, " " __VA_ARGS__);			\
		kunit_failed(test, __FILE__, __LINE__, fatal,		\
			     "expected %s " #op " %s, first difference at byte %zu of %zu", \
			     #a, #b, at_, size_);			\
	}								\
} while (0)

#define KUNIT_SUCCEED(test)		do { } while (0)
#define KUNIT_FAIL(test, ...) \
	kunit_failed(test, __FILE__, __LINE__, false, __VA_ARGS__)

#define KUNIT_EXPECT_TRUE(t, c)		kunit_check(t, false, c, "expected " #c)
#define KUNIT_EXPECT_FALSE(t, c)	kunit_check(t, false, !(c), "expected not " #c)
#define KUNIT_EXPECT_NULL(t, p)		kunit_check(t, false, !(p), "expected no " #p)
#define KUNIT_EXPECT_NOT_NULL(t, p)	kunit_check(t, false, (p), "expected a " #p)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(t, p) \
	kunit_check(t, false, !IS_ERR_OR_NULL(p), "expected a valid " #p)
#define KUNIT_EXPECT_EQ(t, a, b)	kunit_compare(t, false, a, ==, b)
#define KUNIT_EXPECT_NE(t, a, b)	kunit_compare(t, false, a, !=, b)
#define KUNIT_EXPECT_LT(t, a, b)	kunit_compare(t, false, a, <, b)
#define KUNIT_EXPECT_LE(t, a, b)	kunit_compare(t, false, a, <=, b)
#define KUNIT_EXPECT_GT(t, a, b)	kunit_compare(t, false, a, >, b)
#define KUNIT_EXPECT_GE(t, a, b)	kunit_compare(t, false, a, >=, b)
#define KUNIT_EXPECT_PTR_EQ(t, a, b)	kunit_compare_ptr(t, false, a, ==, b)
#define KUNIT_EXPECT_PTR_NE(t, a, b)	kunit_compare_ptr(t, false, a, !=, b)
#define KUNIT_EXPECT_STREQ(t, a, b)	kunit_compare_str(t, false, a, ==, b)
#define KUNIT_EXPECT_STRNEQ(t, a, b)	kunit_compare_str(t, false, a, !=, b)
#define KUNIT_EXPECT_MEMEQ(t, a, b, n)	kunit_compare_mem(t, false, a, ==, b, n)
#define KUNIT_EXPECT_MEMNEQ(t, a, b, n)	kunit_compare_mem(t, false, a, !=, b, n)

#define KUNIT_EXPECT_TRUE_MSG(t, c, ...) \
	kunit_check(t, false, c, "expected " #c, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(t, c, ...) \
	kunit_check(t, false, !(c), "expected not " #c, __VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(t, a, b, ...)	kunit_compare(t, false, a, ==, b, __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(t, a, b, ...)	kunit_compare(t, false, a, !=, b, __VA_ARGS__)
#define KUNIT_EXPECT_LT_MSG(t, a, b, ...)	kunit_compare(t, false, a, <, b, __VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(t, a, b, ...)	kunit_compare(t, false, a, <=, b, __VA_ARGS__)
#define KUNIT_EXPECT_GT_MSG(t, a, b, ...)	kunit_compare(t, false, a, >, b, __VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(t, a, b, ...)	kunit_compare(t, false, a, >=, b, __VA_ARGS__)
#define KUNIT_EXPECT_STREQ_MSG(t, a, b, ...)	kunit_compare_str(t, false, a, ==, b, __VA_ARGS__)
#define KUNIT_EXPECT_MEMEQ_MSG(t, a, b, n, ...) \
	kunit_compare_mem(t, false, a, ==, b, n, __VA_ARGS__)

#define KUNIT_ASSERT_TRUE(t, c)		kunit_check(t, true, c, "expected " #c)
#define KUNIT_ASSERT_FALSE(t, c)	kunit_check(t, true, !(c), "expected not " #c)
#define KUNIT_ASSERT_NULL(t, p)		kunit_check(t, true, !(p), "expected no " #p)
#define KUNIT_ASSERT_NOT_NULL(t, p)	kunit_check(t, true, (p), "expected a " #p)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(t, p) \
	kunit_check(t, true, !IS_ERR_OR_NULL(p), "expected a valid " #p)
#define KUNIT_ASSERT_EQ(t, a, b)	kunit_compare(t, true, a, ==, b)
#define KUNIT_ASSERT_NE(t, a, b)	kunit_compare(t, true, a, !=, b)
#define KUNIT_ASSERT_LT(t, a, b)	kunit_compare(t, true, a, <, b)
#define KUNIT_ASSERT_LE(t, a, b)	kunit_compare(t, true, a, <=, b)
#define KUNIT_ASSERT_GT(t, a, b)	kunit_compare(t, true, a, >, b)
#define KUNIT_ASSERT_GE(t, a, b)	kunit_compare(t, true, a, >=, b)
#define KUNIT_ASSERT_PTR_EQ(t, a, b)	kunit_compare_ptr(t, true, a, ==, b)
#define KUNIT_ASSERT_STREQ(t, a, b)	kunit_compare_str(t, true, a, ==, b)
#define KUNIT_ASSERT_MEMEQ(t, a, b, n)	kunit_compare_mem(t, true, a, ==, b, n)

#define KUNIT_ASSERT_TRUE_MSG(t, c, ...) \
	kunit_check(t, true, c, "expected " #c, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE_MSG(t, c, ...) \
	kunit_check(t, true, !(c), "expected not " #c, __VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(t, a, b, ...)	kunit_compare(t, true, a, ==, b, __VA_ARGS__)
#define KUNIT_ASSERT_NE_MSG(t, a, b, ...)	kunit_compare(t, true, a, !=, b, __VA_ARGS__)
#define KUNIT_ASSERT_LE_MSG(t, a, b, ...)	kunit_compare(t, true, a, <=, b, __VA_ARGS__)
#define KUNIT_ASSERT_GE_MSG(t, a, b, ...)	kunit_compare(t, true, a, >=, b, __VA_ARGS__)
#define KUNIT_ASSERT_MEMEQ_MSG(t, a, b, n, ...) \
	kunit_compare_mem(t, true, a, ==, b, n, __VA_ARGS__)

#endif
