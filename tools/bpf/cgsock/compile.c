// SPDX-License-Identifier: GPL-2.0
/*
 * From rules to the two tries of firewall.bpf.c. For each direction and family the prefixes get
 * a list each; a list says for each protocol which rule of this prefix is the first that has a
 * port. The port ranges are cut where one begins or ends, and each piece goes into the trie as
 * the few aligned blocks that it consists of.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "rules.h"

struct compiler {
	const struct rules *rules;
	unsigned int generation;
	unsigned int lists;
	int prefixes;
	int ports;
};

/* A range of ports of a list, and the rule it is from. */
struct piece_of_rule {
	__u32 first;
	__u32 last;
	const struct rule *rule;
};

static int put_ports(const struct compiler *compiler, unsigned int list, unsigned int length,
		     unsigned int protocol, __u32 port, const struct rule *rule)
{
	struct verdict verdict = { .rule = rule->id, .refuse = rule->refuse };
	struct port_key key = {
		.length = length,
		.list = list,
		.protocol = protocol,
		.port = { port >> 8, port },
	};

	return bpf_map_update_elem(compiler->ports, &key, &verdict, BPF_ANY);
}

/* The blocks of which the ports from @first to @last consist. */
static int put_range(const struct compiler *compiler, unsigned int list, unsigned int protocol,
		     __u32 first, __u32 last, const struct rule *rule)
{
	int err = 0;

	while (!err && first <= last) {
		unsigned int bits = 0;

		while (bits < 16 && !(first & 1U << bits) && first + (2U << bits) - 1 <= last)
			bits++;
		err = put_ports(compiler, list, PORT_BITS - bits, protocol, first, rule);
		first += 1U << bits;
	}
	return err;
}

