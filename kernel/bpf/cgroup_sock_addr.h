/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run programs on addresses, with the socket lock where one of them needs it.
 */
#ifndef __CGROUP_SOCK_ADDR_H
#define __CGROUP_SOCK_ADDR_H

#include "cgroup_sock.h"

/* Field by field, as programs bring their own value to tmp_reg. */
static __always_inline void
cgroup_sock_addr_init(struct bpf_sock_addr_kern *ctx, struct sock *sk,
		      void *uaddr, int addr_len, void *source)
{
	ctx->sk = sk;
	ctx->uaddr = uaddr;
	ctx->uaddrlen = addr_len;
	ctx->t_ctx = source;
}

struct cgroup_sock_verdict
cgroup_sock_lock_and_run(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype);

/*
 * For callers without the socket lock. Whether a program needs it is a property
 * of the array, so that it cannot change between the look and the run: a link
 * update that brings the need in makes a new array.
 */
static __always_inline struct cgroup_sock_verdict
cgroup_sock_run_unlocked(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;
	const struct bpf_prog_array *array;
	u8 needs;

	cgroup_sock_enter();
	array = cgroup_sock_array(sk, atype);
	needs = cgroup_sock_needs(array);
	if (likely(!needs)) {
		verdict = cgroup_sock_run_plain(array, ctx);
	} else if (!(needs & BPF_RUN_NEEDS_SOCK_LOCK)) {
		verdict = cgroup_sock_run_in_context(array, ctx);
	} else {
		cgroup_sock_leave();
		return cgroup_sock_lock_and_run(sk, ctx, atype);
	}
	cgroup_sock_leave();
	return verdict;
}

int cgroup_sock_refuse_routes(struct sock *sk);

#endif /* __CGROUP_SOCK_ADDR_H */
