// SPDX-License-Identifier: GPL-2.0
#include "vdpa_nl_lib.h"

#include <dirent.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

#define HEADERS	(NLMSG_HDRLEN + GENL_HDRLEN)

static int family;

void nl_begin(struct nl *m, uint8_t cmd)
{
	struct nlmsghdr *h = (void *)m->bytes;
	struct genlmsghdr *g = NLMSG_DATA(h);

	memset(m, 0, sizeof(*m));
	g->cmd = cmd;
	g->version = 1;
	m->len = HEADERS;
}

void nl_put_raw(struct nl *m, uint16_t type, uint16_t says, const void *data, size_t len)
{
	struct nlattr *a = (void *)(m->bytes + m->len);

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > NL_ROOM)
		give_up(__FILE__, __LINE__, "no room for an attribute of %zu bytes", len);
	a->nla_type = type;
	a->nla_len = says;
	memcpy(a + 1, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void nl_put(struct nl *m, uint16_t type, const void *data, size_t len)
{
	nl_put_raw(m, type, NLA_HDRLEN + len, data, len);
}

void nl_put_string(struct nl *m, uint16_t type, const char *s)
{
	nl_put(m, type, s, strlen(s) + 1);
}

/* What the kernel says beside the number, behind the message that it is about. */
static void hear(const struct nlmsghdr *h, struct nl_answer *a)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t at = NLMSG_HDRLEN + sizeof(*e);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *n = (const void *)h + at;

		if (n->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(a->said, sizeof(a->said), "%s", (const char *)(n + 1));
		at += NLA_ALIGN(n->nla_len) ?: NLA_HDRLEN;
	}
}

static int exchange(struct nl *m, uint16_t type, bool dump, struct nl_answer *a)
{
	struct nlmsghdr *h = (void *)m->bytes;
	/* Threads ask at the same time: who reads another's answer waits for ever. */
	static __thread uint8_t got[65536];
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), one = 1, ret = 1;
	ssize_t n;

	MUST(s < 0);
	MUST(setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)));
	h->nlmsg_len = m->len;
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (dump ? NLM_F_DUMP : 0);
	memset(a, 0, sizeof(*a));
	MUST(send(s, m->bytes, m->len, 0) != (ssize_t)m->len);
	while (ret > 0) {
		n = recv(s, got, sizeof(got), 0);
		MUST(n <= 0);
		for (h = (void *)got; NLMSG_OK(h, n) && ret > 0; h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
				ret = *(int *)NLMSG_DATA(h);
				if (h->nlmsg_type == NLMSG_ERROR)
					hear(h, a);
				break;
			}
			a->len = h->nlmsg_len - HEADERS;
			memcpy(a->bytes, (void *)h + HEADERS, a->len);
			a->messages++;
		}
	}
	close(s);
	return ret;
}

static int vdpa_family(void)
{
	struct nl_answer *a;
	const uint16_t *id;
	struct nl m;
	size_t len;

	if (family)
		return family;
	a = malloc(sizeof(*a));
	MUST(!a);
	nl_begin(&m, CTRL_CMD_GETFAMILY);
	nl_put_string(&m, CTRL_ATTR_FAMILY_NAME, VDPA_GENL_NAME);
	MUST(exchange(&m, GENL_ID_CTRL, false, a));
	id = nl_find(a, CTRL_ATTR_FAMILY_ID, &len);
	MUST(!id);
	family = *id;
	free(a);
	return family;
}

int nl_send(struct nl *m, bool dump, struct nl_answer *a)
{
	return exchange(m, vdpa_family(), dump, a);
}

const void *nl_find(const struct nl_answer *a, uint16_t type, size_t *len)
{
	size_t at = 0;

	while (at + NLA_HDRLEN <= a->len) {
		const struct nlattr *n = (const void *)(a->bytes + at);

		if (n->nla_len < NLA_HDRLEN || at + n->nla_len > a->len)
			return NULL;
		*len = n->nla_len - NLA_HDRLEN;
		if ((n->nla_type & NLA_TYPE_MASK) == type)
			return n + 1;
		at += NLA_ALIGN(n->nla_len);
	}
	return NULL;
}

static bool is_network(const char *pci)
{
	char path[300], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", pci);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		*text = 0;
	if (f)
		fclose(f);
	return !strcmp(text, "0x776e\n");
}

const char *vdpa_function(unsigned int n)
{
	static __thread char domain[5], name[32];
	struct dirent *e;
	DIR *d;

	if (!*domain) {
		d = opendir("/sys/bus/pci/devices");
		MUST(!d);
		while ((e = readdir(d)))
			if (is_network(e->d_name))
				snprintf(domain, sizeof(domain), "%.4s", e->d_name);
		closedir(d);
		MUST(!*domain);
	}
	snprintf(name, sizeof(name), "%s:00:%02x.%x", domain, n >> 3 & 0x1f, n & 7);
	return name;
}

void vdpa_put_make(struct nl *m, const char *name, unsigned int function)
{
	nl_begin(m, VDPA_CMD_DEV_NEW);
	nl_put_string(m, VDPA_ATTR_DEV_NAME, name);
	nl_put_string(m, VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
	nl_put_string(m, VDPA_ATTR_MGMTDEV_DEV_NAME, vdpa_function(function));
}

static int as_call(struct nl *m)
{
	struct nl_answer *a = malloc(sizeof(*a));
	int ret;

	MUST(!a);
	ret = nl_send(m, false, a);
	free(a);
	errno = -ret;
	return ret ? -1 : 0;
}

int vdpa_make(const char *name, unsigned int function, const struct vdpa_make *how)
{
	struct nl m;
	uint16_t n;

	vdpa_put_make(&m, name, function);
	n = how->pairs;
	if (n)
		nl_put(&m, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &n, 2);
	n = how->mtu;
	if (n)
		nl_put(&m, VDPA_ATTR_DEV_NET_CFG_MTU, &n, 2);
	if (how->mac)
		nl_put(&m, VDPA_ATTR_DEV_NET_CFG_MACADDR, how->mac, 6);
	if (how->features)
		nl_put(&m, VDPA_ATTR_DEV_FEATURES, &how->features, 8);
	return as_call(&m);
}

int vdpa_delete(const char *name)
{
	struct nl m;

	nl_begin(&m, VDPA_CMD_DEV_DEL);
	nl_put_string(&m, VDPA_ATTR_DEV_NAME, name);
	return as_call(&m);
}

bool vdpa_exists(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", name);
	return !access(path, F_OK);
}
