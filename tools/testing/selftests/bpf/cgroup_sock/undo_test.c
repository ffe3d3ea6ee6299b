// SPDX-License-Identifier: GPL-2.0
/*
 * A call that fails leaves the socket as it was: for each kind of socket and each call, all that
 * user space can see of it is the same before and after, and the same call works once nobody
 * refuses it.
 */
#include <asm/posix_types.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../../kselftest_harness.h"
#include "box.h"

#define IPPROTO_TRIAL	253	/* for experiments */
#define SOL_DCCP	269
#ifndef AF_SMC
#define AF_SMC		43
#endif

/* A device of its own, whose packets nobody answers. */
#define DEVICE		"dummy9"
#define LINK_LOCAL	"fe80::9"

struct addresses {
	const char *server;
	const char *user;	/* what the user binds to */
	const char *source;	/* what a program binds to */
	const char *nowhere;	/* neither local nor reachable */
	/* those of the device, and one that is behind it */
	const char *device_user;
	const char *device_source;
	const char *black_hole;
};

enum { INET, MAPPED, INET6 };

static const struct addresses addresses[] = {
	[INET] = {
		"127.0.0.1", "127.0.0.2", "127.0.0.9", "192.0.2.1",
		"198.51.100.2", "198.51.100.9", "198.51.100.7"
	},
	[MAPPED] = {
		"::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:127.0.0.9", "::ffff:192.0.2.1",
		"::ffff:198.51.100.2", "::ffff:198.51.100.9", "::ffff:198.51.100.7"
	},
	[INET6] = {
		"::1", "fd00::2", "fd00::9", "2001:db8::1",
		"fd01::2", "fd01::9", "fd01::7"
	},
};

/* What user space can see of a socket. */
struct snapshot {
	struct endpoint name;
	struct endpoint peer;
	int peer_err;
	int device;
	int mark;
	int priority;
	int v6only;
	int err;
	int taken;		/* errno of another socket that wants its address and port */
	char line[128];		/* of /proc/net */
};

struct state {
	struct box box;
	const struct addresses *ips;
	int servers[2];
	int port;		/* the only one that the kernel can choose */
	enum hook bind;
	enum hook post_bind;
	enum hook connect;
	enum hook sendmsg;
};

struct kind {
	int family;
	int type;
	int protocol;
	int to_family;		/* of the addresses it connects and sends to */
	int addresses;
	bool ports;		/* it has them, and bpf_bind() works */
	bool no_port;		/* the user can bind to an address without one */
	bool sends;		/* messages with an address */
	bool connects_late;	/* without blocking */
	int len;		/* of an address, if not the usual */
	const char *table;	/* in /proc/net */
};

static const struct kind tcp4 = {
	AF_INET, SOCK_STREAM, IPPROTO_TCP, AF_INET, INET,
	true, true, false, true, 0, "tcp"
};

static const struct kind tcp6 = {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, INET6,
	true, true, false, true, 0, "tcp6"
};

static const struct kind tcp_mapped = {
	AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, MAPPED,
	true, true, false, true, 0, "tcp6"
};

static const struct kind mptcp4 = {
	AF_INET, SOCK_STREAM, IPPROTO_MPTCP, AF_INET, INET,
	true, true, false, true, 0, NULL
};

static const struct kind mptcp6 = {
	AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, INET6,
	true, true, false, true, 0, NULL
};

static const struct kind mptcp_mapped = {
	AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, MAPPED,
	true, true, false, true, 0, NULL
};

static const struct kind dccp4 = {
	AF_INET, SOCK_DCCP, IPPROTO_DCCP, AF_INET, INET,
	true, true, false, true, 0, NULL
};

static const struct kind dccp6 = {
	AF_INET6, SOCK_DCCP, IPPROTO_DCCP, AF_INET6, INET6,
	true, true, false, true, 0, NULL
};

static const struct kind dccp_mapped = {
	AF_INET6, SOCK_DCCP, IPPROTO_DCCP, AF_INET6, MAPPED,
	true, true, false, true, 0, NULL
};

static const struct kind smc4 = {
	AF_SMC, SOCK_STREAM, SMCPROTO_SMC, AF_INET, INET,
	true, false, false, false, 0, NULL
};

static const struct kind smc6 = {
	AF_SMC, SOCK_STREAM, SMCPROTO_SMC6, AF_INET6, INET6,
	true, false, false, false, 0, NULL
};

static const struct kind sctp4 = {
	AF_INET, SOCK_STREAM, IPPROTO_SCTP, AF_INET, INET,
	true, false, false, false, 0, NULL
};

static const struct kind sctp6 = {
	AF_INET6, SOCK_STREAM, IPPROTO_SCTP, AF_INET6, INET6,
	true, false, false, false, 0, NULL
};

static const struct kind sctp_many4 = {
	AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, AF_INET, INET,
	true, false, true, false, 0, NULL
};

static const struct kind sctp_many6 = {
	AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, AF_INET6, INET6,
	true, false, true, false, 0, NULL
};

static const struct kind udp4 = {
	AF_INET, SOCK_DGRAM, IPPROTO_UDP, AF_INET, INET,
	true, true, true, false, 0, "udp"
};

static const struct kind udp6 = {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, INET6,
	true, true, true, false, 0, "udp6"
};

static const struct kind udp_mapped = {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, MAPPED,
	true, true, true, false, 0, "udp6"
};

static const struct kind udp6_to_inet = {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET, MAPPED,
	true, true, true, false, 0, "udp6"
};

static const struct kind udplite4 = {
	AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, INET,
	true, true, true, false, 0, "udplite"
};

static const struct kind udplite6 = {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6, INET6,
	true, true, true, false, 0, "udplite6"
};

static const struct kind udplite6_to_inet = {
	AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, MAPPED,
	true, true, true, false, 0, "udplite6"
};

static const struct kind ping4 = {
	AF_INET, SOCK_DGRAM, IPPROTO_ICMP, AF_INET, INET,
	true, false, true, false, 0, "icmp"
};

static const struct kind ping6 = {
	AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, AF_INET6, INET6,
	true, false, true, false, 0, "icmp6"
};

static const struct kind raw4 = {
	AF_INET, SOCK_RAW, IPPROTO_TRIAL, AF_INET, INET,
	false, false, true, false, 0, "raw"
};

static const struct kind raw6 = {
	AF_INET6, SOCK_RAW, IPPROTO_TRIAL, AF_INET6, INET6,
	false, false, true, false, 0, "raw6"
};

static const struct kind l2tp4 = {
	AF_INET, SOCK_DGRAM, IPPROTO_L2TP, AF_INET, INET,
	false, false, true, false, 0, NULL
};

static const struct kind l2tp6 = {
	AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, AF_INET6, INET6,
	false, false, true, false, 32, NULL
};

