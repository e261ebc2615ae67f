// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl, in each state, with arguments right and wrong: the same errno as
 * of in-tree vhost-net in the same machine, but for what a table here explains.
 */
#include <linux/virtio_net.h>
#include <sched.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "guest_dev.h"
#include "guest_net.h"
#include "kselftest.h"
#include "vhost_new.h"

#define IN_TREE		"/dev/vhost-net"
#define NOWHERE		8UL	/* an address where no memory is */

/* States, each with what the ones before it have */
enum state { OPEN, OWNED, TABLE, RINGS, LIVE, STATES };
static const char *const states[] = { "open", "owned", "with memory", "with rings", "live" };

static struct guest_mem mem;
static int tap, event;
static const uint64_t features = 1ULL << VIRTIO_F_VERSION_1;

static int vring(int fd, unsigned long cmd, uint32_t index, uint32_t num)
{
	struct vhost_vring_state s = { index, num };

	return ioctl(fd, cmd, &s);
}

static int vfile(int fd, unsigned long cmd, uint32_t index, int file)
{
	struct vhost_vring_file f = { index, file };

	return ioctl(fd, cmd, &f);
}

static int vaddr(int fd, uint32_t index, uint64_t desc, uint64_t avail, uint64_t used,
		 uint32_t flags)
{
	struct vhost_vring_addr a = {
		.index = index, .flags = flags, .desc_user_addr = desc,
		.avail_user_addr = avail, .used_user_addr = used,
	};

	return ioctl(fd, VHOST_SET_VRING_ADDR, &a);
}

static uint64_t ring_at(unsigned int n)
{
	return (uintptr_t)mem.base + 65536 * n;
}

static int good_addr(int fd, unsigned int q)
{
	return vaddr(fd, q, ring_at(q), ring_at(q) + 4096, ring_at(q) + 8192, 0);
}

static int enter(const char *node, enum state to)
{
	struct vhost_memory *t = guest_mem_table(&mem);
	int fd = open(node, O_RDWR | O_CLOEXEC), q;

	ASSERT_GE(fd, 0);
	if (to >= OWNED)
		ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	if (to >= TABLE) {
		ASSERT_EQ(ioctl(fd, VHOST_SET_FEATURES, &features), 0);
		ASSERT_EQ(ioctl(fd, VHOST_SET_MEM_TABLE, t), 0);
	}
	for (q = 0; to >= RINGS && q < 2; q++) {
		ASSERT_EQ(vring(fd, VHOST_SET_VRING_NUM, q, 64), 0);
		ASSERT_EQ(good_addr(fd, q), 0);
	}
	for (q = 0; to >= LIVE && q < 2; q++)
		ASSERT_EQ(vfile(fd, VHOST_NET_SET_BACKEND, q, tap), 0);
	free(t);
	return fd;
}

/* What is tried */

#define TRY(_name, ...)							\
	static int try_##_name(int fd)					\
	{								\
		__VA_ARGS__						\
	}

TRY(set_owner, return ioctl(fd, VHOST_SET_OWNER, NULL);)
TRY(reset_owner, return ioctl(fd, VHOST_RESET_OWNER, NULL);)
TRY(get_features, uint64_t f; return ioctl(fd, VHOST_GET_FEATURES, &f);)
TRY(get_features_nowhere, return ioctl(fd, VHOST_GET_FEATURES, NOWHERE);)
TRY(set_features_none, uint64_t f = 0; return ioctl(fd, VHOST_SET_FEATURES, &f);)
TRY(set_features_unknown, uint64_t f = 1ULL << 63; return ioctl(fd, VHOST_SET_FEATURES, &f);)
TRY(set_features_nowhere, return ioctl(fd, VHOST_SET_FEATURES, NOWHERE);)
TRY(set_features_log, uint64_t f = features | F(VHOST_F_LOG_ALL);
	return ioctl(fd, VHOST_SET_FEATURES, &f);)
TRY(set_features_iotlb, uint64_t f = features | F(VIRTIO_F_ACCESS_PLATFORM);
	return ioctl(fd, VHOST_SET_FEATURES, &f);)
