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
#include <linux/vhost_types.h>
#include "../../vdpa/virtio_pci.h"
#include "input.h"

#define QUEUES	80	/* that it may say it has */
#define MOST	34	/* that the driver sees */
#define B(f)	(1ull << (f))

long kunit_alloc_budget = -1;

void kunit_room_warned(const char *file, int line, const char *cond)
{
	abort();
}

struct fuzz {
	struct input in;
	struct weft_vpci dev;
	struct weft_vpci_vq vqs[MOST];
	struct virtio_pci_modern_device vp;
	struct virtio_pci_common_cfg common;
	struct pci_dev pdev;
	struct weft_vpci_layout layout;
	u64 features;
	u64 took;	/* of those, as it was told */
	bool honest;
	u16 selected;
	u16 off[QUEUES];	/* of doorbells */
	u16 nqueues;
	u32 length;
	int mapped;
	bool restless;
	u32 generations;
	u32 reads;
	u16 vector;
	bool started;
	u32 told;
	bool enabled[MOST];
	u16 doorbell;
};

static struct fuzz fuzz;

static bool of_device(const void *at, u32 n)
{
	u64 off = (const u8 *)at - (const u8 *)fuzz.vp.device;

	if (off >= fuzz.vp.device_len)
		return false;
	CHECK(off % n == 0 && off + n <= fuzz.vp.device_len, "%u bytes at %llu", n,
	      (unsigned long long)off);
	fuzz.reads++;
	return true;
}

u8 vp_ioread8(const void *at)
{
	CHECK(of_device(at, 1));
	return *(const u8 *)at ^ input_u8(&fuzz.in);
}

u16 vp_ioread16(const void *at)
{
	if (at == &fuzz.common.queue_notify_off)
		return fuzz.honest ? fuzz.off[fuzz.selected % QUEUES] : input_u16(&fuzz.in);
	CHECK(of_device(at, 2));
	return *(const u16 *)at ^ input_u16(&fuzz.in);
}

u32 vp_ioread32(const void *at)
{
	CHECK(of_device(at, 4));
	return *(const u32 *)at ^ input_u32(&fuzz.in);
}

void vp_iowrite16(u16 val, void *at)
{
	if (at == &fuzz.common.queue_select) {
		fuzz.selected = val;
		return;
	}
	CHECK(at == &fuzz.doorbell && val < fuzz.dev.nvqs && fuzz.started && fuzz.enabled[val],
	      "queue %u is kicked", val);
}

/* The driver is told that the configuration changed. */
void weft_vpci_irq_config(struct weft_vpci *dev)
{
	CHECK(dev->failed && dev->status & VIRTIO_CONFIG_S_DRIVER_OK);
	fuzz.told++;
}

void pci_iounmap(struct pci_dev *pdev, void *p)
{
	CHECK(p == &fuzz.doorbell && fuzz.mapped-- > 0);
}

u64 vp_modern_get_features(struct virtio_pci_modern_device *vp)
{
	return fuzz.features;
}

u8 vp_modern_get_status(struct virtio_pci_modern_device *vp)
{
	return input_u8(&fuzz.in);
}

void vp_modern_set_features(struct virtio_pci_modern_device *vp, u64 features)
{
	fuzz.took = features;
}

void vp_modern_set_status(struct virtio_pci_modern_device *vp, u8 status)
{
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		fuzz.started = true;
}

u32 vp_modern_generation(struct virtio_pci_modern_device *vp)
{
	CHECK(++fuzz.generations <= 2 * 64, "read for ever");
	return fuzz.restless ? fuzz.generations : input_u8(&fuzz.in);
}

u16 vp_modern_config_vector(struct virtio_pci_modern_device *vp, u16 vector)
{
	return input_u8(&fuzz.in) & 3 ? vector : 0xffff;
}

u16 vp_modern_queue_vector(struct virtio_pci_modern_device *vp, u16 index, u16 vector)
{
	fuzz.vector = input_u8(&fuzz.in) & 3 ? vector : 0xffff;
	return fuzz.vector;
}

void vp_modern_queue_address(struct virtio_pci_modern_device *vp, u16 index, u64 desc, u64 driver,
			     u64 device)
{
	CHECK(index < fuzz.dev.nvqs);
	CHECK(!(fuzz.dev.features & B(VIRTIO_F_RING_PACKED)) || !(driver & 3));
}

void vp_modern_set_queue_enable(struct virtio_pci_modern_device *vp, u16 index, bool enable)
{
	CHECK(index < fuzz.dev.nvqs && enable);
	CHECK(fuzz.vector == fuzz.vqs[index].vector, "no interrupt, and enabled");
	fuzz.enabled[index] = true;
}

void vp_modern_set_queue_size(struct virtio_pci_modern_device *vp, u16 index, u16 size)
{
	CHECK(size && size <= fuzz.vqs[index].max, "%u", size);
	CHECK(size == (fuzz.vqs[index].num ?: fuzz.vqs[index].max), "%u", size);
}

u16 vp_modern_get_queue_size(struct virtio_pci_modern_device *vp, u16 index)
{
	return input_u8(&fuzz.in) & 7 ? 256 : input_u16(&fuzz.in);
}

u16 vp_modern_get_num_queues(struct virtio_pci_modern_device *vp)
{
	return fuzz.nqueues;
}

void *vp_modern_map_vq_notify(struct virtio_pci_modern_device *vp, u16 index, resource_size_t *pa)
{
	u64 off;

	vp_iowrite16(index, &fuzz.common.queue_select);
	off = (u64)vp_ioread16(&fuzz.common.queue_notify_off) * fuzz.layout.multiplier;
	/* The library forgets what is beyond 32 bits here. */
	if (!vp->notify_base)
		off = (u32)off;
	if (off + 2 > fuzz.length)
		return NULL;
	CHECK(!pa);
	fuzz.mapped += !vp->notify_base;
	return &fuzz.doorbell;
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
	CHECK(!f->dev.gone || (f->dev.failed && !f->pdev.master));
}

/* The features that a driver took, with which queues may be others. */
static void take(struct fuzz *f)
{
	u8 was = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	int i;

	f->dev.features = f->dev.offered & input_u64(&f->in);
	f->dev.status = was;
	if (weft_vpci_hw_take(&f->dev, was)) {
		CHECK(f->took == f->dev.features);
		for (i = 0; i < f->dev.nvqs; i++)
			CHECK(!f->honest || f->vqs[i].notify_off == f->off[i]);
	}
}

static void reset(struct fuzz *f)
{
	bool gone = f->dev.gone;
	int ret = weft_vpci_hw_reset(&f->dev);

	CHECK(ret == 0 || ret == -ETIMEDOUT, "%d", ret);
	CHECK(!gone || (f->dev.gone && !ret));
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
	set_up(f);
	kunit_alloc_budget = input_u8(&f->in) ? -1 : 0;
	ret = weft_vpci_hw_init(&f->dev);
	CHECK(ret == 0 || ret == -ENODEV || ret == -ETIMEDOUT ||
	      (ret == -ENOMEM && !kunit_alloc_budget), "%d", ret);
	kunit_alloc_budget = -1;
	if (!ret) {
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
