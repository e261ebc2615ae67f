// SPDX-License-Identifier: GPL-2.0
/*
 * What the registers of a virtio-pci function say and are told. Sections are
 * those of virtio 1.3.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include "virtio_pci.h"

#define F(bit)	BIT_ULL(bit)

/* What a function answers that was pulled out; no status has all bits. */
#define GONE	0xff

#define RESET_US	(1000 * 1000)
#define CONFIG_READS	64

/*
 * Of no use to a driver behind vDPA, which has no way to pass them on: data in a
 * kick (§2.9.4), the reset of a single queue, what is of the function and its
 * owner.
 */
#define NOT_PASSED	(F(VIRTIO_F_NOTIFICATION_DATA) | F(VIRTIO_F_NOTIF_CONFIG_DATA) | \
			 F(VIRTIO_F_RING_RESET) | F(VIRTIO_F_SR_IOV) | F(VIRTIO_F_ADMIN_VQ))

/**
 * weft_vpci_hw_features() - what a device of the function can have
 * @vp: function
 *
 * Return: features
 */
u64 weft_vpci_hw_features(struct virtio_pci_modern_device *vp)
{
	return vp_modern_get_features(vp) & ~NOT_PASSED;
}

static void set_gone(struct weft_vpci *dev)
{
	if (!dev->gone)
		dev_err(&dev->pdev->dev, "%s: the function does not answer; it was pulled out, or is without power\n",
			dev_name(&dev->vdpa.dev));
	dev->gone = true;
	/* Should only its registers be gone. */
	pci_clear_master(dev->pdev);
}

/**
 * weft_vpci_hw_status() - of the device
 * @dev: device; locked
 *
 * Return: status, with NEEDS_RESET if it does not go on as it is
 */
u8 weft_vpci_hw_status(struct weft_vpci *dev)
{
	u8 status = dev->gone ? GONE : vp_modern_get_status(dev->vp);

	if (status == GONE) {
		set_gone(dev);
		dev->failed = true;
		status = 0;
	} else if (dev->status & ~status && !dev->failed) {
		dev_err(&dev->pdev->dev, "%s: it has forgotten what it was told (status 0x%x); something else has reset it\n",
			dev_name(&dev->vdpa.dev), status);
		dev->failed = true;
	}
	if (dev->failed)
		status |= dev->status | VIRTIO_CONFIG_S_NEEDS_RESET;
	return status;
}

/**
 * weft_vpci_hw_reset() - has the device stop, and forget all
 * @dev: device; locked
 *
 * One that does not stop is taken the right to access memory, as the memory may
 * be somebody else's next.
 *
 * Return: 0; -ETIMEDOUT
 */
int weft_vpci_hw_reset(struct weft_vpci *dev)
{
	struct device *d = &dev->pdev->dev;
	u8 status;
	int ret;

	if (dev->gone)
		return 0;
	vp_modern_set_status(dev->vp, 0);
	/* §4.1.4.3.2: until it reads 0, it is not done. */
	ret = read_poll_timeout(vp_modern_get_status, status, !status || status == GONE, 500,
				RESET_US, false, dev->vp);
	if (status == GONE) {
		set_gone(dev);
		return 0;
	}
	if (ret) {
		dev_err(d, "it has not reset itself within %u ms, so it may access no memory until it does (status 0x%x)\n",
			RESET_US / 1000, status);
		pci_clear_master(dev->pdev);
		dev->stuck = true;
		return ret;
	}
	if (dev->stuck)
		pci_set_master(dev->pdev);
	dev->stuck = false;
	return 0;
}

/**
 * weft_vpci_hw_enable() - has the device know a queue, as the driver set it up
 * @dev: device; locked
 * @index: the queue's number
 *
 * Return: 0; -EINVAL if it cannot be as the driver wants it; -EBUSY if the device
 * has no interrupt for it
 */
int weft_vpci_hw_enable(struct weft_vpci *dev, u16 index)
{
	struct weft_vpci_vq *vq = &dev->vqs[index];
	struct virtio_pci_modern_device *vp = dev->vp;
	struct device *d = &dev->vdpa.dev;

	if (!vq->num || vq->num > vq->max) {
		dev_notice_ratelimited(d, "queue %u cannot have %u descriptors, but up to %u\n",
				       index, vq->num, vq->max);
		return -EINVAL;
	}
	/* Features may have come after the areas. */
	if (dev->features & BIT_ULL(VIRTIO_F_RING_PACKED) && vq->areas[1] & 3) {
		dev_notice_ratelimited(d, "queue %u: its driver area at 0x%llx is not aligned as virtio has it\n",
				       index, vq->areas[1]);
		return -EINVAL;
	}
	vp_modern_set_queue_size(vp, index, vq->num);
	vp_modern_queue_address(vp, index, vq->areas[0], vq->areas[1], vq->areas[2]);
	/* §4.1.5.1.2.2: it reads back as none if the device has no room for it. */
	if (vp_modern_queue_vector(vp, index, vq->vector) != vq->vector) {
		dev_notice_ratelimited(d, "queue %u was not given interrupt %u by the device\n",
				       index, vq->vector);
		return -EBUSY;
	}
	vp_modern_set_queue_enable(vp, index, true);
	return 0;
}

