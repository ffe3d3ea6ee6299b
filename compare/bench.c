// SPDX-License-Identifier: GPL-2.0
/*
 * Print what system calls cost where a program of a cgroup has a say: for each call, with no
 * programs in the system, with one on another cgroup, and with 1 to 64 on the one of the socket,
 * also with one while its tracepoints are on, the nanoseconds per call. Then how that grows with
 * the depth of the cgroup, and what a program at the root costs with many cgroups. Where the clock
 * counts instructions nanoseconds are instructions, see ACCEL=icount in vm/vm.sh. Judges nothing
 * itself, "make bench" does.
 *
 * A line is: CALL STATE FIGURE.
 *
 * With the argument "threads" instead how many datagrams a second one to four threads send through
 * one socket, which only means something on several CPUs and next to another kernel.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <limits.h>
#include <stddef.h>
#include <sys/param.h>
#include <sys/un.h>
#include <time.h>

#include "util.h"

/*
 * Short rounds, and many: the least is one without a timer tick, a new slab or a new batch of
 * random numbers.
 */
#define CALLS		12
#define ROUNDS		400
#define MOST		64	/* programs of one type that a cgroup takes */
#define PORT		4000	/* of the servers */
#define CLOSED		4001
#define DEEPEST		32
#define MOST_THREADS	4
#define MOST_CGROUPS	10000
#define CHOSEN		"4002 4002"	/* a choice of one always takes as long */

struct call {
	const char *name;
	enum bpf_attach_type type;
	int (*run)(const struct call *call);
	int result;		/* 0, or the errno that the call ends with behind the hook */
	int fd;
	struct endpoint e;
};

static int run_socket(const struct call *call)
{
	return close(socket(AF_INET, SOCK_DGRAM, 0));
}

static int run_bind(const struct call *call)
{
	return bind(call->fd, &call->e.any, call->e.len);
}

/* connect() gives back the port that the kernel chose, so that it can choose again. */
static int run_bind_and_unbind(const struct call *call)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return bind(call->fd, &call->e.any, call->e.len) ?:
	       connect(call->fd, &none, sizeof(none));
}

static int run_connect(const struct call *call)
{
	return connect(call->fd, &call->e.any, call->e.len);
}

static int run_sendto(const struct call *call)
{
	return sendto(call->fd, "", 1, MSG_DONTWAIT, &call->e.any, call->e.len) < 0 ? -1 : 0;
}

static int run_send(const struct call *call)
{
	return send(call->fd, "", 1, 0) < 0 ? -1 : 0;
}

/* A datagram that stays where it is serves all calls. */
static int run_recvfrom(const struct call *call)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char byte;

	return recvfrom(call->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT,
			(struct sockaddr *)&from, &len) < 0 ? -1 : 0;
}

static int run_getpeername(const struct call *call)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	return getpeername(call->fd, (struct sockaddr *)&name, &len);
}

static int run_getsockname(const struct call *call)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);

	return getsockname(call->fd, (struct sockaddr *)&name, &len);
}

