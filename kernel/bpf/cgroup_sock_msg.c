// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the addresses of a datagram that one of
 * its sockets sends or received, and on the names of its sockets.
 */

#include <linux/bpf-cgroup-sock-msg.h>
#include <linux/in.h>
#include <net/ipv6.h>

#include "cgroup_sock_addr.h"

/* With the socket lock, or without. */
typedef struct cgroup_sock_verdict (*run_fn)(struct sock *sk, const void *ctx,
					     enum cgroup_bpf_attach_type atype);

static __always_inline int sendmsg4(struct sock *sk, struct sockaddr_in *to,
				    __be32 *saddr, run_fn run)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, to, sizeof(*to), saddr);
	return run(sk, &ctx, CGROUP_UDP4_SENDMSG).err;
}

int __cgroup_sock_sendmsg4(struct sock *sk, struct sockaddr_in *to,
			   __be32 *saddr)
{
	return sendmsg4(sk, to, saddr, cgroup_sock_run_unlocked) ?:
	       to->sin_port ? 0 : -EINVAL;
}

static __always_inline int sendto4(struct sock *sk, const struct msghdr *msg,
				   __be32 *saddr, __be32 *daddr, run_fn run)
{
	__be16 port = ((struct sockaddr_in *)msg->msg_name)->sin_port;
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = *daddr,
		.sin_port = port,
	};
	int err = sendmsg4(sk, &to, saddr, run);

	*daddr = to.sin_addr.s_addr;
	return err ?: to.sin_port == port ? 0 : -EINVAL;
}

int __cgroup_sock_sendto4(struct sock *sk, const struct msghdr *msg,
			  __be32 *saddr, __be32 *daddr)
{
	return sendto4(sk, msg, saddr, daddr, cgroup_sock_run_unlocked);
}

int __cgroup_sock_sendto4_locked(struct sock *sk, const struct msghdr *msg,
				 __be32 *saddr, __be32 *daddr)
{
	return sendto4(sk, msg, saddr, daddr, cgroup_sock_run);
}
EXPORT_SYMBOL(__cgroup_sock_sendto4_locked);

static noinline bool needs_scope_id(const struct in6_addr *addr)
{
	return __ipv6_addr_needs_scope_id(__ipv6_addr_type(addr));
}

static __always_inline int sendmsg6(struct sock *sk, struct flowi6 *fl6, __be16 *dport)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_addr = fl6->daddr,
		.sin6_port = *dport,
	};
	struct bpf_sock_addr_kern ctx __uninitialized;
	int dev_if, err;

	cgroup_sock_addr_init(&ctx, sk, &to, sizeof(to), &fl6->saddr);
	err = cgroup_sock_run_unlocked(sk, &ctx, CGROUP_UDP6_SENDMSG).err;
	if (err)
		return err;
	if (ipv6_addr_v4mapped(&to.sin6_addr))
		return -EINVAL;
	dev_if = READ_ONCE(sk->sk_bound_dev_if);
	if (fl6->flowi6_oif != dev_if &&
	    needs_scope_id(&fl6->daddr) && !needs_scope_id(&to.sin6_addr))
		fl6->flowi6_oif = dev_if;
	fl6->daddr = to.sin6_addr;
	*dport = to.sin6_port;
	return 0;
}

int __cgroup_sock_sendmsg6(struct sock *sk, struct flowi6 *fl6)
{
	int err = sendmsg6(sk, fl6, &fl6->fl6_dport);

	return err ?: fl6->fl6_dport ? 0 : -EINVAL;
}
EXPORT_SYMBOL(__cgroup_sock_sendmsg6);

int __cgroup_sock_sendto6(struct sock *sk, const struct msghdr *msg,
			  struct flowi6 *fl6)
{
	__be16 given = ((struct sockaddr_in6 *)msg->msg_name)->sin6_port;
	__be16 port = given;
	int err = sendmsg6(sk, fl6, &port);

	return err ?: port == given ? 0 : -EINVAL;
}
EXPORT_SYMBOL(__cgroup_sock_sendto6);

/* The verifier has seen to it that these programs allow. */
static __always_inline void show_name(struct sock *sk, void *name, int len,
				      enum cgroup_bpf_attach_type atype,
				      run_fn run)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, name, len, NULL);
	run(sk, &ctx, atype);
}

void __cgroup_sock_recvmsg4(struct sock *sk, struct sockaddr_in *from)
{
	show_name(sk, from, sizeof(*from), CGROUP_UDP4_RECVMSG,
		  cgroup_sock_run_unlocked);
}
EXPORT_SYMBOL(__cgroup_sock_recvmsg4);

void __cgroup_sock_recvmsg6(struct sock *sk, struct sockaddr_in6 *from)
{
	show_name(sk, from, sizeof(*from), CGROUP_UDP6_RECVMSG,
		  cgroup_sock_run_unlocked);
}
EXPORT_SYMBOL(__cgroup_sock_recvmsg6);

void __cgroup_sock_getpeername4(struct sock *sk, struct sockaddr_in *name)
{
	show_name(sk, name, sizeof(*name), CGROUP_INET4_GETPEERNAME,
		  cgroup_sock_run);
}
EXPORT_SYMBOL(__cgroup_sock_getpeername4);

void __cgroup_sock_getpeername6(struct sock *sk, struct sockaddr_in6 *name)
{
	show_name(sk, name, sizeof(*name), CGROUP_INET6_GETPEERNAME,
		  cgroup_sock_run);
}
EXPORT_SYMBOL(__cgroup_sock_getpeername6);

void __cgroup_sock_getsockname4(struct sock *sk, struct sockaddr_in *name)
{
	show_name(sk, name, sizeof(*name), CGROUP_INET4_GETSOCKNAME,
		  cgroup_sock_run);
}
EXPORT_SYMBOL(__cgroup_sock_getsockname4);

void __cgroup_sock_getsockname6(struct sock *sk, struct sockaddr_in6 *name)
{
	show_name(sk, name, sizeof(*name), CGROUP_INET6_GETSOCKNAME,
		  cgroup_sock_run);
}
EXPORT_SYMBOL(__cgroup_sock_getsockname6);
