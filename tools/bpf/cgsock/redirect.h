/* SPDX-License-Identifier: GPL-2.0 */
/* What redirect and its programs share. */
#ifndef REDIRECT_H
#define REDIRECT_H

#define GROUP_SIZE	16
#define MAX_REPLICAS	256
#define MAX_SENT	8

/* An IPv6 or v4-mapped address in network order, and a port in host order. */
struct address {
	__u32 ip[4];
	__u32 port;
};

/*
 * What clients ask for. Replicas that are reached by IPv4 and those that are reached by IPv6 are
 * two lists, as a client cannot always take both.
 */
struct target {
	char group[GROUP_SIZE];
	__u16 port;
	__u8 protocol;
	__u8 family;
};

struct replica {
	__u64 id;		/* cookie of the server's socket, or EXTERNAL and the time */
	__u64 owner;		/* the service's cgroup; if EXTERNAL, apply's file or 0 */
	__u64 connections;
	struct address at;
	__u32 weight;
};

#define EXTERNAL 0x8000000000000000ULL

/* Replicas without a gap: first those that take connections, then those with a weight of 0. */
struct list {
	struct bpf_spin_lock lock;
	__u32 count;
	__u32 ready;
	__u32 turn;		/* whose turn it is */
	__u32 taken;		/* the connections that it had in this turn */
	__u32 left_out;		/* servers that found no room here */
	struct replica replicas[MAX_REPLICAS];
};

/* What the processes of a cgroup, or below it, bind. */
struct service_key {
	__u64 cgroup;
	__u32 port;
	__u32 protocol;
};

struct service {
	char group[GROUP_SIZE];
	struct address at4;	/* port 0: the kernel chooses; NO_ADDRESS: none for IPv4 */
	struct address at6;
	__u32 weight;
	__u32 loopback;		/* a bind to loopback is for the service, too */
};

#define NO_ADDRESS	(~0U)

/* The sockets of servers. Those that accept() makes have a copy. */
struct bound {
	struct target target;
	__u32 weight;
	__u64 cgroup;
	__u64 cookie;
	struct address asked;
	struct address at;	/* the port is 0 before bind() has come to its end */
	__u32 watched;		/* programs of redirect asked for changes of its state */
	__u32 zero;
};

/* The sockets of clients. */
struct led {
	struct target target;
	__u32 counted;
	__u64 id;
	struct address asked;
	struct address at;
};

/* UDP sockets that send without connect(): the last services that they sent to. */
struct sent {
	struct led led[MAX_SENT];
	__u32 next;
};

/* What the tool does to a list; the programs may change it at the same time. */
struct change {
	enum { ADD, REMOVE, WEIGH } what;
	int err;		/* 0 or a positive errno */
	struct target target;
	struct replica replica;
};

#endif
