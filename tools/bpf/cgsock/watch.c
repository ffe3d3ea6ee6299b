// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "event.h"
#include "tools.h"

static const char * const calls[CALLS] = {
	[CALL_CONNECT] = "connect", [CALL_SEND] = "send", [CALL_BIND] = "bind",
	[CALL_LISTEN] = "listen", [CALL_SOCKET] = "socket",
};

/* Where a ring buffer is from. */
struct source {
	struct place place;
	char *tool;
};

static struct ring_buffer *buffers;
static const struct place *only;	/* NULL: all */
static __u64 start;
static unsigned int sources;
/* All that was read is printed. */
static void on_signal(int number)
{
	(void)number;
	_exit(0);
}

static __u64 now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static char *protocol_of(const struct event *event)
{
	static const struct { __u32 number; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" },
		{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_MPTCP, "mptcp" },
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == event->protocol)
			return text("%s%s", event->type == SOCK_RAW ? "raw/" : "", names[i].name);
	return text("%s%u", event->type == SOCK_RAW ? "raw/" : "", event->protocol);
}

/* What was asked for: an address, or for socket() a family. */
static char *object_of(const struct event *event)
{
	struct endpoint endpoint = { .family = event->family, .port = event->port };

	if (event->call == CALL_SOCKET)
		return text("%s", event->family == AF_INET6 ? "inet6" : "inet");
	memcpy(endpoint.ip, event->ip, sizeof(endpoint.ip));
	return text("%s", show_endpoint(&endpoint));
}

static int show(void *data, void *record, size_t size)
{
	const struct source *source = data;
	const struct event *event = record;
	char *protocol, *object, *rule, clock[32];
	struct json_object *one;
	struct tm local;
	time_t seconds;

	/* What nobody has read before is not news. */
	if (size < sizeof(*event) || event->call >= CALLS || event->time < start)
		return 0;
	protocol = protocol_of(event);
	object = object_of(event);
	rule = event->call == CALL_SOCKET ? kind_by_number(&source->place, event->rule) :
	       rule_by_id(&source->place, event->rule);
	seconds = (now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC) + event->time) / 1000000000;
	localtime_r(&seconds, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	if (want_json) {
		one = json_object_new_object();
		json_object_object_add(one, "time", json_object_new_int64(seconds));
		json_object_object_add(one, "command", json_object_new_string(event->command));
		json_object_object_add(one, "pid", json_object_new_int64(event->pid));
		json_object_object_add(one, "uid", json_object_new_int64(event->uid));
		json_object_object_add(one, "cgroup", json_object_new_string(source->place.name));
		json_object_object_add(one, "tool", json_object_new_string(source->tool));
		json_object_object_add(one, "call", json_object_new_string(calls[event->call]));
		json_object_object_add(one, "protocol", json_object_new_string(protocol));
		json_object_object_add(one, "address", json_object_new_string(object));
		json_object_object_add(one, "rule", rule ? json_object_new_string(rule) : NULL);
		puts(json_object_to_json_string_ext(one, JSON_C_TO_STRING_PLAIN |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(one);
	} else {
		printf("%s  %s[%u]  %s  refused: %s %s %s  by %s: %s\n", clock, event->command,
		       event->pid, source->place.name, calls[event->call], protocol, object,
		       source->tool, rule ?: "a rule that is gone");
	}
	fflush(stdout);
	free(protocol);
	free(object);
	free(rule);
	return 0;
}

static void add_source(const struct pinned *pinned, void *data)
{
	static char *before;
	struct source *source;
	int map;

	(void)data;
	if (before && !strcmp(before, pinned->folder))
		return;
	free(before);
	before = text("%s", pinned->folder);
	if (only && !is_pinned_for(pinned, only))
		return;
	source = allocate(sizeof(*source));
	source->place.name = text("%s", pinned->owner);
	source->place.pins = text("%s", pinned->pins);
	source->tool = text("%s", pinned->tool);
	map = open_map(&source->place, source->tool, "events");
	if (map < 0)
		return;
	if (!buffers)
		buffers = ring_buffer__new(map, show, source, NULL);
	else if (ring_buffer__add(buffers, map, show, source))
		buffers = NULL;
	if (!buffers)
		fail("cannot read the events of %s: %s", pinned->folder, strerror(errno));
	sources++;
}

int cmd_watch(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	struct sigaction action = { .sa_handler = on_signal };
	struct place place;

	if (next_option(argc, argv, "", options) != -1 || argc - optind > 1)
		misuse("one CGROUP at most is wanted");
	begin_look();
	if (argc - optind) {
		find_place(&place, argv[optind]);
		only = &place;
	}
	start = now(CLOCK_MONOTONIC);
	see_pinned(add_source, NULL);
	if (!sources)
		fail("nothing to watch: neither firewall nor deny is set%s%s", only ? " at " : "",
		     only ? only->name : "");
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (;;)
		ring_buffer__poll(buffers, -1);
}
