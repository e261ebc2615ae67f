// SPDX-License-Identifier: GPL-2.0
/*
 * Calls out of their order, with numbers at their limits, and eventfds that are
 * none. Names begin with the class of attack.
 */
#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "flow_lib.h"
#include "kernel_log.h"
#include "kselftest.h"

static struct vguest g;
static struct vdev v;
static struct flow f;

/* Each, with what it takes: nothing, or up to 64 bytes */
static const unsigned long calls[] = {
	VHOST_SET_OWNER, VHOST_RESET_OWNER, VHOST_GET_FEATURES, VHOST_SET_FEATURES,
	VHOST_SET_MEM_TABLE, VHOST_SET_LOG_BASE, VHOST_SET_LOG_FD, VHOST_SET_VRING_NUM,
	VHOST_SET_VRING_ADDR, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
	VHOST_SET_VRING_ENDIAN, VHOST_GET_VRING_ENDIAN, VHOST_SET_VRING_KICK,
	VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
	VHOST_GET_VRING_BUSYLOOP_TIMEOUT, VHOST_SET_BACKEND_FEATURES,
	VHOST_GET_BACKEND_FEATURES, VHOST_VDPA_GET_DEVICE_ID, VHOST_VDPA_GET_STATUS,
	VHOST_VDPA_SET_STATUS, VHOST_VDPA_GET_CONFIG, VHOST_VDPA_SET_CONFIG,
	VHOST_VDPA_SET_VRING_ENABLE, VHOST_VDPA_GET_VRING_NUM, VHOST_VDPA_SET_CONFIG_CALL,
	VHOST_VDPA_GET_IOVA_RANGE, VHOST_VDPA_GET_CONFIG_SIZE, VHOST_VDPA_GET_VQS_COUNT,
	VHOST_VDPA_GET_GROUP_NUM, VHOST_VDPA_GET_AS_NUM, VHOST_VDPA_GET_VRING_GROUP,
	VHOST_VDPA_SET_GROUP_ASID, VHOST_VDPA_SUSPEND, VHOST_VDPA_RESUME,
	VHOST_VDPA_GET_VRING_DESC_GROUP, VHOST_VDPA_GET_VRING_SIZE,
};

#define ELSEWHERE	0x200000000000ULL	/* where nothing is mapped */
#define CALLS	(sizeof(calls) / sizeof(*calls))

/* What each of them is given in turn, as words */
static const uint32_t words[][4] = {
	{ 0 }, { 0, 1 }, { 1, 16, 1 }, { 2, 2, 2, 2 }, { 3, 0xffffffff }, { 0, 65, 0, 0x10000000 },
	{ 0, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
	{ 1u << 31, 1u << 31, 1u << 31 }, { 59, 1 }, { 60, 1 }, { 61, 0xffffffff },
};

static void *nowhere;

static void call_all(int fd, bool may_reset)
{
	uint32_t buf[32];

	for (unsigned int i = 0; i < CALLS; i++) {
		ioctl(fd, calls[i], NULL);
		ioctl(fd, calls[i], nowhere);
		for (unsigned int k = 0; k < sizeof(words) / sizeof(*words); k++) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, words[k], sizeof(words[k]));
			/* That ends the state there is. */
			if (calls[i] == VHOST_VDPA_SET_STATUS && !(uint8_t)buf[0] && !may_reset)
				continue;
			/* Blocks, by what the core thinks of as the log of memory */
			ioctl(fd, calls[i], buf);
		}
	}
}

enum state {
	OPENED, OWNED, RESET, DRIVER, FEATURES, FEATURES_OK, MAPPED, ONE_RING, RUNNING, SUSPENDED,
	BROKEN, UNMAPPED, IN_BATCH, STATES
};

