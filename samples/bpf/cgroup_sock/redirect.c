// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"
#include "redirect.h"
#include "redirect.skel.h"

#define CGROUPS	"/sys/fs/cgroup"
#define BPFFS	"/sys/fs/bpf"
#define PINS	BPFFS "/redirect"

static const char help[] =
"Gives containers, which are cgroups, the illusion of a network of their own without network\n"
"namespaces: a server that binds PORT in its cgroup gets another address and port, and clients\n"
"that connect to PORT on loopback are taken to the servers in turn. This stays when the tool\n"
"exits. TCP and UDP are handled; of UDP, the clients that connect() and not those that only\n"
"sendto(). Clients see the real address of the server in getpeername().\n"
"\n"
"usage: redirect service CGROUP PORT ADDRESS[:PORT]\n"
"                            a server in CGROUP that binds PORT gets ADDRESS and the second\n"
"                            PORT, or a free one, and is a replica of PORT from then on\n"
"       redirect client CGROUP\n"
"                            a client in CGROUP that connects to PORT on loopback gets a\n"
"                            replica\n"
"       redirect replica PORT ADDRESS:PORT\n"
"                            add a replica that is elsewhere\n"
"       redirect forget PORT ADDRESS:PORT\n"
"                            remove this replica\n"
"       redirect show        list services, replicas with their connections, and clients\n"
"       redirect clear CGROUP\n"
"                            remove the service or client of CGROUP, and its replicas\n"
"\n"
"An IPv6 ADDRESS followed by a PORT is written [ADDRESS]:PORT. Services with an IPv4 address\n"
"are for IPv4 sockets, those with an IPv6 address for IPv6 sockets (also if they bind :: to\n"
"serve both). Replicas of servers that exited stay until \"forget\" or \"clear\"; those of\n"
"cgroups that were removed go when any other one is cleared.\n"
"Everything is kept in " PINS "; to start over, clear all cgroups and remove it.\n"
"\n"
"example: two servers for port 80, and a client\n"
"  # cd /sys/fs/cgroup && mkdir a b c\n"
"  # redirect service a 80 10.0.0.1 && redirect service b 80 10.0.0.1:8080\n"
"  # redirect client c\n"
"  # for i in a b; do (echo 0 > $i/cgroup.procs; cd /srv/$i; python3 -m http.server 80 &); done\n"
"  # (echo 0 > c/cgroup.procs; curl -s http://127.0.0.1/ http://127.0.0.1/)\n"
"  # redirect show\n"
"  service  /sys/fs/cgroup/a  80 -> 10.0.0.1\n"
"  service  /sys/fs/cgroup/b  80 -> 10.0.0.1:8080\n"
"  replica  80/tcp -> 10.0.0.1:38291  connections 1  /sys/fs/cgroup/a\n"
"  replica  80/tcp -> 10.0.0.1:8080  connections 1  /sys/fs/cgroup/b\n"
"  client   /sys/fs/cgroup/c\n";

static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

static struct redirect_bpf *skel;
static int services, replicas, turns, some_cgroup;

static unsigned int parse_port(const char *text)
{
	unsigned int port;

	if (!read_number(text, 1, UINT16_MAX, &port))
		misuse("\"%s\" is not a port from 1 to 65535", text);
	return port;
}

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT; the port is 0 if there is none. Returns the family. */
static int parse_endpoint(const char *arg, struct endpoint *at)
{
	const char *colon = strchr(arg, ':'), *end = strchr(arg, ']'), *port = NULL;
	int family = colon && (*arg == '[' || strchr(colon + 1, ':')) ? AF_INET6 : AF_INET;
	char ip[INET6_ADDRSTRLEN] = "";

	memset(at, 0, sizeof(*at));
	if (*arg == '[' && end) {
		snprintf(ip, sizeof(ip), "%.*s", (int)(end - arg - 1), arg + 1);
		port = end[1] == ':' ? end + 2 : end[1] ? "" : NULL;
	} else if (family == AF_INET && colon) {
		snprintf(ip, sizeof(ip), "%.*s", (int)(colon - arg), arg);
		port = colon + 1;
	} else {
		snprintf(ip, sizeof(ip), "%s", arg);
	}
	if (inet_pton(family, ip, at->ip) != 1)
		misuse("%s: \"%s\" is not an IPv4 or IPv6 address", arg, ip);
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(at->ip))
		misuse("%s: write an IPv4-mapped address as an IPv4 address", arg);
	if (port && !read_number(port, 0, UINT16_MAX, &at->port))
		misuse("%s: \"%s\" is not a port from 0 to 65535", arg, port);
	return family;
}

static int parse_replica(const char *arg, struct endpoint *at)
{
	int family = parse_endpoint(arg, at);

	if (!at->port)
		misuse("%s: the port of the replica is missing", arg);
	return family;
}

static void print_endpoint(int family, const struct endpoint *at)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(family, at->ip, ip, sizeof(ip));
	if (!at->port)
		printf("%s", ip);
	else
		printf(family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, at->port);
}

/* The handle of a directory of cgroups is the id that programs see. */
struct cgroup_handle {
	struct file_handle head;
	__u64 id;
};

