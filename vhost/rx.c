// SPDX-License-Identifier: GPL-2.0
/* Frames from the backend to the driver. */
#include <linux/eventfd.h>
#include <linux/if_vlan.h>
#include <linux/instrumented.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include <net/sock.h>
#include <net/xdp.h>
#include <weft/room.h>
#include "net.h"
#include "trace.h"

/* A run this long is under load, and more wake-ups would be a waste. */
#define LOADED	16

/*
 * Takes frames from tun's or tap's ring. What they would do to a frame in
 * recvmsg() is done here for all at once, or in deliver().
 */
static bool take_frames(struct net_backend *b)
{
	struct net_device *dev = NULL;
	unsigned int bytes = 0, packets = 0, n = 0;
	void *p;

	/* Not without the lock, even to look: the device may give it another array. */
	spin_lock(&b->ring->consumer_lock);
	while (n < WEFT_NET_BATCH && (p = __ptr_ring_consume(b->ring))) {
		b->frames[n++] = p;
		if (tun_is_xdp_frame(p)) {
			bytes += tun_ptr_to_xdp(p)->len;
			packets++;
		} else if (((struct sk_buff *)p)->dev) {
			bytes += ((struct sk_buff *)p)->len;
			packets++;
			dev = ((struct sk_buff *)p)->dev;
		}
	}
	if (b->kind == WEFT_BACKEND_TUN && n) {
		/* A device that goes empties the ring first, with this lock, so it is
		 * there now; later it may not be, although its frames are here.
		 */
		preempt_disable();
		if (dev)
			dev_sw_netstats_tx_add(dev, packets, bytes);
		preempt_enable();
		tun_wake_queue(b->sock->file, n);
	}
	spin_unlock(&b->ring->consumer_lock);
	b->first = 0;
	b->last = n;
	return n;
}

/**
 * weft_rx_give_back() - returns what was taken and not delivered
 * @b: backend that is not used any more
 *
 * For whoever is attached to the device next.
 */
void weft_rx_give_back(struct net_backend *b)
{
	u16 i;

	/* They were counted; and their device may be gone when they are taken again. */
	for (i = b->first; i < b->last; i++)
		if (!tun_is_xdp_frame(b->frames[i]))
			((struct sk_buff *)b->frames[i])->dev = NULL;
	if (b->ring && b->first != b->last)
		ptr_ring_unconsume(b->ring, b->frames + b->first, b->last - b->first,
				   tun_ptr_free);
	b->first = 0;
	b->last = 0;
}

static u32 skb_frame_len(const struct sk_buff *skb)
{
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

/* Bytes of the next frame; 0 if there is none. */
static u32 next_len(struct net_backend *b)
{
	struct sk_buff_head *q;
	struct sk_buff *skb;
	unsigned long flags;
	u32 len = 0;
	void *p;

	if (likely(b->ring)) {
		if (b->first == b->last && !take_frames(b))
			return 0;
		p = b->frames[b->first];
		return tun_is_xdp_frame(p) ? tun_ptr_to_xdp(p)->len : skb_frame_len(p);
	}
	q = &b->sock->sk->sk_receive_queue;
	spin_lock_irqsave(&q->lock, flags);
	skb = skb_peek(q);
	if (skb)
		len = skb_frame_len(skb);
	spin_unlock_irqrestore(&q->lock, flags);
	return len;
}

static bool have_frame(struct weft_vq *vq)
{
	struct net_backend *b = vq->backend;

	if (b->ring)
		return b->first != b->last || !ptr_ring_empty(b->ring);
	return !skb_queue_empty_lockless(&b->sock->sk->sk_receive_queue);
}

/*
 * The common case: header and frame in one piece each.
 *
 * copy_to_user() would look up what object the frame lies in, which here costs
 * more than the copy; that skb_headlen() bytes are at skb->data is what an skb
 * is, and the room for them was just found.
 */
static bool deliver_linear(const struct virtio_net_hdr_mrg_rxbuf *h, const struct sk_buff *skb,
			   void __user *to)
{
	void __user *data = to + sizeof(*h);
	u32 len = skb->len;

	BUILD_BUG_ON(sizeof(*h) != 12);
	if (unlikely(!user_write_access_begin(to, sizeof(*h) + len)))
		return false;
	unsafe_put_user(((const u64 *)h)[0], (u64 __user *)to, fault);
	unsafe_put_user(((const u32 *)h)[2], (u32 __user *)to + 2, fault);
	user_write_access_end();
	instrument_copy_to_user(data, skb->data, len);
	return !raw_copy_to_user(data, skb->data, len);

fault:
	user_write_access_end();
	return false;
}

/* A frame of any kind, into buffers of any kind. */
static bool deliver_any(const struct net_backend *b, const struct virtio_net_hdr_mrg_rxbuf *h,
			void *frame, struct iov_iter *to)
{
	const u32 mac = 2 * ETH_ALEN;
	struct sk_buff *skb = frame;
	u32 done = 0;

	if (copy_to_iter(h, b->header, to) != b->header)
		return false;
	if (tun_is_xdp_frame(frame)) {
		struct xdp_frame *x = tun_ptr_to_xdp(frame);

		return copy_to_iter(x->data, x->len, to) == x->len;
	}
	if (skb_vlan_tag_present(skb)) {
		__be16 tag[2] = { skb->vlan_proto, htons(skb_vlan_tag_get(skb)) };

		if (skb->len < mac || skb_copy_datagram_iter(skb, 0, to, mac) ||
		    copy_to_iter(tag, sizeof(tag), to) != sizeof(tag))
			return false;
		done = mac;
	}
	return !skb_copy_datagram_iter(skb, done, to, skb->len - done);
}

static void free_frame(void *frame)
{
	if (tun_is_xdp_frame(frame))
		xdp_return_frame(tun_ptr_to_xdp(frame));
	else
		consume_skb(frame);
}

/* Drops the frame at the head of the line. */
static void drop_frame(struct weft_vq *vq, enum weft_drop why)
{
	struct net_backend *b = vq->backend;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_TRUNC };
	struct iovec none = {};

	vq->stats.drops[why]++;
	if (b->ring) {
		tun_ptr_free(b->frames[b->first++]);
		return;
	}
	iov_iter_init(&msg.msg_iter, ITER_DEST, &none, 1, 0);
	b->sock->ops->recvmsg(b->sock, &msg, 0, msg.msg_flags);
}

