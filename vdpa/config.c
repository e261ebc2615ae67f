// SPDX-License-Identifier: GPL-2.0
/* What the user asks for, checked before there is a device. */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_net.h>
#include "config.h"
#include "features.h"

#define F(bit)		BIT_ULL(bit)

static int refuse_mac(const u8 *mac, char *why)
{
	scnprintf(why, WEFT_VDPA_WHY,
		  "%02x:%02x:%02x:%02x:%02x:%02x is not the address of a single station", mac[0],
		  mac[1], mac[2], mac[3], mac[4], mac[5]);
	return -EINVAL;
}

/**
 * weft_config_check() - what a new device is to be like
 * @asked: what the user asks for
 * @can: features that a device may have
 * @params: filled in
 * @why: filled in if it is refused, with a word to the user
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP for what no device of ours has
 */
int weft_config_check(const struct weft_vdpa_asked *asked, u64 can,
		      struct weft_vdpa_params *params, char why[WEFT_VDPA_WHY])
{
	int ret;

	if (asked->given & WEFT_ASKED_OTHER) {
		strscpy(why, "only mac, mtu, max_vqp and features can be asked for", WEFT_VDPA_WHY);
		return -EOPNOTSUPP;
	}
	params->pairs = asked->given & WEFT_ASKED_PAIRS ? asked->pairs : 1;
	if (!params->pairs || params->pairs > WEFT_VDPA_MAX_PAIRS) {
		scnprintf(why, WEFT_VDPA_WHY, "max_vqp %u is not from 1 to %u", params->pairs,
			  WEFT_VDPA_MAX_PAIRS);
		return -EINVAL;
	}
	params->mtu = asked->given & WEFT_ASKED_MTU ? asked->mtu : ETH_DATA_LEN;
	if (params->mtu < ETH_MIN_MTU) {
		scnprintf(why, WEFT_VDPA_WHY, "mtu %u is not from %u to %u", params->mtu,
			  ETH_MIN_MTU, WEFT_VDPA_MTU_MAX);
		return -EINVAL;
	}
	params->any_mac = !(asked->given & WEFT_ASKED_MAC);
	if (!params->any_mac && !is_valid_ether_addr(asked->mac))
		return refuse_mac(asked->mac, why);
	memcpy(params->mac, asked->mac, ETH_ALEN);
	params->features = can;
	if (asked->given & WEFT_ASKED_FEATURES) {
		params->features = asked->features;
		ret = weft_features_check(params->features, can,
					  "no device of ours has", why);
		if (ret)
			return ret;
	} else if (params->pairs == 1) {
		params->features &= ~F(VIRTIO_NET_F_MQ);
	}
	if (params->pairs > 1 && !(params->features & F(VIRTIO_NET_F_MQ))) {
		scnprintf(why, WEFT_VDPA_WHY, "max_vqp %u needs the feature MQ", params->pairs);
		return -EINVAL;
	}
	return 0;
}

/**
 * weft_config_check_change() - whether a device can be changed so
 * @asked: what the user asks for
 * @offered: the device's features
 * @why: filled in if it is refused, with a word to the user
 *
 * Return: 0, and the address is to be changed; -EINVAL; -EOPNOTSUPP for what
 * stays as it was made
 */
int weft_config_check_change(const struct weft_vdpa_asked *asked, u64 offered,
			     char why[WEFT_VDPA_WHY])
{
	/* virtio 1.3 §5.1.4.1: the device does not change its mtu. */
	if (asked->given != WEFT_ASKED_MAC) {
		strscpy(why, "only the mac of a device can be set, all else is as it was made",
			WEFT_VDPA_WHY);
		return -EOPNOTSUPP;
	}
	if (!(offered & F(VIRTIO_NET_F_MAC))) {
		strscpy(why, "its mac cannot be set: the device was made without the feature MAC",
			WEFT_VDPA_WHY);
		return -EOPNOTSUPP;
	}
	if (!is_valid_ether_addr(asked->mac))
		return refuse_mac(asked->mac, why);
	return 0;
}
