/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One open /dev/vhost-weft: a device of two queues, as <linux/vhost.h> sees it.
 *
 * Locks, outer to inner: weft_dev.lock (ioctls), weft_vq.lock of queue 0, of
 * queue 1 (a worker holds one of them while it works), weft_dev.msg_lock.
 */
#ifndef WEFT_VHOST_DEV_H
#define WEFT_VHOST_DEV_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/vhost.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <weft/mem.h>
#include <weft/ring.h>
#include <weft/worker.h>
#include "features.h"
#include "stats.h"

struct eventfd_ctx;
struct net_backend;
struct weft_dev;
struct weft_vq;

enum {
	WEFT_VQ_RX,	/* to the driver */
	WEFT_VQ_TX,	/* from the driver */
	WEFT_VQS
};

/**
 * struct weft_poll - has a queue's work done when a file is ready
 * @table: for vfs_poll()
 * @wait: on the file's wait queue
 * @head: that wait queue, or NULL
 * @mask: what to wait for
 * @armed: whether to do anything when it comes
 * @vq: queue
 */
struct weft_poll {
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;
	__poll_t mask;
	bool armed;
	struct weft_vq *vq;
};

/**
 * struct weft_dev_worker - a worker as ioctls know it
 * @worker: thread
 * @id: its number
 */
struct weft_dev_worker {
	struct weft_worker *worker;
	u32 id;
};

/**
 * struct weft_miss - a queue's question to the owner, of which it has one at a time
 * @link: in a list of the device, or in none; all of it is &weft_dev.msg_lock's
 * @iova: of what a translation is missing
 * @perm: VHOST_MAP_RO or VHOST_MAP_WO
 */
struct weft_miss {
	struct list_head link;
	u64 iova;
	u8 perm;
};

/**
 * struct weft_vq - one queue. All is serialised by @lock but for what says
 * otherwise.
 * @lock: held by ioctls that change the queue and by the worker that serves it
 * @wanted: how many wait for @lock, for whom a worker that polls lets go of it
 * @dev: device
 * @index: WEFT_VQ_RX or WEFT_VQ_TX
 * @worker: who serves it; RCU; changed under @lock
 * @work: serves it
 * @kick_poll: waits for the driver's kicks
 * @sock_poll: waits for the backend
 * @kick: eventfd of the driver's kicks
 * @call: eventfd to call the driver
 * @err: eventfd to tell that the queue broke
 * @ring: the engine's; set up while there is a backend
 * @mem: translation of the driver's addresses
 * @map: kernel mapping of the ring
 * @addr: of the ring's areas: user addresses, or I/O virtual ones with an IOTLB
 * @num: descriptors
 * @base: where the ring stands while there is no backend, as VHOST_SET_VRING_BASE has it
 * @prepared: @map is of @addr as it is now
 * @missing: a translation was asked for, and the queue waits for it
 * @miss: the question
 * @told: that the ring broke was told, counted and signalled
 * @log_used: writes to the used ring are logged
 * @log_addr: physical address of the used ring, for the log
 * @log_base: bitmap of dirty pages
 * @big_endian: of a legacy driver
 * @busyloop: how long to poll before sleeping, in microseconds
 * @backend: where frames go, or NULL
 * @segs: the chain in hand
 * @iov: its translation
 * @stats: counters
 */
struct weft_vq {
	struct mutex lock;	/* see above */
	atomic_t wanted;
	struct weft_dev *dev;
	unsigned int index;
	struct weft_dev_worker __rcu *worker;
	struct weft_work work;
	struct weft_poll kick_poll;
	struct weft_poll sock_poll;
	struct file *kick;
	struct eventfd_ctx *call;
	struct eventfd_ctx *err;
	struct weft_ring ring;
	struct weft_mem mem;
	struct weft_map *map;
	u64 addr[WEFT_AREAS];
	u32 num;
	u32 base;
	bool prepared;
	bool missing;
	struct weft_miss miss;
	bool told;
	bool log_used;
	u64 log_addr;
	void __user *log_base;
	bool big_endian;
	u32 busyloop;
	struct net_backend *backend;
	struct weft_seg *segs;
	struct iovec *iov;
	struct weft_vq_stats stats;
};

/**
 * struct weft_dev - an open device
 * @lock: serialises ioctls
 * @mm: the owner's address space, or NULL; @lock
 * @kind: what workers are made of; @lock
 * @features: as acknowledged; changed under all locks
 * @backend_features: the same of the transport's
 * @workers: by id; @lock
 * @table: guest memory, or NULL; changed under all locks
 * @iotlb: or NULL; changed under all locks
 * @log_ctx: eventfd of the dirty log; changed under all locks
 * @msg_lock: serialises @unread and @unanswered
 * @unread: questions to the owner
 * @unanswered: those that the owner has read
 * @msg_wait: readers of messages
 * @vqs: queues
 * @debugfs: directory
 * @owner: process id of the owner, or 0; @lock. As all that is shown, by the
 *	number that the host knows it by, wherever it lives
 * @creator: the same of who opened it
 * @number: of the device, never used twice
 */
