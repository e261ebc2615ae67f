/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_ETHERDEVICE_H
#define WEFT_UNIT_LINUX_ETHERDEVICE_H

#include <linux/if_ether.h>
#include <linux/types.h>

/* IEEE 802: the lowest bit of the first byte says that it is a group's. */
static inline bool is_multicast_ether_addr(const u8 *mac)
{
	return mac[0] & 1;
}

static inline bool is_broadcast_ether_addr(const u8 *mac)
{
	return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

static inline bool is_valid_ether_addr(const u8 *mac)
{
	return !is_multicast_ether_addr(mac) &&
	       (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

#endif
