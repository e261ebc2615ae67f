/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's side of a ring, for tests: its memory, how the ring reaches it,
 * and a driver that keeps to virtio 1.3 and knows what the ring has to say next.
 */
#ifndef WEFT_TESTS_DRIVER_H
#define WEFT_TESTS_DRIVER_H

#include <asm/byteorder.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>
#include <weft/ring.h>

/* Segments of a buffer, and where the guest has its indirect tables. */
#define DRV_SEGS	8
#define DRV_TABLES	0x100000
#define DRV_TABLE_SIZE	(DRV_SEGS * 16)

/* Buffers taken and not yet published that a ring in a test may have. */
#define DRV_MAX_USED	256

/**
 * enum drv_access - how a ring reaches its areas
 * @DRV_MAPPED: they are in the kernel's address space at all times
 * @DRV_ENTERED: they are there between enter and leave
 * @DRV_COPIED: they are copied
 * @DRV_ACCESSES: how many
 */
enum drv_access {
	DRV_MAPPED,
	DRV_ENTERED,
	DRV_COPIED,
	DRV_ACCESSES
};

/**
 * enum drv_shape - how a buffer is laid out
 * @DRV_DIRECT: a descriptor for each segment
 * @DRV_INDIRECT: one, of a table
 * @DRV_TAIL: split: one for the first segment, and a table for the others
 * @DRV_SHAPES: how many
 */
enum drv_shape {
	DRV_DIRECT,
	DRV_INDIRECT,
	DRV_TAIL,
	DRV_SHAPES
};

/**
 * enum drv_calls - when a driver wants to hear of used buffers
 * @DRV_CALLS_ON: always
 * @DRV_CALLS_OFF: never
 * @DRV_CALLS_EVENT: when a certain one is used
 */
enum drv_calls {
	DRV_CALLS_ON,
	DRV_CALLS_OFF,
	DRV_CALLS_EVENT
};

/* A buffer that the driver made available. */
struct drv_buf {
	bool busy;
	u8 out;
	u8 in;
	u16 slots;
	u16 desc[DRV_SEGS];
	struct weft_seg seg[DRV_SEGS];
};

/**
 * struct drv - a ring, its memory, and its driver
 * @ring: the ring under test; it comes first
 * @ops: how it reaches memory
 * @access: the same, in a word
 * @area: the ring's areas, each exactly as large as it has to be
 * @area_size: bytes of each
 * @tables: where indirect tables are, DRV_TABLE_SIZE bytes for each descriptor
 * @tables_size: bytes of it
 * @fail_after: accesses that still go well before one fails; negative: all
 * @fail_with: the error of the one that fails; if it is not -EAGAIN, of all after it
 * @failed: one did
 * @entered: between enter and leave
 * @accesses: how many there were
 * @misuse: what the ring did that it may not do, or NULL
 * @hook: called after each read, and at each leave
 * @reads: how often each byte of an area was copied from, or NULL
 * @logged: bytes of the areas that the ring told of, or NULL
 * @written: bytes of the areas that were copied to, or NULL
 * @buf: buffers by id
 * @free: descriptors (split) or ids (packed) that are free
 * @nfree: how many
 * @fifo: ids in the order in which they were made available
 * @added: buffers made available, since ever
 * @taken: of those, how many the ring should have handed out
 * @back: of those, how many came back
 * @avail: split: the index; packed: slots made available, since ever
 * @used: split: the index; packed: slots that came back, since ever
 * @next_desc: split, in order: the descriptor to be used next
 * @event: the buffer (split) or the slot (packed) the driver wants to hear of
 * @calls: how the driver wants to be called
 */
