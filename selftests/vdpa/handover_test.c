// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend, resume, and rings that go from one device to another: no frame is
 * lost that was not on its way to the guest, and none comes twice.
 */
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "flow_lib.h"
#include "kernel_log.h"
#include "kselftest.h"

static struct vguest g;
static struct vdev v[2];
static struct flow f;

static void must_ioctl(struct vdev *d, unsigned long request)
{
	ASSERT_EQ(ioctl(d->fd, request, NULL), 0);
}

/* Two devices, of which the guest has the first. Neither is the witness. */
static void open_two(const struct vdev_config *c)
{
	kernel_log_begin();
	vdev_make(&v[0], 0, c);
	vdev_make(&v[1], 2, c);
	vguest_init(&g, c);
	vdev_begin(&v[0], &g, NULL);
}

static void move(struct vdev *from, struct vdev *to, bool close_first)
{
	uint32_t bases[3];

	must_ioctl(from, VHOST_VDPA_SUSPEND);
	for (unsigned int n = 0; n < g.rings; n++)
		bases[n] = vdev_base(from, n);
	/* The old one has said its last before the new one says anything. */
	flow_take(&f, from);
	if (close_first)
		vdev_leave(from);
	vdev_begin(to, &g, bases);
	if (!close_first)
		vdev_leave(from);
}

static void run_moves(const struct vdev_config *c, unsigned int each, unsigned int moves)
{
	long long may = 0;

	open_two(c);
	flow_begin(&f, &g, each);
	for (unsigned int i = 0; i < moves; i++) {
		flow_run(&f, &v[i & 1], 20 + i % 50);
		/* Some are on their way, and may be in the line. */
		flow_host(&f, &v[i & 1], i % 5 * 10);
		/* What waits in the device stays behind; nothing else does. */
		may += f.posted - f.received - flow_dropped(v, 2);
		move(&v[i & 1], &v[!(i & 1)], i & 2);
		EXPECT_STREQ(vdev_text(&v[i & 1], GUEST_TX, "fault"), "none");
	}
	flow_run(&f, &v[moves & 1], 50);
	flow_end(&f, &v[moves & 1]);
	EXPECT_LE(flow_lost(&f, v, 2), may);
	kernel_log_quiet();
}

