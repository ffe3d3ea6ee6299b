// SPDX-License-Identifier: GPL-2.0
/* The tracepoints cgroup_sock_refuse and cgroup_sock_rewrite: who refused a call, or changed it. */
#include <netinet/in.h>
#include <linux/sctp.h>	/* needs the one before */
#include <pthread.h>
#include <sys/un.h>

#include "../../kselftest_harness.h"
#define WITH_UNIX
#include "attaches.h"
#include "box.h"
#include "events.skel.h"

#define TRACEFS	"/sys/kernel/tracing/instances"

enum call { MAKE, CLOSE, BIND, CONNECT, SEND, RECEIVE, PEERNAME, OWNNAME };

union name {
	struct endpoint ip;
	struct sockaddr_un local;
};

FIXTURE(events) {
	struct box box;
	char trace[64];
	int neighbours[2];
	__u64 cgroup;
};

FIXTURE_VARIANT(events) {
	enum hook hook;
	enum bpf_attach_type type;
	const char *name;
	int family;
	enum call call;
	bool cannot_refuse;
	const char *refused;	/* what stands after addr= in the event of a refusal */
	const char *rewritten;	/* and in that of a rewrite, NULL if there can be none */
};

FIXTURE_VARIANT_ADD(events, create) {
	.type = BPF_CGROUP_INET_SOCK_CREATE,
	.name = "INET_SOCK_CREATE",
	.hook = CREATE,
	.family = AF_INET,
	.call = MAKE,
	.refused = "-> source=->",
	.rewritten = "-> source=-> dev_if=0->1 mark=0->2 priority=0->3",
};

FIXTURE_VARIANT_ADD(events, release) {
	.type = BPF_CGROUP_INET_SOCK_RELEASE,
	.name = "INET_SOCK_RELEASE",
	.hook = RELEASE,
	.family = AF_INET,
	.call = CLOSE,
	.cannot_refuse = true,
	.rewritten = "-> source=-> dev_if=0->1 mark=0->2 priority=0->3",
};

FIXTURE_VARIANT_ADD(events, post_bind4) {
	.type = BPF_CGROUP_INET4_POST_BIND,
	.name = "INET4_POST_BIND",
	.hook = POST_BIND4,
	.family = AF_INET,
	.call = BIND,
	.refused = "127.0.0.1:4001->127.0.0.1:4001 ",
};

FIXTURE_VARIANT_ADD(events, post_bind6) {
	.type = BPF_CGROUP_INET6_POST_BIND,
	.name = "INET6_POST_BIND",
	.hook = POST_BIND6,
	.family = AF_INET6,
	.call = BIND,
	.refused = "[::1]:4001->[::1]:4001 ",
};

FIXTURE_VARIANT_ADD(events, bind4) {
	.type = BPF_CGROUP_INET4_BIND,
	.name = "INET4_BIND",
	.hook = BIND4,
	.family = AF_INET,
	.call = BIND,
	.refused = "127.0.0.1:4001->127.0.0.1:4001 ",
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 ",
};

FIXTURE_VARIANT_ADD(events, bind6) {
	.type = BPF_CGROUP_INET6_BIND,
	.name = "INET6_BIND",
	.hook = BIND6,
	.family = AF_INET6,
	.call = BIND,
	.refused = "[::1]:4001->[::1]:4001 ",
	.rewritten = "[::1]:4001->[fd00::9]:4009 ",
};

FIXTURE_VARIANT_ADD(events, connect4) {
	.type = BPF_CGROUP_INET4_CONNECT,
	.name = "INET4_CONNECT",
	.hook = CONNECT4,
	.family = AF_INET,
	.call = CONNECT,
	.refused = "127.0.0.1:4001->127.0.0.1:4001 source=0.0.0.0:0->0.0.0.0:0 ",
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 source=0.0.0.0:0->127.0.0.2:4002 ",
};

FIXTURE_VARIANT_ADD(events, connect6) {
	.type = BPF_CGROUP_INET6_CONNECT,
	.name = "INET6_CONNECT",
	.hook = CONNECT6,
	.family = AF_INET6,
	.call = CONNECT,
	.refused = "[::1]:4001->[::1]:4001 source=[::]:0->[::]:0 ",
	.rewritten = "[::1]:4001->[fd00::9]:4009 source=[::]:0->[fd00::2]:4002 ",
};

