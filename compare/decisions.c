// SPDX-License-Identifier: GPL-2.0
/*
 * Print every decision of the verifier and of bpf() about BPF_PROG_TYPE_CGROUP_SOCK and
 * BPF_PROG_TYPE_CGROUP_SOCK_ADDR, a line each or some of a kind in a line, so that the output of
 * two kernels can be compared. Judges nothing itself; "make compat" does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>

#include <bpf/btf.h>

#include "util.h"

#define SOCK		BPF_PROG_TYPE_CGROUP_SOCK
#define ADDR		BPF_PROG_TYPE_CGROUP_SOCK_ADDR
#define TYPES		(__MAX_BPF_ATTACH_TYPE + 2)	/* two that do not exist */
#define HELPERS		(__BPF_FUNC_MAX_ID + 2)

/* The attach types of both program types, found out by loading a program for each. */
static struct pair {
	enum bpf_prog_type prog;
	int type;
	char name[64];
	int fd;
} pairs[64];
static int pair_count;
static long decisions;
static char verifier_log[1 << 16];

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	int ret = syscall(__NR_bpf, cmd, attr, sizeof(*attr));

	decisions++;
	return ret < 0 ? -errno : ret;
}

static int load(enum bpf_prog_type prog, int type, int flags, const struct bpf_insn *insns,
		int count, bool with_log)
{
	union bpf_attr attr = {
		.prog_type = prog,
		.expected_attach_type = type,
		.prog_flags = flags,
		.insns = (unsigned long)insns,
		.insn_cnt = count,
		.license = (unsigned long)"GPL",
	};

	if (with_log) {
		attr.log_level = 1;
		attr.log_buf = (unsigned long)verifier_log;
		attr.log_size = sizeof(verifier_log);
		verifier_log[0] = 0;
	}
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* 0 or an errno: the number of a descriptor is nobody's decision. */
static int loads(const struct pair *p, const struct bpf_insn *insns, int count)
{
	int fd = load(p->prog, p->type, 0, insns, count, false);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* The same, and if it is refused the verifier's reason: the last line but the statistics. */
static const char *loads_why(const struct pair *p, const struct bpf_insn *insns, int count)
{
	int fd = load(p->prog, p->type, 0, insns, count, true);
	char *line, *last = "", *save = NULL;

	if (fd >= 0) {
		close(fd);
		return "accepted";
	}
	for (line = strtok_r(verifier_log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "processed ", 10) && strncmp(line, "verification ", 13))
			last = line;
	return *last ? last : strerror(-fd);
}

static const char *prog_name(enum bpf_prog_type prog)
{
	return prog == SOCK ? "SOCK" : "ADDR";
}

static int load_one(enum bpf_prog_type prog, int type, int flags, int value)
{
	const struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_0, value),
		BPF_EXIT_INSN(),
	};

	return load(prog, type, flags, insns, ARRAY_LEN(insns), false);
}

static void expected_types(void)
{
	enum bpf_prog_type progs[] = { SOCK, ADDR };
	int i, type, fd;

	for (i = 0; i < ARRAY_LEN(progs); i++) {
		for (type = 0; type < TYPES; type++) {
			struct pair *p = &pairs[pair_count];

			fd = load_one(progs[i], type, 0, 1);
			printf("load %s for %d: %d\n", prog_name(progs[i]), type, fd < 0 ? fd : 0);
			if (fd < 0)
				continue;
			p->prog = progs[i];
			p->type = type;
			p->fd = fd;
			snprintf(p->name, sizeof(p->name), "%s:%d", prog_name(p->prog), type);
			pair_count++;
		}
	}
}

static void prog_flags(const struct pair *p)
{
	int bit, fd;

	for (bit = 0; bit < 32; bit++) {
		fd = load_one(p->prog, p->type, 1U << bit, 1);
		printf("load %s with bit %d of its flags: %d\n", p->name, bit, fd < 0 ? fd : 0);
		if (fd >= 0)
			close(fd);
	}
}

