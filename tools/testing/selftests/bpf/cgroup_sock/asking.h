/* SPDX-License-Identifier: GPL-2.0 */
/* How post_bind programs ask whether the kernel chose the port. */
#ifndef ASKING_H
#define ASKING_H

#include <bpf/btf.h>

/*
 * The BTF id of bpf_cgroup_sock_port_chosen(), 0 if the kernel has none. Asked once: libbpf would
 * read the kernel's BTF anew for each test.
 */
static int port_chosen_id;

static __attribute__((constructor)) void find_port_chosen(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id;

	if (libbpf_get_error(btf))
		return;
	id = btf__find_by_name_kind(btf, "bpf_cgroup_sock_port_chosen", BTF_KIND_FUNC);
	port_chosen_id = id > 0 ? id : 0;
	btf__free(btf);
}

#endif
