// SPDX-License-Identifier: GPL-2.0
/* INET_SOCK_CREATE: what the program sees, what it sets, what its refusal leaves. */
#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(create) {
	struct box box;
};

FIXTURE_VARIANT(create) {
	int family;
	int type;
	int protocol;
	int seen_protocol;
	int ip;		/* family of its addresses, if not its own */
};

FIXTURE_VARIANT_ADD(create, tcp4) {
	AF_INET, SOCK_STREAM, 0, IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(create, tcp6) {
	AF_INET6, SOCK_STREAM, 0, IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(create, udp4) {
	AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(create, udp6) {
	AF_INET6, SOCK_DGRAM, 0, IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(create, udplite4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, IPPROTO_UDPLITE
};

FIXTURE_VARIANT_ADD(create, udplite6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, IPPROTO_UDPLITE
};

FIXTURE_VARIANT_ADD(create, ping4) {
	AF_INET, SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMP
};

FIXTURE_VARIANT_ADD(create, ping6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, IPPROTO_ICMPV6
};

FIXTURE_VARIANT_ADD(create, raw4) {
	AF_INET, SOCK_RAW, IPPROTO_UDP, IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(create, raw6) {
	AF_INET6, SOCK_RAW, IPPROTO_UDP, IPPROTO_UDP
};

/* The number of MPTCP does not make one of it. */
FIXTURE_VARIANT_ADD(create, raw_mptcp4) {
	AF_INET, SOCK_RAW, IPPROTO_MPTCP, IPPROTO_MPTCP
};

FIXTURE_VARIANT_ADD(create, mptcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP
};

FIXTURE_VARIANT_ADD(create, mptcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP
};

FIXTURE_VARIANT_ADD(create, sctp4) {
	AF_INET, SOCK_STREAM, IPPROTO_SCTP, IPPROTO_SCTP
};

FIXTURE_VARIANT_ADD(create, sctp6) {
	AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, IPPROTO_SCTP
};

FIXTURE_VARIANT_ADD(create, l2tp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_L2TP, IPPROTO_L2TP
};

FIXTURE_VARIANT_ADD(create, l2tp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, IPPROTO_L2TP
};

FIXTURE_VARIANT_ADD(create, smc4) {
	AF_INET, SOCK_STREAM, IPPROTO_SMC, IPPROTO_SMC
};

FIXTURE_VARIANT_ADD(create, smc6) {
	AF_INET6, SOCK_STREAM, IPPROTO_SMC, IPPROTO_SMC
};

/* The TCP socket behind it is what programs see. */
FIXTURE_VARIANT_ADD(create, af_smc4) {
	AF_SMC, SOCK_STREAM, SMCPROTO_SMC, IPPROTO_TCP, AF_INET
};

FIXTURE_VARIANT_ADD(create, af_smc6) {
	AF_SMC, SOCK_STREAM, SMCPROTO_SMC6, IPPROTO_TCP, AF_INET6
};

FIXTURE_SETUP(create)
{
	ASSERT_EQ(0, box_open(&self->box));
	ASSERT_EQ(0, box_attach(&self->box, CREATE));
}

FIXTURE_TEARDOWN(create)
{
	box_close(&self->box);
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

TEST_F(create, sees_the_socket)
{
	struct seen *saw = &self->box.seen[CREATE];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->ip ?: variant->family, saw->family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(variant->seen_protocol, saw->protocol);
	close(fd);
}

TEST_F(create, sets_device_mark_priority)
{
	struct order *order = &self->box.order[CREATE];
	int fd;

	order->write_device = 1;
	order->device = 1;
	order->mark = 42;
	order->priority = 5;
	fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, option(fd, SO_BINDTOIFINDEX));
	EXPECT_EQ(42, option(fd, SO_MARK));
	EXPECT_EQ(5, option(fd, SO_PRIORITY));
	close(fd);
}

/* Returns 1 if the option has @value, which the program may set first. */
static int load_option(enum bpf_prog_type prog, enum bpf_attach_type type, int level, int name,
		       int value, bool set)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, value),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -8, 0),
		BPF_MOV64_IMM(BPF_REG_2, level),
		BPF_MOV64_IMM(BPF_REG_3, name),
		BPF_MOV64_REG(BPF_REG_4, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, set ? -4 : -8),
		BPF_MOV64_IMM(BPF_REG_5, 4),
		BPF_EMIT_CALL(set ? BPF_FUNC_setsockopt : BPF_FUNC_getsockopt),
		BPF_MOV64_REG(BPF_REG_7, BPF_REG_0),
		BPF_MOV64_REG(BPF_REG_1, BPF_REG_6),
		BPF_MOV64_IMM(BPF_REG_2, level),
		BPF_MOV64_IMM(BPF_REG_3, name),
		BPF_MOV64_REG(BPF_REG_4, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, -8),
		BPF_MOV64_IMM(BPF_REG_5, 4),
		BPF_EMIT_CALL(BPF_FUNC_getsockopt),
		BPF_ALU64_REG(BPF_OR, BPF_REG_7, BPF_REG_0),
		BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_10, -8),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_7, 0, 2),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_1, value, 1),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};

	return load_insns(prog, type, insns, ARRAY_LEN(insns));
}

