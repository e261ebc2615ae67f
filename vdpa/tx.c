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

static struct sk_buff *room_for(struct weft_vdpa *dev, u32 len)
{
	struct sk_buff *skb;
	int err;

	if (likely(len <= LINEAR_MAX)) {
		skb = netdev_alloc_skb_ip_align(dev->rep, len);
		if (likely(skb))
			skb_put(skb, len);
		return skb;
	}
	skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + LINEAR_PART, len - LINEAR_PART,
				   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_put(skb, LINEAR_PART);
	skb->data_len = len - LINEAR_PART;
	skb->len += len - LINEAR_PART;
	return skb;
}

/*
 * Makes a frame of what the driver sent; NULL if it is none. It is copied, and
 * only then looked at: the driver may change it at any time.
 */
static struct sk_buff *frame_of(struct weft_vdpa_vq *vq, unsigned int n, u64 total)
{
	struct weft_vdpa *dev = vq->dev;
	struct virtio_net_hdr_mrg_rxbuf h;
	struct sk_buff *skb;
	struct iov_iter from;
	u32 len;

	if (unlikely(total < HEADER + ETH_HLEN || total > HEADER + WEFT_VDPA_FRAME_MAX)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_SHORT);
		return NULL;
	}
	len = total - HEADER;
	skb = room_for(dev, len);
	if (unlikely(!skb)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
		return NULL;
	}
	iov_iter_kvec(&from, ITER_SOURCE, (const struct kvec *)vq->iov, n, total);
	if (unlikely(!copy_from_iter_full(&h, sizeof(h), &from) ||
		     skb_copy_datagram_from_iter(skb, 0, &from, len)))
		goto bad;
	/* The kernel would complain of one that it cannot count with. */
	if (unlikely(h.hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		     __virtio16_to_cpu(true, h.hdr.csum_start) > CSUM_START_MAX))
		goto bad;
	if (unlikely(virtio_net_hdr_to_skb(skb, &h.hdr, true)))
		goto bad;
	skb->protocol = eth_type_trans(skb, dev->rep);
	skb_reset_network_header(skb);
	skb_probe_transport_header(skb);
	skb_record_rx_queue(skb, vq->index / 2);
	return skb;
bad:
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
	kfree_skb(skb);
	return NULL;
}

/* Passes the batch on, and returns its buffers. */
static void flush(struct weft_vdpa_vq *vq, struct list_head *frames)
{
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
	struct sk_buff *skb;
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
		if (likely(up)) {
			skb = frame_of(vq, n, total);
			if (likely(skb)) {
				vq->stats.packets++;
				vq->stats.bytes += skb->len + ETH_HLEN;
				list_add_tail(&skb->list, &frames);
			}
		} else {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_DOWN);
		}
		weft_ring_put(r, &c, 0);
		bytes += total;
		packets++;
	}
	flush(vq, &frames);
	weft_vdpa_vq_broken(vq);
}
