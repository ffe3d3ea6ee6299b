#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The firewall: which rule decides, what it counts, and many of them.
# shellcheck disable=SC2317,SC2086,SC2054 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./firewall_lib.sh

hits() { cgsock firewall --show $c | awk -v rule="$1" '{ n = $1; $1 = ""; if ($0 == " " rule) print n }'; }

ok "the longest prefix, then the first" set_rules 'allow connect tcp 127.1.0.0/16 1-99' \
	'refuse connect tcp 127.0.0.0/8 1-50,99' 'refuse connect any 127.1.0.0/16 50' \
	'refuse connect tcp 127.1.2.3 7' 'default allow'
ok "the longest" denied tcp4 connect 127.1.2.3:7
ok "a shorter one if the longest has not the port" passes tcp4 connect 127.1.2.3:8
ok "a shorter one for what is in no other" denied tcp4 connect 127.2.2.3:8
ok "the first of two with one prefix" passes tcp4 connect 127.1.2.4:50
ok "the last port" denied tcp4 connect 127.2.0.1:99
ok "one further" passes tcp4 connect 127.2.0.1:51
ok "protocols" set_rules 'refuse connect sctp,udp any 50' 'refuse connect icmp any' 'default allow'
ok "udp, not tcp" passes tcp4 connect 127.0.0.1:50
ok "udp" denied udp4 connect 127.0.0.1:50
ok "icmp" denied ping4 connect 127.0.0.1:0
ok "icmp of IPv6" denied ping6 connect '[::1]:0'
ok "the unspecified address is loopback" set_rules 'refuse connect tcp 127.0.0.1' 'refuse connect udp ::1' \
	'refuse connect tcp 127.9.9.9'
ok "0.0.0.0" denied tcp4 connect 0.0.0.0:50
ok "::" denied udp6 connect '[::]:50'
ok ":: of a socket that would take IPv4" denied tcp6 connect '[::]:50'
ok "0.0.0.0 is the address that the socket has" denied tcp4 bind 127.9.9.9:0 connect 0.0.0.0:50
ok "a default for some calls" set_rules 'default refuse connect,send' 'allow connect tcp 127.0.0.1'
ok "refuses" denied udp4 sendto 127.0.0.1:9
ok "what the rule has not" denied udp4 connect 127.0.0.1:9
ok "allows what it has" passes tcp4 connect 127.0.0.1:9
ok "allows other calls" allowed udp4 bind 127.0.0.1:9

# --- counters
ok "rules are set again" set_rules 'refuse connect tcp 127.0.0.1 9' 'refuse connect tcp 127.0.0.1 10'
for i in 1 2 3; do denied tcp4 connect 127.0.0.1:9; done
passes tcp4 connect 127.0.0.1:11
ok "a rule counts" is 3 "$(hits 'refuse connect tcp 127.0.0.1 9')"
ok "the default counts" is 1 "$(hits 'default allow connect')"
ok "a file with one of the rules" set_rules 'refuse  connect tcp 127.0.0.1 9 # spaces' 'refuse connect tcp 127.0.0.1 12'
ok "it keeps its counter" is 3 "$(hits 'refuse connect tcp 127.0.0.1 9')"
ok "a new one has none" is 0 "$(hits 'refuse connect tcp 127.0.0.1 12')"
denied tcp4 connect 127.0.0.1:9
ok "and goes on" is 4 "$(hits 'refuse connect tcp 127.0.0.1 9')"
ok "JSON" says '"hits":4' cgsock firewall --show --json $c

# --- many rules
ports=$(seq -s, 1 2 400)
ok "200 ports of one prefix" set_rules "refuse connect tcp 127.0.0.0/8 $ports"
ok "one of them" denied tcp4 connect 127.0.0.1:399
ok "one between" passes tcp4 connect 127.0.0.1:398
for ((i = 0; i < 10000; i++)); do
	echo "refuse connect tcp 127.$((i / 2500 + 1)).$((i / 50 % 50)).$((i % 50)) 443"
done > "$dir/many"
ok "10,000 rules" cgsock firewall $c "$dir/many"
ok "the first of them" denied tcp4 connect 127.1.0.0:443
ok "the last of them" denied tcp4 connect 127.4.49.49:443
ok "none of them" passes tcp4 connect 127.4.49.50:443
ok "all of them are shown" is 10004 "$(cgsock firewall --show $c | wc -l)"

for ((i = 0; i < 65536; i++)); do
	echo "refuse connect tcp 127.$((i / 65536 + 1)).$((i / 256 % 256)).$((i % 256)) 443"
done > "$dir/most"
ok "65,536 rules" cgsock firewall --check "$dir/most"
echo 'refuse connect tcp any 444' >> "$dir/most"
ok "not one more" refuses "$dir/most:65537: more than 65536 rules" cgsock firewall --check "$dir/most"

# --- the same answers as "firewall test"
random_rules() {
	local i p=(any tcp udp tcp,udp) v=(allow refuse) d=(127.0.0.0/8 127.1.0.0/16 127.1.1.0/24 127.1.1.1 any 127.1.0.0/18)
	local ports=(any 1-1000 5 5,7,9 100-200,150-300 8-65535)
	for ((i = 0; i < 40; i++)); do
		echo "${v[RANDOM % 2]} connect ${p[RANDOM % 4]} ${d[RANDOM % 6]} ${ports[RANDOM % 6]}"
	done
}
same_answers() {
	local address port kind want got bad=0 n
	RANDOM=$1
	for ((n = 0; n < 4; n++)); do
		random_rules > "$dir/random"
		cgsock firewall $c "$dir/random" || return 1
		for address in 127.0.0.1 127.1.0.1 127.1.1.1 127.1.1.2 127.1.64.1; do
			for port in 5 150 9; do
				kind=$([ $((RANDOM % 2)) = 0 ] && echo tcp || echo udp)
				want=$(cgsock firewall test "$dir/random" connect $kind $address:$port)
				if denied ${kind}4 connect $address:$port > /dev/null; then got=refuse; else got=allow; fi
				[ "${want%%:*}" = $got ] || { echo "$kind $address:$port: $got, but $want"; bad=1; }
			done
		done
	done
	return $bad
}
ok "60 calls, and what firewall test says of them" same_answers 17

# --- new rules at one moment: the port that only one of the two sets lets through is never both
swap() {
	local i
	for i in $(seq 30); do
		printf 'refuse connect tcp 127.0.0.1 5\nrefuse connect tcp any %s\n' "$i" | cgsock firewall $c - || return
	done
}
hammer() { while [ ! -e "$dir/stop" ]; do call -c $c tcp4 connect 127.0.0.1:5; done | grep -vc 'socket ok\|EPERM'; }
no_gap() {
	local hammering
	printf 'refuse connect tcp 127.0.0.1 5\n' | cgsock firewall $c -
	rm -f "$dir/stop"
	hammer > "$dir/through" &
	hammering=$!
	swap || return
	touch "$dir/stop"
	wait $hammering
	is 0 "$(cat "$dir/through")"
}
ok "30 reloads, and nothing gets through" no_gap
ok "--clear" cgsock firewall --clear $c
finish