#define MOVES(_name, _each, ...)					\
	static const struct vdev_config with_##_name = { __VA_ARGS__ };	\
	TEST(handover_under_traffic_##_name)				\
	{								\
		run_moves(&with_##_name, _each, 12);			\
	}

MOVES(split, 0, .size = 64)
MOVES(packed, 0, .size = 64, .packed = true)
MOVES(split_in_order, 0, .size = 64, .in_order = true)
MOVES(packed_in_order, 0, .size = 64, .packed = true, .in_order = true)
MOVES(split_without_event_index, 0, .size = 64, .no_event_idx = true)
MOVES(packed_without_event_index, 0, .size = 64, .packed = true, .no_event_idx = true)
MOVES(split_indirect, 0, .size = 64, .table = 4)
MOVES(packed_indirect, 0, .size = 64, .packed = true, .table = 4)
MOVES(split_mergeable, 300, .size = 64, .mergeable = true)
MOVES(packed_mergeable, 300, .size = 64, .packed = true, .mergeable = true)
MOVES(split_smallest_ring, 0, .size = 2)
MOVES(packed_smallest_ring, 0, .size = 2, .packed = true)
MOVES(split_largest_ring, 0, .size = 1024, .data_bytes = 5 << 20)
MOVES(packed_largest_ring, 0, .size = 1024, .packed = true, .data_bytes = 5 << 20)

static void run_suspends(bool packed)
{
	struct vdev_config c = { .packed = packed, .size = 64 };

	vdev_open(v, &g, &c);
	flow_begin(&f, &g, 0);
	for (unsigned int i = 0; i < 50; i++) {
		flow_run(&f, v, 10);
		flow_host(&f, v, 10);
		must_ioctl(v, VHOST_VDPA_SUSPEND);
		/* These wait. */
		flow_host(&f, v, 10);
		must_ioctl(v, VHOST_VDPA_RESUME);
	}
	flow_run(&f, v, 10);
	flow_end(&f, v);
	flow_lost(&f, v, 1);
	/* There was always room for them. */
	EXPECT_EQ(vdev_stats(v, GUEST_RX, "drop.down"), 0);
	EXPECT_EQ(vdev_stats(v, GUEST_RX, "drop.no-buffer"), 0);
	kernel_log_quiet();
}

TEST(suspended_and_resumed_under_traffic_split)
{
	run_suspends(false);
}

TEST(suspended_and_resumed_under_traffic_packed)
{
	run_suspends(true);
}

/* What stands still: neither a buffer is taken, nor a frame passed, nor a byte written. */
static void run_stands_still(bool packed)
{
	struct vdev_config c = { .packed = packed, .size = 16 };
	static uint8_t before[VDEV_BUF];
	struct virtio_net_hdr_mrg_rxbuf none = { };
	struct guest_buf b;
	uint32_t bases[2];
	long long kicks;

	vdev_open(v, &g, &c);
	for (int i = 0; i < 21; i++) {
		ASSERT_EQ(vdev_send(v), 0);
		ASSERT_EQ(vdev_receive(v), 0);
	}
	must_ioctl(v, VHOST_VDPA_SUSPEND);
	for (int n = 0; n < 2; n++) {
		bases[n] = vdev_base(v, n);
		EXPECT_EQ(bases[n], packed ? GUEST_BASE_PACKED(21u % 16, 0) : 21);
	}
	guest_mem_read(&g.mem, g.buf[GUEST_RX], before, VDEV_BUF);
	for (int n = 0; n < 2; n++) {
		b = (struct guest_buf){ g.buf[n], VDEV_HDR + 60 };
		guest_mem_write(&g.mem, g.buf[GUEST_TX], &none, VDEV_HDR);
		ASSERT_EQ(guest_ring_add(&g.ring[n], &b, n, !n, GUEST_DIRECT, v), 0);
		kicks = vdev_stats(v, n, "kicks");
		guest_ring_kick_always(&g.ring[n]);
		vdev_reaches(v, n, "kicks", kicks + 1);
	}
	vdev_flood(v, 5, 60);
	vdev_witness();
	for (int n = 0; n < 2; n++) {
		EXPECT_EQ(vdev_base(v, n), bases[n]);
		EXPECT_FALSE(guest_ring_has_used(&g.ring[n]));
		EXPECT_STREQ(vdev_text(v, n, "ring"), "none");
	}
	EXPECT_EQ(guest_mem_compare(&g.mem, g.buf[GUEST_RX], before, VDEV_BUF), VDEV_BUF);
	EXPECT_EQ(vdev_arrived(v), 0);
	/* Twice is as once, and what is enabled meanwhile does not run. */
	must_ioctl(v, VHOST_VDPA_SUSPEND);
	EXPECT_EQ(vdev_vring(v, VHOST_VDPA_SET_VRING_ENABLE, GUEST_TX, 0), 0);
	EXPECT_EQ(vdev_vring(v, VHOST_VDPA_SET_VRING_ENABLE, GUEST_TX, 1), 0);
	EXPECT_STREQ(vdev_text(v, GUEST_TX, "ring"), "none");
	must_ioctl(v, VHOST_VDPA_RESUME);
	must_ioctl(v, VHOST_VDPA_RESUME);
	for (int n = 0; n < 2; n++) {
		ASSERT_TRUE(guest_ring_wait(&g.ring[n], VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(&g.ring[n], &(uint32_t){ 0 }, &(void *){ NULL }));
	}
	EXPECT_EQ(vdev_arrived(v), 1);
	vdev_unharmed(v);
}

TEST(suspended_device_stands_still_split)
{
	run_stands_still(false);
}

TEST(suspended_device_stands_still_packed)
{
	run_stands_still(true);
}

/* A reset ends it: the next driver finds a device that serves. */
TEST(suspended_device_is_reset)
{
	vdev_open(v, &g, &(struct vdev_config){ });
	ASSERT_EQ(vdev_send(v), 0);
	must_ioctl(v, VHOST_VDPA_SUSPEND);
	ASSERT_EQ(vdev_set_status(v, 0), 0);
	EXPECT_EQ(vdev_stats(v, -1, "suspended"), 0);
	vdev_restart(v);
	vdev_unharmed(v);
}

/* Suspended, the rings may be moved, and told to be elsewhere. */
static void run_moved_in_place(bool packed)
{
	struct vdev_config c = { .packed = packed, .size = 16 };
	struct guest_ring *ring = &g.ring[GUEST_TX];
	uint64_t addr;
	uint8_t *old, *to;
	size_t len;

	vdev_open(v, &g, &c);
	for (int i = 0; i < 30; i++) {
		ASSERT_EQ(vdev_send(v), 0);
		must_ioctl(v, VHOST_VDPA_SUSPEND);
		len = packed ? 16 * g.c.size : 6 + 8 * g.c.size;
		addr = guest_mem_alloc(&g.mem, 4096, 4096);
		to = guest_mem_ptr(&g.mem, addr);
		old = packed ? (void *)ring->pdesc : (void *)ring->used;
		memcpy(to, old, len);
		memset(old, 0x5a, len);
		if (packed) {
			ring->pdesc = (void *)to;
			ring->desc_addr = addr;
		} else {
			ring->used = (void *)to;
			ring->used_addr = addr;
		}
		ASSERT_EQ(vdev_addr(v, GUEST_TX), 0);
		ASSERT_EQ(vdev_vring(v, VHOST_SET_VRING_BASE, GUEST_TX, vdev_base(v, GUEST_TX)), 0);
		must_ioctl(v, VHOST_VDPA_RESUME);
		ASSERT_EQ(vdev_send(v), 0);
		for (size_t k = 0; k < len; k++)
			ASSERT_EQ(old[k], 0x5a);
	}
	vdev_unharmed(v);
}

TEST(ring_moved_while_suspended_split)
{
	run_moved_in_place(false);
}

TEST(ring_moved_while_suspended_packed)
{
	run_moved_in_place(true);
}

/* Places where an index or a wrap counter turns */
static void run_places(bool packed, const uint32_t *places, unsigned int n)
{
	struct vdev_config c = { .packed = packed, .size = 16 };
	uint32_t bases[2];

	open_two(&c);
	vdev_leave(&v[0]);
	for (unsigned int i = 0; i < n; i++) {
		struct vdev *from = &v[i & 1], *to = &v[!(i & 1)];

		/* A device is told to begin there. */
		for (int q = 0; q < 2; q++)
			guest_ring_reset(&g.ring[q], places[i]);
		vdev_begin(from, &g, NULL);
		for (int k = 0; k < 3; k++) {
			for (int q = 0; q < 2; q++)
				EXPECT_EQ(vdev_base(from, q), k ? bases[q] : places[i]);
			ASSERT_EQ(vdev_send(from), 0);
			ASSERT_EQ(vdev_receive(from), 0);
			must_ioctl(from, VHOST_VDPA_SUSPEND);
			for (int q = 0; q < 2; q++)
				bases[q] = vdev_base(from, q);
			vdev_begin(to, &g, bases);
			vdev_leave(from);
			ASSERT_EQ(vdev_send(to), 0);
			ASSERT_EQ(vdev_receive(to), 0);
			must_ioctl(to, VHOST_VDPA_SUSPEND);
			for (int q = 0; q < 2; q++)
				bases[q] = vdev_base(to, q);
			vdev_leave(to);
			vdev_begin(from, &g, bases);
		}
		vdev_leave(from);
	}
	kernel_log_quiet();
}

TEST(handover_where_a_split_index_turns)
{
	static const uint32_t places[] = { 0, 15, 16, 0x7ffe, 0x7fff, 0x8000, 0xfffe, 0xffff };

	run_places(false, places, sizeof(places) / sizeof(*places));
}

TEST(handover_where_a_packed_ring_turns)
{
	static const uint32_t places[] = {
		GUEST_BASE_PACKED(0, 1u), GUEST_BASE_PACKED(14, 1u), GUEST_BASE_PACKED(15, 1u),
		GUEST_BASE_PACKED(0, 0u), GUEST_BASE_PACKED(14, 0u), GUEST_BASE_PACKED(15, 0u),
	};

	run_places(true, places, sizeof(places) / sizeof(*places));
}

/* The control queue too, which is behind all pairs when the driver knows of them */
static void run_control(bool packed, unsigned int pairs)
{
	struct vdev_config c = { .packed = packed, .ctrl = true, .pairs = pairs, .size = 4,
		.features = F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_MAC) };
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

	open_two(&c);
	f = (struct flow){ .g = &g };
	for (int i = 0; i < 20; i++) {
		struct vdev *now = &v[i & 1], *next = &v[!(i & 1)];

		for (mac[5] = 0; mac[5] < 3; mac[5]++)
			EXPECT_EQ(vdev_command(now, VIRTIO_NET_CTRL_MAC,
					       VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6),
				  VIRTIO_NET_OK);
		ASSERT_EQ(vdev_send(now), 0);
		ASSERT_EQ(vdev_receive(now), 0);
		move(now, next, i & 2);
	}
	kernel_log_quiet();
}

TEST(handover_of_the_control_queue_split)
{
	run_control(false, 1);
}

TEST(handover_of_the_control_queue_packed)
{
	run_control(true, 1);
}

TEST(handover_of_the_control_queue_behind_four_pairs)
{
	run_control(false, 4);
}

/* What a queue that broke says is where it stood; what is not set up says the first place. */
TEST(state_of_queues_that_do_not_run)
{
	struct vdev_config c = { .packed = true, .size = 4 };

	vdev_open(v, &g, &c);
	ASSERT_EQ(vdev_send(v), 0);
	guest_raw_desc(&g.ring[GUEST_TX], 1, g.buf[GUEST_TX], 100, VRING_DESC_F_WRITE, 0);
	guest_raw_show(&g.ring[GUEST_TX], 0);
	vdev_becomes(v, GUEST_TX, "fault", "buffer-direction");
	EXPECT_EQ(vdev_base(v, GUEST_TX) >> 16, GUEST_BASE_PACKED(1, 1u) >> 16);
	ASSERT_EQ(vdev_set_status(v, 0), 0);
	vdev_leave(v);
	vdev_prepare(v, &g);
	for (int n = 0; n < 2; n++)
		EXPECT_EQ(vdev_base(v, n), GUEST_BASE_PACKED(0, 1u));
	ASSERT_EQ(vdev_vring(v, VHOST_SET_VRING_BASE, GUEST_TX, GUEST_BASE_PACKED(3, 0u)), 0);
	EXPECT_EQ(vdev_base(v, GUEST_TX), GUEST_BASE_PACKED(3, 0u));
	vdev_restart(v);
	vdev_unharmed(v);
}
