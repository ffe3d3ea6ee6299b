// SPDX-License-Identifier: GPL-2.0
/*
 * The paths by which an address or a port gets into the kernel or out of it: for each kind of
 * socket and each call, does the program run that should, with what the caller gave, and is it
 * obeyed? One test for each kind, call, hook and deed of the program; "make coverage" makes a
 * table of them.
 *
 * usage: coverage [KIND...]
 * Leaves out the kinds whose names begin so, for kernels that do not have them.
 */
#include "ring.h"

#include <linux/sctp.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "../../kselftest.h"
#include "box.h"

/* Not in the headers of every distribution. */
#ifndef AF_SMC
#define AF_SMC 43
#endif
#define IPPROTO_SMC	256
#define IPPROTO_TRIAL	253	/* for experiments */
#define SOL_DCCP	269

#define MARK		7
/* Sockets without ports have this in their addresses; raw IPv6 takes only its protocol there. */
#define NO_PORT		IPPROTO_TRIAL
/* The connections of L2TP: of a client and of a server. */
#define CLIENT_ID	1
#define SERVER_ID	2

/* How a socket is used: its family, that of the addresses, and some of them. */
static const struct style {
	const char *name;
	int family;
	int to_family;
	const char *to[2];	/* where servers are */
	const char *own[2];
	const struct style *servers;
} v4 = {
	"4", AF_INET, AF_INET, { "127.0.0.1", "127.0.0.2" }, { "127.0.0.3", "127.0.0.4" }, &v4
}, v6 = {
	"6", AF_INET6, AF_INET6, { "fd00::2", "::1" }, { "fd00::9", "::1" }, &v6
}, mapped = {
	"6-mapped", AF_INET6, AF_INET6, { "::ffff:127.0.0.1", "::ffff:127.0.0.2" },
	{ "::ffff:127.0.0.3", "::ffff:127.0.0.4" }, &v4
}, inet = {
	"6-inet", AF_INET6, AF_INET, { "127.0.0.1", "127.0.0.2" }, { "127.0.0.3", "127.0.0.4" }, &v4
};

/* What a socket can do. */
#define BINDS		0x001
#define PORTS		0x002
#define LISTENS		0x004
#define ACCEPTS		0x008
#define RECONNECTS	0x010
#define FAST_OPEN	0x020
#define SENDS		0x040	/* messages with an address */
#define LOOKS_UP	0x080	/* a new route, for a control message */
#define ASSOCIATES	0x100
#define PEELS_OFF	0x200	/* an association into a socket of its own */
#define HAS_PEER	0x400
/* Follow from the style. Calls without an address need not be made in each. */
#define PLAIN		0x800
#define OVER_IPV4	0x1000	/* but of AF_INET6 */

#define STREAM		(BINDS | PORTS | LISTENS | ACCEPTS | HAS_PEER)
#define DATAGRAM	(BINDS | RECONNECTS | SENDS | HAS_PEER)
#define TCP		(STREAM | FAST_OPEN)
#define UDP		(DATAGRAM | PORTS | LOOKS_UP)
#define SCTP		(BINDS | PORTS | LISTENS | SENDS | ASSOCIATES)

static const struct kind {
	const char *name;
	int type;
	int protocol;
	int can;
	const struct style *styles[4];
	bool inner;	/* TCP is below, and programs may see that socket */
} kinds[] = {
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, TCP, { &v4, &v6, &mapped } },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP, { &v4, &v6, &mapped } },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP & ~BINDS, { &inet } },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, UDP, { &v4, &v6, &mapped } },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, UDP & ~BINDS, { &inet } },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMP, DATAGRAM | PORTS, { &v4 } },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMPV6, DATAGRAM | PORTS, { &v6 } },
	{ "raw", SOCK_RAW, IPPROTO_TRIAL, DATAGRAM, { &v4, &v6 } },
	{ "raw", SOCK_RAW, IPPROTO_TRIAL, RECONNECTS | HAS_PEER, { &mapped } },
	{ "l2tp", SOCK_DGRAM, IPPROTO_L2TP, DATAGRAM, { &v4, &v6 } },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, SCTP | STREAM, { &v4, &v6, &mapped, &inet } },
	{ "sctp-many", SOCK_SEQPACKET, IPPROTO_SCTP, SCTP | PEELS_OFF,
	  { &v4, &v6, &mapped, &inet } },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, TCP, { &v4, &v6, &mapped }, true },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, STREAM, { &v4, &v6, &mapped } },
	{ "smc", SOCK_STREAM, IPPROTO_SMC, TCP, { &v4, &v6, &mapped }, true },
	{ "af-smc", SOCK_STREAM, 0, TCP, { &v4, &v6, &mapped }, true },
};

