// SPDX-License-Identifier: GPL-2.0
/*
 * What a VMM changes, or says that no other would, while a queue is in use:
 * the frames go on. Names begin with the class of attack.
 */
#include <poll.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

static struct rig r;

/*
 * Features are set, as at the begin and the end of a migration, while a queue
 * waits for a translation: the IOTLB begins anew, and with it the question.
 */
static void run_features_set(bool packed, int queue)
{
	struct pollfd p = { .events = POLLIN };
	static const uint8_t frame[100];
	struct virtio_net_hdr hdr;
	uint8_t got[RIG_BUF];
	struct guest_buf b;
	uint32_t len;
	void *token;

	rig_open(&r, &(struct rig_config){ .packed = packed, .iotlb = GUEST_IOTLB_PAGES });
	p.fd = r.dev.fd;
	b.addr = guest_mem_alloc(&r.mem, GUEST_PAGE, GUEST_PAGE);
	b.len = RIG_HDR + sizeof(frame);
	guest_mem_fill(&r.mem, b.addr, 0, b.len);
	ASSERT_EQ(guest_dev_iotlb_forget(&r.dev, b.addr, GUEST_PAGE), 0);
	ASSERT_EQ(guest_ring_add(&r.ring[queue], &b, queue == GUEST_TX, queue == GUEST_RX,
				 GUEST_DIRECT, &r), 0);
	guest_ring_kick(&r.ring[queue]);
	if (queue == GUEST_RX)
		ASSERT_EQ(guest_far_send(r.link.far, NULL, frame, sizeof(frame)), 0);
	ASSERT_EQ(poll(&p, 1, RIG_WAIT), 1);
	ASSERT_EQ(read(r.dev.fd, got, sizeof(got)), sizeof(struct vhost_msg_v2));
	ASSERT_EQ(guest_dev_set_features(&r.dev, r.features), 0);
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.mem.start, r.mem.size, VHOST_ACCESS_RW), 0);
	ASSERT_TRUE(guest_ring_wait(&r.ring[queue], RIG_WAIT));
	ASSERT_TRUE(guest_ring_get(&r.ring[queue], &len, &token));
	if (queue == GUEST_TX) {
		p.fd = r.link.far;
		ASSERT_EQ(poll(&p, 1, RIG_WAIT), 1);
		EXPECT_EQ(guest_far_receive(r.link.far, &hdr, got, sizeof(got)), sizeof(frame));
	} else {
		EXPECT_EQ(len, b.len);
	}
	rig_unharmed(&r);
}

TEST(a6_split_features_set_while_a_frame_to_send_is_missed)
{
	run_features_set(false, GUEST_TX);
}

TEST(a6_packed_features_set_while_a_frame_to_send_is_missed)
{
	run_features_set(true, GUEST_TX);
}

TEST(a6_split_features_set_while_room_to_receive_is_missed)
{
	run_features_set(false, GUEST_RX);
}

TEST(a6_packed_features_set_while_room_to_receive_is_missed)
{
	run_features_set(true, GUEST_RX);
}
