// SPDX-License-Identifier: GPL-2.0
/* Instances, their users and their adapters go in every order. */
#include <sys/ioctl.h>

#include "holder.h"
#include "kselftest.h"
#include "vfio_lib.h"

static const char *parent(void)
{
	const char *bdf = parent_fresh();

	if (!bdf[0])
		SKIP("no adapter to test on (%s)", getenv("WEFT_PARENT") ?: "soft");
	file_write("10", EVICT);
	return bdf;
}

/* Users that die */

TEST_TIMEOUT(kill_32_openers, 120)
{
	struct helper p[32];
	struct holder h[32];
	const char *uuid;
	unsigned int i;
	double start;

	parent();
	ASSERT_EQ(modules_reload("functions=2"), 0);
	create_many(softpci_find(0), "4m", 0, 16);
	create_many(softpci_find(1), "4m", 16, 16);
	for (i = 0; i < 32; i++) {
		h[i] = (struct holder){ .first = i,
				       .nr = 1,
				       .takes_requests = true,
				       .fill = 0x80 + i };
		start_holder(&p[i], &h[i]);
	}
	for (i = 0; i < 32; i++)
		EXPECT_STREQ(mdev_attr(uuid_of(i), "state"), "attached");
	start = now();
	for (i = 0; i < 32; i++)
		kill(p[i].pid, SIGKILL);
	for (i = 0; i < 32; i++) {
		uuid = uuid_of(i);
		EXPECT_TRUE(wait_text("ready", WAIT_MS, MDEVS "/%s/weft/state", uuid));
	}
	ksft_note("all 32 ready again after %.3f s", now() - start);
	for (i = 0; i < 32; i++) {
		uuid = uuid_of(i);
		EXPECT_EQ(helper_end(&p[i], WAIT_MS), -SIGKILL);
		EXPECT_STREQ(mdev_attr(uuid, "opener"), "none");
		EXPECT_STREQ(mdev_attr(uuid, "mode"), "off");
		expect_clean(uuid);
	}
}

TEST_TIMEOUT(kill_one_opener_of_many, 60)
{
	const char *bdf = parent();
	struct holder h = { .nr = 16, .fill = 0x77 };
	struct helper p;
	unsigned int i;

	create_many(bdf, "4m", 0, 16);
	start_holder(&p, &h);
	kill(p.pid, SIGKILL);
	EXPECT_EQ(helper_end(&p, WAIT_MS), -SIGKILL);
	for (i = 0; i < 16; i++) {
		EXPECT_TRUE(wait_text("ready", WAIT_MS, MDEVS "/%s/weft/state", uuid_of(i)));
		expect_clean(uuid_of(i));
	}
}

/* Removal of an instance that somebody has */

TEST_TIMEOUT(remove_asks_and_waits, 60)
{
	const char *bdf = parent();
	struct holder h = { .nr = 1, .takes_requests = true, .honours = true, .fill = 1 };
	struct holder other = { .first = 1, .nr = 1, .takes_requests = true, .fill = 2 };
	struct helper p, o, remover;
	int log = kmsg_open();

	create_many(bdf, "4m", 0, 2);
	start_holder(&p, &h);
	start_holder(&o, &other);
	start_remove(&remover, uuid_of(0));
	EXPECT_EQ(helper_hear(p.sock, WAIT_MS), 100);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_EQ(helper_end(&remover, WAIT_MS), 0);
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	EXPECT_TRUE(kmsg_wait(log, "asked life_test", 0));
	/* the other was asked nothing */
	EXPECT_STREQ(mdev_attr(uuid_of(1), "state"), "attached");
	EXPECT_FALSE(event_wait(o.sock, 0));
	EXPECT_EQ(mdev_available(bdf, "4m"), 15);
	helper_say(o.sock, 2);
	EXPECT_EQ(helper_end(&o, WAIT_MS), 0);
}