/* What a program does. */
enum deed { COUNT, REFUSE, REWRITE, DEEDS };
static const char *const deeds[] = { "count", "refuse", "rewrite" };

struct trial {
	const struct kind *kind;
	const struct style *style;
	const struct call *call;
	enum hook hook;
	int fd;			/* the client's, which the programs watch */
	int branch;		/* a socket that came from that one, or from a server's */
	int servers[2];
	struct endpoint to[2];	/* what the client asks for, and what a program chooses */
	struct endpoint own[2];
	struct endpoint answer;	/* the name that a call returned */
	struct seen saw;
};

static struct box box;
static struct ring ring;

/* AF_SMC calls the family below a protocol. */
static int domain_of(const struct kind *k, const struct style *style)
{
	return k->protocol ? style->family : AF_SMC;
}

static int protocol_of(const struct kind *k, const struct style *style)
{
	return k->protocol ?: style->family == AF_INET6;
}

/* No call on it waits for ever, and nothing stays when it is closed. */
static void set_options(const struct kind *k, int fd)
{
	struct timeval seconds = { 2, 0 };
	struct linger now = { 1, 0 };
	int service = 1;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	/* DCCP: the service; nothing connects without */
	if (k->type == SOCK_DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
}

static bool is_ping(const struct kind *k)
{
	return k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6;
}

static struct endpoint address(const struct kind *k, int family, const char *ip, int port, int id)
{
	struct endpoint e = endpoint(family, ip, k->can & PORTS ? port : NO_PORT);

	if (k->protocol == IPPROTO_L2TP) {
		e.room[family == AF_INET ? 11 : 31] = id;
		e.len = family == AF_INET ? sizeof(e.in) : sizeof(e.room);
	}
	return e;
}

/* IPv4 addresses as v4-mapped ones: what is asked for and what is seen may differ in that. */
static struct in6_addr ip_of(const struct endpoint *e)
{
	struct in6_addr ip = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (e->any.sa_family != AF_INET)
		return e->in6.sin6_addr;
	memcpy(ip.s6_addr + 12, &e->in.sin_addr, 4);
	return ip;
}

static bool same_ip(const struct endpoint *a, const struct endpoint *b)
{
	struct in6_addr ip[2] = { ip_of(a), ip_of(b) };

	return !memcmp(&ip[0], &ip[1], sizeof(ip[0]));
}

/* Of two hooks for the same thing, the one for IPv4 comes first. */
static bool is_4(enum hook hook)
{
	return (hook - POST_BIND4) % 2 == 0;
}

/* Calls. Each returns what its name says, or a negative errno. */

static int result(ssize_t ret)
{
	return ret < 0 ? -errno : 0;
}

static int call_socket(struct trial *t)
{
	t->fd = make(domain_of(t->kind, t->style), t->kind->type, protocol_of(t->kind, t->style));
	return t->fd < 0 ? t->fd : 0;
}

static int call_ring_socket(struct trial *t)
{
	t->fd = ring_socket(&ring, domain_of(t->kind, t->style), t->kind->type,
			    protocol_of(t->kind, t->style));
	return t->fd < 0 ? t->fd : 0;
}

static int call_close(struct trial *t)
{
	close(t->fd);
	t->fd = -1;
	return 0;
}

static int call_close_branch(struct trial *t)
{
	close(t->branch);
	t->branch = -1;
	return 0;
}

static int call_bind(struct trial *t)
{
	return do_bind(t->fd, t->own[0]);
}

static int call_ring_bind(struct trial *t)
{
	return ring_bind(&ring, t->fd, &t->own[0]);
}

static int call_listen(struct trial *t)
{
	return result(listen(t->fd, 1));
}

static int call_connect(struct trial *t)
{
	return do_connect(t->fd, t->to[0]);
}

static int call_ring_connect(struct trial *t)
{
	return ring_connect(&ring, t->fd, &t->to[0].any, t->to[0].len);
}

/* The first byte goes with the request for the connection, so only that makes it. */
static int call_connect_later(struct trial *t)
{
	int one = 1, err;

	setsockopt(t->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
	err = do_connect(t->fd, t->to[0]);
	return err ?: result(send(t->fd, "d", 1, MSG_NOSIGNAL));
}

/* A message that the protocol can deliver, to connection @id if it has these. */
static struct msghdr *letter(const struct kind *k, struct endpoint *to, int id)
{
	static char data[16];
	static struct iovec part = { data, sizeof(data) };
	static struct msghdr message;

	memset(data, 0, sizeof(data));
	if (k->protocol == IPPROTO_ICMP) {
		data[0] = 8;
	} else if (k->protocol == IPPROTO_ICMPV6) {
		data[0] = 128;
	} else if (k->protocol == IPPROTO_L2TP) {
		/* a control message */
		data[0] = 0xc8;
		data[4] = id;
	}
	message = (struct msghdr){
		.msg_name = to,
		.msg_namelen = to ? to->len : 0,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	return &message;
}

static int flags_of(const struct kind *k)
{
	return MSG_NOSIGNAL | (k->can & FAST_OPEN ? MSG_FASTOPEN : 0);
}

static int call_sendto(struct trial *t)
{
	struct msghdr *m = letter(t->kind, &t->to[0], SERVER_ID);

	return result(sendto(t->fd, m->msg_iov->iov_base, m->msg_iov->iov_len, flags_of(t->kind),
			     m->msg_name, m->msg_namelen));
}

static int call_sendmsg(struct trial *t)
{
	return result(sendmsg(t->fd, letter(t->kind, &t->to[0], SERVER_ID), flags_of(t->kind)));
}

static int call_sendmmsg(struct trial *t)
{
	struct mmsghdr m = { *letter(t->kind, &t->to[0], SERVER_ID) };

	return result(sendmmsg(t->fd, &m, 1, flags_of(t->kind)));
}

static int call_ring_sendmsg(struct trial *t)
{
	int ret;

	ring.entry->msg_flags = flags_of(t->kind);
	ret = ring_message(&ring, IORING_OP_SENDMSG, t->fd,
			   letter(t->kind, &t->to[0], SERVER_ID));
	return ret < 0 ? ret : 0;
}

static int call_ring_send(struct trial *t)
{
	int ret;

	ring.entry->msg_flags = flags_of(t->kind);
	ret = ring_send(&ring, t->fd, letter(t->kind, &t->to[0], SERVER_ID));
	return ret < 0 ? ret : 0;
}

static int call_send(struct trial *t)
{
	return result(sendmsg(t->fd, letter(t->kind, NULL, SERVER_ID), MSG_NOSIGNAL));
}

/* With a time to live of its own. */
static int call_send_anew(struct trial *t)
{
	bool six = t->style == &v6;
	struct msghdr *m = letter(t->kind, NULL, SERVER_ID);
	int hops = 64;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = {
			.cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP,
			.cmsg_type = six ? IPV6_HOPLIMIT : IP_TTL,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		},
	};

	memcpy(CMSG_DATA(&control.header), &hops, sizeof(hops));
	m->msg_control = &control;
	m->msg_controllen = sizeof(control);
	return result(sendmsg(t->fd, m, MSG_NOSIGNAL));
}

/* An association with two addresses of the other side. */
static int call_send_to_two(struct trial *t)
{
	bool four = t->to[1].any.sa_family == AF_INET;
	struct msghdr *m = letter(t->kind, &t->to[0], SERVER_ID);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_addr))];
	} control = {
		.header = {
			.cmsg_level = IPPROTO_SCTP,
			.cmsg_type = four ? SCTP_DSTADDRV4 : SCTP_DSTADDRV6,
			.cmsg_len = CMSG_LEN(endpoint_ip_len(&t->to[1])),
		},
	};

	memcpy(CMSG_DATA(&control.header), endpoint_ip(&t->to[1]), endpoint_ip_len(&t->to[1]));
	m->msg_control = &control;
	m->msg_controllen = CMSG_SPACE(endpoint_ip_len(&t->to[1]));
	return result(sendmsg(t->fd, m, MSG_NOSIGNAL));
}

