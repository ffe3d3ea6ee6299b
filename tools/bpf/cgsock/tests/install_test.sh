#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make install: every file is in its place, and every command has a manual page.
# shellcheck disable=SC2317,SC2154 # ok() calls the functions
. ./lib.sh
root=$(mktemp -d)
man=$root/usr/share/man/man8
commands=$(cgsock --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')

has() { # PAGE HEADING: with a line of text below it
	awk -v heading=".SH $2" '
		$0 == heading { getline; while (/^\.(nf|PP)$/) getline; found = !/^\./ && NF }
		END { exit !found }' "$man/$1.8"
}
page() {
	local heading
	for heading in NAME SYNOPSIS DESCRIPTION 'SEE ALSO'; do
		has "$1" "$heading" || { echo "$1.8 has no $heading"; return 1; }
	done
	grep -qx "$1 .. ..*" "$man/$1.8" || { echo "$1.8: its NAME tells nothing"; return 1; }
}

ok "make install" make -C .. OUTPUT="$BUILD" DESTDIR="$root" install
ok "cgsock" says 'cgsock 1' "$root/usr/sbin/cgsock" --version
ok "the unit runs it" grep -q '^Exec.*=/usr/sbin/cgsock ' "$root/lib/systemd/system/cgsock@.service"
ok "completion" bash -n "$root/usr/share/bash-completion/completions/cgsock"
ok "the folder of the files" test -d "$root/etc/cgsock"
ok "the page of cgsock" page cgsock
for command in $commands; do
	ok "the page of cgsock $command" page "cgsock-$command"
done
finish
