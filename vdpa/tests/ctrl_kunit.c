// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of the control queue: which features each needs is listed here a
 * second time, from virtio 1.3 §5.1.6.5 and not from the room.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/kernel.h>
#include <linux/string.h>

/* Linked into a kernel the rooms are there once, for all suites. */
#ifdef WEFT_ROOMS_LINKED
#include <uapi/linux/virtio_net.h>
#include "../ctrl_cmd.h"
#else
#include "../ctrl_cmd.c"
#endif

#define B(bit)	(1ull << (bit))
#define ALL	(B(VIRTIO_NET_F_CTRL_RX) | B(VIRTIO_NET_F_CTRL_RX_EXTRA) |	\
		 B(VIRTIO_NET_F_CTRL_VLAN) | B(VIRTIO_NET_F_CTRL_MAC_ADDR) |	\
		 B(VIRTIO_NET_F_GUEST_ANNOUNCE) | B(VIRTIO_NET_F_MQ) |		\
		 B(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | B(VIRTIO_NET_F_GUEST_CSUM))

/* A command in memory of its own, so that a sanitizer sees what is beyond. */
struct bytes {
	struct weft_ctrl_source source;
	const u8 *at;
	int good;	/* reads that are whole; each after them has an end too early */
};

static bool read_bytes(struct weft_ctrl_source *source, void *to, size_t n)
{
	struct bytes *b = container_of(source, struct bytes, source);

	if (to)
		memcpy(to, b->at, n);
	if (!b->good)
		return false;
	b->good--;
	b->at += n;
	return true;
}

static struct weft_ctrl_state *state_with(struct kunit *test, u64 features)
{
	struct weft_ctrl_state *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->features = features;
	s->max_pairs = 4;
	return s;
}

static enum weft_ctrl_verdict say(struct kunit *test, struct weft_ctrl_state *s, const void *what,
				  size_t n)
{
	u8 *copy = kunit_kmalloc(test, n ?: 1, GFP_KERNEL);
	struct bytes b = {
		.source = { .left = n, .read = read_bytes },
		.at = copy,
		.good = INT_MAX,
	};
	enum weft_ctrl_verdict verdict;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, what, n);
	verdict = weft_ctrl_command(&b.source, s);
	KUNIT_EXPECT_TRUE(test, b.at + b.source.left == copy + n);
	kunit_kfree(test, copy);
	return verdict;
}

/* Each command at its shortest, with what it needs and what comes of it. */
static const struct command {
	const char *name;
	u8 bytes[24];
	u8 len;
	u8 feature;
	enum weft_ctrl_verdict verdict;
} commands[] = {
	{ "promisc", { 0, 0, 1 }, 3, 18, WEFT_CTRL_FILTER },
	{ "allmulti", { 0, 1, 1 }, 3, 18, WEFT_CTRL_FILTER },
	{ "alluni", { 0, 2, 1 }, 3, 20, WEFT_CTRL_FILTER },
	{ "nomulti", { 0, 3, 1 }, 3, 20, WEFT_CTRL_FILTER },
	{ "nouni", { 0, 4, 1 }, 3, 20, WEFT_CTRL_FILTER },
	{ "nobcast", { 0, 5, 1 }, 3, 20, WEFT_CTRL_FILTER },
	{ "empty tables", { 1, 0 }, 10, 18, WEFT_CTRL_FILTER },
	{ "address", { 1, 1, 0x52, 0x54, 0, 0, 0, 7 }, 8, 23, WEFT_CTRL_MAC },
	{ "add vlan", { 2, 0, 0xff, 0x0f }, 4, 19, WEFT_CTRL_VLAN },
	{ "delete vlan", { 2, 1, 0, 0 }, 4, 19, WEFT_CTRL_VLAN },
	{ "announced", { 3, 0 }, 2, 21, WEFT_CTRL_NOTHING },
	{ "pairs", { 4, 0, 4, 0 }, 4, 22, WEFT_CTRL_PAIRS },
	{ "offloads", { 5, 0, 2, 0, 0, 0, 0, 0, 0, 0 }, 10, 2, WEFT_CTRL_OFFLOADS },
};

static void command_name(const struct command *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", c->name);
}

KUNIT_ARRAY_PARAM(command, commands, command_name);

