// SPDX-License-Identifier: GPL-2.0
/* What has to hold of a device, and frames through it. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "guest_frame.h"
#include "guest_net.h"
#include "guest_stats.h"
#include "kernel_log.h"
#include "must.h"
#include "vdev_lib.h"

static struct vguest witness_guest;
static struct vdev witness;
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

const char *vdev_why(void)
{
	return why;
}

void vdev_open(struct vdev *v, struct vguest *g, const struct vdev_config *c)
{
	static const struct vdev_config plain = { .mergeable = true, .ctrl = true };

	kernel_log_begin();
	vdev_make(&witness, 1, &plain);
	vguest_init(&witness_guest, &plain);
	vdev_begin(&witness, &witness_guest, NULL);
	vdev_make(v, 0, c);
	vguest_init(g, c);
	vdev_begin(v, g, NULL);
}

/* Frames */

static const struct guest_frame *frame(struct vguest *g, int way)
{
	static struct guest_frame f;

	guest_frame_make(&f, way, g->seq[way]++, 60, 1514, false);
	return &f;
}

int vdev_send(struct vdev *v)
{
	struct guest_ring *ring = &v->g->ring[GUEST_TX];
	const struct guest_frame *f = frame(v->g, GUEST_TX);
	struct virtio_net_hdr_mrg_rxbuf none = { };
	struct pollfd p = { .fd = v->far, .events = POLLIN };
	struct guest_buf buf = { v->g->buf[GUEST_TX], VDEV_HDR + f->len };
	struct virtio_net_hdr hdr;
	uint8_t got[VDEV_BUF];
	const char *differs;
	uint32_t used;
	void *token;
	ssize_t len;

	guest_mem_write(&v->g->mem, buf.addr, &none, VDEV_HDR);
	guest_mem_write(&v->g->mem, buf.addr + VDEV_HDR, f->data, f->len);
	if (guest_ring_add(ring, &buf, 1, 0, GUEST_DIRECT, v))
		return fail("no room to send");
	guest_ring_kick(ring);
	if (!guest_ring_wait(ring, VDEV_WAIT))
		return fail("what was sent is not returned");
	if (!guest_ring_get(ring, &used, &token))
		return fail("what was sent is returned as nonsense: %s", guest_ring_broken());
	if (poll(&p, 1, VDEV_WAIT) <= 0)
		return fail("what was sent did not arrive");
	len = guest_far_receive(v->far, &hdr, got, sizeof(got));
	differs = guest_frame_differs(f, &hdr, got, len);
	return differs ? fail("something else arrived than was sent: %s", differs) : 0;
}

int vdev_receive(struct vdev *v)
{
	struct guest_ring *ring = &v->g->ring[GUEST_RX];
	const struct guest_frame *f = frame(v->g, GUEST_RX);
	struct guest_buf buf = { v->g->buf[GUEST_RX], VDEV_BUF };
	const uint8_t *got = guest_mem_ptr(&v->g->mem, buf.addr);
	uint32_t len;
	void *token;

	if (guest_ring_add(ring, &buf, 0, 1, GUEST_DIRECT, v))
		return fail("no room to receive");
	guest_ring_kick(ring);
	if (guest_far_send(v->far, NULL, f->data, f->len))
		return fail("nothing can be sent to the guest: %s", strerror(errno));
	/* What waited in the device comes before it. */
	for (int others = 0; others < 2 * VDEV_LINE; others++) {
		if (!guest_ring_wait(ring, VDEV_WAIT))
			return fail("nothing is received, after %d others", others);
		if (!guest_ring_get(ring, &len, &token))
			return fail("nonsense is received: %s", guest_ring_broken());
		if (len == VDEV_HDR + f->len && !memcmp(got + VDEV_HDR, f->data, f->len))
			return 0;
		guest_ring_add(ring, &buf, 0, 1, GUEST_DIRECT, v);
		guest_ring_kick(ring);
	}
	return fail("something else is received than was sent");
}

int vdev_command(struct vdev *v, uint8_t class, uint8_t cmd, const void *data, size_t len)
{
	struct guest_ring *ring = &v->g->ring[VDEV_CTRL];
	uint8_t head[2] = { class, cmd };
	uint64_t at = v->g->buf[VDEV_CTRL];
	struct guest_buf buf[2] = { { at, 2 + len }, { at + VDEV_BUF - 1, 1 } };
	uint32_t used;
	void *token;
	uint8_t ack = 0xff;

	guest_mem_write(&v->g->mem, at, head, 2);
	guest_mem_write(&v->g->mem, at + 2, data, len);
	guest_mem_write(&v->g->mem, buf[1].addr, &ack, 1);
	if (guest_ring_add(ring, buf, 1, 1, GUEST_DIRECT, v))
		return fail("no room for a command");
	guest_ring_kick(ring);
	if (!guest_ring_wait(ring, VDEV_WAIT))
		return fail("a command is not answered");
	if (!guest_ring_get(ring, &used, &token))
		return fail("a command is answered with nonsense: %s", guest_ring_broken());
	guest_mem_read(&v->g->mem, buf[1].addr, &ack, 1);
	return ack;
}

void vdev_flood(struct vdev *v, unsigned int frames, size_t len)
{
	static uint8_t data[9014];

	memset(data, 0x02, 12);
	data[12] = 0x88;
	data[13] = 0xb5;	/* for local experiments */
	while (frames--)
		guest_far_send(v->far, NULL, data, len);
}

