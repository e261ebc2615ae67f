// SPDX-License-Identifier: GPL-2.0
/* The device, as the vDPA bus and its drivers see it. */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/virtio_ring.h>
#include <uapi/linux/vhost_types.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <weft/softpci.h>
#include "dev.h"
#include "features.h"

#define F(bit)	BIT_ULL(bit)

#define OFFLOADS	(F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4) | \
			 F(VIRTIO_NET_F_GUEST_TSO6) | F(VIRTIO_NET_F_GUEST_ECN))

/**
 * weft_vdpa_features() - what devices can do
 *
 * GUEST_ANNOUNCE is not among them: it is the VMM who knows that a guest has
 * moved, and tells the driver so. QEMU cannot shadow, nor move, what offers it.
 *
 * Return: features, of virtio and of its network devices
 */
u64 weft_vdpa_features(void)
{
	return WEFT_FEATURES_REQUIRED | OFFLOADS |
	       F(VIRTIO_F_RING_PACKED) | F(VIRTIO_F_IN_ORDER) |
	       F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_RING_F_EVENT_IDX) |
	       F(VIRTIO_NET_F_CSUM) | F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_HOST_TSO6) |
	       F(VIRTIO_NET_F_HOST_ECN) | F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_NET_F_MAC) |
	       F(VIRTIO_NET_F_MTU) | F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_SPEED_DUPLEX) |
	       F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX) |
	       F(VIRTIO_NET_F_CTRL_RX_EXTRA) | F(VIRTIO_NET_F_CTRL_VLAN) |
	       F(VIRTIO_NET_F_CTRL_MAC_ADDR) | F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
}

static struct weft_vdpa_vq *vq_of(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	/* The bus checks numbers, and speculation does not. */
	return &dev->vqs[array_index_nospec(index, dev->nvqs)];
}

/* With config_lock: neither of the drivers' callbacks sleeps. */
static void config_changed_locked(struct weft_vdpa *dev)
{
	lockdep_assert_held(&dev->config_lock);
	dev->generation++;
	if (dev->config_cb.callback)
		dev->config_cb.callback(dev->config_cb.private);
}

/**
 * weft_vdpa_config_changed() - tells the driver to look at status and configuration
 * @dev: device
 *
 * Process context.
 */
void weft_vdpa_config_changed(struct weft_vdpa *dev)
{
	spin_lock_bh(&dev->config_lock);
	config_changed_locked(dev);
	spin_unlock_bh(&dev->config_lock);
}

/**
 * weft_vdpa_link() - tells the driver whether there is a link
 * @dev: device
 * @up: whether there is
 *
 * Process context.
 */
void weft_vdpa_link(struct weft_vdpa *dev, bool up)
{
	__le16 bit = cpu_to_le16(VIRTIO_NET_S_LINK_UP);

	spin_lock_bh(&dev->config_lock);
	if (up)
		dev->config.status |= (__force __virtio16)bit;
	else
		dev->config.status &= (__force __virtio16)~bit;
	config_changed_locked(dev);
	spin_unlock_bh(&dev->config_lock);
}

/**
 * weft_vdpa_set_mac() - gives the device another address
 * @dev: device
 * @mac: address
 */
void weft_vdpa_set_mac(struct weft_vdpa *dev, const u8 *mac)
{
	spin_lock_bh(&dev->config_lock);
	ether_addr_copy(dev->mac, mac);
	ether_addr_copy(dev->config.mac, mac);
	config_changed_locked(dev);
	spin_unlock_bh(&dev->config_lock);
}

/* Queues */

static int set_vq_address(struct vdpa_device *vdpa, u16 index, u64 desc, u64 driver, u64 device)
{
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);
	int ret = 0;

	mutex_lock(&vq->lock);
	if (vq->running) {
		ret = -EBUSY;
	} else {
		vq->addr[WEFT_AREA_DESC] = desc;
		vq->addr[WEFT_AREA_DRIVER] = driver;
		vq->addr[WEFT_AREA_DEVICE] = device;
	}
	mutex_unlock(&vq->lock);
	return ret;
}

