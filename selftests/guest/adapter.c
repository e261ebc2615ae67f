// SPDX-License-Identifier: GPL-2.0
#include "adapter.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PCI		"/sys/bus/pci/"
#define DISPLAY_CLASS	0x03

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static size_t read_file(const char *path, void *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got, all = 0;

	if (fd < 0)
		return 0;
	while ((got = read(fd, (char *)to + all, room - all)) > 0)
		all += got;
	close(fd);
	return all;
}

static unsigned long read_hex(const char *address, const char *name)
{
	char path[128], text[32] = "";

	snprintf(path, sizeof(path), PCI "devices/%s/%s", address, name);
	read_file(path, text, sizeof(text) - 1);
	return strtoul(text, NULL, 16);
}

/* The first entry of a directory whose name starts so; false if none does. */
static bool find_entry(const char *dir, const char *start, char *name,
		       size_t room)
{
	DIR *handle = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (!handle)
		return false;
	while (!found && (entry = readdir(handle))) {
		if (strncmp(entry->d_name, start, strlen(start)) ||
		    entry->d_name[0] == '.')
			continue;
		snprintf(name, room, "%.*s", (int)room - 1, entry->d_name);
		found = true;
	}
	closedir(handle);
	return found;
}

static void find_driver(struct adapter *adapter)
{
	char path[128], target[256] = "", name[32], *slash;

	adapter->driver[0] = adapter->card[0] = adapter->connector[0] = 0;
	snprintf(path, sizeof(path), PCI "devices/%s/driver", adapter->address);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return;
	slash = strrchr(target, '/');
	snprintf(adapter->driver, sizeof(adapter->driver), "%.31s",
		 slash ? slash + 1 : target);

	snprintf(path, sizeof(path), PCI "devices/%s/drm", adapter->address);
	if (!find_entry(path, "card", name, sizeof(name)))
		return;
	snprintf(adapter->card, sizeof(adapter->card), "/dev/dri/%.16s", name);
	snprintf(target, sizeof(target), "/sys/class/drm/%s", name);
	snprintf(path, sizeof(path), "%.30s-", name);
	if (find_entry(target, path, name, sizeof(name)))
		snprintf(adapter->connector, sizeof(adapter->connector),
			 "%.30s/%.30s", target, name);
}

bool adapter_find(struct adapter *adapter)
{
	char path[128], text[128] = "";
	unsigned long long start, end;
	struct dirent *entry;
	DIR *dir = opendir(PCI "devices");

	memset(adapter, 0, sizeof(*adapter));
	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    read_hex(entry->d_name, "class") >> 16 != DISPLAY_CLASS)
			continue;
		snprintf(adapter->address, sizeof(adapter->address), "%.15s",
			 entry->d_name);
		break;
	}
	closedir(dir);
	if (!adapter->address[0])
		return false;

	adapter->vendor = read_hex(adapter->address, "vendor");
	adapter->device = read_hex(adapter->address, "device");
	snprintf(path, sizeof(path), PCI "devices/%s/resource", adapter->address);
	read_file(path, text, sizeof(text) - 1);
	if (sscanf(text, "%llx %llx", &start, &end) == 2 && end > start)
		adapter->vram = end - start + 1;
	find_driver(adapter);
	return true;
}

void adapter_rescan(void)
{
	write_file(PCI "rescan", "1");
}

uint32_t *adapter_map_vram(struct adapter *adapter)
{
	char path[128];
	void *vram;
	int fd;

	/* The kernel lets nobody map a BAR that a driver has claimed. */
	if (adapter->driver[0]) {
		snprintf(path, sizeof(path), PCI "drivers/%s/unbind",
			 adapter->driver);
		if (!write_file(path, adapter->address))
			return NULL;
		find_driver(adapter);
	}
	snprintf(path, sizeof(path), PCI "devices/%s/enable", adapter->address);
	if (!read_hex(adapter->address, "enable"))
		write_file(path, "1");
	snprintf(path, sizeof(path), PCI "devices/%s/resource0",
		 adapter->address);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	vram = mmap(NULL, adapter->vram, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	close(fd);
	return vram == MAP_FAILED ? NULL : vram;
}

size_t adapter_edid(const struct adapter *adapter, unsigned char *bytes,
		    size_t room)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/edid", adapter->connector);
	return read_file(path, bytes, room);
}
