// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verifier asks about BPF_PROG_TYPE_CGROUP_SOCK_ADDR: the fields of
 * struct bpf_sock_addr that each attach type opens, and the helpers.
 */

#include <linux/bpf.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/bpf_sk_storage.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/sock.h>

#include "filter.h"

#define ON(hook)	BIT_ULL(BPF_CGROUP_##hook)
#define ON_CONNECT	(ON(INET4_CONNECT) | ON(INET6_CONNECT))
#define ON_NAME4	(ON(UDP4_RECVMSG) | ON(INET4_GETPEERNAME) | ON(INET4_GETSOCKNAME))
#define ON_NAME6	(ON(UDP6_RECVMSG) | ON(INET6_GETPEERNAME) | ON(INET6_GETSOCKNAME))
#define ON_INET4	(ON(INET4_BIND) | ON(INET4_CONNECT) | ON(UDP4_SENDMSG) | ON_NAME4)
#define ON_INET6	(ON(INET6_BIND) | ON(INET6_CONNECT) | ON(UDP6_SENDMSG) | ON_NAME6)
#define ON_NAME_UNIX	(ON(UNIX_RECVMSG) | ON(UNIX_GETPEERNAME) | ON(UNIX_GETSOCKNAME))
#define ON_UNIX		(ON(UNIX_CONNECT) | ON(UNIX_SENDMSG) | ON_NAME_UNIX)
#define ON_ALL		(ON_INET4 | ON_INET6 | ON_UNIX)
#define ON_SOCKOPT	(ON_ALL & ~(ON(UNIX_GETPEERNAME) | ON(UNIX_GETSOCKNAME)))

/* The port has one place in both kinds of address, so that a program need not
 * know the family to find it.
 */
static_assert(offsetof(struct sockaddr_in, sin_port) ==
	      offsetof(struct sockaddr_in6, sin6_port));

#define FIELD(name)					\
	.start = offsetof(struct bpf_sock_addr, name),	\
	.end = offsetofend(struct bpf_sock_addr, name)

/* Where a field lives in the kernel, and which attach types may read and write
 * it. Loads and stores have the field's unit of four bytes; narrow loads may be
 * shorter, wide loads and stores have two units.
 */
static const struct addr_field {
	u8 start;		/* of the field in the context */
	u8 end;
	u8 pointer;		/* in the kernel's context */
	u16 target;		/* in what the pointer points to */
	u8 target_size;		/* 0: the field is the pointer itself */
	bool narrow;
	bool wide;
	u64 read;
	u64 write;
} addr_fields[] = {
	{
		FIELD(user_family),
		.pointer = offsetof(struct bpf_sock_addr_kern, uaddr),
		.target = offsetof(struct sockaddr, sa_family),
		.target_size = sizeof_field(struct sockaddr, sa_family),
		.read = ON_ALL,
	},
	{
		FIELD(user_ip4),
		.pointer = offsetof(struct bpf_sock_addr_kern, uaddr),
		.target = offsetof(struct sockaddr_in, sin_addr),
		.target_size = sizeof_field(struct sockaddr_in, sin_addr),
		.narrow = true,
		.read = ON_INET4,
		.write = ON_INET4,
	},
	{
		FIELD(user_ip6),
		.pointer = offsetof(struct bpf_sock_addr_kern, uaddr),
		.target = offsetof(struct sockaddr_in6, sin6_addr),
		.target_size = sizeof_field(struct sockaddr_in6, sin6_addr),
		.narrow = true,
		.wide = true,
		.read = ON_INET6,
		.write = ON_INET6,
	},
	{
		FIELD(user_port),
		.pointer = offsetof(struct bpf_sock_addr_kern, uaddr),
		.target = offsetof(struct sockaddr_in, sin_port),
		.target_size = sizeof_field(struct sockaddr_in, sin_port),
		.narrow = true,
		.read = ON_ALL,
		.write = ON_ALL,
	},
	{
		FIELD(family),
		.pointer = offsetof(struct bpf_sock_addr_kern, sk),
		.target = offsetof(struct sock, sk_family),
		.target_size = sizeof_field(struct sock, sk_family),
		.read = ON_ALL,
	},
	{
		FIELD(type),
		.pointer = offsetof(struct bpf_sock_addr_kern, sk),
		.target = offsetof(struct sock, sk_type),
		.target_size = sizeof_field(struct sock, sk_type),
		.read = ON_ALL,
	},
	{
		FIELD(protocol),
		.pointer = offsetof(struct bpf_sock_addr_kern, sk),
		.target = offsetof(struct sock, sk_protocol),
		.target_size = sizeof_field(struct sock, sk_protocol),
		.read = ON_ALL,
	},
	{
		FIELD(msg_src_ip4),
		.pointer = offsetof(struct bpf_sock_addr_kern, t_ctx),
		.target_size = sizeof(__be32),
		.narrow = true,
		.read = ON(UDP4_SENDMSG),
		.write = ON(UDP4_SENDMSG),
	},
	{
		FIELD(msg_src_ip6),
		.pointer = offsetof(struct bpf_sock_addr_kern, t_ctx),
		.target_size = sizeof(struct in6_addr),
		.narrow = true,
		/* Two units begin at the second one, which is not aligned. */
		.wide = IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS),
		.read = ON(UDP6_SENDMSG),
		.write = ON(UDP6_SENDMSG),
	},
	{
		/* As long on all machines. */
		.start = offsetof(struct bpf_sock_addr, sk),
		.end = offsetof(struct bpf_sock_addr, sk) + sizeof(u64),
		.pointer = offsetof(struct bpf_sock_addr_kern, sk),
		.read = ON_ALL,
	},
};

