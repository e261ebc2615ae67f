// SPDX-License-Identifier: GPL-2.0
/* Input that makes no sense: each has its errno, and nothing changes by it. */
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kselftest.h"
#include "vfio_lib.h"

static struct vgpu v;

static const char *parent(void)
{
	const char *bdf = parent_fresh();

	if (!bdf[0])
		SKIP("no adapter to test on (%s)", getenv("WEFT_PARENT") ?: "soft");
	return bdf;
}

static void open_new(const char *type)
{
	ASSERT_EQ(vgpu_new(&v, parent(), type, 1), 0);
}

/* Names of instances */

struct counts {
	long long full, small, free, mdevs;
};

static struct counts count(const char *bdf)
{
	struct counts c = {
		.full = mdev_available(bdf, "full"),
		.small = mdev_available(bdf, "4m"),
		.free = atoll(adapter_attr(bdf, "vram_free")),
		.mdevs = 0,
	};
	unsigned int i;

	for (i = 0; i < 32; i++)
		c.mdevs += mdev_exists(uuid_of(i));
	return c;
}

static bool one_clean_line(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

static void expect_refused(const char *bdf, const void *text, size_t len, int err,
			   const char *because)
{
	struct counts before = count(bdf), after;
	int ret;

	/* so that the reason is seen to be a new one */
	file_write("perhaps", PCI "/%s/weft/enabled", bdf);
	errno = 0;
	ret = file_write_bytes(text, len, PCI "/%s/mdev_supported_types/weft_vgpu-4m/create", bdf);
	if (ret != -1 || errno != err)
		ksft_note("\"%.*s\" (%zu bytes): %d, errno %d, wanted %d", (int)len,
			  (const char *)text, len, ret, errno, err);
	EXPECT_EQ(ret, -1);
	EXPECT_EQ(errno, err);
	if (!strstr(adapter_attr(bdf, "last_error"), because))
		ksft_note("last_error: %s", adapter_attr(bdf, "last_error"));
	EXPECT_TRUE(strstr(adapter_attr(bdf, "last_error"), because));
	EXPECT_TRUE(one_clean_line(adapter_attr(bdf, "last_error")));
	after = count(bdf);
	EXPECT_EQ(memcmp(&before, &after, sizeof(before)), 0);
}

static void expect_malformed(const char *bdf, const char *text)
{
	expect_refused(bdf, text, strlen(text), EINVAL, "UUID");
}

TEST(malformed_uuids)
{
	static const char good[] = "77656674-0000-4000-8000-000000000009";
	const char *bdf = parent();
	char text[5000];
	unsigned int i;

	/* every shorter one */
	for (i = 1; i < 36; i++) {
		snprintf(text, sizeof(text), "%.*s", i, good);
		expect_malformed(bdf, text);
	}
	expect_malformed(bdf, "\n");
	expect_malformed(bdf, "77656674-0000-4000-8000-00000000000\n");
	/* longer ones, up to more than a page */
	snprintf(text, sizeof(text), "%s0", good);
	expect_malformed(bdf, text);
	snprintf(text, sizeof(text), "%s00", good);
	expect_malformed(bdf, text);
	snprintf(text, sizeof(text), "%s0\n", good);
	expect_malformed(bdf, text);
	snprintf(text, sizeof(text), "%s\n%s\n", good, good);
	expect_malformed(bdf, text);
	memset(text, 'a', sizeof(text));
	expect_refused(bdf, text, 4095, EINVAL, "UUID");
	expect_refused(bdf, text, 4096, EINVAL, "UUID");
	expect_refused(bdf, text, sizeof(text), EINVAL, "UUID");
	/* each place with what is no hex digit, or no dash */
	for (i = 0; i < 36; i++) {
		snprintf(text, sizeof(text), "%s", good);
		text[i] = good[i] == '-' ? '0' : 'g';
		expect_malformed(bdf, text);
	}
	expect_malformed(bdf, "{77656674-0000-4000-8000-00000000009}");
	expect_malformed(bdf, "77656674_0000_4000_8000_000000000009");
	expect_malformed(bdf, "../../../../../../../../etc/passwd..");
	expect_malformed(bdf, "%s%n%p%x-0000-4000-8000-000000000009");
	expect_refused(bdf, "77656674-0000\0004000-8000-000000000009", 36, EINVAL, "UUID");
	expect_refused(bdf, "\033[31m674-0000-4000-8000-\n\r\t\377\200\0010000",
		       36, EINVAL, "UUID");
}

TEST(duplicate_uuids)
{
	const char *bdf = parent(), *bochs = bochs_find(0), *other;
	char text[UUID_SIZE + 1];
	unsigned int i;

	snprintf(text, sizeof(text), "%s", uuid_of(0xabc));
	ASSERT_EQ(mdev_create(bdf, "4m", text), 0);
	expect_refused(bdf, text, 36, EEXIST, text);
	strcat(text, "\n");
	expect_refused(bdf, text, 37, EEXIST, "exists");
	for (i = 0; text[i]; i++)
		if (text[i] >= 'a')
			text[i] -= 'a' - 'A';
	expect_refused(bdf, text, 36, EEXIST, "exists");
	EXPECT_ERRNO(EEXIST, mdev_create(bdf, "full", text));
	EXPECT_ERRNO(EEXIST, mdev_create(bdf, "8m", text));

	/* nor on another parent */
	other = strcmp(bdf, bochs) ? bochs : softpci_find(0);
	if (!other[0])
		return;
	ASSERT_EQ(adapter_bind(other), 0);
	expect_refused(other, uuid_of(0xabc), 36, EEXIST, "exists");
	ASSERT_EQ(mdev_remove(uuid_of(0xabc)), 0);
	EXPECT_EQ(mdev_create(other, "4m", text), 0);
	expect_refused(bdf, text, 36, EEXIST, "exists");
	EXPECT_EQ(mdev_available(bdf, "4m"), 16);
}

/* Reads and writes */

struct span {
	uint64_t start, size;
} spans[NUM_REGIONS];

static void learn_spans(void)
{
	struct vfio_region_info info;
	unsigned int i;

	for (i = 0; i < NUM_REGIONS; i++) {
		ASSERT_EQ(region_info(v.fd, i, &info), 0);
		spans[i] = (struct span){ info.offset, info.size };
	}
}

/* Which region has this byte of the file, -1: none */
static int region_at(uint64_t pos)
{
	int i;

	for (i = 0; i < NUM_REGIONS; i++)
		if (pos >= spans[i].start && pos - spans[i].start < spans[i].size)
			return i;
	return -1;
}

static void try_read(uint64_t pos, size_t len)
{
	uint8_t buf[16];
	int region = region_at(pos);
	ssize_t n, want = -1;

	memset(buf, 0xee, sizeof(buf));
	errno = 0;
	n = pread(v.fd, buf, len, pos);
	if (region >= 0)
		want = len < spans[region].start + spans[region].size - pos ? len :
		       spans[region].start + spans[region].size - pos;
	if (n != want || (n < 0 && errno != EINVAL))
		ksft_note("read of %zu at %#llx (region %d): %zd, errno %d", len,
			  (unsigned long long)pos, region, n, errno);
	EXPECT_EQ(n, want);
	if (n < 0)
		EXPECT_EQ(errno, EINVAL);
	/* and no byte more was given */
	n = n < 0 ? 0 : n;
	EXPECT_EQ(find_other(buf + n, 0xee, sizeof(buf) - n), sizeof(buf) - n);
}

static void try_write(uint64_t pos, size_t len)
{
	static const uint8_t buf[16];
	int region = region_at(pos);
	ssize_t n, want = -1;

	errno = 0;
	n = pwrite(v.fd, buf, len, pos);
	if (region >= 0)
		want = len < spans[region].start + spans[region].size - pos ? len :
		       spans[region].start + spans[region].size - pos;
	/* a monitor is plugged in */
	if (region == REGION_EDID)
		want = -1;
	if (n != want || (n < 0 && errno != EINVAL && errno != EBUSY))
		ksft_note("write of %zu at %#llx (region %d): %zd, errno %d", len,
			  (unsigned long long)pos, region, n, errno);
	EXPECT_EQ(n, want);
	if (n < 0)
		EXPECT_TRUE(errno == EINVAL || (errno == EBUSY && region == REGION_EDID));
}

static void try_both(uint64_t pos)
{
	size_t len;

	for (len = 1; len <= 9; len++) {
		try_read(pos, len);
		try_write(pos, len);
	}
}

TEST_TIMEOUT(region_boundaries, 120)
{
	const char *bdf = parent();
	struct vgpu below, above;
	struct picture {
		uint8_t edid[0x300], regs[4096], config[256];
	} before = { 0 }, after = { 0 };
	unsigned int i, bit;
	int d;

	ASSERT_EQ(vgpu_new(&below, bdf, "4m", 10), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "4m", 11), 0);
	ASSERT_EQ(vgpu_new(&above, bdf, "8m", 12), 0);
	learn_spans();
	ASSERT_EQ(region_read(v.fd, REGION_EDID, 0, before.edid, 0x300), 0x300);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, before.regs, 4096), 4096);
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, before.config, 256), 256);
	for (i = 0; i < NUM_REGIONS; i++)
		for (d = -10; d <= 10; d++) {
			try_both(spans[i].start + d);
			try_both(spans[i].start + spans[i].size + d);
			/* inner edges: the blocks of BAR 2, of the EDID region, pages */
			if (d >= -9 && i == REGION_BAR2) {
				try_both(spans[i].start + 0x400 + d);
				try_both(spans[i].start + 0x500 + d);
				try_both(spans[i].start + 0x516 + d);
				try_both(spans[i].start + 0x600 + d);
				try_both(spans[i].start + 0x608 + d);
				try_both(spans[i].start + 0x800 + d);
				try_both(spans[i].start + 0x810 + d);
			}
			if (i == REGION_EDID)
				try_both(spans[i].start + 0x100 + d);
			if (i == REGION_BAR0)
				try_both(spans[i].start + PAGE + d);
		}
	/* every power of two of the file's offsets, and of a region's */
	for (bit = 0; bit < 63; bit++)
		for (d = -1; d <= 1; d++) {
			try_both(((1ULL << bit) + d) & LLONG_MAX);
			try_both((spans[REGION_BAR0].start + (1ULL << bit) + d) & LLONG_MAX);
			try_both((spans[REGION_CONFIG].start + (1ULL << bit) + d) & LLONG_MAX);
		}
	try_both((uint64_t)LLONG_MAX - 9);
	EXPECT_ERRNO(EINVAL, pread(v.fd, &after, 1, LLONG_MIN));
	EXPECT_ERRNO(EINVAL, pread(v.fd, &after, 1, -1));
	EXPECT_EQ(pread(v.fd, &after, 9, LLONG_MAX), -1);
	EXPECT_EQ(pwrite(v.fd, &after, 9, LLONG_MAX - 3), -1);

	/* zeros were all that was written: nothing may have changed but for that */
	ASSERT_EQ(region_read(v.fd, REGION_EDID, 0, after.edid, 0x300), 0x300);
	ASSERT_EQ(region_read(v.fd, REGION_BAR2, 0, after.regs, 4096), 4096);
	ASSERT_EQ(region_read(v.fd, REGION_CONFIG, 0, after.config, 256), 256);
	EXPECT_EQ(memcmp(&before, &after, sizeof(before)), 0);
	EXPECT_EQ(region_find_other(below.fd, REGION_BAR0, 0), 4 * MIB);
	EXPECT_EQ(region_find_other(above.fd, REGION_BAR0, 0), 8 * MIB);
}

