// SPDX-License-Identifier: GPL-2.0
/*
 * What the verifier accepts: every field of both contexts by every width, for every attach
 * type; return values; helpers; expected attach types. A line of TAP is a row of a table.
 */
#include <stddef.h>

#include "../../kselftest.h"
#include "attaches.h"
#include "util.h"

#include "asking.h"

#define ON(hook)	(1 << (hook))
#define POST_BIND	(ON(POST_BIND4) | ON(POST_BIND6))
#define MADE		(ON(CREATE) | ON(RELEASE))
#define ALL_SOCK	(MADE | POST_BIND)
#define NAME4		(ON(RECVMSG4) | ON(GETPEERNAME4) | ON(GETSOCKNAME4))
#define NAME6		(ON(RECVMSG6) | ON(GETPEERNAME6) | ON(GETSOCKNAME6))
#define INET4		(ON(BIND4) | ON(CONNECT4) | ON(SENDMSG4) | NAME4)
#define INET6		(ON(BIND6) | ON(CONNECT6) | ON(SENDMSG6) | NAME6)
#define CONNECT		(ON(CONNECT4) | ON(CONNECT6))
#define GETNAME_UNIX	(ON(GETPEERNAME_UNIX) | ON(GETSOCKNAME_UNIX))
#define NAME_UNIX	(ON(RECVMSG_UNIX) | GETNAME_UNIX)
#define ALL_UNIX	(ON(CONNECT_UNIX) | ON(SENDMSG_UNIX) | NAME_UNIX)
#define ALL_ADDR	(INET4 | INET6 | ALL_UNIX)
#define WITH_RETVAL	(ALL_SOCK | (ALL_ADDR & ~(NAME4 | NAME6 | NAME_UNIX)))
#define WITH_SOCKOPT	(ON(CREATE) | (ALL_ADDR & ~GETNAME_UNIX))

/* Widths are or-ed: 1, 2, 4 and 8 bytes are their own bits. */
#define NARROW		(1 | 2 | 4)

