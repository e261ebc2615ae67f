// SPDX-License-Identifier: GPL-2.0
/*
 * What the registers of a virtio-pci function say and are told. Sections are
 * those of virtio 1.3.
 */
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/vhost_types.h>
#include "virtio_pci.h"

#define F(bit)	BIT_ULL(bit)

/* What a function answers that was pulled out; no status has all bits. */
#define GONE	0xff

#define RESET_US	(1000 * 1000)

/* Has a field in the configuration, behind those that uapi has. */
#define HASH_TUNNEL	51

/*
 * Of no use to a driver behind vDPA, which has no way to pass them on: data in a
 * kick (§2.9.4), the reset of a single queue, what is of the function and its
 * owner, or has fields that we do not know. And LOG_ALL, which is a bit of
 * vhost's alone: by it, a VMM takes a device for one that can be migrated live.
 */
#define NOT_PASSED	(F(VIRTIO_F_NOTIFICATION_DATA) | F(VIRTIO_F_NOTIF_CONFIG_DATA) | \
			 F(VIRTIO_F_RING_RESET) | F(VIRTIO_F_SR_IOV) | F(VIRTIO_F_ADMIN_VQ) | \
			 F(HASH_TUNNEL) | F(VHOST_F_LOG_ALL))

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

/**
 * weft_vpci_hw_fail() - a device does not go on like this, and is to be reset
 * @dev: device; locked
 */
void weft_vpci_hw_fail(struct weft_vpci *dev)
{
	if (dev->failed)
		return;
	dev->failed = true;
	/* §2.1.2: a driver that runs does not look at the status by itself. */
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		weft_vpci_irq_config(dev);
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
		weft_vpci_hw_fail(dev);
		status = 0;
	} else if (dev->status & ~status && !dev->failed) {
		dev_err(&dev->pdev->dev, "%s: it has forgotten what it was told (status 0x%x); something else has reset it\n",
			dev_name(&dev->vdpa.dev), status);
		weft_vpci_hw_fail(dev);
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

static u16 notify_off(struct virtio_pci_modern_device *vp, u16 index)
{
	vp_iowrite16(index, &vp->common->queue_select);
	return vp_ioread16(&vp->common->queue_notify_off);
}

/* What the queues are like with the features that were told; false if that cannot be. */
static bool look_again(struct weft_vpci *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++) {
		struct weft_vpci_vq *vq = &dev->vqs[i];

		vq->max = vp_modern_get_queue_size(dev->vp, i);
		/* It may be mapped already, by the driver before. */
		if (!vq->max || notify_off(dev->vp, i) == vq->notify_off)
			continue;
		dev_notice_ratelimited(&dev->vdpa.dev, "queue %d is kicked somewhere else with features 0x%llx, which is not passed on\n",
				       i, dev->features);
		return false;
	}
	return true;
}

/**
 * weft_vpci_hw_take() - tells the device the features that the driver took
 * @dev: device; locked
 * @status: what it has been told till now
 *
 * Return: whether it goes along with them, §3.1.1
 */
