// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of the cgroup get no raw sockets, and none of one protocol: 0 refuses, and
 * socket() fails with EPERM.
 *
 * Take protocol = 132, which is SCTP. For socket(AF_INET, SOCK_STREAM, 0) the kernel has chosen
 * the protocol before this program runs. It sees IPPROTO_TCP and returns 1, so there is a socket.
 * For socket(AF_INET, SOCK_STREAM, 132) it returns 0.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* <sys/socket.h> has it, but cannot be included here. */
#define SOCK_RAW 3

/* deny.c writes it. It stays 0, which no socket has, if only raw sockets are refused. */
__u32 protocol;

SEC("cgroup/sock_create")
int deny_create(struct bpf_sock *ctx)
{
	return ctx->type != SOCK_RAW && ctx->protocol != protocol;
}

char LICENSE[] SEC("license") = "GPL";
