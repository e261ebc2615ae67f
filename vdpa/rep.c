// SPDX-License-Identifier: GPL-2.0
/*
 * The netdev that represents a device on the host: what the host sends to it,
 * the driver receives, and the other way round. Bridges, Open vSwitch, tc, nft
 * and tcpdump take it for what it is, a port.
 */
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/gro_cells.h>
#include <uapi/linux/virtio_config.h>
#include "dev.h"

/* No header is as long by far; with what is before a frame, it is below 65536. */
#define CSUM_START_MAX	32768

struct rep {
	struct weft_vdpa *dev;
	unsigned int port;
	struct gro_cells cells;
};

/**
 * weft_rep_dev() - whose representor it is
 * @rep: representor
 *
 * Return: device
 */
struct weft_vdpa *weft_rep_dev(const struct net_device *rep)
{
	return ((struct rep *)netdev_priv(rep))->dev;
}

static netdev_tx_t rep_xmit(struct sk_buff *skb, struct net_device *rep)
{
	struct weft_vdpa *dev = weft_rep_dev(rep);
	u16 pair = skb_get_queue_mapping(skb), active = READ_ONCE(dev->active);
	struct weft_vdpa_vq *vq;

	vq = &dev->vqs[2 * (active && pair >= active ? pair % active : pair)];
	/* What comes for one driver must not wait for the next one. */
	if (unlikely(!(READ_ONCE(dev->status) & VIRTIO_CONFIG_S_DRIVER_OK))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_DOWN);
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	/* Redirected by XDP, it may come with its tag beside it. */
	if (unlikely(skb_vlan_tag_present(skb))) {
		skb = __vlan_hwaccel_push_inside(skb);
		if (!skb) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
			return NETDEV_TX_OK;
		}
	}
	if (unlikely(!weft_vdpa_wanted(dev, skb->data, skb_headlen(skb)))) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_FILTER);
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	/* It may wait for long, and nobody else is to wait for it. */
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC)))
		goto drop;
	skb_tx_timestamp(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);
	if (weft_fault_takes(vq, skb))
		return NETDEV_TX_OK;
	if (unlikely(ptr_ring_produce(&vq->line, skb)))
		goto drop;
	weft_vdpa_vq_queue(vq);
	return NETDEV_TX_OK;
drop:
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_LINE);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

/* What the driver cannot take, the stack does: segments and checksums. */
static netdev_features_t rep_features_check(struct sk_buff *skb, struct net_device *rep,
					    netdev_features_t features)
{
	u64 offloads = READ_ONCE(weft_rep_dev(rep)->offloads);

	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return features & ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4)))
		features &= ~NETIF_F_TSO;
	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6)))
		features &= ~NETIF_F_TSO6;
	if (!(offloads & BIT_ULL(VIRTIO_NET_F_GUEST_ECN)))
		features &= ~NETIF_F_TSO_ECN;
	return features;
}

static void rep_get_stats64(struct net_device *rep, struct rtnl_link_stats64 *s)
{
	struct weft_vdpa *dev = weft_rep_dev(rep);
	int i, k;

	for (i = 0; i < 2 * dev->pairs; i++) {
		const struct weft_vdpa_stats *q = &dev->vqs[i].stats;
		u64 drops = 0;

		for (k = 0; k < WEFT_VDPA_DROPS; k++)
			if (k != WEFT_VDPA_DROP_FILTER && k != WEFT_VDPA_DROP_XDP)
				drops += atomic64_read(&q->drops[k]);
		/* The driver's receive queues are what the host sends. */
		if (i & 1) {
			s->rx_packets += READ_ONCE(q->packets);
			s->rx_bytes += READ_ONCE(q->bytes);
			s->rx_dropped += drops;
		} else {
			s->tx_packets += READ_ONCE(q->packets);
			s->tx_bytes += READ_ONCE(q->bytes);
			s->tx_dropped += drops;
		}
	}
}

static int rep_get_phys_port_name(struct net_device *rep, char *name, size_t len)
{
	int n = snprintf(name, len, "p0vf%u", ((struct rep *)netdev_priv(rep))->port);

	return n >= len ? -EINVAL : 0;
}

