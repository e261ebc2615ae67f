// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are not what they should be, and who may do what. Names begin with
 * the class of attack.
 */
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "guest_frame.h"
#include "kselftest.h"
#include "rig_lib.h"

static struct rig r;
static atomic_bool stop;

static void drain(void)
{
	static uint8_t data[65536];
	struct virtio_net_hdr hdr;

	while (guest_far_receive(r.link.far, &hdr, data, sizeof(data)) > 0)
		;
}

/* A3: backends */

static int set_backend(int queue, int fd)
{
	return guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, queue, fd);
}

static unsigned int kinds_of_files(int *fd)
{
	unsigned int n = 0;
	sigset_t none;
	int pair[2];

	sigemptyset(&none);
	fd[n++] = -2;
	fd[n++] = 0x7fffffff;
	fd[n++] = 1000;				/* not open */
	fd[n++] = open("/dev/null", O_RDWR);
	fd[n++] = open("/", O_RDONLY);
	fd[n++] = open("/dev/net/tun", O_PATH);
	fd[n++] = open("/proc/self/stat", O_RDONLY);
	fd[n++] = memfd_create("file", 0);
	fd[n++] = eventfd(0, 0);
	fd[n++] = epoll_create1(0);
	fd[n++] = timerfd_create(CLOCK_MONOTONIC, 0);
	fd[n++] = signalfd(-1, &none, 0);
	fd[n++] = inotify_init();
	fd[n++] = syscall(SYS_pidfd_open, getpid(), 0);
	fd[n++] = open(guest_dev_node(), O_RDWR);
	fd[n++] = dup(r.dev.fd);
	if (!pipe(pair)) {
		fd[n++] = pair[0];
		fd[n++] = pair[1];
	}
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		fd[n++] = pair[0];
	fd[n++] = socket(AF_UNIX, SOCK_DGRAM, 0);
	fd[n++] = socket(AF_INET, SOCK_STREAM, 0);
	fd[n++] = socket(AF_INET, SOCK_DGRAM, 0);
	/* These claim to be raw; their family is another. */
	fd[n++] = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	fd[n++] = socket(AF_NETLINK, SOCK_RAW, 0);
	/* A kernel may have no IPv6. */
	fd[n] = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	n += fd[n] >= 0;
	/* Of the family, but without the frames' headers */
	fd[n++] = socket(AF_PACKET, SOCK_DGRAM, 0);
	return n;
}

TEST(a3_files_that_are_no_backends)
{
	unsigned int n, i, queue;
	int fd[64];

	rig_open(&r, &(struct rig_config){ });
	n = kinds_of_files(fd);
	for (i = 0; i < n; i++)
		for (queue = 0; queue < 2; queue++) {
			EXPECT_ERRNO(ENOTSOCK, set_backend(queue, fd[i]));
			/* What was there stays. */
			EXPECT_STREQ(rig_text(&r, queue, "backend"), "tun");
		}
	rig_unharmed(&r);
}

