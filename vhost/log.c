// SPDX-License-Identifier: GPL-2.0
/* The log of pages that were written to, for live migration. */
#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "dev.h"

/* One bit for so many bytes, whatever the size of pages here (VHOST_SET_LOG_BASE). */
#define LOG_PAGE	4096ULL

/**
 * weft_log_ok() - whether the log has room for a range
 * @base: of the log
 * @addr: physical address
 * @len: bytes
 *
 * Return: false if a bit of it would be out of the user's address space.
 */
bool weft_log_ok(void __user *base, u64 addr, u64 len)
{
	u64 first = addr / LOG_PAGE / 8, last;

	if (!len)
		return true;
	if (addr + len - 1 < addr)
		return false;
	last = (addr + len - 1) / LOG_PAGE / 8;
	if ((u64)(uintptr_t)base + last < (u64)(uintptr_t)base)
		return false;
	return access_ok(base + first, last - first + 1);
}

/**
 * weft_log_table_ok() - whether the log has room for a guest's memory
 * @base: of the log
 * @table: the memory, or NULL
 *
 * Return: as weft_log_ok()
 */
bool weft_log_table_ok(void __user *base, struct vhost_iotlb *table)
{
	struct vhost_iotlb_map *map;

	if (!table)
		return false;
	list_for_each_entry(map, &table->list, link)
		if (!weft_log_ok(base, map->start, map->size))
			return false;
	return true;
}

/* Sets a bit of the owner's memory, which is not necessarily mapped now. */
static int set_log_bit(void __user *byte, unsigned int bit)
{
	unsigned long addr = (unsigned long)byte;
	struct page *page;
	void *va;
	int ret;

	ret = pin_user_pages_fast(addr, 1, FOLL_WRITE, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	va = kmap_local_page(page);
	/* Little-endian bits, which the owner may be clearing at the same time. */
	set_bit_le(bit + offset_in_page(addr) * 8, va);
	kunmap_local(va);
	set_page_dirty_lock(page);
	unpin_user_page(page);
	return 0;
}

/**
 * weft_log_phys() - tells of a write to guest memory
 * @vq: queue, locked, with VHOST_F_LOG_ALL
 * @addr: physical address
 * @len: bytes
 *
 * Where the log cannot be written the queue is not stopped, as its frames are
 * good; the failure is counted.
 */
void weft_log_phys(struct weft_vq *vq, u64 addr, u64 len)
{
	u64 page;

	if (!len)
		return;
	/* Data before the bit that has it copied: the owner reads them in that
	 * order after it cleared the bit.
	 */
	smp_wmb();
	for (page = addr / LOG_PAGE; page <= (addr + len - 1) / LOG_PAGE; page++) {
		if (!access_ok(vq->log_base + page / 8, 1) ||
		    set_log_bit(vq->log_base + page / 8, page % 8)) {
			vq->stats.log_failures++;
			return;
		}
	}
}

/**
 * weft_log_user() - the same for a user address
 * @vq: as for weft_log_phys()
 * @uaddr: user address; what is in no region of guest memory is not logged
 * @len: bytes
 */
void weft_log_user(struct weft_vq *vq, u64 uaddr, u64 len)
{
	struct vhost_iotlb_map *map;
	u64 from, to;

	if (!vq->dev->table || !len)
		return;
	/* A user address may be in guest memory more than once. */
	list_for_each_entry(map, &vq->dev->table->list, link) {
		from = max(uaddr, map->addr);
		to = min(uaddr + len - 1, map->addr + map->size - 1);
		if (from <= to)
			weft_log_phys(vq, map->start + (from - map->addr), to - from + 1);
	}
}
