// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on its sockets, and know the attach types
 * of BPF_PROG_TYPE_CGROUP_SOCK and BPF_PROG_TYPE_CGROUP_SOCK_ADDR.
 */

#include <linux/bpf.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/filter.h>
#include <linux/netdevice.h>
#include <net/inet_common.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "cgroup_sock.h"

static const struct hook {
	enum bpf_attach_type type;
	enum bpf_prog_type prog;
	enum cgroup_bpf_attach_type atype;
	s32 least;
	s32 greatest;
} hooks[] = {
#define CGROUP_SOCK_HOOK(name, prog, least, greatest)				\
	{ BPF_CGROUP_##name, BPF_PROG_TYPE_##prog, CGROUP_##name, least, greatest },
#include <linux/bpf-cgroup-sock-types.h>
#undef CGROUP_SOCK_HOOK
};

static const struct hook *find_hook(enum bpf_attach_type type)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].type == type)
			return &hooks[i];
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
	const struct hook *hook = find_hook(type);

	return hook ? hook->prog : BPF_PROG_TYPE_UNSPEC;
}

/**
 * cgroup_sock_atype() - where a cgroup keeps the programs of an attach type
 * @type: any attach type
 *
 * Context: Any.
 * Return: the index, or CGROUP_BPF_ATTACH_TYPE_INVALID if @type is none of
 * linux/bpf-cgroup-sock-types.h.
 */
enum cgroup_bpf_attach_type cgroup_sock_atype(enum bpf_attach_type type)
{
	const struct hook *hook = find_hook(type);

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
	const struct hook *hook = find_hook(type);

	*min = hook->least;
	*max = hook->greatest;
}

DEFINE_STATIC_KEY_FALSE(cgroup_sock_extended);

/**
 * cgroup_sock_note_need() - note that a program cannot be run with its context alone
 * @prog: program of type BPF_PROG_TYPE_CGROUP_SOCK or BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
 *        or an extension of one
 * @need: BPF_RUN_NEEDS_CTX, BPF_RUN_NEEDS_SOCK_LOCK or both
 *
 * Arrays that @prog is put into from now on know. An extension is put into programs
 * of arrays that exist: all programs that start when this returns have all of it.
 *
 * Context: Process context, while @prog is being verified; may sleep.
 */
void cgroup_sock_note_need(const struct bpf_prog *prog, u8 need)
{
	if (!(need & ~prog->aux->run_needs))
		return;
	prog->aux->run_needs |= need;
	if (prog->type == BPF_PROG_TYPE_EXT) {
		static_branch_enable(&cgroup_sock_extended);
		synchronize_rcu();
	}
}

struct cgroup_sock_verdict
cgroup_sock_run_in_context(const struct bpf_prog_array *array, const void *ctx)
{
	return __cgroup_sock_run_in_context(array, ctx);
}

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
EXPORT_SYMBOL(__cgroup_sock_create);

void __cgroup_sock_release(struct sock *sk)
{
	cgroup_sock_run(sk, sk, CGROUP_INET_SOCK_RELEASE);
}
EXPORT_SYMBOL(__cgroup_sock_release);

/* What get_port() did is undone by inet_put_port() in the protocols with a
 * bind hash (TCP, DCCP), and by leaving the protocol's own table in all others.
 * Raw and L2TP sockets have no ports, and stay where they are.
 */
void cgroup_sock_put_port(struct sock *sk)
{
	if (inet_test_bit(IS_ICSK, sk)) {
		inet_put_port(sk);
		inet_sk(sk)->inet_sport = 0;
	} else if (sk->sk_prot->get_port) {
		sk->sk_prot->unhash(sk);
	}
}

static __always_inline int post_bind(struct sock *sk,
				     enum cgroup_bpf_attach_type atype)
{
	int err = cgroup_sock_run(sk, sk, atype).err;

	if (err)
		cgroup_sock_put_port(sk);
	return err;
}

int __cgroup_sock_post_bind4(struct sock *sk)
{
	return post_bind(sk, CGROUP_INET4_POST_BIND);
}
EXPORT_SYMBOL(__cgroup_sock_post_bind4);

int __cgroup_sock_post_bind6(struct sock *sk)
{
	return post_bind(sk, CGROUP_INET6_POST_BIND);
}
EXPORT_SYMBOL(__cgroup_sock_post_bind6);
#endif /* CONFIG_INET */