/* It cannot be refused here: a size that is none is found when the queue starts. */
static void set_vq_num(struct vdpa_device *vdpa, u16 index, u32 num)
{
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);

	mutex_lock(&vq->lock);
	if (!vq->running)
		vq->num = num <= WEFT_VDPA_RING_MAX ? num : 0;
	mutex_unlock(&vq->lock);
}

/* In a wake-up, with interrupts off. */
static void kick_vq(struct vdpa_device *vdpa, u16 index)
{
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);

	atomic64_inc(&vq->stats.kicks);
	weft_vdpa_vq_queue(vq);
}

static void set_vq_cb(struct vdpa_device *vdpa, u16 index, struct vdpa_callback *cb)
{
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);

	mutex_lock(&vq->lock);
	vq->cb = *cb;
	mutex_unlock(&vq->lock);
}

static void set_vq_ready(struct vdpa_device *vdpa, u16 index, bool ready)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);

	mutex_lock(&dev->lock);
	if (ready && !vq->ready)
		vq->ring.fault = WEFT_RING_OK;
	vq->ready = ready;
	weft_vdpa_update(dev);
	mutex_unlock(&dev->lock);
}

static bool get_vq_ready(struct vdpa_device *vdpa, u16 index)
{
	return vq_of(vdpa, index)->ready;
}

static int set_vq_state(struct vdpa_device *vdpa, u16 index, const struct vdpa_vq_state *state)
{
	const struct vdpa_vq_state_packed *p = &state->packed;
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);
	int ret = 0;

	mutex_lock(&vq->lock);
	if (vq->running) {
		ret = -EBUSY;
	} else {
		vq->state = weft_vdpa_has(vq->dev, VIRTIO_F_RING_PACKED) ?
			    p->last_avail_idx | p->last_avail_counter << 15 |
			    p->last_used_idx << 16 | (u32)p->last_used_counter << 31 :
			    state->split.avail_index;
		vq->state_set = true;
	}
	mutex_unlock(&vq->lock);
	return ret;
}

static int get_vq_state(struct vdpa_device *vdpa, u16 index, struct vdpa_vq_state *state)
{
	struct weft_vdpa_vq *vq = vq_of(vdpa, index);
	bool packed = weft_vdpa_has(vq->dev, VIRTIO_F_RING_PACKED);
	u32 s;

	mutex_lock(&vq->lock);
	s = weft_vdpa_vq_state(vq);
	mutex_unlock(&vq->lock);
	memset(state, 0, sizeof(*state));
	if (packed) {
		state->packed.last_avail_idx = s & 0x7fff;
		state->packed.last_avail_counter = s >> 15 & 1;
		state->packed.last_used_idx = s >> 16 & 0x7fff;
		state->packed.last_used_counter = s >> 31;
	} else {
		state->split.avail_index = s;
	}
	return 0;
}

#ifdef WEFT_HAVE_VDPA_GET_VQ_SIZE
static u16 get_vq_size(struct vdpa_device *vdpa, u16 index)
{
	return vq_of(vdpa, index)->num;
}
#endif

static u32 get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u32 get_vq_group(struct vdpa_device *vdpa, u16 index)
{
	return weft_vdpa_is_ctrl(vq_of(vdpa, index)) ? WEFT_GROUP_CTRL : WEFT_GROUP_DATA;
}

static u16 get_vq_num_max(struct vdpa_device *vdpa)
{
	return WEFT_VDPA_RING_MAX;
}

/* Features and status */

static u64 get_device_features(struct vdpa_device *vdpa)
{
	return to_weft_vdpa(vdpa)->offered;
}

