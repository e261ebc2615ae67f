/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a guest that a test program plays.
 *
 * It is one mapping, which vhost is told of as N regions. Addresses that a
 * device is given are contiguous through all regions, while the memory behind
 * neighbours never is (with more than two beside the first): what crosses a
 * border has to be translated piece by piece. Rings come from the first
 * region, which has no such borders.
 *
 * "addr" is always an address as a descriptor has it: guest-physical or, where
 * there is an IOTLB, an IOVA, which is never the same number as the former.
 */
#ifndef WEFT_GUEST_MEM_H
#define WEFT_GUEST_MEM_H

#include <linux/vhost.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE	4096ULL
#define GUEST_GPA	0x100000000ULL	/* guest-physical address of the first byte */
#define GUEST_IOVA	0x10000000000ULL	/* IOVA of guest-physical 0 */

/*
 * Addresses that a kernel sees to be none of the user's begin at 2^47, or somewhere
 * up to 2^63; or there are none, where it has a space of its own, as on s390x.
 */
#if defined(__x86_64__)
#define GUEST_USER_BITS	47
#elif defined(__s390x__)
#define GUEST_USER_BITS	64
#else
#define GUEST_USER_BITS	63
#endif

struct guest_mem {
	uint8_t *base;			/* the mapping */
	size_t size;
	int fd;				/* memfd, or -1 */
	unsigned int regions;
	size_t first;			/* bytes in region 0 */
	unsigned int shift;		/* log2 of the bytes in each other */
	uint64_t start;			/* addr of the first byte */
	bool iova;			/* addr is an IOVA */
	size_t ring_used, data_used;	/* bytes given out of region 0, and in all */
	uint64_t *log;			/* dirty log, one bit a page from 0 on; or NULL */
	size_t log_bytes;
};

struct guest_mem_config {
	unsigned int regions;		/* 0: 1 */
	size_t ring_bytes;		/* 0: 4 MiB */
	size_t data_bytes;		/* 0: 16 MiB; rounded up */
	bool iova;			/* for a device with an IOTLB */
	bool log;			/* with a dirty log */
	bool shared;			/* a memfd, not private memory */
};

/* As system calls: 0, or -1 with errno. NULL: all by default. */
int guest_mem_init(struct guest_mem *m, const struct guest_mem_config *c);
void guest_mem_free(struct guest_mem *m);

/* Memory for a ring, or for buffers; 0 when there is no more. Not to be freed. */
uint64_t guest_mem_alloc_ring(struct guest_mem *m, size_t len, size_t align);
uint64_t guest_mem_alloc(struct guest_mem *m, size_t len, size_t align);

/* Where the byte at addr is; NULL if nowhere. Neighbours end at a region's border. */
void *guest_mem_ptr(const struct guest_mem *m, uint64_t addr);
/* The same, and how many bytes are contiguous from there. */
void *guest_mem_span(const struct guest_mem *m, uint64_t addr, size_t *len);

/* Across borders. The second but last returns the first place that differs, or len. */
void guest_mem_write(const struct guest_mem *m, uint64_t addr, const void *data, size_t len);
void guest_mem_read(const struct guest_mem *m, uint64_t addr, void *data, size_t len);
void guest_mem_fill(const struct guest_mem *m, uint64_t addr, uint8_t byte, size_t len);
size_t guest_mem_compare(const struct guest_mem *m, uint64_t addr, const void *data, size_t len);
bool guest_mem_is_filled(const struct guest_mem *m, uint64_t addr, uint8_t byte, size_t len);

/* Guest-physical, from addr. */
static inline uint64_t guest_mem_gpa(const struct guest_mem *m, uint64_t addr)
{
	return addr - m->start + GUEST_GPA;
}

/* All regions, for VHOST_SET_MEM_TABLE; to be freed. */
struct vhost_memory *guest_mem_table(const struct guest_mem *m);

/* Whether the page of addr is marked in the dirty log; and none, from now on. */
bool guest_mem_dirty(const struct guest_mem *m, uint64_t addr);
void guest_mem_clean(struct guest_mem *m);

#endif
