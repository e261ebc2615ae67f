/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_UAPI_LINUX_VIRTIO_PCI_H
#define WEFT_UNIT_UAPI_LINUX_VIRTIO_PCI_H

/* A program has the kernel's own by its plain name. */
#include <linux/virtio_pci.h>

#endif
