// SPDX-License-Identifier: GPL-2.0
/* vfio_lib - what the tests of weft_vgpu share, see the header */
#include "vfio_lib.h"
#include "patience.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_OF(path, fmt)						\
	do {								\
		va_list _args;						\
		va_start(_args, fmt);					\
		vsnprintf(path, sizeof(path), fmt, _args);		\
		va_end(_args);						\
	} while (0)

static void close_keep_errno(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
}

/* Files */

static ssize_t read_path(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -1;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0) {
			buf[0] = 0;
			close_keep_errno(fd);
			return -1;
		}
		if (!n)
			break;
		len += n;
	}
	close(fd);
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = 0;
	return len;
}

ssize_t file_read(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return read_path(path, buf, size);
}

static char *static_buffer(void)
{
	static char buffers[8][4096];
	static unsigned int n;

	return buffers[n++ % 8];
}

const char *file_text(const char *fmt, ...)
{
	char path[PATH_MAX], *buf = static_buffer();

	PATH_OF(path, fmt);
	read_path(path, buf, 4096);
	return buf;
}

long long file_number(const char *fmt, ...)
{
	char path[PATH_MAX], buf[64], *end;
	long long val;

	PATH_OF(path, fmt);
	if (read_path(path, buf, sizeof(buf)) < 1)
		return -1;
	val = strtoll(buf, &end, 0);
	return *end ? -1 : val;
}

static int write_path(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, data, len);
	close_keep_errno(fd);
	return n < 0 ? -1 : 0;
}

int file_write(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return write_path(path, text, strlen(text));
}

int file_write_bytes(const void *data, size_t len, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return write_path(path, data, len);
}

bool file_exists(const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return !access(path, F_OK);
}

