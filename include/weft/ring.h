/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's side of a virtqueue, split or packed (virtio 1.3 §2.7, §2.8).
 *
 * A ring takes buffers (descriptor chains) that the driver made available,
 * hands them to its user as lists of guest addresses, and returns them, in
 * batches. It knows neither whose queue it is nor what is in the buffers: how
 * memory is reached is told by struct weft_ring_ops.
 *
 * What the driver writes is read once, into memory of the ring, checked there,
 * and not looked at again. A ring found malformed stays broken, with the
 * reason, until it is set up anew.
 *
 * The caller serialises all calls on one ring (a mutex of the queue, as calls
 * may sleep when they copy from and to user memory).
 */
#ifndef WEFT_RING_H
#define WEFT_RING_H

#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/types.h>

/* Buffers fetched, or returned, in one go */
#define WEFT_RING_BATCH		64
/* virtio 1.3 §2.7: "Queue Size is always a power of 2. The maximum ... is 32768" */
#define WEFT_RING_MAX_SIZE	32768
/* Segments of one chain: as many as an iovec of the kernel may have */
#define WEFT_RING_MAX_SEGS	1024

/**
 * enum weft_ring_area - the three memories of a virtqueue
 * @WEFT_AREA_DESC: descriptor table, or the packed descriptor ring
 * @WEFT_AREA_DRIVER: available ring, or the driver's event suppression
 * @WEFT_AREA_DEVICE: used ring, or the device's event suppression
 * @WEFT_AREAS: how many
 */
enum weft_ring_area {
	WEFT_AREA_DESC,
	WEFT_AREA_DRIVER,
	WEFT_AREA_DEVICE,
	WEFT_AREAS
};

/**
 * enum weft_ring_fault - what is wrong with a ring
 * @WEFT_RING_OK: nothing
 * @WEFT_RING_UNREADABLE: one of its areas cannot be reached
 * @WEFT_RING_AVAIL_JUMP: more was made available than the ring holds
 * @WEFT_RING_HEAD: a chain begins beyond the descriptor table
 * @WEFT_RING_NEXT: a chain goes on beyond the descriptor table
 * @WEFT_RING_LOOP: a chain has more descriptors than its table, so it loops
 * @WEFT_RING_SEGS: a chain has more segments than can be handled
 * @WEFT_RING_ORDER: a part to be read follows one to be written
 * @WEFT_RING_INDIRECT_SIZE: an indirect table of no or of broken descriptors
 * @WEFT_RING_INDIRECT_NESTED: an indirect table in an indirect table
 * @WEFT_RING_INDIRECT_NEXT: an indirect descriptor that goes on elsewhere
 * @WEFT_RING_INDIRECT_OFF: an indirect table without the feature
 * @WEFT_RING_INDIRECT_MEMORY: an indirect table where no memory is
 * @WEFT_RING_PACKED_ID: a buffer id not below the ring's size
 * @WEFT_RING_PACKED_CHAIN: a packed chain that does not end within the ring
 * @WEFT_RING_MEMORY: a buffer where no memory is
 * @WEFT_RING_DIRECTION: a buffer to be read where one to be written is due, or
 *	the other way round
 * @WEFT_RING_SHORT: a buffer too small for what must be in it
 * @WEFT_RING_FAULTS: how many
 */
enum weft_ring_fault {
	WEFT_RING_OK,
	WEFT_RING_UNREADABLE,
	WEFT_RING_AVAIL_JUMP,
	WEFT_RING_HEAD,
	WEFT_RING_NEXT,
	WEFT_RING_LOOP,
	WEFT_RING_SEGS,
	WEFT_RING_ORDER,
	WEFT_RING_INDIRECT_SIZE,
	WEFT_RING_INDIRECT_NESTED,
	WEFT_RING_INDIRECT_NEXT,
	WEFT_RING_INDIRECT_OFF,
	WEFT_RING_INDIRECT_MEMORY,
	WEFT_RING_PACKED_ID,
	WEFT_RING_PACKED_CHAIN,
	WEFT_RING_MEMORY,
	WEFT_RING_DIRECTION,
	WEFT_RING_SHORT,
	WEFT_RING_FAULTS
};

