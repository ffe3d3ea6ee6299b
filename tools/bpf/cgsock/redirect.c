// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "redirect.h"
#include "rules.h"
#include "tools.h"
#include "proxy.h"
#include "redirect.skel.h"
#include "proxy.skel.h"

/* What all cgroups share. */
#define SHARED	PINS "/redirect"

#define SERVICE	"redirect-service"
#define CLIENT	"redirect-client"
#define PROXIED	"redirect-proxied"
#define PROXY	"redirect-proxy"

/* What the kernel calls the global variables of the programs, as a pin. */
#define CLIENT_SETTINGS		"redirect_bss"
#define PROXIED_SETTINGS	"proxy_bp_bss"

#define MAX_WEIGHT	1000

/* The command line. */
static char group[GROUP_SIZE] = "default";
static unsigned int weight = 1;
static bool take_loopback;

static struct redirect_bpf *skel;
static int services = -1, lists = -1;

/* Words */

static void read_group(const char *word)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (!*word || strlen(word) >= GROUP_SIZE || word[strspn(word, letters)])
		bad_value("\"%s\" is not a group: it has 1 to %d letters, digits and \"._-\"",
			  word, GROUP_SIZE - 1);
	snprintf(group, sizeof(group), "%s", word);
}

static unsigned int read_weight(const char *word)
{
	unsigned int number;

	if (!read_number(word, 0, MAX_WEIGHT, &number))
		bad_value("\"%s\" is not a weight from 0 to %d", word, MAX_WEIGHT);
	return number;
}

/* PORT, PORT/tcp or PORT/udp. */
static void read_target(const char *word, struct target *target)
{
	const char *slash = strchrnul(word, '/');
	char *digits = text("%.*s", (int)(slash - word), word);
	unsigned int port;

	memset(target, 0, sizeof(*target));
	memcpy(target->group, group, GROUP_SIZE);
	target->protocol = IPPROTO_TCP;
	if (!strcmp(slash, "/udp"))
		target->protocol = IPPROTO_UDP;
	else if (*slash && strcmp(slash, "/tcp"))
		bad_value("\"%s\": a port is for tcp or udp, as 53/udp", word);
	if (!read_number(digits, 1, UINT16_MAX, &port))
		bad_value("\"%s\" is not a port from 1 to 65535", digits);
	target->port = port;
	free(digits);
}

static struct address to_address(const struct endpoint *endpoint)
{
	struct address at = { .port = endpoint->port };

	if (endpoint->family == AF_INET) {
		at.ip[2] = htonl(0xffff);
		at.ip[3] = endpoint->ip[0];
	} else {
		memcpy(at.ip, endpoint->ip, sizeof(at.ip));
	}
	return at;
}

static struct endpoint to_endpoint(const struct address *at)
{
	struct endpoint endpoint = { .family = AF_INET6, .port = at->port };

	if (IN6_IS_ADDR_V4MAPPED(at->ip)) {
		endpoint.family = AF_INET;
		endpoint.ip[0] = at->ip[3];
	} else {
		memcpy(endpoint.ip, at->ip, sizeof(at->ip));
	}
	return endpoint;
}

/* ADDRESS or ADDRESS:PORT; the port is 0 if there is none. Returns the family. */
static int read_address(const char *word, struct address *at)
{
	char *with_port = text("%s:0", word);
	struct endpoint endpoint;

	if (!parse_endpoint(word, &endpoint) && !parse_endpoint(with_port, &endpoint))
		bad_value("\"%s\" is not an address, as 192.0.2.1[:80] or [2001:db8::1][:80]",
			  word);
	free(with_port);
	if (endpoint.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(endpoint.ip))
		bad_value("\"%s\": write it as the IPv4 address that it is", word);
	if (endpoint.family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(endpoint.ip) : !endpoint.ip[0])
		bad_value("\"%s\": clients cannot connect to the unspecified address", word);
	if (endpoint.family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(endpoint.ip))
		bad_value("\"%s\": a link-local address needs a device, which no client names",
			  word);
	*at = to_address(&endpoint);
	return endpoint.family;
}

static void read_replica(const char *port, const char *address)
{
	struct change *change = &skel->bss->change;

	read_target(port, &change->target);
	change->target.family = read_address(address, &change->replica.at);
	if (!change->replica.at.port)
		bad_value("\"%s\": the port of the replica is missing", address);
}

static const char *name_protocol(int protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* Without the port if that is 0. */
static char *show_address(const struct address *at)
{
	struct endpoint endpoint = to_endpoint(at);
	char *shown = text("%s", show_endpoint(&endpoint));

	if (!at->port)
		*strrchr(shown, ':') = '\0';
	return shown;
}

/* Programs and maps */

static void choose_programs(struct bpf_object *object, const char *prefix)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strncmp(bpf_program__name(program), prefix,
							    strlen(prefix)));
}

