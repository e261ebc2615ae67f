// SPDX-License-Identifier: GPL-2.0
/*
 * What the user asks of hardware: what is true is taken, what is not is refused.
 * And what hardware says of itself, where it cannot be, or must not be given away;
 * QEMU's says no such thing.
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
#include <uapi/linux/virtio_pci.h>
#include "../vpci_config.h"
#include "../vpci_layout.h"
#else
#include "../vpci_config.c"
#include "../vpci_layout.c"
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
	refused(test, asked, p, -EINVAL, "MQ needs CTRL_VQ");
	asked.features = NEED | RSS;
	refused(test, asked, p, -EINVAL, "RSS needs CTRL_VQ");
	asked.features = B(VIRTIO_F_VERSION_1);
	refused(test, asked, p, -EINVAL, "0x200000000 cannot be left out");
	asked.features = 0;
	refused(test, asked, p, -EINVAL, "0x300000000 cannot be left out");
}

/* Each that needs another, without it, and with it: virtio 1.3 §5.1.3.1. */
static void vpci_features_that_need_others(struct kunit *test)
{
	static const struct {
		unsigned int feature;
		u64 needs;	/* any of these */
	} all[] = {
		{ 7, B(1) }, { 8, B(1) }, { 9, B(7) | B(8) }, { 10, B(1) }, { 54, B(1) },
		{ 55, B(1) }, { 11, B(0) }, { 12, B(0) }, { 13, B(11) | B(12) }, { 14, B(0) },
		{ 56, B(0) }, { 61, B(11) | B(12) }, { 18, B(17) }, { 19, B(17) }, { 20, B(17) },
		{ 21, B(17) }, { 22, B(17) }, { 23, B(17) }, { 60, B(17) }, { 53, B(17) },
		{ 52, B(17) }, { 57, B(17) }, { 2, B(17) },
	};
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_FEATURES };
	struct weft_vpci_params p = hardware(~0ull, 8), got;
	char why[WEFT_VDPA_WHY];
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		u64 each;

		asked.features = NEED | B(all[i].feature);
		refused(test, asked, p, -EINVAL, " needs ");
		for (each = 1; each; each <<= 1) {
			if (!(each & all[i].needs))
				continue;
			/* With what that one may need in its turn. */
			asked.features = NEED | B(all[i].feature) | each | B(0) | B(1);
			got = p;
			KUNIT_EXPECT_EQ(test, weft_vpci_config_check(&asked, &got, why), 0);
		}
	}
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

/* As QEMU's are: all in a BAR of 16 KiB and its doorbells, MSI-X in another one. */
static struct weft_vpci_layout qemu(u64 doorbells)
{
	struct weft_vpci_layout l = {
		.bars = { [1] = { 0xfe000000, 0x1000, true },
			  [4] = { 0xfd000000, 0x3000 + doorbells, true } },
		.all = { { VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 0x1000 },
			 { VIRTIO_PCI_CAP_ISR_CFG, 4, 0x1000, 0x1000 },
			 { VIRTIO_PCI_CAP_DEVICE_CFG, 4, 0x2000, 0x1000 },
			 { VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0x3000, doorbells },
			 { WEFT_VPCI_MSIX_TABLE, 1, 0, 0x40 },
			 { WEFT_VPCI_MSIX_PBA, 1, 0x800, 8 } },
		.n = 6,
		.multiplier = 0x1000,
	};

	return l;
}

#define NOTIFY	3	/* of them */

static const u16 in_order[] = { 0, 1, 2, 3 };

static u64 doorbell(struct weft_vpci_layout l, const u16 *numbers, unsigned int queue)
{
	char why[WEFT_VPCI_WHY];

	return weft_vpci_layout_doorbell(&l, numbers, 4, queue, 0x1000, why);
}

static void no_doorbell(struct kunit *test, struct weft_vpci_layout l, const u16 *numbers,
			unsigned int queue, const char *word)
{
	char why[WEFT_VPCI_WHY] = "";

	KUNIT_EXPECT_EQ(test, weft_vpci_layout_doorbell(&l, numbers, 4, queue, 0x1000, why), 0);
	KUNIT_EXPECT_TRUE_MSG(test, strstr(why, word), "\"%s\" for \"%s\"", why, word);
}

