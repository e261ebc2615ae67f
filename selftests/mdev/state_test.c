// SPDX-License-Identifier: GPL-2.0
/* States, and the reasons for refusals, as an administrator sees them. */
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "kselftest.h"
#include "refused.h"
#include "vfio_lib.h"

static struct vgpu v;

static const char *parent(void)
{
	const char *bdf = parent_fresh();

	if (!bdf[0])
		SKIP("no adapter to test on (%s)", getenv("WEFT_PARENT") ?: "soft");
	return bdf;
}

static const struct {
	const char *name;
	unsigned int mib;
} types[] = {
	{ "full", 64 }, { "32m", 32 }, { "16m", 16 }, { "8m", 8 }, { "4m", 4 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* The administrator's switch */

static void expect_available(const char *bdf, bool any)
{
	unsigned int i;

	for (i = 0; i < TYPES; i++) {
		if (any)
			continue;
		EXPECT_EQ(mdev_available(bdf, types[i].name), 0);
	}
	if (any)
		EXPECT_GT(mdev_available(bdf, "4m"), 0);
}

TEST(the_switch)
{
	const char *bdf = parent();
	const char *uuid = uuid_of(2);
	struct vgpu closed;
	int ev = event_new();
	uint8_t *map;

	EXPECT_STREQ(adapter_attr(bdf, "enabled"), "1");
	ASSERT_EQ(vgpu_new(&v, bdf, "8m", 1), 0);
	ASSERT_EQ(vgpu_new(&closed, bdf, "8m", 2), 0);
	vgpu_close(&closed);
	map = region_map(v.fd, REGION_BAR0, 0, 0);
	ASSERT_NE(map, MAP_FAILED);
	ASSERT_EQ(mode_set(v.fd, 640, 480, 32), 0);
	map[5] = 5;

	/* 1 to 0: nothing new */
	ASSERT_EQ(adapter_enable(bdf, false), 0);
	EXPECT_STREQ(adapter_attr(bdf, "enabled"), "0");
	expect_available(bdf, false);
	EXPECT_REFUSED(EPERM, mdev_create(bdf, "4m", uuid_of(3)),
		       adapter_attr(bdf, "last_error"), "disabled");
	EXPECT_FALSE(mdev_exists(uuid_of(3)));
	EXPECT_REFUSED(EPERM, vgpu_try(uuid), mdev_attr(uuid, "last_error"), "disabled");
	EXPECT_STREQ(mdev_attr(uuid, "state"), "ready");
	EXPECT_STREQ(mdev_attr(uuid, "opener"), "none");
	/* wanted is one thing, usable another */
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	EXPECT_STREQ(adapter_attr(bdf, "reason"), "ready");

	/* the open one goes on as if nothing were */
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "attached");
	EXPECT_EQ(map[5], 5);
	map[PAGE * 9] = 6;
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 5);
	EXPECT_EQ(mode_set(v.fd, 800, 600, 32), 0);
	EXPECT_STREQ(mdev_attr(v.uuid, "mode"), "800x600x32");
	ASSERT_EQ(irq_eventfd(v.fd, VFIO_PCI_MSI_IRQ_INDEX, ev), 0);
	EXPECT_TRUE(event_wait(ev, WAIT_MS));
	EXPECT_EQ(ioctl(v.fd, VFIO_DEVICE_RESET), 0);
	EXPECT_EQ(map[5], 0);

	/* 0 to 0 */
	ASSERT_EQ(adapter_enable(bdf, false), 0);
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "attached");
	EXPECT_EQ(map[5], 0);

	/* once closed it does not come back; but it can be removed */
	munmap(map, 8 * MIB);
	vgpu_close(&v);
	EXPECT_REFUSED(EPERM, vgpu_try(uuid_of(1)), mdev_attr(uuid_of(1), "last_error"),
		       "disabled");
	EXPECT_EQ(mdev_remove(uuid), 0);
	EXPECT_FALSE(mdev_exists(uuid));

	/* 0 to 1: all is as before */
	ASSERT_EQ(adapter_enable(bdf, true), 0);
	EXPECT_STREQ(adapter_attr(bdf, "enabled"), "1");
	expect_available(bdf, true);
	EXPECT_EQ(vgpu_open(&v, uuid_of(1)), 0);
	EXPECT_EQ(mdev_create(bdf, "4m", uuid_of(3)), 0);
	/* 1 to 1 */
	ASSERT_EQ(adapter_enable(bdf, true), 0);
	EXPECT_STREQ(mdev_attr(v.uuid, "state"), "attached");
	EXPECT_EQ(mdev_create(bdf, "4m", uuid_of(4)), 0);
}

