/* SPDX-License-Identifier: GPL-2.0 */
/* How a batch of frames is passed to tun and tap (TUN_MSG_PTR). */
#ifndef WEFT_COMPAT_LINUX_IF_TUN_H
#define WEFT_COMPAT_LINUX_IF_TUN_H

#include_next <linux/if_tun.h>

struct virtio_net_hdr;

/* Room before a frame that the driver takes for the frame's header. */
#ifdef WEFT_HAVE_TUN_XDP_HDR
#define WEFT_TUN_HDR_ROOM	sizeof(struct tun_xdp_hdr)
#else
#define WEFT_TUN_HDR_ROOM	sizeof(struct virtio_net_hdr)
#endif

/* Where the header of a frame goes, in a buffer of @buflen bytes at @start. */
static inline struct virtio_net_hdr *weft_tun_hdr(void *start, unsigned int buflen)
{
#ifdef WEFT_HAVE_TUN_XDP_HDR
	struct tun_xdp_hdr *h = start;

	h->buflen = buflen;
	return &h->gso;
#else
	return start;
#endif
}

#ifndef WEFT_HAVE_TUN_WAKE_QUEUE
static inline void tun_wake_queue(struct file *file, int consumed)
{
}
#endif

#endif /* WEFT_COMPAT_LINUX_IF_TUN_H */