TRY(get_backend_features, uint64_t f; return ioctl(fd, VHOST_GET_BACKEND_FEATURES, &f);)
TRY(set_backend_features, uint64_t f = 2; return ioctl(fd, VHOST_SET_BACKEND_FEATURES, &f);)
TRY(set_backend_features_unknown, uint64_t f = 1ULL << 40;
	return ioctl(fd, VHOST_SET_BACKEND_FEATURES, &f);)
TRY(set_backend_features_nowhere, return ioctl(fd, VHOST_SET_BACKEND_FEATURES, NOWHERE);)

TRY(table_none, struct vhost_memory t = { 0 }; return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)
TRY(table_padding, struct vhost_memory t = { 0, 1 }; return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)
TRY(table_too_long, struct vhost_memory t = { 100000 };
	return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)
TRY(table_nowhere, return ioctl(fd, VHOST_SET_MEM_TABLE, NOWHERE);)
TRY(table_empty_region, struct { struct vhost_memory t; struct vhost_memory_region r; } t = {
	{ 1 }, { 4096, 0, 0 } }; t.r.userspace_addr = (uintptr_t)mem.base;
	return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)
TRY(table_that_wraps, struct { struct vhost_memory t; struct vhost_memory_region r; } t = {
	{ 1 }, { ~0ULL, 8192, 0 } }; t.r.userspace_addr = (uintptr_t)mem.base;
	return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)
TRY(table_of_the_kernels, struct { struct vhost_memory t; struct vhost_memory_region r; } t = {
	{ 1 }, { 0, 8192, 0xffff888000000000 } };
	return ioctl(fd, VHOST_SET_MEM_TABLE, &t);)

TRY(log_base, uint64_t p = (uintptr_t)mem.base; return ioctl(fd, VHOST_SET_LOG_BASE, &p);)
TRY(log_base_nowhere, return ioctl(fd, VHOST_SET_LOG_BASE, NOWHERE);)
TRY(log_fd, return ioctl(fd, VHOST_SET_LOG_FD, &event);)
TRY(log_fd_none, int n = -1; return ioctl(fd, VHOST_SET_LOG_FD, &n);)
TRY(log_fd_closed, int n = 1000; return ioctl(fd, VHOST_SET_LOG_FD, &n);)
TRY(log_fd_tap, return ioctl(fd, VHOST_SET_LOG_FD, &tap);)
TRY(log_fd_nowhere, return ioctl(fd, VHOST_SET_LOG_FD, NOWHERE);)

TRY(num, return vring(fd, VHOST_SET_VRING_NUM, 0, 128);)
TRY(num_0, return vring(fd, VHOST_SET_VRING_NUM, 0, 0);)
TRY(num_odd, return vring(fd, VHOST_SET_VRING_NUM, 0, 100);)
TRY(num_most, return vring(fd, VHOST_SET_VRING_NUM, 0, 32768);)
TRY(num_65536, return vring(fd, VHOST_SET_VRING_NUM, 0, 65536);)
TRY(num_huge, return vring(fd, VHOST_SET_VRING_NUM, 0, 1u << 31);)
TRY(num_nowhere, return ioctl(fd, VHOST_SET_VRING_NUM, NOWHERE);)
TRY(num_index_1, return vring(fd, VHOST_SET_VRING_NUM, 1, 64);)
TRY(num_index_2, return vring(fd, VHOST_SET_VRING_NUM, 2, 64);)
TRY(num_index_3, return vring(fd, VHOST_SET_VRING_NUM, 3, 64);)
TRY(num_index_huge, return vring(fd, VHOST_SET_VRING_NUM, 1u << 31, 64);)
TRY(num_index_most, return vring(fd, VHOST_SET_VRING_NUM, ~0u, 64);)

TRY(base, return vring(fd, VHOST_SET_VRING_BASE, 0, 0);)
TRY(base_65535, return vring(fd, VHOST_SET_VRING_BASE, 0, 65535);)
TRY(base_65536, return vring(fd, VHOST_SET_VRING_BASE, 0, 65536);)
TRY(get_base, return vring(fd, VHOST_GET_VRING_BASE, 0, 0);)
TRY(get_base_index_2, return vring(fd, VHOST_GET_VRING_BASE, 2, 0);)
TRY(get_base_nowhere, return ioctl(fd, VHOST_GET_VRING_BASE, NOWHERE);)