struct weft_dev {
	struct mutex lock;	/* see above */
	struct mm_struct *mm;
	enum weft_worker_kind kind;
	struct weft_features features;
	u64 backend_features;
	struct xarray workers;
	struct vhost_iotlb *table;
	struct vhost_iotlb *iotlb;
	struct eventfd_ctx *log_ctx;
	spinlock_t msg_lock;	/* see above */
	struct list_head unread;
	struct list_head unanswered;
	wait_queue_head_t msg_wait;
	struct weft_vq vqs[WEFT_VQS];
	struct dentry *debugfs;
	pid_t owner;
	pid_t creator;
	u64 number;
};

static inline bool weft_dev_has(const struct weft_dev *dev, unsigned int bit)
{
	return weft_features_test(&dev->features, bit);
}

/*
 * For people, and not more often than they can read it. pr_notice_ratelimited()
 * would warn of those that were left out, and a guest could have it do so.
 */
#define weft_notice(fmt, ...)							\
	do {									\
		static struct ratelimit_state _rs =				\
			RATELIMIT_STATE_INIT_FLAGS(_rs, DEFAULT_RATELIMIT_INTERVAL,	\
						   DEFAULT_RATELIMIT_BURST,	\
						   RATELIMIT_MSG_ON_RELEASE);	\
		if (__ratelimit(&_rs))						\
			pr_notice(fmt, ##__VA_ARGS__);				\
	} while (0)

/* dev.c: the device */
struct weft_dev *weft_dev_create(void);
void weft_dev_destroy(struct weft_dev *dev);
long weft_dev_ioctl(struct weft_dev *dev, unsigned int cmd, unsigned long arg);
int weft_dev_check_owner(struct weft_dev *dev);
void weft_dev_lock_vqs(struct weft_dev *dev);
void weft_dev_unlock_vqs(struct weft_dev *dev);

/* threads.c: which worker serves which queue */
int weft_threads_begin(struct weft_dev *dev);
void weft_threads_end(struct weft_dev *dev);
void weft_threads_flush(struct weft_dev *dev);
unsigned int weft_threads_attached(struct weft_dev *dev, const struct weft_dev_worker *w);
bool weft_threads_knows(unsigned int cmd);
long weft_threads_ioctl(struct weft_dev *dev, unsigned int cmd, void __user *argp);

/* vq.c: one queue */
size_t weft_vq_bytes(void);
void weft_vq_init(struct weft_dev *dev, unsigned int index, void (*work)(struct weft_work *work));
void weft_vq_lock(struct weft_vq *vq);
int weft_vq_begin(struct weft_vq *vq, struct mm_struct *mm);
void weft_vq_end(struct weft_vq *vq);
void weft_vq_reset(struct weft_vq *vq);
void weft_vq_changed(struct weft_vq *vq);
void weft_vq_queue(struct weft_vq *vq);
int weft_vq_broken(struct weft_vq *vq);
void weft_vq_publish(struct weft_vq *vq);
void weft_vq_miss(struct weft_vq *vq);

/* vq_ring.c: its ring */
int weft_vq_start(struct weft_vq *vq);
int weft_vq_refeature(struct weft_vq *vq);
void weft_vq_stop(struct weft_vq *vq);
bool weft_vq_prepare(struct weft_vq *vq);
int weft_vq_move(struct weft_vq *vq, const u64 *addr, bool log_used, u64 log_addr);

/* vq_ioctl.c: the ioctls about it */
long weft_vq_ioctl(struct weft_dev *dev, unsigned int cmd, void __user *argp);
struct weft_vq *weft_vq_from_user(struct weft_dev *dev, void __user *argp);

/* poll.c: waiting for files */
void weft_poll_init(struct weft_poll *p, struct weft_vq *vq, __poll_t mask);
int weft_poll_start(struct weft_poll *p, struct file *file);
void weft_poll_stop(struct weft_poll *p);

/* iotlb.c: messages about translations */
int weft_iotlb_set(struct weft_dev *dev, bool on);
void weft_iotlb_miss(struct weft_vq *vq, u64 iova, u32 perm);
void weft_iotlb_unmiss(struct weft_vq *vq);
ssize_t weft_iotlb_read(struct weft_dev *dev, struct iov_iter *to, bool nonblock);
ssize_t weft_iotlb_write(struct weft_dev *dev, struct iov_iter *from);
__poll_t weft_iotlb_poll(struct weft_dev *dev, struct file *file, poll_table *wait);

/* log.c: pages that were written to */
bool weft_log_ok(void __user *base, u64 addr, u64 len);
bool weft_log_table_ok(void __user *base, struct vhost_iotlb *table);
void weft_log_phys(struct weft_vq *vq, u64 addr, u64 len);
void weft_log_user(struct weft_vq *vq, u64 uaddr, u64 len);

/* table.c: VHOST_SET_MEM_TABLE */
int weft_table_read(const struct vhost_memory __user *from, struct vhost_iotlb **table);
unsigned int weft_iotlb_limit(void);

#endif /* WEFT_VHOST_DEV_H */
