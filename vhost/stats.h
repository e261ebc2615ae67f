/* SPDX-License-Identifier: GPL-2.0 */
/* What each queue counts, and where it is read. */
#ifndef WEFT_VHOST_STATS_H
#define WEFT_VHOST_STATS_H

#include <linux/types.h>
#include <weft/ring.h>

struct weft_dev;

/* Batches of 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64 and more frames */
#define WEFT_BATCH_BUCKETS	7

/**
 * enum weft_drop - why a frame was not delivered
 * @WEFT_DROP_SHORT: no room for a header, or for an Ethernet one
 * @WEFT_DROP_HEADER: a header that contradicts itself or the frame
 * @WEFT_DROP_BACKEND: the backend refused it
 * @WEFT_DROP_NO_BUFFER: the driver's buffers have no room for it
 * @WEFT_DROPS: how many
 */
enum weft_drop {
	WEFT_DROP_SHORT,
	WEFT_DROP_HEADER,
	WEFT_DROP_BACKEND,
	WEFT_DROP_NO_BUFFER,
	WEFT_DROPS
};

/**
 * struct weft_vq_stats - counters of a queue; written under the queue's lock,
 * but for @kicks
 * @packets: frames that went through
 * @bytes: their bytes, without headers
 * @kicks: of the driver; written under the lock of the eventfd
 * @runs: times the worker served the queue
 * @calls: to the driver
 * @calls_suppressed: times the driver did not want to be called
 * @descs: descriptors read, but for the first one of each buffer, until the
 *	worker stopped the last time; &weft_ring.walked has those since
 * @weight: times the worker stopped to let others run
 * @busy_hits: times that polling found something
 * @misses: translations asked for
 * @log_failures: dirty pages that could not be logged
 * @copies: times the ring was copied from or to, for want of a mapping
 * @drops: frames, by reason
 * @faults: times the ring broke, by reason
 * @batches: sizes of batches
 */
struct weft_vq_stats {
	u64 packets;
	u64 bytes;
	u64 kicks;
	u64 runs;
	u64 calls;
	u64 calls_suppressed;
	u64 descs;
	u64 weight;
	u64 busy_hits;
	u64 misses;
	u64 log_failures;
	u64 copies;
	u64 drops[WEFT_DROPS];
	u64 faults[WEFT_RING_FAULTS];
	u64 batches[WEFT_BATCH_BUCKETS];
};

void weft_stats_batch(struct weft_vq_stats *s, unsigned int n);
void weft_stats_show(struct weft_dev *dev);
void weft_stats_hide(struct weft_dev *dev);
void weft_stats_init(void);
void weft_stats_exit(void);

#endif /* WEFT_VHOST_STATS_H */
