// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and copy of each call to /dev/vhost-weft fails once, and the
 * device then serves both ways all the same.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest_dev.h"
#include "guest_net.h"
#include "kselftest.h"
#include "must.h"
#include "rig_lib.h"
#include "vhost_new.h"
#include "walk_lib.h"

static struct rig r;
static struct rig_config c;
static struct vhost_memory *table;
static uint64_t features, backend_features;
static unsigned int worker;

/* One call of the kernel, and nothing beside it that could fail. */
static int call(unsigned long request, void *arg)
{
	return walk_ioctl(r.dev.fd, request, arg);
}

static void begin(void)
{
	struct guest_mem_config mc = {
		.regions = c.regions,
		.ring_bytes = 1 << 16,
		.data_bytes = 1 << 17,
		.iova = c.iotlb != GUEST_NO_IOTLB,
		.log = c.log,
	};

	r.c = c;
	r.c.size = 16;
	r.seq = 0;
	r.features = F(VIRTIO_F_VERSION_1) | F(VIRTIO_RING_F_EVENT_IDX) |
		     (c.packed ? F(VIRTIO_F_RING_PACKED) : 0) |
		     (c.iotlb ? F(VIRTIO_F_ACCESS_PLATFORM) : 0) |
		     (c.log ? F(VHOST_F_LOG_ALL) : 0);
	r.dev = (struct guest_dev){ .fd = -1, .stop_misser = -1, .features = r.features };
	MUST(guest_mem_init(&r.mem, &mc));
	r.dev.mem = &r.mem;
	table = guest_mem_table(&r.mem);
	for (int i = 0; i < 2; i++) {
		MUST(guest_ring_init(&r.ring[i], &r.mem, 16, r.features, 0,
				     GUEST_BASE_FIRST(c.packed)));
		r.buf[i] = guest_mem_alloc(&r.mem, RIG_BUF, 16);
		MUST(!r.buf[i]);
	}
}

static void end(void)
{
	if (r.dev.fd >= 0)
		close(r.dev.fd);
	r.dev.fd = -1;
	guest_ring_free(&r.ring[0]);
	guest_ring_free(&r.ring[1]);
	free(table);
	guest_mem_free(&r.mem);
}

/* Calls */

static int make_open(void)
{
	const char *node = guest_dev_node();

	walk_arm();
	r.dev.fd = open(node, O_RDWR | O_CLOEXEC);
	walk_disarm();
	return r.dev.fd < 0 ? -1 : 0;
}

static int make_owner(void)
{
	return call(VHOST_SET_OWNER, NULL);
}

static int make_reset(void)
{
	return call(VHOST_RESET_OWNER, NULL);
}

static int make_kthread(void)
{
	uint8_t kind = VHOST_FORK_OWNER_KTHREAD;

	return call(VHOST_SET_FORK_FROM_OWNER, &kind);
}

static int make_table(void)
{
	return call(VHOST_SET_MEM_TABLE, table);
}

static int make_log(void)
{
	uint64_t log = (uintptr_t)r.mem.log;

	return call(VHOST_SET_LOG_BASE, &log);
}

static int make_log_fd(void)
{
	int fd = r.ring[0].err;

	return call(VHOST_SET_LOG_FD, &fd);
}

static int get_features(void)
{
	return call(VHOST_GET_FEATURES, &features);
}

static int make_features(void)
{
	uint64_t f = r.features;

	return call(VHOST_SET_FEATURES, &f);
}

static int get_backend_features(void)
{
	return call(VHOST_GET_BACKEND_FEATURES, &backend_features);
}

static int make_backend_features(void)
{
	return call(VHOST_SET_BACKEND_FEATURES, &backend_features);
}

static int message(uint8_t type, uint64_t at, uint64_t size, uint8_t perm)
{
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .type = type, .iova = at, .size = size, .perm = perm,
			   .uaddr = (uintptr_t)guest_mem_ptr(&r.mem, at) },
	};
	ssize_t n;

	walk_arm();
	n = write(r.dev.fd, &m, sizeof(m));
	walk_disarm();
	return n == sizeof(m) ? 0 : -1;
}

static int make_map(void)
{
	return message(VHOST_IOTLB_UPDATE, r.mem.start, r.mem.size, VHOST_ACCESS_RW);
}

