// SPDX-License-Identifier: GPL-2.0
/*
 * No way round a hook: for each protocol, each call that gives the kernel an address or makes it
 * choose one runs the programs, and a refusal leaves the socket as it was.
 */
#include "../../kselftest_harness.h"
#include "box.h"

#define IPPROTO_TRIAL	253	/* for experiments */
#define SOL_DCCP	269

FIXTURE(path) {
	struct box box;
	bool inet;
	int fd;
	int server;
	struct endpoint own;
	struct endpoint to;
};

FIXTURE_VARIANT(path) {
	int family;
	int type;
	int protocol;
	bool ports;	/* it has them */
	bool listens;
	bool sends;	/* messages with an address */
	int len;	/* of an address, if not the usual */
};

FIXTURE_VARIANT_ADD(path, tcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_TCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, tcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, mptcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, mptcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, dccp4) {
	AF_INET, SOCK_DCCP, IPPROTO_DCCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, dccp6) {
	AF_INET6, SOCK_DCCP, IPPROTO_DCCP, true, true, false
};

FIXTURE_VARIANT_ADD(path, sctp4) {
	AF_INET, SOCK_STREAM, IPPROTO_SCTP, true, true, false
};

FIXTURE_VARIANT_ADD(path, sctp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_SCTP, true, true, false
};

FIXTURE_VARIANT_ADD(path, sctp_many4) {
	AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, true, true, true
};

FIXTURE_VARIANT_ADD(path, sctp_many6) {
	AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, true, true, true
};

FIXTURE_VARIANT_ADD(path, udp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDP, true, false, true
};

FIXTURE_VARIANT_ADD(path, udp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, true, false, true
};

FIXTURE_VARIANT_ADD(path, udplite4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, true, false, true
};

FIXTURE_VARIANT_ADD(path, udplite6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, true, false, true
};

FIXTURE_VARIANT_ADD(path, ping4) {
	AF_INET, SOCK_DGRAM, IPPROTO_ICMP, true, false, true
};

FIXTURE_VARIANT_ADD(path, ping6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, true, false, true
};

FIXTURE_VARIANT_ADD(path, raw4) {
	AF_INET, SOCK_RAW, IPPROTO_TRIAL, false, false, true
};

FIXTURE_VARIANT_ADD(path, raw6) {
	AF_INET6, SOCK_RAW, IPPROTO_TRIAL, false, false, true
};

FIXTURE_VARIANT_ADD(path, l2tp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_L2TP, false, false, true
};

FIXTURE_VARIANT_ADD(path, l2tp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, false, false, true, 32
};

