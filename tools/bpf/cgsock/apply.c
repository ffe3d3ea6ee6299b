// SPDX-License-Identifier: GPL-2.0
/*
 * What /etc/cgsock/NAME.conf describes, attached, or compared with what is attached. The programs
 * of a unit are pinned for systemd, which attaches them to each cgroup that it makes for the
 * unit, before the first process; a drop-in file says so.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgsock.h"
#include "deny.h"
#include "rules.h"
#include "tools.h"
#include "vrf.h"

#define FOLDER	"/etc/cgsock"
#define UNITS	"/etc/systemd/system"

struct conf {
	const char *name;
	char *file;
	int line;
	char *cgroup;
	char *unit;
	char *device;		/* of the VRF */
	unsigned int mark;
	unsigned int priority;
	struct kinds kinds;
	struct rules *rules;	/* NULL if there are none */
};

static noreturn __printf(2, 3) void bad(const struct conf *conf, const char *format, ...)
{
	va_list args;
	char *message;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		fail("out of memory");
	va_end(args);
	fail("%s:%d: %s", conf->file, conf->line, message);
}

static void read_place(struct conf *conf, char **slot, char **words)
{
	if (conf->cgroup || conf->unit)
		bad(conf, "a second \"%s\"; a file is for one cgroup or unit", words[0]);
	if (!words[1] || words[2])
		bad(conf, "%s wants one word", words[0]);
	*slot = text("%s", words[1]);
}

static void read_vrf_line(struct conf *conf, char **words)
{
	int i;

	if (conf->device)
		bad(conf, "a second \"vrf\"");
	if (!words[1])
		bad(conf, "vrf wants a DEVICE");
	conf->device = text("%s", words[1]);
	for (i = 2; words[i]; i += 2) {
		bool is_mark = !strcmp(words[i], "mark");

		if (!is_mark && strcmp(words[i], "priority"))
			bad(conf, "\"%s\" is neither mark nor priority", words[i]);
		if (!words[i + 1] || !read_number(words[i + 1], 0, is_mark ? UINT32_MAX : INT32_MAX,
						  is_mark ? &conf->mark : &conf->priority))
			bad(conf, "%s wants a number", words[i]);
	}
}

static void read_deny_line(struct conf *conf, char **words)
{
	char *error;

	if (!words[1])
		bad(conf, "deny wants a RULE");
	for (int i = 1; words[i]; i++) {
		if (conf->kinds.count == MAX_KINDS)
			bad(conf, "more than %d kinds of sockets", MAX_KINDS);
		error = parse_kind(words[i], &conf->kinds.kind[conf->kinds.count++]);
		if (error)
			bad(conf, "%s", error);
	}
}

static bool is_rule(const struct conf *conf, const char *word)
{
	if (strcmp(word, "allow") && strcmp(word, "refuse") && strcmp(word, "default") &&
	    strcmp(word, "include"))
		bad(conf, "\"%s\" is none of cgroup, unit, vrf, deny and the words of rules", word);
	return true;
}

/* True if the line is one for the firewall. */
static bool read_line(struct conf *conf, char *line)
{
	char *words[68] = {}, *rest = line;
	int count = 0;

	line[strcspn(line, "#\n")] = '\0';
	while (count < 67 && (words[count] = strtok_r(rest, " \t\r", &rest)))
		count++;
	if (!count)
		return false;
	if (!strcmp(words[0], "cgroup"))
		read_place(conf, &conf->cgroup, words);
	else if (!strcmp(words[0], "unit"))
		read_place(conf, &conf->unit, words);
	else if (!strcmp(words[0], "vrf"))
		read_vrf_line(conf, words);
	else if (!strcmp(words[0], "deny"))
		read_deny_line(conf, words);
	else
		return is_rule(conf, words[0]);
	return false;
}

static void read_conf(struct conf *conf, const char *name)
{
	char *line = NULL, *rules = NULL, *copy;
	size_t size = 0, rules_size = 0;
	bool has_rules = false;
	FILE *file, *to_rules;

	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && (*c != '-' || c == name))
			misuse("\"%s\" is not a name of letters, digits, _ and -", name);
	memset(conf, 0, sizeof(*conf));
	conf->name = name;
	conf->file = text(FOLDER "/%s.conf", name);
	file = fopen(conf->file, "re");
	if (!file)
		fail("%s: %s", conf->file, strerror(errno));
	to_rules = open_memstream(&rules, &rules_size);
	if (!to_rules)
		fail("out of memory");
	while (getline(&line, &size, file) > 0) {
		conf->line++;
		copy = text("%s", line);
		/* An empty one in its place keeps the numbers of the lines. */
		if (read_line(conf, copy))
			has_rules = fputs(line, to_rules) >= 0;
		else
			fputc('\n', to_rules);
		free(copy);
	}
	fclose(file);
	fclose(to_rules);
	if (!conf->cgroup && !conf->unit)
		fail("%s: there is neither a \"cgroup\" nor a \"unit\"", conf->file);
	if (has_rules) {
		file = fmemopen(rules, rules_size, "r");
		conf->rules = read_rules_from(file, conf->file);
		fclose(file);
	}
	if (!conf->device && !conf->kinds.count && !conf->rules)
		fail("%s: there is nothing to attach: no vrf, deny or rule", conf->file);
	free(line);
}

