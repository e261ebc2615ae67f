// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not there, moves, or comes twice: logs, tables and the IOTLB.
 * Names begin with the class of attack.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE

static struct rig r;
static const uint8_t zeroes[1000];
static void *volatile nowhere = (void *)8;

static ssize_t send_msg(uint8_t type, uint64_t iova, uint64_t size, uint64_t uaddr, uint8_t perm)
{
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2, .iotlb = {
		.iova = iova, .size = size, .uaddr = uaddr, .perm = perm, .type = type } };

	return write(r.dev.fd, &m, sizeof(m));
}

static ssize_t update(uint64_t iova, uint64_t size, void *to)
{
	return send_msg(VHOST_IOTLB_UPDATE, iova, size, (uintptr_t)to, VHOST_ACCESS_RW);
}

static ssize_t invalidate(uint64_t iova, uint64_t size)
{
	return send_msg(VHOST_IOTLB_INVALIDATE, iova, size, 0, 0);
}

static void *map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(p, MAP_FAILED);
	return p;
}

/* A1: the dirty log */

/* The log is exactly as long as it has to be, and nothing may be written behind it. */
static void guarded_log(void)
{
	size_t len = (GUEST_GPA + r.mem.size) / GUEST_PAGE / 8 + 1;
	size_t whole = (len + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1);
	uint8_t *log = map(whole + GUEST_PAGE);
	uint64_t base;

	ASSERT_EQ(mprotect(log + whole, GUEST_PAGE, PROT_NONE), 0);
	base = (uintptr_t)log + whole - ((len + 7) & ~7UL);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_LOG_BASE, &base), 0);
}

static void run_log(bool packed)
{
	struct guest_buf b[1024];
	uint32_t used;
	void *token;

	rig_open(&r, &(struct rig_config){
		.packed = packed, .log = true, .table = 1024, .mergeable = true,
	});
	guarded_log();
	/* Mostly empty pieces, as many as there may be, and the last byte of all memory */
	for (unsigned int i = 0; i < 1024; i++)
		b[i] = (struct guest_buf){ r.buf[GUEST_RX] + i, i % 4 ? 0 : 1 };
	b[1023] = (struct guest_buf){ r.mem.start + r.mem.size - 1, 1 };
	ASSERT_EQ(guest_ring_add(&r.ring[GUEST_RX], b, 0, 1024, 0, &r), 0);
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(guest_ring_add(&r.ring[GUEST_RX], b, 0, 1024, 0, &r), 0);
	guest_ring_kick_always(&r.ring[GUEST_RX]);
	ASSERT_EQ(guest_far_send(r.link.far, NULL, zeroes, 600), 0);
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(guest_ring_wait(&r.ring[GUEST_RX], RIG_WAIT));
		ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_RX], &used, &token));
	}
	EXPECT_EQ(rig_stats(&r, GUEST_RX, "log_failures"), 0);
	rig_restart(&r, GUEST_RX);
	rig_unharmed(&r);
}

TEST(a1_split_log_of_empty_and_indirect_pieces)
{
	run_log(false);
}

TEST(a1_packed_log_of_empty_and_indirect_pieces)
{
	run_log(true);
}

/* A log that goes away is a loss to its owner alone: the failures are counted. */
static void run_log_gone(bool packed)
{
	rig_open(&r, &(struct rig_config){ .packed = packed, .log = true });
	ASSERT_EQ(rig_receive(&r), 0);
	EXPECT_EQ(rig_stats(&r, GUEST_RX, "log_failures"), 0);
	ASSERT_EQ(munmap(r.mem.log, r.mem.log_bytes), 0);
	ASSERT_EQ(rig_receive(&r), 0);
	ASSERT_EQ(rig_send(&r), 0);
	EXPECT_GT(rig_stats(&r, GUEST_RX, "log_failures"), 0);
	rig_unharmed(&r);
}

TEST(a1_split_log_that_is_gone)
{
	run_log_gone(false);
}

TEST(a1_packed_log_that_is_gone)
{
	run_log_gone(true);
}

