/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the addresses of its AF_UNIX sockets: the entry
 * points for net/unix/. See linux/bpf-cgroup-sock.h for how little they do
 * where no program is attached.
 *
 * The length of an AF_UNIX address is part of it, so programs may change that
 * as well: every address here has room for a struct sockaddr_un.
 */
#ifndef _BPF_CGROUP_SOCK_UNIX_H
#define _BPF_CGROUP_SOCK_UNIX_H

#include <linux/bpf-cgroup-sock.h>
#include <linux/socket.h>
#include <linux/un.h>

struct bpf_sock_addr_kern;

int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern,
			       const u8 *sun_path, u32 sun_path__sz);
int __cgroup_sock_unix_connect(struct sock *sk, struct sockaddr *uaddr,
			       int *addr_len);
int __cgroup_sock_unix_sendmsg(struct sock *sk, struct sockaddr_un **name,
			       int *len, struct sockaddr_storage *copy);
void __cgroup_sock_unix_recvmsg(struct sock *sk, struct msghdr *msg);
int cgroup_sock_unix_getname(struct sock *sk, struct sockaddr *name, int len,
			     bool peer);

/**
 * cgroup_sock_unix_connect() - run UNIX_CONNECT programs on an address
 * @sk: socket of family AF_UNIX, of any type
 * @uaddr: the kernel's copy of the address, which programs may rewrite
 * @addr_len: bytes of @uaddr, which follows the rewrite
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_unix_connect(struct sock *sk,
					   struct sockaddr *uaddr,
					   int *addr_len)
{
	if (!cgroup_sock_active(sk, UNIX_CONNECT))
		return 0;
	return __cgroup_sock_unix_connect(sk, uaddr, addr_len);
}

/**
 * cgroup_sock_unix_sendmsg() - run UNIX_SENDMSG programs on a destination
 * @sk: datagram socket of family AF_UNIX
 * @name: the destination that user space gave, which stays as it is for those
 *        who look at it later; if there are programs, it is @copy after them
 * @len: bytes of *@name, which follows the rewrite
 * @copy: room for the address that programs may rewrite
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_unix_sendmsg(struct sock *sk,
					   struct sockaddr_un **name, int *len,
					   struct sockaddr_storage *copy)
{
	if (!cgroup_sock_active(sk, UNIX_SENDMSG))
		return 0;
	return __cgroup_sock_unix_sendmsg(sk, name, len, copy);
}

/**
 * cgroup_sock_unix_recvmsg() - run UNIX_RECVMSG programs on a sender's name
 * @sk: socket of family AF_UNIX, of any type
 * @msg: a message whose receiver asked for the name; of no length if the sender
 *       has none. Programs may rewrite it, and the length follows.
 *
 * Context: Process context, without the socket lock; may sleep.
 */
static inline void cgroup_sock_unix_recvmsg(struct sock *sk, struct msghdr *msg)
{
	if (cgroup_sock_active(sk, UNIX_RECVMSG))
		__cgroup_sock_unix_recvmsg(sk, msg);
}

#endif /* _BPF_CGROUP_SOCK_UNIX_H */
