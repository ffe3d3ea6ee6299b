/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs of a cgroup at the system calls of its sockets: the entry
 * points for net/, and what the bpf() system call and the verifier ask.
 *
 * An entry point is a NOP until some cgroup has a program for it. From then on
 * it looks first whether the cgroup of this very socket has one; only then is
 * there a call, a context or a lock.
 */
#ifndef _BPF_CGROUP_SOCK_H
#define _BPF_CGROUP_SOCK_H

#include <linux/bpf-cgroup.h>

#ifdef CONFIG_CGROUP_BPF
#define cgroup_sock_active(sk, hook)					\
	(cgroup_bpf_enabled(CGROUP_##hook) &&				\
	 cgroup_bpf_sock_enabled(sk, CGROUP_##hook))

enum bpf_prog_type cgroup_sock_prog_type(enum bpf_attach_type type);
void cgroup_sock_retval_range(enum bpf_attach_type type, s32 *min, s32 *max);
void cgroup_sock_note_need(const struct bpf_prog *prog, u8 need);
const struct bpf_func_proto *
cgroup_sock_common_func_proto(enum bpf_func_id func_id,
			      const struct bpf_prog *prog);
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
#endif

int __cgroup_sock_create(struct sock *sk);
void __cgroup_sock_release(struct sock *sk);
int __cgroup_sock_post_bind4(struct sock *sk);
int __cgroup_sock_post_bind6(struct sock *sk);

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
 * cgroup_sock_post_bind4() - run INET4_POST_BIND programs on a bound socket
 * @sk: socket of family AF_INET that just got its local address and port
 *
 * A refusal gives the port back; the address is for the caller to reset, after
 * that, as the port is filed under it.
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_post_bind4(struct sock *sk)
{
	if (!cgroup_sock_active(sk, INET4_POST_BIND))
		return 0;
	return __cgroup_sock_post_bind4(sk);
}

/**
 * cgroup_sock_post_bind6() - run INET6_POST_BIND programs on a bound socket
 * @sk: socket of family AF_INET6 that just got its local address and port
 *
 * The same as cgroup_sock_post_bind4().
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_post_bind6(struct sock *sk)
{
	if (!cgroup_sock_active(sk, INET6_POST_BIND))
		return 0;
	return __cgroup_sock_post_bind6(sk);
}

/**
 * cgroup_sock_port_chosen() - run post_bind programs on a port that the kernel
 * chose for a socket that nobody bound
 * @sk: socket of family AF_INET or AF_INET6 that just got a local port
 *
 * A refusal gives the port back, see cgroup_sock_post_bind4().
 *
 * Context: Process context, with the socket lock held.
 * Return: 0, or -EPERM or the errno of a program.
 */
static inline int cgroup_sock_port_chosen(struct sock *sk)
{
	if (cgroup_sock_active(sk, INET4_POST_BIND) && sk->sk_family == AF_INET)
		return __cgroup_sock_post_bind4(sk);
	if (cgroup_sock_active(sk, INET6_POST_BIND) && sk->sk_family == AF_INET6)
		return __cgroup_sock_post_bind6(sk);
	return 0;
}

#endif /* _BPF_CGROUP_SOCK_H */
