// SPDX-License-Identifier: GPL-2.0
/*
 * Every socket that a process of the cgroup makes is bound to a device, and so sends and
 * receives by the routes of that device's VRF, without the process knowing. This is done when
 * the socket is made: the first packet already goes the right way.
 *
 * Programs of the cgroups above run later, so theirs is the last word on the device.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "vrf.h"

struct vrf vrf;

SEC("cgroup/sock_create")
int vrf_create(struct bpf_sock *ctx)
{
	__u32 half = vrf.current & 1;
	struct vrf_settings *settings;

	/* Read once. */
	barrier_var(half);
	settings = &vrf.half[half & 1];

	ctx->bound_dev_if = settings->device;
	if (settings->mark)
		ctx->mark = settings->mark;
	if (settings->priority)
		ctx->priority = settings->priority;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
