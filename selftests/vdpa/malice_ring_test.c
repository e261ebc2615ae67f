// SPDX-License-Identifier: GPL-2.0
/*
 * Rings that no honest driver writes: each stops its queue, for a reason that
 * is told, and nothing else. Names begin with the class of attack.
 */
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "guest_bad.h"
#include "guest_frame.h"
#include "guest_net.h"
#include "kernel_log.h"
#include "kselftest.h"
#include "vdev_lib.h"

static struct vguest g;
static struct vdev v;

static void run_bad(const struct guest_bad *b, bool packed)
{
	vdev_open(&v, &g, &(struct vdev_config){
		.packed = packed, .no_indirect = b->no_indirect, .size = 4,
	});
	guest_bad_show(&g.ring[b->queue], b, g.buf[b->queue], guest_mem_alloc(&g.mem, 64, 16));
	/* A frame to be received, or nobody looks. */
	if (b->queue == GUEST_RX)
		vdev_flood(&v, 1, 100);
	vdev_stopped(&v, b->queue, b->fault);
}

#include "bad_rings.h"

/* The control queue has both: what is said, and room for an answer. */
static void run_bad_command(const struct guest_bad *b, bool packed)
{
	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .size = 4, .ctrl = true });
	guest_bad_show(&g.ring[VDEV_CTRL], b, g.buf[VDEV_CTRL], guest_mem_alloc(&g.mem, 64, 16));
	vdev_stopped(&v, VDEV_CTRL, b->fault);
}

