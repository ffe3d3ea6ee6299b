# SPDX-License-Identifier: GPL-2.0
# What the tests of apply share: systemd as process 1, and web.service.
# shellcheck shell=bash disable=SC2154,SC2034,SC2086
sbin=$(dirname "$(command -v cgsock)")
mkdir -p /etc/cgsock
sed "s,@sbindir@,$sbin," ../cgsock@.service > /etc/systemd/system/cgsock@.service

# web.service makes one call when it starts, and says what came of it.
cat > /etc/systemd/system/web.service <<-UNIT
	[Unit]
	DefaultDependencies=no
	[Service]
	ExecStart=/bin/bash -c '$sbin/call tcp4 connect 127.0.0.1:7 > /run/said; exec sleep inf'
	ExecReload=/bin/true
	KillMode=control-group
UNIT
cat > /etc/systemd/system/test.target <<-UNIT
	[Unit]
	DefaultDependencies=no
	Wants=web.service
UNIT
# systemd answers only who is in its PID namespace.
start_systemd() {
	rm -f /run/said
	unshare --pid --fork --mount-proc --kill-child env container=test \
		/lib/systemd/systemd --unit=test.target --log-target=null > /dev/null 2>&1 &
	until_ok pgrep -f '^/lib/systemd/systemd --unit=test.target'
	systemd=$(pgrep -f '^/lib/systemd/systemd --unit=test.target')
}
inside() { nsenter -t "$systemd" -p -m -- "$@"; }
systemctl() { inside systemctl "$@"; }
boot() { until_ok grep -q connect /run/said && until_ok systemctl is-active test.target; }
# What a boot does not leave.
halt() {
	kill -9 "$systemd"
	wait 2> /dev/null
	rm -rf /run/systemd
	umount /sys/fs/bpf
	mount -t bpf none /sys/fs/bpf
	find $cgroups -mindepth 1 -depth -type d -exec rmdir {} + 2> /dev/null
}
said() { says "$1" cat /run/said; }
restart() { rm -f /run/said; systemctl "${1:-restart}" web.service && until_ok grep -q connect /run/said; }
unit_cgroup() { echo "$cgroups$(systemctl show -P ControlGroup web.service)"; }
attached() { bpftool cgroup show "$(unit_cgroup)" | grep -c " $1 "; }
in_unit() { call -c "$(unit_cgroup)" "$@"; }
conf_of() { local name=$1; shift; printf '%s\n' "$@" > "/etc/cgsock/$name.conf"; }
conf() { conf_of web "$@"; }
wrong() { local text=$1; shift; conf "$@"; refuses "/etc/cgsock/web.conf:$text" cgsock check web; }
