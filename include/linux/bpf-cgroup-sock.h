/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the system calls of its sockets: the entry points
 * for net/, and what the bpf() system call and the verifier ask.
 *
 * An entry point is one line where a call takes or gives an address:
 *
 *	int bind(sk, uaddr, addr_len)
 *	{
 *		flags = cgroup_sock_bind4(sk, uaddr, addr_len);
 *		if (flags < 0)
 *			return flags;
 *		...
 *	}
 *
 * and does in turn:
 *
 *	if (!cgroup_bpf_enabled(INET4_BIND))		// a NOP until used
 *		return 0;
 *	if (!cgroup_bpf_sock_enabled(sk, INET4_BIND))	// no program for this cgroup
 *		return 0;
 *	ctx = { sk, uaddr, addr_len };
 *	return cgroup_sock_run_unlocked(sk, &ctx, INET4_BIND);
 *
 * Those with a result return 0, or -EPERM or the errno of a program, with which
 * the system call fails. The caller undoes what it did so far. An address is
 * always the kernel's copy, which programs may rewrite.
 *
 * Locking: the programs run in process context, preemptible, in an RCU read-side
 * section, with the socket's cgroup kept by the socket. Most entry points are
 * called without the socket lock. They take it around the programs if one of
 * these needs it (BPF_RUN_NEEDS_SOCK_LOCK: bpf_bind(), bpf_setsockopt(),
 * bpf_getsockopt()), and may sleep then. What an array of programs needs is
 * fixed when it is published; an attach, a link update or an extension that
 * brings a new need in makes a new array or waits for all readers. Entry points
 * that say so are called with the socket lock held, as the protocol holds it
 * there anyway.
 */
#ifndef _BPF_CGROUP_SOCK_H
#define _BPF_CGROUP_SOCK_H

#include <linux/bpf-cgroup.h>
#include <linux/in6.h>
#include <net/sock.h>

/* What a socket was bound to before a call, to be restored if the call fails. */
struct cgroup_sock_bound {
	bool saved;		/* or nothing below means anything */
	bool v6only;
	u8 userlocks;
	u16 num;
	__be16 sport;
	int dev_if;
	int dev_if_after;	/* what the call made of it */
	__be32 rcv_saddr;
	__be32 saddr;
	struct in6_addr v6_rcv_saddr;
	struct in6_addr v6_saddr;
};