static void open_skeleton(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = SHARED);

	skel = redirect_bpf__open_opts(&opts);
	if (!skel)
		fail("cannot open the programs: %s", strerror(errno));
}

static void load(const char *prefix)
{
	choose_programs(skel->obj, prefix);
	load_programs(skel->obj);
	services = bpf_map__fd(skel->maps.services);
	lists = bpf_map__fd(skel->maps.lists);
}

static struct proxy_bpf *open_proxy(const char *prefix)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = SHARED);
	struct proxy_bpf *proxy = proxy_bpf__open_opts(&opts);

	if (!proxy)
		fail("cannot open the programs: %s", strerror(errno));
	choose_programs(proxy->obj, prefix);
	return proxy;
}

static __u64 id_of(const struct place *place)
{
	struct stat status;

	if (fstat(place->fd, &status))
		fail("%s: %s", place->path, strerror(errno));
	return status.st_ino;
}

static void make_list(const struct target *target)
{
	struct list *list = allocate(sizeof(*list));
	int err = bpf_map_update_elem(lists, target, list, BPF_NOEXIST);

	free(list);
	if (err && err != -EEXIST)
		fail("cannot make a list of replicas: %s", strerror(-err));
}

/* Returns an errno. */
static int run_change(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	char packet[64] = {};
	int variables = bpf_map__fd(skel->maps.bss), zero = 0, err;

	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	err = bpf_map_update_elem(variables, &zero, skel->bss, BPF_ANY) ?:
	      bpf_prog_test_run_opts(bpf_program__fd(skel->progs.change_list), &opts) ?:
	      bpf_map_lookup_elem(variables, &zero, skel->bss);
	if (err)
		fail("cannot change the list of replicas: %s", strerror(-err));
	return skel->bss->change.err;
}

static struct list *copy_list(const struct target *target)
{
	struct list *list = allocate(sizeof(*list));

	if (!bpf_map_lookup_elem_flags(lists, target, list, BPF_F_LOCK))
		return list;
	free(list);
	return NULL;
}

/* The keys of a map, with one that is all zero behind the last. */
static void *keys_of(int map, size_t size)
{
	char *keys = allocate(size);
	size_t count = 0;

	while (!bpf_map_get_next_key(map, count ? keys + (count - 1) * size : NULL,
				     keys + count * size)) {
		keys = realloc(keys, (++count + 1) * size);
		if (!keys)
			fail("out of memory");
	}
	memset(keys + count * size, 0, size);
	return keys;
}

/* Cgroups that have programs of ours. */
struct known {
	struct known *next;
	__u64 id;
	char *name;
	char *tool;
};

static struct known *known;

static void remember(const struct attached *attached, void *data)
{
	struct known *one;

	(void)data;
	if (strncmp(attached->tool, "redirect-", strlen("redirect-")) || attached->lost)
		return;
	if (known && known->id == attached->cgroup_id && !strcmp(known->tool, attached->tool))
		return;
	one = allocate(sizeof(*one));
	one->id = attached->cgroup_id;
	one->name = text("%s", attached->cgroup);
	one->tool = text("%s", attached->tool);
	one->next = known;
	known = one;
}

static const struct known *find_known(__u64 id, const char *tool)
{
	const struct known *one = known;

	while (one && (one->id != id || (tool && strcmp(one->tool, tool))))
		one = one->next;
	return one;
}

static bool is_served(const struct target *target)
{
	struct service_key *keys = keys_of(services, sizeof(*keys));
	struct service service;
	bool found = false;

	for (struct service_key *key = keys; key->cgroup && !found; key++)
		found = key->port == target->port && key->protocol == target->protocol &&
			!bpf_map_lookup_elem(services, key, &service) &&
			!memcmp(service.group, target->group, GROUP_SIZE);
	free(keys);
	return found;
}

/* Removes services of cgroups that are gone, and lists that nobody can come into. */
static void tidy(void)
{
	struct service_key *keys = keys_of(services, sizeof(*keys));
	struct target *targets = keys_of(lists, sizeof(*targets));

	known = NULL;
	see_attached(remember, NULL);
	for (struct service_key *key = keys; key->cgroup; key++)
		if (!find_known(key->cgroup, SERVICE))
			bpf_map_delete_elem(services, key);
	for (struct target *target = targets; target->port; target++) {
		struct list *list = copy_list(target);

		if (list && !list->count && !is_served(target))
			bpf_map_delete_elem(lists, target);
		free(list);
	}
	free(keys);
	free(targets);
}

/* Commands */

/* What a service is, without its cgroup. */
struct wanted {
	struct target target;
	struct service service;
};

