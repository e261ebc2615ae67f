// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio - VFIO's calls on an instance, translated into calls on the rooms
 *
 * A region lies at index << 40 in the VFIO file. Where the kernel gives each
 * VFIO device an inode of its own (v6.10), that is all. Before, all VFIO files
 * share one inode, and unmapping a range of it would hit other devices; there
 * each instance adds a base of its own, so that its ranges are no one else's.
 * User space takes offsets from GET_REGION_INFO and sees no difference.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <uapi/linux/weft_vgpu.h>

#include "adapter.h"
#include "instance.h"
#include "plane.h"

/* Registers and the like are copied in pieces of this, on the stack. */
#define PIECE	64

/* BAR 2 */

static void msix_read(const struct weft_instance *inst, u32 offset, u8 *buf,
		      size_t len)
{
	for (; len; len--, offset++, buf++) {
		u32 i = offset - WEFT_CONFIG_MSIX_TABLE;

		*buf = i < sizeof(inst->msix) ? inst->msix[i] : 0;
	}
}

/* Address, data and mask bit of PCI 3.0 §6.8.2; the VMM acts on them, not we. */
static void msix_write(struct weft_instance *inst, u32 offset, const u8 *buf,
		       size_t len)
{
	for (; len; len--, offset++, buf++) {
		u32 i = offset - WEFT_CONFIG_MSIX_TABLE;

		if (i >= sizeof(inst->msix))
			continue;
		if (i == 0)
			inst->msix[i] = *buf & ~3;
		else if (i < 12)
			inst->msix[i] = *buf;
		else if (i == 12)
			inst->msix[i] = *buf & 1;
	}
}

static void mmio_read(struct weft_instance *inst, u32 offset, u8 *buf,
		      size_t len)
{
	if (offset >= WEFT_DISPI_VGA && offset + len <= WEFT_CONFIG_MSIX_TABLE)
		weft_dispi_read(&inst->dispi, offset, buf, len);
	else if (offset >= WEFT_CONFIG_MSIX_TABLE)
		msix_read(inst, offset, buf, len);
	else if (offset + len <= WEFT_DISPI_VGA)
		weft_monitor_guest_read(&inst->monitor, offset, buf, len);
	else
		for (; len; len--)
			mmio_read(inst, offset++, buf++, 1);
}

static void mmio_write(struct weft_instance *inst, u32 offset, const u8 *buf,
		       size_t len)
{
	struct weft_scanout scanout;

	if (offset >= WEFT_DISPI_VGA && offset + len <= WEFT_CONFIG_MSIX_TABLE) {
		if (weft_dispi_write(&inst->dispi, offset, buf, len))
			weft_irq_scan(&inst->irq,
				      weft_dispi_scanout(&inst->dispi,
							 &scanout));
	} else if (offset >= WEFT_CONFIG_MSIX_TABLE) {
		msix_write(inst, offset, buf, len);
	} else if (offset + len > WEFT_DISPI_VGA) {
		for (; len; len--)
			mmio_write(inst, offset++, buf++, 1);
	}
	/* the guest cannot write its monitor's EDID */
}

/* Regions */

static u64 region_size(const struct weft_instance *inst, unsigned int index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
	case WEFT_REGION_SCANOUT:
		return inst->vram_bytes;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return WEFT_MMIO_SIZE;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return WEFT_CONFIG_SIZE;
	case WEFT_REGION_EDID:
		return WEFT_MONITOR_REGION_SIZE;
	default:
		return 0;
	}
}

static int region_read(struct weft_instance *inst, unsigned int index,
		       u64 offset, u8 *buf, size_t len)
{
	guard(mutex)(&inst->lock);
	switch (index) {
	case VFIO_PCI_BAR2_REGION_INDEX:
		mmio_read(inst, offset, buf, len);
		return 0;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return weft_config_read(&inst->config, offset, buf, len);
	case WEFT_REGION_EDID:
		return weft_monitor_region_read(&inst->monitor, offset, buf,
						len);
	default:
		return -EINVAL;
	}
}

