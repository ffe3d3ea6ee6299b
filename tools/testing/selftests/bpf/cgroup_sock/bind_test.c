// SPDX-License-Identifier: GPL-2.0
/*
 * INET4_BIND, INET6_BIND, INET4_POST_BIND, INET6_POST_BIND: what the programs see, what a
 * rewrite does, and that after a refusal the socket and its port are as before.
 */
#include "../../kselftest_harness.h"
#include "box.h"

FIXTURE(bind) {
	struct box box;
	enum hook hook;
	enum hook post;
};

FIXTURE_VARIANT(bind) {
	int family;
	int type;
	int protocol;
	const char *ip;		/* what the tests bind to */
	const char *other;	/* what they rewrite it to */
};

FIXTURE_VARIANT_ADD(bind, tcp4) {
	AF_INET, SOCK_STREAM, IPPROTO_TCP, "127.0.0.1", "127.0.0.2"
};

FIXTURE_VARIANT_ADD(bind, udp4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDP, "127.0.0.1", "127.0.0.2"
};

FIXTURE_VARIANT_ADD(bind, udplite4) {
	AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, "127.0.0.1", "127.0.0.2"
};

FIXTURE_VARIANT_ADD(bind, tcp6) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, "::1", "fd00::2"
};

FIXTURE_VARIANT_ADD(bind, udp6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "::1", "fd00::2"
};

FIXTURE_VARIANT_ADD(bind, udplite6) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, "::1", "fd00::2"
};

FIXTURE_VARIANT_ADD(bind, tcp_mapped) {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, "::ffff:127.0.0.1", "::ffff:127.0.0.2"
};

FIXTURE_VARIANT_ADD(bind, udp_mapped) {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "::ffff:127.0.0.1", "::ffff:127.0.0.2"
};

FIXTURE_SETUP(bind)
{
	self->hook = variant->family == AF_INET ? BIND4 : BIND6;
	self->post = variant->family == AF_INET ? POST_BIND4 : POST_BIND6;
	ASSERT_EQ(0, box_open(&self->box));
}

FIXTURE_TEARDOWN(bind)
{
	box_close(&self->box);
}

TEST_F(bind, sees_the_address)
{
	struct endpoint e = endpoint(variant->family, variant->ip, 4321);
	struct seen *saw = &self->box.seen[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
	EXPECT_EQ(0, do_bind(fd, e));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->family, saw->family);
	EXPECT_EQ(variant->family, saw->user_family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(variant->protocol, saw->protocol);
	EXPECT_ENDPOINT(e, seen_endpoint(variant->family, saw));
}

TEST_F(bind, post_bind_sees_address_and_port)
{
	struct endpoint e = endpoint(variant->family, variant->ip, 0);
	struct seen *saw = &self->box.seen[self->post];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->post));
	EXPECT_EQ(0, do_bind(fd, e));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(variant->family, saw->family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(variant->protocol, saw->protocol);
	EXPECT_NE(0, saw->port);
	EXPECT_ENDPOINT(ip_at(e, saw->port), local_of(fd));
	EXPECT_ENDPOINT(e, ip_at(seen_endpoint(variant->family, saw), 0));
}

TEST_F(bind, rewrites)
{
	struct endpoint to = endpoint(variant->family, variant->other, 5678);
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
	order->rewrite = 1;
	memcpy(order->ip, endpoint_ip(&to), endpoint_ip_len(&to));
	order->port = htons(5678);
	EXPECT_EQ(0, do_bind(fd, endpoint(variant->family, variant->ip, 1)));
	EXPECT_ENDPOINT(to, local_of(fd));
}