static int new_socket(int family, int type, int protocol)
{
	int fd = make(family, type, protocol), service = 1;

	/* DCCP: the service; nothing connects without */
	if (type == SOCK_DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

FIXTURE_SETUP(path)
{
	self->inet = variant->family == AF_INET;
	ASSERT_EQ(0, box_open(&self->box));
	self->fd = new_socket(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, self->fd);
	self->server = new_socket(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, self->server);
	self->own = endpoint(variant->family, self->inet ? "127.0.0.9" : "fd00::9", 0);
	self->to = endpoint(variant->family, self->inet ? "127.0.0.1" : "::1",
			    variant->ports ? 4321 : 0);
	if (variant->len) {
		self->own.len = variant->len;
		self->to.len = variant->len;
	}
	if (variant->protocol == IPPROTO_L2TP) {
		/* It has connections, with ids behind the address: 1 and 2, byte swapped. */
		self->own.room[self->inet ? 11 : 31] = 1;
		self->to.room[self->inet ? 11 : 31] = 2;
	}
	EXPECT_EQ(0, do_bind(self->server, self->to));
	if (variant->listens)
		EXPECT_EQ(0, listen(self->server, 8));
}

FIXTURE_TEARDOWN(path)
{
	close(self->fd);
	close(self->server);
	box_close(&self->box);
}

/* L2TP connects only what was bound. */
static int connect_to(int fd, int protocol, struct endpoint *own, struct endpoint *to)
{
	if (protocol == IPPROTO_L2TP)
		do_bind(fd, *own);
	return do_connect(fd, *to);
}

/* Without the port. */
static struct endpoint own_of(int fd)
{
	return ip_at(local_of(fd), 0);
}

static struct endpoint seen_of(struct box *box, enum hook hook, int family)
{
	return ip_at(seen_endpoint(family, &box->seen[hook]), 0);
}

static int message(int fd, int protocol, struct endpoint *to)
{
	char data[16] = {};

	switch (protocol) {
	case IPPROTO_ICMP:
		data[0] = 8;
		break;
	case IPPROTO_ICMPV6:
		data[0] = 128;
		break;
	case IPPROTO_L2TP:
		/* a control message for connection 2 of the receiver */
		data[0] = 0xc8;
		data[4] = 2;
		break;
	}
	return sendto(fd, data, sizeof(data), 0, to ? &to->any : NULL, to ? to->len : 0) < 0 ?
	       -errno : 0;
}

/* Refuse with this errno, or allow. */
static void tell(struct box *box, enum hook which, int err)
{
	box->order[which].verdict = !err;
	box->order[which].retval = err;
}

TEST_F(path, bind)
{
	enum hook hook = self->inet ? BIND4 : BIND6;
	struct endpoint any = endpoint(variant->family, self->inet ? "0.0.0.0" : "::", 0);
	struct order *order = &self->box.order[hook];

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_bind(self->fd, self->own));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_ENDPOINT(any, own_of(self->fd));
	EXPECT_ENDPOINT(ip_at(self->own, 0), seen_of(&self->box, hook, variant->family));
	EXPECT_EQ(variant->type, self->box.seen[hook].type);
	/* The address that counts is the rewritten one. */
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&self->own), endpoint_ip_len(&self->own));
	memcpy((void *)endpoint_ip(&self->own), endpoint_ip(&self->to), endpoint_ip_len(&any));
	EXPECT_EQ(0, do_bind(self->fd, self->own));
	memcpy((void *)endpoint_ip(&self->own), order->ip, endpoint_ip_len(&any));
	EXPECT_ENDPOINT(ip_at(self->own, 0), own_of(self->fd));
}

TEST_F(path, post_bind)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;
	struct endpoint any = endpoint(variant->family, self->inet ? "0.0.0.0" : "::", 0);

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_bind(self->fd, self->own));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_ENDPOINT(any, own_of(self->fd));
	EXPECT_ENDPOINT(ip_at(self->own, 0), seen_of(&self->box, hook, variant->family));
	if (variant->ports)
		EXPECT_NE(0, self->box.seen[hook].port);
	EXPECT_EQ(0, do_bind(self->fd, self->own));
	EXPECT_ENDPOINT(ip_at(self->own, 0), own_of(self->fd));
}

static bool is_free(int family, int type, int protocol, int port)
{
	int fd = new_socket(family, type, protocol);
	int err = do_bind(fd, endpoint(family, "", port));

	close(fd);
	return !err;
}

TEST_F(path, port_of_listen)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	if (!variant->listens) {
		EXPECT_EQ(-1, listen(self->fd, 1));
		return;
	}
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, listen(self->fd, 1) ? -errno : 0);
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->family, variant->type, variant->protocol,
			    self->box.seen[hook].port));
	EXPECT_EQ(0, listen(self->fd, 1));
	EXPECT_EQ(port_of(local_of(self->fd)), self->box.seen[hook].port);
	/* once, however often the backlog changes */
	self->box.seen[hook].calls = 0;
	EXPECT_EQ(0, listen(self->fd, 2));
	EXPECT_EQ(0, self->box.seen[hook].calls);
}

