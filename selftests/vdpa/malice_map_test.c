// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that changes, and that was never there: nothing is read or written
 * where the client has not mapped it. Names begin with the class of attack.
 */
#include <linux/virtio_net.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "flow_lib.h"
#include "guest_frame.h"
#include "guest_net.h"
#include "kernel_log.h"
#include "kselftest.h"

#define CANARY	0x5a
#define ELSE	0x200000000000ULL	/* an address where nothing is mapped */

static struct vguest g;
static struct vdev v;

static int update(uint64_t iova, uint64_t size, const void *at)
{
	return vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, iova, size, at, VHOST_ACCESS_RW);
}

static int invalidate(uint64_t iova, uint64_t size)
{
	return vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 0, iova, size, NULL, 0);
}

static int batch(uint8_t type)
{
	return vdev_iotlb(&v, type, 0, 0, 0, NULL, 0);
}

static uint8_t *pages(size_t len)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	return p;
}

static bool intact(const uint8_t *p, size_t len)
{
	return p[0] == CANARY && !memcmp(p, p + 1, len - 1);
}

/* A4: what is not said is not written. */

static void run_tail(bool packed, bool mergeable)
{
	struct vdev_config c = { .packed = packed, .mergeable = mergeable };
	struct guest_ring *ring = &g.ring[GUEST_RX];
	uint32_t len;
	void *token;

	vdev_open(&v, &g, &c);
	for (unsigned int size = 14; size < 1500; size += 37) {
		guest_mem_fill(&g.mem, g.buf[GUEST_RX], CANARY, VDEV_BUF);
		ASSERT_EQ(guest_ring_add(ring, &(struct guest_buf){ g.buf[GUEST_RX], VDEV_BUF },
					 0, 1, GUEST_DIRECT, &g), 0);
		guest_ring_kick(ring);
		vdev_flood(&v, 1, size);
		ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(ring, &len, &token));
		ASSERT_EQ(len, VDEV_HDR + size);
		EXPECT_TRUE(guest_mem_is_filled(&g.mem, g.buf[GUEST_RX] + len, CANARY,
						VDEV_BUF - len));
		/* Of the header, all: it says nothing but that there is one buffer. */
		EXPECT_TRUE(guest_mem_is_filled(&g.mem, g.buf[GUEST_RX], 0, 10));
	}
	vdev_unharmed(&v);
}

TEST(a4_tails_of_receive_buffers_split)
{
	run_tail(false, true);
}

TEST(a4_tails_of_receive_buffers_packed)
{
	run_tail(true, false);
}

/* A5: nothing lands where memory was before. */

/* The page of the buffer that waits is another one from now on. */
static void run_page_replaced(bool packed, bool batched)
{
	struct guest_ring *ring;
	uint8_t *at[2], frame[300] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5 };

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	ring = &g.ring[GUEST_RX];
	at[0] = pages(4096);
	at[1] = pages(4096);
	ASSERT_EQ(update(ELSE, 4096, at[1]), 0);
	for (int i = 0; i < 100; i++) {
		uint8_t *now = at[i & 1], *before = at[!(i & 1)];

		ASSERT_EQ(guest_ring_add(ring, &(struct guest_buf){ ELSE, VDEV_BUF }, 0, 1,
					 GUEST_DIRECT, &g), 0);
		guest_ring_kick(ring);
		if (batched)
			ASSERT_EQ(batch(VHOST_IOTLB_BATCH_BEGIN), 0);
		ASSERT_EQ(invalidate(ELSE, 4096), 0);
		if (!batched)
			memset(before, CANARY, 4096);
		ASSERT_EQ(update(ELSE, 4096, now), 0);
		if (batched) {
			ASSERT_EQ(batch(VHOST_IOTLB_BATCH_END), 0);
			memset(before, CANARY, 4096);
		}
		frame[20] = i;
		ASSERT_EQ(guest_far_send(v.far, NULL, frame, sizeof(frame)), 0);
		ASSERT_TRUE(guest_ring_wait(ring, VDEV_WAIT));
		ASSERT_TRUE(guest_ring_get(ring, &(uint32_t){ 0 }, &(void *){ NULL }));
		ASSERT_EQ(now[VDEV_HDR + 20], i);
		ASSERT_TRUE(intact(before, 4096));
	}
	vdev_unharmed(&v);
}

