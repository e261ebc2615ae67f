// SPDX-License-Identifier: GPL-2.0
/* Inputs: what is kept, what becomes of them, and how they stand in files. */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

static struct input *kept;
static unsigned int nkept, room;

void corpus_add(const struct input *in)
{
	if (nkept == room) {
		room = room ? 2 * room : 256;
		kept = realloc(kept, room * sizeof(*kept));
		MUST(!kept);
	}
	kept[nkept++] = *in;
}

unsigned int corpus_size(void)
{
	return nkept;
}

const struct input *corpus_at(unsigned int n)
{
	return &kept[n];
}

static void insert(struct rng *r, struct input *in, unsigned int at, const uint8_t *from,
		   unsigned int n)
{
	if (n > INPUT_MAX - in->len)
		n = INPUT_MAX - in->len;
	memmove(in->data + at + n, in->data + at, in->len - at);
	for (unsigned int i = 0; i < n; i++)
		in->data[at + i] = from ? from[i] : rng_next(r);
	in->len += n;
}

static void erase(struct input *in, unsigned int at, unsigned int n)
{
	if (n > in->len - at)
		n = in->len - at;
	memmove(in->data + at, in->data + at + n, in->len - at - n);
	in->len -= n;
}

static void once(struct rng *r, struct input *in)
{
	static const uint8_t words[] = { 0, 1, 2, 3, 15, 16, 32, 64, 127, 128, 192, 254, 255 };
	unsigned int at = rng_below(r, in->len + 1), n = 1 + rng_below(r, 8);
	const struct input *other = nkept ? &kept[rng_below(r, nkept)] : NULL;

	if (at == in->len && at)
		at--;
	switch (rng_below(r, in->len ? 9 : 1)) {
	case 0:
	case 1:
		insert(r, in, at, NULL, n);
		break;
	case 2:
		erase(in, at, n);
		break;
	case 3:
		in->data[at] ^= 1 << rng_below(r, 8);
		break;
	case 4:
		in->data[at] = words[rng_below(r, sizeof(words))];
		break;
	case 5:
		in->data[at] += rng_below(r, 9) - 4;
		break;
	case 6:
		in->data[at] = rng_next(r);
		break;
	case 7:
	case 8:
		/* A piece of another one, which may have done what this one lacks. */
		if (other && other->len) {
			unsigned int from = rng_below(r, other->len);

			n = 1 + rng_below(r, other->len - from);
			insert(r, in, at, other->data + from, n);
		}
		break;
	}
}

void corpus_mutate(struct rng *r, struct input *in)
{
	if (!nkept || !rng_below(r, 20)) {
		in->len = 0;
		insert(r, in, 0, NULL, 8 + rng_below(r, 64));
		return;
	}
	/* What came last leads on more often. */
	*in = kept[rng_below(r, 3) ? rng_below(r, nkept) : nkept - 1 - rng_below(r, nkept) / 8];
	for (unsigned int n = 1 << rng_below(r, 4); n--; )
		once(r, in);
}

void inputs_write(FILE *f, const struct input *in, unsigned int n)
{
	static const char digits[] = "0123456789abcdef";
	char line[2 * INPUT_MAX + 1];

	for (; n--; in++) {
		for (unsigned int i = 0; i < in->len; i++) {
			line[2 * i] = digits[in->data[i] >> 4];
			line[2 * i + 1] = digits[in->data[i] & 15];
		}
		line[2 * in->len] = '\n';
		fwrite(line, 1, 2 * in->len + 1, f);
	}
}

static int digit(char c)
{
	return isdigit(c) ? c - '0' : c - 'a' + 10;
}

/* How many there are; lines that begin with # are words. */
unsigned int inputs_read(const char *path, void (*each)(const struct input *in))
{
	FILE *f = fopen(path, "re");
	char line[2 * INPUT_MAX + 80];
	unsigned int n = 0;

	if (!f)
		give_up(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		const char *p = line;
		struct input in = { };

		if (*line == '#')
			continue;
		for (; isxdigit(p[0]) && isxdigit(p[1]) && in.len < INPUT_MAX; p += 2)
			in.data[in.len++] = digit(p[0]) << 4 | digit(p[1]);
		each(&in);
		n++;
	}
	fclose(f);
	return n;
}

uint64_t get_number(struct bytes *b)
{
	static const uint64_t some[] = {
		0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 31, 32, 63, 64, 127, 128, 255, 256, 4095, 4096,
		32767, 32768, 65534, 65535, 65536, 1u << 31, ~0u, 1ULL << 32, 1ULL << 63,
		~0ULL - 4095, ~0ULL,
	};
	uint8_t n = get8(b);

	if (n < 192)
		return n;
	if (n < 192 + 32)
		return some[n - 192];
	return n < 240 ? get16(b) : n < 248 ? get32(b) : get64(b);
}