/**
 * weft_vpci_hw_live() - lets a queue be kicked
 * @dev: device, which has started
 * @index: number of a queue that the device knows
 */
void weft_vpci_hw_live(struct weft_vpci *dev, u16 index)
{
	struct weft_vpci_vq *vq = &dev->vqs[index];

	WRITE_ONCE(vq->live, true);
	/* A kick that came earlier went nowhere, and one too many is allowed. */
	vp_iowrite16(index, vq->notify);
}

/**
 * weft_vpci_hw_start() - has the device serve the queues that are ready
 * @dev: device, whose driver is ready; locked
 *
 * Return: 0; -EINVAL if a queue cannot be as the driver wants it; -EBUSY
 */
int weft_vpci_hw_start(struct weft_vpci *dev)
{
	int i, ret;

	/* Always the first: the configuration's. */
	if (vp_modern_config_vector(dev->vp, 0) != 0) {
		dev_notice_ratelimited(&dev->vdpa.dev, "the device has no interrupt for its configuration\n");
		return -EBUSY;
	}
	for (i = 0; i < dev->nvqs; i++) {
		if (!dev->vqs[i].ready)
			continue;
		ret = weft_vpci_hw_enable(dev, i);
		if (ret)
			return ret;
	}
	vp_modern_set_status(dev->vp, dev->status | VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i].ready)
			weft_vpci_hw_live(dev, i);
	return 0;
}

/* Configuration: §5.1.4, in accesses that are as wide as each field, §4.1.3.1. */

static const struct {
	u8 at;
	u8 size;
	u64 features;	/* any of which it is there with; or always */
} fields[] = {
#define AT(field)	offsetof(struct virtio_net_config, field)
	{ AT(mac[0]), 1 }, { AT(mac[1]), 1 }, { AT(mac[2]), 1 },
	{ AT(mac[3]), 1 }, { AT(mac[4]), 1 }, { AT(mac[5]), 1 },
	{ AT(status), 2, F(VIRTIO_NET_F_STATUS) },
	{ AT(max_virtqueue_pairs), 2, F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS) },
	{ AT(mtu), 2, F(VIRTIO_NET_F_MTU) },
	{ AT(speed), 4, F(VIRTIO_NET_F_SPEED_DUPLEX) },
	{ AT(duplex), 1, F(VIRTIO_NET_F_SPEED_DUPLEX) },
	{ AT(rss_max_key_size), 1, F(VIRTIO_NET_F_RSS) | F(VIRTIO_NET_F_HASH_REPORT) },
	{ AT(rss_max_indirection_table_length), 2, F(VIRTIO_NET_F_RSS) },
	{ AT(supported_hash_types), 4, F(VIRTIO_NET_F_RSS) | F(VIRTIO_NET_F_HASH_REPORT) },
};

/**
 * weft_vpci_hw_config_size() - how much of the configuration means something
 * @vp: function, which may map a page for a few bytes of it
 *
 * Return: bytes
 */
size_t weft_vpci_hw_config_size(struct virtio_pci_modern_device *vp)
{
	u64 features = vp_modern_get_features(vp);
	size_t size = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!fields[i].features || fields[i].features & features)
			size = fields[i].at + fields[i].size;
	return min(size, vp->device_len);
}

static void read_field(struct virtio_pci_modern_device *vp, u8 *to, unsigned int at, unsigned int n)
{
	void __iomem *from = vp->device + at;

	switch (n) {
	case 1:
		*to = vp_ioread8(from);
		break;
	case 2:
		*(__le16 *)to = cpu_to_le16(vp_ioread16(from));
		break;
	case 4:
		*(__le32 *)to = cpu_to_le32(vp_ioread32(from));
		break;
	}
}

/**
 * weft_vpci_hw_config() - reads the configuration
 * @vp: function; locked, once there is a device
 * @to: where to; zero beyond @size
 * @size: as weft_vpci_hw_config_size() says
 */