struct drv {
	struct weft_ring ring;
	struct weft_ring_ops ops;
	enum drv_access access;
	u8 *area[WEFT_AREAS];
	u32 area_size[WEFT_AREAS];
	u8 *tables;
	u32 tables_size;
	long fail_after;
	int fail_with;
	bool failed;
	bool entered;
	unsigned long accesses;
	const char *misuse;
	void (*hook)(struct drv *d);
	u8 *reads[WEFT_AREAS];
	u8 *logged[WEFT_AREAS];
	u8 *written[WEFT_AREAS];
	struct drv_buf *buf;
	u16 *free;
	u32 nfree;
	u16 *fifo;
	u64 added;
	u64 taken;
	u64 back;
	u64 avail;
	u64 used;
	u16 next_desc;
	u64 event;
	enum drv_calls calls;
};

/* ---- memory ---- */

static inline struct drv *drv_of(struct weft_ring *r)
{
	return container_of(r, struct drv, ring);
}

static inline void drv_misused(struct drv *d, const char *how)
{
	if (!d->misuse)
		d->misuse = how;
}

static inline bool drv_fails(struct drv *d)
{
	d->accesses++;
	if (d->entered)
		drv_misused(d, "sleeps between enter and leave");
	if (d->fail_after < 0)
		return false;
	if (d->fail_after) {
		d->fail_after--;
		return false;
	}
	/* A missing translation comes, what is not there does not. */
	if (d->fail_with == -EAGAIN)
		d->fail_after = -1;
	d->failed = true;
	return true;
}

static inline bool drv_enter(struct weft_ring *r)
{
	struct drv *d = drv_of(r);

	if (d->entered)
		drv_misused(d, "enters twice");
	if (d->access == DRV_COPIED)
		return false;
	memcpy(r->va, d->area, sizeof(d->area));
	d->entered = true;
	return true;
}

static inline void drv_leave(struct weft_ring *r)
{
	struct drv *d = drv_of(r);

	if (!d->entered)
		drv_misused(d, "leaves without having entered");
	d->entered = false;
	memset(r->va, 0, sizeof(r->va));
	if (d->hook)
		d->hook(d);
}

static inline bool drv_within(struct drv *d, enum weft_ring_area area, u32 off, u32 len)
{
	if (area < WEFT_AREAS && len && off <= d->area_size[area] &&
	    len <= d->area_size[area] - off)
		return true;
	drv_misused(d, "goes beyond an area");
	return false;
}

static inline void drv_tick(u8 *counts, u32 off, u32 len)
{
	if (!counts)
		return;
	for (; len; len--, off++)
		counts[off] += counts[off] != 0xff;
}

static inline int drv_read(struct weft_ring *r, enum weft_ring_area area, u32 off, void *to,
			   u32 len)
{
	struct drv *d = drv_of(r);

	if (!drv_within(d, area, off, len))
		return -EFAULT;
	if (drv_fails(d)) {
		/* Part of it may have been copied. */
		memset(to, 0xee, len);
		return d->fail_with;
	}
	memcpy(to, d->area[area] + off, len);
	drv_tick(d->reads[area], off, len);
	if (d->hook)
		d->hook(d);
	return 0;
}

static inline int drv_write(struct weft_ring *r, enum weft_ring_area area, u32 off,
			    const void *from, u32 len)
{
	struct drv *d = drv_of(r);

	if (!drv_within(d, area, off, len))
		return -EFAULT;
	if (drv_fails(d))
		return d->fail_with;
	memcpy(d->area[area] + off, from, len);
	drv_tick(d->written[area], off, len);
	return 0;
}

static inline int drv_read_guest(struct weft_ring *r, u64 addr, void *to, u32 len)
{
	struct drv *d = drv_of(r);

	if (drv_fails(d)) {
		memset(to, 0xee, len);
		return d->fail_with;
	}
	if (addr < DRV_TABLES || addr - DRV_TABLES > d->tables_size ||
	    len > d->tables_size - (addr - DRV_TABLES))
		return -EFAULT;
	memcpy(to, d->tables + (addr - DRV_TABLES), len);
	if (d->hook)
		d->hook(d);
	return 0;
}

static inline void drv_wrote(struct weft_ring *r, enum weft_ring_area area, u32 off, u32 len)
{
	struct drv *d = drv_of(r);

	if (d->entered)
		drv_misused(d, "tells of a write between enter and leave");
	if (drv_within(d, area, off, len))
		drv_tick(d->logged[area], off, len);
}