static void reach(enum state s)
{
	v.fd = vdev_node(&v);
	ASSERT_GE(v.fd, 0);
	v.g = &g;
	if (s == OPENED)
		return;
	ASSERT_EQ(ioctl(v.fd, VHOST_SET_OWNER, NULL), 0);
	if (s == OWNED)
		return;
	ASSERT_EQ(vdev_set_status(&v, 0), 0);
	if (s == RESET)
		return;
	ASSERT_EQ(vdev_set_status(&v, VDEV_STATUS_DRIVER), 0);
	if (s == DRIVER)
		return;
	ASSERT_EQ(ioctl(v.fd, VHOST_SET_FEATURES, &g.features), 0);
	if (s == FEATURES)
		return;
	vdev_leave(&v);
	vdev_prepare(&v, &g);
	if (s == FEATURES_OK)
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, g.mem.start, g.mem.size, NULL,
				     0), 0);
	if (s == FEATURES_OK || s == MAPPED)
		return;
	if (s == ONE_RING) {
		vdev_ring(&v, GUEST_TX, g.ring[GUEST_TX].base);
		return;
	}
	vdev_go(&v, NULL);
	if (s == SUSPENDED)
		ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL), 0);
	if (s == UNMAPPED)
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, g.mem.start, g.mem.size, NULL,
				     0), 0);
	if (s == IN_BATCH)
		ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_BATCH_BEGIN, 0, 0, 0, NULL, 0), 0);
	if (s == BROKEN) {
		guest_raw_desc(&g.ring[GUEST_TX], 0, ELSEWHERE, 64, 0, 0);
		if (!g.c.packed)
			g.ring[GUEST_TX].avail->ring[0] = 0;
		guest_raw_show(&g.ring[GUEST_TX], 1);
		vdev_becomes(&v, GUEST_TX, "fault", "buffer-no-memory");
	}
}

/* Whatever was said in a state, the next client has a device as it should be. */
static void run_states(bool packed)
{
	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .ctrl = true });
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (enum state s = OPENED; s < STATES; s++) {
		for (int may_reset = 0; may_reset < 2; may_reset++) {
			vdev_leave(&v);
			for (unsigned int q = 0; q < g.rings; q++)
				guest_ring_reset(&g.ring[q], GUEST_BASE_FIRST(packed));
			reach(s);
			call_all(v.fd, may_reset);
			vdev_witness();
			vdev_arrived(&v);
			vdev_restart(&v);
			for (unsigned int q = 0; q < 2; q++)
				EXPECT_STREQ(vdev_text(&v, q, "fault"), "none");
			ASSERT_EQ(vdev_send(&v), 0);
			ASSERT_EQ(vdev_receive(&v), 0);
		}
	}
}

TEST(a25_calls_in_every_state_split)
{
	run_states(false);
}

TEST(a25_calls_in_every_state_packed)
{
	run_states(true);
}

/*
 * A queue is set up and enabled, and there is a buffer; but the driver is not
 * ready, so nobody looks at it yet, however often it kicks.
 */
static void run_early_kicks(bool packed)
{
	const struct virtio_net_hdr_mrg_rxbuf none = { };
	struct guest_ring *ring = &g.ring[GUEST_TX];
	struct guest_buf b = { .len = VDEV_HDR + 60 };
	long long kicks;
	uint32_t used;
	void *token;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	b.addr = g.buf[GUEST_TX];
	for (int i = 0; i < 5; i++) {
		vdev_leave(&v);
		for (int q = 0; q < 2; q++)
			guest_ring_reset(&g.ring[q], GUEST_BASE_FIRST(packed));
		vdev_prepare(&v, &g);
		guest_mem_fill(&g.mem, b.addr, 0x5a, b.len);
		guest_mem_write(&g.mem, b.addr, &none, VDEV_HDR);
		ASSERT_EQ(guest_ring_add(ring, &b, 1, 0, GUEST_DIRECT, &g), 0);
		for (int q = 0; q < 2; q++)
			vdev_ring(&v, q, g.ring[q].base);
		kicks = vdev_stats(&v, GUEST_TX, "kicks");
		for (int k = 0; k < 20; k++)
			guest_ring_kick_always(ring);
		vdev_reaches(&v, GUEST_TX, "kicks", kicks + 20);
		vdev_witness();
		EXPECT_STREQ(vdev_text(&v, GUEST_TX, "ring"), "none");
		EXPECT_FALSE(guest_ring_has_used(ring));
		EXPECT_EQ(vdev_arrived(&v), 0);
		/* What waited is sent when it is, without another kick. */
		ASSERT_EQ(vdev_set_status(&v, VDEV_STATUS_OK), 0);
		ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(ring, &used, &token));
		EXPECT_EQ(vdev_arrived(&v), 1);
	}
	vdev_unharmed(&v);
}

TEST(a25_kicks_before_the_driver_is_ready_split)
{
	run_early_kicks(false);
}