static void vpci_layout_shorter_bars(struct kunit *test)
{
	static const struct {
		int structure;
		u64 offset, length;
		const char *word;
	} bad[] = {
		{ 0, 0, 0x7001, "its common configuration has 0x7001 bytes at 0x0 of BAR 4" },
		{ 0, 0x6fff, 2, "which has but 0x7000" },
		{ 1, 0x7000, 1, "interrupt status" },
		{ 2, 0xffffffff, 0x1000, "device configuration" },
		{ 3, 0x3000, 0x5000, "notification structure" },
		{ 3, 0x3000, 0xffffffff, "notification structure" },
		{ 3, ~0ull, ~0ull, "notification structure" },
		{ 4, 0, 0x1010, "MSI-X table" },
		{ 5, 0xff9, 8, "MSI-X pending bits" },
	};
	static const struct weft_vpci_structure one = { VIRTIO_PCI_CAP_COMMON_CFG, 4, 0, 1 };
	struct weft_vpci_layout l = qemu(0x4000);
	char why[WEFT_VPCI_WHY];
	int i;

	KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		l = qemu(0x4000);
		l.all[bad[i].structure].offset = bad[i].offset;
		l.all[bad[i].structure].length = bad[i].length;
		why[0] = 0;
		KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), -ENODEV);
		KUNIT_EXPECT_TRUE_MSG(test, strstr(why, bad[i].word), "%s", why);
	}
	/* To the last byte. */
	l = qemu(0x4000);
	l.all[NOTIFY].offset = 0x6ffe;
	l.all[NOTIFY].length = 2;
	KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), 0);
	/* All of it. */
	l.all[NOTIFY].offset = 0;
	l.all[NOTIFY].length = 0x7000;
	KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), 0);
	/* What is behind the last is not there. */
	l = qemu(0x4000);
	l.all[--l.n].length = ~0ull;
	KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), 0);
	/* Nor is what is in no BAR. */
	l = qemu(0x4000);
	l.all[2].bar = 3;
	KUNIT_EXPECT_EQ(test, weft_vpci_layout_check(&l, why), 0);
	l.all[2].bar = WEFT_VPCI_BARS;
	l.n = 0;
	KUNIT_EXPECT_TRUE(test, weft_vpci_layout_add(&l, &l.all[2]));
	KUNIT_EXPECT_EQ(test, l.n, 0);
	for (i = 0; i < WEFT_VPCI_STRUCTURES; i++)
		KUNIT_EXPECT_TRUE(test, weft_vpci_layout_add(&l, &one));
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_add(&l, &one));
	KUNIT_EXPECT_EQ(test, l.n, WEFT_VPCI_STRUCTURES);
}

static void vpci_layout_kicks(struct kunit *test)
{
	struct weft_vpci_layout l = qemu(0x4000);

	KUNIT_EXPECT_TRUE(test, weft_vpci_layout_kickable(&l, 3));
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_kickable(&l, 4));
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_kickable(&l, 0xffff));
	/* 2^32 and a bit, which is not that bit. */
	l.multiplier = 0x80000800;
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_kickable(&l, 2));
	l.multiplier = 0;
	KUNIT_EXPECT_TRUE(test, weft_vpci_layout_kickable(&l, 0xffff));
	l.all[NOTIFY].length = 2;
	KUNIT_EXPECT_TRUE(test, weft_vpci_layout_kickable(&l, 0));
	l.all[NOTIFY].length = 1;
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_kickable(&l, 0));
	l.n = NOTIFY;
	KUNIT_EXPECT_FALSE(test, weft_vpci_layout_kickable(&l, 0));
}

