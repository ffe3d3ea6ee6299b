// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses and ports the sockets of the cgroup may connect to, send to, bind and listen
 * at. A trie finds the longest prefix around an address and with it a list, a second trie finds
 * the rule for a port in this list. If the list has none, it is the turn of the next shorter
 * prefix. So a look-up takes as many steps as there are prefixes around the address that say
 * nothing of the port, whatever the number of rules.
 *
 * Take the rules
 *	allow  connect tcp 10.0.0.0/8 443
 *	default refuse connect
 * and connect() of a TCP socket to 10.1.2.3 port 80. The longest prefix is 10.0.0.0/8 with the
 * list 1, which has an entry for { TCP, 443 } and none for { TCP, 80 }. The next is 0.0.0.0/0
 * with list 2, where the default is: one entry for all protocols and ports. It refuses.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "firewall.h"
#include "event.bpf.h"

#define SOCK_RAW	3
#define TCP_LISTEN	10
#define AF_INET		2
#define AF_INET6	10

/* Which kernels have it is for "cgsock doctor" to say. */
extern bool bpf_cgroup_sock_port_chosen(void)
	__ksym __weak;

__u32 generation;

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 24);
	__type(key, struct prefix_key);
	__type(value, struct prefix);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 24);
	__type(key, struct port_key);
	__type(value, struct verdict);
} ports SEC(".maps");

/* How often a rule decided. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * (MAX_RULES + DIRECTIONS));
	__type(key, __u64);
	__type(value, __u64);
} hits SEC(".maps");

/* Only the tool reads and writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 16);
	__type(key, struct text_key);
	__type(value, struct piece);
} texts SEC(".maps");

struct question {
	__u32 direction;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 port;		/* host order */
	__u32 ip[4];
};

static __always_inline enum protocol class_of(const struct question *q)
{
	if (q->type == SOCK_RAW)
		return RAW;
	switch (q->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return UDP;
	case IPPROTO_SCTP:
		return SCTP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ICMP;
	default:
		return OTHER;
	}
}

static __always_inline void tell(const struct question *q, __u64 rule)
{
	struct event *event = begin_event(q->direction);

	if (!event)
		return;
	event->rule = rule;
	event->family = q->family;
	event->type = q->type;
	event->protocol = q->protocol;
	event->port = q->port;
	event->ip[0] = q->ip[0];
	event->ip[1] = q->ip[1];
	event->ip[2] = q->ip[2];
	event->ip[3] = q->ip[3];
	bpf_ringbuf_submit(event, 0);
}

/* As an IPv4 address if it is one in IPv6 clothes. */
static __always_inline void undress(struct question *q)
{
	if (q->ip[0] || q->ip[1] || q->ip[2] != bpf_htonl(0xffff))
		return;
	q->family = AF_INET;
	q->ip[0] = q->ip[3];
	q->ip[2] = 0;
	q->ip[3] = 0;
}

static __noinline int decide(const struct question *q)
{
	enum protocol protocol = class_of(q);
	struct prefix_key key = {
		.length = PREFIX_BITS + 128,
		.generation = generation,
		.direction = q->direction,
		.is_ip6 = q->family == AF_INET6,
		.ip = { q->ip[0], q->ip[1], q->ip[2], q->ip[3] },
	};
	struct port_key port = {
		.length = PORT_BITS,
		.protocol = protocol,
	};
	struct verdict *verdict = 0;
	__u64 *count;
	int i;

	if (protocol != RAW && protocol != ICMP) {
		port.port[0] = q->port >> 8;
		port.port[1] = q->port;
	}
	/* There are not more lengths of prefixes. */
	for (i = 0; i <= 128; i++) {
		struct prefix *prefix = bpf_map_lookup_elem(&prefixes, &key);

		if (!prefix)
			break;
		port.list = prefix->list;
		verdict = bpf_map_lookup_elem(&ports, &port);
		if (verdict)
			break;
		key.length = prefix->around;
	}
	/* The default is a rule, too: this does not happen. */
	if (!verdict)
		return 0;
	count = bpf_map_lookup_elem(&hits, &verdict->rule);
	if (count)
		__sync_fetch_and_add(count, 1);
	if (!verdict->refuse)
		return 1;
	tell(q, verdict->rule);
	return 0;
}

static __always_inline void ask(struct question *q, struct bpf_sock_addr *ctx, enum call direction)
{
	q->direction = direction;
	q->type = ctx->type;
	q->protocol = ctx->protocol;
	q->port = bpf_ntohs(ctx->user_port);
}

static __always_inline int check4(struct bpf_sock_addr *ctx, enum call direction)
{
	struct question q = { .family = AF_INET, .ip = { ctx->user_ip4 } };

	ask(&q, ctx, direction);
	return decide(&q);
}

