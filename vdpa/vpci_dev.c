// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware device, as the vDPA bus and its drivers see it.
 *
 * What a driver sets up is kept here until it says DRIVER_OK, and goes to the
 * registers then: each of them once, and in the order that they need. A queue
 * that it turns on later follows when it does; QEMU from 8.1 on does it so.
 */
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include "features.h"
#include "virtio_pci.h"

#define F(bit)	BIT_ULL(bit)

/* What a driver may say. */
#define STATUS_OF_DRIVER	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
				 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK | \
				 VIRTIO_CONFIG_S_FAILED)

static struct weft_vpci_vq *vq_of(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);

	/* The bus checks numbers, and speculation does not. */
	return &dev->vqs[array_index_nospec(index, dev->nvqs)];
}

/* Queues */

/* Areas have to be aligned: virtio 1.3 §2.7, §2.8. */
static int set_vq_address(struct vdpa_device *vdpa, u16 index, u64 desc, u64 driver, u64 device)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	struct weft_vpci_vq *vq = vq_of(vdpa, index);
	u64 odd = dev->features & F(VIRTIO_F_RING_PACKED) ? 3 : 1;

	if (!IS_ALIGNED(desc, 16) || driver & odd || !IS_ALIGNED(device, 4)) {
		dev_notice_ratelimited(&vdpa->dev, "queue %u: areas at 0x%llx, 0x%llx, 0x%llx are not aligned as virtio has it\n",
				       index, desc, driver, device);
		return -EINVAL;
	}
	mutex_lock(&dev->lock);
	vq->areas[0] = desc;
	vq->areas[1] = driver;
	vq->areas[2] = device;
	mutex_unlock(&dev->lock);
	return 0;
}

static void set_vq_num(struct vdpa_device *vdpa, u16 index, u32 num)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);

	mutex_lock(&dev->lock);
	if (!vq_of(vdpa, index)->live)
		vq_of(vdpa, index)->num = num;
	mutex_unlock(&dev->lock);
}

static u16 get_vq_size(struct vdpa_device *vdpa, u16 index)
{
	const struct weft_vpci_vq *vq = vq_of(vdpa, index);

	return vq->num ?: vq->max;
}

/*
 * One number for all queues, of which the control queue may be a small one:
 * that one is checked when it is started.
 */
static u16 get_vq_num_max(struct vdpa_device *vdpa)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	u16 max = 0;
	int i;

	for (i = 0; i < dev->nvqs; i++)
		max = max(max, dev->vqs[i].most);
	return max;
}

static u32 get_vq_align(struct vdpa_device *vdpa)
{
	return SMP_CACHE_BYTES;
}

static void kick_vq(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vpci_vq *vq = vq_of(vdpa, index);

	/* §3.1.1: not before DRIVER_OK. That kicks all queues. */
	if (READ_ONCE(vq->live))
		vp_iowrite16(index, vq->notify);
}

static void set_vq_cb(struct vdpa_device *vdpa, u16 index, struct vdpa_callback *cb)
{
	struct weft_vpci_vq *vq = vq_of(vdpa, index);

	spin_lock_irq(&vq->cb_lock);
	vq->cb = *cb;
	spin_unlock_irq(&vq->cb_lock);
}

static void set_vq_ready(struct vdpa_device *vdpa, u16 index, bool ready)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	struct weft_vpci_vq *vq = vq_of(vdpa, index);

	mutex_lock(&dev->lock);
	if (vq->ready == ready || dev->failed)
		goto out;
	if (~dev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		WRITE_ONCE(vq->ready, ready);
	} else if (!ready) {
		/* §4.1.4.3.2: no 0 may be written there. */
		dev_notice_ratelimited(&vdpa->dev, "queue %u cannot be turned off but by a reset of the device\n",
				       index);
	} else if (weft_vpci_hw_enable(dev, index)) {
		weft_vpci_hw_fail(dev);
	} else {
		WRITE_ONCE(vq->ready, true);
		weft_vpci_hw_live(dev, index);
	}
out:
	mutex_unlock(&dev->lock);
}

static bool get_vq_ready(struct vdpa_device *vdpa, u16 index)
{
	return READ_ONCE(vq_of(vdpa, index)->ready);
}

