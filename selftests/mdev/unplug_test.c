// SPDX-License-Identifier: GPL-2.0
/* The machine's owner pulls the card. */
#include "holder.h"
#include "kselftest.h"
#include "vfio_lib.h"

static int outer(const char *qmp)
{
	return command("%s/selftests/qemu/outer %s >/dev/null", getenv("WEFT_TOP") ?: ".", qmp);
}

#define CARD "\"driver\": \"bochs-display\", \"id\": \"card\""

TEST_TIMEOUT(adapter_is_unplugged_from_the_machine, 180)
{
	static const char add[] = "device_add '{" CARD ", \"vgamem\": 67108864, \"addr\": \"1d\"}'";
	const char *bdf = bochs_find(0);
	struct holder h = { .nr = 2, .takes_requests = true, .honours = true, .fill = 1 };
	struct helper p;

	if (!bdf[0])
		SKIP("the machine has no bochs-display");
	if (access("/dev/virtio-ports/weft.outer", F_OK))
		SKIP("nobody is there to unplug it");
	mdev_remove_all();
	ASSERT_EQ(adapter_bind(bdf), 0);
	create_many(bdf, "4m", 0, 2);
	start_holder(&p, &h);
	ASSERT_EQ(outer("device_del '{\"id\": \"card\"}'"), 0);
	EXPECT_EQ(helper_end(&p, WAIT_MS), 0);
	EXPECT_TRUE(wait_gone(WAIT_MS, PCI "/%s", bdf));
	EXPECT_FALSE(mdev_exists(uuid_of(0)));
	EXPECT_FALSE(file_exists("/sys/class/mdev_bus/%s", bdf));

	/* the slot is free once it is gone outside too */
	outer("--wait DEVICE_DELETED 20");
	ASSERT_EQ(outer(add), 0);
	/* in another slot: QEMU 7.2 keeps the name of the VRAM that was in this one */
	EXPECT_TRUE(wait_there(WAIT_MS, PCI "/0000:00:1d.0/resource0"));
	expect_fresh_adapter("0000:00:1d.0");
}
