// SPDX-License-Identifier: GPL-2.0
/*
 * SCTP: calls that bring several addresses run the programs once for each, a refusal of one
 * leaves nothing behind, and a message that makes an association shows where to.
 */
#include <netinet/in.h>
#include <linux/sctp.h>	/* needs the one before */

#include "../../kselftest_harness.h"
#include "box.h"

#define PORT	4321

FIXTURE(sctp) {
	struct box box;
	int fd;
	int server;
	struct endpoint ends[2];
	enum hook bind;
	enum hook post_bind;
	enum hook connect;
	enum hook sendmsg;
	enum hook recvmsg;
};

FIXTURE_VARIANT(sctp) {
	int family;
	const char *ips[2];
};

FIXTURE_VARIANT_ADD(sctp, v4) {
	AF_INET, { "127.0.0.2", "127.0.0.9" }
};

FIXTURE_VARIANT_ADD(sctp, v6) {
	AF_INET6, { "fd00::2", "fd00::9" }
};

/* The kernel wants addresses of either length one behind the other. */
static int give_addresses(int fd, int option, const struct endpoint *ends, int count)
{
	char packed[4 * sizeof(struct endpoint)];
	int i, size = 0;

	for (i = 0; i < count; i++) {
		memcpy(packed + size, &ends[i], ends[i].len);
		size += ends[i].len;
	}
	return setsockopt(fd, IPPROTO_SCTP, option, packed, size) < 0 ? -errno : 0;
}

static int bindx(int fd, const struct endpoint *ends, int count)
{
	return give_addresses(fd, SCTP_SOCKOPT_BINDX_ADD, ends, count);
}

static int connectx(int fd, const struct endpoint *ends, int count)
{
	return give_addresses(fd, SCTP_SOCKOPT_CONNECTX, ends, count);
}

static int associations(int fd)
{
	__u32 count = 0;
	socklen_t len = sizeof(count);

	return getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &count, &len) ? -errno : count;
}

/* A message to @to, and to @further as another address of the same peer. */
static int message(int fd, const struct endpoint *to, const struct endpoint *further)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_addr))];
	} control = {};
	char data[] = "data";
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = to->len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (further) {
		int len = endpoint_ip_len(further);

		control.header.cmsg_level = IPPROTO_SCTP;
		control.header.cmsg_type = len == 4 ? SCTP_DSTADDRV4 : SCTP_DSTADDRV6;
		control.header.cmsg_len = CMSG_LEN(len);
		memcpy(CMSG_DATA(&control.header), endpoint_ip(further), len);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(len);
	}
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

/* The address that a program saw, at the port of @e. */
static struct endpoint saw(const struct seen *seen, const struct endpoint *e)
{
	return ip_at(seen_endpoint(e->any.sa_family, seen), port_of(*e));
}

static void lead_to(struct order *order, const struct endpoint *e)
{
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(e), endpoint_ip_len(e));
	order->port = e->in.sin_port;
}

/* Refuse what comes after so many calls. */
static void refuse_after(struct order *order, int calls)
{
	order->verdict = 0;
	order->retval = -ENOENT;
	order->spared = calls;
}

static bool is_free(const struct endpoint *e)
{
	int fd = make(e->any.sa_family, SOCK_STREAM, IPPROTO_SCTP);
	int err = do_bind(fd, *e);

	close(fd);
	return !err;
}

FIXTURE_SETUP(sctp)
{
	bool v4 = variant->family == AF_INET;
	int i;

	ASSERT_EQ(0, box_open(&self->box));
	self->fd = make(variant->family, SOCK_SEQPACKET, IPPROTO_SCTP);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < 2; i++)
		self->ends[i] = endpoint(variant->family, variant->ips[i], PORT);
	self->server = make(variant->family, SOCK_SEQPACKET, IPPROTO_SCTP);
	ASSERT_LE(0, self->server);
	self->bind = v4 ? BIND4 : BIND6;
	self->post_bind = v4 ? POST_BIND4 : POST_BIND6;
	self->connect = v4 ? CONNECT4 : CONNECT6;
	self->sendmsg = v4 ? SENDMSG4 : SENDMSG6;
	self->recvmsg = v4 ? RECVMSG4 : RECVMSG6;
}

FIXTURE_TEARDOWN(sctp)
{
	close(self->fd);
	close(self->server);
	box_close(&self->box);
}

TEST_F(sctp, bindx)
{
	struct seen *seen = &self->box.seen[self->bind];
	struct order *order = &self->box.order[self->bind];

	ASSERT_EQ(0, box_attach(&self->box, self->bind));
	refuse_after(order, 1);
	EXPECT_EQ(-ENOENT, bindx(self->fd, self->ends, 2));
	EXPECT_EQ(2, seen->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(seen, &self->ends[1]));
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	order->spared = 100;
	EXPECT_TRUE(is_free(&self->ends[0]));
	EXPECT_EQ(0, bindx(self->fd, self->ends, 2));
	EXPECT_EQ(PORT, port_of(local_of(self->fd)));
}

