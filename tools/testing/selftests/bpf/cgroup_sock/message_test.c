// SPDX-License-Identifier: GPL-2.0
/*
 * UDP4_SENDMSG, UDP6_SENDMSG, UDP4_RECVMSG, UDP6_RECVMSG: which datagrams the programs see, and
 * what a rewrite or a refusal does to them.
 */
#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(message) {
	struct box box;
	enum hook send;
	enum hook receive;
	int server;
	int client;
	struct endpoint to;	/* the server, as the client calls it */
};

FIXTURE_VARIANT(message) {
	int family;		/* of both sockets */
	int protocol;
	int to_family;		/* of the address that the client gives */
	const char *ip;
	int seen_family;	/* of the address that the program sees */
	const char *seen_ip;
};

FIXTURE_VARIANT_ADD(message, udp4) {
	AF_INET, IPPROTO_UDP, AF_INET, "127.0.0.1", AF_INET, "127.0.0.1"
};

FIXTURE_VARIANT_ADD(message, udplite4) {
	AF_INET, IPPROTO_UDPLITE, AF_INET, "127.0.0.1", AF_INET, "127.0.0.1"
};

FIXTURE_VARIANT_ADD(message, udp6) {
	AF_INET6, IPPROTO_UDP, AF_INET6, "::1", AF_INET6, "::1"
};

FIXTURE_VARIANT_ADD(message, udplite6) {
	AF_INET6, IPPROTO_UDPLITE, AF_INET6, "::1", AF_INET6, "::1"
};

FIXTURE_VARIANT_ADD(message, mapped) {
	AF_INET6, IPPROTO_UDP, AF_INET6, "::ffff:127.0.0.1", AF_INET, "127.0.0.1"
};

FIXTURE_VARIANT_ADD(message, udp6_to_inet) {
	AF_INET6, IPPROTO_UDP, AF_INET, "127.0.0.1", AF_INET, "127.0.0.1"
};

FIXTURE_SETUP(message)
{
	self->send = variant->seen_family == AF_INET ? SENDMSG4 : SENDMSG6;
	self->receive = variant->family == AF_INET ? RECVMSG4 : RECVMSG6;
	ASSERT_EQ(0, box_open(&self->box));
	self->server = make(variant->family, SOCK_DGRAM, variant->protocol);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, do_bind(self->server, endpoint(variant->family, "", 0)));
	self->client = make(variant->family, SOCK_DGRAM, variant->protocol);
	ASSERT_LE(0, self->client);
	self->to = endpoint(variant->to_family, variant->ip, port_of(local_of(self->server)));
}

FIXTURE_TEARDOWN(message)
{
	close(self->server);
	close(self->client);
	box_close(&self->box);
}

static int send_to(int fd, const struct endpoint *to)
{
	return sendto(fd, "data", 4, 0, &to->any, to->len) == 4 ? 0 : -errno;
}

/* What is there, without waiting: on loopback it is, or it does not come. */
static int receive(int fd, struct endpoint *from, int flags)
{
	char data[8];
	int size;

	memset(from, 0, sizeof(*from));
	from->len = sizeof(from->in6);
	size = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | flags, &from->any, &from->len);
	return size == 4 ? 0 : -errno;
}

TEST_F(message, sendmsg_sees_the_destination)
{
	struct endpoint want = endpoint(variant->seen_family, variant->seen_ip, 0), from;
	struct seen *saw = &self->box.seen[self->send];

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	EXPECT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->family, saw->family);
	EXPECT_EQ(SOCK_DGRAM, saw->type);
	EXPECT_EQ(variant->protocol, saw->protocol);
	EXPECT_EQ(variant->seen_family, saw->user_family);
	EXPECT_ENDPOINT(ip_at(want, port_of(self->to)), seen_endpoint(variant->seen_family, saw));
	EXPECT_EQ(0, receive(self->server, &from, 0));
}

TEST_F(message, connected_ones_are_not_seen)
{
	/* UDP gives IPv4 the address for each message of an AF_INET6 socket. */
	unsigned int calls = variant->family != variant->seen_family;

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	ASSERT_EQ(0, do_connect(self->client, self->to));
	EXPECT_EQ(4, send(self->client, "data", 4, 0));
	EXPECT_EQ(calls, self->box.seen[self->send].calls);
	/* unless the call has an address of its own */
	EXPECT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(calls + 1, self->box.seen[self->send].calls);
}

/* Returns what sendmsg() with a control message does. */
static int send_with_hops(int fd, bool inet)
{
	struct {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.header.cmsg_level = inet ? SOL_IP : SOL_IPV6,
		.header.cmsg_type = inet ? IP_TTL : IPV6_HOPLIMIT,
		.header.cmsg_len = CMSG_LEN(sizeof(int)),
	};
	struct iovec data = { "data", 4 };
	int hops = 64;
	struct msghdr msg = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};

	memcpy(CMSG_DATA(&control.header), &hops, sizeof(hops));
	return sendmsg(fd, &msg, 0) == 4 ? 0 : -errno;
}

