#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/vm.sh [-i] [-s SECONDS] KERNEL DIRECTORY
# Boot KERNEL (a bzImage) with the host's root file system, read only, and run DIRECTORY/job in
# it. What it writes to file descriptor 3 lands in DIRECTORY/verdict, the console in
# DIRECTORY/console. With -i the console is this terminal and there is no verdict.
# ACCEL=kvm asks for KVM; the default works everywhere. SMP sets the number of CPUs (2).
# ACCEL=icount is one CPU whose clock counts instructions, ACCEL=parallel lets several run at the
# same time, in which kernels have died while they patched their code.
# shellcheck disable=SC2054 # the commas are QEMU's
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
interactive='' seconds=900
while getopts is: option; do
	case $option in
	i) interactive=1 ;;
	s) seconds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
kernel=$1 directory=$(realpath "$2")
die() { echo "vm: $*" >&2; exit 1; }
[ -f "$kernel" ] || die "no kernel $kernel; 'make kernels' builds it"
[ -f "$directory/job" ] || die "no job in $directory"

case ${ACCEL:-tcg} in
kvm) accel=(-accel kvm -cpu host) ;;
icount) accel=(-accel tcg -icount "shift=0,sleep=off" -cpu max) SMP=1 ;;
parallel) accel=(-accel tcg,thread=multi -cpu max) ;;
*) accel=(-accel tcg,thread=single -cpu max) ;;
esac
cpus=${SMP:-2}
if [ -n "$interactive" ]; then
	console=(-chardev "stdio,id=console,mux=on,signal=off" -mon chardev=console)
	verdict=()
else
	console=(-chardev "file,id=console,path=$directory/console")
	verdict=(-chardev "file,id=verdict,path=$directory/verdict"
		-device virtserialport,chardev=verdict,name=verdict)
	rm -f "$directory/verdict" "$directory/console"
fi
qemu=(qemu-system-x86_64 -machine pc "${accel[@]}" -smp "sockets=$cpus" -m 1G
	-nodefaults -no-reboot -display none
	"${console[@]}" -serial chardev:console
	-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap
	-device virtio-9p-pci,fsdev=root,mount_tag=/dev/root
	-device virtio-serial-pci "${verdict[@]}" -device virtio-rng-pci
	-kernel "$kernel"
	-append "console=ttyS0 root=/dev/root rootfstype=9p
		rootflags=trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144
		dummy.numdummies=0 init=$here/init.sh job=$directory/job ${interactive:+loglevel=4}
		panic=-1 oops=panic panic_on_warn=1")
if [ -n "$interactive" ]; then
	exec "${qemu[@]}"
fi

rc=0
timeout --foreground "$seconds" "${qemu[@]}" < /dev/null || rc=$?
see="see $directory/console"
[ $rc -ne 124 ] || die "the machine was still running after $seconds s and was stopped; $see"
[ $rc -eq 0 ] || die "QEMU failed (exit code $rc)"
# The BIOS tells a kernel without ACPI of one CPU a socket.
grep -q "Brought up 1 node, $cpus CPU" "$directory/console" ||
	die "the kernel did not start $cpus CPUs; $see"
grep -q '^=== end of run 0$' "$directory/verdict" 2>/dev/null && exit 0
if grep -q 'Kernel panic' "$directory/console"; then
	grep -m1 -A12 -E 'Kernel panic|BUG:|WARNING:|Oops' "$directory/console" >&2
	die "the kernel panicked; $see"
fi
tail -n 5 "$directory/console" >&2
grep -q '^=== end of run' "$directory/verdict" 2>/dev/null ||
	die "the run was cut short: the machine stopped before the end of its job; $see"
die "the job failed ($(sed -n 's/^=== //p' "$directory/verdict" | tail -n 1)); $see"