/* The addresses of a call, one behind the other, with the port of the first. */
static int pack(const struct trial *t, const struct endpoint *from, int count, char *room)
{
	struct endpoint e;
	int i, len = 0;

	for (i = 0; i < count; i++) {
		e = from[i];
		e.in.sin_port = from[0].in.sin_port;
		memcpy(room + len, &e.any, e.len);
		len += e.len;
	}
	return len;
}

static int sctp_call(struct trial *t, int option, const struct endpoint *from, int count)
{
	char room[2 * sizeof(struct sockaddr_in6)];

	/* connectx() returns an id, which is no error. */
	return result(setsockopt(t->fd, IPPROTO_SCTP, option, room, pack(t, from, count, room)));
}

static int call_bindx(struct trial *t)
{
	return sctp_call(t, SCTP_SOCKOPT_BINDX_ADD, t->own, 1);
}

static int call_bindx_two(struct trial *t)
{
	return sctp_call(t, SCTP_SOCKOPT_BINDX_ADD, t->own, 2);
}

static int call_connectx(struct trial *t)
{
	return sctp_call(t, SCTP_SOCKOPT_CONNECTX, t->to, 1);
}

static int call_connectx_two(struct trial *t)
{
	return sctp_call(t, SCTP_SOCKOPT_CONNECTX, t->to, 2);
}

