/* SPDX-License-Identifier: GPL-2.0 */
/* A cgroup and a network of the test's own, and the programs of record.bpf.c. */
#ifndef BOX_H
#define BOX_H

#include "util.h"
#include "record.skel.h"

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
	};

	return programs[hook];
}

/* Programs allow everything until told otherwise; none is attached yet. */
static inline int box_open(struct box *box)
{
	int i;

	memset(box, 0, sizeof(*box));
	box->record = record__open_and_load();
	if (!box->record)
		return -errno;
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
