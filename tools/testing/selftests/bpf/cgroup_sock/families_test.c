// SPDX-License-Identifier: GPL-2.0
/*
 * The family of an address: for each kind of socket and each call that takes an address, with the
 * own family, AF_UNSPEC, the other one of AF_INET and AF_INET6, and one that does not exist, the
 * programs saw what the kernel used, or the call failed. So no rule on user_family has a way
 * round it.
 *
 * usage: families [KIND...]
 * Leaves out the kinds whose names begin so, for kernels that do not have them.
 */
#include <netinet/in.h>
#include <linux/sctp.h>	/* needs the one before */
#include <poll.h>

#include "../../kselftest.h"
#include "box.h"
#include "kinds.h"

/* Not in the headers of every distribution. */
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

#define OWN_PORT	4321

enum syscall {
	BIND, CONNECT, SENDTO, SENDMSG, SENDTO_CONNECTED, FAST_OPEN, BINDX, CONNECTX, CALLS
};

static const char *const call_names[CALLS] = {
	"bind", "connect", "sendto", "sendmsg", "sendto on a connection", "fast open", "bindx",
	"connectx",
};

enum address { OWN, ANY, UNSPEC_ANY, UNSPEC, OTHER, STRANGE, GIVEN };
static const char *const given_names[GIVEN] = {
	"its own family", "the any address", "AF_UNSPEC with the any address",
	"AF_UNSPEC with another address", "the other family", "family 99",
};

#define ON(call)	(1 << (call))

static const enum hook hooks[] = { BIND4, BIND6, CONNECT4, CONNECT6, SENDMSG4, SENDMSG6 };

static struct box box;
static char rule_path[64];	/* of a cgroup where the own family is refused */
static int servers[2];		/* of the kind that is tried, IPv4 and IPv6 */
static int server_port = OWN_PORT;	/* another one for each kind */

static int calls_of(const struct kind *k)
{
	int calls = ON(BIND) | ON(CONNECT);

	if (k->can & OPENS_FAST)
		calls |= ON(FAST_OPEN);
	if (k->can & (SENDS_TO | ASSOCIATES))
		calls |= ON(SENDTO) | ON(SENDMSG);
	if (k->can & ASSOCIATES)
		calls |= ON(BINDX) | ON(CONNECTX);
	if (k->is & DGRAM)
		calls |= ON(SENDTO_CONNECTED);
	return calls;
}

static bool pings(const struct kind *k)
{
	return k->type == SOCK_DGRAM &&
	       (k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6);
}

static bool is_v4(enum hook which)
{
	return which == BIND4 || which == CONNECT4 || which == SENDMSG4;
}

static int new_socket(const struct kind *k)
{
	int fd = make(k->family, k->type, k->protocol), service = 1;
	struct timeval seconds = { 2, 0 };
	struct linger now = { 1, 0 };

	if (fd < 0)
		ksft_exit_fail_msg("%s: socket: %s\n", k->name, strerror(-fd));
	/* No call waits for ever, and nothing stays when it is closed. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof(seconds));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (k->type == SOCK_DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

/* An address of this family; L2TP has the id of a connection behind it, byte swapped. */
static struct endpoint address(const struct kind *k, int family, const char *ip4, const char *ip6,
			       int port, int id)
{
	struct endpoint e = endpoint(family, family == AF_INET ? ip4 : ip6,
				     k->can & HAS_PORTS ? port : 0);

	if (k->protocol == IPPROTO_L2TP) {
		e.len = family == AF_INET ? 16 : 32;
		e.room[family == AF_INET ? 11 : 31] = id;
	}
	return e;
}

static struct endpoint server_address(const struct kind *k, int family)
{
	return address(k, family, "127.0.0.1", "::1", server_port, 2);
}

static struct endpoint own_address(const struct kind *k, int family)
{
	return address(k, family, "127.0.0.9", "fd00::9", OWN_PORT, 1);
}

static struct endpoint give(const struct kind *k, enum syscall call, enum address given)
{
	int own = k->ip, family = given == OTHER ? AF_INET + AF_INET6 - own : own;
	bool binds = call == BIND || call == BINDX;
	struct endpoint e = binds ? own_address(k, family) : server_address(k, family);

	if (given == ANY || given == UNSPEC_ANY)
		memset((void *)endpoint_ip(&e), 0, endpoint_ip_len(&e));
	if (given == UNSPEC || given == UNSPEC_ANY)
		e.any.sa_family = AF_UNSPEC;
	if (given == STRANGE)
		e.any.sa_family = 99;
	return e;
}

static int fill(const struct kind *k, char data[16])
{
	memset(data, 0, 16);
	if (pings(k))
		data[0] = k->family == AF_INET ? 8 : (char)128;
	if (k->protocol == IPPROTO_L2TP) {
		/* a control message for connection 2 of the receiver */
		data[0] = (char)0xc8;
		data[4] = 2;
	}
	return 16;
}

static int make_call(int fd, const struct kind *k, enum syscall call, struct endpoint e)
{
	char data[16];
	struct iovec iov = { data, fill(k, data) };
	struct msghdr msg = {
		.msg_name = &e,
		.msg_namelen = e.len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int ret = -1;

	switch (call) {
	case BIND:
		ret = bind(fd, &e.any, e.len);
		break;
	case CONNECT:
		ret = connect(fd, &e.any, e.len);
		break;
	case SENDTO:
	case SENDTO_CONNECTED:
		ret = sendto(fd, data, sizeof(data), MSG_NOSIGNAL, &e.any, e.len);
		break;
	case SENDMSG:
		ret = sendmsg(fd, &msg, MSG_NOSIGNAL);
		break;
	case FAST_OPEN:
		ret = sendto(fd, data, sizeof(data), MSG_FASTOPEN | MSG_NOSIGNAL, &e.any, e.len);
		break;
	case BINDX:
		ret = setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, &e, e.len);
		break;
	case CONNECTX:
		ret = setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, &e, e.len);
		break;
	default:
		break;
	}
	return ret < 0 ? -errno : 0;
}

