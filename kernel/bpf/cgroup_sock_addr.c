// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on an address that one of its sockets is to
 * be bound or connected to.
 */

#include <linux/bpf-cgroup-sock-addr.h>
#include <linux/in.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "cgroup_sock_addr.h"

int cgroup_sock_lock_and_run(struct sock *sk, const void *ctx,
			     enum cgroup_bpf_attach_type atype, u32 *returned)
{
	int err;

	lock_sock(sk);
	err = cgroup_sock_run(sk, ctx, atype, returned);
	release_sock(sk);
	return err;
}

#ifdef CONFIG_INET
static __always_inline int bind(struct sock *sk, struct sockaddr *uaddr,
				int addr_len, enum cgroup_bpf_attach_type atype)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;
	int err = cgroup_sock_run_unlocked(sk, &ctx, atype, &returned);

	return err ?: returned & 2 ? BIND_SKIP_PORT_CAP : 0;
}

int __cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET4_BIND);
}
EXPORT_SYMBOL(__cgroup_sock_bind4);

int __cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET6_BIND);
}
EXPORT_SYMBOL(__cgroup_sock_bind6);

noinline int cgroup_sock_refuse_routes(struct sock *sk)
{
	int err;

	rcu_read_lock();
	err = cgroup_sock_route4(sk, rcu_dereference(inet_sk(sk)->inet_opt));
	if (!err && sk->sk_family == AF_INET6)
		err = cgroup_sock_route6(sk, rcu_dereference(inet6_sk(sk)->opt));
	rcu_read_unlock();
	return err;
}

/*
 * Before connect programs run: nothing is bound by one yet, and no options that
 * the socket has lead elsewhere than to the address.
 */
static __always_inline int prepare_connect(struct sock *sk)
{
	inet_sk(sk)->prog_bound = false;
	if (likely(!rcu_access_pointer(inet_sk(sk)->inet_opt) &&
		   (sk->sk_family != AF_INET6 ||
		    !rcu_access_pointer(inet6_sk(sk)->opt))))
		return 0;
	return cgroup_sock_refuse_routes(sk);
}

/* An MPTCP socket connects through a TCP subflow, which has its own call. */
int __cgroup_sock_connect4(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	if (addr_len < sizeof(struct sockaddr_in))
		return -EINVAL;
	return prepare_connect(sk) ?:
	       cgroup_sock_run(sk, &ctx, CGROUP_INET4_CONNECT, &returned);
}

int __cgroup_sock_connect6(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	return prepare_connect(sk) ?:
	       cgroup_sock_run(sk, &ctx, CGROUP_INET6_CONNECT, &returned);
}

int __cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
				int addr_len)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;
	int err;

	if (sk->sk_family == AF_INET || uaddr->sa_family == AF_INET) {
		if (addr_len < sizeof(struct sockaddr_in))
			return -EINVAL;
		if (sk->sk_family == AF_INET6 && ipv6_only_sock(sk))
			return -EAFNOSUPPORT;
		err = prepare_connect(sk) ?:
		      cgroup_sock_run_unlocked(sk, &ctx, CGROUP_INET4_CONNECT,
					       &returned);
	} else {
		if (addr_len < SIN6_LEN_RFC2133)
			return -EINVAL;
		err = prepare_connect(sk) ?:
		      cgroup_sock_run_unlocked(sk, &ctx, CGROUP_INET6_CONNECT,
					       &returned);
	}
	if (likely(!inet_sk(sk)->prog_bound))
		return err;
	if (!err)
		return 1;
	cgroup_sock_unbind(sk);
	return err;
}

/*
 * If there are no programs any more, it was not this connect() that bound the
 * socket. The port goes first, as it is filed under the address.
 */
void __cgroup_sock_unbind(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->prog_bound = false;
	if (!cgroup_sock_active(sk, INET4_CONNECT) &&
	    !cgroup_sock_active(sk, INET6_CONNECT))
		return;

	sk->sk_userlocks &= ~(SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK);
	if (inet->inet_num)
		cgroup_sock_put_port(sk);
	inet->inet_sport = 0;
	inet_reset_saddr(sk);
	if (inet->prog_v6only)
		sk->sk_ipv6only = false;
	sk_dst_reset(sk);
}
#endif /* CONFIG_INET */
