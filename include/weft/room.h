/* SPDX-License-Identifier: GPL-2.0 */
/* The buffers of a driver that a frame goes into. */
#ifndef WEFT_ROOM_H
#define WEFT_ROOM_H

#include <linux/compiler.h>
#include <linux/errno.h>
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

/*
 * Whether the whole ring was taken: the driver has no place for another buffer,
 * so one that is waited for does not come.
 */
static inline bool weft_room_is_all(const struct weft_room *room)
{
	const struct weft_ring *r = room->ring;

	if (r->cfg.packed)
		return r->place.avail == room->mark.avail &&
		       r->place.avail_wrap != room->mark.avail_wrap;
	return (u16)(r->place.avail - room->mark.avail) == r->cfg.size;
}

/**
 * weft_room_find() - takes buffers for a frame, and has them returned with the next publish
 * @room: where from, and where to
 * @need: bytes, with the header
 *
 * Without a positive result, nothing is taken. May sleep where the ring's
 * accesses do. The caller serialises it with all else of the ring.
 *
 * Inline, as a call for each frame that is received costs 6 % of it.
 *
 * Return: how many buffers; 0 if there are not enough now, and more may come;
 * -ENOSPC if the frame will never fit; -EAGAIN as weft_ring_get(), or if
 * @room->mem misses a translation; -EINVAL if the ring is broken
 */
static __always_inline int weft_room_find(struct weft_room *room, u64 need)
{
	struct weft_ring *r = room->ring;
	struct weft_chain c;
	u64 have = 0, len;
	int ret, n;

	room->mark = weft_ring_mark(r);
	room->put = r->nused;
	room->buffers = 0;
	room->iovs = 0;
	do {
		ret = weft_ring_get(r, &c, room->segs, WEFT_RING_MAX_SEGS);
		if (unlikely(!ret && weft_room_is_all(room)))
			ret = -ENOSPC;
		if (unlikely(ret <= 0))
			goto out;
		if (unlikely(c.out || !c.in)) {
			ret = weft_ring_break(r, WEFT_RING_DIRECTION);
			goto out;
		}
		len = 0;
		n = weft_mem_translate_segs(room->mem, room->segs, c.in, VHOST_MAP_WO,
					    room->iov + room->iovs,
					    WEFT_RING_MAX_SEGS - room->iovs, &len);
		if (unlikely(n < 0)) {
			ret = n == -EAGAIN ? n : n == -ENOBUFS && room->buffers ? -ENOSPC :
			      weft_ring_break(r, WEFT_RING_MEMORY);
			goto out;
		}
		room->iovs += n;
		room->buffers++;
		len = min(len, need - have);
		have += len;
		weft_ring_put(r, &c, len);
		if (likely(have == need))
			return room->buffers;
		ret = -ENOSPC;
		/* One more buffer costs as much as one more descriptor. */
		r->walked++;
	} while (room->mergeable && r->nused < r->max_used && r->walked < room->max_walked);

out:
	room->seen = weft_ring_mark(r);
	weft_room_leave(room);
	return ret;
}

#endif /* WEFT_ROOM_H */
