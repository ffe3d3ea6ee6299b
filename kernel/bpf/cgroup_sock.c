// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on its sockets, and know the attach types
 * of BPF_PROG_TYPE_CGROUP_SOCK and BPF_PROG_TYPE_CGROUP_SOCK_ADDR.
 */

#include <linux/bpf.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cgroup.h>
#include <linux/filter.h>
#include <linux/netdevice.h>
#include <net/inet_common.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "cgroup_sock.h"

#include <trace/events/cgroup_sock.h>

static const struct cgroup_sock_hook {
	u8 type;	/* enum bpf_attach_type */
	u8 prog;	/* enum bpf_prog_type */
	u8 atype;	/* enum cgroup_bpf_attach_type */
	u8 least;
	u8 greatest;
} cgroup_sock_hooks[] = {
#define CGROUP_SOCK_ROW(_name, _prog, _least, _greatest)				\
	{								\
		.type = BPF_CGROUP_##_name,				\
		.prog = BPF_PROG_TYPE_##_prog,				\
		.atype = CGROUP_##_name,				\
		.least = _least,					\
		.greatest = _greatest,					\
	},
	CGROUP_SOCK_HOOKS(CGROUP_SOCK_ROW)
};

static const struct cgroup_sock_hook *
cgroup_sock_find_hook(enum bpf_attach_type type)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(cgroup_sock_hooks); i++)
		if (cgroup_sock_hooks[i].type == type)
			return &cgroup_sock_hooks[i];
	return NULL;
}

/**
 * cgroup_sock_prog_type() - which program type an attach type is for
 * @type: any attach type
 *
 * Context: Any.
 * Return: BPF_PROG_TYPE_CGROUP_SOCK, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, or
 * BPF_PROG_TYPE_UNSPEC if @type is for neither of them.
 */
enum bpf_prog_type cgroup_sock_prog_type(enum bpf_attach_type type)
{
	const struct cgroup_sock_hook *hook = cgroup_sock_find_hook(type);

	return hook ? hook->prog : BPF_PROG_TYPE_UNSPEC;
}

/**
 * cgroup_sock_atype() - where a cgroup keeps the programs of an attach type
 * @type: any attach type
 *
 * Context: Any.
 * Return: the index, or CGROUP_BPF_ATTACH_TYPE_INVALID if @type is none of
 * CGROUP_SOCK_HOOKS().
 */
enum cgroup_bpf_attach_type cgroup_sock_atype(enum bpf_attach_type type)
{
	const struct cgroup_sock_hook *hook = cgroup_sock_find_hook(type);

	return hook ? hook->atype : CGROUP_BPF_ATTACH_TYPE_INVALID;
}

/**
 * cgroup_sock_retval_range() - what a program may return
 * @type: attach type for which cgroup_sock_prog_type() knows a program type
 * @min: the least value that the verifier is to let a program return
 * @max: the greatest one
 *
 * Context: Any.
 */
void cgroup_sock_retval_range(enum bpf_attach_type type, s32 *min, s32 *max)
{
	const struct cgroup_sock_hook *hook = cgroup_sock_find_hook(type);

	*min = hook->least;
	*max = hook->greatest;
}

/**
 * cgroup_sock_prog_needs() - what a program needs of those who run it
 * @prog: program of any type
 *
 * Context: Any; with cgroup_mutex held, no extension comes or goes.
 * Return: BPF_RUN_NEEDS_*, of the program and of the extensions that are
 * attached to it.
 */
u8 cgroup_sock_prog_needs(const struct bpf_prog *prog)
{
	u8 needs = prog->aux->run_needs;
	int i;

	for (i = 0; i < BPF_RUN_NEEDS_COUNT; i++)
		if (prog->aux->ext_needs[i])
			needs |= BIT(i);
	return needs;
}