static int call_connectx_old(struct trial *t)
{
	return sctp_call(t, SCTP_SOCKOPT_CONNECTX_OLD, t->to, 1);
}

static int call_connectx3(struct trial *t)
{
	char room[sizeof(struct sockaddr_in6)];
	struct sctp_getaddrs_old request = {
		.addr_num = pack(t, t->to, 1, room),
		.addrs = (struct sockaddr *)room,
	};
	socklen_t len = sizeof(request);

	return result(getsockopt(t->fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &request, &len));
}

/* Of a one-to-many socket; a one-to-one socket needs none. */
static sctp_assoc_t association_id(int fd)
{
	struct { __u32 count; sctp_assoc_t id; } ids = {};
	socklen_t len = sizeof(ids);

	getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &ids, &len);
	return ids.id;
}

static int call_peel_off(struct trial *t)
{
	sctp_peeloff_arg_t request = { .associd = association_id(t->fd) };
	socklen_t len = sizeof(request);
	int ret = getsockopt(t->fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &request, &len);

	t->branch = ret < 0 ? -1 : request.sd;
	return result(ret);
}

static int call_recvfrom(struct trial *t)
{
	char data[128];

	t->answer.len = sizeof(t->answer.room);
	return result(recvfrom(t->fd, data, sizeof(data), 0, &t->answer.any, &t->answer.len));
}

/* An empty letter, to be filled by whoever receives. */
static struct msghdr *envelope(struct trial *t)
{
	static char data[128];
	static struct iovec part = { data, sizeof(data) };
	static struct msghdr message;

	message = (struct msghdr){
		.msg_name = &t->answer,
		.msg_namelen = sizeof(t->answer.room),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	return &message;
}

static int call_recvmsg(struct trial *t)
{
	return result(recvmsg(t->fd, envelope(t), 0));
}

static int call_recvmmsg(struct trial *t)
{
	struct mmsghdr m = { *envelope(t) };

	return result(recvmmsg(t->fd, &m, 1, 0, NULL));
}

static int call_ring_recvmsg(struct trial *t)
{
	int ret = ring_message(&ring, IORING_OP_RECVMSG, t->fd, envelope(t));

	return ret < 0 ? ret : 0;
}

static int call_getsockname(struct trial *t)
{
	t->answer.len = sizeof(t->answer.room);
	return result(getsockname(t->fd, &t->answer.any, &t->answer.len));
}

static int call_getpeername(struct trial *t)
{
	t->answer.len = sizeof(t->answer.room);
	return result(getpeername(t->fd, &t->answer.any, &t->answer.len));
}

/* What must be there before a call. */

static int after_bind(struct trial *t)
{
	return do_bind(t->fd, t->own[0]);
}

/* L2TP connects only what is bound. */
static int ready_to_connect(struct trial *t)
{
	return t->kind->protocol == IPPROTO_L2TP ? do_bind(t->fd, t->own[0]) : 0;
}

static int after_connect(struct trial *t)
{
	return ready_to_connect(t) ?: do_connect(t->fd, t->to[0]);
}

static int after_accept(struct trial *t)
{
	int err = do_connect(t->fd, t->to[0]);

	if (err)
		return err;
	t->branch = accept(t->servers[0], NULL, NULL);
	return t->branch < 0 ? -errno : 0;
}

static int after_peel_off(struct trial *t)
{
	return after_connect(t) ?: call_peel_off(t);
}

/* A message is there: from a server, or the answer to an echo request. */
static int after_message(struct trial *t)
{
	const struct kind *k = t->kind;
	const struct style *servers = t->style->servers;
	struct endpoint own = address(k, servers->to_family, servers->own[0], port_of(t->own[0]),
				      CLIENT_ID);
	int err, from = t->servers[0];

	if (is_ping(k))
		return call_sendmsg(t);
	err = do_bind(t->fd, t->own[0]);
	if (!err && k->can & ASSOCIATES)
		err = k->can & ACCEPTS ? after_accept(t) : do_connect(t->fd, t->to[0]);
	if (k->can & ACCEPTS)
		from = t->branch;
	return err ?: result(sendmsg(from, letter(k, &own, CLIENT_ID), MSG_NOSIGNAL));
}

/* What a rewrite did. */

/* Of a socket that is connected, as the one below may become visible only then. */
static bool marked(struct trial *t)
{
	int mark = 0;
	socklen_t len = sizeof(mark);

	set_options(t->kind, t->fd);
	if (t->kind->can & ACCEPTS)
		do_connect(t->fd, t->to[0]);
	getsockopt(t->fd, SOL_SOCKET, SO_MARK, &mark, &len);
	return mark == MARK;
}

static bool is_other(const struct trial *t, const struct endpoint *e,
		     const struct endpoint other[2])
{
	return same_ip(e, &other[1]) &&
	       (!(t->kind->can & PORTS) || e->in.sin_port == other[1].in.sin_port);
}

static bool bound_to_other(struct trial *t)
{
	struct endpoint own = local_of(t->fd);

	return is_other(t, &own, t->own);
}

static bool named_other(struct trial *t)
{
	return is_other(t, &t->answer, t->hook == GETSOCKNAME4 || t->hook == GETSOCKNAME6 ?
			t->own : t->to);
}

/* Where the association of an SCTP socket leads; nowhere if it has none. */
static struct endpoint association_of(int fd)
{
	struct sctp_status status = { .sstat_assoc_id = association_id(fd) };
	socklen_t len = sizeof(status);
	struct endpoint e = {};

