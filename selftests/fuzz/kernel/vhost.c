// SPDX-License-Identifier: GPL-2.0
/* /dev/vhost-weft: all ioctls in any order, messages, and rings of any contents. */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest_net.h"
#include "must.h"
#include "steps.h"
#include "vhost_new.h"

#define F(bit)	(1ULL << (bit))
#define QUEUES	2
#define TX	1

static struct rings rings;
static struct guest_link tap;
static int dev = -1, call[QUEUES], err[QUEUES];
static uint8_t features_byte;
static uint64_t features;
static bool dirty;	/* not as set_up() leaves it */

static const struct arg_ioctl ioctls[] = {
	{ VHOST_SET_OWNER, ARG_NONE },
	{ VHOST_RESET_OWNER, ARG_NONE },
	{ VHOST_GET_FEATURES, ARG_U64 },
	{ VHOST_SET_FEATURES, ARG_BITS },
	{ VHOST_GET_BACKEND_FEATURES, ARG_U64 },
	{ VHOST_SET_BACKEND_FEATURES, ARG_BITS },
	{ VHOST_SET_MEM_TABLE, ARG_TABLE },
	{ VHOST_SET_LOG_BASE, ARG_ADDRESS },
	{ VHOST_SET_LOG_FD, ARG_FD },
	{ VHOST_SET_VRING_NUM, ARG_STATE },
	{ VHOST_SET_VRING_BASE, ARG_STATE },
	{ VHOST_GET_VRING_BASE, ARG_STATE },
	{ VHOST_SET_VRING_ADDR, ARG_ADDR },
	{ VHOST_SET_VRING_ENDIAN, ARG_STATE },
	{ VHOST_GET_VRING_ENDIAN, ARG_STATE },
	{ VHOST_SET_VRING_KICK, ARG_FILE },
	{ VHOST_SET_VRING_CALL, ARG_FILE },
	{ VHOST_SET_VRING_ERR, ARG_FILE },
	{ VHOST_SET_VRING_BUSYLOOP_TIMEOUT, ARG_STATE_BYTE },
	{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, ARG_STATE },
	{ VHOST_NET_SET_BACKEND, ARG_FILE },
	{ VHOST_NEW_WORKER, ARG_U32 },
	{ VHOST_FREE_WORKER, ARG_U32 },
	{ VHOST_ATTACH_VRING_WORKER, ARG_STATE },
	{ VHOST_GET_VRING_WORKER, ARG_STATE },
	{ VHOST_SET_FEATURES_ARRAY, ARG_WORDS },
	{ VHOST_GET_FEATURES_ARRAY, ARG_WORDS },
	{ VHOST_SET_FORK_FROM_OWNER, ARG_U32 },
	{ VHOST_GET_FORK_FROM_OWNER, ARG_U32 },
	{ 0, ARG_BYTES },
};

static void answer(struct bytes *in);
static void again(unsigned int n);

static const struct steps steps = {
	.rings = &rings,
	.dev = &dev,
	.dirty = &dirty,
	.ioctls = ioctls,
	.n = sizeof(ioctls) / sizeof(*ioctls),
	.own = answer,
	.again = again,
};

static bool iotlb(void)
{
	return features & F(VIRTIO_F_ACCESS_PLATFORM);
}

static uint64_t ring_addr(uint32_t offset)
{
	return iotlb() ? GPA + offset : mem_user(offset);
}

static void attach(unsigned int n)
{
	steps_vring(&steps, VHOST_SET_VRING_BASE, n, ring_base(&rings, &rings.ring[n]));
	steps_vfile(&steps, VHOST_NET_SET_BACKEND, n, tap.backend);
}

static void restart(unsigned int n)
{
	counts.calls += 3;
	steps_vfile(&steps, VHOST_NET_SET_BACKEND, n, -1);
	attach(n);
}

/* A frame for the guest, on its way to the tap. */
static void feed(unsigned int frames, struct bytes *in)
{
	feed_frames(tap.sender, frames, in);
}

static void map(uint32_t from, uint32_t to, uint8_t perm)
{
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2, .iotlb = {
		.iova = GPA + from, .size = to - from, .uaddr = mem_user(from), .perm = perm,
		.type = VHOST_IOTLB_UPDATE } };

	counts.calls++;
	if (write(dev, &m, sizeof(m)) < 0)
		dirty = true;
}

static void set_table(void)
{
	static const uint32_t at[] = { 0, MEM_BORDER, MEM_BORDER2, MEM_SIZE };
	struct {
		struct vhost_memory head;
		struct vhost_memory_region regions[3];
	} t = { .head.nregions = 3 };

	for (unsigned int i = 0; i < 3; i++)
		t.regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = GPA + at[i], .memory_size = at[i + 1] - at[i],
			.userspace_addr = mem_user(at[i]),
		};
	ioctl(dev, VHOST_SET_MEM_TABLE, &t);
}

static void set_ring(unsigned int n)
{
	struct vhost_vring_addr a = {
		.index = n,
		.desc_user_addr = ring_addr(RING_DESC(n)),
		.avail_user_addr = ring_addr(RING_DRIVER(n)),
		.used_user_addr = ring_addr(RING_DEVICE(n)),
		.flags = features & F(VHOST_F_LOG_ALL) ? 1 : 0,
		.log_guest_addr = RING_DEVICE(n),
	};

	ring_reset(&rings, n, &rings.ring[n]);
	steps_vring(&steps, VHOST_SET_VRING_NUM, n, rings.ring[n].size);
	ioctl(dev, VHOST_SET_VRING_ADDR, &a);
	if (dirty) {
		steps_vfile(&steps, VHOST_SET_VRING_KICK, n, rings.ring[n].kick);
		steps_vfile(&steps, VHOST_SET_VRING_CALL, n, call[n]);
		steps_vfile(&steps, VHOST_SET_VRING_ERR, n, err[n]);
		steps_vring(&steps, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, n, 0);
	}
	attach(n);
}

