#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/kcsan.sh BUILD
# Run threads that share a socket on BUILD/kcsan, and show which accesses KCSAN saw race. Exit 1 if
# one of them is in a function of ours, if a test failed, or if no race was seen at all.
# Programs are interpreted, so that their accesses are watched as well: they see the fields of a
# socket as they are at that moment, and race with those who write them. So does the kernel.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
out=$build/check/kcsan
mkdir -p "$out"
cat > "$out/job" <<-END
	sysctl -qw kernel.panic_on_warn=0 net.core.bpf_jit_enable=0 kernel.printk=7
	echo 100 > /sys/module/kcsan/parameters/skip_watch
	echo 500 > /sys/module/kcsan/parameters/udelay_task
	for i in 1 2 3 4 5; do
		$build/kselftest/bpf/cgroup_sock/threads_test -f one_socket >&3 || exit
	done
	mount -t debugfs none /sys/kernel/debug
	cat /sys/kernel/debug/kcsan >&3
END
"$here/vm.sh" "$build/kcsan/bzImage" "$out" || {
	grep '^# ' "$out/console"
	exit 1
}

rc=0
races=$(sed -n 's/^data_races: //p' "$out/verdict")
[ "${races:-0}" -gt 0 ] || { echo "kcsan: no race seen; does KCSAN work?" >&2; rc=1; }
echo "kcsan: $races pairs of accesses met; those that changed a value:"
sed -n 's/.*BUG: KCSAN: data-race in /  /p' "$out/console" | sort | uniq -c
functions=$(nm "$build"/kcsan/{kernel/bpf,net/core}/*cgroup_sock*.o | sed -n 's/.* [tT] //p')
if grep 'BUG: KCSAN' "$out/console" | grep -wF "$functions"; then
	echo "kcsan: the functions of ours in $out/console" >&2
	rc=1
fi
grep -v KCSAN "$out/console" > "$out/console.other"
"$here/splats.sh" "$out/console.other" || rc=1
exit $rc
