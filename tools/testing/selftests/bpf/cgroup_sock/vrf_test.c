// SPDX-License-Identifier: GPL-2.0
/*
 * The device that an INET_SOCK_CREATE program chose holds: the sockets of a cgroup are in a VRF,
 * and a process without a capability tries every way out of it. What counts is the device that
 * the packets leave by.
 *
 * Each way is tried on three sockets: one of the program's, a free one, which shows that it is a
 * way out, and one that a privileged user bound to the VRF, for which nothing changes.
 *
 * usage: vrf [KIND...]
 * Leaves out the kinds whose names begin so, for kernels that do not have them.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "../../kselftest.h"
#include "box.h"
#include "kinds.h"

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

#define MARK		77
#define PRIORITY	5

/* Everything else is behind default routes: of the VRF by in9, of all others by main9. */
static const char network[] =
	"link add vrf9 type vrf table 99\n"
	"link add in9 type dummy\n"
	"link add out9 type dummy\n"
	"link add main9 type dummy\n"
	"link set vrf9 up\n"
	"link set in9 addrgenmode none master vrf9 up\n"
	"link set out9 addrgenmode none up\n"
	"link set main9 addrgenmode none up\n"
	"address add 10.9.0.1/24 dev in9\n"
	"address add fd09::1/64 dev in9 nodad\n"
	"address add fe80::9/64 dev in9 nodad\n"
	"address add 10.8.0.1/24 dev out9\n"
	"address add fd08::1/64 dev out9 nodad\n"
	"address add fe80::8/64 dev out9 nodad\n"
	"address add 10.7.0.1/24 dev main9\n"
	"address add fd07::1/64 dev main9 nodad\n"
	"route add default dev in9 table 99\n"
	"route add default dev main9 metric 10\n"
	"route add default dev out9 metric 20\n"
	"route add ::/0 dev in9 table 99\n"
	"route add ::/0 dev main9 metric 10\n"
	"route add ::/0 dev out9 metric 20\n";

#define FAR4	"192.0.2.9"
#define FAR6	"2001:db8::9"

enum device { NO_DEVICE, IN, OUT, MAIN, VRF, DEVICES };
static const char *const device_names[DEVICES] = { "none", "in9", "out9", "main9", "vrf9" };
static int devices[DEVICES];

/* Kinds of sockets that take the same ways. */
#define ANY_UDP		(UDP | UDPLITE)
#define ANY_SCTP	(SCTP | SCTP_MANY)
#define STREAM		(TCP | MPTCP | SMC | DCCP)
#define ALL		(STREAM | ANY_SCTP | DGRAM)
#define HDRINCL		0x1000	/* writes the header by itself */
#define MAPPED		0x2000	/* talks IPv4 on an AF_INET6 socket */

/* Besides those of kinds.h. */
static const struct kind more_kinds[] = {
	{ "tcp6-mapped", AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, TCP | MAPPED },
	{ "mptcp6-mapped", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, MPTCP | MAPPED },
	{ "udp6-mapped", AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, UDP | MAPPED },
	{ "udplite6-mapped", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6, UDPLITE | MAPPED },
	{ "hdrincl4", AF_INET, SOCK_RAW, IPPROTO_RAW, AF_INET, RAW | HDRINCL },
	{ "hdrincl6", AF_INET6, SOCK_RAW, IPPROTO_RAW, AF_INET6, RAW | HDRINCL },
};

#define ALL_KINDS	(ARRAY_LEN(kinds) + ARRAY_LEN(more_kinds))

static const struct kind *kind_at(int i)
{
	return i < ARRAY_LEN(kinds) ? &kinds[i] : &more_kinds[i - ARRAY_LEN(kinds)];
}

/* What the process asks for before it sends. */
enum option {
	NO_OPTION, UNICAST_IF, MULTICAST_IF, STICKY, TO_DEVICE, TO_IFINDEX, FAST_CONNECT,
};

enum control { NO_CONTROL, PKTINFO, PKTINFO6 };

#define ANY	1	/* error or none: the wire tells */

struct way {
	const char *name;
	int family;		/* of the addresses */
	int kinds;
	const char *to;
	const char *bind;
	enum option option;
	enum control control;	/* message */
	enum device device;	/* of the option or the control message */
	bool connects;		/* before it sends; streams always do */
	bool dissolves;		/* the connection, and sends once more */
	int flags;		/* of the message */
	int err;		/* for the program's socket */
	enum device by;		/* what it leaves by then, if anything has to */
	enum device free;	/* and from a free socket */
	enum device bound;	/* and from one that the user bound, ... */
	int bound_kinds;	/* of these kinds; the others keep to the VRF */
};

/* L2TP looks at none of these over IPv4. */
#define MULTI4	(ANY_UDP | PING | RAW)

