// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever one side does not do, the other one is served: no queue waits for
 * another, and all that is said to the device is answered while frames pass.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "flow_lib.h"
#include "guest_net.h"
#include "guest_stats.h"
#include "kernel_log.h"
#include "kselftest.h"
#include "must.h"
#include "vdpa_nl_lib.h"

static struct vguest g;
static struct vdev v;
static struct flow f;

/* A receiver that has room for n frames, and then does nothing any more */
static void run_receiver_stops(bool packed, unsigned int n)
{
	const unsigned int frames = 2000;
	struct guest_buf b;
	unsigned int left;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	b = (struct guest_buf){ g.buf[GUEST_RX], VDEV_BUF };
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(guest_ring_add(&g.ring[GUEST_RX], &b, 0, 1, GUEST_DIRECT, &g), 0);
	guest_ring_kick(&g.ring[GUEST_RX]);
	vdev_flood(&v, frames, 60);
	vdev_reaches(&v, GUEST_RX, "packets", n);
	EXPECT_EQ(vdev_stats(&v, GUEST_RX, "packets"), n);
	/* As many wait as may wait, and the others were told to be too many: none is forgotten. */
	vdev_reaches(&v, GUEST_RX, "drop.line-full", frames - n - VDEV_LINE);
	EXPECT_LE(vdev_stats(&v, GUEST_RX, "drop.line-full"), frames - VDEV_LINE);
	for (int i = 0; i < 300; i++)
		ASSERT_EQ(vdev_send(&v), 0);
	vdev_witness();
	/* It goes on where it stopped, with what has waited. */
	for (unsigned int i = 0; i < n; i++)
		ASSERT_TRUE(guest_ring_get(&g.ring[GUEST_RX], &(uint32_t){ 0 },
					   &(void *){ NULL }));
	left = frames - n - vdev_stats(&v, GUEST_RX, "drop.line-full");
	EXPECT_GE(left, VDEV_LINE - n);
	while (left) {
		unsigned int some = left < 64 ? left : 64;

		for (unsigned int k = 0; k < some; k++)
			ASSERT_EQ(guest_ring_add(&g.ring[GUEST_RX], &b, 0, 1, GUEST_DIRECT, &g), 0);
		guest_ring_kick(&g.ring[GUEST_RX]);
		for (unsigned int k = 0; k < some; k++) {
			ASSERT_TRUE(guest_ring_wait(&g.ring[GUEST_RX], VDEV_WAIT));
			ASSERT_TRUE(guest_ring_get(&g.ring[GUEST_RX], &(uint32_t){ 0 },
						   &(void *){ NULL }));
		}
		left -= some;
	}
	EXPECT_EQ(vdev_all(&v, GUEST_RX), frames);
	ASSERT_EQ(vdev_receive(&v), 0);
	vdev_unharmed(&v);
}

TEST(receiver_posts_nothing_split)
{
	run_receiver_stops(false, 0);
}

TEST(receiver_posts_nothing_packed)
{
	run_receiver_stops(true, 0);
}

TEST(receiver_posts_one_buffer_split)
{
	run_receiver_stops(false, 1);
}

TEST(receiver_posts_one_buffer_packed)
{
	run_receiver_stops(true, 1);
}

TEST(receiver_stops_split)
{
	run_receiver_stops(false, 63);
}

/* What waits for a receiver that does nothing is in nobody's way. */
TEST(receiver_that_stopped_is_reset_suspended_and_closed)
{
	vdev_open(&v, &g, &(struct vdev_config){ });
	for (int i = 0; i < 20; i++) {
		vdev_flood(&v, 600, 60);
		if (i & 1)
			ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL), 0);
		if (i & 2)
			ASSERT_EQ(vdev_set_status(&v, 0), 0);
		vdev_restart(&v);
		/* Of what came before, nothing is left for the next driver. */
		ASSERT_EQ(guest_ring_add(&g.ring[GUEST_RX],
					 &(struct guest_buf){ g.buf[GUEST_RX], VDEV_BUF }, 0, 1,
					 GUEST_DIRECT, &g), 0);
		guest_ring_kick_always(&g.ring[GUEST_RX]);
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_FALSE(guest_ring_has_used(&g.ring[GUEST_RX]));
		vdev_restart(&v);
	}
	vdev_unharmed(&v);
}

