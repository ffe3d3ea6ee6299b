/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What firewall and its programs share. A set of rules is one generation, 1 or 2: the programs
 * read the generation that is in effect, the tool fills in the other one and then switches.
 */
#ifndef FIREWALL_H
#define FIREWALL_H

#include "event.h"

/* Calls that rules are for: CALL_CONNECT to CALL_LISTEN. */
#define DIRECTIONS	(CALL_LISTEN + 1)

/* Of the last two only rules without ports are for raw and icmp. */
enum protocol {
	TCP,
	UDP,
	SCTP,
	ICMP,
	RAW,
	OTHER,
	PROTOCOLS,
};

/* From addresses to lists. @length counts all bits after it, those of IPv4 are the first 32. */
struct prefix_key {
	__u32 length;
	__u8 generation;
	__u8 direction;
	__u8 is_ip6;
	__u8 zero;
	__u32 ip[4];
};

#define PREFIX_BITS	32	/* of those, before the ip */

struct prefix {
	__u32 list;
	__u32 around;		/* length of the key with the next shorter prefix, or 0 */
};

/* From ports of a list to rules. A list has its generation in its upper two bits. */
struct port_key {
	__u32 length;
	__u32 list;
	__u8 protocol;
	__u8 port[2];		/* network order */
	__u8 zero;
};

#define LIST_BITS	32
#define PORT_BITS	56
#define LIST_GENERATION	30

struct verdict {
	__u64 rule;		/* a hash of its text */
	__u64 refuse;
};

/* The rules as they were written, in lines, cut into pieces. */
struct text_key {
	__u32 generation;
	__u32 number;
};

struct piece {
	char text[1000];
};

/* Without those of the default lines. */
#define MAX_RULES	65536

#endif