/*
 * A frame from the ring. Returns 0; -EFAULT if the driver's memory is not
 * there; -ENODATA if the frame is no good, and was dropped.
 */
static int deliver(struct weft_vq *vq, const struct weft_room *room, u32 need)
{
	struct net_backend *b = vq->backend;
	void *frame = b->frames[b->first];
	struct sk_buff *skb = frame;
	struct virtio_net_hdr_mrg_rxbuf h = {};
	bool xdp = tun_is_xdp_frame(frame), little = vq->ring.cfg.little;
	struct iov_iter to;

	if (likely(b->sock_header && !xdp) &&
	    unlikely(virtio_net_hdr_from_skb(skb, &h.hdr, little, true,
					     skb_vlan_tag_present(skb) ? VLAN_HLEN : 0))) {
		drop_frame(vq, WEFT_DROP_HEADER);
		return -ENODATA;
	}
	h.num_buffers = (__force __virtio16)__cpu_to_virtio16(little, room->buffers);
	if (likely(room->iovs == 1 && b->header == sizeof(h) && !xdp) &&
	    likely(!skb_is_nonlinear(skb) && !skb_vlan_tag_present(skb))) {
		if (unlikely(!deliver_linear(&h, skb, vq->iov[0].iov_base)))
			return -EFAULT;
	} else {
		iov_iter_init(&to, ITER_DEST, vq->iov, room->iovs, need);
		if (unlikely(!deliver_any(b, &h, frame, &to)))
			return -EFAULT;
	}
	b->first++;
	free_frame(frame);
	return 0;
}

/* The same for a socket that has to be asked, with results as above. */
static int deliver_by_socket(struct weft_vq *vq, const struct weft_room *room, u32 need)
{
	struct net_backend *b = vq->backend;
	/* Whatever else is in a header of ours, it says nothing. */
	struct {
		struct virtio_net_hdr_mrg_rxbuf hdr;
		u8 rest[WEFT_FEATURES_HEADER_MAX - sizeof(struct virtio_net_hdr_mrg_rxbuf)];
	} h = {};
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	__virtio16 buffers = (__force __virtio16)__cpu_to_virtio16(vq->ring.cfg.little,
								   room->buffers);
	u32 want = need - b->header + b->sock_header;
	struct iov_iter at;
	int ret;

	iov_iter_init(&msg.msg_iter, ITER_DEST, vq->iov, room->iovs, need);
	at = msg.msg_iter;
	if (!b->sock_header) {
		h.hdr.num_buffers = buffers;
		BUILD_BUG_ON(sizeof(h) != WEFT_FEATURES_HEADER_MAX);
		if (copy_to_iter(&h, b->header, &msg.msg_iter) != b->header)
			return -EFAULT;
	}
	/* It frees the frame, whatever comes of it. */
	if (b->ring)
		msg.msg_control = b->frames[b->first++];
	ret = b->sock->ops->recvmsg(b->sock, &msg, want, MSG_DONTWAIT | MSG_TRUNC);
	if (ret != want) {
		/* Somebody else read it, or the socket has other headers. */
		vq->stats.drops[WEFT_DROP_BACKEND]++;
		return ret == -EFAULT ? -EFAULT : -ENODATA;
	}
	if (b->sock_header && room->mergeable) {
		iov_iter_advance(&at, offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers));
		if (copy_to_iter(&buffers, sizeof(buffers), &at) != sizeof(buffers))
			return -EFAULT;
	}
	return 0;
}

