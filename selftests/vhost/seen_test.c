// SPDX-License-Identifier: GPL-2.0
/*
 * What is counted of frames whose number, length and moment are known. A
 * counter that is not named as one that changes has to stay as it was.
 */
#include <poll.h>

#include "kselftest.h"
#include "rig_lib.h"

#define LARGE		9000	/* does not go with a batch */
#define LARGEST		65226
#define PAGES		4	/* that the longest frame of page_by_page() is on */

static struct rig r;
static struct guest_ring *const tx = &r.ring[GUEST_TX], *const rx = &r.ring[GUEST_RX];

/* Counters of a queue, as they were and as they are */

struct counter {
	char key[32];
	long long value;
};

struct more {
	const char *key;
	long long n;
};

static struct counter before[64];
static unsigned int counters;

static unsigned int read_counters(int queue, struct counter *c, unsigned int max)
{
	char path[256], line[128];
	unsigned int n = 0;
	int end;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r.dir, queue == GUEST_RX ? "rx" : "tx");
	f = fopen(path, "re");
	ASSERT_NE(f, NULL);
	while (n < max && fgets(line, sizeof(line), f))
		/* State, and what the rest of the machine may do to memory, are none. */
		if (sscanf(line, "%31s %lld%n", c[n].key, &c[n].value, &end) == 2 &&
		    line[end] == '\n' && strcmp(c[n].key, "remaps"))
			n++;
	fclose(f);
	return n;
}

static void look(int queue)
{
	counters = read_counters(queue, before, 64);
	ASSERT_GE(counters, 20);
}

static long long grown_by(const struct more *want, const char *key)
{
	for (; want->key; want++)
		if (!strcmp(want->key, key))
			return want->n;
	return 0;
}

/* Since look(). How often a worker looks at a queue depends on who wakes it besides. */
static void expect_more(int line, int queue, const struct more *want)
{
	struct counter now[64];

	ASSERT_EQ(read_counters(queue, now, 64), counters);
	for (const struct more *w = want; w->key; w++)
		ASSERT_GE(rig_stats(&r, queue, w->key), 0);
	for (unsigned int i = 0; i < counters; i++) {
		long long more = now[i].value - before[i].value;

		ASSERT_STREQ(now[i].key, before[i].key);
		if (strcmp(now[i].key, "runs") && more != grown_by(want, now[i].key))
			KSFT_FAILED(0, "line %d: %s has grown by %lld, and should by %lld", line,
				    now[i].key, more, grown_by(want, now[i].key));
	}
}

#define MORE(queue, ...)	expect_more(__LINE__, queue, (struct more []){ __VA_ARGS__, { } })

static const char *bucket(unsigned int n)
{
	static char key[16];
	unsigned int low = 1;

	while (low < 64 && 2 * low <= n)
		low *= 2;
	snprintf(key, sizeof(key), "batch.%u", low);
	return key;
}

/* Frames */

static void arrive(unsigned int n, size_t len)
{
	struct pollfd p = { .fd = r.link.far, .events = POLLIN };
	static uint8_t frame[LARGEST];
	struct virtio_net_hdr hdr;

	while (n--) {
		ASSERT_EQ(poll(&p, 1, RIG_WAIT), 1);
		ASSERT_EQ(guest_far_receive(r.link.far, &hdr, frame, sizeof(frame)), len);
	}
}

static void take_back(struct guest_ring *ring, unsigned int n)
{
	uint32_t len;
	void *token;

	while (n--)
		ASSERT_TRUE(guest_ring_get(ring, &len, &token));
}

/* The queue's lock is held until what has arrived was also returned, and counted. */
static void wait_for_worker(int queue)
{
	rig_stats(&r, queue, "runs");
}