static int new_socket(int family, int type, int protocol)
{
	int fd = make(family, type, protocol), service = 1;

	/* DCCP: the service; nothing connects without */
	if (type == SOCK_DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

#define SERVER		4000	/* the port of the first one */

#define NEW_SOCKET()	new_socket(kind->family, kind->type, kind->protocol)

/* An address as bind() and connect() of this kind of socket take it. */
static struct endpoint address(const struct kind *kind, int family, const char *ip,
			       int port)
{
	struct endpoint e;

	/* the IPv4 one in a v4-mapped one */
	if (family == AF_INET && strchr(ip, ':'))
		ip = strrchr(ip, ':') + 1;
	e = endpoint(family, ip, kind->ports ? port : 0);
	if (kind->len)
		e.len = kind->len;
	/* L2TP has connections, with ids behind the address, byte swapped: here the port. */
	if (kind->protocol == IPPROTO_L2TP) {
		e.room[family == AF_INET ? 10 : 30] = port >> 8;
		e.room[family == AF_INET ? 11 : 31] = port;
	}
	return e;
}

/* AF_SMC is the family of the socket only. */
static int own_family(const struct kind *kind)
{
	return kind->family == AF_SMC ? kind->to_family : kind->family;
}

#define OWN(ip, port)	address(kind, own_family(kind), ip, port)
#define TO(ip, port)	address(kind, kind->to_family, ip, port)

static struct endpoint link_local(const struct kind *kind, int port)
{
	struct endpoint e = address(kind, AF_INET6, LINK_LOCAL, port);

	e.in6.sin6_scope_id = if_nametoindex(DEVICE);
	return e;
}

static int new_device(void)
{
	return system("ip -batch - <<E\n"
		   "link add " DEVICE " type dummy\n"
		   "address add " LINK_LOCAL "/64 dev " DEVICE " nodad\n"
		   "address add 198.51.100.2/24 dev " DEVICE "\n"
		   "address add 198.51.100.9/24 dev " DEVICE "\n"
		   "address add fd01::2/64 dev " DEVICE " nodad\n"
		   "address add fd01::9/64 dev " DEVICE " nodad\n"
		   "link set " DEVICE " up\nE");
}

static void set_up(struct __test_metadata *_metadata, struct state *self, const struct kind *kind)
{
	bool inet = own_family(kind) == AF_INET;
	int i;

	self->ips = &addresses[kind->addresses];
	self->bind = inet ? BIND4 : BIND6;
	self->post_bind = inet ? POST_BIND4 : POST_BIND6;
	self->connect = kind->to_family == AF_INET ? CONNECT4 : CONNECT6;
	/* A message to a v4-mapped address is for the programs of IPv4. */
	self->sendmsg = kind->addresses == INET6 ? SENDMSG6 : SENDMSG4;
	self->port = 5000;
	ASSERT_EQ(0, box_open(&self->box));
	if (kind->addresses == INET6)
		ASSERT_EQ(0, new_device());
	for (i = 0; i < 2; i++) {
		self->servers[i] = NEW_SOCKET();
		ASSERT_LE(0, self->servers[i]);
		ASSERT_EQ(0, do_bind(self->servers[i], OWN(self->ips->server, SERVER + i)));
		listen(self->servers[i], 64);
	}
}

static void tear_down(struct state *self)
{
	close(self->servers[0]);
	close(self->servers[1]);
	box_close(&self->box);
}

/* All of them. */
FIXTURE(undo) {
	struct state state;
};

FIXTURE_VARIANT(undo) {
	const struct kind *kind;
};

FIXTURE_SETUP(undo)
{
	set_up(_metadata, &self->state, variant->kind);
}

FIXTURE_TEARDOWN(undo)
{
	tear_down(&self->state);
}

FIXTURE_VARIANT_ADD(undo, tcp4) { &tcp4 };
FIXTURE_VARIANT_ADD(undo, tcp6) { &tcp6 };
FIXTURE_VARIANT_ADD(undo, tcp_mapped) { &tcp_mapped };
FIXTURE_VARIANT_ADD(undo, mptcp4) { &mptcp4 };
FIXTURE_VARIANT_ADD(undo, mptcp6) { &mptcp6 };
FIXTURE_VARIANT_ADD(undo, mptcp_mapped) { &mptcp_mapped };
FIXTURE_VARIANT_ADD(undo, dccp4) { &dccp4 };
FIXTURE_VARIANT_ADD(undo, dccp6) { &dccp6 };
FIXTURE_VARIANT_ADD(undo, dccp_mapped) { &dccp_mapped };
FIXTURE_VARIANT_ADD(undo, smc4) { &smc4 };
FIXTURE_VARIANT_ADD(undo, smc6) { &smc6 };
FIXTURE_VARIANT_ADD(undo, sctp4) { &sctp4 };
FIXTURE_VARIANT_ADD(undo, sctp6) { &sctp6 };
FIXTURE_VARIANT_ADD(undo, sctp_many4) { &sctp_many4 };
FIXTURE_VARIANT_ADD(undo, sctp_many6) { &sctp_many6 };
FIXTURE_VARIANT_ADD(undo, udp4) { &udp4 };
FIXTURE_VARIANT_ADD(undo, udp6) { &udp6 };
FIXTURE_VARIANT_ADD(undo, udp_mapped) { &udp_mapped };
FIXTURE_VARIANT_ADD(undo, udp6_to_inet) { &udp6_to_inet };
FIXTURE_VARIANT_ADD(undo, udplite4) { &udplite4 };
FIXTURE_VARIANT_ADD(undo, udplite6) { &udplite6 };
FIXTURE_VARIANT_ADD(undo, udplite6_to_inet) { &udplite6_to_inet };
FIXTURE_VARIANT_ADD(undo, ping4) { &ping4 };
FIXTURE_VARIANT_ADD(undo, ping6) { &ping6 };
FIXTURE_VARIANT_ADD(undo, raw4) { &raw4 };
FIXTURE_VARIANT_ADD(undo, raw6) { &raw6 };
FIXTURE_VARIANT_ADD(undo, l2tp4) { &l2tp4 };
FIXTURE_VARIANT_ADD(undo, l2tp6) { &l2tp6 };

/* Those that bpf_bind() is for. */
FIXTURE(bound) {
	struct state state;
};

FIXTURE_VARIANT(bound) {
	const struct kind *kind;
};

FIXTURE_SETUP(bound)
{
	set_up(_metadata, &self->state, variant->kind);
}

FIXTURE_TEARDOWN(bound)
{
	tear_down(&self->state);
}

FIXTURE_VARIANT_ADD(bound, tcp4) { &tcp4 };
FIXTURE_VARIANT_ADD(bound, tcp6) { &tcp6 };
FIXTURE_VARIANT_ADD(bound, tcp_mapped) { &tcp_mapped };
FIXTURE_VARIANT_ADD(bound, mptcp4) { &mptcp4 };
FIXTURE_VARIANT_ADD(bound, mptcp6) { &mptcp6 };
FIXTURE_VARIANT_ADD(bound, mptcp_mapped) { &mptcp_mapped };
FIXTURE_VARIANT_ADD(bound, dccp4) { &dccp4 };
FIXTURE_VARIANT_ADD(bound, dccp6) { &dccp6 };
FIXTURE_VARIANT_ADD(bound, dccp_mapped) { &dccp_mapped };
FIXTURE_VARIANT_ADD(bound, smc4) { &smc4 };
FIXTURE_VARIANT_ADD(bound, smc6) { &smc6 };
FIXTURE_VARIANT_ADD(bound, udp4) { &udp4 };
FIXTURE_VARIANT_ADD(bound, udp6) { &udp6 };
FIXTURE_VARIANT_ADD(bound, udp_mapped) { &udp_mapped };
FIXTURE_VARIANT_ADD(bound, udp6_to_inet) { &udp6_to_inet };
FIXTURE_VARIANT_ADD(bound, udplite4) { &udplite4 };
FIXTURE_VARIANT_ADD(bound, udplite6) { &udplite6 };
FIXTURE_VARIANT_ADD(bound, udplite6_to_inet) { &udplite6_to_inet };
FIXTURE_VARIANT_ADD(bound, ping4) { &ping4 };
FIXTURE_VARIANT_ADD(bound, ping6) { &ping6 };

/* ... that can be bound to an address without a port, and leave a connection. */
FIXTURE(dissolved) {
	struct state state;
};

FIXTURE_VARIANT(dissolved) {
	const struct kind *kind;
};

FIXTURE_SETUP(dissolved)
{
	set_up(_metadata, &self->state, variant->kind);
}

FIXTURE_TEARDOWN(dissolved)
{
	tear_down(&self->state);
}

FIXTURE_VARIANT_ADD(dissolved, tcp4) { &tcp4 };
FIXTURE_VARIANT_ADD(dissolved, tcp6) { &tcp6 };
FIXTURE_VARIANT_ADD(dissolved, tcp_mapped) { &tcp_mapped };
FIXTURE_VARIANT_ADD(dissolved, mptcp4) { &mptcp4 };
FIXTURE_VARIANT_ADD(dissolved, mptcp6) { &mptcp6 };
FIXTURE_VARIANT_ADD(dissolved, mptcp_mapped) { &mptcp_mapped };
FIXTURE_VARIANT_ADD(dissolved, dccp4) { &dccp4 };
FIXTURE_VARIANT_ADD(dissolved, dccp6) { &dccp6 };
FIXTURE_VARIANT_ADD(dissolved, dccp_mapped) { &dccp_mapped };
FIXTURE_VARIANT_ADD(dissolved, udp4) { &udp4 };
FIXTURE_VARIANT_ADD(dissolved, udp6) { &udp6 };
FIXTURE_VARIANT_ADD(dissolved, udp_mapped) { &udp_mapped };
FIXTURE_VARIANT_ADD(dissolved, udp6_to_inet) { &udp6_to_inet };
FIXTURE_VARIANT_ADD(dissolved, udplite4) { &udplite4 };
FIXTURE_VARIANT_ADD(dissolved, udplite6) { &udplite6 };
FIXTURE_VARIANT_ADD(dissolved, udplite6_to_inet) { &udplite6_to_inet };

/* Those that connect in their own time. */
FIXTURE(late) {
	struct state state;
};

FIXTURE_VARIANT(late) {
	const struct kind *kind;
};

FIXTURE_SETUP(late)
{
	set_up(_metadata, &self->state, variant->kind);
}

FIXTURE_TEARDOWN(late)
{
	tear_down(&self->state);
}

FIXTURE_VARIANT_ADD(late, tcp4) { &tcp4 };
FIXTURE_VARIANT_ADD(late, tcp6) { &tcp6 };
FIXTURE_VARIANT_ADD(late, tcp_mapped) { &tcp_mapped };
FIXTURE_VARIANT_ADD(late, mptcp4) { &mptcp4 };
FIXTURE_VARIANT_ADD(late, mptcp6) { &mptcp6 };
FIXTURE_VARIANT_ADD(late, mptcp_mapped) { &mptcp_mapped };
FIXTURE_VARIANT_ADD(late, dccp4) { &dccp4 };
FIXTURE_VARIANT_ADD(late, dccp6) { &dccp6 };
FIXTURE_VARIANT_ADD(late, dccp_mapped) { &dccp_mapped };

/* Refuse with this errno, or allow. */
static void tell(struct box *box, enum hook which, int err)
{
	box->order[which].verdict = !err;
	box->order[which].retval = err;
}

static void bind_to(struct box *box, enum hook hook, const struct endpoint *e)
{
	struct order *order = &box->order[hook];

	box->seen[hook].bind_err = 1;
	order->bind_family = e ? e->any.sa_family : 0;
	if (!e)
		return;
	memset(order->bind_ip, 0, sizeof(order->bind_ip));
	memcpy(order->bind_ip, endpoint_ip(e), endpoint_ip_len(e));
	order->bind_port = e->in.sin_port;
	order->bind_scope = e->any.sa_family == AF_INET6 ? e->in6.sin6_scope_id : 0;
}

/* A port of the case's own, and no other for the kernel to choose. */
static int next_port(struct state *self)
{
	char range[32];

	self->port++;
	snprintf(range, sizeof(range), "%d %d", self->port, self->port);
	if (write_file("/proc/sys/net/ipv4/ip_local_port_range", range))
		return -1;
	return self->port;
}

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

/* Both addresses and the state. */
static void find_line(const char *table, int fd, char line[128])
{
	char path[64], buf[512], token[32], own[41], peer[41], state[3];
	struct stat st;
	FILE *file;

	line[0] = 0;
	if (!table || fstat(fd, &st))
		return;
	snprintf(path, sizeof(path), "/proc/net/%s", table);
	snprintf(token, sizeof(token), " %lu ", (unsigned long)st.st_ino);
	file = fopen(path, "r");
	while (file && fgets(buf, sizeof(buf), file)) {
		if (!strstr(buf, token))
			continue;
		if (sscanf(buf, "%*[^:]: %40s %40s %2s", own, peer, state) == 3)
			snprintf(line, 128, "%s %s %s", own, peer, state);
	}
	if (file)
		fclose(file);
}

static struct snapshot snap(const struct kind *kind, int fd,
			    const struct endpoint *wanted)
{
	struct snapshot s;
	int other;

	memset(&s, 0, sizeof(s));
	s.name.len = sizeof(s.name.room);
	if (getsockname(fd, &s.name.any, &s.name.len))
		s.name.len = -errno;
	s.peer.len = sizeof(s.peer.room);
	if (getpeername(fd, &s.peer.any, &s.peer.len)) {
		s.peer_err = errno;
		memset(&s.peer, 0, sizeof(s.peer));
	}
	s.device = option(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	s.mark = option(fd, SOL_SOCKET, SO_MARK);
	s.priority = option(fd, SOL_SOCKET, SO_PRIORITY);
	if (own_family(kind) == AF_INET6)
		s.v6only = option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	s.err = option(fd, SOL_SOCKET, SO_ERROR);
	find_line(kind->table, fd, s.line);
	other = NEW_SOCKET();
	s.taken = do_bind(other, *wanted);
	close(other);
	return s;
}

static void say(char text[64], const struct endpoint *e)
{
	char ip[48] = "?";

	inet_ntop(e->any.sa_family, endpoint_ip(e), ip, sizeof(ip));
	snprintf(text, 64, "%s port %d", ip, port_of(*e));
}

/* What of it is another, NULL if nothing. */
static const char *differs(const struct snapshot *a, const struct snapshot *b)
{
	const struct {
		const char *name;
		int was;
		int is;
	} numbers[] = {
		{ "errno of getpeername", a->peer_err, b->peer_err },
		{ "device", a->device, b->device },
		{ "mark", a->mark, b->mark },
		{ "priority", a->priority, b->priority },
		{ "IPV6_V6ONLY", a->v6only, b->v6only },
		{ "SO_ERROR", a->err, b->err },
		{ "bind() of another", a->taken, b->taken },
	};
	static char text[512];
	char one[64], two[64];
	int i;

	if (memcmp(&a->name, &b->name, sizeof(a->name))) {
		say(one, &a->name);
		say(two, &b->name);
		snprintf(text, sizeof(text), "name was %s, is %s", one, two);
		return text;
	}
	if (memcmp(&a->peer, &b->peer, sizeof(a->peer)))
		return "the peer is another";
	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].was != numbers[i].is) {
			snprintf(text, sizeof(text), "%s was %d, is %d", numbers[i].name,
				 numbers[i].was, numbers[i].is);
			return text;
		}
	}
	if (strcmp(a->line, b->line)) {
		snprintf(text, sizeof(text), "line was '%s', is '%s'", a->line, b->line);
		return text;
	}
	return NULL;
}