	if (!getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &status, &len))
		memcpy(e.room, &status.sstat_primary.spinfo_address, sizeof(e.in6));
	return e;
}

static bool connected_to_other(struct trial *t)
{
	struct endpoint peer = t->kind->can & ASSOCIATES ? association_of(t->fd) : peer_of(t->fd);

	return is_other(t, &peer, t->to);
}

static bool other_received(struct trial *t)
{
	struct pollfd ready = { t->servers[1], POLLIN, 0 };

	if (t->kind->can & ASSOCIATES)
		return connected_to_other(t);
	if (is_ping(t->kind))
		return !call_recvfrom(t) && same_ip(&t->answer, &t->to[1]);
	return poll(&ready, 1, 1000) == 1;
}

/* What a program is to see. */
enum sight { SOCKET, OWN, TO, CHOSEN };

static const struct call {
	const char *name;
	enum hook hook;		/* the one for IPv4 */
	int can;		/* all that a kind must */
	enum sight sight;
	int (*call)(struct trial *t);
	int (*prepare)(struct trial *t);
	bool (*obeyed)(struct trial *t);
	bool two;		/* addresses */
} calls[] = {
	{ "socket", CREATE, PLAIN, SOCKET, call_socket, NULL, marked },
	{ "io_uring socket", CREATE, PLAIN, SOCKET, call_ring_socket, NULL, marked },
	{ "close", RELEASE, PLAIN, SOCKET, call_close },
	{ "close after accept", RELEASE, PLAIN | ACCEPTS, SOCKET, call_close_branch, after_accept },
	{ "peeloff", CREATE, PLAIN | PEELS_OFF, SOCKET, call_peel_off, after_connect },
	{ "close after peeloff", RELEASE, PLAIN | PEELS_OFF, SOCKET, call_close_branch,
	  after_peel_off },
	{ "bind", BIND4, BINDS, OWN, call_bind, NULL, bound_to_other },
	{ "bind", POST_BIND4, BINDS, OWN, call_bind },
	{ "io_uring bind", BIND4, BINDS, OWN, call_ring_bind, NULL, bound_to_other },
	{ "io_uring bind", POST_BIND4, BINDS, OWN, call_ring_bind },
	{ "bindx", BIND4, ASSOCIATES, OWN, call_bindx, NULL, bound_to_other },
	{ "bindx", POST_BIND4, ASSOCIATES, OWN, call_bindx },
	{ "bindx of two", BIND4, ASSOCIATES, OWN, call_bindx_two, .two = true },
	{ "bindx of two", POST_BIND4, ASSOCIATES, OWN, call_bindx_two, .two = true },
	{ "listen", POST_BIND4, PLAIN | LISTENS, CHOSEN, call_listen },
	{ "connect", CONNECT4, 0, TO, call_connect, ready_to_connect, connected_to_other },
	{ "connect", POST_BIND4, PORTS, CHOSEN, call_connect },
	{ "io_uring connect", CONNECT4, 0, TO, call_ring_connect, ready_to_connect,
	  connected_to_other },
	{ "io_uring connect", POST_BIND4, PORTS, CHOSEN, call_ring_connect },
	{ "second connect", CONNECT4, RECONNECTS, TO, call_connect, after_connect,
	  connected_to_other },
	{ "connectx", CONNECT4, ASSOCIATES, TO, call_connectx, NULL, connected_to_other },
	{ "connectx", POST_BIND4, ASSOCIATES, CHOSEN, call_connectx },
	{ "connectx of two", CONNECT4, ASSOCIATES, TO, call_connectx_two, .two = true },
	{ "old connectx", CONNECT4, ASSOCIATES, TO, call_connectx_old, NULL, connected_to_other },
	{ "old connectx", POST_BIND4, ASSOCIATES, CHOSEN, call_connectx_old },
	{ "connectx3", CONNECT4, ASSOCIATES, TO, call_connectx3, NULL, connected_to_other },
	{ "connectx3", POST_BIND4, ASSOCIATES, CHOSEN, call_connectx3 },
	{ "TCP_FASTOPEN_CONNECT", CONNECT4, FAST_OPEN, TO, call_connect_later, NULL,
	  connected_to_other },
	{ "TCP_FASTOPEN_CONNECT", POST_BIND4, FAST_OPEN, CHOSEN, call_connect_later },
	{ "fast open sendto", CONNECT4, FAST_OPEN, TO, call_sendto, NULL, connected_to_other },
	{ "fast open sendto", POST_BIND4, FAST_OPEN, CHOSEN, call_sendto },
	{ "fast open sendmsg", CONNECT4, FAST_OPEN, TO, call_sendmsg, NULL, connected_to_other },
	{ "fast open sendmsg", POST_BIND4, FAST_OPEN, CHOSEN, call_sendmsg },
	{ "fast open sendmmsg", CONNECT4, FAST_OPEN, TO, call_sendmmsg, NULL, connected_to_other },
	{ "fast open sendmmsg", POST_BIND4, FAST_OPEN, CHOSEN, call_sendmmsg },
	{ "fast open io_uring sendmsg", CONNECT4, FAST_OPEN, TO, call_ring_sendmsg, NULL,
	  connected_to_other },
	{ "fast open io_uring sendmsg", POST_BIND4, FAST_OPEN, CHOSEN, call_ring_sendmsg },
	{ "sendto", SENDMSG4, SENDS, TO, call_sendto, NULL, other_received },
	{ "sendto", CONNECT4, ASSOCIATES, TO, call_sendto, NULL, other_received },
	{ "sendto", POST_BIND4, SENDS | PORTS, CHOSEN, call_sendto },
	{ "sendmsg", SENDMSG4, SENDS, TO, call_sendmsg, NULL, other_received },
	{ "sendmsg", CONNECT4, ASSOCIATES, TO, call_sendmsg, NULL, other_received },
	{ "sendmsg", POST_BIND4, SENDS | PORTS, CHOSEN, call_sendmsg },
	{ "sendmmsg", SENDMSG4, SENDS, TO, call_sendmmsg, NULL, other_received },
	{ "sendmmsg", CONNECT4, ASSOCIATES, TO, call_sendmmsg, NULL, other_received },
	{ "sendmmsg", POST_BIND4, SENDS | PORTS, CHOSEN, call_sendmmsg },
	{ "io_uring sendmsg", SENDMSG4, SENDS, TO, call_ring_sendmsg, NULL, other_received },
	{ "io_uring sendmsg", CONNECT4, ASSOCIATES, TO, call_ring_sendmsg, NULL, other_received },
	{ "io_uring sendmsg", POST_BIND4, SENDS | PORTS, CHOSEN, call_ring_sendmsg },
	{ "io_uring send", SENDMSG4, SENDS, TO, call_ring_send, NULL, other_received },
	{ "io_uring send", CONNECT4, ASSOCIATES, TO, call_ring_send, NULL, other_received },
	{ "io_uring send", POST_BIND4, SENDS | PORTS, CHOSEN, call_ring_send },
	{ "sendto when connected", SENDMSG4, SENDS, TO, call_sendto, after_connect },
	{ "send when connected", SENDMSG4, LOOKS_UP | OVER_IPV4, TO, call_send, after_connect,
	  other_received },
	{ "send with a control message", SENDMSG4, LOOKS_UP, TO, call_send_anew, after_connect,
	  other_received },
	{ "SCTP_DSTADDR", SENDMSG4, ASSOCIATES, TO, call_send_to_two, .two = true },
	{ "SCTP_DSTADDR", CONNECT4, ASSOCIATES, TO, call_send_to_two, .two = true },
	{ "recvfrom", RECVMSG4, SENDS | BINDS, TO, call_recvfrom, after_message, named_other },
	{ "recvmsg", RECVMSG4, SENDS | BINDS, TO, call_recvmsg, after_message, named_other },
	{ "recvmmsg", RECVMSG4, SENDS | BINDS, TO, call_recvmmsg, after_message, named_other },
	{ "io_uring recvmsg", RECVMSG4, SENDS | BINDS, TO, call_ring_recvmsg, after_message,
	  named_other },
	{ "getsockname", GETSOCKNAME4, BINDS, OWN, call_getsockname, after_bind, named_other },
	{ "getpeername", GETPEERNAME4, HAS_PEER, TO, call_getpeername, after_connect, named_other },
};

