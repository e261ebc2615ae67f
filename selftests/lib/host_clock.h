/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock of the host outside the machine, in seconds: for what a machine
 * that counts instructions as time cannot time.
 */
#ifndef WEFT_HOST_CLOCK_H
#define WEFT_HOST_CLOCK_H

/* Ends the program when there is none. */
double host_clock(void);

#endif
