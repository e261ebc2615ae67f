// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces of a client whose memory is files that it shares (use_va=1).
 *
 * The bus names user addresses then, and the file behind each. What it calls us
 * with may be locked (the client's mmap lock, if it maps without a batch), so
 * no page is faulted in by its user address: it is taken from the file, which
 * has to be one of shared memory, and a reference of it is held. From there on,
 * all is as with physical addresses.
 *
 * Nobody has asked the page tables, so what they would have refused is asked of
 * the file: whether it was opened for writing, and is not sealed.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/vhost_iotlb.h>
#include <linux/xarray.h>
#include <uapi/linux/fcntl.h>
#include "dev.h"

/* A piece of the file that is in one piece in memory, too. */
struct run {
	u64 start;	/* the driver's address */
	u64 bytes;
	void *va;
	unsigned int perm;
};

static int end_run(struct weft_space *space, struct run *run)
{
	int ret = 0;

	if (run->bytes)
		ret = vhost_iotlb_add_range(space->table, run->start, run->start + run->bytes - 1,
					    (uintptr_t)run->va, run->perm);
	run->bytes = 0;
	return ret;
}

/* One reference of each file, and of its being written to, is enough. */
static int hold_file(struct weft_space *space, struct file *file, bool write)
{
	unsigned long key = (unsigned long)file / 8;
	int ret;

	if (write && (!(file->f_mode & FMODE_WRITE) ||
		      SHMEM_I(file_inode(file))->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EACCES;
	ret = xa_insert(&space->files, key, file, GFP_KERNEL_ACCOUNT);
	if (!ret)
		get_file(file);
	else if (ret != -EBUSY)
		return ret;
	if (!write || xa_get_mark(&space->files, key, WEFT_SPACE_WRITTEN))
		return 0;
	/* Nobody can seal it until this ends. */
	ret = mapping_map_writable(file->f_mapping);
	if (!ret)
		xa_set_mark(&space->files, key, WEFT_SPACE_WRITTEN);
	return ret;
}

static int hold_folio(struct weft_space *space, struct folio *folio, bool write)
{
	unsigned long pfn = folio_pfn(folio);
	int ret = xa_insert(&space->folios, pfn, folio, GFP_KERNEL_ACCOUNT);

	if (ret)
		folio_put(folio);
	else
		space->pages += folio_nr_pages(folio);
	if (ret && ret != -EBUSY)
		return ret;
	/* Too much in any case, before all memory is taken; see weft_space_charge(). */
	if (space->pages > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
		return -ENOMEM;
	/* What is written by its kernel address is in no page table's dirty bit. */
	if (write)
		xa_set_mark(&space->folios, pfn, WEFT_SPACE_WRITTEN);
	return 0;
}

static int fill_map(struct weft_space *space, const struct vhost_iotlb_map *map)
{
	const struct vdpa_map_file *from = map->opaque;
	struct run run = { .perm = map->perm };
	u64 at = map->start, off = from->offset, left = map->last - map->start;
	bool write = map->perm & VHOST_MAP_WO;
	struct folio *folio;
	u64 len;
	void *va;
	int ret;

	if (off + left < off)
		return -EINVAL;
	ret = hold_file(space, from->file, write);
	if (ret)
		return ret;
	/* @left is one less than what is left, as all 64 bits of it may be. */
	for (;;) {
		if (fatal_signal_pending(current))
			return -EINTR;
		folio = shmem_read_folio(from->file->f_mapping, off >> PAGE_SHIFT);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		if (PageHWPoison(folio_file_page(folio, off >> PAGE_SHIFT))) {
			folio_put(folio);
			return -EIO;
		}
		va = page_address(folio_file_page(folio, off >> PAGE_SHIFT)) + offset_in_page(off);
		len = min_t(u64, left, PAGE_SIZE - 1 - offset_in_page(off)) + 1;
		ret = hold_folio(space, folio, write);
		if (!ret && run.bytes && run.va + run.bytes != va)
			ret = end_run(space, &run);
		if (ret)
			return ret;
		if (!run.bytes) {
			run.start = at;
			run.va = va;
		}
		run.bytes += len;
		if (len > left)
			return end_run(space, &run);
		left -= len;
		at += len;
		off += len;
		cond_resched();
	}
}

/**
 * weft_space_fill_va() - fills an address space of what the bus has mapped
 * @space: address space, empty
 * @from: addresses of the driver to user addresses, of files
 *
 * Return: 0; -ENOMEM; -EINTR; -EOPNOTSUPP if a file is none of shared memory;
 * -EACCES if one is not to be written to; what it says of its pages
 */
int weft_space_fill_va(struct weft_space *space, struct vhost_iotlb *from)
{
	const struct vdpa_map_file *file;
	struct vhost_iotlb_map *map;
	int ret;

	for (map = vhost_iotlb_itree_first(from, 0, U64_MAX); map;
	     map = vhost_iotlb_itree_next(map, 0, U64_MAX)) {
		file = map->opaque;
		if (!file || !shmem_file(file->file))
			return -EOPNOTSUPP;
		ret = fill_map(space, map);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * weft_space_charge() - counts the memory that a client has us hold
 * @space: address space, full
 * @old: that it replaces, or NULL
 * @mm: the client's
 *
 * As for memory that the bus pins, RLIMIT_MEMLOCK is the limit.
 *
 * Return: 0; -ENOMEM if it is more than the client may have locked
 */
int weft_space_charge(struct weft_space *space, const struct weft_space *old, struct mm_struct *mm)
{
	u64 had = old && old->mm == mm ? old->pages : 0;

	if (!space->pages)
		return 0;
	if (!mm || space->pages + atomic64_read(&mm->pinned_vm) - had >
		   rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
		return -ENOMEM;
	mmgrab(mm);
	space->mm = mm;
	atomic64_add(space->pages, &mm->pinned_vm);
	return 0;
}

/**
 * weft_space_release_va() - lets go of files, and of the client
 * @space: address space
 */
void weft_space_release_va(struct weft_space *space)
{
	struct folio *folio;
	struct file *file;
	unsigned long i;

	xa_for_each_marked(&space->folios, i, folio, WEFT_SPACE_WRITTEN) {
		folio_lock(folio);
		folio_mark_dirty(folio);
		folio_unlock(folio);
		cond_resched();
	}
	xa_for_each(&space->files, i, file) {
		if (xa_get_mark(&space->files, i, WEFT_SPACE_WRITTEN))
			mapping_unmap_writable(file->f_mapping);
		fput(file);
	}
	xa_destroy(&space->files);
	if (space->mm) {
		atomic64_sub(space->pages, &space->mm->pinned_vm);
		mmdrop(space->mm);
	}
}
