// SPDX-License-Identifier: GPL-2.0
/*
 * Threads on one socket while others attach, detach and update programs, some of which need the
 * socket lock and some of which do not. Fails by a splat, a hang, a lost call or a torn value.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../../kselftest_harness.h"
#include "box.h"
#include "threads.h"
#include "threads.skel.h"

#define SECONDS 3

static atomic_bool stop;

struct work {
	struct box *box;
	int fd;
	struct endpoint e;
	int unexpected;		/* a result that no program and no race accounts for */
	long calls;
};

static void *connect_loop(void *arg)
{
	struct work *work = arg;

	for (; !stop; work->calls++) {
		int err = do_connect(work->fd, work->e);

		if (err && err != -EPERM && err != -EAGAIN)
			work->unexpected = err;
	}
	return NULL;
}

static void *bind_loop(void *arg)
{
	struct work *work = arg;

	for (; !stop; work->calls++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int err = do_bind(fd, work->e);

		if (err && err != -EPERM && err != -EADDRINUSE)
			work->unexpected = err;
		close(fd);
	}
	return NULL;
}

static void wait_for_end(void)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += SECONDS;
	do {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
}

TEST(connect_while_programs_come_and_go)
{
	struct work work[2] = {};
	pthread_t threads[2];
	struct timespec now, end;
	int plain, locked, link, i, rounds = 0;
	unsigned int seen;
	struct box box;

	ASSERT_EQ(0, box_open(&box));
	plain = load_return(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 1);
	ASSERT_LE(0, plain);
	/* calls bpf_bind(), so it needs the lock */
	locked = bpf_program__fd(box_program(&box, CONNECT4));
	for (i = 0; i < 2; i++) {
		work[i].fd = i ? work[0].fd : socket(AF_INET, SOCK_DGRAM, 0);
		work[i].e = endpoint(AF_INET, "127.0.0.1", 9);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, connect_loop, &work[i]));
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += SECONDS;
	do {
		link = bpf_link_create(plain, box.cgroup, BPF_CGROUP_INET4_CONNECT, NULL);
		EXPECT_LE(0, link);
		EXPECT_EQ(0, bpf_link_update(link, locked, NULL));
		/* Both threads may be on the other CPU, which may have other work. */
		seen = box.seen[CONNECT4].calls;
		for (i = 0; i < 1000 && box.seen[CONNECT4].calls == seen; i++)
			usleep(1000);
		box.order[CONNECT4].verdict = ++rounds % 2;
		EXPECT_EQ(0, bpf_link_update(link, plain, NULL));
		close(link);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	stop = true;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, work[i].unexpected);
		EXPECT_LT(0, work[i].calls);
	}
	EXPECT_LT(0, rounds);
	EXPECT_LT(0, (int)box.seen[CONNECT4].calls);
	TH_LOG("%d rounds, %ld and %ld connects, %u of them seen", rounds, work[0].calls,
	       work[1].calls, box.seen[CONNECT4].calls);
	box_close(&box);
}

/* Many binders of a few ports, half of them refused after the fact. */
TEST(bind_while_post_bind_refuses)
{
	struct work work[4] = {};
	pthread_t threads[4];
	struct box box;
	int i, fd;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, POST_BIND4));
	box.order[POST_BIND4].verdict = 0;
	for (i = 0; i < 4; i++) {
		work[i].e = endpoint(AF_INET, i % 2 ? "127.0.0.1" : "127.0.0.2", 4000 + i / 2);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, bind_loop, &work[i]));
	}
	wait_for_end();
	stop = true;
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, work[i].unexpected);
		EXPECT_LT(0, work[i].calls);
	}
	box.order[POST_BIND4].verdict = 1;
	for (i = 0; i < 4; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		EXPECT_EQ(0, do_bind(fd, work[i].e));
		EXPECT_EQ(0, listen(fd, 1));
		close(fd);
	}
	TH_LOG("%ld binds", work[0].calls + work[1].calls + work[2].calls + work[3].calls);
	box_close(&box);
}

static int call_bind(int fd, struct endpoint e)
{
	return do_bind(fd, e);
}

static int call_connect(int fd, struct endpoint e)
{
	return do_connect(fd, e);
}

static int call_send(int fd, struct endpoint e)
{
	return sendto(fd, "x", 1, MSG_DONTWAIT, &e.any, e.len) < 0 ? -errno : 0;
}

static int call_receive(int fd, struct endpoint e)
{
	char byte;

	return recvfrom(fd, &byte, 1, MSG_DONTWAIT, &e.any, &e.len) < 0 ? -errno : 0;
}

