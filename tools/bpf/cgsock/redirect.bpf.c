// SPDX-License-Identifier: GPL-2.0
/*
 * Every server binds the port that it is written for, though many of them share the addresses
 * of the host; every client connects to that port on loopback, wherever the servers are.
 *
 * Take "redirect service /a 80 10.0.0.1". A server in /a binds 0.0.0.0 port 80 and listens:
 *  - bind4 finds the service { /a, 80, TCP }, notes in the storage of the socket what was asked
 *    for, and writes 10.0.0.1 port 0 in its place;
 *  - the kernel chooses a free port, say 40001, which post_bind4 notes;
 *  - sockops sees that the socket listens now, and puts 10.0.0.1:40001 into the list of the
 *    target { default, 80, TCP, AF_INET }. For UDP, post_bind4 does that.
 *  - release takes it out again when the socket is closed, however the server ended.
 * After "redirect client /c", a client in /c connects to 127.0.0.1 port 80:
 *  - connect4 takes the replica whose turn it is from the list, notes in the storage of the
 *    socket what was asked for, and writes 10.0.0.1:40001 in its place;
 *  - sockops counts the connection when it is there; getpeername4 shows what was asked for.
 *
 * A list has a lock, which the tool takes as well, by a program. So who takes a turn never
 * meets a list that is half changed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "redirect.h"
#include "address.bpf.h"

/* Of the cgroup that this copy of the programs is attached to. */
__u64 service_cgroup;
char client_group[GROUP_SIZE];

struct change change;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct target);
	__type(value, struct list);
} lists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct bound);
} bounds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct led);
} leds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct sent);
} sents SEC(".maps");

/* Sockets */

struct sock_common {
	unsigned char skc_ipv6only : 1;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

/* Whether a socket of AF_INET6 can be bound or connected to a v4-mapped address. */
static __always_inline bool speaks_ipv4(struct bpf_sock_addr *ctx)
{
	struct sock *sk;

	if (ctx->type == SOCK_STREAM)
		sk = (void *)bpf_skc_to_tcp6_sock(ctx->sk);
	else
		sk = (void *)bpf_skc_to_udp6_sock(ctx->sk);
	return sk && !BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_ipv6only);
}

/* Lists. Functions without "list_" in their names are called with the lock held. */

/* Returns count if there is none. */
static __always_inline __u32 find_id(const struct list *list, __u64 id)
{
	__u32 i;

	for (i = 0; i < MAX_REPLICAS && i < list->count; i++)
		if (list->replicas[i].id == id)
			break;
	return i;
}

static __always_inline __u32 find_address(const struct list *list, const struct address *at)
{
	__u32 i;

	for (i = 0; i < MAX_REPLICAS && i < list->count; i++)
		if (same_address(&list->replicas[i].at, at))
			break;
	return i;
}

static __always_inline bool put(struct list *list, const struct replica *new)
{
	__u32 end = list->count, ready = list->ready;

	if (end >= MAX_REPLICAS || ready >= MAX_REPLICAS)
		return false;
	if (new->weight) {
		list->replicas[end] = list->replicas[ready];
		list->replicas[ready] = *new;
		list->ready = ready + 1;
	} else {
		list->replicas[end] = *new;
	}
	list->count = end + 1;
	return true;
}

static __always_inline bool take_out(struct list *list, __u32 i)
{
	__u32 last = list->count - 1, last_ready = list->ready - 1;

	if (i >= MAX_REPLICAS || last >= MAX_REPLICAS || i > last)
		return false;
	if (i < list->ready && last_ready < MAX_REPLICAS) {
		list->replicas[i] = list->replicas[last_ready];
		list->ready = last_ready;
		i = last_ready;
	}
	list->replicas[i] = list->replicas[last];
	list->count = last;
	return true;
}

static __always_inline void list_add(struct list *list, const struct replica *new)
{
	bpf_spin_lock(&list->lock);
	/* A socket that listens a second time. */
	take_out(list, find_id(list, new->id));
	if (!put(list, new))
		list->left_out++;
	bpf_spin_unlock(&list->lock);
}

