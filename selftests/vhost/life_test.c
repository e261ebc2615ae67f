// SPDX-License-Identifier: GPL-2.0
/* Owners, files, backends and memory come and go in every order, under traffic. */
#include <linux/ioctl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

static struct rig r;
static atomic_bool stop;

/* Frames each way until the end of a test, or until one fails. */
static void *traffic(void *arg)
{
	while (!stop)
		if (rig_send(&r) || rig_receive(&r))
			return (void *)rig_why();
	return NULL;
}

static void begin(pthread_t *t)
{
	ASSERT_EQ(pthread_create(t, NULL, traffic, NULL), 0);
}

static void end(pthread_t t)
{
	void *why;

	stop = true;
	pthread_join(t, &why);
	stop = false;
	if (why)
		KSFT_FAILED(1, "%s", (char *)why);
}

static int processes_left(const char *name)
{
	char line[160];
	int n = 0;
	FILE *f;

	snprintf(line, sizeof(line), "cat /proc/[0-9]*/comm 2>/dev/null | grep -cx '%s'", name);
	f = popen(line, "r");
	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

/* Owners that are killed */

static void owner(bool kthread, bool packed, int sock)
{
	uint8_t kind = VHOST_FORK_OWNER_KTHREAD;
	pthread_t t;

	rig_open(&r, &(struct rig_config){ .packed = packed, .idle = kthread });
	if (kthread) {
		/* Begun anew, as what is to be is said before there is an owner. */
		if (ioctl(r.dev.fd, VHOST_RESET_OWNER, NULL) ||
		    ioctl(r.dev.fd, VHOST_SET_FORK_FROM_OWNER, &kind) ||
		    guest_dev_setup(&r.dev, &r.mem, r.features, GUEST_NO_IOTLB))
			_exit(2);
		for (int q = 0; q < 2; q++)
			if (guest_dev_attach(&r.dev, q, &r.ring[q]) ||
			    guest_dev_start(&r.dev, q, r.link.backend))
				_exit(3);
	}
	begin(&t);
	rig_reaches(&r, GUEST_RX, "packets", 5);
	if (write(sock, "", 1) != 1)
		_exit(4);
	for (;;)
		pause();
}

static void run_killed(bool kthread)
{
	char name[32];

	for (unsigned int i = 0; i < 4; i++) {
		int pipes[2], status;
		pid_t pid;
		char c;

		ASSERT_EQ(pipe(pipes), 0);
		fflush(NULL);
		pid = fork();
		if (!pid)
			owner(kthread, i & 1, pipes[1]);
		ASSERT_EQ(read(pipes[0], &c, 1), 1);
		snprintf(name, sizeof(name), "vhost-%d", pid);
		if (kthread)
			EXPECT_GE(processes_left(name), 1);
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
		/* With it goes its worker, and the one of the witness. */
		EXPECT_EQ(processes_left(name), 0);
		close(pipes[0]);
		close(pipes[1]);
	}
	rig_open(&r, &(struct rig_config){ });
	rig_unharmed(&r);
}

TEST(owner_is_killed_under_traffic)
{
	run_killed(false);
}

TEST(owner_with_a_kernel_thread_is_killed_under_traffic)
{
	run_killed(true);
}

/* Changes under traffic; each queue's frames arrive as if there were none. */

#define UNDER_TRAFFIC(_name, _times, ...)				\
	static void change_##_name(unsigned int i)			\
	{								\
		__VA_ARGS__						\
	}								\
	static void run_##_name(bool packed)				\
	{								\
		pthread_t t;						\
									\
		rig_open(&r, &(struct rig_config){ .packed = packed });	\
		begin(&t);						\
		for (unsigned int i = 0; i < (_times); i++)		\
			change_##_name(i);				\
		end(t);							\
		rig_unharmed(&r);					\
	}								\
	TEST(split_##_name)						\
	{								\
		run_##_name(false);					\
	}								\
	TEST(packed_##_name)						\
	{								\
		run_##_name(true);					\
	}

static void set_table(unsigned int pieces)
{
	struct vhost_memory *t = calloc(1, sizeof(*t) + pieces * sizeof(t->regions[0]));
	uint64_t each = r.mem.size / pieces & ~(GUEST_PAGE - 1);

	t->nregions = pieces;
	for (unsigned int i = 0; i < pieces; i++)
		t->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = GUEST_GPA + each * i,
			.memory_size = i + 1 < pieces ? each : r.mem.size - each * i,
			.userspace_addr = (uintptr_t)r.mem.base + each * i,
		};
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_MEM_TABLE, t), 0);
	free(t);
}