TEST(a5_page_replaced_split)
{
	run_page_replaced(false, false);
}

TEST(a5_page_replaced_packed)
{
	run_page_replaced(true, false);
}

TEST(a5_page_replaced_in_a_batch_split)
{
	run_page_replaced(false, true);
}

TEST(a5_page_replaced_in_a_batch_packed)
{
	run_page_replaced(true, true);
}

/* The rings themselves move to other memory, at the same addresses, in one batch. */
static void run_memory_replaced(bool packed)
{
	uint8_t *old, *new;
	struct guest_mem *m = &g.mem;

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed, .data_bytes = 65536 });
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
		new = pages(m->size);
		old = m->base;
		ASSERT_EQ(batch(VHOST_IOTLB_BATCH_BEGIN), 0);
		ASSERT_EQ(invalidate(m->start, m->size), 0);
		memcpy(new, old, m->size);
		ASSERT_EQ(update(m->start, m->size, new), 0);
		ASSERT_EQ(batch(VHOST_IOTLB_BATCH_END), 0);
		memset(old, CANARY, m->size);
		m->base = new;
		for (int q = 0; q < 2; q++) {
			struct guest_ring *r = &g.ring[q];

			if (packed) {
				r->pdesc = guest_mem_ptr(m, r->desc_addr);
				r->driver = guest_mem_ptr(m, r->avail_addr);
				r->device = guest_mem_ptr(m, r->used_addr);
			} else {
				r->desc = guest_mem_ptr(m, r->desc_addr);
				r->avail = guest_mem_ptr(m, r->avail_addr);
				r->used = guest_mem_ptr(m, r->used_addr);
			}
			/* It asks for kicks where it did before, so it may have to be told. */
			eventfd_write(r->kick, 1);
		}
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
		ASSERT_TRUE(intact(old, m->size));
		munmap(old, m->size);
	}
	vdev_unharmed(&v);
}

TEST(a5_rings_replaced_split)
{
	run_memory_replaced(false);
}

TEST(a5_rings_replaced_packed)
{
	run_memory_replaced(true);
}

/* The other address space has other memory at these addresses, or none. */
static void run_asid(bool packed)
{
	struct vdev_config c = { .packed = packed, .ctrl = true,
				 .features = F(VIRTIO_NET_F_CTRL_MAC_ADDR) };
	uint8_t *old;

	vdev_open(&v, &g, &c);
	/* The control queue goes to space 1, where the same is mapped. */
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 1, g.mem.start, g.mem.size, g.mem.base, 3),
		  0);
	ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_GROUP_ASID, 1, 1), 0);
	vdev_unharmed(&v);
	/* What is taken from it stops that queue alone, and is not touched any more. */
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_INVALIDATE, 1, g.mem.start, g.mem.size, NULL, 0), 0);
	vdev_becomes(&v, VDEV_CTRL, "fault", "ring-unreadable");
	old = malloc(8 * g.c.size);
	memcpy(old, guest_mem_ptr(&g.mem, g.ring[VDEV_CTRL].used_addr), 4);
	eventfd_write(g.ring[VDEV_CTRL].kick, 1);
	ASSERT_EQ(vdev_send(&v), 0);
	ASSERT_EQ(vdev_receive(&v), 0);
	EXPECT_EQ(memcmp(old, guest_mem_ptr(&g.mem, g.ring[VDEV_CTRL].used_addr), 4), 0);
	/* The data queues are moved to where nothing is, and to where they were. */
	ASSERT_EQ(vdev_vring(&v, VHOST_VDPA_SET_GROUP_ASID, 0, 1), 0);
	vdev_becomes(&v, GUEST_RX, "fault", "ring-unreadable");
	vdev_becomes(&v, GUEST_TX, "fault", "ring-unreadable");
	vdev_restart(&v);
	vdev_unharmed(&v);
}

