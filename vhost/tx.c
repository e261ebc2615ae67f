// SPDX-License-Identifier: GPL-2.0
/* Frames from the driver to the backend. */
#include <linux/instrumented.h>
#include <linux/etherdevice.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include "net.h"
#include "trace.h"

/* What build_skb() wants before a frame; tun's header is in it. */
#define PAD	(NET_SKB_PAD + NET_IP_ALIGN)

/*
 * Copies a frame into a buffer that was sized for all of @iov.
 *
 * copy_from_user() would look up what object @to lies in, and whether the copy
 * stays in it, which here costs more than the copy. Both are known: @to is in a
 * piece of a page that weft_frag_get() gave out for the sum of these lengths.
 */
static __always_inline bool copy_in(void *to, const struct iovec *iov, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const void __user *from = iov[i].iov_base;
		size_t len = iov[i].iov_len;

		if (unlikely(!access_ok(from, len)))
			return false;
		instrument_copy_from_user_before(to, from, len);
		if (unlikely(raw_copy_from_user(to, from, len)))
			return false;
		instrument_copy_from_user_after(to, from, len, 0);
		to += len;
	}
	return true;
}

/*
 * A header asks for a checksum of what is in the frame only. A length of the
 * headers that ends before the checksum is mended, as tun does with frames that
 * come one by one.
 */
static bool header_ok(const struct weft_vq *vq, struct virtio_net_hdr *h, u32 len)
{
	bool little = vq->ring.cfg.little;
	u32 end;

	if (likely(!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)))
		return true;
	end = __virtio16_to_cpu(little, h->csum_start) + __virtio16_to_cpu(little, h->csum_offset) +
	      sizeof(u16);
	if (end <= __virtio16_to_cpu(little, h->hdr_len))
		return true;
	if (end > len)
		return false;
	h->hdr_len = __cpu_to_virtio16(little, end);
	return true;
}

/* Passes the batch on, and returns its buffers. */
static void flush(struct weft_vq *vq)
{
	struct net_backend *b = vq->backend;
	struct tun_msg_ctl ctl = {
		.type = TUN_MSG_PTR,
		.num = b->nxdp,
		.ptr = b->xdp,
	};
	struct msghdr msg = {
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
		.msg_flags = MSG_DONTWAIT,
	};
	unsigned int i;

	if (b->nxdp) {
		weft_stats_batch(&vq->stats, b->nxdp);
		if (unlikely(b->sock->ops->sendmsg(b->sock, &msg, 0) < 0)) {
			/* The device is gone, and took none of them. */
			for (i = 0; i < b->nxdp; i++)
				put_page(virt_to_head_page(b->xdp[i].data_hard_start));
			vq->stats.drops[WEFT_DROP_BACKEND] += b->nxdp;
		}
		b->nxdp = 0;
	}
	weft_vq_publish(vq);
}

static void count(struct weft_vq *vq, u32 len)
{
	vq->stats.packets++;
	vq->stats.bytes += len;
}

/* -ENOSPC: the frame does not go with a batch. */
static int add_to_batch(struct weft_vq *vq, const struct iovec *iov, unsigned int n, u32 total)
{
	struct net_backend *b = vq->backend;
	u32 room = sock_flag(b->sock->sk, SOCK_XDP) ? XDP_PACKET_HEADROOM : 0;
	u32 pad = SKB_DATA_ALIGN(PAD + room + b->header);
	u32 len = total - b->header;
	u32 size = SKB_DATA_ALIGN(pad + len) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct virtio_net_hdr *h;
	void *start;

	BUILD_BUG_ON(PAD < WEFT_TUN_HDR_ROOM);
	/* Drivers that a program may send it to expect frames within a page. */
	if (unlikely(size > PAGE_SIZE))
		return -ENOSPC;
	start = weft_frag_get(&b->frags, size);
	if (unlikely(!start))
		return -ENOSPC;
	/* Header and frame in one go: the header ends where the frame begins. */
	if (unlikely(!copy_in(start + pad - b->header, iov, n))) {
		weft_frag_unget(&b->frags, size);
		return -EFAULT;
	}
	h = weft_tun_hdr(start, size);
	if (likely(b->sock_header))
		memcpy(h, start + pad - b->header, sizeof(*h));
	else
		memset(h, 0, sizeof(*h));
	if (unlikely(!header_ok(vq, h, b->header + len))) {
		weft_frag_unget(&b->frags, size);
		return -EINVAL;
	}
	xdp_init_buff(&b->xdp[b->nxdp], size, NULL);
	xdp_prepare_buff(&b->xdp[b->nxdp], start, pad, len, true);
	b->nxdp++;
	return 0;
}

/* One frame by itself: a large one, or to a backend without batches. */
static int send(struct weft_vq *vq, const struct iovec *iov, unsigned int n, u32 total, bool more)
{
	struct net_backend *b = vq->backend;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | (more ? MSG_MORE : 0) };
	u32 skip = b->header - b->sock_header;

	iov_iter_init(&msg.msg_iter, ITER_SOURCE, iov, n, total);
	iov_iter_advance(&msg.msg_iter, skip);
	return b->sock->ops->sendmsg(b->sock, &msg, total - skip);
}

