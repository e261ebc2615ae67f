// SPDX-License-Identifier: GPL-2.0
/* Guest memory as VHOST_SET_MEM_TABLE describes it. */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "dev.h"

static unsigned short max_mem_regions = 509;
module_param(max_mem_regions, ushort, 0444);
MODULE_PARM_DESC(max_mem_regions, "Regions of guest memory that a client may pass (509)");

static unsigned int max_iotlb_entries = 2048;
module_param(max_iotlb_entries, uint, 0444);
MODULE_PARM_DESC(max_iotlb_entries, "Translations that a device keeps, the oldest of which go first (2048)");

/**
 * weft_iotlb_limit() - translations that a device keeps
 *
 * Return: at least as many as one update needs.
 */
unsigned int weft_iotlb_limit(void)
{
	return max(max_iotlb_entries, 16U);
}

/**
 * weft_table_read() - takes a table of memory regions from user space
 * @from: user address
 * @table: set to a new table; free it with vhost_iotlb_free()
 *
 * Return: 0; -EFAULT if it cannot be read, or tells of memory that is not the
 * user's; -E2BIG if it is too long; -EOPNOTSUPP for unknown flags; -ENOMEM
 */
int weft_table_read(const struct vhost_memory __user *from, struct vhost_iotlb **table)
{
	struct vhost_memory_region *regions;
	struct vhost_iotlb *t;
	struct vhost_memory head;
	size_t size;
	u32 i;
	int ret = 0;

	if (copy_from_user(&head, from, offsetof(struct vhost_memory, regions)))
		return -EFAULT;
	if (head.padding)
		return -EOPNOTSUPP;
	if (head.nregions > max_mem_regions)
		return -E2BIG;
	size = head.nregions * sizeof(*regions);
	regions = vmemdup_user(from->regions, size);
	if (IS_ERR(regions))
		return PTR_ERR(regions);
	/* Of so many entries; none would be no table. */
	t = vhost_iotlb_alloc(max(head.nregions, 1U), 0);
	if (!t) {
		kvfree(regions);
		return -ENOMEM;
	}
	for (i = 0; !ret && i < head.nregions; i++) {
		const struct vhost_memory_region *r = &regions[i];

		if (!weft_mem_range_ok(r->guest_phys_addr, r->memory_size, r->userspace_addr))
			ret = -EFAULT;
		else
			ret = vhost_iotlb_add_range(t, r->guest_phys_addr,
						    r->guest_phys_addr + r->memory_size - 1,
						    r->userspace_addr, VHOST_MAP_RW);
	}
	kvfree(regions);
	if (ret) {
		vhost_iotlb_free(t);
		return ret;
	}
	*table = t;
	return 0;
}
