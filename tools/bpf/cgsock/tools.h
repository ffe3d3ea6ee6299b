/* SPDX-License-Identifier: GPL-2.0 */
/* What run and apply ask of the other subcommands. */
#ifndef TOOLS_H
#define TOOLS_H

#include "cgsock.h"

struct rules;

/* Puts the rules in the place of those that are there. False after a message. */
bool set_firewall(const struct place *place, const struct rules *rules);

/* "FILE:LINE: RULE" of a rule that is in effect; NULL if it is not. Allocated. */
char *rule_by_id(const struct place *place, __u64 id);

#endif
