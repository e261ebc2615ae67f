/* SPDX-License-Identifier: GPL-2.0 */
/* Arguments of vhost's ioctls, and its messages, of whatever the input says. */
#ifndef WEFT_FUZZ_ARGS_H
#define WEFT_FUZZ_ARGS_H

#include "fuzz.h"

/**
 * enum arg - what an ioctl takes
 * @ARG_NONE: nothing
 * @ARG_U32: a number
 * @ARG_U64: a number
 * @ARG_BITS: bits of features
 * @ARG_ADDRESS: an address
 * @ARG_FD: a file descriptor
 * @ARG_STATE: of a ring, a number
 * @ARG_STATE_BYTE: the same, but a small one
 * @ARG_FILE: of a ring, a file descriptor
 * @ARG_ADDR: of a ring, its addresses
 * @ARG_TABLE: regions of memory
 * @ARG_WORDS: an array of bits of features
 * @ARG_BYTES: anything; the command may be any, too
 */
enum arg {
	ARG_NONE, ARG_U32, ARG_U64, ARG_BITS, ARG_ADDRESS, ARG_FD, ARG_STATE, ARG_STATE_BYTE,
	ARG_FILE, ARG_ADDR, ARG_TABLE, ARG_WORDS, ARG_BYTES
};

struct arg_ioctl {
	unsigned long cmd;
	enum arg arg;
};

/* Files that a device may be given, beside others that no device wants */
void args_begin(const int *fds, unsigned int n);
void args_ioctl(int fd, const struct arg_ioctl *table, unsigned int n, struct bytes *in);
void args_message(int fd, struct bytes *in);

#endif
