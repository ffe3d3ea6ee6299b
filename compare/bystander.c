// SPDX-License-Identifier: GPL-2.0
/*
 * Print what sockets do that no program of a cgroup concerns: stories of many calls, for each kind
 * of socket, with the results, the names and devices of the sockets, their lines in /proc, the
 * packets that leave and what receivers get. For comparing a kernel that has the hooks with one
 * that does not; judges nothing itself, "make compat" does.
 *
 * usage: bystander none|allow [KIND]
 * "allow" attaches programs that allow everything to the root of the cgroups, one of each type.
 * With a KIND, only of those sockets whose names begin so.
 */
#include "attaches.h"
#include "ring.h"

#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sctp.h>
#include <linux/seg6.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include "../../kselftest.h"

/* Not in the headers of every distribution. */
#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#define IPPROTO_TRIAL	253	/* for experiments */
#define SOL_DCCP	269

#define ASKED	4000	/* where clients want to go, and one server is */
#define OTHER	4002	/* where the other one is */
#define OWN	4001	/* what a client binds to */
#define LOW	1022
#define LAST	32000	/* where it is the only port that the kernel may choose */
/* The connections of L2TP: of a client and of a server. */
#define CLIENT_ID	1
#define SERVER_ID	2
/* Devices. */
#define LOOPBACK	1
#define LINK		2	/* leads nowhere */
#define NO_DEVICE	77

/* How a socket is used: its family and addresses, which may be of the other one. */
static const struct style {
	const char *name;
	int family;
	const char *to[2];	/* where servers are */
	const char *own;
	const char *foreign;	/* of nobody here */
	const char *unreachable;
	const char *far;	/* behind the device */
	const struct style *servers;
} v4 = {
	"4", AF_INET, { "127.0.0.1", "127.0.0.2" }, "127.0.0.3", "192.0.2.9", "192.0.2.1",
	"10.1.0.77", &v4
}, v6 = {
	"6", AF_INET6, { "fd00::2", "::1" }, "fd00::9", "2001:db8::9", "2001:db8::1",
	"fd01::77", &v6
}, mapped = {
	"6-mapped", AF_INET6, { "::ffff:127.0.0.1", "::ffff:127.0.0.2" }, "::ffff:127.0.0.3",
	"::ffff:192.0.2.9", "::ffff:192.0.2.1", "::ffff:10.1.0.77", &v4
}, inet = {
	"6-inet", AF_INET6, { "127.0.0.1", "127.0.0.2" }, "::ffff:127.0.0.3",
	"192.0.2.9", "192.0.2.1", "10.1.0.77", &v4
};

/* What a socket can do. */
#define PORTS		0x001
#define LISTENS		0x002
#define ACCEPTS		0x004	/* connections, each a socket of its own */
#define SENDS		0x008	/* messages with an address */
#define FAST_OPEN	0x010
#define ASSOCIATES	0x020
#define PEELS_OFF	0x040	/* an association into a socket of its own */
#define HEADERS		0x080	/* of IP, written by the caller */
#define CORKS		0x100	/* messages */

#define STREAM		(PORTS | LISTENS | ACCEPTS)
#define TCP		(STREAM | FAST_OPEN)
#define UDP		(PORTS | SENDS | CORKS)
#define SCTP		(PORTS | LISTENS | SENDS | ASSOCIATES)

static const struct kind {
	const char *name;
	int type;
	int protocol;
	int can;
	const struct style *style;
	const char *proc;	/* the table of /proc/net that has it */
} kinds[] = {
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, TCP, &v4, "tcp" },
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, TCP, &v6, "tcp6" },
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, TCP, &mapped, "tcp6" },
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, TCP, &inet, "tcp6" },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, TCP, &v4 },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, TCP, &v6 },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, TCP, &mapped },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP, &v4, "udp" },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP, &v6, "udp6" },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP, &mapped, "udp6" },
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, UDP, &inet, "udp6" },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, UDP, &v4, "udplite" },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, UDP, &v6, "udplite6" },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, UDP, &mapped, "udplite6" },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMP, PORTS | SENDS, &v4, "icmp" },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMPV6, PORTS | SENDS, &v6, "icmp6" },
	{ "raw", SOCK_RAW, IPPROTO_TRIAL, SENDS | HEADERS, &v4, "raw" },
	{ "raw", SOCK_RAW, IPPROTO_TRIAL, SENDS | HEADERS, &v6, "raw6" },
	{ "raw", SOCK_RAW, IPPROTO_TRIAL, SENDS, &mapped, "raw6" },
	{ "l2tp", SOCK_DGRAM, IPPROTO_L2TP, SENDS, &v4 },
	{ "l2tp", SOCK_DGRAM, IPPROTO_L2TP, SENDS, &v6 },
	{ "l2tp", SOCK_DGRAM, IPPROTO_L2TP, SENDS, &mapped },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, SCTP | ACCEPTS, &v4 },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, SCTP | ACCEPTS, &v6 },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, SCTP | ACCEPTS, &mapped },
	{ "sctp-many", SOCK_SEQPACKET, IPPROTO_SCTP, SCTP | PEELS_OFF, &v4 },
	{ "sctp-many", SOCK_SEQPACKET, IPPROTO_SCTP, SCTP | PEELS_OFF, &v6 },
	{ "sctp-many", SOCK_SEQPACKET, IPPROTO_SCTP, SCTP | PEELS_OFF, &mapped },
	{ "sctp-many", SOCK_SEQPACKET, IPPROTO_SCTP, SCTP | PEELS_OFF, &inet },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, STREAM, &v4 },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, STREAM, &v6 },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, STREAM, &mapped },
	{ "smc", SOCK_STREAM, IPPROTO_SMC, TCP, &v4 },
	{ "smc", SOCK_STREAM, IPPROTO_SMC, TCP, &v6 },
	{ "af-smc", SOCK_STREAM, 0, TCP, &v4 },
};

static struct ring ring;
static int tap = -1;	/* sees all packets */
static int device = -1;	/* that leads nowhere; there as long as it is open */
static int servers[2];
static bool pings;	/* are what the story is about */

static const char *error_name(int ret)
{
	static char texts[4][16];
	static int next;
	char *text = texts[next++ % 4];

	if (ret < 0 && strerrorname_np(-ret))
		return strerrorname_np(-ret);
	snprintf(text, sizeof(texts[0]), "%d", ret);
	return text;
}

static int result(ssize_t ret)
{
	return ret < 0 ? -errno : (int)ret;
}

/*
 * Those that were not asked for are the kernel's choice, another one each time. It gives low ones
 * to ping sockets.
 */
static const char *port_text(int port)
{
	static const int asked_for[] = { 0, ASKED, OWN, OTHER, LAST, IPPROTO_TRIAL, LOW, 1 };
	static char texts[4][8];
	static int next;
	char *text = texts[next++ % 4];
	int i;

	for (i = 0; i < ARRAY_LEN(asked_for); i++) {
		if (port == asked_for[i] && (!port || port > LOW || !pings)) {
			snprintf(text, sizeof(texts[0]), "%d", port);
			return text;
		}
	}
	return "any";
}

static bool is_l2tp(const struct kind *k)
{
	return k->protocol == IPPROTO_L2TP;
}

static bool is_ping(const struct kind *k)
{
	return k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6;
}

static void set_id(struct endpoint *e, int id)
{
	e->room[e->any.sa_family == AF_INET ? 11 : 31] = id;
	e->len = e->any.sa_family == AF_INET ? sizeof(e->in) : sizeof(e->room);
}

/* An address of the family that it is written in. Those without ports have their protocol. */
static struct endpoint at(const struct kind *k, const char *ip, int port)
{
	struct endpoint e = endpoint(strchr(ip, ':') ? AF_INET6 : AF_INET, ip,
				     k->can & PORTS ? port : k->protocol);

	if (is_l2tp(k)) {
		e.in.sin_port = 0;
		set_id(&e, SERVER_ID);
	}
	return e;
}

static struct endpoint server_of(const struct kind *k, int which)
{
	return at(k, k->style->to[which], which ? OTHER : ASKED);
}

static struct endpoint own_of(const struct kind *k, int port)
{
	struct endpoint e = at(k, k->style->own, port);

	if (is_l2tp(k))
		set_id(&e, CLIENT_ID);
	return e;
}

static struct endpoint any_of(const struct kind *k, int port)
{
	struct endpoint e = at(k, k->style->family == AF_INET ? "0.0.0.0" : "::", port);

	if (is_l2tp(k))
		set_id(&e, CLIENT_ID);
	return e;
}

static struct endpoint unspec(void)
{
	struct endpoint e = { .len = sizeof(e.any) };

	return e;
}

static void print_address(const struct kind *k, const struct endpoint *e)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	int family = e->any.sa_family;

	inet_ntop(family, endpoint_ip(e), ip, sizeof(ip));
	printf("%d[%s", family, ip);
	if (family == AF_INET6 && e->in6.sin6_scope_id)
		printf("%%%u", e->in6.sin6_scope_id);
	printf("]:%s", port_text(port_of(*e)));
	if (k && is_l2tp(k))
		printf("#%u", (unsigned char)e->room[family == AF_INET ? 11 : 31]);
}

static void print_name(const struct kind *k, const char *what, int err, const struct endpoint *e)
{
	printf("; %s ", what);
	if (err)
		printf("%s", error_name(err));
	else
		print_address(k, e);
}

static int own_name(int fd, struct endpoint *e)
{
	memset(e, 0, sizeof(*e));
	e->len = sizeof(e->room);
	return result(getsockname(fd, &e->any, &e->len));
}

static int peer_name(int fd, struct endpoint *e)
{
	memset(e, 0, sizeof(*e));
	e->len = sizeof(e->room);
	return result(getpeername(fd, &e->any, &e->len));
}

/* The line of a table of /proc/net, without what differs from boot to boot. */
static void print_entry(const struct kind *k, int fd)
{
	char path[32], line[512], local[40], remote[40];
	unsigned int port, to_port, state;
	unsigned long inode;
	struct stat st = {};
	FILE *table;

	snprintf(path, sizeof(path), "/proc/net/%s", k->proc);
	table = fopen(path, "r");
	if (!table)
		return;
	fstat(fd, &st);
	printf("; %s:", k->proc);
	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, " %*d: %39[0-9A-F]:%x %39[0-9A-F]:%x %x %*s %*s %*s %*u %*u %lu",
			   local, &port, remote, &to_port, &state, &inode) != 6 ||
		    inode != st.st_ino)
			continue;
		printf(" %s:%s %s:%s %x", local, port_text(port), remote, port_text(to_port),
		       state);
	}
	fclose(table);
}

/* The addresses that an endpoint of SCTP is bound to, and its associations. */
static void print_endpoint(int fd)
{
	int state, port, shown;
	char line[1024];
	unsigned long inode;
	struct stat st = {};
	__u32 count = 0;
	socklen_t len = sizeof(count);
	FILE *table = fopen("/proc/net/sctp/eps", "r");

	if (!table)
		return;
	fstat(fd, &st);
	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, " %*s %*s %*d %d %*d %d %*u %lu %n", &state, &port, &inode,
			   &shown) != 3 || inode != st.st_ino)
			continue;
		line[strcspn(line, "\n")] = 0;
		printf("; state %d port %s at %s", state, port_text(port), line + shown);
	}
	fclose(table);
	if (!getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &count, &len))
		printf("; %u associations", count);
}