TEST_TIMEOUT(remove_waits_for_who_takes_no_requests, 60)
{
	const char *bdf = parent();
	struct holder h = { .nr = 1, .fill = 1 };
	struct helper p, remover;
	int log = kmsg_open();
	char opener[64];

	create_many(bdf, "4m", 0, 1);
	start_holder(&p, &h);
	start_remove(&remover, uuid_of(0));
	/* says whom it waits for */
	EXPECT_TRUE(kmsg_wait(log, "held by life_test", WAIT_MS));
	EXPECT_TRUE(still_runs(&remover));
	/* its attributes stay, though its name went from the list already */
	EXPECT_STREQ(file_text(PCI "/%s/%s/weft/state", bdf, uuid_of(0)), "attached");
	snprintf(opener, sizeof(opener), "%d life_test", p.pid);
	EXPECT_STREQ(file_text(PCI "/%s/%s/weft/opener", bdf, uuid_of(0)), opener);
	/* nobody else gets it meanwhile, nor its name, nor its slice */
	EXPECT_ERRNO(EEXIST, mdev_create(bdf, "4m", uuid_of(0)));
	EXPECT_EQ(mdev_available(bdf, "4m"), 15);
	EXPECT_TRUE(still_runs(&remover));
	helper_say(p.sock, 2);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_EQ(helper_end(&remover, WAIT_MS), 0);
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	EXPECT_EQ(mdev_available(bdf, "4m"), 16);
}

/* Removal of the adapter under instances that are open */

static void check_unbind(const char *bdf, struct helper *p, int nr, int want)
{
	struct helper unbinder;
	int i;

	start_unbind(&unbinder, bdf);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(helper_end(&p[i], WAIT_MS), want);
	EXPECT_EQ(helper_end(&unbinder, WAIT_MS), 0);
	EXPECT_FALSE(adapter_bound(bdf));
	EXPECT_FALSE(file_exists("/sys/class/mdev_bus/%s", bdf));
}

TEST_TIMEOUT(unbind_from_under_who_lets_go, 90)
{
	const char *bdf = parent();
	struct holder h[3] = {
		{ .first = 0, .nr = 1, .takes_requests = true, .honours = true, .fill = 1 },
		{ .first = 1, .nr = 5, .takes_requests = true, .honours = true, .fill = 2 },
		{ .first = 6, .nr = 9, .takes_requests = true, .honours = true, .fill = 3 },
	};
	struct helper p[3];
	unsigned int i;

	create_many(bdf, "4m", 0, 16);
	for (i = 0; i < 3; i++)
		start_holder(&p[i], &h[i]);
	check_unbind(bdf, p, 3, 0);
	for (i = 0; i < 16; i++)
		EXPECT_FALSE(mdev_exists(uuid_of(i)));
	expect_fresh_adapter(bdf);
}

TEST_TIMEOUT(unbind_ends_who_does_not_let_go, 90)
{
	const char *bdf = parent();
	struct holder h[2] = {
		{ .first = 0, .nr = 2, .takes_requests = true, .fill = 1 },
		{ .first = 2, .nr = 1, .fill = 2 },
	};
	struct helper p[2];
	int log = kmsg_open(), i;
	char part[64];

	ASSERT_EQ(file_write("1", EVICT), 0);
	create_many(bdf, "4m", 0, 3);
	for (i = 0; i < 2; i++)
		start_holder(&p[i], &h[i]);
	check_unbind(bdf, p, 2, -SIGKILL);
	snprintf(part, sizeof(part), "(pid %d) did not let go", p[0].pid);
	EXPECT_TRUE(kmsg_wait(log, part, 0));
	expect_fresh_adapter(bdf);
}

TEST_TIMEOUT(unbind_ends_all_who_share_an_instance, 90)
{
	const char *bdf = parent();
	struct holder h[2] = {
		{ .first = 0,
		 .nr = 1,
		 .takes_requests = true,
		 .honours = true,
		 .shares = true,
		 .fill = 1 },
		{ .first = 1,
		 .nr = 1,
		 .takes_requests = true,
		 .honours = true,
		 .shares = true,
		 .fill = 2 },
	};
	struct helper p[2];
	int i;

	ASSERT_EQ(file_write("1", EVICT), 0);
	create_many(bdf, "4m", 0, 2);
	for (i = 0; i < 2; i++)
		start_holder(&p[i], &h[i]);
	/* the openers do as they are asked, their children know nothing of it */
	check_unbind(bdf, p, 2, 0);
	expect_fresh_adapter(bdf);
}