/**
 * struct weft_seg - a piece of a buffer
 * @addr: where, in the driver's address space
 * @len: bytes; may be 0
 */
struct weft_seg {
	u64 addr;
	u32 len;
};

/**
 * struct weft_chain - a buffer taken from a ring
 * @id: what the driver knows it by: the head of a split chain, a packed id
 * @slots: descriptors it occupies in a packed ring
 * @out: segments that the device reads; they come first
 * @in: segments that the device writes
 */
struct weft_chain {
	u16 id;
	u16 slots;
	u16 out;
	u16 in;
};

struct weft_ring;

/**
 * struct weft_ring_ops - how a ring reaches memory
 * @enter: makes &weft_ring.va hold the kernel addresses of all areas until
 *	@leave, and returns true; or returns false, and areas are copied by @read
 *	and @write. Between the two, the ring does not sleep. Without @enter,
 *	&weft_ring.va is valid at all times.
 * @leave: ends what an @enter that returned true began
 * @read: copies from an area; may sleep. -EAGAIN: not now (a translation is
 *	being asked for); other errors break the ring
 * @write: copies to an area, as @read
 * @read_guest: copies from the driver's address space (indirect tables); may
 *	sleep; errors as @read
 * @wrote: is told of each write to an area, for the dirty log; or NULL. Never
 *	called between @enter and @leave.
 */
struct weft_ring_ops {
	bool (*enter)(struct weft_ring *r);
	void (*leave)(struct weft_ring *r);
	int (*read)(struct weft_ring *r, enum weft_ring_area area, u32 off, void *to, u32 len);
	int (*write)(struct weft_ring *r, enum weft_ring_area area, u32 off, const void *from,
		     u32 len);
	int (*read_guest)(struct weft_ring *r, u64 addr, void *to, u32 len);
	void (*wrote)(struct weft_ring *r, enum weft_ring_area area, u32 off, u32 len);
};

/**
 * struct weft_ring_config - what a ring is set up with
 * @size: descriptors; split: a power of two (virtio 1.3 §2.7), packed: any
 *	number from 1 to 32768 (§2.8)
 * @packed: VIRTIO_F_RING_PACKED
 * @event_idx: VIRTIO_RING_F_EVENT_IDX
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC
 * @in_order: VIRTIO_F_IN_ORDER
 * @notify_on_empty: VIRTIO_F_NOTIFY_ON_EMPTY, a legacy feature
 * @little: the ring's bytes are little-endian; always so with VERSION_1, and
 *	thus in a packed ring, whatever is said here
 */
struct weft_ring_config {
	u32 size;
	bool packed;
	bool event_idx;
	bool indirect;
	bool in_order;
	bool notify_on_empty;
	bool little;
};

/**
 * struct weft_ring_place - where a ring has got to; two of a split ring are
 * equal when their indices are
 * @avail: split: index of the next available entry; packed: its slot
 * @used: the same of the next used entry
 * @avail_wrap: packed: the wrap counter that makes a descriptor available
 * @used_wrap: packed: the wrap counter of the next used descriptor
 */
struct weft_ring_place {
	u16 avail;
	u16 used;
	bool avail_wrap;
	bool used_wrap;
};

/**
 * struct weft_ring_desc - a descriptor of either format, in our byte order
 * @addr: the driver's address
 * @len: bytes
 * @flags: VRING_DESC_F_...
 * @next: split: the next one of its chain; packed: the buffer id
 */
struct weft_ring_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/**
 * struct weft_ring_used - a buffer to be returned
 * @id: see &weft_chain.id
 * @slots: see &weft_chain.slots
 * @len: bytes written to it
 */
struct weft_ring_used {
	u16 id;
	u16 slots;
	u32 len;
};

