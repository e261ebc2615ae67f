// SPDX-License-Identifier: GPL-2.0
/*
 * Management devices: each network function of weft_softpci makes one device,
 * as "vdpa dev add" asks.
 *
 * What the tool asks for is checked here, before there is anything. The bus
 * hands us no place for a word to the user, so the kernel's log has it.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include "dev.h"

#define F(bit)	BIT_ULL(bit)

static bool use_va;
module_param(use_va, bool, 0444);
MODULE_PARM_DESC(use_va, "clients of vhost_vdpa have shared memory alone, by user addresses (false)");

struct mgmt {
	struct vdpa_mgmt_dev mdev;
	struct pci_dev *pdev;
	unsigned int port;
	struct weft_vdpa *dev;
};

static struct virtio_device_id id_table[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ },
};

/* What the bus asks for, as plain data. */
static struct weft_vdpa_asked asked_of(const struct vdpa_dev_set_config *c)
{
	static const struct {
		u64 attr;
		unsigned int given;
	} known[] = {
		{ F(VDPA_ATTR_DEV_NET_CFG_MACADDR), WEFT_ASKED_MAC },
		{ F(VDPA_ATTR_DEV_NET_CFG_MTU), WEFT_ASKED_MTU },
		{ F(VDPA_ATTR_DEV_NET_CFG_MAX_VQP), WEFT_ASKED_PAIRS },
		{ F(VDPA_ATTR_DEV_FEATURES), WEFT_ASKED_FEATURES },
	};
	struct weft_vdpa_asked asked = {
		.mtu = c->net.mtu,
		.pairs = c->net.max_vq_pairs,
		.features = c->device_features,
	};
	u64 left = c->mask;
	int i;

	ether_addr_copy(asked.mac, c->net.mac);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (left & known[i].attr)
			asked.given |= known[i].given;
		left &= ~known[i].attr;
	}
	if (left)
		asked.given |= WEFT_ASKED_OTHER;
	return asked;
}

/* Plain data of what the user wants, or a word in the log of why it cannot be. */
static int read_config(struct device *d, const char *name, const struct vdpa_dev_set_config *c,
		       struct weft_vdpa_params *p)
{
	struct weft_vdpa_asked asked = asked_of(c);
	char why[WEFT_VDPA_WHY];
	int ret;

	/* Of a name with '%', the stack would make another one. */
	if (!dev_valid_name(name) || strchr(name, '%')) {
		dev_notice(d, "\"%s\" cannot be the name of a netdev, which the representor is: at most %d characters, no blank, '/', ':' or '%%'\n",
			   name, IFNAMSIZ - 1);
		return -EINVAL;
	}
	ret = weft_config_check(&asked, weft_vdpa_features(), p, why);
	if (ret)
		dev_notice(d, "%s: %s\n", name, why);
	else if (p->any_mac)
		eth_random_addr(p->mac);
	return ret;
}

