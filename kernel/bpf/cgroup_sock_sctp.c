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

union cgroup_sock_sctp_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

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
cgroup_sock_sctp_run(struct sock *sk, void *given, int len, void *source,
		     enum cgroup_bpf_attach_type atype4,
		     enum cgroup_bpf_attach_type atype6, bool locked)
{
	struct bpf_sock_addr_kern ctx __uninitialized;
	/* Programs access eight bytes of an address at once. */
	union cgroup_sock_sctp_addr addr __aligned(8);
	struct cgroup_sock_verdict verdict;

	memcpy(&addr, given, len);
	cgroup_sock_addr_init(&ctx, sk, &addr, len, source);
	verdict = cgroup_sock_run_addr(&ctx, addr.any.sa_family == AF_INET ?
					     atype4 : atype6, locked);
	memcpy(given, &addr, len);
	return verdict;
}

/* Run programs on each address; @returned has the bits that all returned. */
static int cgroup_sock_sctp_run_all(struct sock *sk, void *addrs, int size,
				    enum cgroup_bpf_attach_type atype4,
				    enum cgroup_bpf_attach_type atype6,
				    u32 *returned)
{
	struct cgroup_sock_verdict verdict;
	int len = cgroup_sock_sctp_len(sk, addrs, size);

	*returned = len ? U32_MAX : 0;
	for (; len; len = cgroup_sock_sctp_len(sk, addrs, size)) {
		verdict = cgroup_sock_sctp_run(sk, addrs, len, NULL, atype4,
					       atype6, true);
		if (verdict.err)
			return verdict.err;
		*returned &= verdict.returned;
		addrs += len;
		size -= len;
	}
	return 0;
}

int __cgroup_sock_sctp_bind(struct sock *sk, void *addrs, int size)
{
	u32 returned;
	int err = cgroup_sock_sctp_run_all(sk, addrs, size, CGROUP_INET4_BIND,
					   CGROUP_INET6_BIND, &returned);

	if (err)
		return err;
	return returned & 2 ? BIND_SKIP_PORT_CAP : 0;
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

static int cgroup_sock_sctp_send(struct sock *sk, union cgroup_sock_sctp_addr *to,
				 int size, bool locked)
{
	int err, len = cgroup_sock_sctp_len(sk, &to->any, size);
	struct in6_addr source __aligned(8) = {};
	__be16 port;

	if (!len)
		return 0;
	err = cgroup_sock_sctp_refuse_routes(sk);
	if (err)
		return err;
	if (to->any.sa_family == AF_INET6 && ipv6_addr_v4mapped(&to->v6.sin6_addr)) {
		to->v4.sin_addr.s_addr = to->v6.sin6_addr.s6_addr32[3];
		to->v4.sin_family = AF_INET;
	}
	port = to->v4.sin_port;
	err = cgroup_sock_sctp_run(sk, to, len, &source, CGROUP_UDP4_SENDMSG,
				   CGROUP_UDP6_SENDMSG, locked).err;
	if (err)
		return err;
	if ((port && !to->v4.sin_port) || !ipv6_addr_any(&source) ||
	    (to->any.sa_family == AF_INET6 && ipv6_addr_v4mapped(&to->v6.sin6_addr)))
		return -EINVAL;
	return 0;
}

int __cgroup_sock_sctp_sendmsg(struct sock *sk, void *addr, int size)
{
	return cgroup_sock_sctp_send(sk, addr, size, false);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_sendmsg);

/* A further address of a peer, which programs may rewrite but for the port. */
static int cgroup_sock_sctp_dstaddr(struct sock *sk, union cgroup_sock_sctp_addr *to,
				    int size)
{
	__be16 port = to->v4.sin_port;
	int err = 0;

	if (cgroup_sock_sctp_sends(sk))
		err = cgroup_sock_sctp_send(sk, to, size, true);
	if (err)
		return err;
	/* One that was v4-mapped is to be so again. */
	if (size == sizeof(to->v6) && to->any.sa_family == AF_INET) {
		ipv6_addr_set_v4mapped(to->v4.sin_addr.s_addr, &to->v6.sin6_addr);
		to->v6.sin6_family = AF_INET6;
	}
	err = cgroup_sock_sctp_connect(sk, to, size);
	if (!err && to->v4.sin_port != port)
		err = -EINVAL;
	return err;
}

int __cgroup_sock_sctp_dstaddrs(struct sock *sk, struct msghdr *msg,
				__be16 port)
{
	union cgroup_sock_sctp_addr to;
	struct cmsghdr *cmsg;
	int err = 0;

	for_each_cmsghdr(cmsg, msg) {
		if (cmsg->cmsg_level != IPPROTO_SCTP)
			continue;
		memset(&to, 0, sizeof(to));
		to.v4.sin_port = port;
		if (cmsg->cmsg_type == SCTP_DSTADDRV4 &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(to.v4.sin_addr))) {
			to.v4.sin_family = AF_INET;
			memcpy(&to.v4.sin_addr, CMSG_DATA(cmsg), sizeof(to.v4.sin_addr));
			err = cgroup_sock_sctp_dstaddr(sk, &to, sizeof(to.v4));
			memcpy(CMSG_DATA(cmsg), &to.v4.sin_addr, sizeof(to.v4.sin_addr));
		} else if (cmsg->cmsg_type == SCTP_DSTADDRV6 &&
			   cmsg->cmsg_len >= CMSG_LEN(sizeof(to.v6.sin6_addr))) {
			to.v6.sin6_family = AF_INET6;
			memcpy(&to.v6.sin6_addr, CMSG_DATA(cmsg), sizeof(to.v6.sin6_addr));
			err = cgroup_sock_sctp_dstaddr(sk, &to, sizeof(to.v6));
			memcpy(CMSG_DATA(cmsg), &to.v6.sin6_addr, sizeof(to.v6.sin6_addr));
		}
		if (err)
			return err;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_sctp_dstaddrs);