TEST_F(sctp, bindx_rewritten)
{
	ASSERT_EQ(0, box_attach(&self->box, self->bind));
	lead_to(&self->box.order[self->bind], &self->ends[0]);
	EXPECT_EQ(0, bindx(self->fd, &self->ends[1], 1));
	EXPECT_ENDPOINT(self->ends[0], ip_at(local_of(self->fd), PORT));
	self->box.order[self->bind].rewrite = 0;
	EXPECT_TRUE(is_free(&self->ends[1]));
	EXPECT_FALSE(is_free(&self->ends[0]));
}

TEST_F(sctp, bindx_post_bind)
{
	struct seen *seen = &self->box.seen[self->post_bind];
	struct order *order = &self->box.order[self->post_bind];

	ASSERT_EQ(0, box_attach(&self->box, self->post_bind));
	refuse_after(order, 1);
	EXPECT_EQ(-ENOENT, bindx(self->fd, self->ends, 2));
	EXPECT_EQ(2, seen->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(seen, &self->ends[1]));
	EXPECT_EQ(PORT, seen->port);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	order->spared = 100;
	EXPECT_TRUE(is_free(&self->ends[0]));
	EXPECT_TRUE(is_free(&self->ends[1]));
	/* What was bound before the call stays. */
	EXPECT_EQ(0, do_bind(self->fd, self->ends[0]));
	order->spared = 0;
	EXPECT_EQ(-ENOENT, bindx(self->fd, &self->ends[1], 1));
	order->spared = 100;
	EXPECT_EQ(PORT, port_of(local_of(self->fd)));
	EXPECT_FALSE(is_free(&self->ends[0]));
	EXPECT_TRUE(is_free(&self->ends[1]));
}

/* A low port needs the capability, or a program that vouches for each address. */
TEST_F(sctp, bindx_low_port)
{
	struct order *order = &self->box.order[self->bind];
	int i;

	ASSERT_EQ(0, box_attach(&self->box, self->bind));
	for (i = 0; i < 2; i++)
		self->ends[i].in.sin_port = htons(80);
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	EXPECT_EQ(-EACCES, bindx(self->fd, self->ends, 2));
	order->verdict = 3;
	order->spared = 3;
	EXPECT_EQ(-EACCES, bindx(self->fd, self->ends, 2));
	EXPECT_EQ(0, bindx(self->fd, self->ends, 2));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

/* A port that is put back after a bindx() that failed is not one that a program vouched for. */
TEST_F(sctp, nobody_vouched)
{
	struct endpoint to = self->ends[1];
	int i;

	for (i = 0; i < 2; i++)
		self->ends[i].in.sin_port = htons(80);
	to.in.sin_port = htons(PORT);
	ASSERT_EQ(0, do_bind(self->server, to));
	ASSERT_EQ(0, listen(self->server, 8));
	ASSERT_EQ(0, do_bind(self->fd, self->ends[0]));
	ASSERT_EQ(0, bindx(self->fd, &self->ends[1], 1));
	/* The first one goes, but the last one stays, so the first one comes back. */
	EXPECT_EQ(-EBUSY, give_addresses(self->fd, SCTP_SOCKOPT_BINDX_REM, self->ends, 2));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	EXPECT_EQ(-EACCES, do_connect(self->fd, to));
	EXPECT_EQ(1, self->box.seen[self->connect].calls);
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(sctp, connectx)
{
	struct seen *seen = &self->box.seen[self->connect];
	struct order *order = &self->box.order[self->connect];

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, bindx(self->server, self->ends, 2));
	ASSERT_EQ(0, listen(self->server, 8));
	refuse_after(order, 1);
	EXPECT_EQ(-ENOENT, connectx(self->fd, self->ends, 2));
	EXPECT_EQ(2, seen->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(seen, &self->ends[1]));
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_EQ(0, associations(self->fd));
	order->spared = 100;
	EXPECT_EQ(0, connectx(self->fd, self->ends, 2));
	EXPECT_EQ(1, associations(self->fd));
}

TEST_F(sctp, connectx_rewritten)
{
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, do_bind(self->server, self->ends[0]));
	ASSERT_EQ(0, listen(self->server, 8));
	lead_to(&self->box.order[self->connect], &self->ends[0]);
	EXPECT_EQ(0, connectx(self->fd, &self->ends[1], 1));
	EXPECT_EQ(1, associations(self->server));
}