/* The port of a message cannot be 0, that of a peer can; UDP makes a message of the second one
 * where an AF_INET6 socket sends IPv4.
 */
TEST_F(message, port_0_of_the_peer)
{
	bool inet = variant->family == AF_INET, own = variant->family == variant->seen_family;
	struct endpoint to = ip_at(self->to, 0);
	int fd = make(variant->family, SOCK_DGRAM, variant->protocol);
	int want = own ? 0 : -EINVAL;

	ASSERT_EQ(0, do_connect(fd, to));
	EXPECT_EQ(want, send_with_hops(fd, inet));
	close(fd);
	ASSERT_EQ(0, box_attach(&self->box, self->send));
	ASSERT_EQ(0, do_connect(self->client, to));
	EXPECT_EQ(want, send_with_hops(self->client, inet));
	EXPECT_EQ(own, self->box.seen[self->send].calls);
}

TEST_F(message, sendmsg_rewrites_the_destination)
{
	struct endpoint to = endpoint(variant->seen_family, variant->seen_ip, 0), from, before;
	struct order *order = &self->box.order[self->send];
	struct seen *saw = &self->box.seen[self->send];
	struct mmsghdr messages[2] = {};
	struct iovec data = { "data", 4 };
	int i;

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&to), endpoint_ip_len(&to));
	order->port = self->to.in.sin_port;
	self->to.in.sin_port = htons(9);
	EXPECT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(0, receive(self->server, &from, 0));

	/* Each message of one call shows the address that user space gave. */
	before = self->to;
	for (i = 0; i < 2; i++) {
		messages[i].msg_hdr.msg_name = &self->to.any;
		messages[i].msg_hdr.msg_namelen = self->to.len;
		messages[i].msg_hdr.msg_iov = &data;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(2, sendmmsg(self->client, messages, 2, 0));
	EXPECT_EQ(3, saw->calls);
	EXPECT_EQ(htons(9), saw->port);
	EXPECT_ENDPOINT(before, self->to);
	EXPECT_EQ(0, receive(self->server, &from, 0));
	EXPECT_EQ(0, receive(self->server, &from, 0));
}

TEST_F(message, sendmsg_rewrites_the_source)
{
	const char *ip = variant->seen_family == AF_INET ? "127.0.0.9" : "fd00::9";
	struct endpoint source = endpoint(variant->seen_family, ip, 0);
	struct order *order = &self->box.order[self->send];
	struct endpoint from;

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	memcpy(order->source, endpoint_ip(&source), endpoint_ip_len(&source));
	EXPECT_EQ(0, send_to(self->client, &self->to));
	ASSERT_EQ(0, receive(self->server, &from, 0));
	if (from.any.sa_family != variant->seen_family)
		source = endpoint(AF_INET6, "::ffff:127.0.0.9", 0);
	EXPECT_ENDPOINT(source, ip_at(from, 0));
}

TEST_F(message, sendmsg_refuses)
{
	struct order *order = &self->box.order[self->send];
	struct endpoint from;

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	order->verdict = 0;
	EXPECT_EQ(-EPERM, send_to(self->client, &self->to));
	order->retval = -EHOSTUNREACH;
	EXPECT_EQ(-EHOSTUNREACH, send_to(self->client, &self->to));
	order->verdict = 1;
	order->retval = 9;
	EXPECT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(0, receive(self->server, &from, 0));
	EXPECT_EQ(-EAGAIN, receive(self->server, &from, 0));
	order->retval = 0;
	order->rewrite = 1;
	order->port = 0;
	EXPECT_EQ(-EINVAL, send_to(self->client, &self->to));
}

TEST_F(message, recvmsg_shows_the_sender)
{
	const char *ip = variant->family == AF_INET ? "192.0.2.7" : "2001:db8::7";
	struct endpoint other = endpoint(variant->family, ip, 77);
	struct order *order = &self->box.order[self->receive];
	struct seen *saw = &self->box.seen[self->receive];
	struct endpoint from;
	char data[4];

	ASSERT_EQ(0, box_attach(&self->box, self->receive));
	ASSERT_EQ(0, send_to(self->client, &self->to));
	ASSERT_EQ(0, receive(self->server, &from, MSG_PEEK));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->family, saw->user_family);
	EXPECT_EQ(port_of(local_of(self->client)), ntohs(saw->port));
	EXPECT_EQ(port_of(local_of(self->client)), port_of(from));
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&other), endpoint_ip_len(&other));
	order->port = htons(77);
	ASSERT_EQ(0, receive(self->server, &from, 0));
	EXPECT_EQ(2, saw->calls);
	EXPECT_ENDPOINT(ip_at(other, 77), from);
	/* Who does not ask for a name gets none. */
	ASSERT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(4, recv(self->server, data, sizeof(data), MSG_DONTWAIT));
	EXPECT_EQ(2, saw->calls);
}

