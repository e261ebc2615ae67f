/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's library of virtio-pci functions offers, of a function that
 * answers what the input says. It looks at what the room asks of it.
 */
#ifndef WEFT_FUZZ_HW_FUNCTION_H
#define WEFT_FUZZ_HW_FUNCTION_H

#include <linux/vhost_types.h>
#include "../../vdpa/virtio_pci.h"
#include "input.h"

#define QUEUES	80	/* that it may say it has */
#define MOST	34	/* that the driver sees */
#define B(f)	(1ull << (f))

struct fuzz {
	struct input in;
	struct weft_vpci dev;
	struct weft_vpci_vq vqs[MOST + 1];	/* one is behind the last, which nobody looks at */
	struct virtio_pci_modern_device vp;
	struct virtio_pci_common_cfg common;
	struct pci_dev pdev;
	struct weft_vpci_layout layout;
	u64 features;
	u64 took;	/* of those, as it was told */
	bool honest;
	u16 selected;
	u16 off[QUEUES];	/* of doorbells */
	u16 nqueues;
	u32 length;
	int mapped;
	bool restless;
	u32 generations;
	u32 reads;
	u16 vector;
	bool started;
	u32 told;
	bool enabled[MOST];
	u16 doorbell;
	u8 said;	/* the status, the last time */
	u16 told_queues;	/* how many there are, the first time */
	u16 config_vector;
	bool taking;
	bool moved;	/* since the driver takes features, a queue's register */
	bool lacks;	/* what a queue has to have */
};

static struct fuzz fuzz;

static bool of_device(const void *at, u32 n)
{
	u64 off = (const u8 *)at - (const u8 *)fuzz.vp.device;

	if (off >= fuzz.vp.device_len)
		return false;
	CHECK(off % n == 0 && off + n <= fuzz.vp.device_len, "%u bytes at %llu", n,
	      (unsigned long long)off);
	fuzz.reads++;
	return true;
}

u8 vp_ioread8(const void *at)
{
	CHECK(of_device(at, 1));
	return *(const u8 *)at ^ input_u8(&fuzz.in);
}

static u16 notify_off(void)
{
	u16 i = fuzz.selected, off = fuzz.honest ? fuzz.off[i % QUEUES] : input_u16(&fuzz.in);

	if (i >= fuzz.dev.nvqs)
		return off;
	if (fuzz.taking) {
		CHECK(fuzz.vqs[i].max, "queue %u is not there", i);
		fuzz.moved |= off != fuzz.vqs[i].notify_off;
	}
	fuzz.lacks |= (u64)off * fuzz.layout.multiplier + 2 > fuzz.length;
	return off;
}

u16 vp_ioread16(const void *at)
{
	if (at == &fuzz.common.queue_notify_off)
		return notify_off();
	CHECK(of_device(at, 2));
	return *(const u16 *)at ^ input_u16(&fuzz.in);
}

u32 vp_ioread32(const void *at)
{
	CHECK(of_device(at, 4));
	return *(const u32 *)at ^ input_u32(&fuzz.in);
}

void vp_iowrite16(u16 val, void *at)
{
	if (at == &fuzz.common.queue_select) {
		fuzz.selected = val;
		return;
	}
	CHECK(at == &fuzz.doorbell && val < fuzz.dev.nvqs && fuzz.started && fuzz.enabled[val],
	      "queue %u is kicked", val);
}

/* The driver is told that the configuration changed. */
void weft_vpci_irq_config(struct weft_vpci *dev)
{
	CHECK(dev->failed && dev->status & VIRTIO_CONFIG_S_DRIVER_OK);
	fuzz.told++;
}

void pci_iounmap(struct pci_dev *pdev, void *p)
{
	CHECK(p == &fuzz.doorbell && fuzz.mapped-- > 0);
}

u64 vp_modern_get_features(struct virtio_pci_modern_device *vp)
{
	return fuzz.features;
}

