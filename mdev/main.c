// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft_vgpu - partitions a display adapter's VRAM into vGPU instances
 *
 * A PCI driver, and a parent of mdevs that VFIO attaches to guests. It binds
 * to the functions of weft_softpci by itself, and to hardware only when told
 * to by driver_override.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vgaarb.h>

#include <weft/softpci.h>

#include "adapter.h"
#include "evict.h"
#include "instance.h"
#include "sysfs.h"

static unsigned int evict_seconds = 10;
module_param(evict_seconds, uint, 0644);
MODULE_PARM_DESC(evict_seconds, "when an adapter is unbound or unplugged while processes have an instance open and do not let go when asked, end them after so many seconds; 0 waits for them for ever (default 10)");

/* The latest adapter that was not accepted; such a one has no attributes. */
static struct weft_reason bind_reason;

/* Adapters whose VRAM is known to lie in a BAR. */
static const struct {
	u16 vendor;
	u16 device;
	int bar;
	const char *name;
} known_adapters[] = {
	{ 0x1234, 0x1111, 0, "bochs-display or secondary-vga" },
	{ 0x1af4, 0x1110, 2, "ivshmem-plain" },
};

static const struct weft_softpci_function *soft_function(struct pci_dev *pdev)
{
	const struct weft_softpci_function *fn = pdev->dev.platform_data;

	if (pdev->vendor != WEFT_SOFTPCI_VENDOR ||
	    pdev->device != WEFT_SOFTPCI_DISPLAY || !fn ||
	    fn->magic != WEFT_SOFTPCI_MAGIC)
		return NULL;
	return fn;
}

static int known_bar(struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known_adapters); i++)
		if (pdev->vendor == known_adapters[i].vendor &&
		    pdev->device == known_adapters[i].device)
			return known_adapters[i].bar;
	return -1;
}

#define refuse_bind(pdev, err, fmt, ...)				\
({									\
	struct pci_dev *pdev_ = (pdev);					\
	weft_refuse(&pdev_->dev, &bind_reason, err, "%s: " fmt,		\
		    pci_name(pdev_), ##__VA_ARGS__);			\
})

static int attach_bar(struct weft_adapter *adapter)
{
	struct pci_dev *pdev = adapter->pdev;
	int bar = known_bar(pdev), ret;

	if (bar < 0)
		return refuse_bind(pdev, -ENODEV,
				   "which BAR of %04x:%04x is its VRAM is not known",
				   pdev->vendor, pdev->device);
	if (pdev == vga_default_device() &&
	    pdev->class >> 8 == PCI_CLASS_DISPLAY_VGA)
		return refuse_bind(pdev, -EBUSY,
				   "the host's console is on this adapter; give the host another one");
	ret = pcim_enable_device(pdev);
	if (ret)
		return refuse_bind(pdev, ret, "the PCI device cannot be enabled");
	if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM))
		return refuse_bind(pdev, -ENODEV, "BAR %d is not memory", bar);
	ret = pci_request_region(pdev, bar, KBUILD_MODNAME);
	if (ret)
		return refuse_bind(pdev, ret,
				   "BAR %d is in use by another driver or the console; /proc/iomem says which",
				   bar);
	ret = weft_vram_init_bar(&adapter->vram, pdev, bar);
	if (ret) {
		pci_release_region(pdev, bar);
		return refuse_bind(pdev, ret, "BAR %d cannot be mapped", bar);
	}
	adapter->bar = bar;
	return 0;
}

static int attach_vram(struct weft_adapter *adapter)
{
	const struct weft_softpci_function *fn = soft_function(adapter->pdev);

	if (!fn)
		return attach_bar(adapter);
	adapter->bar = -1;
	adapter->owner = fn->owner;
	weft_vram_init_soft(&adapter->vram, fn->vram_bytes);
	return 0;
}

