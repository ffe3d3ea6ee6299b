// SPDX-License-Identifier: GPL-2.0
/*
 * usage: rewrite CGROUP PORT ADDRESS:PORT
 *
 * Attaches rewrite.bpf.c to the cgroup, until a signal ends it (Ctrl-C).
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rewrite.skel.h"

int main(int argc, char **argv)
{
	unsigned short port, to_port;
	struct bpf_program *program;
	struct rewrite_bpf *skel;
	char address[16];
	int cgroup;

	if (argc != 4)
		errx(2, "usage: rewrite CGROUP PORT ADDRESS:PORT");
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		err(1, "%s", argv[1]);
	port = atoi(argv[2]);

	skel = rewrite_bpf__open_and_load();
	if (!skel)
		err(1, "cannot load the programs");
	skel->bss->port = htons(port);
	if (sscanf(argv[3], "%15[^:]:%hu", address, &to_port) != 2 ||
	    inet_pton(AF_INET, address, &skel->bss->to_ip) != 1)
		errx(1, "%s: not an IPv4 address with a port", argv[3]);
	skel->bss->to_port = htons(to_port);
	bpf_object__for_each_program(program, skel->obj)
		if (!bpf_program__attach_cgroup(program, cgroup))
			err(1, "cannot attach a program to %s", argv[1]);

	/* The links go with this process, and then the programs are attached no more. */
	pause();
}