TEST_F(path, port_of_connect)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	if (!variant->ports)
		return;
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_connect(self->fd, self->to));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->family, variant->type, variant->protocol,
			    self->box.seen[hook].port));
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	EXPECT_EQ(port_of(local_of(self->fd)), self->box.seen[hook].port);
	EXPECT_NE(0, self->box.seen[hook].port);
}

TEST_F(path, port_of_send)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	if (!variant->sends || !variant->ports)
		return;
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, message(self->fd, variant->protocol, &self->to));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->family, variant->type, variant->protocol,
			    self->box.seen[hook].port));
	EXPECT_EQ(0, message(self->fd, variant->protocol, &self->to));
	EXPECT_EQ(port_of(local_of(self->fd)), self->box.seen[hook].port);
}

/* A list of ports that services may have does not keep clients from getting one. */
TEST_F(path, ports_that_nobody_asked_for)
{
	enum hook hook = self->inet ? PLAIN_POST_BIND4 : PLAIN_POST_BIND6;
	struct seen *saw = &self->box.seen[hook];
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	if (variant->listens)
		EXPECT_EQ(0, listen(self->fd, 1));
	if (variant->ports && variant->sends) {
		fd = new_socket(variant->family, variant->type, variant->protocol);
		EXPECT_EQ(0, message(fd, variant->protocol, &self->to));
		close(fd);
	}
	if (variant->ports) {
		fd = new_socket(variant->family, variant->type, variant->protocol);
		EXPECT_EQ(0, do_connect(fd, self->to));
		close(fd);
	}
	EXPECT_EQ(0, saw->calls);
	fd = new_socket(variant->family, variant->type, variant->protocol);
	EXPECT_EQ(-ENOENT, do_bind(fd, self->own));
	EXPECT_EQ(1, saw->calls);
	/* It is no port if it is the number of the protocol. */
	if (!variant->ports)
		EXPECT_EQ(0, saw->port);
	close(fd);
}

/* A control message can choose the source of a message on a connection, and the device. */
TEST_F(path, a_control_message_on_a_connection)
{
	enum hook hook = self->inet ? SENDMSG4 : SENDMSG6;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {
		.header.cmsg_level = self->inet ? SOL_IP : SOL_IPV6,
		.header.cmsg_type = self->inet ? IP_PKTINFO : IPV6_PKTINFO,
		.header.cmsg_len = self->inet ? CMSG_LEN(sizeof(struct in_pktinfo)) :
						CMSG_LEN(sizeof(struct in6_pktinfo)),
	};
	char data[16] = { variant->protocol == IPPROTO_ICMPV6 ? 128 : 8 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = self->inet ? CMSG_SPACE(sizeof(struct in_pktinfo)) :
					       CMSG_SPACE(sizeof(struct in6_pktinfo)),
	};
	/* SCTP has others, and L2TP over IPv4 none. */
	bool looked_at = variant->sends && variant->protocol != IPPROTO_SCTP &&
			 !(variant->protocol == IPPROTO_L2TP && self->inet);

	ASSERT_EQ(0, box_attach(&self->box, hook));
	ASSERT_EQ(0, connect_to(self->fd, variant->protocol, &self->own, &self->to));
	if (!looked_at)
		return;
	if (self->inet)
		inet_pton(AF_INET, "127.0.0.9",
			  &((struct in_pktinfo *)CMSG_DATA(&control.header))->ipi_spec_dst);
	else
		inet_pton(AF_INET6, "fd00::9", CMSG_DATA(&control.header));
	EXPECT_LT(0, sendmsg(self->fd, &msg, 0));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, hook, variant->family));
	EXPECT_NE(0, self->box.seen[hook].source[0] | self->box.seen[hook].source[3]);
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-1, sendmsg(self->fd, &msg, 0));
	EXPECT_EQ(ENOENT, errno);
	/* without one, a message is for the connection */
	EXPECT_EQ(0, message(self->fd, variant->protocol, NULL));
	EXPECT_EQ(2, self->box.seen[hook].calls);
}

