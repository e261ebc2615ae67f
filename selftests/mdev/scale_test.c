// SPDX-License-Identifier: GPL-2.0
/* Many instances at once, and one many times. */
#include <dirent.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kselftest.h"
#include "vfio_lib.h"

#define PARENTS		4
#define EACH		16
#define ALL		(PARENTS * EACH)

static const char *parents[PARENTS];

static void four_parents(void)
{
	unsigned int i;

	ASSERT_EQ(modules_reload("functions=4 vram_mb=64"), 0);
	for (i = 0; i < PARENTS; i++) {
		parents[i] = softpci_find(i);
		ASSERT_NE(parents[i][0], 0);
	}
}

static void create_all(void)
{
	unsigned int i;

	for (i = 0; i < ALL; i++)
		ASSERT_EQ(mdev_create(parents[i / EACH], "4m", uuid_of(i)), 0);
}

/* 64 instances, open at once */

struct share {
	unsigned int first, nr;
};

/* Something in the first, a middle and the last page that only i writes */
static uint64_t tag(unsigned int i, unsigned int page)
{
	return 0x77656674ULL << 32 | i << 16 | page;
}

static const unsigned int pages[] = { 0, 511, 1023 };

static int have_open(int sock, void *arg)
{
	const struct share *s = arg;
	static struct vgpu v[ALL];
	static uint8_t *map[ALL];
	unsigned int i, p;
	uint64_t *word;

	for (i = 0; i < s->nr; i++) {
		if (vgpu_open(&v[i], uuid_of(s->first + i)))
			return 10;
		map[i] = region_map(v[i].fd, REGION_BAR0, 0, 0);
		if (map[i] == MAP_FAILED)
			return 11;
		if (irq_eventfd(v[i].fd, VFIO_PCI_MSI_IRQ_INDEX, event_new()) ||
		    mode_set(v[i].fd, 1024, 768, 32))
			return 12;
		for (p = 0; p < 3; p++) {
			word = (uint64_t *)(map[i] + pages[p] * PAGE);
			if (*word)
				return 13;
			*word = tag(s->first + i, pages[p]);
		}
	}
	helper_say(sock, 1);
	if (helper_hear(sock, 60000) != 2)
		return 14;
	for (i = 0; i < s->nr; i++)
		for (p = 0; p < 3; p++) {
			word = (uint64_t *)(map[i] + pages[p] * PAGE);
			if (*word != tag(s->first + i, pages[p]))
				return 15;
		}
	return 0;
}

static void check_layout(const struct share *shares, unsigned int nr)
{
	struct helper p[ALL];
	unsigned int i, attached = 0;
	double start;

	four_parents();
	create_all();
	start = now();
	for (i = 0; i < nr; i++)
		ASSERT_EQ(helper_start(&p[i], have_open, (void *)&shares[i]), 0);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(helper_hear(p[i].sock, 60000), 1);
	ksft_note("64 open in %u processes after %.1f s", nr, now() - start);
	for (i = 0; i < ALL; i++)
		attached += !strcmp(mdev_attr(uuid_of(i), "state"), "attached") &&
			    !strcmp(mdev_attr(uuid_of(i), "mode"), "1024x768x32");
	EXPECT_EQ(attached, ALL);

	/* the 65th, on each of them */
	for (i = 0; i < PARENTS; i++) {
		EXPECT_EQ(mdev_available(parents[i], "4m"), 0);
		EXPECT_STREQ(adapter_attr(parents[i], "ready"), "0");
		EXPECT_ERRNO(ENOSPC, mdev_create(parents[i], "4m", uuid_of(ALL)));
		EXPECT_TRUE(strstr(adapter_attr(parents[i], "last_error"), "no hole of 4 MiB"));
	}
	for (i = 0; i < nr; i++)
		helper_say(p[i].sock, 2);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(helper_end(&p[i], WAIT_MS), 0);
	for (i = 0; i < ALL; i++)
		EXPECT_TRUE(wait_text("ready", WAIT_MS, MDEVS "/%s/weft/state", uuid_of(i)));
	ASSERT_EQ(mdev_remove_all(), 0);
	for (i = 0; i < PARENTS; i++)
		EXPECT_STREQ(adapter_attr(parents[i], "vram_free"),
			     adapter_attr(parents[i], "vram_total"));
}