/* A tun file that is no device yet, and one whose device is gone */
TEST(a3_taps_without_a_device)
{
	int fd;

	rig_open(&r, &(struct rig_config){ });
	fd = open("/dev/net/tun", O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_ERRNO(EINVAL, set_backend(GUEST_RX, fd));
	rig_unharmed(&r);
	close(fd);
	fd = guest_tap_open("tap2", RIG_HDR, 0);
	ASSERT_EQ(system("ip link del tap2"), 0);
	EXPECT_ERRNO(EINVAL, set_backend(GUEST_RX, fd));
	rig_unharmed(&r);
}

static int target;

/* Now this, now that: each file that is looked up is one and the same to the end. */
static void *swap_files(void *arg)
{
	int *fd = arg;

	for (unsigned int i = 0; !stop; i++)
		dup2(fd[i % 3], target);
	return NULL;
}

TEST(a3_descriptor_that_changes_meanwhile)
{
	unsigned int taken = 0, refused = 0;
	pthread_t t;
	int fd[3];

	rig_open(&r, &(struct rig_config){ });
	fd[0] = r.link.backend;
	fd[1] = eventfd(0, 0);
	fd[2] = guest_tap_open("tap2", RIG_HDR, 0);
	target = dup(fd[1]);
	ASSERT_TRUE(fd[0] >= 0 && fd[1] >= 0 && fd[2] >= 0 && target >= 0);
	ASSERT_EQ(pthread_create(&t, NULL, swap_files, fd), 0);
	for (int i = 0; i < 1000; i++) {
		if (!set_backend(i & 1, target))
			taken++;
		else if (errno == ENOTSOCK)
			refused++;
		else
			ASSERT_EQ(errno, 0);
	}
	stop = true;
	pthread_join(t, NULL);
	ksft_note("taken %u times, refused %u times", taken, refused);
	ASSERT_EQ(set_backend(GUEST_RX, r.link.backend), 0);
	ASSERT_EQ(set_backend(GUEST_TX, r.link.backend), 0);
	rig_unharmed(&r);
}

/* A10: sends that fail, and frames that are on their way when the backend goes */

static void send_some(unsigned int n)
{
	struct guest_buf b = { r.buf[GUEST_TX], 100 };
	void *token;
	uint32_t len;

	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], &b, 1, 0, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(&r.ring[GUEST_TX]);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_TRUE(guest_ring_wait(&r.ring[GUEST_TX], RIG_WAIT));
		ASSERT_TRUE(guest_ring_get(&r.ring[GUEST_TX], &len, &token));
	}
}

static void run_tap_gone(bool packed)
{
	rig_open(&r, &(struct rig_config){ .packed = packed });
	ASSERT_EQ(rig_send(&r), 0);
	ASSERT_EQ(system("ip link del tap0"), 0);
	/* Small ones go in a batch. All are returned, and none is lost count of. */
	for (int i = 0; i < 20; i++)
		send_some(60);
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "drop.backend"), 1200);
	EXPECT_STREQ(rig_text(&r, GUEST_TX, "fault"), "none");
	EXPECT_STREQ(rig_text(&r, GUEST_RX, "fault"), "none");
	rig_flush(&r);
	EXPECT_EQ(set_backend(GUEST_TX, -1), 0);
	EXPECT_EQ(set_backend(GUEST_RX, -1), 0);
	rig_witness();
	rig_quiet();
}

TEST(a10_split_tap_that_is_gone)
{
	run_tap_gone(false);
}

TEST(a10_packed_tap_that_is_gone)
{
	run_tap_gone(true);
}

/* No buffer of the driver's, so that the frames stay with the queue. */
static void frames_for_nobody(unsigned int n)
{
	static const uint8_t frame[100];

	for (unsigned int i = 0; i < n; i++)
		guest_far_send(r.link.far, NULL, frame, sizeof(frame));
	eventfd_write(r.ring[GUEST_RX].kick, 1);
	rig_flush(&r);
}

TEST(a10_backend_that_changes_with_frames_taken)
{
	int other;

	rig_open(&r, &(struct rig_config){ });
	other = guest_tap_open("tap2", RIG_HDR, 0);
	for (int i = 0; i < 50; i++) {
		frames_for_nobody(70);
		ASSERT_EQ(set_backend(GUEST_RX, other), 0);
		ASSERT_EQ(set_backend(GUEST_RX, i & 1 ? -1 : r.link.backend), 0);
		ASSERT_EQ(set_backend(GUEST_RX, r.link.backend), 0);
	}
	rig_unharmed(&r);
}

/* What is given back is taken again, when the device that it came by is no more. */
TEST(a10_frames_that_outlive_their_device)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int hdr = RIG_HDR;

	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 10; i++) {
		frames_for_nobody(70);
		ASSERT_EQ(system("ip link del tap0"), 0);
		ASSERT_EQ(set_backend(GUEST_RX, -1), 0);
		ASSERT_EQ(set_backend(GUEST_TX, -1), 0);
		strcpy(ifr.ifr_name, "tap0");
		ASSERT_EQ(ioctl(r.link.backend, TUNSETIFF, &ifr), 0);
		ASSERT_EQ(ioctl(r.link.backend, TUNSETVNETHDRSZ, &hdr), 0);
		ASSERT_EQ(system("ip link set tap0 up"), 0);
		close(r.link.far);
		r.link.far = guest_packet_open("tap0", true, true);
		ASSERT_GE(r.link.far, 0);
		ASSERT_EQ(set_backend(GUEST_RX, r.link.backend), 0);
		ASSERT_EQ(set_backend(GUEST_TX, r.link.backend), 0);
		eventfd_write(r.ring[GUEST_RX].kick, 1);
		rig_flush(&r);
	}
	rig_unharmed(&r);
}

