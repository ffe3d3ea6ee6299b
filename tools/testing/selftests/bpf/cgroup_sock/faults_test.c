// SPDX-License-Identifier: GPL-2.0
/*
 * Calls whose allocations fail, one after the other: each leaves nothing behind, and a second try
 * works. Needs a kernel with CONFIG_FAILSLAB.
 */
#include <sys/mount.h>
#include <sys/syscall.h>

#include "../../kselftest_harness.h"
#include "box.h"
#include "kinds.h"

#ifndef SOL_SCTP
#define SOL_SCTP		132
#endif
#define SCTP_BINDX_ADD		100
#define SCTP_CONNECTX		110
#define PORT			4321
#define CLOSED			4322
#define MOST			1000	/* allocations of a call */
#define MADE			BPF_CGROUP_INET_SOCK_CREATE

#define FAILSLAB		"/sys/kernel/debug/failslab/ignore-gfp-wait"

/* Allocations that may sleep fail as well. */
static int fail_all_kinds(void)
{
	int err = write_file(FAILSLAB, "N");

	if (err == -ENOENT && !mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		err = write_file(FAILSLAB, "N");
	return err;
}

/* Let the n-th allocation of this thread fail, none if it is 0. */
static int fail_nth(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return write_file("/proc/thread-self/fail-nth", text);
}

/* Whether the call since fail_nth() got as far as to the allocation that was to fail. */
static bool has_failed(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY);
	bool failed = read(fd, text, sizeof(text) - 1) > 0 && atoi(text) == 0;

	close(fd);
	fail_nth(0);
	return failed;
}

static int bindx(int fd)
{
	struct sockaddr_in ends[2] = {
		endpoint(AF_INET, "127.0.0.1", PORT).in, endpoint(AF_INET, "127.0.0.2", PORT).in,
	};

	return setsockopt(fd, SOL_SCTP, SCTP_BINDX_ADD, ends, sizeof(ends)) ? -errno : 0;
}

TEST(a_bindx_that_fails)
{
	int fd, n, err = -ENOMEM;
	bool failed = true;

	ASSERT_EQ(0, fail_all_kinds());
	for (n = 1; failed && n < MOST; n++) {
		fd = make(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fail_nth(n));
		err = bindx(fd);
		failed = has_failed();
		if (err) {
			/* The latter if it was the bucket of the port. */
			EXPECT_TRUE(err == -ENOMEM || err == -EADDRINUSE);
			EXPECT_EQ(0, port_of(local_of(fd)));
			EXPECT_EQ(0, bindx(fd)) TH_LOG("allocation %d", n);
		}
		EXPECT_EQ(PORT, port_of(local_of(fd)));
		close(fd);
	}
	EXPECT_LT(2, n);
	EXPECT_EQ(0, err);
}

/* A program that allows sockets is in effect, and one that refuses them comes and goes. */
struct programs {
	char path[64];
	int cgroup;
	int allow;
	int refuse;
	int link;	/* of allow */
	int second;	/* of refuse */
};

FIXTURE(programs) {
	struct programs p;
};

FIXTURE_SETUP(programs)
{
	struct programs *p = &self->p;

	ASSERT_EQ(0, fail_all_kinds());
	cgroup_path(p->path, "faults");
	p->cgroup = cgroup_make(p->path);
	ASSERT_LE(0, p->cgroup);
	ASSERT_EQ(0, cgroup_join(p->path));
	p->allow = load_return(SOCK, MADE, 1);
	/* It needs the socket lock, so that an update to it makes new lists of programs. */
	p->refuse = load_locking(SOCK, MADE, 0);
	ASSERT_LE(0, p->allow);
	ASSERT_LE(0, p->refuse);
	p->link = bpf_link_create(p->allow, p->cgroup, MADE, NULL);
	ASSERT_LE(0, p->link);
}

FIXTURE_TEARDOWN(programs)
{
	close(self->p.link);
	cgroup_remove(self->p.cgroup, self->p.path);
}

