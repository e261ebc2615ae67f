// SPDX-License-Identifier: GPL-2.0
/*
 * vdpa_pair_bench split|packed|sim - what a frame of 64 bytes costs
 *
 * From one vDPA device to another over a Linux bridge; or from sim0 of vdpa_sim_net to
 * itself, which is as far as its frames go. In instructions of the threads that serve
 * the devices, softirqs and all; printed as one of vhost_bench's figures.
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

#include "must.h"
#include "vdev_lib.h"
#include "workers_lib.h"

#define BRIDGE		"br0"
#define RING		256
#define BURST		64
#define FRAMES		8192
#define LEN		64
#define WAIT_MS		20000

static struct vdev dev[2];
static struct vguest guest[2];
static struct workers workers;

static void prepare(struct vguest *g, unsigned int from, unsigned int to)
{
	uint8_t *eth = (uint8_t *)guest_mem_ptr(&g->mem, g->buf[GUEST_TX]) + VDEV_HDR;

	memset(eth - VDEV_HDR, 0, VDEV_HDR + LEN);
	/* Of a type for experiments, so that no protocol looks at it. */
	memcpy(eth, (uint8_t[]){ 2, 1, 1, 1, 1, to, 2, 1, 1, 1, 1, from, 0x88, 0xb5 }, ETH_HLEN);
}

static void post(struct vguest *g, uint64_t addr)
{
	MUST(guest_ring_add(&g->ring[GUEST_RX], &(struct guest_buf){ addr, VDEV_BUF }, 0, 1,
			    GUEST_DIRECT, (void *)addr));
}

static void fill(struct vguest *g)
{
	for (unsigned int i = 0; i < RING; i++) {
		uint64_t addr = guest_mem_alloc(&g->mem, VDEV_BUF, 64);

		MUST(!addr);
		post(g, addr);
	}
	guest_ring_kick_always(&g->ring[GUEST_RX]);
	guest_ring_calls_off(&g->ring[GUEST_RX]);
	guest_ring_calls_off(&g->ring[GUEST_TX]);
}

static void send_frames(struct vguest *g, unsigned int n)
{
	struct guest_buf buf = { g->buf[GUEST_TX], VDEV_HDR + LEN };

	while (n--)
		MUST(guest_ring_add(&g->ring[GUEST_TX], &buf, 1, 0, GUEST_DIRECT, NULL));
	guest_ring_kick(&g->ring[GUEST_TX]);
}

static unsigned int take_sent(struct vguest *g)
{
	unsigned int n = 0;
	uint32_t len;
	void *token;

	while (guest_ring_get(&g->ring[GUEST_TX], &len, &token))
		n++;
	return n;
}

static unsigned int take_received(struct vguest *g)
{
	unsigned int n = 0;
	uint32_t len;
	void *token;

	while (guest_ring_get(&g->ring[GUEST_RX], &len, &token)) {
		/* Others are the host's, which joins groups on its bridge. */
		n += len == VDEV_HDR + LEN;
		post(g, (uintptr_t)token);
	}
	guest_ring_kick(&g->ring[GUEST_RX]);
	return n;
}

static void wait_for(struct guest_ring *r, unsigned int n)
{
	struct pollfd p = { .fd = r->call, .events = POLLIN };

	guest_ring_calls_on(r, n);
	while (!guest_ring_has_used(r)) {
		MUST(poll(&p, 1, WAIT_MS) != 1);
		guest_event_take(r->call);
	}
	guest_ring_calls_off(r);
}

/* Frames go from one guest to the other, or back to the same. */
static void play(struct vguest *from, struct vguest *to, unsigned int frames)
{
	for (; frames; frames -= BURST) {
		unsigned int left = BURST;

		send_frames(from, BURST);
		while (left) {
			wait_for(&to->ring[GUEST_RX], left);
			left -= take_received(to);
		}
		while (from->ring[GUEST_TX].added) {
			wait_for(&from->ring[GUEST_TX], from->ring[GUEST_TX].added);
			take_sent(from);
		}
		if (guest_ring_broken()) {
			fprintf(stderr, "vdpa_pair_bench: %s\n", guest_ring_broken());
			exit(1);
		}
	}
}