#define SAME(fd, before, wanted, format, ...)							\
	do {											\
		struct snapshot _now = snap(kind, fd, wanted);				\
		const char *_text = differs(before, &_now);					\
												\
		EXPECT_EQ(0, _now.err);								\
		EXPECT_EQ(NULL, _text) {							\
			TH_LOG(format ": %s", ##__VA_ARGS__, _text);				\
		}										\
	} while (0)

/* Where a socket comes from before the call that fails. */
enum origin {
	UNBOUND,
	NO_PORT,	/* the user bound it to an address and left the port open */
	KEPT,		/* the user bound it to an address, connected and dissolved that */
	DISSOLVED,	/* a program bound it for a connect() that was dissolved */
	DISSOLVED_PORT,	/* ... with a port */
	BOUND,		/* the user bound it to an address and a port */
	ORIGINS,
};

static const char *const origins[] = {
	"unbound", "without a port", "kept", "dissolved", "dissolved with a port", "bound",
};

static int dissolve(int fd)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	int err = do_connect(fd, unspec);

	/* a stream is reset */
	option(fd, SOL_SOCKET, SO_ERROR);
	return err;
}

/* A socket of that origin, or -1 if this kind has none. */
static int socket_from(struct state *self, const struct kind *kind,
		       enum origin origin, const char *user, const char *source)
{
	struct endpoint to = TO(self->ips->server, SERVER), from;
	int fd = NEW_SOCKET(), one = 1, zero = 0, port = next_port(self);

	switch (origin) {
	case NO_PORT:
		if (!kind->no_port ||
		    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) ||
		    do_bind(fd, OWN(user, 0)) ||
		    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &zero, sizeof(zero)))
			goto none;
		break;
	case KEPT:
		if (!kind->no_port || do_bind(fd, OWN(user, 0)) || do_connect(fd, to) ||
		    dissolve(fd))
			goto none;
		break;
	case DISSOLVED:
	case DISSOLVED_PORT:
		if (!kind->no_port)
			goto none;
		from = TO(source, origin == DISSOLVED ? 0 : port);
		bind_to(&self->box, self->connect, &from);
		if (do_connect(fd, to) || dissolve(fd))
			goto none;
		bind_to(&self->box, self->connect, NULL);
		break;
	case BOUND:
		/* SMC forgets it, on any kernel; SCTP gets no answer from ::1. */
		if (kind->family == AF_SMC || kind->protocol == IPPROTO_SCTP ||
		    do_bind(fd, OWN(user, port)))
			goto none;
		break;
	default:
		break;
	}
	if (next_port(self) > 0)
		return fd;
none:
	close(fd);
	return -1;
}

/* What bind() is called with. */
static struct endpoint bound_to(struct state *self, const struct kind *kind,
				int which)
{
	switch (which) {
	case 0:
		return OWN(self->ips->source, 0);
	case 1:
		return OWN(self->ips->source, self->port);
	default:
		return link_local(kind, self->port);
	}
}

static void refused_bind(struct __test_metadata *_metadata, struct state *self,
			 const struct kind *kind, enum hook hook)
{
	int which, fd, cases = 2 + (kind->addresses == INET6);
	struct endpoint to, wanted;
	struct snapshot before;
	enum origin origin;

	for (origin = UNBOUND; origin <= KEPT; origin++) {
		for (which = 0; which < cases; which++) {
			tell(&self->box, hook, 0);
			fd = socket_from(self, kind, origin, self->ips->user, NULL);
			if (fd < 0) {
				EXPECT_FALSE(kind->no_port);
				continue;
			}
			to = bound_to(self, kind, which);
			wanted = to;
			if (kind->ports)
				wanted.in.sin_port = htons(self->port);
			before = snap(kind, fd, &wanted);
			tell(&self->box, hook, -ENOENT);
			self->box.seen[hook].calls = 0;
			EXPECT_EQ(-ENOENT, do_bind(fd, to));
			EXPECT_EQ(1, self->box.seen[hook].calls);
			tell(&self->box, hook, 0);
			SAME(fd, &before, &wanted, "%s, %d", origins[origin], which);
			/* ... and again, with nothing of the first one in the way */
			tell(&self->box, hook, -ENOENT);
			EXPECT_EQ(-ENOENT, do_bind(fd, to));
			tell(&self->box, hook, 0);
			SAME(fd, &before, &wanted, "%s, %d, again", origins[origin], which);
			EXPECT_EQ(0, do_bind(fd, to)) {
				TH_LOG("%s, %d", origins[origin], which);
			}
			EXPECT_ENDPOINT(ip_at(to, 0), ip_at(local_of(fd), 0));
			close(fd);
		}
	}
}