/* What a write leaves around itself, at the edges of the slice and of pages */
TEST(writes_stay_where_they_belong)
{
	const uint64_t at[] = { 0, 1, 7, PAGE - 9, PAGE - 1, PAGE, 4 * MIB - 9, 4 * MIB - 1 };
	const char *bdf = parent();
	struct vgpu below, above;
	uint8_t *slice, *low, *high, data[9];
	unsigned int i, j, len;

	ASSERT_EQ(vgpu_new(&below, bdf, "4m", 10), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "4m", 11), 0);
	ASSERT_EQ(vgpu_new(&above, bdf, "4m", 12), 0);
	/* they lie side by side, or this would prove less */
	EXPECT_EQ(atoll(mdev_attr(v.uuid, "vram_offset")),
		  atoll(mdev_attr(below.uuid, "vram_offset")) + 4 * MIB);
	EXPECT_EQ(atoll(mdev_attr(above.uuid, "vram_offset")),
		  atoll(mdev_attr(v.uuid, "vram_offset")) + 4 * MIB);
	slice = region_map(v.fd, REGION_BAR0, 0, 0);
	low = region_map(below.fd, REGION_BAR0, 0, 0);
	high = region_map(above.fd, REGION_BAR0, 0, 0);
	ASSERT_TRUE(slice != MAP_FAILED && low != MAP_FAILED && high != MAP_FAILED);
	memset(low, 0xc1, 4 * MIB);
	memset(high, 0xc2, 4 * MIB);
	for (j = 0; j < 9; j++)
		data[j] = 0x90 + j;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (len = 1; len <= 9; len++) {
			uint64_t n = len < 4 * MIB - at[i] ? len : 4 * MIB - at[i];

			memset(slice, 0x33, 2 * PAGE);
			memset(slice + 4 * MIB - PAGE, 0x33, PAGE);
			ASSERT_EQ(region_write(v.fd, REGION_BAR0, at[i], data, len), n);
			EXPECT_EQ(memcmp(slice + at[i], data, n), 0);
			if (at[i])
				EXPECT_EQ(slice[at[i] - 1], 0x33);
			if (at[i] + n < 4 * MIB)
				EXPECT_EQ(slice[at[i] + n], 0x33);
		}
	EXPECT_EQ(find_other(low, 0xc1, 4 * MIB), 4 * MIB);
	EXPECT_EQ(find_other(high, 0xc2, 4 * MIB), 4 * MIB);
}

