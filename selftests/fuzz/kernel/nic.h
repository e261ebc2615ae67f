/* SPDX-License-Identifier: GPL-2.0 */
/* A virtio-net function of QEMU's, as its guest's driver has it. */
#ifndef WEFT_FUZZ_NIC_H
#define WEFT_FUZZ_NIC_H

#include "qemu.h"
#include "ring.h"

/* Of the common configuration (virtio 1.2, 4.1.4.3) */
enum nic_field {
	NIC_DEVICE_SELECT = 0, NIC_DEVICE_FEATURES = 4, NIC_DRIVER_SELECT = 8,
	NIC_DRIVER_FEATURES = 12, NIC_CONFIG_VECTOR = 16, NIC_STATUS = 20, NIC_GENERATION = 21,
	NIC_SELECT = 22, NIC_SIZE = 24, NIC_VECTOR = 26, NIC_ENABLE = 28, NIC_NOTIFY_OFF = 30,
	NIC_DESC = 32, NIC_DRIVER = 40, NIC_DEVICE = 48, NIC_NOTIFY_DATA = 56, NIC_RESET = 58,
	NIC_FIELDS = 60,
};

/* Where QEMU has what in BAR 4 */
#define NIC_ISR		0x1000
#define NIC_CONFIG	0x2000
#define NIC_NOTIFY	0x3000
#define NIC_BAR_SIZE	0x4000

/**
 * struct nic - one of them
 * @slot: of PCI's
 * @bar1: where its MSI-X table is
 * @bar4: where all else is
 * @at: where the guest's memory for it begins
 * @mem: the same, here
 * @features: that it has been given
 * @rings: receiving, sending, commands
 * @far: where its frames come out, and others go in
 */
struct nic {
	unsigned int slot;
	uint64_t bar1, bar4, at;
	uint8_t *mem;
	uint64_t features;
	struct rings rings;
	int far;
};

/* ring.h's memory is this one's from now on. */
void nic_use(struct nic *nic);
void nic_place(struct nic *nic);		/* its BARs */
void nic_begin(struct nic *nic);		/* anew, with the features and rings it has */
void nic_notify(struct nic *nic, unsigned int n);
/* A frame each way, on rings as they should be; NULL, or what is wrong */
const char *nic_passes(struct nic *nic);

#endif