TRY(addr, return good_addr(fd, 0);)
TRY(addr_flags, return vaddr(fd, 0, ring_at(0), ring_at(0), ring_at(0), 2);)
TRY(addr_log_flag, return vaddr(fd, 0, ring_at(0), ring_at(0) + 4096, ring_at(0) + 8192, 1);)
TRY(addr_avail_odd, return vaddr(fd, 0, ring_at(0), ring_at(0) + 1, ring_at(0), 0);)
TRY(addr_used_odd, return vaddr(fd, 0, ring_at(0), ring_at(0), ring_at(0) + 2, 0);)
TRY(addr_of_the_kernels, return vaddr(fd, 0, 0xffff888000000000, 0xffff888000000000,
				      0xffff888000000000, 0);)
TRY(addr_index_2, return good_addr(fd, 2);)
TRY(addr_nowhere, return ioctl(fd, VHOST_SET_VRING_ADDR, NOWHERE);)

TRY(kick, return vfile(fd, VHOST_SET_VRING_KICK, 0, event);)
TRY(kick_none, return vfile(fd, VHOST_SET_VRING_KICK, 0, -1);)
TRY(kick_closed, return vfile(fd, VHOST_SET_VRING_KICK, 0, 1000);)
TRY(kick_tap, return vfile(fd, VHOST_SET_VRING_KICK, 0, tap);)
TRY(kick_index_2, return vfile(fd, VHOST_SET_VRING_KICK, 2, event);)
TRY(kick_nowhere, return ioctl(fd, VHOST_SET_VRING_KICK, NOWHERE);)
TRY(call, return vfile(fd, VHOST_SET_VRING_CALL, 1, event);)
TRY(call_none, return vfile(fd, VHOST_SET_VRING_CALL, 1, -1);)
TRY(call_closed, return vfile(fd, VHOST_SET_VRING_CALL, 1, 1000);)
TRY(call_tap, return vfile(fd, VHOST_SET_VRING_CALL, 1, tap);)
TRY(err, return vfile(fd, VHOST_SET_VRING_ERR, 0, event);)
TRY(err_minus_2, return vfile(fd, VHOST_SET_VRING_ERR, 0, -2);)
TRY(busyloop, return vring(fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0, 50);)
TRY(get_busyloop, return vring(fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 0, 0);)
TRY(busyloop_index_2, return vring(fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 2, 50);)

TRY(backend, return vfile(fd, VHOST_NET_SET_BACKEND, 1, tap);)
TRY(backend_none, return vfile(fd, VHOST_NET_SET_BACKEND, 1, -1);)
TRY(backend_closed, return vfile(fd, VHOST_NET_SET_BACKEND, 1, 1000);)
TRY(backend_event, return vfile(fd, VHOST_NET_SET_BACKEND, 1, event);)
TRY(backend_index_2, return vfile(fd, VHOST_NET_SET_BACKEND, 2, tap);)
TRY(backend_index_huge, return vfile(fd, VHOST_NET_SET_BACKEND, 1u << 31, tap);)
TRY(backend_nowhere, return ioctl(fd, VHOST_NET_SET_BACKEND, NOWHERE);)

TRY(unknown, uint32_t n[16] = { 0 }; return ioctl(fd, _IO(VHOST_VIRTIO, 0xf0), n);)
TRY(unknown_type, uint32_t n[16] = { 0 }; return ioctl(fd, _IO('x', 1), n);)
TRY(unknown_nowhere, return ioctl(fd, _IO(VHOST_VIRTIO, 0xf0), NOWHERE);)
TRY(scsi, char n[256] = { 0 }; return ioctl(fd, VHOST_SCSI_GET_ABI_VERSION, n);)
TRY(vsock, uint64_t n = 3; return ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &n);)
TRY(vdpa, uint32_t n = 0; return ioctl(fd, VHOST_VDPA_GET_DEVICE_ID, &n);)
TRY(endian, return vring(fd, VHOST_SET_VRING_ENDIAN, 0, 0);)
TRY(get_endian, return vring(fd, VHOST_GET_VRING_ENDIAN, 0, 0);)

