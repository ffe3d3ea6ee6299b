#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The firewall: files with mistakes, included files, and the end of it.
# shellcheck disable=SC2317,SC2086,SC2054 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./firewall_lib.sh

wrong() { # text of the error, lines of the file
	local text=$1
	shift
	rules "$@"
	refuses "$dir/rules:$text" cgsock firewall $c "$dir/rules"
}
ok "rules are set" set_rules 'refuse connect tcp 127.0.0.1 5'
echo "refuse connect tcp any 7" > "$dir/good"
before=$(cgsock firewall --show $c)
ok "a wrong verdict" wrong '2: "deny" is none of' '' 'deny connect tcp any'
ok "a wrong call" wrong '1: "conect" is not a call' 'allow conect tcp any'
ok "a wrong protocol" wrong '1: "tpc" is not a protocol' 'allow connect tpc any'
ok "a wrong address" wrong '1: "10.0.0" is not an IPv4' 'allow connect tcp 10.0.0/8'
ok "a wrong length" wrong '1: "/33" is not a length' 'allow connect tcp 10.0.0.0/33'
ok "bits after the prefix" wrong '1: 10.0.0.1 has bits' 'allow connect tcp 10.0.0.1/8'
ok "a wrong port" wrong '1: "65536" is not a port' 'allow connect tcp any 80,65536'
ok "a range the wrong way round" wrong '1: ports 9-8' 'allow connect tcp any 9-8'
ok "ports of icmp" wrong '1: "80": icmp and raw have no ports' 'allow connect icmp any 80'
ok "too much" wrong '1: "x" is too much' 'allow connect tcp any 80 x'
ok "too little" wrong '1: PREFIX[/LENGTH] or any is missing after "tcp"' 'allow connect tcp'
ok "two defaults" wrong '2: there is a default for connect already' 'default refuse' 'default allow connect'
ok "a file that includes itself" wrong '1: '"$dir"'/rules includes itself' 'include rules'
ok "a missing include" wrong '1: '"$dir"'/nowhere: No such file' 'include nowhere'
echo 'refuse connect tcp any x' > "$dir/part"
rules 'include part'
ok "an error in what is included" refuses "$dir/part:1: \"x\" is not a port" cgsock firewall $c "$dir/rules"
ok "an empty file" refuses 'no rules in it' cgsock firewall $c /dev/null
ok "--check" refuses 'is none of' cgsock firewall --check /etc/passwd
ok "no cgroup" refuses 'no such cgroup' cgsock firewall $cgroups/none "$dir/good"
ok "nothing of it changed anything" is "$before" "$(cgsock firewall --show $c)"
echo 'refuse connect tcp 127.0.0.1 77' > "$dir/part"
ok "include" cgsock firewall $c "$dir/rules"
ok "what is included is in effect" denied tcp4 connect 127.0.0.1:77

mkdir "$dir/a folder"
cp "$dir/part" "$dir/a folder/a part"
rules '  include  a folder/a part  # and a comment'
ok "include of a name with blanks" cgsock firewall $c "$dir/rules"
ok "is in effect" says "\"file\":\"$dir/a folder/a part\"" cgsock firewall --show --json $c
ok "include of nothing" wrong '1: include wants a FILE' 'include # part'
cp "$dir/part" "$dir/with"$'\t'"tab"
ok "a name with a tab" refuses 'has a newline, a tab' cgsock firewall $c "$dir/with"$'\t'"tab"
cp "$dir/part" "$dir/two"$'\n'"lines"
ok "a name with a newline" refuses 'has a newline, a tab' cgsock firewall $c "$dir/two"$'\n'"lines"
ok "the rules stay" says 77 cgsock firewall --show $c
rules 'include part'

caps=+bpf,+perfmon,+net_admin
ours || caps+=,+sys_admin
ok "not all rights are needed" setpriv --bounding-set -all,$caps --inh-caps -all \
	cgsock firewall $c "$dir/rules"

# --- the end
ok "--clear" cgsock firewall --clear $c
ok "nothing is refused" passes tcp4 connect 127.0.0.1:77
ok "nothing is pinned" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"
ok "nothing is attached" is '' "$(bpftool cgroup show $c)"
ok "--clear again" refuses 'nothing to clear' cgsock firewall --clear $c
finish