static const struct way ways[] = {
	{ "a message", AF_INET, ALL, FAR4, .by = IN, .free = MAIN },
	{ "a message to the next", AF_INET, ALL, "10.8.0.2", .by = IN, .free = OUT },
	{ "a connection", AF_INET, ALL, FAR4, .connects = true, .by = IN, .free = MAIN },
	/* SMC's has no device of the user's here, on all kernels. */
	{ "fast open", AF_INET, TCP | MPTCP | SMC, FAR4, .flags = MSG_FASTOPEN, .by = IN,
	  .free = MAIN, .bound = MAIN, .bound_kinds = SMC },
	{ "TCP_FASTOPEN_CONNECT", AF_INET, TCP | MPTCP | SMC, FAR4, .option = FAST_CONNECT,
	  .by = IN, .free = MAIN, .bound = MAIN, .bound_kinds = SMC },
	{ "dissolved", AF_INET, ALL & ~(SMC | ANY_SCTP), FAR4, .connects = true, .dissolves = true,
	  .by = IN, .free = MAIN, .bound = MAIN, .bound_kinds = DGRAM },
	{ "on the link", AF_INET, DGRAM & ~L2TP, "10.8.0.2", .flags = MSG_DONTROUTE, .err = ANY,
	  .free = OUT },
	{ "IP_PKTINFO out9", AF_INET, MULTI4, FAR4, .control = PKTINFO, .device = OUT,
	  .err = EINVAL, .free = OUT, .bound = OUT, .bound_kinds = DGRAM },
	{ "IP_PKTINFO main9", AF_INET, MULTI4, FAR4, .control = PKTINFO, .device = MAIN,
	  .err = EINVAL, .free = MAIN, .bound = MAIN, .bound_kinds = DGRAM },
	{ "IP_PKTINFO out9, connected", AF_INET, MULTI4, FAR4, .connects = true,
	  .control = PKTINFO, .device = OUT, .err = EINVAL, .free = OUT, .bound = OUT,
	  .bound_kinds = DGRAM },
	{ "IP_PKTINFO in9", AF_INET, MULTI4, FAR4, .control = PKTINFO, .device = IN, .by = IN,
	  .free = IN },
	{ "IP_PKTINFO vrf9", AF_INET, MULTI4, FAR4, .control = PKTINFO, .device = VRF, .by = IN,
	  .free = IN },
	{ "IPV6_PKTINFO out9", AF_INET, ANY_UDP | MAPPED, FAR4, .control = PKTINFO6, .device = OUT,
	  .err = EINVAL, .free = OUT, .bound = OUT, .bound_kinds = DGRAM },
	{ "IPV6_PKTINFO in9", AF_INET, ANY_UDP | MAPPED, FAR4, .control = PKTINFO6, .device = IN,
	  .by = IN, .free = IN },
	{ "IPV6_PKTINFO vrf9", AF_INET, ANY_UDP | MAPPED, FAR4, .control = PKTINFO6, .device = VRF,
	  .by = IN, .free = IN },
	{ "IP_UNICAST_IF out9", AF_INET, MULTI4, FAR4, .option = UNICAST_IF, .device = OUT,
	  .err = EINVAL, .by = IN, .free = OUT },
	{ "IP_MULTICAST_IF out9", AF_INET, MULTI4, "239.1.1.9", .option = MULTICAST_IF,
	  .device = OUT, .err = EINVAL, .free = OUT, .bound = MAIN, .bound_kinds = DGRAM },
	{ "IP_MULTICAST_IF in9", AF_INET, MULTI4, "239.1.1.9", .option = MULTICAST_IF,
	  .device = IN, .by = IN, .free = IN },
	{ "multicast", AF_INET, MULTI4, "239.1.1.9", .err = ANY, .free = MAIN, .bound = MAIN,
	  .bound_kinds = DGRAM },
	{ "multicast", AF_INET, L2TP, "239.1.1.9", .err = ANY, .free = MAIN },
	{ "multicast on the link", AF_INET, MULTI4, "224.0.0.99", .err = ANY, .free = MAIN,
	  .bound = MAIN, .bound_kinds = DGRAM },
	{ "multicast, connected", AF_INET, MULTI4, "239.1.1.9", .connects = true, .err = ANY,
	  .free = MAIN, .bound = MAIN, .bound_kinds = DGRAM },
	{ "multicast, IP_PKTINFO in9", AF_INET, MULTI4, "239.1.1.9", .control = PKTINFO,
	  .device = IN, .by = IN, .free = IN },
	{ "multicast, IP_PKTINFO vrf9", AF_INET, MULTI4, "239.1.1.9", .control = PKTINFO,
	  .device = VRF, .err = ANY, .bound = MAIN, .bound_kinds = DGRAM },
	{ "broadcast", AF_INET, MULTI4, "255.255.255.255", .err = ANY, .free = MAIN },
	{ "broadcast, IP_UNICAST_IF out9", AF_INET, MULTI4, "255.255.255.255",
	  .option = UNICAST_IF, .device = OUT, .err = EINVAL, .free = OUT },
	{ "SO_BINDTODEVICE out9", AF_INET, ALL, FAR4, .option = TO_DEVICE, .device = OUT,
	  .err = EPERM, .by = IN, .free = OUT },
	{ "SO_BINDTODEVICE none", AF_INET, ALL, FAR4, .option = TO_DEVICE, .err = EPERM,
	  .by = IN, .free = MAIN },
	{ "SO_BINDTOIFINDEX out9", AF_INET, ALL, FAR4, .option = TO_IFINDEX, .device = OUT,
	  .err = EPERM, .by = IN, .free = OUT },
	{ "SO_BINDTOIFINDEX none", AF_INET, ALL, FAR4, .option = TO_IFINDEX, .err = EPERM,
	  .by = IN, .free = MAIN },

	{ "a message", AF_INET6, ALL, FAR6, .by = IN, .free = MAIN },
	{ "a message to the next", AF_INET6, ALL, "fd08::2", .by = IN, .free = OUT },
	{ "a message, with a scope", AF_INET6, ALL, "2001:db8::9%out9", .by = IN, .free = MAIN },
	{ "a connection", AF_INET6, ALL, FAR6, .connects = true, .by = IN, .free = MAIN },
	{ "fast open", AF_INET6, TCP | MPTCP | SMC, FAR6, .flags = MSG_FASTOPEN, .by = IN,
	  .free = MAIN, .bound = MAIN, .bound_kinds = SMC },
	{ "TCP_FASTOPEN_CONNECT", AF_INET6, TCP | MPTCP | SMC, FAR6, .option = FAST_CONNECT,
	  .by = IN, .free = MAIN, .bound = MAIN, .bound_kinds = SMC },
	{ "dissolved", AF_INET6, ALL & ~(SMC | ANY_SCTP), FAR6, .connects = true, .dissolves = true,
	  .by = IN, .free = MAIN, .bound = MAIN, .bound_kinds = DGRAM },
	{ "bind(ff02::1%out9)", AF_INET6, ANY_UDP, FAR6, "ff02::1%out9", .err = EINVAL, .by = IN,
	  .free = OUT, .bound = OUT, .bound_kinds = ANY_UDP },
	{ "bind(ff02::1%out9)", AF_INET6, RAW, FAR6, "ff02::1%out9", .err = ANY },
	{ "bind(fe80::8%out9)", AF_INET6, ALL & ~(ANY_SCTP | SMC), FAR6, "fe80::8%out9",
	  .err = EINVAL, .by = IN, .free = OUT, .bound = OUT, .bound_kinds = ALL },
	/* SMC's connect() sets the device anew, on all kernels; SCTP's bind() sets none. */
	{ "bind(fe80::8%out9)", AF_INET6, SMC, FAR6, "fe80::8%out9", .err = EINVAL, .by = IN },
	{ "bind(fe80::8%out9)", AF_INET6, ANY_SCTP, FAR6, "fe80::8%out9", .err = EADDRNOTAVAIL },
	{ "bind(fe80::9%in9)", AF_INET6, ALL & ~(ANY_SCTP | SMC), FAR6, "fe80::9%in9", .by = IN,
	  .free = IN },
	{ "bind(fe80::9%in9)", AF_INET6, SMC, FAR6, "fe80::9%in9", .by = IN },
	{ "fe80::99%out9", AF_INET6, ANY_UDP | RAW | L2TP, "fe80::99%out9", .err = EINVAL,
	  .free = OUT, .bound = OUT, .bound_kinds = DGRAM },
	{ "fe80::99%out9", AF_INET6, STREAM | PING, "fe80::99%out9", .err = EINVAL,
	  .free = OUT },
	{ "fe80::99%out9", AF_INET6, ANY_SCTP, "fe80::99%out9", .err = EINVAL, .free = OUT,
	  .bound = OUT, .bound_kinds = ANY_SCTP },
	{ "connect(fe80::99%out9)", AF_INET6, ANY_SCTP, "fe80::99%out9", .connects = true,
	  .err = EINVAL, .free = OUT, .bound = OUT, .bound_kinds = ANY_SCTP },
	{ "connect(fe80::99%out9)", AF_INET6, DGRAM, "fe80::99%out9", .connects = true,
	  .err = EINVAL, .free = OUT, .bound = OUT, .bound_kinds = ANY_UDP | RAW | L2TP },
	{ "fe80::99%in9", AF_INET6, ALL & ~DCCP, "fe80::99%in9", .by = IN, .free = IN },
	{ "fe80::99%in9, connected", AF_INET6, DGRAM, "fe80::99%in9", .connects = true,
	  .by = IN, .free = IN },
	{ "ff02::99%out9", AF_INET6, ANY_UDP | RAW | L2TP, "ff02::99%out9", .err = EINVAL,
	  .free = OUT, .bound = OUT, .bound_kinds = DGRAM },
	{ "ff02::99%out9", AF_INET6, PING, "ff02::99%out9", .err = EINVAL, .free = OUT },
	{ "connect(ff02::99%out9)", AF_INET6, DGRAM, "ff02::99%out9", .connects = true,
	  .err = EINVAL, .free = OUT, .bound = OUT, .bound_kinds = ANY_UDP | RAW | L2TP },
	{ "ff02::99%in9", AF_INET6, DGRAM, "ff02::99%in9", .by = IN, .free = IN },
	{ "ff02::99", AF_INET6, DGRAM, "ff02::99", .err = ANY },
	{ "ff0e::99", AF_INET6, DGRAM, "ff0e::99", .err = ANY },
	{ "IPV6_PKTINFO out9", AF_INET6, DGRAM, FAR6, .control = PKTINFO6, .device = OUT,
	  .err = EINVAL, .free = OUT },
	/* With a source already, a device is no more than a wish to IPv6's routes. */
	{ "IPV6_PKTINFO out9, connected", AF_INET6, DGRAM, FAR6, .connects = true,
	  .control = PKTINFO6, .device = OUT, .err = EINVAL },
	{ "IPV6_PKTINFO in9", AF_INET6, DGRAM, FAR6, .control = PKTINFO6, .device = IN, .by = IN,
	  .free = IN },
	{ "IPV6_PKTINFO vrf9", AF_INET6, DGRAM, FAR6, .control = PKTINFO6, .device = VRF,
	  .by = IN, .free = IN },
	{ "sticky IPV6_PKTINFO out9", AF_INET6, ANY_UDP | PING, FAR6, .option = STICKY,
	  .device = OUT, .err = EINVAL, .by = IN, .free = OUT },
	{ "sticky IPV6_PKTINFO out9", AF_INET6, RAW | L2TP | TCP, FAR6, .option = STICKY,
	  .device = OUT, .err = EINVAL, .by = IN },
	{ "IPV6_UNICAST_IF out9", AF_INET6, DGRAM, FAR6, .option = UNICAST_IF, .device = OUT,
	  .err = EINVAL, .by = IN, .free = OUT },
	{ "IPV6_MULTICAST_IF out9", AF_INET6, DGRAM, "ff0e::99", .option = MULTICAST_IF,
	  .device = OUT, .err = EINVAL, .free = OUT },
	{ "SO_BINDTODEVICE out9", AF_INET6, ALL, FAR6, .option = TO_DEVICE, .device = OUT,
	  .err = EPERM, .by = IN, .free = OUT },
	{ "SO_BINDTODEVICE none", AF_INET6, ALL, FAR6, .option = TO_DEVICE, .err = EPERM,
	  .by = IN, .free = MAIN },
};