#define A7_CTRL(_name, ...)						\
	static const struct guest_bad command_##_name = { __VA_ARGS__ };	\
	TEST(a7_split_command_##_name)					\
	{								\
		run_bad_command(&command_##_name, false);		\
	}								\
	TEST(a7_packed_command_##_name)					\
	{								\
		run_bad_command(&command_##_name, true);		\
	}

A7_CTRL(without_room_for_an_answer, "buffer-direction", VDEV_CTRL, 1, { { 2, 0, 0 } })
A7_CTRL(that_says_nothing, "buffer-direction", VDEV_CTRL, 1, { { 1, WRITE, 0 } })
A7_CTRL(with_an_answer_of_no_bytes, "buffer-direction", VDEV_CTRL, 2,
	{ { 2, NEXT, 1 }, { 0, WRITE, 0 } })
A7_CTRL(where_no_memory_is, "buffer-no-memory", VDEV_CTRL, 2,
	{ { 2, NEXT, 1, 0x1000 }, { 1, WRITE, 0 } })
A7_CTRL(with_an_answer_to_nowhere, "buffer-no-memory", VDEV_CTRL, 2,
	{ { 2, NEXT, 1 }, { 1, WRITE, 0, 0x1000 } })

/* Commands of every class and number, with data of lengths that fit and that do not */
static void run_commands(bool packed, uint64_t features)
{
	static const uint8_t classes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x7f, 0xff };
	static const uint8_t cmds[] = { 0, 1, 2, 3, 4, 5, 6, 0xff };
	static const unsigned int lens[] = { 0, 1, 2, 3, 4, 6, 8, 9, 10, 14, 64, 1000 };
	struct vdev_config with = { .packed = packed, .ctrl = true, .features = features };
	uint8_t data[1000];
	unsigned int n = 0;

	vdev_open(&v, &g, &with);
	for (unsigned int c = 0; c < sizeof(classes); c++)
		for (unsigned int k = 0; k < sizeof(cmds); k++)
			for (unsigned int l = 0; l < sizeof(lens) / sizeof(*lens); l++) {
				n++;
				for (unsigned int i = 0; i < lens[l]; i++)
					data[i] = n & 3 ? guest_hash(n, i) & (n & 1 ? 0xff : 1) : 0;
				ASSERT_GE(vdev_command(&v, classes[c], cmds[k], data, lens[l]), 0);
			}
	EXPECT_STREQ(vdev_text(&v, VDEV_CTRL, "fault"), "none");
	/* Filters may be what they like now, until a reset. */
	vdev_arrived(&v);
	vdev_restart(&v);
	if (!(features & F(VIRTIO_NET_F_CTRL_RX)))
		vdev_unharmed(&v);
	kernel_log_quiet();
}

#define CTRL_ALL (F(VIRTIO_NET_F_CTRL_RX) | F(VIRTIO_NET_F_CTRL_RX_EXTRA) |	\
		  F(VIRTIO_NET_F_CTRL_VLAN) | F(VIRTIO_NET_F_CTRL_MAC_ADDR) |	\
		  F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | F(VIRTIO_NET_F_GUEST_CSUM))

TEST(a7_split_commands_of_all_classes)
{
	run_commands(false, CTRL_ALL);
}

TEST(a7_packed_commands_of_all_classes)
{
	run_commands(true, CTRL_ALL);
}

TEST(a7_commands_without_their_features)
{
	run_commands(false, 0);
}

/* Tables of addresses: numbers that do not fit what follows */
TEST(a7_address_tables_that_lie)
{
	static const uint32_t entries[] = {
		0, 1, 2, 63, 64, 65, 170, 171, 0x2aaaaaaa, 0x2aaaaaab, 0x7fffffff, 0x80000000,
		0xffffffff,
	};
	struct vdev_config with = { .ctrl = true, .features = F(VIRTIO_NET_F_CTRL_RX) };
	uint8_t data[1400] = { };

	vdev_open(&v, &g, &with);
	for (unsigned int a = 0; a < sizeof(entries) / sizeof(*entries); a++)
		for (unsigned int b = 0; b < sizeof(entries) / sizeof(*entries); b++) {
			uint32_t first = entries[a], second = entries[b];
			bool fits = first <= 170 && second <= 60;
			size_t len = fits ? 8 + 6 * (first + second) : sizeof(data);

			if (fits) {
				memcpy(data, &first, 4);
				memcpy(data + 4 + 6 * first, &second, 4);
			} else {
				memset(data, 0xff, sizeof(data));
				memcpy(data, &first, 4);
				if (first < 200)
					memcpy(data + 4 + 6 * first, &second, 4);
			}
			if (first < 200 && second < 240 &&
			    8 + 6 * (first + second) <= sizeof(data))
				fits = true;
			ASSERT_EQ(vdev_command(&v, VIRTIO_NET_CTRL_MAC,
					       VIRTIO_NET_CTRL_MAC_TABLE_SET, data, len),
				  fits ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
		}
	EXPECT_STREQ(vdev_text(&v, VDEV_CTRL, "fault"), "none");
	vdev_restart(&v);
	kernel_log_quiet();
}

/* The index */

static void run_index(uint16_t base, uint16_t index, unsigned int queue)
{
	uint32_t bases[2] = { base, base };

	vdev_open(&v, &g, &(struct vdev_config){ });
	vdev_leave(&v);
	for (int n = 0; n < 2; n++)
		guest_ring_reset(&g.ring[n], base);
	vdev_begin(&v, &g, bases);
	guest_raw_show(&g.ring[queue], index);
	if (queue == GUEST_RX)
		vdev_flood(&v, 1, 60);
	vdev_stopped(&v, queue, "avail-jump");
}

TEST(a7_avail_index_jumps)
{
	run_index(0, 65, GUEST_TX);
}

TEST(a7_avail_index_of_a_receiver_jumps)
{
	run_index(0, 65, GUEST_RX);
}

TEST(a7_avail_index_goes_back)
{
	run_index(5, 4, GUEST_TX);
}

TEST(a7_avail_index_jumps_across_its_wrap)
{
	run_index(65535, 64, GUEST_TX);
}

/* Buffers that are the ring: what is received makes it what it is from then on. */
static void run_ring_is_buffer(bool packed)
{
	struct guest_ring *ring = &g.ring[GUEST_RX];

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	for (unsigned int a = 0; a < 3; a++) {
		uint64_t at = !a ? ring->desc_addr : a == 1 ? ring->avail_addr : ring->used_addr;

		for (unsigned int i = 64; i--; ) {
			guest_raw_desc(ring, i, at, 4096, WRITE, i);
			if (!packed)
				ring->avail->ring[i] = htole16(i);
		}
		guest_raw_show(ring, 64);
		/* No longer than the part: behind it, the other queue's begin. */
		vdev_flood(&v, 200, 60 + 150 * a);
		/* Whatever that was, the other queue serves, and a reset mends it. */
		for (int i = 0; i < 5; i++)
			ASSERT_EQ(vdev_send(&v), 0);
		vdev_restart(&v);
	}
	vdev_unharmed(&v);
}

TEST(a7_split_buffers_that_are_the_ring)
{
	run_ring_is_buffer(false);
}

TEST(a7_packed_buffers_that_are_the_ring)
{
	run_ring_is_buffer(true);
}

/* What the device writes is never read back. */
TEST(a7_used_index_is_of_no_interest)
{
	vdev_open(&v, &g, &(struct vdev_config){ });
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
		/* What the driver is told next is right all the same. */
		g.ring[GUEST_RX].used->idx = htole16(g.ring[GUEST_RX].used_idx + i * 7);
		g.ring[GUEST_TX].used->flags = htole16(i);
		g.ring[GUEST_RX].used->idx = htole16(g.ring[GUEST_RX].used_idx);
	}
	vdev_unharmed(&v);
}

TEST(a7_packed_events_that_make_no_sense)
{
	vdev_open(&v, &g, &(struct vdev_config){ .packed = true, .size = 16 });
	for (unsigned int i = 0; i < 50; i++) {
		for (int q = 0; q < 2; q++) {
			g.ring[q].driver->flags = guest_hash(i, 2 * q + 1);
			g.ring[q].driver->off_wrap = guest_hash(i, 2 * q + 2);
		}
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
	}
	vdev_unharmed(&v);
}

/* 1024 segments are as many as there may be; a table has room for one more. */
static void run_segments(bool packed, unsigned int n)
{
	struct guest_buf *b = calloc(n, sizeof(*b));

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .table = 1100, .size = 16 });
	for (unsigned int i = 0; i < n; i++)
		b[i] = (struct guest_buf){ g.buf[GUEST_TX] + i % 16, 1 };
	ASSERT_EQ(guest_ring_add(&g.ring[GUEST_TX], b, n, 0, 0, &g), 0);
	guest_ring_kick_always(&g.ring[GUEST_TX]);
	free(b);
}

