// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of a cgroup go to a transparent proxy on this host, which asks for the address
 * that the client wanted as it does behind a REDIRECT of netfilter's.
 *
 * A client in the cgroup connects to 192.0.2.1 port 80, and the proxy listens at port 15001:
 *  - connect4 notes 192.0.2.1:80 in the storage of the client's socket, and writes
 *    127.0.0.1:15001 in its place;
 *  - the kernel chooses the port of the client, say 40001. Just before the first packet goes,
 *    sockops puts the pair { 127.0.0.1:40001, 127.0.0.1:15001 } with 192.0.2.1:80 into a map;
 *  - when the connection has come to the proxy, its sockops takes the pair out of the map and
 *    notes 192.0.2.1:80 in the storage of the socket that accept() is about to return;
 *  - getsockopt finds it there when the proxy asks for SO_ORIGINAL_DST.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "redirect.h"
#include "proxy.h"
#include "address.bpf.h"

#define SOL_IP		0
#define SOL_IPV6	41
/* IP6T_SO_ORIGINAL_DST is the same number. */
#define SO_ORIGINAL_DST	80
#define PAGE_SIZE	4096

__u32 proxy_port;
__u64 proxy_cgroup;	/* only the tool wants to know */

/* A pair is there for the time of a handshake. One that is left by accident goes in the end. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct pair);
	__type(value, struct address);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct asked);
} askeds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct address);
} originals SEC(".maps");

/* What becomes of a connect(). */
enum way {
	REFUSE,		/* as a program that returns 0 does */
	GO_ON,
	TO_PROXY,
};

/* With TO_PROXY, @at is the proxy's address. */
static __always_inline enum way lead(struct bpf_sock_addr *ctx, const struct address *address,
				     struct address *at)
{
	struct asked *asked;

	if (transport(ctx) != IPPROTO_TCP)
		return GO_ON;
	if (is_loopback(address) || is_any(address)) {
		bpf_sk_storage_delete(&askeds, ctx->sk);
		return GO_ON;
	}
	/*
	 * Without the note the proxy would not know where to go. A process can use up the memory
	 * for it on purpose, and may not get past the proxy by that.
	 */
	asked = bpf_sk_storage_get(&askeds, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!asked)
		return REFUSE;
	if (is_mapped(address)) {
		map_address(at, bpf_htonl(0x7f000001), proxy_port);
	} else {
		at->ip[0] = 0;
		at->ip[1] = 0;
		at->ip[2] = 0;
		at->ip[3] = bpf_htonl(1);
		at->port = proxy_port;
	}
	asked->asked = *address;
	asked->at = *at;
	asked->made = 0;
	return TO_PROXY;
}

SEC("cgroup/connect4")
int proxied_connect4(struct bpf_sock_addr *ctx)
{
	struct address address, at;
	enum way way;

	get_address4(ctx, &address);
	way = lead(ctx, &address, &at);
	if (way == TO_PROXY)
		set_address4(ctx, &at);
	return way != REFUSE;
}

SEC("cgroup/connect6")
int proxied_connect6(struct bpf_sock_addr *ctx)
{
	struct address address, at;
	enum way way;

	get_address6(ctx, &address);
	way = lead(ctx, &address, &at);
	if (way == TO_PROXY)
		set_address6(ctx, &at);
	return way != REFUSE;
}

SEC("sockops")
int proxied_sockops(struct bpf_sock_ops *ctx)
{
	struct asked *asked;
	struct bpf_sock *sk;

	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB && ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	asked = bpf_sk_storage_get(&askeds, sk, NULL, 0);
	if (!asked)
		return 1;
	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
		asked->made = 1;
		return 1;
	}
	asked->pair.client.ip[0] = ctx->local_ip6[0];
	asked->pair.client.ip[1] = ctx->local_ip6[1];
	asked->pair.client.ip[2] = ctx->local_ip6[2];
	asked->pair.client.ip[3] = ctx->local_ip6[3];
	asked->pair.client.port = ctx->local_port;
	if (is_mapped(&asked->at))
		map_address(&asked->pair.client, ctx->local_ip4, asked->pair.client.port);
	asked->pair.proxy = asked->at;
	bpf_map_update_elem(&pairs, &asked->pair, &asked->asked, BPF_ANY);
	return 1;
}

