#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The firewall: which calls of which sockets a rule is for.
# shellcheck disable=SC2317,SC2086,SC2054 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./firewall_lib.sh

ok "rules are set" set_rules 'refuse connect,send any 192.0.2.0/24' 'refuse send udp 127.0.0.1 53' \
	'allow connect tcp 127.0.0.0/8 any' 'refuse connect,send any ::/0' \
	'refuse bind tcp any 80' 'refuse listen tcp any 1-1023,2000-2999'
ok "connect() is refused" denied tcp4 connect 192.0.2.1:80
ok "connect() elsewhere is not" passes tcp4 connect 127.0.0.1:81
ok "sendto() of an unconnected socket is refused" denied udp4 sendto 192.0.2.1:53
ok "sendto() to a port is refused" denied udp4 sendto 127.0.0.1:53
ok "sendto() to another port is not" allowed udp4 sendto 127.0.0.1:54
ok "IPv6 connect() is refused" denied tcp6 connect '[::1]:80'
ok "IPv6 sendto() is refused" denied udp6 sendto '[::1]:80'
ok "an IPv4-mapped address is one of IPv4" denied udp6 connect '[::ffff:192.0.2.1]:80'
ok "and so in sendto()" denied udp6 sendto '[::ffff:127.0.0.1]:53'
ok "bind() is refused" denied tcp4 bind 127.0.0.1:80
ok "bind() of another protocol is not" allowed udp4 bind 127.0.0.1:80
ok "a bound port to listen at is refused" denied tcp4 bind 127.0.0.1:2500
ok "another is not" allowed tcp4 bind 127.0.0.1:3000 listen
ok "sockets of a cgroup below are no exception" refuses EPERM call -c $c/inner tcp4 connect 192.0.2.1:80
ok "sockets elsewhere are" says ok call tcp4 bind 127.0.0.1:80

# --- what only our kernel shows to programs; cgsock doctor names it on others
here() { if ours; then denied "$@"; else passes "$@"; fi; }
sysctl -qw net.ipv4.ip_local_port_range='2000 2098'
ok "listen() without bind()" here tcp4 listen
ok "the port that connect() chooses is none to listen at" passes tcp4 connect 127.0.0.1:81
ok "nor is that of a message" allowed udp4 sendto 127.0.0.1:54
ok "the port that bind() chooses is" denied tcp4 bind 127.0.0.1:0
sysctl -qw net.ipv4.ip_local_port_range='32768 60999'
ok "SCTP connect()" here sctp4 connect 192.0.2.1:80
ok "UDP-Lite connect()" here udplite4 connect 192.0.2.1:80
ok "raw sendto()" here raw4 sendto 192.0.2.1:0
ok "ping sendto()" here ping4 sendto 192.0.2.1:0
ok "raw connect()" here raw4 connect 192.0.2.1:0
ok "MPTCP connect()" denied mptcp4 connect 192.0.2.1:80
ok "--clear" cgsock firewall --clear $c
finish