static void print_names(const struct kind *k, int fd)
{
	int bound_to = -1, err;
	socklen_t len = sizeof(bound_to);
	struct endpoint e;

	err = own_name(fd, &e);
	print_name(k, "own", err, &e);
	err = peer_name(fd, &e);
	print_name(k, "peer", err, &e);
	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &bound_to, &len);
	printf("; device %d", bound_to);
	if (k->proc)
		print_entry(k, fd);
	if (k->can & ASSOCIATES)
		print_endpoint(fd);
}

/*
 * What of a protocol above IP is worth a line. What the protocols say on their own is not, as it
 * depends on time.
 */
static bool print_protocol(int protocol, const unsigned char *data)
{
	const __be16 *ports = (const void *)data;
	int type = 0;

	switch (protocol) {
	case IPPROTO_TCP:
		type = data[13] & 0x16;
		if (!(type & 0x06))
			return false;
		break;
	case IPPROTO_SCTP:
		type = data[12];
		if (type != 1 && type != 6)
			return false;
		break;
	case IPPROTO_DCCP:
		type = (data[8] >> 1) & 15;
		if (type && type != 7)
			return false;
		break;
	case IPPROTO_HOPOPTS:
		/* membership of groups */
		return false;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		break;
	case IPPROTO_ICMPV6:
		if (data[0] >= 130)
			return false;
		printf("    sent %d, type %d code %d", protocol, data[0], data[1]);
		return true;
	case IPPROTO_ICMP:
		printf("    sent %d, type %d code %d", protocol, data[0], data[1]);
		return true;
	default:
		printf("    sent %d", protocol);
		return true;
	}
	printf("    sent %d, type %d, port %s to %s", protocol, type, port_text(ntohs(ports[0])),
	       port_text(ntohs(ports[1])));
	return true;
}

static void print_packet(const unsigned char *packet, int size, int on)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const struct ip *four = (const void *)packet;
	const struct ipv6hdr *six = (const void *)packet;
	const unsigned char *data;
	int protocol;

	if (four->ip_v == 4) {
		if (!print_protocol(four->ip_p, packet + four->ip_hl * 4))
			return;
		inet_ntop(AF_INET, &four->ip_src, from, sizeof(from));
		inet_ntop(AF_INET, &four->ip_dst, to, sizeof(to));
		printf(", %s to %s, header %d, ttl %d tos %d", from, to, four->ip_hl * 4,
		       four->ip_ttl, four->ip_tos);
	} else {
		data = packet + sizeof(*six);
		protocol = six->nexthdr;
		while (protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS) {
			protocol = data[0];
			data += (data[1] + 1) * 8;
		}
		if (!print_protocol(protocol, data))
			return;
		inet_ntop(AF_INET6, &six->saddr, from, sizeof(from));
		inet_ntop(AF_INET6, &six->daddr, to, sizeof(to));
		printf(", %s to %s, header %td, ttl %d tos %d", from, to, data - packet,
		       six->hop_limit, ntohs(*(__be16 *)packet) >> 4 & 0xff);
	}
	printf(", %d bytes, device %d\n", size, on);
}

/* What left since the last time, before a device had a look at it. */
static void print_wire(bool show)
{
	unsigned char packet[2048] = {};
	struct sockaddr_ll on;
	socklen_t len = sizeof(on);
	int size;

	while ((size = recvfrom(tap, packet, sizeof(packet), MSG_TRUNC, (struct sockaddr *)&on,
				&len)) >= 0) {
		len = sizeof(on);
		if (!show || on.sll_pkttype != PACKET_OUTGOING ||
		    (ntohs(on.sll_protocol) != ETH_P_IP && ntohs(on.sll_protocol) != ETH_P_IPV6))
			continue;
		print_packet(packet, size, on.sll_ifindex);
	}
}

/*
 * Let the kernel's threads answer. Sleeping takes a tick of the clock, too long for most; but SMC
 * and MPTCP have workers for their connections.
 */
static void settle(const struct kind *k)
{
	int i;

	if (k->protocol == IPPROTO_SMC || k->protocol == IPPROTO_MPTCP || !k->protocol)
		usleep(6000);
	for (i = 0; i < 20; i++)
		sched_yield();
}

/* A line: what was called, its result, the socket after it, and lines of what left. */
__printf(4, 5)
static int say(const struct kind *k, int fd, int ret, const char *format, ...)
{
	va_list args;

	settle(k);
	printf("  ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s", error_name(ret));
	if (fd >= 0)
		print_names(k, fd);
	printf("\n");
	print_wire(true);
	return ret;
}

/* A connection that is closed leaves nothing that the next one could meet. */
static int new_socket(const struct kind *k)
{
	int fd = make(k->protocol ? k->style->family : AF_SMC, k->type | SOCK_NONBLOCK,
		      k->protocol ?: k->style->family == AF_INET6);
	struct linger now = { 1, 0 };
	int service = 1;

	if (fd < 0)
		say(k, -1, fd, "socket");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	/* DCCP: the service; nothing connects without */
	if (k->type == SOCK_DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

static void set_int(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

static void serve(const struct kind *k)
{
	struct kind of_server = *k;
	int i;

	of_server.style = k->style->servers;
	for (i = 0; i < 2; i++) {
		servers[i] = new_socket(&of_server);
		set_int(servers[i], SOL_SOCKET, SO_REUSEADDR, 1);
		if (do_bind(servers[i], server_of(&of_server, i)) ||
		    (k->can & LISTENS && listen(servers[i], 8)))
			printf("no server %d: %s\n", i, error_name(-errno));
	}
}

/* What receivers have, and from where. A stream's server has a connection. */
static void print_received(const struct kind *k, const char *who, int fd)
{
	struct endpoint from = { .len = sizeof(from.room) };
	char data[256];
	int size;

	while ((size = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, &from.any, &from.len)) > 0) {
		printf("    %s has %d bytes from ", who, size);
		print_address(k, &from);
		printf("\n");
		memset(&from, 0, sizeof(from));
		from.len = sizeof(from.room);
	}
}

static void print_arrivals(const struct kind *k, int fd)
{
	static const char *const names[] = { "server 0", "server 1" };
	struct linger now = { 1, 0 };
	int i, branch;

	settle(k);
	for (i = 0; i < 2; i++) {
		if (!(k->can & ACCEPTS)) {
			print_received(k, names[i], servers[i]);
			continue;
		}
		while ((branch = accept4(servers[i], NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			printf("    %s has a connection", names[i]);
			print_names(k, branch);
			printf("\n");
			print_received(k, names[i], branch);
			setsockopt(branch, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
			close(branch);
			settle(k);
		}
	}
	if (fd >= 0 && k->can & SENDS)
		print_received(k, "the client", fd);
	print_wire(false);
}

static void end(const struct kind *k, int fd)
{
	close(fd);
	/* The abort of an association may leave a tick later, and is not of the next story. */
	if (k->protocol == IPPROTO_SCTP)
		usleep(6000);
	print_arrivals(k, -1);
}

/* Whether somebody else can have the port of a socket, or that one. */
static void say_free(const struct kind *k, int fd, int port)
{
	struct endpoint own;
	int other;

	if (!(k->can & PORTS))
		return;
	if (fd >= 0) {
		own_name(fd, &own);
		port = port_of(own);
		if (!port)
			return;
	}
	other = new_socket(k);
	say(k, -1, do_bind(other, any_of(k, port)), "bind another to %s", port_text(port));
	close(other);
}

/* connect(), also if it takes a while. */
static int join(int fd, struct endpoint to)
{
	struct pollfd ready = { fd, POLLOUT, 0 };
	int err = do_connect(fd, to), later = 0;
	socklen_t len = sizeof(later);

	if (err != -EINPROGRESS)
		return err;
	poll(&ready, 1, 50);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &later, &len);
	return -later;
}

/* L2TP connects only what is bound. */
static int join_server(const struct kind *k, int fd, int which)
{
	if (is_l2tp(k))
		do_bind(fd, own_of(k, OWN));
	return join(fd, server_of(k, which));
}

/* A control message. */
struct note {
	int level;
	int type;
	int size;
	union {
		int value;
		struct in_pktinfo four;
		struct in6_pktinfo six;
		struct in6_addr ip;
		char bytes[40];
	};
};

/* Something that the protocol can deliver. */
static const char *payload(const struct kind *k)
{
	static char data[16];

	memset(data, 0, sizeof(data));
	if (k->protocol == IPPROTO_ICMP) {
		data[0] = 8;
	} else if (k->protocol == IPPROTO_ICMPV6) {
		data[0] = 128;
	} else if (is_l2tp(k)) {
		/* a control message */
		data[0] = 0xc8;
		data[4] = SERVER_ID;
	}
	return data;
}

static int post(const struct kind *k, int fd, const struct endpoint *to, const struct note *note,
		int flags)
{
	struct iovec part = { (void *)payload(k), 16 };
	struct msghdr message = {
		.msg_name = (void *)to,
		.msg_namelen = to ? to->len : 0,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(note->bytes))];
	} control = {};

	if (note) {
		control.header.cmsg_level = note->level;
		control.header.cmsg_type = note->type;
		control.header.cmsg_len = CMSG_LEN(note->size);
		memcpy(CMSG_DATA(&control.header), note->bytes, sizeof(note->bytes));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(note->size);
	}
	return result(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
}

/* An address that is not quite right, made from one that is. */
#define KEEP	-1
#define LESS	-2	/* by a byte */
static const struct bend {
	const char *name;
	int family;
	int len;
	int port;
	const char *ip;	/* brings its family */
	int scope;
} bends[] = {
	{ "AF_UNSPEC", AF_UNSPEC, KEEP, KEEP },
	{ "AF_UNSPEC, 2 bytes", AF_UNSPEC, 2, KEEP },
	{ "AF_UNSPEC 0.0.0.0", AF_UNSPEC, 16, KEEP, "0.0.0.0" },
	{ "AF_UNSPEC 127.0.0.1", AF_UNSPEC, 16, KEEP, "127.0.0.1" },
	{ "AF_UNSPEC ::", AF_UNSPEC, KEEP, KEEP, "::" },
	{ "family 99", 99, KEEP, KEEP },
	{ "family 99, 16 bytes", 99, 16, KEEP, "0.0.0.0" },
	{ "AF_UNIX", AF_UNIX, KEEP, KEEP },
	{ "no bytes", KEEP, 0, KEEP },
	{ "1 byte", KEEP, 1, KEEP },
	{ "2 bytes", KEEP, 2, KEEP },
	{ "8 bytes", KEEP, 8, KEEP },
	{ "24 bytes", KEEP, 24, KEEP },
	{ "one byte less", KEEP, LESS, KEEP },
	{ "32 bytes", KEEP, 32, KEEP },
	{ "port 0", KEEP, KEEP, 0 },
	{ "port 1", KEEP, KEEP, 1 },
	{ "0.0.0.0", KEEP, KEEP, KEEP, "0.0.0.0" },
	{ "127.0.0.1", KEEP, KEEP, KEEP, "127.0.0.1" },
	{ "192.0.2.1", KEEP, KEEP, KEEP, "192.0.2.1" },
	{ "224.0.0.1", KEEP, KEEP, KEEP, "224.0.0.1" },
	{ "255.255.255.255", KEEP, KEEP, KEEP, "255.255.255.255" },
	{ "::", KEEP, KEEP, KEEP, "::" },
	{ "::1", KEEP, KEEP, KEEP, "::1" },
	{ "::ffff:0.0.0.0", KEEP, KEEP, KEEP, "::ffff:0.0.0.0" },
	{ "::ffff:127.0.0.1", KEEP, KEEP, KEEP, "::ffff:127.0.0.1" },
	{ "2001:db8::1", KEEP, KEEP, KEEP, "2001:db8::1" },
	{ "ff02::1", KEEP, KEEP, KEEP, "ff02::1" },
	{ "ff02::1%2", KEEP, KEEP, KEEP, "ff02::1", LINK },
	{ "fe80::2", KEEP, KEEP, KEEP, "fe80::2" },
	{ "fe80::2%1", KEEP, KEEP, KEEP, "fe80::2", LOOPBACK },
	{ "fe80::2%2", KEEP, KEEP, KEEP, "fe80::2", LINK },
	{ "fe80::2%77", KEEP, KEEP, KEEP, "fe80::2", NO_DEVICE },
	{ "fe80::9%2", KEEP, KEEP, KEEP, "fe80::9", LINK },
	{ "fd00::2%77", KEEP, KEEP, KEEP, "fd00::2", NO_DEVICE },
};

static struct endpoint bent(const struct kind *k, struct endpoint e, const struct bend *b)
{
	bool mine = e.room[e.any.sa_family == AF_INET ? 11 : 31] == CLIENT_ID;

	if (b->ip)
		e = at(k, b->ip, port_of(e));
	if (b->ip && is_l2tp(k) && mine)
		set_id(&e, CLIENT_ID);
	if (b->scope)
		e.in6.sin6_scope_id = b->scope;
	if (b->family != KEEP)
		e.any.sa_family = b->family;
	if (b->port != KEEP)
		e.in.sin_port = htons(b->port);
	if (b->len == LESS)
		e.len--;
	else if (b->len != KEEP)
		e.len = b->len;
	return e;
}

/* Each call with each address, each time on a new socket, or on one that has been used. */

enum before { NEW, BOUND, CONNECTED, ON_LINK, STATES };

static int prepared(const struct kind *k, enum before before)
{
	int fd = new_socket(k);

	switch (before) {
	case BOUND:
		do_bind(fd, own_of(k, OWN));
		break;
	case CONNECTED:
		join_server(k, fd, 0);
		break;
	case ON_LINK:
		set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, LINK);
		break;
	default:
		break;
	}
	print_arrivals(k, fd);
	return fd;
}

static void bind_each(const struct kind *k, enum before before)
{
	const struct bend *b;
	int fd;

	for (b = bends; b < bends + ARRAY_LEN(bends); b++) {
		fd = prepared(k, before);
		say(k, fd, do_bind(fd, bent(k, own_of(k, OWN), b)), "bind to %s", b->name);
		end(k, fd);
	}
}

static void connect_each(const struct kind *k, enum before before)
{
	const struct bend *b;
	int fd;

	for (b = bends; b < bends + ARRAY_LEN(bends); b++) {
		fd = prepared(k, before);
		say(k, fd, join(fd, bent(k, server_of(k, 0), b)), "connect to %s", b->name);
		print_arrivals(k, fd);
		end(k, fd);
	}
}

static void send_each(const struct kind *k, enum before before)
{
	struct endpoint to;
	const struct bend *b;
	int fd;

	for (b = bends; b < bends + ARRAY_LEN(bends); b++) {
		fd = prepared(k, before);
		to = bent(k, server_of(k, 0), b);
		say(k, fd, post(k, fd, &to, NULL, 0), "send to %s", b->name);
		print_arrivals(k, fd);
		end(k, fd);
	}
}

static void wrong_binds(const struct kind *k)
{
	bind_each(k, NEW);
}

static void wrong_binds_connected(const struct kind *k)
{
	bind_each(k, CONNECTED);
}

static void wrong_binds_on_link(const struct kind *k)
{
	bind_each(k, ON_LINK);
}

static void wrong_connects(const struct kind *k)
{
	connect_each(k, NEW);
}

static void wrong_connects_bound(const struct kind *k)
{
	connect_each(k, BOUND);
}

static void wrong_connects_connected(const struct kind *k)
{
	connect_each(k, CONNECTED);
}

static void wrong_connects_on_link(const struct kind *k)
{
	connect_each(k, ON_LINK);
}

static void wrong_messages(const struct kind *k)
{
	send_each(k, NEW);
}

static void wrong_messages_bound(const struct kind *k)
{
	send_each(k, BOUND);
}

static void wrong_messages_connected(const struct kind *k)
{
	send_each(k, CONNECTED);
}

static void wrong_messages_on_link(const struct kind *k)
{
	send_each(k, ON_LINK);
}

static void low_port_capability(bool have)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	if (have)
		data[0].effective |= 1U << CAP_NET_BIND_SERVICE;
	else
		data[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
	syscall(SYS_capset, &header, data);
}

static void binds(const struct kind *k)
{
	int fd = new_socket(k);

	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind");
	say_free(k, fd, 0);
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind again");
	say(k, fd, do_bind(fd, any_of(k, 0)), "bind elsewhere");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, result(listen(fd, 1)), "listen");
	say(k, fd, do_bind(fd, any_of(k, 0)), "bind a listener");
	end(k, fd);
	say_free(k, -1, OWN);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, any_of(k, 0)), "bind to anything");
	say_free(k, fd, 0);
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, join(fd, server_of(k, 0)), "connect");
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind what is connected");
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, at(k, k->style->foreign, OWN)), "bind to a foreign address");
	say_free(k, -1, OWN);
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind");
	end(k, fd);

	fd = new_socket(k);
	low_port_capability(false);
	say(k, fd, do_bind(fd, own_of(k, LOW)), "bind to a low port");
	low_port_capability(true);
	say(k, fd, do_bind(fd, own_of(k, LOW)), "bind to a low port, with the capability");
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, any_of(k, ASKED)), "bind to a port that is taken");
	say(k, fd, do_bind(fd, any_of(k, OWN)), "bind to one that is not");
	end(k, fd);
}

