#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: compare/coverage.sh BUILD
# Boot BUILD/mainline and BUILD/ours, walk all paths of sockets into the kernel on both, and print
# side by side on which of them the programs run. Exit 1 if one is missing on ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1")
rc=0
pids=()
for kernel in mainline ours; do
	out=$build/coverage/$kernel
	mkdir -p "$out"
	# Failed tests are for the table to show.
	echo "$build/kselftest/bpf/cgroup_sock/coverage_test >&3 || true" > "$out/job"
	"$vm/vm.sh" "$build/$kernel/bzImage" "$out" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || { echo "coverage: no answers; see above" >&2; exit 1; }
done
"$here/coverage.py" "$build/coverage/mainline/verdict" "$build/coverage/ours/verdict" || rc=1
for kernel in mainline ours; do
	"$vm/splats.sh" "$build/coverage/$kernel/console" || rc=1
done
exit $rc