static __always_inline void list_remove(struct list *list, __u64 id)
{
	bpf_spin_lock(&list->lock);
	take_out(list, find_id(list, id));
	bpf_spin_unlock(&list->lock);
}

/* Whose turn it is: its address and id in @led; false if there is none. */
static __always_inline bool list_choose(struct list *list, struct led *led)
{
	struct replica *replica;
	__u32 i;

	bpf_spin_lock(&list->lock);
	i = list->turn;
	if (i >= list->ready) {
		i = 0;
		list->turn = 0;
		list->taken = 0;
	}
	if (i >= MAX_REPLICAS || !list->ready) {
		bpf_spin_unlock(&list->lock);
		return false;
	}
	replica = &list->replicas[i];
	led->id = replica->id;
	led->at = replica->at;
	/* Nobody can tell later whether a datagram socket found its server. */
	if (led->counted)
		replica->connections++;
	if (++list->taken >= replica->weight) {
		list->turn = i + 1;
		list->taken = 0;
	}
	bpf_spin_unlock(&list->lock);
	return true;
}

static __always_inline void list_count(struct list *list, __u64 id)
{
	__u32 i;

	bpf_spin_lock(&list->lock);
	i = find_id(list, id);
	if (i < MAX_REPLICAS && i < list->count)
		list->replicas[i].connections++;
	bpf_spin_unlock(&list->lock);
}

static __always_inline bool list_has(struct list *list, __u64 id)
{
	bool found;

	bpf_spin_lock(&list->lock);
	found = find_id(list, id) < list->count;
	bpf_spin_unlock(&list->lock);
	return found;
}

/* Servers */

static __always_inline void advertise(const struct bound *bound)
{
	struct list *list = bpf_map_lookup_elem(&lists, &bound->target);
	struct replica new = {
		.id = bound->cookie,
		.owner = bound->cgroup,
		.at = bound->at,
		.weight = bound->weight,
	};

	if (list)
		list_add(list, &new);
}

static __always_inline void withdraw(const struct bound *bound)
{
	struct list *list = bpf_map_lookup_elem(&lists, &bound->target);

	if (list)
		list_remove(list, bound->cookie);
}

/* What a bind() to @asked is to get, or NULL if it is not for a service. */
static __always_inline const struct address *serve(struct bpf_sock_addr *ctx,
						   const struct address *asked)
{
	struct service_key key = { service_cgroup, asked->port, transport(ctx) };
	struct bound *bound = bpf_sk_storage_get(&bounds, ctx->sk, NULL, 0);
	struct service *service;
	const struct address *at;
	struct list *list;

	/* It is bound already, and the kernel is about to say so. */
	if (ctx->sk->src_port)
		return NULL;
	if (bound) {
		/* Programs of cgroups below this one ran before: the nearest service has it. */
		if (bound->cgroup != service_cgroup)
			return NULL;
		/* An earlier bind() of this socket failed. */
		withdraw(bound);
		bpf_sk_storage_delete(&bounds, ctx->sk);
	}
	service = bpf_map_lookup_elem(&services, &key);
	if (!service || (is_loopback(asked) && !service->loopback))
		return NULL;
	if (ctx->family == AF_INET || service->at6.port == NO_ADDRESS)
		at = &service->at4;
	else
		at = &service->at6;
	if (at->port == NO_ADDRESS)
		return NULL;
	if (ctx->family == AF_INET6 && is_mapped(at) && !speaks_ipv4(ctx))
		return NULL;

	bound = bpf_sk_storage_get(&bounds, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!bound)
		return NULL;
	__builtin_memcpy(bound->target.group, service->group, GROUP_SIZE);
	bound->target.port = key.port;
	bound->target.protocol = key.protocol;
	bound->target.family = is_mapped(at) ? AF_INET : AF_INET6;
	bound->weight = service->weight;
	bound->cgroup = service_cgroup;
	bound->cookie = bpf_get_socket_cookie(ctx);
	bound->asked = *asked;
	bound->at.port = 0;
	list = bpf_map_lookup_elem(&lists, &bound->target);
	if (list && list->count < MAX_REPLICAS)
		return at;
	/* A server that clients cannot find may start all the same, where it wants to be. */
	if (list)
		__sync_fetch_and_add(&list->left_out, 1);
	bpf_sk_storage_delete(&bounds, ctx->sk);
	return NULL;
}

