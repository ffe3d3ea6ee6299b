// SPDX-License-Identifier: GPL-2.0
/*
 * The illusion of a network of one's own, for containers that are cgroups. Every server binds
 * the port it is written for, though many of them share the addresses of the host; every
 * client connects to that port on loopback, wherever the servers are.
 *
 * Take "redirect service /sys/fs/cgroup/a 80 10.0.0.1". A server in a binds 0.0.0.0 port 80:
 *  - bind4 finds the service { a, AF_INET, 80 }, writes 10.0.0.1 port 0 in place of what the
 *    server asked for, and remembers the socket by its cookie;
 *  - the kernel chooses a free port, say 40001, and calls post_bind4, which finds the cookie
 *    and puts 10.0.0.1:40001 into slot 0 of the target { AF_INET, TCP, 80 }.
 * A second server, in b, lands in slot 1. After "redirect client /sys/fs/cgroup/c", a client in
 * c connects to 127.0.0.1 port 80:
 *  - connect4 finds the turn of the target at 0, writes 10.0.0.1:40001 in place of the address,
 *    and moves the turn to 1. The next client gets slot 1, the one after it finds slot 2 empty
 *    and begins again at slot 0.
 * This example has no program for cgroup/sock_release, which would see that a server closes its
 * socket: a replica stays until the tool removes it.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "redirect.h"

#define AF_INET		2
#define AF_INET6	10
#define SOCK_STREAM	1
#define SOCK_DGRAM	2

/* The cgroup that this copy of the programs is attached to; processes may be below it. */
__u64 service_cgroup;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct service);
	__type(value, struct endpoint);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u64);
	__type(value, struct pending);
} binding SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct slot);
	__type(value, struct replica);
} replicas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct target);
	__type(value, __u32);
} turns SEC(".maps");

/* MPTCP and TCP understand each other, other protocols are left alone. */
static __always_inline __u32 transport(__u32 type, __u32 protocol)
{
	if (type == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP))
		return IPPROTO_TCP;
	return type == SOCK_DGRAM && protocol == IPPROTO_UDP ? IPPROTO_UDP : 0;
}

/* The address that a bind() is to get, or NULL if it is not for a service. */
static __always_inline const struct endpoint *serve(struct bpf_sock_addr *ctx, __u32 family)
{
	struct pending pending = {
		.service = { service_cgroup, family, bpf_ntohs(ctx->user_port) },
		.protocol = transport(ctx->type, ctx->protocol),
	};
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct pending *old = bpf_map_lookup_elem(&binding, &cookie);
	const struct endpoint *at;

	/* The programs of cgroups below this one ran before, and the nearest service has it. */
	if (old && old->service.cgroup != service_cgroup)
		return NULL;
	at = bpf_map_lookup_elem(&services, &pending.service);
	if (at && pending.protocol) {
		bpf_map_update_elem(&binding, &cookie, &pending, BPF_ANY);
		return at;
	}
	/* An earlier bind() of this socket may have failed and left its mark. */
	if (old)
		bpf_map_delete_elem(&binding, &cookie);
	return NULL;
}

static __always_inline int record(struct bpf_sock *ctx, const struct replica *new)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct pending *pending = bpf_map_lookup_elem(&binding, &cookie);
	struct slot slot = {};
	__u32 first = 0, i;

	if (!pending || pending->service.cgroup != service_cgroup)
		return 1;
	slot.target.family = pending->service.family;
	slot.target.protocol = pending->protocol;
	slot.target.port = pending->service.port;
	bpf_map_delete_elem(&binding, &cookie);

	bpf_map_update_elem(&turns, &slot.target, &first, BPF_NOEXIST);
	for (i = 0; i < MAX_REPLICAS; i++) {
		struct replica *old;

		slot.number = i;
		old = bpf_map_lookup_elem(&replicas, &slot);
		if (old && old->at.port == new->at.port && old->at.ip[0] == new->at.ip[0] &&
		    old->at.ip[1] == new->at.ip[1] && old->at.ip[2] == new->at.ip[2] &&
		    old->at.ip[3] == new->at.ip[3])
			return 1;
		/* Another CPU may take the slot first, then the next one may be free. */
		if (!old && !bpf_map_update_elem(&replicas, &slot, new, BPF_NOEXIST))
			return 1;
	}
	/* A server that no client would find had better not start. */
	return 0;
}

