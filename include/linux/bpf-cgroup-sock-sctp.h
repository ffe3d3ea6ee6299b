/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the addresses of its SCTP sockets, of which a
 * call may bring several: the entry points for net/sctp/. See
 * linux/bpf-cgroup-sock.h for how little they do where no program is attached.
 *
 * An AF_INET address on a socket of family AF_INET6 is a matter for the
 * programs of IPv4. Addresses that SCTP does not take are left to it.
 */
#ifndef _BPF_CGROUP_SOCK_SCTP_H
#define _BPF_CGROUP_SOCK_SCTP_H

#include <linux/bpf-cgroup-sock-addr.h>
#include <linux/socket.h>

int __cgroup_sock_sctp_bind(struct sock *sk, void *addrs, int size);
int __cgroup_sock_sctp_post_bind(struct sock *sk);
int __cgroup_sock_sctp_connect(struct sock *sk, void *addrs, int size);
int __cgroup_sock_sctp_sendmsg(struct sock *sk, void *addr, int size);
int __cgroup_sock_sctp_dstaddrs(struct sock *sk, struct msghdr *msg,
				__be16 port);

/* Whether there are programs that see what is bound or sent to. */
static inline bool cgroup_sock_sctp_binds(struct sock *sk)
{
	return cgroup_sock_active(sk, INET4_BIND) ||
	       cgroup_sock_active(sk, INET6_BIND);
}

static inline bool cgroup_sock_sctp_sends(struct sock *sk)
{
	return cgroup_sock_active(sk, UDP4_SENDMSG) ||
	       cgroup_sock_active(sk, UDP6_SENDMSG);
}

/**
 * cgroup_sock_sctp_bind() - run INET4_BIND and INET6_BIND programs on each
 * address that a socket is to have
 * @sk: SCTP socket
 * @addrs: the kernel's copy of one or more addresses, struct sockaddr_in and
 *         struct sockaddr_in6 one behind the other, which programs may rewrite
 * @size: bytes of @addrs
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, BIND_SKIP_PORT_CAP if for each address there is a program that
 * vouches for its port, or -EPERM or the errno of a program; the addresses behind
 * that one are not looked at.
 */
static inline int cgroup_sock_sctp_bind(struct sock *sk, void *addrs, int size)
{
	if (!cgroup_sock_sctp_binds(sk))
		return 0;
	return __cgroup_sock_sctp_bind(sk, addrs, size);
}

/**
 * cgroup_sock_sctp_post_bind() - run post_bind programs on an address that a
 * process asked for
 * @sk: SCTP socket that just got it
 *
 * After a refusal the caller takes the address back, and the port with the only
 * one.
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_sctp_post_bind(struct sock *sk)
{
	return cgroup_sock_has_post_bind(sk) ? __cgroup_sock_sctp_post_bind(sk) : 0;
}

/**
 * cgroup_sock_sctp_connect() - run INET4_CONNECT and INET6_CONNECT programs on
 * each address of the peer of a new association
 * @sk: SCTP socket
 * @addrs: the kernel's copy of one or more addresses, see
 *         cgroup_sock_sctp_bind()
 * @size: bytes of @addrs
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program; the addresses behind that one
 * are not looked at.
 */
static inline int cgroup_sock_sctp_connect(struct sock *sk, void *addrs,
					   int size)
{
	if (!cgroup_sock_connects(sk))
		return 0;
	return __cgroup_sock_sctp_connect(sk, addrs, size);
}

/**
 * cgroup_sock_sctp_sendmsg() - run UDP4_SENDMSG or UDP6_SENDMSG programs on the
 * address of a message
 * @sk: SCTP socket
 * @addr: a copy of the address, which programs may rewrite; a v4-mapped one
 *        becomes one of AF_INET for them, as it does in SCTP
 * @size: bytes of @addr
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, -EINVAL if a program set the port to 0, the address to a v4-mapped
 * one, or a source, which SCTP would not follow, or -EPERM or the errno of a
 * program.
 */
static inline int cgroup_sock_sctp_sendmsg(struct sock *sk, void *addr,
					   int size)
{
	if (!cgroup_sock_sctp_sends(sk))
		return 0;
	return __cgroup_sock_sctp_sendmsg(sk, addr, size);
}

/**
 * cgroup_sock_sctp_dstaddrs() - run sendmsg and connect programs on the further
 * addresses of a peer that a message makes an association with
 * @sk: SCTP socket
 * @msg: the message, whose SCTP_DSTADDRV4 and SCTP_DSTADDRV6 control messages,
 *       in the kernel's memory, programs may rewrite
 * @port: the port of the peer, which is that of all its addresses
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, -EINVAL if a program changed the port or see
 * cgroup_sock_sctp_sendmsg(), or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_sctp_dstaddrs(struct sock *sk,
					    struct msghdr *msg, __be16 port)
{
	if (!cgroup_sock_sctp_sends(sk) && !cgroup_sock_connects(sk))
		return 0;
	return __cgroup_sock_sctp_dstaddrs(sk, msg, port);
}

/**
 * cgroup_sock_sctp_recvmsg() - run UDP4_RECVMSG or UDP6_RECVMSG programs on the
 * sender of a message
 * @sk: SCTP socket
 * @name: the sender as user space is to see it, which programs may rewrite, or
 *        NULL if nobody asked
 *
 * Context: Process context, with the socket lock held.
 */
static inline void cgroup_sock_sctp_recvmsg(struct sock *sk,
					    struct sockaddr *name)
{
	if (!name)
		return;
	if (name->sa_family == AF_INET)
		cgroup_sock_show(sk, UDP4_RECVMSG, name, sizeof(struct sockaddr_in),
				 true);
	else
		cgroup_sock_show(sk, UDP6_RECVMSG, name, sizeof(struct sockaddr_in6),
				 true);
}

#endif /* _BPF_CGROUP_SOCK_SCTP_H */
