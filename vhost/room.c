// SPDX-License-Identifier: GPL-2.0
/* Which buffers of the driver a frame goes into. */
#include <linux/errno.h>
#include <linux/export.h>
#include <weft/room.h>

/*
 * Whether the whole ring was taken: the driver has no place for another buffer,
 * so one that is waited for does not come.
 */
static bool is_all(const struct weft_room *room)
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
 * Return: how many buffers; 0 if there are not enough now, and more may come;
 * -ENOSPC if the frame will never fit; -EAGAIN as weft_ring_get(), or if
 * @room->mem misses a translation; -EINVAL if the ring is broken
 */
int weft_room_find(struct weft_room *room, u64 need)
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
		if (unlikely(!ret && is_all(room)))
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
EXPORT_SYMBOL_GPL(weft_room_find);
