// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on an address that one of its sockets is to
 * be bound or connected to, and on the names that user space gets.
 */

#include <linux/bpf-cgroup-sock-addr.h>
#include <linux/in.h>
#include <linux/slab.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>

#include "cgroup_sock_addr.h"

#ifdef CONFIG_INET
/**
 * cgroup_sock_run_name() - run programs on a name that user space is to get
 * @sk: socket of family AF_INET or AF_INET6
 * @name: the name, which programs may rewrite
 * @len: bytes of @name
 * @atype: the attach type of the programs, which cannot refuse
 * @locked: whether the caller holds the socket lock
 *
 * Context: Process context; may sleep if not @locked.
 */
void cgroup_sock_run_name(struct sock *sk, void *name, int len,
			  enum cgroup_bpf_attach_type atype, bool locked)
{
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, name, len, NULL);
	cgroup_sock_run_addr(&ctx, atype, locked);
}
EXPORT_SYMBOL_GPL(cgroup_sock_run_name);

static int cgroup_sock_bind(struct sock *sk, struct sockaddr *uaddr, int addr_len,
			    enum cgroup_bpf_attach_type atype)
{
	struct cgroup_sock_verdict verdict;
	struct bpf_sock_addr_kern ctx __uninitialized;

	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, NULL);
	verdict = cgroup_sock_run_unlocked(sk, &ctx, atype);
	if (verdict.err)
		return verdict.err;
	return verdict.returned & 2 ? BIND_SKIP_PORT_CAP : 0;
}

/* Raw sockets take any family for AF_INET; all others but L2TP's take AF_UNSPEC
 * for it, if the address is INADDR_ANY.
 */
int __cgroup_sock_bind4(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	struct sockaddr_in *addr = (struct sockaddr_in *)uaddr;

	if (sk->sk_type == SOCK_RAW) {
		addr->sin_family = AF_INET;
	} else if (addr->sin_family == AF_UNSPEC &&
		   sk->sk_protocol != IPPROTO_L2TP) {
		if (addr->sin_addr.s_addr != htonl(INADDR_ANY))
			return -EAFNOSUPPORT;
		addr->sin_family = AF_INET;
	}
	return cgroup_sock_bind(sk, uaddr, addr_len, CGROUP_INET4_BIND);
}

int __cgroup_sock_bind6(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	return cgroup_sock_bind(sk, uaddr, addr_len, CGROUP_INET6_BIND);
}
EXPORT_SYMBOL_GPL(__cgroup_sock_bind6);

static bool cgroup_sock_has_options(const struct sock *sk,
				    enum cgroup_bpf_attach_type atype)
{
	if (rcu_access_pointer(inet_sk(sk)->inet_opt))
		return true;
#if IS_ENABLED(CONFIG_IPV6)
	if (atype == CGROUP_INET6_CONNECT)
		return rcu_access_pointer(inet_sk(sk)->pinet6->opt);
#endif
	return false;
}

/* The options of a socket must not lead elsewhere than to an address that programs
 * are about to see. One of IPv6 may be a v4-mapped one.
 */
static int cgroup_sock_refuse_routes(struct sock *sk,
				     enum cgroup_bpf_attach_type atype)
{
	const struct ip_options_rcu *opt4;
	bool leads_elsewhere;

	rcu_read_lock();
	opt4 = rcu_dereference(inet_sk(sk)->inet_opt);
	leads_elsewhere = opt4 && opt4->opt.srr;
#if IS_ENABLED(CONFIG_IPV6)
	if (atype == CGROUP_INET6_CONNECT) {
		const struct ipv6_txoptions *opt6 =
			rcu_dereference(inet_sk(sk)->pinet6->opt);

		leads_elsewhere |= opt6 && opt6->srcrt;
	}
#endif
	rcu_read_unlock();
	return leads_elsewhere ? -EPERM : 0;
}

/* Connect programs, after what comes before them for all sockets. */
static int cgroup_sock_connect_run(struct sock *sk, struct sockaddr *uaddr,
				   int addr_len, struct cgroup_sock_bound *before,
				   enum cgroup_bpf_attach_type atype, bool locked)
{
	int least = atype == CGROUP_INET4_CONNECT ? sizeof(struct sockaddr_in) :
						    SIN6_LEN_RFC2133;
	struct bpf_sock_addr_kern ctx __uninitialized;
	int err;

