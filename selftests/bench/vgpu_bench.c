// SPDX-License-Identifier: GPL-2.0
/*
 * vgpu_bench - what a vGPU costs, in instructions
 *
 * For a machine that counts instructions as time (QEMU's -icount): there the
 * time-stamp counter is a count of the whole machine's instructions. The peer,
 * the kernel's own mtty sample, goes through the same steps in the same boot.
 *
 * Instructions are blind to an access that traps, so the writes to a mapped
 * BAR are timed by the host's clock, which a file on the results share shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

#include "host_clock.h"
#include "vfio_lib.h"

#define ROUNDS	15
#define MTTY	"/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1"

static void fail(const char *what)
{
	fprintf(stderr, "vgpu_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median: a timer tick that falls into one round is no part of the cost. */
static uint64_t median(uint64_t *v, int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* Counted costs above their limit; what is timed is only reported. */
static int too_dear;

static void row(const char *what, double val, const char *unit, double peer, double limit)
{
	char ratio[64] = "";

	if (peer > 0 && limit > 0 && val / peer > limit)
		too_dear++;
	if (peer > 0 && limit > 0)
		snprintf(ratio, sizeof(ratio), "%10.0f %6.2f  (at most %.2f)", peer, val / peer,
			 limit);
	else if (peer > 0)
		snprintf(ratio, sizeof(ratio), "%10.0f %6.2f", peer, val / peer);
	printf("%-44s %10.0f %-10s %s\n", what, val, unit, ratio);
	fflush(stdout);
}

/* Register accesses */

static uint64_t access_cost(int fd, uint64_t offset, bool write)
{
	uint64_t v[201];
	uint16_t val = 0;

	for (unsigned int i = 0; i < 201; i++) {
		uint64_t t = __rdtsc();

		if (write ? pwrite(fd, &val, 2, offset) != 2 : pread(fd, &val, 2, offset) != 2)
			fail("register access");
		v[i] = __rdtsc() - t;
	}
	return median(v, 201);
}

static void bench_access(const char *bdf)
{
	uint64_t zero, reg;
	struct vgpu v;
	int fd = open("/dev/zero", O_RDWR);

	if (vgpu_new(&v, bdf, "4m", 1))
		fail("an instance");
	reg = region_offset(v.fd, REGION_BAR2);
	zero = access_cost(fd, 0, false);
	row("register read (beside /dev/zero)", access_cost(v.fd, reg + REG_VBE(VBE_XRES), false),
	    "instr", zero, 0);
	zero = access_cost(fd, 0, true);
	row("register write (beside /dev/zero)", access_cost(v.fd, reg + REG_VBE(VBE_XRES), true),
	    "instr", zero, 0);
	row("config space read", access_cost(v.fd, region_offset(v.fd, REGION_CONFIG), false),
	    "instr", 0, 0);
	vgpu_close(&v);
	mdev_remove(v.uuid);
	close(fd);
}

/* Life of an instance */

struct life {
	uint64_t create, remove, open, close;
};

static uint64_t sysfs_cost(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	uint64_t t;

	if (fd < 0)
		fail(path);
	t = __rdtsc();
	if (write(fd, text, strlen(text)) < 0)
		fail(path);
	t = __rdtsc() - t;
	close(fd);
	return t;
}

/* The device's file alone: its group and container are opened before. */
static void open_close(const char *uuid, uint64_t *opened, uint64_t *closed)
{
	struct vgpu v;
	uint64_t t;
	int fd;

	if (vgpu_open(&v, uuid))
		fail("opening an instance");
	close(v.fd);
	t = __rdtsc();
	fd = ioctl(v.group, VFIO_GROUP_GET_DEVICE_FD, uuid);
	*opened = __rdtsc() - t;
	if (fd < 0)
		fail("VFIO_GROUP_GET_DEVICE_FD");
	t = __rdtsc();
	close(fd);
	*closed = __rdtsc() - t;
	close(v.group);
	close(v.container);
}

static struct life life_cost(const char *create)
{
	uint64_t v[4][ROUNDS];
	const char *uuid = uuid_of(77);
	char remove[128];

	snprintf(remove, sizeof(remove), MDEVS "/%s/remove", uuid);
	/* the first two warm the slabs */
	for (int i = -2; i < ROUNDS; i++) {
		int n = i < 0 ? 0 : i;

		v[0][n] = sysfs_cost(create, uuid);
		open_close(uuid, &v[2][n], &v[3][n]);
		v[1][n] = sysfs_cost(remove, "1");
	}
	return (struct life){ median(v[0], ROUNDS), median(v[1], ROUNDS), median(v[2], ROUNDS),
			      median(v[3], ROUNDS) };
}

static struct life life_of(const char *bdf, const char *type)
{
	char create[192];

	snprintf(create, sizeof(create), PCI "/%s/mdev_supported_types/weft_vgpu-%s/create", bdf,
		 type);
	return life_cost(create);
}

/* What the scrub of a MiB costs, from types that differ in nothing else. */
static void bench_scrub(const char *bdf)
{
	struct life small = life_of(bdf, "4m"), large = life_of(bdf, "32m");
	static uint8_t mem[4 * MIB];
	uint64_t v[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = __rdtsc();

		memset(mem, i, sizeof(mem));
		asm volatile("" : : "r"(mem) : "memory");
		v[i] = __rdtsc() - t;
	}
	row("memset of memory, per MiB", median(v, ROUNDS) / 4.0, "instr", 0, 0);
	row("scrub at open, adapter's BAR, per MiB",
	    ((double)large.open - (double)small.open) / 28, "instr", median(v, ROUNDS) / 4.0, 0);
	row("scrub at close, adapter's BAR, per MiB",
	    ((double)large.close - (double)small.close) / 28, "instr", median(v, ROUNDS) / 4.0, 0);
}

static void bench_life(const char *bdf)
{
	struct life ours = life_of(bdf, "4m"), peer = { 0 };

	if (file_exists(MTTY "/create"))
		peer = life_cost(MTTY "/create");
	else
		printf("(no mtty: its column stays empty)\n");
	row("create", ours.create, "instr", peer.create, 1.2);
	row("remove", ours.remove, "instr", peer.remove, 1.2);
	row("open, nothing to scrub", ours.open, "instr", peer.open, 1.2);
	row("close, nothing to scrub", ours.close, "instr", peer.close, 1.2);
}

/* Writes through a mapping */

#define SPAN	(16 * MIB)
#define FILLS	16
#define PASSES	31

static void fill(volatile uint64_t *p, uint64_t val)
{
	for (size_t i = 0; i < SPAN / 8; i += 4) {
		p[i] = val;
		p[i + 1] = val;
		p[i + 2] = val;
		p[i + 3] = val;
	}
}

/* Nanoseconds of the host for one pass. */
static uint64_t pass(void *map, int val)
{
	double t = host_clock();

	for (int i = 0; i < FILLS; i++)
		fill(map, val + i);
	return (host_clock() - t) * 1e9;
}

/* The BAR of an adapter that no driver has, as sysfs maps it. */
static void *map_bar(const char *bdf)
{
	char path[128];
	void *map;
	int fd;

	if (file_write("1", PCI "/%s/enable", bdf))
		fail("enabling an adapter");
	snprintf(path, sizeof(path), PCI "/%s/resource0_wc", bdf);
	fd = open(path, O_RDWR);
	map = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail(path);
	close(fd);
	return map;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/*
 * An instance that is all of one adapter, and another adapter just like it
 * that stays without a driver; turn by turn, and the median of each.
 */
static void bench_mapping(const char *bdf, const char *bare)
{
	uint64_t v[2][PASSES];
	struct vgpu vgpu;
	void *map[2];
	double rate[2];
	long before;

	if (vgpu_new(&vgpu, bdf, "full", 1))
		fail("an instance on the adapter");
	map[0] = region_map(vgpu.fd, REGION_BAR0, 0, SPAN);
	if (map[0] == MAP_FAILED)
		fail("mapping the instance's BAR 0");
	map[1] = map_bar(bare);

	for (int i = 0; i < 2; i++)
		pass(map[i], 0);
	before = faults();
	for (int n = 0; n < PASSES; n++)
		for (int i = 0; i < 2; i++)
			v[i][n] = pass(map[i], n);
	before = faults() - before;
	for (int i = 0; i < 2; i++)
		rate[i] = FILLS * (SPAN / MIB) * 1e9 / median(v[i], PASSES);

	printf("%-44s %10.0f %-10s %10.0f %6.2f  (at least 0.95)\n",
	       "writes through mmap (beside the adapter's)", rate[0], "MiB/s*", rate[1],
	       rate[0] / rate[1]);
	printf("%-44s %10ld\n", "page faults after the first touch", before);
	munmap(map[0], SPAN);
	munmap(map[1], SPAN);
	vgpu_close(&vgpu);
	mdev_remove(vgpu.uuid);
}

int main(void)
{
	char soft[BDF_SIZE], adapter[BDF_SIZE], bare[BDF_SIZE];

	snprintf(soft, sizeof(soft), "%s", softpci_find(0));
	snprintf(adapter, sizeof(adapter), "%s", bochs_find(0));
	snprintf(bare, sizeof(bare), "%s", bochs_find(1));
	if (!*soft || !*adapter || !*bare)
		fail("one softpci function and two bochs-displays are needed");
	if (adapter_bind(adapter))
		fail("binding the adapter");

	printf("%-44s %10s %-10s %10s %6s\n", "", "ours", "", "peer", "ratio");
	bench_access(soft);
	bench_life(soft);
	bench_scrub(adapter);
	bench_mapping(adapter, bare);
	printf("* by the host's clock, so noisy; all else is counted, and the same in each run\n");
	if (too_dear)
		printf("%d cost%s more than the limit allows\n", too_dear,
		       too_dear == 1 ? "s" : "");
	return !!too_dear;
}
