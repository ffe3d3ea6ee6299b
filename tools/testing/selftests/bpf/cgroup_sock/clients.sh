#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tools of others, as distributions ship them: ip vrf exec, bpftool, a skeleton of libbpf.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/../../kselftest/ktap_helpers.sh"
cgroup=/sys/fs/cgroup/clients
pins=/sys/fs/bpf/clients
types=(
	sock_create:cgroup_inet_sock_create sock_release:cgroup_inet_sock_release
	post_bind4:cgroup_inet4_post_bind post_bind6:cgroup_inet6_post_bind
	bind4:cgroup_inet4_bind bind6:cgroup_inet6_bind
	connect4:cgroup_inet4_connect connect6:cgroup_inet6_connect
	sendmsg4:cgroup_udp4_sendmsg sendmsg6:cgroup_udp6_sendmsg
	recvmsg4:cgroup_udp4_recvmsg recvmsg6:cgroup_udp6_recvmsg
	getpeername4:cgroup_inet4_getpeername getpeername6:cgroup_inet6_getpeername
	getsockname4:cgroup_inet4_getsockname getsockname6:cgroup_inet6_getsockname
)

# What a test prints is only of interest if it fails.
try() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		ktap_test_pass "$name"
	else
		ktap_test_fail "$name"
		printf '%s\n' "$output" | sed 's/^/# /'
	fi
}

# A socket of a command as ss(8) sees it: bound to the VRF, which the command did not ask for.
in_vrf() {
	"$@" bash -c 'exec 3<>/dev/udp/127.0.0.1/9; ss -Huanp' | grep -E "%clients-vrf:.*pid="
}

vrf_exec() {
	in_vrf ip vrf exec clients-vrf
}

vrf_unprivileged() {
	in_vrf ip vrf exec clients-vrf setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all
}

loadall() {
	bpftool prog loadall "$here/client.bpf.o" "$pins" &&
		find "$pins" -type f | wc -l | grep -x 16
}

attach_show_detach() { # program, attach type
	bpftool cgroup attach "$cgroup" "$2" pinned "$pins/$1" multi &&
		bpftool cgroup show "$cgroup" | grep -E "\b$2 +multi +$1\b" &&
		bpftool cgroup show "$cgroup" effective | grep -E "\b$2 .*\b$1\b" &&
		bpftool cgroup tree /sys/fs/cgroup | grep -A20 "^$cgroup" | grep -E "\b$2\b" &&
		bpftool cgroup detach "$cgroup" "$2" pinned "$pins/$1" &&
		! bpftool cgroup show "$cgroup" | grep -E "\b$2\b"
}

redirected() {
	(echo $BASHPID > "$cgroup/cgroup.procs"; exec 3<>/dev/tcp/127.0.0.1/4040)
}

skeleton() {
	busybox httpd -p 127.0.0.2:4041 -h "$here" &&
		"$here/client" "$cgroup" "$pins/link" && redirected
}

link_show() {
	bpftool link show pinned "$pins/link" | grep -E "cgroup .*prog" &&
		bpftool link show pinned "$pins/link" | grep -E "attach_type cgroup_inet4_connect"
}

rewritten='INET4_CONNECT .*addr=127.0.0.1:4040->127.0.0.2:4041 '

trace_cmd() {
	trace-cmd record -q -e cgroup_sock -o /tmp/trace.dat "$0" redirected &&
		trace-cmd report -i /tmp/trace.dat | grep "cgroup_sock_rewrite: *$rewritten"
}

perf_record() {
	perf record -q -a -e 'cgroup_sock:*' -o /tmp/perf.data "$0" redirected &&
		perf script -i /tmp/perf.data | grep "cgroup_sock_rewrite: *$rewritten"
}

perf_trace() {
	local tag='prog_tag: "[0-9a-f]{16}"'

	perf trace -a -e 'cgroup_sock:*' -o /tmp/perf.text "$0" redirected &&
		grep -E "cgroup_sock_rewrite\(.*$tag.*127.0.0.2:4041" /tmp/perf.text
}

# In events_test.c each attach type refuses that can (11), and rewrites that can (19). It prints the
# attach type, the program and the cgroup, and so does bpftrace, once for each.
bpftrace_all() {
	local event sees='tracepoint:cgroup_sock:cgroup_sock'
	local that='%d %u %llu\n", args->attach_type, args->prog_id, args->prog_cgroup);'

	bpftrace -o /tmp/bpftrace -c "$here/events_test" > /tmp/expected -e "
		${sees}_refuse { printf(\"refuse $that }
		${sees}_rewrite { printf(\"rewrite $that }"
	sed -n 's/^# expected: //p' /tmp/expected | while read -r event; do
		[ "$(grep -cx "$event" /tmp/bpftrace)" -eq 1 ] || echo "not printed once: $event"
	done | grep . && return 1
	[ "$(grep -c '^# expected: refuse' /tmp/expected)" -eq 11 ] &&
		[ "$(grep -c '^# expected: rewrite' /tmp/expected)" -eq 19 ] &&
		[ "$(grep '^# expected' /tmp/expected | cut -d' ' -f4 | sort -u | wc -l)" -eq 21 ]
}

link_detach() {
	bpftool link detach pinned "$pins/link" && ! redirected
}

feature_probe() {
	bpftool feature probe kernel > /tmp/features
	grep -x 'eBPF program_type cgroup_sock is available' /tmp/features &&
		grep -x 'eBPF program_type cgroup_sock_addr is available' /tmp/features &&
		sed -n '/program type cgroup_sock_addr/,/program type/p' /tmp/features |
			grep -E -- '- bpf_bind\b'
}

# For those that trace a command.
if [ "${1:-}" = redirected ]; then
	redirected
	exit
fi

ktap_print_header
ktap_set_plan $((11 + ${#types[@]}))
mkdir "$cgroup"
ip link add clients-vrf type vrf table 77
ip link set clients-vrf up
try 'ip vrf exec' vrf_exec
try 'ip vrf exec, then an unprivileged command' vrf_unprivileged
try 'bpftool prog loadall' loadall
for type in "${types[@]}"; do
	try "bpftool cgroup: ${type#*:}" attach_show_detach "${type%:*}" "${type#*:}"
done
try 'a skeleton attaches by a link' skeleton
try 'bpftool link show' link_show
try 'trace-cmd' trace_cmd
try 'perf record' perf_record
try 'perf trace' perf_trace
try 'bpftool link detach' link_detach
try 'bpftrace' bpftrace_all
try 'bpftool feature probe' feature_probe
rm -r "$pins"
ip link del clients-vrf
rmdir "$cgroup"
ktap_finished
