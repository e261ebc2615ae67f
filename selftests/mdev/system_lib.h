/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests ask the machine for: files, modules, events that are waited for, and
 * the kernel's log.
 *
 * Whatever can fail returns -1 with errno, as a system call does, unless said
 * otherwise. Nothing here judges: that is for the tests.
 */
#ifndef WEFT_SYSTEM_LIB_H
#define WEFT_SYSTEM_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Generous, as the machine may be emulated on a busy host. */
#define WAIT_MS			20000

/*
 * Files. The text comes without its last newline; "" when it cannot be read.
 * It stands in one of 8 static buffers.
 */
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
ssize_t file_read(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
const char *file_text(const char *fmt, ...) PRINTF(1, 2);
long long file_number(const char *fmt, ...) PRINTF(1, 2);	/* -1 when it is none */
int file_write(const char *text, const char *fmt, ...) PRINTF(2, 3);
int file_write_bytes(const void *data, size_t len, const char *fmt, ...) PRINTF(3, 4);
bool file_exists(const char *fmt, ...) PRINTF(1, 2);
int command(const char *fmt, ...) PRINTF(1, 2);		/* its exit status; quiet */

/* Modules; parameters as for insmod, NULL for none. */
int module_load(const char *name, const char *parameters);
int module_unload(const char *name);	/* EAGAIN: in use */
bool module_loaded(const char *name);

/* Events. True if it came within ms. */
int event_new(void);
bool event_wait(int fd, int ms);
uint64_t event_count(int fd);		/* and back to zero */
bool wait_text(const char *want, int ms, const char *fmt, ...) PRINTF(3, 4);
bool wait_gone(int ms, const char *fmt, ...) PRINTF(2, 3);
bool wait_there(int ms, const char *fmt, ...) PRINTF(2, 3);
bool wait_child(pid_t pid, int *status, int ms);
double now(void);			/* seconds, monotonic */

/* The kernel's log from here on. */
int kmsg_open(void);
bool kmsg_wait(int fd, const char *part, int ms);	/* a line that holds it */
int kmsg_count(int fd, const char *part);		/* in what is there now */

/* Where something else failed, whose errno it is; -1: none */
void close_keep_errno(int fd);

#endif