TEST_TIMEOUT(unbind_waits_for_ever_if_told_to, 90)
{
	const char *bdf = parent();
	struct holder h = { .nr = 1, .takes_requests = true, .fill = 1 };
	struct helper p, unbinder;
	int status;

	ASSERT_EQ(file_write("0", EVICT), 0);
	create_many(bdf, "4m", 0, 1);
	start_holder(&p, &h);
	start_unbind(&unbinder, bdf);
	ASSERT_EQ(helper_hear(p.sock, WAIT_MS), 100);
	/* longer than the shortest time after which it would be ended */
	EXPECT_FALSE(wait_child(p.pid, &status, 2500));
	EXPECT_TRUE(still_runs(&unbinder));
	helper_say(p.sock, 2);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_EQ(helper_end(&unbinder, WAIT_MS), 0);
	expect_fresh_adapter(bdf);
}

/* While one waits for its adapter's users, the other adapter works. */
TEST_TIMEOUT(a_waiting_unbind_disturbs_nobody, 90)
{
	const char *a, *b;
	struct holder h = { .nr = 1, .takes_requests = true, .fill = 1 };
	struct helper p, unbinder;

	parent();
	ASSERT_EQ(modules_reload("functions=2"), 0);
	a = softpci_find(0);
	b = softpci_find(1);
	create_many(a, "4m", 0, 1);
	create_many(b, "4m", 10, 1);
	start_holder(&p, &h);
	start_unbind(&unbinder, a);
	ASSERT_EQ(helper_hear(p.sock, WAIT_MS), 100);
	EXPECT_TRUE(still_runs(&unbinder));
	EXPECT_EQ(mdev_create(b, "4m", uuid_of(11)), 0);
	expect_clean(uuid_of(10));
	EXPECT_EQ(mdev_remove(uuid_of(11)), 0);
	EXPECT_STREQ(adapter_attr(b, "ready"), "1");
	/* here nothing new is made */
	EXPECT_EQ(mdev_create(a, "4m", uuid_of(1)), -1);
	EXPECT_TRUE(still_runs(&unbinder));
	helper_say(p.sock, 2);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_EQ(helper_end(&unbinder, WAIT_MS), 0);
}

TEST_TIMEOUT(hot_removal_with_instances_open, 120)
{
	const char *bdf = parent();
	struct holder h[2] = {
		{ .first = 0, .nr = 3, .takes_requests = true, .honours = true, .fill = 1 },
		{ .first = 3, .nr = 1, .takes_requests = true, .fill = 2 },
	};
	struct helper p[2], remover;
	char path[128];

	ASSERT_EQ(file_write("1", EVICT), 0);
	create_many(bdf, "4m", 0, 5);
	start_holder(&p[0], &h[0]);
	start_holder(&p[1], &h[1]);
	snprintf(path, sizeof(path), PCI "/%s/remove", bdf);
	start_writer(&remover, "1", path);
	EXPECT_EQ(helper_end(&p[0], WAIT_MS), 0);
	EXPECT_EQ(helper_end(&p[1], WAIT_MS), -SIGKILL);
	EXPECT_EQ(helper_end(&remover, WAIT_MS), 0);
	EXPECT_FALSE(file_exists(PCI "/%s", bdf));
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	EXPECT_FALSE(mdev_exists(uuid_of(4)));

	ASSERT_EQ(file_write("1", "/sys/bus/pci/rescan"), 0);
	ASSERT_TRUE(file_exists(PCI "/%s", bdf));
	expect_fresh_adapter(bdf);
}

/* What outlives an instance */

