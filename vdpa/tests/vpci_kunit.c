// SPDX-License-Identifier: GPL-2.0
/*
 * What the user asks of hardware: what is true is taken, what is not is refused.
 * Hardware with many pairs is here only, as QEMU's needs a network to have some.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/kernel.h>
#include <linux/string.h>

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_net.h>
#include "../vpci_config.h"
#else
#include "../vpci_config.c"
#endif

#define B(bit)	(1ull << (bit))
#define NEED	(B(VIRTIO_F_VERSION_1) | B(VIRTIO_F_ACCESS_PLATFORM))
#define CTRL	B(VIRTIO_NET_F_CTRL_VQ)
#define MQ	B(VIRTIO_NET_F_MQ)
#define RSS	B(VIRTIO_NET_F_RSS)
#define MAC	B(VIRTIO_NET_F_MAC)

static const u8 own[ETH_ALEN] = { 0x52, 0x54, 0, 0, 0, 1 };
static const u8 other[ETH_ALEN] = { 0x52, 0x54, 0, 0, 0, 2 };

static struct weft_vpci_params hardware(u64 features, u16 pairs)
{
	struct weft_vpci_params p = { .features = features, .pairs = pairs };

	memcpy(p.mac, own, ETH_ALEN);
	return p;
}

static void taken(struct kunit *test, struct weft_vdpa_asked asked, struct weft_vpci_params p,
		  u64 features, u16 pairs)
{
	char why[WEFT_VDPA_WHY];

	KUNIT_EXPECT_EQ(test, weft_vpci_config_check(&asked, &p, why), 0);
	KUNIT_EXPECT_EQ(test, p.features, features);
	KUNIT_EXPECT_EQ(test, p.pairs, pairs);
}

/* With a word, and without a change. */
static void refused(struct kunit *test, struct weft_vdpa_asked asked, struct weft_vpci_params p,
		    int error, const char *word)
{
	struct weft_vpci_params before = p;
	char why[WEFT_VDPA_WHY] = "";

	KUNIT_EXPECT_EQ(test, weft_vpci_config_check(&asked, &p, why), error);
	KUNIT_EXPECT_NOT_NULL(test, strstr(why, word));
	KUNIT_EXPECT_EQ(test, memcmp(&before, &p, sizeof(p)), 0);
}

static void vpci_asks_for_nothing(struct kunit *test)
{
	struct weft_vdpa_asked none = {};

	taken(test, none, hardware(NEED | CTRL | MQ | MAC, 8), NEED | CTRL | MQ | MAC, 8);
	taken(test, none, hardware(NEED | CTRL | RSS, 4), NEED | CTRL | RSS, 4);
	/* The field is there only with one of those. */
	taken(test, none, hardware(NEED | CTRL, 0), NEED | CTRL, 1);
	taken(test, none, hardware(NEED, 0xffff), NEED, 1);
	/* A single pair is no many. */
	taken(test, none, hardware(NEED | CTRL | MQ | RSS, 1), NEED | CTRL, 1);
}

static void vpci_pairs(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_PAIRS };

	for (asked.pairs = 2; asked.pairs < 20; asked.pairs++) {
		if (asked.pairs == 8)
			taken(test, asked, hardware(NEED | CTRL | MQ, 8), NEED | CTRL | MQ, 8);
		else
			refused(test, asked, hardware(NEED | CTRL | MQ, 8), -EINVAL,
				"but 8, which the hardware has, or 1");
	}
	refused(test, asked, hardware(NEED | CTRL, 8), -EINVAL, "but 1, which the hardware has");
	asked.pairs = 1;
	taken(test, asked, hardware(NEED | CTRL | MQ | RSS, 8), NEED | CTRL, 1);
	taken(test, asked, hardware(NEED, 0), NEED, 1);
	asked.pairs = 0;
	refused(test, asked, hardware(NEED | CTRL | MQ, 8), -EINVAL, "max_vqp 0 cannot be");
}

static void vpci_features(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_FEATURES };
	struct weft_vpci_params p = hardware(NEED | CTRL | MQ | RSS | MAC, 8);

	asked.features = NEED | CTRL | MQ;
	taken(test, asked, p, NEED | CTRL | MQ, 8);
	asked.features = NEED | CTRL;
	taken(test, asked, p, NEED | CTRL, 1);
	asked.features = NEED;
	taken(test, asked, p, NEED, 1);
	asked.features = NEED | B(50);
	refused(test, asked, p, -EINVAL, "no features 0x4000000000000");
	asked.features = NEED | MQ;
	refused(test, asked, p, -EINVAL, "needs CTRL_VQ");
	asked.features = NEED | RSS;
	refused(test, asked, p, -EINVAL, "needs CTRL_VQ");
	asked.features = B(VIRTIO_F_VERSION_1);
	refused(test, asked, p, -EINVAL, "0x200000000 cannot be left out");
	asked.features = 0;
	refused(test, asked, p, -EINVAL, "0x300000000 cannot be left out");
}

static void vpci_mac(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_MAC };

	memcpy(asked.mac, own, ETH_ALEN);
	taken(test, asked, hardware(NEED | MAC, 1), NEED | MAC, 1);
	refused(test, asked, hardware(NEED, 1), -EINVAL, "no address of its own");
	memcpy(asked.mac, other, ETH_ALEN);
	refused(test, asked, hardware(NEED | MAC, 1), -EINVAL, "its address is 52:54:00:00:00:01");
	/* Of the features that the device is to have, not of those of the hardware. */
	memcpy(asked.mac, own, ETH_ALEN);
	asked.given |= WEFT_ASKED_FEATURES;
	asked.features = NEED;
	refused(test, asked, hardware(NEED | MAC, 1), -EINVAL, "no address of its own");
}

static void vpci_others(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_MTU, .mtu = 1500 };

	refused(test, asked, hardware(NEED, 1), -EOPNOTSUPP, "only mac, max_vqp and features");
	asked.given = WEFT_ASKED_OTHER;
	refused(test, asked, hardware(NEED, 1), -EOPNOTSUPP, "only mac, max_vqp and features");
}

static struct kunit_case vpci_cases[] = {
	KUNIT_CASE(vpci_asks_for_nothing),
	KUNIT_CASE(vpci_pairs),
	KUNIT_CASE(vpci_features),
	KUNIT_CASE(vpci_mac),
	KUNIT_CASE(vpci_others),
	{}
};

static struct kunit_suite vpci_suite = {
	.name = "weft_vpci",
	.test_cases = vpci_cases,
};

kunit_test_suite(vpci_suite);

MODULE_DESCRIPTION("KUnit tests of what users ask of virtio-pci hardware");
MODULE_LICENSE("GPL");
