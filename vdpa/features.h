/* SPDX-License-Identifier: GPL-2.0 */
/*
 * features - what features of a network device need of each other
 *
 * A logic room, small enough for a header that each module reads by itself.
 */
#ifndef WEFT_VDPA_FEATURES_H
#define WEFT_VDPA_FEATURES_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_net.h>
#include "config.h"

/* Without these, a driver would not use addresses of its own, or other bytes. */
#define WEFT_FEATURES_REQUIRED	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

/* Names that uapi has since v6.2 and v6.6. */
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4		54
#define VIRTIO_NET_F_GUEST_USO6		55
#define VIRTIO_NET_F_HOST_USO		56
#endif
#ifndef VIRTIO_NET_F_VQ_NOTF_COAL
#define VIRTIO_NET_F_VQ_NOTF_COAL	52
#endif

/**
 * weft_features_lack() - whether features mean nothing, without one of some others
 * @features: that a device is to have
 *
 * virtio 1.3 §5.1.3.1; those by which a driver commands the device, all of which
 * need a queue for that, are not all listed there.
 *
 * Return: a word to the user of the first that does; NULL if none does
 */
static inline const char *weft_features_lack(u64 features)
{
#define B(name)		BIT_ULL(VIRTIO_NET_F_##name)
#define ONE(a, b)	{ B(a), B(b), #a " needs " #b }
#define ANY(a, b, c)	{ B(a), B(b) | B(c), #a " needs " #b " or " #c }
	static const struct {
		u64 feature;
		u64 needs;
		const char *word;
	} requirements[] = {
		ONE(GUEST_TSO4, GUEST_CSUM),
		ONE(GUEST_TSO6, GUEST_CSUM),
		ANY(GUEST_ECN, GUEST_TSO4, GUEST_TSO6),
		ONE(GUEST_UFO, GUEST_CSUM),
		ONE(GUEST_USO4, GUEST_CSUM),
		ONE(GUEST_USO6, GUEST_CSUM),
		ONE(HOST_TSO4, CSUM),
		ONE(HOST_TSO6, CSUM),
		ANY(HOST_ECN, HOST_TSO4, HOST_TSO6),
		ONE(HOST_UFO, CSUM),
		ONE(HOST_USO, CSUM),
		ANY(RSC_EXT, HOST_TSO4, HOST_TSO6),
		ONE(CTRL_RX, CTRL_VQ),
		ONE(CTRL_RX_EXTRA, CTRL_VQ),
		ONE(CTRL_VLAN, CTRL_VQ),
		ONE(CTRL_MAC_ADDR, CTRL_VQ),
		ONE(CTRL_GUEST_OFFLOADS, CTRL_VQ),
		ONE(GUEST_ANNOUNCE, CTRL_VQ),
		ONE(NOTF_COAL, CTRL_VQ),
		ONE(VQ_NOTF_COAL, CTRL_VQ),
		ONE(HASH_REPORT, CTRL_VQ),
		ONE(MQ, CTRL_VQ),
		ONE(RSS, CTRL_VQ),
	};
#undef ANY
#undef ONE
#undef B
	int i;

	for (i = 0; i < ARRAY_SIZE(requirements); i++)
		if (features & requirements[i].feature && !(features & requirements[i].needs))
			return requirements[i].word;
	return NULL;
}

/**
 * weft_features_check() - whether a device can have these features
 * @features: that the user asks for
 * @can: that it may have
 * @whose: begins the word of the others
 * @why: filled in if it cannot, with a word to the user
 *
 * Return: 0; -EINVAL
 */
static inline int weft_features_check(u64 features, u64 can, const char *whose,
				      char why[WEFT_VDPA_WHY])
{
	const char *lack = weft_features_lack(features);

	if (features & ~can)
		scnprintf(why, WEFT_VDPA_WHY,
			  "%s features 0x%llx; \"vdpa mgmtdev show\" lists those that there are",
			  whose, features & ~can);
	else if (~features & WEFT_FEATURES_REQUIRED)
		scnprintf(why, WEFT_VDPA_WHY,
			  "features 0x%llx cannot be left out: VERSION_1 and ACCESS_PLATFORM",
			  WEFT_FEATURES_REQUIRED & ~features);
	else if (lack)
		strscpy(why, lack, WEFT_VDPA_WHY);
	else
		return 0;
	return -EINVAL;
}

#endif /* WEFT_VDPA_FEATURES_H */
