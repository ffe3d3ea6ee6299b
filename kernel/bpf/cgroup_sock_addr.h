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

/* With the socket lock, or without. */
typedef struct cgroup_sock_verdict (*cgroup_sock_run_fn)(struct sock *sk,
							 const void *ctx,
							 enum cgroup_bpf_attach_type atype);

/* The verifier has seen to it that these programs allow. */
static inline void cgroup_sock_show_name(struct sock *sk, void *name, int len,
					 enum cgroup_bpf_attach_type atype,
					 cgroup_sock_run_fn run)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, name, len, NULL);
	run(sk, &ctx, atype);
}

#endif /* __CGROUP_SOCK_ADDR_H */
