/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that would go elsewhere than to the address that BPF programs of a
 * cgroup see, by a source route, a routing header, or a header that the caller
 * wrote. They are refused to sockets with such programs: the entry points for
 * net/.
 */
#ifndef _BPF_CGROUP_SOCK_ROUTE_H
#define _BPF_CGROUP_SOCK_ROUTE_H

#include <linux/bpf-cgroup-sock.h>
#include <linux/ip.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

/* Whether programs see the addresses that the socket sends IPv4 to. */
static inline bool cgroup_sock_has_peer4(struct sock *sk)
{
	return cgroup_sock_active(sk, INET4_CONNECT) ||
	       cgroup_sock_active(sk, UDP4_SENDMSG);
}

/* ... and IPv6. */
static inline bool cgroup_sock_has_peer6(struct sock *sk)
{
	return cgroup_sock_active(sk, INET6_CONNECT) ||
	       cgroup_sock_active(sk, UDP6_SENDMSG);
}

#ifdef CONFIG_CGROUP_BPF
int cgroup_sock_srcrt4(struct sock *sk);
int cgroup_sock_srcrt6(struct sock *sk);
#else
static inline int cgroup_sock_srcrt4(struct sock *sk)
{
	return 0;
}

static inline int cgroup_sock_srcrt6(struct sock *sk)
{
	return 0;
}
#endif

/**
 * cgroup_sock_route4() - refuse source routes that programs would not see
 * @sk: socket of family AF_INET or AF_INET6
 * @opt: options of its IPv4 packets, may be NULL
 *
 * See cgroup_sock_srcrt4().
 *
 * Context: Any.
 * Return: 0, or -EPERM for a source route if there are connect or sendmsg programs.
 */
static inline int cgroup_sock_route4(struct sock *sk,
				     const struct ip_options_rcu *opt)
{
	return opt && opt->opt.srr ? cgroup_sock_srcrt4(sk) : 0;
}

/**
 * cgroup_sock_route6() - refuse routing headers that programs would not see
 * @sk: socket of family AF_INET6
 * @opt: options of its IPv6 packets, may be NULL
 *
 * See cgroup_sock_srcrt6().
 *
 * Context: Any.
 * Return: 0, or -EPERM for a routing header if there are connect or sendmsg programs.
 */
static inline int cgroup_sock_route6(struct sock *sk,
				     const struct ipv6_txoptions *opt)
{
	return opt && opt->srcrt ? cgroup_sock_srcrt6(sk) : 0;
}

/**
 * cgroup_sock_raw6_proto() - refuse a raw socket that writes such headers itself
 * @sk: raw socket of family AF_INET6
 * @proto: the protocol number of what it sends
 *
 * What a socket of IPPROTO_ROUTING sends is a routing header, and other extension
 * headers may have one behind them.
 *
 * Context: Any.
 * Return: 0, or -EPERM for an extension header if there are connect or sendmsg
 * programs.
 */
static inline int cgroup_sock_raw6_proto(struct sock *sk, u8 proto)
{
	return ipv6_ext_hdr(proto) && cgroup_sock_has_peer6(sk) ? -EPERM : 0;
}

int __cgroup_sock_hdrincl4(const struct iphdr *iph, __be32 daddr);
int __cgroup_sock_hdrincl6(const struct sk_buff *skb,
			   const struct in6_addr *daddr);

/**
 * cgroup_sock_hdrincl4() - refuse a header that leads elsewhere
 * @sk: raw socket of family AF_INET with IP_HDRINCL
 * @iph: the header that the caller wrote, of a valid length
 * @daddr: the destination that programs saw
 *
 * Context: Any.
 * Return: 0, or -EPERM for another destination or a source route if there are
 * connect or sendmsg programs.
 */
static inline int cgroup_sock_hdrincl4(struct sock *sk, const struct iphdr *iph,
				       __be32 daddr)
{
	return cgroup_sock_has_peer4(sk) ? __cgroup_sock_hdrincl4(iph, daddr) : 0;
}

/**
 * cgroup_sock_hdrincl6() - refuse a header that leads elsewhere
 * @sk: raw socket of family AF_INET6 with IPV6_HDRINCL
 * @skb: the packet, with the headers that the caller wrote
 * @daddr: the destination that programs saw
 *
 * Context: Any.
 * Return: 0, or -EPERM for another destination or a routing header if there are
 * connect or sendmsg programs.
 */
static inline int cgroup_sock_hdrincl6(struct sock *sk, const struct sk_buff *skb,
				       const struct in6_addr *daddr)
{
	return cgroup_sock_has_peer6(sk) ? __cgroup_sock_hdrincl6(skb, daddr) : 0;
}

#endif /* _BPF_CGROUP_SOCK_ROUTE_H */
