/* SPDX-License-Identifier: GPL-2.0 */
/* Feature bits, of which newer kernels have more than 64. */
#ifndef WEFT_VHOST_FEATURES_H
#define WEFT_VHOST_FEATURES_H

#include <linux/types.h>
#include <linux/vhost.h>

#define WEFT_FEATURE_WORDS	2
/* Bytes that weft_features_header() says at most */
#define WEFT_FEATURES_HEADER_MAX	24

struct weft_features {
	u64 word[WEFT_FEATURE_WORDS];
};

static inline bool weft_features_test(const struct weft_features *f, unsigned int bit)
{
	return f->word[bit / 64] >> bit % 64 & 1;
}

/* Whether all bits of @f are in @of. */
static inline bool weft_features_within(const struct weft_features *f,
					const struct weft_features *of)
{
	return !(f->word[0] & ~of->word[0]) && !(f->word[1] & ~of->word[1]);
}

struct weft_features weft_features_offered(void);
u64 weft_features_backend(void);
u32 weft_features_header(const struct weft_features *f);

#endif /* WEFT_VHOST_FEATURES_H */
