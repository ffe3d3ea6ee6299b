#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: a command's destinations, exit status and signals, rights, and what is left.
# shellcheck disable=SC2317,SC2086,SC2154,SC2054,SC2016 # ok() calls the functions; there are no blanks in words
. ./lib.sh
dir=$(mktemp -d)
chmod 755 "$dir"
denied() { refuses EPERM cgsock run "${how[@]}" -- call "$@"; }
passes() { ! cgsock run "${how[@]}" -- call "$@" | grep EPERM; }
left() { find $cgroups -name 'cgsock-run*'; ls -I redirect /sys/fs/bpf/cgsock; cgsock redirect show; }
exits() { local want=$1 rc=0; shift; "$@" || rc=$?; is "$want" $rc; }

how=(--allow tcp:127.0.0.1:80,81 --allow '[::1]' --allow udp:127.9.0.0/16)
ok "what is allowed" passes tcp4 connect 127.0.0.1:81
ok "another port" denied tcp4 connect 127.0.0.1:82
ok "another protocol" denied udp4 connect 127.0.0.1:80
ok "a datagram" denied udp4 sendto 127.0.0.1:80
ok "a datagram to a prefix" passes udp4 sendto 127.9.1.1:80
ok "IPv6" passes tcp6 connect '[::1]:99'
ok "an IPv4-mapped address" denied tcp6 connect '[::ffff:127.0.0.1]:99'
ok "to listen" denied tcp4 bind 127.0.0.1:8000
ok "SCTP, which kernels show or which there is not" denied sctp4 connect 127.0.0.1:80
ok "raw, so too" denied raw4 sendto 127.0.0.1:0
ok "ping" denied ping4 sendto 127.0.0.1:0
ok "UDP-Lite" denied udplite4 connect 127.0.0.1:80

how=(--deny inet6 --deny any/raw)
ok "--deny" denied udp6
ok "not denied" passes udp4
echo 'refuse connect tcp any 9' > "$dir/rules"
how=(--rules "$dir/rules")
ok "--rules" denied tcp4 connect 127.0.0.1:9
ok "what they do not refuse" passes tcp4 connect 127.0.0.1:8
how=(--allow tcp:127.0.0.1:80 --rules "$dir/rules")
ok "--allow with --rules" passes tcp4 connect 127.0.0.1:80
ok "all else is refused there, too" denied tcp4 connect 127.0.0.1:8
ok "a datagram" denied udp4 sendto 127.0.0.1:80
ok "to listen" denied tcp4 bind 127.0.0.1:8000
echo 'default allow listen' > "$dir/rules"
ok "a default line of the file holds" passes tcp4 bind 127.0.0.1:8000 listen
ok "for its call" denied tcp4 connect 127.0.0.1:8
how=(--allow localhost:80)
ok "a name" says 'localhost is' cgsock run "${how[@]}" -- true
ok "what it means" passes tcp4 connect 127.0.0.1:80
ok "what it does not mean" denied tcp4 connect 127.0.0.2:80

ok "exit status" exits 7 cgsock run --deny any/raw -- sh -c 'exit 7'
ok "a command that is not there" exits 127 cgsock run --deny any/raw -- /nowhere
ok "a command that cannot be run" exits 126 cgsock run --deny any/raw -- /etc/passwd
ok "a signal" exits 137 bash -c "cgsock run --deny any/raw -- sh -c 'kill -9 \$\$'"
ok "arguments that look like options" says '--json' cgsock run --deny any/raw echo --json
becomes() {
	cgsock run --deny any/raw -- sleep 100 &
	until_ok says sleep cat /proc/$!/comm
	kill $!
	exits 143 wait $!
}
ok "it becomes the command, and gets its signals" becomes
ok "sudo's user runs it" says 'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)' \
	env SUDO_UID=65534 cgsock run --deny any/raw -- id
ok "without capabilities" says 'CapEff:	0000000000000000' \
	env SUDO_UID=65534 cgsock run --deny any/raw -- grep CapEff /proc/self/status

mkdir $cgroups/outer
cgsock deny $cgroups/outer inet6
inside_outer() { echo $BASHPID > $cgroups/outer/cgroup.procs; cgsock run --deny any/raw -- call udp6; }
in_outer() { (inside_outer); }
ok "the rules of the cgroup around it hold" refuses EPERM in_outer
cgsock deny --clear $cgroups/outer

call tcp4 bind 127.0.0.1:8123 listen wait > /dev/null &
server=$!
until_ok says LISTEN ss -tln 'sport = :8123'
how=(--connect "80=127.0.0.1:8123")
ok "--connect" says 'connect ok' cgsock run "${how[@]}" -- call tcp4 connect 127.0.0.1:80
how+=(--allow 127.0.0.9)
ok "--connect and --allow" says 'connect ok' cgsock run "${how[@]}" -- call tcp4 connect 127.0.0.1:80
ok "but no other port" denied tcp4 connect 127.0.0.1:8124
kill $server
wait $server 2> /dev/null

