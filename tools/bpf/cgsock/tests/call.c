// SPDX-License-Identifier: GPL-2.0
/*
 * usage: call [-c CGROUP] SOCKET CALL...
 * Makes a socket, in CGROUP if it is given, and makes the calls on it one after the other. Prints
 * a line for each, with "ok" or the name of the errno, and stops at the first that fails; the
 * exit code is 0 if none did. SOCKET is tcp4, udp6 and so on; CALL is one of
 *	connect ADDRESS:PORT	bind ADDRESS:PORT	sendto ADDRESS:PORT
 *	device NAME (the socket is bound to it)
 *	listen			getsockname		wait (for a signal)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *name;
	int type;
	int protocol;
} kinds[] = {
	{ "tcp", SOCK_STREAM, 0 },
	{ "udp", SOCK_DGRAM, 0 },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP },
	{ "ping", SOCK_DGRAM, IPPROTO_ICMP },
	{ "raw", SOCK_RAW, IPPROTO_ICMP },
};

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void die(const char *what)
{
	fprintf(stderr, "call: %s\n", what);
	exit(2);
}

static socklen_t parse(const char *word, union address *address)
{
	char text[64], *ip = text, *port;

	memset(address, 0, sizeof(*address));
	snprintf(text, sizeof(text), "%s", word);
	port = strrchr(text, ':');
	if (!port)
		die("an address has a port");
	*port++ = '\0';
	if (*ip == '[') {
		ip[strlen(ip) - 1] = '\0';
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons(atoi(port));
		if (inet_pton(AF_INET6, ip + 1, &address->in6.sin6_addr) != 1)
			die(word);
		return sizeof(address->in6);
	}
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons(atoi(port));
	if (inet_pton(AF_INET, ip, &address->in.sin_addr) != 1)
		die(word);
	return sizeof(address->in);
}

static int make_socket(const char *name)
{
	size_t length = strlen(name) - 1;
	int family = name[length] == '6' ? AF_INET6 : AF_INET, protocol;

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, name, length))
			continue;
		protocol = kinds[i].protocol;
		if (protocol == IPPROTO_ICMP && family == AF_INET6)
			protocol = IPPROTO_ICMPV6;
		return socket(family, kinds[i].type, protocol);
	}
	die(name);
	return -1;
}

static int call(int fd, const char *name, const char *where)
{
	/* An ICMP echo request, for those that look. */
	const char message[8] = { 8 };
	union address address;
	socklen_t length = sizeof(address);
	char text[INET6_ADDRSTRLEN];

	if (!strcmp(name, "listen"))
		return listen(fd, 1);
	if (!strcmp(name, "wait")) {
		fflush(stdout);
		return pause();
	}
	if (!strcmp(name, "getsockname")) {
		if (getsockname(fd, &address.sa, &length))
			return -1;
		inet_ntop(address.sa.sa_family, address.sa.sa_family == AF_INET ?
			  (void *)&address.in.sin_addr : (void *)&address.in6.sin6_addr,
			  text, sizeof(text));
		printf("%s port %u ", text, ntohs(address.in.sin_port));
		return 0;
	}
	if (!strcmp(name, "device"))
		return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, where, strlen(where));
	length = parse(where, &address);
	if (!strcmp(name, "connect"))
		return connect(fd, &address.sa, length);
	if (!strcmp(name, "bind"))
		return bind(fd, &address.sa, length);
	if (!strcmp(name, "sendto"))
		return sendto(fd, message, sizeof(message), 0, &address.sa, length);
	die(name);
	return -1;
}

static void enter(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

static int result(const char *name, int ret)
{
	printf("%s %s\n", name, ret < 0 ? strerrorname_np(errno) : "ok");
	return ret < 0;
}

int main(int argc, char **argv)
{
	int fd, i = 1;

	if (argc > 2 && !strcmp(argv[1], "-c")) {
		enter(argv[2]);
		i = 3;
	}
	if (i >= argc)
		die("SOCKET is missing");
	fd = make_socket(argv[i]);
	if (result("socket", fd))
		return 1;
	for (i++; i < argc; i++) {
		const char *name = argv[i];
		int plain = !strcmp(name, "listen") || !strcmp(name, "getsockname") ||
			    !strcmp(name, "wait");

		if (!plain && ++i >= argc)
			die("an address is missing");
		if (result(name, call(fd, name, plain ? NULL : argv[i])))
			return 1;
	}
	return 0;
}
