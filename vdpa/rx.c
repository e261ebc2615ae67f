// SPDX-License-Identifier: GPL-2.0
/* Frames from the host to the driver: what the host sends to the representor. */
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <weft/room.h>
#include "dev.h"

#define HEADER	sizeof(struct virtio_net_hdr_mrg_rxbuf)

/* Whether the driver can take what is left to it: checksums, and segments. */
static bool can_take(const struct weft_vdpa *dev, const struct sk_buff *skb)
{
	u64 offloads = READ_ONCE(dev->offloads);
	unsigned int type;
	u64 want = 0;

	if (likely(skb->ip_summed != CHECKSUM_PARTIAL && !skb_is_gso(skb)))
		return true;
	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return false;
	if (!skb_is_gso(skb))
		return true;
	type = skb_shinfo(skb)->gso_type;
	if (type & SKB_GSO_TCPV4)
		want |= BIT_ULL(VIRTIO_NET_F_GUEST_TSO4);
	if (type & SKB_GSO_TCPV6)
		want |= BIT_ULL(VIRTIO_NET_F_GUEST_TSO6);
	if (type & SKB_GSO_TCP_ECN)
		want |= BIT_ULL(VIRTIO_NET_F_GUEST_ECN);
	return want && (offloads & want) == want;
}

/*
 * Has the host count a checksum that the driver cannot: it was left to us by who
 * does not ask first (XDP), or the driver took its word back since.
 */
static bool make_takable(const struct weft_vdpa *dev, struct sk_buff *skb)
{
	return can_take(dev, skb) || (!skb_is_gso(skb) && !skb_checksum_help(skb));
}

static u32 len_of(void *entry)
{
	const struct xdp_frame *frame = weft_line_xdp(entry);

	return unlikely(frame) ? frame->len : ((struct sk_buff *)entry)->len;
}

static void done_with(void *entry)
{
	struct xdp_frame *frame = weft_line_xdp(entry);

	if (unlikely(frame))
		xdp_return_frame(frame);
	else
		consume_skb(entry);
}

static void put_number(struct virtio_net_hdr_mrg_rxbuf *h, const struct weft_room *room)
{
	h->num_buffers = (__force __virtio16)cpu_to_le16(room->buffers);
}

/* Copies a frame into its buffers; false if it is not one that can be described. */
static bool deliver(struct weft_vdpa_vq *vq, const struct weft_room *room,
		    const struct sk_buff *skb)
{
	struct virtio_net_hdr_mrg_rxbuf h = {};
	struct iov_iter to;

	/* virtio 1.3 §5.1.6.4.1: no word of checksums to who did not ask for it */
	if (unlikely(virtio_net_hdr_from_skb(skb, &h.hdr, true, READ_ONCE(vq->dev->offloads) &
					     BIT_ULL(VIRTIO_NET_F_GUEST_CSUM), 0)))
		return false;
	put_number(&h, room);
	if (likely(room->iovs == 1 && !skb_is_nonlinear(skb))) {
		void *at = (__force void *)vq->iov[0].iov_base;

		memcpy(at, &h, sizeof(h));
		memcpy(at + sizeof(h), skb->data, skb->len);
		return true;
	}
	iov_iter_kvec(&to, ITER_DEST, (const struct kvec *)vq->iov, room->iovs,
		      HEADER + skb->len);
	return copy_to_iter(&h, sizeof(h), &to) == sizeof(h) &&
	       !skb_copy_datagram_iter(skb, 0, &to, skb->len);
}

/* The same of a frame that XDP brought: it is in one piece, and there is no word with it. */
static bool deliver_xdp(struct weft_vdpa_vq *vq, const struct weft_room *room,
			const struct xdp_frame *frame)
{
	struct virtio_net_hdr_mrg_rxbuf h = {};
	struct iov_iter to;

	put_number(&h, room);
	iov_iter_kvec(&to, ITER_DEST, (const struct kvec *)vq->iov, room->iovs,
		      HEADER + frame->len);
	return copy_to_iter(&h, sizeof(h), &to) == sizeof(h) &&
	       copy_to_iter(frame->data, frame->len, &to) == frame->len;
}

/* False if it has to come again when the driver has more buffers. */
static bool receive_one(struct weft_vdpa_vq *vq, void *entry, u32 len, struct weft_room *room)
{
	const struct xdp_frame *frame = weft_line_xdp(entry);
	struct weft_ring *r = &vq->ring;
	int ret;

	if (unlikely(!frame && !make_takable(vq->dev, entry))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
		return true;
	}
	for (;;) {
		ret = weft_room_find(room, HEADER + len);
		if (likely(ret > 0))
			break;
		if (ret == -ENOSPC) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_BUFFER);
			return true;
		}
		weft_vdpa_vq_publish(vq);
		if (ret < 0)
			return false;
		ret = weft_ring_kicks_on(r, room->seen);
		if (ret <= 0 || weft_vdpa_vq_yield(vq, 0, 0))
			return false;
		weft_ring_kicks_off(r);
		r->walked++;
	}
	if (likely(frame ? deliver_xdp(vq, room, frame) : deliver(vq, room, entry))) {
		vq->stats.packets++;
		vq->stats.bytes += len;
		return true;
	}
	weft_room_leave(room);
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
	return true;
}

/**
 * weft_vdpa_receive() - serves a queue of frames to the driver
 * @vq: queue, locked, running
 */
void weft_vdpa_receive(struct weft_vdpa_vq *vq)
{
	struct weft_room room = {
		.ring = &vq->ring,
		.mem = &vq->mem,
		.segs = vq->segs,
		.iov = vq->iov,
		.max_walked = 4 * WEFT_VDPA_DESCS,
		.mergeable = weft_vdpa_has(vq->dev, VIRTIO_NET_F_MRG_RXBUF),
	};
	u32 packets = 0, bytes = 0, len;
	void *entry;

	lockdep_assert_held(&vq->lock);
	/* virtio 1.3 §5.1.6.5.5: nothing to a pair that the driver does not use */
	if (unlikely(vq->index / 2 >= READ_ONCE(vq->dev->active))) {
		weft_vdpa_vq_drain(vq);
		return;
	}
	weft_ring_kicks_off(&vq->ring);
	/* Only this queue's worker takes from the line, with the queue's lock. */
	while ((entry = __ptr_ring_peek(&vq->line))) {
		if (unlikely(weft_vdpa_vq_yield(vq, packets, bytes)))
			break;
		len = len_of(entry);
		if (!receive_one(vq, entry, len, &room))
			break;
		__ptr_ring_discard_one(&vq->line);
		bytes += len;
		packets++;
		done_with(entry);
		if (vq->ring.nused >= WEFT_RING_BATCH)
			weft_vdpa_vq_publish(vq);
	}
	weft_vdpa_vq_publish(vq);
	if (vq->ring.fault)
		weft_vdpa_vq_broken(vq);
}
