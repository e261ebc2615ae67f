/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A software vDPA network device, and the netdev that represents it on the host.
 *
 * Queues are numbered as virtio 1.3 §5.1.2 has it: receive queues are even,
 * transmit queues are odd, the control queue is the last. "Transmit" is what
 * the driver sends, and the host receives from the representor.
 *
 * Locks, in this order: &weft_vdpa.lock (state that the bus sets), then the
 * &weft_vdpa_vq.lock of queues by their number. The workers take a queue's only.
 * &weft_vdpa.config_lock goes inside of all: the representor takes it under the
 * rtnl lock, which some that hold the others wait for.
 */
#ifndef WEFT_VDPA_DEV_H
#define WEFT_VDPA_DEV_H

#include <linux/etherdevice.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/ratelimit.h>
#include <linux/vdpa.h>
#include <linux/virtio_net.h>
#include <net/xdp.h>
#include <weft/mem.h>
#include <weft/ring.h>
#include <weft/worker.h>
#include "config.h"
#include "ctrl_cmd.h"
#include "fault.h"

#define WEFT_VDPA_RING_MAX	1024	/* descriptors of a ring */
#define WEFT_VDPA_LINE		512	/* frames that wait for a receive queue */
#define WEFT_VDPA_FRAME_MAX	(65536 + 14)
/* After so many frames, bytes or descriptors, other queues get their turn. */
#define WEFT_VDPA_PACKETS	256
#define WEFT_VDPA_BYTES		0x80000
#define WEFT_VDPA_DESCS		16384

/* Which queues have which address space: all but the control queue, and that. */
enum weft_vdpa_group {
	WEFT_GROUP_DATA,
	WEFT_GROUP_CTRL,
	WEFT_GROUPS
};

/* Of a folio: it may have been written to. Of a file: it may be. */
#define WEFT_SPACE_WRITTEN	XA_MARK_1

/**
 * struct weft_space - an address space of the driver; does not change
 * @table: the driver's addresses to addresses of the kernel
 * @folios: of which a reference is held, as @table names them
 * @files: VA mode: that they are of
 * @pages: VA mode: of @folios
 * @mm: VA mode: whose @pages count as locked
 */
struct weft_space {
	struct vhost_iotlb *table;
	struct xarray folios;
	struct xarray files;
	u64 pages;
	struct mm_struct *mm;
};

/**
 * enum weft_vdpa_drop - why a frame did not arrive
 * @WEFT_VDPA_DROP_SHORT: it is no frame, or larger than one may be
 * @WEFT_VDPA_DROP_HEADER: its header asks for what cannot be
 * @WEFT_VDPA_DROP_DOWN: the representor is down, or there is no driver
 * @WEFT_VDPA_DROP_NO_BUFFER: the driver's buffers are too few or too small
 * @WEFT_VDPA_DROP_LINE: more wait for the driver than the line holds
 * @WEFT_VDPA_DROP_NO_MEMORY: the host has no memory
 * @WEFT_VDPA_DROP_FILTER: it is for somebody else (not a loss)
 * @WEFT_VDPA_DROP_XDP: a program dropped it, or sent it elsewhere (not a loss)
 * @WEFT_VDPA_DROPS: how many
 */
enum weft_vdpa_drop {
	WEFT_VDPA_DROP_SHORT,
	WEFT_VDPA_DROP_HEADER,
	WEFT_VDPA_DROP_DOWN,
	WEFT_VDPA_DROP_NO_BUFFER,
	WEFT_VDPA_DROP_LINE,
	WEFT_VDPA_DROP_NO_MEMORY,
	WEFT_VDPA_DROP_FILTER,
	WEFT_VDPA_DROP_XDP,
	WEFT_VDPA_DROPS
};

/**
 * struct weft_vdpa_stats - counters of a queue, written with its lock held, but
 * for @drops and @kicks
 * @packets: frames that arrived
 * @bytes: of them, without virtio's header
 * @kicks: of the driver
 * @runs: times that the worker looked at the queue
 * @calls: of the driver by us
 * @calls_suppressed: times that it did not want one
 * @drops: frames that did not arrive, and why
 * @faults: times that the ring was found broken, and why
 */