/* Has the host send everything through one of the representor's queues, if the kernel can. */
static bool send_by(unsigned int queue)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues/tx-%u/xps_cpus", v.name, queue);
	f = fopen(path, "w");
	if (!f && errno == ENOENT && queue) {
		/* The first is always there: if it has none either, no queue has. */
		snprintf(path, sizeof(path), "/sys/class/net/%s/queues/tx-0/xps_cpus", v.name);
		if (access(path, F_OK))
			return false;
	}
	MUST(!f);
	MUST(fprintf(f, "%lx", (1UL << sysconf(_SC_NPROCESSORS_ONLN)) - 1) < 0);
	MUST(fclose(f));
	return true;
}

/* A pair that the driver gives up: what waits for it is for nobody, and is not kept. */
TEST(pair_turned_off_while_frames_wait_for_it)
{
	struct vdev_config c = { .pairs = 2, .ctrl = true };
	struct guest_ring second;
	struct vhost_vring_addr a = { .index = 2 };
	uint16_t pairs = 2;

	vdev_open(&v, &g, &c);
	/* The second pair's receive queue, which has no buffers */
	MUST(guest_ring_init(&second, &g.mem, 64, g.features, 0, GUEST_BASE_FIRST(false)));
	a.desc_user_addr = second.desc_addr;
	a.avail_user_addr = second.avail_addr;
	a.used_user_addr = second.used_addr;
	MUST(ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL));
	MUST(vdev_vring(&v, VHOST_SET_VRING_NUM, 2, 64));
	MUST(ioctl(v.fd, VHOST_SET_VRING_ADDR, &a));
	MUST(ioctl(v.fd, VHOST_VDPA_RESUME, NULL));
	MUST(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, 2, 1));
	ASSERT_EQ(vdev_command(&v, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
		  VIRTIO_NET_OK);
	if (!send_by(1))
		SKIP("this kernel has no XPS: the host picks the queue");
	vdev_flood(&v, 100, 60);
	EXPECT_EQ(guest_stats(v.dir, "queue2", "drop.down"), 0);
	pairs = 1;
	ASSERT_EQ(vdev_command(&v, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2),
		  VIRTIO_NET_OK);
	/* vdev_reaches() numbers rings of the guest, which has this one beside them. */
	for (int i = 0; i < VDEV_WAIT && guest_stats(v.dir, "queue2", "drop.down") < 100; i++)
		poll(NULL, 0, 1);
	EXPECT_EQ(guest_stats(v.dir, "queue2", "drop.down"), 100);
	/* What comes from now on is for the first pair. */
	ASSERT_EQ(vdev_receive(&v), 0);
	vdev_unharmed(&v);
	guest_ring_free(&second);
}

/* Buffers that are too small: the frame is dropped, and the next one that fits is not. */
static void run_small_buffers(bool packed, bool mergeable, unsigned int size, unsigned int len)
{
	struct vdev_config c = { .packed = packed, .mergeable = mergeable, .size = size };
	struct guest_ring *ring = &g.ring[GUEST_RX];
	uint32_t used;
	void *token;

	vdev_open(&v, &g, &c);
	for (unsigned int i = 0; i < size; i++)
		ASSERT_EQ(guest_ring_add(ring, &(struct guest_buf){ g.buf[GUEST_RX], len }, 0, 1,
					 GUEST_DIRECT, &g), 0);
	guest_ring_kick(ring);
	/* More than all of them hold together */
	vdev_flood(&v, 600, 1500);
	vdev_reaches(&v, GUEST_RX, "drop.no-buffer", 88);
	vdev_flood(&v, 1, 14);
	if (len >= VDEV_HDR + 14) {
		ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(ring, &used, &token));
		EXPECT_EQ(used, VDEV_HDR + 14);
	} else {
		vdev_reaches(&v, GUEST_RX, "drop.no-buffer", 100);
	}
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(vdev_send(&v), 0);
	vdev_bounded(&v);
	vdev_witness();
	vdev_restart(&v);
	vdev_unharmed(&v);
}

TEST(receiver_with_buffers_of_a_byte_split)
{
	run_small_buffers(false, false, 64, 1);
}

TEST(receiver_with_buffers_of_a_byte_packed)
{
	run_small_buffers(true, false, 64, 1);
}

TEST(receiver_with_buffers_too_small_split)
{
	run_small_buffers(false, false, 64, 200);
}

