// SPDX-License-Identifier: GPL-2.0
/* vfio_lib - an instance as a VMM has it, see the header */
#include "vfio_lib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The numbers of <linux/iommufd.h> and of 6.6's <linux/vfio.h>, which are not everywhere. */
#define DEVICE_BIND_IOMMUFD	_IO(';', 118)
#define DEVICE_ATTACH_PT	_IO(';', 119)
#define IOMMU_IOAS_ALLOC	_IO(';', 0x81)

static int open_node(const char *uuid)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), MDEVS "/%s/vfio-dev", uuid);
	dir = opendir(path);
	if (!dir)
		return -1;
	errno = ENOENT;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		break;
	}
	closedir(dir);
	return fd;
}

/* As with a container and a group, but the device's own node and an iommufd. */
static int open_by_iommufd(struct vgpu *v)
{
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t devid;
	} bind = { .argsz = sizeof(bind) };
	struct {
		uint32_t argsz, flags, id;
	} attach = { .argsz = sizeof(attach) };
	struct {
		uint32_t size, flags, id;
	} ioas = { .size = sizeof(ioas) };

	v->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return -1;
	bind.iommufd = v->container;
	v->fd = open_node(v->uuid);
	if (v->fd >= 0 && !ioctl(v->fd, DEVICE_BIND_IOMMUFD, &bind) &&
	    !ioctl(v->container, IOMMU_IOAS_ALLOC, &ioas)) {
		attach.id = ioas.id;
		if (!ioctl(v->fd, DEVICE_ATTACH_PT, &attach))
			return 0;
	}
	close_keep_errno(v->fd);
	close_keep_errno(v->container);
	v->container = v->fd = -1;
	return -1;
}

int vgpu_open(struct vgpu *v, const char *uuid)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	const char *how = getenv("WEFT_VFIO");
	char path[64];
	int nr;

	memset(v, 0, sizeof(*v));
	snprintf(v->uuid, sizeof(v->uuid), "%s", uuid);
	v->container = v->group = v->fd = -1;
	if (how && !strcmp(how, "iommufd"))
		return open_by_iommufd(v);
	nr = mdev_group(uuid);
	if (nr < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/vfio/%d", nr);
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return -1;
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0 ||
	    ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		goto err;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		errno = EAGAIN;
		goto err;
	}
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) < 0 ||
	    ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		goto err;
	v->fd = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, uuid);
	if (v->fd >= 0)
		return 0;
err:
	close_keep_errno(v->group);
	close_keep_errno(v->container);
	v->group = v->container = v->fd = -1;
	return -1;
}

void vgpu_close(struct vgpu *v)
{
	close_keep_errno(v->fd);
	close_keep_errno(v->group);
	close_keep_errno(v->container);
	v->fd = v->group = v->container = -1;
}

int vgpu_try(const char *uuid)
{
	struct vgpu v;

	if (vgpu_open(&v, uuid))
		return -1;
	vgpu_close(&v);
	return 0;
}

int vgpu_new(struct vgpu *v, const char *bdf, const char *type, unsigned int n)
{
	const char *uuid = uuid_of(n);
	int err;

	if (mdev_create(bdf, type, uuid))
		return -1;
	if (!vgpu_open(v, uuid))
		return 0;
	err = errno;
	mdev_remove(uuid);
	errno = err;
	return -1;
}

int region_info(int fd, unsigned int index, struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

struct vfio_region_info *region_info_caps(int fd, unsigned int index)
{
	struct vfio_region_info small, *info;

	if (region_info(fd, index, &small))
		return NULL;
	if (small.argsz < sizeof(small) || small.argsz > 65536) {
		errno = EPROTO;
		return NULL;
	}
	info = calloc(1, small.argsz);
	if (!info)
		return NULL;
	info->argsz = small.argsz;
	info->index = index;
	if (!ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info))
		return info;
	free(info);
	return NULL;
}

int irq_info(int fd, unsigned int index, struct vfio_irq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, info);
}

uint64_t region_offset(int fd, unsigned int index)
{
	struct vfio_region_info info;

	return region_info(fd, index, &info) ? ~0ULL : info.offset;
}

uint64_t region_size(int fd, unsigned int index)
{
	struct vfio_region_info info;

	return region_info(fd, index, &info) ? 0 : info.size;
}

ssize_t region_read(int fd, unsigned int index, uint64_t offset, void *buf,
		    size_t len)
{
	return pread(fd, buf, len, region_offset(fd, index) + offset);
}

