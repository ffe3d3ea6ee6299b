#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The splat scanner against its golden logs, as TAP: bad-* must be found, good-* must not.
cd "$(dirname "$0")" || exit 1
logs=(splats.golden/*)
echo "1..${#logs[@]}"
for i in "${!logs[@]}"; do
	found=good
	./splats.sh "${logs[i]}" > /dev/null || found=bad
	[[ ${logs[i]##*/} == "$found"-* ]] || printf 'not '
	echo "ok $((i + 1)) - ${logs[i]##*/}"
done