FIXTURE_VARIANT_ADD(events, sendmsg4) {
	.type = BPF_CGROUP_UDP4_SENDMSG,
	.name = "UDP4_SENDMSG",
	.hook = SENDMSG4,
	.family = AF_INET,
	.call = SEND,
	.refused = "127.0.0.1:4001->127.0.0.1:4001 source=0.0.0.0:0->0.0.0.0:0 ",
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 source=0.0.0.0:0->127.0.0.2:0 ",
};

FIXTURE_VARIANT_ADD(events, sendmsg6) {
	.type = BPF_CGROUP_UDP6_SENDMSG,
	.name = "UDP6_SENDMSG",
	.hook = SENDMSG6,
	.family = AF_INET6,
	.call = SEND,
	.refused = "[::1]:4001->[::1]:4001 source=[::]:0->[::]:0 ",
	.rewritten = "[::1]:4001->[fd00::9]:4009 source=[::]:0->[fd00::2]:0 ",
};

FIXTURE_VARIANT_ADD(events, recvmsg4) {
	.type = BPF_CGROUP_UDP4_RECVMSG,
	.name = "UDP4_RECVMSG",
	.hook = RECVMSG4,
	.family = AF_INET,
	.call = RECEIVE,
	.cannot_refuse = true,
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 ",
};

FIXTURE_VARIANT_ADD(events, recvmsg6) {
	.type = BPF_CGROUP_UDP6_RECVMSG,
	.name = "UDP6_RECVMSG",
	.hook = RECVMSG6,
	.family = AF_INET6,
	.call = RECEIVE,
	.cannot_refuse = true,
	.rewritten = "[::1]:4001->[fd00::9]:4009 ",
};

FIXTURE_VARIANT_ADD(events, getpeername4) {
	.type = BPF_CGROUP_INET4_GETPEERNAME,
	.name = "INET4_GETPEERNAME",
	.hook = GETPEERNAME4,
	.family = AF_INET,
	.call = PEERNAME,
	.cannot_refuse = true,
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 ",
};

FIXTURE_VARIANT_ADD(events, getpeername6) {
	.type = BPF_CGROUP_INET6_GETPEERNAME,
	.name = "INET6_GETPEERNAME",
	.hook = GETPEERNAME6,
	.family = AF_INET6,
	.call = PEERNAME,
	.cannot_refuse = true,
	.rewritten = "[::1]:4001->[fd00::9]:4009 ",
};

FIXTURE_VARIANT_ADD(events, getsockname4) {
	.type = BPF_CGROUP_INET4_GETSOCKNAME,
	.name = "INET4_GETSOCKNAME",
	.hook = GETSOCKNAME4,
	.family = AF_INET,
	.call = OWNNAME,
	.cannot_refuse = true,
	.rewritten = "127.0.0.1:4001->127.0.0.9:4009 ",
};

FIXTURE_VARIANT_ADD(events, getsockname6) {
	.type = BPF_CGROUP_INET6_GETSOCKNAME,
	.name = "INET6_GETSOCKNAME",
	.hook = GETSOCKNAME6,
	.family = AF_INET6,
	.call = OWNNAME,
	.cannot_refuse = true,
	.rewritten = "[::1]:4001->[fd00::9]:4009 ",
};

FIXTURE_VARIANT_ADD(events, connect_unix) {
	.type = BPF_CGROUP_UNIX_CONNECT,
	.name = "UNIX_CONNECT",
	.hook = CONNECT_UNIX,
	.family = AF_UNIX,
	.call = CONNECT,
	.refused = "@events\\x20\\x0a\\x5c\\xff->@events\\x20\\x0a\\x5c\\xff ",
	.rewritten = "@events\\x20\\x0a\\x5c\\xff->/run/path ",
};

FIXTURE_VARIANT_ADD(events, sendmsg_unix) {
	.type = BPF_CGROUP_UNIX_SENDMSG,
	.name = "UNIX_SENDMSG",
	.hook = SENDMSG_UNIX,
	.family = AF_UNIX,
	.call = SEND,
	.refused = "@events\\x20\\x0a\\x5c\\xff->@events\\x20\\x0a\\x5c\\xff ",
	.rewritten = "@events\\x20\\x0a\\x5c\\xff->/run/path ",
};

