// SPDX-License-Identifier: GPL-2.0
/* The programs also see what is asked for through io_uring, and that once. */
#include "ring.h"

#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(ring) {
	struct box box;
	struct ring ring;
	bool inet;
	int server;
	struct endpoint to;
	struct endpoint nowhere;
};

FIXTURE_VARIANT(ring) {
	int family;
	int type;
	const char *ip;
};

FIXTURE_VARIANT_ADD(ring, tcp4) {
	AF_INET, SOCK_STREAM, "127.0.0.1"
};

FIXTURE_VARIANT_ADD(ring, tcp6) {
	AF_INET6, SOCK_STREAM, "::1"
};

FIXTURE_VARIANT_ADD(ring, udp4) {
	AF_INET, SOCK_DGRAM, "127.0.0.1"
};

FIXTURE_VARIANT_ADD(ring, udp6) {
	AF_INET6, SOCK_DGRAM, "::1"
};

FIXTURE_SETUP(ring)
{
	self->inet = variant->family == AF_INET;
	ASSERT_EQ(0, box_open(&self->box));
	ASSERT_EQ(0, ring_open(&self->ring));
	self->server = server(variant->family, variant->type, variant->ip, 0);
	ASSERT_LE(0, self->server);
	self->to = local_of(self->server);
	self->nowhere = endpoint(variant->family, variant->ip, 9);
}

FIXTURE_TEARDOWN(ring)
{
	close(self->ring.fd);
	close(self->server);
	box_close(&self->box);
}

static void lead_to(struct order *order, const struct endpoint *to)
{
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(to), endpoint_ip_len(to));
	order->port = to->in.sin_port;
}

TEST_F(ring, socket_and_bind)
{
	enum hook bind = self->inet ? BIND4 : BIND6, post = self->inet ? POST_BIND4 : POST_BIND6;
	struct endpoint own = endpoint(variant->family, variant->ip, 0);
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	ASSERT_EQ(0, box_attach(&self->box, bind));
	ASSERT_EQ(0, box_attach(&self->box, post));
	fd = ring_socket(&self->ring, variant->family, variant->type, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, self->box.seen[CREATE].calls);
	self->box.order[bind].verdict = 0;
	EXPECT_EQ(-EPERM, ring_bind(&self->ring, fd, &own));
	self->box.order[bind].verdict = 1;
	self->box.order[post].verdict = 0;
	EXPECT_EQ(-EPERM, ring_bind(&self->ring, fd, &own));
	self->box.order[post].verdict = 1;
	EXPECT_EQ(0, ring_bind(&self->ring, fd, &own));
	EXPECT_EQ(3, self->box.seen[bind].calls);
	EXPECT_EQ(2, self->box.seen[post].calls);
	self->box.order[CREATE].verdict = 0;
	EXPECT_EQ(-EPERM, ring_socket(&self->ring, variant->family, variant->type, 0));
	close(fd);
}

TEST_F(ring, connecting)
{
	enum hook hook = self->inet ? CONNECT4 : CONNECT6;
	struct endpoint given = self->nowhere;
	int fd = socket(variant->family, variant->type, 0);

	ASSERT_EQ(0, box_attach(&self->box, hook));
	self->box.order[hook].verdict = 0;
	EXPECT_EQ(-EPERM, ring_connect(&self->ring, fd, &given.any, given.len));
	self->box.order[hook].verdict = 1;
	lead_to(&self->box.order[hook], &self->to);
	EXPECT_EQ(0, ring_connect(&self->ring, fd, &given.any, given.len));
	EXPECT_EQ(2, self->box.seen[hook].calls);
	EXPECT_EQ(self->nowhere.in.sin_port, self->box.seen[hook].port);
	EXPECT_EQ(port_of(self->to), port_of(peer_of(fd)));
	EXPECT_ENDPOINT(self->nowhere, given);
	close(fd);
}

FIXTURE(aborted) {
	struct box box;
	struct ring ring;
};

FIXTURE_VARIANT(aborted) {
	int family;
	enum hook hook;
	const char *ip;
};

