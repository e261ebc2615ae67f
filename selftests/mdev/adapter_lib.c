// SPDX-License-Identifier: GPL-2.0
/* adapter_lib - adapters and instances in sysfs, see the header */
#include "adapter_lib.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Modules */

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
