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
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

int __cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int __cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int __cgroup_sock_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
			      int addr_len, struct cgroup_sock_bound *before);
void cgroup_sock_connect_undo(struct sock *sk);
int __cgroup_sock_check_dev(const struct sock *sk, int prog_dev_if, int dev_if);
int __cgroup_sock_mc_dev(const struct sock *sk, int prog_dev_if, int dev_if);

#ifdef CONFIG_CGROUP_BPF
void cgroup_sock_run_name(struct sock *sk, void *name, int len,
			  enum cgroup_bpf_attach_type atype, bool locked);

/* Run programs on a name; @locked is whether the caller holds the socket lock. */
#define cgroup_sock_show(sk, hook, name, len, locked)			\
do {									\
	if (cgroup_sock_active(sk, hook))				\
		cgroup_sock_run_name(sk, name, len, CGROUP_##hook, locked); \
} while (0)
#else
#define cgroup_sock_show(...)	do { } while (0)
#endif

/**
 * cgroup_sock_bind4() - run INET4_BIND programs on the address given to bind()
 * @sk: socket of family AF_INET
 * @uaddr: the kernel's copy of the address, which programs may rewrite; at
 *         least a struct sockaddr_in
 * @addr_len: bytes of @uaddr that user space gave
 *
 * The programs see the family that the protocol takes the address for.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, BIND_SKIP_PORT_CAP if a program vouches for the port,
 * -EAFNOSUPPORT for an address of family AF_UNSPEC that the protocol would not
 * take, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr,
				    int addr_len)
{
	if (!cgroup_sock_active(sk, INET4_BIND))
		return 0;
	return __cgroup_sock_bind4(sk, uaddr, addr_len);
}

/**
 * cgroup_sock_bind6() - run INET6_BIND programs on the address given to bind()
 * @sk: socket of family AF_INET6
 * @uaddr: the kernel's copy of the address, which programs may rewrite; at
 *         least SIN6_LEN_RFC2133 bytes
 * @addr_len: bytes of @uaddr that user space gave
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, BIND_SKIP_PORT_CAP if a program vouches for the port, or -EPERM or
 * the errno of a program.
 */
static inline int cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr,
				    int addr_len)
{
	if (!cgroup_sock_active(sk, INET6_BIND))
		return 0;
	return __cgroup_sock_bind6(sk, uaddr, addr_len);
}

/**
 * cgroup_sock_connect() - run connect programs on a stream socket
 * @sk: socket of family AF_INET (INET4_CONNECT) or AF_INET6 (INET6_CONNECT)
 * @uaddr: the kernel's copy of the address, which programs may rewrite
 * @addr_len: bytes of @uaddr that user space gave
 *
 * If the connection fails, then or later, cgroup_sock_connect_failed() is to take
 * back what bpf_bind() did.
 *
 * Context: Process context, with the socket lock held; may sleep.
 * Return: 0, also for an @addr_len that the protocol is to refuse, -ENOMEM, or
 * -EPERM or the errno of a program.
 */
static inline int cgroup_sock_connect(struct sock *sk, struct sockaddr *uaddr,
				      int addr_len)
{
	if ((cgroup_sock_active(sk, INET4_CONNECT) && sk->sk_family == AF_INET) ||
	    (cgroup_sock_active(sk, INET6_CONNECT) && sk->sk_family == AF_INET6))
		return __cgroup_sock_connect(sk, uaddr, addr_len);
	return 0;
}

/**
 * cgroup_sock_connect_failed() - take back bpf_bind() if connect() failed
 * @sk: stream socket; nothing is done unless it is in state TCP_CLOSE
 *
 * The socket is bound to what it was bound to before that connect().
 *
 * Context: Process context, with the socket lock held.
 * Return: whether there was something to take back.
 */
static inline bool cgroup_sock_connect_failed(struct sock *sk)
{
	if (!IS_ENABLED(CONFIG_CGROUP_BPF) || likely(!inet_sk(sk)->connect_bound))
		return false;
	cgroup_sock_connect_undo(sk);
	return true;
}

/**
 * cgroup_sock_connect_failed_unlocked() - take back bpf_bind() before bind()
 * @sk: socket of family AF_INET or AF_INET6
 *
 * What a connect() that failed has bound is not to be in the way.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: whether there was something to take back.
 */
static inline bool cgroup_sock_connect_failed_unlocked(struct sock *sk)
{
	bool undone;

	if (!IS_ENABLED(CONFIG_CGROUP_BPF) ||
	    likely(!READ_ONCE(inet_sk(sk)->connect_bound)))
		return false;
	lock_sock(sk);
	undone = cgroup_sock_connect_failed(sk);
	release_sock(sk);
	return undone;
}

/**
 * cgroup_sock_connect_keep() - keep what bpf_bind() did
 * @sk: stream socket whose connection is established, or whose user gave it up
 *
 * Context: Any, with the socket lock held, or nobody else has @sk.
 */
static inline void cgroup_sock_connect_keep(struct sock *sk)
{
	if (likely(!inet_sk(sk)->connect_bound))
		return;
	kfree(inet_sk(sk)->connect_bound);
	inet_sk(sk)->connect_bound = NULL;
}

/**
 * cgroup_sock_connects() - whether connect programs see the peers of a socket
 * @sk: socket of family AF_INET or AF_INET6
 *
 * Context: Any.
 * Return: whether there are connect programs of a family that it connects to.
 */
static inline bool cgroup_sock_connects(struct sock *sk)
{
	return cgroup_sock_active(sk, INET4_CONNECT) ||
	       cgroup_sock_active(sk, INET6_CONNECT);
}

/**
 * cgroup_sock_check_dev() - refuse devices outside of the L3 domain that an
 * INET_SOCK_CREATE program chose
 * @sk: socket of family AF_INET or AF_INET6
 * @dev_if: index of the device that packets of @sk are to leave by
 *
 * The same rule as that of connect(), but for the device of the program: it has
 * to be the same one, or one that is enslaved to it.
 *
 * Context: Any.
 * Return: 0, or -EINVAL.
 */
static inline int cgroup_sock_check_dev(const struct sock *sk, int dev_if)
{
	int prog_dev_if = READ_ONCE(inet_sk(sk)->prog_dev_if);

	if (!IS_ENABLED(CONFIG_CGROUP_BPF) || likely(!prog_dev_if))
		return 0;
	return __cgroup_sock_check_dev(sk, prog_dev_if, dev_if);
}

/**
 * cgroup_sock_mc_dev() - the device for multicast of a socket in a VRF
 * @sk: socket of family AF_INET or AF_INET6 that sends IPv4
 * @dev_if: index of the VRF that it is bound to, or 0
 *
 * Context: Any.
 * Return: the device of IP_MULTICAST_IF, or 0; if a program chose the VRF and
 * that device is not in it, the VRF.
 */
static inline int cgroup_sock_mc_dev(const struct sock *sk, int dev_if)
{
	int prog_dev_if = READ_ONCE(inet_sk(sk)->prog_dev_if);

	if (!IS_ENABLED(CONFIG_CGROUP_BPF) || likely(!prog_dev_if))
		return READ_ONCE(inet_sk(sk)->mc_index);
	return __cgroup_sock_mc_dev(sk, prog_dev_if, dev_if);
}

#endif /* _BPF_CGROUP_SOCK_ADDR_H */