#ifdef WEFT_HAVE_VDPA_BACKEND_FEATURES
static u64 get_backend_features(const struct vdpa_device *vdpa)
{
	return BIT_ULL(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}
#endif

static int set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	int ret = 0;

	mutex_lock(&dev->lock);
	if (dev->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		ret = -EBUSY;
	} else if (features & ~dev->offered || ~features & WEFT_FEATURES_REQUIRED) {
		ret = -EINVAL;
	} else {
		dev->features = features;
		dev->offloads = features & OFFLOADS;
		weft_vdpa_ctrl_reset(dev);
	}
	mutex_unlock(&dev->lock);
	return ret;
}

static u64 get_driver_features(struct vdpa_device *vdpa)
{
	return to_weft_vdpa(vdpa)->features;
}

static void set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	spin_lock_bh(&dev->config_lock);
	dev->config_cb = *cb;
	spin_unlock_bh(&dev->config_lock);
}

static u32 get_device_id(struct vdpa_device *vdpa)
{
	return VIRTIO_ID_NET;
}

static u32 get_vendor_id(struct vdpa_device *vdpa)
{
	return WEFT_SOFTPCI_VENDOR;
}

static u8 get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_weft_vdpa(vdpa)->status);
}

static void set_status(struct vdpa_device *vdpa, u8 status)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	mutex_lock(&dev->lock);
	/* virtio 1.3 §3.1.1: the driver looks again whether the bit stays. */
	if (~dev->features & WEFT_FEATURES_REQUIRED)
		status &= ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK && weft_vdpa_map_identity(dev))
		status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	/* virtio 1.3 §2.1: that bit is ours, until there is a reset. */
	WRITE_ONCE(dev->status, status | (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET));
	weft_vdpa_update(dev);
	mutex_unlock(&dev->lock);
}

/**
 * weft_vdpa_needs_reset() - has a device fail, of which a reset is the only way out
 * @dev: device
 *
 * Return: 0; -ENOTCONN if no driver drives it
 */
int weft_vdpa_needs_reset(struct weft_vdpa *dev)
{
	guard(mutex)(&dev->lock);
	if (!(dev->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return -ENOTCONN;
	WRITE_ONCE(dev->status, dev->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	weft_vdpa_update(dev);
	weft_vdpa_config_changed(dev);
	return 0;
}

/* The device is locked. */
static void reset(struct weft_vdpa *dev, bool maps)
{
	int i;

	lockdep_assert_held(&dev->lock);
	/* Nothing comes from the host any more, before what has come is dropped. */
	WRITE_ONCE(dev->status, 0);
	dev->suspended = false;
	weft_vdpa_update(dev);
	weft_vdpa_stop_workers(dev);
	weft_fault_reset(dev);
	for (i = 0; i < dev->nvqs; i++) {
		mutex_lock(&dev->vqs[i].lock);
		weft_vdpa_vq_reset(&dev->vqs[i]);
		mutex_unlock(&dev->vqs[i].lock);
	}
	weft_vdpa_unmap(dev, maps);
	dev->features = 0;
	dev->offloads = 0;
	dev->active = 1;
	spin_lock_bh(&dev->config_lock);
	dev->config_cb = (struct vdpa_callback) {};
	ether_addr_copy(dev->config.mac, dev->mac);
	spin_unlock_bh(&dev->config_lock);
	weft_vdpa_ctrl_reset(dev);
}

static int reset_device(struct vdpa_device *vdpa)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	mutex_lock(&dev->lock);
	reset(dev, WEFT_VDPA_RESET_ENDS_MAPS);
	mutex_unlock(&dev->lock);
	return 0;
}

#ifdef WEFT_HAVE_VDPA_COMPAT_RESET
static int compat_reset(struct vdpa_device *vdpa, u32 flags)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	mutex_lock(&dev->lock);
	reset(dev, flags & VDPA_RESET_F_CLEAN_MAP);
	mutex_unlock(&dev->lock);
	return 0;
}
#endif

/**
 * weft_vdpa_stop() - ends all that a device does
 * @dev: device, that no driver is bound to any more
 */
void weft_vdpa_stop(struct weft_vdpa *dev)
{
	mutex_lock(&dev->lock);
	reset(dev, true);
	mutex_unlock(&dev->lock);
}

static int set_suspended(struct vdpa_device *vdpa, bool suspended)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	mutex_lock(&dev->lock);
	dev->suspended = suspended;
	weft_vdpa_update(dev);
	mutex_unlock(&dev->lock);
	return 0;
}

