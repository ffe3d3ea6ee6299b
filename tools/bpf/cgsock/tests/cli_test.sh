#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The command line: help, version, mistakes, completion.
# shellcheck disable=SC2317,SC2086,SC2154,SC2016 # ok() calls the functions
. ./lib.sh
# The machine has no udev, which makes this link.
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
. ../completion.bash
commands=$(cgsock --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
exits() { local want=$1 rc=0; shift; "$@" > /dev/null 2>&1 || rc=$?; is "$want" $rc; }
complete_it() { # words: what can be the last one
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_cgsock
	echo "${COMPREPLY[*]}"
}

ok "version" says 'cgsock 1' cgsock --version
ok "ten subcommands" is 10 "$(wc -w <<< "$commands")"
ok "no command" exits 2 cgsock
ok "an unknown command" refuses 'there is no command "fire"' cgsock fire
for command in $commands; do
	ok "$command --help" says "usage: cgsock $command" cgsock $command --help
done
for command in apply check deny doctor firewall run show vrf watch; do
	ok "$command: an unknown option" refuses 'unknown option --nothing' cgsock $command --nothing
	ok "$command: exit code 2" exits 2 cgsock $command --nothing
done
without_help() { ! "$@" 2>&1 | grep -e --help; }
ok "a wrong option points to --help" refuses '--help' cgsock vrf --nothing
echo 'default refuse' > /tmp/rules
ok "a wrong value does not" without_help cgsock firewall test /tmp/rules connect tcp 192.0.2.1:65536
ok "nor do others" without_help cgsock vrf --mark x / lo
ok "no line of a help is too long" eval '! grep -n ".\{101\}" ../help/*.txt'
ok "a value is missing" refuses '--mark needs a value' cgsock vrf --mark
ok "completion of a subcommand" is 'firewall' "$(complete_it cgsock "fi")"
ok "of an option" is '--check --clear' "$(complete_it cgsock firewall --c)"
mkdir -p /etc/cgsock && touch /etc/cgsock/{web,db}.conf
ok "of a file" is 'web' "$(complete_it cgsock apply w)"
finish
