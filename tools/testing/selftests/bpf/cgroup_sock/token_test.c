// SPDX-License-Identifier: GPL-2.0
/*
 * BPF tokens: root of a user namespace, who has no capability outside it, loads and attaches
 * programs of both types if the bpffs that it was given delegates that, and not otherwise.
 */
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../kselftest_harness.h"
#include "util.h"

#define SOCK	BPF_PROG_TYPE_CGROUP_SOCK
#define ADDR	BPF_PROG_TYPE_CGROUP_SOCK_ADDR

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	int ret = syscall(__NR_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

static int load_by(int token, enum bpf_prog_type prog, enum bpf_attach_type type)
{
	const struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	union bpf_attr attr = {
		.prog_type = prog,
		.expected_attach_type = type,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_LEN(insns),
		.license = (unsigned long)"GPL",
		.prog_flags = token >= 0 ? BPF_F_TOKEN_FD : 0,
		.prog_token_fd = token >= 0 ? token : 0,
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* In a user namespace of its own: what root there can do. Each problem is an exit code. */
static int container(int context, int ready, int cgroup, enum bpf_prog_type prog,
		     enum bpf_attach_type type)
{
	union bpf_attr attr = {};
	int mount, token, fd;
	char go;

	/* The file system belongs to the namespace of its mount context. */
	if (read(ready, &go, 1) != 1)
		return 2;
	mount = openat(syscall(SYS_fsmount, context, 0, 0), ".", O_RDONLY | O_DIRECTORY);
	if (mount < 0)
		return 3;
	attr.token_create.bpffs_fd = mount;
	token = sys_bpf(BPF_TOKEN_CREATE, &attr);
	if (token < 0) {
		printf("# no token: %s\n", strerror(-token));
		return 4;
	}
	if (load_by(-1, prog, type) != -EPERM)
		return 5;
	fd = load_by(token, prog, type);
	if (fd < 0)
		return 6;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = cgroup;
	attr.attach_bpf_fd = fd;
	attr.attach_type = type;
	if (sys_bpf(BPF_PROG_ATTACH, &attr))
		return 7;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (prog == SOCK)
		return fd < 0 && errno == EPERM ? 0 : 8;
	return do_connect(fd, endpoint(AF_INET, "127.0.0.1", 9)) == -EPERM ? 0 : 9;
}

static int set(int context, const char *key, const char *value)
{
	/* 1: FSCONFIG_SET_STRING */
	return syscall(SYS_fsconfig, context, 1, key, value, 0) ? -errno : 0;
}

/* The exit code of container(), with what @progs names delegated. */
static int run(const char *progs, enum bpf_prog_type prog, enum bpf_attach_type type)
{
	int context, status, to_child[2], pair[2], cgroup, err;
	char path[64], number[16];
	pid_t pid;

	cgroup_path(path, "token");
	cgroup = cgroup_make(path);
	if (cgroup < 0 || pipe(to_child) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	pid = fork();
	if (!pid) {
		int sent;

		cgroup_join(path);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    write_file("/proc/self/uid_map", "0 0 1") ||
		    write_file("/proc/self/setgroups", "deny") ||
		    write_file("/proc/self/gid_map", "0 0 1"))
			_exit(1);
		context = syscall(SYS_fsopen, "bpf", 0);
		/* The parent takes it by its number. */
		snprintf(number, sizeof(number), "%d", context);
		sent = write(pair[1], number, sizeof(number));
		status = sent < 0 ? 1 : container(context, to_child[0], cgroup, prog, type);
		fflush(stdout);
		_exit(status);
	}
	err = read(pair[0], number, sizeof(number)) < 0 ? -errno : 0;
	context = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), atoi(number), 0);
	err = err ?: set(context, "delegate_cmds", "any") ?: set(context, "delegate_maps", "any") ?:
	      set(context, "delegate_progs", progs) ?: set(context, "delegate_attachs", "any");
	/* 6: FSCONFIG_CMD_CREATE */
	if (!err && syscall(SYS_fsconfig, context, 6, NULL, NULL, 0))
		err = -errno;
	if (write(to_child[1], err ? "" : "g", err ? 0 : 1) < 0)
		err = -errno;
	close(to_child[1]);
	waitpid(pid, &status, 0);
	close(pair[0]);
	close(pair[1]);
	cgroup_remove(cgroup, path);
	return err ?: WEXITSTATUS(status);
}

TEST(delegated)
{
	EXPECT_EQ(0, run("any", SOCK, BPF_CGROUP_INET_SOCK_CREATE));
	EXPECT_EQ(0, run("any", ADDR, BPF_CGROUP_INET4_CONNECT));
}

/* Each type by its number, as a mask: 1 << 9 and 1 << 18. */
TEST(one_type_is_not_the_other)
{
	EXPECT_EQ(0, run("0x200", SOCK, BPF_CGROUP_INET_SOCK_CREATE));
	EXPECT_EQ(0, run("0x40000", ADDR, BPF_CGROUP_INET4_CONNECT));
	EXPECT_EQ(6, run("0x40000", SOCK, BPF_CGROUP_INET_SOCK_CREATE));
	EXPECT_EQ(6, run("0x200", ADDR, BPF_CGROUP_INET4_CONNECT));
}

TEST_HARNESS_MAIN
