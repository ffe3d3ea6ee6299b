#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo after the session of README.md, as an administrator would type it; runs in the test
# machine.
# shellcheck disable=SC2317,SC2016 # step() calls the functions, and expands what it gets
set -uo pipefail

title() { printf '\n== %s\n' "$*"; }
fail() { printf '\nTHIS STEP FAILED: %s\n' "$*"; exit 1; }

# Show a command, run it, want this exit code (0, or "not 0") and this text in its output.
step() {
	local want=$1 text=$2 rc=0
	shift 2
	printf '# %s\n' "$*"
	output=$(eval "$*" 2>&1) || rc=$?
	[ -z "$output" ] || printf '%s\n' "$output"
	case $want in
	ok) [ $rc -eq 0 ] || fail "exit code $rc" ;;
	fails) [ $rc -ne 0 ] || fail "it should not succeed" ;;
	esac
	grep -qE -- "$text" <<< "$output" || fail "nothing like '$text' in the output"
}
shows() { step ok "$@"; }
does() { step ok '' "$@"; }
refused() { step fails "$@"; }

# What the administrator typed first: a command in a cgroup, a command as an ordinary user.
helpers='inside() { (echo $BASHPID > /sys/fs/cgroup/$1/cgroup.procs && shift && "$@"); }
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all "$@"; }'
eval "$helpers"

serve() { # cgroup or "-", netns or "-", address:port, text
	local place=() group=()
	mkdir -p "/srv/$4"
	echo "$4" > "/srv/$4/index.html"
	[ "$2" = - ] || place=(ip netns exec "$2")
	[ "$1" = - ] || group=(inside "$1")
	"${group[@]}" "${place[@]}" busybox httpd -f -p "$3" -h "/srv/$4" &
}
until_some() { # at least this many lines like that come out of a command
	local count=$1 text=$2
	shift 2
	for _ in $(seq 100); do
		[ "$("$@" | grep -c -- "$text")" -lt "$count" ] || return 0
		sleep 0.1
	done
	fail "'$*' does not print '$text'"
}

