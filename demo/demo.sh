#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: demo/demo.sh BUILD
# Boot BUILD/ours/bzImage, type the session of README.md there and then steps.sh, with cgsock on
# the PATH, and show what is typed and what comes out of it as it happens. Every step asserts what
# it shows.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1")
out=$build/check/demo
mkdir -p "$out/tap"
printf 'not ok 1 - demo\n1..1\n' > "$out/tap/demo.tap"
cat > "$out/job" <<-JOB
	export PATH=$build/cgsock:\$PATH
	(bash $here/readme.sh $here/../README.md && exec bash $here/steps.sh) >&3 2>&1
JOB
: > "$out/verdict"
start=$SECONDS
"$vm/vm.sh" -s 180 "$build/ours/bzImage" "$out" &
pid=$!
tail -n +1 -s 0.2 -F --pid=$pid "$out/verdict" 2>/dev/null | grep --line-buffered -v '^=== ' || true
rc=0
wait $pid || rc=1
"$vm/splats.sh" "$out/console" || rc=1
if [ $rc -ne 0 ]; then
	echo "the demo failed after $((SECONDS - start)) s: see the last step above"
	exit 1
fi
printf 'ok 1 - demo\n1..1\n' > "$out/tap/demo.tap"
echo "all steps did what they say; $((SECONDS - start)) s"
