#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/run-tests.sh DIRECTORY [NAME...]
# In the test machine: run the tests of an installed kselftest DIRECTORY, all or those named,
# and write their TAP to file descriptor 3. NAME is that of the program without "_test";
# TEST_ARGS_NAME has the arguments of test NAME, TEST_SECONDS how long each may take.
cd "$1" || exit 1
shift
sed -nE 's/^bpf\/cgroup_sock:(.*)/\1/p' kselftest-list.txt | while read -r program; do
	name=${program%_test}
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	args=TEST_ARGS_${name%.sh}
	echo "=== begin $name"
	start=$SECONDS
	# shellcheck disable=SC2086 # several arguments
	(cd bpf/cgroup_sock && timeout "${TEST_SECONDS:-300}" "./$program" ${!args} 2>&1)
	echo "=== exit $name $? after $((SECONDS - start)) s"
done >&3