/* PORT[/udp] ADDRESS[:PORT]... */
static void read_service(int argc, char **argv, struct wanted *wanted)
{
	struct service *service = &wanted->service;

	memset(wanted, 0, sizeof(*wanted));
	service->at4.port = NO_ADDRESS;
	service->at6.port = NO_ADDRESS;
	read_target(argv[0], &wanted->target);
	for (int i = 1; i < argc; i++) {
		struct address at;
		struct address *of_family = read_address(argv[i], &at) == AF_INET ? &service->at4 :
										    &service->at6;

		if (of_family->port != NO_ADDRESS)
			bad_value("\"%s\": there is an address of this family already", argv[i]);
		*of_family = at;
	}
	memcpy(service->group, group, GROUP_SIZE);
	service->weight = weight;
	service->loopback = take_loopback;
}

static void make_lists(const struct wanted *wanted)
{
	struct target target = wanted->target;

	target.family = AF_INET;
	if (wanted->service.at4.port != NO_ADDRESS)
		make_list(&target);
	target.family = AF_INET6;
	if (wanted->service.at6.port != NO_ADDRESS)
		make_list(&target);
}

static struct service_key key_of(const struct place *place, const struct target *target)
{
	struct service_key key = {
		.cgroup = id_of(place),
		.port = target->port,
		.protocol = target->protocol,
	};

	return key;
}

/* All or none. */
static bool put_services(const struct place *place, const struct wanted *wanted, int count)
{
	struct service *before = allocate(count * sizeof(*before));
	bool *was_there = allocate(count * sizeof(*was_there)), done;
	struct service_key key;
	int err;

	open_skeleton();
	skel->bss->service_cgroup = id_of(place);
	load("service_");
	for (int i = 0; i < count; i++) {
		make_lists(&wanted[i]);
		key = key_of(place, &wanted[i].target);
		was_there[i] = !bpf_map_lookup_elem(services, &key, &before[i]);
		err = bpf_map_update_elem(services, &key, &wanted[i].service, BPF_ANY);
		if (err)
			fail("cannot add the service: %s", strerror(-err));
	}
	done = attach_programs(place, SERVICE, skel->obj);
	for (int i = count - 1; !done && i >= 0; i--) {
		key = key_of(place, &wanted[i].target);
		if (was_there[i])
			bpf_map_update_elem(services, &key, &before[i], BPF_ANY);
		else
			bpf_map_delete_elem(services, &key);
	}
	tidy();
	free(before);
	free(was_there);
	return done;
}

static int do_service(int argc, char **argv)
{
	struct wanted wanted;
	struct place place;

	read_service(argc - 1, argv + 1, &wanted);
	find_place(&place, argv[0]);
	begin_change_at(&place);
	return put_services(&place, &wanted, 1) ? 0 : 1;
}

static bool put_client(const struct place *place)
{
	open_skeleton();
	memcpy(skel->bss->client_group, group, GROUP_SIZE);
	load("client_");
	return attach_programs(place, CLIENT, skel->obj);
}

static int do_client(int argc, char **argv)
{
	struct place place;

	(void)argc;
	find_place(&place, argv[0]);
	begin_change_at(&place);
	return put_client(&place) ? 0 : 1;
}

/* The proxy's own connections would come back to it. */
static void refuse_circle(const struct place *place, const struct place *proxy)
{
	size_t length = strlen(place->name);

	if (!strcmp(place->name, "/") ||
	    (!strncmp(proxy->name, place->name, length) &&
	     (!proxy->name[length] || proxy->name[length] == '/')))
		fail("the proxy is in %s, too: its own connections would come back to it",
		     place->name);
}

static unsigned int read_proxy_port(const char *word)
{
	unsigned int port;

	if (!read_number(word, 1, UINT16_MAX, &port))
		bad_value("\"%s\" is not a port from 1 to 65535", word);
	return port;
}

/* Without a proxy, connections are led to where nobody listens until there is one. */
static bool put_proxy(const struct place *place, unsigned int port,
		      const struct place *proxy_place)
{
	struct proxy_bpf *proxied, *proxy;
	bool was_there = true;

	if (proxy_place) {
		refuse_circle(place, proxy_place);
		was_there = open_map(proxy_place, PROXY, "pairs") >= 0;
		proxy = open_proxy("proxy_");
		load_programs(proxy->obj);
	}
	proxied = open_proxy("proxied_");
	proxied->bss->proxy_port = port;
	proxied->bss->proxy_cgroup = proxy_place ? id_of(proxy_place) : 0;
	load_programs(proxied->obj);
	/* Clients come last: none is led to a proxy that has no answer. */
	if (proxy_place && !attach_programs(proxy_place, PROXY, proxy->obj))
		return false;
	if (attach_programs(place, PROXIED, proxied->obj))
		return true;
	if (!was_there)
		detach_programs(proxy_place, PROXY);
	return false;
}

static int do_proxy(int argc, char **argv)
{
	unsigned int port = read_proxy_port(argv[1]);
	struct place place, proxy_place;

	(void)argc;
	find_place(&place, argv[0]);
	find_place(&proxy_place, argv[2]);
	begin_change_at(&place);
	return put_proxy(&place, port, &proxy_place) ? 0 : 1;
}