static void *resize(void *arg)
{
	for (unsigned int i = 0; !stop; i++)
		if (system(i & 1 ? "ip link set tap0 txqueuelen 2" :
			   "ip link set tap0 txqueuelen 1000"))
			return arg;
	return NULL;
}

/* tun frees the array of its ring while the worker looks into it. */
TEST(a10_ring_of_the_tap_that_changes_its_size)
{
	pthread_t t;
	void *failed;

	rig_open(&r, &(struct rig_config){ });
	ASSERT_EQ(pthread_create(&t, NULL, resize, &r), 0);
	for (int i = 0; i < 150; i++)
		if (rig_receive(&r)) {
			ksft_note("%s", rig_why());
			break;
		}
	stop = true;
	pthread_join(t, &failed);
	EXPECT_EQ(failed, NULL);
	rig_unharmed(&r);
}

/* A12: eventfds */

static const unsigned long files[] = {
	VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
};

TEST(a12_descriptors_that_are_no_eventfds)
{
	int fd[64], one;
	unsigned int n;

	rig_open(&r, &(struct rig_config){ });
	n = kinds_of_files(fd);
	for (unsigned int i = 0; i < n; i++) {
		/* The only one that is */
		if (i == 8)
			continue;
		for (unsigned int c = 0; c < 3; c++)
			if (!guest_dev_set_file(&r.dev, files[c], i & 1, fd[i]) ||
			    (errno != EINVAL && errno != EBADF))
				KSFT_FAILED(0, "file %u for %u: errno %d", i, c, errno);
		one = fd[i];
		EXPECT_EQ(ioctl(r.dev.fd, VHOST_SET_LOG_FD, &one), -1);
	}
	rig_unharmed(&r);
}

/* Calls that are kicks, and errors that are: no queue is busy with itself for ever. */
TEST(a12_eventfds_that_are_all_the_same)
{
	struct guest_ring *tx = &r.ring[GUEST_TX], *rx = &r.ring[GUEST_RX];
	struct guest_buf b = { .len = 100 };
	long long runs;
	int fd;

	rig_open(&r, &(struct rig_config){ .no_event_idx = true });
	fd = tx->kick;
	for (unsigned int q = 0; q < 2; q++)
		for (unsigned int c = 0; c < 3; c++)
			ASSERT_EQ(guest_dev_set_file(&r.dev, files[c], q, fd), 0);
	ASSERT_EQ(ioctl(r.dev.fd, VHOST_SET_LOG_FD, &fd), 0);
	b.addr = r.buf[GUEST_TX];
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(guest_ring_add(tx, &b, 1, 0, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(tx);
	rig_reaches(&r, GUEST_TX, "packets", 10);
	rig_flush(&r);
	runs = rig_stats(&r, GUEST_TX, "runs");
	rig_flush(&r);
	EXPECT_LE(rig_stats(&r, GUEST_TX, "runs"), runs + 4);
	for (unsigned int q = 0; q < 2; q++) {
		struct guest_ring *ring = q ? tx : rx;

		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_SET_VRING_KICK, q, ring->kick), 0);
		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_SET_VRING_CALL, q, ring->call), 0);
		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_SET_VRING_ERR, q, ring->err), 0);
	}
	guest_event_take(rx->err);
	guest_event_take(tx->err);
	drain();
	rig_restart(&r, GUEST_TX);
	rig_unharmed(&r);
}

static void *swap_events(void *arg)
{
	for (unsigned int i = 0; !stop; i++) {
		int fd = i % 3 ? eventfd(0, EFD_NONBLOCK) : -1;

		if (guest_dev_set_file(&r.dev, VHOST_SET_VRING_CALL, i & 1, fd) ||
		    guest_dev_set_file(&r.dev, VHOST_SET_VRING_ERR, i & 1, fd) ||
		    guest_dev_set_file(&r.dev, VHOST_SET_VRING_KICK, i & 1, fd))
			return arg;
		close(fd);
	}
	return NULL;
}

