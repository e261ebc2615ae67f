// SPDX-License-Identifier: GPL-2.0
/*
 * Work without end, and everything at once. Names begin with the class of
 * attack. That a worker stays answerable is shown by what it has done between
 * two looks, not by a clock: WEFT_NET_PACKETS frames are a run's limit.
 */
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

#define LIMIT		256	/* of a run */
#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT

static struct rig r;
static atomic_bool stop;

static void end(pthread_t t)
{
	stop = true;
	pthread_join(t, NULL);
	stop = false;
}

static void drain(void)
{
	static uint8_t data[65536];
	struct virtio_net_hdr hdr;

	while (guest_far_receive(r.link.far, &hdr, data, sizeof(data)) > 0)
		;
}

/* A2 */

static void *flood(void *arg)
{
	static const uint8_t frame[1400];

	while (!stop)
		guest_far_send(r.link.far, NULL, frame, sizeof(frame));
	return arg;
}

/*
 * A frame takes more buffers than there are, and there is always another one:
 * the worker looks at all buffers for each, and drops it.
 */
static void run_flood(bool packed)
{
	long long drops, runs;
	pthread_t t;

	rig_open(&r, &(struct rig_config){ .packed = packed, .mergeable = true, .size = 2048 });
	for (unsigned int i = 0; i < 2048; i++) {
		struct guest_buf b = { r.buf[GUEST_RX] + i, 1 };

		ASSERT_EQ(guest_ring_add(&r.ring[GUEST_RX], &b, 0, 1, GUEST_DIRECT, &r), 0);
	}
	guest_ring_kick_always(&r.ring[GUEST_RX]);
	ASSERT_EQ(pthread_create(&t, NULL, flood, NULL), 0);
	rig_reaches(&r, GUEST_RX, "drop.no-buffer", 300);
	/* It is enough to be served at all, and that the other queue is. */
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		rig_witness();
		rig_flush(&r);
	}
	end(t);
	drops = rig_stats(&r, GUEST_RX, "drop.no-buffer");
	runs = rig_stats(&r, GUEST_RX, "runs");
	ksft_note("%lld frames dropped in %lld runs", drops, runs);
	EXPECT_GT(drops, 0);
	EXPECT_LE(drops, LIMIT * runs);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_RX, -1), 0);
	rig_restart(&r, GUEST_RX);
	rig_unharmed(&r);
}

TEST(a2_split_buffers_of_a_byte_and_a_flood)
{
	run_flood(false);
}

TEST(a2_packed_buffers_of_a_byte_and_a_flood)
{
	run_flood(true);
}

/* There is something, and there is not, each time that the worker looks. */
static void *to_and_fro(void *arg)
{
	struct guest_ring *ring = arg;

	for (unsigned int i = 0; !stop; i++)
		if (r.c.packed)
			guest_ring_store(&ring->pdesc[0].flags,
					 i & 1 ? F(VRING_PACKED_DESC_F_AVAIL) | INDIRECT : 0);
		else
			guest_ring_store(&ring->avail->idx, i & 1);
	return NULL;
}

static void run_to_and_fro(bool packed, int queue)
{
	pthread_t t, f;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	ASSERT_EQ(pthread_create(&t, NULL, to_and_fro, &r.ring[queue]), 0);
	for (int i = 0; i < 30; i++) {
		eventfd_write(r.ring[queue].kick, 1);
		if (queue == GUEST_RX) {
			ASSERT_EQ(pthread_create(&f, NULL, flood, NULL), 0);
			poll(NULL, 0, 1);
			stop = true;
			pthread_join(f, NULL);
			pthread_join(t, NULL);
			stop = false;
			ASSERT_EQ(pthread_create(&t, NULL, to_and_fro, &r.ring[queue]), 0);
		}
		rig_flush(&r);
		rig_witness();
		guest_event_take(r.ring[queue].err);
		rig_restart(&r, queue);
	}
	end(t);
	rig_restart(&r, queue);
	guest_event_take(r.ring[queue].err);
	drain();
	rig_unharmed(&r);
}

TEST(a2_split_index_to_and_fro)
{
	run_to_and_fro(false, GUEST_TX);
}

TEST(a2_packed_flags_to_and_fro)
{
	run_to_and_fro(true, GUEST_TX);
}

TEST(a2_split_index_to_and_fro_while_receiving)
{
	run_to_and_fro(false, GUEST_RX);
}