static bool is_packed(const struct weft_vpci *dev)
{
	return dev->features & F(VIRTIO_F_RING_PACKED);
}

static void initial_state(const struct weft_vpci *dev, struct vdpa_vq_state *state)
{
	*state = (struct vdpa_vq_state) {};
	if (is_packed(dev)) {
		state->packed.last_avail_counter = 1;
		state->packed.last_used_counter = 1;
	}
}

/* No register tells or takes it, so that all there is to say is where rings begin. */
static int no_state(struct weft_vpci *dev)
{
	if (!dev->told)
		dev_notice(&dev->vdpa.dev, "virtio-pci hardware does not tell where its rings are, nor begins in the middle: it can be neither migrated live nor resumed; unplug it from the guest for that\n");
	dev->told = true;
	return -EOPNOTSUPP;
}

static int set_vq_state(struct vdpa_device *vdpa, u16 index, const struct vdpa_vq_state *state)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	struct vdpa_vq_state initial;
	bool same;
	int ret = 0;

	mutex_lock(&dev->lock);
	initial_state(dev, &initial);
	if (is_packed(dev))
		same = state->packed.last_avail_counter == 1 && !state->packed.last_avail_idx &&
		       state->packed.last_used_counter == 1 && !state->packed.last_used_idx;
	else
		same = !state->split.avail_index;
	if (!same || dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		ret = no_state(dev);
	mutex_unlock(&dev->lock);
	return ret;
}

static int get_vq_state(struct vdpa_device *vdpa, u16 index, struct vdpa_vq_state *state)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		ret = no_state(dev);
	else
		initial_state(dev, state);
	mutex_unlock(&dev->lock);
	return ret;
}

/* A page, or nothing; the same as long as there is the device, as it stays mapped. */
static struct vdpa_notification_area get_vq_notification(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vpci_vq *vq = vq_of(vdpa, index);
	struct vdpa_notification_area area = {};

	if (vq->doorbell) {
		area.addr = vq->doorbell;
		area.size = PAGE_SIZE;
	}
	return area;
}

static int get_vq_irq(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);

	/*
	 * vhost_vdpa asks once DRIVER_OK was wanted, also if it was refused; but it
	 * takes a bypass back only while the status says so.
	 */
	if (~READ_ONCE(dev->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		return -EINVAL;
	return weft_vpci_irq_of(dev, vq_of(vdpa, index));
}

/* The device */

static u32 get_device_id(struct vdpa_device *vdpa)
{
	return VIRTIO_ID_NET;
}

static u32 get_vendor_id(struct vdpa_device *vdpa)
{
	return to_weft_vpci(vdpa)->vp->id.vendor;
}

static u64 get_device_features(struct vdpa_device *vdpa)
{
	return to_weft_vpci(vdpa)->offered;
}

static u64 get_driver_features(struct vdpa_device *vdpa)
{
	return to_weft_vpci(vdpa)->features;
}

static int set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		ret = -EBUSY;
	else if (features & ~dev->offered || ~features & WEFT_FEATURES_REQUIRED)
		ret = -EINVAL;
	else
		dev->features = features;
	mutex_unlock(&dev->lock);
	return ret;
}

static u8 get_status(struct vdpa_device *vdpa)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	u8 status;

	mutex_lock(&dev->lock);
	status = weft_vpci_hw_status(dev);
	/* Nothing that this driver has not said: of a reset that did not end, say. */
	status &= dev->status | VIRTIO_CONFIG_S_NEEDS_RESET;
	mutex_unlock(&dev->lock);
	return status;
}

static void set_status(struct vdpa_device *vdpa, u8 status)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	u8 now, add;

	mutex_lock(&dev->lock);
	now = dev->status;
	/* None is taken back but by a reset, which 0 would be. */
	add = status & STATUS_OF_DRIVER & ~now;
	if (!add || dev->failed)
		goto out;
	now |= add & ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	if (now != dev->status)
		vp_modern_set_status(dev->vp, now);
	if (add & VIRTIO_CONFIG_S_FEATURES_OK && !(~dev->features & WEFT_FEATURES_REQUIRED) &&
	    weft_vpci_hw_take(dev, now))
		now |= VIRTIO_CONFIG_S_FEATURES_OK;
	dev->status = now;
	if (~add & VIRTIO_CONFIG_S_DRIVER_OK || ~now & VIRTIO_CONFIG_S_FEATURES_OK || dev->failed)
		goto out;
	if (weft_vpci_hw_start(dev))
		weft_vpci_hw_fail(dev);
	else
		dev->status |= VIRTIO_CONFIG_S_DRIVER_OK;