static int start_server(const struct kind *k, int family)
{
	struct kind server = *k;
	int fd, ms = 0;

	server.family = family;
	if (k->is & (MPTCP | SMC))
		server.protocol = IPPROTO_TCP;
	if (pings(k))
		server.protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	fd = new_socket(&server);
	if (do_bind(fd, server_address(k, family)))
		ksft_exit_fail_msg("%s: no server: %m\n", k->name);
	if (!(k->is & DGRAM) && listen(fd, 64))
		ksft_exit_fail_msg("%s: no listener: %m\n", k->name);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms));
	return fd;
}

/* Whether a message came, or a connection; take all. */
static bool take(const struct kind *k, int fd, int timeout)
{
	struct pollfd ready = { fd, POLLIN };
	bool some = false;
	char data[256];
	int peer;

	while (poll(&ready, 1, timeout) > 0) {
		timeout = 0;
		if (k->type == SOCK_STREAM || k->type == SOCK_DCCP) {
			peer = accept(fd, NULL, NULL);
			if (peer < 0)
				break;
			close(peer);
			some = true;
			continue;
		}
		if (recv(fd, data, sizeof(data), MSG_DONTWAIT) <= 0)
			break;
		some = true;
	}
	return some;
}

static void take_all(const struct kind *k)
{
	take(k, servers[0], 0);
	take(k, servers[1], 0);
}

/* The peer of the one association of an SCTP socket, which not always has the name of its peer. */
static struct endpoint peer_of_association(const struct kind *k, int fd)
{
	struct {
		__u32 count;
		sctp_assoc_t id;
	} list = {};
	struct sctp_status status = {};
	socklen_t len = sizeof(list);
	struct endpoint e = {};

	if (k->type == SOCK_SEQPACKET &&
	    (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &list, &len) || !list.count))
		return e;
	status.sstat_assoc_id = list.id;
	len = sizeof(status);
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &status, &len))
		return e;
	memcpy(&e.in6, &status.sstat_primary.spinfo_address, sizeof(e.in6));
	e.len = sizeof(e.in6);
	return e;
}

static struct endpoint peer_name(const struct kind *k, int fd)
{
	return k->protocol == IPPROTO_SCTP ? peer_of_association(k, fd) : peer_of(fd);
}

/* IPv4 as a v4-mapped address, :: for both any addresses. */
static struct in6_addr common(int family, const void *ip)
{
	struct in6_addr addr = {};

	if (family == AF_INET6) {
		memcpy(&addr, ip, sizeof(addr));
	} else if (memcmp(ip, &addr, 4)) {
		addr.s6_addr[10] = 0xff;
		addr.s6_addr[11] = 0xff;
		memcpy(&addr.s6_addr[12], ip, 4);
	}
	if (IN6_IS_ADDR_V4MAPPED(&addr) && !addr.s6_addr32[3])
		memset(&addr, 0, sizeof(addr));
	return addr;
}

static bool is_any(int family, const void *ip)
{
	struct in6_addr addr = common(family, ip);

	return IN6_IS_ADDR_UNSPECIFIED(&addr);
}

static bool is_loopback(const struct endpoint *e)
{
	struct in6_addr addr = common(e->any.sa_family, endpoint_ip(e));

	return IN6_IS_ADDR_LOOPBACK(&addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&addr) && addr.s6_addr[12] == 127);
}

