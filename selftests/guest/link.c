// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's network interface.
 *
 *   link:ADDRESS	waits for it, gives it that IPv4 address (/24), sets it up
 *   features		the bits that its driver and its device agreed on
 *   rings:RX:TX	entries of its rings, as ethtool -G sets them
 *   queues:N		pairs of queues in use, as ethtool -L sets them
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "adapter.h"
#include "command.h"
#include "link.h"

#define NET		"/sys/class/net/"
#define PATIENCE	200	/* tenths of a second */

bool link_find(char *name)
{
	DIR *dir = opendir(NET);
	struct dirent *entry;
	bool found = false;
	char path[300];

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), NET "%s/device", entry->d_name);
		found = entry->d_name[0] != '.' && !access(path, F_OK);
		if (found)
			snprintf(name, IFNAMSIZ, "%.15s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static size_t read_of_link(const char *name, const char *what, char *text,
			   size_t room)
{
	char path[128];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), NET "%s/%s", name, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? 0 : read(fd, text, room - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return strlen(text);
}

const char *link_ask(unsigned long request, struct ifreq *req)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *wrong = NULL;

	if (fd < 0)
		return "no socket";
	if (!req->ifr_name[0] && !link_find(req->ifr_name))
		wrong = "there is no network interface";
	else if (ioctl(fd, request, req))
		wrong = strerror(errno);
	close(fd);
	return wrong;
}

static const char *ethtool(void *command)
{
	struct ifreq req = { .ifr_data = command };

	return link_ask(SIOCETHTOOL, &req);
}

const char *link_up(struct ifreq *req, const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	const char *wrong;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return "that is no IPv4 address";
	memcpy(&req->ifr_addr, &at, sizeof(at));
	wrong = link_ask(SIOCSIFADDR, req);
	if (wrong)
		return wrong;
	at.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&req->ifr_netmask, &at, sizeof(at));
	wrong = link_ask(SIOCSIFNETMASK, req);
	if (wrong)
		return wrong;
	req->ifr_flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST | IFF_RUNNING;
	return link_ask(SIOCSIFFLAGS, req);
}

static const char *do_link(char **args)
{
	struct ifreq req = { 0 };
	const char *wrong;
	char text[64];

	if (!link_find(req.ifr_name))
		adapter_rescan();
	/* Its driver is probed in its own time. */
	for (int i = 0; !link_find(req.ifr_name); i++) {
		if (i == PATIENCE)
			return "there is no network interface";
		usleep(100000);
	}
	wrong = link_up(&req, args[0]);
	if (wrong)
		return wrong;
	read_of_link(req.ifr_name, "address", text, sizeof(text));
	report("link %s %s", req.ifr_name, text);
	return NULL;
}

static const char *do_features(char **args)
{
	char name[IFNAMSIZ], text[130];

	(void)args;
	if (!link_find(name))
		return "there is no network interface";
	if (!read_of_link(name, "device/features", text, sizeof(text)))
		return "its device tells no features";
	/* A character a bit, the lowest first. */
	report("features %s", text);
	return NULL;
}

static const char *do_rings(char **args)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	const char *wrong = ethtool(&ring);

	if (wrong)
		return wrong;
	if (*args[0]) {
		ring.cmd = ETHTOOL_SRINGPARAM;
		ring.rx_pending = atoi(args[0]);
		ring.tx_pending = atoi(args[1]);
		wrong = ethtool(&ring);
		if (wrong)
			return wrong;
		ring.cmd = ETHTOOL_GRINGPARAM;
		wrong = ethtool(&ring);
	}
	report("rings %u %u of %u %u", ring.rx_pending, ring.tx_pending,
	       ring.rx_max_pending, ring.tx_max_pending);
	return wrong;
}

static const char *do_queues(char **args)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	const char *wrong = ethtool(&channels);

	if (wrong)
		return wrong;
	if (*args[0]) {
		channels.cmd = ETHTOOL_SCHANNELS;
		channels.combined_count = atoi(args[0]);
		wrong = ethtool(&channels);
		if (wrong)
			return wrong;
	}
	report("queues %u of %u", channels.combined_count,
	       channels.max_combined);
	return NULL;
}

const struct command link_commands[] = {
	{ "link", do_link },
	{ "features", do_features },
	{ "rings", do_rings },
	{ "queues", do_queues },
	{ NULL },
};
