// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft_softpci - a PCI host bridge of software, with functions on it
 *
 * libvirt, Nova, Incus and the Kubernetes plugins take a device for a vGPU
 * parent, or look a vDPA device up, only when it is a PCI function. This module
 * gives a host without an adapter such functions, in a PCI domain of their own:
 * config space that answers, no BARs, no interrupts. weft_vgpu binds to the
 * display functions by itself and backs their VRAM with memory; weft_vdpa binds
 * to the network functions. They come in this order.
 */
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ecam.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <weft/softpci.h>

#include "parent.h"

#define CONFIG_BYTES	64
#define MAX_FUNCTIONS	256	/* devfn is eight bits wide */
#define FIRST_DOMAIN	0x1000	/* above firmware's, below VMD's */
#define LAST_DOMAIN	0xffff	/* libvirt and Nova read four digits */

static unsigned int functions = 1;
module_param(functions, uint, 0444);
MODULE_PARM_DESC(functions, "display functions to offer, 0 to 256 (default 1)");

static unsigned int net_functions;
module_param(net_functions, uint, 0444);
MODULE_PARM_DESC(net_functions, "network functions to offer besides, which weft_vdpa makes a vDPA device each of; 256 in all (default 0)");

static unsigned int vram_mb = 64;
module_param(vram_mb, uint, 0444);
MODULE_PARM_DESC(vram_mb, "VRAM of each display function in MiB, a power of two from 4 to 131072; memory is taken only when an instance touches it (default 64)");

static int domain = -1;
module_param(domain, int, 0444);
MODULE_PARM_DESC(domain, "PCI domain of the functions; -1 takes the first free one from 0x1000 (default -1)");

struct soft_function {
	struct weft_softpci_function pub;
	u8 config[CONFIG_BYTES];
};

/*
 * sysdata of the bus, where the architecture's PCI code keeps the domain there
 * and expects its struct first; elsewhere the bridge has it.
 */
static struct {
#ifndef CONFIG_PCI_DOMAINS_GENERIC
	struct pci_sysdata sd;
#elif defined(CONFIG_PCI_ECAM)
	struct pci_config_window window;	/* with ACPI; its parent is none */
#endif
	int domain;
	struct pci_host_bridge *bridge;
	struct soft_function *functions;
	spinlock_t lock;	/* the writable bytes of config[] */
} soft;

static struct soft_function *soft_function(struct pci_bus *bus,
					   unsigned int devfn)
{
	if (bus->number || devfn >= functions + net_functions)
		return NULL;
	return &soft.functions[devfn];
}

static int soft_read(struct pci_bus *bus, unsigned int devfn, int where,
		     int size, u32 *val)
{
	struct soft_function *fn = soft_function(bus, devfn);
	unsigned long flags;
	u32 ret = 0;
	int i;

	if (!fn) {
		*val = ~0u;
		return PCIBIOS_DEVICE_NOT_FOUND;
	}
	spin_lock_irqsave(&soft.lock, flags);
	for (i = 0; i < size; i++)
		if (where + i < CONFIG_BYTES)
			ret |= (u32)fn->config[where + i] << (8 * i);
	spin_unlock_irqrestore(&soft.lock, flags);
	*val = ret;
	return PCIBIOS_SUCCESSFUL;
}

/* Bits a write may change: there is nothing to decode and nothing to signal. */
static u8 soft_wmask(int where)
{
	switch (where) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_COMMAND + 1:
		return PCI_COMMAND_INTX_DISABLE >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_LATENCY_TIMER:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	default:
		return 0;
	}
}

static int soft_write(struct pci_bus *bus, unsigned int devfn, int where,
		      int size, u32 val)
{
	struct soft_function *fn = soft_function(bus, devfn);
	unsigned long flags;
	int i;

	if (!fn)
		return PCIBIOS_DEVICE_NOT_FOUND;
	spin_lock_irqsave(&soft.lock, flags);
	for (i = 0; i < size && where + i < CONFIG_BYTES; i++) {
		u8 mask = soft_wmask(where + i);
		u8 *byte = &fn->config[where + i];

		*byte = (*byte & ~mask) | ((val >> (8 * i)) & mask);
	}
	spin_unlock_irqrestore(&soft.lock, flags);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops soft_ops = {
	.read = soft_read,
	.write = soft_write,
};

static void put_le16(u8 *p, u16 val)
{
	p[0] = val;
	p[1] = val >> 8;
}

static void soft_function_init(struct soft_function *fn, unsigned int index)
{
	bool net = index >= functions;
	u16 id = net ? WEFT_SOFTPCI_NETWORK : WEFT_SOFTPCI_DISPLAY;
	u8 *config = fn->config;

	fn->pub.magic = WEFT_SOFTPCI_MAGIC;
	fn->pub.index = net ? index - functions : index;
	fn->pub.vram_bytes = net ? 0 : (u64)vram_mb * SZ_1M;
	fn->pub.owner = THIS_MODULE;

	put_le16(config + PCI_VENDOR_ID, WEFT_SOFTPCI_VENDOR);
	put_le16(config + PCI_DEVICE_ID, id);
	put_le16(config + PCI_CLASS_DEVICE,
		 net ? PCI_CLASS_NETWORK_ETHERNET : PCI_CLASS_DISPLAY_OTHER);
	put_le16(config + PCI_SUBSYSTEM_VENDOR_ID, WEFT_SOFTPCI_VENDOR);
	put_le16(config + PCI_SUBSYSTEM_ID, id);
	config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_NORMAL |
				  (functions + net_functions > 1 ? 0x80 : 0);
}

/*
 * A function's platform data must be there before a driver probes it, also
 * when the user removes the function and rescans the bus, which makes a new
 * struct pci_dev.
 */
static int soft_notify(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE && pdev->bus->ops == &soft_ops) {
		struct soft_function *fn = soft_function(pdev->bus,
							 pdev->devfn);

		pdev->dev.platform_data = fn ? &fn->pub : NULL;
	}
	return NOTIFY_DONE;
}

