// SPDX-License-Identifier: GPL-2.0
/* Translation of a driver's addresses to user addresses, and copies to and from them. */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/uaccess.h>
#include <linux/vhost_iotlb.h>
#include <weft/mem.h>

/**
 * weft_mem_set() - tells where translations are
 * @m: translation
 * @table: see &weft_mem.table
 * @iotlb: see &weft_mem.iotlb
 */
void weft_mem_set(struct weft_mem *m, struct vhost_iotlb *table, struct vhost_iotlb *iotlb)
{
	m->table = table;
	m->iotlb = iotlb;
	weft_mem_forget(m);
}
EXPORT_SYMBOL_GPL(weft_mem_set);

/**
 * weft_mem_forget() - drops what is remembered of tables that change
 * @m: translation
 */
void weft_mem_forget(struct weft_mem *m)
{
	m->hit[0] = NULL;
	m->hit[1] = NULL;
}
EXPORT_SYMBOL_GPL(weft_mem_forget);

static __always_inline bool holds(const struct vhost_iotlb_map *map, u64 addr)
{
	return map && addr - map->start <= map->last - map->start;
}

/* The map that has @addr. Frames mostly come from the same few regions. */
static __always_inline const struct vhost_iotlb_map *find(struct weft_mem *m, u64 addr)
{
	struct vhost_iotlb *t = m->iotlb ?: m->table;
	const struct vhost_iotlb_map *map = m->hit[0];

	if (likely(holds(map, addr)))
		return map;
	map = m->hit[1];
	if (!holds(map, addr)) {
		map = t ? vhost_iotlb_itree_first(t, addr, addr) : NULL;
		if (!map)
			return NULL;
	}
	m->hit[1] = m->hit[0];
	m->hit[0] = map;
	return map;
}

/**
 * weft_mem_translate() - user addresses of a piece of the driver's memory
 * @m: translation
 * @addr: the driver's address
 * @len: bytes, not 0
 * @perm: VHOST_MAP_RO if it is read, VHOST_MAP_WO if it is written
 * @iov: filled in
 * @max: room in @iov
 *
 * The user addresses have passed weft_mem_range_ok() when they were entered.
 *
 * Return: entries of @iov that were filled in; -EAGAIN if the IOTLB has no map
 * (&weft_mem.miss tells of what); -EFAULT if there is no such memory; -EPERM if
 * it may not be used so; -ENOBUFS if it is in more pieces than @max.
 */
int weft_mem_translate(struct weft_mem *m, u64 addr, u64 len, u32 perm, struct iovec *iov,
		       unsigned int max)
{
	const struct vhost_iotlb_map *map;
	unsigned int n = 0;
	u64 room;

	if (unlikely(addr + len - 1 < addr))
		return -EFAULT;
	do {
		map = find(m, addr);
		if (unlikely(!map)) {
			m->miss = addr;
			m->miss_perm = perm;
			return m->iotlb ? -EAGAIN : -EFAULT;
		}
		if (unlikely(!(map->perm & perm)))
			return -EPERM;
		if (unlikely(n == max))
			return -ENOBUFS;
		room = map->last - addr;
		if (room >= len)
			room = len;
		else
			room++;
		iov[n].iov_base = (void __user *)(uintptr_t)(map->addr + addr - map->start);
		iov[n].iov_len = room;
		n++;
		addr += room;
		len -= room;
	} while (len);
	return n;
}
EXPORT_SYMBOL_GPL(weft_mem_translate);

/**
 * weft_mem_translate_segs() - the same for a list of segments
 * @m: translation
 * @segs: segments
 * @n: how many
 * @perm: as for weft_mem_translate()
 * @iov: filled in
 * @max: room in @iov
 * @total: bytes of all segments are added to it
 *
 * Return: as weft_mem_translate()
 */
int weft_mem_translate_segs(struct weft_mem *m, const struct weft_seg *segs, unsigned int n,
			    u32 perm, struct iovec *iov, unsigned int max, u64 *total)
{
	unsigned int i, have = 0;
	int ret;

	for (i = 0; i < n; i++) {
		*total += segs[i].len;
		if (likely(have < max) &&
		    likely(weft_mem_hit(m, segs[i].addr, segs[i].len, perm, &iov[have]))) {
			have++;
			continue;
		}
		ret = weft_mem_translate(m, segs[i].addr, segs[i].len, perm, iov + have,
					 max - have);
		if (unlikely(ret < 0))
			return ret;
		have += ret;
	}
	return have;
}
EXPORT_SYMBOL_GPL(weft_mem_translate_segs);

