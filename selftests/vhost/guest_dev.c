// SPDX-License-Identifier: GPL-2.0
#include "guest_dev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define IOTLB_V2	F(VHOST_BACKEND_F_IOTLB_MSG_V2)

const char *guest_dev_node(void)
{
	const char *node = getenv("WEFT_VHOST");

	return node && *node ? node : GUEST_NODE;
}

int guest_dev_open(struct guest_dev *dev, const char *node)
{
	*dev = (struct guest_dev){ .stop_misser = -1 };
	dev->fd = open(node ?: guest_dev_node(), O_RDWR | O_CLOEXEC);
	return dev->fd < 0 ? -1 : 0;
}

static void stop_misser(struct guest_dev *dev)
{
	if (dev->stop_misser < 0)
		return;
	eventfd_write(dev->stop_misser, 1);
	pthread_join(dev->misser, NULL);
	close(dev->stop_misser);
	dev->stop_misser = -1;
}

/* The thread that answers misses goes last: the worker may wait for it until then. */
void guest_dev_close(struct guest_dev *dev)
{
	for (unsigned int i = 0; i < 2; i++)
		if (dev->ring[i])
			guest_dev_set_file(dev, VHOST_NET_SET_BACKEND, i, -1);
	stop_misser(dev);
	close(dev->fd);
	dev->fd = -1;
}

uint64_t guest_dev_features(const struct guest_dev *dev)
{
	uint64_t features;

	return ioctl(dev->fd, VHOST_GET_FEATURES, &features) ? 0 : features;
}

int guest_dev_set_features(struct guest_dev *dev, uint64_t features)
{
	dev->features = features;
	return ioctl(dev->fd, VHOST_SET_FEATURES, &features);
}

int guest_dev_set_log(struct guest_dev *dev, bool on)
{
	uint64_t features = dev->features & ~F(VHOST_F_LOG_ALL);
	int ret = guest_dev_set_features(dev, features | (on ? F(VHOST_F_LOG_ALL) : 0));

	for (unsigned int i = 0; !ret && i < 2; i++)
		if (dev->ring[i])
			ret = guest_dev_set_addr(dev, i, dev->ring[i]);
	return ret;
}

/* The device's IOTLB */

static int send_iotlb(struct guest_dev *dev, const struct vhost_iotlb_msg *msg)
{
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2, .iotlb = *msg };

	return write(dev->fd, &v2, sizeof(v2)) == sizeof(v2) ? 0 : -1;
}

static int update(struct guest_dev *dev, uint64_t addr, uint64_t size, uint8_t perm)
{
	return send_iotlb(dev, &(struct vhost_iotlb_msg){
		.iova = addr, .size = size, .perm = perm, .type = VHOST_IOTLB_UPDATE,
		.uaddr = (uintptr_t)guest_mem_ptr(dev->mem, addr),
	});
}

int guest_dev_iotlb_update(struct guest_dev *dev, uint64_t addr, uint64_t size, uint8_t perm)
{
	size_t len;

	/* As one entry where the memory is contiguous. */
	for (uint64_t done = 0; done < size; done += len) {
		if (!guest_mem_span(dev->mem, addr + done, &len)) {
			errno = EFAULT;
			return -1;
		}
		if (len > size - done)
			len = size - done;
		if (update(dev, addr + done, len, perm))
			return -1;
	}
	return 0;
}

int guest_dev_iotlb_forget(struct guest_dev *dev, uint64_t addr, uint64_t size)
{
	return send_iotlb(dev, &(struct vhost_iotlb_msg){
		.iova = addr, .size = size, .type = VHOST_IOTLB_INVALIDATE,
	});
}

int guest_dev_iotlb_flush(struct guest_dev *dev)
{
	return guest_dev_iotlb_forget(dev, dev->mem->start, dev->mem->size);
}

