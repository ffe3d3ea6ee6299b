#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# apply and check, with systemd as process 1: a unit that is started, restarted, reloaded and
# booted again has its programs before its first process runs.
# shellcheck disable=SC2317,SC2086,SC2154,SC2016 # ok() calls the functions
. ./lib.sh
. ./apply_lib.sh

start_systemd
ok "systemd is process 1" boot
ok "nothing is refused" said 'connect ECONNREFUSED'
conf 'unit web.service' 'deny any/raw   # no ping' 'refuse connect tcp any 7'
ok "check says what would come" says 'firewall: + refuse connect tcp any 7' cgsock check web
ok "and changes nothing" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"
ok "apply" inside cgsock apply web
ok "the unit that runs has it" refuses EPERM in_unit tcp4 connect 127.0.0.1:7
ok "check has nothing to do" says 'nothing to do' cgsock check web
ok "the rules are shown by the unit's name" says 'refuse connect tcp any 7' cgsock firewall --show web.service
ok "kinds, too" says 'any/raw/any' cgsock deny --show web.service
in_file() { refuses '/etc/cgsock/web.conf says what is set here' "$@"; }
ok "rules by hand do not come on top" in_file cgsock firewall web.service - <<< 'refuse connect tcp any 9'
ok "nor do kinds" in_file cgsock deny web.service inet6
ok "nor are they cleared" in_file cgsock firewall --clear web.service
ok "watch finds them" is 124 "$(timeout 1 cgsock watch web.service > /dev/null 2>&1; echo $?)"
ok "restart" restart
ok "the first process of the new cgroup was refused" said 'connect EPERM'
ok "each program is there once" is 1 "$(attached fw_connect4)"
ok "apply once more" inside cgsock apply web
ok "each program is there once" is 1 "$(attached fw_connect4)"
mv /sys/fs/bpf/cgsock/web/firewall{,+}
ok "after a run that was killed before its last step" inside cgsock apply web
ok "each program is there once" is 1 "$(attached fw_connect4)"
conf 'unit web.service' 'refuse connect tcp any 8' 'default allow'
ok "check says what would go" says 'firewall: - refuse connect tcp any 7' cgsock check web
ok "other rules" inside cgsock apply web
ok "the unit that runs has them" refuses EPERM in_unit tcp4 connect 127.0.0.1:8
ok "and not the old ones" refuses ECONNREFUSED in_unit tcp4 connect 127.0.0.1:7
ok "reload of the unit" systemctl reload web.service
ok "reload of systemd" systemctl daemon-reload
ok "the rules stay" refuses EPERM in_unit tcp4 connect 127.0.0.1:8
conf 'unit web.service' 'refuse connect tcp any 7'
ok "apply by systemd" systemctl reload cgsock@web.service
ok "restart" restart
ok "has the new rules" said 'connect EPERM'
ok "each program is there once" is 1 "$(attached fw_connect4)"

halt
start_systemd
ok "a second boot" boot
ok "has the rules before the first process" said 'connect EPERM'
ok "each program is there once" is 1 "$(attached fw_connect4)"
conf 'unit web.service' 'refuse connect tcp any 7' 'refuse conect tcp any 8'
ok "a mistake" refuses '/etc/cgsock/web.conf:3: "conect" is not a call' cgsock check web
ok "apply says it, too" refuses '/etc/cgsock/web.conf:3: "conect"' inside cgsock apply web
ok "and leaves all as it is" refuses EPERM in_unit tcp4 connect 127.0.0.1:7
halt
start_systemd
ok "a boot with this mistake" until_ok systemctl is-failed cgsock@web.service
ok "does not start the unit" is '' "$(cat /run/said 2> /dev/null)"
conf 'unit web.service' 'refuse connect tcp any 7'
systemctl reset-failed
ok "put right, it starts" restart start
ok "with its rules" said 'connect EPERM'
ok "--clear" inside cgsock apply --clear web
ok "restart" restart
ok "without rules" said 'connect ECONNREFUSED'

halt
inside() { "$@"; }

# --- cgroups that are there, and files with mistakes
mkdir -p $cgroups/stay
conf "cgroup $cgroups/stay" 'vrf lo mark 0x10' 'deny inet6'
ok "a cgroup" inside cgsock apply web
ok "has it" refuses EPERM call -c $cgroups/stay udp6
conf "cgroup $cgroups/stay" 'refuse send udp any'
ok "other things" inside cgsock apply web
ok "are in effect" refuses EPERM call -c $cgroups/stay udp4 sendto 127.0.0.1:7
ok "and those before are not" call -c $cgroups/stay udp6
rmdir $cgroups/stay && mkdir $cgroups/stay
ok "check knows a cgroup that was made anew" says 'was made anew' cgsock check web
ok "apply attaches again" inside cgsock apply web
ok "it is in effect" refuses EPERM call -c $cgroups/stay udp4 sendto 127.0.0.1:7
ok "--clear" cgsock apply --clear web
ok "nothing is left" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"
ok "an unknown word" wrong '2: "rfuse" is none of' 'cgroup stay' 'rfuse send udp any'
ok "two cgroups" wrong '2: a second "unit"' 'cgroup stay' 'unit web.service'
ok "no cgroup" wrong ' there is neither' 'refuse send udp any'
ok "nothing to attach" wrong ' there is nothing' 'cgroup stay'
ok "a wrong kind" wrong '2: "inet5" is not a family' 'cgroup stay' 'deny inet5'
ok "a wrong mark" wrong '2: mark wants a number' 'cgroup stay' 'vrf lo mark x'
ok "no device" wrong ' vrf nothing: no such device' 'cgroup stay' 'vrf nothing'
ok "no file" refuses '/etc/cgsock/none.conf: No such file' cgsock check none
ok "a name that leads elsewhere" refuses 'is not a name' cgsock check ../x
finish
