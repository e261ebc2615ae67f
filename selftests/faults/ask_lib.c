// SPDX-License-Identifier: GPL-2.0
#include "ask_lib.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "must.h"
#include "vdpa_nl_lib.h"
#include "walk_lib.h"

static struct nl new_message, del_message;
static int netlink = -1;

/* As the tool has it, but no more than the kernel's part may fail. */
static void seal(struct nl *m)
{
	static uint16_t family;
	struct nlmsghdr *h = (void *)m->bytes;

	if (!family) {
		struct nl_answer *a = malloc(sizeof(*a));
		struct nl any;

		MUST(!a);
		nl_begin(&any, VDPA_CMD_MGMTDEV_GET);
		MUST(nl_send(&any, true, a));
		family = ((struct nlmsghdr *)any.bytes)->nlmsg_type;
		free(a);
	}
	h->nlmsg_len = m->len;
	h->nlmsg_type = family;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
}

static int ask(const struct nl *m)
{
	static uint8_t got[16384];
	struct nlmsghdr *h = (void *)got;
	ssize_t n;

	walk_arm();
	n = send(netlink, m->bytes, m->len, 0);
	walk_disarm();
	if (n < 0)
		return -1;
	/* The answer, of which the kernel may say that it had no memory for it. */
	n = recv(netlink, got, sizeof(got), 0);
	if (n < 0)
		return -1;
	MUST(!NLMSG_OK(h, n) || h->nlmsg_type != NLMSG_ERROR);
	errno = -*(int *)NLMSG_DATA(h);
	return errno ? -1 : 0;
}

void ask_begin(const char *name)
{
	vdpa_put_make(&new_message, name, 0);
	seal(&new_message);
	nl_begin(&del_message, VDPA_CMD_DEV_DEL);
	nl_put_string(&del_message, VDPA_ATTR_DEV_NAME, name);
	seal(&del_message);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	MUST(netlink < 0);
}

int ask_for_device(void)
{
	return ask(&new_message);
}

int ask_for_none(void)
{
	return ask(&del_message);
}