static int rep_init(struct net_device *rep)
{
	return gro_cells_init(&((struct rep *)netdev_priv(rep))->cells, rep);
}

static void rep_uninit(struct net_device *rep)
{
	gro_cells_destroy(&((struct rep *)netdev_priv(rep))->cells);
}

/* The driver's link is up when the representor is. */
static int rep_open(struct net_device *rep)
{
	weft_vdpa_link(weft_rep_dev(rep), true);
	return 0;
}

static int rep_stop(struct net_device *rep)
{
	weft_vdpa_link(weft_rep_dev(rep), false);
	return 0;
}

static const struct net_device_ops rep_ops = {
	.ndo_init = rep_init,
	.ndo_uninit = rep_uninit,
	.ndo_open = rep_open,
	.ndo_stop = rep_stop,
	.ndo_start_xmit = rep_xmit,
	.ndo_features_check = rep_features_check,
	.ndo_get_stats64 = rep_get_stats64,
	.ndo_get_phys_port_name = rep_get_phys_port_name,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_bpf = weft_xdp_setup,
	.ndo_xdp_xmit = weft_xdp_xmit,
};

static void rep_get_drvinfo(struct net_device *rep, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
}

static int rep_get_link_ksettings(struct net_device *rep, struct ethtool_link_ksettings *k)
{
	k->base.speed = SPEED_10000;
	k->base.duplex = DUPLEX_FULL;
	k->base.port = PORT_OTHER;
	k->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static const struct ethtool_ops rep_ethtool_ops = {
	.get_drvinfo = rep_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = rep_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
};

static void rep_setup(struct net_device *rep)
{
	ether_setup(rep);
	rep->netdev_ops = &rep_ops;
	rep->ethtool_ops = &rep_ethtool_ops;
	rep->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE;
	rep->priv_flags &= ~IFF_TX_SKB_SHARING;
	rep->min_mtu = ETH_MIN_MTU;
	rep->max_mtu = WEFT_VDPA_MTU_MAX;
	rep->hw_features = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_TSO |
			   NETIF_F_TSO6 | NETIF_F_TSO_ECN;
	rep->features = rep->hw_features;
	rep->vlan_features = rep->hw_features;
	rep->hw_enc_features = 0;
	eth_hw_addr_random(rep);
}

/**
 * weft_rep_create() - makes the representor, without carrier
 * @dev: device
 * @name: what it is called
 * @parent: where it is in sysfs
 * @port: its number, for phys_port_name
 *
 * Takes the rtnl lock.
 *
 * Return: 0; -EEXIST if there is a netdev of this name; other errors of
 * register_netdev(). Undone by weft_rep_destroy().
 */
int weft_rep_create(struct weft_vdpa *dev, const char *name, struct device *parent,
		    unsigned int port)
{
	struct net_device *rep;
	struct rep *priv;
	int ret;

	rep = alloc_netdev_mq(sizeof(struct rep), name, NET_NAME_USER, rep_setup, dev->pairs);
	if (!rep)
		return -ENOMEM;
	priv = netdev_priv(rep);
	priv->dev = dev;
	priv->port = port;
	if (dev->config.mtu) {
		rep->mtu = le16_to_cpu((__force __le16)dev->config.mtu);
		/* virtio 1.3 §5.1.4.1: nothing larger may come to a driver that knows. */
		rep->max_mtu = rep->mtu;
	}
	SET_NETDEV_DEV(rep, parent);
	weft_set_xdp_features(rep, WEFT_XDP_ACTS);
	netif_carrier_off(rep);
	dev->rep = rep;
	ret = weft_batch_init(dev);
	if (ret)
		goto err_batch;
	rtnl_lock();
	ret = register_netdevice(rep);
	if (!ret) {
		/* A guest that can, sends in large pieces; looking for more to put
		 * together costs each small one. "ethtool -K" turns it on.
		 */
		rep->wanted_features &= ~NETIF_F_GRO;
		netdev_update_features(rep);
	}
	rtnl_unlock();
	if (!ret)
		return 0;

err_batch:
	weft_batch_exit(dev);
	free_netdev(rep);
	dev->rep = NULL;
	return ret;
}

/**
 * weft_rep_destroy() - takes the representor away
 * @dev: device, whose queues are stopped; with or without one
 */
void weft_rep_destroy(struct weft_vdpa *dev)
{
	if (!dev->rep)
		return;
	unregister_netdev(dev->rep);
	weft_batch_exit(dev);
	free_netdev(dev->rep);
	dev->rep = NULL;
}

/**
 * weft_rep_stamp() - makes a frame from the driver one of the representor's
 * @vq: queue that it came by, locked
 * @skb: frame, from its Ethernet header on
 */
void weft_rep_stamp(struct weft_vdpa_vq *vq, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, vq->dev->rep);
	skb_reset_network_header(skb);
	skb_record_rx_queue(skb, vq->index / 2);
}

