// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the addresses of its SCTP sockets.
 */

#include <linux/bpf-cgroup-sock-sctp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sctp.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <uapi/linux/sctp.h>

#include "cgroup_sock_addr.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Both families have the port at the same place. */
static_assert(offsetof(struct sockaddr_in, sin_port) ==
	      offsetof(struct sockaddr_in6, sin6_port));

/* How long the address is, or 0 for one that SCTP does not take here. */
static int address_len(const struct sock *sk, const union address *addr,
		       int size)
{
	if (size >= (int)sizeof(addr->v4) && addr->any.sa_family == AF_INET)
		return sizeof(addr->v4);
	if (size >= (int)sizeof(addr->v6) && addr->any.sa_family == AF_INET6 &&
	    sk->sk_family == AF_INET6)
		return sizeof(addr->v6);
	return 0;
}

static struct cgroup_sock_verdict run(struct sock *sk, union address *addr,
				      void *source,
				      enum cgroup_bpf_attach_type atype4,
				      enum cgroup_bpf_attach_type atype6)
{
	bool v4 = addr->any.sa_family == AF_INET;
	enum cgroup_bpf_attach_type atype = v4 ? atype4 : atype6;
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, addr,
			      v4 ? sizeof(addr->v4) : sizeof(addr->v6), source);
	return cgroup_sock_run(sk, &ctx, atype);
}

int __cgroup_sock_sctp_bind(struct sock *sk, void *addrs, int size, u32 *flags)
{
	struct cgroup_sock_verdict verdict;
	u32 all = 2;
	int len;

	while ((len = address_len(sk, addrs, size))) {
		verdict = run(sk, addrs, NULL, CGROUP_INET4_BIND,
			      CGROUP_INET6_BIND);
		if (verdict.err)
			return verdict.err;
		all &= verdict.returned;
		addrs += len;
		size -= len;
	}
	if (all)
		*flags |= BIND_SKIP_PORT_CAP;
	return 0;
}
EXPORT_SYMBOL(__cgroup_sock_sctp_bind);

int __cgroup_sock_sctp_connect(struct sock *sk, void *addrs, int size)
{
	int len, err = cgroup_sock_refuse_routes(sk);

	if (err)
		return err;
	while ((len = address_len(sk, addrs, size))) {
		err = run(sk, addrs, NULL, CGROUP_INET4_CONNECT,
			  CGROUP_INET6_CONNECT).err;
		if (err)
			return err;
		addrs += len;
		size -= len;
	}
	return 0;
}
EXPORT_SYMBOL(__cgroup_sock_sctp_connect);

int __cgroup_sock_sctp_sendmsg(struct sock *sk, void *addr, int size)
{
	struct in6_addr source = {};
	union address *to = addr;
	int err;

	if (!address_len(sk, to, size))
		return 0;
	err = cgroup_sock_refuse_routes(sk);
	if (err)
		return err;
	if (to->any.sa_family == AF_INET6 &&
	    ipv6_addr_v4mapped(&to->v6.sin6_addr)) {
		to->v4.sin_addr.s_addr = to->v6.sin6_addr.s6_addr32[3];
		to->v4.sin_family = AF_INET;
	}
	err = run(sk, to, &source, CGROUP_UDP4_SENDMSG, CGROUP_UDP6_SENDMSG).err;
	if (err)
		return err;
	if (!to->v4.sin_port || !ipv6_addr_any(&source) ||
	    (to->any.sa_family == AF_INET6 &&
	     ipv6_addr_v4mapped(&to->v6.sin6_addr)))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL(__cgroup_sock_sctp_sendmsg);

static int run_on_dstaddr4(struct sock *sk, struct in_addr *addr, __be16 port)
{
	union address to = {
		.v4 = {
			.sin_family = AF_INET,
			.sin_addr = *addr,
			.sin_port = port,
		},
	};
	int err;

	err = cgroup_sock_sctp_sendmsg(sk, &to, sizeof(to.v4)) ?:
	      cgroup_sock_sctp_connect(sk, &to, sizeof(to.v4));
	*addr = to.v4.sin_addr;
	return err ?: to.v4.sin_port == port ? 0 : -EINVAL;
}

static int run_on_dstaddr6(struct sock *sk, struct in6_addr *addr, __be16 port)
{
	union address to = {
		.v6 = {
			.sin6_family = AF_INET6,
			.sin6_addr = *addr,
			.sin6_port = port,
		},
	};
	int err;

	err = cgroup_sock_sctp_sendmsg(sk, &to, sizeof(to));
	if (err)
		return err;
	if (to.any.sa_family == AF_INET) {
		ipv6_addr_set_v4mapped(to.v4.sin_addr.s_addr, &to.v6.sin6_addr);
		to.v6.sin6_family = AF_INET6;
	}
	err = cgroup_sock_sctp_connect(sk, &to, sizeof(to));
	*addr = to.v6.sin6_addr;
	return err ?: to.v6.sin6_port == port ? 0 : -EINVAL;
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
			err = run_on_dstaddr4(sk, CMSG_DATA(cmsg), port);
		else if (cmsg->cmsg_type == SCTP_DSTADDRV6 &&
			 cmsg->cmsg_len >= CMSG_LEN(sizeof(struct in6_addr)))
			err = run_on_dstaddr6(sk, CMSG_DATA(cmsg), port);
		if (err)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL(__cgroup_sock_sctp_dstaddrs);

void __cgroup_sock_sctp_recvmsg(struct sock *sk, struct sockaddr *name)
{
	run(sk, (union address *)name, NULL, CGROUP_UDP4_RECVMSG,
	    CGROUP_UDP6_RECVMSG);
}
EXPORT_SYMBOL(__cgroup_sock_sctp_recvmsg);