ssize_t region_write(int fd, unsigned int index, uint64_t offset,
		     const void *buf, size_t len)
{
	return pwrite(fd, buf, len, region_offset(fd, index) + offset);
}

void *region_map(int fd, unsigned int index, uint64_t offset, size_t len)
{
	struct vfio_region_info info;

	if (region_info(fd, index, &info))
		return MAP_FAILED;
	return mmap(NULL, len ?: info.size - offset, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, info.offset + offset);
}

uint16_t vbe_get(int fd, unsigned int reg)
{
	uint16_t val = 0xffff;

	return region_read(fd, REGION_BAR2, REG_VBE(reg), &val, 2) == 2 ?
	       val : 0xffff;
}

int vbe_set(int fd, unsigned int reg, uint16_t val)
{
	return region_write(fd, REGION_BAR2, REG_VBE(reg), &val, 2) == 2 ?
	       0 : -1;
}

uint32_t config_get(int fd, unsigned int offset, unsigned int len)
{
	uint32_t val = 0;

	return region_read(fd, REGION_CONFIG, offset, &val, len) == len ?
	       val : ~0u;
}

int config_set(int fd, unsigned int offset, unsigned int len, uint32_t val)
{
	return region_write(fd, REGION_CONFIG, offset, &val, len) == len ?
	       0 : -1;
}

int mode_off(int fd)
{
	return vbe_set(fd, VBE_ENABLE, 0);
}

int mode_set(int fd, unsigned int xres, unsigned int yres, unsigned int bpp)
{
	int ret = mode_off(fd);

	ret |= vbe_set(fd, VBE_BPP, bpp);
	ret |= vbe_set(fd, VBE_XRES, xres);
	ret |= vbe_set(fd, VBE_YRES, yres);
	ret |= vbe_set(fd, VBE_VIRT_WIDTH, xres);
	ret |= vbe_set(fd, VBE_VIRT_HEIGHT, yres);
	ret |= vbe_set(fd, VBE_BANK, 0);
	ret |= vbe_set(fd, VBE_X_OFFSET, 0);
	ret |= vbe_set(fd, VBE_Y_OFFSET, 0);
	ret |= vbe_set(fd, VBE_ENABLE, 0x41);
	return ret;
}

int irq_set(int fd, unsigned int index, unsigned int start, unsigned int count,
	    unsigned int flags, const void *data, size_t len)
{
	char buf[sizeof(struct vfio_irq_set) + 64] = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)buf;

	if (len > 64)
		len = 64;
	set->argsz = sizeof(*set) + len;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (len)
		memcpy(set->data, data, len);
	return ioctl(fd, VFIO_DEVICE_SET_IRQS, set);
}

int irq_eventfd(int fd, unsigned int index, int eventfd)
{
	int32_t data = eventfd;

	return irq_set(fd, index, 0, 1, VFIO_IRQ_SET_DATA_EVENTFD |
		       VFIO_IRQ_SET_ACTION_TRIGGER, &data, sizeof(data));
}

int irq_trigger(int fd, unsigned int index)
{
	return irq_set(fd, index, 0, 1, VFIO_IRQ_SET_DATA_NONE |
		       VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
}

int irq_disable(int fd, unsigned int index)
{
	return irq_set(fd, index, 0, 0, VFIO_IRQ_SET_DATA_NONE |
		       VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
}

/* Contents */

size_t find_other(const volatile void *mem, uint8_t val, size_t len)
{
	const volatile uint8_t *p = mem;
	uint64_t word = 0x0101010101010101ULL * val;
	size_t i = 0;

	for (; i + 8 <= len && !((uintptr_t)(p + i) & 7); i += 8)
		if (*(const volatile uint64_t *)(p + i) != word)
			break;
	for (; i < len; i++)
		if (p[i] != val)
			break;
	return i;
}

uint64_t region_find_other(int fd, unsigned int index, uint8_t val)
{
	static uint8_t buf[65536];
	uint64_t size = region_size(fd, index), at = 0;
	uint64_t base = region_offset(fd, index);

	while (at < size) {
		ssize_t n = pread(fd, buf, sizeof(buf), base + at);
		size_t found;

		if (n <= 0)
			return at;
		found = find_other(buf, val, n);
		if (found < (size_t)n)
			return at + found;
		at += n;
	}
	return size;
}
