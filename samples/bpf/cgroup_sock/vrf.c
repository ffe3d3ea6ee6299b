// SPDX-License-Identifier: GPL-2.0
/*
 * usage: vrf CGROUP DEVICE
 *
 * Attaches vrf.bpf.c to the cgroup, until a signal ends it (Ctrl-C).
 */
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include "vrf.skel.h"

int main(int argc, char **argv)
{
	struct vrf_bpf *skel;
	unsigned int device;
	int cgroup;

	if (argc != 3)
		errx(2, "usage: vrf CGROUP DEVICE");
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (cgroup < 0)
		err(1, "%s", argv[1]);
	device = if_nametoindex(argv[2]);
	if (!device)
		err(1, "%s", argv[2]);

	skel = vrf_bpf__open_and_load();
	if (!skel)
		err(1, "cannot load the program");
	skel->bss->device = device;
	if (!bpf_program__attach_cgroup(skel->progs.vrf_create, cgroup))
		err(1, "cannot attach the program to %s", argv[1]);

	/* The link goes with this process, and then the program is attached no more. */
	pause();
}
