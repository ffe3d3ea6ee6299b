/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the subcommands share: messages, cgroups, and programs that stay when cgsock exits.
 *
 * These are held by bpf_links. For a cgroup and a tool, which is the name of a set of programs,
 * there is a directory /sys/fs/bpf/cgsock/CGROUP/TOOL with a pin for each
 *	links/PROGRAM		link of the program to the cgroup
 *	programs/PROGRAM	program itself
 *	maps/MAP		map that the programs use
 * They are found by these pins only. CGROUP is the cgroup's path below the mount, escaped, and
 * begins with "-"; what begins otherwise is free for pins that belong to no cgroup.
 */
#ifndef CGSOCK_H
#define CGSOCK_H

#include <getopt.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <json-c/json.h>
#include <linux/types.h>
#include <sys/types.h>

#include "event.h"

struct bpf_map;
struct bpf_object;

#define PINS "/sys/fs/bpf/cgsock"

/* Subcommands; main.c has the table. */
struct command {
	const char *name;
	const char *line;	/* what it does, in one line */
	const char *help;	/* help/NAME.txt */
	int (*run)(int argc, char **argv);
};

int cmd_apply(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_deny(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_firewall(int argc, char **argv);
int cmd_redirect(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_vrf(int argc, char **argv);
int cmd_watch(int argc, char **argv);

/*
 * "cgsock: message" on stderr; fail() exits with 1. misuse() and bad_value() are for a wrong
 * command line and exit with 2. bad_value() says what is wanted in place of a value, and does not
 * point to --help.
 */
__printf(1, 2) void complain(const char *format, ...);
noreturn __printf(1, 2) void fail(const char *format, ...);
noreturn __printf(1, 2) void misuse(const char *format, ...);
noreturn __printf(1, 2) void bad_value(const char *format, ...);
/* FILE:LINE if what messages are about is not from the command line. */
extern const char *words_from;

/*
 * As getopt_long(), but --help, --json and unknown options are dealt with. @options ends with
 * COMMON_OPTIONS, which stands for these; @letters has those of the subcommand alone ("m:s").
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options);
#define COMMON_OPTIONS { NULL, 0, NULL, 0 }

/* With --json a subcommand prints one JSON value and no text. */
extern bool want_json;
void print_json(struct json_object *value);

void *allocate(size_t size);	/* zeroed, never NULL */
__printf(1, 2) char *text(const char *format, ...);	/* allocated */

/* A number from @min to @max; false if @digits is something else. */
bool read_number(const char *digits, unsigned long min, unsigned long max, unsigned int *number);

/* 192.0.2.1:80 or [2001:db8::1]:80 */
bool parse_endpoint(const char *word, struct endpoint *endpoint);
/* The other way round, in a buffer of its own: good until the fourth call after it. */
const char *show_endpoint(const struct endpoint *endpoint);

/* A cgroup. */
struct place {
	char *name;		/* below the mount: "/system.slice/nginx.service" */
	char *path;		/* "/sys/fs/cgroup/system.slice/nginx.service" */
	char *pins;		/* PINS "/-system%2eslice-nginx%2eservice" */
	int fd;			/* its directory; -1 if it is not there */
	bool is_unit;		/* systemd attaches the pinned programs to its cgroups */
};

/* @word is a directory, a path below the mount, a unit, a container's name or id; or it fails. */
void find_place(struct place *place, const char *word);
/* The same, but false if @word is a unit that does not run. */
bool find_place_if_there(struct place *place, const char *word);
/* The same to clear what is set there: it may be a cgroup that is gone, and fd -1. */
void find_place_to_clear(struct place *place, const char *word);
/* The place whose pins have this name below PINS; false if it is not such a name. */
bool place_of_pins(struct place *place, const char *escaped);
/* The name of the cgroup with this id, allocated; it says so if there is none. */
char *name_of_cgroup(__u64 id);
/* The place of a cgroup that need not be there: @name is below the mount, fd can be -1. */
void place_of(struct place *place, const char *name);

/* A unit whose programs are pinned in PINS "/NAME"; it need not run. */
void unit_place(struct place *place, const char *name, const char *unit);

/* The cgroup that a unit has now; false if it has none. */
bool cgroup_of_unit(const struct place *unit, struct place *cgroup);

/*
 * A new cgroup NAME-PID: below the one that this process is in, or further up, where processes of
 * @user cannot leave it. A process that stays behind waits until this one has ended, in whatever
 * way, or is another program, and until the cgroup is empty. Then it calls @last, if there is one,
 * and removes the cgroup.
 */
typedef void last_fn(const struct place *place, void *data);
void make_own_place(struct place *place, const char *name, uid_t user, last_fn *last, void *data);
/* As programs and events have it; 0 if there is none. */
__u64 id_of_cgroup(int fd);
/* The cgroup goes, with all that is attached to it. */
void remove_place(const struct place *place);

/*
 * Makes sure of rights and a BPF file system, keeps other runs of cgsock away until the exit.
 * Clears what is left of cgroups that are gone, and of runs that were killed.
 */
void begin_change(void);
/* The same, and @place is the cgroup that has its name after that. */
void begin_change_at(struct place *place);
/* The same for who only looks: fails if a right is missing, makes nothing. */
void begin_look(void);

/* Loads the programs of @object that bpf_program__set_autoload() did not take out, or fails. */
void load_programs(struct bpf_object *object);

/*
 * To be called before load_programs(): @object takes the maps that @tool has at @place already,
 * if all of them are of the same kind; false if it has not.
 */
bool reuse_maps(const struct place *place, const char *tool, struct bpf_object *object);

/*
 * Attaches what load_programs() loaded, all or none. Programs that @tool has there are replaced
 * by an update of their links: there is no moment without one. One that is the same and has the
 * same maps stays as it is. Those that are not in @object any more are detached afterwards.
 * False if it failed, after a message: all is as before.
 */
bool attach_programs(const struct place *place, const char *tool, struct bpf_object *object);

/* The BPFProgram= lines for what is pinned at @place, allocated. */
char *program_lines(const struct place *place);

/* How many programs @tool has pinned, and how many of them the cgroup has without a link. */
struct census {
	unsigned int pinned;
	unsigned int attached;
};

struct census count_programs(const struct place *place, const char *tool);

/* False if there were none. */
bool detach_programs(const struct place *place, const char *tool);
/* The same for a subcommand's --clear: its exit code, or it fails. */
int clear_tool(const struct place *place, const char *tool);

/* Where @tool is attached: here, or at the nearest cgroup above. False if nowhere. */
bool find_tool(const struct place *place, const char *tool, struct place *holder);

/* Fails if it is a file of apply's that says what @tool has at the cgroup of a unit. */
void need_no_file(const struct place *place, const char *tool);

/* Fails if what @tool has at @place is not in effect, as the cgroup was made anew. */
void need_tool(const struct place *place, const char *tool);

bool have_capability(unsigned int capability);

/* Pins of @tool at @place: a file descriptor, or -1. */
int open_map(const struct place *place, const char *tool, const char *map);

/* A program that is attached by a pinned link. */
struct attached {
	const char *cgroup;	/* name of the place */
	const char *tool;
	const char *program;
	__u32 link_id;
	__u32 program_id;
	__u32 attach_type;
	__u64 cgroup_id;	/* 0: that cgroup is gone */
	bool lost;		/* it is gone, or another one has its name now */
};

/* A pinned program, be it attached or not. */
struct pinned {
	const char *owner;	/* the name of a cgroup, or of the file of a unit */
	bool is_unit;
	const char *tool;
	const char *pins;	/* as in struct place */
	const char *folder;	/* PINS/.../TOOL */
	__u32 program_id;
};

/* Whether these programs are for this cgroup: by its name, or its unit's file. */
bool is_pinned_for(const struct pinned *pinned, const struct place *place);
/* Allocated; "?" if it has none. Only CAP_SYS_ADMIN can ask for the names of others' programs. */
char *name_of_program(__u32 id);

typedef void see_pinned_fn(const struct pinned *pinned, void *data);
void see_pinned(see_pinned_fn *see, void *data);

/* Calls @see for each, in the order of the names. */
typedef void see_attached_fn(const struct attached *attached, void *data);
void see_attached(see_attached_fn *see, void *data);

#endif