/* Calls that fail leave an address without a port as it was. */
static void binds_without_port(const struct kind *k)
{
	int fd = new_socket(k);

	set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	say(k, fd, do_bind(fd, own_of(k, 0)), "bind");
	say(k, fd, do_bind(fd, at(k, k->style->foreign, 0)), "bind to a foreign address");
	say(k, fd, do_bind(fd, own_of(k, ASKED)), "bind to a port");
	say(k, fd, do_bind(fd, any_of(k, 0)), "bind to another address");
	say(k, fd, join(fd, at(k, k->style->unreachable, ASKED)), "connect to nowhere");
	say(k, fd, join(fd, server_of(k, 0)), "connect");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	print_arrivals(k, fd);
	say(k, fd, join(fd, server_of(k, 1)), "connect to another");
	end(k, fd);

	fd = new_socket(k);
	set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	do_bind(fd, own_of(k, 0));
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	if (k->can & SENDS) {
		struct endpoint to = server_of(k, 0);

		say(k, fd, post(k, fd, &to, NULL, 0), "send");
		print_arrivals(k, fd);
	}
	say(k, fd, result(listen(fd, 1)), "listen");
	end(k, fd);
}

static void connects(const struct kind *k)
{
	int fd = new_socket(k);

	say(k, fd, do_connect(fd, unspec()), "disconnect what was never connected");
	say(k, fd, join_server(k, fd, 0), "connect");
	print_arrivals(k, fd);
	say(k, fd, do_connect(fd, server_of(k, 0)), "connect again");
	say(k, fd, do_connect(fd, server_of(k, 1)), "connect to another");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	print_arrivals(k, fd);
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	say(k, fd, join(fd, server_of(k, 1)), "connect to another");
	print_arrivals(k, fd);
	say_free(k, fd, 0);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind");
	say(k, fd, join(fd, server_of(k, 0)), "connect");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	print_arrivals(k, fd);
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	end(k, fd);
	say_free(k, -1, OWN);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, own_of(k, 0)), "bind to an address");
	say(k, fd, join(fd, server_of(k, 0)), "connect");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, join(fd, server_of(k, 1)), "connect to another");
	end(k, fd);
}

static void connects_nowhere(const struct kind *k)
{
	int fd = new_socket(k);

	say(k, fd, join(fd, at(k, k->style->unreachable, ASKED)), "connect to nowhere");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	say(k, fd, join_server(k, fd, 0), "connect");
	print_arrivals(k, fd);
	say(k, fd, join(fd, at(k, k->style->unreachable, ASKED)), "connect to nowhere again");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind");
	say(k, fd, join(fd, at(k, k->style->unreachable, ASKED)), "connect to nowhere");
	say_free(k, -1, OWN);
	end(k, fd);

	/* by a packet that says so, where anybody sends one */
	fd = new_socket(k);
	say(k, fd, join(fd, at(k, k->style->to[0], OWN)), "connect to nobody");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send again");
	say(k, fd, join(fd, at(k, k->style->to[0], OWN)), "connect to nobody again");
	say(k, fd, join(fd, server_of(k, 0)), "connect");
	print_arrivals(k, fd);
	end(k, fd);
}

/* A call on a socket with a device, and on one that the device keeps from its peer. */
static void devices(const struct kind *k)
{
	static const int used[] = { LOOPBACK, LINK };
	struct endpoint to = server_of(k, 0);
	int i, fd;

	for (i = 0; i < ARRAY_LEN(used); i++) {
		fd = new_socket(k);
		set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, used[i]);
		say(k, fd, do_connect(fd, unspec()), "disconnect with device %d", used[i]);
		say(k, fd, post(k, fd, &to, NULL, 0), "send with device %d", used[i]);
		print_arrivals(k, fd);
		say(k, fd, do_bind(fd, own_of(k, OWN)), "bind with device %d", used[i]);
		if (used[i] == LOOPBACK || k->can & SENDS)
			say(k, fd, join(fd, to), "connect with device %d", used[i]);
		say(k, fd, post(k, fd, NULL, NULL, 0), "send with device %d", used[i]);
		print_arrivals(k, fd);
		say(k, fd, do_connect(fd, unspec()), "disconnect with device %d", used[i]);
		say_free(k, -1, OWN);
		end(k, fd);
	}
}