static void ctrl_each(struct kunit *test)
{
	const struct command *c = test->param_value;
	struct weft_ctrl_state *s = state_with(test, ALL), *before = state_with(test, 0);
	u8 len;

	KUNIT_EXPECT_EQ(test, say(test, s, c->bytes, c->len), c->verdict);
	/* More than it needs does no harm. */
	KUNIT_EXPECT_EQ(test, say(test, s, c->bytes, sizeof(c->bytes)), c->verdict);
	s->features &= ~B(c->feature);
	KUNIT_EXPECT_EQ(test, say(test, s, c->bytes, c->len), WEFT_CTRL_REFUSED);
	s->features |= B(c->feature);
	*before = *s;
	for (len = 0; len < c->len; len++)
		KUNIT_EXPECT_EQ_MSG(test, say(test, s, c->bytes, len), WEFT_CTRL_REFUSED,
				    "of %u bytes", len);
	KUNIT_EXPECT_MEMEQ(test, s, before, sizeof(*s));
}

/* All classes and commands: those of the table alone are none that is refused. */
static void ctrl_all_headers(struct kunit *test)
{
	struct weft_ctrl_state *s = state_with(test, ALL);
	u8 bytes[24] = { };
	int h, i;

	for (h = 0; h <= U16_MAX; h++) {
		enum weft_ctrl_verdict want = WEFT_CTRL_REFUSED;

		memset(bytes, 0, sizeof(bytes));
		for (i = 0; i < ARRAY_SIZE(commands); i++) {
			if (commands[i].bytes[0] != h >> 8 || commands[i].bytes[1] != (h & 0xff))
				continue;
			memcpy(bytes, commands[i].bytes, sizeof(bytes));
			want = commands[i].verdict;
		}
		bytes[0] = h >> 8;
		bytes[1] = h;
		KUNIT_ASSERT_EQ_MSG(test, say(test, s, bytes, sizeof(bytes)), want,
				    "class %d command %d", h >> 8, h & 0xff);
	}
}