TEST(the_switch_takes_only_yes_and_no)
{
	const char *bdf = parent();

	EXPECT_REFUSED(EINVAL, file_write("2", PCI "/%s/weft/enabled", bdf),
		       adapter_attr(bdf, "last_error"), "enabled");
	EXPECT_STREQ(adapter_attr(bdf, "enabled"), "1");
	ASSERT_EQ(file_write("0\n", PCI "/%s/weft/enabled", bdf), 0);
	EXPECT_ERRNO(EINVAL, file_write("-1", PCI "/%s/weft/enabled", bdf));
	EXPECT_ERRNO(EINVAL, file_write("\n", PCI "/%s/weft/enabled", bdf));
	EXPECT_STREQ(adapter_attr(bdf, "enabled"), "0");
}

TEST(the_switch_is_per_adapter)
{
	const char *a, *b;

	parent();
	ASSERT_EQ(modules_reload("functions=2"), 0);
	a = softpci_find(0);
	b = softpci_find(1);
	ASSERT_EQ(adapter_enable(a, false), 0);
	EXPECT_STREQ(adapter_attr(b, "enabled"), "1");
	EXPECT_EQ(mdev_available(a, "4m"), 0);
	EXPECT_EQ(mdev_available(b, "4m"), 16);
	EXPECT_ERRNO(EPERM, mdev_create(a, "4m", uuid_of(1)));
	EXPECT_STREQ(adapter_attr(b, "last_error"), "");
	EXPECT_EQ(mdev_create(b, "4m", uuid_of(1)), 0);
}

/* Is there room? */

TEST(ready_until_the_vram_is_full)
{
	const char *bdf = parent();
	unsigned int i;

	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	EXPECT_STREQ(adapter_attr(bdf, "reason"), "ready");
	EXPECT_EQ(atoll(adapter_attr(bdf, "vram_total")), 64 * MIB);
	for (i = 0; i < 16; i++) {
		EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
		EXPECT_EQ(mdev_available(bdf, "4m"), 16 - i);
		EXPECT_EQ(atoll(adapter_attr(bdf, "vram_free")), (64 - 4 * i) * MIB);
		ASSERT_EQ(mdev_create(bdf, "4m", uuid_of(i)), 0);
	}
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "0");
	EXPECT_STREQ(adapter_attr(bdf, "vram_free"), "0");
	EXPECT_TRUE(strstr(adapter_attr(bdf, "reason"), "VRAM"));
	for (i = 0; i < TYPES; i++)
		EXPECT_EQ(mdev_available(bdf, types[i].name), 0);
	EXPECT_REFUSED(ENOSPC, mdev_create(bdf, "4m", uuid_of(16)),
		       adapter_attr(bdf, "last_error"), "no hole of 4 MiB");
	EXPECT_REFUSED(ENOSPC, mdev_create(bdf, "full", uuid_of(16)),
		       adapter_attr(bdf, "last_error"), "no hole of 64 MiB");
	EXPECT_FALSE(mdev_exists(uuid_of(16)));

	ASSERT_EQ(mdev_remove(uuid_of(7)), 0);
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	EXPECT_STREQ(adapter_attr(bdf, "reason"), "ready");
	EXPECT_EQ(mdev_available(bdf, "4m"), 1);
	/* the neighbour of a free one, and a free one that is nobody's neighbour */
	ASSERT_EQ(mdev_remove(uuid_of(6)), 0);
	ASSERT_EQ(mdev_remove(uuid_of(9)), 0);
	EXPECT_EQ(mdev_available(bdf, "4m"), 3);
	EXPECT_EQ(mdev_available(bdf, "8m"), 1);
	EXPECT_EQ(mdev_available(bdf, "16m"), 0);
	/* 12 MiB are free, but no hole of 16 */
	EXPECT_REFUSED(ENOSPC, mdev_create(bdf, "16m", uuid_of(16)),
		       adapter_attr(bdf, "last_error"), "12 of 64 MiB are free");
	/* nor with 20, as long as they are scattered */
	ASSERT_EQ(mdev_remove(uuid_of(12)), 0);
	ASSERT_EQ(mdev_remove(uuid_of(14)), 0);
	EXPECT_EQ(mdev_available(bdf, "4m"), 5);
	EXPECT_EQ(mdev_available(bdf, "8m"), 1);
	EXPECT_EQ(mdev_available(bdf, "16m"), 0);
	EXPECT_ERRNO(ENOSPC, mdev_create(bdf, "16m", uuid_of(16)));
}

/* A command register that somebody writes to behind the driver's back, as setpci does */

