/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the cgroup socket hooks share: cgroups, programs, addresses. */
#ifndef UTIL_H
#define UTIL_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/ipv6.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../../../include/linux/filter.h"

#include "record.h"

/* Not in the headers of every distribution. */
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPPROTO_L2TP
#define IPPROTO_L2TP 115
#endif
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef SMCPROTO_SMC
#define SMCPROTO_SMC 0
#define SMCPROTO_SMC6 1
#endif

#define ARRAY_LEN(a)	((int)(sizeof(a) / sizeof(*(a))))
#define CGROUP_ROOT	"/sys/fs/cgroup"

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err;

	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* A path below the root of the cgroups that no other test has. */
static inline void cgroup_path(char path[64], const char *name)
{
	snprintf(path, 64, CGROUP_ROOT "/%s-%d", name, getpid());
}

static inline int cgroup_make(const char *path)
{
	if (mkdir(path, 0755))
		return -errno;
	return open(path, O_RDONLY | O_DIRECTORY);
}

static inline int cgroup_join(const char *path)
{
	char procs[128];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	return write_file(procs, "0");
}

/* Leave and remove, as a test must not meet the cgroup of another one. */
static inline void cgroup_remove(int fd, const char *path)
{
	cgroup_join(CGROUP_ROOT);
	close(fd);
	rmdir(path);
}

/* A new IPv6 address cannot be bound to before a worker of the kernel's had a look at it. */
static inline int wait_for_address(const char *ip)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), i, err = 0;

	inet_pton(AF_INET6, ip, &sin6.sin6_addr);
	for (i = 0; i < 1000; i++) {
		err = bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) ? -errno : 0;
		if (err != -EADDRNOTAVAIL)
			break;
		usleep(1000);
	}
	close(fd);
	return err;
}

/*
 * A network of the test's own: a loopback device, also at fd00::2 and fd00::9, and ping sockets
 * for everybody. By ioctl(), as running ip(8) for each test would take most of their time.
 */
static inline int new_network(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct in6_ifreq address = { .ifr6_prefixlen = 128, .ifr6_ifindex = 1 };
	int fd, err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	err = ioctl(fd, SIOCSIFFLAGS, &up);
	inet_pton(AF_INET6, "fd00::2", &address.ifr6_addr);
	err |= ioctl(fd, SIOCSIFADDR, &address);
	inet_pton(AF_INET6, "fd00::9", &address.ifr6_addr);
	err |= ioctl(fd, SIOCSIFADDR, &address);
	close(fd);
	return err ? -EIO : wait_for_address("fd00::2") ?: wait_for_address("fd00::9") ?:
	       write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

static inline int load_insns(enum bpf_prog_type type, enum bpf_attach_type expected,
			     const struct bpf_insn *insns, int count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = expected);

	return bpf_prog_load(type, "test", "GPL", insns, count, &opts);
}

/* A program that does nothing but return @value. */
static inline int load_return(enum bpf_prog_type type, enum bpf_attach_type expected, int value)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_0, value),
		BPF_EXIT_INSN(),
	};

	return load_insns(type, expected, insns, ARRAY_LEN(insns));
}

/* A program that needs the socket lock, and returns @value. */
static inline int load_locking(enum bpf_prog_type type, enum bpf_attach_type expected, int value)
{
	struct bpf_insn insns[] = {
		BPF_ST_MEM(BPF_DW, BPF_REG_10, -8, 0),
		BPF_MOV64_IMM(BPF_REG_2, SOL_SOCKET),
		BPF_MOV64_IMM(BPF_REG_3, SO_MARK),
		BPF_MOV64_REG(BPF_REG_4, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_4, -8),
		BPF_MOV64_IMM(BPF_REG_5, 4),
		BPF_EMIT_CALL(BPF_FUNC_getsockopt),
		BPF_MOV64_IMM(BPF_REG_0, value),
		BPF_EXIT_INSN(),
	};

	return load_insns(type, expected, insns, ARRAY_LEN(insns));
}

/* An address, its text and its length, of either family. */
struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		char room[32];	/* L2TP's are longer */
	};
	socklen_t len;
};

