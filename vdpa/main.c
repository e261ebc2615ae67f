// SPDX-License-Identifier: GPL-2.0
/*
 * weft_vdpa - vDPA network devices of software
 *
 * Binds to the network functions of weft_softpci. Each of them makes one device
 * with "vdpa dev add", which a netdev of the same name represents on the host.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <weft/softpci.h>
#include "dev.h"

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct weft_softpci_function *fn = pdev->dev.platform_data;

	if (!fn || fn->magic != WEFT_SOFTPCI_MAGIC) {
		dev_err(&pdev->dev, "this is no function of weft_softpci\n");
		return -ENODEV;
	}
	return weft_mgmt_add(pdev, fn->index);
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(WEFT_SOFTPCI_VENDOR, WEFT_SOFTPCI_NETWORK) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = probe,
	.remove = weft_mgmt_remove,
};

static int __init weft_vdpa_init(void)
{
	int ret;

	weft_vdpa_stats_init();
	ret = pci_register_driver(&driver);
	if (ret)
		weft_vdpa_stats_exit();
	return ret;
}

static void __exit weft_vdpa_exit(void)
{
	pci_unregister_driver(&driver);
	weft_vdpa_stats_exit();
}

module_init(weft_vdpa_init);
module_exit(weft_vdpa_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("weft developers");
MODULE_DESCRIPTION("vDPA network devices of software, each represented by a netdev of the host");
