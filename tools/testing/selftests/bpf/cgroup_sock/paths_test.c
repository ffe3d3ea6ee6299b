// SPDX-License-Identifier: GPL-2.0
/*
 * No way round a hook: for each protocol, each call that gives the kernel an address or makes it
 * choose one runs the programs, and a refusal leaves the socket as it was.
 */
#include "../../kselftest_harness.h"
#include "box.h"
#include "kinds.h"

FIXTURE(path) {
	struct box box;
	bool inet;
	int fd;
	int server;
	struct endpoint own;
	struct endpoint to;
};

FIXTURE_VARIANT(path) {
	const struct kind *kind;
};

FIXTURE_VARIANT_ADD(path, tcp4) { &kinds[TCP4] };
FIXTURE_VARIANT_ADD(path, tcp6) { &kinds[TCP6] };
FIXTURE_VARIANT_ADD(path, mptcp4) { &kinds[MPTCP4] };
FIXTURE_VARIANT_ADD(path, mptcp6) { &kinds[MPTCP6] };
FIXTURE_VARIANT_ADD(path, dccp4) { &kinds[DCCP4] };
FIXTURE_VARIANT_ADD(path, dccp6) { &kinds[DCCP6] };
FIXTURE_VARIANT_ADD(path, sctp4) { &kinds[SCTP4] };
FIXTURE_VARIANT_ADD(path, sctp6) { &kinds[SCTP6] };
FIXTURE_VARIANT_ADD(path, sctp_many4) { &kinds[SCTP_MANY4] };
FIXTURE_VARIANT_ADD(path, sctp_many6) { &kinds[SCTP_MANY6] };
FIXTURE_VARIANT_ADD(path, udp4) { &kinds[UDP4] };
FIXTURE_VARIANT_ADD(path, udp6) { &kinds[UDP6] };
FIXTURE_VARIANT_ADD(path, udplite4) { &kinds[UDPLITE4] };
FIXTURE_VARIANT_ADD(path, udplite6) { &kinds[UDPLITE6] };
FIXTURE_VARIANT_ADD(path, ping4) { &kinds[PING4] };
FIXTURE_VARIANT_ADD(path, ping6) { &kinds[PING6] };
FIXTURE_VARIANT_ADD(path, raw4) { &kinds[RAW4] };
FIXTURE_VARIANT_ADD(path, raw6) { &kinds[RAW6] };
FIXTURE_VARIANT_ADD(path, l2tp4) { &kinds[L2TP4] };
FIXTURE_VARIANT_ADD(path, l2tp6) { &kinds[L2TP6] };

static int new_socket(const struct kind *k)
{
	int fd = make(k->family, k->type, k->protocol), service = 1;

	/* DCCP: the service; nothing connects without */
	if (k->is & DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

FIXTURE_SETUP(path)
{
	self->inet = variant->kind->family == AF_INET;
	ASSERT_EQ(0, box_open(&self->box));
	self->fd = new_socket(variant->kind);
	ASSERT_LE(0, self->fd);
	self->server = new_socket(variant->kind);
	ASSERT_LE(0, self->server);
	self->own = endpoint(variant->kind->family, self->inet ? "127.0.0.9" : "fd00::9", 0);
	self->to = endpoint(variant->kind->family, self->inet ? "127.0.0.1" : "::1",
			    variant->kind->can & HAS_PORTS ? 4321 : 0);
	if (variant->kind->is & L2TP) {
		if (!self->inet) {
			self->own.len = 32;
			self->to.len = 32;
		}
		/* It has connections, with ids behind the address: 1 and 2, byte swapped. */
		self->own.room[self->inet ? 11 : 31] = 1;
		self->to.room[self->inet ? 11 : 31] = 2;
	}
	EXPECT_EQ(0, do_bind(self->server, self->to));
	if (variant->kind->can & LISTENS)
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
	return sendto(fd, data, sizeof(data), MSG_NOSIGNAL, to ? &to->any : NULL,
		      to ? to->len : 0) < 0 ? -errno : 0;
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
	struct endpoint any = endpoint(variant->kind->family, self->inet ? "0.0.0.0" : "::", 0);
	struct order *order = &self->box.order[hook];

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_bind(self->fd, self->own));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_ENDPOINT(any, own_of(self->fd));
	EXPECT_ENDPOINT(ip_at(self->own, 0), seen_of(&self->box, hook, variant->kind->family));
	EXPECT_EQ(variant->kind->type, self->box.seen[hook].type);
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
	struct endpoint any = endpoint(variant->kind->family, self->inet ? "0.0.0.0" : "::", 0);

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_bind(self->fd, self->own));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_ENDPOINT(any, own_of(self->fd));
	EXPECT_ENDPOINT(ip_at(self->own, 0), seen_of(&self->box, hook, variant->kind->family));
	if (variant->kind->can & HAS_PORTS)
		EXPECT_NE(0, self->box.seen[hook].port);
	EXPECT_EQ(0, do_bind(self->fd, self->own));
	EXPECT_ENDPOINT(ip_at(self->own, 0), own_of(self->fd));
}