struct weft_vdpa_stats {
	u64 packets;
	u64 bytes;
	atomic64_t kicks;
	u64 runs;
	u64 calls;
	u64 calls_suppressed;
	atomic64_t drops[WEFT_VDPA_DROPS];
	u64 faults[WEFT_RING_FAULTS];
};

struct weft_vdpa;
struct weft_batch;

/**
 * struct weft_vdpa_vq - a queue
 * @dev: its device
 * @index: its number
 * @lock: of all that its worker uses
 * @ring: the queue's ring
 * @mem: translation of the driver's addresses
 * @running: the ring is set up, and served
 * @ready: set by the driver
 * @told: the fault was reported
 * @num: descriptors
 * @addr: of the ring's areas
 * @state: where the ring stood when it stopped, in the form of
 *	weft_ring_state_pack()
 * @state_set: it says something
 * @area: kernel mappings of areas that are in pieces
 * @cb: how the driver is called
 * @worker: serves it; RCU
 * @work: what the worker does
 * @segs: segments of a chain
 * @iov: their kernel addresses
 * @line: frames on their way to the driver: skbs, and what weft_line_of_xdp() made
 * @batch: frames on their way from the driver
 * @stats: counters
 * @fault: what goes wrong with it on demand
 */
struct weft_vdpa_vq {
	struct weft_vdpa *dev;
	u16 index;
	struct mutex lock;	/* see above */
	struct weft_ring ring;
	struct weft_mem mem;
	bool running;
	bool ready;
	bool told;
	u32 num;
	u64 addr[WEFT_AREAS];
	u32 state;
	bool state_set;
	void *area[WEFT_AREAS];
	struct vdpa_callback cb;
	struct weft_worker __rcu *worker;
	struct weft_work work;
	struct weft_seg *segs;
	struct iovec *iov;
	struct ptr_ring line;
	struct weft_batch *batch;
	struct weft_vdpa_stats stats;
	struct weft_fault_vq fault;
};

/**
 * struct weft_vdpa_filter - which frames the driver wants; read without a lock
 * @f: those
 * @rcu: when it is freed
 */
struct weft_vdpa_filter {
	struct weft_ctrl_filter f;
	struct rcu_head rcu;
};

/**
 * struct weft_vdpa - a device
 * @vdpa: for the bus; freed by it
 * @rep: the representor
 * @lock: see above
 * @offered: features
 * @features: that the driver took
 * @offloads: of them, what the driver can take now (VIRTIO_NET_F_GUEST_...)
 * @pairs: pairs of queues
 * @active: pairs that the driver uses
 * @status: of the driver
 * @suspended: nothing is served
 * @config_lock: of @generation, @config, and @config_cb
 * @generation: of @config
 * @config: the device's configuration space
 * @config_cb: how the driver is told of a change
 * @asid: address space of each group
 * @mm: VA mode: of the client, while it has the device open
 * @spaces: address spaces, or NULL where the bus has mapped nothing
 * @workers: one for each pair
 * @filter: RCU
 * @xdp: program of the representor; RCU
 * @vlans: VLANs that pass
 * @mac: that it was made with
 * @identity: a driver of the kernel drives it, whose addresses are physical
 * @debugfs: directory
 * @fault: what goes wrong on demand
 * @limit: of what is said of nonsense, whichever queue's
 * @vqs: queues, two for each pair and one more
 * @nvqs: how many
 */