static int by_number(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

static unsigned int index_of(const __u32 *cuts, unsigned int count, __u32 value)
{
	const __u32 *found = bsearch(&value, cuts, count, sizeof(*cuts), by_number);

	return found - cuts;
}

/* The next slot from @i on that nobody has; what was walked over is remembered. */
static unsigned int next_free(unsigned int *next, unsigned int i)
{
	unsigned int end = i, after;

	while (next[end] != end)
		end = next[end];
	for (; next[i] != end; i = after) {
		after = next[i];
		next[i] = end;
	}
	return end;
}

/*
 * The first range in the order of the rules has a port. Slots are the ports between two cuts;
 * neighbours of the same rule are put together.
 */
static int put_protocol(const struct compiler *compiler, unsigned int list, unsigned int protocol,
			const struct piece_of_rule *ranges, unsigned int count)
{
	__u32 *cuts = allocate(2 * count * sizeof(*cuts));
	const struct rule **owner = allocate(2 * count * sizeof(*owner));
	unsigned int *next = allocate((2 * count + 1) * sizeof(*next));
	unsigned int i, j, slots = 0, last;
	int err = 0;

	for (i = 0; i < count; i++) {
		cuts[2 * i] = ranges[i].first;
		cuts[2 * i + 1] = ranges[i].last + 1;
	}
	qsort(cuts, 2 * count, sizeof(*cuts), by_number);
	for (i = 0; i < 2 * count; i++)
		if (!i || cuts[i] != cuts[i - 1])
			cuts[slots++] = cuts[i];
	for (i = 0; i <= slots; i++)
		next[i] = i;
	for (i = 0; i < count; i++) {
		last = index_of(cuts, slots, ranges[i].last + 1);
		for (j = next_free(next, index_of(cuts, slots, ranges[i].first)); j < last;
		     j = next_free(next, j)) {
			owner[j] = ranges[i].rule;
			next[j] = j + 1;
		}
	}
	for (i = 0; i + 1 < slots && !err; i = j) {
		for (j = i + 1; j + 1 < slots && owner[j] == owner[i]; j++)
			;
		if (owner[i])
			err = put_range(compiler, list, protocol, cuts[i], cuts[j] - 1, owner[i]);
	}
	free(cuts);
	free(owner);
	free(next);
	return err;
}

/* The rules of one prefix, in their order. */
static int put_list(const struct compiler *compiler, unsigned int list,
		    const struct rule **rules, unsigned int count)
{
	struct piece_of_rule *ranges;
	unsigned int i, protocol, most = 0, n;
	int err = 0;

	/* One entry will do. */
	if (rules[0]->protocols == (1U << PROTOCOLS) - 1 && !rules[0]->ports)
		return put_ports(compiler, list, LIST_BITS, 0, 0, rules[0]);
	for (i = 0; i < count; i++)
		most += rules[i]->port_count ?: 1;
	ranges = allocate(most * sizeof(*ranges));
	for (protocol = 0; protocol < PROTOCOLS && !err; protocol++) {
		for (i = 0, n = 0; i < count; i++) {
			const struct rule *rule = rules[i];
			int j;

			if (!(rule->protocols & 1U << protocol))
				continue;
			for (j = 0; j < rule->port_count; j++)
				ranges[n++] = (struct piece_of_rule){
					rule->ports[j].first, rule->ports[j].last, rule
				};
			if (rule->ports)
				continue;
			ranges[n++] = (struct piece_of_rule){ 0, UINT16_MAX, rule };
			break;
		}
		if (n)
			err = put_protocol(compiler, list, protocol, ranges, n);
	}
	free(ranges);
	return err;
}

/* Shorter prefixes before those in them; the order of the file within one. */
static int by_prefix(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule **)a, *y = *(const struct rule **)b;

	for (int i = 0; i < 4; i++)
		if (x->ip[i] != y->ip[i])
			return ntohl(x->ip[i]) < ntohl(y->ip[i]) ? -1 : 1;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool within(const struct rule *inner, const struct rule *outer)
{
	unsigned int left = outer->length, i;

	for (i = 0; left >= 32; i++, left -= 32)
		if (inner->ip[i] != outer->ip[i])
			return false;
	return outer->length <= inner->length &&
	       (!left || !(ntohl(inner->ip[i] ^ outer->ip[i]) >> (32 - left)));
}

static int put_prefix(const struct compiler *compiler, unsigned int direction, bool is_ip6,
		      const struct rule *rule, const struct prefix *prefix)
{
	struct prefix_key key = {
		.length = PREFIX_BITS + rule->length,
		.generation = compiler->generation,
		.direction = direction,
		.is_ip6 = is_ip6,
	};

	memcpy(key.ip, rule->ip, sizeof(key.ip));
	return bpf_map_update_elem(compiler->prefixes, &key, prefix, BPF_ANY);
}

static int compile(struct compiler *compiler, unsigned int direction, bool is_ip6)
{
	const struct rules *rules = compiler->rules;
	const struct rule **chosen = allocate(rules->count * sizeof(*chosen));
	/* The prefixes around the one that it is the turn of, the shortest first. */
	const struct rule *around[129];
	unsigned int count = 0, depth = 0, i, n;
	__u32 family = is_ip6 ? AF_INET6 : AF_INET;
	int err = 0;

	for (i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];

		if (rule->directions & 1U << direction && (!rule->family || rule->family == family))
			chosen[count++] = rule;
	}
	qsort(chosen, count, sizeof(*chosen), by_prefix);
	for (i = 0; i < count && !err; i += n) {
		struct prefix prefix = {
			.list = compiler->generation << LIST_GENERATION | compiler->lists++,
		};

		for (n = 1; i + n < count && chosen[i + n]->length == chosen[i]->length &&
		     within(chosen[i + n], chosen[i]); n++)
			;
		while (depth && !within(chosen[i], around[depth - 1]))
			depth--;
		if (depth)
			prefix.around = PREFIX_BITS + around[depth - 1]->length;
		around[depth++] = chosen[i];
		/* The list first: nothing may find one that is empty. */
		err = put_list(compiler, prefix.list, chosen + i, n) ?:
		      put_prefix(compiler, direction, is_ip6, chosen[i], &prefix);
	}
	free(chosen);
	return err;
}

int compile_rules(const struct rules *rules, unsigned int generation, int prefixes, int ports)
{
	struct compiler compiler = {
		.rules = rules,
		.generation = generation,
		.prefixes = prefixes,
		.ports = ports,
	};
	int err = 0;

	for (unsigned int direction = 0; direction < DIRECTIONS && !err; direction++)
		err = compile(&compiler, direction, false) ?: compile(&compiler, direction, true);
	return err;
}
