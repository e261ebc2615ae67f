// SPDX-License-Identifier: GPL-2.0
/*
 * Rings that no honest driver writes: each stops its queue, for a reason that
 * is told, and nothing else. Names begin with the class of attack.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "guest_bad.h"
#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

static struct rig r;

static void run_bad(const struct guest_bad *b, bool packed)
{
	static const uint8_t frame[100];

	rig_open(&r, &(struct rig_config){
		.packed = packed, .no_indirect = b->no_indirect, .size = 4,
	});
	guest_bad_show(&r.ring[b->queue], b, r.buf[b->queue], guest_mem_alloc(&r.mem, 64, 16));
	/* A frame to be received, or nobody looks. */
	if (b->queue == GUEST_RX)
		ASSERT_EQ(guest_far_send(r.link.far, NULL, frame, sizeof(frame)), 0);
	rig_stopped(&r, b->queue, b->fault);
}

#include "bad_rings.h"

/* The index */

static void run_index(uint16_t base, uint16_t index, bool iotlb)
{
	rig_open(&r, &(struct rig_config){ .iotlb = iotlb ? GUEST_IOTLB_PRELOADED : 0 });
	ASSERT_EQ(guest_dev_stop(&r.dev, GUEST_TX), 0);
	guest_ring_reset(&r.ring[GUEST_TX], base);
	ASSERT_EQ(guest_dev_start(&r.dev, GUEST_TX, r.link.backend), 0);
	rig_show(&r, GUEST_TX, index);
	rig_stopped(&r, GUEST_TX, "avail-jump");
}

TEST(a7_avail_index_jumps)
{
	run_index(0, 65, false);
}

TEST(a7_avail_index_jumps_with_an_iotlb)
{
	run_index(0, 65, true);
}

TEST(a7_avail_index_goes_back)
{
	run_index(5, 4, false);
}

TEST(a7_avail_index_jumps_across_its_wrap)
{
	run_index(65535, 64, false);
}

TEST(a7_avail_index_jumps_while_frames_pass)
{
	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(rig_send(&r), 0);
	rig_show(&r, GUEST_TX, 20 + 0x8000);
	rig_stopped(&r, GUEST_TX, "avail-jump");
}

/* What the device writes is never read back. */
TEST(a7_used_index_is_of_no_interest)
{
	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		ASSERT_EQ(rig_receive(&r), 0);
		/* What the driver is told next is right all the same. */
		r.ring[GUEST_RX].used->idx = htole16(r.ring[GUEST_RX].used_idx + i * 7);
		r.ring[GUEST_TX].used->flags = htole16(i);
		r.ring[GUEST_RX].used->idx = htole16(r.ring[GUEST_RX].used_idx);
	}
	rig_unharmed(&r);
}

/* Wrap bits and flags of slots that are not its turn */
TEST(a7_packed_flags_of_other_slots)
{
	struct guest_ring *ring;

	rig_open(&r, &(struct rig_config){ .packed = true, .size = 16 });
	ring = &r.ring[GUEST_TX];
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		/* All but the next two look available, in this or that round. */
		for (unsigned int s = 1; s < 16; s++) {
			uint16_t *at = &ring->pdesc[(ring->avail_idx + s) % 16].flags, f;

			if (s == 1)
				f = ring->avail_wrap == (ring->avail_idx + s < 16) ? 0 :
				    F(VRING_PACKED_DESC_F_AVAIL) | F(VRING_PACKED_DESC_F_USED);
			else
				f = i & 1 ? F(VRING_PACKED_DESC_F_AVAIL) :
				    F(VRING_PACKED_DESC_F_USED);
			*at = htole16(f);
		}
	}
	rig_unharmed(&r);
}

TEST(a7_packed_events_that_make_no_sense)
{
	rig_open(&r, &(struct rig_config){ .packed = true, .size = 16 });
	for (unsigned int i = 0; i < 100; i++) {
		r.ring[GUEST_TX].driver->flags = guest_hash(i, 1);
		r.ring[GUEST_TX].driver->off_wrap = guest_hash(i, 2);
		r.ring[GUEST_RX].driver->flags = guest_hash(i, 3);
		r.ring[GUEST_RX].driver->off_wrap = guest_hash(i, 4);
		ASSERT_EQ(rig_send(&r), 0);
		ASSERT_EQ(rig_receive(&r), 0);
	}
	rig_unharmed(&r);
}

/* 1024 segments are as many as there may be; a table has room for one more. */
static void run_segments(bool packed, unsigned int n)
{
	struct guest_buf *b = calloc(n, sizeof(*b));

	rig_open(&r, &(struct rig_config){ .packed = packed, .table = 1100 });
	for (unsigned int i = 0; i < n; i++)
		b[i] = (struct guest_buf){ r.buf[GUEST_TX] + i % 16, 1 };
	ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], b, n, 0, 0, &r), 0);
	guest_ring_kick_always(&r.ring[GUEST_TX]);
	free(b);
}

static void run_most_segments(bool packed)
{
	uint8_t got[2048];
	struct virtio_net_hdr hdr;
	uint32_t len;
	void *token;

	run_segments(packed, 1024);
	ASSERT_TRUE(guest_ring_wait(&r.ring[GUEST_TX], RIG_WAIT));
	ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_TX], &len, &token));
	rig_reaches(&r, GUEST_TX, "packets", 1);
	guest_far_receive(r.link.far, &hdr, got, sizeof(got));
	rig_unharmed(&r);
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
	rig_stopped(&r, GUEST_TX, "chain-too-long");
}

TEST(a7_packed_one_segment_too_many)
{
	run_segments(true, 1025);
	rig_stopped(&r, GUEST_TX, "chain-too-long");
}

/* A11: frames that the backend cannot take are dropped and counted, one by one. */

