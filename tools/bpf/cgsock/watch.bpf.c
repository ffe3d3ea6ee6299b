// SPDX-License-Identifier: GPL-2.0
/*
 * What any program of a cgroup refuses or rewrites, by the kernel's tracepoints. Only kernels with
 * the cgroup-sock series have them.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "event.h"
#include "event.bpf.h"

#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10

/* Programs of firewall and deny, which tell by themselves what they refuse, with the rule. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TOLD);
	__type(key, __u32);
	__type(value, __u32);
} told SEC(".maps");

struct bpf_prog_aux {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_prog {
	enum bpf_attach_type expected_attach_type;
	struct bpf_prog_aux *aux;
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
} __attribute__((preserve_access_index));

struct cgroup_sock_name {
	int len;
} __attribute__((preserve_access_index));

struct cgroup_sock_view {
	struct cgroup_sock_name addr;
	struct cgroup_sock_name source;
	int dev_if;
	__u32 mark;
	__u32 priority;
} __attribute__((preserve_access_index));

/* A name begins with the address, of whatever family. */
static __always_inline void copy_name(struct endpoint *to, struct cgroup_sock_name *from)
{
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name = {};

	bpf_probe_read_kernel(&name, sizeof(name), from);
	to->family = name.v4.sin_family;
	to->port = bpf_ntohs(name.v4.sin_port);
	if (to->family == AF_INET) {
		to->ip[0] = name.v4.sin_addr.s_addr;
	} else if (to->family == AF_INET6) {
		to->ip[0] = name.v6.sin6_addr.s6_addr32[0];
		to->ip[1] = name.v6.sin6_addr.s6_addr32[1];
		to->ip[2] = name.v6.sin6_addr.s6_addr32[2];
		to->ip[3] = name.v6.sin6_addr.s6_addr32[3];
	}
}

static __always_inline void copy_view(struct view *to, struct cgroup_sock_view *from)
{
	const int path = sizeof(unsigned short);

	copy_name(&to->address, &from->addr);
	copy_name(&to->source, &from->source);
	if (to->address.family == AF_UNIX) {
		/* A sender may have no name. */
		if (from->addr.len > path)
			to->path_len = from->addr.len - path;
		bpf_probe_read_kernel(to->path, sizeof(to->path), (char *)&from->addr + path);
	}
	to->device = from->dev_if;
	to->mark = from->mark;
	to->priority = from->priority;
}

static __always_inline void tell(struct sock *sk, struct bpf_prog *prog, __u64 holder,
				 struct cgroup_sock_view *before, struct cgroup_sock_view *now,
				 int err)
{
	struct traced *traced = reserve(sizeof(*traced));

	if (!traced)
		return;
	__builtin_memset(traced, 0, sizeof(*traced));
	traced->time = bpf_ktime_get_ns();
	traced->cgroup = bpf_get_current_cgroup_id();
	traced->holder = holder;
	traced->pid = bpf_get_current_pid_tgid() >> 32;
	traced->uid = bpf_get_current_uid_gid();
	traced->program = prog->aux->id;
	traced->hook = prog->expected_attach_type;
	traced->refused = -err;
	traced->family = sk->__sk_common.skc_family;
	traced->type = sk->sk_type;
	traced->protocol = sk->sk_protocol;
	copy_view(&traced->before, before);
	copy_view(&traced->now, now);
	bpf_get_current_comm(traced->command, sizeof(traced->command));
	bpf_ringbuf_submit(traced, 0);
}

/* Both have the socket, the program, its cgroup, the view before, the one now, and the errno. */
SEC("tp_btf/cgroup_sock_refuse")
int watch_refuse(__u64 *ctx)
{
	struct bpf_prog *prog = (void *)ctx[1];
	__u32 id = prog->aux->id;

	if (!bpf_map_lookup_elem(&told, &id))
		tell((void *)ctx[0], prog, ctx[2], (void *)ctx[3], (void *)ctx[4], ctx[5]);
	return 0;
}

SEC("tp_btf/cgroup_sock_rewrite")
int watch_rewrite(__u64 *ctx)
{
	tell((void *)ctx[0], (void *)ctx[1], ctx[2], (void *)ctx[3], (void *)ctx[4], 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