TEST(receiver_with_all_buffers_together_too_small_split)
{
	run_small_buffers(false, true, 4, 200);
}

TEST(receiver_with_all_buffers_together_too_small_packed)
{
	run_small_buffers(true, true, 4, 200);
}

/* A transmitter that never stops, by a thread that makes all available at once, always */
static atomic_bool stop;

static void *transmit(void *arg)
{
	struct guest_ring *ring = &g.ring[GUEST_TX];
	uint16_t used, shown = 0;

	while (!stop) {
		used = guest_ring_load(&ring->used->idx);
		if ((uint16_t)(shown - used) >= ring->size) {
			sched_yield();
			continue;
		}
		shown = used + ring->size;
		guest_ring_store(&ring->avail->idx, shown);
		eventfd_write(ring->kick, 1);
	}
	return NULL;
}

static void begin_transmit(pthread_t *t)
{
	struct guest_ring *ring = &g.ring[GUEST_TX];

	guest_mem_fill(&g.mem, g.buf[GUEST_TX], 0, VDEV_BUF);
	for (unsigned int i = 0; i < ring->size; i++) {
		ring->desc[i] = (struct vring_desc){ htole64(g.buf[GUEST_TX]),
						     htole32(VDEV_HDR + 60) };
		ring->avail->ring[i] = htole16(i);
	}
	stop = false;
	ASSERT_EQ(pthread_create(t, NULL, transmit, NULL), 0);
}

static void end_transmit(pthread_t t)
{
	stop = true;
	pthread_join(t, NULL);
}

TEST(transmitter_never_stops)
{
	struct vhost_vring_state s;
	uint64_t features;
	pthread_t t;

	vdev_open(&v, &g, &(struct vdev_config){ .size = 1024 });
	begin_transmit(&t);
	vdev_reaches(&v, GUEST_TX, "packets", 5000);
	for (unsigned int i = 0; i < 30; i++) {
		long long packets = vdev_stats(&v, GUEST_TX, "packets");

		/* All that can be said is answered. */
		ASSERT_EQ(ioctl(v.fd, VHOST_GET_FEATURES, &features), 0);
		s = (struct vhost_vring_state){ i & 1 };
		ASSERT_EQ(ioctl(v.fd, VHOST_GET_VRING_BASE, &s), 0);
		ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, GUEST_TX, g.ring[GUEST_TX].call), 0);
		ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, GUEST_TX, 0), 0);
		ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, GUEST_TX, 1), 0);
		ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL), 0);
		ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_RESUME, NULL), 0);
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, 1 << 20, 4096, g.mem.base, 3), 0);
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, 1 << 20, 4096, NULL, 0), 0);
		/* A flood the other way, and a queue of the same worker */
		ASSERT_EQ(vdev_receive(&v), 0);
		vdev_reaches(&v, GUEST_TX, "packets", packets + 100);
		vdev_witness();
	}
	EXPECT_STREQ(vdev_text(&v, GUEST_TX, "fault"), "none");
	vdev_bounded(&v);
	end_transmit(t);
	vdev_restart(&v);
	vdev_arrived(&v);
	vdev_unharmed(&v);
}

TEST(transmitter_never_stops_and_is_reset_and_closed)
{
	pthread_t t;

	vdev_open(&v, &g, &(struct vdev_config){ .size = 256 });
	for (unsigned int i = 0; i < 20; i++) {
		begin_transmit(&t);
		vdev_reaches(&v, GUEST_TX, "packets", 500 * (i + 1));
		if (i & 1)
			ASSERT_EQ(vdev_set_status(&v, 0), 0);
		else
			vdev_leave(&v);
		end_transmit(t);
		vdev_restart(&v);
		vdev_arrived(&v);
	}
	vdev_unharmed(&v);
}

/*
 * A driver that gives many commands at once: each has its own answer, in order,
 * and between 32 of them other queues get their turn.
 */
