#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Files of apply's that name another place than before, that are gone, or that cannot be applied;
# slices and containers.
# shellcheck disable=SC2317,SC2086,SC2154 # ok() calls the functions; there are no blanks in words
. ./lib.sh
. ./apply_lib.sh
units=/etc/systemd/system
sed 's/ExecStart=.*/ExecStart=sleep inf/' $units/web.service > $units/db.service
sed 's/^\[Service\]/&\nSlice=work.slice/' $units/db.service > $units/job.service
printf '[Unit]\nDefaultDependencies=no\n' > $units/work.slice
mkdir -p $cgroups/stay $cgroups/other
at() { # of a unit or cgroup
	case $1 in
	*.service | *.slice) echo "$cgroups$(systemctl show -P ControlGroup $1)" ;;
	*) echo $cgroups/$1 ;;
	esac
}
is_refused() { refuses EPERM call -c "$(at $1)" tcp4 connect 127.0.0.1:${2-7}; }
is_free() { refuses ECONNREFUSED call -c "$(at $1)" tcp4 connect 127.0.0.1:${2-7}; }
drop_ins() { (cd $units && echo *.d/cgsock-web.conf); }
pinned() { ls -I redirect /sys/fs/bpf/cgsock; }
applies() { # the lines of web.conf
	conf "$@"
	inside cgsock apply web && is 'nothing to do' "$(cgsock check web)"
}

start_systemd
ok "systemd is process 1" boot
ok "another unit" systemctl start db.service

# --- another place than before
rule='refuse connect tcp any 7'
ok "a unit" applies 'unit web.service' "$rule"
conf 'unit db.service' "$rule"
ok "check of another unit" says "unit: remove $units/web.service.d/cgsock-web.conf" cgsock check web
ok "another unit" applies 'unit db.service' "$rule"
ok "has the rules" is_refused db.service
ok "the one before has none" is_free web.service
ok "and no drop-in" is 'db.service.d/cgsock-web.conf' "$(drop_ins)"
ok "a cgroup" applies 'cgroup stay' "$rule"
ok "has the rules" is_refused stay
ok "the unit has none" is_free db.service
ok "and no drop-in" is '*.d/cgsock-web.conf' "$(drop_ins)"
conf 'cgroup other' "$rule"
ok "check of another cgroup" says 'cgroup: clear /stay' cgsock check web
ok "another cgroup" applies 'cgroup other' "$rule"
ok "has the rules" is_refused other
ok "the one before has none" is_free stay
ok "a unit again" applies 'unit web.service' "$rule"
ok "has the rules" is_refused web.service
ok "the cgroup has none" is_free other
ok "nothing else is pinned" is 'web' "$(pinned)"

# --- a step that fails leaves all as it was
inside mount --bind $units/web.service.d $units/web.service.d
inside mount -o remount,ro,bind $units/web.service.d
conf 'unit web.service' 'deny any/raw' 'refuse connect tcp any 8'
ok "a drop-in that cannot be written" refuses 'all is as before' inside cgsock apply web
inside umount $units/web.service.d
ok "the rules are those before" is_refused web.service
ok "and no others" is_free web.service 8
ok "nor kinds" call -c "$(at web.service)" raw4
rmdir $units/db.service.d && touch $units/db.service.d
conf 'unit db.service' "$rule"
ok "another unit whose drop-in cannot be written" refuses 'all is as before' inside cgsock apply web
rm $units/db.service.d
ok "has no rules" is_free db.service
ok "the unit before has them" is_refused web.service
ok "and its drop-in" is 'web.service.d/cgsock-web.conf' "$(drop_ins)"
bpftool prog loadall $BUILD/firewall.bpf.o /sys/fs/bpf/all
bpftool cgroup attach $cgroups/stay sendmsg6 pinned /sys/fs/bpf/all/fw_sendmsg6
ok "kinds" applies 'cgroup stay' 'deny inet6'
conf 'cgroup stay' 'vrf lo' 'deny any/raw' "$rule"
ok "a hook that is taken" refuses 'wants the hook alone' cgsock apply web
ok "the kinds are those before" refuses EPERM call -c $cgroups/stay udp6
ok "and no others" call -c $cgroups/stay raw4
ok "nor a device" refuses 'no device is set' cgsock vrf --show stay
bpftool cgroup detach $cgroups/stay sendmsg6 pinned /sys/fs/bpf/all/fw_sendmsg6

# --- what is gone can be cleared
rmdir $cgroups/stay && rm /etc/cgsock/web.conf
ok "--clear without file and cgroup" cgsock apply --clear web
ok "nothing is pinned" is '' "$(pinned)"
ok "--clear again" refuses 'nothing of it is applied' cgsock apply --clear web
ok "a unit" applies 'unit web.service' "$rule"
rm /etc/cgsock/web.conf
ok "--clear without the file" inside cgsock apply --clear web
ok "the unit has no rules" is_free web.service
ok "nothing is left" is '*.d/cgsock-web.conf ' "$(drop_ins) $(pinned)"

# --- slices and containers
ok "a unit in a slice" systemctl start job.service
ok "rules for the slice" applies 'unit work.slice' "$rule"
ok "are those of the unit, too" is_refused job.service
bpftool cgroup detach "$(at work.slice)" connect4 pinned /sys/fs/bpf/cgsock/web/firewall/programs/fw_connect4
ok "check knows if it lacks a program" says 'firewall: attach it to the cgroup that work.slice has now' cgsock check web
ok "apply attaches it" inside cgsock apply web
ok "it is in effect" is_refused job.service
systemctl stop job.service work.slice
ok "the slice starts again" systemctl start job.service
cgsock check web > /dev/null && inside cgsock apply web
ok "after apply it has the rules" is_refused job.service
ok "--clear" inside cgsock apply --clear web
id=$(printf 'c0ffee%058d' 2)
mkdir -p $cgroups/work.slice/docker-$id.scope /tmp/bin
printf '#!/bin/sh\necho %s\n' $id > /tmp/bin/docker
chmod +x /tmp/bin/docker
PATH=/tmp/bin:$PATH
ok "a container by its name" applies 'cgroup shop' "$rule"
ok "has the rules" is_refused work.slice/docker-$id.scope
ok "--clear" cgsock apply --clear web
rmdir $cgroups/work.slice/docker-$id.scope

# --- what the help of vrf tells of a device that goes and comes
mkdir $units/cgsock@web.service.d
cgsock vrf --help | sed -n 's/DEVICE/blue/; /^  \[Unit\]/,/^  WantedBy/s/^  //p' > $units/cgsock@web.service.d/device.conf
systemctl daemon-reload
of_device() { says sys-subsystem-net-devices-blue.device systemctl show -P $1 cgsock@web.service; }
ok "it ends with the device" of_device BindsTo
ok "it comes after the device" of_device After
ok "the device starts it" says '/cgsock@web.service' inside sh -c \
	'systemctl enable cgsock@web.service 2>&1; ls '$units/sys-subsystem-net-devices-blue.device.wants/cgsock@web.service
rm -r $units/cgsock@web.service.d
halt
finish