struct state {
	__u32 ids[4];
	__u32 count;
	__u64 revision;
	int made;	/* 0, or why there is no socket */
};

static struct state state_of(int cgroup)
{
	struct state state = {};
	union bpf_attr attr = { .query = {
		.target_fd = cgroup,
		.attach_type = MADE,
		.prog_ids = (unsigned long)state.ids,
		.prog_cnt = ARRAY_LEN(state.ids),
	} };
	int fd = make(AF_INET, SOCK_DGRAM, 0);

	state.made = fd < 0 ? fd : 0;
	if (fd >= 0)
		close(fd);
	if (syscall(__NR_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)))
		state.made = -errno;
	state.count = attr.query.prog_cnt;
	state.revision = attr.query.revision;
	return state;
}

static int attach(struct programs *p)
{
	return bpf_prog_attach(p->refuse, p->cgroup, MADE, BPF_F_ALLOW_MULTI);
}

static int detach(struct programs *p)
{
	return bpf_prog_detach2(p->refuse, p->cgroup, MADE);
}

static int link_create(struct programs *p)
{
	p->second = bpf_link_create(p->refuse, p->cgroup, MADE, NULL);
	return p->second < 0 ? p->second : 0;
}

static int link_detach(struct programs *p)
{
	int err = bpf_link_detach(p->second);

	close(p->second);
	return err;
}

static int link_update(struct programs *p)
{
	return bpf_link_update(p->link, p->refuse, NULL);
}

static int link_back(struct programs *p)
{
	return bpf_link_update(p->link, p->allow, NULL);
}

/* What puts a program that refuses into effect, and takes it back. */
static const struct change {
	const char *name;
	int (*make)(struct programs *p);
	int (*undo)(struct programs *p);
} changes[] = {
	{ "attach", attach, detach },
	{ "link create", link_create, link_detach },
	{ "link update", link_update, link_back },
};

/* Programs that come with no memory for the list of what is in effect. */
TEST_F(programs, come_or_change_nothing)
{
	const struct change *change;
	struct state before, after;
	bool failed;
	int n, err;

	for (change = changes; change < changes + ARRAY_LEN(changes); change++) {
		failed = true;
		err = -ENOMEM;
		for (n = 1; failed && n < MOST; n++) {
			before = state_of(self->p.cgroup);
			EXPECT_EQ(0, before.made);
			ASSERT_EQ(0, fail_nth(n));
			err = change->make(&self->p);
			failed = has_failed();
			if (err) {
				EXPECT_EQ(-ENOMEM, err);
				after = state_of(self->p.cgroup);
				EXPECT_EQ(0, after.made);
				EXPECT_EQ(before.revision, after.revision) {
					TH_LOG("%s, allocation %d", change->name, n);
				}
				EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
				ASSERT_EQ(0, change->make(&self->p));
			}
			EXPECT_EQ(-EPERM, state_of(self->p.cgroup).made);
			ASSERT_EQ(0, change->undo(&self->p));
		}
		EXPECT_LT(2, n) TH_LOG("%s", change->name);
		EXPECT_EQ(0, err);
	}
}

/* Programs of other types need none for it. */
TEST_F(programs, of_other_types_are_updated_without_memory)
{
	int i, link, progs[2];

	for (i = 0; i < 2; i++)
		progs[i] = load_return(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 1);
	link = bpf_link_create(progs[0], self->p.cgroup, BPF_CGROUP_INET_EGRESS, NULL);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, fail_nth(1));
	EXPECT_EQ(0, bpf_link_update(link, progs[1], NULL));
	EXPECT_FALSE(has_failed());
	close(link);
}

