#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The firewall: where the unspecified address and IPv4-mapped ones lead, and what "firewall test"
# says of them.
# shellcheck disable=SC2317,SC2086,SC2054,SC2016 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./firewall_lib.sh
ip link add eth type dummy
ip address add 198.51.100.1/24 dev eth
ip link set eth up

# A server at the address of the device, which rules refuse, and one at loopback.
call tcp4 bind 198.51.100.1:50 listen wait > /dev/null &
call tcp4 bind 127.0.0.1:51 listen wait > /dev/null &
until_ok says LISTEN ss -tlnH 'sport = :50'
until_ok says LISTEN ss -tlnH 'sport = :51'
connects() { timeout 3 call -c $c "$@" | grep 'connect ok'; }
does_not() { ! connects "$@"; }
ok "an address of a device" set_rules 'refuse connect,send any 198.51.100.1'
ok "is refused" denied tcp4 connect 198.51.100.1:50
ok "0.0.0.0 does not lead there" does_not tcp4 device eth connect 0.0.0.0:50
ok "nor does it IPv4-mapped" does_not tcp6 device eth connect '[::ffff:0.0.0.0]:50'
ok "it does without the rules" eval 'cgsock firewall --clear $c; connects tcp4 device eth connect 0.0.0.0:50'
ok "a rule for loopback" set_rules 'refuse connect tcp 127.0.0.1 9'
ok "0.0.0.0 leads to loopback" connects tcp4 connect 0.0.0.0:51
ok "and so IPv4-mapped" connects tcp6 connect '[::ffff:0.0.0.0]:51'
ok "which rules see" denied tcp6 connect '[::ffff:0.0.0.0]:9'
ok "and of a socket with an IPv4 address" denied tcp6 bind '[::ffff:127.0.0.1]:0' connect '[::]:9'

# sends INDEX SOURCE: a message to 0.0.0.0 that has a device or a source of its own gets there.
sends() {
	local program
	program=$(cat <<-'PROGRAM'
		import socket, struct, sys
		device, source = sys.argv[1:]
		server = socket.socket(type=socket.SOCK_DGRAM)
		server.bind(('198.51.100.1', 50))
		server.settimeout(1)
		index = socket.if_nametoindex(device) if device else 0
		info = struct.pack('I4s4s', index, socket.inet_aton(source), bytes(4))
		client = socket.socket(type=socket.SOCK_DGRAM)
		client.sendmsg([b'x'], [(socket.IPPROTO_IP, 8, info)], 0, ('0.0.0.0', 50))
		server.recv(1)
	PROGRAM
	)
	(echo $BASHPID > $c/cgroup.procs; exec python3 -c "$program" "$@")
}
ok "an address of a device, for messages" set_rules 'refuse send udp 198.51.100.1'
ok "a source of the message" refuses PermissionError sends '' 198.51.100.1
ok "a device of the message" refuses Error sends eth 0.0.0.0
ok "both lead there without the rules" eval 'cgsock firewall --clear $c; sends "" 198.51.100.1 && sends eth 0.0.0.0'

# --- what "firewall test" says is what the program does
answers() { # VERDICT CALL PROTOCOL ADDRESS
	local verdict=$1
	shift
	says "$verdict: " cgsock firewall test "$dir/rules" "$@"
}
ok "rules" set_rules 'refuse connect tcp 10.0.0.0/8' 'refuse connect,send tcp 127.0.0.1' 'refuse send udp ::1' \
	'refuse bind tcp 0.0.0.0 80'
ok "an IPv4-mapped address" answers refuse connect tcp '[::ffff:10.0.0.1]:443'
ok "0.0.0.0" answers refuse connect tcp 0.0.0.0:80
ok "0.0.0.0, IPv4-mapped" answers refuse connect tcp '[::ffff:0.0.0.0]:80'
ok ":: for IPv4" answers refuse connect tcp '[::]:80'
ok ":: for IPv6" answers refuse send udp '[::]:80'
ok "0.0.0.0 of another protocol" answers allow connect udp 0.0.0.0:80
ok "to bind to 0.0.0.0 is what it says" answers refuse bind tcp 0.0.0.0:80
ok "and not to bind to loopback" answers allow bind tcp 127.0.0.1:80
ok "JSON behind the word" says '"verdict":"refuse"' \
	cgsock firewall test --json "$dir/rules" connect tcp 10.0.0.1:1
ok "and before it" says '"verdict":"refuse"' \
	cgsock firewall --json test "$dir/rules" connect tcp 10.0.0.1:1
ok "--clear" cgsock firewall --clear $c
kill %1 %2
wait 2> /dev/null
finish