static_assert(sizeof(struct bpf_sock_addr) <= U8_MAX);
static_assert(sizeof(struct bpf_sock_addr_kern) <= U8_MAX);
static_assert(BPF_CGROUP_UNIX_GETSOCKNAME < 64);

static const struct addr_field *cg_sock_addr_field_at(int off)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(addr_fields); i++) {
		if (off >= addr_fields[i].start && off < addr_fields[i].end)
			return &addr_fields[i];
	}
	return NULL;
}

static bool cg_sock_addr_is_valid_access(int off, int size,
					 enum bpf_access_type type,
					 const struct bpf_prog *prog,
					 struct bpf_insn_access_aux *info)
{
	u64 hook = BIT_ULL(prog->expected_attach_type);
	const struct addr_field *field = cg_sock_addr_field_at(off);

	if (!field || off % size)
		return false;
	if (!(hook & (type == BPF_WRITE ? field->write : field->read)))
		return false;

	if (!field->target_size) {
		info->reg_type = PTR_TO_SOCKET;
		return size == sizeof(u64);
	}
	if (field->narrow && type == BPF_READ)
		bpf_ctx_record_field_size(info, sizeof(u32));
	if (size == sizeof(u64))
		return field->wide && off + size <= field->end;
	if (field->narrow && type == BPF_READ)
		return bpf_ctx_narrow_access_ok(off, size, sizeof(u32));
	return size == sizeof(u32);
}

static u32 cg_sock_addr_convert_ctx_access(enum bpf_access_type type,
					   const struct bpf_insn *si,
					   struct bpf_insn *insn_buf,
					   struct bpf_prog *prog,
					   u32 *target_size)
{
	const struct addr_field *field = cg_sock_addr_field_at(si->off);
	int target = field->target + si->off - field->start;
	int bytes = min_t(int, field->target_size, BPF_LDST_BYTES(si));
	struct bpf_insn *insn = insn_buf;
	int tmp = BPF_REG_9;

	if (type == BPF_READ) {
		*insn++ = BPF_LDX_MEM(BPF_SIZEOF(void *), si->dst_reg,
				      si->src_reg, field->pointer);
		if (!field->target_size)
			return insn - insn_buf;
		*target_size = min_t(u32, field->target_size, sizeof(u32));
		*insn++ = BPF_LDX_MEM(bytes_to_bpf_size(bytes), si->dst_reg,
				      si->dst_reg, target);
		return insn - insn_buf;
	}

	/* A store needs a third register, for the pointer: borrow one. */
	while (tmp == si->src_reg || tmp == si->dst_reg)
		tmp--;
	*insn++ = BPF_STX_MEM(BPF_DW, si->dst_reg, tmp,
			      offsetof(struct bpf_sock_addr_kern, tmp_reg));
	*insn++ = BPF_LDX_MEM(BPF_SIZEOF(void *), tmp, si->dst_reg,
			      field->pointer);
	*insn++ = BPF_RAW_INSN(BPF_CLASS(si->code) | BPF_MEM |
			       bytes_to_bpf_size(bytes),
			       tmp, si->src_reg, target, si->imm);
	*insn++ = BPF_LDX_MEM(BPF_DW, tmp, si->dst_reg,
			      offsetof(struct bpf_sock_addr_kern, tmp_reg));
	return insn - insn_buf;
}

