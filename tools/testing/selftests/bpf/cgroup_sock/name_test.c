// SPDX-License-Identifier: GPL-2.0
/* GETPEERNAME and GETSOCKNAME: the programs see a name before user space does. */
#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(name) {
	struct box box;
	enum hook peer;
	enum hook own;
	int server;
	int client;
};

FIXTURE_VARIANT(name) {
	int family;
	int type;
	const char *ip;
	const char *other;
};

FIXTURE_VARIANT_ADD(name, tcp4) {
	AF_INET, SOCK_STREAM, "127.0.0.1", "192.0.2.7"
};

FIXTURE_VARIANT_ADD(name, udp4) {
	AF_INET, SOCK_DGRAM, "127.0.0.1", "192.0.2.7"
};

FIXTURE_VARIANT_ADD(name, tcp6) {
	AF_INET6, SOCK_STREAM, "::1", "2001:db8::7"
};

FIXTURE_VARIANT_ADD(name, udp6) {
	AF_INET6, SOCK_DGRAM, "::1", "2001:db8::7"
};

FIXTURE_SETUP(name)
{
	self->peer = variant->family == AF_INET ? GETPEERNAME4 : GETPEERNAME6;
	self->own = variant->family == AF_INET ? GETSOCKNAME4 : GETSOCKNAME6;
	ASSERT_EQ(0, box_open(&self->box));
	self->server = server(variant->family, variant->type, variant->ip, 0);
	ASSERT_LE(0, self->server);
	self->client = socket(variant->family, variant->type, 0);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, do_connect(self->client, local_of(self->server)));
}

FIXTURE_TEARDOWN(name)
{
	close(self->server);
	close(self->client);
	box_close(&self->box);
}

TEST_F(name, is_seen_and_rewritten)
{
	struct endpoint other = endpoint(variant->family, variant->other, 77);
	struct endpoint true_name, name;
	int i;

	for (i = 0; i < 2; i++) {
		enum hook hook = i ? self->own : self->peer;
		struct endpoint (*ask)(int fd) = i ? local_of : peer_of;
		struct order *order = &self->box.order[hook];
		struct seen *saw = &self->box.seen[hook];

		true_name = ask(self->client);
		ASSERT_EQ(0, box_attach(&self->box, hook));
		name = ask(self->client);
		EXPECT_ENDPOINT(true_name, name);
		EXPECT_EQ(1, saw->calls);
		EXPECT_EQ(variant->family, saw->user_family);
		EXPECT_EQ(variant->type, saw->type);
		EXPECT_ENDPOINT(name, seen_endpoint(variant->family, saw));

		order->rewrite = 1;
		memcpy(order->ip, endpoint_ip(&other), endpoint_ip_len(&other));
		order->port = htons(77);
		name = ask(self->client);
		EXPECT_EQ(2, saw->calls);
		EXPECT_ENDPOINT(other, name);
		box_detach(&self->box, hook);
		name = ask(self->client);
		EXPECT_ENDPOINT(true_name, name);
	}
}

TEST_F(name, of_no_peer_is_not_asked_for)
{
	int fd = socket(variant->family, variant->type, 0);

	ASSERT_EQ(0, box_attach(&self->box, self->peer));
	EXPECT_EQ(0, port_of(peer_of(fd)));
	EXPECT_EQ(0, self->box.seen[self->peer].calls);
	close(fd);
}

TEST_HARNESS_MAIN
