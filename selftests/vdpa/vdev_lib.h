/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vDPA device and its host's side, and a guest that drives it.
 *
 *	vdev_open(&v, &g, &(struct vdev_config){ .packed = true })
 *	...does what no driver or VMM should...
 *	vdev_stopped(&v, GUEST_TX, "avail-jump")	stopped, counted, and only that
 *	vdev_unharmed(&v)				or: nothing has stopped at all
 *
 * The device is w0, made anew of function 0, and is up; beside it is w1, which
 * must not notice. A guest (its memory and its rings) may go to another device:
 * vdev_make(), vdev_begin(), vdev_leave(). Calls that cannot fail in a test end
 * it when they do.
 */
#ifndef WEFT_VDEV_LIB_H
#define WEFT_VDEV_LIB_H

#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <pthread.h>

#include "guest_bad.h"
#include "guest_mem.h"
#include "guest_ring.h"

#define GUEST_RX	0
#define GUEST_TX	1
#define VDEV_CTRL	2	/* of one pair */

#define VDEV_HDR	12	/* bytes before each frame */
#define VDEV_BUF	2048	/* bytes of a buffer */
#define VDEV_WAIT	30000	/* milliseconds to wait for what has to come */
#define VDEV_LINE	512	/* frames that wait in the device */

/* What <linux/vhost.h> of an older libc does not have */
#ifndef VHOST_VDPA_RESUME
#define VHOST_VDPA_RESUME	_IO(VHOST_VIRTIO, 0x7E)
#define VHOST_VDPA_GET_VRING_DESC_GROUP _IOWR(VHOST_VIRTIO, 0x7F, struct vhost_vring_state)
#endif
#ifndef VHOST_VDPA_GET_VRING_SIZE
#define VHOST_VDPA_GET_VRING_SIZE _IOWR(VHOST_VIRTIO, 0x82, struct vhost_vring_state)
#endif
#define VDEV_BACKEND_RESUME		5
#define VDEV_BACKEND_LATE_ENABLE	6
#define VDEV_BACKEND_PERSIST		8

#define VDEV_STATUS_DRIVER	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define VDEV_STATUS_FEATURES	(VDEV_STATUS_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define VDEV_STATUS_OK		(VDEV_STATUS_FEATURES | VIRTIO_CONFIG_S_DRIVER_OK)

struct vdev_config {
	unsigned int size;		/* of a ring; 0: 64 */
	unsigned int table;		/* entries of an indirect table */
	unsigned int pairs;		/* of the device, which has MQ with more than 1 */
	size_t data_bytes;		/* for buffers; 0: 1 MiB */
	bool packed, mergeable, in_order, no_event_idx, no_indirect;
	bool ctrl;			/* with a control queue, as the third ring */
	bool shared;			/* memory of a file, for devices with use_va=1 */
	uint64_t features;		/* besides */
};

/* What a guest has, whichever device it is given. */
struct vguest {
	struct vdev_config c;
	uint64_t features;
	struct guest_mem mem;
	struct guest_ring ring[3];
	unsigned int rings;
	uint64_t buf[3];		/* one of VDEV_BUF bytes for each */
	uint32_t seq[2];
};

struct vdev {
	char name[16];			/* "w" and the number of the function */
	unsigned int function;
	char dir[64];			/* in debugfs */
	int far;			/* packet socket on the representor */
	int fd;				/* of the client, or -1 */
	struct vguest *g;
	unsigned int ctrl_index;
};

void vguest_init(struct vguest *g, const struct vdev_config *c);

void vdev_make(struct vdev *v, unsigned int function, const struct vdev_config *c);
void vdev_unmake(struct vdev *v);
/* Takes the representor up or down. */
void vdev_link(const struct vdev *v, bool up);
/* Its node, open; -1 with errno. */
int vdev_node(const struct vdev *v);
/* A client: the owner, features, memory, rings, DRIVER_OK. NULL: rings at their begin. */
void vdev_begin(struct vdev *v, struct vguest *g, const uint32_t *bases);
/* In parts: up to FEATURES_OK and the maps; a ring; all rings, enabled, and DRIVER_OK */
void vdev_prepare(struct vdev *v, struct vguest *g);
void vdev_ring(struct vdev *v, unsigned int n, uint32_t base);
void vdev_go(struct vdev *v, const uint32_t *bases);
/* The client ends, and the guest is free. */
void vdev_leave(struct vdev *v);
/* Reset, and all anew, with rings that are empty. */
void vdev_restart(struct vdev *v);

void vdev_open(struct vdev *v, struct vguest *g, const struct vdev_config *c);

/* 0, or -1 with errno */
int vdev_vring(const struct vdev *v, unsigned long request, unsigned int index, unsigned int num);
int vdev_addr(const struct vdev *v, unsigned int n);
int vdev_file(const struct vdev *v, unsigned long request, unsigned int index, int fd);
int vdev_set_status(const struct vdev *v, uint8_t status);
int vdev_status(const struct vdev *v);
int vdev_iotlb(const struct vdev *v, uint8_t type, uint32_t asid, uint64_t iova, uint64_t size,
	       const void *uaddr, uint8_t perm);
/* All of the guest's memory, of which one piece may be its own. */
int vdev_map(const struct vdev *v);
/* Where a ring stands, as the device says. */
uint32_t vdev_base(const struct vdev *v, unsigned int n);
/* Of the device, of which the control queue may be behind other pairs. */
unsigned int vdev_index(const struct vdev *v, unsigned int n);

/* A frame each way, with all that it takes; one at a time. 0 or -1 and vdev_why(). */
int vdev_send(struct vdev *v);
int vdev_receive(struct vdev *v);
const char *vdev_why(void);
/* A command of the control queue: the device's answer, or -1. */
int vdev_command(struct vdev *v, uint8_t class, uint8_t cmd, const void *data, size_t len);
/* To the representor; what nobody takes is no error */
void vdev_flood(struct vdev *v, unsigned int frames, size_t len);
unsigned int vdev_arrived(struct vdev *v);

/* Both ways through w1. */
void vdev_witness(void);

/* Of a queue by its ring; -1: the device. */
long long vdev_stats(const struct vdev *v, int n, const char *key);
const char *vdev_text(const struct vdev *v, int n, const char *key);
void vdev_reaches(const struct vdev *v, int n, const char *key, long long value);
void vdev_becomes(const struct vdev *v, int n, const char *key, const char *value);
/* All that frames to (GUEST_RX) or of the driver came to. */
long long vdev_all(const struct vdev *v, int n);

void vdev_stopped(struct vdev *v, int n, const char *fault);
void vdev_unharmed(struct vdev *v);
/* No run did more than its share. */
void vdev_bounded(const struct vdev *v);

#endif
