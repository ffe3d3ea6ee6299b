// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "firewall.h"
#include "firewall.skel.h"
#include "rules.h"
#include "tools.h"

#define TOOL "firewall"

/* The keys of a map, and how many there are. */
static void *all_keys(int map, size_t size, size_t *count)
{
	size_t room = 64;
	char *keys = allocate(room * size);

	for (*count = 0; !bpf_map_get_next_key(map, *count ? keys + (*count - 1) * size : NULL,
					       keys + *count * size);) {
		if (++*count < room)
			continue;
		room *= 2;
		keys = reallocarray(keys, room, size);
		if (!keys)
			fail("out of memory");
	}
	return keys;
}

/* Removes what is not of this generation. */
static void sweep(const struct firewall_bpf *skel, unsigned int generation)
{
	int prefixes = bpf_map__fd(skel->maps.prefixes), ports = bpf_map__fd(skel->maps.ports);
	int texts = bpf_map__fd(skel->maps.texts);
	struct prefix_key *prefix;
	struct text_key *piece;
	struct port_key *port;
	size_t count, i;

	prefix = all_keys(prefixes, sizeof(*prefix), &count);
	for (i = 0; i < count; i++)
		if (prefix[i].generation != generation)
			bpf_map_delete_elem(prefixes, &prefix[i]);
	free(prefix);
	port = all_keys(ports, sizeof(*port), &count);
	for (i = 0; i < count; i++)
		if (port[i].list >> LIST_GENERATION != generation)
			bpf_map_delete_elem(ports, &port[i]);
	free(port);
	piece = all_keys(texts, sizeof(*piece), &count);
	for (i = 0; i < count; i++)
		if (piece[i].generation != generation)
			bpf_map_delete_elem(texts, &piece[i]);
	free(piece);
}

static int same_id(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static __u64 *sorted_ids(const struct rules *rules)
{
	__u64 *ids = allocate(rules->count * sizeof(*ids));

	for (unsigned int i = 0; i < rules->count; i++)
		ids[i] = rules->rule[i].id;
	qsort(ids, rules->count, sizeof(*ids), same_id);
	return ids;
}

/* The counters of rules that are gone. */
static void sweep_hits(int hits, const struct rules *rules)
{
	__u64 *ids = sorted_ids(rules), *keys;
	size_t count, i;

	keys = all_keys(hits, sizeof(*keys), &count);
	for (i = 0; i < count; i++)
		if (!bsearch(&keys[i], ids, rules->count, sizeof(*ids), same_id))
			bpf_map_delete_elem(hits, &keys[i]);
	free(keys);
	free(ids);
}

/* A rule that was there before keeps its counter. */
static int add_hits(int hits, const struct rules *rules)
{
	const __u64 zero = 0;

	for (unsigned int i = 0; i < rules->count; i++)
		if (bpf_map_update_elem(hits, &rules->rule[i].id, &zero, BPF_NOEXIST) &&
		    errno != EEXIST)
			return -errno;
	return 0;
}

static int store_text(int texts, unsigned int generation, const struct rules *rules)
{
	struct text_key key = { .generation = generation };
	struct piece piece;
	char *all = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&all, &size);
	int err = 0;

	if (!stream)
		fail("out of memory");
	for (unsigned int i = 0; i < rules->count; i++)
		fprintf(stream, "%s\t%d\t%s\n", rules->rule[i].file, rules->rule[i].line,
			rules->rule[i].text);
	fclose(stream);
	for (size_t done = 0; done < size && !err; done += sizeof(piece), key.number++) {
		memset(&piece, 0, sizeof(piece));
		memcpy(&piece, all + done,
		       size - done < sizeof(piece) ? size - done : sizeof(piece));
		err = bpf_map_update_elem(texts, &key, &piece, BPF_ANY);
	}
	free(all);
	return err;
}

