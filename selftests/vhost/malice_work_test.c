// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that cost much and carry little: what a run of the worker does is
 * bounded by descriptors too, however few frames they are. Names begin with the
 * class of attack; what is asserted is work, and no time.
 */
#include <sys/ioctl.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT

#define RUN_DESCS	0x4000	/* after which a queue yields */
#define FRAME_DESCS	0x10000	/* after which a frame is given up */

static struct rig r;

static void drain(void)
{
	static uint8_t data[65536];
	struct virtio_net_hdr hdr;

	while (guest_far_receive(r.link.far, &hdr, data, sizeof(data)) > 0)
		;
}

static void frames(unsigned int n, size_t len)
{
	static const uint8_t frame[1000];

	while (n--)
		ASSERT_EQ(guest_far_send(r.link.far, NULL, frame, len), 0);
}

/* All of a split ring's buffers are the same chain, of which all but the last are empty. */
static void chains(int queue, unsigned int descs, uint32_t last, unsigned int n)
{
	uint16_t write = queue == GUEST_RX ? WRITE : 0;
	unsigned int i;

	for (i = 0; i < descs - 1; i++)
		rig_desc(&r, queue, i, r.buf[queue], 0, write | NEXT, i + 1);
	rig_desc(&r, queue, i, r.buf[queue], last, write, 0);
	for (i = 0; i < n; i++)
		rig_avail(&r, queue, i, 0);
	rig_show(&r, queue, n);
}

/* Each of them is worth a run of its own, however many there are. */
static void own_run_each(int queue, unsigned int n)
{
	long long descs = rig_stats(&r, queue, "descs"), runs = rig_stats(&r, queue, "runs");
	long long weight = rig_stats(&r, queue, "weight");

	ksft_note("%lld descriptors in %lld runs, of which %lld yielded", descs, runs, weight);
	EXPECT_GE(descs, (long long)n * RUN_DESCS);
	EXPECT_GE(weight, n - 1);
	rig_restart(&r, queue);
	rig_unharmed(&r);
}

/* A frame in a thousand buffers of a byte, each at the end of a chain */
TEST(a2_split_frames_in_chains_of_nothing)
{
	rig_open(&r, &(struct rig_config){ .mergeable = true, .size = 32768 });
	frames(16, 1000);
	chains(GUEST_RX, 32, 1, 16 * 1012);
	rig_reaches(&r, GUEST_RX, "packets", 16);
	own_run_each(GUEST_RX, 16);
}

/* The same where a frame would take 33 million descriptors: it is not worth that. */
TEST(a2_split_frames_in_the_longest_chains)
{
	rig_open(&r, &(struct rig_config){ .mergeable = true, .size = 32768 });
	frames(8, 1000);
	chains(GUEST_RX, 32768, 1, 32768);
	rig_reaches(&r, GUEST_RX, "drop.no-buffer", 8);
	EXPECT_LE(rig_stats(&r, GUEST_RX, "descs"), 8 * (FRAME_DESCS + 32768 + RUN_DESCS));
	own_run_each(GUEST_RX, 8);
}

TEST(a2_split_long_chains_are_sent)
{
	rig_open(&r, &(struct rig_config){ .size = 32768 });
	guest_mem_fill(&r.mem, r.buf[GUEST_TX], 0, 100);
	chains(GUEST_TX, RUN_DESCS + 1, 100, 64);
	rig_reaches(&r, GUEST_TX, "packets", 64);
	drain();
	own_run_each(GUEST_TX, 64);
}

/* A table that is read anew for each of its entries, as it leaps to and fro */
TEST(a2_split_tables_that_leap)
{
	const unsigned int n = 1024;
	struct vring_desc *t;
	uint64_t table;

	rig_open(&r, &(struct rig_config){ .table = 1100 });
	table = guest_mem_alloc(&r.mem, 16 * n, 16);
	t = guest_mem_ptr(&r.mem, table);
	for (unsigned int i = 0; i < n / 2; i++) {
		t[i] = (struct vring_desc){ .flags = NEXT, .next = n / 2 + i };
		t[n / 2 + i] = (struct vring_desc){ .flags = NEXT, .next = i + 1 };
	}
	guest_mem_fill(&r.mem, r.buf[GUEST_TX], 0, 100);
	t[n - 1] = (struct vring_desc){ r.buf[GUEST_TX], 100, 0, 0 };
	for (unsigned int i = 0; i < 32; i++) {
		rig_desc(&r, GUEST_TX, i, table, 16 * n, INDIRECT, 0);
		rig_avail(&r, GUEST_TX, i, i);
	}
	rig_show(&r, GUEST_TX, 32);
	rig_reaches(&r, GUEST_TX, "packets", 32);
	drain();
	own_run_each(GUEST_TX, 32);
}

static void add_tables(int queue, unsigned int n, uint32_t last)
{
	static struct guest_buf b[1024];

	for (unsigned int i = 0; i < 1024; i++)
		b[i] = (struct guest_buf){ r.buf[queue], 0 };
	b[1023].len = last;
	while (n--)
		ASSERT_EQ(guest_ring_add(&r.ring[queue], b, queue == GUEST_TX ? 1024 : 0,
					 queue == GUEST_TX ? 0 : 1024, 0, &r), 0);
	guest_ring_kick_always(&r.ring[queue]);
}

/* 16 tables of a thousand entries are a run. */
static void run_tables_sent(bool packed)
{
	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 128, .table = 1024 });
	guest_mem_fill(&r.mem, r.buf[GUEST_TX], 0, 100);
	add_tables(GUEST_TX, 128, 100);
	rig_reaches(&r, GUEST_TX, "packets", 128);
	drain();
	own_run_each(GUEST_TX, 128 / 16);
}

TEST(a2_split_tables_of_nothing_are_sent)
{
	run_tables_sent(false);
}

TEST(a2_packed_tables_of_nothing_are_sent)
{
	run_tables_sent(true);
}

/* A frame would take 72 tables, and is given up before. */
static void run_tables_received(bool packed)
{
	rig_open(&r, &(struct rig_config){
		.packed = packed, .size = 512, .table = 1024, .mergeable = true,
	});
	frames(6, 60);
	add_tables(GUEST_RX, 512, 1);
	rig_reaches(&r, GUEST_RX, "drop.no-buffer", 6);
	EXPECT_EQ(rig_stats(&r, GUEST_RX, "packets"), 0);
	own_run_each(GUEST_RX, 6);
}

TEST(a2_split_frames_in_tables_of_nothing)
{
	run_tables_received(false);
}

TEST(a2_packed_frames_in_tables_of_nothing)
{
	run_tables_received(true);
}

/* What drivers do is far from it: frames of 64 KiB in 18 pieces. */
static void run_honest(bool packed)
{
	static struct guest_buf b[18];
	uint64_t at;

	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 256, .mergeable = true });
	at = guest_mem_alloc(&r.mem, 18 * 3600, 16);
	guest_mem_fill(&r.mem, at, 0, 18 * 3600);
	for (unsigned int i = 0; i < 18; i++)
		b[i] = (struct guest_buf){ at + 3600 * i, 3600 };
	for (unsigned int i = 0; i < 14; i++)
		ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], b, 18, 0, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(&r.ring[GUEST_TX]);
	rig_reaches(&r, GUEST_TX, "packets", 14);
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "descs"), 14 * 17);
	drain();
	rig_restart(&r, GUEST_TX);
	rig_unharmed(&r);
}

TEST(split_frames_in_many_pieces)
{
	run_honest(false);
}

TEST(packed_frames_in_many_pieces)
{
	run_honest(true);
}
