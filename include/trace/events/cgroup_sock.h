/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cgroup_sock

#if !defined(_TRACE_CGROUP_SOCK_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_CGROUP_SOCK_H

#include <linux/bpf.h>
#include <linux/bpf-cgroup-sock.h>
#include <linux/tracepoint.h>

/* The kernel does not export the numbers of an enum by itself. */
#undef CGROUP_SOCK_ENUM
#define CGROUP_SOCK_ENUM(name, ...)	TRACE_DEFINE_ENUM(BPF_CGROUP_##name);
CGROUP_SOCK_HOOKS(CGROUP_SOCK_ENUM)

#undef CGROUP_SOCK_NAME
#define CGROUP_SOCK_NAME(name, ...)	{ BPF_CGROUP_##name, #name },

/*
 * Each value stands twice: as it was before the program, or before the first
 * program of the call, and as it is now.
 */
DECLARE_EVENT_CLASS(cgroup_sock,

	TP_PROTO(struct sock *sk, const struct bpf_prog *prog, u64 prog_cgroup,
		 const struct cgroup_sock_view *before,
		 const struct cgroup_sock_view *now, int err),

	TP_ARGS(sk, prog, prog_cgroup, before, now, err),

	TP_STRUCT__entry(
		__field(int,	attach_type)
		__field(u32,	prog_id)
		__array(char,	prog_tag, 2 * BPF_TAG_SIZE + 1)
		__field(u64,	prog_cgroup)
		__field(u64,	cgroup)
		__field(u64,	cookie)
		__field(u16,	family)
		__field(u16,	type)
		__field(u16,	protocol)
		__field(int,	err)
		__field(int,	old_dev_if)
		__field(int,	dev_if)
		__field(u32,	old_mark)
		__field(u32,	mark)
		__field(u32,	old_priority)
		__field(u32,	priority)
		__dynamic_array(char, old_endpoint, cgroup_sock_print(NULL, 0, &before->addr) + 1)
		__dynamic_array(char, endpoint, cgroup_sock_print(NULL, 0, &now->addr) + 1)
		__dynamic_array(char, old_source, cgroup_sock_print(NULL, 0, &before->source) + 1)
		__dynamic_array(char, source, cgroup_sock_print(NULL, 0, &now->source) + 1)
	),

	TP_fast_assign(
		__entry->attach_type = prog->expected_attach_type;
		__entry->prog_id = READ_ONCE(prog->aux->id);
		snprintf(__entry->prog_tag, sizeof(__entry->prog_tag), "%*phN",
			 BPF_TAG_SIZE, prog->tag);
		__entry->prog_cgroup = prog_cgroup;
		__entry->cgroup = cgroup_id(sock_cgroup_ptr(&sk->sk_cgrp_data));
		__entry->cookie = sock_gen_cookie(sk);
		__entry->family = sk->sk_family;
		__entry->type = sk->sk_type;
		__entry->protocol = sk->sk_protocol;
		__entry->err = err;
		__entry->old_dev_if = before->dev_if;
		__entry->dev_if = now->dev_if;
		__entry->old_mark = before->mark;
		__entry->mark = now->mark;
		__entry->old_priority = before->priority;
		__entry->priority = now->priority;
		cgroup_sock_print(__get_str(old_endpoint), __get_dynamic_array_len(old_endpoint),
				  &before->addr);
		cgroup_sock_print(__get_str(endpoint), __get_dynamic_array_len(endpoint),
				  &now->addr);
		cgroup_sock_print(__get_str(old_source), __get_dynamic_array_len(old_source),
				  &before->source);
		cgroup_sock_print(__get_str(source), __get_dynamic_array_len(source),
				  &now->source);
	),

	TP_printk("%s prog_id=%u prog_tag=%s prog_cgroup=%llu cgroup=%llu cookie=%llu family=%u type=%u protocol=%u err=%d addr=%s->%s source=%s->%s dev_if=%d->%d mark=%u->%u priority=%u->%u",
		  __print_symbolic(__entry->attach_type,
				   CGROUP_SOCK_HOOKS(CGROUP_SOCK_NAME) { -1, "" }),
		  __entry->prog_id,
		  __entry->prog_tag,
		  __entry->prog_cgroup, __entry->cgroup, __entry->cookie,
		  __entry->family, __entry->type, __entry->protocol, __entry->err,
		  __get_str(old_endpoint), __get_str(endpoint),
		  __get_str(old_source), __get_str(source),
		  __entry->old_dev_if, __entry->dev_if,
		  __entry->old_mark, __entry->mark,
		  __entry->old_priority, __entry->priority)
);

/* Programs refused a call; this one did so first. */
DEFINE_EVENT(cgroup_sock, cgroup_sock_refuse,
	TP_PROTO(struct sock *sk, const struct bpf_prog *prog, u64 prog_cgroup,
		 const struct cgroup_sock_view *before,
		 const struct cgroup_sock_view *now, int err),
	TP_ARGS(sk, prog, prog_cgroup, before, now, err));

/* A program changed an address, or the device, mark or priority of a socket. */
DEFINE_EVENT(cgroup_sock, cgroup_sock_rewrite,
	TP_PROTO(struct sock *sk, const struct bpf_prog *prog, u64 prog_cgroup,
		 const struct cgroup_sock_view *before,
		 const struct cgroup_sock_view *now, int err),
	TP_ARGS(sk, prog, prog_cgroup, before, now, err));

#endif /* _TRACE_CGROUP_SOCK_H */

#include <trace/define_trace.h>
