/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio-pci network function as a vDPA device: the rings are served by the
 * hardware, and what is here sets them up, and says what cannot be.
 *
 * Locks: &weft_vpci.lock is of the registers, most of which are selected before
 * they are read or written, and of all that the bus sets. The interrupts take
 * &weft_vpci_vq.cb_lock or &weft_vpci.cb_lock alone. Those two may be taken in
 * the first. A kick takes none, as it comes with interrupts off.
 */
#ifndef WEFT_VDPA_VIRTIO_PCI_H
#define WEFT_VDPA_VIRTIO_PCI_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>
#include <linux/virtio_pci_modern.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_net.h>
#include "vpci_layout.h"

struct weft_vpci;

/**
 * struct weft_vpci_vq - a queue
 * @most: descriptors that the device takes at most, with all features
 * @max: with those that the driver took: without MQ, the control queue is a queue
 *	that serves frames else; 0 if there is no such queue then
 * @num: that the driver has, or 0 if it has not said so
 * @areas: addresses of descriptors, driver area, device area
 * @ready: set by the driver; told to the device once it has DRIVER_OK
 * @live: the device serves it, and may be kicked; read without a lock
 * @mapped: @notify is a mapping of its own
 * @notify: the register by which it is kicked
 * @notify_off: the number by which the device says where that is
 * @doorbell: page with that register and no other queue's, or 0; does not change
 * @vector: of MSI-X
 * @cb_lock: of @cb
 * @cb: how the driver is called
 */
struct weft_vpci_vq {
	u16 most;
	u16 max;
	u32 num;
	u64 areas[3];
	bool ready;
	bool live;
	bool mapped;
	void __iomem *notify;
	u16 notify_off;
	resource_size_t doorbell;
	u16 vector;
	spinlock_t cb_lock;	/* see above */
	struct vdpa_callback cb;
};

/**
 * struct weft_vpci_vector - an interrupt
 * @dev: its device
 * @config: it tells of the configuration
 * @first: of the queues that it tells of
 * @end: one behind the last of them
 * @name: for /proc/interrupts
 */
struct weft_vpci_vector {
	struct weft_vpci *dev;
	bool config;
	u16 first;
	u16 end;
	char name[48];
};

/**
 * struct weft_vpci - a device
 * @vdpa: for the bus; freed by it
 * @pdev: the function
 * @vp: its registers; lock
 * @layout: where they are
 * @lock: see above
 * @offered: features
 * @features: that the driver took
 * @status: of the driver, as it was told to the device
 * @failed: it does not go on like this, and the driver has to begin anew
 * @stuck: it did not reset, and its bus mastering is off
 * @gone: it does not answer any more
 * @told: that its rings cannot be asked where they are
 * @config_size: bytes of configuration that mean something
 * @cb_lock: of @config_cb
 * @config_cb: how the driver is told of a change of the configuration
 * @vectors: of MSI-X
 * @nvectors: how many
 * @vqs: queues
 * @nvqs: how many the driver sees
 */
struct weft_vpci {
	struct vdpa_device vdpa;
	struct pci_dev *pdev;
	struct virtio_pci_modern_device *vp;
	const struct weft_vpci_layout *layout;
	struct mutex lock;	/* see above */
	u64 offered;
	u64 features;
	u8 status;
	bool failed;
	bool stuck;
	bool gone;
	bool told;
	size_t config_size;
	spinlock_t cb_lock;	/* see above */
	struct vdpa_callback config_cb;
	struct weft_vpci_vector *vectors;
	u16 nvectors;
	struct weft_vpci_vq *vqs;
	u16 nvqs;
};

/**
 * struct weft_vpci_mgmt - a function that devices are made of
 * @mdev: for the bus
 * @vp: registers
 * @layout: where they are
 * @id_table: kinds of devices
 * @dev: the one that there is, or NULL
 */
struct weft_vpci_mgmt {
	struct vdpa_mgmt_dev mdev;
	struct virtio_pci_modern_device vp;
	struct weft_vpci_layout layout;
	struct virtio_device_id id_table[2];
	struct weft_vpci *dev;
};

static inline struct weft_vpci *to_weft_vpci(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct weft_vpci, vdpa);
}

/* vpci_dev.c: the device as the bus sees it */
extern const struct vdpa_config_ops weft_vpci_ops;

/* vpci_hw.c: registers */
u64 weft_vpci_hw_features(struct virtio_pci_modern_device *vp);
void weft_vpci_hw_fail(struct weft_vpci *dev);
int weft_vpci_hw_reset(struct weft_vpci *dev);
u8 weft_vpci_hw_status(struct weft_vpci *dev);
bool weft_vpci_hw_take(struct weft_vpci *dev, u8 status);
int weft_vpci_hw_enable(struct weft_vpci *dev, u16 index);
void weft_vpci_hw_live(struct weft_vpci *dev, u16 index);
int weft_vpci_hw_start(struct weft_vpci *dev);
int weft_vpci_hw_init(struct weft_vpci *dev);
void weft_vpci_hw_exit(struct weft_vpci *dev);

/* vpci_fields.c: configuration */
size_t weft_vpci_fields_size(struct virtio_pci_modern_device *vp, u64 features);
void weft_vpci_fields_read(struct virtio_pci_modern_device *vp, u64 features,
			   struct virtio_net_config *to);

/* vpci_caps.c: where registers are */
int weft_vpci_caps_read(struct pci_dev *pdev, struct weft_vpci_layout *l);

/* vpci_irq.c: interrupts */
int weft_vpci_irq_init(struct weft_vpci *dev);
void weft_vpci_irq_exit(struct weft_vpci *dev);
void weft_vpci_irq_config(struct weft_vpci *dev);
int weft_vpci_irq_of(struct weft_vpci *dev, const struct weft_vpci_vq *vq);

/* vpci_mgmt.c: what "vdpa dev add" asks for */
int weft_vpci_mgmt_add(struct weft_vpci_mgmt *m);

#endif /* WEFT_VDPA_VIRTIO_PCI_H */