static bool is_free(const struct kind *k, int port)
{
	int fd = new_socket(k);
	int err = do_bind(fd, endpoint(k->family, "", port));

	close(fd);
	return !err;
}

TEST_F(path, port_of_listen)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	if (!(variant->kind->can & LISTENS)) {
		EXPECT_EQ(-1, listen(self->fd, 1));
		return;
	}
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, listen(self->fd, 1) ? -errno : 0);
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->kind, self->box.seen[hook].port));
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
	if (!(variant->kind->can & HAS_PORTS)) {
		EXPECT_EQ(0, connect_to(self->fd, variant->kind->protocol, &self->own, &self->to));
		EXPECT_EQ(0, self->box.seen[hook].chosen);
		return;
	}
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-ENOENT, do_connect(self->fd, self->to));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->kind, self->box.seen[hook].port));
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	EXPECT_EQ(port_of(local_of(self->fd)), self->box.seen[hook].port);
	EXPECT_NE(0, self->box.seen[hook].port);
}

TEST_F(path, port_of_send)
{
	enum hook hook = self->inet ? POST_BIND4 : POST_BIND6;

	ASSERT_EQ(0, box_attach(&self->box, hook));
	tell(&self->box, hook, -ENOENT);
	if (!(variant->kind->can & SENDS_TO)) {
		/* It fails after a port was chosen, or before. */
		EXPECT_GT(0, message(self->fd, variant->kind->protocol, &self->to));
		EXPECT_EQ(variant->kind->protocol == IPPROTO_SCTP ||
			  variant->kind->protocol == IPPROTO_DCCP, self->box.seen[hook].calls);
		return;
	}
	if (!(variant->kind->can & HAS_PORTS)) {
		EXPECT_EQ(0, message(self->fd, variant->kind->protocol, &self->to));
		EXPECT_EQ(0, self->box.seen[hook].calls);
		return;
	}
	EXPECT_EQ(-ENOENT, message(self->fd, variant->kind->protocol, &self->to));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	tell(&self->box, hook, 0);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_TRUE(is_free(variant->kind, self->box.seen[hook].port));
	EXPECT_EQ(0, message(self->fd, variant->kind->protocol, &self->to));
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
	if (variant->kind->can & LISTENS)
		EXPECT_EQ(0, listen(self->fd, 1));
	if (variant->kind->can & HAS_PORTS && variant->kind->can & SENDS_TO) {
		fd = new_socket(variant->kind);
		EXPECT_EQ(0, message(fd, variant->kind->protocol, &self->to));
		close(fd);
	}
	if (variant->kind->can & HAS_PORTS) {
		fd = new_socket(variant->kind);
		EXPECT_EQ(0, do_connect(fd, self->to));
		close(fd);
	}
	EXPECT_EQ(0, saw->calls);
	fd = new_socket(variant->kind);
	EXPECT_EQ(-ENOENT, do_bind(fd, self->own));
	EXPECT_EQ(1, saw->calls);
	/* It is no port if it is the number of the protocol. */
	if (!(variant->kind->can & HAS_PORTS))
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
	char data[16] = { variant->kind->protocol == IPPROTO_ICMPV6 ? 128 : 8 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = self->inet ? CMSG_SPACE(sizeof(struct in_pktinfo)) :
					       CMSG_SPACE(sizeof(struct in6_pktinfo)),
	};
	/* SCTP has others, and L2TP over IPv4 none. */
	bool looked_at = variant->kind->can & SENDS_TO && variant->kind->protocol != IPPROTO_SCTP &&
			 !(variant->kind->protocol == IPPROTO_L2TP && self->inet);

	ASSERT_EQ(0, box_attach(&self->box, hook));
	ASSERT_EQ(0, connect_to(self->fd, variant->kind->protocol, &self->own, &self->to));
	if (self->inet)
		inet_pton(AF_INET, "127.0.0.9",
			  &((struct in_pktinfo *)CMSG_DATA(&control.header))->ipi_spec_dst);
	else
		inet_pton(AF_INET6, "fd00::9", CMSG_DATA(&control.header));
	if (!looked_at) {
		sendmsg(self->fd, &msg, MSG_NOSIGNAL);
		EXPECT_EQ(0, self->box.seen[hook].calls);
		return;
	}
	EXPECT_LT(0, sendmsg(self->fd, &msg, 0));
	EXPECT_EQ(1, self->box.seen[hook].calls);
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, hook, variant->kind->family));
	EXPECT_NE(0, self->box.seen[hook].source[0] | self->box.seen[hook].source[3]);
	tell(&self->box, hook, -ENOENT);
	EXPECT_EQ(-1, sendmsg(self->fd, &msg, 0));
	EXPECT_EQ(ENOENT, errno);
	/* without one, a message is for the connection */
	EXPECT_EQ(0, message(self->fd, variant->kind->protocol, NULL));
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
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, hook, variant->kind->family));
	EXPECT_EQ(variant->kind->type, self->box.seen[hook].type);
	EXPECT_EQ(0, connect_to(self->fd, variant->kind->protocol, &self->own, &self->to));
	/* bpf_bind() is for protocols with ports */
	if (!(variant->kind->can & HAS_PORTS)) {
		self->box.order[hook].bind_family = variant->kind->family;
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
	tell(&self->box, send, -ENOENT);
	if (!(variant->kind->can & SENDS_TO)) {
		/* SCTP looks at the address before it fails. */
		EXPECT_GT(0, message(self->fd, variant->kind->protocol, &self->to));
		EXPECT_EQ(variant->kind->protocol == IPPROTO_SCTP, self->box.seen[send].calls);
		return;
	}
	EXPECT_EQ(-ENOENT, message(self->fd, variant->kind->protocol, &self->to));
	EXPECT_EQ(1, self->box.seen[send].calls);
	tell(&self->box, send, 0);
	EXPECT_ENDPOINT(ip_at(self->to, 0), seen_of(&self->box, send, variant->kind->family));
	EXPECT_EQ(self->to.in.sin_port, self->box.seen[send].port);
	EXPECT_EQ(variant->kind->protocol, self->box.seen[send].protocol);
	/* Nothing was sent, so there was no port to choose. */
	if (variant->kind->can & HAS_PORTS)
		EXPECT_EQ(0, port_of(local_of(self->fd)));

	/* The message goes to where the program says, and the answer of an echo comes back. */
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&self->to), endpoint_ip_len(&self->to));
	order->port = self->to.in.sin_port;
	memcpy((void *)endpoint_ip(&self->to), endpoint_ip(&self->own), endpoint_ip_len(&self->to));
	EXPECT_EQ(0, message(self->fd, variant->kind->protocol, &self->to));
	if (variant->kind->protocol == IPPROTO_ICMP || variant->kind->protocol == IPPROTO_ICMPV6)
		receiver = self->fd;
	EXPECT_LT(0, recvfrom(receiver, data, sizeof(data), MSG_DONTWAIT, &from.any, &from.len));
	EXPECT_EQ(1, self->box.seen[recv].calls);
	EXPECT_ENDPOINT(ip_at(from, 0), seen_of(&self->box, recv, variant->kind->family));
	/* Without ports, a program that wants another one is told so. */
	order->port = htons(77);
	if (!(variant->kind->can & HAS_PORTS))
		EXPECT_EQ(-EINVAL, message(self->fd, variant->kind->protocol, &self->to));
}

TEST_F(path, names)
{
	enum hook own = self->inet ? GETSOCKNAME4 : GETSOCKNAME6;
	enum hook peer = self->inet ? GETPEERNAME4 : GETPEERNAME6;

	ASSERT_EQ(0, box_attach(&self->box, own));
	ASSERT_EQ(0, box_attach(&self->box, peer));
	local_of(self->fd);
	EXPECT_EQ(1, self->box.seen[own].calls);
	ASSERT_EQ(0, connect_to(self->fd, variant->kind->protocol, &self->own, &self->to));
	if (variant->kind->protocol == IPPROTO_L2TP && self->inet)
		/* asks for a port that it never has */
		return;
	peer_of(self->fd);
	/* A socket with many peers, or a raw one without a port, has none to name. */
	EXPECT_EQ(variant->kind->is & (SCTP_MANY | RAW) ? 0 : 1,
		  self->box.seen[peer].calls);
}

TEST_HARNESS_MAIN