#define T(_name)	{ #_name, try_##_name }
static const struct {
	const char *name;
	int (*call)(int fd);
} tries[] = {
	T(set_owner), T(reset_owner), T(get_features), T(get_features_nowhere),
	T(set_features_none), T(set_features_unknown), T(set_features_nowhere),
	T(set_features_log), T(set_features_iotlb), T(get_backend_features),
	T(set_backend_features), T(set_backend_features_unknown),
	T(set_backend_features_nowhere), T(table_none), T(table_padding), T(table_too_long),
	T(table_nowhere), T(table_empty_region), T(table_that_wraps), T(table_of_the_kernels),
	T(log_base), T(log_base_nowhere), T(log_fd), T(log_fd_none), T(log_fd_closed),
	T(log_fd_tap), T(log_fd_nowhere), T(num), T(num_0), T(num_odd), T(num_most),
	T(num_65536), T(num_huge),
	T(num_nowhere), T(num_index_1), T(num_index_2), T(num_index_3), T(num_index_huge),
	T(num_index_most), T(base), T(base_65535), T(base_65536), T(get_base),
	T(get_base_index_2), T(get_base_nowhere), T(addr), T(addr_flags), T(addr_log_flag),
	T(addr_avail_odd), T(addr_used_odd), T(addr_of_the_kernels), T(addr_index_2),
	T(addr_nowhere), T(kick), T(kick_none), T(kick_closed), T(kick_tap), T(kick_index_2),
	T(kick_nowhere), T(call), T(call_none), T(call_closed), T(call_tap), T(err),
	T(err_minus_2), T(busyloop), T(get_busyloop), T(busyloop_index_2), T(backend),
	T(backend_none), T(backend_closed), T(backend_event), T(backend_index_2),
	T(backend_index_huge), T(backend_nowhere), T(unknown), T(unknown_type),
	T(unknown_nowhere), T(scsi), T(vsock), T(vdpa), T(endian), T(get_endian),
};

/* Where ours differs, and why. In all states but those named. */
static const struct {
	const char *name;
	int ours, in_tree;
	const char *why;
} differs[] = {
	{ "endian", 0, ENOTTY, "in-tree is built without it" },
	{ "get_endian", 0, ENOTTY, "in-tree is built without it" },
	{ "endian", EBUSY, ENOTTY, "in-tree is built without it" },
	{ "backend_none", 0, EFAULT, "to take nothing away needs no ring" },
	{ "table_of_the_kernels", EFAULT, 0, "in-tree notices when it is live only" },
	{ "backend_closed", ENOTSOCK, EFAULT, "the file is looked at before the ring" },
	{ "backend_event", ENOTSOCK, EFAULT, "the file is looked at before the ring" },
	{ "backend_nowhere", EPERM, EFAULT, "the owner is looked at before the argument" },
	{ "backend_index_2", EPERM, ENOBUFS, "the owner is looked at before the argument" },
	{ "unknown", ENOTTY, EFAULT, "what is unknown is unknown, whatever its argument" },
	{ "unknown_type", ENOTTY, EFAULT, "what is unknown is unknown, whatever its argument" },
	{ "unknown_nowhere", ENOTTY, EFAULT, "what is unknown is unknown, whatever its argument" },
	{ "scsi", ENOTTY, EFAULT, "what is unknown is unknown, whatever its argument" },
	{ "vsock", ENOTTY, ENOBUFS, "what is unknown is unknown, whatever its argument" },
};

static bool explained(const char *name, int ours, int in_tree)
{
	for (unsigned int i = 0; i < sizeof(differs) / sizeof(*differs); i++)
		if (!strcmp(differs[i].name, name) && differs[i].ours == ours &&
		    differs[i].in_tree == in_tree)
			return true;
	return false;
}

static void prepare(void)
{
	ASSERT_EQ(guest_net_private(), 0);
	ASSERT_EQ(guest_mem_init(&mem, NULL), 0);
	tap = guest_tap_open("tap0", 12, 0);
	ASSERT_GE(tap, 0);
	event = eventfd(0, EFD_NONBLOCK);
	ASSERT_GE(event, 0);
}

static int result(const char *node, enum state s, int (*call)(int fd))
{
	int fd = enter(node, s), ret;

	errno = 0;
	ret = call(fd) ? errno : 0;
	close(fd);
	return ret;
}

