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
 * @err is 0 or an errno; @returned has each bit that one of the programs returned,
 * and 0 if there was none. Small enough to be returned in a register.
 */
struct cgroup_sock_verdict {
	int err;
	u32 returned;
};

/* An extension that needs more than the program it extends was loaded: it may
 * be part of any array.
 */
DECLARE_STATIC_KEY_FALSE(cgroup_sock_extended);

/* BPF_RUN_NEEDS_*; only a program with a run context has its time taken. */
static __always_inline u8 cgroup_sock_needs(const struct bpf_prog_array *array)
{
	if (static_branch_unlikely(&cgroup_sock_extended))
		return U8_MAX;
	if (static_branch_unlikely(&bpf_stats_enabled_key))
		return array->run_needs | BPF_RUN_NEEDS_CTX;
	return array->run_needs;
}

/*
 * A program can leave any number behind with bpf_set_retval(), but only an errno
 * leaves here: callers take everything else for success.
 */
static __always_inline struct cgroup_sock_verdict
__cgroup_sock_run_in_context(const struct bpf_prog_array *array, const void *ctx)
{
	const struct bpf_prog_array_item *item;
	struct bpf_cg_run_ctx run_ctx;
	struct bpf_run_ctx *outer_ctx;
	const struct bpf_prog *prog;
	u32 verdict, any = 0;

	run_ctx.retval = 0;
	outer_ctx = bpf_set_run_ctx(&run_ctx.run_ctx);
	for (item = array->items; (prog = READ_ONCE(item->prog)); item++) {
		run_ctx.prog_item = item;
		verdict = bpf_prog_run(prog, ctx);
		any |= verdict;
		if (!(verdict & 1) && !IS_ERR_VALUE((long)run_ctx.retval))
			run_ctx.retval = -EPERM;
	}
	bpf_reset_run_ctx(outer_ctx);

	return (struct cgroup_sock_verdict){
		IS_ERR_VALUE((long)run_ctx.retval) ? run_ctx.retval : 0, any
	};
}

struct cgroup_sock_verdict
cgroup_sock_run_in_context(const struct bpf_prog_array *array, const void *ctx);

/*
 * Bit 0 of what a program returns is its verdict. All programs run, whatever the
 * ones before said. Without a run context they can say nothing but yes and no.
 */
static __always_inline struct cgroup_sock_verdict
cgroup_sock_run_plain(const struct bpf_prog_array *array, const void *ctx)
{
	const struct bpf_prog_array_item *item;
	const struct bpf_prog *prog;
	u32 verdict, any = 0, all = 1;

	for (item = array->items; (prog = READ_ONCE(item->prog)); item++) {
		verdict = bpf_dispatcher_nop_func(ctx, prog->insnsi,
						  prog->bpf_func);
		any |= verdict;
		all &= verdict;
	}
	return (struct cgroup_sock_verdict){ all ? 0 : -EPERM, any };
}

/* For callers that hold the socket lock, or whose programs never need it. */
static __always_inline struct cgroup_sock_verdict
cgroup_sock_run(struct sock *sk, const void *ctx,
		enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;
	const struct bpf_prog_array *array;

	cgroup_sock_enter();
	array = cgroup_sock_array(sk, atype);
	if (likely(!cgroup_sock_needs(array)))
		verdict = cgroup_sock_run_plain(array, ctx);
	else
		verdict = cgroup_sock_run_in_context(array, ctx);
	cgroup_sock_leave();
	return verdict;
}

void cgroup_sock_put_port(struct sock *sk);

#endif /* __CGROUP_SOCK_H */
