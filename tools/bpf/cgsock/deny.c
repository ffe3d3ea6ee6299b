// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "deny.h"
#include "deny.skel.h"
#include "tools.h"

#define TOOL "deny"

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
static bool value_of(const struct name *names, const char *word, unsigned int *value)
{
	*value = ANY;
	if (!word)
		return true;
	for (; names->name; names++) {
		if (strcmp(names->name, word))
			continue;
		*value = names->value;
		return true;
	}
	return false;
}

char *parse_kind(const char *rule, struct kind *kind)
{
	char *copy = text("%s", rule), *rest = copy;
	char *family = strsep(&rest, "/"), *type = strsep(&rest, "/");
	char *protocol = strsep(&rest, "/"), *error = NULL;

	if (!value_of(families, family, &kind->family))
		error = text("\"%s\" is not a family: inet, inet6 or any", family);
	else if (!value_of(types, type, &kind->type))
		error = text("\"%s\" is not a type: stream, dgram, raw, seqpacket or any", type);
	else if (!value_of(protocols, protocol, &kind->protocol) &&
		 !read_number(protocol, 0, UINT16_MAX, &kind->protocol))
		error = text("\"%s\" is not a protocol: a name, a number or any", protocol);
	else if (rest)
		error = text("\"%s\" is too much after FAMILY/TYPE/PROTOCOL", rest);
	free(copy);
	return error;
}

