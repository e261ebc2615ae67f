/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of weft_vgpu share: adapters and instances in sysfs, an
 * instance opened as a VMM opens it, events that are waited for, and processes
 * that act on a word.
 *
 * Whatever can fail returns -1 with errno, as a system call does, unless said
 * otherwise. Nothing here judges: that is for the tests.
 */
#ifndef WEFT_VFIO_LIB_H
#define WEFT_VFIO_LIB_H

#include <linux/vfio.h>
#include <linux/weft_vgpu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MIB			(1024ULL * 1024)
#define PAGE			4096ULL
/* Generous, as the machine may be emulated on a busy host. */
#define WAIT_MS			20000

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

#define DRIVER			"/sys/bus/pci/drivers/weft_vgpu"
#define MDEVS			"/sys/bus/mdev/devices"
#define PCI			"/sys/bus/pci/devices"
#define BDF_SIZE		24
#define UUID_SIZE		37

/*
 * Files. The text comes without its last newline; "" when it cannot be read.
 * It stands in one of 8 static buffers.
 */
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
ssize_t file_read(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
const char *file_text(const char *fmt, ...) PRINTF(1, 2);
long long file_number(const char *fmt, ...) PRINTF(1, 2);	/* -1 when it is none */
int file_write(const char *text, const char *fmt, ...) PRINTF(2, 3);
int file_write_bytes(const void *data, size_t len, const char *fmt, ...) PRINTF(3, 4);
bool file_exists(const char *fmt, ...) PRINTF(1, 2);
int command(const char *fmt, ...) PRINTF(1, 2);		/* its exit status; quiet */

/* Modules; parameters as for insmod, NULL for none. */
int module_load(const char *name, const char *parameters);
int module_unload(const char *name);	/* EAGAIN: in use */
bool module_loaded(const char *name);
/* weft_softpci anew, with nothing left of what was before. */
int softpci_load(const char *parameters);
/* Both of ours anew. */
int modules_reload(const char *softpci_parameters);

/*
 * Adapters: the N-th PCI function of this id and class (-1: any), "" when
 * there is none. The name stays valid. Those of weft_softpci, and QEMU's
 * bochs-display.
 */
const char *pci_find(unsigned int vendor, unsigned int device, int class, int n);
const char *softpci_find(int n);
const char *bochs_find(int n);
int adapter_bind(const char *bdf);	/* with driver_override, as driverctl */
int adapter_unbind(const char *bdf);
bool adapter_bound(const char *bdf);

/* Instances. The type goes without its prefix: "4m", "full". */
const char *uuid_of(unsigned int n);	/* not to be freed, and stays */
int mdev_create(const char *bdf, const char *type, const char *uuid);
int mdev_remove(const char *uuid);
int mdev_remove_all(void);
bool mdev_exists(const char *uuid);
int mdev_group(const char *uuid);	/* the number of its IOMMU group, or -1 with errno */
int mdev_available(const char *bdf, const char *type);
const char *mdev_attr(const char *uuid, const char *name);
const char *adapter_attr(const char *bdf, const char *name);
int adapter_enable(const char *bdf, bool on);
/*
 * The adapter that a test is about: bound, enabled, with no instance. By
 * default the first of weft_softpci; the bochs-display if $WEFT_PARENT is
 * "bochs". "" when there is none. Both have 64 MiB.
 */
const char *parent_fresh(void);

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

/* Events. True if it came within ms. */
int event_new(void);
bool event_wait(int fd, int ms);
uint64_t event_count(int fd);		/* and back to zero */
bool wait_text(const char *want, int ms, const char *fmt, ...) PRINTF(3, 4);
bool wait_gone(int ms, const char *fmt, ...) PRINTF(2, 3);
bool wait_there(int ms, const char *fmt, ...) PRINTF(2, 3);
bool wait_child(pid_t pid, int *status, int ms);
double now(void);			/* seconds, monotonic */

/* The kernel's log from here on. */
int kmsg_open(void);
bool kmsg_wait(int fd, const char *part, int ms);	/* a line that holds it */
int kmsg_count(int fd, const char *part);		/* in what is there now */

/* Does touching this byte raise SIGBUS? Or else what it reads. */
#define TOUCH_SIGBUS	(-1)
#define TOUCH_SIGSEGV	(-2)
int touch(const volatile void *p);
int touch_write(volatile void *p, uint8_t val);

/* A process that talks with this one in numbers, over a socket. */
struct helper {
	pid_t pid;
	int sock;
};

/* fn runs in the child, with its end of the socket; its value is the status. */
int helper_start(struct helper *h, int (*fn)(int sock, void *arg), void *arg);
int helper_say(int sock, long val);
long helper_hear(int sock, int ms);	/* LONG_MIN when nothing came */
int helper_end(struct helper *h, int ms);	/* exit status, -signal, or -1000 */

/* Numbers that look random and are the same for the same seed. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);
/* $WEFT_SEED, or one that differs each time; say it in the output */
uint64_t rng_seed(void);

#endif
