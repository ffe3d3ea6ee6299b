#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vrf: the device of sockets, a VRF that was made anew, localhost, containers and units.
# shellcheck disable=SC2317,SC2086,SC2154 # ok() calls the functions; there are no blanks in words
. ./lib.sh
c=$cgroups/vrf
mkdir -p $c/inner
ip link add blue type vrf table 10
ip link set blue up
ip link add red type vrf table 11
ip link set red up

device_of() { # of a socket that listens
	call -c "$1" tcp4 bind 0.0.0.0:4000 listen wait > /dev/null &
	until_ok says LISTEN ss -tln 'sport = :4000'
	ss -tlnH 'sport = :4000' | awk '{ print $4 }'
	kill $!
	wait $! 2> /dev/null || true
}

ok "a device" says 'localhost' cgsock vrf $c blue
ok "a socket has it" is '0.0.0.0%blue:4000' "$(device_of $c)"
ok "one of a cgroup below" is '0.0.0.0%blue:4000' "$(device_of $c/inner)"
ok "another device" cgsock vrf --mark 0x10 $c red
ok "takes its place" is '0.0.0.0%red:4000' "$(device_of $c)"
ok "--show" says 'device red, mark 0x10, priority 0' cgsock vrf --show $c
ok "--show of a cgroup below" says 'inherited from /vrf' cgsock vrf --show $c/inner
ok "JSON" says '"device":"red"' cgsock vrf --show --json $c
ip address add 127.0.0.1/8 dev red
ok "localhost is not hinted at where it is" is '' "$(cgsock vrf $c red 2>&1)"
ok "no such device" refuses 'no such device' cgsock vrf $c green
ok "a wrong mark" refuses '--mark x: not a number' cgsock vrf --mark x $c red

ip link del red
ok "the VRF is deleted" says 'there is no red' cgsock vrf --show $c
ip link add red type vrf table 11
ip link set red up
ok "and made again" says 'was deleted and made again' cgsock vrf --show $c
if ours; then
	ok "sockets fail meanwhile" refuses 'socket ENODEV' call -c $c tcp4
else
	ok "sockets reach nothing meanwhile" refuses 'connect' call -c $c tcp4 connect 127.0.0.1:1
fi
ok "set again" cgsock vrf $c red
ok "they have the new one" is '0.0.0.0%red:4000' "$(device_of $c)"

# Cgroups by other names: as systemd, docker and podman make them.
id=$(printf 'c0ffee%058d' 1)
mkdir -p $cgroups/system.slice/web.service $cgroups/system.slice/docker-$id.scope $cgroups/a.slice/a-b.slice $cgroups/plain/inner
mkdir -p /tmp/bin
cat > /tmp/bin/docker <<-DOCKER
	#!/bin/sh
	for last; do :; done
	[ "\$last" = shop ] && echo $id
DOCKER
chmod +x /tmp/bin/docker
PATH=/tmp/bin:$PATH
at() { cgsock vrf "$1" blue && device_of "$cgroups/$2" && cgsock vrf --clear "$1"; }
ok "a path below the mount" says '%blue' at plain/inner plain/inner
ok "a service" says '%blue' at web.service system.slice/web.service
ok "a slice" says '%blue' at a-b.slice a.slice/a-b.slice
ok "a container by its id" says '%blue' at ${id:0:12} system.slice/docker-$id.scope
ok "a container by its name" says '%blue' at shop system.slice/docker-$id.scope
# Others need not wait for who asks docker.
sed -i '2i sleep 8' /tmp/bin/docker
cgsock redirect client shop &
sleep 1
ok "another one while docker is slow" timeout 5 cgsock vrf plain/inner blue
wait $!
ok "it was there in time" is 0 $?
cgsock redirect clear ${id:0:12}
cgsock vrf --clear plain/inner
sed -i '2d' /tmp/bin/docker
ok "no such unit" refuses 'this unit has no cgroup' cgsock vrf db.service blue
ok "no such container" refuses 'neither docker nor podman' cgsock vrf db blue
ok "no such id" refuses 'no cgroup of a container' cgsock vrf deadbeef0000 blue
# Who may make cgroups below a service cannot have those of the system's units and containers.
user=$cgroups/user.slice/user-1000.slice/user@1000.service
mkdir -p $user/app.slice/{web,db}.service $user/docker-$id.scope
mkdir -p $cgroups/plain/docker-${id/c/d}.scope $cgroups/foreign/docker-${id/c/e}.scope
chown -R 1000 $user $cgroups/foreign
ok "a unit of a user's has its name, too" says '%blue' at web.service system.slice/web.service
ok "it is not found by this name" refuses 'this unit has no cgroup' cgsock vrf db.service blue
ok "nor does a container's id lead there" says '%blue' at $id system.slice/docker-$id.scope
ok "nor to a cgroup that is not root's" refuses 'no cgroup of a container' cgsock vrf ${id/c/e} blue
ok "one of a manager's own is found" says '%blue' at ${id/c/d} plain/docker-${id/c/d}.scope
find $user $cgroups/plain $cgroups/foreign -depth -type d -exec rmdir {} +
mkdir -p $cgroups/user.slice/web.service
ok "two units of one name" refuses 'more than one cgroup' cgsock vrf web.service blue
ok "--clear" cgsock vrf --clear $c
rmdir $cgroups/user.slice/web.service
ok "nothing is left" is '' "$(ls -I redirect /sys/fs/bpf/cgsock)"
ok "nor in sockets" is '0.0.0.0:4000' "$(device_of $c)"
finish