FIXTURE_VARIANT_ADD(events, recvmsg_unix) {
	.type = BPF_CGROUP_UNIX_RECVMSG,
	.name = "UNIX_RECVMSG",
	.hook = RECVMSG_UNIX,
	.family = AF_UNIX,
	.call = RECEIVE,
	.cannot_refuse = true,
	.rewritten = "@events\\x20\\x0a\\x5c\\xff->/run/path ",
};

FIXTURE_VARIANT_ADD(events, getpeername_unix) {
	.type = BPF_CGROUP_UNIX_GETPEERNAME,
	.name = "UNIX_GETPEERNAME",
	.hook = GETPEERNAME_UNIX,
	.family = AF_UNIX,
	.call = PEERNAME,
	.cannot_refuse = true,
	.rewritten = "@events\\x20\\x0a\\x5c\\xff->/run/path ",
};

FIXTURE_VARIANT_ADD(events, getsockname_unix) {
	.type = BPF_CGROUP_UNIX_GETSOCKNAME,
	.name = "UNIX_GETSOCKNAME",
	.hook = GETSOCKNAME_UNIX,
	.family = AF_UNIX,
	.call = OWNNAME,
	.cannot_refuse = true,
	.rewritten = "@events\\x20\\x0a\\x5c\\xff->/run/path ",
};

/* The program of the box that does as it is told is the second of three. */
static int attach_three(struct box *box, enum hook hook, enum bpf_attach_type type,
			int neighbours[2])
{
	enum bpf_prog_type prog = attaches[hook].prog;
	int i, err;

	for (i = 0; i < 2; i++) {
		neighbours[i] = load_return(prog, type, 1);
		if (neighbours[i] < 0)
			return neighbours[i];
	}
	err = bpf_prog_attach(neighbours[0], box->cgroup, type, BPF_F_ALLOW_MULTI);
	err = err ?: box_attach(box, hook);
	return err ?: bpf_prog_attach(neighbours[1], box->cgroup, type, BPF_F_ALLOW_MULTI);
}

static struct bpf_prog_info info_of(struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len);
	return info;
}

static int set_events(const char *trace, bool on)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/events/cgroup_sock/enable", trace);
	return write_file(path, on ? "1" : "0");
}

/* The events that stand in the trace, and how many there are of @name. */
static int read_events(const char *trace, const char *name, char *line, size_t size)
{
	char path[128], text[4096], event[64];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/trace", trace);
	snprintf(event, sizeof(event), ": cgroup_sock_%s: ", name);
	*line = 0;
	file = fopen(path, "r");
	while (file && fgets(text, sizeof(text), file)) {
		char *found = strstr(text, event);

		if (!found)
			continue;
		count++;
		snprintf(line, size, "%s", found + strlen(event));
		line[strcspn(line, "\n")] = 0;
	}
	if (file)
		fclose(file);
	return count;
}

FIXTURE_SETUP(events)
{
	struct stat st;

	ASSERT_EQ(0, box_open(&self->box));
	ASSERT_EQ(0, fstat(self->box.cgroup, &st));
	self->cgroup = st.st_ino;
	snprintf(self->trace, sizeof(self->trace), TRACEFS "/events-%d", getpid());
	ASSERT_EQ(0, mkdir(self->trace, 0755));
	ASSERT_EQ(0, attach_three(&self->box, variant->hook, variant->type, self->neighbours));
}

FIXTURE_TEARDOWN(events)
{
	set_events(self->trace, false);
	rmdir(self->trace);
	box_close(&self->box);
}

static union name name_of(int family)
{
	static const char path[] = "\0events \012\\\377";
	union name name = {};

	if (family != AF_UNIX) {
		name.ip = endpoint(family, family == AF_INET ? "127.0.0.1" : "::1", 4001);
		return name;
	}
	name.local.sun_family = AF_UNIX;
	memcpy(name.local.sun_path, path, sizeof(path) - 1);
	return name;
}

static socklen_t len_of(int family, const union name *name)
{
	return family == AF_UNIX ? offsetof(struct sockaddr_un, sun_path) + 11 : name->ip.len;
}

static int bound_socket(int family)
{
	union name name = name_of(family);
	int fd = make(family, SOCK_DGRAM, 0);

	return bind(fd, (void *)&name, len_of(family, &name)) ? -errno : fd;
}