/* Set, replaced, taken away and closed while they are signalled */
static void run_events_replaced(bool packed)
{
	struct guest_ring *ring = &r.ring[GUEST_TX];
	struct guest_buf b = { r.buf[GUEST_TX], 100 };
	uint32_t len;
	void *token, *failed;
	pthread_t t;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	b.addr = r.buf[GUEST_TX];
	ASSERT_EQ(pthread_create(&t, NULL, swap_events, &r), 0);
	for (int i = 0; i < 1000; i++) {
		guest_ring_add(ring, &b, 1, 0, GUEST_DIRECT, &r);
		guest_ring_calls_on(ring, 1);
		guest_ring_kick_always(ring);
		while (guest_ring_get(ring, &len, &token))
			;
		drain();
	}
	stop = true;
	pthread_join(t, &failed);
	EXPECT_EQ(failed, NULL);
	for (unsigned int q = 0; q < 2; q++) {
		ASSERT_EQ(guest_dev_set_file(&r.dev, files[0], q, r.ring[q].kick), 0);
		ASSERT_EQ(guest_dev_set_file(&r.dev, files[1], q, r.ring[q].call), 0);
		ASSERT_EQ(guest_dev_set_file(&r.dev, files[2], q, r.ring[q].err), 0);
	}
	rig_restart(&r, GUEST_TX);
	rig_flush(&r);
	drain();
	rig_unharmed(&r);
}

TEST(a12_split_eventfds_replaced_under_traffic)
{
	run_events_replaced(false);
}

TEST(a12_packed_eventfds_replaced_under_traffic)
{
	run_events_replaced(true);
}

/* A24: kicks as fast as they go */

static void *kick(void *arg)
{
	struct guest_ring *ring = arg;

	while (!stop)
		eventfd_write(ring->kick, 1);
	return NULL;
}

TEST(a24_kicks_without_end)
{
	pthread_t t[2];

	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, kick, &r.ring[i]), 0);
	/* Both its queues and the neighbour do their work beside it, and it answers. */
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(rig_send(&r), 0);
		ASSERT_EQ(rig_receive(&r), 0);
		rig_witness();
		rig_flush(&r);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	EXPECT_GT(rig_stats(&r, GUEST_TX, "kicks"), 100);
	rig_unharmed(&r);
}

/* A29: who may see what */

TEST(a29_node_and_counters_are_the_roots)
{
	static const char *const names[] = { "", "/device", "/rx", "/tx" };
	char path[256];
	struct stat st;
	int status;

	rig_open(&r, &(struct rig_config){ });
	ASSERT_EQ(stat(guest_dev_node(), &st), 0);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0600);
	EXPECT_EQ(st.st_uid, 0);
	EXPECT_EQ(st.st_gid, 0);
	for (int i = 1; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", r.dir, names[i]);
		ASSERT_EQ(stat(path, &st), 0);
		EXPECT_EQ(st.st_mode, S_IFREG | 0400);
		EXPECT_EQ(st.st_uid, 0);
	}
	if (!fork()) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (open(guest_dev_node(), O_RDWR) >= 0 || errno != EACCES)
			_exit(2);
		for (int i = 1; i < 4; i++) {
			snprintf(path, sizeof(path), "%s%s", r.dir, names[i]);
			if (open(path, O_RDONLY) >= 0 || errno != EACCES)
				_exit(3);
		}
		/* What it inherits is not its own. */
		if (!set_backend(0, -1) || errno != EPERM)
			_exit(4);
		_exit(0);
	}
	wait(&status);
	EXPECT_EQ(status, 0);
	rig_unharmed(&r);
}

/* Nothing there looks like an address of the kernel's. */
TEST(a29_counters_tell_no_addresses)
{
	static const char *const names[] = { "device", "rx", "tx" };
	char text[8192], path[256];
	ssize_t n;
	int fd;

	rig_open(&r, &(struct rig_config){ });
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", r.dir, names[i]);
		fd = open(path, O_RDONLY);
		n = read(fd, text, sizeof(text) - 1);
		ASSERT_GT(n, 0);
		text[n] = 0;
		close(fd);
		EXPECT_EQ(strstr(text, "ffff"), NULL);
	}
	rig_unharmed(&r);
}
