// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup and tell by tracepoints which one refused a
 * call of a socket, and what they changed in it.
 */

#include <linux/cgroup.h>
#include <linux/in.h>
#include <linux/sock_diag.h>
#include <linux/string_helpers.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "cgroup_sock.h"

/*
 * An abstract name begins with an @, as ss(8) shows it. In a path @ is escaped, and
 * so is the > of the arrow between two addresses.
 */
static int cgroup_sock_print_path(char *text, int size, const char *path, int len)
{
	bool abstract = len > 0 && !*path;
	int printed = abstract;

	if (!abstract)
		len = strnlen(path, len);
	else if (size > 1)
		*text = '@';
	printed += string_escape_mem(path + abstract, len - abstract,
				     text + abstract, max(size - abstract - 1, 0),
				     ESCAPE_HEX | ESCAPE_NAP | ESCAPE_APPEND,
				     abstract ? " \\>" : " \\>@");
	if (size)
		text[min(printed, size - 1)] = 0;
	return printed;
}

/* Returns the length of the whole text without the final zero, as snprintf(). */
static int cgroup_sock_print(char *text, int size,
			     const struct cgroup_sock_name *name)
{
	int path_len = name->len - (int)offsetof(struct sockaddr_un, sun_path);

	if (name->any.sa_family == AF_UNIX)
		return cgroup_sock_print_path(text, size, name->local.sun_path,
					      max(path_len, 0));
	if (!name->len)
		return snprintf(text, size, "%s", "");
	if (name->any.sa_family == AF_INET6 && name->v6.sin6_scope_id &&
	    __ipv6_addr_needs_scope_id(ipv6_addr_type(&name->v6.sin6_addr)))
		return snprintf(text, size, "%pISpsc", &name->any);
	return snprintf(text, size, "%pISpc", &name->any);
}

#define CREATE_TRACE_POINTS
#include <trace/events/cgroup_sock.h>

static struct sock *cgroup_sock_of(const struct bpf_prog *prog, const void *ctx)
{
	const struct bpf_sock_addr_kern *addr = ctx;

	return prog->type == BPF_PROG_TYPE_CGROUP_SOCK ? (struct sock *)ctx : addr->sk;
}

/* Which address a program sees: user space may have written another family. */
static sa_family_t cgroup_sock_family(const struct bpf_prog *prog,
				      const struct sock *sk)
{
	switch (prog->expected_attach_type) {
	case BPF_CGROUP_INET6_BIND:
	case BPF_CGROUP_INET6_CONNECT:
	case BPF_CGROUP_UDP6_SENDMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
		return AF_INET6;
	default:
		return sk->sk_family == AF_UNIX ? AF_UNIX : AF_INET;
	}
}

/* The address and source of the call, which are the caller's own copy. */
static void cgroup_sock_view_call(struct cgroup_sock_view *view,
				  const struct bpf_prog *prog, const void *ctx)
{
	const struct bpf_sock_addr_kern *addr = ctx;

	if (prog->type != BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		return;
	view->addr.len = min(addr->uaddrlen, sizeof(view->addr.local));
	memcpy(&view->addr.local, addr->uaddr, view->addr.len);
	view->addr.any.sa_family = cgroup_sock_family(prog, addr->sk);

	if (prog->expected_attach_type == BPF_CGROUP_UDP4_SENDMSG) {
		view->source.len = sizeof(view->source.v4);
		view->source.v4.sin_family = AF_INET;
		view->source.v4.sin_addr.s_addr = *(__be32 *)addr->t_ctx;
	} else if (prog->expected_attach_type == BPF_CGROUP_UDP6_SENDMSG) {
		view->source.len = sizeof(view->source.v6);
		view->source.v6.sin6_family = AF_INET6;
		view->source.v6.sin6_addr = *(struct in6_addr *)addr->t_ctx;
	}
}

static void cgroup_sock_view_bound(struct cgroup_sock_name *name,
				   const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	/* Raw and L2TP sockets have the number of their protocol there. */
	bool has_port = sk->sk_type != SOCK_RAW && sk->sk_protocol != IPPROTO_L2TP;
	__be16 port = has_port ? htons(READ_ONCE(inet->inet_num)) : 0;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		name->len = sizeof(name->v6);
		name->v6.sin6_family = AF_INET6;
		/* A datagram socket is not locked in connect(). */
		name->v6.sin6_addr = data_race(sk->sk_v6_rcv_saddr);
		name->v6.sin6_port = port;
		name->v6.sin6_scope_id =
			ipv6_iface_scope_id(&name->v6.sin6_addr,
					    READ_ONCE(sk->sk_bound_dev_if));
		return;
	}
#endif
	name->len = sizeof(name->v4);
	name->v4.sin_family = AF_INET;
	name->v4.sin_addr.s_addr = READ_ONCE(inet->inet_rcv_saddr);
	name->v4.sin_port = port;
}