/* n frames of len bytes in buffers at addr, which the device sees all at once */
static void send_from(uint64_t addr, unsigned int n, size_t len)
{
	struct guest_buf b = { addr, RIG_HDR + len };

	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(guest_ring_add(tx, &b, 1, 0, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(tx);
	arrive(n, len);
	wait_for_worker(GUEST_TX);
	take_back(tx, n);
}

static void send_at_once(unsigned int n, size_t len)
{
	send_from(r.buf[GUEST_TX], n, len);
}

/* The same to the driver, who had no buffers when they came. */
static void receive_at_once(unsigned int n, size_t len)
{
	struct guest_buf b = { r.buf[GUEST_RX], RIG_BUF };
	static const uint8_t frame[RIG_BUF];
	unsigned int have = 0;
	uint32_t got;
	void *token;

	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(guest_far_send(r.link.far, NULL, frame, len), 0);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(guest_ring_add(rx, &b, 0, 1, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(rx);
	while (have < n) {
		ASSERT_TRUE(guest_ring_wait(rx, RIG_WAIT));
		while (guest_ring_get(rx, &got, &token)) {
			ASSERT_EQ(got, RIG_HDR + len);
			have++;
		}
	}
	wait_for_worker(GUEST_RX);
}

/* All that is counted of a batch, and in which line its size is */

static const unsigned int sizes[] = { 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64 };

#define NR_SIZES	(sizeof(sizes) / sizeof(sizes[0]))

static void run_batches_sent(bool packed)
{
	uint64_t large;

	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 128, .no_event_idx = true });
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		unsigned int n = sizes[i], len = 60 + i;

		look(GUEST_TX);
		guest_event_take(tx->call);
		send_at_once(n, len);
		MORE(GUEST_TX, { "packets", n }, { "bytes", n * len }, { "kicks", 1 },
		     { "calls", 1 }, { bucket(n), 1 });
		EXPECT_EQ(guest_event_take(tx->call), 1);
	}
	/* More than a backend takes at once */
	look(GUEST_TX);
	send_at_once(100, 60);
	MORE(GUEST_TX, { "packets", 100 }, { "bytes", 6000 }, { "kicks", 1 }, { "calls", 2 },
	     { "batch.64", 1 }, { "batch.32", 1 });
	EXPECT_EQ(guest_event_take(tx->call), 2);
	large = guest_mem_alloc(&r.mem, RIG_HDR + LARGE, 16);
	look(GUEST_TX);
	send_from(large, 1, LARGE);
	MORE(GUEST_TX, { "packets", 1 }, { "bytes", LARGE }, { "kicks", 1 }, { "calls", 1 },
	     { "batch.1", 1 });
	rig_unharmed(&r);
}

TEST(split_batches_sent)
{
	run_batches_sent(false);
}

TEST(packed_batches_sent)
{
	run_batches_sent(true);
}

static void run_batches_received(bool packed)
{
	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 128, .no_event_idx = true });
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		unsigned int n = sizes[i], len = 60 + i;

		look(GUEST_RX);
		receive_at_once(n, len);
		MORE(GUEST_RX, { "packets", n }, { "bytes", n * len }, { "kicks", 1 },
		     { "calls", 1 }, { bucket(n), 1 });
	}
	look(GUEST_RX);
	receive_at_once(100, 60);
	MORE(GUEST_RX, { "packets", 100 }, { "bytes", 6000 }, { "kicks", 1 }, { "calls", 2 },
	     { "batch.64", 1 }, { "batch.32", 1 });
	rig_unharmed(&r);
}

TEST(split_batches_received)
{
	run_batches_received(false);
}

TEST(packed_batches_received)
{
	run_batches_received(true);
}

/* Calls that the driver did not want */

static void run_calls_suppressed(bool packed, bool event_idx)
{
	rig_open(&r, &(struct rig_config){ .packed = packed, .no_event_idx = !event_idx });
	/* Until it has called once, a device cannot tell what the driver knows. */
	send_at_once(1, 60);
	guest_ring_calls_off(tx);
	guest_event_take(tx->call);
	for (unsigned int n = 1; n < 6; n++) {
		look(GUEST_TX);
		send_at_once(n, 60);
		MORE(GUEST_TX, { "packets", n }, { "bytes", n * 60 }, { "kicks", 1 },
		     { "calls_suppressed", 1 }, { bucket(n), 1 });
	}
	EXPECT_EQ(guest_event_take(tx->call), 0);
	/* Then the third of three, where that can be said */
	guest_ring_calls_on(tx, event_idx ? 3 : 1);
	look(GUEST_TX);
	for (unsigned int i = 0; i < 3; i++)
		send_at_once(1, 60);
	MORE(GUEST_TX, { "packets", 3 }, { "bytes", 180 }, { "kicks", 3 }, { "batch.1", 3 },
	     { "calls", event_idx ? 1 : 3 }, { "calls_suppressed", event_idx ? 2 : 0 });
	EXPECT_EQ(guest_event_take(tx->call), event_idx ? 1 : 3);
	rig_unharmed(&r);
}