static int make_unmap(void)
{
	return message(VHOST_IOTLB_INVALIDATE, r.mem.start, r.mem.size, 0);
}

static int address(unsigned int index)
{
	const struct guest_ring *g = &r.ring[index];
	uint64_t at[] = { g->desc_addr, g->avail_addr, g->used_addr };
	struct vhost_vring_addr a = { .index = index };

	for (int i = 0; i < 3 && !r.mem.iova; i++)
		at[i] = (uintptr_t)guest_mem_ptr(&r.mem, at[i]);
	a.desc_user_addr = at[0];
	a.avail_user_addr = at[1];
	a.used_user_addr = at[2];
	if (c.log) {
		a.flags = 1 << VHOST_VRING_F_LOG;
		a.log_guest_addr = guest_mem_gpa(&r.mem, g->used_addr);
	}
	return call(VHOST_SET_VRING_ADDR, &a);
}

/* Each of them for both queues: the second one finds what the first one left. */
#define OF_A_QUEUE(_name, _call)					\
	static int rx_##_name(void)					\
	{								\
		const unsigned int q = GUEST_RX;			\
		return _call;						\
	}								\
	static int tx_##_name(void)					\
	{								\
		const unsigned int q = GUEST_TX;			\
		return _call;						\
	}

OF_A_QUEUE(num, walk_vring(r.dev.fd, VHOST_SET_VRING_NUM, q, r.ring[q].size))
OF_A_QUEUE(base, walk_vring(r.dev.fd, VHOST_SET_VRING_BASE, q, r.ring[q].base))
OF_A_QUEUE(addr, address(q))
OF_A_QUEUE(kick, walk_file(r.dev.fd, VHOST_SET_VRING_KICK, q, r.ring[q].kick))
OF_A_QUEUE(call, walk_file(r.dev.fd, VHOST_SET_VRING_CALL, q, r.ring[q].call))
OF_A_QUEUE(err, walk_file(r.dev.fd, VHOST_SET_VRING_ERR, q, r.ring[q].err))
OF_A_QUEUE(start, walk_file(r.dev.fd, VHOST_NET_SET_BACKEND, q, r.link.backend))
OF_A_QUEUE(stop, walk_file(r.dev.fd, VHOST_NET_SET_BACKEND, q, -1))

static int rx_busyloop(void)
{
	return walk_vring(r.dev.fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, GUEST_RX, 1);
}

static int get_base(unsigned int index)
{
	struct vhost_vring_state s = { index };

	if (call(VHOST_GET_VRING_BASE, &s))
		return -1;
	r.ring[index].base = s.num;
	return 0;
}

OF_A_QUEUE(get_base, get_base(q))

static int new_worker(void)
{
	struct vhost_worker_state w;

	if (call(VHOST_NEW_WORKER, &w))
		return -1;
	worker = w.worker_id;
	return 0;
}

static int attach_worker(void)
{
	struct vhost_vring_worker v = { GUEST_TX, worker };

	return call(VHOST_ATTACH_VRING_WORKER, &v);
}

static int get_worker(void)
{
	struct vhost_vring_worker v = { GUEST_TX };

	return call(VHOST_GET_VRING_WORKER, &v);
}

/* Back to the one of the other queue, and the new one is of no use. */
static int free_worker(void)
{
	struct vhost_worker_state w = { worker };
	struct vhost_vring_worker v = { GUEST_RX };

	MUST(ioctl(r.dev.fd, VHOST_GET_VRING_WORKER, &v));
	v.index = GUEST_TX;
	MUST(ioctl(r.dev.fd, VHOST_ATTACH_VRING_WORKER, &v));
	return call(VHOST_FREE_WORKER, &w);
}

static int kicked(void)
{
	eventfd_write(r.ring[GUEST_RX].kick, 1);
	eventfd_write(r.ring[GUEST_TX].kick, 1);
	return 0;
}

static int frames(void)
{
	kicked();
	return rig_send(&r) || rig_receive(&r) ? -1 : 0;
}

static int make_close(void)
{
	int fd = r.dev.fd;

	r.dev.fd = -1;
	walk_arm();
	fd = close(fd);
	walk_disarm();
	return fd;
}

