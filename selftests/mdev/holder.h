/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that have instances open, and what takes instances from them. */
#ifndef WEFT_HOLDER_H
#define WEFT_HOLDER_H

#include <poll.h>

#include "kselftest.h"
#include "vfio_lib.h"

#define EVICT "/sys/module/weft_vgpu/parameters/evict_seconds"

/* A process that has instances open, as a VMM has */

struct holder {
	unsigned int first, nr;		/* numbers of the UUIDs */
	bool takes_requests;		/* has an eventfd for REQ */
	bool honours;			/* closes when asked */
	bool shares;			/* with a child, which has no say */
	uint8_t fill;
};

#define MAX_HELD 64

static inline int hold(int sock, void *arg)
{
	const struct holder *h = arg;
	static struct vgpu v[MAX_HELD];
	struct pollfd p[MAX_HELD + 1];
	uint8_t *map[MAX_HELD];
	unsigned int i, left = h->nr;

	for (i = 0; i < h->nr; i++) {
		p[i].fd = -1;
		p[i].events = POLLIN;
		if (vgpu_open(&v[i], uuid_of(h->first + i)))
			return 10;
		map[i] = region_map(v[i].fd, REGION_BAR0, 0, 0);
		if (map[i] == MAP_FAILED)
			return 11;
		memset(map[i], h->fill, 64 * 1024);
		if (mode_set(v[i].fd, 640, 480, 32) ||
		    irq_eventfd(v[i].fd, VFIO_PCI_MSI_IRQ_INDEX, event_new()))
			return 12;
		if (!h->takes_requests)
			continue;
		p[i].fd = event_new();
		if (irq_eventfd(v[i].fd, VFIO_PCI_REQ_IRQ_INDEX, p[i].fd))
			return 13;
	}
	if (h->shares && !fork()) {
		/* one mapping alone, one the file as well */
		if (h->fill & 1)
			vgpu_close(&v[0]);
		for (;;)
			pause();
	}
	helper_say(sock, 1);
	p[h->nr] = (struct pollfd){ .fd = sock, .events = POLLIN };
	while (left) {
		if (poll(p, h->nr + 1, -1) < 0)
			return 14;
		/* told to let go, or nobody is there any more */
		if (p[h->nr].revents)
			return helper_hear(sock, 0) == 2 ? 0 : 15;
		for (i = 0; i < h->nr; i++) {
			if (!(p[i].revents & POLLIN))
				continue;
			event_count(p[i].fd);
			helper_say(sock, 100 + i);
			if (!h->honours)
				continue;
			munmap(map[i], region_size(v[i].fd, REGION_BAR0));
			vgpu_close(&v[i]);
			p[i].fd = -1;
			left--;
		}
	}
	return 0;
}

static inline void start_holder(struct helper *p, struct holder *h)
{
	ASSERT_EQ(helper_start(p, hold, h), 0);
	ASSERT_EQ(helper_hear(p->sock, WAIT_MS), 1);
}

/* A process that writes to a file, which may take as long as others like */

struct writer {
	char path[128];
	char text[64];
};

static inline int write_it(int sock, void *arg)
{
	const struct writer *w = arg;

	(void)sock;
	return file_write(w->text, "%s", w->path) ? errno : 0;
}

static inline void start_writer(struct helper *p, const char *text, const char *path)
{
	static struct writer w;

	snprintf(w.path, sizeof(w.path), "%s", path);
	snprintf(w.text, sizeof(w.text), "%s", text);
	ASSERT_EQ(helper_start(p, write_it, &w), 0);
}

static inline void start_unbind(struct helper *p, const char *bdf)
{
	start_writer(p, bdf, DRIVER "/unbind");
}

static inline void start_remove(struct helper *p, const char *uuid)
{
	char path[128];

	snprintf(path, sizeof(path), MDEVS "/%s/remove", uuid);
	start_writer(p, "1", path);
}

static inline bool still_runs(struct helper *p)
{
	int status;

	return !wait_child(p->pid, &status, 0);
}

static inline void create_many(const char *bdf, const char *type,
			       unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(mdev_create(bdf, type, uuid_of(first + i)), 0);
}

static inline void expect_clean(const char *uuid)
{
	struct vgpu v;

	ASSERT_EQ(vgpu_open(&v, uuid), 0);
	EXPECT_EQ(region_find_other(v.fd, REGION_BAR0, 0), region_size(v.fd, REGION_BAR0));
	EXPECT_EQ(vbe_get(v.fd, VBE_ENABLE), 0);
	vgpu_close(&v);
}

/* After an unbind or a removal: the adapter as good as new */
static inline void expect_fresh_adapter(const char *bdf)
{
	ASSERT_EQ(adapter_bind(bdf), 0);
	EXPECT_STREQ(adapter_attr(bdf, "ready"), "1");
	EXPECT_STREQ(adapter_attr(bdf, "vram_free"), adapter_attr(bdf, "vram_total"));
	ASSERT_EQ(mdev_create(bdf, "full", uuid_of(0)), 0);
	expect_clean(uuid_of(0));
	ASSERT_EQ(mdev_remove(uuid_of(0)), 0);
}

#endif
