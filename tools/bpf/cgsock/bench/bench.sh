#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: bench/bench.sh QEMU BUILD
# What cgsock costs beside what people use instead, in instructions: BUILD/bench-tools/table. The
# machine is that of the folder QEMU, on a clock that counts instructions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
qemu=$1 build=$(realpath "$2")
for kernel in mainline ours; do
	out=$build/bench-tools/$kernel
	mkdir -p "$out"
	echo "PATH=$build/cgsock:\$PATH bash $here/steps.sh >&3" > "$out/job"
	printf '[%(%H:%M:%S)T] instructions of the tools on %s ...\n' -1 "$kernel"
	ACCEL=icount "$qemu/vm.sh" "$build/$kernel/bzImage" "$out"
	"$qemu/splats.sh" "$out/console"
done
join_columns() { # lines of the two kernels, which are in the same order
	paste -d ' ' <(grep "^$1 " "$build/bench-tools/mainline/verdict") \
		<(grep "^$1 " "$build/bench-tools/ours/verdict")
}
{
	echo "Instructions for one connection, and for its ten packets each way:"
	echo
	printf '%5s  %-10s %12s %10s %12s %10s\n' many by mainline packets here packets
	join_columns connections |
		awk '{ printf "%5d  %-10s %12d %10d %12d %10d\n", $2, $3, $4, $5, $9, $10 }'
	echo
	echo "Instructions for connect() of a UDP socket:"
	echo
	printf '%5s  %-10s %-8s %10s %10s\n' rules by result mainline here
	join_columns connect |
		awk '{ printf "%5d  %-10s %-8s %10d %10d\n", $2, $3, $5, $4, $9 }'
	echo
	echo "The kernel of the test machine has no netfilter. To see nftables and IPVS beside, build it with"
	echo "NETFILTER, NETFILTER_ADVANCED, NF_CONNTRACK, NF_NAT, NF_TABLES, NF_TABLES_INET, NFT_NAT,"
	echo "NFT_SOCKET, IP_VS, IP_VS_PROTO_TCP, IP_VS_RR and IP_VS_NFCT."
} | tee "$build/bench-tools/table"
