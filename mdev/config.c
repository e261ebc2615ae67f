// SPDX-License-Identifier: GPL-2.0-only
/*
 * config - the PCI config space of an instance
 *
 * Every byte has a mask of the bits that a write may change; whatever the mask
 * leaves out is read-only by construction. Sizing a BAR (PCI 3.0 §6.2.5.1)
 * needs no code of its own: the address bits below the size are not writable.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/pci_regs.h>

#include "config.h"

static void put_le16(u8 *p, u16 val)
{
	p[0] = val;
	p[1] = val >> 8;
}

static void put_le32(u8 *p, u32 val)
{
	put_le16(p, val);
	put_le16(p + 2, val >> 16);
}

static void set16(struct weft_config *config, unsigned int reg, u16 val,
		  u16 wmask)
{
	put_le16(config->data + reg, val);
	put_le16(config->wmask + reg, wmask);
}

static void set32(struct weft_config *config, unsigned int reg, u32 val,
		  u32 wmask)
{
	put_le32(config->data + reg, val);
	put_le32(config->wmask + reg, wmask);
}

static void init_bars(struct weft_config *config)
{
	u64 mask = ~(config->vram_bytes - 1);
	u32 type = PCI_BASE_ADDRESS_MEM_PREFETCH;

	if (config->vram_bytes > WEFT_CONFIG_BAR32_MAX) {
		type |= PCI_BASE_ADDRESS_MEM_TYPE_64;
		set32(config, PCI_BASE_ADDRESS_1, 0, mask >> 32);
	}
	set32(config, PCI_BASE_ADDRESS_0, type, (u32)mask);
	/* BAR 2: 4 KiB of registers */
	set32(config, PCI_BASE_ADDRESS_2, 0, ~(u32)0xfff);
}

static void init_msi(struct weft_config *config)
{
	u8 *cap = config->data + WEFT_CONFIG_MSI;

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSI;
	cap[PCI_CAP_LIST_NEXT] = WEFT_CONFIG_MSIX;
	/* one vector, 64-bit address */
	set16(config, WEFT_CONFIG_MSI + PCI_MSI_FLAGS, PCI_MSI_FLAGS_64BIT,
	      PCI_MSI_FLAGS_ENABLE);
	set32(config, WEFT_CONFIG_MSI + PCI_MSI_ADDRESS_LO, 0, ~(u32)3);
	set32(config, WEFT_CONFIG_MSI + PCI_MSI_ADDRESS_HI, 0, ~(u32)0);
	set16(config, WEFT_CONFIG_MSI + PCI_MSI_DATA_64, 0, 0xffff);
}

static void init_msix(struct weft_config *config)
{
	u8 *cap = config->data + WEFT_CONFIG_MSIX;

	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSIX;
	cap[PCI_CAP_LIST_NEXT] = 0;
	set16(config, WEFT_CONFIG_MSIX + PCI_MSIX_FLAGS,
	      WEFT_CONFIG_VECTORS - 1,
	      PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set32(config, WEFT_CONFIG_MSIX + PCI_MSIX_TABLE,
	      WEFT_CONFIG_MSIX_TABLE | 2, 0);
	set32(config, WEFT_CONFIG_MSIX + PCI_MSIX_PBA,
	      WEFT_CONFIG_MSIX_PBA | 2, 0);
}

/**
 * weft_config_reset - back to the state after power-on
 * @config: initialised
 */
void weft_config_reset(struct weft_config *config)
{
	memset(config->data, 0, sizeof(config->data));
	memset(config->wmask, 0, sizeof(config->wmask));

	set16(config, PCI_VENDOR_ID, WEFT_CONFIG_VENDOR, 0);
	set16(config, PCI_DEVICE_ID, WEFT_CONFIG_DEVICE, 0);
	/* no I/O BAR, so no I/O decoding; no INTx, yet its disable bit is RW */
	set16(config, PCI_COMMAND, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	      PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	set16(config, PCI_STATUS, PCI_STATUS_CAP_LIST, 0);
	config->data[PCI_REVISION_ID] = WEFT_CONFIG_REVISION;
	/* display controller, other: 03 80 00 */
	set16(config, PCI_CLASS_DEVICE, 0x0380, 0);
	config->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	config->wmask[PCI_INTERRUPT_LINE] = 0xff;
	/* the subsystem ids QEMU gives its devices; bochs-drm matches on them */
	set16(config, PCI_SUBSYSTEM_VENDOR_ID, 0x1af4, 0);
	set16(config, PCI_SUBSYSTEM_ID, 0x1100, 0);
	config->data[PCI_CAPABILITY_LIST] = WEFT_CONFIG_MSI;

	init_bars(config);
	init_msi(config);
	init_msix(config);
}

/**
 * weft_config_init - config space of an instance
 * @config: filled in
 * @vram_bytes: size of BAR 0, a power of two of at least 4 KiB
 */
void weft_config_init(struct weft_config *config, u64 vram_bytes)
{
	config->vram_bytes = vram_bytes;
	weft_config_reset(config);
}

static bool out_of_range(u64 offset, size_t len)
{
	return offset > WEFT_CONFIG_SIZE || len > WEFT_CONFIG_SIZE - offset;
}

/**
 * weft_config_read - read bytes
 * @config: config space
 * @offset: first byte
 * @buf: filled in
 * @len: bytes; any size, any alignment
 *
 * Return: 0; -EINVAL when the range does not lie in config space.
 */
int weft_config_read(const struct weft_config *config, u64 offset, void *buf,
		     size_t len)
{
	if (out_of_range(offset, len))
		return -EINVAL;
	memcpy(buf, config->data + offset, len);
	return 0;
}

/**
 * weft_config_write - write bytes; read-only bits keep their value
 * @config: config space
 * @offset: first byte
 * @buf: what to write
 * @len: bytes; any size, any alignment
 *
 * Return: 0; -EINVAL when the range does not lie in config space.
 */
int weft_config_write(struct weft_config *config, u64 offset, const void *buf,
		      size_t len)
{
	const u8 *src = buf;
	size_t i;

	if (out_of_range(offset, len))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		u8 mask = config->wmask[offset + i];
		u8 *byte = &config->data[offset + i];

		*byte = (*byte & ~mask) | (src[i] & mask);
	}
	return 0;
}
