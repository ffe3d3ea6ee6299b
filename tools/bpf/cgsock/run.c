// SPDX-License-Identifier: GPL-2.0
/*
 * A cgroup of its own for a command. cgsock becomes the command, so that signals and the exit
 * status are its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgsock.h"
#include "deny.h"
#include "measure.h"
#include "rules.h"
#include "tools.h"
#include "vrf.h"

#define NAME "cgsock-run"

struct wanted {
	const char *device;
	struct kinds kinds;
	struct rules *rules;	/* of the firewall */
	bool has_rules;
	bool only_allowed;	/* --allow: all else is refused */
	bool has_names;
	char group[16];		/* of the connections: services that nobody else sees */
	int connections;
	struct connection {
		char *port;
		char *where;
	} connection[64];
};

/* The part of @word before @end, which is cut off; NULL if there is no @end. */
static char *cut(char **word, const char *end)
{
	char *found = strstr(*word, end), *part = *word;

	if (!found)
		return NULL;
	*found = '\0';
	*word = found + strlen(end);
	return part;
}

static bool is_protocol(const char *word)
{
	for (unsigned int i = 0; i < OTHER; i++)
		if (!strcmp(word, protocol_names[i]))
			return true;
	return !strcmp(word, "any");
}

/* @option is what asked for it. */
static void allow_line(struct wanted *wanted, const char *option, const char *protocol,
		       const char *prefix, const char *ports)
{
	char *line = text("allow connect,send %s %s %s", protocol, prefix, ports);

	add_line(wanted->rules, line, option);
	free(line);
}

/* A name is what it means now. */
static void allow_name(struct wanted *wanted, const char *option, const char *protocol,
		       const char *name, const char *ports)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *one;
	char ip[INET6_ADDRSTRLEN], *list = text("%s", "");
	int err = getaddrinfo(name, NULL, &hints, &all);

	if (err)
		fail("--allow %s: %s", name, gai_strerror(err));
	for (one = all; one; one = one->ai_next) {
		char *longer;

		getnameinfo(one->ai_addr, one->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
		ip[strcspn(ip, "%")] = '\0';
		allow_line(wanted, option, protocol, ip, ports);
		longer = text("%s %s", list, ip);
		free(list);
		list = longer;
	}
	complain("note: %s is%s now; what it is later does not count", name, list);
	freeaddrinfo(all);
	free(list);
	wanted->has_names = true;
}

/* Who has been given names has to be able to look them up. */
static void allow_resolvers(struct wanted *wanted)
{
	FILE *file = fopen("/etc/resolv.conf", "re");
	char line[256], ip[64];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "nameserver %63s", ip) != 1)
			continue;
		ip[strcspn(ip, "%")] = '\0';
		allow_line(wanted, "/etc/resolv.conf", "udp,tcp", ip, "53");
		complain("note: the resolver %s can be reached, too, as there are names", ip);
	}
	if (file)
		fclose(file);
}

/* [PROTOCOL:]HOST[/LENGTH][:PORTS], where an IPv6 HOST[/LENGTH] is in brackets. */
static void parse_allow(struct wanted *wanted, const char *rule)
{
	char *copy = text("%s", rule), *rest = copy, *colon = strchr(copy, ':'), *host;
	/* It stays: the rules name it. */
	const char *option = text("--allow %s", rule);
	const char *protocol = "any", *ports = "any";
	struct in6_addr address;

	if (colon && *copy != '[') {
		*colon = '\0';
		if (is_protocol(copy)) {
			protocol = copy;
			rest = colon + 1;
		} else {
			*colon = ':';
		}
	}
	if (*rest == '[') {
		rest++;
		host = cut(&rest, "]");
		if (!host || (*rest && *rest != ':'))
			bad_value("--allow %s: IPv6 is [2001:db8::1] or [2001:db8::/32]:443", rule);
		if (*rest)
			ports = rest + 1;
	} else {
		host = strsep(&rest, ":");
		if (rest)
			ports = rest;
	}
	if (!*host || !*ports || strpbrk(host, " \t\n#") || strpbrk(ports, " \t\n#:"))
		bad_value("--allow %s: not [PROTOCOL:]HOST[/LENGTH][:PORTS]", rule);
	if (strchr(host, '/') || !strcmp(host, "any") || inet_pton(AF_INET, host, &address) == 1 ||
	    inet_pton(AF_INET6, host, &address) == 1)
		allow_line(wanted, option, protocol, host, ports);
	else
		allow_name(wanted, option, protocol, host, ports);
	wanted->only_allowed = true;
	free(copy);
}

