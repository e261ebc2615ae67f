// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio-pci function that answers what the input says, and another thing the
 * next time if it wants to. Whatever it is, its registers are accessed inside
 * its structures and as wide as they are, what was mapped is unmapped, waiting
 * ends, and no page goes to user space that has more than one queue's doorbell.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include "hw_function.h"

long kunit_alloc_budget = -1;

void kunit_room_warned(const char *file, int line, const char *cond)
{
	abort();
}

static bool in_the_bar(const struct fuzz *f, u64 page)
{
	const struct weft_vpci_bar *bar = &f->layout.bars[2];

	return page >= bar->start && page + PAGE_SIZE <= bar->start + bar->length;
}

/* The first structure has the doorbells, another one may lie among them. */
static u64 notify_at(const struct fuzz *f)
{
	return f->layout.bars[2].start + f->layout.all[0].offset;
}

static u64 register_of(const struct fuzz *f, u32 i)
{
	return notify_at(f) + (u64)f->off[i] * f->layout.multiplier;
}

static bool has_other(const struct fuzz *f, u64 page)
{
	const struct weft_vpci_structure *s = &f->layout.all[1];
	u64 from = f->layout.bars[2].start + s->offset;

	return f->layout.n == 2 && s->length && from < page + PAGE_SIZE && from + s->length > page;
}

static void check_doorbells(const struct fuzz *f)
{
	u32 i, k;

	for (i = 0; i < f->dev.nvqs; i++) {
		u64 page = f->vqs[i].doorbell, at = register_of(f, i);
		bool alone = true;

		CHECK(!page || (page % PAGE_SIZE == 0 && in_the_bar(f, page) &&
				!has_other(f, page)));
		if (!f->honest)
			continue;
		CHECK(f->vqs[i].notify_off == f->off[i]);
		CHECK(at + 2 <= notify_at(f) + f->length, "register outside");
		for (k = 0; k < max(f->nqueues, f->dev.nvqs); k++)
			alone &= k == i || (register_of(f, k) / PAGE_SIZE != at / PAGE_SIZE &&
					    (register_of(f, k) + 1) / PAGE_SIZE != at / PAGE_SIZE);
		alone &= at % PAGE_SIZE == 0 && in_the_bar(f, at) && !has_other(f, at) &&
			 at + PAGE_SIZE <= notify_at(f) + f->length;
		CHECK(page == (alone ? at : 0), "queue %u: 0x%llx, register 0x%llx", i,
		      (unsigned long long)page, (unsigned long long)at);
	}
}

static void set_up(struct fuzz *f)
{
	static const u32 steps[] = { 0, 2, 4, 4096, 8192, 2048, 65536, 6 };
	u8 how = input_u8(&f->in), step = input_u8(&f->in);
	u32 i;

	f->honest = how & 1;
	f->dev.nvqs = 1 + input_u8(&f->in) % MOST;
	f->restless = how & 128;
	f->nqueues = how & 2 ? input_u8(&f->in) % QUEUES : f->dev.nvqs;
	f->length = how & 4 ? input_u32(&f->in) : 0x1000u << (step >> 4);
	f->layout.multiplier = step & 8 ? input_u32(&f->in) : steps[step & 7];
	for (i = 0; i < QUEUES; i++)
		f->off[i] = how & 8 ? input_u8(&f->in) : how & 16 ? i / 2 : i;
	f->layout.bars[2] = (struct weft_vpci_bar) {
		.start = 0xfe000000,
		.length = 0x1000ull << (input_u8(&f->in) & 15),
		.memory = true,
	};
	f->layout.all[0] = (struct weft_vpci_structure) {
		.type = VIRTIO_PCI_CAP_NOTIFY_CFG,
		.bar = 2,
		.offset = how & 32 ? input_u16(&f->in) : 0,
		.length = f->length,
	};
	f->layout.n = 1;
	if (f->restless) {
		f->layout.all[1] = (struct weft_vpci_structure) {
			.type = WEFT_VPCI_MSIX_TABLE,
			.bar = 2,
			.offset = input_u16(&f->in),
			.length = input_u16(&f->in),
		};
		f->layout.n = 2;
	}
	f->vp.notify_base = how & 64 ? f : NULL;
	f->vp.device_len = input_u8(&f->in) % 40;
	f->features = input_u64(&f->in);
	f->dev.features = f->features;
	f->dev.offered = weft_vpci_hw_features(&f->vp);
	CHECK(!(f->dev.offered & ~f->features) && !(f->dev.offered & B(VHOST_F_LOG_ALL)));
	/* The structure ends where another's memory begins. */
	f->vp.device = calloc(1, f->vp.device_len ?: 1);
}

