// SPDX-License-Identifier: GPL-2.0
/* The tracepoints: as many of each as were counted, of the device and queue that it was. */
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest.h"
#include "rig_lib.h"

static struct rig r;
static char root[32];

/* A buffer of traces that is nobody else's */

static void write_to(const char *instance, const char *file, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/instances/%s/%s", root, instance, file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		KSFT_FAILED(1, "%s: %s", path, strerror(errno));
	close(fd);
}

static void make(const char *instance)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/instances/%s", root, instance);
	ASSERT_EQ(mkdir(path, 0700), 0);
	/* More than this test makes, so that none is overwritten */
	write_to(instance, "buffer_size_kb", "1024");
}

static void mount_tracefs(void)
{
	strcpy(root, "/tmp/weft-tracing-XXXXXX");
	ASSERT_NE(mkdtemp(root), NULL);
	if (mount("none", root, "tracefs", 0, NULL))
		SKIP("this kernel has no tracing: %s", strerror(errno));
}

static void drop(const char *instance)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/instances/%s", root, instance);
	EXPECT_EQ(rmdir(path), 0);
}

/* Lines of an event that begin with these fields */
static unsigned int lines(const char *instance, const char *event, const char *fields)
{
	char path[160], what[64], line[512], *at;
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/instances/%s/trace", root, instance);
	snprintf(what, sizeof(what), ": %s: ", event);
	f = fopen(path, "re");
	ASSERT_NE(f, NULL);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, what);
		if (at && !strncmp(at + strlen(what), fields, strlen(fields)))
			n++;
	}
	fclose(f);
	return n;
}

/* Frames, and a ring that breaks */

static void break_ring(void)
{
	struct guest_buf b = { r.buf[GUEST_TX], RIG_BUF };
	struct pollfd p = { .fd = r.ring[GUEST_TX].err, .events = POLLIN };

	/* What is to be sent is not written to. */
	ASSERT_EQ(guest_ring_add(&r.ring[GUEST_TX], &b, 0, 1, GUEST_DIRECT, &r), 0);
	guest_ring_kick_always(&r.ring[GUEST_TX]);
	ASSERT_EQ(poll(&p, 1, RIG_WAIT), 1);
	EXPECT_EQ(guest_event_take(p.fd), 1);
	EXPECT_STREQ(rig_text(&r, GUEST_TX, "fault"), "buffer-direction");
}

static void traffic(void)
{
	for (int i = 0; i < 5; i++) {
		if (rig_send(&r) || rig_receive(&r))
			KSFT_FAILED(1, "%s", rig_why());
		rig_witness();
	}
}

static void stop(void)
{
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(guest_dev_set_file(&r.dev, VHOST_NET_SET_BACKEND, i, -1), 0);
}

static const char *event_of(const char *word)
{
	static char name[32];

	snprintf(name, sizeof(name), "weft_vhost_%s", word);
	return name;
}

static void run_events(bool packed)
{
	unsigned long long device;
	char fields[64];

	mount_tracefs();
	make("on");
	make("off");
	rig_open(&r, &(struct rig_config){ .packed = packed, .idle = true });
	device = strtoull(strrchr(r.dir, '-') + 1, NULL, 10);
	write_to("on", "events/weft_vhost/enable", "1");
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(guest_dev_start(&r.dev, i, r.link.backend), 0);
	traffic();
	break_ring();
	/* From here on, nothing is counted. */
	stop();

	for (int queue = 0; queue < 2; queue++) {
		snprintf(fields, sizeof(fields), "device=%llu queue=%d ", device, queue);
		EXPECT_GE(rig_stats(&r, queue, "runs"), 5);
		EXPECT_EQ(lines("on", event_of("kick"), fields), rig_stats(&r, queue, "runs"));
		/* Who finds a buffer before asking for calls is not called. */
		EXPECT_GE(rig_stats(&r, queue, "calls"), 1);
		EXPECT_EQ(lines("on", event_of("signal"), fields), rig_stats(&r, queue, "calls"));
		EXPECT_EQ(lines("on", event_of("error"), fields), queue == GUEST_TX);
		strcat(fields, "buffers=1 ");
		EXPECT_EQ(lines("on", event_of("batch"), fields), 5);
		/* The other device, which was opened before, is told from it. */
		snprintf(fields, sizeof(fields), "device=%llu queue=%d ", device - 1, queue);
		EXPECT_GE(lines("on", event_of("kick"), fields), 5);
		EXPECT_GE(lines("on", event_of("signal"), fields), 1);
		EXPECT_EQ(lines("on", event_of("error"), fields), 0);
		strcat(fields, "buffers=1 ");
		EXPECT_EQ(lines("on", event_of("batch"), fields), 5);
	}
	EXPECT_EQ(lines("off", event_of("kick"), ""), 0);
	EXPECT_EQ(lines("off", event_of("batch"), ""), 0);
	EXPECT_EQ(lines("off", event_of("signal"), ""), 0);
	EXPECT_EQ(lines("off", event_of("error"), ""), 0);

	/* And none is written any more when they are off again. */
	write_to("on", "events/weft_vhost/enable", "0");
	write_to("on", "trace", "\n");
	rig_restart(&r, GUEST_TX);
	rig_restart(&r, GUEST_RX);
	traffic();
	EXPECT_EQ(lines("on", event_of("kick"), ""), 0);
	EXPECT_EQ(lines("on", event_of("batch"), ""), 0);
	drop("on");
	drop("off");
	umount(root);
	rmdir(root);
	rig_unharmed(&r);
}

TEST(split_events)
{
	run_events(false);
}

TEST(packed_events)
{
	run_events(true);
}

/* Each by itself: to have one does not take another. */
static void run_alone(const char *word, const char *what)
{
	static const char *const all[] = { "kick", "batch", "signal", "error" };
	char file[64];

	make(word);
	snprintf(file, sizeof(file), "events/weft_vhost/%s/enable", event_of(word));
	write_to(word, file, "1");
	rig_restart(&r, GUEST_TX);
	if (rig_send(&r))
		KSFT_FAILED(1, "%s", rig_why());
	break_ring();
	write_to(word, file, "0");
	for (int i = 0; i < 4; i++) {
		if (strcmp(all[i], word))
			EXPECT_EQ(lines(word, event_of(all[i]), ""), 0);
		else
			EXPECT_GE(lines(word, event_of(word), what), 1);
	}
	drop(word);
}

TEST(events_one_by_one)
{
	char fields[80];
	int n;

	mount_tracefs();
	rig_open(&r, &(struct rig_config){ });
	n = snprintf(fields, sizeof(fields), "device=%s queue=1 ", strrchr(r.dir, '-') + 1);
	strcpy(fields + n, "avail=0");
	run_alone("kick", fields);
	strcpy(fields + n, "buffers=1 used=1");
	run_alone("batch", fields);
	strcpy(fields + n, "used=1");
	run_alone("signal", fields);
	strcpy(fields + n, "fault=");
	run_alone("error", fields);
	umount(root);
	rmdir(root);
	rig_restart(&r, GUEST_TX);
	rig_unharmed(&r);
}
