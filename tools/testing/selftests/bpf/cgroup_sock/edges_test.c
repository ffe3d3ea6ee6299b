// SPDX-License-Identifier: GPL-2.0
/* Edges around the hooks where other kernels of the last years failed. */
#include "ring.h"
#include "../../kselftest_harness.h"
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <linux/unistd.h>

#include "box.h"

FIXTURE(edges) {
	struct box box;
};

FIXTURE_SETUP(edges)
{
	ASSERT_EQ(0, box_open(&self->box));
}

FIXTURE_TEARDOWN(edges)
{
	box_close(&self->box);
}

static int make_storage(enum bpf_map_type type)
{
	return bpf_map_create(type, "storage", sizeof(struct bpf_cgroup_storage_key), 8, 0, NULL);
}

/* A program that counts in @storage, and goes on in a program of @calls, if there are some. */
static int load_counting(enum bpf_prog_type prog, enum bpf_attach_type type, int storage, int calls)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_LD_MAP_FD(BPF_REG_1, storage),
		BPF_MOV64_IMM(BPF_REG_2, 0),
		BPF_EMIT_CALL(BPF_FUNC_get_local_storage),
		BPF_MOV64_IMM(BPF_REG_1, 1),
		BPF_RAW_INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	struct bpf_insn calling[] = {
		BPF_MOV64_REG(BPF_REG_6, BPF_REG_1),
		BPF_LD_MAP_FD(BPF_REG_1, storage),
		BPF_MOV64_IMM(BPF_REG_2, 0),
		BPF_EMIT_CALL(BPF_FUNC_get_local_storage),
		BPF_MOV64_REG(BPF_REG_1, BPF_REG_6),
		BPF_LD_MAP_FD(BPF_REG_2, calls),
		BPF_MOV64_IMM(BPF_REG_3, 0),
		BPF_EMIT_CALL(BPF_FUNC_tail_call),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};

	return calls < 0 ? load_insns(prog, type, insns, ARRAY_LEN(insns)) :
			   load_insns(prog, type, calling, ARRAY_LEN(calling));
}

static const struct {
	enum bpf_prog_type prog;
	enum bpf_attach_type type;
} programs[] = {
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE },
	{ BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG },
	{ BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UNIX_CONNECT },
};

static const enum bpf_map_type storages[] = {
	BPF_MAP_TYPE_CGROUP_STORAGE, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
};

/* Storage is that of the program which was attached, so a tail call must not bring another one. */
TEST_F(edges, a_tail_call_to_other_storage)
{
	int i, j, key = 0, same, other, calls, caller, first, second, err;

	for (i = 0; i < ARRAY_LEN(programs); i++) {
		for (j = 0; j < ARRAY_LEN(storages); j++) {
			same = make_storage(storages[j]);
			other = make_storage(storages[j]);
			calls = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "calls", 4, 4, 1, NULL);
			caller = load_counting(programs[i].prog, programs[i].type, same, calls);
			first = load_counting(programs[i].prog, programs[i].type, same, -1);
			second = load_counting(programs[i].prog, programs[i].type, other, -1);
			ASSERT_LE(0, caller);
			ASSERT_LE(0, first);
			ASSERT_LE(0, second);
			EXPECT_EQ(0, bpf_map_update_elem(calls, &key, &first, 0));
			err = bpf_map_update_elem(calls, &key, &second, 0);
			EXPECT_EQ(-EINVAL, err) {
				TH_LOG("attach type %d", programs[i].type);
			}
			close(second);
			close(first);
			close(caller);
			close(calls);
			close(other);
			close(same);
		}
	}
}

TEST_F(edges, a_link_update_to_other_storage)
{
	int i, j, same, other, link, first, again, second;

	for (i = 0; i < ARRAY_LEN(programs); i++) {
		for (j = 0; j < ARRAY_LEN(storages); j++) {
			same = make_storage(storages[j]);
			other = make_storage(storages[j]);
			first = load_counting(programs[i].prog, programs[i].type, same, -1);
			again = load_counting(programs[i].prog, programs[i].type, same, -1);
			second = load_counting(programs[i].prog, programs[i].type, other, -1);
			ASSERT_LE(0, first);
			ASSERT_LE(0, again);
			ASSERT_LE(0, second);
			link = bpf_link_create(first, self->box.cgroup, programs[i].type, NULL);
			ASSERT_LE(0, link);
			EXPECT_EQ(0, bpf_link_update(link, again, NULL));
			EXPECT_EQ(-EINVAL, bpf_link_update(link, second, NULL)) {
				TH_LOG("attach type %d", programs[i].type);
			}
			close(link);
			close(second);
			close(again);
			close(first);
			close(other);
			close(same);
		}
	}
}