static const struct walk_call open_it[] = { WALK(make_open), WALK(make_owner) };
static const struct walk_call open_threaded[] = {
	WALK(make_open), WALK(make_kthread), WALK(make_owner),
};

static const struct walk_call tables[] = {
	WALK(get_features), WALK(make_table), WALK(make_features),
};

static const struct walk_call logs[] = {
	WALK(make_table), WALK(make_log), WALK(make_log_fd), WALK(make_features),
};

static const struct walk_call maps[] = {
	WALK(make_table), WALK(make_features), WALK(get_backend_features),
	WALK(make_backend_features), WALK(make_map),
};

static const struct walk_call queues[] = {
	WALK(rx_num), WALK(rx_base), WALK(rx_addr), WALK(rx_kick), WALK(rx_call), WALK(rx_err),
	WALK(tx_num), WALK(tx_base), WALK(tx_addr), WALK(tx_kick), WALK(tx_call), WALK(tx_err),
};

static const struct walk_call start[] = { WALK(rx_start), WALK(tx_start), SURE(frames) };

static const struct walk_call again[] = {
	WALK(rx_busyloop), WALK(rx_stop), WALK(rx_get_base), WALK(tx_stop), WALK(tx_get_base),
	WALK(rx_base), WALK(tx_base), WALK(rx_start), WALK(tx_start), SURE(frames),
};

static const struct walk_call anew[] = {
	WALK(rx_stop), WALK(tx_stop), WALK(make_reset), WALK(make_owner),
};

static const struct walk_call other_table[] = { WALK(make_table), SURE(frames) };
static const struct walk_call other_map[] = { WALK(make_unmap), WALK(make_map), SURE(frames) };

static const struct walk_call other_worker[] = {
	WALK(new_worker), WALK(attach_worker), WALK(get_worker), SURE(frames), WALK(free_worker),
	SURE(frames),
};

static const struct walk_call close_it[] = { WALK(make_close) };

static struct walk_life life = { .begin = begin, .end = end };

static void live(unsigned int least)
{
	const char *missing = walk_missing();
	long long pinned;

	if (missing)
		SKIP("%s", missing);
	WALK_PUT(&life, close_it);
	MUST(guest_net_private());
	MUST(guest_link_open(&r.link, GUEST_TAP, RIG_HDR));
	pinned = walk_pinned();
	walk(&life, least);
	guest_link_close(&r.link);
	EXPECT_EQ(walk_failures, 0);
	EXPECT_EQ(walk_pinned(), pinned);
	EXPECT_EQ(guest_dev_worker(0), -1);
}

static void live_plain(void)
{
	WALK_PUT(&life, open_it);
	WALK_PUT(&life, tables);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, again);
	WALK_PUT(&life, anew);
	WALK_PUT(&life, tables);
	WALK_PUT(&life, queues);
	live(120);
}

TEST_TIMEOUT(split_ring, 600)
{
	live_plain();
}

TEST_TIMEOUT(packed_ring, 600)
{
	c.packed = true;
	live_plain();
}

TEST_TIMEOUT(many_regions, 600)
{
	c.regions = 40;
	WALK_PUT(&life, open_it);
	WALK_PUT(&life, tables);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, other_table);
	live(80);
}

static void live_logged(void)
{
	c.log = true;
	WALK_PUT(&life, open_it);
	WALK_PUT(&life, logs);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, other_table);
	live(80);
}

TEST_TIMEOUT(dirty_log, 600)
{
	live_logged();
}

TEST_TIMEOUT(packed_dirty_log, 600)
{
	c.packed = true;
	live_logged();
}

static void live_mapped(void)
{
	c.iotlb = GUEST_IOTLB_PRELOADED;
	WALK_PUT(&life, open_it);
	WALK_PUT(&life, maps);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, other_map);
	live(80);
}

TEST_TIMEOUT(iotlb, 600)
{
	live_mapped();
}

TEST_TIMEOUT(packed_iotlb, 600)
{
	c.packed = true;
	live_mapped();
}

TEST_TIMEOUT(workers, 600)
{
	WALK_PUT(&life, open_it);
	WALK_PUT(&life, tables);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, other_worker);
	live(80);
}

TEST_TIMEOUT(kernel_thread, 600)
{
	WALK_PUT(&life, open_threaded);
	WALK_PUT(&life, tables);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	live(40);
}
