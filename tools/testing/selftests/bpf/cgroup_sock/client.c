// SPDX-License-Identifier: GPL-2.0
/*
 * A user of libbpf, as its authors mean it: opens the skeleton, attaches its connect4 program to
 * a cgroup by a link, and pins the link so that it stays.
 *
 * usage: client CGROUP PIN
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "client.skel.h"

int main(int argc, char **argv)
{
	struct client *skel;
	int cgroup, err;

	if (argc != 3) {
		fprintf(stderr, "usage: client CGROUP PIN\n");
		return 2;
	}
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0) {
		perror(argv[1]);
		return 1;
	}
	skel = client__open_and_load();
	if (!skel)
		return 1;
	skel->links.connect4 = bpf_program__attach_cgroup(skel->progs.connect4, cgroup);
	err = skel->links.connect4 ? bpf_link__pin(skel->links.connect4, argv[2]) : -1;
	if (err)
		fprintf(stderr, "client: cannot attach: %s\n", strerror(-err));
	client__destroy(skel);
	return err ? 1 : 0;
}
