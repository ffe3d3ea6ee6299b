// SPDX-License-Identifier: GPL-2.0
/*
 * UNIX_CONNECT, UNIX_SENDMSG, UNIX_RECVMSG, UNIX_GETPEERNAME, UNIX_GETSOCKNAME: the paths that
 * the programs see, and what a rewrite or a refusal does.
 */
#include "ring.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/un.h>

#include "../../kselftest_harness.h"
#define WITH_UNIX
#include "box.h"

#define OFFSET	offsetof(struct sockaddr_un, sun_path)

/* A name of a socket, which need not end and may begin with a zero. */
struct name {
	struct sockaddr_un un;
	socklen_t len;
};

/* @path begins with '@' if it stands for an abstract name. */
static struct name name_of(const char *path)
{
	struct name n = { .un.sun_family = AF_UNIX, .len = OFFSET + strlen(path) };

	memcpy(n.un.sun_path, path, strlen(path));
	if (path[0] == '@')
		n.un.sun_path[0] = 0;
	else if (n.len < sizeof(n.un))
		n.len++;
	return n;
}

static int listener(int type, const struct name *name)
{
	int fd = socket(AF_UNIX, type, 0);

	if (name->un.sun_path[0])
		unlink(name->un.sun_path);
	if (bind(fd, (struct sockaddr *)&name->un, name->len) ||
	    (type != SOCK_DGRAM && listen(fd, 8)))
		return -errno;
	return fd;
}

static int connect_to(int fd, const struct name *name)
{
	return connect(fd, (struct sockaddr *)&name->un, name->len) ? -errno : 0;
}

static int send_to(int fd, const struct name *name)
{
	int sent = sendto(fd, "data", 4, MSG_NOSIGNAL, name ? (struct sockaddr *)&name->un : NULL,
			  name ? name->len : 0);

	return sent == 4 ? 0 : -errno;
}

static int receive(int fd, struct name *from, int flags)
{
	char data[16];
	int size;

	memset(from, 0, sizeof(*from));
	from->len = sizeof(from->un);
	size = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | flags,
			(struct sockaddr *)&from->un, &from->len);
	return size < 0 ? -errno : size;
}

static struct name own_name(int fd)
{
	struct name n = { .len = sizeof(n.un) };

	getsockname(fd, (struct sockaddr *)&n.un, &n.len);
	return n;
}

static struct name peer_name(int fd)
{
	struct name n = { .len = sizeof(n.un) };

	getpeername(fd, (struct sockaddr *)&n.un, &n.len);
	return n;
}

static bool same(const struct name *a, const struct name *b)
{
	return a->len == b->len && !memcmp(&a->un, &b->un, a->len);
}

/* What the programs saw, including zeroes to the end of the record. */
static bool saw_name(const struct seen *saw, const struct name *name)
{
	char want[sizeof(saw->path)] = {};

	memcpy(want, name->un.sun_path, name->len - OFFSET);
	return saw->user_family == AF_UNIX && saw->name_len == name->len &&
	       !memcmp(saw->path, want, sizeof(want));
}

static void rewrite_to(struct order *order, const struct name *name)
{
	order->rewrite = 1;
	order->path_len = name->len - OFFSET;
	memcpy(order->path, name->un.sun_path, order->path_len);
}

FIXTURE(local) {
	struct box box;
	struct name asked;	/* where nobody is */
	struct name other;	/* where the server is */
	int server;
	int client;
};

FIXTURE_VARIANT(local) {
	int type;
	const char *asked;
	const char *other;
};

FIXTURE_VARIANT_ADD(local, stream) {
	SOCK_STREAM, "/tmp/asked", "/tmp/other-and-longer"
};

FIXTURE_VARIANT_ADD(local, stream_abstract) {
	SOCK_STREAM, "@asked", "@other-and-longer"
};

FIXTURE_VARIANT_ADD(local, dgram) {
	SOCK_DGRAM, "/tmp/asked-and-longer", "/tmp/other"
};

FIXTURE_VARIANT_ADD(local, dgram_abstract) {
	SOCK_DGRAM, "@asked", "@o"
};