TEST_F(message, recvmmsg_shows_each_sender)
{
	struct seen *saw = &self->box.seen[self->receive];
	struct endpoint from[3] = {};
	struct mmsghdr messages[3] = {};
	struct iovec data[3];
	char room[3][8];
	int i;

	ASSERT_EQ(0, box_attach(&self->box, self->receive));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_to(self->client, &self->to));
		data[i] = (struct iovec){ room[i], sizeof(room[i]) };
		messages[i].msg_hdr.msg_name = &from[i].any;
		messages[i].msg_hdr.msg_namelen = sizeof(from[i].in6);
		messages[i].msg_hdr.msg_iov = &data[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(3, recvmmsg(self->server, messages, 3, MSG_DONTWAIT, NULL));
	EXPECT_EQ(3, saw->calls);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(port_of(local_of(self->client)), port_of(from[i]));
}

/* What comes from the error queue is the address that was asked for, and nobody else's. */
TEST_F(message, the_error_queue_is_not_shown)
{
	bool inet = variant->family == AF_INET;
	struct endpoint from = {};
	struct iovec data;
	char room[8], control[256];
	struct msghdr message = {
		.msg_name = &from.any,
		.msg_namelen = sizeof(from.in6),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int one = 1;

	data = (struct iovec){ room, sizeof(room) };
	ASSERT_EQ(0, box_attach(&self->box, self->receive));
	ASSERT_EQ(0, setsockopt(self->client, inet ? IPPROTO_IP : IPPROTO_IPV6,
				inet ? IP_RECVERR : IPV6_RECVERR, &one, sizeof(one)));
	if (!inet)
		ASSERT_EQ(0, setsockopt(self->client, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)));
	close(self->server);
	self->server = -1;
	EXPECT_EQ(0, send_to(self->client, &self->to));
	EXPECT_EQ(4, recvmsg(self->client, &message, MSG_ERRQUEUE | MSG_DONTWAIT));
	EXPECT_EQ(self->to.in.sin_port, from.in.sin_port);
	EXPECT_EQ(0, self->box.seen[self->receive].calls);
}

/* The program sees the family that the kernel takes it for. */
/* What is added to a corked datagram of a socket that has lost its port goes out from a port. */
TEST_F(message, a_corked_datagram_has_a_port)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct endpoint from = { .len = sizeof(from.in6) };
	char room[8];

	ASSERT_EQ(0, box_attach(&self->box, self->send));
	ASSERT_EQ(0, do_connect(self->client, self->to));
	ASSERT_EQ(1, send(self->client, "x", 1, MSG_MORE));
	ASSERT_EQ(0, do_connect(self->client, unspec));
	EXPECT_EQ(1, send(self->client, "y", 1, 0));
	EXPECT_EQ(2, recvfrom(self->server, room, sizeof(room), MSG_DONTWAIT, &from.any,
			      &from.len));
	EXPECT_NE(0, port_of(from));
	EXPECT_NE(0, port_of(local_of(self->client)));
}

TEST(unspec_is_inet)
{
	struct endpoint to;
	struct box box;
	int fd, s;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, SENDMSG4));
	s = server(AF_INET, SOCK_DGRAM, "127.0.0.1", 0);
	to = local_of(s);
	to.any.sa_family = AF_UNSPEC;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(0, send_to(fd, &to));
	EXPECT_EQ(1, box.seen[SENDMSG4].calls);
	EXPECT_EQ(AF_INET, box.seen[SENDMSG4].user_family);
	box_close(&box);
}

TEST(v6_to_mapped_is_invalid)
{
	struct endpoint to = endpoint(AF_INET6, "::1", 9);
	struct endpoint mapped = endpoint(AF_INET6, "::ffff:127.0.0.1", 9);
	struct box box;
	int fd;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, SENDMSG6));
	box.order[SENDMSG6].rewrite = 1;
	memcpy(box.order[SENDMSG6].ip, endpoint_ip(&mapped), 16);
	box.order[SENDMSG6].port = htons(9);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(-EINVAL, send_to(fd, &to));
	box_close(&box);
}

/* The scope of a link-local address goes with the address. */
TEST(scope_follows)
{
	struct endpoint to = endpoint(AF_INET6, "fe80::1", 9), own, from;
	struct box box;
	int fd, s;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, SENDMSG6));
	ASSERT_EQ(0, system("ip link add dummy9 type dummy"));
	ASSERT_EQ(0, system("ip address add fe80::9/64 dev dummy9 nodad"));
	ASSERT_EQ(0, system("ip link set dummy9 up"));
	to.in6.sin6_scope_id = if_nametoindex("dummy9");
	s = server(AF_INET6, SOCK_DGRAM, "fd00::9", 0);
	ASSERT_LE(0, s);
	box.order[SENDMSG6].rewrite = 1;
	own = local_of(s);
	memcpy(box.order[SENDMSG6].ip, endpoint_ip(&own), 16);
	box.order[SENDMSG6].port = own.in.sin_port;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(0, send_to(fd, &to));
	EXPECT_EQ(0, receive(s, &from, 0));
	close(s);
	close(fd);
	box_close(&box);
}

TEST_HARNESS_MAIN
