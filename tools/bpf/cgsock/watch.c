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
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "event.h"
#include "hooks.h"
#include "tools.h"
#include "watch.skel.h"

#define TASK_COMM	16

/* Those of AF_UNIX in the order of their numbers, which older headers and libbpf do not know. */
#define FIRST_UNIX_HOOK	49
static const char * const unix_hooks[] = {
	"connect_unix", "sendmsg_unix", "recvmsg_unix", "getpeername_unix", "getsockname_unix",
};

#define UNIX_HOOKS	(sizeof(unix_hooks) / sizeof(*unix_hooks))

static const char * const calls[CALLS] = {
	[CALL_CONNECT] = "connect", [CALL_SEND] = "send", [CALL_BIND] = "bind",
	[CALL_LISTEN] = "listen", [CALL_SOCKET] = "socket",
};

/* Where a ring buffer is from. */
struct source {
	struct source *next;
	struct place place;
	char *tool;
	int lost;		/* the map */
	__u64 lost_before;
};

/* Programs of ours. */
struct known {
	struct known *next;
	__u32 id;
	char *tool;
};

static struct source *sources;
static struct known *known;
static struct ring_buffer *buffers;
static const struct place *only;	/* NULL: all */
static __u64 start;

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

static char *show_protocol(__u32 family, __u32 type, __u32 protocol)
{
	static const struct { __u32 number; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmpv6" }, { IPPROTO_SCTP, "sctp" },
		{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_MPTCP, "mptcp" },
	};

	if (family == AF_UNIX)
		return text("unix");
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].number == protocol)
			return text("%s%s", type == SOCK_RAW ? "raw/" : "", names[i].name);
	return text("%s%u", type == SOCK_RAW ? "raw/" : "", protocol);
}

/*
 * Whoever runs a command chooses its name and its paths, and this may be root's terminal. What is
 * not printable, a backslash and the characters of @special are shown as \xNN.
 */
static char *show_bytes(const char *bytes, size_t length, const char *special)
{
	char *shown = allocate(4 * length + 1), *end = shown;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] >= ' ' && bytes[i] <= '~' && bytes[i] != '\\' &&
		    !strchr(special, bytes[i]))
			*end++ = bytes[i];
		else
			end += sprintf(end, "\\x%02x", (unsigned char)bytes[i]);
	}
	return shown;
}

static time_t to_seconds(__u64 time)
{
	return (now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC) + time) / 1000000000;
}