TEST(a1_log_that_cannot_hold_the_memory)
{
	struct vhost_memory *t = guest_mem_table(&r.mem);
	uint64_t base = GUEST_USER_BITS > 47 ? 1ULL << 63 : 0x7ffffffff000;

	if (GUEST_USER_BITS > 63)
		SKIP("any address may be the user's here");
	rig_open(&r, &(struct rig_config){ .log = true });
	t = guest_mem_table(&r.mem);
	EXPECT_ERRNO(EFAULT, ioctl(r.dev.fd, VHOST_SET_LOG_BASE, &base));
	/* Bits of the highest addresses are out of the user's reach. */
	t->regions[0].guest_phys_addr = 0xfffffffff0000000;
	if (GUEST_USER_BITS == 47)
		EXPECT_ERRNO(EFAULT, ioctl(r.dev.fd, VHOST_SET_MEM_TABLE, t));
	rig_unharmed(&r);
}

static atomic_bool stop;

static void *toggle_log(void *arg)
{
	uint64_t bases[2] = { (uintptr_t)r.mem.log, (uintptr_t)map(r.mem.log_bytes) };
	uint64_t f;

	for (unsigned int i = 0; !stop; i++) {
		f = r.features ^ (i & 1 ? F(VHOST_F_LOG_ALL) : 0);
		if (ioctl(r.dev.fd, VHOST_SET_FEATURES, &f) ||
		    ioctl(r.dev.fd, VHOST_SET_LOG_BASE, &bases[i / 2 & 1]))
			return arg;
	}
	return NULL;
}

static void run_log_toggled(bool packed)
{
	pthread_t thread;
	void *failed;

	rig_open(&r, &(struct rig_config){ .packed = packed, .log = true });
	ASSERT_EQ(pthread_create(&thread, NULL, toggle_log, &r), 0);
	for (int i = 0; i < 200; i++)
		if (rig_send(&r) || rig_receive(&r)) {
			ksft_note("%s", rig_why());
			break;
		}
	stop = true;
	pthread_join(thread, &failed);
	EXPECT_EQ(failed, NULL);
	rig_unharmed(&r);
}

TEST(a1_split_log_toggled_under_traffic)
{
	run_log_toggled(false);
}

TEST(a1_packed_log_toggled_under_traffic)
{
	run_log_toggled(true);
}

/* A4: each byte that a user gets is one that was meant. */

static void ask_for_a_miss(void)
{
	struct guest_buf b = { r.buf[GUEST_TX], 100 };

	ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], &b, 1, 0, GUEST_DIRECT, &r), 0);
	ASSERT_EQ(invalidate(r.buf[GUEST_TX] & ~4095ULL, 4096), sizeof(struct vhost_msg_v2));
	guest_ring_kick_always(&r.ring[GUEST_TX]);
}

static void wait_for_message(void)
{
	struct pollfd p = { .fd = r.dev.fd, .events = POLLIN };

	ASSERT_EQ(poll(&p, 1, RIG_WAIT), 1);
}

/* Rings are mapped by one entry, the data by another, so that the one may go. */
static void open_with_iotlb(void)
{
	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PAGES });
}

static void run_message(bool v2)
{
	struct vhost_msg_v2 want2 = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_msg want1 = { .type = VHOST_IOTLB_MSG }, *old = &want1;
	struct vhost_iotlb_msg miss = {
		.perm = VHOST_ACCESS_RO, .type = VHOST_IOTLB_MISS,
	};
	uint64_t f = v2 ? F(VHOST_BACKEND_F_IOTLB_MSG_V2) : 0;
	uint8_t got[2][200], want[200];

	open_with_iotlb();
	memset(want, 0, sizeof(want));
	miss.iova = r.buf[GUEST_TX];
	want2.iotlb = miss;
	old->iotlb = miss;
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_BACKEND_FEATURES, &f), 0);
	for (int i = 0; i < 2; i++) {
		memset(got[i], i ? 0x55 : 0xaa, sizeof(got[i]));
		ask_for_a_miss();
		wait_for_message();
		ASSERT_EQ(read(r.dev.fd, got[i], sizeof(got[i])), 72);
		ASSERT_EQ(update(r.buf[GUEST_TX] & ~4095ULL, 4096,
				 guest_mem_ptr(&r.mem, r.buf[GUEST_TX] & ~4095ULL)), 72);
		rig_restart(&r, GUEST_TX);
	}
	/* All of it, the hole after the type and the rest of the union too */
	memcpy(want, v2 ? (void *)&want2 : (void *)&want1, 72);
	EXPECT_EQ(memcmp(got[0], want, 72), 0);
	EXPECT_EQ(memcmp(got[1], want, 72), 0);
	for (int i = 72; i < 200; i++)
		ASSERT_EQ(got[0][i], 0xaa);
	rig_quiet();
}

