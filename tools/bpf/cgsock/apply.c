// SPDX-License-Identifier: GPL-2.0
/*
 * What /etc/cgsock/NAME.conf describes, attached, or compared with what is attached. The programs
 * of a unit are pinned for systemd, which attaches them to each cgroup that it makes for the
 * unit, before the first process; a drop-in file says so.
 */
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
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
	char *redirect;		/* lines */
	char *proxy;		/* a service to which these lead, or NULL */
};

/* What is at a cgroup or unit. */
struct state {
	bool has_vrf;
	struct vrf_settings vrf;
	struct kinds kinds;
	struct rules *rules;
	char *redirect;
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

static bool is_service(const char *unit)
{
	const char *dot = strrchr(unit, '.');

	return dot && !strcmp(dot, ".service");
}

/* False if it is no such line. */
static bool read_redirect_line(struct conf *conf, char **words)
{
	char *line, *longer;

	words_from = text("%s:%d", conf->file, conf->line);
	line = redirect_line(words);
	words_from = NULL;
	if (!line)
		return false;
	if ((!strcmp(words[0], "client") && strstr(conf->redirect, "client ")) ||
	    (!strcmp(words[0], "proxy") && strstr(conf->redirect, "proxy ")))
		bad(conf, "a second \"%s\"", words[0]);
	if (!strcmp(words[0], "proxy") && is_service(words[2]))
		conf->proxy = text("%s", words[2]);
	longer = text("%s%s\n", conf->redirect, line);
	free(line);
	free(conf->redirect);
	conf->redirect = longer;
	return true;
}

static bool is_rule(const struct conf *conf, const char *word)
{
	if (strcmp(word, "allow") && strcmp(word, "refuse") && strcmp(word, "default") &&
	    strcmp(word, "include"))
		bad(conf, "\"%s\" is none of cgroup, unit, vrf, deny, %s", word,
		    "service, client, proxy, replica, and the words of rules");
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
	else if (!read_redirect_line(conf, words))
		return is_rule(conf, words[0]);
	return false;
}

static void need_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && (*c != '-' || c == name))
			misuse("\"%s\" is not a name of letters, digits, _ and -", name);
	/* The maps that all of redirect share. */
	if (!*name || !strcmp(name, "redirect"))
		misuse("\"%s\" cannot be the name of a file", name);
}

static void read_conf(struct conf *conf, const char *name)
{
	char *line = NULL, *rules = NULL, *copy;
	size_t size = 0, rules_size = 0;
	bool has_rules = false;
	FILE *file, *to_rules;

	need_name(name);
	memset(conf, 0, sizeof(*conf));
	conf->redirect = text("%s", "");
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
	if (!conf->device && !conf->kinds.count && !conf->rules && !*conf->redirect)
		fail("%s: there is nothing to attach: no vrf, deny, rule or line of redirect",
		     conf->file);
	/* Only of a service systemd asks us at each start. */
	if (*conf->redirect && conf->unit && !is_service(conf->unit))
		fail("%s: %s is no service; name its cgroup to redirect", conf->file, conf->unit);
	free(line);
}

static struct state state_of_conf(const struct conf *conf)
{
	struct state state = { .has_vrf = conf->device };

	if (conf->device && !find_device(conf->device, &state.vrf))
		fail("%s: vrf %s: no such device in this network namespace; ip link lists them",
		     conf->file, conf->device);
	state.vrf.mark = conf->mark;
	state.vrf.priority = conf->priority;
	state.kinds = conf->kinds;
	state.rules = conf->rules;
	state.redirect = conf->redirect;
	return state;
}

/* redirect is set at the cgroup that a unit has now. */
static struct place cgroup_of(const struct place *place)
{
	struct place cgroup = *place;

	if (place->is_unit && !cgroup_of_unit(place, &cgroup)) {
		cgroup = *place;
		cgroup.is_unit = false;
	}
	return cgroup;
}

static struct state state_of_place(const struct place *place, const char *name)
{
	struct place cgroup = cgroup_of(place);
	char *lines = lines_in_effect(place);
	struct state state = {};
	FILE *stream;

	state.has_vrf = read_vrf(place, &state.vrf);
	read_deny(place, &state.kinds);
	if (*lines) {
		stream = fmemopen(lines, strlen(lines), "r");
		state.rules = read_rules_from(stream, "the rules before");
		fclose(stream);
	}
	free(lines);
	state.redirect = redirect_in_effect(&cgroup, name);
	return state;
}