FIXTURE_VARIANT_ADD(local, seqpacket) {
	SOCK_SEQPACKET, "/tmp/asked", "@abstract"
};

FIXTURE_SETUP(local)
{
	self->asked = name_of(variant->asked);
	self->other = name_of(variant->other);
	ASSERT_EQ(0, box_open(&self->box));
	self->server = listener(variant->type, &self->other);
	ASSERT_LE(0, self->server);
	self->client = socket(AF_UNIX, variant->type, 0);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(local)
{
	close(self->server);
	close(self->client);
	box_close(&self->box);
}

TEST_F(local, connect_sees_and_rewrites_the_path)
{
	struct seen *saw = &self->box.seen[CONNECT_UNIX];
	struct name peer;

	ASSERT_EQ(0, box_attach(&self->box, CONNECT_UNIX));
	EXPECT_GT(0, connect_to(self->client, &self->asked));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(AF_UNIX, saw->family);
	EXPECT_EQ(variant->type, saw->type);
	EXPECT_EQ(0, saw->protocol);
	EXPECT_TRUE(saw_name(saw, &self->asked));

	rewrite_to(&self->box.order[CONNECT_UNIX], &self->other);
	EXPECT_EQ(0, connect_to(self->client, &self->asked));
	EXPECT_EQ(0, saw->path_err);
	peer = peer_name(self->client);
	EXPECT_TRUE(same(&peer, &self->other));
}

TEST_F(local, connect_refuses)
{
	struct order *order = &self->box.order[CONNECT_UNIX];

	ASSERT_EQ(0, box_attach(&self->box, CONNECT_UNIX));
	order->verdict = 0;
	EXPECT_EQ(-EPERM, connect_to(self->client, &self->other));
	order->retval = -ENOENT;
	EXPECT_EQ(-ENOENT, connect_to(self->client, &self->other));
	order->verdict = 1;
	order->retval = 0;
	EXPECT_EQ(0, connect_to(self->client, &self->other));
}

/* A program cannot make a name that no caller can give, and a failed rewrite changes nothing. */
TEST_F(local, paths_have_1_to_108_bytes)
{
	struct order *order = &self->box.order[CONNECT_UNIX];
	struct seen *saw = &self->box.seen[CONNECT_UNIX];

	ASSERT_EQ(0, box_attach(&self->box, CONNECT_UNIX));
	order->rewrite = 1;
	order->path_len = 0;
	EXPECT_EQ(0, connect_to(self->client, &self->other));
	EXPECT_EQ(-EINVAL, saw->path_err);
	close(self->client);
	self->client = socket(AF_UNIX, variant->type, 0);
	order->path_len = 109;
	EXPECT_EQ(0, connect_to(self->client, &self->other));
	EXPECT_EQ(-EINVAL, saw->path_err);
}

TEST_F(local, the_longest_and_the_shortest_path)
{
	char text[109] = "@";
	struct name longest, shortest = { .un.sun_family = AF_UNIX, .len = OFFSET + 1 }, peer;
	int servers[2];

	memset(text + 1, 'x', sizeof(text) - 2);
	longest = name_of(text);
	ASSERT_EQ(sizeof(struct sockaddr_un), longest.len);
	servers[0] = listener(variant->type, &longest);
	servers[1] = listener(variant->type, &shortest);
	ASSERT_LE(0, servers[0]);
	ASSERT_LE(0, servers[1]);

	ASSERT_EQ(0, box_attach(&self->box, CONNECT_UNIX));
	rewrite_to(&self->box.order[CONNECT_UNIX], &longest);
	EXPECT_EQ(0, connect_to(self->client, &self->asked));
	peer = peer_name(self->client);
	EXPECT_TRUE(same(&peer, &longest));
	close(self->client);
	self->client = socket(AF_UNIX, variant->type, 0);
	rewrite_to(&self->box.order[CONNECT_UNIX], &shortest);
	EXPECT_EQ(0, connect_to(self->client, &self->asked));
	peer = peer_name(self->client);
	EXPECT_TRUE(same(&peer, &shortest));
	close(servers[0]);
	close(servers[1]);
}

TEST_F(local, sendmsg_sees_rewrites_and_refuses)
{
	struct order *order = &self->box.order[SENDMSG_UNIX];
	struct seen *saw = &self->box.seen[SENDMSG_UNIX];
	struct name from;

	ASSERT_EQ(0, box_attach(&self->box, SENDMSG_UNIX));
	if (variant->type != SOCK_DGRAM) {
		/* A connection has no use for an address; what it does with it has not changed. */
		ASSERT_EQ(0, connect_to(self->client, &self->other));
		EXPECT_EQ(variant->type == SOCK_STREAM ? -EISCONN : 0,
			  send_to(self->client, &self->asked));
		EXPECT_EQ(0, saw->calls);
		return;
	}
	EXPECT_GT(0, send_to(self->client, &self->asked));
	EXPECT_EQ(1, saw->calls);
	EXPECT_TRUE(saw_name(saw, &self->asked));
	rewrite_to(order, &self->other);
	EXPECT_EQ(0, send_to(self->client, &self->asked));
	EXPECT_EQ(4, receive(self->server, &from, 0));
	order->verdict = 0;
	EXPECT_EQ(-EPERM, send_to(self->client, &self->asked));
	order->retval = -ENOENT;
	EXPECT_EQ(-ENOENT, send_to(self->client, &self->asked));
	EXPECT_EQ(-EAGAIN, receive(self->server, &from, 0));
	/* A connected socket gives no address. */
	ASSERT_EQ(0, connect_to(self->client, &self->other));
	EXPECT_EQ(0, send_to(self->client, NULL));
	EXPECT_EQ(4, saw->calls);
}

TEST_F(local, recvmsg_shows_the_sender)
{
	struct order *order = &self->box.order[RECVMSG_UNIX];
	struct seen *saw = &self->box.seen[RECVMSG_UNIX];
	struct name own = name_of("@client"), from;
	int receiver = self->server;
	char data[4], nothing[sizeof(saw->path)] = {};

	ASSERT_EQ(0, box_attach(&self->box, RECVMSG_UNIX));
	ASSERT_EQ(0, connect_to(self->client, &self->other));
	if (variant->type != SOCK_DGRAM)
		receiver = accept(self->server, NULL, NULL);
	ASSERT_LE(0, receiver);

	/* One without a name */
	ASSERT_EQ(0, send_to(self->client, NULL));
	EXPECT_EQ(4, receive(receiver, &from, MSG_PEEK));
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(AF_UNIX, saw->user_family);
	EXPECT_EQ(0, saw->name_len);
	EXPECT_EQ(0, memcmp(saw->path, nothing, sizeof(nothing)));
	EXPECT_EQ(0, from.len);
	EXPECT_EQ(4, receive(receiver, &from, 0));

	ASSERT_EQ(0, bind(self->client, (struct sockaddr *)&own.un, own.len));
	ASSERT_EQ(0, send_to(self->client, NULL));
	EXPECT_EQ(4, receive(receiver, &from, MSG_PEEK));
	EXPECT_EQ(3, saw->calls);
	EXPECT_TRUE(saw_name(saw, &own));
	EXPECT_TRUE(same(&from, &own));
	rewrite_to(order, &self->asked);
	EXPECT_EQ(4, receive(receiver, &from, 0));
	EXPECT_TRUE(same(&from, &self->asked));

	/* once for each call, however many messages a stream has for it */
	ASSERT_EQ(0, send_to(self->client, NULL));
	ASSERT_EQ(0, send_to(self->client, NULL));
	EXPECT_EQ(variant->type == SOCK_STREAM ? 8 : 4, receive(receiver, &from, 0));
	EXPECT_TRUE(same(&from, &self->asked));
	EXPECT_EQ(5, saw->calls);
	/* and not for one who does not ask */
	ASSERT_EQ(0, send_to(self->client, NULL));
	EXPECT_EQ(4, recv(receiver, data, sizeof(data), MSG_DONTWAIT));
	EXPECT_EQ(5, saw->calls);
	if (receiver != self->server)
		close(receiver);
}

TEST_F(local, getname_rewrites)
{
	struct name own = name_of("@client"), name;
	struct seen *saw_own = &self->box.seen[GETSOCKNAME_UNIX];
	struct seen *saw_peer = &self->box.seen[GETPEERNAME_UNIX];

	ASSERT_EQ(0, box_attach(&self->box, GETSOCKNAME_UNIX));
	ASSERT_EQ(0, box_attach(&self->box, GETPEERNAME_UNIX));
	ASSERT_EQ(0, connect_to(self->client, &self->other));
	/* without a name there is nothing to show */
	name = own_name(self->client);
	EXPECT_EQ(OFFSET, name.len);
	EXPECT_EQ(0, saw_own->calls);

	ASSERT_EQ(0, bind(self->client, (struct sockaddr *)&own.un, own.len));
	name = own_name(self->client);
	EXPECT_TRUE(saw_name(saw_own, &own));
	EXPECT_TRUE(same(&name, &own));
	name = peer_name(self->client);
	EXPECT_TRUE(saw_name(saw_peer, &self->other));
	EXPECT_TRUE(same(&name, &self->other));

	rewrite_to(&self->box.order[GETSOCKNAME_UNIX], &self->asked);
	rewrite_to(&self->box.order[GETPEERNAME_UNIX], &self->asked);
	name = own_name(self->client);
	EXPECT_TRUE(same(&name, &self->asked));
	name = peer_name(self->client);
	EXPECT_TRUE(same(&name, &self->asked));
	EXPECT_EQ(2, saw_own->calls);
	EXPECT_EQ(2, saw_peer->calls);
}

/* The kernel keeps a zero behind a path that fills its record, and counts it. */
TEST_F(local, getname_of_the_longest_path)
{
	struct seen *saw = &self->box.seen[GETSOCKNAME_UNIX];
	char text[109] = "/tmp/";
	struct name longest, name;
	int fd;

	memset(text + 5, 'x', sizeof(text) - 6);
	longest = name_of(text);
	fd = listener(variant->type, &longest);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_attach(&self->box, GETSOCKNAME_UNIX));
	name = own_name(fd);
	EXPECT_EQ(1, saw->calls);
	EXPECT_EQ(sizeof(struct sockaddr_un) + 1, saw->name_len);
	EXPECT_EQ(0, memcmp(saw->path, text, sizeof(saw->path)));
	EXPECT_EQ(sizeof(struct sockaddr_un) + 1, name.len);
	EXPECT_EQ(0, memcmp(name.un.sun_path, text, sizeof(name.un.sun_path)));
	unlink(text);
	close(fd);
}

