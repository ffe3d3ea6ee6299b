// SPDX-License-Identifier: GPL-2.0
/* A raw program on each tracepoint of the hooks. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct bpf_prog_aux {
	__u32 id;
} __attribute__((preserve_access_index));

struct bpf_prog {
	struct bpf_prog_aux *aux;
} __attribute__((preserve_access_index));

struct cgroup_sock_view {
	__u32 mark;
} __attribute__((preserve_access_index));

struct sock {
	__u16 sk_type;
} __attribute__((preserve_access_index));

__u32 refuser;
__u64 refuser_cgroup;
__u32 refused_type;
int refused_with;
__u32 rewriter;
__u64 rewriter_cgroup;
__u32 rewritten_type;
__u32 old_mark;
__u32 mark;

SEC("tp_btf/cgroup_sock_refuse")
int BPF_PROG(refuse, struct sock *sk, struct bpf_prog *prog, __u64 prog_cgroup,
	     struct cgroup_sock_view *before, struct cgroup_sock_view *now, int err)
{
	refuser = prog->aux->id;
	refuser_cgroup = prog_cgroup;
	refused_type = sk->sk_type;
	refused_with = err;
	return 0;
}

SEC("tp_btf/cgroup_sock_rewrite")
int BPF_PROG(rewrite, struct sock *sk, struct bpf_prog *prog, __u64 prog_cgroup,
	     struct cgroup_sock_view *before, struct cgroup_sock_view *now, int err)
{
	rewriter = prog->aux->id;
	rewriter_cgroup = prog_cgroup;
	rewritten_type = sk->sk_type;
	old_mark = before->mark;
	mark = now->mark;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
