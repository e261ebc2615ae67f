// SPDX-License-Identifier: GPL-2.0
#include "nic.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>

#include "guest_net.h"
#include "must.h"

#define F(bit)		(1ULL << (bit))
#define HEADER		12
#define FRAME		64
#define PATIENCE	20.0	/* seconds: others may use the machine, too */

#define DRIVER_STATUS	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

void nic_use(struct nic *nic)
{
	mem = nic->mem;
	mem_gpa = nic->at;
}

void nic_place(struct nic *nic)
{
	guest_config_write(nic->slot, 0x14, 4, nic->bar1);
	guest_config_write(nic->slot, 0x20, 4, nic->bar4);
	guest_config_write(nic->slot, 0x24, 4, nic->bar4 >> 32);
	guest_config_write(nic->slot, 0x04, 2, 6);
}

static void set(struct nic *nic, enum nic_field field, unsigned int width, uint32_t val)
{
	guest_write(width, nic->bar4 + field, val);
}

static void set_address(struct nic *nic, enum nic_field field, uint64_t val)
{
	set(nic, field, 4, val);
	set(nic, field + 4, 4, val >> 32);
}

void nic_begin(struct nic *nic)
{
	nic->rings.packed = nic->features & F(VIRTIO_F_RING_PACKED);
	set(nic, NIC_STATUS, 1, 0);
	set(nic, NIC_STATUS, 1, DRIVER_STATUS);
	for (unsigned int i = 0; i < 2; i++) {
		set(nic, NIC_DRIVER_SELECT, 4, i);
		set(nic, NIC_DRIVER_FEATURES, 4, nic->features >> 32 * i);
	}
	set(nic, NIC_STATUS, 1, DRIVER_STATUS | VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int n = 0; n < RINGS; n++) {
		struct ring *r = &nic->rings.ring[n];

		ring_reset(&nic->rings, n, r);
		set(nic, NIC_SELECT, 2, n);
		set(nic, NIC_SIZE, 2, r->size);
		set_address(nic, NIC_DESC, mem_gpa + RING_DESC(n));
		set_address(nic, NIC_DRIVER, mem_gpa + RING_DRIVER(n));
		set_address(nic, NIC_DEVICE, mem_gpa + RING_DEVICE(n));
		set(nic, NIC_ENABLE, 2, 1);
	}
	set(nic, NIC_STATUS, 1, DRIVER_STATUS | VIRTIO_CONFIG_S_FEATURES_OK |
	    VIRTIO_CONFIG_S_DRIVER_OK);
}

void nic_notify(struct nic *nic, unsigned int n)
{
	guest_write(2, nic->bar4 + NIC_NOTIFY + 4 * n, n);
	guest_flush();
}

/* A split ring's first buffer */
static void offer(struct nic *nic, unsigned int n, uint32_t at, uint32_t len, uint16_t flags)
{
	struct vring_avail *avail = (void *)(mem + RING_DRIVER(n));

	*(struct vring_desc *)(mem + RING_DESC(n)) =
		(struct vring_desc){ mem_gpa + at, len, flags, 0 };
	avail->ring[0] = 0;
	__atomic_store_n(&avail->idx, 1, __ATOMIC_RELEASE);
	nic_notify(nic, n);
}

static bool used(unsigned int n)
{
	struct vring_used *u = (void *)(mem + RING_DEVICE(n));

	return __atomic_load_n(&u->idx, __ATOMIC_ACQUIRE) == 1;
}

/* What nothing else sends; the guest's address space has no interrupt to wait for here. */
static const uint8_t sane[FRAME] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0x77, 0x65, 0x66, 0x88, 0xb5,
	't', 'h', 'i', 's', ' ', 'i', 's', ' ', 's', 'a', 'n', 'e',
};

/* Among frames that were sent before, or that are in the rings of others */
static bool comes(struct nic *nic, double until)
{
	struct pollfd p = { .fd = nic->far, .events = POLLIN };
	struct virtio_net_hdr hdr;
	uint8_t frame[2048];

	while (now() < until) {
		ssize_t n = guest_far_receive(nic->far, &hdr, frame, sizeof(frame));

		if (n >= FRAME && !memcmp(frame, sane, FRAME))
			return true;
		if (!n)
			poll(&p, 1, 100);
	}
	return false;
}

const char *nic_passes(struct nic *nic)
{
	const uint32_t out = MEM_BORDER, in = MEM_BORDER + 0x1000;
	uint8_t before[HEADER + FRAME], *got;
	double until = now() + PATIENCE;

	nic_use(nic);
	nic_place(nic);
	memcpy(before, mem + out, sizeof(before));
	memset(mem + out, 0, HEADER);
	memcpy(mem + out + HEADER, sane, FRAME);
	for (unsigned int n = 0; n < RINGS; n++) {
		nic->rings.ring[n].size = 64;
		nic->rings.ring[n].base = 0;
	}
	nic->features = F(VIRTIO_F_VERSION_1);
	nic_begin(nic);
	if (guest_get(1, nic->bar4 + NIC_STATUS) != (DRIVER_STATUS | VIRTIO_CONFIG_S_FEATURES_OK |
						     VIRTIO_CONFIG_S_DRIVER_OK))
		return "a driver cannot begin";
	offer(nic, 1, out, HEADER + FRAME, 0);
	if (!comes(nic, until))
		return "what the guest sends does not come";
	memcpy(mem + out, before, sizeof(before));
	got = mem + in + HEADER;
	memset(got, 0, FRAME);
	offer(nic, 0, in, 2048, VRING_DESC_F_WRITE);
	guest_far_send(nic->far, NULL, sane, FRAME);
	while (!used(0) && now() < until)
		poll(NULL, 0, 1);
	/* Something that was sent to it before may come first. */
	if (!used(0))
		return "the guest receives nothing";
	return NULL;
}
