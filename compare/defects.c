// SPDX-License-Identifier: GPL-2.0
/*
 * Where mainline's hooks fail, or ours did: one probe for each, that says of the kernel it runs
 * on whether what is promised holds there. Judges nothing itself, "make defects" does.
 *
 * usage: defects list	prints the probes: id, "alone" if the machine may die of it, what it is
 *        defects ID...	prints for each: id, "holds", "fails" or "cannot", what was seen
 */
#include "ring.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/sctp.h>

#define WITH_UNIX
#include "box.h"
#include "kinds.h"
#include "trace.skel.h"

#define PORT		4321
#define SECONDS		60	/* no probe takes longer */

/* Which kinds: all, and of which family. */
#define KINDS		0x0fff
#define V4		0x1000
#define V6		0x2000

#define STREAMS		(TCP | MPTCP | DCCP | SMC | SCTP)

enum verdict { HOLDS, FAILS, CANNOT };

static struct box box;
static char seen[1024];		/* the phrase that goes with the verdict */

static enum verdict say(enum verdict verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(seen, sizeof(seen), format, args);
	va_end(args);
	return verdict;
}

/* What failed, each with a space before it. */
struct list {
	char text[512];
};

static void add(struct list *list, const char *format, ...)
{
	int len = strlen(list->text);
	va_list args;

	va_start(args, format);
	list->text[len] = ' ';
	vsnprintf(list->text + len + 1, sizeof(list->text) - len - 1, format, args);
	va_end(args);
}

static enum verdict judge(const struct list *failed, const char *bad, const char *good)
{
	if (failed->text[0])
		return say(FAILS, "%s:%s", bad, failed->text);
	return say(HOLDS, "%s", good);
}

/* The kind after @k, or the first one, of those that @which names by kind and family. */
static const struct kind *next_kind(const struct kind *k, int which)
{
	for (k = k ? k + 1 : kinds; k < kinds + ARRAY_LEN(kinds); k++)
		if (k->is & which & KINDS && which & (k->ip == AF_INET ? V4 : V6))
			return k;
	return NULL;
}

static bool is_4(const struct kind *k)
{
	return k->ip == AF_INET;
}

/* A socket that nothing lets wait for ever and that leaves nothing when it is closed. */
static int open_socket(const struct kind *k)
{
	struct timeval seconds = { 2, 0 };
	struct linger now = { 1, 0 };
	int fd = make(k->family, k->type, k->protocol), service = 1;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (k->is & DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

/* One that no option was set for, as MPTCP looks at its device when there was one. */
static int plain_socket(const struct kind *k)
{
	return k->is & DCCP ? open_socket(k) : make(k->family, k->type, k->protocol);
}

static struct endpoint where(const struct kind *k, const char *ip4, const char *ip6, int port)
{
	struct endpoint e;

	if (k->is & RAW)
		port = 0;
	e = is_4(k) ? endpoint(AF_INET, ip4, port) : endpoint(AF_INET6, ip6, port);
	/* the id of a connection is a part of L2TP's addresses */
	if (k->is & L2TP) {
		e.room[is_4(k) ? 11 : 31] = port & 0xff;
		e.len = is_4(k) ? sizeof(e.in) : sizeof(e.room);
	}
	return e;
}

static struct endpoint loopback(const struct kind *k, int port)
{
	return where(k, "127.0.0.1", "::1", port);
}

/* A message that the protocol can deliver, with a control message if there is one. */
static int message(const struct kind *k, int fd, const struct endpoint *to,
		   struct cmsghdr *control)
{
	char data[16] = {};
	struct iovec part = { data, sizeof(data) };
	struct msghdr m = {
		.msg_name = (void *)to,
		.msg_namelen = to ? to->len : 0,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = control ? control->cmsg_len : 0,
	};

	if (k->is & PING)
		data[0] = is_4(k) ? 8 : 128;
	else if (k->is & L2TP)
		data[0] = 0xc8;
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Connect or send, whichever brings a packet on its way. */
static int go(const struct kind *k, int fd, const struct endpoint *to)
{
	if (!(k->is & STREAMS))
		return message(k, fd, to, NULL);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return do_connect(fd, *to);
}

/* A control message with the device or the source of a packet. */
union info {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static struct cmsghdr *packet_info(union info *info, const struct kind *k, const char *source,
				   int device)
{
	struct in6_pktinfo info6 = { .ipi6_ifindex = device };
	struct in_pktinfo info4 = { .ipi_ifindex = device };

	memset(info, 0, sizeof(*info));
	inet_pton(AF_INET, source, &info4.ipi_spec_dst);
	inet_pton(AF_INET6, source, &info6.ipi6_addr);
	info->header.cmsg_level = is_4(k) ? IPPROTO_IP : IPPROTO_IPV6;
	info->header.cmsg_type = is_4(k) ? IP_PKTINFO : IPV6_PKTINFO;
	info->header.cmsg_len = CMSG_LEN(is_4(k) ? sizeof(info4) : sizeof(info6));
	memcpy(CMSG_DATA(&info->header), is_4(k) ? (void *)&info4 : &info6,
	       info->header.cmsg_len - CMSG_LEN(0));
	return &info->header;
}

static int device_of(int fd)
{
	int device = -1;
	socklen_t len = sizeof(device);

	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len);
	return device;
}

static bool same_ip(const struct endpoint *a, const struct endpoint *b)
{
	return !memcmp(endpoint_ip(a), endpoint_ip(b), endpoint_ip_len(a));
}

static const char *text(const struct endpoint *e)
{
	static char texts[4][INET6_ADDRSTRLEN];
	static int next;
	char *s = texts[next++ % 4];

	return inet_ntop(e->any.sa_family, endpoint_ip(e), s, INET6_ADDRSTRLEN) ?: "?";
}

/* The programs do nothing but allow again, and have seen nothing. */
static void fresh(void)
{
	int i;

	memset(box.order, 0, HOOKS * sizeof(*box.order));
	memset(box.seen, 0, HOOKS * sizeof(*box.seen));
	for (i = 0; i < HOOKS; i++)
		box.order[i].verdict = 1;
}

static int run_ip(const char *commands)
{
	FILE *ip = popen("ip -batch - > /dev/null", "w");

	if (!ip)
		return -errno;
	fputs(commands, ip);
	return pclose(ip) ? -EIO : 0;
}

static enum verdict no_network(void)
{
	return say(CANNOT, "ip cannot make the devices");
}

/* D1: a port is filed under its address, so that is still there when the port is given back. */
static enum verdict d1(void)
{
	struct trace *trace = trace__open_and_load();
	enum verdict verdict = HOLDS;
	const struct kind *k;

	if (!trace)
		return say(CANNOT, "the kernel lets nobody look into inet_put_port()");
	trace->bss->pid = getpid();
	if (trace__attach(trace))
		return say(CANNOT, "the kernel lets nobody look into inet_put_port()");
	box_attach(&box, POST_BIND4);
	box_attach(&box, POST_BIND6);
	box.order[POST_BIND4].verdict = 0;
	box.order[POST_BIND6].verdict = 0;
	for (k = NULL; (k = next_kind(k, TCP | V4 | V6));) {
		struct endpoint own = where(k, "127.0.0.9", "fd00::9", PORT), put = own;
		int fd = open_socket(k);

		do_bind(fd, own);
		if (is_4(k))
			put.in.sin_addr.s_addr = trace->bss->ip4;
		else
			memcpy(&put.in6.sin6_addr, &trace->bss->ip6, 16);
		if (!same_ip(&own, &put))
			verdict = say(FAILS, "the port of %s is given back as one of %s",
				      text(&own), text(&put));
		close(fd);
	}
	return verdict == FAILS ? FAILS :
	       say(HOLDS, "the port is given back before the address");
}

/* D2: half a socket does not survive a bind(). */
static enum verdict d2(void)
{
	static const int values[] = { 1, 5, 4096, 0x7fffffff, -4096, -0x7fffffff - 1 };
	struct list failed = {};
	const struct kind *k;
	int i, fd;

	box_attach(&box, CREATE);
	for (k = NULL; (k = next_kind(k, KINDS | V4 | V6));) {
		for (i = 0; i < ARRAY_LEN(values); i++) {
			box.order[CREATE].retval = values[i];
			fd = plain_socket(k);
			if (fd < 0)
				break;
			do_bind(fd, loopback(k, 0));
			close(fd);
		}
		if (i && i < ARRAY_LEN(values))
			add(&failed, "%s by %d", k->name, values[i]);
	}
	return judge(&failed, "no socket", "only an errno fails socket()");
}

static int positive(ssize_t ret, ssize_t usual)
{
	return ret > 0 && ret != usual;
}

/* D3 */
static enum verdict d3(void)
{
	struct sockaddr_un name = { AF_UNIX, "?defect" };
	int len = offsetof(struct sockaddr_un, sun_path) + 7, fd, s, i;
	struct list bound = {}, sent = {}, connected = {}, failed = {};
	const struct kind *k;

	name.sun_path[0] = 0;
	for (i = POST_BIND4; i <= SENDMSG_UNIX; i++)
		box.order[i].retval = 3;
	for (i = POST_BIND4; i <= SENDMSG6; i++)
		box_attach(&box, i);
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | V4 | V6));) {
		struct endpoint own = where(k, "127.0.0.9", "fd00::9", 0), to = loopback(k, PORT);

		fd = open_socket(k);
		if (positive(bind(fd, &own.any, own.len), 0))
			add(&bound, "%s", k->name);
		if (k->type == SOCK_DGRAM &&
		    positive(sendto(fd, "data", 4, 0, &to.any, to.len), 4))
			add(&sent, "%s", k->name);
		if (positive(connect(fd, &to.any, to.len), 0))
			add(&connected, "%s", k->name);
		close(fd);
	}
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(s, (struct sockaddr *)&name, len);
	if (box_attach(&box, SENDMSG_UNIX) || box_attach(&box, CONNECT_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	if (positive(sendto(fd, "data", 4, 0, (struct sockaddr *)&name, len), 4))
		add(&sent, "unix");
	if (positive(connect(fd, (struct sockaddr *)&name, len), 0))
		add(&connected, "unix");
	if (bound.text[0])
		add(&failed, "bind() of%s", bound.text);
	if (sent.text[0])
		add(&failed, "sendto() of%s", sent.text);
	if (connected.text[0])
		add(&failed, "connect() of%s", connected.text);
	return judge(&failed, "the caller gets the number", "only an errno gets to the caller");
}

/* D4: what a message has, a connection has not. */
static enum verdict d4(void)
{
	struct bpf_insn insns[] = {
		BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_1,
			    offsetof(struct bpf_sock_addr, msg_src_ip4)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int other = load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, insns,
			       ARRAY_LEN(insns));
	int fd, err;

	box_attach(&box, CONNECT4);
	err = bpf_link_update(bpf_link__fd(box.links[CONNECT4]), other, NULL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	do_connect(fd, endpoint(AF_INET, "127.0.0.1", PORT));
	close(fd);
	return err ? say(HOLDS, "the update fails with %s", strerrorname_np(-err)) :
		     say(FAILS, "a link of connect4 runs a program of sendmsg4");
}

/* D5 */
static enum verdict d5(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd, s, err = 0;

	box_attach(&box, CONNECT4);
	box.order[CONNECT4].bind_family = AF_INET6;
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | DCCP | V4));) {
		fd = open_socket(k);
		s = open_socket(k);
		do_bind(s, loopback(k, PORT));
		if (k->is & STREAMS)
			listen(s, 1);
		do_connect(fd, loopback(k, PORT));
		if (box.seen[CONNECT4].calls && box.seen[CONNECT4].bind_err >= 0)
			add(&failed, "%s", k->name);
		err = box.seen[CONNECT4].bind_err ?: err;
		memset(&box.seen[CONNECT4], 0, sizeof(*box.seen));
		close(fd);
		close(s);
	}
	if (failed.text[0])
		return say(FAILS, "bpf_bind() takes it:%s", failed.text);
	return say(HOLDS, "bpf_bind() fails with %s", strerrorname_np(-err) ?: "?");
}

