/* SPDX-License-Identifier: GPL-2.0 */
/* What firewall and its programs share. Addresses are in network order, ports in host order. */
#ifndef FIREWALL_H
#define FIREWALL_H

#define MAX_RULES	1024
#define MAX_LINES	16

enum direction {
	BIND,
	CONNECT,
};

/* A rule as it was written, and how often it decided. */
struct rule {
	__u64 hits;
	__u32 refuse;
	__u32 direction;
	__u32 family;
	__u32 length;
	__u32 ip[4];
	__u32 first;
	__u32 last;
};

/* The part of a rule that is left to look at when the prefix is known. */
struct line {
	__u16 first;
	__u16 last;
	__u32 rule;
};

struct lines {
	__u32 count;
	struct line line[MAX_LINES];
};

/* The length counts the bits of direction, too, so a prefix is of one direction only. */
struct key4 {
	__u32 length;
	__u32 direction;
	__u32 ip;
};

struct key6 {
	__u32 length;
	__u32 direction;
	__u32 ip[4];
};

#endif
