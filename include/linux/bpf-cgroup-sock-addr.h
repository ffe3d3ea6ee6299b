/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the system calls of its sockets that take an
 * address: the entry points for net/. See linux/bpf-cgroup-sock.h for how
 * little they do where no program is attached.
 */
#ifndef _BPF_CGROUP_SOCK_ADDR_H
#define _BPF_CGROUP_SOCK_ADDR_H

#include <linux/bpf-cgroup-sock.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

int cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int __cgroup_sock_connect4(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len);
int __cgroup_sock_connect6(struct sock *sk, struct sockaddr *uaddr,
			   int addr_len);
int cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
			      int addr_len);
void __cgroup_sock_unbind(struct sock *sk);

/**
 * cgroup_sock_connect() - run connect programs, with the socket locked
 * @sk: socket of family AF_INET (INET4_CONNECT) or AF_INET6 (INET6_CONNECT)
 * @uaddr: the kernel's copy of the address, which programs may rewrite
 * @addr_len: bytes of @uaddr that user space gave
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, -EINVAL if @addr_len is too small for the family, or -EPERM or
 * the errno of a program.
 */
static inline int cgroup_sock_connect(struct sock *sk, struct sockaddr *uaddr,
				      int addr_len)
{
	if (cgroup_sock_active(sk, INET4_CONNECT) && sk->sk_family == AF_INET)
		return __cgroup_sock_connect4(sk, uaddr, addr_len);
	if (cgroup_sock_active(sk, INET6_CONNECT) && sk->sk_family == AF_INET6)
		return __cgroup_sock_connect6(sk, uaddr, addr_len);
	return 0;
}

/**
 * cgroup_sock_unbind_locked() - take back bpf_bind() if connect() fails
 * @sk: socket of family AF_INET or AF_INET6
 *
 * What the socket was bound to before stays.
 *
 * Context: Process context, with the socket lock held.
 */
static inline void cgroup_sock_unbind_locked(struct sock *sk)
{
	if (inet_sk(sk)->prog_bound)
		__cgroup_sock_unbind(sk);
}

/**
 * cgroup_sock_unbind() - take back bpf_bind() if connect() fails
 * @sk: socket of family AF_INET or AF_INET6
 *
 * The same as cgroup_sock_unbind_locked().
 *
 * Context: Process context, without the socket lock; may sleep.
 */
static inline void cgroup_sock_unbind(struct sock *sk)
{
	/* Looked at again, locked. */
	if (!data_race(inet_sk(sk)->prog_bound))
		return;
	lock_sock(sk);
	cgroup_sock_unbind_locked(sk);
	release_sock(sk);
}

/**
 * cgroup_sock_route4() - refuse source routes that programs would not see
 * @sk: socket of family AF_INET or AF_INET6
 * @opt: options of its IPv4 packets, may be NULL
 *
 * A source route takes a packet elsewhere than to the address that INET4_CONNECT
 * and UDP4_SENDMSG programs see.
 *
 * Context: Any.
 * Return: 0, or -EPERM for a source route if there are such programs.
 */
static inline int cgroup_sock_route4(struct sock *sk,
				     const struct ip_options_rcu *opt)
{
	if (!opt || !opt->opt.srr)
		return 0;
	return cgroup_sock_active(sk, INET4_CONNECT) ||
	       cgroup_sock_active(sk, UDP4_SENDMSG) ? -EPERM : 0;
}

/**
 * cgroup_sock_srcrt6() - refuse a routing header that programs would not see
 * @sk: socket of family AF_INET6 whose packets are to have one
 *
 * A routing header takes a packet elsewhere than to the address that
 * INET6_CONNECT and UDP6_SENDMSG programs see.
 *
 * Context: Any.
 * Return: 0, or -EPERM if there are such programs.
 */
static inline int cgroup_sock_srcrt6(struct sock *sk)
{
	return cgroup_sock_active(sk, INET6_CONNECT) ||
	       cgroup_sock_active(sk, UDP6_SENDMSG) ? -EPERM : 0;
}

/**
 * cgroup_sock_route6() - refuse routing headers that programs would not see
 * @sk: socket of family AF_INET6
 * @opt: options of its IPv6 packets, may be NULL
 *
 * See cgroup_sock_srcrt6().
 *
 * Context: Any.
 * Return: 0, or -EPERM for a routing header if there are such programs.
 */
static inline int cgroup_sock_route6(struct sock *sk,
				     const struct ipv6_txoptions *opt)
{
	return opt && opt->srcrt ? cgroup_sock_srcrt6(sk) : 0;
}

#endif /* _BPF_CGROUP_SOCK_ADDR_H */
