// SPDX-License-Identifier: GPL-2.0
/*
 * Source routes and routing headers take a packet elsewhere than to the address that a program
 * sees. Where one looks at addresses, they are refused.
 */
#include <linux/seg6.h>

#include "../../kselftest_harness.h"
#include "box.h"

union route {
	char ipv4[8];
	struct {
		struct ipv6_sr_hdr header;
		struct in6_addr segments[2];
	} ipv6;
};

struct routed {
	int fd;
	int level;
	int option;	/* of setsockopt() */
	int control;	/* message, with the same */
	union route route;
	int size;
};

FIXTURE(route) {
	struct box box;
	enum hook connect;
	enum hook sendmsg;
	enum hook bind;
	struct routed socket;
	int receiver;
	struct endpoint to;
};

FIXTURE_VARIANT(route) {
	int family;
	int type;
	int protocol;
	const char *to;
	const char *over;
};

FIXTURE_VARIANT_ADD(route, tcp4) {
	AF_INET, SOCK_STREAM, 0, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, tcp6) {
	AF_INET6, SOCK_STREAM, 0, "fd00::2", "fd00::9"
};

FIXTURE_VARIANT_ADD(route, udp4) {
	AF_INET, SOCK_DGRAM, 0, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, udp6) {
	AF_INET6, SOCK_DGRAM, 0, "fd00::2", "fd00::9"
};

/* They talk IPv4. */
FIXTURE_VARIANT_ADD(route, tcp_mapped) {
	AF_INET6, SOCK_STREAM, 0, "::ffff:127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, udp_mapped) {
	AF_INET6, SOCK_DGRAM, 0, "::ffff:127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, raw4) {
	AF_INET, SOCK_RAW, 253, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, raw6) {
	AF_INET6, SOCK_RAW, 253, "fd00::2", "fd00::9"
};

FIXTURE_VARIANT_ADD(route, ping4) {
	AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, l2tp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_L2TP, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, l2tp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, "fd00::2", "fd00::9"
};

FIXTURE_VARIANT_ADD(route, sctp4) {
	AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, "127.0.0.2", "127.0.0.9"
};

FIXTURE_VARIANT_ADD(route, sctp6) {
	AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, "fd00::2", "fd00::9"
};

FIXTURE_SETUP(route)
{
	bool v4 = variant->family == AF_INET;

	ASSERT_EQ(0, box_open(&self->box));
	self->connect = v4 ? CONNECT4 : CONNECT6;
	self->sendmsg = v4 ? SENDMSG4 : SENDMSG6;
	self->bind = v4 ? BIND4 : BIND6;
	self->socket.fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, self->socket.fd);
	self->to = endpoint(variant->family, variant->to, variant->type == SOCK_RAW ? 0 : 4321);
	if (variant->protocol == IPPROTO_L2TP && !v4)
		self->to.len = sizeof(self->to.room);
	/* who listens, as ICMP would have the next message fail */
	self->receiver = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, self->receiver);
	EXPECT_EQ(0, do_bind(self->receiver, self->to));
	if (strchr(variant->over, '.')) {
		self->socket.level = SOL_IP;
		self->socket.option = IP_OPTIONS;
		self->socket.control = IP_RETOPTS;
		self->socket.size = 8;
		/* a loose source route over one address */
		memcpy(self->socket.route.ipv4, "\x83\x07\x04", 3);
		inet_pton(AF_INET, variant->over, self->socket.route.ipv4 + 3);
	} else {
		self->socket.level = SOL_IPV6;
		self->socket.option = IPV6_RTHDR;
		self->socket.control = IPV6_RTHDR;
		self->socket.size = sizeof(self->socket.route.ipv6);
		self->socket.route.ipv6.header.hdrlen = 4;
		self->socket.route.ipv6.header.type = 4;
		self->socket.route.ipv6.header.segments_left = 1;
		self->socket.route.ipv6.header.first_segment = 1;
		inet_pton(AF_INET6, variant->over, &self->socket.route.ipv6.segments[1]);
	}
}

FIXTURE_TEARDOWN(route)
{
	close(self->socket.fd);
	close(self->receiver);
	box_close(&self->box);
}

static int give_route(const struct routed *socket)
{
	return setsockopt(socket->fd, socket->level, socket->option, &socket->route, socket->size) ?
	       -errno : 0;
}

