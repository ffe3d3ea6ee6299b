// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the addresses of its SCTP sockets.
 */

#include <linux/bpf-cgroup-sock-route.h>
#include <linux/bpf-cgroup-sock-sctp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sctp.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <uapi/linux/sctp.h>

#include "cgroup_sock_addr.h"

/* Programs access eight bytes of an IPv6 address at once, so it is aligned. */
union cgroup_sock_sctp_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} __aligned(8);

/* Both families have the port at the same place. */
static_assert(offsetof(struct sockaddr_in, sin_port) ==
	      offsetof(struct sockaddr_in6, sin6_port));

/* How long the address is, or 0 for one that SCTP does not take here. */
static int cgroup_sock_sctp_len(const struct sock *sk,
				const struct sockaddr *addr, int size)
{
	if (size >= (int)sizeof(struct sockaddr_in) && addr->sa_family == AF_INET)
		return sizeof(struct sockaddr_in);
	if (size >= (int)sizeof(struct sockaddr_in6) &&
	    addr->sa_family == AF_INET6 && sk->sk_family == AF_INET6)
		return sizeof(struct sockaddr_in6);
	return 0;
}

static struct cgroup_sock_verdict
cgroup_sock_sctp_run(struct sock *sk, union cgroup_sock_sctp_addr *addr, int len,
		     void *source, enum cgroup_bpf_attach_type atype4,
		     enum cgroup_bpf_attach_type atype6, bool locked)
{
	enum cgroup_bpf_attach_type atype =
		addr->any.sa_family == AF_INET ? atype4 : atype6;
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, addr, len, source);
	return locked ? cgroup_sock_run(sk, &ctx, atype) :
			cgroup_sock_run_unlocked(sk, &ctx, atype);
}

/* Run programs on each address; @returned has the bits that all returned. */
static int cgroup_sock_sctp_run_all(struct sock *sk, void *addrs, int size,
				    enum cgroup_bpf_attach_type atype4,
				    enum cgroup_bpf_attach_type atype6,
				    u32 *returned)
{
	union cgroup_sock_sctp_addr addr;
	struct cgroup_sock_verdict verdict;
	int len = cgroup_sock_sctp_len(sk, addrs, size);

	*returned = len ? U32_MAX : 0;
	for (; len; len = cgroup_sock_sctp_len(sk, addrs, size)) {
		memcpy(&addr, addrs, len);
		verdict = cgroup_sock_sctp_run(sk, &addr, len, NULL, atype4,
					       atype6, true);
		if (verdict.err)
			return verdict.err;
		memcpy(addrs, &addr, len);
		*returned &= verdict.returned;
		addrs += len;
		size -= len;
	}
	return 0;
}

int __cgroup_sock_sctp_bind(struct sock *sk, void *addrs, int size, u32 *flags)
{
	u32 returned;
	int err = cgroup_sock_sctp_run_all(sk, addrs, size, CGROUP_INET4_BIND,
					   CGROUP_INET6_BIND, &returned);

	if (!err && returned & 2)
		*flags |= BIND_SKIP_PORT_CAP;
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_bind);

int __cgroup_sock_sctp_post_bind(struct sock *sk)
{
	return cgroup_sock_run(sk, sk, cgroup_sock_post_bind_atype(sk)).err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_post_bind);

/* An association may have addresses of both families. */
static int cgroup_sock_sctp_refuse_routes(struct sock *sk)
{
	int err;

	rcu_read_lock();
	err = cgroup_sock_route4(sk, rcu_dereference(inet_sk(sk)->inet_opt));
	if (!err && sk->sk_family == AF_INET6)
		err = cgroup_sock_route6(sk, rcu_dereference(inet6_sk(sk)->opt));
	rcu_read_unlock();
	return err;
}

int __cgroup_sock_sctp_connect(struct sock *sk, void *addrs, int size)
{
	u32 returned;

	return cgroup_sock_sctp_refuse_routes(sk) ?:
	       cgroup_sock_sctp_run_all(sk, addrs, size, CGROUP_INET4_CONNECT,
					CGROUP_INET6_CONNECT, &returned);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_connect);

