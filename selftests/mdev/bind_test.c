// SPDX-License-Identifier: GPL-2.0
/* Which adapters are taken and which are refused, and the synthetic ones. */
#include "kselftest.h"
#include "refused.h"
#include "vfio_lib.h"

#define BIND_ERROR file_text(DRIVER "/last_error")

static struct vgpu v;

static const char *device(const char *what, const char *bdf)
{
	if (!bdf[0])
		SKIP("the machine has no %s", what);
	if (!module_loaded("weft_vgpu"))
		ASSERT_EQ(modules_reload(NULL), 0);
	mdev_remove_all();
	if (adapter_bound(bdf))
		ASSERT_EQ(adapter_unbind(bdf), 0);
	return bdf;
}

/* By "bind", whose errno is that of the driver, once driver_override lets it */
static int bind_by_force(const char *bdf)
{
	int ret, err;

	if (file_write("weft_vgpu", PCI "/%s/driver_override", bdf))
		return -1;
	ret = file_write(bdf, DRIVER "/bind");
	err = errno;
	file_write("\n", PCI "/%s/driver_override", bdf);
	errno = err;
	return ret;
}

static void expect_not_bound(const char *bdf)
{
	EXPECT_FALSE(adapter_bound(bdf));
	EXPECT_FALSE(file_exists(PCI "/%s/mdev_supported_types", bdf));
	EXPECT_FALSE(file_exists("/sys/class/mdev_bus/%s", bdf));
	EXPECT_FALSE(file_exists(PCI "/%s/weft", bdf));
}

TEST(no_hardware_is_taken_unasked)
{
	const char *bdf = device("bochs-display", bochs_find(0));

	ASSERT_EQ(file_write("\n", PCI "/%s/driver_override", bdf), 0);
	ASSERT_EQ(file_write(bdf, "/sys/bus/pci/drivers_probe"), 0);
	expect_not_bound(bdf);
	/* the driver knows no such id without an override */
	EXPECT_ERRNO(ENODEV, file_write(bdf, DRIVER "/bind"));
	expect_not_bound(bdf);
}

TEST(unknown_device_is_refused)
{
	const char *bdf = device("edu", pci_find(0x1234, 0x11e8, -1, 0));

	EXPECT_REFUSED(ENODEV, bind_by_force(bdf), BIND_ERROR, bdf);
	EXPECT_TRUE(strstr(BIND_ERROR, "1234:11e8"));
	expect_not_bound(bdf);
}

TEST(console_is_refused)
{
	const char *bdf = device("VGA", pci_find(0x1234, 0x1111, 0x0300, 0));

	EXPECT_REFUSED(EBUSY, bind_by_force(bdf), BIND_ERROR, "console");
	EXPECT_TRUE(strstr(BIND_ERROR, bdf));
	expect_not_bound(bdf);
}

/* The BAR's address, from the list of resources */
static uint64_t bar_address(const char *bdf, unsigned int bar)
{
	const char *line = file_text(PCI "/%s/resource", bdf);

	while (bar-- && (line = strchr(line, '\n')))
		line++;
	return line ? strtoull(line, NULL, 16) : 0;
}

#define RAMOOPS "mem_size=0x100000 record_size=0x20000 mem_type=1"

TEST(adapter_whose_bar_is_taken_is_refused)
{
	static const char claim[] = "modprobe ramoops mem_address=%#llx " RAMOOPS " 2>/dev/null";
	const char *bdf = device("bochs-display", bochs_find(0));

	/* somebody else's claim on a piece of it, as a boot console has one */
	if (command(claim, (unsigned long long)bar_address(bdf, 0) + 2 * MIB))
		SKIP("ramoops cannot be loaded");
	EXPECT_REFUSED(EBUSY, bind_by_force(bdf), BIND_ERROR, "BAR 0");
	EXPECT_TRUE(strstr(BIND_ERROR, bdf));
	expect_not_bound(bdf);
	ASSERT_EQ(command("rmmod ramoops"), 0);
	EXPECT_EQ(adapter_bind(bdf), 0);
	EXPECT_TRUE(file_exists("/sys/class/mdev_bus/%s", bdf));
	ASSERT_EQ(adapter_unbind(bdf), 0);
}

TEST(vram_that_cannot_be_divided_is_refused)
{
	const char *bdf = device("ivshmem-plain of 2 MiB", pci_find(0x1af4, 0x1110, -1, 0));

	EXPECT_REFUSED(EINVAL, bind_by_force(bdf), BIND_ERROR, "2048 KiB");
	expect_not_bound(bdf);
}