out:
	mutex_unlock(&dev->lock);
}

static void forget_callbacks(struct weft_vpci *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++) {
		spin_lock_irq(&dev->vqs[i].cb_lock);
		dev->vqs[i].cb = (struct vdpa_callback) {};
		spin_unlock_irq(&dev->vqs[i].cb_lock);
	}
	spin_lock_irq(&dev->cb_lock);
	dev->config_cb = (struct vdpa_callback) {};
	spin_unlock_irq(&dev->cb_lock);
}

static int reset(struct vdpa_device *vdpa)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	int i, ret;

	mutex_lock(&dev->lock);
	for (i = 0; i < dev->nvqs; i++)
		WRITE_ONCE(dev->vqs[i].live, false);
	ret = weft_vpci_hw_reset(dev);
	forget_callbacks(dev);
	for (i = 0; i < dev->nvqs; i++) {
		struct weft_vpci_vq *vq = &dev->vqs[i];

		WRITE_ONCE(vq->ready, false);
		vq->num = 0;
		vq->max = vq->most;
		memset(vq->areas, 0, sizeof(vq->areas));
	}
	dev->features = 0;
	dev->status = 0;
	dev->failed = dev->gone || dev->stuck;
	mutex_unlock(&dev->lock);
	return ret;
}

/* Configuration */

static void set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);

	spin_lock_irq(&dev->cb_lock);
	dev->config_cb = *cb;
	spin_unlock_irq(&dev->cb_lock);
}

static size_t get_config_size(struct vdpa_device *vdpa)
{
	return to_weft_vpci(vdpa)->config_size;
}

static void get_config(struct vdpa_device *vdpa, unsigned int offset, void *buf,
		       unsigned int len)
{
	struct weft_vpci *dev = to_weft_vpci(vdpa);
	struct virtio_net_config config;

	memset(buf, 0, len);
	mutex_lock(&dev->lock);
	if (!dev->gone && offset < dev->config_size) {
		weft_vpci_fields_read(dev->vp, dev->offered, &config);
		memcpy(buf, (u8 *)&config + offset,
		       min_t(size_t, len, dev->config_size - offset));
	}
	mutex_unlock(&dev->lock);
}

/* §5.1.4: a driver with VERSION_1 has nothing to write there. */
static void set_config(struct vdpa_device *vdpa, unsigned int offset, const void *buf,
		       unsigned int len)
{
}

static u32 get_generation(struct vdpa_device *vdpa)
{
	return vp_modern_generation(to_weft_vpci(vdpa)->vp);
}

static void free_device(struct vdpa_device *vdpa)
{
	kvfree(to_weft_vpci(vdpa)->vqs);
}

/*
 * No set_map: the platform's IOMMU is set up by who drives the device. No
 * suspend: there is no way to have the hardware stop and know where it stopped.
 */
const struct vdpa_config_ops weft_vpci_ops = {
	.set_vq_address = set_vq_address,
	.set_vq_num = set_vq_num,
	.kick_vq = kick_vq,
	.set_vq_cb = set_vq_cb,
	.set_vq_ready = set_vq_ready,
	.get_vq_ready = get_vq_ready,
	.set_vq_state = set_vq_state,
	.get_vq_state = get_vq_state,
	.get_vq_notification = get_vq_notification,
	.get_vq_irq = get_vq_irq,
	.get_vq_size = get_vq_size,
	.get_vq_align = get_vq_align,
	.get_device_features = get_device_features,
	.set_driver_features = set_driver_features,
	.get_driver_features = get_driver_features,
	.set_config_cb = set_config_cb,
	.get_vq_num_max = get_vq_num_max,
	.get_device_id = get_device_id,
	.get_vendor_id = get_vendor_id,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset,
	.get_config_size = get_config_size,
	.get_config = get_config,
	.set_config = set_config,
	.get_generation = get_generation,
	.free = free_device,
};
