// SPDX-License-Identifier: GPL-2.0
/*
 * What the user asks for, and what comes of it: features that need others are
 * listed here a second time, from virtio 1.3 §5.1.3.1 and not from the room.
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
#include "../config.h"
#else
#include "../config.c"
#endif

#define B(bit)	(1ull << (bit))
#define NEED	(B(VIRTIO_F_VERSION_1) | B(VIRTIO_F_ACCESS_PLATFORM))
/* All that a device could ever have. */
#define ALL	(~B(50))

static const u8 good[ETH_ALEN] = { 0x52, 0x54, 0, 0, 0, 1 };

static int check(const struct weft_vdpa_asked *asked, struct weft_vdpa_params *params, char *why)
{
	strscpy(why, "", WEFT_VDPA_WHY);
	return weft_config_check(asked, ALL, params, why);
}

/* What is refused has a word that says what it is about. */
static void refused(struct kunit *test, const struct weft_vdpa_asked *asked, int error,
		    const char *word)
{
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];

	KUNIT_EXPECT_EQ(test, check(asked, &params, why), error);
	KUNIT_EXPECT_TRUE_MSG(test, strstr(why, word), "\"%s\" is not in \"%s\"", word, why);
	KUNIT_EXPECT_LT(test, strlen(why), WEFT_VDPA_WHY - 1);
}

static void mgmt_defaults(struct kunit *test)
{
	/* Fields that nobody named are not looked at. */
	struct weft_vdpa_asked asked = { .mac = { 1 }, .pairs = 99, .mtu = 3, .features = B(50) };
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];

	KUNIT_ASSERT_EQ(test, check(&asked, &params, why), 0);
	KUNIT_EXPECT_STREQ(test, why, "");
	KUNIT_EXPECT_EQ(test, params.pairs, 1);
	KUNIT_EXPECT_EQ(test, params.mtu, 1500);
	KUNIT_EXPECT_TRUE(test, params.any_mac);
	/* One pair needs no MQ; who wants it nevertheless says so. */
	KUNIT_EXPECT_EQ(test, params.features, ALL & ~B(VIRTIO_NET_F_MQ));
}

static void mgmt_all_given(struct kunit *test)
{
	struct weft_vdpa_asked asked = {
		.given = WEFT_ASKED_MAC | WEFT_ASKED_MTU | WEFT_ASKED_PAIRS | WEFT_ASKED_FEATURES,
		.mtu = 9000,
		.pairs = 4,
		.features = NEED | B(VIRTIO_NET_F_MQ) | B(VIRTIO_NET_F_CTRL_VQ),
	};
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];

	memcpy(asked.mac, good, ETH_ALEN);
	KUNIT_ASSERT_EQ(test, check(&asked, &params, why), 0);
	KUNIT_EXPECT_EQ(test, params.pairs, 4);
	KUNIT_EXPECT_EQ(test, params.mtu, 9000);
	KUNIT_EXPECT_FALSE(test, params.any_mac);
	KUNIT_EXPECT_MEMEQ(test, params.mac, good, ETH_ALEN);
	KUNIT_EXPECT_EQ(test, params.features, asked.features);
}

static void mgmt_each_number(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_PAIRS };
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];
	u32 n;

	for (n = 0; n <= U16_MAX; n++) {
		asked.pairs = n;
		KUNIT_ASSERT_EQ_MSG(test, check(&asked, &params, why), n && n <= 16 ? 0 : -EINVAL,
				    "%u pairs", n);
		if (n && n <= 16)
			KUNIT_ASSERT_EQ(test, params.pairs, n);
		else
			KUNIT_ASSERT_NOT_NULL(test, strstr(why, "is not from 1 to 16"));
	}
	asked.given = WEFT_ASKED_MTU;
	for (n = 0; n <= U16_MAX; n++) {
		asked.mtu = n;
		KUNIT_ASSERT_EQ_MSG(test, check(&asked, &params, why), n >= 68 ? 0 : -EINVAL,
				    "mtu %u", n);
		if (n >= 68)
			KUNIT_ASSERT_EQ(test, params.mtu, n);
		else
			KUNIT_ASSERT_NOT_NULL(test, strstr(why, "is not from 68 to 65535"));
	}
}

static void mgmt_addresses(struct kunit *test)
{
	static const struct {
		u8 mac[ETH_ALEN];
		int error;
	} cases[] = {
		{ { 0, 0, 0, 0, 0, 0 }, -EINVAL },
		{ { 0, 0, 0, 0, 0, 1 }, 0 },
		{ { 1, 0, 0, 0, 0, 0 }, -EINVAL },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, -EINVAL },
		{ { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff }, 0 },
		{ { 0x33, 0x33, 0, 0, 0, 1 }, -EINVAL },
		{ { 0x52, 0x54, 0, 0, 0, 1 }, 0 },
	};
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_MAC };
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(asked.mac, cases[i].mac, ETH_ALEN);
		if (cases[i].error)
			refused(test, &asked, cases[i].error, "address of a single station");
		else
			KUNIT_EXPECT_EQ(test, check(&asked, &params, why), 0);
		why[0] = '\0';
		KUNIT_EXPECT_EQ(test, weft_config_check_change(&asked, ALL, why), cases[i].error);
		KUNIT_EXPECT_EQ(test, !why[0], !cases[i].error);
	}
	memcpy(asked.mac, cases[3].mac, ETH_ALEN);
	refused(test, &asked, -EINVAL, "ff:ff:ff:ff:ff:ff");
}