static struct box box;
static int wire;	/* sees what leaves */
static int marked;	/* and this, what has MARK and PRIORITY */

/* The family that its packets are of. */
static int talks(const struct kind *k)
{
	return k->is & MAPPED ? AF_INET : k->ip;
}

/* fe80::1%in9; on a socket that talks IPv4 over AF_INET6, IPv4 is mapped. */
static struct endpoint at(const struct kind *k, const char *text)
{
	const char *scope = strchr(text, '%');
	bool ports = k->is & (STREAM | ANY_SCTP | ANY_UDP);
	char ip[64];
	struct endpoint e;

	snprintf(ip, sizeof(ip), "%s%.*s", k->is & MAPPED ? "::ffff:" : "",
		 scope ? (int)(scope - text) : (int)strlen(text), text);
	e = endpoint(k->ip, ip, ports ? 4321 : 0);
	if (scope)
		e.in6.sin6_scope_id = if_nametoindex(scope + 1);
	if (k->is & L2TP) {
		/* A connection id is behind the address. */
		e.len = k->ip == AF_INET ? 16 : 32;
		e.room[k->ip == AF_INET ? 11 : 31] = 1;
	}
	return e;
}

static int new_socket(const struct kind *k)
{
	int fd = make(k->family, k->type | SOCK_NONBLOCK, k->protocol), one = 1;
	struct linger now = { 1, 0 };

	if (fd < 0)
		return fd;
	if (k->is & DCCP)
		setsockopt(fd, SOL_DCCP, 2, &one, sizeof(one));
	/* Nothing is sent when it is closed. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	return fd;
}

static int bind_device(int fd, int device)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device)) ? -errno : 0;
}

static int bound_device(int fd)
{
	int device = -1;
	socklen_t len = sizeof(device);

	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len);
	return device;
}

static int set_option(int fd, const struct way *w)
{
	int device = devices[w->device], net = htonl(device), one = 1, ret;
	const char *name = w->device ? device_names[w->device] : "";
	struct ip_mreqn mreqn = { .imr_ifindex = device };
	struct in6_pktinfo info = { .ipi6_ifindex = device };
	bool v4 = w->family == AF_INET;

	switch (w->option) {
	case UNICAST_IF:
		ret = setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_UNICAST_IF : IPV6_UNICAST_IF,
				 &net, sizeof(net));
		break;
	case MULTICAST_IF:
		ret = v4 ? setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &mreqn, sizeof(mreqn)) :
			   setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_IF, &device, sizeof(device));
		break;
	case STICKY:
		ret = setsockopt(fd, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
		break;
	case TO_DEVICE:
		ret = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name));
		break;
	case TO_IFINDEX:
		ret = setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device));
		break;
	case FAST_CONNECT:
		ret = setsockopt(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
		break;
	default:
		return 0;
	}
	return ret ? -errno : 0;
}

static int fill(const struct kind *k, const struct endpoint *to, char data[64])
{
	struct iphdr *ip = (struct iphdr *)data;
	struct ipv6hdr *ipv6 = (struct ipv6hdr *)data;

	memset(data, 0, 64);
	if (k->is & PING)
		data[0] = k->family == AF_INET ? 8 : (char)128;
	if (!(k->is & HDRINCL))
		return 16;
	if (k->family == AF_INET) {
		*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_TRIAL };
		memcpy(&ip->daddr, endpoint_ip(to), 4);
	} else {
		ipv6->version = 6;
		ipv6->payload_len = htons(8);
		ipv6->nexthdr = IPPROTO_TRIAL;
		ipv6->hop_limit = 9;
		memcpy(&ipv6->daddr, endpoint_ip(to), 16);
		inet_pton(AF_INET6, "fd09::1", &ipv6->saddr);
	}
	return 48;
}

/* A message, with an address unless the socket is connected. */
static int message(int fd, const struct kind *k, const struct endpoint *to, const struct way *w,
		   bool connected)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {};
	struct in_pktinfo info = { .ipi_ifindex = devices[w->device] };
	struct in6_pktinfo info6 = { .ipi6_ifindex = devices[w->device] };
	char data[64];
	struct iovec iov = { data, fill(k, to, data) };
	struct msghdr msg = {
		.msg_name = connected ? NULL : (void *)&to->any,
		.msg_namelen = connected ? 0 : to->len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (w->control == PKTINFO) {
		control.header.cmsg_level = SOL_IP;
		control.header.cmsg_type = IP_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(info));
	} else if (w->control == PKTINFO6) {
		if (w->family == AF_INET)
			inet_pton(AF_INET6, "::ffff:0.0.0.0", &info6.ipi6_addr);
		control.header.cmsg_level = SOL_IPV6;
		control.header.cmsg_type = IPV6_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(&control.header), &info6, sizeof(info6));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(info6));
	}
	return sendmsg(fd, &msg, w->flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_once(int fd, const struct kind *k, const struct endpoint *to,
		     const struct way *w, bool connected)
{
	int err;

	if (w->flags != MSG_FASTOPEN && (k->is & STREAM || (k->is & ANY_SCTP && w->connects)))
		err = do_connect(fd, *to);
	else
		err = message(fd, k, to, w, connected);
	return err == -EINPROGRESS || err == -EAGAIN ? 0 : err;
}

/* Go this way to its end, whatever fails; returns the first failure. */
static int go(int fd, const struct kind *k, const struct way *w)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct endpoint to = at(k, w->to), own;
	bool connects = w->connects && !(k->is & (STREAM | ANY_SCTP));
	int err, last;

	err = set_option(fd, w);
	if (w->bind) {
		own = at(k, w->bind);
		own.in.sin_port = 0;
		err = err ?: do_bind(fd, own);
	}
	if (connects) {
		if (k->is & L2TP)
			/* It connects only what was bound. */
			do_bind(fd, at(k, talks(k) == AF_INET ? "0.0.0.0" : "::"));
		last = do_connect(fd, to);
		err = err ?: last;
		connects = !last;
	}
	if (w->dissolves) {
		if (k->is & STREAM)
			do_connect(fd, to);
		last = do_connect(fd, unspec);
		err = err ?: last;
		connects = false;
	}
	last = send_once(fd, k, &to, w, connects);
	return err ?: last;
}

