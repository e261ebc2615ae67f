// SPDX-License-Identifier: GPL-2.0
/*
 * Every frame arrives once, in order and byte for byte, whatever the shapes of
 * rings, buffers and memory, and whatever the backend.
 *
 * The node is $WEFT_VHOST, or /dev/vhost-weft. A test whose feature the device
 * does not offer is skipped, unless WEFT_VHOST_ALL is set: then it fails.
 */
#include <linux/bpf.h>

#include "guest_stats.h"
#include "guest_traffic.h"
#include "kselftest.h"

#define FRAMES	250

static struct traffic t;

/* That something cannot be had here is no failure, unless all is to be there. */
static void open_traffic(const struct traffic_config *c)
{
	bool all = getenv("WEFT_VHOST_ALL");

	if (!traffic_open(&t, c, NULL))
		return;
	if (t.need >= 0 && !all)
		SKIP("%.60s: %.160s", guest_dev_node(), t.why);
	if (t.c.regions > 64 && errno == E2BIG && !all)
		SKIP("%s takes fewer than %u regions", guest_dev_node(), t.c.regions);
	ksft_note("%s", t.why);
	_exit(KSFT_FAIL);
}

#define RUN(call)							\
	do {								\
		if (call) {						\
			ksft_note("%s:%d: %s", __FILE__, __LINE__, t.why);	\
			_exit(KSFT_FAIL);				\
		}							\
	} while (0)

/* That it was our device which moved them, and by the ring that was meant. */
static void check_stats(void)
{
	const char *ring = t.c.packed ? "packed" : "split";
	char dir[128];

	if (!guest_stats_dir(dir, sizeof(dir), 0)) {
		EXPECT_FALSE(getenv("WEFT_VHOST_ALL"));
		return;
	}
	EXPECT_STREQ(guest_stats_text(dir, "tx", "ring"), ring);
	EXPECT_STREQ(guest_stats_text(dir, "rx", "ring"), ring);
	EXPECT_EQ(guest_stats(dir, "tx", "packets"), t.sent);
	EXPECT_EQ(guest_stats(dir, "rx", "packets"), t.received);
	EXPECT_STREQ(guest_stats_text(dir, "tx", "fault"), "none");
	EXPECT_STREQ(guest_stats_text(dir, "rx", "fault"), "none");
	EXPECT_EQ(guest_stats(dir, "device", "regions"), t.c.regions);
}

static void run_variant(struct traffic_config c, unsigned int frames)
{
	open_traffic(&c);
	RUN(traffic_run(&t, frames));
	if (c.log)
		RUN(traffic_check_log(&t));
	/* The first call may come before the device has heard that none is wanted. */
	if (c.polled) {
		EXPECT_LE(guest_event_take(t.ring[0].call), 1);
		EXPECT_LE(guest_event_take(t.ring[1].call), 1);
	}
	if (c.iotlb == GUEST_IOTLB_MISSING)
		EXPECT_GT(t.dev.misses, 0);
	check_stats();
	EXPECT_EQ(guest_event_take(t.ring[0].err), 0);
	EXPECT_EQ(guest_event_take(t.ring[1].err), 0);
}

