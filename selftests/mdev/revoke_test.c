// SPDX-License-Identifier: GPL-2.0
/*
 * What is left in an adapter's VRAM when it is taken from a tenant who writes
 * all the time: looked at in the bare BAR, before anything could scrub it anew.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest.h"
#include "vfio_lib.h"

static void mapping_is_gone(int sig)
{
	(void)sig;
	_exit(0);
}

/* A guest whose virtual CPU never pauses; its VMM dies of the revocation. */
static int write_for_ever(int sock, void *arg)
{
	const uint64_t size = 8 * MIB;
	struct vgpu v;
	uint8_t *map;

	(void)arg;
	if (vgpu_open(&v, uuid_of(1)))
		return 10;
	map = region_map(v.fd, REGION_BAR0, 0, size);
	if (map == MAP_FAILED)
		return 11;
	memset(map, 0xa5, size);
	signal(SIGBUS, mapping_is_gone);
	helper_say(sock, 1);
	for (;;)
		for (uint64_t at = 0; at < size; at += PAGE)
			map[at] = 0xa5;
}

/* The BAR as sysfs maps it once no driver has the adapter. */
static uint8_t *map_bare_bar(const char *bdf, uint64_t size)
{
	char path[128];
	uint8_t *map;
	int fd;

	if (file_write("1", PCI "/%s/enable", bdf))
		return MAP_FAILED;
	snprintf(path, sizeof(path), PCI "/%s/resource0", bdf);
	fd = open(path, O_RDWR);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map;
}

TEST_TIMEOUT(a_writer_leaves_nothing_when_the_adapter_is_unbound, 120)
{
	const char *bdf = bochs_find(0);
	const uint64_t size = 64 * MIB;
	struct helper p;
	uint8_t *bar;

	if (!bdf[0])
		SKIP("the machine has no bochs-display");
	for (int round = 0; round < 5; round++) {
		mdev_remove_all();
		ASSERT_EQ(adapter_bind(bdf), 0);
		ASSERT_EQ(mdev_create(bdf, "8m", uuid_of(1)), 0);
		ASSERT_EQ(helper_start(&p, write_for_ever, NULL), 0);
		ASSERT_EQ(helper_hear(p.sock, WAIT_MS), 1);
		ASSERT_EQ(adapter_unbind(bdf), 0);
		EXPECT_EQ(helper_end(&p, WAIT_MS), 0);

		bar = map_bare_bar(bdf, size);
		ASSERT_NE(bar, MAP_FAILED);
		EXPECT_EQ(find_other(bar, 0, size), size);
		/* so that what is left now is from now */
		memset(bar, 0, size);
		munmap(bar, size);
		ASSERT_EQ(file_write("0", PCI "/%s/enable", bdf), 0);
	}
}