/* Without what the kernel says by itself: IGMP, MLD, neighbour discovery. */
static bool is_noise(const struct sockaddr_ll *ll, const unsigned char *data)
{
	switch (ntohs(ll->sll_protocol)) {
	case ETH_P_IP:
		return data[9] == IPPROTO_IGMP;
	case ETH_P_IPV6:
		return data[6] == IPPROTO_HOPOPTS ||
		       (data[6] == IPPROTO_ICMPV6 && data[40] > 129);
	default:
		return true;
	}
}

static void count(int fd, int seen[DEVICES])
{
	unsigned char data[256] = {};
	struct sockaddr_ll ll;
	socklen_t len = sizeof(ll);
	int i;

	memset(seen, 0, DEVICES * sizeof(*seen));
	while (recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&ll, &len) > 0) {
		len = sizeof(ll);
		if (ll.sll_pkttype != PACKET_OUTGOING || is_noise(&ll, data))
			continue;
		for (i = IN; i < DEVICES; i++)
			seen[i] += ll.sll_ifindex == devices[i];
	}
}

static int open_wire(int filter)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));

	if (fd >= 0 && filter >= 0)
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter));
	return fd;
}

/* Passes packets with MARK and PRIORITY. */
static int load_filter(void)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct __sk_buff, mark)),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_2, MARK, 3),
		BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct __sk_buff, priority)),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_2, PRIORITY, 1),
		BPF_MOV64_IMM(BPF_REG_0, -1),
		BPF_EXIT_INSN(),
	};

	return load_insns(BPF_PROG_TYPE_SOCKET_FILTER, 0, insns, ARRAY_LEN(insns));
}