static uint64_t features_of(uint8_t b)
{
	static const uint8_t bits[] = {
		VIRTIO_F_RING_PACKED, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_F_IN_ORDER, VIRTIO_F_ACCESS_PLATFORM, VHOST_F_LOG_ALL,
		VIRTIO_NET_F_MRG_RXBUF,
	};
	uint64_t f = b & 0x80 ? 0 : F(VIRTIO_F_VERSION_1);

	for (unsigned int i = 0; i < 7; i++)
		f |= b >> i & 1 ? F(bits[i]) : 0;
	return f;
}

/*
 * Workers have the priority that their owner had when they began, and run at
 * once if it has less from then on.
 */
static void set_owner(void)
{
	setpriority(PRIO_PROCESS, 0, 0);
	ioctl(dev, VHOST_SET_OWNER, NULL);
	setpriority(PRIO_PROCESS, 0, 19);
}

/* A device that works, with features and rings that the input tells. */
static void set_up(struct bytes *in)
{
	static const uint16_t sizes[] = { 256, 1, 2, 4, 16, 64, 128, 3 };
	static const uint16_t bases[] = { 0, 1, 65535, 65530 };
	uint64_t log = (uintptr_t)mem + MEM_LOG, v2 = F(VHOST_BACKEND_F_IOTLB_MSG_V2);
	uint8_t b = get8(in), how = get8(in);

	if (b != features_byte)
		dirty = true;
	if (how & 0x20) {
		close(dev);
		dev = open("/dev/vhost-weft", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		MUST(dev < 0);
		dirty = true;
	}
	features_byte = b;
	features = features_of(b);
	rings.packed = features & F(VIRTIO_F_RING_PACKED);
	for (unsigned int n = 0; n < QUEUES; n++) {
		rings.ring[n].size = sizes[how & 7];
		rings.ring[n].base = bases[how >> 3 & 3];
		rings.ring[n].write = n != TX;
	}
	/* Nothing at all, and then whatever is asked. */
	if (how & 0x40)
		return;
	counts.calls += 18;
	mem_reset();
	for (unsigned int n = 0; n < QUEUES; n++)
		steps_vfile(&steps, VHOST_NET_SET_BACKEND, n, -1);
	if (dirty) {
		set_owner();
		ioctl(dev, VHOST_SET_BACKEND_FEATURES, &v2);
		set_table();
		ioctl(dev, VHOST_SET_LOG_BASE, &log);
		ioctl(dev, VHOST_SET_FEATURES, &features);
	}
	/* Or it asks for what it lacks. */
	if (iotlb() && !(how & 0x80)) {
		map(0, MEM_BORDER, VHOST_ACCESS_RW);
		map(MEM_BORDER, MEM_BORDER2, VHOST_ACCESS_RW);
		map(MEM_RO, MEM_HOLE, VHOST_ACCESS_RO);
		map(MEM_AFTER, MEM_SIZE, VHOST_ACCESS_RW);
	}
	for (unsigned int n = 0; n < QUEUES; n++)
		set_ring(n);
	dirty = false;
}

/* Answers what it asks, or something else. */
static void answer(struct bytes *in)
{
	uint8_t how = get8(in);
	struct vhost_msg_v2 m;

	counts.calls++;
	if (read(dev, &m, how & 0x10 ? how : sizeof(m)) != sizeof(m))
		return;
	if (how & 1) {
		uint32_t at = (m.iotlb.iova - GPA) & ~4095ULL;

		if (at < MEM_SIZE)
			map(at, at + 4096, how & 2 ? m.iotlb.perm : VHOST_ACCESS_RW);
	} else {
		m.iotlb.type = how & 4 ? VHOST_IOTLB_ACCESS_FAIL : VHOST_IOTLB_INVALIDATE;
		counts.calls++;
		if (write(dev, &m, sizeof(m)) < 0)
			dirty = true;
	}
}

static void vhost_begin(void)
{
	/* A second of what IPv6 would say would look like something of the guest's. */
	MUST(guest_net_private());
	MUST(guest_link_open(&tap, GUEST_TAP, 12));
	mem_begin();
	for (unsigned int n = 0; n < QUEUES; n++) {
		rings.ring[n].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		call[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		MUST(rings.ring[n].kick < 0 || call[n] < 0 || err[n] < 0);
	}
	rings.feed = feed;
	rings.restart = restart;
	args_begin((const int[]){ tap.backend, tap.far, rings.ring[0].kick, call[0], err[1] }, 5);
}

static void vhost_open(void)
{
	dev = open("/dev/vhost-weft", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	MUST(dev < 0);
	dirty = true;
}

/* A ring that broke, too */
static void again(unsigned int n)
{
	ring_reset(&rings, n, &rings.ring[n]);
	restart(n);
}

static void vhost_run(struct bytes *in)
{
	set_up(in);
	steps_run(&steps, in);
}

static void vhost_close(void)
{
	steps_close(&steps);
}

const struct target target_vhost = {
	.name = "vhost",
	.begin = vhost_begin,
	.open = vhost_open,
	.run = vhost_run,
	.close = vhost_close,
};
