/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run programs on addresses, with the socket lock where one of them needs it.
 */
#ifndef __CGROUP_SOCK_ADDR_H
#define __CGROUP_SOCK_ADDR_H

#include "cgroup_sock.h"

int cgroup_sock_lock_and_run(struct sock *sk, const void *ctx,
			     enum cgroup_bpf_attach_type atype, u32 *returned);

/*
 * For callers without the socket lock. Whether a program needs it is a property
 * of the array, so that it cannot change between the look and the run: a link
 * update that brings the need in makes a new array.
 */
static __always_inline int
cgroup_sock_run_unlocked(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype, u32 *returned)
{
	const struct bpf_prog_array *array;
	int err;

	cgroup_sock_enter();
	array = cgroup_sock_array(sk, atype);
	if (unlikely(array->needs_sock_lock)) {
		cgroup_sock_leave();
		return cgroup_sock_lock_and_run(sk, ctx, atype, returned);
	}
	err = cgroup_sock_run_array(array, ctx, returned);
	cgroup_sock_leave();
	return err;
}

int cgroup_sock_refuse_routes(struct sock *sk);

#endif /* __CGROUP_SOCK_ADDR_H */