# Two other hosts: "far" can only be reached through the VRF "blue", "near" directly.
for host in far:1 near:2; do
	name=${host%:*} net=10.${host#*:}.0
	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip -n "$name" address add "$net.2/24" dev eth0
	ip -n "$name" link set eth0 up
	ip -n "$name" link set lo up
done
ip link add blue type vrf table 20
ip link set blue up
ip address add 127.0.0.1/8 dev blue
ip link set to-far master blue
ip address add 10.1.0.1/24 dev to-far
ip address add 10.2.0.1/24 dev to-near
ip link set to-far up
ip link set to-near up
ip address add fd00::80/128 dev lo
mkdir /sys/fs/cgroup/{login,service,shop1,shop2,shop3,shop6,till,guarded}
serve - far 10.1.0.2:80 'the host behind the VRF'
serve - near 10.2.0.2:80 'the host nearby'
serve - - '[::1]:80' 'this host over IPv6'
until_some 1 . ss -Htln 'sport = :80'
printf '%s\n' "$helpers" | sed 's/^/# /'

title "1. Every command of a shell in a VRF, without root"
does cgsock vrf login blue
shows 'device blue' cgsock vrf --show login
refused '' as_nobody curl -sS --max-time 3 http://10.1.0.2/
shows 'the host behind the VRF' inside login as_nobody curl -sS --max-time 10 http://10.1.0.2/
shows 'the host behind the VRF' cgsock run --vrf blue -- curl -sS --max-time 10 http://10.1.0.2/
shows 'the host behind the VRF' ip vrf exec blue curl -sS --max-time 10 http://10.1.0.2/

title "2. A service that may not ping and knows no IPv6"
does cgsock deny service inet6 inet/dgram/icmp any/raw
shows '1 received' ping -c 1 -n 10.2.0.2
refused 'Operation not permitted' inside service ping -c 1 -n 10.2.0.2
shows 'this host over IPv6' curl -sS --max-time 10 "'http://[::1]/'"
refused '' inside service curl -sS --max-time 3 "'http://[::1]/'"
shows 'the host nearby' inside service curl -sS --max-time 10 http://10.2.0.2/
shows '[1-9][0-9]*  inet/dgram/icmp' cgsock deny --show service

title "3. localhost:8080 is a service of three other containers, for a static program"
for i in 1 2 3; do
	does cgsock redirect service -g shop shop$i 8080 127.0.0.1
	serve shop$i - 0.0.0.0:8080 "shop $i"
done
does cgsock redirect client -g shop till
until_some 3 '^replica  shop ' cgsock redirect show
shows 'statically linked' file -b /usr/bin/busybox
refused 'Connection refused' busybox wget -qO- http://localhost:8080/
shows 'shop 1' 'for i in 1 2 3 4 5 6; do inside till busybox wget -qO- http://localhost:8080/; done | sort | uniq -c'
[ "$(awk '{ print $1 }' <<< "$output" | xargs)" = "2 2 2" ] || fail "not an even share"

title "   also if it asks ::1, and the service has IPv4 only"
shows '^shop [123]$' inside till busybox wget -qO- "'http://[::1]:8080/'"
does cgsock redirect service -g shop shop6 8080 '[fd00::80]'
serve shop6 - '[::]:8080' 'shop over IPv6'
until_some 1 '^replica  shop .*fd00::80' cgsock redirect show
shows 'shop over IPv6' inside till busybox wget -qO- "'http://[::1]:8080/'"

title "   and one more replica, on another host"
serve - near 10.2.0.2:8080 'shop on the other host'
does cgsock redirect replica -g shop 8080 10.2.0.2:8080
shows '1 shop on the other host' 'for i in 1 2 3 4; do inside till busybox wget -qO- http://localhost:8080/; done | sort | uniq -c'
shows '10.2.0.2:8080  weight 1  connections 1' cgsock redirect show

title "4. A firewall at the moment of the call"
cat > /tmp/guard <<-RULES
	allow  connect tcp 10.2.0.2    80
	refuse connect any 10.2.0.0/24
	refuse bind    any any         1-1023
RULES
does cat /tmp/guard
does cgsock firewall guarded /tmp/guard
shows 'the host nearby' inside guarded curl -sS --max-time 10 http://10.2.0.2/
refused 'Operation not permitted' inside guarded busybox httpd -f -p 0.0.0.0:81 -h /srv

title "5. Why was my call refused?"
call=(busybox wget -qO- http://10.2.0.2:8080/)
printf '# cgsock watch guarded > /tmp/refused &\n'
cgsock watch guarded > /tmp/refused &
# It may take a moment until it watches.
call_and_look() { inside guarded "${call[@]}" 2> /dev/null; cat /tmp/refused; }
until_some 1 refused call_and_look
refused 'Operation not permitted' inside guarded "${call[@]}"
shows '/guarded +refused: connect tcp 10.2.0.2:8080 +by firewall of /guarded: /tmp/guard:2: refuse' tail -n 1 /tmp/refused
kill $!

title "   the same without any tool, whoever attached the program"
does 'echo 1 > /sys/kernel/tracing/events/cgroup_sock/enable'
refused 'Operation not permitted' inside guarded "${call[@]}"
shows 'cgroup_sock_refuse: INET4_CONNECT prog_id=.* err=-1 addr=10.2.0.2:8080->' tail -n 1 /sys/kernel/tracing/trace
shows 'name fw_connect4' 'bpftool prog show id $(tail -n 1 /sys/kernel/tracing/trace | grep -oP "prog_id=\K[0-9]+")'

title "What was not asked for is refused with a reason"
refused 'eth99.*no such device' cgsock vrf login eth99
refused 'nowhere' cgsock vrf nowhere blue
refused 'guard.missing' cgsock firewall guarded /tmp/guard.missing
