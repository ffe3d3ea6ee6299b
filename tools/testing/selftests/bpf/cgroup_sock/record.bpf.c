// SPDX-License-Identifier: GPL-2.0
/* One program for each attach type, which records what it sees and does as it is told. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>

#include "record.h"

#define AF_INET		2
#define AF_INET6	10
#define SOL_SOCKET	1
#define SO_BINDTOIFINDEX 62

struct order order[HOOKS];
struct seen seen[HOOKS];
/* Verifiers since 7.3 take nothing but an errno for bpf_set_retval(). */
const bool only_errno;

static __always_inline int verdict(enum hook hook, __u32 mask)
{
	const bool *errnos = &only_errno;
	int retval = order[hook].retval;

	if (seen[hook].calls <= order[hook].spared)
		return 1;
	/* box.h sets it before the verifier, which knows it then. The compiler must not. */
	asm volatile("" : "+r"(errnos));
	if (*errnos) {
		if (retval < -4095)
			return 1;
		/* Two comparisons, from which the verifier learns the range. */
		asm volatile("" : "+r"(retval));
		if (retval > 0)
			return 1;
	}
	if (retval)
		bpf_set_retval(retval);
	return order[hook].verdict & mask;
}

static __always_inline void choose(struct bpf_sock *ctx, const struct order *todo)
{
	if (!todo->write_device)
		return;
	ctx->bound_dev_if = todo->device;
	ctx->mark = todo->mark;
	ctx->priority = todo->priority;
}

SEC("cgroup/sock_create")
int create(struct bpf_sock *ctx)
{
	struct seen *saw = &seen[CREATE];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	choose(ctx, &order[CREATE]);
	return verdict(CREATE, 1);
}

SEC("cgroup/sock_release")
int release(struct bpf_sock *ctx)
{
	struct seen *saw = &seen[RELEASE];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	choose(ctx, &order[RELEASE]);
	return verdict(RELEASE, 1);
}

/* box.h puts a call of bpf_cgroup_sock_port_chosen() into the place of this one. */
#define PORT_CHOSEN	bpf_get_smp_processor_id

static __always_inline void bound(struct bpf_sock *ctx, enum hook hook)
{
	struct seen *saw = &seen[hook];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	saw->port = ctx->src_port;
}

static __always_inline int bound4(struct bpf_sock *ctx, enum hook hook)
{
	bound(ctx, hook);
	seen[hook].ip[0] = ctx->src_ip4;
	return verdict(hook, 1);
}

static __always_inline int bound6(struct bpf_sock *ctx, enum hook hook)
{
	struct seen *saw = &seen[hook];

	bound(ctx, hook);
	saw->ip[0] = ctx->src_ip6[0];
	saw->ip[1] = ctx->src_ip6[1];
	saw->ip[2] = ctx->src_ip6[2];
	saw->ip[3] = ctx->src_ip6[3];
	return verdict(hook, 1);
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	seen[POST_BIND4].chosen = PORT_CHOSEN();
	return bound4(ctx, POST_BIND4);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	seen[POST_BIND6].chosen = PORT_CHOSEN();
	return bound6(ctx, POST_BIND6);
}

SEC("cgroup/post_bind4")
int plain_post_bind4(struct bpf_sock *ctx)
{
	return bound4(ctx, PLAIN_POST_BIND4);
}

SEC("cgroup/post_bind6")
int plain_post_bind6(struct bpf_sock *ctx)
{
	return bound6(ctx, PLAIN_POST_BIND6);
}

static __always_inline void address4(struct bpf_sock_addr *ctx, enum hook hook)
{
	struct order *todo = &order[hook];
	struct seen *saw = &seen[hook];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	saw->user_family = ctx->user_family;
	saw->ip[0] = ctx->user_ip4;
	saw->port = ctx->user_port;
	if (todo->rewrite) {
		ctx->user_ip4 = todo->ip[0];
		ctx->user_port = todo->port;
	}
}