TEST(split_calls_suppressed)
{
	run_calls_suppressed(false, false);
}

TEST(split_calls_suppressed_by_event_index)
{
	run_calls_suppressed(false, true);
}

TEST(packed_calls_suppressed)
{
	run_calls_suppressed(true, false);
}

TEST(packed_calls_suppressed_by_event_index)
{
	run_calls_suppressed(true, true);
}

/* A kick is one also where there is nothing to do, and then the worker looks. */
TEST(kicks_and_runs)
{
	long long runs, kicks;

	rig_open(&r, &(struct rig_config){ });
	kicks = rig_stats(&r, GUEST_TX, "kicks");
	runs = rig_stats(&r, GUEST_TX, "runs");
	for (unsigned int i = 0; i < 20; i++)
		send_at_once(1, 60);
	/* One for each, and what was under way before */
	EXPECT_GE(rig_stats(&r, GUEST_TX, "runs"), runs + 20);
	EXPECT_LE(rig_stats(&r, GUEST_TX, "runs"), runs + 22);
	for (unsigned int i = 0; i < 20; i++) {
		runs = rig_stats(&r, GUEST_TX, "runs");
		guest_ring_kick_always(tx);
		rig_reaches(&r, GUEST_TX, "runs", runs + 1);
	}
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "kicks"), kicks + 40);
	rig_unharmed(&r);
}

/* A queue that is busy makes room for others: 256 frames, or 512 KiB. */
static void run_yields(bool packed)
{
	uint64_t large;

	rig_open(&r, &(struct rig_config){ .packed = packed, .size = 512, .no_event_idx = true });
	look(GUEST_TX);
	send_at_once(256, 60);
	MORE(GUEST_TX, { "packets", 256 }, { "bytes", 256 * 60 }, { "kicks", 1 }, { "calls", 4 },
	     { "batch.64", 4 }, { "weight", 1 });
	look(GUEST_TX);
	send_at_once(300, 60);
	MORE(GUEST_TX, { "packets", 300 }, { "bytes", 300 * 60 }, { "kicks", 1 }, { "calls", 5 },
	     { "batch.64", 4 }, { "batch.32", 1 }, { "weight", 1 });
	look(GUEST_RX);
	receive_at_once(300, 60);
	MORE(GUEST_RX, { "packets", 300 }, { "bytes", 300 * 60 }, { "kicks", 1 }, { "calls", 5 },
	     { "batch.64", 4 }, { "batch.32", 1 }, { "weight", 1 });
	large = guest_mem_alloc(&r.mem, RIG_HDR + LARGEST, 16);
	look(GUEST_TX);
	send_from(large, 12, LARGEST);
	MORE(GUEST_TX, { "packets", 12 }, { "bytes", 12 * LARGEST }, { "kicks", 1 },
	     { "calls", 12 }, { "batch.1", 12 }, { "weight", 1 });
	rig_unharmed(&r);
}

TEST(split_yields)
{
	run_yields(false);
}

TEST(packed_yields)
{
	run_yields(true);
}

/* Translations that were asked for */

static long long misses(void)
{
	return rig_stats(&r, GUEST_RX, "misses") + rig_stats(&r, GUEST_TX, "misses");
}

/* Whoever answers them has as many; the last may be one that no frame waits for. */
static void misses_are_answered(void)
{
	for (unsigned int i = 0; i < 1000 && misses() != (long long)r.dev.misses; i++)
		poll(NULL, 0, 5);
	EXPECT_EQ(misses(), r.dev.misses);
}

