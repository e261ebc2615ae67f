// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and copy of each call that makes a vDPA device, drives it and
 * takes it away fails once, and the device then serves both ways all the same.
 */
#include <linux/if_packet.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask_lib.h"
#include "guest_net.h"
#include "kselftest.h"
#include "must.h"
#include "vdev_lib.h"
#include "vdpa_nl_lib.h"
#include "walk_lib.h"

static struct vdev_config c;
static struct vdev v;
static struct vguest g;

static int forget_device(void)
{
	return vdpa_exists(v.name) ? vdpa_delete(v.name) : 0;
}

static int have_device(void)
{
	return vdpa_exists(v.name) ? 0 : vdpa_make(v.name, 0, &(struct vdpa_make){ });
}

/*
 * The bus says nothing of a driver that had no memory to take the device: there
 * is one then, without a node, as long as nobody binds it again.
 */
static int make_add(void)
{
	char path[64];

	if (ask_for_device())
		return -1;
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver", v.name);
	if (!access(path, F_OK))
		return 0;
	MUST(forget_device());
	errno = ENODEV;
	return -1;
}

static int make_del(void)
{
	return ask_for_none();
}

/* To make one takes longer than all the rest; it has a life of its own. */
static bool kept;

static void begin(void)
{
	MUST(kept ? have_device() : forget_device());
	vguest_init(&g, &c);
	v.g = &g;
	v.ctrl_index = 2;
}

static void end(void)
{
	vdev_leave(&v);
	if (v.far >= 0)
		close(v.far);
	v.far = -1;
	for (unsigned int i = 0; i < g.rings; i++)
		guest_ring_free(&g.ring[i]);
	guest_mem_free(&g.mem);
	MUST(!kept && forget_device());
}

static int host_side(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_NOARP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", v.name);
	MUST(s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
	v.far = guest_packet_open(v.name, true, true);
	MUST(v.far < 0);
	return setsockopt(v.far, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
}

/* Calls */

static int call(unsigned long request, void *arg)
{
	return walk_ioctl(v.fd, request, arg);
}

static char node[40];

/* Where it is; looked for before, as that is not what is walked. */
static int find_node(void)
{
	int fd = vdev_node(&v);
	char link[40];
	ssize_t n;

	if (fd < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, node, sizeof(node) - 1);
	MUST(n < 0);
	node[n] = 0;
	return close(fd);
}

static int make_open(void)
{
	walk_arm();
	v.fd = open(node, O_RDWR | O_CLOEXEC);
	walk_disarm();
	return v.fd < 0 ? -1 : 0;
}

static int make_close(void)
{
	int fd = v.fd;

	v.fd = -1;
	walk_arm();
	fd = close(fd);
	walk_disarm();
	return fd;
}

static int make_owner(void)
{
	return call(VHOST_SET_OWNER, NULL);
}

static int set_backend_features(void)
{
	uint64_t f = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2 | 1ULL << VHOST_BACKEND_F_SUSPEND |
		     1ULL << VHOST_BACKEND_F_IOTLB_BATCH | 1ULL << VDEV_BACKEND_RESUME;

	return call(VHOST_SET_BACKEND_FEATURES, &f);
}

static int get_features(void)
{
	uint64_t f;

	return call(VHOST_GET_FEATURES, &f);
}

static int set_features(void)
{
	uint64_t f = g.features;

	return call(VHOST_SET_FEATURES, &f);
}

static int set_status(uint8_t status)
{
	if (call(VHOST_VDPA_SET_STATUS, &status))
		return -1;
	return vdev_status(&v) == status ? 0 : -1;
}

static int reset(void)
{
	return set_status(0);
}

static int driver(void)
{
	return set_status(VDEV_STATUS_DRIVER);
}

static int features_ok(void)
{
	return set_status(VDEV_STATUS_FEATURES);
}

/*
 * What the bus has no answer for, as where there is no memory for a thread, the
 * device tells by its status, which asks for a reset.
 */
static int driver_ok(void)
{
	if (!set_status(VDEV_STATUS_OK))
		return 0;
	if (vdev_status(&v) == (VDEV_STATUS_OK | VIRTIO_CONFIG_S_NEEDS_RESET))
		errno = EIO;
	return -1;
}

static int message(uint8_t type)
{
	const struct guest_mem *m = &g.mem;
	int ret;

	walk_arm();
	ret = vdev_iotlb(&v, type, 0, m->start, m->size, m->base, VHOST_ACCESS_RW);
	walk_disarm();
	return ret;
}

/* Or the device would hear of each piece of memory that is one, and wait each time. */
static int batch_begin(void)
{
	return message(VHOST_IOTLB_BATCH_BEGIN);
}

static int batch_end(void)
{
	return message(VHOST_IOTLB_BATCH_END);
}

/* The bus tells nobody that a device had no memory for it: then nothing is mapped. */
static int map_end(void)
{
	if (batch_end())
		return -1;
	errno = ENOMEM;
	return vdev_text(&v, -1, "space.0")[0] == '0' ? -1 : 0;
}

static int map(void)
{
	return message(VHOST_IOTLB_UPDATE);
}

static int unmap(void)
{
	return message(VHOST_IOTLB_INVALIDATE);
}

static int get_config(void)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t mac[6];
	} config = { .head = { .len = 6 } };

	return call(VHOST_VDPA_GET_CONFIG, &config);
}

