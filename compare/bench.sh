#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: compare/bench.sh BUILD [PEER]
# Run the benchmark on BUILD/base, BUILD/mainline and BUILD/ours, and PEER (a bzImage) if given,
# where the clock counts instructions, twice each to see what repeats; then its threads on the
# first three, on as many CPUs as there are. Put the figures side by side, as tables,
# BUILD/bench/bench.csv and pictures.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/../vm
build=$(realpath "$1") peer=${2:-}
bench=$build/compare/bench
rc=0

run() { # kernel, run, arguments of the benchmark
	local out=$build/bench/$1-$2
	mkdir -p "$out"
	echo "$bench ${*:3} >&3" > "$out/job"
	if [ "$1" = peer ]; then
		"$vm/vm.sh" "$peer" "$out" || return
	else
		"$vm/vm.sh" "$build/$1/bzImage" "$out" || return
	fi
	"$vm/splats.sh" "$out/console"
}

rm -rf "$build"/bench/peer-*
for kernel in base mainline ours ${peer:+peer}; do
	printf '[%(%H:%M:%S)T] instructions on %s ...\n' -1 "$kernel"
	start=$SECONDS pids=()
	for n in 1 2; do
		ACCEL=icount run "$kernel" $n &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || { echo "bench: no figures of $kernel; see above" >&2; exit 1; }
	done
	printf '[%(%H:%M:%S)T] instructions on %s: %d s\n' -1 "$kernel" $((SECONDS - start))

	[ "$kernel" != peer ] || continue
	(
		cd "$build/$kernel"
		for archive in kernel/built-in.a net/built-in.a; do ar t $archive; done | xargs size
	) > "$build/bench/$kernel.size"
done

start=$SECONDS
printf '[%(%H:%M:%S)T] threads on all three, twice ...\n' -1
rm -rf "$build"/bench/*-threads-*
for n in 1 2; do
	for kernel in base mainline ours; do
		ACCEL=parallel SMP=$(nproc) run "$kernel" "threads-$n" threads ||
			{ echo "bench: no figures of threads on $kernel; see above" >&2; rc=1; }
	done
done
printf '[%(%H:%M:%S)T] threads on all three, twice: %d s\n' -1 $((SECONDS - start))

"$here/bench.py" "$build/bench" || rc=1
(cd "$build/bench" && gnuplot "$here/bench.gp")
echo "bench: all figures are in $build/bench/bench.csv, pictures in $build/bench/*.svg"
exit $rc
