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

/* Covered if it is so for both families. */
static void make_calls(struct coverage *coverage)
{
	for (int i = 0; i < KINDS; i++) {
		for (unsigned int call = 0; call <= CALL_LISTEN; call++) {
			enum covered four = try(&coverage[i], call, AF_INET);
			enum covered six = try(&coverage[i], call, AF_INET6);

			if (!four || !six)
				coverage[i].call[call] = four ?: six;
			else
				coverage[i].call[call] = four == COVERED ? six : four;
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

const struct coverage *measure_calls(void)
{
	static const char refuse[] = "default refuse\n";
	struct coverage *coverage = mmap(NULL, sizeof(kinds), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	FILE *stream = fmemopen((char *)refuse, sizeof(refuse) - 1, "r");
	struct place place;
	int status = 1;
	pid_t pid;

	if (coverage == MAP_FAILED || !stream)
		fail("out of memory");
	memcpy(coverage, kinds, sizeof(kinds));
	make_own_place(&place, "cgsock-measure", 0, NULL, NULL);
	if (set_firewall(&place, read_rules_from(stream, "measure"))) {
		pid = fork();
		if (!pid) {
			if (!enter(&place))
				_exit(1);
			make_calls(coverage);
			_exit(0);
		}
		waitpid(pid, &status, 0);
	}
	fclose(stream);
	remove_place(&place);
	if (status)
		fail("cannot try out which calls programs see here");
	return coverage;
}