SEC("cgroup/sock_release")
int proxied_release(struct bpf_sock *ctx)
{
	struct asked *asked = bpf_sk_storage_get(&askeds, ctx, NULL, 0);

	if (asked && !asked->made)
		bpf_map_delete_elem(&pairs, &asked->pair);
	return 1;
}

static __always_inline const struct address *asked_for(struct bpf_sock_addr *ctx,
						       const struct address *name)
{
	struct asked *asked = bpf_sk_storage_get(&askeds, ctx->sk, NULL, 0);

	return asked && same_address(&asked->at, name) ? &asked->asked : NULL;
}

SEC("cgroup/getpeername4")
int proxied_getpeername4(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address4(ctx, &name);
	asked = asked_for(ctx, &name);
	if (asked)
		set_address4(ctx, asked);
	return 1;
}

SEC("cgroup/getpeername6")
int proxied_getpeername6(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address6(ctx, &name);
	asked = asked_for(ctx, &name);
	if (asked)
		set_address6(ctx, asked);
	return 1;
}

SEC("sockops")
int proxy_sockops(struct bpf_sock_ops *ctx)
{
	struct address *asked, *original;
	struct pair pair = {};
	struct bpf_sock *sk;

	if (ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	/* Not in an else: clang would make one access of two, which the verifier refuses. */
	pair.client.ip[0] = ctx->remote_ip6[0];
	pair.client.ip[1] = ctx->remote_ip6[1];
	pair.client.ip[2] = ctx->remote_ip6[2];
	pair.client.ip[3] = ctx->remote_ip6[3];
	pair.client.port = bpf_ntohl(ctx->remote_port);
	pair.proxy.ip[0] = ctx->local_ip6[0];
	pair.proxy.ip[1] = ctx->local_ip6[1];
	pair.proxy.ip[2] = ctx->local_ip6[2];
	pair.proxy.ip[3] = ctx->local_ip6[3];
	pair.proxy.port = ctx->local_port;
	if (ctx->family == AF_INET) {
		map_address(&pair.client, ctx->remote_ip4, pair.client.port);
		map_address(&pair.proxy, ctx->local_ip4, pair.proxy.port);
	}
	asked = bpf_map_lookup_elem(&pairs, &pair);
	if (!asked)
		return 1;
	original = bpf_sk_storage_get(&originals, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (original)
		*original = *asked;
	bpf_map_delete_elem(&pairs, &pair);
	return 1;
}

static __always_inline bool answer4(struct bpf_sockopt *ctx, const struct address *original)
{
	struct sockaddr_in *name = ctx->optval;

	if ((void *)(name + 1) > ctx->optval_end)
		return false;
	__builtin_memset(name, 0, sizeof(*name));
	name->sin_family = AF_INET;
	name->sin_port = bpf_htons(original->port);
	name->sin_addr.s_addr = original->ip[3];
	ctx->optlen = sizeof(*name);
	return true;
}

static __always_inline bool answer6(struct bpf_sockopt *ctx, const struct address *original)
{
	struct sockaddr_in6 *name = ctx->optval;

	if ((void *)(name + 1) > ctx->optval_end)
		return false;
	__builtin_memset(name, 0, sizeof(*name));
	name->sin6_family = AF_INET6;
	name->sin6_port = bpf_htons(original->port);
	name->sin6_addr.s6_addr32[0] = original->ip[0];
	name->sin6_addr.s6_addr32[1] = original->ip[1];
	name->sin6_addr.s6_addr32[2] = original->ip[2];
	name->sin6_addr.s6_addr32[3] = original->ip[3];
	ctx->optlen = sizeof(*name);
	return true;
}

SEC("cgroup/getsockopt")
int proxy_getsockopt(struct bpf_sockopt *ctx)
{
	struct address *original;

	/* The kernel wants to be told that such an answer is not for the program. */
	if (ctx->optlen > PAGE_SIZE)
		ctx->optlen = 0;
	if (ctx->optname != SO_ORIGINAL_DST || (ctx->level != SOL_IP && ctx->level != SOL_IPV6))
		return 1;
	if (!ctx->sk)
		return 1;
	original = bpf_sk_storage_get(&originals, ctx->sk, NULL, 0);
	if (!original)
		return 1;
	if (is_mapped(original) ? ctx->level == SOL_IP && answer4(ctx, original) :
				  ctx->level == SOL_IPV6 && answer6(ctx, original))
		ctx->retval = 0;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