struct weft_vdpa {
	struct vdpa_device vdpa;
	struct net_device *rep;
	struct mutex lock;	/* see above */
	u64 offered;
	u64 features;
	u64 offloads;
	u16 pairs;
	u16 active;
	u8 status;
	bool suspended;
	spinlock_t config_lock;	/* see above */
	u32 generation;
	struct virtio_net_config config;
	u8 mac[ETH_ALEN];
	bool identity;
	struct vdpa_callback config_cb;
	u32 asid[WEFT_GROUPS];
	struct mm_struct *mm;
	struct weft_space *spaces[WEFT_GROUPS];
	struct weft_worker *workers[WEFT_VDPA_MAX_PAIRS];
	struct weft_vdpa_filter __rcu *filter;
	struct bpf_prog __rcu *xdp;
	unsigned long vlans[BITS_TO_LONGS(VLAN_N_VID)];
	struct dentry *debugfs;
	struct weft_fault fault;
	struct ratelimit_state limit;
	struct weft_vdpa_vq *vqs;
	u16 nvqs;
};

/*
 * Frames of the stack and of XDP stand in one line, as they came; the lowest bit
 * of an entry says which it is.
 */
#define WEFT_LINE_XDP	1ul

static inline void *weft_line_of_xdp(struct xdp_frame *frame)
{
	return (void *)((unsigned long)frame | WEFT_LINE_XDP);
}

/* NULL if it is an skb. */
static inline struct xdp_frame *weft_line_xdp(void *entry)
{
	return (unsigned long)entry & WEFT_LINE_XDP ?
	       (struct xdp_frame *)((unsigned long)entry & ~WEFT_LINE_XDP) : NULL;
}

static inline struct weft_vdpa *to_weft_vdpa(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct weft_vdpa, vdpa);
}

static inline bool weft_vdpa_has(const struct weft_vdpa *dev, unsigned int bit)
{
	return dev->features & BIT_ULL(bit);
}

/* virtio 1.3 §5.1.2: it comes behind the pairs that the driver knows of. */
static inline u16 weft_vdpa_ctrl_index(const struct weft_vdpa *dev)
{
	return weft_vdpa_has(dev, VIRTIO_NET_F_MQ) ? 2 * dev->pairs : 2;
}

static inline bool weft_vdpa_is_ctrl(const struct weft_vdpa_vq *vq)
{
	return weft_vdpa_has(vq->dev, VIRTIO_NET_F_CTRL_VQ) &&
	       vq->index == weft_vdpa_ctrl_index(vq->dev);
}

static inline void weft_vdpa_drop(struct weft_vdpa_vq *vq, enum weft_vdpa_drop why)
{
	atomic64_inc(&vq->stats.drops[why]);
}

/* dev.c: the device as the bus sees it */
extern const struct vdpa_config_ops weft_vdpa_ops;
u64 weft_vdpa_features(void);
void weft_vdpa_stop(struct weft_vdpa *dev);
int weft_vdpa_needs_reset(struct weft_vdpa *dev);
void weft_vdpa_config_changed(struct weft_vdpa *dev);
void weft_vdpa_link(struct weft_vdpa *dev, bool up);
void weft_vdpa_set_mac(struct weft_vdpa *dev, const u8 *mac);

/* run.c: which queues are served, and by whom */
void weft_vdpa_update(struct weft_vdpa *dev);
void weft_vdpa_stop_workers(struct weft_vdpa *dev);

/* map.c: which address space queues use */
int weft_vdpa_map_identity(struct weft_vdpa *dev);
void weft_vdpa_unmap(struct weft_vdpa *dev, bool maps);
int weft_vdpa_set_map(struct vdpa_device *vdpa, unsigned int asid, struct vhost_iotlb *iotlb);
int weft_vdpa_reset_map(struct vdpa_device *vdpa, unsigned int asid);
int weft_vdpa_set_group_asid(struct vdpa_device *vdpa, unsigned int group, unsigned int asid);
int weft_vdpa_bind_mm(struct vdpa_device *vdpa, struct mm_struct *mm);
void weft_vdpa_unbind_mm(struct vdpa_device *vdpa);