TEST_TIMEOUT(dmabuf_outlives_instance_and_adapter, 90)
{
	struct vfio_device_gfx_plane_info info = { .argsz = sizeof(info),
						   .flags = VFIO_GFX_PLANE_TYPE_DMABUF,
						   .drm_plane_type = 1 };
	const char *bdf = parent(), *uuid = uuid_of(1);
	struct vgpu v;
	uint8_t *buf;
	int fd;

	ASSERT_EQ(mdev_create(bdf, "4m", uuid), 0);
	ASSERT_EQ(file_write("dmabuf", MDEVS "/%s/weft/display", uuid), 0);
	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	ASSERT_EQ(ioctl(v.fd, VFIO_DEVICE_QUERY_GFX_PLANE, &info), 0);
	fd = ioctl(v.fd, VFIO_DEVICE_GET_GFX_DMABUF, &info.dmabuf_id);
	ASSERT_GE(fd, 0);
	buf = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(buf, MAP_FAILED);
	memset(buf, 0x5a, info.size);
	vgpu_close(&v);
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
	ASSERT_EQ(mdev_remove(uuid), 0);
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
	ASSERT_EQ(adapter_unbind(bdf), 0);
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
	EXPECT_ERRNO(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	/* its code has to stay */
	EXPECT_ERRNO(EAGAIN, module_unload("weft_vgpu"));
	ASSERT_EQ(adapter_bind(bdf), 0);
	ASSERT_EQ(vgpu_new(&v, bdf, "full", 2), 0);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 64 * MIB);
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
	vgpu_close(&v);
	close(fd);
	EXPECT_ERRNO(EAGAIN, module_unload("weft_vgpu"));
	EXPECT_EQ(touch(buf), TOUCH_SIGBUS);
	munmap(buf, info.size);
	/* the last use ends a moment after munmap() */
	EXPECT_TRUE(wait_text("0", WAIT_MS, "/sys/module/weft_vgpu/refcnt"));
	EXPECT_EQ(module_unload("weft_vgpu"), 0);
	ASSERT_EQ(modules_reload(NULL), 0);
}

TEST_TIMEOUT(modules_stay_while_an_instance_is_open, 60)
{
	const char *bdf = parent();
	struct holder h = { .nr = 2, .takes_requests = true, .fill = 1 };
	struct helper p;

	create_many(bdf, "4m", 0, 2);
	start_holder(&p, &h);
	EXPECT_ERRNO(EAGAIN, module_unload("weft_vgpu"));
	if (bdf == softpci_find(0) || !strcmp(bdf, softpci_find(0)))
		EXPECT_ERRNO(EAGAIN, module_unload("weft_softpci"));
	EXPECT_STREQ(mdev_attr(uuid_of(0), "state"), "attached");
	EXPECT_FALSE(event_wait(p.sock, 0));
	helper_say(p.sock, 2);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_TRUE(wait_text("0", WAIT_MS, "/sys/module/weft_vgpu/refcnt"));
	EXPECT_EQ(module_unload("weft_vgpu"), 0);
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	ASSERT_EQ(modules_reload(NULL), 0);
}

/* Races: who reads, opens and creates while things go; no crash, no hang */

static int read_attributes(int sock, void *arg)
{
	static const char *const names[] = { "state", "opener", "mode", "last_error", "created",
					     "display", "vram_offset" };
	long n = 0;

	(void)arg;
	while (!event_wait(sock, 0)) {
		file_text(MDEVS "/%s/weft/%s", uuid_of(n % 2), names[n % 7]);
		n++;
	}
	return n > 100 ? 0 : 1;
}

static int read_adapter(int sock, void *arg)
{
	static const char *const names[] = { "ready", "reason", "vram_free",
					    "last_error", "enabled" };
	long n = 0;

	while (!event_wait(sock, 0)) {
		adapter_attr(arg, names[n % 5]);
		mdev_available(arg, "4m");
		n++;
	}
	return n > 100 ? 0 : 1;
}