static char accepts(const struct pair *p, struct bpf_insn access)
{
	const struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_2, 0),
		access,
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int err = loads(p, insns, ARRAY_LEN(insns));

	return !err ? '+' : err == -EACCES ? '-' : '!';
}

/* For each offset: loads, sign-extending loads, stores and atomic adds of 1, 2, 4, 8 bytes. */
static void context(const struct pair *p)
{
	static const int widths[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	int size = p->prog == SOCK ? sizeof(struct bpf_sock) : sizeof(struct bpf_sock_addr);
	int off, i;

	for (off = -8; off < size + 16; off++) {
		printf("access %s at %d: ", p->name, off);
		for (i = 0; i < 4; i++) {
			int w = widths[i];
			struct bpf_insn signed_load =
				BPF_RAW_INSN(BPF_LDX | w | 0x80, BPF_REG_2, BPF_REG_1, off, 0);
			struct bpf_insn add =
				BPF_RAW_INSN(BPF_STX | w | BPF_ATOMIC, BPF_REG_1, BPF_REG_2, off,
					     BPF_ADD);

			printf(" %d:%c%c%c%c%c", 1 << i,
			       accepts(p, BPF_LDX_MEM(w, BPF_REG_2, BPF_REG_1, off)),
			       accepts(p, signed_load),
			       accepts(p, BPF_STX_MEM(w, BPF_REG_1, BPF_REG_2, off)),
			       accepts(p, BPF_ST_MEM(w, BPF_REG_1, off, 7)),
			       accepts(p, add));
		}
		printf("\n");
	}
}

static void return_values(const struct pair *p)
{
	static const int masks[] = { 1, 2, 3, 7 };
	int value, i, fd;

	for (value = -2; value <= 5; value++) {
		fd = load_one(p->prog, p->type, 0, value);
		printf("return %s %d: %d\n", p->name, value, fd < 0 ? fd : 0);
		if (fd >= 0)
			close(fd);
	}
	for (i = 0; i < ARRAY_LEN(masks); i++) {
		const struct bpf_insn insns[] = {
			BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32),
			BPF_ALU64_IMM(BPF_AND, BPF_REG_0, masks[i]),
			BPF_EXIT_INSN(),
		};

		printf("return %s any of %d: %s\n", p->name, masks[i],
		       loads_why(p, insns, ARRAY_LEN(insns)));
	}
}

