#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Pins that others made.
# shellcheck disable=SC2317,SC2086,SC2154 # ok() calls the functions; there are no blanks in words
. ./lib.sh
c=$cgroups/left
mkdir -p $c
pins=/sys/fs/bpf/cgsock

cgsock deny $c inet6
mv $pins/-left $pins/-left%2
ok "a name that is none of ours" is '' "$(cgsock show)"
mv $pins/-left%2 $pins/-left
cgsock deny --clear $c
ok "nobody else can hold the lock" is '700 0' "$(stat -c '%a %u' $pins)"
rm -r $pins
setpriv --reuid 65534 mkdir $pins
ok "somebody else's directory" refuses 'somebody else can write there' cgsock deny $c inet6
ok "which nobody looks into" refuses 'somebody else can write there' cgsock show
rm -r $pins
ok "without it" cgsock deny $c inet6
cgsock deny --clear $c
finish
