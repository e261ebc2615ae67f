// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest's network interface lets in.
 *
 *   vlan:ID:ADDRESS	an interface of that VLAN on it, with an IPv4 address (/24)
 *   novlan:ID		none any more
 *   promisc:ON		all frames, or not (0)
 *   group:MAC		those to that group too, as 01-00-5e-00-00-05
 *   hear		tells the number of each frame of type 0x88b5 that comes,
 *			the four bytes behind its header, until that is 2^32 - 1
 *
 * "hear" runs beside other commands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>

#include "command.h"
#include "link.h"

#define HEARD_TYPE	0x88b5
#define HEARD_LAST	UINT32_MAX

static const char *ask_vlan(struct vlan_ioctl_args *args)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *wrong = NULL;

	if (fd < 0 || ioctl(fd, SIOCSIFVLAN, args))
		wrong = strerror(errno);
	if (fd >= 0)
		close(fd);
	return wrong;
}

/* The kernel's own way to name it. */
static const char *name_vlan(char *name, const char *id)
{
	char base[IFNAMSIZ];

	if (!link_find(base))
		return "there is no network interface";
	if (snprintf(name, IFNAMSIZ, "%s.%s", base, id) >= IFNAMSIZ)
		return "the VLAN's name is too long";
	return NULL;
}

static const char *do_vlan(char **args)
{
	struct vlan_ioctl_args type = {
		.cmd = SET_VLAN_NAME_TYPE_CMD,
		.u.name_type = VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD,
	};
	struct vlan_ioctl_args add = { .cmd = ADD_VLAN_CMD };
	struct ifreq req = { 0 };
	const char *wrong;

	if (!link_find(add.device1))
		return "there is no network interface";
	add.u.VID = atoi(args[0]);
	wrong = ask_vlan(&type);
	if (!wrong)
		wrong = ask_vlan(&add);
	if (!wrong)
		wrong = name_vlan(req.ifr_name, args[0]);
	return wrong ? wrong : link_up(&req, args[1]);
}

static const char *do_novlan(char **args)
{
	struct vlan_ioctl_args del = { .cmd = DEL_VLAN_CMD };
	const char *wrong = name_vlan(del.device1, args[0]);

	return wrong ? wrong : ask_vlan(&del);
}

static const char *do_promisc(char **args)
{
	struct ifreq req = { 0 };
	const char *wrong = link_ask(SIOCGIFFLAGS, &req);

	if (wrong)
		return wrong;
	if (atoi(args[0]))
		req.ifr_flags |= IFF_PROMISC;
	else
		req.ifr_flags &= ~IFF_PROMISC;
	return link_ask(SIOCSIFFLAGS, &req);
}

static const char *do_group(char **args)
{
	struct ifreq req = { .ifr_hwaddr.sa_family = AF_UNSPEC };
	unsigned char *mac = (unsigned char *)req.ifr_hwaddr.sa_data;

	if (sscanf(args[0], "%hhx-%hhx-%hhx-%hhx-%hhx-%hhx", mac, mac + 1, mac + 2,
		   mac + 3, mac + 4, mac + 5) != ETH_ALEN)
		return "that is no address";
	return link_ask(SIOCADDMULTI, &req);
}

/* What is for others and got in all the same comes here, too. */
static const char *do_hear(char **args)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(HEARD_TYPE));
	unsigned char frame[128];
	uint32_t n = 0;

	(void)args;
	if (fd < 0)
		return strerror(errno);
	report("hearing");
	while (n != HEARD_LAST) {
		if (recv(fd, frame, sizeof(frame), 0) < ETH_HLEN + (ssize_t)sizeof(n))
			continue;
		memcpy(&n, frame + ETH_HLEN, sizeof(n));
		n = ntohl(n);
		report("heard %u", n);
	}
	close(fd);
	return NULL;
}

const struct command filter_commands[] = {
	{ "vlan", do_vlan },
	{ "novlan", do_novlan },
	{ "promisc", do_promisc },
	{ "group", do_group },
	{ "hear", do_hear, true },
	{ NULL },
};
