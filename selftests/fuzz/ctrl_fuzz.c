// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that says to the control queue what the input says, beside a second
 * reading of virtio 1.3 §5.1.6.5: the same verdict, the same state after it,
 * and all of it as it was where a command is refused. The filter then lets pass
 * whom the driver named, and nobody else.
 */
#include <linux/array_size.h>
#include <linux/container_of.h>
#include <linux/etherdevice.h>
#include <linux/string.h>
#include <linux/virtio_net.h>
#include "../../vdpa/ctrl_cmd.h"
#include "input.h"

#define MOST	600	/* bytes of a command */

struct command {
	struct weft_ctrl_source source;
	u8 bytes[MOST];
	u32 len;
	u32 at;
	u32 reads_left;
	bool failed;
};

struct fuzz {
	struct input in;
	struct command c;
	struct weft_ctrl_state s;	/* the room's */
	struct weft_ctrl_state m;	/* what it is to be like */
	u8 named[2 * MOST / ETH_ALEN][ETH_ALEN];
	u32 nnamed;
};

static bool read_command(struct weft_ctrl_source *from, void *to, size_t n)
{
	struct command *c = container_of(from, struct command, source);

	CHECK(!c->failed, "it reads on");
	CHECK(n && n <= from->left && c->at + from->left == c->len, "%zu of %zu", n, from->left);
	if (!c->reads_left--) {
		c->failed = true;
		return false;
	}
	if (to)
		memcpy(to, c->bytes + c->at, n);
	c->at += n;
	return true;
}

static u64 number(const struct command *c, u32 at, u32 n)
{
	u64 v = 0;

	while (n--)
		v = v << 8 | c->bytes[at + n];
	return v;
}

/* Both tables, if they are there; the room has 64 places for what is in them. */
static bool expect_tables(struct fuzz *f)
{
	const struct command *c = &f->c;
	u32 at = 2, i, table, places = 64;
	struct weft_ctrl_filter *m = &f->m.filter;
	bool overflow = false;
	u64 n;

	for (table = 0; table < 2; table++) {
		if (at + 4 > c->len)
			return false;
		n = number(c, at, 4);
		at += 4;
		if (n * ETH_ALEN > c->len - at)
			return false;
		at += n * ETH_ALEN;
	}
	f->nnamed = 0;
	m->nmacs = 0;
	for (table = 0, at = 2; table < 2; table++) {
		n = number(c, at, 4);
		at += 4;
		for (i = 0; i < n; i++, at += ETH_ALEN) {
			memcpy(f->named[f->nnamed++], c->bytes + at, ETH_ALEN);
			if (n <= places)
				memcpy(m->macs[m->nmacs++], c->bytes + at, ETH_ALEN);
		}
		if (n <= places)
			places -= n;
		else
			overflow = true;
	}
	m->overflow = overflow;
	return true;
}

static bool may(const struct fuzz *f, int feature)
{
	return f->s.features >> feature & 1;
}

static enum weft_ctrl_verdict expect(struct fuzz *f)
{
	const struct command *c = &f->c;
	bool *modes[] = { &f->m.filter.promisc, &f->m.filter.allmulti, &f->m.filter.alluni,
			  &f->m.filter.nomulti, &f->m.filter.nouni, &f->m.filter.nobcast };
	u32 class, cmd;

