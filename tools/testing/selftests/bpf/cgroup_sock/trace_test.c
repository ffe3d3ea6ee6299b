// SPDX-License-Identifier: GPL-2.0
/*
 * What no system call shows: the order in which a refused bind is undone, what security modules
 * are asked for.
 */
#include "ring.h"

#include <sys/un.h>

#include "../../kselftest_harness.h"
#define WITH_UNIX
#include "box.h"
#include "trace.skel.h"

FIXTURE(trace) {
	struct box box;
	struct trace *trace;
};

FIXTURE_SETUP(trace)
{
	ASSERT_EQ(0, box_open(&self->box));
	self->trace = trace__open_and_load();
	ASSERT_NE(NULL, self->trace);
	self->trace->bss->pid = getpid();
	ASSERT_EQ(0, trace__attach(self->trace));
}

FIXTURE_TEARDOWN(trace)
{
	trace__destroy(self->trace);
	box_close(&self->box);
}

/* A port is filed under its address, so that is still there when the port is given back. */
TEST_F(trace, the_port_goes_before_the_address)
{
	struct endpoint v4 = endpoint(AF_INET, "127.0.0.9", 4321);
	struct endpoint v6 = endpoint(AF_INET6, "fd00::9", 4321);
	struct endpoint from = endpoint(AF_INET6, "", 4321);
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, POST_BIND4));
	ASSERT_EQ(0, box_attach(&self->box, POST_BIND6));
	self->box.order[POST_BIND4].verdict = 0;
	self->box.order[POST_BIND6].verdict = 0;

	fd = make(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(-EPERM, do_bind(fd, v4));
	EXPECT_EQ(1, self->trace->bss->puts);
	EXPECT_EQ(v4.in.sin_addr.s_addr, self->trace->bss->ip4);
	close(fd);

	fd = make(AF_INET6, SOCK_STREAM, 0);
	EXPECT_EQ(-EPERM, do_bind(fd, v6));
	EXPECT_EQ(2, self->trace->bss->puts);
	from.in6.sin6_addr = self->trace->bss->ip6;
	EXPECT_ENDPOINT(v6, from);
	close(fd);
	EXPECT_EQ(2, self->trace->bss->locked_puts);
}

/* A task that ran programs can go to another CPU again: only the program that looks keeps it. */
TEST_F(trace, a_call_ends_on_any_cpu)
{
	int prog = load_return(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, 1);
	int fd = make(AF_INET, SOCK_STREAM, 0);

	/* The first one runs without the socket lock, the second one with it. */
	ASSERT_EQ(0, bpf_prog_attach(prog, self->box.cgroup, BPF_CGROUP_INET4_BIND, 0));
	ASSERT_EQ(0, box_attach(&self->box, POST_BIND4));
	ASSERT_EQ(0, do_bind(fd, endpoint(AF_INET, "127.0.0.9", 4321)));
	EXPECT_EQ(1, self->box.seen[POST_BIND4].calls);
	close(fd);
	EXPECT_EQ(1, self->trace->bss->puts);
	EXPECT_EQ(1, self->trace->bss->pins);
}

/*
 * io_uring asks a second time whether the connection is there. Security modules are asked for the
 * address of user space then, as they were at first.
 */
TEST_F(trace, each_attempt_is_checked_for_what_was_asked)
{
	struct endpoint asked = endpoint(AF_INET, "127.0.0.1", 9), to;
	struct order *order = &self->box.order[CONNECT4];
	int s = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0), fd;
	struct ring ring;

	ASSERT_EQ(0, ring_open(&ring));
	ASSERT_LE(0, s);
	to = local_of(s);
	ASSERT_EQ(0, box_attach(&self->box, CONNECT4));
	order->rewrite = 1;
	order->port = to.in.sin_port;
	memcpy(order->ip, endpoint_ip(&to), endpoint_ip_len(&to));
	fd = make(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(0, ring_connect(&ring, fd, &asked.any, asked.len));
	EXPECT_EQ(2, self->trace->bss->connect_checks);
	EXPECT_EQ(asked.in.sin_port, self->trace->bss->first_port);
	EXPECT_EQ(asked.in.sin_port, self->trace->bss->last_port);
	EXPECT_EQ(port_of(to), port_of(peer_of(fd)));
	close(fd);
	close(s);
	close(ring.fd);
}

/* That a program led one message somewhere does not make the next one there a checked one. */
TEST_F(trace, each_address_is_checked)
{
	struct sockaddr_un asked = { AF_UNIX, "@asked" }, other = { AF_UNIX, "@other" };
	int len = offsetof(struct sockaddr_un, sun_path) + 6;
	struct order *order = &self->box.order[SENDMSG_UNIX];
	struct iovec iov = { "data", 4 };
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { &asked, len, &iov, 1 } },
		{ .msg_hdr = { &other, len, &iov, 1 } },
	};
	char data[8];
	int fd, s;

	asked.sun_path[0] = 0;
	other.sun_path[0] = 0;
	s = make(AF_UNIX, SOCK_DGRAM, 0);
	ASSERT_EQ(0, bind(s, (struct sockaddr *)&other, len));
	ASSERT_EQ(0, box_attach(&self->box, SENDMSG_UNIX));
	order->rewrite = 1;
	order->path_len = 6;
	memcpy(order->path, other.sun_path, 6);

	fd = make(AF_UNIX, SOCK_DGRAM, 0);
	EXPECT_EQ(2, sendmmsg(fd, messages, 2, 0));
	EXPECT_EQ(2, self->trace->bss->checks);
	EXPECT_EQ(4, recv(s, data, sizeof(data), MSG_DONTWAIT));
	EXPECT_EQ(4, recv(s, data, sizeof(data), MSG_DONTWAIT));
	close(fd);
	close(s);
}

TEST_HARNESS_MAIN