SEC("cgroup/bind4")
int service_bind4(struct bpf_sock_addr *ctx)
{
	const struct address *at;
	struct address asked;

	get_address4(ctx, &asked);
	at = serve(ctx, &asked);
	if (at)
		set_address4(ctx, at);
	return 1;
}

SEC("cgroup/bind6")
int service_bind6(struct bpf_sock_addr *ctx)
{
	const struct address *at;
	struct address asked;

	get_address6(ctx, &asked);
	at = serve(ctx, &asked);
	if (at)
		set_address6(ctx, at);
	return 1;
}

static __always_inline void got(struct bpf_sock *ctx, const struct address *at)
{
	struct bound *bound = bpf_sk_storage_get(&bounds, ctx, NULL, 0);

	if (!bound || bound->cgroup != service_cgroup)
		return;
	bound->at = *at;
	if (bound->target.protocol == IPPROTO_UDP)
		advertise(bound);
}

SEC("cgroup/post_bind4")
int service_post_bind4(struct bpf_sock *ctx)
{
	struct address at;

	map_address(&at, ctx->src_ip4, ctx->src_port);
	got(ctx, &at);
	return 1;
}

SEC("cgroup/post_bind6")
int service_post_bind6(struct bpf_sock *ctx)
{
	struct address at;

	at.ip[0] = ctx->src_ip6[0];
	at.ip[1] = ctx->src_ip6[1];
	at.ip[2] = ctx->src_ip6[2];
	at.ip[3] = ctx->src_ip6[3];
	at.port = ctx->src_port;
	got(ctx, &at);
	return 1;
}

/*
 * A listener can end without being released: by shutdown(), by connect() to AF_UNSPEC, and below an
 * MPTCP socket, which is the one that release programs run for. So its changes of state are told.
 */
static __always_inline void watch_state(struct bpf_sock_ops *ctx, struct bound *bound)
{
	if (ctx->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG)
		return;
	bound->watched = 1;
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* Those of its connections, which inherit that, would be four runs of this program for nothing. */
static __always_inline void leave_state(struct bpf_sock_ops *ctx, struct bound *bound)
{
	if (bound->watched)
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags &
					  ~BPF_SOCK_OPS_STATE_CB_FLAG);
}

SEC("sockops")
int service_sockops(struct bpf_sock_ops *ctx)
{
	struct bound *bound;
	struct bpf_sock *sk;

	if (ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB &&
	    ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    !(ctx->op == BPF_SOCK_OPS_STATE_CB && ctx->args[0] == BPF_TCP_LISTEN))
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	bound = bpf_sk_storage_get(&bounds, sk, NULL, 0);
	if (!bound || bound->cgroup != service_cgroup || !bound->at.port)
		return 1;
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		advertise(bound);
		watch_state(ctx, bound);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		leave_state(ctx, bound);
		break;
	default:
		withdraw(bound);
	}
	return 1;
}

SEC("cgroup/sock_release")
int service_release(struct bpf_sock *ctx)
{
	struct bound *bound = bpf_sk_storage_get(&bounds, ctx, NULL, 0);

	if (bound && bound->cgroup == service_cgroup &&
	    bound->cookie == bpf_get_socket_cookie(ctx))
		withdraw(bound);
	return 1;
}

