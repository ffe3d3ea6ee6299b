/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the addresses of datagrams: the entry points for
 * net/. See linux/bpf-cgroup-sock.h for how they are built.
 */
#ifndef _BPF_CGROUP_SOCK_MSG_H
#define _BPF_CGROUP_SOCK_MSG_H

#include <linux/bpf-cgroup-sock-addr.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <net/flow.h>

int __cgroup_sock_sendmsg4(struct sock *sk, struct sockaddr_in *to,
			   __be32 *saddr);
int __cgroup_sock_sendmsg6(struct sock *sk, const struct msghdr *msg,
			   struct flowi6 *fl6);
int __cgroup_sock_sendto4(struct sock *sk, const struct msghdr *msg,
			  __be32 *saddr, __be32 *daddr, bool locked);
int __cgroup_sock_sendto6(struct sock *sk, const struct msghdr *msg,
			  struct flowi6 *fl6);

/**
 * cgroup_sock_sendmsg4() - run UDP4_SENDMSG programs on a datagram's addresses
 * @sk: UDP or UDP-Lite socket that sends an IPv4 datagram
 * @saddr: the source address, 0 if the kernel is to choose; may be rewritten
 * @daddr: the destination, which programs may rewrite
 * @dport: its port, which programs may rewrite
 *
 * For datagrams that do not take the way of the connection. What user space
 * gave stays as it is, so that a call that sends several datagrams shows the
 * programs the same address each time.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, -EINVAL if a program set the port to 0, or -EPERM or the errno of
 * a program.
 */
static inline int cgroup_sock_sendmsg4(struct sock *sk, __be32 *saddr,
				       __be32 *daddr, __be16 *dport)
{
	struct sockaddr_in to;
	int err;

	if (!cgroup_sock_active(sk, UDP4_SENDMSG))
		return 0;
	to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = *daddr,
		.sin_port = *dport,
	};
	err = __cgroup_sock_sendmsg4(sk, &to, saddr);
	*daddr = to.sin_addr.s_addr;
	*dport = to.sin_port;
	return err;
}

/**
 * cgroup_sock_sendmsg6() - run UDP6_SENDMSG programs on a datagram's addresses
 * @sk: UDP or UDP-Lite socket that sends an IPv6 datagram
 * @msg: the message
 * @fl6: its flow: the source address, :: if the kernel is to choose, and the
 *       destination and its port may be rewritten; the device follows if it was
 *       that of a scope id which the new destination has no use for
 *
 * The same as cgroup_sock_sendmsg4(). A datagram is on its way to IPv6 here, so
 * a program that puts a v4-mapped destination there gets -EINVAL, too.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, -EINVAL, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_sendmsg6(struct sock *sk, const struct msghdr *msg,
				       struct flowi6 *fl6)
{
	if (!cgroup_sock_active(sk, UDP6_SENDMSG))
		return 0;
	return __cgroup_sock_sendmsg6(sk, msg, fl6);
}

/**
 * cgroup_sock_sendto4() - run UDP4_SENDMSG programs for a socket without ports
 * @sk: raw, ping or L2TP socket that sends an IPv4 datagram
 * @msg: the message; programs run if it has an address of its own or control
 *       messages, which may choose source and device
 * @saddr: the source address, 0 if the kernel is to choose; may be rewritten
 * @daddr: the destination, which programs may rewrite
 *
 * The programs see the port that user space put into the address, here or in
 * connect(), whatever it means to the protocol. Nothing would follow another one.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, -EINVAL if a program changed the port, or -EPERM or the errno of a
 * program.
 */
static inline int cgroup_sock_sendto4(struct sock *sk, const struct msghdr *msg,
				      __be32 *saddr, __be32 *daddr)
{
	if (!cgroup_sock_active(sk, UDP4_SENDMSG) ||
	    !(msg->msg_namelen || msg->msg_controllen))
		return 0;
	return __cgroup_sock_sendto4(sk, msg, saddr, daddr, false);
}

/* The same with the socket lock held, and for an address of its own only. */
static inline int cgroup_sock_sendto4_locked(struct sock *sk,
					     const struct msghdr *msg,
					     __be32 *saddr, __be32 *daddr)
{
	if (!cgroup_sock_active(sk, UDP4_SENDMSG) || !msg->msg_namelen)
		return 0;
	return __cgroup_sock_sendto4(sk, msg, saddr, daddr, true);
}

/* The same for IPv6, see cgroup_sock_sendmsg6() for @fl6. */
static inline int cgroup_sock_sendto6(struct sock *sk, const struct msghdr *msg,
				      struct flowi6 *fl6)
{
	if (!cgroup_sock_active(sk, UDP6_SENDMSG) ||
	    !(msg->msg_namelen || msg->msg_controllen))
		return 0;
	return __cgroup_sock_sendto6(sk, msg, fl6);
}

/* The sender as user space is to see it, which programs may rewrite. The socket is
 * not locked, and this may sleep.
 */
static inline void cgroup_sock_recvmsg4(struct sock *sk,
					struct sockaddr_in *from)
{
	cgroup_sock_show(sk, UDP4_RECVMSG, from, sizeof(*from), false);
}

static inline void cgroup_sock_recvmsg6(struct sock *sk,
					struct sockaddr_in6 *from)
{
	cgroup_sock_show(sk, UDP6_RECVMSG, from, sizeof(*from), false);
}

/**
 * cgroup_sock_sees_messages() - whether programs see messages before they are
 * sent
 * @sk: socket of family AF_INET or AF_INET6
 *
 * A datagram socket gets no port before they had their say.
 *
 * Context: Any.
 * Return: whether it is a datagram socket with sendmsg programs.
 */
static inline bool cgroup_sock_sees_messages(struct sock *sk)
{
	return sk->sk_type == SOCK_DGRAM &&
	       (cgroup_sock_active(sk, UDP4_SENDMSG) ||
		(cgroup_sock_active(sk, UDP6_SENDMSG) &&
		 sk->sk_family == AF_INET6));
}

#endif /* _BPF_CGROUP_SOCK_MSG_H */