/* Those of the address that is given, or of the socket. */
static enum hook hook_of(const struct call *call, const struct style *style)
{
	switch (call->hook) {
	case CREATE:
	case RELEASE:
		return call->hook;
	case BIND4:
	case CONNECT4:
		return call->hook + (style->to_family == AF_INET6);
	case SENDMSG4:
		/* IPv4 is what will be sent. */
		return call->hook + (style == &v6);
	default:
		return call->hook + (style->family == AF_INET6);
	}
}

static bool can_refuse(const struct call *call)
{
	return call->hook != RELEASE && call->hook != RECVMSG4 && call->hook != GETPEERNAME4 &&
	       call->hook != GETSOCKNAME4;
}

static void tell(const struct trial *t, enum deed deed)
{
	const struct endpoint *other = t->call->sight == OWN ? &t->own[1] : &t->to[1];
	struct order *order = &box.order[t->hook];
	struct in6_addr ip = ip_of(other);

	*order = (struct order){ .verdict = 1 };
	if (deed == REFUSE) {
		order->verdict = 0;
		order->retval = -ENOENT;
		order->spared = t->call->two;
	} else if (deed == REWRITE) {
		order->write_device = 1;
		order->mark = MARK;
		order->rewrite = 1;
		memcpy(order->ip, is_4(t->hook) ? ip.s6_addr + 12 : ip.s6_addr,
		       is_4(t->hook) ? 4 : 16);
		order->port = other->in.sin_port;
	}
}

