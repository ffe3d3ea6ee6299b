// SPDX-License-Identifier: GPL-2.0
/* Programs that need nothing but their context, and what can join them later. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define SOL_SOCKET	1
#define SO_MARK		36
#define MARK		7

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps"), next_create SEC(".maps");

SEC("cgroup/connect4")
int plain(struct bpf_sock_addr *ctx)
{
	return ctx->user_port ? 1 : 0;
}

SEC("cgroup/connect4")
int says_why(struct bpf_sock_addr *ctx)
{
	bpf_set_retval(-EACCES);
	return 0;
}

SEC("cgroup/connect4")
int calls_next(struct bpf_sock_addr *ctx)
{
	bpf_tail_call(ctx, &next, 0);
	return 1;
}

SEC("cgroup/connect4")
int marks(struct bpf_sock_addr *ctx)
{
	int mark = MARK;

	return !bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

SEC("cgroup/sock_create")
int create_says_why(struct bpf_sock *ctx)
{
	bpf_set_retval(-EACCES);
	return 0;
}

SEC("cgroup/sock_create")
int create_calls_next(struct bpf_sock *ctx)
{
	bpf_tail_call(ctx, &next_create, 0);
	return 1;
}

/* A function of its own, so that an extension can replace it. */
__noinline int decide(struct bpf_sock_addr *ctx)
{
	return ctx->user_port != 0;
}

/* Each of these is loaded apart, as this one needs the kernel's BTF and the others need this. */
SEC("?cgroup/connect4")
int extensible(struct bpf_sock_addr *ctx)
{
	return decide(ctx) ? 1 : 0;
}

SEC("?freplace/decide")
int extended_says_why(struct bpf_sock_addr *ctx)
{
	bpf_set_retval(-EACCES);
	return 0;
}

SEC("?freplace/decide")
int extended_marks(struct bpf_sock_addr *ctx)
{
	int mark = MARK;

	return !bpf_setsockopt(ctx, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

char _license[] SEC("license") = "GPL";