/* Virtio 1.3 §5.1.4: which bytes are there with any of which features, or always. */
static const struct {
	u8 at, size;
	u64 any;
} fields[] = {
	{ 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 }, { 5, 1 },
	{ 6, 2, B(16) }, { 8, 2, B(22) | B(60) }, { 10, 2, B(3) }, { 12, 4, B(63) },
	{ 16, 1, B(63) }, { 17, 1, B(57) | B(60) }, { 18, 2, B(60) }, { 20, 4, B(57) | B(60) },
};

/* The others are zero. Returns where those that are there end. */
static size_t check_fields(const struct fuzz *f, const struct virtio_net_config *config)
{
	size_t i, k, end = 0;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if ((!fields[i].any || fields[i].any & f->dev.offered) &&
		    fields[i].at + fields[i].size <= f->vp.device_len) {
			end = fields[i].at + fields[i].size;
			continue;
		}
		for (k = 0; k < fields[i].size; k++)
			CHECK(!((const u8 *)config)[fields[i].at + k], "field %zu", i);
	}
	return end;
}

static void configuration(struct fuzz *f)
{
	size_t size = weft_vpci_fields_size(&f->vp, f->dev.offered), i;
	struct virtio_net_config config;

	CHECK(size <= f->vp.device_len && size <= sizeof(config), "%zu", size);
	CHECK(size == f->dev.config_size, "%zu, %zu", size, f->dev.config_size);
	f->reads = 0;
	f->generations = 0;
	memset(&config, 0x5a, sizeof(config));
	weft_vpci_fields_read(&f->vp, f->dev.offered, &config);
	CHECK(f->reads <= 64 * 14, "%u reads", f->reads);
	CHECK(size == check_fields(f, &config), "%zu", size);
	for (i = size; i < sizeof(config); i++)
		CHECK(!((u8 *)&config)[i], "byte %zu, of %zu", i, size);
}

static void one_queue(struct fuzz *f)
{
	u16 index = input_u8(&f->in) % f->dev.nvqs;
	struct weft_vpci_vq *vq = &f->vqs[index];
	u8 how = input_u8(&f->in);
	bool bad;
	int ret;

	vq->num = how & 1 ? input_u32(&f->in) : vq->max;
	vq->areas[1] = input_u8(&f->in);
	vq->vector = how >> 4;
	vq->ready = how & 2;
	if (!(how & 4))
		return;
	f->enabled[index] = false;
	ret = weft_vpci_hw_enable(&f->dev, index);
	bad = !vq->max || vq->num > vq->max ||
	      (f->dev.features & B(VIRTIO_F_RING_PACKED) && vq->areas[1] & 3);
	CHECK(bad ? ret == -EINVAL : ret == 0 || ret == -EBUSY, "%d", ret);
	CHECK(f->enabled[index] == !ret);
}

static void start(struct fuzz *f)
{
	int ret, i;

	f->started = false;
	f->config_vector = 0xffff;
	for (i = 0; i < f->dev.nvqs; i++) {
		f->enabled[i] = false;
		f->vqs[i].live = false;
	}
	ret = weft_vpci_hw_start(&f->dev);
	CHECK(ret == 0 || ret == -EINVAL || ret == -EBUSY, "%d", ret);
	CHECK(f->started == !ret, "started, and %d", ret);
	for (i = 0; i < f->dev.nvqs; i++) {
		CHECK(f->vqs[i].live == (!ret && f->vqs[i].ready), "queue %d", i);
		CHECK(!f->enabled[i] || f->vqs[i].ready, "queue %d", i);
	}
}