TEST(buffers_that_are_not_there)
{
	uint8_t *two;
	unsigned int i;
	const unsigned int regions[] = { REGION_BAR0, REGION_BAR2, REGION_CONFIG, REGION_EDID,
					 REGION_SCANOUT };

	open_new("4m");
	two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(two, MAP_FAILED);
	munmap(two + PAGE, PAGE);
	for (i = 0; i < 5; i++) {
		EXPECT_ERRNO(EFAULT, region_read(v.fd, regions[i], 0, NULL, 16));
		EXPECT_ERRNO(EFAULT, region_read(v.fd, regions[i], 0, (void *)-4096L, 16));
		if (regions[i] != REGION_EDID)
			EXPECT_ERRNO(EFAULT, region_write(v.fd, regions[i], 0, NULL, 16));
		/* begins well and ends nowhere: no more than what was there */
		EXPECT_LE(region_read(v.fd, regions[i], 0, two + PAGE - 100, 256), 100);
		EXPECT_EQ(region_read(v.fd, regions[i], 0, two, 0), 0);
	}
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_GET_GFX_DMABUF, NULL));
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_GET_GFX_DMABUF, two + PAGE - 2));
	/* more than there is, as a single read */
	EXPECT_EQ(region_read(v.fd, REGION_CONFIG, 0, two, PAGE), 256);
	EXPECT_EQ(region_read(v.fd, REGION_CONFIG, 255, two, PAGE), 1);
}

