#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: compare/defects.sh BUILD [PEER]
# Boot BUILD/mainline and BUILD/ours, and PEER (a bzImage) if given, ask each of them whether it
# has the defects that the program "defects" knows, and print their answers side by side. A probe
# that a machine dies of has its answer on the console. Exit 1 if ours has one of the defects.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1") peer=${2:-}
probe=$build/compare/defects
out=$build/defects
die() { echo "defects: $*" >&2; exit 1; }
[ -z "$peer" ] || [ -f "$peer" ] || die "PEER=$peer: there is no such kernel"

# Ask a machine, which writes to $dir, and note the answers; if it dies, go on behind that probe.
ask() {
	local died culprit
	while [ $# -gt 0 ]; do
		echo "$probe $* >&3 || true" > "$dir/job"
		died=''
		"$vm/vm.sh" -s 600 "$kernel" "$dir" > "$dir/vm.log" 2>&1 || died=1
		grep -q 'Run .*init.sh as init' "$dir/console" 2>/dev/null ||
			{ cat "$dir/vm.log" >&2; die "$kernel did not start; see $dir/console"; }
		# Answers come in the order of the questions; the last one may have been its end.
		grep -P '\t' "$dir/verdict" > "$dir/new" || true
		cat "$dir/new" >> "$dir/answers"
		culprit=$1
		while [ $# -gt 0 ] && grep -q "^$1	" "$dir/new"; do
			culprit=$1
			shift
		done
		if [ -n "$died" ]; then
			[ $# -eq 0 ] || { culprit=$1; shift; }
			cp "$dir/console" "$dir/console.$culprit"
			printf '%s\tdied\t%s\n' "$culprit" "$dir/console.$culprit" >> "$dir/answers"
		elif [ $# -gt 0 ]; then
			cat "$dir/vm.log" >&2
			die "no answer to $1; see $dir/console"
		fi
	done
}

mkdir -p "$out"
"$probe" list > "$out/list"
mapfile -t shared < <(awk -F'\t' '$2 == "shared" { print $1 }' "$out/list")
mapfile -t alone < <(awk -F'\t' '$2 == "alone" { print $1 }' "$out/list")
answers=()
for name in mainline ours ${peer:+peer}; do
	kernel=$build/$name/bzImage dir=$out/$name
	[ "$name" != peer ] || kernel=$peer
	rm -rf "$dir"
	mkdir -p "$dir"
	start=$SECONDS
	printf '[%(%H:%M:%S)T] defects of %s, %d boots ...\n' -1 "$name" $((${#alone[@]} + 1))
	ask "${shared[@]}"
	for id in "${alone[@]}"; do
		ask "$id"
	done
	printf '[%(%H:%M:%S)T] defects of %s: %d s\n' -1 "$name" $((SECONDS - start))
	answers+=("$dir/answers")
done
"$here/defects.py" "$out/list" "${answers[@]}" | tee "$out/table.md"
