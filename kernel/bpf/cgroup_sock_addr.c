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

#include "cgroup_sock.h"

/* For callers that hold the socket lock. */
int cgroup_sock_addr_run(struct bpf_sock_addr_kern *ctx,
			 enum cgroup_bpf_attach_type atype, u32 *returned)
{
	int err;

	migrate_disable();
	rcu_read_lock();
	err = cgroup_sock_run_array(cgroup_sock_array(ctx->sk, atype), ctx,
				    returned);
	rcu_read_unlock();
	migrate_enable();
	return err;
}

/*
 * For callers without the socket lock. Whether a program needs it is a property
 * of the array, so that it cannot change between the look and the run: a link
 * update that brings the need in makes a new array.
 */
int cgroup_sock_addr_run_unlocked(struct bpf_sock_addr_kern *ctx,
				  enum cgroup_bpf_attach_type atype, u32 *returned)
{
	const struct bpf_prog_array *array;
	int err;

	migrate_disable();
	rcu_read_lock();
	array = cgroup_sock_array(ctx->sk, atype);
	if (likely(!array->needs_sock_lock)) {
		err = cgroup_sock_run_array(array, ctx, returned);
		rcu_read_unlock();
		migrate_enable();
		return err;
	}
	rcu_read_unlock();
	migrate_enable();

	lock_sock(ctx->sk);
	err = cgroup_sock_addr_run(ctx, atype, returned);
	release_sock(ctx->sk);
	return err;
}

#ifdef CONFIG_INET
static int bind(struct sock *sk, struct sockaddr *uaddr, int addr_len,
		enum cgroup_bpf_attach_type atype, u32 *bind_flags)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;
	int err = cgroup_sock_addr_run_unlocked(&ctx, atype, &returned);

	if (returned & 2)
		*bind_flags |= BIND_SKIP_PORT_CAP;
	return err;
}

int __cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len,
			u32 *flags)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET4_BIND, flags);
}
EXPORT_SYMBOL(__cgroup_sock_bind4);

int __cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len,
			u32 *flags)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET6_BIND, flags);
}
EXPORT_SYMBOL(__cgroup_sock_bind6);

/*
 * Before connect programs run: nothing is bound by one yet, and no options that
 * the socket has lead elsewhere than to the address.
 */
int cgroup_sock_prepare_connect(struct sock *sk)
{
	int err;

	inet_sk(sk)->prog_bound = false;

	rcu_read_lock();
	err = cgroup_sock_route4(sk, rcu_dereference(inet_sk(sk)->inet_opt));
	if (!err && sk->sk_family == AF_INET6)
		err = cgroup_sock_route6(sk, rcu_dereference(inet6_sk(sk)->opt));
	rcu_read_unlock();
	return err;
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
	return cgroup_sock_prepare_connect(sk) ?:
	       cgroup_sock_addr_run(&ctx, CGROUP_INET4_CONNECT, &returned);
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
	return cgroup_sock_prepare_connect(sk) ?:
	       cgroup_sock_addr_run(&ctx, CGROUP_INET6_CONNECT, &returned);
}

int __cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
				int addr_len)
{
	struct bpf_sock_addr_kern ctx = {
		.sk = sk, .uaddr = uaddr, .uaddrlen = addr_len,
	};
	u32 returned;

	if (sk->sk_family == AF_INET || uaddr->sa_family == AF_INET) {
		if (addr_len < sizeof(struct sockaddr_in))
			return -EINVAL;
		if (sk->sk_family == AF_INET6 && ipv6_only_sock(sk))
			return -EAFNOSUPPORT;
		return cgroup_sock_prepare_connect(sk) ?:
		       cgroup_sock_addr_run_unlocked(&ctx, CGROUP_INET4_CONNECT,
						     &returned);
	}
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	return cgroup_sock_prepare_connect(sk) ?:
	       cgroup_sock_addr_run_unlocked(&ctx, CGROUP_INET6_CONNECT,
					     &returned);
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