static struct call calls[] = {
	{ "socket", BPF_CGROUP_INET_SOCK_CREATE, run_socket },
	{ "close", BPF_CGROUP_INET_SOCK_RELEASE, run_socket },
	{ "udp4-bind", BPF_CGROUP_INET4_BIND, run_bind, EINVAL },
	{ "udp6-bind", BPF_CGROUP_INET6_BIND, run_bind, EINVAL },
	{ "tcp4-bind", BPF_CGROUP_INET4_BIND, run_bind, EINVAL },
	{ "tcp6-bind", BPF_CGROUP_INET6_BIND, run_bind, EINVAL },
	{ "udp4-post_bind", BPF_CGROUP_INET4_POST_BIND, run_bind_and_unbind },
	{ "udp6-post_bind", BPF_CGROUP_INET6_POST_BIND, run_bind_and_unbind },
	{ "udp4-connect", BPF_CGROUP_INET4_CONNECT, run_connect },
	{ "udp6-connect", BPF_CGROUP_INET6_CONNECT, run_connect },
	{ "tcp4-connect", BPF_CGROUP_INET4_CONNECT, run_connect, ECONNREFUSED },
	{ "tcp6-connect", BPF_CGROUP_INET6_CONNECT, run_connect, ECONNREFUSED },
	{ "udp4-sendto", BPF_CGROUP_UDP4_SENDMSG, run_sendto },
	{ "udp6-sendto", BPF_CGROUP_UDP6_SENDMSG, run_sendto },
	{ "udp4-send", BPF_CGROUP_UDP4_SENDMSG, run_send },
	{ "udp6-send", BPF_CGROUP_UDP6_SENDMSG, run_send },
	{ "udp4-recvfrom", BPF_CGROUP_UDP4_RECVMSG, run_recvfrom },
	{ "udp6-recvfrom", BPF_CGROUP_UDP6_RECVMSG, run_recvfrom },
	{ "udp4-getpeername", BPF_CGROUP_INET4_GETPEERNAME, run_getpeername },
	{ "udp6-getpeername", BPF_CGROUP_INET6_GETPEERNAME, run_getpeername },
	{ "udp4-getsockname", BPF_CGROUP_INET4_GETSOCKNAME, run_getsockname },
	{ "udp6-getsockname", BPF_CGROUP_INET6_GETSOCKNAME, run_getsockname },
	{ "unix-connect", BPF_CGROUP_UNIX_CONNECT, run_connect },
	{ "unix-sendto", BPF_CGROUP_UNIX_SENDMSG, run_sendto, EAGAIN },
	{ "unix-recvfrom", BPF_CGROUP_UNIX_RECVMSG, run_recvfrom },
	{ "unix-getpeername", BPF_CGROUP_UNIX_GETPEERNAME, run_getpeername },
	{ "unix-getsockname", BPF_CGROUP_UNIX_GETSOCKNAME, run_getsockname },
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void report(const struct call *call, const char *state)
{
	long start, took, least = LONG_MAX;
	int round, i, result;

	/* The first round fills queues and caches. */
	for (round = 0; round <= ROUNDS; round++) {
		start = now();
		for (i = 0; i < CALLS; i++)
			result = call->run(call);
		took = now() - start;
		if (round)
			least = MIN(least, took);
		if (result != (call->result ? -1 : 0) || (result && errno != call->result))
			die(call->name);
	}
	printf("%s %s %ld\n", call->name, state, (least + CALLS / 2) / CALLS);
}

static enum bpf_prog_type prog_type(enum bpf_attach_type type)
{
	switch (type) {
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET_SOCK_RELEASE:
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
		return BPF_PROG_TYPE_CGROUP_SOCK;
	default:
		return BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	}
}

static void attach(int prog, int cgroup, enum bpf_attach_type type)
{
	must(bpf_prog_attach(prog, cgroup, type, BPF_F_ALLOW_MULTI), "attach");
}

static void detach(int prog, int cgroup, enum bpf_attach_type type)
{
	must(bpf_prog_detach2(prog, cgroup, type), "detach");
	close(prog);
}

/* One program, while its tracepoints are on: nothing is refused or changed, so none fires. */
static void report_traced(const struct call *call)
{
	static const char events[] = "/sys/kernel/tracing/events/cgroup_sock/enable";

	if (write_file(events, "1"))	/* mainline has none */
		return;
	report(call, "traced");
	must(write_file(events, "0"), events);
}

static void report_with_programs(const struct call *call, int here, int elsewhere)
{
	int progs[MOST], i, prog;
	char state[16];

	prog = must(load_return(prog_type(call->type), call->type, 1), "load");
	attach(prog, elsewhere, call->type);
	report(call, "elsewhere");
	detach(prog, elsewhere, call->type);

	for (i = 0; i < MOST; i++) {
		progs[i] = must(load_return(prog_type(call->type), call->type, 1), "load");
		attach(progs[i], here, call->type);
		if (((i + 1) & i) == 0) {
			snprintf(state, sizeof(state), "%d", i + 1);
			report(call, state);
			if (!i)
				report_traced(call);
		}
	}
	for (i = 0; i < MOST; i++)
		detach(progs[i], here, call->type);

	prog = load_locking(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, call->type, 1);
	if (prog < 0)	/* not all types have that helper */
		return;
	attach(prog, here, call->type);
	report(call, "lock");
	detach(prog, here, call->type);
}

static struct call *find(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_LEN(calls); i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	die(name);
	return NULL;
}

static void prepare(const char *name, int fd, struct endpoint e)
{
	struct call *call = find(name);

	call->fd = must(fd, name);
	call->e = e;
}

static struct endpoint local_endpoint(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct endpoint e = { .len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name) };

	memcpy(un.sun_path + 1, name, strlen(name));
	memcpy(&e, &un, e.len);
	return e;
}

/* A datagram socket that is bound to @own, if that is one, and connected to @peer. */
static int client(int family, const struct endpoint *own, struct endpoint peer)
{
	int fd = must(make(family, SOCK_DGRAM, 0), "socket");

	if (own)
		must(do_bind(fd, *own), "bind");
	must(do_connect(fd, peer), "connect");
	return fd;
}

