// SPDX-License-Identifier: GPL-2.0
/* Setting traffic up, and taking it from device to device; see guest_flow.c. */
#include "guest_traffic.h"

#include <endian.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest_flow.h"

#define TX_BUFS		64
#define RX_BUFS		512
#define RX_LEN		1536

int traffic_fail(struct traffic *t, const char *fmt, ...)
{
	va_list args;

	if (*t->why)
		return -1;
	va_start(args, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, args);
	va_end(args);
	return -1;
}

static int fail_errno(struct traffic *t, const char *what)
{
	return traffic_fail(t, "%s: %s", what, strerror(errno));
}

static void defaults(struct traffic_config *c)
{
	c->size = c->size ?: 256;
	c->regions = c->regions ?: 1;
	c->pieces = c->pieces ?: 1;
	c->min = c->min ?: GUEST_FRAME_MIN;
	c->max = c->max ?: GUEST_FRAME_MAX;
	if (c->layout != TRAFFIC_INDIRECT && c->pieces > c->size)
		c->pieces = c->size;
	if (c->layout != TRAFFIC_DIRECT)
		c->table = c->table ?: c->pieces;
	if (!c->base && c->packed)
		c->base = GUEST_BASE_FIRST(true);
}

static uint64_t features_of(const struct traffic_config *c)
{
	return (c->legacy ? 0 : F(VIRTIO_F_VERSION_1)) |
	       (c->no_event_idx ? 0 : F(VIRTIO_RING_F_EVENT_IDX)) |
	       (c->table ? F(VIRTIO_RING_F_INDIRECT_DESC) : 0) |
	       (c->mergeable ? F(VIRTIO_NET_F_MRG_RXBUF) : 0) |
	       (c->packed ? F(VIRTIO_F_RING_PACKED) : 0) |
	       (c->in_order ? F(VIRTIO_F_IN_ORDER) : 0) |
	       (c->iotlb != GUEST_NO_IOTLB ? F(VIRTIO_F_ACCESS_PLATFORM) : 0) |
	       (c->log ? F(VHOST_F_LOG_ALL) : 0) |
	       (c->host_header ? F(VHOST_NET_F_VIRTIO_NET_HDR) : 0);
}

/* Descriptors that a receive buffer may take in the ring. */
static unsigned int rx_descs(const struct traffic_config *c)
{
	return c->layout == TRAFFIC_INDIRECT ? 1 : c->pieces;
}

/* One frame has to fit into what can be posted at once; half of it, into a ring of 2. */
static size_t rx_len_of(const struct traffic *t)
{
	size_t whole = t->hdr + t->c.max, bufs = t->c.size / rx_descs(&t->c), len = RX_LEN;

	if (!t->c.mergeable)
		return whole;
	while (len < whole && len * bufs < 2 * whole)
		len *= 2;
	return len < whole ? len : whole;
}

static void set_hdr(struct traffic *t)
{
	int hdr = 10;

	if (!t->c.legacy || t->c.mergeable)
		hdr = 12;
	t->hdr = hdr;
}

static int lay_out(struct traffic *t)
{
	struct traffic_config *c = &t->c;
	struct guest_mem_config mc = {
		.regions = c->regions,
		.ring_bytes = 3 * (c->size * 32UL + 4 * GUEST_PAGE),
		.iova = c->iotlb != GUEST_NO_IOTLB,
		.log = c->log,
	};
	size_t tables = 2UL * c->size * c->table * 16, pages;

	t->num_tx = c->size < TX_BUFS ? c->size : TX_BUFS;
	t->num_rx = c->size < RX_BUFS ? c->size : RX_BUFS;
	c->rx_len = c->rx_len ?: rx_len_of(t);
	/* Buffers are not on borders of anything: gaps of up to a page are between them. */
	mc.data_bytes = tables + t->num_tx * (t->hdr + c->max + GUEST_PAGE) +
			t->num_rx * (c->rx_len + GUEST_PAGE) + GUEST_PAGE;
	if (guest_mem_init(&t->mem, &mc))
		return fail_errno(t, "guest memory");
	pages = t->mem.size / GUEST_PAGE / 64 + 1;
	t->must = calloc(pages, 8);
	t->may = calloc(pages, 8);
	t->tx = calloc(t->num_tx, sizeof(*t->tx));
	t->rx = calloc(t->num_rx, sizeof(*t->rx));
	for (unsigned int i = 0; i < 2; i++)
		if (guest_ring_init(&t->ring[i], &t->mem, c->size, t->features, c->table, c->base))
			return fail_errno(t, "a ring");
	return 0;
}