static int region_write(struct weft_instance *inst, unsigned int index,
			u64 offset, const u8 *buf, size_t len)
{
	const char *why;
	int ret;

	guard(mutex)(&inst->lock);
	switch (index) {
	case VFIO_PCI_BAR2_REGION_INDEX:
		inst->regs_dirty = true;
		mmio_write(inst, offset, buf, len);
		return 0;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		inst->regs_dirty = true;
		return weft_config_write(&inst->config, offset, buf, len);
	case WEFT_REGION_EDID:
		inst->monitor_dirty = true;
		ret = weft_monitor_region_write(&inst->monitor, offset, buf,
						len, &why);
		return ret ? weft_refuse(&inst->mdev->dev, &inst->reason, ret,
					 "EDID region: %s", why) : 0;
	default:
		return -EINVAL;
	}
}

/*
 * The copy to and from user memory is made outside vram_lock: that memory may
 * be a mapping of this very slice, whose fault takes the lock again.
 */
static ssize_t vram_rw(struct weft_instance *inst, unsigned int index,
		       u64 offset, char __user *buf, size_t count, bool write)
{
	struct weft_vram *vram = &inst->adapter->vram;
	size_t copied = 0, size = min_t(size_t, count, PAGE_SIZE);
	u8 piece[PIECE], *bounce = piece;
	ssize_t ret = 0;

	if (size > sizeof(piece)) {
		bounce = kmalloc(size, GFP_KERNEL);
		if (!bounce)
			return -ENOMEM;
	}
	while (copied < count) {
		size_t len = min(size, count - copied);

		if (write && copy_from_user(bounce, buf + copied, len)) {
			ret = -EFAULT;
			break;
		}
		scoped_guard(rwsem_read, &inst->vram_lock) {
			u64 at = inst->vram_offset + offset + copied;

			if (index == WEFT_REGION_SCANOUT)
				at += inst->scan_base;
			if (inst->revoked)
				ret = -EIO;
			else if (at + len > inst->vram_offset + inst->vram_bytes)
				ret = -EINVAL;
			else if (write)
				ret = weft_vram_write(vram, at, bounce, len);
			else
				weft_vram_read(vram, at, bounce, len);
		}
		if (ret)
			break;
		if (!write && copy_to_user(buf + copied, bounce, len)) {
			ret = -EFAULT;
			break;
		}
		copied += len;
		cond_resched();
	}
	if (bounce != piece)
		kfree(bounce);
	return copied ?: ret;
}

static ssize_t small_rw(struct weft_instance *inst, unsigned int index,
			u64 offset, char __user *buf, size_t count, bool write)
{
	u8 piece[PIECE];
	size_t done = 0;
	int ret = 0;

	while (done < count) {
		size_t len = min(sizeof(piece), count - done);

		if (write) {
			if (copy_from_user(piece, buf + done, len))
				ret = -EFAULT;
			else
				ret = region_write(inst, index, offset + done,
						   piece, len);
		} else {
			ret = region_read(inst, index, offset + done, piece,
					  len);
			if (!ret && copy_to_user(buf + done, piece, len))
				ret = -EFAULT;
		}
		if (ret)
			break;
		done += len;
	}
	return done ?: ret;
}