/* What the call returned, or an errno. */
static int do_call(enum call call, int family)
{
	union name name = name_of(family), other;
	socklen_t len = len_of(family, &name), other_len = sizeof(other);
	char byte = 'x';
	int fd, peer = -1, ret = 0;

	if (call == PEERNAME && family == AF_UNIX)
		peer = bound_socket(family);
	fd = call == RECEIVE || call == OWNNAME ? bound_socket(family) :
						  make(family, SOCK_DGRAM, 0);
	if (fd < 0)
		return fd;
	switch (call) {
	case BIND:
		ret = bind(fd, (void *)&name, len);
		break;
	case CONNECT:
		ret = connect(fd, (void *)&name, len);
		break;
	case SEND:
		ret = sendto(fd, &byte, 1, 0, (void *)&name, len);
		break;
	case RECEIVE:
		/* A message to itself. */
		sendto(fd, &byte, 1, 0, (void *)&name, len);
		ret = recvfrom(fd, &byte, 1, MSG_DONTWAIT, (void *)&other, &other_len);
		break;
	case PEERNAME:
		connect(fd, (void *)&name, len);
		ret = getpeername(fd, (void *)&other, &other_len);
		break;
	case OWNNAME:
		ret = getsockname(fd, (void *)&other, &other_len);
		break;
	default:
		break;
	}
	ret = ret < 0 ? -errno : 0;
	if (peer >= 0)
		close(peer);
	close(fd);
	return ret;
}

static bool contains(const char *line, const char *part)
{
	if (strstr(line, part))
		return true;
	fprintf(stderr, "# wanted \"%s\" in \"%s\"\n", part, line);
	return false;
}

static bool names(const char *line, const char *hook, struct bpf_program *program,
		  __u64 prog_cgroup, __u64 cgroup, int family)
{
	struct bpf_prog_info info = info_of(program);
	char text[128];
	int i, len = snprintf(text, sizeof(text), "%s prog_id=%u prog_tag=", hook, info.id);

	for (i = 0; i < BPF_TAG_SIZE; i++)
		len += snprintf(text + len, sizeof(text) - len, "%02x", info.tag[i]);

	if (strncmp(line, text, len)) {
		fprintf(stderr, "# wanted \"%s\" at the begin of \"%s\"\n", text, line);
		return false;
	}
	snprintf(text, sizeof(text), " prog_cgroup=%llu cgroup=%llu cookie=",
		 (unsigned long long)prog_cgroup, (unsigned long long)cgroup);
	if (!contains(line, text))
		return false;
	snprintf(text, sizeof(text), " family=%d type=2 protocol=%d ", family,
		 family == AF_UNIX ? 0 : IPPROTO_UDP);
	return contains(line, text);
}

/* For clients.sh, which compares what others print. */
static void print_expected(const char *event, enum bpf_attach_type type,
			   struct bpf_program *program, __u64 prog_cgroup)
{
	printf("# expected: %s %d %u %llu\n", event, type, info_of(program).id,
	       (unsigned long long)prog_cgroup);
}