static int make_types(struct weft_adapter *adapter)
{
	struct weft_type types[WEFT_TYPES_MAX];
	int nr = weft_types_compute(adapter->vram.bytes, types,
				    WEFT_TYPES_MAX), i;

	if (nr < 0)
		return refuse_bind(adapter->pdev, nr,
				   "%llu KiB of VRAM cannot be divided: it takes a power of two from 4 MiB up",
				   adapter->vram.bytes / SZ_1K);
	for (i = 0; i < nr; i++) {
		struct weft_mdev_type *type = &adapter->types[i];

		type->type = types[i];
		type->mdev.sysfs_name = type->type.id;
		type->mdev.pretty_name = type->type.name;
		adapter->type_ptrs[i] = &type->mdev;
	}
	adapter->nr_types = nr;
	return 0;
}

/**
 * weft_adapter_ready - could an instance be created, hardware permitting?
 * @adapter: bound
 * @why: filled in with the reason, "ready" when it is
 * @size: bytes in @why
 *
 * The administrator's switch is another matter: that one is wanted, this is
 * so.
 *
 * Return: whether it is ready.
 */
bool weft_adapter_ready(struct weft_adapter *adapter, char *why, size_t size)
{
	u16 command;

	guard(mutex)(&adapter->lock);
	if (adapter->removing) {
		scnprintf(why, size, "the adapter is being removed");
		return false;
	}
	pci_read_config_word(adapter->pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command)) {
		scnprintf(why, size, "the adapter does not answer");
		return false;
	}
	if (adapter->bar >= 0 && !(command & PCI_COMMAND_MEMORY)) {
		scnprintf(why, size,
			  "somebody turned the adapter's memory decoding off");
		return false;
	}
	if (!weft_parent_free_bytes(&adapter->slices)) {
		scnprintf(why, size, "all %llu MiB of VRAM are in instances",
			  adapter->slices.bytes / SZ_1M);
		return false;
	}
	scnprintf(why, size, "ready");
	return true;
}

static void schedule_evict(struct weft_adapter *adapter)
{
	unsigned long seconds = clamp(READ_ONCE(evict_seconds), 1u, 86400u);

	schedule_delayed_work(&adapter->evict, seconds * HZ);
}

/* Processes that were asked to let go of a vanished adapter and did not. */
static void weft_adapter_evict(struct work_struct *work)
{
	struct weft_adapter *adapter = container_of(to_delayed_work(work),
						    struct weft_adapter, evict);
	struct weft_instance *inst;

	scoped_guard(mutex, &adapter->lock)
		list_for_each_entry(inst, &adapter->instances, node)
			if (inst->open && !weft_evict_holders(inst))
				dev_warn(&inst->mdev->dev,
					 "the adapter is gone, and who holds the instance was not found\n");
	schedule_evict(adapter);
}

static int weft_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct weft_adapter *adapter;
	int ret;

	adapter = kvzalloc(sizeof(*adapter), GFP_KERNEL);
	if (!adapter)
		return -ENOMEM;
	adapter->pdev = pdev;
	adapter->enabled = true;
	mutex_init(&adapter->lock);
	INIT_LIST_HEAD(&adapter->instances);
	INIT_DELAYED_WORK(&adapter->evict, weft_adapter_evict);
	weft_reason_init(&adapter->reason, false);

	ret = attach_vram(adapter);
	if (ret)
		goto err_free;
	ret = make_types(adapter);
	if (ret)
		goto err_vram;
	ret = weft_parent_init(&adapter->slices, adapter->vram.bytes);
	if (ret)
		goto err_vram;

	pci_set_drvdata(pdev, adapter);
	ret = weft_sysfs_add_adapter(adapter);
	if (ret) {
		refuse_bind(pdev, ret, "its attributes cannot be made");
		goto err_slices;
	}
	ret = mdev_register_parent(&adapter->mdev_parent, &pdev->dev,
				   &weft_mdev_driver, adapter->type_ptrs,
				   adapter->nr_types);
	if (ret) {
		refuse_bind(pdev, ret, "the mdev core does not take it");
		goto err_sysfs;
	}
	weft_sysfs_watch_creates(adapter);
	pci_info(pdev, "%llu MiB of VRAM in %s, types from full to %s\n",
		 adapter->vram.bytes / SZ_1M,
		 adapter->bar < 0 ? "memory" : "its BAR",
		 adapter->types[adapter->nr_types - 1].type.id);
	return 0;