ok "nothing is left" until_ok is '' "$(sleep 1; left)"
cgsock run --deny any/raw -- sh -c 'sleep 100 &'
ok "what the command left running keeps its rules" says run-deny \
	eval 'bpftool cgroup tree | grep -q deny_create && echo run-deny'
pkill -x sleep
ok "until it ends" until_ok eval '[ -z "$(find $cgroups -name "cgsock-run*")" ]'

ok "an error in a rule" refuses "$dir/rules:1" eval 'echo x > "$dir/rules"; cgsock run --rules "$dir/rules" -- true'
ok "an error in --allow" refuses 'not [PROTOCOL:]HOST' cgsock run --allow tcp:1.2.3.4:8:9 -- true
ok "an error in its ports" refuses '--allow tcp:1.2.3.4:x: "x" is not a port' cgsock run --allow tcp:1.2.3.4:x -- true
ok "an error in --connect" refuses 'not PORT=ADDRESS:PORT' cgsock run --connect 80=localhost:80 -- true
ok "an unknown name" refuses 'no.such.name.invalid' cgsock run --allow no.such.name.invalid -- true
ok "no device" refuses 'no such device' cgsock run --vrf nothing -- true
ok "no command" refuses 'a command is missing' cgsock run --deny any
ok "nothing to do" refuses 'nothing to do' cgsock run -- true
ok "no device, with --connect" refuses 'no such device' cgsock run --connect 80=127.0.0.1:1 --vrf nothing -- true
ok "SUDO_UID that is no number" refuses 'SUDO_UID is 1x' env SUDO_UID=1x cgsock run --deny any/raw -- true
is_empty() { is '' "$(left)"; }
ok "nothing is left of that either" until_ok is_empty

# --- whatever ends it
kill_run() { # SIGNAL COMMAND-THAT-WAITS...
	cgsock run --allow 127.0.0.1 --connect 80=127.0.0.1:1 -- sleep 100 2> /dev/null &
	"${@:2}"
	kill -$1 $!
	wait $! 2> /dev/null
}
has_cgroup() { until [ -d "$cgroups/cgsock-run-$!" ]; do :; done; }
killed() {
	for delay in 0.02 0.05 0.1 0.2 0.3 0.4 0.5 0.7; do kill_run $1 sleep $delay; done
	until_ok is_empty
}
killed_with_cgroup() {
	for _ in {1..20}; do kill_run KILL has_cgroup; done
	until_ok is_empty
}
ok "nothing is left of a run that is killed" killed KILL
ok "or gets another signal" killed TERM
ok "or is killed when it has just made its cgroup" killed_with_cgroup
stopped_with_all() { # as the processes of a unit are
	cgsock run --connect 80=127.0.0.1:1 --deny any/raw -- sleep 100 &
	until_ok says sleep cat /proc/$!/comm
	pkill -TERM -x cgsock
	kill $!
	wait $! 2> /dev/null
	until_ok is_empty
}
ok "nor if all its processes are stopped at once" stopped_with_all
taken() { mkdir "$cgroups/cgsock-run-$BASHPID"; exec cgsock run --deny any/raw -- true; }
in_shell() { ("$@"); }
ok "a cgroup of this name is not taken over" refuses 'File exists' in_shell taken
rmdir $cgroups/cgsock-run-*

# --- who the command is, and what it can do about its cgroup
cp "$(command -v cgsock)" /tmp/for-all
chmod 4755 /tmp/for-all
ok "SUDO_UID is for root only" says 'uid=65534(nobody)' \
	setpriv --reuid 65534 --regid 65534 --clear-groups env SUDO_UID=1 /tmp/for-all run --deny any/raw -- id
ok "it gets no more rights" says 'NoNewPrivs:	1' cgsock run --deny any/raw -- grep NoNewPrivs /proc/self/status
ok "but where it has only a VRF" says 'NoNewPrivs:	0' cgsock run --vrf lo -- grep NoNewPrivs /proc/self/status
# As systemd gives user@1000.service to its user.
mkdir -p $cgroups/slice/his/app
chown -R 65534 $cgroups/slice/his
in_app() { (echo $BASHPID > $cgroups/slice/his/app/cgroup.procs; SUDO_UID=65534 exec cgsock run --deny any/raw -- "$@"); }
ok "its cgroup is above what belongs to its user" says 'user 65534 can leave one in /slice/his' in_app true
ok "below what does not" says '0::/slice/cgsock-run-' in_app cat /proc/self/cgroup
ok "and cannot be left" refuses 'Permission denied' in_app bash -c "echo 0 > $cgroups/slice/his/cgroup.procs"
ok "nothing is left of all that" until_ok is_empty
finish
