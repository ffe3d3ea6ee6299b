#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/test.sh [-r] BUILD KERNEL [NAME]
# Run the installed tests, or the one called NAME, on BUILD/KERNEL/bzImage and judge them. With
# -r the kernel has no hooks and all tests have to fail.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
red=()
[ "$1" != -r ] || { red=(-r); shift; }
build=$(realpath "$1") kernel=$2 name=${3:-}
out=$build/check/$kernel
mkdir -p "$out"
tests=$(sed -n 's,^bpf/cgroup_sock:,,p' "$build/kselftest/kselftest-list.txt" | sed 's/_test$//' | xargs)
if [ -n "$name" ] && [[ " $tests " != *" $name "* ]]; then
	echo "no test $name; there are: $tests" >&2
	exit 1
fi

has() { grep -q "^CONFIG_$1=" "$build/$kernel/.config"; }
# What the kernel does not have: variants of tests, kinds of sockets of "coverage".
variants='' kinds=''
has SMC || { variants+=' smc4 smc6 af_smc4 af_smc6 smc_mapped'; kinds+=' smc af-smc'; }
has IP_DCCP || { variants+=' dccp4 dccp6 dccp_mapped'; kinds+=' dccp'; }
# Only here allocations can be made to fail.
has FAILSLAB || tests=${tests/ faults/}
{
	if [ -d "$build/$kernel/modules/lib/modules" ]; then
		echo "mkdir -p /lib/modules"
		echo "mount --bind $build/$kernel/modules/lib/modules /lib/modules"
		# Not all headers are there, and bpftrace takes them for those of the kernel.
		echo "rm /lib/modules/*/build"
		echo "modprobe ipv6"
	fi
	has MPTCP_IPV6 || { variants+=' mptcp6 mptcp_mapped'; kinds+=' mptcp6'; }
	for test in create connect edges faults paths undo; do
		echo "export TEST_ARGS_$test='${variants// / -V }'"
	done
	for test in coverage families vrf; do
		echo "export TEST_ARGS_$test='$kinds'"
	done
	! has KASAN || echo "export TEST_SECONDS=900"
	echo "$here/run-tests.sh $build/kselftest ${name:-$tests}"
} > "$out/job"
printf '[%(%H:%M:%S)T] tests on %s ...\n' -1 "$kernel"
start=$SECONDS
rc=0
# KASAN takes its time, that of a test, too.
seconds=900
! has KASAN || seconds=2700
"$here/vm.sh" -s $seconds "$build/$kernel/bzImage" "$out" || rc=1
"$here/judge.sh" "${red[@]}" "$out" || rc=1
printf '[%(%H:%M:%S)T] tests on %s: %d s\n' -1 "$kernel" $((SECONDS - start))
exit $rc
