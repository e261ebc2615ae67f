// SPDX-License-Identifier: GPL-2.0-only
/*
 * instance - one vGPU: its life from create to remove
 */
#include <linux/idr.h>
#include <linux/mdev.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/vfio.h>

#include "adapter.h"
#include "instance.h"
#include "plane.h"
#include "sysfs.h"

/*
 * Before v6.10 all VFIO files share an inode; there an instance's offsets
 * begin at a multiple of this, room for 16 regions. See vfio.c.
 */
#define FILE_BASE_SHIFT	(WEFT_REGION_SHIFT + 4)
#define FILE_BASE_IDS	(1 << (63 - FILE_BASE_SHIFT))

static DEFINE_IDA(file_bases);

static int take_file_base(struct weft_instance *inst)
{
#ifndef WEFT_HAVE_VFIO_DEVICE_INODE
	int id;

	BUILD_BUG_ON(WEFT_NUM_REGIONS > 16);
	id = ida_alloc_range(&file_bases, 1, FILE_BASE_IDS - 1, GFP_KERNEL);
	if (id < 0)
		return id;
	inst->file_base = (loff_t)id << FILE_BASE_SHIFT;
#endif
	return 0;
}

static void put_file_base(struct weft_instance *inst)
{
	if (inst->file_base)
		ida_free(&file_bases, inst->file_base >> FILE_BASE_SHIFT);
}

/* Unmap the whole slice from everybody; vram_lock is held for writing. */
static void unmap_slice(struct weft_instance *inst)
{
	lockdep_assert_held_write(&inst->vram_lock);
	if (inst->mapping)
		unmap_mapping_range(inst->mapping, inst->file_base,
				    (loff_t)WEFT_NUM_REGIONS << WEFT_REGION_SHIFT,
				    1);
	weft_plane_revoke(inst);
}

/*
 * What a tenant wrote is gone after this: VRAM, and who could still reach it.
 * In one go: a fault that waits for the lock must find either all of it still
 * to come, or all of it done.
 */
static void scrub_slice(struct weft_instance *inst)
{
	lockdep_assert_held_write(&inst->vram_lock);
	unmap_slice(inst);
	inst->scan_base = 0;
	if (!inst->revoked)
		weft_vram_scrub(&inst->adapter->vram, inst->vram_offset,
				inst->vram_bytes);
}

static void reset_registers(struct weft_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	if (!inst->regs_dirty)
		return;
	weft_irq_scan(&inst->irq, false);
	weft_config_reset(&inst->config);
	weft_dispi_reset(&inst->dispi);
	memset(inst->msix, 0, sizeof(inst->msix));
	memset(&inst->dmabuf_scanout, 0, sizeof(inst->dmabuf_scanout));
	inst->regs_dirty = false;
}

/* The monitor is the VMM's; the next one finds a new one. */
static void reset_monitor(struct weft_instance *inst)
{
	lockdep_assert_held(&inst->lock);
	if (!inst->monitor_dirty)
		return;
	/* cannot fail: it did not for the same type at create */
	weft_monitor_init(&inst->monitor, inst->vram_bytes,
			  &inst->type->type.max);
	inst->monitor_dirty = false;
}

/**
 * weft_instance_reset - VFIO_DEVICE_RESET
 * @inst: open
 *
 * Registers and config space as after power-on, VRAM zero, DMA-BUFs revoked.
 * Eventfds stay, as vfio-pci leaves them; so does the EDID, which is the
 * VMM's. A mapping of the VRAM stays and faults the scrubbed slice in again.
 *
 * Return: 0; -EIO when the adapter is gone.
 */
int weft_instance_reset(struct weft_instance *inst)
{
	scoped_guard(mutex, &inst->lock)
		reset_registers(inst);
	scoped_guard(rwsem_write, &inst->vram_lock)
		scrub_slice(inst);
	if (inst->revoked)
		return weft_refuse(&inst->mdev->dev, &inst->reason, -EIO,
				   "reset: the adapter %s is gone",
				   pci_name(inst->adapter->pdev));
	return 0;
}

/**
 * weft_instance_open - a VMM opens the instance
 * @inst: closed
 *
 * Context: the VFIO core serialises opens and closes of one instance.
 * Return: 0; -ENODEV when the adapter is going; -EPERM when it is disabled.
 */