TEST(a5_address_space_changed_split)
{
	run_asid(false);
}

TEST(a5_address_space_changed_packed)
{
	run_asid(true);
}

/* A6: maps */

TEST(a6_ranges_that_are_none)
{
	uint8_t *p = pages(4096);

	vdev_open(&v, &g, &(struct vdev_config){ });
	EXPECT_EQ(update(ELSE, 0, p), -1);
	EXPECT_EQ(update(0, ~0ULL, p), -1);
	EXPECT_EQ(update(0, ~0ULL, NULL), -1);
	EXPECT_EQ(update(~0ULL, 2, p), -1);
	EXPECT_EQ(update(~0ULL - 4095, 8192, p), -1);
	EXPECT_EQ(update(ELSE, 1ULL << 48, p), -1);
	EXPECT_EQ(update(ELSE, 4096, (void *)~0xfffUL), -1);
	EXPECT_EQ(update(ELSE, 4096, (void *)0xffff888000000000), -1);
	EXPECT_EQ(update(ELSE, 4096, NULL), -1);
	/* Where something is already, even a byte of it; writes to vhost fail in one way only */
	EXPECT_ERRNO(EFAULT, update(g.mem.start, 4096, p));
	EXPECT_ERRNO(EFAULT, update(g.mem.start - 4096, 8192, p));
	for (int type = 0; type < 256; type++)
		if (type != VHOST_IOTLB_UPDATE && type != VHOST_IOTLB_INVALIDATE &&
		    type != VHOST_IOTLB_BATCH_BEGIN && type != VHOST_IOTLB_BATCH_END)
			EXPECT_EQ(vdev_iotlb(&v, type, 0, ELSE, 4096, p, 3), -1);
	for (uint64_t asid = 2; asid <= 1ULL << 31; asid = asid < 4 ? asid + 1 : asid * 8)
		EXPECT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, asid, ELSE, 4096, p, 3), -1);
	/* What is not there is taken away, all of it. */
	EXPECT_EQ(invalidate(ELSE, 1 << 30), 0);
	/* The last page there could be is a page. */
	EXPECT_EQ(update(~0ULL - 4095, 4096, p), 0);
	EXPECT_EQ(invalidate(~0ULL - 4095, 4096), 0);
	/* The core says in the log what address spaces there are not. */
	vdev_witness();
	ASSERT_EQ(vdev_send(&v), 0);
	ASSERT_EQ(vdev_receive(&v), 0);
}

/* As many as the core lets a client have, and all the others are refused. */
TEST(a6_sixty_thousand_tiny_maps)
{
	uint8_t *p = pages(4096);
	unsigned int have = 0;

	vdev_open(&v, &g, &(struct vdev_config){ });
	ASSERT_EQ(batch(VHOST_IOTLB_BATCH_BEGIN), 0);
	for (unsigned int i = 0; i < 65536; i++) {
		if (!update(ELSE + i * 8192ULL, 4096, p))
			have++;
	}
	ASSERT_EQ(batch(VHOST_IOTLB_BATCH_END), 0);
	ksft_note("%u maps", have);
	EXPECT_GT(have, 1000);
	EXPECT_LE(have, 2048);
	/* Each alone, without a batch, as large as the whole is */
	for (unsigned int i = 0; i < 30; i++)
		ASSERT_EQ(invalidate(ELSE + i * 8192ULL, 4096), 0);
	vdev_unharmed(&v);
	ASSERT_EQ(invalidate(ELSE, 65536 * 8192ULL), 0);
	vdev_unharmed(&v);
}

