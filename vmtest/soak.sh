#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The long runs, in a VM on each kernel: vmtest/guest/soak.sh for so many seconds. Ends like make check.
# usage: soak.sh [SECONDS]       KERNELS="6.1 6.12"
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-600}
case $seconds in *[!0-9]* | "") echo "soak: SOAK_TIME is a number of seconds, not '$seconds'" >&2; exit 2 ;; esac
out=build/soak.log
mkdir -p build
: >$out
# On this machine's own kernel: ten thousand containers through the OCI wrapper.
tests/stress.sh 10000 | tee -a $out
for kernel in ${KERNELS:-6.1 6.12}; do
	echo "# kernel $kernel, $seconds s" | tee -a $out
	status=0
	# Boot, builds of databases and the ends of the parts come on top.
	KERNEL=$kernel GUEST_ENV="SOAK_TIME=$seconds SEED=${SEED:-$RANDOM}" VM_TIMEOUT=$((seconds * 2 + 300)) \
		vmtest/vm.sh vmtest/guest/soak.sh | tee -a $out || status=$?
	if [ $status != 0 ] && ! grep -q '^not ok' $out; then
		echo "not ok soak-$kernel: exit $status; see build/vm/console.log" | tee -a $out
	fi
done
passed=$(grep -c '^ok ' $out)
failed=$(grep -c '^not ok ' $out)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