/* Messages that do not get as far as to a device: what is left of them? */
static void failing_messages(const struct kind *k)
{
	static char much[70000];
	struct endpoint to = server_of(k, 0), nowhere = at(k, k->style->unreachable, ASKED);
	static const struct note notes[] = {
		{ SOL_IP, IP_TTL, 1, { 5 } },
		{ SOL_IP, IP_TTL, 4, { 0 } },
		{ SOL_IP, 99, 4, { 0 } },
		{ SOL_IPV6, IPV6_HOPLIMIT, 4, { 999 } },
		{ SOL_IPV6, 99, 4, { 0 } },
		{ SOL_SOCKET, 99, 4, { 0 } },
		{ IPPROTO_UDP, 99, 4, { 0 } },
		{ IPPROTO_SCTP, 99, 4, { 0 } },
	};
	int i, fd = new_socket(k);

	say(k, fd, post(k, fd, NULL, NULL, 0), "send without an address");
	say(k, fd, result(send(fd, "", 0, MSG_NOSIGNAL)), "send nothing");
	say(k, fd, result(write(fd, "d", k->can & SENDS ? 1 : 0)), "write");
	if (k->can & SENDS)
		say(k, fd, post(k, fd, &to, NULL, 0), "send");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, post(k, fd, &to, NULL, MSG_OOB), "send out of band");
	say(k, fd, result(sendto(fd, "d", 1, MSG_NOSIGNAL, &to.any, to.len)), "send a byte");
	print_arrivals(k, fd);
	end(k, fd);

	if (!(k->can & SENDS))
		return;
	/* SCTP would send it in parts */
	fd = new_socket(k);
	if (!(k->can & ASSOCIATES))
		say(k, fd, result(sendto(fd, much, sizeof(much), MSG_NOSIGNAL, &to.any,
					 to.len)), "send too much");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, result(sendto(fd, NULL, 8, MSG_NOSIGNAL, &to.any, to.len)),
	    "send what is not there");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, post(k, fd, &nowhere, NULL, 0), "send to nowhere");
	end(k, fd);

	for (i = 0; i < ARRAY_LEN(notes); i++) {
		fd = new_socket(k);
		say(k, fd, post(k, fd, &to, &notes[i], 0), "send with control message %d", i);
		print_arrivals(k, fd);
		end(k, fd);
	}

	fd = new_socket(k);
	shutdown(fd, SHUT_WR);
	say(k, fd, post(k, fd, &to, NULL, 0), "send after the end");
	end(k, fd);
}

static void messages(const struct kind *k)
{
	struct endpoint to[3] = { server_of(k, 0), server_of(k, 1), server_of(k, 0) };
	struct iovec part = { (void *)payload(k), 16 };
	struct mmsghdr many[3] = {};
	int i, fd = new_socket(k);

	say(k, fd, post(k, fd, &to[0], NULL, 0), "send");
	print_arrivals(k, fd);
	say_free(k, fd, 0);
	say(k, fd, post(k, fd, &to[1], NULL, 0), "send to another");
	print_arrivals(k, fd);
	for (i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_name = &to[i];
		many[i].msg_hdr.msg_namelen = to[i].len;
		many[i].msg_hdr.msg_iov = &part;
		many[i].msg_hdr.msg_iovlen = 1;
	}
	say(k, fd, result(sendmmsg(fd, many, 3, MSG_NOSIGNAL)), "send three");
	print_arrivals(k, fd);
	end(k, fd);

	/* The second one of three has nowhere to go. */
	fd = new_socket(k);
	to[1].any.sa_family = 99;
	say(k, fd, result(sendmmsg(fd, many, 3, MSG_NOSIGNAL)), "send three, a wrong one among");
	print_arrivals(k, fd);
	end(k, fd);

	/* The name is the caller's. */
	to[1] = to[0];
	fd = new_socket(k);
	post(k, fd, &to[0], NULL, 0);
	say(k, fd, memcmp(&to[0], &to[1], sizeof(to[0])) ? 1 : 0, "address changed by send");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	join_server(k, fd, 0);
	print_arrivals(k, fd);
	to[1] = server_of(k, 1);
	say(k, fd, post(k, fd, &to[1], NULL, 0), "send to another than the peer");
	print_arrivals(k, fd);
	to[1] = unspec();
	say(k, fd, post(k, fd, &to[1], NULL, 0), "send to AF_UNSPEC");
	print_arrivals(k, fd);
	end(k, fd);
}

static void ring_messages(const struct kind *k)
{
	struct iovec part = { (void *)payload(k), 16 };
	struct endpoint to = server_of(k, 0);
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fd = new_socket(k);

	say(k, fd, ring_message(&ring, IORING_OP_SENDMSG, fd, &message), "send to nobody");
	message.msg_name = &to;
	message.msg_namelen = to.len;
	say(k, fd, ring_message(&ring, IORING_OP_SENDMSG, fd, &message), "send");
	print_arrivals(k, fd);
	say(k, fd, ring_send(&ring, fd, &message), "send to an address");
	print_arrivals(k, fd);
	end(k, fd);
}

static void ring_connects(const struct kind *k)
{
	struct endpoint to = server_of(k, 0), nowhere = at(k, k->style->unreachable, ASKED);
	struct endpoint nobody = at(k, k->style->to[0], OWN), none = unspec();
	int fd = new_socket(k);

	/* The ring waits itself. */
	fcntl(fd, F_SETFL, 0);
	/* SCTP would try for minutes */
	if (!(k->can & ASSOCIATES))
		say(k, fd, ring_connect(&ring, fd, &nowhere.any, nowhere.len),
		    "connect to nowhere");
	say(k, fd, ring_connect(&ring, fd, &nobody.any, nobody.len), "connect to nobody");
	end(k, fd);

	fd = new_socket(k);
	fcntl(fd, F_SETFL, 0);
	if (is_l2tp(k))
		do_bind(fd, own_of(k, OWN));
	say(k, fd, ring_connect(&ring, fd, &to.any, to.len), "connect");
	print_arrivals(k, fd);
	say(k, fd, ring_connect(&ring, fd, &to.any, to.len), "connect again");
	say(k, fd, ring_connect(&ring, fd, &none.any, none.len), "disconnect");
	end(k, fd);
}

/* More than one message in a datagram, and a change of mind in between. */
static void corks(const struct kind *k)
{
	struct endpoint to[2] = { server_of(k, 0), server_of(k, 1) };
	int fd = new_socket(k);

	say(k, fd, post(k, fd, NULL, NULL, MSG_MORE), "send more to nobody");
	say(k, fd, post(k, fd, &to[0], NULL, MSG_MORE), "send more");
	say(k, fd, post(k, fd, &to[1], NULL, MSG_MORE), "send more to another");
	say(k, fd, do_connect(fd, to[1]), "connect in between");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send the end");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	print_arrivals(k, fd);
	end(k, fd);
}

/* Control messages of IP, with what they choose. */
static void control_messages(const struct kind *k)
{
	static const struct remark {
		const char *name;
		int level;
		int type;
		const char *ip;
		int device;
		int value;
	} remarks[] = {
		{ "IP_PKTINFO 127.0.0.2", SOL_IP, IP_PKTINFO, "127.0.0.2" },
		{ "IP_PKTINFO 10.1.0.2", SOL_IP, IP_PKTINFO, "10.1.0.2" },
		{ "IP_PKTINFO 192.0.2.9", SOL_IP, IP_PKTINFO, "192.0.2.9" },
		{ "IP_PKTINFO %1", SOL_IP, IP_PKTINFO, "0.0.0.0", LOOPBACK },
		{ "IP_PKTINFO %2", SOL_IP, IP_PKTINFO, "0.0.0.0", LINK },
		{ "IP_PKTINFO %77", SOL_IP, IP_PKTINFO, "0.0.0.0", NO_DEVICE },
		{ "IP_TTL", SOL_IP, IP_TTL, NULL, 0, 5 },
		{ "IP_TOS", SOL_IP, IP_TOS, NULL, 0, 4 },
		{ "IPV6_PKTINFO fd00::9", SOL_IPV6, IPV6_PKTINFO, "fd00::9" },
		{ "IPV6_PKTINFO fd01::2", SOL_IPV6, IPV6_PKTINFO, "fd01::2" },
		{ "IPV6_PKTINFO 2001:db8::9", SOL_IPV6, IPV6_PKTINFO, "2001:db8::9" },
		{ "IPV6_PKTINFO fe80::2%2", SOL_IPV6, IPV6_PKTINFO, "fe80::2", LINK },
		{ "IPV6_PKTINFO fe80::2", SOL_IPV6, IPV6_PKTINFO, "fe80::2" },
		{ "IPV6_PKTINFO ::%1", SOL_IPV6, IPV6_PKTINFO, "::", LOOPBACK },
		{ "IPV6_PKTINFO ::%2", SOL_IPV6, IPV6_PKTINFO, "::", LINK },
		{ "IPV6_PKTINFO ::%77", SOL_IPV6, IPV6_PKTINFO, "::", NO_DEVICE },
		{ "IPV6_PKTINFO mapped", SOL_IPV6, IPV6_PKTINFO, "::ffff:127.0.0.2" },
		{ "IPV6_PKTINFO mapped, foreign", SOL_IPV6, IPV6_PKTINFO, "::ffff:192.0.2.9" },
		{ "IPV6_HOPLIMIT", SOL_IPV6, IPV6_HOPLIMIT, NULL, 0, 5 },
		{ "IPV6_TCLASS", SOL_IPV6, IPV6_TCLASS, NULL, 0, 4 },
		{ "SO_MARK", SOL_SOCKET, SO_MARK, NULL, 0, 7 },
	};
	static const char *const ways[] = { "new", "bound", "connected", "device 2" };
	struct endpoint to[2] = { server_of(k, 0), at(k, k->style->far, ASKED) };
	int before, fd, i;

	for (before = NEW; before < STATES; before++) {
		for (i = 0; i < ARRAY_LEN(remarks); i++) {
			const struct remark *r = &remarks[i];
			struct note note = { r->level, r->type, sizeof(int), { r->value } };

			if (r->type == IP_PKTINFO && r->level == SOL_IP) {
				note.size = sizeof(note.four);
				inet_pton(AF_INET, r->ip, &note.four.ipi_spec_dst);
				note.four.ipi_ifindex = r->device;
			} else if (r->ip) {
				note.size = sizeof(note.six);
				inet_pton(AF_INET6, r->ip, &note.six.ipi6_addr);
				note.six.ipi6_ifindex = r->device;
			}
			fd = prepared(k, before);
			if (before == CONNECTED)
				say(k, fd, post(k, fd, NULL, &note, 0), "%s, %s: send to the peer",
				    ways[before], r->name);
			if (k->can & SENDS) {
				say(k, fd, post(k, fd, &to[0], &note, 0), "%s, %s: send",
				    ways[before], r->name);
				say(k, fd, post(k, fd, &to[1], &note, 0), "%s, %s: send far",
				    ways[before], r->name);
			}
			print_arrivals(k, fd);
			end(k, fd);
		}
	}
}

/* Addresses of a link, and where the device comes from. */
static void link_addresses(const struct kind *k)
{
	static const int scopes[] = { 0, LOOPBACK, LINK, NO_DEVICE };
	static const char *const ips[] = { "fe80::2", "fe80::77", "ff02::1:2", "fd01::77" };
	struct note note = { SOL_IPV6, IPV6_PKTINFO, sizeof(note.six) };
	struct endpoint to;
	int i, j, with, fd;

	if (k->style != &v6)
		return;
	inet_pton(AF_INET6, "fe80::2", &note.six.ipi6_addr);
	for (i = 0; i < ARRAY_LEN(ips); i++) {
		for (j = 0; j < ARRAY_LEN(scopes); j++) {
			to = at(k, ips[i], ASKED);
			to.in6.sin6_scope_id = scopes[j];
			for (with = 0; with < 4; with++) {
				fd = prepared(k, with == 3 ? ON_LINK : NEW);
				note.six.ipi6_ifindex = with == 1 ? LOOPBACK : LINK;
				if (k->can & SENDS)
					say(k, fd, post(k, fd, &to, with == 1 || with == 2 ? &note :
							NULL, 0),
					    "send to %s%%%d, way %d", ips[i], scopes[j], with);
				if (k->type == SOCK_DGRAM || k->type == SOCK_RAW) {
					say(k, fd, do_connect(fd, to), "connect to %s%%%d, way %d",
					    ips[i], scopes[j], with);
					say(k, fd, post(k, fd, NULL, with == 1 || with == 2 ?
							&note : NULL, 0),
					    "send to the peer %s%%%d, way %d", ips[i], scopes[j],
					    with);
					say(k, fd, do_connect(fd, unspec()),
					    "disconnect from %s%%%d, way %d", ips[i], scopes[j],
					    with);
				}
				print_arrivals(k, fd);
				end(k, fd);
			}
		}
	}

	fd = new_socket(k);
	to = own_of(k, OWN);
	inet_pton(AF_INET6, "fe80::2", &to.in6.sin6_addr);
	say(k, fd, do_bind(fd, to), "bind to a link's address without a link");
	to.in6.sin6_scope_id = LINK;
	say(k, fd, do_bind(fd, to), "bind to a link's address");
	say(k, fd, join(fd, server_of(k, 0)), "connect away from the link");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	print_arrivals(k, fd);
	end(k, fd);
}

