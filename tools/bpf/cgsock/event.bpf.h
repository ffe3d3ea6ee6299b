/* SPDX-License-Identifier: GPL-2.0 */
/* The ring buffer of events, for the programs that write to it. */
#ifndef EVENT_BPF_H
#define EVENT_BPF_H

#include "event.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_BYTES);
} events SEC(".maps");

/* Who does it; the rest is zero. NULL if nobody reads and the buffer is full. */
static __always_inline struct event *begin_event(enum call call)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	event->cgroup = bpf_get_current_cgroup_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	event->call = call;
	bpf_get_current_comm(event->command, sizeof(event->command));
	return event;
}

#endif
