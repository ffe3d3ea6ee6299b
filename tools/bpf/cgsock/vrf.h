/* SPDX-License-Identifier: GPL-2.0 */
/* What vrf tells its program. The half that @current names is in effect. */
#ifndef VRF_H
#define VRF_H

struct vrf_settings {
	__u32 device;
	__u32 mark;
	__u32 priority;
	char name[16];		/* of the device, for who asks later */
};

struct vrf {
	struct vrf_settings half[2];
	__u32 current;
};

#endif