static int load_mark(enum bpf_attach_type type)
{
	return load_option(BPF_PROG_TYPE_CGROUP_SOCK, type, SOL_SOCKET, SO_MARK, 43, true);
}

TEST_F(create, sets_and_gets_an_option)
{
	int prog = load_mark(BPF_CGROUP_INET_SOCK_CREATE), fd;

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, bpf_prog_attach(prog, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
				     BPF_F_ALLOW_MULTI));
	fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, fd);
	EXPECT_EQ(43, option(fd, SO_MARK));
	close(fd);
	close(prog);
}

/*
 * Whether a connect program finds @value in an option of the socket that connects, which is another
 * one for MPTCP and SMC. Returns 0 or 1, or -1 if it cannot be asked.
 */
static int finds(struct box *box, int fd, int ip, int level, int name, int value)
{
	enum bpf_attach_type type = ip == AF_INET ? BPF_CGROUP_INET4_CONNECT :
						    BPF_CGROUP_INET6_CONNECT;
	int prog = load_option(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, level, name, value, false);
	struct endpoint at = endpoint(ip, ip == AF_INET ? "127.0.0.1" : "::1", 0);
	int err;

	/* The id of a connection is behind the address. */
	if (option(fd, SO_PROTOCOL) == IPPROTO_L2TP)
		at.len = ip == AF_INET ? 16 : sizeof(at.room);
	if (do_bind(fd, at) ||
	    bpf_prog_attach(prog, box->cgroup, type, BPF_F_ALLOW_MULTI))
		return -1;
	if (option(fd, SO_TYPE) != SOCK_RAW)
		at.in.sin_port = htons(4001);
	err = do_connect(fd, at);
	if (bpf_prog_detach2(prog, box->cgroup, type))
		return -1;
	close(prog);
	return err != -EPERM;
}

TEST_F(create, options_are_those_of_the_socket_that_connects)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 },
		{ SOL_SOCKET, SO_PRIORITY, 5 },
		{ IPPROTO_IP, IP_TOS, 8 },
	}, *o;
	int ip = variant->ip ?: variant->family, prog, fd, wrong;

	for (o = options; o < options + ARRAY_LEN(options); o++) {
		/* AF_INET6 does not have it, and IPPROTO_SMC does not pass it on. */
		if (o->name == IP_TOS && (ip != AF_INET || variant->protocol == IPPROTO_SMC))
			continue;
		prog = load_option(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE,
				   o->level, o->name, o->value, true);
		ASSERT_EQ(0, bpf_prog_attach(prog, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
					     BPF_F_ALLOW_MULTI));
		for (wrong = 0; wrong < 2; wrong++) {
			fd = make(variant->family, variant->type, variant->protocol);
			EXPECT_EQ(!wrong, finds(&self->box, fd, ip, o->level, o->name,
						o->value + wrong)) {
				TH_LOG("option %d of level %d", o->name, o->level);
			}
			close(fd);
		}
		ASSERT_EQ(0, bpf_prog_detach2(prog, self->box.cgroup,
					      BPF_CGROUP_INET_SOCK_CREATE));
		close(prog);
	}
}