static int do_replica(int argc, char **argv)
{
	int err;

	(void)argc;
	open_skeleton();
	read_replica(argv[0], argv[1]);
	skel->bss->change.what = ADD;
	skel->bss->change.replica.weight = weight;
	begin_change();
	load("change_");
	make_list(&skel->bss->change.target);
	err = run_change();
	if (err == EEXIST)
		fail("%s is a replica of %s already; \"redirect weight\" changes its weight",
		     argv[1],
		     argv[0]);
	if (err)
		fail("%s has %d replicas, which is the most; forget one", argv[0], MAX_REPLICAS);
	return 0;
}

static int do_weight(int argc, char **argv)
{
	(void)argc;
	open_skeleton();
	read_replica(argv[0], argv[1]);
	skel->bss->change.what = WEIGH;
	skel->bss->change.replica.weight = read_weight(argv[2]);
	begin_change();
	load("change_");
	if (run_change())
		fail("%s is no replica of %s in group %s; \"redirect show\" lists them", argv[1],
		     argv[0], group);
	return 0;
}

/* The replica that has the address of @change. */
static bool find_replica(const struct change *change, struct replica *replica)
{
	struct list *list = copy_list(&change->target);
	bool found = false;

	for (__u32 i = 0; list && i < list->count && !found; i++) {
		*replica = list->replicas[i];
		found = !memcmp(&replica->at, &change->replica.at, sizeof(struct address));
	}
	free(list);
	return found;
}

static int do_forget(int argc, char **argv)
{
	struct replica replica;

	(void)argc;
	open_skeleton();
	read_replica(argv[0], argv[1]);
	skel->bss->change.what = REMOVE;
	begin_change();
	load("change_");
	if (find_replica(&skel->bss->change, &replica) && !(replica.id & EXTERNAL))
		fail("%s is a server that runs here; a weight of 0 keeps clients away", argv[1]);
	if (run_change())
		fail("%s is no replica of %s in group %s; \"redirect show\" lists them", argv[1],
		     argv[0], group);
	tidy();
	return 0;
}

/*
 * Clients are not led to servers of a cgroup any more that is no service. @only is the one
 * service that it is not any more; NULL if it is none at all.
 */
static void forget_cgroup(__u64 id, const struct service_key *only)
{
	struct service_key *keys = keys_of(services, sizeof(*keys));
	struct target *targets = keys_of(lists, sizeof(*targets));
	struct change *change = &skel->bss->change;

	for (struct service_key *key = keys; key->cgroup; key++)
		if (key->cgroup == id && (!only || !memcmp(key, only, sizeof(*only))))
			bpf_map_delete_elem(services, key);
	change->what = REMOVE;
	for (struct target *target = targets; target->port; target++) {
		struct list *list;

		if (only && (target->port != only->port || target->protocol != only->protocol))
			continue;
		list = copy_list(target);
		change->target = *target;
		for (__u32 i = 0; list && i < list->count; i++) {
			change->replica = list->replicas[i];
			if (!(change->replica.id & EXTERNAL) && change->replica.owner == id)
				run_change();
		}
		free(list);
	}
	free(keys);
	free(targets);
}

static int do_clear(int argc, char **argv)
{
	static const char * const tools[] = { CLIENT, PROXIED, PROXY };
	struct place place;
	bool found = false;

	(void)argc;
	find_place_to_clear(&place, argv[0]);
	begin_change_at(&place);
	for (unsigned int i = 0; i < sizeof(tools) / sizeof(*tools); i++)
		found |= detach_programs(&place, tools[i]);
	/* Of a cgroup that is gone, begin_change() has cleared the programs. */
	if (detach_programs(&place, SERVICE) || place.fd < 0) {
		found = true;
		open_skeleton();
		load("change_");
		if (place.fd >= 0)
			forget_cgroup(id_of(&place), NULL);
		tidy();
	}
	if (!found)
		fail("%s: there was nothing to clear", argv[0]);
	return 0;
}

/* Show: one JSON object for each line of text. */

static struct json_object *shown;

static struct json_object *show_one(const char *kind)
{
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "kind", json_object_new_string(kind));
	json_object_array_add(shown, one);
	return one;
}

static void add_text(struct json_object *one, const char *key, const char *value)
{
	json_object_object_add(one, key, json_object_new_string(value));
}

static void add_number(struct json_object *one, const char *key, __u64 value)
{
	json_object_object_add(one, key, json_object_new_int64(value));
}

static void add_port(struct json_object *one, const char *name, int port, int protocol)
{
	add_text(one, "group", name);
	add_number(one, "port", port);
	add_text(one, "protocol", name_protocol(protocol));
}