static void place_of_conf(const struct conf *conf, struct place *place)
{
	if (conf->unit)
		unit_place(place, conf->name, conf->unit);
	else
		find_place(place, conf->cgroup);
}

static void settings_of(const struct conf *conf, struct vrf_settings *settings)
{
	if (!find_device(conf->device, settings))
		fail("%s: vrf %s: no such device in this network namespace; ip link lists them",
		     conf->file, conf->device);
	settings->mark = conf->mark;
	settings->priority = conf->priority;
}

static bool has_tool(const struct place *place, const char *tool)
{
	char *path = text("%s/%s", place->pins, tool);
	bool has = !access(path, F_OK);

	free(path);
	return has;
}

/* A step that failed leaves nothing of those before it that is new. */
static bool attach_conf(const struct conf *conf, const struct place *place)
{
	static const char * const tools[] = { "vrf", "deny", "firewall" };
	bool before[3], done[3] = { true, true, true };
	struct vrf_settings settings;
	int i;

	if (conf->device)
		settings_of(conf, &settings);
	for (i = 0; i < 3; i++)
		before[i] = has_tool(place, tools[i]);
	if (conf->device)
		done[0] = set_vrf(place, &settings);
	if (done[0] && conf->kinds.count)
		done[1] = set_deny(place, &conf->kinds);
	if (done[0] && done[1] && conf->rules)
		done[2] = set_firewall(place, conf->rules);
	if (done[0] && done[1] && done[2]) {
		if (!conf->device)
			detach_programs(place, "vrf");
		if (!conf->kinds.count)
			detach_programs(place, "deny");
		if (!conf->rules)
			detach_programs(place, "firewall");
		return true;
	}
	for (i = 0; i < 3; i++)
		if (!before[i])
			detach_programs(place, tools[i]);
	return false;
}