static const struct need {
	unsigned int feature;
	unsigned int needs[2];
	const char *word;
} needs[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM }, "GUEST_TSO4 needs" },
	{ VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM }, "GUEST_TSO6 needs" },
	{ VIRTIO_NET_F_GUEST_ECN, { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 },
	  "GUEST_ECN needs" },
	{ VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM }, "HOST_TSO4 needs" },
	{ VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM }, "HOST_TSO6 needs" },
	{ VIRTIO_NET_F_HOST_ECN, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 },
	  "HOST_ECN needs" },
	{ VIRTIO_NET_F_CTRL_RX, { VIRTIO_NET_F_CTRL_VQ }, "CTRL_RX needs" },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, { VIRTIO_NET_F_CTRL_VQ }, "CTRL_RX_EXTRA needs" },
	{ VIRTIO_NET_F_CTRL_VLAN, { VIRTIO_NET_F_CTRL_VQ }, "CTRL_VLAN needs" },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, { VIRTIO_NET_F_CTRL_VQ }, "CTRL_MAC_ADDR needs" },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, { VIRTIO_NET_F_CTRL_VQ }, "CTRL_GUEST_OFFLOADS needs" },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, { VIRTIO_NET_F_CTRL_VQ }, "GUEST_ANNOUNCE needs" },
	{ VIRTIO_NET_F_MQ, { VIRTIO_NET_F_CTRL_VQ }, "MQ needs" },
};

static void need_name(const struct need *need, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s something", need->word);
}

KUNIT_ARRAY_PARAM(need, needs, need_name);

static void mgmt_needs(struct kunit *test)
{
	const struct need *need = test->param_value;
	struct weft_vdpa_asked asked = {
		.given = WEFT_ASKED_FEATURES,
		.features = NEED | B(need->feature),
	};
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];
	int i;

	refused(test, &asked, -EINVAL, need->word);
	/* All that there is, but for what it needs. */
	asked.features = ALL & ~B(need->needs[0]);
	if (need->needs[1])
		asked.features &= ~B(need->needs[1]);
	KUNIT_EXPECT_EQ(test, check(&asked, &params, why), -EINVAL);
	for (i = 0; i < 2 && (!i || need->needs[1]); i++) {
		asked.features = NEED | B(need->feature) | B(need->needs[i]) |
				 B(VIRTIO_NET_F_GUEST_CSUM) | B(VIRTIO_NET_F_CSUM);
		KUNIT_EXPECT_EQ_MSG(test, check(&asked, &params, why), 0, "%s", why);
		KUNIT_EXPECT_EQ(test, params.features, asked.features);
	}
}

static void mgmt_features(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_FEATURES };
	struct weft_vdpa_params params;
	char why[WEFT_VDPA_WHY];

	asked.features = NEED | B(50);
	refused(test, &asked, -EINVAL, "0x4000000000000;");
	asked.features = B(VIRTIO_F_VERSION_1);
	refused(test, &asked, -EINVAL, "0x200000000 cannot be left out");
	asked.features = B(VIRTIO_F_ACCESS_PLATFORM);
	refused(test, &asked, -EINVAL, "0x100000000 cannot be left out");
	asked.features = NEED;
	KUNIT_EXPECT_EQ(test, check(&asked, &params, why), 0);
	asked.features = ALL;
	KUNIT_EXPECT_EQ(test, check(&asked, &params, why), 0);
	KUNIT_EXPECT_EQ(test, params.features, ALL);
	asked.given |= WEFT_ASKED_PAIRS;
	asked.pairs = 2;
	asked.features = NEED | B(VIRTIO_NET_F_CTRL_VQ);
	refused(test, &asked, -EINVAL, "max_vqp 2 needs the feature MQ");
}

static void mgmt_unknown(struct kunit *test)
{
	struct weft_vdpa_asked asked = { .given = WEFT_ASKED_OTHER };

	refused(test, &asked, -EOPNOTSUPP, "only mac, mtu, max_vqp and features");
}

/* In use, an address can be changed and nothing else. */
static void mgmt_change(struct kunit *test)
{
	struct weft_vdpa_asked asked = { };
	char why[WEFT_VDPA_WHY];
	unsigned int given;

	memcpy(asked.mac, good, ETH_ALEN);
	for (given = 0; given < 2 * WEFT_ASKED_OTHER; given++) {
		asked.given = given;
		why[0] = '\0';
		KUNIT_EXPECT_EQ_MSG(test, weft_config_check_change(&asked, ALL, why),
				    given == WEFT_ASKED_MAC ? 0 : -EOPNOTSUPP, "0x%x", given);
		KUNIT_EXPECT_EQ(test, !why[0], given == WEFT_ASKED_MAC);
	}
	asked.given = WEFT_ASKED_MAC;
	KUNIT_EXPECT_EQ(test, weft_config_check_change(&asked, ALL & ~B(VIRTIO_NET_F_MAC), why),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NOT_NULL(test, strstr(why, "without the feature MAC"));
}

static struct kunit_case mgmt_cases[] = {
	KUNIT_CASE(mgmt_defaults),
	KUNIT_CASE(mgmt_all_given),
	KUNIT_CASE(mgmt_each_number),
	KUNIT_CASE(mgmt_addresses),
	KUNIT_CASE_PARAM(mgmt_needs, need_gen_params),
	KUNIT_CASE(mgmt_features),
	KUNIT_CASE(mgmt_unknown),
	KUNIT_CASE(mgmt_change),
	{}
};

static struct kunit_suite mgmt_suite = {
	.name = "weft_vdpa_mgmt",
	.test_cases = mgmt_cases,
};

kunit_test_suite(mgmt_suite);

MODULE_DESCRIPTION("KUnit tests of what weft's vDPA devices are asked to be");
MODULE_LICENSE("GPL");
