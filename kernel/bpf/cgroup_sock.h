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
 * Programs do not migrate and are RCU readers. Where spinlocks disable preemption
 * anyway, so does this, which makes a reader and costs an instruction; the map is
 * what lockdep asks.
 */
static __always_inline void cgroup_sock_enter(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		migrate_disable();
		rcu_read_lock();
	} else {
		preempt_disable();
		rcu_lock_acquire(&rcu_lock_map);
	}
}

static __always_inline void cgroup_sock_leave(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		rcu_read_unlock();
		migrate_enable();
	} else {
		rcu_lock_release(&rcu_lock_map);
		preempt_enable();
	}
}

static __always_inline const struct bpf_prog_array *
cgroup_sock_array(struct sock *sk, enum cgroup_bpf_attach_type atype)
{
	struct cgroup *cgrp = sock_cgroup_ptr(&sk->sk_cgrp_data);

	return rcu_dereference(cgrp->bpf.effective[atype]);
}

/*
 * Bit 0 of what a program returns is its verdict. All programs run, whatever
 * the ones before said; @returned has each bit that one of them returned. A
 * program can leave any number behind with bpf_set_retval(), but only an errno leaves
 * here: callers take everything else for success.
 */
static __always_inline int
cgroup_sock_run_array(const struct bpf_prog_array *array,
		      const void *ctx, u32 *returned)
{
	const struct bpf_prog_array_item *item;
	struct bpf_cg_run_ctx run_ctx;
	struct bpf_run_ctx *outer_ctx;
	const struct bpf_prog *prog;
	u32 verdict, all = 0;

	run_ctx.retval = 0;
	outer_ctx = bpf_set_run_ctx(&run_ctx.run_ctx);
	for (item = array->items; (prog = READ_ONCE(item->prog)); item++) {
		run_ctx.prog_item = item;
		verdict = bpf_prog_run(prog, ctx);
		all |= verdict;
		if (!(verdict & 1) && !IS_ERR_VALUE((long)run_ctx.retval))
			run_ctx.retval = -EPERM;
	}
	bpf_reset_run_ctx(outer_ctx);

	*returned = all;
	return IS_ERR_VALUE((long)run_ctx.retval) ? run_ctx.retval : 0;
}

/* For callers that hold the socket lock, or whose programs never need it. */
static __always_inline int
cgroup_sock_run(struct sock *sk, const void *ctx,
		enum cgroup_bpf_attach_type atype, u32 *returned)
{
	int err;

	cgroup_sock_enter();
	err = cgroup_sock_run_array(cgroup_sock_array(sk, atype), ctx, returned);
	cgroup_sock_leave();
	return err;
}

void cgroup_sock_put_port(struct sock *sk);

#endif /* __CGROUP_SOCK_H */