/* Loose, over one address. IPv6 takes only that of segment routing, and only from sockets. */
static int set_route(const struct kind *k, int fd)
{
	char route4[8] = "\x83\x07\x04\x7f\x00\x00\x09";
	struct {
		struct ipv6_sr_hdr header;
		struct in6_addr segments[2];
	} route6 = { .header = { .hdrlen = 4, .type = 4, .segments_left = 1, .first_segment = 1 } };

	if (k->style->family == AF_INET)
		return result(setsockopt(fd, SOL_IP, IP_OPTIONS, route4, sizeof(route4)));
	inet_pton(AF_INET6, "fd00::9", &route6.segments[1]);
	return result(setsockopt(fd, SOL_IPV6, IPV6_RTHDR, &route6, sizeof(route6)));
}

static void source_routes(const struct kind *k)
{
	struct endpoint to = server_of(k, 0);
	int fd = new_socket(k);

	if (say(k, fd, set_route(k, fd), "set a source route"))
		return end(k, fd);
	say(k, fd, join_server(k, fd, 0), "connect over it");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, NULL, NULL, 0), "send over it");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	set_route(k, fd);
	say(k, fd, post(k, fd, &to, NULL, 0), "send to an address over it");
	print_arrivals(k, fd);
	end(k, fd);
}

static void source_routes_of_messages(const struct kind *k)
{
	struct endpoint to = server_of(k, 0);
	struct note note = { SOL_IP, IP_RETOPTS, 8 };
	int fd = new_socket(k);

	memcpy(note.bytes, "\x83\x07\x04\x7f\x00\x00\x09", 8);
	say(k, fd, post(k, fd, &to, &note, 0), "send with a route of its own");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	join_server(k, fd, 0);
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, NULL, &note, 0), "send to the peer with a route of its own");
	print_arrivals(k, fd);
	end(k, fd);
}

/* Options that lead nowhere else, and the routes that the socket's own port takes. */
static void options(const struct kind *k)
{
	static const char timestamp[8] = "\x44\x08\x05\x00";
	struct endpoint to = server_of(k, 0);
	struct note note = { SOL_IP, IP_RETOPTS, 8 };
	int fd = new_socket(k);

	memcpy(note.bytes, timestamp, 8);
	say(k, fd, result(setsockopt(fd, SOL_IP, IP_OPTIONS, timestamp, 8)), "set an option");
	say(k, fd, join_server(k, fd, 0), "connect with it");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, &to, &note, 0), "send with one of its own");
	print_arrivals(k, fd);
	end(k, fd);
}

/* Is the port of the socket there when the route is looked up? */
static void routes(const struct kind *k)
{
	static const char *const rules[] = {
		"sport 4001", "sport 1-65534", "dport 4000", "from 10.1.0.2", "from fd01::2",
	};
	struct endpoint far = at(k, k->style->far, ASKED);
	char command[128];
	int i, bound, fd;

	for (i = 0; i < ARRAY_LEN(rules); i++) {
		bool six = k->style == &v6;

		/* an address of the other family */
		if (strchr(rules[i], six ? '.' : ':'))
			continue;
		snprintf(command, sizeof(command), "ip -%d rule add %s prohibit pref 10",
			 six ? 6 : 4, rules[i]);
		if (system(command))
			printf("no rule %s\n", rules[i]);
		for (bound = 0; bound < 2; bound++) {
			fd = new_socket(k);
			if (bound)
				do_bind(fd, any_of(k, OWN));
			if (k->can & SENDS)
				say(k, fd, post(k, fd, &far, NULL, 0), "%s, bound %d: send",
				    rules[i], bound);
			say(k, fd, do_connect(fd, far), "%s, bound %d: connect", rules[i], bound);
			if (k->type == SOCK_DGRAM || k->type == SOCK_RAW)
				say(k, fd, post(k, fd, NULL, NULL, 0), "%s, bound %d: send again",
				    rules[i], bound);
			end(k, fd);
		}
		snprintf(command, sizeof(command), "ip -%d rule del pref 10", six ? 6 : 4);
		if (system(command))
			printf("cannot remove the rule\n");
	}
}

/* A packet with the header that the caller wrote, to @inner, for the address @outer. */
static int post_header(int fd, const char *inner, const struct endpoint *outer)
{
	union {
		struct ip four;
		struct ipv6hdr six;
		char bytes[56];
	} packet = {};
	int size;

	if (!strchr(inner, ':')) {
		packet.four.ip_v = 4;
		packet.four.ip_hl = 5;
		packet.four.ip_ttl = 9;
		packet.four.ip_p = IPPROTO_TRIAL;
		packet.four.ip_len = htons(28);
		inet_pton(AF_INET, inner, &packet.four.ip_dst);
		size = 28;
	} else {
		packet.six.version = 6;
		packet.six.payload_len = htons(8);
		packet.six.nexthdr = IPPROTO_TRIAL;
		packet.six.hop_limit = 9;
		inet_pton(AF_INET6, inner, &packet.six.daddr);
		size = 48;
	}
	return result(sendto(fd, &packet, size, 0, outer ? &outer->any : NULL,
			     outer ? outer->len : 0));
}

static int new_with_header(const struct kind *k)
{
	int fd = new_socket(k);
	bool six = k->style->family == AF_INET6;

	set_int(fd, six ? SOL_IPV6 : SOL_IP, six ? IPV6_HDRINCL : IP_HDRINCL, 1);
	return fd;
}

static void headers(const struct kind *k)
{
	struct endpoint to = server_of(k, 0);
	int fd = new_with_header(k);

	say(k, fd, post_header(fd, k->style->to[0], NULL), "send to nobody");
	say(k, fd, post_header(fd, k->style->to[0], &to), "send");
	print_arrivals(k, fd);
	say(k, fd, result(sendto(fd, "short", 5, 0, &to.any, to.len)), "send less than a header");
	print_arrivals(k, fd);
	say(k, fd, do_bind(fd, own_of(k, 0)), "bind");
	say(k, fd, post_header(fd, k->style->to[0], &to), "send from there");
	print_arrivals(k, fd);
	say(k, fd, do_connect(fd, to), "connect");
	say(k, fd, post_header(fd, k->style->to[0], NULL), "send to the peer");
	print_arrivals(k, fd);
	end(k, fd);
}

static void headers_to_others(const struct kind *k)
{
	struct endpoint to = server_of(k, 0);
	int fd = new_with_header(k);

	say(k, fd, post_header(fd, k->style->to[1], &to), "send with another address in it");
	print_arrivals(k, fd);
	do_connect(fd, to);
	say(k, fd, post_header(fd, k->style->to[1], NULL), "send to the peer with another in it");
	print_arrivals(k, fd);
	end(k, fd);
}

static void fast_open(const struct kind *k)
{
	struct endpoint to = server_of(k, 0), nowhere = at(k, k->style->unreachable, ASKED);
	struct endpoint nobody = at(k, k->style->to[0], OWN), none = unspec();
	int round, fd;

	/* The second time there is a cookie. */
	for (round = 0; round < 3; round++) {
		fd = new_socket(k);
		say(k, fd, post(k, fd, &to, NULL, MSG_FASTOPEN), "send, round %d", round);
		print_arrivals(k, fd);
		say(k, fd, post(k, fd, &to, NULL, MSG_FASTOPEN), "send again, round %d", round);
		print_arrivals(k, fd);
		end(k, fd);

		fd = new_socket(k);
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
		say(k, fd, do_connect(fd, to), "connect, round %d", round);
		say(k, fd, do_connect(fd, to), "connect again, round %d", round);
		say(k, fd, post(k, fd, NULL, NULL, 0), "send, connected, round %d", round);
		print_arrivals(k, fd);
		say(k, fd, do_connect(fd, to), "connect at last, round %d", round);
		end(k, fd);

		fd = new_socket(k);
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
		say(k, fd, do_connect(fd, none), "disconnect, round %d", round);
		say(k, fd, do_connect(fd, nowhere), "connect to nowhere, round %d", round);
		say(k, fd, do_connect(fd, nobody), "connect to nobody, round %d", round);
		say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody, round %d", round);
		end(k, fd);
	}
	fd = new_socket(k);
	say(k, fd, post(k, fd, NULL, NULL, MSG_FASTOPEN), "send without an address");
	say(k, fd, post(k, fd, &none, NULL, MSG_FASTOPEN), "send to AF_UNSPEC");
	say(k, fd, post(k, fd, &nowhere, NULL, MSG_FASTOPEN), "send to nowhere");
	to.any.sa_family = 99;
	say(k, fd, post(k, fd, &to, NULL, MSG_FASTOPEN), "send to family 99");
	end(k, fd);
}

static void listens(const struct kind *k)
{
	struct endpoint to;
	int fd = new_socket(k), client = new_socket(k), branch;

	say(k, fd, result(listen(fd, 1)), "listen");
	say_free(k, fd, 0);
	say(k, fd, result(listen(fd, 2)), "listen again");
	own_name(fd, &to);
	memcpy((void *)endpoint_ip(&to), k->style->family == AF_INET ? (void *)"\177\0\0\1" :
	       &in6addr_loopback, endpoint_ip_len(&to));
	say(k, client, join(client, to), "connect");
	if (k->can & ACCEPTS) {
		branch = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
		say(k, branch, branch < 0 ? -errno : 0, "accept");
		say(k, branch, result(send(branch, "data", 4, MSG_NOSIGNAL)), "answer");
		print_received(k, "the client", client);
		say(k, branch, do_bind(branch, own_of(k, OWN)), "bind what was accepted");
		close(branch);
	}
	say(k, fd, do_connect(fd, server_of(k, 0)), "connect a listener");
	say(k, fd, do_connect(fd, unspec()), "disconnect a listener");
	end(k, client);
	end(k, fd);

	fd = new_socket(k);
	join(fd, server_of(k, 0));
	say(k, fd, result(listen(fd, 1)), "listen with what is connected");
	end(k, fd);

	fd = new_socket(k);
	do_bind(fd, any_of(k, ASKED));
	say(k, fd, result(listen(fd, 1)), "listen where somebody else does");
	end(k, fd);
}