BPF_CALL_1(bpf_get_socket_cookie_cg_sock_addr, struct bpf_sock_addr_kern *, ctx)
{
	return __sock_gen_cookie(ctx->sk);
}

static const struct bpf_func_proto bpf_get_socket_cookie_cg_sock_addr_proto = {
	.func		= bpf_get_socket_cookie_cg_sock_addr,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
};

BPF_CALL_1(bpf_get_netns_cookie_cg_sock_addr, struct bpf_sock_addr_kern *, ctx)
{
	return ctx ? sock_net(ctx->sk)->net_cookie : init_net.net_cookie;
}

static const struct bpf_func_proto bpf_get_netns_cookie_cg_sock_addr_proto = {
	.func		= bpf_get_netns_cookie_cg_sock_addr,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX_OR_NULL,
};

BPF_CALL_5(bpf_cg_sock_addr_setsockopt, struct bpf_sock_addr_kern *, ctx,
	   int, level, int, optname, char *, optval, int, optlen)
{
	struct sock *sk = ctx->sk;
	int err = _bpf_setsockopt(sk, level, optname, optval, optlen);

	/* As in INET_SOCK_CREATE: what a program bound stays bound. */
	if (!err && level == SOL_SOCKET && sk_is_inet(sk) &&
	    (optname == SO_BINDTODEVICE || optname == SO_BINDTOIFINDEX))
		WRITE_ONCE(inet_sk(sk)->prog_dev_if, sk->sk_bound_dev_if);
	return err;
}

static const struct bpf_func_proto bpf_cg_sock_addr_setsockopt_proto = {
	.func		= bpf_cg_sock_addr_setsockopt,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_ANYTHING,
	.arg3_type	= ARG_ANYTHING,
	.arg4_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg5_type	= ARG_CONST_SIZE,
};

BPF_CALL_5(bpf_cg_sock_addr_getsockopt, struct bpf_sock_addr_kern *, ctx,
	   int, level, int, optname, char *, optval, int, optlen)
{
	return _bpf_getsockopt(ctx->sk, level, optname, optval, optlen);
}

static const struct bpf_func_proto bpf_cg_sock_addr_getsockopt_proto = {
	.func		= bpf_cg_sock_addr_getsockopt,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_ANYTHING,
	.arg3_type	= ARG_ANYTHING,
	.arg4_type	= ARG_PTR_TO_UNINIT_MEM,
	.arg5_type	= ARG_CONST_SIZE,
};

#ifdef CONFIG_INET
BPF_CALL_5(bpf_cg_sock_addr_skc_lookup_tcp, struct bpf_sock_addr_kern *, ctx,
	   struct bpf_sock_tuple *, tuple, u32, len, u64, netns_id, u64, flags)
{
	struct net *net = sock_net(ctx->sk);

	return (unsigned long)__bpf_skc_lookup(NULL, tuple, len, net, 0,
					       IPPROTO_TCP, netns_id, flags, -1);
}

static const struct bpf_func_proto bpf_cg_sock_addr_skc_lookup_tcp_proto = {
	.func		= bpf_cg_sock_addr_skc_lookup_tcp,
	.gpl_only	= false,
	.ret_type	= RET_PTR_TO_SOCK_COMMON_OR_NULL,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg3_type	= ARG_CONST_SIZE_OR_ZERO,
	.arg4_type	= ARG_ANYTHING,
	.arg5_type	= ARG_ANYTHING,
};