static const struct kind {
	const char *name;
	enum bpf_map_type type;
	int key;
	int value;
	int entries;
	int flags;
} kinds[] = {
	{ "array", BPF_MAP_TYPE_ARRAY, 4, 16, 4, 0 },
	{ "hash", BPF_MAP_TYPE_HASH, 4, 16, 4, 0 },
	{ "prog_array", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
	{ "perf", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
	{ "cgroup_array", BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4, 0 },
	{ "ringbuf", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
	{ "stack", BPF_MAP_TYPE_STACK, 0, 16, 4, 0 },
	{ "cgroup_storage", BPF_MAP_TYPE_CGROUP_STORAGE, 12, 16, 0, 0 },
	{ "percpu_cgroup_storage", BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 12, 16, 0, 0 },
	{ "sockmap", BPF_MAP_TYPE_SOCKMAP, 4, 8, 4, 0 },
	{ "xskmap", BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0 },
};

static int maps[ARRAY_LEN(kinds)];

static void make_maps(void)
{
	int i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		union bpf_attr attr = {
			.map_type = kinds[i].type,
			.key_size = kinds[i].key,
			.value_size = kinds[i].value,
			.max_entries = kinds[i].entries,
			.map_flags = kinds[i].flags,
		};

		maps[i] = sys_bpf(BPF_MAP_CREATE, &attr);
		printf("map %s: %d\n", kinds[i].name, maps[i] < 0 ? maps[i] : 0);
	}
}

/*
 * Call @call with the arguments that @shape names, one letter each: c the context, s 16 bytes of
 * stack, m the map @map, k the context's socket (ADDR only), n the number 16, z zero.
 */
static const char *call_with(const struct pair *p, struct bpf_insn call, const char *shape, int map)
{
	struct bpf_insn insns[64] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_ST_MEM(BPF_DW, BPF_REG_10, -16, 0),
		BPF_ST_MEM(BPF_DW, BPF_REG_10, -8, 0),
	};
	struct bpf_insn map_fd[] = { BPF_LD_MAP_FD(BPF_REG_0, map) };
	int n = 3, reg;

	for (reg = BPF_REG_1; *shape; shape++, reg++) {
		switch (*shape) {
		case 'c':
			insns[n++] = BPF_MOV64_REG(reg, BPF_REG_6);
			break;
		case 's':
			insns[n++] = BPF_MOV64_REG(reg, BPF_REG_10);
			insns[n++] = BPF_ALU64_IMM(BPF_ADD, reg, -16);
			break;
		case 'm':
			map_fd[0].dst_reg = reg;
			insns[n++] = map_fd[0];
			insns[n++] = map_fd[1];
			break;
		case 'k':
			insns[n++] = BPF_LDX_MEM(BPF_DW, reg, BPF_REG_6,
						 offsetof(struct bpf_sock_addr, sk));
			break;
		case 'n':
			insns[n++] = BPF_MOV64_IMM(reg, 16);
			break;
		case 'z':
			insns[n++] = BPF_MOV64_IMM(reg, 0);
			break;
		}
	}
	insns[n++] = call;
	insns[n++] = BPF_MOV64_IMM(BPF_REG_0, 1);
	insns[n++] = BPF_EXIT_INSN();
	return loads_why(p, insns, n);
}

/* Each helper with arguments of many shapes: whether it is there at all, and what it takes. */
static void helpers(const struct pair *p)
{
	static const char * const shapes[] = {
		"czzzz", "cnnsn", "csnsn", "cszzz", "snsnz", "snzzz", "zsnzz", "zzzzz", "nnnnn",
	};
	static const char * const sock_shapes[] = { "kzzzz", "ksnzz", "kszzz" };
	static const char * const map_shapes[] = { "mssz", "mczz", "cmzsn", "mzzz" };
	int id, i, m;

	for (id = 0; id < HELPERS; id++) {
		struct bpf_insn call = BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id);
		const char *why = call_with(p, call, "zzzzz", 0);

		/* Not there, then it is not for any arguments. */
		printf("helper %s %d zzzzz: %s\n", p->name, id, why);
		if (strstr(why, "cannot use helper") || strstr(why, "unknown func") ||
		    strstr(why, "invalid func"))
			continue;
		for (i = 0; i < ARRAY_LEN(shapes); i++)
			printf("helper %s %d %s: %s\n", p->name, id, shapes[i],
			       call_with(p, call, shapes[i], 0));
		for (i = 0; p->prog == ADDR && i < ARRAY_LEN(sock_shapes); i++)
			printf("helper %s %d %s: %s\n", p->name, id, sock_shapes[i],
			       call_with(p, call, sock_shapes[i], 0));
		for (i = 0; i < ARRAY_LEN(map_shapes); i++)
			for (m = 0; m < ARRAY_LEN(kinds); m++)
				printf("helper %s %d %s %s: %s\n", p->name, id, map_shapes[i],
				       kinds[m].name, call_with(p, call, map_shapes[i], maps[m]));
	}
}

