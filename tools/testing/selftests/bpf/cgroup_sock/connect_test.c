// SPDX-License-Identifier: GPL-2.0
/*
 * INET4_CONNECT, INET6_CONNECT: what the programs see, what a rewrite and bpf_bind() do, and
 * that a refusal leaves the socket as it was.
 */
#include <netinet/tcp.h>

#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(connect) {
	struct box box;
	enum hook hook;
	int server;
	struct endpoint to;	/* the server's address, as the client gives it */
};

FIXTURE_VARIANT(connect) {
	int family;		/* of the client's socket */
	int type;
	int protocol;
	int to_family;		/* of the address it connects to */
	const char *ip;
	const char *source;	/* for bpf_bind(), of the same family */
	const char *local;	/* what the client's socket calls that */
	int seen_protocol;
};

FIXTURE_VARIANT_ADD(connect, tcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_TCP, AF_INET, "127.0.0.1",
	"127.0.0.9", "127.0.0.9", IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(connect, udp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDP, AF_INET, "127.0.0.1",
	"127.0.0.9", "127.0.0.9", IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(connect, udplite4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, "127.0.0.1",
	"127.0.0.9", "127.0.0.9", IPPROTO_UDPLITE
};

FIXTURE_VARIANT_ADD(connect, mptcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, AF_INET, "127.0.0.1",
	"127.0.0.9", "127.0.0.9", IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(connect, tcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, "::1",
	"fd00::9", "fd00::9", IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(connect, udp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, "::1",
	"fd00::9", "fd00::9", IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(connect, udplite6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6, "::1",
	"fd00::9", "fd00::9", IPPROTO_UDPLITE
};

FIXTURE_VARIANT_ADD(connect, mptcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, "::1",
	"fd00::9", "fd00::9", IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(connect, tcp_mapped) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, "::ffff:127.0.0.1",
	"::ffff:127.0.0.9", "::ffff:127.0.0.9", IPPROTO_TCP
};

FIXTURE_VARIANT_ADD(connect, udp_mapped) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, "::ffff:127.0.0.1",
	"::ffff:127.0.0.9", "::ffff:127.0.0.9", IPPROTO_UDP
};

FIXTURE_VARIANT_ADD(connect, udp6_to_inet) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET, "127.0.0.1",
	"127.0.0.9", "::ffff:127.0.0.9", IPPROTO_UDP
};

FIXTURE_SETUP(connect)
{
	bool inet = strchr(variant->ip, '.');

	self->hook = variant->to_family == AF_INET ? CONNECT4 : CONNECT6;
	ASSERT_EQ(0, box_open(&self->box));
	self->server = server(inet ? AF_INET : AF_INET6, variant->type,
			      inet ? "127.0.0.1" : "::1", 0);
	ASSERT_LE(0, self->server);
	self->to = endpoint(variant->to_family, variant->ip, port_of(local_of(self->server)));
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
}

FIXTURE_TEARDOWN(connect)
{
	close(self->server);
	box_close(&self->box);
}

TEST_F(connect, sees_the_address)
{
	struct seen *saw = &self->box.seen[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->family, saw->family);
	EXPECT_EQ(variant->to_family, saw->user_family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(variant->seen_protocol, saw->protocol);
	EXPECT_ENDPOINT(self->to, seen_endpoint(variant->to_family, saw));
}

TEST_F(connect, rewrites)
{
	struct order *order = &self->box.order[self->hook];
	struct endpoint nowhere = endpoint(variant->to_family, variant->ip, 1);
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	if (variant->to_family == AF_INET)
		inet_pton(AF_INET, "192.0.2.1", &nowhere.in.sin_addr);
	else
		inet_pton(AF_INET6, "2001:db8::1", &nowhere.in6.sin6_addr);
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&self->to), endpoint_ip_len(&self->to));
	order->port = self->to.in.sin_port;
	EXPECT_EQ(0, do_connect(fd, nowhere));
	EXPECT_EQ(port_of(self->to), port_of(peer_of(fd)));
	if (variant->type == SOCK_STREAM)
		EXPECT_LE(0, accept(self->server, NULL, NULL));
}

TEST_F(connect, refuses)
{
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	order->verdict = 0;
	EXPECT_EQ(-EPERM, do_connect(fd, self->to));
	order->retval = -ENETUNREACH;
	EXPECT_EQ(-ENETUNREACH, do_connect(fd, self->to));
	EXPECT_EQ(0, port_of(local_of(fd)));
	EXPECT_EQ(0, port_of(peer_of(fd)));
	order->verdict = 1;
	order->retval = 0;
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(port_of(self->to), port_of(peer_of(fd)));
}

TEST_F(connect, only_an_errno_gets_out)
{
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	order->retval = 3;
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(port_of(self->to), port_of(peer_of(fd)));
}

TEST_F(connect, chooses_the_source)
{
	struct endpoint source = endpoint(variant->to_family, variant->source, 0);
	struct endpoint want = endpoint(variant->family, variant->local, 0);
	struct order *order = &self->box.order[self->hook];
	int post = variant->family == AF_INET ? POST_BIND4 : POST_BIND6;
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, post));
	order->bind_family = variant->to_family;
	memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(0, self->box.seen[self->hook].bind_err);
	EXPECT_ENDPOINT(want, ip_at(local_of(fd), 0));
	EXPECT_NE(0, port_of(local_of(fd)));
	/* The port is the kernel's choice. */
	EXPECT_EQ(1, self->box.seen[post].calls);
	self->box.seen[post].calls = 0;
	close(fd);

	fd = make(variant->family, variant->type, variant->protocol);
	order->bind_port = htons(7777);
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(0, self->box.seen[self->hook].bind_err);
	EXPECT_EQ(7777, port_of(local_of(fd)));
	EXPECT_EQ(0, self->box.seen[post].calls);
	close(fd);
}