static void run_most_segments(bool packed)
{
	uint32_t len;
	void *token;

	run_segments(packed, 1024);
	ASSERT_TRUE(guest_ring_wait(&g.ring[GUEST_TX], VDEV_WAIT));
	ASSERT_TRUE(guest_ring_get(&g.ring[GUEST_TX], &len, &token));
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "packets"), 1);
	vdev_arrived(&v);
	vdev_unharmed(&v);
}

TEST(a7_split_most_segments)
{
	run_most_segments(false);
}

TEST(a7_packed_most_segments)
{
	run_most_segments(true);
}

TEST(a7_split_one_segment_too_many)
{
	run_segments(false, 1025);
	vdev_stopped(&v, GUEST_TX, "chain-too-long");
}

TEST(a7_packed_one_segment_too_many)
{
	run_segments(true, 1025);
	vdev_stopped(&v, GUEST_TX, "chain-too-long");
}

/* A11: frames that the representor cannot take are dropped and counted, one by one. */

static void send_raw(const struct virtio_net_hdr *hdr, size_t len)
{
	struct virtio_net_hdr_mrg_rxbuf h = { };
	struct guest_buf b[8];
	unsigned int n = 0;
	void *token;
	uint32_t used;

	if (hdr)
		h.hdr = guest_frame_hdr(hdr);
	guest_mem_fill(&g.mem, g.buf[GUEST_TX], 0, VDEV_BUF);
	guest_mem_write(&g.mem, g.buf[GUEST_TX], &h, VDEV_HDR);
	/* The same bytes again and again, where it is longer */
	for (len += VDEV_HDR; len; len -= b[n++].len)
		b[n] = (struct guest_buf){ g.buf[GUEST_TX], len < VDEV_BUF ? len : VDEV_BUF };
	ASSERT_EQ(guest_ring_add(&g.ring[GUEST_TX], b, n, 0, GUEST_DIRECT, &g), 0);
	guest_ring_kick(&g.ring[GUEST_TX]);
	ASSERT_TRUE(guest_ring_wait(&g.ring[GUEST_TX], VDEV_WAIT));
	ASSERT_TRUE(guest_ring_get(&g.ring[GUEST_TX], &used, &token));
}

