// SPDX-License-Identifier: GPL-2.0
#include "rig_lib.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest_bad.h"
#include "kernel_log.h"
#include "must.h"

static struct rig witness;
static char why[256];

static int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return -1;
}

const char *rig_why(void)
{
	return why;
}

/* Something that has to work, and says so with 0. */
#undef MUST
#define MUST(call)							\
	do {								\
		errno = 0;						\
		if (call)						\
			give_up(__FILE__, __LINE__, "%s: %s %s", #call,	\
				errno ? strerror(errno) : "", why);	\
	} while (0)

double rig_now(void)
{
	return monotonic_now();
}

/* Setup */

static uint64_t features_of(const struct rig_config *c)
{
	return F(VIRTIO_F_VERSION_1) | (c->no_event_idx ? 0 : F(VIRTIO_RING_F_EVENT_IDX)) |
	       (c->no_indirect ? 0 : F(VIRTIO_RING_F_INDIRECT_DESC)) |
	       (c->mergeable ? F(VIRTIO_NET_F_MRG_RXBUF) : 0) |
	       (c->packed ? F(VIRTIO_F_RING_PACKED) : 0) |
	       (c->in_order ? F(VIRTIO_F_IN_ORDER) : 0) |
	       (c->iotlb != GUEST_NO_IOTLB ? F(VIRTIO_F_ACCESS_PLATFORM) : 0) |
	       (c->backend == GUEST_PACKET ? F(VHOST_NET_F_VIRTIO_NET_HDR) : 0) |
	       (c->log ? F(VHOST_F_LOG_ALL) : 0);
}

static int open_tap1(struct guest_link *l)
{
	*l = (struct guest_link){ .far = -1, .xdp = -1 };
	strcpy(l->name, "tap1");
	l->backend = guest_tap_open(l->name, RIG_HDR, 0);
	if (l->backend < 0)
		return -1;
	l->ifindex = if_nametoindex(l->name);
	l->far = guest_packet_open(l->name, true, true);
	return l->far < 0 ? -1 : 0;
}

static void set_up(struct rig *r, const struct rig_config *c, unsigned int nth)
{
	struct guest_mem_config mc = {
		.regions = c->regions,
		.ring_bytes = 3 * ((c->size ?: 64) * 32UL + 8 * GUEST_PAGE),
		.data_bytes = (4 << 20) + 2UL * (c->size ?: 64) * c->table * 16,
		.iova = c->iotlb != GUEST_NO_IOTLB,
		.log = c->log,
		.shared = c->shared,
	};
	int i;

	r->c = *c;
	r->c.size = c->size ?: 64;
	r->features = features_of(c);
	MUST(guest_mem_init(&r->mem, &mc));
	MUST(guest_dev_open(&r->dev, NULL));
	MUST(!guest_stats_dir(r->dir, sizeof(r->dir), nth));
	MUST(r->features & ~guest_dev_features(&r->dev));
	MUST(guest_dev_setup(&r->dev, &r->mem, r->features, c->iotlb));
	for (i = 0; i < 2; i++) {
		MUST(guest_ring_init(&r->ring[i], &r->mem, r->c.size, r->features, c->table,
				     GUEST_BASE_FIRST(c->packed)));
		MUST(guest_dev_attach(&r->dev, i, &r->ring[i]));
		r->buf[i] = guest_mem_alloc(&r->mem, RIG_BUF, 16);
		MUST(!r->buf[i]);
		if (!c->idle)
			MUST(guest_dev_start(&r->dev, i, r->link.backend));
	}
}

void rig_open(struct rig *r, const struct rig_config *c)
{
	kernel_log_begin();
	MUST(guest_net_private());
	*r = (struct rig){ };
	MUST(guest_link_open(&r->link, c->backend,
			     c->backend == GUEST_PACKET ? GUEST_NO_HDR : RIG_HDR));
	MUST(open_tap1(&witness.link));
	set_up(&witness, &(struct rig_config){ .packed = c->packed, .mergeable = true }, 0);
	set_up(r, c, 1);
}

void rig_close(struct rig *r)
{
	guest_dev_close(&r->dev);
	guest_ring_free(&r->ring[0]);
	guest_ring_free(&r->ring[1]);
	guest_link_close(&r->link);
	guest_mem_free(&r->mem);
}

/* Frames */

static void frame_of(const struct rig *r, uint8_t *frame, size_t len)
{
	memset(frame, 0x02, 12);
	frame[12] = 0x88;
	frame[13] = 0xb5;	/* for local experiments */
	for (size_t i = 14; i < len; i++)
		frame[i] = r->seq * 7 + i;
}

