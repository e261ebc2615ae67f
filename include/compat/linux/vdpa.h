/* SPDX-License-Identifier: GPL-2.0 */
/* How a vDPA device is allocated, and told who does its DMA. */
#ifndef WEFT_COMPAT_LINUX_VDPA_H
#define WEFT_COMPAT_LINUX_VDPA_H

#include_next <linux/vdpa.h>

/* Of @size bytes, of which a struct vdpa_device comes first. */
static inline struct vdpa_device *weft_vdpa_alloc(struct device *parent,
						  const struct vdpa_config_ops *config,
						  unsigned int ngroups, unsigned int nas,
						  size_t size, const char *name, bool use_va)
{
	/* Whose memory it is, a bus without bind_mm does not say. */
#ifndef WEFT_HAVE_VDPA_BIND_MM
	use_va = false;
#endif
#ifdef WEFT_HAVE_VDPA_MAP
	return __vdpa_alloc_device(parent, config, NULL, ngroups, nas, size, name, use_va);
#else
	return __vdpa_alloc_device(parent, config, ngroups, nas, size, name, use_va);
#endif
}

static inline void weft_vdpa_set_dma_dev(struct vdpa_device *vdpa, struct device *dev)
{
#ifdef WEFT_HAVE_VDPA_MAP
	vdpa->vmap.dma_dev = dev;
#else
	vdpa->dma_dev = dev;
#endif
}

/*
 * Before there was compat_reset, a reset ended all maps: vhost_vdpa told nobody
 * of the end of those of a client that closed.
 */
#ifdef WEFT_HAVE_VDPA_COMPAT_RESET
#define WEFT_VDPA_RESET_ENDS_MAPS	false
#else
#define WEFT_VDPA_RESET_ENDS_MAPS	true
#endif

#endif /* WEFT_COMPAT_LINUX_VDPA_H */
