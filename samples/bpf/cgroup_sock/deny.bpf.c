// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of the cgroup cannot make sockets of some kinds: socket() fails with EPERM.
 * A kind is a family, a type and a protocol, each of which may be any.
 *
 * Take the rule inet/dgram/icmp, which is { AF_INET, SOCK_DGRAM, IPPROTO_ICMP }. ping calls
 * socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP): all three are equal and the program returns 0,
 * so there is no socket. For socket(AF_INET, SOCK_DGRAM, 0) the kernel has chosen the protocol
 * before the program runs and it sees IPPROTO_UDP, which is another one; no rule is left, it
 * returns 1, and the resolver gets its socket. A ping that then falls back to SOCK_RAW gets
 * it, too: keeping it from that takes a second rule, inet/raw.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "deny.h"

struct deny_rule rules[MAX_RULES];
__u32 count;

static __always_inline int fits(__u32 rule, __u32 value)
{
	return rule == ANY || rule == value;
}

SEC("cgroup/sock_create")
int deny_create(struct bpf_sock *ctx)
{
	__u32 i;

	for (i = 0; i < MAX_RULES && i < count; i++)
		if (fits(rules[i].family, ctx->family) && fits(rules[i].type, ctx->type) &&
		    fits(rules[i].protocol, ctx->protocol))
			return 0;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
