// SPDX-License-Identifier: GPL-2.0
/* Many devices at once, and one many times. */
#include <linux/if_tun.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "guest_dev.h"
#include "guest_net.h"
#include "guest_stats.h"
#include "kselftest.h"
#include "rig_lib.h"

/* 64 network devices of 8 queue pairs each, which is a node for each pair */
#define DEVICES		64
#define PAIRS		8
#define NODES		(DEVICES * PAIRS)
#define SIZE		16

struct pair {
	struct guest_mem mem;
	struct guest_dev dev;
	struct guest_ring ring[2];
	int tap;
};

static struct pair pairs[NODES];
static int far[DEVICES];
static uint8_t frame[100] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5 };

static void open_pair(struct pair *p)
{
	const struct guest_mem_config mc = { .ring_bytes = 1 << 16, .data_bytes = 1 << 16 };
	const uint64_t features = F(VIRTIO_F_VERSION_1) | F(VIRTIO_RING_F_EVENT_IDX);
	struct guest_buf b;

	ASSERT_EQ(guest_mem_init(&p->mem, &mc), 0);
	ASSERT_EQ(guest_dev_open(&p->dev, NULL), 0);
	ASSERT_EQ(guest_dev_setup(&p->dev, &p->mem, features, GUEST_NO_IOTLB), 0);
	for (unsigned int q = 0; q < 2; q++) {
		ASSERT_EQ(guest_ring_init(&p->ring[q], &p->mem, SIZE, features, 0, 0), 0);
		ASSERT_EQ(guest_dev_attach(&p->dev, q, &p->ring[q]), 0);
		ASSERT_EQ(guest_dev_start(&p->dev, q, p->tap), 0);
	}
	for (unsigned int i = 0; i < PAIRS; i++) {
		b = (struct guest_buf){ guest_mem_alloc(&p->mem, 2048, 1), 2048 };
		ASSERT_EQ(guest_ring_add(&p->ring[GUEST_RX], &b, 0, 1, GUEST_DIRECT, p), 0);
	}
	guest_ring_kick_always(&p->ring[GUEST_RX]);
}

static void send_one(struct pair *p)
{
	struct guest_buf b = { guest_mem_alloc(&p->mem, 200, 1), RIG_HDR + sizeof(frame) };

	guest_mem_fill(&p->mem, b.addr, 0, RIG_HDR);
	guest_mem_write(&p->mem, b.addr + RIG_HDR, frame, sizeof(frame));
	ASSERT_EQ(guest_ring_add(&p->ring[GUEST_TX], &b, 1, 0, GUEST_DIRECT, p), 0);
	guest_ring_kick(&p->ring[GUEST_TX]);
}

static unsigned int arrived(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct virtio_net_hdr hdr;
	unsigned int n = 0;
	uint8_t data[2048];

	while (n < PAIRS && poll(&p, 1, RIG_WAIT) > 0)
		n += guest_far_receive(fd, &hdr, data, sizeof(data)) == sizeof(frame);
	return n;
}

static unsigned int received(struct pair *p)
{
	unsigned int n = 0;
	uint32_t len;
	void *token;

	while (guest_ring_get(&p->ring[GUEST_RX], &len, &token))
		n++;
	return n;
}

static long meminfo(const char *name)
{
	char text[8192];
	const char *at;
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	at = strstr(text, name);
	return at ? atol(at + strlen(name) + 1) : 0;
}

TEST_TIMEOUT(sixty_four_devices_of_eight_pairs, 200)
{
	const struct rlimit files = { 16384, 16384 };
	long kernel;
	char dir[128];
	unsigned int i, d;

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	ASSERT_EQ(guest_net_private(), 0);
	for (i = 0; i < NODES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "tap%u", i / PAIRS);
		pairs[i].tap = guest_tap_open(name, RIG_HDR, IFF_MULTI_QUEUE);
		ASSERT_GE(pairs[i].tap, 0);
		if (i % PAIRS == PAIRS - 1)
			far[i / PAIRS] = guest_packet_open(name, true, true);
	}
	kernel = meminfo("Slab:") + meminfo("VmallocUsed:");
	for (i = 0; i < NODES; i++)
		open_pair(&pairs[i]);
	kernel = meminfo("Slab:") + meminfo("VmallocUsed:") - kernel;

	for (i = 0; i < NODES; i++)
		send_one(&pairs[i]);
	for (d = 0; d < DEVICES; d++)
		EXPECT_EQ(arrived(far[d]), PAIRS);
	/* Which of the pairs of a device gets a frame is the tap's business. */
	for (d = 0; d < DEVICES; d++)
		for (i = 0; i < PAIRS; i++) {
			frame[11] = i * 29;
			ASSERT_EQ(guest_far_send(far[d], NULL, frame, sizeof(frame)), 0);
		}
	for (d = 0; d < DEVICES; d++) {
		double end = rig_now() + RIG_WAIT / 1000;
		unsigned int got = 0;

		while (got < PAIRS && rig_now() < end)
			for (i = 0; i < PAIRS; i++)
				got += received(&pairs[d * PAIRS + i]);
		EXPECT_EQ(got, PAIRS);
	}
	ASSERT_TRUE(guest_stats_dir(dir, sizeof(dir), 0));
	ksft_note("bytes: %lld a device, %lld each of its 2 queues, %lld a worker",
		  guest_stats(dir, "device", "bytes.device"),
		  guest_stats(dir, "device", "bytes.queue"),
		  guest_stats(dir, "device", "bytes.worker"));
	ksft_note("%d nodes: %ld kB of the kernel's memory each, with files, threads and eventfds",
		  NODES, kernel / NODES);
	EXPECT_GT(guest_stats(dir, "device", "bytes.device"), 0);
	EXPECT_GT(guest_stats(dir, "device", "bytes.queue"), 0);
	for (i = 0; i < NODES; i++)
		close(pairs[i].dev.fd);
	EXPECT_EQ(guest_dev_worker(0), -1);
}