int rig_send(struct rig *r)
{
	struct guest_ring *ring = &r->ring[GUEST_TX];
	struct virtio_net_hdr_mrg_rxbuf none = { };
	struct virtio_net_hdr hdr;
	struct pollfd p = { .fd = r->link.far, .events = POLLIN };
	struct guest_buf buf = { r->buf[GUEST_TX] };
	uint8_t want[200], got[RIG_BUF];
	uint32_t len;
	void *token;

	frame_of(r, want, sizeof(want));
	buf.len = RIG_HDR + sizeof(want);
	guest_mem_write(&r->mem, buf.addr, &none, RIG_HDR);
	guest_mem_write(&r->mem, buf.addr + RIG_HDR, want, sizeof(want));
	if (guest_ring_add(ring, &buf, 1, 0, GUEST_DIRECT, r))
		return fail("no room to send");
	guest_ring_kick(ring);
	if (!guest_ring_wait(ring, RIG_WAIT))
		return fail("what was sent is not returned");
	if (!guest_ring_get(ring, &len, &token))
		return fail("what was sent is returned as nonsense: %s", guest_ring_broken());
	if (poll(&p, 1, RIG_WAIT) <= 0)
		return fail("what was sent did not arrive");
	if (guest_far_receive(r->link.far, &hdr, got, sizeof(got)) != sizeof(want) ||
	    memcmp(want, got, sizeof(want)))
		return fail("something else arrived than was sent");
	r->seq++;
	return 0;
}

int rig_receive(struct rig *r)
{
	struct guest_ring *ring = &r->ring[GUEST_RX];
	struct guest_buf buf = { r->buf[GUEST_RX], RIG_BUF };
	uint8_t want[200];
	uint32_t len;
	void *token;

	frame_of(r, want, sizeof(want));
	if (guest_ring_add(ring, &buf, 0, 1, GUEST_DIRECT, r))
		return fail("no room to receive");
	guest_ring_kick(ring);
	if (guest_far_send(r->link.far, NULL, want, sizeof(want)))
		return fail("nothing can be sent to the guest: %s", strerror(errno));
	/* What waited in the tap comes before it. */
	for (int others = 0; others < 2000; others++) {
		if (!guest_ring_wait(ring, RIG_WAIT))
			return fail("nothing is received, after %d others", others);
		if (!guest_ring_get(ring, &len, &token))
			return fail("nonsense is received: %s", guest_ring_broken());
		if (len == RIG_HDR + sizeof(want) &&
		    guest_mem_compare(&r->mem, buf.addr + RIG_HDR, want, sizeof(want)) ==
		    sizeof(want)) {
			r->seq++;
			return 0;
		}
		guest_ring_add(ring, &buf, 0, 1, GUEST_DIRECT, r);
		guest_ring_kick(ring);
	}
	return fail("something else is received than was sent");
}

void rig_witness(void)
{
	MUST(rig_send(&witness));
	MUST(rig_receive(&witness));
}

/* What can be seen */

static const char *file_of(int queue)
{
	return queue == GUEST_RX ? "rx" : queue == GUEST_TX ? "tx" : "device";
}

long long rig_stats(struct rig *r, int queue, const char *key)
{
	return guest_stats(r->dir, file_of(queue), key);
}

const char *rig_text(struct rig *r, int queue, const char *key)
{
	return guest_stats_text(r->dir, file_of(queue), key);
}

void rig_reaches(struct rig *r, int queue, const char *key, long long value)
{
	double end = rig_now() + RIG_WAIT / 1000;
	long long now;

	/* Counters have no event to wait for. */
	while ((now = rig_stats(r, queue, key)) < value) {
		if (rig_now() > end)
			give_up(__FILE__, __LINE__, "%s %s is %lld, and was to reach %lld",
				file_of(queue), key, now, value);
		poll(NULL, 0, 5);
	}
}

void rig_quiet(void)
{
	kernel_log_quiet();
}

/* What has to hold */

static void flush_by_worker(struct rig *r)
{
	struct vhost_worker_state w;
	struct vhost_vring_worker v = { .index = GUEST_RX };
	unsigned int old;

	if (ioctl(r->dev.fd, VHOST_GET_VRING_WORKER, &v))
		return;
	old = v.worker_id;
	if (ioctl(r->dev.fd, VHOST_NEW_WORKER, &w))
		return;
	v.worker_id = w.worker_id;
	MUST(ioctl(r->dev.fd, VHOST_ATTACH_VRING_WORKER, &v));
	v.worker_id = old;
	MUST(ioctl(r->dev.fd, VHOST_ATTACH_VRING_WORKER, &v));
	MUST(ioctl(r->dev.fd, VHOST_FREE_WORKER, &w));
}