static void vpci_layout_doorbells(struct kunit *test)
{
	static const u16 same[] = { 0, 1, 2, 2 }, across[] = { 0, 0x1000, 0xfff, 0x2000 };
	static const u16 before[] = { 0, 0x1000, 0xffe, 0x2000 };
	struct weft_vpci_layout l = qemu(0x4000);
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, doorbell(l, in_order, i), 0xfd003000 + 0x1000 * i);
	KUNIT_EXPECT_EQ(test, doorbell(l, same, 1), 0xfd004000);
	no_doorbell(test, l, same, 2, "queue 3 has its register in that page");
	no_doorbell(test, l, same, 3, "queue 2 has its register in that page");
	l.multiplier = 4;
	no_doorbell(test, l, in_order, 0, "queue 1 has its register in that page");
	no_doorbell(test, l, in_order, 1, "not at the beginning of a page");
	/* One whose second byte is in that page. */
	l.multiplier = 1;
	no_doorbell(test, l, across, 1, "queue 2 has its register");
	KUNIT_EXPECT_EQ(test, doorbell(l, across, 3), 0xfd005000);
	KUNIT_EXPECT_EQ(test, doorbell(l, before, 1), 0xfd004000);
	l.multiplier = 0xfff;
	no_doorbell(test, l, in_order, 0, "queue 1 has its register");
	l = qemu(0x4000);
	l.bars[4].start += 0x800;
	no_doorbell(test, l, in_order, 0, "not at the beginning of a page");
	l = qemu(0x4000);
	l.bars[4].memory = false;
	no_doorbell(test, l, in_order, 0, "I/O ports");
	l = qemu(0x4000);
	l.n = NOTIFY;
	KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 0), 0);
	/* What is behind the last structure does not lie there. */
	l = qemu(0x4000);
	l.all[l.n] = l.all[0];
	l.all[l.n].offset = 0x4000;
	KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 1), 0xfd004000);
	/* The first that is in a BAR is the one. */
	l = qemu(0x4000);
	l.all[0] = l.all[NOTIFY];
	l.all[0].bar = 3;
	l.all[0].length = 2;
	KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 1), 0xfd004000);
	KUNIT_EXPECT_TRUE(test, weft_vpci_layout_kickable(&l, 3));
	/* Its page is there, but not all of it is the structure's, or in the BAR. */
	l = qemu(0x4000);
	l.all[NOTIFY].length = 0x3fff;
	no_doorbell(test, l, in_order, 3, "ends behind the notification structure");
	KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 2), 0xfd005000);
	l = qemu(0x4000);
	l.bars[4].length -= 1;
	no_doorbell(test, l, in_order, 3, "ends behind the notification structure");
}

/* Structures lie in the doorbell of queue 1, or touch it. */
static void vpci_layout_overlaps(struct kunit *test)
{
	static const struct {
		u64 offset, length;
		bool meets;
	} other[] = {
		{ 0x4000, 0x1000, true }, { 0x4000, 1, true }, { 0x4fff, 1, true },
		{ 0x3fff, 2, true }, { 0x4800, 0x40, true }, { 0x2000, 0x5000, true },
		{ 0, ~0ull, true }, { 0x4fff, ~0ull, true },
		{ 0x5000, 1, false }, { 0x3fff, 1, false }, { 0x4800, 0, false },
		{ 0, 0x4000, false },
	};
	struct weft_vpci_layout l;
	int i, k;

	for (i = 0; i < ARRAY_SIZE(other); i++) {
		for (k = 0; k < 6; k++) {
			if (k == NOTIFY)
				continue;
			l = qemu(0x4000);
			l.all[k].bar = 4;
			l.all[k].offset = other[i].offset;
			l.all[k].length = other[i].length;
			if (other[i].meets)
				no_doorbell(test, l, in_order, 1, "its page has a part of the ");
			else
				KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 1), 0xfd004000);
			/* In another BAR, it is somewhere else. */
			l.all[k].bar = 1;
			KUNIT_EXPECT_EQ(test, doorbell(l, in_order, 1), 0xfd004000);
		}
	}
	/* A second one of its kind, and what has no name here. */
	l = qemu(0x4000);
	l.all[l.n++] = (struct weft_vpci_structure){ VIRTIO_PCI_CAP_NOTIFY_CFG, 4, 0x4004, 4 };
	no_doorbell(test, l, in_order, 1, "a part of the notification structure");
	l.all[l.n - 1].type = VIRTIO_PCI_CAP_SHARED_MEMORY_CFG;
	no_doorbell(test, l, in_order, 1, "a part of the shared memory");
}

static struct kunit_case vpci_cases[] = {
	KUNIT_CASE(vpci_asks_for_nothing),
	KUNIT_CASE(vpci_pairs),
	KUNIT_CASE(vpci_features),
	KUNIT_CASE(vpci_features_that_need_others),
	KUNIT_CASE(vpci_mac),
	KUNIT_CASE(vpci_others),
	KUNIT_CASE(vpci_layout_shorter_bars),
	KUNIT_CASE(vpci_layout_kicks),
	KUNIT_CASE(vpci_layout_doorbells),
	KUNIT_CASE(vpci_layout_overlaps),
	{}
};

static struct kunit_suite vpci_suite = {
	.name = "weft_vpci",
	.test_cases = vpci_cases,
};

kunit_test_suite(vpci_suite);

MODULE_DESCRIPTION("KUnit tests of what users ask of virtio-pci hardware");
MODULE_LICENSE("GPL");