/* A variant of the same test, for each format of rings. */
#define VARIANT_FRAMES(_name, _frames, ...)				\
	static const struct traffic_config _name##_variant = { __VA_ARGS__ };	\
	TEST(split_##_name)						\
	{								\
		run_variant(_name##_variant, _frames);			\
	}								\
	TEST(packed_##_name)						\
	{								\
		struct traffic_config c = _name##_variant;		\
									\
		c.packed = true;					\
		run_variant(c, _frames);				\
	}
#define VARIANT(_name, ...)	VARIANT_FRAMES(_name, FRAMES, __VA_ARGS__)

/* Layouts of buffers */
VARIANT(one_descriptor, .size = 256)
VARIANT(direct, .pieces = 8, .mergeable = true)
VARIANT(direct_many, .pieces = 100, .size = 128)
VARIANT(indirect, .pieces = 16, .layout = TRAFFIC_INDIRECT, .mergeable = true)
VARIANT(indirect_many, .pieces = 512, .layout = TRAFFIC_INDIRECT, .size = 64)
VARIANT(any_layout, .pieces = 12, .layout = TRAFFIC_ANY, .mergeable = true)
VARIANT(small_buffers, .mergeable = true, .rx_len = 300, .size = 512)
VARIANT(legacy, .legacy = true, .pieces = 3)
VARIANT(legacy_mergeable, .legacy = true, .mergeable = true, .pieces = 2)

TEST(split_chained_indirect)
{
	run_variant((struct traffic_config){
		.pieces = 12, .layout = TRAFFIC_CHAINED, .mergeable = true,
	}, FRAMES);
}

/* Sizes of rings, and where they wrap around */
VARIANT(ring_2, .size = 2, .mergeable = true, .pieces = 2)
VARIANT(ring_2_indirect, .size = 2, .pieces = 5, .layout = TRAFFIC_INDIRECT)
VARIANT(ring_4, .size = 4, .pieces = 3)
VARIANT(ring_1024, .size = 1024, .mergeable = true, .pieces = 4)
VARIANT_FRAMES(ring_32768, 3000, .size = 32768, .mergeable = true, .pieces = 30, .max = 2000)

#define PACKED(_name, ...)						\
	static const struct traffic_config _name##_variant = {		\
		.packed = true, __VA_ARGS__				\
	};								\
	TEST(packed_##_name)						\
	{								\
		run_variant(_name##_variant, FRAMES);			\
	}

/* Only these need be no power of two. */
PACKED(ring_1, .size = 1, .pieces = 5, .layout = TRAFFIC_INDIRECT)
PACKED(ring_3, .size = 3, .mergeable = true, .pieces = 2)
PACKED(ring_1000, .size = 1000, .mergeable = true, .pieces = 5)
PACKED(ring_1000_in_order, .size = 1000, .in_order = true, .pieces = 5)

TEST(split_index_wraps)
{
	run_variant((struct traffic_config){
		.pieces = 4, .mergeable = true, .size = 64, .base = GUEST_BASE(65500),
	}, FRAMES);
}

TEST(split_index_wraps_with_largest_ring)
{
	run_variant((struct traffic_config){
		.pieces = 4, .size = 32768, .base = GUEST_BASE(65500), .max = 9014,
	}, FRAMES);
}

TEST(packed_begins_in_second_round)
{
	run_variant((struct traffic_config){
		.packed = true, .pieces = 4, .size = 64, .mergeable = true,
		.base = GUEST_BASE_PACKED(61, 0u),
	}, FRAMES);
}

TEST(packed_begins_at_the_end_of_largest_ring)
{
	run_variant((struct traffic_config){
		.packed = true, .pieces = 4, .size = 32768, .max = 9014,
		.base = GUEST_BASE_PACKED(32766, 1u),
	}, FRAMES);
}

/* Notifications */
VARIANT(no_event_idx, .no_event_idx = true, .pieces = 2)
VARIANT(no_event_idx_ring_2, .no_event_idx = true, .size = 2, .mergeable = true)
VARIANT(calls_always, .always = true, .pieces = 2, .mergeable = true)
VARIANT(calls_always_no_event_idx, .always = true, .no_event_idx = true)
VARIANT(polled, .polled = true, .pieces = 2, .mergeable = true)
VARIANT(polled_no_event_idx, .polled = true, .no_event_idx = true)

/* In order */
VARIANT(in_order, .in_order = true, .pieces = 4)
VARIANT(in_order_mergeable, .in_order = true, .pieces = 6, .layout = TRAFFIC_ANY,
	.mergeable = true, .size = 64)
VARIANT(in_order_ring_2, .in_order = true, .size = 2, .mergeable = true)
VARIANT(in_order_polled, .in_order = true, .polled = true, .no_event_idx = true)

/* Memory */
VARIANT(regions_32, .regions = 32, .pieces = 6, .layout = TRAFFIC_ANY, .mergeable = true)
VARIANT(regions_64, .regions = 64, .pieces = 3)
VARIANT(regions_509, .regions = 509, .pieces = 6, .layout = TRAFFIC_ANY, .mergeable = true)
VARIANT(iotlb, .iotlb = GUEST_IOTLB_PRELOADED, .regions = 32, .pieces = 3)
VARIANT(iotlb_pages, .iotlb = GUEST_IOTLB_PAGES, .pieces = 3, .mergeable = true, .max = 9014,
	.size = 64)
VARIANT(iotlb_missing, .iotlb = GUEST_IOTLB_MISSING, .regions = 32, .pieces = 4,
	.layout = TRAFFIC_ANY, .mergeable = true)
VARIANT_FRAMES(iotlb_forgotten, 100, .iotlb = GUEST_IOTLB_MISSING, .flush = 7, .pieces = 3,
	       .mergeable = true, .max = 9014, .size = 32)

/* Dirty log */
VARIANT(log, .log = true, .pieces = 4, .mergeable = true, .regions = 32)
VARIANT(log_whole_buffers, .log = true, .pieces = 6, .layout = TRAFFIC_ANY)
VARIANT(log_iotlb, .log = true, .iotlb = GUEST_IOTLB_PRELOADED, .regions = 32, .pieces = 4,
	.mergeable = true)
VARIANT(log_in_order, .log = true, .in_order = true, .pieces = 2, .mergeable = true)

/* Backends */
VARIANT(host_header, .host_header = true, .pieces = 2)
VARIANT(host_header_mergeable, .host_header = true, .mergeable = true, .pieces = 3)
VARIANT(macvtap, .backend = GUEST_MACVTAP, .mergeable = true, .pieces = 4)
VARIANT(macvtap_host_header, .backend = GUEST_MACVTAP, .host_header = true)
VARIANT(packet, .backend = GUEST_PACKET, .legacy = true, .pieces = 3)
VARIANT(packet_host_header, .backend = GUEST_PACKET, .host_header = true, .mergeable = true,
	.pieces = 3)

static void run_xdp(bool packed)
{
	open_traffic(&(struct traffic_config){
		.packed = packed, .mergeable = true, .pieces = 4, .layout = TRAFFIC_ANY,
	});
	RUN(traffic_run(&t, 50));
	ASSERT_EQ(guest_link_xdp(&t.link, XDP_PASS), 0);
	RUN(traffic_run(&t, FRAMES));
	ASSERT_EQ(guest_link_xdp(&t.link, XDP_DROP), 0);
	t.dropped = true;
	RUN(traffic_run(&t, FRAMES));
	/* What was dropped is not waited for any more. */
	ASSERT_EQ(guest_link_xdp(&t.link, -1), 0);
	t.dropped = false;
	t.arrived = t.sent;
	RUN(traffic_run(&t, 50));
}

TEST(split_xdp)
{
	run_xdp(false);
}

TEST(packed_xdp)
{
	run_xdp(true);
}

/* Frames that were redirected are of another kind in the tap's queue. */
static void run_redirected(bool packed)
{
	open_traffic(&(struct traffic_config){
		.packed = packed, .mergeable = true, .pieces = 4, .rx_len = 700, .max = 1514,
	});
	RUN(traffic_run(&t, 50));
	ASSERT_EQ(guest_link_redirect(&t.link), 0);
	RUN(traffic_run(&t, FRAMES));
}

TEST(split_redirected)
{
	run_redirected(false);
}

TEST(packed_redirected)
{
	run_redirected(true);
}

/* Log on and off under way: only what is written while it is on is in there. */
static void run_log_switched(bool packed)
{
	open_traffic(&(struct traffic_config){
		.packed = packed, .log = true, .mergeable = true, .pieces = 3,
	});
	RUN(traffic_run(&t, 50));
	ASSERT_EQ(guest_dev_set_log(&t.dev, false), 0);
	guest_mem_clean(&t.mem);
	RUN(traffic_run(&t, 50));
	for (size_t n = 0; n < t.mem.log_bytes / 8; n++)
		ASSERT_EQ(t.mem.log[n], 0);
	ASSERT_EQ(guest_dev_set_log(&t.dev, true), 0);
	RUN(traffic_run(&t, FRAMES));
	/* Those of before are no longer sure to be there. */
	memset(t.must, 0, t.mem.size / GUEST_PAGE / 8);
	RUN(traffic_run(&t, 50));
	for (size_t n = 0; n < t.mem.size / GUEST_PAGE / 64; n++)
		t.may[n] = le64toh(t.mem.log[GUEST_GPA / GUEST_PAGE / 64 + n]);
	RUN(traffic_check_log(&t));
}

TEST(split_log_switched)
{
	run_log_switched(false);
}

TEST(packed_log_switched)
{
	run_log_switched(true);
}

/* A ring taken back and given anew, while the other one goes on (VIRTIO_F_RING_RESET). */
static void run_ring_reset(bool packed)
{
	open_traffic(&(struct traffic_config){
		.packed = packed, .mergeable = true, .pieces = 3, .size = 64,
	});
	for (int i = 0; i < 4; i++) {
		uint32_t base = packed ? GUEST_BASE_PACKED(16 * i, i & 1u) : GUEST_BASE(i * 30000);

		RUN(traffic_run(&t, 60));
		ASSERT_EQ(guest_dev_stop(&t.dev, GUEST_TX), 0);
		guest_ring_reset(&t.ring[GUEST_TX], base);
		ASSERT_EQ(guest_dev_start(&t.dev, GUEST_TX, t.link.backend), 0);
	}
	RUN(traffic_run(&t, 60));
}

TEST(split_ring_reset)
{
	run_ring_reset(false);
}

TEST(packed_ring_reset)
{
	run_ring_reset(true);
}

/* Stopped and started at any moment, on the same device and from one to another. */
static void run_moved(const struct traffic_config *c, const char *a, const char *b)
{
	if (access(a, F_OK) || access(b, F_OK))
		SKIP("%s and %s are needed", a, b);
	open_traffic(c);
	for (unsigned int i = 0; i < 16; i++) {
		RUN(traffic_begin(&t, 1 + guest_hash(i, 9) % 32));
		RUN(traffic_move(&t, i & 1 ? b : a));
		if (i % 3)
			RUN(traffic_run(&t, 1 + guest_hash(i, 10) % 16));
	}
	RUN(traffic_run(&t, 50));
}

#define MOVED(_name, _a, ...)						\
	static const struct traffic_config _name##_moved = {		\
		.size = 128, .pieces = 3, __VA_ARGS__			\
	};								\
	TEST(_name)							\
	{								\
		run_moved(&_name##_moved, _a, guest_dev_node());	\
	}

#define IN_TREE		"/dev/vhost-net"

MOVED(split_moves_between_in_tree_and_ours, IN_TREE, .mergeable = true)
MOVED(split_moves_with_largest_buffers, IN_TREE, .max = 65226)
MOVED(split_moves_across_index_wrap, IN_TREE, .base = GUEST_BASE(65400))
MOVED(split_moves_with_iotlb, IN_TREE, .iotlb = GUEST_IOTLB_PRELOADED, .mergeable = true)
MOVED(packed_moves, guest_dev_node(), .packed = true, .mergeable = true)
MOVED(packed_moves_in_order, guest_dev_node(), .packed = true, .in_order = true)
MOVED(split_moves_in_order, guest_dev_node(), .in_order = true)

TEST(split_stops_and_starts)
{
	open_traffic(&(struct traffic_config){ .mergeable = true, .pieces = 3 });
	for (unsigned int i = 0; i < 30; i++) {
		RUN(traffic_begin(&t, 1 + guest_hash(i, 9) % 32));
		RUN(traffic_stop(&t));
		RUN(traffic_start(&t));
	}
	RUN(traffic_run(&t, 50));
}