/* Only what programs do is an event. */
TEST_F(events, nothing_of_an_allowed_call)
{
	char line[1024];

	ASSERT_EQ(0, set_events(self->trace, true));
	do_call(variant->call, variant->family);
	EXPECT_EQ(0, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_EQ(0, read_events(self->trace, "rewrite", line, sizeof(line)));
	EXPECT_NE(0, self->box.seen[variant->hook].calls);
}

TEST_F(events, the_second_of_three_refuses)
{
	struct bpf_program *program = box_program(&self->box, variant->hook);
	struct order *order = &self->box.order[variant->hook];
	char line[1024], addr[256];

	order->verdict = 0;
	order->retval = variant->cannot_refuse ? 0 : -EBUSY;
	ASSERT_EQ(0, set_events(self->trace, true));
	EXPECT_EQ(variant->cannot_refuse ? 0 : -EBUSY, do_call(variant->call, variant->family) ==
		  -EBUSY ? -EBUSY : 0);
	if (variant->cannot_refuse) {
		EXPECT_EQ(0, read_events(self->trace, "refuse", line, sizeof(line)));
		return;
	}
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	print_expected("refuse", variant->type, program, self->cgroup);
	EXPECT_TRUE(names(line, variant->name, program, self->cgroup, self->cgroup,
			  variant->family));
	snprintf(addr, sizeof(addr), " err=-%d addr=%s", EBUSY, variant->refused);
	EXPECT_TRUE(contains(line, addr));
	EXPECT_EQ(0, read_events(self->trace, "rewrite", line, sizeof(line)));
}

TEST_F(events, the_second_of_three_rewrites)
{
	struct endpoint to = endpoint(variant->family, variant->family == AF_INET ?
				      "127.0.0.9" : "fd00::9", 4009);
	struct endpoint source = endpoint(variant->family, variant->family == AF_INET ?
					  "127.0.0.2" : "fd00::2", 4002);
	struct bpf_program *program = box_program(&self->box, variant->hook);
	struct order *order = &self->box.order[variant->hook];
	char line[1024], addr[256];

	order->rewrite = 1;
	order->write_device = 1;
	order->device = 1;
	order->mark = 2;
	order->priority = 3;
	order->path_len = sizeof("/run/path");
	memcpy(order->path, "/run/path", order->path_len);
	if (variant->family != AF_UNIX) {
		order->port = to.in.sin_port;
		memcpy(order->ip, endpoint_ip(&to), endpoint_ip_len(&to));
		memcpy(order->source, endpoint_ip(&source), endpoint_ip_len(&source));
		memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
		order->bind_port = source.in.sin_port;
		order->bind_family = variant->family;
	}
	ASSERT_EQ(0, set_events(self->trace, true));
	do_call(variant->call, variant->family);
	EXPECT_EQ(0, read_events(self->trace, "refuse", line, sizeof(line)));
	if (!variant->rewritten) {
		EXPECT_EQ(0, read_events(self->trace, "rewrite", line, sizeof(line)));
		return;
	}
	EXPECT_EQ(1, read_events(self->trace, "rewrite", line, sizeof(line)));
	print_expected("rewrite", variant->type, program, self->cgroup);
	EXPECT_TRUE(names(line, variant->name, program, self->cgroup, self->cgroup,
			  variant->family));
	snprintf(addr, sizeof(addr), " err=0 addr=%s", variant->rewritten);
	EXPECT_TRUE(contains(line, addr));
}

FIXTURE(chain) {
	struct box box;
	char trace[64];
	__u64 cgroup;
};

FIXTURE_SETUP(chain)
{
	struct stat st;

	ASSERT_EQ(0, box_open(&self->box));
	ASSERT_EQ(0, fstat(self->box.cgroup, &st));
	self->cgroup = st.st_ino;
	snprintf(self->trace, sizeof(self->trace), TRACEFS "/chain-%d", getpid());
	ASSERT_EQ(0, mkdir(self->trace, 0755));
	ASSERT_EQ(0, set_events(self->trace, true));
}

FIXTURE_TEARDOWN(chain)
{
	set_events(self->trace, false);
	rmdir(self->trace);
	box_close(&self->box);
}

/* A program of a parent is that of its own cgroup, also after an update of its link. */
TEST_F(chain, a_parent_refuses)
{
	struct bpf_program *create = box_program(&self->box, CREATE);
	char child[96], line[1024];
	struct stat st;
	int fd, allow;

	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	snprintf(child, sizeof(child), "%s/child", self->box.path);
	fd = cgroup_make(child);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, cgroup_join(child));
	allow = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 1);
	ASSERT_EQ(0, bpf_prog_attach(allow, fd, BPF_CGROUP_INET_SOCK_CREATE, BPF_F_ALLOW_MULTI));

	ASSERT_EQ(0, bpf_link_update(bpf_link__fd(self->box.links[CREATE]), allow, NULL));
	ASSERT_EQ(0, bpf_link_update(bpf_link__fd(self->box.links[CREATE]),
				     bpf_program__fd(box_program(&self->box, CREATE)), NULL));
	self->box.order[CREATE].verdict = 0;
	EXPECT_EQ(-EPERM, make(AF_INET, SOCK_DGRAM, 0));
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(names(line, "INET_SOCK_CREATE", create, self->cgroup, st.st_ino, AF_INET));
	cgroup_join(self->box.path);
	close(fd);
	rmdir(child);
}