static int get_id(void)
{
	uint32_t id;

	return call(VHOST_VDPA_GET_DEVICE_ID, &id);
}

static int get_num(void)
{
	uint16_t num;

	return call(VHOST_VDPA_GET_VRING_NUM, &num);
}

static int config_call(void)
{
	int fd = g.ring[0].err;

	return call(VHOST_VDPA_SET_CONFIG_CALL, &fd);
}

static int suspend(void)
{
	return call(VHOST_VDPA_SUSPEND, NULL);
}

static int resume(void)
{
	return call(VHOST_VDPA_RESUME, NULL);
}

static int address(unsigned int q)
{
	int ret;

	walk_arm();
	ret = vdev_addr(&v, q);
	walk_disarm();
	return ret;
}

#define OF_A_QUEUE(_name, _q)						\
	static int _name##_num(void)					\
	{								\
		return walk_vring(v.fd, VHOST_SET_VRING_NUM, _q, g.ring[_q].size);	\
	}								\
	static int _name##_base(void)					\
	{								\
		return walk_vring(v.fd, VHOST_SET_VRING_BASE, _q, g.ring[_q].base);	\
	}								\
	static int _name##_addr(void)					\
	{								\
		return address(_q);					\
	}								\
	static int _name##_kick(void)					\
	{								\
		return walk_file(v.fd, VHOST_SET_VRING_KICK, _q, g.ring[_q].kick);	\
	}								\
	static int _name##_call(void)					\
	{								\
		return walk_file(v.fd, VHOST_SET_VRING_CALL, _q, g.ring[_q].call);	\
	}								\
	static int _name##_enable(void)					\
	{								\
		return walk_vring(v.fd, VHOST_VDPA_SET_VRING_ENABLE, _q, 1);	\
	}

OF_A_QUEUE(rx, GUEST_RX)
OF_A_QUEUE(tx, GUEST_TX)
OF_A_QUEUE(ctrl, VDEV_CTRL)

static int rx_get_base(void)
{
	return walk_vring(v.fd, VHOST_GET_VRING_BASE, GUEST_RX, 0);
}

static int tx_get_base(void)
{
	return walk_vring(v.fd, VHOST_GET_VRING_BASE, GUEST_TX, 0);
}

static int frames(void)
{
	return vdev_send(&v) || vdev_receive(&v) ? -1 : 0;
}

/* All in promiscuous mode, which is a filter of its own. */
static int command(void)
{
	uint8_t on = 1;

	return vdev_command(&v, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &on, 1) ? -1 : 0;
}

static const struct walk_call add_it[] = {
	WALK_AGAIN(make_add, forget_device),
};

static const struct walk_call find_it[] = { SURE(host_side), SURE(find_node) };

static const struct walk_call prepare[] = {
	WALK(make_open), WALK(make_owner), WALK(get_id), WALK(get_num), WALK(set_backend_features),
	WALK(reset), WALK(driver), WALK(get_features), WALK(set_features), WALK(features_ok),
	WALK(get_config), WALK(config_call), WALK(batch_begin), WALK(map),
	WALK_AGAIN(map_end, batch_begin),
};

static const struct walk_call queues[] = {
	WALK(rx_num), WALK(rx_base), WALK(rx_addr), WALK(rx_kick), WALK(rx_call), WALK(rx_enable),
	WALK(tx_num), WALK(tx_base), WALK(tx_addr), WALK(tx_kick), WALK(tx_call), WALK(tx_enable),
};