TEST(a25_kicks_before_the_driver_is_ready_packed)
{
	run_early_kicks(true);
}

/* A14: what no queue has for a number is no queue. */
TEST(a14_numbers_of_queues)
{
	static const unsigned long requests[] = {
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
		VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
		VHOST_SET_VRING_ERR, VHOST_VDPA_SET_VRING_ENABLE, VHOST_VDPA_GET_VRING_GROUP,
		VHOST_VDPA_GET_VRING_SIZE,
	};
	static const uint32_t none[] = { 3, 4, 255, 256, 65535, 65536, 65537, 1u << 31, ~0u };
	uint32_t buf[16];

	vdev_open(&v, &g, &(struct vdev_config){ .ctrl = true });
	for (unsigned int i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		for (unsigned int k = 0; k < sizeof(none) / 4; k++) {
			memset(buf, 0, sizeof(buf));
			buf[0] = none[k];
			buf[1] = 1;
			EXPECT_ERRNO(ENOBUFS, ioctl(v.fd, requests[i], buf));
		}
	vdev_unharmed(&v);
}

/* Sizes and places of rings: what is none, the queue does not run with, and says so. */
static void run_places(bool packed)
{
	static const uint32_t sizes[] = { 0, 3, 1025, 2048, 32768, 65535, 65536, 1u << 31, ~0u };
	static const uint32_t places[] = { 15, 16, 17, 0x7fff };

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .size = 16 });
	vdev_leave(&v);
	vdev_prepare(&v, &g);
	for (unsigned int i = 0; i < sizeof(sizes) / 4; i++)
		EXPECT_ERRNO(EINVAL, vdev_vring(&v, VHOST_SET_VRING_NUM, GUEST_TX, sizes[i]));
	if (!packed)
		EXPECT_ERRNO(EINVAL, vdev_vring(&v, VHOST_SET_VRING_BASE, GUEST_TX, 0x10000));
	for (unsigned int i = 0; packed && i < sizeof(places) / 4; i++) {
		for (int half = 0; half < 2; half++) {
			uint32_t base = places[i] << (half ? 16 : 0) | 0x8000u << (half ? 0 : 16);

			vdev_leave(&v);
			vdev_prepare(&v, &g);
			vdev_ring(&v, GUEST_RX, GUEST_BASE_PACKED(0, 1u));
			vdev_ring(&v, GUEST_TX, base);
			ASSERT_EQ(vdev_set_status(&v, VDEV_STATUS_OK), 0);
			EXPECT_STREQ(vdev_text(&v, GUEST_TX, "fault"),
				     places[i] < 16 ? "none" : "ring-unreadable");
			eventfd_write(g.ring[GUEST_TX].kick, 1);
			EXPECT_STREQ(vdev_text(&v, GUEST_RX, "fault"), "none");
		}
	}
	vdev_restart(&v);
	vdev_unharmed(&v);
}

TEST(a14_sizes_and_places_of_rings_split)
{
	run_places(false);
}

TEST(a14_sizes_and_places_of_rings_packed)
{
	run_places(true);
}

/* Areas that are not aligned, not mapped, or end behind what is */
static void run_areas(bool packed)
{
	static const uint64_t off[] = { 1, 2, 4, 8, 1ULL << 40, ~0ULL << 40, ~0ULL - 15 };
	static const uint32_t align[2][3] = { { 16, 2, 4 }, { 16, 4, 4 } };

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	for (unsigned int area = 0; area < 3; area++) {
		for (unsigned int i = 0; i < sizeof(off) / 8; i++) {
			struct guest_ring *r = &g.ring[GUEST_TX];
			uint64_t *a = !area ? &r->desc_addr : area == 1 ? &r->avail_addr :
				      &r->used_addr;
			uint64_t was = *a;
			bool fine = off[i] < 16 && off[i] % align[packed][area] == 0;

			vdev_leave(&v);
			vdev_prepare(&v, &g);
			/* The last one is the end of all. */
			*a = off[i] == ~0ULL - 15 ? off[i] : was + off[i];
			/* The core has a word about some of them, too. */
			if (vdev_addr(&v, GUEST_TX)) {
				*a = was;
				continue;
			}
			vdev_ring(&v, GUEST_RX, g.ring[GUEST_RX].base);
			vdev_ring(&v, GUEST_TX, g.ring[GUEST_TX].base);
			*a = was;
			ASSERT_EQ(vdev_set_status(&v, VDEV_STATUS_OK), 0);
			if (!fine)
				EXPECT_STREQ(vdev_text(&v, GUEST_TX, "fault"), "ring-unreadable");
			eventfd_write(g.ring[GUEST_TX].kick, 1);
			vdev_witness();
		}
	}
	vdev_restart(&v);
	vdev_unharmed(&v);
}