static int cgroup_sock_sctp_send(struct sock *sk, void *given, int size,
				 bool locked)
{
	int err, len = cgroup_sock_sctp_len(sk, given, size);
	struct in6_addr source __aligned(8) = {};
	union cgroup_sock_sctp_addr to = {};
	__be16 port;

	if (!len)
		return 0;
	err = cgroup_sock_sctp_refuse_routes(sk);
	if (err)
		return err;
	memcpy(&to, given, len);
	if (to.any.sa_family == AF_INET6 && ipv6_addr_v4mapped(&to.v6.sin6_addr)) {
		to.v4.sin_addr.s_addr = to.v6.sin6_addr.s6_addr32[3];
		to.v4.sin_family = AF_INET;
	}
	port = to.v4.sin_port;
	err = cgroup_sock_sctp_run(sk, &to, len, &source, CGROUP_UDP4_SENDMSG,
				   CGROUP_UDP6_SENDMSG, locked).err;
	if (err)
		return err;
	if ((port && !to.v4.sin_port) || !ipv6_addr_any(&source) ||
	    (to.any.sa_family == AF_INET6 && ipv6_addr_v4mapped(&to.v6.sin6_addr)))
		return -EINVAL;
	memcpy(given, &to, len);
	return 0;
}

int __cgroup_sock_sctp_sendmsg(struct sock *sk, void *addr, int size)
{
	return cgroup_sock_sctp_send(sk, addr, size, false);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_sendmsg);

/* With the socket lock held. */
static int cgroup_sock_sctp_sendmsg_locked(struct sock *sk, void *addr, int size)
{
	if (!cgroup_sock_sctp_sends(sk))
		return 0;
	return cgroup_sock_sctp_send(sk, addr, size, true);
}

static int cgroup_sock_sctp_dstaddr4(struct sock *sk, struct in_addr *addr, __be16 port)
{
	union cgroup_sock_sctp_addr to = {
		.v4 = {
			.sin_family = AF_INET,
			.sin_addr = *addr,
			.sin_port = port,
		},
	};
	int err;

	err = cgroup_sock_sctp_sendmsg_locked(sk, &to, sizeof(to.v4)) ?:
	      cgroup_sock_sctp_connect(sk, &to, sizeof(to.v4));
	*addr = to.v4.sin_addr;
	if (!err && to.v4.sin_port != port)
		err = -EINVAL;
	return err;
}

static int cgroup_sock_sctp_dstaddr6(struct sock *sk, struct in6_addr *addr, __be16 port)
{
	union cgroup_sock_sctp_addr to = {
		.v6 = {
			.sin6_family = AF_INET6,
			.sin6_addr = *addr,
			.sin6_port = port,
		},
	};
	int err;

	err = cgroup_sock_sctp_sendmsg_locked(sk, &to, sizeof(to));
	if (err)
		return err;
	if (to.any.sa_family == AF_INET) {
		ipv6_addr_set_v4mapped(to.v4.sin_addr.s_addr, &to.v6.sin6_addr);
		to.v6.sin6_family = AF_INET6;
	}
	err = cgroup_sock_sctp_connect(sk, &to, sizeof(to));
	*addr = to.v6.sin6_addr;
	if (!err && to.v6.sin6_port != port)
		err = -EINVAL;
	return err;
}

int __cgroup_sock_sctp_dstaddrs(struct sock *sk, struct msghdr *msg,
				__be16 port)
{
	struct cmsghdr *cmsg;
	int err = 0;

	for_each_cmsghdr(cmsg, msg) {
		if (cmsg->cmsg_level != IPPROTO_SCTP)
			continue;
		if (cmsg->cmsg_type == SCTP_DSTADDRV4 &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(struct in_addr)))
			err = cgroup_sock_sctp_dstaddr4(sk, CMSG_DATA(cmsg), port);
		else if (cmsg->cmsg_type == SCTP_DSTADDRV6 &&
			 cmsg->cmsg_len >= CMSG_LEN(sizeof(struct in6_addr)))
			err = cgroup_sock_sctp_dstaddr6(sk, CMSG_DATA(cmsg), port);
		if (err)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_dstaddrs);

void __cgroup_sock_sctp_recvmsg(struct sock *sk, struct sockaddr *name)
{
	int len = cgroup_sock_sctp_len(sk, name, sizeof(struct sockaddr_in6));
	union cgroup_sock_sctp_addr from;

	memcpy(&from, name, len);
	cgroup_sock_sctp_run(sk, &from, len, NULL, CGROUP_UDP4_RECVMSG,
			     CGROUP_UDP6_RECVMSG, true);
	memcpy(name, &from, len);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_recvmsg);