static char *show_cgroup(__u64 id)
{
	const struct known *one = find_known(id, NULL);

	return one ? text("%s", one->name) : text("(cgroup %llu, gone)", id);
}

static void show_services(void)
{
	struct service_key *keys = keys_of(services, sizeof(*keys));
	struct service service;

	for (struct service_key *key = keys; key->cgroup; key++) {
		const struct address *ats[] = { &service.at4, &service.at6 };
		struct json_object *one, *addresses;
		char *cgroup;

		if (bpf_map_lookup_elem(services, key, &service))
			continue;
		cgroup = show_cgroup(key->cgroup);
		one = show_one("service");
		add_port(one, service.group, key->port, key->protocol);
		add_text(one, "cgroup", cgroup);
		addresses = json_object_new_array();
		json_object_object_add(one, "addresses", addresses);
		if (!want_json)
			printf("service  %s  %u/%s  %s ->", service.group, key->port,
			       name_protocol(key->protocol), cgroup);
		for (int i = 0; i < 2; i++) {
			char *address;

			if (ats[i]->port == NO_ADDRESS)
				continue;
			address = show_address(ats[i]);
			json_object_array_add(addresses, json_object_new_string(address));
			if (!want_json)
				printf(" %s", address);
			free(address);
		}
		add_number(one, "weight", service.weight);
		json_object_object_add(one, "loopback", json_object_new_boolean(service.loopback));
		if (!want_json)
			printf("  weight %u%s\n", service.weight,
			       service.loopback ? "  loopback" : "");
		free(cgroup);
	}
	free(keys);
}

static void show_list(const struct target *target, const struct list *list)
{
	struct json_object *one;

	for (__u32 i = 0; i < list->count; i++) {
		const struct replica *replica = &list->replicas[i];
		char *address = show_address(&replica->at);
		bool is_external = replica->id & EXTERNAL;
		char *cgroup = is_external ? text("external") : show_cgroup(replica->owner);

		one = show_one("replica");
		add_port(one, target->group, target->port, target->protocol);
		add_text(one, "address", address);
		add_number(one, "weight", replica->weight);
		add_number(one, "connections", replica->connections);
		if (!is_external)
			add_text(one, "cgroup", cgroup);
		if (!want_json)
			printf("replica  %s  %u/%s  %s  weight %u  connections %llu  %s\n",
			       target->group, target->port, name_protocol(target->protocol),
			       address,
			       replica->weight, replica->connections, cgroup);
		free(address);
		free(cgroup);
	}
	if (!list->left_out)
		return;
	one = show_one("full");
	add_port(one, target->group, target->port, target->protocol);
	add_number(one, "left_out", list->left_out);
	if (!want_json)
		printf("full     %s  %u/%s  servers that found no room: %u\n", target->group,
		       target->port, name_protocol(target->protocol), list->left_out);
}

/* The global variables of the programs that @tool has at a cgroup. */
static bool read_settings(const struct known *at, const char *map, void *settings)
{
	struct place place;
	int fd, zero = 0, err;

	place_of(&place, at->name);
	close(place.fd);
	fd = open_map(&place, at->tool, map);
	err = bpf_map_lookup_elem(fd, &zero, settings);
	close(fd);
	return !err;
}

static void show_client(const struct known *at)
{
	struct redirect_bpf__bss settings;
	struct json_object *one;

	if (!read_settings(at, CLIENT_SETTINGS, &settings))
		return;
	one = show_one("client");
	add_text(one, "group", settings.client_group);
	add_text(one, "cgroup", at->name);
	if (!want_json)
		printf("client   %s  %s\n", settings.client_group, at->name);
}

static void show_proxied(const struct known *at)
{
	struct proxy_bpf__bss settings;
	struct json_object *one;
	char *proxy;

	if (!read_settings(at, PROXIED_SETTINGS, &settings))
		return;
	proxy = show_cgroup(settings.proxy_cgroup);
	one = show_one("proxied");
	add_text(one, "cgroup", at->name);
	add_number(one, "port", settings.proxy_port);
	add_text(one, "proxy", proxy);
	if (!want_json)
		printf("proxied  %s -> port %u of %s\n", at->name, settings.proxy_port, proxy);
	free(proxy);
}

static int do_show(int argc, char **argv)
{
	struct target *targets;

	(void)argc;
	(void)argv;
	begin_look();
	shown = json_object_new_array();
	see_attached(remember, NULL);
	services = bpf_obj_get(SHARED "/services");
	lists = bpf_obj_get(SHARED "/lists");
	if (services >= 0)
		show_services();
	targets = keys_of(lists, sizeof(*targets));
	for (struct target *target = targets; target->port; target++) {
		struct list *list = copy_list(target);

		if (list)
			show_list(target, list);
		free(list);
	}
	free(targets);
	for (const struct known *at = known; at; at = at->next) {
		if (!strcmp(at->tool, CLIENT))
			show_client(at);
		if (!strcmp(at->tool, PROXIED))
			show_proxied(at);
	}
	if (want_json)
		print_json(shown);
	return 0;
}

