// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces of a driver: what the bus maps, as addresses of the kernel.
 *
 * Who maps memory pins it, and unpins it before it tells us, or after a batch
 * of which the end may never come. So a reference of our own is held of each
 * folio, until the next map says that it is not to be used any more.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vhost_iotlb.h>
#include <linux/xarray.h>
#include "dev.h"

/**
 * weft_space_free() - drops an address space, and the references
 * @space: that no queue uses any more; or NULL
 */
void weft_space_free(struct weft_space *space)
{
	struct folio *folio;
	unsigned long i;

	if (!space)
		return;
	weft_space_release_va(space);
	xa_for_each(&space->folios, i, folio) {
		folio_put(folio);
		cond_resched();
	}
	xa_destroy(&space->folios);
	if (space->table)
		vhost_iotlb_free(space->table);
	kfree(space);
}

static struct weft_space *empty(void)
{
	struct weft_space *space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);

	if (!space)
		return NULL;
	xa_init(&space->folios);
	xa_init(&space->files);
	space->table = vhost_iotlb_alloc(UINT_MAX, 0);
	if (space->table)
		return space;
	kfree(space);
	return NULL;
}

/* One reference of each folio is enough. */
static int hold(struct weft_space *space, u64 pa, u64 last)
{
	unsigned long pfn = PFN_DOWN(pa), end = PFN_DOWN(last);
	struct folio *folio;
	int ret;

	while (pfn <= end) {
		if (!pfn_valid(pfn))
			return -EFAULT;
		folio = page_folio(pfn_to_page(pfn));
		ret = xa_insert(&space->folios, folio_pfn(folio), folio, GFP_KERNEL_ACCOUNT);
		if (!ret)
			folio_get(folio);
		else if (ret != -EBUSY)
			return ret;
		pfn = folio_pfn(folio) + folio_nr_pages(folio);
		cond_resched();
	}
	return 0;
}

static int fill(struct weft_space *space, struct vhost_iotlb *from)
{
	struct vhost_iotlb_map *map;
	u64 last;
	int ret;

	for (map = vhost_iotlb_itree_first(from, 0, U64_MAX); map;
	     map = vhost_iotlb_itree_next(map, 0, U64_MAX)) {
		last = map->addr + (map->last - map->start);
		if (last < map->addr)
			return -EINVAL;
		ret = hold(space, map->addr, last);
		if (!ret)
			ret = vhost_iotlb_add_range(space->table, map->start, map->last,
						    (uintptr_t)phys_to_virt(map->addr),
						    map->perm);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * weft_space_of() - an address space of what the bus has mapped
 * @from: addresses of the driver to physical ones; their pages are pinned now
 * @va: they are to user addresses instead
 *
 * Return: address space; ERR_PTR() of -ENOMEM, -EFAULT (no memory of the host),
 * errors of weft_space_fill_va()
 */
struct weft_space *weft_space_of(struct vhost_iotlb *from, bool va)
{
	struct weft_space *space = empty();
	int ret;

	if (!space)
		return ERR_PTR(-ENOMEM);
	ret = va ? weft_space_fill_va(space, from) : fill(space, from);
	if (!ret)
		return space;
	weft_space_free(space);
	return ERR_PTR(ret);
}

/**
 * weft_space_identity() - an address space of physical addresses
 *
 * For a driver of the kernel only, as it has all memory.
 *
 * Return: address space; ERR_PTR(-ENOMEM)
 */
struct weft_space *weft_space_identity(void)
{
	struct weft_space *space = empty();

	if (space && !vhost_iotlb_add_range(space->table, 0, __pa(high_memory - 1),
					    (uintptr_t)phys_to_virt(0), VHOST_MAP_RW))
		return space;
	weft_space_free(space);
	return ERR_PTR(-ENOMEM);
}