BPF_CALL_5(bpf_cg_sock_addr_sk_lookup_tcp, struct bpf_sock_addr_kern *, ctx,
	   struct bpf_sock_tuple *, tuple, u32, len, u64, netns_id, u64, flags)
{
	struct net *net = sock_net(ctx->sk);

	return (unsigned long)__bpf_sk_lookup(NULL, tuple, len, net, 0,
					      IPPROTO_TCP, netns_id, flags, -1);
}

static const struct bpf_func_proto bpf_cg_sock_addr_sk_lookup_tcp_proto = {
	.func		= bpf_cg_sock_addr_sk_lookup_tcp,
	.gpl_only	= false,
	.ret_type	= RET_PTR_TO_SOCKET_OR_NULL,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg3_type	= ARG_CONST_SIZE_OR_ZERO,
	.arg4_type	= ARG_ANYTHING,
	.arg5_type	= ARG_ANYTHING,
};

BPF_CALL_5(bpf_cg_sock_addr_sk_lookup_udp, struct bpf_sock_addr_kern *, ctx,
	   struct bpf_sock_tuple *, tuple, u32, len, u64, netns_id, u64, flags)
{
	struct net *net = sock_net(ctx->sk);

	return (unsigned long)__bpf_sk_lookup(NULL, tuple, len, net, 0,
					      IPPROTO_UDP, netns_id, flags, -1);
}

static const struct bpf_func_proto bpf_cg_sock_addr_sk_lookup_udp_proto = {
	.func		= bpf_cg_sock_addr_sk_lookup_udp,
	.gpl_only	= false,
	.ret_type	= RET_PTR_TO_SOCKET_OR_NULL,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg3_type	= ARG_CONST_SIZE_OR_ZERO,
	.arg4_type	= ARG_ANYTHING,
	.arg5_type	= ARG_ANYTHING,
};

static int cg_sock_addr_bind4(struct sock *sk, struct sockaddr_in *sin,
			      u32 flags)
{
	return __inet_bind(sk, (struct sockaddr *)sin, sizeof(*sin), flags);
}

#if IS_ENABLED(CONFIG_IPV6)
/* A socket of family AF_INET6 exists, so the IPv6 module is there. */
static int cg_sock_addr_bind6(struct sock *sk, struct sockaddr_in6 *sin6,
			      int addr_len, u32 flags)
{
	return ipv6_bpf_stub->inet6_bind(sk, (struct sockaddr *)sin6, addr_len,
					 flags);
}

/* INET4_CONNECT also sees the datagram sockets of family AF_INET6 that talk
 * IPv4; their source address is the v4-mapped one.
 */
static int cg_sock_addr_bind6_mapped(struct sock *sk,
				     const struct sockaddr_in *sin, u32 flags)
{
	struct sockaddr_in6 mapped = {
		.sin6_family = AF_INET6,
		.sin6_port = sin->sin_port,
	};

	ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &mapped.sin6_addr);
	return cg_sock_addr_bind6(sk, &mapped, sizeof(mapped), flags);
}
#endif

static int cg_sock_addr_bind_to(struct sock *sk, struct sockaddr *addr,
				int addr_len)
{
	u32 flags = 0;

	if (addr_len < offsetofend(struct sockaddr_in, sin_port))
		return -EINVAL;
	if (!((struct sockaddr_in *)addr)->sin_port)
		flags |= BIND_LATE_PORT;

	switch (addr->sa_family) {
	case AF_INET:
		if (addr_len < sizeof(struct sockaddr_in))
			return -EINVAL;
		if (sk->sk_family == AF_INET)
			return cg_sock_addr_bind4(sk, (struct sockaddr_in *)addr,
						  flags);
#if IS_ENABLED(CONFIG_IPV6)
		if (sk->sk_family == AF_INET6)
			return cg_sock_addr_bind6_mapped(sk, (struct sockaddr_in *)addr,
							 flags);
#endif
		return -EAFNOSUPPORT;
#if IS_ENABLED(CONFIG_IPV6)
	case AF_INET6:
		if (addr_len < SIN6_LEN_RFC2133)
			return -EINVAL;
		if (sk->sk_family != AF_INET6)
			return -EAFNOSUPPORT;
		return cg_sock_addr_bind6(sk, (struct sockaddr_in6 *)addr,
					  addr_len, flags);
#endif
	default:
		return -EAFNOSUPPORT;
	}
}

