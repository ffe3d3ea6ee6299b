/* SPDX-License-Identifier: GPL-2.0 */
/* What deny tells its program. */
#ifndef DENY_H
#define DENY_H

#define MAX_RULES	16
#define ANY		(~0U)

struct deny_rule {
	__u32 family;
	__u32 type;
	__u32 protocol;
};

#endif