/* vq.c: a queue's life, and its ring */
int weft_vdpa_vq_init(struct weft_vdpa *dev, u16 index);
void weft_vdpa_vq_exit(struct weft_vdpa_vq *vq);
void weft_vdpa_vq_drain(struct weft_vdpa_vq *vq);
void weft_vdpa_vq_reset(struct weft_vdpa_vq *vq);
int weft_vdpa_vq_start(struct weft_vdpa_vq *vq);
void weft_vdpa_vq_stop(struct weft_vdpa_vq *vq);
void weft_vdpa_vq_remap(struct weft_vdpa_vq *vq);
u32 weft_vdpa_vq_state(const struct weft_vdpa_vq *vq);
void weft_vdpa_vq_queue(struct weft_vdpa_vq *vq);
bool weft_vdpa_vq_yield(struct weft_vdpa_vq *vq, u32 packets, u64 bytes);
int weft_vdpa_vq_broken(struct weft_vdpa_vq *vq);
void weft_vdpa_vq_publish(struct weft_vdpa_vq *vq);
int weft_vdpa_translate(struct weft_vdpa_vq *vq, const struct weft_seg *segs, unsigned int n,
			u32 perm, unsigned int at, u64 *total);

/* space.c, and space_va.c */
struct weft_space *weft_space_of(struct vhost_iotlb *from, bool va);
struct weft_space *weft_space_identity(void);
void weft_space_free(struct weft_space *space);
int weft_space_fill_va(struct weft_space *space, struct vhost_iotlb *from);
int weft_space_charge(struct weft_space *space, const struct weft_space *old, struct mm_struct *mm);
void weft_space_release_va(struct weft_space *space);

/* tx.c, rx.c, ctrl.c: what queues do */
void weft_vdpa_transmit(struct weft_vdpa_vq *vq);
void weft_vdpa_receive(struct weft_vdpa_vq *vq);
void weft_vdpa_control(struct weft_vdpa_vq *vq);
void weft_vdpa_ctrl_reset(struct weft_vdpa *dev);
bool weft_vdpa_wanted(struct weft_vdpa *dev, const u8 *data, u32 len);

/* rep.c */
int weft_rep_create(struct weft_vdpa *dev, const char *name, struct device *parent,
		    unsigned int port);
void weft_rep_destroy(struct weft_vdpa *dev);
void weft_rep_stamp(struct weft_vdpa_vq *vq, struct sk_buff *skb);
struct sk_buff *weft_rep_accept(struct weft_vdpa_vq *vq, struct sk_buff *skb,
				const struct virtio_net_hdr *h);
void weft_rep_receive(struct weft_vdpa *dev, struct list_head *frames);
struct weft_vdpa *weft_rep_dev(const struct net_device *rep);

/* batch.c: frames from the driver that are within a page */
int weft_batch_init(struct weft_vdpa *dev);
void weft_batch_exit(struct weft_vdpa *dev);
bool weft_batch_add(struct weft_vdpa_vq *vq, unsigned int n, u32 total);
void weft_batch_pass(struct weft_vdpa_vq *vq, struct list_head *frames);

/* xdp.c */
struct netdev_bpf;
struct xdp_rxq_info;
int weft_xdp_setup(struct net_device *rep, struct netdev_bpf *bpf);
int weft_xdp_xmit(struct net_device *rep, int n, struct xdp_frame **frames, u32 flags);
bool weft_xdp_run(struct weft_vdpa_vq *vq, struct bpf_prog *prog, struct xdp_buff *xdp,
		  bool *redirected);
struct sk_buff *weft_xdp_skb(struct weft_vdpa_vq *vq, struct sk_buff *skb);

/* stats.c */
const char *weft_vdpa_drop_name(enum weft_vdpa_drop why);
int weft_vdpa_vstats(struct vdpa_device *vdpa, u16 index, struct sk_buff *msg,
		     struct netlink_ext_ack *extack);
void weft_vdpa_stats_show(struct weft_vdpa *dev);
void weft_vdpa_stats_hide(struct weft_vdpa *dev);
void weft_vdpa_stats_init(void);
void weft_vdpa_stats_exit(void);

/* mgmt.c */
struct pci_dev;
int weft_mgmt_add(struct pci_dev *pdev, unsigned int port);
void weft_mgmt_remove(struct pci_dev *pdev);

#endif /* WEFT_VDPA_DEV_H */