static __always_inline int check6(struct bpf_sock_addr *ctx, enum call direction)
{
	struct question q = { .family = AF_INET6 };

	ask(&q, ctx, direction);
	q.ip[0] = ctx->user_ip6[0];
	q.ip[1] = ctx->user_ip6[1];
	q.ip[2] = ctx->user_ip6[2];
	q.ip[3] = ctx->user_ip6[3];
	undress(&q);
	return decide(&q);
}

/*
 * For the kernel 0.0.0.0 is the source address of the call; without one, an address of the device
 * of the socket or of the message; without one, loopback. The device of a message is nothing that
 * a program sees. So the call is led to the address that the rules are asked for.
 */
static __always_inline __u32 meant(__u32 source)
{
	return source ?: bpf_htonl(INADDR_LOOPBACK);
}

static __always_inline int check_peer4(struct bpf_sock_addr *ctx, enum call direction,
				       __u32 source)
{
	if (!ctx->user_ip4)
		ctx->user_ip4 = meant(source);
	return check4(ctx, direction);
}

/*
 * The kernel takes :: for ::1, or for 127.0.0.1 if the socket is bound to an IPv4 address. It
 * goes through if both may be.
 */
static __always_inline int check_peer6(struct bpf_sock_addr *ctx, enum call direction,
				       __u32 source)
{
	struct question q = { .family = AF_INET, .ip = { bpf_htonl(INADDR_LOOPBACK) } };

	if (!ctx->user_ip6[0] && !ctx->user_ip6[1] && ctx->user_ip6[2] == bpf_htonl(0xffff) &&
	    !ctx->user_ip6[3])
		ctx->user_ip6[3] = meant(source);
	if (ctx->user_ip6[0] || ctx->user_ip6[1] || ctx->user_ip6[2] || ctx->user_ip6[3])
		return check6(ctx, direction);
	ask(&q, ctx, direction);
	if (!decide(&q))
		return 0;
	q.family = AF_INET6;
	q.ip[0] = 0;
	q.ip[3] = bpf_htonl(1);
	return decide(&q);
}

SEC("cgroup/connect4")
int fw_connect4(struct bpf_sock_addr *ctx)
{
	return check_peer4(ctx, CALL_CONNECT, ctx->sk ? ctx->sk->src_ip4 : 0);
}

SEC("cgroup/connect6")
int fw_connect6(struct bpf_sock_addr *ctx)
{
	return check_peer6(ctx, CALL_CONNECT, ctx->sk ? ctx->sk->src_ip4 : 0);
}

/* A message can have a source of its own. */
SEC("cgroup/sendmsg4")
int fw_sendmsg4(struct bpf_sock_addr *ctx)
{
	return check_peer4(ctx, CALL_SEND, ctx->msg_src_ip4);
}

SEC("cgroup/sendmsg6")
int fw_sendmsg6(struct bpf_sock_addr *ctx)
{
	return check_peer6(ctx, CALL_SEND, ctx->sk ? ctx->sk->src_ip4 : 0);
}

SEC("cgroup/bind4")
int fw_bind4(struct bpf_sock_addr *ctx)
{
	return check4(ctx, CALL_BIND);
}

SEC("cgroup/bind6")
int fw_bind6(struct bpf_sock_addr *ctx)
{
	return check6(ctx, CALL_BIND);
}

/* A port that the kernel chose for connect() or a message is none to listen at. */
static __always_inline bool is_listener(struct bpf_sock *ctx)
{
	if (ctx->type == SOCK_RAW)
		return false;
	if (bpf_cgroup_sock_port_chosen && bpf_cgroup_sock_port_chosen())
		return ctx->state == TCP_LISTEN;
	return true;
}

SEC("cgroup/post_bind4")
int fw_post_bind4(struct bpf_sock *ctx)
{
	struct question q = {
		.direction = CALL_LISTEN,
		.family = AF_INET,
		.type = ctx->type,
		.protocol = ctx->protocol,
		.port = ctx->src_port,
		.ip = { ctx->src_ip4 },
	};

	return is_listener(ctx) ? decide(&q) : 1;
}

SEC("cgroup/post_bind6")
int fw_post_bind6(struct bpf_sock *ctx)
{
	struct question q = {
		.direction = CALL_LISTEN,
		.family = AF_INET6,
		.type = ctx->type,
		.protocol = ctx->protocol,
		.port = ctx->src_port,
	};

	q.ip[0] = ctx->src_ip6[0];
	q.ip[1] = ctx->src_ip6[1];
	q.ip[2] = ctx->src_ip6[2];
	q.ip[3] = ctx->src_ip6[3];
	undress(&q);
	return is_listener(ctx) ? decide(&q) : 1;
}

char LICENSE[] SEC("license") = "GPL";