/* Of two that refuse the first is named, with the errno that the caller gets. */
TEST_F(chain, the_first_of_two_refuses)
{
	int refuse = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0);
	char line[1024];

	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	ASSERT_EQ(0, bpf_prog_attach(refuse, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
				     BPF_F_ALLOW_MULTI));
	self->box.order[CREATE].verdict = 0;
	self->box.order[CREATE].retval = -EACCES;
	EXPECT_EQ(-EACCES, make(AF_INET, SOCK_DGRAM, 0));
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(names(line, "INET_SOCK_CREATE", box_program(&self->box, CREATE),
			  self->cgroup, self->cgroup, AF_INET));
	EXPECT_TRUE(contains(line, " err=-13 "));
}

/* A refusal shows the call before the first program and after the last one. */
TEST_F(chain, a_refusal_shows_the_whole_call)
{
	int refuse = load_return(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0);
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 4001);
	struct order *order = &self->box.order[CONNECT4];
	int fd = make(AF_INET, SOCK_DGRAM, 0);
	char line[1024];

	ASSERT_EQ(0, box_attach(&self->box, CONNECT4));
	ASSERT_EQ(0, bpf_prog_attach(refuse, self->box.cgroup, BPF_CGROUP_INET4_CONNECT,
				     BPF_F_ALLOW_MULTI));
	order->rewrite = 1;
	order->port = htons(4009);
	memcpy(order->ip, &(struct in_addr){ htonl(0x7f000009) }, sizeof(struct in_addr));
	EXPECT_EQ(-EPERM, do_connect(fd, to));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=127.0.0.1:4001->127.0.0.9:4009 "));
}

/* A program that was reached by a tail call goes by the name of the one that is attached. */
TEST_F(chain, a_tail_call_refuses)
{
	int refuse = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0);
	int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "next", 4, 4, 1, NULL), caller;
	struct bpf_insn insns[] = {
		BPF_LD_MAP_FD(BPF_REG_2, map),
		BPF_MOV64_IMM(BPF_REG_3, 0),
		BPF_EMIT_CALL(BPF_FUNC_tail_call),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	char line[1024], text[32];

	caller = load_insns(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, insns,
			    ARRAY_LEN(insns));
	ASSERT_LE(0, caller);
	ASSERT_EQ(0, bpf_map_update_elem(map, &(int){ 0 }, &refuse, BPF_ANY));
	ASSERT_EQ(0, bpf_prog_attach(caller, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
				     BPF_F_ALLOW_MULTI));
	EXPECT_EQ(-EPERM, make(AF_INET, SOCK_DGRAM, 0));
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	ASSERT_EQ(0, bpf_obj_get_info_by_fd(caller, &info, &len));
	snprintf(text, sizeof(text), " prog_id=%u ", info.id);
	EXPECT_TRUE(contains(line, text));
}

/* A call that a later program lets pass after all was not refused. */
TEST_F(chain, a_refusal_is_taken_back)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_1, 0),
		BPF_EMIT_CALL(BPF_FUNC_set_retval),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int pardon = load_insns(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, insns,
				ARRAY_LEN(insns));
	char line[1024];
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	ASSERT_EQ(0, bpf_prog_attach(pardon, self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
				     BPF_F_ALLOW_MULTI));
	self->box.order[CREATE].verdict = 0;
	fd = make(AF_INET, SOCK_DGRAM, 0);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, read_events(self->trace, "refuse", line, sizeof(line)));
}

/* Only those that ask run on a port that the kernel chose. */
TEST_F(chain, a_chosen_port_is_refused)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 4001);
	int fd = make(AF_INET, SOCK_DGRAM, 0);
	char line[1024];

	ASSERT_EQ(0, box_attach(&self->box, PLAIN_POST_BIND4));
	ASSERT_EQ(0, box_attach(&self->box, POST_BIND4));
	self->box.order[PLAIN_POST_BIND4].verdict = 0;
	self->box.order[POST_BIND4].verdict = 0;
	EXPECT_EQ(-EPERM, do_connect(fd, to));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(names(line, "INET4_POST_BIND", box_program(&self->box, POST_BIND4),
			  self->cgroup, self->cgroup, AF_INET));
	EXPECT_EQ(0, self->box.seen[PLAIN_POST_BIND4].calls);
	EXPECT_EQ(1, self->box.seen[POST_BIND4].chosen);
}

