/* SPDX-License-Identifier: GPL-2.0 */
/* Rules of the firewall: read, asked, and turned into what its programs look up. */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/types.h>

#include "cgsock.h"
#include "firewall.h"

struct ports {
	__u32 first;
	__u32 last;
};

struct rule {
	__u64 id;		/* a hash of @text: counters are found by it */
	char *text;		/* its words with one blank between */
	const char *file;
	int line;		/* 0: it is in no file */
	bool refuse;
	__u32 directions;	/* bits */
	__u32 protocols;	/* bits */
	__u32 family;		/* 0: both */
	__u32 length;
	__u32 ip[4];
	struct ports *ports;	/* NULL: all, also of what has none */
	int port_count;
};

/* In the order of the file. The defaults are the last ones, one for each direction. */
struct rules {
	struct rule *rule;
	unsigned int count;
	struct rule *defaults[DIRECTIONS];
};

extern const char * const direction_names[DIRECTIONS];
extern const char * const protocol_names[PROTOCOLS];

/* Fails with file, line and word if something is wrong. "-" is the standard input. */
struct rules *read_rules(const char *file);
/* Lines that are in no file; @name stands for it in messages. */
struct rules *read_rules_from(FILE *stream, const char *name);

/* One by one: lines that are in no file, with @where in messages, and files. */
struct rules *begin_rules(void);
void add_line(struct rules *rules, char *line, const char *where);
void add_file(struct rules *rules, const char *file);
/* Calls that no default line is for are refused if they are in @refused, else allowed. */
void end_rules(struct rules *rules, __u32 refused);

/* The id of the rule with this text. */
__u64 hash_of_rule(const char *words);

/* Which rule decides. */
const struct rule *ask_rules(const struct rules *rules, unsigned int direction,
			     enum protocol protocol, const struct endpoint *endpoint);

/* Fills in the maps that have these descriptors. Returns 0, or an error of the kernel's. */
int compile_rules(const struct rules *rules, unsigned int generation, int prefixes, int ports);

#endif