/* Whether this is what the program saw; who sends to the any address sends to this host. */
static bool is_what_it_saw(const struct kind *k, enum hook which, const struct endpoint *e,
			   bool binds)
{
	const struct seen *saw = &box.seen[which];
	int family = is_v4(which) ? AF_INET : AF_INET6;
	struct in6_addr used = common(e->any.sa_family, endpoint_ip(e));
	struct in6_addr shown = common(family, saw->ip);

	if (!e->len)
		return false;
	if (k->can & HAS_PORTS && saw->port != e->in.sin_port)
		return false;
	if (!memcmp(&used, &shown, sizeof(used)))
		return true;
	return !binds && is_any(family, saw->ip) && is_loopback(e);
}

static bool wrong(const struct kind *k, enum syscall call, enum address given,
		  const char *what, int err)
{
	ksft_print_msg("%s: %s with %s: %s; %d\n", k->name, call_names[call], given_names[given],
		       what, err);
	return false;
}

/* What is allowed without a program: to dissolve, and to send to the peer of the connection. */
static bool needs_no_program(const struct kind *k, int fd, enum syscall call, enum address given)
{
	bool unspec = given == UNSPEC || given == UNSPEC_ANY;

	if (call == CONNECT && unspec)
		return !peer_name(k, fd).len;
	return call == SENDTO_CONNECTED && unspec && k->ip == AF_INET6;
}

static bool used_what_was_seen(const struct kind *k, int fd, enum syscall call, enum address given)
{
	bool binds = call == BIND || call == BINDX, ran = false, came;
	char data[16];
	int i;

	for (i = 0; i < ARRAY_LEN(hooks); i++) {
		enum hook hook = hooks[i];
		const struct seen *saw = &box.seen[hook];
		struct endpoint used;

		if (!saw->calls)
			continue;
		ran = true;
		if (saw->user_family != (is_v4(hook) ? AF_INET : AF_INET6))
			return wrong(k, call, given, "a program saw the family", saw->user_family);
		/* The message was for the server, which has to get it. */
		if (call == CONNECT && !(k->can & HAS_PORTS))
			send(fd, data, fill(k, data), 0);
		if (k->is & DGRAM && !binds && !(call == CONNECT && k->can & HAS_PORTS)) {
			used = server_address(k, is_v4(hook) ? AF_INET : AF_INET6);
			came = take(k, pings(k) ? fd : servers[!is_v4(hook)], 1000);
			if (!came)
				return wrong(k, call, given, "no message came, hook", hook);
		} else {
			used = binds ? local_of(fd) : peer_name(k, fd);
		}
		if (!is_what_it_saw(k, hook, &used, binds))
			return wrong(k, call, given, "another address was used, hook", hook);
	}
	return ran || needs_no_program(k, fd, call, given) ||
	       wrong(k, call, given, "no program ran", 0);
}

/* Programs of one family do not judge the bytes of the other one, also if the call then fails. */
static bool saw_own_family(const struct kind *k, enum syscall call, enum address given)
{
	int i;

	for (i = 0; i < ARRAY_LEN(hooks); i++) {
		const struct seen *saw = &box.seen[hooks[i]];
		__u32 other = is_v4(hooks[i]) ? AF_INET6 : AF_INET;

		if (saw->calls && saw->user_family == other)
			return wrong(k, call, given, "a program saw the other family", other);
	}
	return true;
}

static void watch(const struct kind *k)
{
	int i;

	memset(box.seen, 0, sizeof(struct seen) * HOOKS);
	for (i = 0; i < ARRAY_LEN(hooks); i++) {
		box.order[hooks[i]].verdict = 1;
		box.order[hooks[i]].rewrite = 0;
	}
	take_all(k);
}

/* A socket in this cgroup, connected if the call wants it so, with nothing seen yet. */
static int prepare(const struct kind *k, enum syscall call, const char *cgroup)
{
	int fd, err = 0;

	cgroup_join(cgroup);
	fd = new_socket(k);
	cgroup_join(CGROUP_ROOT);
	if (k->protocol == IPPROTO_L2TP && call != BIND)
		/* It connects only what was bound. */
		do_bind(fd, address(k, k->ip, "0.0.0.0", "::", 0, 1));
	if (call == SENDTO_CONNECTED)
		err = do_connect(fd, server_address(k, k->ip));
	/* A rule refuses the connection; what it then says of a message is as good. */
	if (err && err != -EPERM)
		ksft_exit_fail_msg("%s: no connection: %s\n", k->name, strerror(-err));
	watch(k);
	return fd;
}