static void run_short_frames(bool packed)
{
	long long drops = 0;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	/* Less than a header, too */
	for (int len = 1 - VDEV_HDR; len < 14; len++) {
		send_raw(NULL, len);
		EXPECT_EQ(vdev_stats(&v, GUEST_TX, "drop.size"), ++drops);
	}
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "packets"), 0);
	EXPECT_EQ(vdev_arrived(&v), 0);
	/* The smallest frame there can be */
	send_raw(NULL, 14);
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "packets"), 1);
	vdev_arrived(&v);
	vdev_unharmed(&v);
}

TEST(a11_split_frames_of_0_to_13_bytes)
{
	run_short_frames(false);
}

TEST(a11_packed_frames_of_0_to_13_bytes)
{
	run_short_frames(true);
}

/* The longest there may be, and one byte more, in pieces that overlap */
static void run_long_frames(bool packed)
{
	struct guest_buf b[40];
	uint32_t used;
	void *token;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .table = 40 });
	for (unsigned int more = 0; more < 3; more++) {
		uint32_t left = VDEV_HDR + 65536 + 14 - 1 + more;
		unsigned int n = 0;

		guest_mem_fill(&g.mem, g.buf[GUEST_TX], 0, VDEV_BUF);
		for (; left; n++) {
			b[n] = (struct guest_buf){ g.buf[GUEST_TX], left < 2048 ? left : 2048 };
			left -= b[n].len;
		}
		ASSERT_EQ(guest_ring_add(&g.ring[GUEST_TX], b, n, 0, 0, &g), 0);
		guest_ring_kick(&g.ring[GUEST_TX]);
		ASSERT_TRUE(guest_ring_wait(&g.ring[GUEST_TX], VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(&g.ring[GUEST_TX], &used, &token));
	}
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "packets"), 2);
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "drop.size"), 1);
	EXPECT_EQ(vdev_arrived(&v), 2);
	vdev_unharmed(&v);
}

TEST(a11_split_frames_of_64_kib_and_more)
{
	run_long_frames(false);
}

TEST(a11_packed_frames_of_64_kib_and_more)
{
	run_long_frames(true);
}