static void prepare_inet(int family, const char *ip)
{
	struct endpoint to = endpoint(family, ip, PORT), closed = endpoint(family, ip, CLOSED);
	struct endpoint any = endpoint(family, family == AF_INET ? "0.0.0.0" : "::", 0);
	int tcp = must(server(family, SOCK_STREAM, ip, PORT), "server");
	int sink = must(server(family, SOCK_DGRAM, ip, PORT), "server");
	int connected = client(family, NULL, to), room = 1;
	char name[32];
	int i;
	const struct {
		const char *name;
		int fd;
		struct endpoint e;
	} sockets[] = {
		{ "udp%d-bind", sink, to },
		{ "tcp%d-bind", tcp, to },
		{ "udp%d-post_bind", make(family, SOCK_DGRAM, 0), any },
		{ "udp%d-connect", client(family, NULL, to), to },
		{ "tcp%d-connect", make(family, SOCK_STREAM, 0), closed },
		{ "udp%d-sendto", make(family, SOCK_DGRAM, 0), to },
		{ "udp%d-send", connected },
		{ "udp%d-recvfrom", sink },
		{ "udp%d-getpeername", connected },
		{ "udp%d-getsockname", connected },
	};

	/* Nobody reads: full after a few datagrams, it takes as long for each of the others. */
	setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (i = 0; i < ARRAY_LEN(sockets); i++) {
		snprintf(name, sizeof(name), sockets[i].name, family == AF_INET ? 4 : 6);
		prepare(name, sockets[i].fd, sockets[i].e);
	}
	must(run_sendto(find(family == AF_INET ? "udp4-sendto" : "udp6-sendto")), "sendto");
}

static void prepare_unix(void)
{
	struct endpoint to = local_endpoint("sink"), own = local_endpoint("own");
	int sink = must(make(AF_UNIX, SOCK_DGRAM, 0), "socket"), connected;

	must(do_bind(sink, to), "bind");
	connected = client(AF_UNIX, &own, to);
	prepare("unix-connect", make(AF_UNIX, SOCK_DGRAM, 0), to);
	prepare("unix-sendto", make(AF_UNIX, SOCK_DGRAM, 0), to);
	prepare("unix-recvfrom", sink, to);
	prepare("unix-getpeername", connected, to);
	prepare("unix-getsockname", connected, to);
	must(run_send(find("unix-getpeername")), "send");
}

/*
 * UDP connect in cgroups one below the other: "depth-N" with one program, on the topmost, and
 * "levels-N" with one on each.
 */
static void report_depth(const char *top, bool hooks)
{
	const enum bpf_attach_type type = BPF_CGROUP_INET4_CONNECT;
	int cgroups[DEEPEST], progs[DEEPEST], depth, i;
	struct call call = *find("udp4-connect");
	char state[16];

	must(chdir(top), top);
	for (depth = 1; depth <= DEEPEST; depth++) {
		cgroups[depth - 1] = must(cgroup_make("below"), "cgroup");
		must(chdir("below"), "cgroup");
		if (hooks)
			progs[depth - 1] = must(load_return(prog_type(type), type, 1), "load");
		if (depth & (depth - 1))
			continue;

		must(cgroup_join("."), "cgroup");
		call.fd = client(AF_INET, NULL, call.e);
		if (hooks)
			attach(progs[0], cgroups[0], type);
		snprintf(state, sizeof(state), "depth-%d", depth);
		report(&call, state);
		for (i = 1; hooks && i < depth; i++)
			attach(progs[i], cgroups[i], type);
		snprintf(state, sizeof(state), "levels-%d", depth);
		report(&call, state);
		for (i = 0; hooks && i < depth; i++)
			must(bpf_prog_detach2(progs[i], cgroups[i], type), "detach");
		close(call.fd);
	}
	must(cgroup_join(top), "cgroup");
	for (depth = DEEPEST; depth; depth--) {
		must(chdir(".."), "cgroup");
		rmdir("below");
	}
}

/* Bytes of the kernel's slabs and per-CPU areas, when what was freed is free. */
static long memory(void)
{
	long sum = 0, kib;
	char line[96];
	FILE *f;

	sleep(1);
	f = fopen("/proc/meminfo", "r");
	if (!f)
		die("meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %ld", &kib) == 1 || sscanf(line, "Percpu: %ld", &kib) == 1)
			sum += kib * 1024;
	fclose(f);
	return sum;
}

/*
 * What attaching to the root and detaching take with so many cgroups below it, and, where that is
 * more than a few pages, what memory a cgroup and its share of the program take. That some cgroup
 * has a program all the time leaves out the patching of code with the first one.
 */