static const struct field {
	const char *name;
	enum bpf_prog_type prog;
	int off;
	int loads;	/* widths, where the hook may read */
	int stores;	/* widths, where it may write */
	int readers;
	int writers;
} fields[] = {
	{ "bound_dev_if", SOCK, offsetof(struct bpf_sock, bound_dev_if),
	  4, 4, MADE, MADE },
	{ "mark", SOCK, offsetof(struct bpf_sock, mark), 4, 4, MADE, MADE },
	{ "priority", SOCK, offsetof(struct bpf_sock, priority), 4, 4, MADE, MADE },
	{ "family", SOCK, offsetof(struct bpf_sock, family), NARROW, 0, ALL_SOCK, 0 },
	{ "type", SOCK, offsetof(struct bpf_sock, type), NARROW, 0, ALL_SOCK, 0 },
	{ "protocol", SOCK, offsetof(struct bpf_sock, protocol), NARROW, 0, ALL_SOCK, 0 },
	{ "src_ip4", SOCK, offsetof(struct bpf_sock, src_ip4), NARROW, 0, ON(POST_BIND4), 0 },
	{ "src_ip6[0]", SOCK, offsetof(struct bpf_sock, src_ip6[0]), NARROW, 0, ON(POST_BIND6), 0 },
	{ "src_ip6[3]", SOCK, offsetof(struct bpf_sock, src_ip6[3]), NARROW, 0, ON(POST_BIND6), 0 },
	{ "src_port", SOCK, offsetof(struct bpf_sock, src_port), NARROW, 0, POST_BIND, 0 },
	{ "dst_port", SOCK, offsetof(struct bpf_sock, dst_port), 1 | 2 | 4, 0, ALL_SOCK, 0 },
	{ "dst_ip4", SOCK, offsetof(struct bpf_sock, dst_ip4), NARROW, 0, ALL_SOCK, 0 },
	{ "dst_ip6[0]", SOCK, offsetof(struct bpf_sock, dst_ip6[0]), NARROW, 0, ALL_SOCK, 0 },
	{ "dst_ip6[3]", SOCK, offsetof(struct bpf_sock, dst_ip6[3]), NARROW, 0, ALL_SOCK, 0 },
	{ "state", SOCK, offsetof(struct bpf_sock, state), NARROW, 0, ALL_SOCK, 0 },
	{ "rx_queue_mapping", SOCK, offsetof(struct bpf_sock, rx_queue_mapping),
	  NARROW, 0, ALL_SOCK, 0 },
	{ "end of the context", SOCK, sizeof(struct bpf_sock), 0, 0, 0, 0 },
	{ "user_family", ADDR, offsetof(struct bpf_sock_addr, user_family), 4, 0, ALL_ADDR, 0 },
	{ "user_ip4", ADDR, offsetof(struct bpf_sock_addr, user_ip4), NARROW, 4, INET4, INET4 },
	{ "user_ip6[0]", ADDR, offsetof(struct bpf_sock_addr, user_ip6[0]),
	  NARROW | 8, 4 | 8, INET6, INET6 },
	{ "user_ip6[1]", ADDR, offsetof(struct bpf_sock_addr, user_ip6[1]),
	  NARROW, 4, INET6, INET6 },
	{ "user_ip6[2]", ADDR, offsetof(struct bpf_sock_addr, user_ip6[2]),
	  NARROW | 8, 4 | 8, INET6, INET6 },
	{ "user_ip6[3]", ADDR, offsetof(struct bpf_sock_addr, user_ip6[3]),
	  NARROW, 4, INET6, INET6 },
	{ "user_port", ADDR, offsetof(struct bpf_sock_addr, user_port),
	  NARROW, 4, ALL_ADDR, ALL_ADDR },
	{ "family", ADDR, offsetof(struct bpf_sock_addr, family), 4, 0, ALL_ADDR, 0 },
	{ "type", ADDR, offsetof(struct bpf_sock_addr, type), 4, 0, ALL_ADDR, 0 },
	{ "protocol", ADDR, offsetof(struct bpf_sock_addr, protocol), 4, 0, ALL_ADDR, 0 },
	{ "msg_src_ip4", ADDR, offsetof(struct bpf_sock_addr, msg_src_ip4),
	  NARROW, 4, ON(SENDMSG4), ON(SENDMSG4) },
	{ "msg_src_ip6[0]", ADDR, offsetof(struct bpf_sock_addr, msg_src_ip6[0]),
	  NARROW, 4, ON(SENDMSG6), ON(SENDMSG6) },
	{ "msg_src_ip6[1]", ADDR, offsetof(struct bpf_sock_addr, msg_src_ip6[1]),
	  NARROW | 8, 4 | 8, ON(SENDMSG6), ON(SENDMSG6) },
	{ "msg_src_ip6[3]", ADDR, offsetof(struct bpf_sock_addr, msg_src_ip6[3]),
	  NARROW, 4, ON(SENDMSG6), ON(SENDMSG6) },
	{ "sk", ADDR, offsetof(struct bpf_sock_addr, sk), 8, 0, ALL_ADDR, 0 },
	{ "end of the context", ADDR, sizeof(struct bpf_sock_addr), 0, 0, 0, 0 },
};

static int bpf_width(int bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

static bool loads(const struct attach *a, const struct bpf_insn *insns, int count)
{
	int fd = load_insns(a->prog, a->type, insns, count);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool may_access(const struct attach *a, const struct field *f, struct bpf_insn access)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_2, 0),
		access,
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};

	return loads(a, insns, ARRAY_LEN(insns));
}

/* Whether the verifier says of each width what the table says. */
static bool field_is_as_told(const struct attach *a, int hook, const struct field *f)
{
	bool may_load, may_store, ok = true;
	int bytes;

	for (bytes = 1; bytes <= 8; bytes *= 2) {
		int width = bpf_width(bytes);

		may_load = f->readers & ON(hook) && f->loads & bytes;
		may_store = f->writers & ON(hook) && f->stores & bytes;
		if (may_load !=
		    may_access(a, f, BPF_LDX_MEM(width, BPF_REG_2, BPF_REG_1, f->off))) {
			ksft_print_msg("load of %d bytes: should be %s\n", bytes,
				       may_load ? "accepted" : "refused");
			ok = false;
		}
		if (may_store !=
		    may_access(a, f, BPF_STX_MEM(width, BPF_REG_1, BPF_REG_2, f->off)) ||
		    may_store !=
		    may_access(a, f, BPF_ST_MEM(width, BPF_REG_1, f->off, 0))) {
			ksft_print_msg("store of %d bytes: should be %s\n", bytes,
				       may_store ? "accepted" : "refused");
			ok = false;
		}
	}
	return ok;
}