static const struct walk_call control[] = {
	WALK(ctrl_num), WALK(ctrl_base), WALK(ctrl_addr), WALK(ctrl_kick), WALK(ctrl_call),
	WALK(ctrl_enable),
};

/* What a driver does that is asked to reset its device. Nothing of it fails. */
static int begin_anew(void)
{
	static int (*const steps[])(void) = {
		reset, batch_begin, unmap, batch_end, driver, set_features, features_ok,
		batch_begin, map, map_end,
		rx_num, rx_base, rx_addr, rx_kick, rx_call, rx_enable,
		tx_num, tx_base, tx_addr, tx_kick, tx_call, tx_enable,
		ctrl_num, ctrl_base, ctrl_addr, ctrl_kick, ctrl_call, ctrl_enable,
	};
	unsigned int n = sizeof(steps) / sizeof(*steps) - (c.ctrl ? 0 : 6);

	for (unsigned int i = 0; i < n; i++)
		if (steps[i]())
			return -1;
	return 0;
}

static const struct walk_call start[] = {
	WALK_AGAIN(driver_ok, begin_anew),
};

static const struct walk_call pass[] = { SURE(frames) };
/* Before it is told so, it takes frames for its own address only. */
static const struct walk_call commands[] = { SURE(command), SURE(frames) };

static const struct walk_call hold[] = {
	WALK(suspend), WALK(rx_get_base), WALK(tx_get_base), WALK(resume), SURE(frames),
};

static const struct walk_call end_it[] = {
	WALK(suspend), WALK(reset), WALK(batch_begin), WALK(unmap), WALK(batch_end),
	WALK(make_close),
};

static const struct walk_call serve[] = {
	SURE(make_open), SURE(make_owner), SURE(set_backend_features), SURE(reset), SURE(driver),
	SURE(set_features), SURE(features_ok), SURE(batch_begin), SURE(map), SURE(batch_end),
	SURE(rx_num), SURE(rx_base), SURE(rx_addr), SURE(rx_kick),
	SURE(rx_call), SURE(rx_enable), SURE(tx_num), SURE(tx_base), SURE(tx_addr), SURE(tx_kick),
	SURE(tx_call), SURE(tx_enable), SURE(driver_ok), SURE(frames), SURE(make_close),
};

static const struct walk_call delete_it[] = {
	WALK_AGAIN(make_del, have_device),
};

static struct walk_life life = { .begin = begin, .end = end };

static void live(unsigned int least)
{
	const char *missing = walk_missing();
	long long pinned;

	if (missing)
		SKIP("%s", missing);
	c.size = 16;
	/* Each piece of it is pinned and entered, and each of that can fail. */
	c.data_bytes = 1 << 16;
	v = (struct vdev){ .name = "w0", .dir = "/sys/kernel/debug/weft_vdpa/w0", .far = -1,
			   .fd = -1 };
	ask_begin(v.name);
	pinned = walk_pinned();
	walk(&life, least);
	EXPECT_EQ(walk_failures, 0);
	/* vhost_vdpa itself forgets the pages of a piece that it cannot enter. */
	if (!kept)
		EXPECT_EQ(walk_pinned(), pinned);
	kept = false;
	MUST(forget_device());
}

static void live_plain(void)
{
	kept = true;
	WALK_PUT(&life, find_it);
	WALK_PUT(&life, prepare);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, start);
	WALK_PUT(&life, pass);
	WALK_PUT(&life, hold);
	WALK_PUT(&life, end_it);
	live(120);
}

TEST_TIMEOUT(split_rings, 600)
{
	live_plain();
}

TEST_TIMEOUT(packed_rings, 600)
{
	c.packed = true;
	live_plain();
}

TEST_TIMEOUT(control_queue, 600)
{
	kept = true;
	c.ctrl = true;
	c.features = 1ULL << VIRTIO_NET_F_CTRL_RX;
	WALK_PUT(&life, find_it);
	WALK_PUT(&life, prepare);
	WALK_PUT(&life, queues);
	WALK_PUT(&life, control);
	WALK_PUT(&life, start);
	WALK_PUT(&life, commands);
	WALK_PUT(&life, end_it);
	live(120);
}

TEST_TIMEOUT(added_and_deleted, 900)
{
	WALK_PUT(&life, add_it);
	WALK_PUT(&life, find_it);
	WALK_PUT(&life, serve);
	WALK_PUT(&life, delete_it);
	live(100);
}