static const char *name_of(const struct name *names, unsigned int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

char *show_kind(const struct kind *kind)
{
	const char *protocol = name_of(protocols, kind->protocol);
	char *number = text("%u", kind->protocol);
	char *shown = text("%s/%s/%s", name_of(families, kind->family), name_of(types, kind->type),
			   protocol ?: number);

	free(number);
	return shown;
}

/* Counters of kinds that are there already stay, those of others go. */
static void renew_hits(int hits, const struct kinds *kinds)
{
	struct kind key, *last = NULL, gone[2 * MAX_KINDS];
	unsigned int count = 0, i;
	const __u64 zero = 0;

	while (!bpf_map_get_next_key(hits, last, &key)) {
		last = &key;
		for (i = 0; i < kinds->count && memcmp(&key, &kinds->kind[i], sizeof(key)); i++)
			;
		if (i == kinds->count && count < 2 * MAX_KINDS)
			gone[count++] = key;
	}
	while (count--)
		bpf_map_delete_elem(hits, &gone[count]);
	for (i = 0; i < kinds->count; i++)
		bpf_map_update_elem(hits, &kinds->kind[i], &zero, BPF_NOEXIST);
}

/* Fills in the half that is not in effect, then switches. */
static int put_kinds(int map, int bss, const struct kinds *kinds)
{
	__u32 zero = 0, number;
	struct deny deny;
	int err = bpf_map_lookup_elem(bss, &zero, &deny);

	deny.current = !deny.current;
	deny.count[deny.current] = kinds->count;
	for (__u32 i = 0; i < kinds->count && !err; i++) {
		number = deny.current * MAX_KINDS + i;
		err = bpf_map_update_elem(map, &number, &kinds->kind[i], BPF_ANY);
	}
	return err ?: bpf_map_update_elem(bss, &zero, &deny, BPF_ANY);
}

bool set_deny(const struct place *place, const struct kinds *kinds)
{
	struct deny_bpf *skel = deny_bpf__open();
	bool known, done;
	int err = 0;

	if (!skel)
		fail("cannot open the program: %s", strerror(errno));
	known = reuse_maps(place, TOOL, skel->obj);
	load_programs(skel->obj);
	if (!known)
		err = put_kinds(bpf_map__fd(skel->maps.kinds), bpf_map__fd(skel->maps.bss), kinds);
	done = !err && attach_programs(place, TOOL, skel->obj);
	if (done && known)
		err = put_kinds(bpf_map__fd(skel->maps.kinds), bpf_map__fd(skel->maps.bss), kinds);
	if (err)
		fail("the kernel does not take the rules: %s; nothing was changed", strerror(-err));
	if (done)
		renew_hits(bpf_map__fd(skel->maps.hits), kinds);
	deny_bpf__destroy(skel);
	return done;
}

bool read_deny(const struct place *place, struct kinds *kinds)
{
	int map = open_map(place, TOOL, "kinds"), bss = open_map(place, TOOL, "deny_bpf_bss");
	__u32 zero = 0, number;
	struct deny deny;
	bool done;

	done = map >= 0 && bss >= 0 && !bpf_map_lookup_elem(bss, &zero, &deny);
	kinds->count = done ? deny.count[deny.current & 1] : 0;
	for (__u32 i = 0; done && i < kinds->count; i++) {
		number = deny.current * MAX_KINDS + i;
		done = !bpf_map_lookup_elem(map, &number, &kinds->kind[i]);
	}
	close(map);
	close(bss);
	return done;
}

char *kind_by_number(const struct place *place, unsigned int number)
{
	struct kinds kinds;

	if (!read_deny(place, &kinds) || number >= kinds.count)
		return NULL;
	return show_kind(&kinds.kind[number]);
}

static int show(const struct place *asked)
{
	struct json_object *list = NULL, *one;
	struct kinds kinds;
	struct place place;
	int map;

	if (!find_tool(asked, TOOL, &place))
		fail("%s: no sockets are denied here; cgsock deny %s RULE... does so", asked->name,
		     asked->name);
	need_tool(&place, TOOL);
	map = open_map(&place, TOOL, "hits");
	if (!read_deny(&place, &kinds) || map < 0)
		fail("%s: cannot read the rules; set them anew", place.name);
	if (want_json)
		list = json_object_new_array();
	else if (strcmp(place.name, asked->name))
		printf("inherited from %s\n", place.name);
	for (unsigned int i = 0; i < kinds.count; i++) {
		char *kind = show_kind(&kinds.kind[i]);
		__u64 hits = 0;

		bpf_map_lookup_elem(map, &kinds.kind[i], &hits);
		if (want_json) {
			one = json_object_new_object();
			json_object_object_add(one, "rule", json_object_new_string(kind));
			json_object_object_add(one, "hits", json_object_new_int64(hits));
			json_object_object_add(one, "cgroup", json_object_new_string(place.name));
			json_object_array_add(list, one);
		} else {
			printf("%12llu  %s\n", hits, kind);
		}
		free(kind);
	}
	if (want_json)
		print_json(list);
	return 0;
}

int cmd_deny(int argc, char **argv)
{
	static const struct option options[] = {
		{ "show", no_argument, NULL, 's' },
		{ "clear", no_argument, NULL, 'c' },
		COMMON_OPTIONS
	};
	struct kinds kinds = {};
	int c, i, count, action = 0;
	struct place place;

	while ((c = next_option(argc, argv, "sc", options)) != -1)
		action = c;
	count = argc - optind - 1;
	if (action && count)
		misuse("this wants a CGROUP and nothing else");
	if (!action && count < 1)
		misuse("a CGROUP and at least one RULE are wanted");
	if (count > MAX_KINDS)
		misuse("%d rules are more than %d", count, MAX_KINDS);
	for (i = 0; i < count; i++) {
		char *error = parse_kind(argv[optind + 1 + i], &kinds.kind[kinds.count++]);

		if (error)
			bad_value("rule %s: %s", argv[optind + 1 + i], error);
	}
	if (action == 'c')
		find_place_to_clear(&place, argv[optind]);
	else
		find_place(&place, argv[optind]);
	if (action == 's') {
		begin_look();
		return show(&place);
	}
	begin_change_at(&place);
	if (action == 'c')
		return clear_tool(&place, TOOL);
	need_no_file(&place, TOOL);
	return set_deny(&place, &kinds) ? 0 : 1;
}
