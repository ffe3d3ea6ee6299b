/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tools share: messages, cgroups, and programs that outlive the tool which attached
 * them. They are found again by name, so a tool opens its skeleton also to show or to clear.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stdnoreturn.h>

struct bpf_map;
struct bpf_object;
struct bpf_program;

/* "TOOL: message" on stderr; fail() exits with 1, misuse() is for a wrong command line. */
void complain(const char *format, ...);
noreturn void fail(const char *format, ...);
noreturn void misuse(const char *format, ...);

/* getopt_long() returned @c, which is none of the options. */
noreturn void bad_option(int c, char **argv);

/* A number from @min to @max; false if @text is something else. */
bool read_number(const char *text, unsigned long min, unsigned long max, unsigned int *number);

/* To be called first: makes sure of root and keeps libbpf quiet. */
void begin(void);

/* The directory of a cgroup, as a file descriptor. */
int open_cgroup(const char *path);

/*
 * To load and to attach are for the programs that bpf_program__set_autoload() did not take out.
 * Attaching puts them in the place of programs of the same name, all or none. Clearing is for
 * all programs of @object, and returns how many there were.
 */
void load_programs(struct bpf_object *object);
bool attach_programs(int cgroup, struct bpf_object *object);
int clear_programs(int cgroup, struct bpf_object *object);

/* What another run of the tool attached: a file descriptor, or -1. */
int find_program(int cgroup, const struct bpf_program *program);
int find_map(int program, const struct bpf_map *map);

#endif
