#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# deny: kinds of sockets, counters, what a cgroup that is made anew has, others' programs.
# shellcheck disable=SC2317,SC2086,SC2154,SC2046 # ok() calls the functions; there are no blanks in words
. ./lib.sh
c=$cgroups/deny
mkdir -p $c/inner
denied() { refuses 'socket EPERM' call -c $c "$@"; }
allowed() { call -c $c "$@"; }
hits() { cgsock deny --show $c | awk -v rule="$1" '$2 == rule { print $1 }'; }
program_ids() { bpftool cgroup show $1 | awk '$NF == "deny_create" { print $1 }'; }

ok "kinds are set" cgsock deny $c inet6 any/raw inet/dgram/icmp inet/stream/132
ok "a family" denied udp6
ok "a type" denied raw4
ok "a protocol" denied ping4
ok "a protocol by its number" denied sctp4
ok "others are not refused" allowed udp4
ok "nor is tcp" allowed tcp4
ok "a cgroup below" refuses EPERM call -c $c/inner udp6
ok "it counts" is 2 "$(hits inet6/any/any)"
ids=$(program_ids $c)
ok "other kinds are set" cgsock deny $c inet6 inet/dgram/udp
ok "a kind that stays keeps its counter" is 2 "$(hits inet6/any/any)"
ok "a new one is refused" denied udp4
ok "what is gone is not" allowed raw4
ok "by the same program" is "$ids" "$(program_ids $c)"
ok "a cgroup below says whose they are" says 'inherited from /deny' cgsock deny --show $c/inner
ok "and cannot clear them" refuses 'inherited from /deny' cgsock deny --clear $c/inner
ok "JSON" says '"rule":"inet6/any/any"' cgsock deny --show --json $c
ok "64 kinds" cgsock deny $c $(for i in $(seq 200 263); do echo any/raw/$i; done)
ok "not 65" refuses 'more than 64' cgsock deny $c $(for i in $(seq 65); do echo any/raw/$i; done)

ok "a wrong family" refuses '"ipv6" is not a family' cgsock deny $c ipv6
ok "a wrong type" refuses '"datagram" is not a type' cgsock deny $c inet/datagram
ok "a wrong protocol" refuses '"imcp" is not a protocol' cgsock deny $c inet/raw/imcp
ok "no cgroup" refuses 'no such cgroup' cgsock deny $cgroups/none any
ok "a directory that is no cgroup" refuses 'not a cgroup2 directory' cgsock deny /tmp any
ok "no rights" refuses 'CAP_BPF is missing' setpriv --bounding-set -bpf,-sys_admin --inh-caps -bpf,-sys_admin \
	cgsock deny $c any
caps=+bpf,+perfmon,+net_admin
ok "three capabilities are enough" setpriv --bounding-set -all,$caps --inh-caps -all \
	cgsock deny $c inet6

# A program with the name of ours, by whoever.
bpftool prog load $BUILD/deny.bpf.o /sys/fs/bpf/foreign
bpftool cgroup attach $c sock_create pinned /sys/fs/bpf/foreign multi
foreign=$(program_ids $c)
ok "kinds are set beside another's program of the same name" cgsock deny $c any/raw
ok "--clear" cgsock deny --clear $c
ok "the other's program stays" is "${foreign#*$'\n'}" "$(program_ids $c)"
bpftool cgroup detach $c sock_create pinned /sys/fs/bpf/foreign
rm /sys/fs/bpf/foreign

# A cgroup that is made anew.
ok "kinds are set again" cgsock deny $c any
rmdir $c/inner $c && mkdir -p $c/inner
ok "a cgroup of the same name is another one" allowed udp4
ok "which cgsock says" refuses 'made anew' cgsock deny --show $c
ok "kinds are set in it" cgsock deny $c any
ok "and in effect" denied udp4
ok "--clear" cgsock deny --clear $c
ok "nothing is left" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"

# All or nothing: a hook that somebody wants alone.
bpftool prog loadall $BUILD/firewall.bpf.o /sys/fs/bpf/all
bpftool cgroup attach $c sendmsg6 pinned /sys/fs/bpf/all/fw_sendmsg6
attached=$(bpftool cgroup show $c)
ok "a hook that is taken" refuses 'wants the hook alone' cgsock firewall $c - <<< 'refuse connect tcp any'
ok "nothing is half attached" is "$attached" "$(bpftool cgroup show $c)"
ok "nothing is pinned" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"
finish