	before->saved = false;
	/* Every protocol refuses it. */
	if (addr_len < least)
		return 0;
	if (cgroup_sock_has_options(sk, atype)) {
		err = cgroup_sock_refuse_routes(sk, atype);
		if (err)
			return err;
	}
	cgroup_sock_addr_init(&ctx, sk, uaddr, addr_len, before);
	return cgroup_sock_run_addr(&ctx, atype, locked).err;
}

/*
 * A connection can fail long after this call. What it is to be taken back to
 * stays with the socket until then.
 */
int __cgroup_sock_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	enum cgroup_bpf_attach_type atype = sk->sk_family == AF_INET ?
		CGROUP_INET4_CONNECT : CGROUP_INET6_CONNECT;
	struct cgroup_sock_bound before __uninitialized, *keep;
	int err;

	/* An MPTCP socket connects through a TCP subflow, which has its own call. */
	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	err = cgroup_sock_connect_run(sk, uaddr, addr_len, &before, atype, true);
	if (!before.saved)
		return err;
	if (!err) {
		keep = kmemdup(&before, sizeof(before), GFP_KERNEL);
		if (keep) {
			kfree(inet_sk(sk)->connect_bound);
			inet_sk(sk)->connect_bound = keep;
			return 0;
		}
		err = -ENOMEM;
	}
	cgroup_sock_restore_bound(sk, &before);
	return err;
}

void cgroup_sock_connect_undo(struct sock *sk)
{
	if (sk->sk_state != TCP_CLOSE)
		return;
	cgroup_sock_restore_bound(sk, inet_sk(sk)->connect_bound);
	cgroup_sock_connect_keep(sk);
}
EXPORT_SYMBOL_GPL(cgroup_sock_connect_undo);

/**
 * cgroup_sock_connect_dgram() - run connect programs on a datagram socket
 * @sk: socket of family AF_INET or AF_INET6
 * @uaddr: the kernel's copy of the address, which programs may rewrite, long
 *         enough to hold a family
 * @addr_len: bytes of @uaddr that user space gave
 * @before: what the socket was bound to is saved here if bpf_bind() changes it
 *
 * A datagram socket of family AF_INET6 can be connected to an AF_INET address;
 * that is a matter for the INET4_CONNECT programs, as it is on an AF_INET one.
 * The family of the address decides, and no option is asked for: another thread
 * can change both IPV6_ADDRFORM and IPV6_V6ONLY before the protocol looks.
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: 0, also for an address that the protocol is to refuse, or -EPERM or
 * the errno of a program.
 */
int cgroup_sock_connect_dgram(struct sock *sk, struct sockaddr *uaddr,
			      int addr_len, struct cgroup_sock_bound *before)
{
	bool v4 = uaddr->sa_family == AF_INET ||
		  (uaddr->sa_family != AF_INET6 && sk->sk_family == AF_INET);

	before->saved = false;
	/* This has always been an AF_INET socket, and refuses it. */
	if (!v4 && !inet6_sk(sk))
		return 0;
	if (v4 ? !cgroup_sock_active(sk, INET4_CONNECT) :
		 !cgroup_sock_active(sk, INET6_CONNECT))
		return 0;
	return cgroup_sock_connect_run(sk, uaddr, addr_len, before,
				       v4 ? CGROUP_INET4_CONNECT :
					    CGROUP_INET6_CONNECT, false);
}

int __cgroup_sock_check_dev(const struct sock *sk, int prog_dev_if, int dev_if)
{
	if (prog_dev_if == dev_if)
		return 0;
	return l3mdev_master_ifindex_by_index(sock_net(sk), dev_if) == prog_dev_if ?
	       0 : -EINVAL;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_check_dev);

int __cgroup_sock_mc_dev(const struct sock *sk, int prog_dev_if, int dev_if)
{
	int mc_index = READ_ONCE(inet_sk(sk)->mc_index);

	if (!mc_index || __cgroup_sock_check_dev(sk, prog_dev_if, mc_index))
		return dev_if;
	return mc_index;
}
#endif /* CONFIG_INET */