TEST_TIMEOUT(one_process_has_64, 120)
{
	const struct share s = { 0, ALL };

	check_layout(&s, 1);
}

TEST_TIMEOUT(sixty_four_have_one_each, 120)
{
	struct share s[ALL];
	unsigned int i;

	for (i = 0; i < ALL; i++)
		s[i] = (struct share){ i, 1 };
	check_layout(s, ALL);
}

TEST_TIMEOUT(one_has_32_eight_have_2_four_have_4, 120)
{
	struct share s[13] = { { 0, 32 } };
	unsigned int i;

	for (i = 0; i < 8; i++)
		s[1 + i] = (struct share){ 32 + 2 * i, 2 };
	for (i = 0; i < 4; i++)
		s[9 + i] = (struct share){ 48 + 4 * i, 4 };
	check_layout(s, 13);
}

/* One, many times: nothing may pile up */

struct usage {
	long slab_kb, groups, nodes, percpu_kb, vmalloc_kb;
};

static long entries(const char *path)
{
	DIR *d = opendir(path);
	long n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static long meminfo(const char *name)
{
	const char *at = strstr(file_text("/proc/meminfo"), name);

	return at ? atol(at + strlen(name) + 1) : 0;
}

/*
 * Much is freed late: after grace periods, in batches, by workers. Dropping
 * caches starts those, and the caches of names and files are nobody's leak
 * either. There is no event to wait for, so this looks until there is no less
 * three times in a row.
 */
static struct usage settle(void)
{
	double end = now() + 20;
	long least = 1L << 40, kb;
	unsigned int same = 0;

	while (same < 3 && now() < end) {
		file_write("3", "/proc/sys/vm/drop_caches");
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		poll(NULL, 0, 250);
		kb = meminfo("SUnreclaim:");
		same = kb < least - 8 ? 0 : same + 1;
		least = kb < least ? kb : least;
	}
	return (struct usage){
		.slab_kb = least,
		.percpu_kb = meminfo("Percpu:"),
		.vmalloc_kb = meminfo("VmallocUsed:"),
		.groups = entries("/sys/kernel/iommu_groups"),
		.nodes = entries("/dev/vfio"),
	};
}

/* Which caches grew, for whoever has to find out why */
static void tell_growth(const char *before)
{
	static char after[65536];
	char *line, *rest = after;

	file_read(after, sizeof(after), "/proc/slabinfo");
	while ((line = strsep(&rest, "\n"))) {
		long active, total, size, was, was_total;
		char name[64], look[66];
		const char *at;

		if (sscanf(line, "%63s %ld %ld %ld", name, &active, &total, &size) != 4)
			continue;
		snprintf(look, sizeof(look), "\n%s ", name);
		at = strstr(before, look);
		if (at && sscanf(at + strlen(look), "%ld %ld", &was, &was_total) == 2 &&
		    (total - was_total) * size > 16384)
			ksft_note("%s: %ld of %ld objects of %ld bytes, were %ld of %ld", name,
				  active, total, size, was, was_total);
	}
}

/*
 * SUnreclaim moves by some 100 kB up or down between two looks, since slabs
 * that are partly used hang around, and a cycle uses many caches: devices,
 * sysfs, devtmpfs. A leak grows in each quarter of the cycles, that does not.
 * An instance is more than 2 KiB: at a thousand cycles, lost ones would be
 * eight times this bound; at ten thousand, 26 lost bytes a cycle are seen.
 */
#define QUARTERS	4
#define QUARTER_KB	64

static unsigned int cycles(void)
{
	const char *n = getenv("WEFT_CYCLES");

	return n ? atoi(n) : 1000;
}

static void cycle(const char *bdf, unsigned int n, bool use)
{
	static const char *const types[] = { "4m", "8m", "full" };
	const char *uuid = uuid_of(n);
	struct vgpu v;
	uint8_t *map;

	ASSERT_EQ(mdev_create(bdf, types[n % 3], uuid), 0);
	if (use) {
		int ev = event_new();

		ASSERT_EQ(vgpu_open(&v, uuid), 0);
		map = region_map(v.fd, REGION_BAR0, 0, 0);
		ASSERT_NE(map, MAP_FAILED);
		map[0] = map[2 * MIB] = 1;
		ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev), 0);
		ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
		munmap(map, region_size(v.fd, REGION_BAR0));
		vgpu_close(&v);
		close(ev);
	}
	ASSERT_EQ(mdev_remove(uuid), 0);
}

