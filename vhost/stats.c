// SPDX-License-Identifier: GPL-2.0
/* Counters and state of each queue, in debugfs. */
#include <linux/debugfs.h>
#include <linux/log2.h>
#include <linux/seq_file.h>
#include "dev.h"
#include "net.h"

static struct dentry *root;

static const char * const drop_names[WEFT_DROPS] = {
	[WEFT_DROP_SHORT] = "short",
	[WEFT_DROP_HEADER] = "header",
	[WEFT_DROP_BACKEND] = "backend",
	[WEFT_DROP_NO_BUFFER] = "no-buffer",
};

/**
 * weft_stats_batch() - counts a batch
 * @s: counters
 * @n: frames in it, not 0
 */
void weft_stats_batch(struct weft_vq_stats *s, unsigned int n)
{
	s->batches[min_t(unsigned int, ilog2(n), WEFT_BATCH_BUCKETS - 1)]++;
}

static void show_ring(struct seq_file *f, struct weft_vq *vq)
{
	const struct weft_ring *r = &vq->ring;
	bool set_up = vq->backend;

	seq_printf(f, "backend %s\n", set_up ? weft_backend_name(vq->backend) : "none");
	seq_printf(f, "ring %s\n", !set_up ? "none" : r->cfg.packed ? "packed" : "split");
	seq_printf(f, "size %u\n", vq->num);
	seq_printf(f, "state 0x%x\n", set_up ? weft_ring_state_pack(r) : vq->base);
	seq_printf(f, "event_idx %d\n", set_up && r->cfg.event_idx);
	seq_printf(f, "in_order %d\n", set_up && r->cfg.in_order);
	seq_printf(f, "fault %s\n", weft_ring_fault_name(set_up ? r->fault : WEFT_RING_OK));
	seq_printf(f, "remaps %lu\n", vq->map ? weft_map_remaps(vq->map) : 0);
}

static int queue_show(struct seq_file *f, void *unused)
{
	struct weft_vq *vq = f->private;
	const struct weft_vq_stats *s = &vq->stats;
	int i, ret;

	/* As weft_vq_lock(), but not for longer than the reader likes to wait. */
	atomic_inc(&vq->wanted);
	ret = mutex_lock_interruptible(&vq->lock);
	atomic_dec(&vq->wanted);
	if (ret)
		return ret;
	show_ring(f, vq);
	seq_printf(f, "packets %llu\nbytes %llu\n", s->packets, s->bytes);
	seq_printf(f, "kicks %llu\nruns %llu\n", READ_ONCE(s->kicks), s->runs);
	seq_printf(f, "calls %llu\ncalls_suppressed %llu\n", s->calls, s->calls_suppressed);
	seq_printf(f, "descs %llu\n", s->descs + vq->ring.walked);
	seq_printf(f, "weight %llu\nbusy_hits %llu\n", s->weight, s->busy_hits);
	seq_printf(f, "misses %llu\nlog_failures %llu\n", s->misses, s->log_failures);
	seq_printf(f, "copies %llu\n", s->copies);
	for (i = 0; i < WEFT_DROPS; i++)
		seq_printf(f, "drop.%s %llu\n", drop_names[i], s->drops[i]);
	for (i = WEFT_RING_OK + 1; i < WEFT_RING_FAULTS; i++)
		seq_printf(f, "fault.%s %llu\n", weft_ring_fault_name(i), s->faults[i]);
	for (i = 0; i < WEFT_BATCH_BUCKETS; i++)
		seq_printf(f, "batch.%u %llu\n", 1U << i, s->batches[i]);
	mutex_unlock(&vq->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queue);

static int device_show(struct seq_file *f, void *unused)
{
	struct weft_dev *dev = f->private;
	struct weft_dev_worker *w;
	unsigned long id;

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	/* Who opened it, as in the directory's name, may have passed it on. */
	seq_printf(f, "owner %d\n", dev->owner);
	seq_printf(f, "features 0x%016llx%016llx\n", dev->features.word[1], dev->features.word[0]);
	seq_printf(f, "regions %u\n", dev->table ? dev->table->nmaps : 0);
	seq_printf(f, "iotlb %s\n", dev->iotlb ? "on" : "off");
	seq_printf(f, "translations %u\n", dev->iotlb ? dev->iotlb->nmaps : 0);
	seq_printf(f, "worker_kind %s\n", dev->kind == WEFT_WORKER_TASK ? "task" : "kthread");
	xa_for_each(&dev->workers, id, w)
		seq_printf(f, "worker.%lu %u\n", id, weft_threads_attached(dev, w));
	/* What the kernel keeps for it, besides the threads. */
	seq_printf(f, "bytes.device %zu\n", sizeof(*dev));
	seq_printf(f, "bytes.queue %zu\n", weft_vq_bytes());
	seq_printf(f, "bytes.worker %zu\n", weft_worker_bytes() + sizeof(*w));
	mutex_unlock(&dev->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(device);

/**
 * weft_stats_show() - makes the files of a device
 * @dev: device
 */
void weft_stats_show(struct weft_dev *dev)
{
	char name[40];

	snprintf(name, sizeof(name), "%d-%llu", dev->creator, dev->number);
	dev->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("device", 0400, dev->debugfs, dev, &device_fops);
	debugfs_create_file("rx", 0400, dev->debugfs, &dev->vqs[WEFT_VQ_RX], &queue_fops);
	debugfs_create_file("tx", 0400, dev->debugfs, &dev->vqs[WEFT_VQ_TX], &queue_fops);
}

/**
 * weft_stats_hide() - takes them away, and waits for who reads them
 * @dev: device, none of whose locks is held
 */
void weft_stats_hide(struct weft_dev *dev)
{
	debugfs_remove_recursive(dev->debugfs);
}

/* Without debugfs there are no files, and that is no error. */
void weft_stats_init(void)
{
	root = debugfs_create_dir("weft_vhost", NULL);
}

void weft_stats_exit(void)
{
	debugfs_remove_recursive(root);
}
