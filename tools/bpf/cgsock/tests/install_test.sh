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
ok "no page has a mistake" mandoc -Tlint -Wwarning "$man"/*.8

# --- the package goes, and units that had rules start without it
drop_in=/etc/systemd/system/web.service.d/cgsock-web.conf
mkdir -p /etc/cgsock
conf() { printf '%s\n' 'unit web.service' "$@" > /etc/cgsock/web.conf; }
conf 'refuse connect tcp any 7'
ok "a unit has rules" cgsock apply web
ok "a newer package" ../before-removal.sh upgrade 2.0
ok "changes nothing" test -e $drop_in
ok "none" says 'web.service has no rules of /etc/cgsock/web.conf' ../before-removal.sh remove
ok "removes the drop-in" test ! -e $drop_in
ok "and what is pinned" is '' "$(ls /sys/fs/bpf/cgsock)"
ok "rules again" cgsock apply web
conf 'refuse conect tcp any 7'
ok "and a mistake in the file" ../before-removal.sh remove
ok "the drop-in goes all the same" test ! -e $drop_in
ok "the file stays" test -e /etc/cgsock/web.conf
finish
