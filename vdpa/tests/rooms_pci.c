// SPDX-License-Identifier: GPL-2.0
/* As rooms.c, for the suite of weft_vdpa_pci. */
#include "../vpci_config.c"
#include "../vpci_layout.c"