/* One, many times: nothing may pile up. */

/*
 * Much is freed late: after grace periods, in batches, by workers. There is no
 * event to wait for, so this looks until there is no less three times in a row.
 * Free pages are looked at too, as frames are in pages of their own.
 */
static long settle(void)
{
	double end = rig_now() + 20;
	long least = 1L << 40, kb;
	unsigned int same = 0;
	int fd;

	while (same < 3 && rig_now() < end) {
		fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
		if (write(fd, "3", 1) != 1)
			same = 0;
		close(fd);
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		poll(NULL, 0, 250);
		kb = meminfo("SUnreclaim:") + meminfo("VmallocUsed:") + meminfo("Percpu:");
		same = kb < least - 8 ? 0 : same + 1;
		least = kb < least ? kb : least;
	}
	return least;
}

/*
 * Pages that nobody has, or would be given back. Those that a CPU keeps for
 * itself are free, and may be some MB; meminfo does not count them. Nor does it
 * know of what a CPU has not told yet, which may be half a MB each.
 */
static long free_kb(void)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY);
	unsigned long count, pages = 0;
	char line[256];
	FILE *f;

	EXPECT_EQ(write(refresh, "1", 1), 1);
	close(refresh);
	f = fopen("/proc/zoneinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %lu", &count) == 1)
			pages += count;
	if (f)
		fclose(f);
	return meminfo("MemAvailable:") + (long)pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned int cycles(void)
{
	const char *n = getenv("WEFT_CYCLES");

	return n ? atoi(n) : 1000;
}

static int tap;

/* With a frame sent, for which the kernel gets pages */
static void cycle(unsigned int i, bool send)
{
	struct pair p = { .tap = tap };
	unsigned int q;

	open_pair(&p);
	if (send) {
		send_one(&p);
		ASSERT_TRUE(guest_ring_wait(&p.ring[GUEST_TX], RIG_WAIT));
	}
	/* Told so, or not: it is closed in either case. */
	for (q = 0; i & 1 && q < 2; q++)
		ASSERT_EQ(guest_dev_stop(&p.dev, q), 0);
	close(p.dev.fd);
	guest_ring_free(&p.ring[0]);
	guest_ring_free(&p.ring[1]);
	guest_mem_free(&p.mem);
}

/* A leak grows in each quarter of the cycles; what hangs around in slabs does not. */
#define QUARTERS	4
#define QUARTER_KB	96

static void run_cycles(unsigned int nr, bool send)
{
	long before, after, first, grown, least = 1L << 40, avail, lost = 1L << 40;
	unsigned int i, q;

	ASSERT_EQ(guest_net_private(), 0);
	tap = guest_tap_open("tap0", RIG_HDR, 0);
	ASSERT_GE(tap, 0);
	for (i = 0; i < 50; i++)
		cycle(i, send);
	first = after = settle();
	for (q = 0; q < QUARTERS; q++) {
		before = after;
		avail = free_kb();
		for (i = 0; i < nr / QUARTERS; i++)
			cycle(i, send);
		after = settle();
		grown = after - before;
		least = grown < least ? grown : least;
		grown = avail - free_kb();
		lost = grown < lost ? grown : lost;
	}
	ksft_note("%u cycles: %+ld kB, at least %+ld kB in each quarter; %+ld kB of pages",
		  nr, after - first, least, lost);
	EXPECT_LT(least, QUARTER_KB);
	/* A page of a backend's, lost in each cycle, would be 32 kB times those. */
	EXPECT_LT(lost, (long)nr / QUARTERS * 16);
}

TEST_TIMEOUT(opened_and_closed_over_and_over, 1500)
{
	run_cycles(cycles(), false);
}

TEST_TIMEOUT(used_over_and_over, 900)
{
	run_cycles(cycles() / 2, true);
}

/* What a device without an owner got has to go when it does. */
TEST_TIMEOUT(features_without_an_owner_over_and_over, 200)
{
	const uint64_t features = F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM);
	unsigned int i, warm = 500, nr = 8000;
	struct guest_dev d;
	long before = 0;

	for (i = 0; i < warm + nr; i++) {
		if (i == warm)
			before = settle();
		ASSERT_EQ(guest_dev_open(&d, NULL), 0);
		ASSERT_EQ(ioctl(d.fd, VHOST_SET_FEATURES, &features), 0);
		close(d.fd);
	}
	before = settle() - before;
	ksft_note("%u devices: %+ld kB", nr, before);
	/* The least that the kernel gives is 64 bytes, for an empty IOTLB. */
	EXPECT_LT(before, (long)nr * 64 / 1024 / 2);
}
