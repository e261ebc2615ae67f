// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that the stock tool would never send, and each attribute at its
 * limits. Names begin with the class of attack.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <pthread.h>

#include "guest_frame.h"
#include "kernel_log.h"
#include "kselftest.h"
#include "vdev_lib.h"
#include "vdpa_nl_lib.h"

#define NAME		"w5"
#define FUNCTION	5

static struct nl_answer a;
static struct nl m;

/* A device that one attribute more is said of; none is left. */
static int make(uint16_t type, const void *data, size_t len)
{
	int ret;

	vdpa_put_make(&m, NAME, FUNCTION);
	if (type)
		nl_put(&m, type, data, len);
	ret = nl_send(&m, false, &a);
	EXPECT_EQ(vdpa_exists(NAME), !ret);
	if (!ret)
		EXPECT_EQ(vdpa_delete(NAME), 0);
	return ret;
}

static int make_u16(uint16_t type, uint16_t n)
{
	return make(type, &n, 2);
}

static int make_features(uint64_t f)
{
	return make(VDPA_ATTR_DEV_FEATURES, &f, 8);
}

static int make_named(const char *name)
{
	int ret;

	vdpa_put_make(&m, name, FUNCTION);
	ret = nl_send(&m, false, &a);
	if (!ret)
		EXPECT_EQ(vdpa_delete(name), 0);
	return ret;
}

TEST(a15_numbers_at_their_limits)
{
	static const uint16_t mtus[] = { 68, 69, 1500, 9000, 65534, 65535 };
	static const uint16_t no_mtus[] = { 0, 1, 67 };
	static const uint16_t no_pairs[] = { 0, 17, 18, 255, 256, 32767, 32768, 65535 };

	kernel_log_begin();
	for (unsigned int i = 0; i < sizeof(mtus) / 2; i++)
		EXPECT_EQ(make_u16(VDPA_ATTR_DEV_NET_CFG_MTU, mtus[i]), 0);
	for (unsigned int i = 0; i < sizeof(no_mtus) / 2; i++)
		EXPECT_LT(make_u16(VDPA_ATTR_DEV_NET_CFG_MTU, no_mtus[i]), 0);
	for (unsigned int i = 1; i <= 16; i++)
		EXPECT_EQ(make_u16(VDPA_ATTR_DEV_NET_CFG_MAX_VQP, i), 0);
	for (unsigned int i = 0; i < sizeof(no_pairs) / 2; i++)
		EXPECT_EQ(make_u16(VDPA_ATTR_DEV_NET_CFG_MAX_VQP, no_pairs[i]), -EINVAL);
	kernel_log_quiet();
}

TEST(a15_addresses)
{
	static const uint8_t good[6] = { 2, 0, 0, 0, 0, 1 }, none[6], group[6] = { 1 };
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 }, zero[64];

	kernel_log_begin();
	EXPECT_EQ(make(VDPA_ATTR_DEV_NET_CFG_MACADDR, good, 6), 0);
	EXPECT_EQ(make(VDPA_ATTR_DEV_NET_CFG_MACADDR, none, 6), -EINVAL);
	EXPECT_EQ(make(VDPA_ATTR_DEV_NET_CFG_MACADDR, group, 6), -EINVAL);
	EXPECT_EQ(make(VDPA_ATTR_DEV_NET_CFG_MACADDR, all, 6), -EINVAL);
	for (unsigned int len = 0; len < 32; len++)
		if (len != 6)
			EXPECT_LT(make(VDPA_ATTR_DEV_NET_CFG_MACADDR, zero, len), 0);
	kernel_log_quiet();
}

TEST(a15_features_one_by_one)
{
	const uint64_t need = F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM);
	unsigned int made = 0;
	uint64_t can = 0;
	const void *p;
	size_t len;

	kernel_log_begin();
	nl_begin(&m, VDPA_CMD_MGMTDEV_GET);
	nl_put_string(&m, VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
	nl_put_string(&m, VDPA_ATTR_MGMTDEV_DEV_NAME, vdpa_function(FUNCTION));
	ASSERT_EQ(nl_send(&m, false, &a), 0);
	p = nl_find(&a, VDPA_ATTR_DEV_SUPPORTED_FEATURES, &len);
	ASSERT_TRUE(p && len == 8);
	memcpy(&can, p, 8);
	EXPECT_EQ(can & need, need);
	EXPECT_EQ(make_features(can), 0);
	EXPECT_EQ(make_features(need), 0);
	EXPECT_EQ(make_features(0), -EINVAL);
	EXPECT_EQ(make_features(~0ULL), -EINVAL);
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t f = F(bit);

		if (!(can & f)) {
			EXPECT_EQ(make_features(need | f), -EINVAL);
		} else if (need & f) {
			EXPECT_EQ(make_features(can & ~f), -EINVAL);
		} else {
			/* Some are nothing without others, which vdpa/manage knows. */
			int alone = make_features(need | f), missing = make_features(can & ~f);

			EXPECT_TRUE(!alone || alone == -EINVAL);
			EXPECT_TRUE(!missing || missing == -EINVAL);
			made += !alone + !missing;
		}
	}
	EXPECT_GT(made, 20);
	kernel_log_quiet();
}

