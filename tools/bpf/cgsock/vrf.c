// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "tools.h"
#include "vrf.h"
#include "vrf.skel.h"

#define TOOL "vrf"

static bool is_vrf(const char *device)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	is = fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(info.driver, "vrf");
	close(fd);
	return is;
}

static bool has_localhost(const char *device)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (one = all; one; one = one->ifa_next)
		if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET &&
		    !strcmp(one->ifa_name, device) &&
		    ntohl(((struct sockaddr_in *)one->ifa_addr)->sin_addr.s_addr) >> 24 == 127)
			found = true;
	freeifaddrs(all);
	return found;
}

void hint_at_localhost(const char *device)
{
	if (is_vrf(device) && !has_localhost(device))
		complain("note: no localhost, nor a resolver at 127.0.0.53, in %s before \"%s %s\"",
			 device, "ip address add 127.0.0.1/8 dev", device);
}

bool find_device(const char *name, struct vrf_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->device = if_nametoindex(name);
	if (!settings->device)
		return false;
	snprintf(settings->name, sizeof(settings->name), "%s", name);
	return true;
}

bool set_vrf(const struct place *place, const struct vrf_settings *settings)
{
	struct vrf_bpf *skel = vrf_bpf__open();
	const __u32 zero = 0;
	struct vrf vrf = {};
	bool done;
	int bss;

	if (!skel)
		fail("cannot open the program: %s", strerror(errno));
	if (!reuse_maps(place, TOOL, skel->obj)) {
		skel->bss->vrf.half[0] = *settings;
		load_programs(skel->obj);
		done = attach_programs(place, TOOL, skel->obj);
		vrf_bpf__destroy(skel);
		return done;
	}
	load_programs(skel->obj);
	bss = bpf_map__fd(skel->maps.bss);
	done = attach_programs(place, TOOL, skel->obj);
	if (done) {
		if (bpf_map_lookup_elem(bss, &zero, &vrf))
			fail("cannot read the settings: %s", strerror(errno));
		/* A program that runs meanwhile sees either the one half or the other. */
		vrf.half[!vrf.current] = *settings;
		if (bpf_map_update_elem(bss, &zero, &vrf, BPF_ANY))
			fail("cannot change the settings: %s", strerror(errno));
		vrf.current = !vrf.current;
		if (bpf_map_update_elem(bss, &zero, &vrf, BPF_ANY))
			fail("cannot change the settings: %s", strerror(errno));
	}
	vrf_bpf__destroy(skel);
	return done;
}

bool read_vrf(const struct place *place, struct vrf_settings *settings)
{
	int map = open_map(place, TOOL, "vrf_bpf_bss");
	const __u32 zero = 0;
	struct vrf vrf;
	bool done;

	if (map < 0)
		return false;
	done = !bpf_map_lookup_elem(map, &zero, &vrf);
	close(map);
	if (done)
		*settings = vrf.half[vrf.current & 1];
	return done;
}

char *lost_device(const struct vrf_settings *settings)
{
	unsigned int now = if_nametoindex(settings->name);
	char name[IF_NAMESIZE];

	if (now == settings->device)
		return NULL;
	if (now)
		return text("%s was deleted and made again (number %u, before %u); set it anew",
			    settings->name, now, settings->device);
	if (if_indextoname(settings->device, name))
		return text("%s has the name %s now", settings->name, name);
	return text("there is no %s in this network namespace", settings->name);
}

static int show(const struct place *asked)
{
	struct vrf_settings settings;
	struct json_object *answer;
	struct place place;
	char *lost;

	if (!find_tool(asked, TOOL, &place))
		fail("%s: no device is set here; cgsock vrf %s DEVICE does so", asked->name,
		     asked->name);
	need_tool(&place, TOOL);
	if (!read_vrf(&place, &settings))
		fail("%s: cannot read the settings; set them anew", place.name);
	lost = lost_device(&settings);
	if (want_json) {
		answer = json_object_new_object();
		json_object_object_add(answer, "cgroup", json_object_new_string(place.name));
		json_object_object_add(answer, "device", json_object_new_string(settings.name));
		json_object_object_add(answer, "ifindex", json_object_new_int64(settings.device));
		json_object_object_add(answer, "mark", json_object_new_int64(settings.mark));
		json_object_object_add(answer, "priority",
				       json_object_new_int64(settings.priority));
		json_object_object_add(answer, "problem",
				       lost ? json_object_new_string(lost) : NULL);
		print_json(answer);
		return 0;
	}
	if (strcmp(place.name, asked->name))
		printf("inherited from %s\n", place.name);
	printf("device %s, mark %#x, priority %u\n", settings.name, settings.mark,
	       settings.priority);
	if (lost)
		complain("%s", lost);
	return 0;
}

int cmd_vrf(int argc, char **argv)
{
	static const struct option options[] = {
		{ "mark", required_argument, NULL, 'm' },
		{ "priority", required_argument, NULL, 'p' },
		{ "show", no_argument, NULL, 's' },
		{ "clear", no_argument, NULL, 'c' },
		COMMON_OPTIONS
	};
	unsigned int mark = 0, priority = 0;
	struct vrf_settings settings;
	struct place place;
	int c, action = 0;

	while ((c = next_option(argc, argv, "m:p:sc", options)) != -1) {
		if (c == 'm' && !read_number(optarg, 0, UINT32_MAX, &mark))
			bad_value("--mark %s: not a number of 32 bits", optarg);
		if (c == 'p' && !read_number(optarg, 0, INT32_MAX, &priority))
			bad_value("--priority %s: not a number of 31 bits", optarg);
		if (c == 's' || c == 'c')
			action = c;
	}
	if (argc - optind != (action ? 1 : 2))
		misuse(action ? "this wants a CGROUP and nothing else" :
		       "a CGROUP and a DEVICE are wanted");
	if (action == 'c')
		find_place_to_clear(&place, argv[optind]);
	else
		find_place(&place, argv[optind]);
	if (action == 's') {
		begin_look();
		return show(&place);
	}
	begin_change_at(&place);
	if (action == 'c')
		return clear_tool(&place, TOOL);
	need_no_file(&place, TOOL);
	if (!find_device(argv[optind + 1], &settings))
		fail("%s: no such device in this network namespace; ip link lists them",
		     argv[optind + 1]);
	settings.mark = mark;
	settings.priority = priority;
	hint_at_localhost(settings.name);
	return set_vrf(&place, &settings) ? 0 : 1;
}
