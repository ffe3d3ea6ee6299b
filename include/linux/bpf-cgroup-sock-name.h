/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the names of its sockets: the entry points for
 * net/. See linux/bpf-cgroup-sock.h for how they are built.
 *
 * Programs may rewrite the name as user space is to see it. The socket is locked,
 * but for the two that say so: L2TP drops packets while a socket is locked.
 */
#ifndef _BPF_CGROUP_SOCK_NAME_H
#define _BPF_CGROUP_SOCK_NAME_H

#include <linux/bpf-cgroup-sock.h>
#include <linux/in.h>
#include <linux/in6.h>

void __cgroup_sock_getpeername4(struct sock *sk, struct sockaddr_in *name);
void __cgroup_sock_getpeername6(struct sock *sk, struct sockaddr_in6 *name);
void __cgroup_sock_getsockname4(struct sock *sk, struct sockaddr_in *name);
void __cgroup_sock_getsockname6(struct sock *sk, struct sockaddr_in6 *name);
void __cgroup_sock_getname4_unlocked(struct sock *sk, void *name, bool peer);
void __cgroup_sock_getname6_unlocked(struct sock *sk, void *name, bool peer);

static inline void cgroup_sock_getpeername4(struct sock *sk,
					    struct sockaddr_in *name)
{
	if (cgroup_sock_active(sk, INET4_GETPEERNAME))
		__cgroup_sock_getpeername4(sk, name);
}

static inline void cgroup_sock_getpeername6(struct sock *sk,
					    struct sockaddr_in6 *name)
{
	if (cgroup_sock_active(sk, INET6_GETPEERNAME))
		__cgroup_sock_getpeername6(sk, name);
}

static inline void cgroup_sock_getsockname4(struct sock *sk,
					    struct sockaddr_in *name)
{
	if (cgroup_sock_active(sk, INET4_GETSOCKNAME))
		__cgroup_sock_getsockname4(sk, name);
}

static inline void cgroup_sock_getsockname6(struct sock *sk,
					    struct sockaddr_in6 *name)
{
	if (cgroup_sock_active(sk, INET6_GETSOCKNAME))
		__cgroup_sock_getsockname6(sk, name);
}

static inline void cgroup_sock_getname4_unlocked(struct sock *sk, void *name,
						 bool peer)
{
	if (peer ? cgroup_sock_active(sk, INET4_GETPEERNAME) :
		   cgroup_sock_active(sk, INET4_GETSOCKNAME))
		__cgroup_sock_getname4_unlocked(sk, name, peer);
}

static inline void cgroup_sock_getname6_unlocked(struct sock *sk, void *name,
						 bool peer)
{
	if (peer ? cgroup_sock_active(sk, INET6_GETPEERNAME) :
		   cgroup_sock_active(sk, INET6_GETSOCKNAME))
		__cgroup_sock_getname6_unlocked(sk, name, peer);
}

#endif /* _BPF_CGROUP_SOCK_NAME_H */
