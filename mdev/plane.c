// SPDX-License-Identifier: GPL-2.0-only
/*
 * plane - what a VMM shows of an instance: a region of it, or a DMA-BUF
 *
 * A region plane begins at byte 0 of a region (struct vfio_device_gfx_plane_info
 * has no offset). A guest that flips between two buffers begins its screen
 * elsewhere in the VRAM, so there is a second region, the scanout region, that
 * begins where the screen does: a flip moves it by unmapping what was mapped,
 * and the VMM's next access faults the new place in.
 */
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio.h>
#include <uapi/drm/drm_fourcc.h>

#include "adapter.h"
#include "instance.h"
#include "plane.h"

/* Of enum drm_plane_type, which is uapi by its values. */
#define PLANE_PRIMARY	1
#define PLANE_CURSOR	2

static u32 scanout_format(const struct weft_scanout *scanout)
{
	if (scanout->bpp == 16)
		return scanout->big_endian ?
		       DRM_FORMAT_RGB565 | DRM_FORMAT_BIG_ENDIAN :
		       DRM_FORMAT_RGB565;
	return scanout->big_endian ? DRM_FORMAT_BGRX8888 : DRM_FORMAT_XRGB8888;
}

/*
 * The one plane there is, is the primary one. QEMU leaves the type zero when it
 * asks for a region, which means an overlay by its value and any plane by its
 * use.
 */
static bool is_screen(u32 flags, u32 type)
{
	return type == PLANE_PRIMARY ||
	       (!type && flags & VFIO_GFX_PLANE_TYPE_REGION);
}

static int probe_plane(struct weft_instance *inst, u32 flags)
{
	u32 want = inst->display == WEFT_DISPLAY_DMABUF ?
		   VFIO_GFX_PLANE_TYPE_DMABUF : VFIO_GFX_PLANE_TYPE_REGION;

	/* not a refusal: QEMU asks for the one, then for the other */
	return (flags & ~VFIO_GFX_PLANE_TYPE_PROBE) == want ? 0 : -EINVAL;
}

/* Let the scanout region begin at @base of the slice. */
static void move_scanout(struct weft_instance *inst, u64 base)
{
	guard(rwsem_write)(&inst->vram_lock);
	if (inst->scan_base == base)
		return;
	inst->scan_base = base;
	if (inst->mapping)
		unmap_mapping_range(inst->mapping, inst->file_base +
				    ((loff_t)WEFT_REGION_SCANOUT <<
				     WEFT_REGION_SHIFT), inst->vram_bytes, 1);
}

static void describe_region(struct weft_instance *inst,
			    const struct weft_scanout *scanout,
			    struct vfio_device_gfx_plane_info *info)
{
	if (!scanout->offset) {
		info->region_index = VFIO_PCI_BAR0_REGION_INDEX;
		return;
	}
	move_scanout(inst, scanout->offset);
	info->region_index = WEFT_REGION_SCANOUT;
}

/*
 * Neither a region nor a DMA-BUF can begin within a page. To the VMM such a
 * screen is one that shows nothing: an error would go to its log at each
 * refresh, at the guest's will.
 */
static bool can_show(struct weft_instance *inst,
		     const struct weft_scanout *scanout)
{
	if (!offset_in_page(scanout->offset))
		return true;
	weft_refuse(&inst->mdev->dev, &inst->reason, -EOPNOTSUPP,
		    "the guest's screen begins at byte %llu of its VRAM, which is within a page, and so cannot be shown",
		    scanout->offset);
	return false;
}

static void describe_dmabuf(struct weft_instance *inst,
			    const struct weft_scanout *scanout,
			    struct vfio_device_gfx_plane_info *info)
{
	if (memcmp(&inst->dmabuf_scanout, scanout, sizeof(*scanout))) {
		inst->dmabuf_scanout = *scanout;
		inst->regs_dirty = true;
		inst->dmabuf_id++;
	}
	info->dmabuf_id = inst->dmabuf_id;
}

/**
 * weft_plane_query - answer VFIO_DEVICE_QUERY_GFX_PLANE
 * @inst: the instance, its lock held
 * @info: argsz, flags and drm_plane_type are given, the rest filled in
 *
 * Return: 0, with the format zero when the guest shows nothing; -EINVAL for
 * flags that ask for another kind of plane than the instance has, and for a
 * type of plane that is none.
 */