static void parse_connect(struct wanted *wanted, const char *word)
{
	struct connection *connection = &wanted->connection[wanted->connections++];
	char *copy = text("%s", word), *where = copy, ip[INET6_ADDRSTRLEN], ports[16];
	struct endpoint endpoint;
	unsigned int port;

	if (wanted->connections == sizeof(wanted->connection) / sizeof(*connection))
		misuse("more than %d times --connect", wanted->connections - 1);
	connection->port = cut(&where, "=");
	connection->where = where;
	if (!connection->port || !read_number(connection->port, 1, UINT16_MAX, &port) ||
	    !parse_endpoint(where, &endpoint) || !endpoint.port)
		bad_value("--connect %s: not PORT=ADDRESS:PORT, as 80=192.0.2.1:8080", word);
	inet_ntop(endpoint.family, endpoint.ip, ip, sizeof(ip));
	snprintf(ports, sizeof(ports), "%u", endpoint.port);
	allow_line(wanted, "--connect", "tcp", ip, ports);
}

/* Runs another subcommand; its messages are its own. */
static bool subcommand(int (*run)(int argc, char **argv), int argc, const char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		optind = 0;
		exit(run(argc, (char **)argv));
	}
	waitpid(pid, &status, 0);
	return !status;
}

static bool redirect_each(const struct wanted *wanted, const char *what)
{
	bool done = true;

	for (int i = 0; i < wanted->connections; i++) {
		const char *words[7] = { "redirect", what, "-g", wanted->group,
					wanted->connection[i].port, wanted->connection[i].where,
					NULL };

		done = subcommand(cmd_redirect, 6, words) && done;
	}
	return done;
}

static bool connect_by_redirect(const struct place *place, const struct wanted *wanted)
{
	const char *words[6] = { "redirect", "client", "-g", wanted->group, place->path, NULL };

	return !wanted->connections ||
	       (redirect_each(wanted, "replica") && subcommand(cmd_redirect, 5, words));
}

/* What no program sees here could go anywhere, so there are no such sockets. */
static void deny_uncovered(struct wanted *wanted)
{
	const struct coverage *coverage = measure_calls();
	char *list = text("%s", ""), *longer;

	for (int i = 0; i < KINDS; i++) {
		struct kind *kind = &wanted->kinds.kind[wanted->kinds.count];

		if (coverage[i].call[CALL_CONNECT] != NOT_COVERED &&
		    coverage[i].call[CALL_SEND] != NOT_COVERED)
			continue;
		if (wanted->kinds.count + 2 > MAX_KINDS)
			fail("too many --deny");
		free(parse_kind(strcmp(coverage[i].kind, "ping") ? coverage[i].denial :
				"inet/dgram/icmp", kind));
		wanted->kinds.count++;
		if (!strcmp(coverage[i].kind, "ping")) {
			free(parse_kind("inet6/dgram/icmpv6", kind + 1));
			wanted->kinds.count++;
		}
		longer = text("%s %s", list, coverage[i].kind);
		free(list);
		list = longer;
	}
	if (*list)
		complain("note: this kernel does not show these sockets, so there are none:%s",
			 list);
	free(list);
}

static bool set_up(const struct place *place, struct wanted *wanted)
{
	struct vrf_settings settings;
	bool done = true;

	if (wanted->device) {
		if (!find_device(wanted->device, &settings)) {
			complain("--vrf %s: no such device here; ip link lists them",
				 wanted->device);
			return false;
		}
		hint_at_localhost(wanted->device);
		done = set_vrf(place, &settings);
	}
	if (done && wanted->kinds.count)
		done = set_deny(place, &wanted->kinds);
	if (done && wanted->has_rules)
		done = set_firewall(place, wanted->rules);
	return done;
}

