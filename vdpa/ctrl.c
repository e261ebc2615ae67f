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

	if (none)
		none->promisc = !weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_RX);
	/* Without memory there is no filter, which lets all pass. */
	old = rcu_replace_pointer(dev->filter, none, true);
	if (old)
		kfree_rcu(old, rcu);
	bitmap_zero(dev->vlans, VLAN_N_VID);
}

static bool in_table(const struct weft_vdpa_filter *f, const u8 *mac)
{
	int i;

	for (i = 0; i < f->nmacs; i++)
		if (ether_addr_equal_unaligned(f->macs[i], mac))
			return true;
	return false;
}

static bool mac_wanted(const struct weft_vdpa *dev, const struct weft_vdpa_filter *f,
		       const u8 *mac)
{
	if (f->promisc)
		return true;
	if (is_broadcast_ether_addr(mac))
		return !f->nobcast;
	if (is_multicast_ether_addr(mac))
		return !f->nomulti && (f->allmulti || f->overflow || in_table(f, mac));
	return !f->nouni && (f->alluni || f->overflow ||
			     ether_addr_equal_unaligned(dev->config.mac, mac) ||
			     in_table(f, mac));
}

/* Tags are in the frame: the representor does not offer to add them. */
static bool vlan_wanted(const struct weft_vdpa *dev, const struct sk_buff *skb)
{
	const struct vlan_ethhdr *h = (const void *)skb->data;

	if (!weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_VLAN) || skb_headlen(skb) < VLAN_ETH_HLEN ||
	    h->h_vlan_proto != htons(ETH_P_8021Q))
		return true;
	return test_bit(ntohs(h->h_vlan_TCI) & VLAN_VID_MASK, dev->vlans);
}

/**
 * weft_vdpa_wanted() - whether the driver wants a frame
 * @dev: device
 * @skb: frame, from its Ethernet header on
 *
 * Any context, without locks.
 *
 * Return: false if its filters say that it is for somebody else
 */
bool weft_vdpa_wanted(struct weft_vdpa *dev, const struct sk_buff *skb)
{
	const struct weft_vdpa_filter *f;
	bool wanted = true;

	if (unlikely(skb_headlen(skb) < ETH_HLEN))
		return false;
	rcu_read_lock();
	f = rcu_dereference(dev->filter);
	if (f && !f->promisc)
		wanted = mac_wanted(dev, f, skb->data) && vlan_wanted(dev, skb);
	rcu_read_unlock();
	return wanted;
}

/* Changes the filter for those who read it meanwhile. */
static bool replace_filter(struct weft_vdpa_vq *vq,
			   bool (*change)(struct weft_vdpa_filter *f, u8 cmd,
					  struct iov_iter *from),
			   u8 cmd, struct iov_iter *from)
{
	struct weft_vdpa *dev = vq->dev;
	struct weft_vdpa_filter *old, *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return false;
	old = rcu_dereference_protected(dev->filter, lockdep_is_held(&vq->lock));
	if (old)
		*f = *old;
	if (!change(f, cmd, from)) {
		kfree(f);
		return false;
	}
	rcu_assign_pointer(dev->filter, f);
	if (old)
		kfree_rcu(old, rcu);
	return true;
}

static bool change_mode(struct weft_vdpa_filter *f, u8 cmd, struct iov_iter *from)
{
	u8 on;

	if (copy_from_iter(&on, 1, from) != 1 || on > 1)
		return false;
	switch (cmd) {
	case VIRTIO_NET_CTRL_RX_PROMISC:
		f->promisc = on;
		return true;
	case VIRTIO_NET_CTRL_RX_ALLMULTI:
		f->allmulti = on;
		return true;
	case VIRTIO_NET_CTRL_RX_ALLUNI:
		f->alluni = on;
		return true;
	case VIRTIO_NET_CTRL_RX_NOMULTI:
		f->nomulti = on;
		return true;
	case VIRTIO_NET_CTRL_RX_NOUNI:
		f->nouni = on;
		return true;
	case VIRTIO_NET_CTRL_RX_NOBCAST:
		f->nobcast = on;
		return true;
	default:
		return false;
	}
}