/* The name that a socket of a server would have without the service. */
static __always_inline bool own_name(struct bpf_sock_addr *ctx, struct address *name)
{
	struct bound *bound = bpf_sk_storage_get(&bounds, ctx->sk, NULL, 0);

	if (!bound || !bound->at.port || bound->cgroup != service_cgroup ||
	    name->port != bound->at.port)
		return false;
	/* An accepted socket of a server that bound 0.0.0.0 has an address all the same. */
	if (is_any(&bound->asked) && bound->cookie != bpf_get_socket_cookie(ctx))
		name->port = bound->asked.port;
	else
		*name = bound->asked;
	return true;
}

SEC("cgroup/getsockname4")
int service_getsockname4(struct bpf_sock_addr *ctx)
{
	struct address name;

	get_address4(ctx, &name);
	if (own_name(ctx, &name))
		set_address4(ctx, &name);
	return 1;
}

SEC("cgroup/getsockname6")
int service_getsockname6(struct bpf_sock_addr *ctx)
{
	struct address name;

	get_address6(ctx, &name);
	if (own_name(ctx, &name))
		set_address6(ctx, &name);
	return 1;
}

/* Clients */

static __always_inline void describe(struct bpf_sock_addr *ctx, const struct address *asked,
				     struct led *led)
{
	__builtin_memset(led, 0, sizeof(*led));
	__builtin_memcpy(led->target.group, client_group, GROUP_SIZE);
	led->target.port = asked->port;
	led->target.protocol = transport(ctx);
	led->target.family = is_mapped(asked) ? AF_INET : AF_INET6;
	led->counted = led->target.protocol == IPPROTO_UDP;
	led->asked = *asked;
}

static __always_inline bool choose(struct led *led)
{
	struct list *list = bpf_map_lookup_elem(&lists, &led->target);

	return list && list_choose(list, led);
}

/* Returns whether @led->at is where this connect() is to go. */
static __always_inline bool lead(struct bpf_sock_addr *ctx, const struct address *asked,
				 struct led *led, bool ipv6)
{
	bool found = false;
	struct led *note;

	if (is_loopback(asked) || is_any(asked)) {
		describe(ctx, asked, led);
		found = choose(led);
		if (!found && ipv6) {
			led->target.family = is_mapped(asked) ? AF_INET6 : AF_INET;
			found = (is_mapped(asked) || speaks_ipv4(ctx)) && choose(led);
		}
	}
	if (!found) {
		note = bpf_sk_storage_get(&leds, ctx->sk, NULL, 0);
		/* Else a program of a cgroup below this one has just led it there. */
		if (note && !same_address(&note->at, asked))
			bpf_sk_storage_delete(&leds, ctx->sk);
		return false;
	}
	note = bpf_sk_storage_get(&leds, ctx->sk, led, BPF_SK_STORAGE_GET_F_CREATE);
	if (note)
		*note = *led;
	return true;
}

SEC("cgroup/connect4")
int client_connect4(struct bpf_sock_addr *ctx)
{
	struct address asked;
	struct led led;

	get_address4(ctx, &asked);
	if (lead(ctx, &asked, &led, false))
		set_address4(ctx, &led.at);
	return 1;
}

SEC("cgroup/connect6")
int client_connect6(struct bpf_sock_addr *ctx)
{
	struct address asked;
	struct led led;

	get_address6(ctx, &asked);
	if (lead(ctx, &asked, &led, true))
		set_address6(ctx, &led.at);
	return 1;
}

SEC("sockops")
int client_sockops(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk;
	struct list *list;
	struct led *led;

	if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	led = bpf_sk_storage_get(&leds, sk, NULL, 0);
	if (!led || led->counted)
		return 1;
	led->counted = 1;
	list = bpf_map_lookup_elem(&lists, &led->target);
	if (list)
		list_count(list, led->id);
	return 1;
}

/* The replica that this socket sent to before, as long as it is there, else another one. */
static __always_inline bool lead_datagram(struct bpf_sock_addr *ctx, const struct address *asked,
					  struct address *at)
{
	struct list *list;
	struct sent *sent;
	struct led *note;
	struct led led;
	__u32 i;

