// SPDX-License-Identifier: GPL-2.0
/* Faults on demand: frames that are lost, late or double, queues that stand still. */
#include <linux/debugfs.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <uapi/linux/virtio_config.h>
#include "dev.h"

DEFINE_STATIC_KEY_FALSE(weft_fault_key);

static const char * const names[WEFT_FAULTS] = {
	[WEFT_FAULT_DROP] = "drop",
	[WEFT_FAULT_DUPLICATE] = "duplicate",
	[WEFT_FAULT_REORDER] = "reorder",
	[WEFT_FAULT_DELAY] = "delay_ms",
	[WEFT_FAULT_LOSE_CALL] = "lose_call",
};

/**
 * weft_fault_name() - what a fault is called in debugfs
 * @kind: which
 *
 * Return: a word
 */
const char *weft_fault_name(enum weft_fault_kind kind)
{
	return names[kind];
}

static u32 every(const struct weft_vdpa_vq *vq, enum weft_fault_kind kind)
{
	return READ_ONCE(vq->dev->fault.every[vq->index & 1][kind]);
}

/* Whether it happens to this one. The queue's faults are locked. */
static bool happens(struct weft_vdpa_vq *vq, enum weft_fault_kind kind)
{
	struct weft_fault_vq *f = &vq->fault;
	u32 n = every(vq, kind);

	if (!n || ++f->seen[kind] < n)
		return false;
	f->seen[kind] = 0;
	f->done[kind]++;
	return true;
}

static unsigned long *due(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(skb->cb) < sizeof(unsigned long));
	return (unsigned long *)skb->cb;
}

/* A frame that was not dropped: late, or now. The queue's faults are locked. */
static void pass(struct weft_vdpa_vq *vq, struct sk_buff *skb, struct sk_buff_head *now)
{
	struct weft_fault_vq *f = &vq->fault;
	u32 ms = every(vq, WEFT_FAULT_DELAY);

	/* Nor does one overtake those that are late. */
	if (!ms && skb_queue_empty(&f->late)) {
		__skb_queue_tail(now, skb);
		return;
	}
	if (skb_queue_len(&f->late) >= WEFT_FAULT_LATE_MAX) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_LINE);
		kfree_skb(skb);
		return;
	}
	*due(skb) = jiffies + msecs_to_jiffies(ms);
	__skb_queue_tail(&f->late, skb);
	f->done[WEFT_FAULT_DELAY]++;
	if (skb_queue_len(&f->late) == 1)
		schedule_delayed_work(&f->work, msecs_to_jiffies(ms));
}

/* What becomes of a frame: @now is what comes of it at once. Bottom halves are off. */
static void disturb(struct weft_vdpa_vq *vq, struct sk_buff *skb, struct sk_buff_head *now)
{
	struct weft_fault_vq *f = &vq->fault;
	struct sk_buff *twin = NULL, *held = NULL;

	spin_lock(&f->lock);
	if (happens(vq, WEFT_FAULT_DROP)) {
		spin_unlock(&f->lock);
		kfree_skb(skb);
		return;
	}
	if (happens(vq, WEFT_FAULT_DUPLICATE))
		twin = skb_clone(skb, GFP_ATOMIC);
	if (f->held) {
		held = f->held;
		f->held = NULL;
		/* It counts, but where each would be held there is none to wait for. */
		if (f->seen[WEFT_FAULT_REORDER] + 1 < every(vq, WEFT_FAULT_REORDER))
			f->seen[WEFT_FAULT_REORDER]++;
	} else if (happens(vq, WEFT_FAULT_REORDER)) {
		f->held = skb;
		skb = NULL;
	}
	if (skb)
		pass(vq, skb, now);
	if (twin)
		pass(vq, twin, now);
	if (held)
		pass(vq, held, now);
	spin_unlock(&f->lock);
}

/* Frames go where they would have gone without all this. Bottom halves are off. */
static void arrive(struct weft_vdpa_vq *vq, struct sk_buff_head *now)
{
	struct sk_buff *skb;
	LIST_HEAD(frames);
	bool any = false;

	while ((skb = __skb_dequeue(now))) {
		if (vq->index & 1) {
			list_add_tail(&skb->list, &frames);
		} else if (ptr_ring_produce(&vq->line, skb)) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_LINE);
			kfree_skb(skb);
		} else {
			any = true;
		}
	}
	if (!list_empty(&frames))
		weft_rep_receive(vq->dev, &frames);
	if (any)
		weft_vdpa_vq_queue(vq);
}