#define KERNFS_HANDLE 0xfe

static __u64 cgroup_id(int fd)
{
	struct cgroup_handle handle = { .head.handle_bytes = sizeof(handle.id) };
	int mount;

	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH))
		fail("cannot get the id of the cgroup: %s", strerror(errno));
	return handle.id;
}

/* Any directory of the mount will do to find the others. */
static int open_cgroup_by_id(__u64 id)
{
	struct cgroup_handle handle = {
		.head = { .handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE },
		.id = id,
	};

	return open_by_handle_at(some_cgroup, &handle.head, O_RDONLY | O_DIRECTORY);
}

static void print_cgroup(__u64 id)
{
	char link[32], path[PATH_MAX];
	int fd = open_cgroup_by_id(id);
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path));
	if (length >= 0)
		printf("%.*s", (int)length, path);
	else
		printf("(cgroup %llu, not found)", id);
	if (fd >= 0)
		close(fd);
}

static bool next_slot(struct slot *slot, struct replica *replica)
{
	slot->number++;
	return !bpf_map_lookup_elem(replicas, slot, replica);
}

/* The replicas that follow move up, as clients look no further than the first empty slot. */
static void remove_slot(struct slot slot)
{
	struct slot next = slot;
	struct replica replica;

	while (next_slot(&next, &replica)) {
		bpf_map_update_elem(replicas, &slot, &replica, BPF_ANY);
		slot = next;
	}
	bpf_map_delete_elem(replicas, &slot);
	if (!slot.number)
		bpf_map_delete_elem(turns, &slot.target);
}

static bool find_slot(struct slot *slot, const struct endpoint *at)
{
	struct replica replica;

	slot->number = -1;
	while (next_slot(slot, &replica))
		if (!memcmp(&replica.at, at, sizeof(*at)))
			return true;
	return false;
}

static void add_replica(unsigned int port, int family, const struct endpoint *at)
{
	const struct replica replica = { .at = *at };
	__u32 first = 0;

	for (int i = 0; i < 2; i++) {
		struct slot slot = { .target = { family, protocols[i], port } };
		int err;

		if (find_slot(&slot, at))
			continue;
		bpf_map_update_elem(turns, &slot.target, &first, BPF_NOEXIST);
		if (slot.number >= MAX_REPLICAS)
			fail("port %u has %d replicas, which is the most; forget one", port,
			     MAX_REPLICAS);
		err = bpf_map_update_elem(replicas, &slot, &replica, BPF_NOEXIST);
		if (err)
			fail("cannot add the replica: %s", strerror(-err));
	}
}

static bool forget_replica(unsigned int port, int family, const struct endpoint *at)
{
	bool found = false;

	for (int i = 0; i < 2; i++) {
		struct slot slot = { .target = { family, protocols[i], port } };

		if (find_slot(&slot, at)) {
			remove_slot(slot);
			found = true;
		}
	}
	return found;
}

/* What is of cgroup @id, and of cgroups that were removed without "redirect clear". */
static bool is_stale(__u64 cgroup, __u64 id)
{
	int fd;

	if (!cgroup || cgroup == id)
		return cgroup == id;
	fd = open_cgroup_by_id(cgroup);
	if (fd < 0)
		return errno == ESTALE;
	close(fd);
	return false;
}

/* Returns how much there was. After a key that is gone, the kernel begins again. */
static int forget_cgroup(__u64 id)
{
	struct service service, *last_service = NULL;
	struct target target, *last_target = NULL;
	int count = 0;

	while (!bpf_map_get_next_key(services, last_service, &service)) {
		last_service = &service;
		if (is_stale(service.cgroup, id)) {
			bpf_map_delete_elem(services, &service);
			count++;
		}
	}
	while (!bpf_map_get_next_key(turns, last_target, &target)) {
		struct slot slot = { .target = target, .number = -1 };
		struct replica replica;

		last_target = &target;
		while (next_slot(&slot, &replica)) {
			if (is_stale(replica.service_cgroup, id)) {
				remove_slot(slot);
				slot.number--;
				count++;
			}
		}
	}
	return count;
}

/* Opens the skeleton with no program to load; the maps are those that are pinned. */
static void prepare(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = PINS);
	struct bpf_program *program;
	struct statfs fs;

	begin();
	if (statfs(BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC)
		fail("no BPF file system on " BPFFS "; mount -t bpf none " BPFFS);
	if (mkdir(PINS, 0700) && errno != EEXIST)
		fail("cannot make " PINS ": %s", strerror(errno));
	/* Two runs at a time would take the same slot. The lock goes with the process. */
	if (flock(open(PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC), LOCK_EX))
		fail("cannot lock " PINS ": %s", strerror(errno));
	skel = redirect_bpf__open_opts(&opts);
	if (!skel)
		fail("cannot open the programs: %s", strerror(errno));
	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, false);
}

static void load(void)
{
	load_programs(skel->obj);
	services = bpf_map__fd(skel->maps.services);
	replicas = bpf_map__fd(skel->maps.replicas);
	turns = bpf_map__fd(skel->maps.turns);
}

