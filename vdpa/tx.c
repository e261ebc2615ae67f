// SPDX-License-Identifier: GPL-2.0
/* Frames from the driver to the host: it receives them from the representor. */
#include <linux/skbuff.h>
#include <linux/uio.h>
#include "dev.h"

#define HEADER	sizeof(struct virtio_net_hdr_mrg_rxbuf)

/* Of a frame that does not fit into a page, the headers are in one piece. */
#define LINEAR	256

/*
 * Bytes that go to the host at a time: it may have to cut them into packets, as
 * small as the driver says, all before it does anything else.
 */
#define FLUSH	0x10000

/* A frame in pieces, as an skb; NULL if it is none. */
static struct sk_buff *large(struct weft_vdpa_vq *vq, unsigned int n, u32 total)
{
	/* A program may want to put something before the frame. */
	u32 before = rcu_access_pointer(vq->dev->xdp) ? XDP_PACKET_HEADROOM :
							NET_SKB_PAD + NET_IP_ALIGN;
	u32 len = total - HEADER, linear = min_t(u32, len, LINEAR);
	struct virtio_net_hdr_mrg_rxbuf h;
	struct iov_iter from;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(before + linear, len - linear, PAGE_ALLOC_COSTLY_ORDER, &err,
				   GFP_KERNEL | __GFP_NOWARN);
	if (unlikely(!skb)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
		return NULL;
	}
	skb_reserve(skb, before);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	/* It is copied, and only then looked at: the driver may change it at any time. */
	iov_iter_kvec(&from, ITER_SOURCE, (const struct kvec *)vq->iov, n, total);
	if (unlikely(!copy_from_iter_full(&h, sizeof(h), &from) ||
		     skb_copy_datagram_from_iter(skb, 0, &from, len))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
		kfree_skb(skb);
		return NULL;
	}
	return weft_rep_accept(vq, skb, &h.hdr);
}

/* Takes a frame that the driver sent, in @n pieces of @total bytes with its header. */
static void take(struct weft_vdpa_vq *vq, unsigned int n, u64 total, struct list_head *frames)
{
	struct sk_buff *skb;

	if (unlikely(total < HEADER + ETH_HLEN || total > HEADER + WEFT_VDPA_FRAME_MAX)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_SHORT);
		return;
	}
	if (likely(weft_batch_add(vq, n, total)))
		return;
	skb = large(vq, n, total);
	if (!skb)
		return;
	/* What is in the batch came before it. */
	weft_batch_pass(vq, frames);
	if (rcu_access_pointer(vq->dev->xdp)) {
		skb = weft_xdp_skb(vq, skb);
		if (!skb)
			return;
	}
	vq->stats.packets++;
	vq->stats.bytes += skb->len + ETH_HLEN;
	list_add_tail(&skb->list, frames);
}

/* Passes the batch on, and returns its buffers. */
static void flush(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	weft_batch_pass(vq, frames);
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
	u64 bytes = 0, flushed = 0, total;
	LIST_HEAD(frames);
	int ret, n;

	lockdep_assert_held(&vq->lock);
	weft_ring_kicks_off(r);
	for (;;) {
		if (unlikely(weft_vdpa_vq_yield(vq, packets, bytes))) {
			flush(vq, &frames);
			return;
		}
		if (unlikely(r->nused >= WEFT_RING_BATCH || bytes - flushed >= FLUSH)) {
			flush(vq, &frames);
			flushed = bytes;
		}
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
		if (likely(c.out == 1 && weft_mem_hit(&vq->mem, vq->segs->addr, vq->segs->len,
						      VHOST_MAP_RO, vq->iov))) {
			n = 1;
			total = vq->segs->len;
		} else {
			n = weft_vdpa_translate(vq, vq->segs, c.out, VHOST_MAP_RO, 0, &total);
		}
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