TEST_F(sctp, message)
{
	struct seen *sent = &self->box.seen[self->sendmsg];
	struct seen *connected = &self->box.seen[self->connect];
	struct order *order = &self->box.order[self->connect];

	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, bindx(self->server, self->ends, 2));
	ASSERT_EQ(0, listen(self->server, 8));
	refuse_after(order, 1);
	EXPECT_EQ(-ENOENT, message(self->fd, &self->ends[0], &self->ends[1]));
	EXPECT_EQ(2, sent->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(sent, &self->ends[1]));
	EXPECT_EQ(2, connected->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(connected, &self->ends[1]));
	EXPECT_EQ(htons(PORT), connected->port);
	EXPECT_EQ(0, port_of(local_of(self->fd)));
	EXPECT_EQ(0, associations(self->fd));
	order->spared = 100;
	EXPECT_EQ(0, message(self->fd, &self->ends[0], &self->ends[1]));
	EXPECT_EQ(4, connected->calls);
	/* There is an association now, so this is a message and nothing else. */
	EXPECT_EQ(0, message(self->fd, &self->ends[0], NULL));
	EXPECT_EQ(5, sent->calls);
	EXPECT_EQ(4, connected->calls);
	EXPECT_EQ(1, associations(self->fd));
}

/* What a program makes of an address can be one that there is an association with. */
TEST_F(sctp, message_rewritten)
{
	struct order *order = &self->box.order[self->sendmsg];
	char data[8];

	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, do_bind(self->server, self->ends[0]));
	ASSERT_EQ(0, listen(self->server, 8));
	EXPECT_EQ(0, message(self->fd, &self->ends[0], NULL));
	lead_to(&self->box.order[self->connect], &self->ends[0]);
	EXPECT_EQ(0, message(self->fd, &self->ends[1], NULL));
	EXPECT_EQ(2, self->box.seen[self->connect].calls);
	lead_to(order, &self->ends[0]);
	EXPECT_EQ(0, message(self->fd, &self->ends[1], NULL));
	EXPECT_EQ(2, self->box.seen[self->connect].calls);
	EXPECT_EQ(1, associations(self->fd));
	EXPECT_EQ(5, recv(self->server, data, sizeof(data), 0));
	EXPECT_EQ(5, recv(self->server, data, sizeof(data), 0));
	EXPECT_EQ(5, recv(self->server, data, sizeof(data), 0));
	/* Nothing would follow a source, and a port has to be one. */
	order->source[0] = 1;
	EXPECT_EQ(-EINVAL, message(self->fd, &self->ends[1], NULL));
	order->source[0] = 0;
	order->port = 0;
	EXPECT_EQ(-EINVAL, message(self->fd, &self->ends[1], NULL));
}

/* The address in the message is the caller's, whatever becomes of it. */
TEST_F(sctp, same_address_again)
{
	struct seen *seen = &self->box.seen[self->sendmsg];
	char data[] = "data";
	struct iovec iov = { data, sizeof(data) };
	struct mmsghdr messages[2] = {};
	int i;

	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	ASSERT_EQ(0, do_bind(self->server, self->ends[0]));
	ASSERT_EQ(0, listen(self->server, 8));
	lead_to(&self->box.order[self->sendmsg], &self->ends[0]);
	for (i = 0; i < 2; i++) {
		messages[i].msg_hdr.msg_name = &self->ends[1];
		messages[i].msg_hdr.msg_namelen = self->ends[1].len;
		messages[i].msg_hdr.msg_iov = &iov;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(2, sendmmsg(self->fd, messages, 2, 0));
	EXPECT_EQ(2, seen->calls);
	EXPECT_ENDPOINT(self->ends[1], saw(seen, &self->ends[1]));
}

/* An AF_INET address on an AF_INET6 socket is for the programs of IPv4. */
TEST_F(sctp, other_family)
{
	struct endpoint v4 = endpoint(AF_INET, "127.0.0.2", PORT);
	struct endpoint mapped = endpoint(AF_INET6, "::ffff:127.0.0.2", PORT);
	struct endpoint from = { .len = sizeof(from.in6) };
	char data[8];

	ASSERT_EQ(0, box_attach(&self->box, BIND4));
	ASSERT_EQ(0, box_attach(&self->box, CONNECT4));
	ASSERT_EQ(0, box_attach(&self->box, SENDMSG4));
	ASSERT_EQ(0, box_attach(&self->box, RECVMSG6));
	ASSERT_EQ(0, do_bind(self->server, v4));
	EXPECT_EQ(1, self->box.seen[BIND4].calls);
	ASSERT_EQ(0, listen(self->server, 8));
	EXPECT_EQ(0, do_connect(self->fd, v4));
	EXPECT_EQ(1, self->box.seen[CONNECT4].calls);
	EXPECT_EQ(variant->family == AF_INET6 ? 0 : -EINVAL, message(self->fd, &mapped, NULL));
	EXPECT_EQ(0, message(self->fd, &v4, NULL));
	EXPECT_EQ(variant->family == AF_INET6 ? 2 : 1, self->box.seen[SENDMSG4].calls);
	EXPECT_EQ(5, recvfrom(self->server, data, 8, MSG_DONTWAIT, &from.any, &from.len));
	EXPECT_EQ(variant->family == AF_INET6 ? 1 : 0, self->box.seen[RECVMSG6].calls);
}

TEST_HARNESS_MAIN
