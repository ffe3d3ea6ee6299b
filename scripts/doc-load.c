// SPDX-License-Identifier: GPL-2.0
/*
 * usage: doc-load OBJECT...
 * Load each BPF object into the kernel, and say in TAP whether it took all programs.
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Sections that libbpf knows from 1.3 on; one before that has to be told. */
static const struct {
	const char *section;
	enum bpf_attach_type type;
} new_sections[] = {
	{ "cgroup/connect_unix", BPF_CGROUP_UNIX_CONNECT },
	{ "cgroup/sendmsg_unix", BPF_CGROUP_UNIX_SENDMSG },
	{ "cgroup/recvmsg_unix", BPF_CGROUP_UNIX_RECVMSG },
	{ "cgroup/getpeername_unix", BPF_CGROUP_UNIX_GETPEERNAME },
	{ "cgroup/getsockname_unix", BPF_CGROUP_UNIX_GETSOCKNAME },
};

static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level > LIBBPF_WARN)
		return 0;
	printf("# ");
	return vprintf(format, args);
}

static int load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int programs = 0, err;
	size_t i;

	if (!object)
		return -1;
	bpf_object__for_each_program(program, object) {
		programs++;
		for (i = 0; i < sizeof(new_sections) / sizeof(*new_sections); i++) {
			if (strcmp(bpf_program__section_name(program), new_sections[i].section))
				continue;
			bpf_program__set_type(program, BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
			bpf_program__set_expected_attach_type(program, new_sections[i].type);
		}
	}
	err = bpf_object__load(object);
	bpf_object__close(object);
	if (!err && !programs) {
		printf("# there is no program in it\n");
		err = -1;
	}
	return err;
}

int main(int argc, char **argv)
{
	int failed = 0, i;

	setbuf(stdout, NULL);
	libbpf_set_print(say);
	printf("TAP version 13\n1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		int err = load(argv[i]);

		printf("%sok %d %s\n", err ? "not " : "", i, strrchr(argv[i], '/') + 1);
		failed += err ? 1 : 0;
	}
	return failed ? 1 : 0;
}
