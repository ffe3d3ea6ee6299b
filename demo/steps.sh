#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo, as an administrator would type it; runs in the test machine.
# shellcheck disable=SC2317 # step() calls the functions
set -uo pipefail
cgroups=/sys/fs/cgroup

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

# shellcheck disable=SC2016 # expanded when it is used
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
listening() { # how many sockets of the machine listen at port $1, at least
	for _ in $(seq 100); do
		[ "$(ss -Htln "$2" | wc -l)" -lt "$1" ] || return 0
		sleep 0.1
	done
	fail "no server at $2"
}

# Two other hosts: "far" can only be reached through the VRF "mgmt", "near" directly.
for host in far:1 near:2; do
	name=${host%:*} net=10.${host#*:}.0
	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip -n "$name" address add "$net.2/24" dev eth0
	ip -n "$name" link set eth0 up
	ip -n "$name" link set lo up
done
ip link add mgmt type vrf table 10
ip link set mgmt up
ip link set to-far master mgmt
ip address add 10.1.0.1/24 dev to-far
ip address add 10.2.0.1/24 dev to-near
ip link set to-far up
ip link set to-near up
ip address add fd00::80/128 dev lo
mkdir $cgroups/{shell,quiet,web1,web2,web3,web6,app,office}
serve - far 10.1.0.2:80 'the host behind the VRF'
serve - near 10.2.0.2:80 'the host nearby'
serve - - '[::1]:80' 'this host over IPv6'
listening 1 'sport = :80'
printf '%s\n' "$helpers" | sed 's/^/# /'

title "1. Every command of a shell in a VRF, without root"
does vrf $cgroups/shell mgmt
shows 'device mgmt' vrf --show $cgroups/shell
refused '' as_nobody curl -sS --max-time 3 http://10.1.0.2/
shows 'the host behind the VRF' inside shell as_nobody curl -sS --max-time 10 http://10.1.0.2/
inside shell busybox httpd -f -p 0.0.0.0:8000 -h /srv &
listening 1 'sport = :8000'
shows '%mgmt:8000' ss -tln "'dev == mgmt'"
shows 'the host behind the VRF' ip vrf exec mgmt curl -sS --max-time 10 http://10.1.0.2/

title "2. A service that may not ping and knows no IPv6"
does deny $cgroups/quiet inet6 inet/dgram/icmp inet/raw
shows '1 received' ping -c 1 -n 10.2.0.2
refused 'Operation not permitted' inside quiet ping -c 1 -n 10.2.0.2
shows 'this host over IPv6' curl -sS --max-time 10 "'http://[::1]/'"
refused '' inside quiet curl -sS --max-time 3 "'http://[::1]/'"
shows 'the host nearby' inside quiet curl -sS --max-time 10 http://10.2.0.2/

title "3. localhost:8080 is a service of three other containers, for a static program"
for i in 1 2 3; do
	does redirect service $cgroups/web$i 8080 127.0.0.1
	serve web$i - 0.0.0.0:8080 "replica $i"
done
does redirect client $cgroups/app
for _ in $(seq 100); do [ "$(redirect show | grep -c '^replica')" -lt 3 ] || break; sleep 0.1; done
shows 'statically linked' file -b /usr/bin/busybox
refused 'Connection refused' busybox wget -qO- http://localhost:8080/
shows 'replica 1' 'for i in 1 2 3 4 5 6; do inside app busybox wget -qO- http://localhost:8080/; done | sort | uniq -c'
[ "$(awk '{ print $1 }' <<< "$output" | xargs)" = "2 2 2" ] || fail "not an even share"
does redirect service $cgroups/web6 8080 fd00::80
serve web6 - '[::]:8080' 'replica over IPv6'
for _ in $(seq 100); do ! redirect show | grep -q '^replica.*fd00::80' || break; sleep 0.1; done
shows 'replica over IPv6' inside app busybox wget -qO- "'http://[::1]:8080/'"

title "   and one more replica, on another host"
serve - near 10.2.0.2:8080 'replica on the other host'
does redirect replica 8080 10.2.0.2:8080
shows '1 replica on the other host' 'for i in 1 2 3 4; do inside app busybox wget -qO- http://localhost:8080/; done | sort | uniq -c'
shows '10.2.0.2:8080 +connections 1' redirect show

title "4. A firewall at the moment of the call"
cat > /tmp/rules <<-RULES
	# call    prefix        ports
	allow  connect 10.2.0.2/32  80
	refuse connect 10.2.0.0/24  any
	refuse bind    0.0.0.0/0    1-1023
RULES
does cat /tmp/rules
does firewall $cgroups/office /tmp/rules
shows 'the host nearby' inside office curl -sS --max-time 10 http://10.2.0.2/
refused 'Operation not permitted' inside office busybox wget -qO- http://10.2.0.2:8080/
refused 'Operation not permitted' inside office busybox httpd -f -p 0.0.0.0:81 -h /srv
shows '^ *1 .*refuse +connect' firewall --show $cgroups/office

title "5. Why was my call refused?"
does 'echo 1 > /sys/kernel/tracing/events/cgroup_sock/cgroup_sock_refuse/enable'
refused 'Operation not permitted' inside office busybox wget -qO- http://10.2.0.2:8080/
shows 'INET4_CONNECT prog_id=.*err=-1 addr=10.2.0.2:8080' grep -o "'cgroup_sock_refuse:.*'" /sys/kernel/tracing/trace
id=$(grep -o 'prog_id=[0-9]*' <<< "$output" | tail -n 1)
shows 'name fw_connect4' bpftool prog show id "${id#*=}"
id=$(grep -o 'prog_cgroup=[0-9]*' /sys/kernel/tracing/trace | tail -n 1)
shows '^/sys/fs/cgroup/office$' find /sys/fs/cgroup -inum "${id#*=}"

title "What was not asked for is refused with a reason"
refused 'no such device' vrf $cgroups/shell eth99
refused 'no such cgroup' vrf $cgroups/nowhere mgmt
refused 'rules.missing' firewall $cgroups/office /tmp/rules.missing
exit 0
