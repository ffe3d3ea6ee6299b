// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses and ports the processes of the cgroup may bind and connect to. A trie finds
 * the longest prefix around an address. Its value lists the port ranges of that prefix, and
 * after them those of the shorter prefixes around it, so that the first range with the port in
 * it decides and one lookup is enough. The tool has put the list together.
 *
 * Take the rules
 *	0  allow  connect 10.0.0.0/8 443
 *	1  refuse connect 0.0.0.0/0 any
 * and connect() to 10.1.2.3 port 80. The key is { 64, CONNECT, 10.1.2.3 }; the longest prefix
 * around it is { 32 + 8, CONNECT, 10.0.0.0 } with the list { 443-443 rule 0 }, { 0-65535
 * rule 1 }. Port 80 is not in the first range, but it is in the second: rule 1 refuses, and
 * connect() fails with EPERM. With port 443 rule 0 allows it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "firewall.h"

/* The tool gives all three the size they need. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rule);
} fw_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct key4);
	__type(value, struct lines);
} fw_prefixes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct key6);
	__type(value, struct lines);
} fw_prefixes6 SEC(".maps");

static __always_inline int decide(const struct lines *lines, __u32 user_port)
{
	__u32 port = bpf_ntohs(user_port), i;

	for (i = 0; i < MAX_LINES && i < lines->count; i++) {
		__u32 number = lines->line[i].rule;
		struct rule *rule;

		if (port < lines->line[i].first || port > lines->line[i].last)
			continue;
		rule = bpf_map_lookup_elem(&fw_rules, &number);
		if (!rule)
			break;
		__sync_fetch_and_add(&rule->hits, 1);
		return rule->refuse ? 0 : 1;
	}
	return 1;
}

static __always_inline int check4(enum direction direction, __u32 ip, __u32 port)
{
	struct key4 key = { .length = 64, .direction = direction, .ip = ip };
	struct lines *lines = bpf_map_lookup_elem(&fw_prefixes4, &key);

	return lines ? decide(lines, port) : 1;
}

static __always_inline int check6(enum direction direction, struct bpf_sock_addr *ctx)
{
	struct key6 key = { .length = 160, .direction = direction };
	struct lines *lines;

	key.ip[0] = ctx->user_ip6[0];
	key.ip[1] = ctx->user_ip6[1];
	key.ip[2] = ctx->user_ip6[2];
	key.ip[3] = ctx->user_ip6[3];
	/* An IPv4 address in IPv6 clothes leads to the IPv4 network. */
	if (!key.ip[0] && !key.ip[1] && key.ip[2] == bpf_htonl(0xffff))
		return check4(direction, key.ip[3], ctx->user_port);
	/*
	 * The kernel connects to loopback when it is told the unspecified address: to ::1, or to
	 * 127.0.0.1 if the socket is bound to an IPv4 address. Here that is not known.
	 */
	if (direction == CONNECT && !key.ip[0] && !key.ip[1] && !key.ip[2] && !key.ip[3]) {
		if (!check4(direction, bpf_htonl(0x7f000001), ctx->user_port))
			return 0;
		key.ip[3] = bpf_htonl(1);
	}
	lines = bpf_map_lookup_elem(&fw_prefixes6, &key);
	return lines ? decide(lines, ctx->user_port) : 1;
}

SEC("cgroup/bind4")
int fw_bind4(struct bpf_sock_addr *ctx)
{
	return check4(BIND, ctx->user_ip4, ctx->user_port);
}

SEC("cgroup/bind6")
int fw_bind6(struct bpf_sock_addr *ctx)
{
	return check6(BIND, ctx);
}

SEC("cgroup/connect4")
int fw_connect4(struct bpf_sock_addr *ctx)
{
	/* The kernel takes 0.0.0.0 for loopback. */
	__u32 ip = ctx->user_ip4 ? ctx->user_ip4 : bpf_htonl(0x7f000001);

	return check4(CONNECT, ip, ctx->user_port);
}

SEC("cgroup/connect6")
int fw_connect6(struct bpf_sock_addr *ctx)
{
	return check6(CONNECT, ctx);
}

char LICENSE[] SEC("license") = "GPL";