/* The client is outside, so only what is asked of the server's sockets is shown. */
TEST_F(local, names_belong_to_the_socket_that_was_asked)
{
	struct seen *saw_own = &self->box.seen[GETSOCKNAME_UNIX];
	struct seen *saw_peer = &self->box.seen[GETPEERNAME_UNIX];
	struct name own = name_of("@client");
	int outside, accepted;

	ASSERT_EQ(0, box_attach(&self->box, GETSOCKNAME_UNIX));
	ASSERT_EQ(0, box_attach(&self->box, GETPEERNAME_UNIX));
	ASSERT_EQ(0, cgroup_join(CGROUP_ROOT));
	outside = socket(AF_UNIX, variant->type, 0);
	ASSERT_EQ(0, bind(outside, (struct sockaddr *)&own.un, own.len));
	ASSERT_EQ(0, connect_to(outside, &self->other));
	peer_name(outside);
	EXPECT_EQ(0, saw_peer->calls);
	own_name(outside);
	EXPECT_EQ(0, saw_own->calls);

	accepted = self->server;
	if (variant->type != SOCK_DGRAM)
		accepted = accept(self->server, NULL, NULL);
	else
		ASSERT_EQ(0, connect_to(accepted, &own));
	ASSERT_LE(0, accepted);
	peer_name(accepted);
	EXPECT_EQ(1, saw_peer->calls);
	own_name(accepted);
	EXPECT_EQ(1, saw_own->calls);
	if (accepted != self->server)
		close(accepted);
	close(outside);
}

