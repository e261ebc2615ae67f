/* SPDX-License-Identifier: GPL-2.0 */
/* What the bytes of an input have done to a device that has rings. */
#ifndef WEFT_FUZZ_STEPS_H
#define WEFT_FUZZ_STEPS_H

#include "args.h"
#include "ring.h"

/**
 * struct steps - of one kind of device
 * @rings: its rings
 * @dev: file descriptor
 * @dirty: set where it may not be any more what it was set up as
 * @change_dirties: so may it where the owner's memory changes
 * @commands: its third ring takes commands
 * @ioctls: those that it has
 * @n: how many
 * @own: what no other kind does
 * @again: it begins anew with a ring
 */
struct steps {
	struct rings *rings;
	int *dev;
	bool *dirty, change_dirties, commands;
	const struct arg_ioctl *ioctls;
	unsigned int n;
	void (*own)(struct bytes *in);
	void (*again)(unsigned int n);
};

/* To the end of the input */
void steps_run(const struct steps *s, struct bytes *in);

int steps_vring(const struct steps *s, unsigned long cmd, unsigned int n, unsigned int num);
int steps_vfile(const struct steps *s, unsigned long cmd, unsigned int n, int fd);
void steps_close(const struct steps *s);

#endif