/* Programs that go do so with memory or without. */
TEST_F(programs, go_always)
{
	const struct change *change;
	bool failed;
	int n;

	for (change = changes; change < changes + ARRAY_LEN(changes); change++) {
		if (change->make == link_update)
			continue;	/* does not go, and is in the other test */
		failed = true;
		for (n = 1; failed && n < MOST; n++) {
			ASSERT_EQ(0, change->make(&self->p));
			EXPECT_EQ(-EPERM, state_of(self->p.cgroup).made);
			ASSERT_EQ(0, fail_nth(n));
			EXPECT_EQ(0, change->undo(&self->p)) TH_LOG("%s", change->name);
			failed = has_failed();
			EXPECT_EQ(0, state_of(self->p.cgroup).made) TH_LOG("%s", change->name);
			EXPECT_EQ(1, state_of(self->p.cgroup).count) TH_LOG("%s", change->name);
		}
		EXPECT_LT(2, n) TH_LOG("%s", change->name);
	}
}

/* One that went without memory leaves its place in the list, and the others stay where they are. */
TEST_F(programs, behind_one_that_went_are_updated)
{
	struct programs *p = &self->p;
	int going = bpf_link_create(p->allow, p->cgroup, MADE, NULL);

	ASSERT_LE(0, going);
	ASSERT_EQ(0, link_create(p));
	EXPECT_EQ(-EPERM, state_of(p->cgroup).made);
	ASSERT_EQ(0, fail_nth(1));
	EXPECT_EQ(0, bpf_link_detach(going));
	EXPECT_TRUE(has_failed());
	EXPECT_EQ(0, bpf_link_update(p->second, p->allow, NULL));
	EXPECT_EQ(0, state_of(p->cgroup).made);
	close(p->second);
	close(going);
}

/* The same where it hid a program of the cgroup in between, which is not in the list yet. */
TEST_F(programs, above_one_that_went_are_updated)
{
	struct programs *p = &self->p;
	char between[80], child[96];
	int going, fds[2], i;

	snprintf(between, sizeof(between), "%s/between", p->path);
	snprintf(child, sizeof(child), "%s/child", between);
	fds[0] = cgroup_make(between);
	fds[1] = cgroup_make(child);
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	ASSERT_EQ(0, bpf_prog_attach(p->allow, fds[0], MADE, BPF_F_ALLOW_OVERRIDE));
	going = bpf_link_create(p->allow, fds[1], MADE, NULL);
	ASSERT_LE(0, going);
	ASSERT_EQ(0, link_create(p));
	ASSERT_EQ(0, cgroup_join(child));
	EXPECT_EQ(-EPERM, state_of(p->cgroup).made);
	ASSERT_EQ(0, fail_nth(1));
	EXPECT_EQ(0, bpf_link_detach(going));
	EXPECT_TRUE(has_failed());
	/* None of the two others goes in its place. */
	ASSERT_EQ(0, fail_nth(1));
	EXPECT_EQ(0, bpf_prog_detach2(p->allow, fds[0], MADE));
	EXPECT_TRUE(has_failed());
	EXPECT_EQ(-EPERM, state_of(p->cgroup).made);
	EXPECT_EQ(0, bpf_link_update(p->second, p->allow, NULL));
	EXPECT_EQ(0, state_of(p->cgroup).made);
	close(p->second);
	close(going);
	ASSERT_EQ(0, cgroup_join(p->path));
	for (i = 1; i >= 0; i--)
		cgroup_remove(fds[i], i ? child : between);
}

/* With a tracepoint on, the place of one that went is passed over. */
TEST_F(programs, beside_one_that_went_are_traced)
{
	static const char enable[] = "/sys/kernel/tracing/events/cgroup_sock/enable";
	struct programs *p = &self->p;
	int going = bpf_link_create(p->allow, p->cgroup, MADE, NULL);

	ASSERT_LE(0, going);
	ASSERT_EQ(0, link_create(p));
	ASSERT_EQ(0, fail_nth(1));
	EXPECT_EQ(0, bpf_link_detach(going));
	EXPECT_TRUE(has_failed());
	ASSERT_EQ(0, write_file(enable, "1"));
	EXPECT_EQ(-EPERM, state_of(p->cgroup).made);
	ASSERT_EQ(0, write_file(enable, "0"));
	close(p->second);
	close(going);
}

