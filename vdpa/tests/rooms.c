// SPDX-License-Identifier: GPL-2.0
/*
 * The logic rooms, once, for suites that are linked into a kernel: there each
 * cannot bring its own.
 */
#include "../config.c"
#include "../ctrl_cmd.c"
