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
	__u32 family;		/* of the address */
	__u32 type;		/* of the socket */
	__u32 protocol;
	__u32 port;
	__u32 ip[4];
	char command[16];
};

/* IPs are in network order, ports in host order. */
struct endpoint {
	__u32 family;		/* 0 if there is none */
	__u32 port;
	__u32 ip[4];
};

/* What programs can change in a call. */
struct view {
	struct endpoint address;
	struct endpoint source;
	__u32 device;
	__u32 mark;
	__u32 priority;
	__u32 path_len;
	char path[108];		/* of AF_UNIX, where a name without a path begins with a zero */
};

/* What the tracepoints of the kernel tell, of any program. */
struct traced {
	__u64 time;
	__u64 cgroup;		/* of the process */
	__u64 holder;		/* the cgroup that has the program */
	__u32 pid;
	__u32 uid;
	__u32 program;
	__u32 hook;		/* its attach type */
	__u32 refused;		/* the errno; 0 for a rewrite */
	__u32 family;		/* of the socket, as the next two */
	__u32 type;
	__u32 protocol;
	struct view before;
	struct view now;
	char command[16];
};

#define EVENT_BYTES	(64 * 1024)
#define MAX_TOLD	65536

#endif