/* Lines of a file */

static const struct line_kind {
	const char *name;
	const char *letters;	/* the options that it has */
	int min, max;
	const char *args;
} line_kinds[] = {
	{ "service", "gwl", 2, 3, "[-g GROUP] [-w N] [-l] PORT[/udp] ADDRESS[:PORT]..." },
	{ "client", "g", 0, 0, "[-g GROUP]" },
	{ "proxy", "", 2, 2, "PORT PROXY-CGROUP" },
	{ "replica", "gw", 2, 2, "[-g GROUP] [-w N] PORT[/udp] ADDRESS:PORT" },
};

/* Reads the options and goes to the words behind them, whose number it returns. */
static int read_words(const struct line_kind *kind, char ***words)
{
	int count;

	snprintf(group, sizeof(group), "default");
	weight = 1;
	take_loopback = false;
	for (++*words; **words && ***words == '-'; ++*words) {
		char *option = **words;

		if (strlen(option) != 2 || !strchr(kind->letters, option[1]))
			misuse("%s has no option %s", kind->name, option);
		if (option[1] == 'l') {
			take_loopback = true;
			continue;
		}
		if (!*++*words)
			misuse("%s needs a value", option);
		if (option[1] == 'g')
			read_group(**words);
		else
			weight = read_weight(**words);
	}
	for (count = 0; (*words)[count]; count++)
		;
	if (count < kind->min || count > kind->max)
		misuse("%s wants %s", kind->name, kind->args);
	return count;
}

static char *line_of_service(const struct wanted *wanted)
{
	const struct address *ats[] = { &wanted->service.at4, &wanted->service.at6 };
	char *line = text("service -g %s -w %u%s %u/%s", wanted->service.group,
			  wanted->service.weight, wanted->service.loopback ? " -l" : "",
			  wanted->target.port, name_protocol(wanted->target.protocol));

	for (int i = 0; i < 2; i++) {
		char *address, *longer;

		if (ats[i]->port == NO_ADDRESS)
			continue;
		address = show_address(ats[i]);
		longer = text("%s %s", line, address);
		free(line);
		free(address);
		line = longer;
	}
	return line;
}

static char *line_of_replica(const struct target *target, const struct replica *replica)
{
	char *address = show_address(&replica->at);
	char *line = text("replica -g %s -w %u %u/%s %s", target->group, replica->weight,
			  target->port, name_protocol(target->protocol), address);

	free(address);
	return line;
}

static void read_replica_line(char **words, struct target *target, struct replica *replica)
{
	memset(replica, 0, sizeof(*replica));
	read_target(words[0], target);
	target->family = read_address(words[1], &replica->at);
	if (!replica->at.port)
		misuse("\"%s\": the port of the replica is missing", words[1]);
	replica->weight = weight;
}

char *redirect_line(char **words)
{
	const struct line_kind *kind = line_kinds;
	struct replica replica;
	struct wanted wanted;
	struct target target;
	struct place proxy;
	int count;

	while (strcmp(kind->name, words[0]))
		if (++kind == line_kinds + sizeof(line_kinds) / sizeof(*line_kinds))
			return NULL;
	count = read_words(kind, &words);
	switch (*kind->name) {
	case 's':
		read_service(count, words, &wanted);
		return line_of_service(&wanted);
	case 'c':
		return text("client -g %s", group);
	case 'p':
		read_proxy_port(words[0]);
		/* Now: docker may be slow, and others wait for the lock. */
		return text("proxy %s %s", words[0],
			    find_place_if_there(&proxy, words[1]) ? proxy.name : words[1]);
	default:
		read_replica_line(words, &target, &replica);
		return line_of_replica(&target, &replica);
	}
}

/* What lines ask for. */
struct lines {
	struct wanted *service;
	int services;
	char client[GROUP_SIZE];
	unsigned int proxy_port;
	char *proxy;
	struct wanted_replica {
		struct target target;
		struct replica replica;
	} *replica;
	int replicas;
};

static void read_lines(const char *all, struct lines *lines)
{
	char *copy = text("%s", all), *rest = copy, *line;
	size_t most = strlen(all) / strlen("client") + 1;

	memset(lines, 0, sizeof(*lines));
	lines->service = allocate(most * sizeof(*lines->service));
	lines->replica = allocate(most * sizeof(*lines->replica));
	while ((line = strsep(&rest, "\n"))) {
		char *array[16] = {}, **words = array, *kind;
		int count = 0;

		while (count < 15 && (array[count] = strsep(&line, " ")))
			count++;
		kind = array[0];
		if (!*kind)
			continue;
		for (unsigned int i = 0; i < sizeof(line_kinds) / sizeof(*line_kinds); i++)
			if (!strcmp(kind, line_kinds[i].name))
				count = read_words(&line_kinds[i], &words);
		if (!strcmp(kind, "service")) {
			read_service(count, words, &lines->service[lines->services++]);
		} else if (!strcmp(kind, "client")) {
			memcpy(lines->client, group, GROUP_SIZE);
		} else if (!strcmp(kind, "proxy")) {
			lines->proxy_port = read_proxy_port(words[0]);
			lines->proxy = text("%s", words[1]);
		} else {
			struct wanted_replica *one = &lines->replica[lines->replicas++];

			read_replica_line(words, &one->target, &one->replica);
		}
	}
	free(copy);
}

