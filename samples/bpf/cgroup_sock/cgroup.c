// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgroup.h"

/* The kernel keeps at most this many programs for a hook of a cgroup. */
#define MAX_ATTACHED 64

static FILE *chatter;
static char *chatter_text;
static size_t chatter_size;

static void say(const char *format, va_list args, const char *end)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputs(end, stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "\n");
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "\n");
	va_end(args);
	exit(1);
}

void misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "; --help tells how it is used\n");
	va_end(args);
	exit(2);
}

void bad_option(int c, char **argv)
{
	if (c == ':')
		misuse("%s needs a value", argv[optind - 1]);
	if (optopt && strncmp(argv[optind - 1], "--", 2))
		misuse("unknown option -%c", optopt);
	misuse("unknown option %s", argv[optind - 1]);
}

bool read_number(const char *text, unsigned long min, unsigned long max, unsigned int *number)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, text[1] == 'x' ? 16 : 10);
	if (errno || *end || value < min || value > max)
		return false;
	*number = value;
	return true;
}

static int keep_chatter(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(chatter, format, args);
}

void begin(void)
{
	if (geteuid())
		fail("must run as root; try sudo");
	chatter = open_memstream(&chatter_text, &chatter_size);
	if (!chatter)
		fail("out of memory");
	libbpf_set_print(keep_chatter);
}

int open_cgroup(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 && errno == ENOENT)
		fail("%s: no such cgroup; make it with mkdir", path);
	if (fd < 0)
		fail("%s: %s; a cgroup is a directory, usually below /sys/fs/cgroup", path,
		     strerror(errno));
	if (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		fail("%s: not a cgroup2 directory; these are usually below /sys/fs/cgroup", path);
	return fd;
}

/* A kernel without the hook calls its expected attach type invalid. */
static void need_hook(const struct bpf_program *program)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd;

	opts.expected_attach_type = bpf_program__expected_attach_type(program);
	fd = bpf_prog_load(bpf_program__type(program), "probe", "GPL", allow, 2, &opts);
	if (fd == -EINVAL)
		fail("this kernel has no %s hook; it needs CONFIG_CGROUP_BPF=y",
		     bpf_program__section_name(program));
	if (fd < 0)
		fail("cannot load a program for %s: %s; does the system allow BPF?",
		     bpf_program__section_name(program), strerror(-fd));
	close(fd);
}

void load_programs(struct bpf_object *object)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, object)
		if (bpf_program__autoload(program))
			need_hook(program);
	err = bpf_object__load(object);
	if (!err)
		return;
	fflush(chatter);
	fputs(chatter_text, stderr);
	fail("cannot load the programs: %s; the lines above tell why", strerror(-err));
}

static bool has_name(const char *kernel_name, const char *name)
{
	/* The kernel keeps what fits. */
	return !strncmp(kernel_name, name, BPF_OBJ_NAME_LEN - 1);
}

int find_program(int cgroup, const struct bpf_program *program)
{
	enum bpf_attach_type type = bpf_program__expected_attach_type(program);
	__u32 ids[MAX_ATTACHED], count = MAX_ATTACHED, i;

	if (bpf_prog_query(cgroup, type, 0, NULL, ids, &count))
		return -1;
	for (i = 0; i < count; i++) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    has_name(info.name, bpf_program__name(program)))
			return fd;
		close(fd);
	}
	return -1;
}

int find_map(int program, const struct bpf_map *map)
{
	__u32 ids[MAX_ATTACHED], i;
	struct bpf_prog_info info = { .nr_map_ids = MAX_ATTACHED, .map_ids = (unsigned long)ids };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return -1;
	for (i = 0; i < info.nr_map_ids && i < MAX_ATTACHED; i++) {
		struct bpf_map_info found = {};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		size = sizeof(found);
		/* Another version of the tool may have left something of another size. */
		if (!bpf_obj_get_info_by_fd(fd, &found, &size) &&
		    has_name(found.name, bpf_map__name(map)) &&
		    found.value_size == bpf_map__value_size(map))
			return fd;
		close(fd);
	}
	return -1;
}

/* There is no moment without a program when one takes the place of another. */
static int put(int cgroup, const struct bpf_program *program, int fd, int instead_of)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);

	if (instead_of >= 0) {
		opts.flags |= BPF_F_REPLACE;
		opts.replace_prog_fd = instead_of;
	}
	return bpf_prog_attach_opts(fd, cgroup, bpf_program__expected_attach_type(program), &opts);
}

static void undo(int cgroup, const struct bpf_program *program, int old)
{
	int fd = bpf_program__fd(program);

	if (old >= 0)
		put(cgroup, program, old, fd);
	else
		bpf_prog_detach2(fd, cgroup, bpf_program__expected_attach_type(program));
}

static const char *hint(int err)
{
	if (err == -EPERM)
		return "; a program here or above wants the hook alone, see bpftool cgroup tree";
	return err == -E2BIG ? "; the cgroup has as many programs as it can have" : "";
}

bool attach_programs(int cgroup, struct bpf_object *object)
{
	struct { struct bpf_program *program; int old; } done[8];
	struct bpf_program *program;
	int count = 0, err;

	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		done[count].program = program;
		done[count].old = find_program(cgroup, program);
		err = put(cgroup, program, bpf_program__fd(program), done[count].old);
		if (!err) {
			count++;
			continue;
		}
		while (count--)
			undo(cgroup, done[count].program, done[count].old);
		complain("cannot attach to %s: %s%s", bpf_program__section_name(program),
			 strerror(-err), hint(err));
		return false;
	}
	return true;
}

int clear_programs(int cgroup, struct bpf_object *object)
{
	struct bpf_program *program;
	int fd, count = 0;

	bpf_object__for_each_program(program, object) {
		enum bpf_attach_type type = bpf_program__expected_attach_type(program);

		while ((fd = find_program(cgroup, program)) >= 0) {
			if (bpf_prog_detach2(fd, cgroup, type))
				fail("cannot detach from %s: %s; is it held by a link?",
				     bpf_program__section_name(program), strerror(errno));
			close(fd);
			count++;
		}
	}
	return count;
}