static void ctrl_values(struct kunit *test)
{
	static const struct {
		u8 bytes[10];
		u8 len;
		enum weft_ctrl_verdict verdict;
	} cases[] = {
		/* a mode is on or off */
		{ { 0, 0, 0 }, 3, WEFT_CTRL_FILTER },
		{ { 0, 0, 2 }, 3, WEFT_CTRL_REFUSED },
		{ { 0, 5, 0xff }, 3, WEFT_CTRL_REFUSED },
		/* addresses of groups, and of nobody */
		{ { 1, 1, 1, 0, 0, 0, 0, 0 }, 8, WEFT_CTRL_REFUSED },
		{ { 1, 1, 0, 0, 0, 0, 0, 0 }, 8, WEFT_CTRL_REFUSED },
		{ { 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, WEFT_CTRL_REFUSED },
		/* VLANs from 0 to 4095 */
		{ { 2, 0, 0, 0 }, 4, WEFT_CTRL_VLAN },
		{ { 2, 0, 0, 0x10 }, 4, WEFT_CTRL_REFUSED },
		{ { 2, 1, 0xff, 0xff }, 4, WEFT_CTRL_REFUSED },
		/* pairs from 1 to 4 */
		{ { 4, 0, 0, 0 }, 4, WEFT_CTRL_REFUSED },
		{ { 4, 0, 1, 0 }, 4, WEFT_CTRL_PAIRS },
		{ { 4, 0, 5, 0 }, 4, WEFT_CTRL_REFUSED },
		{ { 4, 0, 1, 1 }, 4, WEFT_CTRL_REFUSED },
		/* offloads that the driver has taken */
		{ { 5, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, WEFT_CTRL_OFFLOADS },
		{ { 5, 0, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 10, WEFT_CTRL_REFUSED },
		{ { 5, 0, 2, 0, 0, 0, 0, 0, 0, 0x80 }, 10, WEFT_CTRL_REFUSED },
	};
	struct weft_ctrl_state *s = state_with(test, ALL);
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, say(test, s, cases[i].bytes, cases[i].len),
				    cases[i].verdict, "case %d", i);
}

static void ctrl_results(struct kunit *test)
{
	static const u8 mac[] = { 0x52, 0x54, 0, 0, 0, 7 };
	struct weft_ctrl_state *s = state_with(test, ALL);
	int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		say(test, s, commands[i].bytes, commands[i].len);
	KUNIT_EXPECT_TRUE(test, s->filter.promisc && s->filter.allmulti && s->filter.alluni &&
			  s->filter.nomulti && s->filter.nouni && s->filter.nobcast);
	KUNIT_EXPECT_MEMEQ(test, s->mac, mac, ETH_ALEN);
	KUNIT_EXPECT_EQ(test, s->vid, 0);
	KUNIT_EXPECT_FALSE(test, s->vlan);
	KUNIT_EXPECT_EQ(test, s->pairs, 4);
	KUNIT_EXPECT_EQ(test, s->offloads, B(VIRTIO_NET_F_GUEST_CSUM));
	say(test, s, "\x02\x00\xff\x0f", 4);
	KUNIT_EXPECT_EQ(test, s->vid, 4095);
	KUNIT_EXPECT_TRUE(test, s->vlan);
	/* Each mode is its own. */
	for (i = 0; i < 6; i++) {
		u8 off[] = { 0, i, 0 };

		KUNIT_EXPECT_EQ(test, say(test, s, off, sizeof(off)), WEFT_CTRL_FILTER);
		KUNIT_EXPECT_EQ(test, s->filter.promisc + s->filter.allmulti + s->filter.alluni +
				s->filter.nomulti + s->filter.nouni + s->filter.nobcast, 5 - i);
	}
}

/* Two tables: how many addresses, and that many. */
static enum weft_ctrl_verdict tables(struct kunit *test, struct weft_ctrl_state *s, u32 uni,
				     u32 multi, size_t cut)
{
	size_t n = 2 + 4 + uni * ETH_ALEN + 4 + multi * ETH_ALEN, i;
	u8 *bytes = kunit_kzalloc(test, n, GFP_KERNEL), *at = bytes;
	enum weft_ctrl_verdict verdict;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	*at++ = VIRTIO_NET_CTRL_MAC;
	*at++ = VIRTIO_NET_CTRL_MAC_TABLE_SET;
	for (i = 0; i < 2; i++) {
		u32 count = i ? multi : uni, k;

		for (k = 0; k < 4; k++)
			*at++ = count >> 8 * k;
		for (k = 0; k < count; k++, at += ETH_ALEN) {
			at[0] = i ? 0x33 : 0x52;
			at[4] = k >> 8;
			at[5] = k;
		}
	}
	verdict = say(test, s, bytes, n - cut);
	kunit_kfree(test, bytes);
	return verdict;
}

static bool wants(const struct weft_ctrl_state *s, u8 first, u16 n)
{
	static const u8 own[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 1 };
	u8 mac[ETH_ALEN] = { first, 0, 0, 0, n >> 8, n };

	return weft_ctrl_wants(&s->filter, own, mac);
}

static void ctrl_tables(struct kunit *test)
{
	static const struct {
		u32 uni, multi;
		u16 have;
		bool overflow;
	} cases[] = {
		{ 0, 0, 0 }, { 1, 0, 1 }, { 0, 1, 1 }, { 64, 0, 64 }, { 0, 64, 64 }, { 32, 32, 64 },
		{ 63, 1, 64 }, { 65, 0, 0, true }, { 0, 65, 0, true }, { 33, 32, 33, true },
		{ 1000, 3, 3, true }, { 1000, 1000, 0, true },
	};
	struct weft_ctrl_state *s = state_with(test, ALL);
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ(test, tables(test, s, cases[i].uni, cases[i].multi, 0),
				WEFT_CTRL_FILTER);
		KUNIT_EXPECT_EQ_MSG(test, s->filter.nmacs, cases[i].have, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, s->filter.overflow, cases[i].overflow, "case %d", i);
		/* None that was asked for is kept away. */
		if (cases[i].uni)
			KUNIT_EXPECT_TRUE(test, wants(s, 0x52, cases[i].uni - 1));
		if (cases[i].multi)
			KUNIT_EXPECT_TRUE(test, wants(s, 0x33, cases[i].multi - 1));
		if (!cases[i].overflow) {
			KUNIT_EXPECT_FALSE(test, wants(s, 0x52, cases[i].uni));
			KUNIT_EXPECT_FALSE(test, wants(s, 0x33, cases[i].multi));
		}
	}
	/* One that ends before its end leaves all as it was. */
	KUNIT_EXPECT_EQ(test, tables(test, s, 2, 2, 0), WEFT_CTRL_FILTER);
	KUNIT_EXPECT_FALSE(test, s->filter.overflow);
	for (i = 1; i < 32; i++)
		KUNIT_EXPECT_EQ(test, tables(test, s, 2, 2, i), WEFT_CTRL_REFUSED);
	KUNIT_EXPECT_EQ(test, s->filter.nmacs, 4);
	/* Nor does a number of addresses that would not fit into memory. */
	KUNIT_EXPECT_EQ(test, say(test, s, "\x01\x00\xff\xff\xff\xff\0\0\0\0", 10),
			WEFT_CTRL_REFUSED);
	KUNIT_EXPECT_EQ(test, say(test, s, "\x01\x00\xab\xaa\xaa\x2a\0\0\0\0", 10),
			WEFT_CTRL_REFUSED);
	KUNIT_EXPECT_EQ(test, s->filter.nmacs, 4);
	/* What an earlier table had is forgotten. */
	KUNIT_EXPECT_TRUE(test, wants(s, 0x52, 1));
	KUNIT_EXPECT_EQ(test, tables(test, s, 1, 0, 0), WEFT_CTRL_FILTER);
	KUNIT_EXPECT_TRUE(test, wants(s, 0x52, 0));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x52, 1));
}