/* The socket, which other threads can change if it is not locked. */
static void cgroup_sock_view_socket(struct cgroup_sock_view *view,
				    const struct bpf_prog *prog,
				    const struct sock *sk)
{
	view->dev_if = READ_ONCE(sk->sk_bound_dev_if);
	view->mark = READ_ONCE(sk->sk_mark);
	view->priority = READ_ONCE(sk->sk_priority);

	switch (prog->expected_attach_type) {
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
		cgroup_sock_view_bound(&view->addr, sk);
		break;
	case BPF_CGROUP_INET4_CONNECT:
	case BPF_CGROUP_INET6_CONNECT:
		cgroup_sock_view_bound(&view->source, sk);
		break;
	default:
		break;
	}
}

/* Whether a program can change the socket: by itself, or by a helper. */
static bool cgroup_sock_changes_socket(const struct bpf_prog *prog)
{
	return prog->expected_attach_type == BPF_CGROUP_INET_SOCK_CREATE ||
	       prog->expected_attach_type == BPF_CGROUP_INET_SOCK_RELEASE ||
	       cgroup_sock_prog_needs(prog) & BPF_RUN_NEEDS_SOCK_LOCK;
}

struct cgroup_sock_verdict
cgroup_sock_run_traced(const struct bpf_prog_array *array, const void *ctx,
		       bool port_chosen)
{
	struct bpf_cg_run_ctx run_ctx = { .port_chosen = port_chosen };
	const struct bpf_prog *prog, *refuser = NULL;
	const struct bpf_prog_array_item *item;
	struct cgroup_sock_view first, before, now;
	struct bpf_run_ctx *outer_ctx;
	struct sock *sk = NULL;
	u64 refuser_cgroup = 0;
	bool seen = false;
	u32 any = 0;

	outer_ctx = bpf_set_run_ctx(&run_ctx.run_ctx);
	for (item = array->items; (prog = READ_ONCE(item->prog)); item++) {
		if (!prog->aux || (port_chosen && !cgroup_sock_asks(prog)))
			continue;
		sk = cgroup_sock_of(prog, ctx);
		/* Two views are compared as a whole. */
		memset(&before, 0, sizeof(before));
		cgroup_sock_view_call(&before, prog, ctx);
		cgroup_sock_view_socket(&before, prog, sk);
		if (!seen)
			first = before;
		seen = true;

		any |= cgroup_sock_run_prog(&run_ctx, item, prog, ctx);

		now = before;
		cgroup_sock_view_call(&now, prog, ctx);
		/* What another thread changes meanwhile is not the program's. */
		if (cgroup_sock_changes_socket(prog))
			cgroup_sock_view_socket(&now, prog, sk);
		if (memcmp(&before, &now, sizeof(now)))
			trace_cgroup_sock_rewrite(sk, prog, item->cgroup_id,
						  &before, &now, 0);
		if (!IS_ERR_VALUE((long)run_ctx.retval)) {
			refuser = NULL;
		} else if (!refuser) {
			refuser = prog;
			refuser_cgroup = item->cgroup_id;
		}
	}
	bpf_reset_run_ctx(outer_ctx);

	/* Nothing is refused when a socket goes. */
	if (refuser &&
	    refuser->expected_attach_type != BPF_CGROUP_INET_SOCK_RELEASE)
		trace_cgroup_sock_refuse(sk, refuser, refuser_cgroup, &first,
					 &now, run_ctx.retval);
	return cgroup_sock_verdict(run_ctx.retval, any);
}