	if ((!is_loopback(asked) && !is_any(asked)) || transport(ctx) != IPPROTO_UDP)
		return false;
	describe(ctx, asked, &led);
	list = bpf_map_lookup_elem(&lists, &led.target);
	if (!list)
		return false;
	sent = bpf_sk_storage_get(&sents, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!sent)
		return false;
	for (i = 0; i < MAX_SENT; i++)
		if (same_address(&sent->led[i].asked, asked))
			break;
	if (i < MAX_SENT && list_has(list, sent->led[i].id)) {
		*at = sent->led[i].at;
		return true;
	}
	if (!list_choose(list, &led))
		return false;
	if (i >= MAX_SENT)
		i = sent->next++ % MAX_SENT;
	note = &sent->led[i];
	*note = led;
	*at = led.at;
	return true;
}

SEC("cgroup/sendmsg4")
int client_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct address asked, at;

	get_address4(ctx, &asked);
	if (lead_datagram(ctx, &asked, &at))
		set_address4(ctx, &at);
	return 1;
}

SEC("cgroup/sendmsg6")
int client_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct address asked, at;

	get_address6(ctx, &asked);
	if (lead_datagram(ctx, &asked, &at))
		set_address6(ctx, &at);
	return 1;
}

/* What this socket asked for when it was led to @name. */
static __always_inline const struct address *asked_for(struct bpf_sock_addr *ctx,
						       const struct address *name)
{
	struct led *led = bpf_sk_storage_get(&leds, ctx->sk, NULL, 0);

	return led && same_address(&led->at, name) ? &led->asked : NULL;
}

static __always_inline const struct address *sent_for(struct bpf_sock_addr *ctx,
						      const struct address *name)
{
	struct sent *sent = bpf_sk_storage_get(&sents, ctx->sk, NULL, 0);

	for (__u32 i = 0; sent && i < MAX_SENT; i++)
		if (same_address(&sent->led[i].at, name))
			return &sent->led[i].asked;
	return asked_for(ctx, name);
}

SEC("cgroup/recvmsg4")
int client_recvmsg4(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address4(ctx, &name);
	asked = sent_for(ctx, &name);
	if (asked)
		set_address4(ctx, asked);
	return 1;
}

SEC("cgroup/recvmsg6")
int client_recvmsg6(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address6(ctx, &name);
	asked = sent_for(ctx, &name);
	if (asked)
		set_address6(ctx, asked);
	return 1;
}

SEC("cgroup/getpeername4")
int client_getpeername4(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address4(ctx, &name);
	asked = asked_for(ctx, &name);
	if (asked)
		set_address4(ctx, asked);
	return 1;
}

SEC("cgroup/getpeername6")
int client_getpeername6(struct bpf_sock_addr *ctx)
{
	const struct address *asked;
	struct address name;

	get_address6(ctx, &name);
	asked = asked_for(ctx, &name);
	if (asked)
		set_address6(ctx, asked);
	return 1;
}

/* The tool runs this one itself: user space cannot take the lock of a list. */
SEC("tc")
int change_list(struct __sk_buff *skb)
{
	struct list *list = bpf_map_lookup_elem(&lists, &change.target);
	struct replica replica = change.replica;
	int err = 0;
	__u32 i;

	(void)skb;
	if (!list) {
		change.err = ENOENT;
		return 0;
	}
	if (!replica.id)
		replica.id = EXTERNAL | bpf_ktime_get_ns();
	bpf_spin_lock(&list->lock);
	i = find_address(list, &replica.at);
	if (change.what == ADD) {
		if (i < list->count)
			err = EEXIST;
		else if (!put(list, &replica))
			err = ENOSPC;
	} else if (i >= MAX_REPLICAS || i >= list->count) {
		err = ENOENT;
	} else {
		__u32 weight = replica.weight;

		replica = list->replicas[i];
		replica.weight = weight;
		take_out(list, i);
		if (change.what == WEIGH)
			put(list, &replica);
	}
	bpf_spin_unlock(&list->lock);
	change.err = err;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
