// SPDX-License-Identifier: GPL-2.0
/*
 * The capabilities of a virtio-pci function, which say where its registers are.
 * Read from its configuration space alone: no register is touched.
 */
#include <linux/pci.h>
#include <uapi/linux/virtio_pci.h>
#include "virtio_pci.h"

static u32 read32(struct pci_dev *pdev, int pos)
{
	u32 value = ~0;

	pci_read_config_dword(pdev, pos, &value);
	return value;
}

static u8 read8(struct pci_dev *pdev, int pos)
{
	u8 value = ~0;

	pci_read_config_byte(pdev, pos, &value);
	return value;
}

/* Of the structures of virtio; returns false if the list of them has no end. */
static bool read_virtio(struct pci_dev *pdev, struct weft_vpci_layout *l)
{
	int pos, left = (PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF) / PCI_CAP_SIZEOF;
	bool notify = false;

	for (pos = pci_find_capability(pdev, PCI_CAP_ID_VNDR); pos;
	     pos = pci_find_next_capability(pdev, pos, PCI_CAP_ID_VNDR)) {
		struct weft_vpci_structure s = {
			.type = read8(pdev, pos + offsetof(struct virtio_pci_cap, cfg_type)),
			.bar = read8(pdev, pos + offsetof(struct virtio_pci_cap, bar)),
			.offset = read32(pdev, pos + offsetof(struct virtio_pci_cap, offset)),
			.length = read32(pdev, pos + offsetof(struct virtio_pci_cap, length)),
		};

		if (!left--)
			return false;
		switch (s.type) {
		case VIRTIO_PCI_CAP_NOTIFY_CFG:
			if (notify || s.bar >= WEFT_VPCI_BARS || !l->bars[s.bar].length)
				break;
			notify = true;
			l->multiplier = read32(pdev, pos + offsetof(struct virtio_pci_notify_cap,
								    notify_off_multiplier));
			break;
		case VIRTIO_PCI_CAP_COMMON_CFG:
		case VIRTIO_PCI_CAP_ISR_CFG:
		case VIRTIO_PCI_CAP_DEVICE_CFG:
			break;
		case VIRTIO_PCI_CAP_SHARED_MEMORY_CFG:
			s.offset |= (u64)read32(pdev, pos + offsetof(struct virtio_pci_cap64,
								     offset_hi)) << 32;
			s.length |= (u64)read32(pdev, pos + offsetof(struct virtio_pci_cap64,
								     length_hi)) << 32;
			break;
		default:
			/* A window that moves, or something else than a place in a BAR. */
			continue;
		}
		if (!weft_vpci_layout_add(l, &s))
			return false;
	}
	return true;
}

static bool add_msix(struct weft_vpci_layout *l, u16 type, u32 place, u64 length)
{
	struct weft_vpci_structure s = {
		.type = type,
		.bar = place & PCI_MSIX_TABLE_BIR,
		.offset = place & PCI_MSIX_TABLE_OFFSET,
		.length = length,
	};

	return weft_vpci_layout_add(l, &s);
}

static bool read_msix(struct pci_dev *pdev, struct weft_vpci_layout *l)
{
	int n = pci_msix_vec_count(pdev);

	if (n < 1)
		return true;
	/* As many bits are pending as there are vectors, in words of 64. */
	return add_msix(l, WEFT_VPCI_MSIX_TABLE, read32(pdev, pdev->msix_cap + PCI_MSIX_TABLE),
			(u64)n * PCI_MSIX_ENTRY_SIZE) &&
	       add_msix(l, WEFT_VPCI_MSIX_PBA, read32(pdev, pdev->msix_cap + PCI_MSIX_PBA),
			DIV_ROUND_UP(n, 64) * sizeof(u64));
}

/**
 * weft_vpci_caps_read() - where a function says that its registers are
 * @pdev: function
 * @l: filled in
 *
 * Return: 0; -ENODEV, and the log says why, if that cannot be
 */
int weft_vpci_caps_read(struct pci_dev *pdev, struct weft_vpci_layout *l)
{
	char why[WEFT_VPCI_WHY];
	int i;

	*l = (struct weft_vpci_layout) {};
	for (i = 0; i < WEFT_VPCI_BARS; i++) {
		unsigned long flags = pci_resource_flags(pdev, i);

		if (!(flags & (IORESOURCE_MEM | IORESOURCE_IO)))
			continue;
		l->bars[i].start = pci_resource_start(pdev, i);
		l->bars[i].length = pci_resource_len(pdev, i);
		l->bars[i].memory = flags & IORESOURCE_MEM;
	}
	if (!read_virtio(pdev, l) || !read_msix(pdev, l)) {
		dev_err(&pdev->dev, "its list of capabilities has no end: it is broken\n");
		return -ENODEV;
	}
	if (weft_vpci_layout_check(l, why)) {
		dev_err(&pdev->dev, "%s\n", why);
		return -ENODEV;
	}
	return 0;
}