static void run_state(enum state s)
{
	unsigned int same = 0, other = 0;

	prepare();
	if (access(IN_TREE, F_OK))
		SKIP("there is no %s", IN_TREE);
	for (unsigned int i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		int in_tree = result(IN_TREE, s, tries[i].call);
		int ours = result(guest_dev_node(), s, tries[i].call);

		if (ours == in_tree)
			same++;
		else if (explained(tries[i].name, ours, in_tree))
			other++;
		else
			KSFT_FAILED(0, "%s, %s: ours %d (%s), in-tree %d (%s)", tries[i].name,
				    states[s], ours, strerror(ours), in_tree, strerror(in_tree));
	}
	ksft_note("%s: %u the same, %u that are meant to differ", states[s], same, other);
}

TEST(errnos_when_open)
{
	run_state(OPEN);
}

TEST(errnos_when_owned)
{
	run_state(OWNED);
}

TEST(errnos_with_memory)
{
	run_state(TABLE);
}

TEST(errnos_with_rings)
{
	run_state(RINGS);
}

TEST(errnos_when_live)
{
	run_state(LIVE);
}

/* Numbers and sizes are those that clients were built with. */
TEST(uapi)
{
	static const struct {
		unsigned long cmd, number;
	} numbers[] = {
		{ VHOST_GET_FEATURES, 0x8008af00 }, { VHOST_SET_FEATURES, 0x4008af00 },
		{ VHOST_SET_OWNER, 0xaf01 }, { VHOST_RESET_OWNER, 0xaf02 },
		{ VHOST_SET_MEM_TABLE, 0x4008af03 }, { VHOST_SET_LOG_BASE, 0x4008af04 },
		{ VHOST_SET_LOG_FD, 0x4004af07 }, { VHOST_NEW_WORKER, 0x8004af08 },
		{ VHOST_FREE_WORKER, 0x4004af09 }, { VHOST_SET_VRING_NUM, 0x4008af10 },
		{ VHOST_SET_VRING_ADDR, 0x4028af11 }, { VHOST_SET_VRING_BASE, 0x4008af12 },
		{ VHOST_GET_VRING_BASE, 0xc008af12 }, { VHOST_SET_VRING_ENDIAN, 0x4008af13 },
		{ VHOST_GET_VRING_ENDIAN, 0x4008af14 },
		{ VHOST_ATTACH_VRING_WORKER, 0x4008af15 }, { VHOST_GET_VRING_WORKER, 0xc008af16 },
		{ VHOST_SET_VRING_KICK, 0x4008af20 }, { VHOST_SET_VRING_CALL, 0x4008af21 },
		{ VHOST_SET_VRING_ERR, 0x4008af22 },
		{ VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0x4008af23 },
		{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 0x4008af24 },
		{ VHOST_SET_BACKEND_FEATURES, 0x4008af25 },
		{ VHOST_GET_BACKEND_FEATURES, 0x8008af26 }, { VHOST_NET_SET_BACKEND, 0x4008af30 },
		{ VHOST_GET_FEATURES_ARRAY, 0x8008af83 }, { VHOST_SET_FEATURES_ARRAY, 0x4008af83 },
		{ VHOST_SET_FORK_FROM_OWNER, 0x4001af84 },
		{ VHOST_GET_FORK_FROM_OWNER, 0x8001af85 },
	};

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		EXPECT_EQ(numbers[i].cmd, numbers[i].number);
	EXPECT_EQ(sizeof(struct vhost_msg), 72);
	EXPECT_EQ(offsetof(struct vhost_msg, iotlb), 8);
	EXPECT_EQ(sizeof(struct vhost_msg_v2), 72);
	EXPECT_EQ(sizeof(struct vhost_iotlb_msg), 32);
	EXPECT_EQ(sizeof(struct vhost_memory), 8);
	EXPECT_EQ(sizeof(struct vhost_memory_region), 32);
}

/* All that in-tree offers in this machine, and a packed ring. */
TEST(features_are_those_of_in_tree_and_more)
{
	uint64_t ours = 0, theirs = 0, both;
	int a = open(IN_TREE, O_RDWR), b = open(guest_dev_node(), O_RDWR);

	if (a < 0)
		SKIP("there is no %s", IN_TREE);
	ASSERT_EQ(ioctl(a, VHOST_GET_FEATURES, &theirs), 0);
	ASSERT_EQ(ioctl(b, VHOST_GET_FEATURES, &ours), 0);
	both = ours & theirs;
	EXPECT_EQ(both, theirs);
	EXPECT_TRUE(ours & F(VIRTIO_F_RING_PACKED));
	EXPECT_TRUE(ours & F(VIRTIO_F_IN_ORDER));
	EXPECT_TRUE(ours & F(40 /* RING_RESET */));
}