/* D6: the port is free for others while the socket that was refused it is there. */
static enum verdict d6(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd, other;

	box_attach(&box, POST_BIND4);
	box_attach(&box, POST_BIND6);
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | DCCP | SMC | PING | SCTP |
				     V4 | V6));) {
		struct endpoint own = loopback(k, PORT);
		enum hook hook = is_4(k) ? POST_BIND4 : POST_BIND6;

		fd = open_socket(k);
		other = open_socket(k);
		box.order[hook].verdict = 0;
		do_bind(fd, own);
		box.order[hook].verdict = 1;
		if (fd >= 0 && box.seen[hook].calls && do_bind(other, own))
			add(&failed, "%s", k->name);
		box.seen[hook].calls = 0;
		close(fd);
		close(other);
	}
	return judge(&failed, "the port stays taken", "the port is free again");
}

struct local {
	int server;
	int client;
	struct sockaddr_un name;
	socklen_t len;
};

static struct local local(int type)
{
	struct local l = { .name = { AF_UNIX, "?defect" } };

	l.name.sun_path[0] = 0;
	l.len = offsetof(struct sockaddr_un, sun_path) + 7;
	l.server = socket(AF_UNIX, type, 0);
	l.client = socket(AF_UNIX, type, 0);
	bind(l.server, (struct sockaddr *)&l.name, l.len);
	if (type != SOCK_DGRAM)
		listen(l.server, 8);
	return l;
}