UNDER_TRAFFIC(memory_table_changes, 100, set_table(1 + i % 100);)

/* Taken away, and given back where it stood */
static void backend_again(unsigned int queue)
{
	struct vhost_vring_state s = { .index = queue };

	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, -1), 0);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_GET_VRING_BASE, &s), 0);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_VRING_BASE, &s), 0);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, r.link.backend), 0);
	eventfd_write(r.ring[queue].kick, 1);
}

UNDER_TRAFFIC(backend_changes, 100, backend_again(i & 1);)

static void worker_again(unsigned int queue)
{
	struct vhost_vring_worker v = { .index = queue };
	struct vhost_worker_state w, old;

	ASSERT_EQ(ioctl(r.dev.fd, VHOST_GET_VRING_WORKER, &v), 0);
	old.worker_id = v.worker_id;
	if (ioctl(r.dev.fd, VHOST_NEW_WORKER, &w))
		SKIP("workers are kernel threads here: %s", strerror(errno));
	v.worker_id = w.worker_id;
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_ATTACH_VRING_WORKER, &v), 0);
	if (ioctl(r.dev.fd, VHOST_FREE_WORKER, &old))
		ASSERT_EQ(errno, EBUSY);
}

UNDER_TRAFFIC(worker_changes, 50, worker_again(i & 1);)

/* Memory of rings that changes under them: nothing gets lost, or lands elsewhere. */

/* The page of a ring's area, which may be in the middle of it. */
static void *page_of(unsigned int i)
{
	const struct guest_ring *ring = &r.ring[i & 1];
	void *areas[3] = { ring->desc, ring->avail, ring->used };

	if (ring->packed) {
		areas[0] = ring->pdesc;
		areas[1] = ring->driver;
		areas[2] = ring->device;
	}
	return (void *)((uintptr_t)areas[i / 2 % 3] & ~(GUEST_PAGE - 1));
}

