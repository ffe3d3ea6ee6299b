// SPDX-License-Identifier: GPL-2.0
/* What is attached: by cgsock anywhere, or by anybody to one cgroup and those above it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "hooks.h"
#include "tools.h"
#include "vrf.h"

#define MOST 64		/* programs of a hook */

static struct json_object *list;

static void add(struct json_object *one, const char *key, const char *value)
{
	json_object_object_add(one, key, value ? json_object_new_string(value) : NULL);
}

/* --- all that cgsock attached */

static struct attached last;

static void show_tool(const struct attached *attached, void *data)
{
	struct vrf_settings settings;
	struct json_object *one;
	struct place place;
	char *problem = NULL;

	(void)data;
	if (last.cgroup && !strcmp(last.cgroup, attached->cgroup) &&
	    !strcmp(last.tool, attached->tool))
		return;
	last = *attached;
	place_of(&place, attached->cgroup);
	if (attached->lost)
		problem = text("not in effect: the cgroup %s; set it again",
			       place.fd < 0 ? "is gone" : "was made anew");
	else if (!strcmp(attached->tool, "vrf") && read_vrf(&place, &settings))
		problem = lost_device(&settings);
	if (want_json) {
		one = json_object_new_object();
		add(one, "cgroup", attached->cgroup);
		add(one, "tool", attached->tool);
		add(one, "problem", problem);
		json_object_array_add(list, one);
	} else {
		printf("%-12s %s%s%s\n", attached->tool, attached->cgroup,
		       problem ? "  PROBLEM: " : "", problem ?: "");
	}
	free(problem);
	close(place.fd);
}

static void show_unit(const struct pinned *pinned, void *data)
{
	struct json_object *one;
	static char *before;
	char *key = text("%s/%s", pinned->owner, pinned->tool);

	(void)data;
	if (!pinned->is_unit || (before && !strcmp(before, key))) {
		free(key);
		return;
	}
	free(before);
	before = key;
	if (want_json) {
		one = json_object_new_object();
		add(one, "unit", pinned->owner);
		add(one, "tool", pinned->tool);
		json_object_array_add(list, one);
	} else {
		printf("%-12s unit of /etc/cgsock/%s.conf\n", pinned->tool, pinned->owner);
	}
}

/* --- one cgroup */

static struct {
	__u32 id;
	char *tool;
} known[4096];
static unsigned int known_count;

static void remember(const struct pinned *pinned, void *data)
{
	(void)data;
	if (known_count == sizeof(known) / sizeof(*known))
		return;
	known[known_count].id = pinned->program_id;
	known[known_count++].tool = text("%s", pinned->tool);
}

static const char *tool_of(__u32 id)
{
	for (unsigned int i = 0; i < known_count; i++)
		if (known[i].id == id)
			return known[i].tool;
	return NULL;
}

/* The cgroup from @place upwards that has the program itself. */
static char *holder_of(const struct place *place, enum bpf_attach_type type, __u32 id)
{
	char *name = text("%s", place->name), *slash;

	for (;;) {
		__u32 ids[MOST], count = MOST, i;
		struct place at;

		place_of(&at, *name ? name : "/");
		if (bpf_prog_query(at.fd, type, 0, NULL, ids, &count))
			count = 0;
		close(at.fd);
		for (i = 0; i < count; i++)
			if (ids[i] == id)
				return text("%s", at.name);
		slash = strrchr(name, '/');
		if (!slash || !strcmp(name, "/"))
			return text("?");
		*slash = '\0';
	}
}

static void show_program(const struct place *place, const char *hook, enum bpf_attach_type type,
			 __u32 id, unsigned int order)
{
	char *name = name_of_program(id), *holder = holder_of(place, type, id);
	const char *tool = tool_of(id);
	struct json_object *one;

	if (want_json) {
		one = json_object_new_object();
		add(one, "hook", hook);
		json_object_object_add(one, "order", json_object_new_int(order));
		json_object_object_add(one, "id", json_object_new_int64(id));
		add(one, "program", name);
		add(one, "tool", tool);
		add(one, "cgroup", holder);
		json_object_array_add(list, one);
	} else {
		printf("%-13s %2u  %-16s %-10s %s%s\n", hook, order, name, tool ?: "(others)",
		       strcmp(holder, place->name) ? "inherited from " : "", holder);
	}
	free(name);
	free(holder);
}

static void show_place(const struct place *place)
{
	see_pinned(remember, NULL);
	for (unsigned int i = 0; i < HOOKS; i++) {
		char *section = text("cgroup/%s", hooks[i]);
		__u32 ids[MOST], count = MOST;
		enum bpf_prog_type program_type;
		enum bpf_attach_type type;

		if (!libbpf_prog_type_by_name(section, &program_type, &type) &&
		    !bpf_prog_query(place->fd, type, BPF_F_QUERY_EFFECTIVE, NULL, ids, &count))
			for (__u32 j = 0; j < count; j++)
				show_program(place, hooks[i], type, ids[j], j + 1);
		free(section);
	}
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	struct place place;

	if (next_option(argc, argv, "", options) != -1 || argc - optind > 1)
		misuse("one CGROUP at most is wanted");
	begin_look();
	list = json_object_new_array();
	if (argc - optind) {
		find_place(&place, argv[optind]);
		show_place(&place);
	} else {
		see_attached(show_tool, NULL);
		see_pinned(show_unit, NULL);
	}
	if (want_json)
		print_json(list);
	return 0;
}
