// SPDX-License-Identifier: GPL-2.0
/*
 * What "vdpa dev add" asks for, of our devices and of hardware, with any
 * features in any state: what is accepted can be, by the list of virtio 1.3
 * §5.1.3.1 in another form, what can be is accepted, and a refusal says why.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include "../../vdpa/vpci_config.h"
#include "input.h"

#define B(f)	(1ull << (f))
#define BOTH	(B(VIRTIO_F_VERSION_1) | B(VIRTIO_F_ACCESS_PLATFORM))

/* By their numbers, as not each uapi has the names. */
enum {
	VQ_NOTF_COAL = 52, NOTF_COAL, GUEST_USO4, GUEST_USO6, HOST_USO,
};

static bool has(u64 features, int bit)
{
	return features & B(bit);
}

/* Of each, that what it needs is there. */
static bool whole(u64 f)
{
	int of_ctrl[] = { VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_VLAN,
			  VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
			  VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS,
			  VIRTIO_NET_F_HASH_REPORT, NOTF_COAL, VQ_NOTF_COAL };
	int of_guest_csum[] = { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
				VIRTIO_NET_F_GUEST_UFO, GUEST_USO4, GUEST_USO6 };
	int of_csum[] = { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_UFO,
			  HOST_USO };
	bool ok = true;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(of_ctrl); i++)
		ok &= !has(f, of_ctrl[i]) || has(f, VIRTIO_NET_F_CTRL_VQ);
	for (i = 0; i < ARRAY_SIZE(of_guest_csum); i++)
		ok &= !has(f, of_guest_csum[i]) || has(f, VIRTIO_NET_F_GUEST_CSUM);
	for (i = 0; i < ARRAY_SIZE(of_csum); i++)
		ok &= !has(f, of_csum[i]) || has(f, VIRTIO_NET_F_CSUM);
	if (has(f, VIRTIO_NET_F_GUEST_ECN))
		ok &= has(f, VIRTIO_NET_F_GUEST_TSO4) || has(f, VIRTIO_NET_F_GUEST_TSO6);
	if (has(f, VIRTIO_NET_F_HOST_ECN) || has(f, VIRTIO_NET_F_RSC_EXT))
		ok &= has(f, VIRTIO_NET_F_HOST_TSO4) || has(f, VIRTIO_NET_F_HOST_TSO6);
	return ok;
}

static bool station(const u8 *mac)
{
	static const u8 none[6];

	return !(mac[0] & 1) && memcmp(mac, none, 6);
}

/* Said in a whole sentence, and only when there is something to say. */
static void check_word(int ret, const char *why)
{
	CHECK(ret == 0 || ret == -EINVAL || ret == -EOPNOTSUPP, "%d", ret);
	CHECK(memchr(why, 0, WEFT_VDPA_WHY));
	CHECK(!ret ? why[0] == 1 : strlen(why) > 10, "\"%s\"", why);
	CHECK(strlen(why) < WEFT_VDPA_WHY - 1, "cut: \"%s\"", why);
}

static bool given(const struct weft_vdpa_asked *a, unsigned int what)
{
	return a->given & what;
}

static void ask_ours(const struct weft_vdpa_asked *a, u64 can)
{
	static char why[WEFT_VDPA_WHY];
	struct weft_vdpa_params p;
	u16 pairs = given(a, WEFT_ASKED_PAIRS) ? a->pairs : 1;
	u16 mtu = given(a, WEFT_ASKED_MTU) ? a->mtu : 1500;
	u64 features = given(a, WEFT_ASKED_FEATURES) ? a->features : can;
	int ret, want = 0;

	if (given(a, WEFT_ASKED_OTHER))
		want = -EOPNOTSUPP;
	else if (!pairs || pairs > 16 || mtu < 68 ||
		 (given(a, WEFT_ASKED_MAC) && !station(a->mac)) ||
		 (pairs > 1 && !has(features, VIRTIO_NET_F_MQ)))
		want = -EINVAL;
	else if (given(a, WEFT_ASKED_FEATURES) &&
		 ((features & can) != features || (features & BOTH) != BOTH || !whole(features)))
		want = -EINVAL;
	memset(&p, 0x5a, sizeof(p));
	memset(why, 1, WEFT_VDPA_WHY - 1);
	why[WEFT_VDPA_WHY - 1] = 0;
	ret = weft_config_check(a, can, &p, why);
	if (!ret)
		why[1] = 0;
	check_word(ret, why);
	CHECK(ret == want, "%d, %d: %s", ret, want, why);
	if (!ret) {
		CHECK(p.pairs == pairs && p.mtu == mtu);
		CHECK(p.any_mac == !given(a, WEFT_ASKED_MAC));
		CHECK(p.any_mac || !memcmp(p.mac, a->mac, 6));
		CHECK(!(p.features & ~can));
		if (given(a, WEFT_ASKED_FEATURES))
			CHECK(p.features == features);
		else
			CHECK(p.features == (pairs > 1 ? can : can & ~B(VIRTIO_NET_F_MQ)));
	}
}

