// SPDX-License-Identifier: GPL-2.0
/* Counters of each queue, in debugfs and for "vdpa dev vstats show". */
#include <linux/debugfs.h>
#include <linux/nospec.h>
#include <linux/seq_file.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include "dev.h"

static struct dentry *root;

static const char * const drop_names[WEFT_VDPA_DROPS] = {
	[WEFT_VDPA_DROP_SHORT] = "drop.size",
	[WEFT_VDPA_DROP_HEADER] = "drop.header",
	[WEFT_VDPA_DROP_DOWN] = "drop.down",
	[WEFT_VDPA_DROP_NO_BUFFER] = "drop.no-buffer",
	[WEFT_VDPA_DROP_LINE] = "drop.line-full",
	[WEFT_VDPA_DROP_NO_MEMORY] = "drop.no-memory",
	[WEFT_VDPA_DROP_FILTER] = "filtered",
	[WEFT_VDPA_DROP_XDP] = "xdp",
};

static int put(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value, VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

/**
 * weft_vdpa_vstats() - counters of a queue
 * @vdpa: device
 * @index: queue; the bus has not compared it with those that there are
 * @msg: answer
 * @extack: for a word about it
 *
 * Return: 0; -EINVAL if there is no such queue; -EMSGSIZE; -EINTR if a signal
 * came first
 */
int weft_vdpa_vstats(struct vdpa_device *vdpa, u16 index, struct sk_buff *msg,
		     struct netlink_ext_ack *extack)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	const struct weft_vdpa_stats *s;
	struct weft_vdpa_vq *vq;
	u64 faults = 0;
	int i, ret;

	if (index >= dev->nvqs) {
		NL_SET_ERR_MSG(extack, "the device has no queue of this number");
		return -EINVAL;
	}
	vq = &dev->vqs[array_index_nospec(index, dev->nvqs)];
	s = &vq->stats;
	if (mutex_lock_interruptible(&vq->lock))
		return -EINTR;
	for (i = 0; i < WEFT_RING_FAULTS; i++)
		faults += s->faults[i];
	ret = put(msg, "packets", s->packets) ?: put(msg, "bytes", s->bytes) ?:
	      put(msg, "kicks", atomic64_read(&s->kicks)) ?: put(msg, "runs", s->runs) ?:
	      put(msg, "calls", s->calls) ?:
	      put(msg, "calls_suppressed", s->calls_suppressed) ?: put(msg, "faults", faults);
	for (i = 0; !ret && i < WEFT_VDPA_DROPS; i++)
		ret = put(msg, drop_names[i], atomic64_read(&s->drops[i]));
	mutex_unlock(&vq->lock);
	return ret;
}

static const char *role(const struct weft_vdpa_vq *vq)
{
	return weft_vdpa_is_ctrl(vq) ? "control" : vq->index & 1 ? "tx" : "rx";
}

static int queue_show(struct seq_file *f, void *unused)
{
	struct weft_vdpa_vq *vq = f->private;
	const struct weft_vdpa_stats *s = &vq->stats;
	const struct weft_ring *r = &vq->ring;
	int i, ret;

	ret = mutex_lock_interruptible(&vq->lock);
	if (ret)
		return ret;
	seq_printf(f, "role %s\n", role(vq));
	seq_printf(f, "ring %s\n", !vq->running ? "none" : r->cfg.packed ? "packed" : "split");
	seq_printf(f, "size %u\n", vq->num);
	seq_printf(f, "state 0x%x\n", weft_vdpa_vq_state(vq));
	seq_printf(f, "event_idx %d\n", vq->running && r->cfg.event_idx);
	seq_printf(f, "in_order %d\n", vq->running && r->cfg.in_order);
	seq_printf(f, "fault %s\n", weft_ring_fault_name(r->fault));
	seq_printf(f, "packets %llu\nbytes %llu\n", s->packets, s->bytes);
	seq_printf(f, "kicks %llu\nruns %llu\n", (u64)atomic64_read(&s->kicks), s->runs);
	seq_printf(f, "calls %llu\ncalls_suppressed %llu\n", s->calls, s->calls_suppressed);
	for (i = 0; i < WEFT_VDPA_DROPS; i++)
		seq_printf(f, "%s %llu\n", drop_names[i], (u64)atomic64_read(&s->drops[i]));
	for (i = 0; i < WEFT_FAULTS; i++)
		seq_printf(f, "inject.%s %llu\n", weft_fault_name(i), READ_ONCE(vq->fault.done[i]));
	for (i = WEFT_RING_OK + 1; i < WEFT_RING_FAULTS; i++)
		seq_printf(f, "fault.%s %llu\n", weft_ring_fault_name(i), s->faults[i]);
	mutex_unlock(&vq->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queue);

static int device_show(struct seq_file *f, void *unused)
{
	struct weft_vdpa *dev = f->private;
	int i;

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	seq_printf(f, "representor %s\n", dev->rep->name);
	seq_printf(f, "index %u\n", dev->vdpa.index);
	seq_printf(f, "generation %u\n", READ_ONCE(dev->generation));
	seq_printf(f, "status 0x%x\n", dev->status);
	seq_printf(f, "suspended %d\n", dev->suspended);
	seq_printf(f, "offered 0x%llx\nfeatures 0x%llx\noffloads 0x%llx\n", dev->offered,
		   dev->features, dev->offloads);
	seq_printf(f, "pairs %u\nactive %u\n", dev->pairs, dev->active);
	for (i = 0; i < WEFT_GROUPS; i++)
		seq_printf(f, "space.%d %u maps\n", i,
			   dev->spaces[i] ? dev->spaces[i]->table->nmaps : 0);
	seq_printf(f, "group.data %u\ngroup.control %u\n", dev->asid[WEFT_GROUP_DATA],
		   dev->asid[WEFT_GROUP_CTRL]);
	mutex_unlock(&dev->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(device);

/**
 * weft_vdpa_stats_show() - makes the files of a device
 * @dev: device, with a representor
 */
void weft_vdpa_stats_show(struct weft_vdpa *dev)
{
	char name[16];
	int i;

	dev->debugfs = debugfs_create_dir(dev_name(&dev->vdpa.dev), root);
	debugfs_create_file("device", 0400, dev->debugfs, dev, &device_fops);
	for (i = 0; i < dev->nvqs; i++) {
		snprintf(name, sizeof(name), "queue%d", i);
		debugfs_create_file(name, 0400, dev->debugfs, &dev->vqs[i], &queue_fops);
	}
	weft_fault_show(dev);
}

/**
 * weft_vdpa_stats_hide() - takes them away, and waits for who reads them
 * @dev: device
 */
void weft_vdpa_stats_hide(struct weft_vdpa *dev)
{
	debugfs_remove_recursive(dev->debugfs);
}

/* Without debugfs there are no files, and that is no error. */
void weft_vdpa_stats_init(void)
{
	root = debugfs_create_dir("weft_vdpa", NULL);
}

void weft_vdpa_stats_exit(void)
{
	debugfs_remove_recursive(root);
}
