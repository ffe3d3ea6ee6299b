// SPDX-License-Identifier: GPL-2.0
/*
 * Calls whose allocations fail, one after the other: each leaves nothing behind, and a second try
 * works. Needs a kernel with CONFIG_FAILSLAB.
 */
#include "../../kselftest_harness.h"
#include "util.h"

#ifndef SOL_SCTP
#define SOL_SCTP		132
#endif
#define SCTP_BINDX_ADD		100
#define PORT			4321
#define MOST			1000	/* allocations of a call */

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

	ASSERT_EQ(0, fail_nth(0));
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

TEST_HARNESS_MAIN
