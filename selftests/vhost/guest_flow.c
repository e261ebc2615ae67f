// SPDX-License-Identifier: GPL-2.0
/* The guest, and the far side of its backend, at work on traffic. */
#include "guest_flow.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_S		20
#define WINDOW		64	/* frames on their way, each way */
#define MAX_PIECES	1024

enum { TO_FAR, TO_GUEST };

static struct guest_frame frame;	/* the one that is being made or compared */
static uint8_t received[GUEST_FRAME_MAX + 4096];

static unsigned int chance(struct traffic *t, unsigned int n)
{
	return guest_hash(t->moves++, 2) % n;
}

static void make(struct traffic *t, unsigned int way, uint32_t seq)
{
	guest_frame_make(&frame, way, seq, t->c.min, t->c.max, !t->c.host_header);
}

/* Cuts a buffer at places where a device will not expect it. Returns how many pieces. */
static unsigned int cut(struct traffic *t, struct guest_buf *piece, uint64_t addr, size_t len)
{
	unsigned int n = t->c.pieces, i;

	n = 1 + chance(t, n);
	if (n > len)
		n = len;
	for (i = 0; i < n; i++) {
		size_t rest = n - i - 1, most = len - rest, one = most;

		/* Small ones often, so that a header is spread over many. */
		if (rest)
			one = 1 + chance(t, most < 16 || chance(t, 4) ? most / n + 1 : 16);
		if (one > most)
			one = most;
		piece[i] = (struct guest_buf){ addr, one };
		addr += one;
		len -= one;
	}
	return n;
}

static unsigned int direct_of(struct traffic *t, unsigned int n)
{
	enum traffic_layout layout = t->c.layout;

	/* In a packed ring, a table is a chain of its own (2.8.7). */
	if (layout == TRAFFIC_ANY)
		layout = chance(t, t->c.packed ? 2 : 3);
	switch (layout) {
	case TRAFFIC_INDIRECT:
		return 0;
	case TRAFFIC_CHAINED:
		return n > 1 ? 1 + chance(t, n - 1) : 0;
	default:
		return GUEST_DIRECT;
	}
}

static int add(struct traffic *t, struct guest_ring *r, struct traffic_buf *b, size_t len, bool in)
{
	struct guest_buf piece[MAX_PIECES];
	unsigned int n = cut(t, piece, b->addr, len);

	if (guest_ring_add(r, piece, in ? 0 : n, in ? n : 0, direct_of(t, n), b)) {
		if (errno == ENOSPC)
			return 0;
		return traffic_fail(t, "adding a buffer of %u pieces: %s", n, strerror(errno));
	}
	b->busy = true;
	b->len = len;
	return 1;
}

/* Takes one that was used. 1, 0 when there is none, -1. */
static int take(struct traffic *t, struct guest_ring *r, uint32_t *len, struct traffic_buf **buf)
{
	uint64_t elem = r->packed ? r->desc_addr + 16 * r->used_idx :
			r->used_addr + 4 + 8 * (r->used_idx & (r->size - 1));
	bool written = !r->in_batch;
	void *token;

	if (!guest_ring_get(r, len, &token))
		return guest_ring_broken() ? traffic_fail(t, "%s", guest_ring_broken()) : 0;
	if (written)
		traffic_note(t, t->must, elem, r->packed ? 16 : 8);
	*buf = token;
	(*buf)->busy = false;
	return 1;
}

/* Transmit: the guest's side */

static int make_ready(struct traffic *t)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = { };

	for (unsigned int i = 0; !t->ready && i < t->num_tx; i++)
		if (!t->tx[i].busy)
			t->ready = &t->tx[i];
	if (!t->ready)
		return 0;
	make(t, TO_FAR, t->sent);
	if (!t->c.host_header)
		hdr.hdr = traffic_is_native(t) ? frame.hdr : guest_frame_hdr(&frame.hdr);
	guest_mem_write(&t->mem, t->ready->addr, &hdr, t->hdr);
	guest_mem_write(&t->mem, t->ready->addr + t->hdr, frame.data, frame.len);
	t->ready->len = t->hdr + frame.len;
	return 1;
}

static unsigned int on_their_way(const struct traffic *t)
{
	return t->sent - (t->dropped ? t->used : t->arrived);
}

