/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's commands, by the file that has them. */
#ifndef WEFT_GUEST_COMMAND_H
#define WEFT_GUEST_COMMAND_H

#include <stdbool.h>

struct command {
	const char *name;
	/* NULL, or why it failed; args[] are "" where none was given. */
	const char *(*run)(char **args);
	/* Runs beside what is told next; its last line comes when it is done. */
	bool beside;
};

/* Each ends with an entry that has no name. */
extern const struct command filter_commands[];
extern const struct command link_commands[];
extern const struct command traffic_commands[];

/* One line for whoever gave the command. */
__attribute__((format(printf, 1, 2)))
void report(const char *format, ...);

#endif
