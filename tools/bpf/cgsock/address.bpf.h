/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses in the programs of redirect: one form for IPv4 and IPv6. */
#ifndef ADDRESS_BPF_H
#define ADDRESS_BPF_H

#define AF_INET		2
#define AF_INET6	10
#define SOCK_STREAM	1
#define SOCK_DGRAM	2

static __always_inline bool same_address(const struct address *a, const struct address *b)
{
	return a->port == b->port && a->ip[3] == b->ip[3] && a->ip[2] == b->ip[2] &&
	       a->ip[1] == b->ip[1] && a->ip[0] == b->ip[0];
}

static __always_inline bool is_mapped(const struct address *at)
{
	return !at->ip[0] && !at->ip[1] && at->ip[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_any(const struct address *at)
{
	return !at->ip[0] && !at->ip[1] && !at->ip[3] && (!at->ip[2] || is_mapped(at));
}

static __always_inline bool is_loopback(const struct address *at)
{
	if (is_mapped(at))
		return bpf_ntohl(at->ip[3]) >> 24 == 127;
	return !at->ip[0] && !at->ip[1] && !at->ip[2] && at->ip[3] == bpf_htonl(1);
}

static __always_inline void map_address(struct address *at, __u32 ip4, __u32 port)
{
	at->ip[0] = 0;
	at->ip[1] = 0;
	at->ip[2] = bpf_htonl(0xffff);
	at->ip[3] = ip4;
	at->port = port;
}

static __always_inline void get_address4(const struct bpf_sock_addr *ctx, struct address *at)
{
	map_address(at, ctx->user_ip4, bpf_ntohs(ctx->user_port));
}

static __always_inline void get_address6(const struct bpf_sock_addr *ctx, struct address *at)
{
	at->ip[0] = ctx->user_ip6[0];
	at->ip[1] = ctx->user_ip6[1];
	at->ip[2] = ctx->user_ip6[2];
	at->ip[3] = ctx->user_ip6[3];
	at->port = bpf_ntohs(ctx->user_port);
}

static __always_inline void set_address4(struct bpf_sock_addr *ctx, const struct address *at)
{
	ctx->user_ip4 = at->ip[3];
	ctx->user_port = bpf_htons(at->port);
}

static __always_inline void set_address6(struct bpf_sock_addr *ctx, const struct address *at)
{
	ctx->user_ip6[0] = at->ip[0];
	ctx->user_ip6[1] = at->ip[1];
	ctx->user_ip6[2] = at->ip[2];
	ctx->user_ip6[3] = at->ip[3];
	ctx->user_port = bpf_htons(at->port);
}

/* MPTCP and TCP understand each other, other protocols are left alone. */
static __always_inline __u32 transport(const struct bpf_sock_addr *ctx)
{
	if (ctx->type == SOCK_STREAM &&
	    (ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_MPTCP))
		return IPPROTO_TCP;
	return ctx->type == SOCK_DGRAM && ctx->protocol == IPPROTO_UDP ? IPPROTO_UDP : 0;
}

#endif