#ifdef CONFIG_CGROUP_BPF
#define cgroup_sock_active(sk, hook)					\
	(cgroup_bpf_enabled(CGROUP_##hook) &&				\
	 cgroup_bpf_sock_enabled(sk, CGROUP_##hook))

enum bpf_prog_type cgroup_sock_prog_type(enum bpf_attach_type type);
void cgroup_sock_retval_range(enum bpf_attach_type type, s32 *min, s32 *max);
u8 cgroup_sock_prog_needs(const struct bpf_prog *prog);
void cgroup_sock_extend(struct bpf_prog *prog, const struct bpf_prog *ext,
			int count);
u8 cgroup_sock_kfunc_needs(const struct btf *btf, u32 id);
bool bpf_cgroup_sock_port_chosen(void);

/**
 * cgroup_sock_helper_needs() - what a helper needs of those who run a program
 * @func_id: number of a helper
 *
 * A tail call may lead to a program with any of the helpers.
 *
 * Return: BPF_RUN_NEEDS_* that programs of a cgroup's sockets with it have.
 */
static inline u8 cgroup_sock_helper_needs(int func_id)
{
	switch (func_id) {
	case BPF_FUNC_bind:
	case BPF_FUNC_setsockopt:
	case BPF_FUNC_getsockopt:
	case BPF_FUNC_tail_call:
		return BPF_RUN_NEEDS_SOCK_LOCK;
	default:
		return 0;
	}
}

/**
 * cgroup_sock_needs_run_ctx() - whether a helper is for the run of a program only
 * @type: of the program
 * @func_id: number of a helper
 *
 * An async callback of the program, as that of a timer, has no run context, or
 * that of whatever it interrupts.
 *
 * Return: true for such a helper of programs of a cgroup's sockets.
 */
static inline bool cgroup_sock_needs_run_ctx(enum bpf_prog_type type, int func_id)
{
	return (type == BPF_PROG_TYPE_CGROUP_SOCK ||
		type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR) &&
	       (func_id == BPF_FUNC_get_retval ||
		func_id == BPF_FUNC_set_retval ||
		func_id == BPF_FUNC_get_local_storage);
}
#else
#define cgroup_sock_active(...)	false

static inline enum bpf_prog_type
cgroup_sock_prog_type(enum bpf_attach_type type)
{
	return BPF_PROG_TYPE_UNSPEC;
}

static inline void cgroup_sock_retval_range(enum bpf_attach_type type,
					    s32 *min, s32 *max)
{
}

static inline void cgroup_sock_extend(struct bpf_prog *prog,
				      const struct bpf_prog *ext, int count)
{
}

static inline u8 cgroup_sock_helper_needs(int func_id)
{
	return 0;
}

static inline bool cgroup_sock_needs_run_ctx(enum bpf_prog_type type, int func_id)
{
	return false;
}

static inline u8 cgroup_sock_kfunc_needs(const struct btf *btf, u32 id)
{
	return 0;
}
#endif

void __cgroup_sock_inherit(struct sock *sk, const struct sock *listener);
int __cgroup_sock_create(struct sock *sk);
void __cgroup_sock_release(struct sock *sk);
void __cgroup_sock_save_bound(const struct sock *sk,
			      struct cgroup_sock_bound *bound);
void cgroup_sock_restore_bound(struct sock *sk,
			       const struct cgroup_sock_bound *bound);
int __cgroup_sock_post_bind(struct sock *sk, struct cgroup_sock_bound *before);
int __cgroup_sock_port_chosen(struct sock *sk);

/**
 * cgroup_sock_create() - run INET_SOCK_CREATE programs on a new socket
 * @sk: socket of family AF_INET or AF_INET6 that nobody else can reach yet and
 *      that is in no hash table
 *
 * The programs may set the device, mark and priority of @sk. The device stays
 * when connect() dissolves an association. If @sk is refused although a program
 * allowed it, the INET_SOCK_RELEASE programs see it go. They do not run for
 * sockets of the kernel.
 *
 * Context: Process context, may not be called under a spinlock.
 * Return: 0, or what socket(2) fails with: -EPERM or the errno of a program,
 * -ENODEV for a device that the network namespace of @sk does not have.
 */
static inline int cgroup_sock_create(struct sock *sk)
{
	if (!cgroup_sock_active(sk, INET_SOCK_CREATE) || sk->sk_kern_sock)
		return 0;
	return __cgroup_sock_create(sk);
}

/**
 * cgroup_sock_create_backing() - run INET_SOCK_CREATE programs on the kernel's
 * socket behind a new one of the user
 * @sk: socket of family AF_INET or AF_INET6 through which the user's will talk
 *
 * The same as cgroup_sock_create(), but for a socket of the kernel.
 *
 * Context: Process context, may not be called under a spinlock.
 * Return: 0, or what socket(2) fails with, see cgroup_sock_create().
 */
static inline int cgroup_sock_create_backing(struct sock *sk)
{
	if (!cgroup_sock_active(sk, INET_SOCK_CREATE))
		return 0;
	return __cgroup_sock_create(sk);
}

/**
 * cgroup_sock_release() - run INET_SOCK_RELEASE programs on a closed socket
 * @sk: socket of family AF_INET or AF_INET6 that user space just let go of
 *
 * They do not run for sockets of the kernel.
 *
 * Context: Process context, without the socket lock.
 */
static inline void cgroup_sock_release(struct sock *sk)
{
	if (cgroup_sock_active(sk, INET_SOCK_RELEASE) && !sk->sk_kern_sock)
		__cgroup_sock_release(sk);
}

/**
 * cgroup_sock_release_backing() - run INET_SOCK_RELEASE programs on the kernel's
 * socket behind a closed one of the user
 * @sk: socket that cgroup_sock_create_backing() was called for
 *
 * Context: Process context, without the socket lock.
 */
static inline void cgroup_sock_release_backing(struct sock *sk)
{
	if (cgroup_sock_active(sk, INET_SOCK_RELEASE))
		__cgroup_sock_release(sk);
}

/**
 * cgroup_sock_has_post_bind() - whether programs see what a socket is bound to
 * @sk: socket of family AF_INET or AF_INET6
 *
 * Context: Any.
 * Return: whether there are post_bind programs of its family.
 */
static inline bool cgroup_sock_has_post_bind(struct sock *sk)
{
	return (cgroup_sock_active(sk, INET4_POST_BIND) &&
		sk->sk_family == AF_INET) ||
	       (cgroup_sock_active(sk, INET6_POST_BIND) &&
		sk->sk_family == AF_INET6);
}

/**
 * cgroup_sock_save_bound() - save what a socket is bound to before bind()
 * @sk: socket of family AF_INET or AF_INET6
 * @bound: where; nothing is saved if there are no post_bind programs
 *
 * Context: Process context, with the socket lock held.
 */
static inline void cgroup_sock_save_bound(struct sock *sk,
					  struct cgroup_sock_bound *bound)
{
	bound->saved = false;
	if (cgroup_sock_has_post_bind(sk))
		__cgroup_sock_save_bound(sk, bound);
}

/**
 * cgroup_sock_post_bind() - run post_bind programs in a bind() of a protocol's
 * @sk: socket of family AF_INET (INET4_POST_BIND) or AF_INET6 (INET6_POST_BIND)
 *      that just got the local address and port that a process asked for
 * @before: what cgroup_sock_save_bound() saved before
 *
 * After a refusal the socket is bound to what it was bound to before.
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_post_bind(struct sock *sk,
					struct cgroup_sock_bound *before)
{
	if (!IS_ENABLED(CONFIG_CGROUP_BPF) || !before->saved)
		return 0;
	return __cgroup_sock_post_bind(sk, before);
}

/**
 * cgroup_sock_port_chosen() - run post_bind programs on a port that the kernel
 * chose
 * @sk: socket of family AF_INET or AF_INET6 that just got a local port, which
 *      nobody asked for
 *
 * Only programs that call bpf_cgroup_sock_port_chosen() run. A refusal gives the
 * port back, but in SCTP, which does so itself.
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_port_chosen(struct sock *sk)
{
	return cgroup_sock_has_post_bind(sk) ? __cgroup_sock_port_chosen(sk) : 0;
}

/**
 * cgroup_sock_inherit() - give an accepted socket the cgroup of its listener
 * @sk: new socket, which was made in the name of the process that calls
 * @listener: socket whose connection or association it is to have
 *
 * The other properties of the process stay, as they are not for programs.
 *
 * Context: Any; @sk is not in use yet.
 */
static inline void cgroup_sock_inherit(struct sock *sk,
				       const struct sock *listener)
{
#ifdef CONFIG_CGROUP_BPF
	if (sk->sk_cgrp_data.cgroup == listener->sk_cgrp_data.cgroup)
		return;
	__cgroup_sock_inherit(sk, listener);
#endif
}

/**
 * cgroup_sock_peel_off() - give a new socket the cgroup of another one
 * @sk: new socket, for which INET_SOCK_CREATE programs of the process that calls
 *      ran
 * @from: socket whose association it is to have
 *
 * The programs of the cgroup that it leaves see it go.
 *
 * Context: Process context, without the socket lock of @sk.
 */
static inline void cgroup_sock_peel_off(struct sock *sk, const struct sock *from)
{
#ifdef CONFIG_CGROUP_BPF
	if (sk->sk_cgrp_data.cgroup == from->sk_cgrp_data.cgroup)
		return;
	cgroup_sock_release(sk);
	cgroup_sock_inherit(sk, from);
#endif
}

#endif /* _BPF_CGROUP_SOCK_H */