TEST(features_array)
{
	uint64_t a[10], f = 0, *last;
	uint8_t *page;
	int fd = open(guest_dev_node(), O_RDWR);

	ASSERT_EQ(ioctl(fd, VHOST_GET_FEATURES, &f), 0);
	memset(a, 0xaa, sizeof(a));
	a[0] = 2;
	ASSERT_EQ(ioctl(fd, VHOST_GET_FEATURES_ARRAY, a), 0);
	EXPECT_EQ(a[1], f);
	/* What it offers it takes, in as many words as the client knows. */
	ASSERT_EQ(ioctl(fd, VHOST_SET_FEATURES_ARRAY, a), 0);
	a[0] = 1;
	ASSERT_EQ(ioctl(fd, VHOST_SET_FEATURES_ARRAY, a), 0);
	a[0] = 0;
	ASSERT_EQ(ioctl(fd, VHOST_SET_FEATURES_ARRAY, a), 0);
	/* Words that nobody knows have to be empty. */
	a[0] = 9;
	memset(a + 1, 0, 72);
	ASSERT_EQ(ioctl(fd, VHOST_SET_FEATURES_ARRAY, a), 0);
	a[9] = 1;
	EXPECT_ERRNO(EOPNOTSUPP, ioctl(fd, VHOST_SET_FEATURES_ARRAY, a));
	a[9] = 0;
	a[2] = 1ULL << 63;
	EXPECT_ERRNO(EOPNOTSUPP, ioctl(fd, VHOST_SET_FEATURES_ARRAY, a));
	/* All behind it is cleared, up to where no memory is. */
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(page != MAP_FAILED && !mprotect(page + 4096, 4096, PROT_NONE));
	last = (uint64_t *)(page + 4096) - 3;
	last[0] = ~0ULL;
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_GET_FEATURES_ARRAY, last));
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_SET_FEATURES_ARRAY, NOWHERE));
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_GET_FEATURES_ARRAY, NOWHERE));
}

/* Kernels without threads of the owner's say so. */
static bool has_tasks(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	return major > 6 || (major == 6 && minor >= 4);
}

TEST(fork_from_owner)
{
	int fd = open(guest_dev_node(), O_RDWR);
	uint8_t v = 9;

	ASSERT_EQ(ioctl(fd, VHOST_GET_FORK_FROM_OWNER, &v), 0);
	EXPECT_EQ(v, has_tasks());
	v = 2;
	EXPECT_ERRNO(EINVAL, ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v));
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_SET_FORK_FROM_OWNER, NOWHERE));
	v = VHOST_FORK_OWNER_TASK;
	if (has_tasks())
		EXPECT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v), 0);
	else
		EXPECT_ERRNO(EOPNOTSUPP, ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v));
	v = VHOST_FORK_OWNER_KTHREAD;
	ASSERT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v), 0);
	v = 9;
	ASSERT_EQ(ioctl(fd, VHOST_GET_FORK_FROM_OWNER, &v), 0);
	EXPECT_EQ(v, VHOST_FORK_OWNER_KTHREAD);
	ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	EXPECT_ERRNO(EBUSY, ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v));
	/* A kernel thread is nobody's to multiply. */
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_NEW_WORKER, &(struct vhost_worker_state){ 0 }));
}