/* With the route as a control message, or without. */
static int message(const struct routed *socket, const struct endpoint *to, bool control)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(socket->route))];
	} route = {
		.header.cmsg_level = socket->level,
		.header.cmsg_type = socket->control,
		.header.cmsg_len = CMSG_LEN(socket->size),
	};
	struct iovec iov = { "\010\0\0\0\0\0\0", 8 };	/* for ICMP, a request of an echo */
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = to ? to->len : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	memcpy(CMSG_DATA(&route.header), &socket->route, socket->size);
	if (control) {
		msg.msg_control = &route;
		msg.msg_controllen = CMSG_SPACE(socket->size);
	}
	return sendmsg(socket->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

TEST_F(route, given_to_a_socket)
{
	/* It is one that the kernel takes, and a program that looks at no peer does not mind. */
	ASSERT_EQ(0, box_attach(&self->box, self->bind));
	EXPECT_EQ(0, give_route(&self->socket));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	EXPECT_EQ(-EPERM, give_route(&self->socket));
	box_detach(&self->box, self->connect);
	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	EXPECT_EQ(-EPERM, give_route(&self->socket));
}

TEST_F(route, of_a_connection)
{
	EXPECT_EQ(0, give_route(&self->socket));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	EXPECT_EQ(-EPERM, do_connect(self->socket.fd, self->to));
	EXPECT_EQ(0, self->box.seen[self->connect].calls);
}

TEST_F(route, of_messages)
{
	ASSERT_EQ(0, box_attach(&self->box, self->bind));
	EXPECT_EQ(0, give_route(&self->socket));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	if (variant->type == SOCK_STREAM) {
		EXPECT_GT(0, message(&self->socket, &self->to, false));
		EXPECT_EQ(0, self->box.seen[self->connect].calls);
		return;
	}
	EXPECT_EQ(-EPERM, message(&self->socket, &self->to, false));
	box_detach(&self->box, self->connect);
	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	EXPECT_EQ(-EPERM, message(&self->socket, &self->to, false));
}

TEST_F(route, of_one_message)
{
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	/* IPv6 takes this kind of routing header for sockets only, and others take none. */
	if (self->socket.level == SOL_IPV6 || variant->type == SOCK_STREAM ||
	    variant->protocol == IPPROTO_L2TP || variant->protocol == IPPROTO_SCTP)
		return;
	EXPECT_EQ(-EPERM, message(&self->socket, &self->to, true));
	EXPECT_EQ(0, message(&self->socket, &self->to, false));
	EXPECT_EQ(0, do_connect(self->socket.fd, self->to));
	EXPECT_EQ(-EPERM, message(&self->socket, NULL, true));
	EXPECT_EQ(0, message(&self->socket, NULL, false));
	box_detach(&self->box, self->connect);
	EXPECT_EQ(0, message(&self->socket, &self->to, true));
}

/* A socket that was AF_INET6 when INET6_CONNECT programs saw its peer may be AF_INET now. */
TEST(of_a_socket_that_changed_its_family)
{
	static const unsigned char route[] = { 131, 7, 4, 127, 0, 0, 9, 0 };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	int i, fd, s, family = AF_INET;
	struct endpoint to, mapped;
	struct box box;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT6));
	for (i = 0; i < ARRAY_LEN(types); i++) {
		s = server(AF_INET, types[i], "127.0.0.1", 0);
		to = local_of(s);
		mapped = endpoint(AF_INET6, "::ffff:127.0.0.1", ntohs(to.in.sin_port));
		fd = make(AF_INET6, types[i], 0);
		ASSERT_EQ(0, do_connect(fd, mapped));
		ASSERT_EQ(0, setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &family, sizeof(family)));
		EXPECT_EQ(-1, setsockopt(fd, SOL_IP, IP_OPTIONS, route, sizeof(route)));
		EXPECT_EQ(EPERM, errno);
		close(fd);
		close(s);
	}
	box_close(&box);
}

/* A raw socket that writes the header itself writes the address that the programs saw. */
FIXTURE(header) {
	struct box box;
	struct endpoint seen;
	struct endpoint other;
	enum hook hooks[2];
	int fd;
};

FIXTURE_VARIANT(header) {
	int family;
};

FIXTURE_VARIANT_ADD(header, ipv4) {
	AF_INET
};

FIXTURE_VARIANT_ADD(header, ipv6) {
	AF_INET6
};

FIXTURE_SETUP(header)
{
	bool v4 = variant->family == AF_INET;

	ASSERT_EQ(0, box_open(&self->box));
	self->fd = make(variant->family, SOCK_RAW, IPPROTO_RAW);
	ASSERT_LE(0, self->fd);
	self->seen = endpoint(variant->family, v4 ? "127.0.0.2" : "fd00::2", 0);
	self->other = endpoint(variant->family, v4 ? "127.0.0.9" : "fd00::9", 0);
	self->hooks[0] = v4 ? CONNECT4 : CONNECT6;
	self->hooks[1] = v4 ? SENDMSG4 : SENDMSG6;
	ASSERT_EQ(0, box_attach(&self->box, v4 ? BIND4 : BIND6));
}

