/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run the effective programs of a socket's cgroup.
 */
#ifndef __CGROUP_SOCK_H
#define __CGROUP_SOCK_H

#include <linux/bpf.h>
#include <linux/bpf-cgroup.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/un.h>
#include <net/sock.h>

/*
 * @err is 0 or an errno; @returned has each bit that one of the programs returned,
 * and 0 if there was none. Small enough to be returned in a register.
 */
struct cgroup_sock_verdict {
	int err;
	u32 returned;
};

/* For callers that hold the socket lock, or whose programs never need it. */
struct cgroup_sock_verdict
cgroup_sock_run(struct sock *sk, const void *ctx,
		enum cgroup_bpf_attach_type atype);

/* For callers without the socket lock, which is taken if a program needs it. */
struct cgroup_sock_verdict
cgroup_sock_run_unlocked(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype);

static inline enum cgroup_bpf_attach_type
cgroup_sock_post_bind_atype(const struct sock *sk)
{
	return sk->sk_family == AF_INET ? CGROUP_INET4_POST_BIND :
					  CGROUP_INET6_POST_BIND;
}

/* Whether a program asks to see ports that the kernel chose. What has no aux
 * stands in for a program that is on its way out.
 */
static inline bool cgroup_sock_asks(const struct bpf_prog *prog)
{
	return prog->aux &&
	       cgroup_sock_prog_needs(prog) & BPF_RUN_NEEDS_CHOSEN_PORTS;
}

/* Bit 0 of what a program returns is its verdict. All programs run, whatever the
 * ones before said.
 */
static inline u32 cgroup_sock_run_prog(struct bpf_cg_run_ctx *run_ctx,
				       const struct bpf_prog_array_item *item,
				       const struct bpf_prog *prog,
				       const void *ctx)
{
	u32 returned;

	run_ctx->prog_item = item;
	returned = bpf_prog_run(prog, ctx);
	if (!(returned & 1) && !IS_ERR_VALUE((long)run_ctx->retval))
		run_ctx->retval = -EPERM;
	return returned;
}

/* A program can leave any number behind with bpf_set_retval(), but only an errno
 * leaves here: callers take everything else for success.
 */
static inline struct cgroup_sock_verdict cgroup_sock_verdict(int retval,
							     u32 returned)
{
	return (struct cgroup_sock_verdict){
		IS_ERR_VALUE((long)retval) ? retval : 0, returned
	};
}

/* An address as a tracepoint shows it; @len is 0 if there is none. */
struct cgroup_sock_name {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	};
	int len;
};

/* What programs can change in a call. */
struct cgroup_sock_view {
	struct cgroup_sock_name addr;
	struct cgroup_sock_name source;	/* of a message, or in connect() */
	int dev_if;
	u32 mark;
	u32 priority;
};

/* Slower than what it stands in for, and tells the tracepoints. */
struct cgroup_sock_verdict
cgroup_sock_run_traced(const struct bpf_prog_array *array, const void *ctx,
		       bool port_chosen);

#endif /* __CGROUP_SOCK_H */