static void bind_refused(struct __test_metadata *_metadata, struct state *self,
			 const struct kind *kind)
{
	/* The last one does not ask for chosen ports. */
	enum hook hooks[] = {
		self->bind, self->post_bind,
		self->post_bind == POST_BIND4 ? PLAIN_POST_BIND4 : PLAIN_POST_BIND6,
	};
	int i;

	for (i = 0; i < ARRAY_LEN(hooks); i++) {
		ASSERT_EQ(0, box_attach(&self->box, hooks[i]));
		refused_bind(_metadata, self, kind, hooks[i]);
		box_detach(&self->box, hooks[i]);
	}
}

TEST_F(undo, bind_refused)
{
	bind_refused(_metadata, &self->state, variant->kind);
}

/* What bpf_bind() is called with. */
enum source {
	NONE,
	ADDRESS,	/* without a port */
	ADDRESS_PORT,
	SCOPE,		/* a link-local address, with a port */
	SCOPE_NO_PORT,
	ABSENT,		/* an address that is not local */
	TAKEN,		/* a port that is another socket's */
	ABSENT_SCOPE,
	SOURCES,
};

static const char *const sources[] = {
	"nothing", "an address", "address and port", "link-local address and port",
	"link-local address", "foreign address", "taken port", "foreign link-local address",
};

static struct endpoint source_of(struct state *self, const struct kind *kind,
				 enum source source)
{
	struct endpoint e;

	switch (source) {
	case ADDRESS_PORT:
		return TO(self->ips->source, self->port);
	case SCOPE:
		return link_local(kind, self->port);
	case SCOPE_NO_PORT:
		return link_local(kind, 0);
	case ABSENT:
		return TO(self->ips->nowhere, 0);
	case TAKEN:
		return TO(self->ips->server, SERVER);
	case ABSENT_SCOPE:
		e = link_local(kind, 0);
		e.in6.sin6_addr.s6_addr[8] = 77;
		return e;
	default:
		return TO(self->ips->source, 0);
	}
}

static bool has_source(const struct kind *kind, enum source source)
{
	switch (source) {
	case SCOPE:
	case SCOPE_NO_PORT:
	case ABSENT_SCOPE:
		return kind->addresses == INET6;
	default:
		return true;
	}
}

/* bpf_bind() is not for SCTP, raw and L2TP sockets. */
static bool binds(const struct kind *kind)
{
	return kind->ports && kind->protocol != IPPROTO_SCTP;
}

static bool is_ping(const struct kind *kind)
{
	return kind->protocol == IPPROTO_ICMP || kind->protocol == IPPROTO_ICMPV6;
}

static bool is_stream(const struct kind *kind)
{
	return kind->type == SOCK_STREAM || kind->type == SOCK_DCCP;
}

/* How connect() fails. */
enum failure {
	REFUSED,	/* by the program */
	CLOSED,		/* nobody listens */
	NO_ROUTE,
	FAILURES,
};

static const char *const failures[] = { "refused", "nobody listens", "no route" };
static const int errnos[] = { -ENOENT, -ECONNREFUSED, -ENETUNREACH };

static bool unreachable(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EADDRNOTAVAIL;
}

static void failing_connect(struct __test_metadata *_metadata, struct state *self,
			    const struct kind *kind, enum origin origin,
			    enum source source, enum failure failure)
{
	struct endpoint from, wanted, to, there;
	/* What nobody listened to leaves DCCP's port in TIME_WAIT. */
	bool waits = kind->type == SOCK_DCCP && failure == CLOSED;
	int fd, err, round, rounds = waits ? 1 : 2;
	struct snapshot before;

	fd = socket_from(self, kind, origin, self->ips->user, self->ips->source);
	if (fd < 0) {
		EXPECT_FALSE(kind->no_port);
		return;
	}
	from = source_of(self, kind, source);
	wanted = OWN(origin == DISSOLVED ? self->ips->source : self->ips->user, self->port);
	if (source == SCOPE || source == SCOPE_NO_PORT)
		wanted = link_local(kind, self->port);
	else if (origin == UNBOUND)
		wanted = OWN(self->ips->source, self->port);
	/* A connection from the same port to the same server may still be in TIME_WAIT. */
	to = TO(self->ips->server, SERVER + 1);
	there = TO(failure == NO_ROUTE ? self->ips->nowhere : self->ips->server,
		   failure == CLOSED ? 9 : SERVER);
	if (waits)
		wanted = OWN(self->ips->source, 4999);
	before = snap(kind, fd, &wanted);
	for (round = 0; round < rounds; round++) {
		bind_to(&self->box, self->connect, source == NONE ? NULL : &from);
		if (failure == REFUSED)
			tell(&self->box, self->connect, -ENOENT);
		self->box.seen[self->connect].calls = 0;
		err = do_connect(fd, there);
		tell(&self->box, self->connect, 0);
		EXPECT_EQ(1, self->box.seen[self->connect].calls);
		if (failure == NO_ROUTE && unreachable(err))
			err = -ENETUNREACH;
		EXPECT_EQ(errnos[failure], err) {
			TH_LOG("%s, %s, %s", origins[origin], sources[source], failures[failure]);
		}
		SAME(fd, &before, &wanted, "%s, %s, %s, round %d", origins[origin],
		     sources[source], failures[failure], round);
	}
	/* It is as good as new. L2TP connects only what was bound. */
	if (waits)
		next_port(self);
	bind_to(&self->box, self->connect, NULL);
	if (kind->protocol == IPPROTO_L2TP && origin != BOUND)
		EXPECT_EQ(0, do_bind(fd, OWN(self->ips->source, self->port)));
	EXPECT_EQ(0, do_connect(fd, to)) {
		TH_LOG("%s, %s, %s", origins[origin], sources[source], failures[failure]);
	}
	close(fd);
}

/* A SYN with data is a connect() without the call of that name. */
static void failing_fast_open(struct __test_metadata *_metadata, struct state *self,
			      const struct kind *kind)
{
	struct endpoint closed = TO(self->ips->server, 9), from, wanted;
	struct snapshot before;
	enum failure failure;
	enum origin origin;
	int fd;

	for (failure = REFUSED; failure <= CLOSED; failure++) {
		for (origin = UNBOUND; origin <= KEPT; origin++) {
			fd = socket_from(self, kind, origin, self->ips->user, NULL);
			ASSERT_LE(0, fd);
			from = source_of(self, kind, ADDRESS_PORT);
			wanted = OWN(self->ips->source, self->port);
			before = snap(kind, fd, &wanted);
			bind_to(&self->box, self->connect, &from);
			if (failure == REFUSED)
				tell(&self->box, self->connect, -ENOENT);
			EXPECT_EQ(-1, sendto(fd, "data", 4, MSG_FASTOPEN | MSG_NOSIGNAL,
					     &closed.any, closed.len));
			EXPECT_EQ(errnos[failure], -errno);
			tell(&self->box, self->connect, 0);
			bind_to(&self->box, self->connect, NULL);
			SAME(fd, &before, &wanted, "%s, %s", origins[origin], failures[failure]);
			EXPECT_EQ(0, do_connect(fd, TO(self->ips->server, SERVER)));
			close(fd);
		}
	}
}

static void connect_refused(struct __test_metadata *_metadata, struct state *self,
			    const struct kind *kind)
{
	enum origin origin;
	enum source source;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (origin = 0; origin < ORIGINS; origin++)
		for (source = 0; source < SOURCES; source++)
			if (has_source(kind, source))
				failing_connect(_metadata, self, kind, origin, source,
						REFUSED);
}

TEST_F(undo, connect_refused)
{
	connect_refused(_metadata, &self->state, variant->kind);
}

static void connect_fails(struct __test_metadata *_metadata, struct state *self,
			  const struct kind *kind)
{
	enum failure failure;
	enum origin origin;
	enum source source;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (origin = 0; origin < ORIGINS; origin++) {
		for (source = ADDRESS; source <= SCOPE_NO_PORT; source++) {
			for (failure = CLOSED; failure < FAILURES; failure++) {
				if (!has_source(kind, source) ||
				    (failure == CLOSED && !is_stream(kind)))
					continue;
				/* The server is not behind the device. */
				if (failure == CLOSED && source >= SCOPE)
					continue;
				failing_connect(_metadata, self, kind, origin, source,
						failure);
			}
		}
	}
	if (kind->protocol == IPPROTO_TCP && kind->family != AF_SMC)
		failing_fast_open(_metadata, self, kind);
}

TEST_F(bound, connect_fails)
{
	connect_fails(_metadata, &self->state, variant->kind);
}