#define COMMAND		4	/* in config space */
#define MEMORY		2

static int config_of(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "/%s/config", bdf);
	return open(path, O_RDWR | O_CLOEXEC);
}

static unsigned int command_get(int config)
{
	uint8_t bytes[2];

	ASSERT_EQ(pread(config, bytes, 2, COMMAND), 2);
	return bytes[0] | bytes[1] << 8;
}

static void command_set(int config, unsigned int command)
{
	uint8_t bytes[2] = { command, command >> 8 };

	ASSERT_EQ(pwrite(config, bytes, 2, COMMAND), 2);
}

TEST(not_ready_while_memory_is_not_decoded)
{
	const char *bdf = parent();
	/* One that has no BAR needs none decoded. */
	bool bar = !strcmp(getenv("WEFT_PARENT") ?: "", "bochs");
	int config = config_of(bdf);
	unsigned int command;

	ASSERT_GE(config, 0);
	command = command_get(config);
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	if (bar)
		EXPECT_EQ(command & MEMORY, MEMORY);
	command_set(config, command & ~MEMORY);
	EXPECT_EQ(command_get(config), command & ~MEMORY);
	EXPECT_STREQ(adapter_attr(bdf, "ready"), bar ? "0" : "1");
	EXPECT_STREQ(adapter_attr(bdf, "reason"),
		     bar ? "somebody turned the adapter's memory decoding off" : "ready");
	command_set(config, command);
	close(config);
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	EXPECT_STREQ(adapter_attr(bdf, "reason"), "ready");
	/* It is as good as before. */
	ASSERT_EQ(vgpu_new(&v, bdf, "4m", 1), 0);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), 4 * MIB);
}

/* Which 4 MiB pieces the instances have, by their own word */
#define MAX_LIVE 16

static uint32_t taken_map(const char *const *uuids)
{
	uint32_t map = 0, bits;
	unsigned int i;

	for (i = 0; i < MAX_LIVE; i++) {
		unsigned int first, n;

		if (!mdev_exists(uuids[i]))
			continue;
		first = atoll(mdev_attr(uuids[i], "vram_offset")) / (4 * MIB);
		n = atoll(mdev_attr(uuids[i], "vram_bytes")) / (4 * MIB);
		ASSERT_LE(first + n, 16);
		ASSERT_EQ(first % n, 0);
		bits = (n == 32 ? ~0u : (1u << n) - 1) << first;
		ASSERT_EQ(map & bits, 0);
		map |= bits;
	}
	return map;
}

static unsigned int holes(uint32_t map, unsigned int n)
{
	unsigned int first, count = 0;

	for (first = 0; first < 16; first += n)
		count += !(map >> first & ((1u << n) - 1));
	return count;
}

TEST_TIMEOUT(available_is_what_can_be_created, 120)
{
	const char *bdf = parent(), *live[MAX_LIVE];
	struct rng rng = { rng_seed() };
	unsigned int i, step, created = 0, refused = 0;

	ksft_note("WEFT_SEED=%llu", (unsigned long long)rng.state);
	for (i = 0; i < MAX_LIVE; i++)
		live[i] = uuid_of(i);
	for (step = 0; step < 60; step++) {
		/* small ones mostly, as they leave the holes */
		unsigned int n = rng_below(&rng, MAX_LIVE);
		unsigned int t = TYPES - 1 - rng_below(&rng, 1 + rng_below(&rng, TYPES));
		uint32_t map;
		int want;

		want = mdev_available(bdf, types[t].name);
		if (mdev_exists(live[n])) {
			ASSERT_EQ(mdev_remove(live[n]), 0);
		} else if (want) {
			ASSERT_EQ(mdev_create(bdf, types[t].name, live[n]), 0);
			created++;
		} else {
			ASSERT_ERRNO(ENOSPC, mdev_create(bdf, types[t].name, live[n]));
			refused++;
		}
		map = taken_map(live);
		for (i = 0; i < TYPES; i++)
			EXPECT_EQ(mdev_available(bdf, types[i].name), holes(map, types[i].mib / 4));
		EXPECT_EQ(atoll(adapter_attr(bdf, "vram_free")),
			  (16 - __builtin_popcount(map)) * 4 * MIB);
		EXPECT_STREQ(adapter_attr(bdf, "ready"), map == 0xffff ? "0" : "1");

		/* and as many as it says can be made, and not one more */
		if (step % 3)
			continue;
		t = rng_below(&rng, TYPES);
		want = mdev_available(bdf, types[t].name);
		for (i = 0; !mdev_create(bdf, types[t].name, uuid_of(100 + i)); i++)
			;
		EXPECT_EQ(errno, ENOSPC);
		EXPECT_EQ(i, want);
		while (i--)
			ASSERT_EQ(mdev_remove(uuid_of(100 + i)), 0);
	}
	ksft_note("%u created, %u refused", created, refused);
	EXPECT_GT(created, 10);
}