/* Where others have their port, these have the number of their protocol. */
TEST_F(chain, raw_and_l2tp_sockets_have_no_port)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 0);
	char line[1024];
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, POST_BIND4));
	self->box.order[POST_BIND4].verdict = 0;
	fd = make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	EXPECT_EQ(-EPERM, do_bind(fd, to));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=127.0.0.1:0->127.0.0.1:0 "));

	/* Its address has the id of a connection behind it. */
	fd = make(AF_INET, SOCK_DGRAM, IPPROTO_L2TP);
	memcpy(to.room + 8, &(__u32){ 7 }, sizeof(__u32));
	EXPECT_EQ(-EPERM, do_bind(fd, to));
	close(fd);
	EXPECT_EQ(2, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=127.0.0.1:0->127.0.0.1:0 "));
}

TEST_F(chain, the_cookie_is_that_of_the_socket)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 4001);
	int fd = make(AF_INET, SOCK_DGRAM, 0);
	char line[1024], text[32];
	socklen_t len;
	__u64 cookie;

	ASSERT_EQ(0, box_attach(&self->box, CONNECT4));
	self->box.order[CONNECT4].verdict = 0;
	EXPECT_EQ(-EPERM, do_connect(fd, to));
	len = sizeof(cookie);
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	snprintf(text, sizeof(text), " cookie=%llu ", (unsigned long long)cookie);
	EXPECT_TRUE(contains(line, text));
}

/* The address is what the program sees, whatever family user space writes. */
TEST_F(chain, a_family_cannot_be_forged)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 4001);
	char line[1024];
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, CONNECT4));
	ASSERT_EQ(0, box_attach(&self->box, CONNECT6));
	self->box.order[CONNECT4].verdict = 0;
	self->box.order[CONNECT6].verdict = 0;
	fd = make(AF_INET, SOCK_STREAM, 0);
	to.any.sa_family = AF_UNIX;
	EXPECT_EQ(-EPERM, do_connect(fd, to));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=127.0.0.1:4001->127.0.0.1:4001 "));

	to = endpoint(AF_INET6, "2001:db8::1", 4001);
	fd = make(AF_INET6, SOCK_STREAM, 0);
	to.any.sa_family = AF_INET;
	EXPECT_EQ(-EPERM, do_connect(fd, to));
	close(fd);
	EXPECT_EQ(2, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=[2001:db8::1]:4001->[2001:db8::1]:4001 "));
}

/* Of several addresses in one call, the event has the one that was refused. */
TEST_F(chain, one_of_two_addresses_is_refused)
{
	struct sockaddr_in addresses[2] = {
		endpoint(AF_INET, "127.0.0.1", 4001).in,
		endpoint(AF_INET, "127.0.0.9", 4001).in,
	};
	static const enum hook hooks[] = { BIND4, CONNECT4 };
	static const int options[] = { SCTP_SOCKOPT_BINDX_ADD, SCTP_SOCKOPT_CONNECTX };
	char line[1024];
	int i, fd;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, box_attach(&self->box, hooks[i]));
		self->box.order[hooks[i]].spared = 1;
		self->box.order[hooks[i]].verdict = 0;
		fd = make(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
		EXPECT_EQ(-1, setsockopt(fd, IPPROTO_SCTP, options[i], addresses,
					 sizeof(addresses)));
		EXPECT_EQ(EPERM, errno);
		close(fd);
		EXPECT_EQ(i + 1, read_events(self->trace, "refuse", line, sizeof(line)));
		EXPECT_TRUE(contains(line, " addr=127.0.0.9:4001->127.0.0.9:4001 "));
	}
}