static void late_work(struct work_struct *work)
{
	struct weft_fault_vq *f = container_of(work, struct weft_fault_vq, work.work);
	struct weft_vdpa_vq *vq = container_of(f, struct weft_vdpa_vq, fault);
	struct sk_buff_head now;
	struct sk_buff *skb;

	__skb_queue_head_init(&now);
	local_bh_disable();
	spin_lock(&f->lock);
	while ((skb = skb_peek(&f->late))) {
		if (time_before(jiffies, *due(skb))) {
			schedule_delayed_work(&f->work, *due(skb) - jiffies);
			break;
		}
		__skb_unlink(skb, &f->late);
		__skb_queue_tail(&now, skb);
	}
	spin_unlock(&f->lock);
	arrive(vq, &now);
	local_bh_enable();
}

/**
 * weft_fault_line() - see weft_fault_takes()
 * @vq: queue
 * @skb: frame
 *
 * Return: true if it took the frame
 */
bool weft_fault_line(struct weft_vdpa_vq *vq, struct sk_buff *skb)
{
	struct sk_buff_head now;

	if (!READ_ONCE(vq->dev->fault.on))
		return false;
	__skb_queue_head_init(&now);
	disturb(vq, skb, &now);
	arrive(vq, &now);
	return true;
}

/**
 * weft_fault_frames() - see weft_fault_disturbs()
 * @vq: queue
 * @frames: changed
 */
void weft_fault_frames(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	struct sk_buff_head now;
	struct sk_buff *skb, *next;

	if (!READ_ONCE(vq->dev->fault.on))
		return;
	__skb_queue_head_init(&now);
	local_bh_disable();
	list_for_each_entry_safe(skb, next, frames, list) {
		skb_list_del_init(skb);
		disturb(vq, skb, &now);
	}
	local_bh_enable();
	while ((skb = __skb_dequeue(&now)))
		list_add_tail(&skb->list, frames);
}

/**
 * weft_fault_call() - see weft_fault_loses()
 * @vq: queue, locked
 *
 * Return: whether the call is lost
 */
bool weft_fault_call(struct weft_vdpa_vq *vq)
{
	bool lost;

	lockdep_assert_held(&vq->lock);
	spin_lock_bh(&vq->fault.lock);
	lost = happens(vq, WEFT_FAULT_LOSE_CALL);
	spin_unlock_bh(&vq->fault.lock);
	return lost;
}

/* Frames that wait for something that will not come any more. */
static void release(struct weft_vdpa_vq *vq, enum weft_fault_kind kind)
{
	struct weft_fault_vq *f = &vq->fault;
	struct sk_buff *skb;

	spin_lock_bh(&f->lock);
	f->seen[kind] = 0;
	if (f->held && kind == WEFT_FAULT_REORDER) {
		*due(f->held) = jiffies;
		__skb_queue_tail(&f->late, f->held);
		f->held = NULL;
	}
	if (kind == WEFT_FAULT_DELAY) {
		skb_queue_walk(&f->late, skb) {
			*due(skb) = jiffies;
		}
	}
	cancel_delayed_work(&f->work);
	schedule_delayed_work(&f->work, 0);
	spin_unlock_bh(&f->lock);
}

/* The device's faults are locked, by whoever sets them. */
static void set(struct weft_vdpa *dev, bool tx, enum weft_fault_kind kind, u32 value)
{
	struct weft_fault *f = &dev->fault;
	bool on = false;
	int i;

	lockdep_assert_held(&dev->fault.lock);
	WRITE_ONCE(f->every[tx][kind], value);
	for (i = 0; i < WEFT_FAULTS; i++)
		on = on || f->every[0][i] || f->every[1][i];
	if (on && !f->on)
		static_branch_inc(&weft_fault_key);
	else if (!on && f->on)
		static_branch_dec(&weft_fault_key);
	WRITE_ONCE(f->on, on);
	for (i = tx; i < dev->nvqs; i += 2)
		release(&dev->vqs[i], kind);
}

static int knob_get(void *data, u64 *value)
{
	const struct weft_fault_knob *k = data;

	*value = READ_ONCE(k->dev->fault.every[k->tx][k->kind]);
	return 0;
}