/* Without waiting: refused, and on with the same socket. */
static void refusals(const struct kind *k)
{
	int fd = new_socket(k);

	say(k, fd, join(fd, at(k, k->style->to[0], OWN)), "connect to nobody");
	say_free(k, fd, 0);
	say(k, fd, result(listen(fd, 1)), "listen");
	end(k, fd);

	fd = new_socket(k);
	set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	do_bind(fd, own_of(k, 0));
	say(k, fd, join(fd, at(k, k->style->to[0], OWN)), "connect to nobody, bound");
	say(k, fd, join(fd, server_of(k, 0)), "connect, bound");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_bind(fd, own_of(k, LAST)), "bind to a port");
	say(k, fd, join(fd, at(k, k->style->to[0], OWN)), "connect to nobody, with a port");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	say(k, fd, join(fd, server_of(k, 0)), "connect, with a port");
	print_arrivals(k, fd);
	end(k, fd);
}

/* Who wants a port gets none. */
static void no_port_left(const struct kind *k)
{
	struct endpoint to = server_of(k, 0);
	int fd, taken;

	write_file("/proc/sys/net/ipv4/ip_local_port_range", "32000 32000");
	taken = new_socket(k);
	do_bind(taken, any_of(k, LAST));
	fd = new_socket(k);
	say(k, fd, do_bind(fd, any_of(k, 0)), "bind");
	say(k, fd, result(listen(fd, 1)), "listen");
	end(k, fd);
	fd = new_socket(k);
	if (k->can & SENDS)
		say(k, fd, post(k, fd, &to, NULL, 0), "send");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send to nobody");
	say(k, fd, join(fd, to), "connect");
	close(taken);
	say(k, fd, join(fd, to), "connect with the one port");
	print_arrivals(k, fd);
	end(k, fd);
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999");
}

static void one_name(const struct kind *k, int fd, const char *when)
{
	struct endpoint e = any_of(k, 0);
	int err, i;

	/* refuses more room than the name takes */
	err = result(getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &e.room, &e.len));
	printf("  %s: SO_PEERNAME, %u bytes", when, e.len);
	print_name(k, "name", err, &e);
	printf("\n");
	for (i = 0; i < 24; i += 4) {
		memset(&e, 0, sizeof(e));
		e.len = i;
		err = result(getsockname(fd, &e.any, &e.len));
		printf("  %s: own name in %d bytes: %s, %u bytes, family %d", when, i,
		       error_name(err), e.len, e.any.sa_family);
		memset(&e, 0, sizeof(e));
		e.len = i;
		err = result(getpeername(fd, &e.any, &e.len));
		printf("; peer's: %s, %u bytes, family %d\n", error_name(err), e.len,
		       e.any.sa_family);
	}
	say(k, fd, 0, "%s", when);
}

static void names(const struct kind *k)
{
	int fd = new_socket(k);

	one_name(k, fd, "new");
	do_bind(fd, own_of(k, OWN));
	one_name(k, fd, "bound");
	join(fd, server_of(k, 0));
	one_name(k, fd, "connected");
	say(k, fd, result(setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &(int){ AF_INET }, sizeof(int))),
	    "into AF_INET");
	one_name(k, fd, "of the other family, perhaps");
	shutdown(fd, SHUT_RDWR);
	/* TCP may take its time to acknowledge that */
	usleep(60000);
	one_name(k, fd, "shut down");
	do_connect(fd, unspec());
	one_name(k, fd, "disconnected");
	print_arrivals(k, fd);
	end(k, fd);
}

/* With too little room for a name, peeking, and what is behind a message. */
static void receives(const struct kind *k)
{
	struct endpoint to = own_of(k, OWN), from;
	struct iovec part;
	struct msghdr message;
	char data[64], control[256];
	int i, size, fd = new_socket(k), client;

	if (is_l2tp(k))
		set_id(&to, SERVER_ID);
	do_bind(fd, to);
	set_int(fd, SOL_IP, IP_PKTINFO, 1);
	set_int(fd, SOL_IP, IP_RECVTTL, 1);
	set_int(fd, SOL_IP, IP_RECVERR, 1);
	set_int(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
	set_int(fd, SOL_IPV6, IPV6_RECVERR, 1);
	client = is_ping(k) ? fd : new_socket(k);
	if (is_ping(k))
		to = server_of(k, 0);
	else if (k->style == &inet)
		to = at(k, "127.0.0.3", OWN);
	if (k->can & ASSOCIATES)
		listen(fd, 1);
	for (i = 0; i < 6; i++)
		say(k, client, post(k, client, &to, NULL, 0), "send to the socket");
	for (i = 0; i < 8; i++) {
		memset(&from, 0, sizeof(from));
		part = (struct iovec){ data, i == 2 ? 4 : sizeof(data) };
		message = (struct msghdr){
			.msg_name = i == 1 ? NULL : &from,
			.msg_namelen = i == 3 ? 0 : i == 4 ? 8 : sizeof(from.room),
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = i == 5 ? 0 : sizeof(control),
		};
		size = result(recvmsg(fd, &message, (i == 0 ? MSG_PEEK : 0) |
				      (i == 7 ? MSG_ERRQUEUE : 0)));
		printf("  receive %d: %s, name of %u bytes ", i, error_name(size),
		       message.msg_namelen);
		print_address(k, &from);
		printf(", flags %x, control of %zu bytes\n", message.msg_flags & ~MSG_CMSG_CLOEXEC,
		       message.msg_controllen);
	}
	/* Nobody is at this port, and says so. */
	to = at(k, k->style->to[0], LAST);
	say(k, fd, post(k, fd, &to, NULL, 0), "send to nobody");
	memset(&from, 0, sizeof(from));
	message.msg_name = &from;
	message.msg_namelen = sizeof(from.room);
	size = result(recvmsg(fd, &message, MSG_ERRQUEUE));
	printf("  receive an error: %s, ", error_name(size));
	print_address(k, &from);
	printf("\n");
	if (client != fd)
		close(client);
	end(k, fd);
}

/* As "ss -K" does. */
static int destroy(const struct kind *k, int fd)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} ask = {
		.header = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = SOCK_DESTROY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.request = {
			.sdiag_family = k->style->family,
			.sdiag_protocol = k->protocol,
			.idiag_states = ~0,
			.id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
		},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char room[256];
	} answer = {};
	struct endpoint own, peer;
	int diag = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);

	own_name(fd, &own);
	peer_name(fd, &peer);
	ask.request.id.idiag_sport = own.in.sin_port;
	ask.request.id.idiag_dport = peer.in.sin_port;
	memcpy(ask.request.id.idiag_src, endpoint_ip(&own), endpoint_ip_len(&own));
	memcpy(ask.request.id.idiag_dst, endpoint_ip(&peer), endpoint_ip_len(&peer));
	if (k->type == SOCK_RAW)
		((struct inet_diag_req_raw *)&ask.request)->sdiag_raw_protocol = k->protocol;
	send(diag, &ask, sizeof(ask), 0);
	recv(diag, &answer, sizeof(answer), MSG_DONTWAIT);
	close(diag);
	return answer.error.error;
}

static void destroyed(const struct kind *k)
{
	int fd = new_socket(k);

	join_server(k, fd, 0);
	print_arrivals(k, fd);
	say(k, fd, destroy(k, fd), "destroy");
	say(k, fd, post(k, fd, NULL, NULL, 0), "send");
	say(k, fd, join(fd, server_of(k, 1)), "connect");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	do_bind(fd, own_of(k, OWN));
	join(fd, server_of(k, 0));
	print_arrivals(k, fd);
	say(k, fd, destroy(k, fd), "destroy what is bound");
	say_free(k, -1, OWN);
	say(k, fd, do_bind(fd, own_of(k, OWN)), "bind");
	end(k, fd);
	say_free(k, -1, OWN);
}

/* SCTP: calls with several addresses. */

static int sctp_call(const struct kind *k, int fd, int option, int count,
		     const struct endpoint *from)
{
	char room[3 * sizeof(from->room)];
	int i, len = 0;

	for (i = 0; i < count; i++) {
		memcpy(room + len, from[i].room, from[i].len);
		len += from[i].len;
	}
	return result(setsockopt(fd, IPPROTO_SCTP, option, room, len));
}

/* An id of an association, which differs from boot to boot, is no error. */
static int connectx(const struct kind *k, int fd, int count, const struct endpoint *to)
{
	int ret = sctp_call(k, fd, SCTP_SOCKOPT_CONNECTX, count, to);

	return ret > 0 ? 0 : ret;
}

static int bindx(const struct kind *k, int fd, int count, const struct endpoint *own)
{
	return sctp_call(k, fd, SCTP_SOCKOPT_BINDX_ADD, count, own);
}

static void bindx_calls(const struct kind *k)
{
	struct endpoint own[3] = { own_of(k, OWN), server_of(k, 1), own_of(k, OWN) };
	int fd = new_socket(k);

	own[1].in.sin_port = htons(OWN);
	say(k, fd, bindx(k, fd, 0, own), "bindx of nothing");
	say(k, fd, bindx(k, fd, 1, own), "bindx of one");
	say(k, fd, bindx(k, fd, 1, own), "bindx of the same");
	say(k, fd, bindx(k, fd, 1, own + 1), "bindx of another");
	say(k, fd, sctp_call(k, fd, SCTP_SOCKOPT_BINDX_REM, 1, own + 1), "take it back");
	say(k, fd, sctp_call(k, fd, SCTP_SOCKOPT_BINDX_REM, 1, own), "take back the last");
	say(k, fd, sctp_call(k, fd, SCTP_PRIMARY_ADDR, 1, own), "a wrong option");
	end(k, fd);
	say_free(k, -1, OWN);

	fd = new_socket(k);
	say(k, fd, bindx(k, fd, 2, own), "bindx of two");
	say_free(k, fd, 0);
	say(k, fd, connectx(k, fd, 1, (struct endpoint[]){ server_of(k, 0) }), "connectx");
	print_arrivals(k, fd);
	say(k, fd, bindx(k, fd, 1, (struct endpoint[]){ any_of(k, OWN) }), "bindx, connected");
	end(k, fd);
	say_free(k, -1, OWN);

	fd = new_socket(k);
	own[0].in.sin_port = 0;
	say(k, fd, bindx(k, fd, 1, own), "bindx without a port");
	end(k, fd);

	fd = new_socket(k);
	own[0].in.sin_port = htons(LOW);
	low_port_capability(false);
	say(k, fd, bindx(k, fd, 1, own), "bindx to a low port");
	low_port_capability(true);
	end(k, fd);

	fd = new_socket(k);
	own[0] = own_of(k, OWN);
	own[0].any.sa_family = 99;
	say(k, fd, bindx(k, fd, 1, own), "bindx of family 99");
	own[0].any.sa_family = AF_UNSPEC;
	say(k, fd, bindx(k, fd, 1, own), "bindx of AF_UNSPEC");
	own[0].any.sa_family = k->style->family;
	own[0].len = 12;
	say(k, fd, bindx(k, fd, 1, own), "bindx of a short address");
	end(k, fd);
}

