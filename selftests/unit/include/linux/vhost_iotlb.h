/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of maps, without a tree: the first of those that fit is searched for. */
#ifndef WEFT_UNIT_LINUX_VHOST_IOTLB_H
#define WEFT_UNIT_LINUX_VHOST_IOTLB_H

#include <linux/list.h>
#include <linux/types.h>

#define VHOST_MAP_RO	0x1
#define VHOST_MAP_WO	0x2
#define VHOST_MAP_RW	0x3

/* Full, it drops its oldest map for a new one. */
#define VHOST_IOTLB_FLAG_RETIRE	0x1

struct vhost_iotlb_map {
	struct list_head link;
	u64 start;
	u64 last;
	u64 size;
	u64 addr;
	u32 perm;
	void *opaque;
};

struct vhost_iotlb {
	struct list_head list;
	unsigned int limit;
	unsigned int nmaps;
	unsigned int flags;
};

struct vhost_iotlb *vhost_iotlb_alloc(unsigned int limit, unsigned int flags);
void vhost_iotlb_init(struct vhost_iotlb *t, unsigned int limit, unsigned int flags);
void vhost_iotlb_free(struct vhost_iotlb *t);
void vhost_iotlb_reset(struct vhost_iotlb *t);
int vhost_iotlb_add_range(struct vhost_iotlb *t, u64 start, u64 last, u64 addr,
			  unsigned int perm);
void vhost_iotlb_del_range(struct vhost_iotlb *t, u64 start, u64 last);
struct vhost_iotlb_map *vhost_iotlb_itree_first(struct vhost_iotlb *t, u64 start, u64 last);
void vhost_iotlb_map_free(struct vhost_iotlb *t, struct vhost_iotlb_map *map);

#endif
