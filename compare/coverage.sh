#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: compare/coverage.sh BUILD [PEER]
# Boot BUILD/mainline and BUILD/ours, and PEER (a bzImage) if given, walk all paths of sockets into
# the kernel on each, and print side by side on which of them the programs run. Exit 1 if one is
# missing on ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1") peer=${2:-}
rc=0
kernels=(mainline ours ${peer:+peer}) pids=()
for kernel in "${kernels[@]}"; do
	out=$build/coverage/$kernel
	mkdir -p "$out"
	image=$build/$kernel/bzImage
	[ "$kernel" != peer ] || image=$peer
	# Kernels after 6.12 have no DCCP, and then no UDP-Lite. The table shows failed tests.
	cat > "$out/job" <<-JOB
		has() { python3 -c "import socket; socket.socket(socket.AF_INET, \$1, \$2)"; }
		has 2 136 || lacks=udplite
		has 6 33 || lacks+=' dccp'
		$build/kselftest/bpf/cgroup_sock/coverage_test \$lacks >&3 || true
	JOB
	"$vm/vm.sh" "$image" "$out" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || { echo "coverage: no answers; see above" >&2; exit 1; }
done
(cd "$build/coverage" && "$here/coverage.py" "${kernels[@]/%//verdict}") || rc=1
for kernel in "${kernels[@]}"; do
	"$vm/splats.sh" "$build/coverage/$kernel/console" || rc=1
done
exit $rc
