/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ctrl_cmd - what commands of the control queue mean (virtio 1.3 §5.1.6.5)
 *
 * A logic room: bytes in, plain data out. Who calls it does what it says.
 */
#ifndef WEFT_VDPA_CTRL_CMD_H
#define WEFT_VDPA_CTRL_CMD_H

#include <linux/if_ether.h>
#include <linux/types.h>

#define WEFT_VDPA_MACS		64	/* addresses of the MAC filter */

/**
 * struct weft_ctrl_filter - which frames the driver wants
 * @promisc: all
 * @allmulti: all to groups
 * @alluni: all to single stations
 * @nomulti: none to groups
 * @nouni: none to single stations
 * @nobcast: none to all stations
 * @overflow: more addresses than the table holds
 * @nmacs: entries of @macs
 * @macs: addresses besides the device's own
 */
struct weft_ctrl_filter {
	bool promisc;
	bool allmulti;
	bool alluni;
	bool nomulti;
	bool nouni;
	bool nobcast;
	bool overflow;
	u16 nmacs;
	u8 macs[WEFT_VDPA_MACS][ETH_ALEN];
};

/**
 * struct weft_ctrl_source - a command, which may be in pieces
 * @left: bytes not yet read
 * @read: reads @n bytes, of @left at least; skips them if @to is NULL. False if
 *	they cannot be read.
 */
struct weft_ctrl_source {
	size_t left;
	bool (*read)(struct weft_ctrl_source *from, void *to, size_t n);
};

/**
 * enum weft_ctrl_verdict - what a command asks for
 * @WEFT_CTRL_REFUSED: what cannot be
 * @WEFT_CTRL_NOTHING: nothing that is to be done
 * @WEFT_CTRL_FILTER: another filter
 * @WEFT_CTRL_MAC: another address
 * @WEFT_CTRL_VLAN: a VLAN that passes, or does not
 * @WEFT_CTRL_PAIRS: another number of pairs in use
 * @WEFT_CTRL_OFFLOADS: other offloads
 */
enum weft_ctrl_verdict {
	WEFT_CTRL_REFUSED,
	WEFT_CTRL_NOTHING,
	WEFT_CTRL_FILTER,
	WEFT_CTRL_MAC,
	WEFT_CTRL_VLAN,
	WEFT_CTRL_PAIRS,
	WEFT_CTRL_OFFLOADS
};

/**
 * struct weft_ctrl_state - what commands change
 * @features: that the driver took; not changed
 * @max_pairs: of queues; not changed
 * @filter: the filter
 * @mac: the address
 * @vid: the VLAN that WEFT_CTRL_VLAN is about
 * @vlan: whether it passes
 * @pairs: pairs in use
 * @offloads: offloads
 *
 * What the verdict does not name is left as it was.
 */
struct weft_ctrl_state {
	u64 features;
	u16 max_pairs;
	struct weft_ctrl_filter filter;
	u8 mac[ETH_ALEN];
	u16 vid;
	bool vlan;
	u16 pairs;
	u64 offloads;
};

enum weft_ctrl_verdict weft_ctrl_command(struct weft_ctrl_source *from,
					 struct weft_ctrl_state *state);
bool weft_ctrl_wants(const struct weft_ctrl_filter *f, const u8 *own, const u8 *mac);

#endif /* WEFT_VDPA_CTRL_CMD_H */
