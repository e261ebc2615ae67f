/* SPDX-License-Identifier: GPL-2.0 */
/* The registers of a virtio-pci function, all of which the fuzzer answers for. */
#ifndef WEFT_FUZZ_LINUX_VIRTIO_PCI_MODERN_H
#define WEFT_FUZZ_LINUX_VIRTIO_PCI_MODERN_H

#include <asm/byteorder.h>
#include <linux/pci.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

/* What the headers of an older libc do not have */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif
#ifndef VIRTIO_F_NOTIF_CONFIG_DATA
#define VIRTIO_F_NOTIF_CONFIG_DATA	39
#endif
#ifndef VIRTIO_F_ADMIN_VQ
#define VIRTIO_F_ADMIN_VQ		41
#endif

struct virtio_pci_modern_device {
	struct pci_dev *pci_dev;
	struct virtio_pci_common_cfg *common;
	void *device;
	void *notify_base;
	size_t device_len;
};

u8 vp_ioread8(const void *at);
u16 vp_ioread16(const void *at);
u32 vp_ioread32(const void *at);
void vp_iowrite16(u16 val, void *at);

u64 vp_modern_get_features(struct virtio_pci_modern_device *vp);
u8 vp_modern_get_status(struct virtio_pci_modern_device *vp);
void vp_modern_set_features(struct virtio_pci_modern_device *vp, u64 features);
void vp_modern_set_status(struct virtio_pci_modern_device *vp, u8 status);
u32 vp_modern_generation(struct virtio_pci_modern_device *vp);
u16 vp_modern_config_vector(struct virtio_pci_modern_device *vp, u16 vector);
u16 vp_modern_queue_vector(struct virtio_pci_modern_device *vp, u16 index, u16 vector);
void vp_modern_queue_address(struct virtio_pci_modern_device *vp, u16 index, u64 desc, u64 driver,
			     u64 device);
void vp_modern_set_queue_enable(struct virtio_pci_modern_device *vp, u16 index, bool enable);
void vp_modern_set_queue_size(struct virtio_pci_modern_device *vp, u16 index, u16 size);
u16 vp_modern_get_queue_size(struct virtio_pci_modern_device *vp, u16 index);
u16 vp_modern_get_num_queues(struct virtio_pci_modern_device *vp);
void *vp_modern_map_vq_notify(struct virtio_pci_modern_device *vp, u16 index,
			      resource_size_t *pa);

#endif