/* Where a program's address does not work, the user's is used, or the kernel's choice. */
static void bpf_bind_fails(struct __test_metadata *_metadata, struct state *self,
			   const struct kind *kind)
{
	static const int errnos[SOURCES] = {
		[ABSENT] = -EADDRNOTAVAIL, [TAKEN] = -EADDRINUSE, [ABSENT_SCOPE] = -EADDRNOTAVAIL,
	};
	struct endpoint from, want, name;
	struct snapshot before, after;
	enum origin origin;
	enum source source;
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (origin = UNBOUND; origin <= KEPT; origin++) {
		for (source = ABSENT; source < SOURCES; source++) {
			/* Ping sockets share theirs. */
			if (!has_source(kind, source) || (source == TAKEN && is_ping(kind)))
				continue;
			fd = socket_from(self, kind, origin, self->ips->user, NULL);
			if (fd < 0) {
				EXPECT_FALSE(kind->no_port);
				continue;
			}
			if (kind->protocol == IPPROTO_L2TP)
				do_bind(fd, OWN(self->ips->server, self->port));
			from = source_of(self, kind, source);
			want = OWN(origin == UNBOUND ? self->ips->server : self->ips->user, 0);
			before = snap(kind, fd, &want);
			bind_to(&self->box, self->connect, &from);
			EXPECT_EQ(0, do_connect(fd, TO(self->ips->server, SERVER)));
			EXPECT_EQ(binds(kind) ? errnos[source] : -EOPNOTSUPP,
				  self->box.seen[self->connect].bind_err) {
				TH_LOG("%s, %s", origins[origin], sources[source]);
			}
			bind_to(&self->box, self->connect, NULL);
			name = local_of(fd);
			EXPECT_ENDPOINT(ip_at(want, 0), ip_at(name, 0)) {
				TH_LOG("%s, %s", origins[origin], sources[source]);
			}
			after = snap(kind, fd, &want);
			EXPECT_EQ(before.device, after.device);
			EXPECT_EQ(before.v6only, after.v6only);
			close(fd);
		}
	}
}

TEST_F(undo, bpf_bind_fails)
{
	bpf_bind_fails(_metadata, &self->state, variant->kind);
}

/* A program that wants to bind to what does not work, and refuses if it did. */
static int load_absent(enum bpf_attach_type type, const struct endpoint *e)
{
	struct bpf_insn insns[32];
	int words = e->len / 4, n = 0, i;

	for (i = 0; i < words; i++)
		insns[n++] = BPF_ST_MEM(BPF_W, BPF_REG_10, 4 * i - 32,
					((const __s32 *)e->room)[i]);
	insns[n++] = BPF_MOV64_REG(BPF_REG_2, BPF_REG_10);
	insns[n++] = BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -32);
	insns[n++] = BPF_MOV64_IMM(BPF_REG_3, 4 * words);
	insns[n++] = BPF_EMIT_CALL(BPF_FUNC_bind);
	insns[n++] = BPF_JMP_IMM(BPF_JSLT, BPF_REG_0, 0, 2);
	insns[n++] = BPF_MOV64_IMM(BPF_REG_0, 0);
	insns[n++] = BPF_EXIT_INSN();
	insns[n++] = BPF_MOV64_IMM(BPF_REG_0, 1);
	insns[n++] = BPF_EXIT_INSN();
	return load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, insns, n);
}

/* The second of two programs fails to bind; what the first did counts, until connect() fails. */
static void second_bpf_bind_fails(struct __test_metadata *_metadata, struct state *self,
				  const struct kind *kind)
{
	enum bpf_attach_type type = kind->to_family == AF_INET ? BPF_CGROUP_INET4_CONNECT :
								    BPF_CGROUP_INET6_CONNECT;
	struct endpoint second = TO(self->ips->nowhere, 0), from, want, name, wanted;
	struct snapshot before;
	enum origin origin;
	enum source source;
	int fd, plain, err;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	plain = load_absent(type, &second);
	ASSERT_LE(0, plain);
	ASSERT_EQ(0, bpf_prog_attach(plain, self->box.cgroup, type, BPF_F_ALLOW_MULTI));
	for (origin = UNBOUND; origin <= KEPT; origin++) {
		for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
			fd = socket_from(self, kind, origin, self->ips->user, NULL);
			if (fd < 0) {
				EXPECT_FALSE(kind->no_port);
				continue;
			}
			from = source_of(self, kind, source);
			want = OWN(self->ips->source, 0);
			wanted = OWN(self->ips->source, self->port);
			before = snap(kind, fd, &wanted);
			bind_to(&self->box, self->connect, &from);
			tell(&self->box, self->connect, -ENOENT);
			EXPECT_EQ(-ENOENT, do_connect(fd, TO(self->ips->server, SERVER)));
			tell(&self->box, self->connect, 0);
			EXPECT_EQ(0, self->box.seen[self->connect].bind_err);
			SAME(fd, &before, &wanted, "%s, %s, refused", origins[origin],
			     sources[source]);
			err = do_connect(fd, TO(self->ips->nowhere, SERVER));
			EXPECT_TRUE(unreachable(err));
			SAME(fd, &before, &wanted, "%s, %s, no route", origins[origin],
			     sources[source]);
			EXPECT_EQ(0, do_connect(fd, TO(self->ips->server, SERVER)));
			name = local_of(fd);
			EXPECT_ENDPOINT(ip_at(want, 0), ip_at(name, 0));
			if (!is_ping(kind))
				EXPECT_EQ(self->port, port_of(name));
			bind_to(&self->box, self->connect, NULL);
			close(fd);
		}
	}
	bpf_prog_detach2(plain, self->box.cgroup, type);
	close(plain);
}

TEST_F(bound, second_bpf_bind_fails)
{
	second_bpf_bind_fails(_metadata, &self->state, variant->kind);
}

static void nonblocking(int fd, bool on)
{
	fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0);
}

/* What happens between a connect() that does not block and its failure. */
enum between {
	NOTHING,
	TOOK_ERROR,	/* by SO_ERROR */
	PROGRAM_LEFT,
	USER_DEVICE,	/* the user chose a device */
	BETWEENS,
};

static const char *const betweens[] = {
	"nothing", "the error was taken", "the program left",
	"the user chose a device",
};

/* A connect program binds the socket, and nobody has answered yet. */
static void start_connect(struct __test_metadata *_metadata, struct state *self, int fd,
			  const struct endpoint *from, struct endpoint to)
{
	bind_to(&self->box, self->connect, from);
	nonblocking(fd, true);
	EXPECT_EQ(-EINPROGRESS, do_connect(fd, to));
	EXPECT_EQ(0, self->box.seen[self->connect].bind_err);
	bind_to(&self->box, self->connect, NULL);
}

/* The connection fails, and the user takes the error. */
static void fail_later(struct __test_metadata *_metadata, struct state *self, int fd,
		       const struct endpoint *from, struct endpoint closed)
{
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	start_connect(_metadata, self, fd, from, closed);
	EXPECT_EQ(1, poll(&poller, 1, 2000));
	EXPECT_EQ(ECONNREFUSED, option(fd, SOL_SOCKET, SO_ERROR));
}

static void connect_fails_later(struct __test_metadata *_metadata, struct state *self,
				const struct kind *kind)
{
	struct endpoint closed = TO(self->ips->server, 9), from, wanted, want, name;
	struct pollfd poller = { .events = POLLOUT };
	bool dccp = kind->type == SOCK_DCCP;
	struct snapshot before;
	enum between between;
	enum origin origin;
	enum source source;
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (between = NOTHING; between < BETWEENS; between++) {
		for (origin = 0; origin < ORIGINS; origin++) {
			for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
				/* whose port would not be the program's to choose */
				if (origin >= DISSOLVED_PORT)
					continue;
				fd = socket_from(self, kind, origin, self->ips->user,
						 self->ips->source);
				ASSERT_LE(0, fd);
				from = source_of(self, kind, source);
				want = OWN(self->ips->source, 0);
				/* DCCP's port is in TIME_WAIT. */
				wanted = OWN(self->ips->source, dccp ? 4999 : self->port);
				before = snap(kind, fd, &wanted);
				start_connect(_metadata, self, fd, &from, closed);
				if (between == PROGRAM_LEFT)
					box_detach(&self->box, self->connect);
				/* What the user does meanwhile is not to be taken back. */
				if (between == USER_DEVICE) {
					before.device = if_nametoindex("lo");
					EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX,
								&before.device, sizeof(int)));
				}
				poller.fd = fd;
				EXPECT_EQ(1, poll(&poller, 1, 2000));
				/* As on any kernel, it is called as it was for that attempt. */
				name = local_of(fd);
				if (kind->protocol != IPPROTO_MPTCP)
					EXPECT_ENDPOINT(ip_at(want, 0), ip_at(name, 0));
				if (between == TOOK_ERROR)
					EXPECT_EQ(ECONNREFUSED, option(fd, SOL_SOCKET, SO_ERROR));
				EXPECT_EQ(between == TOOK_ERROR ? -ECONNABORTED : -ECONNREFUSED,
					  do_connect(fd, closed));
				SAME(fd, &before, &wanted, "%s, %s, %s", origins[origin],
				     sources[source], betweens[between]);
				if (between == PROGRAM_LEFT)
					ASSERT_EQ(0, box_attach(&self->box, self->connect));
				nonblocking(fd, false);
				if (dccp)
					next_port(self);
				EXPECT_EQ(0, do_connect(fd, TO(self->ips->server, SERVER + 1)));
				close(fd);
			}
		}
	}
}

TEST_F(late, connect_fails_later)
{
	connect_fails_later(_metadata, &self->state, variant->kind);
}

