// SPDX-License-Identifier: GPL-2.0
/* Which socket a queue's frames go to or come from. */
#include <linux/file.h>
#include <linux/if_packet.h>
#include <linux/if_tap.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include <net/sock.h>
#include "net.h"

/**
 * weft_backend_name() - what a backend is
 * @b: backend
 *
 * Return: a word
 */
const char *weft_backend_name(const struct net_backend *b)
{
	static const char * const names[] = {
		[WEFT_BACKEND_TUN] = "tun",
		[WEFT_BACKEND_TAP] = "tap",
		[WEFT_BACKEND_PACKET] = "packet",
	};

	return names[b->kind];
}

/**
 * weft_backend_bytes() - what a backend costs a queue
 *
 * Return: bytes, without the pages that frames are in
 */
size_t weft_backend_bytes(void)
{
	return sizeof(struct net_backend);
}

/**
 * weft_net_features() - takes account of other features
 * @vq: queue, locked
 */
void weft_net_features(struct weft_vq *vq)
{
	const struct weft_features *f = &vq->dev->features;
	struct net_backend *b = vq->backend;

	lockdep_assert_held(&vq->lock);
	if (!b)
		return;
	b->header = weft_features_header(f);
	b->sock_header = weft_features_test(f, VHOST_NET_F_VIRTIO_NET_HDR) ? 0 : b->header;
	b->extended = b->header > sizeof(struct virtio_net_hdr_mrg_rxbuf);
}

/* Of the file that is looked up once, whatever else is done to the descriptor. */
static int identify(struct net_backend *b, struct file *file)
{
	struct socket *sock = sock_from_file(file);

	if (sock) {
		b->kind = WEFT_BACKEND_PACKET;
		b->sock = sock;
		/* Others have another idea of what sendmsg's frames are. */
		return sock->sk->sk_family == AF_PACKET && sock->sk->sk_type == SOCK_RAW ?
		       0 : -ENOTSOCK;
	}
	sock = tun_get_socket(file);
	if (!IS_ERR(sock)) {
		b->kind = WEFT_BACKEND_TUN;
		b->sock = sock;
		b->ring = tun_get_tx_ring(file);
	} else {
		sock = tap_get_socket(file);
		if (IS_ERR(sock))
			return -ENOTSOCK;
		b->kind = WEFT_BACKEND_TAP;
		b->sock = sock;
		b->ring = tap_get_ptr_ring(file);
	}
	if (IS_ERR(b->ring))
		b->ring = NULL;
	return 0;
}

static struct net_backend *open_backend(struct weft_dev *dev, int fd)
{
	struct net_backend *b;
	struct file *file;
	int ret;

	file = fget(fd);
	b = kvzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	ret = !b ? -ENOMEM : !file ? -ENOTSOCK : identify(b, file);
	if (!ret)
		return b;
	if (ret == -ENOTSOCK)
		weft_notice("device %d-%llu: descriptor %d is no backend: it has to be a tun or tap device that is set up, a macvtap or ipvtap, or a packet socket of type SOCK_RAW\n",
			    dev->creator, dev->number, fd);
	kvfree(b);
	if (file)
		fput(file);
	return ERR_PTR(ret);
}

/* @b is of no queue any more. */
static void close_backend(struct net_backend *b)
{
	if (!b)
		return;
	weft_frags_free(&b->frags);
	fput(b->sock->file);
	kvfree(b);
}

/* Takes the backend away, so that no frame passes any more. */
static struct net_backend *take(struct weft_vq *vq)
{
	struct net_backend *b = vq->backend;

	lockdep_assert_held(&vq->lock);
	if (!b)
		return NULL;
	weft_poll_stop(&vq->sock_poll);
	if (vq->index == WEFT_VQ_RX)
		weft_rx_give_back(b);
	weft_vq_stop(vq);
	/* The guest may begin anew now, with an IOMMU that does not know of it. */
	weft_iotlb_unmiss(vq);
	vq->backend = NULL;
	return b;
}

/**
 * weft_net_detach() - takes a queue's backend away
 * @vq: queue, not locked; the device is
 */
void weft_net_detach(struct weft_vq *vq)
{
	struct net_backend *b;

	weft_vq_lock(vq);
	b = take(vq);
	mutex_unlock(&vq->lock);
	close_backend(b);
}

static int give(struct weft_vq *vq, struct net_backend *b)
{
	int ret;

	lockdep_assert_held(&vq->lock);
	vq->backend = b;
	weft_net_features(vq);
	ret = weft_vq_start(vq);
	if (!ret && vq->index == WEFT_VQ_RX)
		ret = weft_poll_start(&vq->sock_poll, b->sock->file);
	if (ret) {
		weft_poll_stop(&vq->sock_poll);
		/* The place stays what it was. */
		weft_map_set(vq->map, NULL);
		vq->backend = NULL;
	}
	return ret;
}