/* A cgroup that is made below one with a program has it, or is not made. */
TEST_F(programs, are_inherited)
{
	char child[80];
	bool failed = true;
	int n, err = -ENOMEM;

	ASSERT_EQ(0, attach(&self->p));
	snprintf(child, sizeof(child), "%s/child", self->p.path);
	for (n = 1; failed && n < MOST; n++) {
		ASSERT_EQ(0, fail_nth(n));
		err = mkdir(child, 0755) ? -errno : 0;
		failed = has_failed();
		if (err)
			ASSERT_EQ(0, mkdir(child, 0755)) TH_LOG("allocation %d", n);
		ASSERT_EQ(0, cgroup_join(child));
		EXPECT_EQ(-EPERM, make(AF_INET, SOCK_DGRAM, 0));
		ASSERT_EQ(0, cgroup_join(self->p.path));
		ASSERT_EQ(0, rmdir(child));
	}
	EXPECT_LT(10, n);
	EXPECT_EQ(0, err);
}

TEST(a_program_that_is_loaded)
{
	bool failed = true;
	int n, fd = -1;

	ASSERT_EQ(0, fail_all_kinds());
	for (n = 1; failed && n < MOST; n++) {
		ASSERT_EQ(0, fail_nth(n));
		fd = load_locking(ADDR, BPF_CGROUP_INET4_CONNECT, 1);
		failed = has_failed();
		EXPECT_TRUE(fd >= 0 || failed);
		close(fd);
	}
	EXPECT_LT(2, n);
	EXPECT_LE(0, fd);
}

/* The calls of sockets, with a program on each hook. */
enum step { OPEN, BIND, CONNECT, LISTEN, SEND, CONNECTX, STEPS };

/* What a kind has to be able to do. */
static const int step_needs[STEPS] = {
	[LISTEN] = LISTENS, [SEND] = SENDS_TO, [CONNECTX] = ASSOCIATES,
};

FIXTURE(calls) {
	struct box box;
};

FIXTURE_VARIANT(calls) {
	enum kind_id kind;
};

FIXTURE_VARIANT_ADD(calls, tcp4) { TCP4 };
FIXTURE_VARIANT_ADD(calls, tcp6) { TCP6 };
FIXTURE_VARIANT_ADD(calls, udp4) { UDP4 };
FIXTURE_VARIANT_ADD(calls, udp6) { UDP6 };
FIXTURE_VARIANT_ADD(calls, udplite4) { UDPLITE4 };
FIXTURE_VARIANT_ADD(calls, udplite6) { UDPLITE6 };
FIXTURE_VARIANT_ADD(calls, mptcp4) { MPTCP4 };
FIXTURE_VARIANT_ADD(calls, mptcp6) { MPTCP6 };
FIXTURE_VARIANT_ADD(calls, dccp4) { DCCP4 };
FIXTURE_VARIANT_ADD(calls, dccp6) { DCCP6 };
FIXTURE_VARIANT_ADD(calls, smc4) { SMC4 };
FIXTURE_VARIANT_ADD(calls, smc6) { SMC6 };
FIXTURE_VARIANT_ADD(calls, af_smc4) { AF_SMC4 };
FIXTURE_VARIANT_ADD(calls, af_smc6) { AF_SMC6 };
FIXTURE_VARIANT_ADD(calls, ping4) { PING4 };
FIXTURE_VARIANT_ADD(calls, ping6) { PING6 };
FIXTURE_VARIANT_ADD(calls, raw4) { RAW4 };
FIXTURE_VARIANT_ADD(calls, raw6) { RAW6 };
FIXTURE_VARIANT_ADD(calls, l2tp4) { L2TP4 };
FIXTURE_VARIANT_ADD(calls, l2tp6) { L2TP6 };
FIXTURE_VARIANT_ADD(calls, sctp4) { SCTP4 };
FIXTURE_VARIANT_ADD(calls, sctp6) { SCTP6 };
FIXTURE_VARIANT_ADD(calls, sctp_many4) { SCTP_MANY4 };
FIXTURE_VARIANT_ADD(calls, sctp_many6) { SCTP_MANY6 };

