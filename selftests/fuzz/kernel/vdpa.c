// SPDX-License-Identifier: GPL-2.0
/* /dev/vhost-vdpa-N of a device of weft_vdpa, in the same way. */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guest_net.h"
#include "must.h"
#include "steps.h"
#include "vdev_lib.h"

#define QUEUES	3	/* of which the last takes commands */
#define TX	1

#define BACKEND	(F(VHOST_BACKEND_F_IOTLB_MSG_V2) | F(VHOST_BACKEND_F_IOTLB_BATCH) | \
		 F(VHOST_BACKEND_F_IOTLB_ASID) | F(VHOST_BACKEND_F_SUSPEND) | \
		 F(VDEV_BACKEND_RESUME) | F(VDEV_BACKEND_LATE_ENABLE) | F(VDEV_BACKEND_PERSIST))

static struct rings rings;
static struct vdev vdev;
static int dev = -1, call[QUEUES];
static uint64_t features;
static bool dirty;

static const struct arg_ioctl ioctls[] = {
	{ VHOST_SET_OWNER, ARG_NONE },
	{ VHOST_GET_FEATURES, ARG_U64 },
	{ VHOST_SET_FEATURES, ARG_BITS },
	{ VHOST_GET_BACKEND_FEATURES, ARG_U64 },
	{ VHOST_SET_BACKEND_FEATURES, ARG_BITS },
	{ VHOST_SET_VRING_NUM, ARG_STATE },
	{ VHOST_SET_VRING_BASE, ARG_STATE },
	{ VHOST_GET_VRING_BASE, ARG_STATE },
	{ VHOST_SET_VRING_ADDR, ARG_ADDR },
	{ VHOST_SET_VRING_KICK, ARG_FILE },
	{ VHOST_SET_VRING_CALL, ARG_FILE },
	{ VHOST_SET_VRING_ERR, ARG_FILE },
	{ VHOST_VDPA_GET_DEVICE_ID, ARG_U32 },
	{ VHOST_VDPA_GET_STATUS, ARG_U32 },
	{ VHOST_VDPA_SET_STATUS, ARG_U32 },
	{ VHOST_VDPA_GET_CONFIG, ARG_BYTES },
	{ VHOST_VDPA_SET_CONFIG, ARG_BYTES },
	{ VHOST_VDPA_SET_VRING_ENABLE, ARG_STATE },
	{ VHOST_VDPA_GET_VRING_NUM, ARG_U32 },
	{ VHOST_VDPA_SET_CONFIG_CALL, ARG_FD },
	{ VHOST_VDPA_GET_IOVA_RANGE, ARG_BYTES },
	{ VHOST_VDPA_GET_CONFIG_SIZE, ARG_U32 },
	{ VHOST_VDPA_GET_AS_NUM, ARG_U32 },
	{ VHOST_VDPA_GET_GROUP_NUM, ARG_U32 },
	{ VHOST_VDPA_GET_VRING_GROUP, ARG_STATE },
	{ VHOST_VDPA_SET_GROUP_ASID, ARG_STATE },
	{ VHOST_VDPA_SUSPEND, ARG_NONE },
	{ VHOST_VDPA_RESUME, ARG_NONE },
	{ VHOST_VDPA_GET_VRING_DESC_GROUP, ARG_STATE },
	{ VHOST_VDPA_GET_VRING_SIZE, ARG_STATE },
	{ VHOST_VDPA_GET_VQS_COUNT, ARG_U32 },
	{ 0, ARG_BYTES },
};

static void do_command(struct bytes *in);
static void restart(unsigned int n);

static const struct steps steps = {
	.rings = &rings,
	.dev = &dev,
	.dirty = &dirty,
	.change_dirties = true,
	.commands = true,
	.ioctls = ioctls,
	.n = sizeof(ioctls) / sizeof(*ioctls),
	.own = do_command,
	.again = restart,
};

static void set_status(uint8_t status)
{
	counts.calls++;
	ioctl(dev, VHOST_VDPA_SET_STATUS, &status);
}

static void set_ring(unsigned int n)
{
	struct vhost_vring_addr a = {
		.index = n,
		.desc_user_addr = GPA + RING_DESC(n),
		.avail_user_addr = GPA + RING_DRIVER(n),
		.used_user_addr = GPA + RING_DEVICE(n),
	};

	counts.calls += 5;
	ring_reset(&rings, n, &rings.ring[n]);
	steps_vring(&steps, VHOST_SET_VRING_NUM, n, rings.ring[n].size);
	steps_vring(&steps, VHOST_SET_VRING_BASE, n, ring_base(&rings, &rings.ring[n]));
	ioctl(dev, VHOST_SET_VRING_ADDR, &a);
	if (dirty)
		steps_vfile(&steps, VHOST_SET_VRING_KICK, n, rings.ring[n].kick);
	steps_vfile(&steps, VHOST_SET_VRING_CALL, n, call[n]);
	steps_vring(&steps, VHOST_VDPA_SET_VRING_ENABLE, n, 1);
}

