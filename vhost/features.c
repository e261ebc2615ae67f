// SPDX-License-Identifier: GPL-2.0
/* What is offered. */
#include <linux/build_bug.h>
#include <linux/if_tun.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include "features.h"

#define F(bit)	(1ULL << (bit))

/**
 * weft_features_offered() - what a client may acknowledge
 *
 * Return: the same on each kernel, but for UDP tunnel segmentation, which the
 * tun driver has to know.
 */
struct weft_features weft_features_offered(void)
{
	struct weft_features f = { .word = {
		F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_F_NOTIFY_ON_EMPTY) | F(VHOST_F_LOG_ALL) |
		F(VHOST_NET_F_VIRTIO_NET_HDR) | F(VIRTIO_RING_F_INDIRECT_DESC) |
		F(VIRTIO_RING_F_EVENT_IDX) | F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM) |
		F(VIRTIO_F_RING_PACKED) | F(VIRTIO_F_IN_ORDER) | F(VIRTIO_F_RING_RESET),
	} };

#ifdef WEFT_HAVE_UDP_TUNNEL_GSO
	f.word[1] |= F(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64) |
		     F(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64);
#endif
	return f;
}

/**
 * weft_features_backend() - what VHOST_GET_BACKEND_FEATURES says
 *
 * Return: bits
 */
u64 weft_features_backend(void)
{
	return F(VHOST_BACKEND_F_IOTLB_MSG_V2) | F(VHOST_BACKEND_F_IOTLB_BATCH);
}

/**
 * weft_features_header() - length of the header before each frame
 * @f: features as acknowledged
 *
 * Return: bytes (virtio 1.3 §5.1.6)
 */
u32 weft_features_header(const struct weft_features *f)
{
	BUILD_BUG_ON(sizeof(struct virtio_net_hdr_mrg_rxbuf) > WEFT_FEATURES_HEADER_MAX);
#ifdef WEFT_HAVE_UDP_TUNNEL_GSO
	BUILD_BUG_ON(sizeof(struct virtio_net_hdr_v1_hash_tunnel) > WEFT_FEATURES_HEADER_MAX);
	if (weft_features_test(f, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO) ||
	    weft_features_test(f, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO))
		return sizeof(struct virtio_net_hdr_v1_hash_tunnel);
#endif
	if (f->word[0] & (F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_F_VERSION_1)))
		return sizeof(struct virtio_net_hdr_mrg_rxbuf);
	return sizeof(struct virtio_net_hdr);
}