TEST(a15_names)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\nb", "sixteen-letters-",
		"w%d", "%s%s%s%n", "%",
	};
	char longest[300];

	kernel_log_begin();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_LT(make_named(bad[i]), 0);
	for (unsigned int len = 16; len < sizeof(longest); len += 7) {
		memset(longest, 'x', len);
		longest[len] = 0;
		EXPECT_LT(make_named(longest), 0);
	}
	EXPECT_EQ(make_named("fifteen-letters"), 0);
	EXPECT_EQ(make_named("\xc3\xa4"), 0);
	kernel_log_quiet();
}

/* Lengths that are wrong, and that lie */
TEST(a15_truncated_attributes)
{
	static const uint16_t types[] = {
		VDPA_ATTR_DEV_NET_CFG_MTU, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, VDPA_ATTR_DEV_FEATURES,
		VDPA_ATTR_DEV_NET_CFG_MACADDR, VDPA_ATTR_DEV_NAME, VDPA_ATTR_MGMTDEV_DEV_NAME,
		VDPA_ATTR_MGMTDEV_BUS_NAME, VDPA_ATTR_DEV_QUEUE_INDEX,
	};
	/* With fewer bytes, there is more read than was sent. */
	static const uint8_t least[] = { 2, 2, 8, 6, 0, 0, 0, 4 };
	static const uint8_t zero[64];
	int ret;

	kernel_log_begin();
	for (unsigned int i = 0; i < sizeof(types) / 2; i++) {
		for (unsigned int len = 0; len < 12; len++) {
			vdpa_put_make(&m, NAME, FUNCTION);
			nl_put(&m, types[i], zero, len);
			ret = nl_send(&m, false, &a);
			if (len < least[i])
				EXPECT_LT(ret, 0);
			if (!ret)
				EXPECT_EQ(vdpa_delete(NAME), 0);
		}
		/* Less than its own header, and more than the message */
		for (unsigned int says = 0; says < 4; says++) {
			vdpa_put_make(&m, NAME, FUNCTION);
			nl_put_raw(&m, types[i], says, zero, 8);
			if (!nl_send(&m, false, &a))
				EXPECT_EQ(vdpa_delete(NAME), 0);
		}
		for (unsigned int says = 13; says <= 65535; says = says * 3 + 1) {
			vdpa_put_make(&m, NAME, FUNCTION);
			nl_put_raw(&m, types[i], says, zero, 8);
			if (!nl_send(&m, false, &a))
				EXPECT_EQ(vdpa_delete(NAME), 0);
		}
		EXPECT_FALSE(vdpa_exists(NAME));
	}
	EXPECT_EQ(make(0, NULL, 0), 0);
}

TEST(a15_functions_that_there_are_not)
{
	kernel_log_begin();
	nl_begin(&m, VDPA_CMD_DEV_NEW);
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, NAME);
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_put_string(&m, VDPA_ATTR_MGMTDEV_DEV_NAME, vdpa_function(FUNCTION));
	/* The bus is part of who it is. */
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_put_string(&m, VDPA_ATTR_MGMTDEV_BUS_NAME, "usb");
	EXPECT_LT(nl_send(&m, false, &a), 0);
	vdpa_put_make(&m, NAME, 200);
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_begin(&m, VDPA_CMD_DEV_DEL);
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, "nobody");
	EXPECT_LT(nl_send(&m, false, &a), 0);
	kernel_log_quiet();
}

/* The same name, and the same function, by many at once */
static void *storm(void *arg)
{
	for (int i = 0; i < 8; i++) {
		vdpa_make("storm", (intptr_t)arg, &(struct vdpa_make){ .pairs = 1 + i % 4 });
		vdpa_delete("storm");
	}
	return NULL;
}

TEST(a15_storm_of_one_name)
{
	pthread_t t[6];

	kernel_log_begin();
	/* The socket's family is looked up by the first. */
	EXPECT_EQ(make(0, NULL, 0), 0);
	for (int i = 0; i < 6; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, storm, (void *)(intptr_t)(4 + i / 2)), 0);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	vdpa_delete("storm");
	EXPECT_FALSE(vdpa_exists("storm"));
	EXPECT_EQ(make(0, NULL, 0), 0);
	kernel_log_quiet();
}