FIXTURE_TEARDOWN(header)
{
	close(self->fd);
	box_close(&self->box);
}

/* Without options, or with eight bytes of them. */
static int send_header(int fd, const struct endpoint *to, const struct endpoint *in_header,
		       const char *options)
{
	char packet[64] = { 0x45 };

	if (to->any.sa_family == AF_INET) {
		packet[0] = options ? 0x47 : 0x45;
		packet[8] = 64;
		packet[9] = 253;
		memcpy(packet + 16, endpoint_ip(in_header), 4);
		if (options)
			memcpy(packet + 20, options, 8);
	} else {
		packet[0] = 0x60;
		packet[5] = sizeof(packet) - 40;
		packet[6] = options ? 43 : 59;
		packet[7] = 64;
		memcpy(packet + 8, endpoint_ip(to), 16);
		memcpy(packet + 24, endpoint_ip(in_header), 16);
		if (options)
			memcpy(packet + 40, options, 8);
	}
	return sendto(fd, packet, sizeof(packet), 0, &to->any, to->len) < 0 ? -errno : 0;
}

TEST_F(header, leads_to_the_address)
{
	bool v4 = variant->family == AF_INET;
	/* A loose source route behind two of no operation; a routing header with a segment left. */
	const char *route = v4 ? "\x01\x83\x07\x04\x7f\0\0\x09" : "\x3b\0\x04\x01\0\0\0\0";
	/* A timestamp; a routing header that is used up. */
	const char *plain = v4 ? "\x44\x08\x05\0\0\0\0\0" : "\x3b\0\x04\0\0\0\0\0";
	int i;

	EXPECT_EQ(0, send_header(self->fd, &self->seen, &self->other, NULL));
	EXPECT_EQ(0, send_header(self->fd, &self->seen, &self->seen, route));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, box_attach(&self->box, self->hooks[i]));
		EXPECT_EQ(0, send_header(self->fd, &self->seen, &self->seen, NULL));
		EXPECT_EQ(0, send_header(self->fd, &self->seen, &self->seen, plain));
		EXPECT_EQ(-EPERM, send_header(self->fd, &self->seen, &self->other, NULL));
		EXPECT_EQ(-EPERM, send_header(self->fd, &self->seen, &self->seen, route));
		box_detach(&self->box, self->hooks[i]);
	}
}

/* A chain of headers that ends in the middle may go on in the next fragment. */
TEST(a_chain_that_is_cut)
{
	struct endpoint to = endpoint(AF_INET6, "fd00::2", 0);
	/* Options of 72 bytes, of which the packet has less. */
	const char *cut = "\x2b\x08\0\0\0\0\0\0";
	char packet[64] = { 0x60 };
	struct box box;
	int fd;

	ASSERT_EQ(0, box_open(&box));
	fd = make(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	ASSERT_LE(0, fd);
	packet[5] = sizeof(packet) - 40;
	packet[6] = 60;
	packet[7] = 64;
	memcpy(packet + 8, endpoint_ip(&to), 16);
	memcpy(packet + 24, endpoint_ip(&to), 16);
	memcpy(packet + 40, cut, 8);
	EXPECT_LE(0, sendto(fd, packet, sizeof(packet), 0, &to.any, to.len));
	ASSERT_EQ(0, box_attach(&box, SENDMSG6));
	EXPECT_GT(0, sendto(fd, packet, sizeof(packet), 0, &to.any, to.len));
	EXPECT_EQ(EPERM, errno);
	close(fd);
	box_close(&box);
}

/* A raw socket whose protocol is an extension header writes the rest of the chain itself. */
TEST(a_header_as_protocol)
{
	static const int protocols[] = { 43, 44, 51, 60 };
	struct endpoint to = endpoint(AF_INET6, "fd00::2", 0);
	char route[24] = { 59, 2, 0, 1 };
	struct box box;
	int fd, i;

	ASSERT_EQ(0, box_open(&box));
	for (i = 0; i < ARRAY_LEN(protocols); i++) {
		fd = make(AF_INET6, SOCK_RAW, protocols[i]);
		ASSERT_LE(0, fd);
		EXPECT_LE(0, sendto(fd, route, sizeof(route), 0, &to.any, to.len));
		ASSERT_EQ(0, box_attach(&box, SENDMSG6));
		EXPECT_GT(0, sendto(fd, route, sizeof(route), 0, &to.any, to.len)) {
			TH_LOG("protocol %d", protocols[i]);
		}
		EXPECT_EQ(EPERM, errno);
		box_detach(&box, SENDMSG6);
		close(fd);
	}
	box_close(&box);
}

TEST_HARNESS_MAIN