TEST_F(path, connect)
{
	enum hook hook = self->inet ? CONNECT4 : CONNECT6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_connect(self->fd, self->to));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, hook, variant->family));
	EXPECT_EQ(variant->type, self->box.seen[hook].type);
	EXPECT_EQ(0, connect_to(self->fd, variant->protocol, &self->own, &self->to));
	/* bpf_bind() is for protocols with ports */
	if (!variant->ports) {
		self->box.order[hook].bind_family = variant->family;
		EXPECT_EQ(0, do_connect(self->fd, self->to));
		EXPECT_EQ(-EOPNOTSUPP, self->box.seen[hook].bind_err);
	}
}

TEST_F(path, messages)
{
	enum hook send = self->inet ? SENDMSG4 : SENDMSG6, recv = self->inet ? RECVMSG4 : RECVMSG6;
	struct endpoint from = { .len = sizeof(from.in6) };
	struct order *order = &self->box.order[send];
	int receiver = self->server;
	char data[128];

	ASSERT_EQ(0, box_attach(&self->box, send));
	ASSERT_EQ(0, box_attach(&self->box, recv));
	if (!variant->sends)
		return;
	tell(&self->box, send, -ENOENT);
	EXPECT_EQ(-ENOENT, message(self->fd, variant->protocol, &self->to));
	EXPECT_EQ(1, self->box.seen[send].calls);
	tell(&self->box, send, 0);
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, send, variant->family));
	EXPECT_EQ(self->to.in.sin_port, self->box.seen[send].port);
	EXPECT_EQ(variant->protocol, self->box.seen[send].protocol);
	/* Nothing was sent, so there was no port to choose. */
	if (variant->ports)
		EXPECT_EQ(0, port_of(local_of(self->fd)));

	/* The message goes to where the program says, and the answer of an echo comes back. */
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&self->to), endpoint_ip_len(&self->to));
	order->port = self->to.in.sin_port;
	memcpy((void *)endpoint_ip(&self->to), endpoint_ip(&self->own), endpoint_ip_len(&self->to));
	EXPECT_EQ(0, message(self->fd, variant->protocol, &self->to));
	if (variant->protocol == IPPROTO_ICMP || variant->protocol == IPPROTO_ICMPV6)
		receiver = self->fd;
	EXPECT_LT(0, recvfrom(receiver, data, sizeof(data), MSG_DONTWAIT, &from.any, &from.len));
	EXPECT_EQ(1, self->box.seen[recv].calls);
	EXPECT_ENDPOINT(ip_at(from, 0), seen_of(&self->box, recv, variant->family));
	/* Without ports, a program that wants another one is told so. */
	order->port = htons(77);
	if (!variant->ports)
		EXPECT_EQ(-EINVAL, message(self->fd, variant->protocol, &self->to));
}

TEST_F(path, names)
{
	enum hook own = self->inet ? GETSOCKNAME4 : GETSOCKNAME6;
	enum hook peer = self->inet ? GETPEERNAME4 : GETPEERNAME6;

	ASSERT_EQ(0, box_attach(&self->box, own));
	ASSERT_EQ(0, box_attach(&self->box, peer));
	local_of(self->fd);
	EXPECT_EQ(1, self->box.seen[own].calls);
	ASSERT_EQ(0, connect_to(self->fd, variant->protocol, &self->own, &self->to));
	if (variant->protocol == IPPROTO_L2TP && self->inet)
		/* asks for a port that it never has */
		return;
	peer_of(self->fd);
	/* A socket with many peers, or a raw one without a port, has none to name. */
	EXPECT_EQ(variant->type == SOCK_SEQPACKET || variant->protocol == IPPROTO_TRIAL ? 0 : 1,
		  self->box.seen[peer].calls);
}

TEST_HARNESS_MAIN
