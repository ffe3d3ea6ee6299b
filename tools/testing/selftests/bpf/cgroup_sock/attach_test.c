// SPDX-License-Identifier: GPL-2.0
/* Where a program can be attached, in which order programs run, and who inherits them. */
#include "../../kselftest_harness.h"
#include "attaches.h"
#include "util.h"

#define MADE	BPF_CGROUP_INET_SOCK_CREATE

FIXTURE(attach) {
	char parent_path[64];
	char child_path[80];
	int parent;
	int child;
	int trace;	/* array of one number: each program appends its digit */
};

FIXTURE_SETUP(attach)
{
	cgroup_path(self->parent_path, "attach");
	snprintf(self->child_path, sizeof(self->child_path), "%s/child", self->parent_path);
	self->parent = cgroup_make(self->parent_path);
	ASSERT_LE(0, self->parent);
	self->child = cgroup_make(self->child_path);
	ASSERT_LE(0, self->child);
	ASSERT_EQ(0, cgroup_join(self->child_path));
	self->trace = bpf_map_create(BPF_MAP_TYPE_ARRAY, "trace", 4, 8, 1, NULL);
	ASSERT_LE(0, self->trace);
}

FIXTURE_TEARDOWN(attach)
{
	cgroup_remove(self->child, self->child_path);
	cgroup_remove(self->parent, self->parent_path);
}

/* trace = trace * 10 + digit, then return verdict */
static int load_digit(int trace, enum bpf_prog_type prog, enum bpf_attach_type type, int digit,
		      int verdict)
{
	struct bpf_insn insns[] = {
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
		BPF_LD_MAP_FD(BPF_REG_1, trace),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 4),
		BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 0),
		BPF_ALU64_IMM(BPF_MUL, BPF_REG_1, 10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, digit),
		BPF_STX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0),
		BPF_MOV64_IMM(BPF_REG_0, verdict),
		BPF_EXIT_INSN(),
	};

	return load_insns(prog, type, insns, ARRAY_LEN(insns));
}

static long long trace_of_socket(int trace)
{
	long long zero = 0, value = -1;
	int key = 0, fd;

	bpf_map_update_elem(trace, &key, &zero, 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd >= 0)
		close(fd);
	bpf_map_lookup_elem(trace, &key, &value);
	return value;
}

TEST_F(attach, only_to_the_type_it_was_loaded_for)
{
	int i, type, fd, link;

	for (i = 0; i < ARRAY_LEN(attaches); i++) {
		fd = load_return(attaches[i].prog, attaches[i].type, 1);
		ASSERT_LE(0, fd);
		for (type = 0; type < 64; type++) {
			bool should = type == (int)attaches[i].type;

			EXPECT_EQ(should, !bpf_prog_attach(fd, self->child, type, 0)) {
				TH_LOG("program for %d attached to %d", attaches[i].type, type);
			}
			if (should)
				EXPECT_EQ(0, bpf_prog_detach2(fd, self->child, type));
			link = bpf_link_create(fd, self->child, type, NULL);
			EXPECT_EQ(should, link >= 0) {
				TH_LOG("link for %d made at %d", attaches[i].type, type);
			}
			if (link >= 0)
				close(link);
		}
		close(fd);
	}
}

TEST_F(attach, link_update_wants_the_same_type)
{
	int i, j, link, fd[ARRAY_LEN(attaches)], again;

	for (i = 0; i < ARRAY_LEN(attaches); i++) {
		fd[i] = load_return(attaches[i].prog, attaches[i].type, 1);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < ARRAY_LEN(attaches); i++) {
		link = bpf_link_create(fd[i], self->child, attaches[i].type, NULL);
		ASSERT_LE(0, link);
		for (j = 0; j < ARRAY_LEN(attaches); j++)
			EXPECT_EQ(i == j, !bpf_link_update(link, fd[j], NULL)) {
				TH_LOG("program for %d put on a link at %d", attaches[j].type,
				       attaches[i].type);
			}
		again = load_return(attaches[i].prog, attaches[i].type, 1);
		EXPECT_EQ(0, bpf_link_update(link, again, NULL));
		close(again);
		close(link);
	}
}

