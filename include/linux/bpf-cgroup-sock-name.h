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

#include <linux/bpf-cgroup-sock-addr.h>
#include <linux/in.h>
#include <linux/in6.h>

static inline void cgroup_sock_getpeername4(struct sock *sk,
					    struct sockaddr_in *name)
{
	cgroup_sock_show(sk, INET4_GETPEERNAME, name, sizeof(*name), true);
}

static inline void cgroup_sock_getpeername6(struct sock *sk,
					    struct sockaddr_in6 *name)
{
	cgroup_sock_show(sk, INET6_GETPEERNAME, name, sizeof(*name), true);
}

static inline void cgroup_sock_getsockname4(struct sock *sk,
					    struct sockaddr_in *name)
{
	cgroup_sock_show(sk, INET4_GETSOCKNAME, name, sizeof(*name), true);
}

static inline void cgroup_sock_getsockname6(struct sock *sk,
					    struct sockaddr_in6 *name)
{
	cgroup_sock_show(sk, INET6_GETSOCKNAME, name, sizeof(*name), true);
}

static inline void cgroup_sock_getname4_unlocked(struct sock *sk, void *name,
						 bool peer)
{
	if (peer)
		cgroup_sock_show(sk, INET4_GETPEERNAME, name,
				 sizeof(struct sockaddr_in), false);
	else
		cgroup_sock_show(sk, INET4_GETSOCKNAME, name,
				 sizeof(struct sockaddr_in), false);
}

static inline void cgroup_sock_getname6_unlocked(struct sock *sk, void *name,
						 bool peer)
{
	if (peer)
		cgroup_sock_show(sk, INET6_GETPEERNAME, name,
				 sizeof(struct sockaddr_in6), false);
	else
		cgroup_sock_show(sk, INET6_GETSOCKNAME, name,
				 sizeof(struct sockaddr_in6), false);
}

#endif /* _BPF_CGROUP_SOCK_NAME_H */
