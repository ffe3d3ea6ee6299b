/* SPDX-License-Identifier: GPL-2.0 */
/* What redirect and the programs for a transparent proxy share. */
#ifndef PROXY_H
#define PROXY_H

/* A connection to the proxy, by which its two sockets are brought together. */
struct pair {
	struct address client;
	struct address proxy;
};

/* The socket of a client. */
struct asked {
	struct address asked;
	struct address at;	/* the proxy */
	struct pair pair;
	__u32 made;		/* the connection is there: the proxy's socket has the pair */
};

#endif