TEST(indexes_past_the_end)
{
	const uint32_t index[] = { NUM_REGIONS, NUM_REGIONS + 1, 64, 0x7fffffff, 0x80000000,
				   0xffffffff };
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	unsigned int i;

	open_new("4m");
	for (i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
		EXPECT_ERRNO(EINVAL, region_info(v.fd, index[i], &region));
		EXPECT_ERRNO(EINVAL, irq_info(v.fd, index[i], &irq));
	}
	for (i = VFIO_PCI_NUM_IRQS; i < 16; i++)
		EXPECT_ERRNO(EINVAL, irq_info(v.fd, i, &irq));
	for (i = 0; i < 3; i++) {
		char *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		const unsigned long cmd[] = { VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO,
					      VFIO_DEVICE_GET_IRQ_INFO };

		ASSERT_NE(edge, MAP_FAILED);
		munmap(edge + PAGE, PAGE);
		/* argsz of nothing, a struct that is not there, one that is cut */
		EXPECT_ERRNO(EINVAL, ioctl(v.fd, cmd[i], memset(edge, 0, 64)));
		EXPECT_ERRNO(EFAULT, ioctl(v.fd, cmd[i], NULL));
		EXPECT_ERRNO(EFAULT, ioctl(v.fd, cmd[i], edge + PAGE - 4));
	}
}

/* Interrupts */

#define TYPES	VFIO_IRQ_SET_DATA_TYPE_MASK
#define ACTIONS	VFIO_IRQ_SET_ACTION_TYPE_MASK

static int live[VFIO_PCI_NUM_IRQS], trap;

static bool one_bit(uint32_t val)
{
	return val && !(val & (val - 1));
}

/* As <linux/vfio.h> has it, for a device whose MSI, ERR and REQ are on. */
static bool makes_sense(uint32_t index, uint32_t start, uint32_t nr, uint32_t flags,
			uint32_t data)
{
	if (flags & ~(TYPES | ACTIONS) || !one_bit(flags & TYPES) || !one_bit(flags & ACTIONS))
		return false;
	if (!(flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return false;		/* no index says MASKABLE */
	if (index == 0 || index >= VFIO_PCI_NUM_IRQS || start)
		return false;
	if (!nr)
		return flags & VFIO_IRQ_SET_DATA_NONE;
	if (nr > 1)
		return false;
	if (flags & VFIO_IRQ_SET_DATA_NONE)
		return index != VFIO_PCI_MSIX_IRQ_INDEX;	/* which is off */
	if (flags & VFIO_IRQ_SET_DATA_BOOL)
		return data >= 1 && index != VFIO_PCI_MSIX_IRQ_INDEX;
	return data >= 4 && index != VFIO_PCI_MSIX_IRQ_INDEX;	/* MSI is on */
}

static bool still_live(void)
{
	const unsigned int index[] = { VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX,
				       VFIO_PCI_REQ_IRQ_INDEX };
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (event_count(live[index[i]]) || irq_trigger(v.fd, index[i]) ||
		    event_count(live[index[i]]) != 1)
			return false;
	return !event_count(trap) &&
	       irq_trigger(v.fd, VFIO_PCI_MSIX_IRQ_INDEX) == -1 && errno == EINVAL;
}

static unsigned int tried, sensible;

static void try_set(uint32_t index, uint32_t start, uint32_t nr, uint32_t flags, uint32_t data)
{
	struct {
		struct vfio_irq_set set;
		int32_t fds[16];
	} arg;
	int ret, i;

	if (makes_sense(index, start, nr, flags, data)) {
		sensible++;
		return;
	}
	tried++;
	for (i = 0; i < 16; i++)
		arg.fds[i] = trap;
	if (flags & VFIO_IRQ_SET_DATA_BOOL)
		memset(arg.fds, 1, sizeof(arg.fds));
	arg.set = (struct vfio_irq_set){
		.argsz = sizeof(arg.set) + data,
		.flags = flags,
		.index = index,
		.start = start,
		.count = nr,
	};
	errno = 0;
	ret = ioctl(v.fd, VFIO_DEVICE_SET_IRQS, &arg);
	if (ret == -1 && (errno == EINVAL || errno == ENOTTY) && still_live())
		return;
	ksft_note("index %u start %#x count %#x flags %#x data %u: %d, errno %d", index, start, nr,
		  flags, data, ret, errno);
	ASSERT_TRUE(ret == -1 && (errno == EINVAL || errno == ENOTTY));
	ASSERT_TRUE(still_live());
}

static void irqs_on(void)
{
	unsigned int i;

	for (i = VFIO_PCI_MSI_IRQ_INDEX; i < VFIO_PCI_NUM_IRQS; i++) {
		if (i == VFIO_PCI_MSIX_IRQ_INDEX)
			continue;
		live[i] = event_new();
		ASSERT_EQ(irq_eventfd(v.fd, i, live[i]), 0);
	}
	trap = event_new();
	ASSERT_TRUE(still_live());
}

TEST_TIMEOUT(set_irqs_that_makes_no_sense, 240)
{
	const uint32_t start[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	const uint32_t nr[] = { 0, 1, 2, 5, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe,
				0xffffffff };
	const uint32_t sizes[] = { 0, 1, 3, 4, 64 };
	uint32_t index, s, n, flags, d;

	open_new("4m");
	irqs_on();
	/* every combination of the six bits, as far as the sizes matter */
	for (index = 0; index < 8; index++)
		for (s = 0; s < 7; s++)
			for (n = 0; n < 9; n++)
				for (flags = 0; flags < 64; flags++)
					try_set(index, start[s], nr[n], flags,
						nr[n] == 1 && !start[s] ? 4 : 64);
	for (index = 0; index < 8; index++)
		for (n = 0; n < 3; n++)
			for (flags = 0; flags < 64; flags++)
				for (d = 0; d < 5; d++)
					try_set(index, 0, nr[n], flags, sizes[d]);
	/* every bit that has no meaning, with flags that have one */
	for (index = 0; index < 8; index++)
		for (n = 0; n < 2; n++)
			for (flags = 6; flags < 32; flags++)
				for (d = 0; d < 3; d++)
					try_set(index, 0, nr[n], 1u << flags |
						VFIO_IRQ_SET_ACTION_TRIGGER | 1u << d, 4);
	ksft_note("%u combinations refused, %u make sense", tried, sensible);
	EXPECT_GT(tried, 30000);
	EXPECT_GT(sensible, 10);

	/* and large indexes */
	for (n = 0; n < 7; n++)
		try_set(start[n] | 8, 0, 1,
			VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0);
}

TEST(set_irqs_with_what_is_no_eventfd)
{
	const int32_t never[] = { -2, -100, INT_MIN, INT_MIN + 1 };
	struct vfio_irq_set *set, head = {
		.argsz = sizeof(head) + 4,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};
	int null, pipes[2];
	uint8_t *page;
	unsigned int i;

	open_new("4m");
	irqs_on();
	null = open("/dev/null", O_RDWR);
	ASSERT_EQ(pipe(pipes), 0);
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, never[i]));
	EXPECT_ERRNO(EBADF, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, 999));
	EXPECT_ERRNO(EBADF, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, INT_MAX));
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, null));
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, pipes[1]));
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, v.fd));
	EXPECT_ERRNO(EINVAL, irq_eventfd(v.fd, VFIO_PCI_REQ_IRQ_INDEX, v.container));
	EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "eventfd"));
	EXPECT_TRUE(still_live());

	/* the data lies where there is no memory */
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(page, MAP_FAILED);
	munmap(page + PAGE, PAGE);
	set = (void *)(page + PAGE - sizeof(head));
	*set = head;
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_SET_IRQS, set));
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_SET_IRQS, NULL));
	EXPECT_ERRNO(EFAULT, ioctl(v.fd, VFIO_DEVICE_SET_IRQS, page + PAGE - 8));
	/* a size that is a lie */
	head.argsz = 0xffffffff;
	head.count = 0x3fffffff;
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_SET_IRQS, &head));
	head.count = 0xfffffffe;
	EXPECT_ERRNO(EINVAL, ioctl(v.fd, VFIO_DEVICE_SET_IRQS, &head));
	EXPECT_TRUE(still_live());
}

