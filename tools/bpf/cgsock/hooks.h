/* SPDX-License-Identifier: GPL-2.0 */
/* The hooks of a cgroup's IP sockets, as systemd and libbpf call them after "cgroup/". */
#ifndef HOOKS_H
#define HOOKS_H

static const char * const hooks[] = {
	"sock_create", "sock_release", "bind4", "bind6", "post_bind4", "post_bind6",
	"connect4", "connect6", "sendmsg4", "sendmsg6", "recvmsg4", "recvmsg6",
	"getpeername4", "getpeername6", "getsockname4", "getsockname6",
};

#define HOOKS (sizeof(hooks) / sizeof(*hooks))

#endif