/**
 * weft_net_set_backend() - VHOST_NET_SET_BACKEND
 * @dev: device, locked, called by its owner
 * @argp: struct vhost_vring_file
 *
 * Return: 0; -EFAULT; -ENOBUFS if there is no such queue; -ENOTSOCK if the file
 * is no backend; -ENOMEM; as weft_vq_start()
 */
long weft_net_set_backend(struct weft_dev *dev, void __user *argp)
{
	struct weft_vq *vq = weft_vq_from_user(dev, argp);
	struct net_backend *b, *old;
	struct vhost_vring_file f;
	long ret;

	if (IS_ERR(vq))
		return PTR_ERR(vq);
	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;
	if (f.fd == VHOST_FILE_UNBIND) {
		weft_net_detach(vq);
		return 0;
	}
	b = open_backend(dev, f.fd);
	if (IS_ERR(b))
		return PTR_ERR(b);

	weft_vq_lock(vq);
	old = vq->backend;
	if (old && old->sock == b->sock) {
		/* It is there already, and nothing is to be disturbed. */
		old = b;
		ret = 0;
	} else {
		old = take(vq);
		ret = give(vq, b);
		if (ret) {
			/* What was there before goes on, if it can. */
			if (old && !give(vq, old))
				old = NULL;
			close_backend(b);
		}
		/* Buffers may be waiting for it. */
		weft_vq_queue(vq);
	}
	mutex_unlock(&vq->lock);
	close_backend(old);
	return ret;
}

/* Whether a poll, as VHOST_SET_VRING_BUSYLOOP_TIMEOUT asks for, may go on. */
static bool may_spin(struct weft_vq *vq, u64 end)
{
	struct weft_dev_worker *w;

	/* The worker that runs this stays while the lock is held. */
	w = rcu_dereference_protected(vq->worker, lockdep_is_held(&vq->lock));
	if (!w || weft_worker_busy(w->worker) || atomic_read(&vq->wanted) || need_resched() ||
	    signal_pending(current))
		return false;
	cpu_relax();
	return local_clock() < end;
}

/**
 * weft_net_busy_wait() - polls for something
 * @vq: queue, locked, that has nothing to do
 * @ready: whether it has
 *
 * Return: true if it has. Ends at once when anything else wants the thread.
 */
bool weft_net_busy_wait(struct weft_vq *vq, bool (*ready)(struct weft_vq *vq))
{
	u64 end;

	lockdep_assert_held(&vq->lock);
	if (!vq->busyloop)
		return false;
	end = local_clock() + (u64)vq->busyloop * NSEC_PER_USEC;
	do {
		if (ready(vq)) {
			vq->stats.busy_hits++;
			return true;
		}
	} while (may_spin(vq, end));
	return false;
}

/**
 * weft_net_yield() - lets other queues have the thread, and goes on after them
 * @vq: queue, locked, that has done its share
 */
void weft_net_yield(struct weft_vq *vq)
{
	lockdep_assert_held(&vq->lock);
	vq->stats.weight++;
	vq->stats.descs += vq->ring.walked;
	vq->ring.walked = 0;
	weft_vq_queue(vq);
}

static bool poll_ring(struct weft_vq *vq, struct weft_ring_place seen)
{
	u64 end = local_clock() + (u64)vq->busyloop * NSEC_PER_USEC;

	do {
		if (weft_ring_more(&vq->ring, seen)) {
			vq->stats.busy_hits++;
			return true;
		}
	} while (may_spin(vq, end));
	return false;
}

/**
 * weft_net_wait_for_buffer() - has the queue served when the driver kicks
 * @vq: queue, locked, that needs more buffers than there are
 * @seen: see weft_ring_kicks_on()
 *
 * Return: true if some came meanwhile
 */
bool weft_net_wait_for_buffer(struct weft_vq *vq, struct weft_ring_place seen)
{
	int ret;

	lockdep_assert_held(&vq->lock);
	if (vq->busyloop && poll_ring(vq, seen))
		return true;
	ret = weft_ring_kicks_on(&vq->ring, seen);
	if (ret > 0) {
		weft_ring_kicks_off(&vq->ring);
		return true;
	}
	if (ret == -EAGAIN)
		weft_vq_miss(vq);
	else if (ret < 0)
		weft_vq_broken(vq);
	return false;
}
