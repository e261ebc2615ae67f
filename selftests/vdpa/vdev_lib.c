// SPDX-License-Identifier: GPL-2.0
#include "vdev_lib.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_config.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest_net.h"
#include "guest_stats.h"
#include "kernel_log.h"
#include "must.h"
#include "vdpa_nl_lib.h"

/* The host's side */

void vdev_link(const struct vdev *v, bool up)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = up ? IFF_UP | IFF_NOARP : IFF_NOARP };

	MUST(s < 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", v->name);
	MUST(ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
}

/* It would greet its neighbours, where the kernel has it. */
static void no_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	MUST(write(fd, "1", 1) != 1);
	close(fd);
}

void vdev_make(struct vdev *v, unsigned int function, const struct vdev_config *c)
{
	unsigned int pairs = c->pairs ?: 1;
	int one = 1;

	*v = (struct vdev){ .function = function, .far = -1, .fd = -1 };
	snprintf(v->name, sizeof(v->name), "w%u", function);
	snprintf(v->dir, sizeof(v->dir), "/sys/kernel/debug/weft_vdpa/%s", v->name);
	no_ipv6();
	/* What a test before left behind, as it failed */
	if (vdpa_exists(v->name))
		MUST(vdpa_delete(v->name));
	MUST(vdpa_make(v->name, function, &(struct vdpa_make){ .pairs = pairs, .mtu = 9000 }));
	vdev_link(v, true);
	v->far = guest_packet_open(v->name, true, true);
	MUST(v->far < 0);
	/* To the device itself, whether or not the stack has seen its carrier yet */
	MUST(setsockopt(v->far, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)));
}

void vdev_unmake(struct vdev *v)
{
	vdev_leave(v);
	close(v->far);
	MUST(vdpa_delete(v->name));
}

int vdev_node(const struct vdev *v)
{
	double end = monotonic_now() + VDEV_WAIT / 1000;
	char path[300];
	int fd = -1, n = -1;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", v->name);
	d = opendir(path);
	while (d && n < 0 && (e = readdir(d)))
		sscanf(e->d_name, "vhost-vdpa-%d", &n);
	if (d)
		closedir(d);
	if (n < 0) {
		errno = ENODEV;
		return -1;
	}
	snprintf(path, sizeof(path), "/dev/vhost-vdpa-%d", n);
	while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0 && errno == ENOENT &&
	       monotonic_now() < end)
		poll(NULL, 0, 5);
	return fd;
}

/* Calls */

unsigned int vdev_index(const struct vdev *v, unsigned int n)
{
	return n == VDEV_CTRL ? v->ctrl_index : n;
}

int vdev_vring(const struct vdev *v, unsigned long request, unsigned int index, unsigned int num)
{
	struct vhost_vring_state s = { index, num };

	return ioctl(v->fd, request, &s);
}

int vdev_file(const struct vdev *v, unsigned long request, unsigned int index, int fd)
{
	struct vhost_vring_file f = { index, fd };

	return ioctl(v->fd, request, &f);
}

int vdev_addr(const struct vdev *v, unsigned int n)
{
	const struct guest_ring *ring = &v->g->ring[n];
	struct vhost_vring_addr a = {
		.index = vdev_index(v, n),
		.desc_user_addr = ring->desc_addr,
		.avail_user_addr = ring->avail_addr,
		.used_user_addr = ring->used_addr,
	};

	return ioctl(v->fd, VHOST_SET_VRING_ADDR, &a);
}

int vdev_set_status(const struct vdev *v, uint8_t status)
{
	return ioctl(v->fd, VHOST_VDPA_SET_STATUS, &status);
}

int vdev_status(const struct vdev *v)
{
	uint8_t status = 0;

	return ioctl(v->fd, VHOST_VDPA_GET_STATUS, &status) ? -1 : status;
}

int vdev_iotlb(const struct vdev *v, uint8_t type, uint32_t asid, uint64_t iova, uint64_t size,
	       const void *uaddr, uint8_t perm)
{
	struct vhost_msg_v2 m = { .type = VHOST_IOTLB_MSG_V2, .asid = asid, .iotlb = {
		.iova = iova, .size = size, .uaddr = (uintptr_t)uaddr, .perm = perm,
		.type = type } };

	return write(v->fd, &m, sizeof(m)) == sizeof(m) ? 0 : -1;
}

int vdev_map(const struct vdev *v)
{
	const struct guest_mem *m = &v->g->mem;

	return vdev_iotlb(v, VHOST_IOTLB_UPDATE, 0, m->start, m->size, m->base, VHOST_ACCESS_RW);
}

uint32_t vdev_base(const struct vdev *v, unsigned int n)
{
	struct vhost_vring_state s = { vdev_index(v, n) };

	MUST(ioctl(v->fd, VHOST_GET_VRING_BASE, &s));
	return s.num;
}

/* The guest, and the client that it has */

