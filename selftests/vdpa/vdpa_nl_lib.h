/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the stock vdpa tool says to the kernel, and what it never would: generic
 * netlink messages of which each attribute is as the test has it.
 */
#ifndef WEFT_VDPA_NL_LIB_H
#define WEFT_VDPA_NL_LIB_H

#include <linux/vdpa.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef VDPA_CMD_DEV_ATTR_SET
#define VDPA_CMD_DEV_ATTR_SET	(VDPA_CMD_DEV_VSTATS_GET + 1)
#endif

#define NL_ROOM	8192

struct nl {
	uint8_t bytes[NL_ROOM];
	size_t len;
};

struct nl_answer {
	uint8_t bytes[65536];		/* of the last message that is not just a result */
	size_t len;
	unsigned int messages;		/* of a dump */
	char said[128];			/* in words, why it was refused */
};

void nl_begin(struct nl *m, uint8_t cmd);
void nl_put(struct nl *m, uint16_t type, const void *data, size_t len);
void nl_put_string(struct nl *m, uint16_t type, const char *s);
/* As it is, of a length that the attribute says of itself or not. */
void nl_put_raw(struct nl *m, uint16_t type, uint16_t says, const void *data, size_t len);

/* Returns 0, or a negative errno: that of the kernel's answer. */
int nl_send(struct nl *m, bool dump, struct nl_answer *a);

/* An attribute of the answer, or NULL. */
const void *nl_find(const struct nl_answer *a, uint16_t type, size_t *len);

/* The function of this number (with functions=0), as "0000:00:00.0"; ends the test if none is. */
const char *vdpa_function(unsigned int n);

struct vdpa_make {
	unsigned int pairs, mtu;	/* 0: not said */
	const uint8_t *mac;
	uint64_t features;
};

void vdpa_put_make(struct nl *m, const char *name, unsigned int function);
/* As system calls: 0, or -1 with errno. */
int vdpa_make(const char *name, unsigned int function, const struct vdpa_make *how);
int vdpa_delete(const char *name);
bool vdpa_exists(const char *name);

#endif
