/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vhost device as a VMM drives it, for guest_mem and guest_ring.
 *
 *	guest_dev_open(&dev, NULL)			$WEFT_VHOST or /dev/vhost-weft
 *	guest_dev_setup(&dev, &mem, features, GUEST_NO_IOTLB)
 *	guest_dev_attach(&dev, GUEST_TX, &ring)		size, base, addresses, eventfds
 *	guest_dev_start(&dev, GUEST_TX, tap)		its backend
 *	guest_dev_stop(&dev, GUEST_TX)			keeps the base, for another start
 *	guest_dev_close(&dev)
 *
 * A ring that one device has stopped can be attached to another one, which
 * goes on where the first one ended.
 */
#ifndef WEFT_GUEST_DEV_H
#define WEFT_GUEST_DEV_H

#include <linux/vhost.h>
#include <pthread.h>
#include <stdatomic.h>

#include "guest_mem.h"
#include "guest_ring.h"

#define GUEST_NODE	"/dev/vhost-weft"
#define GUEST_RX	0
#define GUEST_TX	1

enum guest_iotlb {
	GUEST_NO_IOTLB,
	GUEST_IOTLB_PRELOADED,	/* an entry for each region */
	GUEST_IOTLB_PAGES,	/* an entry for each page, all there beforehand */
	GUEST_IOTLB_MISSING,	/* nothing: a thread answers each miss with a page */
};

struct guest_dev {
	int fd;
	struct guest_mem *mem;
	uint64_t features;
	struct guest_ring *ring[2];
	enum guest_iotlb iotlb;
	pthread_t misser;
	int stop_misser;		/* eventfd; -1: no thread */
	atomic_ulong misses;
};

/* The node under test. */
const char *guest_dev_node(void);

/* All return 0, or -1 with errno, unless said otherwise. */
int guest_dev_open(struct guest_dev *dev, const char *node);
void guest_dev_close(struct guest_dev *dev);

/* What it offers; 0 when it does not answer. */
uint64_t guest_dev_features(const struct guest_dev *dev);

/*
 * SET_OWNER, the features, the table of regions, the dirty log if mem has one
 * (with F_LOG_ALL among the features, it is on from the beginning) and the
 * IOTLB. mem has to be one with iova if there is an IOTLB.
 */
int guest_dev_setup(struct guest_dev *dev, struct guest_mem *mem, uint64_t features,
		    enum guest_iotlb iotlb);
int guest_dev_set_features(struct guest_dev *dev, uint64_t features);
/* F_LOG_ALL, and VHOST_VRING_F_LOG of the rings that are attached. */
int guest_dev_set_log(struct guest_dev *dev, bool on);

int guest_dev_attach(struct guest_dev *dev, unsigned int index, struct guest_ring *ring);
/* Parts of the above, for tests of their own. */
int guest_dev_set_vring(struct guest_dev *dev, unsigned long request, unsigned int index,
			unsigned int num);
int guest_dev_set_addr(struct guest_dev *dev, unsigned int index, const struct guest_ring *ring);
int guest_dev_set_file(struct guest_dev *dev, unsigned long request, unsigned int index, int fd);

/* Also kicks, as what is available already may never have been told. */
int guest_dev_start(struct guest_dev *dev, unsigned int index, int backend);
int guest_dev_stop(struct guest_dev *dev, unsigned int index);

/* IOTLB messages: VHOST_IOTLB_UPDATE and VHOST_IOTLB_INVALIDATE, by addr. */
int guest_dev_iotlb_update(struct guest_dev *dev, uint64_t addr, uint64_t size, uint8_t perm);
int guest_dev_iotlb_forget(struct guest_dev *dev, uint64_t addr, uint64_t size);
/* Forgets everything, so that all is missed again. */
int guest_dev_iotlb_flush(struct guest_dev *dev);

/* The worker's thread (the n-th "vhost-<pid>" of this process), or -1; its CPU time in ns. */
int guest_dev_worker(int n);
uint64_t guest_dev_worker_ns(int tid);

#endif
