// SPDX-License-Identifier: GPL-2.0
/*
 * A program that calls no helper for it runs without the socket lock. Others can come into its
 * place, and find it locked: a kernel with lockdep warns if it is not.
 */
#include "../../kselftest_harness.h"
#include "util.h"
#include "needs.skel.h"
#include "trace.skel.h"

#define MARK	7

FIXTURE(needs) {
	char path[64];
	int cgroup;
	int fd;		/* not connected yet */
	struct endpoint to;
	struct needs *progs;
};

FIXTURE_SETUP(needs)
{
	cgroup_path(self->path, "needs");
	self->cgroup = cgroup_make(self->path);
	ASSERT_LE(0, self->cgroup);
	ASSERT_EQ(0, cgroup_join(self->path));
	self->to = endpoint(AF_INET, "127.0.0.1", 4321);
	self->fd = make(AF_INET, SOCK_DGRAM, 0);
	ASSERT_LE(0, self->fd);
	self->progs = needs__open_and_load();
	ASSERT_NE(NULL, self->progs);
}

FIXTURE_TEARDOWN(needs)
{
	needs__destroy(self->progs);
	close(self->fd);
	cgroup_remove(self->cgroup, self->path);
}

static int link_to(int cgroup, struct bpf_program *prog)
{
	return bpf_link_create(bpf_program__fd(prog), cgroup,
			       bpf_program__expected_attach_type(prog), NULL);
}

TEST_F(needs, a_link_update_brings_the_need)
{
	int link = link_to(self->cgroup, self->progs->progs.plain);

	ASSERT_LE(0, link);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	ASSERT_EQ(0, bpf_link_update(link, bpf_program__fd(self->progs->progs.says_why), NULL));
	EXPECT_EQ(-EACCES, do_connect(self->fd, self->to));
	ASSERT_EQ(0, bpf_link_update(link, bpf_program__fd(self->progs->progs.plain), NULL));
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	close(link);
}

TEST_F(needs, a_second_program_brings_the_need)
{
	int plain = link_to(self->cgroup, self->progs->progs.plain);
	int says_why = link_to(self->cgroup, self->progs->progs.says_why);

	ASSERT_LE(0, plain);
	ASSERT_LE(0, says_why);
	EXPECT_EQ(-EACCES, do_connect(self->fd, self->to));
	close(says_why);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	close(plain);
}

TEST_F(needs, a_tail_call_brings_the_need)
{
	int link = link_to(self->cgroup, self->progs->progs.calls_next), key = 0;
	int says_why = bpf_program__fd(self->progs->progs.says_why);

	ASSERT_LE(0, link);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	ASSERT_EQ(0, bpf_map_update_elem(bpf_map__fd(self->progs->maps.next), &key, &says_why, 0));
	EXPECT_EQ(-EACCES, do_connect(self->fd, self->to));
	close(link);
}

/* One of BPF_PROG_TYPE_CGROUP_SOCK is never run with the lock. */
TEST_F(needs, a_tail_call_in_create_brings_the_need)
{
	int link = link_to(self->cgroup, self->progs->progs.create_calls_next), key = 0, fd;
	int says_why = bpf_program__fd(self->progs->progs.create_says_why);

	ASSERT_LE(0, link);
	fd = make(AF_INET, SOCK_DGRAM, 0);
	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, bpf_map_update_elem(bpf_map__fd(self->progs->maps.next_create), &key,
					 &says_why, 0));
	EXPECT_EQ(-EACCES, make(AF_INET, SOCK_DGRAM, 0));
	close(link);
}

static int mark_of(int fd)
{
	int mark = 0;
	socklen_t len = sizeof(mark);

	return getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len) ? -errno : mark;
}

/* A kernel with lockdep warns if the lock is missing. */
TEST_F(needs, a_tail_call_brings_the_lock)
{
	int link = link_to(self->cgroup, self->progs->progs.calls_next), key = 0;
	int marks = bpf_program__fd(self->progs->progs.marks);

	ASSERT_LE(0, link);
	ASSERT_EQ(0, bpf_map_update_elem(bpf_map__fd(self->progs->maps.next), &key, &marks, 0));
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	EXPECT_EQ(MARK, mark_of(self->fd));
	close(link);
}

TEST_F(needs, who_counts_runs_gets_them_counted)
{
	int link = link_to(self->cgroup, self->progs->progs.plain);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int stats;

	ASSERT_LE(0, link);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	ASSERT_LE(0, stats);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	close(stats);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	ASSERT_EQ(0, bpf_obj_get_info_by_fd(bpf_program__fd(self->progs->progs.plain), &info,
					    &len));
	EXPECT_EQ(1, info.run_cnt);
	close(link);
}

