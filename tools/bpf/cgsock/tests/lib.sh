# SPDX-License-Identifier: GPL-2.0
# What the tests share: TAP, and cgroups to try things in. They run in the test machine, with
# cgsock and call on the PATH.
# shellcheck shell=bash disable=SC2034
cgroups=/sys/fs/cgroup
count=0 output='' status=0

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1 rc=0
	shift
	output=$("$@" 2>&1) || rc=$?
	count=$((count + 1))
	if [ $rc -eq 0 ]; then
		echo "ok $count - $name"
		return
	fi
	status=1
	printf '# exit code %d of: %s\n' "$rc" "$*"
	printf '%s\n' "$output" | sed 's/^/# /'
	echo "not ok $count - $name"
}

# says TEXT COMMAND...: it succeeds and prints TEXT; refuses TEXT COMMAND...: it fails so.
says() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || { echo "$out"; return 1; }
	[[ $out == *"$text"* ]] || { echo "wanted: $text"; echo "got: $out"; return 1; }
}
refuses() {
	local text=$1 out rc=0
	shift
	out=$("$@" 2>&1) || rc=$?
	[[ $rc -ne 0 && $out == *"$text"* ]] ||
		{ echo "wanted a failure with: $text"; echo "got ($rc): $out"; return 1; }
}
is() { [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got: $2"; return 1; }; }

# Whether the kernel that runs is the one with our hooks.
ours() { grep -q ' __cgroup_sock_release$' /proc/kallsyms; }

# until_ok COMMAND...: for what another process does soon.
until_ok() {
	local tries
	for ((tries = 0; tries < 200; tries++)); do
		"$@" > /dev/null 2>&1 && return
		sleep 0.05
	done
	echo "never: $*"
	return 1
}

finish() {
	echo "1..$count"
	exit $status
}
