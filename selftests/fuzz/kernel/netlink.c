// SPDX-License-Identifier: GPL-2.0
/* The generic netlink family of vDPA: devices are made, set, asked and deleted. */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "vdpa_nl_lib.h"
#include "fuzz.h"

#define DEVICES	4
#define BYTES	64

static struct nl message;
static struct nl_answer answer;
static const char *const names[] = {
	"f0", "f1", "f2", "f3", "", "pci", "w%d", "a/b", "sixteen-letters-", "virtio", "lo", "..",
};

/* Names of all kinds: of devices, functions and buses. */
static const char *name(uint8_t n)
{
	if (n < 96)
		return names[n % DEVICES];
	if (n < 160)
		return vdpa_function(n % DEVICES);
	if (n < 200)
		return "pci";
	return names[n % (sizeof(names) / sizeof(*names))];
}

static void put_number(struct bytes *in, uint16_t type, unsigned int len)
{
	uint64_t n = get_number(in);

	nl_put(&message, type, &n, len);
}

/* As it should be, but for its value. */
static void put_good(struct bytes *in, uint16_t type)
{
	uint8_t bytes[8];
	uint64_t f;

	switch (type) {
	case VDPA_ATTR_MGMTDEV_BUS_NAME:
	case VDPA_ATTR_MGMTDEV_DEV_NAME:
	case VDPA_ATTR_DEV_NAME:
		nl_put_string(&message, type, name(get8(in)));
		break;
	case VDPA_ATTR_DEV_NET_CFG_MACADDR:
		for (unsigned int i = 0; i < 6; i++)
			bytes[i] = get8(in);
		nl_put(&message, type, bytes, 6);
		break;
	case VDPA_ATTR_DEV_NET_CFG_MAX_VQP:
	case VDPA_ATTR_DEV_NET_CFG_MTU:
		put_number(in, type, 2);
		break;
	case VDPA_ATTR_DEV_FEATURES:
		f = 3ULL << 32 | (uint64_t)get16(in) << 28 | get32(in);
		if (get8(in) > 250)
			f = get64(in);
		nl_put(&message, type, &f, 8);
		break;
	default:
		put_number(in, type, 4);
	}
}

/* Of any type and length, or one that says another length. */
static void put_bad(struct bytes *in)
{
	uint8_t type = get8(in), len = get8(in) % BYTES, how = get8(in), data[BYTES];
	uint16_t says = NLA_HDRLEN + len;

	for (unsigned int i = 0; i < len; i++)
		data[i] = get8(in);
	if (how & 0x80)
		says = get16(in);
	nl_put_raw(&message, (type & 63) | (how & 3) << 14, says, data, len);
}

static void begin_new(struct bytes *in)
{
	uint8_t n = get8(in);

	vdpa_put_make(&message, names[n % DEVICES], n / 4 % DEVICES);
}

static void netlink_run(struct bytes *in)
{
	static const uint8_t types[] = {
		VDPA_ATTR_DEV_NAME, VDPA_ATTR_MGMTDEV_BUS_NAME, VDPA_ATTR_MGMTDEV_DEV_NAME,
		VDPA_ATTR_DEV_NET_CFG_MACADDR, VDPA_ATTR_DEV_NET_CFG_MTU,
		VDPA_ATTR_DEV_NET_CFG_MAX_VQP, VDPA_ATTR_DEV_FEATURES, VDPA_ATTR_DEV_QUEUE_INDEX,
	};

	while (bytes_left(in)) {
		uint8_t cmd = get8(in), n = get8(in);

		if ((cmd & 15) == VDPA_CMD_DEV_NEW && !(cmd & 0x80)) {
			begin_new(in);
		} else {
			nl_begin(&message, cmd & 15);
			if (!(n & 0x40))
				nl_put_string(&message, VDPA_ATTR_DEV_NAME,
					      names[n / 8 % DEVICES]);
		}
		for (unsigned int i = n % 8; i--; ) {
			uint8_t what = get8(in);

			if (what < 224)
				put_good(in, types[what % sizeof(types)]);
			else
				put_bad(in);
		}
		counts.calls++;
		nl_send(&message, n & 0x80, &answer);
	}
}

static void netlink_begin(void)
{
	vdpa_function(0);
}

static void netlink_open(void)
{
}

static void netlink_close(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		vdpa_delete(names[i]);
}

const struct target target_netlink = {
	.name = "netlink",
	.begin = netlink_begin,
	.open = netlink_open,
	.run = netlink_run,
	.close = netlink_close,
};
