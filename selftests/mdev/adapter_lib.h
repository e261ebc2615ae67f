/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Adapters and instances, as an operator has them in sysfs.
 *
 * Whatever can fail returns -1 with errno, as a system call does, unless said
 * otherwise. Nothing here judges: that is for the tests.
 */
#ifndef WEFT_ADAPTER_LIB_H
#define WEFT_ADAPTER_LIB_H

#include "system_lib.h"

#define DRIVER			"/sys/bus/pci/drivers/weft_vgpu"
#define MDEVS			"/sys/bus/mdev/devices"
#define PCI			"/sys/bus/pci/devices"
#define BDF_SIZE		24
#define UUID_SIZE		37

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

#endif