static int place_buffers(struct traffic *t)
{
	for (unsigned int i = 0; i < t->num_tx + t->num_rx; i++) {
		bool tx = i < t->num_tx;
		struct traffic_buf *b = tx ? &t->tx[i] : &t->rx[i - t->num_tx];
		size_t len = tx ? t->hdr + t->c.max : t->c.rx_len;

		/* With some room before it, which makes its begin an odd one. */
		b->room = guest_hash(i, 3) % 64;
		b->addr = guest_mem_alloc(&t->mem, len + b->room, 1);
		if (!b->addr)
			return fail_errno(t, "a buffer");
		b->addr += b->room;
		if (!tx)
			guest_mem_fill(&t->mem, b->addr, TRAFFIC_FILL, len);
	}
	return 0;
}

static int connect_device(struct traffic *t, const char *node)
{
	uint64_t lacks;

	if (guest_dev_open(&t->dev, node))
		return fail_errno(t, node ?: guest_dev_node());
	lacks = t->features & ~guest_dev_features(&t->dev);
	if (lacks) {
		t->need = __builtin_ctzll(lacks);
		return traffic_fail(t, "the device lacks feature bit %d", t->need);
	}
	if (guest_dev_setup(&t->dev, &t->mem, t->features, t->c.iotlb))
		return fail_errno(t, "setting the device up");
	for (unsigned int i = 0; i < 2; i++)
		if (guest_dev_attach(&t->dev, i, &t->ring[i]))
			return fail_errno(t, "a ring of the device");
	return 0;
}

int traffic_open(struct traffic *t, const struct traffic_config *c, const char *node)
{
	*t = (struct traffic){ .c = *c, .need = -1 };
	defaults(&t->c);
	set_hdr(t);
	t->features = features_of(&t->c);
	if (guest_net_private())
		return fail_errno(t, "a network namespace");
	if (guest_link_open(&t->link, c->backend, c->host_header ? GUEST_NO_HDR : (int)t->hdr))
		return fail_errno(t, "the backend's link");
	if (traffic_is_native(t) && c->backend != GUEST_PACKET &&
	    ioctl(t->link.backend, TUNSETVNETLE, &(int){ htole16(1) == 1 }))
		return fail_errno(t, "the byte order of the backend's headers");
	if (lay_out(t) || place_buffers(t) || connect_device(t, node) || traffic_start(t))
		return -1;
	return 0;
}

void traffic_close(struct traffic *t)
{
	guest_dev_close(&t->dev);
	guest_ring_free(&t->ring[0]);
	guest_ring_free(&t->ring[1]);
	guest_link_close(&t->link);
	guest_mem_free(&t->mem);
	free(t->must);
	free(t->may);
	free(t->tx);
	free(t->rx);
}

int traffic_start(struct traffic *t)
{
	for (unsigned int i = 0; i < 2; i++)
		if (guest_dev_start(&t->dev, i, t->link.backend))
			return fail_errno(t, "starting a ring");
	return 0;
}

int traffic_stop(struct traffic *t)
{
	for (unsigned int i = 0; i < 2; i++)
		if (guest_dev_stop(&t->dev, i))
			return fail_errno(t, "stopping a ring");
	return 0;
}

int traffic_move(struct traffic *t, const char *node)
{
	if (traffic_stop(t))
		return -1;
	guest_dev_close(&t->dev);
	if (connect_device(t, node))
		return -1;
	return traffic_start(t);
}

/* The dirty log */

static bool bit(const uint64_t *map, size_t n)
{
	return map[n / 64] >> n % 64 & 1;
}

void traffic_note(struct traffic *t, uint64_t *map, uint64_t addr, size_t len)
{
	size_t at = addr - t->mem.start;

	for (size_t n = at / GUEST_PAGE; len && n <= (at + len - 1) / GUEST_PAGE; n++)
		map[n / 64] |= 1ULL << n % 64;
}

/* What tells the driver of the device's wishes may be written at any time. */
static void note_rings(struct traffic *t)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct guest_ring *r = &t->ring[i];

		if (r->packed) {
			traffic_note(t, t->may, r->used_addr, 4);
			traffic_note(t, t->may, r->desc_addr, 16UL * r->size);
		} else {
			traffic_note(t, t->may, r->used_addr, 6 + 8UL * r->size);
			traffic_note(t, t->must, r->used_addr + 2, 2);
		}
	}
}

int traffic_check_log(struct traffic *t)
{
	size_t pages = t->mem.size / GUEST_PAGE, must = 0;

	note_rings(t);
	for (size_t n = 0; n < pages; n++) {
		bool dirty = guest_mem_dirty(&t->mem, t->mem.start + n * GUEST_PAGE);

		must += bit(t->must, n);
		if (bit(t->must, n) && !dirty)
			return traffic_fail(t, "page %zu was written and is not in the log", n);
		if (dirty && !bit(t->must, n) && !bit(t->may, n))
			return traffic_fail(t, "page %zu is in the log and was not written", n);
	}
	if (!must)
		return traffic_fail(t, "nothing was to be logged");
	/* Nor any that is not the guest's. */
	for (size_t n = 0; n < GUEST_GPA / GUEST_PAGE / 64; n++)
		if (t->mem.log[n])
			return traffic_fail(t, "a page below the guest's memory is in the log");
	return 0;
}