TEST(a4_message_of_a_miss)
{
	run_message(false);
}

TEST(a4_message_of_a_miss_v2)
{
	run_message(true);
}

/* What an ioctl returns is as long as it is said to be, and nothing else changes. */
TEST(a4_results_of_ioctls)
{
	static const struct {
		unsigned long cmd;
		uint32_t in, len;
	} gets[] = {
		{ VHOST_GET_FEATURES, 0, 8 },
		{ VHOST_GET_BACKEND_FEATURES, 0, 8 },
		{ VHOST_GET_VRING_BASE, 1, 8 },
		{ VHOST_GET_VRING_ENDIAN, 1, 8 },
		{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 1, 8 },
		{ VHOST_GET_VRING_WORKER, 1, 8 },
		{ VHOST_NEW_WORKER, 0, 4 },
		{ VHOST_GET_FORK_FROM_OWNER, 0, 1 },
	};
	uint8_t got[2][64];

	rig_open(&r, &(struct rig_config){ });
	for (unsigned int i = 0; i < sizeof(gets) / sizeof(*gets); i++) {
		for (int n = 0; n < 2; n++) {
			memset(got[n], n ? 0x55 : 0xaa, 64);
			memcpy(got[n], &gets[i].in, 4);
			/* Workers of one's own are not to be had everywhere. */
			if (ioctl(r.dev.fd, gets[i].cmd, got[n]))
				ASSERT_EQ(gets[i].cmd, VHOST_NEW_WORKER);
		}
		if (gets[i].cmd != VHOST_NEW_WORKER)
			EXPECT_EQ(memcmp(got[0], got[1], gets[i].len), 0);
		for (unsigned int k = gets[i].len > 4 ? gets[i].len : 4; k < 64; k++)
			ASSERT_EQ(got[1][k], 0x55);
	}
	rig_unharmed(&r);
}

TEST(a4_features_array_has_no_more_than_asked_for)
{
	uint64_t a[8];

	rig_open(&r, &(struct rig_config){ });
	for (uint64_t n = 0; n < 6; n++) {
		memset(a, 0xaa, sizeof(a));
		a[0] = n;
		ASSERT_EQ(ioctl(r.dev.fd, VHOST_GET_FEATURES_ARRAY, a), 0);
		for (unsigned int i = n + 1; i < 8; i++)
			EXPECT_EQ(a[i], 0xaaaaaaaaaaaaaaaa);
		for (unsigned int i = 3; i < n + 1; i++)
			EXPECT_EQ(a[i], 0);
	}
	rig_unharmed(&r);
}

/* A5: nothing lands where the memory was before. */

#define CANARY	0x5a

static bool intact(const uint8_t *p, size_t len)
{
	return p[0] == CANARY && !memcmp(p, p + 1, len - 1);
}