/**
 * weft_rep_accept() - the same, with what virtio's header says of it
 * @vq: queue that it came by, locked
 * @skb: frame, from its Ethernet header on
 * @h: its header, a copy
 *
 * Return: the frame; NULL, and it is freed and counted, if the header asks for
 * what cannot be
 */
struct sk_buff *weft_rep_accept(struct weft_vdpa_vq *vq, struct sk_buff *skb,
				const struct virtio_net_hdr *h)
{
	bool plain = !h->flags && h->gso_type == VIRTIO_NET_HDR_GSO_NONE;

	if (unlikely(!plain)) {
		/* No other kind is offered, and none of these is cut into single bytes. */
		switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
		case VIRTIO_NET_HDR_GSO_NONE:
		case VIRTIO_NET_HDR_GSO_TCPV4:
		case VIRTIO_NET_HDR_GSO_TCPV6:
			break;
		default:
			goto bad;
		}
		/* The kernel would complain of one that it cannot count with. */
		if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
		    __virtio16_to_cpu(true, h->csum_start) > CSUM_START_MAX)
			goto bad;
		if (virtio_net_hdr_to_skb(skb, h, true))
			goto bad;
	}
	weft_rep_stamp(vq, skb);
	/*
	 * Who cuts it into segments, or accounts for them (a policer), looks at the
	 * TCP header without asking whether there is one.
	 */
	if (unlikely(skb_is_gso(skb))) {
		skb_probe_transport_header(skb);
		if (!skb_transport_header_was_set(skb) ||
		    !pskb_may_pull(skb, skb_transport_offset(skb) + sizeof(struct tcphdr)))
			goto bad;
	}
	return skb;
bad:
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_HEADER);
	kfree_skb(skb);
	return NULL;
}

/**
 * weft_rep_receive() - the host receives frames
 * @dev: device
 * @frames: linked by &sk_buff.list; empty afterwards
 */
void weft_rep_receive(struct weft_vdpa *dev, struct list_head *frames)
{
	struct rep *rep = netdev_priv(dev->rep);
	struct sk_buff *skb, *next;

	local_bh_disable();
	/* It was up when they were taken; who takes it down waits for this section. */
	if (unlikely(!(READ_ONCE(dev->rep->flags) & IFF_UP))) {
		list_for_each_entry_safe(skb, next, frames, list) {
			skb_list_del_init(skb);
			dev_core_stats_rx_dropped_inc(dev->rep);
			kfree_skb(skb);
		}
	} else if (unlikely(dev->rep->features & NETIF_F_GRO)) {
		list_for_each_entry_safe(skb, next, frames, list) {
			skb_list_del_init(skb);
			if (!skb_is_gso(skb)) {
				gro_cells_receive(&rep->cells, skb);
				continue;
			}
			/* It would not be merged, but lose where its headers are. */
			local_bh_enable();	/* what waits in the cell goes first */
			local_bh_disable();
			netif_receive_skb(skb);
		}
	} else {
		netif_receive_skb_list(frames);
	}
	local_bh_enable();
	INIT_LIST_HEAD(frames);
}
