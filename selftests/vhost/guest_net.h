/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's network beside a guest: backends for a vhost device, and the far
 * side of each, where a test sends and receives what the guest does.
 *
 *	guest_net_private()			a network namespace of our own
 *	guest_link_open(&l, GUEST_TAP, 12, 0)	l.backend for vhost, l.far for the test
 *
 * far is a packet socket with a virtio_net_hdr of 10 bytes before each frame,
 * and no other frames than those of the test: nothing else lives in there.
 *
 * All return 0 or a file descriptor, or -1 with errno.
 */
#ifndef WEFT_GUEST_NET_H
#define WEFT_GUEST_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum guest_backend {
	GUEST_TAP,
	GUEST_TAP_HOLDING,	/* holds back what its ring has no room for */
	GUEST_MACVTAP,
	GUEST_PACKET,		/* a packet socket on one end of a veth pair */
};

/* Instead of a header length: no header at all, for VHOST_NET_F_VIRTIO_NET_HDR. */
#define GUEST_NO_HDR	0

#define GUEST_NET_NAME	16

struct guest_link {
	int backend, far;
	int sender;			/* where frames for the guest go in: far, or another */
	int ifindex;			/* what the backend belongs to */
	char name[GUEST_NET_NAME];
	int xdp, redirect;		/* what keep programs there, or -1 */
};

/* May be called once in a process; the sysfs of that namespace is at /sys then. */
int guest_net_private(void);

/* hdr: bytes of the header that vhost passes on, 10 or 12. */
int guest_link_open(struct guest_link *l, enum guest_backend kind, int hdr);
void guest_link_close(struct guest_link *l);

/* A tap alone, up; flags besides IFF_TAP | IFF_NO_PI, such as IFF_MULTI_QUEUE. */
int guest_tap_open(const char *name, int hdr, int flags);
/* Taps of older kernels drop what there is no room for. */
bool guest_tap_can_hold(void);
/* A packet socket; one that does not receive costs the others nothing. */
int guest_packet_open(const char *ifname, bool vnet_hdr, bool receive);

/* An XDP program that returns this verdict, in the driver; -1 takes it away. */
int guest_link_xdp(struct guest_link *l, int verdict);

/*
 * From now on sender is another interface, where a program redirects all to
 * this tap: it takes them as XDP frames then. They have up to 1514 bytes.
 */
int guest_link_redirect(struct guest_link *l);

/* A frame with its header (may be NULL: nothing to say). 0 when there is none to receive. */
int guest_far_send(int far, const struct virtio_net_hdr *hdr, const void *frame, size_t len);
ssize_t guest_far_receive(int far, struct virtio_net_hdr *hdr, void *frame, size_t size);

#endif