/* A page that was the guest's, and is another's once the call that takes it returned */
TEST(a5_page_taken_away_under_traffic)
{
	uint8_t *pages[2], frame[300] = { };
	uint64_t page;

	open_with_iotlb();
	page = guest_mem_alloc(&r.mem, 4096, 4096);
	pages[0] = guest_mem_ptr(&r.mem, page);
	pages[1] = map(4096);
	r.buf[GUEST_RX] = page;
	for (int i = 0; i < 100; i++) {
		uint8_t *now = pages[i & 1], *before = pages[!(i & 1)];

		ASSERT_EQ(invalidate(page, 4096), 72);
		memset(before, CANARY, 4096);
		ASSERT_EQ(update(page, 4096, now), 72);
		/* A frame for the new page, which rig_receive() looks for in the old one */
		frame[20] = i;
		guest_far_send(r.link.far, NULL, frame, sizeof(frame));
		ASSERT_EQ(guest_ring_add(&r.ring[GUEST_RX],
					 &(struct guest_buf){ page, RIG_BUF }, 0, 1,
					 GUEST_DIRECT, &r), 0);
		guest_ring_kick(&r.ring[GUEST_RX]);
		ASSERT_TRUE(guest_ring_wait(&r.ring[GUEST_RX], RIG_WAIT));
		ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_RX], &(uint32_t){ 0 },
					   &(void *){ NULL }));
		ASSERT_EQ(now[RIG_HDR + 20], i);
		ASSERT_TRUE(intact(before, 4096));
	}
	r.buf[GUEST_RX] = guest_mem_alloc(&r.mem, RIG_BUF, 16);
	rig_unharmed(&r);
}

/* A ring that moves: the old place stays as it is from then on. */
static void run_ring_moves(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	struct vhost_vring_addr a = { .index = GUEST_TX };
	uint8_t *old;
	size_t len;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	len = packed ? 16 * r.c.size : 6 + 8 * r.c.size;
	for (int i = 0; i < 100; i++) {
		uint64_t addr = guest_mem_alloc(&r.mem, 4096, 4096);
		uint8_t *to = guest_mem_ptr(&r.mem, addr);

		ASSERT_EQ(rig_send(&r), 0);
		old = packed ? (void *)ring->pdesc : (void *)ring->used;
		memcpy(to, old, len);
		if (packed)
			ring->pdesc = (void *)to;
		else
			ring->used = (void *)to;
		a.desc_user_addr = (uintptr_t)(packed ? (void *)ring->pdesc : ring->desc);
		a.avail_user_addr = (uintptr_t)(packed ? (void *)ring->driver : ring->avail);
		a.used_user_addr = (uintptr_t)(packed ? (void *)ring->device : ring->used);
		ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_VRING_ADDR, &a), 0);
		memset(old, CANARY, len);
		/* It asks for kicks where it did before, so it may have to be told. */
		eventfd_write(ring->kick, 1);
		ASSERT_EQ(rig_send(&r), 0);
		ASSERT_TRUE(intact(old, len));
	}
	rig_flush(&r);
	rig_witness();
	rig_quiet();
}

TEST(a5_split_ring_moves_under_traffic)
{
	run_ring_moves(false);
}

TEST(a5_packed_ring_moves_under_traffic)
{
	run_ring_moves(true);
}

/* With an IOTLB, and without: the numbers mean something else each time. */
static void run_platform_toggled(bool packed)
{
	uint64_t without, with;

	rig_open(&r, &(struct rig_config){ .packed = packed, .iotlb = GUEST_IOTLB_PRELOADED });
	with = r.features;
	without = with & ~F(VIRTIO_F_ACCESS_PLATFORM);
	ASSERT_EQ(rig_send(&r), 0);
	for (int i = 0; i < 50; i++) {
		/* Its ring is at I/O virtual addresses, where no user memory is. */
		ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_FEATURES, &without), 0);
		eventfd_write(r.ring[GUEST_TX].kick, 1);
		ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_FEATURES, &with), 0);
		ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.mem.start, r.mem.size,
						 VHOST_ACCESS_RW), 0);
		guest_event_take(r.ring[GUEST_TX].err);
		rig_restart(&r, GUEST_TX);
		ASSERT_EQ(rig_send(&r), 0);
	}
	rig_restart(&r, GUEST_RX);
	guest_event_take(r.ring[GUEST_RX].err);
	rig_unharmed(&r);
}

TEST(a5_split_platform_access_toggled)
{
	run_platform_toggled(false);
}

TEST(a5_packed_platform_access_toggled)
{
	run_platform_toggled(true);
}

/*
 * The features change to what the ring, as it stands, cannot be: what was known
 * of the memory before is not used any more all the same.
 */
