/* SPDX-License-Identifier: GPL-2.0 */
/* The kinds of IP sockets: what opens them, and what they can do. */
#ifndef KINDS_H
#define KINDS_H

#include "util.h"

/* Not in the headers of every distribution. */
#ifndef AF_SMC
#define AF_SMC 43
#endif
#define IPPROTO_TRIAL	253	/* for experiments */
#define SOL_DCCP	269

/* What a kind is. */
#define TCP		0x0001
#define UDP		0x0002
#define UDPLITE		0x0004
#define MPTCP		0x0008
#define DCCP		0x0010
#define SMC		0x0020
#define PING		0x0040
#define RAW		0x0080
#define L2TP		0x0100
#define SCTP		0x0200
#define SCTP_MANY	0x0400
#define DGRAM		(UDP | UDPLITE | PING | RAW | L2TP)

/* What it can do. */
#define HAS_PORTS	0x01
#define LISTENS		0x02
#define SENDS_TO	0x04	/* messages with an address, and not to connect by them */
#define OPENS_FAST	0x08
#define ASSOCIATES	0x10

#define STREAM_CAN	(HAS_PORTS | LISTENS)
#define TCP_CAN		(STREAM_CAN | OPENS_FAST)
#define DGRAM_CAN	(HAS_PORTS | SENDS_TO)
#define SCTP_CAN	(STREAM_CAN | ASSOCIATES)

struct kind {
	const char *name;
	int family;
	int type;
	int protocol;
	int ip;		/* the family of its addresses */
	int is;
	int can;
};

enum kind_id {
	TCP4, TCP6, UDP4, UDP6, UDPLITE4, UDPLITE6, MPTCP4, MPTCP6, DCCP4, DCCP6, SMC4, SMC6,
	AF_SMC4, AF_SMC6, PING4, PING6, RAW4, RAW6, L2TP4, L2TP6, SCTP4, SCTP6, SCTP_MANY4,
	SCTP_MANY6
};

static const struct kind kinds[] = {
	[TCP4] = { "tcp4", AF_INET, SOCK_STREAM, IPPROTO_TCP, AF_INET, TCP, TCP_CAN },
	[TCP6] = { "tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP, AF_INET6, TCP, TCP_CAN },
	[UDP4] = { "udp4", AF_INET, SOCK_DGRAM, IPPROTO_UDP, AF_INET, UDP, DGRAM_CAN },
	[UDP6] = { "udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP, AF_INET6, UDP, DGRAM_CAN },
	[UDPLITE4] = { "udplite4", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, UDPLITE,
		DGRAM_CAN },
	[UDPLITE6] = { "udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET6, UDPLITE,
		DGRAM_CAN },
	[MPTCP4] = { "mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP, AF_INET, MPTCP, TCP_CAN },
	[MPTCP6] = { "mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, AF_INET6, MPTCP, TCP_CAN },
	[DCCP4] = { "dccp4", AF_INET, SOCK_DCCP, IPPROTO_DCCP, AF_INET, DCCP, STREAM_CAN },
	[DCCP6] = { "dccp6", AF_INET6, SOCK_DCCP, IPPROTO_DCCP, AF_INET6, DCCP, STREAM_CAN },
	[SMC4] = { "smc4", AF_INET, SOCK_STREAM, IPPROTO_SMC, AF_INET, SMC, TCP_CAN },
	[SMC6] = { "smc6", AF_INET6, SOCK_STREAM, IPPROTO_SMC, AF_INET6, SMC, TCP_CAN },
	[AF_SMC4] = { "af-smc4", AF_SMC, SOCK_STREAM, SMCPROTO_SMC, AF_INET, SMC, TCP_CAN },
	[AF_SMC6] = { "af-smc6", AF_SMC, SOCK_STREAM, SMCPROTO_SMC6, AF_INET6, SMC, TCP_CAN },
	[PING4] = { "ping4", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, AF_INET, PING, DGRAM_CAN },
	[PING6] = { "ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, AF_INET6, PING, DGRAM_CAN },
	[RAW4] = { "raw4", AF_INET, SOCK_RAW, IPPROTO_TRIAL, AF_INET, RAW, SENDS_TO },
	[RAW6] = { "raw6", AF_INET6, SOCK_RAW, IPPROTO_TRIAL, AF_INET6, RAW, SENDS_TO },
	[L2TP4] = { "l2tp4", AF_INET, SOCK_DGRAM, IPPROTO_L2TP, AF_INET, L2TP, SENDS_TO },
	[L2TP6] = { "l2tp6", AF_INET6, SOCK_DGRAM, IPPROTO_L2TP, AF_INET6, L2TP, SENDS_TO },
	[SCTP4] = { "sctp4", AF_INET, SOCK_STREAM, IPPROTO_SCTP, AF_INET, SCTP, SCTP_CAN },
	[SCTP6] = { "sctp6", AF_INET6, SOCK_STREAM, IPPROTO_SCTP, AF_INET6, SCTP, SCTP_CAN },
	[SCTP_MANY4] = { "sctp-many4", AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, AF_INET, SCTP_MANY,
		SCTP_CAN | SENDS_TO },
	[SCTP_MANY6] = { "sctp-many6", AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, AF_INET6, SCTP_MANY,
		SCTP_CAN | SENDS_TO },
};

#endif
