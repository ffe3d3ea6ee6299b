// SPDX-License-Identifier: GPL-2.0
/*
 * usage: deny CGROUP [PROTOCOL]
 *
 * Attaches deny.bpf.c to the cgroup, until a signal ends it (Ctrl-C). PROTOCOL is a number, as in
 * /etc/protocols.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "deny.skel.h"

int main(int argc, char **argv)
{
	struct deny_bpf *skel;
	int cgroup;

	if (argc != 2 && argc != 3)
		errx(2, "usage: deny CGROUP [PROTOCOL]");
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		err(1, "%s", argv[1]);

	skel = deny_bpf__open_and_load();
	if (!skel)
		err(1, "cannot load the program");
	if (argc == 3)
		skel->bss->protocol = atoi(argv[2]);
	if (!bpf_program__attach_cgroup(skel->progs.deny_create, cgroup))
		err(1, "cannot attach the program to %s", argv[1]);

	/* The link goes with this process, and then the program is attached no more. */
	pause();
}