/* Chains of as many empty pieces as there can be, as many of them as a run takes */
static void run_empty_chains(bool packed)
{
	uint64_t table;

	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 256, .table = 300 });
	/* 65536 entries */
	table = guest_mem_alloc(&r.mem, 1 << 20, 4096);
	ASSERT_NE(table, 0);
	for (unsigned int i = 0; !packed && i < 65535; i++)
		*(struct vring_desc *)guest_mem_ptr(&r.mem, table + 16 * i) =
			(struct vring_desc){ .flags = NEXT, .next = i + 1 };
	for (unsigned int i = 256; i--; ) {
		rig_desc(&r, GUEST_TX, i, table, 1 << 20, INDIRECT, i);
		rig_avail(&r, GUEST_TX, i, i);
	}
	rig_show(&r, GUEST_TX, 256);
	/* No driver has such, and to walk them all takes seconds. */
	rig_stopped(&r, GUEST_TX, "chain-too-long");
	rig_flush(&r);
}

TEST(a2_split_longest_chains_of_nothing)
{
	run_empty_chains(false);
}

TEST(a2_packed_longest_chains_of_nothing)
{
	run_empty_chains(true);
}

static void *feed(void *arg)
{
	const uint16_t *used = &r.ring[GUEST_TX].used->idx;
	uint16_t idx = 0;

	for (unsigned int i = 0; i < r.c.size; i++)
		rig_avail(&r, GUEST_TX, i, i);
	while (!stop) {
		idx += 16;
		while (!stop && (uint16_t)(idx - guest_ring_load(used)) > r.c.size)
			;
		/* More than there is room for, if it did not wait. */
		if (stop)
			break;
		guest_ring_store(&r.ring[GUEST_TX].avail->idx, idx);
		eventfd_write(r.ring[GUEST_TX].kick, 1);
	}
	return arg;
}

/* A queue that always has more gets its share, and no more. */
TEST(a2_frames_without_end)
{
	long long frames, runs;
	pthread_t t;

	rig_open(&r, &(struct rig_config){ .size = 1024, .no_event_idx = true });
	for (unsigned int i = 0; i < 1024; i++)
		rig_desc(&r, GUEST_TX, i, r.buf[GUEST_TX], 20, 0, 0);
	ASSERT_EQ(pthread_create(&t, NULL, feed, NULL), 0);
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(rig_receive(&r), 0);
		rig_witness();
		rig_flush(&r);
	}
	end(t);
	frames = rig_stats(&r, GUEST_TX, "drop.short");
	runs = rig_stats(&r, GUEST_TX, "runs");
	ksft_note("%lld frames in %lld runs", frames, runs);
	EXPECT_LE(frames, LIMIT * runs);
	rig_restart(&r, GUEST_TX);
	rig_unharmed(&r);
}

/* An hour of polling ends when somebody wants something of the worker or the queue. */
static void run_busyloop(int queue)
{
	struct vhost_vring_state s = { .index = queue, .num = ~0u };

	rig_open(&r, &(struct rig_config){ });
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &s), 0);
	s.num = 0;
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &s), 0);
	EXPECT_EQ(s.num, ~0u);
	for (int i = 0; i < 10; i++) {
		eventfd_write(r.ring[queue].kick, 1);
		rig_flush(&r);
		rig_stats(&r, queue, "runs");
		eventfd_write(r.ring[queue].kick, 1);
		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, -1), 0);
		rig_restart(&r, queue);
	}
	rig_unharmed(&r);
}

TEST(a2_busy_polling_for_an_hour)
{
	run_busyloop(GUEST_TX);
}

TEST(a2_busy_polling_for_frames_for_an_hour)
{
	run_busyloop(GUEST_RX);
}

/* A8: ioctls, the worker, close and SIGKILL, all at the same time */

static uint64_t features[4];

