// SPDX-License-Identifier: GPL-2.0
/*
 * Print what system calls do where a program of a cgroup has a say: for each kind of socket, each
 * attach type and each thing that a program can do, the result of a fixed sequence of calls, the
 * names of the sockets after it, and what the program saw. For comparing two kernels; judges
 * nothing itself, "make compat" does.
 */
#include <linux/capability.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define WITH_UNIX
#include "box.h"

#define ASKED	4000	/* where the client wants to go, and one server is */
#define OTHER	4002	/* where a program may send it, and the other one is */
#define OWN	4001	/* what a client binds to */
#define LOW	1022	/* beyond the ids that ping sockets get here */
#define CHOSEN	4003	/* what a program binds to */

/* Kinds of sockets, and how they call their server. */
static const struct kind {
	const char *name;
	int family;
	int type;
	int protocol;
	int to_family;
	const char *ip;		/* of the servers */
	const char *other;	/* one that a program may choose */
} kinds[] = {
	{ "tcp4", AF_INET, SOCK_STREAM, 0, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0, AF_INET6, "::1", "fd00::2" },
	{ "tcp6-mapped", AF_INET6, SOCK_STREAM, 0, AF_INET6,
	  "::ffff:127.0.0.1", "::ffff:127.0.0.2" },
	{ "mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, "::1", "fd00::2" },
	{ "udp4", AF_INET, SOCK_DGRAM, 0, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0, AF_INET6, "::1", "fd00::2" },
	{ "udp6-mapped", AF_INET6, SOCK_DGRAM, 0, AF_INET6,
	  "::ffff:127.0.0.1", "::ffff:127.0.0.2" },
	{ "udp6-inet", AF_INET6, SOCK_DGRAM, 0, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "udplite4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6, "::1", "fd00::2" },
	{ "ping4", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, AF_INET6, "::1", "fd00::2" },
	{ "raw4", AF_INET, SOCK_RAW, 253, AF_INET, "127.0.0.1", "127.0.0.2" },
	{ "raw6", AF_INET6, SOCK_RAW, 253, AF_INET6, "::1", "fd00::2" },
};

#define ON(hook)	(1 << (hook))
#define BINDS		(ON(BIND4) | ON(BIND6))
#define CONNECTS	(ON(CONNECT4) | ON(CONNECT6))
#define SENDS		(ON(SENDMSG4) | ON(SENDMSG6))
#define NAMES		(ON(RECVMSG4) | ON(RECVMSG6) | ON(GETPEERNAME4) | ON(GETPEERNAME6) | \
			 ON(GETSOCKNAME4) | ON(GETSOCKNAME6))
#define SOCKS		(ON(CREATE) | ON(RELEASE) | ON(PLAIN_POST_BIND4) | ON(PLAIN_POST_BIND6))
#define ADDRS		(BINDS | CONNECTS | SENDS | NAMES)
#define UNIX_CALLS	(ON(CONNECT_UNIX) | ON(SENDMSG_UNIX))
#define UNIX_NAMES	(ON(RECVMSG_UNIX) | ON(GETPEERNAME_UNIX) | ON(GETSOCKNAME_UNIX))
#define MAY_REFUSE	(SOCKS | BINDS | CONNECTS | SENDS | UNIX_CALLS)

/* What a program is told to do, besides the address that it writes. */
static const struct deed {
	const char *name;
	int hooks;
	struct order order;
	bool to_other;		/* rewrite to the other address and port */
	int port;		/* or to this port */
} deeds[] = {
	{ "allow", ~0, { .verdict = 1 } },
	{ "refuse", MAY_REFUSE, { .verdict = 0 } },
	{ "refuse with ENOENT", MAY_REFUSE, { .verdict = 0, .retval = -ENOENT } },
	{ "allow with EBUSY", MAY_REFUSE, { .verdict = 1, .retval = -EBUSY } },
	{ "refuse by 2", BINDS, { .verdict = 2 } },
	{ "vouch by 3", BINDS, { .verdict = 3 } },
	{ "set device, mark, priority", ON(CREATE),
	  { .verdict = 1, .write_device = 1, .device = 1, .mark = 7, .priority = 3 } },
	{ "rewrite", ADDRS, { .verdict = 1, .rewrite = 1 }, .to_other = true },
	{ "rewrite to port 0", ADDRS, { .verdict = 1, .rewrite = 1 } },
	{ "rewrite to a low port", BINDS, { .verdict = 1, .rewrite = 1 }, .port = LOW },
	{ "rewrite and refuse", MAY_REFUSE & ADDRS, { .verdict = 0, .rewrite = 1 },
	  .to_other = true },
	{ "bpf_bind", CONNECTS, { .verdict = 1, .bind_family = 1 } },
	{ "bpf_bind with a port", CONNECTS,
	  { .verdict = 1, .bind_family = 1, .bind_port = 1 } },
	{ "choose the source", SENDS, { .verdict = 1, .source = { 1 } } },
	{ "rewrite the path", UNIX_CALLS | UNIX_NAMES, { .verdict = 1, .rewrite = 1 } },
};

static const struct kind udp4 = {
	"udp4", AF_INET, SOCK_DGRAM, 0, AF_INET, "127.0.0.1", "127.0.0.2"
};

static const struct kind udp6 = {
	"udp6", AF_INET6, SOCK_DGRAM, 0, AF_INET6, "::1", "fd00::2"
};

static struct box box;

/* Those that were not asked for are the kernel's choice, another one each time. */
static bool asked_for(int port)
{
	static const int ports[] = { 0, LOW, ASKED, OWN, OTHER, CHOSEN };
	int i;

	for (i = 0; i < ARRAY_LEN(ports); i++)
		if (port == ports[i])
			return true;
	return false;
}

/* An address as text; a port that the kernel chose is just that. */
static const char *text(const struct endpoint *e)
{
	static char texts[4][80];
	static int next;
	char *s = texts[next++ % 4], ip[INET6_ADDRSTRLEN] = "?";
	int port = port_of(*e);

	inet_ntop(e->any.sa_family, endpoint_ip(e), ip, sizeof(ip));
	snprintf(s, 80, asked_for(port) ? "%d[%s]:%d" : "%d[%s]:any", e->any.sa_family, ip, port);
	return s;
}

static void print_seen(void)
{
	unsigned int port;
	int i;

	for (i = 0; i < HOOKS; i++) {
		struct seen *saw = &box.seen[i];

		if (!saw->calls)
			continue;
		port = i >= PLAIN_POST_BIND4 ? saw->port : ntohs(saw->port);
		printf("; hook %d ran %u: %u %u %u user_family %u ip %x %x %x %x port ", i,
		       saw->calls, saw->family, saw->type, saw->protocol, saw->user_family,
		       saw->ip[0], saw->ip[1], saw->ip[2], saw->ip[3]);
		printf(asked_for(port) ? "%u" : "any", port);
		if (i == SENDMSG4 || i == SENDMSG6)
			printf(" source %x %x %x %x", saw->source[0], saw->source[1],
			       saw->source[2], saw->source[3]);
		if (saw->bind_err)
			printf(" bpf_bind %d", saw->bind_err);
		if (i >= CONNECT_UNIX)
			printf(" name_len %u path_err %d", saw->name_len, saw->path_err);
		memset(saw, 0, sizeof(*saw));
	}
	printf("\n");
}

/* One line: what was called, what it returned, the socket's names, what programs saw. */
static int report(const char *call, int ret, int fd)
{
	struct endpoint local, peer;

	printf("  %s: %d", call, ret);
	print_seen();
	if (fd < 0)
		return ret;
	local = local_of(fd);
	printf("    own after %s: %s", call, text(&local));
	print_seen();
	peer = peer_of(fd);
	printf("    peer after %s: %s", call, text(&peer));
	print_seen();
	return ret;
}

static void print_socket(int fd)
{
	int device = -1, mark = -1, priority = -1;
	socklen_t len = sizeof(int);
	char name[IF_NAMESIZE] = "";

	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len);
	len = sizeof(int);
	getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len);
	len = sizeof(int);
	getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, &len);
	len = sizeof(name);
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
	printf("    device %d %s mark %d priority %d\n", device, name, mark, priority);
}