static uint64_t features_of(const struct vdev_config *c)
{
	return F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM) | c->features |
	       (c->no_event_idx ? 0 : F(VIRTIO_RING_F_EVENT_IDX)) |
	       (c->no_indirect ? 0 : F(VIRTIO_RING_F_INDIRECT_DESC)) |
	       (c->mergeable ? F(VIRTIO_NET_F_MRG_RXBUF) : 0) |
	       (c->packed ? F(VIRTIO_F_RING_PACKED) : 0) |
	       (c->in_order ? F(VIRTIO_F_IN_ORDER) : 0) |
	       (c->ctrl ? F(VIRTIO_NET_F_CTRL_VQ) : 0) |
	       (c->ctrl && c->pairs > 1 ? F(VIRTIO_NET_F_MQ) : 0);
}

void vguest_init(struct vguest *g, const struct vdev_config *c)
{
	unsigned int size = c->size ?: 64;
	struct guest_mem_config mc = {
		.ring_bytes = 3 * (size * 32UL + 8 * GUEST_PAGE),
		.data_bytes = (c->data_bytes ?: 1 << 20) + 3UL * size * c->table * 16,
		.iova = true,
		.shared = c->shared || getenv("WEFT_VDPA_VA"),
	};

	*g = (struct vguest){ .c = *c, .rings = c->ctrl ? 3 : 2, .features = features_of(c) };
	g->c.size = size;
	/* It is pinned. */
	MUST(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }));
	MUST(guest_mem_init(&g->mem, &mc));
	for (unsigned int i = 0; i < g->rings; i++) {
		MUST(guest_ring_init(&g->ring[i], &g->mem, size, g->features, c->table,
				     GUEST_BASE_FIRST(c->packed)));
		g->buf[i] = guest_mem_alloc(&g->mem, VDEV_BUF, 16);
		MUST(!g->buf[i]);
	}
}

void vdev_prepare(struct vdev *v, struct vguest *g)
{
	uint64_t backend = 0;

	v->g = g;
	v->fd = vdev_node(v);
	MUST(v->fd < 0);
	v->ctrl_index = g->features & F(VIRTIO_NET_F_MQ) ? 2 * g->c.pairs : 2;
	MUST(ioctl(v->fd, VHOST_SET_OWNER, NULL));
	MUST(ioctl(v->fd, VHOST_GET_BACKEND_FEATURES, &backend));
	backend &= F(VHOST_BACKEND_F_IOTLB_MSG_V2) | F(VHOST_BACKEND_F_IOTLB_BATCH) |
		   F(VHOST_BACKEND_F_IOTLB_ASID) | F(VHOST_BACKEND_F_SUSPEND) |
		   F(VDEV_BACKEND_RESUME) | F(VDEV_BACKEND_LATE_ENABLE);
	MUST(ioctl(v->fd, VHOST_SET_BACKEND_FEATURES, &backend));
	MUST(vdev_set_status(v, 0));
	MUST(vdev_set_status(v, VDEV_STATUS_DRIVER));
	MUST(ioctl(v->fd, VHOST_SET_FEATURES, &g->features));
	MUST(vdev_set_status(v, VDEV_STATUS_FEATURES));
	MUST(vdev_map(v));
}

void vdev_ring(struct vdev *v, unsigned int n, uint32_t base)
{
	const struct guest_ring *ring = &v->g->ring[n];
	unsigned int index = vdev_index(v, n);

	MUST(vdev_vring(v, VHOST_SET_VRING_NUM, index, ring->size));
	MUST(vdev_vring(v, VHOST_SET_VRING_BASE, index, base));
	MUST(vdev_addr(v, n));
	MUST(vdev_file(v, VHOST_SET_VRING_KICK, index, ring->kick));
	MUST(vdev_file(v, VHOST_SET_VRING_CALL, index, ring->call));
	MUST(vdev_vring(v, VHOST_VDPA_SET_VRING_ENABLE, index, 1));
}

void vdev_go(struct vdev *v, const uint32_t *bases)
{
	for (unsigned int i = 0; i < v->g->rings; i++)
		vdev_ring(v, i, bases ? bases[i] : v->g->ring[i].base);
	MUST(vdev_set_status(v, VDEV_STATUS_OK));
	MUST_BE_NUMBER(vdev_status(v), VDEV_STATUS_OK);
}

void vdev_begin(struct vdev *v, struct vguest *g, const uint32_t *bases)
{
	vdev_prepare(v, g);
	vdev_go(v, bases);
}

void vdev_leave(struct vdev *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

void vdev_restart(struct vdev *v)
{
	struct vguest *g = v->g;

	vdev_leave(v);
	for (unsigned int i = 0; i < g->rings; i++) {
		guest_event_take(g->ring[i].kick);
		guest_event_take(g->ring[i].call);
		guest_ring_reset(&g->ring[i], GUEST_BASE_FIRST(g->c.packed));
	}
	vdev_begin(v, g, NULL);
}