static bool returns_are_as_told(const struct attach *a)
{
	int value;

	for (value = -1; value <= 4; value++) {
		int fd = load_return(a->prog, a->type, value);
		bool should = value >= a->min_return && value <= a->max_return;

		if (fd >= 0)
			close(fd);
		if (should ? fd < 0 : fd >= 0) {
			ksft_print_msg("return %d: should be %s\n", value,
				       should ? "accepted" : "refused");
			return false;
		}
	}
	return true;
}

/* Calls with the context as first argument and, if it takes more, memory of 16 bytes. */
static const struct helper {
	const char *name;
	int id;
	int hooks;
	int args;		/* if there are more than one */
	bool takes_context;
	bool only_reads;	/* the memory */
} helpers[] = {
	{ "bpf_bind", BPF_FUNC_bind, CONNECT, 3, true, true },
	{ "bpf_setsockopt", BPF_FUNC_setsockopt, WITH_SOCKOPT, 5, true, true },
	{ "bpf_getsockopt", BPF_FUNC_getsockopt, WITH_SOCKOPT, 5, true },
	{ "bpf_get_socket_cookie", BPF_FUNC_get_socket_cookie, ALL_SOCK | ALL_ADDR, 1, true },
	{ "bpf_get_netns_cookie", BPF_FUNC_get_netns_cookie, ALL_SOCK | ALL_ADDR, 1, true },
	{ "bpf_get_retval", BPF_FUNC_get_retval, WITH_RETVAL },
	{ "bpf_set_retval", BPF_FUNC_set_retval, WITH_RETVAL },
	{ "bpf_get_current_comm", BPF_FUNC_get_current_comm, ALL_SOCK | ALL_ADDR, 2 },
	{ "bpf_ktime_get_ns", BPF_FUNC_ktime_get_ns, ALL_SOCK | ALL_ADDR },
	{ "bpf_get_current_cgroup_id", BPF_FUNC_get_current_cgroup_id, ALL_SOCK | ALL_ADDR },
	{ "bpf_skb_load_bytes", BPF_FUNC_skb_load_bytes, 0 },
	{ "bpf_sock_map_update", BPF_FUNC_sock_map_update, 0 },
};

static int constants;		/* a map that programs cannot write to */

static bool helper_is_as_told(const struct attach *a, int hook, const struct helper *h)
{
	const struct bpf_insn call = BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, h->id);
	struct bpf_insn insns[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_MOV64_REG(BPF_REG_7, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_7, -16),
		BPF_ST_MEM(BPF_DW, BPF_REG_10, -16, 0),
		BPF_ST_MEM(BPF_DW, BPF_REG_10, -8, 0),
		BPF_MOV64_REG(BPF_REG_1, BPF_REG_6),
		BPF_MOV64_IMM(BPF_REG_2, 1),
		BPF_MOV64_IMM(BPF_REG_3, 8),
		BPF_MOV64_REG(BPF_REG_4, BPF_REG_7),
		BPF_MOV64_IMM(BPF_REG_5, 4),
		call,
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int i;

	if (h->id == BPF_FUNC_bind) {
		insns[6] = BPF_MOV64_REG(BPF_REG_2, BPF_REG_7);
		insns[7] = BPF_MOV64_IMM(BPF_REG_3, 16);
	} else if (h->id == BPF_FUNC_get_current_comm) {
		insns[5] = BPF_MOV64_REG(BPF_REG_1, BPF_REG_7);
		insns[6] = BPF_MOV64_IMM(BPF_REG_2, 16);
	} else if (h->id == BPF_FUNC_set_retval) {
		insns[5] = BPF_MOV64_IMM(BPF_REG_1, -1);
	}
	if (loads(a, insns, ARRAY_LEN(insns)) != !!(h->hooks & ON(hook)))
		return false;
	/* Nor does it load without one of the arguments. */
	for (i = 2; i <= h->args; i++) {
		struct bpf_insn *sets = &insns[4 + i], saved = *sets;

		*sets = BPF_MOV64_REG(BPF_REG_6, BPF_REG_6);
		if (loads(a, insns, ARRAY_LEN(insns))) {
			ksft_print_msg("argument %d is not needed\n", i);
			return false;
		}
		*sets = saved;
	}
	if (h->args > 1 && h->hooks & ON(hook)) {
		const struct bpf_insn constant[] = { BPF_LD_MAP_VALUE(BPF_REG_7, constants, 0) };
		struct bpf_insn saved[2];

		memcpy(saved, &insns[1], sizeof(saved));
		memcpy(&insns[1], constant, sizeof(constant));
		if (loads(a, insns, ARRAY_LEN(insns)) != h->only_reads) {
			ksft_print_msg("memory that is read-only should be %s\n",
				       h->only_reads ? "accepted" : "refused");
			return false;
		}
		memcpy(&insns[1], saved, sizeof(saved));
	}
	/* Nor with other memory in place of the context. */
	insns[5] = BPF_MOV64_REG(BPF_REG_1, BPF_REG_7);
	if (h->takes_context && loads(a, insns, ARRAY_LEN(insns))) {
		ksft_print_msg("the context is not needed\n");
		return false;
	}
	return true;
}