/* Nobody answers, and the user does not wait. */
static void shutdown_while_connecting(struct __test_metadata *_metadata, struct state *self,
				      const struct kind *kind)
{
	struct endpoint to = TO(self->ips->black_hole, 4000), from, wanted;
	struct snapshot before;
	enum between between;
	enum origin origin;
	enum source source;
	int fd;

	if (kind->addresses != INET6)
		ASSERT_EQ(0, new_device());
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (between = NOTHING; between <= PROGRAM_LEFT; between += PROGRAM_LEFT) {
		for (origin = UNBOUND; origin <= NO_PORT; origin++) {
			for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
				fd = socket_from(self, kind, origin, self->ips->device_user,
						 NULL);
				ASSERT_LE(0, fd);
				from = TO(self->ips->device_source,
					  source == ADDRESS ? 0 : self->port);
				wanted = OWN(self->ips->device_source, self->port);
				before = snap(kind, fd, &wanted);
				start_connect(_metadata, self, fd, &from, to);
				if (between == PROGRAM_LEFT)
					box_detach(&self->box, self->connect);
				EXPECT_EQ(-EALREADY, do_connect(fd, to));
				EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
				/* a reset of its own */
				option(fd, SOL_SOCKET, SO_ERROR);
				SAME(fd, &before, &wanted, "%s, %s, %s", origins[origin],
				     sources[source], betweens[between]);
				if (between == PROGRAM_LEFT)
					ASSERT_EQ(0, box_attach(&self->box, self->connect));
				close(fd);
			}
		}
	}
}

TEST_F(late, shutdown_while_connecting)
{
	shutdown_while_connecting(_metadata, &self->state, variant->kind);
}

/* The failure came, and the user has not asked for it. */
static void shutdown_after_a_failure(struct __test_metadata *_metadata, struct state *self,
				     const struct kind *kind)
{
	struct endpoint closed = TO(self->ips->server, 9), from, wanted;
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct pollfd poller = { .events = POLLOUT };
	struct snapshot before;
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	fd = socket_from(self, kind, UNBOUND, self->ips->user, self->ips->source);
	ASSERT_LE(0, fd);
	from = source_of(self, kind, ADDRESS);
	/* DCCP's port is in TIME_WAIT. */
	wanted = OWN(self->ips->source, kind->type == SOCK_DCCP ? 4999 : self->port);
	before = snap(kind, fd, &wanted);
	start_connect(_metadata, self, fd, &from, closed);
	poller.fd = fd;
	EXPECT_EQ(1, poll(&poller, 1, 2000));
	shutdown(fd, SHUT_RDWR);
	/* MPTCP is shut down by a worker, and keeps the name until it is dissolved. */
	if (kind->protocol == IPPROTO_MPTCP)
		EXPECT_EQ(0, do_connect(fd, unspec));
	option(fd, SOL_SOCKET, SO_ERROR);
	SAME(fd, &before, &wanted, "shutdown()");
	close(fd);
}

TEST_F(late, shutdown_after_a_failure)
{
	shutdown_after_a_failure(_metadata, &self->state, variant->kind);
}

/* What the user binds after the failure is not to be taken back. */
static void bind_after_a_failure(struct __test_metadata *_metadata, struct state *self,
				 const struct kind *kind)
{
	struct endpoint closed = TO(self->ips->server, 9), from, want, name;
	int fd, call;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (call = 0; call < 2; call++) {
		fd = NEW_SOCKET();
		ASSERT_LE(0, fd);
		from = source_of(self, kind, ADDRESS);
		fail_later(_metadata, self, fd, &from, closed);
		want = OWN(self->ips->user, 4998 - call);
		EXPECT_EQ(0, do_bind(fd, want));
		if (call)
			shutdown(fd, SHUT_RDWR);
		else
			EXPECT_GT(0, do_connect(fd, closed));
		name = local_of(fd);
		EXPECT_ENDPOINT(want, name) {
			TH_LOG("%s", call ? "shutdown()" : "connect()");
		}
		close(fd);
	}
}

TEST_F(late, bind_after_a_failure)
{
	bind_after_a_failure(_metadata, &self->state, variant->kind);
}

/* A bind() that fails after that leaves the socket as it was before the connect(). */
static void bind_fails_after_a_failure(struct __test_metadata *_metadata, struct state *self,
				       const struct kind *kind)
{
	struct endpoint closed = TO(self->ips->server, 9), to = OWN(self->ips->user, 4997);
	struct endpoint from, wanted;
	struct snapshot before;
	enum source source;
	int fd, other, refused;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	ASSERT_EQ(0, box_attach(&self->box, self->post_bind));
	for (refused = 0; refused < 2; refused++) {
		for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
			fd = socket_from(self, kind, UNBOUND, self->ips->user, self->ips->source);
			ASSERT_LE(0, fd);
			from = source_of(self, kind, source);
			wanted = OWN(self->ips->source, kind->type == SOCK_DCCP ? 4999 :
								    self->port);
			before = snap(kind, fd, &wanted);
			fail_later(_metadata, self, fd, &from, closed);
			other = NEW_SOCKET();
			if (refused)
				tell(&self->box, self->post_bind, -EACCES);
			else
				EXPECT_EQ(0, do_bind(other, to));
			EXPECT_EQ(refused ? -EACCES : -EADDRINUSE, do_bind(fd, to));
			tell(&self->box, self->post_bind, 0);
			SAME(fd, &before, &wanted, "%s, %s", refused ? "refused" : "in use",
			     sources[source]);
			if (refused)
				EXPECT_EQ(0, do_bind(other, to));
			close(other);
			close(fd);
			if (kind->type == SOCK_DCCP)
				next_port(self);
		}
	}
}

TEST_F(late, bind_fails_after_a_failure)
{
	bind_fails_after_a_failure(_metadata, &self->state, variant->kind);
}

/* Nor is what the user then says about IPv4 taken back. */
static void v6only_after_a_failure(struct __test_metadata *_metadata, struct state *self,
				   const struct kind *kind)
{
	int v6 = kind->family == AF_INET6, fd;
	struct endpoint closed = TO(self->ips->server, 9), from;
	struct endpoint any = endpoint(kind->family, v6 ? "::" : "0.0.0.0", 4996);
	enum source source;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
		fd = NEW_SOCKET();
		ASSERT_LE(0, fd);
		from = source_of(self, kind, source);
		fail_later(_metadata, self, fd, &from, closed);
		EXPECT_EQ(v6 ? 0 : -1, setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &(int){ 1 },
						  sizeof(int)));
		if (v6)
			EXPECT_ENDPOINT(endpoint(AF_INET6, "::", 0), local_of(fd));
		EXPECT_EQ(0, do_bind(fd, any));
		if (v6)
			EXPECT_EQ(1, option(fd, SOL_IPV6, IPV6_V6ONLY));
		close(fd);
		if (kind->type == SOCK_DCCP)
			next_port(self);
	}
}

TEST_F(late, v6only_after_a_failure)
{
	v6only_after_a_failure(_metadata, &self->state, variant->kind);
}

/* A connection that was established did not fail, whoever ends it. */
static void end_of_a_connection(struct __test_metadata *_metadata, struct state *self,
				const struct kind *kind)
{
	struct linger reset = { 1, 0 };
	struct endpoint from, want, name;
	struct pollfd poller = {};
	int fd, peer, blocks;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (blocks = 0; blocks < 2; blocks++) {
		fd = NEW_SOCKET();
		ASSERT_LE(0, fd);
		from = source_of(self, kind, ADDRESS);
		bind_to(&self->box, self->connect, &from);
		nonblocking(fd, !blocks);
		EXPECT_EQ(blocks ? 0 : -EINPROGRESS,
			  do_connect(fd, TO(self->ips->server, SERVER)));
		EXPECT_EQ(0, self->box.seen[self->connect].bind_err);
		bind_to(&self->box, self->connect, NULL);
		peer = accept(self->servers[0], NULL, NULL);
		ASSERT_LE(0, peer);
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(peer);
		poller.fd = fd;
		poller.events = POLLRDHUP;
		EXPECT_EQ(1, poll(&poller, 1, 2000));
		want = local_of(fd);
		shutdown(fd, SHUT_RDWR);
		name = local_of(fd);
		EXPECT_ENDPOINT(want, name) {
			TH_LOG("%s", blocks ? "blocking" : "non-blocking");
		}
		close(fd);
	}
}

TEST_F(late, end_of_a_connection)
{
	end_of_a_connection(_metadata, &self->state, variant->kind);
}