/* Headers without sense: the frame is dropped and counted, or passes as what it says. */
static void run_headers(size_t len)
{
	static const struct virtio_net_hdr bad[] = {
		{ .flags = 1, .csum_start = 20000 },
		{ .flags = 1, .csum_start = 65535, .csum_offset = 65535 },
		{ .flags = 1, .csum_start = 100, .csum_offset = 65000 },
		{ .flags = 1, .csum_start = 32768, .csum_offset = 32767 },
		{ .gso_type = 0x7f, .gso_size = 1000 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .flags = 1, .csum_start = 34,
		  .csum_offset = 16 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_TCPV6,
		  .gso_size = 100 },
	};
	unsigned int n = sizeof(bad) / sizeof(*bad);
	struct virtio_net_hdr h;

	vdev_open(&v, &g, &(struct vdev_config){ });
	for (unsigned int i = 0; i < n; i++)
		send_raw(&bad[i], len);
	EXPECT_EQ(vdev_stats(&v, GUEST_TX, "drop.header"), n);
	EXPECT_EQ(vdev_arrived(&v), 0);
	/* And any there could be */
	for (unsigned int i = 0; i < 300; i++) {
		for (unsigned int k = 0; k < sizeof(h); k++)
			((uint8_t *)&h)[k] = guest_hash(i, k) & (i & 1 ? 0xff : 0x1f);
		h.flags &= 7;
		h.gso_type &= 0x87;
		send_raw(&h, 14 + guest_hash(i, 99) % (i & 2 ? 12000 : 1500));
		vdev_arrived(&v);
	}
	EXPECT_EQ(vdev_all(&v, GUEST_TX), n + 300);
	vdev_unharmed(&v);
}

TEST(a11_headers_that_cannot_be)
{
	run_headers(200);
}

TEST(a11_headers_that_cannot_be_of_large_frames)
{
	run_headers(9000);
}

/* A21: what is fetched is looked at once; another thread writes anew all the time. */

static atomic_bool stop;
static struct guest_ring *scribbled;

static void *scribble_on(void *arg)
{
	for (uint64_t n = 0; !stop; n++)
		guest_scribble(scribbled, n, g.buf[GUEST_TX]);
	return NULL;
}

/*
 * Restarted each time that it stops, with all that comes of it. What the other
 * thread writes comes at any moment, and maybe at none that matters: each round
 * writes as much itself.
 */
static void run_scribble(bool packed, unsigned int queue)
{
	struct vdev_config c = { .packed = packed, .ctrl = queue == VDEV_CTRL };
	unsigned int faults = 0;
	uint64_t n = 1ULL << 40;
	pthread_t thread;

	vdev_open(&v, &g, &c);
	scribbled = &g.ring[queue];
	ASSERT_EQ(pthread_create(&thread, NULL, scribble_on, NULL), 0);
	for (unsigned int i = 0; i < 240; i++) {
		long long kicks = vdev_stats(&v, queue, "kicks");

		for (unsigned int k = 0; k < 2 * g.c.size; k++)
			guest_scribble(scribbled, n++, g.buf[GUEST_TX]);
		if (!packed)
			guest_ring_store(&scribbled->avail->idx, i % 64 + 1);
		eventfd_write(scribbled->kick, 1);
		if (queue == GUEST_RX)
			vdev_flood(&v, 1, 100);
		if (i % 8 == 7) {
			/* It has seen the kick by the time that another queue serves. */
			vdev_reaches(&v, queue, "kicks", kicks);
			ASSERT_EQ(queue == GUEST_TX ? vdev_receive(&v) : vdev_send(&v), 0);
			faults += strcmp(vdev_text(&v, queue, "fault"), "none") != 0;
			vdev_arrived(&v);
			vdev_restart(&v);
		}
		vdev_arrived(&v);
	}
	stop = true;
	pthread_join(thread, NULL);
	ksft_note("stopped %u times", faults);
	EXPECT_GT(faults, 0);
	vdev_restart(&v);
	/* Frames may have come of it. */
	vdev_arrived(&v);
	vdev_unharmed(&v);
}

#define A21(_name, _packed, _queue)					\
	static const unsigned int _name##_queue = _queue;		\
	TEST(a21_##_name##_descriptors_rewritten)			\
	{								\
		run_scribble(_packed, _name##_queue);			\
	}

A21(split, false, GUEST_TX)
A21(packed, true, GUEST_TX)
A21(split_receive, false, GUEST_RX)
A21(packed_receive, true, GUEST_RX)
A21(split_control, false, VDEV_CTRL)
A21(packed_control, true, VDEV_CTRL)
