#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/send-gcov.sh OBJECTS FILE...
# In the test machine: write to file descriptor 3 how often each line of FILE... ran, which are
# .c files of the kernel whose objects are in OBJECTS: a tar archive, in lines of base64.
set -euo pipefail
objects=$1 counts=$(mktemp -d)
shift
mount -t debugfs none /sys/kernel/debug
for file in "$@"; do
	from=/sys/kernel/debug/gcov/$objects/${file%.c}.gcda
	[ -e "$from" ] || continue	# not in this configuration
	mkdir -p "$counts/$(dirname "$file")"
	# Its size is 0 until it is read.
	cat "$from" > "$counts/${file%.c}.gcda"
done
echo '=== gcov' >&3
tar -C "$counts" -cz . | base64 >&3
echo '=== end of gcov' >&3