/* Not only those that were added. */
static void forget_replicas(const struct place *place, void *data)
{
	(void)place;
	redirect_each(data, "forget");
}

/* The user that called, if these rights are not his. */
static uid_t caller(void)
{
	const char *sudo = getenv("SUDO_UID");
	unsigned int uid;

	/* To who is not root, it is a variable that anybody can set. */
	if (!sudo || getuid())
		return getuid();
	if (!read_number(sudo, 0, UINT32_MAX - 1, &uid))
		fail("SUDO_UID is %s, which is not the number of a user", sudo);
	return uid;
}

static void drop_rights(uid_t uid)
{
	struct passwd *user;

	if (uid == getuid() && uid == geteuid())
		return;
	user = getpwuid(uid);
	if (!user)
		fail("there is no user with the number %u", uid);
	if ((!geteuid() && initgroups(user->pw_name, user->pw_gid)) ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) || setresuid(uid, uid, uid))
		fail("cannot become %s: %s", user->pw_name, strerror(errno));
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", user->pw_name, 1);
	setenv("LOGNAME", user->pw_name, 1);
}

static void enter(const struct place *place)
{
	char *path = text("%s/cgroup.procs", place->path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	free(path);
}

static void read_options(int argc, char **argv, struct wanted *wanted)
{
	static const struct option options[] = {
		{ "vrf", required_argument, NULL, 'v' },
		{ "deny", required_argument, NULL, 'd' },
		{ "allow", required_argument, NULL, 'a' },
		{ "rules", required_argument, NULL, 'r' },
		{ "connect", required_argument, NULL, 'c' },
		COMMON_OPTIONS
	};
	const char *rules = NULL;
	char *error;
	int c;

	wanted->rules = begin_rules();
	while ((c = next_option(argc, argv, "v:d:a:r:c:", options)) != -1) {
		switch (c) {
		case 'v':
			wanted->device = optarg;
			break;
		case 'd':
			/* There is room for those that the kernel does not show. */
			if (wanted->kinds.count > MAX_KINDS - 2 * KINDS)
				misuse("too many --deny");
			error = parse_kind(optarg, &wanted->kinds.kind[wanted->kinds.count++]);
			if (error)
				bad_value("--deny %s: %s", optarg, error);
			break;
		case 'a':
			parse_allow(wanted, optarg);
			break;
		case 'r':
			if (rules)
				misuse("--rules is there twice; a file can include others");
			rules = optarg;
			break;
		case 'c':
			parse_connect(wanted, optarg);
			break;
		}
	}
	if (optind == argc)
		misuse("a command is missing");
	if (wanted->has_names)
		allow_resolvers(wanted);
	if (rules)
		add_file(wanted->rules, rules);
	/* Where FILE has no default line, --allow means what it means without a FILE. */
	end_rules(wanted->rules, wanted->only_allowed ?
		  1U << CALL_CONNECT | 1U << CALL_SEND | 1U << CALL_LISTEN : 0);
	wanted->has_rules = rules || wanted->only_allowed;
	if (!wanted->device && !wanted->kinds.count && !wanted->has_rules && !wanted->connections)
		misuse("nothing to do to the command");
}

int cmd_run(int argc, char **argv)
{
	struct wanted wanted = {};
	uid_t user = caller();
	struct place place;

	read_options(argc, argv, &wanted);
	begin_look();
	snprintf(wanted.group, sizeof(wanted.group), "run%d", getpid());
	make_own_place(&place, NAME, user, forget_replicas, &wanted);
	/* First, so that the rules see where connections are led. */
	if (!connect_by_redirect(&place, &wanted))
		return 1;
	begin_change();
	if (wanted.only_allowed)
		deny_uncovered(&wanted);
	if (!set_up(&place, &wanted))
		return 1;
	enter(&place);
	drop_rights(user);
	/* With sudo or a set-user-ID program it could become root and leave the cgroup. */
	if ((wanted.kinds.count || wanted.has_rules) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("cannot keep the command from getting more rights: %s", strerror(errno));
	execvp(argv[optind], argv + optind);
	complain("%s: %s", argv[optind], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