TEST_F(connect, chooses_no_source_that_is_too_short)
{
	struct endpoint source = endpoint(variant->to_family, variant->source, 0);
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	order->bind_family = variant->to_family;
	order->bind_short = 1;
	memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
	EXPECT_EQ(0, do_connect(fd, self->to));
	EXPECT_EQ(-EINVAL, self->box.seen[self->hook].bind_err);
	close(fd);
}

TEST_F(connect, length_comes_first)
{
	struct seen *saw = &self->box.seen[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	self->to.len = variant->to_family == AF_INET ? 15 : 23;
	EXPECT_EQ(-EINVAL, do_connect(fd, self->to));
	EXPECT_EQ(0, saw->calls);
	/* Dissolving an association is not connecting. */
	self->to.any.sa_family = AF_UNSPEC;
	self->to.len = sizeof(self->to.in6);
	do_connect(fd, self->to);
	EXPECT_EQ(0, saw->calls);
}

TEST_F(connect, the_chosen_source_survives_a_disconnect)
{
	struct endpoint source = endpoint(variant->to_family, variant->source, 0);
	struct endpoint local = endpoint(variant->family, variant->local, 0), unspec = {};
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	order->bind_family = variant->to_family;
	memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
	EXPECT_EQ(0, do_connect(fd, self->to));
	unspec.len = sizeof(unspec.any);
	EXPECT_EQ(0, do_connect(fd, unspec));
	EXPECT_ENDPOINT(local, ip_at(local_of(fd), 0));

	/* One that no program sees takes back nothing of an earlier one. */
	self->to.len = variant->to_family == AF_INET ? 15 : 23;
	EXPECT_EQ(-EINVAL, do_connect(fd, self->to));
	EXPECT_ENDPOINT(local, ip_at(local_of(fd), 0));
}

/* ... and of a program that is gone by the time it fails, nothing either. */
TEST_F(connect, the_chosen_source_outlives_its_program)
{
	bool mapped = variant->family == AF_INET6 && strchr(variant->ip, '.');
	struct endpoint source = endpoint(variant->to_family, variant->source, 0);
	struct endpoint local = endpoint(variant->family, variant->local, 0), unspec = {};
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	order->bind_family = variant->to_family;
	memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
	EXPECT_EQ(0, do_connect(fd, self->to));
	unspec.len = sizeof(unspec.any);
	EXPECT_EQ(0, do_connect(fd, unspec));

	box_detach(&self->box, self->hook);
	ASSERT_EQ(0, box_attach(&self->box, self->hook == CONNECT4 ? CONNECT6 : CONNECT4));
	close(self->server);
	if (variant->type == SOCK_DGRAM)
		self->to = endpoint(variant->to_family, variant->to_family == AF_INET ?
				    "192.0.2.1" : mapped ? "::ffff:192.0.2.1" : "2001:db8::1", 9);
	EXPECT_EQ(variant->type == SOCK_STREAM ? -ECONNREFUSED : -ENETUNREACH,
		  do_connect(fd, self->to));
	EXPECT_ENDPOINT(local, ip_at(local_of(fd), 0));
	close(fd);
}

static int nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* A connect() that fails leaves nothing of what the program bound. */
TEST_F(connect, a_failed_one_is_not_bound)
{
	struct endpoint source = endpoint(variant->to_family, variant->source, 0);
	struct endpoint any = endpoint(variant->family, "", 0);
	/* Nobody listens, or there is no way there. */
	const char *nowhere = variant->type == SOCK_STREAM ? variant->ip :
			      variant->to_family == AF_INET ? "192.0.2.1" :
			      strchr(variant->ip, '.') ? "::ffff:192.0.2.1" : "2001:db8::1";
	struct endpoint there = endpoint(variant->to_family, nowhere, 9);
	struct order *order = &self->box.order[self->hook];
	int port, nonblock, err, fd;

	order->bind_family = variant->to_family;
	memcpy(order->bind_ip, endpoint_ip(&source), endpoint_ip_len(&source));
	for (nonblock = 0; nonblock < 2; nonblock++) {
		for (port = 0; port < 10000; port += 4321) {
			fd = make(variant->family, variant->type, variant->protocol);
			ASSERT_LE(0, fd);
			if (nonblock)
				nonblocking(fd);
			order->bind_port = htons(port);
			do {
				err = do_connect(fd, there);
			} while (err == -EINPROGRESS || err == -EALREADY);
			EXPECT_EQ(variant->type == SOCK_STREAM ? -ECONNREFUSED : -ENETUNREACH,
				  err);
			EXPECT_EQ(0, self->box.seen[self->hook].bind_err);
			EXPECT_ENDPOINT(any, local_of(fd));
			/* Neither does one that the program itself refuses. */
			order->verdict = 0;
			EXPECT_EQ(-EPERM, do_connect(fd, self->to));
			EXPECT_EQ(0, self->box.seen[self->hook].bind_err);
			order->verdict = 1;
			EXPECT_ENDPOINT(any, local_of(fd));
			close(fd);
		}
	}
}

/* ... but all of what the user had bound. */
TEST_F(connect, a_failed_one_is_bound_as_before)
{
	struct endpoint local = endpoint(variant->family, variant->local, 0);
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol), one = 1;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)));
	ASSERT_EQ(0, do_bind(fd, local));
	order->verdict = 0;
	EXPECT_EQ(-EPERM, do_connect(fd, self->to));
	EXPECT_ENDPOINT(local, ip_at(local_of(fd), 0));
	order->bind_family = variant->to_family;
	memcpy(order->bind_ip, endpoint_ip(&self->to), endpoint_ip_len(&self->to));
	EXPECT_EQ(-EPERM, do_connect(fd, self->to));
	EXPECT_EQ(0, self->box.seen[self->hook].bind_err);
	EXPECT_ENDPOINT(local, local_of(fd));
	close(fd);
}