TEST(workers)
{
	struct vhost_vring_worker v = { 0 };
	struct vhost_worker_state w[2];
	int fd = open(guest_dev_node(), O_RDWR);

	/* As of in-tree vhost-scsi; vhost-net does not know them. */
	EXPECT_ERRNO(EINVAL, ioctl(fd, VHOST_NEW_WORKER, &w[0]));
	EXPECT_ERRNO(EINVAL, ioctl(fd, VHOST_FREE_WORKER, &w[0]));
	EXPECT_ERRNO(EINVAL, ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v));
	EXPECT_ERRNO(EINVAL, ioctl(fd, VHOST_GET_VRING_WORKER, &v));
	ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(ioctl(fd, VHOST_GET_VRING_WORKER, &v), 0);
	if (!has_tasks())
		SKIP("workers are kernel threads here");
	/* One for all at first */
	w[0].worker_id = v.worker_id;
	v.index = 1;
	ASSERT_EQ(ioctl(fd, VHOST_GET_VRING_WORKER, &v), 0);
	EXPECT_EQ(v.worker_id, w[0].worker_id);
	EXPECT_ERRNO(EBUSY, ioctl(fd, VHOST_FREE_WORKER, &w[0]));

	ASSERT_EQ(ioctl(fd, VHOST_NEW_WORKER, &w[1]), 0);
	EXPECT_NE(w[1].worker_id, w[0].worker_id);
	v.worker_id = w[1].worker_id;
	ASSERT_EQ(ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v), 0);
	EXPECT_ERRNO(EBUSY, ioctl(fd, VHOST_FREE_WORKER, &w[1]));
	v.index = 0;
	ASSERT_EQ(ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v), 0);
	ASSERT_EQ(ioctl(fd, VHOST_FREE_WORKER, &w[0]), 0);
	EXPECT_ERRNO(ENODEV, ioctl(fd, VHOST_FREE_WORKER, &w[0]));
	v.worker_id = w[0].worker_id;
	EXPECT_ERRNO(ENODEV, ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v));
	v.worker_id = ~0u;
	EXPECT_ERRNO(ENODEV, ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v));
	for (uint32_t i = 2; i; i = i == 2 ? 3 : i == 3 ? 1u << 31 : i == ~0u ? 0 : ~0u) {
		v.index = i;
		EXPECT_ERRNO(ENOBUFS, ioctl(fd, VHOST_ATTACH_VRING_WORKER, &v));
		EXPECT_ERRNO(ENOBUFS, ioctl(fd, VHOST_GET_VRING_WORKER, &v));
	}
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_FREE_WORKER, NOWHERE));
	EXPECT_ERRNO(EFAULT, ioctl(fd, VHOST_NEW_WORKER, NOWHERE));
}

struct twin {
	int fd, sock, ret;
	struct vhost_worker_state w;
};