TEST_F(create, mark_and_priority_are_those_of_the_socket_that_connects)
{
	static const struct {
		int name, value, found;
	} cases[] = {
		{ SO_MARK, 42, 1 },
		{ SO_MARK, 43, 0 },
		{ SO_PRIORITY, 5, 1 },
		{ SO_PRIORITY, 6, 0 },
	};
	int ip = variant->ip ?: variant->family, fd, i;

	self->box.order[CREATE].write_device = 1;
	self->box.order[CREATE].mark = 42;
	self->box.order[CREATE].priority = 5;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		fd = make(variant->family, variant->type, variant->protocol);
		EXPECT_EQ(cases[i].found, finds(&self->box, fd, ip, SOL_SOCKET, cases[i].name,
						cases[i].value)) {
			TH_LOG("case %d", i);
		}
		close(fd);
	}
}

TEST_F(create, refuses)
{
	struct order *order = &self->box.order[CREATE];
	int fd;

	order->verdict = 0;
	EXPECT_EQ(-EPERM, make(variant->family, variant->type, variant->protocol));
	order->retval = -EACCES;
	EXPECT_EQ(-EACCES, make(variant->family, variant->type, variant->protocol));
	order->verdict = 1;
	EXPECT_EQ(-EACCES, make(variant->family, variant->type, variant->protocol));
	EXPECT_EQ(3, self->box.seen[CREATE].calls);
	box_detach(&self->box, CREATE);
	fd = make(variant->family, variant->type, variant->protocol);
	EXPECT_LE(0, fd);
	close(fd);
}

/* A value that is no errno neither fails the call nor makes half a socket. */
TEST_F(create, only_an_errno_gets_out)
{
	struct order *order = &self->box.order[CREATE];
	static const int values[] = { 1, 5, 4096, -4096, 0x7fffffff, -0x7fffffff - 1 };
	int i, fd, value;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		order->retval = values[i];
		order->verdict = 1;
		fd = make(variant->family, variant->type, variant->protocol);
		ASSERT_LE(0, fd);
		/* Half a socket would not have survived either of these. */
		do_bind(fd, endpoint(variant->ip ?: variant->family, "", 0));
		value = option(fd, SO_TYPE);
		EXPECT_EQ(variant->type, value);
		close(fd);
		order->verdict = 0;
		EXPECT_EQ(-EPERM, make(variant->family, variant->type, variant->protocol));
	}
}

TEST_F(create, a_device_must_exist)
{
	struct order *order = &self->box.order[CREATE];
	static const __u32 devices[] = { 4242, 0x7fffffff, 0x80000000, 0xffffffff };
	int i;

	order->write_device = 1;
	for (i = 0; i < ARRAY_LEN(devices); i++) {
		order->device = devices[i];
		EXPECT_EQ(-ENODEV, make(variant->family, variant->type, variant->protocol));
	}
}

TEST_F(create, release_follows)
{
	struct seen *saw = &self->box.seen[RELEASE];
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, RELEASE));
	fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, saw->calls);
	close(fd);
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->ip ?: variant->family, saw->family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(variant->seen_protocol, saw->protocol);
	/* Nobody asks what it returns. */
	self->box.order[RELEASE].verdict = 0;
	fd = make(variant->family, variant->type, variant->protocol);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(2, saw->calls);
}

/* A program that allowed a socket can forget it, though another one refused it. */
TEST_F(create, release_follows_a_refusal)
{
	int other = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 1);

	ASSERT_EQ(0, box_attach(&self->box, RELEASE));
	self->box.order[CREATE].verdict = 0;
	EXPECT_EQ(-EPERM, make(variant->family, variant->type, variant->protocol));
	EXPECT_EQ(0, self->box.seen[RELEASE].calls);
	ASSERT_EQ(0, bpf_prog_attach(other, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
				     BPF_F_ALLOW_MULTI));
	EXPECT_EQ(-EPERM, make(variant->family, variant->type, variant->protocol));
	EXPECT_EQ(1, self->box.seen[RELEASE].calls);
}

