// SPDX-License-Identifier: GPL-2.0
/*
 * Programs for threads that share a socket. They count the values that no thread gave it: see
 * threads.h.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "threads.h"

long runs;
long torn;

static __always_inline bool is(__u32 value, __u32 one, __u32 other)
{
	return value == one || value == other;
}

/* @user, @src and @dst are the last bytes of addresses. */
static __always_inline bool differs(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
				    __u8 user, __u8 src, __u8 dst)
{
	return bpf_ntohs(ctx->user_port) != PORT + user || sk->family != ctx->family ||
	       sk->type != ctx->type || sk->protocol != ctx->protocol ||
	       !is(sk->mark, 0, MARK) || !is(sk->priority, 0, PRIORITY) ||
	       !is(sk->bound_dev_if, 0, 1) ||
	       sk->src_port != PORT + HERE || src != HERE ||
	       !is(bpf_ntohs(sk->dst_port), PORT + HERE, PORT + THERE) ||
	       !is(dst, HERE, THERE);
}

static __always_inline int count(bool is_torn)
{
	__sync_fetch_and_add(&runs, 1);
	if (is_torn)
		__sync_fetch_and_add(&torn, 1);
	return 1;
}

static __always_inline int check4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return count(!sk || differs(ctx, sk, bpf_ntohl(ctx->user_ip4), bpf_ntohl(sk->src_ip4),
				    bpf_ntohl(sk->dst_ip4)));
}

static __always_inline int check6(struct bpf_sock_addr *ctx, __u8 user)
{
	struct bpf_sock *sk = ctx->sk;

	return count(!sk || differs(ctx, sk, user, bpf_ntohl(sk->src_ip6[3]),
				    bpf_ntohl(sk->dst_ip6[3])));
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/getsockname4")
int getsockname4(struct bpf_sock_addr *ctx)
{
	return check4(ctx);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, bpf_ntohl(ctx->user_ip6[3]));
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, bpf_ntohl(ctx->user_ip6[3]));
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	/*
	 * An address that is the peer's is taken from there, after it was compared: it may be that
	 * of a connect() in between.
	 */
	return check6(ctx, bpf_ntohs(ctx->user_port));
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, bpf_ntohl(ctx->user_ip6[3]));
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, bpf_ntohl(ctx->user_ip6[3]));
}

SEC("cgroup/getsockname6")
int getsockname6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, bpf_ntohl(ctx->user_ip6[3]));
}

char _license[] SEC("license") = "GPL";