/* The second address of two cannot be had. */
static void bindx_fails(const struct kind *k)
{
	struct endpoint own[2] = { own_of(k, OWN), at(k, k->style->foreign, OWN) };
	int fd = new_socket(k);

	say(k, fd, bindx(k, fd, 2, own), "bindx, the second one foreign");
	say_free(k, -1, OWN);
	say(k, fd, bindx(k, fd, 1, own), "bindx of one");
	say(k, fd, bindx(k, fd, 2, (struct endpoint[]){ server_of(k, 1), own[1] }),
	    "bindx of two more, with another port");
	end(k, fd);

	fd = new_socket(k);
	own[1] = own[0];
	own[1].in.sin_port = htons(OTHER);
	say(k, fd, bindx(k, fd, 2, own), "bindx with two ports");
	say_free(k, -1, OWN);
	end(k, fd);
}

static void associations(const struct kind *k)
{
	struct endpoint to[2] = { server_of(k, 0), server_of(k, 1) }, wrong;
	int fd = new_socket(k);

	say(k, fd, connectx(k, fd, 1, to), "connectx");
	print_arrivals(k, fd);
	say(k, fd, connectx(k, fd, 1, to), "connectx again");
	say(k, fd, do_connect(fd, to[0]), "connect again");
	say(k, fd, post(k, fd, &to[0], NULL, 0), "send");
	say(k, fd, post(k, fd, &to[1], NULL, 0), "send to a stranger");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, do_connect(fd, at(k, k->style->far, ASKED)), "connect far");
	say(k, fd, do_connect(fd, at(k, k->style->far, ASKED)), "connect far again");
	say(k, fd, do_connect(fd, to[0]), "connect to another");
	say(k, fd, connectx(k, fd, 1, to), "connectx to another");
	say(k, fd, do_connect(fd, unspec()), "disconnect");
	end(k, fd);

	fd = new_socket(k);
	wrong = to[1];
	wrong.in.sin_port = htons(ASKED);
	say(k, fd, connectx(k, fd, 2, (struct endpoint[]){ to[0], wrong }), "connectx to two");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	say(k, fd, connectx(k, fd, 2, to), "connectx to two ports");
	say(k, fd, connectx(k, fd, 2, (struct endpoint[]){ to[0], to[0] }),
	    "connectx twice to one");
	wrong.in.sin_port = 0;
	say(k, fd, connectx(k, fd, 1, &wrong), "connectx to port 0");
	wrong.any.sa_family = 99;
	say(k, fd, connectx(k, fd, 1, &wrong), "connectx to family 99");
	say(k, fd, connectx(k, fd, 1, (struct endpoint[]){ unspec() }), "connectx to AF_UNSPEC");
	say(k, fd, connectx(k, fd, 0, to), "connectx to nothing");
	end(k, fd);
}

/* Messages with what SCTP wants to be told, in its own control message. */
static void association_messages(const struct kind *k)
{
	struct endpoint to[2] = { server_of(k, 0), server_of(k, 1) };
	struct note note = { IPPROTO_SCTP, SCTP_SNDINFO, sizeof(struct sctp_sndinfo) };
	struct sctp_sndinfo info = { .snd_flags = SCTP_SENDALL };
	bool four = to[1].any.sa_family == AF_INET;
	int i, fd = new_socket(k);

	memcpy(note.bytes, &info, sizeof(info));
	say(k, fd, post(k, fd, &to[0], &note, 0), "send to all, to an address, of none");
	print_arrivals(k, fd);
	for (i = 0; i < 2; i++)
		say(k, fd, post(k, fd, &to[i], NULL, 0), "send to server %d", i);
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, &to[0], &note, 0), "send to all, to an address");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, NULL, &note, 0), "send to all");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	info.snd_flags = SCTP_EOF;
	memcpy(note.bytes, &info, sizeof(info));
	say(k, fd, post(k, fd, &to[0], &note, 0), "send the end to a stranger");
	info.snd_flags = SCTP_ABORT;
	memcpy(note.bytes, &info, sizeof(info));
	say(k, fd, post(k, fd, &to[0], &note, 0), "abort with a stranger");
	info = (struct sctp_sndinfo){ .snd_sid = 999 };
	memcpy(note.bytes, &info, sizeof(info));
	say(k, fd, post(k, fd, &to[0], &note, 0), "send in a stream that is not there");
	print_arrivals(k, fd);
	info = (struct sctp_sndinfo){ .snd_assoc_id = 12345 };
	memcpy(note.bytes, &info, sizeof(info));
	say(k, fd, post(k, fd, NULL, &note, 0), "send to an association that is not there");
	say(k, fd, post(k, fd, &to[1], &note, 0), "the same, to an address");
	print_arrivals(k, fd);
	end(k, fd);

	/* One peer, two addresses of it. */
	fd = new_socket(k);
	note = (struct note){ IPPROTO_SCTP, four ? SCTP_DSTADDRV4 : SCTP_DSTADDRV6,
			      endpoint_ip_len(&to[1]) };
	memcpy(note.bytes, endpoint_ip(&to[1]), note.size);
	say(k, fd, post(k, fd, &to[0], &note, 0), "send to two addresses");
	print_arrivals(k, fd);
	say(k, fd, post(k, fd, &to[0], &note, 0), "send to two addresses again");
	print_arrivals(k, fd);
	end(k, fd);

	fd = new_socket(k);
	note.size = 2;
	say(k, fd, post(k, fd, &to[0], &note, 0), "send to an address and a half");
	print_arrivals(k, fd);
	end(k, fd);
}

static void peel_off(const struct kind *k)
{
	struct { __u32 count; sctp_assoc_t id; } ids = {};
	socklen_t len = sizeof(ids);
	sctp_peeloff_arg_t request = {};
	struct endpoint to = server_of(k, 0);
	int fd = new_socket(k);

	say(k, fd, post(k, fd, &to, NULL, 0), "send");
	getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &ids, &len);
	request.associd = ids.id;
	len = sizeof(request);
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &request, &len) < 0) {
		say(k, fd, -errno, "peel off");
		return end(k, fd);
	}
	say(k, request.sd, 0, "peel off");
	say(k, fd, 0, "what is left");
	say(k, request.sd, post(k, request.sd, NULL, NULL, 0), "send to the peer");
	say(k, request.sd, post(k, request.sd, &to, NULL, 0), "send to it by address");
	to = server_of(k, 1);
	say(k, request.sd, post(k, request.sd, &to, NULL, 0), "send to a stranger");
	say(k, request.sd, do_connect(request.sd, to), "connect");
	print_arrivals(k, fd);
	close(request.sd);
	end(k, fd);
}

static const struct story {
	const char *name;
	void (*tell)(const struct kind *k);
	int needs;
} stories[] = {
	{ "binds", binds },
	{ "binds without a port", binds_without_port },
	{ "wrong binds", wrong_binds },
	{ "wrong binds, connected", wrong_binds_connected },
	{ "wrong binds, with a device", wrong_binds_on_link },
	{ "connects", connects },
	{ "connects nowhere", connects_nowhere },
	{ "wrong connects", wrong_connects },
	{ "wrong connects, bound", wrong_connects_bound },
	{ "wrong connects, connected", wrong_connects_connected },
	{ "wrong connects, with a device", wrong_connects_on_link, SENDS },
	{ "devices", devices },
	{ "failing messages", failing_messages },
	{ "wrong messages", wrong_messages },
	{ "wrong messages, bound", wrong_messages_bound },
	{ "wrong messages, connected", wrong_messages_connected },
	{ "wrong messages, with a device", wrong_messages_on_link, SENDS },
	{ "messages", messages, SENDS },
	{ "messages of a ring", ring_messages },
	{ "connects of a ring", ring_connects },
	{ "corks", corks, CORKS },
	{ "control messages", control_messages, SENDS },
	{ "addresses of a link", link_addresses },
	{ "source routes", source_routes },
	{ "source routes of messages", source_routes_of_messages, SENDS },
	{ "options", options },
	{ "routes", routes },
	{ "headers", headers, HEADERS },
	{ "headers to others", headers_to_others, HEADERS },
	{ "fast open", fast_open, FAST_OPEN },
	{ "listens", listens, LISTENS },
	{ "refusals", refusals, PORTS },
	{ "no port left", no_port_left, PORTS },
	{ "names", names },
	{ "receives", receives, SENDS },
	{ "destroyed", destroyed },
	{ "bindx", bindx_calls, ASSOCIATES },
	{ "bindx fails", bindx_fails, ASSOCIATES },
	{ "associations", associations, ASSOCIATES },
	{ "messages of associations", association_messages, ASSOCIATES },
	{ "peel off", peel_off, PEELS_OFF },
};

/* AF_UNIX: where two servers are, and what a client calls itself. */
static const struct unix_kind {
	const char *name;
	int type;
	const char *paths[3];
} unix_kinds[] = {
	{ "unix stream", SOCK_STREAM, { "/run/asked", "/run/other", "/run/own" } },
	{ "unix stream, abstract", SOCK_STREAM, { "@asked", "@other", "@own" } },
	{ "unix datagram", SOCK_DGRAM, { "/run/asked", "/run/other", "/run/own" } },
	{ "unix datagram, abstract", SOCK_DGRAM, { "@asked", "@other", "@own" } },
	{ "unix seqpacket", SOCK_SEQPACKET, { "/run/asked", "@other", "/run/own" } },
};

struct unix_name {
	struct sockaddr_un un;
	socklen_t len;
};

static struct unix_name unix_name(const char *path)
{
	struct unix_name name = { .un.sun_family = AF_UNIX };

	memcpy(name.un.sun_path, path, strlen(path));
	name.len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@');
	if (path[0] == '@')
		name.un.sun_path[0] = 0;
	return name;
}

static int unix_bind(int fd, const struct unix_name *name)
{
	return result(bind(fd, (struct sockaddr *)&name->un, name->len));
}

static int unix_connect(int fd, const struct unix_name *name)
{
	return result(connect(fd, (struct sockaddr *)&name->un, name->len));
}

static int unix_send(int fd, const struct unix_name *to)
{
	return result(sendto(fd, "data", 4, MSG_NOSIGNAL, to ? (struct sockaddr *)&to->un : NULL,
			     to ? to->len : 0));
}

/* A name that the kernel chose is five random digits behind a zero. */
static void print_unix_name(const char *what, int err, const struct unix_name *name)
{
	int i, len = name->len - offsetof(struct sockaddr_un, sun_path);

	printf("; %s ", what);
	if (err < 0) {
		printf("%s", error_name(err));
		return;
	}
	printf("%u bytes, family %d ", name->len, name->len >= 2 ? name->un.sun_family : -1);
	if (len == 6 && !name->un.sun_path[0]) {
		printf("chosen");
		return;
	}
	for (i = 0; i < len && i < (int)sizeof(name->un.sun_path); i++)
		printf(name->un.sun_path[i] >= ' ' ? "%c" : "[%d]", name->un.sun_path[i]);
}

static int unix_say(int fd, int ret, const char *what)
{
	struct unix_name name = { .len = sizeof(name.un) };
	int err;

	printf("  %s: %s", what, error_name(ret));
	err = result(getsockname(fd, (struct sockaddr *)&name.un, &name.len));
	print_unix_name("own", err, &name);
	name = (struct unix_name){ .len = sizeof(name.un) };
	err = result(getpeername(fd, (struct sockaddr *)&name.un, &name.len));
	print_unix_name("peer", err, &name);
	name = (struct unix_name){ .len = sizeof(sa_family_t) };
	err = result(getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &name.un, &name.len));
	print_unix_name("SO_PEERNAME", err, &name);
	name = (struct unix_name){ .len = 4 };
	err = result(getsockname(fd, (struct sockaddr *)&name.un, &name.len));
	printf("; in 4 bytes %s, %u bytes\n", error_name(err), name.len);
	return ret;
}