/* The address of bpf_bind() is of the socket's family, or the call fails. */
TEST(bpf_bind_of_the_other_family)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	struct endpoint to;
	struct box box;
	int fd, i, s;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT4));
	box.order[CONNECT4].bind_family = AF_INET6;
	for (i = 0; i < ARRAY_LEN(types); i++) {
		s = server(AF_INET, types[i], "127.0.0.1", 0);
		to = local_of(s);
		fd = socket(AF_INET, types[i], 0);
		EXPECT_EQ(0, do_connect(fd, to));
		EXPECT_EQ(-EAFNOSUPPORT, box.seen[CONNECT4].bind_err);
		close(fd);
		close(s);
	}
	box_close(&box);
}

TEST(v6_only_sockets_do_not_connect_to_inet)
{
	struct endpoint source;
	struct box box;
	int fd, one = 1;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT4));
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
	EXPECT_EQ(-EAFNOSUPPORT, do_connect(fd, endpoint(AF_INET, "127.0.0.1", 9)));
	/* Programs run: the protocol looks at the option later, and another thread may clear it. */
	EXPECT_EQ(1, box.seen[CONNECT4].calls);
	close(fd);

	/* ... and stay bound as a program bound them for a connect() before. */
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)));
	ASSERT_EQ(0, box_attach(&box, CONNECT6));
	source = endpoint(AF_INET6, "fd00::2", 4321);
	box.order[CONNECT6].bind_family = AF_INET6;
	box.order[CONNECT6].bind_port = source.in6.sin6_port;
	memcpy(box.order[CONNECT6].bind_ip, &source.in6.sin6_addr, sizeof(source.in6.sin6_addr));
	EXPECT_EQ(0, do_connect(fd, endpoint(AF_INET6, "fd00::9", 9)));
	EXPECT_EQ(-EAFNOSUPPORT, do_connect(fd, endpoint(AF_INET, "127.0.0.1", 9)));
	EXPECT_ENDPOINT(source, local_of(fd));
	close(fd);
	box_close(&box);
}

/* A SYN with data is a connect without the call of that name. */
TEST(fast_open_connects)
{
	struct endpoint to;
	struct box box;
	int fd, s;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT4));
	s = server(AF_INET, SOCK_STREAM, "127.0.0.1", 0);
	to = local_of(s);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(4, sendto(fd, "data", 4, MSG_FASTOPEN, &to.any, to.len));
	EXPECT_EQ(1, box.seen[CONNECT4].calls);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	box.order[CONNECT4].verdict = 0;
	EXPECT_EQ(-1, sendto(fd, "data", 4, MSG_FASTOPEN, &to.any, to.len));
	EXPECT_EQ(EPERM, errno);
	box_close(&box);
}

TEST_HARNESS_MAIN
