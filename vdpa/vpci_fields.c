// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration of a network device, virtio 1.3 §5.1.4: the fields that its
 * features bring, in accesses that are as wide as each is, §4.1.3.1.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include "virtio_pci.h"

#define F(bit)	BIT_ULL(bit)

#define READS	64

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

/* Whether a field is there: of those that its driver is shown, and the BAR has. */
static bool has_field(const struct virtio_pci_modern_device *vp, int i, u64 features)
{
	return (!fields[i].features || fields[i].features & features) &&
	       fields[i].at + fields[i].size <= vp->device_len;
}

/**
 * weft_vpci_fields_size() - how much of the configuration means something
 * @vp: function, which may map a page for a few bytes of it
 * @features: that a driver is offered
 *
 * Return: bytes
 */
size_t weft_vpci_fields_size(struct virtio_pci_modern_device *vp, u64 features)
{
	size_t size = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (has_field(vp, i, features))
			size = fields[i].at + fields[i].size;
	return size;
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
 * weft_vpci_fields_read() - reads the configuration
 * @vp: function; locked, once there is a device
 * @features: that a driver is offered
 * @to: where to; zero where there is nothing with these
 */
void weft_vpci_fields_read(struct virtio_pci_modern_device *vp, u64 features,
			   struct virtio_net_config *to)
{
	int i, tries = READS;
	u32 before;

	memset(to, 0, sizeof(*to));
	/* §2.5.1: as it changed meanwhile, again; not for ever for one that is broken. */
	do {
		before = vp_modern_generation(vp);
		for (i = 0; i < ARRAY_SIZE(fields); i++)
			if (has_field(vp, i, features))
				read_field(vp, (u8 *)to + fields[i].at, fields[i].at,
					   fields[i].size);
	} while (before != vp_modern_generation(vp) && --tries);
}
