// SPDX-License-Identifier: GPL-2.0
/* Frames from the driver to the host: it receives them from the representor. */
#include <linux/skbuff.h>
#include <linux/uio.h>
#include "dev.h"

#define HEADER	sizeof(struct virtio_net_hdr_mrg_rxbuf)

/* Frames up to this size are in one piece; of others, the headers are. */
#define LINEAR_MAX	2048
#define LINEAR_PART	256

/* No header is as long by far; with what is before a frame, it is below 65536. */
#define CSUM_START_MAX	32768

static struct sk_buff *room_for(struct weft_vdpa *dev, u32 len, bool program)
{
	/* A program may want to put something before the frame. */
	u32 before = program ? XDP_PACKET_HEADROOM : NET_SKB_PAD + NET_IP_ALIGN;
	u32 linear = len <= LINEAR_MAX ? len : LINEAR_PART;
	struct sk_buff *skb;
	int err;

	if (likely(linear == len && !program)) {
		skb = netdev_alloc_skb_ip_align(dev->rep, len);
		if (likely(skb))
			skb_put(skb, len);
		return skb;
	}
	skb = alloc_skb_with_frags(before + linear, len - linear, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, before);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	return skb;
}

static void count(struct weft_vdpa_vq *vq, u32 len)
{
	vq->stats.packets++;
	vq->stats.bytes += len;
}

/*
 * A frame as an skb; NULL if it is none. It is copied, and only then looked at:
 * the driver may change it at any time.
 */
static struct sk_buff *skb_of(struct weft_vdpa_vq *vq, const struct virtio_net_hdr *h,
			      struct iov_iter *from, u32 len, bool program)
{
	struct sk_buff *skb = room_for(vq->dev, len, program);

	if (unlikely(!skb)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
		return NULL;
	}
	if (unlikely(skb_copy_datagram_from_iter(skb, 0, from, len)))
		goto bad;
	/* The kernel would complain of one that it cannot count with. */
	if (unlikely(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		     __virtio16_to_cpu(true, h->csum_start) > CSUM_START_MAX))
		goto bad;
	if (unlikely(virtio_net_hdr_to_skb(skb, h, true)))
		goto bad;
	weft_rep_stamp(vq, skb);
	count(vq, len);
	return skb;
bad:
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
	kfree_skb(skb);
	return NULL;
}

/* A frame for a program; false if it is none that could be run as it is. */
static bool add_plain(struct weft_vdpa_vq *vq, const struct virtio_net_hdr *h,
		      struct iov_iter *from, u32 len, struct list_head *frames)
{
	int ret;

	if (h->flags || h->gso_type != VIRTIO_NET_HDR_GSO_NONE || len > WEFT_XDP_MAX)
		return false;
	ret = weft_xdp_add(vq, from, len);
	if (ret == -ENOBUFS) {
		weft_xdp_flush(vq, frames);
		ret = weft_xdp_add(vq, from, len);
	}
	if (likely(!ret))
		count(vq, len);
	else
		weft_vdpa_drop(vq, ret == -ENOMEM ? WEFT_VDPA_DROP_NO_MEMORY :
						    WEFT_VDPA_DROP_HEADER);
	return true;
}

/* Takes a frame that the driver sent, in @n pieces of @total bytes with its header. */
static void take(struct weft_vdpa_vq *vq, unsigned int n, u64 total, struct list_head *frames)
{
	bool program = rcu_access_pointer(vq->dev->xdp);
	struct virtio_net_hdr_mrg_rxbuf h;
	struct iov_iter from;
	struct sk_buff *skb;
	u32 len;

	if (unlikely(total < HEADER + ETH_HLEN || total > HEADER + WEFT_VDPA_FRAME_MAX)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_SHORT);
		return;
	}
	len = total - HEADER;
	iov_iter_kvec(&from, ITER_SOURCE, (const struct kvec *)vq->iov, n, total);
	if (unlikely(!copy_from_iter_full(&h, sizeof(h), &from))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
		return;
	}
	if (unlikely(program) && add_plain(vq, &h.hdr, &from, len, frames))
		return;
	skb = skb_of(vq, &h.hdr, &from, len, program);
	if (unlikely(program) && skb) {
		/* What waits came before it. */
		weft_xdp_flush(vq, frames);
		skb = weft_xdp_skb(vq, skb);
	}
	if (likely(skb))
		list_add_tail(&skb->list, frames);
}

/* Passes the batch on, and returns its buffers. */
static void flush(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	weft_xdp_flush(vq, frames);
	weft_fault_disturbs(vq, frames);
	if (!list_empty(frames))
		weft_rep_receive(vq->dev, frames);
	weft_vdpa_vq_publish(vq);
}

/**
 * weft_vdpa_transmit() - serves a queue of frames from the driver
 * @vq: queue, locked, running
 */
void weft_vdpa_transmit(struct weft_vdpa_vq *vq)
{
	struct weft_ring *r = &vq->ring;
	bool up = netif_running(vq->dev->rep);
	struct weft_ring_place mark;
	u32 packets = 0;
	struct weft_chain c;
	u64 bytes = 0, total;
	LIST_HEAD(frames);
	int ret, n;

	weft_ring_kicks_off(r);
	for (;;) {
		if (unlikely(weft_vdpa_vq_yield(vq, packets, bytes))) {
			flush(vq, &frames);
			return;
		}
		if (unlikely(r->nused >= WEFT_RING_BATCH))
			flush(vq, &frames);
		mark = weft_ring_mark(r);
		ret = weft_ring_get(r, &c, vq->segs, WEFT_RING_MAX_SEGS);
		if (!ret) {
			flush(vq, &frames);
			ret = weft_ring_kicks_on(r, mark);
			if (!ret)
				return;
			if (unlikely(ret < 0))
				break;
			weft_ring_kicks_off(r);
			packets++;
			continue;
		}
		if (unlikely(ret < 0))
			break;
		if (unlikely(c.in)) {
			weft_ring_break(r, WEFT_RING_DIRECTION);
			break;
		}
		total = 0;
		n = weft_vdpa_translate(vq, vq->segs, c.out, VHOST_MAP_RO, 0, &total);
		if (unlikely(n < 0)) {
			weft_ring_break(r, WEFT_RING_MEMORY);
			break;
		}
		if (likely(up))
			take(vq, n, total, &frames);
		else
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_DOWN);
		weft_ring_put(r, &c, 0);
		bytes += total;
		packets++;
	}
	flush(vq, &frames);
	weft_vdpa_vq_broken(vq);
}