/* What a connect() left stays, whatever becomes of a later one and of the program. */
static void later_failure_takes_nothing_back(struct __test_metadata *_metadata, struct state *self,
					     const struct kind *kind)
{
	struct endpoint there = TO(is_stream(kind) ? self->ips->server : self->ips->nowhere, 9);
	struct endpoint wanted, want, name;
	struct snapshot before;
	enum origin origin;
	int fd, user, left;

	for (left = 0; left < 2; left++) {
		for (origin = KEPT; origin < ORIGINS; origin++) {
			for (user = 0; user < 2; user++) {
				ASSERT_EQ(0, box_attach(&self->box, self->connect));
				fd = socket_from(self, kind, origin, self->ips->user,
						 self->ips->source);
				ASSERT_LE(0, fd);
				if (user && origin < DISSOLVED_PORT)
					EXPECT_EQ(0, do_bind(fd, OWN(self->ips->user,
								     self->port)));
				if (left)
					box_detach(&self->box, self->connect);
				wanted = OWN(self->ips->user, self->port);
				if (!user && origin < DISSOLVED_PORT) {
					/* The kernel chooses a port, as without a program. */
					want = local_of(fd);
					EXPECT_GT(0, do_connect(fd, there));
					name = local_of(fd);
					EXPECT_ENDPOINT(ip_at(want, 0), ip_at(name, 0));
				} else {
					/* DCCP's port is in TIME_WAIT. */
					if (kind->type == SOCK_DCCP)
						wanted = OWN(self->ips->user, 4999);
					before = snap(kind, fd, &wanted);
					EXPECT_GT(0, do_connect(fd, there));
					SAME(fd, &before, &wanted, "%s, %d, %d",
					     origins[origin], user, left);
				}
				if (!left)
					box_detach(&self->box, self->connect);
				close(fd);
			}
		}
	}
}

TEST_F(dissolved, later_failure_takes_nothing_back)
{
	later_failure_takes_nothing_back(_metadata, &self->state, variant->kind);
}

static void bpf_bind_survives(struct __test_metadata *_metadata, struct state *self,
			      const struct kind *kind)
{
	struct endpoint from, want, name;
	enum source source;
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (source = ADDRESS; source <= ADDRESS_PORT; source++) {
		fd = NEW_SOCKET();
		next_port(self);
		from = source_of(self, kind, source);
		want = OWN(self->ips->source, self->port);
		bind_to(&self->box, self->connect, &from);
		EXPECT_EQ(0, do_connect(fd, TO(self->ips->server, SERVER)));
		name = local_of(fd);
		EXPECT_ENDPOINT(want, name);
		EXPECT_EQ(0, dissolve(fd));
		name = local_of(fd);
		if (source == ADDRESS && kind->type == SOCK_DGRAM)
			want.in.sin_port = 0;
		/* MPTCP calls itself what its subflow was called, and forgets it with that. */
		if (kind->protocol != IPPROTO_MPTCP)
			EXPECT_ENDPOINT(want, name);
		close(fd);
	}
}

TEST_F(dissolved, bpf_bind_survives)
{
	bpf_bind_survives(_metadata, &self->state, variant->kind);
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
		/* a control message */
		data[0] = 0xc8;
		break;
	}
	return sendto(fd, data, sizeof(data), 0, to ? &to->any : NULL, to ? to->len : 0) < 0 ?
	       -errno : 0;
}

static void send_refused(struct __test_metadata *_metadata, struct state *self,
			 const struct kind *kind)
{
	struct endpoint to = TO(self->ips->server, SERVER), wanted;
	struct snapshot before;
	enum origin origin;
	int fd;

	ASSERT_EQ(0, box_attach(&self->box, self->sendmsg));
	for (origin = UNBOUND; origin <= KEPT; origin++) {
		fd = socket_from(self, kind, origin, self->ips->user, NULL);
		if (fd < 0) {
			EXPECT_FALSE(kind->no_port);
			continue;
		}
		wanted = OWN(self->ips->user, self->port);
		before = snap(kind, fd, &wanted);
		tell(&self->box, self->sendmsg, -ENOENT);
		EXPECT_EQ(-ENOENT, message(fd, kind->protocol, &to));
		tell(&self->box, self->sendmsg, 0);
		SAME(fd, &before, &wanted, "%s", origins[origin]);
		EXPECT_EQ(0, message(fd, kind->protocol, &to));
		close(fd);
	}
}

/* Calls that make the kernel choose a port. */
enum call {
	LISTEN,
	CONNECT,
	CONNECT_BOUND,	/* by bpf_bind() to an address */
	SEND,
	CALLS,
};

static const char *const calls[] = { "listen", "connect", "connect and bpf_bind", "send" };

static bool has_call(const struct kind *kind, enum call call)
{
	switch (call) {
	case LISTEN:
		return kind->type != SOCK_DGRAM && kind->type != SOCK_RAW;
	case CONNECT_BOUND:
		return binds(kind);
	case SEND:
		return kind->sends;
	default:
		return true;
	}
}

static void chosen_port_refused(struct __test_metadata *_metadata, struct state *self,
				const struct kind *kind)
{
	struct endpoint to = TO(self->ips->server, SERVER), from, wanted;
	struct snapshot before;
	enum origin origin;
	enum call call;
	int fd, round, err;

	ASSERT_EQ(0, box_attach(&self->box, self->post_bind));
	ASSERT_EQ(0, box_attach(&self->box, self->connect));
	for (origin = UNBOUND; origin <= KEPT; origin++) {
		for (call = 0; call < CALLS; call++) {
			if (!has_call(kind, call))
				continue;
			fd = socket_from(self, kind, origin, self->ips->user, NULL);
			if (fd < 0) {
				EXPECT_FALSE(kind->no_port);
				continue;
			}
			wanted = OWN(call == CONNECT_BOUND ? self->ips->source : self->ips->user,
				     self->port);
			before = snap(kind, fd, &wanted);
			from = source_of(self, kind, ADDRESS);
			bind_to(&self->box, self->connect, call == CONNECT_BOUND ? &from : NULL);
			/* twice refused, then allowed */
			for (round = 0; round < 3; round++) {
				tell(&self->box, self->post_bind, round < 2 ? -ENOENT : 0);
				self->box.seen[self->post_bind].calls = 0;
				if (call == LISTEN)
					err = listen(fd, 1) ? -errno : 0;
				else if (call == SEND)
					err = message(fd, kind->protocol, &to);
				else
					err = do_connect(fd, to);
				tell(&self->box, self->post_bind, 0);
				EXPECT_EQ(round < 2 ? -ENOENT : 0, err) {
					TH_LOG("%s, %s, round %d", origins[origin], calls[call],
					       round);
				}
				EXPECT_EQ(1, self->box.seen[self->post_bind].calls);
				if (!is_ping(kind))
					EXPECT_EQ(self->port,
						  self->box.seen[self->post_bind].port);
				if (round < 2)
					SAME(fd, &before, &wanted, "%s, %s, round %d",
					     origins[origin], calls[call], round);
			}
			bind_to(&self->box, self->connect, NULL);
			close(fd);
		}
	}
}

TEST_F(undo, call_refused)
{
	if (variant->kind->sends)
		send_refused(_metadata, &self->state, variant->kind);
	if (variant->kind->ports)
		chosen_port_refused(_metadata, &self->state, variant->kind);
}

/* Two threads connect one socket, one of them in vain. */
struct race {
	int fd;
	struct endpoint to[2];
	atomic_int round;
	atomic_int done;
	atomic_bool over;
};

static void *connect_in_vain(void *data)
{
	struct race *race = data;
	int round = 0;

	while (!race->over) {
		if (race->round == round) {
			sched_yield();
			continue;
		}
		round = race->round;
		do_connect(race->fd, race->to[1]);
		race->done = round;
	}
	return NULL;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST(connected_sockets_send_from_a_port)
{
	struct endpoint from = endpoint(AF_INET, "127.0.0.9", 0), sender;
	struct race race = {};
	int s, rounds = 0, zero = 0, lost = 0;
	pthread_t thread;
	struct box box;
	char data[8];
	long end;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT4));
	bind_to(&box, CONNECT4, &from);
	s = server(AF_INET, SOCK_DGRAM, "127.0.0.1", 4000);
	ASSERT_LE(0, s);
	race.to[0] = local_of(s);
	race.to[1] = endpoint(AF_INET, "192.0.2.1", 9);
	ASSERT_EQ(0, pthread_create(&thread, NULL, connect_in_vain, &race));
	for (end = milliseconds() + 2000; milliseconds() < end; rounds++) {
		race.fd = socket(AF_INET, SOCK_DGRAM, 0);
		race.round++;
		if (do_connect(race.fd, race.to[0]))
			lost++;
		while (race.done != race.round)
			sched_yield();
		if (port_of(peer_of(race.fd))) {
			ASSERT_EQ(4, send(race.fd, "data", 4, 0));
			sender.len = sizeof(sender.in6);
			ASSERT_EQ(4, recvfrom(s, data, sizeof(data), MSG_DONTWAIT, &sender.any,
					      &sender.len));
			zero += !port_of(sender);
		}
		close(race.fd);
	}
	race.over = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, zero) {
		TH_LOG("%d of %d came from port 0", zero, rounds);
	}
	EXPECT_LT(lost, rounds);
	close(s);
	box_close(&box);
}