/* What the arrays of all cgroups need now. */
static void cgroup_sock_update_needs(enum cgroup_bpf_attach_type atype)
{
	const struct bpf_prog_array_item *item;
	struct cgroup_subsys_state *css;
	struct bpf_prog_array *array;
	u8 needs;

	css_for_each_descendant_pre(css, &cgrp_dfl_root.cgrp.self) {
		struct cgroup *cgrp = container_of(css, struct cgroup, self);

		if (percpu_ref_is_zero(&cgrp->bpf.refcnt))
			continue;
		array = rcu_dereference_protected(cgrp->bpf.effective[atype],
						  lockdep_is_held(&cgroup_mutex));
		needs = 0;
		for (item = array->items; item->prog; item++)
			/* A stand-in for one that is on its way out has none. */
			if (item->prog->aux)
				needs |= cgroup_sock_prog_needs(item->prog);
		WRITE_ONCE(array->run_needs, needs);
	}
}

/**
 * cgroup_sock_extend() - an extension is to be attached to a program, or is gone
 * @prog: the program that is extended, of any type
 * @ext: the extension
 * @count: 1 before it is attached, -1 when it is detached
 *
 * Those who run arrays have looked at what the programs need. When this returns
 * after an addition, all who look and run now know of the needs of @ext.
 *
 * Context: Process context, may sleep.
 */
void cgroup_sock_extend(struct bpf_prog *prog, const struct bpf_prog *ext,
			int count)
{
	const struct cgroup_sock_hook *hook =
		cgroup_sock_find_hook(prog->expected_attach_type);
	int i;

	if (!ext->aux->run_needs || !hook || hook->prog != prog->type)
		return;

	cgroup_lock();
	for (i = 0; i < BPF_RUN_NEEDS_COUNT; i++)
		if (ext->aux->run_needs & BIT(i))
			prog->aux->ext_needs[i] += count;
	cgroup_sock_update_needs(hook->atype);
	cgroup_unlock();
	if (count > 0)
		synchronize_rcu();
}

static struct cgroup_sock_verdict
cgroup_sock_run_array(const struct bpf_prog_array *array, const void *ctx,
		      bool port_chosen)
{
	struct bpf_cg_run_ctx run_ctx __uninitialized;
	const struct bpf_prog_array_item *item;
	struct bpf_run_ctx *outer_ctx;
	const struct bpf_prog *prog;
	u32 any = 0;

	if (trace_cgroup_sock_refuse_enabled() ||
	    trace_cgroup_sock_rewrite_enabled())
		return cgroup_sock_run_traced(array, ctx, port_chosen);

	run_ctx.retval = 0;
	run_ctx.port_chosen = port_chosen;
	outer_ctx = bpf_set_run_ctx(&run_ctx.run_ctx);
	if (port_chosen) {
		for (item = array->items; (prog = READ_ONCE(item->prog)); item++)
			if (cgroup_sock_asks(prog))
				any |= cgroup_sock_run_prog(&run_ctx, item, prog, ctx);
	} else {
		for (item = array->items; (prog = READ_ONCE(item->prog)); item++)
			any |= cgroup_sock_run_prog(&run_ctx, item, prog, ctx);
	}
	bpf_reset_run_ctx(outer_ctx);

	return cgroup_sock_verdict(run_ctx.retval, any);
}

static const struct bpf_prog_array *
cgroup_sock_array(struct sock *sk, enum cgroup_bpf_attach_type atype)
{
	struct cgroup *cgrp = sock_cgroup_ptr(&sk->sk_cgrp_data);

	return rcu_dereference(cgrp->bpf.effective[atype]);
}

struct cgroup_sock_verdict
cgroup_sock_run(struct sock *sk, const void *ctx,
		enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;

	rcu_read_lock_dont_migrate();
	verdict = cgroup_sock_run_array(cgroup_sock_array(sk, atype), ctx, false);
	rcu_read_unlock_migrate();
	return verdict;
}

/*
 * Whether a program needs the lock is a property of the array, so that it cannot
 * change between the look and the run: a link update that brings the need in
 * makes a new array.
 */
struct cgroup_sock_verdict
cgroup_sock_run_unlocked(struct sock *sk, const void *ctx,
			 enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;
	const struct bpf_prog_array *array;

	rcu_read_lock();
	array = cgroup_sock_array(sk, atype);
	if (likely(!(READ_ONCE(array->run_needs) & BPF_RUN_NEEDS_SOCK_LOCK))) {
		migrate_disable();
		verdict = cgroup_sock_run_array(array, ctx, false);
		migrate_enable();
		rcu_read_unlock();
		return verdict;
	}
	rcu_read_unlock();

	lock_sock(sk);
	verdict = cgroup_sock_run(sk, ctx, atype);
	release_sock(sk);
	return verdict;
}

