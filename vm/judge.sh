#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/judge.sh [-r] DIRECTORY
# Judge a run of vm/run-tests.sh from DIRECTORY/verdict and DIRECTORY/console: split the TAP of
# the tests, let prove(1) read it, look for splats on the console. With -r the run was on a
# kernel without the hooks: every single test has to have failed.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
want_red=''
[ "$1" != -r ] || { want_red=1; shift; }
directory=$1 rc=0
rm -rf "$directory/tap"
mkdir -p "$directory/tap"
awk -v out="$directory/tap" '
	$1 == "===" && $2 == "begin" { file = out "/" $3 ".tap"; next }
	$1 == "===" && $2 == "exit" {
		if ($4 != 0) print "# exit code " $4 > file
		file = ""
		next
	}
	file { print > file }
	END { if (file) print "Bail out! The machine stopped in this test" > file }
' "$directory/verdict"
taps=("$directory"/tap/*.tap)
if [ ! -f "${taps[0]}" ]; then
	echo "judge: no test ran; see $directory/console" >&2
	exit 1
fi

if [ -n "$want_red" ]; then
	# The TAP of this run says of each test program whether all of it failed.
	for i in "${!taps[@]}"; do
		planned=$(sed -n 's/^1\.\.//p' "${taps[i]}" | head -n 1)
		failed=$(grep -c '^not ok ' "${taps[i]}")
		if [ "${planned:-0}" -eq 0 ] || [ "$failed" -ne "$planned" ]; then
			grep '^ok ' "${taps[i]}" | head -n 10
			printf 'not '
		fi
		name=$(basename "${taps[i]}" .tap)
		echo "ok $((i + 1)) - $name: $failed of ${planned:-no} tests fail without hooks"
	done | tee "$directory/red"
	mv "$directory"/tap/* "$directory/"
	{ cat "$directory/red"; echo "1..${#taps[@]}"; } > "$directory/tap/red.tap"
	! grep -q '^not ok' "$directory/red" || rc=1
else
	prove --nocolor -e cat "${taps[@]}" || {
		grep -hE -B12 '^not ok ' "${taps[@]}" |
			grep -E '^(not ok|#.*(Expected|:))' | head -n 40
		rc=1
	}
	if grep -HE '^(ok|not ok) .*# SKIP' "${taps[@]}"; then
		echo "judge: a skipped test is a test that did not run" >&2
		rc=1
	fi
fi
"$here/splats.sh" "$directory/console" || rc=1
exit $rc