/* A connection that is closed leaves nothing that the next one could meet. */
static void forget_at_close(int fd)
{
	struct linger now = { 1, 0 };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static int new_socket(const struct kind *k, const char *why)
{
	int fd = make(k->family, k->type | SOCK_NONBLOCK, k->protocol);

	report(why, fd < 0 ? fd : 0, -1);
	forget_at_close(fd);
	if (fd >= 0)
		print_socket(fd);
	return fd;
}

static void end_socket(int fd)
{
	close(fd);
	report("close", 0, -1);
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

static void bind_calls(const struct kind *k)
{
	struct endpoint to = endpoint(k->family, k->to_family == k->family ? k->ip : "::1", OWN);
	int fd = new_socket(k, "socket to bind");

	report("bind", do_bind(fd, to), fd);
	report("bind again", do_bind(fd, to), fd);
	if (k->type == SOCK_STREAM)
		report("listen", listen(fd, 1) ? -errno : 0, fd);
	end_socket(fd);

	fd = new_socket(k, "socket to bind to a low port");
	to.in.sin_port = htons(LOW);
	low_port_capability(false);
	report("bind to a low port", do_bind(fd, to), fd);
	low_port_capability(true);
	end_socket(fd);

	fd = new_socket(k, "socket to bind anywhere");
	to.in.sin_port = 0;
	report("bind to port 0", do_bind(fd, to), fd);
	end_socket(fd);

	fd = new_socket(k, "socket to bind wrongly");
	report("bind with a short address", bind(fd, &to.any, 8) ? -errno : 0, fd);
	to.any.sa_family = AF_UNIX;
	report("bind with another family", do_bind(fd, to), fd);
	to.any.sa_family = k->family;
	((unsigned char *)endpoint_ip(&to))[0] = 0xfc;
	report("bind to a foreign address", do_bind(fd, to), fd);
	end_socket(fd);
}

/* Eight bytes, which for ICMP are an echo request. */
static char *payload(const struct kind *k)
{
	static char bytes[8];

	bytes[0] = k->protocol == IPPROTO_ICMP ? 8 : k->protocol == IPPROTO_ICMPV6 ? 128 : 'd';
	return bytes;
}

/* Which server has something, and from where. A stream's server has a connection. */
static void print_arrivals(const struct kind *k, const int servers[2])
{
	char data[256];
	int i, size;

	for (i = 0; i < 2; i++) {
		struct endpoint from = { .len = sizeof(from.in6) };

		if (k->type == SOCK_STREAM) {
			int fd = accept4(servers[i], &from.any, &from.len, SOCK_NONBLOCK);

			if (fd < 0)
				continue;
			printf("    server %d has a connection from %s", i, text(&from));
			print_seen();
			forget_at_close(fd);
			end_socket(fd);
			continue;
		}
		while ((size = recvfrom(servers[i], data, sizeof(data), MSG_DONTWAIT, &from.any,
					&from.len)) >= 0) {
			printf("    server %d has %d bytes from %s", i, size, text(&from));
			print_seen();
			from.len = sizeof(from.in6);
		}
	}
}

static void wait_for(int fd)
{
	struct pollfd ready = { fd, POLLOUT, 0 };

	poll(&ready, 1, 100);
}

static void connect_calls(const struct kind *k, const int servers[2])
{
	struct endpoint to = endpoint(k->to_family, k->ip, ASKED), unspec = {};
	int fd = new_socket(k, "socket to connect briefly");

	report("connect with a short address", connect(fd, &to.any, 8) ? -errno : 0, fd);
	end_socket(fd);

	fd = new_socket(k, "socket to connect");
	report("connect", do_connect(fd, to), fd);
	wait_for(fd);
	report("connect again", do_connect(fd, to), fd);
	print_arrivals(k, servers);
	report("send", send(fd, payload(k), 8, MSG_NOSIGNAL) < 0 ? -errno : 0, -1);
	print_arrivals(k, servers);
	unspec.len = sizeof(unspec.any);
	report("disconnect", do_connect(fd, unspec), fd);
	end_socket(fd);

	fd = new_socket(k, "bound socket to connect");
	report("bind", do_bind(fd, endpoint(k->family, "", OWN)), -1);
	report("connect", do_connect(fd, to), fd);
	wait_for(fd);
	print_arrivals(k, servers);
	end_socket(fd);

	fd = new_socket(k, "socket to connect wrongly");
	to.any.sa_family = AF_UNIX;
	report("connect to another family", do_connect(fd, to), fd);
	end_socket(fd);
}

static int send_message(const struct kind *k, int fd, struct endpoint *to, const char *source,
			int flags)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {};
	struct iovec data = { payload(k), 8 };
	struct msghdr message = {
		.msg_name = to ? &to->any : NULL,
		.msg_namelen = to ? to->len : 0,
		.msg_iov = &data,
		.msg_iovlen = 1,
	};

	if (source && strchr(source, ':')) {
		struct in6_pktinfo info = {};

		inet_pton(AF_INET6, source, &info.ipi6_addr);
		control.header.cmsg_level = IPPROTO_IPV6;
		control.header.cmsg_type = IPV6_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else if (source) {
		struct in_pktinfo info = {};

		inet_pton(AF_INET, source, &info.ipi_spec_dst);
		control.header.cmsg_level = IPPROTO_IP;
		control.header.cmsg_type = IP_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	}
	if (source)
		message.msg_control = &control;
	return sendmsg(fd, &message, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void send_calls(const struct kind *k, const int servers[2])
{
	struct endpoint to = endpoint(k->to_family, k->ip, ASKED), name;
	struct iovec data = { payload(k), 8 };
	struct mmsghdr messages[2] = {};
	int i, fd = new_socket(k, "socket to send");

	report("sendto", send_message(k, fd, &to, NULL, 0), fd);
	print_arrivals(k, servers);
	report("sendto with a source", send_message(k, fd, &to, k->other, 0), -1);
	print_arrivals(k, servers);
	report("sendto with MSG_FASTOPEN", send_message(k, fd, &to, NULL, MSG_FASTOPEN), fd);
	print_arrivals(k, servers);
	for (i = 0; i < 2; i++) {
		messages[i].msg_hdr.msg_name = &to.any;
		messages[i].msg_hdr.msg_namelen = to.len;
		messages[i].msg_hdr.msg_iov = &data;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	report("sendmmsg", sendmmsg(fd, messages, 2, MSG_NOSIGNAL) < 0 ? -errno : 0, -1);
	print_arrivals(k, servers);
	to.in.sin_port = 0;
	report("sendto port 0", send_message(k, fd, &to, NULL, 0), -1);
	to = endpoint(k->to_family, k->ip, ASKED);
	to.any.sa_family = AF_UNSPEC;
	report("sendto AF_UNSPEC", send_message(k, fd, &to, NULL, 0), -1);
	print_arrivals(k, servers);
	to.any.sa_family = AF_UNIX;
	report("sendto another family", send_message(k, fd, &to, NULL, 0), -1);
	end_socket(fd);

	fd = new_socket(k, "socket to connect and send");
	to = endpoint(k->to_family, k->ip, ASKED);
	report("connect", do_connect(fd, to), -1);
	wait_for(fd);
	report("send", send_message(k, fd, NULL, NULL, 0), fd);
	print_arrivals(k, servers);
	if (k->type == SOCK_STREAM) {
		/* The server has just closed the connection. */
		end_socket(fd);
		return;
	}
	report("send with a source", send_message(k, fd, NULL, k->other, 0), -1);
	print_arrivals(k, servers);
	report("sendto", send_message(k, fd, &to, NULL, 0), -1);
	print_arrivals(k, servers);
	end_socket(fd);

	/* The server answers a client that has a port. */
	fd = new_socket(k, "socket to receive");
	report("bind", do_bind(fd, endpoint(k->family, "", OWN)), -1);
	name = endpoint(k->to_family, k->ip, OWN);
	for (i = 0; i < 3; i++)
		send_message(k, servers[0], &name, NULL, 0);
	memset(box.seen, 0, sizeof(*box.seen) * HOOKS);
	for (i = 0; i < 3; i++) {
		struct endpoint from = { .len = sizeof(from.in6) };
		int flags = MSG_DONTWAIT | (i == 0 ? MSG_PEEK : 0);
		char room[256];
		int ret = recvfrom(fd, room, sizeof(room), flags, i < 2 ? &from.any : NULL,
				   i < 2 ? &from.len : NULL);

		printf("    received from %s", ret < 0 ? "nobody" : i < 2 ? text(&from) : "?");
		report(i == 0 ? ", peeking" : "", ret < 0 ? -errno : 0, -1);
	}
	end_socket(fd);
}

static void be_told(const struct kind *k, enum hook which, const struct deed *d)
{
	struct endpoint other = endpoint(k->to_family, k->other, OTHER);
	struct endpoint own = endpoint(k->to_family, k->other, 0);
	struct order order = d->order;
	bool mapped = strstr(k->other, "::ffff:");
	const void *ip = endpoint_ip(&other);
	int len = endpoint_ip_len(&other);

	/* These hooks are IPv4's, also for the socket of the other family. */
	if (mapped && (which == SENDMSG4 || which == CONNECT4)) {
		ip += 12;
		len = 4;
	}
	if (order.rewrite) {
		memcpy(order.ip, ip, len);
		order.port = d->to_other ? htons(OTHER) : htons(d->port);
	}
	if (order.source[0])
		memcpy(order.source, ip, len);
	if (order.bind_port)
		order.bind_port = htons(CHOSEN);
	if (order.bind_family) {
		order.bind_family = k->to_family;
		memcpy(order.bind_ip, endpoint_ip(&own), endpoint_ip_len(&own));
	}
	box.order[which] = order;
}

/* Servers on both addresses and ports, in the same cgroup, made before a program is there. */
static void serve(const struct kind *k, int servers[2])
{
	struct endpoint at[2] = {
		endpoint(k->family, k->to_family == k->family ? k->ip : "::ffff:127.0.0.1", ASKED),
		endpoint(k->family, k->to_family == k->family ? k->other : "::ffff:127.0.0.2",
			 OTHER),
	};
	int i;

	for (i = 0; i < 2; i++) {
		servers[i] = make(k->family, k->type | SOCK_NONBLOCK, k->protocol);
		forget_at_close(servers[i]);
		if (do_bind(servers[i], at[i]) ||
		    (k->type == SOCK_STREAM && listen(servers[i], 64)))
			printf("no server %d for %s: %d\n", i, k->name, -errno);
	}
}

/* One call of each kind that a program of some attach type may see. */
static void every_call(const struct kind *k)
{
	struct endpoint to = endpoint(k->family, k->ip, ASKED);
	struct endpoint own = endpoint(k->family, k->ip, OWN);
	int servers[2], fd = make(k->family, k->type | SOCK_NONBLOCK, k->protocol);
	struct endpoint from = { .len = sizeof(from.in6) };
	char data[8];

	serve(k, servers);
	do_bind(fd, own);
	send_message(k, fd, &to, NULL, 0);
	recvfrom(servers[0], data, sizeof(data), MSG_DONTWAIT, &from.any, &from.len);
	do_connect(fd, to);
	local_of(fd);
	peer_of(fd);
	close(servers[0]);
	close(servers[1]);
	close(fd);
}

/* What a program of an attach type finds, by every load that the verifier takes. */
static void print_values(enum hook hook, int map)
{
	static const int widths[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	struct bpf_program *program = box_program(&box, hook);
	enum bpf_attach_type type = bpf_program__expected_attach_type(program);
	enum bpf_prog_type prog = bpf_program__type(program);
	const char *name = bpf_program__name(program);
	int size = prog == BPF_PROG_TYPE_CGROUP_SOCK ? sizeof(struct bpf_sock) :
						       offsetof(struct bpf_sock_addr, sk);
	int off, i, fd, err, key = 0;
	unsigned long long value;

	for (off = 0; off < size; off++) {
		for (i = 0; i < 4; i++) {
			const struct bpf_insn insns[] = {
				BPF_LDX_MEM(widths[i], BPF_REG_6, BPF_REG_1, off),
				BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
				BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
				BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
				BPF_LD_MAP_FD(BPF_REG_1, map),
				BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
				BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 1),
				BPF_STX_MEM(BPF_DW, BPF_REG_0, BPF_REG_6, 0),
				BPF_MOV64_IMM(BPF_REG_0, 1),
				BPF_EXIT_INSN(),
			};

			fd = load_insns(prog, type, insns, ARRAY_LEN(insns));
			if (fd < 0)
				continue;
			value = 0x5555;
			bpf_map_update_elem(map, &key, &value, 0);
			err = bpf_prog_attach(fd, box.cgroup, type, 0);
			every_call(name[strlen(name) - 1] == '6' ? &udp6 : &udp4);
			bpf_prog_detach2(fd, box.cgroup, type);
			bpf_map_lookup_elem(map, &key, &value);
			printf("value of %s at %d by %d: attach %d, %llx\n", name, off, 1 << i,
			       err, value);
			close(fd);
		}
	}
}

/* AF_UNIX: a path that the client asks for, another one, and one of the client's own. */
static const struct unix_kind {
	const char *name;
	int type;
	const char *paths[3];
} unix_kinds[] = {
	{ "unix stream", SOCK_STREAM, { "/tmp/asked", "/tmp/other-and-longer", "/tmp/own" } },
	{ "unix stream, abstract", SOCK_STREAM, { "@asked", "@other-and-longer", "@own" } },
	{ "unix datagram", SOCK_DGRAM, { "/tmp/asked", "/tmp/o", "/tmp/own" } },
	{ "unix datagram, abstract", SOCK_DGRAM, { "@asked", "@o", "@own" } },
	{ "unix seqpacket", SOCK_SEQPACKET, { "/tmp/asked", "@other", "/tmp/own" } },
};

static socklen_t unix_name(const char *path, struct sockaddr_un *name)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	memcpy(name->sun_path, path, strlen(path));
	if (path[0] == '@')
		name->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@');
}

static void print_unix_name(const char *what, int ret, const struct sockaddr_un *name,
			    socklen_t len)
{
	int i;

	printf("    %s: %d, length %u family %d path ", what, ret, len,
	       len >= 2 ? name->sun_family : -1);
	for (i = 0; i < (int)len - 2; i++)
		printf(name->sun_path[i] >= ' ' ? "%c" : "[%d]", name->sun_path[i]);
	print_seen();
}

static void unix_names(int fd)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	int ret;

	ret = getsockname(fd, (struct sockaddr *)&name, &len);
	print_unix_name("own", ret, &name, len);
	len = sizeof(name);
	ret = getpeername(fd, (struct sockaddr *)&name, &len);
	print_unix_name("peer", ret, &name, ret ? 0 : len);
}

static void unix_receive(int fd, int flags)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	char data[16];
	int size;

	size = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | flags, (struct sockaddr *)&name,
			&len);
	print_unix_name("received", size, &name, size < 0 ? 0 : len);
}

static void unix_calls(const struct unix_kind *k)
{
	struct sockaddr_un names[3];
	socklen_t lens[3];
	int i, j, servers[2], from, fd = socket(AF_UNIX, k->type, 0);

	for (i = 0; i < 3; i++) {
		lens[i] = unix_name(k->paths[i], &names[i]);
		unlink(k->paths[i]);
	}
	for (i = 0; i < 2; i++) {
		servers[i] = socket(AF_UNIX, k->type | SOCK_NONBLOCK, 0);
		bind(servers[i], (struct sockaddr *)&names[i], lens[i]);
		listen(servers[i], 8);
	}
	printf("  bind: %d", bind(fd, (struct sockaddr *)&names[2], lens[2]));
	print_seen();
	printf("  sendto: %zd", sendto(fd, "data", 4, MSG_NOSIGNAL, (struct sockaddr *)&names[0],
				       lens[0]) < 0 ? -errno : 0L);
	print_seen();
	printf("  connect: %d", connect(fd, (struct sockaddr *)&names[0], lens[0]) ? -errno : 0);
	print_seen();
	unix_names(fd);
	for (i = 0; i < 2; i++)
		printf("  send: %zd\n", send(fd, "data", 4, MSG_NOSIGNAL) < 0 ? -errno : 0L);
	for (i = 0; i < 2; i++) {
		from = k->type == SOCK_DGRAM ? servers[i] : accept(servers[i], NULL, NULL);
		printf("  server %d: %d\n", i, from < 0 ? -errno : 0);
		if (from < 0)
			continue;
		unix_names(from);
		for (j = 0; j < 4; j++)
			unix_receive(from, j == 0 ? MSG_PEEK : 0);
		if (from != servers[i])
			close(from);
	}
	for (i = 0; i < 2; i++)
		close(servers[i]);
	close(fd);
}

static bool is_of(const struct kind *k, enum hook hook)
{
	const char *name = bpf_program__name(box_program(&box, hook));
	char last = name[strlen(name) - 1];

	return (hook < CONNECT_UNIX || hook > GETSOCKNAME_UNIX) &&
	       (k->family == AF_INET6 || last != '6');
}

int main(void)
{
	int map, hook, servers[2];
	const struct unix_kind *u;
	const struct kind *k;
	const struct deed *d;

	if (box_open(&box)) {
		fprintf(stderr, "calls: the programs cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	for (k = kinds; k < kinds + ARRAY_LEN(kinds); k++) {
		fprintf(stderr, "%s ...\n", k->name);
		for (hook = 0; hook < HOOKS; hook++) {
			/* Those that mainline has. */
			if (hook == POST_BIND4 || hook == POST_BIND6)
				continue;
			for (d = deeds; d < deeds + ARRAY_LEN(deeds); d++) {
				if (!is_of(k, hook) || !(d->hooks & ON(hook)))
					continue;
				serve(k, servers);
				be_told(k, hook, d);
				printf("= %s, %s: %s, attach %d\n", k->name,
				       bpf_program__name(box_program(&box, hook)), d->name,
				       box_attach(&box, hook));
				bind_calls(k);
				connect_calls(k, servers);
				send_calls(k, servers);
				box_detach(&box, hook);
				close(servers[0]);
				close(servers[1]);
			}
		}
	}
	for (u = unix_kinds; u < unix_kinds + ARRAY_LEN(unix_kinds); u++) {
		for (hook = CONNECT_UNIX; hook <= GETSOCKNAME_UNIX; hook++) {
			for (d = deeds; d < deeds + ARRAY_LEN(deeds); d++) {
				struct sockaddr_un other;

				if (!(d->hooks & ON(hook)))
					continue;
				box.order[hook] = d->order;
				box.order[hook].path_len = unix_name(u->paths[1], &other) - 2;
				memcpy(box.order[hook].path, other.sun_path,
				       sizeof(other.sun_path));
				printf("= %s, %s: %s, attach %d\n", u->name,
				       bpf_program__name(box_program(&box, hook)), d->name,
				       box_attach(&box, hook));
				unix_calls(u);
				box_detach(&box, hook);
			}
		}
	}
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "value", 4, 8, 1, NULL);
	for (hook = 0; hook < CONNECT_UNIX; hook++)
		print_values(hook, map);
	box_close(&box);
	return 0;
}
