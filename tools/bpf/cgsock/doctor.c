// SPDX-License-Identifier: GPL-2.0
/* What this host lacks, and what its kernel does not show to programs. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"
#include "hooks.h"
#include "measure.h"

static struct json_object *report;
static bool wrong;

static void tell(const char *key, bool good, const char *what, const char *advice)
{
	struct json_object *one;

	wrong = wrong || !good;
	if (!want_json) {
		printf("%-8s %s%s%s\n", good ? "ok" : "MISSING", what, good ? "" : "; ",
		       good ? "" : advice);
		return;
	}
	one = json_object_new_object();
	json_object_object_add(one, "ok", json_object_new_boolean(good));
	json_object_object_add(one, "advice", good ? NULL : json_object_new_string(advice));
	json_object_object_add(report, key, one);
}

static bool is_mounted(const char *path, unsigned long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == magic;
}

static bool has_cgroup2(void)
{
	char line[1024];
	bool found = false;
	FILE *mounts = fopen("/proc/self/mounts", "re");

	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found = strstr(line, " cgroup2 ");
	if (mounts)
		fclose(mounts);
	return found;
}

/* Confidentiality keeps programs from reading kernel memory, which ours do not. */
static bool is_locked_down(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	return strstr(line, "[confidentiality]");
}

/* Of cgroups, and in none of the lists of systemd's: redirect needs them. */
static const char * const other_sections[] = { "sockops", "cgroup/getsockopt" };

/* Returns why the kernel does not take a program of this section, or 0. */
static int try_hook(const char *section)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	enum bpf_attach_type attach_type;
	enum bpf_prog_type type;
	int fd;

	if (libbpf_prog_type_by_name(section, &type, &attach_type))
		fail("libbpf does not know %s; it is too old", section);
	opts.expected_attach_type = attach_type;
	fd = bpf_prog_load(type, "probe", "GPL", allow, 2, &opts);
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static bool check_hooks(void)
{
	char *missing = text("%s", ""), *longer, *section;
	int err, why = 0;

	for (unsigned int i = 0; i < HOOKS + 2; i++) {
		section = i < HOOKS ? text("cgroup/%s", hooks[i]) :
			  text("%s", other_sections[i - HOOKS]);
		err = try_hook(section);
		if (err) {
			why = err;
			longer = text("%s %s", missing, section);
			free(missing);
			missing = longer;
		}
		free(section);
	}
	if (!*missing) {
		tell("hooks", true, "all hooks", "");
		return true;
	}
	tell("hooks", false, "all hooks",
	     text("this kernel lacks%s (%s): boot one with CONFIG_CGROUP_BPF=y", missing,
		  strerror(why)));
	return false;
}

/* Only where systemd runs there are units to attach to. */
static void check_systemd(void)
{
	unsigned int version = 0;
	FILE *stream;

	if (access("/run/systemd/system", F_OK))
		return;
	stream = popen("systemctl --version", "re");
	if (!stream || fscanf(stream, "systemd %u", &version) != 1)
		version = 0;
	if (stream)
		pclose(stream);
	tell("systemd", version >= 249, "systemd that attaches programs (BPFProgram=)",
	     text("version %u is older than 249: new cgroups of units get no programs", version));
}

static const char *word_for(enum covered covered)
{
	static const char * const words[] = {
		[NO_CALL] = "-", [NOT_COVERED] = "NO", [NOT_KNOWN] = "?", [COVERED] = "yes",
	};

	return words[covered];
}

static void show_not_tried(void)
{
	static const char * const not_tried[] = {
		"source routes (IP_OPTIONS, IPV6_RTHDR)", "SMC", "AF_RDS", "packet sockets",
		"control messages of connected sockets", "leaving a VRF by AF_UNSPEC",
	};
	struct json_object *list = json_object_new_array();

	if (!want_json)
		printf("\nNot tried here:");
	for (unsigned int i = 0; i < sizeof(not_tried) / sizeof(*not_tried); i++) {
		json_object_array_add(list, json_object_new_string(not_tried[i]));
		if (!want_json)
			printf("%s %s", i ? "," : "", not_tried[i]);
	}
	if (!want_json)
		puts(".");
	json_object_object_add(report, "not_tried", list);
}

