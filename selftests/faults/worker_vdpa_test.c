// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and copy that the thread of a vDPA device makes while it passes
 * frames both ways, or does what a command says, fails once. Each frame arrives,
 * or is counted by who dropped it, and those that come later arrive.
 */
#include <dirent.h>
#include <linux/if_packet.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>

#include "guest_net.h"
#include "kernel_log.h"
#include "kselftest.h"
#include "must.h"
#include "vdev_lib.h"
#include "walk_lib.h"

#define FRAMES	48

static struct vdev v;
static struct vguest g;
static uint64_t bufs[2][FRAMES];
static unsigned int broken, len = 200;
static unsigned int frames = FRAMES;	/* more than the kernel has packets at hand for */

static bool stopped(int queue)
{
	return strcmp(vdev_text(&v, queue, "fault"), "none");
}

/* Counters have no event to wait for. */
static int until(int queue, long long all)
{
	double end = monotonic_now() + VDEV_WAIT / 1000;

	while (vdev_all(&v, queue) < all && !stopped(queue)) {
		if (monotonic_now() > end) {
			errno = ETIME;
			return -1;
		}
		poll(NULL, 0, 1);
	}
	return 0;
}

/* Of what came to the representor, what the socket had no memory for. */
static long long lost_by_host(void)
{
	struct tpacket_stats s = { };
	socklen_t size = sizeof(s);

	MUST(getsockopt(v.far, SOL_PACKET, PACKET_STATISTICS, &s, &size));
	return s.tp_drops;
}

static unsigned int take(int queue)
{
	unsigned int n = 0;
	uint32_t used;
	void *token;

	while (guest_ring_get(&g.ring[queue], &used, &token))
		n++;
	MUST(guest_ring_broken());
	return n;
}

static void add(int queue)
{
	for (unsigned int i = 0; i < frames; i++) {
		struct guest_buf buf = { bufs[queue][i],
					 queue == GUEST_TX ? VDEV_HDR + len : VDEV_BUF };

		MUST(guest_ring_add(&g.ring[queue], &buf, queue == GUEST_TX, queue == GUEST_RX,
				    GUEST_DIRECT, &v));
	}
	guest_ring_kick(&g.ring[queue]);
}

static int all_back(int queue, unsigned int want)
{
	unsigned int have = take(queue);

	while (have < want) {
		if (!guest_ring_wait(&g.ring[queue], VDEV_WAIT)) {
			errno = ETIME;
			return -1;
		}
		have += take(queue);
	}
	return 0;
}

static int sent(void)
{
	long long before = vdev_all(&v, GUEST_TX), packets = vdev_stats(&v, GUEST_TX, "packets");
	long long passed, arrived, lost;

	lost_by_host();
	add(GUEST_TX);
	if (until(GUEST_TX, before + frames))
		return -1;
	if (stopped(GUEST_TX))
		return 0;
	if (all_back(GUEST_TX, frames))
		return -1;
	/* It was passed on before it came back. */
	arrived = vdev_arrived(&v);
	lost = lost_by_host();
	passed = vdev_stats(&v, GUEST_TX, "packets") - packets;
	if (arrived + lost == passed)
		return 0;
	ksft_note("%lld passed, %lld arrived, %lld were lost behind it", passed, arrived, lost);
	errno = EPROTO;
	return -1;
}

static int received(void)
{
	long long before = vdev_all(&v, GUEST_RX), packets = vdev_stats(&v, GUEST_RX, "packets");

	add(GUEST_RX);
	vdev_flood(&v, frames, len);
	if (until(GUEST_RX, before + frames))
		return -1;
	return stopped(GUEST_RX) ? 0 :
		all_back(GUEST_RX, vdev_stats(&v, GUEST_RX, "packets") - packets);
}

static int both(void)
{
	return sent() || received() ? -1 : 0;
}

/* One that it has no memory for is answered so, and changes nothing. */
static int command(void)
{
	uint8_t on = 1;
	int ack = vdev_command(&v, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1);

	return ack == VIRTIO_NET_OK || ack == VIRTIO_NET_ERR ? 0 : -1;
}

static int again(void)
{
	for (int q = 0; q < 2; q++)
		broken += stopped(q);
	vdev_restart(&v);
	vdev_arrived(&v);
	if (!vdev_send(&v) && !vdev_receive(&v))
		return 0;
	ksft_note("%s", vdev_why());
	return -1;
}

static int command_again(void)
{
	uint8_t on = 1;

	return vdev_command(&v, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1) ==
	       VIRTIO_NET_OK && !vdev_send(&v) && !vdev_receive(&v) ? 0 : -1;
}

/* It is made anew when the device begins anew; a kernel's thread has its name alone. */
static int thread_of(void)
{
	char name[32], path[300], comm[32];
	int found = -1;
	struct dirent *e;
	DIR *d = opendir("/proc");
	FILE *f;

	MUST(!d);
	snprintf(name, sizeof(name), "vdpa%lld-0\n", vdev_stats(&v, -1, "index"));
	while (found < 0 && (e = readdir(d))) {
		if (atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f) && !strcmp(comm, name))
			found = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	closedir(d);
	MUST(found < 0);
	return found;
}

static void walk_it(const struct vdev_config *c, int (*round)(void), int (*then)(void),
		    unsigned int least)
{
	const char *missing = walk_missing();
	long long pinned;

	if (missing)
		SKIP("%s", missing);
	vdev_open(&v, &g, c);
	for (int q = 0; q < 2; q++)
		for (unsigned int i = 0; i < frames; i++) {
			bufs[q][i] = guest_mem_alloc(&g.mem, len + VDEV_BUF, 16);
			MUST(!bufs[q][i]);
		}
	MUST(then());
	MUST(round());
	MUST(then());
	pinned = walk_pinned();
	walk_thread("thread", least, thread_of, round, then);
	EXPECT_EQ(walk_pinned(), pinned);
	ksft_note("%u queues stopped of it", broken);
	EXPECT_EQ(walk_failures, 0);
	vdev_leave(&v);
	vdev_unmake(&v);
}

TEST_TIMEOUT(split_rings, 300)
{
	walk_it(&(struct vdev_config){ }, both, again, 1);
}

TEST_TIMEOUT(packed_rings, 300)
{
	walk_it(&(struct vdev_config){ .packed = true, .mergeable = true }, both, again, 1);
}

/* What goes beyond a page is a packet in pieces. */
TEST_TIMEOUT(large_frames, 300)
{
	len = 5000;
	frames = 4;
	walk_it(&(struct vdev_config){ .mergeable = true }, sent, again, frames);
}

TEST_TIMEOUT(commands, 300)
{
	walk_it(&(struct vdev_config){ .ctrl = true, .features = 1ULL << VIRTIO_NET_F_CTRL_RX },
		command, command_again, 1);
}
