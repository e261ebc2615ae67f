/* SPDX-License-Identifier: GPL-2.0 */
/* Whether the generic way of XDP may put another skb in a frame's place (v6.9). */
#ifndef WEFT_COMPAT_LINUX_NETDEVICE_H
#define WEFT_COMPAT_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

static inline int weft_do_xdp_generic(struct bpf_prog *prog, struct sk_buff **skb)
{
#ifdef WEFT_HAVE_XDP_GENERIC_PSKB
	return do_xdp_generic(prog, skb);
#else
	return do_xdp_generic(prog, *skb);
#endif
}

#endif /* WEFT_COMPAT_LINUX_NETDEVICE_H */
