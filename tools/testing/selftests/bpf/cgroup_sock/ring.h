/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring, one request at a time. Include it before what brings a linux/types.h of tools. */
#ifndef RING_H
#define RING_H

#include <linux/posix_types.h> /* of which a linux/types.h of tools knows nothing */
#include <linux/stddef.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "util.h"

/* Newer than the headers of many a distribution. */
#define RING_OP_SOCKET	45
#define RING_OP_BIND	56

/* A ring for one request at a time. */
struct ring {
	int fd;
	void *queues;
	struct io_uring_params params;
	struct io_uring_sqe *entry;
};

static inline int ring_open_with(struct ring *ring, unsigned int flags)
{
	memset(ring, 0, sizeof(*ring));
	ring->params.flags = flags;
	ring->fd = syscall(__NR_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return -errno;
	if (!(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		return -EOPNOTSUPP;
	ring->queues = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			    ring->fd, IORING_OFF_SQ_RING);
	ring->entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			   ring->fd, IORING_OFF_SQES);
	return ring->queues == MAP_FAILED || ring->entry == MAP_FAILED ? -errno : 0;
}

static inline int ring_open(struct ring *ring)
{
	return ring_open_with(ring, 0);
}

/* Begin what ring->entry says. */
static inline int ring_submit(struct ring *ring)
{
	unsigned int *tail = ring->queues + ring->params.sq_off.tail;
	unsigned int *array = ring->queues + ring->params.sq_off.array;

	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1 ? 0 : -errno;
}

/* Wait for what ring_submit() began, and return its result. */
static inline int ring_wait(struct ring *ring)
{
	unsigned int *head = ring->queues + ring->params.cq_off.head;
	unsigned int *mask = ring->queues + ring->params.cq_off.ring_mask;
	struct io_uring_cqe *done = ring->queues + ring->params.cq_off.cqes;
	int ret;

	ret = syscall(__NR_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (ret < 0)
		return -errno;
	ret = done[*head & *mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	memset(ring->entry, 0, sizeof(*ring->entry));
	return ret;
}

/* Do what ring->entry says, wait, and return its result. */
static inline int ring_do(struct ring *ring)
{
	return ring_submit(ring) ?: ring_wait(ring);
}

static inline int ring_socket(struct ring *ring, int family, int type, int protocol)
{
	ring->entry->opcode = RING_OP_SOCKET;
	ring->entry->fd = family;
	ring->entry->off = type;
	ring->entry->len = protocol;
	return ring_do(ring);
}

static inline int ring_bind(struct ring *ring, int fd, const struct endpoint *e)
{
	ring->entry->opcode = RING_OP_BIND;
	ring->entry->fd = fd;
	ring->entry->addr = (unsigned long)&e->any;
	ring->entry->off = e->len;
	return ring_do(ring);
}

static inline int ring_connect(struct ring *ring, int fd, const struct sockaddr *to, int len)
{
	ring->entry->opcode = IORING_OP_CONNECT;
	ring->entry->fd = fd;
	ring->entry->addr = (unsigned long)to;
	ring->entry->off = len;
	return ring_do(ring);
}

static inline int ring_message(struct ring *ring, int opcode, int fd, struct msghdr *message)
{
	ring->entry->opcode = opcode;
	ring->entry->fd = fd;
	ring->entry->addr = (unsigned long)message;
	ring->entry->len = 1;
	return ring_do(ring);
}

/* To the one address of a message, with its one part. */
static inline int ring_send(struct ring *ring, int fd, const struct msghdr *message)
{
	ring->entry->opcode = IORING_OP_SEND;
	ring->entry->fd = fd;
	ring->entry->addr = (unsigned long)message->msg_iov->iov_base;
	ring->entry->len = message->msg_iov->iov_len;
	ring->entry->addr2 = (unsigned long)message->msg_name;
	ring->entry->addr_len = message->msg_namelen;
	return ring_do(ring);
}

#endif