TEST(a14_areas_of_rings_split)
{
	run_areas(false);
}

TEST(a14_areas_of_rings_packed)
{
	run_areas(true);
}

/* A13: the configuration space has an end, and nothing behind it is said. */
TEST(a13_configuration_space)
{
	struct {
		struct vhost_vdpa_config c;
		uint8_t data[256];
	} got;
	uint8_t whole[256];
	uint32_t size;

	vdev_open(&v, &g, &(struct vdev_config){ });
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_GET_CONFIG_SIZE, &size), 0);
	ASSERT_LE(size, 200);
	got.c = (struct vhost_vdpa_config){ 0, size };
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_GET_CONFIG, &got), 0);
	memcpy(whole, got.data, size);
	for (uint32_t off = 0; off <= size; off++)
		for (uint32_t len = 0; len <= size + 1; len++) {
			bool fits = len && len <= size - off;

			memset(&got, 0xa5, sizeof(got));
			got.c.off = off;
			got.c.len = len;
			ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_GET_CONFIG, &got), fits ? 0 : -1);
			if (fits)
				ASSERT_EQ(memcmp(got.data, whole + off, len), 0);
			ASSERT_EQ(got.data[fits ? len : 0], 0xa5);
			/* What is written there is read-only, and stays as it is. */
			ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_SET_CONFIG, &got), fits ? 0 : -1);
		}
	got.c = (struct vhost_vdpa_config){ 0, size };
	ASSERT_EQ(ioctl(v.fd, VHOST_VDPA_GET_CONFIG, &got), 0);
	EXPECT_EQ(memcmp(got.data, whole, size), 0);
	vdev_unharmed(&v);
}

/* A4: all that calls return, twice, upon memory of another pattern each */
TEST(a4_results_of_calls)
{
	static const struct {
		unsigned long request;
		uint32_t in[2], len;
	} gets[] = {
		{ VHOST_GET_FEATURES, { }, 8 }, { VHOST_GET_BACKEND_FEATURES, { }, 8 },
		{ VHOST_GET_VRING_BASE, { 1 }, 8 }, { VHOST_VDPA_GET_DEVICE_ID, { }, 4 },
		{ VHOST_VDPA_GET_STATUS, { }, 1 }, { VHOST_VDPA_GET_VRING_NUM, { }, 2 },
		{ VHOST_VDPA_GET_IOVA_RANGE, { }, 16 }, { VHOST_VDPA_GET_CONFIG_SIZE, { }, 4 },
		{ VHOST_VDPA_GET_VQS_COUNT, { }, 4 }, { VHOST_VDPA_GET_GROUP_NUM, { }, 4 },
		{ VHOST_VDPA_GET_AS_NUM, { }, 4 }, { VHOST_VDPA_GET_VRING_GROUP, { 1 }, 8 },
	};
	uint8_t got[2][64];

	vdev_open(&v, &g, &(struct vdev_config){ });
	for (unsigned int i = 0; i < sizeof(gets) / sizeof(*gets); i++) {
		for (int n = 0; n < 2; n++) {
			memset(got[n], n ? 0x55 : 0xaa, 64);
			memcpy(got[n], gets[i].in, 4);
			ASSERT_EQ(ioctl(v.fd, gets[i].request, got[n]), 0);
		}
		EXPECT_EQ(memcmp(got[0], got[1], gets[i].len), 0);
		for (unsigned int k = gets[i].len > 4 ? gets[i].len : 4; k < 64; k++)
			ASSERT_EQ(got[1][k], 0x55);
	}
	vdev_unharmed(&v);
}

/* A12: eventfds */

static int config_call(int fd)
{
	return ioctl(v.fd, VHOST_VDPA_SET_CONFIG_CALL, &fd);
}