/* Two tables, of single stations and of groups; longer ones mean all of them. */
static bool change_table(struct weft_vdpa_filter *f, u8 cmd, struct iov_iter *from)
{
	__le32 entries;
	u32 n;
	int i;

	f->nmacs = 0;
	f->overflow = false;
	for (i = 0; i < 2; i++) {
		if (copy_from_iter(&entries, sizeof(entries), from) != sizeof(entries))
			return false;
		n = le32_to_cpu(entries);
		if (n > iov_iter_count(from) / ETH_ALEN)
			return false;
		if (n > WEFT_VDPA_MACS - f->nmacs) {
			f->overflow = true;
			iov_iter_advance(from, n * ETH_ALEN);
			continue;
		}
		if (copy_from_iter(f->macs[f->nmacs], n * ETH_ALEN, from) != n * ETH_ALEN)
			return false;
		f->nmacs += n;
	}
	return true;
}

static bool set_mac(struct weft_vdpa_vq *vq, struct iov_iter *from)
{
	u8 mac[ETH_ALEN];

	if (copy_from_iter(mac, sizeof(mac), from) != sizeof(mac) ||
	    !is_valid_ether_addr(mac))
		return false;
	spin_lock_bh(&vq->dev->config_lock);
	memcpy(vq->dev->config.mac, mac, sizeof(mac));
	spin_unlock_bh(&vq->dev->config_lock);
	return true;
}

static bool set_vlan(struct weft_vdpa_vq *vq, u8 cmd, struct iov_iter *from)
{
	__le16 vid;

	if (copy_from_iter(&vid, sizeof(vid), from) != sizeof(vid) ||
	    le16_to_cpu(vid) >= VLAN_N_VID)
		return false;
	if (cmd == VIRTIO_NET_CTRL_VLAN_ADD)
		set_bit(le16_to_cpu(vid), vq->dev->vlans);
	else if (cmd == VIRTIO_NET_CTRL_VLAN_DEL)
		clear_bit(le16_to_cpu(vid), vq->dev->vlans);
	else
		return false;
	return true;
}

static bool set_pairs(struct weft_vdpa_vq *vq, struct iov_iter *from)
{
	__le16 pairs;

	if (copy_from_iter(&pairs, sizeof(pairs), from) != sizeof(pairs))
		return false;
	if (!pairs || le16_to_cpu(pairs) > vq->dev->pairs)
		return false;
	WRITE_ONCE(vq->dev->active, le16_to_cpu(pairs));
	return true;
}

static bool set_offloads(struct weft_vdpa_vq *vq, struct iov_iter *from)
{
	struct weft_vdpa *dev = vq->dev;
	__le64 offloads;

	if (copy_from_iter(&offloads, sizeof(offloads), from) != sizeof(offloads) ||
	    le64_to_cpu(offloads) & ~dev->features)
		return false;
	WRITE_ONCE(dev->offloads, le64_to_cpu(offloads));
	return true;
}

static bool command(struct weft_vdpa_vq *vq, struct iov_iter *from)
{
	struct weft_vdpa *dev = vq->dev;
	struct virtio_net_ctrl_hdr h;

	if (copy_from_iter(&h, sizeof(h), from) != sizeof(h))
		return false;
	switch (h.class) {
	case VIRTIO_NET_CTRL_RX:
		return weft_vdpa_has(dev, h.cmd > VIRTIO_NET_CTRL_RX_ALLMULTI ?
					  VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX) &&
		       replace_filter(vq, change_mode, h.cmd, from);
	case VIRTIO_NET_CTRL_MAC:
		if (h.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_RX) &&
			       replace_filter(vq, change_table, h.cmd, from);
		return h.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET &&
		       weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR) && set_mac(vq, from);
	case VIRTIO_NET_CTRL_VLAN:
		return weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_VLAN) && set_vlan(vq, h.cmd, from);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return weft_vdpa_has(dev, VIRTIO_NET_F_GUEST_ANNOUNCE) &&
		       h.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK;
	case VIRTIO_NET_CTRL_MQ:
		return weft_vdpa_has(dev, VIRTIO_NET_F_MQ) &&
		       h.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && set_pairs(vq, from);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return weft_vdpa_has(dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) &&
		       h.cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET && set_offloads(vq, from);
	default:
		return false;
	}
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