/* D7: the client is of another cgroup, and its names are none of the server's business. */
static enum verdict d7(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	static const char *const names[] = { "stream", "seqpacket", "dgram" };
	struct list peers = {}, accepts = {}, failed = {};
	struct sockaddr_un name;
	int client, accepted, i;
	struct local l;
	socklen_t len;

	if (box_attach(&box, GETPEERNAME_UNIX) || box_attach(&box, GETSOCKNAME_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	for (i = 0; i < ARRAY_LEN(types); i++) {
		cgroup_join(box.path);
		l = local(types[i]);
		cgroup_join(CGROUP_ROOT);
		box.seen[GETPEERNAME_UNIX].calls = 0;
		box.seen[GETSOCKNAME_UNIX].calls = 0;
		client = socket(AF_UNIX, types[i], 0);
		connect(client, (struct sockaddr *)&l.name, l.len);
		len = sizeof(name);
		getpeername(client, (struct sockaddr *)&name, &len);
		if (box.seen[GETPEERNAME_UNIX].calls)
			add(&peers, "%s", names[i]);
		accepted = types[i] == SOCK_DGRAM ? l.server : accept(l.server, NULL, NULL);
		len = sizeof(name);
		getsockname(accepted, (struct sockaddr *)&name, &len);
		if (!box.seen[GETSOCKNAME_UNIX].calls)
			add(&accepts, "%s", names[i]);
		close(l.server);
		close(l.client);
	}
	if (peers.text[0])
		add(&failed, "the peer's in getpeername() of%s", peers.text);
	if (accepts.text[0])
		add(&failed, "the client's for an accepted%s", accepts.text);
	return judge(&failed, "the wrong programs run",
		     "the programs of the socket that was asked run, or of its listener");
}

/* D8 */
static enum verdict d8(void)
{
	static const char nothing[sizeof(box.seen->path)];
	struct seen *saw = &box.seen[RECVMSG_UNIX];
	struct list failed = {};
	struct local l = local(SOCK_DGRAM);
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	char data[8];

	if (box_attach(&box, RECVMSG_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	sendto(l.client, "data", 4, 0, (struct sockaddr *)&l.name, l.len);
	recvfrom(l.server, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	if (saw->user_family != AF_UNIX)
		add(&failed, "family %u", saw->user_family);
	if (memcmp(saw->path, nothing, sizeof(nothing)))
		add(&failed, "a path that nobody wrote");
	return judge(&failed, "the program sees what was on the stack", "AF_UNIX and no path");
}

/*
 * Two networks: "in" is a device of the VRF that a program chooses for each socket, "out" is
 * one that is not. Whoever has no capability may not send anything by that.
 */
#define OUT4	"203.0.113.7"
#define OUT6	"2001:db8::7"
#define OUT_LOCAL "fe80::77"

static int out;			/* the index of the device */

static int two_networks(void)
{
	int err = run_ip("link add vrf9 type vrf table 10\n"
			 "link set vrf9 up\n"
			 "link add in type dummy\n"
			 "link add out type dummy\n"
			 "link set in master vrf9\n"
			 "link set in up\n"
			 "link set out up\n"
			 "address add 10.1.0.1/24 dev in\n"
			 "address add 10.2.0.1/24 dev out\n"
			 "address add fd01::1/64 dev in nodad\n"
			 "address add fd02::1/64 dev out nodad\n"
			 "address add fe80::9/64 dev out nodad\n"
			 "route add default dev in table 10\n"
			 "route add default dev out\n"
			 "route add ::/0 dev in table 10\n"
			 "route add ::/0 dev out\n");

	out = if_nametoindex("out");
	box.order[CREATE].write_device = 1;
	box.order[CREATE].device = if_nametoindex("vrf9");
	return err ?: box_attach(&box, CREATE);
}

/* Sees what leaves by the device. */
static int sniffer(int device)
{
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				   .sll_ifindex = device };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, htons(ETH_P_ALL));

	bind(fd, (struct sockaddr *)&any, sizeof(any));
	return fd;
}

/* Is one of the packets for @to? Its address is nowhere else. */
static bool left_for(int sniffer, const struct endpoint *to)
{
	bool found = false;
	char packet[2048];
	int size;

	while ((size = recv(sniffer, packet, sizeof(packet), 0)) >= 0)
		found |= !!memmem(packet, size, endpoint_ip(to), endpoint_ip_len(to));
	return found;
}

/*
 * How sockets of the kinds @which get out, if they do; each way returns where it went. Those that
 * do as they should, @in, leave by the other device.
 */
static enum verdict ways_out(int which, bool in,
			     struct endpoint (*way)(const struct kind *k, int fd))
{
	int fds[ARRAY_LEN(kinds)], outside, inside;
	struct list failed = {};
	const struct kind *k;

	if (two_networks())
		return no_network();
	for (k = NULL; (k = next_kind(k, which));)
		fds[k - kinds] = plain_socket(k);
	outside = sniffer(out);
	inside = sniffer(if_nametoindex("in"));
	if (outside < 0 || setresuid(65534, 65534, 65534))
		return say(CANNOT, "nobody sees the packets");
	for (k = NULL; (k = next_kind(k, which));) {
		struct endpoint to;

		if (fds[k - kinds] < 0)
			continue;
		to = way(k, fds[k - kinds]);
		/* those of streams leave a moment later */
		usleep(10000);
		if (left_for(outside, &to))
			add(&failed, "%s", k->name);
		else if (in && !left_for(inside, &to))
			add(&failed, "%s (by none)", k->name);
	}
	return judge(&failed, "packets leave by a device outside of the VRF",
		     "packets stay in the VRF");
}

static struct endpoint by_disconnect(const struct kind *k, int fd)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct endpoint to = where(k, OUT4, OUT6, PORT);

	if (k->is & L2TP)
		do_bind(fd, where(k, "10.1.0.1", "fd01::1", 1));
	do_connect(fd, where(k, "10.1.0.7", "fd01::7", PORT));
	do_connect(fd, unspec);
	message(k, fd, &to, NULL);
	return to;
}

static enum verdict d9_disconnect(void)
{
	return ways_out(DGRAM | V4 | V6, false, by_disconnect);
}

static struct endpoint by_multicast(const struct kind *k, int fd)
{
	struct endpoint own = where(k, "", "ff02::1", PORT), to = where(k, OUT4, OUT6, PORT);

	own.in6.sin6_scope_id = out;
	do_bind(fd, own);
	go(k, fd, &to);
	return to;
}

static enum verdict d9_multicast(void)
{
	return ways_out(DGRAM | V6, false, by_multicast);
}

static struct endpoint by_link_local(const struct kind *k, int fd)
{
	struct endpoint own = where(k, "", "fe80::9", PORT), to = where(k, OUT4, OUT_LOCAL, PORT);

	own.in6.sin6_scope_id = out;
	do_bind(fd, own);
	go(k, fd, &to);
	return to;
}

static enum verdict d9_link_local(void)
{
	return ways_out(DGRAM | STREAMS | V6, false, by_link_local);
}

static struct endpoint by_scope(const struct kind *k, int fd)
{
	struct endpoint to = where(k, OUT4, OUT_LOCAL, PORT);

	to.in6.sin6_scope_id = out;
	go(k, fd, &to);
	return to;
}

static enum verdict d9_scope(void)
{
	return ways_out(DGRAM | STREAMS | SCTP_MANY | V6, false, by_scope);
}

static struct endpoint by_info(const struct kind *k, int fd)
{
	struct endpoint to = where(k, OUT4, OUT6, PORT);
	union info info;

	message(k, fd, &to, packet_info(&info, k, "", out));
	return to;
}

static enum verdict d9_info(void)
{
	return ways_out(DGRAM | V4 | V6, false, by_info);
}

static struct endpoint by_itself(const struct kind *k, int fd)
{
	struct endpoint to = where(k, OUT4, OUT6, PORT);

	go(k, fd, &to);
	return to;
}

static enum verdict d9_itself(void)
{
	return ways_out(KINDS | V4 | V6, true, by_itself);
}

/* A device that the user chose over the program's, which takes a capability, stays as well. */
static enum verdict d9_own(void)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct list failed = {};
	const struct kind *k;
	int fd;

	if (two_networks())
		return no_network();
	for (k = NULL; (k = next_kind(k, DGRAM | V4 | V6));) {
		fd = open_socket(k);
		setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &out, sizeof(out));
		if (k->is & L2TP)
			do_bind(fd, where(k, "10.2.0.1", "fd02::1", 1));
		do_connect(fd, where(k, "10.2.0.7", "fd02::7", PORT));
		do_connect(fd, unspec);
		if (fd >= 0 && device_of(fd) != out)
			add(&failed, "%s", k->name);
		close(fd);
	}
	return judge(&failed, "it is lost at connect(AF_UNSPEC)", "it stays");
}

/* D10 */
static enum verdict d10_device(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd;

	box_attach(&box, CREATE);
	box.order[CREATE].write_device = 1;
	box.order[CREATE].device = 4242;
	for (k = NULL; (k = next_kind(k, KINDS | V4 | V6));) {
		fd = open_socket(k);
		if (fd >= 0)
			add(&failed, "%s", k->name);
		close(fd);
	}
	return judge(&failed, "bound to device 4242, which is not there", "no socket");
}

struct flood {
	bool stop;
	int fd;
};

static void *send_on(void *arg)
{
	struct flood *flood = arg;
	struct endpoint to = endpoint(AF_INET, "127.0.0.1", 0);

	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED))
		sendto(flood->fd, "data", 4, 0, &to.any, to.len);
	return NULL;
}

/*
 * D10: the program takes its time, and binds the socket to a device that nothing comes by. What
 * the socket has received came before that.
 */