static void run_commands_at_once(bool packed)
{
	const unsigned int n = 100;
	struct vdev_config c = { .packed = packed, .ctrl = true, .size = 256,
				 .features = F(VIRTIO_NET_F_CTRL_MAC_ADDR) };
	struct guest_ring *ring = &g.ring[VDEV_CTRL];
	struct {
		struct vhost_vdpa_config c;
		uint8_t mac[6];
	} config = { .c = { 0, 6 } };
	long long runs;
	uint64_t at;

	vdev_open(&v, &g, &c);
	runs = vdev_stats(&v, VDEV_CTRL, "runs");
	at = guest_mem_alloc(&g.mem, 16 * n, 16);
	ASSERT_NE(at, 0);
	for (unsigned int i = 0; i < n; i++) {
		/* An address, or what is no command; and the byte for the answer */
		uint8_t said[16] = { i % 3 == 2 ? 99 : VIRTIO_NET_CTRL_MAC,
				     VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 0, 0, 0, 0, i,
				     [15] = 0xff };
		struct guest_buf buf[2] = { { at + 16 * i, 8 }, { at + 16 * i + 15, 1 } };

		guest_mem_write(&g.mem, at + 16 * i, said, sizeof(said));
		ASSERT_EQ(guest_ring_add(ring, buf, 1, 1, GUEST_DIRECT, (void *)(uintptr_t)i), 0);
	}
	guest_ring_kick(ring);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t len;
		uint8_t ack;
		void *token;

		ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(ring, &len, &token));
		ASSERT_EQ((uintptr_t)token, i);
		EXPECT_EQ(len, 1);
		guest_mem_read(&g.mem, at + 16 * i + 15, &ack, 1);
		EXPECT_EQ(ack, i % 3 == 2 ? VIRTIO_NET_ERR : VIRTIO_NET_OK);
	}
	EXPECT_EQ(vdev_stats(&v, VDEV_CTRL, "packets"), n);
	EXPECT_GE(32 * (vdev_stats(&v, VDEV_CTRL, "runs") - runs), n);
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_GET_CONFIG, &config), 0);
	EXPECT_EQ(config.mac[5], n - 1);
	vdev_unharmed(&v);
}

TEST(commands_at_once_split)
{
	run_commands_at_once(false);
}

TEST(commands_at_once_packed)
{
	run_commands_at_once(true);
}

/* The host takes the representor down or up, and whoever serves the driver knows of it. */
static void host_goes(bool up)
{
	vdev_link(&v, up);
	/* A run that began before has ended when this has. */
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL), 0);
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_RESUME, NULL), 0);
}

/* A driver that sends to a host that is not there: it has its buffers back, and a count. */
static void run_host_is_down(bool packed)
{
	struct guest_ring *ring = &g.ring[GUEST_TX];
	struct guest_buf b = { .len = VDEV_HDR + 60 };
	const unsigned int n = 64;
	uint32_t len;
	void *token;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	b.addr = g.buf[GUEST_TX];
	guest_mem_fill(&g.mem, b.addr, 0, b.len);
	for (unsigned int round = 1; round <= 2; round++) {
		host_goes(false);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_EQ(guest_ring_add(ring, &b, 1, 0, GUEST_DIRECT, &g), 0);
		guest_ring_kick(ring);
		for (unsigned int i = 0; i < n; i++) {
			ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
			ASSERT_TRUE(guest_ring_get(ring, &len, &token));
		}
		EXPECT_EQ(vdev_stats(&v, GUEST_TX, "drop.down"), round * n);
		/* One that it was up for, of each round before */
		EXPECT_EQ(vdev_stats(&v, GUEST_TX, "packets"), round - 1);
		host_goes(true);
		/* The packet socket has heard of it, too, and says so once. */
		vdev_arrived(&v);
		EXPECT_EQ(vdev_arrived(&v), 0);
		ASSERT_EQ(vdev_send(&v), 0);
	}
	vdev_unharmed(&v);
}

TEST(host_is_down_split)
{
	run_host_is_down(false);
}

TEST(host_is_down_packed)
{
	run_host_is_down(true);
}

/* Changes while frames pass both ways: each frame arrives as if there were none. */

static void run_changes(bool packed, void (*change)(unsigned int i), unsigned int times)
{
	struct vdev_config c = { .packed = packed, .ctrl = true,
				 .features = F(VIRTIO_NET_F_CTRL_MAC_ADDR) };

	vdev_open(&v, &g, &c);
	flow_begin(&f, &g, 0);
	for (unsigned int i = 0; i < times; i++) {
		flow_run(&f, &v, 4);
		flow_host(&f, &v, 4);
		change(i);
	}
	flow_run(&f, &v, 20);
	flow_end(&f, &v);
	flow_lost(&f, &v, 1);
	EXPECT_EQ(vdev_stats(&v, GUEST_RX, "drop.down"), 0);
	vdev_witness();
	kernel_log_quiet();
}

