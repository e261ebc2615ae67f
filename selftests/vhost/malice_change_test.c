// SPDX-License-Identifier: GPL-2.0
/*
 * What a VMM changes, or says that no other would, while a queue is in use:
 * the frames go on. Names begin with the class of attack.
 */
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

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

/* The log */

static int set_log_addr(int queue, uint32_t flags, uint64_t log_addr)
{
	const struct guest_ring *ring = &r.ring[queue];
	bool iova = r.mem.iova;
	struct vhost_vring_addr a = {
		.index = queue,
		.flags = flags,
		.desc_user_addr = iova ? ring->desc_addr : (uintptr_t)ring->desc,
		.avail_user_addr = iova ? ring->avail_addr : (uintptr_t)ring->avail,
		.used_user_addr = iova ? ring->used_addr : (uintptr_t)ring->used,
		.log_guest_addr = log_addr,
	};

	return ioctl(r.dev.fd, VHOST_SET_VRING_ADDR, &a);
}

/* With an IOTLB it is an I/O virtual address, for which no log has to have room. */
TEST(a1_log_address_beyond_the_log_with_an_iotlb)
{
	rig_open(&r, &(struct rig_config){ .log = true, .iotlb = GUEST_IOTLB_PRELOADED });
	ASSERT_EQ(set_log_addr(GUEST_TX, 1 << VHOST_VRING_F_LOG, 1ULL << 62), 0);
	rig_restart(&r, GUEST_TX);
	rig_unharmed(&r);
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "log_failures"), 0);
}

/* Without one, it is physical. */
TEST(a1_log_address_beyond_the_log)
{
	if (GUEST_USER_BITS > 47)
		SKIP("the bits of any address may be in the user's memory here");
	rig_open(&r, &(struct rig_config){ .log = true });
	EXPECT_ERRNO(EINVAL, set_log_addr(GUEST_TX, 1 << VHOST_VRING_F_LOG, 1ULL << 62));
	rig_unharmed(&r);
}

/* Pages of frames are told of, also where the ring itself is not logged. */
TEST(a1_log_of_frames_alone_is_signalled)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	rig_open(&r, &(struct rig_config){ .log = true });
	ASSERT_EQ(set_log_addr(GUEST_RX, 0, 0), 0);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_LOG_FD, &fd), 0);
	ASSERT_EQ(rig_receive(&r), 0);
	EXPECT_TRUE(guest_mem_dirty(&r.mem, r.buf[GUEST_RX]));
	EXPECT_GE(guest_event_take(fd), 1);
	rig_unharmed(&r);
}

/* What the kernel calls an eventfd; it gives the number to another one once nobody has it. */
static long eventfd_id(int fd)
{
	char path[40], line[80];
	long id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "eventfd-id: %ld", &id);
	fclose(f);
	return id;
}

static int set_log_fd(int fd)
{
	return ioctl(r.dev.fd, VHOST_SET_LOG_FD, &fd);
}

/* The log's eventfd is replaced: the new one is signalled, and the old one is nobody's. */
TEST(a12_eventfd_of_the_log_replaced)
{
	long id, least, most = 0;
	int fd, old = -1;

	rig_open(&r, &(struct rig_config){ .log = true });
	least = LONG_MAX;
	for (int i = 0; i < 50; i++) {
		fd = eventfd(0, EFD_NONBLOCK);
		id = eventfd_id(fd);
		ASSERT_GE(id, 0);
		least = id < least ? id : least;
		most = id > most ? id : most;
		ASSERT_EQ(set_log_fd(fd), 0);
		/* What was to be told before, was. */
		if (i)
			guest_event_take(old);
		ASSERT_EQ(rig_receive(&r), 0);
		EXPECT_GE(guest_event_take(fd), 1);
		if (i) {
			EXPECT_EQ(guest_event_take(old), 0);
			close(old);
		}
		old = fd;
	}
	ASSERT_EQ(set_log_fd(-1), 0);
	guest_event_take(fd);
	ASSERT_EQ(rig_receive(&r), 0);
	EXPECT_EQ(guest_event_take(fd), 0);
	/* Two at a time, and others come and go beside them. */
	EXPECT_LT(most - least, 25);
	/* Once more, when there was none; it goes with the device. */
	ASSERT_EQ(set_log_fd(fd), 0);
	ASSERT_EQ(rig_receive(&r), 0);
	EXPECT_GE(guest_event_take(fd), 1);
	close(fd);
	rig_unharmed(&r);
}