void weft_vpci_hw_config(struct virtio_pci_modern_device *vp, struct virtio_net_config *to,
			 size_t size)
{
	int i, tries = CONFIG_READS;
	u32 before;

	memset(to, 0, sizeof(*to));
	/* §2.5.1: as it changed meanwhile, again; not for ever for one that is broken. */
	do {
		before = vp_modern_generation(vp);
		for (i = 0; i < ARRAY_SIZE(fields); i++) {
			unsigned int at = fields[i].at, n = fields[i].size;

			if (at + n <= size)
				read_field(vp, (u8 *)to + at, at, n);
		}
	} while (before != vp_modern_generation(vp) && --tries);
}

/* Queues */

static u16 notify_off(struct virtio_pci_modern_device *vp, u16 index)
{
	vp_iowrite16(index, &vp->common->queue_select);
	return vp_ioread16(&vp->common->queue_notify_off);
}

static u32 notify_length(struct virtio_pci_modern_device *vp)
{
	u32 length;

	if (vp->notify_base)
		return vp->notify_len;
	pci_read_config_dword(vp->pci_dev, vp->notify_map_cap +
			      offsetof(struct virtio_pci_notify_cap, cap.length), &length);
	return length;
}

/* A small BAR may share its page with one of another function. */
static bool in_bar(struct pci_dev *pdev, resource_size_t page)
{
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (pci_resource_flags(pdev, i) & IORESOURCE_MEM && pci_resource_len(pdev, i) &&
		    page >= pci_resource_start(pdev, i) &&
		    page + PAGE_SIZE - 1 <= pci_resource_end(pdev, i))
			return true;
	return false;
}

/*
 * A page goes to user space if it has the register of that queue, and nothing
 * else: neither another queue's, seen by the driver or not, nor what is behind
 * the end of the structure or of its BAR. Where none can, kicks come through the
 * kernel.
 */
static int find_doorbells(struct weft_vpci *dev)
{
	struct virtio_pci_modern_device *vp = dev->vp;
	u32 length = notify_length(vp), step = vp->notify_offset_multiplier;
	/* It may say another number than before. */
	unsigned int i, k, n = max_t(unsigned int, vp_modern_get_num_queues(vp), dev->nvqs);
	u16 *offs = kvcalloc(n, sizeof(*offs), GFP_KERNEL);

	if (!offs)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		offs[i] = notify_off(vp, i);
	for (i = 0; i < dev->nvqs; i++) {
		struct weft_vpci_vq *vq = &dev->vqs[i];
		resource_size_t base = vq->notify_pa - (u64)offs[i] * step;
		resource_size_t page = ALIGN_DOWN(vq->notify_pa, PAGE_SIZE);

		if (page != vq->notify_pa || (u64)offs[i] * step + PAGE_SIZE > length ||
		    !in_bar(dev->pdev, page))
			continue;
		for (k = 0; k < n; k++)
			if (k != i && ALIGN_DOWN(base + (u64)offs[k] * step, PAGE_SIZE) == page)
				break;
		if (k == n)
			vq->doorbell = page;
		cond_resched();
	}
	kvfree(offs);
	return 0;
}

static void unmap(struct weft_vpci *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i].mapped)
			pci_iounmap(dev->pdev, dev->vqs[i].notify);
}

/**
 * weft_vpci_hw_init() - learns what the queues are like
 * @dev: device, which was reset
 *
 * Return: 0; -ENOMEM; -ENODEV if the function says what cannot be
 */
int weft_vpci_hw_init(struct weft_vpci *dev)
{
	struct virtio_pci_modern_device *vp = dev->vp;
	int i, ret = -ENODEV;

	for (i = 0; i < dev->nvqs; i++) {
		struct weft_vpci_vq *vq = &dev->vqs[i];

		vq->max = vp_modern_get_queue_size(vp, i);
		if (!vq->max) {
			dev_err(&dev->pdev->dev, "it has no queue %d, of %u\n", i, dev->nvqs);
			goto err;
		}
		vq->num = vq->max;
		vq->notify = vp_modern_map_vq_notify(vp, i, &vq->notify_pa);
		if (!vq->notify) {
			dev_err(&dev->pdev->dev, "queue %d cannot be kicked: its register is outside\n",
				i);
			goto err;
		}
		vq->mapped = !vp->notify_base;
	}
	ret = find_doorbells(dev);
	if (ret)
		goto err;
	dev->config_size = weft_vpci_hw_config_size(vp);
	return 0;

err:
	unmap(dev);
	return ret;
}

/**
 * weft_vpci_hw_exit() - forgets them
 * @dev: device, which does not run
 */
void weft_vpci_hw_exit(struct weft_vpci *dev)
{
	unmap(dev);
}
