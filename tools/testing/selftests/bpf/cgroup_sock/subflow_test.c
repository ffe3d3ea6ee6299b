// SPDX-License-Identifier: GPL-2.0
/*
 * A further subflow of an MPTCP socket stays in the L3 domain that a program chose for it, in
 * INET_SOCK_CREATE, bind or connect, whichever end opens the subflow.
 *
 * The network has two ways to a peer in a network namespace of its own: in9, which is in a VRF in
 * the cases with one, and out9.
 */
#include <linux/mptcp.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "box.h"

#define PORT	4321

FIXTURE(subflow) {
	struct box box;
	pid_t peer;
	int peer_net;
	int own_net;
};

FIXTURE_VARIANT(subflow) {
	enum hook hook;		/* of the program that puts it into the VRF, if it has one */
	bool vrf;
	bool opened_here;	/* else by the peer */
	const char *second;	/* our address for the further subflow */
	const char *device;	/* which the path manager names, or nothing */
	int joins;
	const char *attempt;	/* counts those that were to fail, if anything does */
};

FIXTURE_VARIANT_ADD(subflow, accepted_without_vrf) {
	CREATE, false, false, "10.8.0.1", "", 1
};

FIXTURE_VARIANT_ADD(subflow, accepted_in_the_vrf) {
	CREATE, true, false, "10.9.0.3", "", 1
};

FIXTURE_VARIANT_ADD(subflow, accepted_outside) {
	CREATE, true, false, "10.8.0.1", "", 0, "MPJoinSynRx"
};

FIXTURE_VARIANT_ADD(subflow, opened_without_vrf) {
	CREATE, false, true, "10.8.0.1", "dev out9", 1
};

FIXTURE_VARIANT_ADD(subflow, opened_in_the_vrf) {
	CREATE, true, true, "10.9.0.3", "dev in9", 1
};

FIXTURE_VARIANT_ADD(subflow, opened_outside) {
	CREATE, true, true, "10.8.0.1", "", 0, "MPJoinSynTxBindErr"
};

FIXTURE_VARIANT_ADD(subflow, opened_by_a_device_outside) {
	CREATE, true, true, "10.8.0.1", "dev out9", 0
};

FIXTURE_VARIANT_ADD(subflow, accepted_in_the_vrf_of_bind) {
	BIND4, true, false, "10.9.0.3", "", 1
};

FIXTURE_VARIANT_ADD(subflow, accepted_outside_that_of_bind) {
	BIND4, true, false, "10.8.0.1", "", 0, "MPJoinSynRx"
};

FIXTURE_VARIANT_ADD(subflow, opened_in_the_vrf_of_connect) {
	CONNECT4, true, true, "10.9.0.3", "dev in9", 1
};

FIXTURE_VARIANT_ADD(subflow, opened_outside_that_of_connect) {
	CONNECT4, true, true, "10.8.0.1", "", 0, "MPJoinSynTxBindErr"
};

FIXTURE_SETUP(subflow)
{
	char path[64], command[1024];
	int ready[2];

	ASSERT_EQ(0, box_open(&self->box));
	self->own_net = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_EQ(0, pipe(ready));
	self->peer = fork();
	if (!self->peer) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || unshare(CLONE_NEWNET))
			_exit(1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	/* It has its network when it closes its end. */
	close(ready[1]);
	ASSERT_EQ(0, read(ready[0], path, 1));
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", self->peer);
	self->peer_net = open(path, O_RDONLY);
	ASSERT_LE(0, self->peer_net);
	snprintf(command, sizeof(command), "set -e\n"
		 "ip link add vrf9 type vrf table 99\n"
		 "ip link set vrf9 up\n"
		 "ip link add in9 type veth peer name in8 netns %d\n"
		 "ip link add out9 type veth peer name out8 netns %d\n"
		 "ip link set in9 %s up\n"
		 "ip link set out9 up\n"
		 "ip address add 10.9.0.1/24 dev in9\n"
		 "ip address add 10.9.0.3/24 dev in9\n"
		 "ip address add 10.8.0.1/24 dev out9\n"
		 "ip route add default dev out9\n"
		 "ip mptcp limits set subflow 2 add_addr_accepted 2\n"
		 "ip mptcp endpoint add %s %s %s\n"
		 "nsenter --net=%s sh -ec '\n"
		 "ip link set in8 up\n"
		 "ip link set out8 up\n"
		 "ip address add 10.9.0.2/24 dev in8\n"
		 "ip address add 10.8.0.2/24 dev out8\n"
		 "ip route add default dev out8\n"
		 "ip mptcp limits set subflow 2 add_addr_accepted 2'\n",
		 self->peer, self->peer, variant->vrf ? "master vrf9" : "", variant->second,
		 variant->opened_here ? "subflow" : "signal", variant->device, path);
	ASSERT_EQ(0, system(command));
}

