// SPDX-License-Identifier: GPL-2.0
/* What commands of the control queue mean, and what the receive filter lets pass. */
#include <linux/bits.h>
#include <linux/etherdevice.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_net.h>
#include "ctrl_cmd.h"

#define VIDS	4096

static bool has(const struct weft_ctrl_state *s, unsigned int bit)
{
	return s->features & BIT_ULL(bit);
}

static bool take(struct weft_ctrl_source *from, void *to, size_t n)
{
	if (n > from->left || !from->read(from, to, n))
		return false;
	from->left -= n;
	return true;
}

static bool set_mode(struct weft_ctrl_filter *f, u8 cmd, struct weft_ctrl_source *from)
{
	bool *const modes[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &f->promisc,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &f->allmulti,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &f->alluni,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &f->nomulti,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &f->nouni,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &f->nobcast,
	};
	u8 on;

	if (cmd >= ARRAY_SIZE(modes) || !take(from, &on, 1) || on > 1)
		return false;
	*modes[cmd] = on;
	return true;
}

/* Two tables, of single stations and of groups; longer ones mean all of them. */
static bool set_table(struct weft_ctrl_filter *f, struct weft_ctrl_source *from)
{
	__le32 entries;
	bool fits;
	size_t n;
	int i;

	f->nmacs = 0;
	f->overflow = false;
	for (i = 0; i < 2; i++) {
		if (!take(from, &entries, sizeof(entries)))
			return false;
		n = le32_to_cpu(entries);
		fits = n <= WEFT_VDPA_MACS - f->nmacs;
		if (n && !take(from, fits ? f->macs[f->nmacs] : NULL, n * ETH_ALEN))
			return false;
		if (fits)
			f->nmacs += n;
		else
			f->overflow = true;
	}
	return true;
}

static enum weft_ctrl_verdict set_filter(struct weft_ctrl_state *s,
					 const struct virtio_net_ctrl_hdr *h,
					 struct weft_ctrl_source *from)
{
	struct weft_ctrl_filter f = s->filter;

	if (h->class == VIRTIO_NET_CTRL_MAC ? !set_table(&f, from) : !set_mode(&f, h->cmd, from))
		return WEFT_CTRL_REFUSED;
	s->filter = f;
	return WEFT_CTRL_FILTER;
}

static enum weft_ctrl_verdict set_mac(struct weft_ctrl_state *s, struct weft_ctrl_source *from)
{
	u8 mac[ETH_ALEN];

	if (!take(from, mac, sizeof(mac)) || !is_valid_ether_addr(mac))
		return WEFT_CTRL_REFUSED;
	memcpy(s->mac, mac, sizeof(mac));
	return WEFT_CTRL_MAC;
}

static enum weft_ctrl_verdict set_vlan(struct weft_ctrl_state *s, u8 cmd,
				       struct weft_ctrl_source *from)
{
	__le16 vid;

	if ((cmd != VIRTIO_NET_CTRL_VLAN_ADD && cmd != VIRTIO_NET_CTRL_VLAN_DEL) ||
	    !take(from, &vid, sizeof(vid)) || le16_to_cpu(vid) >= VIDS)
		return WEFT_CTRL_REFUSED;
	s->vid = le16_to_cpu(vid);
	s->vlan = cmd == VIRTIO_NET_CTRL_VLAN_ADD;
	return WEFT_CTRL_VLAN;
}

static enum weft_ctrl_verdict set_pairs(struct weft_ctrl_state *s, struct weft_ctrl_source *from)
{
	__le16 pairs;

	if (!take(from, &pairs, sizeof(pairs)) || !pairs || le16_to_cpu(pairs) > s->max_pairs)
		return WEFT_CTRL_REFUSED;
	s->pairs = le16_to_cpu(pairs);
	return WEFT_CTRL_PAIRS;
}

static enum weft_ctrl_verdict set_offloads(struct weft_ctrl_state *s,
					   struct weft_ctrl_source *from)
{
	__le64 offloads;

	if (!take(from, &offloads, sizeof(offloads)) || le64_to_cpu(offloads) & ~s->features)
		return WEFT_CTRL_REFUSED;
	s->offloads = le64_to_cpu(offloads);
	return WEFT_CTRL_OFFLOADS;
}

/**
 * weft_ctrl_command() - what a command asks for
 * @from: command, from its class on
 * @state: changed as it asks
 *
 * Return: what is to be done, or WEFT_CTRL_REFUSED, and @state is as it was
 */
enum weft_ctrl_verdict weft_ctrl_command(struct weft_ctrl_source *from,
					 struct weft_ctrl_state *state)
{
	struct virtio_net_ctrl_hdr h;

	if (!take(from, &h, sizeof(h)))
		return WEFT_CTRL_REFUSED;
	switch (h.class) {
	case VIRTIO_NET_CTRL_RX:
		if (has(state, h.cmd > VIRTIO_NET_CTRL_RX_ALLMULTI ? VIRTIO_NET_F_CTRL_RX_EXTRA :
								     VIRTIO_NET_F_CTRL_RX))
			return set_filter(state, &h, from);
		break;
	case VIRTIO_NET_CTRL_MAC:
		if (h.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET && has(state, VIRTIO_NET_F_CTRL_RX))
			return set_filter(state, &h, from);
		if (h.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET && has(state, VIRTIO_NET_F_CTRL_MAC_ADDR))
			return set_mac(state, from);
		break;
	case VIRTIO_NET_CTRL_VLAN:
		if (has(state, VIRTIO_NET_F_CTRL_VLAN))
			return set_vlan(state, h.cmd, from);
		break;
	case VIRTIO_NET_CTRL_ANNOUNCE:
		if (h.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK &&
		    has(state, VIRTIO_NET_F_GUEST_ANNOUNCE))
			return WEFT_CTRL_NOTHING;
		break;
	case VIRTIO_NET_CTRL_MQ:
		if (h.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && has(state, VIRTIO_NET_F_MQ))
			return set_pairs(state, from);
		break;
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		if (h.cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET &&
		    has(state, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
			return set_offloads(state, from);
		break;
	}
	return WEFT_CTRL_REFUSED;
}

static bool in_table(const struct weft_ctrl_filter *f, const u8 *mac)
{
	int i;

	for (i = 0; i < f->nmacs; i++)
		if (!memcmp(f->macs[i], mac, ETH_ALEN))
			return true;
	return false;
}

/**
 * weft_ctrl_wants() - whether a filter lets a frame pass
 * @f: filter
 * @own: the device's address
 * @mac: whom the frame is for
 *
 * Return: whether the driver wants it
 */
bool weft_ctrl_wants(const struct weft_ctrl_filter *f, const u8 *own, const u8 *mac)
{
	if (f->promisc)
		return true;
	if (is_broadcast_ether_addr(mac))
		return !f->nobcast;
	if (is_multicast_ether_addr(mac))
		return !f->nomulti && (f->allmulti || f->overflow || in_table(f, mac));
	return !f->nouni && (f->alluni || f->overflow || !memcmp(own, mac, ETH_ALEN) ||
			     in_table(f, mac));
}
