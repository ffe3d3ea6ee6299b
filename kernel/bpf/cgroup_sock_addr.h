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

#endif /* __CGROUP_SOCK_ADDR_H */