/* A counter for each cgroup that its owner reads without a capability. */
TEST_F(edges, a_pinned_counter_is_readable)
{
	char dir[] = "/tmp/edges-XXXXXX", path[64];
	struct bpf_cgroup_storage_key key = { .attach_type = BPF_CGROUP_INET_SOCK_CREATE };
	struct bpf_obj_get_opts reading = { .sz = sizeof(reading), .file_flags = BPF_F_RDONLY };
	int storage = make_storage(BPF_MAP_TYPE_CGROUP_STORAGE), map;
	__u64 count = 0;
	struct stat st;

	ASSERT_EQ(0, fstat(self->box.cgroup, &st));
	key.cgroup_inode_id = st.st_ino;
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("bpffs", dir, "bpf", 0, "mode=0755"));
	snprintf(path, sizeof(path), "%s/counter", dir);
	ASSERT_EQ(0, bpf_prog_attach(load_counting(BPF_PROG_TYPE_CGROUP_SOCK,
						   BPF_CGROUP_INET_SOCK_CREATE, storage, -1),
				     self->box.cgroup, BPF_CGROUP_INET_SOCK_CREATE, 0));
	ASSERT_EQ(0, bpf_obj_pin(storage, path));
	ASSERT_EQ(0, chmod(path, 0644));
	ASSERT_LE(0, make(AF_INET, SOCK_DGRAM, 0));
	ASSERT_LE(0, make(AF_INET, SOCK_DGRAM, 0));

	ASSERT_EQ(0, setegid(65534));
	ASSERT_EQ(0, seteuid(65534));
	map = bpf_obj_get_opts(path, &reading);
	EXPECT_LE(0, map);
	EXPECT_EQ(0, bpf_map_lookup_elem(map, &key, &count));
	EXPECT_EQ(2, count);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, setegid(0));
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
}

/* User space that was compiled before the newest fields gets none of them. */
TEST_F(edges, a_query_with_a_short_attribute)
{
	int page = sysconf(_SC_PAGESIZE), size = offsetof(union bpf_attr, query.prog_attach_flags);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	union bpf_attr *attr = (void *)memory + page - size;
	__u32 ids[4] = {};

	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, mprotect(memory + page, page, PROT_NONE));
	ASSERT_EQ(0, box_attach(&self->box, CREATE));
	attr->query.target_fd = self->box.cgroup;
	attr->query.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	attr->query.prog_ids = (unsigned long)ids;
	attr->query.prog_cnt = ARRAY_LEN(ids);
	EXPECT_EQ(0, syscall(__NR_bpf, BPF_PROG_QUERY, attr, size) ? -errno : 0);
	EXPECT_EQ(1, attr->query.prog_cnt);
	EXPECT_NE(0, ids[0]);
	munmap(memory, 2 * page);
}

/* The socket is a pointer: it is read as a whole or not at all. */
TEST_F(edges, narrow_reads_of_the_socket)
{
	static const int sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	int sk = offsetof(struct bpf_sock_addr, sk), i, off, fd;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		for (off = 0; off < 8; off += 1 << i) {
			struct bpf_insn insns[] = {
				BPF_RAW_INSN(BPF_LDX | BPF_MEM | sizes[i], BPF_REG_0, BPF_REG_1,
					     sk + off, 0),
				BPF_MOV64_IMM(BPF_REG_0, 1),
				BPF_EXIT_INSN(),
			};

			fd = load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT,
					insns, ARRAY_LEN(insns));
			EXPECT_EQ(sizes[i] == BPF_DW && !off, fd >= 0) {
				TH_LOG("%d bytes at %d", 1 << i, off);
			}
			if (fd >= 0)
				close(fd);
		}
	}
}