static enum verdict d10_raw(void)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_2, 50000),
		BPF_ALU64_IMM(BPF_SUB, BPF_REG_2, 1),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_2, 0, -2),
		BPF_MOV64_IMM(BPF_REG_2, 0),
		BPF_STX_MEM(BPF_W, BPF_REG_1, BPF_REG_2, offsetof(struct bpf_sock, bound_dev_if)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct flood flood = {};
	pthread_t thread;
	int prog, fd, i, early = 0, sockets = 300;
	char data[64];

	if (run_ip("link add in type dummy\n"))
		return no_network();
	insns[3].imm = if_nametoindex("in");
	prog = load_insns(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, insns,
			  ARRAY_LEN(insns));
	flood.fd = socket(AF_INET, SOCK_RAW, IPPROTO_TRIAL);
	if (prog < 0 || bpf_prog_attach(prog, box.cgroup, BPF_CGROUP_INET_SOCK_CREATE,
					BPF_F_ALLOW_MULTI))
		return say(CANNOT, "the verifier does not take a slow program");
	pthread_create(&thread, NULL, send_on, &flood);
	for (i = 0; i < sockets; i++) {
		fd = socket(AF_INET, SOCK_RAW, IPPROTO_TRIAL);
		if (recv(fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
			early++;
		close(fd);
	}
	__atomic_store_n(&flood.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	bpf_prog_detach2(prog, box.cgroup, BPF_CGROUP_INET_SOCK_CREATE);
	return early ? say(FAILS, "a raw socket receives before its program has run") :
		       say(HOLDS, "no packet came to %d raw sockets before their program", sockets);
}

static int link_local_device(void)
{
	return run_ip("link add out type dummy\n"
		      "address add fe80::9/64 dev out nodad\n"
		      "link set out up\n");
}

/* D11 */
static enum verdict d11(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd;

	if (link_local_device())
		return no_network();
	box_attach(&box, POST_BIND6);
	box.order[POST_BIND6].verdict = 0;
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | DCCP | SMC | PING | RAW |
				     L2TP | V6));) {
		struct endpoint own = where(k, "", "fe80::9", PORT);

		own.in6.sin6_scope_id = if_nametoindex("out");
		fd = open_socket(k);
		if (do_bind(fd, own) && fd >= 0 && device_of(fd))
			add(&failed, "%s", k->name);
		close(fd);
	}
	return judge(&failed, "bound to the device of the address", "bound to no device");
}

static void lead_to(enum hook hook, const struct endpoint *to)
{
	box.order[hook].rewrite = 1;
	memcpy(box.order[hook].ip, endpoint_ip(to), endpoint_ip_len(to));
	box.order[hook].port = to->in.sin_port;
}

/* D12: what a program made of the address is none that the socket takes. */
static enum verdict d12_mapped(void)
{
	struct endpoint mapped = endpoint(AF_INET6, "::ffff:127.0.0.1", PORT);
	struct list failed = {};
	const struct kind *k;
	int fd, err = 0;

	box_attach(&box, SENDMSG6);
	lead_to(SENDMSG6, &mapped);
	for (k = NULL; (k = next_kind(k, UDP | UDPLITE | V6));) {
		struct endpoint to = loopback(k, PORT);

		fd = open_socket(k);
		err = message(k, fd, &to, NULL);
		/* 524, ENOTSUPP, is known to the kernel alone. */
		if (-err > 133)
			add(&failed, "%s", k->name);
		close(fd);
	}
	if (failed.text[0])
		return say(FAILS, "errno 524, which user space does not know:%s", failed.text);
	return say(HOLDS, "%s", err ? strerrorname_np(-err) : "the message is sent");
}

static enum verdict d12_scope(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd;

	if (link_local_device())
		return no_network();
	box_attach(&box, SENDMSG6);
	for (k = NULL; (k = next_kind(k, UDP | UDPLITE | V6));) {
		struct endpoint to = where(k, "", "fe80::1", PORT);
		struct endpoint other = where(k, "", "fd00::9", PORT), from;
		int s = open_socket(k);
		char data[16];

		do_bind(s, other);
		lead_to(SENDMSG6, &other);
		to.in6.sin6_scope_id = if_nametoindex("out");
		fd = open_socket(k);
		message(k, fd, &to, NULL);
		from.len = sizeof(from.in6);
		if (s >= 0 &&
		    recvfrom(s, data, sizeof(data), MSG_DONTWAIT, &from.any, &from.len) < 0)
			add(&failed, "%s", k->name);
		close(fd);
		close(s);
	}
	return judge(&failed, "sent by the device of the address it was led away from",
		     "sent to the new address");
}

/*
 * D13: what the programs see is what the kernel takes the address for. Kinds of sockets by what
 * was wrong; @hook is the one for IPv4, of two.
 */
struct wrong {
	struct list unspec;
	struct list other;
	struct list unseen;
};

static bool other_family(struct wrong *wrong, const struct kind *k, enum hook hook)
{
	struct seen *saw4 = &box.seen[hook], *saw6 = &box.seen[hook + 1];
	bool bad4 = saw4->calls && saw4->user_family != AF_INET;
	bool bad6 = saw6->calls && saw6->user_family != AF_INET6;

	if (!saw4->calls && !saw6->calls)
		add(&wrong->unseen, "%s", k->name);
	else if ((bad4 && !saw4->user_family) || (bad6 && !saw6->user_family))
		add(&wrong->unspec, "%s", k->name);
	else if (bad4 || bad6)
		add(&wrong->other, "%s", k->name);
	else
		return false;
	return true;
}

static int bind_to(const struct kind *k, int fd, const struct endpoint *e)
{
	return do_bind(fd, *e);
}

static int connect_to(const struct kind *k, int fd, const struct endpoint *e)
{
	if (k->is & L2TP)
		do_bind(fd, where(k, "127.0.0.9", "fd00::9", 1));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return do_connect(fd, *e);
}

static int send_to(const struct kind *k, int fd, const struct endpoint *e)
{
	return message(k, fd, e, NULL);
}

/* Give a call addresses of families that are not the socket's. Some it may take. */
static enum verdict other_families(int which, enum hook hook,
				   int (*call)(const struct kind *k, int fd,
					       const struct endpoint *e))
{
	static const struct { const char *ip4, *ip6; } ips[] = {
		{ "0.0.0.0", "::" }, { "127.0.0.1", "::1" },
	};
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, 99 };
	struct list failed = {};
	struct wrong wrong = {};
	const struct kind *k;
	int i, j, fd;

	box_attach(&box, hook);
	box_attach(&box, hook + 1);
	for (k = NULL; (k = next_kind(k, which));) {
		bool good = true;

		for (i = 0; i < ARRAY_LEN(families) * ARRAY_LEN(ips) && good; i++) {
			struct endpoint e = where(k, ips[i % 2].ip4, ips[i % 2].ip6, PORT);

			j = families[i / 2];
			if (e.any.sa_family == j || (call == connect_to && j == AF_UNSPEC))
				continue;
			e.any.sa_family = j;
			if (e.len < sizeof(e.in6))
				e.len = sizeof(e.in6);
			memset(&box.seen[hook], 0, 2 * sizeof(box.seen[hook]));
			fd = open_socket(k);
			if (fd >= 0 && !call(k, fd, &e))
				good = !other_family(&wrong, k, hook);
			close(fd);
		}
	}
	if (wrong.unspec.text[0])
		add(&failed, "(family 0)%s", wrong.unspec.text);
	if (wrong.other.text[0])
		add(&failed, "(yet another)%s", wrong.other.text);
	if (wrong.unseen.text[0])
		add(&failed, "(no program runs)%s", wrong.unseen.text);
	return judge(&failed, "the call succeeds, and the program saw another family",
		     "the program sees the family that the kernel uses, or the call fails");
}

static enum verdict d13_bind(void)
{
	return other_families(KINDS | V4 | V6, BIND4, bind_to);
}

static enum verdict d13_connect(void)
{
	return other_families(KINDS | V4 | V6, CONNECT4, connect_to);
}

static enum verdict d13_sendto(void)
{
	return other_families(DGRAM | V4 | V6, SENDMSG4, send_to);
}

/* D13: what the program sees of a message that names no receiver, but a source. */
static enum verdict connected_message(int which, bool must_run)
{
	struct list failed = {};
	const struct kind *k;
	union info info;
	int fd, s;