static void show_coverage(const struct coverage *coverage)
{
	static const char * const names[] = { "connect", "send", "bind", "listen" };
	struct json_object *table = json_object_new_object(), *row;
	char *open = text("%s", ""), *longer;
	bool not_known = false;

	if (!want_json)
		printf("\nWhich calls programs see, as tried; \"listen\" is without bind():\n"
		       "  %-9s %-8s %-8s %-8s %-8s\n", "socket", names[0], names[1], names[2],
		       names[3]);
	for (int i = 0; i < KINDS; i++) {
		row = json_object_new_object();
		if (!want_json)
			printf("  %-9s", coverage[i].kind);
		for (int call = 0; call <= CALL_LISTEN; call++) {
			const char *word = word_for(coverage[i].call[call]);

			json_object_object_add(row, names[call], json_object_new_string(word));
			if (!want_json)
				printf(" %-8s", word);
			not_known = not_known || coverage[i].call[call] == NOT_KNOWN;
			if (coverage[i].call[call] != NOT_COVERED)
				continue;
			longer = text("%s %s-%s", open, coverage[i].kind, names[call]);
			free(open);
			open = longer;
		}
		json_object_object_add(table, coverage[i].kind, row);
		if (!want_json)
			putchar('\n');
	}
	json_object_object_add(report, "covered", table);
	if (not_known && !want_json)
		puts("\n? is refused here without rules, too, so that nothing can be told.");
	if (!*open) {
		if (!want_json && !not_known)
			puts("\nRules hold for all calls in this table.");
	} else if (!want_json) {
		printf("\nNot covered by rules here:%s.\n"
		       "Boot a kernel with the cgroup-sock series, or keep these sockets away:\n",
		       open);
		for (int i = 0; i < KINDS; i++)
			if (coverage[i].call[CALL_CONNECT] == NOT_COVERED ||
			    coverage[i].call[CALL_SEND] == NOT_COVERED)
				printf("  cgsock deny CGROUP %s\n",
				       strcmp(coverage[i].kind, "ping") ? coverage[i].denial :
				       "inet/dgram/icmp inet6/dgram/icmpv6");
	}
	free(open);
	show_not_tried();
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = { COMMON_OPTIONS };
	struct utsname name;
	bool rights, mounts, hooks_there = false;

	if (next_option(argc, argv, "", options) != -1 || argc != optind)
		misuse("no argument is wanted");
	report = json_object_new_object();
	uname(&name);
	if (want_json)
		json_object_object_add(report, "kernel", json_object_new_string(name.release));
	else
		printf("kernel   %s\n", name.release);
	rights = have_capability(CAP_SYS_ADMIN) || (have_capability(CAP_BPF) &&
						    have_capability(CAP_PERFMON));
	rights = rights && have_capability(CAP_NET_ADMIN);
	tell("rights", rights, "rights",
	     "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are wanted: try sudo");
	mounts = has_cgroup2();
	tell("cgroup2", mounts, "cgroup2",
	     "mount -t cgroup2 none /sys/fs/cgroup, or systemd.unified_cgroup_hierarchy=1");
	if (!is_mounted("/sys/fs/bpf", BPF_FS_MAGIC)) {
		mounts = false;
		tell("bpffs", false, "BPF file system",
		     "mount -t bpf -o mode=0700 none /sys/fs/bpf");
	} else {
		tell("bpffs", true, "BPF file system", "");
	}
	tell("btf", !access("/sys/kernel/btf/vmlinux", R_OK), "types of the kernel (BTF)",
	     "this kernel was built without CONFIG_DEBUG_INFO_BTF");
	tell("lockdown", !is_locked_down(), "no lockdown of BPF",
	     "lockdown=confidentiality keeps programs out; boot with lockdown=integrity");
	check_systemd();
	if (rights)
		hooks_there = check_hooks();
	if (rights && mounts && hooks_there) {
		begin_change();
		show_coverage(measure_calls());
	}
	if (want_json)
		print_json(report);
	return wrong;
}