/* @name is that of the file, or NULL: then its replicas stay. */
static bool set_state(const struct place *place, const char *name, const struct state *state)
{
	struct place cgroup = cgroup_of(place);
	char *have = redirect_in_effect(&cgroup, name);
	bool done = true;

	if (state->has_vrf)
		done = set_vrf(place, &state->vrf);
	if (done && state->kinds.count)
		done = set_deny(place, &state->kinds);
	if (done && state->rules)
		done = set_firewall(place, state->rules);
	if (done && (*state->redirect || *have))
		done = set_redirect(&cgroup, name, state->redirect);
	free(have);
	if (!done)
		return false;
	if (!state->has_vrf)
		detach_programs(place, "vrf");
	if (!state->kinds.count)
		detach_programs(place, "deny");
	if (!state->rules)
		detach_programs(place, "firewall");
	return true;
}

static void clear_place(const struct place *place)
{
	struct state nothing = { .redirect = "" };

	set_state(place, NULL, &nothing);
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

/* The drop-ins of a file are for its unit, and for the service that is its proxy. */
static char *drop_in_path(const char *unit, const char *kind, const char *name)
{
	return text(UNITS "/%s.d/cgsock%s%s.conf", unit, kind, name);
}

#define OF_UNIT		"-"
#define OF_PROXY	"-proxy@"

static char *unit_path(const struct conf *conf)
{
	return conf->unit ? drop_in_path(conf->unit, OF_UNIT, conf->name) : NULL;
}

static char *proxy_path(const struct conf *conf)
{
	return conf->unit && conf->proxy ? drop_in_path(conf->proxy, OF_PROXY, conf->name) : NULL;
}

/* Without cgsock@NAME.service, which pins the programs, the unit does not start. */
static char *unit_text(const struct conf *conf, const struct place *place)
{
	char *written = NULL, *lines = program_lines(place);
	size_t size;
	FILE *stream = open_memstream(&written, &size);

	fprintf(stream, "# Written by cgsock apply %s.\n", conf->name);
	fprintf(stream, "[Unit]\nRequires=cgsock@%s.service\nAfter=cgsock@%s.service\n\n[%c%s]\n%s",
		conf->name, conf->name, toupper(strrchr(conf->unit, '.')[1]),
		strrchr(conf->unit, '.') + 2, lines);
	/*
	 * systemd 252 attaches the programs at the first start after a reload only, and does
	 * nothing for redirect.
	 */
	if (is_service(conf->unit))
		fprintf(stream, "ExecCondition=+%s apply --start %s\n", own_path(), conf->name);
	fclose(stream);
	free(lines);
	return written;
}

/* Each start of the proxy makes a new cgroup, too. */
static char *proxy_text(const struct conf *conf)
{
	return text("# Written by cgsock apply %s.\n[Service]\n"
		    "ExecCondition=+%s apply --start %s\n", conf->name, own_path(), conf->name);
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

/* Whether there is something else in it than wanted. */
static bool differs(const char *path, const char *want)
{
	char *have = read_whole(path);
	bool differs = !have || strcmp(have, want);

	free(have);
	return differs;
}

/* True if it was another one. */
static bool write_drop_in(const char *path, const char *want)
{
	char *new = text("%s.new", path), *folder = text("%s", path);
	FILE *file;

	if (!differs(path, want))
		return false;
	mkdir(dirname(folder), 0755);
	file = fopen(new, "we");
	if (!file || fputs(want, file) < 0 || fclose(file) || rename(new, path))
		fail("%s: %s; all is as before", path, strerror(errno));
	free(new);
	free(folder);
	return true;
}

/* Calls @see for all drop-ins of this name, with their units. */
static bool see_drop_ins(const char *kind, const char *name,
			 bool (*see)(const char *path, const char *unit, const void *data),
			 const void *data)
{
	char *pattern = drop_in_path("*", kind, name);
	glob_t found;
	bool any = false;

	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char *unit = text("%s", found.gl_pathv[i] + strlen(UNITS "/"));

			*strstr(unit, ".d/") = '\0';
			any |= see(found.gl_pathv[i], unit, data);
			free(unit);
		}
		globfree(&found);
	}
	free(pattern);
	return any;
}

/* @data is the path that stays. */
static bool remove_other(const char *path, const char *unit, const void *data)
{
	const char *stays = data;

	(void)unit;
	return (!stays || strcmp(path, stays)) && !unlink(path);
}

