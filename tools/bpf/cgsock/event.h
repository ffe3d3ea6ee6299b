/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs tell "cgsock watch", by a ring buffer of each tool called "events". */
#ifndef EVENT_H
#define EVENT_H

/* An address with a call is one of the firewall's directions. */
enum call {
	CALL_CONNECT,
	CALL_SEND,
	CALL_BIND,
	CALL_LISTEN,
	CALL_SOCKET,
	CALLS,
};

/* IPs are in network order, ports in host order. */
struct event {
	__u64 time;		/* CLOCK_MONOTONIC */
	__u64 rule;		/* which one decided; what the number means is the tool's */
	__u64 cgroup;		/* of the process */
	__u32 pid;
	__u32 uid;
	__u32 call;
	__u32 rewritten;	/* to to_ip and to_port; else it is a refusal */
	__u32 family;		/* of the address */
	__u32 type;		/* of the socket */
	__u32 protocol;
	__u32 port;
	__u32 ip[4];
	__u32 to_family;
	__u32 to_port;
	__u32 to_ip[4];
	char command[16];
};

#define EVENT_BYTES	(64 * 1024)

#endif