static inline void drv_free(struct drv *d)
{
	int i;

	for (i = 0; i < WEFT_AREAS; i++) {
		kvfree(d->area[i]);
		kvfree(d->reads[i]);
		kvfree(d->logged[i]);
		kvfree(d->written[i]);
	}
	kvfree(d->tables);
	kvfree(d->buf);
	kvfree(d->free);
	kvfree(d->fifo);
	weft_ring_free(&d->ring);
	memset(d, 0, sizeof(*d));
}

/* Puts the ring where both sides agree it is, as after a hand-over. */
static inline int drv_begin(struct drv *d)
{
	u32 size = d->ring.cfg.size;
	struct weft_ring_config cfg = d->ring.cfg;
	struct weft_ring_place place = { .avail = d->avail, .used = d->used };

	if (cfg.packed) {
		place.avail = d->avail % size;
		place.used = d->used % size;
		place.avail_wrap = !(d->avail / size & 1);
		place.used_wrap = !(d->used / size & 1);
	}
	return weft_ring_setup(&d->ring, &cfg, &place);
}

/* All memory that a ring and its driver need. */
static inline int drv_alloc(struct drv *d, const struct weft_ring_config *cfg)
{
	u32 i, size = cfg->size;

	d->tables_size = size * DRV_TABLE_SIZE;
	d->tables = kvzalloc(d->tables_size, GFP_KERNEL);
	d->buf = kvcalloc(size, sizeof(*d->buf), GFP_KERNEL);
	d->free = kvcalloc(size, sizeof(*d->free), GFP_KERNEL);
	d->fifo = kvcalloc(size, sizeof(*d->fifo), GFP_KERNEL);
	for (i = 0; i < WEFT_AREAS; i++) {
		d->area_size[i] = weft_ring_area_size(cfg, i);
		d->area[i] = kvzalloc(d->area_size[i], GFP_KERNEL);
		if (!d->area[i])
			return -ENOMEM;
	}
	if (!d->tables || !d->buf || !d->free || !d->fifo)
		return -ENOMEM;
	return weft_ring_alloc(&d->ring, DRV_MAX_USED);
}

/*
 * Begins with memory that is zero, at @start: of a split ring the index; of a
 * packed one slots from the first round on.
 */
static inline int drv_reset(struct drv *d, const struct weft_ring_config *cfg,
			    enum drv_access access, u64 start)
{
	u32 i, size = cfg->size;

	d->access = access;
	d->fail_after = -1;
	d->fail_with = -EAGAIN;
	d->avail = start;
	d->used = start;
	d->ring.cfg = *cfg;
	d->ring.ops = &d->ops;
	d->ops = (struct weft_ring_ops) {
		.enter = access == DRV_MAPPED ? NULL : drv_enter,
		.leave = access == DRV_MAPPED ? NULL : drv_leave,
		.read = drv_read,
		.write = drv_write,
		.read_guest = drv_read_guest,
	};
	for (i = 0; i < WEFT_AREAS; i++)
		d->ring.va[i] = access == DRV_MAPPED ? d->area[i] : NULL;
	/* Taken from the end. */
	d->nfree = size;
	for (i = 0; i < size; i++)
		d->free[i] = size - 1 - i;
	if (!cfg->packed) {
		__virtio16 idx = __cpu_to_virtio16(cfg->little, start);

		memcpy(d->area[WEFT_AREA_DRIVER] + 2, &idx, sizeof(idx));
		memcpy(d->area[WEFT_AREA_DEVICE] + 2, &idx, sizeof(idx));
	}
	/* As it was left: all slots used in the round before, or in this one. */
	for (i = 0; cfg->packed && i < size; i++) {
		u8 both = start > i && !((start - 1 - i) / size & 1) ? 0x80 : 0;

		d->area[WEFT_AREA_DESC][i * 16 + 14] = both;
		d->area[WEFT_AREA_DESC][i * 16 + 15] = both;
	}
	return drv_begin(d);
}

