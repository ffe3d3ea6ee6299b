// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of record.bpf.c and those for AF_UNIX, which take libbpf much longer to load: they
 * call kernel functions, by the kernel's BTF.
 */
#include <linux/un.h>
#include "record.bpf.c"
#include <bpf/bpf_core_read.h>

/* The part of the kernel's context that struct bpf_sock_addr does not show. */
struct bpf_sock_addr_kern {
	struct sockaddr *uaddr;
	__u32 uaddrlen;
} __attribute__((preserve_access_index));

void *bpf_cast_to_kern_ctx(void *obj) __ksym;
int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern, const __u8 *sun_path,
			       __u32 sun_path__sz) __ksym;

static __always_inline void address_unix(struct bpf_sock_addr *ctx, enum hook hook)
{
	struct bpf_sock_addr_kern *kern = bpf_cast_to_kern_ctx(ctx);
	struct order *todo = &order[hook];
	struct seen *saw = &seen[hook];

	saw->calls++;
	saw->family = ctx->family;
	saw->type = ctx->type;
	saw->protocol = ctx->protocol;
	saw->user_family = ctx->user_family;
	saw->name_len = kern->uaddrlen;
	bpf_probe_read_kernel(saw->path, sizeof(saw->path),
			      (void *)kern->uaddr + offsetof(struct sockaddr_un, sun_path));
	if (todo->rewrite)
		saw->path_err = bpf_sock_addr_set_sun_path(kern, (__u8 *)todo->path,
							   todo->path_len & (PATH_ROOM - 1));
}

SEC("cgroup/connect_unix")
int connect_unix(struct bpf_sock_addr *ctx)
{
	address_unix(ctx, CONNECT_UNIX);
	return verdict(CONNECT_UNIX, 1);
}

SEC("cgroup/sendmsg_unix")
int sendmsg_unix(struct bpf_sock_addr *ctx)
{
	address_unix(ctx, SENDMSG_UNIX);
	return verdict(SENDMSG_UNIX, 1);
}

SEC("cgroup/recvmsg_unix")
int recvmsg_unix(struct bpf_sock_addr *ctx)
{
	address_unix(ctx, RECVMSG_UNIX);
	return 1;
}

SEC("cgroup/getpeername_unix")
int getpeername_unix(struct bpf_sock_addr *ctx)
{
	address_unix(ctx, GETPEERNAME_UNIX);
	return 1;
}

SEC("cgroup/getsockname_unix")
int getsockname_unix(struct bpf_sock_addr *ctx)
{
	address_unix(ctx, GETSOCKNAME_UNIX);
	return 1;
}
