// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"
#include "vrf.skel.h"

static const char help[] =
"Binds every new IPv4 and IPv6 socket of the processes of a cgroup to a network device,\n"
"typically a VRF, so that all their traffic takes the routes of that VRF. This stays when the\n"
"tool exits. Existing sockets do not change. DEVICE is a device of the network namespace that\n"
"the tool runs in; the processes should run in the same namespace.\n"
"\n"
"usage: vrf [--mark N] [--priority N] CGROUP DEVICE\n"
"       vrf --show CGROUP\n"
"       vrf --clear CGROUP\n"
"\n"
"  -m, --mark N       give the sockets this mark, too (for ip rule, nftables)\n"
"  -p, --priority N   give the sockets this priority, too (for queueing)\n"
"  -s, --show         tell what sockets get\n"
"  -c, --clear        leave new sockets alone again\n"
"\n"
"example:\n"
"  # ip link add blue type vrf table 10 && ip link set blue up\n"
"  # mkdir /sys/fs/cgroup/blue\n"
"  # vrf --mark 0x10 /sys/fs/cgroup/blue blue\n"
"  # echo $$ > /sys/fs/cgroup/blue/cgroup.procs\n"
"  # ip route get 10.1.2.3 vrf blue    (the route that the programs of this shell now take)\n"
"  # vrf --show /sys/fs/cgroup/blue\n"
"  device blue, mark 0x10, priority 0\n";

static int show(int cgroup, const char *path, struct vrf_bpf *skel)
{
	int program = find_program(cgroup, skel->progs.vrf_create);
	typeof(*skel->bss) set;
	int map, zero = 0;
	char name[IF_NAMESIZE];

	if (program < 0)
		fail("%s: no device is set here; vrf %s DEVICE does so", path, path);
	map = find_map(program, skel->maps.bss);
	if (map < 0 || bpf_map_lookup_elem(map, &zero, &set))
		fail("%s: cannot read the settings; attach it anew", path);
	if (if_indextoname(set.device, name))
		printf("device %s, ", name);
	else
		printf("device number %u (not in this network namespace), ", set.device);
	printf("mark %#x, priority %u\n", set.mark, set.priority);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "mark", required_argument, NULL, 'm' },
		{ "priority", required_argument, NULL, 'p' },
		{ "show", no_argument, NULL, 's' },
		{ "clear", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	unsigned int mark = 0, priority = 0, device;
	struct vrf_bpf *skel;
	int c, cgroup, action = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":m:p:sch", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			if (!read_number(optarg, 0, UINT32_MAX, &mark))
				misuse("--mark %s: not a number of 32 bits", optarg);
			break;
		case 'p':
			if (!read_number(optarg, 0, INT32_MAX, &priority))
				misuse("--priority %s: not a number of 31 bits", optarg);
			break;
		case 's':
		case 'c':
			action = c;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			bad_option(c, argv);
		}
	}
	if (argc - optind != (action ? 1 : 2))
		misuse(action ? "this wants a CGROUP and nothing else" :
		       "a CGROUP and a DEVICE are wanted");

	begin();
	cgroup = open_cgroup(argv[optind]);
	skel = vrf_bpf__open();
	if (!skel)
		fail("cannot open the program: %s", strerror(errno));
	if (action == 's')
		return show(cgroup, argv[optind], skel);
	if (action == 'c') {
		if (!clear_programs(cgroup, skel->obj))
			fail("%s: there was nothing to clear", argv[optind]);
		return 0;
	}
	device = if_nametoindex(argv[optind + 1]);
	if (!device)
		fail("%s: no such device in this network namespace; ip link lists them",
		     argv[optind + 1]);
	skel->bss->device = device;
	skel->bss->mark = mark;
	skel->bss->priority = priority;
	load_programs(skel->obj);
	return attach_programs(cgroup, skel->obj) ? 0 : 1;
}