/*
 * How soon a worker answers is known by how much it does in one go, however
 * long that takes here: a run has an end after 256 frames, of which each is
 * counted once as sent and once as refused at most, and after so many
 * descriptors, with those of one more frame that may not have more than 65536,
 * and of one more buffer, of a ring and a table.
 */
static void bounded(struct rig *r, int queue)
{
	static const char *const drops[] = {
		"drop.short", "drop.header", "drop.backend", "drop.no-buffer",
	};
	const long long most_frames = 2 * 256, most_descs = 16384 + 65536 + 2 * 32768;
	long long frames = rig_stats(r, queue, "packets"), descs = rig_stats(r, queue, "descs");
	long long runs;

	for (unsigned int i = 0; i < sizeof(drops) / sizeof(*drops); i++)
		frames += rig_stats(r, queue, drops[i]);
	/* Last, as it may be working. */
	runs = rig_stats(r, queue, "runs");
	if (frames > most_frames * runs || descs > most_descs * runs)
		give_up(__FILE__, __LINE__, "%s: %lld frames and %lld descriptors in %lld runs",
			file_of(queue), frames, descs, runs);
}

void rig_flush(struct rig *r)
{
	flush_by_worker(r);
	bounded(r, GUEST_RX);
	bounded(r, GUEST_TX);
}

void rig_restart(struct rig *r, int queue)
{
	MUST(guest_dev_set_file(&r->dev, VHOST_NET_SET_BACKEND, queue, -1));
	guest_event_take(r->ring[queue].kick);
	guest_ring_reset(&r->ring[queue], GUEST_BASE_FIRST(r->c.packed));
	MUST(guest_dev_start(&r->dev, queue, r->link.backend));
}

static int use(struct rig *r, int queue)
{
	return queue == GUEST_RX ? rig_receive(r) : rig_send(r);
}

void rig_stopped(struct rig *r, int queue, const char *fault)
{
	struct pollfd p = { .fd = r->ring[queue].err, .events = POLLIN };
	char key[64];

	if (poll(&p, 1, RIG_WAIT) <= 0)
		give_up(__FILE__, __LINE__, "no word of an error; the queue's fault is %s",
			rig_text(r, queue, "fault"));
	MUST_BE_NUMBER(guest_event_take(r->ring[queue].err), 1);
	MUST_BE(rig_text(r, queue, "fault"), fault);
	snprintf(key, sizeof(key), "fault.%s", fault);
	MUST_BE_NUMBER(rig_stats(r, queue, key), 1);
	MUST_BE(rig_text(r, !queue, "fault"), "none");
	rig_flush(r);
	MUST(use(r, !queue));
	rig_witness();
	/* It stays stopped, and silent, whatever the driver does. */
	eventfd_write(r->ring[queue].kick, 1);
	rig_flush(r);
	MUST_BE_NUMBER(guest_event_take(r->ring[queue].err), 0);
	MUST_BE_NUMBER(rig_stats(r, queue, key), 1);
	rig_restart(r, queue);
	MUST_BE(rig_text(r, queue, "fault"), "none");
	MUST(use(r, queue));
	rig_quiet();
}

void rig_unharmed(struct rig *r)
{
	int i;

	for (i = 0; i < 2; i++) {
		MUST_BE(rig_text(r, i, "fault"), "none");
		MUST_BE_NUMBER(guest_event_take(r->ring[i].err), 0);
	}
	rig_flush(r);
	MUST(rig_send(r));
	MUST(rig_receive(r));
	rig_witness();
	rig_quiet();
}

/* Raw rings, from their begin */

void rig_desc(struct rig *r, int queue, unsigned int i, uint64_t addr, uint32_t len,
	      uint16_t flags, uint16_t next)
{
	guest_raw_desc(&r->ring[queue], i, addr, len, flags, next);
}

void rig_avail(struct rig *r, int queue, unsigned int i, uint16_t head)
{
	if (!r->c.packed)
		r->ring[queue].avail->ring[i & (r->c.size - 1)] = htole16(head);
}

void rig_show(struct rig *r, int queue, unsigned int n)
{
	guest_raw_show(&r->ring[queue], n);
}
