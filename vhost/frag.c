// SPDX-License-Identifier: GPL-2.0
/*
 * Pieces of pages.
 *
 * Pages are used again when all their pieces were freed: frames that are
 * dropped or handled at once cost no allocation, nor the clearing of pages that
 * hardened kernels do. What one frame leaves is seen by no other's receiver,
 * as a frame's receiver sees that frame's bytes only; and pages stay with one
 * queue, so that they hold frames of one guest.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <weft/frag.h>

#define FRAG_ORDER	3
/* More than there are pieces in a page */
#define FRAG_REFS	4096

static struct page *get_page_of_ours(struct weft_frags *f)
{
	struct page *page;
	u32 i;

	for (i = 0; i < f->nused; i++) {
		page = f->used[i];
		if (page_ref_count(page) == 1) {
			f->used[i] = f->used[--f->nused];
			return page;
		}
	}
	/* Whoever still has pieces of the oldest one frees it. */
	if (f->nused == WEFT_FRAG_PAGES) {
		put_page(f->used[0]);
		f->used[0] = f->used[--f->nused];
	}
	page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY,
			   FRAG_ORDER);
	return page ?: alloc_page(GFP_KERNEL | __GFP_NOWARN);
}

/**
 * weft_frag_refill() - a piece of another page
 * @f: supply
 * @size: bytes
 *
 * Return: as weft_frag_get()
 */
void *weft_frag_refill(struct weft_frags *f, u32 size)
{
	struct page *page = f->page;

	if (page) {
		/* All but one of the references that were not given out. */
		page_ref_sub(page, f->refs - 1);
		f->used[f->nused++] = page;
		f->page = NULL;
	}
	page = get_page_of_ours(f);
	f->left = 0;
	f->refs = 1;
	if (!page)
		return NULL;
	page_ref_add(page, FRAG_REFS - 1);
	f->page = page;
	f->va = page_address(page);
	f->refs = FRAG_REFS;
	f->left = PAGE_SIZE << compound_order(page);
	f->left -= size;
	f->refs--;
	return f->va + f->left;
}
EXPORT_SYMBOL_GPL(weft_frag_refill);

/**
 * weft_frags_free() - gives all pages up
 * @f: supply; empty afterwards
 */
void weft_frags_free(struct weft_frags *f)
{
	u32 i;

	if (f->page) {
		/* All but one, which is put as any other: it may be the last. */
		page_ref_sub(f->page, f->refs - 1);
		put_page(f->page);
	}
	for (i = 0; i < f->nused; i++)
		put_page(f->used[i]);
	*f = (struct weft_frags) {};
}
EXPORT_SYMBOL_GPL(weft_frags_free);