static void protect(unsigned int i)
{
	void *p = page_of(i);

	/* To what it was already, but the kernel does not look at that. */
	ASSERT_EQ(mprotect(p, GUEST_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	ASSERT_EQ(mprotect(p, GUEST_PAGE, PROT_READ | PROT_WRITE), 0);
}

UNDER_TRAFFIC(ring_memory_is_protected, 100, protect(i);)

/* Written to after the fork, each page is another one in the parent. */
static void forked(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
}

UNDER_TRAFFIC(owner_forks, 20, forked();)

static void migrate(unsigned int i)
{
	void *p = page_of(i);
	int node = 0, status;

	/* To the node that it is on: nothing, without a second one; but paging out is. */
	syscall(SYS_move_pages, 0, 1, &p, &node, &status, 2 /* MPOL_MF_MOVE */);
	madvise(p, GUEST_PAGE, MADV_PAGEOUT);
}

UNDER_TRAFFIC(ring_memory_is_paged_out, 100, migrate(i);)

static void compact(unsigned int i)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		SKIP("no compaction here");
	close(fd);
	madvise(r.mem.base, r.mem.size & ~0x1fffffUL, i & 1 ? MADV_COLLAPSE : MADV_NOHUGEPAGE);
	madvise(r.mem.base, r.mem.size, MADV_HUGEPAGE);
}

UNDER_TRAFFIC(ring_memory_is_compacted, 6, compact(i);)

static void merge(unsigned int i)
{
	FILE *f = fopen("/sys/kernel/mm/ksm/run", "w");

	if (!f)
		SKIP("no merging of pages here");
	fprintf(f, "%u\n", i & 1 ? 2 : 1);
	fclose(f);
	if (!(i & 1)) {
		f = fopen("/sys/kernel/mm/ksm/sleep_millisecs", "w");
		fprintf(f, "1\n");
		fclose(f);
		madvise(r.mem.base, r.mem.size, MADV_MERGEABLE);
		poll(NULL, 0, 100);
	}
}

UNDER_TRAFFIC(ring_memory_is_merged, 4, merge(i);)

/*
 * Until the worker asks to be told of what comes next, which it does last: a page
 * that is copied while somebody writes to it lacks what is written to the old one.
 */
static void wait_for_last_word(struct guest_ring *ring)
{
	double end = rig_now() + RIG_WAIT / 1000;

	while (!guest_ring_asks(ring)) {
		ASSERT_LT(rig_now(), end);
		poll(NULL, 0, 1);
	}
}

/*
 * What is taken away stays untouched: the page that a ring was in is someone
 * else's now, and the ring goes on in the one that is there instead.
 */
static void run_moved_away(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	uint8_t *old, *at, *copy;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	copy = malloc(GUEST_PAGE);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		wait_for_last_word(ring);
		at = (void *)((uintptr_t)(packed ? (void *)ring->pdesc : (void *)ring->used) &
			      ~(GUEST_PAGE - 1));
		/* The page itself moves to another address; a copy takes its place. */
		memcpy(copy, at, GUEST_PAGE);
		old = mremap(at, GUEST_PAGE, GUEST_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     mmap(NULL, GUEST_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		ASSERT_NE(old, MAP_FAILED);
		ASSERT_EQ(mmap(at, GUEST_PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
		memcpy(at, copy, GUEST_PAGE);
		memset(old, 0x5a, GUEST_PAGE);
		ASSERT_EQ(rig_send(&r), 0);
		for (unsigned int k = 0; k < GUEST_PAGE; k++)
			ASSERT_EQ(old[k], 0x5a);
		munmap(old, GUEST_PAGE);
	}
	EXPECT_GE(rig_stats(&r, GUEST_TX, "remaps"), 100);
	rig_unharmed(&r);
}

TEST(split_ring_page_is_moved_away)
{
	run_moved_away(false);
}

TEST(packed_ring_page_is_moved_away)
{
	run_moved_away(true);
}

/* Gone altogether: the queue stops, and nothing else. */
static void run_unmapped(bool packed, bool write_protected)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	struct virtio_net_hdr hdr;
	uint8_t data[2048];
	size_t len;
	void *at;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	ASSERT_EQ(rig_send(&r), 0);
	at = packed ? (void *)ring->pdesc : (void *)ring->used;
	at = (void *)((uintptr_t)at & ~(GUEST_PAGE - 1));
	len = GUEST_PAGE;
	if (write_protected)
		rig_desc(&r, GUEST_TX, 1, r.buf[GUEST_TX], 100, 0, 1);
	rig_avail(&r, GUEST_TX, 1, 1);
	if (!packed)
		ring->avail->idx = htole16(2);
	ASSERT_EQ(write_protected ? mprotect(at, len, PROT_READ) : munmap(at, len), 0);
	eventfd_write(ring->kick, 1);
	rig_reaches(&r, GUEST_TX, "fault.ring-unreadable", 1);
	if (write_protected)
		ASSERT_EQ(mprotect(at, len, PROT_READ | PROT_WRITE), 0);
	else
		ASSERT_EQ(mmap(at, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
	while (guest_far_receive(r.link.far, &hdr, data, sizeof(data)) > 0)
		;
	rig_stopped(&r, GUEST_TX, "ring-unreadable");
}

TEST(split_ring_memory_is_unmapped)
{
	run_unmapped(false, false);
}

TEST(packed_ring_memory_is_unmapped)
{
	run_unmapped(true, false);
}

TEST(split_ring_memory_becomes_read_only)
{
	run_unmapped(false, true);
}

TEST(packed_ring_memory_becomes_read_only)
{
	run_unmapped(true, true);
}

/* Zeroes instead of what was there, and what the driver writes there anew */
static void run_given_up(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	void *at;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		at = packed ? (void *)ring->pdesc : (void *)ring->used;
		at = (void *)((uintptr_t)at & ~(GUEST_PAGE - 1));
		ASSERT_EQ(madvise(at, GUEST_PAGE, MADV_DONTNEED), 0);
		rig_restart(&r, GUEST_TX);
	}
	rig_unharmed(&r);
}

TEST(split_ring_memory_is_given_up)
{
	run_given_up(false);
}

TEST(packed_ring_memory_is_given_up)
{
	run_given_up(true);
}

/* Files */

TEST(closed_in_every_state)
{
	for (int i = 0; i < 3; i++) {
		struct guest_dev dev;

		ASSERT_EQ(guest_dev_open(&dev, NULL), 0);
		if (i)
			ASSERT_EQ(ioctl(dev.fd, VHOST_SET_OWNER, NULL), 0);
		if (i > 1)
			ASSERT_EQ(ioctl(dev.fd, VHOST_RESET_OWNER, NULL), 0);
		close(dev.fd);
	}
	/* With rings, with backends, and with work to do */
	rig_open(&r, &(struct rig_config){ .idle = true });
	rig_close(&r);
	rig_witness();
	rig_quiet();
}

TEST(closed_under_traffic)
{
	static const uint8_t frame[100];

	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 200; i++)
		guest_far_send(r.link.far, NULL, frame, sizeof(frame));
	for (unsigned int i = 0; i < 64; i++) {
		rig_desc(&r, GUEST_TX, i, r.buf[GUEST_TX], 100, 0, 0);
		rig_avail(&r, GUEST_TX, i, i);
	}
	rig_show(&r, GUEST_TX, 64);
	close(r.dev.fd);
	rig_witness();
	rig_quiet();
}

/* Who has the file last ends the device, whoever that is. */
TEST(file_that_outlives_the_owner)
{
	int pair[2], status, fd;
	char c, buf[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf,
			      .msg_controllen = sizeof(buf) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	uint64_t features;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		rig_open(&r, &(struct rig_config){ });
		if (rig_send(&r))
			_exit(2);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &r.dev.fd, sizeof(int));
		if (sendmsg(pair[0], &msg, 0) != 1)
			_exit(3);
		for (;;)
			pause();
	}
	ASSERT_EQ(recvmsg(pair[1], &msg, 0), 1);
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(cmsg, NULL);
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	EXPECT_ERRNO(EPERM, ioctl(fd, VHOST_RESET_OWNER, NULL));
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	/* It is there, and nobody's; features are not the owner's alone. */
	EXPECT_ERRNO(EPERM, ioctl(fd, VHOST_RESET_OWNER, NULL));
	EXPECT_ERRNO(EBUSY, ioctl(fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(ioctl(fd, VHOST_GET_FEATURES, &features), 0);
	features = F(VIRTIO_F_VERSION_1);
	EXPECT_EQ(ioctl(fd, VHOST_SET_FEATURES, &features), 0);
	EXPECT_EQ(close(fd), 0);
	rig_open(&r, &(struct rig_config){ });
	rig_unharmed(&r);
}

/* All containers have a process 1, and who looks from outside means another one. */
TEST(known_by_the_number_that_the_host_has)
{
	int pipes[2], status, n = 0;
	char c, name[64], dir[128];
	pid_t pid;
	FILE *f;

	ASSERT_EQ(pipe(pipes), 0);
	ASSERT_EQ(unshare(CLONE_NEWPID), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int fd = open(guest_dev_node(), O_RDWR);

		if (getpid() != 1 || ioctl(fd, VHOST_SET_OWNER, NULL) ||
		    write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(pipes[0], &c, 1), 1);
	snprintf(name, sizeof(name), "ls -d " GUEST_STATS "/%d-*", pid);
	f = popen(name, "r");
	ASSERT_NE(f, NULL);
	n = fscanf(f, "%127s", dir);
	pclose(f);
	ASSERT_EQ(n, 1);
	EXPECT_EQ(guest_stats(dir, "device", "owner"), pid);
	snprintf(name, sizeof(name), "grep -qx vhost-%d /proc/[0-9]*/task/*/comm", pid);
	EXPECT_EQ(system(name), 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
}

TEST(forked_and_duplicated_files)
{
	int status, copy;

	rig_open(&r, &(struct rig_config){ });
	fflush(NULL);
	if (!fork()) {
		/* Neither its memory nor its device */
		if (!guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, 0, -1) || errno != EPERM)
			_exit(2);
		_exit(0);
	}
	wait(&status);
	EXPECT_EQ(status, 0);
	copy = dup(r.dev.fd);
	close(r.dev.fd);
	r.dev.fd = copy;
	rig_unharmed(&r);
}

TEST(tap_goes_under_traffic)
{
	pthread_t t;

	rig_open(&r, &(struct rig_config){ });
	begin(&t);
	rig_reaches(&r, GUEST_RX, "packets", 20);
	ASSERT_EQ(system("ip link del tap0"), 0);
	/* Traffic fails now, which ends it; whatever it waited for. */
	stop = true;
	rig_flush(&r);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_TX, -1), 0);
	ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, GUEST_RX, -1), 0);
	EXPECT_STREQ(rig_text(&r, GUEST_TX, "fault"), "none");
	EXPECT_STREQ(rig_text(&r, GUEST_RX, "fault"), "none");
	rig_witness();
	rig_quiet();
}

TEST(module_stays_while_a_device_is_open)
{
	rig_open(&r, &(struct rig_config){ });
	EXPECT_NE(system("rmmod weft_vhost 2>/dev/null"), 0);
	EXPECT_NE(system("rmmod weft_ring 2>/dev/null"), 0);
	rig_unharmed(&r);
}
