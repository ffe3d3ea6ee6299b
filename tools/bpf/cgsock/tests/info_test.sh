#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# show, watch and doctor.
# shellcheck disable=SC2317,SC2086,SC2154,SC2016 # ok() calls the functions
. ./lib.sh
c=$cgroups/info
mkdir -p $c/inner
dir=$(mktemp -d)
denied() { refuses EPERM call -c $c "$@"; }

# --- show
echo 'refuse connect,send any 192.0.2.0/24' > "$dir/rules"
ok "rules for the cgroup above" cgsock firewall $c "$dir/rules"
ok "kinds for the cgroup" cgsock deny $c/inner inet6
bpftool prog loadall $BUILD/firewall.bpf.o /sys/fs/bpf/foreign
bpftool cgroup attach $c/inner connect4 pinned /sys/fs/bpf/foreign/fw_connect4 multi
ok "show" says 'deny         /info/inner' cgsock show
ok "a cgroup: its own" says 'sock_create    1  deny_create      deny       /info/inner' cgsock show $c/inner
ok "others' programs, first as they are nearer" says 'connect4       1  fw_connect4      (others)   /info/inner' cgsock show $c/inner
ok "inherited ones" says 'connect4       2  fw_connect4      firewall   inherited from /info' cgsock show $c/inner
ok "JSON" says '"tool":"firewall"' cgsock show --json $c/inner
ok "a name that is shown can be typed" says 'inet6/any/any' cgsock deny --show /info/inner
bpftool cgroup detach $c/inner connect4 pinned /sys/fs/bpf/foreign/fw_connect4
rm -r /sys/fs/bpf/foreign
rmdir $c/inner
ok "a cgroup that is gone" says 'PROBLEM: not in effect: the cgroup is gone' cgsock show
mkdir $c/inner
ok "one that was made anew" says 'PROBLEM: not in effect: the cgroup was made anew' cgsock show
ok "set again" cgsock deny $c/inner inet6
ok "it has no problem" eval '! cgsock show | grep PROBLEM'
cgsock vrf $c lo
ok "a device" says 'vrf          /info' cgsock show
cgsock vrf --clear $c

# --- watch
denied tcp4 connect 192.0.2.9:1
cgsock watch > "$dir/all" &
all=$!
cgsock watch --json $c/inner > "$dir/inner" &
inner=$!
sleep 1
denied udp4 sendto 192.0.2.1:53
call -c $c/inner udp6 > /dev/null
strange=$'c\nl\e'
cp "$(command -v call)" "$dir/$strange"
"$dir/$strange" -c $c/inner tcp4 connect 192.0.2.2:53 > /dev/null
ok "a refused message" until_ok grep -q "call\[[0-9]*\]  /info  refused: send udp 192.0.2.1:53  by firewall of /info: $dir/rules:1: refuse connect,send any 192.0.2.0/24 any" "$dir/all"
ok "a refused socket, to one of both" until_ok grep -hq 'socket udp inet6\|"call":"socket"' "$dir/all" "$dir/inner"
ok "the process's own cgroup, and a name that is not printable" until_ok grep -qF 'c\x0al\x1b[' "$dir/all"
ok "its cgroup is its own" grep -q '  /info/inner  refused: connect tcp 192.0.2.2:53  by firewall of /info' "$dir/all"
ok "not what was before" eval '! grep 192.0.2.9 "$dir/all"'
kill $all $inner
wait $all $inner
ok "watch ends by a signal, with 0" is 0 $?
cgsock deny --clear $c/inner
cgsock firewall --clear $c
ours || ok "nothing to watch" refuses 'neither firewall nor deny is set at /info/inner' timeout 5 cgsock watch $c/inner

# --- doctor
ok "doctor finds all that is wanted" says 'all hooks' cgsock doctor
row() { cgsock doctor | awk -v kind=$1 '$1 == kind { print $2, $3, $4, $5 }'; }
if ours; then
	ok "our kernel shows all" says 'Rules hold for all calls in this table' cgsock doctor
	ok "SCTP" is 'yes yes yes yes' "$(row sctp)"
	ok "raw" is 'yes yes yes -' "$(row raw)"
	ok "TCP" is 'yes - yes yes' "$(row tcp)"
else
	ok "mainline's does not" says 'Not covered by rules here' cgsock doctor
	ok "SCTP" is 'NO NO NO NO' "$(row sctp)"
	ok "raw" is 'NO NO NO -' "$(row raw)"
	ok "TCP" is 'yes - yes NO' "$(row tcp)"
	ok "what to do" says 'cgsock deny CGROUP any/raw' cgsock doctor
fi
ok "it names what it did not try" says 'Not tried here: source routes (IP_OPTIONS, IPV6_RTHDR), SMC' cgsock doctor
ok "JSON" says '"covered":' cgsock doctor --json
ok "with what was not tried" says '"not_tried":' cgsock doctor --json
# Rules of a cgroup above are not to be taken for those that doctor sets.
ok "rules around doctor" cgsock firewall $c - <<< 'refuse send udp any'
inside() { (echo $BASHPID > $c/cgroup.procs; exec "$@"); }
ok "what they refuse cannot be told" says 'udp       yes      ? ' inside cgsock doctor
ok "so it says" says '? is refused here without rules, too' inside cgsock doctor
cgsock firewall --clear $c
mkdir -p /run/systemd/system "$dir/bin"
printf '#!/bin/sh\necho "systemd $VERSION (of a distribution)"\n' > "$dir/bin/systemctl"
chmod +x "$dir/bin/systemctl"
ok "a systemd that is too old" refuses 'MISSING  systemd' env PATH="$dir/bin:$PATH" VERSION=247 cgsock doctor
ok "one that is not" says 'ok       systemd' env PATH="$dir/bin:$PATH" VERSION=249 cgsock doctor
rmdir /run/systemd/system
ok "no rights" refuses 'MISSING  rights' setpriv --bounding-set -all --inh-caps -all cgsock doctor
umount /sys/fs/bpf
ok "no BPF file system" refuses 'mount -t bpf -o mode=0700 none /sys/fs/bpf' cgsock doctor
ok "which others say, too" refuses 'mount -t bpf -o mode=0700 none /sys/fs/bpf' cgsock deny $c inet6
mount -t bpf none /sys/fs/bpf
ok "doctor leaves nothing" is '' "$(find $cgroups -name 'cgsock-measure*'; ls -I redirect /sys/fs/bpf/cgsock 2> /dev/null)"
finish