int command(const char *fmt, ...)
{
	char text[PATH_MAX];
	int status;

	PATH_OF(text, fmt);
	status = system(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Modules */

bool module_loaded(const char *name)
{
	return file_exists("/sys/module/%s", name);
}

int module_load(const char *name, const char *parameters)
{
	const char *dir = getenv("WEFT_MODULES");
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.ko", dir ?: ".", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, parameters ?: "", 0);
	close_keep_errno(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

int softpci_load(const char *parameters)
{
	if (module_loaded("weft_softpci")) {
		mdev_remove_all();
		if (module_unload("weft_softpci"))
			return -1;
	}
	return module_load("weft_softpci", parameters);
}

int modules_reload(const char *parameters)
{
	mdev_remove_all();
	if (module_loaded("weft_softpci") && module_unload("weft_softpci"))
		return -1;
	if (module_loaded("weft_vgpu") && module_unload("weft_vgpu"))
		return -1;
	if (module_load("weft_vgpu", NULL))
		return -1;
	return module_load("weft_softpci", parameters);
}

/* Adapters */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

const char *pci_find(unsigned int vendor, unsigned int device, int class, int n)
{
	char found[BDF_SIZE] = "";
	struct dirent **list;
	int i, nr;

	nr = scandir(PCI, &list, NULL, by_name);
	for (i = 0; i < nr; i++) {
		const char *name = list[i]->d_name;

		if (name[0] != '.' && !found[0] &&
		    file_number(PCI "/%s/vendor", name) == vendor &&
		    file_number(PCI "/%s/device", name) == device &&
		    (class < 0 || file_number(PCI "/%s/class", name) >> 8 == class) &&
		    !n--)
			snprintf(found, BDF_SIZE, "%.*s", BDF_SIZE - 1, name);
		free(list[i]);
	}
	if (nr >= 0)
		free(list);
	return found[0] ? strdup(found) : "";
}

const char *softpci_find(int n)
{
	return pci_find(0x1234, 0x7765, 0x0380, n);
}

const char *bochs_find(int n)
{
	return pci_find(0x1234, 0x1111, 0x0380, n);
}

bool adapter_bound(const char *bdf)
{
	return bdf[0] && file_exists(DRIVER "/%s", bdf);
}

int adapter_bind(const char *bdf)
{
	if (adapter_bound(bdf))
		return 0;
	if (file_exists(PCI "/%s/driver", bdf) &&
	    file_write(bdf, PCI "/%s/driver/unbind", bdf))
		return -1;
	if (file_write("weft_vgpu", PCI "/%s/driver_override", bdf) ||
	    file_write(bdf, "/sys/bus/pci/drivers_probe"))
		return -1;
	if (!adapter_bound(bdf)) {
		errno = ENODEV;
		return -1;
	}
	return 0;
}

int adapter_unbind(const char *bdf)
{
	return file_write(bdf, DRIVER "/unbind");
}

const char *adapter_attr(const char *bdf, const char *name)
{
	return file_text(PCI "/%s/weft/%s", bdf, name);
}

int adapter_enable(const char *bdf, bool on)
{
	return file_write(on ? "1" : "0", PCI "/%s/weft/enabled", bdf);
}

/* Instances */

#define UUIDS	65536

const char *uuid_of(unsigned int n)
{
	static char (*uuids)[UUID_SIZE];

	if (!uuids)
		uuids = calloc(UUIDS, UUID_SIZE);
	n %= UUIDS;
	snprintf(uuids[n], UUID_SIZE, "77656674-0000-4000-8000-%012x", n);
	return uuids[n];
}

int mdev_create(const char *bdf, const char *type, const char *uuid)
{
	return file_write(uuid, PCI "/%s/mdev_supported_types/weft_vgpu-%s/create",
			  bdf, type);
}

int mdev_remove(const char *uuid)
{
	return file_write("1", MDEVS "/%s/remove", uuid);
}

bool mdev_exists(const char *uuid)
{
	return file_exists(MDEVS "/%s", uuid);
}

int mdev_remove_all(void)
{
	struct dirent **list;
	int i, nr, ret = 0;

	nr = scandir(MDEVS, &list, NULL, by_name);
	for (i = 0; i < nr; i++) {
		if (list[i]->d_name[0] != '.' && mdev_remove(list[i]->d_name))
			ret = -1;
		free(list[i]);
	}
	if (nr >= 0)
		free(list);
	return ret;
}

int mdev_available(const char *bdf, const char *type)
{
	return file_number(PCI "/%s/mdev_supported_types/weft_vgpu-%s/available_instances",
			   bdf, type);
}

const char *mdev_attr(const char *uuid, const char *name)
{
	return file_text(MDEVS "/%s/weft/%s", uuid, name);
}

const char *parent_fresh(void)
{
	const char *which = getenv("WEFT_PARENT"), *bdf;

	mdev_remove_all();
	if (which && !strcmp(which, "bochs")) {
		bdf = bochs_find(0);
		if (!bdf[0] || adapter_bind(bdf))
			return "";
	} else {
		bdf = softpci_find(0);
		if (!adapter_bound(bdf) && modules_reload(NULL))
			return "";
		bdf = softpci_find(0);
	}
	return bdf[0] && adapter_enable(bdf, true) ? "" : bdf;
}

int mdev_group(const char *uuid)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), MDEVS "/%s/iommu_group", uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = 0;
	return atoi(strrchr(link, '/') + 1);
}

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

/* Events */

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int event_new(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* What is waited for that long has to happen; that nothing does is seen sooner. */
static int stretched(int ms)
{
	return ms < WAIT_MS ? ms : ms * ksft_patience();
}

bool event_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	ms = stretched(ms);
	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n == 1 && p.revents & POLLIN;
}

uint64_t event_count(int fd)
{
	uint64_t val = 0;

	return read(fd, &val, sizeof(val)) == sizeof(val) ? val : 0;
}

/* A sysfs attribute tells by POLLPRI that it changed, if its owner does so. */
static void wait_attribute(const char *path, int ms)
{
	struct pollfd p = { .fd = open(path, O_RDONLY | O_CLOEXEC),
			    .events = POLLPRI };
	char buf[256];

	if (p.fd >= 0 && read(p.fd, buf, sizeof(buf)) < 0)
		buf[0] = 0;
	poll(&p, 1, ms);
	close_keep_errno(p.fd);
}

bool wait_text(const char *want, int ms, const char *fmt, ...)
{
	char path[PATH_MAX], buf[4096];
	double end = now() + ms / 1000.0;

	PATH_OF(path, fmt);
	for (;;) {
		if (read_path(path, buf, sizeof(buf)) >= 0 && !strcmp(buf, want))
			return true;
		if (now() > end)
			return false;
		wait_attribute(path, 20);
	}
}

static bool wait_path(const char *path, bool there, int ms)
{
	double end = now() + ms / 1000.0;

	while (!access(path, F_OK) != there) {
		if (now() > end)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

bool wait_gone(int ms, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return wait_path(path, false, ms);
}

bool wait_there(int ms, const char *fmt, ...)
{
	char path[PATH_MAX];

	PATH_OF(path, fmt);
	return wait_path(path, true, ms);
}

bool wait_child(pid_t pid, int *status, int ms)
{
	double end = now() + stretched(ms) / 1000.0;
	pid_t got;

	while (!(got = waitpid(pid, status, WNOHANG))) {
		if (now() > end)
			return false;
		poll(NULL, 0, 10);
	}
	return got == pid;
}

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next line; false when there is none now. */
static bool kmsg_line(int fd, char *buf, size_t size)
{
	ssize_t n;

	for (;;) {
		n = read(fd, buf, size - 1);
		if (n >= 0) {
			buf[n] = 0;
			return true;
		}
		/* EPIPE: some were overwritten before we came */
		if (errno != EPIPE && errno != EINTR)
			return false;
	}
}

bool kmsg_wait(int fd, const char *part, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double end = now() + ms / 1000.0;
	char line[8192];

	for (;;) {
		double left;

		while (kmsg_line(fd, line, sizeof(line)))
			if (strstr(line, part))
				return true;
		left = end - now();
		if (left <= 0)
			return false;
		poll(&p, 1, left * 1000 + 1);
	}
}

int kmsg_count(int fd, const char *part)
{
	char line[8192];
	int n = 0;

	while (kmsg_line(fd, line, sizeof(line)))
		n += !!strstr(line, part);
	return n;
}

/* Faults */

static sigjmp_buf touch_env;

static void touch_signal(int sig)
{
	siglongjmp(touch_env, sig);
}

static int touch_do(volatile uint8_t *p, int write)
{
	struct sigaction sa = { .sa_handler = touch_signal }, bus, segv;
	int ret, sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(touch_env, 1);
	if (sig) {
		ret = sig == SIGBUS ? TOUCH_SIGBUS : TOUCH_SIGSEGV;
	} else if (write >= 0) {
		*p = write;
		ret = write;
	} else {
		ret = *p;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return ret;
}

int touch(const volatile void *p)
{
	return touch_do((volatile uint8_t *)p, -1);
}

int touch_write(volatile void *p, uint8_t val)
{
	return touch_do(p, val);
}

/* Processes */

int helper_start(struct helper *h, int (*fn)(int sock, void *arg), void *arg)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -1;
	fflush(NULL);
	h->pid = fork();
	if (h->pid < 0) {
		close_keep_errno(socks[0]);
		close_keep_errno(socks[1]);
		return -1;
	}
	if (!h->pid) {
		int status;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(socks[0]);
		status = fn(socks[1], arg);
		fflush(NULL);
		_exit(status);
	}
	close(socks[1]);
	h->sock = socks[0];
	return 0;
}

int helper_say(int sock, long val)
{
	return send(sock, &val, sizeof(val), MSG_NOSIGNAL) == sizeof(val) ?
	       0 : -1;
}

long helper_hear(int sock, int ms)
{
	long val;

	if (!event_wait(sock, ms) || read(sock, &val, sizeof(val)) != sizeof(val))
		return LONG_MIN;
	return val;
}

int helper_end(struct helper *h, int ms)
{
	int status;

	if (!wait_child(h->pid, &status, ms))
		return -1000;
	close(h->sock);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Random numbers: splitmix64 */

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (rng_next(r) >> 32) * n >> 32;
}

uint64_t rng_seed(void)
{
	const char *s = getenv("WEFT_SEED");
	struct timespec ts;

	if (s && *s)
		return strtoull(s, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000007ULL ^ ts.tv_nsec;
}