#define WHILE_FRAMES_PASS(_name, _times)				\
	static void run_##_name(bool packed)				\
	{								\
		run_changes(packed, _name, _times);			\
	}								\
	TEST(_name##_while_frames_pass_split)				\
	{								\
		run_##_name(false);					\
	}								\
	TEST(_name##_while_frames_pass_packed)				\
	{								\
		run_##_name(true);					\
	}

static void set_map(unsigned int i)
{
	/* Other memory, beside that of the rings */
	uint64_t at = 1ULL << 45 | (uint64_t)(i & 7) << 20;

	if (i & 8)
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, at, 65536, NULL, 0), 0);
	else
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, at, 65536, g.mem.base, 3), 0);
}

WHILE_FRAMES_PASS(set_map, 60)

static void batches_of_maps(unsigned int i)
{
	uint64_t at = 1ULL << 45 | (uint64_t)i << 24;

	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_BATCH_BEGIN, 0, 0, 0, NULL, 0), 0);
	for (int k = 0; k < 16; k++)
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, at + k * 8192, 4096,
				     g.mem.base + k * 4096, 3), 0);
	/* The rings are taken away and come back before the end of it. */
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, g.mem.start, g.mem.size, NULL, 0), 0);
	ASSERT_EQ(vdev_map(&v), 0);
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_BATCH_END, 0, 0, 0, NULL, 0), 0);
}

WHILE_FRAMES_PASS(batches_of_maps, 40)

static void eventfds_set(unsigned int i)
{
	ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, VDEV_CTRL, g.ring[VDEV_CTRL].call), 0);
	ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_KICK, i & 1, g.ring[i & 1].kick), 0);
	ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_ERR, i & 1, g.ring[i & 1].err), 0);
}

WHILE_FRAMES_PASS(eventfds_set, 100)

static void queues_disabled_and_enabled(unsigned int i)
{
	ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, i & 1, 0), 0);
	ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, i & 1, 1), 0);
	/* Once more changes nothing. */
	ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, i & 1, 1), 0);
}

WHILE_FRAMES_PASS(queues_disabled_and_enabled, 60)

static void commands_of_the_driver(unsigned int i)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, i };

	ASSERT_EQ(vdev_command(&v, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6),
		  VIRTIO_NET_OK);
}

WHILE_FRAMES_PASS(commands_of_the_driver, 60)

static void counters_read(unsigned int i)
{
	struct nl_answer *a = malloc(sizeof(*a));
	uint32_t q = i % 3;
	struct nl m;

	nl_begin(&m, VDPA_CMD_DEV_VSTATS_GET);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
	nl_put(&m, VDPA_ATTR_DEV_QUEUE_INDEX, &q, 4);
	ASSERT_EQ(nl_send(&m, false, a), 0);
	nl_begin(&m, VDPA_CMD_DEV_CONFIG_GET);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
	ASSERT_EQ(nl_send(&m, false, a), 0);
	vdev_text(&v, q, "role");
	vdev_text(&v, -1, "status");
	free(a);
}

WHILE_FRAMES_PASS(counters_read, 60)

/* The device is deleted while a client has it: it waits for the client, and for nothing else. */
static void *delete(void *arg)
{
	return (void *)(intptr_t)(vdpa_delete(v.name) ? errno : 0);
}

TEST(deleted_while_frames_pass)
{
	pthread_t t;
	void *err;

	vdev_open(&v, &g, &(struct vdev_config){ });
	for (int i = 0; i < 5; i++) {
		flow_begin(&f, &g, 0);
		flow_run(&f, &v, 20);
		ASSERT_EQ(pthread_create(&t, NULL, delete, NULL), 0);
		/* Frames pass all the same, until the client ends. */
		flow_run(&f, &v, 50);
		flow_end(&f, &v);
		vdev_leave(&v);
		ASSERT_EQ(pthread_join(t, &err), 0);
		EXPECT_EQ((intptr_t)err, 0);
		EXPECT_FALSE(vdpa_exists(v.name));
		close(v.far);
		vdev_make(&v, 0, &g.c);
		guest_mem_free(&g.mem);
		vguest_init(&g, &(struct vdev_config){ });
		vdev_begin(&v, &g, NULL);
	}
	vdev_unharmed(&v);
}