/* What dissolves an association does not take the socket out of its VRF. */
TEST_F(create, a_disconnect_leaves_the_device)
{
	int family = variant->ip ?: variant->family;
	struct endpoint to = endpoint(family, family == AF_INET ? "127.0.0.1" : "::1", 9);
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct order *order = &self->box.order[CREATE];
	int fd, device = 1;

	order->write_device = 1;
	order->device = 1;
	fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, fd);
	do_connect(fd, to);
	do_connect(fd, unspec);
	EXPECT_EQ(1, option(fd, SO_BINDTOIFINDEX));
	close(fd);
	/* What the user bound is dissolved as ever. */
	order->write_device = 0;
	if (variant->type != SOCK_DGRAM || variant->seen_protocol != IPPROTO_UDP)
		return;
	fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device)));
	EXPECT_EQ(0, do_connect(fd, to));
	EXPECT_EQ(0, do_connect(fd, unspec));
	EXPECT_EQ(0, option(fd, SO_BINDTOIFINDEX));
	close(fd);
}

/* A socket is of the cgroup that it was made in, wherever its task goes, and keeps it alive. */
FIXTURE(cgroup) {
	struct box box;
};

FIXTURE_SETUP(cgroup)
{
	ASSERT_EQ(0, box_open(&self->box));
	ASSERT_EQ(0, box_attach(&self->box, BIND4));
}

FIXTURE_TEARDOWN(cgroup)
{
	box_close(&self->box);
}

/* Later the socket would have to be locked. */
TEST(options_are_for_create)
{
	EXPECT_LE(0, load_mark(BPF_CGROUP_INET_SOCK_CREATE));
	EXPECT_GT(0, load_mark(BPF_CGROUP_INET_SOCK_RELEASE));
	EXPECT_GT(0, load_mark(BPF_CGROUP_INET4_POST_BIND));
	EXPECT_GT(0, load_mark(BPF_CGROUP_INET6_POST_BIND));
}

TEST_F(cgroup, of_the_socket_not_of_the_task)
{
	struct seen *saw = &self->box.seen[BIND4];
	int inside, outside;

	inside = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, cgroup_join(CGROUP_ROOT));
	outside = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(0, do_bind(outside, endpoint(AF_INET, "127.0.0.1", 0)));
	EXPECT_EQ(0, saw->calls);
	EXPECT_EQ(0, do_bind(inside, endpoint(AF_INET, "127.0.0.1", 0)));
	EXPECT_EQ(1, saw->calls);
}

TEST_F(cgroup, a_removed_one_still_decides)
{
	struct endpoint any = endpoint(AF_INET, "127.0.0.1", 0);
	struct bpf_program *program = box_program(&self->box, BIND4);
	int fd;

	/* A program by itself, as a link goes with its cgroup. */
	box_detach(&self->box, BIND4);
	ASSERT_EQ(0, bpf_prog_attach(bpf_program__fd(program), self->box.cgroup,
				     BPF_CGROUP_INET4_BIND, 0));
	self->box.order[BIND4].verdict = 0;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, cgroup_join(CGROUP_ROOT));
	close(self->box.cgroup);
	ASSERT_EQ(0, rmdir(self->box.path));
	EXPECT_EQ(-EPERM, do_bind(fd, any));
	self->box.order[BIND4].verdict = 1;
	EXPECT_EQ(0, do_bind(fd, any));
	EXPECT_EQ(2, self->box.seen[BIND4].calls);
	close(fd);
}

TEST_F(cgroup, accepted_sockets_are_of_the_listener)
{
	struct endpoint any = endpoint(AF_INET, "127.0.0.1", 0);
	int listener = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0), client, accepted;
	int calls = self->box.seen[BIND4].calls;

	ASSERT_LE(0, listener);
	ASSERT_EQ(0, cgroup_join(CGROUP_ROOT));
	client = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, do_connect(client, local_of(listener)));
	accepted = accept(listener, NULL, NULL);
	ASSERT_LE(0, accepted);
	/* The program runs before the bind is found to make no sense. */
	EXPECT_EQ(-EINVAL, do_bind(accepted, any));
	EXPECT_EQ(calls + 1, self->box.seen[BIND4].calls);
	EXPECT_EQ(-EINVAL, do_bind(client, any));
	EXPECT_EQ(calls + 1, self->box.seen[BIND4].calls);
}

TEST_HARNESS_MAIN
