// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio-pci function as a management device, which makes one device.
 *
 * The hardware is what it is: what the tool asks for is compared with it, and
 * what differs is refused. The bus hands us no place for a word to the user, so
 * the kernel's log has it.
 */
#include <linux/etherdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include "virtio_pci.h"
#include "vpci_config.h"

#define F(bit)	BIT_ULL(bit)

/* What the hardware is like. */
static void read_hardware(struct virtio_pci_modern_device *vp, struct weft_vpci_params *p)
{
	struct virtio_net_config config;

	p->features = weft_vpci_hw_features(vp);
	weft_vpci_fields_read(vp, p->features, &config);
	p->pairs = le16_to_cpu((__force __le16)config.max_virtqueue_pairs);
	ether_addr_copy(p->mac, config.mac);
}

static unsigned int queues(const struct weft_vpci_params *p)
{
	return 2 * p->pairs + !!(p->features & F(VIRTIO_NET_F_CTRL_VQ));
}

/* What the bus asks for, as plain data; it asks for nothing that we do not list. */
static struct weft_vdpa_asked asked_of(const struct vdpa_dev_set_config *c)
{
	struct weft_vdpa_asked asked = {
		.pairs = c->net.max_vq_pairs,
		.features = c->device_features,
	};

	ether_addr_copy(asked.mac, c->net.mac);
	if (c->mask & F(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		asked.given |= WEFT_ASKED_MAC;
	if (c->mask & F(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		asked.given |= WEFT_ASKED_PAIRS;
	if (c->mask & F(VDPA_ATTR_DEV_FEATURES))
		asked.given |= WEFT_ASKED_FEATURES;
	return asked;
}

/* Returns a device that is not on the bus yet, but could be. */
static struct weft_vpci *create(struct weft_vpci_mgmt *m, const char *name,
				const struct weft_vpci_params *p)
{
	struct pci_dev *pdev = m->vp.pci_dev;
	struct vdpa_device *vdpa;
	unsigned int nvqs = queues(p);
	struct weft_vpci *dev;
	int i, ret;

	BUILD_BUG_ON(offsetof(struct weft_vpci, vdpa));
	/* §5.1.5 */
	if (!p->pairs || p->pairs > VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX) {
		dev_err(&pdev->dev, "it says that it has %u pairs of queues, which cannot be\n",
			p->pairs);
		return ERR_PTR(-ENODEV);
	}
	vdpa = weft_vdpa_alloc(&pdev->dev, &weft_vpci_ops, 1, 1, sizeof(*dev), name, false);
	if (IS_ERR(vdpa))
		return ERR_CAST(vdpa);
	dev = to_weft_vpci(vdpa);
	weft_vdpa_set_dma_dev(vdpa, &pdev->dev);
	vdpa->mdev = &m->mdev;
	mutex_init(&dev->lock);
	spin_lock_init(&dev->cb_lock);
	dev->pdev = pdev;
	dev->vp = &m->vp;
	dev->layout = &m->layout;
	dev->offered = p->features;
	dev->nvqs = nvqs;
	ret = -ENOMEM;
	dev->vqs = kvcalloc(dev->nvqs, sizeof(*dev->vqs), GFP_KERNEL_ACCOUNT);
	if (!dev->vqs)
		goto err_put;
	for (i = 0; i < dev->nvqs; i++)
		spin_lock_init(&dev->vqs[i].cb_lock);
	ret = weft_vpci_hw_reset(dev);
	if (!ret && dev->gone)
		ret = -ENODEV;
	if (!ret) {
		/*
		 * Its interrupts are writes to memory, too. Not before it has stopped
		 * whatever it did for somebody else.
		 */
		pci_set_master(pdev);
		ret = weft_vpci_hw_init(dev);
	}
	if (ret)
		goto err_put;
	ret = weft_vpci_irq_init(dev);
	if (ret)
		goto err_hw;
	return dev;

err_hw:
	weft_vpci_hw_exit(dev);
err_put:
	put_device(&vdpa->dev);
	return ERR_PTR(ret);
}

/* Undoes create(), but for the last reference. */
static void stop(struct weft_vpci *dev)
{
	mutex_lock(&dev->lock);
	weft_vpci_hw_reset(dev);
	mutex_unlock(&dev->lock);
	pci_clear_master(dev->pdev);
	weft_vpci_irq_exit(dev);
	weft_vpci_hw_exit(dev);
}

static int dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
		   const struct vdpa_dev_set_config *config)
{
	struct weft_vpci_mgmt *m = container_of(mdev, struct weft_vpci_mgmt, mdev);
	struct device *d = &m->vp.pci_dev->dev;
	struct weft_vdpa_asked asked = asked_of(config);
	struct weft_vpci_params p;
	char why[WEFT_VDPA_WHY];
	struct weft_vpci *dev;
	int ret;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
		dev_notice(d, "\"%s\" cannot be the name of a device, as it is none of a file\n",
			   name);
		return -EINVAL;
	}
	if (m->dev) {
		dev_notice(d, "%s: %s is here already, and a function is one device\n", name,
			   dev_name(&m->dev->vdpa.dev));
		return -ENOSPC;
	}
	read_hardware(&m->vp, &p);
	ret = weft_vpci_config_check(&asked, &p, why);
	if (ret) {
		dev_notice(d, "%s: %s\n", name, why);
		return ret;
	}
	dev = create(m, name, &p);
	if (IS_ERR(dev)) {
		pci_clear_master(m->vp.pci_dev);
		return PTR_ERR(dev);
	}
	ret = _vdpa_register_device(&dev->vdpa, dev->nvqs);
	if (ret) {
		dev_notice(d, "%s: the vDPA bus does not take it: error %d%s\n", name, ret,
			   ret == -EEXIST ? ", as there is one of this name" : "");
		stop(dev);
		put_device(&dev->vdpa.dev);
		return ret;
	}
	m->dev = dev;
	return 0;
}

static void dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct weft_vpci_mgmt *m = container_of(mdev, struct weft_vpci_mgmt, mdev);
	struct weft_vpci *dev = to_weft_vpci(vdpa);

	m->dev = NULL;
	/* It may be freed by that, were it not for us. */
	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	stop(dev);
	put_device(&vdpa->dev);
}

static const struct vdpa_mgmtdev_ops mgmt_ops = {
	.dev_add = dev_add,
	.dev_del = dev_del,
};

/**
 * weft_vpci_mgmt_add() - makes a function a management device
 * @m: it, with its registers
 *
 * Return: 0; what the bus says
 */
int weft_vpci_mgmt_add(struct weft_vpci_mgmt *m)
{
	struct weft_vdpa_asked nothing = {};
	struct weft_vpci_params p;
	char why[WEFT_VDPA_WHY];

	/* Of its register for that, QEMU has what the driver before has left. */
	read_hardware(&m->vp, &p);
	weft_vpci_config_check(&nothing, &p, why);
	m->id_table[0].device = VIRTIO_ID_NET;
	m->id_table[0].vendor = VIRTIO_DEV_ANY_ID;
	m->mdev.device = &m->vp.pci_dev->dev;
	m->mdev.ops = &mgmt_ops;
	m->mdev.id_table = m->id_table;
	m->mdev.config_attr_mask = F(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
				   F(VDPA_ATTR_DEV_NET_CFG_MAX_VQP) | F(VDPA_ATTR_DEV_FEATURES);
	m->mdev.supported_features = weft_vpci_hw_features(&m->vp);
	m->mdev.max_supported_vqs = queues(&p);
	return vdpa_mgmtdev_register(&m->mdev);
}
