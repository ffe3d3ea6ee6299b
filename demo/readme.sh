#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: demo/readme.sh README.md
# Types the session at the top of README.md, command by command; runs in the test machine. The
# comment after a command has to be in what the command prints, where all white space counts as one
# space. A command without such a comment has to succeed.
set -uo pipefail
session=$(awk '/^```$/ { n++; next } n == 1' "$1")
said=$(mktemp) command='' commands=0 prompt='#'

while IFS= read -r line; do
	if [ -z "$command" ] && [[ -z $line || $line == '#'* ]]; then
		printf '%s\n' "${line/#'#'/==}"
		continue
	fi
	printf '%s %s\n' "$prompt" "$line"
	command+=$line$'\n' prompt='>'
	# Such as the first line of a loop.
	bash -n <<< "$command" 2> /dev/null || continue
	rc=0 wanted=''
	eval "$command" > "$said" 2>&1 < /dev/null || rc=$?
	cat "$said"
	if [[ $line =~ \ \#\ (.+) ]]; then
		wanted=${BASH_REMATCH[1]} rc=0
		[[ $(tr -s '[:space:]' ' ' < "$said") == *"$wanted"* ]] || rc=1
	fi
	if [ $rc -ne 0 ]; then
		printf '\nTHIS STEP OF README.md FAILED%s: %s' "${wanted:+, as it does not print \"$wanted\"}" "$command"
		exit 1
	fi
	command='' prompt='#' commands=$((commands + 1))
done <<< "$session"
if [ -n "$command" ] || [ $commands -eq 0 ]; then
	echo "README.md begins with no session, or with one that ends in a command: $command"
	exit 1
fi