/* What INET_SOCK_CREATE programs do from now on. */
static void tell(enum device device, int mark, int priority)
{
	struct order *order = &box.order[CREATE];

	order->write_device = device || mark;
	order->device = devices[device];
	order->mark = mark;
	order->priority = priority;
}

static void drop_rights(void)
{
	if (setresuid(65534, 65534, 0))
		ksft_exit_fail_msg("setresuid: %m\n");
}

static void take_rights(void)
{
	if (setresuid(0, 0, 0))
		ksft_exit_fail_msg("setresuid: %m\n");
}

/* Of the program's, free, or the user's. */
enum owner { PROGRAM, NOBODY, USER };
static const char *const owners[] = { "the program's", "a free", "the user's" };

static bool wrong(const struct kind *k, const struct way *w, enum owner whose,
		  const char *what, int err, const int seen[DEVICES])
{
	ksft_print_msg("%s: %s, %s socket: %s; err %d, left by in9 %d, out9 %d, main9 %d\n",
		       k->name, w->name, owners[whose], what, err, seen[IN], seen[OUT],
		       seen[MAIN]);
	return false;
}

static bool try(const struct kind *k, const struct way *w, enum owner owner)
{
	enum device to = NO_DEVICE;
	int seen[DEVICES], fd, err;

	tell(owner == PROGRAM ? VRF : NO_DEVICE, 0, 0);
	fd = new_socket(k);
	tell(NO_DEVICE, 0, 0);
	if (fd < 0)
		ksft_exit_fail_msg("%s: socket: %s\n", k->name, strerror(-fd));
	if (owner == USER)
		bind_device(fd, devices[VRF]);
	count(wire, seen);
	drop_rights();
	err = go(fd, k, w);
	take_rights();
	close(fd);
	count(wire, seen);

	if (owner == PROGRAM) {
		if (seen[OUT] || seen[MAIN])
			return wrong(k, w, owner, "left the VRF", err, seen);
		if (w->err != ANY && err != -w->err)
			return wrong(k, w, owner, "wrong result", err, seen);
		to = w->by;
	} else if (owner == NOBODY) {
		to = w->free;
	} else if (w->bound && w->bound_kinds & k->is) {
		to = w->bound;
	} else if (w->free && (seen[OUT] || seen[MAIN])) {
		return wrong(k, w, owner, "left the VRF, which it does not on other kernels", err,
			     seen);
	}
	if (to && !seen[to])
		return wrong(k, w, owner, "not by the right device", err, seen);
	return true;
}

