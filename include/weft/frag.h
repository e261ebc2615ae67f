/* SPDX-License-Identifier: GPL-2.0 */
/* Pieces of pages that frames are put into, and that whoever gets them frees. */
#ifndef WEFT_FRAG_H
#define WEFT_FRAG_H

#include <linux/mm.h>

/* Pages that may be waited for to come back */
#define WEFT_FRAG_PAGES		4

/**
 * struct weft_frags - a supply of pieces
 * @va: of the page in use, or NULL
 * @left: bytes of it that are not given out
 * @refs: references of it that are ours
 * @page: the page in use
 * @used: pages that were given out, of each of which one reference is ours
 * @nused: how many
 */
struct weft_frags {
	void *va;
	u32 left;
	u32 refs;
	struct page *page;
	struct page *used[WEFT_FRAG_PAGES];
	u32 nused;
};

void *weft_frag_refill(struct weft_frags *f, u32 size);
void weft_frags_free(struct weft_frags *f);

/**
 * weft_frag_get() - a piece of a page
 * @f: supply
 * @size: bytes, a multiple of SMP_CACHE_BYTES and at most PAGE_SIZE
 *
 * The piece is freed with put_page() of its page, by anybody. Its contents are
 * what it was last used for.
 *
 * Return: address, or NULL
 */
static inline void *weft_frag_get(struct weft_frags *f, u32 size)
{
	if (unlikely(f->left < size || f->refs == 1))
		return weft_frag_refill(f, size);
	f->left -= size;
	f->refs--;
	return f->va + f->left;
}

/* Takes the piece that was got last back, unused. */
static inline void weft_frag_unget(struct weft_frags *f, u32 size)
{
	f->left += size;
	f->refs++;
}

#endif /* WEFT_FRAG_H */
