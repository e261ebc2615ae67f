// SPDX-License-Identifier: GPL-2.0
#include "vhost_load_lib.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#include "guest_net.h"
#include "host_clock.h"
#include "vdev_lib.h"
#include "workers_lib.h"

#define HDR		12
#define MSS		1448
#define GSO_LEN		65226		/* 45 segments */
#define GSO_HDR		(ETH_HLEN + 20 + 32)
#define TABLE		(2 + GSO_LEN / 4096)
#define RX_BUF		1536		/* as virtio-net's, for frames of 1500 bytes */
#define RX_BURST	64
#define SPARE		18		/* descriptors that virtio-net keeps free */
#define WAIT_MS		20000

const struct load loads[] = {
	{ "tx64", "transmit 64 B", LOAD_TX, 64, false, 8192 },
	{ "tx64-drop", "transmit 64 B, XDP_DROP", LOAD_TX, 64, true, 8192 },
	{ "tx1514", "transmit 1514 B", LOAD_TX, 1514, false, 8192 },
	{ "tx1514-drop", "transmit 1514 B, XDP_DROP", LOAD_TX, 1514, true, 8192 },
	{ "txgso", "transmit 64 KiB GSO", LOAD_TX, GSO_LEN, false, 512 },
	{ "txgso-drop", "transmit 64 KiB GSO, XDP_DROP", LOAD_TX, GSO_LEN, true, 256 },
	{ "rx64", "receive 64 B", LOAD_RX, 64, false, 8192 },
	{ "rx1514", "receive 1514 B", LOAD_RX, 1514, false, 8192 },
	{ "rxgso", "receive 64 KiB GSO", LOAD_RX, GSO_LEN, false, 512 },
	{ "lat", "kick to used, 64 B", LOAD_LATENCY, 64, false, 2048 },
	{ "lat-drop", "kick to used, 64 B, XDP_DROP", LOAD_LATENCY, 64, true, 2048 },
	{ "wake", "kick with nothing to do", LOAD_WAKE, 64, false, 2048 },
	{ }
};

/* There is one of all in a process. */
static struct guest_mem *mem;
static struct guest_ring *ring;
static struct guest_link host = { .xdp = -1 };	/* the host's side: a tap, or a representor */
static char worker[32];
static struct workers workers;
static uint64_t *tx_buf;	/* addresses of frames, one for each descriptor */
static unsigned int tx_len;	/* of those now in there */
static uint8_t frame[HDR + GSO_LEN];

