/* SPDX-License-Identifier: GPL-2.0 */
/* A cgroup and a network of the test's own, and the programs of record.bpf.c. */
#ifndef BOX_H
#define BOX_H

#include "util.h"

#include "asking.h"
#include "attaches.h"
#ifdef WITH_UNIX
#include "record_unix.skel.h"
#else
#include "record.skel.h"
#endif

struct box {
	char path[64];
	int cgroup;
	struct record *record;
	struct order *order;
	struct seen *seen;
	struct bpf_link *links[HOOKS];
};

static inline struct bpf_program *box_program(struct box *box, enum hook hook)
{
	struct bpf_program *programs[HOOKS] = {
		[CREATE]	= box->record->progs.create,
		[RELEASE]	= box->record->progs.release,
		[POST_BIND4]	= box->record->progs.post_bind4,
		[POST_BIND6]	= box->record->progs.post_bind6,
		[PLAIN_POST_BIND4] = box->record->progs.plain_post_bind4,
		[PLAIN_POST_BIND6] = box->record->progs.plain_post_bind6,
		[BIND4]		= box->record->progs.bind4,
		[BIND6]		= box->record->progs.bind6,
		[CONNECT4]	= box->record->progs.connect4,
		[CONNECT6]	= box->record->progs.connect6,
		[SENDMSG4]	= box->record->progs.sendmsg4,
		[SENDMSG6]	= box->record->progs.sendmsg6,
		[RECVMSG4]	= box->record->progs.recvmsg4,
		[RECVMSG6]	= box->record->progs.recvmsg6,
		[GETPEERNAME4]	= box->record->progs.getpeername4,
		[GETPEERNAME6]	= box->record->progs.getpeername6,
		[GETSOCKNAME4]	= box->record->progs.getsockname4,
		[GETSOCKNAME6]	= box->record->progs.getsockname6,
#ifdef WITH_UNIX
		[CONNECT_UNIX]	= box->record->progs.connect_unix,
		[SENDMSG_UNIX]	= box->record->progs.sendmsg_unix,
		[RECVMSG_UNIX]	= box->record->progs.recvmsg_unix,
		[GETPEERNAME_UNIX] = box->record->progs.getpeername_unix,
		[GETSOCKNAME_UNIX] = box->record->progs.getsockname_unix,
#endif
	};

	return programs[hook];
}

#ifdef WITH_UNIX
/* A libbpf that does not know the sections of these programs has to be told. */
static inline void box_set_types(struct box *box)
{
	int i;

	for (i = CONNECT_UNIX; i <= GETSOCKNAME_UNIX; i++) {
		bpf_program__set_type(box_program(box, i), attaches[i].prog);
		bpf_program__set_expected_attach_type(box_program(box, i), attaches[i].type);
	}
}

#else
static inline void box_set_types(struct box *box)
{
}
#endif

/* Let a program ask whether the kernel chose the port, see PORT_CHOSEN in record.bpf.c. */
static inline int box_ask(struct bpf_program *program)
{
	size_t count = bpf_program__insn_cnt(program), i;
	struct bpf_insn insns[count];

	if (!port_chosen_id)
		return 0;
	memcpy(insns, bpf_program__insns(program), sizeof(insns));
	for (i = 0; i < count; i++) {
		if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg &&
		    insns[i].imm == BPF_FUNC_get_smp_processor_id) {
			insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
			insns[i].imm = port_chosen_id;
		}
	}
	return bpf_program__set_insns(program, insns, count);
}

/* Whether the verifier takes nothing but an errno for bpf_set_retval(). */
static inline bool box_only_errno(void)
{
	struct bpf_insn insns[] = {
		BPF_MOV64_IMM(BPF_REG_1, 1),
		BPF_RAW_INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_set_retval),
		BPF_MOV64_IMM(BPF_REG_0, 1),
		BPF_EXIT_INSN(),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK, NULL, "GPL", insns,
			       sizeof(insns) / sizeof(*insns), NULL);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/* Programs allow everything until told otherwise; none is attached yet. */
static inline int box_open(struct box *box)
{
	int i, err;

	memset(box, 0, sizeof(*box));
	box->record = record__open();
	if (!box->record)
		return -errno;
	box->record->rodata->only_errno = box_only_errno();
	box_set_types(box);
	err = box_ask(box_program(box, POST_BIND4)) ?: box_ask(box_program(box, POST_BIND6));
	if (err)
		return err;
	err = record__load(box->record);
	if (err)
		return err;
	box->order = box->record->bss->order;
	box->seen = box->record->bss->seen;
	for (i = 0; i < HOOKS; i++)
		box->order[i].verdict = 1;

	cgroup_path(box->path, "box");
	box->cgroup = cgroup_make(box->path);
	if (box->cgroup < 0)
		return box->cgroup;
	return cgroup_join(box->path) ?: new_network();
}

static inline int box_attach(struct box *box, enum hook hook)
{
	box->links[hook] = bpf_program__attach_cgroup(box_program(box, hook), box->cgroup);
	return box->links[hook] ? 0 : -errno;
}

static inline void box_detach(struct box *box, enum hook hook)
{
	bpf_link__destroy(box->links[hook]);
	box->links[hook] = NULL;
}

static inline void box_close(struct box *box)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		box_detach(box, i);
	record__destroy(box->record);
	cgroup_remove(box->cgroup, box->path);
}

#endif
