/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What filter.c shares with the files of single program types beside it.
 */
#ifndef _NET_CORE_FILTER_H
#define _NET_CORE_FILTER_H

#include <linux/bpf.h>
#include <net/sock.h>

extern const struct bpf_func_proto bpf_sk_release_proto;

const struct bpf_func_proto *
bpf_sk_base_func_proto(enum bpf_func_id func_id, const struct bpf_prog *prog);

/* With the socket lock held. */
int _bpf_setsockopt(struct sock *sk, int level, int optname,
		    char *optval, int optlen);
int _bpf_getsockopt(struct sock *sk, int level, int optname,
		    char *optval, int optlen);

/* Helpers for a socket that nobody else can reach yet. */
u64 bpf_unlocked_sk_setsockopt(u64 sk, u64 level, u64 optname, u64 optval,
			       u64 optlen);
u64 bpf_unlocked_sk_getsockopt(u64 sk, u64 level, u64 optname, u64 optval,
			       u64 optlen);

struct sock *
__bpf_skc_lookup(struct sk_buff *skb, struct bpf_sock_tuple *tuple, u32 len,
		 struct net *caller_net, u32 ifindex, u8 proto, u64 netns_id,
		 u64 flags, int sdif);
struct sock *
__bpf_sk_lookup(struct sk_buff *skb, struct bpf_sock_tuple *tuple, u32 len,
		struct net *caller_net, u32 ifindex, u8 proto, u64 netns_id,
		u64 flags, int sdif);

#endif /* _NET_CORE_FILTER_H */