static void write_drop_ins(const struct conf *conf, const struct place *place)
{
	char *of_unit = unit_path(conf), *of_proxy = proxy_path(conf);
	bool changed = false;

	if (of_unit)
		changed |= write_drop_in(of_unit, unit_text(conf, place));
	if (of_proxy)
		changed |= write_drop_in(of_proxy, proxy_text(conf));
	changed |= see_drop_ins(OF_UNIT, conf->name, remove_other, of_unit);
	changed |= see_drop_ins(OF_PROXY, conf->name, remove_other, of_proxy);
	if (changed)
		daemon_reload();
	free(of_unit);
	free(of_proxy);
}

/* Where it was applied before. A link to its pins tells of a cgroup, a drop-in of a unit. */

static char *link_path(const char *name)
{
	return text(PINS "/%s", name);
}

static bool find_old_cgroup(const char *name, struct place *old)
{
	char *path = link_path(name), target[NAME_MAX + 1];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	free(path);
	if (length < 0)
		return false;
	target[length] = '\0';
	return place_of_pins(old, target);
}

static void remember_cgroup(const char *name, const struct place *place)
{
	char *path = link_path(name), *pins = text("%s", place->pins);

	unlink(path);
	if (symlink(basename(pins), path))
		fail("%s: %s", path, strerror(errno));
	free(path);
	free(pins);
}

static void forget_old_cgroup(const char *name)
{
	char *path = link_path(name);

	unlink(path);
	free(path);
}

/* What to go back to if this run fails, wherever it does. */
static struct {
	bool wanted;
	struct place place;
	const char *name;
	struct state state;
	bool has_cgroup;	/* it was applied to this one */
	struct place cgroup;
	bool has_unit;		/* or to this one, which has been cleared */
	struct place unit;
	struct state unit_state;
} before;

static void roll_back(void)
{
	if (!before.wanted)
		return;
	before.wanted = false;
	set_state(&before.place, before.name, &before.state);
	if (before.has_unit)
		set_state(&before.unit, before.name, &before.unit_state);
	if (before.has_cgroup)
		remember_cgroup(before.name, &before.cgroup);
}

static bool clear_unit(const char *path, const char *unit, const void *data)
{
	const struct conf *conf = data;
	struct place old;

	(void)path;
	if (conf->unit && !strcmp(conf->unit, unit))
		return false;
	unit_place(&old, conf->name, unit);
	before.has_unit = true;
	before.unit = old;
	before.unit_state = state_of_place(&old, conf->name);
	clear_place(&old);
	return true;
}

/* The pins of a unit without a drop-in. */
static bool clear_pins(const char *name)
{
	struct place place = { .name = (char *)name, .fd = -1, .is_unit = true };
	bool found;

	place.pins = text(PINS "/%s", name);
	found = !access(place.pins, F_OK);
	clear_place(&place);
	free(place.pins);
	return found;
}

/* The file may be gone, and what it was for as well. */
static int clear(const char *name)
{
	struct conf conf = { .name = name };
	struct place old = { .name = (char *)name, .fd = -1 };
	struct state nothing = { .redirect = "" };
	char *replicas = redirect_in_effect(&old, name);
	bool found = *replicas, changed;

	if (found)
		set_redirect(&old, name, nothing.redirect);
	free(replicas);
	if (find_old_cgroup(name, &old)) {
		clear_place(&old);
		forget_old_cgroup(name);
		found = true;
	}
	found |= see_drop_ins(OF_UNIT, name, clear_unit, &conf);
	found |= clear_pins(name);
	changed = see_drop_ins(OF_UNIT, name, remove_other, NULL);
	changed |= see_drop_ins(OF_PROXY, name, remove_other, NULL);
	if (changed)
		daemon_reload();
	if (!found)
		fail("%s: nothing of it is applied", name);
	return 0;
}

/* It may have been applied elsewhere before. What is there goes last, unless it has our pins. */
static bool apply(const struct conf *conf, const struct place *place)
{
	struct state wanted = state_of_conf(conf);
	bool is_other;

	before.has_cgroup = find_old_cgroup(conf->name, &before.cgroup);
	is_other = before.has_cgroup && (conf->unit || strcmp(before.cgroup.name, place->name));
	if (conf->unit) {
		see_drop_ins(OF_UNIT, conf->name, clear_unit, conf);
		if (is_other)
			forget_old_cgroup(conf->name);
	}
	before.place = *place;
	before.name = conf->name;
	before.state = state_of_place(place, conf->name);
	before.wanted = true;
	atexit(roll_back);
	if (!set_state(place, conf->name, &wanted))
		return false;
	if (!conf->unit && !before.has_cgroup) {
		see_drop_ins(OF_UNIT, conf->name, clear_unit, conf);
		clear_pins(conf->name);
	}
	write_drop_ins(conf, place);
	before.wanted = false;
	if (is_other)
		clear_place(&before.cgroup);
	if (!conf->unit)
		remember_cgroup(conf->name, place);
	return true;
}

