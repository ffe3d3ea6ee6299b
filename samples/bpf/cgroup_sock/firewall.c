// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"
#include "firewall.h"
#include "firewall.skel.h"

static const char help[] =
"Decides which addresses and ports the processes of a cgroup may bind and connect to. bind()\n"
"and connect() fail with EPERM if a rule refuses. The rules stay when the tool exits. A new file\n"
"replaces the old one in four steps: bind and connect, of IPv4 and of IPv6. There is no moment\n"
"without rules. The rules do not cover sendto() on a socket that is not connected, a port that\n"
"the kernel chooses, and sockets and connections that exist already.\n"
"\n"
"usage: firewall CGROUP RULES-FILE\n"
"       firewall --show CGROUP\n"
"       firewall --clear CGROUP\n"
"\n"
"  -s, --show     list the rules, each with how often it decided\n"
"  -c, --clear    remove them\n"
"\n"
"A line of the file is a rule, empty or a comment (#). A rule is\n"
"  allow|refuse bind|connect PREFIX[/LENGTH] PORT[-PORT]|any\n"
"with an IPv4 or IPv6 prefix. Of the rules that contain an address and its port, those with\n"
"the longest prefix decide, and of these the first in the file. Without a rule, the call is\n"
"allowed. To bind to all addresses is to bind to 0.0.0.0 or ::. A bind() that leaves the port\n"
"to the kernel has port 0, which \"any\" covers. The rules of IPv4 decide about IPv4-mapped\n"
"IPv6 addresses.\n"
"\n"
"example: no connections but to the resolver and the inner network, one port to listen on\n"
"  # cat rules\n"
"  allow  connect 10.0.0.0/8 any\n"
"  allow  connect 192.0.2.53 53\n"
"  refuse connect 0.0.0.0/0 any\n"
"  refuse connect ::/0 any\n"
"  allow  bind 0.0.0.0 8080\n"
"  refuse bind 0.0.0.0/0 1-65535\n"
"  # firewall /sys/fs/cgroup/web rules\n"
"  # (echo 0 > /sys/fs/cgroup/web/cgroup.procs; curl http://198.51.100.1/)\n"
"  curl: (7) Failed to connect to 198.51.100.1 port 80 after 0 ms: Couldn't connect to server\n"
"  # firewall --show /sys/fs/cgroup/web | grep -v ' 0 '\n"
"           1  refuse connect 0.0.0.0/0 any\n";

static struct rule rules[MAX_RULES];
static unsigned int count;

/* Where a rule was written, for messages. */
static const char *file;
static int number, numbers[MAX_RULES];

#define bad(format, args...) fail("%s:%d: " format, file, number, ##args)

/* Whether the first @length bits of both are equal; rules are in network order. */
static bool same_bits(const __u32 *a, const __u32 *b, unsigned int length)
{
	for (; length >= 32; length -= 32)
		if (*a++ != *b++)
			return false;
	return !length || !(ntohl(*a ^ *b) >> (32 - length));
}

static bool covers(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && a->direction == b->direction &&
	       a->length <= b->length && same_bits(a->ip, b->ip, a->length);
}

static void parse_prefix(struct rule *rule, char *prefix)
{
	char *length = strchr(prefix, '/');
	unsigned int bits, i;

	if (length)
		*length++ = '\0';
	rule->family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
	bits = rule->family == AF_INET6 ? 128 : 32;
	rule->length = bits;
	if (inet_pton(rule->family, prefix, rule->ip) != 1)
		bad("\"%s\" is not an IPv4 or IPv6 address", prefix);
	if (length && !read_number(length, 0, bits, &rule->length))
		bad("\"/%s\" is not a length from 0 to %u", length, bits);
	if (bits == 128 && rule->length >= 96 && IN6_IS_ADDR_V4MAPPED(rule->ip))
		bad("an IPv4-mapped address; write it as an IPv4 address");
	for (i = rule->length; i < bits; i++)
		if (ntohl(rule->ip[i / 32]) >> (31 - i % 32) & 1)
			bad("%s has bits after the first %u; which of both is right?",
			    prefix, rule->length);
}

static void parse_ports(struct rule *rule, char *ports)
{
	char *last = strchr(ports, '-');

	rule->first = 0;
	rule->last = UINT16_MAX;
	if (!strcmp(ports, "any"))
		return;
	if (last)
		*last++ = '\0';
	if (!read_number(ports, 0, UINT16_MAX, &rule->first))
		bad("\"%s\" is not a port from 0 to 65535", ports);
	rule->last = rule->first;
	if (last && !read_number(last, 0, UINT16_MAX, &rule->last))
		bad("\"%s\" is not a port from 0 to 65535", last);
	if (rule->last < rule->first)
		bad("ports %u-%u: the first is above the last", rule->first, rule->last);
}

static void parse_rule(struct rule *rule, char *line)
{
	const char *blank = " \t\r\n";
	char *verdict = strtok(line, blank), *direction = strtok(NULL, blank);
	char *prefix = strtok(NULL, blank), *ports = strtok(NULL, blank);
	char *more = strtok(NULL, blank);

	rule->refuse = !strcmp(verdict, "refuse");
	if (!rule->refuse && strcmp(verdict, "allow"))
		bad("\"%s\" is neither allow nor refuse", verdict);
	if (!ports)
		bad("%s is missing", prefix ? "PORT[-PORT] or any" :
		    direction ? "PREFIX[/LENGTH]" : "bind or connect");
	if (more)
		bad("\"%s\" is too much", more);
	rule->direction = !strcmp(direction, "connect") ? CONNECT : BIND;
	if (rule->direction == BIND && strcmp(direction, "bind"))
		bad("\"%s\" is neither bind nor connect", direction);
	parse_prefix(rule, prefix);
	parse_ports(rule, ports);
}

