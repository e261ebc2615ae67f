// SPDX-License-Identifier: GPL-2.0
/* The control queue (virtio 1.3 §5.1.6.5). */
#include <linux/if_vlan.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "dev.h"

/* Commands at a time; each is answered before the next one is looked at. */
#define MAX_COMMANDS	32

/**
 * weft_vdpa_ctrl_reset() - what a driver finds that has said nothing
 * @dev: device, locked
 *
 * Without VIRTIO_NET_F_CTRL_RX a driver cannot say what it wants, so it gets
 * all; with it, it is told to say so.
 */
void weft_vdpa_ctrl_reset(struct weft_vdpa *dev)
{
	struct weft_vdpa_filter *none = kzalloc(sizeof(*none), GFP_KERNEL), *old;

	lockdep_assert_held(&dev->lock);
	if (none)
		none->f.promisc = !weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_RX);
	/* Without memory there is no filter, which lets all pass. */
	old = rcu_replace_pointer(dev->filter, none, true);
	if (old)
		kfree_rcu(old, rcu);
	bitmap_zero(dev->vlans, VLAN_N_VID);
}

/* Tags are in the frame: the representor does not offer to add them. */
static bool vlan_wanted(const struct weft_vdpa *dev, const u8 *data, u32 len)
{
	const struct vlan_ethhdr *h = (const void *)data;

	if (!weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_VLAN) || len < VLAN_ETH_HLEN ||
	    h->h_vlan_proto != htons(ETH_P_8021Q))
		return true;
	return test_bit(ntohs(h->h_vlan_TCI) & VLAN_VID_MASK, dev->vlans);
}

/**
 * weft_vdpa_wanted() - whether the driver wants a frame
 * @dev: device
 * @data: frame, from its Ethernet header on
 * @len: bytes of it that are there in one piece
 *
 * Any context, without locks.
 *
 * Return: false if its filters say that it is for somebody else
 */
bool weft_vdpa_wanted(struct weft_vdpa *dev, const u8 *data, u32 len)
{
	const struct weft_vdpa_filter *f;
	bool wanted = true;

	if (unlikely(len < ETH_HLEN))
		return false;
	rcu_read_lock();
	f = rcu_dereference(dev->filter);
	if (f && !f->f.promisc)
		wanted = weft_ctrl_wants(&f->f, dev->config.mac, data) &&
			 vlan_wanted(dev, data, len);
	rcu_read_unlock();
	return wanted;
}

struct source {
	struct weft_ctrl_source source;
	struct iov_iter *from;
};

static bool read_source(struct weft_ctrl_source *source, void *to, size_t n)
{
	struct iov_iter *from = container_of(source, struct source, source)->from;

	if (to)
		return copy_from_iter_full(to, n, from);
	iov_iter_advance(from, n);
	return true;
}

/* Changes the filter for those who read it meanwhile. */
static bool replace_filter(struct weft_vdpa_vq *vq, const struct weft_ctrl_filter *f)
{
	struct weft_vdpa_filter *new = kzalloc(sizeof(*new), GFP_KERNEL), *old;
	struct weft_vdpa *dev = vq->dev;

	if (!new)
		return false;
	new->f = *f;
	old = rcu_replace_pointer(dev->filter, new, lockdep_is_held(&vq->lock));
	if (old)
		kfree_rcu(old, rcu);
	return true;
}

/* What the driver sees, and frames meet, without the lock of this queue. */
static bool apply(struct weft_vdpa_vq *vq, enum weft_ctrl_verdict what,
		  const struct weft_ctrl_state *state)
{
	struct weft_vdpa *dev = vq->dev;
	unsigned int i;

	switch (what) {
	case WEFT_CTRL_REFUSED:
		return false;
	case WEFT_CTRL_NOTHING:
		return true;
	case WEFT_CTRL_FILTER:
		return replace_filter(vq, &state->filter);
	case WEFT_CTRL_MAC:
		spin_lock_bh(&dev->config_lock);
		memcpy(dev->config.mac, state->mac, ETH_ALEN);
		spin_unlock_bh(&dev->config_lock);
		return true;
	case WEFT_CTRL_VLAN:
		if (state->vlan)
			set_bit(state->vid, dev->vlans);
		else
			clear_bit(state->vid, dev->vlans);
		return true;
	case WEFT_CTRL_PAIRS:
		WRITE_ONCE(dev->active, state->pairs);
		/* What waits for a pair that is not used is for nobody. */
		for (i = state->pairs; i < dev->pairs; i++)
			weft_vdpa_vq_queue(&dev->vqs[2 * i]);
		return true;
	case WEFT_CTRL_OFFLOADS:
		WRITE_ONCE(dev->offloads, state->offloads);
		return true;
	}
	return false;
}

static bool command(struct weft_vdpa_vq *vq, struct iov_iter *from)
{
	struct weft_vdpa *dev = vq->dev;
	struct source source = {
		.source = { .left = iov_iter_count(from), .read = read_source },
		.from = from,
	};
	struct weft_ctrl_state state = {
		.features = dev->features,
		.max_pairs = dev->pairs,
	};
	const struct weft_vdpa_filter *old;

	old = rcu_dereference_protected(dev->filter, lockdep_is_held(&vq->lock));
	if (old)
		state.filter = old->f;
	return apply(vq, weft_ctrl_command(&source.source, &state), &state);
}

/* One command and its answer. Returns as weft_ring_get(). */
static int serve(struct weft_vdpa_vq *vq)
{
	struct weft_ring *r = &vq->ring;
	u64 out = 0, in = 0;
	struct weft_chain c;
	struct iov_iter from;
	int ret, n, m;
	u8 *ack;

	ret = weft_ring_get(r, &c, vq->segs, WEFT_RING_MAX_SEGS);
	if (ret <= 0)
		return ret;
	if (!c.out || !c.in)
		return weft_ring_break(r, WEFT_RING_DIRECTION);
	n = weft_vdpa_translate(vq, vq->segs, c.out, VHOST_MAP_RO, 0, &out);
	m = n < 0 ? n : weft_vdpa_translate(vq, vq->segs + c.out, c.in, VHOST_MAP_WO, n, &in);
	if (m < 0)
		return weft_ring_break(r, WEFT_RING_MEMORY);
	if (!in)
		return weft_ring_break(r, WEFT_RING_SHORT);
	iov_iter_kvec(&from, ITER_SOURCE, (const struct kvec *)vq->iov, n, out);
	ret = command(vq, &from) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	while (!vq->iov[n].iov_len)
		n++;
	ack = (__force u8 *)vq->iov[n].iov_base;
	*ack = ret;
	vq->stats.packets++;
	vq->stats.bytes += out;
	weft_ring_put(r, &c, 1);
	weft_vdpa_vq_publish(vq);
	return 1;
}

/**
 * weft_vdpa_control() - serves the control queue
 * @vq: queue, locked, running
 */
void weft_vdpa_control(struct weft_vdpa_vq *vq)
{
	struct weft_ring_place mark;
	int ret, n = 0;

	lockdep_assert_held(&vq->lock);
	for (;;) {
		if (n++ == MAX_COMMANDS) {
			weft_vdpa_vq_queue(vq);
			return;
		}
		mark = weft_ring_mark(&vq->ring);
		ret = serve(vq);
		if (!ret) {
			ret = weft_ring_kicks_on(&vq->ring, mark);
			if (!ret)
				return;
		}
		if (ret < 0) {
			weft_vdpa_vq_broken(vq);
			return;
		}
	}
}