/* The replica whose turn it is, or NULL if there are none for this connect(). */
static __always_inline struct replica *choose(struct bpf_sock_addr *ctx, __u32 family)
{
	struct slot slot = {
		.target = {
			.family = family,
			.protocol = transport(ctx->type, ctx->protocol),
			.port = bpf_ntohs(ctx->user_port),
		},
	};
	__u32 *turn = bpf_map_lookup_elem(&turns, &slot.target);
	struct replica *replica;

	if (!turn)
		return NULL;
	slot.number = *turn;
	replica = bpf_map_lookup_elem(&replicas, &slot);
	if (!replica) {
		slot.number = 0;
		replica = bpf_map_lookup_elem(&replicas, &slot);
	}
	if (!replica)
		return NULL;
	*turn = slot.number + 1;
	__sync_fetch_and_add(&replica->connections, 1);
	return replica;
}

SEC("cgroup/bind4")
int redirect_bind4(struct bpf_sock_addr *ctx)
{
	const struct endpoint *at = serve(ctx, AF_INET);

	if (at) {
		ctx->user_ip4 = at->ip[0];
		ctx->user_port = bpf_htons(at->port);
	}
	return 1;
}

SEC("cgroup/bind6")
int redirect_bind6(struct bpf_sock_addr *ctx)
{
	const struct endpoint *at = serve(ctx, AF_INET6);

	if (at) {
		ctx->user_ip6[0] = at->ip[0];
		ctx->user_ip6[1] = at->ip[1];
		ctx->user_ip6[2] = at->ip[2];
		ctx->user_ip6[3] = at->ip[3];
		ctx->user_port = bpf_htons(at->port);
	}
	return 1;
}

SEC("cgroup/post_bind4")
int redirect_post4(struct bpf_sock *ctx)
{
	struct replica replica = {
		.service_cgroup = service_cgroup,
		.cgroup = bpf_get_current_cgroup_id(),
	};

	replica.at.ip[0] = ctx->src_ip4;
	replica.at.port = ctx->src_port;
	return record(ctx, &replica);
}

SEC("cgroup/post_bind6")
int redirect_post6(struct bpf_sock *ctx)
{
	struct replica replica = {
		.service_cgroup = service_cgroup,
		.cgroup = bpf_get_current_cgroup_id(),
	};

	replica.at.ip[0] = ctx->src_ip6[0];
	replica.at.ip[1] = ctx->src_ip6[1];
	replica.at.ip[2] = ctx->src_ip6[2];
	replica.at.ip[3] = ctx->src_ip6[3];
	replica.at.port = ctx->src_port;
	return record(ctx, &replica);
}

SEC("cgroup/connect4")
int redirect_conn4(struct bpf_sock_addr *ctx)
{
	struct replica *replica;

	if (bpf_ntohl(ctx->user_ip4) >> 24 != 127)
		return 1;
	replica = choose(ctx, AF_INET);
	if (replica) {
		ctx->user_ip4 = replica->at.ip[0];
		ctx->user_port = bpf_htons(replica->at.port);
	}
	return 1;
}

SEC("cgroup/connect6")
int redirect_conn6(struct bpf_sock_addr *ctx)
{
	__u32 ip = bpf_ntohl(ctx->user_ip6[3]);
	struct replica *replica;

	if (ctx->user_ip6[0] || ctx->user_ip6[1])
		return 1;
	if (ctx->user_ip6[2] == 0 && ip == 1) {
		replica = choose(ctx, AF_INET6);
		if (!replica)
			return 1;
		ctx->user_ip6[0] = replica->at.ip[0];
		ctx->user_ip6[1] = replica->at.ip[1];
		ctx->user_ip6[2] = replica->at.ip[2];
		ctx->user_ip6[3] = replica->at.ip[3];
		ctx->user_port = bpf_htons(replica->at.port);
	} else if (ctx->user_ip6[2] == bpf_htonl(0xffff) && ip >> 24 == 127) {
		/* Loopback of IPv4 in an IPv6 socket: only the last word is an address. */
		replica = choose(ctx, AF_INET);
		if (!replica)
			return 1;
		ctx->user_ip6[3] = replica->at.ip[0];
		ctx->user_port = bpf_htons(replica->at.port);
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
