// SPDX-License-Identifier: GPL-2.0
/*
 * Every socket that a process of the cgroup makes is bound to a device. If that is a VRF, the
 * socket sends and receives by the routes of the VRF.
 *
 * Take device = 5. A process calls socket(AF_INET6, SOCK_STREAM, 0), this program runs, and writes
 * 5 to bound_dev_if. Only then the process gets its socket, so the first packet already goes the
 * right way. connect() looks up the route in the table of device 5.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* vrf.c writes it, before the program is attached. */
__u32 device;

SEC("cgroup/sock_create")
int vrf_create(struct bpf_sock *ctx)
{
	ctx->bound_dev_if = device;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
