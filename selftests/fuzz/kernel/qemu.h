/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An unmodified QEMU whose guest is this program: its CPU halts at once, and what
 * a guest would do is asked for through QEMU's qtest port. Questions are sent
 * together, as each turn costs more than what is asked.
 *
 * When QEMU is gone all of these do nothing, and answer with zeroes.
 */
#ifndef WEFT_FUZZ_QEMU_H
#define WEFT_FUZZ_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* args: to what is always there, ends with NULL; ram: file with the guest's memory */
void qemu_start(const char *const *args, int ram, unsigned int mib);
bool qemu_alive(void);
/* As by kill -9, if it is there at all. What it said before. */
const char *qemu_end(void);

/* width: bytes, 1, 2, 4 or 8 (memory only) */
void guest_out(unsigned int width, uint16_t port, uint32_t val);
void guest_write(unsigned int width, uint64_t address, uint64_t val);
void guest_read(unsigned int width, uint64_t address);
void guest_read_bytes(uint64_t address, uint32_t len);
void guest_fill(uint64_t address, uint32_t len, uint8_t byte);
uint64_t guest_get(unsigned int width, uint64_t address);
void guest_flush(void);		/* all of it was done */

/* Config space of the function in a slot */
void guest_config_write(unsigned int slot, unsigned int at, unsigned int width, uint32_t val);
void guest_config_read(unsigned int slot, unsigned int at, unsigned int width);
uint32_t guest_config_get(unsigned int slot, unsigned int at, unsigned int width);

/* As by its user: a QMP command with arguments as JSON */
void qemu_command(const char *name, const char *arguments);
void qemu_reset(void);

#endif
