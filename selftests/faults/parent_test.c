// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation fails once where a parent of devices comes and goes: an
 * adapter or a network function is bound and unbound, and a module is loaded and
 * unloaded. A device can then be made of each all the same.
 */
#include <fcntl.h>
#include <unistd.h>

#include "kselftest.h"
#include "must.h"
#include "vdpa_nl_lib.h"
#include "vfio_lib.h"
#include "walk_lib.h"
#include "warn_lib.h"

#define VDPA_DRIVER	"/sys/bus/pci/drivers/weft_vdpa"
#define VDPA_NAME	"w0"
#define NETWORK		1	/* the function behind the display function */

static const struct {
	const char *name, *parameters;
	const char *wrong;	/* parameters that the loader does not take */
} modules[] = {
	{ "weft_softpci", "functions=1 net_functions=1", "functions=x" },
	{ "weft_vgpu", "", "evict_seconds=x" },
	{ "weft_vdpa", "", "use_va=x" },
};

enum { SOFTPCI, VGPU, VDPA, MODULES };

static const char *node;	/* the PCI function */

static void nothing(void)
{
}

/* Devices of them */

static int use_adapter(void)
{
	const char *bdf = softpci_find(0);

	if (mdev_create(bdf, "4m", uuid_of(1)))
		return -1;
	return mdev_remove(uuid_of(1));
}

static int use_function(void)
{
	if (vdpa_make(VDPA_NAME, NETWORK, &(struct vdpa_make){ }))
		return -1;
	return vdpa_delete(VDPA_NAME);
}

/* Drivers */

static int put(const char *driver, const char *file)
{
	char path[120];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", driver, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	MUST(fd < 0);
	walk_arm();
	n = write(fd, node, strlen(node));
	walk_disarm();
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

static bool bound(const char *driver)
{
	return file_exists("%s/%s", driver, node);
}

#define OF_A_DRIVER(_name, _driver)					\
	static int _name##_unbind(void)					\
	{								\
		return put(_driver, "unbind");				\
	}								\
	static int _name##_bind(void)					\
	{								\
		if (put(_driver, "bind"))				\
			return -1;					\
		errno = ENODEV;						\
		return bound(_driver) ? 0 : -1;				\
	}								\
	static int _name##_bound(void)					\
	{								\
		return bound(_driver) ? 0 : file_write(node, _driver "/bind");	\
	}								\
	static int _name##_unbound(void)				\
	{								\
		return bound(_driver) ? file_write(node, _driver "/unbind") : 0;	\
	}

OF_A_DRIVER(vgpu, DRIVER)
OF_A_DRIVER(vdpa, VDPA_DRIVER)

/* Modules */

static bool working(unsigned int m)
{
	switch (m) {
	case SOFTPCI:
		/* A function that there was no memory for is one that is not there. */
		return *softpci_find(0) && file_exists(PCI "/%s", vdpa_function(NETWORK));
	case VGPU:
		return adapter_bound(softpci_find(0));
	default:
		return file_exists(VDPA_DRIVER "/%s", vdpa_function(NETWORK));
	}
}

static int take_away(unsigned int m)
{
	return module_loaded(modules[m].name) ? module_unload(modules[m].name) : 0;
}

/* The loader tells of memory that it does not get. */
static int load_with(unsigned int m, const char *parameters)
{
	int ret;

	warn_begin();
	walk_arm();
	ret = module_load(modules[m].name, parameters);
	walk_disarm();
	warn_end(NULL, 0);
	return ret;
}

/* Those of the rest of the kernel that fail where nobody is told leave less than was asked for. */
static int load(unsigned int m)
{
	int ret = load_with(m, modules[m].parameters);

	if (ret || working(m))
		return ret;
	MUST(take_away(m));
	errno = ENODEV;
	return -1;
}

static int unload(unsigned int m)
{
	int ret;

	walk_arm();
	ret = module_unload(modules[m].name);
	walk_disarm();
	return ret;
}

static int have(unsigned int m)
{
	return module_loaded(modules[m].name) ? 0 :
		module_load(modules[m].name, modules[m].parameters);
}

#define OF_A_MODULE(_name, _m)						\
	static int load_##_name(void)					\
	{								\
		return load(_m);					\
	}								\
	static int unload_##_name(void)					\
	{								\
		return unload(_m);					\
	}								\
	static int have_##_name(void)					\
	{								\
		return have(_m);					\
	}

/* Its load is walked, but for what the loader does before it looks at parameters. */
#define LOADED(_name, _m)						\
	static int no_##_name(void)					\
	{								\
		return take_away(_m);					\
	}								\
	static int wrong_##_name(void)					\
	{								\
		return load_with(_m, modules[_m].wrong);		\
	}

OF_A_MODULE(softpci, SOFTPCI)
OF_A_MODULE(vgpu, VGPU)
OF_A_MODULE(vdpa, VDPA)
LOADED(vgpu, VGPU)
LOADED(vdpa, VDPA)

static void no_module(void)
{
	for (unsigned int m = MODULES; m--; )
		MUST(take_away(m));
}

static void all_modules(void)
{
	for (unsigned int m = 0; m < MODULES; m++)
		MUST(have(m));
}

#define LOAD(_m)		{ "load_" #_m, load_##_m, .before_again = no_##_m, \
				  .before = wrong_##_m }

static const struct walk_call adapter[] = {
	WALK_AGAIN(vgpu_unbind, vgpu_bound), WALK_AGAIN(vgpu_bind, vgpu_unbound),
	SURE(use_adapter),
};

static const struct walk_call function[] = {
	WALK_AGAIN(vdpa_unbind, vdpa_bound), WALK_AGAIN(vdpa_bind, vdpa_unbound),
	SURE(use_function),
};

static const struct walk_call loads[] = {
	/* Where there is no memory for a root bus, PCI's core frees parts of it twice. */
	SURE(load_softpci), LOAD(vgpu), LOAD(vdpa), SURE(use_adapter), SURE(use_function),
	WALK_AGAIN(unload_vdpa, have_vdpa), WALK_AGAIN(unload_vgpu, have_vgpu),
	WALK_AGAIN(unload_softpci, have_softpci),
};

static struct walk_life life = { .begin = nothing, .end = nothing };

static void live(unsigned int least)
{
	const char *missing = walk_missing();

	if (missing)
		SKIP("%s", missing);
	walk(&life, least);
	EXPECT_EQ(walk_failures, 0);
}

TEST_TIMEOUT(adapters, 600)
{
	all_modules();
	node = softpci_find(0);
	WALK_PUT(&life, adapter);
	live(60);
}

TEST_TIMEOUT(functions, 600)
{
	all_modules();
	node = vdpa_function(NETWORK);
	WALK_PUT(&life, function);
	live(12);
}

TEST_TIMEOUT(loading, 900)
{
	no_module();
	life.begin = no_module;
	WALK_PUT(&life, loads);
	live(450);
	no_module();
}