/* An adapter's whole round, after which it is as it was. */
static void check_adapter(const char *bdf, unsigned int mib)
{
	unsigned int i, round;
	uint8_t *map, byte;
	char type[16];

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(adapter_bind(bdf), 0);
		EXPECT_TRUE(file_exists("/sys/class/mdev_bus/%s", bdf));
		EXPECT_EQ(atoll(adapter_attr(bdf, "vram_total")), mib * MIB);
		EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
		EXPECT_EQ(mdev_available(bdf, "full"), 1);
		EXPECT_EQ(mdev_available(bdf, "4m"), mib / 4);
		snprintf(type, sizeof(type), "%um", mib / 2);
		EXPECT_EQ(mdev_available(bdf, type), 2);
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(mdev_create(bdf, type, uuid_of(i)), 0);
			ASSERT_EQ(vgpu_open(&v, uuid_of(i)), 0);
			map = region_map(v.fd, REGION_BAR0, 0, 0);
			ASSERT_NE(map, MAP_FAILED);
			EXPECT_EQ(find_other(map, 0, mib / 2 * MIB), mib / 2 * MIB);
			map[0] = 0x41 + i;
			memset(map + mib / 2 * MIB - PAGE, 0x41 + i, PAGE);
			EXPECT_EQ(region_read(v.fd, REGION_BAR0, 0, &byte, 1), 1);
			EXPECT_EQ(byte, 0x41 + i);
			EXPECT_EQ(region_read(v.fd, REGION_BAR0, mib / 2 * MIB - 1, &byte, 1), 1);
			EXPECT_EQ(byte, 0x41 + i);
			munmap(map, mib / 2 * MIB);
			vgpu_close(&v);
		}
		/* unbound with its instances, none of which is open */
		ASSERT_EQ(adapter_unbind(bdf), 0);
		expect_not_bound(bdf);
		EXPECT_FALSE(mdev_exists(uuid_of(0)));
		EXPECT_FALSE(mdev_exists(uuid_of(1)));
	}
}

TEST(bochs_display)
{
	check_adapter(device("bochs-display", bochs_find(0)), 64);
}

TEST(secondary_vga)
{
	check_adapter(device("secondary-vga", bochs_find(1)), 16);
}

TEST(ivshmem_plain)
{
	check_adapter(device("second ivshmem-plain", pci_find(0x1af4, 0x1110, -1, 1)), 8);
}

/* weft_softpci */

static int log_fd;

static void no_softpci(void)
{
	mdev_remove_all();
	if (!module_loaded("weft_vgpu"))
		ASSERT_EQ(modules_reload(NULL), 0);
	if (module_loaded("weft_softpci"))
		ASSERT_EQ(module_unload("weft_softpci"), 0);
	log_fd = kmsg_open();
}

static void expect_no_softpci(const char *params, int err, const char *because)
{
	errno = 0;
	if (module_load("weft_softpci", params) != -1 || errno != err)
		ksft_note("weft_softpci %s: errno %d, wanted %d", params, errno, err);
	EXPECT_EQ(errno, err);
	EXPECT_EQ(kmsg_count(log_fd, because), 1);
	EXPECT_FALSE(module_loaded("weft_softpci"));
	EXPECT_STREQ(softpci_find(0), "");
}

TEST(softpci_refuses_parameters_that_make_no_sense)
{
	no_softpci();
	expect_no_softpci("functions=257", EINVAL, "functions=257");
	expect_no_softpci("functions=4294967295", EINVAL, "functions=4294967295");
	expect_no_softpci("functions=200 net_functions=57", EINVAL,
			  "net_functions=57: a bus holds at most 256, and functions=200 come first");
	expect_no_softpci("functions=0 net_functions=4294967295", EINVAL,
			  "net_functions=4294967295: a bus holds at most 256");
	expect_no_softpci("vram_mb=48", EINVAL, "vram_mb=48");
	expect_no_softpci("vram_mb=0", EINVAL, "vram_mb=0");
	expect_no_softpci("vram_mb=2", EINVAL, "vram_mb=2");
	expect_no_softpci("vram_mb=262144", EINVAL, "vram_mb=262144");
	expect_no_softpci("domain=0", EBUSY, "domain=0");
	expect_no_softpci("domain=65536", EINVAL, "domain=0x10000");
	/* and after all that it still loads */
	EXPECT_EQ(module_load("weft_softpci", NULL), 0);
	EXPECT_TRUE(adapter_bound(softpci_find(0)));
	EXPECT_STREQ(softpci_find(1), "");
}

