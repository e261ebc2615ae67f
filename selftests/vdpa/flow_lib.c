// SPDX-License-Identifier: GPL-2.0
#include "flow_lib.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest_frame.h"
#include "guest_net.h"
#include "kernel_log.h"
#include "must.h"

#define FRAME_MAX	1514

/* The guest's thread says why it ended, and the other one ends the test. */
#define SAY(f, ...)							\
	do {								\
		snprintf((f)->why, sizeof((f)->why), __VA_ARGS__);	\
		return false;						\
	} while (0)

static void check(struct flow *f)
{
	if (*f->why)
		give_up(__FILE__, __LINE__, "the guest: %s (sent %u, used %u, received %u)",
			f->why, f->sent, f->used, f->received);
}

/* The guest */

static bool offer(struct flow *f)
{
	struct guest_ring *r = &f->g->ring[GUEST_TX];
	static struct guest_frame frame;
	struct flow_buf *b;
	static const struct virtio_net_hdr_mrg_rxbuf none;

	while (f->tx_free && !f->stop && f->sent < f->limit) {
		b = f->spare[f->tx_free - 1];
		guest_frame_make(&frame, GUEST_TX, f->sent, 60, FRAME_MAX, false);
		guest_mem_write(&f->g->mem, b->addr, &none, VDEV_HDR);
		guest_mem_write(&f->g->mem, b->addr + VDEV_HDR, frame.data, frame.len);
		if (guest_ring_add(r, &(struct guest_buf){ b->addr, VDEV_HDR + frame.len }, 1, 0,
				   f->g->c.table && f->sent & 1 ? 0 : GUEST_DIRECT, b))
			break;
		f->tx_free--;
		f->sent++;
		/* Some at a time, and some alone */
		if (f->sent % 7 == 0 || f->sent % 5 == 0)
			guest_ring_kick(r);
	}
	guest_ring_kick(r);
	return true;
}

static bool take_back(struct flow *f)
{
	struct guest_ring *r = &f->g->ring[GUEST_TX];
	uint32_t len;
	void *token;

	while (guest_ring_get(r, &len, &token)) {
		f->spare[f->tx_free++] = token;
		f->used++;
	}
	if (guest_ring_broken())
		SAY(f, "%s", guest_ring_broken());
	return true;
}

static bool whole(struct flow *f)
{
	const uint8_t *got = f->frame + VDEV_HDR;
	static struct guest_frame want;
	struct virtio_net_hdr hdr = guest_frame_hdr((void *)f->frame);
	const char *differs;
	uint32_t seq;

	if (f->have < VDEV_HDR + 14)
		SAY(f, "a frame of %zu bytes with its header", f->have);
	seq = got[2] << 24 | got[3] << 16 | got[4] << 8 | got[5];
	if (seq < f->next)
		SAY(f, "frame %u is received behind %u", seq, f->next - 1);
	guest_frame_make(&want, GUEST_RX, seq, 60, FRAME_MAX, false);
	differs = guest_frame_differs(&want, &hdr, got, f->have - VDEV_HDR);
	if (differs)
		SAY(f, "received: %s", differs);
	f->next = seq + 1;
	f->received++;
	return true;
}

static bool receive(struct flow *f)
{
	struct guest_ring *r = &f->g->ring[GUEST_RX];
	struct flow_buf *b;
	uint32_t len;
	void *token;

	while (guest_ring_get(r, &len, &token)) {
		b = token;
		if (f->have + len > 2 * FRAME_MAX || (!f->parts && len < VDEV_HDR))
			SAY(f, "a buffer of %u bytes", len);
		guest_mem_read(&f->g->mem, b->addr, f->frame + f->have, len);
		f->have += len;
		if (!f->parts) {
			const struct virtio_net_hdr_mrg_rxbuf *hdr = (const void *)f->frame;

			f->parts = le16toh(hdr->num_buffers);
		}
		if (!--f->parts) {
			if (!whole(f))
				return false;
			f->have = 0;
		}
		if (guest_ring_add(r, &(struct guest_buf){ b->addr, b->len }, 0, 1, GUEST_DIRECT,
				   b))
			SAY(f, "no room to receive");
	}
	if (guest_ring_broken())
		SAY(f, "%s", guest_ring_broken());
	guest_ring_kick(r);
	return true;
}

static void *guest(void *arg)
{
	struct flow *f = arg;
	struct guest_ring *rx = &f->g->ring[GUEST_RX], *tx = &f->g->ring[GUEST_TX];
	struct pollfd p[2] = {
		{ .fd = rx->call, .events = POLLIN }, { .fd = tx->call, .events = POLLIN },
	};

	while (!f->stop) {
		guest_ring_calls_on(rx, 1);
		guest_ring_calls_on(tx, 1);
		if (!receive(f) || !take_back(f) || !offer(f))
			break;
		if (guest_ring_has_used(rx) || guest_ring_has_used(tx))
			continue;
		/* It may have to wait for long, and nothing calls when it may send again. */
		poll(p, 2, f->sent < f->limit ? 50 : 5);
		guest_event_take(rx->call);
		guest_event_take(tx->call);
	}
	return NULL;
}

