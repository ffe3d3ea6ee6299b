// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"
#include "deny.h"
#include "deny.skel.h"

static const char help[] =
"Keeps the processes of a cgroup from creating sockets of some kinds: socket() fails with EPERM\n"
"if a rule fits. The rules stay when the tool exits, and new rules replace the old ones.\n"
"Existing sockets, and sockets that a process gets from another one, do not change.\n"
"\n"
"usage: deny CGROUP RULE...\n"
"       deny --show CGROUP\n"
"       deny --clear CGROUP\n"
"\n"
"  RULE       FAMILY[/TYPE[/PROTOCOL]], up to 16 of them\n"
"  FAMILY     inet, inet6 or any (of these two)\n"
"  TYPE       stream, dgram, raw, seqpacket or any\n"
"  PROTOCOL   tcp, udp, icmp, icmpv6, sctp, udplite, mptcp, a number or any; to the rules\n"
"             mptcp is not tcp, and a process may use it in its place\n"
"  -s, --show     list the rules\n"
"  -c, --clear    remove them\n"
"\n"
"example: no IPv6, no raw sockets, and no ping without a raw socket either\n"
"  # deny /sys/fs/cgroup/web inet6 any/raw inet/dgram/icmp\n"
"  # echo $$ > /sys/fs/cgroup/web/cgroup.procs\n"
"  # ping -c 1 127.0.0.1\n"
"  ping: socktype: SOCK_DGRAM\n"
"  ping: socket: Operation not permitted\n"
"  # deny --show /sys/fs/cgroup/web\n"
"  inet6/any/any\n"
"  any/raw/any\n"
"  inet/dgram/icmp\n";

struct name {
	const char *name;
	unsigned int value;
};

static const struct name families[] = {
	{ "inet", AF_INET }, { "inet6", AF_INET6 }, { "any", ANY }, {}
};

static const struct name types[] = {
	{ "stream", SOCK_STREAM }, { "dgram", SOCK_DGRAM }, { "raw", SOCK_RAW },
	{ "seqpacket", SOCK_SEQPACKET }, { "any", ANY }, {}
};

static const struct name protocols[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 }, { "sctp", IPPROTO_SCTP }, { "udplite", IPPROTO_UDPLITE },
	{ "mptcp", IPPROTO_MPTCP }, { "any", ANY }, {}
};

/* A missing part is any. */
static unsigned int value_of(const struct name *names, const char *text, const char *rule)
{
	unsigned int number;

	if (!text)
		return ANY;
	for (const struct name *n = names; n->name; n++)
		if (!strcmp(n->name, text))
			return n->value;
	if (names == protocols && read_number(text, 0, UINT16_MAX, &number))
		return number;
	misuse("rule %s: \"%s\" is not a %s", rule, text, names == families ? "family" :
	       names == types ? "type" : "protocol");
}

static struct deny_rule parse(const char *rule)
{
	char text[64], *rest = text;
	struct deny_rule parsed;

	if (snprintf(text, sizeof(text), "%s", rule) >= (int)sizeof(text))
		misuse("rule %s: too long", rule);
	parsed.family = value_of(families, strsep(&rest, "/"), rule);
	parsed.type = value_of(types, strsep(&rest, "/"), rule);
	parsed.protocol = value_of(protocols, strsep(&rest, "/"), rule);
	if (rest)
		misuse("rule %s: \"%s\" is too much after FAMILY/TYPE/PROTOCOL", rule, rest);
	return parsed;
}

static void print(const struct name *names, unsigned int value, char end)
{
	for (; names->name; names++) {
		if (names->value == value) {
			printf("%s%c", names->name, end);
			return;
		}
	}
	printf("%u%c", value, end);
}

static int show(int cgroup, const char *path, struct deny_bpf *skel)
{
	int program = find_program(cgroup, skel->progs.deny_create);
	typeof(*skel->bss) set;
	int map, zero = 0;

	if (program < 0)
		fail("%s: no sockets are denied here; deny %s RULE... does so", path, path);
	map = find_map(program, skel->maps.bss);
	if (map < 0 || bpf_map_lookup_elem(map, &zero, &set))
		fail("%s: cannot read the rules; attach them anew", path);
	for (unsigned int i = 0; i < set.count && i < MAX_RULES; i++) {
		print(families, set.rules[i].family, '/');
		print(types, set.rules[i].type, '/');
		print(protocols, set.rules[i].protocol, '\n');
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
	struct deny_rule rules[MAX_RULES] = {};
	int c, cgroup, i, count, action = 0;
	struct deny_bpf *skel;

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
	count = argc - optind - 1;
	if (action && count)
		misuse("this wants a CGROUP and nothing else");
	if (!action && count < 1)
		misuse("a CGROUP and at least one RULE are wanted");
	if (count > MAX_RULES)
		misuse("%d rules are more than %d", count, MAX_RULES);
	for (i = 0; i < count; i++)
		rules[i] = parse(argv[optind + 1 + i]);

	begin();
	cgroup = open_cgroup(argv[optind]);
	skel = deny_bpf__open();
	if (!skel)
		fail("cannot open the program: %s", strerror(errno));
	if (action == 's')
		return show(cgroup, argv[optind], skel);
	if (action == 'c') {
		if (!clear_programs(cgroup, skel->obj))
			fail("%s: there was nothing to clear", argv[optind]);
		return 0;
	}
	memcpy(skel->bss->rules, rules, sizeof(rules));
	skel->bss->count = count;
	load_programs(skel->obj);
	return attach_programs(cgroup, skel->obj) ? 0 : 1;
}