FIXTURE_SETUP(calls)
{
	int hook;

	ASSERT_EQ(0, fail_all_kinds());
	ASSERT_EQ(0, box_open(&self->box));
	for (hook = 0; hook <= GETSOCKNAME6; hook++)
		ASSERT_EQ(0, box_attach(&self->box, hook));
}

FIXTURE_TEARDOWN(calls)
{
	box_close(&self->box);
}

static struct endpoint at(const struct kind *k, int port)
{
	struct endpoint e = endpoint(k->ip, k->ip == AF_INET ? "127.0.0.1" : "::1",
				     k->can & HAS_PORTS ? port : 0);

	if (k->is == L2TP)
		e.len = k->ip == AF_INET ? 16 : 32;
	return e;
}

static int open_socket(const struct kind *k)
{
	int fd = make(k->family, k->type, k->protocol), service = 1;
	struct timeval second = { 1, 0 };
	struct linger now = { 1, 0 };

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (k->is == DCCP)
		setsockopt(fd, SOL_DCCP, 2, &service, sizeof(service));
	return fd;
}

static int do_step(const struct kind *k, enum step what, int fd)
{
	const char echo[8] = { k->ip == AF_INET ? 8 : 128 };	/* all that ping sends */
	struct endpoint to = at(k, CLOSED);
	int err = 0;

	switch (what) {
	case BIND:
		return do_bind(fd, at(k, PORT));
	case CONNECT:
		return do_connect(fd, to);
	case LISTEN:
		err = listen(fd, 1);
		break;
	case SEND:
		err = sendto(fd, echo, sizeof(echo), 0, &to.any, to.len);
		break;
	case CONNECTX:
		err = setsockopt(fd, SOL_SCTP, SCTP_CONNECTX, &to.any, to.len);
		break;
	default:
		break;
	}
	return err < 0 ? -errno : 0;
}

/* What is closed may take a moment to go. */
static int bind_when_free(const struct kind *k)
{
	int fd = open_socket(k), err, i;

	for (i = 0; i < 1000; i++) {
		err = do_bind(fd, at(k, PORT));
		if (err != -EADDRINUSE)
			break;
		usleep(1000);
	}
	close(fd);
	return err;
}

/*
 * Each call ends as it would with memory, or with an error; then the second try does. Port and
 * socket are free afterwards, and the programs still run.
 */
TEST_F(calls, work_at_the_second_try)
{
	const struct kind *k = &kinds[variant->kind];
	__u32 *bound = &self->box.seen[k->ip == AF_INET ? BIND4 : BIND6].calls, was;
	int step, n, fd, wanted, got;
	bool failed;

	for (step = OPEN; step < STEPS; step++) {
		if ((k->can & step_needs[step]) != step_needs[step])
			continue;
		fd = open_socket(k);
		ASSERT_LE(0, fd);
		wanted = do_step(k, step, fd);
		close(fd);
		failed = true;
		for (n = 1; failed && n < MOST; n++) {
			if (step == OPEN) {
				ASSERT_EQ(0, fail_nth(n));
				fd = make(k->family, k->type, k->protocol);
				failed = has_failed();
				EXPECT_TRUE(fd >= 0 || failed);
				close(fd);
				continue;
			}
			fd = open_socket(k);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, fail_nth(n));
			got = do_step(k, step, fd);
			failed = has_failed();
			if (got != wanted) {
				EXPECT_TRUE(failed && got < 0);
				/* SCTP sends again what was lost for lack of memory. */
				EXPECT_EQ(got == -EINPROGRESS ? -EALREADY : wanted,
					  do_step(k, step, fd)) {
					TH_LOG("step %d, allocation %d: %s", step, n,
					       strerror(-got));
				}
			}
			close(fd);
		}
		EXPECT_GT(MOST, n);
		was = *bound;
		EXPECT_EQ(0, bind_when_free(k)) TH_LOG("step %d", step);
		EXPECT_LT(was, *bound) TH_LOG("step %d", step);
	}
}

TEST_HARNESS_MAIN
