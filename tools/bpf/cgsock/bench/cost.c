// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what connections cost, in nanoseconds, which are instructions where the clock counts
 * these.
 *
 *	cost connections N SERVER-CGROUP CLIENT-CGROUP PORT
 *		N connections at a time to PORT on loopback, with a server that binds 8080 and ten
 *		packets each way: for one connection, without its packets and for these.
 *	cost connect CGROUP ADDRESS PORT
 *		connect() of a UDP socket, whatever it returns
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKETS		10
#define MOST		1000
#define CALLS		12
/* The least of many rounds is one without a timer tick or a new slab. */
#define CONNECTIONS	4000
#define ROUNDS		400

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static long least(long a, long b)
{
	return a < b ? a : b;
}

static void enter(const char *cgroup)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	check(fd, path);
	check(write(fd, "0", 1), path);
	close(fd);
}

static struct sockaddr_in address(const char *ip, int port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(ip),
	};
}

static void pass(int from, int to)
{
	char byte = 0;

	check(write(from, &byte, 1), "write");
	check(read(to, &byte, 1), "read");
}

static void connections(int count, const char *server_cgroup, const char *client_cgroup, int port)
{
	static const struct linger abort_it = { .l_onoff = 1 };
	struct sockaddr_in bound = address("0.0.0.0", 8080), to = address("127.0.0.1", port);
	static const struct rlimit limit = { 2 * MOST + 100, 2 * MOST + 100 };
	long without = LONG_MAX, packets = LONG_MAX;
	static int client[MOST], served[MOST];
	int server, one = 1;

	check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	enter(server_cgroup);
	server = socket(AF_INET, SOCK_STREAM, 0);
	check(server, "socket");
	check(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	check(bind(server, (void *)&bound, sizeof(bound)), "bind");
	check(listen(server, 128), "listen");
	enter(client_cgroup);
	for (int round = 0; round < CONNECTIONS / count || round < 4; round++) {
		long start = now(), made, sent, end;

		for (int i = 0; i < count; i++) {
			client[i] = socket(AF_INET, SOCK_STREAM, 0);
			check(client[i], "socket");
			check(connect(client[i], (void *)&to, sizeof(to)), "connect");
			served[i] = accept(server, NULL, NULL);
			check(served[i], "accept");
		}
		made = now();
		for (int i = 0; i < count; i++) {
			for (int n = 0; n < PACKETS; n++) {
				pass(client[i], served[i]);
				pass(served[i], client[i]);
			}
		}
		sent = now();
		for (int i = 0; i < count; i++) {
			/* No TIME_WAIT, or each round would find less ports. */
			setsockopt(client[i], SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
			close(client[i]);
			close(served[i]);
		}
		end = now();
		without = least(without, (made - start + end - sent) / count);
		packets = least(packets, (sent - made) / count);
	}
	printf("%ld %ld\n", without, packets);
}

static void connect_only(const char *cgroup, const char *ip, int port)
{
	struct sockaddr_in to = address(ip, port);
	long best = LONG_MAX;
	int fd, err = 0;

	enter(cgroup);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(fd, "socket");
	for (int round = 0; round < ROUNDS; round++) {
		long start = now();

		for (int i = 0; i < CALLS; i++)
			err = connect(fd, (void *)&to, sizeof(to)) ? errno : 0;
		best = least(best, (now() - start) / CALLS);
	}
	printf("%ld %s\n", best, err ? strerrorname_np(err) : "allowed");
}

int main(int argc, char **argv)
{
	int count;

	if (argc == 6 && !strcmp(argv[1], "connections")) {
		count = atoi(argv[2]);
		if (count >= 1 && count <= MOST) {
			connections(count, argv[3], argv[4], atoi(argv[5]));
			return 0;
		}
	}
	if (argc == 5 && !strcmp(argv[1], "connect")) {
		connect_only(argv[2], argv[3], atoi(argv[4]));
		return 0;
	}
	fprintf(stderr, "usage: cost connections N SERVER-CGROUP CLIENT-CGROUP PORT\n"
		"       cost connect CGROUP ADDRESS PORT\n");
	return 2;
}
