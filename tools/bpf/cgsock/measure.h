/* SPDX-License-Identifier: GPL-2.0 */
/* Which calls of which sockets this kernel shows to programs: made, and seen to be refused. */
#ifndef MEASURE_H
#define MEASURE_H

#include <linux/types.h>

#include "event.h"

/* Of two, the lower one counts. */
enum covered {
	NO_CALL,	/* this kernel has no such socket, or such a socket has no such call */
	NOT_COVERED,
	NOT_KNOWN,	/* something else refuses it: netfilter, or rules of a cgroup above */
	COVERED,
};

struct coverage {
	const char *kind;
	int type;
	int protocol;
	int protocol6;
	/* As "cgsock deny" refuses such sockets. */
	const char *denial;
	enum covered call[CALL_LISTEN + 1];
};

#define KINDS 9

/* Puts a process into a cgroup of its own for this. Wants begin_change(). */
const struct coverage *measure_calls(void);

#endif