FIXTURE_TEARDOWN(subflow)
{
	kill(self->peer, SIGKILL);
	waitpid(self->peer, NULL, 0);
	close(self->peer_net);
	close(self->own_net);
	box_close(&self->box);
}

static int mptcp_server(const char *ip)
{
	int fd = make(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	return do_bind(fd, endpoint(AF_INET, ip, PORT)) ?: listen(fd, 8) ? -errno : fd;
}

static int counter(const char *which)
{
	char names[4096] = "", values[4096] = "", *name, *value, *next[2];
	FILE *file = fopen("/proc/self/net/netstat", "r");
	int count = -1;

	while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file))
		if (!strncmp(names, "MPTcpExt:", 9))
			break;
	if (file)
		fclose(file);
	name = strtok_r(names, " ", &next[0]);
	value = strtok_r(values, " ", &next[1]);
	while (name && value && count < 0) {
		if (!strcmp(name, which))
			count = atoi(value);
		name = strtok_r(NULL, " ", &next[0]);
		value = strtok_r(NULL, " ", &next[1]);
	}
	return count;
}

static int joined(int fd)
{
	struct mptcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &len);
	return info.mptcpi_subflows;
}

TEST_F(subflow, stays_in_its_domain)
{
	bool outside = strcmp(variant->second, "10.9.0.3");
	int fds[4] = { -1, -1, -1, -1 }, on = 1, device = -1, tries, accepts, i;
	struct order *order = &self->box.order[variant->hook];
	socklen_t len = sizeof(device);

	/* The listener that the further subflow comes to may be nobody's. */
	if (!variant->opened_here && outside)
		fds[1] = mptcp_server(variant->second);
	if (variant->vrf) {
		order->write_device = 1;
		order->device = if_nametoindex("vrf9");
		order->bind_to_device = order->device;
		ASSERT_EQ(0, box_attach(&self->box, variant->hook));
	}
	if (!variant->opened_here && !outside)
		fds[1] = mptcp_server(variant->second);
	if (variant->opened_here) {
		ASSERT_EQ(0, setns(self->peer_net, CLONE_NEWNET));
		if (variant->vrf)
			box_detach(&self->box, variant->hook);
		fds[2] = mptcp_server("10.9.0.2");
		if (variant->vrf)
			ASSERT_EQ(0, box_attach(&self->box, variant->hook));
		ASSERT_EQ(0, setns(self->own_net, CLONE_NEWNET));
		fds[0] = make(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
		ASSERT_EQ(0, do_connect(fds[0], endpoint(AF_INET, "10.9.0.2", PORT)));
		fds[3] = accept(fds[2], NULL, NULL);
	} else {
		fds[2] = mptcp_server("10.9.0.1");
		ASSERT_LE(0, fds[2]);
		if (variant->vrf)
			box_detach(&self->box, variant->hook);
		ASSERT_EQ(0, setns(self->peer_net, CLONE_NEWNET));
		fds[3] = make(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
		ASSERT_EQ(0, do_connect(fds[3], endpoint(AF_INET, "10.9.0.1", PORT)));
		ASSERT_EQ(0, setns(self->own_net, CLONE_NEWNET));
		fds[0] = accept(fds[2], NULL, NULL);
	}
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[3]);
	EXPECT_EQ(0, getsockopt(fds[0], SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len));
	EXPECT_EQ(variant->vrf ? if_nametoindex("vrf9") : 0, device);
	/* After this, further subflows take over all options of the socket. */
	EXPECT_EQ(0, setsockopt(fds[0], SOL_TCP, TCP_NODELAY, &on, sizeof(on)));
	/*
	 * The path managers begin when data has come both ways. Who opens a subflow counts it
	 * before there is an answer, so the one is asked that it comes to.
	 */
	accepts = fds[variant->opened_here ? 3 : 0];
	for (tries = 0; tries < 100 && !joined(accepts); tries++) {
		EXPECT_EQ(1, send(fds[0], "a", 1, 0));
		EXPECT_EQ(1, send(fds[3], "b", 1, 0));
		usleep(100000);
		/* Some more time for what is not to be. */
		if (variant->attempt && tries < 90 && counter(variant->attempt) > 0)
			tries = 90;
	}
	EXPECT_EQ(variant->joins, joined(accepts));
	if (variant->attempt)
		EXPECT_LT(0, counter(variant->attempt));
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
