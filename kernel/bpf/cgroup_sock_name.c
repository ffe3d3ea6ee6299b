// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the names of its sockets.
 */

#include <linux/bpf-cgroup-sock-name.h>

#include "cgroup_sock_addr.h"

void __cgroup_sock_getpeername4(struct sock *sk, struct sockaddr_in *name)
{
	cgroup_sock_show_name(sk, name, sizeof(*name), CGROUP_INET4_GETPEERNAME,
			      cgroup_sock_run);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getpeername4);

void __cgroup_sock_getpeername6(struct sock *sk, struct sockaddr_in6 *name)
{
	cgroup_sock_show_name(sk, name, sizeof(*name), CGROUP_INET6_GETPEERNAME,
			      cgroup_sock_run);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getpeername6);

void __cgroup_sock_getsockname4(struct sock *sk, struct sockaddr_in *name)
{
	cgroup_sock_show_name(sk, name, sizeof(*name), CGROUP_INET4_GETSOCKNAME,
			      cgroup_sock_run);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getsockname4);

void __cgroup_sock_getsockname6(struct sock *sk, struct sockaddr_in6 *name)
{
	cgroup_sock_show_name(sk, name, sizeof(*name), CGROUP_INET6_GETSOCKNAME,
			      cgroup_sock_run);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getsockname6);

void __cgroup_sock_getname4_unlocked(struct sock *sk, void *name, bool peer)
{
	cgroup_sock_show_name(sk, name, sizeof(struct sockaddr_in),
			      peer ? CGROUP_INET4_GETPEERNAME :
				     CGROUP_INET4_GETSOCKNAME,
			      cgroup_sock_run_unlocked);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getname4_unlocked);

void __cgroup_sock_getname6_unlocked(struct sock *sk, void *name, bool peer)
{
	cgroup_sock_show_name(sk, name, sizeof(struct sockaddr_in6),
			      peer ? CGROUP_INET6_GETPEERNAME :
				     CGROUP_INET6_GETSOCKNAME,
			      cgroup_sock_run_unlocked);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_getname6_unlocked);
