// SPDX-License-Identifier: GPL-2.0
/*
 * What the user asks of hardware, compared with what it is: it cannot be made
 * into something else, and what is asked for has to be true.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_net.h>
#include "features.h"
#include "vpci_config.h"

#define F(bit)		BIT_ULL(bit)

/* With any of these, the control queue is behind all pairs: virtio 1.3 §5.1.2. */
#define MANY	(F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS))

static int check_mac(const u8 *asked, const struct weft_vpci_params *p, char *why)
{
	if (!(p->features & F(VIRTIO_NET_F_MAC))) {
		strscpy(why, "it has no address of its own: leave mac out, the guest sets one",
			WEFT_VDPA_WHY);
		return -EINVAL;
	}
	if (!memcmp(asked, p->mac, ETH_ALEN))
		return 0;
	scnprintf(why, WEFT_VDPA_WHY,
		  "its address is %02x:%02x:%02x:%02x:%02x:%02x, which is not set here: leave mac out, and set it where the hardware is",
		  p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	return -EINVAL;
}

/**
 * weft_vpci_config_check() - what a device of hardware is to be like
 * @asked: what the user asks for
 * @params: of the hardware; then those of the device
 * @why: filled in if it is refused, with a word to the user
 *
 * Return: 0; -EINVAL; -EOPNOTSUPP for what cannot be asked of hardware
 */
int weft_vpci_config_check(const struct weft_vdpa_asked *asked, struct weft_vpci_params *params,
			   char why[WEFT_VDPA_WHY])
{
	struct weft_vpci_params p = *params;
	int ret;

	if (asked->given & ~(WEFT_ASKED_MAC | WEFT_ASKED_PAIRS | WEFT_ASKED_FEATURES)) {
		strscpy(why, "only mac, max_vqp and features can be asked of hardware",
			WEFT_VDPA_WHY);
		return -EOPNOTSUPP;
	}
	if (asked->given & WEFT_ASKED_FEATURES) {
		ret = weft_features_check(asked->features, p.features,
					  "the hardware has no", why);
		if (ret)
			return ret;
		p.features = asked->features;
	}
	if (asked->given & WEFT_ASKED_MAC) {
		ret = check_mac(asked->mac, &p, why);
		if (ret)
			return ret;
	}
	if (!(p.features & MANY))
		p.pairs = 1;
	if (asked->given & WEFT_ASKED_PAIRS && asked->pairs != p.pairs && asked->pairs != 1) {
		/*
		 * With fewer, the driver would look for the control queue where
		 * the hardware has another. Without MQ, both know.
		 */
		scnprintf(why, WEFT_VDPA_WHY,
			  "max_vqp %u cannot be, but %u, which the hardware has%s", asked->pairs,
			  p.pairs, p.pairs > 1 ? ", or 1" : "");
		return -EINVAL;
	}
	if (asked->given & WEFT_ASKED_PAIRS)
		p.pairs = asked->pairs;
	if (p.pairs == 1)
		p.features &= ~MANY;
	*params = p;
	return 0;
}
