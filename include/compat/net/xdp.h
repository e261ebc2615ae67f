/* SPDX-License-Identifier: GPL-2.0 */
/* How a netdev says what XDP can do with it (v6.3). */
#ifndef WEFT_COMPAT_NET_XDP_H
#define WEFT_COMPAT_NET_XDP_H

#include_next <net/xdp.h>

/* Programs of its own, also such that redirect, and frames redirected to it */
#ifdef WEFT_HAVE_XDP_FEATURES
#define WEFT_XDP_ACTS	(NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_NDO_XMIT)
#else
#define WEFT_XDP_ACTS	0
#endif

static inline void weft_set_xdp_features(struct net_device *netdev, u32 features)
{
#ifdef WEFT_HAVE_XDP_FEATURES
	netdev->xdp_features = features;
#endif
}

#endif /* WEFT_COMPAT_NET_XDP_H */