/* Every function that some BTF set may open to programs, by name. */
static void kfuncs(const struct btf *btf)
{
	static const char * const names[] = {
		"bpf_sock_addr_set_sun_path", "bpf_cast_to_kern_ctx", "bpf_rdonly_cast",
		"bpf_rcu_read_lock", "bpf_obj_new_impl", "bpf_dynptr_from_skb",
		"bpf_dynptr_from_xdp", "bpf_dynptr_adjust", "bpf_dynptr_size",
		"bpf_task_acquire", "bpf_task_from_pid", "bpf_cgroup_acquire",
		"bpf_cgroup_from_id", "bpf_sk_assign_tcp_reqsk", "bpf_sock_destroy",
		"bpf_iter_num_new", "bpf_throw", "bpf_cpumask_create", "bpf_get_fsverity_digest",
		"bpf_key_put", "bpf_wq_init", "bpf_preempt_disable", "bpf_xdp_metadata_rx_hash",
		"bpf_ct_set_nat_info", "cgroup_rstat_updated", "bpf_strlen", "bpf_skb_get_hash",
	};
	static const char * const shapes[] = { "csn", "ssn", "czz", "zzz", "ksn" };
	int i, n, s;

	for (n = 0; n < ARRAY_LEN(names); n++) {
		int id = btf__find_by_name_kind(btf, names[n], BTF_KIND_FUNC);

		if (id < 0)
			continue;
		for (i = 0; i < pair_count; i++) {
			struct bpf_insn call = BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0,
							    BPF_PSEUDO_KFUNC_CALL, 0, id);

			for (s = 0; s < ARRAY_LEN(shapes); s++)
				if (pairs[i].prog == ADDR || shapes[s][0] != 'k')
					printf("kfunc %s %s %s: %s\n", pairs[i].name, names[n],
					       shapes[s], call_with(&pairs[i], call, shapes[s], 0));
		}
	}
}

static int attach(int prog, int cgroup, int type, int flags, int replace, int relative)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = type,
		.attach_flags = flags,
		.replace_bpf_fd = replace,
		.relative_fd = relative,
	};

	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int prog, int cgroup, int type)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = type,
	};

	return sys_bpf(BPF_PROG_DETACH, &attr);
}

static int link_create(int prog, int cgroup, int type, int flags)
{
	union bpf_attr attr = {
		.link_create.prog_fd = prog,
		.link_create.target_fd = cgroup,
		.link_create.attach_type = type,
		.link_create.flags = flags,
	};

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

static int link_update(int link, int prog, int flags, int old)
{
	union bpf_attr attr = {
		.link_update.link_fd = link,
		.link_update.new_prog_fd = prog,
		.link_update.flags = flags,
		.link_update.old_prog_fd = old,
	};

	return sys_bpf(BPF_LINK_UPDATE, &attr);
}

static int query(int cgroup, int type, int flags, unsigned int *count, unsigned int *attach_flags)
{
	unsigned int ids[64];
	union bpf_attr attr = {
		.query.target_fd = cgroup,
		.query.attach_type = type,
		.query.query_flags = flags,
		.query.prog_ids = (unsigned long)ids,
		.query.prog_cnt = ARRAY_LEN(ids),
	};
	int err = sys_bpf(BPF_PROG_QUERY, &attr);

	*count = attr.query.prog_cnt;
	*attach_flags = attr.query.attach_flags;
	return err;
}

static void print_fdinfo(const char *what, int fd)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "link_type", 9) || !strncmp(line, "attach_type", 11) ||
		    !strncmp(line, "prog_type", 9) || !strncmp(line, "prog_jited", 10))
			printf("%s fdinfo %s", what, line);
	fclose(f);
}

