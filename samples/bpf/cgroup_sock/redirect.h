/* SPDX-License-Identifier: GPL-2.0 */
/* What redirect and its programs share. Addresses are in network order, ports in host order. */
#ifndef REDIRECT_H
#define REDIRECT_H

#define MAX_REPLICAS 64

struct endpoint {
	__u32 ip[4];
	__u32 port;
};

/* What clients connect to; the protocol is IPPROTO_TCP or IPPROTO_UDP. */
struct target {
	__u32 family;
	__u32 protocol;
	__u32 port;
};

/* What the processes of a cgroup, or below it, bind. */
struct service {
	__u64 cgroup;
	__u32 family;
	__u32 port;
};

/* The replicas of a target have the numbers 0, 1, 2, ... */
struct slot {
	struct target target;
	__u32 number;
};

struct replica {
	__u64 service_cgroup;	/* 0: "redirect replica" added it */
	__u64 cgroup;		/* that of the process */
	__u64 connections;
	struct endpoint at;
	__u32 unused;
};

/* A bind() that is on its way to a service's address. */
struct pending {
	struct service service;
	__u32 protocol;
	__u32 unused;
};

#endif