static void *answer_misses(void *arg)
{
	struct guest_dev *dev = arg;
	struct pollfd p[2] = {
		{ .fd = dev->fd, .events = POLLIN },
		{ .fd = dev->stop_misser, .events = POLLIN },
	};
	struct vhost_msg_v2 msg;

	while (poll(p, 2, -1) >= 0 && !p[1].revents) {
		if (read(dev->fd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.iotlb.type != VHOST_IOTLB_MISS)
			continue;
		dev->misses++;
		if (update(dev, msg.iotlb.iova & ~(GUEST_PAGE - 1), GUEST_PAGE, VHOST_ACCESS_RW))
			perror("answering a miss of the IOTLB");
	}
	return NULL;
}

static int set_iotlb(struct guest_dev *dev)
{
	uint64_t features, step = dev->iotlb == GUEST_IOTLB_PAGES ? GUEST_PAGE : dev->mem->size;

	if (dev->iotlb == GUEST_NO_IOTLB)
		return 0;
	if (ioctl(dev->fd, VHOST_GET_BACKEND_FEATURES, &features))
		return -1;
	features &= IOTLB_V2;
	if (ioctl(dev->fd, VHOST_SET_BACKEND_FEATURES, &features))
		return -1;
	if (dev->iotlb == GUEST_IOTLB_MISSING) {
		fcntl(dev->fd, F_SETFL, O_NONBLOCK);
		dev->stop_misser = eventfd(0, EFD_CLOEXEC);
		errno = pthread_create(&dev->misser, NULL, answer_misses, dev);
		return errno ? -1 : 0;
	}
	for (uint64_t at = 0; at < dev->mem->size; at += step)
		if (guest_dev_iotlb_update(dev, dev->mem->start + at, step, VHOST_ACCESS_RW))
			return -1;
	return 0;
}

/* Setup */

int guest_dev_setup(struct guest_dev *dev, struct guest_mem *mem, uint64_t features,
		    enum guest_iotlb iotlb)
{
	struct vhost_memory *table = guest_mem_table(mem);
	int ret;

	dev->mem = mem;
	dev->iotlb = iotlb;
	if (iotlb != GUEST_NO_IOTLB)
		features |= F(VIRTIO_F_ACCESS_PLATFORM);
	ret = ioctl(dev->fd, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = ioctl(dev->fd, VHOST_SET_MEM_TABLE, table);
	free(table);
	if (!ret && mem->log) {
		uint64_t log = (uintptr_t)mem->log;

		ret = ioctl(dev->fd, VHOST_SET_LOG_BASE, &log);
	}
	/* Last, as the device checks the log, and looks for an IOTLB, from here on. */
	return ret || guest_dev_set_features(dev, features) || set_iotlb(dev) ? -1 : 0;
}

int guest_dev_set_vring(struct guest_dev *dev, unsigned long request, unsigned int index,
			unsigned int num)
{
	struct vhost_vring_state state = { .index = index, .num = num };

	return ioctl(dev->fd, request, &state);
}

int guest_dev_set_file(struct guest_dev *dev, unsigned long request, unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	return ioctl(dev->fd, request, &file);
}

/* An IOVA with an IOTLB; else where the VMM has it mapped. */
static uint64_t vring_addr(const struct guest_dev *dev, uint64_t addr)
{
	return dev->mem->iova ? addr : (uintptr_t)guest_mem_ptr(dev->mem, addr);
}

int guest_dev_set_addr(struct guest_dev *dev, unsigned int index, const struct guest_ring *r)
{
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = vring_addr(dev, r->desc_addr),
		.avail_user_addr = vring_addr(dev, r->avail_addr),
		.used_user_addr = vring_addr(dev, r->used_addr),
	};

	if (dev->features & F(VHOST_F_LOG_ALL)) {
		addr.flags = 1 << VHOST_VRING_F_LOG;
		addr.log_guest_addr = guest_mem_gpa(dev->mem, r->used_addr);
	}
	return ioctl(dev->fd, VHOST_SET_VRING_ADDR, &addr);
}

int guest_dev_attach(struct guest_dev *dev, unsigned int index, struct guest_ring *r)
{
	dev->ring[index] = r;
	/* As QEMU does, since in-tree vhost cannot wait for an answer when it starts. */
	if (dev->iotlb == GUEST_IOTLB_MISSING &&
	    guest_dev_iotlb_update(dev, r->used_addr & ~(GUEST_PAGE - 1), GUEST_PAGE,
				   VHOST_ACCESS_RW))
		return -1;
	if (guest_dev_set_vring(dev, VHOST_SET_VRING_NUM, index, r->size) ||
	    guest_dev_set_vring(dev, VHOST_SET_VRING_BASE, index, r->base) ||
	    guest_dev_set_addr(dev, index, r) ||
	    guest_dev_set_file(dev, VHOST_SET_VRING_KICK, index, r->kick) ||
	    guest_dev_set_file(dev, VHOST_SET_VRING_CALL, index, r->call))
		return -1;
	return guest_dev_set_file(dev, VHOST_SET_VRING_ERR, index, r->err);
}

int guest_dev_start(struct guest_dev *dev, unsigned int index, int backend)
{
	struct guest_ring *r = dev->ring[index];

	if (guest_dev_set_vring(dev, VHOST_SET_VRING_BASE, index, r->base) ||
	    guest_dev_set_file(dev, VHOST_NET_SET_BACKEND, index, backend))
		return -1;
	return eventfd_write(r->kick, 1);
}

int guest_dev_stop(struct guest_dev *dev, unsigned int index)
{
	struct vhost_vring_state state = { .index = index };

	if (guest_dev_set_file(dev, VHOST_NET_SET_BACKEND, index, -1) ||
	    ioctl(dev->fd, VHOST_GET_VRING_BASE, &state))
		return -1;
	dev->ring[index]->base = state.num;
	return 0;
}

/* The worker */

static bool is_worker(const char *tid, const char *name)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		*comm = 0;
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	return !strcmp(comm, name);
}

int guest_dev_worker(int n)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	char name[32];
	int found = -1;

	snprintf(name, sizeof(name), "vhost-%d", getpid());
	while (dir && found < 0 && (e = readdir(dir)))
		if (is_worker(e->d_name, name) && n-- == 0)
			found = atoi(e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

uint64_t guest_dev_worker_ns(int tid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}
