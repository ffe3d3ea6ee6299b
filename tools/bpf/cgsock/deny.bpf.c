// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of the cgroup cannot make sockets of some kinds: socket() fails with EPERM.
 * A kind is a family, a type and a protocol, each of which may be any.
 *
 * Take the kind inet/dgram/icmp, which is { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }. ping calls
 * socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP): all three are equal and the program returns 0,
 * so there is no socket. For socket(AF_INET, SOCK_DGRAM, 0) the kernel has chosen the protocol
 * before the program runs and it sees IPPROTO_UDP, which is another one; no kind is left, it
 * returns 1, and the resolver gets its socket.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "deny.h"
#include "event.bpf.h"

struct deny deny;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MAX_KINDS);
	__type(key, __u32);
	__type(value, struct kind);
} kinds SEC(".maps");

/* How often a kind was refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * MAX_KINDS);
	__type(key, struct kind);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline int fits(__u32 wanted, __u32 value)
{
	return wanted == ANY || wanted == value;
}

static __always_inline void refuse(struct bpf_sock *ctx, const struct kind *kind, __u32 number)
{
	__u64 *count = bpf_map_lookup_elem(&hits, kind);
	struct event *event;

	if (count)
		__sync_fetch_and_add(count, 1);
	event = begin_event(CALL_SOCKET);
	if (!event)
		return;
	event->rule = number;
	event->family = ctx->family;
	event->type = ctx->type;
	event->protocol = ctx->protocol;
	bpf_ringbuf_submit(event, 0);
}

SEC("cgroup/sock_create")
int deny_create(struct bpf_sock *ctx)
{
	__u32 half = deny.current & 1, i;

	/* Read once. */
	barrier_var(half);
	half &= 1;
	for (i = 0; i < MAX_KINDS && i < deny.count[half]; i++) {
		__u32 number = half * MAX_KINDS + i;
		struct kind *kind = bpf_map_lookup_elem(&kinds, &number);

		if (kind && fits(kind->family, ctx->family) && fits(kind->type, ctx->type) &&
		    fits(kind->protocol, ctx->protocol)) {
			refuse(ctx, kind, i);
			return 0;
		}
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
