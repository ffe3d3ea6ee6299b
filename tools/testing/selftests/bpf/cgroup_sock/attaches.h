/* SPDX-License-Identifier: GPL-2.0 */
/* The attach types of both program types, and what their programs may return. */
#ifndef ATTACHES_H
#define ATTACHES_H

#include <linux/bpf.h>

#include "record.h"

#define SOCK	BPF_PROG_TYPE_CGROUP_SOCK
#define ADDR	BPF_PROG_TYPE_CGROUP_SOCK_ADDR

static const struct attach {
	const char *name;
	enum bpf_prog_type prog;
	enum bpf_attach_type type;
	int min_return;
	int max_return;
} attaches[] = {
	[CREATE]	= { "sock_create", SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0, 1 },
	[RELEASE]	= { "sock_release", SOCK, BPF_CGROUP_INET_SOCK_RELEASE, 0, 1 },
	[POST_BIND4]	= { "post_bind4", SOCK, BPF_CGROUP_INET4_POST_BIND, 0, 1 },
	[POST_BIND6]	= { "post_bind6", SOCK, BPF_CGROUP_INET6_POST_BIND, 0, 1 },
	[BIND4]		= { "bind4", ADDR, BPF_CGROUP_INET4_BIND, 0, 3 },
	[BIND6]		= { "bind6", ADDR, BPF_CGROUP_INET6_BIND, 0, 3 },
	[CONNECT4]	= { "connect4", ADDR, BPF_CGROUP_INET4_CONNECT, 0, 1 },
	[CONNECT6]	= { "connect6", ADDR, BPF_CGROUP_INET6_CONNECT, 0, 1 },
	[SENDMSG4]	= { "sendmsg4", ADDR, BPF_CGROUP_UDP4_SENDMSG, 0, 1 },
	[SENDMSG6]	= { "sendmsg6", ADDR, BPF_CGROUP_UDP6_SENDMSG, 0, 1 },
	[RECVMSG4]	= { "recvmsg4", ADDR, BPF_CGROUP_UDP4_RECVMSG, 1, 1 },
	[RECVMSG6]	= { "recvmsg6", ADDR, BPF_CGROUP_UDP6_RECVMSG, 1, 1 },
	[GETPEERNAME4]	= { "getpeername4", ADDR, BPF_CGROUP_INET4_GETPEERNAME, 1, 1 },
	[GETPEERNAME6]	= { "getpeername6", ADDR, BPF_CGROUP_INET6_GETPEERNAME, 1, 1 },
	[GETSOCKNAME4]	= { "getsockname4", ADDR, BPF_CGROUP_INET4_GETSOCKNAME, 1, 1 },
	[GETSOCKNAME6]	= { "getsockname6", ADDR, BPF_CGROUP_INET6_GETSOCKNAME, 1, 1 },
	[CONNECT_UNIX]	= { "connect_unix", ADDR, BPF_CGROUP_UNIX_CONNECT, 0, 1 },
	[SENDMSG_UNIX]	= { "sendmsg_unix", ADDR, BPF_CGROUP_UNIX_SENDMSG, 0, 1 },
	[RECVMSG_UNIX]	= { "recvmsg_unix", ADDR, BPF_CGROUP_UNIX_RECVMSG, 1, 1 },
	[GETPEERNAME_UNIX] = { "getpeername_unix", ADDR, BPF_CGROUP_UNIX_GETPEERNAME, 1, 1 },
	[GETSOCKNAME_UNIX] = { "getsockname_unix", ADDR, BPF_CGROUP_UNIX_GETSOCKNAME, 1, 1 },
};

#endif
