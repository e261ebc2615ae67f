// SPDX-License-Identifier: GPL-2.0
/*
 * The type table: what it says of a type is what the parent then does.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include "../edid.h"
#include "../parent.h"
#include "../types.h"
#else
#include "../edid.c"
#include "../edid_check.c"
#include "../parent.c"
#include "../types.c"
#endif

static int log2_of(u64 n)
{
	int bits = 0;

	while (n >>= 1)
		bits++;
	return bits;
}

#define DESCRIPTION(framebuffer, resolution, instances)			\
	"num_heads=1, frl_config=60, framebuffer=" framebuffer		\
	", max_resolution=" resolution ", max_instance=" instances

static void types_64m(struct kunit *test)
{
	static const struct {
		const char *id, *name, *description;
	} want[] = {
		{ "full", "weft vGPU 64M",
		  DESCRIPTION("64M", "3840x2160", "1") },
		{ "32m", "weft vGPU 32M",
		  DESCRIPTION("32M", "3840x2160", "2") },
		{ "16m", "weft vGPU 16M",
		  DESCRIPTION("16M", "2560x1600", "4") },
		{ "8m", "weft vGPU 8M",
		  DESCRIPTION("8M", "1920x1080", "8") },
		{ "4m", "weft vGPU 4M",
		  DESCRIPTION("4M", "1280x800", "16") },
	};
	struct weft_type types[WEFT_TYPES_MAX];
	char buf[128];
	int i;

	KUNIT_ASSERT_EQ(test, weft_types_compute(SZ_64M, types, WEFT_TYPES_MAX),
			ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_EXPECT_STREQ(test, types[i].id, want[i].id);
		KUNIT_EXPECT_STREQ(test, types[i].name, want[i].name);
		KUNIT_EXPECT_EQ(test, weft_type_describe(&types[i], buf,
							 sizeof(buf)),
				strlen(want[i].description));
		KUNIT_EXPECT_STREQ(test, buf, want[i].description);
	}
}

/* For each VRAM there can be: down by halves, no name twice, none cut short. */
static void types_of_each_vram(struct kunit *test)
{
	struct weft_type types[WEFT_TYPES_MAX];
	char buf[128];
	u64 vram;
	int n, i, j;

	for (vram = SZ_4M; vram <= WEFT_VRAM_MAX; vram *= 2) {
		n = weft_types_compute(vram, types, WEFT_TYPES_MAX);
		KUNIT_ASSERT_EQ(test, n, log2_of(vram / SZ_4M) + 1);
		for (i = 0; i < n; i++) {
			struct weft_mode most;
			char want[32];

			KUNIT_EXPECT_EQ(test, types[i].bytes, vram >> i);
			KUNIT_EXPECT_EQ(test, types[i].max_instance, 1u << i);
			snprintf(want, sizeof(want), "%llum",
				 (unsigned long long)(vram >> i) / SZ_1M);
			KUNIT_EXPECT_STREQ(test, types[i].id, i ? want : "full");
			snprintf(want, sizeof(want), "weft vGPU %lluM",
				 (unsigned long long)(vram >> i) / SZ_1M);
			KUNIT_EXPECT_STREQ(test, types[i].name, want);
			KUNIT_ASSERT_TRUE(test,
					  weft_mode_largest(types[i].bytes, &most));
			KUNIT_EXPECT_EQ(test, types[i].max.xres, most.xres);
			KUNIT_EXPECT_EQ(test, types[i].max.yres, most.yres);
			KUNIT_EXPECT_LT(test,
					weft_type_describe(&types[i], buf,
							   sizeof(buf)), 127);
			for (j = 0; j < i; j++) {
				KUNIT_EXPECT_STRNEQ(test, types[i].id, types[j].id);
				KUNIT_EXPECT_STRNEQ(test, types[i].name,
						    types[j].name);
			}
		}
		KUNIT_EXPECT_EQ(test, types[n - 1].bytes, SZ_4M);
	}
}

static void types_max_instance_is_true(struct kunit *test)
{
	struct weft_type types[WEFT_TYPES_MAX];
	u64 vram, offset;
	int n, i;

	for (vram = SZ_4M; vram <= SZ_1G; vram *= 2) {
		n = weft_types_compute(vram, types, WEFT_TYPES_MAX);
		for (i = 0; i < n; i++) {
			struct weft_parent parent;
			u32 had = 0;

			KUNIT_ASSERT_EQ(test, weft_parent_init(&parent, vram), 0);
			while (!weft_parent_alloc_slice(&parent, types[i].bytes,
							&offset))
				had++;
			KUNIT_EXPECT_EQ(test, had, types[i].max_instance);
			weft_parent_destroy(&parent);
		}
	}
}

static void types_refuses_vram(struct kunit *test)
{
	static const u64 bad[] = {
		0, 1, SZ_2M, SZ_4M - 1, SZ_4M + 1, 6 * SZ_1M, 48 * SZ_1M,
		2 * WEFT_VRAM_MAX, 1ULL << 63, U64_MAX,
	};
	struct weft_type types[WEFT_TYPES_MAX];
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, weft_types_compute(bad[i], types,
							 WEFT_TYPES_MAX), -EINVAL);
}

/* Room for fewer: refused, and none written beyond (the sanitizer looks too). */
static void types_no_room(struct kunit *test)
{
	struct weft_type *types;
	unsigned int size;

	for (size = 0; size <= 5; size++) {
		types = kmalloc_array(size + 1, sizeof(*types), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, types);
		memset(types, 0x77, (size + 1) * sizeof(*types));
		KUNIT_EXPECT_EQ(test, weft_types_compute(SZ_64M, types, size),
				size < 5 ? -ENOSPC : 5);
		KUNIT_EXPECT_EQ(test, types[size].id[0], 0x77);
		KUNIT_EXPECT_EQ(test, types[size].bytes, 0x7777777777777777ULL);
		kfree(types);
	}
}

static void types_describe_is_cut(struct kunit *test)
{
	struct weft_type types[WEFT_TYPES_MAX];
	char all[128], buf[128];
	int len, size;

	KUNIT_ASSERT_GT(test, weft_types_compute(SZ_64M, types, WEFT_TYPES_MAX), 0);
	len = weft_type_describe(&types[0], all, sizeof(all));
	for (size = 1; size <= len + 1; size++) {
		memset(buf, 0x77, sizeof(buf));
		KUNIT_EXPECT_EQ(test, weft_type_describe(&types[0], buf, size),
				size - 1);
		KUNIT_EXPECT_MEMEQ(test, buf, all, size - 1);
		KUNIT_EXPECT_EQ(test, buf[size - 1], '\0');
		KUNIT_EXPECT_EQ(test, buf[size], 0x77);
	}
}

static struct kunit_case types_cases[] = {
	KUNIT_CASE(types_64m),
	KUNIT_CASE(types_of_each_vram),
	KUNIT_CASE(types_max_instance_is_true),
	KUNIT_CASE(types_refuses_vram),
	KUNIT_CASE(types_no_room),
	KUNIT_CASE(types_describe_is_cut),
	{}
};

static struct kunit_suite types_suite = {
	.name = "weft_types",
	.test_cases = types_cases,
};

kunit_test_suite(types_suite);

MODULE_DESCRIPTION("KUnit tests of weft's type table");
MODULE_LICENSE("GPL");
