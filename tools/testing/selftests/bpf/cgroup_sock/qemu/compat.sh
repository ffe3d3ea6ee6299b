#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: qemu/compat.sh BUILD
# Boot BUILD/mainline and BUILD/ours, ask both the same tens of thousands of questions, and
# compare the answers. qemu/compat-*.allowed say which may differ.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
tests=$build/kselftest/bpf/cgroup_sock
rc=0
for question in decisions calls; do
	start=$SECONDS
	printf '[%(%H:%M:%S)T] %s on mainline and ours ...\n' -1 "$question"
	pids=()
	for kernel in mainline ours; do
		out=$build/compat/$question-$kernel
		mkdir -p "$out"
		echo "$tests/$question >&3" > "$out/job"
		"$here/vm.sh" "$build/$kernel/bzImage" "$out" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || { echo "compat: no answers; see above" >&2; exit 1; }
	done
	"$here/compat.py" "$here/compat-$question.allowed" \
		"$build/compat/$question-mainline/verdict" \
		"$build/compat/$question-ours/verdict" || rc=1
	for kernel in mainline ours; do
		"$here/splats.sh" "$build/compat/$question-$kernel/console" || rc=1
	done
	printf '[%(%H:%M:%S)T] %s on mainline and ours: %d s\n' -1 "$question" $((SECONDS - start))
done
exit $rc