	box_attach(&box, SENDMSG4);
	box_attach(&box, SENDMSG6);
	for (k = NULL; (k = next_kind(k, which));) {
		struct endpoint to = loopback(k, PORT);
		struct seen *saw = &box.seen[is_4(k) ? SENDMSG4 : SENDMSG6];

		/* which takes no control messages */
		if (k->is & L2TP && is_4(k))
			continue;
		fd = open_socket(k);
		s = open_socket(k);
		do_bind(s, to);
		if (k->is & L2TP)
			do_bind(fd, where(k, "127.0.0.9", "fd00::9", 1));
		do_connect(fd, to);
		memset(saw, 0, sizeof(*saw));
		message(k, fd, NULL, packet_info(&info, k, is_4(k) ? "127.0.0.9" : "fd00::9", 0));
		if (must_run && !saw->calls)
			add(&failed, "%s", k->name);
		if (!must_run && saw->calls &&
		    (saw->user_family != (unsigned int)k->family ||
		     memcmp(saw->ip, endpoint_ip(&to), endpoint_ip_len(&to))))
			add(&failed, "%s (family %u)", k->name, saw->user_family);
		close(fd);
		close(s);
	}
	return must_run ? judge(&failed, "no sendmsg program runs", "the sendmsg programs run") :
			  judge(&failed, "the program sees another address than the packet has",
				"the program sees the address");
}

static enum verdict d13_control(void)
{
	return connected_message(UDP | UDPLITE | V4 | V6, false);
}

static enum verdict path_control(void)
{
	return connected_message(RAW | PING | L2TP | V4 | V6, true);
}

/* D14: a datagram that is refused chooses no port. */
static enum verdict d14_sendto(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd;

	box_attach(&box, SENDMSG4);
	box_attach(&box, SENDMSG6);
	box.order[SENDMSG4].verdict = 0;
	box.order[SENDMSG6].verdict = 0;
	for (k = NULL; (k = next_kind(k, UDP | UDPLITE | PING | V4 | V6));) {
		struct endpoint to = loopback(k, PORT);

		fd = open_socket(k);
		message(k, fd, &to, NULL);
		if (port_of(local_of(fd)))
			add(&failed, "%s", k->name);
		close(fd);
	}
	return judge(&failed, "the socket keeps a port", "the socket has no port");
}

/* What becomes of a connect() for which a program calls bpf_bind(). */
enum outcome {
	REFUSED,	/* by the program itself */
	FAILED,		/* nobody is there */
	BAD_BIND,	/* bpf_bind() fails, then the program refuses */
};

/* The name that a socket has after a connect() like that. */
static struct endpoint name_after(const struct kind *k, enum outcome end, bool own, bool programs,
				  int *err)
{
	const char *far4 = k->is & STREAMS ? "127.0.0.1" : "192.0.2.1";
	const char *far6 = k->is & STREAMS ? "::1" : "2001:db8::1";
	enum hook hook = is_4(k) ? CONNECT4 : CONNECT6;
	struct endpoint chosen = where(k, "127.0.0.3", "fd00::9", PORT), name;
	int fd = open_socket(k), other = open_socket(k), one = 1;

	fresh();
	do_bind(other, chosen);
	if (own) {
		setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		do_bind(fd, where(k, "127.0.0.2", "fd00::2", 0));
	}
	box.order[hook].verdict = end == FAILED;
	box.order[hook].bind_family = k->family;
	memcpy(box.order[hook].bind_ip, endpoint_ip(&chosen), endpoint_ip_len(&chosen));
	box.order[hook].bind_port = htons(end == BAD_BIND ? PORT : PORT + 1);
	if (programs)
		box_attach(&box, hook);
	/* Without programs a refusal is no connect() at all. */
	if (programs || end == FAILED)
		*err = do_connect(fd, where(k, far4, far6, 9));
	if (programs)
		box_detach(&box, hook);
	name = local_of(fd);
	close(other);
	close(fd);
	return name;
}

/* Which port the kernel chose is its own affair. */
static bool same_name(const struct endpoint *want, const struct endpoint *have)
{
	return same_ip(want, have) && (port_of(*want) || !port_of(*have));
}

static enum verdict after_connect(bool own)
{
	static const char *const ends[] = { "refused", "failed", "bpf_bind() failed" };
	struct list failed = {};
	const struct kind *k;
	int end, fd;

	for (end = REFUSED; end <= BAD_BIND; end++) {
		struct list these = {};

		for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | DCCP | PING | V4 |
					     V6));) {
			struct endpoint before, without, have;
			int err;

			fd = open_socket(k);
			close(fd);
			if (fd < 0)
				continue;
			before = name_after(k, REFUSED, own, false, &err);
			without = name_after(k, end, own, false, &err);
			have = name_after(k, end, own, true, &err);
			/* No program refuses where none runs. */
			if (end == FAILED ? !err : err != -EPERM)
				continue;
			/* MPTCP's keeps the name of its subflow, if no program runs. */
			if (!same_name(&before, &have) && !same_name(&without, &have))
				add(&these, "%s", k->name);
		}
		if (these.text[0])
			add(&failed, "(%s)%s", ends[end], these.text);
	}
	return judge(&failed, "not bound as before", "bound as before");
}

static enum verdict d14_connect(void)
{
	return after_connect(false);
}

static enum verdict d14_own(void)
{
	return after_connect(true);
}

/* A link-local address that a program binds brings its device, which goes with it. */
static enum verdict d14_device(void)
{
	struct bpf_insn insns[] = {
		BPF_ST_MEM(BPF_H, BPF_REG_10, -32, AF_INET6),
		BPF_ST_MEM(BPF_H, BPF_REG_10, -30, 0),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -28, 0),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -24, htonl(0xfe800000)),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -20, 0),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -16, 0),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -12, htonl(9)),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -8, 0),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -32),
		BPF_MOV64_IMM(BPF_REG_3, sizeof(struct sockaddr_in6)),
		BPF_EMIT_CALL(BPF_FUNC_bind),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	struct list failed = {};
	const struct kind *k;
	int prog, fd;

	if (link_local_device())
		return no_network();
	insns[7].imm = if_nametoindex("out");
	prog = load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, insns,
			  ARRAY_LEN(insns));
	if (prog < 0 || bpf_prog_attach(prog, box.cgroup, BPF_CGROUP_INET6_CONNECT, 0))
		return say(CANNOT, "no program that calls bpf_bind()");
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | DCCP | V6));) {
		fd = open_socket(k);
		do_connect(fd, loopback(k, 9));
		if (fd >= 0 && device_of(fd))
			add(&failed, "%s", k->name);
		close(fd);
	}
	bpf_prog_detach2(prog, box.cgroup, BPF_CGROUP_INET6_CONNECT);
	return judge(&failed, "bound to the device", "bound to no device");
}

/* D15: a program allowed the socket, and the one after it did not. */
static enum verdict d15_refused(void)
{
	int other = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 1);
	struct list failed = {};
	const struct kind *k;

	box_attach(&box, CREATE);
	box_attach(&box, RELEASE);
	bpf_prog_attach(other, box.cgroup, BPF_CGROUP_INET_SOCK_CREATE, BPF_F_ALLOW_MULTI);
	for (k = NULL; (k = next_kind(k, KINDS | V4 | V6));) {
		box.order[CREATE].verdict = 0;
		box.seen[CREATE].calls = 0;
		box.seen[RELEASE].calls = 0;
		close(open_socket(k));
		/* AF_SMC looks at the kind before anything else. */
		if (box.seen[CREATE].calls && !box.seen[RELEASE].calls)
			add(&failed, "%s", k->name);
	}
	bpf_prog_detach2(other, box.cgroup, BPF_CGROUP_INET_SOCK_CREATE);
	return judge(&failed, "no release", "the release programs run");
}

static enum verdict d15_closed(void)
{
	struct list failed = {};
	const struct kind *k;
	int fd;

	box_attach(&box, CREATE);
	box_attach(&box, RELEASE);
	for (k = NULL; (k = next_kind(k, KINDS | V4 | V6));) {
		memset(box.seen, 0, HOOKS * sizeof(*box.seen));
		fd = open_socket(k);
		close(fd);
		if (fd < 0)
			continue;
		if (!box.seen[CREATE].calls)
			add(&failed, "%s (nor a create)", k->name);
		else if (!box.seen[RELEASE].calls)
			add(&failed, "%s", k->name);
	}
	return judge(&failed, "no release", "the release programs run");
}

