/* SPDX-License-Identifier: GPL-2.0 */
/* What run and apply ask of the other subcommands. */
#ifndef TOOLS_H
#define TOOLS_H

#include "cgsock.h"

struct kind;
struct kinds;
struct rules;
struct vrf_settings;

/* Each puts something in the place of what is there. False after a message. */
bool set_deny(const struct place *place, const struct kinds *kinds);
bool set_firewall(const struct place *place, const struct rules *rules);
bool set_vrf(const struct place *place, const struct vrf_settings *settings);

/*
 * What @lines say for the cgroup @place, which can be one that is not there: then it is only
 * replicas. @name is that of the file, whose replicas these are; NULL: not these. The lines are as
 * redirect_line() makes them; what is there and not in them goes. False after a message.
 */
bool set_redirect(const struct place *place, const char *name, const char *lines);
/* @words in one way of writing, allocated; NULL if the first word is none of redirect's. */
char *redirect_line(char **words);

/* What is in effect; false if there is nothing. */
bool read_deny(const struct place *place, struct kinds *kinds);
bool read_vrf(const struct place *place, struct vrf_settings *settings);

/* The rules of the firewall that are in effect, one a line, allocated. */
char *lines_in_effect(const struct place *place);

/* The same for redirect. */
char *redirect_in_effect(const struct place *place, const char *name);

/* FAMILY[/TYPE[/PROTOCOL]]; returns what is wrong with it, allocated, or NULL. */
char *parse_kind(const char *rule, struct kind *kind);
char *show_kind(const struct kind *kind);

/* False if there is no such device. */
bool find_device(const char *name, struct vrf_settings *settings);
/* What became of it since then, allocated; NULL if it is still the same one. */
char *lost_device(const struct vrf_settings *settings);
void hint_at_localhost(const char *device);

/* What a rule says that an event names, allocated; NULL if it is not in effect any more. */
char *rule_by_id(const struct place *place, __u64 id);
char *kind_by_number(const struct place *place, unsigned int number);

#endif