static void print_line(struct json_object *one)
{
	puts(json_object_to_json_string_ext(one, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(one);
}

static void add(struct json_object *one, const char *key, const char *value)
{
	json_object_object_add(one, key, value ? json_object_new_string(value) : NULL);
}

/* The beginning of a line, or of an object: when and who. */
static struct json_object *begin_line(__u64 time, const char *command, __u32 pid, __u32 uid,
				      __u64 cgroup)
{
	char *shown = show_bytes(command, strnlen(command, TASK_COMM), "");
	char *name = name_of_cgroup(cgroup), clock[32];
	struct json_object *one = NULL;
	time_t seconds = to_seconds(time);
	struct tm local;

	if (want_json) {
		one = json_object_new_object();
		json_object_object_add(one, "time", json_object_new_int64(seconds));
		add(one, "command", shown);
		json_object_object_add(one, "pid", json_object_new_int64(pid));
		json_object_object_add(one, "uid", json_object_new_int64(uid));
		add(one, "cgroup", name);
	} else {
		localtime_r(&seconds, &local);
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
		printf("%s  %s[%u]  %s  ", clock, shown, pid, name);
	}
	free(shown);
	free(name);
	return one;
}

static const char *name_family(__u32 family)
{
	if (family == AF_UNIX)
		return "unix";
	return family == AF_INET6 ? "inet6" : "inet";
}

/* What was asked for: an address, or for socket() a family. */
static char *object_of(const struct event *event)
{
	struct endpoint endpoint = { .family = event->family, .port = event->port };

	if (event->call == CALL_SOCKET)
		return text("%s", name_family(event->family));
	memcpy(endpoint.ip, event->ip, sizeof(endpoint.ip));
	return text("%s", show_endpoint(&endpoint));
}

static int show(void *data, void *record, size_t size)
{
	const struct source *source = data;
	const struct event *event = record;
	char *protocol, *object, *rule;
	struct json_object *one;

	/* What nobody has read before is not news. */
	if (size < sizeof(*event) || event->call >= CALLS || event->time < start)
		return 0;
	protocol = show_protocol(event->family, event->type, event->protocol);
	object = object_of(event);
	rule = event->call == CALL_SOCKET ? kind_by_number(&source->place, event->rule) :
	       rule_by_id(&source->place, event->rule);
	one = begin_line(event->time, event->command, event->pid, event->uid, event->cgroup);
	if (one) {
		add(one, "what", "refused");
		add(one, "call", calls[event->call]);
		add(one, "protocol", protocol);
		add(one, "address", object);
		add(one, "tool", source->tool);
		add(one, "holder", source->place.name);
		add(one, "rule", rule);
		print_line(one);
	} else {
		printf("refused: %s %s %s  by %s of %s: %s\n", calls[event->call], protocol,
		       object, source->tool, source->place.name, rule ?: "a rule that is gone");
	}
	fflush(stdout);
	free(protocol);
	free(object);
	free(rule);
	return 0;
}

static const char *name_hook(enum bpf_attach_type type)
{
	const char *found = "?";

	if (type >= FIRST_UNIX_HOOK && type - FIRST_UNIX_HOOK < UNIX_HOOKS)
		return unix_hooks[type - FIRST_UNIX_HOOK];
	for (unsigned int i = 0; i < HOOKS; i++) {
		char *section = text("cgroup/%s", hooks[i]);
		enum bpf_attach_type its_type;
		enum bpf_prog_type program_type;

		if (!libbpf_prog_type_by_name(section, &program_type, &its_type) &&
		    its_type == type)
			found = hooks[i];
		free(section);
	}
	return found;
}

/*
 * As the tracepoint does: an abstract name begins with an @, and no path looks like that, like an
 * arrow or like more than one word.
 */
static char *show_path(const struct view *view)
{
	size_t length = view->path_len < sizeof(view->path) ? view->path_len : sizeof(view->path);
	bool abstract = length && !*view->path;
	char *shown, *path;

	shown = abstract ? show_bytes(view->path + 1, length - 1, " >") :
			   show_bytes(view->path, strnlen(view->path, length), " >@");
	path = text("%s%s", abstract ? "@" : "", shown);
	free(shown);
	return path;
}

static char *show_view(const struct view *view, const struct traced *traced)
{
	if (view->address.family == AF_INET || view->address.family == AF_INET6)
		return text("%s", show_endpoint(&view->address));
	if (view->address.family == AF_UNIX)
		return show_path(view);
	return text("%s", name_family(traced->family));
}

/* What else than the address is another one now. */
static char *show_changes(const struct traced *traced)
{
	const struct view *before = &traced->before, *now = &traced->now;
	char *changes = NULL;
	size_t size;
	FILE *stream = open_memstream(&changes, &size);

	if (memcmp(&before->source, &now->source, sizeof(now->source)))
		fprintf(stream, " source %s -> %s", show_endpoint(&before->source),
			show_endpoint(&now->source));
	if (before->device != now->device)
		fprintf(stream, " device %u -> %u", before->device, now->device);
	if (before->mark != now->mark)
		fprintf(stream, " mark %#x -> %#x", before->mark, now->mark);
	if (before->priority != now->priority)
		fprintf(stream, " priority %u -> %u", before->priority, now->priority);
	fclose(stream);
	return changes;
}

/* EPERM is what a refusal is without more ado. */
static char *show_what(const struct traced *traced)
{
	const char *name = strerrorname_np(traced->refused);

	if (!traced->refused)
		return text("rewritten");
	if (traced->refused == EPERM)
		return text("refused");
	return name ? text("refused with %s", name) :
		      text("refused with errno %u", traced->refused);
}

static const char *tool_of(__u32 program)
{
	const struct known *one = known;

	while (one && one->id != program)
		one = one->next;
	return one ? one->tool : NULL;
}

static int show_traced(void *data, void *record, size_t size)
{
	const struct traced *traced = record;
	char *what, *protocol, *from, *to, *changes, *holder, *name;
	struct json_object *one;
	const char *tool;
	bool moved;

	(void)data;
	if (size < sizeof(*traced) || (only && traced->holder != id_of_cgroup(only->fd)))
		return 0;
	what = show_what(traced);
	protocol = show_protocol(traced->family, traced->type, traced->protocol);
	from = show_view(&traced->before, traced);
	to = show_view(&traced->now, traced);
	changes = show_changes(traced);
	holder = name_of_cgroup(traced->holder);
	tool = tool_of(traced->program);
	name = name_of_program(traced->program);
	moved = !traced->refused && strcmp(from, to);
	one = begin_line(traced->time, traced->command, traced->pid, traced->uid, traced->cgroup);
	if (one) {
		add(one, "what", traced->refused ? "refused" : "rewritten");
		add(one, "call", name_hook(traced->hook));
		add(one, "protocol", protocol);
		add(one, "address", from);
		add(one, "to", to);
		add(one, "changes", changes);
		if (traced->refused)
			add(one, "error", strerrorname_np(traced->refused));
		json_object_object_add(one, "program", json_object_new_int64(traced->program));
		add(one, "name", name);
		add(one, "tool", tool);
		add(one, "holder", holder);
		print_line(one);
	} else {
		printf("%s: %s %s %s%s%s%s  by %s%s (program %u) of %s\n", what,
		       name_hook(traced->hook), protocol, from, moved ? " -> " : "",
		       moved ? to : "", traced->refused ? "" : changes,
		       tool ? "" : "others' ", tool ?: name, traced->program, holder);
	}
	fflush(stdout);
	free(what);
	free(protocol);
	free(from);
	free(to);
	free(changes);
	free(holder);
	free(name);
	return 0;
}

static __u64 count_lost(const struct source *source)
{
	__u32 zero = 0;
	__u64 count = 0;

	bpf_map_lookup_elem(source->lost, &zero, &count);
	return count;
}

/* Tells if events were lost since the last time. */
static void show_lost(void)
{
	struct json_object *one;
	__u64 count = 0;

	for (struct source *source = sources; source; source = source->next) {
		__u64 now = count_lost(source);

		count += now - source->lost_before;
		source->lost_before = now;
	}
	if (!count)
		return;
	if (want_json) {
		one = json_object_new_object();
		json_object_object_add(one, "lost", json_object_new_int64(count));
		print_line(one);
	} else {
		printf("lost: %llu events that came faster than they were read\n", count);
	}
	fflush(stdout);
}

static void add_buffer(struct source *source, int map, ring_buffer_sample_fn see)
{
	if (!buffers)
		buffers = ring_buffer__new(map, see, source, NULL);
	else if (ring_buffer__add(buffers, map, see, source))
		buffers = NULL;
	if (!buffers)
		fail("cannot read the events of %s: %s", source->tool, strerror(errno));
	source->lost_before = count_lost(source);
	source->next = sources;
	sources = source;
}

static void add_source(const struct pinned *pinned, void *data)
{
	struct known *program = allocate(sizeof(*program));
	static char *before;
	struct source *source;
	int map;

	(void)data;
	program->id = pinned->program_id;
	program->tool = text("%s", pinned->tool);
	program->next = known;
	known = program;
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
	source->lost = open_map(&source->place, source->tool, "lost");
	map = open_map(&source->place, source->tool, "events");
	if (map >= 0)
		add_buffer(source, map, show);
}

static bool has_tracepoints(void)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool found = kernel && btf__find_by_name_kind(kernel, "btf_trace_cgroup_sock_rewrite",
						      BTF_KIND_TYPEDEF) > 0;

	btf__free(kernel);
	return found;
}

/* Programs of others, and rewrites, where the kernel tells of them. */
static void add_tracepoints(void)
{
	struct source *source;
	struct watch_bpf *skel;

	if (!has_tracepoints())
		return;
	skel = watch_bpf__open_and_load();
	for (const struct known *one = known; skel && one; one = one->next)
		if (!strcmp(one->tool, "firewall") || !strcmp(one->tool, "deny"))
			bpf_map_update_elem(bpf_map__fd(skel->maps.told), &one->id, &one->id,
					    BPF_ANY);
	if (!skel || watch_bpf__attach(skel)) {
		complain("note: no rewrites, and not others' programs: the tracepoints: %s",
			 strerror(errno));
		return;
	}
	source = allocate(sizeof(*source));
	source->tool = text("watch");
	source->lost = bpf_map__fd(skel->maps.lost);
	add_buffer(source, bpf_map__fd(skel->maps.events), show_traced);
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
	add_tracepoints();
	if (!sources)
		fail("nothing to watch: neither firewall nor deny is set%s%s", only ? " at " : "",
		     only ? only->name : "");
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (;;) {
		ring_buffer__poll(buffers, 1000);
		show_lost();
	}
}