/*
 * Passes a frame on, or drops it. Returns 0 if its buffer can be returned;
 * -EAGAIN if the backend has no room; -EINVAL if the ring is broken.
 */
static int forward(struct weft_vq *vq, const struct iovec *iov, unsigned int n, u64 total,
		   bool batches)
{
	struct net_backend *b = vq->backend;
	int ret;

	if (unlikely(total < b->header + ETH_HLEN)) {
		vq->stats.drops[WEFT_DROP_SHORT]++;
		return 0;
	}
	if (unlikely(total > INT_MAX)) {
		vq->stats.drops[WEFT_DROP_BACKEND]++;
		return 0;
	}
	if (likely(batches)) {
		ret = add_to_batch(vq, iov, n, total);
		if (likely(!ret)) {
			count(vq, total - b->header);
			return 0;
		}
		if (ret == -EFAULT)
			return weft_ring_break(&vq->ring, WEFT_RING_MEMORY);
		if (ret == -EINVAL) {
			vq->stats.drops[WEFT_DROP_HEADER]++;
			return 0;
		}
		/* Those before it go before it. */
		flush(vq);
	}
	ret = send(vq, iov, n, total, !batches && vq->ring.next != vq->ring.cached);
	if (ret == -EAGAIN || ret == -ENOMEM || ret == -ENOBUFS)
		return -EAGAIN;
	if (ret == -EFAULT)
		return weft_ring_break(&vq->ring, WEFT_RING_MEMORY);
	if (unlikely(ret < 0)) {
		vq->stats.drops[ret == -EINVAL ? WEFT_DROP_HEADER : WEFT_DROP_BACKEND]++;
		return 0;
	}
	weft_stats_batch(&vq->stats, 1);
	count(vq, total - b->header);
	return 0;
}

static void transmit(struct weft_vq *vq)
{
	struct net_backend *b = vq->backend;
	struct weft_ring *r = &vq->ring;
	/* A socket with a limit wants to be asked for each frame. */
	bool batches = b->kind != WEFT_BACKEND_PACKET && !b->extended &&
		       b->sock->sk->sk_sndbuf == INT_MAX;
	struct weft_ring_place mark;
	struct weft_chain c;
	u32 packets = 0;
	u64 bytes = 0, total;
	int ret, n;

	for (;;) {
		/* All that is done counts, also what leads to nothing. */
		if (unlikely(packets >= WEFT_NET_PACKETS || bytes >= WEFT_NET_BYTES ||
			     r->walked >= WEFT_NET_DESCS)) {
			flush(vq);
			weft_net_yield(vq);
			return;
		}
		if (unlikely(b->nxdp == WEFT_NET_BATCH || r->nused >= WEFT_RING_BATCH))
			flush(vq);
		/* A translation has to come before they can be returned. */
		if (unlikely(r->nused >= WEFT_RING_BATCH))
			return;
		mark = weft_ring_mark(r);
		ret = weft_ring_get(r, &c, vq->segs, WEFT_RING_MAX_SEGS);
		if (!ret) {
			flush(vq);
			if (!weft_net_wait_for_buffer(vq, mark))
				return;
			packets++;
			continue;
		}
		if (unlikely(ret < 0))
			goto failed;
		if (unlikely(c.in)) {
			ret = weft_ring_break(r, WEFT_RING_DIRECTION);
			goto failed;
		}
		total = 0;
		n = weft_mem_translate_segs(&vq->mem, vq->segs, c.out, VHOST_MAP_RO, vq->iov,
					    WEFT_RING_MAX_SEGS, &total);
		if (unlikely(n < 0)) {
			ret = n == -EAGAIN ? n : weft_ring_break(r, WEFT_RING_MEMORY);
			if (n == -EAGAIN)
				weft_ring_rewind(r, mark);
			goto failed;
		}
		ret = forward(vq, vq->iov, n, total, batches);
		if (unlikely(ret == -EAGAIN)) {
			weft_ring_rewind(r, mark);
			flush(vq);
			/* Queues the work when the backend has room. */
			weft_poll_start(&vq->sock_poll, b->sock->file);
			return;
		}
		if (unlikely(ret))
			goto failed;
		weft_ring_put(r, &c, 0);
		bytes += total;
		packets++;
	}

failed:
	flush(vq);
	if (ret == -EAGAIN)
		weft_vq_miss(vq);
	else
		weft_vq_broken(vq);
}

/**
 * weft_tx_work() - serves a queue of frames from the driver
 * @work: of the queue
 */
void weft_tx_work(struct weft_work *work)
{
	struct weft_vq *vq = container_of(work, struct weft_vq, work);

	mutex_lock_nested(&vq->lock, vq->index);
	if (vq->backend && !vq->ring.fault) {
		vq->stats.runs++;
		trace_weft_vhost_kick(vq->dev->number, vq->index, vq->ring.place.avail);
		weft_poll_stop(&vq->sock_poll);
		if (weft_vq_prepare(vq)) {
			weft_ring_kicks_off(&vq->ring);
			/* What could not be returned the last time */
			weft_vq_publish(vq);
			if (likely(!vq->ring.nused))
				transmit(vq);
		}
	}
	mutex_unlock(&vq->lock);
}
