// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verifier asks about BPF_PROG_TYPE_CGROUP_SOCK: the fields of
 * struct bpf_sock that each attach type opens, and the helpers.
 */

#include <linux/bpf.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/sock_diag.h>
#include <net/bpf_sk_storage.h>
#include <net/mptcp.h>
#include <net/sock.h>

#include "filter.h"

#define ON(hook)	BIT_ULL(BPF_CGROUP_##hook)
#define ON_MADE		(ON(INET_SOCK_CREATE) | ON(INET_SOCK_RELEASE))
#define ON_BOUND4	ON(INET4_POST_BIND)
#define ON_BOUND6	ON(INET6_POST_BIND)
#define ON_ALL		(ON_MADE | ON_BOUND4 | ON_BOUND6)

#define FIELD(name)					\
	.start = offsetof(struct bpf_sock, name),	\
	.end = offsetofend(struct bpf_sock, name)

/* Which attach types may read and write a field. Where it lives and which widths
 * it takes is the same for all program types that have a struct bpf_sock, see
 * bpf_sock_convert_ctx_access() and bpf_sock_is_valid_access().
 */
static const struct sock_field {
	u8 start;		/* of the field in the context */
	u8 end;
	u64 read;
	u64 write;
} sock_fields[] = {
	{ FIELD(bound_dev_if), .read = ON_MADE, .write = ON_MADE },
	{ FIELD(family), .read = ON_ALL },
	{ FIELD(type), .read = ON_ALL },
	{ FIELD(protocol), .read = ON_ALL },
	{ FIELD(mark), .read = ON_MADE, .write = ON_MADE },
	{ FIELD(priority), .read = ON_MADE, .write = ON_MADE },
	{ FIELD(src_ip4), .read = ON_BOUND4 },
	{ FIELD(src_ip6), .read = ON_BOUND6 },
	{ FIELD(src_port), .read = ON_BOUND4 | ON_BOUND6 },
	{ FIELD(dst_port), .read = ON_ALL },
	{ FIELD(dst_ip4), .read = ON_ALL },
	{ FIELD(dst_ip6), .read = ON_ALL },
	{ FIELD(state), .read = ON_ALL },
	{ FIELD(rx_queue_mapping), .read = ON_ALL },
};

static_assert(sizeof(struct bpf_sock) <= U8_MAX);

static bool cg_sock_is_valid_access(int off, int size,
				    enum bpf_access_type type,
				    const struct bpf_prog *prog,
				    struct bpf_insn_access_aux *info)
{
	u64 hook = BIT_ULL(prog->expected_attach_type);
	const struct sock_field *field;
	int i;

	for (i = 0; i < ARRAY_SIZE(sock_fields); i++) {
		field = &sock_fields[i];
		if (off >= field->start && off < field->end)
			return hook & (type == BPF_WRITE ? field->write : field->read) &&
			       bpf_sock_is_valid_access(off, size, type, info);
	}
	return false;
}

/* Raw and L2TP sockets have no ports; what they have in the place of one is the
 * number of their protocol.
 */
static u32 cg_sock_convert_ctx_access(enum bpf_access_type type,
				      const struct bpf_insn *si,
				      struct bpf_insn *insn_buf,
				      struct bpf_prog *prog, u32 *target_size)
{
	struct bpf_insn *insn = insn_buf;

	if (si->off != offsetof(struct bpf_sock, src_port))
		return bpf_sock_convert_ctx_access(type, si, insn_buf, prog,
						   target_size);

	*target_size = sizeof_field(struct sock, sk_num);
	*insn++ = BPF_LDX_MEM(BPF_H, BPF_REG_AX, si->src_reg,
			      offsetof(struct sock, sk_type));
	*insn++ = BPF_JMP_IMM(BPF_JEQ, BPF_REG_AX, SOCK_RAW, 4);
	*insn++ = BPF_LDX_MEM(BPF_H, BPF_REG_AX, si->src_reg,
			      offsetof(struct sock, sk_protocol));
	*insn++ = BPF_JMP_IMM(BPF_JEQ, BPF_REG_AX, IPPROTO_L2TP, 2);
	*insn++ = BPF_LDX_MEM(BPF_H, si->dst_reg, si->src_reg,
			      offsetof(struct sock, sk_num));
	*insn++ = BPF_JMP_A(1);
	*insn++ = BPF_MOV64_IMM(si->dst_reg, 0);
	return insn - insn_buf;
}