static void anything(unsigned int n)
{
	uint64_t h = guest_hash(n, 88), u;
	int queue = h >> 8 & 1;
	struct vhost_vring_worker w = { .index = queue, .worker_id = h >> 16 & 3 };
	struct vhost_vring_state s = { .index = queue, .num = 1 << (h >> 20 & 7) };
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_memory *t;

	switch (h % 18) {
	case 0:
		guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, -1);
		break;
	case 1 ... 3:
		guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, r.link.backend);
		break;
	case 4:
		ioctl(r.dev.fd, VHOST_SET_FEATURES, &features[h >> 16 & 3]);
		break;
	case 5:
		t = guest_mem_table(&r.mem);
		if (h >> 16 & 1)
			t->nregions = 0;
		ioctl(r.dev.fd, VHOST_SET_MEM_TABLE, t);
		free(t);
		break;
	case 6:
		guest_dev_set_addr(&r.dev, queue, &r.ring[queue]);
		break;
	case 7:
		ioctl(r.dev.fd, VHOST_SET_VRING_NUM, &s);
		break;
	case 8:
		ioctl(r.dev.fd, VHOST_SET_VRING_BASE, &s);
		break;
	case 9:
		ioctl(r.dev.fd, VHOST_GET_VRING_BASE, &s);
		break;
	case 10:
		guest_dev_set_file(&r.dev, VHOST_SET_VRING_KICK, queue,
				   h >> 16 & 1 ? r.ring[queue].kick : -1);
		break;
	case 11:
		guest_dev_set_file(&r.dev, VHOST_SET_VRING_CALL, queue,
				   h >> 16 & 1 ? r.ring[queue].call : -1);
		break;
	case 12:
		ioctl(r.dev.fd, VHOST_NEW_WORKER, &w);
		break;
	case 13:
		ioctl(r.dev.fd, VHOST_ATTACH_VRING_WORKER, &w);
		break;
	case 14:
		w.index = w.worker_id;
		ioctl(r.dev.fd, VHOST_FREE_WORKER, &w);
		break;
	case 15:
		m.iotlb = (struct vhost_iotlb_msg){
			.iova = r.mem.start, .size = r.mem.size, .perm = VHOST_ACCESS_RW,
			.uaddr = (uintptr_t)r.mem.base, .type = 2 + (h >> 16 & 1),
		};
		if (write(r.dev.fd, &m, sizeof(m)) < 0)
			break;
		break;
	case 16:
		if (h >> 16 & 7)
			break;
		ioctl(r.dev.fd, VHOST_RESET_OWNER, NULL);
		ioctl(r.dev.fd, VHOST_SET_OWNER, NULL);
		break;
	case 17:
		u = (uintptr_t)r.mem.log;
		ioctl(r.dev.fd, VHOST_SET_LOG_BASE, &u);
		rig_stats(&r, queue, "runs");
		rig_stats(&r, -1, "bytes.queue");
		break;
	}
	eventfd_write(r.ring[queue].kick, 1);
}

static void *do_anything(void *arg)
{
	static atomic_uint n;

	while (!stop)
		anything(n++);
	return arg;
}

/* In a process of its own, which is then killed, or closes while threads are at it. */
static void child(bool packed, bool log, bool kthread, int sock)
{
	uint8_t fork = VHOST_FORK_OWNER_KTHREAD;
	pthread_t t[4];

	rig_open(&r, &(struct rig_config){ .packed = packed, .log = true, .idle = kthread });
	if (kthread) {
		ioctl(r.dev.fd, VHOST_RESET_OWNER, NULL);
		ioctl(r.dev.fd, VHOST_SET_FORK_FROM_OWNER, &fork);
		ioctl(r.dev.fd, VHOST_SET_OWNER, NULL);
	}
	features[0] = r.features & ~F(VHOST_F_LOG_ALL);
	features[1] = r.features;
	features[2] = features[0] | F(VIRTIO_F_ACCESS_PLATFORM);
	features[3] = features[0] ^ F(VIRTIO_F_RING_PACKED) ^ F(VIRTIO_F_IN_ORDER);
	for (unsigned int i = 0; i < 16; i++)
		for (int q = 0; q < 2; q++) {
			rig_desc(&r, q, i, r.buf[q], 100, q ? 0 : WRITE, i);
			rig_avail(&r, q, i, i);
		}
	rig_show(&r, 0, 16);
	rig_show(&r, 1, 16);
	for (int i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, i ? do_anything : flood, NULL))
			_exit(2);
	if (write(sock, "", 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

static void run_matrix(bool kthread)
{
	unsigned int rounds = 8;

	for (unsigned int i = 0; i < rounds; i++) {
		int pipes[2], status;
		char c;
		pid_t pid;

		ASSERT_EQ(pipe(pipes), 0);
		fflush(NULL);
		pid = fork();
		if (!pid)
			child(i & 1, i & 2, kthread, pipes[1]);
		ASSERT_EQ(read(pipes[0], &c, 1), 1);
		poll(NULL, 0, 300 + 50 * i);
		ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0);
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pipes[0]);
		close(pipes[1]);
	}
	/* They are all gone, with all that they had. */
	rig_open(&r, &(struct rig_config){ });
	rig_unharmed(&r);
}

TEST(a8_ioctls_worker_and_sigkill_at_once)
{
	run_matrix(false);
}

TEST(a8_ioctls_kernel_thread_and_sigkill_at_once)
{
	run_matrix(true);
}

static void *owner_again(void *arg)
{
	while (!stop) {
		ioctl(r.dev.fd, VHOST_RESET_OWNER, NULL);
		ioctl(r.dev.fd, VHOST_SET_OWNER, NULL);
	}
	return arg;
}