static void configure(struct weft_vdpa *dev, const struct weft_vdpa_params *p)
{
	struct virtio_net_config *c = &dev->config;

	mutex_init(&dev->lock);
	weft_fault_init(dev);
	spin_lock_init(&dev->config_lock);
	/* Drivers may have rings break at will. What is not said is counted all the same. */
	ratelimit_state_init(&dev->limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(&dev->limit, RATELIMIT_MSG_ON_RELEASE);
	dev->offered = p->features;
	dev->pairs = p->pairs;
	dev->active = 1;
	/* The last one only if there is a control queue behind all pairs. */
	dev->nvqs = 2 * p->pairs + !!(p->features & F(VIRTIO_NET_F_CTRL_VQ));
	ether_addr_copy(dev->mac, p->mac);
	ether_addr_copy(c->mac, p->mac);
	c->max_virtqueue_pairs = (__force __virtio16)cpu_to_le16(p->pairs);
	c->mtu = (__force __virtio16)cpu_to_le16(p->mtu);
	c->speed = cpu_to_le32(SPEED_10000);
	c->duplex = DUPLEX_FULL;
}

static int init_vqs(struct weft_vdpa *dev)
{
	int i, ret;

	dev->vqs = kvcalloc(dev->nvqs, sizeof(*dev->vqs), GFP_KERNEL_ACCOUNT);
	if (!dev->vqs)
		return -ENOMEM;
	for (i = 0; i < dev->nvqs; i++) {
		ret = weft_vdpa_vq_init(dev, i);
		if (ret)
			return ret;
	}
	return 0;
}

static int dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
		   const struct vdpa_dev_set_config *config)
{
	struct mgmt *m = container_of(mdev, struct mgmt, mdev);
	struct device *d = &m->pdev->dev;
	struct vdpa_device *vdpa;
	struct weft_vdpa *dev;
	struct weft_vdpa_params p;
	int ret;

	if (m->dev) {
		dev_notice(d, "%s: %s is here already, and a function has one device; load weft_softpci with a greater net_functions=\n",
			   name, dev_name(&m->dev->vdpa.dev));
		return -ENOSPC;
	}
	ret = read_config(d, name, config, &p);
	if (ret)
		return ret;
	BUILD_BUG_ON(offsetof(struct weft_vdpa, vdpa));
	vdpa = weft_vdpa_alloc(d, &weft_vdpa_ops, WEFT_GROUPS, WEFT_GROUPS, sizeof(*dev), name,
			       use_va);
	if (IS_ERR(vdpa))
		return PTR_ERR(vdpa);
	dev = to_weft_vdpa(vdpa);
	configure(dev, &p);
	/* Drivers of the kernel reach all its memory without any mapping. */
	dev->vdpa.dev.dma_mask = &dev->vdpa.dev.coherent_dma_mask;
	weft_vdpa_set_dma_dev(&dev->vdpa, &dev->vdpa.dev);
	dev->vdpa.mdev = mdev;
	ret = dma_set_mask_and_coherent(&dev->vdpa.dev, DMA_BIT_MASK(64)) ?: init_vqs(dev);
	if (ret)
		goto err_put;
	mutex_lock(&dev->lock);
	weft_vdpa_ctrl_reset(dev);
	mutex_unlock(&dev->lock);
	ret = weft_rep_create(dev, name, d, m->port);
	if (ret == -EEXIST)
		dev_notice(d, "%s: there is a netdev of this name, which the representor is to have\n",
			   name);
	else if (ret)
		dev_notice(d, "%s: no representor: error %d\n", name, ret);
	if (ret)
		goto err_put;
	weft_vdpa_stats_show(dev);
	ret = _vdpa_register_device(&dev->vdpa, dev->nvqs);
	if (ret) {
		dev_notice(d, "%s: the vDPA bus does not take it%s: error %d\n", name,
			   ret == -EEXIST ? ", as it has one of this name" : "", ret);
		goto err_rep;
	}
	m->dev = dev;
	return 0;

err_rep:
	weft_vdpa_stats_hide(dev);
	weft_fault_exit(dev);
	weft_rep_destroy(dev);
err_put:
	put_device(&dev->vdpa.dev);
	return ret;
}

static void dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct mgmt *m = container_of(mdev, struct mgmt, mdev);
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	m->dev = NULL;
	/* It may be freed by that, were it not for us. */
	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	weft_vdpa_stats_hide(dev);
	weft_fault_exit(dev);
	weft_vdpa_stop(dev);
	weft_rep_destroy(dev);
	put_device(&vdpa->dev);
}

#ifdef WEFT_HAVE_VDPA_SET_ATTR
static int dev_set_attr(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa,
			const struct vdpa_dev_set_config *config)
{
	struct mgmt *m = container_of(mdev, struct mgmt, mdev);
	struct weft_vdpa_asked asked = asked_of(config);
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	char why[WEFT_VDPA_WHY];
	int ret;

	ret = weft_config_check_change(&asked, dev->offered, why);
	if (ret)
		dev_notice(&m->pdev->dev, "%s: %s\n", dev_name(&vdpa->dev), why);
	else
		weft_vdpa_set_mac(dev, asked.mac);
	return ret;
}
#endif

static const struct vdpa_mgmtdev_ops mgmt_ops = {
	.dev_add = dev_add,
	.dev_del = dev_del,
#ifdef WEFT_HAVE_VDPA_SET_ATTR
	.dev_set_attr = dev_set_attr,
#endif
};

/**
 * weft_mgmt_add() - makes a PCI function a management device
 * @pdev: function
 * @port: its number
 *
 * Return: 0; -ENOMEM; what the bus says
 */
int weft_mgmt_add(struct pci_dev *pdev, unsigned int port)
{
	struct mgmt *m = devm_kzalloc(&pdev->dev, sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	m->pdev = pdev;
	m->port = port;
	m->mdev.device = &pdev->dev;
	m->mdev.ops = &mgmt_ops;
	m->mdev.id_table = id_table;
	m->mdev.config_attr_mask = F(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
				   F(VDPA_ATTR_DEV_NET_CFG_MTU) |
				   F(VDPA_ATTR_DEV_NET_CFG_MAX_VQP) | F(VDPA_ATTR_DEV_FEATURES);
	m->mdev.supported_features = weft_vdpa_features();
	m->mdev.max_supported_vqs = 2 * WEFT_VDPA_MAX_PAIRS + 1;
	pci_set_drvdata(pdev, m);
	return vdpa_mgmtdev_register(&m->mdev);
}

/**
 * weft_mgmt_remove() - takes it away, with its device
 * @pdev: function
 *
 * Waits for as long as somebody has the device open, as the bus does.
 */
void weft_mgmt_remove(struct pci_dev *pdev)
{
	struct mgmt *m = pci_get_drvdata(pdev);

	vdpa_mgmtdev_unregister(&m->mdev);
}