static bool set_services(const struct place *place, const struct lines *lines)
{
	struct service_key *keys;
	__u64 id = id_of(place);

	if (lines->services && !put_services(place, lines->service, lines->services))
		return false;
	if (!lines->services && !detach_programs(place, SERVICE))
		return true;
	open_skeleton();
	load("change_");
	keys = keys_of(services, sizeof(*keys));
	for (struct service_key *key = keys; key->cgroup; key++) {
		int i;

		for (i = 0; i < lines->services; i++)
			if (lines->service[i].target.port == key->port &&
			    lines->service[i].target.protocol == key->protocol)
				break;
		if (key->cgroup == id && i == lines->services)
			forget_cgroup(id, key);
	}
	free(keys);
	return true;
}

static bool set_proxy(const struct place *place, const struct lines *lines)
{
	struct place proxy = { .fd = -1 };

	if (!lines->proxy) {
		detach_programs(place, PROXIED);
		return true;
	}
	if (*lines->proxy == '/')
		place_of(&proxy, lines->proxy);
	if (proxy.fd < 0)
		complain("note: %s does not run; connections are refused until it does",
			 lines->proxy);
	return put_proxy(place, lines->proxy_port, proxy.fd < 0 ? NULL : &proxy);
}

/* EXTERNAL replicas with this owner that are not in @lines go, those that are come. */
static bool set_replicas(__u64 owner, const struct lines *lines)
{
	struct change *change;
	struct target *targets;

	open_skeleton();
	load("change_");
	change = &skel->bss->change;
	targets = keys_of(lists, sizeof(*targets));
	for (struct target *target = targets; target->port; target++) {
		struct list *list = copy_list(target);

		change->what = REMOVE;
		change->target = *target;
		for (__u32 i = 0; list && i < list->count; i++) {
			bool wanted = false;

			change->replica = list->replicas[i];
			for (int j = 0; j < lines->replicas; j++)
				wanted |= !memcmp(&lines->replica[j].target, target,
						  sizeof(*target)) &&
					  !memcmp(&lines->replica[j].replica.at,
						  &change->replica.at, sizeof(struct address));
			if (change->replica.id & EXTERNAL && change->replica.owner == owner &&
			    !wanted)
				run_change();
		}
		free(list);
	}
	free(targets);
	for (int i = 0; i < lines->replicas; i++) {
		struct replica have;
		bool is_there;

		/* A hash of the file's name tells whose it is. */
		change->target = lines->replica[i].target;
		change->replica = lines->replica[i].replica;
		change->replica.owner = owner;
		make_list(&change->target);
		is_there = find_replica(change, &have);
		if (is_there && !(have.id & EXTERNAL)) {
			complain("%s is a server that runs here", show_address(&have.at));
			return false;
		}
		change->what = is_there && have.owner == owner ? WEIGH : ADD;
		if (is_there && change->what == ADD) {
			change->what = REMOVE;
			run_change();
			change->what = ADD;
		}
		if (change->what == WEIGH && have.weight == change->replica.weight)
			continue;
		if (run_change()) {
			complain("there are %d replicas of %u already, which is the most",
				 MAX_REPLICAS, change->target.port);
			return false;
		}
	}
	tidy();
	return true;
}

/* Proxies to which nobody is led any more. */
static void tidy_proxies(void)
{
	struct proxy_bpf__bss settings;

	known = NULL;
	see_attached(remember, NULL);
	for (const struct known *proxy = known; proxy; proxy = proxy->next) {
		bool is_used = strcmp(proxy->tool, PROXY);
		struct place place;

		for (const struct known *at = known; at; at = at->next)
			is_used |= !strcmp(at->tool, PROXIED) &&
				   read_settings(at, PROXIED_SETTINGS, &settings) &&
				   settings.proxy_cgroup == proxy->id;
		if (is_used)
			continue;
		place_of(&place, proxy->name);
		detach_programs(&place, PROXY);
		close(place.fd);
	}
}

