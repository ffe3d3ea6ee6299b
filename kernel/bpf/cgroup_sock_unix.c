// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run the BPF programs of a cgroup on the addresses of its AF_UNIX sockets, and
 * let them rewrite a path of any length.
 */

#include <linux/bpf-cgroup-sock-unix.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/un.h>

#include "cgroup_sock_addr.h"

/* A program can look at all of the record: leave nothing behind the address. The
 * name of a socket with the longest path is a zero longer than the record.
 */
static void cgroup_sock_clear_tail(struct sockaddr *uaddr, int len)
{
	struct sockaddr_un *name = (struct sockaddr_un *)uaddr;
	int path_len = max_t(int, len - offsetof(struct sockaddr_un, sun_path), 0);

	if (path_len < sizeof(name->sun_path))
		memset(name->sun_path + path_len, 0,
		       sizeof(name->sun_path) - path_len);
}

static int cgroup_sock_run_unix(struct sock *sk, struct sockaddr *uaddr, int *len,
				enum cgroup_bpf_attach_type atype)
{
	struct bpf_sock_addr_kern ctx __uninitialized;
	int err;

	cgroup_sock_addr_init(&ctx, sk, uaddr, *len, NULL);
	cgroup_sock_clear_tail(uaddr, *len);
	err = cgroup_sock_run_unlocked(sk, &ctx, atype).err;
	if (!err)
		*len = ctx.uaddrlen;
	return err;
}

int __cgroup_sock_unix_connect(struct sock *sk, struct sockaddr *uaddr,
			       int *addr_len)
{
	return cgroup_sock_run_unix(sk, uaddr, addr_len, CGROUP_UNIX_CONNECT);
}

int __cgroup_sock_unix_sendmsg(struct sock *sk, struct sockaddr_un **name,
			       int *len, struct sockaddr_storage *copy)
{
	memcpy(copy, *name, *len);
	*name = (struct sockaddr_un *)copy;
	return cgroup_sock_run_unix(sk, (struct sockaddr *)copy, len,
			    CGROUP_UNIX_SENDMSG);
}

void __cgroup_sock_unix_recvmsg(struct sock *sk, struct msghdr *msg)
{
	struct sockaddr *from = msg->msg_name;

	from->sa_family = AF_UNIX;
	cgroup_sock_run_unix(sk, from, &msg->msg_namelen, CGROUP_UNIX_RECVMSG);
}

/**
 * cgroup_sock_unix_getname() - run UNIX_GETPEERNAME or UNIX_GETSOCKNAME programs
 * @sk: socket of family AF_UNIX that was asked
 * @name: name of its peer or its own, which programs may rewrite
 * @len: bytes of @name
 * @peer: whether it is that of the peer
 *
 * Context: Process context, without the socket lock; may sleep.
 * Return: the bytes of @name after the programs.
 */
int cgroup_sock_unix_getname(struct sock *sk, struct sockaddr *name, int len,
			     bool peer)
{
	cgroup_sock_run_unix(sk, name, &len, peer ? CGROUP_UNIX_GETPEERNAME :
					    CGROUP_UNIX_GETSOCKNAME);
	return len;
}

__bpf_kfunc_start_defs();

/**
 * bpf_sock_addr_set_sun_path() - rewrite the path of an AF_UNIX address
 * @sa_kern: context of a program of type BPF_PROG_TYPE_CGROUP_SOCK_ADDR
 * @sun_path: the path, without an end if it fills the whole size; one that
 *            begins with a zero is an abstract name
 * @sun_path__sz: its bytes, 1 to 108
 *
 * Context: Any that the programs run in.
 * Return: 0, or -EINVAL if the socket is not of family AF_UNIX or the path is
 * empty or too long.
 */
__bpf_kfunc int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern,
					   const u8 *sun_path, u32 sun_path__sz)
{
	struct sockaddr_un *name = (struct sockaddr_un *)sa_kern->uaddr;

	if (sa_kern->sk->sk_family != AF_UNIX ||
	    !sun_path__sz || sun_path__sz > sizeof(name->sun_path))
		return -EINVAL;

	memcpy(name->sun_path, sun_path, sun_path__sz);
	sa_kern->uaddrlen = offsetof(struct sockaddr_un, sun_path) + sun_path__sz;
	return 0;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(cgroup_sock_unix_kfunc_ids)
BTF_ID_FLAGS(func, bpf_sock_addr_set_sun_path)
BTF_KFUNCS_END(cgroup_sock_unix_kfunc_ids)

static const struct btf_kfunc_id_set cgroup_sock_unix_kfuncs = {
	.owner = THIS_MODULE,
	.set = &cgroup_sock_unix_kfunc_ids,
};

static int __init cgroup_sock_unix_register_kfuncs(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, &cgroup_sock_unix_kfuncs);
}
late_initcall(cgroup_sock_unix_register_kfuncs);
