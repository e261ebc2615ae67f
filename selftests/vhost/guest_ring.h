/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtqueue as the guest's driver has it, split or packed.
 *
 *	guest_ring_init(&r, &mem, 256, features, 16, GUEST_BASE(0));
 *	guest_ring_add(&r, buf, 2, 0, GUEST_DIRECT, token);
 *	guest_ring_kick(&r);			shows what was added; tells the device if it asks
 *	guest_ring_wait(&r, 5000);		sleeps until the device has used one
 *	guest_ring_get(&r, &len, &token);	takes one back
 *
 * What the driver knows it keeps to itself and never reads back from the ring,
 * so a test may write whatever it likes to desc, avail, used, pdesc and driver
 * without harm to the program. The features are those that the driver and the
 * device agreed on: RING_PACKED, EVENT_IDX, INDIRECT_DESC and IN_ORDER count.
 *
 * Rings are little-endian, whatever the machine is, so who writes to them does so
 * with htole16() and the like; but split ones of a driver without VERSION_1 are as
 * the machine is.
 */
#ifndef WEFT_GUEST_RING_H
#define WEFT_GUEST_RING_H

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest_mem.h"

/* A feature bit, as in VHOST_GET_FEATURES. */
#define F(bit)		(1ULL << (bit))

struct guest_buf {
	uint64_t addr;
	uint32_t len;
};

/*
 * How many of a buffer's descriptors stand in the ring itself; those after
 * them are in an indirect table, which the last in the ring then points to.
 * 0 is indirect, GUEST_DIRECT direct, others are a chain that ends indirect,
 * which only split rings allow.
 */
#define GUEST_DIRECT	(~0u)

/*
 * Where a ring begins, and what VHOST_SET_VRING_BASE is given. Split: an index
 * of 16 bits. Packed: an offset below the size and a wrap counter (1 at
 * first), for what is available and, in the upper half, what is used.
 */
#define GUEST_BASE(index)		((uint16_t)(index))
#define GUEST_BASE_PACKED(off, wrap)	(((off) | (wrap) << 15) * 0x10001u)
#define GUEST_BASE_FIRST(packed)	((packed) ? GUEST_BASE_PACKED(0, 1u) : GUEST_BASE(0))

/* One that was added, under the id that the device gives back. */
struct guest_slot {
	void *token;
	uint32_t writable;	/* bytes that the device may write */
	uint16_t descs;		/* it takes in the ring; 0: not in use */
	uint16_t next;		/* free ids, and in a chain */
};

struct guest_ring {
	/* Raw, in the guest's memory; those that its format has */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *driver, *device;
	uint64_t desc_addr, avail_addr, used_addr;	/* packed: ring, driver's, device's area */
	uint64_t table_addr;		/* indirect tables, one for each id */
	unsigned int table;		/* entries in one */

	struct guest_mem *mem;
	unsigned int size;
	uint64_t features;
	bool packed, event_idx, in_order, big;
	uint32_t base;			/* for VHOST_SET_VRING_BASE */
	int kick, call, err;		/* eventfds */

	/* The driver's own */
	struct guest_slot *slot;
	unsigned int free;		/* descriptors */
	unsigned int added;		/* buffers that the device has not given back */
	uint16_t free_head;		/* an id; in order: where the next one goes */
	uint16_t avail_idx;		/* split: index. packed: offset */
	uint16_t shown_idx;		/* split: what the device can see */
	uint16_t used_idx;
	uint16_t quiet_idx;		/* split: calls were turned off at this used_idx */
	bool avail_wrap, used_wrap;	/* packed */
	bool calls_off;
	uint16_t pending, pending_flags;/* packed: descriptor that shows all after it */
	unsigned int fresh;		/* packed: descriptors added since the last kick */
	uint16_t oldest;		/* in order: id that comes back next */
	uint16_t batch_end;		/* id that ends the batch being taken back, */
	bool in_batch;			/* and whether there is one */
	uint32_t batch_len;		/* what was written to its last buffer */

	/* Counts */
	uint64_t kicks, kicks_saved, calls;
};

/*
 * Takes memory from mem for a ring of size entries and for indirect tables of
 * up to table entries (0: none). Returns 0, or -1 with errno.
 */
int guest_ring_init(struct guest_ring *r, struct guest_mem *mem, unsigned int size,
		    uint64_t features, unsigned int table, uint32_t base);
void guest_ring_free(struct guest_ring *r);

/* As new, to begin at base: after VIRTIO_F_RING_RESET. What was added is forgotten. */
void guest_ring_reset(struct guest_ring *r, uint32_t base);

/*
 * Adds a buffer of out pieces that the device reads and in that it writes.
 * -1 with ENOSPC when there is no room (now). The device cannot see it yet.
 */
int guest_ring_add(struct guest_ring *r, const struct guest_buf *buf, unsigned int out,
		   unsigned int in, unsigned int direct, void *token);

/* Shows what was added. Returns whether the device wants to be told. */
bool guest_ring_show(struct guest_ring *r);
/* Whether the device wants to be told of what is added next. */
bool guest_ring_asks(const struct guest_ring *r);
/* Shows it, and tells the device if it wants to be, or in any case. */
void guest_ring_kick(struct guest_ring *r);
void guest_ring_kick_always(struct guest_ring *r);

/*
 * Takes back one that the device has used. Returns false when there is none,
 * or when what the device wrote makes no sense: then broken is set and says why.
 */
bool guest_ring_get(struct guest_ring *r, uint32_t *len, void **token);
bool guest_ring_has_used(const struct guest_ring *r);
const char *guest_ring_broken(void);	/* NULL: never was one */

/*
 * Whether the device shall call. When turned on, it calls once `after` more
 * are used (1: the next one; more only with EVENT_IDX), and that something may
 * be there already is for the caller to look at.
 */
void guest_ring_calls_on(struct guest_ring *r, unsigned int after);
void guest_ring_calls_off(struct guest_ring *r);

/*
 * Waits for the device to have used one: by its call, which is taken. False
 * when none came in ms milliseconds. Turns calls on, and leaves them so.
 */
bool guest_ring_wait(struct guest_ring *r, int ms);

/* Number of events in the eventfd, taken; 0 at once if there is none. */
uint64_t guest_event_take(int fd);

/*
 * A word of the ring that the device may be at just now. Some tests have it at an
 * odd address, where not all CPUs take what loads in order.
 */
static inline uint16_t guest_ring_load(const uint16_t *p)
{
	uint16_t val = *(const volatile uint16_t *)p;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return le16toh(val);
}

static inline void guest_ring_store(uint16_t *p, uint16_t val)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*(volatile uint16_t *)p = htole16(val);
}

/* For guest_split.c and guest_packed.c, which are what is behind the above. */
struct guest_ring_ops {
	int (*init)(struct guest_ring *r);
	void (*reset)(struct guest_ring *r);
	void (*add)(struct guest_ring *r, const struct guest_buf *buf, unsigned int out,
		    unsigned int in, unsigned int direct, void *token);
	bool (*show)(struct guest_ring *r);
	bool (*asks)(const struct guest_ring *r);
	bool (*get)(struct guest_ring *r, uint32_t *len, void **token);
	bool (*has_used)(const struct guest_ring *r);
	void (*calls_on)(struct guest_ring *r, unsigned int after);
	void (*calls_off)(struct guest_ring *r);
};

extern const struct guest_ring_ops guest_split_ops, guest_packed_ops;
bool guest_ring_nonsense(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
