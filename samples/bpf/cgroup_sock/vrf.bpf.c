// SPDX-License-Identifier: GPL-2.0
/*
 * Every socket that a process of the cgroup makes is bound to a device, and so sends and
 * receives by the routes of that device's VRF, without the process knowing. This is done when
 * the socket is made: the first packet already goes the right way, and a process without
 * CAP_NET_RAW cannot bind a socket that has a device to another one.
 *
 * The tool fills in the variables and attaches the program. Take device = 5 and mark = 0: the
 * shell of the cgroup starts curl, curl calls socket(AF_INET6, SOCK_STREAM, 0), this program
 * runs for it and writes 5 to bound_dev_if. No mark was asked for, so a mark that another
 * program gave the socket stays. connect() then looks up the route in the table of device 5.
 *
 * Programs of the cgroups above run later, so theirs is the last word on the device.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 device;
__u32 mark;
__u32 priority;

SEC("cgroup/sock_create")
int vrf_create(struct bpf_sock *ctx)
{
	ctx->bound_dev_if = device;
	if (mark)
		ctx->mark = mark;
	if (priority)
		ctx->priority = priority;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
