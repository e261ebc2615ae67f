// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and copy that a worker of /dev/vhost-weft makes while it passes
 * frames both ways fails once. Each frame arrives, or is counted by who dropped
 * it, and those that come later arrive.
 */
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include "kselftest.h"
#include "must.h"
#include "rig_lib.h"
#include "walk_lib.h"

#define FRAMES	8
#define LEN	200

static struct rig r;
static uint64_t bufs[2][FRAMES];
static unsigned int broken;
static bool walking;

static const char *const counted[] = {
	"packets", "drop.short", "drop.header", "drop.backend", "drop.no-buffer",
};

#define COUNTED	(sizeof(counted) / sizeof(*counted))

static long long count(int queue, unsigned int from)
{
	long long all = 0;

	for (unsigned int i = from; i < COUNTED; i++)
		all += rig_stats(&r, queue, counted[i]);
	return all;
}

/* A copy that fails is, to the device, memory that is none: it stops the queue. */
static bool stopped(int queue)
{
	return strcmp(rig_text(&r, queue, "fault"), "none");
}

/* Counters have no event to wait for. */
static int until(int queue, long long all)
{
	double end = rig_now() + RIG_WAIT / 1000;

	while (count(queue, 0) < all && !stopped(queue)) {
		if (rig_now() > end) {
			errno = ETIME;
			return -1;
		}
		poll(NULL, 0, 1);
	}
	return 0;
}

/* What the tap has no memory for, in all */
static long long lost_by_tap(void)
{
	long long dropped = -1;
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_dropped", r.link.name);
	f = fopen(path, "re");
	MUST(!f || fscanf(f, "%lld", &dropped) != 1);
	fclose(f);
	return dropped;
}

/* And the socket, since it was asked the last time */
static long long lost_by_socket(void)
{
	struct tpacket_stats s = { };
	socklen_t len = sizeof(s);

	MUST(getsockopt(r.link.far, SOL_PACKET, PACKET_STATISTICS, &s, &len));
	return s.tp_drops;
}

static unsigned int take(int queue)
{
	unsigned int n = 0;
	uint32_t len;
	void *token;

	while (guest_ring_get(&r.ring[queue], &len, &token))
		n++;
	MUST(guest_ring_broken());
	return n;
}

static void add(int queue)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct guest_buf buf = { bufs[queue][i],
					 queue == GUEST_TX ? RIG_HDR + LEN : RIG_BUF };

		MUST(guest_ring_add(&r.ring[queue], &buf, queue == GUEST_TX, queue == GUEST_RX,
				    GUEST_DIRECT, &r));
	}
	guest_ring_kick(&r.ring[queue]);
}

/* A queue that stopped is begun anew, and what it had is gone. */
static bool begun_anew(int queue)
{
	if (!stopped(queue))
		return false;
	broken++;
	rig_restart(&r, queue);
	return true;
}

static int all_back(int queue, unsigned int want)
{
	unsigned int have = take(queue);

	while (have < want) {
		if (!guest_ring_wait(&r.ring[queue], RIG_WAIT)) {
			errno = ETIME;
			return -1;
		}
		have += take(queue);
	}
	return 0;
}

static int sent(void)
{
	long long before = count(GUEST_TX, 0), drops = count(GUEST_TX, 1), lost = lost_by_tap();
	struct virtio_net_hdr hdr;
	uint8_t got[RIG_BUF];
	long long arrived = 0;

	lost_by_socket();
	add(GUEST_TX);
	if (until(GUEST_TX, before + FRAMES))
		return -1;
	if (begun_anew(GUEST_TX)) {
		while (guest_far_receive(r.link.far, &hdr, got, sizeof(got)) > 0)
			;
		return 0;
	}
	if (all_back(GUEST_TX, FRAMES))
		return -1;
	/* It was passed on before it came back. */
	while (guest_far_receive(r.link.far, &hdr, got, sizeof(got)) > 0)
		arrived++;
	drops = count(GUEST_TX, 1) - drops;
	lost = lost_by_tap() - lost + lost_by_socket();
	/* The tap does not count the one for which it gets no skb. */
	lost += walking && r.c.backend == GUEST_TAP && arrived + drops + lost == FRAMES - 1;
	if (arrived + drops + lost == FRAMES)
		return 0;
	ksft_note("%lld arrived, %lld were dropped, %lld by the host", arrived, drops, lost);
	errno = EPROTO;
	return -1;
}

static int received(void)
{
	static const uint8_t frame[LEN] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5 };
	long long before = count(GUEST_RX, 0), packets = rig_stats(&r, GUEST_RX, "packets");

	add(GUEST_RX);
	for (unsigned int i = 0; i < FRAMES; i++)
		MUST(guest_far_send(r.link.far, NULL, frame, sizeof(frame)));
	if (until(GUEST_RX, before + FRAMES))
		return -1;
	if (begun_anew(GUEST_RX))
		return 0;
	if (all_back(GUEST_RX, rig_stats(&r, GUEST_RX, "packets") - packets))
		return -1;
	return 0;
}

static int both(void)
{
	return sent() || received() ? -1 : 0;
}

/* What buffers the device still has are those of frames that were dropped. */
static int again(void)
{
	rig_restart(&r, GUEST_RX);
	if (!rig_send(&r) && !rig_receive(&r))
		return 0;
	ksft_note("%s", rig_why());
	return -1;
}

/* The first one is of the device beside it. */
static int thread_of(void)
{
	return guest_dev_worker(1);
}

static void walk_it(const struct rig_config *c)
{
	const char *missing = walk_missing();

	if (missing)
		SKIP("%s", missing);
	rig_open(&r, c);
	for (int q = 0; q < 2; q++)
		for (unsigned int i = 0; i < FRAMES; i++) {
			bufs[q][i] = guest_mem_alloc(&r.mem, RIG_BUF, 16);
			MUST(!bufs[q][i]);
		}
	MUST(both());
	walking = true;
	/* An skb for each frame that is sent */
	walk_thread("worker", FRAMES, thread_of, both, again);
	ksft_note("%u queues stopped of it", broken);
	EXPECT_EQ(walk_failures, 0);
	rig_close(&r);
}

TEST_TIMEOUT(split_ring, 300)
{
	walk_it(&(struct rig_config){ });
}

TEST_TIMEOUT(packed_ring, 300)
{
	walk_it(&(struct rig_config){ .packed = true, .mergeable = true });
}

TEST_TIMEOUT(many_regions, 300)
{
	walk_it(&(struct rig_config){ .regions = 40 });
}

TEST_TIMEOUT(dirty_log, 300)
{
	walk_it(&(struct rig_config){ .log = true });
}

TEST_TIMEOUT(iotlb, 300)
{
	walk_it(&(struct rig_config){ .iotlb = GUEST_IOTLB_PAGES });
}

TEST_TIMEOUT(packet_socket, 300)
{
	walk_it(&(struct rig_config){ .backend = GUEST_PACKET });
}
