// SPDX-License-Identifier: GPL-2.0
/*
 * Frames from the driver that are within a page. They are copied into pieces of
 * pages as they are taken from the ring, and become packets of the host all at
 * once, or never, where an XDP program says so.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/skbuff.h>
#include <net/xdp.h>
#include <weft/frag.h>
#include "dev.h"

#define HEADER	sizeof(struct virtio_net_hdr_mrg_rxbuf)

/**
 * struct weft_batch - of a queue, its worker's
 * @rxq: the queue, for programs
 * @frags: what frames are put into
 * @n: frames
 * @frames: where the memory of each begins, its bytes, where the frame is in it
 *	with virtio's header before it, and its bytes
 */
struct weft_batch {
	struct xdp_rxq_info rxq;
	struct weft_frags frags;
	unsigned int n;
	struct {
		void *start;
		u32 size;
		u32 pad;
		u32 len;
	} frames[WEFT_RING_BATCH];
};

/**
 * weft_batch_init() - makes the batches of a device
 * @dev: device, with a representor
 *
 * Return: 0; -ENOMEM, or what XDP says. Undone by weft_batch_exit().
 */
int weft_batch_init(struct weft_vdpa *dev)
{
	int i, ret;

	for (i = 0; i < dev->pairs; i++) {
		struct weft_batch *b = kvzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);

		dev->vqs[2 * i + 1].batch = b;
		if (!b)
			return -ENOMEM;
		ret = xdp_rxq_info_reg(&b->rxq, dev->rep, i, 0);
		if (!ret)
			ret = xdp_rxq_info_reg_mem_model(&b->rxq, MEM_TYPE_PAGE_SHARED, NULL);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * weft_batch_exit() - frees what weft_batch_init() got, also half of it
 * @dev: device, whose queues are stopped
 */
void weft_batch_exit(struct weft_vdpa *dev)
{
	int i;

	for (i = 0; i < dev->pairs; i++) {
		struct weft_batch *b = dev->vqs[2 * i + 1].batch;

		dev->vqs[2 * i + 1].batch = NULL;
		if (!b)
			continue;
		if (xdp_rxq_info_is_reg(&b->rxq))
			xdp_rxq_info_unreg(&b->rxq);
		weft_frags_free(&b->frags);
		kvfree(b);
	}
}

/**
 * weft_batch_add() - takes a frame from the driver
 * @vq: queue, locked, with less than %WEFT_RING_BATCH frames in the batch
 * @n: entries of &weft_vdpa_vq.iov that it is in, with virtio's header
 * @total: bytes of these
 *
 * Return: false if it is too large, or there is no memory
 */
bool weft_batch_add(struct weft_vdpa_vq *vq, unsigned int n, u32 total)
{
	/* A program may want to put something before the frame. */
	u32 pad = rcu_access_pointer(vq->dev->xdp) ? XDP_PACKET_HEADROOM :
						     NET_SKB_PAD + NET_IP_ALIGN;
	u32 len = total - HEADER;
	u32 size = SKB_DATA_ALIGN(pad + len) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct weft_batch *b = vq->batch;
	unsigned int i;
	void *start, *to;

	BUILD_BUG_ON(NET_SKB_PAD + NET_IP_ALIGN < HEADER);
	lockdep_assert_held(&vq->lock);
	if (unlikely(size > PAGE_SIZE))
		return false;
	if (WARN_ON_ONCE(b->n == ARRAY_SIZE(b->frames)))
		return false;
	start = weft_frag_get(&b->frags, size);
	if (unlikely(!start))
		return false;
	/* Header and frame in one go: the header ends where the frame begins. */
	to = start + pad - HEADER;
	for (i = 0; i < n; i++) {
		memcpy(to, (__force const void *)vq->iov[i].iov_base, vq->iov[i].iov_len);
		to += vq->iov[i].iov_len;
	}
	b->frames[b->n].start = start;
	b->frames[b->n].size = size;
	b->frames[b->n].pad = pad;
	b->frames[b->n++].len = len;
	return true;
}

/* A piece of a page becomes a packet; NULL, and it is freed, if there is no memory. */
static struct sk_buff *build(struct weft_vdpa_vq *vq, void *start, u32 size, u32 pad, u32 len)
{
	struct sk_buff *skb = napi_build_skb(start, size);

	if (unlikely(!skb)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
		skb_free_frag(start);
		return NULL;
	}
	skb_reserve(skb, pad);
	__skb_put(skb, len);
	return skb;
}

/* Runs a program on a frame; what passes as a packet, or NULL. */
static struct sk_buff *run(struct weft_vdpa_vq *vq, struct bpf_prog *prog, unsigned int i,
			   bool *redirected)
{
	struct weft_batch *b = vq->batch;
	struct sk_buff *skb;
	struct xdp_buff xdp;
	int meta;

	xdp_init_buff(&xdp, b->frames[i].size, &b->rxq);
	xdp_prepare_buff(&xdp, b->frames[i].start, b->frames[i].pad, b->frames[i].len, true);
	if (!weft_xdp_run(vq, prog, &xdp, redirected))
		return NULL;
	skb = build(vq, xdp.data_hard_start, xdp.frame_sz, xdp.data - xdp.data_hard_start,
		    xdp.data_end - xdp.data);
	meta = xdp.data - xdp.data_meta;
	if (skb && meta > 0)
		skb_metadata_set(skb, meta);
	return skb;
}

/**
 * weft_batch_pass() - makes packets of the frames, and empties the batch
 * @vq: queue, locked
 * @frames: packets are added to it, for weft_rep_receive()
 */
void weft_batch_pass(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	struct weft_batch *b = vq->batch;
	struct bpf_net_context stack, *ctx;
	bool redirected = false;
	struct bpf_prog *prog;
	struct sk_buff *skb;
	unsigned int i;

	lockdep_assert_held(&vq->lock);
	if (!b->n)
		return;
	local_bh_disable();
	rcu_read_lock();
	prog = rcu_dereference(vq->dev->xdp);
	if (unlikely(prog))
		ctx = bpf_net_ctx_set(&stack);
	for (i = 0; i < b->n; i++) {
		void *data = b->frames[i].start + b->frames[i].pad;
		struct virtio_net_hdr h;

		memcpy(&h, data - HEADER, sizeof(h));
		/* Nothing but a packet can carry the word of a header through a redirect. */
		if (unlikely(prog) && !h.flags && h.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
			skb = run(vq, prog, i, &redirected);
			if (skb)
				weft_rep_stamp(vq, skb);
		} else {
			skb = build(vq, b->frames[i].start, b->frames[i].size,
				    b->frames[i].pad, b->frames[i].len);
			if (likely(skb))
				skb = weft_rep_accept(vq, skb, &h);
			if (unlikely(prog) && skb)
				skb = weft_xdp_skb(vq, skb);
		}
		if (likely(skb)) {
			vq->stats.packets++;
			vq->stats.bytes += skb->len + ETH_HLEN;
			list_add_tail(&skb->list, frames);
		}
	}
	b->n = 0;
	if (unlikely(prog)) {
		if (redirected)
			xdp_do_flush();
		bpf_net_ctx_clear(ctx);
	}
	rcu_read_unlock();
	local_bh_enable();
}