/* A program type takes its own expected attach types and no others; 0 is sock_create's. */
static bool expected_types_are_as_told(enum bpf_prog_type prog)
{
	int type, hook;

	for (type = 0; type < 64; type++) {
		bool should = prog == SOCK && type == 0;
		int fd = load_return(prog, type, 1);

		for (hook = 0; hook < ARRAY_LEN(attaches); hook++)
			should |= attaches[hook].prog == prog &&
				  attaches[hook].type == (unsigned int)type;
		if (fd >= 0)
			close(fd);
		if (should ? fd < 0 : fd != -EINVAL) {
			ksft_print_msg("expected attach type %d: %d\n", type, fd);
			return false;
		}
	}
	return true;
}

/* Only where there is a port that the kernel can have chosen. */
static bool port_chosen_is_as_told(const struct attach *a, enum hook hook)
{
	struct bpf_insn insns[] = {
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, port_chosen_id),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int fd = load_insns(a->prog, a->type, insns, ARRAY_LEN(insns));

	if (fd >= 0)
		close(fd);
	return port_chosen_id && (POST_BIND & ON(hook) ? fd >= 0 : fd < 0);
}

int main(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_RDONLY_PROG);
	int hook, i, fd;

	ksft_print_header();
	constants = bpf_map_create(BPF_MAP_TYPE_ARRAY, "constants", 4, 16, 1, &opts);
	if (constants < 0)
		ksft_exit_fail_msg("no map: %s\n", strerror(errno));
	ksft_set_plan(ARRAY_LEN(attaches) * (ARRAY_LEN(helpers) + 2) + 4 * 17 + 17 * 16 + 3);

	for (hook = 0; hook < ARRAY_LEN(attaches); hook++) {
		const struct attach *a = &attaches[hook];
		bool known;

		fd = load_return(a->prog, a->type, 1);
		known = fd >= 0;
		if (known)
			close(fd);
		ksft_test_result(known && returns_are_as_told(a), "%s: return values\n", a->name);
		for (i = 0; i < ARRAY_LEN(fields); i++) {
			if (fields[i].prog != a->prog)
				continue;
			ksft_test_result(known && field_is_as_told(a, hook, &fields[i]),
					 "%s: %s\n", a->name, fields[i].name);
		}
		for (i = 0; i < ARRAY_LEN(helpers); i++)
			ksft_test_result(known && helper_is_as_told(a, hook, &helpers[i]),
					 "%s: %s\n", a->name, helpers[i].name);
		ksft_test_result(known && port_chosen_is_as_told(a, hook),
				 "%s: bpf_cgroup_sock_port_chosen\n", a->name);
	}
	ksft_test_result(expected_types_are_as_told(SOCK),
			 "CGROUP_SOCK: expected attach types\n");
	ksft_test_result(expected_types_are_as_told(ADDR),
			 "CGROUP_SOCK_ADDR: expected attach types\n");

	/* The six instructions of "ip vrf exec", loaded with no expected attach type. */
	struct bpf_insn vrf[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_MOV64_IMM(BPF_REG_3, 1),
		BPF_MOV64_IMM(BPF_REG_2, offsetof(struct bpf_sock, bound_dev_if)),
		BPF_STX_MEM(BPF_W, BPF_REG_1, BPF_REG_3, offsetof(struct bpf_sock, bound_dev_if)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	fd = load_insns(SOCK, 0, vrf, ARRAY_LEN(vrf));
	ksft_test_result(fd >= 0, "no expected attach type is sock_create\n");
	ksft_finished();
}
