#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Lines of redirect in a file of apply's: they are in effect again after each start of a unit.
# shellcheck disable=SC2317,SC2086,SC2154 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./apply_lib.sh

unit() { # NAME ADDRESS: a service that listens at it
	cat > /etc/systemd/system/$1.service <<-UNIT
		[Unit]
		DefaultDependencies=no
		[Service]
		ExecStart=$sbin/call tcp4 bind $2 listen wait
	UNIT
}
unit server 0.0.0.0:80
unit proxy 127.0.0.1:15001
shows() { says "$1" cgsock redirect show; }
until_shows() { until_ok shows "$1"; }
lines() { cgsock redirect show | grep -c "$1"; }

start_systemd
ok "systemd is process 1" boot

# --- a server
conf_of server 'unit server.service' 'service 80 127.0.0.2' 'replica -w 0 80 127.0.0.9:7001'
ok "check" says 'redirect: + replica -g default -w 0 80/tcp 127.0.0.9:7001' cgsock check server
ok "apply to a unit that does not run" inside cgsock apply server
ok "the replica elsewhere" shows '127.0.0.9:7001  weight 0'
ok "the unit starts" systemctl start server.service
ok "its service is there" shows 'service  default  80/tcp  /system.slice/server.service -> 127.0.0.2'
ok "and its server a replica" until_shows 'replica  default  80/tcp  127.0.0.2:'
ok "check has nothing to do" is 'nothing to do' "$(cgsock check server)"
ok "restart" systemctl restart server.service
ok "the service is there" shows '/system.slice/server.service -> 127.0.0.2'
ok "once" is 1 "$(lines ^service)"
ok "and the replica" until_shows 'replica  default  80/tcp  127.0.0.2:'
ok "apply when nothing changed" inside cgsock apply server
ok "leaves the replicas" is 2 "$(lines ^replica)"

# --- a client
conf 'unit web.service' 'client'
ok "apply to a unit that runs" inside cgsock apply web
ok "it is a client" in_unit tcp4 connect 127.0.0.1:80
ok "restart" restart
ok "it is one again" in_unit tcp4 connect 127.0.0.1:80
ok "check has nothing to do" is 'nothing to do' "$(cgsock check web)"
conf_of server 'unit server.service' 'service -g blue -w 2 81 127.0.0.3'
ok "what would come" says 'redirect: + service -g blue -w 2 81/tcp 127.0.0.3' cgsock check server
ok "and go" says 'redirect: - service -g default -w 1 80/tcp 127.0.0.2' cgsock check server
ok "the replica, too" says 'redirect: - replica -g default -w 0 80/tcp 127.0.0.9:7001' cgsock check server
ok "apply" inside cgsock apply server
ok "the new one is there" shows 'service  blue  81/tcp  /system.slice/server.service -> 127.0.0.3'
ok "the others are not" is 0 "$(lines ' 80/tcp ')"
ok "nor is a client led" refuses ECONNREFUSED in_unit tcp4 connect 127.0.0.1:80

# --- a proxy
conf 'unit web.service' 'proxy 15001 proxy.service'
ok "a proxy that does not run" says 'proxy.service does not run' inside cgsock apply web
ok "nothing gets past it" refuses ECONNREFUSED in_unit tcp4 connect 192.0.2.1:80
ok "the proxy starts" systemctl start proxy.service
leads() { shows 'proxied  /system.slice/web.service -> port 15001 of /system.slice/proxy.service'; }
ok "it is known" leads
ok "connections are led to it" until_ok in_unit tcp4 connect 192.0.2.1:80
ok "the proxy starts again" systemctl restart proxy.service
ok "it is known" leads
ok "the client starts again" restart
ok "and is led to it" until_ok in_unit tcp4 connect 192.0.2.1:80
ok "check has nothing to do" is 'nothing to do' "$(cgsock check web)"
ok "--clear" inside cgsock apply --clear web
ok "--clear of the server" inside cgsock apply --clear server
ok "nothing is left" is '' "$(cgsock redirect show; ls -I redirect /sys/fs/bpf/cgsock; ls -d /etc/systemd/system/*.d/cgsock*)"

# --- mistakes
ok "too little" wrong '2: service wants' 'unit web.service' 'service 80'
ok "a wrong port" wrong '2: "x" is not a port' 'unit web.service' 'replica x 127.0.0.1:8'
ok "a wrong address" wrong '3: "10.0.0" is not an address' 'unit web.service' 'client' 'service 80 10.0.0'
ok "an option that there is not" wrong '2: client has no option -w' 'unit web.service' 'client -w 1'
ok "an option without its value" wrong '2: -g needs a value' 'unit web.service' 'client -g'
ok "two of one" wrong '3: a second "client"' 'unit web.service' 'client' 'client -g blue'
ok "a slice" wrong ' a.slice is no service' 'unit a.slice' 'client'
halt
inside() { "$@"; }

# --- a cgroup
mkdir -p $cgroups/stay
conf "cgroup stay" 'service 80 127.0.0.2' 'client' 'replica 80/udp [fd00::1]:53'
ok "a cgroup" cgsock apply web
ok "has it" is 'nothing to do' "$(cgsock check web)"
rmdir $cgroups/stay && mkdir $cgroups/stay
ok "made anew it has not" says 'redirect: + client -g default' cgsock check web
ok "apply" cgsock apply web
ok "has it again" is 'nothing to do' "$(cgsock check web)"
cgsock redirect weight 80/udp '[fd00::1]:53' 3
ok "a weight that somebody changed" says 'redirect: - replica -g default -w 3' cgsock check web
ok "is set again" eval 'cgsock apply web && shows "[fd00::1]:53  weight 1"'
ok "--clear" cgsock apply --clear web
ok "nothing is left" is '' "$(cgsock redirect show; ls -I redirect /sys/fs/bpf/cgsock)"
rmdir $cgroups/stay
finish
