// SPDX-License-Identifier: GPL-2.0
/* Looks into the kernel where no system call shows what it does. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct in6_addr {
	__u8 bytes[16];
};

struct sock_common {
	__u32 skc_rcv_saddr;
	struct in6_addr skc_v6_rcv_saddr;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct {
		int owned;
	} sk_lock;
} __attribute__((preserve_access_index));

struct task_struct {
	unsigned short migration_disabled;
} __attribute__((preserve_access_index));

struct sockaddr {
	char sa_data[14];
} __attribute__((preserve_access_index));

struct socket;
struct msghdr;

int pid;
int puts;		/* ports given back */
int locked_puts;	/* those with the socket locked */
int pins;		/* how often the task was kept on its CPU, at the last one */
__u32 ip4;		/* what the last one was filed under */
struct in6_addr ip6;
int checks;		/* of messages, by security modules */
int connect_checks;	/* of addresses, by security modules */
__be16 first_port;	/* that they were asked for */
__be16 last_port;
int locks;		/* of sockets */

static __always_inline int is_ours(void)
{
	return bpf_get_current_pid_tgid() >> 32 == pid;
}

SEC("fentry/inet_put_port")
int BPF_PROG(put_port, struct sock *sk)
{
	if (!is_ours())
		return 0;
	puts++;
	locked_puts += sk->sk_lock.owned;
	pins = bpf_get_current_task_btf()->migration_disabled;
	ip4 = sk->__sk_common.skc_rcv_saddr;
	bpf_probe_read_kernel(&ip6, sizeof(ip6), &sk->__sk_common.skc_v6_rcv_saddr);
	return 0;
}

SEC("fentry/lock_sock_nested")
int BPF_PROG(lock, struct sock *sk)
{
	if (is_ours())
		locks++;
	return 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(check, struct socket *sock, struct msghdr *msg, int size)
{
	if (is_ours())
		checks++;
	return 0;
}

SEC("lsm/socket_connect")
int BPF_PROG(check_connect, struct socket *sock, struct sockaddr *address, int addrlen)
{
	if (!is_ours())
		return 0;
	if (!connect_checks++)
		bpf_probe_read_kernel(&first_port, sizeof(first_port), address->sa_data);
	bpf_probe_read_kernel(&last_port, sizeof(last_port), address->sa_data);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