static bool saw_right(const struct trial *t)
{
	const struct endpoint *asked = t->call->sight == OWN ? t->own : t->to;
	bool name = t->call->obeyed == named_other;
	const struct seen *saw = &t->saw;
	struct endpoint shown = { .any.sa_family = is_4(t->hook) ? AF_INET : AF_INET6 };
	int port = t->call->hook == POST_BIND4 ? (int)saw->port : ntohs(saw->port);

	if ((int)saw->family != t->style->family || (int)saw->type != t->kind->type ||
	    ((int)saw->protocol != t->kind->protocol &&
	     !(t->kind->inner && saw->protocol == IPPROTO_TCP)))
		return false;
	memcpy((void *)endpoint_ip(&shown), saw->ip, endpoint_ip_len(&shown));
	switch (t->call->sight) {
	case SOCKET:
		return true;
	case CHOSEN:
		return port && port == port_of(local_of(t->fd));
	default:
		return same_ip(&shown, &asked[t->call->two]) &&
		       (!(t->kind->can & PORTS) ||
			port == port_of(name ? t->answer : asked[0]));
	}
}

/* A post_bind program that does not ask runs only for ports that the caller asked for. */
static bool asked_right(const struct trial *t)
{
	bool chosen = t->call->sight == CHOSEN;

	if (t->call->hook != POST_BIND4 || !port_chosen_id)
		return true;
	return t->saw.chosen == chosen &&
	       (box.seen[t->hook - POST_BIND4 + PLAIN_POST_BIND4].calls > 0) == !chosen;
}

static int set_up(struct trial *t)
{
	/* What the last trial closed may still hold its ports for a moment. */
	static int next_port = 20000;
	const struct kind *k = t->kind;
	const struct style *servers = t->style->servers;
	struct endpoint at;
	int i, to, err, port = next_port;

	next_port += 4;
	for (i = 0; i < 2; i++) {
		/* An echo request has no port to go to, so that no program can choose another. */
		to = port + (is_ping(k) ? 0 : i);
		at = address(k, servers->to_family, servers->to[i], to, SERVER_ID);
		t->to[i] = address(k, t->style->to_family, t->style->to[i], to, SERVER_ID);
		t->own[i] = address(k, t->style->to_family, t->style->own[i], port + 2 + i,
				    CLIENT_ID);
		t->servers[i] = make(domain_of(k, servers), k->type, protocol_of(k, servers));
		set_options(k, t->servers[i]);
		err = do_bind(t->servers[i], at);
		if (!err && k->can & LISTENS)
			err = result(listen(t->servers[i], 8));
		if (err)
			return err;
	}
	if (t->call->hook == CREATE && !t->call->prepare)
		return 0;
	err = call_socket(t);
	set_options(k, t->fd);
	if (!err && t->call->prepare)
		err = t->call->prepare(t);
	return err;
}

static void clean_up(struct trial *t)
{
	close(t->fd);
	close(t->branch);
	close(t->servers[0]);
	close(t->servers[1]);
}

/* Another socket can have the port that this one was refused. */
static bool port_is_free(const struct trial *t)
{
	const struct style *style = t->style->servers;
	int fd = make(domain_of(t->kind, style), t->kind->type, protocol_of(t->kind, style));
	int err = do_bind(fd, endpoint(style->family, style->own[0], t->saw.port));

	close(fd);
	return !err;
}