static ssize_t weft_vfio_rw(struct vfio_device *vdev, char __user *buf,
			    size_t count, loff_t *ppos, bool write)
{
	struct weft_instance *inst = to_weft_instance(vdev);
	u64 pos = *ppos - inst->file_base;
	u64 offset = pos & WEFT_REGION_MASK, size;
	unsigned int index;
	ssize_t ret;

	index = *ppos < inst->file_base ? WEFT_NUM_REGIONS :
		min_t(u64, pos >> WEFT_REGION_SHIFT, WEFT_NUM_REGIONS);
	size = region_size(inst, index);
	if (offset >= size)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "%s at %#llx: %s", write ? "write" : "read",
				   *ppos, index == WEFT_NUM_REGIONS ?
				   "no region lies there" :
				   "past the end of the region");
	/* as read(2) at the end of a file, up to the end of the region */
	count = min_t(u64, count, size - offset);

	if (index == VFIO_PCI_BAR0_REGION_INDEX || index == WEFT_REGION_SCANOUT)
		ret = vram_rw(inst, index, offset, buf, count, write);
	else
		ret = small_rw(inst, index, offset, buf, count, write);
	if (ret == -EIO)
		return weft_refuse(&inst->mdev->dev, &inst->reason, ret,
				   "%s: the adapter is gone",
				   write ? "write" : "read");
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static ssize_t weft_vfio_read(struct vfio_device *vdev, char __user *buf,
			      size_t count, loff_t *ppos)
{
	return weft_vfio_rw(vdev, buf, count, ppos, false);
}

static ssize_t weft_vfio_write(struct vfio_device *vdev,
			       const char __user *buf, size_t count,
			       loff_t *ppos)
{
	return weft_vfio_rw(vdev, (char __user *)buf, count, ppos, true);
}

/* Mappings */

static unsigned int vma_region(const struct weft_instance *inst,
			       unsigned long pgoff)
{
	return (pgoff - (inst->file_base >> PAGE_SHIFT)) >>
	       (WEFT_REGION_SHIFT - PAGE_SHIFT);
}

static vm_fault_t weft_vfio_fault(struct vm_fault *vmf)
{
	const unsigned long mask = WEFT_REGION_MASK >> PAGE_SHIFT;
	struct vm_area_struct *vma = vmf->vma;
	struct weft_instance *inst = vma->vm_private_data;
	unsigned long page = vmf->pgoff & mask, first = vma->vm_pgoff & mask;
	unsigned long end;
	u64 base;

	guard(rwsem_read)(&inst->vram_lock);
	if (inst->revoked)
		return VM_FAULT_SIGBUS;
	base = vma_region(inst, vmf->pgoff) == WEFT_REGION_SCANOUT ?
	       inst->scan_base : 0;
	/* where this VMA and the slice end, in pages of the region */
	end = min_t(u64, first + vma_pages(vma),
		    (inst->vram_bytes - base) >> PAGE_SHIFT);
	if (page >= end)
		return VM_FAULT_SIGBUS;
	return weft_vram_fault(&inst->adapter->vram, vmf,
			       inst->vram_offset + base +
			       ((u64)page << PAGE_SHIFT),
			       page - first, end - page - 1);
}

static const struct vm_operations_struct weft_vfio_vm_ops = {
	.fault = weft_vfio_fault,
};

/**
 * weft_vfio_owns_vma - is this a mapping of the instance's VFIO file?
 * @inst: the instance
 * @vma: any VMA, its mm locked
 *
 * Return: whether it is.
 */
bool weft_vfio_owns_vma(const struct weft_instance *inst,
			const struct vm_area_struct *vma)
{
	return vma->vm_ops == &weft_vfio_vm_ops && vma->vm_private_data == inst;
}

static struct address_space *vfio_mapping(struct weft_instance *inst,
					  struct vm_area_struct *vma)
{
#ifdef WEFT_HAVE_VFIO_DEVICE_INODE
	return inst->vdev.inode->i_mapping;
#else
	/* the one inode of all VFIO files, which never goes */
	return vma->vm_file->f_mapping;
#endif
}

