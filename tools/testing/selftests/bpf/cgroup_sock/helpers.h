/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of helpers.bpf.c found out. */
#ifndef HELPERS_H
#define HELPERS_H

struct found {
	__u64 sockets;		/* made in the cgroup, by its local storage */
	__u64 create_cookie;
	__u64 create_netns;
	__u64 connect_cookie;
	__u64 connect_netns;
	__u64 init_netns;
	__u64 note;		/* what the create program left with the socket */
	__u64 cgroup;
	__u64 ancestor;		/* below the root */
	__u32 pid;
	__u32 uid;
	char comm[16];
	__u32 mark;
	int getsockopt_err;
	int setsockopt_err;
	int create_nodelay_err;	/* of a TCP option */
	int connect_nodelay_err;
	int create_constant_err;	/* of a value in read-only memory of the kernel */
	int connect_constant_err;
	__u32 tcp_state;	/* of the listener that was looked up */
	__u32 skc_family;
	__u32 udp_port;
	int retval;		/* what the tail-called program found */
	__u32 tail_called;
};

#ifdef __bpf__
/* A variable of the kernel, of which programs may read their CPU's copy. */
extern const int bpf_prog_active __ksym;
#endif

#endif