static bool passes(const struct kind *k, const struct style *style, const struct call *call,
		   enum deed deed)
{
	struct trial t = {
		.kind = k, .style = style, .call = call, .hook = hook_of(call, style),
		.fd = -1, .branch = -1, .servers = { -1, -1 },
	};
	struct endpoint own, own_after, peer, peer_after;
	int calls = call->two ? 2 : 1, err = set_up(&t);
	bool pass = false;

	if (err) {
		ksft_print_msg("cannot be prepared: %s\n", strerror(-err));
		goto out;
	}
	own = local_of(t.fd);
	peer = association_of(t.fd);
	tell(&t, deed);
	memset(box.seen, 0, sizeof(*box.seen) * HOOKS);
	err = call->call(&t);
	t.saw = box.seen[t.hook];
	box.order[t.hook] = (struct order){ .verdict = 1 };

	pass = (int)t.saw.calls == calls && err == (deed == REFUSE ? -ENOENT : 0);
	if (!pass) {
		ksft_print_msg("the program ran %u times, the call returned: %d\n", t.saw.calls,
			       err);
	} else if (deed == COUNT) {
		pass = saw_right(&t) && asked_right(&t);
		if (!pass)
			ksft_print_msg("the program saw: %u %u %u %x %x %x %x port %u\n",
				       t.saw.family, t.saw.type, t.saw.protocol, t.saw.ip[0],
				       t.saw.ip[1], t.saw.ip[2], t.saw.ip[3], t.saw.port);
	} else if (deed == REWRITE) {
		pass = call->obeyed(&t);
		if (!pass)
			ksft_print_msg("rewrite: no effect\n");
	} else {
		own_after = local_of(t.fd);
		peer_after = association_of(t.fd);
		pass = !memcmp(&own, &own_after, sizeof(own)) &&
		       !memcmp(&peer, &peer_after, sizeof(peer)) &&
		       (call->hook != POST_BIND4 || !(k->can & PORTS) || port_is_free(&t));
		if (!pass)
			ksft_print_msg("refuse: the call left something behind\n");
	}
out:
	clean_up(&t);
	return pass;
}

/* Call @visit for each test that this kernel has; @arg are names of kinds that it has not. */
static void for_each(char **arg, void (*visit)(const struct kind *k, const struct style *style,
					       const struct call *call, enum deed deed))
{
	const struct style *const *style;
	const struct call *call;
	const struct kind *k;
	enum deed deed;
	char name[32];
	char **skip;
	int can;

	for (k = kinds; k < kinds + ARRAY_LEN(kinds); k++) {
		for (style = k->styles; style < k->styles + 4 && *style; style++) {
			snprintf(name, sizeof(name), "%s%s", k->name, (*style)->name);
			for (skip = arg; *skip && strncmp(name, *skip, strlen(*skip)); skip++)
				;
			if (*skip)
				continue;
			can = k->can | ((*style)->servers == *style ? PLAIN : OVER_IPV4);
			for (call = calls; call < calls + ARRAY_LEN(calls); call++) {
				if (call->can & ~can)
					continue;
				for (deed = COUNT; deed < DEEDS; deed++) {
					if ((deed == REFUSE && !can_refuse(call)) ||
					    (deed == REWRITE && !call->obeyed))
						continue;
					visit(k, *style, call, deed);
				}
			}
		}
	}
}

static bool have_programs;
static int tests;

static void plan(const struct kind *k, const struct style *style, const struct call *call,
		 enum deed deed)
{
	tests++;
}

static void test(const struct kind *k, const struct style *style, const struct call *call,
		 enum deed deed)
{
	ksft_test_result(have_programs && passes(k, style, call, deed), "%s%s / %s / %s / %s\n",
			 k->name, style->name, call->name,
			 bpf_program__name(box_program(&box, hook_of(call, style))), deeds[deed]);
}

int main(int argc, char **argv)
{
	int err = box_open(&box), hook;

	ksft_print_header();
	for_each(argv + 1, plan);
	ksft_set_plan(tests);
	for (hook = 0; !err && hook < CONNECT_UNIX; hook++)
		err = box_attach(&box, hook);
	err = err ?: box_attach(&box, PLAIN_POST_BIND4) ?: box_attach(&box, PLAIN_POST_BIND6);
	/* Fast Open needs no cookie of an earlier connection. */
	err = err ?: ring_open(&ring) ?: write_file("/proc/sys/net/ipv4/tcp_fastopen", "5");
	if (err)
		ksft_print_msg("no programs: %s\n", strerror(-err));
	have_programs = !err;
	for_each(argv + 1, test);
	box_close(&box);
	ksft_finished();
}