/* Tells of what was written to the driver's memory, for the dirty log. */
static void log_room(struct weft_vq *vq, const struct weft_room *room, u32 need)
{
	unsigned int i;
	u32 len;

	for (i = 0; i < room->iovs && need; i++, need -= len) {
		len = min_t(u64, vq->iov[i].iov_len, need);
		weft_log_user(vq, (uintptr_t)vq->iov[i].iov_base, len);
	}
	if (vq->dev->log_ctx)
		eventfd_signal(vq->dev->log_ctx);
}

/* There are no frames: true if one came meanwhile. */
static bool wait_for_frame(struct weft_vq *vq)
{
	struct weft_poll *p = &vq->sock_poll;

	weft_vq_publish(vq);
	if (weft_net_busy_wait(vq, have_frame))
		return true;
	if (!p->head) {
		weft_poll_start(p, vq->backend->sock->file);
		return false;
	}
	WRITE_ONCE(p->armed, true);
	/* Armed before looking; pairs with the barrier of who wakes us. */
	smp_mb();
	if (!have_frame(vq))
		return false;
	WRITE_ONCE(p->armed, false);
	return true;
}

static void receive(struct weft_vq *vq)
{
	struct net_backend *b = vq->backend;
	struct weft_ring *r = &vq->ring;
	bool direct = b->ring && !b->extended;
	bool log = weft_dev_has(vq->dev, VHOST_F_LOG_ALL);
	u32 packets = 0, batch = 0, len, need;
	struct weft_room room = {
		.ring = r,
		.mem = &vq->mem,
		.segs = vq->segs,
		.iov = vq->iov,
		.max_walked = WEFT_NET_FRAME_DESCS,
		.mergeable = weft_dev_has(vq->dev, VIRTIO_NET_F_MRG_RXBUF),
	};
	u64 bytes = 0;
	int ret;

	for (;;) {
		/* All that is done counts, also what leads to nothing. */
		if (unlikely(packets >= WEFT_NET_PACKETS || bytes >= WEFT_NET_BYTES ||
			     r->walked >= WEFT_NET_DESCS)) {
			if (batch)
				weft_stats_batch(&vq->stats, batch);
			weft_vq_publish(vq);
			weft_net_yield(vq);
			return;
		}
		if (r->nused >= WEFT_RING_BATCH) {
			weft_stats_batch(&vq->stats, batch);
			batch = 0;
			weft_vq_publish(vq);
			if (unlikely(r->nused))
				return;
		}
		len = next_len(b);
		if (!len) {
			if (batch)
				weft_stats_batch(&vq->stats, batch);
			batch = 0;
			if (wait_for_frame(vq))
				continue;
			return;
		}
		need = len + b->header;
		ret = weft_room_find(&room, need);
		if (unlikely(ret <= 0)) {
			if (ret == -ENOSPC) {
				drop_frame(vq, WEFT_DROP_NO_BUFFER);
				packets++;
				continue;
			}
			if (batch)
				weft_stats_batch(&vq->stats, batch);
			batch = 0;
			weft_vq_publish(vq);
			if (!ret && weft_net_wait_for_buffer(vq, room.seen)) {
				packets++;
				continue;
			}
			break;
		}
		ret = likely(direct) ? deliver(vq, &room, need)
				     : deliver_by_socket(vq, &room, need);
		if (unlikely(ret)) {
			weft_room_leave(&room);
			if (ret == -ENODATA) {
				packets++;
				continue;
			}
			weft_ring_break(r, WEFT_RING_MEMORY);
			break;
		}
		if (unlikely(log))
			log_room(vq, &room, need);
		vq->stats.packets++;
		vq->stats.bytes += len;
		batch++;
		bytes += need;
		if (++packets == LOADED)
			weft_poll_stop(&vq->sock_poll);
	}
	weft_vq_publish(vq);
	if (r->fault)
		weft_vq_broken(vq);
	else if (ret == -EAGAIN)
		weft_vq_miss(vq);
}

/**
 * weft_rx_work() - serves a queue of frames to the driver
 * @work: of the queue
 */
void weft_rx_work(struct weft_work *work)
{
	struct weft_vq *vq = container_of(work, struct weft_vq, work);

	mutex_lock_nested(&vq->lock, vq->index);
	if (vq->backend && !vq->ring.fault) {
		vq->stats.runs++;
		trace_weft_vhost_kick(vq->dev->number, vq->index, vq->ring.place.avail);
		WRITE_ONCE(vq->sock_poll.armed, false);
		if (weft_vq_prepare(vq)) {
			weft_ring_kicks_off(&vq->ring);
			/* What could not be returned the last time */
			weft_vq_publish(vq);
			if (likely(!vq->ring.nused))
				receive(vq);
		}
	}
	mutex_unlock(&vq->lock);
}