static void ask_change(const struct weft_vdpa_asked *a, u64 offered)
{
	static char why[WEFT_VDPA_WHY];
	int ret, want = 0;

	if (a->given != WEFT_ASKED_MAC || !has(offered, VIRTIO_NET_F_MAC))
		want = -EOPNOTSUPP;
	else if (!station(a->mac))
		want = -EINVAL;
	strcpy(why, "\1");
	ret = weft_config_check_change(a, offered, why);
	check_word(ret, why);
	CHECK(ret == want, "%d, %d", ret, want);
}

/* It cannot be made into something else. */
static void ask_hardware(const struct weft_vdpa_asked *a, const struct weft_vpci_params *hw)
{
	u64 f = given(a, WEFT_ASKED_FEATURES) ? a->features : hw->features;
	bool many = has(f, VIRTIO_NET_F_MQ) || has(f, VIRTIO_NET_F_RSS);
	static char why[WEFT_VDPA_WHY];
	struct weft_vpci_params p = *hw;
	u16 pairs = many ? hw->pairs : 1;
	int ret, want = 0;

	if (given(a, WEFT_ASKED_OTHER) || given(a, WEFT_ASKED_MTU))
		want = -EOPNOTSUPP;
	else if (given(a, WEFT_ASKED_FEATURES) &&
		 ((f & hw->features) != f || (f & BOTH) != BOTH || !whole(f)))
		want = -EINVAL;
	else if (given(a, WEFT_ASKED_MAC) &&
		 (!has(f, VIRTIO_NET_F_MAC) || memcmp(a->mac, hw->mac, 6)))
		want = -EINVAL;
	else if (given(a, WEFT_ASKED_PAIRS) && a->pairs != 1 && a->pairs != pairs)
		want = -EINVAL;
	strcpy(why, "\1");
	ret = weft_vpci_config_check(a, &p, why);
	check_word(ret, why);
	CHECK(ret == want, "%d, %d: %s", ret, want, why);
	if (ret) {
		CHECK(!memcmp(&p, hw, sizeof(p)), "refused, and changed");
		return;
	}
	/* The control queue is behind all pairs, for both sides or for neither. */
	if (given(a, WEFT_ASKED_PAIRS))
		pairs = a->pairs;
	CHECK(p.pairs == pairs, "%u, %u", p.pairs, pairs);
	if (pairs == 1)
		f &= ~(B(VIRTIO_NET_F_MQ) | B(VIRTIO_NET_F_RSS));
	CHECK(p.features == f && !(p.features & ~hw->features));
	CHECK(!memcmp(p.mac, hw->mac, 6));
}

/* Mostly features that mean something to the rooms. */
static u64 features(struct input *in)
{
	static const u8 known[] = {
		VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MAC,
		VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
		VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_HOST_ECN,
		VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN,
		VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_MQ,
		VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_RSS,
		VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM, VIRTIO_NET_F_MTU,
		VIRTIO_NET_F_GUEST_UFO, VIRTIO_NET_F_HOST_UFO, VIRTIO_NET_F_RSC_EXT,
		VIRTIO_NET_F_HASH_REPORT, VQ_NOTF_COAL, NOTF_COAL, GUEST_USO4, GUEST_USO6, HOST_USO,
	};
	u32 bits = input_u32(in), i;
	u64 f = 0;

	if (bits >> 31)
		return input_u64(in);
	for (i = 0; i < sizeof(known); i++)
		if (bits >> i & 1)
			f |= B(known[i]);
	return bits >> 30 & 1 ? f | BOTH : f;
}

int fuzz_one(const u8 *data, size_t size)
{
	struct input in = { data, data + size };

	while (input_left(&in)) {
		struct weft_vdpa_asked a = { .given = input_u8(&in) & 0x1f };
		struct weft_vpci_params hw;
		u8 how = input_u8(&in);
		u32 i;

		/* With what we do not know beside it nothing else is looked at. */
		if (how & 0x70)
			a.given &= 0xf;
		memset(&hw, 0, sizeof(hw));
		hw.features = features(&in);
		a.features = how & 1 ? hw.features & ~B(input_u8(&in) % 64) : features(&in);
		hw.pairs = 1 + input_u8(&in) % 32;
		a.pairs = how & 2 ? hw.pairs : input_u16(&in);
		a.mtu = how & 8 ? 60 + input_u8(&in) % 16 : input_u16(&in);
		for (i = 0; i < 6; i++)
			hw.mac[i] = input_u8(&in);
		for (i = 0; i < 6; i++)
			a.mac[i] = how & 4 ? hw.mac[i] : input_u8(&in);
		ask_ours(&a, hw.features);
		ask_change(&a, hw.features);
		ask_hardware(&a, &hw);
	}
	return 0;
}
