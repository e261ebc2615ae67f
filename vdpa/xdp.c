// SPDX-License-Identifier: GPL-2.0
/*
 * XDP on the representor: a program sees what the driver sends before it is a
 * packet of the host, and programs of other netdevs redirect frames to it.
 *
 * Plain frames are run from memory of their own, in batches. One whose checksum
 * or segmentation is left to the host becomes an skb first, since nothing but
 * an skb can carry that word through a redirect.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/xdp.h>
#include <uapi/linux/virtio_config.h>
#include "dev.h"

/* Frames that wait for the program */
#define BATCH	WEFT_RING_BATCH

/**
 * struct weft_xdp - of a queue of frames from the driver, its worker's
 * @rxq: the queue, for programs
 * @n: frames that wait
 * @frames: where they begin, with room before them; their bytes, and all bytes
 */
struct weft_xdp {
	struct xdp_rxq_info rxq;
	unsigned int n;
	struct {
		void *start;
		u32 len;
		u32 size;
	} frames[BATCH];
};

/**
 * weft_xdp_init() - prepares a device for programs
 * @dev: device, with a representor that is not registered
 *
 * Return: 0; -ENOMEM, or what XDP says. Undone by weft_xdp_exit().
 */
int weft_xdp_init(struct weft_vdpa *dev)
{
	int i, ret;

	for (i = 0; i < dev->pairs; i++) {
		struct weft_xdp *x = kvzalloc(sizeof(*x), GFP_KERNEL_ACCOUNT);

		dev->vqs[2 * i + 1].xdp = x;
		if (!x)
			return -ENOMEM;
		ret = xdp_rxq_info_reg(&x->rxq, dev->rep, i, 0);
		if (!ret)
			ret = xdp_rxq_info_reg_mem_model(&x->rxq, MEM_TYPE_PAGE_SHARED, NULL);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * weft_xdp_exit() - frees what weft_xdp_init() got, also half of it
 * @dev: device, whose queues are stopped
 */
void weft_xdp_exit(struct weft_vdpa *dev)
{
	int i;

	for (i = 0; i < dev->pairs; i++) {
		struct weft_xdp *x = dev->vqs[2 * i + 1].xdp;

		dev->vqs[2 * i + 1].xdp = NULL;
		if (!x)
			continue;
		if (xdp_rxq_info_is_reg(&x->rxq))
			xdp_rxq_info_unreg(&x->rxq);
		kvfree(x);
	}
}

/**
 * weft_xdp_setup() - &net_device_ops.ndo_bpf
 * @rep: representor; the rtnl lock is held
 * @bpf: what is asked for
 *
 * Return: 0; -EINVAL
 */
int weft_xdp_setup(struct net_device *rep, struct netdev_bpf *bpf)
{
	struct weft_vdpa *dev = weft_rep_dev(rep);
	struct bpf_prog *old;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	old = rtnl_dereference(dev->xdp);
	rcu_assign_pointer(dev->xdp, bpf->prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

/* To the driver; false if there is no place. */
static bool line_up(struct weft_vdpa_vq *vq, struct xdp_frame *frame)
{
	if (likely(!ptr_ring_produce(&vq->line, weft_line_of_xdp(frame))))
		return true;
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_LINE);
	return false;
}

/**
 * weft_xdp_xmit() - &net_device_ops.ndo_xdp_xmit
 * @rep: representor
 * @n: number of frames
 * @frames: frames, redirected here
 * @flags: XDP_XMIT_FLUSH or nothing: the driver's worker is told in any case
 *
 * Return: how many were taken, of which a filter may have dropped some; the
 * others stay the caller's. -ENETDOWN without a driver; -EINVAL
 */
int weft_xdp_xmit(struct net_device *rep, int n, struct xdp_frame **frames, u32 flags)
{
	struct weft_vdpa *dev = weft_rep_dev(rep);
	u16 active = READ_ONCE(dev->active);
	struct weft_vdpa_vq *vq;
	int i;

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!active || !(READ_ONCE(dev->status) & VIRTIO_CONFIG_S_DRIVER_OK)))
		return -ENETDOWN;
	vq = &dev->vqs[2 * (smp_processor_id() % active)];
	for (i = 0; i < n; i++) {
		if (unlikely(!weft_vdpa_wanted(dev, frames[i]->data, frames[i]->len))) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_FILTER);
			xdp_return_frame_rx_napi(frames[i]);
		} else if (!line_up(vq, frames[i])) {
			break;
		}
	}
	weft_vdpa_vq_queue(vq);
	return i;
}

/**
 * weft_xdp_add() - has a frame wait for the program
 * @vq: queue, locked
 * @from: where the frame is
 * @len: its bytes, at most %WEFT_XDP_MAX
 *
 * Return: 0; -ENOBUFS if the batch is full, and has to be flushed first;
 * -ENOMEM; -EFAULT
 */