static int weft_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct weft_instance *inst = to_weft_instance(vdev);
	unsigned long base = inst->file_base >> PAGE_SHIFT;
	unsigned long shift = WEFT_REGION_SHIFT - PAGE_SHIFT;
	u64 pages = inst->vram_bytes >> PAGE_SHIFT, first;
	unsigned long index;

	index = vma->vm_pgoff < base ? WEFT_NUM_REGIONS :
				       (vma->vm_pgoff - base) >> shift;
	first = vma->vm_pgoff & (WEFT_REGION_MASK >> PAGE_SHIFT);
	if (index != VFIO_PCI_BAR0_REGION_INDEX && index != WEFT_REGION_SCANOUT)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "mmap: region %lu cannot be mapped, only BAR 0 and the scanout region can",
				   index);
	if (!(vma->vm_flags & VM_SHARED))
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "mmap: a private mapping would be a copy; use MAP_SHARED");
	if (first >= pages || vma_pages(vma) > pages - first)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "mmap: pages %llu to %llu, but the region has %llu",
				   first, first + vma_pages(vma), pages);

	guard(rwsem_write)(&inst->vram_lock);
	if (inst->revoked)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -ENODEV,
				   "mmap: the adapter is gone");
	inst->mapping = vfio_mapping(inst, vma);
	weft_vram_prepare_vma(&inst->adapter->vram, vma);
	vma->vm_private_data = inst;
	vma->vm_ops = &weft_vfio_vm_ops;
	return 0;
}

/* ioctls */

static int region_caps(unsigned int index, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_type cap = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
	};

	switch (index) {
	case WEFT_REGION_EDID:
		cap.type = VFIO_REGION_TYPE_GFX;
		cap.subtype = VFIO_REGION_SUBTYPE_GFX_EDID;
		break;
	case WEFT_REGION_SCANOUT:
		cap.type = WEFT_REGION_TYPE;
		cap.subtype = WEFT_REGION_SUBTYPE_SCANOUT;
		break;
	default:
		return 0;
	}
	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/* v6.16's op; older kernels reach it through get_region_info() below. */
static int weft_vfio_region_info(struct vfio_device *vdev,
				 struct vfio_region_info *info,
				 struct vfio_info_cap *caps)
{
	struct weft_instance *inst = to_weft_instance(vdev);

	if (info->index >= WEFT_NUM_REGIONS)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EINVAL,
				   "region %u: there are %u", info->index,
				   WEFT_NUM_REGIONS);
	info->offset = inst->file_base +
		       ((u64)info->index << WEFT_REGION_SHIFT);
	info->size = region_size(inst, info->index);
	info->flags = 0;
	if (info->size)
		info->flags = VFIO_REGION_INFO_FLAG_READ |
			      VFIO_REGION_INFO_FLAG_WRITE;
	if (info->index == VFIO_PCI_BAR0_REGION_INDEX ||
	    info->index == WEFT_REGION_SCANOUT)
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return region_caps(info->index, caps);
}

#ifndef WEFT_HAVE_VFIO_REGION_INFO_CAPS
/* What newer kernels' VFIO core does around the op above. */
static int get_region_info(struct weft_instance *inst, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info = {};
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.cap_offset = 0;
	ret = weft_vfio_region_info(&inst->vdev, &info, &caps);
	if (ret)
		goto out;

	if (caps.size) {
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info.argsz < sizeof(info) + caps.size) {
			info.argsz = sizeof(info) + caps.size;
		} else {
			vfio_info_cap_shift(&caps, sizeof(info));
			if (copy_to_user(arg + sizeof(info), caps.buf,
					 caps.size))
				ret = -EFAULT;
			info.cap_offset = sizeof(info);
		}
	}
	if (!ret && copy_to_user(arg, &info, minsz))
		ret = -EFAULT;
out:
	kfree(caps.buf);
	return ret;
}
#endif