/* The counters of a queue are read while what they are about comes and goes. */
TEST(a8_counters_read_while_the_owner_changes)
{
	pthread_t t;

	rig_open(&r, &(struct rig_config){ });
	ASSERT_EQ(pthread_create(&t, NULL, owner_again, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		EXPECT_GE(rig_stats(&r, i & 1, "remaps"), 0);
		EXPECT_GT(rig_stats(&r, -1, "bytes.device"), 0);
	}
	end(t);
	rig_witness();
	rig_quiet();
}

/* A9: workers that cannot be had */

TEST(a9_no_more_threads_for_the_owner)
{
	struct rlimit few = { 0, 0 };
	struct vhost_worker_state w;
	struct guest_dev other;
	int status;

	rig_open(&r, &(struct rig_config){ });
	if (ioctl(r.dev.fd, VHOST_NEW_WORKER, &w))
		SKIP("workers are kernel threads here: %s", strerror(errno));
	fflush(NULL);
	if (!fork()) {
		/* Limits do not hold for the root. */
		if (guest_dev_open(&other, NULL) || setrlimit(RLIMIT_NPROC, &few) ||
		    setuid(65534))
			_exit(1);
		if (!ioctl(other.fd, VHOST_SET_OWNER, NULL) || errno != EAGAIN)
			_exit(2);
		/* And again: nothing is left of the first time. */
		if (!ioctl(other.fd, VHOST_SET_OWNER, NULL) || errno != EAGAIN)
			_exit(3);
		if (!ioctl(other.fd, VHOST_RESET_OWNER, NULL) || errno != EPERM)
			_exit(4);
		_exit(0);
	}
	wait(&status);
	EXPECT_EQ(status, 0);
	rig_unharmed(&r);
}

TEST(a9_workers_without_end)
{
	struct vhost_worker_state w;
	unsigned int n = 0;

	rig_open(&r, &(struct rig_config){ });
	while (n < 1000 && !ioctl(r.dev.fd, VHOST_NEW_WORKER, &w))
		n++;
	if (!n)
		SKIP("workers are kernel threads here: %s", strerror(errno));
	EXPECT_EQ(errno, ENOSPC);
	EXPECT_EQ(n, 15);
	while (w.worker_id > 1) {
		EXPECT_EQ(ioctl(r.dev.fd, VHOST_FREE_WORKER, &w), 0);
		w.worker_id--;
	}
	EXPECT_ERRNO(EBUSY, ioctl(r.dev.fd, VHOST_FREE_WORKER, &w));
	rig_unharmed(&r);
}

/* A25: each ioctl in each state, before what it needs */
TEST(a25_ioctls_in_any_order)
{
	static const unsigned long cmds[] = {
		VHOST_SET_OWNER, VHOST_RESET_OWNER, VHOST_SET_MEM_TABLE, VHOST_SET_LOG_BASE,
		VHOST_SET_LOG_FD, VHOST_SET_VRING_NUM, VHOST_SET_VRING_ADDR, VHOST_SET_VRING_BASE,
		VHOST_GET_VRING_BASE, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
		VHOST_SET_VRING_ERR, VHOST_NET_SET_BACKEND, VHOST_GET_FEATURES,
		VHOST_SET_FEATURES, VHOST_SET_VRING_ENDIAN, VHOST_GET_VRING_ENDIAN,
		VHOST_SET_VRING_BUSYLOOP_TIMEOUT, VHOST_GET_VRING_BUSYLOOP_TIMEOUT,
		VHOST_SET_BACKEND_FEATURES, VHOST_NEW_WORKER, VHOST_FREE_WORKER,
		VHOST_ATTACH_VRING_WORKER, VHOST_GET_VRING_WORKER, VHOST_SET_FORK_FROM_OWNER,
		VHOST_SET_FEATURES_ARRAY, VHOST_GET_FEATURES_ARRAY,
	};
	const unsigned int nr = sizeof(cmds) / sizeof(*cmds);
	unsigned int good = 0, bad = 0;
	struct guest_dev dev;
	uint64_t arg[8];
	void *scratch;

	scratch = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rig_open(&r, &(struct rig_config){ });
	for (unsigned int round = 0; round < 150; round++) {
		ASSERT_EQ(guest_dev_open(&dev, NULL), 0);
		if (round & 1)
			ioctl(dev.fd, VHOST_SET_OWNER, NULL);
		for (unsigned int i = 0; i < 40; i++) {
			uint64_t h = guest_hash(round, i);
			bool array = cmds[h % nr] == VHOST_SET_FEATURES_ARRAY ||
				     cmds[h % nr] == VHOST_GET_FEATURES_ARRAY;

			memset(arg, 0, sizeof(arg));
			arg[0] = array ? h >> 32 & 7 : (h >> 40 & 1) | (h >> 48 & 0xff) << 32;
			if (h >> 41 & 1 && !array)
				arg[0] |= (uint64_t)(uint32_t)r.link.backend << 32;
			for (int k = 1; k < 5; k++)
				arg[k] = h >> 42 & 1 ? (uintptr_t)scratch : guest_hash(h, k);
			if (ioctl(dev.fd, cmds[h % nr], arg))
				bad++;
			else
				good++;
		}
		close(dev.fd);
	}
	ksft_note("%u succeeded, %u did not", good, bad);
	rig_unharmed(&r);
}