TEST(softpci_domain)
{
	no_softpci();
	ASSERT_EQ(module_load("weft_softpci", "domain=0x2345 functions=2 vram_mb=4"), 0);
	EXPECT_STREQ(softpci_find(0), "2345:00:00.0");
	EXPECT_STREQ(softpci_find(1), "2345:00:00.1");
	EXPECT_TRUE(adapter_bound("2345:00:00.1"));
	/* 4 MiB: one type, and that is all of it */
	EXPECT_EQ(mdev_available("2345:00:00.0", "full"), 1);
	EXPECT_EQ(mdev_available("2345:00:00.0", "4m"), -1);
	ASSERT_EQ(module_unload("weft_softpci"), 0);
	EXPECT_FALSE(file_exists(PCI "/2345:00:00.0"));
	ASSERT_EQ(module_load("weft_softpci", "functions=0"), 0);
	EXPECT_STREQ(softpci_find(0), "");
	ASSERT_EQ(module_unload("weft_softpci"), 0);
}

TEST_TIMEOUT(softpci_of_64_functions, 120)
{
	unsigned int i, round;

	no_softpci();
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(module_load("weft_softpci", "functions=64 vram_mb=16"), 0);
		for (i = 0; i < 64; i++) {
			char bdf[BDF_SIZE];

			snprintf(bdf, sizeof(bdf), "1000:00:%02x.%x", i / 8, i % 8);
			if (!adapter_bound(bdf))
				EXPECT_STREQ(bdf, "bound");
			EXPECT_TRUE(file_exists("/sys/class/mdev_bus/%s", bdf));
			EXPECT_EQ(mdev_available(bdf, "4m"), 4);
			EXPECT_EQ(mdev_create(bdf, "4m", uuid_of(i)), 0);
		}
		EXPECT_FALSE(file_exists(PCI "/1000:00:08.0"));
		/* with their instances, as none is open */
		ASSERT_EQ(module_unload("weft_softpci"), 0);
		EXPECT_STREQ(softpci_find(0), "");
		for (i = 0; i < 64; i++)
			EXPECT_FALSE(mdev_exists(uuid_of(i)));
	}
}

TEST(softpci_stays_while_an_instance_is_open)
{
	no_softpci();
	ASSERT_EQ(module_load("weft_softpci", NULL), 0);
	ASSERT_EQ(vgpu_new(&v, softpci_find(0), "4m", 1), 0);
	EXPECT_ERRNO(EAGAIN, module_unload("weft_softpci"));
	EXPECT_ERRNO(EAGAIN, module_unload("weft_vgpu"));
	/* it did not even begin to */
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "attached");
	EXPECT_EQ(vbe_get(v.fd, VBE_ID), 0xb0c5);
	EXPECT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	EXPECT_STREQ(mdev_attr(v.uuid, "mode"), "640x480x32");
	EXPECT_EQ(mdev_create(softpci_find(0), "4m", uuid_of(2)), 0);
	vgpu_close(&v);
	EXPECT_EQ(module_unload("weft_softpci"), 0);
	EXPECT_FALSE(mdev_exists(uuid_of(1)));
	EXPECT_EQ(module_unload("weft_vgpu"), 0);
	EXPECT_FALSE(file_exists(DRIVER));
	ASSERT_EQ(modules_reload(NULL), 0);
	EXPECT_TRUE(adapter_bound(softpci_find(0)));
}

/* In any order: the driver after the functions, and away from under them. */
TEST(modules_in_any_order)
{
	no_softpci();
	ASSERT_EQ(module_unload("weft_vgpu"), 0);
	ASSERT_EQ(module_load("weft_softpci", "functions=3"), 0);
	EXPECT_FALSE(file_exists(PCI "/%s/driver", softpci_find(2)));
	ASSERT_EQ(module_load("weft_vgpu", NULL), 0);
	EXPECT_TRUE(adapter_bound(softpci_find(0)));
	EXPECT_TRUE(adapter_bound(softpci_find(2)));
	ASSERT_EQ(mdev_create(softpci_find(2), "8m", uuid_of(1)), 0);
	ASSERT_EQ(module_unload("weft_vgpu"), 0);
	EXPECT_FALSE(mdev_exists(uuid_of(1)));
	ASSERT_EQ(module_load("weft_vgpu", NULL), 0);
	EXPECT_EQ(mdev_available(softpci_find(2), "4m"), 16);
	ASSERT_EQ(module_unload("weft_softpci"), 0);
}