/**
 * struct weft_ring - one virtqueue. Fields are the engine's; users set @ops,
 * @va and @owner, may read @fault and @kicks_off, and add to @walked or set it back.
 * @ops: how memory is reached
 * @owner: the user's
 * @va: kernel addresses of the areas, see &weft_ring_ops.enter
 * @cfg: as set up
 * @place: where it is; @place.avail counts what was handed out
 * @fault: why it is broken, or WEFT_RING_OK
 * @kicks_off: the driver was asked not to kick
 * @more: split: the driver's index, as last read
 * @cached: buffers fetched and not handed out are those from @next to here
 * @next: see @cached
 * @descs: what was fetched
 * @heads: split: the heads of @descs
 * @used: buffers to be returned by the next publish
 * @nused: how many
 * @max_used: room in @used
 * @walked: descriptors read since the user set it to 0, but for the first one
 *	of each buffer. A buffer may have as many as a ring and a table together,
 *	most of them empty, so who counts buffers does not know what they cost
 * @signalled: split: the used index when the driver's wish was last looked at
 * @signalled_valid: it was looked at since the set-up
 */
struct weft_ring {
	const struct weft_ring_ops *ops;
	void *owner;
	void *va[WEFT_AREAS];
	struct weft_ring_config cfg;
	struct weft_ring_place place;
	enum weft_ring_fault fault;
	bool kicks_off;
	bool signalled_valid;
	u16 signalled;
	u16 more;
	u16 cached;
	u16 next;
	u16 nused;
	u16 max_used;
	u32 walked;
	struct weft_ring_desc *descs;
	u16 *heads;
	struct weft_ring_used *used;
};

int weft_ring_alloc(struct weft_ring *r, u16 max_used);
void weft_ring_free(struct weft_ring *r);
int weft_ring_setup(struct weft_ring *r, const struct weft_ring_config *cfg,
		    const struct weft_ring_place *place);
u32 weft_ring_area_size(const struct weft_ring_config *cfg, enum weft_ring_area area);
int weft_ring_read_used(struct weft_ring *r);

int weft_ring_get(struct weft_ring *r, struct weft_chain *c, struct weft_seg *segs, u32 max);
bool weft_ring_more(struct weft_ring *r, struct weft_ring_place seen);
void weft_ring_rewind(struct weft_ring *r, struct weft_ring_place to);
void weft_ring_forget(struct weft_ring *r);

int weft_ring_publish(struct weft_ring *r);

void weft_ring_kicks_off(struct weft_ring *r);
int weft_ring_kicks_on(struct weft_ring *r, struct weft_ring_place seen);

int weft_ring_break(struct weft_ring *r, enum weft_ring_fault why);
const char *weft_ring_fault_name(enum weft_ring_fault why);
u32 weft_ring_state_pack(const struct weft_ring *r);
struct weft_ring_place weft_ring_state_unpack(bool packed, u32 state);

/**
 * weft_ring_mark() - where the next buffer will be taken
 * @r: ring
 *
 * Return: a place for weft_ring_rewind().
 */
static inline struct weft_ring_place weft_ring_mark(const struct weft_ring *r)
{
	return r->place;
}

/**
 * weft_ring_put() - has a buffer returned with the next publish
 * @r: ring
 * @c: what weft_ring_get() said of it
 * @len: bytes written to it
 *
 * At most &weft_ring.max_used buffers wait at a time.
 */
static inline void weft_ring_put(struct weft_ring *r, const struct weft_chain *c, u32 len)
{
	if (WARN_ON_ONCE(r->nused >= r->max_used))
		return;
	r->used[r->nused++] = (struct weft_ring_used) { c->id, c->slots, len };
}

/**
 * weft_ring_unput() - takes back puts, for a rewind
 * @r: ring
 * @n: how many of the last ones, none of which was published
 */
static inline void weft_ring_unput(struct weft_ring *r, u16 n)
{
	r->nused -= min(n, r->nused);
}

#endif /* WEFT_RING_H */