int weft_plane_query(struct weft_instance *inst,
		     struct vfio_device_gfx_plane_info *info)
{
	u32 argsz = info->argsz, flags = info->flags;
	u32 type = info->drm_plane_type;
	struct weft_scanout scanout;
	int ret;

	lockdep_assert_held(&inst->lock);
	ret = probe_plane(inst, flags);
	if (ret || flags & VFIO_GFX_PLANE_TYPE_PROBE)
		return ret;

	if (type > PLANE_CURSOR)
		return -EINVAL;

	memset(info, 0, sizeof(*info));
	info->argsz = argsz;
	info->flags = flags;
	info->drm_plane_type = type;
	info->x_hot = U32_MAX;
	info->y_hot = U32_MAX;
	if (!is_screen(flags, type) ||
	    !weft_dispi_scanout(&inst->dispi, &scanout) ||
	    !can_show(inst, &scanout))
		return 0;

	if (flags & VFIO_GFX_PLANE_TYPE_REGION)
		describe_region(inst, &scanout, info);
	else
		describe_dmabuf(inst, &scanout, info);
	info->drm_format = scanout_format(&scanout);
	info->drm_format_mod = DRM_FORMAT_MOD_LINEAR;
	info->width = scanout.width;
	info->height = scanout.height;
	info->stride = scanout.stride;
	info->size = PAGE_ALIGN(scanout.size);
	return 0;
}

/**
 * struct weft_export - a DMA-BUF of the screen
 * @node: in the instance's exports, under exports_lock; empty once revoked
 * @lock: read by faults, written by revocation
 * @vram: the VRAM; NULL once revoked
 * @dmabuf: the DMA-BUF
 * @offset: first byte in the VRAM, on a page
 * @bytes: size, a multiple of the page size
 * @vmas: mappings of the DMA-BUF, under @lock; while there is one, its file
 *	and so the file's address space stay
 *
 * Whoever got the file descriptor may keep it for longer than the instance
 * lives. Revocation takes the VRAM away from it; pages that an importer mapped
 * for DMA before stay with the importer, as the instance has new ones then.
 */
struct weft_export {
	struct list_head node;
	struct rw_semaphore lock;
	struct weft_vram *vram;
	struct dma_buf *dmabuf;
	u64 offset;
	u64 bytes;
	unsigned int vmas;
};

static DEFINE_MUTEX(exports_lock);

static void export_vm_open(struct vm_area_struct *vma)
{
	struct weft_export *export = vma->vm_private_data;

	guard(rwsem_write)(&export->lock);
	export->vmas++;
}

static void export_vm_close(struct vm_area_struct *vma)
{
	struct weft_export *export = vma->vm_private_data;

	guard(rwsem_write)(&export->lock);
	export->vmas--;
}

static vm_fault_t export_fault(struct vm_fault *vmf)
{
	struct weft_export *export = vmf->vma->vm_private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;

	guard(rwsem_read)(&export->lock);
	if (!export->vram || offset >= export->bytes)
		return VM_FAULT_SIGBUS;
	return weft_vram_fault(export->vram, vmf, export->offset + offset, 0,
			       0);
}

static const struct vm_operations_struct export_vm_ops = {
	.open = export_vm_open,
	.close = export_vm_close,
	.fault = export_fault,
};

static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct weft_export *export = dmabuf->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	guard(rwsem_write)(&export->lock);
	if (!export->vram)
		return -ENODEV;
	export->vmas++;
	weft_vram_prepare_vma(export->vram, vma);
	vma->vm_private_data = export;
	vma->vm_ops = &export_vm_ops;
	return 0;
}

static int export_attach(struct dma_buf *dmabuf,
			 struct dma_buf_attachment *attachment)
{
	struct weft_export *export = dmabuf->priv;

	guard(rwsem_read)(&export->lock);
	if (!export->vram)
		return -ENODEV;
	/* a BAR has no pages that could outlive the tenant who saw them */
	return weft_vram_is_bar(export->vram) ? -EOPNOTSUPP : 0;
}

static void put_pages_of(struct sg_table *table)
{
	struct sg_page_iter iter;

	for_each_sgtable_page(table, &iter, 0)
		put_page(sg_page_iter_page(&iter));
}

static struct sg_table *export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction dir)
{
	struct weft_export *export = attachment->dmabuf->priv;
	unsigned int nr = export->bytes >> PAGE_SHIFT, i;
	struct scatterlist *sg;
	struct sg_table *table;
	int ret;