/* What an instance says of itself */

static unsigned int mode_of(const char *uuid, const char *attr)
{
	struct stat st;
	char path[256];

	snprintf(path, sizeof(path), MDEVS "/%s/weft/%s", uuid, attr);
	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

static int open_until_told(int sock, void *arg)
{
	if (vgpu_open(&v, arg))
		return errno;
	helper_say(sock, 1);
	helper_hear(sock, WAIT_MS);
	return 0;
}

static int read_as_nobody(int sock, void *arg)
{
	char buf[64];

	(void)sock;
	if (setuid(65534))
		return 1;
	if (file_read(buf, sizeof(buf), MDEVS "/%s/weft/state", (char *)arg) < 1)
		return 2;
	if (file_read(buf, sizeof(buf), MDEVS "/%s/weft/opener", (char *)arg) != -1)
		return 3;
	return errno == EACCES ? 0 : 4;
}

TEST(opener)
{
	const char *bdf = parent(), *uuid = uuid_of(1);
	struct helper h, nobody;
	char want[64];

	ASSERT_EQ(mdev_create(bdf, "4m", uuid), 0);
	EXPECT_EQ(mode_of(uuid, "opener"), 0400);
	EXPECT_STREQ(mdev_attr(uuid, "opener"), "none");
	EXPECT_STREQ(mdev_attr(uuid, "state"), "ready");

	prctl(PR_SET_NAME, "my VMM");
	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	snprintf(want, sizeof(want), "%d my VMM", getpid());
	EXPECT_STREQ(mdev_attr(uuid, "opener"), want);
	EXPECT_STREQ(mdev_attr(uuid, "state"), "attached");
	ASSERT_EQ(helper_start(&nobody, read_as_nobody, (void *)uuid), 0);
	EXPECT_EQ(helper_end(&nobody, WAIT_MS), 0);
	vgpu_close(&v);
	EXPECT_STREQ(mdev_attr(uuid, "opener"), "none");

	ASSERT_EQ(helper_start(&h, open_until_told, (void *)uuid), 0);
	ASSERT_EQ(helper_hear(h.sock, WAIT_MS), 1);
	snprintf(want, sizeof(want), "%d my VMM", h.pid);
	EXPECT_STREQ(mdev_attr(uuid, "opener"), want);
	EXPECT_EQ(vgpu_try(uuid), -1);
	EXPECT_STREQ(mdev_attr(uuid, "opener"), want);
	helper_say(h.sock, 1);
	EXPECT_EQ(helper_end(&h, WAIT_MS), 0);
	EXPECT_TRUE(wait_text("ready", WAIT_MS, MDEVS "/%s/weft/state", uuid));
	EXPECT_STREQ(mdev_attr(uuid, "opener"), "none");
}

static void *open_in_thread(void *arg)
{
	prctl(PR_SET_NAME, "a thread");
	return (void *)(long)vgpu_open(&v, arg);
}

TEST(opener_is_the_process_and_not_the_thread)
{
	const char *bdf = parent(), *uuid = uuid_of(1);
	pthread_t thread;
	char want[64];
	void *ret;

	ASSERT_EQ(mdev_create(bdf, "4m", uuid), 0);
	prctl(PR_SET_NAME, "many threads");
	ASSERT_EQ(pthread_create(&thread, NULL, open_in_thread, (void *)uuid), 0);
	ASSERT_EQ(pthread_join(thread, &ret), 0);
	ASSERT_EQ(ret, NULL);
	snprintf(want, sizeof(want), "%d many threads", getpid());
	EXPECT_STREQ(mdev_attr(uuid, "opener"), want);
}

TEST(attributes_of_an_instance)
{
	static const char *const readable[] = {
		"state", "type", "vram_bytes", "vram_offset", "mode", "created", "last_error"
	};
	const char *bdf = parent(), *uuid = uuid_of(1), *created;
	time_t before = time(NULL), at;
	struct tm tm = { 0 };
	unsigned int i;
	char *rest;

	for (i = 0; i < TYPES; i++) {
		char want[32];

		ASSERT_EQ(mdev_create(bdf, types[i].name, uuid), 0);
		snprintf(want, sizeof(want), "weft_vgpu-%s", types[i].name);
		EXPECT_STREQ(mdev_attr(uuid, "type"), want);
		EXPECT_EQ(atoll(mdev_attr(uuid, "vram_bytes")), types[i].mib * MIB);
		EXPECT_STREQ(mdev_attr(uuid, "mode"), "off");
		EXPECT_STREQ(mdev_attr(uuid, "display"), "region");
		EXPECT_STREQ(mdev_attr(uuid, "last_error"), "");
		ASSERT_EQ(mdev_remove(uuid), 0);
	}
	ASSERT_EQ(mdev_create(bdf, "4m", uuid), 0);
	created = mdev_attr(uuid, "created");
	rest = strptime(created, "%Y-%m-%dT%H:%M:%SZ", &tm);
	ASSERT_NE(rest, NULL);
	EXPECT_EQ(*rest, 0);
	at = timegm(&tm);
	EXPECT_GE(at, before);
	EXPECT_LE(at, time(NULL));
	for (i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
		EXPECT_EQ(mode_of(uuid, readable[i]), 0444);
	EXPECT_EQ(mode_of(uuid, "display"), 0644);

	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	ASSERT_EQ(mode_set(v.fd, 800, 600, 16), 0);
	EXPECT_STREQ(mdev_attr(uuid, "mode"), "800x600x16");
	ASSERT_EQ(mode_off(v.fd), 0);
	EXPECT_STREQ(mdev_attr(uuid, "mode"), "off");
	EXPECT_STREQ(mdev_attr(uuid, "created"), created);
}

#define LIMITS "max_resolution=%ux%u, max_instance=%u"

TEST(types_describe_themselves)
{
	const char *bdf = parent();
	unsigned int i, heads, rate, fb, x, y, max;

	for (i = 0; i < TYPES; i++) {
		const char *text =
			file_text(PCI "/%s/mdev_supported_types/weft_vgpu-%s/description", bdf,
				  types[i].name);
		static const char pairs[] =
			"num_heads=%u, frl_config=%u, framebuffer=%uM, " LIMITS;

		ASSERT_EQ(sscanf(text, pairs, &heads, &rate, &fb, &x, &y, &max), 6);
		EXPECT_EQ(heads, 1);
		EXPECT_EQ(rate, 60);
		EXPECT_EQ(fb, types[i].mib);
		EXPECT_EQ(max, 64 / types[i].mib);
		EXPECT_GE(x, 640);
		EXPECT_LE(x * y * 4ULL, types[i].mib * MIB);
		EXPECT_STREQ(file_text(PCI "/%s/mdev_supported_types/weft_vgpu-%s/device_api", bdf,
				       types[i].name), "vfio-pci");
		EXPECT_GT(strlen(file_text(PCI "/%s/mdev_supported_types/weft_vgpu-%s/name", bdf,
					   types[i].name)), 0);
	}
	EXPECT_FALSE(file_exists(PCI "/%s/mdev_supported_types/weft_vgpu-2m", bdf));
	EXPECT_FALSE(file_exists(PCI "/%s/mdev_supported_types/weft_vgpu-64m", bdf));
}

/* Each errno with its reason and its line in the log */

TEST(every_refusal_tells_why)
{
	const char *bdf = parent(), *uuid = uuid_of(0xa1);

	ASSERT_EQ(mdev_create(bdf, "full", uuid), 0);
	EXPECT_REFUSED(ENOSPC, mdev_create(bdf, "4m", uuid_of(2)),
		       adapter_attr(bdf, "last_error"), uuid_of(2));
	EXPECT_REFUSED(EEXIST, mdev_create(bdf, "4m", uuid), adapter_attr(bdf, "last_error"), uuid);
	EXPECT_REFUSED(EINVAL, mdev_create(bdf, "4m", "no-uuid"),
		       adapter_attr(bdf, "last_error"), "no-uuid");
	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	EXPECT_REFUSED(EBUSY, file_write("dmabuf", MDEVS "/%s/weft/display", uuid),
		       mdev_attr(uuid, "last_error"), "display");
	EXPECT_REFUSED(EINVAL, irq_set(v.fd, 0, 0, 1, 0x24, &v.fd, 4),
		       mdev_attr(uuid, "last_error"), "SET_IRQS");
	vgpu_close(&v);
	ASSERT_EQ(adapter_enable(bdf, false), 0);
	EXPECT_REFUSED(EPERM, mdev_create(bdf, "4m", uuid_of(2)),
		       adapter_attr(bdf, "last_error"), uuid_of(2));
	EXPECT_REFUSED(EPERM, vgpu_try(uuid), mdev_attr(uuid, "last_error"), bdf);
}