static void *accept_soon(void *arg)
{
	int *fd = arg;

	usleep(100000);
	close(accept(*fd, NULL, NULL));
	return NULL;
}

/* D16: io_uring tries again where connect() would wait. */
static enum verdict d16_ring(void)
{
	struct sockaddr_un asked = { AF_UNIX, "?asked" };
	struct seen *saw = &box.seen[CONNECT_UNIX];
	struct ring ring;
	pthread_t thread;
	struct local l = local(SOCK_DGRAM);
	int fds[2], i;

	if (box_attach(&box, CONNECT_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	if (ring_open(&ring))
		return say(CANNOT, "there is no io_uring");
	close(l.server);
	l.server = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(l.server, (struct sockaddr *)&l.name, l.len);
	/* It takes one and no more, until somebody accepts that. */
	listen(l.server, 0);
	for (i = 0; i < 2; i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(fds[0], (struct sockaddr *)&l.name, l.len);
	asked.sun_path[0] = 0;
	box.order[CONNECT_UNIX].rewrite = 1;
	box.order[CONNECT_UNIX].path_len = 7;
	memcpy(box.order[CONNECT_UNIX].path, l.name.sun_path, 7);
	saw->calls = 0;
	pthread_create(&thread, NULL, accept_soon, &l.server);
	ring_connect(&ring, fds[1], (struct sockaddr *)&asked,
		     offsetof(struct sockaddr_un, sun_path) + 6);
	pthread_join(thread, NULL);
	if (!memcmp(saw->path, l.name.sun_path, 7))
		return say(FAILS, "the program sees the address that it wrote before");
	return say(HOLDS, "the program sees the address that the user gave");
}

static enum verdict d16_stream(void)
{
	struct seen *saw = &box.seen[RECVMSG_UNIX];
	struct local l = local(SOCK_STREAM);
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	int accepted, i;
	char data[16];

	if (box_attach(&box, RECVMSG_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	connect(l.client, (struct sockaddr *)&l.name, l.len);
	accepted = accept(l.server, NULL, NULL);
	for (i = 0; i < 3; i++)
		send(l.client, "data", 4, 0);
	recvfrom(accepted, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	return say(saw->calls == 1 ? HOLDS : FAILS, "one read of 3 messages runs the program %s",
		   saw->calls == 1 ? "once" : saw->calls ? "for each" : "never");
}

/* D17: that a program led one message somewhere does not make the next one there a checked one. */
static enum verdict d17(void)
{
	struct trace *trace = trace__open_and_load();
	struct sockaddr_un asked = { AF_UNIX, "?asked" };
	struct local l = local(SOCK_DGRAM);
	struct iovec iov = { "data", 4 };
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { &asked, l.len - 1, &iov, 1 } },
		{ .msg_hdr = { &l.name, l.len, &iov, 1 } },
	};

	if (box_attach(&box, SENDMSG_UNIX))
		return say(CANNOT, "there are no hooks of AF_UNIX");
	if (!trace)
		return say(CANNOT, "the kernel lets nobody look into its security modules");
	trace->bss->pid = getpid();
	if (trace__attach(trace))
		return say(CANNOT, "the kernel lets nobody look into its security modules");
	asked.sun_path[0] = 0;
	box.order[SENDMSG_UNIX].rewrite = 1;
	box.order[SENDMSG_UNIX].path_len = 7;
	memcpy(box.order[SENDMSG_UNIX].path, l.name.sun_path, 7);
	sendmmsg(l.client, messages, 2, 0);
	return say(trace->bss->checks == 2 ? HOLDS : FAILS,
		   "security modules check %d of 2 messages", trace->bss->checks);
}

/* A program that looks at each UDP socket, and aborts it as SOCK_DESTROY does. */
static int abort_udp(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);
	struct bpf_insn insns[] = {
		BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_1, 8),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_1, 0, 1),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	int prog, link, iter;
	char nothing[8];

	insns[2].imm = libbpf_find_vmlinux_btf_id("bpf_sock_destroy", BPF_TRACE_FENTRY);
	opts.attach_btf_id = libbpf_find_vmlinux_btf_id("udp", BPF_TRACE_ITER);
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "abort", "GPL", insns, ARRAY_LEN(insns), &opts);
	link = bpf_link_create(prog, 0, BPF_TRACE_ITER, NULL);
	iter = bpf_iter_create(link);
	return read(iter, nothing, sizeof(nothing)) < 0 ? -errno : 0;
}

/* D18: what the release programs see of the peer of an aborted socket. */
static enum verdict d18(void)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
		BPF_LD_MAP_FD(BPF_REG_1, 0),
		BPF_EMIT_CALL(BPF_FUNC_map_lookup_elem),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 4),
		BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct bpf_sock, dst_ip4)),
		BPF_STX_MEM(BPF_W, BPF_REG_0, BPF_REG_1, 0),
		BPF_LDX_MEM(BPF_H, BPF_REG_1, BPF_REG_6, offsetof(struct bpf_sock, dst_port)),
		BPF_STX_MEM(BPF_W, BPF_REG_0, BPF_REG_1, 4),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct endpoint peer = endpoint(AF_INET, "127.0.0.7", PORT);
	struct { __u32 ip, port; } saw[2] = {};
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "peer", 4, 8, 1, NULL), zero = 0;
	int prog, fd, i;

	insns[4].imm = map;
	prog = load_insns(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_RELEASE, insns,
			  ARRAY_LEN(insns));
	if (prog < 0 || bpf_prog_attach(prog, box.cgroup, BPF_CGROUP_INET_SOCK_RELEASE, 0))
		return say(CANNOT, "no release program can read the peer");
	for (i = 0; i < 2; i++) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		do_connect(fd, peer);
		if (i && abort_udp())
			return say(CANNOT, "the kernel lets nobody abort a UDP socket");
		close(fd);
		bpf_map_lookup_elem(map, &zero, &saw[i]);
	}
	bpf_prog_detach2(prog, box.cgroup, BPF_CGROUP_INET_SOCK_RELEASE);
	if (saw[0].ip != peer.in.sin_addr.s_addr)
		return say(CANNOT, "the release programs never see a peer");
	return memcmp(&saw[0], &saw[1], sizeof(saw[0])) ?
	       say(FAILS, "the release programs see neither address nor port of the peer") :
	       say(HOLDS, "the release programs see the last peer");
}

/* A packet with a header of the user's own, which goes to @to. */
static int own_header(const struct kind *k, char *packet, const struct endpoint *to)
{
	struct iphdr ip4 = { .version = 4, .ihl = 5, .ttl = 9, .protocol = IPPROTO_TRIAL };
	struct ipv6hdr ip6 = { .version = 6, .hop_limit = 9, .nexthdr = IPPROTO_TRIAL };
	int size = is_4(k) ? sizeof(ip4) : sizeof(ip6);

	ip4.daddr = to->in.sin_addr.s_addr;
	ip4.tot_len = htons(size + 4);
	memcpy(&ip6.daddr, &to->in6.sin6_addr, sizeof(ip6.daddr));
	memcpy(&ip6.saddr, &to->in6.sin6_addr, sizeof(ip6.saddr));
	ip6.payload_len = htons(4);
	memcpy(packet, is_4(k) ? (void *)&ip4 : &ip6, size);
	memcpy(packet + size, "data", 4);
	return size + 4;
}

/* It is for another one than the address of the call or of the connection, which programs see. */
static enum verdict path_header(void)
{
	struct list failed = {};
	const struct kind *k;
	int i, connected;

