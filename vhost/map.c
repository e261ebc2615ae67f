// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel mapping of the memory of a ring, which lasts while the owner's
 * address space stays as it is there.
 *
 * Pages are looked up and mapped, and then let go: neither counted nor pinned,
 * they can be swapped, migrated, merged and taken back by a balloon. Before
 * any of that, an MMU notifier makes the mapping invalid, and waits, on a
 * spinlock, for a reader or writer that is at it. The next one maps anew. So
 * nothing is accessed through a mapping that is out of date, although the
 * kernel's page tables may still have it.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <weft/mem.h>

/* In the worst case, a change of the address space for each attempt. */
#define ATTEMPTS	3
/* After memory that cannot be mapped, uses of it that go without an attempt */
#define PAUSE		1024

struct area {
	struct weft_map *map;
	struct mmu_interval_notifier notifier;
	struct weft_map_range range;
	struct page **pages;
	unsigned int npages;
	void *vmap;
	void *va;
	bool watched;
	bool valid;	/* @lock */
};

struct weft_map {
	spinlock_t lock;	/* held while the mapping is used */
	bool valid;	/* @lock: all areas are */
	bool usable;
	unsigned int pause;
	unsigned long remaps;
	struct mm_struct *mm;
	struct area areas[WEFT_AREAS];
};

/*
 * Runs in whoever changes the address space, who may hold locks of it and may
 * be unable to sleep. Pairs with weft_map_enter(), which holds the lock for as
 * long as a mapping is in use.
 */
static bool invalidate(struct mmu_interval_notifier *n, const struct mmu_notifier_range *range,
		       unsigned long seq)
{
	struct area *a = container_of(n, struct area, notifier);

	spin_lock(&a->map->lock);
	mmu_interval_set_seq(n, seq);
	a->valid = false;
	a->map->valid = false;
	spin_unlock(&a->map->lock);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_ops = {
	.invalidate = invalidate,
};

static bool adjoining(struct page **pages, unsigned int n)
{
	unsigned int i;

	for (i = 1; i < n; i++)
		if (page_to_pfn(pages[i]) != page_to_pfn(pages[0]) + i)
			return false;
	return !PageHighMem(pages[0]);
}

static void unmap_area(struct area *a)
{
	vunmap(a->vmap);
	a->vmap = NULL;
	a->va = NULL;
}

/* Maps the pages that are there now; by the time this returns others may be. */
static int map_area(struct area *a)
{
	unsigned long start = a->range.uaddr & PAGE_MASK;
	int got, i;
	void *base;

	unmap_area(a);
	got = get_user_pages_fast(start, a->npages, a->range.write ? FOLL_WRITE : 0, a->pages);
	if (got == a->npages && adjoining(a->pages, got)) {
		base = page_address(a->pages[0]);
	} else if (got == a->npages) {
		a->vmap = vmap(a->pages, got, VM_MAP, PAGE_KERNEL);
		base = a->vmap;
	} else {
		base = NULL;
	}
	for (i = 0; i < got; i++) {
		/* What we write is in no page table's dirty bit. Whoever cleans
		 * the page has to go through the notifier first.
		 */
		if (base && a->range.write)
			set_page_dirty_lock(a->pages[i]);
		put_page(a->pages[i]);
	}
	if (!base)
		return got < 0 ? got : -EFAULT;
	a->va = base + offset_in_page(a->range.uaddr);
	return 0;
}

/* Makes all areas valid, and returns true with the lock held. */
static bool remap(struct weft_map *map)
{
	unsigned long seq;
	struct area *a;
	int attempt, ret;
	bool valid;

	/* A thread in another address space sees other pages there. */
	if (!map->usable || current->mm != map->mm)
		return false;
	if (map->pause) {
		map->pause--;
		return false;
	}
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		valid = true;
		for (a = map->areas; a < map->areas + WEFT_AREAS; a++) {
			if (READ_ONCE(a->valid))
				continue;
			seq = mmu_interval_read_begin(&a->notifier);
			ret = map_area(a);
			if (ret) {
				map->pause = PAUSE;
				return false;
			}
			map->remaps++;
			spin_lock(&map->lock);
			a->valid = !mmu_interval_read_retry(&a->notifier, seq);
			valid = valid && a->valid;
			spin_unlock(&map->lock);
		}
		if (!valid)
			continue;
		spin_lock(&map->lock);
		map->valid = map->areas[0].valid && map->areas[1].valid && map->areas[2].valid;
		if (map->valid) {
			__release(&map->lock);	/* for sparse; in fact it is kept */
			return true;
		}
		spin_unlock(&map->lock);
	}
	return false;
}

/**
 * weft_map_enter() - begins a use of the mapping
 * @map: mapping
 * @va: filled in with the kernel addresses of the ranges, if this returns true
 *
 * Process context, in the owner's address space. Sleeps, if at all, before it
 * returns; between a true return and weft_map_leave(), the caller must not.
 *
 * Return: false if there is no mapping now, and user copies have to do.
 */