err_sysfs:
	weft_sysfs_remove_adapter(adapter);
err_slices:
	weft_parent_destroy(&adapter->slices);
err_vram:
	weft_vram_destroy(&adapter->vram);
	if (adapter->bar >= 0)
		pci_release_region(pdev, adapter->bar);
err_free:
	kvfree(adapter);
	return ret;
}

static void weft_pci_remove(struct pci_dev *pdev)
{
	struct weft_adapter *adapter = pci_get_drvdata(pdev);
	struct weft_instance *inst;

	scoped_guard(mutex, &adapter->lock) {
		adapter->removing = true;
		list_for_each_entry(inst, &adapter->instances, node)
			weft_instance_revoke(inst);
	}
	if (evict_seconds)
		schedule_evict(adapter);
	/* waits for each instance that somebody has open */
	mdev_unregister_parent(&adapter->mdev_parent);
	cancel_delayed_work_sync(&adapter->evict);
	weft_sysfs_remove_adapter(adapter);

	weft_parent_destroy(&adapter->slices);
	weft_vram_destroy(&adapter->vram);
	if (adapter->bar >= 0)
		pci_release_region(pdev, adapter->bar);
	mutex_destroy(&adapter->lock);
	kvfree(adapter);
}

static const struct pci_device_id weft_pci_ids[] = {
	{ PCI_DEVICE(WEFT_SOFTPCI_VENDOR, WEFT_SOFTPCI_DISPLAY) },
	{ }
};
MODULE_DEVICE_TABLE(pci, weft_pci_ids);

static ssize_t last_error_show(struct device_driver *driver, char *buf)
{
	return weft_reason_show(&bind_reason, buf);
}
static DRIVER_ATTR_RO(last_error);

static struct attribute *weft_pci_driver_attrs[] = {
	&driver_attr_last_error.attr,
	NULL,
};
ATTRIBUTE_GROUPS(weft_pci_driver);

static struct pci_driver weft_pci_driver = {
	.name = "weft_vgpu",
	.id_table = weft_pci_ids,
	.probe = weft_pci_probe,
	.remove = weft_pci_remove,
	.groups = weft_pci_driver_groups,
};

static int __init weft_vgpu_init(void)
{
	int ret;

	/* wire formats of <linux/vfio.h> that monitor.c takes apart */
	BUILD_BUG_ON(offsetof(struct vfio_region_gfx_edid, edid_size) != 8);
	BUILD_BUG_ON(offsetof(struct vfio_region_gfx_edid, link_state) != 20);
	BUILD_BUG_ON(sizeof(struct vfio_region_gfx_edid) >
		     WEFT_MONITOR_EDID_OFFSET);

	weft_reason_init(&bind_reason, false);
	ret = mdev_register_driver(&weft_mdev_driver);
	if (ret)
		return ret;
	ret = pci_register_driver(&weft_pci_driver);
	if (ret)
		mdev_unregister_driver(&weft_mdev_driver);
	return ret;
}

static void __exit weft_vgpu_exit(void)
{
	pci_unregister_driver(&weft_pci_driver);
	mdev_unregister_driver(&weft_mdev_driver);
}

module_init(weft_vgpu_init);
module_exit(weft_vgpu_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("weft developers");
MODULE_DESCRIPTION("Partitions a display adapter's VRAM into vGPU instances (mdev)");
WEFT_IMPORT_NS(DMA_BUF);