/* Mappings */

static void *map_raw(uint64_t len, int prot, int flags, uint64_t offset)
{
	return (void *)syscall(SYS_mmap, NULL, len, prot, flags, v.fd, offset);
}

static void expect_no_map(int err, uint64_t len, int flags, uint64_t offset)
{
	void *p;

	errno = 0;
	p = map_raw(len, PROT_READ | PROT_WRITE, flags, offset);
	if (p != MAP_FAILED || errno != err)
		ksft_note("mmap of %#llx at %#llx, flags %#x: %p, errno %d, wanted %d",
			  (unsigned long long)len, (unsigned long long)offset,
			  flags, p, errno, err);
	EXPECT_EQ(p, MAP_FAILED);
	EXPECT_EQ(errno, err);
}

/* What says no: the driver, or before it a kernel without that many addresses. */
static int refusal_of(uint64_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int err = EINVAL;

	if (p == MAP_FAILED)
		err = errno;
	else
		munmap(p, len);
	return err;
}

TEST(mappings_that_make_no_sense)
{
	const uint64_t size = 4 * MIB;
	unsigned int i, r;
	uint64_t off, huge;

	open_new("4m");
	learn_spans();
	for (r = 0; r < 2; r++) {
		off = spans[r ? REGION_SCANOUT : REGION_BAR0].start;
		/* past the end, begun before it, at it, and after it */
		expect_no_map(EINVAL, size + PAGE, MAP_SHARED, off);
		expect_no_map(EINVAL, size + 1, MAP_SHARED, off);
		expect_no_map(EINVAL, 2 * PAGE, MAP_SHARED, off + size - PAGE);
		expect_no_map(EINVAL, size, MAP_SHARED, off + PAGE);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + size);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + size + PAGE);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + (1ULL << 40) - PAGE);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + (1ULL << 39));
		huge = (1ULL << 40) + PAGE;
		expect_no_map(refusal_of(huge), huge, MAP_SHARED, off);
		/* unaligned */
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + 1);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + PAGE - 1);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off + 0x800);
		expect_no_map(EINVAL, 0, MAP_SHARED, off);
		/* a copy would not be the VRAM */
		expect_no_map(EINVAL, size, MAP_PRIVATE, off);
		EXPECT_TRUE(strstr(mdev_attr(v.uuid, "last_error"), "MAP_SHARED"));
		expect_no_map(EINVAL, PAGE, MAP_PRIVATE, off + PAGE);
	}
	/* regions that are trapped, or are not there */
	for (i = 0; i < 16; i++) {
		if (i == REGION_BAR0 || i == REGION_SCANOUT)
			continue;
		off = spans[REGION_BAR0].start + ((uint64_t)i << 40);
		expect_no_map(EINVAL, PAGE, MAP_SHARED, off);
		expect_no_map(EINVAL, PAGE, MAP_PRIVATE, off);
	}
	/* page offsets that overflow, as bytes, or with the length */
	for (i = 40; i < 63; i++) {
		huge = 1ULL << i;
		if (region_at(huge) < 0)
			expect_no_map(EINVAL, PAGE, MAP_SHARED, huge);
		if (region_at(huge - PAGE) < 0)
			expect_no_map(EINVAL, PAGE, MAP_SHARED, huge - PAGE);
	}
	for (i = 1; i < 4; i++) {
		errno = 0;
		EXPECT_EQ(map_raw(i * PAGE, PROT_READ, MAP_SHARED,
				  -(uint64_t)i * PAGE),
			  MAP_FAILED);
		EXPECT_TRUE(errno == EINVAL || errno == EOVERFLOW);
		EXPECT_EQ(map_raw((i + 1) * PAGE, PROT_READ, MAP_SHARED, -(uint64_t)i * PAGE),
			  MAP_FAILED);
		EXPECT_EQ(map_raw(PAGE, PROT_READ, MAP_SHARED,
				  (1ULL << 63) - i * PAGE),
			  MAP_FAILED);
		EXPECT_EQ(map_raw(PAGE, PROT_READ, MAP_SHARED, (1ULL << 63) + (i - 1) * PAGE),
			  MAP_FAILED);
	}
	/* after all of which a good one works, to the last byte */
	off = spans[REGION_BAR0].start;
	EXPECT_NE(map_raw(PAGE, PROT_READ, MAP_SHARED, off + size - PAGE), MAP_FAILED);
	EXPECT_NE(map_raw(PAGE - 5, PROT_READ, MAP_SHARED, off + size - PAGE), MAP_FAILED);
	EXPECT_NE(map_raw(size, PROT_READ | PROT_WRITE, MAP_SHARED, off), MAP_FAILED);
}

