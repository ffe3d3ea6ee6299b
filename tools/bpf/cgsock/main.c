// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "cgsock.h"
#include "help.h"
#include "main.h"

static const struct command commands[] = {
	{ "apply", "attach what a file in /etc/cgsock describes", help_apply, cmd_apply },
	{ "check", "say what apply would change", help_check, cmd_check },
	{ "deny", "keep processes from making sockets of some kinds", help_deny, cmd_deny },
	{ "doctor", "say what this host lacks and what its kernel does not show", help_doctor,
	  cmd_doctor },
	{ "firewall", "say which addresses and ports may be used", help_firewall, cmd_firewall },
	{ "redirect", "lead connections to services in other cgroups", help_redirect,
	  cmd_redirect },
	{ "run", "run a command in a cgroup of its own", help_run, cmd_run },
	{ "show", "show what is attached where", help_show, cmd_show },
	{ "vrf", "bind sockets to a VRF or another device", help_vrf, cmd_vrf },
	{ "watch", "print refusals and rewrites as they happen", help_watch, cmd_watch },
};

const struct command *command;

static void usage(FILE *stream)
{
	fputs(help_cgsock, stream);
	fputs("\ncommands:\n", stream);
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].line);
	fputs("\n\"cgsock COMMAND --help\" tells more, with examples.\n", stream);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("cgsock " VERSION);
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		command = &commands[i];
		return command->run(argc - 1, argv + 1);
	}
	misuse("there is no command \"%s\"", argv[1]);
}
