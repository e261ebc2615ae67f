// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and copy of each call that opens an instance, uses it as a
 * VMM does, and takes it away fails once; after it all the rest works,
 * and the adapter has as much to give as before.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest.h"
#include "must.h"
#include "vfio_lib.h"
#include "walk_lib.h"
#include "warn_lib.h"

#define TYPE	"4m"
#define BYTES	(4 * MIB)

static const char *adapter, *uuid;
static char create[200], removal[120], group_node[40];
static int container = -1, group = -1, dev = -1, event = -1;
static uint8_t *vram = MAP_FAILED;
static uint64_t at[NUM_REGIONS];
static int available;

static int forget(void)
{
	return mdev_exists(uuid) ? mdev_remove(uuid) : 0;
}

static int have(void)
{
	return mdev_exists(uuid) ? 0 : mdev_create(adapter, TYPE, uuid);
}

static void begin(void)
{
	MUST(forget());
	event = event_new();
	MUST(event < 0);
}

static void close_all(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void end(void)
{
	if (vram != MAP_FAILED)
		munmap(vram, BYTES);
	vram = MAP_FAILED;
	close_all(&dev);
	close_all(&group);
	close_all(&container);
	close_all(&event);
	MUST(forget());
	MUST(mdev_available(adapter, TYPE) != available);
}

/* Calls */

/* A file of sysfs is opened and closed where nothing fails: that is not ours. */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	ssize_t n;

	MUST(fd < 0);
	walk_arm();
	n = write(fd, text, strlen(text));
	walk_disarm();
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

static int find_group(void)
{
	int group = mdev_group(uuid);

	if (group < 0)
		return -1;
	snprintf(group_node, sizeof(group_node), "/dev/vfio/%d", group);
	return access(group_node, F_OK);
}

/*
 * Where VFIO's core has no memory for the group of a new device, it warns of
 * what it leaves behind, and no driver can help it.
 */
static const struct warn_known of_group[] = { { "vfio_group_release", "vfio_create_group" } };

static int make_create(void)
{
	int ret;

	warn_begin();
	ret = put(create, uuid);
	warn_end(of_group, 1);
	if (ret)
		return -1;
	/* Nobody is told of a driver that had no memory to take it, nor of a node. */
	if (file_exists(MDEVS "/%s/driver", uuid) && !find_group())
		return 0;
	MUST(forget());
	errno = ENODEV;
	return -1;
}

static int make_remove(void)
{
	return put(removal, "1");
}

static int open_node(const char *path, int *fd)
{
	walk_arm();
	*fd = open(path, O_RDWR | O_CLOEXEC);
	walk_disarm();
	return *fd < 0 ? -1 : 0;
}

static int open_container(void)
{
	return open_node("/dev/vfio/vfio", &container);
}

static int open_group(void)
{
	return open_node(group_node, &group);
}

static int call(int fd, unsigned long request, void *arg)
{
	int ret;

	walk_arm();
	ret = ioctl(fd, request, arg);
	walk_disarm();
	return ret;
}

static int group_status(void)
{
	struct vfio_group_status s = { .argsz = sizeof(s) };

	return call(group, VFIO_GROUP_GET_STATUS, &s);
}

static int set_container(void)
{
	return call(group, VFIO_GROUP_SET_CONTAINER, &container);
}

static int set_iommu(void)
{
	return call(container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
}

static int get_device(void)
{
	dev = call(group, VFIO_GROUP_GET_DEVICE_FD, (void *)uuid);
	return dev < 0 ? -1 : 0;
}

static int device_info(void)
{
	struct vfio_device_info i = { .argsz = sizeof(i) };

	return call(dev, VFIO_DEVICE_GET_INFO, &i);
}

/* With its capabilities, which are allocated. */
static int info_of(unsigned int index)
{
	union {
		struct vfio_region_info info;
		uint8_t room[1024];
	} i = { .info = { .argsz = sizeof(i), .index = index } };

	if (call(dev, VFIO_DEVICE_GET_REGION_INFO, &i))
		return -1;
	at[index] = i.info.offset;
	return 0;
}

static int bar0_info(void)
{
	return info_of(REGION_BAR0);
}

static int bar2_info(void)
{
	return info_of(REGION_BAR2);
}

static int config_info(void)
{
	return info_of(REGION_CONFIG);
}

static int edid_info(void)
{
	return info_of(REGION_EDID);
}

static int scanout_info(void)
{
	return info_of(REGION_SCANOUT);
}

static int msi_info(void)
{
	struct vfio_irq_info i = { .argsz = sizeof(i), .index = VFIO_PCI_MSI_IRQ_INDEX };

	return call(dev, VFIO_DEVICE_GET_IRQ_INFO, &i);
}

static uint8_t page[2 * PAGE];

static int move(unsigned int index, size_t len, bool out)
{
	ssize_t n;

	walk_arm();
	n = out ? pwrite(dev, page, len, at[index]) : pread(dev, page, len, at[index]);
	walk_disarm();
	/* Less than was asked for is less, and the caller goes on. */
	return n < 0 ? -1 : 0;
}

static int read_config(void)
{
	return move(REGION_CONFIG, 64, false);
}

static int write_config(void)
{
	return move(REGION_CONFIG, 64, true);
}

static int read_bar2(void)
{
	return move(REGION_BAR2, 4, false);
}

static int read_vram(void)
{
	return move(REGION_BAR0, sizeof(page), false);
}

static int write_vram(void)
{
	return move(REGION_BAR0, sizeof(page), true);
}

static int read_edid(void)
{
	return move(REGION_EDID, 128, false);
}

static int irq(unsigned int flags, int fd)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} s = { .set = { .argsz = sizeof(s), .flags = flags, .index = VFIO_PCI_MSI_IRQ_INDEX,
			 .count = 1 }, .fd = fd };

	return call(dev, VFIO_DEVICE_SET_IRQS, &s);
}