/* What came to the host itself, and not only through its bridge. */
static unsigned long long flooded(void)
{
	FILE *f = fopen("/sys/class/net/" BRIDGE "/statistics/rx_packets", "re");
	unsigned long long n;

	MUST(!f || fscanf(f, "%llu", &n) != 1);
	fclose(f);
	return n;
}

/*
 * Both send until both have heard of each other: a port forwards once its carrier was
 * seen, which is not at once, and the bridge then knows where each of them is.
 */
static void acquaint(void)
{
	unsigned int heard[2] = { };

	for (int tries = 0; !heard[0] || !heard[1]; tries++) {
		MUST(tries == WAIT_MS / 20);
		for (unsigned int i = 0; i < 2; i++)
			send_frames(&guest[i], 1);
		poll(NULL, 0, 20);
		for (unsigned int i = 0; i < 2; i++) {
			take_sent(&guest[i]);
			heard[i] += take_received(&guest[i]);
		}
	}
	/* What is still on its way would count for one of those that are measured. */
	for (unsigned int i = 0; i < 2; i++) {
		while (guest[i].ring[GUEST_TX].added) {
			poll(NULL, 0, 20);
			take_sent(&guest[i]);
		}
	}
	poll(NULL, 0, 100);
	for (unsigned int i = 0; i < 2; i++)
		take_received(&guest[i]);
}

static void open_pair(bool packed)
{
	struct vdev_config c = { .size = RING, .data_bytes = 4 << 20, .packed = packed };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = BRIDGE };
	char name[32];

	MUST(s < 0);
	if (!if_nametoindex(BRIDGE))
		MUST(ioctl(s, SIOCBRADDBR, BRIDGE));
	for (unsigned int i = 0; i < 2; i++) {
		vdev_make(&dev[i], i, &c);
		close(dev[i].far);
		vguest_init(&guest[i], &c);
		vdev_begin(&dev[i], &guest[i], NULL);
		prepare(&guest[i], i, !i);
		fill(&guest[i]);
		ifr.ifr_ifindex = if_nametoindex(dev[i].name);
		MUST(ioctl(s, SIOCBRADDIF, &ifr));
	}
	ifr.ifr_flags = IFF_UP;
	MUST(ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
	acquaint();
	/* One serves both queues. */
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "vdpa%u-0", i);
		workers_find(&workers, name);
	}
}

/*
 * It offers less: neither an event index nor indirect tables. As it is loaded by default
 * it uses addresses of the client, and sees files alone.
 */
static void open_sim(void)
{
	struct vdev_config c = {
		.size = RING, .data_bytes = 4 << 20, .shared = true, .no_event_idx = true,
		.no_indirect = true,
	};

	strcpy(dev[0].name, "sim0");
	vguest_init(&guest[0], &c);
	vdev_begin(&dev[0], &guest[0], NULL);
	/* It returns what is for itself, by the address that it was made with. */
	prepare(&guest[0], 0, 0);
	fill(&guest[0]);
	workers_find(&workers, "vDPA sim worker: sim0");
}

int main(int argc, char **argv)
{
	bool sim = argc > 1 && !strcmp(argv[1], "sim");
	bool packed = argc > 1 && !strcmp(argv[1], "packed");
	struct vguest *to = sim ? &guest[0] : &guest[1];
	unsigned long long before;
	uint64_t ns;

	if (argc != 2 || !(sim || packed || !strcmp(argv[1], "split"))) {
		fputs("usage: vdpa_pair_bench split|packed|sim\n", stderr);
		return 2;
	}
	if (sim)
		open_sim();
	else
		open_pair(packed);
	play(&guest[0], to, FRAMES / 8);
	usleep(1000);
	before = sim ? 0 : flooded();
	ns = workers_ns(&workers);
	play(&guest[0], to, FRAMES);
	/* A worker's time is counted when it goes to sleep. */
	usleep(1000);
	ns = workers_ns(&workers) - ns;
	MUST(!sim && flooded() != before);
	printf("1region pair64 %s worker %.1f\n", argv[1], (double)ns / FRAMES);
	return 0;
}
