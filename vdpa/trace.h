/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM weft_vdpa

#if !defined(WEFT_VDPA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WEFT_VDPA_TRACE_H

#include <linux/tracepoint.h>

/* A device is known by its index on the bus, which its threads are named after. */

TRACE_EVENT(weft_vdpa_kick,
	TP_PROTO(unsigned int device, unsigned int queue, u16 avail),
	TP_ARGS(device, queue, avail),
	TP_STRUCT__entry(
		__field(unsigned int, device)
		__field(unsigned int, queue)
		__field(u16, avail)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->avail = avail;
	),
	TP_printk("device=%u queue=%u avail=%u", __entry->device, __entry->queue, __entry->avail)
);

TRACE_EVENT(weft_vdpa_batch,
	TP_PROTO(unsigned int device, unsigned int queue, unsigned int buffers, u16 used),
	TP_ARGS(device, queue, buffers, used),
	TP_STRUCT__entry(
		__field(unsigned int, device)
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
	TP_printk("device=%u queue=%u buffers=%u used=%u", __entry->device, __entry->queue,
		  __entry->buffers, __entry->used)
);

/* The driver is called, or that was made to be lost. */
DECLARE_EVENT_CLASS(weft_vdpa_call,
	TP_PROTO(unsigned int device, unsigned int queue, u16 used),
	TP_ARGS(device, queue, used),
	TP_STRUCT__entry(
		__field(unsigned int, device)
		__field(unsigned int, queue)
		__field(u16, used)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
		__entry->used = used;
	),
	TP_printk("device=%u queue=%u used=%u", __entry->device, __entry->queue, __entry->used)
);

DEFINE_EVENT(weft_vdpa_call, weft_vdpa_signal,
	TP_PROTO(unsigned int device, unsigned int queue, u16 used),
	TP_ARGS(device, queue, used)
);

DEFINE_EVENT(weft_vdpa_call, weft_vdpa_lost,
	TP_PROTO(unsigned int device, unsigned int queue, u16 used),
	TP_ARGS(device, queue, used)
);

TRACE_EVENT(weft_vdpa_error,
	TP_PROTO(unsigned int device, unsigned int queue, unsigned int fault, u16 avail),
	TP_ARGS(device, queue, fault, avail),
	TP_STRUCT__entry(
		__field(unsigned int, device)
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
	TP_printk("device=%u queue=%u fault=%u avail=%u", __entry->device, __entry->queue,
		  __entry->fault, __entry->avail)
);

#endif /* WEFT_VDPA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