static int copy(struct weft_mem *m, u64 addr, void *to, const void *from, u32 len)
{
	struct iovec iov;
	int ret;

	while (len) {
		ret = weft_mem_translate(m, addr, len, to ? VHOST_MAP_RO : VHOST_MAP_WO, &iov, 1);
		if (ret < 0 && ret != -ENOBUFS)
			return ret;
		if (to ? copy_from_user(to, iov.iov_base, iov.iov_len)
		       : copy_to_user(iov.iov_base, from, iov.iov_len))
			return -EFAULT;
		if (to)
			to += iov.iov_len;
		else
			from += iov.iov_len;
		addr += iov.iov_len;
		len -= iov.iov_len;
	}
	return 0;
}

/**
 * weft_mem_read() - copies from the driver's memory
 * @m: translation
 * @addr: the driver's address
 * @to: where to
 * @len: bytes
 *
 * Process context, in the address space of the owner; may sleep.
 *
 * Return: 0; an error as of weft_mem_translate(); -EFAULT if it cannot be read
 */
int weft_mem_read(struct weft_mem *m, u64 addr, void *to, u32 len)
{
	return copy(m, addr, to, NULL, len);
}
EXPORT_SYMBOL_GPL(weft_mem_read);

/**
 * weft_mem_write() - copies to the driver's memory
 * @m: translation
 * @addr: the driver's address
 * @from: what
 * @len: bytes
 *
 * Return: as weft_mem_read()
 */
int weft_mem_write(struct weft_mem *m, u64 addr, const void *from, u32 len)
{
	return copy(m, addr, NULL, from, len);
}
EXPORT_SYMBOL_GPL(weft_mem_write);

/**
 * weft_mem_range_ok() - whether a map makes sense
 * @start: the driver's address
 * @size: bytes
 * @uaddr: the user address
 *
 * Return: false if it is empty, wraps round at either end, or is not all in
 * the part of the address space that is the user's.
 */
bool weft_mem_range_ok(u64 start, u64 size, u64 uaddr)
{
	if (!size || start + size - 1 < start || uaddr + size - 1 < uaddr)
		return false;
	if ((u64)(uintptr_t)uaddr != uaddr || (u64)(size_t)size != size)
		return false;
	return access_ok((void __user *)(uintptr_t)uaddr, size);
}
EXPORT_SYMBOL_GPL(weft_mem_range_ok);

/**
 * weft_mem_map() - enters a map; it replaces what there was at its addresses
 * @t: table
 * @start: the driver's address
 * @size: bytes
 * @uaddr: the user address
 * @perm: VHOST_MAP_RO, VHOST_MAP_WO, VHOST_MAP_RW
 *
 * Old maps that overlap keep the rest of what they had, so that no address has
 * two translations, of which the older might be found.
 *
 * Return: 0; -EINVAL; -ENOMEM, and then less than before may be mapped.
 */
int weft_mem_map(struct vhost_iotlb *t, u64 start, u64 size, u64 uaddr, u32 perm)
{
	u64 last = start + size - 1;
	struct vhost_iotlb_map *old, was;
	int ret = 0;

	if (!weft_mem_range_ok(start, size, uaddr) || !perm || perm & ~VHOST_MAP_RW)
		return -EINVAL;
	while (!ret && (old = vhost_iotlb_itree_first(t, start, last))) {
		was = *old;
		vhost_iotlb_map_free(t, old);
		if (was.start < start)
			ret = vhost_iotlb_add_range(t, was.start, start - 1, was.addr, was.perm);
		if (!ret && was.last > last)
			ret = vhost_iotlb_add_range(t, last + 1, was.last,
						    was.addr + (last + 1 - was.start), was.perm);
	}
	return ret ?: vhost_iotlb_add_range(t, start, last, uaddr, perm);
}
EXPORT_SYMBOL_GPL(weft_mem_map);

/**
 * weft_mem_unmap() - drops all maps that have a byte of a range
 * @t: table
 * @start: the driver's address
 * @size: bytes
 *
 * Return: 0, also if there was nothing; -EINVAL for a range that is none.
 */
int weft_mem_unmap(struct vhost_iotlb *t, u64 start, u64 size)
{
	if (!size || start + size - 1 < start)
		return -EINVAL;
	vhost_iotlb_del_range(t, start, start + size - 1);
	return 0;
}
EXPORT_SYMBOL_GPL(weft_mem_unmap);