void __cgroup_sock_inherit(struct sock *sk, const struct sock *listener)
{
	cgroup_sk_free(&sk->sk_cgrp_data);
	sk->sk_cgrp_data.cgroup = listener->sk_cgrp_data.cgroup;
	cgroup_sk_clone(&sk->sk_cgrp_data);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_inherit);

#ifdef CONFIG_INET
int __cgroup_sock_create(struct sock *sk)
{
	struct cgroup_sock_verdict verdict =
		cgroup_sock_run(sk, sk, CGROUP_INET_SOCK_CREATE);
	int err = verdict.err;

	if (!err && sk->sk_bound_dev_if) {
		rcu_read_lock();
		if (!dev_get_by_index_rcu(sock_net(sk), sk->sk_bound_dev_if))
			err = -ENODEV;
		rcu_read_unlock();
	}
	inet_sk(sk)->prog_dev_if = sk->sk_bound_dev_if;

	/* Nobody will close this one, but a program that allowed it noted it. */
	if (err && (verdict.returned & 1))
		cgroup_sock_release_backing(sk);
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_create);

/* The last peer is not in the socket any more if it was aborted. */
void __cgroup_sock_release(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	bool aborted = (inet->last_dport || inet->last_daddr) &&
		       !inet->inet_dport && !inet->inet_daddr;

	if (aborted) {
		inet->inet_daddr = inet->last_daddr;
		inet->inet_dport = inet->last_dport;
	}
	cgroup_sock_run(sk, sk, CGROUP_INET_SOCK_RELEASE);
	if (aborted) {
		inet->inet_daddr = 0;
		inet->inet_dport = 0;
	}
}
EXPORT_SYMBOL_GPL(__cgroup_sock_release);

void __cgroup_sock_save_bound(const struct sock *sk,
			      struct cgroup_sock_bound *bound)
{
	const struct inet_sock *inet = inet_sk(sk);

	bound->saved = true;
	bound->v6only = sk->sk_ipv6only;
	bound->userlocks = sk->sk_userlocks;
	bound->num = inet->inet_num;
	bound->sport = inet->inet_sport;
	bound->dev_if = sk->sk_bound_dev_if;
	bound->dev_if_after = sk->sk_bound_dev_if;
	bound->rcv_saddr = inet->inet_rcv_saddr;
	bound->saddr = inet->inet_saddr;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		bound->v6_rcv_saddr = sk->sk_v6_rcv_saddr;
		bound->v6_saddr = inet->pinet6->saddr;
	}
#endif
}
EXPORT_SYMBOL_GPL(__cgroup_sock_save_bound);

/* What get_port() did is undone by inet_put_port() in the protocols with a
 * bind hash (TCP, DCCP), and by leaving the protocol's own table in all others.
 * SCTP has no get_port() and gives ports back by itself.
 */
static void cgroup_sock_put_port(struct sock *sk)
{
	if (!sk->sk_prot->get_port)
		return;
	if (inet_test_bit(IS_ICSK, sk))
		inet_put_port(sk);
	else
		sk->sk_prot->unhash(sk);
}

/**
 * cgroup_sock_restore_bound() - bind a socket to what it was bound to before
 * @sk: socket of family AF_INET or AF_INET6 of a call that failed
 * @bound: what cgroup_sock_save_bound() saved in that call
 *
 * A socket that another thread connected meanwhile is left alone, and so is a
 * device that somebody chose meanwhile. The port goes first, as it is filed under
 * the address.
 *
 * Context: Process context, with the socket lock held.
 */
void cgroup_sock_restore_bound(struct sock *sk,
			       const struct cgroup_sock_bound *bound)
{
	const u8 locks = SOCK_BINDADDR_LOCK | SOCK_BINDPORT_LOCK;
	struct inet_sock *inet = inet_sk(sk);

	if (sk->sk_state != TCP_CLOSE)
		return;
	if (!bound->num && inet->inet_num)
		cgroup_sock_put_port(sk);
	sk->sk_ipv6only = bound->v6only;
	sk->sk_userlocks = (sk->sk_userlocks & ~locks) | (bound->userlocks & locks);
	inet->inet_sport = bound->sport;
	if (sk->sk_bound_dev_if == bound->dev_if_after)
		WRITE_ONCE(sk->sk_bound_dev_if, bound->dev_if);
	inet->inet_rcv_saddr = bound->rcv_saddr;
	inet->inet_saddr = bound->saddr;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		sk->sk_v6_rcv_saddr = bound->v6_rcv_saddr;
		inet->pinet6->saddr = bound->v6_saddr;
	}