static int transmit(struct traffic *t)
{
	struct guest_ring *r = &t->ring[GUEST_TX];
	unsigned int n = 1 + chance(t, 16), added = 0;
	int ret = 0;

	while (n-- && t->sent < t->tx_goal && on_their_way(t) < WINDOW) {
		if (!t->ready && !make_ready(t))
			break;
		ret = add(t, r, t->ready, t->ready->len, false);
		if (ret <= 0)
			break;
		t->ready = NULL;
		t->sent++;
		added++;
	}
	if (added)
		guest_ring_kick(r);
	return ret < 0 ? -1 : added;
}

static int reclaim(struct traffic *t)
{
	struct traffic_buf *b;
	unsigned int n = 0;
	uint32_t len;
	int ret;

	while ((ret = take(t, &t->ring[GUEST_TX], &len, &b)) > 0) {
		t->used++;
		n++;
	}
	return ret < 0 ? -1 : n;
}

/* Transmit: what comes out */

static int arrive(struct traffic *t)
{
	struct virtio_net_hdr hdr;
	const char *differs;
	unsigned int n = 0;
	ssize_t len;

	while ((len = guest_far_receive(t->link.far, &hdr, received, sizeof(received))) > 0) {
		if (t->dropped || t->arrived == t->sent)
			return traffic_fail(t, "transmit: %zd bytes that nobody sent", len);
		make(t, TO_FAR, t->arrived);
		differs = guest_frame_differs(&frame, &hdr, received, len);
		if (differs)
			return traffic_fail(t, "transmit: frame %u: %s", t->arrived, differs);
		t->arrived++;
		n++;
	}
	if (len < 0)
		return traffic_fail(t, "transmit: receiving: %s", strerror(errno));
	return n;
}

/* Receive: the guest's side */

static int post(struct traffic *t)
{
	struct guest_ring *r = &t->ring[GUEST_RX];
	unsigned int added = 0, i;
	int ret = 0;

	/* All of them, even when there is room for one less than there should be. */
	for (i = 0; i < t->num_rx && r->free; i++) {
		if (t->rx[i].busy)
			continue;
		ret = add(t, r, &t->rx[i], t->c.rx_len, true);
		if (ret <= 0)
			break;
		added++;
	}
	if (added)
		guest_ring_kick(r);
	return ret < 0 ? -1 : added;
}

static int check_frame(struct traffic *t, const struct virtio_net_hdr *hdr)
{
	struct virtio_net_hdr h = traffic_is_native(t) ? *hdr : guest_frame_hdr(hdr);
	const char *differs;

	make(t, TO_GUEST, t->received);
	differs = guest_frame_differs(&frame, &h, received, t->have);
	if (differs)
		return traffic_fail(t, "receive: frame %u: %s", t->received, differs);
	t->received++;
	return 0;
}

/* One buffer, which is a frame or a part of it. */
static int receive(struct traffic *t, struct traffic_buf *b, uint32_t len)
{
	static struct virtio_net_hdr_mrg_rxbuf hdr;
	size_t skip = 0;

	if (t->received == t->asked)
		return traffic_fail(t, "receive: %u bytes that nobody sent", len);
	if (!t->parts) {
		skip = t->hdr;
		if (len < skip)
			return traffic_fail(t, "receive: %u bytes have no header", len);
		guest_mem_read(&t->mem, b->addr, &hdr, skip);
		t->parts = !t->c.mergeable ? 1 :
			   traffic_is_native(t) ? hdr.num_buffers : le16toh(hdr.num_buffers);
		t->have = 0;
		if (!t->parts)
			return traffic_fail(t, "receive: a frame in 0 buffers");
	}
	if (t->have + len - skip > sizeof(received))
		return traffic_fail(t, "receive: frame %u is too long", t->received);
	guest_mem_read(&t->mem, b->addr + skip, received + t->have, len - skip);
	t->have += len - skip;
	if (--t->parts && len != b->len)
		return traffic_fail(t, "receive: %u bytes in a buffer of %zu before the last", len,
				    b->len);
	/* Nothing behind the bytes that the device tells of. */
	if (len < b->len &&
	    !guest_mem_is_filled(&t->mem, b->addr + len, TRAFFIC_FILL, b->len - len))
		return traffic_fail(t, "receive: bytes behind the %u of a buffer of %zu", len,
				    b->len);
	guest_mem_fill(&t->mem, b->addr, TRAFFIC_FILL, len);
	traffic_note(t, t->must, b->addr, len);
	return t->parts ? 0 : check_frame(t, &hdr.hdr);
}

