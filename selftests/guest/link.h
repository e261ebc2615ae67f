/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's network interface, for all that drives it. */
#ifndef WEFT_GUEST_LINK_H
#define WEFT_GUEST_LINK_H

#include <net/if.h>
#include <stdbool.h>

/* The first interface that a device stands behind; false when none does. */
bool link_find(char *name);

/* An ioctl about it, or about the interface that is named. NULL, or why it failed. */
const char *link_ask(unsigned long request, struct ifreq *req);

/* Gives that interface an IPv4 address (/24), and sets it up. */
const char *link_up(struct ifreq *req, const char *address);

#endif
