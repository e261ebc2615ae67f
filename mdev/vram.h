/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vram - the memory behind an adapter: a PCI BAR, or pages of our own
 *
 * Knows bytes and pages, not slices or instances. Whoever calls keeps scrubs
 * of a range apart from all other use of that range.
 */
#ifndef WEFT_MDEV_VRAM_H
#define WEFT_MDEV_VRAM_H

#include <linux/io.h>
#include <linux/mm_types.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct pci_dev;
struct vm_fault;

/**
 * struct weft_vram - the memory behind an adapter
 * @bytes: its size
 * @io: the BAR, mapped write-combining; NULL when @pages back the VRAM
 * @phys: the BAR's address
 * @pages: page number to struct page, for those touched since the last scrub
 */
struct weft_vram {
	u64 bytes;
	void __iomem *io;
	phys_addr_t phys;
	struct xarray pages;
};

int weft_vram_init_bar(struct weft_vram *vram, struct pci_dev *pdev, int bar);
void weft_vram_init_soft(struct weft_vram *vram, u64 bytes);
void weft_vram_destroy(struct weft_vram *vram);
void weft_vram_scrub(struct weft_vram *vram, u64 offset, u64 bytes);
void weft_vram_read(struct weft_vram *vram, u64 offset, void *buf, size_t len);
int weft_vram_write(struct weft_vram *vram, u64 offset, const void *buf,
		    size_t len);
void weft_vram_prepare_vma(struct weft_vram *vram, struct vm_area_struct *vma);
vm_fault_t weft_vram_fault(struct weft_vram *vram, struct vm_fault *vmf,
			   u64 offset, unsigned long before,
			   unsigned long after);
struct page *weft_vram_page(struct weft_vram *vram, u64 offset);

static inline bool weft_vram_is_bar(const struct weft_vram *vram)
{
	return vram->io;
}

#endif