static int set_irq(void)
{
	return irq(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, event);
}

static int trigger(void)
{
	if (irq(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0))
		return -1;
	return event_wait(event, WAIT_MS) ? 0 : -1;
}

static int unset_irq(void)
{
	return irq(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, -1);
}

static int set_mode(void)
{
	return mode_set(dev, 640, 480, 32);
}

static int probe_plane(void)
{
	struct vfio_device_gfx_plane_info i = {
		.argsz = sizeof(i), .flags = VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_REGION,
	};

	return call(dev, VFIO_DEVICE_QUERY_GFX_PLANE, &i);
}

static int query_plane(void)
{
	struct vfio_device_gfx_plane_info i = {
		.argsz = sizeof(i), .flags = VFIO_GFX_PLANE_TYPE_REGION,
	};

	if (call(dev, VFIO_DEVICE_QUERY_GFX_PLANE, &i))
		return -1;
	return i.width == 640 && i.height == 480 ? 0 : -1;
}

static int map(void)
{
	walk_arm();
	vram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, dev, at[REGION_BAR0]);
	walk_disarm();
	return vram == MAP_FAILED ? -1 : 0;
}

/* What is written through the one is read through the other. */
static int use(void)
{
	memset(vram, 0x5a, BYTES);
	if (pread(dev, page, PAGE, at[REGION_BAR0] + BYTES - PAGE) != PAGE)
		return -1;
	return page[0] == 0x5a && page[PAGE - 1] == 0x5a ? 0 : -1;
}

static int reset(void)
{
	return call(dev, VFIO_DEVICE_RESET, NULL);
}

static int close_device(void)
{
	int fd = dev;

	munmap(vram, BYTES);
	vram = MAP_FAILED;
	dev = -1;
	walk_arm();
	fd = close(fd);
	walk_disarm();
	return fd;
}

static int close_rest(void)
{
	close_all(&group);
	close_all(&container);
	return 0;
}

static const struct walk_call calls[] = {
	WALK_AGAIN(make_create, forget), SURE(find_group),
	WALK(open_container), WALK(open_group), WALK(group_status), WALK(set_container),
	WALK(set_iommu), WALK(get_device), WALK(device_info), WALK(bar0_info), WALK(bar2_info),
	WALK(config_info), WALK(edid_info), WALK(scanout_info), WALK(msi_info),
	WALK(read_config), WALK(write_config), WALK(read_bar2), WALK(read_vram),
	WALK(write_vram), WALK(read_edid), WALK(set_irq), WALK(trigger), WALK(unset_irq),
	SURE(set_mode), WALK(probe_plane), WALK(query_plane), WALK(map), SURE(use), WALK(reset),
	WALK(close_device), SURE(close_rest),
	WALK_AGAIN(make_remove, have),
};

TEST_TIMEOUT(instance, 600)
{
	static struct walk_life life = { .begin = begin, .end = end };
	const char *missing = walk_missing();

	if (missing)
		SKIP("%s", missing);
	adapter = parent_fresh();
	if (!*adapter)
		SKIP("there is no adapter");
	uuid = uuid_of(1);
	available = mdev_available(adapter, TYPE);
	snprintf(create, sizeof(create), PCI "/%s/mdev_supported_types/weft_vgpu-" TYPE "/create",
		 adapter);
	snprintf(removal, sizeof(removal), MDEVS "/%s/remove", uuid);
	WALK_PUT(&life, calls);
	walk(&life, 250);
	ksft_note("%u warnings of VFIO's core", warn_met);
	EXPECT_EQ(walk_failures, 0);
	EXPECT_EQ(mdev_available(adapter, TYPE), available);
}
