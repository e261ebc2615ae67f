/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vpci_config - what the user asks of hardware, compared with what it is
 *
 * A logic room: plain data in, plain data or a word out.
 */
#ifndef WEFT_VDPA_VPCI_CONFIG_H
#define WEFT_VDPA_VPCI_CONFIG_H

#include "config.h"

/**
 * struct weft_vpci_params - what hardware is like, or what a device of it is
 * @features: that it offers
 * @pairs: of queues
 * @mac: address, if it has the feature
 */
struct weft_vpci_params {
	u64 features;
	u16 pairs;
	u8 mac[ETH_ALEN];
};

int weft_vpci_config_check(const struct weft_vdpa_asked *asked, struct weft_vpci_params *params,
			   char why[WEFT_VDPA_WHY]);

#endif /* WEFT_VDPA_VPCI_CONFIG_H */
