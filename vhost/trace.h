/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM weft_vhost

#if !defined(WEFT_VHOST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WEFT_VHOST_TRACE_H

#include <linux/tracepoint.h>

/* A device is known by the number that its debugfs directory ends with. */

TRACE_EVENT(weft_vhost_kick,
	TP_PROTO(u64 device, unsigned int queue, u16 avail),
	TP_ARGS(device, queue, avail),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(unsigned int, queue)
		__field(u16, avail)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->avail = avail;
	),
	TP_printk("device=%llu queue=%u avail=%u", __entry->device, __entry->queue,
		  __entry->avail)
);

TRACE_EVENT(weft_vhost_batch,
	TP_PROTO(u64 device, unsigned int queue, unsigned int buffers, u16 used),
	TP_ARGS(device, queue, buffers, used),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(unsigned int, queue)
		__field(unsigned int, buffers)
		__field(u16, used)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->buffers = buffers;
		__entry->used = used;
	),
	TP_printk("device=%llu queue=%u buffers=%u used=%u", __entry->device, __entry->queue,
		  __entry->buffers, __entry->used)
);

TRACE_EVENT(weft_vhost_signal,
	TP_PROTO(u64 device, unsigned int queue, u16 used),
	TP_ARGS(device, queue, used),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(unsigned int, queue)
		__field(u16, used)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->used = used;
	),
	TP_printk("device=%llu queue=%u used=%u", __entry->device, __entry->queue, __entry->used)
);

TRACE_EVENT(weft_vhost_error,
	TP_PROTO(u64 device, unsigned int queue, unsigned int fault, u16 avail),
	TP_ARGS(device, queue, fault, avail),
	TP_STRUCT__entry(
		__field(u64, device)
		__field(unsigned int, queue)
		__field(unsigned int, fault)
		__field(u16, avail)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->fault = fault;
		__entry->avail = avail;
	),
	TP_printk("device=%llu queue=%u fault=%u avail=%u", __entry->device, __entry->queue,
		  __entry->fault, __entry->avail)
);

#endif /* WEFT_VHOST_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
