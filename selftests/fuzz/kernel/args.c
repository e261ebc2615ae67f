// SPDX-License-Identifier: GPL-2.0
#include "args.h"

#include <fcntl.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "must.h"
#include "ring.h"

#define FDS	16

static int fds[FDS];
static unsigned int nfds;
static uint8_t *edge;		/* behind which is nothing */

void args_begin(const int *some, unsigned int n)
{
	int pipes[2], others[4];

	MUST(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
	others[0] = pipes[0];
	others[1] = epoll_create1(EPOLL_CLOEXEC);
	others[2] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	others[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (nfds < n) {
		fds[nfds] = some[nfds];
		nfds++;
	}
	for (unsigned int i = 0; i < 4; i++)
		fds[nfds++] = others[i];
	fds[nfds++] = -1;
	fds[nfds++] = -2;
	fds[nfds++] = 1000;
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(edge == MAP_FAILED);
	edge += 4096;
	MUST(munmap(edge, 4096));
}

static int some_fd(struct bytes *in)
{
	return fds[get8(in) % nfds];
}

/* Of the owner's memory, or not: of its device's, as both take one for the other. */
static uint64_t some_address(struct bytes *in)
{
	uint8_t kind = get8(in);

	switch (kind & 7) {
	case 0 ... 2:
		return mem_user((get8(in) << 12 | (kind >> 3) * 2) % MEM_SIZE);
	case 3 ... 4:
		return GPA + (get8(in) << 12) + (kind >> 3) * 2;
	case 5:
		return (uintptr_t)edge - get8(in);
	case 6:
		return 0xffff800000000000ULL + get_number(in);
	default:
		return get_number(in);
	}
}

static uint32_t some_index(struct bytes *in)
{
	uint8_t n = get8(in);

	return n < 240 ? n % 4 : n < 250 ? n : 0x80000000u + n;
}

static size_t put_table(uint8_t *buf, struct bytes *in)
{
	struct vhost_memory t = { .nregions = get8(in) % 8 };
	struct vhost_memory_region r;
	size_t len = sizeof(t);

	for (unsigned int i = 0; i < t.nregions; i++, len += sizeof(r)) {
		uint8_t how = get8(in);

		r = (struct vhost_memory_region){
			.guest_phys_addr = how & 1 ? get_number(in) : GPA + i * 0x10000,
			.memory_size = how & 2 ? get_number(in) : 0x10000,
			.userspace_addr = how & 4 ? some_address(in) : mem_user(i * 0x10000),
			.flags_padding = how >> 7,
		};
		memcpy(buf + len, &r, sizeof(r));
	}
	if (get8(in) > 250)
		t.nregions = get_number(in);
	memcpy(buf, &t, sizeof(t));
	return len;
}

static size_t put(uint8_t *buf, enum arg arg, struct bytes *in)
{
	struct vhost_vring_state s;
	struct vhost_vring_addr a;
	uint64_t n;
	int fd;

	switch (arg) {
	case ARG_NONE:
		return 0;
	case ARG_U32:
	case ARG_U64:
		n = get_number(in);
		memcpy(buf, &n, 8);
		return arg == ARG_U32 ? 4 : 8;
	case ARG_BITS:
		n = 1ULL << 32 | (uint64_t)get16(in) << 26 | get8(in) << 10;
		if (get8(in) & 0x80)
			n = get64(in);
		memcpy(buf, &n, 8);
		return 8;
	case ARG_ADDRESS:
		n = some_address(in);
		memcpy(buf, &n, 8);
		return 8;
	case ARG_FD:
		fd = some_fd(in);
		memcpy(buf, &fd, 4);
		return 4;
	case ARG_STATE:
	case ARG_STATE_BYTE:
		s.index = some_index(in);
		s.num = arg == ARG_STATE ? get_number(in) : get8(in);
		memcpy(buf, &s, sizeof(s));
		return sizeof(s);
	case ARG_FILE:
		s.index = some_index(in);
		s.num = some_fd(in);
		memcpy(buf, &s, sizeof(s));
		return sizeof(s);
	case ARG_ADDR:
		a = (struct vhost_vring_addr){ .index = some_index(in) };
		a.flags = get8(in) & 0x81;
		a.desc_user_addr = some_address(in);
		a.avail_user_addr = some_address(in);
		a.used_user_addr = some_address(in);
		a.log_guest_addr = get_number(in) * 4;
		memcpy(buf, &a, sizeof(a));
		return sizeof(a);
	case ARG_TABLE:
		return put_table(buf, in);
	case ARG_WORDS:
		n = get8(in) % 6;
		memcpy(buf, &n, 8);
		for (unsigned int i = 1; i <= n; i++) {
			uint64_t word = i == 1 ? 1ULL << 32 : get_number(in);

			memcpy(buf + 8 * i, &word, 8);
		}
		return 8 + 8 * n;
	case ARG_BYTES:
		for (unsigned int i = 0; i < 40; i++)
			buf[i] = get8(in);
		return 40;
	}
	return 0;
}

void args_ioctl(int fd, const struct arg_ioctl *table, unsigned int n, struct bytes *in)
{
	/* Whatever is written behind it hits nothing. */
	uint8_t *buf = edge - 1024, which = get8(in), where;
	const struct arg_ioctl *c = &table[which % n];
	unsigned long cmd = c->cmd ?: 0xaf00UL | get8(in) | get8(in) << 16 | (get8(in) & 3UL) << 30;
	size_t len = put(buf, c->arg, in);
	void *arg = buf;

	where = get8(in);
	/* It ends with the memory, or before. */
	if (where >= 0xf0 && len) {
		size_t there = where & 1 ? len - 1 : len;

		memmove(edge - there, buf, there);
		arg = edge - there;
	} else if (where == 0xef) {
		arg = NULL;
	}
	counts.calls++;
	ioctl(fd, cmd, arg);
}

/* To its IOTLB, in the old format or in the new, and perhaps cut off. */
void args_message(int fd, struct bytes *in)
{
	uint8_t how = get8(in), cut = get8(in);
	struct vhost_iotlb_msg m = {
		.iova = how & 1 ? GPA + (get8(in) << 12) : get_number(in),
		.size = how & 2 ? (1 + get8(in)) << 12 : get_number(in),
		.uaddr = some_address(in),
		.perm = get8(in) & 7,
		.type = get8(in) % 9,
	};
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2, .iotlb = m };
	struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG, .iotlb = m };
	size_t len = sizeof(v2);

	/* Everything that there is; what is there already is what is meant mostly. */
	if ((how & 0xc) == 0xc)
		v2.iotlb.iova = 0, v2.iotlb.size = ~0ULL;
	if (how & 0x10)
		v2.asid = how >> 5;
	if (how == 0xff)
		v2.type = get8(in);
	if (cut > 0xf0)
		len = get8(in) % (sizeof(v2) + 8);
	if (len > sizeof(v2))
		len = sizeof(v2);
	counts.calls++;
	if (write(fd, (how & 0xe0) == 0xe0 ? (void *)&v1 : (void *)&v2, len) < 0)
		return;
}