static void message(uint8_t type, uint32_t from, uint32_t to, uint8_t perm)
{
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2, .iotlb = {
		.iova = GPA + from, .size = to - from, .uaddr = mem_user(from), .perm = perm,
		.type = type } };

	counts.calls++;
	if (write(dev, &m, sizeof(m)) < 0)
		dirty = true;
}

/* At once: the device is told of all of it each time. */
static void map(void)
{
	message(VHOST_IOTLB_BATCH_BEGIN, 0, 0, 0);
	message(VHOST_IOTLB_UPDATE, 0, MEM_BORDER, VHOST_ACCESS_RW);
	message(VHOST_IOTLB_UPDATE, MEM_BORDER, MEM_BORDER2, VHOST_ACCESS_RW);
	message(VHOST_IOTLB_UPDATE, MEM_RO, MEM_HOLE, VHOST_ACCESS_RO);
	message(VHOST_IOTLB_UPDATE, MEM_AFTER, MEM_SIZE, VHOST_ACCESS_RW);
	message(VHOST_IOTLB_BATCH_END, 0, 0, 0);
}

/* The driver begins anew, which is the only way out for a ring that broke. */
static void restart(unsigned int ignored)
{
	counts.calls += 2;
	set_status(0);
	set_status(VDEV_STATUS_DRIVER);
	ioctl(dev, VHOST_SET_FEATURES, &features);
	set_status(VDEV_STATUS_FEATURES);
	for (unsigned int n = 0; n < QUEUES; n++)
		set_ring(n);
	set_status(VDEV_STATUS_OK);
}

static void feed(unsigned int frames, struct bytes *in)
{
	feed_frames(vdev.far, frames, in);
}

static uint64_t features_of(uint8_t b)
{
	static const uint8_t bits[] = {
		VIRTIO_F_RING_PACKED, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_F_IN_ORDER, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4,
		VIRTIO_NET_F_MRG_RXBUF,
	};
	uint64_t f = F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM);

	for (unsigned int i = 0; i < 7; i++)
		f |= b >> i & 1 ? F(bits[i]) : 0;
	if (b & 0x20)
		f |= F(VIRTIO_NET_F_CSUM);
	if (b & 0x80)
		f |= F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX) | F(VIRTIO_NET_F_CTRL_VLAN);
	return f;
}

static void set_up(struct bytes *in)
{
	static const uint16_t sizes[] = { 256, 1, 2, 4, 16, 64, 128, 32 };
	static const uint16_t bases[] = { 0, 1, 65535, 65530 };
	uint8_t b = get8(in), how = get8(in);
	uint64_t backend = 0;

	features = features_of(b);
	rings.packed = features & F(VIRTIO_F_RING_PACKED);
	for (unsigned int n = 0; n < QUEUES; n++) {
		rings.ring[n].size = sizes[how & 7];
		rings.ring[n].base = bases[how >> 3 & 3];
		rings.ring[n].write = n == 0;
	}
	if (how & 0x40)
		return;
	mem_reset();
	if (dirty) {
		counts.calls += 5;
		close(dev);
		dev = vdev_node(&vdev);
		MUST(dev < 0);
		ioctl(dev, VHOST_SET_OWNER, NULL);
		ioctl(dev, VHOST_GET_BACKEND_FEATURES, &backend);
		backend &= BACKEND;
		ioctl(dev, VHOST_SET_BACKEND_FEATURES, &backend);
		map();
	}
	restart(0);
	dirty = false;
}

static void vdpa_begin(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	MUST(setrlimit(RLIMIT_MEMLOCK, &all));
	/* Workers, which are the kernel's, run at once. */
	MUST(setpriority(PRIO_PROCESS, 0, 19));
	vdev_make(&vdev, 0, &(struct vdev_config){ });
	mem_begin();
	for (unsigned int n = 0; n < QUEUES; n++) {
		rings.ring[n].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		call[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		MUST(rings.ring[n].kick < 0 || call[n] < 0);
	}
	rings.feed = feed;
	rings.restart = restart;
	args_begin((const int[]){ rings.ring[0].kick, call[0], call[1], vdev.far }, 4);
}

static void vdpa_open(void)
{
	dev = vdev_node(&vdev);
	MUST(dev < 0);
	dirty = true;
}

/* Commands are a class, a number, and what they need, with a byte for the answer. */
static void do_command(struct bytes *in)
{
	uint8_t *page = mem + MEM_BORDER;

	page[0] = get8(in) % 6;
	page[1] = get8(in) % 4;
	for (unsigned int i = 2; i < 12; i++)
		page[i] = get8(in);
	ring_offer(&rings, 2, in);
}

static void vdpa_run(struct bytes *in)
{
	set_up(in);
	steps_run(&steps, in);
}

static void vdpa_close(void)
{
	steps_close(&steps);
}

const struct target target_vdpa = {
	.name = "vdpa",
	.begin = vdpa_begin,
	.open = vdpa_open,
	.run = vdpa_run,
	.close = vdpa_close,
};