	for (i = CONNECT4; i <= SENDMSG6; i++)
		box_attach(&box, i);
	for (k = NULL; (k = next_kind(k, RAW | V4 | V6));) {
		struct endpoint to = loopback(k, 0), other = where(k, "127.0.0.9", "fd00::9", 0);

		for (connected = 0; connected < 2; connected++) {
			int fd = make(k->family, SOCK_RAW, IPPROTO_RAW), s = open_socket(k), size;
			char packet[64], data[64];

			do_bind(s, other);
			size = own_header(k, packet, &other);
			if (connected && !do_connect(fd, to))
				send(fd, packet, size, 0);
			else if (!connected)
				sendto(fd, packet, size, 0, &to.any, to.len);
			if (recv(s, data, sizeof(data), MSG_DONTWAIT) >= 0)
				add(&failed, connected ? "%s (connected)" : "%s", k->name);
			close(fd);
			close(s);
		}
	}
	return judge(&failed, "the packet goes elsewhere than to the address of the call",
		     "no packet goes elsewhere than to the address of the call");
}

/* A source route of IPv4, of a socket that only the programs of IPv6 see. */
static enum verdict path_route(void)
{
	struct endpoint to = endpoint(AF_INET6, "::ffff:127.0.0.2", PORT);
	struct list failed = {};
	const struct kind *k;
	char route[8] = "\x83\x07\x04";
	int fd, err;

	inet_pton(AF_INET, "127.0.0.9", route + 3);
	for (k = NULL; (k = next_kind(k, TCP | UDP | UDPLITE | MPTCP | RAW | V6));) {
		fd = open_socket(k);
		err = setsockopt(fd, SOL_IP, IP_OPTIONS, route, sizeof(route));
		box_attach(&box, CONNECT6);
		to.in.sin_port = k->is & RAW ? 0 : htons(PORT);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (!err && do_connect(fd, to) != -EPERM)
			add(&failed, "%s", k->name);
		box_detach(&box, CONNECT6);
		close(fd);
	}
	return judge(&failed, "connect() over an address that the program does not see",
		     "connect() fails with EPERM");
}

/* A list of the ports that services may have, as mainline's programs are. */
static enum verdict drop_in(void)
{
	static const enum bpf_attach_type types[] = { BPF_CGROUP_INET4_POST_BIND,
						      BPF_CGROUP_INET6_POST_BIND };
	struct bpf_insn insns[] = {
		BPF_LDX_MEM(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_sock, src_port)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 8080, 1),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	struct list failed = {};
	const struct kind *k;
	int prog[2], i, fd, s, err;

	for (k = NULL; (k = next_kind(k, KINDS | V4 | V6));) {
		struct endpoint to = where(k, "127.0.0.2", "fd00::2", PORT);

		s = open_socket(k);
		fd = open_socket(k);
		do_bind(s, to);
		listen(s, 8);
		for (i = 0; i < 2; i++) {
			prog[i] = load_insns(BPF_PROG_TYPE_CGROUP_SOCK, types[i], insns,
					     ARRAY_LEN(insns));
			bpf_prog_attach(prog[i], box.cgroup, types[i], 0);
		}
		err = k->is & STREAMS ? do_connect(fd, to) : message(k, fd, &to, NULL);
		if (fd >= 0 && err == -EPERM)
			add(&failed, "%s", k->name);
		for (i = 0; i < 2; i++) {
			bpf_prog_detach2(prog[i], box.cgroup, types[i]);
			close(prog[i]);
		}
		close(fd);
		close(s);
	}
	return judge(&failed, "clients fail for the port that the kernel chose",
		     "clients connect and send");
}

struct pair {
	int fd;
	bool stop;
};

static void *disconnect(void *arg)
{
	struct endpoint unspec = { .len = sizeof(unspec.any) };
	struct pair *pair = arg;

	while (!__atomic_load_n(&pair->stop, __ATOMIC_RELAXED))
		do_connect(pair->fd, unspec);
	return NULL;
}

/* From port 0, and that not because the other thread did something in between. */
static bool sends_from_0(const struct kind *k, int fd, int server)
{
	struct endpoint from;
	char data[16];
	int i;

	for (i = 0; i < 4; i++) {
		from.len = sizeof(from.in6);
		if (message(k, fd, NULL, NULL) ||
		    recvfrom(server, data, sizeof(data), 0, &from.any, &from.len) < 0 ||
		    port_of(from))
			return false;
	}
	return true;
}

/* Two threads connect and disconnect a socket, on one CPU, to meet inside of the calls. */
static enum verdict bystander_udp(void)
{
	const struct kind *k = next_kind(NULL, UDP | V4);
	struct endpoint to = loopback(k, PORT);
	struct pair pair = { .fd = open_socket(k) };
	struct timespec now, end;
	cpu_set_t cpu;
	pthread_t thread;
	int s = open_socket(k);
	bool found = false;

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	do_bind(s, to);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 20;
	pthread_create(&thread, NULL, disconnect, &pair);
	do {
		do_connect(pair.fd, to);
		found = sends_from_0(k, pair.fd, s);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!found && now.tv_sec < end.tv_sec);
	__atomic_store_n(&pair.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return found ? say(FAILS, "a connected socket sends from port 0") :
		       say(HOLDS, "no connected socket sent from port 0 in 20 s");
}

/* Fail the n-th allocation of what this thread does next. */
static int fail_nth(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return write_file("/proc/thread-self/fail-nth", text);
}

static int bindx(int fd, const struct endpoint *ends)
{
	char packed[2 * sizeof(struct sockaddr_in6)];

	memcpy(packed, &ends[0], ends[0].len);
	memcpy(packed + ends[0].len, &ends[1], ends[1].len);
	return setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, packed,
			  ends[0].len + ends[1].len) < 0 ? -errno : 0;
}

/* Each of the first allocations fails once, and what was taken is given back once. */
static enum verdict bystander_bindx(void)
{
	struct list failed = {};
	const struct kind *k;
	int n, err, fd, other, injected = 0;

	for (k = NULL; (k = next_kind(k, SCTP | SCTP_MANY | V4 | V6));) {
		struct endpoint ends[2] = {
			where(k, "127.0.0.2", "fd00::2", PORT),
			where(k, "127.0.0.9", "fd00::9", PORT),
		};

		for (n = 1; n < 20; n++) {
			fd = open_socket(k);
			other = open_socket(k);
			fail_nth(n);
			err = bindx(fd, ends);
			fail_nth(0);
			injected += err == -ENOMEM;
			if (err == -ENOMEM && do_bind(other, ends[0]))
				add(&failed, "%s at %d", k->name, n);
			close(other);
			close(fd);
		}
	}
	if (!injected)
		return say(CANNOT, "needs a kernel with CONFIG_FAILSLAB");
	return judge(&failed, "the port stays taken", "the port is given back");
}

/* Counts how often this process calls a function of the kernel, in a map. */
static int count_calls(const char *function)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	struct bpf_insn insns[] = {
		BPF_EMIT_CALL(BPF_FUNC_get_current_pid_tgid),
		BPF_ALU64_IMM(BPF_RSH, BPF_REG_0, 32),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_0, getpid(), 10),
		BPF_ST_MEM(BPF_W, BPF_REG_10, -4, 0),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, -4),
		BPF_LD_MAP_FD(BPF_REG_1, 0),
		BPF_EMIT_CALL(BPF_FUNC_map_lookup_elem),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_0, 0, 3),
		BPF_LDX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, 0),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, 1),
		BPF_STX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "calls", 4, 8, 1, NULL), prog;

	insns[6].imm = map;
	opts.attach_btf_id = libbpf_find_vmlinux_btf_id(function, BPF_TRACE_FENTRY);
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "calls", "GPL", insns, ARRAY_LEN(insns), &opts);
	return bpf_raw_tracepoint_open(NULL, prog) < 0 ? -1 : map;
}

static __u64 calls_of(int map)
{
	__u64 calls = 0;
	int zero = 0;

	bpf_map_lookup_elem(map, &zero, &calls);
	return calls;
}

/* A tunnel drops the packets that it is to send while its socket is locked. */
static enum verdict bystander_names(void)
{
	struct list failed = {};
	const struct kind *k;
	int map = count_calls("lock_sock_nested"), fd;
	__u64 locks;