unsigned int vdev_arrived(struct vdev *v)
{
	static uint8_t data[70000];
	struct virtio_net_hdr hdr;
	unsigned int n = 0;

	while (guest_far_receive(v->far, &hdr, data, sizeof(data)) > 0)
		n++;
	return n;
}

void vdev_witness(void)
{
	if (vdev_send(&witness) || vdev_receive(&witness))
		give_up(__FILE__, __LINE__, "the other device: %s", why);
}

/* What can be seen */

static const char *file_of(const struct vdev *v, int n)
{
	static char name[4][16];
	static unsigned int next;

	if (n < 0)
		return "device";
	snprintf(name[++next % 4], sizeof(name[0]), "queue%u", vdev_index(v, n));
	return name[next % 4];
}

long long vdev_stats(const struct vdev *v, int n, const char *key)
{
	return guest_stats(v->dir, file_of(v, n), key);
}

const char *vdev_text(const struct vdev *v, int n, const char *key)
{
	return guest_stats_text(v->dir, file_of(v, n), key);
}

/* Counters have no event to wait for. */
void vdev_reaches(const struct vdev *v, int n, const char *key, long long value)
{
	double end = monotonic_now() + VDEV_WAIT / 1000;
	long long now;

	while ((now = vdev_stats(v, n, key)) < value) {
		if (monotonic_now() > end)
			give_up(__FILE__, __LINE__, "%s %s is %lld, and was to reach %lld",
				file_of(v, n), key, now, value);
		poll(NULL, 0, 5);
	}
}

void vdev_becomes(const struct vdev *v, int n, const char *key, const char *value)
{
	double end = monotonic_now() + VDEV_WAIT / 1000;
	const char *now;

	while (strcmp(now = vdev_text(v, n, key), value)) {
		if (monotonic_now() > end)
			give_up(__FILE__, __LINE__, "%s %s is %s, and was to become %s",
				file_of(v, n), key, now, value);
		poll(NULL, 0, 5);
	}
}

static const char *const drops[] = {
	"drop.size", "drop.header", "drop.down", "drop.no-buffer", "drop.line-full",
	"drop.no-memory",
};

#define DROPS	(sizeof(drops) / sizeof(*drops))

long long vdev_all(const struct vdev *v, int n)
{
	long long all = vdev_stats(v, n, "packets") + vdev_stats(v, n, "filtered");

	for (unsigned int i = 0; i < DROPS; i++)
		all += vdev_stats(v, n, drops[i]);
	return all;
}

/*
 * How soon a worker answers is known by how much it does in one go, however
 * long that takes here: a run ends after 256 frames. What is dropped because
 * the line is full is none of its work, and all may be dropped at once when
 * nobody drives the device.
 */
void vdev_bounded(const struct vdev *v)
{
	for (int n = 0; n < 2; n++) {
		long long frames = vdev_all(v, n) - vdev_stats(v, n, "drop.line-full") -
				   vdev_stats(v, n, "filtered"), runs;

		if (n == GUEST_RX)
			frames -= vdev_stats(v, n, "drop.down");
		runs = vdev_stats(v, n, "runs");
		if (frames > 256 * runs)
			give_up(__FILE__, __LINE__, "queue %d: %lld frames in %lld runs", n,
				frames, runs);
	}
}

static int use(struct vdev *v, int n)
{
	if (n == VDEV_CTRL)
		return vdev_command(v, VIRTIO_NET_CTRL_ANNOUNCE, 99, "", 0) == VIRTIO_NET_ERR ?
		       0 : -1;
	return n == GUEST_RX ? vdev_receive(v) : vdev_send(v);
}

static void uses(struct vdev *v, int n)
{
	if (use(v, n))
		give_up(__FILE__, __LINE__, "queue %d does not serve: %s", n, why);
}

void vdev_stopped(struct vdev *v, int n, const char *fault)
{
	char key[64];

	snprintf(key, sizeof(key), "fault.%s", fault);
	vdev_becomes(v, n, "fault", fault);
	MUST_BE_NUMBER(vdev_stats(v, n, key), 1);
	for (unsigned int i = 0; i < v->g->rings; i++) {
		if ((int)i == n)
			continue;
		MUST_BE(vdev_text(v, i, "fault"), "none");
		uses(v, i);
	}
	vdev_bounded(v);
	vdev_witness();
	/* It stays stopped, and silent, whatever the driver does. */
	eventfd_write(v->g->ring[n].kick, 1);
	if (n == GUEST_RX)
		vdev_flood(v, 5, 60);
	uses(v, n == GUEST_TX ? GUEST_RX : GUEST_TX);
	MUST_BE(vdev_text(v, n, "fault"), fault);
	MUST_BE_NUMBER(vdev_stats(v, n, key), 1);
	vdev_arrived(v);
	vdev_restart(v);
	vdev_unharmed(v);
}

void vdev_unharmed(struct vdev *v)
{
	for (unsigned int i = 0; i < v->g->rings; i++) {
		MUST_BE(vdev_text(v, i, "fault"), "none");
		uses(v, i);
	}
	MUST_BE_NUMBER(vdev_status(v), VDEV_STATUS_OK);
	vdev_bounded(v);
	vdev_witness();
	kernel_log_quiet();
}