TEST(a5_features_that_the_ring_cannot_follow)
{
	uint64_t f;

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	ASSERT_EQ(guest_dev_stop(&r.dev, GUEST_TX), 0);
	guest_ring_reset(&r.ring[GUEST_TX], GUEST_BASE(1000));
	ASSERT_EQ(guest_dev_start(&r.dev, GUEST_TX, r.link.backend), 0);
	ASSERT_EQ(rig_send(&r), 0);
	/* Packed, it would stand at slot 1001 of 64; and there is a new, empty IOTLB. */
	f = r.features | F(VIRTIO_F_RING_PACKED);
	EXPECT_ERRNO(EFAULT, ioctl(r.dev.fd, VHOST_SET_FEATURES, &f));
	for (int i = 0; i < 10; i++) {
		rig_desc(&r, GUEST_TX, i, r.buf[GUEST_TX], 100, 0, i);
		rig_avail(&r, GUEST_TX, 1001 + i, i);
		rig_show(&r, GUEST_TX, 1002 + i);
		rig_flush(&r);
	}
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "packets"), 1);
	/* It is told that it is of no use any more. */
	EXPECT_STREQ(rig_text(&r, GUEST_TX, "fault"), "ring-unreadable");
	EXPECT_EQ(guest_event_take(r.ring[GUEST_TX].err), 1);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_TX, -1), 0);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_RX, -1), 0);
	f = r.features;
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_FEATURES, &f), 0);
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.mem.start, r.mem.size, VHOST_ACCESS_RW), 0);
	rig_restart(&r, GUEST_TX);
	rig_restart(&r, GUEST_RX);
	guest_event_take(r.ring[GUEST_RX].err);
	rig_unharmed(&r);
}

/* A6: the IOTLB */

TEST(a6_ranges_that_are_none)
{
	void *page = map(4096);

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	EXPECT_ERRNO(EINVAL, update(0, 0, page));
	EXPECT_ERRNO(EFAULT, update(0, ~0ULL, page));
	EXPECT_ERRNO(EFAULT, update(~0ULL, 2, page));
	EXPECT_ERRNO(EFAULT, update(~0ULL - 4095, 4097, page));
	if (GUEST_USER_BITS < 64) {
		EXPECT_ERRNO(EFAULT, update(0, ~0ULL, NULL));
		EXPECT_ERRNO(EFAULT, update(0, 4096, (void *)~0xfffUL));
		EXPECT_ERRNO(EFAULT, update(0, 4096, (void *)0xffff888000000000));
		EXPECT_ERRNO(EFAULT, update(0, 1ULL << (GUEST_USER_BITS == 47 ? 48 : 63), page));
	}
	EXPECT_ERRNO(EFAULT, send_msg(VHOST_IOTLB_UPDATE, 0, 4096, (uintptr_t)page, 0));
	EXPECT_ERRNO(EFAULT, send_msg(VHOST_IOTLB_UPDATE, 0, 4096, (uintptr_t)page, 0xff));
	EXPECT_ERRNO(EFAULT, invalidate(0, 0));
	EXPECT_ERRNO(EFAULT, invalidate(~0ULL, 2));
	EXPECT_ERRNO(EFAULT, send_msg(VHOST_IOTLB_MISS, 0, 4096, 0, 1));
	EXPECT_ERRNO(EFAULT, send_msg(VHOST_IOTLB_ACCESS_FAIL, 0, 4096, 0, 1));
	EXPECT_ERRNO(EFAULT, send_msg(0, 0, 4096, 0, 1));
	EXPECT_ERRNO(EFAULT, send_msg(255, 0, 4096, 0, 1));
	/* The last page there could be is a page. */
	EXPECT_EQ(update(~0ULL - 4095, 4096, page), 72);
	EXPECT_EQ(rig_stats(&r, -1, "translations"), 2);
	EXPECT_EQ(invalidate(~0ULL - 4095, 4096), 72);
	rig_unharmed(&r);
}