/* Waits for programs that may still look at the generation before. */
static bool wait_for_programs(void)
{
	return !syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/* A generation that is there already stays in effect if this fails. */
static int fill(const struct firewall_bpf *skel, unsigned int generation, const struct rules *rules)
{
	return add_hits(bpf_map__fd(skel->maps.hits), rules) ?:
	       store_text(bpf_map__fd(skel->maps.texts), generation, rules) ?:
	       compile_rules(rules, generation, bpf_map__fd(skel->maps.prefixes),
			     bpf_map__fd(skel->maps.ports));
}

/* Where the kernel has no such function, libbpf looks into modules for it. */
static void need_btf(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool found = kernel && btf__find_by_name_kind(kernel, "bpf_cgroup_sock_port_chosen",
						      BTF_KIND_FUNC) > 0;

	btf__free(kernel);
	if (!found && !have_capability(CAP_SYS_ADMIN))
		fail("CAP_SYS_ADMIN is missing, which this kernel asks for here; try sudo");
}

/* The programs' variable: one word, which they see before or after. */
static void switch_to(int bss, __u32 generation)
{
	const __u32 zero = 0;

	if (bpf_map_update_elem(bss, &zero, &generation, BPF_ANY))
		fail("cannot switch to the new rules: %s; the old ones stay", strerror(errno));
}

bool set_firewall(const struct place *place, const struct rules *rules)
{
	struct firewall_bpf *skel = firewall_bpf__open();
	__u32 before = 0, after, zero = 0;
	bool done = false, known;
	int err, bss;

	if (!skel)
		fail("cannot open the programs: %s", strerror(errno));
	need_btf();
	known = reuse_maps(place, TOOL, skel->obj);
	load_programs(skel->obj);
	bss = bpf_map__fd(skel->maps.bss);
	if (known && bpf_map_lookup_elem(bss, &zero, &before))
		fail("cannot read which rules are in effect: %s", strerror(errno));
	after = before == 1 ? 2 : 1;
	/* What a run left that was killed. */
	sweep(skel, before);
	err = fill(skel, after, rules);
	if (err) {
		complain("the kernel does not take the rules: %s; nothing was changed",
			 strerror(-err));
	} else {
		if (!before)
			switch_to(bss, after);
		done = attach_programs(place, TOOL, skel->obj);
	}
	if (done)
		switch_to(bss, after);
	/* What cannot be waited for stays until the next time. */
	if (wait_for_programs())
		sweep(skel, done ? after : before);
	if (done)
		sweep_hits(bpf_map__fd(skel->maps.hits), rules);
	firewall_bpf__destroy(skel);
	return done;
}

/* All lines of the rules in effect; NULL if there are none. */
static char *stored_text(const struct place *place)
{
	int texts = open_map(place, TOOL, "texts"), bss = open_map(place, TOOL, "firewall_bss");
	struct text_key key = {};
	struct piece piece;
	char *all = NULL;
	size_t size = 0;
	FILE *stream;
	__u32 zero = 0;

	if (texts < 0 || bss < 0 || bpf_map_lookup_elem(bss, &zero, &key.generation))
		return NULL;
	stream = open_memstream(&all, &size);
	for (; !bpf_map_lookup_elem(texts, &key, &piece); key.number++)
		fwrite(&piece, 1, strnlen(piece.text, sizeof(piece.text)), stream);
	fclose(stream);
	close(texts);
	close(bss);
	return all;
}

static void show_rule(struct json_object *list, const struct place *place, const char *file,
		      const char *line, const char *words, __u64 hits)
{
	struct json_object *rule;

	if (!want_json) {
		printf("%12llu  %s\n", hits, words);
		return;
	}
	rule = json_object_new_object();
	json_object_object_add(rule, "rule", json_object_new_string(words));
	json_object_object_add(rule, "file", json_object_new_string(file));
	json_object_object_add(rule, "line", json_object_new_int(atoi(line)));
	json_object_object_add(rule, "hits", json_object_new_int64(hits));
	json_object_object_add(rule, "cgroup", json_object_new_string(place->name));
	json_object_array_add(list, rule);
}

static int show(const struct place *asked)
{
	struct json_object *list = want_json ? json_object_new_array() : NULL;
	char *all, *rest, *one;
	struct place place;
	int map;

	if (!find_tool(asked, TOOL, &place))
		fail("%s: no rules here; cgsock firewall %s RULES sets some", asked->name,
		     asked->name);
	need_tool(&place, TOOL);
	all = stored_text(&place);
	map = open_map(&place, TOOL, "hits");
	if (!all || map < 0)
		fail("%s: cannot read the rules; set them anew", place.name);
	if (!want_json && strcmp(place.name, asked->name))
		printf("inherited from %s\n", place.name);
	rest = all;
	while ((one = strsep(&rest, "\n")) && *one) {
		char *file = strsep(&one, "\t"), *line = strsep(&one, "\t");
		__u64 id = hash_of_rule(one), hits = 0;

		bpf_map_lookup_elem(map, &id, &hits);
		show_rule(list, &place, file, line, one, hits);
	}
	if (want_json)
		print_json(list);
	free(all);
	close(map);
	return 0;
}

char *lines_in_effect(const struct place *place)
{
	char *all = stored_text(place), *rest = all, *one, *lines = NULL;
	size_t size;
	FILE *stream = open_memstream(&lines, &size);

	while ((one = strsep(&rest, "\n")) && *one) {
		strsep(&one, "\t");
		strsep(&one, "\t");
		fprintf(stream, "%s\n", one);
	}
	fclose(stream);
	free(all);
	return lines;
}

char *rule_by_id(const struct place *place, __u64 id)
{
	char *all = stored_text(place), *rest = all, *one, *found = NULL;

	while (!found && (one = strsep(&rest, "\n"))) {
		char *file = strsep(&one, "\t"), *line = strsep(&one, "\t");

		if (one && hash_of_rule(one) == id)
			found = *line == '0' ? text("%s", one) :
				text("%s:%s: %s", file, line, one);
	}
	free(all);
	return found;
}

static unsigned int index_of(const char * const *names, unsigned int count, const char *name)
{
	unsigned int i;

	for (i = 0; i < count && strcmp(names[i], name); i++)
		;
	return i;
}

/* What the programs make of it: see check_peer4() and check_peer6(). */
static const struct rule *ask_as_programs(const struct rules *rules, unsigned int direction,
					  enum protocol protocol, struct endpoint endpoint)
{
	bool is_peer = direction == CALL_CONNECT || direction == CALL_SEND;
	const struct endpoint loopback = {
		.family = AF_INET, .port = endpoint.port, .ip = { htonl(INADDR_LOOPBACK) }
	};
	const struct rule *rule;

	if (endpoint.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(endpoint.ip)) {
		endpoint.family = AF_INET;
		endpoint.ip[0] = endpoint.ip[3];
	}
	if (is_peer && endpoint.family == AF_INET && !endpoint.ip[0])
		endpoint = loopback;
	if (is_peer && endpoint.family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(endpoint.ip)) {
		rule = ask_rules(rules, direction, protocol, &loopback);
		if (rule->refuse)
			return rule;
		endpoint.ip[3] = htonl(1);
	}
	return ask_rules(rules, direction, protocol, &endpoint);
}

/* firewall test RULES CALL PROTOCOL ADDRESS */
static int try_rules(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	const struct rule *rule;
	unsigned int direction, protocol;
	struct endpoint endpoint = {};
	struct json_object *answer;
	struct rules *rules;

	optind = 0;
	next_option(argc, argv, "", options);
	argc -= optind;
	argv += optind;
	if (argc != 4)
		misuse("test wants RULES CALL PROTOCOL ADDRESS[:PORT]");
	rules = read_rules(argv[0]);
	direction = index_of(direction_names, DIRECTIONS, argv[1]);
	if (direction == DIRECTIONS)
		bad_value("\"%s\" is not a call: connect, send, bind or listen", argv[1]);
	protocol = index_of(protocol_names, PROTOCOLS, argv[2]);
	if (protocol == PROTOCOLS)
		bad_value("\"%s\" is not a protocol: tcp, udp, sctp, icmp, raw or other", argv[2]);
	endpoint.family = strchr(argv[3], ':') ? AF_INET6 : AF_INET;
	if (protocol == ICMP || protocol == RAW) {
		if (inet_pton(endpoint.family, argv[3], endpoint.ip) != 1)
			bad_value("\"%s\" is not an address; %s has no ports", argv[3], argv[2]);
	} else if (!parse_endpoint(argv[3], &endpoint)) {
		bad_value("\"%s\" is not ADDRESS:PORT: 192.0.2.1:80 or [2001:db8::1]:80", argv[3]);
	}
	rule = ask_as_programs(rules, direction, protocol, endpoint);
	if (want_json) {
		answer = json_object_new_object();
		json_object_object_add(answer, "verdict",
				       json_object_new_string(rule->refuse ? "refuse" : "allow"));
		json_object_object_add(answer, "rule", json_object_new_string(rule->text));
		json_object_object_add(answer, "file", json_object_new_string(rule->file));
		json_object_object_add(answer, "line", json_object_new_int(rule->line));
		print_json(answer);
	} else if (rule->line) {
		printf("%s: %s:%d: %s\n", rule->refuse ? "refuse" : "allow", rule->file, rule->line,
		       rule->text);
	} else {
		printf("%s: no rule fits, and there is no default line\n",
		       rule->refuse ? "refuse" : "allow");
	}
	return 0;
}

int cmd_firewall(int argc, char **argv)
{
	static const struct option options[] = {
		{ "show", no_argument, NULL, 's' },
		{ "clear", no_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'n' },
		COMMON_OPTIONS
	};
	struct rules *rules = NULL;
	struct place place;
	int c, action = 0;

	while ((c = next_option(argc, argv, "scn", options)) != -1)
		action = c;
	argc -= optind;
	argv += optind;
	if (!action && argc && !strcmp(argv[0], "test"))
		return try_rules(argc, argv);
	if (argc != (action ? 1 : 2))
		misuse(action == 'n' ? "--check wants a RULES file and nothing else" :
		       action ? "this wants a CGROUP and nothing else" :
		       "a CGROUP and a RULES file are wanted");
	if (action == 'n') {
		read_rules(argv[0]);
		return 0;
	}
	if (!action)
		rules = read_rules(argv[1]);
	if (action == 'c')
		find_place_to_clear(&place, argv[0]);
	else
		find_place(&place, argv[0]);
	if (action == 's') {
		begin_look();
		return show(&place);
	}
	begin_change_at(&place);
	if (action == 'c')
		return clear_tool(&place, TOOL);
	need_no_file(&place, TOOL);
	return set_firewall(&place, rules) ? 0 : 1;
}
