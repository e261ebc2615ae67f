/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instance opened as a VMM opens it, its regions and interrupts; with it comes
 * all that the tests of weft_vgpu share.
 *
 * Whatever can fail returns -1 with errno, as a system call does, unless said
 * otherwise. Nothing here judges: that is for the tests.
 */
#ifndef WEFT_VFIO_LIB_H
#define WEFT_VFIO_LIB_H

#include <linux/vfio.h>
#include <linux/weft_vgpu.h>

#include "adapter_lib.h"
#include "process_lib.h"
#include "rng_lib.h"
#include "system_lib.h"

#define MIB			(1024ULL * 1024)
#define PAGE			4096ULL

/* Region numbers, beside those of <linux/vfio.h>. */
#define REGION_BAR0		VFIO_PCI_BAR0_REGION_INDEX
#define REGION_BAR2		VFIO_PCI_BAR2_REGION_INDEX
#define REGION_CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define REGION_EDID		9
#define REGION_SCANOUT		10
#define NUM_REGIONS		11

/* Registers in BAR 2. */
#define REG_VGA_ATT		0x400
#define REG_VBE(n)		(0x500 + 2 * (n))
#define REG_QEXT_SIZE		0x600
#define REG_QEXT_ENDIAN		0x604
#define REG_MSIX_TABLE		0x800
#define ENDIAN_LITTLE		0x1e1e1e1e
#define ENDIAN_BIG		0xbebebebe
enum {
	VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK,
	VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT, VBE_X_OFFSET, VBE_Y_OFFSET, VBE_MEMORY,
};

/*
 * An instance as a VMM has it: a container of its own, its group, the device.
 * With WEFT_VFIO=iommufd the container is an iommufd, and there is no group.
 */
struct vgpu {
	char uuid[UUID_SIZE];
	int container;
	int group;
	int fd;
};

/*
 * The group must be there and usable first, which vgpu_open() sees to. Fails
 * with the errno of the call that failed. Closing is in QEMU's order.
 */
int vgpu_open(struct vgpu *v, const char *uuid);
void vgpu_close(struct vgpu *v);
/* Opened and closed again, where it should be refused */
int vgpu_try(const char *uuid);
/* create and open; -1 leaves nothing behind */
int vgpu_new(struct vgpu *v, const char *bdf, const char *type, unsigned int n);

int region_info(int fd, unsigned int index, struct vfio_region_info *info);
/* The whole answer with its capabilities, to be freed; NULL with errno. */
struct vfio_region_info *region_info_caps(int fd, unsigned int index);
int irq_info(int fd, unsigned int index, struct vfio_irq_info *info);
uint64_t region_offset(int fd, unsigned int index);	/* in the file; ~0 if none */
uint64_t region_size(int fd, unsigned int index);
ssize_t region_read(int fd, unsigned int index, uint64_t offset, void *buf, size_t len);
ssize_t region_write(int fd, unsigned int index, uint64_t offset, const void *buf, size_t len);
/* MAP_FAILED on error; len 0 means all of it from offset on */
void *region_map(int fd, unsigned int index, uint64_t offset, size_t len);

/* Little-endian numbers in BAR 2 and config space; all ones when it fails. */
uint16_t vbe_get(int fd, unsigned int reg);
int vbe_set(int fd, unsigned int reg, uint16_t val);
uint32_t config_get(int fd, unsigned int offset, unsigned int len);
int config_set(int fd, unsigned int offset, unsigned int len, uint32_t val);
/* As bochs-drm sets one: off, all registers, on. */
int mode_set(int fd, unsigned int xres, unsigned int yres, unsigned int bpp);
int mode_off(int fd);

int irq_set(int fd, unsigned int index, unsigned int start, unsigned int count,
	    unsigned int flags, const void *data, size_t len);
int irq_eventfd(int fd, unsigned int index, int eventfd);	/* -1: none */
int irq_trigger(int fd, unsigned int index);
int irq_disable(int fd, unsigned int index);

/* First byte that is not val, or len. */
size_t find_other(const volatile void *mem, uint8_t val, size_t len);
/* The same through reads of a region. */
uint64_t region_find_other(int fd, unsigned int index, uint8_t val);

#endif