static struct notifier_block soft_nb = {
	.notifier_call = soft_notify,
};

static bool domain_in_use(int nr)
{
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)))
		if (pci_domain_nr(bus) == nr)
			return true;
	return false;
}

static int choose_domain(void)
{
	int nr;

	if (domain >= 0) {
		if (domain <= LAST_DOMAIN && !domain_in_use(domain))
			return domain;
		pr_err("domain=%#x is in use or above %#x; leave domain= out to take a free one\n",
		       domain, LAST_DOMAIN);
		return domain > LAST_DOMAIN ? -EINVAL : -EBUSY;
	}
	for (nr = FIRST_DOMAIN; nr <= LAST_DOMAIN; nr++)
		if (!domain_in_use(nr))
			return nr;
	pr_err("no PCI domain is free from %#x to %#x\n", FIRST_DOMAIN,
	       LAST_DOMAIN);
	return -EBUSY;
}

static int check_params(void)
{
	if (functions > MAX_FUNCTIONS) {
		pr_err("functions=%u: a bus holds at most %u\n", functions,
		       MAX_FUNCTIONS);
		return -EINVAL;
	}
	if (net_functions > MAX_FUNCTIONS - functions) {
		pr_err("net_functions=%u: a bus holds at most %u, and functions=%u come first\n",
		       net_functions, MAX_FUNCTIONS, functions);
		return -EINVAL;
	}
	if (!is_power_of_2(vram_mb) || (u64)vram_mb * SZ_1M < WEFT_SLICE_UNIT ||
	    (u64)vram_mb * SZ_1M > WEFT_VRAM_MAX) {
		pr_err("vram_mb=%u: a PCI BAR needs a power of two, from %u to %u\n",
		       vram_mb, (u32)(WEFT_SLICE_UNIT / SZ_1M),
		       (u32)(WEFT_VRAM_MAX / SZ_1M));
		return -EINVAL;
	}
	return 0;
}

/* Everything on a root bus of our own goes with it, but not its bridge. */
static void remove_bus(void)
{
	pci_lock_rescan_remove();
	pci_stop_root_bus(soft.bridge->bus);
	pci_remove_root_bus(soft.bridge->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(soft.bridge);
}

static struct resource soft_busn = {
	.name = KBUILD_MODNAME,
	.flags = IORESOURCE_BUS,
};

static int scan_bus(void)
{
	struct pci_host_bridge *bridge = pci_alloc_host_bridge(0);
	int ret;

	if (!bridge)
		return -ENOMEM;
	soft.bridge = bridge;
	bridge->ops = &soft_ops;
	bridge->sysdata = &soft;
#ifdef CONFIG_PCI_DOMAINS_GENERIC
	bridge->domain_nr = soft.domain;
#else
	soft.sd.domain = soft.domain;
	soft.sd.node = NUMA_NO_NODE;
#endif
	pci_add_resource(&bridge->windows, &soft_busn);
	pci_lock_rescan_remove();
	ret = pci_scan_root_bus_bridge(bridge);
	if (!ret)
		pci_bus_add_devices(bridge->bus);
	pci_unlock_rescan_remove();
	if (ret)
		pci_free_host_bridge(bridge);
	return ret;
}

static int __init softpci_init(void)
{
	unsigned int i;
	int ret;

	ret = check_params();
	if (ret)
		return ret;
	ret = choose_domain();
	if (ret < 0)
		return ret;

	spin_lock_init(&soft.lock);
	soft.domain = ret;
	soft.functions = kvcalloc(max(functions + net_functions, 1u),
				  sizeof(*soft.functions), GFP_KERNEL);
	if (!soft.functions)
		return -ENOMEM;
	for (i = 0; i < functions + net_functions; i++)
		soft_function_init(&soft.functions[i], i);

	ret = bus_register_notifier(&pci_bus_type, &soft_nb);
	if (ret)
		goto err_free;
	ret = scan_bus();
	if (ret)
		goto err_notifier;

	pr_info("%u display function%s of %u MiB in PCI domain %04x\n",
		functions, functions == 1 ? "" : "s", vram_mb, soft.domain);
	if (net_functions)
		pr_info("%u network function%s in PCI domain %04x\n", net_functions,
			net_functions == 1 ? "" : "s", soft.domain);
	return 0;

err_notifier:
	bus_unregister_notifier(&pci_bus_type, &soft_nb);
err_free:
	kvfree(soft.functions);
	return ret;
}

static void __exit softpci_exit(void)
{
	remove_bus();
	bus_unregister_notifier(&pci_bus_type, &soft_nb);
	kvfree(soft.functions);
}

module_init(softpci_init);
module_exit(softpci_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("weft developers");
MODULE_DESCRIPTION("PCI host bridge of software, with display and network functions as parents for vGPUs and vDPA devices");