/* Pieces of all sizes, come and gone in any order; those of the rings stay. */
TEST(a6_maps_that_come_and_go)
{
	uint8_t *p = pages(64 * 4096);
	unsigned int refused = 0;

	vdev_open(&v, &g, &(struct vdev_config){ });
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t h = guest_hash(i, 5), at = ELSE + h % 64 * 4096;
		uint64_t len = 4096 * (1 + (h >> 32) % 16);

		if (i % 100 == 0)
			ASSERT_EQ(batch(i % 200 ? VHOST_IOTLB_BATCH_END :
				  VHOST_IOTLB_BATCH_BEGIN), 0);
		if (h >> 60 & 3)
			refused += update(at, len, p + (h >> 20) % 48 * 4096) < 0;
		else
			ASSERT_EQ(invalidate(at, len), 0);
	}
	ksft_note("%u overlapped others", refused);
	ASSERT_EQ(batch(VHOST_IOTLB_BATCH_END), 0);
	vdev_unharmed(&v);
	ASSERT_EQ(invalidate(ELSE, 1 << 20), 0);
	vdev_unharmed(&v);
}

/* A batch that never ends: what it began with goes on, also when all of it is unmapped. */
TEST(a6_batch_without_an_end)
{
	vdev_open(&v, &g, &(struct vdev_config){ });
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(batch(VHOST_IOTLB_BATCH_BEGIN), 0);
	ASSERT_EQ(update(ELSE, 4096, pages(4096)), 0);
	vdev_unharmed(&v);
	ASSERT_EQ(invalidate(0, ~0ULL), 0);
	vdev_unharmed(&v);
	/* Its client is gone, and the next one finds all as it should be. */
	vdev_restart(&v);
	vdev_unharmed(&v);
}

/* Memory that may only be read is not written to, whatever the ring says. */
static void run_read_only(bool packed)
{
	uint8_t *p = pages(4096);
	struct guest_buf b = { ELSE, VDEV_BUF };

	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	memset(p, CANARY, 4096);
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, ELSE, 4096, p, VHOST_ACCESS_RO), 0);
	ASSERT_EQ(guest_ring_add(&g.ring[GUEST_RX], &b, 0, 1, GUEST_DIRECT, &g), 0);
	guest_ring_kick(&g.ring[GUEST_RX]);
	vdev_flood(&v, 1, 60);
	vdev_becomes(&v, GUEST_RX, "fault", "buffer-no-memory");
	EXPECT_TRUE(intact(p, 4096));
	/* And what may only be written is not read. */
	ASSERT_EQ(invalidate(ELSE, 4096), 0);
	ASSERT_EQ(vdev_iotlb(&v, VHOST_IOTLB_UPDATE, 0, ELSE, 4096, p, VHOST_ACCESS_WO), 0);
	ASSERT_EQ(guest_ring_add(&g.ring[GUEST_TX], &b, 1, 0, GUEST_DIRECT, &g), 0);
	guest_ring_kick(&g.ring[GUEST_TX]);
	vdev_becomes(&v, GUEST_TX, "fault", "buffer-no-memory");
	EXPECT_EQ(vdev_arrived(&v), 0);
	vdev_restart(&v);
	vdev_unharmed(&v);
}

TEST(a6_read_only_memory_split)
{
	run_read_only(false);
}

TEST(a6_read_only_memory_packed)
{
	run_read_only(true);
}

