// SPDX-License-Identifier: GPL-2.0
/*
 * A port of 127.0.0.1 is another address and port for the processes of the cgroup. Clients do not
 * notice.
 *
 * Take port = 8080, and 127.0.0.2:80 as the other one. A server of the cgroup binds 127.0.0.1:8080
 * and is bound to 127.0.0.2:80. A client of the cgroup connects to 127.0.0.1:8080 and gets
 * 127.0.0.2:80. Its getpeername() shows 127.0.0.1:8080. Another cgroup can have 127.0.0.3:80.
 *
 * An IPv6 socket that talks IPv4 runs the programs of IPv6 and asks for ::ffff:127.0.0.1. The name
 * localhost can also be ::1, which is left alone here.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LOOPBACK bpf_htonl(INADDR_LOOPBACK)

/* rewrite.c writes them, in network order. */
__u32 port;
__u32 to_ip;
__u32 to_port;

/* The sockets whose peer is not what they asked for. An entry goes with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} rewritten SEC(".maps");

SEC("cgroup/bind4")
int rewrite_bind4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 == LOOPBACK && ctx->user_port == port) {
		ctx->user_ip4 = to_ip;
		ctx->user_port = to_port;
	}
	return 1;
}

SEC("cgroup/connect4")
int rewrite_connect4(struct bpf_sock_addr *ctx)
{
	/* A socket can be connected again, to what is not rewritten. */
	bpf_sk_storage_delete(&rewritten, ctx->sk);
	if (ctx->user_ip4 == LOOPBACK && ctx->user_port == port) {
		bpf_sk_storage_get(&rewritten, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		ctx->user_ip4 = to_ip;
		ctx->user_port = to_port;
	}
	return 1;
}

SEC("cgroup/connect6")
int rewrite_connect6(struct bpf_sock_addr *ctx)
{
	bpf_sk_storage_delete(&rewritten, ctx->sk);
	if (!ctx->user_ip6[0] && !ctx->user_ip6[1] && ctx->user_ip6[2] == bpf_htonl(0xffff) &&
	    ctx->user_ip6[3] == LOOPBACK && ctx->user_port == port) {
		bpf_sk_storage_get(&rewritten, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		ctx->user_ip6[3] = to_ip;
		ctx->user_port = to_port;
	}
	return 1;
}

SEC("cgroup/getpeername4")
int rewrite_getpeername4(struct bpf_sock_addr *ctx)
{
	if (bpf_sk_storage_get(&rewritten, ctx->sk, NULL, 0)) {
		ctx->user_ip4 = LOOPBACK;
		ctx->user_port = port;
	}
	return 1;
}

SEC("cgroup/getpeername6")
int rewrite_getpeername6(struct bpf_sock_addr *ctx)
{
	if (bpf_sk_storage_get(&rewritten, ctx->sk, NULL, 0)) {
		ctx->user_ip6[3] = LOOPBACK;
		ctx->user_port = port;
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
