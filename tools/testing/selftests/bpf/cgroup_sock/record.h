/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share with the programs of record.bpf.c: each program writes down what it saw
 * and does what it was told.
 */
#ifndef RECORD_H
#define RECORD_H

enum hook {
	CREATE,
	RELEASE,
	POST_BIND4,	/* these two ask whether the kernel chose the port */
	POST_BIND6,
	BIND4,
	BIND6,
	CONNECT4,
	CONNECT6,
	SENDMSG4,
	SENDMSG6,
	RECVMSG4,
	RECVMSG6,
	GETPEERNAME4,
	GETPEERNAME6,
	GETSOCKNAME4,
	GETSOCKNAME6,
	CONNECT_UNIX,
	SENDMSG_UNIX,
	RECVMSG_UNIX,
	GETPEERNAME_UNIX,
	GETSOCKNAME_UNIX,
	PLAIN_POST_BIND4,	/* these two do not, as programs for mainline */
	PLAIN_POST_BIND6,
	HOOKS,
};

/* More than a path has, to see longer ones refused. */
#define PATH_ROOM	128

struct order {
	__u32 verdict;		/* what the program returns, as far as its hook allows */
	int retval;		/* for bpf_set_retval(), if not 0 */
	__u32 spared;		/* this many calls are allowed before that */
	__u32 write_device;	/* create, release: write device, mark and priority */
	__u32 device;
	__u32 mark;
	__u32 priority;
	__u32 rewrite;		/* bind, connect: write address and port */
	__u32 ip[4];
	__u32 port;		/* network order */
	__u32 source[4];	/* sendmsg: written if not 0 */
	__u32 bind_family;	/* connect: bpf_bind() to an address of this family */
	__u32 bind_ip[4];
	__u32 bind_port;	/* network order */
	__u32 bind_scope;
	__u32 bind_short;	/* leave out the last byte that is needed */
	__u32 bind_to_device;	/* bind, connect: SO_BINDTOIFINDEX, if not 0 */
	__u32 path_len;		/* unix: for bpf_sock_addr_set_sun_path(), if rewrite */
	char path[PATH_ROOM];
};

struct seen {
	__u32 calls;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 user_family;
	__u32 ip[4];
	__u32 port;		/* network order; post_bind: host order */
	__u32 chosen;		/* post_bind: by the kernel */
	__u32 source[4];	/* sendmsg */
	int bind_err;		/* what bpf_bind() returned */
	int path_err;		/* what bpf_sock_addr_set_sun_path() returned */
	__u32 name_len;		/* unix: of the address */
	char path[108];
};

#endif