bool weft_map_enter(struct weft_map *map, void **va)
{
	spin_lock(&map->lock);
	if (unlikely(!map->valid)) {
		spin_unlock(&map->lock);
		if (!remap(map))
			return false;
		__acquire(&map->lock);
	}
	__release(&map->lock);	/* by weft_map_leave() */
	va[0] = map->areas[0].va;
	va[1] = map->areas[1].va;
	va[2] = map->areas[2].va;
	return true;
}
EXPORT_SYMBOL_GPL(weft_map_enter);

/**
 * weft_map_leave() - ends a use of the mapping
 * @map: mapping
 */
void weft_map_leave(struct weft_map *map)
{
	__acquire(&map->lock);	/* by weft_map_enter() */
	spin_unlock(&map->lock);
}
EXPORT_SYMBOL_GPL(weft_map_leave);

static void drop_area(struct area *a)
{
	if (a->watched)
		mmu_interval_notifier_remove(&a->notifier);
	a->watched = false;
	a->valid = false;
	unmap_area(a);
	kvfree(a->pages);
	a->pages = NULL;
	a->range = (struct weft_map_range) {};
}

static int watch_area(struct weft_map *map, struct area *a, const struct weft_map_range *range)
{
	unsigned long start = range->uaddr & PAGE_MASK;
	unsigned long end = PAGE_ALIGN(range->uaddr + range->len);
	int ret;

	if (!range->len || end <= start)
		return -EINVAL;
	a->npages = (end - start) >> PAGE_SHIFT;
	a->pages = kvcalloc(a->npages, sizeof(*a->pages), GFP_KERNEL_ACCOUNT);
	if (!a->pages)
		return -ENOMEM;
	ret = mmu_interval_notifier_insert(&a->notifier, map->mm, start, end - start,
					   &notifier_ops);
	if (ret)
		return ret;
	a->watched = true;
	a->range = *range;
	return 0;
}

/**
 * weft_map_set() - tells what is to be mapped
 * @map: mapping
 * @ranges: WEFT_AREAS of them, or NULL for nothing
 *
 * Process context; sleeps; serialised with the uses of the mapping by the
 * caller. Where it fails, weft_map_enter() returns false.
 */
void weft_map_set(struct weft_map *map, const struct weft_map_range *ranges)
{
	struct area *a;
	int i, ret = 0;

	if (ranges) {
		for (i = 0; i < WEFT_AREAS; i++) {
			const struct weft_map_range *old = &map->areas[i].range;

			if (!ranges[i].len || old->uaddr != ranges[i].uaddr ||
			    old->len != ranges[i].len || old->write != ranges[i].write)
				break;
		}
		if (i == WEFT_AREAS)
			return;
	}

	spin_lock(&map->lock);
	map->valid = false;
	spin_unlock(&map->lock);
	map->usable = false;
	map->pause = 0;
	for (i = 0; i < WEFT_AREAS; i++) {
		a = &map->areas[i];
		drop_area(a);
		if (ranges && !ret)
			ret = watch_area(map, a, &ranges[i]);
	}
	map->usable = ranges && !ret;
}
EXPORT_SYMBOL_GPL(weft_map_set);

/**
 * weft_map_alloc() - a mapping of nothing
 * @mm: the owner's address space, of which the caller keeps a user until
 *	weft_map_free()
 *
 * Return: mapping, or NULL.
 */
struct weft_map *weft_map_alloc(struct mm_struct *mm)
{
	struct weft_map *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	int i;

	if (!map)
		return NULL;
	spin_lock_init(&map->lock);
	map->mm = mm;
	for (i = 0; i < WEFT_AREAS; i++)
		map->areas[i].map = map;
	return map;
}
EXPORT_SYMBOL_GPL(weft_map_alloc);

/**
 * weft_map_free() - ends a mapping
 * @map: mapping, not in use; or NULL
 */
void weft_map_free(struct weft_map *map)
{
	if (!map)
		return;
	weft_map_set(map, NULL);
	kfree(map);
}
EXPORT_SYMBOL_GPL(weft_map_free);

/**
 * weft_map_remaps() - how often areas were mapped
 * @map: mapping
 *
 * Return: a count since weft_map_alloc().
 */
unsigned long weft_map_remaps(const struct weft_map *map)
{
	return map->remaps;
}
EXPORT_SYMBOL_GPL(weft_map_remaps);

/**
 * weft_map_bytes() - what one mapping costs
 *
 * Return: bytes, without those of the page array (8 for each page mapped).
 */
size_t weft_map_bytes(void)
{
	return sizeof(struct weft_map);
}
EXPORT_SYMBOL_GPL(weft_map_bytes);