static void *accept_soon(void *arg)
{
	int *fd = arg;

	usleep(100000);
	close(accept(*fd, NULL, NULL));
	return NULL;
}

/* io_uring tries again where connect() would wait, with the address that the user gave. */
TEST(a_retry_shows_the_same_address)
{
	struct name asked = name_of("@asked"), other = name_of("@other");
	struct ring ring;
	pthread_t thread;
	struct box box;
	int fds[3], i;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, ring_open(&ring));
	fds[0] = listener(SOCK_STREAM, &other);
	ASSERT_LE(0, fds[0]);
	ASSERT_EQ(0, listen(fds[0], 0));
	for (i = 1; i < 3; i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	/* It takes one and no more, until somebody accepts that. */
	ASSERT_EQ(0, connect_to(fds[1], &other));
	ASSERT_EQ(0, box_attach(&box, CONNECT_UNIX));
	rewrite_to(&box.order[CONNECT_UNIX], &other);
	ASSERT_EQ(0, pthread_create(&thread, NULL, accept_soon, &fds[0]));
	EXPECT_EQ(0, ring_connect(&ring, fds[2], (struct sockaddr *)&asked.un, asked.len));
	pthread_join(thread, NULL);
	EXPECT_LT(1, box.seen[CONNECT_UNIX].calls);
	EXPECT_TRUE(saw_name(&box.seen[CONNECT_UNIX], &asked));
	for (i = 0; i < 3; i++)
		close(fds[i]);
	close(ring.fd);
	box_close(&box);
}

