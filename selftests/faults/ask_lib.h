/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the vdpa tool says to the kernel, in one message each that was made and
 * sealed before: no more than the kernel's part of it is walked.
 */
#ifndef WEFT_ASK_LIB_H
#define WEFT_ASK_LIB_H

/* About a device of function 0 with this name. */
void ask_begin(const char *name);

/* As calls: 0, or -1 with errno. */
int ask_for_device(void);
int ask_for_none(void);

#endif