	if (c->len < 2)
		return WEFT_CTRL_REFUSED;
	class = c->bytes[0];
	cmd = c->bytes[1];
	if (class == 0 && cmd < 6 && c->len >= 3 && c->bytes[2] < 2 &&
	    may(f, cmd < 2 ? VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA)) {
		*modes[cmd] = c->bytes[2];
		return WEFT_CTRL_FILTER;
	}
	if (class == 1 && cmd == 0 && may(f, VIRTIO_NET_F_CTRL_RX) && expect_tables(f))
		return WEFT_CTRL_FILTER;
	if (class == 1 && cmd == 1 && may(f, VIRTIO_NET_F_CTRL_MAC_ADDR) && c->len >= 8 &&
	    !(c->bytes[2] & 1) && (number(c, 2, 6))) {
		memcpy(f->m.mac, c->bytes + 2, ETH_ALEN);
		return WEFT_CTRL_MAC;
	}
	if (class == 2 && cmd < 2 && may(f, VIRTIO_NET_F_CTRL_VLAN) && c->len >= 4 &&
	    number(c, 2, 2) < 4096) {
		f->m.vid = number(c, 2, 2);
		f->m.vlan = cmd == 0;
		return WEFT_CTRL_VLAN;
	}
	if (class == 3 && cmd == 0 && may(f, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return WEFT_CTRL_NOTHING;
	if (class == 4 && cmd == 0 && may(f, VIRTIO_NET_F_MQ) && c->len >= 4 &&
	    number(c, 2, 2) && number(c, 2, 2) <= f->s.max_pairs) {
		f->m.pairs = number(c, 2, 2);
		return WEFT_CTRL_PAIRS;
	}
	if (class == 5 && cmd == 0 && may(f, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) && c->len >= 10 &&
	    !(number(c, 2, 8) & ~f->s.features)) {
		f->m.offloads = number(c, 2, 8);
		return WEFT_CTRL_OFFLOADS;
	}
	return WEFT_CTRL_REFUSED;
}

static void check_filter(const struct weft_ctrl_filter *a, const struct weft_ctrl_filter *b)
{
	CHECK(a->promisc == b->promisc && a->allmulti == b->allmulti && a->alluni == b->alluni);
	CHECK(a->nomulti == b->nomulti && a->nouni == b->nouni && a->nobcast == b->nobcast);
	CHECK(a->overflow == b->overflow);
	CHECK(a->nmacs <= 64 && a->nmacs == b->nmacs, "%u, %u", a->nmacs, b->nmacs);
	CHECK(!memcmp(a->macs, b->macs, a->nmacs * ETH_ALEN));
}

/* The verdict of the room, and what is to be of it. */
static void say(struct fuzz *f)
{
	struct command *c = &f->c;
	struct weft_ctrl_state before = f->s;
	enum weft_ctrl_verdict verdict, want;

	f->m = f->s;
	c->source = (struct weft_ctrl_source) { .left = c->len, .read = read_command };
	c->at = 0;
	c->failed = false;
	verdict = weft_ctrl_command(&c->source, &f->s);
	want = c->failed ? WEFT_CTRL_REFUSED : expect(f);
	CHECK(verdict == want, "%d, %d", verdict, want);
	CHECK(c->at + c->source.left == c->len);
	if (verdict == WEFT_CTRL_REFUSED || verdict == WEFT_CTRL_NOTHING) {
		CHECK(!memcmp(&f->s, &before, sizeof(before)), "refused, and changed");
		return;
	}
	check_filter(&f->s.filter, &f->m.filter);
	CHECK(f->s.features == before.features && f->s.max_pairs == before.max_pairs);
	CHECK(!memcmp(f->s.mac, f->m.mac, ETH_ALEN));
	CHECK(f->s.vid == f->m.vid && f->s.vid < 4096 && f->s.vlan == f->m.vlan);
	CHECK(f->s.pairs == f->m.pairs && f->s.offloads == f->m.offloads);
}

/* One of those that were named, one like it, or any. */
static void ask(struct fuzz *f)
{
	const struct weft_ctrl_filter *s = &f->s.filter;
	static const u8 own[ETH_ALEN] = { 0x52, 0x54, 0, 0, 0, 7 };
	bool named = false, group, all, want;
	u8 how = input_u8(&f->in), mac[ETH_ALEN];
	u32 i;

	if (f->nnamed && how & 1)
		memcpy(mac, f->named[input_u8(&f->in) % f->nnamed], ETH_ALEN);
	else
		memcpy(mac, own, ETH_ALEN);
	if (how & 2)
		mac[how >> 2 & 3] ^= input_u8(&f->in);
	if (how & 0x80)
		memset(mac, 0xff, ETH_ALEN);
	for (i = 0; i < f->nnamed; i++)
		named |= !memcmp(f->named[i], mac, ETH_ALEN);
	group = mac[0] & 1;
	all = mac[0] == 0xff && !memcmp(mac, mac + 1, ETH_ALEN - 1);
	if (s->promisc)
		want = true;
	else if (all)
		want = !s->nobcast;
	else if (group ? s->nomulti : s->nouni)
		want = false;
	else
		want = named || (group ? s->allmulti : s->alluni || !memcmp(mac, own, ETH_ALEN)) ||
		       s->overflow;
	CHECK(weft_ctrl_wants(s, own, mac) == want, "%d", want);
}

/* Two tables of as many as the input says, or bytes as they are. */
static void compose(struct fuzz *f)
{
	struct command *c = &f->c;
	u8 how = input_u8(&f->in), n[2], i, k;

	c->len = 0;
	c->reads_left = how & 0x40 ? how & 7 : 100;
	if (how & 0x80) {
		c->bytes[c->len++] = 1;
		c->bytes[c->len++] = 0;
		for (i = 0; i < 2; i++) {
			n[i] = input_u8(&f->in) % 68;
			memset(c->bytes + c->len, 0, 4);
			c->bytes[c->len] = n[i];
			c->bytes[c->len + 3] = how & 0x20 ? 0x40 : 0;
			c->len += 4;
			if (c->len + n[i] * ETH_ALEN + 4 > MOST)
				n[i] = (MOST - 4 - c->len) / ETH_ALEN;
			for (k = 0; k < n[i]; k++, c->len += ETH_ALEN)
				memcpy(c->bytes + c->len, (u8[]) { i ? 0x33 : 0x52, 0, 0, 0,
				       how, k }, ETH_ALEN);
		}
		if (how & 0x10)
			c->len -= input_u8(&f->in) % c->len;
		return;
	}
	if (how & 0x20) {
		/* One of those that there are, or nearly. */
		c->bytes[c->len++] = input_u8(&f->in) % 6;
		c->bytes[c->len++] = input_u8(&f->in) % 7;
		c->bytes[c->len++] = how & 1;
	}
	for (i = input_u8(&f->in) % 48; i; i--)
		c->bytes[c->len++] = input_u8(&f->in);
}

int fuzz_one(const u8 *data, size_t size)
{
	static const u8 bits[] = {
		VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_VLAN,
		VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_MQ,
		VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_GUEST_CSUM,
	};
	static struct fuzz fuzz;
	struct fuzz *f = &fuzz;
	u8 without, i;

	f->in = (struct input) { data, data + size };
	f->nnamed = 0;
	memset(&f->s, 0, sizeof(f->s));
	without = input_u8(&f->in);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (!(without >> i & 1))
			f->s.features |= 1ull << bits[i];
	f->s.max_pairs = 1 + input_u8(&f->in) % 16;
	do {
		compose(f);
		say(f);
		ask(f);
		ask(f);
	} while (input_left(&f->in));
	return 0;
}