bool set_redirect(const struct place *place, const char *name, const char *all)
{
	struct lines lines;
	bool done = true;

	read_lines(all, &lines);
	if (place->fd >= 0) {
		done = set_services(place, &lines);
		if (done && *lines.client) {
			memcpy(group, lines.client, GROUP_SIZE);
			done = put_client(place);
		} else if (done) {
			detach_programs(place, CLIENT);
		}
		done = done && set_proxy(place, &lines);
		tidy_proxies();
	}
	return done && (!name || set_replicas(hash_of_rule(name), &lines));
}

static void print_line(FILE *stream, char *line)
{
	fprintf(stream, "%s\n", line);
	free(line);
}

static void add_place_lines(FILE *stream, const struct place *place)
{
	const struct known at = { .name = place->name, .tool = CLIENT }, *proxy;
	const struct known proxied_at = { .name = place->name, .tool = PROXIED };
	struct redirect_bpf__bss client;
	struct proxy_bpf__bss proxied;
	__u64 id = id_of(place);
	struct service_key *keys = keys_of(services, sizeof(*keys));

	for (struct service_key *key = keys; key->cgroup; key++) {
		struct wanted wanted = { .target = { .port = key->port,
						     .protocol = key->protocol } };

		if (key->cgroup == id && find_known(id, SERVICE) &&
		    !bpf_map_lookup_elem(services, key, &wanted.service))
			print_line(stream, line_of_service(&wanted));
	}
	free(keys);
	if (find_known(id, CLIENT) && read_settings(&at, CLIENT_SETTINGS, &client))
		print_line(stream, text("client -g %s", client.client_group));
	if (!find_known(id, PROXIED) || !read_settings(&proxied_at, PROXIED_SETTINGS, &proxied))
		return;
	proxy = find_known(proxied.proxy_cgroup, PROXY);
	print_line(stream, text("proxy %u %s", proxied.proxy_port, proxy ? proxy->name : "nobody"));
}

char *redirect_in_effect(const struct place *place, const char *name)
{
	__u64 owner = name ? hash_of_rule(name) : 0;
	struct target *targets;
	char *all = NULL;
	size_t size;
	FILE *stream = open_memstream(&all, &size);

	known = NULL;
	see_attached(remember, NULL);
	services = bpf_obj_get(SHARED "/services");
	lists = bpf_obj_get(SHARED "/lists");
	if (place->fd >= 0)
		add_place_lines(stream, place);
	targets = keys_of(lists, sizeof(*targets));
	for (struct target *target = targets; name && target->port; target++) {
		struct list *list = copy_list(target);

		for (__u32 i = 0; list && i < list->count; i++)
			if (list->replicas[i].id & EXTERNAL && list->replicas[i].owner == owner)
				print_line(stream, line_of_replica(target, &list->replicas[i]));
		free(list);
	}
	free(targets);
	fclose(stream);
	return all;
}

int cmd_redirect(int argc, char **argv)
{
	static const struct option options[] = {
		{ "group", required_argument, NULL, 'g' },
		{ "weight", required_argument, NULL, 'w' },
		{ "loopback", no_argument, NULL, 'l' },
		COMMON_OPTIONS
	};
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
		int min, max;
		const char *letters;	/* the options that it has */
		const char *args;
	} commands[] = {
		{ "service", do_service, 3, 4, "gwl", "CGROUP PORT[/udp] ADDRESS[:PORT]..." },
		{ "client", do_client, 1, 1, "g", "CGROUP" },
		{ "proxy", do_proxy, 3, 3, "", "CGROUP PORT PROXY-CGROUP" },
		{ "replica", do_replica, 2, 2, "gw", "PORT[/udp] ADDRESS:PORT" },
		{ "weight", do_weight, 3, 3, "g", "PORT[/udp] ADDRESS:PORT WEIGHT" },
		{ "forget", do_forget, 2, 2, "g", "PORT[/udp] ADDRESS:PORT" },
		{ "show", do_show, 0, 0, "", "nothing more" },
		{ "clear", do_clear, 1, 1, "", "CGROUP" },
	};
	const char *name = NULL;
	char given[8] = "";
	int c;

	/* Options can stand before the command and behind it. */
	for (int pass = 0; pass < 2; pass++) {
		optind = 0;
		while ((c = next_option(argc, argv, "g:w:l", options)) != -1) {
			if (!strchr(given, c))
				given[strlen(given)] = c;
			if (c == 'g')
				read_group(optarg);
			else if (c == 'w')
				weight = read_weight(optarg);
			else
				take_loopback = true;
		}
		argc -= optind;
		argv += optind;
		name = name ?: argv[0];
		if (!name)
			misuse("a command is missing, service or client for example");
	}
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, name))
			continue;
		if (given[strspn(given, commands[i].letters)])
			misuse("%s has no option -%c", name,
			       given[strspn(given, commands[i].letters)]);
		if (argc < commands[i].min || argc > commands[i].max)
			misuse("%s wants %s", name, commands[i].args);
		return commands[i].run(argc, argv);
	}
	misuse("\"%s\" is not a command of redirect", name);
}
