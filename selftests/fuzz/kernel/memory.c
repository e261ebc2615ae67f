// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory: one file, which this program has mapped for itself, and
 * twice as the owner of the device, who may unmap it while it is used.
 */
#include "ring.h"

#include <linux/virtio_net.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "must.h"

#define PAGE_BYTES	4096U

uint8_t *mem;
uint64_t mem_gpa = 0x40000000;
static uint8_t *first, *second;		/* before and behind the first border */
static int file;
static bool changed;

static void *map(void *at, uint32_t offset, uint32_t len, int prot)
{
	void *p = mmap(at, len, prot, MAP_SHARED | (at ? MAP_FIXED : 0), file, offset);

	MUST(p == MAP_FAILED);
	return p;
}

/* What frames begin with: headers of offloads, right and wrong. */
void mem_fill(void)
{
	static const struct virtio_net_hdr some[] = {
		{ },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		  .hdr_len = 54, .gso_size = 1000, .csum_start = 34, .csum_offset = 16 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = 5 /* UDP_L4 */,
		  .hdr_len = 42, .gso_size = 1, .csum_start = 34, .csum_offset = 6 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .hdr_len = 0xffff },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 0xffff,
		  .csum_offset = 0xffff },
		{ .flags = 0xff, .gso_type = 0xff, .hdr_len = 0xffff, .gso_size = 0xffff },
		{ .flags = VIRTIO_NET_HDR_F_DATA_VALID },
	};
	static const uint8_t frame[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0x05, 0xdc, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	};

	for (uint32_t at = MEM_BORDER; at < MEM_SIZE; at += PAGE_BYTES) {
		memcpy(mem + at, &some[at / PAGE_BYTES % 8], sizeof(some[0]));
		memcpy(mem + at + 12, frame, sizeof(frame));
	}
}

void mem_reset(void)
{
	if (!changed)
		return;
	map(first, 0, MEM_SIZE, PROT_READ | PROT_WRITE);
	map(first + MEM_RO, MEM_RO, MEM_HOLE - MEM_RO, PROT_READ);
	MUST(munmap(first + MEM_HOLE, MEM_AFTER - MEM_HOLE));
	map(second, 0, MEM_SIZE, PROT_READ | PROT_WRITE);
	changed = false;
}

void mem_begin(void)
{
	file = memfd_create("guest", MFD_CLOEXEC);
	MUST(file < 0);
	MUST(ftruncate(file, MEM_SIZE));
	mem = map(NULL, 0, MEM_SIZE, PROT_READ | PROT_WRITE);
	first = map(NULL, 0, MEM_SIZE, PROT_READ | PROT_WRITE);
	second = map(NULL, 0, MEM_SIZE, PROT_READ | PROT_WRITE);
	mem_fill();
	changed = true;
	mem_reset();
}

uint64_t mem_user(uint32_t offset)
{
	return (uintptr_t)(offset >= MEM_BORDER && offset < MEM_BORDER2 ? second : first) + offset;
}

/* Pages of the owner's go, come back, or become others. */
void mem_change(struct bytes *in)
{
	uint32_t at = get8(in) * PAGE_BYTES, len = (1 + get8(in) % 4) * PAGE_BYTES;
	uint8_t how = get8(in);
	uint8_t *p;

	if (at + len > MEM_RO)
		at = 0;
	p = (how & 8 ? second : first) + at;
	changed = true;
	counts.calls++;
	switch (how % 4) {
	case 0:
		munmap(p, len);
		break;
	case 1:
		map(p, at, len, PROT_READ | PROT_WRITE);
		break;
	case 2:
		mprotect(p, len, PROT_READ);
		break;
	default:
		mmap(p, len, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	}
}

/* Bytes into a page that buffers are in. */
void mem_write(struct bytes *in)
{
	uint32_t at = MEM_BORDER + get8(in) % 32 * PAGE_BYTES + get8(in);
	unsigned int n = get8(in) % 64;

	while (n--)
		mem[at++] = get8(in);
}