static void number_pages(volatile uint8_t *map, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		*(volatile uint32_t *)(map + i * PAGE) = 0x50000000 + i;
}

static bool pages_numbered(const volatile uint8_t *map, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (*(const volatile uint32_t *)(map + i * PAGE) != 0x50000000 + first + i) {
			ksft_note("page %u of this mapping holds %#x", i,
				  *(const volatile uint32_t *)(map + i * PAGE));
			return false;
		}
	return true;
}

TEST(mremap_moves_and_never_grows)
{
	const unsigned int n = 1024;
	uint8_t *map, *room, *half, *last;

	open_new("4m");
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	number_pages(map, n);

	EXPECT_ERRNO(EFAULT, mremap(map, n * PAGE, (n + 1) * PAGE, MREMAP_MAYMOVE));
	EXPECT_ERRNO(EFAULT, mremap(map, n * PAGE, 2 * n * PAGE, 0));
	EXPECT_ERRNO(EFAULT, mremap(map + (n - 1) * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(mremap(map, 0, n * PAGE, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_TRUE(pages_numbered(map, 0, n));

	/* whole */
	room = mmap(NULL, 4 * n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(room, MAP_FAILED);
	ASSERT_EQ(mremap(map, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room), room);
	EXPECT_TRUE(pages_numbered(room, 0, n));
	EXPECT_EQ(touch(map), TOUCH_SIGSEGV);

	/* the upper half alone, and of that a page; each faults its own page in */
	half = room + 2 * n * PAGE;
	ASSERT_EQ(mremap(room + n / 2 * PAGE, n / 2 * PAGE, n / 2 * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, half), half);
	last = room + 3 * n * PAGE;
	ASSERT_EQ(mremap(half + 7 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, last), last);
	EXPECT_TRUE(pages_numbered(room, 0, n / 2));
	EXPECT_TRUE(pages_numbered(half, n / 2, 7));
	EXPECT_TRUE(pages_numbered(half + 8 * PAGE, n / 2 + 8, n / 2 - 8));
	EXPECT_TRUE(pages_numbered(last, n / 2 + 7, 1));

	/* a reset unmaps all the pieces, and they find their places again */
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	EXPECT_EQ(*(volatile uint32_t *)last, 0);
	EXPECT_EQ(*(volatile uint32_t *)half, 0);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	number_pages(map, n);
	EXPECT_TRUE(pages_numbered(last, n / 2 + 7, 1));
	EXPECT_TRUE(pages_numbered(room, 0, n / 2));
	EXPECT_TRUE(pages_numbered(half + 8 * PAGE, n / 2 + 8, n / 2 - 8));

	/* shrunk, with a hole in it */
	ASSERT_EQ(mremap(room, n / 2 * PAGE, 16 * PAGE, 0), room);
	ASSERT_EQ(munmap(room + 4 * PAGE, 2 * PAGE), 0);
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	number_pages(map, n);
	EXPECT_TRUE(pages_numbered(room, 0, 4));
	EXPECT_TRUE(pages_numbered(room + 6 * PAGE, 6, 10));
	EXPECT_EQ(touch(room + 16 * PAGE), TOUCH_SIGSEGV);
}

static int child_of_fork(int sock, void *arg)
{
	uint8_t *map = arg;

	if (find_other(map, 0x21, PAGE) != PAGE)
		return 10;
	map[PAGE] = 0x22;
	helper_say(sock, 1);
	/* the parent wrote, and has let all go by now */
	if (helper_hear(sock, WAIT_MS) != 2)
		return 11;
	if (map[2 * PAGE] != 0x23 || find_other(map, 0x21, PAGE) != PAGE)
		return 12;
	vgpu_close(&v);
	if (map[3 * PAGE] != 0 || map[2 * PAGE] != 0x23)
		return 13;
	helper_say(sock, 3);
	return helper_hear(sock, WAIT_MS) == 4 ? 0 : 14;
}

TEST(fork_shares_the_mapping)
{
	struct helper h;
	uint8_t *map;

	open_new("4m");
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	memset(map, 0x21, PAGE);
	ASSERT_EQ(helper_start(&h, child_of_fork, map), 0);
	ASSERT_EQ(helper_hear(h.sock, WAIT_MS), 1);
	EXPECT_EQ(map[PAGE], 0x22);
	map[2 * PAGE] = 0x23;
	munmap(map, 4 * MIB);
	vgpu_close(&v);
	/* the child has it still: attached, and its bytes are not scrubbed */
	EXPECT_STREQ(mdev_attr(uuid_of(1), "state"), "attached");
	helper_say(h.sock, 2);
	/* now nothing but a mapping holds the instance */
	ASSERT_EQ(helper_hear(h.sock, WAIT_MS), 3);
	EXPECT_STREQ(mdev_attr(uuid_of(1), "state"), "attached");
	EXPECT_EQ(vgpu_try(uuid_of(1)), -1);
	helper_say(h.sock, 4);
	EXPECT_EQ(helper_end(&h, WAIT_MS), 0);
	EXPECT_TRUE(wait_text("ready", WAIT_MS, MDEVS "/%s/weft/state", uuid_of(1)));
	ASSERT_EQ(vgpu_open(&v, uuid_of(1)), 0);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 4 * MIB);
}

/* The adapter goes while an instance is open and mapped. */

static int unbind_it(int sock, void *arg)
{
	if (helper_hear(sock, WAIT_MS) != 1)
		return 99;
	return adapter_unbind(arg) ? errno : 0;
}

static void expect_all_sigbus(uint8_t *map, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += 31 * PAGE)
		if (touch(map + i) != TOUCH_SIGBUS) {
			ksft_note("byte %#zx of %#zx", i, size);
			EXPECT_EQ(touch(map + i), TOUCH_SIGBUS);
		}
	EXPECT_EQ(touch_write(map + size - 1, 1), TOUCH_SIGBUS);
}

static int touch_after_revoke(int sock, void *arg)
{
	uint8_t *map = arg;

	if (touch(map) != 0x66)
		return 20;
	helper_say(sock, 1);
	if (helper_hear(sock, WAIT_MS) != 2)
		return 21;
	/* the fork's page tables too */
	return touch(map) == TOUCH_SIGBUS && touch(map + PAGE) == TOUCH_SIGBUS ? 0 : 22;
}

TEST_TIMEOUT(fault_after_the_slice_is_gone, 60)
{
	struct vfio_device_gfx_plane_info info = { .argsz = sizeof(info),
						   .flags = VFIO_GFX_PLANE_TYPE_REGION,
						   .drm_plane_type = 1 };
	const char *bdf = parent();
	struct helper unbinder, forked;
	int req = event_new(), msi = event_new();
	uint8_t *map, *moved, *scan, byte;
	int status;

	/* first, as a process that has the instance would wait for itself */
	ASSERT_EQ(helper_start(&unbinder, unbind_it, (void *)bdf), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "8m", 1), 0);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	scan = region_map(v.fd, REGION_SCANOUT, 0, 0);
	moved = region_map(v.fd, REGION_BAR0, 4 * MIB, 4 * MIB);
	ASSERT_TRUE(map != MAP_FAILED && scan != MAP_FAILED && moved != MAP_FAILED);
	memset(map, 0x66, 4 * MIB);	/* the other half stays untouched */
	moved[0] = 0x66;
	moved = mremap(moved, 4 * MIB, 4 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE(moved, MAP_FAILED);
	EXPECT_EQ(scan[0], 0x66);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_REQ_IRQ_INDEX, req), 0);
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, msi), 0);
	ASSERT_EQ(helper_start(&forked, touch_after_revoke, map), 0);
	ASSERT_EQ(helper_hear(forked.sock, WAIT_MS), 1);

	ASSERT_EQ(helper_say(unbinder.sock, 1), 0);
	ASSERT_TRUE(event_wait(req, WAIT_MS));
	expect_all_sigbus(map, 8 * MIB);
	expect_all_sigbus(moved, 4 * MIB);
	expect_all_sigbus(scan, 8 * MIB);
	helper_say(forked.sock, 2);
	EXPECT_EQ(helper_end(&forked, WAIT_MS), 0);

	/* every other way to the VRAM says so, and registers stay harmless */
	EXPECT_STREQ(file_text(PCI "/%s/%s/weft/state", bdf, uuid_of(1)), "unavailable");
	EXPECT_ERRNO(EIO, region_read(v.fd, REGION_BAR0, 0, &byte, 1));
	EXPECT_ERRNO(EIO, region_write(v.fd, REGION_BAR0, 0, &byte, 1));
	EXPECT_ERRNO(EIO, region_read(v.fd, REGION_SCANOUT, 0, &byte, 1));
	EXPECT_ERRNO(ENODEV, region_map(v.fd, REGION_BAR0, 0, 0));
	EXPECT_ERRNO(EIO, ioctl(v.fd, VFIO_DEVICE_RESET));
	vbe_get(v.fd, VBE_ID);
	mode_set(v.fd, 640, 480, 32);
	ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info);
	EXPECT_EQ(config_get(v.fd, 0, 2), 0x1234);
	expect_all_sigbus(map, 8 * MIB);

	/* the unbind waits for us, and for nothing else */
	vgpu_close(&v);
	munmap(moved, 4 * MIB);
	munmap(scan, 8 * MIB);
	/* its link in the bus is gone already, its folder is not */
	EXPECT_TRUE(file_exists(PCI "/%s/%s", bdf, uuid_of(1)));
	EXPECT_FALSE(wait_child(unbinder.pid, &status, 0));
	munmap(map, 8 * MIB);
	EXPECT_EQ(helper_end(&unbinder, WAIT_MS), 0);
	EXPECT_FALSE(adapter_bound(bdf));
	EXPECT_FALSE(mdev_exists(uuid_of(1)));

	/* the next one finds no trace */
	ASSERT_EQ(adapter_bind(bdf), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "8m", 2), 0);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 8 * MIB);
}