/* A port is 2 bytes long in the kernel; the others of its 4 bytes are not what lies behind it. */
TEST_F(edges, narrow_reads_of_the_port)
{
	int port = offsetof(struct bpf_sock_addr, user_port);
	const struct bpf_insn insns[] = {
		/* the sum of the four, whose order is that of the machine */
		BPF_LDX_MEM(BPF_B, BPF_REG_2, BPF_REG_1, port),
		BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_1, port + 1),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_3),
		BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_1, port + 2),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_3),
		BPF_LDX_MEM(BPF_B, BPF_REG_3, BPF_REG_1, port + 3),
		BPF_ALU64_REG(BPF_ADD, BPF_REG_2, BPF_REG_3),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_JMP_IMM(BPF_JEQ, BPF_REG_2, 9, 1),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	int prog = load_insns(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT,
			      insns, ARRAY_LEN(insns));
	int fd = make(AF_INET, SOCK_DGRAM, 0);

	ASSERT_LE(0, prog);
	ASSERT_EQ(0, bpf_prog_attach(prog, self->box.cgroup, BPF_CGROUP_INET4_CONNECT, 0));
	EXPECT_EQ(0, do_connect(fd, endpoint(AF_INET, "127.0.0.1", 9)));
	close(fd);
	close(prog);
}

/*
 * An address of RFC 2133 has no scope id. Each call takes it, and what programs write to it is what
 * the call uses; one byte less is refused before them.
 */
#define SHORT	((int)offsetof(struct sockaddr_in6, sin6_scope_id))

FIXTURE(short_address) {
	struct box box;
};

FIXTURE_VARIANT(short_address) {
	int type;
	int protocol;
	bool stream;		/* has no messages with an address, but for those that connect */
	bool fast_open;		/* has those */
	bool wants_scope;	/* in bind() and with a message, whatever the address */
};

FIXTURE_VARIANT_ADD(short_address, udp6) { SOCK_DGRAM, 0 };
FIXTURE_VARIANT_ADD(short_address, udplite6) { SOCK_DGRAM, IPPROTO_UDPLITE };
FIXTURE_VARIANT_ADD(short_address, ping6) { SOCK_DGRAM, IPPROTO_ICMPV6, .wants_scope = true };
FIXTURE_VARIANT_ADD(short_address, raw6) { SOCK_RAW, 253 };
FIXTURE_VARIANT_ADD(short_address, tcp6) { SOCK_STREAM, 0, true, true };
FIXTURE_VARIANT_ADD(short_address, mptcp6) { SOCK_STREAM, IPPROTO_MPTCP, true, true };
FIXTURE_VARIANT_ADD(short_address, dccp6) { SOCK_DCCP, IPPROTO_DCCP, true };
FIXTURE_VARIANT_ADD(short_address, smc6) { SOCK_STREAM, IPPROTO_SMC, true };

FIXTURE_SETUP(short_address)
{
	ASSERT_EQ(0, box_open(&self->box));
}

FIXTURE_TEARDOWN(short_address)
{
	box_close(&self->box);
}

enum {
	BY_BIND, BY_CONNECT, BY_SENDTO, BY_SENDMMSG, BY_FASTOPEN,
	BY_RING_BIND, BY_RING_CONNECT, BY_RING_SENDMSG, WAYS,
};

static int call(struct ring *ring, int way, int fd, struct endpoint *to)
{
	/* For ICMP an echo request. */
	char echo[8] = { (char)128 };
	struct iovec iov = { echo, sizeof(echo) };
	struct msghdr message = { &to->any, to->len, &iov, 1 };
	struct mmsghdr messages = { message };

	switch (way) {
	case BY_BIND:
		return do_bind(fd, *to);
	case BY_CONNECT:
		return do_connect(fd, *to);
	case BY_SENDTO:
		return sendto(fd, echo, sizeof(echo), 0, &to->any, to->len) < 0 ? -errno : 0;
	case BY_SENDMMSG:
		return sendmmsg(fd, &messages, 1, 0) < 0 ? -errno : 0;
	case BY_FASTOPEN:
		return sendto(fd, echo, sizeof(echo), MSG_FASTOPEN, &to->any, to->len) < 0 ?
			-errno : 0;
	case BY_RING_BIND:
		return ring_bind(ring, fd, to);
	case BY_RING_CONNECT:
		return ring_connect(ring, fd, &to->any, to->len);
	default:
		return ring_message(ring, IORING_OP_SENDMSG, fd, &message);
	}
}

