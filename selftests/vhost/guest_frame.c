// SPDX-License-Identifier: GPL-2.0
#include "guest_frame.h"

#include <endian.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#define GSO_HEADERS	(ETH_HLEN + 20 + 32)
#define GSO_SIZE	1448
#define POOL		(GUEST_FRAME_MAX + 65536)

/* splitmix64's finisher */
uint64_t guest_hash(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15ULL + b + 0x632be59bd9b4e019ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Payloads are windows upon these bytes. */
static const uint8_t *pool(void)
{
	static uint64_t bytes[POOL / 8 + 1];

	if (!bytes[0])
		for (size_t i = 0; i < sizeof(bytes) / 8; i++)
			bytes[i] = guest_hash(i, 1) | 1;
	return (uint8_t *)bytes;
}

/* As many short ones as long ones, and those with an edge that something may turn on. */
static size_t pick(uint64_t h, size_t min, size_t max)
{
	static const uint16_t edges[] = {
		14, 15, 59, 60, 61, 64, 127, 1513, 1514, 1515, 2047, 3500, 3840, 4072, 4084, 4095,
		4096, 4097, 8192, 9014, 16384, 32768, 65225,
	};
	size_t len;

	switch (h & 7) {
	case 0:
		return min;
	case 1:
		return max;
	case 2:
	case 3:
		len = edges[(h >> 8) % (sizeof(edges) / sizeof(*edges))];
		break;
	default:
		len = min + (h >> 16) % (1UL << (h >> 8) % 17);
	}
	return len < min ? min : len > max ? max : len;
}

static void make_gso(struct guest_frame *f)
{
	uint8_t *ip = f->data + ETH_HLEN, *tcp = ip + 20;
	size_t ip_len = f->len - ETH_HLEN;

	memcpy(f->data + 12, "\x08\0", 2);
	memset(ip, 0, GSO_HEADERS - ETH_HLEN);
	ip[0] = 0x45;
	ip[2] = ip_len >> 8;
	ip[3] = ip_len;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	tcp[12] = 0x80;
	f->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	f->hdr.hdr_len = GSO_HEADERS;
	f->hdr.gso_size = GSO_SIZE;
	f->hdr.csum_start = ETH_HLEN + 20;
	f->hdr.csum_offset = 16;
}

void guest_frame_make(struct guest_frame *f, unsigned int way, uint32_t seq, size_t min,
		      size_t max, bool gso)
{
	uint64_t h = guest_hash(way + 1, seq);

	memset(&f->hdr, 0, sizeof(f->hdr));
	f->len = pick(h, min, max);
	memcpy(f->data, pool() + (h >> 32 & 0xffff), f->len);
	/* To and from nobody who is there; both with the number, of a type for experiments. */
	f->data[0] = 2;
	f->data[1] = way;
	for (unsigned int i = 0; i < 4; i++)
		f->data[2 + i] = seq >> (24 - 8 * i);
	memcpy(f->data + 6, f->data, 6);
	f->data[12] = 0x88;
	f->data[13] = 0xb5;
	if (gso && f->len > ETH_FRAME_LEN && h >> 48 & 1)
		make_gso(f);
}

struct virtio_net_hdr guest_frame_hdr(const struct virtio_net_hdr *hdr)
{
	struct virtio_net_hdr h = *hdr;

	h.hdr_len = htole16(h.hdr_len);
	h.gso_size = htole16(h.gso_size);
	h.csum_start = htole16(h.csum_start);
	h.csum_offset = htole16(h.csum_offset);
	return h;
}

const char *guest_frame_differs(const struct guest_frame *want, const struct virtio_net_hdr *hdr,
				const uint8_t *data, size_t len)
{
	static char said[160];
	size_t i;

	if (len >= ETH_HLEN && want->len >= ETH_HLEN && memcmp(data, want->data, 12)) {
		snprintf(said, sizeof(said), "wanted frame %u, got %u (way %u, %zu bytes)",
			 want->data[2] << 24 | want->data[3] << 16 | want->data[4] << 8 |
			 want->data[5], data[2] << 24 | data[3] << 16 | data[4] << 8 | data[5],
			 data[1], len);
		return said;
	}
	if (len != want->len) {
		snprintf(said, sizeof(said), "%zu bytes instead of %zu", len, want->len);
		return said;
	}
	if (memcmp(data, want->data, len)) {
		for (i = 0; data[i] == want->data[i];)
			i++;
		snprintf(said, sizeof(said), "byte %zu of %zu is %#x instead of %#x", i, len,
			 data[i], want->data[i]);
		return said;
	}
	/* The length of the headers is but a hint. */
	if ((hdr->flags ^ want->hdr.flags) & VIRTIO_NET_HDR_F_NEEDS_CSUM ||
	    hdr->gso_type != want->hdr.gso_type || hdr->gso_size != want->hdr.gso_size ||
	    hdr->csum_start != want->hdr.csum_start || hdr->csum_offset != want->hdr.csum_offset) {
		snprintf(said, sizeof(said),
			 "header %#x/%u/%u/%u/%u instead of %#x/%u/%u/%u/%u", hdr->flags,
			 hdr->gso_type, hdr->gso_size, hdr->csum_start, hdr->csum_offset,
			 want->hdr.flags, want->hdr.gso_type, want->hdr.gso_size,
			 want->hdr.csum_start, want->hdr.csum_offset);
		return said;
	}
	return NULL;
}
