// SPDX-License-Identifier: GPL-2.0
/*
 * Two threads on one socket while others attach, detach and update programs, some of which need
 * the socket lock and some of which do not. Fails by a splat, a hang or a lost call.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../../kselftest_harness.h"
#include "box.h"

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
		sched_yield();
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

/* D1: many binders of a few ports, half of them refused after the fact. */
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

TEST_HARNESS_MAIN
