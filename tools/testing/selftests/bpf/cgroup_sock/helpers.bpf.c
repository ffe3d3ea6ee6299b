// SPDX-License-Identifier: GPL-2.0
/* What programs can find out and do by helpers, when a socket is made and connected. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "helpers.h"

#define SOL_SOCKET	1
#define SOL_TCP		6
#define TCP_NODELAY	1
#define SO_PRIORITY	12
#define SO_RCVLOWAT	18
#define SO_MARK		36

struct found found;
__u32 tcp_port;		/* of a listener and of a bound socket, network order */
__u32 udp_port;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} of_socket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} of_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

SEC("cgroup/sock_create")
int create(struct bpf_sock *ctx)
{
	__u64 *note = bpf_sk_storage_get(&of_socket, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	__u64 *count = bpf_get_local_storage(&of_cgroup, 0);
	int one = 1;

	if (note)
		*note = 42;
	__sync_fetch_and_add(count, 1);
	found.sockets = *count;
	found.create_cookie = bpf_get_socket_cookie(ctx);
	found.create_netns = bpf_get_netns_cookie(ctx);
	found.create_nodelay_err = bpf_setsockopt(ctx, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	found.create_constant_err = bpf_setsockopt(ctx, SOL_SOCKET, SO_RCVLOWAT,
						   bpf_this_cpu_ptr(&bpf_prog_active),
						   sizeof(bpf_prog_active));
	return 1;
}

static __always_inline void look_up(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	tuple.ipv4.daddr = ctx->user_ip4;
	tuple.ipv4.dport = tcp_port;
	sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		found.tcp_state = sk->state;
		bpf_sk_release(sk);
	}
	sk = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		found.skc_family = sk->family;
		bpf_sk_release(sk);
	}
	tuple.ipv4.dport = udp_port;
	sk = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		found.udp_port = sk->src_port;
		bpf_sk_release(sk);
	}
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	__u64 *note = ctx->sk ? bpf_sk_storage_get(&of_socket, ctx->sk, 0, 0) : NULL;
	int priority = 5, one = 1;

	found.note = note ? *note : 0;
	found.connect_cookie = bpf_get_socket_cookie(ctx);
	found.connect_netns = bpf_get_netns_cookie(ctx);
	found.init_netns = bpf_get_netns_cookie(NULL);
	found.cgroup = bpf_get_current_cgroup_id();
	found.ancestor = bpf_get_current_ancestor_cgroup_id(1);
	found.pid = bpf_get_current_pid_tgid() >> 32;
	found.uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(found.comm, sizeof(found.comm));
	found.getsockopt_err = bpf_getsockopt(ctx, SOL_SOCKET, SO_MARK, &found.mark,
					      sizeof(found.mark));
	found.setsockopt_err = bpf_setsockopt(ctx, SOL_SOCKET, SO_PRIORITY, &priority,
					      sizeof(priority));
	found.connect_nodelay_err = bpf_setsockopt(ctx, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	found.connect_constant_err = bpf_setsockopt(ctx, SOL_SOCKET, SO_RCVLOWAT,
						    bpf_this_cpu_ptr(&bpf_prog_active),
						    sizeof(bpf_prog_active));
	look_up(ctx);
	bpf_set_retval(-1);
	bpf_tail_call(ctx, &next, 0);
	return 0;
}

SEC("cgroup/connect4")
int then(struct bpf_sock_addr *ctx)
{
	found.retval = bpf_get_retval();
	found.tail_called++;
	bpf_set_retval(0);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