/* Where programs lead to, if there are ports; else -1. */
static int far_end(int type, int protocol, struct endpoint at)
{
	int fd, one = 1;

	if (type == SOCK_RAW || protocol == IPPROTO_ICMPV6)
		return -1;
	fd = make(AF_INET6, type, protocol);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (do_bind(fd, at))
		fprintf(stderr, "# no server: %m\n");
	if (type != SOCK_DGRAM)
		listen(fd, 4);
	return fd;
}

static enum hook hook_of(int way)
{
	return way == BY_BIND || way == BY_RING_BIND ? BIND6 :
	       way == BY_CONNECT || way == BY_RING_CONNECT || way == BY_FASTOPEN ? CONNECT6 :
										   SENDMSG6;
}

TEST_F(short_address, without_scope_id)
{
	struct endpoint asked = endpoint(AF_INET6, "fd00::2", 0), to, used;
	struct endpoint shown = endpoint(AF_INET6, "::", 0);
	struct endpoint other = endpoint(AF_INET6, "fd00::9", 0);
	int way, fd, server, ret;
	struct ring ring;
	bool refused;

	ASSERT_EQ(0, ring_open(&ring));
	ASSERT_EQ(0, box_attach(&self->box, BIND6));
	ASSERT_EQ(0, box_attach(&self->box, CONNECT6));
	ASSERT_EQ(0, box_attach(&self->box, SENDMSG6));
	for (way = 0; way < WAYS; way++) {
		enum hook hook = hook_of(way);
		struct order *order = &self->box.order[hook];
		struct seen *saw = &self->box.seen[hook];

		if (way == BY_FASTOPEN ? !variant->fast_open :
					 hook == SENDMSG6 && variant->stream)
			continue;
		refused = variant->wants_scope && hook != CONNECT6;
		asked.in6.sin6_port = variant->type == SOCK_RAW && hook == SENDMSG6 ?
			0 : htons(4001 + way);	/* SMC gives it back later */
		other.in6.sin6_port = asked.in6.sin6_port;
		/* Servers bind as well. */
		self->box.order[BIND6].rewrite = 0;
		order->rewrite = 1;
		order->port = other.in6.sin6_port;
		memcpy(order->ip, &other.in6.sin6_addr, 16);

		fd = make(AF_INET6, variant->type, variant->protocol);
		ASSERT_LE(0, fd);
		memset(saw, 0, sizeof(*saw));
		to = asked;
		to.len = SHORT - 1;
		EXPECT_EQ(-EINVAL, call(&ring, way, fd, &to)) {
			TH_LOG("way %d", way);
		}
		EXPECT_EQ(0, saw->calls) {
			TH_LOG("way %d", way);
		}
		close(fd);

		fd = make(AF_INET6, variant->type, variant->protocol);
		to = asked;
		to.len = SHORT;
		server = hook == BIND6 ? -1 : far_end(variant->type, variant->protocol, other);
		ret = call(&ring, way, fd, &to);
		EXPECT_TRUE(refused ? ret == -EINVAL : ret >= 0) {
			TH_LOG("way %d: %d", way, ret);
		}
		if (refused) {
			close(fd);
			continue;
		}
		EXPECT_EQ(1, saw->calls) {
			TH_LOG("way %d", way);
		}
		memcpy(&shown.in6.sin6_addr, saw->ip, sizeof(saw->ip));
		shown.in6.sin6_port = saw->port;
		EXPECT_ENDPOINT(asked, shown);
		used = hook == BIND6 ? local_of(fd) : peer_of(fd);
		used.in6.sin6_port = other.in6.sin6_port;
		used.in6.sin6_scope_id = 0;
		if (hook == SENDMSG6 && server >= 0)
			EXPECT_LT(0, recv(server, &to, sizeof(to), MSG_DONTWAIT)) {
				TH_LOG("way %d", way);
			}
		if (hook != SENDMSG6)
			EXPECT_ENDPOINT(other, used) {
				TH_LOG("way %d", way);
			}
		close(server);
		close(fd);
	}
	close(ring.fd);
}

TEST_HARNESS_MAIN
