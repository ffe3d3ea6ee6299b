#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: compare/compat.sh BUILD
# Boot two of the kernels in BUILD, ask both the same questions, and compare the answers:
# mainline's and ours where programs have a say, the one without the hooks and ours where they
# have none. compare/*.allowed say which may differ.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1")
rc=0

# usage: compare NAME THEIRS QUESTION...
compare() {
	local name=$1 theirs=$2 start=$SECONDS pids=() kernel out pid
	shift 2
	printf '[%(%H:%M:%S)T] %s on %s and ours ...\n' -1 "$name" "$theirs"
	for kernel in "$theirs" ours; do
		out=$build/compat/$name-$kernel
		mkdir -p "$out"
		echo "$build/compare/$* >&3" > "$out/job"
		"$vm/vm.sh" "$build/$kernel/bzImage" "$out" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || { echo "compat: no answers; see above" >&2; exit 1; }
	done
	"$here/compat.py" "$here/$name.allowed" "$build/compat/$name-$theirs/verdict" \
		"$build/compat/$name-ours/verdict" || rc=1
	for kernel in "$theirs" ours; do
		"$vm/splats.sh" "$build/compat/$name-$kernel/console" || rc=1
	done
	printf '[%(%H:%M:%S)T] %s on %s and ours: %d s\n' -1 "$name" "$theirs" $((SECONDS - start))
}

compare decisions mainline decisions
compare calls mainline calls
compare bystander-none base bystander none
compare bystander-allow base bystander allow
exit $rc
