// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgsock.h"
#include "measure.h"
#include "rules.h"
#include "tools.h"

#define IPPROTO_L2TP 115

static const struct coverage kinds[KINDS] = {
	{ "tcp", SOCK_STREAM, 0, 0, "any/stream/tcp", {} },
	{ "udp", SOCK_DGRAM, 0, 0, "any/dgram/udp", {} },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, IPPROTO_UDPLITE, "any/dgram/udplite", {} },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMPV6, "any/dgram", {} },
	{ "raw", SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6, "any/raw", {} },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, IPPROTO_SCTP, "any/any/sctp", {} },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP, "any/any/mptcp", {} },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, IPPROTO_DCCP, "any/any/33", {} },
	{ "l2tp", SOCK_DGRAM, IPPROTO_L2TP, IPPROTO_L2TP, "any/any/115", {} },
};

/* Discard at this host: nobody is bothered if the call goes through. */
static int make_call(int fd, unsigned int call, int family, int port)
{
	/* An echo request of ICMP or ICMPv6, for those that look. */
	char message[8] = { family == AF_INET ? 8 : 128 };
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *to = family == AF_INET ? (void *)&in : (void *)&in6;
	socklen_t size = family == AF_INET ? sizeof(in) : sizeof(in6);

	switch (call) {
	case CALL_CONNECT:
		return connect(fd, to, size);
	case CALL_SEND:
		return sendto(fd, message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT, to, size);
	case CALL_BIND:
		return bind(fd, to, size);
	default:
		return listen(fd, 1);
	}
}

/* What the children of measure_calls() share with it. */
struct measured {
	struct coverage coverage[KINDS];
	bool refused_before[KINDS][CALL_LISTEN + 1][2];	/* without rules */
};

/* COVERED if it is refused. */
static enum covered try(const struct coverage *kind, unsigned int call, int family)
{
	int protocol = family == AF_INET ? kind->protocol : kind->protocol6;
	bool is_stream = kind->type == SOCK_STREAM || kind->type == SOCK_DCCP;
	int fd, ret, err;

	if (call == CALL_LISTEN && !is_stream)
		return NO_CALL;
	/* Where a message to an address makes the connection, or is none. */
	if (call == CALL_SEND && is_stream && kind->protocol != IPPROTO_SCTP)
		return NO_CALL;
	fd = socket(family, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return NO_CALL;
	/* To these another port than 0 is a mistake. */
	ret = make_call(fd, call, family, kind->type == SOCK_RAW ||
			kind->protocol == IPPROTO_ICMP || kind->protocol == IPPROTO_L2TP ? 0 : 9);
	err = ret < 0 ? errno : 0;
	close(fd);
	return err == EPERM ? COVERED : NOT_COVERED;
}

static void call_without_rules(struct measured *measured)
{
	for (int i = 0; i < KINDS; i++)
		for (unsigned int call = 0; call <= CALL_LISTEN; call++)
			for (int six = 0; six < 2; six++)
				measured->refused_before[i][call][six] =
					try(&measured->coverage[i], call,
					    six ? AF_INET6 : AF_INET) == COVERED;
}

/* Covered if it is so for both families. */
static void call_with_rules(struct measured *measured)
{
	for (int i = 0; i < KINDS; i++) {
		for (unsigned int call = 0; call <= CALL_LISTEN; call++) {
			struct coverage *coverage = &measured->coverage[i];

			for (int six = 0; six < 2; six++) {
				enum covered found = try(coverage, call, six ? AF_INET6 : AF_INET);

				if (found == COVERED && measured->refused_before[i][call][six])
					found = NOT_KNOWN;
				if (!coverage->call[call] ||
				    (found && found < coverage->call[call]))
					coverage->call[call] = found;
			}
		}
	}
}

static bool enter(const struct place *place)
{
	char *path = text("%s/cgroup.procs", place->path);
	FILE *file = fopen(path, "we");
	bool done = file && fputs("0", file) >= 0;

	free(path);
	return file && !fclose(file) && done;
}

static bool call_in(const struct place *place, void (*make_calls)(struct measured *),
		    struct measured *measured)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		if (!enter(place))
			_exit(1);
		make_calls(measured);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

const struct coverage *measure_calls(void)
{
	static const char refuse[] = "default refuse\n";
	struct measured *measured = mmap(NULL, sizeof(*measured), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *stream = fmemopen((char *)refuse, sizeof(refuse) - 1, "r");
	struct place place;
	bool done;

	if (measured == MAP_FAILED || !stream)
		fail("out of memory");
	memcpy(measured->coverage, kinds, sizeof(kinds));
	make_own_place(&place, "cgsock-measure", 0, NULL, NULL);
	done = call_in(&place, call_without_rules, measured) &&
	       set_firewall(&place, read_rules_from(stream, "measure")) &&
	       call_in(&place, call_with_rules, measured);
	fclose(stream);
	remove_place(&place);
	if (!done)
		fail("cannot try out which calls programs see here");
	return measured->coverage;
}