u8 vp_modern_get_status(struct virtio_pci_modern_device *vp)
{
	fuzz.said = input_u8(&fuzz.in);
	return fuzz.said;
}

void vp_modern_set_features(struct virtio_pci_modern_device *vp, u64 features)
{
	fuzz.took = features;
}

void vp_modern_set_status(struct virtio_pci_modern_device *vp, u8 status)
{
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	CHECK(fuzz.config_vector == 0, "no interrupt for changes, and started");
	fuzz.started = true;
}

u32 vp_modern_generation(struct virtio_pci_modern_device *vp)
{
	CHECK(++fuzz.generations <= 2 * 64, "read for ever");
	return fuzz.restless ? fuzz.generations : input_u8(&fuzz.in);
}

u16 vp_modern_config_vector(struct virtio_pci_modern_device *vp, u16 vector)
{
	fuzz.config_vector = input_u8(&fuzz.in) & 3 ? vector : 0xffff;
	return fuzz.config_vector;
}

u16 vp_modern_queue_vector(struct virtio_pci_modern_device *vp, u16 index, u16 vector)
{
	fuzz.vector = input_u8(&fuzz.in) & 3 ? vector : 0xffff;
	return fuzz.vector;
}

void vp_modern_queue_address(struct virtio_pci_modern_device *vp, u16 index, u64 desc, u64 driver,
			     u64 device)
{
	CHECK(index < fuzz.dev.nvqs);
	CHECK(!(fuzz.dev.features & B(VIRTIO_F_RING_PACKED)) || !(driver & 3));
}

void vp_modern_set_queue_enable(struct virtio_pci_modern_device *vp, u16 index, bool enable)
{
	CHECK(index < fuzz.dev.nvqs && enable);
	CHECK(fuzz.vector == fuzz.vqs[index].vector, "no interrupt, and enabled");
	fuzz.enabled[index] = true;
}

void vp_modern_set_queue_size(struct virtio_pci_modern_device *vp, u16 index, u16 size)
{
	CHECK(size && size <= fuzz.vqs[index].max, "%u", size);
	CHECK(size == (fuzz.vqs[index].num ?: fuzz.vqs[index].max), "%u", size);
}

u16 vp_modern_get_queue_size(struct virtio_pci_modern_device *vp, u16 index)
{
	u16 size = input_u8(&fuzz.in) & 7 ? 256 : input_u16(&fuzz.in);

	CHECK(index < fuzz.dev.nvqs, "queue %u", index);
	fuzz.lacks |= !size;
	return size;
}

/* It may say another number the next time. */
u16 vp_modern_get_num_queues(struct virtio_pci_modern_device *vp)
{
	if (!fuzz.told_queues) {
		fuzz.told_queues = fuzz.nqueues;
		fuzz.lacks |= fuzz.nqueues < fuzz.dev.nvqs;
	} else if (!fuzz.honest) {
		fuzz.nqueues = input_u8(&fuzz.in) % QUEUES;
	}
	return fuzz.nqueues;
}

void *vp_modern_map_vq_notify(struct virtio_pci_modern_device *vp, u16 index, resource_size_t *pa)
{
	bool lacked = fuzz.lacks;
	u64 off;

	vp_iowrite16(index, &fuzz.common.queue_select);
	off = (u64)vp_ioread16(&fuzz.common.queue_notify_off) * fuzz.layout.multiplier;
	/*
	 * The library forgets what is beyond 32 bits here, which is in the structure
	 * then: that it was told another number than the driver is not seen.
	 */
	if (!vp->notify_base)
		off = (u32)off;
	fuzz.lacks = lacked || off + 2 > fuzz.length;
	if (off + 2 > fuzz.length)
		return NULL;
	CHECK(!pa);
	fuzz.mapped += !vp->notify_base;
	return &fuzz.doorbell;
}

#endif /* WEFT_FUZZ_HW_FUNCTION_H */