	guard(rwsem_read)(&export->lock);
	if (!export->vram)
		return ERR_PTR(-ENODEV);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(table, nr, GFP_KERNEL);
	if (ret)
		goto err_table;

	for_each_sgtable_sg(table, sg, i) {
		struct page *page = weft_vram_page(export->vram,
						   export->offset +
						   ((u64)i << PAGE_SHIFT));

		if (!page) {
			ret = -ENOMEM;
			goto err_pages;
		}
		get_page(page);
		sg_set_page(sg, page, PAGE_SIZE, 0);
	}
	ret = dma_map_sgtable(attachment->dev, table, dir, 0);
	if (!ret)
		return table;
err_pages:
	for_each_sgtable_sg(table, sg, i)
		if (sg_page(sg))
			put_page(sg_page(sg));
	sg_free_table(table);
err_table:
	kfree(table);
	return ERR_PTR(ret);
}

static void export_unmap(struct dma_buf_attachment *attachment,
			 struct sg_table *table, enum dma_data_direction dir)
{
	dma_unmap_sgtable(attachment->dev, table, dir, 0);
	put_pages_of(table);
	sg_free_table(table);
	kfree(table);
}

static void export_release(struct dma_buf *dmabuf)
{
	struct weft_export *export = dmabuf->priv;

	scoped_guard(mutex, &exports_lock)
		list_del(&export->node);
	kfree(export);
}

static const struct dma_buf_ops export_ops = {
	.attach = export_attach,
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.mmap = export_mmap,
	.release = export_release,
};

static struct dma_buf *new_export(struct weft_instance *inst,
				  const struct weft_scanout *scanout)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct weft_export *export;
	struct dma_buf *dmabuf;

	export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	if (!export)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&export->lock);
	export->vram = &inst->adapter->vram;
	export->offset = inst->vram_offset + scanout->offset;
	export->bytes = PAGE_ALIGN(scanout->size);

	info.ops = &export_ops;
	info.size = export->bytes;
	info.flags = O_RDWR;
	info.priv = export;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		kfree(export);
		return dmabuf;
	}
	export->dmabuf = dmabuf;
	guard(mutex)(&exports_lock);
	list_add(&export->node, &inst->exports);
	return dmabuf;
}

/**
 * weft_plane_get_dmabuf - answer VFIO_DEVICE_GET_GFX_DMABUF
 * @inst: the instance, its lock held
 * @id: dmabuf_id of the last QUERY_GFX_PLANE
 *
 * Return: a file descriptor; -EINVAL when @id is not what was named last.
 */
int weft_plane_get_dmabuf(struct weft_instance *inst, u32 id)
{
	const struct weft_scanout *scanout = &inst->dmabuf_scanout;
	struct dma_buf *dmabuf;
	int fd;

	lockdep_assert_held(&inst->lock);
	if (inst->display != WEFT_DISPLAY_DMABUF || !scanout->size ||
	    id != inst->dmabuf_id)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "no DMA-BUF %u: display is %s, and %u is what QUERY_GFX_PLANE named last",
				   id, inst->display == WEFT_DISPLAY_DMABUF ?
				   "dmabuf" : "region", inst->dmabuf_id);

	guard(rwsem_read)(&inst->vram_lock);
	if (inst->revoked)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -ENODEV,
				   "DMA-BUF: the adapter is gone");
	dmabuf = new_export(inst, scanout);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

/**
 * weft_plane_revoke - take the VRAM away from all DMA-BUFs of an instance
 * @inst: the instance, its vram_lock held for writing
 */
void weft_plane_revoke(struct weft_instance *inst)
{
	struct weft_export *export, *next;

	lockdep_assert_held_write(&inst->vram_lock);
	/* none comes while vram_lock is held; one that goes has no mapping */
	if (list_empty_careful(&inst->exports))
		return;
	guard(mutex)(&exports_lock);
	list_for_each_entry_safe(export, next, &inst->exports, node) {
		list_del_init(&export->node);
		guard(rwsem_write)(&export->lock);
		export->vram = NULL;
		/* its inode is its own: all of the mapping is this export */
		if (export->vmas)
			unmap_mapping_range(export->dmabuf->file->f_mapping,
					    0, 0, 1);
	}
}
