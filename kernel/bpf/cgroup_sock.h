/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run the effective programs of a socket's cgroup.
 */
#ifndef __CGROUP_SOCK_H
#define __CGROUP_SOCK_H

#include <linux/bpf.h>
#include <linux/bpf-cgroup.h>
#include <linux/filter.h>
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

#endif /* __CGROUP_SOCK_H */