static int do_service(char **args)
{
	struct service service = { .port = parse_port(args[1]) };
	struct endpoint at, before;
	int cgroup, err;
	bool known;

	service.family = parse_endpoint(args[2], &at);
	prepare();
	cgroup = open_cgroup(args[0]);
	service.cgroup = cgroup_id(cgroup);
	skel->bss->service_cgroup = service.cgroup;
	bpf_program__set_autoload(skel->progs.redirect_bind4, true);
	bpf_program__set_autoload(skel->progs.redirect_bind6, true);
	bpf_program__set_autoload(skel->progs.redirect_post4, true);
	bpf_program__set_autoload(skel->progs.redirect_post6, true);
	load();
	known = !bpf_map_lookup_elem(services, &service, &before);
	err = bpf_map_update_elem(services, &service, &at, BPF_ANY);
	if (err)
		fail("cannot add the service: %s", strerror(-err));
	if (attach_programs(cgroup, skel->obj))
		return 0;
	if (known)
		bpf_map_update_elem(services, &service, &before, BPF_ANY);
	else
		bpf_map_delete_elem(services, &service);
	return 1;
}

static int do_client(char **args)
{
	int cgroup;

	prepare();
	cgroup = open_cgroup(args[0]);
	bpf_program__set_autoload(skel->progs.redirect_conn4, true);
	bpf_program__set_autoload(skel->progs.redirect_conn6, true);
	load();
	return attach_programs(cgroup, skel->obj) ? 0 : 1;
}

static int do_replica(char **args)
{
	unsigned int port = parse_port(args[0]);
	struct endpoint at;
	int family = parse_replica(args[1], &at);

	prepare();
	load();
	add_replica(port, family, &at);
	return 0;
}

static int do_forget(char **args)
{
	unsigned int port = parse_port(args[0]);
	struct endpoint at;
	int family = parse_replica(args[1], &at);

	prepare();
	load();
	if (!forget_replica(port, family, &at))
		fail("%s is no replica of %u; redirect show lists them", args[1], port);
	return 0;
}

static int show_client(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	int cgroup, program;

	(void)stat;
	(void)ftw;
	if (type != FTW_D)
		return 0;
	cgroup = open(path, O_RDONLY | O_DIRECTORY);
	program = find_program(cgroup, skel->progs.redirect_conn4);
	if (program >= 0)
		printf("client   %s\n", path);
	close(program);
	close(cgroup);
	return 0;
}

static int do_show(char **args)
{
	struct service service, *last_service = NULL;
	struct target target, *last_target = NULL;
	struct endpoint at;

	(void)args;
	prepare();
	load();
	some_cgroup = open_cgroup(CGROUPS);
	while (!bpf_map_get_next_key(services, last_service, &service)) {
		last_service = &service;
		if (bpf_map_lookup_elem(services, &service, &at))
			continue;
		printf("service  ");
		print_cgroup(service.cgroup);
		printf("  %u -> ", service.port);
		print_endpoint(service.family, &at);
		putchar('\n');
	}
	while (!bpf_map_get_next_key(turns, last_target, &target)) {
		struct slot slot = { .target = target, .number = -1 };
		struct replica replica;

		last_target = &target;
		while (next_slot(&slot, &replica)) {
			printf("replica  %u/%s -> ", target.port,
			       target.protocol == IPPROTO_TCP ? "tcp" : "udp");
			print_endpoint(target.family, &replica.at);
			printf("  connections %llu  ", replica.connections);
			if (replica.cgroup)
				print_cgroup(replica.cgroup);
			else
				printf("(added by hand)");
			putchar('\n');
		}
	}
	nftw(CGROUPS, show_client, 16, FTW_PHYS | FTW_MOUNT);
	return 0;
}

static int do_clear(char **args)
{
	int count;

	prepare();
	load();
	some_cgroup = open_cgroup(args[0]);
	count = clear_programs(some_cgroup, skel->obj);
	count += forget_cgroup(cgroup_id(some_cgroup));
	if (!count)
		fail("%s: there was nothing to clear", args[0]);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, {} };
	static const struct {
		const char *name;
		int (*run)(char **args);
		int count;
		const char *args;
	} commands[] = {
		{ "service", do_service, 3, "CGROUP PORT ADDRESS[:PORT]" },
		{ "client", do_client, 1, "CGROUP" },
		{ "replica", do_replica, 2, "PORT ADDRESS:PORT" },
		{ "forget", do_forget, 2, "PORT ADDRESS:PORT" },
		{ "show", do_show, 0, "nothing more" },
		{ "clear", do_clear, 1, "CGROUP" },
		{}
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c != 'h')
			bad_option(c, argv);
		fputs(help, stdout);
		return 0;
	}
	if (optind == argc)
		misuse("a command is wanted");
	for (int i = 0; commands[i].name; i++) {
		if (strcmp(commands[i].name, argv[optind]))
			continue;
		if (argc - optind - 1 != commands[i].count)
			misuse("%s wants %s", commands[i].name, commands[i].args);
		return commands[i].run(argv + optind + 1);
	}
	misuse("\"%s\" is not a command", argv[optind]);
}
