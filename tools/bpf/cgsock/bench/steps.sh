#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Measures in the test machine, with cgsock and cost on the PATH. Prints lines of
#	connections N WAY INSTRUCTIONS-WITHOUT-PACKETS INSTRUCTIONS-OF-PACKETS
#	connect RULES WAY INSTRUCTIONS allowed|EPERM
set -euo pipefail
cgroups=/sys/fs/cgroup
mkdir $cgroups/{server,app,there,here,office}

ways() { # way, server's cgroup, client's cgroup, port
	local n
	for n in 1 10 1000; do
		echo "connections $n $1 $(cost connections $n "$2" "$3" "$4")"
	done
}

ways nothing there here 8080
cgsock redirect service server 8080 127.0.0.1
cgsock redirect client app
ways redirect server app 8080
cgsock redirect clear server
cgsock redirect clear app

cat > /tmp/haproxy.cfg <<-CONFIG
	global
	        maxconn 4000
	        nbthread 1
	defaults
	        mode tcp
	        timeout connect 10s
	        timeout client 100s
	        timeout server 100s
	listen proxy
	        bind 127.0.0.1:8081
	        server there 127.0.0.1:8080
CONFIG
haproxy -D -p /tmp/haproxy.pid -f /tmp/haproxy.cfg
ways haproxy there here 8081
kill "$(cat /tmp/haproxy.pid)"

nth() { echo "127.$(($1 / 2500 + 1)).$(($1 / 50 % 50)).$(($1 % 50))"; }
echo "connect 0 nothing $(cost connect here 127.4.49.50 443)"
for rules in 1 100 10000; do
	for ((i = 0; i < rules; i++)); do
		echo "refuse connect udp $(nth $i) 443"
	done > /tmp/rules
	cgsock firewall office /tmp/rules
	echo "connect $rules firewall $(cost connect office "$(nth $((rules - 1)))" 443)"
	echo "connect $rules firewall $(cost connect office 127.4.49.50 443)"
done
