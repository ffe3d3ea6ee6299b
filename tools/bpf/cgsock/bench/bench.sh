#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: bench/bench.sh QEMU BUILD
# What cgsock costs beside what people use instead, in instructions, on mainline's kernel and on
# ours: BUILD/bench-tools/table, and a picture, tools.svg. The machine is that of the folder QEMU,
# on a clock that counts instructions.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
qemu=$1 build=$(realpath "$2")
figures=$build/bench-tools
for kernel in mainline ours; do
	mkdir -p "$figures/$kernel"
	echo "PATH=$build/cgsock:\$PATH bash $here/steps.sh >&3" > "$figures/$kernel/job"
	printf '[%(%H:%M:%S)T] instructions of the tools on %s ...\n' -1 "$kernel"
	ACCEL=icount "$qemu/vm.sh" "$build/$kernel/bzImage" "$figures/$kernel"
	"$qemu/splats.sh" "$figures/$kernel/console"
done
cd "$figures"
# The lines of the two kernels are in the same order.
paste -d ' ' <(grep '^connections ' mainline/verdict) <(grep '^connections ' ours/verdict) |
	awk -v OFS=, '{ print $2, $3, $4, $5, $9, $10 }' > connections.csv
paste -d ' ' <(grep '^connect ' mainline/verdict) <(grep '^connect ' ours/verdict) |
	awk -v OFS=, '{ print $2, $3, $5, $4, $9 }' > connect.csv
{
	echo "Instructions for one connection, and for its ten packets each way:"
	echo
	printf '%5s  %-10s %10s %10s %10s %10s\n' many by mainline packets here packets
	awk -F, '{ printf "%5d  %-10s %10d %10d %10d %10d\n", $1, $2, $3, $4, $5, $6 }' \
		connections.csv
	echo
	echo "Instructions for connect() of a UDP socket:"
	echo
	printf '%5s  %-10s %-8s %10s %10s\n' rules by result mainline here
	awk -F, '{ printf "%5d  %-10s %-8s %10d %10d\n", $1, $2, $3, $4, $5 }' connect.csv
	echo
	echo "The kernel of the test machine has no netfilter. nftables and IPVS need NETFILTER,"
	echo "NETFILTER_ADVANCED, NF_CONNTRACK, NF_NAT, NF_TABLES, NF_TABLES_INET, NFT_NAT,"
	echo "NFT_SOCKET, IP_VS, IP_VS_PROTO_TCP, IP_VS_RR and IP_VS_NFCT."
} | tee table
gnuplot "$here/bench.gp"