static void send_raw(const struct virtio_net_hdr *hdr, size_t len)
{
	struct virtio_net_hdr_mrg_rxbuf h = { };
	struct guest_buf b = { r.buf[GUEST_TX], RIG_HDR + len };
	void *token;
	uint32_t used;

	if (hdr)
		h.hdr = guest_frame_hdr(hdr);
	guest_mem_fill(&r.mem, b.addr, 0, RIG_BUF);
	guest_mem_write(&r.mem, b.addr, &h, RIG_HDR);
	ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], &b, 1, 0, GUEST_DIRECT, &r), 0);
	guest_ring_kick(&r.ring[GUEST_TX]);
	ASSERT_TRUE(guest_ring_wait(&r.ring[GUEST_TX], RIG_WAIT));
	ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_TX], &used, &token));
}

static void run_short_frames(bool packed, enum guest_backend backend)
{
	long long drops = 0;

	rig_open(&r, &(struct rig_config){ .packed = packed, .backend = backend });
	/* Less than a header, too */
	for (int len = 1 - RIG_HDR; len < 14; len++) {
		send_raw(NULL, len);
		EXPECT_EQ(rig_stats(&r, GUEST_TX, "drop.short"), ++drops);
	}
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "packets"), 0);
	rig_unharmed(&r);
}

TEST(a11_split_frames_of_0_to_13_bytes)
{
	run_short_frames(false, GUEST_TAP);
}

TEST(a11_packed_frames_of_0_to_13_bytes)
{
	run_short_frames(true, GUEST_TAP);
}

TEST(a11_frames_of_0_to_13_bytes_to_macvtap)
{
	run_short_frames(false, GUEST_MACVTAP);
}

TEST(a11_frames_of_0_to_13_bytes_to_a_socket)
{
	run_short_frames(false, GUEST_PACKET);
}

/* Those that the device itself does not refuse are refused by the tap. */
static const struct virtio_net_hdr headers[] = {
	{ .flags = 1, .csum_start = 1000 },
	{ .flags = 1, .csum_start = 65535, .csum_offset = 65535 },
	{ .flags = 1, .csum_start = 100, .csum_offset = 65000 },
	{ .gso_type = 0x7f, .gso_size = 1000 },
	{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .flags = 1, .csum_start = 34, .csum_offset = 16 },
	{ .gso_type = 5 /* UDP_L4 */ },
};

static unsigned int arrived(void)
{
	static uint8_t data[65536];
	struct virtio_net_hdr hdr;
	unsigned int n = 0;

	while (guest_far_receive(r.link.far, &hdr, data, sizeof(data)) > 0)
		n++;
	return n;
}

static void run_headers(enum guest_backend backend, size_t len)
{
	rig_open(&r, &(struct rig_config){ .backend = backend });
	for (unsigned int i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		send_raw(&headers[i], len);
		if (backend == GUEST_TAP)
			EXPECT_EQ(arrived(), 0);
	}
	if (backend == GUEST_TAP)
		EXPECT_EQ(rig_stats(&r, GUEST_TX, "drop.header"), 3);
	/* A length of headers that is longer than the frame is none of the tap's business. */
	for (uint32_t n = 0; n < 65536; n += 4681)
		send_raw(&(struct virtio_net_hdr){ .hdr_len = n }, 60);
	arrived();
	rig_unharmed(&r);
}

TEST(a11_bad_headers_of_small_frames)
{
	run_headers(GUEST_TAP, 200);
}

TEST(a11_bad_headers_to_macvtap)
{
	run_headers(GUEST_MACVTAP, 200);
}

/* A21: what is fetched is looked at once; another thread writes anew all the time. */

static atomic_bool stop;

static void *scribble_on(void *arg)
{
	for (uint64_t n = 0; !stop; n++)
		guest_scribble(arg, n, r.buf[GUEST_TX]);
	return NULL;
}

/*
 * Restarted each time that it stops, with all that comes of it. What the other
 * thread writes comes at any moment, and maybe at none that matters: each round
 * writes as much itself.
 */
static void run_scribble(bool packed, int queue)
{
	static const uint8_t frame[100];
	unsigned int faults = 0;
	uint64_t n = 1ULL << 40;
	pthread_t thread;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	ASSERT_EQ(pthread_create(&thread, NULL, scribble_on, &r.ring[queue]), 0);
	for (unsigned int i = 0; i < 600; i++) {
		for (unsigned int k = 0; k < 2 * r.c.size; k++)
			guest_scribble(&r.ring[queue], n++, r.buf[GUEST_TX]);
		if (!packed)
			guest_ring_store(&r.ring[queue].avail->idx, i % 64 + 1);
		eventfd_write(r.ring[queue].kick, 1);
		if (queue == GUEST_RX)
			guest_far_send(r.link.far, NULL, frame, sizeof(frame));
		if (i % 8 == 7) {
			/* It has seen the kicks by the time that it answers. */
			rig_flush(&r);
			faults += guest_event_take(r.ring[queue].err) > 0;
			rig_restart(&r, queue);
		}
	}
	stop = true;
	pthread_join(thread, NULL);
	ksft_note("stopped %u times", faults);
	EXPECT_GT(faults, 0);
	/* Frames may have come of it. */
	arrived();
	rig_flush(&r);
	rig_witness();
	rig_quiet();
}

TEST(a21_split_descriptors_rewritten)
{
	run_scribble(false, GUEST_TX);
}

TEST(a21_packed_descriptors_rewritten)
{
	run_scribble(true, GUEST_TX);
}

TEST(a21_split_receive_descriptors_rewritten)
{
	run_scribble(false, GUEST_RX);
}

TEST(a21_packed_receive_descriptors_rewritten)
{
	run_scribble(true, GUEST_RX);
}