static int knob_set(void *data, u64 value)
{
	const struct weft_fault_knob *k = data;

	if (value > (k->kind == WEFT_FAULT_DELAY ? WEFT_FAULT_DELAY_MAX : U32_MAX))
		return -ERANGE;
	mutex_lock(&k->dev->fault.lock);
	set(k->dev, k->tx, k->kind, value);
	mutex_unlock(&k->dev->fault.lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(knob_fops, knob_get, knob_set, "%llu\n");

static void stall(struct weft_vdpa_vq *vq, bool stalled)
{
	bool before = READ_ONCE(vq->fault.stalled);

	lockdep_assert_held(&vq->dev->fault.lock);
	WRITE_ONCE(vq->fault.stalled, stalled);
	/* What came meanwhile was not looked at. */
	if (before && !stalled)
		weft_vdpa_vq_queue(vq);
}

static int stall_get(void *data, u64 *value)
{
	struct weft_vdpa *dev = data;
	int i;

	*value = 0;
	for (i = 0; i < dev->nvqs; i++)
		if (READ_ONCE(dev->vqs[i].fault.stalled))
			*value |= BIT_ULL(i);
	return 0;
}

static int stall_set(void *data, u64 value)
{
	struct weft_vdpa *dev = data;
	int i;

	if (value >> dev->nvqs)
		return -ERANGE;
	mutex_lock(&dev->fault.lock);
	for (i = 0; i < dev->nvqs; i++)
		stall(&dev->vqs[i], value & BIT_ULL(i));
	mutex_unlock(&dev->fault.lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(stall_fops, stall_get, stall_set, "0x%llx\n");

static int needs_reset_get(void *data, u64 *value)
{
	struct weft_vdpa *dev = data;

	*value = !!(READ_ONCE(dev->status) & VIRTIO_CONFIG_S_NEEDS_RESET);
	return 0;
}

static int needs_reset_set(void *data, u64 value)
{
	return value == 1 ? weft_vdpa_needs_reset(data) : -EINVAL;
}
DEFINE_DEBUGFS_ATTRIBUTE(needs_reset_fops, needs_reset_get, needs_reset_set, "%llu\n");

static int off_get(void *data, u64 *value)
{
	struct weft_vdpa *dev = data;
	u64 stalled;

	stall_get(dev, &stalled);
	*value = !READ_ONCE(dev->fault.on) && !stalled;
	return 0;
}

static void all_off(struct weft_vdpa *dev)
{
	int tx, kind;

	mutex_lock(&dev->fault.lock);
	for (tx = 0; tx < 2; tx++)
		for (kind = 0; kind < WEFT_FAULTS; kind++)
			set(dev, tx, kind, 0);
	mutex_unlock(&dev->fault.lock);
}

static int off_set(void *data, u64 value)
{
	if (value != 1)
		return -EINVAL;
	all_off(data);
	return stall_set(data, 0);
}
DEFINE_DEBUGFS_ATTRIBUTE(off_fops, off_get, off_set, "%llu\n");

/**
 * weft_fault_show() - makes the files of a device, in a directory of its own
 * @dev: device, which has its directory
 */
void weft_fault_show(struct weft_vdpa *dev)
{
	struct dentry *dir = debugfs_create_dir("inject", dev->debugfs), *side;
	int tx, kind;

	for (tx = 0; tx < 2; tx++) {
		side = debugfs_create_dir(tx ? "tx" : "rx", dir);
		for (kind = 0; kind < WEFT_FAULTS; kind++) {
			struct weft_fault_knob *k = &dev->fault.knobs[tx][kind];

			*k = (struct weft_fault_knob) { .dev = dev, .tx = tx, .kind = kind };
			debugfs_create_file_unsafe(names[kind], 0600, side, k, &knob_fops);
		}
	}
	debugfs_create_file_unsafe("stall", 0600, dir, dev, &stall_fops);
	debugfs_create_file_unsafe("needs_reset", 0600, dir, dev, &needs_reset_fops);
	debugfs_create_file_unsafe("off", 0600, dir, dev, &off_fops);
}

/**
 * weft_fault_init() - a device without faults
 * @dev: device
 */
void weft_fault_init(struct weft_vdpa *dev)
{
	mutex_init(&dev->fault.lock);
}

/**
 * weft_fault_init_vq() - a queue without faults
 * @vq: queue
 */
void weft_fault_init_vq(struct weft_vdpa_vq *vq)
{
	spin_lock_init(&vq->fault.lock);
	__skb_queue_head_init(&vq->fault.late);
	INIT_DELAYED_WORK(&vq->fault.work, late_work);
}

/**
 * weft_fault_reset() - what one driver suffered is no business of the next one
 * @dev: device without workers, to which nothing comes from the host
 *
 * What is injected goes on, but no queue is stalled; frames that were held back
 * are freed.
 */
void weft_fault_reset(struct weft_vdpa *dev)
{
	struct weft_fault_vq *f;
	struct sk_buff_head lost;
	int i;

	for (i = 0; i < dev->nvqs; i++) {
		f = &dev->vqs[i].fault;
		cancel_delayed_work_sync(&f->work);
		__skb_queue_head_init(&lost);
		spin_lock_bh(&f->lock);
		skb_queue_splice_init(&f->late, &lost);
		if (f->held)
			__skb_queue_tail(&lost, f->held);
		f->held = NULL;
		memset(f->seen, 0, sizeof(f->seen));
		WRITE_ONCE(f->stalled, false);
		spin_unlock_bh(&f->lock);
		__skb_queue_purge(&lost);
	}
}

/**
 * weft_fault_exit() - a device that injects nothing any more
 * @dev: device, of which the files are gone, and which nobody drives
 */
void weft_fault_exit(struct weft_vdpa *dev)
{
	all_off(dev);
	weft_fault_reset(dev);
}
