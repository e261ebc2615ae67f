/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of the kernel warns of by itself, where memory fails in a call
 * that is walked. Any warning ends this kernel, and the test with it; but for
 * such a call it goes on, and what it said is read, and has to be known.
 */
#ifndef WEFT_WARN_LIB_H
#define WEFT_WARN_LIB_H

struct warn_known {
	const char *at;		/* the function that warns */
	const char *below;	/* one that has called it */
};

/* Around what is walked, with walk_arm() within. Nothing changes while nothing fails. */
void warn_begin(void);
void warn_end(const struct warn_known *known, unsigned int n);

/* How often one that is known was met. */
extern unsigned int warn_met;

#endif
