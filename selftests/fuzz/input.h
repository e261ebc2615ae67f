/* SPDX-License-Identifier: GPL-2.0 */
/* What a fuzzer's input says, and what is done when something is found. */
#ifndef WEFT_FUZZ_INPUT_H
#define WEFT_FUZZ_INPUT_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/compiler.h>
#include <linux/types.h>

struct input {
	const u8 *at;
	const u8 *end;
};

static inline bool input_left(const struct input *in)
{
	return in->at != in->end;
}

/* Zero, behind the end. */
static inline u8 input_u8(struct input *in)
{
	return input_left(in) ? *in->at++ : 0;
}

static inline u16 input_u16(struct input *in)
{
	u16 low = input_u8(in);

	return low | (u16)input_u8(in) << 8;
}

static inline u32 input_u32(struct input *in)
{
	u32 low = input_u16(in);

	return low | (u32)input_u16(in) << 16;
}

static inline u64 input_u64(struct input *in)
{
	u64 low = input_u32(in);

	return low | (u64)input_u32(in) << 32;
}

/* From 0 to @n - 1. */
static inline u32 input_below(struct input *in, u32 n)
{
	return (n > 256 ? input_u16(in) : input_u8(in)) % n;
}

/* What each target offers, by the name that libFuzzer calls. */
int fuzz_one(const u8 *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

/* A finding: the sanitizers say where, and the fuzzer keeps the input. */
#define CHECK(cond, ...) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #cond); \
		fprintf(stderr, " " __VA_ARGS__);			\
		fprintf(stderr, "\n");					\
		abort();						\
	}								\
} while (0)

#endif /* WEFT_FUZZ_INPUT_H */
