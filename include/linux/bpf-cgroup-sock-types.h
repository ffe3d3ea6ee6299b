/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One row for each attach type of BPF_PROG_TYPE_CGROUP_SOCK and
 * BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
 *
 *   CGROUP_SOCK_HOOK(name, program type, least, greatest return value)
 *
 * Included, with CGROUP_SOCK_HOOK() defined, wherever every attach type has a
 * line of its own. A new attach type is a row here, the rows of the context
 * that it opens in net/core/, and a call where the kernel takes the address.
 */
CGROUP_SOCK_HOOK(INET_SOCK_CREATE,	CGROUP_SOCK,		0, 1)
CGROUP_SOCK_HOOK(INET4_POST_BIND,	CGROUP_SOCK,		0, 1)
CGROUP_SOCK_HOOK(INET6_POST_BIND,	CGROUP_SOCK,		0, 1)
CGROUP_SOCK_HOOK(INET4_BIND,		CGROUP_SOCK_ADDR,	0, 3)
CGROUP_SOCK_HOOK(INET6_BIND,		CGROUP_SOCK_ADDR,	0, 3)
CGROUP_SOCK_HOOK(INET4_CONNECT,		CGROUP_SOCK_ADDR,	0, 1)
CGROUP_SOCK_HOOK(INET6_CONNECT,		CGROUP_SOCK_ADDR,	0, 1)