	if (map < 0)
		return say(CANNOT, "the kernel lets nobody look into lock_sock()");
	for (k = NULL; (k = next_kind(k, L2TP | V4 | V6));) {
		fd = open_socket(k);
		do_bind(fd, where(k, "127.0.0.9", "fd00::9", 1));
		do_connect(fd, where(k, "127.0.0.1", "::1", 2));
		locks = calls_of(map);
		local_of(fd);
		peer_of(fd);
		if (calls_of(map) != locks)
			add(&failed, "%s", k->name);
		close(fd);
	}
	return judge(&failed, "names are asked for with the socket lock",
		     "names are asked for without the socket lock");
}

/* It has no ports, and a rule about one is not for it. */
static enum verdict bystander_port(void)
{
	const struct kind *k = next_kind(NULL, L2TP | V4);
	int fd = open_socket(k), err;

	if (two_networks() || run_ip("rule add sport 115 prohibit\n"))
		return no_network();
	box_detach(&box, CREATE);
	do_bind(fd, where(k, "10.2.0.1", "", 1));
	err = do_connect(fd, where(k, "10.2.0.7", "", 2));
	return err ? say(FAILS, "a rule for packets from port 115 is for it") :
		     say(HOLDS, "a rule for packets from port 115 is not for it");
}

/* A local connection where no program is. */
static enum verdict bystander_unix(void)
{
	int maps[2] = { count_calls("cgroup_sk_clone"), count_calls("cgroup_sk_free") };
	struct local l = local(SOCK_STREAM);
	__u64 calls;

	if (maps[0] < 0 || maps[1] < 0)
		return say(CANNOT, "the kernel lets nobody look into cgroup_sk_clone()");
	calls = calls_of(maps[0]) + calls_of(maps[1]);
	connect(l.client, (struct sockaddr *)&l.name, l.len);
	return calls_of(maps[0]) + calls_of(maps[1]) != calls ?
	       say(FAILS, "connect() changes the cgroup of the new socket for the same one") :
	       say(HOLDS, "connect() leaves the cgroup of the new socket alone");
}

/* What a call says with programs that allow, compared to none. */
static enum verdict neutral(void)
{
	struct list failed = {};
	const struct kind *k;
	int programs, i, fd, errors[2];

	for (k = NULL; (k = next_kind(k, SCTP_MANY | RAW | L2TP | UDP | UDPLITE | PING | V4 |
				     V6));) {
		struct endpoint to = k->is & SCTP_MANY ? loopback(k, 0) :
				     where(k, "127.0.0.1", "::ffff:127.0.0.1", PORT);

		for (programs = 0; programs < 2; programs++) {
			for (i = CONNECT4; programs && i <= SENDMSG6; i++)
				box_attach(&box, i);
			fd = open_socket(k);
			errors[programs] = message(k, fd, &to, NULL);
			close(fd);
			for (i = CONNECT4; programs && i <= SENDMSG6; i++)
				box_detach(&box, i);
		}
		if (errors[0] != errors[1])
			add(&failed, "%s (%s, without %s)", k->name,
			    errors[1] ? strerrorname_np(-errors[1]) : "sent",
			    errors[0] ? strerrorname_np(-errors[0]) : "sent");
	}
	return judge(&failed, "a program that only allows makes a difference",
		     "the same as without a program");
}

static const struct probe {
	const char *id;
	const char *what;
	enum verdict (*run)(void);
	bool alone;	/* the machine may not survive it */
} probes[] = {
	{ "D1", "a post_bind program refuses on TCP", d1 },
	{ "D2", "a positive number from a create program", d2, true },
	{ "D3", "a positive number from other programs", d3 },
	{ "D4", "a link is updated to a program of another attach type", d4, true },
	{ "D5", "bpf_bind() with an IPv6 address on an IPv4 socket", d5, true },
	{ "D6", "the port that a post_bind program refuses", d6 },
	{ "D7", "names of local sockets", d7 },
	{ "D8", "the sender of a local datagram has no name", d8 },
	{ "D9-disconnect", "out of the VRF by connect(AF_UNSPEC)", d9_disconnect },
	{ "D9-multicast", "out of the VRF by bind(ff02::1%device)", d9_multicast },
	{ "D9-link-local", "out of the VRF by bind(fe80::own%device)", d9_link_local },
	{ "D9-scope", "out of the VRF by a destination with a scope id", d9_scope },
	{ "D9-info", "out of the VRF by a control message that names a device", d9_info },
	{ "D9-subflows", "out of the VRF without asking", d9_itself },
	{ "D9-own", "a device that the user chose over the program's", d9_own },
	{ "D10-device", "a program chooses a device that does not exist", d10_device },
	{ "D10-raw", "what a raw socket receives before its program", d10_raw },
	{ "D11", "the device of a bind() that is refused", d11 },
	{ "D12-mapped", "a datagram is led to a v4-mapped address", d12_mapped },
	{ "D12-scope", "a datagram is led away from a link-local address", d12_scope },
	{ "D13-bind", "the family that a bind program sees", d13_bind },
	{ "D13-connect", "the family that a connect program sees", d13_connect },
	{ "D13-sendto", "the family that a sendmsg program sees", d13_sendto },
	{ "D13-control", "a connected socket sends with a control message", d13_control },
	{ "D14-sendto", "the port of a socket whose datagram is refused", d14_sendto },
	{ "D14-connect", "the name of a socket after a failed connect()", d14_connect },
	{ "D14-own", "the user's own address after a failed connect()", d14_own },
	{ "D14-device", "the device of bpf_bind() after a failed connect()", d14_device },
	{ "D15-refused", "one program allows a socket, another refuses it", d15_refused },
	{ "D15-closed", "a socket is closed", d15_closed },
	{ "D16-ring", "a retry of io_uring's", d16_ring },
	{ "D16-stream", "a read that takes several messages", d16_stream },
	{ "D17", "the second message of sendmmsg() goes to where the first one was led", d17 },
	{ "D18", "a UDP socket is aborted, then released", d18 },
	{ "path-control", "a connected socket chooses its source", path_control },
	{ "path-header", "an IP header of the user's own", path_header },
	{ "path-route", "an IPv4 source route of an IPv6 socket", path_route },
	{ "drop-in", "mainline's post_bind program with a list of ports", drop_in },
	{ "bystander-udp", "two threads connect and disconnect a UDP socket", bystander_udp },
	{ "bystander-bindx", "no memory for the second address of SCTP's bindx",
	  bystander_bindx, true },
	{ "bystander-names", "names of L2TP sockets", bystander_names },
	{ "bystander-port", "the port of an L2TP socket", bystander_port },
	{ "bystander-unix", "a local connect() without a program", bystander_unix },
	{ "neutral", "a sendmsg program that returns 1", neutral },
};

/* In a process and a network of its own; what its end says of it goes into the verdict. */
static void run(const struct probe *probe)
{
	static const char *const verdicts[] = { "holds", "fails", "cannot" };
	int status;
	pid_t pid;

	fresh();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		enum verdict verdict;

		alarm(SECONDS);
		verdict = new_network() ? say(CANNOT, "no network") : probe->run();
		printf("%s\t%s\t%s\n", probe->id, verdicts[verdict], seen);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFSIGNALED(status))
		return;
	printf("%s\tcannot\t%s\n", probe->id, WTERMSIG(status) == SIGALRM ?
	       "no answer for a minute" : strsignal(WTERMSIG(status)));
}

int main(int argc, char **argv)
{
	int i, j;

	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (i = 0; i < ARRAY_LEN(probes); i++)
			printf("%s\t%s\t%s\n", probes[i].id, probes[i].alone ? "alone" : "shared",
			       probes[i].what);
		return 0;
	}
	if (box_open(&box)) {
		fprintf(stderr, "defects: the programs cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	for (j = 1; j < argc; j++) {
		for (i = 0; i < ARRAY_LEN(probes) && strcmp(probes[i].id, argv[j]); i++)
			;
		if (i == ARRAY_LEN(probes))
			fprintf(stderr, "defects: no %s\n", argv[j]);
		else
			run(&probes[i]);
	}
	fflush(stdout);
	box_close(&box);
	return 0;
}