static void fail(const char *what)
{
	fprintf(stderr, "vhost_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

const struct load *load_find(const char *name)
{
	for (const struct load *l = loads; l->name; l++)
		if (!strcmp(l->name, name))
			return l;
	return NULL;
}

/* Frames */

static void make_frame(unsigned int len)
{
	struct virtio_net_hdr *hdr = (void *)frame;
	uint8_t *eth = frame + HDR, *ip = eth + ETH_HLEN, *tcp = ip + 20;
	unsigned int ip_len = len - ETH_HLEN;

	memset(frame, 0, sizeof(frame));
	/* To nobody; of a type for experiments, so that no protocol looks at it. */
	memcpy(eth, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x88\xb5", ETH_HLEN);
	if (len <= ETH_FRAME_LEN)
		return;
	/* A TCP segment, as GSO wants one. */
	memcpy(eth + 12, "\x08\0", 2);
	ip[0] = 0x45;
	ip[2] = ip_len >> 8;
	ip[3] = ip_len;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	tcp[12] = 0x80;			/* 32 bytes, with a time stamp */
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->hdr_len = GSO_HDR;
	hdr->gso_size = MSS;
	hdr->csum_start = ETH_HLEN + 20;
	hdr->csum_offset = 16;
}

static void fill_tx(unsigned int len)
{
	if (tx_len == len)
		return;
	make_frame(len);
	for (unsigned int i = 0; i < ring[GUEST_TX].size; i++)
		guest_mem_write(mem, tx_buf[i], frame, HDR + len);
	tx_len = len;
}

/* Setup */

static void post(uint64_t addr)
{
	struct guest_buf buf = { addr, RX_BUF };

	if (guest_ring_add(&ring[GUEST_RX], &buf, 0, 1, GUEST_DIRECT, (void *)addr))
		fail("a receive buffer");
}

/* Of len bytes, each at the begin of a page: none crosses from one region into another. */
static uint64_t buffer(size_t len)
{
	size_t have;
	uint64_t addr;

	do {
		addr = guest_mem_alloc(mem, len, GUEST_PAGE);
		if (!addr)
			fail("guest memory");
		guest_mem_span(mem, addr, &have);
	} while (have < len);
	return addr;
}

static void open_vhost(const struct setup *s, uint64_t features)
{
	static struct guest_ring rings[2];
	static struct guest_mem memory;
	static struct guest_dev dev;
	struct guest_mem_config config = {
		.regions = s->regions,
		.data_bytes = 64 << 20,
		.iova = s->iotlb != GUEST_NO_IOTLB,
	};
	uint64_t negotiated = features | (config.iova ? F(VIRTIO_F_ACCESS_PLATFORM) : 0);

	mem = &memory;
	ring = rings;
	if (guest_net_private())
		fail("a network namespace");
	strcpy(host.name, "tap0");
	host.backend = guest_tap_open(host.name, HDR, 0);
	if (host.backend < 0)
		fail("a tap");
	host.ifindex = 2;	/* lo is 1, and there is nothing else */
	if (guest_mem_init(mem, &config) || guest_dev_open(&dev, s->node))
		fail(s->node);
	if (guest_dev_setup(&dev, mem, negotiated, s->iotlb))
		fail("the device's setup");
	for (unsigned int i = 0; i < 2; i++)
		if (guest_ring_init(&ring[i], mem, s->size, features, TABLE,
				    GUEST_BASE_FIRST(s->packed)) ||
		    guest_dev_attach(&dev, i, &ring[i]))
			fail("a ring");
	for (unsigned int i = 0; i < 2; i++)
		if (guest_dev_start(&dev, i, host.backend))
			fail("the backend");
	snprintf(worker, sizeof(worker), "vhost-%d", getpid());
}

/* The same driver on a vDPA device. Nobody else is on the host's network either. */
static void open_vdpa(const struct setup *s)
{
	static struct vguest guest;
	static struct vdev dev;
	struct vdev_config c = {
		.size = s->size, .table = TABLE, .data_bytes = 64 << 20,
		.packed = s->packed, .in_order = s->in_order, .mergeable = true,
		/* A tap takes and gives these unasked. */
		.features = F(VIRTIO_NET_F_CSUM) | F(VIRTIO_NET_F_HOST_TSO4) |
			    F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4),
	};

	mem = &guest.mem;
	ring = guest.ring;
	vdev_make(&dev, s->function, &c);
	close(dev.far);
	vguest_init(&guest, &c);
	vdev_begin(&dev, &guest, NULL);
	strcpy(host.name, dev.name);
	host.ifindex = if_nametoindex(dev.name);
	snprintf(worker, sizeof(worker), "vdpa%u-0", s->function);
}

void load_open(const struct setup *s)
{
	uint64_t features = F(VIRTIO_F_VERSION_1) | F(VIRTIO_RING_F_EVENT_IDX) |
			    F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_NET_F_MRG_RXBUF) |
			    (s->packed ? F(VIRTIO_F_RING_PACKED) : 0) |
			    (s->in_order ? F(VIRTIO_F_IN_ORDER) : 0);

	if (s->node)
		open_vhost(s, features);
	else
		open_vdpa(s);
	/* It only sends: frames that are received would be copied for it. */
	host.far = guest_packet_open(host.name, true, false);
	if (host.far < 0)
		fail("a packet socket");
	tx_buf = calloc(s->size, sizeof(*tx_buf));
	for (unsigned int i = 0; i < s->size; i++)
		tx_buf[i] = buffer(HDR + GSO_LEN);
	for (unsigned int i = 0; i < s->size; i++)
		post(buffer(RX_BUF));
	guest_ring_calls_off(&ring[GUEST_RX]);
	guest_ring_calls_off(&ring[GUEST_TX]);
	guest_ring_show(&ring[GUEST_RX]);
	guest_ring_kick_always(&ring[GUEST_RX]);
}

/* Loads */

static void wait_for(struct guest_ring *r, unsigned int after)
{
	struct pollfd p = { .fd = r->call, .events = POLLIN };

	guest_ring_calls_on(r, after);
	while (!guest_ring_has_used(r)) {
		if (poll(&p, 1, WAIT_MS) != 1)
			fail("nothing was used");
		r->calls += guest_event_take(r->call);
	}
	guest_ring_calls_off(r);
}

static unsigned int reclaim(struct guest_ring *r, uint64_t *free_buf, unsigned int n)
{
	uint32_t len;
	void *token;

	while (guest_ring_get(r, &len, &token))
		free_buf[n++] = (uintptr_t)token;
	return n;
}

/*
 * As virtio-net: what is linear is one descriptor, header included. A GSO frame
 * is a table: its headers, and pages.
 */
static int add(struct guest_ring *r, uint64_t addr, unsigned int len)
{
	struct guest_buf buf[TABLE] = { { addr, len } };
	unsigned int n = 1, at;

	if (len > HDR + ETH_FRAME_LEN) {
		buf[0].len = HDR + GSO_HDR;
		for (at = buf[0].len; at < len; at += buf[n++].len)
			buf[n] = (struct guest_buf){ addr + at, len - at < 4096 ? len - at : 4096 };
	}
	return guest_ring_add(r, buf, n, 0, n > 1 ? 0 : GUEST_DIRECT, (void *)addr);
}

/* As virtio-net sends what comes one by one, and the queue is kept full. */
static void transmit(const struct load *l, unsigned int packets, bool lock_step)
{
	struct guest_ring *r = &ring[GUEST_TX];
	unsigned int n = r->size;

	while (packets) {
		if (add(r, tx_buf[--n], HDR + l->len))
			fail("a frame");
		packets--;
		guest_ring_kick(r);
		if (lock_step)
			wait_for(r, 1);
		else if (r->free < SPARE)
			wait_for(r, r->added * 3 / 4);
		n = reclaim(r, tx_buf, n);
	}
	while (n < r->size) {
		wait_for(r, r->added);
		n = reclaim(r, tx_buf, n);
	}
}

/* Takes what was received, and gives the buffers back. Returns the number of frames. */
static unsigned int receive(struct guest_ring *r, unsigned int *more)
{
	unsigned int frames = 0;
	uint32_t len;
	void *token;

	while (guest_ring_get(r, &len, &token)) {
		struct virtio_net_hdr_mrg_rxbuf *hdr;

		if (!*more) {
			hdr = guest_mem_ptr(mem, (uintptr_t)token);
			*more = hdr->num_buffers;
		}
		if (!--*more)
			frames++;
		post((uintptr_t)token);
	}
	return frames;
}

static void get_frames(const struct load *l, unsigned int packets)
{
	struct guest_ring *r = &ring[GUEST_RX];
	unsigned int burst = RX_BURST, more = 0, left;
	struct virtio_net_hdr hdr;

	/* No more than there are buffers for. */
	if (l->len > RX_BUF)
		burst = r->size / ((l->len + HDR + RX_BUF - 1) / RX_BUF);
	make_frame(l->len);
	memcpy(&hdr, frame, sizeof(hdr));
	for (; packets; packets -= burst) {
		if (burst > packets)
			burst = packets;
		for (unsigned int i = 0; i < burst; i++)
			if (guest_far_send(host.far, &hdr, frame + HDR, l->len))
				fail("sending to the tap");
		for (left = burst; left;) {
			wait_for(r, 1);
			left -= receive(r, &more);
			guest_ring_kick(r);
		}
	}
}

/* The part of latency that is none of a ring's: a thread that wakes and sleeps. */
static void wake(unsigned int kicks)
{
	while (kicks--) {
		guest_ring_kick_always(&ring[GUEST_TX]);
		sched_yield();
	}
}

static void play(const struct load *l, unsigned int packets)
{
	if (l->kind == LOAD_RX)
		get_frames(l, packets);
	else if (l->kind == LOAD_WAKE)
		wake(packets);
	else
		transmit(l, packets, l->kind == LOAD_LATENCY);
	if (guest_ring_broken()) {
		fprintf(stderr, "vhost_bench: %s\n", guest_ring_broken());
		exit(1);
	}
}

struct cost load_round(const struct load *l, unsigned int packets)
{
	struct guest_ring *r = &ring[l->kind == LOAD_RX ? GUEST_RX : GUEST_TX];
	uint64_t tsc, ns, kicks, calls;
	bool drops = host.xdp >= 0;
	double clock;
	struct cost c;

	if (l->drop != drops && guest_link_xdp(&host, l->drop ? XDP_DROP : -1))
		fail("an XDP program");
	if (l->kind != LOAD_RX)
		fill_tx(l->len);
	/* Warms up: page tables, caches of memory, the other side's idea of the ring. */
	play(l, packets / 8 + 1);
	usleep(1000);
	/* Each queue has its own by now. */
	if (!workers.n)
		workers_find(&workers, worker);

	kicks = r->kicks;
	calls = r->calls;
	clock = host_clock();
	ns = workers_ns(&workers);
	tsc = __rdtsc();
	play(l, packets);
	c.machine = (double)(__rdtsc() - tsc) / packets;
	/* A worker's time is counted when it goes to sleep. */
	usleep(1000);
	c.worker = (double)(workers_ns(&workers) - ns) / packets;
	c.pps = packets / (host_clock() - clock);
	c.kicks = (double)(r->kicks - kicks) / packets;
	c.calls = (double)(r->calls - calls) / packets;
	return c;
}
