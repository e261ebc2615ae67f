// SPDX-License-Identifier: GPL-2.0-only
/*
 * vram - the memory behind an adapter: a PCI BAR, or pages of our own
 *
 * Pages of our own are taken when they are first touched and given back by a
 * scrub, so that a synthetic adapter costs what its guests use. A page's old
 * content never reaches anybody: it leaves the VRAM with the scrub, and a page
 * comes in zeroed.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "vram.h"

/**
 * weft_vram_init_bar - use a PCI BAR
 * @vram: filled in
 * @pdev: enabled, the BAR's region requested
 * @bar: number of the BAR
 *
 * Return: 0, or -ENOMEM when the BAR cannot be mapped.
 */
int weft_vram_init_bar(struct weft_vram *vram, struct pci_dev *pdev, int bar)
{
	xa_init(&vram->pages);
	vram->bytes = pci_resource_len(pdev, bar);
	vram->phys = pci_resource_start(pdev, bar);
	vram->io = ioremap_wc(vram->phys, vram->bytes);
	return vram->io ? 0 : -ENOMEM;
}

/**
 * weft_vram_init_soft - use pages, none of them taken yet
 * @vram: filled in
 * @bytes: size, a multiple of the page size
 */
void weft_vram_init_soft(struct weft_vram *vram, u64 bytes)
{
	xa_init(&vram->pages);
	vram->bytes = bytes;
	vram->io = NULL;
}

/**
 * weft_vram_destroy - let the memory go; nobody may use it any more
 * @vram: initialised
 */
void weft_vram_destroy(struct weft_vram *vram)
{
	if (vram->io)
		iounmap(vram->io);
	else
		weft_vram_scrub(vram, 0, vram->bytes);
	xa_destroy(&vram->pages);
}

/**
 * weft_vram_scrub - make a range read as zero
 * @vram: the memory
 * @offset: first byte, on a page boundary
 * @bytes: length, a multiple of the page size
 *
 * Context: may sleep; the caller has unmapped the range and keeps all other
 * use of it out meanwhile.
 */
void weft_vram_scrub(struct weft_vram *vram, u64 offset, u64 bytes)
{
	unsigned long index;
	struct page *page;
	u64 done, step;

	if (vram->io) {
		for (done = 0; done < bytes; done += step) {
			step = min_t(u64, bytes - done, SZ_1M);
			memset_io(vram->io + offset + done, 0, step);
			cond_resched();
		}
		/* write-combining: all of it must be out before anyone looks */
		wmb();
		return;
	}

	if (xa_empty(&vram->pages))
		return;
	xa_for_each_range(&vram->pages, index, page, offset >> PAGE_SHIFT,
			  (offset + bytes - 1) >> PAGE_SHIFT) {
		xa_erase(&vram->pages, index);
		put_page(page);
		cond_resched();
	}
}

/**
 * weft_vram_page - the page behind an offset, taken if there is none yet
 * @vram: made of pages, not a BAR
 * @offset: any byte of the page
 *
 * Context: may sleep. The page is charged to the caller's memory cgroup.
 * Return: the page, owned by @vram; NULL when there is no memory.
 */
struct page *weft_vram_page(struct weft_vram *vram, u64 offset)
{
	unsigned long index = offset >> PAGE_SHIFT;
	struct page *page, *old;

	page = xa_load(&vram->pages, index);
	if (page)
		return page;
	page = alloc_page(GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT);
	if (!page)
		return NULL;
	old = xa_cmpxchg(&vram->pages, index, NULL, page, GFP_KERNEL);
	if (!old)
		return page;
	put_page(page);
	return xa_is_err(old) ? NULL : old;
}

/**
 * weft_vram_read - copy out
 * @vram: the memory
 * @offset: first byte
 * @buf: filled in
 * @len: bytes; the range lies in the VRAM
 *
 * Context: may sleep.
 */
void weft_vram_read(struct weft_vram *vram, u64 offset, void *buf, size_t len)
{
	if (vram->io) {
		memcpy_fromio(buf, vram->io + offset, len);
		return;
	}
	while (len) {
		size_t n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		struct page *page = xa_load(&vram->pages, offset >> PAGE_SHIFT);

		if (page)
			memcpy_from_page(buf, page, offset_in_page(offset), n);
		else
			memset(buf, 0, n);
		buf += n;
		offset += n;
		len -= n;
	}
}

/**
 * weft_vram_write - copy in
 * @vram: the memory
 * @offset: first byte
 * @buf: what to write
 * @len: bytes; the range lies in the VRAM
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM when no page could be taken, part of @buf then written.
 */
int weft_vram_write(struct weft_vram *vram, u64 offset, const void *buf,
		    size_t len)
{
	if (vram->io) {
		memcpy_toio(vram->io + offset, buf, len);
		return 0;
	}
	while (len) {
		size_t n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		struct page *page = weft_vram_page(vram, offset);

		if (!page)
			return -ENOMEM;
		memcpy_to_page(page, offset_in_page(offset), buf, n);
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/**
 * weft_vram_prepare_vma - set up a mapping whose faults we serve
 * @vram: the memory
 * @vma: being mapped, shared
 *
 * A BAR has no struct pages, so its mapping is of bare page frames and nobody
 * can pin it. Pages are mapped as such: whoever pins one keeps that page, with
 * what it held, and not what the VRAM holds later.
 */
void weft_vram_prepare_vma(struct weft_vram *vram, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (!vram->io)
		return;
	vm_flags_set(vma, VM_IO | VM_PFNMAP);
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
}

/* Pages mapped by one fault on a BAR, the faulting one among them. */
#define FAULT_AROUND	512

/**
 * weft_vram_fault - serve a page fault
 * @vram: the memory
 * @vmf: the fault, in a VMA from weft_vram_prepare_vma()
 * @offset: where in the VRAM the faulting page lies
 * @before: pages before it that this VMA may map too, contiguous in the VRAM
 * @after: pages after it likewise
 *
 * Context: fault handler; the caller keeps scrubs of the range out.
 * Return: VM_FAULT_* flags.
 */
vm_fault_t weft_vram_fault(struct weft_vram *vram, struct vm_fault *vmf,
			   u64 offset, unsigned long before,
			   unsigned long after)
{
	unsigned long pfn, addr, nr, i;
	struct page *page;
	vm_fault_t ret;

	if (!vram->io) {
		page = weft_vram_page(vram, offset);
		if (!page)
			return VM_FAULT_OOM;
		get_page(page);
		vmf->page = page;
		return 0;
	}

	addr = vmf->address & PAGE_MASK;
	pfn = (vram->phys + offset) >> PAGE_SHIFT;
	ret = vmf_insert_pfn(vmf->vma, addr, pfn);
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	/* the neighbours on the same page table, so that a whole is cheap */
	before = min(before, (addr >> PAGE_SHIFT) % FAULT_AROUND);
	after = min(after, FAULT_AROUND - 1 - (addr >> PAGE_SHIFT) % FAULT_AROUND);
	addr -= before << PAGE_SHIFT;
	pfn -= before;
	nr = before + 1 + after;
	for (i = 0; i < nr; i++, addr += PAGE_SIZE, pfn++)
		if (i != before &&
		    vmf_insert_pfn(vmf->vma, addr, pfn) != VM_FAULT_NOPAGE)
			break;
	return VM_FAULT_NOPAGE;
}