bool weft_vpci_hw_take(struct weft_vpci *dev, u8 status)
{
	vp_modern_set_features(dev->vp, dev->features);
	vp_modern_set_status(dev->vp, status | VIRTIO_CONFIG_S_FEATURES_OK);
	if (weft_vpci_hw_status(dev) & VIRTIO_CONFIG_S_FEATURES_OK)
		return look_again(dev);
	dev_notice_ratelimited(&dev->vdpa.dev, "the device does not work with features 0x%llx\n",
			       dev->features);
	return false;
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
	u32 num = vq->num ?: vq->max;

	if (!num || num > vq->max) {
		dev_notice_ratelimited(d, "queue %u cannot have %u descriptors, but up to %u\n",
				       index, num, vq->max);
		return -EINVAL;
	}
	/* Features may have come after the areas. */
	if (dev->features & BIT_ULL(VIRTIO_F_RING_PACKED) && vq->areas[1] & 3) {
		dev_notice_ratelimited(d, "queue %u: its driver area at 0x%llx is not aligned as virtio has it\n",
				       index, vq->areas[1]);
		return -EINVAL;
	}
	vp_modern_set_queue_size(vp, index, num);
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

/* Queues */

/* Of this device's queues; there may be others. */
static int find_doorbells(struct weft_vpci *dev)
{
	struct virtio_pci_modern_device *vp = dev->vp;
	/* It may say another number than before. */
	unsigned int n = max_t(unsigned int, vp_modern_get_num_queues(vp), dev->nvqs);
	unsigned int i, without = 0;
	char first[WEFT_VPCI_WHY], why[WEFT_VPCI_WHY];
	u16 *offs = kvcalloc(n, sizeof(*offs), GFP_KERNEL);

	if (!offs)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		offs[i] = i < dev->nvqs ? dev->vqs[i].notify_off : notify_off(vp, i);
	for (i = 0; i < dev->nvqs; i++) {
		dev->vqs[i].doorbell = weft_vpci_layout_doorbell(dev->layout, offs, n, i, PAGE_SIZE,
								 why);
		if (!dev->vqs[i].doorbell && !without++)
			scnprintf(first, sizeof(first), "queue %u: %s", i, why);
		cond_resched();
	}
	kvfree(offs);
	if (without)
		dev_notice(&dev->pdev->dev, "%u of %u queues have no doorbell for user space, so that their kicks pass through the kernel; %s (for QEMU's: page-per-vq=on)\n",
			   without, dev->nvqs, first);
	return 0;
}

static void unmap(struct weft_vpci *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++)
		if (dev->vqs[i].mapped)
			pci_iounmap(dev->pdev, dev->vqs[i].notify);
}

static int map(struct weft_vpci *dev, u16 index)
{
	struct weft_vpci_vq *vq = &dev->vqs[index];
	struct device *d = &dev->pdev->dev;

	vq->most = vp_modern_get_queue_size(dev->vp, index);
	if (!vq->most) {
		dev_err(d, "it has no queue %u, of %u\n", index, dev->nvqs);
		return -ENODEV;
	}
	vq->max = vq->most;
	vq->notify_off = notify_off(dev->vp, index);
	if (weft_vpci_layout_kickable(dev->layout, vq->notify_off))
		vq->notify = vp_modern_map_vq_notify(dev->vp, index, NULL);
	if (!vq->notify) {
		dev_err(d, "queue %u cannot be kicked: its register is outside\n", index);
		return -ENODEV;
	}
	vq->mapped = !dev->vp->notify_base;
	return 0;
}

/**
 * weft_vpci_hw_init() - learns what the queues are like
 * @dev: device, which was reset
 *
 * It is told the features that a driver may take, as some have queues accordingly:
 * those of QEMU are what the driver before has left.
 *
 * Return: 0; -ENOMEM; -ENODEV if the function says what cannot be; -ETIMEDOUT
 */
int weft_vpci_hw_init(struct weft_vpci *dev)
{
	u8 status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	unsigned int n;
	int i, ret;

	vp_modern_set_status(dev->vp, status);
	vp_modern_set_features(dev->vp, dev->offered);
	vp_modern_set_status(dev->vp, status | VIRTIO_CONFIG_S_FEATURES_OK);
	n = vp_modern_get_num_queues(dev->vp);
	if (dev->nvqs > n) {
		dev_err(&dev->pdev->dev, "it says that it has %u queues, which are not the %u of its pairs and for control\n",
			n, dev->nvqs);
		return -ENODEV;
	}
	for (i = 0; i < dev->nvqs; i++) {
		ret = map(dev, i);
		if (ret)
			goto err;
	}
	ret = find_doorbells(dev);
	if (ret)
		goto err;
	ret = weft_vpci_hw_reset(dev);
	if (ret)
		goto err;
	dev->config_size = weft_vpci_fields_size(dev->vp, dev->offered);
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