TEST_F(attach, tail_call_wants_the_same_type)
{
	int map, i, j, key = 0, fd, other, err;

	for (i = 0; i < ARRAY_LEN(attaches); i++) {
		map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tail", 4, 4, 1, NULL);
		ASSERT_LE(0, map);
		struct bpf_insn insns[] = {
			BPF_LD_MAP_FD(BPF_REG_2, map),
			BPF_MOV64_IMM(BPF_REG_3, 0),
			BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
			BPF_MOV64_IMM(BPF_REG_0, 1),
			BPF_EXIT_INSN(),
		};
		fd = load_insns(attaches[i].prog, attaches[i].type, insns, ARRAY_LEN(insns));
		ASSERT_LE(0, fd);
		for (j = 0; j < ARRAY_LEN(attaches); j++) {
			other = load_return(attaches[j].prog, attaches[j].type, 1);
			ASSERT_LE(0, other);
			err = bpf_map_update_elem(map, &key, &other, 0);
			EXPECT_EQ(i == j, !err) {
				TH_LOG("tail call from %d to %d", attaches[i].type,
				       attaches[j].type);
			}
			close(other);
		}
		close(fd);
		close(map);
	}
}

TEST_F(attach, child_first_then_parent)
{
	int one = load_digit(self->trace, SOCK, MADE, 1, 1);
	int two = load_digit(self->trace, SOCK, MADE, 2, 1);
	int three = load_digit(self->trace, SOCK, MADE, 3, 1);

	ASSERT_LE(0, one);
	ASSERT_EQ(0, bpf_prog_attach(three, self->parent, MADE, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, bpf_prog_attach(one, self->child, MADE, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, bpf_prog_attach(two, self->child, MADE, BPF_F_ALLOW_MULTI));
	EXPECT_EQ(123, trace_of_socket(self->trace));
	EXPECT_EQ(0, bpf_prog_detach2(one, self->child, MADE));
	EXPECT_EQ(23, trace_of_socket(self->trace));
	EXPECT_EQ(0, bpf_prog_detach2(two, self->child, MADE));
	EXPECT_EQ(3, trace_of_socket(self->trace));
	EXPECT_EQ(0, bpf_prog_detach2(three, self->parent, MADE));
	EXPECT_EQ(0, trace_of_socket(self->trace));
}

TEST_F(attach, all_run_though_the_first_refuses)
{
	int one = load_digit(self->trace, SOCK, MADE, 1, 0);
	int two = load_digit(self->trace, SOCK, MADE, 2, 1);
	int fd;

	ASSERT_LE(0, one);
	ASSERT_EQ(0, bpf_prog_attach(one, self->child, MADE, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, bpf_prog_attach(two, self->child, MADE, BPF_F_ALLOW_MULTI));
	EXPECT_EQ(12, trace_of_socket(self->trace));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(-1, fd);
	EXPECT_EQ(EPERM, errno);
}

/* bpf_get_retval() is what the programs before left; bpf_set_retval(0) takes a refusal back. */
TEST_F(attach, a_later_one_takes_a_refusal_back)
{
	const struct bpf_insn forgive[] = {
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_retval),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_0, -EPERM, 2),
		BPF_MOV64_IMM(BPF_REG_1, 0),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_set_retval),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int later = load_insns(SOCK, MADE, forgive, ARRAY_LEN(forgive));
	int refuse = load_return(SOCK, MADE, 0), fd;

	ASSERT_LE(0, later);
	ASSERT_EQ(0, bpf_prog_attach(refuse, self->child, MADE, BPF_F_ALLOW_MULTI));
	EXPECT_EQ(-EPERM, make(AF_INET, SOCK_DGRAM, 0));
	ASSERT_EQ(0, bpf_prog_attach(later, self->parent, MADE, BPF_F_ALLOW_MULTI));
	fd = make(AF_INET, SOCK_DGRAM, 0);
	EXPECT_LE(0, fd);
	close(fd);
}

/* Those of BPF_F_PREORDER before all others, and among them the parent's first. */
TEST_F(attach, preorder)
{
	int first = BPF_F_ALLOW_MULTI | BPF_F_PREORDER, i, progs[4];

	for (i = 0; i < 4; i++) {
		progs[i] = load_digit(self->trace, SOCK, MADE, i + 1, 1);
		ASSERT_LE(0, progs[i]);
	}
	ASSERT_EQ(0, bpf_prog_attach(progs[3], self->parent, MADE, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, bpf_prog_attach(progs[2], self->child, MADE, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, bpf_prog_attach(progs[1], self->child, MADE, first));
	ASSERT_EQ(0, bpf_prog_attach(progs[0], self->parent, MADE, first));
	EXPECT_EQ(1234, trace_of_socket(self->trace));
}

TEST_F(attach, override)
{
	int parent = load_digit(self->trace, SOCK, MADE, 1, 1);
	int child = load_digit(self->trace, SOCK, MADE, 2, 1);

	ASSERT_LE(0, parent);
	ASSERT_EQ(0, bpf_prog_attach(parent, self->parent, MADE, BPF_F_ALLOW_OVERRIDE));
	EXPECT_EQ(1, trace_of_socket(self->trace));
	ASSERT_EQ(0, bpf_prog_attach(child, self->child, MADE, BPF_F_ALLOW_OVERRIDE));
	EXPECT_EQ(2, trace_of_socket(self->trace));
	EXPECT_EQ(0, bpf_prog_detach2(child, self->child, MADE));
	EXPECT_EQ(1, trace_of_socket(self->trace));
}

TEST_F(attach, none_keeps_children_out)
{
	int parent = load_digit(self->trace, SOCK, MADE, 1, 1);
	int child = load_digit(self->trace, SOCK, MADE, 2, 1);

	ASSERT_LE(0, parent);
	ASSERT_EQ(0, bpf_prog_attach(parent, self->parent, MADE, 0));
	EXPECT_EQ(-EPERM, bpf_prog_attach(child, self->child, MADE, 0));
	EXPECT_EQ(-EPERM, bpf_prog_attach(child, self->child, MADE, BPF_F_ALLOW_MULTI));
	EXPECT_EQ(1, trace_of_socket(self->trace));
	/* The only program of its cgroup gives way to the next. */
	EXPECT_EQ(0, bpf_prog_attach(child, self->parent, MADE, 0));
	EXPECT_EQ(2, trace_of_socket(self->trace));
}

TEST_F(attach, replace_and_query)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, replace, .flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE);
	int one = load_digit(self->trace, SOCK, MADE, 1, 1);
	int two = load_digit(self->trace, SOCK, MADE, 2, 1);
	__u32 ids[4], count, flags;

	ASSERT_LE(0, one);
	ASSERT_EQ(0, bpf_prog_attach(one, self->parent, MADE, BPF_F_ALLOW_MULTI));
	replace.replace_prog_fd = one;
	ASSERT_EQ(0, bpf_prog_attach_opts(two, self->parent, MADE, &replace));
	EXPECT_EQ(2, trace_of_socket(self->trace));

	count = ARRAY_LEN(ids);
	ASSERT_EQ(0, bpf_prog_query(self->parent, MADE, 0, &flags, ids, &count));
	EXPECT_EQ(1, count);
	EXPECT_EQ(BPF_F_ALLOW_MULTI, flags);
	count = ARRAY_LEN(ids);
	ASSERT_EQ(0, bpf_prog_query(self->child, MADE, 0, &flags, ids, &count));
	EXPECT_EQ(0, count);
	count = ARRAY_LEN(ids);
	ASSERT_EQ(0, bpf_prog_query(self->child, MADE, BPF_F_QUERY_EFFECTIVE, NULL, ids, &count));
	EXPECT_EQ(1, count);
}

TEST_F(attach, at_most_64)
{
	int i, fd;

	for (i = 0; i <= 64; i++) {
		fd = load_return(SOCK, MADE, 1);
		ASSERT_LE(0, fd);
		EXPECT_EQ(i == 64 ? -E2BIG : 0,
			  bpf_prog_attach(fd, self->child, MADE, BPF_F_ALLOW_MULTI));
		close(fd);
	}
	EXPECT_EQ(0, trace_of_socket(self->trace));
}

/* A link that comes to need the socket lock, by an update, gets it: lockdep would tell. */
TEST_F(attach, link_update_brings_the_lock)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 9);
	struct bpf_insn sockopt[] = {
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 77),
		BPF_MOV64_IMM(BPF_REG_2, SOL_SOCKET),
		BPF_MOV64_IMM(BPF_REG_3, SO_MARK),
		BPF_MOV64_REG(BPF_REG_4, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, -4),
		BPF_MOV64_IMM(BPF_REG_5, 4),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_setsockopt),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int plain = load_return(ADDR, BPF_CGROUP_INET4_CONNECT, 1);
	int locked = load_insns(ADDR, BPF_CGROUP_INET4_CONNECT, sockopt, ARRAY_LEN(sockopt));
	int link, fd, mark = 0;
	socklen_t len = sizeof(mark);

	ASSERT_LE(0, plain);
	ASSERT_LE(0, locked);
	link = bpf_link_create(plain, self->parent, BPF_CGROUP_INET4_CONNECT, NULL);
	ASSERT_LE(0, link);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(0, do_connect(fd, to));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len));
	EXPECT_EQ(0, mark);
	ASSERT_EQ(0, bpf_link_update(link, locked, NULL));
	EXPECT_EQ(0, do_connect(fd, to));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len));
	EXPECT_EQ(77, mark);
	ASSERT_EQ(0, bpf_link_update(link, plain, NULL));
	EXPECT_EQ(0, do_connect(fd, to));
}

TEST_HARNESS_MAIN
