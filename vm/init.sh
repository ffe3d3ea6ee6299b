#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# PID 1 of the test machine. The root file system is the host's, read only; a tmpfs over it
# takes what is written. Runs the job that the kernel command line names (job=/path), with the
# verdict channel on file descriptor 3, and says on that channel that it came to the end.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=vt100

mount -t proc none /proc
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root || exit 1
pivot_root . mnt
mount -t proc none /proc
umount -l /mnt
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t tmpfs none /run
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
mount -t tracefs none /sys/kernel/tracing
hostname vm
ip link set lo up
sysctl -qw net.ipv4.ping_group_range='0 2147483647' kernel.printk='4 4 1 7'

job=$(sed -nE 's/.*\bjob=([^ ]+).*/\1/p' /proc/cmdline)
port=$(grep -lx verdict /sys/class/virtio-ports/*/name 2>/dev/null | cut -d/ -f5)
if [ -n "$port" ]; then
	exec 3> "/dev/$port" > /dev/ttyS0 2>&1
	bash "$job" < /dev/null
	echo "=== end of run $?" >&3
	exec 3>&-
else
	setsid -c bash "$job" < /dev/ttyS0 > /dev/ttyS0 2>&1
fi
echo b > /proc/sysrq-trigger