/* What a client pinned is unpinned, and what it was not let pin too. */
static long pinned(void)
{
	char line[200];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmPin: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

TEST(a6_limit_of_locked_memory)
{
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	uint8_t *p;
	long before;

	vdev_open(&v, &g, &(struct vdev_config){ });
	p = pages(1 << 20);
	before = pinned();
	limit.rlim_cur = (before << 10) + 65536;
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	for (int i = 0; i < 100; i++) {
		EXPECT_ERRNO(EFAULT, update(ELSE, 1 << 20, p));
		ASSERT_EQ(update(ELSE, 65536, p), 0);
		EXPECT_EQ(pinned(), before + 64);
		ASSERT_EQ(invalidate(ELSE, 65536), 0);
		EXPECT_EQ(pinned(), before);
	}
	vdev_unharmed(&v);
}

/* A8: everything at once, until the client is killed */

static void *do_ioctls(void *arg)
{
	unsigned int seed = (intptr_t)arg;

	for (uint64_t i = 0;; i++) {
		uint64_t h = guest_hash(seed, i);
		unsigned int q = h >> 8 & 1;

		switch (h & 15) {
		case 0:
			ioctl(v.fd, VHOST_VDPA_SUSPEND, NULL);
			break;
		case 1:
		case 2:
			ioctl(v.fd, VHOST_VDPA_RESUME, NULL);
			break;
		case 3:
			vdev_vring(&v, VHOST_VDPA_SET_VRING_ENABLE, q, h >> 9 & 1);
			break;
		case 4:
			vdev_file(&v, VHOST_SET_VRING_KICK, q, g.ring[q].kick);
			break;
		case 5:
			vdev_addr(&v, q);
			break;
		case 6:
			vdev_vring(&v, VHOST_SET_VRING_BASE, q, h >> 16);
			break;
		case 7:
			ioctl(v.fd, VHOST_GET_VRING_BASE, &(struct vhost_vring_state){ q });
			break;
		case 8:
			update(ELSE + (h >> 20 & 7) * 65536, 65536, g.mem.base);
			break;
		case 9:
			invalidate(ELSE + (h >> 20 & 7) * 65536, 65536);
			break;
		case 10:
			if (!(h >> 9 & 15))
				invalidate(0, ~0ULL);
			else
				vdev_map(&v);
			break;
		case 11:
			vdev_vring(&v, VHOST_VDPA_SET_GROUP_ASID, q, h >> 9 & 1);
			break;
		case 12:
			vdev_vring(&v, VHOST_SET_VRING_NUM, q, 64);
			break;
		case 13:
			vdev_flood(&v, 30, 60);
			vdev_arrived(&v);
			break;
		case 14:
			if (!(h >> 9 & 7))
				vdev_set_status(&v, 0);
			break;
		case 15:
			vdev_set_status(&v, VDEV_STATUS_DRIVER);
			ioctl(v.fd, VHOST_SET_FEATURES, &g.features);
			vdev_set_status(&v, VDEV_STATUS_FEATURES);
			vdev_set_status(&v, VDEV_STATUS_OK);
			break;
		}
		eventfd_write(g.ring[q].kick, 1);
	}
	return NULL;
}

static void client(bool packed, int sock)
{
	pthread_t t;

	vguest_init(&g, &(struct vdev_config){ .packed = packed });
	vdev_begin(&v, &g, NULL);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&t, NULL, do_ioctls, (void *)(intptr_t)(i + 1)))
			_exit(1);
	for (uint64_t n = 0;; n++) {
		guest_scribble(&g.ring[n & 1], n, g.buf[0]);
		if (!packed && n % 64 == 0)
			g.ring[n >> 6 & 1].avail->idx = htole16(n >> 7);
		if (n == 20000 && write(sock, "", 1) != 1)
			_exit(1);
	}
}

static void run_killed(bool packed)
{
	vdev_open(&v, &g, &(struct vdev_config){ .packed = packed });
	vdev_leave(&v);
	for (int i = 0; i < 6; i++) {
		int fds[2], status;
		pid_t pid;
		char c;

		ASSERT_EQ(pipe(fds), 0);
		fflush(NULL);
		pid = fork();
		if (!pid)
			client(packed, fds[1]);
		ASSERT_EQ(read(fds[0], &c, 1), 1);
		vdev_witness();
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
		close(fds[0]);
		close(fds[1]);
		/* With all its maps and threads left; the next one has a device that serves. */
		vdev_arrived(&v);
		vdev_restart(&v);
		vdev_unharmed(&v);
		vdev_leave(&v);
	}
	kernel_log_quiet();
}

TEST(a8_everything_at_once_until_killed_split)
{
	run_killed(false);
}

TEST(a8_everything_at_once_until_killed_packed)
{
	run_killed(true);
}