TEST(a12_descriptors_that_are_no_eventfds)
{
	int file = open("/dev/null", O_RDWR), fds[2], gone = eventfd(0, 0);

	vdev_open(&v, &g, &(struct vdev_config){ });
	ASSERT_EQ(pipe(fds), 0);
	close(gone);
	for (unsigned int q = 0; q < 2; q++) {
		const int bad[] = { file, fds[0], v.fd, gone, -2, 1 << 30, INT32_MIN };

		for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			EXPECT_EQ(vdev_file(&v, VHOST_SET_VRING_KICK, q, bad[i]), -1);
			EXPECT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, q, bad[i]), -1);
			EXPECT_EQ(vdev_file(&v, VHOST_SET_VRING_ERR, q, bad[i]), -1);
			EXPECT_EQ(config_call(bad[i]), -1);
		}
	}
	vdev_unharmed(&v);
}

/* The kick is the call: each wakes the other, and frames pass all the same. */
TEST(a12_eventfds_that_are_all_the_same)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	vdev_open(&v, &g, &(struct vdev_config){ });
	vdev_leave(&v);
	vdev_prepare(&v, &g);
	for (int q = 0; q < 2; q++) {
		ASSERT_EQ(dup2(fd, g.ring[q].kick), g.ring[q].kick);
		ASSERT_EQ(dup2(fd, g.ring[q].call), g.ring[q].call);
	}
	vdev_go(&v, NULL);
	ASSERT_EQ(config_call(fd), 0);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
	}
	vdev_bounded(&v);
	vdev_witness();
	kernel_log_quiet();
}

static atomic_bool stop;

static void *toggle_link(void *arg)
{
	for (unsigned int i = 0; !stop; i++)
		vdev_link(&v, i & 1);
	return NULL;
}

/* The link goes up and down, of which the client hears by an eventfd that it changes. */
TEST(a12_config_call_changed_while_the_link_does)
{
	uint64_t heard = 0;
	pthread_t t;
	int fd;

	vdev_open(&v, &g, &(struct vdev_config){ .features = F(VIRTIO_NET_F_STATUS) });
	ASSERT_EQ(pthread_create(&t, NULL, toggle_link, NULL), 0);
	for (int i = 0; i < 3000; i++) {
		fd = eventfd(0, EFD_NONBLOCK);
		ASSERT_EQ(config_call(fd), 0);
		if (i % 3 == 0)
			ASSERT_EQ(config_call(-1), 0);
		heard += guest_event_take(fd);
		close(fd);
	}
	stop = true;
	pthread_join(t, NULL);
	/* One that is there to stay hears of each change. */
	fd = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(config_call(fd), 0);
	vdev_link(&v, true);
	guest_event_take(fd);
	vdev_link(&v, false);
	EXPECT_EQ(guest_event_take(fd), 1);
	vdev_link(&v, true);
	EXPECT_EQ(guest_event_take(fd), 1);
	ksft_note("%llu heard meanwhile", (unsigned long long)heard);
	/* The packet socket has heard of it, too, and says so once. */
	vdev_arrived(&v);
	vdev_unharmed(&v);
	/* Closed with it set, and another change: there is nobody to tell. */
	vdev_leave(&v);
	vdev_link(&v, false);
	vdev_link(&v, true);
	vdev_restart(&v);
	vdev_arrived(&v);
	vdev_unharmed(&v);
}

/*
 * A30: the call changes, again and again. The queue is disabled meanwhile: with
 * it enabled, vhost_vdpa itself looks at the eventfd without a lock.
 */
static void run_calls(bool packed)
{
	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	flow_begin(&f, &g, 0);
	for (int i = 0; i < 100; i++) {
		unsigned int q = i & 1;
		int other = eventfd(0, EFD_NONBLOCK);

		flow_run(&f, &v, 2);
		ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, q, 0), 0);
		for (int k = 0; k < 20; k++) {
			ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, q, other), 0);
			ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, q, -1), 0);
		}
		close(other);
		ASSERT_EQ(vdev_file(&v, VHOST_SET_VRING_CALL, q, g.ring[q].call), 0);
		ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, q, 1), 0);
	}
	flow_run(&f, &v, 20);
	flow_end(&f, &v);
	flow_lost(&f, &v, 1);
	kernel_log_quiet();
}

TEST(a30_calls_changed_split)
{
	run_calls(false);
}

TEST(a30_calls_changed_packed)
{
	run_calls(true);
}
