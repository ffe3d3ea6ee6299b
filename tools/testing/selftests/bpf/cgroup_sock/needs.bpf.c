// SPDX-License-Identifier: GPL-2.0
/* Programs that need nothing but their context, and what can join them later. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>
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

/* The callback of a timer runs when no program does. */
struct timed {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timed);
} timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} of_cgroup SEC(".maps");

extern bool bpf_cgroup_sock_port_chosen(void) __weak __ksym;

#define ON_TIMER(name, call)							\
static int name ## _callback(void *map, int *key, struct timed *timed)	\
{										\
	call;									\
	return 0;								\
}										\
										\
SEC("?cgroup/post_bind4")							\
int name(struct bpf_sock *ctx)							\
{										\
	struct timed *timed;							\
	__u32 key = 0;								\
										\
	timed = bpf_map_lookup_elem(&timers, &key);				\
	if (!timed)								\
		return 1;							\
	bpf_timer_init(&timed->timer, &timers, 1 /* CLOCK_MONOTONIC */);	\
	bpf_timer_set_callback(&timed->timer, name ## _callback);		\
	return 1;								\
}

ON_TIMER(timer_alone, bpf_ktime_get_ns())
ON_TIMER(timer_sets, bpf_set_retval(0))
ON_TIMER(timer_gets, bpf_get_retval())
ON_TIMER(timer_stores, *(__u64 *)bpf_get_local_storage(&of_cgroup, 0) += 1)
ON_TIMER(timer_asks, bpf_cgroup_sock_port_chosen())

char _license[] SEC("license") = "GPL";
