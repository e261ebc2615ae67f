// SPDX-License-Identifier: GPL-2.0
/*
 * A tap that holds frames back when its ring is full, rather than drop them, has
 * to be told when there is room again: a reader that does not leaves it stopped
 * for ever, with no word of it anywhere.
 */
#include "kselftest.h"
#include "rig_lib.h"

#define FRAME	200
#define MOST	20000

static struct rig r;

static void frame_of(unsigned int n, uint8_t *frame)
{
	memset(frame, 0x02, 12);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (unsigned int i = 14; i < FRAME; i++)
		frame[i] = n >> (i % 2 ? 8 : 0);
}

/* All that the tap took arrives, and in order, although its ring was full. */
static void run_held(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_RX];
	unsigned int n, i;
	uint8_t frame[FRAME];
	struct guest_buf buf;
	uint32_t len;
	void *token;

	if (!guest_tap_can_hold())
		SKIP("taps of this kernel drop frames instead: no IFF_BACKPRESSURE");
	rig_open(&r, &(struct rig_config){ .packed = packed, .backend = GUEST_TAP_HOLDING });
	/* One that drops the newest, and says so: the default may drop others, silently. */
	ASSERT_EQ(system("tc qdisc replace dev tap0 root pfifo limit 500"), 0);
	/* The guest has no room yet: the tap's ring fills, then the queue before it. */
	for (n = 0; n < MOST; n++) {
		frame_of(n, frame);
		if (guest_far_send(r.link.far, NULL, frame, sizeof(frame)))
			break;
	}
	ASSERT_EQ(errno, ENOBUFS);
	/* As many are in its ring; more say that it did hold some back. */
	ASSERT_GT(n, 500);
	buf = (struct guest_buf){ r.buf[GUEST_RX], RIG_BUF };
	for (i = 0; i < n; i++) {
		ASSERT_EQ(guest_ring_add(ring, &buf, 0, 1, GUEST_DIRECT, &r), 0);
		guest_ring_kick(ring);
		if (!guest_ring_wait(ring, RIG_WAIT))
			KSFT_FAILED(1, "the tap stands still after %u of %u frames", i, n);
		ASSERT_TRUE(guest_ring_get(ring, &len, &token));
		ASSERT_EQ(len, RIG_HDR + FRAME);
		frame_of(i, frame);
		ASSERT_EQ(guest_mem_compare(&r.mem, buf.addr + RIG_HDR, frame, FRAME), FRAME);
	}
	rig_unharmed(&r);
	rig_close(&r);
}

TEST(split_gets_all_that_a_tap_held_back)
{
	run_held(false);
}

TEST(packed_gets_all_that_a_tap_held_back)
{
	run_held(true);
}
