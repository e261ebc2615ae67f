// SPDX-License-Identifier: GPL-2.0
/* Many devices at once, and one many times. */
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "kernel_log.h"
#include "kselftest.h"
#include "vdev_lib.h"
#include "vdpa_nl_lib.h"

#define DEVICES	128

static struct vguest guests[DEVICES];
static struct vdev devs[DEVICES];

TEST_TIMEOUT(hundred_and_twenty_eight_devices, 400)
{
	struct vdev_config c = { .size = 16, .data_bytes = 65536 };

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 8192, 8192 }), 0);
	kernel_log_begin();
	for (int i = 0; i < DEVICES; i++) {
		c.packed = i & 1;
		vdev_make(&devs[i], i, &c);
		vguest_init(&guests[i], &c);
		vdev_begin(&devs[i], &guests[i], NULL);
	}
	/* Of each, its own; and the others are as they were. */
	for (int i = 0; i < DEVICES; i++) {
		ASSERT_EQ(vdev_send(&devs[i]), 0);
		ASSERT_EQ(vdev_receive(&devs[i]), 0);
	}
	for (int i = 0; i < DEVICES; i++) {
		EXPECT_EQ(vdev_all(&devs[i], GUEST_RX), 1);
		EXPECT_EQ(vdev_all(&devs[i], GUEST_TX), 1);
	}
	for (int i = 0; i < DEVICES; i++) {
		vdev_unmake(&devs[(i * 37 + 5) % DEVICES]);
		EXPECT_FALSE(vdpa_exists(devs[(i * 37 + 5) % DEVICES].name));
	}
	kernel_log_quiet();
}

static long meminfo(const char *name)
{
	char line[256];
	long kb = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (file)
		fclose(file);
	return kb;
}

/* What the kernel has, once all that waits for a grace period is gone */
static long kernel_kb(void)
{
	long least = 1L << 40, now;

	for (int i = 0; i < 20; i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		poll(NULL, 0, 20);
		/* Also pages that nobody counts, as those of frames are */
		now = meminfo("MemTotal:") - meminfo("MemFree:") - meminfo("Buffers:") -
		      meminfo("Cached:") - meminfo("AnonPages:") - meminfo("PageTables:");
		least = now < least ? now : least;
	}
	return least;
}

static unsigned int cycles(void)
{
	const char *n = getenv("WEFT_CYCLES");

	return n ? atoi(n) : 200;
}

#define QUARTERS	4
#define QUARTER_KB	128

/* A leak grows in each quarter of the cycles; what hangs around in slabs does not. */
static void run_cycles(unsigned int nr, void (*cycle)(unsigned int i))
{
	long before, after, least = 1L << 40, first;

	kernel_log_begin();
	for (unsigned int i = 0; i < 20; i++)
		cycle(i);
	first = after = kernel_kb();
	for (unsigned int q = 0; q < QUARTERS; q++) {
		before = after;
		for (unsigned int i = 0; i < nr / QUARTERS; i++)
			cycle(i);
		after = kernel_kb();
		least = after - before < least ? after - before : least;
	}
	ksft_note("%u cycles: %+ld kB, at least %+ld kB in each quarter", nr, after - first, least);
	EXPECT_LT(least, QUARTER_KB);
	kernel_log_quiet();
}

static void made_and_deleted(unsigned int i)
{
	ASSERT_EQ(vdpa_make("w0", 0, &(struct vdpa_make){ .pairs = 1 + i % 16 }), 0);
	ASSERT_EQ(vdpa_delete("w0"), 0);
}

TEST_TIMEOUT(made_and_deleted_over_and_over, 5400)
{
	run_cycles(cycles(), made_and_deleted);
}

/* With memory mapped, a frame each way, frames that wait, and a client that just ends */
static void used(unsigned int i)
{
	struct vdev_config c = { .size = 16, .data_bytes = 65536, .packed = i & 1 };
	struct vdev *v = &devs[0];
	struct vguest *g = &guests[0];

	vdev_make(v, 0, &c);
	vguest_init(g, &c);
	vdev_begin(v, g, NULL);
	ASSERT_EQ(vdev_send(v), 0);
	ASSERT_EQ(vdev_receive(v), 0);
	vdev_flood(v, i & 2 ? 40 : 0, 60);
	vdev_unmake(v);
	for (unsigned int n = 0; n < g->rings; n++)
		guest_ring_free(&g->ring[n]);
	guest_mem_free(&g->mem);
}

TEST_TIMEOUT(used_over_and_over, 5400)
{
	run_cycles(cycles() / 2, used);
}