static void run_page_by_page(bool packed)
{
	size_t len = PAGES * GUEST_PAGE - RIG_HDR;
	long long before;
	uint64_t large;

	rig_open(&r, &(struct rig_config){
		.packed = packed, .iotlb = GUEST_IOTLB_MISSING, .no_event_idx = true,
	});
	rig_unharmed(&r);
	misses_are_answered();
	EXPECT_GT(rig_stats(&r, GUEST_RX, "misses"), 0);
	EXPECT_GT(rig_stats(&r, GUEST_TX, "misses"), 0);

	large = guest_mem_alloc(&r.mem, PAGES * GUEST_PAGE, GUEST_PAGE);
	look(GUEST_TX);
	send_from(large, 1, len);
	MORE(GUEST_TX, { "packets", 1 }, { "bytes", len }, { "kicks", 1 }, { "calls", 1 },
	     { "batch.1", 1 }, { "misses", PAGES });
	/* What is there is not asked for. */
	look(GUEST_TX);
	send_from(large, 1, len);
	MORE(GUEST_TX, { "packets", 1 }, { "bytes", len }, { "kicks", 1 }, { "calls", 1 },
	     { "batch.1", 1 });

	before = misses();
	ASSERT_EQ(guest_dev_iotlb_flush(&r.dev), 0);
	rig_unharmed(&r);
	misses_are_answered();
	EXPECT_GT(misses(), before + 3);
}

TEST(split_page_by_page)
{
	run_page_by_page(false);
}

TEST(packed_page_by_page)
{
	run_page_by_page(true);
}

/* A ring in pieces, which cannot be mapped as a whole, beside one that can */
static void run_copies(bool packed)
{
	long long copies;

	rig_open(&r, &(struct rig_config){
		.packed = packed, .size = 512, .iotlb = GUEST_IOTLB_PAGES,
	});
	for (unsigned int i = 0; i < 10; i++) {
		copies = rig_stats(&r, GUEST_TX, "copies");
		send_at_once(1, 60);
		/* To look for it, to return it, and to ask for a kick */
		EXPECT_GE(rig_stats(&r, GUEST_TX, "copies"), copies + 3);
		copies = rig_stats(&r, GUEST_RX, "copies");
		receive_at_once(1, 60);
		EXPECT_GE(rig_stats(&r, GUEST_RX, "copies"), copies + 2);
	}
	EXPECT_EQ(rig_stats(&r, GUEST_TX, "remaps"), 0);
	rig_unharmed(&r);
}

TEST(split_copies)
{
	run_copies(false);
}

TEST(packed_copies)
{
	run_copies(true);
}

TEST(no_copies_with_a_mapping)
{
	rig_open(&r, &(struct rig_config){ .size = 512, .iotlb = GUEST_IOTLB_PRELOADED });
	for (unsigned int i = 0; i < 10; i++) {
		send_at_once(1, 60);
		receive_at_once(1, 60);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(rig_stats(&r, i, "copies"), 0);
		EXPECT_GE(rig_stats(&r, i, "remaps"), 3);
	}
	rig_unharmed(&r);
}

/* Busy polling */

static void poll_for(int queue, unsigned int us)
{
	ASSERT_EQ(guest_dev_set_vring(&r.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, queue, us), 0);
}

static void use_twice(int queue)
{
	for (int i = 0; i < 2; i++)
		if (queue == GUEST_TX ? rig_send(&r) : rig_receive(&r))
			KSFT_FAILED(1, "%s", rig_why());
}

/*
 * Whoever reads a counter, and any other work of the thread, ends the polling:
 * so the second of two frames is what is found, unless the machine was slow.
 */
static void run_polling(bool packed, int queue)
{
	unsigned int tries = 0;
	long long hits;

	rig_open(&r, &(struct rig_config){ .packed = packed });
	for (int i = 0; i < 10; i++)
		use_twice(queue);
	EXPECT_EQ(rig_stats(&r, queue, "busy_hits"), 0);
	poll_for(queue, 1000000);
	while (tries++ < 1000 && !rig_stats(&r, queue, "busy_hits"))
		use_twice(queue);
	hits = rig_stats(&r, queue, "busy_hits");
	EXPECT_GT(hits, 0);
	EXPECT_EQ(rig_stats(&r, !queue, "busy_hits"), 0);
	ksft_note("found after %u tries", tries);
	poll_for(queue, 0);
	/* It may still be at the last one. */
	use_twice(queue);
	hits = rig_stats(&r, queue, "busy_hits");
	for (int i = 0; i < 10; i++)
		use_twice(queue);
	EXPECT_EQ(rig_stats(&r, queue, "busy_hits"), hits);
	rig_unharmed(&r);
}

TEST(split_polling_for_buffers)
{
	run_polling(false, GUEST_TX);
}

TEST(packed_polling_for_buffers)
{
	run_polling(true, GUEST_TX);
}

TEST(polling_for_frames)
{
	run_polling(false, GUEST_RX);
}