static bool takes(const struct kind *k, const struct way *w)
{
	/* MAPPED in a way's kinds: only for sockets that are. */
	if (w->kinds & MAPPED && !(k->is & MAPPED))
		return false;
	return w->kinds & k->is & ALL && w->family == talks(k);
}

static bool way_out(const struct kind *k, const struct way *w)
{
	bool ok = try(k, w, PROGRAM);

	ok &= try(k, w, NOBODY);
	ok &= try(k, w, USER);
	return ok;
}

/* How many packets have MARK and PRIORITY, which a program gives the socket, or the user. */
static int marked_packets(const struct kind *k, enum owner owner)
{
	struct way w = { .to = talks(k) == AF_INET ? FAR4 : FAR6 };
	int seen[DEVICES], fd, err = 0, mark = MARK, priority = PRIORITY;

	tell(VRF, owner == PROGRAM ? MARK : 0, owner == PROGRAM ? PRIORITY : 0);
	fd = new_socket(k);
	tell(NO_DEVICE, 0, 0);
	if (owner == USER) {
		err |= setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
		err |= setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	}
	count(marked, seen);
	drop_rights();
	err |= go(fd, k, &w);
	take_rights();
	close(fd);
	count(marked, seen);
	return err ? -1 : seen[IN];
}

/* The packets are as if the user had set both. */
static bool has_mark(const struct kind *k)
{
	int by_program = marked_packets(k, PROGRAM), by_user = marked_packets(k, USER);

	/* L2TP over IPv6 only looks its routes up with the mark. */
	if (by_program == by_user && (by_program > 0 || (k->is & L2TP && k->family == AF_INET6)))
		return true;
	ksft_print_msg("%s: %d packets with mark and priority, %d for the user's\n", k->name,
		       by_program, by_user);
	return false;
}

