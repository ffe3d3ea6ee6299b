# SPDX-License-Identifier: GPL-2.0
# What the tests of the firewall share: a cgroup $c with rules.
# shellcheck shell=bash disable=SC2154,SC2086
c=$cgroups/fw
mkdir -p $c/inner
dir=$(mktemp -d)

rules() { printf '%s\n' "$@" > "$dir/rules"; }
set_rules() { rules "$@"; cgsock firewall $c "$dir/rules"; }
allowed() { call -c $c "$@"; }
denied() { refuses 'EPERM' call -c $c "$@"; }
# A connection that nobody takes fails otherwise than by a rule.
passes() { ! call -c $c "$@" | grep EPERM; }
