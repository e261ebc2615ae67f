/* SPDX-License-Identifier: GPL-2.0 */
/*
 * config - what a device is to be like: what the user asks for, checked
 *
 * A logic room: plain data in, plain data or a word out.
 */
#ifndef WEFT_VDPA_CONFIG_H
#define WEFT_VDPA_CONFIG_H

#include <linux/if_ether.h>
#include <linux/types.h>

#define WEFT_VDPA_MAX_PAIRS	16
#define WEFT_VDPA_MTU_MAX	65535
/* The longest word that is said of a refusal */
#define WEFT_VDPA_WHY		160

/* What was asked for, see &weft_vdpa_asked.given */
#define WEFT_ASKED_MAC		0x1
#define WEFT_ASKED_MTU		0x2
#define WEFT_ASKED_PAIRS	0x4
#define WEFT_ASKED_FEATURES	0x8
#define WEFT_ASKED_OTHER	0x10

/**
 * struct weft_vdpa_asked - what the user asks for
 * @given: WEFT_ASKED_..., whose fields below say something; WEFT_ASKED_OTHER if
 *	there was more, which we do not know
 * @mac: address
 * @mtu: largest frame, without Ethernet header
 * @pairs: of queues
 * @features: of virtio and of its network devices
 */
struct weft_vdpa_asked {
	unsigned int given;
	u8 mac[ETH_ALEN];
	u16 mtu;
	u16 pairs;
	u64 features;
};

/**
 * struct weft_vdpa_params - what a device is to be like, checked
 * @features: that it offers
 * @pairs: of queues
 * @mtu: largest frame, without Ethernet header
 * @any_mac: nobody said which address
 * @mac: else, that is it
 */
struct weft_vdpa_params {
	u64 features;
	u16 pairs;
	u16 mtu;
	bool any_mac;
	u8 mac[ETH_ALEN];
};

int weft_config_check(const struct weft_vdpa_asked *asked, u64 can,
		      struct weft_vdpa_params *params, char why[WEFT_VDPA_WHY]);
int weft_config_check_change(const struct weft_vdpa_asked *asked, u64 offered,
			     char why[WEFT_VDPA_WHY]);

#endif /* WEFT_VDPA_CONFIG_H */
