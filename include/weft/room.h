/* SPDX-License-Identifier: GPL-2.0 */
/* The buffers of a driver that a frame goes into. */
#ifndef WEFT_ROOM_H
#define WEFT_ROOM_H

#include <weft/mem.h>
#include <weft/ring.h>

/**
 * struct weft_room - buffers taken from a ring to be written to
 * @ring: from which
 * @mem: how their addresses are translated
 * @segs: room for WEFT_RING_MAX_SEGS segments
 * @iov: the buffers' pieces, WEFT_RING_MAX_SEGS at most
 * @max_walked: no more is taken when &weft_ring.walked gets there
 * @mergeable: a frame may go into more than one (VIRTIO_NET_F_MRG_RXBUF)
 * @mark: found: where the ring stood before them
 * @seen: found nothing: where it stood behind what there was
 * @put: buffers that waited to be returned before
 * @buffers: how many were taken
 * @iovs: pieces they have
 *
 * The first six are the user's, and the others weft_room_find()'s.
 */
struct weft_room {
	struct weft_ring *ring;
	struct weft_mem *mem;
	struct weft_seg *segs;
	struct iovec *iov;
	u32 max_walked;
	bool mergeable;
	struct weft_ring_place mark;
	struct weft_ring_place seen;
	u16 put;
	u16 buffers;
	u32 iovs;
};

int weft_room_find(struct weft_room *room, u64 need);

/**
 * weft_room_leave() - takes it back that buffers were found
 * @room: what was found last, of which nothing was published
 *
 * They are the next ones to be found again.
 */
static inline void weft_room_leave(struct weft_room *room)
{
	weft_ring_unput(room->ring, room->ring->nused - room->put);
	weft_ring_rewind(room->ring, room->mark);
}

#endif /* WEFT_ROOM_H */