/* Registers */

static struct vfio_device_gfx_plane_info query(void)
{
	struct vfio_device_gfx_plane_info info = { .argsz = sizeof(info),
						   .flags = VFIO_GFX_PLANE_TYPE_REGION,
						   .drm_plane_type = 1 };

	EXPECT_EQ(ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info), 0);
	return info;
}

TEST_TIMEOUT(a_thousand_random_register_writes, 120)
{
	const uint64_t size = 4 * MIB;
	const char *bdf = parent();
	struct vgpu below, above;
	struct rng rng = { rng_seed() };
	unsigned int i, shown = 0, moved = 0;
	uint8_t *slice, *low, *high, *scan;

	ksft_note("WEFT_SEED=%llu", (unsigned long long)rng.state);
	ASSERT_EQ(vgpu_new(&below, bdf, "4m", 10), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "4m", 11), 0);
	ASSERT_EQ(vgpu_new(&above, bdf, "4m", 12), 0);
	slice = region_map(v.fd, REGION_BAR0, 0, 0);
	scan = region_map(v.fd, REGION_SCANOUT, 0, 0);
	low = region_map(below.fd, REGION_BAR0, 0, 0);
	high = region_map(above.fd, REGION_BAR0, 0, 0);
	ASSERT_TRUE(slice != MAP_FAILED && scan != MAP_FAILED &&
		    low != MAP_FAILED && high != MAP_FAILED);
	memset(slice, 0x3c, size);
	memset(low, 0xc1, size);
	memset(high, 0xc2, size);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);

	for (i = 0; i < 1000; i++) {
		struct vfio_device_gfx_plane_info info;
		uint64_t val = rng_next(&rng);
		unsigned int len = 1 + rng_below(&rng, 8), reg;

		switch (rng_below(&rng, 8)) {
		case 0:		/* anywhere in config space */
			region_write(v.fd, REGION_CONFIG, rng_below(&rng, 256), &val, len);
			break;
		case 1:		/* anywhere in BAR 2 */
			region_write(v.fd, REGION_BAR2, rng_below(&rng, 4096), &val, len);
			break;
		case 2:		/* the registers, at any alignment */
			region_write(v.fd, REGION_BAR2, 0x4f8 + rng_below(&rng, 0x120), &val, len);
			break;
		default:	/* what a guest that wants out would do */
			reg = 1 + rng_below(&rng, 10);
			val = rng_below(&rng, 3) ? rng_below(&rng, 2048) : val;
			if (reg == VBE_ENABLE)
				val |= 1;
			if (reg == VBE_BPP)
				val = rng_below(&rng, 4) ? 32 : 16;
			vbe_set(v.fd, reg, val);
		}
		if (!(i % 20))	/* not for ever off the screen */
			mode_set(v.fd, 1 + rng_below(&rng, 1300), 1 + rng_below(&rng, 900), 32);
		if (i % 20 == 10) {
			vbe_set(v.fd, VBE_VIRT_WIDTH, 1024);
			vbe_set(v.fd, VBE_XRES, 640);
			vbe_set(v.fd, VBE_YRES, 200);
			vbe_set(v.fd, VBE_X_OFFSET, 0);
			vbe_set(v.fd, VBE_Y_OFFSET, rng_below(&rng, 1200));
		}

		info = query();
		if (!info.drm_format)
			continue;
		shown++;
		moved += info.region_index == REGION_SCANOUT;
		ASSERT_LE(info.size, size);
		ASSERT_GE((uint64_t)info.size, (uint64_t)info.stride * info.height);
		ASSERT_LE((uint64_t)info.width * 2, info.stride);
		ASSERT_TRUE(info.region_index == REGION_BAR0 ||
			    info.region_index == REGION_SCANOUT);
		if (info.region_index == REGION_SCANOUT) {
			/* its first and last byte, and some between: ours */
			ASSERT_EQ(touch(scan), 0x3c);
			ASSERT_EQ(touch(scan + info.size - 1), 0x3c);
			ASSERT_EQ(touch(scan + rng_below(&rng, info.size)), 0x3c);
		}
	}
	ksft_note("a picture after %u of 1000 writes, %u of them elsewhere than at the start",
		  shown, moved);
	EXPECT_GT(shown, 100);
	EXPECT_GT(moved, 10);
	EXPECT_EQ(find_other(low, 0xc1, size), size);
	EXPECT_EQ(find_other(high, 0xc2, size), size);
	EXPECT_EQ(find_other(slice, 0x3c, size), size);
	/* the neighbours' registers are theirs */
	EXPECT_EQ(vbe_get(below.fd, VBE_XRES), 0);
	EXPECT_EQ(vbe_get(above.fd, VBE_XRES), 0);
	EXPECT_EQ(config_get(above.fd, 4, 2), 0);
}