/* Up to @room bytes, with a name if there is @space for it. */
static void unix_receive(const char *who, int fd, int room, int space, int flags)
{
	struct unix_name name = {};
	char data[64];
	struct iovec part = { data, room };
	struct msghdr message = {
		.msg_name = space ? &name.un : NULL,
		.msg_namelen = space,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	int size = result(recvmsg(fd, &message, flags | MSG_DONTWAIT));

	printf("  %s receives %s, flags %x", who, error_name(size), message.msg_flags);
	name.len = message.msg_namelen;
	print_unix_name("from", size, &name);
	printf("\n");
}

static int unix_server(const struct unix_kind *k, int which)
{
	struct unix_name name = unix_name(k->paths[which]);
	int fd = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0);

	unlink(k->paths[which]);
	unix_bind(fd, &name);
	listen(fd, 8);
	return fd;
}

static int unix_accept(const struct unix_kind *k, int server)
{
	return k->type == SOCK_DGRAM ? dup(server) : accept4(server, NULL, NULL, SOCK_NONBLOCK);
}

/* What the server gets from a client that has a name of @own, or none. */
static void unix_talk(const struct unix_kind *k, const char *own)
{
	static const int flags[] = { MSG_PEEK, 0, MSG_WAITALL, 0, 0, 0 };
	struct unix_name to[2] = { unix_name(k->paths[0]), unix_name(k->paths[1]) }, name;
	int fd = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0), unix_servers[2], i, branch;

	for (i = 0; i < 2; i++)
		unix_servers[i] = unix_server(k, i);
	unix_say(fd, 0, "new");
	if (own) {
		unlink(own);
		name = unix_name(own);
		/* without a path, the kernel chooses one */
		if (!own[0])
			name.len = sizeof(sa_family_t);
		unix_say(fd, unix_bind(fd, &name), "bind");
		unix_say(fd, unix_bind(fd, &name), "bind again");
	}
	unix_say(fd, unix_send(fd, NULL), "send to nobody");
	unix_say(fd, unix_send(fd, &to[0]), "send");
	unix_say(fd, unix_connect(fd, &to[0]), "connect");
	unix_say(fd, unix_connect(fd, &to[0]), "connect again");
	for (i = 0; i < 4; i++)
		unix_send(fd, NULL);
	unix_say(fd, unix_send(fd, NULL), "send");
	unix_say(fd, unix_send(fd, &to[1]), "send to another");
	branch = unix_accept(k, unix_servers[0]);
	unix_say(branch, branch < 0 ? -errno : 0, "accept");
	/* more than a message, less than one, with and without a name or room for it */
	for (i = 0; i < ARRAY_LEN(flags); i++)
		unix_receive("the server", branch, i < 3 ? 10 : 3, i == 3 ? 0 : i == 4 ? 4 :
			     sizeof(struct sockaddr_un), flags[i]);
	unix_receive("the other server", unix_servers[1], 10, sizeof(struct sockaddr_un), 0);
	unix_say(branch, unix_send(branch, NULL), "answer");
	unix_receive("the client", fd, 10, sizeof(struct sockaddr_un), 0);
	name = (struct unix_name){ .len = sizeof(sa_family_t) };
	unix_say(fd, unix_connect(fd, &name), "disconnect");
	unix_say(fd, unix_connect(fd, &to[1]), "connect to another");
	close(branch);
	unix_say(fd, unix_send(fd, NULL), "send to who has gone");
	for (i = 0; i < 2; i++)
		close(unix_servers[i]);
	unix_say(fd, unix_send(fd, NULL), "send to who has gone as well");
	close(fd);
}

static void unix_unnamed(const struct unix_kind *k)
{
	unix_talk(k, NULL);
}

static void unix_named(const struct unix_kind *k)
{
	unix_talk(k, k->paths[2]);
}

static void unix_chosen(const struct unix_kind *k)
{
	unix_talk(k, "");
}

static void unix_wrong(const struct unix_kind *k)
{
	static const struct {
		const char *name;
		int family;
		int len;
		const char *path;
	} wrong[] = {
		{ "no bytes", AF_UNIX, 0, "/run/asked" },
		{ "1 byte", AF_UNIX, 1, "/run/asked" },
		{ "2 bytes", AF_UNIX, 2, "/run/asked" },
		{ "3 bytes", AF_UNIX, 3, "" },
		{ "110 bytes", AF_UNIX, 110, "/run/asked" },
		{ "112 bytes", AF_UNIX, 112, "/run/asked" },
		{ "nobody", AF_UNIX, 20, "/run/nobody" },
		{ "no folder", AF_UNIX, 20, "/run/no/body" },
		{ "nobody, abstract", AF_UNIX, 8, "" },
		{ "AF_UNSPEC", AF_UNSPEC, 20, "/run/asked" },
		{ "AF_INET", AF_INET, 20, "/run/asked" },
		{ "family 99", 99, 20, "/run/asked" },
		{ "another type", AF_UNIX, 20, "/run/type" },
	};
	struct unix_name name = unix_name("/run/type");
	int i, fd, other, taken = unix_server(k, 0);

	other = socket(AF_UNIX, k->type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM, 0);
	unlink("/run/type");
	unix_bind(other, &name);
	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		name = (struct unix_name){ .un.sun_family = wrong[i].family, .len = wrong[i].len };
		memcpy(name.un.sun_path, wrong[i].path, strlen(wrong[i].path));
		printf("  %s\n", wrong[i].name);
		fd = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0);
		unix_say(fd, unix_send(fd, &name), "send");
		unix_say(fd, unix_connect(fd, &name), "connect");
		close(fd);
		fd = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0);
		unix_say(fd, unix_bind(fd, &name), "bind");
		close(fd);
		unlink("/run/nobody");
	}
	close(other);
	close(taken);
}

/* Two that nobody named, and a server that leaves before it accepts. */
static void unix_pairs(const struct unix_kind *k)
{
	struct unix_name to = unix_name(k->paths[0]);
	struct unix_name choose = { .un.sun_family = AF_UNIX, .len = sizeof(sa_family_t) };
	int pair[2], fd, server = unix_server(k, 0);

	socketpair(AF_UNIX, k->type, 0, pair);
	unix_say(pair[0], unix_send(pair[0], NULL), "send");
	unix_receive("the other one", pair[1], 10, sizeof(struct sockaddr_un), 0);
	unix_say(pair[0], unix_connect(pair[0], &to), "connect");
	unix_say(pair[0], unix_bind(pair[0], &choose), "bind");
	unix_say(pair[1], unix_send(pair[0], NULL), "send from there");
	unix_receive("the other one", pair[1], 10, sizeof(struct sockaddr_un), 0);
	close(pair[0]);
	unix_say(pair[1], unix_send(pair[1], NULL), "send to who has gone");
	close(pair[1]);

	fd = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0);
	unix_say(fd, unix_connect(fd, &to), "connect");
	close(server);
	unix_say(fd, unix_send(fd, NULL), "send to who did not accept");
	unix_receive("the client", fd, 10, sizeof(struct sockaddr_un), 0);
	close(fd);
}

static const struct unix_story {
	const char *name;
	void (*tell)(const struct unix_kind *k);
} unix_stories[] = {
	{ "without a name", unix_unnamed },
	{ "with a name", unix_named },
	{ "with a name that the kernel chooses", unix_chosen },
	{ "wrong addresses", unix_wrong },
	{ "pairs", unix_pairs },
};

/* Programs that allow everything; a kernel without the hooks takes none. */
static int attach_all(void)
{
	int root = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY), i, fd, count = 0;

	for (i = 0; i < ARRAY_LEN(attaches); i++) {
		fd = load_return(attaches[i].prog, attaches[i].type, 1);
		if (fd >= 0 && !bpf_prog_attach(fd, root, attaches[i].type, BPF_F_ALLOW_MULTI))
			count++;
	}
	return count;
}

/* A network with a device that leads nowhere, and a look at what leaves by any. */
static int new_world(void)
{
	struct ifreq link = { .ifr_name = "link", .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct in6_ifreq address = { .ifr6_prefixlen = 64, .ifr6_ifindex = LINK };
	struct sockaddr_in *sin = (struct sockaddr_in *)&link.ifr_addr;
	int fd, err = new_network();

	if (err)
		return err;
	/* no random address of the link */
	write_file("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
	close(device);
	device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (device < 0 || ioctl(device, TUNSETIFF, &link))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	link.ifr_flags = IFF_UP;
	err = ioctl(fd, SIOCSIFFLAGS, &link);
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, "10.1.0.2", &sin->sin_addr);
	err |= ioctl(fd, SIOCSIFADDR, &link);
	inet_pton(AF_INET, "255.255.255.0", &sin->sin_addr);
	err |= ioctl(fd, SIOCSIFNETMASK, &link);
	close(fd);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	inet_pton(AF_INET6, "fe80::2", &address.ifr6_addr);
	err |= ioctl(fd, SIOCSIFADDR, &address);
	inet_pton(AF_INET6, "fd01::2", &address.ifr6_addr);
	err |= ioctl(fd, SIOCSIFADDR, &address);
	close(fd);
	close(tap);
	tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(ETH_P_ALL));
	return err ? -EIO : wait_for_address("fd01::2");
}

static void tell(const struct kind *k, const struct story *s)
{
	printf("= %s%s, %s\n", k->name, k->style->name, s->name);
	pings = is_ping(k);
	serve(k);
	print_wire(false);
	s->tell(k);
	close(servers[0]);
	close(servers[1]);
}

static bool begins(const char *name, const char *with)
{
	return !with || !strncmp(name, with, strlen(with));
}

int main(int argc, char **argv)
{
	const struct unix_story *us;
	const struct unix_kind *u;
	const struct story *s;
	const struct kind *k;
	char name[32];
	int err;

	if (argc < 2 || argc > 3 || (strcmp(argv[1], "none") && strcmp(argv[1], "allow"))) {
		fprintf(stderr, "usage: bystander none|allow [KIND]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	printf("= programs\n");
	printf("%d are attached\n", strcmp(argv[1], "allow") ? 0 : attach_all());
	err = ring_open(&ring);
	if (err) {
		fprintf(stderr, "bystander: no ring: %s\n", error_name(err));
		return 1;
	}
	for (k = kinds; k < kinds + ARRAY_LEN(kinds); k++) {
		snprintf(name, sizeof(name), "%s%s", k->name, k->style->name);
		if (!begins(name, argv[2]))
			continue;
		fprintf(stderr, "%s ...\n", name);
		err = new_world();
		if (err) {
			fprintf(stderr, "bystander: no network: %s\n", error_name(err));
			return 1;
		}
		for (s = stories; s < stories + ARRAY_LEN(stories); s++)
			if ((k->can & s->needs) == s->needs)
				tell(k, s);
	}
	for (u = unix_kinds; u < unix_kinds + ARRAY_LEN(unix_kinds); u++) {
		if (!begins(u->name, argv[2]))
			continue;
		for (us = unix_stories; us < unix_stories + ARRAY_LEN(unix_stories); us++) {
			printf("= %s, %s\n", u->name, us->name);
			us->tell(u);
		}
	}
	return 0;
}