/* A ring and its driver. Undone by drv_free(), also if it failed. */
static inline int drv_init(struct drv *d, const struct weft_ring_config *cfg,
			   enum drv_access access, u64 start)
{
	int ret;

	memset(d, 0, sizeof(*d));
	ret = drv_alloc(d, cfg);
	return ret ? ret : drv_reset(d, cfg, access, start);
}

/* ---- words of the areas, in the ring's byte order ---- */

static inline u16 drv_get16(const struct drv *d, enum weft_ring_area area, u32 off)
{
	__virtio16 raw;

	memcpy(&raw, d->area[area] + off, sizeof(raw));
	return __virtio16_to_cpu(d->ring.cfg.little, raw);
}

static inline u32 drv_get32(const struct drv *d, enum weft_ring_area area, u32 off)
{
	__virtio32 raw;

	memcpy(&raw, d->area[area] + off, sizeof(raw));
	return __virtio32_to_cpu(d->ring.cfg.little, raw);
}

static inline void drv_put16(struct drv *d, enum weft_ring_area area, u32 off, u16 v)
{
	__virtio16 raw = __cpu_to_virtio16(d->ring.cfg.little, v);

	memcpy(d->area[area] + off, &raw, sizeof(raw));
}

/* A descriptor of either format, at @to. The third pair is id/flags of a packed one. */
static inline void drv_desc(const struct drv *d, u8 *to, u64 addr, u32 len, u16 a, u16 b)
{
	bool little = d->ring.cfg.little;
	__virtio64 raw_addr = __cpu_to_virtio64(little, addr);
	__virtio32 raw_len = __cpu_to_virtio32(little, len);
	__virtio16 raw_a = __cpu_to_virtio16(little, a);
	__virtio16 raw_b = __cpu_to_virtio16(little, b);

	memcpy(to, &raw_addr, 8);
	memcpy(to + 8, &raw_len, 4);
	memcpy(to + 12, &raw_a, 2);
	memcpy(to + 14, &raw_b, 2);
}

static inline void drv_split_desc(struct drv *d, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	drv_desc(d, d->area[WEFT_AREA_DESC] + i * 16, addr, len, flags, next);
}

static inline void drv_packed_desc(struct drv *d, u16 slot, u64 addr, u32 len, u16 id, u16 flags)
{
	drv_desc(d, d->area[WEFT_AREA_DESC] + slot * 16, addr, len, id, flags);
}

/* An entry of an indirect table; tables lie one behind the other. */
static inline void drv_table_desc(struct drv *d, u32 i, u64 addr, u32 len, u16 flags, u16 next)
{
	if (d->ring.cfg.packed)
		drv_desc(d, d->tables + i * 16, addr, len, 0, flags);
	else
		drv_desc(d, d->tables + i * 16, addr, len, flags, next);
}

static inline u64 drv_table_addr(u16 head)
{
	return DRV_TABLES + head * DRV_TABLE_SIZE;
}

/* The flags that make a packed descriptor available at a slot counted since ever. */
static inline u16 drv_packed_flags(const struct drv *d, u64 slot)
{
	return slot / d->ring.cfg.size & 1 ? BIT(VRING_PACKED_DESC_F_USED)
					   : BIT(VRING_PACKED_DESC_F_AVAIL);
}

/* Offsets of the fields of a split ring that are not at its beginning. */
static inline u32 drv_used_event(const struct drv *d)
{
	return 4 + d->ring.cfg.size * 2;
}

static inline u32 drv_avail_event(const struct drv *d)
{
	return 4 + d->ring.cfg.size * 8;
}

static inline void drv_split_heads(struct drv *d, u16 at, u16 head)
{
	drv_put16(d, WEFT_AREA_DRIVER, 4 + (at & (d->ring.cfg.size - 1)) * 2, head);
}

static inline void drv_split_idx(struct drv *d, u16 idx)
{
	drv_put16(d, WEFT_AREA_DRIVER, 2, idx);
}

#endif /* WEFT_TESTS_DRIVER_H */