static int get_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = WEFT_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int get_irq_info(struct weft_instance *inst, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = weft_irq_info(&info);
	if (ret)
		return weft_refuse(&inst->mdev->dev, &inst->reason, ret,
				   "interrupt index %u: there are %u",
				   info.index, VFIO_PCI_NUM_IRQS);
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int set_irqs(struct weft_instance *inst, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_info info;
	struct vfio_irq_set hdr;
	const char *why = "index, start, count and argsz do not fit each other";
	void *data = NULL;
	size_t size;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	info.index = hdr.index;
	ret = weft_irq_info(&info);
	if (!ret)
		ret = vfio_set_irqs_validate_and_prepare(&hdr, info.count,
							 VFIO_PCI_NUM_IRQS,
							 &size);
	if (ret)
		goto refuse;
	if (size) {
		data = memdup_user(arg + minsz, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	scoped_guard(mutex, &inst->lock)
		ret = weft_irq_set(&inst->irq, &hdr, data, &why);
	kfree(data);
	if (!ret)
		return 0;
refuse:
	return weft_refuse(&inst->mdev->dev, &inst->reason, ret,
			   "SET_IRQS index %u start %u count %u flags %#x: %s",
			   hdr.index, hdr.start, hdr.count, hdr.flags, why);
}

static int query_gfx_plane(struct weft_instance *inst, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_gfx_plane_info,
					 dmabuf_id);
	struct vfio_device_gfx_plane_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	scoped_guard(mutex, &inst->lock)
		ret = weft_plane_query(inst, &info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int get_gfx_dmabuf(struct weft_instance *inst, u32 __user *arg)
{
	u32 id;

	if (get_user(id, arg))
		return -EFAULT;
	guard(mutex)(&inst->lock);
	return weft_plane_get_dmabuf(inst, id);
}

static long weft_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd,
			    unsigned long arg)
{
	struct weft_instance *inst = to_weft_instance(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(uarg);
#ifndef WEFT_HAVE_VFIO_REGION_INFO_CAPS
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(inst, uarg);
#endif
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(inst, uarg);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(inst, uarg);
	case VFIO_DEVICE_RESET:
		return weft_instance_reset(inst);
	case VFIO_DEVICE_QUERY_GFX_PLANE:
		return query_gfx_plane(inst, uarg);
	case VFIO_DEVICE_GET_GFX_DMABUF:
		return get_gfx_dmabuf(inst, uarg);
	default:
		return -ENOTTY;
	}
}

static int weft_vfio_open(struct vfio_device *vdev)
{
	return weft_instance_open(to_weft_instance(vdev));
}

static void weft_vfio_close(struct vfio_device *vdev)
{
	weft_instance_close(to_weft_instance(vdev));
}

static void weft_vfio_release(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}

/*
 * VFIO asks each ten seconds while somebody waits for the instance to be let
 * go. QEMU answers the interrupt by unplugging the device.
 */
static void weft_vfio_request(struct vfio_device *vdev, unsigned int count)
{
	struct weft_instance *inst = to_weft_instance(vdev);

	guard(mutex)(&inst->adapter->lock);
	if (weft_irq_signal(&inst->irq, VFIO_PCI_REQ_IRQ_INDEX))
		dev_notice_ratelimited(&inst->mdev->dev,
				       "asked %s (pid %d) to let go, waiting\n",
				       inst->comm, pid_nr(inst->opener));
	else if (inst->open)
		dev_notice_ratelimited(&inst->mdev->dev,
				       "held by %s (pid %d), which takes no requests; waiting until it closes the device\n",
				       inst->comm, pid_nr(inst->opener));
}

const struct vfio_device_ops weft_vfio_ops = {
	.name = "weft_vgpu",
	.release = weft_vfio_release,
	.open_device = weft_vfio_open,
	.close_device = weft_vfio_close,
	.read = weft_vfio_read,
	.write = weft_vfio_write,
	.mmap = weft_vfio_mmap,
	.ioctl = weft_vfio_ioctl,
	.request = weft_vfio_request,
#ifdef WEFT_HAVE_VFIO_REGION_INFO_CAPS
	.get_region_info_caps = weft_vfio_region_info,
#endif
#ifdef WEFT_HAVE_VFIO_BIND_IOMMUFD
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
#endif
#ifdef WEFT_HAVE_VFIO_ATTACH_IOAS
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
#endif
#ifdef WEFT_HAVE_VFIO_DETACH_IOAS
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#endif
};