static void status(struct fuzz *f)
{
	u8 got, was = input_u8(&f->in) & 0xf;
	bool failed = f->dev.failed;

	f->dev.status = was;
	f->told = 0;
	got = weft_vpci_hw_status(&f->dev);
	/* Once, if there is a driver that runs. */
	CHECK(f->told == (!failed && f->dev.failed && was & VIRTIO_CONFIG_S_DRIVER_OK));
	/* What the driver said is never forgotten in silence. */
	CHECK(!(was & ~got), "%x, %x", was, got);
	CHECK(!f->dev.failed || got & VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK(!f->dev.gone || got == (was | VIRTIO_CONFIG_S_NEEDS_RESET), "%x, %x", was, got);
	CHECK(!f->dev.gone || (f->dev.failed && !f->pdev.master));
}

/* The features that a driver took, with which queues may be others. */
static void take(struct fuzz *f)
{
	u8 was = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	bool good;
	int i;

	f->said = 0xff;
	f->taking = true;
	f->moved = false;
	f->dev.features = f->dev.offered & input_u64(&f->in);
	f->dev.status = was;
	good = weft_vpci_hw_take(&f->dev, was);
	f->taking = false;
	CHECK(good == (f->said != 0xff && f->said & VIRTIO_CONFIG_S_FEATURES_OK && !f->moved),
	      "%d, status %x, moved %d", good, f->said, f->moved);
	if (good) {
		CHECK(f->took == f->dev.features);
		for (i = 0; i < f->dev.nvqs; i++)
			CHECK(!f->honest || f->vqs[i].notify_off == f->off[i]);
	}
}

static void reset(struct fuzz *f)
{
	bool gone = f->dev.gone;
	int ret = weft_vpci_hw_reset(&f->dev);

	CHECK(f->dev.gone == (gone || f->said == 0xff));
	CHECK(ret == (f->dev.gone || !f->said ? 0 : -ETIMEDOUT), "%d, status %x", ret, f->said);
	/* Memory is somebody else's as soon as this returns. */
	CHECK(f->pdev.master == (!ret && !f->dev.gone), "%d", ret);
	CHECK(f->dev.gone || f->dev.stuck == (ret != 0));
	if (!f->dev.gone)
		f->dev.failed = false;
}

int fuzz_one(const u8 *data, size_t size)
{
	struct fuzz *f = &fuzz;
	int ret;

	memset(f, 0, sizeof(*f));
	f->in = (struct input) { data, data + size };
	f->dev.pdev = &f->pdev;
	f->dev.vp = &f->vp;
	f->dev.vqs = f->vqs;
	f->dev.layout = &f->layout;
	f->vp.pci_dev = &f->pdev;
	f->vp.common = &f->common;
	f->pdev.master = true;
	f->config_vector = 0xffff;
	set_up(f);
	f->vqs[f->dev.nvqs].ready = true;
	f->vqs[f->dev.nvqs].mapped = true;
	f->vqs[f->dev.nvqs].max = 256;
	kunit_alloc_budget = input_u8(&f->in) ? -1 : 0;
	ret = weft_vpci_hw_init(&f->dev);
	CHECK(ret == 0 || ret == -ENODEV || ret == -ETIMEDOUT ||
	      (ret == -ENOMEM && !kunit_alloc_budget), "%d", ret);
	CHECK(ret || kunit_alloc_budget, "without memory");
	CHECK((ret == -ENODEV) == f->lacks, "%d, and lacks %d", ret, f->lacks);
	kunit_alloc_budget = -1;
	if (!ret) {
		CHECK(!f->said || f->dev.gone, "not reset: status %x", f->said);
		CHECK(f->mapped == (f->vp.notify_base ? 0 : f->dev.nvqs));
		check_doorbells(f);
		while (input_left(&f->in)) {
			switch (input_u8(&f->in) % 8) {
			case 0:
				configuration(f);
				break;
			case 1:
				start(f);
				break;
			case 2:
				status(f);
				break;
			case 3:
				reset(f);
				break;
			case 4:
				take(f);
				break;
			default:
				one_queue(f);
			}
		}
		weft_vpci_hw_exit(&f->dev);
	}
	CHECK(!f->mapped, "%d are left", f->mapped);
	free(f->vp.device);
	return 0;
}
