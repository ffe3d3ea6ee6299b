/* SPDX-License-Identifier: GPL-2.0 */
/* The ring buffer of events, for the programs that write to it. */
#ifndef EVENT_BPF_H
#define EVENT_BPF_H

#include "event.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_BYTES);
} events SEC(".maps");

/* Events for which there was no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Room for @size bytes, or NULL. */
static __always_inline void *reserve(__u32 size)
{
	void *room = bpf_ringbuf_reserve(&events, size, 0);
	__u32 zero = 0;
	__u64 *count;

	if (room)
		return room;
	count = bpf_map_lookup_elem(&lost, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

/* Who does it; the rest is zero. NULL if nobody reads and the buffer is full. */
static __always_inline struct event *begin_event(enum call call)
{
	struct event *event = reserve(sizeof(*event));

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
