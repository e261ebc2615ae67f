/* SPDX-License-Identifier: GPL-2.0 */
/* Frames between a queue and a socket: tun, tap (macvtap, ipvtap) or packet. */
#ifndef WEFT_VHOST_NET_H
#define WEFT_VHOST_NET_H

#include <linux/if_tun.h>
#include <linux/net.h>
#include <linux/ptr_ring.h>
#include <linux/uio.h>
#include <linux/virtio_net.h>
#include <net/xdp.h>
#include "dev.h"
#include <weft/frag.h>

/* After so many frames or bytes, other queues get their turn. */
#define WEFT_NET_PACKETS	256
#define WEFT_NET_BYTES		0x80000
/* Or after so many descriptors that are in buffers beside their first one: no
 * driver has as many for what is above, but a guest can have any number.
 */
#define WEFT_NET_DESCS		0x4000
/* No frame is worth more */
#define WEFT_NET_FRAME_DESCS	0x10000

/* Frames that a backend passes on without copying: as many as it can queue */
#define WEFT_NET_BATCH		WEFT_RING_BATCH

enum weft_backend_kind {
	WEFT_BACKEND_TUN,
	WEFT_BACKEND_TAP,
	WEFT_BACKEND_PACKET
};

/**
 * struct net_backend - where a queue's frames come from or go to
 * @sock: socket; a reference of its file is held
 * @kind: what it is
 * @ring: frames on their way to the driver, or NULL if they come by recvmsg
 * @header: bytes of header that the driver sees before each frame
 * @sock_header: bytes of header that the socket sees; 0 if the header is ours
 * @extended: the header is one that only the socket understands
 * @frames: taken from @ring, and not yet delivered are those from @first to @last
 * @first: see @frames
 * @last: see @frames
 * @xdp: frames for a batch to the socket
 * @nxdp: how many
 * @frags: memory for them
 */
struct net_backend {
	struct socket *sock;
	enum weft_backend_kind kind;
	struct ptr_ring *ring;
	u32 header;
	u32 sock_header;
	bool extended;
	u16 first;
	u16 last;
	u16 nxdp;
	void *frames[WEFT_NET_BATCH];
	struct xdp_buff xdp[WEFT_NET_BATCH];
	struct weft_frags frags;
};

/* net.c */
void weft_net_features(struct weft_vq *vq);
void weft_net_detach(struct weft_vq *vq);
long weft_net_set_backend(struct weft_dev *dev, void __user *argp);
const char *weft_backend_name(const struct net_backend *b);
size_t weft_backend_bytes(void);
bool weft_net_busy_wait(struct weft_vq *vq, bool (*ready)(struct weft_vq *vq));
void weft_net_yield(struct weft_vq *vq);
bool weft_net_wait_for_buffer(struct weft_vq *vq, struct weft_ring_place seen);

/* tx.c, rx.c */
void weft_tx_work(struct weft_work *work);
void weft_rx_work(struct weft_work *work);
void weft_rx_give_back(struct net_backend *b);
bool weft_rx_ready(struct weft_vq *vq);

#endif /* WEFT_VHOST_NET_H */
