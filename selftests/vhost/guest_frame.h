/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames that can be told from each other: all of one is a function of its
 * number and of which way it goes, so who receives it can say what it was to be.
 */
#ifndef WEFT_GUEST_FRAME_H
#define WEFT_GUEST_FRAME_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_FRAME_MIN	14
#define GUEST_FRAME_MAX	65226	/* 45 TCP segments of 1448 bytes, and their headers */

struct guest_frame {
	struct virtio_net_hdr hdr;
	size_t len;
	uint8_t data[GUEST_FRAME_MAX];
};

/* Of min to max bytes, the extremes often. Some above 1514 are for GSO, if told so. */
void guest_frame_make(struct guest_frame *f, unsigned int way, uint32_t seq, size_t min,
		      size_t max, bool gso);

/* NULL if they are the same; else what differs, in a static buffer. */
/*
 * The guest's headers are little-endian, with VERSION_1, and those of packet sockets
 * of the machine's byte order: one made the other.
 */
struct virtio_net_hdr guest_frame_hdr(const struct virtio_net_hdr *hdr);

const char *guest_frame_differs(const struct guest_frame *want, const struct virtio_net_hdr *hdr,
				const uint8_t *data, size_t len);

/* Numbers that look random and are the same each time. */
uint64_t guest_hash(uint64_t a, uint64_t b);

#endif
