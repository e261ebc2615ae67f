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
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include "dev.h"

#define F(bit)	BIT_ULL(bit)

struct mgmt {
	struct vdpa_mgmt_dev mdev;
	struct pci_dev *pdev;
	unsigned int port;
	struct weft_vdpa *dev;
};

/* What a device is to be like: plain data, checked. */
struct params {
	u64 features;
	u16 pairs;
	u16 mtu;
	u8 mac[ETH_ALEN];
};

static struct virtio_device_id id_table[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ },
};

static bool has(const struct vdpa_dev_set_config *c, unsigned int attr)
{
	return c->mask & BIT_ULL(attr);
}

static int check_features(struct device *d, const char *name, u64 features)
{
	u64 can = weft_vdpa_features(), need = F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM);

	if (features & ~can) {
		dev_notice(d, "%s: no device of ours has features 0x%llx; \"vdpa mgmtdev show\" lists those that one may have\n",
			   name, features & ~can);
		return -EINVAL;
	}
	if (~features & need) {
		dev_notice(d, "%s: features 0x%llx cannot be left out: VERSION_1 and ACCESS_PLATFORM\n",
			   name, need & ~features);
		return -EINVAL;
	}
	if (features & F(VIRTIO_NET_F_MQ) && !(features & F(VIRTIO_NET_F_CTRL_VQ))) {
		dev_notice(d, "%s: MQ needs CTRL_VQ, by which the driver says how many queues it uses\n",
			   name);
		return -EINVAL;
	}
	return 0;
}

/* Plain data of what the user wants; -EINVAL if it cannot be. */
static int read_config(struct device *d, const char *name, const struct vdpa_dev_set_config *c,
		       struct params *p)
{
	int ret;

	if (!dev_valid_name(name)) {
		dev_notice(d, "\"%s\" cannot be the name of a netdev, which the representor is: at most %d characters, no blank, '/' or ':'\n",
			   name, IFNAMSIZ - 1);
		return -EINVAL;
	}
	p->pairs = has(c, VDPA_ATTR_DEV_NET_CFG_MAX_VQP) ? c->net.max_vq_pairs : 1;
	if (!p->pairs || p->pairs > WEFT_VDPA_MAX_PAIRS) {
		dev_notice(d, "%s: max_vqp %u is not from 1 to %u\n", name, p->pairs,
			   WEFT_VDPA_MAX_PAIRS);
		return -EINVAL;
	}
	p->mtu = has(c, VDPA_ATTR_DEV_NET_CFG_MTU) ? c->net.mtu : ETH_DATA_LEN;
	if (p->mtu < ETH_MIN_MTU) {
		dev_notice(d, "%s: mtu %u is not from %u to %u\n", name, p->mtu, ETH_MIN_MTU,
			   WEFT_VDPA_MTU_MAX);
		return -EINVAL;
	}
	if (has(c, VDPA_ATTR_DEV_NET_CFG_MACADDR)) {
		if (!is_valid_ether_addr(c->net.mac)) {
			dev_notice(d, "%s: %pM is not the address of a single station\n", name,
				   c->net.mac);
			return -EINVAL;
		}
		ether_addr_copy(p->mac, c->net.mac);
	} else {
		eth_random_addr(p->mac);
	}
	p->features = weft_vdpa_features();
	if (has(c, VDPA_ATTR_DEV_FEATURES)) {
		p->features = c->device_features;
		ret = check_features(d, name, p->features);
		if (ret)
			return ret;
	} else if (p->pairs == 1) {
		p->features &= ~F(VIRTIO_NET_F_MQ);
	}
	if (p->pairs > 1 && !(p->features & F(VIRTIO_NET_F_MQ))) {
		dev_notice(d, "%s: max_vqp %u needs the feature MQ\n", name, p->pairs);
		return -EINVAL;
	}
	return 0;
}

static void configure(struct weft_vdpa *dev, const struct params *p)
{
	struct virtio_net_config *c = &dev->config;

	mutex_init(&dev->lock);
	spin_lock_init(&dev->config_lock);
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
	struct params p;
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
	vdpa = weft_vdpa_alloc(d, &weft_vdpa_ops, WEFT_GROUPS, WEFT_GROUPS, sizeof(*dev), name);
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
	weft_vdpa_ctrl_reset(dev);
	ret = weft_rep_create(dev, name, d, m->port);
	if (ret) {
		if (ret == -EEXIST)
			dev_notice(d, "%s: there is a netdev of this name, which the representor is to have\n",
				   name);
		goto err_put;
	}
	weft_vdpa_stats_show(dev);
	ret = _vdpa_register_device(&dev->vdpa, dev->nvqs);
	if (ret)
		goto err_rep;
	m->dev = dev;
	return 0;

err_rep:
	weft_vdpa_stats_hide(dev);
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
	weft_vdpa_stop(dev);
	weft_rep_destroy(dev);
	put_device(&vdpa->dev);
}

static int dev_set_attr(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa,
			const struct vdpa_dev_set_config *config)
{
	struct mgmt *m = container_of(mdev, struct mgmt, mdev);
	struct device *d = &m->pdev->dev;

	if (config->mask != F(VDPA_ATTR_DEV_NET_CFG_MACADDR)) {
		dev_notice(d, "%s: only its mac can be set\n", dev_name(&vdpa->dev));
		return -EOPNOTSUPP;
	}
	if (!is_valid_ether_addr(config->net.mac)) {
		dev_notice(d, "%s: %pM is not the address of a single station\n",
			   dev_name(&vdpa->dev), config->net.mac);
		return -EINVAL;
	}
	weft_vdpa_set_mac(to_weft_vdpa(vdpa), config->net.mac);
	return 0;
}

static const struct vdpa_mgmtdev_ops mgmt_ops = {
	.dev_add = dev_add,
	.dev_del = dev_del,
	.dev_set_attr = dev_set_attr,
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