static __always_inline void address6(struct bpf_sock_addr *ctx, enum hook hook)
{
	struct order *todo = &order[hook];
	struct seen *saw = &seen[hook];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	saw->user_family = ctx->user_family;
	saw->ip[0] = ctx->user_ip6[0];
	saw->ip[1] = ctx->user_ip6[1];
	saw->ip[2] = ctx->user_ip6[2];
	saw->ip[3] = ctx->user_ip6[3];
	saw->port = ctx->user_port;
	if (todo->rewrite) {
		ctx->user_ip6[0] = todo->ip[0];
		ctx->user_ip6[1] = todo->ip[1];
		ctx->user_ip6[2] = todo->ip[2];
		ctx->user_ip6[3] = todo->ip[3];
		ctx->user_port = todo->port;
	}
}

static __always_inline void choose_device(struct bpf_sock_addr *ctx, enum hook hook)
{
	__u32 device = order[hook].bind_to_device;

	if (device)
		bpf_setsockopt(ctx, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device));
}

static __always_inline void choose_source(struct bpf_sock_addr *ctx, enum hook hook)
{
	struct order *todo = &order[hook];
	struct sockaddr_in6 sin6 = {};
	struct sockaddr_in sin = {};

	if (todo->bind_family == AF_INET) {
		sin.sin_family = AF_INET;
		sin.sin_port = todo->bind_port;
		sin.sin_addr.s_addr = todo->bind_ip[0];
		seen[hook].bind_err = bpf_bind(ctx, (struct sockaddr *)&sin,
					       sizeof(sin) - !!todo->bind_short);
	} else if (todo->bind_family == AF_INET6) {
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = todo->bind_port;
		sin6.sin6_scope_id = todo->bind_scope;
		__builtin_memcpy(&sin6.sin6_addr, todo->bind_ip, sizeof(sin6.sin6_addr));
		/* The scope id may be missing. */
		seen[hook].bind_err = bpf_bind(ctx, (struct sockaddr *)&sin6,
					       todo->bind_short ? 23 : sizeof(sin6));
	}
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	address4(ctx, BIND4);
	choose_device(ctx, BIND4);
	return verdict(BIND4, 3);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	address6(ctx, BIND6);
	choose_device(ctx, BIND6);
	return verdict(BIND6, 3);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	address4(ctx, CONNECT4);
	choose_device(ctx, CONNECT4);
	choose_source(ctx, CONNECT4);
	return verdict(CONNECT4, 1);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	address6(ctx, CONNECT6);
	choose_device(ctx, CONNECT6);
	choose_source(ctx, CONNECT6);
	return verdict(CONNECT6, 1);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	address4(ctx, SENDMSG4);
	seen[SENDMSG4].source[0] = ctx->msg_src_ip4;
	if (order[SENDMSG4].source[0])
		ctx->msg_src_ip4 = order[SENDMSG4].source[0];
	return verdict(SENDMSG4, 1);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct order *todo = &order[SENDMSG6];
	struct seen *saw = &seen[SENDMSG6];

	address6(ctx, SENDMSG6);
	saw->source[0] = ctx->msg_src_ip6[0];
	saw->source[1] = ctx->msg_src_ip6[1];
	saw->source[2] = ctx->msg_src_ip6[2];
	saw->source[3] = ctx->msg_src_ip6[3];
	if (todo->source[0]) {
		ctx->msg_src_ip6[0] = todo->source[0];
		ctx->msg_src_ip6[1] = todo->source[1];
		ctx->msg_src_ip6[2] = todo->source[2];
		ctx->msg_src_ip6[3] = todo->source[3];
	}
	return verdict(SENDMSG6, 1);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	address4(ctx, RECVMSG4);
	return 1;
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	address6(ctx, RECVMSG6);
	return 1;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	address4(ctx, GETPEERNAME4);
	return 1;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	address6(ctx, GETPEERNAME6);
	return 1;
}

SEC("cgroup/getsockname4")
int getsockname4(struct bpf_sock_addr *ctx)
{
	address4(ctx, GETSOCKNAME4);
	return 1;
}

SEC("cgroup/getsockname6")
int getsockname6(struct bpf_sock_addr *ctx)
{
	address6(ctx, GETSOCKNAME6);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