void flow_begin(struct flow *f, struct vguest *g, unsigned int each)
{
	unsigned int n = g->c.size;

	*f = (struct flow){ .g = g, .each = each ?: VDEV_BUF, .limit = n + 64 };
	f->rx = calloc(n, sizeof(*f->rx));
	f->tx = calloc(n, sizeof(*f->tx));
	f->spare = calloc(n, sizeof(*f->spare));
	f->frame = calloc(1, 4 * FRAME_MAX);
	MUST(!f->rx || !f->tx || !f->spare || !f->frame);
	for (unsigned int i = 0; i < n; i++) {
		f->rx[i] = (struct flow_buf){ guest_mem_alloc(&g->mem, f->each, 16), f->each };
		f->tx[i] = (struct flow_buf){ guest_mem_alloc(&g->mem, VDEV_BUF, 16), VDEV_BUF };
		MUST(!f->rx[i].addr || !f->tx[i].addr);
		f->spare[f->tx_free++] = &f->tx[i];
		MUST(guest_ring_add(&g->ring[GUEST_RX],
				    &(struct guest_buf){ f->rx[i].addr, f->each }, 0, 1,
				    GUEST_DIRECT, &f->rx[i]));
	}
	guest_ring_kick(&g->ring[GUEST_RX]);
	/* What all frames are windows of is made by the first one. */
	guest_frame_make(&(struct guest_frame){ }, 0, 0, 60, 60, false);
	MUST(pthread_create(&f->thread, NULL, guest, f));
}

/* The host */

void flow_take(struct flow *f, struct vdev *v)
{
	static struct guest_frame want;
	static uint8_t got[65536];
	struct virtio_net_hdr hdr;
	const char *differs;
	ssize_t len;

	while ((len = guest_far_receive(v->far, &hdr, got, sizeof(got))) > 0) {
		guest_frame_make(&want, GUEST_TX, f->arrived++, 60, FRAME_MAX, false);
		differs = guest_frame_differs(&want, &hdr, got, len);
		if (differs)
			give_up(__FILE__, __LINE__, "%s: arrived: %s", v->name, differs);
	}
	f->limit = f->arrived + f->g->c.size + 64;
	check(f);
}

void flow_host(struct flow *f, struct vdev *v, unsigned int frames)
{
	static struct guest_frame frame;

	while (frames--) {
		guest_frame_make(&frame, GUEST_RX, f->posted, 60, FRAME_MAX, false);
		/* Without carrier, it was not sent. */
		if (!guest_far_send(v->far, NULL, frame.data, frame.len))
			f->posted++;
	}
	flow_take(f, v);
}

void flow_run(struct flow *f, struct vdev *v, unsigned int n)
{
	uint32_t arrived = f->arrived + n, received = f->received + n, last = 0;
	double now = monotonic_now(), end = now + VDEV_WAIT / 1000, next = now;

	while (f->arrived < arrived || f->received < received) {
		now = monotonic_now();
		/* Others, when these have come, or will not come any more */
		if (f->received < received && (f->received != last || now > next)) {
			last = f->received;
			next = now + 0.05;
			flow_host(f, v, 8);
		}
		flow_take(f, v);
		if (now > end)
			give_up(__FILE__, __LINE__,
				"%s stalls: arrived %u of %u, received %u of %u, sent %u, used %u",
				v->name, f->arrived, arrived, f->received, received, f->sent,
				f->used);
		poll(&(struct pollfd){ .fd = v->far, .events = POLLIN }, 1, 1);
	}
}

void flow_end(struct flow *f, struct vdev *v)
{
	struct guest_ring *tx = &f->g->ring[GUEST_TX];
	double end = monotonic_now() + VDEV_WAIT / 1000;

	f->stop = true;
	MUST(pthread_join(f->thread, NULL));
	check(f);
	while (f->used < f->sent) {
		if (!guest_ring_wait(tx, VDEV_WAIT) || !take_back(f))
			give_up(__FILE__, __LINE__, "%u were sent, and %u are used", f->sent,
				f->used);
	}
	while (f->arrived < f->sent) {
		flow_take(f, v);
		if (monotonic_now() > end)
			give_up(__FILE__, __LINE__, "%u were sent, and %u have arrived", f->sent,
				f->arrived);
		poll(&(struct pollfd){ .fd = v->far, .events = POLLIN }, 1, 1);
	}
	MUST_BE_NUMBER(f->arrived, f->sent);
}

long long flow_dropped(const struct vdev *v, unsigned int devices)
{
	long long n = 0;

	for (unsigned int i = 0; i < devices; i++)
		n += vdev_all(&v[i], GUEST_RX) - vdev_stats(&v[i], GUEST_RX, "packets");
	return n;
}

long long flow_lost(struct flow *f, struct vdev *v, unsigned int devices)
{
	double end = monotonic_now() + VDEV_WAIT / 1000;
	long long lost, all;

	/* The last ones may still be on their way. */
	for (;;) {
		all = 0;
		for (unsigned int i = 0; i < devices; i++)
			all += vdev_all(&v[i], GUEST_RX);
		lost = flow_dropped(v, devices);
		if (!receive(f))
			check(f);
		if (all >= f->posted && f->received + lost >= f->posted)
			break;
		if (monotonic_now() > end)
			break;
		poll(NULL, 0, 5);
	}
	/* All was received, or counted as dropped, and never both. */
	MUST_BE_NUMBER(all, f->posted);
	MUST_BE_NUMBER(f->received + lost, f->posted);
	printf("# sent %u, to be received %u, of which %lld were dropped\n", f->sent, f->posted,
	       lost);
	return lost;
}