static void check_cycles(unsigned int nr, bool use)
{
	static char slabs[65536];
	struct usage first, before, after;
	long least = 1L << 40, grown;
	const char *bdf = parent_fresh();
	double start, took = 0;
	unsigned int i, q;

	ASSERT_NE(bdf[0], 0);
	for (i = 0; i < 100; i++)
		cycle(bdf, i, use);
	first = after = settle();
	file_read(slabs, sizeof(slabs), "/proc/slabinfo");
	for (q = 0; q < QUARTERS; q++) {
		before = after;
		start = now();
		for (i = 0; i < nr / QUARTERS; i++)
			cycle(bdf, i, use);
		took += now() - start;
		after = settle();
		grown = after.slab_kb - before.slab_kb;
		least = grown < least ? grown : least;
	}
	ksft_note("%u cycles, %.2f ms each; SUnreclaim %+ld kB, at least %+ld kB in each quarter",
		  nr, took * 1000 / nr, after.slab_kb - first.slab_kb, least);
	ksft_note("Percpu %+ld kB, VmallocUsed %+ld kB", after.percpu_kb - first.percpu_kb,
		  after.vmalloc_kb - first.vmalloc_kb);
	if (least >= QUARTER_KB)
		tell_growth(slabs);
	EXPECT_LT(least, QUARTER_KB);
	EXPECT_LT(after.percpu_kb - first.percpu_kb, QUARTERS * QUARTER_KB);
	EXPECT_LT(after.vmalloc_kb - first.vmalloc_kb, QUARTERS * QUARTER_KB);
	EXPECT_EQ(after.groups, first.groups);
	EXPECT_EQ(after.nodes, first.nodes);
	EXPECT_STREQ(adapter_attr(bdf, "vram_free"), adapter_attr(bdf, "vram_total"));
	EXPECT_EQ(mdev_available(bdf, "full"), 1);
	EXPECT_EQ(mdev_available(bdf, "4m"), 16);
}

TEST_TIMEOUT(create_and_remove_over_and_over, 1500)
{
	if (cycles() < 10000)
		ksft_note("%u cycles here; 10,000 in scale-long, for make check ALL=1",
			  cycles());
	check_cycles(cycles(), false);
}

TEST_TIMEOUT(use_over_and_over, 900)
{
	check_cycles(cycles() / 5, true);
}

/* The same instance opened and closed: its eventfds, mappings, DMA-BUFs go */
static void use_dmabuf(const char *uuid, unsigned int n)
{
	struct vfio_device_gfx_plane_info info = { .argsz = sizeof(info),
						   .flags = VFIO_GFX_PLANE_TYPE_DMABUF,
						   .drm_plane_type = 1 };
	struct vgpu v;
	uint8_t *buf;
	int fd;

	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info), 0);
	fd = ioctl(v.fd, VFIO_DEVICE_GET_GFX_DMABUF, &info.dmabuf_id);
	ASSERT_GE(fd, 0);
	buf = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(buf, MAP_FAILED);
	buf[n % info.size] = 1;
	if (n % 2)
		munmap(buf, info.size);
	vgpu_close(&v);
	if (!(n % 2))
		munmap(buf, info.size);
	close(fd);
}

TEST_TIMEOUT(open_and_close_over_and_over, 600)
{
	const char *bdf = parent_fresh(), *uuid = uuid_of(1);
	unsigned int i, q, nr = cycles() / 5;
	long least = 1L << 40, grown;
	struct usage before, after;

	ASSERT_EQ(mdev_create(bdf, "4m", uuid), 0);
	ASSERT_EQ(file_write("dmabuf", MDEVS "/%s/weft/display", uuid), 0);
	for (i = 0; i < 50; i++)
		use_dmabuf(uuid, i);
	after = settle();
	for (q = 0; q < QUARTERS; q++) {
		before = after;
		for (i = 0; i < nr / QUARTERS; i++)
			use_dmabuf(uuid, i);
		after = settle();
		grown = after.slab_kb - before.slab_kb;
		least = grown < least ? grown : least;
	}
	ksft_note("%u times; SUnreclaim at least %+ld kB in each quarter", nr, least);
	EXPECT_LT(least, QUARTER_KB);
	EXPECT_STREQ(mdev_attr(uuid, "state"), "ready");
}
