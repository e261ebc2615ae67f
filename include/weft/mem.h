/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's memory as its VMM describes it, and a kernel mapping of parts of it.
 */
#ifndef WEFT_MEM_H
#define WEFT_MEM_H

#include <linux/types.h>
#include <linux/uio.h>
#include <linux/vhost_iotlb.h>
#include <weft/ring.h>

struct mm_struct;

/**
 * struct weft_mem - translation of addresses that a driver uses
 * @table: driver's physical to user addresses, or NULL; the owner's
 * @iotlb: I/O virtual to user addresses (VIRTIO_F_ACCESS_PLATFORM), or NULL;
 *	goes before @table; the owner's
 * @hit: maps found last; forgotten by weft_mem_forget()
 * @miss: the address that weft_mem_translate() had no map for
 * @miss_perm: VHOST_MAP_RO or VHOST_MAP_WO, the access wanted there
 *
 * One for each queue, and serialised with it. Tables are changed only by who
 * holds the locks of all their queues, and then calls weft_mem_forget() for each.
 */
struct weft_mem {
	struct vhost_iotlb *table;
	struct vhost_iotlb *iotlb;
	const struct vhost_iotlb_map *hit[2];
	u64 miss;
	u32 miss_perm;
};

void weft_mem_set(struct weft_mem *m, struct vhost_iotlb *table, struct vhost_iotlb *iotlb);
void weft_mem_forget(struct weft_mem *m);
int weft_mem_translate(struct weft_mem *m, u64 addr, u64 len, u32 perm, struct iovec *iov,
		       unsigned int max);
int weft_mem_translate_segs(struct weft_mem *m, const struct weft_seg *segs, unsigned int n,
			    u32 perm, struct iovec *iov, unsigned int max, u64 *total);
int weft_mem_read(struct weft_mem *m, u64 addr, void *to, u32 len);
int weft_mem_write(struct weft_mem *m, u64 addr, const void *from, u32 len);

/**
 * weft_mem_hit() - a translation without a search
 * @m: translation
 * @addr: the driver's address
 * @len: bytes
 * @perm: VHOST_MAP_RO if it is read, VHOST_MAP_WO if it is written
 * @iov: filled in, if this returns true
 *
 * Return: false if weft_mem_translate() has to do it.
 */
static __always_inline bool weft_mem_hit(const struct weft_mem *m, u64 addr, u32 len, u32 perm,
					 struct iovec *iov)
{
	const struct vhost_iotlb_map *map = m->hit[0];
	u64 off;

	if (unlikely(!map))
		return false;
	off = addr - map->start;
	/* Both at once: an offset below the map's size, with room for the bytes. */
	if (unlikely(off >= map->size || map->size - off < len || !(map->perm & perm)))
		return false;
	iov->iov_base = (void __user *)(uintptr_t)(map->addr + off);
	iov->iov_len = len;
	return true;
}

bool weft_mem_range_ok(u64 start, u64 size, u64 uaddr);
int weft_mem_map(struct vhost_iotlb *t, u64 start, u64 size, u64 uaddr, u32 perm);
int weft_mem_unmap(struct vhost_iotlb *t, u64 start, u64 size);

/**
 * struct weft_map_range - user memory to be mapped
 * @uaddr: its user address
 * @len: bytes; 0 for none
 * @write: it is written to, not only read
 */
struct weft_map_range {
	u64 uaddr;
	u32 len;
	bool write;
};

struct weft_map;

struct weft_map *weft_map_alloc(struct mm_struct *mm);
void weft_map_free(struct weft_map *map);
void weft_map_set(struct weft_map *map, const struct weft_map_range *ranges);
bool weft_map_enter(struct weft_map *map, void **va);
void weft_map_leave(struct weft_map *map);
unsigned long weft_map_remaps(const struct weft_map *map);
size_t weft_map_bytes(void);

#endif /* WEFT_MEM_H */