int weft_instance_open(struct weft_instance *inst)
{
	struct weft_adapter *adapter = inst->adapter;
	struct device *dev = &inst->mdev->dev;
	int ret;

	scoped_guard(mutex, &adapter->lock) {
		if (adapter->removing)
			return weft_refuse(dev, &inst->reason, -ENODEV,
					   "open: the adapter %s is being removed",
					   pci_name(adapter->pdev));
		if (!adapter->enabled)
			return weft_refuse(dev, &inst->reason, -EPERM,
					   "open: the adapter %s is disabled; write 1 to its weft/enabled",
					   pci_name(adapter->pdev));
		if (adapter->owner && !try_module_get(adapter->owner))
			return weft_refuse(dev, &inst->reason, -ENODEV,
					   "open: the module of %s is being unloaded",
					   pci_name(adapter->pdev));
		inst->open = true;
		inst->opener = get_pid(task_tgid(current));
		get_task_comm(inst->comm, current->group_leader);
	}

	/* what the tenant before did wrong is not this one's */
	weft_reason_clear(&inst->reason);
	ret = weft_instance_reset(inst);
	if (ret)
		weft_instance_close(inst);
	return ret;
}

/**
 * weft_instance_close - the VMM let go, or died
 * @inst: open
 *
 * All that the tenant wrote, or set up, is gone when this returns.
 */
void weft_instance_close(struct weft_instance *inst)
{
	struct weft_adapter *adapter = inst->adapter;
	struct module *owner = adapter->owner;
	struct pid *opener;

	weft_irq_release(&inst->irq);
	scoped_guard(mutex, &inst->lock) {
		reset_registers(inst);
		reset_monitor(inst);
		/* how often this tenant changed modes is not the next one's */
		inst->dmabuf_id = 0;
	}
	scoped_guard(rwsem_write, &inst->vram_lock)
		scrub_slice(inst);

	scoped_guard(mutex, &adapter->lock) {
		inst->open = false;
		opener = inst->opener;
		inst->opener = NULL;
	}
	put_pid(opener);
	if (owner)
		module_put(owner);
}

/**
 * weft_instance_revoke - the adapter goes: nobody reaches the VRAM from now on
 * @inst: any state; the lock of its adapter is held, so that it stays
 *
 * What is left of a tenant is scrubbed first. Accesses then fail with EIO, or
 * SIGBUS through a mapping, and the VMM is asked to let go.
 */
void weft_instance_revoke(struct weft_instance *inst)
{
	lockdep_assert_held(&inst->adapter->lock);
	scoped_guard(rwsem_write, &inst->vram_lock) {
		scrub_slice(inst);
		inst->revoked = true;
	}
	weft_irq_signal(&inst->irq, VFIO_PCI_REQ_IRQ_INDEX);
	/* pulled, not unbound: nothing is left to let go of in good order */
	if (!pci_device_is_present(inst->adapter->pdev))
		weft_irq_signal(&inst->irq, VFIO_PCI_ERR_IRQ_INDEX);
}

/* Slices */

static int take_slice(struct weft_adapter *adapter, struct mdev_device *mdev,
		      const struct weft_type *type, u64 *offset)
{
	struct device *dev = &adapter->pdev->dev;
	const char *uuid = dev_name(&mdev->dev);
	int ret;

	guard(mutex)(&adapter->lock);
	if (adapter->removing)
		return weft_refuse(dev, &adapter->reason, -ENODEV,
				   "create %s: the adapter is being removed",
				   uuid);
	if (!adapter->enabled)
		return weft_refuse(dev, &adapter->reason, -EPERM,
				   "create %s: the adapter is disabled; write 1 to its weft/enabled",
				   uuid);
	ret = weft_parent_alloc_slice(&adapter->slices, type->bytes, offset);
	if (ret)
		return weft_refuse(dev, &adapter->reason, ret,
				   "create %s: no hole of %llu MiB is left, %llu of %llu MiB are free; remove an instance or take a smaller type",
				   uuid, type->bytes / SZ_1M,
				   weft_parent_free_bytes(&adapter->slices) / SZ_1M,
				   adapter->slices.bytes / SZ_1M);
	return 0;
}

static void give_slice(struct weft_adapter *adapter, u64 offset, u64 bytes)
{
	guard(mutex)(&adapter->lock);
	if (WARN_ON(weft_parent_free_slice(&adapter->slices, offset, bytes)))
		return;
}

/* The mdev driver */