static int call_name(int fd, struct endpoint e)
{
	int err = getsockname(fd, &e.any, &e.len) ? -errno : 0;

	return err ?: getpeername(fd, &e.any, &e.len) ? -errno : 0;
}

static int call_set(int fd, struct endpoint e)
{
	int there = port_of(e) == PORT + THERE, mark = there * MARK, priority = there * PRIORITY;

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
	    setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, there ? "lo" : "", there ? 3 : 1))
		return -errno;
	return 0;
}

/* What a thread does over and over, and the error that it may meet. */
static const struct {
	int (*call)(int fd, struct endpoint e);
	int err;
} calls[] = {
	{ call_bind, -EINVAL },
	{ call_connect, 0 },
	{ call_send, -EAGAIN },
	{ call_receive, -EAGAIN },
	{ call_name, 0 },
	{ call_set, 0 },
};

struct caller {
	int index;
	int fd;
	const struct endpoint *ends;	/* here and there */
	int unexpected;
	long count;
};

static void *call_loop(void *arg)
{
	struct caller *caller = arg;

	for (; !stop; caller->count++) {
		int err = calls[caller->index].call(caller->fd, caller->ends[caller->count % 2]);

		/* nobody listens there */
		if (err && err != calls[caller->index].err && err != -ECONNREFUSED)
			caller->unexpected = err;
	}
	return NULL;
}

FIXTURE(one_socket) {
};

FIXTURE_VARIANT(one_socket) {
	int family;
	const char *here, *there;
};

FIXTURE_VARIANT_ADD(one_socket, ip4) {
	.family = AF_INET, .here = "127.0.0.2", .there = "127.0.0.9",
};

FIXTURE_VARIANT_ADD(one_socket, ip6) {
	.family = AF_INET6, .here = "fd00::2", .there = "fd00::9",
};

FIXTURE_SETUP(one_socket)
{
}

FIXTURE_TEARDOWN(one_socket)
{
}

TEST_F(one_socket, all_calls_while_programs_change)
{
	struct caller callers[2 * ARRAY_LEN(calls)] = {};
	int links[12], plain[12], locked[12], hooks = 0, fd, i, rounds;
	pthread_t threads[ARRAY_LEN(callers)];
	struct endpoint ends[2];
	struct bpf_program *prog;
	struct threads *progs;
	struct box box;

	ASSERT_EQ(0, box_open(&box));
	progs = threads__open_and_load();
	ASSERT_NE(NULL, progs);

	ends[0] = endpoint(variant->family, variant->here, PORT + HERE);
	ends[1] = endpoint(variant->family, variant->there, PORT + THERE);
	fd = make(variant->family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, do_bind(fd, ends[0]));
	ASSERT_EQ(0, do_connect(fd, ends[0]));

	bpf_object__for_each_program(prog, progs->obj) {
		ASSERT_GT(ARRAY_LEN(links), hooks);
		plain[hooks] = bpf_program__fd(prog);
		locked[hooks] = load_locking(bpf_program__type(prog),
					     bpf_program__expected_attach_type(prog), 1);
		ASSERT_LE(0, locked[hooks]);
		links[hooks] = bpf_link_create(plain[hooks], box.cgroup,
					       bpf_program__expected_attach_type(prog), NULL);
		ASSERT_LE(0, links[hooks]);
		hooks++;
	}
	for (i = 0; i < ARRAY_LEN(callers); i++) {
		callers[i].index = i % ARRAY_LEN(calls);
		callers[i].fd = fd;
		callers[i].ends = ends;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, call_loop, &callers[i]));
	}
	for (rounds = 0; rounds < SECONDS * 100; rounds++) {
		for (i = 0; i < hooks; i++)
			EXPECT_EQ(0, bpf_link_update(links[i], rounds % 4 ? plain[i] : locked[i],
						     NULL));
		usleep(10000);
	}
	stop = true;
	for (i = 0; i < ARRAY_LEN(callers); i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, callers[i].unexpected) {
			TH_LOG("call %d", callers[i].index);
		}
		EXPECT_LT(0, callers[i].count);
	}
	EXPECT_EQ(0, progs->bss->torn);
	EXPECT_LT(0, progs->bss->runs);
	TH_LOG("%ld runs of programs", progs->bss->runs);
	for (i = 0; i < hooks; i++) {
		close(links[i]);
		close(locked[i]);
	}
	close(fd);
	threads__destroy(progs);
	box_close(&box);
}

TEST_HARNESS_MAIN
