// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refuse source routes and routing headers, and look where the headers lead that
 * the user of a raw socket wrote.
 */

#include <linux/bpf-cgroup-sock-route.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

/**
 * cgroup_sock_srcrt4() - refuse a source route that programs would not see
 * @sk: socket of family AF_INET or AF_INET6 whose IPv4 packets are to have one
 *
 * A source route takes a packet elsewhere than to the address that connect and
 * sendmsg programs see. An AF_INET6 socket that talks IPv4 shows v4-mapped
 * addresses to INET6_CONNECT programs.
 *
 * Context: Any.
 * Return: 0, or -EPERM if there are such programs.
 */
int cgroup_sock_srcrt4(struct sock *sk)
{
	/* IPV6_ADDRFORM makes it an AF_INET socket, which keeps its pinet6. */
	return cgroup_sock_has_peer4(sk) ||
	       (inet6_sk(sk) && cgroup_sock_has_peer6(sk)) ? -EPERM : 0;
}
EXPORT_SYMBOL_GPL(cgroup_sock_srcrt4);

/**
 * cgroup_sock_srcrt6() - refuse a routing header that programs would not see
 * @sk: socket of family AF_INET6 whose packets are to have one
 *
 * A routing header takes a packet elsewhere than to the address that
 * INET6_CONNECT and UDP6_SENDMSG programs see.
 *
 * Context: Any.
 * Return: 0, or -EPERM if there are such programs.
 */
int cgroup_sock_srcrt6(struct sock *sk)
{
	return cgroup_sock_has_peer6(sk) ? -EPERM : 0;
}
EXPORT_SYMBOL_GPL(cgroup_sock_srcrt6);

int __cgroup_sock_hdrincl4(const struct iphdr *iph, __be32 daddr)
{
	const u8 *option = (const u8 *)(iph + 1);
	const u8 *end = (const u8 *)iph + iph->ihl * 4;

	if (iph->daddr != daddr)
		return -EPERM;
	while (option < end && *option != IPOPT_END) {
		if (*option == IPOPT_LSRR || *option == IPOPT_SSRR)
			return -EPERM;
		if (*option == IPOPT_NOOP) {
			option++;
			continue;
		}
		/* What nobody can parse leads nowhere. */
		if (end - option < 2 || option[1] < 2)
			break;
		option += option[1];
	}
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
int __cgroup_sock_hdrincl6(const struct sk_buff *skb,
			   const struct in6_addr *daddr)
{
	int flags = IP6_FH_F_SKIP_RH;
	unsigned int offset = 0;

	if (!ipv6_addr_equal(&ipv6_hdr(skb)->daddr, daddr))
		return -EPERM;
	/* A chain that nobody can parse to its end may have one. */
	return ipv6_find_hdr(skb, &offset, NEXTHDR_ROUTING, NULL, &flags) == -ENOENT ?
	       0 : -EPERM;
}
EXPORT_SYMBOL_GPL(__cgroup_sock_hdrincl6);
#endif