TEST_F(bind, refuses_and_leaves_nothing)
{
	struct endpoint e = endpoint(variant->family, variant->ip, 4321);
	struct order *order = &self->box.order[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
	order->verdict = 0;
	EXPECT_EQ(-EPERM, do_bind(fd, e));
	order->verdict = 2;
	EXPECT_EQ(-EPERM, do_bind(fd, e));
	order->retval = -EADDRNOTAVAIL;
	EXPECT_EQ(-EADDRNOTAVAIL, do_bind(fd, e));
	order->verdict = 1;
	order->retval = 7;
	EXPECT_EQ(0, port_of(local_of(fd)));
	EXPECT_EQ(0, do_bind(fd, e));
	EXPECT_EQ(4321, port_of(local_of(fd)));
}

/* The port is free for this socket and for others, and is so a hundred times. */
TEST_F(bind, post_bind_refusal_frees_the_port)
{
	struct endpoint e = endpoint(variant->family, variant->ip, 4321);
	struct endpoint any = endpoint(variant->family, "", 0);
	struct order *order = &self->box.order[self->post];
	int fd = make(variant->family, variant->type, variant->protocol), other, i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->post));
	for (i = 0; i < 100; i++) {
		order->verdict = 0;
		order->retval = i % 2 ? -EADDRNOTAVAIL : 0;
		EXPECT_EQ(i % 2 ? -EADDRNOTAVAIL : -EPERM, do_bind(fd, e));
		order->verdict = 1;
		order->retval = 0;
		EXPECT_ENDPOINT(any, local_of(fd));

		other = make(variant->family, variant->type, variant->protocol);
		ASSERT_EQ(0, do_bind(other, e)) TH_LOG("round %d", i);
		if (variant->type == SOCK_STREAM)
			EXPECT_EQ(0, listen(other, 1));
		close(other);
	}
	EXPECT_EQ(0, do_bind(fd, e));
	EXPECT_EQ(4321, port_of(local_of(fd)));
}

TEST_F(bind, low_ports_by_return_value)
{
	struct endpoint low = endpoint(variant->family, variant->ip, 80);
	struct endpoint high = endpoint(variant->family, variant->ip, 8080);
	struct order *order = &self->box.order[self->hook];
	enum bpf_attach_type type = variant->family == AF_INET ? BPF_CGROUP_INET4_BIND :
								 BPF_CGROUP_INET6_BIND;
	int fd = make(variant->family, variant->type, variant->protocol), plain;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
	plain = load_return(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, 1);
	ASSERT_EQ(0, bpf_prog_attach(plain, self->box.cgroup, type, BPF_F_ALLOW_MULTI));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));

	EXPECT_EQ(-EACCES, do_bind(fd, low));
	order->verdict = 2;
	EXPECT_EQ(-EPERM, do_bind(fd, low));
	/* The port that counts is the rewritten one. */
	order->verdict = 1;
	order->rewrite = 1;
	order->port = htons(80);
	memcpy(order->ip, endpoint_ip(&low), endpoint_ip_len(&low));
	EXPECT_EQ(-EACCES, do_bind(fd, high));
	/* One program's word is enough, with another that says nothing of it. */
	order->verdict = 3;
	EXPECT_EQ(0, do_bind(fd, high));
	EXPECT_EQ(80, port_of(local_of(fd)));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(bind, runs_before_other_checks)
{
	struct endpoint e = endpoint(variant->family, variant->ip, 4321);
	struct seen *saw = &self->box.seen[self->hook];
	int fd = make(variant->family, variant->type, variant->protocol);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, self->hook));
	/* but not before the length of the address */
	e.len = variant->family == AF_INET ? 15 : 23;
	EXPECT_EQ(-EINVAL, do_bind(fd, e));
	EXPECT_EQ(0, saw->calls);
	e = endpoint(variant->family, variant->family == AF_INET ? "192.0.2.1" : "2001:db8::1", 1);
	EXPECT_EQ(-EADDRNOTAVAIL, do_bind(fd, e));
	EXPECT_EQ(1, saw->calls);
	e.any.sa_family = AF_INET + AF_INET6 - variant->family;
	e.len = sizeof(e.in6);
	EXPECT_EQ(-EAFNOSUPPORT, do_bind(fd, e));
	EXPECT_EQ(2, saw->calls);
}

/* The device that a scope id chose goes with the refused bind. */
TEST(refusal_unbinds_the_scope)
{
	int device = 0, fd;
	socklen_t len = sizeof(device);
	struct endpoint e;
	struct box box;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, system("ip link add dummy9 type dummy"));
	ASSERT_EQ(0, system("ip address add fe80::9/64 dev dummy9 nodad"));
	ASSERT_EQ(0, system("ip link set dummy9 up"));
	ASSERT_EQ(0, box_attach(&box, POST_BIND6));
	box.order[POST_BIND6].verdict = 0;
	e = endpoint(AF_INET6, "fe80::9", 4321);
	e.in6.sin6_scope_id = if_nametoindex("dummy9");
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(-EPERM, do_bind(fd, e));
	EXPECT_EQ(1, box.seen[POST_BIND6].calls);
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len));
	EXPECT_EQ(0, device);
	box.order[POST_BIND6].verdict = 1;
	EXPECT_EQ(0, do_bind(fd, e));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len));
	EXPECT_EQ((int)e.in6.sin6_scope_id, device);
	box_close(&box);
}

TEST_HARNESS_MAIN