static void read_rules(void)
{
	FILE *stream = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;

	if (!stream)
		fail("%s: %s", file, strerror(errno));
	while (getline(&line, &size, stream) > 0) {
		number++;
		line[strcspn(line, "#")] = '\0';
		if (!line[strspn(line, " \t\r\n")])
			continue;
		if (count == MAX_RULES)
			bad("more than %d rules", MAX_RULES);
		numbers[count] = number;
		parse_rule(&rules[count++], line);
	}
	if (ferror(stream))
		fail("%s: cannot be read", file);
	if (!count)
		fail("%s: no rules in it; firewall --clear removes those there are", file);
	free(line);
	fclose(stream);
}

/* What decides for addresses whose longest prefix is that of @rule. */
static struct lines lines_of(const struct rule *rule)
{
	struct lines lines = {};
	unsigned int i;
	int length;

	for (length = rule->length; length >= 0; length--) {
		for (i = 0; i < count; i++) {
			const struct rule *r = &rules[i];

			if ((int)r->length != length || !covers(r, rule))
				continue;
			if (lines.count == MAX_LINES)
				bad("over %d rules for this prefix and those around it", MAX_LINES);
			lines.line[lines.count++] = (struct line){ r->first, r->last, i };
			/* Nothing gets past a rule for all ports. */
			if (r->first == 0 && r->last == UINT16_MAX)
				return lines;
		}
	}
	return lines;
}

static void fill(struct firewall_bpf *skel)
{
	int trie4 = bpf_map__fd(skel->maps.fw_prefixes4);
	int trie6 = bpf_map__fd(skel->maps.fw_prefixes6);
	int err = 0;
	__u32 i;

	for (i = 0; i < count && !err; i++) {
		struct rule *r = &rules[i];
		struct lines lines;

		number = numbers[i];
		lines = lines_of(r);
		err = bpf_map_update_elem(bpf_map__fd(skel->maps.fw_rules), &i, r, BPF_ANY);
		if (!err && r->family == AF_INET) {
			struct key4 key = { 32 + r->length, r->direction, r->ip[0] };

			err = bpf_map_update_elem(trie4, &key, &lines, BPF_ANY);
		} else if (!err) {
			struct key6 key = { 32 + r->length, r->direction, {} };

			memcpy(key.ip, r->ip, sizeof(key.ip));
			err = bpf_map_update_elem(trie6, &key, &lines, BPF_ANY);
		}
	}
	if (err)
		bad("the kernel does not take the rule: %s", strerror(-err));
}

static int show(int cgroup, const char *path, struct firewall_bpf *skel)
{
	int program = find_program(cgroup, skel->progs.fw_connect4), map;
	char ip[INET6_ADDRSTRLEN];
	struct rule r;
	__u32 i;

	if (program < 0)
		fail("%s: no rules here; firewall %s RULES-FILE makes some", path, path);
	map = find_map(program, skel->maps.fw_rules);
	if (map < 0)
		fail("%s: cannot read the rules; attach them anew", path);
	for (i = 0; !bpf_map_lookup_elem(map, &i, &r); i++) {
		inet_ntop(r.family, r.ip, ip, sizeof(ip));
		printf("%12llu  %s %s %s/%u ", r.hits, r.refuse ? "refuse" : "allow ",
		       r.direction == BIND ? "bind   " : "connect", ip, r.length);
		if (r.first == 0 && r.last == UINT16_MAX)
			puts("any");
		else if (r.first == r.last)
			printf("%u\n", r.first);
		else
			printf("%u-%u\n", r.first, r.last);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "show", no_argument, NULL, 's' },
		{ "clear", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct firewall_bpf *skel;
	int c, cgroup, action = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":sch", options, NULL)) != -1) {
		switch (c) {
		case 's':
		case 'c':
			action = c;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			bad_option(c, argv);
		}
	}
	if (argc - optind != (action ? 1 : 2))
		misuse(action ? "this wants a CGROUP and nothing else" :
		       "a CGROUP and a RULES-FILE are wanted");
	if (!action) {
		file = argv[optind + 1];
		read_rules();
	}

	begin();
	cgroup = open_cgroup(argv[optind]);
	skel = firewall_bpf__open();
	if (!skel)
		fail("cannot open the programs: %s", strerror(errno));
	if (action == 's')
		return show(cgroup, argv[optind], skel);
	if (action == 'c') {
		if (!clear_programs(cgroup, skel->obj))
			fail("%s: there was nothing to clear", argv[optind]);
		return 0;
	}
	bpf_map__set_max_entries(skel->maps.fw_rules, count);
	bpf_map__set_max_entries(skel->maps.fw_prefixes4, count);
	bpf_map__set_max_entries(skel->maps.fw_prefixes6, count);
	load_programs(skel->obj);
	fill(skel);
	return attach_programs(cgroup, skel->obj) ? 0 : 1;
}
