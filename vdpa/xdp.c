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
	if (unlikely(!active || !(READ_ONCE(dev->status) & VIRTIO_CONFIG_S_DRIVER_OK))) {
		atomic64_add(n, &dev->vqs[0].stats.drops[WEFT_VDPA_DROP_DOWN]);
		return -ENETDOWN;
	}
	vq = &dev->vqs[2 * (smp_processor_id() % active)];
	for (i = 0; i < n; i++) {
		if (unlikely(!weft_vdpa_wanted(dev, frames[i]->data, frames[i]->len))) {
			weft_vdpa_drop(vq, WEFT_VDPA_DROP_FILTER);
			xdp_return_frame_rx_napi(frames[i]);
		} else if (!line_up(vq, frames[i])) {
			/* The others stay the caller's, who does not count them. */
			atomic64_add(n - i - 1, &vq->stats.drops[WEFT_VDPA_DROP_LINE]);
			break;
		}
	}
	weft_vdpa_vq_queue(vq);
	return i;
}

/**
 * weft_xdp_run() - runs a program on a frame
 * @vq: queue that it came by, locked
 * @prog: program
 * @xdp: frame, in a piece of a page
 * @redirected: set to true if xdp_do_flush() is due
 *
 * Bottom halves are off, and the thread has a context for redirects.
 *
 * Return: true if the frame goes on to the host; it is gone otherwise
 */
bool weft_xdp_run(struct weft_vdpa_vq *vq, struct bpf_prog *prog, struct xdp_buff *xdp,
		  bool *redirected)
{
	struct net_device *rep = vq->dev->rep;
	struct weft_vdpa_vq *back = vq - 1;	/* the same pair's */
	struct xdp_frame *frame;
	u32 act;

	act = bpf_prog_run_xdp(prog, xdp);
	if (act == XDP_PASS)
		return true;
	weft_vdpa_drop(vq, WEFT_VDPA_DROP_XDP);
	switch (act) {
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