#endif
	sk_dst_reset(sk);
}

int __cgroup_sock_post_bind(struct sock *sk, struct cgroup_sock_bound *before)
{
	int err = cgroup_sock_run(sk, sk, cgroup_sock_post_bind_atype(sk)).err;

	if (err) {
		before->dev_if_after = sk->sk_bound_dev_if;
		cgroup_sock_restore_bound(sk, before);
	}
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_post_bind);

int __cgroup_sock_port_chosen(struct sock *sk)
{
	const struct bpf_prog_array *array;
	int err = 0;

	rcu_read_lock_dont_migrate();
	array = cgroup_sock_array(sk, cgroup_sock_post_bind_atype(sk));
	if (READ_ONCE(array->run_needs) & BPF_RUN_NEEDS_CHOSEN_PORTS)
		err = cgroup_sock_run_array(array, sk, true).err;
	rcu_read_unlock_migrate();
	if (err)
		cgroup_sock_put_port(sk);
	return err;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_port_chosen);
#endif /* CONFIG_INET */

__bpf_kfunc_start_defs();

/**
 * bpf_cgroup_sock_port_chosen() - whether the kernel chose the port
 *
 * For programs of the attach types INET4_POST_BIND and INET6_POST_BIND. Those
 * that call it also run where nobody asked for a port and the kernel chose one:
 * in listen(), in connect() and with the first message. All others run in
 * bind() only.
 *
 * Context: Any that the programs run in.
 * Return: true if nobody asked for a port, false in bind().
 */
__bpf_kfunc bool bpf_cgroup_sock_port_chosen(void)
{
	/* A global function is verified apart, and a timer can call it. */
	if (!in_task() || !current->bpf_ctx)
		return false;
	return container_of(current->bpf_ctx, struct bpf_cg_run_ctx,
			    run_ctx)->port_chosen;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(cgroup_sock_kfunc_ids)
BTF_ID_FLAGS(func, bpf_cgroup_sock_port_chosen)
BTF_KFUNCS_END(cgroup_sock_kfunc_ids)

BTF_ID_LIST_SINGLE(cgroup_sock_port_chosen_id, func, bpf_cgroup_sock_port_chosen)

/**
 * cgroup_sock_kfunc_needs() - what a kfunc needs of those who run a program
 * @btf: where it is described
 * @id: its id there
 *
 * Context: Any.
 * Return: BPF_RUN_NEEDS_* that programs with it have.
 */
u8 cgroup_sock_kfunc_needs(const struct btf *btf, u32 id)
{
	return !btf_is_module(btf) && id == cgroup_sock_port_chosen_id[0] ?
	       BPF_RUN_NEEDS_CHOSEN_PORTS : 0;
}

/* Other programs of a cgroup have another run context, or none. */
static int cgroup_sock_kfunc_filter(const struct bpf_prog *prog, u32 kfunc_id)
{
	enum bpf_attach_type type = prog->type == BPF_PROG_TYPE_EXT ?
		prog->aux->saved_dst_attach_type : prog->expected_attach_type;

	if (kfunc_id != cgroup_sock_port_chosen_id[0])
		return 0;
	return resolve_prog_type(prog) == BPF_PROG_TYPE_CGROUP_SOCK &&
	       (type == BPF_CGROUP_INET4_POST_BIND ||
		type == BPF_CGROUP_INET6_POST_BIND) ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set cgroup_sock_kfuncs = {
	.owner = THIS_MODULE,
	.set = &cgroup_sock_kfunc_ids,
	.filter = cgroup_sock_kfunc_filter,
};

static int __init cgroup_sock_register_kfuncs(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_CGROUP_SOCK,
					 &cgroup_sock_kfuncs);
}
late_initcall(cgroup_sock_register_kfuncs);