static void init_instance(struct weft_instance *inst, struct mdev_device *mdev,
			  u64 offset)
{
	inst->mdev = mdev;
	inst->adapter = weft_type_adapter(mdev->type);
	inst->type = to_weft_mdev_type(mdev->type);
	inst->vram_offset = offset;
	inst->vram_bytes = inst->type->type.bytes;
	inst->created = ktime_get_real_seconds();
	weft_reason_init(&inst->reason, true);
	mutex_init(&inst->lock);
	init_rwsem(&inst->vram_lock);
	INIT_LIST_HEAD(&inst->exports);
	weft_irq_init(&inst->irq);
	weft_config_init(&inst->config, inst->vram_bytes);
	weft_dispi_init(&inst->dispi, inst->vram_bytes);
}

static int weft_mdev_probe(struct mdev_device *mdev)
{
	struct weft_adapter *adapter = weft_type_adapter(mdev->type);
	const struct weft_type *type = &to_weft_mdev_type(mdev->type)->type;
	struct weft_instance *inst;
	u64 offset;
	int ret;

	ret = take_slice(adapter, mdev, type, &offset);
	if (ret)
		return ret;

	inst = vfio_alloc_device(weft_instance, vdev, &mdev->dev,
				 &weft_vfio_ops);
	if (IS_ERR(inst)) {
		ret = PTR_ERR(inst);
		goto err_slice;
	}
	init_instance(inst, mdev, offset);
	ret = weft_monitor_init(&inst->monitor, inst->vram_bytes, &type->max);
	if (ret)
		goto err_put;
	/* The core would take one of its own, and not say if it had no memory for it. */
	ret = vfio_assign_device_set(&inst->vdev, inst);
	if (ret)
		goto err_put;
	ret = take_file_base(inst);
	if (ret)
		goto err_put;
	scoped_guard(rwsem_write, &inst->vram_lock)
		scrub_slice(inst);

	dev_set_drvdata(&mdev->dev, inst);
	scoped_guard(mutex, &adapter->lock)
		list_add_tail(&inst->node, &adapter->instances);
	ret = vfio_register_emulated_iommu_dev(&inst->vdev);
	if (ret)
		goto err_list;
	ret = weft_sysfs_add_instance(inst);
	if (ret)
		goto err_unregister;
	dev_dbg(&mdev->dev, "created: %s at %#llx\n", type->id, offset);
	return 0;

err_unregister:
	vfio_unregister_group_dev(&inst->vdev);
err_list:
	scoped_guard(mutex, &adapter->lock)
		list_del(&inst->node);
	put_file_base(inst);
err_put:
	vfio_put_device(&inst->vdev);
err_slice:
	give_slice(adapter, offset, type->bytes);
	return weft_refuse(&adapter->pdev->dev, &adapter->reason, ret,
			   "create %s: the VFIO device could not be made",
			   dev_name(&mdev->dev));
}

static void weft_mdev_remove(struct mdev_device *mdev)
{
	struct weft_instance *inst = dev_get_drvdata(&mdev->dev);
	struct weft_adapter *adapter = inst->adapter;

	/* waits until a VMM that has it lets go, see weft_vfio_ops.request */
	vfio_unregister_group_dev(&inst->vdev);
	weft_sysfs_remove_instance(inst);

	scoped_guard(mutex, &adapter->lock)
		list_del(&inst->node);
	give_slice(adapter, inst->vram_offset, inst->vram_bytes);
	put_file_base(inst);
	dev_dbg(&mdev->dev, "removed\n");
	vfio_put_device(&inst->vdev);
}

/* A number that a create would not honour helps nobody: 0 while disabled. */
static unsigned int weft_mdev_available(struct mdev_type *mtype)
{
	struct weft_adapter *adapter = weft_type_adapter(mtype);

	guard(mutex)(&adapter->lock);
	if (!adapter->enabled || adapter->removing)
		return 0;
	return weft_parent_available(&adapter->slices,
				     to_weft_mdev_type(mtype)->type.bytes);
}

static ssize_t weft_mdev_description(struct mdev_type *mtype, char *buf)
{
	int len = weft_type_describe(&to_weft_mdev_type(mtype)->type, buf,
				     PAGE_SIZE - 1);

	buf[len++] = '\n';
	return len;
}

struct mdev_driver weft_mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = weft_mdev_probe,
	.remove = weft_mdev_remove,
	.get_available = weft_mdev_available,
	.show_description = weft_mdev_description,
	.driver = {
		.name = "weft_vgpu",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};