TEST_TIMEOUT(attributes_are_read_while_instances_go, 120)
{
	const char *bdf = parent();
	struct helper reader, other;
	struct vgpu v;
	unsigned int i;

	ASSERT_EQ(helper_start(&reader, read_attributes, NULL), 0);
	ASSERT_EQ(helper_start(&other, read_adapter, (void *)bdf), 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(mdev_create(bdf, "4m", uuid_of(i % 2)), 0);
		if (i % 3 == 0) {
			ASSERT_EQ(vgpu_open(&v, uuid_of(i % 2)), 0);
			mode_set(v.fd, 640, 480, 32);
			vgpu_close(&v);
		}
		ASSERT_EQ(mdev_remove(uuid_of(i % 2)), 0);
		if (i % 10 == 9) {
			ASSERT_EQ(adapter_unbind(bdf), 0);
			ASSERT_EQ(adapter_bind(bdf), 0);
		}
	}
	helper_say(reader.sock, 1);
	helper_say(other.sock, 1);
	EXPECT_EQ(helper_end(&reader, WAIT_MS), 0);
	EXPECT_EQ(helper_end(&other, WAIT_MS), 0);
}

static int open_and_close(int sock, void *arg)
{
	struct vgpu v;
	long n = 0;

	(void)arg;
	while (!event_wait(sock, 0)) {
		if (vgpu_open(&v, uuid_of(0)))
			continue;
		uint8_t *map = region_map(v.fd, REGION_BAR0, 0, 0);

		if (map != MAP_FAILED) {
			touch_write(map, 1);
			touch_write(map + MIB, 1);
			munmap(map, 4 * MIB);
		}
		mode_set(v.fd, 640, 480, 32);
		vgpu_close(&v);
		n++;
	}
	return n ? 0 : 1;
}

TEST_TIMEOUT(opens_race_with_unbinds, 120)
{
	const char *bdf = parent();
	struct helper p[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(helper_start(&p[i], open_and_close, NULL), 0);
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(mdev_create(bdf, "4m", uuid_of(0)), 0);
		EXPECT_TRUE(wait_text("attached", WAIT_MS, MDEVS "/%s/weft/state", uuid_of(0)));
		if (i % 2) {
			ASSERT_EQ(mdev_remove(uuid_of(0)), 0);
		} else {
			ASSERT_EQ(adapter_unbind(bdf), 0);
			ASSERT_EQ(adapter_bind(bdf), 0);
		}
		EXPECT_FALSE(mdev_exists(uuid_of(0)));
		EXPECT_EQ(mdev_available(bdf, "4m"), 16);
	}
	for (i = 0; i < 2; i++) {
		helper_say(p[i].sock, 1);
		EXPECT_EQ(helper_end(&p[i], WAIT_MS), 0);
	}
}

static int create_and_remove(int sock, void *arg)
{
	long won = 0;
	int i;

	for (i = 0; i < 300; i++) {
		if (mdev_create(arg, won & 1 ? "8m" : "4m", uuid_of(0))) {
			/* somebody else has the name, or is about to let it go */
			if (errno != EEXIST && errno != EAGAIN)
				return 50 + errno % 100;
			continue;
		}
		won++;
		mdev_remove(uuid_of(0));
	}
	helper_say(sock, won);
	return 0;
}

TEST_TIMEOUT(one_uuid_is_wanted_by_many, 120)
{
	const char *bdf[2];
	struct helper p[4];
	unsigned int i;
	long won, all = 0;

	parent();
	ASSERT_EQ(modules_reload("functions=2"), 0);
	bdf[0] = softpci_find(0);
	bdf[1] = softpci_find(1);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(helper_start(&p[i], create_and_remove, (void *)bdf[i % 2]), 0);
	for (i = 0; i < 4; i++) {
		won = helper_hear(p[i].sock, 60000);
		EXPECT_GE(won, 0);
		all += won;
		EXPECT_EQ(helper_end(&p[i], WAIT_MS), 0);
	}
	ksft_note("%ld of 1200 were created", all);
	EXPECT_GT(all, 0);
	EXPECT_LT(all, 1200);
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(mdev_available(bdf[i], "4m"), 16);
		EXPECT_STREQ(adapter_attr(bdf[i], "vram_free"), adapter_attr(bdf[i], "vram_total"));
	}
}