static bool leaves_by(int fd, const struct kind *k, const struct way *w, enum device to,
		      const char *when)
{
	int seen[DEVICES], err, i;
	bool ok;

	count(wire, seen);
	drop_rights();
	err = go(fd, k, w);
	take_rights();
	count(wire, seen);
	ok = seen[to];
	for (i = IN; i <= MAIN; i++)
		ok &= i == (int)to || !seen[i];
	if (!ok)
		ksft_print_msg("%s: %s: err %d, left by in9 %d, out9 %d, main9 %d, not %s\n",
			       k->name, when, err, seen[IN], seen[OUT], seen[MAIN],
			       device_names[to]);
	return ok;
}

/* A privileged user's own choice wins, and stays. */
static bool user_wins(const struct kind *k)
{
	const char *to = talks(k) == AF_INET ? FAR4 : FAR6;
	struct way message = { .to = to };
	struct way dissolved = { .to = to, .connects = true, .dissolves = true };
	int fd;
	bool ok;

	tell(VRF, 0, 0);
	fd = new_socket(k);
	ok = !bind_device(fd, devices[OUT]);
	ok &= leaves_by(fd, k, &message, OUT, "bound by the user");
	close(fd);

	if (!(k->is & (SMC | ANY_SCTP))) {
		fd = new_socket(k);
		ok &= !bind_device(fd, devices[OUT]);
		ok &= leaves_by(fd, k, &dissolved, OUT, "bound by the user, dissolved");
		if (bound_device(fd) != devices[OUT]) {
			ksft_print_msg("%s: the user's device is gone\n", k->name);
			ok = false;
		}
		close(fd);
	}

	fd = new_socket(k);
	ok &= !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0);
	ok &= leaves_by(fd, k, &message, MAIN, "freed by the user");
	close(fd);
	tell(NO_DEVICE, 0, 0);
	return ok;
}

/* A device that a connect program chose stays, too; one of the user's goes as ever. */
static bool connect_program(const struct kind *k)
{
	enum hook hook = k->ip == AF_INET ? CONNECT4 : CONNECT6;
	struct way w = { .to = talks(k) == AF_INET ? FAR4 : FAR6, .connects = true };
	bool ok, dgram = k->is & DGRAM;
	int fd, err;

	box.order[hook].bind_to_device = devices[OUT];
	/* It needs no capability of the caller's where there is a device already. */
	tell(VRF, 0, 0);
	fd = new_socket(k);
	tell(NO_DEVICE, 0, 0);
	ok = leaves_by(fd, k, &w, OUT, "device of a connect program over that of a create program");
	close(fd);

	fd = new_socket(k);
	ok &= leaves_by(fd, k, &w, OUT, "device of a connect program");
	box.order[hook].bind_to_device = 0;
	if (dgram) {
		struct endpoint unspec = { .len = sizeof(unspec.any) };
		struct way message = { .to = w.to };

		err = do_connect(fd, unspec);
		ok &= !err;
		if (bound_device(fd) != devices[OUT]) {
			ksft_print_msg("%s: the device of a connect program is gone\n", k->name);
			ok = false;
		}
		ok &= leaves_by(fd, k, &message, OUT, "device of a connect program, dissolved");
	}
	close(fd);
	if (!dgram)
		return ok;

	fd = new_socket(k);
	bind_device(fd, devices[OUT]);
	w.dissolves = true;
	ok &= leaves_by(fd, k, &w, MAIN, "the user's device, dissolved");
	close(fd);
	return ok;
}

/* A device that a bind program chose lets nobody in by another one. */
static bool bind_program(const struct kind *k)
{
	struct order *order = &box.order[k->ip == AF_INET ? BIND4 : BIND6];
	struct endpoint own = endpoint(k->ip, k->ip == AF_INET ? "0.0.0.0" : "::", 0);
	struct endpoint to = endpoint(k->ip, k->ip == AF_INET ? "127.0.0.1" : "::1", 0);
	bool ok = true;
	int i;

	for (i = 0; i < 2; i++) {
		int server = new_socket(k), client = new_socket(k), err, later = -1;
		struct pollfd ready = { client, POLLOUT, 0 };
		socklen_t len = sizeof(later);

		order->bind_to_device = i ? devices[OUT] : 0;
		err = do_bind(server, own);
		order->bind_to_device = 0;
		if (!err && (listen(server, 1) || getsockname(server, &own.any, &own.len)))
			err = -errno;
		to.in.sin_port = own.in.sin_port;
		own.in.sin_port = 0;
		do_connect(client, to);
		poll(&ready, 1, 1000);
		getsockopt(client, SOL_SOCKET, SO_ERROR, &later, &len);
		if (err || later != (i ? ECONNREFUSED : 0)) {
			ksft_print_msg("%s: a listener %s: %d, connect() to it: %d\n", k->name,
				       i ? "of another device" : "of no device", err, later);
			ok = false;
		}
		close(client);
		close(server);
	}
	return ok;
}

