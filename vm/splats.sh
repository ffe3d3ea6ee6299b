#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/splats.sh CONSOLE-LOG...
# Show what the kernel complained of on the console; exit 1 if there is anything. The golden
# logs in splats.golden say what counts.
set -uo pipefail
complaints='BUG:|WARNING:|Oops|Kernel panic|Call Trace|general protection fault|KASAN|KCSAN|UBSAN'
complaints+='|INFO: (task|rcu|possible|trying)|rcu: INFO|unreferenced object|refcount_t'
complaints+='|sleeping function called|scheduling while atomic|soft lockup|hard LOCKUP'
complaints+='|suspicious RCU usage|lock held when returning|list_(add|del) corruption'
complaints+='|bad page state|stack segment'
# Not a complaint: the command line, which says what is to happen on one.
benign='(\[[ 0-9.]+\] )?(Kernel command line|Command line): '
found=$(grep -HnE "$complaints" "$@" | grep -vE "^[^:]*:[0-9]+:($benign)")
[ -n "$found" ] || exit 0
printf '%s\n' "$found" | head -n 20
exit 1