static void daemon_reload(void)
{
	pid_t pid;

	if (access("/run/systemd/system", F_OK))
		return;
	pid = fork();
	if (!pid) {
		execlp("systemctl", "systemctl", "daemon-reload", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static const char *own_path(void)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		fail("/proc/self/exe: %s", strerror(errno));
	path[length] = '\0';
	return path;
}

static char *drop_in_path(const struct conf *conf)
{
	return text(UNITS "/%s.d/cgsock-%s.conf", conf->unit, conf->name);
}

/* Without cgsock@NAME.service, which pins the programs, the unit does not start. */
static char *drop_in_text(const struct conf *conf, const struct place *place)
{
	char *written = NULL, *lines = program_lines(place);
	size_t size;
	FILE *stream = open_memstream(&written, &size);

	fprintf(stream, "# Written by cgsock apply %s.\n", conf->name);
	fprintf(stream, "[Unit]\nRequires=cgsock@%s.service\nAfter=cgsock@%s.service\n\n[%c%s]\n%s",
		conf->name, conf->name, toupper(strrchr(conf->unit, '.')[1]),
		strrchr(conf->unit, '.') + 2, lines);
	/* systemd 252 attaches the programs at the first start after a reload only. */
	if (!strcmp(strrchr(conf->unit, '.'), ".service"))
		fprintf(stream, "ExecCondition=+%s apply --start %s\n", own_path(), conf->name);
	fclose(stream);
	free(lines);
	return written;
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");
	char *all = NULL;
	size_t size = 0;

	if (file && getdelim(&all, &size, '\0', file) < 0) {
		free(all);
		all = NULL;
	}
	if (file)
		fclose(file);
	return all;
}

static void write_drop_in(const struct conf *conf, const struct place *place)
{
	char *folder = text(UNITS "/%s.d", conf->unit), *path = drop_in_path(conf);
	char *want = drop_in_text(conf, place), *have = read_whole(path);
	char *new = text("%s.new", path);
	FILE *file;

	if (!have || strcmp(have, want)) {
		mkdir(folder, 0755);
		file = fopen(new, "we");
		if (!file || fputs(want, file) < 0 || fclose(file) || rename(new, path))
			fail("%s: %s; new cgroups of %s will not have the programs", path,
			     strerror(errno), conf->unit);
		daemon_reload();
	}
	free(have);
	free(want);
	free(path);
	free(new);
	free(folder);
}

static int clear(const struct conf *conf, const struct place *place)
{
	char *path;

	detach_programs(place, "vrf");
	detach_programs(place, "deny");
	detach_programs(place, "firewall");
	if (!conf->unit)
		return 0;
	path = drop_in_path(conf);
	if (!unlink(path))
		daemon_reload();
	free(path);
	return 0;
}

/* To an ExecCondition only 255 is a failure; others would skip the unit without a word. */
static void fail_the_unit(int status, void *data)
{
	(void)data;
	if (status)
		_exit(255);
}

int cmd_apply(int argc, char **argv)
{
	static const struct option options[] = {
		{ "clear", no_argument, NULL, 'c' },
		{ "start", no_argument, NULL, 's' },
		COMMON_OPTIONS
	};
	struct place place;
	struct conf conf;
	int c, action = 0;

	while ((c = next_option(argc, argv, "cs", options)) != -1)
		action = c;
	if (action == 's')
		on_exit(fail_the_unit, NULL);
	if (argc - optind != 1)
		misuse("one NAME is wanted, of " FOLDER "/NAME.conf");
	read_conf(&conf, argv[optind]);
	place_of_conf(&conf, &place);
	begin_change();
	if (action == 'c')
		return clear(&conf, &place);
	if (!attach_conf(&conf, &place))
		return 1;
	if (action == 's')
		return 0;
	if (conf.device)
		hint_at_localhost(conf.device);
	if (conf.unit)
		write_drop_in(&conf, &place);
	return 0;
}

/* --- check */

static struct json_object *changes;

static __printf(1, 2) void change(const char *format, ...)
{
	char *line;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		fail("out of memory");
	va_end(args);
	json_object_array_add(changes, json_object_new_string(line));
	free(line);
}

/* Whether @line is one of the lines of @all. */
static bool has_line(const char *all, const char *line)
{
	size_t length = strlen(line);

	for (; all && *all; all = strchr(all, '\n') ? strchr(all, '\n') + 1 : NULL)
		if (!strncmp(all, line, length) && (all[length] == '\n' || !all[length]))
			return true;
	return false;
}

static void compare_lines(const char *tool, const char *have, const char *want)
{
	char *copy = text("%s", want), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line && !has_line(have, line))
			change("%s: + %s", tool, line);
	free(copy);
	copy = text("%s", have);
	rest = copy;
	while ((line = strsep(&rest, "\n")))
		if (*line && !has_line(want, line))
			change("%s: - %s", tool, line);
	if (!json_object_array_length(changes) && strcmp(have, want))
		change("%s: another order of the rules", tool);
	free(copy);
}

static char *lines_of_rules(const struct rules *rules)
{
	char *lines = NULL;
	size_t size;
	FILE *stream = open_memstream(&lines, &size);

	for (unsigned int i = 0; rules && i < rules->count; i++)
		fprintf(stream, "%s\n", rules->rule[i].text);
	fclose(stream);
	return lines;
}

static char *lines_of_kinds(const struct kinds *kinds)
{
	char *lines = NULL, *kind;
	size_t size;
	FILE *stream = open_memstream(&lines, &size);

	for (unsigned int i = 0; i < kinds->count; i++) {
		kind = show_kind(&kinds->kind[i]);
		fprintf(stream, "%s\n", kind);
		free(kind);
	}
	fclose(stream);
	return lines;
}

static void compare_vrf(const struct conf *conf, const struct place *place)
{
	struct vrf_settings have, want;
	bool has = read_vrf(place, &have);
	char *lost = has ? lost_device(&have) : NULL;

	if (lost)
		change("vrf: %s", lost);
	if (!conf->device) {
		if (has)
			change("vrf: - %s", have.name);
		return;
	}
	settings_of(conf, &want);
	if (has && !strcmp(have.name, want.name) && have.mark == want.mark &&
	    have.priority == want.priority)
		return;
	if (has)
		change("vrf: - %s mark %#x priority %u", have.name, have.mark, have.priority);
	change("vrf: + %s mark %#x priority %u", want.name, want.mark, want.priority);
}

static void note_lost(const struct attached *attached, void *data)
{
	const struct place *place = data;

	if (attached->lost && !strcmp(attached->cgroup, place->name))
		change("%s: attach %s again, as the cgroup was made anew", attached->tool,
		       attached->program);
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	char *have, *want, *path;
	struct kinds kinds = {};
	struct place place;
	struct conf conf;

	if (next_option(argc, argv, "", options) != -1 || argc - optind != 1)
		misuse("one NAME is wanted, of " FOLDER "/NAME.conf");
	read_conf(&conf, argv[optind]);
	place_of_conf(&conf, &place);
	begin_look();
	changes = json_object_new_array();
	if (!conf.unit)
		see_attached(note_lost, &place);
	compare_vrf(&conf, &place);
	read_deny(&place, &kinds);
	have = lines_of_kinds(&kinds);
	want = lines_of_kinds(&conf.kinds);
	compare_lines("deny", have, want);
	have = lines_in_effect(&place);
	want = lines_of_rules(conf.rules);
	compare_lines("firewall", have, want);
	if (conf.unit) {
		path = drop_in_path(&conf);
		have = read_whole(path);
		want = drop_in_text(&conf, &place);
		if (!have || strcmp(have, want))
			change("unit: write %s", path);
	}
	if (want_json) {
		print_json(changes);
		return 0;
	}
	if (!json_object_array_length(changes))
		puts("nothing to do");
	for (size_t i = 0; i < json_object_array_length(changes); i++)
		puts(json_object_get_string(json_object_array_get_idx(changes, i)));
	return 0;
}