static_assert(sizeof_field(struct sock, sk_type) == sizeof(u16));
static_assert(sizeof_field(struct sock, sk_protocol) == sizeof(u16));
static_assert(sizeof_field(struct sock, sk_num) == sizeof(u16));

BPF_CALL_1(bpf_get_socket_cookie_cg_sock, struct sock *, sk)
{
	return __sock_gen_cookie(sk);
}

static const struct bpf_func_proto bpf_get_socket_cookie_cg_sock_proto = {
	.func		= bpf_get_socket_cookie_cg_sock,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
};

BPF_CALL_1(bpf_get_netns_cookie_cg_sock, struct sock *, sk)
{
	return sk ? sock_net(sk)->net_cookie : init_net.net_cookie;
}

static const struct bpf_func_proto bpf_get_netns_cookie_cg_sock_proto = {
	.func		= bpf_get_netns_cookie_cg_sock,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX_OR_NULL,
};

/* Nobody else can reach the socket yet, so there is no lock to hold. */
BPF_CALL_5(bpf_cg_sock_setsockopt, struct sock *, sk, int, level, int, optname,
	   char *, optval, int, optlen)
{
	int err = bpf_unlocked_sk_setsockopt((unsigned long)sk, level, optname,
					     (unsigned long)optval, optlen);

	/* A raw socket can have the number of MPTCP as well. */
	if (!err && sk->sk_protocol == IPPROTO_MPTCP && sk->sk_type == SOCK_STREAM)
		mptcp_sockopt_set_by_progs(sk);
	return err;
}

static const struct bpf_func_proto bpf_cg_sock_setsockopt_proto = {
	.func		= bpf_cg_sock_setsockopt,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_ANYTHING,
	.arg3_type	= ARG_ANYTHING,
	.arg4_type	= ARG_PTR_TO_MEM | MEM_RDONLY,
	.arg5_type	= ARG_CONST_SIZE,
};

static const struct bpf_func_proto bpf_cg_sock_getsockopt_proto = {
	.func		= bpf_unlocked_sk_getsockopt,
	.gpl_only	= false,
	.ret_type	= RET_INTEGER,
	.arg1_type	= ARG_PTR_TO_CTX,
	.arg2_type	= ARG_ANYTHING,
	.arg3_type	= ARG_ANYTHING,
	.arg4_type	= ARG_PTR_TO_UNINIT_MEM,
	.arg5_type	= ARG_CONST_SIZE,
};

static const struct bpf_func_proto *
cg_sock_func_proto(enum bpf_func_id func_id, const struct bpf_prog *prog)
{
	u64 hook = BIT_ULL(prog->expected_attach_type);

	switch (func_id) {
	case BPF_FUNC_setsockopt:
		return hook & ON(INET_SOCK_CREATE) ? &bpf_cg_sock_setsockopt_proto : NULL;
	case BPF_FUNC_getsockopt:
		return hook & ON(INET_SOCK_CREATE) ? &bpf_cg_sock_getsockopt_proto : NULL;
	case BPF_FUNC_get_socket_cookie:
		return &bpf_get_socket_cookie_cg_sock_proto;
	case BPF_FUNC_get_netns_cookie:
		return &bpf_get_netns_cookie_cg_sock_proto;
	case BPF_FUNC_perf_event_output:
		return &bpf_event_output_data_proto;
	case BPF_FUNC_sk_storage_get:
		return &bpf_sk_storage_get_ctx_proto;
	case BPF_FUNC_ktime_get_coarse_ns:
		return &bpf_ktime_get_coarse_ns_proto;
	default:
		return cgroup_common_func_proto(func_id, prog) ?:
		       cgroup_current_func_proto(func_id, prog) ?:
		       bpf_base_func_proto(func_id, prog);
	}
}

const struct bpf_verifier_ops cg_sock_verifier_ops = {
	.get_func_proto		= cg_sock_func_proto,
	.is_valid_access	= cg_sock_is_valid_access,
	.convert_ctx_access	= cg_sock_convert_ctx_access,
};

const struct bpf_prog_ops cg_sock_prog_ops = {
};