/* What connect() is to take back if it fails is what was there before the first
 * call; what this one is to take back is what was there before it.
 */
static int cg_sock_addr_bind(struct bpf_sock_addr_kern *ctx,
			     struct sockaddr *addr, int addr_len)
{
	struct cgroup_sock_bound *before = ctx->t_ctx, own;
	int err;

	/* Raw sockets have no ports. */
	if (!ctx->sk->sk_prot->get_port)
		return -EOPNOTSUPP;
	__cgroup_sock_save_bound(ctx->sk, &own);
	err = cg_sock_addr_bind_to(ctx->sk, addr, addr_len);
	own.dev_if_after = ctx->sk->sk_bound_dev_if;
	if (err) {
		cgroup_sock_restore_bound(ctx->sk, &own);
		return err;
	}
	if (!before->saved)
		*before = own;
	before->dev_if_after = own.dev_if_after;
	return 0;
}
#else
static int cg_sock_addr_bind(struct bpf_sock_addr_kern *ctx,
			     struct sockaddr *addr, int addr_len)
{
	return -EAFNOSUPPORT;
}
#endif /* CONFIG_INET */

BPF_CALL_3(bpf_bind, struct bpf_sock_addr_kern *, ctx, struct sockaddr *, addr,
	   int, addr_len)
{
	return cg_sock_addr_bind(ctx, addr, addr_len);
}

static const struct bpf_func_proto bpf_bind_proto = {
	.func		= bpf_bind,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg3_type	= ARG_CONST_SIZE,
};

static const struct bpf_func_proto *
cg_sock_addr_func_proto(enum bpf_func_id func_id, const struct bpf_prog *prog)
{
	u64 hook = BIT_ULL(prog->expected_attach_type);

	switch (func_id) {
	case BPF_FUNC_bind:
		return hook & ON_CONNECT ? &bpf_bind_proto : NULL;
	case BPF_FUNC_get_retval:
	case BPF_FUNC_set_retval:
		/* The call is over, there is no result to change. */
		if (hook & (ON_NAME4 | ON_NAME6 | ON_NAME_UNIX))
			return NULL;
		return cgroup_common_func_proto(func_id, prog);
	case BPF_FUNC_setsockopt:
		return hook & ON_SOCKOPT ?
		       &bpf_cg_sock_addr_setsockopt_proto : NULL;
	case BPF_FUNC_getsockopt:
		return hook & ON_SOCKOPT ?
		       &bpf_cg_sock_addr_getsockopt_proto : NULL;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_cookie_cg_sock_addr_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_cg_sock_addr_proto;
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
#ifdef CONFIG_INET
	case BPF_FUNC_skc_lookup_tcp:
		return &bpf_cg_sock_addr_skc_lookup_tcp_proto;
	case BPF_FUNC_sk_lookup_tcp:
		return &bpf_cg_sock_addr_sk_lookup_tcp_proto;
	case BPF_FUNC_sk_lookup_udp:
		return &bpf_cg_sock_addr_sk_lookup_udp_proto;
	case BPF_FUNC_sk_release:
		return &bpf_sk_release_proto;
#endif
	case BPF_FUNC_sk_storage_get:
		return &bpf_sk_storage_get_proto;
	case BPF_FUNC_sk_storage_delete:
		return &bpf_sk_storage_delete_proto;
	default:
		return cgroup_common_func_proto(func_id, prog) ?:
		       cgroup_current_func_proto(func_id, prog) ?:
		       bpf_sk_base_func_proto(func_id, prog);
	}
}

const struct bpf_verifier_ops cg_sock_addr_verifier_ops = {
	.get_func_proto		= cg_sock_addr_func_proto,
	.is_valid_access	= cg_sock_addr_is_valid_access,
	.convert_ctx_access	= cg_sock_addr_convert_ctx_access,
};

const struct bpf_prog_ops cg_sock_addr_prog_ops = {
};
