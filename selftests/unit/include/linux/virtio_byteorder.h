/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_VIRTIO_BYTEORDER_H
#define WEFT_UNIT_LINUX_VIRTIO_BYTEORDER_H

#include <asm/byteorder.h>
#include <linux/types.h>
#include <linux/virtio_types.h>

/* Of virtio 1, or of a legacy device whose guest has the other byte order. */
#define WEFT_UNIT_VIRTIO(bits)						\
static inline u##bits __virtio##bits##_to_cpu(bool little, __virtio##bits v) \
{									\
	return little ? le##bits##_to_cpu(v) : be##bits##_to_cpu(v);	\
}									\
static inline __virtio##bits __cpu_to_virtio##bits(bool little, u##bits v) \
{									\
	return little ? cpu_to_le##bits(v) : cpu_to_be##bits(v);	\
}

WEFT_UNIT_VIRTIO(16)
WEFT_UNIT_VIRTIO(32)
WEFT_UNIT_VIRTIO(64)

#endif