static inline struct endpoint endpoint(int family, const char *ip, int port)
{
	struct endpoint e = {};

	e.any.sa_family = family;
	e.in.sin_port = htons(port);
	e.len = family == AF_INET ? sizeof(e.in) : sizeof(e.in6);
	inet_pton(family, ip, family == AF_INET ? (void *)&e.in.sin_addr : &e.in6.sin6_addr);
	return e;
}

static inline const void *endpoint_ip(const struct endpoint *e)
{
	return e->any.sa_family == AF_INET ? (const void *)&e->in.sin_addr : &e->in6.sin6_addr;
}

static inline int endpoint_ip_len(const struct endpoint *e)
{
	return e->any.sa_family == AF_INET ? 4 : 16;
}

/* The IP address of @e at @port, without a scope and whatever else @e has. */
static inline struct endpoint ip_at(struct endpoint e, int port)
{
	struct endpoint plain = endpoint(e.any.sa_family, "", port);

	memcpy((void *)endpoint_ip(&plain), endpoint_ip(&e), endpoint_ip_len(&e));
	return plain;
}

/* What a program of record.bpf.c saw of an address of @family, but in post_bind. */
static inline struct endpoint seen_endpoint(int family, const struct seen *seen)
{
	struct endpoint e = endpoint(family, "", ntohs(seen->port));

	memcpy((void *)endpoint_ip(&e), seen->ip, endpoint_ip_len(&e));
	return e;
}

/* All of an endpoint, as text: "127.0.0.1:80", "[fe80::1%2]:80", with bytes that follow. */
static inline const char *endpoint_text(struct endpoint e)
{
	static char texts[4][128];
	static int next;
	char *text = texts[next++ % ARRAY_LEN(texts)], ip[INET6_ADDRSTRLEN], scope[16] = "";
	socklen_t i = offsetof(struct sockaddr_in, sin_zero);
	int len;

	if (e.any.sa_family != AF_INET && e.any.sa_family != AF_INET6) {
		snprintf(text, sizeof(*texts), "family %d", e.any.sa_family);
		return text;
	}
	inet_ntop(e.any.sa_family, endpoint_ip(&e), ip, sizeof(ip));
	if (e.any.sa_family == AF_INET6) {
		if (e.in6.sin6_scope_id)
			snprintf(scope, sizeof(scope), "%%%u", e.in6.sin6_scope_id);
		i = sizeof(e.in6);
		len = snprintf(text, sizeof(*texts), "[%s%s]:%d", ip, scope, ntohs(e.in.sin_port));
		if (e.in6.sin6_flowinfo)
			len += snprintf(text + len, sizeof(*texts) - len, " flow %x",
					ntohl(e.in6.sin6_flowinfo));
	} else {
		len = snprintf(text, sizeof(*texts), "%s:%d", ip, ntohs(e.in.sin_port));
	}
	for (; i < e.len; i++) {
		if (e.room[i])
			len += snprintf(text + len, sizeof(*texts) - len, " [%d]=%02x", i,
					(unsigned char)e.room[i]);
	}
	return text;
}

/* For tests with kselftest_harness.h: says what was wanted and what came. */
#define EXPECT_ENDPOINT(want, got)	EXPECT_STREQ(endpoint_text(want), endpoint_text(got))

static inline int make(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	return fd < 0 ? -errno : fd;
}

static inline int do_bind(int fd, struct endpoint e)
{
	return bind(fd, &e.any, e.len) ? -errno : 0;
}

static inline int do_connect(int fd, struct endpoint e)
{
	return connect(fd, &e.any, e.len) ? -errno : 0;
}

static inline struct endpoint local_of(int fd)
{
	struct endpoint e = { .len = sizeof(e.in6) };

	getsockname(fd, &e.any, &e.len);
	return e;
}

static inline struct endpoint peer_of(int fd)
{
	struct endpoint e = { .len = sizeof(e.in6) };

	if (getpeername(fd, &e.any, &e.len))
		memset(&e, 0, sizeof(e));
	return e;
}

static inline int port_of(struct endpoint e)
{
	return ntohs(e.in.sin_port);
}

/* A bound, and for TCP listening, socket; its port is in local_of(). */
static inline int server(int family, int type, const char *ip, int port)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		return -errno;
	if (do_bind(fd, endpoint(family, ip, port)) || (type == SOCK_STREAM && listen(fd, 8))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

#endif