int weft_xdp_add(struct weft_vdpa_vq *vq, struct iov_iter *from, u32 len)
{
	u32 size = SKB_DATA_ALIGN(XDP_PACKET_HEADROOM + len) +
		   SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct weft_xdp *x = vq->xdp;
	void *start;

	if (x->n == BATCH)
		return -ENOBUFS;
	start = netdev_alloc_frag(size);
	if (unlikely(!start))
		return -ENOMEM;
	if (unlikely(!copy_from_iter_full(start + XDP_PACKET_HEADROOM, len, from))) {
		skb_free_frag(start);
		return -EFAULT;
	}
	x->frames[x->n].start = start;
	x->frames[x->n].len = len;
	x->frames[x->n++].size = size;
	return 0;
}

static struct sk_buff *skb_of(struct weft_vdpa_vq *vq, struct xdp_buff *xdp)
{
	struct sk_buff *skb = build_skb(xdp->data_hard_start, xdp->frame_sz);
	int meta = xdp->data - xdp->data_meta;

	if (unlikely(!skb)) {
		weft_vdpa_drop(vq, WEFT_VDPA_DROP_NO_MEMORY);
		skb_free_frag(xdp->data_hard_start);
		return NULL;
	}
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	skb_put(skb, xdp->data_end - xdp->data);
	if (meta > 0)
		skb_metadata_set(skb, meta);
	return skb;
}

/* What the program says; true if the frame goes on to the host. */
static bool judge(struct weft_vdpa_vq *vq, struct bpf_prog *prog, struct xdp_buff *xdp,
		  bool *redirected)
{
	struct net_device *rep = vq->dev->rep;
	struct weft_vdpa_vq *back = vq - 1;	/* the same pair's */
	struct xdp_frame *frame;
	u32 act;

	if (!prog)
		return true;
	act = bpf_prog_run_xdp(prog, xdp);
	switch (act) {
	case XDP_PASS:
		return true;
	case XDP_TX:
		frame = xdp_convert_buff_to_frame(xdp);
		if (unlikely(!frame) || unlikely(!line_up(back, frame)))
			break;
		weft_vdpa_vq_queue(back);
		return false;
	case XDP_REDIRECT:
		if (unlikely(xdp_do_redirect(rep, xdp, prog)))
			break;
		*redirected = true;
		return false;
	default:
		bpf_warn_invalid_xdp_action(rep, prog, act);
		fallthrough;
	case XDP_ABORTED:
		trace_xdp_exception(rep, prog, act);
		fallthrough;
	case XDP_DROP:
		break;
	}
	skb_free_frag(xdp->data_hard_start);
	return false;
}

/**
 * weft_xdp_flush() - runs the program on all frames that wait
 * @vq: queue, locked
 * @frames: those that pass are added to it, for weft_rep_receive()
 */
void weft_xdp_flush(struct weft_vdpa_vq *vq, struct list_head *frames)
{
	struct weft_xdp *x = vq->xdp;
	struct bpf_net_context stack, *ctx;
	bool redirected = false;
	struct bpf_prog *prog;
	struct xdp_buff xdp;
	struct sk_buff *skb;
	unsigned int i;

	if (!x->n)
		return;
	local_bh_disable();
	ctx = bpf_net_ctx_set(&stack);
	rcu_read_lock();
	/* Taken away since they were added, it has nothing to say. */
	prog = rcu_dereference(vq->dev->xdp);
	for (i = 0; i < x->n; i++) {
		xdp_init_buff(&xdp, x->frames[i].size, &x->rxq);
		xdp_prepare_buff(&xdp, x->frames[i].start, XDP_PACKET_HEADROOM,
				 x->frames[i].len, true);
		if (!judge(vq, prog, &xdp, &redirected)) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_XDP);
			continue;
		}
		skb = skb_of(vq, &xdp);
		if (unlikely(!skb))
			continue;
		weft_rep_stamp(vq, skb);
		list_add_tail(&skb->list, frames);
	}
	x->n = 0;
	if (redirected)
		xdp_do_flush();
	rcu_read_unlock();
	bpf_net_ctx_clear(ctx);
	local_bh_enable();
}

/**
 * weft_xdp_skb() - runs the program on a frame that is an skb already
 * @vq: queue, locked
 * @skb: frame, as weft_rep_stamp() left it
 *
 * Return: the frame, or what the program made of it; NULL if it does not pass
 */
struct sk_buff *weft_xdp_skb(struct weft_vdpa_vq *vq, struct sk_buff *skb)
{
	struct bpf_prog *prog;
	int act = XDP_PASS;

	local_bh_disable();
	rcu_read_lock();
	prog = rcu_dereference(vq->dev->xdp);
	if (prog)
		act = weft_do_xdp_generic(prog, &skb);
	rcu_read_unlock();
	local_bh_enable();
	if (act == XDP_PASS)
		return skb;
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_XDP);
	return NULL;
}
