// SPDX-License-Identifier: GPL-2.0
/*
 * vdpa_pair_bench bridge|sim - what a frame costs from one vDPA device to another
 * over a Linux bridge, or from one of vdpa_sim_net to itself, which is as far as its
 * frames go; of 64 bytes, in instructions of the threads that serve the devices.
 *
 * For a machine that counts instructions as time, as vhost_bench.c.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vdev_lib.h"
#include "workers_lib.h"

#define RING		256
#define BURST		64
#define FRAMES		8192
#define LEN		64
#define WAIT_MS		20000

static struct vdev dev[2];
static struct vguest guest[2];
static struct workers workers;
static uint64_t room[RING], sent;

static void fail(const char *what)
{
	fprintf(stderr, "vdpa_pair_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void post(struct vguest *g, uint64_t addr)
{
	struct guest_buf buf = { addr, VDEV_BUF };

	if (guest_ring_add(&g->ring[GUEST_RX], &buf, 0, 1, GUEST_DIRECT, (void *)addr))
		fail("a receive buffer");
}

static void wait_for(struct guest_ring *r, unsigned int n)
{
	struct pollfd p = { .fd = r->call, .events = POLLIN };

	guest_ring_calls_on(r, n);
	while (!guest_ring_has_used(r)) {
		if (poll(&p, 1, WAIT_MS) != 1)
			fail("nothing was used");
		guest_event_take(r->call);
	}
	guest_ring_calls_off(r);
}

/* Frames go from one guest to the other, or back to the same. */
static void play(struct vguest *from, struct vguest *to, unsigned int frames)
{
	struct guest_ring *tx = &from->ring[GUEST_TX], *rx = &to->ring[GUEST_RX];
	struct guest_buf buf = { sent, VDEV_HDR + LEN };
	unsigned int left;
	uint32_t len;
	void *token;

	for (; frames; frames -= BURST) {
		for (unsigned int i = 0; i < BURST; i++)
			if (guest_ring_add(tx, &buf, 1, 0, GUEST_DIRECT, NULL))
				fail("a frame");
		guest_ring_kick(tx);
		for (left = BURST; left;) {
			wait_for(rx, left);
			for (; guest_ring_get(rx, &len, &token); left--) {
				if (len != VDEV_HDR + LEN) {
					fprintf(stderr, "vdpa_pair_bench: a frame of %u bytes\n",
						len);
					exit(1);
				}
				post(to, (uintptr_t)token);
			}
			guest_ring_kick(rx);
		}
		while (tx->added) {
			if (!guest_ring_has_used(tx))
				wait_for(tx, tx->added);
			guest_ring_get(tx, &len, &token);
		}
		if (guest_ring_broken()) {
			fprintf(stderr, "vdpa_pair_bench: %s\n", guest_ring_broken());
			exit(1);
		}
	}
}

static void prepare(struct vguest *from, struct vguest *to)
{
	uint8_t *frame;

	sent = guest_mem_alloc(&from->mem, VDEV_BUF, 64);
	if (!sent)
		fail("guest memory");
	frame = guest_mem_ptr(&from->mem, sent);
	memset(frame, 0, VDEV_HDR + LEN);
	/* To everybody, of a type for experiments: a bridge floods it, and so need not learn. */
	memset(frame + VDEV_HDR, 0xff, ETH_ALEN);
	memcpy(frame + VDEV_HDR + ETH_ALEN, "\x02\0\0\0\0\1\x88\xb5", 8);
	for (unsigned int i = 0; i < RING; i++) {
		room[i] = guest_mem_alloc(&to->mem, VDEV_BUF, 64);
		if (!room[i])
			fail("guest memory");
		post(to, room[i]);
	}
	guest_ring_kick_always(&to->ring[GUEST_RX]);
	for (unsigned int i = 0; i < 2; i++)
		guest_ring_calls_off(&from->ring[i]);
	guest_ring_calls_off(&to->ring[GUEST_RX]);
}

static void open_bridge(void)
{
	struct vdev_config c = { .size = RING, .data_bytes = 4 << 20 };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "br0" };
	uint32_t len;
	void *token;

	if (s < 0 || ioctl(s, SIOCBRADDBR, "br0"))
		fail("a bridge");
	for (unsigned int i = 0; i < 2; i++) {
		vdev_make(&dev[i], i, &c);
		close(dev[i].far);
		vguest_init(&guest[i], &c);
		vdev_begin(&dev[i], &guest[i], NULL);
		ifr.ifr_ifindex = if_nametoindex(dev[i].name);
		if (ioctl(s, SIOCBRADDIF, &ifr))
			fail("a port of the bridge");
	}
	ifr.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr))
		fail("the bridge");
	close(s);
	workers_find(&workers, "vdpa0-0");
	workers_find(&workers, "vdpa1-0");
	prepare(&guest[0], &guest[1]);
	/* Ports begin to forward when their carrier was seen, which is not at once. */
	for (int i = 0; i < 1000 && !guest_ring_has_used(&guest[1].ring[GUEST_RX]); i++) {
		struct guest_buf buf = { sent, VDEV_HDR + LEN };

		guest_ring_add(&guest[0].ring[GUEST_TX], &buf, 1, 0, GUEST_DIRECT, NULL);
		guest_ring_kick_always(&guest[0].ring[GUEST_TX]);
		poll(NULL, 0, 20);
		while (guest_ring_get(&guest[0].ring[GUEST_TX], &len, &token))
			;
	}
	while (guest_ring_has_used(&guest[1].ring[GUEST_RX])) {
		guest_ring_get(&guest[1].ring[GUEST_RX], &len, &token);
		post(&guest[1], (uintptr_t)token);
	}
	guest_ring_kick(&guest[1].ring[GUEST_RX]);
}

/* It offers less: neither an event index nor indirect tables. */
static void open_sim(void)
{
	struct vdev_config c = {
		.size = RING, .data_bytes = 4 << 20, .no_event_idx = true, .no_indirect = true,
	};

	strcpy(dev[0].name, "sim0");
	vguest_init(&guest[0], &c);
	vdev_begin(&dev[0], &guest[0], NULL);
	workers_find(&workers, "vDPA sim worker: sim0");
	prepare(&guest[0], &guest[0]);
}

int main(int argc, char **argv)
{
	bool sim = argc > 1 && !strcmp(argv[1], "sim");
	struct vguest *to = sim ? &guest[0] : &guest[1];
	uint64_t before;

	if (argc != 2 || (!sim && strcmp(argv[1], "bridge"))) {
		fputs("usage: vdpa_pair_bench bridge|sim\n", stderr);
		return 2;
	}
	if (sim)
		open_sim();
	else
		open_bridge();
	play(&guest[0], to, FRAMES / 8);
	usleep(1000);
	before = workers_ns(&workers);
	play(&guest[0], to, FRAMES);
	/* A worker's time is counted when it goes to sleep. */
	usleep(1000);
	printf("%s 64 %.0f\n", argv[1], (double)(workers_ns(&workers) - before) / FRAMES);
	return 0;
}