static int take_received(struct traffic *t)
{
	struct traffic_buf *b;
	unsigned int n = 0;
	uint32_t len;
	int ret;

	while ((ret = take(t, &t->ring[GUEST_RX], &len, &b)) > 0) {
		if (receive(t, b, len))
			return -1;
		n++;
	}
	return ret < 0 ? -1 : n;
}

/* Receive: what goes in */

static int ask(struct traffic *t)
{
	unsigned int n = 1 + chance(t, 16), sent = 0;

	while (n-- && t->asked < t->rx_goal && t->asked - t->received < WINDOW) {
		make(t, TO_GUEST, t->asked);
		if (guest_far_send(t->link.sender, &frame.hdr, frame.data, frame.len))
			return traffic_fail(t, "receive: sending %zu bytes: %s", frame.len,
					    strerror(errno));
		t->asked++;
		sent++;
	}
	return sent;
}

/* Both */

static int flush(struct traffic *t)
{
	if (!t->c.flush || ++t->since_flush < t->c.flush)
		return 0;
	t->since_flush = 0;
	return guest_dev_iotlb_flush(&t->dev) ? traffic_fail(t, "forgetting the IOTLB: %s",
							     strerror(errno)) : 0;
}

/* Each gets its turn. Returns what was done, or -1. */
static int step(struct traffic *t)
{
	int (*const turn[])(struct traffic *t) = {
		post, transmit, ask, arrive, reclaim, take_received,
	};
	int done = 0;

	for (unsigned int i = 0; i < sizeof(turn) / sizeof(*turn); i++) {
		int ret = turn[i](t);

		if (ret < 0)
			return -1;
		done += ret;
	}
	return flush(t) ? -1 : done;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int stuck(struct traffic *t)
{
	bool error = guest_event_take(t->ring[0].err) || guest_event_take(t->ring[1].err);

	return traffic_fail(t, "stuck: %u sent, %u used, %u arrived; %u asked, %u received%s",
			    t->sent, t->used, t->arrived, t->asked, t->received,
			    error ? "; the device signalled an error" : "");
}

/* Until something happens that the device tells of. */
static int idle(struct traffic *t)
{
	struct pollfd p[] = {
		{ .fd = t->link.far, .events = POLLIN },
		{ .fd = t->ring[0].call, .events = POLLIN },
		{ .fd = t->ring[1].call, .events = POLLIN },
	};

	for (unsigned int i = 0; i < 2; i++)
		guest_ring_calls_on(&t->ring[i], 1);
	if (!guest_ring_has_used(&t->ring[0]) && !guest_ring_has_used(&t->ring[1]) &&
	    poll(p, 3, WAIT_S * 1000) <= 0)
		return stuck(t);
	for (unsigned int i = 0; i < 2; i++) {
		t->ring[i].calls += guest_event_take(t->ring[i].call);
		if (!t->c.always)
			guest_ring_calls_off(&t->ring[i]);
	}
	return 0;
}

static int move_on(struct traffic *t, bool (*done)(const struct traffic *t))
{
	double last = now();
	int ret;

	if (t->c.polled)
		for (unsigned int i = 0; i < 2; i++)
			guest_ring_calls_off(&t->ring[i]);
	do {
		ret = step(t);
		if (t->c.always)
			for (unsigned int i = 0; i < 2; i++)
				guest_ring_calls_on(&t->ring[i], 1);
		if (ret > 0)
			last = now();
		else if (!ret && done(t))
			return 0;
		else if (!ret && !t->c.polled)
			ret = idle(t);
		else if (!ret && now() - last > WAIT_S)
			ret = stuck(t);
		else if (!ret)
			sched_yield();
	} while (ret >= 0);
	return -1;
}

static bool all_there(const struct traffic *t)
{
	return t->used == t->tx_goal && t->received == t->rx_goal &&
	       (t->dropped || t->arrived == t->tx_goal);
}

int traffic_run(struct traffic *t, unsigned int n)
{
	t->tx_goal += n;
	t->rx_goal += n;
	return move_on(t, all_there);
}

static int send_only(struct traffic *t)
{
	int a = transmit(t), b = a < 0 ? -1 : ask(t);

	return b < 0 ? -1 : a + b;
}

int traffic_begin(struct traffic *t, unsigned int n)
{
	int ret;

	if (n > WINDOW / 2)
		return traffic_fail(t, "no more than %d at once", WINDOW / 2);
	t->tx_goal += n;
	t->rx_goal += n;
	if (post(t) < 0)
		return -1;
	while ((ret = send_only(t)) > 0)
		;
	return ret;
}
