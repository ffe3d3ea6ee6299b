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

struct cgroup_sock_verdict
cgroup_sock_lock_and_run(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;

	lock_sock(sk);
	cgroup_sock_enter();
	verdict = __cgroup_sock_run_in_context(cgroup_sock_array(sk, atype), ctx);
	cgroup_sock_leave();
	release_sock(sk);
	return verdict;
}

#ifdef CONFIG_INET
static __always_inline int bind(struct sock *sk, struct sockaddr *uaddr,
				int addr_len, enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, NULL);
	verdict = cgroup_sock_run_unlocked(sk, &ctx, atype);
	return verdict.err ?: verdict.returned & 2 ? BIND_SKIP_PORT_CAP : 0;
}

/**
 * cgroup_sock_bind4() - run INET4_BIND programs on the address given to bind()
 * @sk: socket of family AF_INET for which cgroup_sock_active(@sk, INET4_BIND)
 * @uaddr: the kernel's copy of the address, which programs may rewrite; at
 *         least a struct sockaddr_in
 * @addr_len: bytes of @uaddr that user space gave
 *
 * Callers look whether there are programs, so that those who find none go on
 * without anything saved for the way back.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: BIND_SKIP_PORT_CAP if a program vouches for the port or 0, or -EPERM
 * or the errno of a program.
 */
int cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET4_BIND);
}

/**
 * cgroup_sock_bind6() - run INET6_BIND programs on the address given to bind()
 * @sk: socket of family AF_INET6 for which cgroup_sock_active(@sk, INET6_BIND)
 * @uaddr: the kernel's copy of the address, which programs may rewrite; at
 *         least SIN6_LEN_RFC2133 bytes
 * @addr_len: bytes of @uaddr that user space gave
 *
 * The same as cgroup_sock_bind4().
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: BIND_SKIP_PORT_CAP if a program vouches for the port or 0, or -EPERM
 * or the errno of a program.
 */
int cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	return bind(sk, uaddr, addr_len, CGROUP_INET6_BIND);
}
EXPORT_SYMBOL(cgroup_sock_bind6);

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

/* inet6_sk() would ask whether the socket is a full one; those that connect are. */
static __always_inline bool has_options6(struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return rcu_access_pointer(inet_sk(sk)->pinet6->opt);
#else
	return false;
#endif
}

/*
 * Before connect programs run: nothing is bound by one yet, and no options that
 * the socket has lead elsewhere than to the address.
 */
static __always_inline int prepare_connect(struct sock *sk, int addr_len,
					   int least)
{
	WRITE_ONCE(inet_sk(sk)->prog_bound, false);
	if (addr_len < least)
		return -EINVAL;
	if (likely(!rcu_access_pointer(inet_sk(sk)->inet_opt) &&
		   (sk->sk_family != AF_INET6 || !has_options6(sk))))
		return 0;
	return cgroup_sock_refuse_routes(sk);
}

/* An MPTCP socket connects through a TCP subflow, which has its own call. */
int __cgroup_sock_connect4(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, NULL);
	return prepare_connect(sk, addr_len, sizeof(struct sockaddr_in)) ?:
	       cgroup_sock_run(sk, &ctx, CGROUP_INET4_CONNECT).err;
}

int __cgroup_sock_connect6(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, NULL);
	return prepare_connect(sk, addr_len, SIN6_LEN_RFC2133) ?:
	       cgroup_sock_run(sk, &ctx, CGROUP_INET6_CONNECT).err;
}

/**
 * cgroup_sock_connect_dgram() - run connect programs, without the lock
 * @sk: socket of family AF_INET or AF_INET6 for which
 *      cgroup_sock_active(@sk, INET4_CONNECT) or (@sk, INET6_CONNECT)
 * @uaddr: the kernel's copy of the address, which programs may rewrite, long
 *         enough to hold a family
 * @addr_len: bytes of @uaddr that user space gave
 *
 * A datagram socket of family AF_INET6 can be connected to an AF_INET address;
 * that is a matter for the INET4_CONNECT programs, as it is on an AF_INET one.
 * If connect() fails, cgroup_sock_unbind() is to take back what they bound.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, -EINVAL if @addr_len is too small for the family, or -EPERM or
 * the errno of a program.
 */
int cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
			      int addr_len)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, NULL);
	if (sk->sk_family == AF_INET6) {
		if (uaddr->sa_family != AF_INET)
			return prepare_connect(sk, addr_len, SIN6_LEN_RFC2133) ?:
			       cgroup_sock_run_unlocked(sk, &ctx,
							CGROUP_INET6_CONNECT).err;
		if (ipv6_only_sock(sk))
			return prepare_connect(sk, addr_len,
					       sizeof(struct sockaddr_in)) ?:
			       -EAFNOSUPPORT;
	}
	return prepare_connect(sk, addr_len, sizeof(struct sockaddr_in)) ?:
	       cgroup_sock_run_unlocked(sk, &ctx, CGROUP_INET4_CONNECT).err;
}

/* Only a datagram socket of family AF_INET6 runs programs of both families. */
static bool connects_by_progs(struct sock *sk)
{
	if (sk->sk_family == AF_INET6 && cgroup_sock_active(sk, INET6_CONNECT))
		return true;
	return (sk->sk_family == AF_INET || sk->sk_type != SOCK_STREAM) &&
	       cgroup_sock_active(sk, INET4_CONNECT);
}

/*
 * If there are no programs any more, it was not this connect() that bound the
 * socket. The port goes first, as it is filed under the address.
 */
void __cgroup_sock_unbind(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->prog_bound = false;
	if (!connects_by_progs(sk))
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
