// SPDX-License-Identifier: GPL-2.0
/* What the kernel's vhost_iotlb module does, as far as a room's tests need it. */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/vhost_iotlb.h>

void vhost_iotlb_init(struct vhost_iotlb *t, unsigned int limit, unsigned int flags)
{
	INIT_LIST_HEAD(&t->list);
	t->limit = limit;
	t->flags = flags;
	t->nmaps = 0;
}

struct vhost_iotlb *vhost_iotlb_alloc(unsigned int limit, unsigned int flags)
{
	struct vhost_iotlb *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (t)
		vhost_iotlb_init(t, limit, flags);
	return t;
}

void vhost_iotlb_map_free(struct vhost_iotlb *t, struct vhost_iotlb_map *map)
{
	list_del(&map->link);
	t->nmaps--;
	kfree(map);
}

void vhost_iotlb_reset(struct vhost_iotlb *t)
{
	vhost_iotlb_del_range(t, 0, U64_MAX);
}

void vhost_iotlb_free(struct vhost_iotlb *t)
{
	if (t)
		vhost_iotlb_reset(t);
	kfree(t);
}

int vhost_iotlb_add_range(struct vhost_iotlb *t, u64 start, u64 last, u64 addr,
			  unsigned int perm)
{
	struct vhost_iotlb_map *map;
	int ret;

	if (last < start)
		return -EFAULT;
	if (!t->limit)
		return -EINVAL;
	/* All addresses are more than a size can tell: two maps. */
	if (!start && last == U64_MAX) {
		ret = vhost_iotlb_add_range(t, 0, last / 2, addr, perm);
		if (ret)
			return ret;
		start = last / 2 + 1;
		addr += start;
	}
	if (t->nmaps >= t->limit) {
		if (!(t->flags & VHOST_IOTLB_FLAG_RETIRE))
			return -ENOSPC;
		vhost_iotlb_map_free(t, list_first_entry(&t->list, struct vhost_iotlb_map, link));
	}
	map = kmalloc(sizeof(*map), GFP_ATOMIC);
	if (!map)
		return -ENOMEM;
	map->start = start;
	map->last = last;
	map->size = last - start + 1;
	map->addr = addr;
	map->perm = perm;
	map->opaque = NULL;
	list_add_tail(&map->link, &t->list);
	t->nmaps++;
	return 0;
}

/* Whole maps go, of which a byte is in the range. */
void vhost_iotlb_del_range(struct vhost_iotlb *t, u64 start, u64 last)
{
	struct vhost_iotlb_map *map;

	while ((map = vhost_iotlb_itree_first(t, start, last)))
		vhost_iotlb_map_free(t, map);
}

/* The one that starts lowest, as a walk of the tree from its left end finds it. */
struct vhost_iotlb_map *vhost_iotlb_itree_first(struct vhost_iotlb *t, u64 start, u64 last)
{
	struct vhost_iotlb_map *map, *first = NULL;

	list_for_each_entry(map, &t->list, link)
		if (map->start <= last && map->last >= start &&
		    (!first || map->start < first->start))
			first = map;
	return first;
}