/* A program at every attach type there is: attach, query, link, update, detach. */
static void attaching(const struct pair *p, int cgroup)
{
	struct bpf_link_info info = {};
	union bpf_attr attr = {};
	unsigned int count, flags;
	int type, i, err, link, other;
	char what[96];

	for (type = 0; type < TYPES; type++) {
		err = attach(p->fd, cgroup, type, 0, 0, 0);
		printf("attach %s at %d: %d", p->name, type, err);
		err = query(cgroup, type, 0, &count, &flags);
		printf(", query %d count %u flags %x", err, count, flags);
		err = query(cgroup, type, BPF_F_QUERY_EFFECTIVE, &count, &flags);
		printf(", effective %d count %u flags %x", err, count, flags);
		printf(", bogus query %d", query(cgroup, type, 2, &count, &flags));
		printf(", detach %d\n", detach(p->fd, cgroup, type));

		link = link_create(p->fd, cgroup, type, 0);
		printf("link %s at %d: %d\n", p->name, type, link < 0 ? link : 0);
		if (link < 0)
			continue;
		attr.info.bpf_fd = link;
		attr.info.info = (unsigned long)&info;
		attr.info.info_len = sizeof(info);
		err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
		printf("link %s at %d: info %d type %u attach_type %u\n", p->name, type, err,
		       info.type, info.cgroup.attach_type);
		snprintf(what, sizeof(what), "link %s at %d:", p->name, type);
		print_fdinfo(what, link);
		for (i = 0; i < pair_count; i++) {
			printf("%s update to %s: %d\n", what, pairs[i].name,
			       link_update(link, pairs[i].fd, 0, 0));
			link_update(link, p->fd, 0, 0);
		}
		other = load_one(p->prog, p->type, 0, 1);
		printf("%s replace the wrong one: %d\n", what,
		       link_update(link, other, BPF_F_REPLACE, other));
		printf("%s replace the right one: %d\n", what,
		       link_update(link, other, BPF_F_REPLACE, p->fd));
		close(other);
		memset(&attr, 0, sizeof(attr));
		attr.link_detach.link_fd = link;
		printf("%s detach: %d\n", what, sys_bpf(BPF_LINK_DETACH, &attr));
		printf("%s update after detach: %d\n", what, link_update(link, p->fd, 0, 0));
		close(link);
	}
	snprintf(what, sizeof(what), "prog %s", p->name);
	print_fdinfo(what, p->fd);
}

static void test_run(const struct pair *p)
{
	char data[64] = {};
	union bpf_attr attr = { .test.prog_fd = p->fd };

	printf("test run %s without data: %d\n", p->name, sys_bpf(BPF_PROG_TEST_RUN, &attr));
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = p->fd;
	attr.test.data_in = (unsigned long)data;
	attr.test.data_size_in = sizeof(data);
	attr.test.ctx_in = (unsigned long)data;
	attr.test.ctx_size_in = sizeof(data);
	printf("test run %s with data: %d\n", p->name, sys_bpf(BPF_PROG_TEST_RUN, &attr));
}

static void tail_calls(const struct pair *p)
{
	int key = 0, i;

	for (i = 0; i < pair_count; i++) {
		int map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tail", 4, 4, 1, NULL);
		int first = bpf_map_update_elem(map, &key, &p->fd, 0);
		int second = bpf_map_update_elem(map, &key, &pairs[i].fd, 0);

		decisions += 2;
		printf("prog array of %s: %d, takes %s: %d\n", p->name, first, pairs[i].name,
		       second);
		close(map);
	}
}

/* Two programs, one after the other, by all combinations of flags, and then one in a child. */
static void flag_combinations(const struct pair *p, int parent, int child)
{
	int a = load_one(p->prog, p->type, 0, 1), b = load_one(p->prog, p->type, 0, 1);
	int c = load_one(p->prog, p->type, 0, 1);
	unsigned int count, flags;
	int first, second, i, err, link;

	for (first = 0; first < 256; first++) {
		err = attach(a, parent, p->type, first, 0, 0);
		printf("flags %s %02x: %d\n", p->name, first, err);
		if (err) {
			err = attach(a, parent, p->type, first, b, b);
			printf("flags %s %02x relative to a stranger: %d\n", p->name, first, err);
		}
		link = link_create(b, child, p->type, first);
		printf("flags %s %02x, link in a child: %d\n", p->name, first, link < 0 ? link : 0);
		if (link >= 0)
			close(link);
		for (second = 0; !err && second < 256; second++) {
			printf("flags %s %02x %02x: %d", p->name, first, second,
			       attach(b, parent, p->type, second, second & BPF_F_REPLACE ? a : 0,
				      second & (BPF_F_BEFORE | BPF_F_AFTER) ? a : 0));
			query(parent, p->type, 0, &count, &flags);
			printf(" count %u flags %x, child", count, flags);
			for (i = 0; i < 4; i++) {
				printf(" %d", attach(c, child, p->type, i, 0, 0));
				query(child, p->type, BPF_F_QUERY_EFFECTIVE, &count, &flags);
				printf(" %u", count);
				detach(c, child, p->type);
			}
			printf(", detach %d", detach(b, parent, p->type));
			printf(" %d\n", detach(a, parent, p->type));
			attach(a, parent, p->type, first, 0, 0);
		}
		detach(a, parent, p->type);
	}
	close(a);
	close(b);
	close(c);
}