TEST(a6_messages_that_are_none)
{
	uint8_t m[200] = { };

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	for (int type = 0; type < 5; type++) {
		memcpy(m, &type, sizeof(type));
		for (unsigned int len = 0; len < 40; len++)
			EXPECT_ERRNO(EINVAL, write(r.dev.fd, m, len));
	}
	EXPECT_ERRNO(EINVAL, write(r.dev.fd, m, 72));
	EXPECT_ERRNO(EINVAL, write(r.dev.fd, nowhere, 72));
	rig_unharmed(&r);
}

TEST(a6_sixty_thousand_tiny_maps)
{
	uint8_t *page = map(4096);

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	for (unsigned int i = 0; i < 65536; i++)
		ASSERT_EQ(update(1ULL << 45 | i * 2, 1, page + i % 4096), 72);
	/* There is a limit, and the oldest went first: those of the rings. */
	EXPECT_LE(rig_stats(&r, -1, "translations"), 2048);
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.mem.start, r.mem.size, VHOST_ACCESS_RW), 0);
	rig_unharmed(&r);
}

TEST(a6_maps_that_overlap)
{
	uint8_t *pages = map(64 * 4096);

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t h = guest_hash(i, 5);
		uint64_t at = 1ULL << 45 | h % (32 * 4096), len = 1 + (h >> 32) % (32 * 4096);

		if (h >> 60 & 3)
			ASSERT_EQ(update(at, len, pages), 72);
		else
			ASSERT_EQ(invalidate(at, len), 72);
	}
	/* One that covers them all leaves nothing of them. */
	ASSERT_EQ(update(1ULL << 45, 64 * 4096, pages), 72);
	EXPECT_LE(rig_stats(&r, -1, "translations"), 2);
	rig_unharmed(&r);
}

/* Nobody answers, again and again; then somebody does. */
TEST(a6_misses_without_an_answer)
{
	struct vhost_msg_v2 m;

	open_with_iotlb();
	ASSERT_EQ(fcntl(r.dev.fd, F_SETFL, O_NONBLOCK), 0);
	ask_for_a_miss();
	for (int i = 0; i < 2000; i++) {
		eventfd_write(r.ring[GUEST_TX].kick, 1);
		if (i % 16 == 0)
			ASSERT_EQ(invalidate(r.buf[GUEST_TX] & ~4095ULL, 4096), 72);
	}
	rig_flush(&r);
	/* The other queue does not care. */
	r.buf[GUEST_RX] = guest_mem_alloc(&r.mem, 4096, 4096);
	ASSERT_EQ(rig_receive(&r), 0);
	wait_for_message();
	/* One question of a queue at a time. */
	ASSERT_EQ(read(r.dev.fd, &m, sizeof(m)), 72);
	EXPECT_EQ(m.iotlb.iova, r.buf[GUEST_TX]);
	EXPECT_ERRNO(EAGAIN, read(r.dev.fd, &m, sizeof(m)));
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.buf[GUEST_TX] & ~4095ULL, 4096,
					 VHOST_ACCESS_RW), 0);
	rig_reaches(&r, GUEST_TX, "packets", 1);
	ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_TX], &(uint32_t){ 0 }, &(void *){ NULL }));
	rig_restart(&r, GUEST_TX);
	guest_far_receive(r.link.far, &(struct virtio_net_hdr){ }, (uint8_t[2048]){ }, 2048);
	rig_unharmed(&r);
}

/* What a queue asked for is nobody's question when its backend is gone: a guest may
 * boot anew then, and its IOMMU with it.
 */
TEST(a6_misses_of_a_backend_that_is_gone)
{
	struct pollfd p = { .events = POLLIN };
	struct vhost_msg_v2 m;

	open_with_iotlb();
	p.fd = r.dev.fd;
	ASSERT_EQ(fcntl(r.dev.fd, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 10; i++) {
		ask_for_a_miss();
		wait_for_message();
		/* Whether or not somebody has read it */
		if (i & 1)
			ASSERT_EQ(read(r.dev.fd, &m, sizeof(m)), 72);
		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_TX, -1), 0);
		EXPECT_EQ(poll(&p, 1, 0), 0);
		EXPECT_ERRNO(EAGAIN, read(r.dev.fd, &m, sizeof(m)));
		ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.buf[GUEST_TX] & ~4095ULL, 4096,
						 VHOST_ACCESS_RW), 0);
		rig_restart(&r, GUEST_TX);
	}
	r.buf[GUEST_RX] = guest_mem_alloc(&r.mem, 4096, 4096);
	rig_unharmed(&r);
}