/* What can be read in part only is refused, wherever it ends, and whatever came of it. */
static void ctrl_unreadable(struct kunit *test)
{
	const struct command *c = test->param_value;
	struct weft_ctrl_state *s = state_with(test, ALL), *before = state_with(test, ALL);
	int good;

	for (good = 0; good < 4; good++) {
		struct bytes b = {
			.source = { .left = c->len, .read = read_bytes },
			.at = c->bytes,
			.good = good,
		};
		enum weft_ctrl_verdict verdict = weft_ctrl_command(&b.source, s);

		if (verdict == c->verdict)
			break;
		KUNIT_EXPECT_EQ(test, verdict, WEFT_CTRL_REFUSED);
		KUNIT_EXPECT_MEMEQ(test, s, before, sizeof(*s));
	}
	/* The header alone is read of what has nothing else. */
	KUNIT_EXPECT_EQ(test, good, c->len == 2 ? 1 : c->len == 10 && c->bytes[0] == 1 ? 3 : 2);
}

static void ctrl_filter(struct kunit *test)
{
	static const u8 own[] = { 0x02, 0, 0, 0, 0, 1 }, all[] = { 255, 255, 255, 255, 255, 255 };
	struct weft_ctrl_state *s = state_with(test, ALL);
	struct weft_ctrl_filter *f = &s->filter;

	KUNIT_EXPECT_TRUE(test, weft_ctrl_wants(f, own, own));
	KUNIT_EXPECT_TRUE(test, weft_ctrl_wants(f, own, all));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x52, 1));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x33, 1));
	f->alluni = true;
	KUNIT_EXPECT_TRUE(test, wants(s, 0x52, 1));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x33, 1));
	f->allmulti = true;
	KUNIT_EXPECT_TRUE(test, wants(s, 0x33, 1));
	/* To want none is the stronger wish. */
	f->nouni = true;
	f->nomulti = true;
	f->nobcast = true;
	KUNIT_EXPECT_FALSE(test, weft_ctrl_wants(f, own, own));
	KUNIT_EXPECT_FALSE(test, weft_ctrl_wants(f, own, all));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x52, 1));
	KUNIT_EXPECT_FALSE(test, wants(s, 0x33, 1));
	f->promisc = true;
	KUNIT_EXPECT_TRUE(test, weft_ctrl_wants(f, own, all));
	KUNIT_EXPECT_TRUE(test, wants(s, 0x33, 1));
}

static struct kunit_case ctrl_cases[] = {
	KUNIT_CASE_PARAM(ctrl_each, command_gen_params),
	KUNIT_CASE(ctrl_all_headers),
	KUNIT_CASE(ctrl_values),
	KUNIT_CASE(ctrl_results),
	KUNIT_CASE(ctrl_tables),
	KUNIT_CASE_PARAM(ctrl_unreadable, command_gen_params),
	KUNIT_CASE(ctrl_filter),
	{}
};

static struct kunit_suite ctrl_suite = {
	.name = "weft_vdpa_ctrl",
	.test_cases = ctrl_cases,
};

kunit_test_suite(ctrl_suite);

MODULE_DESCRIPTION("KUnit tests of weft's control queues");
MODULE_LICENSE("GPL");