/* The kernel connects as well, and programs see nothing but the path. */
TEST(a_mount_shows_its_path_alone)
{
	char path[sizeof(((struct seen *)0)->path)] = "/run/9p";
	struct box box;

	ASSERT_EQ(0, box_open(&box));
	ASSERT_EQ(0, box_attach(&box, CONNECT_UNIX));
	box.order[CONNECT_UNIX].verdict = 0;
	EXPECT_EQ(-1, mount(path, "/tmp", "9p", 0, "trans=unix"));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(1, box.seen[CONNECT_UNIX].calls);
	EXPECT_EQ(0, memcmp(path, box.seen[CONNECT_UNIX].path, sizeof(path)));
	box_close(&box);
}

static void *receive_two(void *arg)
{
	static struct name from;
	char data[2];

	from.len = sizeof(from.un);
	recvfrom(*(int *)arg, data, sizeof(data), MSG_WAITALL, (void *)&from.un, &from.len);
	return &from;
}

FIXTURE(late) {
	struct box box;
};

FIXTURE_VARIANT(late) {
	bool elsewhere;	/* The program is another cgroup's. */
};

FIXTURE_VARIANT_ADD(late, with_a_program) { false };
FIXTURE_VARIANT_ADD(late, without) { true };

FIXTURE_SETUP(late)
{
	ASSERT_EQ(0, box_open(&self->box));
}

FIXTURE_TEARDOWN(late)
{
	box_close(&self->box);
}

/* A stream shows the name that its peer has at the last byte; programs see that, and once. */
TEST_F(late, name)
{
	struct name late = name_of("@late"), *from;
	int fds[2], unread = 1;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, box_attach(&self->box, RECVMSG_UNIX));
	if (variant->elsewhere)
		ASSERT_EQ(0, cgroup_join(CGROUP_ROOT));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_two, &fds[0]));
	ASSERT_EQ(1, send(fds[1], "a", 1, 0));
	while (unread)
		ASSERT_EQ(0, ioctl(fds[1], SIOCOUTQ, &unread));
	ASSERT_EQ(0, bind(fds[1], (void *)&late.un, late.len));
	ASSERT_EQ(1, send(fds[1], "b", 1, 0));
	ASSERT_EQ(0, pthread_join(thread, &result));
	from = result;
	EXPECT_TRUE(same(from, &late));
	EXPECT_EQ(!variant->elsewhere, self->box.seen[RECVMSG_UNIX].calls);
	if (!variant->elsewhere)
		EXPECT_TRUE(saw_name(&self->box.seen[RECVMSG_UNIX], &late));
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