/* S3: no port is 0, and not the number of the protocol. */
TEST(no_port_is_zero)
{
	static const struct { int family, type, protocol; } kinds[] = {
		{ AF_INET, SOCK_RAW, IPPROTO_TRIAL },
		{ AF_INET6, SOCK_RAW, IPPROTO_TRIAL },
		{ AF_INET, SOCK_DGRAM, IPPROTO_L2TP },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_L2TP },
	};
	struct endpoint own;
	struct box box;
	int fd, i, plain;
	enum hook hook;

	ASSERT_EQ(0, box_open(&box));
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		for (plain = 0; plain < 2; plain++) {
			hook = kinds[i].family == AF_INET ?
			       (plain ? PLAIN_POST_BIND4 : POST_BIND4) :
			       (plain ? PLAIN_POST_BIND6 : POST_BIND6);
			ASSERT_EQ(0, box_attach(&box, hook));
			box.seen[hook].port = 1;
			box.seen[hook].calls = 0;
			fd = make(kinds[i].family, kinds[i].type, kinds[i].protocol);
			ASSERT_LE(0, fd);
			own = endpoint(kinds[i].family,
				       kinds[i].family == AF_INET ? "127.0.0.9" : "fd00::9", 0);
			if (kinds[i].protocol == IPPROTO_L2TP) {
				own.room[kinds[i].family == AF_INET ? 11 : 31] = 1;
				own.len = kinds[i].family == AF_INET ? 16 : 32;
			}
			EXPECT_EQ(0, do_bind(fd, own));
			EXPECT_EQ(1, box.seen[hook].calls);
			EXPECT_EQ(0, box.seen[hook].port) {
				TH_LOG("kind %d", i);
			}
			box_detach(&box, hook);
			close(fd);
		}
	}
	box_close(&box);
}

/* What an INET_SOCK_RELEASE program saw of the last peer. */
struct last {
	__u32 calls;
	__u32 port;		/* network order, in the lower half */
	__u32 ip4;
	__u32 ip6[4];
};

static int load_release(int map)
{
	struct bpf_insn insns[] = {
		BPF_LD_MAP_VALUE(BPF_REG_2, map, 0),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_2, offsetof(struct last, calls)),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, 1),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, calls)),
		BPF_LDX_MEM(BPF_H, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_port)),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, port)),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_ip4)),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, ip4)),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_ip6[0])),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, ip6[0])),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_ip6[1])),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, ip6[1])),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_ip6[2])),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, ip6[2])),
		BPF_LDX_MEM(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sock, dst_ip6[3])),
		BPF_STX_MEM(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct last, ip6[3])),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};

	return load_insns(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_RELEASE, insns,
			  ARRAY_LEN(insns));
}

/* Abort what is connected from @own to @to, as "ss -K" does. */
static int destroy(int family, int type, int protocol, const struct endpoint *own,
		   const struct endpoint *to)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header.nlmsg_len = sizeof(message),
		.header.nlmsg_type = SOCK_DESTROY,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.request.sdiag_family = family,
		.request.sdiag_protocol = type == SOCK_RAW ? IPPROTO_RAW : protocol,
		.request.pad = type == SOCK_RAW ? protocol : 0,
		.request.idiag_states = -1,
		.request.id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char room[256];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), err = -EIO;

	message.request.id.idiag_sport = type == SOCK_RAW ? 0 : own->in.sin_port;
	message.request.id.idiag_dport = type == SOCK_RAW ? 0 : to->in.sin_port;
	memcpy(message.request.id.idiag_src, endpoint_ip(own), endpoint_ip_len(own));
	memcpy(message.request.id.idiag_dst, endpoint_ip(to), endpoint_ip_len(to));
	if (send(fd, &message, sizeof(message), 0) == sizeof(message) &&
	    recv(fd, &answer, sizeof(answer), 0) > 0 && answer.header.nlmsg_type == NLMSG_ERROR)
		err = answer.error.error;
	close(fd);
	return err;
}

FIXTURE(last_peer) {
	struct box box;
	int map;
	int program;
	int fd;
	struct endpoint own;
	struct endpoint to;
};

FIXTURE_VARIANT(last_peer) {
	int family;
	int type;
	int protocol;
};

FIXTURE_VARIANT_ADD(last_peer, udp4) { AF_INET, SOCK_DGRAM, IPPROTO_UDP };
FIXTURE_VARIANT_ADD(last_peer, udp6) { AF_INET6, SOCK_DGRAM, IPPROTO_UDP };
FIXTURE_VARIANT_ADD(last_peer, raw4) { AF_INET, SOCK_RAW, IPPROTO_TRIAL };
FIXTURE_VARIANT_ADD(last_peer, raw6) { AF_INET6, SOCK_RAW, IPPROTO_TRIAL };

FIXTURE_SETUP(last_peer)
{
	bool inet = variant->family == AF_INET;

	ASSERT_EQ(0, box_open(&self->box));
	self->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "last", 4, sizeof(struct last), 1, NULL);
	ASSERT_LE(0, self->map);
	self->program = load_release(self->map);
	ASSERT_LE(0, self->program);
	self->fd = make(variant->family, variant->type, variant->protocol);
	ASSERT_LE(0, self->fd);
	self->own = endpoint(variant->family, inet ? "127.0.0.9" : "fd00::9",
			     variant->type == SOCK_RAW ? 0 : 4321);
	self->to = endpoint(variant->family, inet ? "127.0.0.1" : "::1", 4000);
	ASSERT_EQ(0, do_bind(self->fd, self->own));
	ASSERT_EQ(0, do_connect(self->fd, self->to));
	ASSERT_EQ(0, bpf_prog_attach(self->program, self->box.cgroup,
				     BPF_CGROUP_INET_SOCK_RELEASE, BPF_F_ALLOW_MULTI));
}

FIXTURE_TEARDOWN(last_peer)
{
	bpf_prog_detach2(self->program, self->box.cgroup, BPF_CGROUP_INET_SOCK_RELEASE);
	close(self->program);
	close(self->map);
	box_close(&self->box);
}

/* Close the socket; what did the program see? */
static struct last released(int map, int fd)
{
	struct last last = {};
	__u32 zero = 0;

	bpf_map_update_elem(map, &zero, &last, 0);
	close(fd);
	bpf_map_lookup_elem(map, &zero, &last);
	return last;
}

static struct endpoint peer_in(const struct last *last, int family)
{
	struct endpoint e = endpoint(family, "", ntohs(last->port));

	memcpy((void *)endpoint_ip(&e), family == AF_INET ? &last->ip4 : last->ip6,
	       endpoint_ip_len(&e));
	return e;
}

#define DESTROY()										\
	do {											\
		int _err = destroy(variant->family, variant->type, variant->protocol,		\
				   &self->own, &self->to);					\
		struct endpoint _peer = { .len = sizeof(_peer.in6) };				\
												\
		ASSERT_EQ(0, _err);	/* needs CONFIG_INET_DIAG_DESTROY */			\
		EXPECT_EQ(ECONNABORTED, option(self->fd, SOL_SOCKET, SO_ERROR));		\
		EXPECT_EQ(-1, getpeername(self->fd, &_peer.any, &_peer.len));			\
		EXPECT_EQ(ENOTCONN, errno);							\
	} while (0)

/* The release programs see the peer that the socket had last. */
TEST_F(last_peer, of_an_aborted_socket)
{
	struct last last;
	int i;

	/* Once more changes nothing; a raw one cannot be found without its peer. */
	for (i = 0; i < (variant->type == SOCK_DGRAM ? 2 : 1); i++)
		DESTROY();
	last = released(self->map, self->fd);
	EXPECT_EQ(1, last.calls);
	EXPECT_ENDPOINT(self->to, peer_in(&last, self->to.any.sa_family));
}

TEST_F(last_peer, of_a_connected_socket)
{
	struct last last = released(self->map, self->fd);

	EXPECT_EQ(1, last.calls);
	EXPECT_ENDPOINT(self->to, peer_in(&last, self->to.any.sa_family));
}

/* ... but of one that the user took leave of, none. */
TEST_F(last_peer, of_a_dissolved_one)
{
	struct endpoint none = endpoint(AF_INET, "0.0.0.0", 0);
	struct last last;

	ASSERT_EQ(0, dissolve(self->fd));
	last = released(self->map, self->fd);
	EXPECT_EQ(1, last.calls);
	EXPECT_EQ(0, last.port);
	if (variant->family == AF_INET)
		EXPECT_EQ(1, last.calls);
		EXPECT_ENDPOINT(none, peer_in(&last, none.any.sa_family));
}

TEST_F(last_peer, of_one_that_was_aborted_and_dissolved)
{
	struct last last;

	DESTROY();
	ASSERT_EQ(0, do_connect(self->fd, self->to));
	ASSERT_EQ(0, dissolve(self->fd));
	last = released(self->map, self->fd);
	EXPECT_EQ(1, last.calls);
	EXPECT_EQ(0, last.port);
	EXPECT_EQ(0, last.ip4);
}

/* The one that counts is the last one. */
TEST_F(last_peer, of_one_that_was_aborted_and_connected)
{
	struct last last;

	DESTROY();
	self->to = endpoint(variant->family, variant->family == AF_INET ? "127.0.0.2" : "fd00::2",
			    4001);
	ASSERT_EQ(0, do_connect(self->fd, self->to));
	last = released(self->map, self->fd);
	EXPECT_EQ(1, last.calls);
	EXPECT_ENDPOINT(self->to, peer_in(&last, self->to.any.sa_family));
}

TEST_HARNESS_MAIN