/* An answer that is none: another address, or no permission */
TEST(a6_wrong_answers)
{
	struct vhost_msg_v2 m;
	uint64_t page;

	open_with_iotlb();
	page = r.buf[GUEST_TX] & ~4095ULL;
	ask_for_a_miss();
	for (int i = 0; i < 50; i++) {
		wait_for_message();
		ASSERT_EQ(read(r.dev.fd, &m, sizeof(m)), 72);
		/* Of the byte that was asked for alone: the next one is missed then. */
		ASSERT_EQ(update(m.iotlb.iova, 1, guest_mem_ptr(&r.mem, m.iotlb.iova)), 72);
	}
	ASSERT_EQ(invalidate(page, 4096), 72);
	ASSERT_EQ(send_msg(VHOST_IOTLB_UPDATE, page, 4096,
			   (uintptr_t)guest_mem_ptr(&r.mem, page), VHOST_ACCESS_WO), 72);
	eventfd_write(r.ring[GUEST_TX].kick, 1);
	r.buf[GUEST_RX] = guest_mem_alloc(&r.mem, 4096, 4096);
	rig_reaches(&r, GUEST_TX, "fault.buffer-no-memory", 1);
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, page, 4096, VHOST_ACCESS_RW), 0);
	rig_stopped(&r, GUEST_TX, "buffer-no-memory");
}

/* A batch that never ends changes nothing, and one without the feature is refused. */
TEST(a6_batch_without_an_end)
{
	uint64_t f;

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	EXPECT_ERRNO(EFAULT, send_msg(VHOST_IOTLB_BATCH_BEGIN, 0, 0, 0, 0));
	f = F(VHOST_BACKEND_F_IOTLB_MSG_V2) | F(VHOST_BACKEND_F_IOTLB_BATCH);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_BACKEND_FEATURES, &f), 0);
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(send_msg(VHOST_IOTLB_BATCH_BEGIN, 0, 0, 0, 0), 72);
	EXPECT_EQ(update(1ULL << 45, 4096, map(4096)), 72);
	rig_unharmed(&r);
}

/* Who could not be given a message is given it the next time. */
TEST(a6_message_that_could_not_be_read)
{
	struct vhost_msg_v2 m = { };

	open_with_iotlb();
	ask_for_a_miss();
	wait_for_message();
	EXPECT_ERRNO(EFAULT, read(r.dev.fd, nowhere, 72));
	ASSERT_EQ(fcntl(r.dev.fd, F_SETFL, O_NONBLOCK), 0);
	EXPECT_EQ(read(r.dev.fd, &m, sizeof(m)), 72);
	EXPECT_EQ(m.iotlb.iova, r.buf[GUEST_TX]);
	EXPECT_EQ(read(r.dev.fd, &m, 71), 0);
	ASSERT_EQ(guest_dev_iotlb_update(&r.dev, r.buf[GUEST_TX] & ~4095ULL, 4096,
					 VHOST_ACCESS_RW), 0);
	rig_reaches(&r, GUEST_TX, "packets", 1);
	rig_quiet();
}

static void *read_messages(void *arg)
{
	struct vhost_msg_v2 m;
	ssize_t n = read(r.dev.fd, &m, sizeof(m));

	return (void *)(intptr_t)(n < 0 ? errno : 0);
}

/* Those who wait for a message hear when there will be none. */
TEST(a6_reader_that_waits_when_the_iotlb_ends)
{
	uint64_t f;
	pthread_t t[4];
	void *err;

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_PRELOADED });
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, read_messages, NULL), 0);
	f = r.features & ~F(VIRTIO_F_ACCESS_PLATFORM);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_RESET_OWNER, NULL), 0);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_FEATURES, &f), 0);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(pthread_join(t[i], &err), 0);
		EXPECT_EQ((intptr_t)err, EBADFD);
	}
	rig_witness();
	rig_quiet();
}
