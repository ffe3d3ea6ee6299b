// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the addresses of a datagram that one of
 * its sockets sends.
 */

#include <linux/bpf-cgroup-sock-msg.h>
#include <linux/in.h>
#include <net/ipv6.h>

#include "cgroup_sock_addr.h"

static int cgroup_sock_run_sendmsg4(struct sock *sk, struct sockaddr_in *to,
				    __be32 *saddr, bool locked)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, to, sizeof(*to), saddr);
	return cgroup_sock_run_addr(&ctx, CGROUP_UDP4_SENDMSG, locked).err;
}

int __cgroup_sock_sendmsg4(struct sock *sk, struct sockaddr_in *to,
			   __be32 *saddr)
{
	__be16 port = to->sin_port;	/* 0 if the socket is connected to that */
	int err = cgroup_sock_run_sendmsg4(sk, to, saddr, false);

	if (!err && port && !to->sin_port)
		err = -EINVAL;
	return err;
}

/* What takes the place of the port in the address of a message. */
static __be16 cgroup_sock_given_port(const struct sock *sk,
				     const struct msghdr *msg)
{
	if (msg->msg_namelen)
		return ((const struct sockaddr_in *)msg->msg_name)->sin_port;
	return inet_sk(sk)->inet_dport;
}

int __cgroup_sock_sendto4(struct sock *sk, const struct msghdr *msg,
			  __be32 *saddr, __be32 *daddr, bool locked)
{
	__be16 port = cgroup_sock_given_port(sk, msg);
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = *daddr,
		.sin_port = port,
	};
	int err = cgroup_sock_run_sendmsg4(sk, &to, saddr, locked);

	if (!err && to.sin_port != port)
		err = -EINVAL;
	*daddr = to.sin_addr.s_addr;
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sendto4);

static bool cgroup_sock_needs_scope(const struct in6_addr *addr)
{
	return __ipv6_addr_needs_scope_id(__ipv6_addr_type(addr));
}

/* One that a control message or IPV6_PKTINFO chose is not. */
static bool cgroup_sock_dev_of_scope(const struct sock *sk,
				     const struct msghdr *msg, int dev_if)
{
	const struct sockaddr_in6 *given = msg->msg_name;

	return msg->msg_namelen >= sizeof(*given) && !msg->msg_controllen &&
	       dev_if == given->sin6_scope_id &&
	       dev_if != inet6_sk(sk)->sticky_pktinfo.ipi6_ifindex;
}

static int cgroup_sock_run_sendmsg6(struct sock *sk, const struct msghdr *msg,
				    struct flowi6 *fl6, __be16 *dport)
{
	/* Programs read and write eight bytes of the address at once. */
	struct sockaddr_in6 to __aligned(8) = {
		.sin6_family = AF_INET6,
		.sin6_addr = fl6->daddr,
		.sin6_port = *dport,
		.sin6_scope_id = fl6->flowi6_oif,	/* for the tracepoints */
	};
	struct bpf_sock_addr_kern ctx __uninitialized;
	int err;

	cgroup_sock_addr_init(&ctx, sk, &to, sizeof(to), &fl6->saddr);
	err = cgroup_sock_run_unlocked(sk, &ctx, CGROUP_UDP6_SENDMSG).err;
	if (err)
		return err;
	if (ipv6_addr_v4mapped(&to.sin6_addr) && !ipv6_addr_v4mapped(&fl6->daddr))
		return -EINVAL;
	if (cgroup_sock_needs_scope(&fl6->daddr) &&
	    !cgroup_sock_needs_scope(&to.sin6_addr) &&
	    cgroup_sock_dev_of_scope(sk, msg, fl6->flowi6_oif))
		fl6->flowi6_oif = READ_ONCE(sk->sk_bound_dev_if);
	fl6->daddr = to.sin6_addr;
	*dport = to.sin6_port;
	return 0;
}

int __cgroup_sock_sendmsg6(struct sock *sk, const struct msghdr *msg,
			   struct flowi6 *fl6)
{
	__be16 port = fl6->fl6_dport;	/* 0 if the socket is connected to that */
	int err = cgroup_sock_run_sendmsg6(sk, msg, fl6, &fl6->fl6_dport);

	if (!err && port && !fl6->fl6_dport)
		err = -EINVAL;
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sendmsg6);

int __cgroup_sock_sendto6(struct sock *sk, const struct msghdr *msg,
			  struct flowi6 *fl6)
{
	__be16 given = cgroup_sock_given_port(sk, msg);
	__be16 port = given;
	int err = cgroup_sock_run_sendmsg6(sk, msg, fl6, &port);

	if (!err && port != given)
		err = -EINVAL;
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sendto6);