/* Rings where no word is at an address that it can be loaded from in one go */

/* An area of a ring moves, of which nobody but the IOTLB is told. */
static void *moved(uint64_t iova, const void *from, size_t len)
{
	uint64_t at = guest_mem_alloc(&r.mem, len + 16, 16);
	uint8_t *to = guest_mem_ptr(&r.mem, at + 1);
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2, .iotlb = {
		.iova = iova, .size = len, .uaddr = (uintptr_t)to, .perm = VHOST_ACCESS_RW,
		.type = VHOST_IOTLB_UPDATE } };

	memcpy(to, from, len);
	ASSERT_EQ(write(r.dev.fd, &m, sizeof(m)), sizeof(m));
	return to;
}

static void run_odd_areas(bool packed, bool drivers)
{
	long long copies[2];

	rig_open(&r, &(struct rig_config){ .packed = packed, .iotlb = GUEST_IOTLB_PRELOADED });
	for (int q = 0; q < 2; q++) {
		struct guest_ring *ring = &r.ring[q];
		size_t bytes = drivers ? 6 + 2 * ring->size : 6 + 8 * ring->size;

		ASSERT_EQ(guest_dev_stop(&r.dev, q), 0);
		if (packed && drivers)
			ring->driver = moved(ring->avail_addr, ring->driver, 4);
		else if (packed)
			ring->device = moved(ring->used_addr, ring->device, 4);
		else if (drivers)
			ring->avail = moved(ring->avail_addr, ring->avail, bytes);
		else
			ring->used = moved(ring->used_addr, ring->used, bytes);
		copies[q] = rig_stats(&r, q, "copies");
		ASSERT_EQ(guest_dev_start(&r.dev, q, r.link.backend), 0);
	}
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		ASSERT_EQ(rig_receive(&r), 0);
	}
	for (int q = 0; q < 2; q++)
		EXPECT_GE(rig_stats(&r, q, "copies"), copies[q] + 100);
	rig_unharmed(&r);
}

TEST(a6_split_drivers_area_that_the_iotlb_has_at_an_odd_address)
{
	run_odd_areas(false, true);
}

TEST(a6_packed_drivers_area_that_the_iotlb_has_at_an_odd_address)
{
	run_odd_areas(true, true);
}

TEST(a6_split_devices_area_that_the_iotlb_has_at_an_odd_address)
{
	run_odd_areas(false, false);
}

TEST(a6_packed_devices_area_that_the_iotlb_has_at_an_odd_address)
{
	run_odd_areas(true, false);
}

/* Descriptors alone: no address of theirs is refused. */
static void run_odd_descriptors(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	struct vhost_vring_addr a = { .index = GUEST_TX };
	long long copies;
	uint8_t *to;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	to = guest_mem_ptr(&r.mem, guest_mem_alloc(&r.mem, 16 * r.c.size + 16, 16));
	memcpy(to + 1, packed ? (void *)ring->pdesc : ring->desc, 16 * r.c.size);
	if (packed)
		ring->pdesc = (void *)(to + 1);
	else
		ring->desc = (void *)(to + 1);
	a.desc_user_addr = (uintptr_t)(to + 1);
	a.avail_user_addr = (uintptr_t)(packed ? (void *)ring->driver : ring->avail);
	a.used_user_addr = (uintptr_t)(packed ? (void *)ring->device : ring->used);
	copies = rig_stats(&r, GUEST_TX, "copies");
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_VRING_ADDR, &a), 0);
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(rig_send(&r), 0);
	EXPECT_GE(rig_stats(&r, GUEST_TX, "copies"), copies + 100);
	rig_unharmed(&r);
}

TEST(a7_split_descriptors_at_odd_addresses)
{
	run_odd_descriptors(false);
}

TEST(a7_packed_descriptors_at_odd_addresses)
{
	run_odd_descriptors(true);
}
