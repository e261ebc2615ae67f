// SPDX-License-Identifier: GPL-2.0
/*
 * weft_vdpa_pci - virtio-pci network functions as vDPA devices
 *
 * Binds to no function by itself, as virtio_net may be driving it: which ones
 * are meant is said by driver_override. What a function lacks for a guest to be
 * given it is said when it is bound, not when the guest starts.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_ids.h>
#include "features.h"
#include "virtio_pci.h"

static int count(struct device *d, void *n)
{
	++*(unsigned int *)n;
	return 0;
}

static unsigned int devices_in_group(struct device *d)
{
	struct iommu_group *group = iommu_group_get(d);
	unsigned int n = 0;

	if (!group)
		return 0;
	iommu_group_for_each_dev(group, &n, count);
	iommu_group_put(group);
	return n;
}

/*
 * Whether interrupts pass through the IOMMU as other accesses do. The address
 * that they are written to is then mapped for drivers of the kernel, and vhost_vdpa
 * has no place for it in what it sets up for its own: they would be lost, or be
 * written to what a guest has there.
 */
static bool msis_are_translated(struct device *d)
{
	struct iommu_group *group = iommu_group_get(d);
	struct iommu_resv_region *region;
	bool translated = false;
	LIST_HEAD(regions);

	if (!group)
		return false;
	if (iommu_get_group_resv_regions(group, &regions))
		translated = true;
	list_for_each_entry(region, &regions, list)
		translated |= region->type == IOMMU_RESV_SW_MSI;
	iommu_put_resv_regions(d, &regions);
	iommu_group_put(group);
	return translated;
}

/* Whether a guest that drives it can reach its own memory, and nothing else. */
static int check_isolation(struct pci_dev *pdev)
{
	struct device *d = &pdev->dev;
	unsigned int n;

	if (!device_iommu_capable(d, IOMMU_CAP_CACHE_COHERENCY)) {
		dev_err(d, "no cache-coherent IOMMU is between it and memory; turn one on in the firmware and on the kernel's command line (intel_iommu=on)\n");
		return -EOPNOTSUPP;
	}
	if (!msi_device_has_isolated_msi(d)) {
		dev_err(d, "its interrupts are not remapped, so that a guest could raise any; turn on interrupt remapping\n");
		return -EOPNOTSUPP;
	}
	if (msis_are_translated(d)) {
		dev_err(d, "its interrupts pass through the IOMMU as its other accesses do (as on arm64), which vhost_vdpa has no place for\n");
		return -EOPNOTSUPP;
	}
	n = devices_in_group(d);
	if (n != 1) {
		dev_err(d, "it shares its IOMMU group with %u more, which it could reach; move it to a slot, or take a function, that has its own\n",
			n - 1);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_function(struct weft_vpci_mgmt *m)
{
	struct virtio_pci_modern_device *vp = &m->vp;
	struct device *d = &vp->pci_dev->dev;
	u64 missing;

	if (vp->id.device != VIRTIO_ID_NET) {
		dev_err(d, "it is a virtio device of type %u, and only network devices (1) are taken\n",
			vp->id.device);
		return -ENODEV;
	}
	if (!vp->device) {
		dev_err(d, "it has no configuration space, which a network device cannot be without\n");
		return -ENODEV;
	}
	missing = WEFT_FEATURES_REQUIRED & ~vp_modern_get_features(vp);
	if (missing & BIT_ULL(VIRTIO_F_VERSION_1)) {
		dev_err(d, "it does not offer VERSION_1\n");
		return -EOPNOTSUPP;
	}
	if (missing) {
		dev_err(d, "it does not offer ACCESS_PLATFORM, so that its accesses pass by the IOMMU (for QEMU's: iommu_platform=on)\n");
		return -EOPNOTSUPP;
	}
	if (pci_msix_vec_count(vp->pci_dev) < 1) {
		dev_err(d, "it has no MSI-X interrupts (for QEMU's: vectors=4, two for each pair and two more)\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct weft_vpci_mgmt *m;
	int ret;

	/* The library looks at the number of the device only. */
	if (pdev->vendor != PCI_VENDOR_ID_REDHAT_QUMRANET) {
		dev_err(&pdev->dev, "it is no virtio device\n");
		return -ENODEV;
	}
	ret = check_isolation(pdev);
	if (ret)
		return ret;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	ret = pci_enable_device(pdev);
	if (ret)
		goto err_free;
	/* What was there before us may have left it on. */
	pci_clear_master(pdev);
	/* Before the library maps anything, which looks at the beginning of each only. */
	ret = weft_vpci_caps_read(pdev, &m->layout);
	if (ret)
		goto err_disable;
	m->vp.pci_dev = pdev;
	ret = vp_modern_probe(&m->vp);
	if (ret) {
		dev_err(&pdev->dev, "it has no virtio 1 registers that can be used: error %d (for QEMU's: disable-modern=off)\n",
			ret);
		goto err_disable;
	}
	ret = check_function(m);
	if (ret)
		goto err_vp;
	pci_set_drvdata(pdev, m);
	ret = weft_vpci_mgmt_add(m);
	if (ret)
		goto err_vp;
	return 0;

err_vp:
	vp_modern_remove(&m->vp);
err_disable:
	pci_disable_device(pdev);
err_free:
	kfree(m);
	/* The driver core says nothing of those that mean "not mine". */
	return ret;
}

/* Waits for as long as somebody has the device open, as the bus does. */
static void remove(struct pci_dev *pdev)
{
	struct weft_vpci_mgmt *m = pci_get_drvdata(pdev);

	vdpa_mgmtdev_unregister(&m->mdev);
	vp_modern_remove(&m->vp);
	pci_disable_device(pdev);
	kfree(m);
}

static struct pci_driver weft_vpci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = NULL,	/* by driver_override */
	.probe = probe,
	.remove = remove,
};

module_pci_driver(weft_vpci_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("weft developers");
MODULE_DESCRIPTION("virtio-pci network functions as vDPA devices");
