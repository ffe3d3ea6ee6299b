#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: vm/shell.sh BUILD KERNEL
# An interactive shell in the test machine, with cgsock and the tests on its PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1") kernel=$2
mkdir -p "$build/check/shell"
cat > "$build/check/shell/job" <<-JOB
	export PATH=$build/cgsock:$build/kselftest/bpf/cgroup_sock:\$PATH PS1='\\h:\\w# '
	cd /root
	echo "Linux \$(uname -r). On the PATH: cgsock and the tests."
	echo "What you write is gone when you leave, with exit or Ctrl-A X."
	bash --norc -i
JOB
exec "$here/vm.sh" -i "$build/$kernel/bzImage" "$build/check/shell"
