#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: tests/run.sh QEMU BUILD KERNEL [NAME...]
# Run the tests of cgsock, all or those named, in the machine of the folder QEMU on
# BUILD/KERNEL/bzImage and judge them. A test is a NAME.sh here that writes TAP.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
qemu=$1 build=$(realpath "$2") kernel=$3
shift 3
out=$build/check/tools-$kernel
mkdir -p "$out"
names=("$@")
if [ $# -eq 0 ]; then
	for test in "$here"/*_test.sh; do
		names+=("$(basename "$test" _test.sh)")
	done
fi
for name in "${names[@]}"; do
	[ -f "$here/${name}_test.sh" ] || { echo "no test $name in $here" >&2; exit 1; }
done
cat > "$out/job" <<-JOB
	export PATH=$build/cgsock:\$PATH BUILD=$build/cgsock
	cd $here
	for name in ${names[*]}; do
		echo "=== begin \$name" >&3
		timeout 300 bash ./\${name}_test.sh >&3 2>&1
		echo "=== exit \$name \$?" >&3
		# What a test pinned is not for the next one.
		umount /sys/fs/bpf
		mount -t bpf none /sys/fs/bpf
	done
JOB
printf '[%(%H:%M:%S)T] cgsock on %s ...\n' -1 "$kernel"
start=$SECONDS
rc=0
"$qemu/vm.sh" -s 1800 "$build/$kernel/bzImage" "$out" || rc=1
"$qemu/judge.sh" "$out" || rc=1
printf '[%(%H:%M:%S)T] cgsock on %s: %d s\n' -1 "$kernel" $((SECONDS - start))
exit $rc
