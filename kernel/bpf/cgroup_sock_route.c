// SPDX-License-Identifier: GPL-2.0-only
/*
 * Look where the headers lead that the user of a raw socket wrote.
 */

#include <linux/bpf-cgroup-sock-route.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

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