static int own_and_wait(void *arg)
{
	struct twin *t = arg;

	t->ret = ioctl(t->fd, VHOST_SET_OWNER, NULL) ?: ioctl(t->fd, VHOST_NEW_WORKER, &t->w);
	if (write(t->sock, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A worker ends with the process that made it; another one in its memory is an owner too. */
TEST(worker_that_was_killed)
{
	struct twin t = { .fd = open(guest_dev_node(), O_RDWR) };
	static uint8_t stack[65536] __attribute__((aligned(16)));
	struct vhost_vring_worker v = { 0 };
	int pipes[2], status;
	pid_t pid;
	char c;

	if (!has_tasks())
		SKIP("workers are kernel threads here");
	ASSERT_EQ(pipe(pipes), 0);
	t.sock = pipes[1];
	pid = clone(own_and_wait, stack + sizeof(stack), CLONE_VM | SIGCHLD, &t);
	ASSERT_GT(pid, 0);
	ASSERT_EQ(read(pipes[0], &c, 1), 1);
	ASSERT_EQ(t.ret, 0);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_ERRNO(EBUSY, ioctl(t.fd, VHOST_FREE_WORKER, &t.w));
	v.worker_id = t.w.worker_id;
	EXPECT_ERRNO(ENODEV, ioctl(t.fd, VHOST_ATTACH_VRING_WORKER, &v));
	/* Nobody serves the queues; they can be served again. */
	EXPECT_ERRNO(EINVAL, ioctl(t.fd, VHOST_GET_VRING_WORKER, &v));
	ASSERT_EQ(ioctl(t.fd, VHOST_NEW_WORKER, &t.w), 0);
	v.worker_id = t.w.worker_id;
	EXPECT_EQ(ioctl(t.fd, VHOST_ATTACH_VRING_WORKER, &v), 0);
	EXPECT_EQ(close(t.fd), 0);
}

/* Who works: a thread of the owner, or of the kernel; by name, and in which cgroup */

static int find_kthread(const char *name)
{
	char line[160];
	int pid = -1;
	FILE *f;

	snprintf(line, sizeof(line), "grep -lx '%s' /proc/[0-9]*/comm 2>/dev/null", name);
	f = popen(line, "r");
	if (f && fscanf(f, "/proc/%d/comm", &pid) != 1)
		pid = -1;
	if (f)
		pclose(f);
	return pid;
}

static void cgroup_of(int pid, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	fd = open(path, O_RDONLY);
	n = read(fd, text, size - 1);
	text[n < 0 ? 0 : n] = 0;
	close(fd);
}

static void move_to_cgroup(const char *name)
{
	char path[96], pid[16];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
	mkdir(path, 0755);
	strcat(path, "/cgroup.procs");
	fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("no cgroups: %s", strerror(errno));
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_GT(write(fd, pid, strlen(pid)), 0);
	close(fd);
}

TEST(worker_is_a_thread_of_the_owner)
{
	int fd = open(guest_dev_node(), O_RDWR);
	char ours[256], its[256];

	if (!has_tasks())
		SKIP("workers are kernel threads here");
	move_to_cgroup("weft-owner");
	EXPECT_EQ(guest_dev_worker(0), -1);
	ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	ASSERT_GT(guest_dev_worker(0), 0);
	cgroup_of(getpid(), ours, sizeof(ours));
	cgroup_of(guest_dev_worker(0), its, sizeof(its));
	EXPECT_STREQ(its, ours);
	EXPECT_TRUE(strstr(its, "weft-owner"));
	close(fd);
	EXPECT_EQ(guest_dev_worker(0), -1);
	move_to_cgroup("");
}

TEST(worker_of_the_kernel_is_in_the_owners_cgroup)
{
	uint8_t v = VHOST_FORK_OWNER_KTHREAD;
	int fd = open(guest_dev_node(), O_RDWR), worker;
	char ours[256], its[256], name[32];

	move_to_cgroup("weft-owner");
	ASSERT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &v), 0);
	ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	snprintf(name, sizeof(name), "vhost-%d", getpid());
	worker = find_kthread(name);
	ASSERT_GT(worker, 0);
	EXPECT_EQ(guest_dev_worker(0), -1);
	cgroup_of(getpid(), ours, sizeof(ours));
	cgroup_of(worker, its, sizeof(its));
	EXPECT_STREQ(its, ours);
	EXPECT_TRUE(strstr(its, "weft-owner"));
	close(fd);
	EXPECT_EQ(find_kthread(name), -1);
	move_to_cgroup("");
}

/* Parameters of the module, which is loaded anew for it */

static int load(const char *args)
{
	char line[256];

	snprintf(line, sizeof(line), "rmmod weft_vhost && insmod $WEFT_MODULES/weft_vhost.ko %s",
		 args);
	return system(line);
}

static int reload(void)
{
	return system("rmmod weft_vhost 2>/dev/null; insmod $WEFT_MODULES/weft_vhost.ko");
}

TEST(module_parameters)
{
	struct vhost_memory *t = calloc(1, sizeof(*t) + 4 * sizeof(t->regions[0]));
	struct stat st;
	int fd;

	ASSERT_EQ(load("devname=vhost-other mode=0660 max_mem_regions=3"), 0);
	EXPECT_EQ(access(guest_dev_node(), F_OK), -1);
	ASSERT_EQ(stat("/dev/vhost-other", &st), 0);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0660);
	fd = open("/dev/vhost-other", O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	for (int i = 0; i < 4; i++)
		t->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = 4096 * i, .memory_size = 4096,
			.userspace_addr = 0x10000000 + 4096 * i,
		};
	t->nregions = 3;
	EXPECT_EQ(ioctl(fd, VHOST_SET_MEM_TABLE, t), 0);
	t->nregions = 4;
	EXPECT_ERRNO(E2BIG, ioctl(fd, VHOST_SET_MEM_TABLE, t));
	/* Not while it is open */
	EXPECT_NE(system("rmmod weft_vhost 2>/dev/null"), 0);
	close(fd);
	ASSERT_EQ(reload(), 0);

	/* A name that is taken, and a mode that is none */
	EXPECT_NE(load("mode=01777 2>/dev/null"), 0);
	ASSERT_EQ(reload(), 0);
	if (!access("/dev/vhost-net", F_OK))
		EXPECT_NE(load("devname=vhost-net 2>/dev/null"), 0);
	ASSERT_EQ(reload(), 0);
	ASSERT_EQ(stat(guest_dev_node(), &st), 0);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0600);
}