/* Where the kernel heeds a scope id, an address has one. */
TEST_F(chain, a_link_local_address_has_its_scope)
{
	struct endpoint to = endpoint(AF_INET6, "fe80::1", 4001);
	int fd = make(AF_INET6, SOCK_DGRAM, 0);
	char line[1024], text[64], byte = 0;

	ASSERT_EQ(0, box_attach(&self->box, SENDMSG6));
	self->box.order[SENDMSG6].verdict = 0;
	to.in6.sin6_scope_id = 1;
	EXPECT_EQ(-1, sendto(fd, &byte, 1, 0, &to.any, to.len));
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=[fe80::1]:4001%1->[fe80::1]:4001%1 "));
	to = endpoint(AF_INET6, "2001:db8::1", 4001);
	to.in6.sin6_scope_id = 1;
	EXPECT_EQ(-1, sendto(fd, &byte, 1, 0, &to.any, to.len));
	close(fd);
	EXPECT_EQ(2, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=[2001:db8::1]:4001->[2001:db8::1]:4001 "));

	/* What a socket is bound to has that of its device. */
	ASSERT_EQ(0, system("ip link add dummy9 type dummy"));
	ASSERT_EQ(0, system("ip address add fe80::9/64 dev dummy9 nodad"));
	ASSERT_EQ(0, system("ip link set dummy9 up"));
	ASSERT_EQ(0, box_attach(&self->box, POST_BIND6));
	self->box.order[POST_BIND6].verdict = 0;
	to = endpoint(AF_INET6, "fe80::9", 4001);
	to.in6.sin6_scope_id = if_nametoindex("dummy9");
	fd = make(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(-EPERM, do_bind(fd, to));
	close(fd);
	EXPECT_EQ(3, read_events(self->trace, "refuse", line, sizeof(line)));
	snprintf(text, sizeof(text), " addr=[fe80::9]:4001%%%d->[fe80::9]:4001%%%d ",
		 to.in6.sin6_scope_id, to.in6.sin6_scope_id);
	EXPECT_TRUE(contains(line, text));
}

/* A path is no abstract name, and no arrow between two paths. */
TEST_F(chain, a_path_cannot_be_forged)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "@a->b" };
	int fd = make(AF_UNIX, SOCK_DGRAM, 0);
	char line[1024];

	ASSERT_EQ(0, box_attach(&self->box, CONNECT_UNIX));
	self->box.order[CONNECT_UNIX].verdict = 0;
	EXPECT_EQ(-1, connect(fd, (void *)&to, sizeof(to)));
	close(fd);
	EXPECT_EQ(1, read_events(self->trace, "refuse", line, sizeof(line)));
	EXPECT_TRUE(contains(line, " addr=\\x40a-\\x3eb->\\x40a-\\x3eb "));
}

static void *set_priorities(void *arg)
{
	int i, fd = *(int *)arg;

	for (i = 0; i < 200000; i++)
		setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &(int){ i % 2 }, sizeof(int));
	return NULL;
}

/* What another thread changes while a program runs was not rewritten by that. */
TEST_F(chain, others_change_the_socket)
{
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 4001);
	int fd = make(AF_INET, SOCK_DGRAM, 0);
	char line[1024], byte = 0;
	pthread_t thread;

	ASSERT_EQ(0, box_attach(&self->box, SENDMSG4));
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_priorities, &fd));
	while (pthread_tryjoin_np(thread, NULL))
		sendto(fd, &byte, 1, 0, &to.any, to.len);
	close(fd);
	EXPECT_LT(0, self->box.seen[SENDMSG4].calls);
	EXPECT_EQ(0, read_events(self->trace, "rewrite", line, sizeof(line)));
}

/* A flag of bind programs is not lost. */
TEST_F(chain, a_program_vouches_for_the_port)
{
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, BIND4));
	self->box.order[BIND4].verdict = 3;
	fd = make(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(0, setegid(65534));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(0, do_bind(fd, endpoint(AF_INET, "127.0.0.1", 77)));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, setegid(0));
	close(fd);
}

/* Programs on the tracepoints themselves get the program and both views. */
TEST_F(chain, raw_programs_see_them)
{
	__u32 id = info_of(box_program(&self->box, CREATE)).id;
	struct events *events = events__open_and_load();

	ASSERT_NE(NULL, events);
	ASSERT_EQ(0, events__attach(events));
	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	self->box.order[CREATE].verdict = 0;
	self->box.order[CREATE].write_device = 1;
	self->box.order[CREATE].mark = 7;
	EXPECT_EQ(-EPERM, make(AF_INET, SOCK_DGRAM, 0));
	EXPECT_EQ(id, events->bss->refuser);
	EXPECT_EQ(self->cgroup, events->bss->refuser_cgroup);
	EXPECT_EQ(SOCK_DGRAM, events->bss->refused_type);
	EXPECT_EQ(-EPERM, events->bss->refused_with);
	EXPECT_EQ(id, events->bss->rewriter);
	EXPECT_EQ(self->cgroup, events->bss->rewriter_cgroup);
	EXPECT_EQ(SOCK_DGRAM, events->bss->rewritten_type);
	EXPECT_EQ(0, events->bss->old_mark);
	EXPECT_EQ(7, events->bss->mark);
	events__destroy(events);
}

TEST_HARNESS_MAIN