/* What systemd cannot do itself; the drop-ins stay as they are. */
static bool start(const struct conf *conf, const struct place *place)
{
	struct state wanted = state_of_conf(conf);

	return set_state(place, conf->name, &wanted);
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
	if (action == 'c') {
		need_name(argv[optind]);
		begin_change();
		return clear(argv[optind]);
	}
	read_conf(&conf, argv[optind]);
	if (conf.unit) {
		begin_change();
		unit_place(&place, conf.name, conf.unit);
	} else {
		/* Before the lock: docker may be slow, and others wait. */
		find_place(&place, conf.cgroup);
		begin_change_at(&place);
	}
	if (action == 's')
		return !start(&conf, &place);
	if (!apply(&conf, &place))
		return 1;
	if (conf.device)
		hint_at_localhost(conf.device);
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
	/* Only for these the order counts. */
	if (!strcmp(tool, "firewall") && !json_object_array_length(changes) && strcmp(have, want))
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
	struct vrf_settings have, want = state_of_conf(conf).vrf;
	bool has = read_vrf(place, &have);
	char *lost = has ? lost_device(&have) : NULL;

	if (lost)
		change("vrf: %s", lost);
	if (!conf->device) {
		if (has)
			change("vrf: - %s", have.name);
		return;
	}
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

/* A unit that runs has all of its programs, be it by systemd or by us. */
static void note_missing(const struct conf *conf, const struct place *place)
{
	static const char * const tools[] = { "vrf", "deny", "firewall" };

	for (int i = 0; place->fd >= 0 && i < 3; i++) {
		struct census census = count_programs(place, tools[i]);

		if (census.attached < census.pinned)
			change("%s: attach it to the cgroup that %s has now", tools[i], conf->unit);
	}
}

static bool note_other(const char *path, const char *unit, const void *data)
{
	const char *stays = data;

	(void)unit;
	if (!stays || strcmp(path, stays))
		change("unit: remove %s", path);
	return false;
}

static void compare_drop_ins(const struct conf *conf, const struct place *place)
{
	char *of_unit = unit_path(conf), *of_proxy = proxy_path(conf);

	if (of_unit && differs(of_unit, unit_text(conf, place)))
		change("unit: write %s", of_unit);
	if (of_proxy && differs(of_proxy, proxy_text(conf)))
		change("unit: write %s", of_proxy);
	see_drop_ins(OF_UNIT, conf->name, note_other, of_unit);
	see_drop_ins(OF_PROXY, conf->name, note_other, of_proxy);
	free(of_unit);
	free(of_proxy);
}

/* At a cgroup that is not there, only replicas count. */
static void compare_redirect(const struct conf *conf, const struct place *place)
{
	struct place cgroup = cgroup_of(place);
	char *have = redirect_in_effect(&cgroup, conf->name), *want = NULL;
	char *copy = text("%s", conf->redirect), *rest = copy, *line;
	size_t size;
	FILE *stream = open_memstream(&want, &size);

	while ((line = strsep(&rest, "\n")))
		if (*line && (cgroup.fd >= 0 || !strncmp(line, "replica ", strlen("replica "))))
			fprintf(stream, "%s\n", line);
	fclose(stream);
	compare_lines("redirect", have, want);
	free(copy);
	free(have);
	free(want);
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	char *have, *want;
	struct kinds kinds = {};
	struct place place, old;
	struct conf conf;

	if (next_option(argc, argv, "", options) != -1 || argc - optind != 1)
		misuse("one NAME is wanted, of " FOLDER "/NAME.conf");
	read_conf(&conf, argv[optind]);
	if (conf.unit)
		unit_place(&place, conf.name, conf.unit);
	else
		find_place(&place, conf.cgroup);
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
	compare_redirect(&conf, &place);
	if (conf.unit)
		note_missing(&conf, &place);
	compare_drop_ins(&conf, &place);
	if (find_old_cgroup(conf.name, &old) && (conf.unit || strcmp(old.name, place.name)))
		change("cgroup: clear %s, where it was applied before", old.name);
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