static int load_alone(struct needs *progs, struct bpf_program *which)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, progs->obj)
		bpf_program__set_autoload(prog, prog == which);
	return needs__load(progs);
}

/* Put a program of @extensions into the place of decide() in @target. */
static struct bpf_link *extend(struct bpf_program *target, struct needs *extensions,
			       struct bpf_program *with)
{
	if (bpf_program__set_attach_target(with, bpf_program__fd(target), "decide") ||
	    load_alone(extensions, with))
		return NULL;
	return bpf_program__attach_freplace(with, 0, NULL);
}

TEST_F(needs, an_extension_brings_a_result)
{
	struct needs *target = needs__open(), *extensions = needs__open();
	struct bpf_link *extension;
	int link;

	ASSERT_EQ(0, load_alone(target, target->progs.extensible));
	link = link_to(self->cgroup, target->progs.extensible);
	ASSERT_LE(0, link);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	extension = extend(target->progs.extensible, extensions,
			   extensions->progs.extended_says_why);
	ASSERT_NE(NULL, extension);
	EXPECT_EQ(-EACCES, do_connect(self->fd, self->to));
	bpf_link__destroy(extension);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	needs__destroy(extensions);
	needs__destroy(target);
	close(link);
}

/* As above. */
TEST_F(needs, an_extension_brings_the_lock)
{
	struct needs *target = needs__open(), *extensions = needs__open();
	struct bpf_link *extension;
	int link;

	ASSERT_EQ(0, load_alone(target, target->progs.extensible));
	link = link_to(self->cgroup, target->progs.extensible);
	ASSERT_LE(0, link);
	extension = extend(target->progs.extensible, extensions, extensions->progs.extended_marks);
	ASSERT_NE(NULL, extension);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	EXPECT_EQ(MARK, mark_of(self->fd));
	bpf_link__destroy(extension);
	needs__destroy(extensions);
	needs__destroy(target);
	close(link);
}

/* How often one connect() locks the socket. */
static int locks_of_connect(struct trace *trace, int fd, struct endpoint to)
{
	int before = trace->bss->locks;

	return do_connect(fd, to) ? -1 : trace->bss->locks - before;
}

/* It takes the lock for the program that it is attached to, and for as long as it is. */
TEST_F(needs, an_extension_takes_the_lock_for_its_program)
{
	struct needs *target = needs__open(), *other = needs__open();
	struct needs *extensions = needs__open(), *others = needs__open();
	struct bpf_link *extension, *elsewhere;
	struct trace *trace = trace__open_and_load();
	int link, locks;

	ASSERT_NE(NULL, trace);
	trace->bss->pid = getpid();
	ASSERT_EQ(0, trace__attach(trace));
	ASSERT_EQ(0, load_alone(target, target->progs.extensible));
	ASSERT_EQ(0, load_alone(other, other->progs.extensible));
	link = link_to(self->cgroup, target->progs.extensible);
	ASSERT_LE(0, link);
	EXPECT_EQ(0, do_connect(self->fd, self->to));
	locks = locks_of_connect(trace, self->fd, self->to);
	EXPECT_LT(0, locks);

	elsewhere = extend(other->progs.extensible, others, others->progs.extended_marks);
	ASSERT_NE(NULL, elsewhere);
	EXPECT_EQ(locks, locks_of_connect(trace, self->fd, self->to));
	extension = extend(target->progs.extensible, extensions, extensions->progs.extended_marks);
	ASSERT_NE(NULL, extension);
	EXPECT_EQ(locks + 1, locks_of_connect(trace, self->fd, self->to));
	bpf_link__destroy(extension);
	EXPECT_EQ(locks, locks_of_connect(trace, self->fd, self->to));

	bpf_link__destroy(elsewhere);
	trace__destroy(trace);
	needs__destroy(others);
	needs__destroy(extensions);
	needs__destroy(other);
	needs__destroy(target);
	close(link);
}

/* What belongs to the run of a program is not for a timer, which would find another's, or none. */
TEST(no_run_no_value)
{
	static const char *const names[] = {
		"timer_alone", "timer_sets", "timer_gets", "timer_stores", "timer_asks",
	};
	struct bpf_program *prog;
	struct needs *progs;
	int i;

	libbpf_set_print(NULL);
	for (i = 0; i < ARRAY_LEN(names); i++) {
		progs = needs__open();
		ASSERT_NE(NULL, progs);
		prog = bpf_object__find_program_by_name(progs->obj, names[i]);
		EXPECT_EQ(i ? -EINVAL : 0, load_alone(progs, prog)) {
			TH_LOG("%s", names[i]);
		}
		needs__destroy(progs);
	}
}

TEST_HARNESS_MAIN