/* What users with some of root's capabilities may load and attach. */
static void capabilities(int cgroup)
{
	static const struct {
		const char *name;
		unsigned long long caps;
	} users[] = {
		{ "nothing", 0 },
		{ "CAP_BPF", 1ULL << CAP_BPF },
		{ "CAP_NET_ADMIN", 1ULL << CAP_NET_ADMIN },
		{ "CAP_BPF and CAP_NET_ADMIN", 1ULL << CAP_BPF | 1ULL << CAP_NET_ADMIN },
		{ "CAP_BPF and CAP_PERFMON", 1ULL << CAP_BPF | 1ULL << CAP_PERFMON },
		{ "CAP_SYS_ADMIN", 1ULL << CAP_SYS_ADMIN },
	};
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	int u, i;

	fflush(stdout);
	for (u = 0; u < ARRAY_LEN(users); u++) {
		struct __user_cap_data_struct data[2] = {
			{ .effective = users[u].caps, .permitted = users[u].caps },
			{ .effective = users[u].caps >> 32, .permitted = users[u].caps >> 32 },
		};
		pid_t pid = fork();

		if (pid > 0) {
			waitpid(pid, NULL, 0);
			continue;
		}
		if (syscall(SYS_capset, &header, data))
			_exit(1);
		for (i = 0; i < pair_count; i++) {
			struct pair *p = &pairs[i];
			int fd = load_one(p->prog, p->type, 0, 1);
			int link = link_create(p->fd, cgroup, p->type, 0);

			printf("user with %s: load %s: %d, link %d", users[u].name, p->name,
			       fd < 0 ? fd : 0, link < 0 ? link : 0);
			if (fd >= 0)
				close(fd);
			if (link >= 0)
				close(link);
			printf(", attach %d", attach(p->fd, cgroup, p->type, 0, 0, 0));
			printf(", detach %d\n", detach(p->fd, cgroup, p->type));
		}
		fflush(stdout);
		_exit(0);
	}
}

int main(void)
{
	char path[64], child_path[80];
	int cgroup, child, i;
	struct btf *btf;

	cgroup_path(path, "decisions");
	snprintf(child_path, sizeof(child_path), "%s/child", path);
	cgroup = cgroup_make(path);
	child = cgroup_make(child_path);
	btf = btf__load_vmlinux_btf();
	if (cgroup < 0 || child < 0 || !btf) {
		fprintf(stderr, "decisions: no cgroup2 at " CGROUP_ROOT " or no BTF\n");
		return 1;
	}

	expected_types();
	make_maps();
	for (i = 0; i < pair_count; i++) {
		const struct pair *p = &pairs[i];

		fprintf(stderr, "%s ...\n", p->name);
		prog_flags(p);
		context(p);
		return_values(p);
		helpers(p);
		attaching(p, cgroup);
		test_run(p);
		tail_calls(p);
	}
	kfuncs(btf);
	for (i = 0; i < pair_count; i++)
		if (pairs[i].type == BPF_CGROUP_INET_SOCK_CREATE ||
		    pairs[i].type == BPF_CGROUP_INET4_CONNECT)
			flag_combinations(&pairs[i], cgroup, child);
	capabilities(cgroup);
	rmdir(child_path);
	rmdir(path);
	printf("decisions: %ld\n", decisions);
	return 0;
}
