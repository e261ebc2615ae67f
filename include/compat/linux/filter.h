/* SPDX-License-Identifier: GPL-2.0 */
/* What a thread holds while it runs XDP programs that redirect (v6.11). */
#ifndef WEFT_COMPAT_LINUX_FILTER_H
#define WEFT_COMPAT_LINUX_FILTER_H

#include_next <linux/filter.h>

#ifndef WEFT_HAVE_BPF_NET_CONTEXT
struct bpf_net_context {
};

static inline struct bpf_net_context *bpf_net_ctx_set(struct bpf_net_context *ctx)
{
	return ctx;
}

static inline void bpf_net_ctx_clear(struct bpf_net_context *ctx)
{
}
#endif

#endif /* WEFT_COMPAT_LINUX_FILTER_H */
