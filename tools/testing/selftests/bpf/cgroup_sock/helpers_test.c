// SPDX-License-Identifier: GPL-2.0
/* What the helpers tell a program is what user space knows of the same socket and task. */
#include <sys/prctl.h>

#include "../../kselftest_harness.h"
#include "util.h"
#include "helpers.h"
#include "helpers.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define LISTENS	10	/* the state, as programs see it */

FIXTURE(helpers) {
	char path[64];
	int cgroup;
	struct helpers *skel;
	struct found *found;
	int fd;
};

FIXTURE_SETUP(helpers)
{
	int key = 0, then, tcp, udp, mark = 77;
	struct endpoint to;

	cgroup_path(self->path, "helpers");
	self->cgroup = cgroup_make(self->path);
	ASSERT_LE(0, self->cgroup);
	ASSERT_EQ(0, cgroup_join(self->path));
	ASSERT_EQ(0, new_network());
	self->skel = helpers__open_and_load();
	ASSERT_NE(NULL, self->skel);
	self->found = &self->skel->bss->found;
	then = bpf_program__fd(self->skel->progs.then);
	ASSERT_EQ(0, bpf_map_update_elem(bpf_map__fd(self->skel->maps.next), &key, &then, 0));
	self->skel->links.create =
		bpf_program__attach_cgroup(self->skel->progs.create, self->cgroup);
	self->skel->links.connect4 =
		bpf_program__attach_cgroup(self->skel->progs.connect4, self->cgroup);
	ASSERT_NE(NULL, self->skel->links.create);
	ASSERT_NE(NULL, self->skel->links.connect4);

	tcp = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	udp = server(AF_INET, SOCK_DGRAM, "127.0.0.1", 0);
	to = local_of(tcp);
	self->skel->bss->tcp_port = to.in.sin_port;
	self->skel->bss->udp_port = local_of(udp).in.sin_port;
	self->fd = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "known"));
	EXPECT_EQ(0, do_connect(self->fd, to));
}

FIXTURE_TEARDOWN(helpers)
{
	close(self->fd);
	helpers__destroy(self->skel);
	cgroup_remove(self->cgroup, self->path);
}

TEST_F(helpers, cookies)
{
	unsigned long long cookie = 0, netns = 0;
	socklen_t len = sizeof(cookie);

	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns, &len));
	EXPECT_EQ(cookie, self->found->create_cookie);
	EXPECT_EQ(cookie, self->found->connect_cookie);
	EXPECT_EQ(netns, self->found->create_netns);
	EXPECT_EQ(netns, self->found->connect_netns);
	EXPECT_NE(0, self->found->init_netns);
	EXPECT_NE(netns, self->found->init_netns);
}

TEST_F(helpers, task)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->cgroup, &st));
	EXPECT_EQ(st.st_ino, self->found->cgroup);
	EXPECT_EQ(st.st_ino, self->found->ancestor);
	EXPECT_EQ(getpid(), self->found->pid);
	EXPECT_EQ(getuid(), self->found->uid);
	EXPECT_STREQ("known", self->found->comm);
}

TEST_F(helpers, storage)
{
	EXPECT_EQ(42, self->found->note);
	EXPECT_EQ(3, self->found->sockets);
}

TEST_F(helpers, sockopt)
{
	int priority = 0;
	socklen_t len = sizeof(priority);

	EXPECT_EQ(0, self->found->getsockopt_err);
	EXPECT_EQ(77, self->found->mark);
	EXPECT_EQ(0, self->found->setsockopt_err);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_PRIORITY, &priority, &len));
	EXPECT_EQ(5, priority);
	EXPECT_EQ(0, self->found->create_constant_err);
	EXPECT_EQ(0, self->found->connect_constant_err);
}

/* A raw socket can have the number of TCP, and none of its fields. */
TEST_F(helpers, options_of_tcp_are_for_tcp)
{
	int raw;

	EXPECT_EQ(0, self->found->create_nodelay_err);
	EXPECT_EQ(0, self->found->connect_nodelay_err);
	raw = make(AF_INET, SOCK_RAW, IPPROTO_TCP);
	ASSERT_LE(0, raw);
	EXPECT_EQ(0, do_connect(raw, endpoint(AF_INET, "127.0.0.1", 0)));
	EXPECT_EQ(-EINVAL, self->found->create_nodelay_err);
	EXPECT_EQ(-EINVAL, self->found->connect_nodelay_err);
	close(raw);
}

TEST_F(helpers, lookup)
{
	EXPECT_EQ(LISTENS, self->found->tcp_state);
	EXPECT_EQ(AF_INET, self->found->skc_family);
	EXPECT_EQ(ntohs(self->skel->bss->udp_port), self->found->udp_port);
}

/* The second program sees the errno that the first one set, and takes it back. */
TEST_F(helpers, tail_call)
{
	EXPECT_EQ(1, self->found->tail_called);
	EXPECT_EQ(-1, self->found->retval);
}

TEST_HARNESS_MAIN
