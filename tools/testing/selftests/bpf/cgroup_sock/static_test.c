// SPDX-License-Identifier: GPL-2.0
/*
 * A statically linked program that talks to bpf() without any library: a shell for a VRF as
 * iproute2 sets it up, and a redirection by a link.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/unistd.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../include/linux/filter.h"
#include "../../kselftest.h"

#define CGROUP	"/sys/fs/cgroup/static"

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int load(enum bpf_prog_type type, enum bpf_attach_type expected,
		const struct bpf_insn *insns, int count)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = expected,
		.insns = (unsigned long)insns,
		.insn_cnt = count,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int join(const char *procs)
{
	int fd = open(procs, O_WRONLY), ok;

	ok = fd >= 0 && write(fd, "0", 1) == 1;
	close(fd);
	return ok;
}

static int device_of(int fd)
{
	socklen_t len = sizeof(int);
	int device = -1;

	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &len);
	return device;
}

int main(void)
{
	/* ctx->bound_dev_if = 1 (the loopback device); return 1 */
	const struct bpf_insn to_device[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_MOV64_IMM(BPF_REG_3, 1),
		BPF_MOV64_IMM(BPF_REG_2, offsetof(struct bpf_sock, bound_dev_if)),
		BPF_STX_MEM(BPF_W, BPF_REG_6, BPF_REG_3, offsetof(struct bpf_sock, bound_dev_if)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	/* ctx->user_port = htons(4043); return 1 */
	const struct bpf_insn to_port[] = {
		BPF_MOV64_IMM(BPF_REG_2, htons(4043)),
		BPF_STX_MEM(BPF_W, BPF_REG_1, BPF_REG_2, offsetof(struct bpf_sock_addr, user_port)),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct sockaddr_in at = { AF_INET, htons(4043), { htonl(INADDR_LOOPBACK) } }, peer;
	struct sockaddr_in asked = { AF_INET, htons(4042), { htonl(INADDR_LOOPBACK) } };
	union bpf_attr attr = {};
	socklen_t len = sizeof(peer);
	int cgroup, prog, fd, link, server;

	ksft_print_header();
	ksft_set_plan(4);
	mkdir(CGROUP, 0755);
	cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY);

	prog = load(BPF_PROG_TYPE_CGROUP_SOCK, 0, to_device, ARRAY_SIZE(to_device));
	attr.target_fd = cgroup;
	attr.attach_bpf_fd = prog;
	attr.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	ksft_test_result(prog >= 0 && !bpf(BPF_PROG_ATTACH, &attr), "attach without flags\n");
	join(CGROUP "/cgroup.procs");
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	ksft_test_result(device_of(fd) == 1, "a socket of the cgroup is bound to the device\n");
	close(fd);

	server = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server, (struct sockaddr *)&at, sizeof(at)) || listen(server, 1))
		ksft_print_msg("no server: %s\n", strerror(errno));
	prog = load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, to_port,
		    ARRAY_SIZE(to_port));
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_fd = cgroup;
	attr.link_create.attach_type = BPF_CGROUP_INET4_CONNECT;
	link = bpf(BPF_LINK_CREATE, &attr);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ksft_test_result(link >= 0 && !connect(fd, (struct sockaddr *)&asked, sizeof(asked)) &&
			 !getpeername(fd, (struct sockaddr *)&peer, &len) &&
			 peer.sin_port == at.sin_port, "a link redirects a connection\n");
	close(fd);
	close(link);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ksft_test_result(link >= 0 && connect(fd, (struct sockaddr *)&asked, sizeof(asked)) &&
			 errno == ECONNREFUSED, "and is gone with its descriptor\n");
	close(fd);
	close(server);

	join("/sys/fs/cgroup/cgroup.procs");
	rmdir(CGROUP);
	ksft_finished();
}
