#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tests that need a memory controller on cgroup v2, in a VM. KERNEL=6.1 chooses the kernel.
# usage: run-tests.sh [NAME...]     names of vmtest/guest/NAME.sh; without, all that guest/all.sh names (engines is
#                                   not among them: it needs docker, podman and containerd, and some minutes)
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
out=build/vm-tests-${KERNEL:=6.1}.log
export KERNEL
mkdir -p build
for name; do
	[ "$name" != engines ] || packaging/deps.sh build engines || exit 1
done
status=0
VM_TIMEOUT=${VM_TIMEOUT:-1800} vmtest/vm.sh vmtest/guest/all.sh "$@" | tee $out || status=$?
passed=$(grep -c '^ok ' $out)
failed=$(grep -c '^not ok ' $out)
if [ $status != 0 ] && [ "$failed" = 0 ]; then
	echo "not ok vm: exit $status; see build/vm/console.log"
	failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
