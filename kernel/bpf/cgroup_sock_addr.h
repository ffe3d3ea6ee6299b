/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The context of programs that run on an address.
 */
#ifndef __CGROUP_SOCK_ADDR_H
#define __CGROUP_SOCK_ADDR_H

#include "cgroup_sock.h"

/* Field by field, as programs bring their own value to tmp_reg. */
static inline void
cgroup_sock_addr_init(struct bpf_sock_addr_kern *ctx, struct sock *sk,
		      void *uaddr, int addr_len, void *t_ctx)
{
	ctx->sk = sk;
	ctx->uaddr = uaddr;
	ctx->uaddrlen = addr_len;
	ctx->t_ctx = t_ctx;
}

/* @locked is whether the caller holds the socket lock. */
static inline struct cgroup_sock_verdict
cgroup_sock_run_addr(const struct bpf_sock_addr_kern *ctx,
		     enum cgroup_bpf_attach_type atype, bool locked)
{
	return locked ? cgroup_sock_run(ctx->sk, ctx, atype) :
			cgroup_sock_run_unlocked(ctx->sk, ctx, atype);
}

#endif /* __CGROUP_SOCK_ADDR_H */