static void report_cgroups(int elsewhere, bool hooks)
{
	const enum bpf_attach_type type = BPF_CGROUP_INET4_CONNECT;
	long empty = memory(), before, with, attached, detached, start, took;
	int root = must(open(CGROUP_ROOT, O_RDONLY), CGROUP_ROOT);
	int progs[2] = {}, most, count = 0, round, i;
	char path[64];

	for (i = 0; hooks && i < ARRAY_LEN(progs); i++)
		progs[i] = must(load_return(prog_type(type), type, 1), "load");
	if (hooks)
		attach(progs[1], elsewhere, type);
	for (most = 10; most <= MOST_CGROUPS; most *= 10) {
		for (; count < most; count++) {
			snprintf(path, sizeof(path), CGROUP_ROOT "/bench-%d", count);
			must(mkdir(path, 0755), path);
		}
		before = memory();
		if (most == MOST_CGROUPS)
			printf("memory-cgroup cgroups-%d %ld\n", most, (before - empty) / most);
		if (!hooks)
			continue;

		attached = LONG_MAX;
		detached = LONG_MAX;
		for (round = 0; round < 5; round++) {
			start = now();
			attach(progs[0], root, type);
			took = now() - start;
			attached = MIN(attached, took);
			with = memory();
			start = now();
			must(bpf_prog_detach2(progs[0], root, type), "detach");
			took = now() - start;
			detached = MIN(detached, took);
		}
		if (most == MOST_CGROUPS)
			printf("memory-program cgroups-%d %ld\n", most, (with - before) / most);
		printf("attach cgroups-%d %ld\n", most, attached);
		printf("detach cgroups-%d %ld\n", most, detached);
	}
	while (count--) {
		snprintf(path, sizeof(path), CGROUP_ROOT "/bench-%d", count);
		rmdir(path);
	}
	if (hooks)
		detach(progs[1], elsewhere, type);
}

static atomic_bool stop;

struct sender {
	pthread_t thread;
	const struct call *call;
	long calls;
};

static void *send_until_stopped(void *arg)
{
	struct sender *sender = arg;

	for (; !stop; sender->calls++)
		sender->call->run(sender->call);
	return NULL;
}

/* The host has other work, too: the best of several rounds is nearest to what is possible. */
static void report_threads(const char *state)
{
	struct sender senders[MOST_THREADS];
	long start, took, rate, best, calls;
	int count, round, i;

	for (count = 1; count <= MOST_THREADS; count *= 2) {
		for (best = 0, round = 0; round < 5; round++) {
			stop = false;
			start = now();
			for (i = 0; i < count; i++) {
				senders[i] = (struct sender) { .call = find("udp4-sendto") };
				errno = pthread_create(&senders[i].thread, NULL,
						       send_until_stopped, &senders[i]);
				if (errno)
					die("thread");
			}
			usleep(300000);
			stop = true;
			for (calls = 0, i = 0; i < count; i++) {
				pthread_join(senders[i].thread, NULL);
				calls += senders[i].calls;
			}
			took = now() - start;
			rate = calls * 1000000000L / took;
			best = MAX(best, rate);
		}
		printf("threads-%d %s %ld\n", count, state, best);
	}
}

static void report_threads_with_programs(int here, bool hooks)
{
	const enum bpf_attach_type type = BPF_CGROUP_UDP4_SENDMSG;
	int prog;

	report_threads("unused");
	if (!hooks)
		return;
	prog = must(load_return(prog_type(type), type, 1), "load");
	attach(prog, here, type);
	report_threads("1");
	detach(prog, here, type);
	prog = must(load_locking(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, 1), "load");
	attach(prog, here, type);
	report_threads("lock");
	detach(prog, here, type);
}

int main(int argc, char **argv)
{
	char here_path[64], elsewhere_path[64];
	int here, elsewhere, prog, i;
	bool hooks;

	cgroup_path(here_path, "here");
	cgroup_path(elsewhere_path, "elsewhere");
	here = must(cgroup_make(here_path), "cgroup");
	elsewhere = must(cgroup_make(elsewhere_path), "cgroup");
	must(cgroup_join(here_path), "cgroup");
	must(new_network(), "network");
	prepare_inet(AF_INET, "127.0.0.1");
	prepare_inet(AF_INET6, "::1");
	prepare_unix();
	must(write_file("/proc/sys/net/ipv4/ip_local_port_range", CHOSEN), "ports");

	prog = load_return(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 1);
	hooks = prog >= 0;
	if (argc > 1 && !strcmp(argv[1], "threads")) {
		report_threads_with_programs(here, hooks);
	} else {
		for (i = 0; i < ARRAY_LEN(calls); i++)
			report(&calls[i], "unused");
		for (i = 0; hooks && i < ARRAY_LEN(calls); i++)
			report_with_programs(&calls[i], here, elsewhere);
		report_depth(here_path, hooks);
		report_cgroups(elsewhere, hooks);
	}

	cgroup_remove(here, here_path);
	cgroup_remove(elsewhere, elsewhere_path);
	return 0;
}
