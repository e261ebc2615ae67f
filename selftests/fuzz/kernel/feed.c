// SPDX-License-Identifier: GPL-2.0
/* Frames for a device's driver, many in a call: what a call costs here is most of it. */
#include <linux/virtio_net.h>
#include <sys/socket.h>

#include "ring.h"

#define MOST	16

void feed_frames(int far, unsigned int n, struct bytes *in)
{
	static const uint16_t sizes[] = { 14, 60, 64, 1514, 1500, 590, 15, 128 };
	static struct virtio_net_hdr hdr;
	static uint8_t frame[2048] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0 };
	struct mmsghdr all[MOST] = { };
	struct iovec iov[MOST][2];
	uint8_t size = get8(in);

	for (unsigned int i = 0; i < n && i < MOST; i++) {
		iov[i][0] = (struct iovec){ &hdr, sizeof(hdr) };
		iov[i][1] = (struct iovec){ frame, sizes[(size + i) % 8] };
		all[i].msg_hdr = (struct msghdr){ .msg_iov = iov[i], .msg_iovlen = 2 };
	}
	counts.calls++;
	/* What nobody takes is dropped, as it should be. */
	sendmmsg(far, all, n < MOST ? n : MOST, 0);
}