/* A name that a netdev has: the device is not, and the netdev is as it was. */
TEST(a15_name_of_a_netdev)
{
	kernel_log_begin();
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(make_named("lo"), -EEXIST);
	EXPECT_EQ(access("/sys/class/net/lo", F_OK), 0);
	EXPECT_FALSE(vdpa_exists("lo"));
	kernel_log_quiet();
}

/* Commands on devices, with numbers and names that are none */
TEST(a15_what_is_asked_of_devices)
{
	static const uint32_t queues[] = { 3, 4, 32, 33, 65535, 65536, 65538, 1u << 31, ~0u };
	static const uint8_t group[6] = { 1 }, mac[6] = { 2, 0, 0, 0, 0, 9 };
	static struct vguest g;
	static struct vdev v;
	struct vdev_config c = { .ctrl = true };

	vdev_open(&v, &g, &c);
	for (unsigned int i = 0; i < sizeof(queues) / 4; i++) {
		nl_begin(&m, VDPA_CMD_DEV_VSTATS_GET);
		nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
		nl_put(&m, VDPA_ATTR_DEV_QUEUE_INDEX, &queues[i], 4);
		EXPECT_LT(nl_send(&m, false, &a), 0);
	}
	for (uint32_t q = 0; q < 3; q++) {
		nl_begin(&m, VDPA_CMD_DEV_VSTATS_GET);
		nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
		nl_put(&m, VDPA_ATTR_DEV_QUEUE_INDEX, &q, 4);
		EXPECT_EQ(nl_send(&m, false, &a), 0);
	}
	for (int cmd = VDPA_CMD_DEV_DEL; cmd < 12; cmd++) {
		nl_begin(&m, cmd);
		EXPECT_LT(nl_send(&m, false, &a), 0);
		nl_put_string(&m, VDPA_ATTR_DEV_NAME, "nobody");
		EXPECT_LT(nl_send(&m, false, &a), 0);
	}
	nl_begin(&m, VDPA_CMD_DEV_ATTR_SET);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
	nl_put(&m, VDPA_ATTR_DEV_NET_CFG_MACADDR, group, 6);
	EXPECT_LT(nl_send(&m, false, &a), 0);
	nl_begin(&m, VDPA_CMD_DEV_ATTR_SET);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, v.name);
	nl_put(&m, VDPA_ATTR_DEV_NET_CFG_MACADDR, mac, 6);
	nl_send(&m, false, &a);
	vdev_unharmed(&v);
}

/* All attributes, of any length and with anything in them */
TEST(a15_messages_without_sense)
{
	uint8_t data[64];
	unsigned int made = 0;

	kernel_log_begin();
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t h = guest_hash(i, 15);
		unsigned int n = h >> 8 & 7;

		if (h & 1)
			vdpa_put_make(&m, NAME, FUNCTION);
		else
			nl_begin(&m, h >> 16 & 15);
		for (unsigned int k = 0; k < n; k++) {
			uint64_t at = guest_hash(i, 100 + k);
			unsigned int len = at >> 8 & 31;

			/* A device of any name would have to be found again. */
			if (at % 26 == VDPA_ATTR_DEV_NAME)
				continue;
			for (unsigned int b = 0; b < sizeof(data); b++)
				data[b] = guest_hash(at, b) & (at >> 20 & 1 ? 0xff : 3);
			nl_put_raw(&m, at % 26, at >> 16 & 7 ? 4 + len : at >> 24, data, len);
		}
		if (!nl_send(&m, h >> 24 & 1, &a) && vdpa_exists(NAME)) {
			made++;
			EXPECT_EQ(vdpa_delete(NAME), 0);
		}
		if (vdpa_exists(NAME))
			EXPECT_EQ(vdpa_delete(NAME), 0);
	}
	ksft_note("%u devices came of it", made);
	EXPECT_EQ(make(0, NULL, 0), 0);
}

/* A4: what is answered is the same each time, but for what counts. */
TEST(a4_answers)
{
	static struct nl_answer again;
	static struct vguest g;
	static struct vdev v;

	vdev_open(&v, &g, &(struct vdev_config){ .ctrl = true });
	for (int cmd = VDPA_CMD_MGMTDEV_GET; cmd <= VDPA_CMD_DEV_CONFIG_GET; cmd++) {
		if (cmd == VDPA_CMD_DEV_NEW || cmd == VDPA_CMD_DEV_DEL)
			continue;
		nl_begin(&m, cmd);
		ASSERT_EQ(nl_send(&m, true, &a), 0);
		nl_begin(&m, cmd);
		ASSERT_EQ(nl_send(&m, true, &again), 0);
		EXPECT_EQ(a.messages, again.messages);
		EXPECT_GT(a.len, 0);
		EXPECT_EQ(a.len, again.len);
		EXPECT_EQ(memcmp(a.bytes, again.bytes, a.len), 0);
	}
	vdev_unharmed(&v);
}