FIXTURE_VARIANT_ADD(aborted, tcp4) { AF_INET, CONNECT4, "127.0.0.1" };
FIXTURE_VARIANT_ADD(aborted, tcp6) { AF_INET6, CONNECT6, "::1" };

FIXTURE_SETUP(aborted)
{
	ASSERT_EQ(0, box_open(&self->box));
	/* What comes next is done when the test waits for it. */
	ASSERT_EQ(0, ring_open_with(&self->ring, IORING_SETUP_SINGLE_ISSUER |
						 IORING_SETUP_DEFER_TASKRUN));
}

FIXTURE_TEARDOWN(aborted)
{
	close(self->ring.fd);
	box_close(&self->box);
}

/* The error of the first attempt is taken, so the request connects once more. */
TEST_F(aborted, begins_anew)
{
	struct endpoint given = endpoint(variant->family, variant->ip, 10);
	struct endpoint closed = endpoint(variant->family, variant->ip, 9);
	struct seen *seen = &self->box.seen[variant->hook];
	int fd = make(variant->family, SOCK_STREAM, 0), err = 0;
	socklen_t len = sizeof(err);

	ASSERT_EQ(0, box_attach(&self->box, variant->hook));
	lead_to(&self->box.order[variant->hook], &closed);
	self->ring.entry->opcode = IORING_OP_CONNECT;
	self->ring.entry->fd = fd;
	self->ring.entry->addr = (unsigned long)&given.any;
	self->ring.entry->off = given.len;
	ASSERT_EQ(0, ring_submit(&self->ring));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len));
	EXPECT_EQ(ECONNREFUSED, err);
	EXPECT_EQ(1, seen->calls);
	EXPECT_EQ(-ECONNREFUSED, ring_wait(&self->ring));
	EXPECT_EQ(2, seen->calls);
	EXPECT_EQ(given.in.sin_port, seen->port);
	close(fd);
}

TEST_F(ring, messages)
{
	enum hook send = self->inet ? SENDMSG4 : SENDMSG6, recv = self->inet ? RECVMSG4 : RECVMSG6;
	struct endpoint from = { .len = sizeof(from.in6) };
	struct iovec data = { "data", 4 };
	struct msghdr message = {
		.msg_name = &self->nowhere.any,
		.msg_namelen = self->nowhere.len,
		.msg_iov = &data,
		.msg_iovlen = 1,
	};
	char room[8];
	int fd;

	fd = socket(variant->family, variant->type, 0);
	ASSERT_EQ(0, box_attach(&self->box, send));
	/* A stream has no addresses at its messages. */
	if (variant->type == SOCK_STREAM) {
		EXPECT_GT(0, ring_message(&self->ring, IORING_OP_SENDMSG, fd, &message));
		EXPECT_EQ(0, self->box.seen[send].calls);
		close(fd);
		return;
	}
	ASSERT_EQ(0, box_attach(&self->box, recv));
	lead_to(&self->box.order[send], &self->to);
	EXPECT_EQ(4, ring_message(&self->ring, IORING_OP_SENDMSG, fd, &message));
	EXPECT_EQ(1, self->box.seen[send].calls);
	EXPECT_EQ(htons(9), self->box.seen[send].port);
	EXPECT_EQ(9, port_of(self->nowhere));

	data = (struct iovec){ room, sizeof(room) };
	message.msg_name = &from.any;
	message.msg_namelen = sizeof(from.in6);
	lead_to(&self->box.order[recv], &self->nowhere);
	EXPECT_EQ(4, ring_message(&self->ring, IORING_OP_RECVMSG, self->server, &message));
	EXPECT_EQ(1, self->box.seen[recv].calls);
	EXPECT_EQ(9, port_of(from));

	self->box.order[send].verdict = 0;
	message.msg_namelen = self->nowhere.len;
	message.msg_name = &self->nowhere.any;
	EXPECT_EQ(-EPERM, ring_message(&self->ring, IORING_OP_SENDMSG, fd, &message));
	close(fd);
}

TEST_HARNESS_MAIN