/* bpf_bind() to an address with a scope outside is no way either. */
static bool bind_by_program(const struct kind *k)
{
	struct order *order = &box.order[CONNECT6];
	struct seen *saw = &box.seen[CONNECT6];
	struct way w = { .to = FAR6, .connects = true };
	int fd, err = 0, device;
	bool ok;

	order->bind_family = AF_INET6;
	inet_pton(AF_INET6, "fe80::8", order->bind_ip);
	order->bind_scope = devices[OUT];
	tell(VRF, 0, 0);
	fd = new_socket(k);
	saw->bind_err = 0;
	ok = leaves_by(fd, k, &w, IN, "bpf_bind() outside");
	err = saw->bind_err;
	device = bound_device(fd);
	close(fd);
	if (err != -EINVAL || device != devices[VRF]) {
		ksft_print_msg("%s: bpf_bind() outside: %d, device %d\n", k->name, err, device);
		ok = false;
	}

	inet_pton(AF_INET6, "fe80::9", order->bind_ip);
	order->bind_scope = devices[IN];
	fd = new_socket(k);
	ok &= leaves_by(fd, k, &w, IN, "bpf_bind() inside");
	err = saw->bind_err;
	close(fd);
	if (err) {
		ksft_print_msg("%s: bpf_bind() inside: %d\n", k->name, err);
		ok = false;
	}
	order->bind_family = 0;
	order->bind_scope = 0;
	tell(NO_DEVICE, 0, 0);
	return ok;
}

static int make_network(void)
{
	FILE *ip = popen("ip -batch -", "w");
	int i;

	if (!ip)
		return -errno;
	fputs(network, ip);
	if (pclose(ip))
		return -EIO;
	for (i = IN; i < DEVICES; i++) {
		devices[i] = if_nametoindex(device_names[i]);
		if (!devices[i])
			return -ENODEV;
	}
	return 0;
}

static bool listens(const struct kind *k)
{
	return k->is & STREAM && !(k->is & MAPPED);
}

static bool binds_by_program(const struct kind *k)
{
	return talks(k) == AF_INET6 && k->is & (TCP | MPTCP | SMC | DCCP | ANY_UDP);
}

static char **left_out;

static bool is_left_out(const struct kind *k)
{
	char **name;

	for (name = left_out; *name; name++)
		if (!strncmp(k->name, *name, strlen(*name)))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int i, j, tests = 0, err;

	left_out = argv + 1;
	for (i = 0; i < ALL_KINDS; i++) {
		if (is_left_out(kind_at(i)))
			continue;
		for (j = 0; j < ARRAY_LEN(ways); j++)
			tests += takes(kind_at(i), &ways[j]);
		tests += 3 + listens(kind_at(i)) + binds_by_program(kind_at(i));
	}
	ksft_print_header();
	ksft_set_plan(tests);

	err = box_open(&box) ?: make_network() ?: box_attach(&box, CREATE) ?:
	      box_attach(&box, BIND4) ?: box_attach(&box, BIND6) ?:
	      box_attach(&box, CONNECT4) ?: box_attach(&box, CONNECT6);
	if (err) {
		ksft_print_msg("no programs: %s\n", strerror(-err));
		while (tests--)
			ksft_test_result_fail("no programs\n");
		ksft_finished();
	}
	wire = open_wire(-1);
	marked = open_wire(load_filter());
	if (wire < 0 || marked < 0)
		ksft_exit_fail_msg("no wire: %m\n");

	for (i = 0; i < ALL_KINDS; i++) {
		const struct kind *k = kind_at(i);

		if (is_left_out(k))
			continue;
		for (j = 0; j < ARRAY_LEN(ways); j++)
			if (takes(k, &ways[j]))
				ksft_test_result(way_out(k, &ways[j]), "%s: %s\n", k->name,
						 ways[j].name);
		ksft_test_result(has_mark(k), "%s: mark and priority\n", k->name);
		ksft_test_result(user_wins(k), "%s: the user's device\n", k->name);
		ksft_test_result(connect_program(k), "%s: a connect program's device\n", k->name);
		if (listens(k))
			ksft_test_result(bind_program(k), "%s: a bind program's device\n", k->name);
		if (binds_by_program(k))
			ksft_test_result(bind_by_program(k), "%s: bpf_bind()\n", k->name);
	}
	box_close(&box);
	ksft_finished();
}