static int suspend(struct vdpa_device *vdpa)
{
	return set_suspended(vdpa, true);
}

#ifdef WEFT_HAVE_VDPA_RESUME
static int resume(struct vdpa_device *vdpa)
{
	return set_suspended(vdpa, false);
}
#endif

/* Configuration */

static size_t get_config_size(struct vdpa_device *vdpa)
{
	return sizeof(struct virtio_net_config);
}

static void get_config(struct vdpa_device *vdpa, unsigned int offset, void *buf,
		       unsigned int len)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	memset(buf, 0, len);
	if (offset >= sizeof(dev->config))
		return;
	len = min_t(size_t, len, sizeof(dev->config) - offset);
	spin_lock_bh(&dev->config_lock);
	memcpy(buf, (u8 *)&dev->config + offset, len);
	spin_unlock_bh(&dev->config_lock);
}

/* virtio 1.3 §5.1.4: a driver with VERSION_1 has nothing to write there. */
static void set_config(struct vdpa_device *vdpa, unsigned int offset, const void *buf,
		       unsigned int len)
{
}

static u32 get_generation(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_weft_vdpa(vdpa)->generation);
}

static void free_device(struct vdpa_device *vdpa)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	int i;

	for (i = 0; i < WEFT_GROUPS; i++)
		weft_space_free(dev->spaces[i]);
	for (i = 0; dev->vqs && i < dev->nvqs; i++)
		weft_vdpa_vq_exit(&dev->vqs[i]);
	kvfree(dev->vqs);
	kfree(rcu_access_pointer(dev->filter));
}

const struct vdpa_config_ops weft_vdpa_ops = {
	.set_vq_address = set_vq_address,
	.set_vq_num = set_vq_num,
	.kick_vq = kick_vq,
	.set_vq_cb = set_vq_cb,
	.set_vq_ready = set_vq_ready,
	.get_vq_ready = get_vq_ready,
	.set_vq_state = set_vq_state,
	.get_vq_state = get_vq_state,
	.get_vendor_vq_stats = weft_vdpa_vstats,
#ifdef WEFT_HAVE_VDPA_GET_VQ_SIZE
	.get_vq_size = get_vq_size,
#endif
	.get_vq_align = get_vq_align,
	.get_vq_group = get_vq_group,
	.get_device_features = get_device_features,
#ifdef WEFT_HAVE_VDPA_BACKEND_FEATURES
	.get_backend_features = get_backend_features,
#endif
	.set_driver_features = set_driver_features,
	.get_driver_features = get_driver_features,
	.set_config_cb = set_config_cb,
	.get_vq_num_max = get_vq_num_max,
	.get_device_id = get_device_id,
	.get_vendor_id = get_vendor_id,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset_device,
#ifdef WEFT_HAVE_VDPA_COMPAT_RESET
	.compat_reset = compat_reset,
#endif
	.suspend = suspend,
#ifdef WEFT_HAVE_VDPA_RESUME
	.resume = resume,
#endif
	.get_config_size = get_config_size,
	.get_config = get_config,
	.set_config = set_config,
	.get_generation = get_generation,
	.set_map = weft_vdpa_set_map,
#ifdef WEFT_HAVE_VDPA_RESET_MAP
	.reset_map = weft_vdpa_reset_map,
#endif
#ifdef WEFT_HAVE_VDPA_BIND_MM
	.bind_mm = weft_vdpa_bind_mm,
	.unbind_mm = weft_vdpa_unbind_mm,
#endif
	.set_group_asid = weft_vdpa_set_group_asid,
	.free = free_device,
};