static bool try(const struct kind *k, enum syscall call, enum address given)
{
	struct endpoint e = give(k, call, given);
	int fd, i, err, plain;
	bool ok = true;

	/* without any program */
	fd = prepare(k, call, CGROUP_ROOT);
	plain = make_call(fd, k, call, e);
	close(fd);
	if (given == OWN && plain)
		ok = wrong(k, call, given, "not even this can be done", plain);

	/* with programs that look and allow */
	fd = prepare(k, call, box.path);
	err = make_call(fd, k, call, e);
	if (!err != !plain)
		ok = wrong(k, call, given, "programs that allow made a difference", err);
	if (!err)
		ok &= used_what_was_seen(k, fd, call, given);
	if (call == CONNECT && k->is & DGRAM)
		ok &= saw_own_family(k, call, given);
	close(fd);

	/* with programs that give the any address instead */
	fd = prepare(k, call, box.path);
	for (i = 0; i < ARRAY_LEN(hooks); i++) {
		struct order *order = &box.order[hooks[i]];

		order->rewrite = 1;
		memset(order->ip, 0, sizeof(order->ip));
		order->port = e.in.sin_port;
	}
	err = make_call(fd, k, call, e);
	close(fd);
	if (!err && plain)
		ok = wrong(k, call, given, "a rewrite made it succeed", plain);

	/* with a rule that refuses the own family */
	fd = prepare(k, call, rule_path);
	err = make_call(fd, k, call, e);
	if (!err && !needs_no_program(k, fd, call, given))
		ok = wrong(k, call, given, "went round the rule", err);
	close(fd);
	return ok;
}

static bool is_dgram6(const struct kind *k)
{
	return k->family == AF_INET6 && k->is & DGRAM;
}

/*
 * The protocol refuses IPv4 if IPV6_V6ONLY is set, but another thread can clear that after the
 * programs were left out.
 */
static bool v6only(const struct kind *k)
{
	int fd = prepare(k, CONNECT, box.path), one = 1, err;

	setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	err = make_call(fd, k, CONNECT, server_address(k, AF_INET));
	close(fd);
	if (!err || box.seen[CONNECT4].calls != 1)
		return wrong(k, CONNECT, OTHER, "IPV6_V6ONLY", err);
	return true;
}

/* Returns 0 if the address is of this family, as the rules of systemd do. */
static int load_rule(enum bpf_attach_type type, int family)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_LDX_MEM(BPF_W, BPF_REG_1, BPF_REG_1,
			    offsetof(struct bpf_sock_addr, user_family)),
		BPF_JMP_IMM(BPF_JNE, BPF_REG_1, family, 1),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};

	return load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, insns, ARRAY_LEN(insns));
}

static int make_rule(int *cgroup)
{
	static const enum bpf_attach_type types[] = {
		BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_CONNECT,
		BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG,
	};
	int i, fd;

	cgroup_path(rule_path, "rule");
	*cgroup = cgroup_make(rule_path);
	if (*cgroup < 0)
		return *cgroup;
	for (i = 0; i < ARRAY_LEN(types); i++) {
		fd = load_rule(types[i], i % 2 ? AF_INET6 : AF_INET);
		if (fd < 0 || bpf_prog_attach(fd, *cgroup, types[i], 0))
			return -errno;
		close(fd);
	}
	return 0;
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
	int i, call, given, rule = -1, tests = 0, err;

	left_out = argv + 1;
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (!is_left_out(&kinds[i]))
			tests += GIVEN * __builtin_popcount(calls_of(&kinds[i])) +
				 is_dgram6(&kinds[i]);
	ksft_print_header();
	ksft_set_plan(tests);

	err = box_open(&box) ?: make_rule(&rule);
	for (i = 0; !err && i < ARRAY_LEN(hooks); i++)
		err = box_attach(&box, hooks[i]);
	if (err) {
		ksft_print_msg("no programs: %s\n", strerror(-err));
		while (tests--)
			ksft_test_result_fail("no programs\n");
		ksft_finished();
	}
	cgroup_join(CGROUP_ROOT);

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];

		if (is_left_out(k))
			continue;
		server_port++;
		servers[0] = start_server(k, AF_INET);
		servers[1] = start_server(k, AF_INET6);
		for (call = 0; call < CALLS; call++) {
			if (!(calls_of(k) & ON(call)))
				continue;
			for (given = 0; given < GIVEN; given++)
				ksft_test_result(try(k, call, given), "%s: %s with %s\n",
						 k->name, call_names[call], given_names[given]);
		}
		if (is_dgram6(k))
			ksft_test_result(v6only(k), "%s: IPV6_V6ONLY\n", k->name);
		close(servers[0]);
		close(servers[1]);
	}
	cgroup_remove(rule, rule_path);
	box_close(&box);
	ksft_finished();
}
