/* SPDX-License-Identifier: GPL-2.0 */
/* What deny and its program share. The half that @current names is in effect. */
#ifndef DENY_H
#define DENY_H

#define MAX_KINDS	64
#define ANY		(~0U)

/* A kind of sockets. */
struct kind {
	__u32 family;
	__u32 type;
	__u32 protocol;
};

/* As many as @count. */
struct kinds {
	__u32 count;
	struct kind kind[MAX_KINDS];
};

/* The kinds are in a map, those of one half after those of the other. */
struct deny {
	__u32 count[2];
	__u32 current;
};

#endif
